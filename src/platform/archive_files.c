/* Uploaded files as members of an archive, "files/ROOM/NAME": what an export takes along, what is
 * believed of an archive, and where it is put. Names, sizes and kinds are those of files.h, in both
 * directions: what could not be brought back is not taken along either. */
#include "base.h"
#include "platform/archive.h"
#include "db/scope.h"
#include "platform/sweep.h"

#define FOLDER         "files/"
#define CHUNK          16384
#define TRIES          3
#define PROGRESS_EVERY 10000

bool archive_is_file(const char *member)
{
    return strncmp(member, FOLDER, sizeof FOLDER - 1) == 0;
}

/* --- export ---------------------------------------------------------------------------------- */

struct taking {
    struct job *job;
    struct pack *pack;
    struct archive_facts *facts;
};

static void leave_out(void *data, const char *room, const char *name, const char *why)
{
    struct taking *taking = data;

    taking->facts->files_left_out++;
    job_progress(taking->job, "left out: file %s%s%s: %s", room, *name ? "/" : "", name, why);
}

static bool cannot_read(const char *room, const char *name, struct err *err)
{
    return err_set(err, ERR_STORAGE, "Cannot read the file %s/%s of the tenant: %s", room, name,
                   strerror(errno));
}

/* All bytes as they are now; *why is what keeps the file out, NULL when it is whole. A file that is
 * too large is not read to its end. */
static bool copy(struct taking *taking, const char *room, const char *name, int fd, int64_t *total,
                 const char **why, struct err *err)
{
    const char *tenant_id = taking->facts->tenant_id;
    char bytes[CHUNK];
    ssize_t n;

    *total = 0;
    *why = files_unfit(tenant_id, room, name, 1, NULL, 0);
    if (!*why && lseek(fd, 0, SEEK_SET) != 0)
        return cannot_read(room, name, err);
    while (!*why && (n = read(fd, bytes, sizeof bytes)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return cannot_read(room, name, err);
        *why = files_unfit(tenant_id, room, name, *total + n, *total == 0 ? bytes : NULL,
                           (size_t)n);
        *total += n;
        if (!pack_write(taking->pack, bytes, (size_t)n, err))
            return false;
    }
    if (!*why && *total == 0)
        *why = files_unfit(tenant_id, room, name, 0, NULL, 0);
    return true;
}

/* Was the file the same at both times, with all of its bytes read? The server never changes a file
 * that has its name, but others might. */
static bool same(const struct stat *before, const struct stat *after, int64_t total)
{
    return after->st_size == total && before->st_size == total &&
           before->st_mtim.tv_sec == after->st_mtim.tv_sec &&
           before->st_mtim.tv_nsec == after->st_mtim.tv_nsec;
}

static bool copy_settled(struct taking *taking, const char *room, const char *name, int fd,
                         int64_t *total, const char **why, struct err *err)
{
    struct stat before, after;

    for (int i = 0; i < TRIES; i++) {
        if (fstat(fd, &before) != 0)
            return cannot_read(room, name, err);
        if (!copy(taking, room, name, fd, total, why, err))
            return false;
        if (fstat(fd, &after) != 0)
            return cannot_read(room, name, err);
        if (!*why && same(&before, &after, *total))
            return true;
        if (!pack_drop(taking->pack, err))
            return false;
        if (*why)
            return true;
    }
    *why = "it changes while it is read";
    return true;
}

static bool take(void *data, const char *room, const char *name, int fd, struct err *err)
{
    struct taking *taking = data;
    struct archive_facts *facts = taking->facts;
    char member[PACK_NAME_MAX + 1];
    const char *why;
    int64_t total;

    if (!copy_settled(taking, room, name, fd, &total, &why, err))
        return false;
    if (why) {
        leave_out(taking, room, name, why);
        return true;
    }
    if (facts->files == ARCHIVE_FILES_MAX)
        return err_set(err, ERR_INTERNAL,
                       "The tenant has more than %d files: export it without them, and copy its "
                       "folder",
                       ARCHIVE_FILES_MAX);
    snprintf(member, sizeof member, FOLDER "%s/%s", room, name);
    if (!pack_member_end(taking->pack, member, -1, err))
        return false;
    facts->file_bytes += total;
    if (++facts->files % PROGRESS_EVERY == 0)
        job_progress(taking->job, "%" PRId64 " files", facts->files);
    return true;
}

bool archive_add_files(struct job *job, struct pack *pack, struct archive_facts *facts)
{
    struct taking taking = {job, pack, facts};
    const struct files_visitor visitor = {take, leave_out, &taking};

    return files_walk(job->conf, facts->tenant_id, &visitor, job->err);
}

/* Logos are left aside: their addresses may be anywhere. The filter is that of the sweeps. */
bool archive_files_away(struct job *job, const struct tenant *tenant, bool *away)
{
    struct scope scope;
    int64_t n = 0;
    bool ok = true;

    *away = false;
    if (files_there(job->conf, tenant->tenant_id))
        return true;
    for (size_t i = 0; ok && i < sweeps_n; i++) {
        const char *member = arena_printf(job->arena, "%s.filename", sweeps[i].list);
        bson_t filter = BSON_INITIALIZER;

        BSON_APPEND_UTF8(&filter, "tenant_id", tenant->tenant_id);
        BCON_APPEND(&filter, member, "{", "$type", "string", "}");
        ok = archive_scope(job, tenant->db_uri, tenant->db_name, &scope) &&
             scope_count(&scope, sweeps[i].collection, &filter, 1, &n, job->err);
        bson_destroy(&filter);
        *away = *away || n > 0;
    }
    return ok;
}

/* --- import ---------------------------------------------------------------------------------- */

/* The two parts behind "files/": `room` is a copy, the name borrowed. False when there are not. */
static bool split(const char *member, char *room, size_t size, const char **name)
{
    const char *start = member + sizeof FOLDER - 1, *slash = strchr(start, '/');

    if (!slash || slash == start || (size_t)(slash - start) >= size || strchr(slash + 1, '/'))
        return false;
    memcpy(room, start, (size_t)(slash - start));
    room[slash - start] = '\0';
    *name = slash + 1;
    return true;
}

static bool bad_file(const char *member, const char *why, struct err *err)
{
    return err_set(err, ERR_BAD_REQUEST, "%.200s: %s", member, why);
}

bool archive_check_file(struct job *job, struct unpack *unpack, const char *tenant_id,
                        const char *member, int64_t bytes)
{
    char room[32], buffer[CHUNK];
    const char *name, *why;
    int64_t total = 0;
    size_t got = 1;

    if (!split(member, room, sizeof room, &name))
        return bad_file(member, "this is no name of a file", job->err);
    if ((why = files_unfit(tenant_id, room, name, bytes, NULL, 0)))
        return bad_file(member, why, job->err);
    while (got > 0) {
        if (!unpack_read(unpack, buffer, sizeof buffer, &got, job->err))
            return false;
        if (total == 0 && (why = files_unfit(tenant_id, room, name, bytes, buffer, got)))
            return bad_file(member, why, job->err);
        total += (int64_t)got;
        if (total > bytes)
            return bad_file(member, "it is longer than announced", job->err);
    }
    return true;
}

bool archive_put_file(struct job *job, struct unpack *unpack, struct files_in *in,
                      const char *from_id, const char *to_id, const char *member)
{
    char room[32], own[FILE_NAME_SIZE], buffer[CHUNK];
    const char *name;
    size_t got = 1;

    if (!split(member, room, sizeof room, &name) || strlen(name) >= sizeof own)
        return bad_file(member, "this is no name of a file", job->err);
    files_name_of(from_id, to_id, name, own);
    if (!files_in_begin(in, room, own, job->err))
        return false;
    while (got > 0)
        if (!unpack_read(unpack, buffer, sizeof buffer, &got, job->err) ||
            !files_in_write(in, buffer, got, job->err))
            return false;
    return files_in_end(in, job->err);
}

/* Tar files by libarchive. No other file knows that library. */
#include "base.h"
#include "platform/archive_pack.h"

#include <archive.h>
#include <archive_entry.h>
#include <sodium.h>

#define CHUNK ((size_t)64 * 1024)

struct pack {
    char *path, *temporary;
    int fd, spool;
    bool replace, finished;
    struct archive *archive;
    struct pack_list members;
    crypto_hash_sha256_state whole, member;
    int64_t bytes; /* of the member so far */
};

/* --- the list of members --------------------------------------------------------------------- */

static void *need(void *memory)
{
    if (!memory)
        die("out of memory: an archive");
    return memory;
}

struct pack_member *pack_list_find(const struct pack_list *list, const char *name)
{
    for (size_t i = 0; i < list->n; i++)
        if (strcmp(list->items[i].name, name) == 0)
            return &list->items[i];
    return NULL;
}

struct pack_member *pack_list_add(struct pack_list *list, const char *name)
{
    struct pack_member *member;

    list->items = need(realloc(list->items, (list->n + 1) * sizeof *list->items));
    member = &list->items[list->n++];
    *member = (struct pack_member){.name = need(strdup(name)), .documents = -1};
    return member;
}

void pack_list_release(struct pack_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        free(list->items[i].name);
    free(list->items);
    *list = (struct pack_list){0};
}

static void hex(char out[static SHA256_HEX_SIZE], crypto_hash_sha256_state *state)
{
    unsigned char digest[crypto_hash_sha256_BYTES];

    crypto_hash_sha256_final(state, digest);
    sodium_bin2hex(out, SHA256_HEX_SIZE, digest, sizeof digest);
}

/* --- writing --------------------------------------------------------------------------------- */

static bool file_error(struct err *err, const char *what, const char *path)
{
    return err_set(err, ERR_INTERNAL, "Cannot %s %s: %s", what, path, strerror(errno));
}

static bool tar_error(struct pack *pack, struct err *err)
{
    const char *why = archive_error_string(pack->archive);

    return err_set(err, ERR_INTERNAL, "Cannot write %s: %s", pack->path, why ? why : "no reason");
}

static bool write_all(int fd, const void *bytes, size_t len)
{
    const char *p = bytes;

    while (len > 0) {
        ssize_t n = write(fd, p, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        p += n;
        len -= (size_t)n;
    }
    return true;
}

static la_ssize_t write_whole(struct archive *archive, void *data, const void *bytes, size_t len)
{
    struct pack *pack = data;

    if (!write_all(pack->fd, bytes, len)) {
        archive_set_error(archive, errno, "%s", strerror(errno));
        return -1;
    }
    crypto_hash_sha256_update(&pack->whole, bytes, len);
    return (la_ssize_t)len;
}

static bool ends_in(const char *path, const char *suffix)
{
    size_t len = strlen(path), more = strlen(suffix);

    return len > more && strcmp(path + len - more, suffix) == 0;
}

static bool begin_tar(struct pack *pack, struct err *err)
{
    pack->archive = need(archive_write_new());
    /* Zeros after the end would be taken for a second, broken, frame by zstd. */
    archive_write_set_bytes_in_last_block(pack->archive, 1);
    if (archive_write_set_format_pax_restricted(pack->archive) != ARCHIVE_OK)
        return tar_error(pack, err);
    if ((ends_in(pack->path, ".gz") || ends_in(pack->path, ".tgz")) &&
        archive_write_add_filter_gzip(pack->archive) != ARCHIVE_OK)
        return tar_error(pack, err);
    if (ends_in(pack->path, ".zst") && archive_write_add_filter_zstd(pack->archive) != ARCHIVE_OK)
        return tar_error(pack, err);
    if (archive_write_open(pack->archive, pack, NULL, write_whole, NULL) != ARCHIVE_OK)
        return tar_error(pack, err);
    return true;
}

/* The folder of a path, malloc'd. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (!slash)
        return need(strdup("."));
    return need(strndup(path, slash == path ? 1 : (size_t)(slash - path)));
}

static bool open_files(struct pack *pack, struct err *err)
{
    char *folder = folder_of(pack->path), suffix[17];

    random_hex(suffix, 8);
    pack->temporary = need(malloc(strlen(pack->path) + sizeof suffix + 8));
    snprintf(pack->temporary, strlen(pack->path) + sizeof suffix + 8, "%s.%s.part", pack->path,
             suffix);
    pack->spool = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (pack->spool < 0)
        file_error(err, "make a file in", folder);
    else if ((pack->fd = open(pack->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) < 0)
        file_error(err, "make", pack->temporary);
    free(folder);
    return pack->fd >= 0;
}

struct pack *pack_create(const char *path, bool replace, struct err *err)
{
    struct pack *pack;

    if (!replace && access(path, F_OK) == 0) {
        err_set(err, ERR_DUPLICATE, "%s is there already", path);
        return NULL;
    }
    pack = need(calloc(1, sizeof *pack));
    pack->path = need(strdup(path));
    pack->fd = pack->spool = -1;
    pack->replace = replace;
    crypto_hash_sha256_init(&pack->whole);
    crypto_hash_sha256_init(&pack->member);
    if (open_files(pack, err) && begin_tar(pack, err))
        return pack;
    pack_free(pack);
    return NULL;
}

bool pack_write(struct pack *pack, const void *bytes, size_t len, struct err *err)
{
    crypto_hash_sha256_update(&pack->member, bytes, len);
    pack->bytes += (int64_t)len;
    return write_all(pack->spool, bytes, len) || file_error(err, "write beside", pack->path);
}

static bool add_header(struct pack *pack, const char *name, struct err *err)
{
    struct archive_entry *entry = need(archive_entry_new());
    bool ok;

    archive_entry_set_pathname(entry, name);
    archive_entry_set_size(entry, pack->bytes);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0600);
    archive_entry_set_mtime(entry, time(NULL), 0);
    ok = archive_write_header(pack->archive, entry) == ARCHIVE_OK || tar_error(pack, err);
    archive_entry_free(entry);
    return ok;
}

static bool copy_spool(struct pack *pack, struct err *err)
{
    char *buffer = need(malloc(CHUNK));
    int64_t left = pack->bytes;
    bool ok = lseek(pack->spool, 0, SEEK_SET) == 0 || file_error(err, "read beside", pack->path);

    while (ok && left > 0) {
        ssize_t n = read(pack->spool, buffer, CHUNK);

        if (n < 0 && errno == EINTR)
            continue;
        ok = n > 0 || file_error(err, "read beside", pack->path);
        ok = ok &&
             (archive_write_data(pack->archive, buffer, (size_t)n) == n || tar_error(pack, err));
        left -= ok ? n : 0;
    }
    free(buffer);
    return ok;
}

bool pack_member_end(struct pack *pack, const char *name, int64_t documents, struct err *err)
{
    struct pack_member *member;

    if (pack->members.n == PACK_MEMBERS_MAX || strlen(name) > PACK_NAME_MAX)
        return err_set(err, ERR_INTERNAL, "Too many collections, or too long a name: %s", name);
    if (!add_header(pack, name, err) || !copy_spool(pack, err))
        return false;
    if (ftruncate(pack->spool, 0) != 0 || lseek(pack->spool, 0, SEEK_SET) != 0)
        return file_error(err, "write beside", pack->path);
    member = pack_list_add(&pack->members, name);
    member->bytes = pack->bytes;
    member->documents = documents;
    hex(member->sha256, &pack->member);
    crypto_hash_sha256_init(&pack->member);
    pack->bytes = 0;
    return true;
}

const struct pack_list *pack_members(const struct pack *pack)
{
    return &pack->members;
}

/* Without `replace` a file that came meanwhile stays: link() never replaces. */
static bool give_name(struct pack *pack, struct err *err)
{
    char *folder;
    int dir;
    bool ok;

    if (pack->replace) {
        if (rename(pack->temporary, pack->path) != 0)
            return file_error(err, "make", pack->path);
    } else if (link(pack->temporary, pack->path) != 0) {
        return file_error(err, "make", pack->path);
    } else {
        unlink(pack->temporary);
    }
    pack->finished = true;
    folder = folder_of(pack->path);
    dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ok = (dir >= 0 && fsync(dir) == 0) || file_error(err, "make durable", folder);
    if (dir >= 0)
        close(dir);
    free(folder);
    return ok;
}

bool pack_finish(struct pack *pack, char sha256[static SHA256_HEX_SIZE], struct err *err)
{
    if (archive_write_close(pack->archive) != ARCHIVE_OK)
        return tar_error(pack, err);
    if (fsync(pack->fd) != 0)
        return file_error(err, "make durable", pack->path);
    hex(sha256, &pack->whole);
    return give_name(pack, err);
}

void pack_free(struct pack *pack)
{
    if (!pack)
        return;
    /* What is left to write must not reach a file that is going away, or fail for want of room. */
    if (pack->archive && !pack->finished)
        archive_write_fail(pack->archive);
    if (pack->archive)
        archive_write_free(pack->archive);
    if (!pack->finished && pack->fd >= 0)
        unlink(pack->temporary);
    if (pack->fd >= 0)
        close(pack->fd);
    if (pack->spool >= 0)
        close(pack->spool);
    pack_list_release(&pack->members);
    free(pack->path);
    free(pack->temporary);
    free(pack);
}

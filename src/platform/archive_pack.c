/* Tar files by libarchive. No other file knows that library. */
#include "base.h"
#include "platform/archive_pack.h"

#include <archive.h>
#include <archive_entry.h>
#include <sodium.h>

#define CHUNK ((size_t)64 * 1024)

struct pack {
    char *path;
    int fd, spool;
    bool replace;
    struct archive *archive;
    struct pack_list members;
    crypto_hash_sha256_state whole, member;
    int64_t bytes; /* of the member so far */
};

static void *need(void *memory)
{
    if (!memory)
        die("out of memory: an archive");
    return memory;
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

/* Both without a name: what is not finished goes with the process. */
static bool open_files(struct pack *pack, struct err *err)
{
    char *folder = folder_of(pack->path);

    pack->spool = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    pack->fd = pack->spool < 0 ? -1 : open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
    if (pack->fd < 0)
        file_error(err, "make a file in", folder);
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

bool pack_drop(struct pack *pack, struct err *err)
{
    crypto_hash_sha256_init(&pack->member);
    pack->bytes = 0;
    return (ftruncate(pack->spool, 0) == 0 && lseek(pack->spool, 0, SEEK_SET) == 0) ||
           file_error(err, "write beside", pack->path);
}

bool pack_member_end(struct pack *pack, const char *name, int64_t documents, struct err *err)
{
    struct pack_member *member;

    if (pack->members.n == PACK_MEMBERS_MAX || strlen(name) > PACK_NAME_MAX)
        return err_set(err, ERR_INTERNAL, "Too many members, or too long a name: %s", name);
    if (!add_header(pack, name, err) || !copy_spool(pack, err))
        return false;
    member = pack_list_add(&pack->members, name);
    member->bytes = pack->bytes;
    member->documents = documents;
    hex(member->sha256, &pack->member);
    return pack_drop(pack, err);
}

const struct pack_list *pack_members(const struct pack *pack)
{
    return &pack->members;
}

/* Links the file to a name. A name that is there stays: a link never replaces. */
static bool link_to(struct pack *pack, const char *name, struct err *err)
{
    char self[32];

    snprintf(self, sizeof self, "/proc/self/fd/%d", pack->fd);
    return linkat(AT_FDCWD, self, AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0 ||
           file_error(err, "make", name);
}

/* In place of what is there: a name of its own first, which then takes the other's. */
static bool take_place(struct pack *pack, struct err *err)
{
    size_t room = strlen(pack->path) + 32;
    char *temporary = need(malloc(room)), suffix[17];
    bool ok;

    random_hex(suffix, 8);
    snprintf(temporary, room, "%s.%s.part", pack->path, suffix);
    ok = link_to(pack, temporary, err);
    if (ok && rename(temporary, pack->path) != 0) {
        ok = file_error(err, "make", pack->path);
        unlink(temporary);
    }
    free(temporary);
    return ok;
}

static bool give_name(struct pack *pack, struct err *err)
{
    char *folder;
    int dir;
    bool ok;

    if (!(pack->replace ? take_place(pack, err) : link_to(pack, pack->path, err)))
        return false;
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
    /* Of one that is not finished the rest is written, which the library needs to free all; it goes
     * with the file. */
    if (pack->archive)
        archive_write_free(pack->archive);
    if (pack->fd >= 0)
        close(pack->fd);
    if (pack->spool >= 0)
        close(pack->spool);
    pack_list_release(&pack->members);
    free(pack->path);
    free(pack);
}

/* Tar files by libarchive, read: plain files only, in the order in which they come. */
#include "base.h"
#include "platform/archive_pack.h"

#include <archive.h>
#include <archive_entry.h>
#include <sodium.h>

#define CHUNK ((size_t)64 * 1024)

struct unpack {
    char *path;
    int fd;
    struct archive *archive;
    char name[PACK_NAME_MAX + 1];
    int64_t bytes, seen; /* of the member: announced, read */
    size_t members;
    crypto_hash_sha256_state member;
};

static bool damaged(const struct unpack *unpack, struct err *err)
{
    const char *why = archive_error_string(unpack->archive);

    return err_set(err, ERR_BAD_REQUEST, "%s is damaged: %s", unpack->path,
                   why ? why : "it ends too early");
}

static bool begin(struct unpack *unpack, struct err *err)
{
    if (unpack->archive)
        archive_read_free(unpack->archive);
    unpack->members = 0;
    unpack->name[0] = '\0';
    unpack->bytes = unpack->seen = 0;
    unpack->archive = archive_read_new();
    if (!unpack->archive)
        die("out of memory: an archive");
    archive_read_support_format_tar(unpack->archive);
    archive_read_support_filter_gzip(unpack->archive);
    archive_read_support_filter_zstd(unpack->archive);
    if (lseek(unpack->fd, 0, SEEK_SET) != 0 ||
        archive_read_open_fd(unpack->archive, unpack->fd, CHUNK) != ARCHIVE_OK)
        return damaged(unpack, err);
    return true;
}

static bool hash_file(struct unpack *unpack, char sha256[static SHA256_HEX_SIZE], struct err *err)
{
    unsigned char digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_state state;
    char *buffer = malloc(CHUNK);
    ssize_t n;

    if (!buffer)
        die("out of memory: an archive");
    crypto_hash_sha256_init(&state);
    while ((n = read(unpack->fd, buffer, CHUNK)) > 0 || (n < 0 && errno == EINTR))
        if (n > 0)
            crypto_hash_sha256_update(&state, (unsigned char *)buffer, (size_t)n);
    free(buffer);
    if (n < 0)
        return err_set(err, ERR_INTERNAL, "Cannot read %s: %s", unpack->path, strerror(errno));
    crypto_hash_sha256_final(&state, digest);
    sodium_bin2hex(sha256, SHA256_HEX_SIZE, digest, sizeof digest);
    return true;
}

struct unpack *unpack_open(const char *path, char sha256[static SHA256_HEX_SIZE], struct err *err)
{
    struct unpack *unpack = calloc(1, sizeof *unpack);
    struct stat is;

    if (!unpack || !(unpack->path = strdup(path)))
        die("out of memory: an archive");
    unpack->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (unpack->fd < 0 || fstat(unpack->fd, &is) != 0)
        err_set(err, ERR_NOT_FOUND, "Cannot read %s: %s", path, strerror(errno));
    else if (!S_ISREG(is.st_mode))
        err_set(err, ERR_NOT_FOUND, "%s is not a file: an archive is read twice", path);
    else if (hash_file(unpack, sha256, err) && begin(unpack, err))
        return unpack;
    unpack_free(unpack);
    return NULL;
}

bool unpack_rewind(struct unpack *unpack, struct err *err)
{
    return begin(unpack, err);
}

static bool take_entry(struct unpack *unpack, struct archive_entry *entry, struct err *err)
{
    const char *name = archive_entry_pathname(entry);
    size_t len = name ? strlen(name) : 0;

    if (len == 0 || len > PACK_NAME_MAX)
        return err_set(err, ERR_BAD_REQUEST, "%s: member %zu has no usable name", unpack->path,
                       unpack->members);
    memcpy(unpack->name, name, len + 1);
    if (archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry) ||
        archive_entry_symlink(entry) || !archive_entry_size_is_set(entry) ||
        archive_entry_size(entry) < 0)
        return err_set(err, ERR_BAD_REQUEST, "%s: member %zu is not a plain file", unpack->path,
                       unpack->members);
    unpack->bytes = archive_entry_size(entry);
    unpack->seen = 0;
    crypto_hash_sha256_init(&unpack->member);
    return true;
}

bool unpack_next(struct unpack *unpack, const char **name, int64_t *bytes, struct err *err)
{
    struct archive_entry *entry;
    int result = archive_read_next_header(unpack->archive, &entry);

    *name = NULL;
    *bytes = 0;
    if (result == ARCHIVE_EOF)
        return true;
    if (result != ARCHIVE_OK)
        return damaged(unpack, err);
    if (++unpack->members > PACK_MEMBERS_MAX)
        return err_set(err, ERR_BAD_REQUEST, "%s has more than %d members", unpack->path,
                       PACK_MEMBERS_MAX);
    if (!take_entry(unpack, entry, err))
        return false;
    *name = unpack->name;
    *bytes = unpack->bytes;
    return true;
}

bool unpack_read(struct unpack *unpack, void *out, size_t cap, size_t *got, struct err *err)
{
    la_ssize_t n = archive_read_data(unpack->archive, out, cap);

    *got = 0;
    if (n < 0)
        return damaged(unpack, err);
    if (n == 0 && unpack->seen != unpack->bytes)
        return err_set(err, ERR_BAD_REQUEST, "%s is damaged: %.200s ends too early", unpack->path,
                       unpack->name);
    *got = (size_t)n;
    unpack->seen += n;
    crypto_hash_sha256_update(&unpack->member, out, (size_t)n);
    return true;
}

void unpack_sha256(struct unpack *unpack, char out[static SHA256_HEX_SIZE])
{
    unsigned char digest[crypto_hash_sha256_BYTES];

    crypto_hash_sha256_final(&unpack->member, digest);
    sodium_bin2hex(out, SHA256_HEX_SIZE, digest, sizeof digest);
}

void unpack_free(struct unpack *unpack)
{
    if (!unpack)
        return;
    if (unpack->archive)
        archive_read_free(unpack->archive);
    if (unpack->fd >= 0)
        close(unpack->fd);
    free(unpack->path);
    free(unpack);
}

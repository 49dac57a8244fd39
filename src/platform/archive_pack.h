/* The container of an archive: a tar file whose members are hashed as they pass.
 *
 * What is written has no name until it is whole: a reader never finds half a file, and nothing is
 * left of one that was not finished. A member's size must be known before its bytes, so each is
 * written to a nameless file first: memory stays bounded, the disk must hold the largest member
 * twice. Reading trusts nothing: a member that
 * is not a plain file of an expected name ends it. What the members hold is not this room's matter.
 */
#ifndef ERP_PLATFORM_ARCHIVE_PACK_H
#define ERP_PLATFORM_ARCHIVE_PACK_H

#include "core/err.h"
#include "core/id.h"

#define PACK_MEMBERS_MAX 210000
#define PACK_NAME_MAX    700 /* a collection's name, escaped, with folder and suffix */

struct pack_member {
    char *name;
    int64_t bytes;
    int64_t documents; /* -1: it holds none */
    char sha256[SHA256_HEX_SIZE];
};

struct pack_list {
    struct pack_member *items; /* malloc'd, with their names */
    size_t n, room;
    uint32_t *slots; /* by hash of the name: index + 1, 0 free; a power of two, half of it free */
    size_t n_slots;
};

/* NULL when there is no such member. */
struct pack_member *pack_list_find(const struct pack_list *list, const char *name);
/* Adds an empty member, borrowed until the next call. */
struct pack_member *pack_list_add(struct pack_list *list, const char *name);
void pack_list_release(struct pack_list *list);

/* --- writing --------------------------------------------------------------------------------- */

struct pack;

/* Begins the file at `path`, mode 0600, compressed when it ends in .gz, .tgz or .zst. NULL when it
 * exists and `replace` is false (ERR_DUPLICATE), or cannot be made. */
struct pack *pack_create(const char *path, bool replace, struct err *err);

/* Bytes of the next member; a member may be empty. */
bool pack_write(struct pack *pack, const void *bytes, size_t len, struct err *err);
/* Forgets the bytes of the next member. */
bool pack_drop(struct pack *pack, struct err *err);
/* Ends the member. `documents` is noted in the list. */
bool pack_member_end(struct pack *pack, const char *name, int64_t documents, struct err *err);
/* The members so far, borrowed. */
const struct pack_list *pack_members(const struct pack *pack);

/* Makes the file durable and gives it its name; its SHA-256 is in `sha256`. */
bool pack_finish(struct pack *pack, char sha256[static SHA256_HEX_SIZE], struct err *err);
/* Removes what was not finished. NULL is accepted. */
void pack_free(struct pack *pack);

/* --- reading --------------------------------------------------------------------------------- */

struct unpack;

/* NULL when the file cannot be read (ERR_NOT_FOUND). Its SHA-256 goes to `sha256`. */
struct unpack *unpack_open(const char *path, char sha256[static SHA256_HEX_SIZE], struct err *err);
/* Begins again with the first member. */
bool unpack_rewind(struct unpack *unpack, struct err *err);
/* The next member's name, borrowed until the next call (NULL at the end) and its size. */
bool unpack_next(struct unpack *unpack, const char **name, int64_t *bytes, struct err *err);
/* At most `cap` bytes of the member; *got 0 at its end. */
bool unpack_read(struct unpack *unpack, void *out, size_t cap, size_t *got, struct err *err);
/* Of the member, which has been read to its end. */
void unpack_sha256(struct unpack *unpack, char out[static SHA256_HEX_SIZE]);
void unpack_free(struct unpack *unpack);

#endif

/* One business in one file, and back.
 *
 * The file is a tar (archive_pack.h) of: entry.bson, the registry entry without db_uri and anything
 * sealed; collections.bson, a document a collection with its options and indexes; data/ and audit/,
 * the collections of the two databases as mongodump writes them (NAME.bson, NAME.metadata.json);
 * users/users.bson, the business's users with their password hashes; files/ROOM/NAME, what people
 * uploaded (files.h); manifest.json, with counts and the SHA-256 of each member; and
 * manifest.sha256. Hashes make the file a secret: mode 0600.
 *
 * Each database is read at one moment, and the files after them: what a record names was stored
 * before the record. Nothing here asks who may: callers are the operator's.
 */
#ifndef ERP_PLATFORM_ARCHIVE_H
#define ERP_PLATFORM_ARCHIVE_H

#include "platform/archive_pack.h"
#include "platform/files.h"
#include "platform/job.h"

#define ARCHIVE_VERSION         2 /* 1 had no files */
#define ARCHIVE_COLLECTIONS_MAX 4096
#define ARCHIVE_FILES_MAX       200000

/* What an archive holds. */
struct archive_facts {
    char slug[SLUG_MAX + 1];
    char tenant_id[64];
    char db_name[64];
    char sha256[SHA256_HEX_SIZE]; /* of the whole file */
    int64_t collections;          /* of the tenant's own database */
    int64_t documents;
    int64_t audit_entries;
    int64_t users;
    int64_t left_out; /* views and time series, which are not taken along */
    bool with_files;  /* false: they were left out, or the archive is of a time before them */
    int64_t files, file_bytes;
    int64_t files_left_out; /* of an export: what is no file of the server's, changed or went */
    bool files_away;        /* … records name files, and the tenant has no folder at all */
    bool own_account; /* of an import: the tenant has a MongoDB account of its own */
};

enum archive_flags {
    ARCHIVE_REPLACE = 1, /* a file that is there, when the new one is whole */
    ARCHIVE_NO_FILES = 2 /* leave out what people uploaded */
};

/* Writes the archive of a tenant, whatever its status. ERR_DUPLICATE; ERR_STATE on a host without
 * the folder of files. */
bool archive_export(struct job *job, const char *slug, const char *path, unsigned flags,
                    struct archive_facts *facts);

/* Reads all of a file and compares it with its manifest: ERR_BAD_REQUEST says what is wrong. Needs
 * no database; of `job` only arena, err and progress are used. */
bool archive_verify(struct job *job, const char *path, struct archive_facts *facts);

/* What becomes of an archive. */
struct archive_target {
    const char *slug;        /* NULL: the archive's */
    const char *db_name;     /* NULL: the archive's, or of a copy TYPE_SLUG_db */
    const char *uri;         /* its account makes the tenant's own, if it may; NULL: MONGO_URL */
    bool copy;               /* beside the live one: a tenant_id of its own, an empty audit log */
    bool no_files;           /* leave the archive's files out */
    const char *admin_email; /* of a copy: its only user, since an email belongs to one user */
    const char *admin_hash;
};

/* Makes a tenant of an archive, which is verified first; facts say what was in it. The tenant is
 * `provisioning` until all is there. Killed or failed before that, the same call begins anew: it
 * removes what the earlier one had brought and nothing else. Files that are there already stay, or
 * become the archive's where it has them too. ERR_DUPLICATE, ERR_IN_USE when the slug, the id, the
 * database or a user is there already; ERR_STATE when there are files and no folder for them. */
bool archive_import(struct job *job, const char *path, const struct archive_target *target,
                    struct archive_facts *facts);

/* --- shared by the files of archives --------------------------------------------------------- */

/* A registry entry as stored and as read, both in the arena. ERR_TENANT_NOT_FOUND. */
bool archive_entry(struct job *job, const char *slug, const bson_t **doc, struct tenant **tenant);

/* A scope for reading or writing a whole database: its time is that of long work. */
bool archive_scope(struct job *job, const char *uri, const char *db_name, struct scope *scope);

/* Documents of the member at hand, one after another. */
struct archive_reader {
    struct unpack *unpack;
    const char *name;
    int64_t left;  /* bytes */
    int64_t count; /* documents so far */
    uint8_t *buffer;
};

void archive_reader_init(struct archive_reader *reader, struct unpack *unpack, const char *name,
                         int64_t bytes);
/* `doc` lives until the next call; *end at the end of the member. Each is checked down to its
 * innermost value: lengths, depth, an _id. */
bool archive_read_doc(struct archive_reader *reader, bson_t *doc, bool *end, struct err *err);
void archive_reader_release(struct archive_reader *reader);

/* The collection's name in a member's: "data/a%2Fb.bson" -> "a/b", arena-owned; NULL when the
 * member is no collection of that folder. */
const char *archive_collection(struct arena *arena, const char *member, const char *folder);

/* archive_files.c. Is this a member of files? */
bool archive_is_file(const char *member);
/* Adds the tenant's files and counts them. */
bool archive_add_files(struct job *job, struct pack *pack, struct archive_facts *facts);
/* Without a folder of the tenant: should there be one? Round trips: 2, and none with a folder. */
bool archive_files_away(struct job *job, const struct tenant *tenant, bool *away);
/* Reads the member at hand to its end: can the server have stored it as a file of this tenant? */
bool archive_check_file(struct job *job, struct unpack *unpack, const char *tenant_id,
                        const char *member, int64_t bytes);
/* Stores it as a file of another, or the same, tenant. */
bool archive_put_file(struct job *job, struct unpack *unpack, struct files_in *in,
                      const char *from_id, const char *to_id, const char *member);

/* A member of a document, borrowed; NULL when it is no text. */
const char *archive_text(const bson_t *doc, const char *key);

#endif

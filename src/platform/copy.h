/* Copies of collections between databases, and what it takes to prove that they are the same.
 *
 * Documents are replaced by their _id, so everything here may be repeated after an end at any
 * moment. Nothing holds a collection in memory: it is read in chunks, each with a fresh scope.
 * Scopes are an operator's, without a tenant: `tenant_id` of an end narrows what is read there.
 */
#ifndef ERP_PLATFORM_COPY_H
#define ERP_PLATFORM_COPY_H

#include "core/id.h"
#include "platform/job.h"

#define COPY_MARKS "erp_marks" /* our own, never copied */
/* Worked out from others, also by who only reads (trade/sales_days.h): no difference of two sides,
 * and not right in a shared database, where an earlier system may write the others. */
#define COPY_SUMS  "sales_days"

struct copy_end {
    const char *uri, *db_name;
    const char *tenant_id; /* NULL: everything in the database is the tenant's */
};

struct copy_pair {
    struct copy_end from, to;
};

bool copy_scope(const struct job *job, const struct copy_end *end, struct scope *scope);

/* Is this collection business data? Not the server's, not ours; of a shared database also not the
 * accounts. */
bool copy_wanted(const struct copy_end *end, const char *collection);

/* The names of those, in the arena. ERR_STATE when there are more than the server tells at once
 * (50,000). */
bool copy_names(const struct job *job, const struct copy_end *end, const char ***names, size_t *n);

/* Makes the target's indexes as the source has them. Best before documents are there. */
bool copy_indexes(const struct job *job, const struct copy_pair *pair, const char *collection);

/* ---- reading, in the order of _id ---- */

struct copy_reader;

/* `after` (may be NULL) is {_id: …}: what comes first is behind it. */
struct copy_reader *copy_reader_new(const struct job *job, const struct copy_end *end,
                                    const char *collection, const bson_t *after);
void copy_reader_free(struct copy_reader *reader);
/* The next chunk's documents, arena of the reader, valid until the next call; *n 0 at the end. */
bool copy_read(struct copy_reader *reader, const bson_t ***docs, size_t *n);

/* {_id: …} of a document, in `out`, which is initialised. False when it has none. */
bool copy_key(const bson_t *doc, bson_t *out);

bool copy_count(const struct job *job, const struct copy_end *end, const char *collection,
                int64_t *n);

/* Has it an index by which the server removes documents when their time comes? */
bool copy_expires(const struct job *job, const struct copy_end *end, const char *collection,
                  bool *expires);

/* ---- writing ---- */

/* Puts documents as they are, or takes away those whose keys ({_id: …}) are given. When a unique
 * index refuses one, which can only be a moment's state of a copy that is being caught up, the
 * unique indexes of the collection go; copy_indexes makes them again. */
bool copy_put(const struct job *job, const struct copy_end *end, const char *collection,
              const bson_t *const *docs, size_t n);
bool copy_remove(const struct job *job, const struct copy_end *end, const char *collection,
                 const bson_t *const *keys, size_t n);

/* ---- comparing ---- */

/* Counts and hashes one side: SHA-256 over the raw BSON in the order of _id. */
bool copy_hash(const struct job *job, const struct copy_end *end, const char *collection,
               int64_t *count, char sha256[static SHA256_HEX_SIZE]);

struct copy_check {
    int64_t from, to; /* documents */
    int64_t differ;   /* of the source, that the target has otherwise or not at all */
    char from_sha256[SHA256_HEX_SIZE], to_sha256[SHA256_HEX_SIZE]; /* see copy_compare */
};

/* Compares a collection, document by document, and hashes both sides: SHA-256 over the raw BSON in
 * the order of _id. `differs` (may be NULL) is told the key of each that differs, also those that
 * only the target has. `hash` false: the hashes are left empty. */
bool copy_compare(const struct job *job, const struct copy_pair *pair, const char *collection,
                  bool hash, struct copy_check *check,
                  void (*differs)(void *data, const char *collection, const bson_t *key),
                  void *data);

/* The documents of these keys (500 at most): same[i] says whether both sides have the same, or
 * neither has one. */
bool copy_same(const struct job *job, const struct copy_pair *pair, const char *collection,
               const bson_t *const *keys, size_t n, bool *same);

/* Makes the target have what the source has of these keys (500 at most), or has not. */
bool copy_carry(const struct job *job, const struct copy_pair *pair, const char *collection,
                const bson_t *const *keys, size_t n);

#endif

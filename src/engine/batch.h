/* Many records at once, each row reported: for bulk requests and CSV import.
 *
 * Rows are stored in transactions of at most BATCH_MAX each. For every row holds what POST, PATCH
 * and DELETE promise for one record: branch, references, unique values, the licence's limit,
 * numbers, derived values, entity tags, an audit entry. A row that breaks a rule is left out and
 * says why; the others are stored (unless the batch is atomic).
 *
 * Round trips a transaction, whatever its rows: one a reference's field (two where a branch's
 * assignments are asked as well), one a unique index, one a number series, two for a limit, then
 * one insertion of the records, one of the audit entries, and the commit. Changes add one to read
 * the records and one to read what came of it; deletions one to read them and one a field that may
 * refer to them.
 */
#ifndef ERP_ENGINE_BATCH_H
#define ERP_ENGINE_BATCH_H

#include "db/scope.h"
#include "engine/resource.h"

#define BATCH_MAX 1000 /* rows of one transaction */

enum batch_op { BATCH_CREATE, BATCH_PATCH, BATCH_DELETE };

struct batch_row {
    bson_t *set;          /* create, patch: the checked fields (engine/validate.h), arena-owned;
                             a create gets the branch of who is bound to one. Delete: NULL */
    const char *id;       /* patch, delete: whose. Create: NULL for a new one, which is set here */
    const char *if_match; /* patch, delete: an entity tag as in If-Match; NULL: no condition */
    struct err *err;      /* why it was not stored. Set beforehand: the row is left out */
    const bson_t *result; /* out: the record afterwards, arena-owned; NULL: deleted, not stored */
    bool done;            /* out: it was stored (with dry_run: it could be) */
};

struct batch {
    enum batch_op op;
    const struct resource *resource;
    struct scope *scope;
    struct kind_env env;
    const char *actor, *impersonated_by, *request_id; /* of the audit entries; may be NULL */
    int64_t limit; /* limit_of(): how many records the licence allows; negative: no limit */
    bool atomic;   /* all rows or none, in one transaction: at most BATCH_MAX of them */
    bool dry_run;  /* every rule is asked and nothing is stored; no number is taken */
};

/* Fills `batch` from a request for req->route->resource (not atomic, not dry), and sees to the
 * resource's indexes. */
bool batch_open(struct req *req, enum batch_op op, struct batch *batch, struct err *err);

/* `n` empty rows whose errors are initialised and die with the arena. */
struct batch_row *batch_rows(struct arena *arena, size_t n);

/* Stores the rows. True when every row was either stored or refused by a rule; *stored counts the
 * former, which is 0 when the batch is atomic and any row was refused. False with `err` set when
 * the database failed: rows that are `done` (of transactions before that) are stored, no others. */
bool batch_run(const struct batch *batch, struct batch_row *rows, size_t n, size_t *stored,
               struct err *err);

#endif

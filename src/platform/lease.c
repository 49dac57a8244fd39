/* Leases by one update that the server decides: it writes the holder of before back while the
 * lease of somebody else lasts. */
#include "base.h"
#include "platform/lease.h"

static bson_t *taking_update(const char *holder, int seconds)
{
    bson_t *free_now = BCON_NEW("$or", "[", "{", "$eq", "[", "$holder", BCON_UTF8(holder), "]", "}",
                                "{", "$lt", "[", "{", "$ifNull", "[", "$until", BCON_DATE_TIME(0),
                                "]", "}", "$$NOW", "]", "}", "]");
    bson_t *update = BCON_NEW(
        "0", "{", "$set", "{", "holder", "{", "$cond", "[", BCON_DOCUMENT(free_now),
        BCON_UTF8(holder), "$holder", "]", "}", "until", "{", "$cond", "[",
        BCON_DOCUMENT(free_now), "{", "$add", "[", "$$NOW", BCON_INT64(seconds * INT64_C(1000)),
        "]", "}", "$until", "]", "}", "}", "}");

    bson_destroy(free_now);
    return update;
}

bool lease_take(const struct job *job, const char *name, const char *holder, int seconds,
                bool *held)
{
    bson_t *filter = BCON_NEW("_id", BCON_UTF8(name));
    bson_t *update = taking_update(holder, seconds);
    const bson_t *doc = NULL;
    struct scope scope;
    bson_iter_t it;
    bool ok = job_registry(job, &scope) &&
              scope_find_and_update(&scope, LEASES, filter, update, true, true, NULL, &doc,
                                    job->err);

    bson_destroy(filter);
    bson_destroy(update);
    *held = ok && doc && bson_iter_init_find(&it, doc, "holder") && BSON_ITER_HOLDS_UTF8(&it) &&
            strcmp(bson_iter_utf8(&it, NULL), holder) == 0;
    if (!ok && job->err->code == ERR_DUPLICATE) {
        err_clear(job->err); /* two made the first one at once */
        return true;
    }
    return ok;
}

void lease_drop(const struct job *job, const char *name, const char *holder)
{
    bson_t *filter = BCON_NEW("_id", BCON_UTF8(name), "holder", BCON_UTF8(holder));
    struct scope scope;
    int64_t deleted;

    if (job_registry(job, &scope))
        scope_delete_one(&scope, LEASES, filter, &deleted, job->err);
    err_clear(job->err);
    bson_destroy(filter);
}

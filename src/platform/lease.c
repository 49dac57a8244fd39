/* Leases by one update that the server decides: it writes the holder of before back while the
 * lease of somebody else lasts. */
#include "base.h"
#include "platform/lease.h"
#include "core/clock.h"
#include "core/id.h"
#include "db/doc.h"
#include "platform/here.h"

#define WORK_SECONDS    60
#define WORK_PROLONG_US INT64_C(15000000)

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

/* --- for the work of one command -------------------------------------------------------------- */

/* "PLACE PID RANDOM": is it a process of this machine that is gone? */
static bool is_dead(const char *holder)
{
    char place[HERE_SIZE];
    size_t len;

    here_place(place);
    len = strlen(place);
    return strncmp(holder, place, len) == 0 && holder[len] == ' ' &&
           here_gone(strtoll(holder + len, NULL, 10));
}

/* The lease of one that died goes, unless somebody was faster. */
static bool drop_dead(const struct job *job, const char *name)
{
    bson_t *filter = BCON_NEW("_id", BCON_UTF8(name));
    const bson_t *doc = NULL;
    const char *holder;
    struct scope scope;
    bool ok = job_registry(job, &scope) &&
              scope_find_one(&scope, LEASES, filter, NULL, &doc, job->err);

    bson_destroy(filter);
    holder = ok ? doc_text(doc, "holder") : NULL;
    if (holder && is_dead(holder))
        lease_drop(job, name, holder);
    return ok;
}

bool lease_open(const struct job *job, struct lease *lease, const char *name)
{
    char place[HERE_SIZE], random[17];
    bool held;

    here_place(place);
    random_hex(random, 8);
    snprintf(lease->name, sizeof lease->name, "%s", name);
    snprintf(lease->holder, sizeof lease->holder, "%s %d %s", place, (int)getpid(), random);
    lease->prolong_us = clock_mono_us() + WORK_PROLONG_US;
    if (!lease_take(job, lease->name, lease->holder, WORK_SECONDS, &held))
        return false;
    if (!held && (!drop_dead(job, lease->name) ||
                  !lease_take(job, lease->name, lease->holder, WORK_SECONDS, &held)))
        return false;
    return held || err_set(job->err, ERR_CONFLICT,
                           "Somebody else is at it; if that has died on another host, try again "
                           "in a minute");
}

bool lease_keep(const struct job *job)
{
    struct lease *lease = job->lease;
    bool held;

    if (!lease || clock_mono_us() < lease->prolong_us)
        return true;
    lease->prolong_us = clock_mono_us() + WORK_PROLONG_US;
    return lease_take(job, lease->name, lease->holder, WORK_SECONDS, &held) &&
           (held || err_set(job->err, ERR_CONFLICT, "Somebody else has gone on with it"));
}

void lease_close(const struct job *job, const struct lease *lease)
{
    struct job quiet = *job;
    struct err ignored;

    err_init(&ignored);
    quiet.err = &ignored; /* what failed before is told, not this */
    lease_drop(&quiet, lease->name, lease->holder);
    err_release(&ignored);
}

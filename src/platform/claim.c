/* Who sets up a tenant now. A claim names the process; a process of this machine that is gone, or
 * any that is silent for LEASE_MS, has lost it. */
#include "base.h"
#include "platform/provision.h"
#include "core/clock.h"
#include "core/id.h"
#include "core/str.h"
#include "platform/here.h"

#define LEASE_MS  INT64_C(60000)

static void append_claim(const struct provision *p, bson_t *out)
{
    char place[HERE_SIZE];
    bson_t claim;

    here_place(place);
    BSON_APPEND_DOCUMENT_BEGIN(out, "provisioning", &claim);
    BSON_APPEND_UTF8(&claim, "claim", p->claim);
    BSON_APPEND_UTF8(&claim, "place", place);
    BSON_APPEND_INT64(&claim, "pid", getpid());
    BSON_APPEND_DATE_TIME(&claim, "until", clock_ms() + LEASE_MS);
    bson_append_document_end(out, &claim);
}

void provision_claim(struct provision *p, bson_t *more)
{
    random_hex(p->claim, 16);
    append_claim(p, more);
}

void provision_filter(const struct provision *p, bson_t *filter)
{
    bson_init(filter);
    BSON_APPEND_UTF8(filter, "slug", p->entry.slug);
    BSON_APPEND_UTF8(filter, "status", tenant_status_name(TENANT_PROVISIONING));
    BSON_APPEND_UTF8(filter, "provisioning.claim", p->claim);
}

/* May the claim of a stored entry be taken? `old` is its text, "" when it has none. */
static bool is_free(const bson_t *doc, char old[static 64])
{
    char place[HERE_SIZE];
    bson_iter_t it, member;
    int64_t pid = 0, until = 0;
    bool here = false;

    old[0] = '\0';
    here_place(place);
    if (!bson_iter_init_find(&it, doc, "provisioning") || !BSON_ITER_HOLDS_DOCUMENT(&it) ||
        !bson_iter_recurse(&it, &member))
        return true;
    while (bson_iter_next(&member)) {
        const char *key = bson_iter_key(&member);

        if (strcmp(key, "claim") == 0 && BSON_ITER_HOLDS_UTF8(&member))
            snprintf(old, 64, "%s", bson_iter_utf8(&member, NULL));
        else if (strcmp(key, "place") == 0 && BSON_ITER_HOLDS_UTF8(&member))
            here = strcmp(bson_iter_utf8(&member, NULL), place) == 0;
        else if (strcmp(key, "pid") == 0)
            pid = bson_iter_as_int64(&member);
        else if (strcmp(key, "until") == 0 && BSON_ITER_HOLDS_DATE_TIME(&member))
            until = bson_iter_date_time(&member);
    }
    return until < clock_ms() || (here && pid > 0 && here_gone(pid));
}

bool provision_take(struct job *job, struct provision *p, const bson_t *doc)
{
    bson_t filter = BSON_INITIALIZER, update = BSON_INITIALIZER, set;
    struct scope scope;
    int64_t matched = 0;
    char old[64];
    bool ok;

    if (!is_free(doc, old))
        return err_set(job->err, ERR_CONFLICT, "Somebody else is setting up %s just now",
                       p->entry.slug);
    random_hex(p->claim, 16);
    BSON_APPEND_UTF8(&filter, "slug", p->entry.slug);
    BSON_APPEND_UTF8(&filter, "status", tenant_status_name(TENANT_PROVISIONING));
    if (*old)
        BSON_APPEND_UTF8(&filter, "provisioning.claim", old);
    BSON_APPEND_DOCUMENT_BEGIN(&update, "$set", &set);
    append_claim(p, &set);
    bson_append_document_end(&update, &set);
    ok = job_registry(job, &scope) &&
         scope_update_one(&scope, ENTRIES, &filter, &update, NULL, &matched, job->err);
    bson_destroy(&filter);
    bson_destroy(&update);
    return ok && (matched == 1 || err_set(job->err, ERR_CONFLICT,
                                          "Somebody else is setting up %s just now",
                                          p->entry.slug));
}

void provision_let_go(struct job *job, const struct provision *p)
{
    bson_t filter, *update = BCON_NEW("$set", "{", "provisioning.until", BCON_DATE_TIME(0), "}");
    struct job quiet = *job;
    struct scope scope;
    struct err ignored;
    int64_t matched;

    err_init(&ignored);
    quiet.err = &ignored;
    provision_filter(p, &filter);
    if (job_registry(&quiet, &scope))
        scope_update_one(&scope, ENTRIES, &filter, update, NULL, &matched, &ignored);
    bson_destroy(&filter);
    bson_destroy(update);
    err_release(&ignored);
}

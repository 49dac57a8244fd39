/* The table of plans, and changing one. To add a plan: a row; it is stored at the next need. */
#include "base.h"
#include "platform/plan.h"
#include "db/doc.h"
#include "db/own.h"
#include "db/txn.h"
#include "tenant/audit.h"

static const char *const quota_names[] = {
    "max_products",   "max_users",    "max_terminals",    "storage_gb",
    "monthly_orders", "max_branches", "max_appointments",
};

#define QUOTAS ARRAY_LEN(quota_names)

/* Prices in whole taka; -1: unlimited. */
static const struct plan_row {
    const char *id, *name, *licence, *cycle;
    int64_t price;
    const char *description;
    int64_t quotas[QUOTAS];
} rows[] = {
    {"free", "Free", "free", "lifetime", 0, "To begin with: one till, one branch",
     {100, 2, 1, 1, 500, 1, 100}},
    {"basic", "Basic", "pro", "monthly", 3000, "A shop with a few people",
     {1000, 5, 3, 10, 5000, 3, 1000}},
    {"pro", "Pro", "pro", "monthly", 10000, "Several branches",
     {10000, 25, 10, 100, 50000, 10, 10000}},
    {"enterprise", "Enterprise", "enterprise", "monthly", 30000, "No limits",
     {-1, -1, -1, -1, -1, -1, -1}},
};

#define PLAN_CURRENCY "BDT"

static const struct plan_row *row_of(const char *id)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (strcmp(rows[i].id, id) == 0)
            return &rows[i];
    return NULL;
}

const char *plan_licence(const char *id)
{
    const struct plan_row *row = row_of(id);

    return row ? row->licence : "pro";
}

int64_t plan_quota(const bson_t *plan, const char *name)
{
    bson_iter_t it, quota;
    char path[64];

    snprintf(path, sizeof path, "quotas.%s", name);
    if (!bson_iter_init(&it, plan) || !bson_iter_find_descendant(&it, path, &quota) ||
        !BSON_ITER_HOLDS_NUMBER(&quota))
        return -1;
    return bson_iter_as_int64(&quota);
}

static void append_row(const struct plan_row *row, int64_t now, bson_t *out)
{
    int decimals = currency_decimals(PLAN_CURRENCY);
    money_t price = row->price;
    bson_t quotas, features;

    for (int i = 0; i < decimals; i++)
        price *= 10;
    BSON_APPEND_UTF8(out, "id", row->id);
    BSON_APPEND_UTF8(out, "plan_id", row->id);
    BSON_APPEND_UTF8(out, "name", row->name);
    doc_append_money(out, "price", price, decimals);
    BSON_APPEND_UTF8(out, "currency", PLAN_CURRENCY);
    BSON_APPEND_UTF8(out, "billing_cycle", row->cycle);
    BSON_APPEND_DOCUMENT_BEGIN(out, "quotas", &quotas);
    for (size_t i = 0; i < QUOTAS; i++)
        bson_append_int64(&quotas, quota_names[i], -1, row->quotas[i]);
    bson_append_document_end(out, &quotas);
    BSON_APPEND_ARRAY_BEGIN(out, "features", &features);
    bson_append_array_end(out, &features);
    BSON_APPEND_UTF8(out, "description", row->description);
    BSON_APPEND_BOOL(out, "is_active", true);
    BSON_APPEND_DATE_TIME(out, "created_at", now);
    BSON_APPEND_DATE_TIME(out, "updated_at", now);
}

static bool seed(struct job *job, struct scope *scope, const struct plan_row *row)
{
    bson_t *filter = own_bson(job->arena), *update = own_bson(job->arena);
    bson_t *opts = own_bson(job->arena), set;
    int64_t matched;
    bool ok;

    BSON_APPEND_UTF8(filter, "id", row->id);
    BSON_APPEND_DOCUMENT_BEGIN(update, "$setOnInsert", &set);
    append_row(row, job_now(job), &set);
    bson_append_document_end(update, &set);
    BSON_APPEND_BOOL(opts, "upsert", true);
    ok = scope_update_one(scope, PLANS, filter, update, opts, &matched, job->err);
    if (!ok && job->err->code == ERR_DUPLICATE) {
        err_clear(job->err); /* somebody else did it meanwhile */
        return true;
    }
    return ok;
}

/* Never inside a transaction: a plan that somebody else stores at this moment would undo it. */
bool plans_ensure(struct job *job)
{
    bson_t *all = own_bson(job->arena);
    struct scope scope;
    int64_t count;

    if (!job_registry(job, &scope) ||
        !scope_count(&scope, PLANS, all, (int64_t)ARRAY_LEN(rows), &count, job->err))
        return false;
    if (count >= (int64_t)ARRAY_LEN(rows))
        return true;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (!seed(job, &scope, &rows[i]))
            return false;
    return true;
}

bool plan_find(struct job *job, const char *id, const bson_t **plan)
{
    struct scope scope;

    return plans_ensure(job) && job_registry(job, &scope) &&
           billing_find(job, &scope, PLANS, "id", id, plan, job->err) &&
           (*plan || err_set(job->err, ERR_NOT_FOUND, "There is no plan \"%s\".", id));
}

/* ---- changing one ---- */

static bool quota_known(const char *name)
{
    for (size_t i = 0; i < QUOTAS; i++)
        if (strcmp(quota_names[i], name) == 0)
            return true;
    return false;
}

static bool append_quotas(const bson_iter_t *quotas, bson_t *set, struct err *err)
{
    bson_iter_t it;
    char key[96];

    if (!BSON_ITER_HOLDS_DOCUMENT(quotas) || !bson_iter_recurse(quotas, &it))
        return true;
    while (bson_iter_next(&it)) {
        int64_t n = bson_iter_as_int64(&it);

        snprintf(key, sizeof key, "quotas.%s", bson_iter_key(&it));
        if (!quota_known(bson_iter_key(&it)))
            err_field(err, key, "unknown", "There is no such quota.");
        else if (!(BSON_ITER_HOLDS_INT32(&it) || BSON_ITER_HOLDS_INT64(&it)) || n < -1 ||
                 n > INT32_MAX)
            err_field(err, key, "range", "Must be a whole number, or -1 for no limit.");
        else
            bson_append_int64(set, key, -1, n);
    }
    return !err_is_set(err);
}

struct change {
    struct job *job;
    const char *id;
    const bson_t *update;
    const bson_t *plan;
};

static bool change_body(struct scope *scope, void *data, struct err *err)
{
    struct change *c = data;
    struct audit_entry entry = {.kind = AUDIT_OPERATOR,
                                .action = "plan_change",
                                .collection = PLANS,
                                .record_id = c->id,
                                .actor = c->job->actor,
                                .request_id = c->job->request_id};
    bson_t *filter = own_bson(c->job->arena);

    BSON_APPEND_UTF8(filter, "id", c->id);
    if (!billing_find(c->job, scope, PLANS, "id", c->id, &entry.before, err) ||
        !scope_find_and_update(scope, PLANS, filter, c->update, true, false, NULL, &c->plan, err))
        return false;
    if (!c->plan)
        return err_set(err, ERR_NOT_FOUND, "There is no plan \"%s\".", c->id);
    entry.after = c->plan;
    return audit_add(scope, &entry, err);
}

bool plan_change(struct job *job, const char *id, const bson_t *set, const bson_t **plan)
{
    bson_t *update = own_bson(job->arena), to;
    struct change c = {.job = job, .id = id, .update = update};
    struct scope own, *scope;
    bson_iter_t it;
    bool ok = true;

    BSON_APPEND_DOCUMENT_BEGIN(update, "$set", &to);
    if (bson_iter_init(&it, set))
        while (bson_iter_next(&it)) {
            if (strcmp(bson_iter_key(&it), "quotas") == 0)
                ok = append_quotas(&it, &to, job->err) && ok;
            else if (!BSON_ITER_HOLDS_NULL(&it))
                bson_append_iter(&to, NULL, -1, &it);
        }
    BSON_APPEND_DATE_TIME(&to, "updated_at", job_now(job));
    bson_append_document_end(update, &to);
    if (!ok || !plans_ensure(job) || !(scope = billing_scope(job, &own)) ||
        !txn_run(scope, change_body, &c, job->err))
        return false;
    *plan = c.plan;
    return true;
}

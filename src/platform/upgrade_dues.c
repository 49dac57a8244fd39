/* Steps of upgrades: whose records are that belong to a sale, and what customers owe.
 *
 * Earlier systems wrote customer and branch on the sale alone: not on its payments and dues, by
 * which an account is told and paid here, nor on what else a branch sees; and they kept no sum of
 * what is owed. Their dates are texts.
 */
#include "base.h"
#include "platform/upgrade.h"
#include "platform/upgrade_lot.h"
#include "core/clock.h"
#include "db/doc.h"
#include "db/own.h"
#include "db/txn.h"
#include "engine/resource.h"
#include "engine/validate.h"

static void gather(struct upgrade_lot *l, const char *member)
{
    ids_init(&l->ids, l->arena, l->n);
    for (size_t i = 0; i < l->n; i++)
        if (doc_text(l->docs[i], member) != NULL)
            ids_add(&l->ids, doc_text(l->docs[i], member));
    upgrade_lot_sort(l);
}

/* Records of a noun that lack a member, and the one with this _id while it does. */
static bson_t *lacking(const struct upgrade_lot *l, struct arena *arena, const bson_t *doc)
{
    bson_t *filter = own_bson(arena);
    bson_iter_t it;

    scope_filter(l->scope, NULL, filter);
    if (doc != NULL && bson_iter_init_find(&it, doc, "_id"))
        bson_append_iter(filter, "_id", -1, &it);
    BCON_APPEND(filter, l->missing, "{", "$exists", BCON_BOOL(false), "}");
    return filter;
}

static bool each_lacking(struct upgrade_lot *l, const char *noun, const char *missing,
                         upgrade_lot_body *body)
{
    l->missing = missing;
    return upgrade_lot_each(l, noun, lacking(l, l->scope->arena, NULL), NULL, body);
}

/* ---- what is of a sale ---- */

static const char *const of_sale[] = {"customer_id", "branch_id", "sale_number", "invoice_no"};

/* Only where nobody has said it meanwhile. */
static bool store(struct upgrade_lot *l, const char *noun, const bson_t *doc, const bson_t *update)
{
    int64_t matched;

    if (!scope_update_one(l->scope, upgrade_collection(noun), lacking(l, l->arena, doc), update,
                          NULL, &matched, l->err))
        return false;
    l->changed += matched;
    return true;
}

static bool name_sale(struct upgrade_lot *l, const char *noun, const bson_t *doc,
                      const bson_t *sale)
{
    const struct resource *resource = resource_by_noun(noun);
    bson_t *update = own_bson(l->arena), set;
    bson_iter_t it;

    BSON_APPEND_DOCUMENT_BEGIN(update, "$set", &set);
    for (size_t i = 0; i < ARRAY_LEN(of_sale); i++)
        if (resource_field(resource, of_sale[i]) != NULL &&
            !bson_iter_init_find(&it, doc, of_sale[i]))
            doc_append_text_or_null(&set, of_sale[i], doc_text(sale, of_sale[i]));
    bson_append_document_end(update, &set);
    return store(l, noun, doc, update);
}

static bool name_sales(struct upgrade_lot *l, const char *noun)
{
    bson_t *filter = own_bson(l->arena);

    gather(l, "sale_id");
    scope_filter(l->scope, NULL, filter);
    ids_append_in(&l->ids, "id", filter);
    if (!upgrade_lot_take(l, scope_find(l->scope, upgrade_collection("sale"), filter, NULL), "id"))
        return false;
    for (size_t i = 0; i < l->n; i++) {
        const bson_t *sale = upgrade_lot_other(l, doc_text(l->docs[i], "sale_id"));

        if (sale != NULL && !name_sale(l, noun, l->docs[i], sale))
            return false;
    }
    return true;
}

bool upgrade_payments(const struct job *job, const struct tenant *tenant, struct scope *scope)
{
    static const char *const nouns[] = {"payment", "customer_due"};
    struct upgrade_lot *l = upgrade_lot_new(job, tenant, scope);
    bool ok = true;

    for (size_t i = 0; ok && i < ARRAY_LEN(nouns); i++)
        ok = each_lacking(l, nouns[i], "customer_id", name_sales);
    if (ok && l->changed > 0)
        job_progress(job, "%s: customers of %" PRId64 " payments and dues", tenant->slug,
                     l->changed);
    upgrade_lot_free(l);
    return ok;
}

/* ---- branches ---- */

/* A transfer is both branches'. */
static bool name_ends(struct upgrade_lot *l, const char *noun)
{
    for (size_t i = 0; i < l->n; i++) {
        const char *from = doc_text(l->docs[i], "from_branch_id");
        const char *to = doc_text(l->docs[i], "to_branch_id");
        bson_t *update = own_bson(l->arena);

        if (from == NULL || to == NULL)
            continue;
        BCON_APPEND(update, "$set", "{", "branch_id", "[", BCON_UTF8(from), BCON_UTF8(to), "]",
                    "}");
        if (!store(l, noun, l->docs[i], update))
            return false;
    }
    return true;
}

bool upgrade_branches(const struct job *job, const struct tenant *tenant, struct scope *scope)
{
    struct upgrade_lot *l = upgrade_lot_new(job, tenant, scope);
    bool ok;

    ok = each_lacking(l, "return_request", "branch_id", name_sales) &&
         each_lacking(l, "warranty_record", "branch_id", name_sales) &&
         each_lacking(l, "stock_transfer", "branch_id", name_ends);
    if (ok && l->changed > 0)
        job_progress(job, "%s: branches of %" PRId64 " returns, warranties and transfers",
                     tenant->slug, l->changed);
    upgrade_lot_free(l);
    return ok;
}

/* ---- dates that time goes by ---- */

static bool set_dates(struct upgrade_lot *l, const char *noun)
{
    const struct resource *resource = resource_by_noun(noun);

    for (size_t i = 0; i < l->n; i++) {
        bson_t *filter = own_bson(l->arena), *update = own_bson(l->arena), set;
        bson_iter_t it;
        int64_t matched = 0, at;

        BSON_APPEND_DOCUMENT_BEGIN(update, "$set", &set);
        for (const struct field *f = resource->fields; f->name != NULL; f++) {
            const char *text = f->kind == K_INSTANT ? doc_text(l->docs[i], f->name) : NULL;

            if (text != NULL && clock_parse(text, strlen(text), &at))
                bson_append_date_time(&set, f->name, -1, at);
        }
        bson_append_document_end(update, &set);
        scope_filter(l->scope, NULL, filter);
        for (size_t k = 0; k < 2; k++) {
            const char *name = k == 0 ? "_id" : resource->lapse->until; /* as it was read */

            if (bson_iter_init_find(&it, l->docs[i], name))
                bson_append_iter(filter, name, -1, &it);
        }
        if (!bson_empty(&set) && !scope_update_one(l->scope, resource->collection, filter, update,
                                                   NULL, &matched, l->err))
            return false;
        l->changed += matched;
    }
    return true;
}

/* A state that time brings (engine/lapse.h) needs a date that is one. */
bool upgrade_lapses(const struct job *job, const struct tenant *tenant, struct scope *scope)
{
    struct upgrade_lot *l = upgrade_lot_new(job, tenant, scope);
    bool ok = true;

    for (size_t i = 0; ok && i < resource_count(); i++) {
        const struct resource *resource = resource_at(i);
        bson_t *filter = own_bson(scope->arena);

        if (resource->lapse == NULL)
            continue;
        scope_filter(scope, NULL, filter);
        BCON_APPEND(filter, resource->lapse->until, "{", "$type", "string", "}");
        ok = upgrade_lot_each(l, resource->noun, filter, NULL, set_dates);
    }
    if (ok && l->changed > 0)
        job_progress(job, "%s: dates of %" PRId64 " warranties", tenant->slug, l->changed);
    upgrade_lot_free(l);
    return ok;
}

/* ---- what customers owe ---- */

/* [{customer_id, owed}]: what is due of the sales that count, customer by customer. */
static mongoc_cursor_t *sums(struct scope *scope, bson_t *match)
{
    bson_t *stages = own_bson(scope->arena);

    BCON_APPEND(match, "status", "{", "$nin", "[", "cancelled", "draft", "]", "}");
    BCON_APPEND(stages, "0", "{", "$match", BCON_DOCUMENT(match), "}", "1", "{", "$group", "{",
                "_id", "$customer_id", "customer_id", "{", "$first", "$customer_id", "}", "owed",
                "{", "$sum", "$balance_due", "}", "}", "}");
    return scope_aggregate(scope, upgrade_collection("sale"), stages, NULL);
}

static bool differs(const struct upgrade_lot *l, const bson_t *customer, const bson_t *sum)
{
    return doc_money(customer, "due_amount", l->decimals, 0) !=
           doc_money(sum, "owed", l->decimals, 0);
}

struct one {
    const struct upgrade_lot *l;
    const char *id;
};

/* Whoever changes what is due of a sale changes the customer too, so of both at once one begins
 * again. */
static bool set_owed(struct scope *scope, void *data, struct err *err)
{
    const struct one *one = data;
    bson_t *match = own_bson(scope->arena), *filter = own_bson(scope->arena);
    bson_t *update = own_bson(scope->arena), set;
    const bson_t *sum, *customer;

    scope_filter(scope, NULL, match);
    BSON_APPEND_UTF8(match, "customer_id", one->id);
    if (!scope_next(scope, sums(scope, match), &sum, err))
        return false;
    if (sum == NULL)
        return true;
    BSON_APPEND_DOCUMENT_BEGIN(update, "$set", &set);
    doc_append_money(&set, "due_amount", doc_money(sum, "owed", one->l->decimals, 0),
                     one->l->decimals);
    bson_append_document_end(update, &set);
    BCON_APPEND(update, "$inc", "{", FIELD_REV, BCON_INT64(1), "}");
    scope_filter(scope, NULL, filter);
    BSON_APPEND_UTF8(filter, "id", one->id);
    return scope_find_and_update(scope, upgrade_collection("customer"), filter, update, true, false,
                                 NULL, &customer, err);
}

static bool sum_customers(struct upgrade_lot *l, const char *noun ERP_UNUSED)
{
    bson_t *match = own_bson(l->arena);

    gather(l, "id");
    scope_filter(l->scope, NULL, match);
    ids_append_in(&l->ids, "customer_id", match);
    if (!upgrade_lot_take(l, sums(l->scope, match), "customer_id"))
        return false;
    for (size_t i = 0; i < l->n; i++) {
        const bson_t *sum = upgrade_lot_other(l, doc_text(l->docs[i], "id"));
        struct one one = {l, doc_text(l->docs[i], "id")};

        if (sum == NULL || !differs(l, l->docs[i], sum))
            continue;
        if (!txn_run(l->scope, set_owed, &one, l->err))
            return false;
        l->changed++;
    }
    return true;
}

bool upgrade_owed(const struct job *job, const struct tenant *tenant, struct scope *scope)
{
    struct upgrade_lot *l = upgrade_lot_new(job, tenant, scope);
    bson_t *filter = own_bson(scope->arena), *opts = own_bson(scope->arena);
    bool ok;

    scope_filter(scope, NULL, filter);
    BCON_APPEND(opts, "projection", "{", "id", BCON_BOOL(true), "due_amount", BCON_BOOL(true), "}");
    ok = upgrade_lot_each(l, "customer", filter, opts, sum_customers);
    if (ok && l->changed > 0)
        job_progress(job, "%s: what %" PRId64 " customers owe", tenant->slug, l->changed);
    upgrade_lot_free(l);
    return ok;
}

/* Steps of upgrades: whose records are that belong to a sale, and what customers owe.
 *
 * Earlier systems wrote customer and branch on the sale alone: not on its payments and dues, by
 * which an account is told and paid here, nor on what else a branch sees; and they kept no sum of
 * what is owed. Their dates are texts.
 */
#include "base.h"
#include "platform/upgrade.h"
#include "core/clock.h"
#include "db/doc.h"
#include "db/own.h"
#include "db/txn.h"
#include "engine/ids.h"
#include "engine/resource.h"
#include "engine/validate.h"

#define AT_ONCE   200
#define ARENA_MAX ((size_t)256 << 20)

/* Some records, and what others say of them by the id that they name. */
struct lot {
    struct arena *arena; /* of this lot alone */
    struct scope *scope;
    struct err *err;
    int decimals;
    const char *missing; /* the member that those have not that are looked for */
    const bson_t *docs[AT_ONCE];
    size_t n;
    struct ids ids;
    const bson_t **others; /* by their place in `ids`; NULL: there is none */
    int64_t changed;
};

static const char *collection_of(const char *noun)
{
    return resource_by_noun(noun)->collection;
}

static void gather(struct lot *l, const char *member)
{
    ids_init(&l->ids, l->arena, l->n);
    for (size_t i = 0; i < l->n; i++)
        if (doc_text(l->docs[i], member) != NULL)
            ids_add(&l->ids, doc_text(l->docs[i], member));
    ids_sort(&l->ids);
    l->others = arena_alloc(l->arena, (l->ids.n + 1) * sizeof *l->others);
}

static bool take_others(struct lot *l, mongoc_cursor_t *cursor, const char *key)
{
    const bson_t *doc;

    while (scope_next(l->scope, cursor, &doc, l->err)) {
        size_t at;

        if (doc == NULL)
            return true;
        at = doc_text(doc, key) != NULL ? ids_find(&l->ids, doc_text(doc, key)) : l->ids.n;
        if (at < l->ids.n)
            l->others[at] = own_bson_copy(l->arena, bson_get_data(doc), doc->len);
    }
    return false;
}

static const bson_t *other_of(const struct lot *l, const bson_t *doc, const char *member)
{
    const char *id = doc_text(doc, member);
    size_t at = id != NULL ? ids_find(&l->ids, id) : l->ids.n;

    return at < l->ids.n ? l->others[at] : NULL;
}

typedef bool lot_body(struct lot *l, const char *noun);

/* What a lot takes of memory goes with it. */
static bool run_lot(struct lot *l, const char *noun, lot_body *body)
{
    struct arena *own = l->scope->arena;
    bool ok;

    l->scope->arena = l->arena;
    ok = body(l, noun);
    l->scope->arena = own;
    l->n = 0;
    arena_reset(l->arena);
    return ok;
}

/* Calls `body` for each AT_ONCE of the matches. */
static bool each_lot(struct lot *l, const char *noun, const bson_t *filter, const bson_t *opts,
                     lot_body *body)
{
    mongoc_cursor_t *cursor = scope_find(l->scope, collection_of(noun), filter, opts);
    const bson_t *doc;

    while (scope_next(l->scope, cursor, &doc, l->err)) {
        if (doc != NULL)
            l->docs[l->n++] = own_bson_copy(l->arena, bson_get_data(doc), doc->len);
        if ((doc == NULL || l->n == AT_ONCE) && l->n > 0 && !run_lot(l, noun, body))
            return false;
        if (doc == NULL)
            return true;
    }
    return false;
}

/* Records of a noun that lack a member, and the one with this _id while it does. */
static bson_t *lacking(const struct lot *l, struct arena *arena, const bson_t *doc)
{
    bson_t *filter = own_bson(arena);
    bson_iter_t it;

    scope_filter(l->scope, NULL, filter);
    if (doc != NULL && bson_iter_init_find(&it, doc, "_id"))
        bson_append_iter(filter, "_id", -1, &it);
    BCON_APPEND(filter, l->missing, "{", "$exists", BCON_BOOL(false), "}");
    return filter;
}

static bool each_lacking(struct lot *l, const char *noun, const char *missing, lot_body *body)
{
    l->missing = missing;
    return each_lot(l, noun, lacking(l, l->scope->arena, NULL), NULL, body);
}

/* ---- what is of a sale ---- */

static const char *const of_sale[] = {"customer_id", "branch_id", "sale_number", "invoice_no"};

/* Only where nobody has said it meanwhile. */
static bool store(struct lot *l, const char *noun, const bson_t *doc, const bson_t *update)
{
    int64_t matched;

    if (!scope_update_one(l->scope, collection_of(noun), lacking(l, l->arena, doc), update, NULL,
                          &matched, l->err))
        return false;
    l->changed += matched;
    return true;
}

static bool name_sale(struct lot *l, const char *noun, const bson_t *doc, const bson_t *sale)
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

static bool name_sales(struct lot *l, const char *noun)
{
    bson_t *filter = own_bson(l->arena);

    gather(l, "sale_id");
    scope_filter(l->scope, NULL, filter);
    ids_append_in(&l->ids, "id", filter);
    if (!take_others(l, scope_find(l->scope, collection_of("sale"), filter, NULL), "id"))
        return false;
    for (size_t i = 0; i < l->n; i++) {
        const bson_t *sale = other_of(l, l->docs[i], "sale_id");

        if (sale != NULL && !name_sale(l, noun, l->docs[i], sale))
            return false;
    }
    return true;
}

static struct lot lot_of(const struct job *job, const struct tenant *tenant, struct scope *scope)
{
    return (struct lot){.arena = arena_new(ARENA_MAX), .scope = scope, .err = job->err,
                        .decimals = tenant->decimals};
}

bool upgrade_payments(const struct job *job, const struct tenant *tenant, struct scope *scope)
{
    static const char *const nouns[] = {"payment", "customer_due"};
    struct lot *l = arena_alloc(scope->arena, sizeof *l);
    bool ok = true;

    *l = lot_of(job, tenant, scope);
    for (size_t i = 0; ok && i < ARRAY_LEN(nouns); i++)
        ok = each_lacking(l, nouns[i], "customer_id", name_sales);
    if (ok && l->changed > 0)
        job_progress(job, "%s: customers of %" PRId64 " payments and dues", tenant->slug,
                     l->changed);
    arena_free(l->arena);
    return ok;
}

/* ---- branches ---- */

/* A transfer is both branches'. */
static bool name_ends(struct lot *l, const char *noun)
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
    struct lot *l = arena_alloc(scope->arena, sizeof *l);
    bool ok;

    *l = lot_of(job, tenant, scope);
    ok = each_lacking(l, "return_request", "branch_id", name_sales) &&
         each_lacking(l, "warranty_record", "branch_id", name_sales) &&
         each_lacking(l, "stock_transfer", "branch_id", name_ends);
    if (ok && l->changed > 0)
        job_progress(job, "%s: branches of %" PRId64 " returns, warranties and transfers",
                     tenant->slug, l->changed);
    arena_free(l->arena);
    return ok;
}

/* ---- dates that time goes by ---- */

static bool set_dates(struct lot *l, const char *noun)
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
    struct lot *l = arena_alloc(scope->arena, sizeof *l);
    bool ok = true;

    *l = lot_of(job, tenant, scope);
    for (size_t i = 0; ok && i < resource_count(); i++) {
        const struct resource *resource = resource_at(i);
        bson_t *filter = own_bson(scope->arena);

        if (resource->lapse == NULL)
            continue;
        scope_filter(scope, NULL, filter);
        BCON_APPEND(filter, resource->lapse->until, "{", "$type", "string", "}");
        ok = each_lot(l, resource->noun, filter, NULL, set_dates);
    }
    if (ok && l->changed > 0)
        job_progress(job, "%s: dates of %" PRId64 " warranties", tenant->slug, l->changed);
    arena_free(l->arena);
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
    return scope_aggregate(scope, collection_of("sale"), stages, NULL);
}

static bool differs(const struct lot *l, const bson_t *customer, const bson_t *sum)
{
    return doc_money(customer, "due_amount", l->decimals, 0) !=
           doc_money(sum, "owed", l->decimals, 0);
}

struct one {
    const struct lot *l;
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
    return scope_find_and_update(scope, collection_of("customer"), filter, update, true, false,
                                 NULL, &customer, err);
}

static bool sum_customers(struct lot *l, const char *noun ERP_UNUSED)
{
    bson_t *match = own_bson(l->arena);

    gather(l, "id");
    scope_filter(l->scope, NULL, match);
    ids_append_in(&l->ids, "customer_id", match);
    if (!take_others(l, sums(l->scope, match), "customer_id"))
        return false;
    for (size_t i = 0; i < l->n; i++) {
        const bson_t *sum = other_of(l, l->docs[i], "id");
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
    struct lot *l = arena_alloc(scope->arena, sizeof *l);
    bson_t *filter = own_bson(scope->arena), *opts = own_bson(scope->arena);
    bool ok;

    *l = lot_of(job, tenant, scope);
    scope_filter(scope, NULL, filter);
    BCON_APPEND(opts, "projection", "{", "id", BCON_BOOL(true), "due_amount", BCON_BOOL(true), "}");
    ok = each_lot(l, "customer", filter, opts, sum_customers);
    if (ok && l->changed > 0)
        job_progress(job, "%s: what %" PRId64 " customers owe", tenant->slug, l->changed);
    arena_free(l->arena);
    return ok;
}

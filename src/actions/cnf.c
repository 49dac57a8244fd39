/* The summary of clearing and forwarding: counted and added up by the database, in one command. */
#include "base.h"
#include "actions/actions.h"
#include "db/own.h"
#include "engine/kind.h"

/* What is counted, and what is no longer active. `amount`: a sum of it is wanted too. */
static const struct {
    const char *collection, *total, *active;
    const char *done[3]; /* states; a record without one is in its first */
} counted[] = {
    {"cnf_shipments", "total_shipments", "active_shipments", {"delivered", NULL}},
    {"cnf_jobs", "total_jobs", "active_jobs", {"completed", "cancelled", NULL}},
    {"cnf_transport", "total_transports", "active_transports", {"delivered", "cancelled", NULL}},
};

#define BILLING "cnf_billing"

static void append_match(const struct req *req, bson_t *stages)
{
    bson_t stage, match;

    bson_append_document_begin(stages, "0", 1, &stage);
    bson_append_document_begin(&stage, "$match", -1, &match);
    scope_filter(&req->scope, NULL, &match);
    bson_append_document_end(&stage, &match);
    bson_append_document_end(stages, &stage);
}

/* {$group: {_id: name, total: {$sum: 1}, active: {$sum: {$cond: [{$in: [state, done]}, 0, 1]}}}} */
static void append_counts(size_t at, bson_t *stages)
{
    bson_t *done = bson_new(), *group;
    char key[8];

    for (int i = 0; counted[at].done[i]; i++) {
        snprintf(key, sizeof key, "%d", i);
        bson_append_utf8(done, key, -1, counted[at].done[i], -1);
    }
    group = BCON_NEW("$group", "{", "_id", BCON_UTF8(counted[at].total), "total", "{", "$sum",
                     BCON_INT64(1), "}", "active", "{", "$sum", "{", "$cond", "[", "{", "$in", "[",
                     "$status", BCON_ARRAY(done), "]", "}", BCON_INT64(0), BCON_INT64(1), "]", "}",
                     "}", "}");
    bson_append_document(stages, "1", 1, group);
    bson_destroy(group);
    bson_destroy(done);
}

/* A cancelled invoice is no revenue. */
static void append_sums(bson_t *stages)
{
    bson_t *group = BCON_NEW(
        "$group", "{", "_id", BCON_UTF8(BILLING), "total", "{", "$sum", "{", "$cond", "[", "{",
        "$eq", "[", "$payment_status", BCON_UTF8("cancelled"), "]", "}", BCON_INT64(0),
        "$total_amount", "]", "}", "}", "active", "{", "$sum", "{", "$cond", "[", "{", "$eq", "[",
        "{", "$ifNull", "[", "$payment_status", BCON_UTF8("pending"), "]", "}",
        BCON_UTF8("pending"), "]", "}", "$total_amount", BCON_INT64(0), "]", "}", "}", "}");

    bson_append_document(stages, "1", 1, group);
    bson_destroy(group);
}

/* The shipments, then the others by $unionWith. */
static void build_pipeline(const struct req *req, bson_t *stages)
{
    append_match(req, stages);
    append_counts(0, stages);
    for (size_t i = 1; i <= ARRAY_LEN(counted); i++) {
        bool bills = i == ARRAY_LEN(counted);
        bson_t stage, with, inner;
        char key[8];

        snprintf(key, sizeof key, "%zu", i + 1);
        bson_append_document_begin(stages, key, -1, &stage);
        bson_append_document_begin(&stage, "$unionWith", -1, &with);
        bson_append_utf8(&with, "coll", 4, bills ? BILLING : counted[i].collection, -1);
        bson_append_array_begin(&with, "pipeline", -1, &inner);
        append_match(req, &inner);
        if (bills)
            append_sums(&inner);
        else
            append_counts(i, &inner);
        bson_append_array_end(&with, &inner);
        bson_append_document_end(&stage, &with);
        bson_append_document_end(stages, &stage);
    }
}

static void show(const struct kind_env *env, enum kind_id kind, const char *name,
                 const bson_t *doc, const char *member, struct str *out)
{
    const struct field field = {.name = name, .kind = kind};
    bson_iter_t value;

    str_addf(out, "%s\"%s\":", out->len > 1 ? "," : "", name);
    if (doc && bson_iter_init_find(&value, doc, member))
        kind_of(&field)->show(env, &value, out);
    else
        str_addc(out, '0');
}

bool action_cnf_summary(struct req *req)
{
    const struct kind_env env = {.decimals = req->tenant->decimals};
    const bson_t *found[ARRAY_LEN(counted) + 1] = {NULL}, *doc;
    bson_t *stages = own_bson(req->arena);
    struct str *out = resp_body(req);
    mongoc_cursor_t *cursor;
    bson_iter_t id;

    build_pipeline(req, stages);
    cursor = scope_aggregate(&req->scope, counted[0].collection, stages, NULL);
    for (;;) {
        if (!scope_next(&req->scope, cursor, &doc, req->err))
            return false;
        if (!doc)
            break;
        if (!bson_iter_init_find(&id, doc, "_id") || !BSON_ITER_HOLDS_UTF8(&id))
            continue;
        for (size_t i = 0; i <= ARRAY_LEN(counted); i++)
            if (strcmp(bson_iter_utf8(&id, NULL),
                       i < ARRAY_LEN(counted) ? counted[i].total : BILLING) == 0)
                found[i] = own_bson_copy(req->arena, bson_get_data(doc), doc->len);
    }
    str_addc(out, '{');
    for (size_t i = 0; i < ARRAY_LEN(counted); i++) {
        show(&env, K_INT, counted[i].total, found[i], "total", out);
        show(&env, K_INT, counted[i].active, found[i], "active", out);
    }
    show(&env, K_MONEY, "total_revenue", found[ARRAY_LEN(counted)], "total", out);
    show(&env, K_MONEY, "pending_payments", found[ARRAY_LEN(counted)], "active", out);
    str_addc(out, '}');
    return true;
}

/* What a branch holds: counted and added up by the database, in one command. */
#include "base.h"
#include "actions/actions.h"
#include "db/doc.h"
#include "db/own.h"
#include "engine/kind.h"

/* The branch, joined to what its assignments come to. */
static bson_t *build_pipeline(const struct req *req, const char *id)
{
    bson_t *branch = own_bson(req->arena), *assigned = own_bson(req->arena);
    bson_t *stages = own_bson(req->arena);

    scope_filter(&req->scope, NULL, branch);
    BSON_APPEND_UTF8(branch, "id", id);
    scope_filter(&req->scope, NULL, assigned);
    BSON_APPEND_UTF8(assigned, "branch_id", id);
    BCON_APPEND(
        stages, "0", "{", "$match", BCON_DOCUMENT(branch), "}", "1", "{", "$lookup", "{", "from",
        "product_branches", "as", "sums", "pipeline", "[", "{", "$match", BCON_DOCUMENT(assigned),
        "}", "{", "$group", "{", "_id", BCON_NULL, "products", "{", "$sum", BCON_INT64(1), "}",
        "stock", "{", "$sum", "$stock_quantity", "}", "value", "{", "$sum", "{", "$multiply", "[",
        "$stock_quantity", "{", "$ifNull", "[", "$purchase_price", BCON_INT32(0), "]", "}", "]",
        "}", "}", "low", "{", "$sum", "{", "$cond", "[", "{", "$lte", "[", "$stock_quantity", "{",
        "$ifNull", "[", "$reorder_level", BCON_INT32(5), "]", "}", "]", "}", BCON_INT64(1),
        BCON_INT64(0), "]", "}", "}", "}", "}", "]", "}", "}");
    return stages;
}

static void show(const struct kind_env *env, enum kind_id kind, const char *name,
                 const bson_t *doc, const char *path, struct str *out)
{
    const struct field field = {.name = name, .kind = kind};
    bson_iter_t value;

    str_addf(out, ",\"%s\":", name);
    if (doc_at(doc, path, &value))
        kind_of(&field)->show(env, &value, out);
    else
        str_addc(out, '0');
}

bool action_branch_stats(struct req *req)
{
    const struct kind_env env = {.decimals = req->tenant->decimals};
    const char *id = req_param(req, "id");
    struct str *out = resp_body(req);
    mongoc_cursor_t *cursor;
    const bson_t *doc;

    if (req->scope.branch_id && strcmp(req->scope.branch_id, id) != 0)
        return err_set(req->err, ERR_NOT_FOUND, "Branch not found");
    cursor = scope_aggregate(&req->scope, "branches", build_pipeline(req, id), NULL);
    if (!scope_next(&req->scope, cursor, &doc, req->err))
        return false;
    if (!doc)
        return err_set(req->err, ERR_NOT_FOUND, "Branch not found");
    str_addz(out, "{\"branch_id\":");
    str_add_json(out, id, strlen(id));
    show(&env, K_INT, "total_products", doc, "sums.0.products", out);
    show(&env, K_INT, "total_stock", doc, "sums.0.stock", out);
    show(&env, K_MONEY, "total_value", doc, "sums.0.value", out);
    show(&env, K_INT, "low_stock_items", doc, "sums.0.low", out);
    str_addc(out, '}');
    return true;
}

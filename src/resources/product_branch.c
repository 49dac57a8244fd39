/* Which branch sells which product: its stock and prices there. */
#include "base.h"
#include "trade/stock.h"
#include "core/log.h"
#include "db/doc.h"
#include "db/own.h"
#include "trade/notify.h"

static const struct field fields[] = {
    {"product_id", K_REF, F_REQUIRED | F_IMMUTABLE | F_FILTER, .ref = "product"},
    {"branch_id", K_REF, F_REQUIRED | F_IMMUTABLE | F_FILTER | F_OWNED, .ref = "branch"},
    {"stock_quantity", K_INT, F_REQUIRED | F_KEEP | F_SORT, .min = -1000000, .max = 1000000000},
    {"purchase_price", K_MONEY, F_KEEP, .def = "0"},
    {"sale_price", K_MONEY, F_KEEP, .def = "0", .summary = "0: the product's own price"},
    {"reorder_level", K_INT, F_KEEP, .def = "5"},
    {NULL},
};

#define TOLD_MAX 100 /* of the people of a branch */

struct told {
    struct notices list;
    const char *ids[TOLD_MAX];
    size_t n;
};

/* Who is to be told. When the accounts cannot be read, nobody is: the assignment does not fail for
 * it. */
static void find_people(struct req *req, const char *branch_id, struct told *told)
{
    struct err err;

    err_init(&err);
    if (!users_of_branch(req->app->users, req->scope.tenant_id, branch_id, told->ids, TOLD_MAX,
                         &told->n, &err)) {
        told->n = 0;
        log_event(LOG_LVL_WARN, "activity_not_told", "request_id", req->request_id, "subtype",
                  "stock_assigned", "why", err.detail, NULL);
    }
    err_release(&err);
    for (size_t i = 0; i < told->n; i++)
        told->ids[i] = arena_strdup(req->arena, told->ids[i]);
}

static bool prepare(struct req *req, const bson_t *set, void **data, struct err *err)
{
    struct told *told = arena_alloc(req->arena, sizeof(*told));
    const char *branch_id = doc_text(set, "branch_id");

    notices_init(&told->list, req->arena);
    find_people(req, branch_id != NULL ? branch_id : req->scope.branch_id, told);
    *data = told;
    return told->n == 0 || notices_prepare(req, err);
}

static const char *product_name(const bson_t *product)
{
    const char *name = doc_text(product, "name");

    return name != NULL ? name : "A product";
}

/* One notification for each of the branch's people, but for who did it. */
static bool tell(struct req *req, const bson_t *set, const bson_t *record, void **data,
                 struct err *err)
{
    const struct principal *who = &req->principal;
    bson_t *filter = own_bson(req->arena), *metadata = own_bson(req->arena);
    struct notice notice = {.type = NOTICE_ACTIVITY, .title = "New Stock Available",
                            .metadata = metadata};
    bool named = who->full_name != NULL && *who->full_name != '\0';
    struct told *told = *data;
    const bson_t *product;

    if (record == NULL)
        return prepare(req, set, data, err);
    told->list.n = 0;
    if (told->n == 0)
        return true;
    scope_filter(&req->scope, NULL, filter);
    doc_append_text(filter, "id", doc_text(record, "product_id"));
    if (!scope_find_one(&req->scope, "products", filter, NULL, &product, err))
        return false;
    doc_append_text(metadata, "activity_subtype", "stock_assigned");
    doc_append_text(metadata, "actor_name", named ? who->full_name : who->email);
    notice.reference_id = doc_text(record, "product_id");
    notice.message = arena_printf(req->arena, "%s: %" PRId64 " in your branch",
                                  product_name(product),
                                  doc_int(record, "stock_quantity", 0));
    for (size_t i = 0; i < told->n; i++) {
        notice.user_id = told->ids[i];
        if (strcmp(notice.user_id, who->user_id) != 0)
            notices_add(&told->list, &notice);
    }
    return notices_store(&req->scope, &told->list, err);
}

static const struct index_def indexes[] = {
    {.keys = {"tenant_id", "product_id", "branch_id"}, .unique = true},
    {.keys = {"tenant_id", "branch_id", "product_id"}},
    {.keys = {"tenant_id", "branch_id", "stock_quantity", "product_id"}},
};

const struct resource product_branch_resource = {
    .noun = "product_branch",
    .schema = "ProductBranch",
    .path = "/api/product-branches",
    .collection = "product_branches",
    .module = "branches",
    .branch_field = "branch_id",
    .tell = tell,
    .holds = "stock_quantity",
    .ops = OP_ALL,
    .delete_roles = ROLES_OFFICE,
    .index_version = 1,
    .fields = fields,
    .indexes = indexes,
    .n_indexes = ARRAY_LEN(indexes),
    .derive = stock_mark,
    .written = stock_assignment_written,
    .journal = "stock_movement",
    .summary = "products of branches",
};

/* The account of a customer: every sale, payment, return and cancelling in the order of their time,
 * with what is owed after each. The database puts them together and adds them up, in one
 * aggregation over indexes by customer; only our own words are in it. */
#include "base.h"
#include "trade/customer.h"
#include "trade/report_priv.h"
#include "db/own.h"

/* A sale counts as it was made; what came off it later are entries of their own. */
static const char sale_stages[] =
    "[{\"$project\": {\"_id\": 0, \"rows\": {\"$concatArrays\": ["
    "   [{\"at\": \"$created_at\", \"order\": 0, \"kind\": \"sale\", \"document_id\": \"$id\","
    "     \"document_number\": \"$sale_number\", \"sale_id\": \"$id\","
    "     \"sale_number\": \"$sale_number\","
    "     \"debit\": {\"$add\": [\"$total\", {\"$ifNull\": [\"$refunded_amount\", 0]}]},"
    "     \"credit\": 0}],"
    "   {\"$cond\": [{\"$eq\": [\"$status\", \"cancelled\"]},"
    "     [{\"at\": \"$cancelled_at\", \"order\": 3, \"kind\": \"cancellation\","
    "       \"document_id\": \"$id\", \"document_number\": \"$sale_number\","
    "       \"sale_id\": \"$id\", \"sale_number\": \"$sale_number\","
    "       \"debit\": 0, \"credit\": \"$total\"}], []]}]}}},"
    " {\"$unwind\": \"$rows\"}, {\"$replaceRoot\": {\"newRoot\": \"$rows\"}}]";

static const char payment_stages[] =
    "[{\"$project\": {\"_id\": 0, \"at\": \"$received_at\", \"order\": {\"$literal\": 1},"
    "   \"kind\": {\"$cond\": [{\"$lt\": [\"$amount\", 0]}, \"refund\", \"payment\"]},"
    "   \"document_id\": \"$id\", \"document_number\": \"$reference\", \"sale_id\": 1,"
    "   \"sale_number\": 1, \"method\": 1,"
    "   \"debit\": {\"$cond\": [{\"$lt\": [\"$amount\", 0]},"
    "     {\"$multiply\": [\"$amount\", -1]}, 0]},"
    "   \"credit\": {\"$cond\": [{\"$lt\": [\"$amount\", 0]}, 0, \"$amount\"]}}}]";

static const char return_stages[] =
    "[{\"$unwind\": \"$back\"},"
    " {\"$project\": {\"_id\": 0, \"at\": \"$back.approved_at\", \"order\": {\"$literal\": 2},"
    "   \"kind\": \"return\", \"document_id\": \"$back.id\","
    "   \"document_number\": \"$back.return_number\", \"sale_id\": \"$id\","
    "   \"sale_number\": 1, \"debit\": {\"$literal\": 0},"
    "   \"credit\": \"$back.refund_amount\"}}]";

static const char balance_stages[] =
    "[{\"$setWindowFields\": {\"sortBy\": {\"at\": 1, \"order\": 1, \"document_id\": 1},"
    "   \"output\": {\"balance\": {\"$sum\": {\"$subtract\": [\"$debit\", \"$credit\"]},"
    "     \"window\": {\"documents\": [\"unbounded\", \"current\"]}}}}},"
    " {\"$sort\": {\"at\": 1, \"order\": 1, \"document_id\": 1}}]";

static bson_t *match_of(const struct req *req)
{
    bson_t *match = own_bson(req->arena);

    scope_filter(&req->scope, "branch_id", match);
    BSON_APPEND_UTF8(match, "customer_id", req_param(req, "id"));
    return match;
}

static bson_t *match_sales(const struct req *req)
{
    bson_t *match = match_of(req);

    BCON_APPEND(match, "status", "{", "$ne", "draft", "}");
    return match;
}

/* Of the sales that something came off. */
static void add_returns(struct pipe *pipe)
{
    struct req *req = pipe->req;
    bson_t *lookup = own_bson(req->arena), *sales = match_sales(req);
    bson_t *approved = match_tenant(req);
    struct pipe inner, back;

    BCON_APPEND(sales, "refunded_amount", "{", "$gt", BCON_INT64(0), "}");
    BSON_APPEND_UTF8(approved, "status", "approved");
    pipe_begin(&back, req, approved);
    BSON_APPEND_UTF8(lookup, "from", "returns");
    BSON_APPEND_UTF8(lookup, "localField", "id");
    BSON_APPEND_UTF8(lookup, "foreignField", "sale_id");
    BSON_APPEND_ARRAY(lookup, "pipeline", back.stages);
    BSON_APPEND_UTF8(lookup, "as", "back");
    pipe_begin(&inner, req, sales);
    pipe_add(&inner, "$lookup", lookup);
    pipe_text(&inner, return_stages);
    pipe_join(pipe, SALES, &inner);
}

static bool known(struct req *req)
{
    bson_t *filter = own_bson(req->arena);
    const bson_t *doc;

    scope_filter(&req->scope, NULL, filter);
    BSON_APPEND_UTF8(filter, "id", req_param(req, "id"));
    return scope_find_one(&req->scope, CUSTOMERS, filter, NULL, &doc, req->err) &&
           (doc != NULL || err_set(req->err, ERR_NOT_FOUND, "Customer not found"));
}

bool customer_ledger(struct req *req, int64_t skip, const bson_t **rows, size_t max, size_t *n)
{
    bson_t *page = own_bson(req->arena);
    struct pipe pipe;

    if (!known(req))
        return false;
    pipe_begin(&pipe, req, match_sales(req));
    pipe_text(&pipe, sale_stages);
    pipe_union(&pipe, SALE_PAYMENTS, match_of(req), payment_stages);
    add_returns(&pipe);
    pipe_text(&pipe, balance_stages);
    BCON_APPEND(page, "0", "{", "$skip", BCON_INT64(skip), "}", "1", "{", "$limit",
                BCON_INT64((int64_t)max), "}");
    pipe_documents(&pipe, page);
    return pipe_run(&pipe, SALES, rows, max, n);
}

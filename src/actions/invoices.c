/* The invoice and the receipt of a sale: as data, on paper, for a printer. The row says what there
 * is; what is on it, trade/invoice.h. */
#include "base.h"
#include "actions/actions.h"
#include "actions/query.h"
#include "db/own.h"
#include "engine/reply.h"
#include "paper/escpos.h"
#include "trade/receipt.h"
#include "trade/sale.h"

/* ---- as data ---- */

/* Every record of a resource that names the sale, oldest first. */
static bool show_list(struct req *req, const char *noun, const char *sale_id)
{
    bson_t *filter = own_bson(req->arena), *opts = own_bson(req->arena);

    scope_filter(&req->scope, NULL, filter);
    BSON_APPEND_UTF8(filter, "sale_id", sale_id);
    BCON_APPEND(opts, "sort", "{", "id", BCON_INT32(1), "}", "limit", BCON_INT64(1000));
    return reply_add_all(
        req, noun, scope_find(&req->scope, resource_by_noun(noun)->collection, filter, opts));
}

static bool show_data(struct req *req)
{
    bson_t *filter = own_bson(req->arena);
    const char *id = req_param(req, "id");
    struct str *out = resp_body(req);
    const bson_t *sale;

    scope_filter(&req->scope, "branch_id", filter);
    BSON_APPEND_UTF8(filter, "id", id);
    if (!scope_find_one(&req->scope, SALES, filter, NULL, &sale, req->err))
        return false;
    if (!sale)
        return err_set(req->err, ERR_NOT_FOUND, "Sale not found");
    str_addz(out, "{\"sale\":");
    reply_add(req, "sale", sale);
    str_addz(out, ",\"payments\":");
    if (!show_list(req, "payment", id))
        return false;
    str_addz(out, ",\"warranties\":");
    if (!show_list(req, "warranty_record", id))
        return false;
    str_addc(out, '}');
    return true;
}

/* ---- on paper ---- */

static bool reply_as(struct req *req, const struct invoice *invoice, const char *type,
                     const char *extension)
{
    req->resp.content_type = type;
    resp_header(req, "Content-Disposition", invoice_disposition(invoice, extension));
    return true;
}

bool action_sale_invoice(struct req *req)
{
    const char *type = req_type(req);
    struct invoice invoice;

    if (type == NULL)
        return show_data(req);
    return invoice_read(req, &invoice) && invoice_pdf(req, &invoice, resp_body(req)) &&
           reply_as(req, &invoice, type, "pdf");
}

bool action_sale_receipt(struct req *req)
{
    const char *type = req_type(req);
    struct invoice invoice;
    struct receipt receipt;
    int64_t columns;

    if (!query_number(req, "columns", ESCPOS_COLUMNS_MIN, ESCPOS_COLUMNS_MAX, ESCPOS_COLUMNS,
                      &columns))
        return false;
    if (type == NULL)
        return show_data(req);
    if (!invoice_read(req, &invoice))
        return false;
    receipt_of(&invoice, &receipt);
    if (strcmp(type, "application/pdf") == 0)
        return receipt_pdf(req, &receipt, resp_body(req)) &&
               reply_as(req, &invoice, type, "receipt.pdf");
    receipt_escpos(&receipt, (size_t)columns, resp_body(req));
    return reply_as(req, &invoice, type, "receipt.bin");
}

/* Reads what an invoice says. The database brings it together and works out the local times. */
#include "base.h"
#include "trade/invoice.h"
#include "core/clock.h"
#include "db/doc.h"
#include "db/own.h"
#include "platform/files.h"
#include "trade/report_priv.h"
#include "trade/sale.h"
#include "trade/warranty.h"
#include "trade/zone.h"

#define MEMBERS_MAX 1000 /* payments or warranties that are read */

/* Instants of earlier systems may be texts. */
#define LOCAL(value)                                                                               \
    "{\"$dateToString\": {\"date\": {\"$convert\": {\"input\": " value ", \"to\": \"date\","       \
    "  \"onError\": null, \"onNull\": null}}, \"format\": \"%Y-%m-%d %H:%M\","                     \
    "  \"timezone\": \"$_zone\"}}"

static const char first[] = "[{\"$limit\": 1}]";
static const char oldest[] = "[{\"$sort\": {\"id\": 1}}, {\"$limit\": 1000}]";
static const char times[] =
    "[{\"$set\": {\"_zone\":"
    "   {\"$ifNull\": [{\"$first\": \"$_settings.time_zone\"}, \"$$usual\"]}}},"
    " {\"$set\": {\"_made\": " LOCAL("\"$created_at\"") ","
    "   \"_cancelled\": " LOCAL("\"$cancelled_at\"") ","
    "   \"_payments\": {\"$map\": {\"input\": \"$_payments\", \"as\": \"p\", \"in\":"
    "     {\"$mergeObjects\": [\"$$p\", {\"_made\": " LOCAL("\"$$p.received_at\"") "}]}}},"
    "   \"_warranties\": {\"$map\": {\"input\": \"$_warranties\", \"as\": \"w\", \"in\":"
    "     {\"$mergeObjects\": [\"$$w\", {\"_until\": " LOCAL("\"$$w.expiry_date\"") "}]}}}}}]";

static bool read_all(struct req *req, const bson_t **doc)
{
    bson_t *match = own_bson(req->arena);
    struct pipe pipe;

    scope_filter(&req->scope, "branch_id", match);
    BSON_APPEND_UTF8(match, "id", req_param(req, "id"));
    pipe_begin(&pipe, req, match);
    pipe_text(&pipe, first);
    pipe_lookup(&pipe, &(struct pipe_link){"settings", NULL, NULL, "_settings"}, first);
    pipe_lookup(&pipe, &(struct pipe_link){"branches", "branch_id", "id", "_branch"}, first);
    pipe_lookup(&pipe, &(struct pipe_link){SALE_PAYMENTS, "id", "sale_id", "_payments"}, oldest);
    pipe_lookup(&pipe, &(struct pipe_link){WARRANTIES, "id", "sale_id", "_warranties"}, oldest);
    pipe_text(&pipe, times);
    BSON_APPEND_UTF8(pipe.let, "usual", ZONE_USUAL);
    if (!pipe_run_one(&pipe, SALES, doc))
        return false;
    return *doc != NULL || err_set(req->err, ERR_NOT_FOUND, "Sale not found");
}

/* ---- members ---- */

static const char *text_of(const bson_t *doc, const char *path)
{
    const char *text = doc_text(doc, path);

    return text != NULL ? text : "";
}

/* The documents of an array, at most `max`; how many there are in *n. */
static const bson_t **members(struct arena *arena, const bson_t *doc, const char *name, size_t max,
                              size_t *n)
{
    const bson_t **list = arena_alloc(arena, max * sizeof *list);
    bson_iter_t it, one;
    const uint8_t *data;
    uint32_t len;

    *n = 0;
    if (!doc_at(doc, name, &it) || !BSON_ITER_HOLDS_ARRAY(&it) || !bson_iter_recurse(&it, &one))
        return list;
    while (*n < max && bson_iter_next(&one)) {
        if (!BSON_ITER_HOLDS_DOCUMENT(&one))
            continue;
        bson_iter_document(&one, &len, &data);
        list[(*n)++] = own_bson_copy(arena, data, len);
    }
    return list;
}

static money_t money_of(const struct invoice *in, const bson_t *doc, const char *name)
{
    return doc_money(doc, name, in->decimals, 0);
}

/* ---- lines and taxes ---- */

static void add_tax(struct invoice *in, int64_t rate, money_t added, money_t included)
{
    size_t at = 0;

    if (added == 0 && included == 0)
        return;
    while (at < in->n_taxes && in->taxes[at].rate < rate)
        at++;
    if (at == in->n_taxes || in->taxes[at].rate != rate) {
        if (in->n_taxes == INVOICE_RATES_MAX) {
            at = INVOICE_RATES_MAX - 1;
        } else {
            memmove(&in->taxes[at + 1], &in->taxes[at], (in->n_taxes++ - at) * sizeof *in->taxes);
            in->taxes[at] = (struct invoice_tax){.rate = rate};
        }
    }
    in->taxes[at].added += added;
    in->taxes[at].included += included;
}

static void read_line(struct invoice *in, const bson_t *item, struct invoice_line *line)
{
    money_t added = money_of(in, item, "tax"), included = money_of(in, item, "tax_included");

    *line = (struct invoice_line){
        .name = text_of(item, "product_name"),
        .sku = text_of(item, "product_sku"),
        .serial = text_of(item, "serial_number"),
        .note = text_of(item, "custom_description"),
        .quantity = doc_int(item, "quantity", 0),
        .returned = doc_int(item, SALE_RETURNED, 0),
        .price = money_of(in, item, "price"),
        .discount = money_of(in, item, "discount") + money_of(in, item, "discount_share"),
        .tax = added + included,
        .rate = doc_money(item, "tax_rate", 4, -1)};
    if (!money_mul(line->price, line->quantity, &line->total))
        line->total = 0;
    line->total = doc_money(item, "total", in->decimals, line->total);
    add_tax(in, line->rate, added, included);
}

/* What lines of earlier systems do not say of the tax, the sale does. */
static void read_lines(struct invoice *in, const bson_t *sale)
{
    const bson_t **items = members(in->arena, sale, "items", INVOICE_LINES_MAX, &in->n_lines);
    money_t added = 0, included = 0;

    in->lines = arena_alloc(in->arena, (in->n_lines + 1) * sizeof *in->lines);
    for (size_t i = 0; i < in->n_lines; i++)
        read_line(in, items[i], &in->lines[i]);
    for (size_t i = 0; i < in->n_taxes; i++) {
        added += in->taxes[i].added;
        included += in->taxes[i].included;
    }
    add_tax(in, -1, in->tax - added, money_of(in, sale, "tax_included") - included);
}

/* ---- payments, warranties ---- */

static void read_payments(struct invoice *in, const bson_t *sale)
{
    size_t n;
    const bson_t **docs = members(in->arena, sale, "_payments", MEMBERS_MAX, &n);

    in->n_payments = n < INVOICE_PAYMENTS_MAX ? n : INVOICE_PAYMENTS_MAX;
    in->more_payments = n - in->n_payments;
    in->payments = arena_alloc(in->arena, (in->n_payments + 1) * sizeof *in->payments);
    for (size_t i = 0; i < in->n_payments; i++)
        in->payments[i] = (struct invoice_payment){.made = text_of(docs[i], "_made"),
                                                   .method = text_of(docs[i], "method"),
                                                   .reference = text_of(docs[i], "reference"),
                                                   .amount = money_of(in, docs[i], "amount")};
}

static const char *warranty_text(const struct invoice *in, const bson_t *record)
{
    const char *status = lapse_state(&warranty_lapse, record, clock_ms());

    return arena_printf(in->arena, "%s  %s  %s  until %.10s%s%s", text_of(record, "warranty_code"),
                        text_of(record, "product_name"), text_of(record, "serial_number"),
                        text_of(record, "_until"), strcmp(status, "active") == 0 ? "" : "  ",
                        strcmp(status, "active") == 0 ? "" : status);
}

static void read_warranties(struct invoice *in, const bson_t *sale)
{
    const bson_t **docs = members(in->arena, sale, "_warranties", INVOICE_LINES_MAX,
                                  &in->n_warranties);

    in->warranties = arena_alloc(in->arena, (in->n_warranties + 1) * sizeof *in->warranties);
    for (size_t i = 0; i < in->n_warranties; i++)
        in->warranties[i] = warranty_text(in, docs[i]);
}

/* ---- the business ---- */

static void free_bytes(void *bytes)
{
    free(bytes);
}

static void read_logo(struct req *req, struct invoice *in, const char *url)
{
    const char *name = url + strlen(FILES_BRANDING_URL);
    char *bytes;

    if (strncmp(url, FILES_BRANDING_URL, strlen(FILES_BRANDING_URL)) != 0)
        return;
    in->logo_kind = file_kind_of_name(name);
    if (in->logo_kind != FILE_JPEG && in->logo_kind != FILE_PNG)
        return;
    bytes = files_read(&req->app->conf, req->tenant->tenant_id, FILES_BRANDING, name,
                       INVOICE_LOGO_MAX, &in->logo_len);
    if (bytes == NULL)
        return;
    arena_defer(req->arena, free_bytes, bytes);
    in->logo = bytes;
}

/* The registry knows the business; one of the shared database has its settings alone. */
static void read_business(struct req *req, struct invoice *in, const bson_t *sale)
{
    in->business = arena_strdup(req->arena, req->tenant->business_name);
    if (*in->business == '\0')
        in->business = text_of(sale, "_settings.0.website_name");
    in->currency = arena_strdup(req->arena, req->tenant->currency);
    in->branch = text_of(sale, "_branch.0.name");
    in->address = text_of(sale, "_branch.0.address");
    in->phone = text_of(sale, "_branch.0.contact_phone");
    read_logo(req, in, text_of(sale, "_settings.0.logo_url"));
}

static void read_head(struct invoice *in, const bson_t *sale)
{
    in->sale_number = text_of(sale, "sale_number");
    in->number = text_of(sale, "invoice_no");
    if (*in->number == '\0')
        in->number = in->sale_number;
    in->made = text_of(sale, "_made");
    in->cashier = text_of(sale, "created_by");
    in->customer = text_of(sale, "customer_name");
    in->customer_phone = text_of(sale, "customer_phone");
    in->customer_address = text_of(sale, "customer_address");
    in->status = text_of(sale, "status");
    in->cancelled = text_of(sale, "_cancelled");
    in->reason = text_of(sale, "cancellation_reason");
    in->terms = text_of(sale, "warranty_terms");
}

static void read_sums(struct invoice *in, const bson_t *sale)
{
    in->subtotal = money_of(in, sale, "subtotal");
    in->discount = money_of(in, sale, "discount");
    in->tax = money_of(in, sale, "tax");
    in->refunded = money_of(in, sale, SALE_REFUNDED);
    in->total = money_of(in, sale, "total");
    in->paid = money_of(in, sale, "amount_paid");
    in->due = money_of(in, sale, "balance_due");
}

/* At most `max` bytes of a text, whole characters and no control characters. */
static const char *short_text(const struct invoice *in, const char *text, size_t max)
{
    size_t len = strnlen(text, max + 1);
    char *copy;

    if (len > max)
        for (len = max; len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80;)
            len--;
    copy = arena_strndup(in->arena, text, len);
    for (char *p = copy; *p != '\0'; p++)
        if (iscntrl((unsigned char)*p))
            *p = ' ';
    return copy;
}

/* Few characters, so that the code stays coarse enough for a receipt. */
static const char *code_of(const struct invoice *in)
{
    return arena_printf(in->arena, "%s\n%s\n%s %s\n%s", short_text(in, in->number, 40), in->made,
                        in->currency, invoice_money(in, in->total),
                        short_text(in, in->business, 60));
}

bool invoice_read(struct req *req, struct invoice *in)
{
    const bson_t *sale;

    *in = (struct invoice){.arena = req->arena, .decimals = req->tenant->decimals};
    if (!read_all(req, &sale))
        return false;
    read_business(req, in, sale);
    read_head(in, sale);
    read_sums(in, sale);
    read_lines(in, sale);
    read_payments(in, sale);
    read_warranties(in, sale);
    in->code = code_of(in);
    return true;
}

/* ---- texts ---- */

const char *invoice_money(const struct invoice *in, money_t amount)
{
    char text[MONEY_TEXT_SIZE];

    money_format(text, amount, in->decimals);
    return arena_strdup(in->arena, text);
}

const char *invoice_tax_name(const struct invoice *in, const struct invoice_tax *tax,
                             bool included)
{
    const char *name = included ? "Including tax" : "Tax";
    int64_t rate = tax->rate;
    char text[MONEY_TEXT_SIZE];
    int decimals = 4;

    if (rate < 0)
        return name;
    for (; decimals > 0 && rate % 10 == 0; decimals--)
        rate /= 10;
    money_format(text, rate, decimals);
    return arena_printf(in->arena, "%s %s%%", name, text);
}

const char *invoice_disposition(const struct invoice *in, const char *extension)
{
    char name[40];
    size_t n = 0;

    for (const char *p = in->number; *p != '\0' && n + 1 < sizeof name; p++)
        name[n++] = isalnum((unsigned char)*p) || strchr("-_.", *p) ? *p : '_';
    name[n] = '\0';
    return arena_printf(in->arena, "inline; filename=\"%s.%s\"", n > 0 ? name : "invoice",
                        extension);
}

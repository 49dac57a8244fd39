/* What stands on an invoice or receipt, as the sale's record says it: nothing is worked out anew,
 * so that paper and JSON cannot differ.
 *
 * Everything is read by one aggregation, so a document costs one round trip, where the JSON of the
 * same sale costs two or three. Texts are the request's memory, UTF-8 of anybody's, never NULL
 * ("" when there is none) but where it is said.
 */
#ifndef ERP_TRADE_INVOICE_H
#define ERP_TRADE_INVOICE_H

#include "core/money.h"
#include "http/req.h"

#define INVOICE_LINES_MAX    500
#define INVOICE_RATES_MAX    32 /* further ones are added to the last */
#define INVOICE_PAYMENTS_MAX 200
#define INVOICE_LOGO_MAX     (5u << 20) /* bytes of a file */

struct invoice_line {
    const char *name, *sku, *serial, *note;
    int64_t quantity, returned;
    money_t price, discount, tax, total; /* tax: also what the price contains */
    int64_t rate;                        /* ten-thousandths of a percent; -1: not known */
};

struct invoice_tax {
    int64_t rate; /* -1: an amount that was given, or of a sale of an earlier system */
    money_t added, included;
};

struct invoice_payment {
    const char *made, *method, *reference;
    money_t amount; /* negative: given back */
};

struct invoice {
    struct arena *arena;
    int decimals;
    const char *currency; /* ISO 4217 */
    const char *business, *branch, *address, *phone;
    const char *number, *sale_number, *made, *cashier; /* made: "2026-01-31 17:05", its time zone */
    const char *customer, *customer_phone, *customer_address;
    const char *status; /* completed, cancelled or draft */
    const char *cancelled, *reason;
    const char *terms;
    struct invoice_line *lines;
    size_t n_lines;
    struct invoice_tax taxes[INVOICE_RATES_MAX]; /* the lowest rate first */
    size_t n_taxes;
    struct invoice_payment *payments;
    size_t n_payments, more_payments; /* those beyond INVOICE_PAYMENTS_MAX are only counted */
    const char **warranties; /* a line each */
    size_t n_warranties;
    money_t subtotal, discount, tax, refunded, total, paid, due;
    const char *logo; /* a file of the business's own; NULL: none */
    size_t logo_len;
    enum file_kind logo_kind;
    const char *code; /* what the QR code says */
};

/* The sale of the request's path, within the user's branch. ERR_NOT_FOUND. */
bool invoice_read(struct req *req, struct invoice *invoice);

/* "12.50", arena-owned. */
const char *invoice_money(const struct invoice *invoice, money_t amount);
/* "Tax", "Tax 15%" or "Including tax 15%". */
const char *invoice_tax_name(const struct invoice *invoice, const struct invoice_tax *tax,
                             bool included);

/* A Content-Disposition that shows the document, named after the invoice's number. */
const char *invoice_disposition(const struct invoice *invoice, const char *extension);

/* An A4 document, as many pages as it takes. ERR_INTERNAL. */
bool invoice_pdf(struct req *req, const struct invoice *invoice, struct str *out);

#endif

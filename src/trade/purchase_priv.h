/* Between the files of purchases; not for others. */
#ifndef ERP_TRADE_PURCHASE_PRIV_H
#define ERP_TRADE_PURCHASE_PRIV_H

#include "trade/purchase.h"

/* One attempt, in its transaction. */
struct purchase_work {
    struct req *req;
    struct scope *scope;
    struct err *err;
    struct purchase_line *lines;
    size_t n;
    const char *terms; /* for products that are made; NULL: none */
    bool lenient;      /* a product that is gone is looked for by its name, or made anew */
};

/* Finds or makes the product of every line (purchase_lines.c). */
bool purchase_resolve(struct purchase_work *w);

/* The lines as a purchase holds them, under `items`. */
void purchase_append_items(const struct purchase_work *w, bson_t *doc);

/* Appends a row of receipt_files under `key`. */
void purchase_append_receipt(const struct req *req, const char *key, const char *name,
                             bson_t *list);

/* "items[3].name", arena-owned. */
const char *purchase_path(const struct purchase_work *w, size_t at, const char *name);

#endif

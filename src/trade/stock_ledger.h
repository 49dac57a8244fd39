/* Rows of the stock ledger: written by trade/stock.c, read here. */
#ifndef ERP_TRADE_STOCK_LEDGER_H
#define ERP_TRADE_STOCK_LEDGER_H

#include "trade/stock.h"

/* One movement. Texts are borrowed. */
struct ledger_row {
    enum stock_kind kind;
    const char *product_id;
    const char *branch_id; /* NULL: the product's own stock */
    int64_t before, delta;
    const char *document_id, *document_number; /* NULL: none */
};

/* Rows to be stored together. */
struct ledger {
    const bson_t **rows;
    size_t n, room;
};

/* Room for `room` rows, in the scope's arena. */
void ledger_init(struct ledger *ledger, const struct scope *scope, size_t room);
void ledger_add(struct ledger *ledger, const struct scope *scope, const struct ledger_row *row);
/* Stores them in one command. */
bool ledger_store(const struct ledger *ledger, struct scope *scope, struct err *err);

/* What there was of a product, in one aggregation over its rows. */
struct stock_place {
    const char *branch_id; /* NULL: the product's own stock */
    int64_t stock;
    bool known; /* false: the ledger begins later, with an opening */
};

/* The places of a product (within the scope's branch) at an instant, the product's own first;
 * arena-owned. *since_ms is the time of the first row; -1 when there are none. */
bool stock_as_of(struct scope *scope, const char *product_id, int64_t at_ms,
                 struct stock_place **places, size_t *n, int64_t *since_ms, struct err *err);

/* What does not agree: a place whose rows add up to something else than it has. */
struct stock_fault {
    const char *product_id, *branch_id; /* branch_id NULL: the product's own stock */
    int64_t stock, ledger;
    bool gone;                          /* the record is not there any more */
};

struct stock_report {
    int64_t places;   /* records looked at */
    int64_t rows;     /* of the ledger */
    int64_t unopened; /* records that the ledger does not know yet */
    int64_t n_faults;
    struct stock_fault *faults; /* the first STOCK_FAULTS_MAX of them, arena-owned */
};

#define STOCK_FAULTS_MAX 1000

/* Compares every product and assignment with its rows, at one moment (db/bulk.h: scope_snapshot),
 * in four passes over indexes, whatever the size. */
bool stock_reconcile(struct scope *scope, struct stock_report *report, struct err *err);

#endif

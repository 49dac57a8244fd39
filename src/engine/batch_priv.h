/* Between batch.c (the transaction, new records) and batch_change.c (those that are there). */
#ifndef ERP_ENGINE_BATCH_PRIV_H
#define ERP_ENGINE_BATCH_PRIV_H

#include "engine/batch.h"

/* One transaction's part of a batch. The arrays are by row. */
struct part {
    const struct batch *batch;
    struct batch_row *rows;
    size_t n;
    bool *refused;           /* before the transaction, or by the server in an earlier attempt */
    const bson_t **old;      /* NULL: there is none */
    const bson_t **derived;
    const bson_t **would_be; /* what unique values are looked up for */
};

static inline bool batch_alive(const struct part *p, size_t i)
{
    return !err_is_set(p->rows[i].err);
}

size_t batch_count(const struct part *p); /* of the rows that are alive */

/* The server refused a row though nothing was seen against it: it is left out, and all begins anew.
 * Always false. */
bool batch_leave_out(struct part *p, struct scope *scope, size_t row, struct err *err);

/* Fills p->old; rows that name no record, or have another entity tag, are refused. */
bool batch_read_old(struct part *p, struct scope *scope, struct err *err);

/* Fills p->derived and p->would_be. */
void batch_check_changes(struct part *p, struct scope *scope);

bool batch_store_changes(struct part *p, struct scope *scope, struct err *err);
bool batch_store_deletions(struct part *p, struct scope *scope, struct err *err);

#endif

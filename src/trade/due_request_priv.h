/* Between the files of due requests; not for others. */
#ifndef ERP_TRADE_DUE_REQUEST_PRIV_H
#define ERP_TRADE_DUE_REQUEST_PRIV_H

#include "trade/due_request.h"
#include "trade/sale_priv.h"

/* The order of a sale by the members and items of a request, sent or stored. */
bool due_request_sale(struct req *req, const bson_t *request, const bson_t **items, size_t n,
                      struct sale_order *out, struct err *err);

/* As people are called in notifications. */
const char *due_request_person(const struct req *req);

#endif

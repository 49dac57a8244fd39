/* What the staff does about a claim, and what the supplier answers. Each function is one
 * transaction of the warranty of the request's path, on behalf of the request's user and within the
 * branch: ERR_NOT_FOUND; ERR_STATE with what is allowed. *record is the warranty as it is then. */
#ifndef ERP_TRADE_WARRANTY_STAFF_H
#define ERP_TRADE_WARRANTY_STAFF_H

#include "core/money.h"
#include "trade/warranty.h"

/* Indexes of all that these store; nothing after the first time. */
bool warranty_staff_prepare(struct req *req);

/* A claimed one is looked at. */
bool warranty_inspect_start(struct req *req, struct scope *scope, const bson_t **record,
                            struct err *err);

/* `in`: the checked members of InspectionCreate. "valid" asks the supplier, anything else declines
 * the claim. */
bool warranty_inspect(struct req *req, struct scope *scope, const bson_t *in,
                      const bson_t **record, struct err *err);

struct supplier_action {
    const bson_t *in;        /* the checked members of SupplierActionCreate */
    const char *type;        /* of supplier_action_types */
    money_t amount;          /* that goes back to the customer; 0: none */
    const char *serial;      /* of the unit that was sent; NULL: none */
    const char *reference;   /* of the payment; NULL: none */
};

/* Reads and checks a body: ERR_VALIDATION, also where money goes back and no amount is said. */
bool supplier_action_read(struct req *req, struct supplier_action *action);

/* A replacement with a serial number gets a warranty of its own, for the full period from now; a
 * refund a row of WARRANTY_REFUNDS. *made is the stored action. */
bool warranty_supplier_action(struct req *req, struct scope *scope,
                              const struct supplier_action *action, const bson_t **record,
                              const bson_t **made, struct err *err);

/* Names the supplier's warranty that stands behind it: ERR_VALIDATION where none is said (NULL), or
 * unless it is of the same product. */
bool warranty_link(struct req *req, struct scope *scope, const char *supplier_warranty_id,
                   const bson_t **record, struct err *err);

#endif

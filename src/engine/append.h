/* Rows that are added to a record: an installment of an order, a part of a job card.
 *
 * A descriptor lists what may be added (engine/resource.h): the list that grows, the form of what
 * is sent (engine/form.c), and the amounts that move with it. Asked for by POST
 * <path>/{id}/<segment>. What is added gets an id, the time and who did it; the resource's derive()
 * then works out the rest, as after every write, so that totals cannot drift from the rows.
 *
 * To add one: 1. its form in engine/form.c; 2. its row in the descriptor; 3. t/case/<form>/.
 */
#ifndef ERP_ENGINE_APPEND_H
#define ERP_ENGINE_APPEND_H

#include "http/route.h"
#include "db/scope.h"

struct resource;

struct append {
    const char *segment; /* of the path: "installment" */
    const char *list;    /* K_ROWS, read-only: gets an object. K_TEXT_LIST: gets the text of the
                            form's first field, once */
    const char *form;    /* what is sent */
    const char *amount;  /* K_MONEY of the form that is added to `sum`; NULL: nothing is */
    const char *sum;     /* K_MONEY of the record, read-only */
    bool open;           /* members that the form lacks are kept too, as a free object's */
    bool by_query;       /* the form's fields may stand in the query instead */
    unsigned roles;      /* 0: the resource's write_roles */
    const char *closed_by;           /* a field whose… */
    const char *const *closed_when;  /* …values end it: ERR_STATE; NULL: nothing does */
    /* What follows from a row that was added (by the members of the form) to `record`, in the
     * transaction, before the audit entry is made. NULL: nothing does. */
    bool (*added)(struct scope *scope, const bson_t *record, const bson_t *row, struct err *err);
    const char *summary;
};

/* Fills the row of the operation; its texts live in `texts`. The handler: ERR_NOT_FOUND,
 * ERR_VALIDATION, ERR_STATE, ERR_CONFLICT when the list is full. Round trips: four, one a
 * reference of the form, and those of `added`. */
void append_route(const struct resource *resource, const struct append *append,
                  struct arena *texts, struct route *row);

#endif

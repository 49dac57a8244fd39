/* State machines of records: a status that moves along declared transitions and no other way.
 *
 * A descriptor names its machine (engine/resource.h). The field is K_ENUM, read-only, and its
 * default is the first state; the transitions say who may make each and what each stamps. They are
 * asked for by PATCH <path>/{id}/<segment>, with the state as a query argument or in a JSON body.
 * What else a move does, such as moving stock, is the machine's `step`.
 */
#ifndef ERP_ENGINE_STATE_H
#define ERP_ENGINE_STATE_H

#include "http/route.h"

struct resource;

struct transition {
    const char *from, *to;
    unsigned roles;    /* 0: the machine's */
    const char *stamp; /* a K_DAY field that gets the time, or what the caller says; NULL: none */
    const char *takes; /* a K_INT field that the caller may give a value; NULL: none */
};

struct states {
    const char *field;    /* "status" */
    const char *segment;  /* of the path: "status" */
    const char *argument; /* its name for callers; NULL: that of the field */
    unsigned roles;       /* who may move it; 0: the resource's write_roles */
    const struct transition *transitions; /* ended by a NULL `from` */
    /* Runs in the transaction of a legal move of `old`, before it, maybe several times; `set`, what
     * will be written, has state, stamp and what is taken, and takes more. May refuse. NULL:
     * nothing else happens. */
    bool (*step)(struct req *req, struct scope *scope, const struct transition *t,
                 const bson_t *old, bson_t *set, struct err *err);
};

/* May a record go from one state to another? ERR_STATE with what is allowed from here. For actions
 * that move one on their own; who may is their row's to say. */
bool state_may(const struct states *states, const char *from, const char *to, struct err *err);

/* Fills the row of the operation; its texts live in `texts`. */
void state_route(const struct resource *resource, struct arena *texts, struct route *row);

/* The handler: ERR_NOT_FOUND, ERR_VALIDATION for what is no state, ERR_STATE with the states that
 * are allowed from here, ERR_ROLE_FORBIDDEN. */
bool state_change(struct req *req);

/* For records that are stored as they already stand, such as demo data: puts the state `to` in the
 * place of the first one in `set`. ERR_VALIDATION when transitions do not lead to it. */
bool state_begin(const struct resource *resource, const char *to, bson_t *set, struct err *err);

/* PATCH <path>/{id}/toggle: turns a yes into a no and back (resource->toggle). */
void state_toggle_route(const struct resource *resource, struct arena *texts, struct route *row);

#endif

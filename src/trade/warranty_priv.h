/* Between the files of warranties; not for others. */
#ifndef ERP_TRADE_WARRANTY_PRIV_H
#define ERP_TRADE_WARRANTY_PRIV_H

#include "engine/series.h"
#include "trade/warranty.h"

/* ---- how long (warranty_term.c) ---- */

struct warranty_term {
    int64_t start, expiry; /* instants */
    int64_t months;
    int year; /* of the start, where the business is */
};

/* What a term is worked out from, by the database. */
struct term_ask {
    const char *months_path; /* "$warranty_months"; NULL: `months` */
    int32_t months;
    const char *start_day; /* "2026-01-31": where it begins, there; NULL: `start` */
    int64_t start;         /* 0: now */
};

#define WITH_TERM     "_term"
#define WITH_SETTINGS "_settings"

/* Appends the member WITH_TERM to a $set of a pipeline whose documents hold the business's settings
 * in the array WITH_SETTINGS: null where there are no months. */
void term_append(const struct term_ask *ask, bson_t *set);

/* The first match of a filter, with WITH_TERM; *doc NULL when there is none. One round trip. */
bool term_read(struct scope *scope, const char *collection, const bson_t *filter,
               const struct term_ask *ask, const bson_t **doc, struct err *err);

/* False: it has none. */
bool term_of(const bson_t *doc, struct warranty_term *term);

/* ---- records (warranty_doc.c) ---- */

/* A record that is to be made; texts may be NULL but for product_id. */
struct warranty_seed {
    const bson_t *sale;    /* its customer and numbers; NULL: as `old` has them */
    const bson_t *product; /* NULL: as `old` has it, or gone */
    const bson_t *old;     /* the record that it replaces; NULL: none */
    const char *product_id, *serial;
    int64_t line, unit; /* of the sale, from 0 */
    const struct warranty_term *term;
};

/* The document, with the next number of `series`; NULL: that of the old one with "-R". */
const bson_t *warranty_document(struct req *req, struct scope *scope,
                                const struct warranty_seed *seed, struct series *series);

/* The serial number of a product that a line does not name; NULL: none. */
const char *product_serial(const bson_t *product);

/* ---- events (warranty_doc.c) ---- */

struct warranty_event {
    const char *type, *actor; /* of warranty_event_types and warranty_actors */
    const char *note;
    const bson_t *attachments; /* an array; NULL: none */
    const bson_t *meta;        /* NULL: none */
};

/* A document of an event of this record, by the request's user where there is one. */
const bson_t *event_document(const struct req *req, struct scope *scope, const bson_t *record,
                             const struct warranty_event *event);

/* ---- changes (warranty.c) ---- */

#define EVENTS_MAX 4

/* One attempt to change a warranty, in its transaction. */
struct warranty_change {
    struct req *req;
    struct scope *scope;
    struct err *err;
    const char *id;
    int64_t now;
    const bson_t *record; /* as it was */
    const bson_t *after;  /* as it is */
    const bson_t *events[EVENTS_MAX];
    size_t n_events;
};

struct warranty_change warranty_change_of(struct req *req, struct scope *scope, const char *id,
                                          struct err *err);
/* Reads it, within the branch: ERR_NOT_FOUND. */
bool warranty_read(struct warranty_change *c);
bson_t *warranty_filter(const struct warranty_change *c);
/* May it become `to`, by somebody who moves only those that are `from` (NULL: any)? ERR_STATE. */
bool warranty_may(const struct warranty_change *c, const char *from, const char *to);
/* Sets what is in `set`, and the state when `to` is not NULL, on the condition of warranty_may. */
bool warranty_store(struct warranty_change *c, const char *from, const char *to,
                    const bson_t *set);
void warranty_tell(struct warranty_change *c, const struct warranty_event *event);
/* Stores the events, and the audit entry. */
bool warranty_finish(struct warranty_change *c, const char *action);

#endif

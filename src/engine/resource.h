/* A resource: one descriptor gives a noun its fields, collection, indexes, operations and roles.
 *
 * To add one: 1. src/resources/<noun>.c with one `const struct resource <noun>_resource`;
 * 2. its line in src/resources/list.def; 3. its file in Makefile.am; 4. a folder t/case/<noun>/.
 * Routes, validation, OpenAPI, indexes and the isolation tests follow (docs/add-a-resource.md).
 */
#ifndef ERP_ENGINE_RESOURCE_H
#define ERP_ENGINE_RESOURCE_H

#include "engine/append.h"
#include "engine/kind.h"
#include "engine/lapse.h"
#include "engine/state.h"
#include "http/route.h"
#include "tenant/limit.h"

enum resource_ops {
    OP_LIST = 1 << 0,
    OP_GET = 1 << 1,
    OP_CREATE = 1 << 2,
    OP_REPLACE = 1 << 3, /* PUT */
    OP_PATCH = 1 << 4,   /* merge patch (RFC 7396) */
    OP_DELETE = 1 << 5,
    OP_READ = OP_LIST | OP_GET,
    OP_ALL = OP_READ | OP_CREATE | OP_REPLACE | OP_PATCH | OP_DELETE
};

#define INDEX_KEYS_MAX 5

/* An index beyond those that the fields' flags bring. Keys begin with tenant_id; "-name" is
 * descending. */
struct index_def {
    const char *keys[INDEX_KEYS_MAX];
    bool unique;
    bool expires; /* its one key is a date: the server removes the record when it is past */
    /* Only records whose `text` is there, and whose `field` is one of `values`, are in it; NULL:
     * all are. */
    const char *text, *field;
    const char *const *values;
    const char *above; /* only records in which this number, or one of this list, is above 0 */
};

/* A fixed filter under the collection's path: GET /api/products/low-stock. */
struct view {
    const char *path;
    const char *summary;
    void (*filter)(bson_t *filter);
    const char *sort; /* as in ?sort=, NULL: the resource's */
};

/* A record that was written: `before` NULL when it is new, `after` NULL when it is gone. */
struct written {
    const bson_t *before, *after;
};
struct branch_view;

struct resource {
    const char *noun;       /* "product" */
    const char *schema;     /* "Product": its name in OpenAPI */
    const char *path;       /* "/api/products" */
    const char *collection; /* "products" */
    const char *module;
    const char *branch_field; /* records belong to a branch; NULL: to the whole tenant */
    const struct branch_view *branches; /* how branches have its records; NULL: as they are */
    const char *own_field; /* who made it, by the user's id: all that own_roles see of the records
                              are their own; NULL: no such rule */
    unsigned own_roles;
    const char *holds; /* K_INT: while it is not 0, the record's owner (F_OWNED) stays too */
    unsigned ops;
    unsigned read_roles;   /* 0: ROLES_TENANT */
    unsigned write_roles;  /* 0: ROLES_MANAGER */
    unsigned delete_roles; /* 0: as write_roles */
    const struct field *fields; /* ended by a NULL name; without id, tenant_id and the dates */
    const struct index_def *indexes;
    size_t n_indexes;
    const struct view *list_view; /* what a plain list shows, when not everything; its path and
                                     summary are none */
    const struct view *views;
    size_t n_views;
    const char *sort;       /* default order, as in ?sort=; NULL: "id" */
    enum tenant_limit limit; /* what of the licence says how many there may be */
    bool audit;             /* entries of the audit log: beside the tenant's database, of other
                               standard fields; lists only, with no indexes but its own */
    const struct states *states; /* how its status moves; NULL: it has none */
    const struct lapse *lapse;   /* a state that time alone brings; NULL: none */
    const struct append *appends; /* rows that are added to it; NULL: none */
    size_t n_appends;
    const char *toggle;     /* a K_BOOL that PATCH <path>/{id}/toggle turns over; NULL: none */
    /* Appends what the server works out from other fields (read-only, without a default) to `out`.
     * `set` is what is written, `old` the stored record, NULL when it is new. NULL: nothing is. */
    bool (*derive)(const struct kind_env *env, const bson_t *set, const bson_t *old, bson_t *out,
                   struct err *err);
    /* Runs in the transaction of every write of the engine (one record, or a batch), after it, to
     * store what follows from it. NULL: nothing does. */
    bool (*written)(struct scope *scope, const struct written *records, size_t n,
                    struct err *err);
    const char *journal;    /* noun of the resource that `written`, or what follows from a row that
                               is added, adds records to: its indexes are made with this one's.
                               NULL: to none */
    /* Asked before a record is deleted, of what the engine cannot know: ERR_IN_USE. */
    bool (*may_delete)(struct req *req, const char *id);
    /* As derive, for what hangs on other records: runs in the transaction of the write. */
    bool (*look)(struct scope *scope, const bson_t *set, const bson_t *old, bson_t *out,
                 struct err *err);
    /* Tells people of a record that a request makes: once before the transaction (`record` NULL,
     * what is written in `set`), and in it, maybe several times, when it is there. *data stays. */
    bool (*tell)(struct req *req, const bson_t *set, const bson_t *record, void **data,
                 struct err *err);
    const char *taken; /* what a refused duplicate means, a sentence; NULL: its field says it */
    bool singleton;         /* one record a tenant, made on first read, at `path` itself */
    unsigned index_version; /* counts up when indexes change */
    const char *summary;    /* what it is, one line */
};

/* Every descriptor, from resources/list.def. */
size_t resource_count(void);
const struct resource *resource_at(size_t i);
const struct resource *resource_by_noun(const char *noun);
const struct resource *resource_by_collection(const char *collection);

/* A field (K_REF) that refers to records of a resource. Begins as {.field = NULL}. */
struct referrer {
    const struct resource *from;
    const struct field *field;
    size_t at; /* of `from` in the list */
};

/* Goes to the next one; false when there are no more. */
bool resource_next_referrer(const struct resource *to, struct referrer *r);

/* Who reads and who writes it where nothing more special is said. */
unsigned resource_read_roles(const struct resource *resource);
unsigned resource_write_roles(const struct resource *resource);

/* Adds to a filter that somebody of own_roles means the own records alone. */
void resource_filter_own(const struct resource *resource, const struct req *req, bson_t *filter);

/* Whether ?q= finds its records. */
bool resource_searchable(const struct resource *resource);

/* The fields that every record has beside those of its descriptor, in the order shown. */
enum std_field { STD_ID = 1, STD_TENANT_ID = 2, STD_CREATED_AT = 4, STD_UPDATED_AT = 8 };
#define STD_FIELDS 4
extern const char *const std_field_names[STD_FIELDS]; /* name i has the bit 1 << i */

/* Which of them the records of a resource have. */
unsigned resource_std(const struct resource *resource);

/* By which of them lists can be sorted: none of the audit log, whose indexes are its own. */
unsigned resource_std_sorts(const struct resource *resource);

/* The bit of a standard field by its name of `len` bytes; 0 for any other name. */
unsigned std_field(const char *name, size_t len);

/* Does a replacement ask for less than a new record, because some of what is required is fixed or
 * stays when it is left out? */
bool resource_keeps(const struct resource *resource);

size_t resource_field_count(const struct resource *resource);
const struct field *resource_field(const struct resource *resource, const char *name);

/* Descriptor checks: names, kinds, limits, defaults, references, indexes. Prints every fault on
 * `out` and returns how many there are; the programs die unless it is 0. */
size_t resource_lint(FILE *out);

#endif

/* ?expand=customer_id,…: the records that a page's references name, beside the page's own.
 *
 * Each record of the reply gets a member "expanded", an object with a member a field that was
 * named: the referenced record, or null when there is none that the caller may see. One query a
 * field and page, and one more for what branches have of products, whatever the number of records.
 */
#ifndef ERP_ENGINE_EXPAND_H
#define ERP_ENGINE_EXPAND_H

#include "engine/ids.h"
#include "engine/query.h"

#define EXPAND_MAX    5 /* names in one request */
#define EXPAND_MEMBER "expanded"

struct expand {
    size_t n; /* 0: nothing was asked for */
    const struct field *field[EXPAND_MAX];
    struct ids ids[EXPAND_MAX];       /* that the page names */
    const bson_t **found[EXPAND_MAX]; /* by the place of the id; NULL: none */
};

/* Has the resource references at all? */
bool expand_offered(const struct resource *resource);

/* Reads the parameter. ERR_VALIDATION for what is no reference of the resource, or too many;
 * ERR_ROLE_FORBIDDEN, ERR_MODULE_FORBIDDEN, ERR_BRANCH_REQUIRED when the caller could not read the
 * referenced records by themselves. */
bool expand_read(struct req *req, const struct resource *resource, struct expand *out,
                 struct err *err);

/* The named fields are read, also when ?fields= does not show them: bits of list_query.shown. */
uint64_t expand_fields(const struct expand *expand, const struct resource *resource);

/* Fetches what `n` records refer to, of the scope's tenant and branch. */
bool expand_load(struct req *req, struct expand *expand, const bson_t *const *docs, size_t n,
                 struct err *err);

/* Adds the member to the object that `out` ends with, which is `doc` rendered. */
void expand_render(const struct expand *expand, const struct kind_env *env, const bson_t *doc,
                   struct str *out);

/* Loads and adds the records of a page to the reply, but those that are NULL. */
bool expand_page(struct req *req, const struct list_query *query, struct expand *expand,
                 const bson_t **docs, size_t n);

#endif

/* List parameters -> one filter, sort and projection: limit, after, sort, fields, q, filters.
 *
 * Paging is by key: the cursor holds the last row's sort value and id, sealed with an HMAC, so a
 * page costs the same wherever it lies and a cursor cannot be forged or used elsewhere.
 */
#ifndef ERP_ENGINE_QUERY_H
#define ERP_ENGINE_QUERY_H

#include "engine/resource.h"

#define LIST_LIMIT_MAX  1000
#define LIST_SEARCH_MAX 64 /* characters of ?q= */

struct list_query {
    bson_t *filter;       /* begins with the scope's tenant */
    bson_t *count_filter; /* the same without the cursor */
    bson_t *opts;         /* sort, limit, projection, batchSize */
    int64_t limit;
    const struct field *sort; /* NULL: by id (or a built-in name) */
    const char *sort_name;
    int sort_dir;             /* 1 or -1 */
    uint64_t shown;           /* bit i: field i of the descriptor is shown */
    uint64_t fetched;         /* the same for those that are read and not shown */
    unsigned shown_std;       /* bits of enum std_field */
    bool all_fields;
};

/* Reads the request's parameters: ERR_BAD_QUERY for unknown names and bad values. The
 * documents of `out` are the arena's. `view` may be NULL; `fetched`: bits of fields that are wanted
 * beside those shown. */
bool query_list(struct req *req, const struct resource *resource, const struct view *view,
                uint64_t fetched, struct list_query *out, struct err *err);

/* The same for an export: its limit may be larger, and is EXPORT_ROWS_MAX + 1 when the request
 * names none, so that a caller sees that there were more. */
#define EXPORT_ROWS_MAX 100000
bool query_export(struct req *req, const struct resource *resource, const struct view *view,
                  struct list_query *out, struct err *err);

/* Adds the Link header of the next page, after the last document of a full page. */
void query_link_next(struct req *req, const struct resource *resource,
                     const struct list_query *query, const bson_t *last);

/* The same for a list of another kind: the request's own address with this `after`. */
void query_link_after(struct req *req, const char *cursor);

#endif

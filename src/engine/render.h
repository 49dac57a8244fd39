/* From BSON straight to JSON text: no tree in between on the read path. */
#ifndef ERP_ENGINE_RENDER_H
#define ERP_ENGINE_RENDER_H

#include "engine/query.h"

/* Appends one record as a JSON object: id, the dates, tenant_id, then every field of the
 * descriptor in its order, null (or the default) when the document lacks it. `query` NULL shows
 * everything. */
void render_record(const struct resource *resource, const struct kind_env *env,
                   const bson_t *doc, const struct list_query *query, struct str *out);

/* Appends the columns that render_csv gives, as a row of CSV. */
void render_csv_head(const struct resource *resource, const struct list_query *query,
                     struct str *out);

/* Appends one record as a row of CSV: the same fields in the same order, empty for null. Texts of
 * people are made harmless (engine/csv.h); lists and objects are JSON. */
void render_csv(const struct resource *resource, const struct kind_env *env, const bson_t *doc,
                const struct list_query *query, struct str *out);

/* Whether a list of entity tags (If-Match) names this revision of the document, or any; a tag may
 * say more after a dot, of what was shown beside the document. */
bool render_etag_listed(const char *list, const bson_t *doc, struct arena *arena);

/* The same for the rows of a form (engine/form.h): members of the document by their names; the
 * default, or null, for what it lacks. `doc` may be NULL: it lacks all. */
void render_row(const struct field *fields, const struct kind_env *env, const bson_t *doc,
                struct str *out);
void render_row_csv_head(const struct field *fields, struct str *out);
void render_row_csv(const struct field *fields, const struct kind_env *env, const bson_t *doc,
                    struct str *out);

/* The entity tag of a document, quoted (RFC 9110 §8.8.3), arena-owned. */
const char *render_etag(const bson_t *doc, struct arena *arena);

#endif

/* A set of texts: the distinct ids that the rows of a page or a batch name. */
#ifndef ERP_ENGINE_IDS_H
#define ERP_ENGINE_IDS_H

#include "db/scope.h"

struct ids {
    const char **text; /* borrowed texts, sorted and distinct after ids_sort */
    size_t n, cap;
    struct arena *arena;
};

/* Empty, with room for `cap` texts. */
void ids_init(struct ids *ids, struct arena *arena, size_t cap);

/* Adds a text, which is borrowed; at most `cap` of them. */
void ids_add(struct ids *ids, const char *text);

/* Makes them distinct, and findable. */
void ids_sort(struct ids *ids);

/* The place of a text, in a sorted set; ids->n when it is not there. */
size_t ids_find(const struct ids *ids, const char *text);

/* Appends {field: {$in: […]}} to a filter. */
void ids_append_in(const struct ids *ids, const char *field, bson_t *filter);

/* Adds copies of the text `key` of every document of a cursor, as many as there is room for, and
 * sorts them. */
bool ids_read(struct scope *scope, mongoc_cursor_t *cursor, const char *key, struct ids *out,
              struct err *err);

/* Adds to `known` those of the sorted texts that documents of the filter, to which this condition
 * is appended, have in `key`: one query. */
bool ids_find_in(struct scope *scope, const char *collection, bson_t *filter, const char *key,
                 const struct ids *asked, struct ids *known, struct err *err);

#endif

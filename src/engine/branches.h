/* Records of the whole business as its branches have them: products, by their assignments.
 *
 * A descriptor says where the assignments are and which of their numbers stand for fields of the
 * record. Users bound to a branch see what is assigned to it, with the branch's numbers in place
 * of the record's; everybody sees the numbers by branch in fields of their own. Nothing is stored
 * twice: each is read from the assignments. Reading costs one query more than without: none for a
 * list of a user bound to a branch, because the database joins.
 */
#ifndef ERP_ENGINE_BRANCHES_H
#define ERP_ENGINE_BRANCHES_H

#include "engine/query.h"

/* One number of the assignment. */
struct branch_value {
    const char *field; /* of the record, for users of the branch */
    const char *from;  /* of the assignment */
    const char *map;   /* K_OBJECT, F_VIRTUAL: {branch: number} */
    bool nonzero;      /* 0 says that the branch has none of its own */
};

struct branch_view {
    const char *through; /* noun of the assignments; their branch_field is the branch */
    const char *record;  /* their reference to the record */
    const struct branch_value *values; /* ended by a NULL field */
};

/* Whether this request sees the records of a branch alone. */
bool branches_bound(const struct resource *resource, const struct scope *scope);

/* The records of a list in the order asked for; for such a request joined with their assignments.
 * What is assigned but not there any more counts in the page, and branches_show() drops it. */
mongoc_cursor_t *branches_find(struct req *req, const struct resource *resource,
                               const struct list_query *query);

/* Whether branches_show() has anything to add to the records of the list. */
bool branches_wanted(const struct req *req, const struct resource *resource,
                     const struct list_query *query);

/* How many records the whole list has; where the request is not bound to a branch it counts up to
 * `most` (0: all). */
bool branches_count(struct req *req, const struct resource *resource,
                    const struct list_query *query, int64_t most, int64_t *total,
                    struct err *err);

/* Replaces each of `n` documents by what is to be shown of it (arena-owned), with one query; none
 * for those that are joined already. NULL: the request's branch does not have it. *tag (may be
 * NULL) is a number that changes with what was added; 0: nothing was. */
bool branches_show(struct req *req, const struct resource *resource, const bson_t **docs, size_t n,
                   uint64_t *tag, struct err *err);

/* Takes what is the branch's own out of what such a request wants to write, and names it among
 * what is ignored: records are sent back as they were shown, and a branch's price is not the
 * business's. */
struct validated;
void branches_drop(const struct resource *resource, struct arena *arena, struct validated *input);

/* What a user bound to a branch makes is assigned to it. The numbers go there (0 stays in the
 * record, so that nothing is counted twice): branches_split() takes them out of what is written,
 * branches_assign() stores them, in the transaction of the making, in five round trips. */
const bson_t *branches_split(const struct resource *resource, struct arena *arena,
                             struct validated *input);
bool branches_assign(struct scope *scope, const struct resource *resource,
                     const struct kind_env *env, const char *actor, const char *id,
                     const bson_t *numbers, struct err *err);

/* Whether the scope's branch has the record `id`: one query. */
bool branches_have(struct scope *scope, const struct resource *resource, const char *id, bool *have,
                   struct err *err);

/* A user bound to a branch writes only into it (ERR_FORBIDDEN); what is made and names none goes
 * there. */
bool branches_check(const struct resource *resource, const struct scope *scope, bool create,
                    bson_t *set, struct err *err);

#endif

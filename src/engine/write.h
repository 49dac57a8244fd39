/* What becomes of checked fields: the document that is stored, the update, and who may write it.
 * For one record (crud_write.c, change.c) and for many (batch.c). */
#ifndef ERP_ENGINE_WRITE_H
#define ERP_ENGINE_WRITE_H

#include "db/scope.h"
#include "engine/resource.h"
#include "engine/series.h"
#include "tenant/audit.h"

/* The record as it is stored first: `set`, its numbers, what was derived. Arena-owned. */
const bson_t *write_document(const struct resource *resource, const struct scope *scope,
                             const char *id, const bson_t *set, struct series *series,
                             const bson_t *derived, struct arena *arena);

/* {$set: {…, updated_at}, $inc: {_rev: 1}}: the update of any record. Arena-owned. */
const bson_t *write_set(const bson_t *set, struct arena *arena);

/* The same of the fields, what was derived, and the search words that come of them. Arena-owned. */
const bson_t *write_update(const struct resource *resource, const bson_t *old, const bson_t *set,
                           const bson_t *derived, struct arena *arena);

/* What the server works out for a record (derive, look), empty where there is nothing.
 * Arena-owned; NULL with `err` set when it refuses. */
const bson_t *write_derived(const struct resource *resource, struct scope *scope,
                            const struct kind_env *env, const bson_t *set, const bson_t *old,
                            struct arena *arena, struct err *err);

/* What follows a write, of `entry->before` to `entry->after`: the audit entry, and what the
 * descriptor says (written). */
bool write_follow(const struct resource *resource, struct scope *scope,
                  const struct audit_entry *entry, struct err *err);

/* True when one of the listed entity tags is the record's, or the list is * or NULL; else
 * ERR_STALE. */
bool write_if_match(const char *list, const bson_t *old, struct arena *arena, struct err *err);

/* ERR_NOT_FOUND in the resource's words. Always false. */
bool write_not_found(const struct resource *resource, struct err *err);

#endif

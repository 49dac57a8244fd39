/* Businesses as the platform's own people see them: list, status, how they do. */
#ifndef ERP_PLATFORM_TENANTS_H
#define ERP_PLATFORM_TENANTS_H

#include "platform/entry.h"

/* Appends one entry as the JSON object that clients know; `link` (NULL: null) is the one-time link
 * of its new administrator. Secrets of the entry stay out. */
void tenants_render(const bson_t *doc, const char *link, struct str *out);

/* Appends a JSON array of at most `limit` entries in the order of their slugs, after `after` (may
 * be NULL). *last is the last slug when there may be more, else NULL. */
bool tenants_list(const struct job *job, const char *after, int64_t limit, struct str *out,
                  const char **last);

/* The entry of a tenant_id as it is stored: ERR_TENANT_NOT_FOUND. */
bool tenants_find(const struct job *job, const char *tenant_id, const bson_t **doc);

/* Sets the status and tells the workers; *doc is the entry afterwards. `reason` may be NULL.
 * Deleting begins the time of grace (ERP_DELETE_GRACE), during which any other status brings it
 * back. ERR_TENANT_NOT_FOUND; ERR_STATE for one whose grace is over, or that is being set up. */
bool tenants_set_status(const struct job *job, const char *tenant_id, enum tenant_status status,
                        const char *reason, const bson_t **doc);

/* Appends the sales of a business as a JSON object: how many and how much, ever and since midnight
 * UTC, without drafts and cancelled ones, and the last ten of the last seven days. */
bool tenants_stats(const struct job *job, const char *tenant_id, struct str *out);

#endif

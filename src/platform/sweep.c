/* Which files a business has, which of them its records name, and what is left over. */
#include "base.h"
#include "platform/sweep.h"
#include "db/doc.h"
#include "db/own.h"
#include "platform/files.h"

#define DAY_MS    INT64_C(86400000)
#define FROM_DAYS 8
#define TO_DAYS   1
#define SWEEP_MS  10000

const struct sweep sweeps[] = {
    {FILES_RECEIPTS, "purchases", "receipt_files", "receipts without a purchase"},
    {FILES_EVIDENCE, "warranty_records", "evidence", "pictures without a warranty"},
};
const size_t sweeps_n = ARRAY_LEN(sweeps);

static bool aged(const struct job *job, const struct sweep *sweep, const char *tenant_id,
                 int64_t now_ms, size_t max, const char ***names, size_t *n)
{
    return files_aged(job->conf, tenant_id, sweep->room, now_ms - FROM_DAYS * DAY_MS,
                      now_ms - TO_DAYS * DAY_MS, job->arena, max, names, n, job->err);
}

/* Is there anything to look at? */
static bool any_aged(const struct job *job, const char *tenant_id, int64_t now_ms)
{
    const char **names;
    size_t n = 0;

    for (size_t i = 0; i < sweeps_n && n == 0; i++)
        if (!aged(job, &sweeps[i], tenant_id, now_ms, 1, &names, &n)) {
            err_clear(job->err); /* one business's fault: sweep_room will say it */
            return true;
        }
    return n > 0;
}

bool sweep_due(struct job *job, int64_t now_ms, const char ***slugs, size_t *n)
{
    bson_t *filter = own_bson(job->arena), *opts = own_bson(job->arena);
    const bson_t *doc = NULL;
    mongoc_cursor_t *cursor;
    struct scope scope;
    size_t cap = 0;
    bool ok = job_registry(job, &scope);

    *n = 0;
    *slugs = NULL;
    BCON_APPEND(opts, "projection", "{", "slug", BCON_INT32(1), "tenant_id", BCON_INT32(1), "}",
                "sort", "{", "slug", BCON_INT32(1), "}");
    cursor = ok ? scope_find(&scope, ENTRIES, filter, opts) : NULL;
    while (ok && (ok = scope_next(&scope, cursor, &doc, job->err)) && doc) {
        const char *slug = doc_text(doc, "slug"), *id = doc_text(doc, "tenant_id");
        const char **more;

        if (!slug || !id || !*id || !any_aged(job, id, now_ms))
            continue;
        if (*n == cap) {
            cap = cap ? 2 * cap : 16;
            more = arena_alloc(job->arena, cap * sizeof *more);
            if (*n > 0)
                memcpy(more, *slugs, *n * sizeof *more);
            *slugs = more;
        }
        (*slugs)[(*n)++] = arena_strdup(job->arena, slug);
    }
    return ok;
}

/* Takes from the list what this record names. */
static void keep_named(const struct sweep *sweep, const bson_t *record, const char **names,
                       size_t n)
{
    bson_iter_t list, one, name;

    if (!doc_at(record, sweep->list, &list) || !BSON_ITER_HOLDS_ARRAY(&list) ||
        !bson_iter_recurse(&list, &one))
        return;
    while (bson_iter_next(&one)) {
        if (!BSON_ITER_HOLDS_DOCUMENT(&one) || !bson_iter_recurse(&one, &name) ||
            !bson_iter_find(&name, "filename") || !BSON_ITER_HOLDS_UTF8(&name))
            continue;
        for (size_t i = 0; i < n; i++)
            if (names[i] && strcmp(names[i], bson_iter_utf8(&name, NULL)) == 0)
                names[i] = NULL;
    }
}

static bool read_named(struct job *job, const struct sweep *sweep, struct scope *scope,
                       const char **names, size_t n)
{
    const char *at = arena_printf(job->arena, "%s.filename", sweep->list);
    bson_t *filter = own_bson(job->arena), *opts = own_bson(job->arena), child, list;
    const bson_t *doc = NULL;
    mongoc_cursor_t *cursor;
    char key[24];
    bool ok;

    scope_filter(scope, NULL, filter);
    BSON_APPEND_DOCUMENT_BEGIN(filter, at, &child);
    BSON_APPEND_UTF8(&child, "$type", "string"); /* as an index of those alone says it */
    BSON_APPEND_ARRAY_BEGIN(&child, "$in", &list);
    for (size_t i = 0; i < n; i++) {
        snprintf(key, sizeof key, "%zu", i);
        BSON_APPEND_UTF8(&list, key, names[i]);
    }
    bson_append_array_end(&child, &list);
    bson_append_document_end(filter, &child);
    BCON_APPEND(opts, "projection", "{", at, BCON_INT32(1), "}");
    cursor = scope_find(scope, sweep->collection, filter, opts);
    while ((ok = scope_next(scope, cursor, &doc, job->err)) && doc)
        keep_named(sweep, doc, names, n);
    return ok;
}

bool sweep_room(struct job *job, const struct sweep *sweep, const struct tenant *tenant,
                int64_t now_ms, bool dry, size_t *gone)
{
    const char **names;
    struct scope scope;
    size_t n;

    *gone = 0;
    if (!aged(job, sweep, tenant->tenant_id, now_ms, SWEEP_FILES, &names, &n))
        return false;
    if (n == 0)
        return true;
    if (!job_tenant(job, tenant, &scope))
        return false;
    scope.max_time_ms = SWEEP_MS;
    if (!read_named(job, sweep, &scope, names, n))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!names[i])
            continue;
        if (!dry)
            files_remove(job->conf, tenant->tenant_id, sweep->room, names[i]);
        (*gone)++;
    }
    return true;
}

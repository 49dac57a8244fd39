/* Reads entries, digests them as they are stored, and adds a record to the chain. A record is one
 * document, so an end at any moment leaves a whole chain. */
#include "base.h"
#include "platform/audit_step.h"
#include "core/clock.h"
#include "core/log.h"

static bool read_head(const struct job *job, struct scope *registry, struct audit_follow *follow)
{
    const struct audit_target *target = follow->target;
    struct chain_record record;
    const bson_t *doc;
    mongoc_cursor_t *cursor;

    if (follow->known)
        return true;
    memset(&follow->head, 0, sizeof follow->head);
    follow->looked_back_ms = 0;
    cursor = chain_find(registry, target->audit_db, target->tenant_id, -1, 1);
    if (!scope_next(registry, cursor, &doc, job->err))
        return false;
    if (doc && !chain_parse(doc, job->arena, &record))
        return err_set(job->err, ERR_CONFLICT, "The last record of its chain is damaged");
    if (doc) {
        follow->head.seq = record.seq;
        follow->head.upto = record.upto;
        memcpy(follow->head.hash, record.hash, sizeof record.hash);
    }
    follow->known = true;
    return true;
}

static bool open_scopes(const struct job *job, struct audit_follow *follow, struct scope *entries,
                        struct scope *registry)
{
    return job_registry(job, registry) && read_head(job, registry, follow) &&
           audit_target_scope(job, follow->target, entries);
}

/* Time and id of an entry; false for one that no erpd has written. */
static bool entry_place(const bson_t *doc, struct chain_place *place)
{
    bson_iter_t it;
    uint32_t len;
    const char *id;

    if (!bson_iter_init_find(&it, doc, "at") || !BSON_ITER_HOLDS_DATE_TIME(&it))
        return false;
    place->at_ms = bson_iter_date_time(&it);
    if (!bson_iter_init_find(&it, doc, "id") || !BSON_ITER_HOLDS_UTF8(&it))
        return false;
    id = bson_iter_utf8(&it, &len);
    if (len == 0 || len > CHAIN_ID_MAX || strlen(id) != len)
        return false;
    for (uint32_t i = 0; i < len; i++)
        if (id[i] <= ' ' || id[i] > '~')
            return false;
    memcpy(place->id, id, len + 1);
    return true;
}

static void take_item(struct chain_record *record, const bson_t *doc, const char *id)
{
    struct chain_item *item = &record->items[record->n++];

    snprintf(item->id, sizeof item->id, "%s", id);
    sha256_hex(item->sha256, bson_get_data(doc), doc->len);
}

static bool append(const struct job *job, struct scope *registry, struct audit_follow *follow,
                   struct chain_record *record)
{
    record->audit_db = follow->target->audit_db;
    record->tenant_id = follow->target->tenant_id;
    record->seq = follow->head.seq + 1;
    record->prev = follow->head.hash;
    record->at_ms = clock_ms();
    if (!chain_append(registry, record, job->err))
        return false;
    follow->head.seq = record->seq;
    follow->head.upto = record->upto;
    memcpy(follow->head.hash, record->hash, sizeof record->hash);
    /* A witness outside the database. */
    log_event(LOG_LVL_DEBUG, "audit_chained", "tenant", follow->target->name, "hash", record->hash,
              NULL);
    return true;
}

/* As entry_place: what cannot be chained must not fill a batch either. */
static const char id_pattern[] = "^[!-~]{1,64}$";
static_assert(CHAIN_ID_MAX == 64, "the pattern says so");

/* {tenant_id, at: {$gte, $lte}, id, $or: [{at: {$gt}}, {at, id: {$gt}}]}, by at and id. */
static mongoc_cursor_t *find_due(struct scope *entries, const struct chain_place *from,
                                 int64_t horizon_ms)
{
    bson_t *opts = BCON_NEW("sort", "{", "at", BCON_INT32(1), "id", BCON_INT32(1), "}", "limit",
                            BCON_INT64(CHAIN_ITEMS_MAX), "batchSize", BCON_INT64(CHAIN_ITEMS_MAX));
    bson_t filter = BSON_INITIALIZER;
    mongoc_cursor_t *cursor;

    scope_filter(entries, NULL, &filter);
    BCON_APPEND(&filter, "at", "{", "$gte", BCON_DATE_TIME(from->at_ms), "$lte",
                BCON_DATE_TIME(horizon_ms), "}", "id", BCON_REGEX(id_pattern, ""), "$or", "[", "{",
                "at", "{", "$gt", BCON_DATE_TIME(from->at_ms), "}", "}", "{", "at",
                BCON_DATE_TIME(from->at_ms), "id", "{", "$gt", BCON_UTF8(from->id), "}", "}", "]");
    cursor = scope_find(entries, AUDIT_COLLECTION, &filter, opts);
    bson_destroy(&filter);
    bson_destroy(opts);
    return cursor;
}

bool audit_step_due(const struct job *job, struct audit_follow *follow, int64_t horizon_ms,
                    size_t *n)
{
    struct chain_record record = {0};
    struct scope entries, registry;
    struct chain_place place;
    mongoc_cursor_t *cursor;
    const bson_t *doc;

    *n = 0;
    if (!open_scopes(job, follow, &entries, &registry))
        return false;
    record.items = arena_alloc(job->arena, CHAIN_ITEMS_MAX * sizeof *record.items);
    record.upto = follow->head.upto;
    cursor = find_due(&entries, &follow->head.upto, horizon_ms);
    for (;;) {
        if (!scope_next(&entries, cursor, &doc, job->err))
            return false;
        if (!doc)
            break;
        if (!entry_place(doc, &place))
            continue;
        take_item(&record, doc, place.id);
        record.upto = place;
    }
    *n = record.n;
    return record.n == 0 || append(job, &registry, follow, &record);
}

/* ---- what came late ---- */

/* Sorted ids, out of the arena. */
struct id_list {
    char (*ids)[CHAIN_ID_MAX + 1];
    size_t n, room;
};

static int by_id(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void release_list(void *data)
{
    free(((struct id_list *)data)->ids);
}

static void add_id(struct id_list *list, const char *id)
{
    if (list->n == list->room) {
        list->room = list->room ? 2 * list->room : 1024;
        list->ids = realloc(list->ids, list->room * sizeof *list->ids);
        if (!list->ids)
            die("out of memory: chained ids");
    }
    snprintf(list->ids[list->n++], sizeof *list->ids, "%s", id);
}

/* The ids of the records that may hold entries behind `from_ms`: back to the first whose place lies
 * before it, since later ones chain nothing older than that. */
static bool read_chained(const struct job *job, struct scope *registry,
                         const struct audit_follow *follow, int64_t from_ms, struct id_list *list)
{
    mongoc_cursor_t *cursor =
        chain_find(registry, follow->target->audit_db, follow->target->tenant_id, -1, 0);
    struct arena *scratch = arena_new(16 * 1024 * 1024);
    struct chain_record record;
    const bson_t *doc;
    bool ok;

    while ((ok = scope_next(registry, cursor, &doc, job->err)) && doc) {
        arena_reset(scratch);
        ok = chain_parse(doc, scratch, &record) ||
             err_set(job->err, ERR_CONFLICT, "Record %" PRId64 " of its chain is damaged",
                     record.seq);
        if (!ok)
            break;
        for (size_t i = 0; i < record.n; i++)
            add_id(list, record.items[i].id);
        if (record.upto.at_ms < from_ms)
            break;
    }
    arena_free(scratch);
    if (list->n)
        qsort(list->ids, list->n, sizeof *list->ids, by_id);
    return ok;
}

/* Only what the index holds. */
static mongoc_cursor_t *find_ids(struct scope *entries, int64_t from_ms, int64_t upto_ms)
{
    bson_t *opts = BCON_NEW("sort", "{", "at", BCON_INT32(1), "id", BCON_INT32(1), "}",
                            "projection", "{", "_id", BCON_BOOL(false), "at", BCON_BOOL(true), "id",
                            BCON_BOOL(true), "}");
    bson_t filter = BSON_INITIALIZER;
    mongoc_cursor_t *cursor;

    scope_filter(entries, NULL, &filter);
    BCON_APPEND(&filter, "at", "{", "$gt", BCON_DATE_TIME(from_ms), "$lte", BCON_DATE_TIME(upto_ms),
                "}");
    cursor = scope_find(entries, AUDIT_COLLECTION, &filter, opts);
    bson_destroy(&filter);
    bson_destroy(opts);
    return cursor;
}

/* There may be several of one id, as somebody who tampers can make them: the first is taken. */
static bool take_late(const struct job *job, struct scope *entries, const struct chain_place *place,
                      struct chain_record *record)
{
    bson_t filter = BSON_INITIALIZER;
    const bson_t *doc;
    bool ok;

    scope_filter(entries, NULL, &filter);
    BSON_APPEND_DATE_TIME(&filter, "at", place->at_ms);
    BSON_APPEND_UTF8(&filter, "id", place->id);
    ok = scope_find_one(entries, AUDIT_COLLECTION, &filter, NULL, &doc, job->err);
    bson_destroy(&filter);
    if (ok && doc)
        take_item(record, doc, place->id);
    return ok;
}

static bool collect_late(const struct job *job, struct scope *entries,
                         const struct chain_place *upto, int64_t from_ms,
                         const struct id_list *chained, struct chain_record *record)
{
    mongoc_cursor_t *cursor = find_ids(entries, from_ms, upto->at_ms);
    struct chain_place place;
    const bson_t *doc;

    while (record->n < CHAIN_ITEMS_MAX) {
        if (!scope_next(entries, cursor, &doc, job->err))
            return false;
        if (!doc)
            return true;
        if (!entry_place(doc, &place) || chain_compare(place.at_ms, place.id, upto) > 0)
            continue;
        if (chained->n &&
            bsearch(place.id, chained->ids, chained->n, sizeof *chained->ids, by_id))
            continue;
        if (!take_late(job, entries, &place, record))
            return false;
    }
    return true;
}

bool audit_step_late(const struct job *job, struct audit_follow *follow, size_t *n)
{
    struct id_list *chained = arena_alloc(job->arena, sizeof *chained);
    struct chain_record record = {0};
    struct scope entries, registry;
    int64_t from_ms;

    *n = 0;
    arena_defer(job->arena, release_list, chained);
    if (!open_scopes(job, follow, &entries, &registry))
        return false;
    if (follow->head.seq == 0)
        return true;
    from_ms = follow->head.upto.at_ms - CHAIN_LOOKBACK_MS;
    record.items = arena_alloc(job->arena, CHAIN_ITEMS_MAX * sizeof *record.items);
    record.upto = follow->head.upto;
    if (!read_chained(job, &registry, follow, from_ms, chained) ||
        !collect_late(job, &entries, &follow->head.upto, from_ms, chained, &record))
        return false;
    *n = record.n;
    return record.n == 0 || append(job, &registry, follow, &record);
}

/* First the chain, which must be whole, then one pass over the entries, each of which must be what
 * the chain says. An entry's time and id are part of its digest, so one that was moved in the order
 * shows as changed. */
#include "base.h"
#include "platform/audit_check.h"
#include "core/clock.h"

#define READ_MS  600000
#define AHEAD_MS 3600000 /* no clock of ours is so wrong */

struct known {
    struct chain_item item;
    bool found;      /* as it was chained */
    unsigned others; /* of the same id, with other contents */
};

struct check {
    const struct job *job;
    const struct audit_target *target;
    struct audit_report *report;
    struct known *known;
    size_t n, room;
    struct chain_place upto;
};

static void fault(struct check *check, const char *what, const char *key, json_t *value,
                  const char *detail)
{
    if (check->report->faults++ < AUDIT_FAULTS_MAX)
        json_array_append_new(check->report->list, json_pack("{s:s, s:o, s:s}", "fault", what, key,
                                                             value, "detail", detail));
    else
        json_decref(value);
}

static void broken(struct check *check, int64_t seq, const char *detail)
{
    fault(check, "broken", "seq", json_integer(seq), detail);
}

static void entry_fault(struct check *check, const char *what, const char *id, const char *detail)
{
    fault(check, what, "id", json_string(id), detail);
}

/* As long as a long scan may take. */
static void give_time(struct scope *scope)
{
    scope->max_time_ms = READ_MS;
    scope->deadline_us = clock_mono_us() + READ_MS * INT64_C(1000);
}

/* ---- the chain ---- */

static void keep(struct check *check, const struct chain_record *record)
{
    for (size_t i = 0; i < record->n; i++) {
        if (check->n == check->room) {
            check->room = check->room ? 2 * check->room : 1024;
            check->known = realloc(check->known, check->room * sizeof *check->known);
            if (!check->known)
                die("out of memory: the entries of a chain");
        }
        check->known[check->n++] = (struct known){.item = record->items[i]};
    }
}

/* `prev` is the record before, or has seq 0. */
static void judge_record(struct check *check, const struct chain_record *record, int64_t prev_seq,
                         const char *prev_hash)
{
    char hash[SHA256_HEX_SIZE];

    chain_hash(record, hash);
    if (strcmp(hash, record->hash) != 0)
        broken(check, record->seq, "the record was changed");
    if (record->seq != prev_seq + 1)
        broken(check, prev_seq + 1, "the record is missing");
    else if (strcmp(record->prev, prev_hash) != 0)
        broken(check, record->seq, "the record does not follow the one before");
}

static bool read_chain(struct check *check)
{
    struct arena *scratch = arena_new(16 * 1024 * 1024);
    const struct audit_target *target = check->target;
    struct chain_record record;
    struct scope registry;
    mongoc_cursor_t *cursor;
    const bson_t *doc = NULL;
    int64_t seq = 0;
    bool ok = job_registry(check->job, &registry);

    give_time(&registry);
    cursor = ok ? chain_find(&registry, target->audit_db, target->tenant_id, 1, 0) : NULL;
    while (ok && (ok = scope_next(&registry, cursor, &doc, check->job->err)) && doc) {
        arena_reset(scratch);
        if (!chain_parse(doc, scratch, &record)) {
            broken(check, seq + 1, "the record is damaged");
            seq++;
            continue;
        }
        judge_record(check, &record, seq, check->report->hash);
        keep(check, &record);
        seq = record.seq;
        check->upto = record.upto;
        memcpy(check->report->hash, record.hash, sizeof record.hash);
        check->report->records++;
    }
    arena_free(scratch);
    return ok;
}

/* ---- the entries ---- */

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct known *)a)->item.id, ((const struct known *)b)->item.id);
}

/* An entry that the chain does not name: young enough to be named yet, or smuggled in. */
static void judge_unknown(struct check *check, const bson_t *doc, const char *id)
{
    int64_t at_ms = 0, now_ms = clock_ms();
    bson_iter_t it;

    if (!bson_iter_init_find(&it, doc, "at") || !BSON_ITER_HOLDS_DATE_TIME(&it)) {
        entry_fault(check, "inserted", id, "it has no time, as no entry of erpd");
        return;
    }
    at_ms = bson_iter_date_time(&it);
    if (at_ms > now_ms + AHEAD_MS)
        entry_fault(check, "inserted", id, "its time lies ahead");
    else if (at_ms <= check->upto.at_ms - CHAIN_LOOKBACK_MS)
        entry_fault(check, "inserted", id, "it is older than the chain and not in it");
    else
        check->report->pending++;
}

static void judge_entry(struct check *check, const bson_t *doc)
{
    struct known key, *known = NULL;
    char sha[SHA256_HEX_SIZE];
    bson_iter_t it;
    const char *id = "";

    check->report->entries++;
    if (bson_iter_init_find(&it, doc, "id") && BSON_ITER_HOLDS_UTF8(&it))
        id = bson_iter_utf8(&it, NULL);
    if (!*id || strlen(id) > CHAIN_ID_MAX) {
        entry_fault(check, "inserted", "", "it has no id, as no entry of erpd");
        return;
    }
    snprintf(key.item.id, sizeof key.item.id, "%s", id);
    if (check->n)
        known = bsearch(&key, check->known, check->n, sizeof key, by_id);
    if (!known) {
        judge_unknown(check, doc, id);
        return;
    }
    sha256_hex(sha, bson_get_data(doc), doc->len);
    if (strcmp(sha, known->item.sha256) == 0)
        known->found = true;
    else
        known->others++;
}

static void judge_known(struct check *check, const struct known *known)
{
    const char *id = known->item.id;
    unsigned surplus = known->others;

    if (!known->found && known->others == 0)
        entry_fault(check, "removed", id, "it was chained and is gone");
    if (!known->found && known->others > 0) {
        entry_fault(check, "changed", id, "its contents are not those that were chained");
        surplus--;
    }
    while (surplus-- > 0)
        entry_fault(check, "inserted", id, "there is more than one of this id");
}

static bool read_entries(struct check *check)
{
    bson_t filter = BSON_INITIALIZER;
    struct scope entries;
    mongoc_cursor_t *cursor;
    const bson_t *doc = NULL;
    bool ok = audit_target_scope(check->job, check->target, &entries);

    if (ok) {
        give_time(&entries);
        scope_filter(&entries, NULL, &filter);
        cursor = scope_find(&entries, AUDIT_COLLECTION, &filter, NULL);
        while ((ok = scope_next(&entries, cursor, &doc, check->job->err)) && doc)
            judge_entry(check, doc);
    }
    bson_destroy(&filter);
    return ok;
}

bool audit_check(const struct job *job, const struct audit_target *target,
                 struct audit_report *report)
{
    struct check check = {.job = job, .target = target, .report = report};
    bool ok;

    memset(report, 0, sizeof *report);
    report->list = json_array();
    ok = read_chain(&check);
    if (ok && check.n)
        qsort(check.known, check.n, sizeof *check.known, by_id);
    ok = ok && read_entries(&check);
    for (size_t i = 0; ok && i < check.n; i++)
        judge_known(&check, &check.known[i]);
    free(check.known);
    return ok;
}

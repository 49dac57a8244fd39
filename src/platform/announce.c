/* The platform's side: making, listing and removing announcements. */
#include "base.h"
#include "platform/announce_priv.h"
#include "core/id.h"
#include "db/bson_json.h"
#include "db/doc.h"
#include "db/own.h"
#include "db/txn.h"
#include "platform/billing.h"
#include "tenant/audit.h"

/* By audience: the list that names whom it is for, and what the registry calls that. */
static const struct audience {
    const char *name, *targets, *field;
} audiences[] = {
    {"all_tenants", NULL, NULL},
    {"specific_sectors", "target_sectors", "business_type"},
    {"specific_tenants", "target_tenant_ids", "tenant_id"},
};

bool announce_note(struct job *job, struct scope *scope, enum audit_kind kind, const char *action,
                   const char *id, const bson_t *before, const bson_t *after, struct err *err)
{
    const struct audit_entry entry = {.kind = kind,
                                      .action = action,
                                      .collection = ANNOUNCEMENTS,
                                      .record_id = id,
                                      .actor = job->actor,
                                      .impersonated_by = job->impersonated_by,
                                      .request_id = job->request_id,
                                      .before = before,
                                      .after = after};

    return audit_add(scope, &entry, err);
}

/* ---- making one ---- */

struct birth {
    struct job *job;
    const bson_t *set;
    const struct audience *audience;
    const bson_t *doc;
};

/* The texts of a list; 0 when it is null or not there. */
static uint32_t list_of(const bson_t *set, const char *key, bson_t *list)
{
    const uint8_t *bytes;
    bson_iter_t it;
    uint32_t len;

    if (!bson_iter_init_find(&it, set, key) || !BSON_ITER_HOLDS_ARRAY(&it))
        return 0;
    bson_iter_array(&it, &len, &bytes);
    if (!bson_init_static(list, bytes, len))
        return 0;
    return bson_count_keys(list);
}

static bool check_targets(const struct birth *b, struct err *err)
{
    bson_t list;

    for (size_t i = 0; i < ARRAY_LEN(audiences); i++) {
        const struct audience *one = &audiences[i];
        uint32_t n = one->targets ? list_of(b->set, one->targets, &list) : 0;

        if (one == b->audience && one->targets && n == 0)
            err_field(err, one->targets, "required", "An announcement for %s has to name them.",
                      one->name);
        else if (one != b->audience && n > 0)
            err_field(err, one->targets, "value", "Only an announcement for %s names these.",
                      one->name);
    }
    return !err_is_set(err);
}

static bool channel_known(const char *name)
{
    return strcmp(name, "in_app") == 0 || strcmp(name, "email") == 0 || strcmp(name, "both") == 0;
}

static bool check_channels(const struct birth *b, struct err *err)
{
    bson_iter_t it;
    char path[32];
    bson_t list;

    if (list_of(b->set, "channels", &list) == 0 || !bson_iter_init(&it, &list))
        return true;
    while (bson_iter_next(&it)) {
        if (BSON_ITER_HOLDS_UTF8(&it) && channel_known(bson_iter_utf8(&it, NULL)))
            continue;
        snprintf(path, sizeof path, "channels[%s]", bson_iter_key(&it));
        err_field(err, path, "value", "Must be one of: in_app, email, both.");
    }
    return !err_is_set(err);
}

static bool check(struct birth *b, struct err *err)
{
    const char *audience = doc_text(b->set, "audience_type");
    int64_t ends = billing_instant(b->set, "expires_at");

    for (size_t i = 0; i < ARRAY_LEN(audiences); i++)
        if (audience && strcmp(audiences[i].name, audience) == 0)
            b->audience = &audiences[i];
    if (!b->audience)
        die("the form lets an audience pass that is none");
    if (ends && ends <= job_now(b->job))
        err_field(err, "expires_at", "range", "Must be in the future.");
    check_channels(b, err);
    return check_targets(b, err) && !err_is_set(err);
}

/* Active businesses of the registry that it reaches now. */
static bool count_recipients(const struct birth *b, struct scope *scope, int64_t *n,
                             struct err *err)
{
    bson_t *filter = own_bson(b->job->arena), list;

    BSON_APPEND_UTF8(filter, "status", tenant_status_name(TENANT_ACTIVE));
    if (b->audience->targets && list_of(b->set, b->audience->targets, &list))
        BCON_APPEND(filter, b->audience->field, "{", "$in", BCON_ARRAY(&list), "}");
    return scope_count(scope, ENTRIES, filter, 0, n, err);
}

/* Does the document say this text under "tenant_id"? */
static bool is_of(const bson_t *doc, const char *tenant_id)
{
    const char *own = doc_text(doc, "tenant_id");

    return own && strcmp(own, tenant_id) == 0;
}

/* Every business that is named has an entry; the first that has none is told. */
static bool check_tenants(const struct birth *b, struct scope *scope, struct err *err)
{
    bson_t *filter = own_bson(b->job->arena), *opts = own_bson(b->job->arena), list;
    const bson_t *doc = NULL;
    mongoc_cursor_t *cursor;
    bson_iter_t it;
    uint32_t n = list_of(b->set, "target_tenant_ids", &list), at = 0;
    bool *there = arena_alloc(b->job->arena, n + 1), ok;
    char path[40];

    BCON_APPEND(filter, "tenant_id", "{", "$in", BCON_ARRAY(&list), "}", "status", "{", "$ne",
                BCON_UTF8(tenant_status_name(TENANT_DELETED)), "}");
    BCON_APPEND(opts, "projection", "{", "tenant_id", BCON_INT32(1), "}");
    cursor = scope_find(scope, ENTRIES, filter, opts);
    while ((ok = scope_next(scope, cursor, &doc, err)) && doc)
        for (at = 0, bson_iter_init(&it, &list); bson_iter_next(&it); at++)
            there[at] = there[at] || is_of(doc, bson_iter_utf8(&it, NULL));
    for (at = 0; ok && at < n && there[at]; at++)
        ;
    if (!ok || at == n)
        return ok;
    snprintf(path, sizeof path, "target_tenant_ids[%u]", at);
    return err_field(err, path, "reference", "There is no business with this id.");
}

static void append_birth(const struct birth *b, int64_t recipients, bson_t *doc)
{
    static const char *const may_be_null[] = {"target_sectors", "target_tenant_ids", "expires_at"};
    int64_t now = job_now(b->job);
    char id[ID_SIZE];

    id_new(id);
    BSON_APPEND_UTF8(doc, "id", id);
    bson_concat(doc, b->set);
    for (size_t i = 0; i < ARRAY_LEN(may_be_null); i++)
        if (!bson_has_field(b->set, may_be_null[i]))
            bson_append_null(doc, may_be_null[i], -1);
    BSON_APPEND_BOOL(doc, "is_active", true);
    BSON_APPEND_UTF8(doc, "created_by", b->job->actor);
    BSON_APPEND_INT64(doc, "total_recipients", recipients);
    BSON_APPEND_INT64(doc, "read_count", 0);
    BSON_APPEND_INT64(doc, "dismissed_count", 0);
    BSON_APPEND_DATE_TIME(doc, "created_at", now);
    BSON_APPEND_DATE_TIME(doc, "updated_at", now);
}

static bool check_room(const struct birth *b, struct scope *scope, struct err *err)
{
    bson_t *filter = own_bson(b->job->arena);
    int64_t open = 0;

    BCON_APPEND(filter, "is_active", BCON_BOOL(true), "$or", "[", "{", "expires_at", BCON_NULL,
                "}", "{", "expires_at", "{", "$gt", BCON_DATE_TIME(job_now(b->job)), "}", "}", "]");
    if (!scope_count(scope, ANNOUNCEMENTS, filter, ANNOUNCE_OPEN_MAX, &open, err))
        return false;
    return open < ANNOUNCE_OPEN_MAX ||
           err_set(err, ERR_LIMIT_REACHED,
                   "There are %d announcements already: remove some that are done with.",
                   ANNOUNCE_OPEN_MAX);
}

static bool create_body(struct scope *scope, void *data, struct err *err)
{
    struct birth *b = data;
    bson_t *doc = own_bson(b->job->arena);
    int64_t recipients = 0;

    if ((b->audience->field && strcmp(b->audience->field, "tenant_id") == 0 &&
         !check_tenants(b, scope, err)) ||
        !check_room(b, scope, err) || !count_recipients(b, scope, &recipients, err))
        return false;
    append_birth(b, recipients, doc);
    b->doc = doc;
    return scope_insert(scope, ANNOUNCEMENTS, doc, err) &&
           announce_note(b->job, scope, AUDIT_OPERATOR, "announcement_create",
                         doc_text(doc, "id"), NULL, doc, err);
}

bool announce_create(struct job *job, const bson_t *set, const bson_t **doc)
{
    struct birth b = {.job = job, .set = set};
    struct scope own, *scope;

    if (!check(&b, job->err) || !(scope = billing_scope(job, &own)) ||
        !txn_run(scope, create_body, &b, job->err))
        return false;
    *doc = b.doc;
    return true;
}

/* ---- listing ---- */

static const struct receipt_counts *counts_of(const struct receipt_counts *counts, size_t n,
                                              const char *id)
{
    for (size_t i = 0; id && i < n; i++)
        if (strcmp(counts[i].id, id) == 0)
            return &counts[i];
    return NULL;
}

/* Stored counts are of receipts that are gone; the others are counted now. */
static void show(const bson_t *doc, const struct receipt_counts *counts, struct str *out)
{
    static const char *const ours[] = {"_id", "id", "receipts_removed"};
    const char *id = doc_text(doc, "id");
    bson_iter_t it;

    str_addz(out, "{\"id\":");
    str_add_json(out, id ? id : "", id ? strlen(id) : 0);
    str_addz(out, ",\"announcement_id\":");
    str_add_json(out, id ? id : "", id ? strlen(id) : 0);
    for (bson_iter_init(&it, doc); bson_iter_next(&it);) {
        const char *key = bson_iter_key(&it);
        bool skip = false;

        for (size_t i = 0; i < ARRAY_LEN(ours); i++)
            skip = skip || strcmp(key, ours[i]) == 0;
        if (skip)
            continue;
        str_addc(out, ',');
        str_add_json(out, key, strlen(key));
        str_addc(out, ':');
        if (counts && strcmp(key, "read_count") == 0)
            str_add_int(out, counts->read);
        else if (counts && strcmp(key, "dismissed_count") == 0)
            str_add_int(out, counts->dismissed);
        else
            bson_json_value(&it, out);
    }
    str_addc(out, '}');
}

void announce_show_record(const bson_t *doc, struct str *out)
{
    show(doc, NULL, out);
}

/* The page, arena-owned, and the ids of those whose receipts are still there. */
static bool read_page(struct job *job, struct scope *scope, int64_t skip, int64_t limit,
                      const bson_t **docs, size_t *n, bson_t *ids)
{
    bson_t *filter = own_bson(job->arena), *opts = own_bson(job->arena);
    const bson_t *doc = NULL;
    mongoc_cursor_t *cursor;
    size_t n_ids = 0;
    char key[24];
    bool ok;

    BCON_APPEND(opts, "sort", "{", "created_at", BCON_INT32(-1), "id", BCON_INT32(-1), "}", "skip",
                BCON_INT64(skip), "limit", BCON_INT64(limit));
    cursor = scope_find(scope, ANNOUNCEMENTS, filter, opts);
    while ((ok = scope_next(scope, cursor, &doc, job->err)) && doc) {
        snprintf(key, sizeof key, "%zu", n_ids);
        docs[(*n)++] = own_bson_copy(job->arena, bson_get_data(doc), doc->len);
        if (bson_has_field(doc, "receipts_removed") || !doc_text(doc, "id"))
            continue;
        BSON_APPEND_UTF8(ids, key, doc_text(doc, "id"));
        n_ids++;
    }
    return ok;
}

bool announce_list(struct job *job, int64_t skip, int64_t limit, struct str *out)
{
    const bson_t **docs = arena_alloc(job->arena, (size_t)limit * sizeof *docs);
    struct receipt_counts *counts = arena_alloc(job->arena, (size_t)limit * sizeof *counts);
    bson_t *ids = own_bson(job->arena);
    size_t n = 0, n_counts = 0;
    struct scope scope;

    if (!job_registry(job, &scope) || !read_page(job, &scope, skip, limit, docs, &n, ids) ||
        !receipts_count(job, &scope, ids, counts, (size_t)limit, &n_counts, job->err))
        return false;
    str_addc(out, '[');
    for (size_t i = 0; i < n; i++) {
        if (i)
            str_addc(out, ',');
        show(docs[i], counts_of(counts, n_counts, doc_text(docs[i], "id")), out);
    }
    str_addc(out, ']');
    return true;
}

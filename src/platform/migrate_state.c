/* The record of a migration. Database addresses in it are sealed like those of entries. */
#include "base.h"
#include "platform/migrate_state.h"
#include "core/clock.h"
#include "db/doc.h"
#include "db/own.h"
#include "platform/place.h"
#include "tenant/audit.h"
#include "tenant/seal.h"

static const char *const stage_names[] = {
    [MIGRATE_PLANNED] = "planned",     [MIGRATE_COPYING] = "copying",
    [MIGRATE_COPIED] = "copied",       [MIGRATE_SWITCHED] = "switched",
    [MIGRATE_FINISHING] = "finishing", [MIGRATE_FINISHED] = "finished",
    [MIGRATE_RETURNING] = "returning",
};

const char *migrate_stage_name(enum migrate_stage stage)
{
    return stage_names[stage];
}

static const char *beside(const struct job *job, const char *db_name)
{
    char name[AUDIT_DB_SIZE];

    audit_db_name(db_name, name);
    return arena_strdup(job->arena, name);
}

void migration_pairs(const struct job *job, struct migration *m)
{
    const char *from = m->from_strong ? m->from_strong : place_strong_uri(job->conf, m->from_uri);
    const char *to = place_strong_uri(job->conf, m->to_uri);
    const char *narrow = m->move ? NULL : m->tenant_id;

    m->pairs[PAIR_DATA] = (struct copy_pair){{from, m->from_db, narrow}, {to, m->to_db, NULL}};
    m->pairs[PAIR_AUDIT] = (struct copy_pair){{from, beside(job, m->from_db), narrow},
                                              {to, beside(job, m->to_db), NULL}};
}

static const char *text(const struct job *job, const bson_t *doc, const char *key)
{
    const char *value = doc_text(doc, key);

    return value ? arena_strdup(job->arena, value) : NULL;
}

static bool open_uri(const struct job *job, const struct migration *m, const char *key, bool must,
                     const char **uri)
{
    const char *stored = text(job, m->doc, key);
    char *plain;

    if (!stored && !must)
        return true;
    if (!stored || !m->slug)
        return err_set(job->err, ERR_STATE, "The record of the migration is damaged: %s", key);
    plain = seal_open(job->conf, m->slug, key, stored, job->err);
    if (!plain)
        return false;
    *uri = arena_strdup(job->arena, plain);
    explicit_bzero(plain, strlen(plain));
    free(plain);
    return true;
}

static const bson_t *place(const struct job *job, const bson_t *doc, const char *key)
{
    const uint8_t *data;
    bson_iter_t it;
    uint32_t len;

    if (!bson_iter_init_find(&it, doc, key) || !BSON_ITER_HOLDS_DOCUMENT(&it))
        return NULL;
    bson_iter_document(&it, &len, &data);
    return own_bson_copy(job->arena, data, len);
}

static void drop_list(void *list)
{
    json_decref(list);
}

/* An array of texts; NULL when there is none. */
static const json_t *list(const struct job *job, const bson_t *doc, const char *key)
{
    bson_iter_t it, item;
    json_t *out;

    if (!doc_at(doc, key, &it) || !BSON_ITER_HOLDS_ARRAY(&it) || !bson_iter_recurse(&it, &item))
        return NULL;
    out = json_array();
    arena_defer(job->arena, drop_list, out);
    while (bson_iter_next(&item))
        if (BSON_ITER_HOLDS_UTF8(&item))
            json_array_append_new(out, json_string(bson_iter_utf8(&item, NULL)));
    return out;
}

static void read_proof(const struct job *job, struct migration *m)
{
    const uint8_t *data;
    bson_iter_t it;
    uint32_t len;

    m->proof = NULL;
    if (!doc_at(m->doc, "proof", &it) || !BSON_ITER_HOLDS_ARRAY(&it))
        return;
    bson_iter_array(&it, &len, &data);
    m->proof = own_bson_copy(job->arena, data, len);
}

static bool read_doc(const struct job *job, struct migration *m)
{
    const char *stage = text(job, m->doc, "stage"), *kind = text(job, m->doc, "kind");

    m->slug = text(job, m->doc, "slug");
    m->move = kind && strcmp(kind, "move") == 0;
    m->business_name = text(job, m->doc, "business_name");
    m->business_type = text(job, m->doc, "business_type");
    m->admin_email = text(job, m->doc, "admin_email");
    m->license_type = text(job, m->doc, "license_type");
    m->max_users = doc_int(m->doc, "max_users", -1);
    m->max_branches = doc_int(m->doc, "max_branches", -1);
    m->features = list(job, m->doc, "features");
    doc_instant(m->doc, "switched_at", &m->switched_ms);
    read_proof(job, m);
    m->from_db = text(job, m->doc, "from_db");
    m->to_db = text(job, m->doc, "to_db");
    m->held = doc_bool(m->doc, "held");
    for (size_t i = 0; i < ARRAY_LEN(stage_names); i++)
        if (stage && strcmp(stage, stage_names[i]) == 0)
            m->stage = (enum migrate_stage)i;
    m->places[PAIR_DATA] = place(job, m->doc, "place_data");
    m->places[PAIR_AUDIT] = place(job, m->doc, "place_audit");
    m->places_proved = doc_bool(m->doc, "places_proved");
    m->late = text(job, m->doc, "late");
    if (!open_uri(job, m, "from_uri", true, &m->from_uri) ||
        !open_uri(job, m, "from_strong", false, &m->from_strong) ||
        !open_uri(job, m, "to_uri", true, &m->to_uri) ||
        !open_uri(job, m, "own_uri", false, &m->own_uri))
        return false;
    migration_pairs(job, m);
    return true;
}

static void by_id(const struct migration *m, bson_t *filter)
{
    bson_init(filter);
    BSON_APPEND_UTF8(filter, "_id", m->tenant_id);
}

bool migration_load(const struct job *job, const char *tenant_id, struct migration *m, bool *found)
{
    struct scope scope;
    const bson_t *doc;
    bson_t filter;
    bool ok;

    *m = (struct migration){.tenant_id = arena_strdup(job->arena, tenant_id)};
    by_id(m, &filter);
    ok = job_registry(job, &scope) &&
         scope_find_one(&scope, MIGRATIONS, &filter, NULL, &doc, job->err);
    bson_destroy(&filter);
    *found = ok && doc;
    if (!*found)
        return ok;
    m->doc = own_bson_copy(job->arena, bson_get_data(doc), doc->len);
    return read_doc(job, m);
}

static bool append_sealed(const struct job *job, const struct migration *m, bson_t *doc,
                          const char *key, const char *uri)
{
    char *sealed = seal_close(job->conf, m->slug, key, uri);

    if (!sealed)
        return err_set(job->err, ERR_DB_NOT_CONFIGURED,
                       "There is no key to seal database addresses: set ERP_SEAL_KEY");
    bson_append_utf8(doc, key, -1, sealed, -1);
    free(sealed);
    return true;
}

static void append_policy(const struct migration *m, bson_t *doc)
{
    const json_t *item;
    bson_t list;
    char key[24];
    size_t i;

    doc_append_text(doc, "license_type", m->license_type);
    BSON_APPEND_INT64(doc, "max_users", m->max_users);
    BSON_APPEND_INT64(doc, "max_branches", m->max_branches);
    if (!m->features)
        return;
    BSON_APPEND_ARRAY_BEGIN(doc, "features", &list);
    json_array_foreach(m->features, i, item)
    {
        snprintf(key, sizeof key, "%zu", i);
        doc_append_text(&list, key, json_string_value(item));
    }
    bson_append_array_end(doc, &list);
}

bool migration_add(const struct job *job, struct migration *m)
{
    bson_t *doc = own_bson(job->arena);
    struct scope scope;

    BSON_APPEND_UTF8(doc, "_id", m->tenant_id);
    BSON_APPEND_UTF8(doc, "kind", m->move ? "move" : "migrate");
    doc_append_text(doc, "slug", m->slug);
    doc_append_text(doc, "stage", stage_names[m->stage]);
    BSON_APPEND_BOOL(doc, "held", false);
    doc_append_text(doc, "business_name", m->business_name);
    doc_append_text(doc, "business_type", m->business_type);
    doc_append_text(doc, "admin_email", m->admin_email);
    doc_append_text(doc, "from_db", m->from_db);
    doc_append_text(doc, "to_db", m->to_db);
    append_policy(m, doc);
    BSON_APPEND_DATE_TIME(doc, "created_at", clock_ms());
    m->doc = doc;
    migration_pairs(job, m);
    return append_sealed(job, m, doc, "from_uri", m->from_uri) &&
           append_sealed(job, m, doc, "to_uri", m->to_uri) &&
           (!m->from_strong || append_sealed(job, m, doc, "from_strong", m->from_strong)) &&
           job_registry(job, &scope) &&
           scope_insert(&scope, MIGRATIONS, doc, job->err);
}

bool migration_remove(const struct job *job, const struct migration *m)
{
    struct scope scope;
    bson_t filter;
    int64_t n;
    bool ok;

    by_id(m, &filter);
    ok = job_registry(job, &scope) && scope_delete_one(&scope, MIGRATIONS, &filter, &n, job->err);
    bson_destroy(&filter);
    return ok;
}

static bool update(const struct job *job, const struct migration *m, const char *operator,
                   const bson_t * change)
{
    bson_t filter, doc = BSON_INITIALIZER;
    int64_t matched = 0;
    struct scope scope;
    bool ok;

    by_id(m, &filter);
    bson_append_document(&doc, operator, - 1, change);
    ok = job_registry(job, &scope) &&
         scope_update_one(&scope, MIGRATIONS, &filter, &doc, NULL, &matched, job->err);
    bson_destroy(&filter);
    bson_destroy(&doc);
    if (ok && !matched)
        return err_set(job->err, ERR_STATE, "The record of the migration is gone");
    return ok;
}

bool migration_set(const struct job *job, const struct migration *m, const bson_t *set)
{
    return update(job, m, "$set", set);
}

bool migration_set_places(const struct job *job, struct migration *m, const bson_t *data,
                          const bson_t *audit, bool proved)
{
    bson_t set = BSON_INITIALIZER;
    bool ok;

    BSON_APPEND_DOCUMENT(&set, "place_data", data);
    BSON_APPEND_DOCUMENT(&set, "place_audit", audit);
    BSON_APPEND_BOOL(&set, "places_proved", proved);
    ok = migration_set(job, m, &set);
    bson_destroy(&set);
    if (!ok)
        return false;
    m->places[PAIR_DATA] = own_bson_copy(job->arena, bson_get_data(data), data->len);
    m->places[PAIR_AUDIT] = own_bson_copy(job->arena, bson_get_data(audit), audit->len);
    m->places_proved = proved;
    return true;
}

bool migration_set_uri(const struct job *job, const struct migration *m, const char *key,
                       const char *uri)
{
    bson_t set = BSON_INITIALIZER;
    bool ok = append_sealed(job, m, &set, key, uri) && migration_set(job, m, &set);

    bson_destroy(&set);
    return ok;
}

bool migration_set_stage(const struct job *job, struct migration *m, enum migrate_stage stage)
{
    bson_t set = BSON_INITIALIZER;
    int64_t now = clock_ms();
    bool ok;

    doc_append_text(&set, "stage", stage_names[stage]);
    BSON_APPEND_DATE_TIME(&set, "updated_at", now);
    if (stage == MIGRATE_SWITCHED)
        BSON_APPEND_DATE_TIME(&set, "switched_at", m->switched_ms = now);
    ok = migration_set(job, m, &set);
    bson_destroy(&set);
    if (ok)
        m->stage = stage;
    return ok;
}

static const char *label(const struct job *job, int pair, const char *collection)
{
    return arena_printf(job->arena, "%d:%s", pair, collection);
}

bool migration_is_done(const struct job *job, const struct migration *m, int pair,
                       const char *collection, const bson_t **last)
{
    const char *name = label(job, pair, collection), *last_of = text(job, m->doc, "last_of");
    bson_iter_t it, done;

    *last = last_of && strcmp(last_of, name) == 0 ? place(job, m->doc, "last_key") : NULL;
    if (bson_iter_init_find(&it, m->doc, "done") && BSON_ITER_HOLDS_ARRAY(&it) &&
        bson_iter_recurse(&it, &done))
        while (bson_iter_next(&done))
            if (BSON_ITER_HOLDS_UTF8(&done) && strcmp(bson_iter_utf8(&done, NULL), name) == 0)
                return true;
    return false;
}

bool migration_set_last(const struct job *job, const struct migration *m, int pair,
                        const char *collection, const bson_t *key)
{
    bson_t set = BSON_INITIALIZER;
    bool ok;

    doc_append_text(&set, "last_of", label(job, pair, collection));
    BSON_APPEND_DOCUMENT(&set, "last_key", key);
    ok = migration_set(job, m, &set);
    bson_destroy(&set);
    return ok;
}

bool migration_add_done(const struct job *job, const struct migration *m, int pair,
                        const char *collection)
{
    bson_t add = BSON_INITIALIZER;
    bool ok;

    doc_append_text(&add, "done", label(job, pair, collection));
    ok = update(job, m, "$addToSet", &add);
    bson_destroy(&add);
    return ok;
}

bool migration_pending(const struct job *job, const char *tenant_id, enum migrate_stage *stage)
{
    struct migration m = {.tenant_id = tenant_id};
    const bson_t *doc = NULL;
    struct scope scope;
    const char *name;
    bson_t filter;
    bool ok;

    *stage = MIGRATE_FINISHED;
    by_id(&m, &filter);
    ok = job_registry(job, &scope) &&
         scope_find_one(&scope, MIGRATIONS, &filter, NULL, &doc, job->err);
    bson_destroy(&filter);
    name = ok ? doc_text(doc, "stage") : NULL;
    for (size_t i = 0; name && i < ARRAY_LEN(stage_names); i++)
        if (strcmp(name, stage_names[i]) == 0)
            *stage = (enum migrate_stage)i;
    return ok;
}

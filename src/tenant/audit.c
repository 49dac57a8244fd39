/* Entries hold digests, not contents: the log proves what happened without becoming a second copy
 * of the business's data. */
#include "base.h"
#include "tenant/audit.h"
#include "core/clock.h"
#include "core/id.h"
#include "db/doc.h"
#include "db/many.h"
#include "db/own.h"

static const char *const kind_names[] = {
    [AUDIT_DATA] = "data",
    [AUDIT_ACCESS] = "access",
    [AUDIT_OPERATOR] = "operator",
    [AUDIT_SERVICE] = "service",
};

static const char suffix[] = "_audit";

void audit_db_name(const char *db_name, char out[static AUDIT_DB_SIZE])
{
    char hex[SHA256_HEX_SIZE];

    if (strlen(db_name) + sizeof suffix <= AUDIT_DB_SIZE) {
        snprintf(out, AUDIT_DB_SIZE, "%s%s", db_name, suffix);
        return;
    }
    sha256_hex(hex, db_name, strlen(db_name));
    snprintf(out, AUDIT_DB_SIZE, "%.46s_%.10s%s", db_name, hex, suffix);
}

bool audit_db_is(const char *db_name)
{
    size_t len = strlen(db_name);

    /* Names that differ in case alone are one database on some systems. */
    return len >= sizeof suffix - 1 && strcasecmp(db_name + len - (sizeof suffix - 1), suffix) == 0;
}

/* The same scope for the length of one operation, so that session, deadline, counts and breaker
 * stay one. Returns what to give back. */
static const char *step_beside(struct scope *scope, char name[static AUDIT_DB_SIZE])
{
    const char *own = scope->db_name;

    audit_db_name(own, name);
    scope->db_name = name;
    return own;
}

static void append_digest(bson_t *out, const char *key, const bson_t *doc)
{
    char hex[SHA256_HEX_SIZE];

    if (doc == NULL)
        return;
    sha256_hex(hex, bson_get_data(doc), doc->len);
    bson_append_utf8(out, key, -1, hex, -1);
}

static void build(const struct scope *scope, const struct audit_entry *entry, bson_t *doc)
{
    char id[ID_SIZE];

    id_new(id);
    doc_append_text(doc, "id", id);
    doc_append_text(doc, "tenant_id", scope->tenant_id);
    bson_append_date_time(doc, "at", 2, clock_ms());
    doc_append_text(doc, "kind", kind_names[entry->kind]);
    doc_append_text(doc, "action", entry->action);
    doc_append_text(doc, "collection", entry->collection);
    doc_append_text(doc, "record_id", entry->record_id);
    doc_append_text(doc, "actor", entry->actor);
    if (scope->who) {
        doc_append_text(doc, "actor_email", scope->who->email);
        doc_append_text(doc, "actor_role", scope->who->role);
        doc_append_text(doc, "remote_addr", scope->who->remote_addr);
    }
    doc_append_text(doc, "impersonated_by", entry->impersonated_by);
    doc_append_text(doc, "request_id", entry->request_id);
    doc_append_text(doc, "route", entry->route);
    doc_append_text(doc, "code", entry->code);
    doc_append_text(doc, "note", entry->note);
    append_digest(doc, "before", entry->before);
    append_digest(doc, "after", entry->after);
}

/* After an insertion. The one rule that this collection ever has: see tenant/hold.h. */
static bool added(const struct scope *scope, bool ok, struct err *err)
{
    if (ok || !scope->rule_refused)
        return ok;
    err_clear(err);
    return err_set_retry(
        err, ERR_TENANT_MOVING, 1,
        "The data of this business is being moved. Please try again in a moment.");
}

bool audit_add(struct scope *scope, const struct audit_entry *entry, struct err *err)
{
    bson_t doc = BSON_INITIALIZER;
    char beside[AUDIT_DB_SIZE];
    const char *own;
    bool ok;

    build(scope, entry, &doc);
    own = step_beside(scope, beside);
    ok = scope_insert(scope, AUDIT_COLLECTION, &doc, err);
    scope->db_name = own;
    bson_destroy(&doc);
    return added(scope, ok, err);
}

bool audit_add_many(struct scope *scope, const struct audit_entry *entries, size_t n,
                    struct err *err)
{
    const bson_t **docs = arena_alloc(scope->arena, (n + 1) * sizeof *docs);
    char beside[AUDIT_DB_SIZE];
    const char *own;
    bool ok;

    for (size_t i = 0; i < n; i++) {
        bson_t *doc = own_bson(scope->arena);

        build(scope, &entries[i], doc);
        docs[i] = doc;
    }
    own = step_beside(scope, beside);
    ok = scope_insert_all(scope, AUDIT_COLLECTION, docs, n, err);
    scope->db_name = own;
    return added(scope, ok, err);
}

bool audit_last(struct scope *scope, int64_t *ms, struct err *err)
{
    bson_t filter = BSON_INITIALIZER;
    bson_t *opts = BCON_NEW("sort", "{", "at", BCON_INT32(-1), "}", "projection", "{", "at",
                            BCON_BOOL(true), "_id", BCON_BOOL(false), "}");
    const bson_t *doc;
    char beside[AUDIT_DB_SIZE];
    const char *own;
    bson_iter_t it;
    bool ok;

    *ms = 0;
    scope_filter(scope, NULL, &filter);
    doc_append_text(&filter, "kind", kind_names[AUDIT_DATA]);
    own = step_beside(scope, beside);
    ok = scope_find_one(scope, AUDIT_COLLECTION, &filter, opts, &doc, err);
    scope->db_name = own;
    if (ok && doc != NULL && bson_iter_init_find(&it, doc, "at") && BSON_ITER_HOLDS_DATE_TIME(&it))
        *ms = bson_iter_date_time(&it);
    bson_destroy(&filter);
    bson_destroy(opts);
    return ok;
}

bool audit_command(struct scope *scope, const bson_t *command, bson_t *reply, struct err *err)
{
    char beside[AUDIT_DB_SIZE];
    const char *own = step_beside(scope, beside);
    bool ok = scope_command(scope, command, reply, err);

    scope->db_name = own;
    return ok;
}

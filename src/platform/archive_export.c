/* A tenant's databases, entry, users and files into one file. */
#include "base.h"
#include "platform/archive.h"
#include "core/clock.h"
#include "platform/accounts.h"
#include "core/str.h"
#include "db/bulk.h"
#include "tenant/audit.h"
#include "tenant/seal.h"

#include <jansson.h>

#define PROGRESS_EVERY 100000

struct export
{
    struct job *job;
    struct pack *pack;
    struct archive_facts *facts;
    struct str collections; /* collections.bson as far as it goes */
    int64_t n_collections;
};

/* --- members --------------------------------------------------------------------------------- */

static bool write_doc(struct export *ex, const bson_t *doc)
{
    return pack_write(ex->pack, bson_get_data(doc), doc->len, ex->job->err);
}

/* Every match of a collection, as they come. *n is their number. */
static bool dump(struct export *ex, struct scope *scope, const char *collection,
                 const bson_t *filter, int64_t *n)
{
    mongoc_cursor_t *cursor = scope_find(scope, collection, filter, NULL);
    const bson_t *doc;
    bool ok;

    *n = 0;
    while ((ok = scope_next(scope, cursor, &doc, ex->job->err)) && doc) {
        if (!write_doc(ex, doc))
            return false;
        if (++*n % PROGRESS_EVERY == 0)
            job_progress(ex->job, "%s: %" PRId64 " documents", collection, *n);
    }
    return ok;
}

static bool add_text(struct export *ex, const char *name, const char *text)
{
    return pack_write(ex->pack, text, strlen(text), ex->job->err) &&
           pack_member_end(ex->pack, name, -1, ex->job->err);
}

/* --- collections ----------------------------------------------------------------------------- */

/* Appends those members of `from` that `keys` names. */
static void copy_members(const bson_t *from, const char *const *keys, size_t n, bson_t *to)
{
    bson_iter_t it;

    for (size_t i = 0; i < n; i++)
        if (bson_iter_init_find(&it, from, keys[i]))
            bson_append_iter(to, keys[i], -1, &it);
}

static void append_options(const bson_t *info, bson_t *to)
{
    static const char *const kept[] = {"collation", "validator", "validationLevel",
                                       "validationAction"};
    bson_t options = BSON_INITIALIZER, given;
    const uint8_t *bytes;
    bson_iter_t it;
    uint32_t len;

    if (bson_iter_init_find(&it, info, "options") && BSON_ITER_HOLDS_DOCUMENT(&it)) {
        bson_iter_document(&it, &len, &bytes);
        if (bson_init_static(&given, bytes, len))
            copy_members(&given, kept, ARRAY_LEN(kept), &options);
    }
    BSON_APPEND_DOCUMENT(to, "options", &options);
    bson_destroy(&options);
}

static bool append_indexes(struct export *ex, struct scope *scope, const char *name, bson_t *to)
{
    bson_t *command =
        BCON_NEW("listIndexes", BCON_UTF8(name), "cursor", "{", "batchSize", BCON_INT32(1000), "}");
    bson_iter_t it, batch;
    bson_t reply;
    bool ok = scope_command(scope, command, &reply, ex->job->err);

    bson_destroy(command);
    if (ok && bson_iter_init(&it, &reply) &&
        bson_iter_find_descendant(&it, "cursor.firstBatch", &batch))
        bson_append_iter(to, "indexes", -1, &batch);
    bson_destroy(&reply);
    return ok;
}

static bool add_metadata(struct export *ex, const char *folder, const char *member,
                         const bson_t *doc)
{
    static const char *const kept[] = {"options", "indexes"};
    bson_t shown = BSON_INITIALIZER;
    char *json;
    bool ok;

    copy_members(doc, kept, ARRAY_LEN(kept), &shown);
    BSON_APPEND_UTF8(&shown, "collectionName", archive_text(doc, "name"));
    BSON_APPEND_UTF8(&shown, "type", "collection");
    json = bson_as_canonical_extended_json(&shown, NULL);
    bson_destroy(&shown);
    ok = json ? add_text(ex, arena_printf(ex->job->arena, "%s/%s.metadata.json", folder, member),
                         json)
              : err_set(ex->job->err, ERR_INTERNAL, "%s has indexes that cannot be shown", member);
    bson_free(json);
    return ok;
}

static bool add_collection(struct export *ex, struct scope *scope, const char *folder,
                           const bson_t *info, const char *name, int64_t *documents)
{
    bson_t doc = BSON_INITIALIZER, all = BSON_INITIALIZER;
    const char *member;
    struct str escaped;
    int64_t n = 0;
    bool ok;

    str_init(&escaped);
    str_add_uri(&escaped, name, strlen(name));
    member = arena_strdup(ex->job->arena, escaped.p);
    str_release(&escaped);
    BSON_APPEND_UTF8(&doc, "folder", folder);
    BSON_APPEND_UTF8(&doc, "name", name);
    append_options(info, &doc);
    ok = append_indexes(ex, scope, name, &doc) && dump(ex, scope, name, &all, &n) &&
         pack_member_end(ex->pack, arena_printf(ex->job->arena, "%s/%s.bson", folder, member), n,
                         ex->job->err) &&
         add_metadata(ex, folder, member, &doc);
    str_add(&ex->collections, (const char *)bson_get_data(&doc), doc.len);
    ex->n_collections++;
    *documents += n;
    bson_destroy(&doc);
    bson_destroy(&all);
    return ok;
}

static bool add_listed(struct export *ex, struct scope *scope, const char *folder,
                       const bson_t *info, int64_t *documents)
{
    const char *name = archive_text(info, "name"), *type = archive_text(info, "type");

    if (!name || strncmp(name, "system.", 7) == 0)
        return true;
    if (ex->n_collections == ARCHIVE_COLLECTIONS_MAX / 2)
        return err_set(ex->job->err, ERR_INTERNAL, "More than %d collections",
                       ARCHIVE_COLLECTIONS_MAX / 2);
    if (type && strcmp(type, "collection") == 0)
        return add_collection(ex, scope, folder, info, name, documents);
    job_progress(ex->job, "left out: %s, a %s", name, type ? type : "collection of no known type");
    ex->facts->left_out++;
    return true;
}

static bool list_collections(struct export *ex, struct scope *scope, bson_t *reply)
{
    bson_t *command = BCON_NEW("listCollections", BCON_INT32(1), "cursor", "{", "batchSize",
                               BCON_INT32(ARCHIVE_COLLECTIONS_MAX), "}");
    bool ok = scope_command(scope, command, reply, ex->job->err);

    bson_destroy(command);
    return ok;
}

/* All collections of the scope's database. */
static bool add_database(struct export *ex, struct scope *scope, const char *folder,
                         int64_t *documents)
{
    bson_iter_t it, batch, item;
    const uint8_t *bytes;
    bson_t reply, info;
    uint32_t len;
    bool ok = list_collections(ex, scope, &reply);

    if (ok && bson_iter_init(&it, &reply) &&
        bson_iter_find_descendant(&it, "cursor.firstBatch", &batch) &&
        BSON_ITER_HOLDS_ARRAY(&batch) && bson_iter_recurse(&batch, &item))
        while (ok && bson_iter_next(&item)) {
            if (!BSON_ITER_HOLDS_DOCUMENT(&item))
                continue;
            bson_iter_document(&item, &len, &bytes);
            ok = !bson_init_static(&info, bytes, len) ||
                 add_listed(ex, scope, folder, &info, documents);
        }
    bson_destroy(&reply);
    return ok;
}

/* --- what is not a collection of the tenant's ------------------------------------------------ */

/* Secrets stay: the URI, and whatever else is sealed. */
static bool add_entry(struct export *ex, const bson_t *entry)
{
    bson_t doc = BSON_INITIALIZER;
    bson_iter_t it;
    bool ok;

    if (bson_iter_init(&it, entry))
        while (bson_iter_next(&it)) {
            const char *key = bson_iter_key(&it);

            if (strcmp(key, "db_uri") == 0 ||
                (BSON_ITER_HOLDS_UTF8(&it) && seal_is_sealed(bson_iter_utf8(&it, NULL))))
                continue;
            bson_append_iter(&doc, key, -1, &it);
        }
    ok = write_doc(ex, &doc) && pack_member_end(ex->pack, "entry.bson", 1, ex->job->err);
    bson_destroy(&doc);
    return ok;
}

static bool add_users(struct export *ex, const struct tenant *tenant)
{
    bson_t filter = BSON_INITIALIZER;
    struct scope scope;
    bool ok;

    accounts_of(tenant->tenant_id, &filter);
    accounts_of_people(&filter);
    ok = archive_scope(ex->job, ex->job->conf->mongo_url, ex->job->conf->db_name, &scope) &&
         scope_snapshot(&scope, ex->job->err) &&
         dump(ex, &scope, ACCOUNTS, &filter, &ex->facts->users) &&
         pack_member_end(ex->pack, "users/users.bson", ex->facts->users, ex->job->err);
    bson_destroy(&filter);
    return ok;
}

/* One session for both databases: they are on one cluster, and are seen at one moment. */
static bool add_databases(struct export *ex, const struct tenant *tenant)
{
    struct job *job = ex->job;
    struct archive_facts *facts = ex->facts;
    char beside[AUDIT_DB_SIZE];
    struct scope scope;

    audit_db_name(tenant->db_name, beside);
    if (!archive_scope(job, tenant->db_uri, tenant->db_name, &scope) ||
        !scope_snapshot(&scope, job->err) || !add_database(ex, &scope, "data", &facts->documents))
        return false;
    facts->collections = ex->n_collections;
    scope.db_name = beside;
    return add_database(ex, &scope, "audit", &facts->audit_entries) &&
           pack_write(ex->pack, ex->collections.p, ex->collections.len, job->err) &&
           pack_member_end(ex->pack, "collections.bson", ex->n_collections, job->err);
}

/* --- the manifest ---------------------------------------------------------------------------- */

static json_t *manifest(const struct export *ex)
{
    const struct pack_list *list = pack_members(ex->pack);
    const struct archive_facts *facts = ex->facts;
    json_t *members = json_array();
    char now[CLOCK_TEXT_SIZE];

    for (size_t i = 0; i < list->n; i++) {
        const struct pack_member *member = &list->items[i];
        json_t *row = json_pack("{s:s, s:I, s:s}", "name", member->name, "bytes",
                                (json_int_t)member->bytes, "sha256", member->sha256);

        if (member->documents >= 0)
            json_object_set_new(row, "documents", json_integer(member->documents));
        json_array_append_new(members, row);
    }
    clock_format(now, clock_ms());
    return json_pack(
        "{s:s, s:i, s:s, s:s, s:s, s:s, s:s, s:b, s:{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}, s:o}",
        "format", "erpd-archive", "version", ARCHIVE_VERSION, "erpd", PACKAGE_VERSION,
        "created_at", now, "slug", facts->slug, "tenant_id", facts->tenant_id, "db_name",
        facts->db_name, "with_files", (int)facts->with_files, "counts", "collections",
        (json_int_t)facts->collections, "documents", (json_int_t)facts->documents, "audit_entries",
        (json_int_t)facts->audit_entries, "users", (json_int_t)facts->users, "left_out",
        (json_int_t)facts->left_out, "files", (json_int_t)facts->files, "file_bytes",
        (json_int_t)facts->file_bytes, "files_left_out", (json_int_t)facts->files_left_out,
        "members", members);
}

static bool add_manifest(struct export *ex)
{
    json_t *value = manifest(ex);
    char *text = json_dumps(value, JSON_INDENT(1)), sum[SHA256_HEX_SIZE];
    bool ok;

    json_decref(value);
    if (!text)
        die("out of memory: a manifest");
    sha256_hex(sum, text, strlen(text));
    ok = add_text(ex, "manifest.json", text) &&
         add_text(ex, "manifest.sha256", arena_printf(ex->job->arena, "%s  manifest.json\n", sum));
    free(text);
    return ok;
}

static bool fill(struct export *ex, const bson_t *entry, const struct tenant *tenant)
{
    if (!add_entry(ex, entry) || !add_databases(ex, tenant) || !add_users(ex, tenant))
        return false;
    if (ex->facts->with_files && (!archive_add_files(ex->job, ex->pack, ex->facts) ||
                                  !archive_files_away(ex->job, tenant, &ex->facts->files_away)))
        return false;
    job_step(ex->job, "export_files");
    return add_manifest(ex) && pack_finish(ex->pack, ex->facts->sha256, ex->job->err);
}

bool archive_export(struct job *job, const char *slug, const char *path, unsigned flags,
                    struct archive_facts *facts)
{
    struct export ex = {.job = job, .facts = facts};
    struct tenant *tenant;
    const bson_t *entry;
    bool ok;

    *facts = (struct archive_facts){.with_files = !(flags & ARCHIVE_NO_FILES)};
    if (facts->with_files && !files_here(job->conf, false, job->err))
        return false;
    if (!archive_entry(job, slug, &entry, &tenant))
        return false;
    if (!*tenant->tenant_id)
        return err_set(job->err, ERR_STATE, "The entry of %s has no tenant_id yet", slug);
    memcpy(facts->slug, tenant->slug, sizeof facts->slug);
    memcpy(facts->tenant_id, tenant->tenant_id, sizeof facts->tenant_id);
    memcpy(facts->db_name, tenant->db_name, sizeof facts->db_name);
    if (!(ex.pack = pack_create(path, flags & ARCHIVE_REPLACE, job->err)))
        return false;
    str_init(&ex.collections);
    ok = fill(&ex, entry, tenant);
    str_release(&ex.collections);
    pack_free(ex.pack);
    return ok;
}

/* Is a file a whole and sound archive? Everything is read before anything of it is believed. */
#include "base.h"
#include "platform/archive_check.h"
#include "auth/perm.h"
#include "core/str.h"
#include "db/own.h"

#include <jansson.h>

#define USERS_MAX 100000
/* Of a manifest, or of what mongodump says of a name; and more for each member that it may name. */
#define TEXT_MAX   ((size_t)4 * 1024 * 1024)
#define MEMBER_MAX ((size_t)512)
#define KEPT_MAX ((int64_t)32 * 1024 * 1024)

struct check {
    struct job *job;
    struct unpack *unpack;
    struct archive_contents *contents;
    struct pack_list seen;
    struct str text; /* of the last member that was text */
    int64_t files;
    bool manifest, sum, with_files;
};

static bool bad(struct check *check, const char *member, const char *why)
{
    return err_set(check->job->err, ERR_BAD_REQUEST, "%.200s: %s", member, why);
}

/* --- documents ------------------------------------------------------------------------------- */

static bool take_entry(struct check *check, const bson_t *doc)
{
    struct archive_contents *contents = check->contents;
    struct tenant *tenant = &contents->tenant;

    if (contents->entry)
        return bad(check, "entry.bson", "it holds more than one entry");
    contents->entry = own_bson_copy(check->job->arena, bson_get_data(doc), doc->len);
    if (!tenant_from_bson(doc, check->job->conf, tenant, check->job->err)) {
        err_clear(check->job->err);
        return bad(check, "entry.bson", "the entry cannot be used");
    }
    tenant_release(tenant);
    if (!*tenant->tenant_id || !*tenant->db_name)
        return bad(check, "entry.bson", "the entry names no tenant_id or no db_name");
    return true;
}

static bool take_collection(struct check *check, const bson_t *doc)
{
    struct archive_contents *contents = check->contents;
    const char *folder = archive_text(doc, "folder"), *name = archive_text(doc, "name");

    if (!folder || !name || (strcmp(folder, "data") != 0 && strcmp(folder, "audit") != 0))
        return bad(check, "collections.bson", "it describes a collection without a name");
    if (contents->n_collections == ARCHIVE_COLLECTIONS_MAX)
        return bad(check, "collections.bson", "it describes too many collections");
    contents->collections[contents->n_collections++] =
        own_bson_copy(check->job->arena, bson_get_data(doc), doc->len);
    return true;
}

static void keep_email(struct check *check, const char *email)
{
    struct archive_contents *contents = check->contents;

    if (contents->n_emails == contents->max_emails) {
        size_t more = contents->max_emails ? contents->max_emails * 2 : 64;
        const char **list = arena_alloc(check->job->arena, more * sizeof *list);

        if (contents->n_emails > 0)
            memcpy(list, contents->emails, contents->n_emails * sizeof *list);
        contents->emails = list;
        contents->max_emails = more;
    }
    contents->emails[contents->n_emails++] = arena_strdup(check->job->arena, email);
}

/* Whoever restores an archive must not get, by it, a user who is more than this business's. Records
 * that nobody can sign in with, for want of a role or an address, come back as they were. */
static bool check_user(struct check *check, const bson_t *doc)
{
    const char *tenant_id = archive_text(doc, "tenant_id"), *role = archive_text(doc, "role");
    const char *email = archive_text(doc, "email");

    if (!check->contents->entry)
        return bad(check, "users/users.bson", "it comes before the entry");
    if (!tenant_id || strcmp(tenant_id, check->contents->tenant.tenant_id) != 0)
        return bad(check, "users/users.bson", "a user belongs to another tenant");
    if (role && strcmp(role, role_name(ROLE_SUPER_ADMIN)) == 0)
        return bad(check, "users/users.bson", "a user has a role of the platform");
    if (check->contents->n_emails == USERS_MAX)
        return bad(check, "users/users.bson", "it holds too many users");
    if (email)
        keep_email(check, email);
    return true;
}

static bool check_record(struct check *check, const char *member, const bson_t *doc)
{
    bson_iter_t it;

    if (!bson_iter_init_find(&it, doc, "_id") || BSON_ITER_HOLDS_ARRAY(&it))
        return bad(check, member, "a document has no _id");
    return true;
}

static bool check_doc(struct check *check, const char *member, const bson_t *doc)
{
    if (strcmp(member, "entry.bson") == 0)
        return take_entry(check, doc);
    if (strcmp(member, "collections.bson") == 0)
        return take_collection(check, doc);
    if (!check_record(check, member, doc))
        return false;
    return strcmp(member, "users/users.bson") != 0 || check_user(check, doc);
}

static bool check_docs(struct check *check, struct pack_member *member)
{
    struct archive_reader reader;
    bool ok, end = false;
    bson_t doc;

    archive_reader_init(&reader, check->unpack, member->name, member->bytes);
    while ((ok = archive_read_doc(&reader, &doc, &end, check->job->err)) && !end)
        if (!(ok = check_doc(check, member->name, &doc)))
            break;
    member->documents = reader.count;
    archive_reader_release(&reader);
    return ok;
}

/* --- members --------------------------------------------------------------------------------- */

static bool check_text(struct check *check, const struct pack_member *member)
{
    size_t got = 1, len = (size_t)member->bytes;

    if (member->bytes > (int64_t)(TEXT_MAX + check->seen.n * MEMBER_MAX))
        return bad(check, member->name, "it is too large");
    str_clear(&check->text);
    while (got > 0) {
        char *room = str_reserve(&check->text, len + 1);

        if (!unpack_read(check->unpack, room, len + 1, &got, check->job->err))
            return false;
        str_grew(&check->text, got);
        if (check->text.len > len)
            return bad(check, member->name, "it is longer than announced");
    }
    return true;
}

static bool is_bson(struct arena *arena, const char *name)
{
    return strcmp(name, "entry.bson") == 0 || strcmp(name, "collections.bson") == 0 ||
           strcmp(name, "users/users.bson") == 0 || archive_collection(arena, name, "data") ||
           archive_collection(arena, name, "audit");
}

/* "data/NAME.metadata.json", which is for mongorestore alone. */
static bool is_metadata(struct arena *arena, const char *name)
{
    static const char suffix[] = ".metadata.json";
    size_t len = strlen(name), more = sizeof suffix - 1;
    const char *twin;

    if (len <= more || strcmp(name + len - more, suffix) != 0)
        return false;
    twin = arena_printf(arena, "%.*s.bson", (int)(len - more), name);
    return archive_collection(arena, twin, "data") || archive_collection(arena, twin, "audit");
}

static bool check_file(struct check *check, const struct pack_member *member)
{
    if (!check->contents->entry)
        return bad(check, member->name, "it comes before the entry");
    if (++check->files > ARCHIVE_FILES_MAX)
        return bad(check, member->name, "the archive has too many files");
    return archive_check_file(check->job, check->unpack, check->contents->tenant.tenant_id,
                              member->name, member->bytes);
}

/* What `manifest.sha256` says of the text that was just read. */
static bool check_sum(struct check *check, const char *manifest_sha256)
{
    if (check->text.len < SHA256_HEX_SIZE - 1 ||
        memcmp(check->text.p, manifest_sha256, SHA256_HEX_SIZE - 1) != 0)
        return bad(check, "manifest.json", "it is not what manifest.sha256 says");
    check->sum = true;
    return true;
}

static bool check_member(struct check *check, const char *name, int64_t bytes, struct str *manifest)
{
    struct pack_member *member;
    bool ok;

    if (pack_list_find(&check->seen, name))
        return bad(check, name, "it is there twice");
    member = pack_list_add(&check->seen, name);
    member->bytes = bytes;
    if ((strcmp(name, "entry.bson") == 0 || strcmp(name, "collections.bson") == 0) &&
        bytes > KEPT_MAX)
        return bad(check, name, "it is too large");
    if (check->sum || check->manifest != (strcmp(name, "manifest.sha256") == 0))
        return bad(check, name, "it is not in its place");
    if (archive_is_file(name))
        ok = check_file(check, member);
    else if (is_bson(check->job->arena, name))
        ok = check_docs(check, member);
    else if (is_metadata(check->job->arena, name) || strncmp(name, "manifest.", 9) == 0)
        ok = check_text(check, member);
    else
        return bad(check, name, "this is no member of an archive");
    if (!ok)
        return false;
    unpack_sha256(check->unpack, member->sha256);
    if (check->manifest)
        return check_sum(check, pack_list_find(&check->seen, "manifest.json")->sha256);
    if (strcmp(name, "manifest.json") == 0) {
        check->manifest = true;
        str_add(manifest, check->text.p, check->text.len);
    }
    return true;
}

/* --- the manifest ---------------------------------------------------------------------------- */

static bool compare_member(struct check *check, const json_t *row)
{
    const char *name = json_string_value(json_object_get(row, "name"));
    const char *sha256 = json_string_value(json_object_get(row, "sha256"));
    const json_t *documents = json_object_get(row, "documents");
    const struct pack_member *member = name ? pack_list_find(&check->seen, name) : NULL;

    if (!name || !sha256)
        return bad(check, "manifest.json", "it names no member");
    if (!member)
        return bad(check, name, "it is missing");
    if (strcmp(sha256, member->sha256) != 0)
        return bad(check, name, "it is damaged: its SHA-256 is not the manifest's");
    if (json_integer_value(json_object_get(row, "bytes")) != member->bytes ||
        (documents ? json_integer_value(documents) : -1) != member->documents)
        return bad(check, name, "it has not as many documents or bytes as the manifest says");
    return true;
}

static bool compare(struct check *check, const json_t *manifest)
{
    const char *format = json_string_value(json_object_get(manifest, "format"));
    const json_t *members = json_object_get(manifest, "members"), *row;
    json_int_t version = json_integer_value(json_object_get(manifest, "version"));
    size_t i;

    if (!format || strcmp(format, "erpd-archive") != 0)
        return bad(check, "manifest.json", "this is no archive of erpctl");
    if (version < 1 || version > ARCHIVE_VERSION)
        return bad(check, "manifest.json", "it is of a version that this program does not know");
    check->with_files = json_is_true(json_object_get(manifest, "with_files"));
    if (check->files > 0 && !check->with_files)
        return bad(check, "manifest.json", "it says that there are no files");
    json_array_foreach(members, i, row) if (!compare_member(check, row)) return false;
    /* manifest.json and manifest.sha256 are not in it. */
    if (json_array_size(members) + 2 != check->seen.n)
        return bad(check, "manifest.json", "the file has members of which it does not speak");
    return true;
}

static bool read_manifest(struct check *check, const struct str *text)
{
    json_error_t error;
    json_t *manifest;
    bool ok;

    if (!check->sum)
        return bad(check, check->manifest ? "manifest.sha256" : "manifest.json",
                   "it is missing: the file ends too early, or is no archive of erpctl");
    manifest = json_loadb(text->p, text->len, JSON_REJECT_DUPLICATES, &error);
    ok = manifest ? compare(check, manifest) : bad(check, "manifest.json", "it is not sound JSON");
    json_decref(manifest);
    return ok && (check->contents->entry || bad(check, "entry.bson", "it is missing"));
}

static void sum_up(struct check *check, struct archive_facts *facts)
{
    const struct tenant *tenant = &check->contents->tenant;

    facts->with_files = check->with_files;
    memcpy(facts->slug, tenant->slug, sizeof facts->slug);
    memcpy(facts->tenant_id, tenant->tenant_id, sizeof facts->tenant_id);
    memcpy(facts->db_name, tenant->db_name, sizeof facts->db_name);
    for (size_t i = 0; i < check->seen.n; i++) {
        const struct pack_member *member = &check->seen.items[i];

        if (archive_is_file(member->name)) {
            facts->files++;
            facts->file_bytes += member->bytes;
        } else if (archive_collection(check->job->arena, member->name, "data")) {
            facts->collections++;
            facts->documents += member->documents;
        } else if (archive_collection(check->job->arena, member->name, "audit")) {
            facts->audit_entries += member->documents;
        } else if (strcmp(member->name, "users/users.bson") == 0) {
            facts->users = member->documents;
        }
    }
}

bool archive_check(struct job *job, struct unpack *unpack, struct archive_contents *contents,
                   struct archive_facts *facts)
{
    struct check check = {.job = job, .unpack = unpack, .contents = contents};
    const char *name;
    struct str manifest;
    int64_t bytes;
    bool ok;

    contents->collections =
        arena_alloc(job->arena, ARCHIVE_COLLECTIONS_MAX * sizeof *contents->collections);
    str_init(&check.text);
    str_init(&manifest);
    while ((ok = unpack_next(unpack, &name, &bytes, job->err)) && name)
        if (!(ok = check_member(&check, name, bytes, &manifest)))
            break;
    ok = ok && read_manifest(&check, &manifest);
    if (ok)
        sum_up(&check, facts);
    str_release(&check.text);
    str_release(&manifest);
    pack_list_release(&check.seen);
    return ok;
}

bool archive_verify(struct job *job, const char *path, struct archive_facts *facts)
{
    struct archive_contents *contents = arena_alloc(job->arena, sizeof *contents);
    struct unpack *unpack;
    bool ok;

    *facts = (struct archive_facts){0};
    if (!(unpack = unpack_open(path, facts->sha256, job->err)))
        return false;
    ok = archive_check(job, unpack, contents, facts);
    unpack_free(unpack);
    return ok;
}

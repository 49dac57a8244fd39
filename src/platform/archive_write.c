/* The collections, users and files of a verified archive, into databases that are empty. */
#include "base.h"
#include "platform/archive_check.h"
#include "db/bulk.h"
#include "db/own.h"
#include "platform/lease.h"
#include "tenant/audit.h"

#define BATCH_DOCS  1000
#define BATCH_BYTES ((size_t)4 * 1024 * 1024)
#define BATCH_ARENA ((size_t)256 * 1024 * 1024)

struct batch {
    struct job *job;
    struct scope *scope;
    const char *collection;
    struct arena *arena;
    const bson_t *docs[BATCH_DOCS];
    size_t n, bytes;
    int64_t written;
};

static bool flush(struct batch *batch)
{
    bool ok =
        lease_keep(batch->job) &&
        scope_insert_many(batch->scope, batch->collection, batch->docs, batch->n, batch->job->err);

    batch->written += (int64_t)batch->n;
    batch->n = batch->bytes = 0;
    arena_reset(batch->arena);
    return ok;
}

/* A copy names its own files: "/uploads/settings/logo_<tenant>_…" says whose they are. */
static const char *adapt_url(struct arena *arena, const struct archive_plan *plan,
                             const bson_iter_t *it)
{
    static const char start[] = FILES_BRANDING_URL;
    const char *url = BSON_ITER_HOLDS_UTF8(it) ? bson_iter_utf8(it, NULL) : "";
    char *name;

    if (strncmp(url, start, sizeof start - 1) != 0 || strlen(url) > FILE_NAME_SIZE)
        return NULL;
    name = arena_alloc(arena, FILE_NAME_SIZE);
    files_name_of(plan->contents->tenant.tenant_id, plan->tenant.tenant_id,
                  url + sizeof start - 1, name);
    return arena_printf(arena, "%s%s", start, name);
}

/* The document with `key` set to `value`, where it has it; everything else as it stands. */
static const bson_t *with_text(struct arena *arena, const bson_t *doc, const char *key,
                               const char *value, const struct archive_plan *plan)
{
    bson_t *out = own_bson(arena);
    bson_iter_t it;

    if (bson_iter_init(&it, doc))
        while (bson_iter_next(&it)) {
            const char *at = bson_iter_key(&it);
            const char *url = plan->copy ? adapt_url(arena, plan, &it) : NULL;

            if (strcmp(at, key) == 0)
                bson_append_utf8(out, key, -1, value, -1);
            else if (url)
                bson_append_utf8(out, at, -1, url, -1);
            else
                bson_append_iter(out, at, -1, &it);
        }
    return out;
}

/* A copy carries its own id where the original carried its own, and leaves strangers' alone. */
static const bson_t *adapt(struct arena *arena, const struct archive_plan *plan, const bson_t *doc)
{
    const char *id = plan->copy ? archive_text(doc, "tenant_id") : NULL;

    if (id && strcmp(id, plan->contents->tenant.tenant_id) == 0)
        return with_text(arena, doc, "tenant_id", plan->tenant.tenant_id, plan);
    return own_bson_copy(arena, bson_get_data(doc), doc->len);
}

/* Users are found by the slug, which may be another now. */
static const bson_t *adapt_user(struct arena *arena, const struct archive_plan *plan,
                                const bson_t *doc)
{
    if (archive_text(doc, "tenant_slug"))
        return with_text(arena, doc, "tenant_slug", plan->tenant.slug, plan);
    return own_bson_copy(arena, bson_get_data(doc), doc->len);
}

/* All documents of the member at hand into a collection. */
static bool write_docs(struct job *job, struct archive_reader *reader, struct scope *scope,
                       const char *collection, const struct archive_plan *plan, bool users)
{
    struct batch batch = {.job = job, .scope = scope, .collection = collection};
    bool ok, end = false;
    bson_t doc;

    batch.arena = arena_new(BATCH_ARENA);
    while ((ok = archive_read_doc(reader, &doc, &end, job->err)) && !end) {
        batch.docs[batch.n] =
            users ? adapt_user(batch.arena, plan, &doc) : adapt(batch.arena, plan, &doc);
        batch.bytes += doc.len;
        batch.n++;
        if ((batch.n == BATCH_DOCS || batch.bytes >= BATCH_BYTES) && !(ok = flush(&batch)))
            break;
    }
    ok = ok && flush(&batch);
    arena_free(batch.arena);
    return ok;
}

/* --- options and indexes --------------------------------------------------------------------- */

static const bson_t *description(const struct archive_plan *plan, const char *folder,
                                 const char *name)
{
    for (size_t i = 0; i < plan->contents->n_collections; i++) {
        const bson_t *doc = plan->contents->collections[i];

        if (strcmp(archive_text(doc, "folder"), folder) == 0 &&
            strcmp(archive_text(doc, "name"), name) == 0)
            return doc;
    }
    return NULL;
}

static void append_known(const bson_iter_t *from, const char *const *keys, size_t n, bson_t *to)
{
    bson_iter_t it;

    if (!bson_iter_recurse(from, &it))
        return;
    while (bson_iter_next(&it))
        for (size_t i = 0; i < n; i++)
            if (strcmp(bson_iter_key(&it), keys[i]) == 0)
                bson_append_iter(to, keys[i], -1, &it);
}

static bool run(struct job *job, struct scope *scope, bson_t *command)
{
    bson_t reply;
    bool ok = scope_command(scope, command, &reply, job->err);

    bson_destroy(command);
    bson_destroy(&reply);
    return ok;
}

static bool make_collection(struct job *job, struct scope *scope, const char *name,
                            const bson_t *described)
{
    static const char *const known[] = {"collation", "validator", "validationLevel",
                                        "validationAction"};
    bson_t command = BSON_INITIALIZER;
    bson_iter_t it;

    BSON_APPEND_UTF8(&command, "create", name);
    if (described && bson_iter_init_find(&it, described, "options") &&
        BSON_ITER_HOLDS_DOCUMENT(&it))
        append_known(&it, known, ARRAY_LEN(known), &command);
    return run(job, scope, &command);
}

/* Of an index only what defines it; the one of _id is there already. */
static bool append_index(const bson_iter_t *spec, bson_t *list, int n)
{
    static const char *const known[] = {"key",
                                        "name",
                                        "unique",
                                        "sparse",
                                        "expireAfterSeconds",
                                        "partialFilterExpression",
                                        "collation",
                                        "weights",
                                        "default_language",
                                        "language_override"};
    bson_t one;
    bson_iter_t it;
    char key[12];

    if (!BSON_ITER_HOLDS_DOCUMENT(spec) || !bson_iter_recurse(spec, &it) ||
        !bson_iter_find(&it, "name") || !BSON_ITER_HOLDS_UTF8(&it) ||
        strcmp(bson_iter_utf8(&it, NULL), "_id_") == 0)
        return false;
    snprintf(key, sizeof key, "%d", n);
    bson_append_document_begin(list, key, -1, &one);
    append_known(spec, known, ARRAY_LEN(known), &one);
    bson_append_document_end(list, &one);
    return true;
}

/* Before the documents: an index that grows with them never needs one long command. */
static bool make_indexes(struct job *job, struct scope *scope, const char *name,
                         const bson_t *described)
{
    bson_t command = BSON_INITIALIZER, list;
    bson_iter_t it, spec;
    int n = 0;

    BSON_APPEND_UTF8(&command, "createIndexes", name);
    BSON_APPEND_ARRAY_BEGIN(&command, "indexes", &list);
    if (described && bson_iter_init_find(&it, described, "indexes") && BSON_ITER_HOLDS_ARRAY(&it) &&
        bson_iter_recurse(&it, &spec))
        while (bson_iter_next(&spec))
            n += append_index(&spec, &list, n);
    bson_append_array_end(&command, &list);
    if (n > 0)
        return run(job, scope, &command);
    bson_destroy(&command);
    return true;
}

/* --- members --------------------------------------------------------------------------------- */

static bool write_collection(struct job *job, struct archive_reader *reader, struct scope *scope,
                             const struct archive_plan *plan, const char *folder, const char *name)
{
    const bson_t *described = description(plan, folder, name);

    job_progress(job, "%s/%s", folder, name);
    return make_collection(job, scope, name, described) &&
           make_indexes(job, scope, name, described) &&
           write_docs(job, reader, scope, name, plan, false);
}

static bool write_member(struct job *job, struct archive_reader *reader, struct scope *own,
                         struct scope *audit, struct scope *accounts,
                         const struct archive_plan *plan)
{
    const char *collection;
    bool ok;

    if ((collection = archive_collection(job->arena, reader->name, "data")) != NULL) {
        ok = write_collection(job, reader, own, plan, "data", collection);
        job_step(job, "import_data");
        return ok;
    }
    if (plan->copy)
        return true;
    if ((collection = archive_collection(job->arena, reader->name, "audit")) != NULL) {
        ok = write_collection(job, reader, audit, plan, "audit", collection);
        job_step(job, "import_audit");
        return ok;
    }
    if (strcmp(reader->name, "users/users.bson") != 0)
        return true;
    ok = write_docs(job, reader, accounts, ACCOUNTS, plan, true);
    job_step(job, "import_users");
    return ok;
}

/* The files come last, to a folder that is opened for the first of them. */
static bool write_file(struct job *job, struct unpack *unpack, const struct archive_plan *plan,
                       struct files_in *in, const char *member)
{
    const char *from_id = plan->contents->tenant.tenant_id, *to_id = plan->tenant.tenant_id;

    if (!plan->files)
        return true;
    if (in->tenant < 0) {
        job_progress(job, "files");
        if (!files_in_init(in, job->conf, to_id, job->err))
            return false;
    }
    return archive_put_file(job, unpack, in, from_id, to_id, member);
}

static bool write_members(struct job *job, struct unpack *unpack, const struct archive_plan *plan,
                          struct scope *own, struct scope *audit, struct scope *accounts,
                          struct files_in *in)
{
    struct archive_reader reader;
    const char *name;
    int64_t bytes;
    bool ok;

    while ((ok = unpack_next(unpack, &name, &bytes, job->err)) && name) {
        if (archive_is_file(name)) {
            ok = lease_keep(job) && write_file(job, unpack, plan, in, name);
        } else {
            archive_reader_init(&reader, unpack, arena_strdup(job->arena, name), bytes);
            ok = write_member(job, &reader, own, audit, accounts, plan);
            archive_reader_release(&reader);
        }
        if (!ok)
            break;
    }
    return ok;
}

bool archive_write(struct job *job, struct unpack *unpack, const struct archive_plan *plan)
{
    struct files_in in = {.tenant = -1, .room = -1, .fd = -1};
    const struct conf *conf = job->conf;
    struct scope own, audit, accounts;
    char beside[AUDIT_DB_SIZE];
    bool ok;

    audit_db_name(plan->tenant.db_name, beside);
    if (!archive_scope(job, plan->tenant.db_uri, plan->tenant.db_name, &own) ||
        !archive_scope(job, plan->tenant.db_uri, beside, &audit) ||
        !archive_scope(job, conf->mongo_url, conf->db_name, &accounts) ||
        !unpack_rewind(unpack, job->err))
        return false;
    ok = write_members(job, unpack, plan, &own, &audit, &accounts, &in) &&
         (in.tenant < 0 || files_in_settle(&in, job->err));
    files_in_release(&in);
    if (ok)
        job_step(job, "import_files");
    return ok;
}

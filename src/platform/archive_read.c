/* What the files of archives share: entries, scopes, and documents out of a member. */
#include "base.h"
#include "platform/archive.h"
#include "core/clock.h"
#include "core/str.h"

#define LONG_US     INT64_C(21600000000) /* six hours */
#define COMMAND_MS  3600000
#define DOC_MAX     ((int64_t)16 * 1024 * 1024 + 16 * 1024) /* what the server itself allows */
#define DEPTH_MAX   100
#define EMPTY_BYTES 5

bool archive_entry(struct job *job, const char *slug, const bson_t **doc, struct tenant **tenant)
{
    struct tenant *out = arena_alloc(job->arena, sizeof *out);
    bson_t filter = BSON_INITIALIZER;
    struct scope scope;
    bool ok;

    BSON_APPEND_UTF8(&filter, "slug", slug);
    ok = job_registry(job, &scope) && scope_find_one(&scope, ENTRIES, &filter, NULL, doc, job->err);
    bson_destroy(&filter);
    if (!ok)
        return false;
    if (!*doc)
        return err_set(job->err, ERR_TENANT_NOT_FOUND, "There is no tenant %s", slug);
    if (!tenant_from_bson(*doc, job->conf, out, job->err))
        return false;
    if (tenant) {
        char *uri = arena_strdup(job->arena, out->db_uri);

        tenant_release(out);
        out->db_uri = uri;
        *tenant = out;
    } else {
        tenant_release(out);
    }
    return true;
}

bool archive_scope(struct job *job, const char *uri, const char *db_name, struct scope *scope)
{
    if (!uri || !*uri || !db_name_valid(db_name))
        return err_set(job->err, ERR_DB_NOT_CONFIGURED, "The entry names no usable database");
    if (!clients_scope(job->clients, uri, db_name, NULL, job->arena, clock_mono_us() + LONG_US,
                       scope, job->err))
        return false;
    scope->max_time_ms = COMMAND_MS;
    return true;
}

const char *archive_text(const bson_t *doc, const char *key)
{
    bson_iter_t it;

    return bson_iter_init_find(&it, doc, key) && BSON_ITER_HOLDS_UTF8(&it)
               ? bson_iter_utf8(&it, NULL)
               : NULL;
}

/* --- documents ------------------------------------------------------------------------------- */

void archive_reader_init(struct archive_reader *reader, struct unpack *unpack, const char *name,
                         int64_t bytes)
{
    *reader = (struct archive_reader){.unpack = unpack, .name = name, .left = bytes};
    reader->buffer = malloc((size_t)DOC_MAX);
    if (!reader->buffer)
        die("out of memory: a document");
}

void archive_reader_release(struct archive_reader *reader)
{
    free(reader->buffer);
    reader->buffer = NULL;
}

static bool bad_doc(const struct archive_reader *reader, const char *why, struct err *err)
{
    return err_set(err, ERR_BAD_REQUEST, "%s: document %" PRId64 " %s", reader->name,
                   reader->count + 1, why);
}

static bool read_bytes(struct archive_reader *reader, uint8_t *out, size_t len, struct err *err)
{
    size_t got;

    while (len > 0) {
        if (!unpack_read(reader->unpack, out, len, &got, err))
            return false;
        if (got == 0)
            return bad_doc(reader, "ends too early", err);
        out += got;
        len -= got;
        reader->left -= (int64_t)got;
    }
    return true;
}

/* The iterator checks each value's length against its document; an empty document has no value. */
static bool walk(const uint8_t *bytes, uint32_t len, int depth)
{
    const uint8_t *inner;
    uint32_t inner_len;
    bson_iter_t it;
    bson_t doc;

    if (depth > DEPTH_MAX || !bson_init_static(&doc, bytes, len) || !bson_iter_init(&it, &doc))
        return false;
    while (bson_iter_next(&it)) {
        if (BSON_ITER_HOLDS_DOCUMENT(&it))
            bson_iter_document(&it, &inner_len, &inner);
        else if (BSON_ITER_HOLDS_ARRAY(&it))
            bson_iter_array(&it, &inner_len, &inner);
        else
            continue;
        if (!inner || !walk(inner, inner_len, depth + 1))
            return false;
    }
    return it.err_off == 0;
}

bool archive_read_doc(struct archive_reader *reader, bson_t *doc, bool *end, struct err *err)
{
    uint8_t *p = reader->buffer;
    uint32_t len;
    size_t got;

    *end = false;
    if (reader->left == 0) {
        *end = true; /* asked once more, so that a member that is too long shows */
        return unpack_read(reader->unpack, p, 1, &got, err) &&
               (got == 0 || bad_doc(reader, "is longer than announced", err));
    }
    if (reader->left < EMPTY_BYTES)
        return bad_doc(reader, "ends too early", err);
    if (!read_bytes(reader, p, 4, err))
        return false;
    len = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
    if (len < EMPTY_BYTES || len > DOC_MAX || len - 4 > reader->left)
        return bad_doc(reader, "has an impossible length", err);
    if (!read_bytes(reader, p + 4, len - 4, err))
        return false;
    if (!walk(p, len, 0) || !bson_init_static(doc, p, len))
        return bad_doc(reader, "is not sound BSON", err);
    reader->count++;
    return true;
}

/* --- names ----------------------------------------------------------------------------------- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

const char *archive_collection(struct arena *arena, const char *member, const char *folder)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    size_t skip = strlen(folder), len = strlen(member), n = 0;
    char *name;

    if (strncmp(member, folder, skip) != 0 || member[skip] != '/' || len < skip + 7 ||
        strcmp(member + len - 5, ".bson") != 0)
        return NULL;
    name = arena_alloc(arena, len);
    for (const char *p = member + skip + 1; p < member + len - 5; p++) {
        if (*p == '%' && hex_digit(p[1]) >= 0 && hex_digit(p[2]) >= 0) {
            name[n++] = (char)(hex_digit(p[1]) << 4 | hex_digit(p[2]));
            p += 2;
        } else if (strchr(plain, *p)) {
            name[n++] = *p;
        } else {
            return NULL;
        }
    }
    /* What the server would refuse, or would take for its own. */
    if (strlen(name) != n || strchr(name, '$') || strncmp(name, "system.", 7) == 0 ||
        name[0] == '.' || !utf8_valid(name, n))
        return NULL;
    return name;
}

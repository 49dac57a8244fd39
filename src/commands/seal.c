/* Database addresses at rest: seal those that were written by hand, and change the sealing key.
 * Each entry is replaced only while it still holds what was read, so a change made meanwhile
 * stands; running a command again does what is left. */
#include "base.h"
#include "commands/platform.h"
#include "core/clock.h"
#include "tenant/seal.h"

/* The part of an entry that counts, since its document ends with the cursor's next step. */
struct stored {
    const char *slug, *uri;
    struct stored *next;
};

struct work {
    struct ctl *ctl;
    bool rekey; /* also what another key sealed */
    char newest[SEAL_ID_SIZE];
    json_t *rows;
    json_int_t sealed, rekeyed, there;
};

/* --- reading --------------------------------------------------------------------------------- */

static void keep(struct ctl *ctl, const bson_t *doc, struct stored ***tail)
{
    const char *slug = doc_text(doc, "slug"), *uri = doc_text(doc, "db_uri");
    struct stored *one;

    if (!slug || !slug_valid(slug)) {
        ctl_warn(ctl, "an entry without a sound slug is left as it is");
        return;
    }
    one = arena_alloc(ctl->arena, sizeof *one);
    one->slug = arena_strdup(ctl->arena, slug);
    one->uri = uri ? arena_strdup(ctl->arena, uri) : "";
    one->next = NULL;
    **tail = one;
    *tail = &one->next;
}

/* The entry of one slug, or all when it is NULL. */
static bool read_stored(struct ctl *ctl, const char *slug, struct stored **list)
{
    bson_t *opts = BCON_NEW("sort", "{", "slug", BCON_INT32(1), "}");
    bson_t filter = BSON_INITIALIZER;
    mongoc_cursor_t *cursor;
    const bson_t *doc = NULL;
    struct scope scope;
    bool ok = platform_registry(ctl, &scope);

    *list = NULL;
    if (slug)
        BSON_APPEND_UTF8(&filter, "slug", slug);
    cursor = ok ? scope_find(&scope, ENTRIES, &filter, opts) : NULL;
    for (struct stored **tail = list;
         ok && (ok = scope_next(&scope, cursor, &doc, &ctl->err)) && doc;)
        keep(ctl, doc, &tail);
    bson_destroy(&filter);
    bson_destroy(opts);
    if (ok && slug && !*list)
        return err_set(&ctl->err, ERR_TENANT_NOT_FOUND, "There is no tenant %s", slug);
    return ok;
}

/* --- writing --------------------------------------------------------------------------------- */

static bool replace(struct ctl *ctl, const struct stored *one, const char *sealed, bool *done)
{
    bson_t *filter = BCON_NEW("slug", BCON_UTF8(one->slug), "db_uri", BCON_UTF8(one->uri));
    bson_t *update = BCON_NEW("$set", "{", "db_uri", BCON_UTF8(sealed), "updated_at",
                              BCON_DATE_TIME(clock_ms()), "}");
    int64_t matched = 0;
    struct scope scope;
    bool ok = platform_registry(ctl, &scope) &&
              scope_update_one(&scope, ENTRIES, filter, update, NULL, &matched, &ctl->err);

    bson_destroy(filter);
    bson_destroy(update);
    *done = ok && matched == 1;
    if (*done)
        board_bump(ctl->board, one->slug);
    return ok;
}

static void note(struct work *work, const struct stored *one, const char *outcome)
{
    json_array_append_new(work->rows,
                          json_pack("{s:s, s:s}", "slug", one->slug, "outcome", outcome));
}

/* What is to be done with an entry: NULL when nothing is, else its outcome. */
static const char *due(struct work *work, const struct stored *one)
{
    char id[SEAL_ID_SIZE];

    if (!seal_is_sealed(one->uri))
        return "sealed";
    return work->rekey && seal_id_of(one->uri, id) && strcmp(id, work->newest) != 0 ? "re-sealed"
                                                                                    : NULL;
}

/* False only when the registry does not answer. */
static bool seal_one(struct work *work, const struct stored *one)
{
    struct ctl *ctl = work->ctl;
    const char *outcome = due(work, one), *plain, *sealed;
    bool done;

    if (!*one->uri) {
        note(work, one, "has no db_uri");
        return true;
    }
    if (!platform_open_uri(ctl, one->slug, one->uri, &plain)) {
        ctl_warn(ctl, "%s does not open and is left as it is: %s", one->slug, ctl->err.detail);
        err_clear(&ctl->err);
        note(work, one, "does not open");
        return true;
    }
    if (!outcome) {
        work->there++;
        return true;
    }
    if (!platform_seal_uri(ctl, one->slug, plain, &sealed) || !replace(ctl, one, sealed, &done))
        return false;
    if (!done) {
        ctl_warn(ctl, "%s was changed meanwhile and is left as it is: run this again", one->slug);
        note(work, one, "changed meanwhile");
        return true;
    }
    *(seal_is_sealed(one->uri) ? &work->rekeyed : &work->sealed) += 1;
    note(work, one, outcome);
    platform_log(ctl, one->slug, work->newest);
    platform_audit(ctl, NULL, work->rekey ? "rekey" : "seal", ENTRIES, one->slug);
    return true;
}

/* --- the commands ---------------------------------------------------------------------------- */

static void report(const struct work *work)
{
    static const struct print_column columns[] = {
        {"slug", "TENANT"}, {"outcome", "OUTCOME"}, {NULL, NULL}};

    if (!work->ctl->json && json_array_size(work->rows) > 0) {
        print_rows(work->ctl, work->rows, columns);
        putchar('\n');
    }
    print_result(work->ctl,
                 json_pack("{s:s, s:I, s:I, s:I, s:O}", "key", work->newest, "sealed", work->sealed,
                           "resealed", work->rekeyed, "unchanged", work->there, "tenants",
                           work->rows),
                 "Key %s: %" JSON_INTEGER_FORMAT " sealed, %" JSON_INTEGER_FORMAT
                 " re-sealed, %" JSON_INTEGER_FORMAT " left as they were",
                 work->newest, work->sealed, work->rekeyed, work->there);
}

static int seal_all(struct ctl *ctl, const char *slug, bool rekey)
{
    json_auto_t *rows = json_array();
    struct work work = {.ctl = ctl, .rekey = rekey, .rows = rows};
    struct stored *list;
    size_t n = 0;

    if (!platform_seal_key(ctl, work.newest) || !read_stored(ctl, slug, &list))
        return ctl_fail(ctl);
    for (const struct stored *one = list; one; one = one->next) {
        if (!seal_one(&work, one))
            return ctl_fail(ctl);
        if (++n % 1000 == 0)
            ctl_progress(ctl, "%zu entries …", n);
    }
    report(&work);
    return ctl_done(ctl);
}

static int run_seal(struct ctl *ctl)
{
    bool all = ctl_flag(ctl, "all");

    if (all == (ctl->n_args > 0))
        return ctl_usage(ctl, "give either a SLUG or --all");
    return seal_all(ctl, all ? NULL : ctl->args[0], false);
}

static const struct command_option seal_options[] = {
    {"all", NULL, "every tenant of the registry", false},
    {NULL},
};

const struct command cmd_seal = {
    .name = "seal",
    .args = "[SLUG]",
    .max_args = 1,
    .summary = "seal the database URIs that were written into the registry by hand",
    .details = "Plain URIs are replaced by their sealed form; workers go on without a pause. What "
               "is sealed already stays as it is. Needs ERP_SEAL_KEY or SECRET_KEY, as the "
               "workers have it.",
    .options = seal_options,
    .needs = NEEDS_PLATFORM,
    .run = run_seal,
};

static int run_rekey(struct ctl *ctl)
{
    return seal_all(ctl, NULL, true);
}

const struct command cmd_rekey = {
    .name = "rekey",
    .summary = "seal every database URI of the registry with the newest sealing key",
    .details = "First give the new key to every worker and to erpctl, in front of the old one in "
               "ERP_SEAL_KEY, and replace the workers; then run this; when it exits with 0, the "
               "old key may be taken away. Plain URIs are sealed too.",
    .needs = NEEDS_PLATFORM,
    .run = run_rekey,
};

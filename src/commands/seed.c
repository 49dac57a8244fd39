/* Demo data from seeds/, one file a tenant, and for all trades also from seeds/more/. A second run
 * finds everything there and changes nothing.
 */
#include "base.h"
#include "commands/seed.h"
#include "platform/entry.h"

#include <dirent.h>

#define MORE "/more"
#define FILES_MAX 64

struct seed_file {
    const char *path, *name; /* the name without ".json": the slug, or of the platform's "_…" */
};

static int is_seed(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);

    return len > 5 && entry->d_name[0] != '.' && strcmp(entry->d_name + len - 5, ".json") == 0;
}

/* Adds the files of a folder, in the order of their names; a folder that is not there has none. */
static size_t list_folder(struct ctl *ctl, const char *dir, struct seed_file *files, size_t n)
{
    struct dirent **names = NULL;
    int found = scandir(dir, &names, is_seed, alphasort);

    for (int i = 0; i < found; i++) {
        const char *name = names[i]->d_name;

        if (n < FILES_MAX)
            files[n++] = (struct seed_file){
                .path = arena_printf(ctl->arena, "%s/%s", dir, name),
                .name = arena_strndup(ctl->arena, name, strlen(name) - strlen(".json"))};
        free(names[i]);
    }
    free(names);
    return n;
}

static bool of_platform(const struct seed_file *file)
{
    return file->name[0] == '_';
}

/* A file whose name begins with "_" has users of the platform, and no tenant. */
static bool seed_file(struct ctl *ctl, const struct seed_file *file, json_t *report)
{
    const char *slug = of_platform(file) ? NULL : file->name;
    struct seed_count made = {0, 0};
    json_error_t error;
    json_auto_t *content = json_load_file(file->path, JSON_REJECT_DUPLICATES, &error);

    if (content == NULL)
        return err_set(&ctl->err, ERR_VALIDATION, "%s: %s (line %d)", file->path, error.text,
                       error.line);
    ctl_progress(ctl, "%s …", slug != NULL ? slug : "platform");
    if (!seed_content(ctl, slug, content, &made))
        return false;
    if (made.created > 0)
        platform_log(ctl, slug, file->path);
    json_array_append_new(report,
                          json_pack("{s:s, s:I, s:I}", "seeds", slug != NULL ? slug : "platform",
                                    "created", made.created, "there", made.there));
    return true;
}

/* Demo data does not belong beside real businesses. */
static bool check_strangers(struct ctl *ctl)
{
    bson_t *filter = BCON_NEW("seeded", "{", "$ne", BCON_BOOL(true), "}");
    struct scope scope;
    mongoc_cursor_t *cursor;
    const bson_t *doc = NULL;
    const char *names = "";
    bool ok = platform_registry(ctl, &scope);

    cursor = ok ? scope_find(&scope, ENTRIES, filter, NULL) : NULL;
    while (ok && (ok = scope_next(&scope, cursor, &doc, &ctl->err)) && doc != NULL) {
        const char *slug = doc_text(doc, "slug");

        if (strlen(names) < 200)
            names = arena_printf(ctl->arena, "%s%s%s", names, *names ? ", " : "",
                                 slug != NULL ? slug : "?");
    }
    bson_destroy(filter);
    if (ok && *names != '\0')
        return err_set(&ctl->err, ERR_CONFLICT,
                       "The registry holds tenants that are no demo data: %s. Nothing was "
                       "changed; --force seeds beside them",
                       names);
    return ok;
}

static const char *seed_dir(const struct ctl *ctl)
{
    const char *given = ctl_option(ctl, "dir");

    if (given == NULL)
        given = getenv("ERP_SEED_DIR");
    return given != NULL && *given != '\0' ? given : ERP_SEED_DIR;
}

/* Keeps the platform's files and those of one slug; false when there are none of it. */
static bool keep_only(struct seed_file *files, size_t *n, const char *slug)
{
    size_t kept = 0;
    bool found = false;

    for (size_t i = 0; i < *n; i++) {
        bool hit = !of_platform(&files[i]) && strcmp(files[i].name, slug) == 0;

        found = found || hit;
        if (hit || of_platform(&files[i]))
            files[kept++] = files[i];
    }
    *n = kept;
    return found;
}

static bool seed_files(struct ctl *ctl, json_t *report)
{
    const char *dir = seed_dir(ctl), *only = ctl_option(ctl, "only");
    struct seed_file *files = arena_alloc(ctl->arena, FILES_MAX * sizeof *files);
    size_t n = list_folder(ctl, dir, files, 0);

    if (n > 0 && (only != NULL || ctl_flag(ctl, "all")))
        n = list_folder(ctl, arena_printf(ctl->arena, "%s" MORE, dir), files, n);
    if (n == 0)
        return err_set(&ctl->err, ERR_NOT_FOUND, "There are no seeds in %s", dir);
    if (only != NULL && !keep_only(files, &n, only))
        return err_set(&ctl->err, ERR_NOT_FOUND, "There are no seeds of %s in %s", only, dir);
    if (!registry_ensure_indexes(ctl->registry, &ctl->err) ||
        (!ctl_flag(ctl, "force") && !check_strangers(ctl)))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!seed_file(ctl, &files[i], report))
            return false;
    return true;
}

static int run_seed(struct ctl *ctl)
{
    static const struct print_column columns[] = {
        {"seeds", "SEEDS"}, {"created", "CREATED"}, {"there", "ALREADY THERE"}, {NULL, NULL}};
    json_auto_t *report = json_array();

    if (!seed_files(ctl, report))
        return ctl_fail(ctl);
    print_rows(ctl, report, columns);
    return ctl_done(ctl);
}

static const struct command_option options[] = {
    {"all", NULL, "also a tenant of every other kind of business", false},
    {"dir", "DIR", "where the seeds are (default: ERP_SEED_DIR, else as installed)", false},
    {"only", "SLUG", "only this tenant (and the platform's users)", false},
    {"force", NULL, "also into a registry that holds other tenants", false},
    {NULL},
};

const struct command cmd_seed = {
    .name = "seed",
    .summary = "make the demo tenants with their users and data",
    .details = "Five tenants, or with --all one of each of the seventeen kinds of business, with "
               "sales, returns and purchases of a day. Running it again changes nothing. It "
               "refuses a registry that holds tenants it did not make.",
    .options = options,
    .needs = NEEDS_PLATFORM,
    .run = run_seed,
};

#include "base.h"
#include "platform/upgrade_lot.h"
#include "db/doc.h"
#include "db/own.h"
#include "engine/resource.h"

#define ARENA_MAX ((size_t)256 << 20)

struct upgrade_lot *upgrade_lot_new(const struct job *job, const struct tenant *tenant,
                                    struct scope *scope)
{
    struct upgrade_lot *l = arena_alloc(scope->arena, sizeof *l);

    *l = (struct upgrade_lot){.arena = arena_new(ARENA_MAX), .scope = scope, .err = job->err,
                              .decimals = tenant->decimals};
    return l;
}

void upgrade_lot_free(struct upgrade_lot *l)
{
    arena_free(l->arena);
}

const char *upgrade_collection(const char *noun)
{
    return resource_by_noun(noun)->collection;
}

/* What a lot takes of memory goes with it. */
static bool run_lot(struct upgrade_lot *l, const char *noun, upgrade_lot_body *body)
{
    struct arena *own = l->scope->arena;
    bool ok;

    l->scope->arena = l->arena;
    ok = body(l, noun);
    l->scope->arena = own;
    l->n = 0;
    arena_reset(l->arena);
    return ok;
}

bool upgrade_lot_each(struct upgrade_lot *l, const char *noun, const bson_t *filter,
                      const bson_t *opts, upgrade_lot_body *body)
{
    mongoc_cursor_t *cursor = scope_find(l->scope, upgrade_collection(noun), filter, opts);
    const bson_t *doc;

    while (scope_next(l->scope, cursor, &doc, l->err)) {
        if (doc != NULL)
            l->docs[l->n++] = own_bson_copy(l->arena, bson_get_data(doc), doc->len);
        if ((doc == NULL || l->n == UPGRADE_LOT) && l->n > 0 && !run_lot(l, noun, body))
            return false;
        if (doc == NULL)
            return true;
    }
    return false;
}

void upgrade_lot_sort(struct upgrade_lot *l)
{
    ids_sort(&l->ids);
    l->others = arena_alloc(l->arena, (l->ids.n + 1) * sizeof *l->others);
}

bool upgrade_lot_take(struct upgrade_lot *l, mongoc_cursor_t *cursor, const char *key)
{
    const bson_t *doc;

    while (scope_next(l->scope, cursor, &doc, l->err)) {
        size_t at;

        if (doc == NULL)
            return true;
        at = doc_text(doc, key) != NULL ? ids_find(&l->ids, doc_text(doc, key)) : l->ids.n;
        if (at < l->ids.n)
            l->others[at] = own_bson_copy(l->arena, bson_get_data(doc), doc->len);
    }
    return false;
}

const bson_t *upgrade_lot_other(const struct upgrade_lot *l, const char *id)
{
    size_t at = id != NULL ? ids_find(&l->ids, id) : l->ids.n;

    return at < l->ids.n ? l->others[at] : NULL;
}

/* Aborts on a command that would leave its tenant. Cheap: it looks at keys near the top of each
 * document only. Called by db/scope.c for every operation. */
#include "base.h"
#include "db/guard.h"

static bool holds_tenant(const struct scope *scope, const bson_iter_t *iter)
{
    const char *text;
    uint32_t len;

    if (!BSON_ITER_HOLDS_UTF8(iter))
        return false;
    text = bson_iter_utf8(iter, &len);
    return len == strlen(scope->tenant_id) && memcmp(text, scope->tenant_id, len) == 0;
}

/* Does the document under `iter` begin with this tenant? */
static bool begins_with_tenant(const struct scope *scope, const bson_iter_t *iter)
{
    bson_iter_t child;

    return BSON_ITER_HOLDS_DOCUMENT(iter) && bson_iter_recurse(iter, &child) &&
           bson_iter_next(&child) && strcmp(bson_iter_key(&child), "tenant_id") == 0 &&
           holds_tenant(scope, &child);
}

void guard_filter(const struct scope *scope, const bson_t *filter)
{
    bson_iter_t iter;

    if (!scope->tenant_id)
        return;
    if (!bson_iter_init(&iter, filter) || !bson_iter_next(&iter) ||
        strcmp(bson_iter_key(&iter), "tenant_id") != 0 || !holds_tenant(scope, &iter))
        die("a filter does not begin with its scope's tenant_id");
}

void guard_document(const struct scope *scope, const bson_t *doc)
{
    bson_iter_t iter;

    if (!scope->tenant_id)
        return;
    if (!bson_iter_init_find(&iter, doc, "tenant_id") || !holds_tenant(scope, &iter))
        die("a document does not carry its scope's tenant_id");
}

static void check_operator(const struct scope *scope, const bson_iter_t *operator)
{
    const char *name = bson_iter_key(operator);
    bool sets = strcmp(name, "$set") == 0 || strcmp(name, "$setOnInsert") == 0;
    bson_iter_t field;

    if (!BSON_ITER_HOLDS_DOCUMENT(operator) || !bson_iter_recurse(operator, & field))
        die("an update with %s in a form that cannot be checked", name);
    while (bson_iter_next(&field)) {
        if (strcmp(bson_iter_key(&field), "tenant_id") == 0 &&
            !(sets && holds_tenant(scope, &field)))
            die("an update would change tenant_id by %s", name);
        if (strcmp(name, "$rename") == 0 && BSON_ITER_HOLDS_UTF8(&field) &&
            strcmp(bson_iter_utf8(&field, NULL), "tenant_id") == 0)
            die("an update would rename a field to tenant_id");
    }
}

/* One stage of an update pipeline: $set only, so that nothing else can replace the document. */
static void check_update_stage(const struct scope *scope, const bson_iter_t *stage)
{
    bson_iter_t operator;

    if (!BSON_ITER_HOLDS_DOCUMENT(stage) || !bson_iter_recurse(stage, &operator))
        die("an update is neither operators nor a pipeline");
    while (bson_iter_next(&operator)) {
        if (strcmp(bson_iter_key(&operator), "$set") != 0)
            die("an update pipeline with %s", bson_iter_key(&operator));
        check_operator(scope, &operator);
    }
}

void guard_update(const struct scope *scope, const bson_t *update)
{
    bson_iter_t iter;

    if (!scope->tenant_id)
        return;
    if (!bson_iter_init(&iter, update) || !bson_iter_next(&iter))
        die("an empty update");
    if (bson_iter_key(&iter)[0] != '$' && strcmp(bson_iter_key(&iter), "0") != 0) {
        guard_document(scope, update);
        return;
    }
    do {
        if (bson_iter_key(&iter)[0] == '$')
            check_operator(scope, &iter);
        else
            check_update_stage(scope, &iter);
    } while (bson_iter_next(&iter));
}

static void check_stages(const struct scope *scope, bson_iter_t *stages, bool first_matches);

static bool find_child(const bson_iter_t *doc, const char *key, bson_iter_t *child)
{
    return BSON_ITER_HOLDS_DOCUMENT(doc) && bson_iter_recurse(doc, child) &&
           bson_iter_find(child, key);
}

static void check_nested(const struct scope *scope, const char *name, const bson_iter_t *array,
                         bool first_matches)
{
    bson_iter_t stages;

    if (!BSON_ITER_HOLDS_ARRAY(array) || !bson_iter_recurse(array, &stages))
        die("a %s without a pipeline", name);
    check_stages(scope, &stages, first_matches);
}

static void check_stage(const struct scope *scope, const bson_iter_t *stage)
{
    const char *name = bson_iter_key(stage);
    bson_iter_t part;

    if (strcmp(name, "$out") == 0 || strcmp(name, "$merge") == 0)
        die("an aggregation that writes: %s", name);
    if (strcmp(name, "$lookup") == 0 || strcmp(name, "$unionWith") == 0) {
        if (!find_child(stage, "pipeline", &part))
            die("a %s without a pipeline", name);
        check_nested(scope, name, &part, true);
    } else if (strcmp(name, "$graphLookup") == 0) {
        if (!find_child(stage, "restrictSearchWithMatch", &part) ||
            !begins_with_tenant(scope, &part))
            die("a $graphLookup that does not begin with its scope's tenant_id");
    } else if (strcmp(name, "$facet") == 0 && bson_iter_recurse(stage, &part)) {
        while (bson_iter_next(&part))
            check_nested(scope, name, &part, false);
    }
}

static void check_stages(const struct scope *scope, bson_iter_t *stages, bool first_matches)
{
    bson_iter_t stage;
    bool first = true;

    while (bson_iter_next(stages)) {
        if (!BSON_ITER_HOLDS_DOCUMENT(stages) || !bson_iter_recurse(stages, &stage) ||
            !bson_iter_next(&stage))
            die("an aggregation stage that is no document");
        if (first && first_matches &&
            !(strcmp(bson_iter_key(&stage), "$match") == 0 && begins_with_tenant(scope, &stage)))
            die("an aggregation does not begin with its scope's tenant_id");
        check_stage(scope, &stage);
        first = false;
    }
    if (first && first_matches)
        die("an aggregation without a stage");
}

void guard_pipeline(const struct scope *scope, const bson_t *pipeline)
{
    bson_iter_t iter, stages;

    if (!scope->tenant_id)
        return;
    if (bson_iter_init_find(&iter, pipeline, "pipeline") && BSON_ITER_HOLDS_ARRAY(&iter) &&
        bson_iter_recurse(&iter, &stages)) {
        check_stages(scope, &stages, true);
        return;
    }
    if (!bson_iter_init(&iter, pipeline))
        die("an aggregation that is no document");
    check_stages(scope, &iter, true);
}

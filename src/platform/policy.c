/* Licence, limits and modules of an entry. The entry is changed as it was read: two at once follow
 * each other, because both write one document in a transaction. */
#include "base.h"
#include "platform/policy.h"
#include "core/clock.h"
#include "core/str.h"
#include "db/bson_json.h"
#include "db/doc.h"
#include "db/own.h"
#include "db/txn.h"
#include "platform/entry.h"
#include "tenant/audit.h"
#include "tenant/modules.h"

static const struct licence licences[] = {
    {"free", 2, 1},
    {"pro", 25, 10},
    {"enterprise", -1, -1},
};

const struct licence *licence_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(licences); i++)
        if (strcmp(licences[i].name, name) == 0)
            return &licences[i];
    return NULL;
}

/* ---- one entry, changed ---- */

struct write {
    struct job *job;
    const char *key, *value; /* which entry */
    const char *action;
    const struct policy_change *change; /* or a module to switch: */
    const char *module;
    bool on;
    const bson_t *after;
};

static void append_item(bson_t *list, const char *name)
{
    char key[24];

    snprintf(key, sizeof key, "%" PRIu32, bson_count_keys(list));
    bson_append_utf8(list, key, -1, name, -1);
}

static void append_limits(const struct policy_change *change, bson_t *set)
{
    int64_t users = change->max_users, branches = change->max_branches;

    if (change->licence) {
        BSON_APPEND_UTF8(set, "license_type", change->licence->name);
        if (users == POLICY_STAYS)
            users = change->licence->max_users;
        if (branches == POLICY_STAYS)
            branches = change->licence->max_branches;
    }
    if (users != POLICY_STAYS)
        BSON_APPEND_INT32(set, "max_users", (int32_t)users);
    if (branches != POLICY_STAYS)
        BSON_APPEND_INT32(set, "max_branches", (int32_t)branches);
}

static void append_change(const struct policy_change *change, bson_t *set)
{
    const json_t *item;
    bson_t list;
    size_t i;

    doc_append_text(set, "business_name", change->business_name);
    doc_append_text(set, "business_type", change->business_type);
    doc_append_text(set, "billing_contact", change->billing_contact);
    doc_append_text(set, "notes", change->notes);
    append_limits(change, set);
    if (!change->features)
        return;
    BSON_APPEND_ARRAY_BEGIN(set, "features_enabled", &list);
    json_array_foreach(change->features, i, item) append_item(&list, json_string_value(item));
    bson_append_array_end(set, &list);
}

/* Those that the entry has but for `name`, which is added when it was not there. An entry without a
 * list has the defaults of its type, and from now on a list. */
static bool append_toggled(const bson_t *entry, const char *name, bson_t *set)
{
    const char *type = doc_text(entry, "business_type");
    const struct module *module;
    bson_t list;
    bson_iter_t it, feature;
    bool was = false;

    BSON_APPEND_ARRAY_BEGIN(set, "features_enabled", &list);
    if (bson_iter_init_find(&it, entry, "features_enabled") && BSON_ITER_HOLDS_ARRAY(&it) &&
        bson_iter_recurse(&it, &feature)) {
        while (bson_iter_next(&feature)) {
            if (!BSON_ITER_HOLDS_UTF8(&feature))
                continue;
            if (strcmp(bson_iter_utf8(&feature, NULL), name) == 0)
                was = true;
            else
                append_item(&list, bson_iter_utf8(&feature, NULL));
        }
    } else {
        for (size_t i = 0; (module = module_at(i)); i++) {
            if (module_is_core(module) || !module_by_default(module, type ? type : ""))
                continue;
            if (strcmp(module->name, name) == 0)
                was = true;
            else
                append_item(&list, module->name);
        }
    }
    if (!was)
        append_item(&list, name);
    bson_append_array_end(set, &list);
    return !was;
}

static bool write_body(struct scope *scope, void *data, struct err *err)
{
    struct write *w = data;
    struct job *job = w->job;
    struct audit_entry entry = {.kind = AUDIT_OPERATOR,
                                .action = w->action,
                                .collection = ENTRIES,
                                .actor = job->actor,
                                .request_id = job->request_id,
                                .note = w->module};
    bson_t *filter = own_bson(job->arena), *update = own_bson(job->arena), set;
    const char *status;

    bson_append_utf8(filter, w->key, -1, w->value, -1);
    if (!scope_find_one(scope, ENTRIES, filter, NULL, &entry.before, err))
        return false;
    if (!entry.before || !(entry.record_id = doc_text(entry.before, "slug")))
        return err_set(err, ERR_TENANT_NOT_FOUND, "There is no such tenant.");
    status = doc_text(entry.before, "status");
    if (status && strcmp(status, tenant_status_name(TENANT_DELETED)) == 0)
        return err_set(err, ERR_STATE, "This tenant is deleted.");
    BSON_APPEND_DOCUMENT_BEGIN(update, "$set", &set);
    if (w->change)
        append_change(w->change, &set);
    else
        w->on = append_toggled(entry.before, w->module, &set);
    BSON_APPEND_DATE_TIME(&set, "updated_at", clock_ms());
    bson_append_document_end(update, &set);
    if (!scope_find_and_update(scope, ENTRIES, filter, update, true, false, NULL, &w->after, err))
        return false;
    entry.after = w->after;
    return audit_add(scope, &entry, err);
}

static bool run(struct write *w)
{
    struct job *job = w->job;
    const char *slug;
    struct scope scope;

    if (!job_registry(job, &scope) || !txn_run(&scope, write_body, w, job->err))
        return false;
    slug = doc_text(w->after, "slug");
    if (job->board)
        board_bump(job->board, slug);
    registry_forget(job->registry, slug);
    return true;
}

/* ---- the doors ---- */

bool policy_change(struct job *job, const char *slug, const struct policy_change *change)
{
    struct write w = {
        .job = job, .key = "slug", .value = slug, .action = "tenant_set", .change = change};

    if (change->business_type && !entry_type_ok(change->business_type))
        return err_field(job->err, "type", "format",
                         "1 to 31 lower-case letters, digits and underscores");
    return entry_features_ok(change->features, "features", job->err) && run(&w);
}

bool policy_toggle(struct job *job, const char *tenant_id, const char *name, bool *on,
                   struct str *out)
{
    const struct module *module = module_find(name, strlen(name));
    struct write w = {.job = job, .key = "tenant_id", .value = tenant_id,
                      .action = "toggle_module", .module = name};
    bson_iter_t it;

    if (!module)
        return err_set(job->err, ERR_BAD_QUERY, "There is no module \"%.40s\".", name);
    if (module_is_core(module))
        return err_set(job->err, ERR_BAD_QUERY, "Every business has the module \"%s\".", name);
    if (!run(&w))
        return false;
    *on = w.on;
    if (bson_iter_init_find(&it, w.after, "features_enabled"))
        bson_json_value(&it, out);
    return true;
}

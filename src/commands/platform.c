/* Registry entries and users as commands write them. */
#include "base.h"
#include "commands/platform.h"
#include "core/clock.h"
#include "core/id.h"
#include "core/log.h"
#include "db/doc.h"

static void status_update(bson_t *update, enum tenant_status status, const char *reason)
{
    bson_t set, unset;

    bson_init(update);
    BSON_APPEND_DOCUMENT_BEGIN(update, "$set", &set);
    BSON_APPEND_UTF8(&set, "status", tenant_status_name(status));
    BSON_APPEND_DATE_TIME(&set, "updated_at", clock_ms());
    doc_append_text(&set, "status_reason", reason);
    bson_append_document_end(update, &set);
    if (reason)
        return;
    BSON_APPEND_DOCUMENT_BEGIN(update, "$unset", &unset);
    BSON_APPEND_UTF8(&unset, "status_reason", "");
    bson_append_document_end(update, &unset);
}

bool platform_set_status(struct ctl *ctl, const char *slug, enum tenant_status status,
                         const char *reason)
{
    bson_t filter, update;
    struct scope scope;
    int64_t matched = 0;
    bool ok;

    if (!platform_registry(ctl, &scope))
        return false;
    platform_by_slug(&filter, slug);
    BCON_APPEND(&filter, "status", "{", "$nin", "[",
                BCON_UTF8(tenant_status_name(TENANT_DELETED)),
                BCON_UTF8(tenant_status_name(TENANT_PROVISIONING)), "]", "}");
    status_update(&update, status, reason);
    ok = scope_update_one(&scope, ENTRIES, &filter, &update, NULL, &matched, &ctl->err);
    bson_destroy(&filter);
    bson_destroy(&update);
    if (ok && matched == 0)
        return err_set(&ctl->err, ERR_STATE,
                       "There is no tenant %s, or it is deleted, or still being set up", slug);
    if (ok)
        board_bump(ctl->board, slug);
    return ok;
}

static void account_doc(const struct new_account *account, const char *id, bson_t *doc)
{
    bson_init(doc);
    doc_append_text(doc, "id", id);
    doc_append_text(doc, "email", account->email);
    doc_append_text(doc, "full_name", account->full_name);
    doc_append_text(doc, "hashed_password", account->hash);
    doc_append_text(doc, "role", role_name(account->role));
    if (account->tenant) {
        doc_append_text(doc, "tenant_id", account->tenant->tenant_id);
        doc_append_text(doc, "tenant_slug", account->tenant->slug);
    }
    doc_append_text(doc, "branch_id", account->branch_id);
    if (account->seeded)
        BSON_APPEND_BOOL(doc, "seeded", true);
    doc_append_dates(doc);
}

bool platform_add_account(struct ctl *ctl, const struct new_account *account)
{
    char fresh[ID_SIZE];
    struct scope scope;
    bson_t doc;
    bool ok;

    if (!platform_users(ctl, &scope))
        return false;
    id_new(fresh);
    account_doc(account, account->id ? account->id : fresh, &doc);
    ok = scope_insert(&scope, ACCOUNTS, &doc, &ctl->err);
    bson_destroy(&doc);
    if (!ok && ctl->err.code == ERR_DUPLICATE) {
        err_clear(&ctl->err);
        err_set(&ctl->err, ERR_DUPLICATE, "There is a user %s already", account->email);
    }
    return ok;
}

void platform_audit(struct ctl *ctl, const struct tenant *tenant, const char *action,
                    const char *collection, const char *record_id)
{
    struct job job = ctl_job(ctl);

    if (job_audit(&job, tenant, action, collection, record_id))
        return;
    ctl_warn(ctl, "done, but the audit log of %s has no entry of it: %s",
             tenant ? tenant->slug : "the platform", ctl->err.detail);
    err_clear(&ctl->err);
}

void platform_log(const struct ctl *ctl, const char *slug, const char *subject)
{
    char uid[16];

    snprintf(uid, sizeof uid, "%ld", (long)getuid());
    log_event(LOG_LVL_INFO, "erpctl", "command", ctl->command->name, "uid", uid, "tenant", slug,
              "subject", subject, NULL);
}

const char *platform_email(struct ctl *ctl, const char *text)
{
    const char *at = strchr(text, '@');
    size_t len = strlen(text);
    char *copy;

    if (!at || at == text || !at[1] || strchr(at + 1, '@') || len > 254 || !utf8_valid(text, len))
        return NULL;
    copy = arena_strdup(ctl->arena, text);
    for (unsigned char *p = (unsigned char *)copy; *p; p++) {
        if (*p <= ' ' || *p == 0x7f)
            return NULL;
        if (*p < 0x80)
            *p = (unsigned char)tolower(*p);
    }
    return copy;
}

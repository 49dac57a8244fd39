/* What whoever holds the code of a warranty may do: look at it, claim it, and add pictures. The row
 * is public, so nothing is asked of any database before the code's signature holds. */
#include "base.h"
#include "actions/actions.h"
#include "actions/record_file.h"
#include "core/clock.h"
#include "db/doc.h"
#include "db/txn.h"
#include "engine/form.h"
#include "engine/kind.h"
#include "http/multipart.h"
#include "platform/files.h"
#include "trade/warranty_claim.h"
#include "trade/warranty_token.h"

#define DAY_MS INT64_C(86400000)

static void add_instant(struct str *out, const char *member, const bson_t *doc, const char *name)
{
    char text[CLOCK_TEXT_SIZE];
    int64_t ms;

    str_addz(out, member);
    if (!doc_instant(doc, name, &ms)) {
        str_addz(out, "null");
        return;
    }
    clock_format(text, ms);
    str_addf(out, "\"%s\"", text);
}

/* ---- looking ---- */

static void add_what(struct str *out, const bson_t *record)
{
    str_add_member(out, "{\"warranty_id\":", doc_text(record, "id"));
    str_add_member(out, ",\"warranty_code\":", doc_text(record, "warranty_code"));
    str_add_member(out, ",\"product\":{\"id\":", doc_text(record, "product_id"));
    str_add_member(out, ",\"name\":", doc_text(record, "product_name"));
    str_add_member(out, ",\"serial_number\":", doc_text(record, "serial_number"));
    add_instant(out, "},\"purchase_date\":", record, "purchase_date");
    add_instant(out, ",\"start_date\":", record, "start_date");
    add_instant(out, ",\"expiry_date\":", record, "expiry_date");
    str_addf(out, ",\"warranty_period_months\":%" PRId64,
             doc_int(record, "warranty_period_months", 0));
}

static void add_state(struct str *out, const bson_t *record)
{
    int64_t now = clock_ms(), expiry = 0;
    const char *status = warranty_status(record, now);
    bool open = strcmp(status, "active") == 0 || strcmp(status, "expired") == 0;
    bool can;

    doc_instant(record, "expiry_date", &expiry);
    can = open && now <= expiry + WARRANTY_GRACE_MS;
    str_add_member(out, ",\"status\":", status);
    str_addf(out, ",\"can_claim\":%s,\"allowed_actions\":[%s]", can ? "true" : "false",
             can    ? "\"register_claim\""
             : open ? "\"request_manual_review\""
                    : "");
    if (expiry > now)
        str_addf(out, ",\"days_remaining\":%" PRId64, (expiry - now + DAY_MS - 1) / DAY_MS);
    else
        str_addz(out, ",\"days_remaining\":null");
}

bool action_warranty_resolve(struct req *req)
{
    const char *text = req_query(req, "q");
    struct warranty_token token;
    const bson_t *record;

    if (!warranty_token_enter(req, text, &token) ||
        !warranty_of_token(req, text, token.warranty_id, &record))
        return false;
    add_what(resp_body(req), record);
    add_state(resp_body(req), record);
    str_add_member(resp_body(req), ",\"customer_name\":", doc_text(record, "customer_name"));
    str_addc(resp_body(req), '}');
    return true;
}

/* ---- claiming ---- */

struct work {
    struct req *req;
    struct warranty_token token;
    struct warranty_claim claim;
    struct warranty_image image;
    const char *text; /* of the token */
    const bson_t *record;
};

static bool claim_body(struct scope *scope, void *data, struct err *err)
{
    struct work *w = data;

    return warranty_claim(w->req, scope, &w->claim, w->token.warranty_id, &w->record, err);
}

bool action_warranty_claim(struct req *req)
{
    struct str *out = resp_body(req);
    struct work w = {.req = req};

    if (!warranty_claim_read(req, &w.claim) ||
        !warranty_token_enter(req, w.claim.token, &w.token))
        return false;
    if (strcmp(w.token.warranty_id, req_param(req, "id")) != 0)
        return err_field(req->err, "warranty_token", "reference", "Is of another warranty");
    if (!warranty_prepare(req) || !txn_run(&req->scope, claim_body, &w, req->err))
        return false;
    str_add_member(out, "{\"message\":", "Claim registered");
    str_add_member(out, ",\"warranty_id\":", doc_text(w.record, "id"));
    str_add_member(out, ",\"warranty_code\":", doc_text(w.record, "warranty_code"));
    str_add_member(out, ",\"status\":", doc_text(w.record, "current_status"));
    add_instant(out, ",\"claimed_at\":", w.record, "claimed_at");
    str_addc(out, '}');
    return true;
}

/* ---- pictures ---- */

static bool image_body(struct scope *scope, void *data, struct err *err)
{
    struct work *w = data;

    return warranty_image(w->req, scope, w->text, w->token.warranty_id, &w->image, err);
}

/* The file is there before the warranty names it, and goes when it does not. A commit whose fate is
 * unknown leaves it. */
bool action_warranty_image(struct req *req)
{
    struct work w = {.req = req, .text = req_query(req, "warranty_token")};
    char *name = arena_alloc(req->arena, FILE_NAME_SIZE);
    struct app *app = req->app;
    const bson_t *record;

    if (!warranty_token_enter(req, w.text, &w.token) ||
        !warranty_of_token(req, w.text, w.token.warranty_id, &record) || !warranty_prepare(req) ||
        !files_store(&app->conf, req->tenant->tenant_id, FILES_EVIDENCE, NULL, req->file_kind,
                     req->file->bytes, req->file->len, name, req->err))
        return false;
    w.image = (struct warranty_image){
        .name = name,
        .url = arena_printf(req->arena, "/api/uploads/" FILES_EVIDENCE "/%s", name),
        .size = (int64_t)req->file->len};
    if (!txn_run(&req->scope, image_body, &w, req->err)) {
        if (req->err->code != ERR_TRY_AGAIN)
            files_remove(&app->conf, req->tenant->tenant_id, FILES_EVIDENCE, name);
        return false;
    }
    str_addf(resp_body(req), "{\"url\":\"%s\",\"filename\":\"%s\"}", w.image.url, name);
    return true;
}

bool action_evidence_file(struct req *req)
{
    return record_file_send(req, FILES_EVIDENCE, "warranty_record", "evidence.filename");
}

/* What a customer does who holds the code of a warranty: says what is wrong, and shows it. */
#include "base.h"
#include "trade/warranty_priv.h"
#include "core/clock.h"
#include "core/id.h"
#include "db/doc.h"
#include "db/many.h"
#include "db/own.h"
#include "engine/form.h"
#include "trade/warranty_claim.h"

#define MONTH_MS    (30 * INT64_C(86400000))
#define MANY_CLAIMS 3 /* of one phone number, in that time */

bool warranty_claim_read(struct req *req, struct warranty_claim *claim)
{
    struct validated in;

    if (!form_read(req, "ClaimCreate", VALIDATE_CREATE, &in))
        return false;
    *claim = (struct warranty_claim){.token = doc_text(in.set, "warranty_token"),
                                     .issue = doc_text(in.set, "reported_issue"),
                                     .body = in.set};
    return claim->issue[strspn(claim->issue, " \n\t")] != '\0' ||
           err_field(req->err, "reported_issue", "required", "Is required");
}

/* ---- whose it is ---- */

/* The record holds the very text that was signed: a code that was given out before counts no
 * more. */
static bool check_token(const struct warranty_change *c, const char *token)
{
    const char *stored = doc_text(c->record, "token");

    return (stored != NULL && strlen(stored) == strlen(token) &&
            same_bytes(stored, token, strlen(token))) ||
           err_set(c->err, ERR_FORBIDDEN, "This is not the code of this warranty.");
}

bool warranty_of_token(struct req *req, const char *text, const char *id, const bson_t **record)
{
    struct warranty_change c = warranty_change_of(req, &req->scope, id, req->err);

    if (!warranty_read(&c) || !check_token(&c, text))
        return false;
    *record = c.record;
    return true;
}

/* ---- a claim ---- */

static bool is_evidence(const struct warranty_change *c, const char *url)
{
    for (int i = 0; i < WARRANTY_IMAGES; i++) {
        const char *at = arena_printf(c->scope->arena, "evidence.%d.url", i);
        const char *known = doc_text(c->record, at);

        if (known != NULL && strcmp(known, url) == 0)
            return true;
    }
    return false;
}

/* Pictures are those that were uploaded for this warranty: whoever opens a claim shall not be led
 * elsewhere. */
static bool check_images(const struct warranty_change *c, const bson_t *images)
{
    bson_iter_t it;

    if (images == NULL || !bson_iter_init(&it, images))
        return true;
    while (bson_iter_next(&it))
        if (!BSON_ITER_HOLDS_UTF8(&it) || !is_evidence(c, bson_iter_utf8(&it, NULL)))
            return err_field(c->err, "images", "reference",
                             "Must be addresses that an upload for this warranty gave");
    return true;
}

static const bson_t *images_of(const struct warranty_change *c, const bson_t *body)
{
    const uint8_t *data;
    bson_iter_t it;
    uint32_t len;

    if (!doc_at(body, "images", &it) || !BSON_ITER_HOLDS_ARRAY(&it))
        return NULL;
    bson_iter_array(&it, &len, &data);
    return own_bson_copy(c->scope->arena, data, len);
}

static bool has_images(const bson_t *images)
{
    return images != NULL && !bson_empty(images);
}

/* In tenths; the phone number is the record's, not what the claim says. */
static bool score(const struct warranty_change *c, const bson_t *images, money_t *tenths)
{
    const char *phone = doc_text(c->record, "customer_phone");
    bson_t *filter = own_bson(c->scope->arena);
    bson_iter_t it;
    int64_t claims;
    bson_t child;

    *tenths = has_images(images) || doc_at(c->record, "evidence.0", &it) ? 0 : 2;
    if (phone == NULL)
        return true;
    scope_filter(c->scope, NULL, filter);
    BSON_APPEND_UTF8(filter, "customer_phone", phone);
    BSON_APPEND_DOCUMENT_BEGIN(filter, "claimed_at", &child);
    BSON_APPEND_DATE_TIME(&child, "$gte", c->now - MONTH_MS);
    bson_append_document_end(filter, &child);
    if (!scope_count(c->scope, WARRANTIES, filter, MANY_CLAIMS + 1, &claims, c->err))
        return false;
    *tenths += claims >= MANY_CLAIMS ? 3 : 0; /* and this one */
    return true;
}

static const bson_t *change_of(const struct warranty_change *c, const struct warranty_claim *claim,
                               money_t tenths)
{
    bson_t *set = own_bson(c->scope->arena);

    doc_append_money(set, "fraud_score", tenths, 1);
    BSON_APPEND_UTF8(set, "reported_issue", claim->issue);
    doc_append_text_or_null(set, "preferred_action", doc_text(claim->body, "preferred_action"));
    BSON_APPEND_DATE_TIME(set, "claimed_at", c->now);
    return set;
}

/* Who says that he claims it is kept beside whom it was sold to. */
static void tell_claim(struct warranty_change *c, const struct warranty_claim *claim,
                       const bson_t *images)
{
    static const char *const names[] = {"customer_id", "customer_name", "customer_phone",
                                        "customer_email", "preferred_action"};
    bson_t *meta = own_bson(c->scope->arena);

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        doc_append_text(meta, names[i], doc_text(claim->body, names[i]));
    warranty_tell(c, &(struct warranty_event){.type = "claim_registered",
                                              .actor = "customer",
                                              .note = claim->issue,
                                              .attachments = images,
                                              .meta = meta});
}

/* Too late is looked at by somebody before anything else. */
static const char *claimed_state(const struct warranty_change *c)
{
    int64_t expiry = 0;

    doc_instant(c->record, "expiry_date", &expiry);
    return strcmp(warranty_status(c->record, c->now), "expired") == 0 &&
                   c->now > expiry + WARRANTY_GRACE_MS
               ? "under_inspection"
               : "claimed";
}

bool warranty_claim(struct req *req, struct scope *scope, const struct warranty_claim *claim,
                    const char *id, const bson_t **record, struct err *err)
{
    struct warranty_change c = warranty_change_of(req, scope, id, err);
    const bson_t *images = images_of(&c, claim->body);
    money_t tenths;

    if (!warranty_read(&c) || !check_token(&c, claim->token) || !check_images(&c, images) ||
        !score(&c, images, &tenths) ||
        !warranty_store(&c, NULL, claimed_state(&c), change_of(&c, claim, tenths)))
        return false;
    tell_claim(&c, claim, images);
    *record = c.after;
    return warranty_finish(&c, "claim");
}

/* ---- a picture ---- */

static bool takes_images(const struct warranty_change *c)
{
    static const char *const states[] = {"active", "expired", "claimed", "under_inspection"};
    const char *status = warranty_status(c->record, c->now);

    for (size_t i = 0; i < ARRAY_LEN(states); i++)
        if (strcmp(status, states[i]) == 0)
            return true;
    return err_set(c->err, ERR_STATE, "The warranty is %s: nothing more is shown for it", status);
}

bool warranty_image(struct req *req, struct scope *scope, const char *token, const char *id,
                    const struct warranty_image *image, struct err *err)
{
    struct warranty_change c = warranty_change_of(req, scope, id, err);
    bson_t *set = own_bson(scope->arena);
    bson_iter_t it;
    bson_t list, one;
    const uint8_t *data;
    uint32_t len;
    char key[12];
    int n = 0;

    if (!warranty_read(&c) || !check_token(&c, token) || !takes_images(&c))
        return false;
    BSON_APPEND_ARRAY_BEGIN(set, "evidence", &list);
    if (doc_at(c.record, "evidence", &it) && BSON_ITER_HOLDS_ARRAY(&it)) {
        bson_t old;
        bson_iter_t row;

        bson_iter_array(&it, &len, &data);
        for (bson_init_static(&old, data, len), bson_iter_init(&row, &old); bson_iter_next(&row);
             n++)
            bson_append_iter(&list, NULL, 0, &row);
    }
    snprintf(key, sizeof key, "%d", n);
    BSON_APPEND_DOCUMENT_BEGIN(&list, key, &one);
    BSON_APPEND_UTF8(&one, "filename", image->name);
    BSON_APPEND_UTF8(&one, "url", image->url);
    BSON_APPEND_INT64(&one, "size", image->size);
    BSON_APPEND_DATE_TIME(&one, "uploaded_at", c.now);
    bson_append_document_end(&list, &one);
    bson_append_array_end(set, &list);
    if (n >= WARRANTY_IMAGES)
        return err_set_retry(err, ERR_TOO_MANY, 86400, "A warranty has at most %d pictures.",
                             WARRANTY_IMAGES);
    return warranty_store(&c, NULL, NULL, set) && warranty_finish(&c, "add_image");
}

/* Nothing of a token is believed before its signature holds, but whose key it asks for. */
#include "base.h"
#include "trade/warranty_token.h"
#include "core/clock.h"
#include "core/id.h"
#include "http/gate.h"

#define MAC_SIZE 32

static void sign(const struct conf *conf, const char *tenant_id, const char *payload, size_t len,
                 uint8_t mac[static MAC_SIZE])
{
    uint8_t key[32];
    char label[80];

    snprintf(label, sizeof label, "warranty:%s", tenant_id);
    conf_derive_key(conf, label, key);
    hmac_sha256(mac, key, payload, len);
}

const char *warranty_token_make(const struct req *req, const char *warranty_id)
{
    char guid[33], issued[CLOCK_TEXT_SIZE];
    uint8_t mac[MAC_SIZE];
    struct str text;
    const char *json, *out;

    random_hex(guid, 16);
    clock_format(issued, clock_ms());
    json = arena_printf(req->arena,
                        "{\"guid\":\"%s\",\"tenant_slug\":\"%s\",\"tenant_id\":\"%s\","
                        "\"warranty_id\":\"%s\",\"issued_at\":\"%s\"}",
                        guid, req->tenant->slug, req->tenant->tenant_id, warranty_id, issued);
    str_init(&text);
    str_add_base64url(&text, json, strlen(json));
    sign(&req->app->conf, req->tenant->tenant_id, text.p, text.len, mac);
    str_addc(&text, '.');
    str_add_base64url(&text, mac, sizeof mac);
    out = arena_strndup(req->arena, text.p, text.len);
    str_release(&text);
    return out;
}

/* ---- reading ---- */

static bool take(const json_t *all, const char *name, char *out, size_t size)
{
    const char *text = json_string_value(json_object_get(all, name));

    if (!text || !*text || strlen(text) >= size)
        return false;
    snprintf(out, size, "%s", text);
    return true;
}

static bool take_all(const char *json, size_t len, struct warranty_token *token)
{
    json_auto_t *all = json_loadb(json, len, JSON_REJECT_DUPLICATES, NULL);

    return take(all, "tenant_slug", token->tenant_slug, sizeof token->tenant_slug) &&
           take(all, "tenant_id", token->tenant_id, sizeof token->tenant_id) &&
           take(all, "warranty_id", token->warranty_id, sizeof token->warranty_id) &&
           slug_valid(token->tenant_slug);
}

static bool holds(const struct conf *conf, const char *text, struct warranty_token *token)
{
    char json[WARRANTY_TOKEN_MAX];
    uint8_t given[MAC_SIZE + 1], mac[MAC_SIZE];
    const char *dot = strchr(text, '.');
    size_t len = strlen(text);
    ssize_t n;

    if (!dot || len > WARRANTY_TOKEN_MAX)
        return false;
    n = base64url_decode(json, sizeof json, text, (size_t)(dot - text));
    if (n <= 0 || !take_all(json, (size_t)n, token) ||
        base64url_decode(given, sizeof given, dot + 1, strlen(dot + 1)) != MAC_SIZE)
        return false;
    sign(conf, token->tenant_id, text, (size_t)(dot - text), mac);
    return same_bytes(mac, given, MAC_SIZE);
}

bool warranty_token_open(const struct conf *conf, const char *text, struct warranty_token *token,
                         struct err *err)
{
    *token = (struct warranty_token){0};
    return holds(conf, text, token) ||
           err_set(err, ERR_FORBIDDEN, "This is not the code of a warranty.");
}

bool warranty_token_enter(struct req *req, const char *text, struct warranty_token *token)
{
    return warranty_token_open(&req->app->conf, text, token, req->err) &&
           gate_enter(req, token->tenant_slug, token->tenant_id);
}

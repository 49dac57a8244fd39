/* Members of a body that are read one by one, and passwords in it. */
#include "base.h"
#include "actions/body.h"

const char *body_text(struct req *req, const char *name, size_t max, size_t *len)
{
    json_t *value = json_object_get(req->body, name);

    if (!value || json_is_null(value)) {
        err_field(req->err, name, "required", "This field is required.");
        return NULL;
    }
    if (!json_is_string(value)) {
        err_field(req->err, name, "type", "This must be text.");
        return NULL;
    }
    *len = json_string_length(value);
    if (*len > max) {
        err_field(req->err, name, "too_long", "At most %zu bytes are accepted.", max);
        return NULL;
    }
    return json_string_value(value);
}

static void wipe_text(void *data)
{
    const char *text = json_string_value(data);

    explicit_bzero((char *)(uintptr_t)text, json_string_length(data));
    json_decref(data);
}

void body_wipe(struct req *req, const char *name)
{
    json_t *value = json_object_get(req->body, name);

    if (json_is_string(value))
        arena_defer(req->arena, wipe_text, json_incref(value));
    explicit_bzero((char *)(uintptr_t)req->body_bytes, req->body_len);
}

const char *body_password(struct req *req, const char *name, size_t *len)
{
    const char *text = NULL;

    body_wipe(req, name);
    if (json_is_null(json_object_get(req->body, name)))
        json_object_del(req->body, name);
    if (!json_object_get(req->body, name))
        return NULL;
    text = body_text(req, name, req->body_len, len);
    json_object_set_new(req->body, name, json_string("taken out of here"));
    return text;
}

bool body_reason(struct req *req, const char **reason)
{
    const json_t *sent = req->body ? json_object_get(req->body, "reason") : NULL;

    *reason = req_query(req, "reason");
    if (sent && !json_is_null(sent) && !json_is_string(sent))
        return err_field(req->err, "reason", "type", "Must be text");
    if (sent && json_is_string(sent))
        *reason = json_string_value(sent);
    if (*reason && utf8_count(*reason, strlen(*reason)) > 500)
        return err_field(req->err, "reason", "too_long", "At most 500 characters");
    if (*reason && **reason == '\0')
        *reason = NULL;
    return true;
}

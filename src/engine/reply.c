#include "base.h"
#include "engine/reply.h"
#include "db/doc.h"
#include "engine/render.h"

void reply_add(struct req *req, const char *noun, const bson_t *record)
{
    const struct kind_env env = {.decimals = req->tenant->decimals};

    render_record(resource_by_noun(noun), &env, record, NULL, resp_body(req));
}

bool reply_add_all(struct req *req, const char *noun, mongoc_cursor_t *cursor)
{
    const bson_t *doc;
    size_t n = 0;

    str_addc(resp_body(req), '[');
    while (scope_next(&req->scope, cursor, &doc, req->err)) {
        if (doc == NULL) {
            str_addc(resp_body(req), ']');
            return true;
        }
        if (n++ > 0)
            str_addc(resp_body(req), ',');
        reply_add(req, noun, doc);
    }
    return false;
}

bool reply_record(struct req *req, const char *noun, const bson_t *record)
{
    resp_header(req, "ETag", render_etag(record, req->arena));
    reply_add(req, noun, record);
    return true;
}

bool reply_made(struct req *req, const char *noun, const bson_t *record)
{
    resp_header(req, "Location", arena_printf(req->arena, "%s/%s", resource_by_noun(noun)->path,
                                              doc_text(record, "id")));
    return reply_record(req, noun, record);
}

/* The Link header of a page: the request's own parameters with another cursor. */
#include "base.h"
#include "engine/query.h"

void query_link_after(struct req *req, const char *cursor)
{
    struct str link;

    str_init(&link);
    str_addf(&link, "<%s?", req->path);
    for (size_t i = 0; i < req->n_query; i++) {
        if (strcmp(req->query[i].name, "after") == 0)
            continue;
        str_add_uri(&link, req->query[i].name, strlen(req->query[i].name));
        str_addc(&link, '=');
        str_add_uri(&link, req->query[i].value, strlen(req->query[i].value));
        str_addc(&link, '&');
    }
    str_addf(&link, "after=%s>; rel=\"next\"", cursor);
    resp_header(req, "Link", arena_strndup(req->arena, link.p, link.len));
    str_release(&link);
}

/* The platform's announcements, for a super_admin. */
#include "base.h"
#include "actions/actions.h"
#include "actions/query.h"
#include "db/doc.h"
#include "engine/form.h"
#include "platform/announce.h"

#define LIST_MAX     200 /* of records that may name a thousand businesses each */
#define LIST_DEFAULT 50
#define SKIP_MAX     100000

/* A query against the registry would have to come from the client: said apart from other values
 * that there are not, because earlier systems took it. */
static bool refuse_filter(struct req *req)
{
    const char *audience = json_string_value(json_object_get(req->body, "audience_type"));

    if (!audience || strcmp(audience, "custom_filter") != 0)
        return true;
    return err_field(req->err, "audience_type", "not_supported",
                     "A filter of your own is not accepted: name sectors or businesses.");
}

bool action_announcement_create(struct req *req)
{
    struct job job = job_of_req(req);
    struct validated in;
    const bson_t *doc;

    if (!refuse_filter(req) ||
        !form_read(req, "CreateAnnouncementRequest", VALIDATE_CREATE, &in) ||
        !announce_create(&job, in.set, &doc))
        return false;
    resp_header(req, "Location", arena_printf(req->arena, "/api/super/announcements/%s",
                                              doc_text(doc, "id")));
    announce_show_record(doc, resp_body(req));
    return true;
}

bool action_announcement_list(struct req *req)
{
    struct job job = job_of_req(req);
    int64_t skip, limit;

    return query_number(req, "skip", 0, SKIP_MAX, 0, &skip) &&
           query_number(req, "limit", 1, LIST_MAX, LIST_DEFAULT, &limit) &&
           announce_list(&job, skip, limit, resp_body(req));
}

bool action_announcement_remove(struct req *req)
{
    struct job job = job_of_req(req);

    return announce_remove(&job, req_param(req, "announcement_id")) &&
           resp_message(req, "The announcement is removed.");
}

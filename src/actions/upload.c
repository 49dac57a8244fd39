/* The pictures of a business: POST /api/upload/logo and its kin store one and name it in the
 * settings; GET /api/public/branding shows them to who has not signed in yet. */
#include "base.h"
#include "actions/actions.h"
#include "core/clock.h"
#include "db/doc.h"
#include "db/own.h"
#include "engine/crud.h"
#include "engine/form.h"
#include "http/multipart.h"
#include "platform/files.h"

#define BRANDING_TIME_US 2000000 /* people wait for a sign-in page */

const struct upload upload_logo = {"logo", "logo_url"};
const struct upload upload_background = {"background", "background_image_url"};
const struct upload upload_favicon = {"favicon", "favicon_url"};

/* Settings may name any address; what is ours has our path. */
static void remove_old(struct req *req, const char *url)
{
    if (url && strncmp(url, FILES_BRANDING_URL, strlen(FILES_BRANDING_URL)) == 0)
        files_remove(&req->app->conf, req->tenant->tenant_id, FILES_BRANDING,
                     url + strlen(FILES_BRANDING_URL));
}

static bool read_settings(struct req *req, const bson_t **doc)
{
    bson_t *filter = own_bson(req->arena);

    scope_filter(&req->scope, NULL, filter);
    return scope_find_one(&req->scope, req->route->resource->collection, filter, NULL, doc,
                          req->err);
}

/* Names the file in the settings, as a PATCH of them would. */
static bool name_file(struct req *req, const char *field, const char *url)
{
    json_t *body = own_json(req->arena, json_object());

    json_object_set_new(body, field, json_string(url));
    req->body = body;
    return crud_patch(req);
}

/* The file is there before the settings name it, and the one before is removed when they no longer
 * do. A commit whose fate is unknown leaves both. */
bool action_upload(struct req *req)
{
    const struct upload *upload = req->route->arg;
    const char *tenant_id = req->tenant->tenant_id, *url;
    char *name = arena_alloc(req->arena, FILE_NAME_SIZE);
    const bson_t *before;

    if (!read_settings(req, &before) ||
        !files_store(&req->app->conf, tenant_id, FILES_BRANDING, upload->label, req->file_kind,
                     req->file->bytes, req->file->len, name, req->err))
        return false;
    url = arena_printf(req->arena, FILES_BRANDING_URL "%s", name);
    if (!name_file(req, upload->field, url)) {
        if (req->err->code != ERR_TRY_AGAIN)
            files_remove(&req->app->conf, tenant_id, FILES_BRANDING, name);
        return false;
    }
    remove_old(req, doc_text(before, upload->field));
    str_clear(resp_body(req));
    str_addf(resp_body(req), "{\"url\":\"%s\",\"filename\":\"%s\"}", url, name);
    return true;
}

/* --- before sign-in -------------------------------------------------------------------------- */

/* The settings of the business with this slug; NULL when there is none, or it cannot be asked. */
static const bson_t *find_settings(struct req *req, const char *slug)
{
    const struct resource *settings = resource_by_noun("settings");
    bson_t *filter = own_bson(req->arena);
    const struct tenant *tenant;
    const bson_t *doc = NULL;
    struct scope scope = {0};
    struct err err;

    err_init(&err);
    if (slug_valid(slug) && registry_by_slug(req->app->registry, slug, &tenant, &err) &&
        resolve_tenant(&req->app->resolver, slug, arena_strdup(req->arena, tenant->tenant_id),
                       req->arena, req->started_us + BRANDING_TIME_US, &tenant, &scope, &err)) {
        scope_filter(&scope, NULL, filter);
        scope_find_one(&scope, settings->collection, filter, NULL, &doc, &err);
    }
    req->scope.round_trips += scope.round_trips;
    req->scope.spent_us += scope.spent_us;
    err_release(&err);
    return doc;
}

/* The fields of the reply's schema and no others: what else stands in the settings is nobody's. */
bool action_branding(struct req *req)
{
    const struct resource *settings = resource_by_noun("settings");
    const struct field *fields = form_by_name(req->route->out)->fields;
    const char *slug = req_query(req, "tenant_slug");
    const bson_t *doc = slug ? find_settings(req, slug) : NULL;
    struct str *out = resp_body(req);

    for (const struct field *f = fields; f->name; f++) {
        const char *text = doc_text(doc, f->name), *def = resource_field(settings, f->name)->def;

        str_addf(out, "%s\"%s\":", f == fields ? "{" : ",", f->name);
        if (text)
            str_add_json(out, text, strlen(text));
        else
            str_addz(out, def ? def : "null");
    }
    str_addc(out, '}');
    return true;
}

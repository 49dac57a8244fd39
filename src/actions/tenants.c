/* Businesses, for a super_admin: list, make, status, how they do. */
#include "base.h"
#include "actions/actions.h"
#include "actions/body.h"
#include "auth/password.h"
#include "db/doc.h"
#include "engine/form.h"
#include "platform/provision.h"
#include "platform/tenants.h"

#define LIST_MAX 1000

bool action_tenant_list(struct req *req)
{
    struct job job = job_of_req(req);
    const char *text = req_query(req, "limit"), *last;
    int64_t limit = LIST_MAX;
    char *end = NULL;

    if (text) {
        limit = strtoll(text, &end, 10);
        if (end == text || *end || limit < 1 || limit > LIST_MAX)
            return err_set(req->err, ERR_BAD_QUERY, "limit must be a number from 1 to %d.",
                           LIST_MAX);
    }
    if (!tenants_list(&job, req_query(req, "after"), limit, resp_body(req), &last))
        return false;
    if (last)
        resp_header(req, "Link",
                    arena_printf(req->arena, "</api/tenants?limit=%lld&after=%s>; rel=\"next\"",
                                 (long long)limit, last));
    return true;
}

/* --- making one ------------------------------------------------------------------------------- */

static int64_t count_of(const bson_t *doc, const char *name)
{
    bson_iter_t it;

    return bson_iter_init_find(&it, doc, name) && !BSON_ITER_HOLDS_NULL(&it)
               ? bson_iter_as_int64(&it)
               : -1;
}

/* "Corner Grocery" is corner-grocery. */
static const char *slug_from(struct arena *arena, const char *name)
{
    char slug[SLUG_MAX + 1];
    size_t n = 0;

    for (const char *p = name; *p && n < SLUG_MAX; p++) {
        char c = (char)tolower((unsigned char)*p);

        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
            slug[n++] = c;
        else if (n > 0 && slug[n - 1] != '-')
            slug[n++] = '-';
    }
    while (n > 0 && slug[n - 1] == '-')
        n--;
    slug[n] = '\0';
    return arena_strdup(arena, slug);
}

static void read_business(struct req *req, const bson_t *set, struct provision *p)
{
    char *email = arena_strdup(req->arena, doc_text(set, "email"));
    const char *slug = doc_text(set, "slug"), *license = doc_text(set, "license_type");
    struct new_entry *e = &p->entry;

    kind_fold(email);
    e->business_name = doc_text(set, "name");
    e->business_type = doc_text(set, "business_type");
    e->admin_email = email;
    e->slug = slug ? slug : slug_from(req->arena, e->business_name);
    e->license_type = license ? license : "free";
    e->max_users = count_of(set, "max_users");
    e->max_branches = count_of(set, "max_branches");
    e->features = json_object_get(req->body, "features_enabled");
    if (!json_is_array(e->features))
        e->features = NULL;
    e->db_uri = req->app->conf.mongo_url;
    e->db_name = arena_printf(req->arena, "%s_%s_db", e->business_type, e->slug);
    p->admin_name = arena_printf(req->arena, "%s Admin", e->business_name);
}

bool action_tenant_create(struct req *req)
{
    struct job job = job_of_req(req);
    struct provision p = {.hash = NULL};
    char hash[PASSWORD_HASH_SIZE];
    struct validated in;
    const char *password;
    const bson_t *doc;
    size_t len = 0;

    password = body_password(req, "admin_password", &len);
    if (!form_validate("TenantCreate", VALIDATE_CREATE, req->body, req->strict, req->arena, &in,
                       req->err))
        return false;
    read_business(req, in.set, &p);
    if (password &&
        !password_check_new(password, len, p.entry.admin_email, "admin_password", req->err))
        return false;
    if (in.ignored)
        resp_header(req, "X-Ignored-Fields", in.ignored);
    if (password) {
        password_hash(hash, password, len, (int)req->app->conf.bcrypt_cost);
        p.hash = hash;
    }
    if (!provision_run(&job, &p) || !entry_find(&job, p.entry.slug, &doc) || !doc)
        return false;
    tenants_render(doc, p.link, resp_body(req));
    return true;
}

/* --- one business ----------------------------------------------------------------------------- */

bool action_tenant_status(struct req *req)
{
    struct job job = job_of_req(req);
    enum tenant_status status;
    struct validated in;
    const bson_t *doc;

    if (!form_validate("TenantStatusChange", VALIDATE_CREATE, req->body, req->strict, req->arena,
                       &in, req->err))
        return false;
    if (!tenant_status_parse(doc_text(in.set, "status"), &status))
        die("the form lets a status pass that is none");
    if (!tenants_set_status(&job, req_param(req, "tenant_id"), status, doc_text(in.set, "reason"),
                            &doc))
        return false;
    tenants_render(doc, NULL, resp_body(req));
    return true;
}

bool action_tenant_stats(struct req *req)
{
    struct job job = job_of_req(req);

    return tenants_stats(&job, req_param(req, "tenant_id"), resp_body(req));
}

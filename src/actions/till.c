/* The till over the wire. The rules are in trade/till.h. */
#include "base.h"
#include "actions/actions.h"
#include "db/doc.h"
#include "db/txn.h"
#include "engine/export.h"
#include "engine/form.h"
#include "engine/render.h"
#include "engine/reply.h"
#include "trade/till.h"

struct work {
    struct req *req;
    struct till_opening opening;
    struct till_move move;
    struct till_count count;
    struct notices list;
    const bson_t *result;
};

static bool show_report(struct req *req, const bson_t *report)
{
    const struct kind_env env = {.decimals = req->tenant->decimals};

    if (!req_wants(req, EXPORT_TYPE)) {
        render_row(form_shift_report, &env, report, resp_body(req));
        return true;
    }
    export_head(req);
    render_row_csv_head(form_shift_report, resp_body(req));
    render_row_csv(form_shift_report, &env, report, resp_body(req));
    return true;
}

static bool open_body(struct scope *scope, void *data, struct err *err)
{
    struct work *w = data;

    return till_open(w->req, scope, &w->opening, &w->result, err);
}

bool action_till_open(struct req *req)
{
    struct work w = {.req = req};

    return till_opening_read(req, &w.opening) && till_prepare(req) &&
           txn_run(&req->scope, open_body, &w, req->err) && reply_made(req, "shift", w.result);
}

static bool move_body(struct scope *scope, void *data, struct err *err)
{
    struct work *w = data;

    return till_move(w->req, scope, &w->move, &w->result, err);
}

bool action_till_move(struct req *req)
{
    struct work w = {.req = req};

    return till_move_read(req, &w.move) && till_prepare(req) &&
           txn_run(&req->scope, move_body, &w, req->err) && reply_record(req, "shift", w.result);
}

static bool close_body(struct scope *scope, void *data, struct err *err)
{
    struct work *w = data;

    return till_close(w->req, scope, &w->count, &w->list, &w->result, err);
}

bool action_till_close(struct req *req)
{
    struct work w = {.req = req};

    if (!till_count_read(req, &w.count) || !till_prepare(req))
        return false;
    notices_init(&w.list, req->arena);
    notices_activity(&w.list, req, "till_variance", "Cash variance", "");
    return txn_run(&req->scope, close_body, &w, req->err) && show_report(req, w.result);
}

bool action_till_x(struct req *req)
{
    const bson_t *report;

    return till_x(req, &report) && show_report(req, report);
}

bool action_till_z(struct req *req)
{
    const bson_t *report;

    return till_z(req, &report) && show_report(req, report);
}

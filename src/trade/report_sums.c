/* Reports out of the sums of past days, and of the sales for which there are none yet. */
#include "base.h"
#include "trade/report_priv.h"
#include "core/log.h"
#include "db/bulk.h"
#include "db/own.h"
#include "trade/sale.h"

#define ATTEMPTS 3
#define PAUSE_NS 30000000

/* ---- pipelines ---- */

static void begin(struct pipe *pipe, struct req *req)
{
    *pipe = (struct pipe){.req = req, .stages = own_bson(req->arena), .let = own_bson(req->arena)};
}

static void unite(struct pipe *pipe, const char *collection, const struct pipe *inner)
{
    bson_t *with = own_bson(pipe->req->arena);

    BSON_APPEND_UTF8(with, "coll", collection);
    BSON_APPEND_ARRAY(with, "pipeline", inner->stages);
    pipe_add(pipe, "$unionWith", with);
}

/* No sale at all: the first $match of a pipeline that goes on with other collections. */
static bson_t *nothing(const struct req *req)
{
    bson_t *match = match_tenant(req);

    BCON_APPEND(match, "created_at", "{", "$in", "[", "]", "}");
    return match;
}

static void add_days(struct pipe *pipe, bson_t *match, const char *stages)
{
    const char *branch_id = pipe->req->scope.branch_id;
    struct pipe inner;

    begin(&inner, pipe->req);
    if (branch_id != NULL)
        BSON_APPEND_UTF8(match, "branches.branch_id", branch_id);
    pipe_add(&inner, "$match", match);
    pipe_text(&inner, "[{\"$unwind\": \"$branches\"},"
                      " {\"$replaceRoot\": {\"newRoot\": \"$branches\"}}]");
    if (branch_id != NULL) {
        bson_t *own = own_bson(pipe->req->arena);

        BSON_APPEND_UTF8(own, "branch_id", branch_id);
        pipe_add(&inner, "$match", own);
    }
    pipe_text(&inner, stages);
    unite(pipe, SALES_DAYS, &inner);
}

void pipe_sales(struct pipe *pipe, int64_t from, int64_t to, const struct sums *sums)
{
    const struct scope *scope = &pipe->req->scope;
    bson_t *rest = sales_days_rest(scope, pipe->cover, from, to);
    bson_t *days = sales_days_rows(scope, pipe->cover, from, to);

    if (pipe->n == 0) {
        pipe_add(pipe, "$match", rest != NULL ? rest : nothing(pipe->req));
        pipe_text(pipe, sums->sales);
    } else if (rest != NULL) {
        pipe_union(pipe, SALES, rest, sums->sales);
    }
    if (days != NULL)
        add_days(pipe, days, sums->days);
}

/* ---- running them ---- */

struct run {
    struct req *req;
    report_build *build;
    const struct report_days *days;
    const bson_t *figures;
    bool anyhow; /* whatever is due */
    bool due;    /* nothing was read: days are to be added up first */
};

/* The database of legacy tenants is written by others too, who know nothing of sums. */
static bool has_sums(const struct req *req)
{
    return req->tenant != &req->legacy;
}

/* All at one moment. */
static bool read_figures(struct run *run, struct scope *scope, struct err *err)
{
    struct sales_cover cover = {0};
    struct pipe pipe;

    if (has_sums(run->req) && !sales_days_look(scope, &cover, err))
        return false;
    run->due = !run->anyhow && has_sums(run->req) && sales_days_due(&cover);
    if (run->due)
        return true;
    begin(&pipe, run->req);
    pipe.cover = &cover;
    run->build(&pipe, run->days);
    return pipe_run_one(&pipe, SALES, &run->figures);
}

/* A moment that the database does not have any more, or not yet; a connection that had broken. */
static bool worth_another_try(const struct scope *scope, const struct err *err)
{
    return err->code == ERR_TRY_AGAIN || (scope->cluster_down && !scope->cluster_lost);
}

/* A transaction would do too, but in one the database knows no $unionWith. */
static bool at_one_moment(struct run *run)
{
    const struct timespec pause = {.tv_nsec = PAUSE_NS};
    struct scope *scope = &run->req->scope;
    struct err *err = run->req->err;
    bool ok = false;

    for (int i = 0; !ok && i < ATTEMPTS; i++) {
        if (i > 0) {
            err_clear(err);
            nanosleep(&pause, NULL);
        }
        ok = scope_snapshot(scope, err) && read_figures(run, scope, err);
        scope->session = NULL;
        if (!ok && !worth_another_try(scope, err))
            break;
    }
    return ok;
}

/* What cannot be added up now can be read. */
static void add_up(struct req *req)
{
    if (sales_days_sum(&req->scope, req->tenant->decimals, req->principal.user_id, req->request_id,
                       REPORT_SUM_MS, req->err))
        return;
    log_event(LOG_LVL_INFO, "sales_days_not_added_up", "tenant", req->tenant->slug, "why",
              err_info(req->err->code)->name, NULL);
    err_clear(req->err);
}

bool report_run(struct req *req, report_build *build, const struct report_days *days,
                const bson_t **figures)
{
    struct run run = {.req = req, .build = build, .days = days};

    if (has_sums(req) && !sales_days_prepare(req->app->indexes, &req->scope, req->err))
        return false;
    if (!at_one_moment(&run))
        return false;
    if (run.due) {
        add_up(req);
        run.anyhow = true;
        if (!at_one_moment(&run))
            return false;
    }
    *figures = run.figures;
    return true;
}

/* Dashboards and reports over the wire, as JSON or as CSV: members and columns are the rows of
 * engine/form_report.c, the figures trade/report.h's. */
#include "base.h"
#include "actions/actions.h"
#include "actions/query.h"
#include "db/doc.h"
#include "db/own.h"
#include "engine/export.h"
#include "engine/form.h"
#include "engine/render.h"
#include "trade/inbox.h"
#include "trade/report.h"

#define TOP_MAX     1000
#define TOP_DEFAULT 10
#define RECENT      5
#define ALERT_ROWS  (2 + 4 + RECENT) /* form_alert_totals, form_alert_counts, notifications */

static struct kind_env env_of(const struct req *req)
{
    return (struct kind_env){.decimals = req->tenant->decimals};
}

static void show(struct req *req, const struct field *fields, const bson_t *doc)
{
    const struct kind_env env = env_of(req);

    render_row(fields, &env, doc, resp_body(req));
}

static bool reply_csv(struct req *req, const struct field *fields, const bson_t *const *docs,
                      size_t n)
{
    const struct kind_env env = env_of(req);

    export_head(req);
    render_row_csv_head(fields, resp_body(req));
    for (size_t i = 0; i < n; i++)
        render_row_csv(fields, &env, docs[i], resp_body(req));
    return true;
}

static bool reply_one(struct req *req, const struct field *fields, const bson_t *doc)
{
    if (req_wants(req, EXPORT_TYPE))
        return reply_csv(req, fields, &doc, 1);
    show(req, fields, doc);
    return true;
}

static void show_list(struct req *req, const struct field *fields, const bson_t *const *docs,
                      size_t n)
{
    str_addc(resp_body(req), '[');
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            str_addc(resp_body(req), ',');
        show(req, fields, docs[i]);
    }
    str_addc(resp_body(req), ']');
}

static bool reply_list(struct req *req, const struct field *fields, const bson_t *const *docs,
                       size_t n)
{
    if (req_wants(req, EXPORT_TYPE))
        return reply_csv(req, fields, docs, n);
    show_list(req, fields, docs, n);
    return true;
}

/* ---- dashboards ---- */

bool action_dashboard_stats(struct req *req)
{
    struct report_days days;
    const bson_t *figures;

    return report_days(req, &days) && report_stats(req, &days, &figures) &&
           reply_one(req, form_dashboard, figures);
}

/* A day without sales is there too. */
bool action_dashboard_chart(struct req *req)
{
    const bson_t *sales[REPORT_WEEK], *rows[REPORT_WEEK];
    struct report_days days;
    bson_iter_t it;

    if (!report_days(req, &days) || !report_chart(req, &days, sales))
        return false;
    for (int i = 0; i < REPORT_WEEK; i++) {
        bson_t *row = own_bson(req->arena);

        BSON_APPEND_UTF8(row, "date", days.dates[i]);
        if (sales[i] != NULL && bson_iter_init_find(&it, sales[i], "sales"))
            bson_append_iter(row, "sales", -1, &it);
        rows[i] = row;
    }
    return reply_list(req, form_sales_day, rows, REPORT_WEEK);
}

/* {kind, count} of each of the fields. */
static size_t count_rows(struct req *req, const struct field *fields, const bson_t *counts,
                         const bson_t **rows)
{
    size_t n = 0;

    for (; fields[n].name != NULL; n++) {
        bson_t *row = own_bson(req->arena);

        BSON_APPEND_UTF8(row, "kind", fields[n].name);
        BSON_APPEND_INT64(row, "count", counts != NULL ? doc_int(counts, fields[n].name, 0) : 0);
        rows[n] = row;
    }
    return n;
}

/* As a table: a row a count, then a row a notification. */
static bool alerts_csv(struct req *req, const bson_t *counts, const struct inbox_row *recent,
                       size_t n_recent)
{
    const bson_t *rows[ALERT_ROWS];
    size_t n = count_rows(req, form_alert_totals, counts, rows);

    n += count_rows(req, form_alert_counts, counts, rows + n);
    for (size_t i = 0; i < n_recent; i++) {
        bson_t *row = own_bson(req->arena);

        BSON_APPEND_UTF8(row, "kind", "recent");
        bson_concat(row, recent[i].doc);
        rows[n++] = row;
    }
    return reply_csv(req, form_alert_row, rows, n);
}

bool action_dashboard_alerts(struct req *req)
{
    const struct kind_env env = env_of(req);
    struct str *out = resp_body(req);
    struct inbox_row *rows;
    const bson_t *counts;
    size_t n;

    if (!inbox_alerts(req, &counts))
        return false;
    if (counts != NULL)
        counts = own_bson_copy(req->arena, bson_get_data(counts), counts->len);
    if (!inbox_list(req, NULL, true, RECENT, &rows, &n))
        return false;
    if (req_wants(req, EXPORT_TYPE))
        return alerts_csv(req, counts, rows, n);
    render_row(form_alert_totals, &env, counts, out);
    out->len--; /* goes on before the closing brace */
    str_addz(out, ",\"by_type\":");
    render_row(form_alert_counts, &env, counts, out);
    str_addz(out, ",\"recent\":[");
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            str_addc(out, ',');
        render_record(&notices_resource, &env, rows[i].doc, NULL, out);
    }
    str_addz(out, "]}");
    return true;
}

/* ---- reports ---- */

bool action_report_profit(struct req *req)
{
    struct report_days days;
    const bson_t *figures;

    return report_days(req, &days) && report_profit(req, &days, &figures) &&
           reply_one(req, form_profit, figures);
}

bool action_report_top_products(struct req *req)
{
    struct report_days days;
    const bson_t **found;
    int64_t limit;
    size_t n;

    if (!query_number(req, "limit", 1, TOP_MAX, TOP_DEFAULT, &limit) || !report_days(req, &days))
        return false;
    found = arena_alloc(req->arena, (size_t)limit * sizeof *found);
    return report_top_products(req, &days, limit, found, &n) &&
           reply_list(req, form_top_product, found, n);
}

/* The documents of an array's member; their number. */
static size_t members(struct req *req, const bson_t *doc, const char *name, const bson_t **docs,
                      size_t max)
{
    bson_iter_t it, one;
    const uint8_t *data;
    uint32_t len;
    size_t n = 0;

    if (doc == NULL || !bson_iter_init_find(&it, doc, name) || !BSON_ITER_HOLDS_ARRAY(&it) ||
        !bson_iter_recurse(&it, &one))
        return 0;
    while (n < max && bson_iter_next(&one))
        if (BSON_ITER_HOLDS_DOCUMENT(&one)) {
            bson_iter_document(&one, &len, &data);
            docs[n++] = own_bson_copy(req->arena, data, len);
        }
    return n;
}

static bson_t *filters_of(const struct req *req, const struct report_days *days)
{
    bson_t *filters = own_bson(req->arena);

    doc_append_text(filters, "start_date", days->start_date);
    doc_append_text(filters, "end_date", days->end_date);
    doc_append_text(filters, "branch_id", req->scope.branch_id);
    return filters;
}

bool action_report_branches(struct req *req)
{
    const bson_t **rows, *figures, *overall = NULL;
    struct str *out = resp_body(req);
    struct report_days days;
    size_t n;

    if (!report_days(req, &days) || !report_branches(req, &days, &figures))
        return false;
    rows = arena_alloc(req->arena, REPORT_ROWS_MAX * sizeof *rows);
    n = members(req, figures, "branches", rows, REPORT_ROWS_MAX);
    if (req_wants(req, EXPORT_TYPE))
        return reply_csv(req, form_branch_sales, rows, n);
    members(req, figures, "overall", &overall, 1);
    str_addz(out, "{\"branches\":");
    show_list(req, form_branch_sales, rows, n);
    str_addz(out, ",\"overall\":");
    show(req, form_branch_overall, overall);
    str_addz(out, ",\"filters\":");
    show(req, form_branch_filters, filters_of(req, &days));
    str_addc(out, '}');
    return true;
}

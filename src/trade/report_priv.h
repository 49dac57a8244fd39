/* Between the files of reports, ledgers and printed documents; not for others. */
#ifndef ERP_TRADE_REPORT_PRIV_H
#define ERP_TRADE_REPORT_PRIV_H

#include "trade/report.h"

/* A pipeline in the making. Its constant stages are texts of ours, JSON with values named as
 * variables ($$today) that `let` gives; nothing of a client's is ever in a text. */
struct pipe {
    struct req *req;
    bson_t *stages, *let;
    unsigned n;
    const struct sales_cover *cover; /* in report_run */
};

void pipe_begin(struct pipe *pipe, struct req *req, const bson_t *match);
/* {name: value} */
void pipe_add(struct pipe *pipe, const char *name, const bson_t *value);
/* The stages of a JSON array. Dies when the text is none: our bug. */
void pipe_text(struct pipe *pipe, const char *json);
/* Stages that are made already, in an array. */
void pipe_documents(struct pipe *pipe, const bson_t *stages);
/* What another pipe makes of a collection follows. */
void pipe_join(struct pipe *pipe, const char *collection, const struct pipe *other);
/* What the stages make of another collection's matches follows. */
void pipe_union(struct pipe *pipe, const char *collection, const bson_t *match, const char *json);
/* Records of the business in another collection, as the array `as`: those of which the member
 * `foreign` is this one's `local`, or with `local` NULL all; `json` are the stages after that. */
struct pipe_link {
    const char *collection, *local, *foreign, *as;
};
void pipe_lookup(struct pipe *pipe, const struct pipe_link *link, const char *json);

/* The records of the whole business. */
bson_t *match_tenant(const struct req *req);

/* Stages that add up sales, and the same of sums of days, each a document with `branch_id` and what
 * FIGURES_OF_SALES names. What both make has the same members. */
struct sums {
    const char *sales, *days;
};

/* The sums of [from, to): of past days as they are kept, of the rest from the sales. Begins a
 * pipeline on SALES, or follows what it has already. */
void pipe_sales(struct pipe *pipe, int64_t from, int64_t to, const struct sums *sums);

/* Lets `build` put stages together that pipe_sales begins, and runs them, with what pipe_sales
 * looks at, at one moment. `build` may be called several times. */
typedef void report_build(struct pipe *pipe, const struct report_days *days);
bool report_run(struct req *req, report_build *build, const struct report_days *days,
                const bson_t **figures);

/* Up to `max` documents; more are left out. */
bool pipe_run(struct pipe *pipe, const char *collection, const bson_t **docs, size_t max,
              size_t *n);
/* The first one; NULL: none. */
bool pipe_run_one(struct pipe *pipe, const char *collection, const bson_t **doc);

#endif

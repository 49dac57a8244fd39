/* A request without a transport, for tests of the rooms in src/http. */
#ifndef ERP_T_EDGE_H
#define ERP_T_EDGE_H

#include "base.h"
#include "http/req.h"

struct edge {
    struct app app;
    struct err err;
    struct str body;
    struct req req;
};

static inline void edge_init(struct edge *edge)
{
    memset(edge, 0, sizeof *edge);
    err_init(&edge->err);
    str_init(&edge->body);
    edge->req.app = &edge->app;
    edge->req.arena = arena_new(16u << 20);
    edge->req.err = &edge->err;
    edge->req.method = "GET";
    edge->req.path = "/";
    edge->req.query_string = "";
    edge->req.request_id = "r-1";
    edge->req.resp.body = &edge->body;
}

static inline void edge_release(struct edge *edge)
{
    arena_free(edge->req.arena);
    str_release(&edge->body);
    err_release(&edge->err);
}

#endif

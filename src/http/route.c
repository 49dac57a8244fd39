/* The handler table: checked row by row when it is built, then searched as a tree of segments.
 *
 * A node is one segment; a row hangs at the node where its path ends, one a method. Literal
 * segments are tried before braces, and a brace is tried again when the literal leads nowhere.
 */
#include "base.h"
#include "http/route.h"

enum method { M_GET, M_POST, M_PUT, M_PATCH, M_DELETE, M_COUNT };

static const char *const method_names[M_COUNT] = {"GET", "POST", "PUT", "PATCH", "DELETE"};

struct node {
    const char *text; /* the segment, borrowed from a row; NULL: a brace */
    size_t len;
    struct node *child, *next;
    const struct route *rows[M_COUNT];
};

struct route_table {
    size_t n;
    struct route *rows;
    struct node root;
    struct arena *texts;
};

static int method_of(const char *name)
{
    for (int i = 0; i < M_COUNT; i++)
        if (strcmp(method_names[i], name) == 0)
            return i;
    return -1;
}

unsigned route_roles(const struct route *route)
{
    if (route->auth == AUTH_PUBLIC)
        return ROLES_NONE;
    return route->roles ? route->roles : ROLES_TENANT;
}

/* ---- checks of a row ---- */

static bool segment_ok(const char *text, size_t len)
{
    bool brace = len > 2 && text[0] == '{' && text[len - 1] == '}';

    if (brace) {
        text++;
        len -= 2;
    }
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)text[i]) && !strchr(brace ? "_" : "_-.", text[i]))
            return false;
    return len > 0;
}

static const char *path_fault(const char *path)
{
    size_t braces = 0;

    if (strncmp(path, "/api/", 5) != 0)
        return "its path does not begin with /api/";
    while (*path) {
        size_t len = strcspn(++path, "/");

        if (!segment_ok(path, len))
            return "its path has a malformed segment";
        braces += *path == '{';
        path += len;
    }
    return braces > REQ_PARAMS_MAX ? "its path has too many parameters" : NULL;
}

static const char *row_fault(const struct route *row)
{
    if (!row->method || method_of(row->method) < 0)
        return "its method is none that we serve";
    if (!row->path)
        return "it has no path";
    if (!row->handler)
        return "it has no handler";
    if (!row->summary)
        return "it has no summary";
    if (strcmp(row->method, "GET") == 0 && (row->body != BODY_NONE || row->writes))
        return "a GET neither takes a body nor writes";
    if (row->auth == AUTH_PUBLIC && (row->roles || row->tenancy != TENANCY_NONE))
        return "a public row has no roles and no tenant";
    if (row->body == BODY_NONE && row->body_limit)
        return "it limits a body that it does not take";
    if ((row->body == BODY_FORM) != (row->form != NULL))
        return "it takes a form without saying which file, or the other way round";
    if (row->by_branch && row->tenancy != TENANCY_REQUIRED)
        return "only a tenant's records belong to a branch";
    return path_fault(row->path);
}

/* ---- building ---- */

static struct node *node_child(struct node *node, const char *text, size_t len)
{
    bool brace = text[0] == '{';
    struct node **link = &node->child;

    for (; *link; link = &(*link)->next)
        if (brace ? !(*link)->text
                  : (*link)->text && (*link)->len == len && memcmp((*link)->text, text, len) == 0)
            return *link;
    if (!brace) /* braces stay last, so that literals win */
        for (link = &node->child; *link && (*link)->text;)
            link = &(*link)->next;

    struct node *made = calloc(1, sizeof *made);

    if (!made)
        die("out of memory");
    made->text = brace ? NULL : text;
    made->len = len;
    made->next = *link;
    *link = made;
    return made;
}

static void table_add(struct route_table *table, const struct route *row)
{
    const char *fault = row_fault(row);
    struct node *node = &table->root;
    int method;

    if (fault)
        die("route %s %s: %s", row->method ? row->method : "?", row->path ? row->path : "?", fault);
    for (const char *p = row->path; *p;) {
        size_t len = strcspn(++p, "/");

        node = node_child(node, p, len);
        p += len;
    }
    method = method_of(row->method);
    if (node->rows[method])
        die("route %s %s: %s is the same", row->method, row->path, node->rows[method]->path);
    node->rows[method] = row;
}

struct route_table *route_table_new(const struct route *rows, size_t n, struct arena *texts)
{
    struct route_table *table = calloc(1, sizeof *table);

    if (!table || !(table->rows = calloc(n + 1, sizeof *rows)))
        die("out of memory");
    table->n = n;
    table->texts = texts;
    memcpy(table->rows, rows, n * sizeof *rows);
    for (size_t i = 0; i < n; i++)
        table_add(table, &table->rows[i]);
    return table;
}

static void node_free(struct node *node)
{
    while (node) {
        struct node *next = node->next;

        node_free(node->child);
        free(node);
        node = next;
    }
}

void route_table_free(struct route_table *table)
{
    if (!table)
        return;
    node_free(table->root.child);
    free(table->rows);
    arena_free(table->texts);
    free(table);
}

size_t route_count(const struct route_table *table)
{
    return table->n;
}

const struct route *route_at(const struct route_table *table, size_t i)
{
    return &table->rows[i];
}

/* ---- matching ---- */

/* The row at the end of `path` below `node`, or NULL; `allowed` gathers the methods that end
 * there on any way. */
static const struct route *node_find(const struct node *node, const char *path, int method,
                                     unsigned *allowed)
{
    const struct route *row;
    size_t len;

    if (!*path) {
        for (int i = 0; i < M_COUNT; i++)
            *allowed |= node->rows[i] ? 1u << i : 0;
        return method >= 0 ? node->rows[method] : NULL;
    }
    if (*path != '/')
        return NULL;
    len = strcspn(++path, "/");
    for (const struct node *child = node->child; len > 0 && child; child = child->next) {
        if (child->text && (child->len != len || memcmp(child->text, path, len) != 0))
            continue;
        row = node_find(child, path + len, method, allowed);
        if (row)
            return row;
    }
    return NULL;
}

static void fill_params(struct req *req)
{
    const char *have = req->path, *want = req->route->path;

    while (*want) {
        size_t have_len = strcspn(++have, "/"), want_len = strcspn(++want, "/");

        if (*want == '{')
            req->params[req->n_params++] =
                (struct pair){arena_strndup(req->arena, want + 1, want_len - 2),
                              arena_strndup(req->arena, have, have_len)};
        have += have_len;
        want += want_len;
    }
}

static const char *allow_text(struct arena *arena, unsigned allowed)
{
    char *text = arena_strdup(arena, "");

    for (int i = 0; i < M_COUNT; i++)
        if (allowed & 1u << i)
            text = arena_printf(arena, "%s%s%s%s", text, *text ? ", " : "", method_names[i],
                                i == M_GET ? ", HEAD" : "");
    return text;
}

bool route_match(const struct route_table *table, struct req *req, struct err *err)
{
    bool head = strcmp(req->method, "HEAD") == 0;
    unsigned allowed = 0;

    if (!utf8_valid(req->path, strlen(req->path)))
        return err_set(err, ERR_NOT_FOUND, "The path is not UTF-8 text.");
    req->route =
        node_find(&table->root, req->path, head ? M_GET : method_of(req->method), &allowed);
    if (req->route) {
        fill_params(req);
        return true;
    }
    if (!allowed)
        return err_set(err, ERR_NOT_FOUND, "There is nothing at this path.");
    resp_header(req, "Allow", allow_text(req->arena, allowed));
    return err_set(err, ERR_METHOD_NOT_ALLOWED, "This path does not serve %.16s requests.",
                   req->method);
}

/* POST <path>/import: a resource's records out of a CSV table.
 *
 * The table has a row of field names; other columns are named in the reply and left out (with
 * Prefer: handling=strict refused). A record is known by its key: the field that ?key= names, else
 * the column id when there is one, else the resource's first unique field; a row whose key is
 * empty, and every row where there is none, is known by all its values. What is known and the same
 * is "unchanged", what is known and differs is updated in the columns given, the rest is created.
 * So the same table again changes nothing, also when the first time ended half-way.
 *
 * An empty cell is the field's default; where a replacement would keep a field that is left out
 * (F_KEEP), it keeps it. Rows are held to what POST and PATCH hold one record to (engine/batch.h).
 * Unless ?partial=true, nothing is stored when a row is refused; with ?dry_run=true nothing is
 * stored at all. Records are stored BATCH_MAX to a transaction: a failure of the database in the
 * middle leaves those before it, and the table may be sent again.
 *
 * Round trips: for every BATCH_MAX rows one or two to find what is known, and those of batch.h;
 * twice that unless partial or dry.
 */
#ifndef ERP_ENGINE_IMPORT_H
#define ERP_ENGINE_IMPORT_H

#include "engine/batch.h"
#include "engine/csv.h"

#define IMPORT_BYTES_MAX (10u << 20)
#define IMPORT_ROWS_MAX  50000
#define IMPORT_TIME_US   18000000 /* nginx waits 20 s */

/* The row of a resource whose records can be made. */
bool import_offered(const struct resource *resource);
void import_route(const struct resource *resource, struct arena *texts, struct route *row);

/* --- between import.c, import_rows.c and import_table.c --------------------------------------- */

struct import_column {
    const struct field *field; /* NULL: not stored */
    bool is_id;
};

/* What the head of a table and the query say. */
struct import_table {
    const struct resource *resource;
    size_t n_columns;
    struct import_column columns[CSV_COLUMNS_MAX];
    const struct field *key; /* NULL: by id, or by all values */
    bool by_id;
    json_t *ignored; /* names of columns that are not stored; the arena's */
};

/* Reads the head. ERR_VALIDATION, ERR_BAD_QUERY for a key that is none. */
bool import_head(struct req *req, const struct resource *resource, const struct csv_row *row,
                 struct import_table *table, struct err *err);

/* The cells of a row as a body for validate_body(), owned by the caller: null where a cell is
 * empty, nothing where a field is kept then. A value that is none of its kind stays text, for
 * validation to refuse. */
json_t *import_body(const struct import_table *table, const struct csv_row *row);

/* The text of the row's key; "" when it has none. Borrowed from the row. */
const char *import_key(const struct import_table *table, const struct csv_row *row);

/* Values that a table may hold once, and in which line they were: by hash, so that fifty thousand
 * rows cost a megabyte or two. */
struct import_seen {
    size_t n, room;
    struct import_place {
        uint64_t hash; /* 0: free */
        int64_t line;
        int64_t count;
    } *places;
};

void import_seen_clear(struct import_seen *seen); /* forgets, keeps the memory */
void import_seen_free(void *seen);                /* what it holds, not itself */

/* Notes a value of a field; the place says in which line it first stood, and how often it has been
 * noted with this time. Valid until the next call. */
const struct import_place *import_seen_add(struct import_seen *seen, const char *field,
                                           const void *value, size_t len, int64_t line);

/* One import: a request, its table, and what came of it so far. */
struct import {
    struct req *req;
    struct import_table table;
    struct batch create, patch;
    struct arena *arena; /* of the rows in hand */
    struct import_seen seen;
    int64_t rows, created, updated, unchanged, failed;
    struct err errors; /* of rows, with their lines */
};

/* A row in hand. */
struct import_row {
    int64_t line;
    json_t *body;
    const char *key;   /* "": it has none */
    char *id;          /* of a new record; NULL: any */
    bson_t *set;       /* its values, checked */
    const bson_t *old; /* the record that it is about; NULL: none */
    struct err *err;
    bool same, by_value;
};

/* Says what each row is about and stores it (or asks whether it could be, as the batches say),
 * counting what came of it. False when the database failed. */
bool import_rows(struct import *im, struct import_row *rows, size_t n, struct err *err);

#endif

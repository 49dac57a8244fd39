/* The shape of a table: which column is which field, and what a cell means. */
#include "base.h"
#include "engine/import.h"
#include "core/id.h"
#include "db/own.h"

/* --- the head -------------------------------------------------------------------------------- */

static bool writable(const struct field *f)
{
    return f != NULL && !(f->flags & F_READONLY);
}

/* A name as it stands in a head, without blanks around it. */
static const char *column_name(struct req *req, const struct csv_cell *cell)
{
    const char *text = cell->text;
    size_t len = cell->len;

    while (len > 0 && text[0] == ' ') {
        text++;
        len--;
    }
    while (len > 0 && text[len - 1] == ' ')
        len--;
    return arena_strndup(req->arena, text, len < 80 ? len : 80);
}

static bool add_column(struct req *req, struct import_table *table, const char *name,
                       struct err *err)
{
    struct import_column column = {.field = resource_field(table->resource, name),
                                   .is_id = strcmp(name, "id") == 0};

    if (!writable(column.field))
        column.field = NULL;
    for (size_t i = 0; i < table->n_columns; i++)
        if ((column.field != NULL && table->columns[i].field == column.field) ||
            (column.is_id && table->columns[i].is_id))
            return err_field(err, name, "duplicate", "Two columns have this name");
    if (column.field == NULL && !column.is_id && *name != '\0') {
        if (req->strict)
            err_field(err, name, "unknown", "Is not a field that can be written");
        json_array_append_new(table->ignored, json_string(name));
    }
    table->by_id |= column.is_id;
    table->columns[table->n_columns++] = column;
    return !err_is_set(err);
}

static bool has_column(const struct import_table *table, const struct field *field)
{
    for (size_t i = 0; i < table->n_columns; i++)
        if (table->columns[i].field == field)
            return true;
    return false;
}

/* Keys are texts, and found by an index. */
static bool may_be_key(const struct field *f)
{
    return f != NULL && f->kind <= K_REF && (f->flags & (F_UNIQUE | F_FILTER)) && writable(f) &&
           !(f->flags & F_IMMUTABLE);
}

static bool choose_key(struct import_table *table, const char *asked, struct err *err)
{
    if (asked != NULL && strcmp(asked, "id") == 0) {
        if (table->by_id)
            return true;
        return err_set(err, ERR_BAD_QUERY, "key: the table has no column id");
    }
    if (asked != NULL) {
        table->by_id = false;
        table->key = resource_field(table->resource, asked);
        if (may_be_key(table->key) && has_column(table, table->key))
            return true;
        return err_set(err, ERR_BAD_QUERY,
                       "key: must be a column of a text field that is unique or can be filtered");
    }
    for (const struct field *f = table->resource->fields;
         !table->by_id && table->key == NULL && f->name != NULL; f++)
        if ((f->flags & F_UNIQUE) && may_be_key(f) && has_column(table, f))
            table->key = f;
    return true;
}

bool import_head(struct req *req, const struct resource *resource, const struct csv_row *row,
                 struct import_table *table, struct err *err)
{
    bool any = false;

    *table = (struct import_table){.resource = resource,
                                   .ignored = own_json(req->arena, json_array())};
    if (row->fault != CSV_SOUND)
        return err_field(err, "", "format", "The row of names: %s", csv_fault_text(row->fault));
    for (size_t i = 0; i < row->n; i++)
        add_column(req, table, column_name(req, &row->cells[i]), err);
    for (size_t i = 0; i < table->n_columns; i++)
        any |= table->columns[i].field != NULL;
    if (!any)
        err_field(err, "", "required", "The first row must name the fields; it names none");
    return !err_is_set(err) && choose_key(table, req_query(req, "key"), err);
}

/* --- cells ----------------------------------------------------------------------------------- */

static json_t *text_value(const char *text, size_t len)
{
    text = csv_unguard(text, &len);
    return json_stringn(text, len);
}

/* Digits, with a sign and, when `point`, a fraction. */
static bool number_like(const char *text, bool *point)
{
    size_t digits;

    text += *text == '-';
    digits = strspn(text, "0123456789");
    *point = digits > 0 && text[digits] == '.';
    if (*point)
        text += digits + 1, digits = strspn(text, "0123456789");
    return digits > 0 && digits <= 18 && text[digits] == '\0';
}

static json_t *number_value(const char *text, size_t len)
{
    bool point;

    if (!number_like(text, &point))
        return text_value(text, len);
    return point ? json_real(strtod(text, NULL)) : json_integer(strtoll(text, NULL, 10));
}

static json_t *bool_value(const char *text, size_t len)
{
    static const char *const yes[] = {"true", "1", "yes"}, *const no[] = {"false", "0", "no"};

    for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
        if (strcasecmp(text, yes[i]) == 0)
            return json_true();
        if (strcasecmp(text, no[i]) == 0)
            return json_false();
    }
    return text_value(text, len);
}

static json_t *cell_value(const struct field *field, const struct csv_cell *cell)
{
    json_t *value = NULL;

    switch (field->kind) {
    case K_INT:
    case K_MONEY:
    case K_DECIMAL:
        return number_value(cell->text, cell->len);
    case K_BOOL:
        return bool_value(cell->text, cell->len);
    case K_TEXT_LIST:
    case K_OBJECT:
    case K_ROWS:
        value = json_loadb(cell->text, cell->len, JSON_REJECT_DUPLICATES, NULL);
        break;
    default:
        break;
    }
    return value != NULL ? value : text_value(cell->text, cell->len);
}

json_t *import_body(const struct import_table *table, const struct csv_row *row)
{
    json_t *body = json_object();

    for (size_t i = 0; i < row->n && i < table->n_columns; i++) {
        const struct field *f = table->columns[i].field;

        if (f == NULL || (row->cells[i].len == 0 && (f->flags & F_KEEP)))
            continue;
        json_object_set_new(body, f->name,
                            row->cells[i].len > 0 ? cell_value(f, &row->cells[i]) : json_null());
    }
    return body;
}

const char *import_key(const struct import_table *table, const struct csv_row *row)
{
    for (size_t i = 0; i < row->n && i < table->n_columns; i++)
        if (table->by_id ? table->columns[i].is_id
                         : table->key != NULL && table->columns[i].field == table->key) {
            size_t len = row->cells[i].len;

            return csv_unguard(row->cells[i].text, &len);
        }
    return "";
}

/* --- what was there before in the table ------------------------------------------------------- */

static struct import_place *seen_find(struct import_seen *seen, uint64_t hash)
{
    size_t i = hash & (seen->room - 1);

    while (seen->places[i].hash != 0 && seen->places[i].hash != hash)
        i = (i + 1) & (seen->room - 1);
    return &seen->places[i];
}

static void seen_grow(struct import_seen *seen)
{
    struct import_seen more = {.n = seen->n, .room = seen->room ? seen->room * 2 : 4096};

    more.places = calloc(more.room, sizeof(*more.places));
    if (more.places == NULL)
        die("out of memory");
    for (size_t i = 0; i < seen->room; i++)
        if (seen->places[i].hash != 0)
            *seen_find(&more, seen->places[i].hash) = seen->places[i];
    free(seen->places);
    *seen = more;
}

const struct import_place *import_seen_add(struct import_seen *seen, const char *field,
                                           const void *value, size_t len, int64_t line)
{
    uint64_t hash = (hash64(field, strlen(field)) * 31 + hash64(value, len)) | 1;
    struct import_place *place;

    if (2 * seen->n >= seen->room)
        seen_grow(seen);
    place = seen_find(seen, hash);
    if (place->hash == 0) {
        *place = (struct import_place){.hash = hash, .line = line};
        seen->n++;
    }
    place->count++;
    return place;
}

void import_seen_clear(struct import_seen *seen)
{
    if (seen->room > 0)
        memset(seen->places, 0, seen->room * sizeof(*seen->places));
    seen->n = 0;
}

void import_seen_free(void *data)
{
    struct import_seen *seen = data;

    free(seen->places);
    *seen = (struct import_seen){.n = 0};
}

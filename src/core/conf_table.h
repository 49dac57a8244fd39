/* The settings table, shared by the loader and the printers; nobody else needs it. */
#ifndef ERP_CORE_CONF_TABLE_H
#define ERP_CORE_CONF_TABLE_H

#include "base.h"

enum conf_kind {
    CONF_STRING,
    CONF_SECRET,   /* min: bytes of a value, max: how many values, split at white space when > 1 */
    CONF_URL,      /* mongodb:// or mongodb+srv:// */
    CONF_LINK,     /* http:// or https://, or empty */
    CONF_ORIGINS,  /* http(s)://host[:port], separated by spaces, or empty */
    CONF_DB_NAME,  /* name of a database */
    CONF_CURRENCY, /* a code that currency_decimals knows */
    CONF_ENUM,     /* one of `choices` */
    CONF_BOOL,
    CONF_INT,
    CONF_SECONDS,
    CONF_BYTES,
};

struct conf_row {
    const char *name; /* of the environment variable */
    enum conf_kind kind;
    bool required;
    const char *text;     /* the default; NULL = none */
    const char *fallback; /* the setting whose value stands in when this one is absent */
    const char *choices;  /* of an enum, each followed by a space */
    int64_t min, max;
    size_t offset; /* in struct conf: char *, bool or int64_t by the kind */
    const char *help;
};

extern const struct conf_row conf_table[];
extern const size_t conf_table_rows;

/* Secret kinds may come from a file, and leave the environment once they are read. */
static inline bool conf_is_secret(const struct conf_row *row)
{
    return row->kind == CONF_SECRET || row->kind == CONF_URL;
}

/* True when the value is text of ours, a char * in struct conf. */
static inline bool conf_is_text(const struct conf_row *row)
{
    return row->kind < CONF_BOOL;
}

#endif

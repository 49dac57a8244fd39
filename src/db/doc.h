/* Members of documents, read and written as the kinds that they nearly always are.
 *
 * Readers take a dotted path ("old.status"); what is absent, or of another type, is as if it were
 * not there. Texts are borrowed from the document.
 */
#ifndef ERP_DB_DOC_H
#define ERP_DB_DOC_H

#include <mongoc/mongoc.h>
#include "core/money.h"

/* The member itself; false when there is none. `doc` may be NULL: nothing is there. */
bool doc_at(const bson_t *doc, const char *path, bson_iter_t *out);

const char *doc_text(const bson_t *doc, const char *path); /* NULL: none */
const char *doc_said(const bson_t *doc, const char *path); /* NULL: none, or nothing but blanks */
bool doc_bool(const bson_t *doc, const char *path);        /* false: none */
/* An instant in milliseconds since 1970. */
bool doc_instant(const bson_t *doc, const char *path, int64_t *ms);
/* A whole number, whatever width it is stored in; `absent` when there is none. */
int64_t doc_int(const bson_t *doc, const char *path, int64_t absent);

/* An amount in minor units of a currency with `decimals`; `absent` when there is none. */
money_t doc_money(const bson_t *doc, const char *path, int decimals, money_t absent);
/* The same; false, and *out as it was, when there is none. */
bool doc_get_money(const bson_t *doc, const char *path, int decimals, money_t *out);

/* NULL appends nothing. */
void doc_append_text(bson_t *doc, const char *key, const char *text);
/* NULL appends null. */
void doc_append_text_or_null(bson_t *doc, const char *key, const char *text);
bool doc_append_money(bson_t *doc, const char *key, money_t amount, int decimals);
/* created_at and updated_at, now. */
void doc_append_dates(bson_t *doc);

#endif

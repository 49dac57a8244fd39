/* Calendar months where the business is: the database has the rules of every time zone, so it does
 * the arithmetic. */
#include "base.h"
#include "trade/warranty_priv.h"
#include "db/doc.h"
#include "db/own.h"
#include "trade/zone.h"

#define MONTHS_MAX 1200

static void append_zone(bson_t *doc, const char *key)
{
    BCON_APPEND(doc, key, "{", "$ifNull", "[", "{", "$first", "$" WITH_SETTINGS "." ZONE_FIELD, "}",
                ZONE_USUAL, "]", "}");
}

static void append_start(const struct term_ask *ask, bson_t *doc, const char *key)
{
    bson_t outer, inner;

    if (ask->start_day != NULL) {
        BSON_APPEND_DOCUMENT_BEGIN(doc, key, &outer);
        BSON_APPEND_DOCUMENT_BEGIN(&outer, "$dateFromString", &inner);
        BSON_APPEND_UTF8(&inner, "dateString", ask->start_day); /* digits and hyphens: no path */
        append_zone(&inner, "timezone");
        bson_append_document_end(&outer, &inner);
        bson_append_document_end(doc, &outer);
    } else if (ask->start != 0) {
        bson_append_date_time(doc, key, -1, ask->start);
    } else {
        bson_append_utf8(doc, key, -1, "$$NOW", -1);
    }
}

static void append_months(const struct term_ask *ask, bson_t *doc, const char *key)
{
    if (ask->months_path != NULL)
        bson_append_utf8(doc, key, -1, ask->months_path, -1);
    else
        bson_append_int32(doc, key, -1, ask->months);
}

/* A whole number from 1 to MONTHS_MAX; records of earlier systems hold anything. */
static void append_has_months(const struct term_ask *ask, bson_t *doc)
{
    static const char *const ops[] = {"$gte", "$lte"};
    bson_t and, list, one, pair;
    char key[12];

    BSON_APPEND_DOCUMENT_BEGIN(doc, "if", &and);
    BSON_APPEND_ARRAY_BEGIN(&and, "$and", &list);
    BSON_APPEND_DOCUMENT_BEGIN(&list, "0", &one);
    append_months(ask, &one, "$isNumber");
    bson_append_document_end(&list, &one);
    for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
        snprintf(key, sizeof key, "%zu", i + 1);
        BSON_APPEND_DOCUMENT_BEGIN(&list, key, &one);
        BSON_APPEND_ARRAY_BEGIN(&one, ops[i], &pair);
        append_months(ask, &pair, "0");
        BSON_APPEND_INT32(&pair, "1", i == 0 ? 1 : MONTHS_MAX);
        bson_append_array_end(&one, &pair);
        bson_append_document_end(&list, &one);
    }
    bson_append_array_end(&and, &list);
    bson_append_document_end(doc, &and);
}

static void append_whole_months(const struct term_ask *ask, bson_t *doc, const char *key)
{
    bson_t child;

    BSON_APPEND_DOCUMENT_BEGIN(doc, key, &child);
    append_months(ask, &child, "$toInt");
    bson_append_document_end(doc, &child);
}

static void append_dates(const struct term_ask *ask, bson_t *doc)
{
    bson_t member, op;

    append_start(ask, doc, "start");
    append_whole_months(ask, doc, "months");
    BSON_APPEND_DOCUMENT_BEGIN(doc, "expiry", &member);
    BSON_APPEND_DOCUMENT_BEGIN(&member, "$dateAdd", &op);
    append_start(ask, &op, "startDate");
    BSON_APPEND_UTF8(&op, "unit", "month");
    append_whole_months(ask, &op, "amount");
    append_zone(&op, "timezone");
    bson_append_document_end(&member, &op);
    bson_append_document_end(doc, &member);
    BSON_APPEND_DOCUMENT_BEGIN(doc, "year", &member);
    BSON_APPEND_DOCUMENT_BEGIN(&member, "$year", &op);
    append_start(ask, &op, "date");
    append_zone(&op, "timezone");
    bson_append_document_end(&member, &op);
    bson_append_document_end(doc, &member);
}

void term_append(const struct term_ask *ask, bson_t *set)
{
    bson_t member, cond, then;

    BSON_APPEND_DOCUMENT_BEGIN(set, WITH_TERM, &member);
    BSON_APPEND_DOCUMENT_BEGIN(&member, "$cond", &cond);
    append_has_months(ask, &cond);
    BSON_APPEND_DOCUMENT_BEGIN(&cond, "then", &then);
    append_dates(ask, &then);
    bson_append_document_end(&cond, &then);
    BSON_APPEND_NULL(&cond, "else");
    bson_append_document_end(&member, &cond);
    bson_append_document_end(set, &member);
}

static const bson_t *pipeline_of(struct scope *scope, const bson_t *filter,
                                 const struct term_ask *ask)
{
    bson_t *stages = own_bson(scope->arena), *mine = own_bson(scope->arena);
    bson_t *set = own_bson(scope->arena);

    scope_filter(scope, NULL, mine);
    term_append(ask, set);
    BCON_APPEND(stages, "0", "{", "$match", BCON_DOCUMENT(filter), "}",
                "1", "{", "$limit", BCON_INT32(1), "}",
                "2", "{", "$lookup", "{", "from", "settings", "pipeline", "[",
                "{", "$match", BCON_DOCUMENT(mine), "}", "{", "$limit", BCON_INT32(1), "}", "]",
                "as", WITH_SETTINGS, "}", "}",
                "3", "{", "$set", BCON_DOCUMENT(set), "}");
    return stages;
}

bool term_read(struct scope *scope, const char *collection, const bson_t *filter,
               const struct term_ask *ask, const bson_t **doc, struct err *err)
{
    mongoc_cursor_t *cursor =
        scope_aggregate(scope, collection, pipeline_of(scope, filter, ask), NULL);
    const bson_t *found;

    if (!scope_next(scope, cursor, &found, err))
        return false;
    *doc = found ? own_bson_copy(scope->arena, bson_get_data(found), found->len) : NULL;
    return true;
}

bool term_of(const bson_t *doc, struct warranty_term *term)
{
    *term = (struct warranty_term){.months = doc_int(doc, WITH_TERM ".months", 0),
                                   .year = (int)doc_int(doc, WITH_TERM ".year", 0)};
    return doc_instant(doc, WITH_TERM ".start", &term->start) &&
           doc_instant(doc, WITH_TERM ".expiry", &term->expiry) && term->months > 0;
}

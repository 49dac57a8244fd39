#include "base.h"
#include "db/doc.h"

#include "core/clock.h"
#include "db/decimal.h"

bool doc_at(const bson_t *doc, const char *path, bson_iter_t *out)
{
    bson_iter_t it;

    return doc && bson_iter_init(&it, doc) && bson_iter_find_descendant(&it, path, out);
}

const char *doc_text(const bson_t *doc, const char *path)
{
    bson_iter_t it;

    return doc_at(doc, path, &it) && BSON_ITER_HOLDS_UTF8(&it) ? bson_iter_utf8(&it, NULL) : NULL;
}

const char *doc_said(const bson_t *doc, const char *path)
{
    const char *text = doc_text(doc, path);

    return text && text[strspn(text, " ")] ? text : NULL;
}

bool doc_bool(const bson_t *doc, const char *path)
{
    bson_iter_t it;

    return doc_at(doc, path, &it) && BSON_ITER_HOLDS_BOOL(&it) && bson_iter_bool(&it);
}

bool doc_instant(const bson_t *doc, const char *path, int64_t *ms)
{
    bson_iter_t it;

    if (!doc_at(doc, path, &it) || !BSON_ITER_HOLDS_DATE_TIME(&it))
        return false;
    *ms = bson_iter_date_time(&it);
    return true;
}

int64_t doc_int(const bson_t *doc, const char *path, int64_t absent)
{
    bson_iter_t it;

    return doc_at(doc, path, &it) && BSON_ITER_HOLDS_INT(&it) ? bson_iter_as_int64(&it) : absent;
}

money_t doc_money(const bson_t *doc, const char *path, int decimals, money_t absent)
{
    money_t amount;

    return doc_get_money(doc, path, decimals, &amount) ? amount : absent;
}

bool doc_get_money(const bson_t *doc, const char *path, int decimals, money_t *out)
{
    bson_iter_t it;

    return doc_at(doc, path, &it) && decimal_to_money(&it, decimals, out);
}

void doc_append_text(bson_t *doc, const char *key, const char *text)
{
    if (text)
        bson_append_utf8(doc, key, -1, text, -1);
}

void doc_append_text_or_null(bson_t *doc, const char *key, const char *text)
{
    if (text)
        bson_append_utf8(doc, key, -1, text, -1);
    else
        bson_append_null(doc, key, -1);
}

bool doc_append_money(bson_t *doc, const char *key, money_t amount, int decimals)
{
    bson_decimal128_t d;

    decimal_from_money(&d, amount, decimals);
    return bson_append_decimal128(doc, key, -1, &d);
}

void doc_append_dates(bson_t *doc)
{
    int64_t now = clock_ms();

    BSON_APPEND_DATE_TIME(doc, "created_at", now);
    BSON_APPEND_DATE_TIME(doc, "updated_at", now);
}

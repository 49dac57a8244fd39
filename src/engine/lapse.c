/* What the clock makes of a stored state. */
#include "base.h"
#include "engine/lapse.h"

const char *lapse_state(const struct lapse *lapse, const bson_t *record, int64_t now_ms)
{
    const char *stored = doc_text(record, lapse->field);
    int64_t until;

    if (stored == NULL)
        stored = lapse->from;
    return strcmp(stored, lapse->from) == 0 && doc_instant(record, lapse->until, &until) &&
                   until < now_ms
               ? lapse->to
               : stored;
}

bool lapse_append(const struct lapse *lapse, const char *state, int64_t now_ms, bson_t *filter,
                  bson_t *when)
{
    bool over = strcmp(state, lapse->to) == 0;
    bson_t child, inner;

    if (!over && strcmp(state, lapse->from) != 0)
        return false;
    bson_append_utf8(filter, lapse->field, -1, lapse->from, -1);
    bson_append_document_begin(when, lapse->until, -1, &child);
    if (over) {
        BSON_APPEND_DATE_TIME(&child, "$lt", now_ms);
    } else { /* also where it is no date */
        BSON_APPEND_DOCUMENT_BEGIN(&child, "$not", &inner);
        BSON_APPEND_DATE_TIME(&inner, "$lt", now_ms);
        bson_append_document_end(&child, &inner);
    }
    return bson_append_document_end(when, &child);
}

/* The check of a time zone's name: the database is asked to use it. */
#include "base.h"
#include "trade/zone.h"
#include "db/doc.h"
#include "db/own.h"

/* An offset ("+06:00") is understood by the database too, but knows of no summer time. */
static bool looks_like_name(const char *zone)
{
    if (!isalpha((unsigned char)*zone))
        return false;
    while (isalnum((unsigned char)*zone) || (*zone != '\0' && strchr("/_+-", *zone) != NULL))
        zone++;
    return *zone == '\0';
}

static bool refuse(struct err *err)
{
    err_clear(err);
    return err_field(err, ZONE_FIELD, "format", "Must be the name of a time zone, as in \"%s\"",
                     ZONE_USUAL);
}

/* The settings that were just written, in their transaction: what is their hour now? */
static bool try_zone(struct scope *scope, const char *id, struct err *err)
{
    bson_t *match = own_bson(scope->arena), *stages = own_bson(scope->arena);
    const bson_t *doc;

    scope_filter(scope, NULL, match);
    BSON_APPEND_UTF8(match, "id", id);
    BCON_APPEND(stages, "0", "{", "$match", BCON_DOCUMENT(match), "}", "1", "{", "$project", "{",
                "hour", "{", "$hour", "{", "date", "$$NOW", "timezone", "$" ZONE_FIELD, "}", "}",
                "}", "}");
    return scope_next(scope, scope_aggregate(scope, "settings", stages, NULL), &doc, err);
}

bool zone_written(struct scope *scope, const struct written *records, size_t n, struct err *err)
{
    for (size_t i = 0; i < n; i++) {
        const char *zone = doc_text(records[i].after, ZONE_FIELD);
        const char *before = doc_text(records[i].before, ZONE_FIELD);

        if (zone == NULL || strcmp(zone, ZONE_USUAL) == 0 ||
            (before != NULL && strcmp(zone, before) == 0))
            continue;
        if (!looks_like_name(zone))
            return refuse(err);
        if (!try_zone(scope, doc_text(records[i].after, "id"), err))
            return err->code == ERR_VALIDATION ? refuse(err) : false;
    }
    return true;
}

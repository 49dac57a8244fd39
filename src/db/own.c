/* Documents handed to an arena. */
#include "base.h"
#include "db/own.h"

static void destroy(void *data)
{
    bson_destroy(data);
}

bson_t *own_bson(struct arena *arena)
{
    bson_t *doc = bson_new();

    arena_defer(arena, destroy, doc);
    return doc;
}

bson_t *own_bson_copy(struct arena *arena, const uint8_t *bytes, size_t len)
{
    bson_t *doc = bson_new_from_data(bytes, len);

    if (doc != NULL)
        arena_defer(arena, destroy, doc);
    return doc;
}

static void drop(void *value)
{
    json_decref(value);
}

json_t *own_json(struct arena *arena, json_t *value)
{
    arena_defer(arena, drop, value);
    return value;
}

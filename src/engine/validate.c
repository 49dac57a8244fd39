/* Checks a body against a descriptor. What is not in the descriptor never reaches the database. */
#include "base.h"
#include "engine/validate.h"
#include "db/json_bson.h"
#include "db/own.h"

#define WORDS_MAX     32
#define WORD_MAX      64
#define IGNORED_MAX   1000
#define IGNORED_NAMES 40

struct checker {
    const struct resource *resource;
    enum validate_mode mode;
    const struct kind_env *env;
    struct arena *arena;
    struct validated *out;
    struct err *err;
};

/* Replaces the default of a field that was not sent, or sent as null. */
static bool store_default(struct checker *c, const struct field *f)
{
    json_auto_t *value = NULL;

    if (f->def == NULL)
        return c->mode == VALIDATE_CREATE || bson_append_null(c->out->set, f->name, -1);
    value = json_loads(f->def, JSON_DECODE_ANY, NULL);
    return kind_of(f)->store(c->env, f, f->name, value, c->out->set, c->err);
}

static bool check_field(struct checker *c, const struct field *f, json_t *value)
{
    bool sent = value != NULL && !json_is_null(value);

    if (f->flags & F_VIRTUAL)
        return true;
    if (f->flags & F_READONLY)
        return c->mode != VALIDATE_CREATE || f->def == NULL || store_default(c, f);
    if ((f->flags & F_IMMUTABLE) && c->mode != VALIDATE_CREATE)
        return true;
    if (sent) {
        c->out->n_fields++;
        return kind_of(f)->store(c->env, f, f->name, value, c->out->set, c->err);
    }
    if (value == NULL && (c->mode == VALIDATE_PATCH ||
                          (c->mode == VALIDATE_REPLACE && (f->flags & F_KEEP))))
        return true;
    if (f->flags & F_REQUIRED)
        return err_field(c->err, f->name, "required", "Is required");
    c->out->n_fields += value != NULL;
    return store_default(c, f);
}

static bool writable(const struct checker *c, const char *name)
{
    const struct field *f = resource_field(c->resource, name);

    return f != NULL && !(f->flags & F_READONLY) &&
           !((f->flags & F_IMMUTABLE) && c->mode != VALIDATE_CREATE);
}

static bool header_safe(const char *name)
{
    size_t len = strlen(name);

    return len > 0 && len <= 64 &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == len;
}

/* Names what will not be stored; a name that could not stand in a header is shown as "?". */
static void check_keys(struct checker *c, json_t *body, bool strict)
{
    char list[IGNORED_MAX + 80];
    size_t used = 0, count = 0;
    const char *name;
    json_t *value;

    json_object_foreach (body, name, value) {
        char path[80];

        snprintf(path, sizeof(path), "%s", name);
        if (writable(c, name))
            continue;
        if (name[0] != '\0' && !json_bson_key_ok(name, path, c->err))
            continue;
        if (strict)
            err_field(c->err, path, "unknown", "Is not a field that can be written");
        if (used < IGNORED_MAX && count++ < IGNORED_NAMES)
            used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s", used ? ", " : "",
                                     header_safe(name) ? name : "?");
    }
    c->out->ignored = used > 0 ? arena_strndup(c->arena, list, used) : NULL;
}

bool validate_body(const struct resource *resource, enum validate_mode mode,
                   const struct kind_env *env, json_t *body, bool strict, struct arena *arena,
                   struct validated *out, struct err *err)
{
    struct checker c = {resource, mode, env, arena, out, err};

    out->ignored = NULL;
    out->n_fields = 0;
    out->set = own_bson(arena);
    if (!json_is_object(body))
        return err_field(err, "", "type", "Must be a JSON object");
    check_keys(&c, body, strict);
    for (const struct field *f = resource->fields; f->name != NULL; f++)
        check_field(&c, f, json_object_get(body, f->name));
    return !err_is_set(err);
}

/* --- search words ---------------------------------------------------------------------------- */

struct words {
    char text[WORDS_MAX][WORD_MAX + 1];
    size_t n;
};

static void add_word(struct words *words, const char *word, size_t len)
{
    char *slot = words->text[words->n];

    if (len > WORD_MAX) {
        len = WORD_MAX;
        while (len > 0 && ((unsigned char)word[len] & 0xc0) == 0x80)
            len--;
    }
    memcpy(slot, word, len);
    slot[len] = '\0';
    kind_fold(slot);
    for (size_t i = 0; i < words->n; i++)
        if (strcmp(words->text[i], slot) == 0)
            return;
    words->n++;
}

static void add_words(struct words *words, const char *text)
{
    while (*text != '\0' && words->n < WORDS_MAX) {
        size_t len = strcspn(text, " ");

        if (len > 0)
            add_word(words, text, len);
        text += len;
        text += strspn(text, " ");
    }
}

void validate_append_words(const struct resource *resource, const bson_t *set, const bson_t *old,
                           bson_t *out)
{
    struct words words = {.n = 0};
    bson_t array;
    bool searched = false;

    for (const struct field *f = resource->fields; f->name != NULL; f++) {
        bson_iter_t it;

        if (!(f->flags & F_SEARCH))
            continue;
        searched = true;
        if (!bson_iter_init_find(&it, set, f->name) &&
            (old == NULL || !bson_iter_init_find(&it, old, f->name)))
            continue;
        if (BSON_ITER_HOLDS_UTF8(&it))
            add_words(&words, bson_iter_utf8(&it, NULL));
    }
    if (!searched)
        return;
    bson_append_array_begin(out, FIELD_WORDS, -1, &array);
    for (size_t i = 0; i < words.n; i++) {
        char key[24];

        snprintf(key, sizeof(key), "%zu", i);
        bson_append_utf8(&array, key, -1, words.text[i], -1);
    }
    bson_append_array_end(out, &array);
}

/* What strangers send, mangled: forms, tables and JSON that were sound are cut, doubled, mixed and
 * sprinkled, always in the same way (fixed seeds), and given to the readers in pieces and whole.
 * Both must agree, nothing may be read beyond the end (the sanitizers see that), and what is taken
 * must come back as it was. Prints the seed of a case that fails. */
#include "base.h"
#include <setjmp.h>
#include <cmocka.h>
#include "core/str.h"
#include "db/bson_json.h"
#include "db/json_bson.h"
#include "engine/csv.h"
#include "http/multipart.h"

#define CASES    20000 /* of each kind */
#define TEXT_MAX 2048

struct text {
    char p[TEXT_MAX];
    size_t len;
};

/* ---- chance, always the same ---- */

static uint64_t state;

static uint64_t chance(void)
{
    uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static size_t below(size_t n)
{
    return n ? (size_t)(chance() % n) : 0;
}

/* ---- mangling ---- */

static void replace(struct text *t, size_t at, size_t gone, const char *with, size_t len)
{
    if (t->len - gone + len > TEXT_MAX)
        return;
    memmove(t->p + at + len, t->p + at + gone, t->len - at - gone);
    memmove(t->p + at, with, len);
    t->len += len - gone;
}

static void mangle_once(struct text *t, const char *const *words, size_t n_words)
{
    size_t at = below(t->len + 1), n = below(t->len - at + 1), word = below(n_words);
    char copy[TEXT_MAX], byte = (char)chance();

    switch (below(6)) {
    case 0:
        replace(t, at, n < 8 ? n : below(8), "", 0);
        break;
    case 1: /* doubled */
        n = n < 64 ? n : below(64);
        memcpy(copy, t->p + at, n);
        replace(t, at, 0, copy, n);
        break;
    case 2:
        replace(t, at, at < t->len, &byte, 1);
        break;
    case 3:
        t->len = below(4) ? t->len : at;
        break;
    default:
        replace(t, at, 0, words[word], strlen(words[word]));
    }
}

static void mangle(struct text *t, uint64_t seed, const char *const *sound, size_t n_sound,
                   const char *const *words, size_t n_words)
{
    const char *from;

    state = seed;
    from = sound[below(n_sound)];
    t->len = strlen(from);
    memcpy(t->p, from, t->len);
    for (size_t n = below(8); n > 0; n--)
        mangle_once(t, words, n_words);
}

/* Exactly those bytes, so that a look beyond them is seen. */
static char *exact(const char *bytes, size_t len)
{
    char *copy = malloc(len ? len : 1);

    assert_non_null(copy);
    memcpy(copy, bytes, len);
    return copy;
}

static void agree(const char *kind, uint64_t seed, const struct str *a, const struct str *b)
{
    if (a->len == b->len && memcmp(a->p, b->p, a->len) == 0)
        return;
    fail_msg("%s, seed %" PRIu64 ": whole and in pieces differ:\n%.300s\n%.300s", kind, seed, a->p,
             b->p);
}

/* ---- forms ---- */

static const struct multipart_limits limits = {.parts = 4, .header = 200, .field = 60, .file = 90};

static bool form_step(struct multipart *m, struct str *out, enum multipart_event event,
                      const struct err *err)
{
    switch (event) {
    case MULTIPART_PART:
        str_addf(out, "[%s|%s|%s]", m->name, m->filename, m->type);
        return true;
    case MULTIPART_DATA:
        str_add(out, m->data, m->data_len);
        return true;
    case MULTIPART_PART_ENDS:
        str_addz(out, "$");
        return true;
    case MULTIPART_BAD:
        assert_true(err_is_set(err));
        str_clear(out); /* how much came before it is known to be bad may differ */
        str_addz(out, "BAD");
        return false;
    case MULTIPART_ENDS:
        str_addz(out, "END");
        return false;
    default:
        str_clear(out);
        str_addz(out, "MORE");
        return false;
    }
}

static void read_form(const struct text *t, size_t step, struct str *out)
{
    size_t from = 0, to = 0, used;
    enum multipart_event event;
    struct multipart m;
    struct err err;
    bool on = true;

    err_init(&err);
    str_clear(out);
    multipart_init(&m, "XX", &limits);
    while (on) {
        char *copy = exact(t->p + from, to - from);

        event = multipart_next(&m, copy, to - from, &used, &err);
        assert_true(used <= to - from);
        from += used;
        if (event == MULTIPART_MORE && to < t->len)
            to = t->len - to < step ? t->len : to + step;
        else
            on = form_step(&m, out, event, &err);
        free(copy);
    }
    err_release(&err);
}

static void forms(void **unused ERP_UNUSED)
{
    static const char *const sound[] = {
        "--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--XX--\r\n",
        "--XX\r\nContent-Disposition: form-data; name=\"items\"\r\n\r\n[{\"x\":1}]\r\n--XX\r\n"
        "Content-Disposition: form-data; name=\"f\"; filename=\"C:\\\\b.pdf\"\r\n"
        "Content-Type: application/pdf\r\n\r\n%PDF-1.7 \r\n--X \r\n--XX--",
    };
    static const char *const words[] = {"\r\n", "--XX", "\r\n--XX", "--XX--", "\r\n\r\n",
                                        "--",   "\r",   "\"",       "\\",     ";",
                                        "\n",   "X",    "name=",    ": ",     "filename=\""};
    struct arena *arena = arena_new(1 << 20);
    struct multipart_form form;
    struct str whole, pieces;
    struct text t;
    struct err err;

    str_init(&whole);
    str_init(&pieces);
    err_init(&err);
    for (uint64_t seed = 1; seed <= CASES; seed++) {
        char *copy;

        mangle(&t, seed, sound, ARRAY_LEN(sound), words, ARRAY_LEN(words));
        read_form(&t, t.len + 1, &whole);
        read_form(&t, 1 + below(7), &pieces);
        agree("form", seed, &whole, &pieces);
        copy = exact(t.p, t.len);
        if (multipart_read("multipart/form-data; boundary=XX", copy, t.len, &limits, arena, &form,
                           &err))
            for (size_t i = 0; i < form.n; i++)
                assert_true(form.parts[i].len == 0 ||
                            (form.parts[i].bytes >= copy &&
                             form.parts[i].bytes + form.parts[i].len <= copy + t.len));
        else
            assert_true(err_is_set(&err));
        err_clear(&err);
        arena_reset(arena);
        free(copy);
    }
    err_release(&err);
    str_release(&whole);
    str_release(&pieces);
    arena_free(arena);
}

/* ---- tables ---- */

static void read_table(const char *bytes, size_t len, size_t step, bool unguard, struct str *out)
{
    struct csv_reader *reader = csv_reader_new();
    struct csv_row *row = calloc(1, sizeof *row);
    enum csv_result result = CSV_MORE;
    size_t fed = 0;

    assert_non_null(row);
    str_clear(out);
    while (result != CSV_END) {
        size_t n = len - fed < step ? len - fed : step;
        char *copy = exact(bytes + fed, n);

        fed += n;
        csv_feed(reader, copy, n, fed == len);
        while ((result = csv_next(reader, row)) == CSV_ROW) {
            str_addf(out, "\n%" PRId64 "!%d", row->line, (int)row->fault);
            for (size_t i = 0; row->fault == CSV_SOUND && i < row->n; i++) {
                size_t cell = row->cells[i].len;
                const char *text = row->cells[i].text;

                text = unguard ? csv_unguard(text, &cell) : text;
                str_addz(out, "<");
                str_add(out, text, cell);
            }
        }
        free(copy);
    }
    free(row);
    csv_reader_free(reader);
}

static void tables(void **unused ERP_UNUSED)
{
    static const char *const sound[] = {"name,price\nRice,2.5\n\"Oil, \"\"raw\"\"\",4\r\n",
                                        "\xef\xbb\xbf" "a;b\r\"x\ny\",'=1\r",
                                        "\xe0\xa6\x9a\xe0\xa6\xbe\xe0\xa6\xb2,\xf0\x9f\x8d\x9a\n"};
    static const char *const words[] = {"\"", "\"\"", ",", "\n", "\r\n", "\r", "=", "'", "@",
                                        "\xc3", "\xef\xbb\xbf", "\xed\xa0\x80", "\t"};
    struct str whole, pieces;
    struct text t;

    str_init(&whole);
    str_init(&pieces);
    for (uint64_t seed = 1; seed <= CASES; seed++) {
        mangle(&t, seed, sound, ARRAY_LEN(sound), words, ARRAY_LEN(words));
        read_table(t.p, t.len, t.len + 1, false, &whole);
        read_table(t.p, t.len, 1 + below(5), false, &pieces);
        agree("table", seed, &whole, &pieces);
    }
    str_release(&whole);
    str_release(&pieces);
}

/* Any text that is written as a cell is read as it was. */
static void cells(void **unused ERP_UNUSED)
{
    static const char *const sound[] = {"=1+1", "plain", "a \"b\", c",
                                        "'=x",  "+-5",   "\xe0\xa6\x9a"};
    static const char *const words[] = {"\"", "'", "=", ",", "\n", "\r", "\t", "@", "\xe0\xa6\x9a"};
    struct str line, got, want;
    struct text t;

    str_init(&line);
    str_init(&got);
    str_init(&want);
    for (uint64_t seed = 1; seed <= CASES; seed++) {
        mangle(&t, seed, sound, ARRAY_LEN(sound), words, ARRAY_LEN(words));
        if (!bson_utf8_validate(t.p, t.len, false))
            continue;
        str_clear(&line);
        str_clear(&want);
        str_addz(&line, "x,");
        csv_add_text(&line, t.p, t.len);
        str_addz(&line, "\r\n");
        str_addz(&want, "\n1!0<x<");
        str_add(&want, t.p, t.len);
        read_table(line.p, line.len, 1 + below(9), true, &got);
        agree("cell", seed, &want, &got);
    }
    str_release(&line);
    str_release(&got);
    str_release(&want);
}

/* ---- JSON ---- */

/* What is taken is BSON as the driver wants it, and JSON again; whole numbers and texts are the
 * same. */
static void check_taken(const json_t *value, const bson_t *doc, bool fractions, uint64_t seed)
{
    bson_iter_t it;
    json_t *again;
    struct str text;

    str_init(&text);
    assert_true(bson_validate(doc, BSON_VALIDATE_UTF8 | BSON_VALIDATE_DOLLAR_KEYS |
                                       BSON_VALIDATE_DOT_KEYS, NULL));
    assert_true(bson_iter_init_find(&it, doc, "free"));
    bson_json_value(&it, &text);
    again = json_loadb(text.p, text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
    if (!again || (!fractions && !json_equal(value, again)))
        fail_msg("JSON, seed %" PRIu64 ": %.300s", seed, text.p);
    json_decref(again);
    str_release(&text);
}

static void json(void **unused ERP_UNUSED)
{
    static const char *const sound[] = {
        "{\"a\":1,\"b\":[true,false,null,\"x\"],\"c\":{\"d\":-9223372036854775808}}",
        "[\"\\u09a6\\ud83c\\udf5a\",{\"k\":\"\\\"\\\\\\/\"},12,[[[0]]]]",
        "{\"price\":2.50,\"n\":1e3}"};
    static const char *const words[] = {
        "{", "}",    "[",     "]",  "\"",  ",",   ":",         "\\u0000",    "\\ud800", "$",
        ".", "null", "1e999", "-0", "\xff", "[[", "\"$set\":", "\"a.b\":", "\"\":",   "0.1"};
    struct err err;
    struct text t;
    size_t taken = 0;

    err_init(&err);
    for (uint64_t seed = 1; seed <= CASES; seed++) {
        bson_t doc = BSON_INITIALIZER;
        json_t *value;
        char *copy;

        mangle(&t, seed, sound, ARRAY_LEN(sound), words, ARRAY_LEN(words));
        copy = exact(t.p, t.len);
        value = json_loadb(copy, t.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
        if (value && json_bson_append(&doc, "free", value, "free", &err)) {
            check_taken(value, &doc, memchr(t.p, '.', t.len) || memchr(t.p, 'e', t.len) ||
                                         memchr(t.p, 'E', t.len), seed);
            taken++;
        } else if (value) {
            assert_true(err_is_set(&err));
        }
        err_clear(&err);
        json_decref(value);
        bson_destroy(&doc);
        free(copy);
    }
    assert_in_range(taken, CASES / 20, CASES); /* the sound ones at least */
    err_release(&err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(forms), cmocka_unit_test(tables),
                                       cmocka_unit_test(cells), cmocka_unit_test(json)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}

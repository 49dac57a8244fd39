/* One row a kind. To add one: its bit in filetype.h, its row here, its case in filetype_test.c. */
#include "base.h"
#include "core/filetype.h"

static const struct {
    enum file_kind kind;
    const char *label, *ext, *type;
    const char *magic;
    size_t magic_len;
    const char *more; /* what must stand at byte 8; NULL: nothing */
} kinds[] = {
    {FILE_JPEG, "JPEG", "jpg", "image/jpeg", "\xff\xd8\xff", 3, NULL},
    {FILE_PNG, "PNG", "png", "image/png", "\x89PNG\r\n\x1a\n", 8, NULL},
    {FILE_GIF, "GIF", "gif", "image/gif", "GIF87a", 6, NULL},
    {FILE_GIF, "GIF", "gif", "image/gif", "GIF89a", 6, NULL},
    {FILE_WEBP, "WebP", "webp", "image/webp", "RIFF", 4, "WEBP"},
    {FILE_ICO, "ICO", "ico", "image/x-icon", "\0\0\1\0", 4, NULL},
    {FILE_PDF, "PDF", "pdf", "application/pdf", "%PDF-", 5, NULL},
};

enum file_kind file_kind_of(const char *bytes, size_t len)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        size_t want = kinds[i].more ? 12 : kinds[i].magic_len;

        if (len > want && memcmp(bytes, kinds[i].magic, kinds[i].magic_len) == 0 &&
            (!kinds[i].more || memcmp(bytes + 8, kinds[i].more, 4) == 0))
            return kinds[i].kind;
    }
    return FILE_UNKNOWN;
}

enum file_kind file_kind_of_name(const char *name)
{
    const char *dot = strrchr(name, '.');

    for (size_t i = 0; dot && i < ARRAY_LEN(kinds); i++)
        if (strcmp(dot + 1, kinds[i].ext) == 0)
            return kinds[i].kind;
    return FILE_UNKNOWN;
}

static size_t row_of(enum file_kind kind)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (kinds[i].kind == kind)
            return i;
    assert(false);
    return 0;
}

const char *file_kind_ext(enum file_kind kind)
{
    return kinds[row_of(kind)].ext;
}

const char *file_kind_type(enum file_kind kind)
{
    return kinds[row_of(kind)].type;
}

void file_kinds_text(unsigned mask, char *out, size_t size)
{
    size_t used = 0;

    *out = '\0';
    for (unsigned bit = 1; bit && bit <= mask; bit <<= 1) {
        unsigned rest = mask & ~(2 * bit - 1);

        if (!(mask & bit) || used >= size)
            continue;
        used += (size_t)snprintf(out + used, size - used, "%s%s", kinds[row_of(bit)].label,
                                 rest == 0 ? "" : (rest & (rest - 1)) ? ", " : " or ");
    }
}

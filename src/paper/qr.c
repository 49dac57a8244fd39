/* libqrencode's symbol, copied into the arena. */
#include "base.h"
#include "paper/qr.h"

#include <qrencode.h>

#define UTF_8 26 /* its number among the extended channel interpretations */

/* Readers guess what bytes beyond ASCII are, unless the code says it. */
static QRcode *encode(const char *text, size_t len)
{
    QRinput *input = QRinput_new2(0, QR_ECLEVEL_M);
    QRcode *code = NULL;
    bool ascii = true, ok;

    for (size_t i = 0; i < len; i++)
        ascii = ascii && (unsigned char)text[i] < 0x80;
    if (input == NULL)
        return NULL;
    ok = ascii || QRinput_appendECIheader(input, UTF_8) == 0;
    if (ok && QRinput_append(input, QR_MODE_8, (int)len, (const unsigned char *)text) == 0)
        code = QRcode_encodeInput(input);
    QRinput_free(input);
    return code;
}

bool qr_make(struct arena *arena, const char *text, struct qr *qr)
{
    size_t len = strlen(text);
    QRcode *code;
    uint8_t *dark;

    if (len == 0 || len > QR_TEXT_MAX)
        return false;
    code = encode(text, len);
    if (code == NULL)
        return false;
    qr->size = (size_t)code->width;
    dark = arena_alloc(arena, qr->size * qr->size);
    for (size_t i = 0; i < qr->size * qr->size; i++)
        dark[i] = code->data[i] & 1;
    qr->dark = dark;
    QRcode_free(code);
    return true;
}

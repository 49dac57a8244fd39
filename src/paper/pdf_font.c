/* The fonts of a document: which one has a character, and how wide it is. What is measured is taken
 * for used, and comes into the document. */
#include "base.h"
#include "paper/pdf_priv.h"
#include "paper/text.h"
#include "core/log.h"

#define NOT_KNOWN (-1)
#define NOT_THERE (-2)

/* One that cannot be opened ends the document when it is that of plain text. */
static void font_open(struct pdf *pdf, struct font *font)
{
    const char *name;

    font->opened = true;
    for (size_t c = 0; c < FONT_CACHED; c++)
        font->widths[c] = NOT_KNOWN;
    name = HPDF_LoadTTFontFromFile(pdf->doc, font->path, HPDF_TRUE);
    font->font = name != NULL ? HPDF_GetFont(pdf->doc, name, "UTF-8") : NULL;
    font->def = font->font != NULL ? HPDF_GetFontDef(pdf->doc, name) : NULL;
    if (font->def != NULL)
        return;
    log_event(LOG_LVL_ERROR, "pdf", "what", "font", "path", font->path, "setting", "ERP_FONTS",
              NULL);
    font->font = NULL;
    if (font == pdf->fonts[0])
        return;
    HPDF_ResetError(pdf->doc);
    pdf->error = pdf->detail = 0;
}

static unsigned read_16(HPDF_Stream stream, bool *ok)
{
    HPDF_BYTE bytes[2] = {0};
    HPDF_UINT len = 2;

    *ok = *ok && HPDF_Stream_Read(stream, bytes, &len) == HPDF_OK;
    return (unsigned)bytes[0] << 8 | bytes[1];
}

/* A glyph that is made of others (an accented letter) needs them in the document. libharu sees to
 * that itself, but loses its place in the file after a first one that is composed too. */
static void keep_parts(HPDF_TTFontDefAttr attr, unsigned glyph, int depth)
{
    const HPDF_UINT32 *offsets = attr->glyph_tbl.offsets;
    unsigned flags, scale = attr->header.index_to_loc_format == 0 ? 2 : 1;
    HPDF_UINT32 at;
    bool ok = true;

    if (glyph + 1 >= attr->num_glyphs || offsets[glyph] == offsets[glyph + 1] || depth > 5)
        return;
    at = attr->glyph_tbl.base_offset + offsets[glyph] * scale;
    ok = HPDF_Stream_Seek(attr->stream, (HPDF_INT)at, HPDF_SEEK_SET) == HPDF_OK;
    if ((int16_t)read_16(attr->stream, &ok) >= 0)
        return;
    at += 10;
    do {
        unsigned part;

        ok = ok && HPDF_Stream_Seek(attr->stream, (HPDF_INT)at, HPDF_SEEK_SET) == HPDF_OK;
        flags = read_16(attr->stream, &ok);
        part = read_16(attr->stream, &ok);
        if (!ok || part >= attr->num_glyphs)
            return;
        attr->glyph_tbl.flgs[part] = 1;
        keep_parts(attr, part, depth + 1);
        at += 4 + (flags & 1 ? 4 : 2) + (flags & 8 ? 2 : flags & 0x40 ? 4 : flags & 0x80 ? 8 : 0);
    } while (flags & 0x20);
}

static int font_width(struct pdf *pdf, struct font *font, uint32_t c)
{
    HPDF_UINT16 glyph;
    int width = NOT_THERE;

    if (!font->opened)
        font_open(pdf, font);
    if (font->font == NULL || c > 0xffff)
        return NOT_THERE;
    if (c < FONT_CACHED && font->widths[c] != NOT_KNOWN)
        return font->widths[c];
    glyph = HPDF_TTFontDef_GetGlyphid(font->def, (HPDF_UNICODE)c);
    if (glyph != 0) {
        keep_parts(font->def->attr, glyph, 0);
        width = HPDF_Font_GetUnicodeWidth(font->font, (HPDF_UNICODE)c);
    }
    if (c < FONT_CACHED)
        font->widths[c] = (int16_t)width;
    return width;
}

struct font *font_of(struct pdf *pdf, enum pdf_face face, uint32_t *c, int *width)
{
    size_t first = face == PDF_BOLD && pdf->n_fonts > 1 ? 1 : 0;

    *width = 0;
    if (pdf->error != 0 || pdf->n_fonts == 0 || text_hidden(*c))
        return NULL;
    if (*c < ' ' || (*c >= 0x7f && *c <= 0xa0))
        *c = ' ';
    for (size_t i = 0; i <= pdf->n_fonts; i++) {
        struct font *font = pdf->fonts[i == 0 ? first : i - 1];

        if ((*width = font_width(pdf, font, *c)) >= 0)
            return font;
    }
    *width = 0;
    if (*c == '?')
        return NULL;
    *c = '?';
    return font_of(pdf, face, c, width);
}

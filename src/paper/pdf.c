/* libharu behind a small door. Its functions do nothing with a document that has failed, and its
 * handler here only takes note, so that a failure ends the document and nothing else. */
#include "base.h"
#include "paper/pdf_priv.h"
#include "paper/picture.h"
#include "paper/text.h"
#include "core/log.h"

#define RUN_MAX   512 /* bytes of a text that are drawn at once */
#define CHARS_MAX 512 /* characters that are put in order together: more than a line has */

static void take_note(HPDF_STATUS error, HPDF_STATUS detail, void *data)
{
    struct pdf *pdf = data;

    if (pdf->error != 0)
        return;
    pdf->error = error;
    pdf->detail = detail;
}

static void pdf_free(void *data)
{
    struct pdf *pdf = data;

    if (pdf->doc != NULL)
        HPDF_Free(pdf->doc);
}

struct pdf *pdf_new(struct arena *arena, const char *fonts)
{
    struct pdf *pdf = arena_alloc(arena, sizeof *pdf);

    arena_defer(arena, pdf_free, pdf);
    pdf->doc = HPDF_New(take_note, pdf);
    if (pdf->doc == NULL) {
        take_note(HPDF_FAILD_TO_ALLOC_MEM, 0, pdf);
        return pdf;
    }
    HPDF_SetCompressionMode(pdf->doc, HPDF_COMP_ALL);
    HPDF_UseUTFEncodings(pdf->doc);
    while (*fonts != '\0' && pdf->n_fonts < PDF_FONTS_MAX) {
        size_t len = strcspn(fonts, " ");

        if (len > 0) {
            struct font *font = arena_alloc(arena, sizeof *font);

            font->path = arena_strndup(arena, fonts, len);
            pdf->fonts[pdf->n_fonts++] = font;
        }
        fonts += len + (fonts[len] == ' ');
    }
    if (pdf->n_fonts == 0)
        take_note(HPDF_INVALID_FONT_NAME, 0, pdf);
    return pdf;
}

double pdf_width(struct pdf *pdf, enum pdf_face face, double size, const char *text, size_t len)
{
    const char *end = text + len;
    int64_t sum = 0;

    while (text < end) {
        uint32_t c = text_next(&text, end);
        int width;

        font_of(pdf, face, &c, &width);
        sum += width;
    }
    return (double)sum * size / 1000;
}

/* ---- drawing ---- */

size_t pdf_page(struct pdf *pdf, double width, double height)
{
    HPDF_Page page = NULL;

    if (pdf->n_pages == PDF_PAGES_MAX)
        take_note(HPDF_PAGE_INVALID_INDEX, 0, pdf);
    if (pdf->error == 0)
        page = HPDF_AddPage(pdf->doc);
    if (page == NULL)
        return 0;
    HPDF_Page_SetWidth(page, (HPDF_REAL)width);
    HPDF_Page_SetHeight(page, (HPDF_REAL)height);
    pdf->pages[pdf->n_pages++] = page;
    pdf_turn(pdf, pdf->n_pages - 1);
    return pdf->n_pages - 1;
}

size_t pdf_pages(const struct pdf *pdf)
{
    return pdf->n_pages;
}

void pdf_turn(struct pdf *pdf, size_t page)
{
    if (page >= pdf->n_pages)
        return;
    pdf->page = pdf->pages[page];
    pdf->height = (double)HPDF_Page_GetHeight(pdf->page);
    pdf->drawn = UINT_MAX;
}

void pdf_color(struct pdf *pdf, unsigned rgb)
{
    pdf->color = rgb;
}

/* Is there a page to draw on? Gives it the colour. */
static bool ready(struct pdf *pdf)
{
    HPDF_REAL rgb[3];

    if (pdf->error != 0 || pdf->page == NULL)
        return false;
    if (pdf->drawn == pdf->color)
        return true;
    for (int i = 0; i < 3; i++)
        rgb[i] = (HPDF_REAL)(pdf->color >> (16 - 8 * i) & 0xff) / 255;
    HPDF_Page_SetRGBFill(pdf->page, rgb[0], rgb[1], rgb[2]);
    HPDF_Page_SetRGBStroke(pdf->page, rgb[0], rgb[1], rgb[2]);
    pdf->drawn = pdf->color;
    return pdf->error == 0;
}

struct run {
    struct pdf *pdf;
    struct font *font;
    double size, x, y, width;
    char text[RUN_MAX + 8];
    size_t len;
};

static void run_end(struct run *run)
{
    HPDF_Page page = run->pdf->page;

    run->text[run->len] = '\0';
    if (run->len > 0) {
        HPDF_Page_SetFontAndSize(page, run->font->font, (HPDF_REAL)run->size);
        HPDF_Page_TextOut(page, (HPDF_REAL)run->x, (HPDF_REAL)run->y, run->text);
    }
    run->x += run->width;
    run->width = 0;
    run->len = 0;
}

static size_t utf8_put(char *out, uint32_t c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    out[0] = (char)(0xe0 | c >> 12);
    out[1] = (char)(0x80 | (c >> 6 & 0x3f));
    out[2] = (char)(0x80 | (c & 0x3f));
    return 3;
}

static void run_add(struct run *run, enum pdf_face face, uint32_t c)
{
    int width;
    struct font *font = font_of(run->pdf, face, &c, &width);

    if (font == NULL)
        return;
    if (font != run->font || run->len >= RUN_MAX)
        run_end(run);
    run->font = font;
    run->len += utf8_put(run->text + run->len, c);
    run->width += (double)width * run->size / 1000;
}

void pdf_text(struct pdf *pdf, enum pdf_face face, double size, double x, double y,
              const char *text, size_t len)
{
    struct run run = {.pdf = pdf, .size = size, .x = x, .y = pdf->height - y};
    const char *end = text + len;
    uint32_t chars[2 * CHARS_MAX];

    if (!ready(pdf))
        return;
    HPDF_Page_BeginText(pdf->page);
    while (text < end) {
        size_t n = 0;

        while (text < end && n < CHARS_MAX)
            chars[n++] = text_next(&text, end);
        n = text_visual(chars, n);
        for (size_t i = 0; i < n; i++)
            run_add(&run, face, chars[i]);
    }
    run_end(&run);
    HPDF_Page_EndText(pdf->page);
}

void pdf_stamp(struct pdf *pdf, const char *text)
{
    double page = pdf->page ? (double)HPDF_Page_GetWidth(pdf->page) : 1;
    double size = 0.75 * page / (pdf_width(pdf, PDF_BOLD, 1, text, strlen(text)) + 0.01);
    double left = 0.22 * page, low = (pdf->height - 0.55 * page) / 2;
    const HPDF_REAL slope = (HPDF_REAL)0.5, run = (HPDF_REAL)0.8660254;

    if (!ready(pdf))
        return;
    HPDF_Page_BeginText(pdf->page);
    HPDF_Page_SetFontAndSize(pdf->page, pdf->fonts[pdf->n_fonts > 1]->font, (HPDF_REAL)size);
    HPDF_Page_SetTextMatrix(pdf->page, run, slope, -slope, run, (HPDF_REAL)left, (HPDF_REAL)low);
    HPDF_Page_ShowText(pdf->page, text);
    HPDF_Page_EndText(pdf->page);
}

void pdf_box(struct pdf *pdf, double x, double y, double width, double height)
{
    if (!ready(pdf))
        return;
    HPDF_Page_Rectangle(pdf->page, (HPDF_REAL)x, (HPDF_REAL)(pdf->height - y - height),
                        (HPDF_REAL)width, (HPDF_REAL)height);
    HPDF_Page_Fill(pdf->page);
}

void pdf_line(struct pdf *pdf, double x1, double y1, double x2, double y2)
{
    if (!ready(pdf))
        return;
    HPDF_Page_SetLineWidth(pdf->page, (HPDF_REAL)0.5);
    HPDF_Page_MoveTo(pdf->page, (HPDF_REAL)x1, (HPDF_REAL)(pdf->height - y1));
    HPDF_Page_LineTo(pdf->page, (HPDF_REAL)x2, (HPDF_REAL)(pdf->height - y2));
    HPDF_Page_Stroke(pdf->page);
}

/* ---- pictures ---- */

/* A broken one must not end the document, and leaves nothing in it when it is tried elsewhere. */
static bool jpeg_ok(const HPDF_BYTE *bytes, HPDF_UINT len)
{
    HPDF_Doc doc = HPDF_New(NULL, NULL);
    HPDF_Image image = doc != NULL ? HPDF_LoadJpegImageFromMem(doc, bytes, len) : NULL;
    bool ok = image != NULL && HPDF_Image_GetWidth(image) > 0 && HPDF_Image_GetHeight(image) > 0 &&
              HPDF_Image_GetWidth(image) <= PDF_PIXELS_MAX / HPDF_Image_GetHeight(image);

    if (doc != NULL)
        HPDF_Free(doc);
    return ok;
}

static HPDF_Image picture_of(struct pdf *pdf, enum file_kind kind, const char *bytes, size_t len)
{
    unsigned width, height;
    HPDF_Image image;
    uint8_t *pixels;

    if (kind == FILE_JPEG)
        return jpeg_ok((const HPDF_BYTE *)bytes, (HPDF_UINT)len)
                   ? HPDF_LoadJpegImageFromMem(pdf->doc, (const HPDF_BYTE *)bytes, (HPDF_UINT)len)
                   : NULL;
    pixels = kind == FILE_PNG ? png_pixels(bytes, len, PDF_PIXELS_MAX, &width, &height) : NULL;
    if (pixels == NULL)
        return NULL;
    image = HPDF_LoadRawImageFromMem(pdf->doc, pixels, width, height, HPDF_CS_DEVICE_RGB, 8);
    free(pixels);
    return image;
}

bool pdf_picture(struct pdf *pdf, enum file_kind kind, const char *bytes, size_t len, double x,
                 double y, double *width, double *height)
{
    HPDF_Image image = ready(pdf) ? picture_of(pdf, kind, bytes, len) : NULL;
    double w, h, scale;

    if (image == NULL)
        return false;
    w = (double)HPDF_Image_GetWidth(image);
    h = (double)HPDF_Image_GetHeight(image);
    scale = *width / w < *height / h ? *width / w : *height / h;
    *width = w * scale;
    *height = h * scale;
    HPDF_Page_DrawImage(pdf->page, image, (HPDF_REAL)x, (HPDF_REAL)(pdf->height - y - *height),
                        (HPDF_REAL)*width, (HPDF_REAL)*height);
    return true;
}

/* ---- the document ---- */

bool pdf_write(struct pdf *pdf, const char *title, struct str *out, struct err *err)
{
    HPDF_UINT32 left, n;
    char text[48];

    if (pdf->error == 0) {
        HPDF_SetInfoAttr(pdf->doc, HPDF_INFO_TITLE, title);
        HPDF_SaveToStream(pdf->doc);
    }
    left = pdf->error == 0 ? HPDF_GetStreamSize(pdf->doc) : 0;
    for (; left > 0 && pdf->error == 0; left -= n) {
        n = left;
        if (HPDF_ReadFromStream(pdf->doc, (HPDF_BYTE *)str_reserve(out, n), &n) != HPDF_OK)
            take_note(HPDF_FILE_IO_ERROR, 0, pdf);
        str_grew(out, n);
    }
    if (pdf->error == 0)
        return true;
    snprintf(text, sizeof text, "0x%lx %ld", pdf->error, pdf->detail);
    log_event(LOG_LVL_ERROR, "pdf", "what", "document", "detail", text, NULL);
    return err_set(err, ERR_INTERNAL, "The document could not be made.");
}

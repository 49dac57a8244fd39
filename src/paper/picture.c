/* Pictures in PNG, read by libpng's simplified interface: unlike what libharu does with a broken
 * one, it comes back. */
#include "base.h"
#include "paper/picture.h"

#include <png.h>

#define EDGE 1000 /* pixels: larger pictures are averaged, no paper shows more */

/* The mean of the pixels of a square of `by`, which may hang over the edge. */
static void mean(const uint8_t *pixels, unsigned width, unsigned height, unsigned x, unsigned y,
                 unsigned by, uint8_t *out)
{
    unsigned sum[3] = {0}, n = 0;

    for (unsigned row = y; row < y + by && row < height; row++)
        for (unsigned column = x; column < x + by && column < width; column++, n++)
            for (unsigned i = 0; i < 3; i++)
                sum[i] += pixels[((size_t)row * width + column) * 3 + i];
    for (unsigned i = 0; i < 3; i++)
        out[i] = (uint8_t)(sum[i] / n);
}

/* In place: what is written is never ahead of what is read. */
static void shrink(uint8_t *pixels, unsigned *width, unsigned *height)
{
    unsigned longer = *width > *height ? *width : *height, by = (longer + EDGE - 1) / EDGE;
    unsigned columns = (*width + by - 1) / by, rows = (*height + by - 1) / by;
    uint8_t *out = pixels;

    if (by <= 1)
        return;
    for (unsigned row = 0; row < rows; row++)
        for (unsigned column = 0; column < columns; column++, out += 3)
            mean(pixels, *width, *height, column * by, row * by, by, out);
    *width = columns;
    *height = rows;
}

uint8_t *png_pixels(const char *bytes, size_t len, size_t most, unsigned *width, unsigned *height)
{
    static const png_color white = {255, 255, 255};
    png_image image = {.version = PNG_IMAGE_VERSION};
    uint8_t *pixels = NULL;

    if (!png_image_begin_read_from_memory(&image, bytes, len))
        return NULL;
    if (image.width > 0 && image.height > 0 && image.width <= most / image.height) {
        image.format = PNG_FORMAT_RGB;
        pixels = malloc(PNG_IMAGE_SIZE(image));
        *width = image.width;
        *height = image.height;
    }
    if (pixels != NULL && !png_image_finish_read(&image, &white, pixels, 0, NULL)) {
        free(pixels);
        pixels = NULL;
    }
    png_image_free(&image);
    if (pixels != NULL)
        shrink(pixels, width, height);
    return pixels;
}

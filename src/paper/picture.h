/* Pictures of which the pixels are needed. */
#ifndef ERP_PAPER_PICTURE_H
#define ERP_PAPER_PICTURE_H

#include "base.h"

/* A PNG of at most `most` pixels, on white, three bytes a pixel, made smaller when paper would not
 * show them all; to be freed. NULL: it is broken or larger. */
uint8_t *png_pixels(const char *bytes, size_t len, size_t most, unsigned *width,
                    unsigned *height);

#endif

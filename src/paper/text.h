/* Characters of texts that are to be printed. */
#ifndef ERP_PAPER_TEXT_H
#define ERP_PAPER_TEXT_H

#include "base.h"

#define TEXT_BAD UINT32_C(0xfffd)

/* The character at *p, which goes behind it; TEXT_BAD, one byte further, where there is none.
 * *p < end. */
uint32_t text_next(const char **p, const char *end);

/* Is nothing to be seen of it: marks of direction, joiners, variation selectors? */
bool text_hidden(uint32_t c);

/* Does it belong to the character before it (accents, vowel signs)? */
bool text_joins(uint32_t c);

/* Puts the characters of a line into the order in which they stand on paper from left to right:
 * letters from right to left are turned, and vowel signs of Bengali and Devanagari go before their
 * consonants, or to both sides. Nothing is joined. There is room for 2 × n; how many there
 * are then. */
size_t text_visual(uint32_t *chars, size_t n);

/* Where a line ends that may be `width` wide, in bytes of the text, and in *next where the one
 * after it begins. Lines end at line ends, else at the last space that leaves them narrow enough,
 * else anywhere, after one character at least. `width_of` measures one character. */
size_t text_line(const char *text, size_t len, double width,
                 double (*width_of)(void *data, uint32_t c), void *data, size_t *next);

#endif

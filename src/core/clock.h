/* Time: wall clock for records and tokens, monotonic clock for deadlines. */
#ifndef ERP_CORE_CLOCK_H
#define ERP_CORE_CLOCK_H

#include "base.h"

int64_t clock_ms(void);      /* milliseconds since 1970, UTC */
int64_t clock_mono_us(void); /* microseconds of a clock that never jumps */

/* RFC 3339, UTC, milliseconds: "2026-01-31T09:30:00.123Z". */
#define CLOCK_TEXT_SIZE 25
void clock_format(char out[static CLOCK_TEXT_SIZE], int64_t ms);

/* An RFC 3339 instant, or a date alone (midnight UTC); offset "Z", "+06:00" or absent (UTC);
 * up to 9 fraction digits, truncated to milliseconds. False for anything else and for days that
 * do not exist. */
bool clock_parse(const char *text, size_t len, int64_t *ms);

#endif

/* The first include of every source file: libc, attributes, and calls that nobody here may use.
 *
 * Poisoned are calls that overflow, that truncate in silence, that keep hidden state or that
 * report no error. Use str_*, arena_* and snprintf instead.
 */
#ifndef ERP_BASE_H
#define ERP_BASE_H

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define ERP_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define ERP_NORETURN          __attribute__((noreturn))
#define ERP_USE_RESULT        __attribute__((warn_unused_result))
#define ERP_UNUSED            __attribute__((unused))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf gets strtok
#pragma GCC poison atoi atol atoll atof asctime ctime gmtime localtime tmpnam mktemp

#endif

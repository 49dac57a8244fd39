/* Identifiers and randomness. All random bytes come from the kernel. */
#ifndef ERP_CORE_ID_H
#define ERP_CORE_ID_H

#include "base.h"

#define ID_SIZE 37 /* text of a UUID with its NUL */

/* A UUID version 7 (RFC 9562): sorts by time; two from one process never sort backwards. */
void id_new(char out[static ID_SIZE]);

/* True for the 36-character text form of any UUID version, either case. */
bool id_valid(const char *text, size_t len);

void random_bytes(void *out, size_t len);

/* `n` random bytes as 2n hex digits and a NUL. */
void random_hex(char *out, size_t n);

/* A 64-bit hash that is stable for all processes of all hosts (SipHash-2-4, fixed key):
 * for board slots and caches, never for secrets. */
uint64_t hash64(const char *text, size_t len);

#define SHA256_HEX_SIZE 65
void sha256_hex(char out[static SHA256_HEX_SIZE], const void *bytes, size_t len);

/* HMAC-SHA-256 with a key of 32 bytes. */
void hmac_sha256(uint8_t out[static 32], const uint8_t key[static 32], const void *bytes,
                 size_t len);

/* Constant-time comparison of two equally long byte strings. */
bool same_bytes(const void *a, const void *b, size_t len);

#endif

/* What a file is, by its first bytes: neither its name nor what the client calls it is asked. */
#ifndef ERP_CORE_FILETYPE_H
#define ERP_CORE_FILETYPE_H

#include "base.h"

enum file_kind {
    FILE_UNKNOWN = 0,
    FILE_JPEG = 1 << 0,
    FILE_PNG = 1 << 1,
    FILE_GIF = 1 << 2,
    FILE_WEBP = 1 << 3,
    FILE_ICO = 1 << 4,
    FILE_PDF = 1 << 5
};

#define FILE_IMAGES (FILE_JPEG | FILE_PNG | FILE_GIF | FILE_WEBP)

enum file_kind file_kind_of(const char *bytes, size_t len);

/* The kind that a name's extension stands for, which is one that file_kind_ext gives. */
enum file_kind file_kind_of_name(const char *name);

const char *file_kind_ext(enum file_kind kind);  /* "jpg"; not for FILE_UNKNOWN */
const char *file_kind_type(enum file_kind kind); /* "image/jpeg" */

/* "JPEG, PNG or PDF": the kinds of a mask, for people. */
void file_kinds_text(unsigned kinds, char *out, size_t size);

#endif

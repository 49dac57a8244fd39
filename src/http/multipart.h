/* multipart/form-data (RFC 7578, RFC 2046): a reader that may be fed in pieces, and the form of a
 * whole body. Everything a stranger chooses has a limit; what is not plainly well formed is refused
 * (ERR_BAD_REQUEST), what is too large is ERR_TOO_LARGE.
 */
#ifndef ERP_HTTP_MULTIPART_H
#define ERP_HTTP_MULTIPART_H

#include "core/arena.h"
#include "core/err.h"

#define MULTIPART_BOUNDARY_MAX 70 /* RFC 2046 §5.1.1 */
#define MULTIPART_NAME_MAX     64
#define MULTIPART_FILENAME_MAX 255
#define MULTIPART_TYPE_MAX     127
#define MULTIPART_PARTS_MAX    32

struct multipart_limits {
    size_t parts;  /* at most MULTIPART_PARTS_MAX */
    size_t header; /* bytes of the header of one part */
    size_t field;  /* bytes of a part that is no file */
    size_t file;   /* bytes of one that is */
};

/* The boundary of a Content-Type; false when it is no multipart/form-data with a legal one. */
bool multipart_boundary(const char *content_type, char out[static MULTIPART_BOUNDARY_MAX + 1]);

/* --- in pieces ------------------------------------------------------------------------------- */

enum multipart_event {
    MULTIPART_MORE,      /* give what is left again, with more behind it */
    MULTIPART_PART,      /* a part begins: name, filename and type are filled */
    MULTIPART_DATA,      /* `data`, `data_len`: some of its bytes, borrowed from those given */
    MULTIPART_PART_ENDS,
    MULTIPART_ENDS,      /* the body is complete; what follows is not looked at */
    MULTIPART_BAD        /* the error is set; the reader is of no more use */
};

struct multipart {
    char name[MULTIPART_NAME_MAX + 1];
    char filename[MULTIPART_FILENAME_MAX + 1]; /* without folders; "" when none was given */
    char type[MULTIPART_TYPE_MAX + 1];         /* as sent; "" when none was */
    bool is_file;                              /* it has a filename, be it empty */
    const char *data;
    size_t data_len;

    struct multipart_limits limits; /* the rest is the reader's own */
    char delimiter[MULTIPART_BOUNDARY_MAX + 5];
    size_t delimiter_len, n_parts, part_len;
    int state;
};

/* Begins; `limits` are copied. */
void multipart_init(struct multipart *m, const char *boundary,
                    const struct multipart_limits *limits);

/* One step over `len` bytes that follow those used so far; *used of them are done with. Memory is
 * bounded by the caller's buffer: a header of limits.header bytes and a delimiter must fit into
 * it. A body that ends before MULTIPART_ENDS is the caller's to refuse. */
enum multipart_event multipart_next(struct multipart *m, const char *bytes, size_t len,
                                    size_t *used, struct err *err);

/* --- a whole body ---------------------------------------------------------------------------- */

struct multipart_part {
    const char *name, *type; /* arena-owned */
    const char *filename;    /* NULL: a field */
    const char *bytes;       /* borrowed from the body, not terminated */
    size_t len;
};

struct multipart_form {
    size_t n;
    struct multipart_part parts[MULTIPART_PARTS_MAX];
};

/* Reads a body that is in memory. Names must differ; a file input that was left empty is left
 * out; fields are UTF-8 text without NUL. */
bool multipart_read(const char *content_type, const char *body, size_t len,
                    const struct multipart_limits *limits, struct arena *arena,
                    struct multipart_form *out, struct err *err);

/* By name; NULL when there is none. */
const struct multipart_part *multipart_find(const struct multipart_form *form, const char *name);

#endif

/* One error, owned by the caller, passed as the last parameter; the first writer wins.
 *
 * A function that fails fills the error and returns false (or NULL); its caller only returns.
 * The catalogue is errors.def; driver errors are translated in db/errmap.c and nowhere else.
 */
#ifndef ERP_CORE_ERR_H
#define ERP_CORE_ERR_H

#include "base.h"

enum err_code {
    ERR_NONE = 0,
#define E(name, status, code, title) ERR_##name,
#include "core/errors.def"
#undef E
    ERR_COUNT
};

struct err_info {
    const char *name; /* stable code on the wire */
    const char *title;
    int status; /* HTTP */
};

/* One refused field: `path` as in "items[2].price", a stable code, a sentence. */
struct err_field {
    char path[96];
    char code[24];
    char detail[160];
    int64_t line; /* of a table; 0: it is in none */
};

#define ERR_FIELDS_MAX 50

struct err {
    enum err_code code;
    int retry_after; /* seconds; 0 = no Retry-After header */
    char detail[320];
    size_t n_fields; /* those beyond ERR_FIELDS_MAX are counted in n_more only */
    size_t n_more;
    size_t room;     /* in `fields` */
    struct err_field *fields; /* malloc'd on first use, kept across err_clear */
};

void err_init(struct err *err);
void err_release(struct err *err);
void err_clear(struct err *err);

static inline bool err_is_set(const struct err *err)
{
    return err->code != ERR_NONE;
}

/* Sets the error unless one is set already. Always returns false, for `return err_set(…)`. */
bool err_set(struct err *err, enum err_code code, const char *fmt, ...) ERP_PRINTF(3, 4);

/* As err_set, with a Retry-After of `seconds`. */
bool err_set_retry(struct err *err, enum err_code code, int seconds, const char *fmt, ...)
    ERP_PRINTF(4, 5);

/* Adds a refused field and makes the error ERR_VALIDATION. Always returns false. Field errors
 * gather: a body's errors are all reported together. */
bool err_field(struct err *err, const char *path, const char *code, const char *fmt, ...)
    ERP_PRINTF(4, 5);

/* The row of the catalogue; `code` must be below ERR_COUNT. ERR_NONE has status 200. */
const struct err_info *err_info(enum err_code code);

/* Our own bug or an unusable machine: prints one line and aborts. */
ERP_NORETURN void die(const char *fmt, ...) ERP_PRINTF(1, 2);

#endif

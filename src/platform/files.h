/* Files of businesses, on disk below ERP_FILES_DIR: <tenant_id>/<room>/<name>.
 *
 * Names are made here and hold nothing of what the client called its file. A file is written beside
 * its place, synced and renamed, so that a name that is there is a whole file. No client reaches
 * the folder: files_send() answers with X-Accel-Redirect, and nginx serves them from its internal
 * location (nginx/erpd-files.conf.in); those of FILES_BRANDING are also served, without a token, to
 * whoever knows the name. Hosts share the folder (a network file system) or are one.
 */
#ifndef ERP_PLATFORM_FILES_H
#define ERP_PLATFORM_FILES_H

#include "core/filetype.h"
#include "http/req.h"

#define FILE_NAME_SIZE 128

/* The rooms of a business's folder, [a-z]+. To add one: its name here, and its row in files_all.c,
 * which says what may be in it. */
#define FILES_BRANDING "settings" /* logo, background, favicon: shown before sign-in */
#define FILES_RECEIPTS "receipts" /* of purchases: only with a token */
#define FILES_EVIDENCE "evidence" /* pictures of a warranty's claim: only with a token */

/* Bytes of one file at most: routes take no more, archives believe no more. */
#define FILES_PICTURE_MAX (5 << 20)
#define FILES_RECEIPT_MAX (10 << 20)

/* The path of the web under which those of FILES_BRANDING are served, as settings name them. */
#define FILES_BRANDING_URL "/uploads/" FILES_BRANDING "/"

/* Stores bytes as a new file of the tenant. `name` gets "<label>_<tenant folder>_<16 hex>.<ext>"
 * with a label ([a-z]+), without one "<32 hex>.<ext>". ERR_STORAGE when the disk does not take
 * it; nothing is left then. */
bool files_store(const struct conf *conf, const char *tenant_id, const char *room,
                 const char *label, enum file_kind kind, const char *bytes, size_t len,
                 char name[static FILE_NAME_SIZE], struct err *err);

/* The bytes of a file of at most `max`, malloc'd: to be freed. NULL: there is none, it is larger or
 * cannot be read. */
char *files_read(const struct conf *conf, const char *tenant_id, const char *room,
                 const char *name, size_t max, size_t *len);

/* Names of files of the tenant's room that were last written in [from_ms, to_ms), at most `max`, in
 * the arena; also of what a files_store that was killed left beside its place. */
bool files_aged(const struct conf *conf, const char *tenant_id, const char *room, int64_t from_ms,
                int64_t to_ms, struct arena *arena, size_t max, const char ***names, size_t *n,
                struct err *err);

/* Removes one; true also when it is not there. For files that no record names (any more): what
 * cannot be removed is logged and left. */
void files_remove(const struct conf *conf, const char *tenant_id, const char *room,
                  const char *name);

/* Answers the request with a file of its tenant (req->tenant): the type by the name's extension,
 * shown by browsers when it is an image, else saved. ERR_NOT_FOUND when there is none. */
bool files_send(struct req *req, const char *room, const char *name);

/* --- all files of a tenant: files_all.c ------------------------------------------------------ */

/* Is the folder of files on this host? ERR_STATE says that it is not. With `write`: may this
 * process change it? */
bool files_here(const struct conf *conf, bool write, struct err *err);

/* Has the tenant a folder there? */
bool files_there(const struct conf *conf, const char *tenant_id);

/* Why files_store cannot have made this file of the tenant; NULL when it can. `head` are the first
 * `len` bytes, NULL while they are not known. The text is for people and static. */
const char *files_unfit(const char *tenant_id, const char *room, const char *name, int64_t bytes,
                        const char *head, size_t len);

/* What files_walk tells. */
struct files_visitor {
    /* A plain file of a room, open at its beginning; the caller closes it. False ends the walk. */
    bool (*file)(void *data, const char *room, const char *name, int fd, struct err *err);
    /* Something else, or what went away meanwhile: `why` is for people. */
    void (*other)(void *data, const char *room, const char *name, const char *why);
    void *data;
};

/* Goes through the tenant's files in no order; what files_store has not finished is passed over.
 * ERR_STATE as of files_here; ERR_STORAGE. */
bool files_walk(const struct conf *conf, const char *tenant_id,
                const struct files_visitor *visitor, struct err *err);

/* How many there are, and their bytes. */
bool files_count(const struct conf *conf, const char *tenant_id, int64_t *n, int64_t *bytes,
                 struct err *err);

/* The name that a tenant's file has in the folder of another: it says whose it is, or nothing. */
void files_name_of(const char *from_id, const char *to_id, const char *name,
                   char out[static FILE_NAME_SIZE]);

/* Files that come from elsewhere with their names, in pieces. A name that is there is replaced. */
struct files_in {
    int tenant, room, fd; /* -1: closed */
    char room_name[32], name[FILE_NAME_SIZE];
};

/* Makes the tenant's folder. ERR_STATE, ERR_STORAGE. */
bool files_in_init(struct files_in *in, const struct conf *conf, const char *tenant_id,
                   struct err *err);
/* The next file; ERR_BAD_REQUEST for a room or a name that is none of files_store's. */
bool files_in_begin(struct files_in *in, const char *room, const char *name, struct err *err);
bool files_in_write(struct files_in *in, const void *bytes, size_t len, struct err *err);
bool files_in_end(struct files_in *in, struct err *err);
/* Returns when all that came is on the disk. */
bool files_in_settle(struct files_in *in, struct err *err);
/* Drops a file that was not ended. */
void files_in_release(struct files_in *in);

/* Removes every file of a tenant: true when nothing is left. ERR_STATE as of files_here. */
bool files_remove_tenant(const struct conf *conf, const char *tenant_id, struct err *err);

#endif

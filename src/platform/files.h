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

/* The rooms of a business's folder, [a-z]+; add one here when it is needed. */
#define FILES_BRANDING "settings" /* logo, background, favicon: shown before sign-in */
#define FILES_RECEIPTS "receipts" /* of purchases: only with a token */
#define FILES_EVIDENCE "evidence" /* pictures of a warranty's claim: only with a token */

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

/* Removes every file of a tenant: true when nothing is left. */
bool files_remove_tenant(const struct conf *conf, const char *tenant_id, struct err *err);

#endif

/* Shared by files.c and files_all.c: names, folders, and how a file comes to be. */
#ifndef ERP_PLATFORM_FILES_PRIV_H
#define ERP_PLATFORM_FILES_PRIV_H

#include "platform/files.h"

#define FILE_FOLDER_SIZE 96
#define FILE_FRESH       ".new-" /* in front of a file's name until it is whole */
#define FILE_FRESH_SIZE  (FILE_NAME_SIZE + 8)
#define FILES_UMASK      007 /* of the workers' units */

/* The folder of a tenant: its id, or when that is no plain name, a hash of it. */
void files_folder(const char *tenant_id, char out[static FILE_FOLDER_SIZE]);
/* Could this be a name of files_store? Anything else must not come near a path. */
bool files_name_ok(const char *name);

/* Logs errno and sets ERR_STORAGE; always false. */
bool files_failed(struct err *err, const char *what);

/* A folder below `at`, made when `make` is true and it is not there; -1 with errno. */
int files_open_folder(int at, const char *name, bool make);
/* The descriptor of <dir>/<tenant>/<room>; -1 with errno. */
int files_open_room(const struct conf *conf, const char *tenant_id, const char *room, bool make);

/* A new file beside its place, for writing; -1 with errno. */
int files_fresh(int room, const char *name);
bool files_write(int fd, const char *bytes, size_t len);
/* The two ends of it; dropping leaves errno as it was. */
bool files_give_name(int room, const char *name);
void files_drop(int room, const char *name);

#endif

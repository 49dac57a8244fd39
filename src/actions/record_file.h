/* Files that a record names: the receipt of a purchase, a picture of a warranty. */
#ifndef ERP_ACTIONS_RECORD_FILE_H
#define ERP_ACTIONS_RECORD_FILE_H

#include "http/req.h"

/* Sends the path's {filename} of a room (platform/files.h) to whoever sees a record of `noun` whose
 * `member` ("receipt_files.filename") is that: users of a branch, those of its records. One round
 * trip for them, none for others, who see all. ERR_NOT_FOUND. */
bool record_file_send(struct req *req, const char *room, const char *noun, const char *member);

#endif

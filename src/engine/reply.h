/* Records in the replies of actions, as their descriptors show them. */
#ifndef ERP_ENGINE_REPLY_H
#define ERP_ENGINE_REPLY_H

#include "http/req.h"

/* Appends a record of the noun to the reply's body. */
void reply_add(struct req *req, const char *noun, const bson_t *record);

/* Appends the records of a cursor as a list. */
bool reply_add_all(struct req *req, const char *noun, mongoc_cursor_t *cursor);

/* The reply is the record, with its ETag. Always true. */
bool reply_record(struct req *req, const char *noun, const bson_t *record);

/* The same of one that was made: with its Location, below the path of its noun. */
bool reply_made(struct req *req, const char *noun, const bson_t *record);

#endif

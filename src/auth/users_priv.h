/* What the files of the users' room share; nobody else includes it. */
#ifndef ERP_AUTH_USERS_PRIV_H
#define ERP_AUTH_USERS_PRIV_H

#include "auth/users.h"

#define USERS_COLLECTION "users"

struct users_entry;

struct users {
    const struct conf *conf;
    struct board *board; /* may be NULL */
    struct registry *registry;
    struct arena *arena; /* of one call */
    struct users_entry **cache;
};

/* A scope on the users' database for one call: ends what the call before it read. */
bool users_scope(struct users *users, struct scope *scope, struct err *err);

/* The document of an id, valid until the next users_scope; *doc NULL when there is none.
 * ERR_CONFLICT when two documents have the id. */
bool users_document(struct users *users, const char *id, const bson_t **doc, struct err *err);

/* The link of password_link.h: its hash and its end (milliseconds). */
bool users_set_link(struct users *users, const char *id, const char *hash, int64_t expires_ms,
                    struct err *err);
/* Sets the password if the record still has this link, and takes the link away. */
bool users_use_link(struct users *users, const char *id, const char *link, const char *hash,
                    bool *used, struct err *err);

/* Emails compare without the case of ASCII letters. The database's collation would also skip
 * invisible characters, and with them the delays that are kept by email. */
bool email_same(const char *a, const char *b);

#endif

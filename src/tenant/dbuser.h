/* The MongoDB account of one tenant: what the server itself lets its connections do.
 *
 * User and role are both called "erpd_<db_name>", in the database `admin` of the tenant's cluster.
 * The role may do everything with records, collections and indexes of <db_name>, may add and read
 * entries of its audit database, and may touch nothing else.
 */
#ifndef ERP_TENANT_DBUSER_H
#define ERP_TENANT_DBUSER_H

#include "db/scope.h"

#define DBUSER_SIZE 72

void dbuser_name(const char *db_name, char out[static DBUSER_SIZE]);

/* A new password: 32 random bytes in hex. */
#define DBUSER_PASSWORD_SIZE 65
void dbuser_new_password(char out[static DBUSER_PASSWORD_SIZE]);

/* The address `base` with this account in place of whatever account it names; arena-owned. */
const char *dbuser_uri(struct arena *arena, const char *base, const char *db_name,
                       const char *password);
/* The password in an address that dbuser_uri made, arena-owned; NULL when it was made by others. */
const char *dbuser_password(struct arena *arena, const char *uri, const char *db_name);

/* Do two addresses lead to the same servers, that is, have they a host in common, whatever account
 * and options they have? A host without a port has the usual one; names are not looked up. */
bool dbuser_same_hosts(const char *a, const char *b);

/* Makes role and user, or gives those that are there these rights and this password. `admin` is a
 * scope on the cluster's database `admin`. *refused is true, and the result false without an error,
 * when the account behind the scope may not make users: nothing is left behind then. */
bool dbuser_ensure(struct scope *admin, const char *db_name, const char *password, bool *refused,
                   struct err *err);

/* Removes user and role; true also when there is none. */
bool dbuser_drop(struct scope *admin, const char *db_name, struct err *err);

#endif

/* The chain over the audit entries of one business: records in the registry's database, out of the
 * reach of the tenant's own account, each of which names entries with their digests and carries the
 * hash of the record before it.
 *
 * One chain an audit database and tenant_id ("" for the platform's own entries). Records are only
 * ever added, with the sequence number after the last one; the unique index lets one of two writers
 * win, so a chain has no branches. Hashes are over text (chain_hash), so that they can be checked
 * with other means.
 */
#ifndef ERP_TENANT_CHAIN_H
#define ERP_TENANT_CHAIN_H

#include "core/id.h"
#include "db/scope.h"

#define CHAIN_COLLECTION  "audit_chain"
#define CHAIN_ITEMS_MAX   1000
#define CHAIN_ID_MAX      64     /* bytes of an entry's id */
#define CHAIN_LOOKBACK_MS 120000 /* entries that become visible so late are chained still */

/* Where a chain is in the order of the entries: by time, then id. */
struct chain_place {
    int64_t at_ms;
    char id[CHAIN_ID_MAX + 1];
};

struct chain_item {
    char id[CHAIN_ID_MAX + 1];
    char sha256[SHA256_HEX_SIZE]; /* of the entry's stored BSON */
};

struct chain_record {
    const char *audit_db, *tenant_id;
    int64_t seq;      /* 1, 2, 3 … */
    const char *prev; /* hash of the record before; "" in the first */
    int64_t at_ms;
    struct chain_place upto; /* everything that was visible up to here has been chained */
    size_t n;
    struct chain_item *items;
    char hash[SHA256_HEX_SIZE]; /* as stored, or as chain_append made it */
};

/* <0, 0, >0: entry (at_ms, id) lies before, at or behind the place. */
int chain_compare(int64_t at_ms, const char *id, const struct chain_place *place);

/* SHA-256 of: seq, prev, audit_db, tenant_id, at_ms, upto's at_ms and id, a line each; then a line
 * "id sha256" an item. */
void chain_hash(const struct chain_record *record, char out[static SHA256_HEX_SIZE]);

/* `scope` is the registry's (tenant_id NULL) throughout. */
bool chain_ensure(struct scope *scope, struct err *err); /* collection and index */

/* Adds a record: its hash is filled in. ERR_DUPLICATE when there is one of this number. */
bool chain_append(struct scope *scope, struct chain_record *record, struct err *err);

/* The records of a chain, newest first (dir -1) or oldest first (1); limit 0: all. */
mongoc_cursor_t *chain_find(struct scope *scope, const char *audit_db, const char *tenant_id,
                            int dir, int64_t limit);

/* A stored record, in the arena. False when it is none. */
bool chain_parse(const bson_t *doc, struct arena *arena, struct chain_record *record);

#endif

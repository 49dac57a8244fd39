/* What is known of the migration (out of the shared database) or move (to another cluster) of a
 * tenant: kept in ADMIN_DB_NAME, `migrations`, so that any host goes on where another stopped. */
#ifndef ERP_PLATFORM_MIGRATE_STATE_H
#define ERP_PLATFORM_MIGRATE_STATE_H

#include <jansson.h>
#include "platform/copy.h"

#define MIGRATIONS "migrations"

enum migrate_stage {
    MIGRATE_PLANNED,
    MIGRATE_COPYING,
    MIGRATE_COPIED,   /* and being caught up */
    MIGRATE_SWITCHED,  /* the target is the tenant's database */
    MIGRATE_FINISHING, /* what was left at the source goes: no way back */
    MIGRATE_FINISHED,  /* and is gone */
    MIGRATE_RETURNING  /* going back to the source, or giving up: no way on */
};

enum { PAIR_DATA, PAIR_AUDIT, N_PAIRS };

/* Everything is in the job's arena. */
struct migration {
    const char *tenant_id, *slug;
    bool move;                                               /* the tenant has an entry already */
    const char *business_name, *business_type, *admin_email; /* NULL for a move */
    const char *license_type;   /* NULL: free */
    int64_t max_users, max_branches; /* -1: not said */
    const json_t *features;          /* NULL: those of the type */
    enum migrate_stage stage;
    int64_t switched_ms; /* when; 0: not yet */
    bool held;                                       /* writes at the source, asked for */
    const char *from_uri, *from_db; /* as the entry has, or had, them */
    const char *from_strong;        /* whose account may hold and remove there; NULL: ours */
    const char *to_uri, *to_db;     /* an account that may do everything there */
    const char *own_uri; /* what the entry gets: with the tenant's own account; NULL: none yet */
    struct copy_pair pairs[N_PAIRS]; /* both sides with the operator's accounts */
    const bson_t *places[N_PAIRS];   /* NULL before copying */
    bool places_proved;              /* at them both sides were the same, under the hold */
    const char *late; /* a collection of the source that was written after that; NULL: none */
    const bson_t *proof; /* an array: what was left at the source; NULL: see migrate_proof.h */
    const bson_t *doc;                               /* as stored */
};

const char *migrate_stage_name(enum migrate_stage stage);

/* Fills in `pairs`. */
void migration_pairs(const struct job *job, struct migration *m);

bool migration_load(const struct job *job, const char *tenant_id, struct migration *m, bool *found);
bool migration_add(const struct job *job, struct migration *m);
bool migration_remove(const struct job *job, const struct migration *m);
/* $set of these members. */
bool migration_set(const struct job *job, const struct migration *m, const bson_t *set);
/* Stores how far the changes of the source have been followed; `proved` as in the struct. */
bool migration_set_places(const struct job *job, struct migration *m, const bson_t *data,
                          const bson_t *audit, bool proved);
/* The same for one address, sealed. */
bool migration_set_uri(const struct job *job, const struct migration *m, const char *key,
                       const char *uri);
bool migration_set_stage(const struct job *job, struct migration *m, enum migrate_stage stage);

/* How far the copy of a collection is: done, or behind *last (NULL: at the beginning). */
bool migration_is_done(const struct job *job, const struct migration *m, int pair,
                       const char *collection, const bson_t **last);
bool migration_set_last(const struct job *job, const struct migration *m, int pair,
                        const char *collection, const bson_t *key);
bool migration_add_done(const struct job *job, const struct migration *m, int pair,
                        const char *collection);

/* Holds or releases the tenant's writes at the source (tenant/hold.h); of the shared database
 * those of all who are migrated are held together, as one rule. */
bool migration_hold(const struct job *job, struct migration *m, bool held);

/* How far a tenant is on its way; MIGRATE_FINISHED also when it is on none. */
bool migration_pending(const struct job *job, const char *tenant_id, enum migrate_stage *stage);

#endif

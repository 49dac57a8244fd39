/* Steps of upgrades that go through a collection by lots of records, with what other records say of
 * them read once a lot. The memory used is that of one lot, however many there are. */
#ifndef ERP_PLATFORM_UPGRADE_LOT_H
#define ERP_PLATFORM_UPGRADE_LOT_H

#include "engine/ids.h"
#include "platform/job.h"

#define UPGRADE_LOT 200

struct upgrade_lot {
    struct arena *arena; /* of this lot alone */
    struct scope *scope;
    struct err *err;
    int decimals;
    const char *missing; /* the member that those lack that are looked for; NULL: another filter */
    const bson_t *docs[UPGRADE_LOT];
    size_t n;
    struct ids ids;
    const bson_t **others; /* by their place in `ids`; NULL: there is none */
    int64_t changed;       /* in all lots: the step counts them */
};

/* In the arena of `scope`; to be freed. */
struct upgrade_lot *upgrade_lot_new(const struct job *job, const struct tenant *tenant,
                                    struct scope *scope);
void upgrade_lot_free(struct upgrade_lot *l);

/* `noun` as it was given to upgrade_lot_each. */
typedef bool upgrade_lot_body(struct upgrade_lot *l, const char *noun);

/* Calls `body` for each lot of the records of `noun` that match. While it runs the scope's arena is
 * the lot's. */
bool upgrade_lot_each(struct upgrade_lot *l, const char *noun, const bson_t *filter,
                      const bson_t *opts, upgrade_lot_body *body);

const char *upgrade_collection(const char *noun);

/* After l->ids got all ids: makes room for what they lead to. */
void upgrade_lot_sort(struct upgrade_lot *l);
/* Keeps the documents whose member `key` is one of l->ids. */
bool upgrade_lot_take(struct upgrade_lot *l, mongoc_cursor_t *cursor, const char *key);
/* The one that was kept for this id (NULL: none), or NULL. */
const bson_t *upgrade_lot_other(const struct upgrade_lot *l, const char *id);

#endif

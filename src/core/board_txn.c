/* Transactions under way, so that one whose worker died can be ended by others: the server itself
 * would hold its locks until its limit for transactions is over. Called by tenant/clients.c. */
#include "base.h"
#include "core/board_map.h"
#include "core/clock.h"

#define LEFT_US INT64_C(120000000) /* no server lets a transaction live for longer */

/* Words of a session id, in the order in which they are read. */
static void store_session(_Atomic uint64_t words[static 2], const uint8_t *session)
{
    for (size_t i = 0; i < 2; i++) {
        uint64_t word;

        memcpy(&word, session + i * sizeof word, sizeof word);
        atomic_store_explicit(&words[i], word, memory_order_relaxed);
    }
}

static void load_session(uint8_t *session, _Atomic uint64_t words[static 2])
{
    for (size_t i = 0; i < 2; i++) {
        uint64_t word = atomic_load_explicit(&words[i], memory_order_relaxed);

        memcpy(session + i * sizeof word, &word, sizeof word);
    }
}

void board_txn_begin(struct board *board, uint64_t client,
                     const uint8_t session[static BOARD_SESSION])
{
    struct board_slot *slot = board->slot;

    if (!slot || atomic_load_explicit(&slot->txn_client, memory_order_relaxed) != 0)
        return;
    store_session(slot->txn_session, session);
    atomic_store_explicit(&slot->txn_client, client, memory_order_release);
}

void board_txn_end(struct board *board, const uint8_t session[static BOARD_SESSION])
{
    uint8_t ours[BOARD_SESSION];

    if (!board->slot)
        return;
    load_session(ours, board->slot->txn_session);
    if (memcmp(ours, session, sizeof ours) == 0)
        atomic_store_explicit(&board->slot->txn_client, 0, memory_order_release);
}

void board_txn_inherit(struct board_map *map, struct board_slot *slot)
{
    uint8_t session[BOARD_SESSION];
    uint64_t client;
    struct board_left *left;

    load_session(session, slot->txn_session);
    client = atomic_exchange(&slot->txn_client, 0);
    if (client == 0)
        return;
    left = &map->lefts[atomic_fetch_add(&map->lefts_made, 1) % BOARD_LEFTS];
    atomic_store(&left->client, 0);
    store_session(left->session, session);
    atomic_store_explicit(&left->since_us, clock_mono_us(), memory_order_relaxed);
    atomic_store_explicit(&left->client, client, memory_order_release);
}

/* Takes it away for the one who asks: true for one process alone. */
static bool take(_Atomic uint64_t *at, uint64_t client, _Atomic uint64_t words[static 2],
                 uint8_t *session)
{
    load_session(session, words);
    return atomic_compare_exchange_strong(at, &client, 0);
}

bool board_txn_left(struct board *board, uint64_t client, uint8_t session[static BOARD_SESSION])
{
    struct board_map *map = board->map;
    uint32_t used = atomic_load(&map->slots_used);

    for (uint32_t i = 0; i < used; i++) {
        struct board_slot *slot = &map->slots[i];

        if (atomic_load_explicit(&slot->txn_client, memory_order_acquire) == client &&
            !board_alive(atomic_load(&slot->owner), true) &&
            take(&slot->txn_client, client, slot->txn_session, session))
            return true;
    }
    for (size_t i = 0; i < BOARD_LEFTS; i++) {
        struct board_left *left = &map->lefts[i];

        if (atomic_load_explicit(&left->client, memory_order_acquire) == client &&
            clock_mono_us() - atomic_load_explicit(&left->since_us, memory_order_relaxed) <
                LEFT_US &&
            take(&left->client, client, left->session, session))
            return true;
    }
    return false;
}

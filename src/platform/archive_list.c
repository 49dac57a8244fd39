/* The list of an archive's members, found by name: there may be as many as a business has files. */
#include "base.h"
#include "platform/archive_pack.h"

static void *need(void *memory)
{
    if (!memory)
        die("out of memory: an archive");
    return memory;
}

/* The slot of a name, or the free one where it would be. */
static size_t slot_of(const struct pack_list *list, const char *name)
{
    size_t at = (size_t)hash64(name, strlen(name)) & (list->n_slots - 1);

    while (list->slots[at] && strcmp(list->items[list->slots[at] - 1].name, name) != 0)
        at = (at + 1) & (list->n_slots - 1);
    return at;
}

struct pack_member *pack_list_find(const struct pack_list *list, const char *name)
{
    size_t at = list->n_slots ? slot_of(list, name) : 0;

    return list->n_slots && list->slots[at] ? &list->items[list->slots[at] - 1] : NULL;
}

static void grow(struct pack_list *list)
{
    list->room = list->room ? 2 * list->room : 64;
    list->items = need(realloc(list->items, list->room * sizeof *list->items));
    free(list->slots);
    list->n_slots = 2 * list->room;
    list->slots = need(calloc(list->n_slots, sizeof *list->slots));
    for (size_t i = 0; i < list->n; i++)
        list->slots[slot_of(list, list->items[i].name)] = (uint32_t)i + 1;
}

struct pack_member *pack_list_add(struct pack_list *list, const char *name)
{
    struct pack_member *member;

    if (list->n == list->room)
        grow(list);
    member = &list->items[list->n++];
    *member = (struct pack_member){.name = need(strdup(name)), .documents = -1};
    list->slots[slot_of(list, name)] = (uint32_t)list->n;
    return member;
}

void pack_list_release(struct pack_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        free(list->items[i].name);
    free(list->items);
    free(list->slots);
    *list = (struct pack_list){0};
}

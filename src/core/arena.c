/* Memory of one request, in blocks. Ordinary blocks are all of one size and go to a small reserve
 * at reset; a block for something larger is given back. Refuses nothing: it aborts. Everything
 * that runs inside a request allocates here. */
#include "base.h"
#include "core/arena.h"
#include "core/err.h"

/* Under the sanitizer each allocation is a block of its own: it then sees every byte past one,
 * and every use after a reset. */
#ifdef ERP_ASAN
#define BLOCK_BYTES ((size_t)0)
#else
#define BLOCK_BYTES ((size_t)16 * 1024)
#endif
#define RESERVE_BYTES ((size_t)512 * 1024)
#define ALIGNMENT     _Alignof(max_align_t)

struct block {
    struct block *next;
    size_t cap;
    size_t used;
    _Alignas(max_align_t) unsigned char bytes[];
};

struct deferred {
    struct deferred *next;
    void (*fn)(void *data);
    void *data;
};

struct arena {
    struct block *blocks; /* the head is the one being filled */
    struct block *spare;  /* all of BLOCK_BYTES */
    struct deferred *deferred;
    size_t spare_bytes;
    size_t used;
    size_t limit;
};

static struct block *block_get(struct arena *arena, size_t size)
{
    struct block *block = arena->spare;

    if (block && size <= block->cap) {
        arena->spare = block->next;
        arena->spare_bytes -= block->cap;
    } else {
        size_t cap = size > BLOCK_BYTES ? size : BLOCK_BYTES;

        block = malloc(sizeof *block + cap);
        if (!block)
            die("out of memory: %zu bytes for a request", cap);
        block->cap = cap;
    }
    block->used = 0;
    return block;
}

static void block_put(struct arena *arena, struct block *block)
{
    if (block->cap != BLOCK_BYTES || arena->spare_bytes + block->cap > RESERVE_BYTES) {
        free(block);
        return;
    }
    block->next = arena->spare;
    arena->spare = block;
    arena->spare_bytes += block->cap;
}

static void run_deferred(struct arena *arena)
{
    /* One by one from the head: a deferred call may itself defer. */
    while (arena->deferred) {
        struct deferred *d = arena->deferred;

        arena->deferred = d->next;
        d->fn(d->data);
    }
}

static void free_blocks(struct block *block)
{
    while (block) {
        struct block *next = block->next;

        free(block);
        block = next;
    }
}

struct arena *arena_new(size_t limit)
{
    struct arena *arena = calloc(1, sizeof *arena);

    if (!arena)
        die("out of memory: an arena");
    arena->limit = limit;
    return arena;
}

void arena_free(struct arena *arena)
{
    if (!arena)
        return;
    run_deferred(arena);
    free_blocks(arena->blocks);
    free_blocks(arena->spare);
    free(arena);
}

void arena_reset(struct arena *arena)
{
    run_deferred(arena);
    while (arena->blocks) {
        struct block *block = arena->blocks;

        arena->blocks = block->next;
        block_put(arena, block);
    }
    arena->used = 0;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    struct block *head = arena->blocks;
    size_t step;
    void *p;

    size += size == 0;
    if (size > arena->limit - arena->used)
        die("arena limit passed: %zu + %zu > %zu bytes", arena->used, size, arena->limit);
    arena->used += size;
    if (!head || size > head->cap - head->used) {
        struct block *block = block_get(arena, size);

        /* A large block is full at once: it goes behind the head, which still has room. */
        if (head && block->cap > BLOCK_BYTES) {
            block->next = head->next;
            head->next = block;
        } else {
            block->next = head;
            arena->blocks = block;
        }
        head = block;
    }
    p = head->bytes + head->used;
    step = (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
    head->used = step > head->cap - head->used ? head->cap : head->used + step;
    return memset(p, 0, size);
}

char *arena_strndup(struct arena *arena, const char *text, size_t len)
{
    char *copy;

    len = strnlen(text, len);
    copy = arena_alloc(arena, len + 1);
    memcpy(copy, text, len);
    return copy;
}

char *arena_strdup(struct arena *arena, const char *text)
{
    return text ? arena_strndup(arena, text, strlen(text)) : NULL;
}

char *arena_printf(struct arena *arena, const char *fmt, ...)
{
    va_list args, again;
    char *text;
    int len;

    va_start(args, fmt);
    va_copy(again, args);
    len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (len < 0)
        die("arena_printf: bad format \"%s\"", fmt);
    text = arena_alloc(arena, (size_t)len + 1);
    vsnprintf(text, (size_t)len + 1, fmt, again);
    va_end(again);
    return text;
}

void arena_defer(struct arena *arena, void (*fn)(void *data), void *data)
{
    struct deferred *d = arena_alloc(arena, sizeof *d);

    d->fn = fn;
    d->data = data;
    d->next = arena->deferred;
    arena->deferred = d;
}

size_t arena_used(const struct arena *arena)
{
    return arena->used;
}

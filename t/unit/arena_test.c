/* The arena: alignment, zeroing, reuse, the order of deferred calls, the limit. */
#include "base.h"
#include "core/arena.h"

#include <setjmp.h>
#include <sys/wait.h>
#include <cmocka.h>

static void alloc_is_zeroed_and_aligned(void **state ERP_UNUSED)
{
    struct arena *arena = arena_new(1 << 20);

    for (int round = 0; round < 3; round++) {
        for (size_t size = 0; size < 600; size += 7) {
            unsigned char *p = arena_alloc(arena, size);

            assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
            for (size_t i = 0; i < size; i++)
                assert_int_equal(p[i], 0);
            memset(p, 0xa5, size);
        }
        assert_true(arena_used(arena) > 0);
        arena_reset(arena);
        assert_int_equal(arena_used(arena), 0);
    }
    arena_free(arena);
    arena_free(NULL);
}

static void allocations_do_not_overlap(void **state ERP_UNUSED)
{
    enum { N = 400 };
    struct arena *arena = arena_new(8 << 20);
    unsigned char *p[N];
    size_t size[N];

    for (int i = 0; i < N; i++) {
        size[i] = i % 50 == 0 ? 40000 : (size_t)(i * 37 % 900 + 1);
        p[i] = arena_alloc(arena, size[i]);
        memset(p[i], i & 0xff, size[i]);
    }
    for (int i = 0; i < N; i++)
        for (size_t k = 0; k < size[i]; k++)
            assert_int_equal(p[i][k], i & 0xff);
    arena_free(arena);
}

static void copies(void **state ERP_UNUSED)
{
    struct arena *arena = arena_new(1 << 20);

    assert_null(arena_strdup(arena, NULL));
    assert_string_equal(arena_strdup(arena, ""), "");
    assert_string_equal(arena_strdup(arena, "shop"), "shop");
    assert_string_equal(arena_strndup(arena, "techland", 4), "tech");
    assert_string_equal(arena_strndup(arena, "ab", 40), "ab");
    assert_string_equal(arena_printf(arena, "%s-%06d", "SALE", 12), "SALE-000012");
    assert_int_equal(strlen(arena_printf(arena, "%100000s", "x")), 100000);
    arena_free(arena);
}

static char order[16];

static void note(void *data)
{
    size_t len = strlen(order);

    assert_true(len + 1 < sizeof order);
    order[len] = *(const char *)data;
    order[len + 1] = '\0';
}

static struct arena *late_arena;

static void note_and_defer(void *data)
{
    static char inner[] = "i";

    note(data);
    arena_defer(late_arena, note, inner);
}

static void deferred_calls_run_newest_first_once(void **state ERP_UNUSED)
{
    struct arena *arena = arena_new(1 << 20);
    char a[] = "a", b[] = "b", c[] = "c";

    order[0] = '\0';
    arena_defer(arena, note, a);
    arena_defer(arena, note, b);
    arena_defer(arena, note, c);
    arena_reset(arena);
    assert_string_equal(order, "cba");
    arena_reset(arena);
    assert_string_equal(order, "cba");

    order[0] = '\0';
    late_arena = arena;
    arena_defer(arena, note, a);
    arena_defer(arena, note_and_defer, b);
    arena_free(arena);
    assert_string_equal(order, "bia");
}

/* The signal that ends a child which allocates `bytes` from an arena limited to 1,000. */
static int child_signal(size_t bytes)
{
    int status;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        struct arena *arena = arena_new(1000);
        int null = open("/dev/null", O_WRONLY);

        dup2(null, STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        arena_alloc(arena, 500);
        arena_alloc(arena, bytes);
        arena_free(arena);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void passing_the_limit_aborts(void **state ERP_UNUSED)
{
    assert_int_equal(child_signal(500), 0);
    assert_int_equal(child_signal(501), SIGABRT);
    assert_int_equal(child_signal(SIZE_MAX), SIGABRT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alloc_is_zeroed_and_aligned),
        cmocka_unit_test(allocations_do_not_overlap),
        cmocka_unit_test(copies),
        cmocka_unit_test(deferred_calls_run_newest_first_once),
        cmocka_unit_test(passing_the_limit_aborts),
    };
    return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}

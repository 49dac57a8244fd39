/* The board, with real processes: creation, slots of killed workers, epochs, breakers, bulkhead.
 * The monotonic clock is ours (linked with --wrap), so no test waits. */
#include "base.h"
#include "core/board.h"
#include "core/clock.h"

#include <sched.h>
#include <setjmp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <cmocka.h>

static char folder[] = "/tmp/board_test.XXXXXX";
static char path[64];
static int64_t ahead_us; /* how far our clock is ahead; children inherit it */

int64_t __real_clock_mono_us(void);
int64_t __wrap_clock_mono_us(void);

int64_t __wrap_clock_mono_us(void)
{
    return __real_clock_mono_us() + ahead_us;
}

static struct board *open_board(void)
{
    struct board *board = board_open(path);

    assert_non_null(board);
    return board;
}

/* A child that runs `fn` on a handle of its own. With `stay` it then waits to be killed; what fn
 * returns comes back at once, so that the caller knows that it has run. */
struct child {
    pid_t pid;
    int result;
};

static struct child run_child(int (*fn)(struct board *board), bool stay)
{
    struct child child;
    int fds[2];

    assert_int_equal(pipe(fds), 0);
    child.pid = fork();
    assert_true(child.pid >= 0);
    if (child.pid == 0) {
        struct board *board = board_open(path);
        int result = board ? fn(board) : -1;

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (write(fds[1], &result, sizeof result) != (ssize_t)sizeof result)
            _exit(1);
        while (stay)
            pause();
        board_close(board);
        _exit(0);
    }
    close(fds[1]);
    assert_int_equal(read(fds[0], &child.result, sizeof child.result), sizeof child.result);
    close(fds[0]);
    if (!stay)
        assert_int_equal(waitpid(child.pid, NULL, 0), child.pid);
    return child;
}

static void kill_child(struct child child)
{
    assert_int_equal(kill(child.pid, SIGKILL), 0);
    assert_int_equal(waitpid(child.pid, NULL, 0), child.pid);
}

static int fresh_path(void **state ERP_UNUSED)
{
    unlink(path);
    ahead_us = 0;
    return 0;
}

static void put_file(const char *text, size_t len)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

static void file_is_made_once(void **state ERP_UNUSED)
{
    mode_t mask = umask(077);
    struct board *a = open_board(), *b = open_board();
    struct stat st;

    umask(mask);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0660);
    assert_true(board_epoch(a, "techland") == board_epoch(b, "techland"));
    board_bump(a, "techland");
    assert_true(board_epoch(a, "techland") == board_epoch(b, "techland"));
    assert_true(board_epoch(b, "techland") > 1);
    board_close(a);
    board_close(b);
    board_close(NULL);
    a = open_board();
    assert_true(board_epoch(a, "techland") > 1);
    board_close(a);
}

static void other_files_are_left_alone(void **state ERP_UNUSED)
{
    char text[16] = "";
    FILE *f;

    put_file("precious data", 13);
    assert_null(board_open(path));
    assert_int_equal(errno, EEXIST);
    f = fopen(path, "r");
    assert_non_null(fgets(text, sizeof text, f));
    fclose(f);
    assert_string_equal(text, "precious data");
    assert_null(board_open("/nonexistent/board"));
    assert_int_equal(errno, ENOENT);
    assert_null(board_open(folder));
}

static void old_versions_are_replaced(void **state ERP_UNUSED)
{
    struct board *board;

    put_file("ERPBOARD\xff\0\0\0\1\0\0\0rest", 20);
    board = open_board();
    assert_true(board_claim(board));
    board_close(board);
    put_file("", 0);
    board = open_board();
    assert_true(board_claim(board));
    board_close(board);
}

static void workers_that_start_at_once_share_one_file(void **state ERP_UNUSED)
{
    enum { N = 8 };
    pid_t pids[N];
    struct board *board;
    int hold[2];

    assert_int_equal(pipe(hold), 0);
    for (int i = 0; i < N; i++) {
        pids[i] = fork();
        assert_true(pids[i] >= 0);
        if (pids[i] == 0) {
            static struct board *held; /* until the end of the process */
            char c;

            close(hold[1]);
            if (read(hold[0], &c, 1) != 0) /* released when the parent closes its end */
                _exit(1);
            held = board_open(path);
            _exit(held && board_claim(held) ? 0 : 1);
        }
    }
    close(hold[0]);
    close(hold[1]);
    for (int i = 0; i < N; i++) {
        int status;

        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    /* They ended without giving their slots back; nobody is there. */
    board = open_board();
    assert_int_equal(board_workers(board), 0);
    board_close(board);
}

static int work(struct board *board)
{
    if (!board_claim(board))
        return 0;
    board_busy(board, "POST /api/sales");
    board_tenant(board, "techland");
    board_count(board, BC_REQUESTS, 5);
    return 1;
}

static void slots_show_their_owner(void **state ERP_UNUSED)
{
    struct board *board = open_board();
    struct child child = run_child(work, true);
    struct board_slot_info info;
    uint64_t sum[BC_COUNT];

    assert_int_equal(child.result, 1);
    assert_true(board_slot(board, 0, &info));
    assert_int_equal(info.pid, child.pid);
    assert_int_equal(info.state, BOARD_BUSY);
    assert_string_equal(info.tenant, "techland");
    assert_string_equal(info.route, "POST /api/sales");
    assert_true(clock_ms() - info.started_ms < 60000);
    assert_int_equal(info.counters[BC_REQUESTS], 5);
    assert_false(board_slot(board, 1, &info));
    assert_false(board_slot(board, BOARD_SLOTS, &info));

    assert_true(board_claim(board));
    assert_true(board_claim(board));
    assert_int_equal(board_workers(board), 2);
    board_count(board, BC_REQUESTS, 2);
    board_sum(board, sum);
    assert_int_equal(sum[BC_REQUESTS], 7);
    board_busy(board, "GET /");
    board_tenant(board, "salon");
    board_idle(board);
    assert_true(board_slot(board, 1, &info));
    assert_int_equal(info.state, BOARD_IDLE);
    assert_string_equal(info.tenant, "");
    assert_string_equal(info.route, "");
    kill_child(child);
    assert_int_equal(board_workers(board), 1);
    board_close(board);
}

static void slot_of_a_killed_worker_is_reclaimed(void **state ERP_UNUSED)
{
    struct board *board = open_board();
    struct child child = run_child(work, true);
    struct board_slot_info info;
    uint64_t sum[BC_COUNT];

    kill_child(child);
    assert_false(board_slot(board, 0, &info));
    board_sum(board, sum);
    assert_int_equal(sum[BC_REQUESTS], 5);
    assert_true(board_claim(board));
    assert_true(board_slot(board, 0, &info));
    assert_int_equal(info.pid, getpid());
    assert_int_equal(info.state, BOARD_IDLE);
    assert_int_equal(info.counters[BC_REQUESTS], 0);
    board_count(board, BC_REQUESTS, 1);
    board_sum(board, sum);
    assert_int_equal(sum[BC_REQUESTS], 6);
    board_close(board);
    board = open_board();
    board_sum(board, sum);
    assert_int_equal(sum[BC_REQUESTS], 6);
    assert_false(board_slot(board, 0, &info));
    board_close(board);
}

static void a_full_board_refuses(void **state ERP_UNUSED)
{
    static struct board *handles[BOARD_SLOTS + 1];

    for (int i = 0; i <= BOARD_SLOTS; i++) {
        handles[i] = open_board();
        assert_int_equal(board_claim(handles[i]), i < BOARD_SLOTS);
    }
    board_busy(handles[BOARD_SLOTS], "GET /"); /* without a slot: nothing happens */
    board_count(handles[BOARD_SLOTS], BC_REQUESTS, 1);
    assert_int_equal(board_workers(handles[0]), BOARD_SLOTS);
    board_close(handles[7]);
    assert_true(board_claim(handles[BOARD_SLOTS]));
    for (int i = 0; i <= BOARD_SLOTS; i++)
        if (i != 7)
            board_close(handles[i]);
}

static void bulkhead_ignores_the_dead(void **state ERP_UNUSED)
{
    struct board *board = open_board();
    struct child children[3];

    for (int i = 0; i < 3; i++)
        children[i] = run_child(work, true);
    assert_true(board_claim(board));
    assert_int_equal(board_tenant_busy(board, "techland"), 3);
    board_busy(board, "GET /api/products");
    assert_int_equal(board_tenant_busy(board, "techland"), 3);
    board_tenant(board, "techland");
    assert_int_equal(board_tenant_busy(board, "techland"), 4);
    assert_int_equal(board_tenant_busy(board, "salon"), 0);
    kill_child(children[1]);
    assert_int_equal(board_tenant_busy(board, "techland"), 3);
    board_tenant(board, NULL);
    assert_int_equal(board_tenant_busy(board, "techland"), 2);
    kill_child(children[0]);
    kill_child(children[2]);
    assert_int_equal(board_tenant_busy(board, "techland"), 0);
    board_close(board);
}

static int bump_one(struct board *board)
{
    board_bump(board, "techland");
    return 0;
}

static int bump_all(struct board *board)
{
    board_bump_all(board);
    return 0;
}

static void bumps_cross_processes(void **state ERP_UNUSED)
{
    struct board *board = open_board();
    uint64_t techland = board_epoch(board, "techland"), salon = board_epoch(board, "salon");

    assert_true(techland > 0);
    run_child(bump_one, false);
    assert_true(board_epoch(board, "techland") != techland);
    assert_true(board_epoch(board, "salon") == salon);
    techland = board_epoch(board, "techland");
    run_child(bump_all, false);
    assert_true(board_epoch(board, "techland") != techland);
    assert_true(board_epoch(board, "salon") != salon);
    board_close(board);
}

static int beat(struct board *board)
{
    board_heartbeat(board);
    return 0;
}

static void heartbeat_ages(void **state ERP_UNUSED)
{
    struct board *board = open_board();

    assert_false(board_watcher_alive(board));
    run_child(beat, false);
    assert_true(board_watcher_alive(board));
    ahead_us = 4500000;
    assert_true(board_watcher_alive(board));
    ahead_us = 5100000 + 2000000;
    assert_false(board_watcher_alive(board));
    ahead_us = -10000000; /* after a reboot the clock starts again */
    assert_false(board_watcher_alive(board));
    board_close(board);
}

#define CLUSTER UINT64_C(0x1234567890abcdef)

static int ask(struct board *board)
{
    int retry = 0;

    return board_breaker_allow(board, CLUSTER, &retry) ? 0 : retry;
}

static int fail_once(struct board *board)
{
    board_breaker_fail(board, CLUSTER);
    return 0;
}

static void breaker_opens_after_three(void **state ERP_UNUSED)
{
    struct board *board = open_board();

    assert_int_equal(ask(board), 0);
    board_breaker_ok(board, CLUSTER);
    run_child(fail_once, false);
    run_child(fail_once, false);
    assert_int_equal(ask(board), 0);
    board_breaker_ok(board, CLUSTER); /* not in a row */
    run_child(fail_once, false);
    run_child(fail_once, false);
    assert_int_equal(ask(board), 0);
    run_child(fail_once, false);
    assert_int_equal(ask(board), 1);
    /* Another cluster, also one at the same place of the table, is not touched. */
    assert_true(board_breaker_allow(board, CLUSTER + 1, &(int){0}));
    assert_true(board_breaker_allow(board, CLUSTER + BOARD_BREAKERS, &(int){0}));
    for (int i = 0; i < 3; i++)
        board_breaker_fail(board, CLUSTER + BOARD_BREAKERS);
    assert_false(board_breaker_allow(board, CLUSTER + BOARD_BREAKERS, &(int){0}));
    board_breaker_ok(board, CLUSTER + BOARD_BREAKERS);
    assert_int_equal(ask(board), 1);
    board_close(board);
}

static void breaker_pauses_double(void **state ERP_UNUSED)
{
    static const int pauses[] = {1, 2, 3, 3, 3, 3};
    struct board *board = open_board();

    for (int i = 0; i < 3; i++)
        fail_once(board);
    for (size_t i = 0; i < ARRAY_LEN(pauses); i++) {
        assert_int_equal(ask(board), pauses[i]);
        fail_once(board); /* of a request begun before: changes nothing */
        ahead_us += pauses[i] * INT64_C(1000000) - 500000;
        assert_int_equal(ask(board), 1);
        ahead_us += 500000;
        assert_int_equal(ask(board), 0);
        assert_int_equal(ask(board), 1); /* the probe is out */
        fail_once(board);
    }
    ahead_us += 3000000;
    assert_int_equal(ask(board), 0);
    board_breaker_ok(board, CLUSTER);
    assert_int_equal(ask(board), 0);
    assert_int_equal(ask(board), 0);
    fail_once(board);
    assert_int_equal(ask(board), 0);
    board_close(board);
}

static void lost_probes_and_reboots_do_not_block(void **state ERP_UNUSED)
{
    struct board *board = open_board();

    for (int i = 0; i < 3; i++)
        fail_once(board);
    ahead_us += 1000000;
    assert_int_equal(run_child(ask, false).result, 0); /* a probe that never reports… */
    assert_int_equal(ask(board), 1);
    ahead_us += 10000000;
    assert_int_equal(ask(board), 0); /* … is given away again */
    fail_once(board);
    ahead_us -= INT64_C(100000000);
    assert_int_equal(ask(board), 0);
    board_close(board);
}

static void one_probe_among_eight(void **state ERP_UNUSED)
{
    enum { N = 8, ROUNDS = 20 };
    struct board *board = open_board();

    for (int i = 0; i < 3; i++)
        fail_once(board);
    for (int round = 0; round < ROUNDS; round++) {
        pid_t pids[N];
        int hold[2], probes = 0;

        ahead_us += 10000000;
        assert_int_equal(pipe(hold), 0);
        for (int i = 0; i < N; i++) {
            pids[i] = fork();
            assert_true(pids[i] >= 0);
            if (pids[i] == 0) {
                char c;

                close(hold[1]);
                if (read(hold[0], &c, 1) != 0)
                    _exit(3);
                _exit(ask(board) == 0 ? 1 : 0);
            }
        }
        close(hold[0]);
        close(hold[1]);
        for (int i = 0; i < N; i++) {
            int status;

            assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
            assert_true(WIFEXITED(status) && WEXITSTATUS(status) < 2);
            probes += WEXITSTATUS(status);
        }
        assert_int_equal(probes, 1);
        fail_once(board);
    }
    board_close(board);
}

/* An owner that writes all the time, until it is killed. */
static pid_t fork_flickering_owner(void)
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        struct board *board = board_open(path);

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (!board || !board_claim(board))
            _exit(1);
        for (;;) {
            board_busy(board, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
            sched_yield();
            board_tenant(board, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
            board_idle(board);
            sched_yield();
        }
    }
    return pid;
}

static void copies_are_of_one_moment(void **state ERP_UNUSED)
{
    struct board *board = open_board();
    struct child child = {.pid = fork_flickering_owner()};
    struct board_slot_info info;
    int64_t until = clock_mono_us() + 3000000;
    int busy = 0, idle = 0;

    while (board_workers(board) == 0)
        sched_yield();
    while (clock_mono_us() < until && (busy < 500 || idle < 500)) {
        if (!board_slot(board, 0, &info))
            continue;
        if (info.state == BOARD_BUSY) {
            busy++;
            assert_int_equal(strlen(info.route), 47);
            assert_true(strlen(info.tenant) == 0 || strlen(info.tenant) == 29);
            assert_true(info.started_ms > 0);
        } else {
            idle++;
            assert_string_equal(info.route, "");
            assert_string_equal(info.tenant, "");
            assert_int_equal(info.started_ms, 0);
        }
    }
    assert_true(busy > 0 && idle > 0);
    kill_child(child);
    board_close(board);
}

/* Else a command of root's, run before the first worker, would shut the workers out. */
static void what_root_makes_is_the_folders(void **state ERP_UNUSED)
{
    struct stat st;

    if (geteuid() != 0)
        skip();
    assert_int_equal(chown(folder, 65534, 65533), 0);
    board_close(open_board());
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_uid, 65534);
    assert_int_equal(st.st_gid, 65533);
    assert_int_equal(st.st_mode & 07777, 0660);
    assert_int_equal(chown(folder, 0, 0), 0);
}

static int make_folder(void **state ERP_UNUSED)
{
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/board", folder);
    return 0;
}

static int in_login_pool(struct board *board)
{
    if (!work(board))
        return 0;
    board_pool(board, "login");
    return 1;
}

static void bulkhead_counts_its_own_pool(void **state ERP_UNUSED)
{
    struct board *board = open_board();
    struct child other = run_child(in_login_pool, true);
    struct board_slot_info slot;

    assert_true(board_claim(board));
    board_pool(board, "main");
    board_tenant(board, "techland");
    assert_int_equal(board_tenant_busy(board, "techland"), 1);
    assert_int_equal(board_pool_workers(board), 1);
    assert_int_equal(board_workers(board), 2);
    assert_true(board_slot(board, 0, &slot));
    assert_string_equal(slot.pool, "login");
    kill_child(other);
    board_close(board);
}

static int count_one(struct board *board)
{
    board_tenant_count(board, "techland", 7, (uint64_t[BT_COUNT]){[BT_REQUESTS] = 1});
    return 0;
}

static void tenants_have_counters(void **state ERP_UNUSED)
{
    struct board *board = open_board();
    struct board_tenant_info row;
    uint64_t rows = 0, others = 0;
    char slug[16];

    kill_child(run_child(count_one, true));
    count_one(board);
    assert_int_equal(board_tenant_cluster(board, "techland"), 7);
    assert_int_equal(board_tenant_cluster(board, "salon"), 0);
    /* More than there is room for: those beyond it are counted together, and nothing is lost. */
    for (int i = 0; i < 3 * BOARD_TENANTS; i++) {
        snprintf(slug, sizeof slug, "t%d", i);
        board_tenant_count(board, slug, 0, (uint64_t[BT_COUNT]){[BT_REQUESTS] = 1});
    }
    for (size_t i = 0; i <= BOARD_TENANTS; i++) {
        if (!board_tenant_row(board, i, &row))
            continue;
        if (strcmp(row.slug, "techland") == 0)
            assert_int_equal(row.counters[BT_REQUESTS], 2);
        rows += row.slug[0] ? row.counters[BT_REQUESTS] : 0;
        others += row.slug[0] ? 0 : row.counters[BT_REQUESTS];
    }
    assert_int_equal(rows + others, 3 * BOARD_TENANTS + 2);
    assert_true(rows > BOARD_TENANTS * 9 / 10);
    assert_false(board_tenant_row(board, BOARD_TENANTS + 1, &row));
    board_close(board);
}

static void details_end_by_themselves(void **state ERP_UNUSED)
{
    struct board *board = open_board();
    struct board_debug_info row;
    int64_t now = clock_ms();
    char slug[16];

    assert_false(board_debug_on(board, "techland"));
    assert_true(board_debug_set(board, "techland", now + 60000));
    assert_true(board_debug_on(board, "techland"));
    assert_false(board_debug_on(board, "salon"));
    assert_true(board_debug_row(board, 0, &row));
    assert_string_equal(row.slug, "techland");
    assert_true(board_debug_set(board, "techland", now - 1));
    assert_false(board_debug_on(board, "techland"));
    assert_false(board_debug_row(board, 0, &row));
    for (int i = 0; i < BOARD_DEBUGS; i++) {
        snprintf(slug, sizeof slug, "t%d", i);
        assert_true(board_debug_set(board, slug, now + 60000));
    }
    assert_false(board_debug_set(board, "techland", now + 60000));
    assert_true(board_debug_set(board, "t5", 0));
    assert_true(board_debug_set(board, "techland", now + 60000));
    assert_true(board_debug_set(board, "nobody", 0));
    board_close(board);
}

#define HANGING 77

static int wait_for_it(struct board *board)
{
    if (!board_claim(board))
        return 0;
    board_waits(board, HANGING, clock_mono_us());
    return 1;
}

static void who_waits_warns_the_others(void **state ERP_UNUSED)
{
    struct board *board = open_board();
    struct child first = run_child(wait_for_it, true), second;

    assert_true(board_claim(board));
    ahead_us += 600000;
    assert_false(board_cluster_hangs(board, HANGING)); /* one may be a slow report */
    second = run_child(wait_for_it, true);
    assert_false(board_cluster_hangs(board, HANGING)); /* too early */
    ahead_us += 600000;
    assert_true(board_cluster_hangs(board, HANGING));
    assert_false(board_cluster_hangs(board, HANGING + 1));
    board_answered(board, HANGING);
    assert_false(board_cluster_hangs(board, HANGING)); /* slow, but there */
    ahead_us += 600000;
    assert_true(board_cluster_hangs(board, HANGING));
    assert_false(board_breaker_suspected(board, HANGING));
    assert_true(board_breaker_suspect(board, HANGING)); /* one probe */
    assert_false(board_breaker_suspect(board, HANGING));
    assert_true(board_breaker_suspected(board, HANGING));
    assert_false(board_breaker_allow(board, HANGING, &(int){0}));
    board_breaker_ok(board, HANGING);
    assert_false(board_breaker_suspected(board, HANGING));
    assert_true(board_breaker_suspect(board, HANGING));
    board_breaker_trip(board, HANGING); /* silent indeed: no suspicion any more */
    assert_false(board_breaker_suspected(board, HANGING));
    assert_false(board_breaker_allow(board, HANGING, &(int){0}));
    board_breaker_ok(board, HANGING);
    assert_true(board_breaker_allow(board, HANGING, &(int){0}));
    kill_child(first);
    assert_false(board_cluster_hangs(board, HANGING)); /* the dead wait for nothing */
    kill_child(second);
    board_close(board);
}

#define TURN UINT64_C(0x7072)

static int take_turn(struct board *board)
{
    return board_turn(board, TURN, 0);
}

static void a_turn_ends_with_its_holder(void **state ERP_UNUSED)
{
    struct board *board = open_board();
    struct child child;

    assert_true(board_turn(board, TURN, 0));
    child = run_child(take_turn, false);
    assert_int_equal(child.result, 0); /* ours */
    board_turn_end(board, TURN);
    child = run_child(take_turn, true);
    assert_int_equal(child.result, 1);
    assert_false(board_turn(board, TURN, 0));
    assert_true(board_turn(board, TURN + 1, 0)); /* another key's */
    kill_child(child);
    assert_true(board_turn(board, TURN, 5000000));
    board_close(board);
}

#define ACCOUNT UINT64_C(0xC1)

static const uint8_t first_session[BOARD_SESSION] = "the first one..";
static const uint8_t second_session[BOARD_SESSION] = "another one....";

static int in_a_transaction(struct board *board)
{
    if (!board_claim(board))
        return 0;
    board_txn_begin(board, ACCOUNT, first_session);
    board_txn_begin(board, ACCOUNT + 1, second_session); /* inside it: the first counts */
    board_txn_end(board, second_session);
    return 1;
}

static int after_a_transaction(struct board *board)
{
    in_a_transaction(board);
    board_txn_end(board, first_session);
    return 1;
}

static void a_dead_worker_leaves_its_transaction(void **state ERP_UNUSED)
{
    struct board *board = open_board();
    uint8_t session[BOARD_SESSION];
    struct child child, heir;

    assert_true(board_claim(board));
    child = run_child(in_a_transaction, true);
    assert_false(board_txn_left(board, ACCOUNT, session)); /* it lives */
    kill_child(child);
    assert_false(board_txn_left(board, ACCOUNT + 1, session));
    assert_true(board_txn_left(board, ACCOUNT, session));
    assert_memory_equal(session, first_session, sizeof session);
    assert_false(board_txn_left(board, ACCOUNT, session)); /* told once */
    kill_child(run_child(in_a_transaction, true));
    heir = run_child(after_a_transaction, true); /* has the slot, and what was left in it */
    assert_false(board_txn_left(board, ACCOUNT + 1, session));
    assert_true(board_txn_left(board, ACCOUNT, session));
    assert_memory_equal(session, first_session, sizeof session);
    kill_child(heir); /* was in none */
    assert_false(board_txn_left(board, ACCOUNT, session));
    kill_child(run_child(in_a_transaction, true));
    kill_child(run_child(after_a_transaction, true));
    ahead_us += INT64_C(121000000);
    assert_false(board_txn_left(board, ACCOUNT, session)); /* the server has ended it long ago */
    board_close(board);
}

static int remove_folder(void **state ERP_UNUSED)
{
    unlink(path);
    return rmdir(folder); /* which also says that nothing else was left in it */
}

#define FRESH(test) cmocka_unit_test_setup(test, fresh_path)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FRESH(file_is_made_once),
        FRESH(what_root_makes_is_the_folders),
        FRESH(other_files_are_left_alone),
        FRESH(old_versions_are_replaced),
        FRESH(workers_that_start_at_once_share_one_file),
        FRESH(slots_show_their_owner),
        FRESH(slot_of_a_killed_worker_is_reclaimed),
        FRESH(a_full_board_refuses),
        FRESH(bulkhead_ignores_the_dead),
        FRESH(bulkhead_counts_its_own_pool),
        FRESH(tenants_have_counters),
        FRESH(details_end_by_themselves),
        FRESH(who_waits_warns_the_others),
        FRESH(bumps_cross_processes),
        FRESH(heartbeat_ages),
        FRESH(breaker_opens_after_three),
        FRESH(breaker_pauses_double),
        FRESH(lost_probes_and_reboots_do_not_block),
        FRESH(one_probe_among_eight),
        FRESH(copies_are_of_one_moment),
        FRESH(a_turn_ends_with_its_holder),
        FRESH(a_dead_worker_leaves_its_transaction),
    };
    return cmocka_run_group_tests_name("board", tests, make_folder, remove_folder);
}

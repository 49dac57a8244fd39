/* erpctl watch: the watcher of this host, until it is told to end. What it follows and what it
 * tells the workers is tenant/watch.c. */
#include "base.h"
#include "commands/commands.h"
#include "core/clock.h"
#include "core/log.h"
#include "tenant/watch.h"

#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define NAP_NS   100000000 /* after a turn that found a server away */
#define AGAIN_US INT64_C(5000000) /* between two starts of the auditor */

/* One watcher a board: the kernel gives the lock back with its holder, however that ends. Returns
 * the descriptor, or -1 after having said why not. */
static int lock_board(const struct ctl *ctl)
{
    int fd = open(ctl->conf.board_path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    fprintf(stderr, "erpctl watch: %s\n",
            errno == EWOULDBLOCK ? "another watcher of this host runs already" : strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

static const char *state_path(const struct ctl *ctl)
{
    const char *given = ctl->conf.watch_state;

    return given && *given ? given : arena_printf(ctl->arena, "%s.watch", ctl->conf.board_path);
}

/* The auditor waits for the databases of all tenants, for seconds when one hangs, and revoked
 * access must not wait with it: so it is a process of its own, begun anew, since no client of the
 * driver may be shared. It ends with the watcher, however that ends. */
struct auditor_child {
    pid_t pid;
    int64_t started_us;
};

static void start_auditor(struct auditor_child *child)
{
    char *const args[] = {(char[]){"erpctl"}, (char[]){"audit"}, (char[]){"chain"}, NULL};
    pid_t parent = getpid();

    child->started_us = clock_mono_us();
    child->pid = fork();
    if (child->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        /* Standard output is for the watcher's own result. */
        if (getppid() == parent && dup2(STDERR_FILENO, STDOUT_FILENO) >= 0)
            execv("/proc/self/exe", args);
        _exit(EXIT_FAILED);
    }
    if (child->pid < 0)
        log_event(LOG_LVL_ERROR, "auditor_not_started", "why", strerror(errno), NULL);
}

static void keep_auditor(struct auditor_child *child)
{
    if (child->pid > 0 && waitpid(child->pid, NULL, WNOHANG) == child->pid) {
        log_event(LOG_LVL_WARN, "auditor_ended", NULL);
        child->pid = 0;
    }
    if (child->pid <= 0 &&
        (!child->started_us || clock_mono_us() - child->started_us >= AGAIN_US))
        start_auditor(child);
}

static void stop_auditor(const struct auditor_child *child)
{
    if (child->pid <= 0)
        return;
    kill(child->pid, SIGTERM);
    waitpid(child->pid, NULL, 0);
}

static int run_watch(struct ctl *ctl)
{
    struct auditor_child auditor = {0};
    const struct timespec nap = {.tv_nsec = NAP_NS};
    struct watch_counts counts;
    struct watch *watch;
    int lock = lock_board(ctl);

    if (lock < 0)
        return EXIT_FAILED;
    ctl_catch_stop();
    watch = watch_new(&ctl->conf, ctl->board, ctl->clients, state_path(ctl));
    while (!ctl_stopping) {
        keep_auditor(&auditor);
        if (!watch_turn(watch) && !ctl_stopping)
            nanosleep(&nap, NULL);
    }
    counts = watch_counts(watch);
    watch_free(watch);
    stop_auditor(&auditor);
    close(lock);
    log_event(LOG_LVL_INFO, "watch_ended", NULL);
    print_result(ctl,
                 json_pack("{s:I, s:I}", "events", (json_int_t)counts.events, "drops",
                           (json_int_t)counts.drops),
                 "%" PRIu64 " changes followed, everything dropped %" PRIu64 " times",
                 counts.events, counts.drops);
    return EXIT_OK;
}

const struct command cmd_watch = {
    .name = "watch",
    .summary = "follow the changes of registry and users, and tell the workers of this host, "
               "until SIGTERM",
    .details = "Runs once on every host, as a service. While it runs, a change that was made "
               "anywhere, also by hand, is seen by the workers of this host within a second; "
               "without it they believe what they have read for 5 s at most. Where it was is kept "
               "in the file that ERP_WATCH_STATE names. When that place can no longer be had from "
               "the database, everything that is cached is read anew. Beside itself it keeps the "
               "auditor running (erpctl audit chain).",
    .needs = NEEDS_PLATFORM,
    .run = run_watch,
};

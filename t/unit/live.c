#include "base.h"
#include "live.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define PAIRS 64

struct orders {
    char text[64];
    _Atomic int times;
    _Atomic bool after;
};

struct proxy {
    struct orders *orders; /* shared with the child */
    struct sockaddr_storage server;
    socklen_t server_len;
    pid_t child;
    uint16_t port;
    char url[1024];
};

struct pair {
    int client;
    int server;
    bool doomed; /* breaks when the server answers */
};

static char board_path[64];

static void fail(const char *what)
{
    printf("Bail out! %s: %s\n", what, strerror(errno));
    exit(1);
}

int live_missing(void)
{
    const char *require = getenv("ERP_TEST_REQUIRE_LIVE");

    if (getenv("ERP_TEST_MONGO_URL"))
        return -1;
    if (require && strcmp(require, "1") == 0) {
        puts("Bail out! ERP_TEST_REQUIRE_LIVE=1, but ERP_TEST_MONGO_URL names no server");
        return 1;
    }
    puts("1..0 # SKIP ERP_TEST_MONGO_URL names no server");
    /* 77 says "skipped" to make check; prove, which reads the line above, wants 0. */
    return getenv("HARNESS_ACTIVE") ? 0 : 77;
}

const char *live_url(void)
{
    return getenv("ERP_TEST_MONGO_URL");
}

static int listen_on(uint16_t *port)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(*port)};
    socklen_t len = sizeof addr;
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof addr) != 0 || listen(fd, 32) != 0 ||
        getsockname(fd, (struct sockaddr *)&addr, &len) != 0)
        fail("proxy: listen");
    *port = ntohs(addr.sin_port);
    return fd;
}

static void pair_close(struct pair *pair)
{
    if (pair->client >= 0)
        close(pair->client);
    if (pair->server >= 0)
        close(pair->server);
    *pair = (struct pair){-1, -1, false};
}

static bool write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);

        if (n <= 0)
            return false;
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

static bool chosen(struct orders *orders, const char *bytes, size_t len)
{
    if (orders->times <= 0 || !memmem(bytes, len, orders->text, strlen(orders->text)))
        return false;
    orders->times--;
    return true;
}

/* Moves what one side sent to the other; false ends the pair. */
static bool forward(struct pair *pair, bool from_client, struct orders *orders)
{
    static char bytes[1 << 18];
    ssize_t n = read(from_client ? pair->client : pair->server, bytes, sizeof bytes);

    if (n <= 0 || (!from_client && pair->doomed))
        return false;
    if (from_client && chosen(orders, bytes, (size_t)n)) {
        if (!orders->after)
            return false;
        pair->doomed = true;
    }
    return write_all(from_client ? pair->server : pair->client, bytes, (size_t)n);
}

static void accept_one(struct proxy *proxy, int listener, struct pair *pairs)
{
    int client = accept(listener, NULL, NULL);

    for (size_t i = 0; client >= 0 && i < PAIRS; i++) {
        if (pairs[i].client >= 0)
            continue;
        pairs[i].client = client;
        pairs[i].server = socket(proxy->server.ss_family, SOCK_STREAM, 0);
        if (connect(pairs[i].server, (struct sockaddr *)&proxy->server, proxy->server_len) != 0)
            pair_close(&pairs[i]);
        return;
    }
    close(client);
}

static void serve(struct proxy *proxy, int listener)
{
    struct pair pairs[PAIRS];
    struct pollfd fds[1 + 2 * PAIRS];

    for (size_t i = 0; i < PAIRS; i++)
        pairs[i] = (struct pair){-1, -1, false};
    for (;;) {
        fds[0] = (struct pollfd){.fd = listener, .events = POLLIN};
        for (size_t i = 0; i < PAIRS; i++) {
            fds[1 + 2 * i] = (struct pollfd){.fd = pairs[i].client, .events = POLLIN};
            fds[2 + 2 * i] = (struct pollfd){.fd = pairs[i].server, .events = POLLIN};
        }
        if (poll(fds, ARRAY_LEN(fds), -1) < 0)
            continue;
        for (size_t i = 0; i < PAIRS; i++)
            if ((fds[1 + 2 * i].revents && !forward(&pairs[i], true, proxy->orders)) ||
                (fds[2 + 2 * i].revents && !forward(&pairs[i], false, proxy->orders)))
                pair_close(&pairs[i]);
        if (fds[0].revents)
            accept_one(proxy, listener, pairs);
    }
}

void proxy_revive(struct proxy *proxy)
{
    int listener;

    proxy_kill(proxy);
    listener = listen_on(&proxy->port);
    fflush(NULL);
    proxy->child = fork();
    if (proxy->child < 0)
        fail("proxy: fork");
    if (proxy->child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGPIPE, SIG_IGN);
        serve(proxy, listener);
    }
    close(listener);
}

/* Never with a number that stands for more than this one child: a test that failed before may
 * have left none. */
static void signal_child(struct proxy *proxy, int signo)
{
    if (proxy->child > 1)
        kill(proxy->child, signo);
}

void proxy_kill(struct proxy *proxy)
{
    signal_child(proxy, SIGKILL);
    if (proxy->child > 1)
        waitpid(proxy->child, NULL, 0);
    proxy->child = 0;
}

void proxy_freeze(struct proxy *proxy)
{
    signal_child(proxy, SIGSTOP);
}

void proxy_thaw(struct proxy *proxy)
{
    signal_child(proxy, SIGCONT);
}

/* host:port of the first server, and what stands before it and matters after it. */
static void take_url_apart(struct proxy *proxy, const char *url)
{
    mongoc_uri_t *uri = mongoc_uri_new(url);
    const mongoc_host_list_t *host = uri ? mongoc_uri_get_hosts(uri) : NULL;
    const char *at = strrchr(url, '@');
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    char port[8];

    if (!host)
        fail("ERP_TEST_MONGO_URL");
    snprintf(port, sizeof port, "%u", host->port);
    if (getaddrinfo(host->host, port, &hints, &found) != 0)
        fail(host->host);
    memcpy(&proxy->server, found->ai_addr, found->ai_addrlen);
    proxy->server_len = found->ai_addrlen;
    freeaddrinfo(found);
    /* Directly: the members that the set knows would lead past the proxy. */
    snprintf(proxy->url, sizeof proxy->url, "%.*s127.0.0.1:%u/?directConnection=true&authSource=%s",
             (int)(at ? at + 1 - url : (long)strlen("mongodb://")), url, proxy->port,
             mongoc_uri_get_auth_source(uri));
    mongoc_uri_destroy(uri);
}

struct proxy *proxy_start(void)
{
    struct proxy *proxy = calloc(1, sizeof *proxy);

    if (!proxy)
        fail("proxy");
    proxy->orders = mmap(NULL, sizeof *proxy->orders, PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (proxy->orders == MAP_FAILED)
        fail("proxy: mmap");
    close(listen_on(&proxy->port));
    take_url_apart(proxy, live_url());
    proxy_revive(proxy);
    return proxy;
}

void proxy_stop(struct proxy *proxy)
{
    proxy_kill(proxy);
    munmap(proxy->orders, sizeof *proxy->orders);
    free(proxy);
}

const char *proxy_url(const struct proxy *proxy)
{
    return proxy->url;
}

void proxy_break(struct proxy *proxy, const char *text, int times, bool after)
{
    proxy->orders->times = 0;
    snprintf(proxy->orders->text, sizeof proxy->orders->text, "%s", text);
    proxy->orders->after = after;
    proxy->orders->times = times;
}

struct board *live_board(void)
{
    struct board *board;
    int fd;

    snprintf(board_path, sizeof board_path, "/tmp/live_test.XXXXXX");
    fd = mkstemp(board_path);
    if (fd < 0)
        fail("board");
    close(fd);
    unlink(board_path);
    board = board_open(board_path);
    if (!board || !board_claim(board))
        fail("board");
    return board;
}

void live_board_end(struct board *board)
{
    board_close(board);
    unlink(board_path);
}

/* The log: what a reader of the journal sees, and that no value can forge a line. */
#include "base.h"
#include "core/log.h"
#include "core/str.h"

#include <setjmp.h>
#include <cmocka.h>

static int saved_stderr, pipe_fd[2];

static int capture(void **state ERP_UNUSED)
{
    saved_stderr = dup(STDERR_FILENO);
    if (saved_stderr < 0 || pipe(pipe_fd) < 0)
        return -1;
    return dup2(pipe_fd[1], STDERR_FILENO) < 0 ? -1 : 0;
}

static int release(void **state ERP_UNUSED)
{
    dup2(saved_stderr, STDERR_FILENO);
    close(saved_stderr);
    close(pipe_fd[0]);
    close(pipe_fd[1]);
    log_set_level(LOG_LVL_INFO);
    return 0;
}

/* What was logged last, without its time stamp; the next call overwrites it. */
static const char *logged(void)
{
    static char line[8192];
    ssize_t n = read(pipe_fd[0], line, sizeof line - 1);

    assert_true(n > 0);
    line[n] = '\0';
    assert_ptr_equal(strchr(line, '\n'), line + n - 1);
    assert_memory_equal(line, "ts=2", 4);
    return strchr(line, ' ') + 1;
}

static void pairs(void **state ERP_UNUSED)
{
    log_event(LOG_LVL_INFO, "request", "route", "GET /api/products", "status", "200", "tenant",
              NULL, "ms", "1.5", NULL);
    assert_string_equal(logged(),
                        "level=info event=request route=\"GET /api/products\" status=200 ms=1.5\n");
    log_event(LOG_LVL_ERROR, "die", NULL);
    assert_string_equal(logged(), "level=error event=die\n");
}

static void values_cannot_forge(void **state ERP_UNUSED)
{
    log_event(LOG_LVL_WARN, "x", "a", "1\nlevel=error", "b", "say \"hi\\\"", "c", "", "d", "k=v",
              "e", "\x1b[31m\r\x7f\xff", "f", "caf\xc3\xa9 \xc2\x9b\xe2\x80\xa8", NULL);
    assert_string_equal(logged(),
                        "level=warn event=x a=\"1\\nlevel=error\" b=\"say \\\"hi\\\\\\\"\""
                        " c=\"\" d=\"k=v\" e=\"\\x1b[31m\\x0d\\x7f\\xff\""
                        " f=\"caf\xc3\xa9 \\xc2\\x9b\\xe2\\x80\\xa8\"\n");
}

static void long_values_are_cut(void **state ERP_UNUSED)
{
    char text[6001];
    const char *line;

    for (size_t len = 3950; len < 6001; len++) {
        memset(text, 'v', len);
        text[len] = '\0';
        log_event(LOG_LVL_INFO, "long", "value", text, "after", "z", NULL);
        line = logged();
        assert_true(strlen(line) <= PIPE_BUF);
        assert_true(strstr(line, "vvv\" after=z\n") || strstr(line, "vvv\"\n") ||
                    strstr(line, "vvv...\"\n"));
    }
    memset(text, '"', 6000);
    log_event(LOG_LVL_INFO, "long", "value", text, NULL);
    line = logged();
    assert_string_equal(line + strlen(line) - 7, "\\\"...\"\n");
}

static void levels(void **state ERP_UNUSED)
{
    enum log_level level;

    log_set_level(LOG_LVL_WARN);
    log_event(LOG_LVL_INFO, "hidden", NULL);
    log_event(LOG_LVL_WARN, "shown", NULL);
    assert_string_equal(logged(), "level=warn event=shown\n");
    assert_true(log_level_parse("debug", &level));
    assert_int_equal(level, LOG_LVL_DEBUG);
    assert_true(log_level_parse("error", &level));
    assert_int_equal(level, LOG_LVL_ERROR);
    assert_false(log_level_parse("INFO", &level));
    assert_false(log_level_parse("", &level));
}

static void uri_hosts_without_credentials(void **state ERP_UNUSED)
{
    static const struct {
        const char *uri, *host;
    } rows[] = {
        {"mongodb://localhost", "localhost"},
        {"mongodb://u:secret@db1:27017,db2:27017/x?w=1", "db1:27017,db2:27017"},
        {"mongodb+srv://u:p%40ss@cluster0.example.net/?tls=true", "cluster0.example.net"},
        {"mongodb://u:p@ss@h/", "h"},
        {"mongodb://u:se/cret@h/", "?"},
        {"mongodb://u:se?cret@h", "?"},
        {"mongodb://u:se#cret@h", "?"},
        {"", ""},
    };
    char out[64];

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        log_uri_host(out, sizeof out, rows[i].uri);
        assert_string_equal(out, rows[i].host);
    }
    log_uri_host(out, 4, "mongodb://localhost");
    assert_string_equal(out, "loc");
}

#define CAPTURED(test) cmocka_unit_test_setup_teardown(test, capture, release)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CAPTURED(pairs),
        CAPTURED(values_cannot_forge),
        CAPTURED(long_values_are_cut),
        CAPTURED(levels),
        cmocka_unit_test(uri_hosts_without_credentials),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}

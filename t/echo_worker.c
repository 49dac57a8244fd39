/* echo-worker: a FastCGI worker that tells what nginx gave it, for the tests of nginx and of the
 * supervisor, which need a worker that is slow, rude or large when they ask for it.
 *
 * Replies with a JSON object of its parameters and "BODY_BYTES". The query says more, in any
 * order: ms=N (sleep first), status=N, bytes=N (a filler of N bytes), exit=N (end without a
 * reply). Ends after the request in hand on SIGTERM, as erpd does.
 */
#include "base.h"

#include <fcgiapp.h>
#include <poll.h>

static void on_stop(int signo ERP_UNUSED)
{
    FCGX_ShutdownPending();
}

/* The number after `name` in the query, else `fallback`. */
static long option(const char *query, const char *name, long fallback)
{
    const char *at = query != NULL ? strstr(query, name) : NULL;
    return at != NULL ? strtol(at + strlen(name), NULL, 10) : fallback;
}

static void print_quoted(FCGX_Stream *out, const char *text, size_t len)
{
    FCGX_PutChar('"', out);
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c < ' ' || c == '"' || c == '\\' || c > 0x7e)
            FCGX_FPrintF(out, "\\u%04x", c);
        else
            FCGX_PutChar(c, out);
    }
    FCGX_PutChar('"', out);
}

static void reply(FCGX_Request *request)
{
    const char *query = FCGX_GetParam("QUERY_STRING", request->envp);
    long left = option(query, "bytes=", 0);
    long body = 0;

    if (option(query, "exit=", -1) >= 0)
        _exit((int)option(query, "exit=", 0));
    while (FCGX_GetChar(request->in) >= 0)
        body++;
    poll(NULL, 0, (int)option(query, "ms=", 0));
    FCGX_FPrintF(request->out, "Status: %ld\r\nContent-Type: application/json\r\n\r\n{",
                 option(query, "status=", 200));
    for (char **pair = request->envp; *pair != NULL; pair++) {
        size_t name = strcspn(*pair, "=");
        print_quoted(request->out, *pair, name);
        FCGX_PutChar(':', request->out);
        print_quoted(request->out, *pair + name + 1, strlen(*pair + name + 1));
        FCGX_PutChar(',', request->out);
    }
    FCGX_FPrintF(request->out, "\"PID\":\"%d\",\"filler\":\"", (int)getpid());
    while (left-- > 0)
        FCGX_PutChar('x', request->out);
    FCGX_FPrintF(request->out, "\",\"BODY_BYTES\":%ld}\n", body);
}

int main(void)
{
    struct sigaction stop = {.sa_handler = on_stop}; /* without SA_RESTART: accept has to end */
    FCGX_Request request;

    sigaction(SIGTERM, &stop, NULL);
    if (FCGX_Init() != 0 || FCGX_InitRequest(&request, 0, FCGI_FAIL_ACCEPT_ON_INTR) != 0)
        return 1;
    while (FCGX_Accept_r(&request) == 0) {
        reply(&request);
        FCGX_Finish_r(&request);
    }
    return 0;
}

/* libcurl, and nobody else uses it. Follows no redirection: a token is for one server. */
#include "base.h"
#include "commands/fetch.h"

#include <curl/curl.h>

#define TIMEOUT_MS 20000L
#define BODY_MAX   ((size_t)64 * 1024 * 1024)
#define TRIES      20

struct fetch {
    CURL *curl;
    const char *base;
};

static size_t take(char *bytes, size_t size, size_t n, void *data)
{
    struct str *body = data;

    if (body->len + size * n > BODY_MAX)
        return 0;
    str_add(body, bytes, size * n);
    return size * n;
}

struct fetch *fetch_new(const char *base, const char *cacert)
{
    struct fetch *fetch = calloc(1, sizeof *fetch);

    if (!fetch || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK ||
        !(fetch->curl = curl_easy_init()))
        die("libcurl does not start");
    fetch->base = base;
    curl_easy_setopt(fetch->curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(fetch->curl, CURLOPT_TIMEOUT_MS, TIMEOUT_MS);
    curl_easy_setopt(fetch->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(fetch->curl, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
    curl_easy_setopt(fetch->curl, CURLOPT_WRITEFUNCTION, take);
    if (cacert)
        curl_easy_setopt(fetch->curl, CURLOPT_CAINFO, cacert);
    return fetch;
}

void fetch_free(struct fetch *fetch)
{
    if (!fetch)
        return;
    curl_easy_cleanup(fetch->curl);
    curl_global_cleanup();
    free(fetch);
}

bool fetch_get(struct fetch *fetch, const char *path, const char *token, struct str *body,
               long *status, struct err *err)
{
    struct str url;
    CURLcode code = CURLE_OK;

    str_init(&url);
    str_addf(&url, "%.*s%s",
             (int)(strlen(fetch->base) - (fetch->base[strlen(fetch->base) - 1] == '/')),
             fetch->base, path);
    curl_easy_setopt(fetch->curl, CURLOPT_URL, url.p);
    curl_easy_setopt(fetch->curl, CURLOPT_XOAUTH2_BEARER, token);
    curl_easy_setopt(fetch->curl, CURLOPT_WRITEDATA, body);
    for (int i = 0; i < TRIES; i++) {
        str_clear(body);
        *status = 0;
        code = curl_easy_perform(fetch->curl);
        curl_easy_getinfo(fetch->curl, CURLINFO_RESPONSE_CODE, status);
        if (code != CURLE_OK || *status != 429)
            break;
        sleep(1);
    }
    str_release(&url);
    return code == CURLE_OK || err_set(err, ERR_DB_UNAVAILABLE, "%s%s: %s", fetch->base, path,
                                       curl_easy_strerror(code));
}

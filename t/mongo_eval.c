/* mongo-eval [URI] DB: runs database commands, one line of extended JSON each, from standard
 * input, and prints each reply as one line of relaxed extended JSON.
 *
 * A line may name another database before the command: `techland {"count":"products"}`. The URI
 * may come from MONGO_EVAL_URI instead. Exit status: 0 all succeeded, 1 some failed (their
 * replies say why), 2 used wrongly. For ./dev and the tests; nothing of it is installed.
 */
#include "base.h"

#include <bson/bson.h>
#include <mongoc/mongoc.h>

/* The command's reply in `line`, or what the driver said when no server answered. */
static void print_reply(const bson_t *reply, const bson_error_t *error)
{
    bson_t *own = NULL;
    if (!bson_has_field(reply, "ok"))
        own = BCON_NEW("ok", BCON_INT32(0), "errmsg", BCON_UTF8(error->message), "code",
                       BCON_INT32((int32_t)error->code));
    char *json = bson_as_relaxed_extended_json(own != NULL ? own : reply, NULL);
    puts(json != NULL ? json : "{\"ok\":0,\"errmsg\":\"reply is not valid BSON\"}");
    fflush(stdout);
    bson_free(json);
    if (own != NULL)
        bson_destroy(own);
}

static bool print_failure(const char *message)
{
    bson_t none = BSON_INITIALIZER;
    bson_error_t error;
    bson_set_error(&error, 0, 0, "%s", message);
    print_reply(&none, &error);
    return false;
}

/* Runs one line on the database that it names, else on `db`. */
static bool run_line(mongoc_client_t *client, const char *db, char *line)
{
    char *json = strchr(line, '{');
    if (json == NULL)
        return print_failure("no command in this line");
    if (json > line + 1 && json[-1] == ' ') {
        json[-1] = '\0';
        db = line;
    }
    bson_error_t error = {0};
    bson_t *command = bson_new_from_json((const uint8_t *)json, -1, &error);
    if (command == NULL)
        return print_failure(error.message);
    bson_t reply;
    bool ok = mongoc_client_command_simple(client, db, command, NULL, &reply, &error);
    print_reply(&reply, &error);
    if (bson_has_field(&reply, "writeErrors") || bson_has_field(&reply, "writeConcernError"))
        ok = false;
    bson_destroy(&reply);
    bson_destroy(command);
    return ok;
}

int main(int argc, char **argv)
{
    const char *uri_text = argc == 3 ? argv[1] : getenv("MONGO_EVAL_URI");
    if ((argc != 2 && argc != 3) || uri_text == NULL) {
        fputs("usage: mongo-eval [URI] DB < commands (or MONGO_EVAL_URI and DB)\n", stderr);
        return 2;
    }
    mongoc_init();
    mongoc_log_set_handler(NULL, NULL); /* it would speak on standard output */
    int status = 0;
    bson_error_t error;
    char *line = NULL;
    size_t cap = 0;
    mongoc_client_t *client = NULL;
    mongoc_uri_t *uri = mongoc_uri_new_with_error(uri_text, &error);
    if (uri != NULL)
        client = mongoc_client_new_from_uri(uri);
    if (client == NULL) {
        fprintf(stderr, "mongo-eval: not a usable URI\n");
        status = 2;
        goto out;
    }
    mongoc_client_set_error_api(client, MONGOC_ERROR_API_VERSION_2);
    while (getline(&line, &cap, stdin) > 0) {
        if (line[strspn(line, " \n")] != '\0' && !run_line(client, argv[argc - 1], line))
            status = 1;
    }
out:
    free(line);
    if (client != NULL)
        mongoc_client_destroy(client);
    mongoc_uri_destroy(uri);
    mongoc_cleanup();
    return status;
}

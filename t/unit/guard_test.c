/* What would leave its tenant aborts, what stays inside passes. */
#include "base.h"
#include "db/guard.h"

#include <setjmp.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <cmocka.h>

typedef void guard(const struct scope *scope, const bson_t *doc);

/* Runs a guard in a child: true when it let the document pass. */
static bool passes(guard *fn, const char *tenant_id, const char *json)
{
    struct scope scope = {.tenant_id = tenant_id};
    int status;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        bson_error_t error;
        bson_t *doc = bson_new_from_json((const uint8_t *)json, -1, &error);
        int quiet = open("/dev/null", O_WRONLY);

        signal(SIGABRT, SIG_DFL);
        if (!doc)
            _exit(3);
        dup2(quiet, 2);
        fn(&scope, doc);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status)) {
        assert_int_equal(WEXITSTATUS(status), 0);
        return true;
    }
    assert_int_equal(WTERMSIG(status), SIGABRT);
    return false;
}

static void filters(void **state ERP_UNUSED)
{
    assert_true(passes(guard_filter, "a", "{\"tenant_id\": \"a\", \"id\": \"1\"}"));
    assert_true(passes(guard_filter, NULL, "{\"slug\": \"x\"}"));
    assert_false(passes(guard_filter, "a", "{\"tenant_id\": \"b\"}"));
    assert_false(passes(guard_filter, "a", "{}"));
    assert_false(passes(guard_filter, "a", "{\"id\": \"1\", \"tenant_id\": \"a\"}"));
    assert_false(passes(guard_filter, "a", "{\"tenant_id\": {\"$in\": [\"a\", \"b\"]}}"));
    assert_false(passes(guard_filter, "a", "{\"$or\": [{\"tenant_id\": \"a\"}]}"));
    assert_false(passes(guard_filter, "a", "{\"tenant_id\": \"a\\u0000b\"}"));
    assert_false(passes(guard_filter, "a", "{\"tenant_id\": null}"));
}

static void documents(void **state ERP_UNUSED)
{
    assert_true(passes(guard_document, "a", "{\"id\": \"1\", \"tenant_id\": \"a\"}"));
    assert_true(passes(guard_document, NULL, "{\"id\": \"1\"}"));
    assert_false(passes(guard_document, "a", "{\"id\": \"1\"}"));
    assert_false(passes(guard_document, "a", "{\"tenant_id\": \"b\"}"));
}

static void updates(void **state ERP_UNUSED)
{
    assert_true(passes(guard_update, "a", "{\"$set\": {\"x\": 1}, \"$inc\": {\"n\": 1}}"));
    assert_true(passes(guard_update, "a", "{\"$setOnInsert\": {\"tenant_id\": \"a\"}}"));
    assert_true(passes(guard_update, "a", "{\"tenant_id\": \"a\", \"x\": 1}"));
    assert_true(passes(guard_update, "a", "{\"0\": {\"$set\": {\"x\": {\"$add\": [1, 2]}}}}"));
    assert_true(passes(guard_update, NULL, "{\"$set\": {\"tenant_id\": \"b\"}}"));
    assert_false(passes(guard_update, "a", "{}"));
    assert_false(passes(guard_update, "a", "{\"x\": 1}"));
    assert_false(passes(guard_update, "a", "{\"$set\": {\"tenant_id\": \"b\"}}"));
    assert_false(passes(guard_update, "a", "{\"$unset\": {\"tenant_id\": \"\"}}"));
    assert_false(passes(guard_update, "a", "{\"$rename\": {\"x\": \"tenant_id\"}}"));
    assert_false(
        passes(guard_update, "a", "{\"$set\": {\"x\": 1}, \"$unset\": {\"tenant_id\": 1}}"));
    assert_false(passes(guard_update, "a", "{\"0\": {\"$replaceWith\": \"$$ROOT.other\"}}"));
    assert_false(passes(guard_update, "a", "{\"0\": {\"$set\": {\"tenant_id\": \"$other\"}}}"));
}

#define MATCH "{\"$match\": {\"tenant_id\": \"a\"}}"

static void pipelines(void **state ERP_UNUSED)
{
    assert_true(passes(guard_pipeline, "a", "{\"pipeline\": [" MATCH ", {\"$limit\": 1}]}"));
    assert_true(passes(guard_pipeline, "a", "{\"0\": " MATCH ", \"1\": {\"$limit\": 1}}"));
    assert_true(passes(guard_pipeline, "a",
                       "{\"pipeline\": [" MATCH ", {\"$lookup\": {\"from\": \"x\", \"as\": \"y\", "
                       "\"pipeline\": [" MATCH "]}}]}"));
    assert_true(passes(guard_pipeline, "a",
                       "{\"pipeline\": [" MATCH
                       ", {\"$facet\": {\"n\": [{\"$count\": \"n\"}]}}]}"));
    assert_true(passes(guard_pipeline, NULL, "{\"pipeline\": [{\"$limit\": 1}]}"));
    assert_false(passes(guard_pipeline, "a", "{\"pipeline\": []}"));
    assert_false(passes(guard_pipeline, "a", "{\"pipeline\": [{\"$limit\": 1}, " MATCH "]}"));
    assert_false(passes(guard_pipeline, "b", "{\"pipeline\": [" MATCH "]}"));
    assert_false(passes(guard_pipeline, "a", "{\"pipeline\": [" MATCH ", {\"$out\": \"x\"}]}"));
    assert_false(passes(guard_pipeline, "a",
                        "{\"pipeline\": [" MATCH ", {\"$merge\": {\"into\": \"x\"}}]}"));
    assert_false(passes(guard_pipeline, "a",
                        "{\"pipeline\": [" MATCH ", {\"$lookup\": {\"from\": \"x\", "
                        "\"localField\": \"a\", \"foreignField\": \"b\", \"as\": \"c\"}}]}"));
    assert_false(
        passes(guard_pipeline, "a", "{\"pipeline\": [" MATCH ", {\"$unionWith\": \"x\"}]}"));
    assert_false(passes(guard_pipeline, "a",
                        "{\"pipeline\": [" MATCH ", {\"$graphLookup\": {\"from\": \"x\"}}]}"));
    assert_false(passes(guard_pipeline, "a",
                        "{\"pipeline\": [" MATCH ", {\"$facet\": {\"n\": [{\"$lookup\": "
                        "{\"from\": \"x\", \"pipeline\": [{\"$limit\": 1}]}}]}}]}"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filters),
        cmocka_unit_test(documents),
        cmocka_unit_test(updates),
        cmocka_unit_test(pipelines),
    };
    struct rlimit no_core = {0, 0};

    setrlimit(RLIMIT_CORE, &no_core);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

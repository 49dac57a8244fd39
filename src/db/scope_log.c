/* What a scope tells while it works: the board that it waits, and the log what it did. Values of
 * filters and documents are nobody's business. Called by scope.c and txn.c. */
#include "base.h"
#include "db/scope.h"
#include "core/clock.h"
#include "core/log.h"

int64_t scope_waits(struct scope *scope)
{
    int64_t now = clock_mono_us();

    if (scope->waits)
        scope->waits(scope, now);
    return now;
}

void scope_waited(struct scope *scope)
{
    if (scope->waits)
        scope->waits(scope, 0);
}

void scope_log(struct scope *scope, int64_t took_us, const bson_error_t *error)
{
    char ms[32], code[24];

    if (!scope->op)
        return;
    if (log_enabled(LOG_LVL_DEBUG)) {
        snprintf(ms, sizeof ms, "%" PRId64 ".%03d", took_us / 1000, (int)(took_us % 1000));
        snprintf(code, sizeof code, "%u/%u", error ? error->domain : 0, error ? error->code : 0);
        log_event(LOG_LVL_DEBUG, "db", "db", scope->db_name, "command", scope->op, "collection",
                  scope->about, "ms", ms, "txn", scope->session ? "yes" : NULL, "error",
                  error ? code : NULL, NULL);
    }
    scope->op = scope->about = NULL;
}

const char *scope_command_name(const bson_t *command)
{
    bson_iter_t iter;

    return bson_iter_init(&iter, command) && bson_iter_next(&iter) ? bson_iter_key(&iter) : NULL;
}

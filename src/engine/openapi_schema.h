/* The parts of the OpenAPI document that operations point to: engine/openapi.c writes those. */
#ifndef ERP_ENGINE_OPENAPI_SCHEMA_H
#define ERP_ENGINE_OPENAPI_SCHEMA_H

#include "engine/resource.h"

/* What a row is: one of a resource's plain operations, a view of it, or an action. */
enum openapi_op {
    OPENAPI_ACTION,
    OPENAPI_LIST,
    OPENAPI_VIEW,
    OPENAPI_GET,
    OPENAPI_CREATE,
    OPENAPI_REPLACE,
    OPENAPI_PATCH,
    OPENAPI_DELETE,
    OPENAPI_BULK
};

enum openapi_op openapi_row_op(const struct route *row);

/* Is it a change of one record: a move along its states, or a row added to it? */
bool openapi_moves(const struct route *row);

/* May If-Match name the version of its record? */
bool openapi_versioned(const struct route *row);

/* The row's parameters: path, query and headers. */
json_t *openapi_row_parameters(const struct route *row);

/* components.schemas: three or four of each resource, the named ones of the actions, Problem. */
json_t *openapi_schemas(void);

/* {"$ref": "#/components/<section>/<name>"}. */
json_t *openapi_ref(const char *section, const char *name);

/* A field's schema as the kind gives it, with its limits: for parameters. */
json_t *openapi_field_schema(const struct field *field);

/* components.responses ("Problem404"…), parameters and headers (engine/openapi_parts.c). */
json_t *openapi_problems(void);
json_t *openapi_parameters(void);
json_t *openapi_headers(void);

/* The name under components.responses of the problems with this status, for `out` of `size`. */
void openapi_problem_name(int status, char *out, size_t size);

#endif

"""Where a test generator has to know more than the document can say.

ERP_TEST_KNOWN names a JSON file: "records", the ids that are there by the path of their list, and
"references", such a path by the name of a field. ERP_TEST_SEEN is where each reply is noted down.
"""
import json
import os

import schemathesis
from schemathesis.core.parameters import ParameterLocation

KNOWN = {"records": {}, "references": {}}
if os.environ.get("ERP_TEST_KNOWN"):
    with open(os.environ["ERP_TEST_KNOWN"]) as file:
        KNOWN = json.load(file)


@schemathesis.hook
def before_load_schema(ctx, raw_schema):
    """With ?fields= the records of a reply lack members, as was asked: not asked here."""
    for item in raw_schema["paths"].values():
        for operation in item.values():
            params = operation.get("parameters", [])
            operation["parameters"] = [p for p in params if p.get("name") != "fields"]


def sound(case, location):
    return case.meta is not None and not case.meta.is_negative_at(location)


@schemathesis.hook
def before_call(ctx, case, kwargs):
    """Sound requests name records that are there; a removal takes one of those in reserve."""
    path = case.operation.path
    ids = KNOWN["records"].get(path.split("/{")[0])
    if ids and "/{id}" in path and sound(case, ParameterLocation.PATH):
        removal = case.method.upper() == "DELETE" and len(ids) > 1
        case.path_parameters["id"] = ids.pop() if removal else ids[0]
    if isinstance(case.body, dict) and sound(case, ParameterLocation.BODY):
        for name in case.body:
            ids = KNOWN["records"].get(KNOWN["references"].get(name))
            if ids:
                case.body[name] = ids[0]


@schemathesis.hook
def after_call(ctx, case, response):
    if os.environ.get("ERP_TEST_SEEN"):
        with open(os.environ["ERP_TEST_SEEN"], "a") as file:
            print(case.method.upper(), case.operation.path, response.status_code, file=file)

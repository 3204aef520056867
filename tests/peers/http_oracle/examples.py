"""Hooks and checks of Schemathesis. Its environment has the OpenAPI document and the file for the figures."""

import atexit
import collections
import functools
import json
import os
import re
import urllib.parse

import schemathesis
from jsonschema_rs import Draft202012Validator

DOCUMENT = json.load(open(os.environ["ORACLE_DOCUMENT"]))
TAGS = [f"tag-{number}" for number in range(10)]
PATHS = DOCUMENT["paths"]

KINDS = ["fuzzed", "statuses", "refused", "lenient"]

figures = collections.defaultdict(lambda: {kind: collections.Counter() for kind in KINDS})


@atexit.register
def write_figures():
    with open(os.environ["ORACLE_FIGURES"], "w") as file:
        json.dump(figures, file, indent=1, sort_keys=True)


@functools.cache
def validator_of(text):
    return Draft202012Validator({**json.loads(text), "components": DOCUMENT["components"]})


def validator(schema):
    return validator_of(json.dumps(schema))


def name_of(case):
    return f"{case.method.upper()} {case.path}"


def schema_of_body(case):
    operation = PATHS[case.path][case.method.lower()]
    return operation["requestBody"]["content"]["application/json"]["schema"]


def parameters_of(case):
    return {parameter["name"]: parameter for parameter in PATHS[case.path][case.method.lower()].get("parameters", [])}


def resolved(schema):
    while "$ref" in schema:
        schema = DOCUMENT["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return schema


def is_documented(case):
    return case.method.lower() in PATHS.get(case.path, {})


def has_message(case):
    return is_documented(case) and case.path != "/openapi.json"


# Seven of eight requests name the bucket, the endpoint and the tags that exist.


def steer(message, schemas):
    def is_valid(name):
        return name in message and name in schemas and validator(schemas[name]).is_valid(message[name])

    if is_valid("bucket"):
        message["bucket"] = "media"
    if is_valid("endpoint"):
        message["endpoint"] = "default"
    if is_valid("tags"):
        message["tags"] = dict(zip(TAGS, message["tags"].values()))


# One of eight is written in the other ways that the broker accepts.


def snake(name):
    return re.sub("[A-Z]", lambda found: "_" + found[0].lower(), name)


def loose(value, schema):
    schema = resolved(schema)
    if isinstance(value, dict) and "properties" in schema:
        members = {snake(name): loose(member, schema["properties"].get(name, {})) for name, member in value.items()}
        # A oneof that has a value accepts null for the others too.
        return members | {snake(name): None for name in schema["properties"] if snake(name) not in members}
    if isinstance(value, str) and value in schema.get("enum", []) and value.startswith("TYPE_"):
        return schema["enum"].index(value) + 1
    if isinstance(value, str) and schema.get("contentEncoding") == "base64":
        return value.replace("+", "-").replace("/", "_").rstrip("=")
    if isinstance(value, str) and schema.get("pattern", "").endswith("s$"):
        return value.replace("s", ".000s")
    if isinstance(value, int) and schema.get("type") == ["string", "integer"]:
        return float(value)
    return value


@schemathesis.hook
def before_call(context, case, **kwargs):
    if not has_message(case):
        return
    choice = sum(map(ord, json.dumps([case.body if isinstance(case.body, dict) else None, case.query], default=str))) % 8
    if isinstance(case.body, dict):
        schema = resolved(schema_of_body(case))
        if choice != 0:
            steer(case.body, schema["properties"])
        if choice == 1 and is_permitted(case):
            case.body = loose(case.body, schema)
    elif case.query:
        schemas = {name: parameter["schema"] for name, parameter in parameters_of(case).items()}
        if choice != 0:
            steer(case.query, schemas)
        if choice == 1 and is_permitted(case):
            case.query = {snake(name): loose(value, schemas[name]) for name, value in case.query.items()}


@schemathesis.hook
def after_call(context, case, response):
    if is_documented(case):
        figures[name_of(case)]["statuses"][str(response.status_code)] += 1
        if case.meta and case.meta.phase.name.value == "fuzzing":
            figures[name_of(case)]["fuzzed"]["examples"] += 1


# What the schema forbids and the broker accepts must be a leniency that the document describes.


def camel(name):
    return re.sub("_([a-z0-9])", lambda found: found[1].upper(), name)


def strict(value, schema, found):
    """The value as the schema would have it. Adds the names of the leniencies that it removes to `found`."""
    schema = resolved(schema)
    if isinstance(value, dict):
        properties = schema.get("properties")
        if properties is None:
            return value
        result = {}
        for name, member in value.items():
            if name not in properties and camel(name) in properties:
                found.add("snake_case")
                name = camel(name)
            if member is None and name in properties:
                found.add("null")
                continue
            result[name] = strict(member, properties.get(name, {}), found)
        return result
    if "enum" in schema and isinstance(value, (int, float)) and not isinstance(value, bool) and value in range(1, len(schema["enum"]) + 1):
        # The numbers of the contract's enums have no gaps.
        found.add("number of an enum")
        return schema["enum"][int(value) - 1]
    if schema.get("contentEncoding") == "base64" and isinstance(value, str):
        plain = value.replace("-", "+").replace("_", "/").rstrip("=")
        plain += "=" * (-len(plain) % 4)
        if plain != value:
            found.add("alphabet or padding of base64")
        return plain
    if schema.get("type") == ["string", "integer"] and isinstance(value, (str, float, int)) and not isinstance(value, bool):
        # Above 2^53 as a JSON integer, and numbers such as 1e3 or 1.0.
        try:
            whole = int(value) if isinstance(value, int) or re.fullmatch("-?(0|[1-9][0-9]*)", str(value)) else int(float(value))
        except (ValueError, OverflowError):
            return value
        if 0 <= whole < 2**64 and (isinstance(value, int) or float(value) == whole):
            if not validator(schema).is_valid(value):
                found.add("form of an integer")
            return min(whole, 2**53 - 1)
    if schema.get("pattern", "").endswith("s$") and isinstance(value, str):
        seconds = re.fullmatch(r"(\d+)(\.0{1,9})?s", value)
        if seconds and seconds[0] != f"{int(seconds[1])}s":
            found.add("form of a duration")
            return f"{int(seconds[1])}s"
    return value


def typed(text, schema):
    """A value of a query as JSON has it."""
    schema = resolved(schema)
    if schema.get("type") == "boolean" and text in ("true", "false"):
        return text == "true"
    if "enum" in schema and re.fullmatch("-?[0-9]+", text):
        return int(text)
    return text


def message_of(case, request):
    """The message as it was sent, without leniencies, and these."""
    found = set()
    if case.method.upper() != "GET":
        return strict(json.loads(request.body), schema_of_body(case), found), found
    known = parameters_of(case)
    given = {}
    query = urllib.parse.urlsplit(request.url).query
    for name, text in urllib.parse.parse_qsl(query, keep_blank_values=True, errors="strict"):
        if name not in known and camel(name) in known:
            found.add("snake_case")
            name = camel(name)
        if name not in known or name in given:
            return None, found
        schema = known[name]["schema"]
        given[name] = strict(typed(text, schema), schema, found)
    return given, found


def problems_of(case, message):
    """What the schema forbids of a message."""
    if case.method.upper() != "GET":
        return [error.message for error in validator(schema_of_body(case)).iter_errors(message)]
    if message is None:
        return ["an unknown or repeated parameter"]
    problems = []
    for name, parameter in parameters_of(case).items():
        if name in message:
            problems += [error.message for error in validator(parameter["schema"]).iter_errors(message[name])]
        elif parameter["required"]:
            problems.append(f"no {name}")
    return problems


@schemathesis.check
def accepts_only_what_the_schema_permits(context, response, case):
    if response.status_code not in (200, 307) or not has_message(case):
        return
    message, found = message_of(case, response.request)
    problems = problems_of(case, message)
    assert not problems, f"accepted {message!r}: {problems}"
    for leniency in found:
        figures[name_of(case)]["lenient"][leniency] += 1


def is_permitted(case):
    """Whether the schema permits a request that is not sent yet."""
    if case.method.upper() == "GET":
        known = parameters_of(case)
        return set(case.query or {}) <= set(known) and not problems_of(case, case.query or {})
    return not problems_of(case, case.body)


@schemathesis.check
def names_the_field_that_the_schema_permits_and_the_broker_refuses(context, response, case):
    if response.status_code != 400 or not has_message(case):
        return
    try:
        message, _ = message_of(case, response.request)
    except ValueError:
        return
    if problems_of(case, message):
        return
    details = response.json()["details"]
    violations = [violation for detail in details for violation in detail.get("fieldViolations", [])]
    reason = next(detail["reason"] for detail in details if "reason" in detail)
    if reason == "REQUEST_INVALID":
        assert violations, f"refused {message!r}, which the schema permits: {response.json()['message']}"
    for violation in violations or [{"field": reason, "description": ""}]:
        figures[name_of(case)]["refused"][f"{violation['field']}: {violation['description']}"] += 1


@schemathesis.check
def gives_every_answer_the_headers_of_http(context, response, case):
    if response.status_code == 431:
        # Answered before a call is known.
        return
    headers = {name: values[0] for name, values in response.headers.items()}
    expected = {"cache-control": "no-store", "vary": "Authorization, Origin", "referrer-policy": "no-referrer", "x-content-type-options": "nosniff"}
    assert {name: headers.get(name) for name in expected} == expected, headers
    assert headers.get("x-request-id"), headers

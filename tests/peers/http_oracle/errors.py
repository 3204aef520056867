"""Judges answers that are errors by the OpenAPI document and by the Connect protocol. Prints how many."""

import base64
import json
import math
import sys

from jsonschema import Draft202012Validator

document, answers = (json.load(open(path)) for path in sys.argv[1:3])
schemas, response = document["components"]["schemas"], document["components"]["responses"]["Error"]
status_schema = Draft202012Validator({"$ref": "#/components/schemas/Status", "components": document["components"]})
reasons = schemas["ErrorReason"]["examples"]

# google.rpc.Code, and the statuses of HTTP that errors with this code may have.
STATUSES = {3: {400, 405, 406, 415}, 4: {504}, 5: {404}, 7: {403}, 8: {413, 429}, 9: {400}, 12: {404, 415},
            13: {500}, 14: {503}, 16: {401}}

# The table "Error Codes" of the Connect protocol.
CONNECT_STATUSES = {
    "canceled": 499, "unknown": 500, "invalid_argument": 400, "deadline_exceeded": 504, "not_found": 404,
    "already_exists": 409, "permission_denied": 403, "resource_exhausted": 429, "failed_precondition": 400,
    "aborted": 409, "out_of_range": 400, "unimplemented": 501, "internal": 500, "unavailable": 503, "data_loss": 500,
    "unauthenticated": 401,
}
CONNECT_ERROR = Draft202012Validator({
    "type": "object",
    "required": ["code", "message", "details"],
    "additionalProperties": False,
    "properties": {
        "code": {"enum": list(CONNECT_STATUSES)},
        "message": {"type": "string", "minLength": 1},
        "details": {"type": "array", "minItems": 1, "items": {
            "type": "object",
            "required": ["type", "value", "debug"],
            "additionalProperties": False,
            "properties": {
                "type": {"type": "string", "pattern": "^google\\.rpc\\.[A-Za-z]+$"},
                "value": {"type": "string", "pattern": "^[A-Za-z0-9+/]+$"},
                "debug": {"type": "object"},
            },
        }},
    },
})


def hold_headers(answer, details):
    headers = answer["headers"]
    assert headers["content-type"] == "application/json", answer
    assert headers["x-request-id"] == answer["name"], answer
    assert ("www-authenticate" in headers) == (answer["status"] == 401), answer
    assert ("allow" in headers) == (answer["status"] == 405), answer
    delay = details.get("google.rpc.RetryInfo", {}).get("retryDelay")
    expected = None if delay is None else str(max(1, math.ceil(float(delay.removesuffix("s")))))
    assert headers.get("retry-after") == expected, answer
    for name, header in response["headers"].items():
        if name in headers and "schema" in header:
            assert Draft202012Validator(header["schema"]).is_valid(headers[name]), (name, answer)


def hold_details(answer, names, details):
    assert len(details) == len(names), ("a detail is repeated", answer)
    information = details["google.rpc.ErrorInfo"]
    assert information["domain"] == "accessbroker.v1" and information["reason"] in reasons, answer
    assert details["google.rpc.RequestInfo"]["requestId"] == answer["name"], answer
    for violation in details.get("google.rpc.BadRequest", {}).get("fieldViolations", []):
        assert violation["field"] and violation["description"], answer
    return information["reason"]


def hold_rest(answer):
    body = answer["body"]
    problems = [error.message for error in status_schema.iter_errors(body)]
    assert not problems, (problems, answer)
    assert answer["status"] in STATUSES[body["code"]], answer
    operation = document["paths"].get(answer["path"], {}).get(answer["method"].lower())
    assert operation is None or str(answer["status"]) in operation["responses"], answer
    names = [detail["@type"].removeprefix("type.googleapis.com/") for detail in body["details"]]
    details = dict(zip(names, body["details"]))
    hold_headers(answer, details)
    return hold_details(answer, names, details)


def hold_connect(answer):
    body = answer["body"]
    problems = [error.message for error in CONNECT_ERROR.iter_errors(body)]
    assert not problems, (problems, answer)
    # Requests that reach no method may have statuses of HTTP.
    assert answer["status"] in (CONNECT_STATUSES[body["code"]], 405, 415), answer
    names = [detail["type"] for detail in body["details"]]
    details = {detail["type"]: detail["debug"] for detail in body["details"]}
    values = {detail["type"]: base64.b64decode(detail["value"] + "=" * (-len(detail["value"]) % 4)) for detail in body["details"]}
    hold_headers(answer, details)
    reason = hold_details(answer, names, details)
    assert reason.encode() in values["google.rpc.ErrorInfo"], answer
    assert answer["name"].encode() in values["google.rpc.RequestInfo"], answer
    return reason


seen = set()
for answer in answers:
    reason = {"rest": hold_rest, "connect": hold_connect}[answer["protocol"]](answer)
    assert answer["reason"] in (None, reason), (reason, answer)
    seen.add((answer["protocol"], reason))
for protocol in ("rest", "connect"):
    assert sum(1 for found, _ in seen if found == protocol) >= 12, seen
print(len(answers))

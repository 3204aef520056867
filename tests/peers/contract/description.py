"""Validates an OpenAPI document, then values by its schemas. Prints how many values."""

import json
import sys

from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

document = json.load(open(sys.argv[1]))
OpenAPIV31SpecValidator(document).validate()

judged = 0


def hold(name, value, expected):
    global judged
    judged += 1
    schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    Draft202012Validator.check_schema(document["components"]["schemas"][name])
    valid = Draft202012Validator(schema).is_valid(value)
    assert valid == expected, (name, value, valid)


def fields(name, base, good, bad):
    for field, values in good.items():
        for value in values:
            hold(name, base | {field: value}, True)
    for field, values in bad.items():
        for value in values:
            hold(name, base | {field: value}, False)


KEYS = ["a", "tier 1/a+b é.jpg", "...", ".a/b", "a/..b", "\U0001f408", "k" * 1024, " a", "a b"]
NO_KEYS = ["", " ", "\u3000", "/a", "a/", "a//b", ".", "..", "a/./b", "a/..", "../a", "a\nb", "a\u0085b", "k" * 1025, 1, None]
TEXTS, NO_TEXTS = ["a", "a b", "~" * 1024], ["", " a", "a ", "a  b", "é", "a\tb", "~" * 1025, 7]
ETAGS, NO_ETAGS = ['"a"', '"9b2cf535f27731c974343645a3985328-2"'], ["a", '"a', '""', '"*"', '"W/a"', 'W/"a"', '"a,b"', '"a b"']
SHA256 = "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="
SUMS = [{"crc32": "AAAAAQ=="}, {"crc64nvme": "AAAAAAAAAAE="}, {"md5": "1B2M2Y8AsgTpgAmY7PhCfg=="}, {"sha256": SHA256}]
NO_SUMS = [{}, {"sha256": SHA256, "crc32": "AAAAAQ=="}, {"crc32": "AAAAAR=="}, {"sha256": "00"}, {"sha512": "AAAA"}, "AAAAAQ=="]
DISPOSITIONS = [{"type": "TYPE_INLINE"}, {"type": "TYPE_ATTACHMENT", "filename": "é 1.pdf"}]
NO_DISPOSITIONS = [{}, {"filename": "a"}, {"type": "TYPE_UNSPECIFIED"}, {"type": "TYPE_INLINE", "filename": "a/b"},
                   {"type": "TYPE_INLINE", "filename": " a"}, {"type": "TYPE_INLINE", "filename": "a\u202eb"}]
LENGTHS, NO_LENGTHS = [0, 5, "5", "0", "9223372036854775807"], [-1, "-1", "05", "", 1.5, True]
TTLS, NO_TTLS = ["1s", "900s", "604800s"], ["0s", "604801s", "1.5s", "900", 900, "-1s", "01s"]

fields(
    "IssueDownloadUrlRequest",
    {"key": "a"},
    {"key": KEYS, "ttl": TTLS, "bucket": ["", "media", "m-1_x"], "versionId": TEXTS, "mustExist": [True, False],
     "responseOverrides": [{}, {"expires": "Fri, 24 May 2030 00:00:00 GMT"}, {"disposition": DISPOSITIONS[1]}]},
    {"key": NO_KEYS, "ttl": NO_TTLS, "bucket": ["Media", "s3://x", "-a"], "versionId": NO_TEXTS, "mustExist": ["true", 1],
     "responseOverrides": [{"expires": "tomorrow"}, {"unknown": "a"},
                           {"contentDisposition": "inline", "disposition": DISPOSITIONS[0]}],
     "unknown": [1]},
)
fields(
    "IssueUploadUrlRequest",
    {"key": "a"},
    {"contentType": TEXTS, "contentLength": LENGTHS, "checksum": SUMS, "ifMatch": ETAGS, "disposition": DISPOSITIONS,
     "metadata": [{}, {"a-b_c.1": "v w"}], "tags": [{"a b:é/@": ""}], "storageClass": ["STANDARD_IA"]},
    {"contentType": NO_TEXTS, "contentLength": NO_LENGTHS, "checksum": NO_SUMS, "ifMatch": NO_ETAGS,
     "disposition": NO_DISPOSITIONS,
     "metadata": [{"A": "v"}, {"access-broker-x": "v"}, {"a": ""}, {"": "v"}, {"a": 1}],
     "tags": [{"": "v"}, {"AWS:x": "v"}, {"a!": "v"}, {"a": "v*"}, {str(n): "" for n in range(11)}],
     "storageClass": ["COLD", ""]},
)
fields(
    "VerifyUploadRequest",
    {"key": "a"},
    {"etag": ETAGS, "decisionId": ["01a21980-be99-7741-9254-7331216afd24"], "nothingElse": [True]},
    {"etag": NO_ETAGS, "decisionId": ["01A21980-be99-7741-9254-7331216afd24", "x"]},
)
hold("IssueDownloadUrlRequest", {}, False)

URL = {"method": "GET", "url": "http://127.0.0.1/a"}
STORED = {"size": "5", "etag": '"a"', "lastModified": "2026-01-01T00:00:00Z", "checksums": SUMS[:1],
          "storageClass": "STANDARD", "metadata": {"a": "b"}, "bucketKey": True}
ISSUED = {"expiresAt": "2026-01-01T00:00:00.123456789Z", "expiryLimitedBy": "EXPIRY_LIMIT_TIER_DEFAULT_TTL",
          "tier": "tier-1", "decisionId": "01a21980-be99-7741-9254-7331216afd24", "endpoint": "default"}
DOWNLOAD = ISSUED | {"get": URL, "head": URL | {"headers": {"a": "b"}}}
fields(
    "IssueDownloadUrlResponse", DOWNLOAD,
    {"object": [STORED]},
    {"object": [STORED | {"size": 5}, STORED | {"size": "0"}], "expiryLimitedBy": [2], "unknown": [1], "get": [{}]},
)
hold("IssueUploadUrlResponse", ISSUED | {"put": URL}, True)
hold("IssueUploadUrlResponse", ISSUED, False)
VERIFIED = {"object": STORED, "mismatches": ["etag"], "tier": "t", "decisionId": ISSUED["decisionId"]}
hold("VerifyUploadResponse", VERIFIED, True)
INFO = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "OPERATION_NOT_GRANTED",
        "domain": "accessbroker.v1", "metadata": {"decisionId": "x"}}
hold("Status", {"code": 7, "message": "no", "details": [INFO]}, True)
hold("Status", {"code": 7, "message": "no", "details": [{"reason": "X"}]}, False)
hold("Status", {"code": 0, "message": "no", "details": []}, False)

print(judged)

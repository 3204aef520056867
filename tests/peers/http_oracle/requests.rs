//! The named requests: what the broker and Envoy's transcoder must answer alike.

use super::broker::Proof::{self, Absent, Ada, Bea, Cleo, Expired, NoToken, SilentIssuer};

/// A request with the answer that both give: a status, and for an error its reason.
pub(super) struct Named {
    pub(super) name: &'static str,
    pub(super) proof: Proof,
    /// Path and query.
    pub(super) target: &'static str,
    /// `None` for GET.
    pub(super) json: Option<&'static str>,
    pub(super) status: u16,
    pub(super) reason: &'static str,
    /// The client's deadline, in milliseconds.
    pub(super) timeout: Option<u32>,
}

const fn get(name: &'static str, target: &'static str) -> Named {
    Named { name, proof: Ada, target, json: None, status: 200, reason: "", timeout: None }
}

const fn post(name: &'static str, target: &'static str, json: &'static str) -> Named {
    Named { name, proof: Ada, target, json: Some(json), status: 200, reason: "", timeout: None }
}

impl Named {
    const fn by(self, proof: Proof) -> Self {
        Self { proof, ..self }
    }

    const fn refused(self, status: u16, reason: &'static str) -> Self {
        Self { status, reason, ..self }
    }

    const fn within(self, timeout: u32) -> Self {
        Self { timeout: Some(timeout), ..self }
    }
}

const DOWNLOAD: &str = "/v1/downloadUrl";
const UPLOAD: &str = "/v1/uploadUrl";
const VERIFY: &str = "/v1/verifyUpload";
const PLAIN: &str = "/v1/downloadUrl?bucket=media&key=plain/x";

/// Requests that are permitted.
pub(super) const PERMITTED: &[Named] = &[
    get("download-by-get", PLAIN),
    get("download-of-a-key-with-escapes", "/v1/downloadUrl?bucket=media&key=plain%2Fa+b%2Bc%20%C3%A9.jpg"),
    post("download-by-post", DOWNLOAD, r#"{"bucket":"media","key":"plain/\u0061 b+\u00e9\ud83d\udc08.jpg"}"#),
    get(
        "nested-parameters-in-camel-case",
        "/v1/downloadUrl?bucket=media&key=plain/x&responseOverrides.cacheControl=no-cache\
         &responseOverrides.contentLanguage=de-CH,%20en&requireFullTtl=true&ttl=60s",
    ),
    get(
        "nested-parameters-in-snake-case",
        "/v1/downloadUrl?bucket=media&key=plain/x&response_overrides.content_type=text/plain\
         &response_overrides.expires=Fri,+24+May+2030+00:00:00+GMT&require_full_ttl=false&ttl=60.000s",
    ),
    get(
        "enum-by-name-two-messages-deep-in-a-query",
        "/v1/downloadUrl?bucket=media&key=plain/x&responseOverrides.disposition.type=TYPE_INLINE\
         &responseOverrides.disposition.filename=r%C3%A9sum%C3%A9.pdf",
    ),
    get(
        "enum-by-number-in-a-query",
        "/v1/downloadUrl?bucket=media&key=plain/x&response_overrides.disposition.type=1&endpoint=default",
    ),
    post(
        "nested-messages-in-json",
        DOWNLOAD,
        r#"{"bucket":"media","key":"plain/x","ttl":"900s","requireFullTtl":true,"versionId":"v 7","endpoint":"default",
            "responseOverrides":{"cacheControl":"no-store","contentEncoding":"identity","contentLanguage":"en",
            "disposition":{"type":"TYPE_ATTACHMENT","filename":"a \"b\".pdf"}}}"#,
    ),
    post(
        "snake-case-and-enum-by-number",
        DOWNLOAD,
        r#"{"bucket":"media","key":"full/x","require_full_ttl":false,"version_id":"v7",
            "response_overrides":{"content_type":"text/plain","disposition":{"type":1}}}"#,
    ),
    post("stable-urls", DOWNLOAD, r#"{"bucket":"media","key":"full/x","stable":true}"#),
    post("ttl-shortened", DOWNLOAD, r#"{"bucket":"media","key":"full/x","ttl":"7200s"}"#),
    get("description-of-an-object", "/v1/downloadUrl?bucket=media&key=plain/x&mustExist=true&versionId=v1"),
    post("pinned-version", DOWNLOAD, r#"{"bucket":"media","key":"plain/x","pinVersion":true,"must_exist":false}"#),
    post(
        "null-is-unset",
        DOWNLOAD,
        r#"{"bucket":"media","key":"plain/x","ttl":null,"responseOverrides":null,"stable":null,"versionId":null}"#,
    ),
    post("upload", UPLOAD, r#"{"bucket":"media","key":"plain/x"}"#),
    post("crc32", UPLOAD, r#"{"bucket":"media","key":"plain/x","checksum":{"crc32":"AAAAAQ=="}}"#),
    post("crc32c", UPLOAD, r#"{"bucket":"media","key":"plain/x","checksum":{"crc32c":"AAAA_w"}}"#),
    post("crc64nvme", UPLOAD, r#"{"bucket":"media","key":"plain/x","checksum":{"crc64nvme":"AAAAAAAAAAE="}}"#),
    post("md5", UPLOAD, r#"{"bucket":"media","key":"plain/x","checksum":{"md5":"1B2M2Y8AsgTpgAmY7PhCfg=="}}"#),
    post("sha1", UPLOAD, r#"{"bucket":"media","key":"plain/x","checksum":{"sha1":"2jmj7l5rSw0yVb/vlWAYkK/YBwk="}}"#),
    post(
        "sha256-and-length-as-a-number",
        UPLOAD,
        r#"{"bucket":"media","key":"full/x","contentType":"text/plain","contentLength":7,
            "checksum":{"sha256":"LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="}}"#,
    ),
    post(
        "maps-and-length-as-a-string",
        UPLOAD,
        r#"{"bucket":"media","key":"plain/x","ttl":"60s","content_type":"text/plain","content_length":"7",
            "metadata":{"purpose":"test","a.b-c_d":"two words"},"tags":{"cost centre":"é/1","purpose":""},
            "contentDisposition":"attachment","contentEncoding":"gzip","cacheControl":"no-store",
            "storageClass":"STANDARD_IA","createOnly":true}"#,
    ),
    post(
        "compare-and-swap",
        UPLOAD,
        r#"{"bucket":"media","key":"plain/x","ifMatch":"\"9a0364b9\"","createOnly":false,
            "disposition":{"type":"TYPE_INLINE","filename":"é.pdf"},"metadata":{},"contentLength":"0"}"#,
    ),
    post(
        "verification",
        VERIFY,
        r#"{"bucket":"media","key":"plain/x","contentLength":"7","contentType":"text/plain",
            "etag":"\"9a0364b9e99bb480dd25e1f0284c8555\"","checksum":{"crc64nvme":"AAAAAAAAAAE="},
            "metadata":{"purpose":"test","a.b-c_d":"two words"},"tags":{"purpose":"test"},"cacheControl":"no-store"}"#,
    ),
    post(
        "verification-of-nothing-else",
        VERIFY,
        r#"{"bucket":"media","key":"plain/x","content_length":7,"nothing_else":true,"version_id":"v1"}"#,
    ),
    post(
        "verification-with-differences",
        VERIFY,
        r#"{"bucket":"media","key":"plain/x","contentLength":"5368709120","storageClass":"GLACIER_IR",
            "checksum":{"sha256":"LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="},"metadata":{"purpose":"other"}}"#,
    ),
    post(
        "number-above-2-53-as-a-string",
        VERIFY,
        r#"{"bucket":"media","key":"plain/x","contentLength":"18446744073709551615"}"#,
    ),
    post("number-above-2-53", VERIFY, r#"{"bucket":"media","key":"plain/x","contentLength":9007199254740993}"#),
    post("number-with-an-exponent", UPLOAD, r#"{"bucket":"media","key":"plain/x","contentLength":1e3}"#),
];

/// Requests that are refused.
pub(super) const REFUSED: &[Named] = &[
    get("no-token", PLAIN).by(Absent).refused(401, "CALLER_NOT_AUTHENTICATED"),
    get("no-jwt", PLAIN).by(NoToken).refused(401, "CALLER_NOT_AUTHENTICATED"),
    post("expired-token", UPLOAD, r#"{"bucket":"media","key":"plain/x"}"#)
        .by(Expired)
        .refused(401, "CALLER_NOT_AUTHENTICATED"),
    get("issuer-without-keys", PLAIN).by(SilentIssuer).refused(503, "ISSUER_KEYS_UNAVAILABLE"),
    get("no-key", "/v1/downloadUrl?bucket=media").refused(400, "REQUEST_INVALID"),
    get("no-query", "/v1/downloadUrl").refused(400, "REQUEST_INVALID"),
    post("empty-message", VERIFY, "{}").refused(400, "REQUEST_INVALID"),
    get(
        "invalid-fields-in-a-query",
        "/v1/downloadUrl?bucket=media&key=/&ttl=0s&versionId=&endpoint=!&responseOverrides.expires=soon\
         &responseOverrides.disposition.filename=a/b",
    )
    .refused(400, "REQUEST_INVALID"),
    post(
        "invalid-fields-in-json",
        UPLOAD,
        r#"{"bucket":"media","key":"a//b","checksum":{"md5":"AQ=="},"metadata":{"Upper":"a\nb"},"tags":{"!":""},
            "contentEncoding":"aws-chunked","ifMatch":"a","createOnly":true,"storageClass":"COLD","ttl":"1.5s",
            "contentLength":"18446744073709551615","disposition":{"type":9,"filename":""}}"#,
    )
    .refused(400, "REQUEST_INVALID"),
    post("empty-nested-messages", UPLOAD, r#"{"bucket":"media","key":"plain/x","checksum":{},"disposition":{}}"#)
        .refused(400, "REQUEST_INVALID"),
    post("negative-ttl", DOWNLOAD, r#"{"bucket":"media","key":"plain/x","ttl":"-3.5s"}"#)
        .refused(400, "REQUEST_INVALID"),
    post("obligations-not-met", UPLOAD, r#"{"bucket":"media","key":"full/x","contentLength":"2097152"}"#)
        .refused(400, "REQUEST_INVALID"),
    post("tag-that-callers-may-not-set", UPLOAD, r#"{"bucket":"media","key":"plain/x","tags":{"other":"a"}}"#)
        .refused(400, "REQUEST_INVALID"),
    get("stable-where-the-tier-has-none", "/v1/downloadUrl?bucket=media&key=plain/x&stable=true")
        .refused(400, "REQUEST_INVALID"),
    post("no-tier", DOWNLOAD, r#"{"bucket":"media","key":"nowhere/x"}"#).refused(403, "OBJECT_IN_NO_TIER"),
    get("unknown-bucket", "/v1/downloadUrl?bucket=other&key=plain/x").refused(403, "OBJECT_IN_NO_TIER"),
    get("no-bucket", "/v1/downloadUrl?key=plain/x").refused(400, "REQUEST_INVALID"),
    get("not-granted", "/v1/downloadUrl?bucket=media&key=private/x").refused(403, "OPERATION_NOT_GRANTED"),
    get("denied", "/v1/downloadUrl?bucket=media&key=denied/x").refused(403, "OPERATION_NOT_GRANTED"),
    post("operation-not-offered", UPLOAD, r#"{"bucket":"media","key":"denied/x"}"#)
        .refused(403, "OPERATION_NOT_GRANTED"),
    get("claim-in-another-place", "/v1/downloadUrl?bucket=media&key=groups/x").by(Cleo).refused(403, "CLAIM_ELSEWHERE"),
    get("endpoint-not-granted", "/v1/downloadUrl?bucket=media&key=plain/x&endpoint=fast")
        .refused(403, "ENDPOINT_NOT_GRANTED"),
    get("full-ttl-not-available", "/v1/downloadUrl?bucket=media&key=full/x&ttl=7200s&require_full_ttl=true")
        .refused(400, "FULL_TTL_NOT_AVAILABLE"),
    get("version-not-available", "/v1/downloadUrl?bucket=media&key=plain/unversioned&pin_version=true")
        .refused(400, "VERSION_NOT_AVAILABLE"),
    get("object-missing", "/v1/downloadUrl?bucket=media&key=plain/missing&must_exist=true")
        .refused(404, "OBJECT_NOT_FOUND"),
    post("upload-missing", VERIFY, r#"{"bucket":"media","key":"plain/missing"}"#).refused(404, "OBJECT_NOT_FOUND"),
    post("storage-refuses", VERIFY, r#"{"bucket":"media","key":"plain/forbidden"}"#).refused(403, "STORAGE_REFUSED"),
    post("storage-fails", DOWNLOAD, r#"{"bucket":"media","key":"plain/broken","mustExist":true}"#)
        .refused(503, "STORAGE_UNAVAILABLE"),
    post("timed-out", VERIFY, r#"{"bucket":"media","key":"plain/silent"}"#).refused(504, "CALL_TIMED_OUT").within(800),
    get("over-quota", "/v1/downloadUrl?bucket=media&key=scarce/x").by(Bea).refused(429, "QUOTA_EXCEEDED"),
    post("no-token-for-a-verification", VERIFY, r#"{"bucket":"media","key":"plain/x"}"#)
        .by(Absent)
        .refused(401, "CALLER_NOT_AUTHENTICATED"),
    post("issuer-without-keys-by-post", UPLOAD, r#"{"bucket":"media","key":"plain/x"}"#)
        .by(SilentIssuer)
        .refused(503, "ISSUER_KEYS_UNAVAILABLE"),
    post("claim-in-another-place-by-post", DOWNLOAD, r#"{"bucket":"media","key":"groups/x"}"#)
        .by(Cleo)
        .refused(403, "CLAIM_ELSEWHERE"),
    post("endpoint-not-granted-by-post", UPLOAD, r#"{"bucket":"media","key":"plain/x","endpoint":"fast"}"#)
        .refused(403, "ENDPOINT_NOT_GRANTED"),
    post(
        "full-ttl-not-available-by-post",
        DOWNLOAD,
        r#"{"bucket":"media","key":"full/x","ttl":"7200s","requireFullTtl":true}"#,
    )
    .refused(400, "FULL_TTL_NOT_AVAILABLE"),
    post(
        "version-not-available-by-post",
        DOWNLOAD,
        r#"{"bucket":"media","key":"plain/unversioned","pinVersion":true}"#,
    )
    .refused(400, "VERSION_NOT_AVAILABLE"),
    post("over-quota-by-post", DOWNLOAD, r#"{"bucket":"media","key":"scarce/x"}"#)
        .by(Bea)
        .refused(429, "QUOTA_EXCEEDED"),
    post("no-credentials-by-post", DOWNLOAD, r#"{"bucket":"unsigned","key":"x"}"#)
        .refused(503, "SIGNING_CREDENTIALS_UNAVAILABLE"),
    get("no-credentials", "/v1/downloadUrl?bucket=unsigned&key=x").refused(503, "SIGNING_CREDENTIALS_UNAVAILABLE"),
];

//! Requests that the broker and Envoy's transcoder answer differently, and why. docs/HTTP.md describes these groups.

use self::Because::{LenientParser, OnlyInBroker, OtherMessage, StatusOfCode, TextOfEnvoy};

/// A request of `ada` with both answers.
pub(super) struct Different {
    pub(super) name: &'static str,
    pub(super) method: &'static str,
    pub(super) target: &'static str,
    pub(super) content_type: &'static str,
    pub(super) body: &'static [u8],
    /// The broker's status and reason.
    pub(super) broker: (u16, &'static str),
    pub(super) envoy: u16,
    pub(super) because: Because,
}

/// Why the answers differ. No option of the transcoder changes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Because {
    /// Envoy finds the error itself and answers with a text.
    TextOfEnvoy,
    /// Envoy's parser accepts the request.
    LenientParser,
    /// Envoy derives the status of HTTP from the gRPC code alone.
    StatusOfCode,
    /// The broker's gRPC interface finds the error, and its message is another one.
    OtherMessage,
    /// The contract does not have it.
    OnlyInBroker,
}

const JSON: &str = "application/json";
const DOWNLOAD: &str = "/v1/downloadUrl";
const UPLOAD: &str = "/v1/uploadUrl";
const PLAIN: &[u8] = br#"{"bucket":"media","key":"plain/x"}"#;

/// A message above the default of `limits.max_message_size`.
static LARGE: [u8; 70_000] = {
    let mut json = [b'k'; 70_000];
    let (head, rest) = json.split_at_mut(8);
    head.copy_from_slice(b"{\"key\":\"");
    rest[69_990] = b'"';
    rest[69_991] = b'}';
    json
};

/// A request that the broker refuses as malformed.
const fn get(because: Because, name: &'static str, target: &'static str) -> Different {
    let envoy = if matches!(because, LenientParser) { 200 } else { 400 };
    let broker = (400, "REQUEST_INVALID");
    Different { name, method: "GET", target, content_type: JSON, body: b"", broker, envoy, because }
}

const fn post(because: Because, name: &'static str, target: &'static str, body: &'static [u8]) -> Different {
    Different { method: "POST", body, ..get(because, name, target) }
}

impl Different {
    const fn with(self, broker: (u16, &'static str), envoy: u16) -> Self {
        Self { broker, envoy, ..self }
    }

    const fn method(self, method: &'static str) -> Self {
        Self { method, ..self }
    }

    const fn content_type(self, content_type: &'static str) -> Self {
        Self { content_type, ..self }
    }
}

/// The exclusions.
pub(super) static DIFFERENCES: &[Different] = &[
    post(TextOfEnvoy, "malformed-json", DOWNLOAD, br#"{"bucket":"media","key":"#),
    post(TextOfEnvoy, "wrong-type", DOWNLOAD, br#"{"bucket":"media","key":7}"#),
    post(TextOfEnvoy, "array-as-the-message", DOWNLOAD, b"[]"),
    post(TextOfEnvoy, "text-after-the-object", DOWNLOAD, br#"{"bucket":"media","key":"plain/x"} x"#),
    post(TextOfEnvoy, "invalid-utf-8-in-json", DOWNLOAD, b"{\"bucket\":\"media\",\"key\":\"\xff\"}"),
    post(TextOfEnvoy, "lone-surrogate", DOWNLOAD, br#"{"bucket":"media","key":"\ud800"}"#),
    post(
        TextOfEnvoy,
        "unknown-enum-name",
        DOWNLOAD,
        br#"{"bucket":"media","key":"plain/x","responseOverrides":{"disposition":{"type":"NONE"}}}"#,
    ),
    post(
        TextOfEnvoy,
        "two-checksums",
        UPLOAD,
        br#"{"bucket":"media","key":"plain/x","checksum":{"crc32":"AAAAAQ==","crc32c":"AAAAAQ=="}}"#,
    ),
    post(TextOfEnvoy, "invalid-base64", UPLOAD, br#"{"bucket":"media","key":"plain/x","checksum":{"crc32":"zz!"}}"#),
    post(TextOfEnvoy, "duration-without-unit", DOWNLOAD, br#"{"bucket":"media","key":"plain/x","ttl":"60"}"#),
    post(TextOfEnvoy, "negative-length", UPLOAD, br#"{"bucket":"media","key":"plain/x","contentLength":-1}"#),
    post(TextOfEnvoy, "length-with-a-fraction", UPLOAD, br#"{"bucket":"media","key":"plain/x","contentLength":1.5}"#),
    post(
        TextOfEnvoy,
        "length-of-65-bits",
        UPLOAD,
        br#"{"bucket":"media","key":"plain/x","contentLength":18446744073709551616}"#,
    ),
    post(
        TextOfEnvoy,
        "repeated-key-of-a-map",
        UPLOAD,
        br#"{"bucket":"media","key":"plain/x","tags":{"purpose":"a","purpose":"a"}}"#,
    ),
    get(TextOfEnvoy, "unknown-parameter", "/v1/downloadUrl?bucket=media&key=plain/x&unknown=1"),
    get(TextOfEnvoy, "message-as-a-parameter", "/v1/downloadUrl?bucket=media&key=plain/x&responseOverrides=x"),
    get(TextOfEnvoy, "unknown-path", "/v1/unknown").with((404, "METHOD_UNKNOWN"), 404),
    get(TextOfEnvoy, "get-of-an-upload", UPLOAD).with((405, "REQUEST_INVALID"), 404),
    post(TextOfEnvoy, "put", DOWNLOAD, PLAIN).method("PUT").with((405, "REQUEST_INVALID"), 404),
    post(LenientParser, "null-in-a-map", UPLOAD, br#"{"bucket":"media","key":"plain/x","tags":{"purpose":null}}"#),
    post(
        LenientParser,
        "length-with-leading-zeros",
        UPLOAD,
        br#"{"bucket":"media","key":"plain/x","contentLength":"007"}"#,
    ),
    post(LenientParser, "boolean-in-quotes", DOWNLOAD, br#"{"bucket":"media","key":"plain/x","mustExist":"true"}"#),
    post(LenientParser, "unknown-member", DOWNLOAD, br#"{"bucket":"media","key":"plain/x","unknown":1}"#),
    post(LenientParser, "repeated-member", DOWNLOAD, br#"{"bucket":"media","key":"plain/y","key":"plain/x"}"#),
    post(
        LenientParser,
        "both-spellings",
        DOWNLOAD,
        br#"{"bucket":"media","key":"plain/x","mustExist":true,"must_exist":true}"#,
    ),
    post(LenientParser, "query-of-a-post", "/v1/downloadUrl?key=plain/x", br#"{"bucket":"media"}"#),
    post(LenientParser, "other-content-type", DOWNLOAD, PLAIN)
        .content_type("text/plain")
        .with((415, "REQUEST_INVALID"), 200),
    get(LenientParser, "boolean-by-number", "/v1/downloadUrl?bucket=media&key=plain/x&mustExist=1"),
    get(LenientParser, "repeated-parameter", "/v1/downloadUrl?bucket=media&key=plain/y&key=plain/x"),
    get(LenientParser, "invalid-escape", "/v1/downloadUrl?bucket=media&key=plain/%zz"),
    get(OtherMessage, "invalid-utf-8-in-a-query", "/v1/downloadUrl?bucket=media&key=plain/%ff"),
    // Envoy reads it as an empty message.
    post(OtherMessage, "empty-body", DOWNLOAD, b""),
    post(StatusOfCode, "message-too-large", DOWNLOAD, &LARGE).with((413, "MESSAGE_TOO_LARGE"), 429),
    get(OnlyInBroker, "redirect", "/v1/downloadUrl?bucket=media&key=plain/x&redirect=true").with((307, ""), 400),
    get(OnlyInBroker, "description", "/openapi.json").with((200, ""), 404),
];

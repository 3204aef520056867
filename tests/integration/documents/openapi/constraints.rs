//! What the comments of the proto file say of values in requests, as JSON Schema. Where a schema cannot express a rule,
//! as one about bytes of UTF-8, the broker refuses more than the schema.

use access_broker_policy::StorageClass;
use serde_json::{Map, Value, json};

type Schema = fn() -> Value;

/// By field, of every request or of one message.
pub(super) const FIELDS: &[(&str, Schema)] = &[
    ("bucket", || json!({ "pattern": "^([a-z0-9][a-z0-9_-]{0,62})?$" })),
    ("key", || json!({ "minLength": 1, "maxLength": 1024, "pattern": key() })),
    // Whole seconds, 1 to 604800.
    ("ttl", || json!({ "pattern": "^([1-9][0-9]{0,4}|[1-5][0-9]{5}|60[0-3][0-9]{3}|604[0-7][0-9]{2}|604800)s$" })),
    ("version_id", header_text),
    ("endpoint", || json!({ "pattern": "^[a-z0-9][a-z0-9_-]{0,62}$" })),
    ("content_type", header_text),
    ("content_disposition", header_text),
    ("content_encoding", header_text),
    ("cache_control", header_text),
    ("if_match", entity_tag),
    ("etag", entity_tag),
    ("decision_id", || json!({ "pattern": "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" })),
    ("storage_class", || json!({ "enum": StorageClass::ALL.map(StorageClass::name) })),
    ("metadata", metadata),
    ("tags", tags),
    ("ResponseOverrides.cache_control", header_text),
    ("ResponseOverrides.content_disposition", header_text),
    ("ResponseOverrides.content_encoding", header_text),
    ("ResponseOverrides.content_language", header_text),
    ("ResponseOverrides.content_type", header_text),
    ("ResponseOverrides.expires", || json!({ "pattern": HTTP_DATE })),
    ("Disposition.filename", || json!({ "minLength": 1, "maxLength": 240, "pattern": FILE_NAME })),
    ("Checksum.crc32", || base64(4)),
    ("Checksum.crc32c", || base64(4)),
    ("Checksum.crc64nvme", || base64(8)),
    ("Checksum.md5", || base64(16)),
    ("Checksum.sha1", || base64(20)),
    ("Checksum.sha256", || base64(32)),
];

const HTTP_DATE: &str = "^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), (0[1-9]|[12][0-9]|3[01]) \
    (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [0-9]{4} ([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9] GMT$";

/// No control characters, "/", "\", characters that change the direction of text, and spaces but single inner ones.
const FILE_NAME: &str =
    r"^(?!\s)(?!.*(\s$|  ))[^\u0000-\u001f\u007f-\u009f/\\\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]+$";

/// The members that a message must have; in answers those that are never the default.
pub(super) fn required(message: &str) -> &'static [&'static str] {
    match message {
        "IssueDownloadUrlRequest" | "IssueUploadUrlRequest" | "VerifyUploadRequest" => &["key"],
        "Disposition" => &["type"],
        "IssueDownloadUrlResponse" => {
            &["get", "head", "expires_at", "expiry_limited_by", "tier", "decision_id", "endpoint"]
        }
        "IssueUploadUrlResponse" => &["put", "expires_at", "expiry_limited_by", "tier", "decision_id", "endpoint"],
        "VerifyUploadResponse" => &["object", "tier", "decision_id"],
        "SignedRequest" => &["method", "url"],
        "StoredObject" => &["storage_class"],
        _ => &[],
    }
}

/// The constraints of a field of a request.
pub(super) fn of_field(message: &str, field: &str) -> Map<String, Value> {
    let full = format!("{message}.{field}");
    let is_own = |name: &str| name == full || (name == field && message.ends_with("Request"));
    match FIELDS.iter().find(|(name, _)| is_own(name)).map(|(_, schema)| schema()) {
        Some(Value::Object(constraints)) => constraints,
        _ => Map::new(),
    }
}

/// Segments without control characters, none of them empty, "." or "..", and not only white space.
fn key() -> String {
    let characters = r"[^/\u0000-\u001f\u007f-\u009f]";
    let no_dot = r"[^/.\u0000-\u001f\u007f-\u009f]";
    let segment = format!(r"({no_dot}{characters}*|\.{no_dot}{characters}*|\.\.{characters}+)");
    format!(r"^(?!\s*$){segment}(/{segment})*$")
}

/// Visible ASCII with single spaces between.
fn header_text() -> Value {
    json!({ "minLength": 1, "maxLength": 1024, "pattern": "^[!-~]+( [!-~]+)*$" })
}

/// A strong entity tag with its quotes.
fn entity_tag() -> Value {
    json!({ "pattern": r#"^"(?!W/|\*")[!#-+\--~]{1,254}"$"# })
}

fn metadata() -> Value {
    json!({
        "propertyNames": { "pattern": "^(?!access-broker-)[a-z0-9._-]{1,128}$" },
        "additionalProperties": { "type": "string", "minLength": 1, "maxLength": 1024, "pattern": "^[!-~]+( [!-~]+)*$" },
    })
}

/// Of ASCII, only letters, digits, spaces and + - = . _ : / @.
fn tags() -> Value {
    let pattern = r"[^\u0000-\u001f!-*,;<>?\[-^`{-\u007f]*$";
    json!({
        "maxProperties": 10,
        "propertyNames": { "minLength": 1, "maxLength": 128, "pattern": format!("^(?![aA][wW][sS]:){pattern}") },
        "additionalProperties": { "type": "string", "maxLength": 256, "pattern": format!("^{pattern}") },
    })
}

/// Base64, with padding, of so many bytes. The last character before the padding has unused bits, which are 0.
fn base64(bytes: usize) -> Value {
    let whole = bytes / 3 * 4;
    let pattern = match bytes % 3 {
        0 => format!("^[A-Za-z0-9+/]{{{whole}}}$"),
        1 => format!("^[A-Za-z0-9+/]{{{}}}[AQgw]==$", whole + 1),
        _ => format!("^[A-Za-z0-9+/]{{{}}}[AEIMQUYcgkosw048]=$", whole + 2),
    };
    json!({ "pattern": pattern })
}

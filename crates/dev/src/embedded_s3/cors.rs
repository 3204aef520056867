//! Cross-origin requests of browsers (CORS), permitted to every origin.
//!
//! A presigned URL is the authorisation: a page that has one may use it. Browsers send no credentials here, because the
//! answers do not allow any.

use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};

/// The methods of presigned URLs, and POST of HTML forms.
const METHODS: [&str; 4] = ["GET", "HEAD", "PUT", "POST"];

/// The headers that a page may send: those of presigned requests, and those of conditional and partial downloads. A `*`
/// at the end stands for any characters. `authorization` is not among them: S3 refuses it together with a presigned
/// URL.
const REQUEST_HEADERS: [&str; 17] = [
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-md5",
    "content-type",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-unmodified-since",
    "range",
    "x-amz-checksum-*",
    "x-amz-expected-bucket-owner",
    "x-amz-meta-*",
    "x-amz-request-payer",
    "x-amz-server-side-encryption*",
    "x-amz-storage-class",
    "x-amz-tagging",
];

/// The headers of answers that a page may read. S3 accepts no `*` in these names.
const EXPOSED_HEADERS: &str = "accept-ranges, content-disposition, content-encoding, content-length, content-range, \
                               etag, x-amz-checksum-crc32, x-amz-checksum-crc32c, x-amz-checksum-crc64nvme, \
                               x-amz-checksum-md5, x-amz-checksum-sha1, x-amz-checksum-sha256, x-amz-checksum-type, \
                               x-amz-request-id, x-amz-version-id";

/// How long a browser may keep the answer to a preflight, in seconds.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");

/// The answer to a preflight, before any authentication: a preflight has no signature. `None` if this is not one.
pub(super) fn preflight_answer(method: &Method, headers: &HeaderMap) -> Option<Response> {
    let is_preflight = method == Method::OPTIONS
        && headers.contains_key(ORIGIN)
        && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    if !is_preflight {
        return None;
    }
    let mut answer = (StatusCode::NO_CONTENT, [(ACCESS_CONTROL_MAX_AGE, MAX_AGE)]).into_response();
    let added = answer.headers_mut();
    added.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    added.extend(HeaderValue::from_str(&METHODS.join(", ")).map(|methods| (ACCESS_CONTROL_ALLOW_METHODS, methods)));
    let permitted = permitted_headers(headers);
    if !permitted.is_empty() {
        added.extend(HeaderValue::from_str(&permitted).map(|names| (ACCESS_CONTROL_ALLOW_HEADERS, names)));
    }
    added.append(
        VARY,
        HeaderValue::from_static("Origin, Access-Control-Request-Method, Access-Control-Request-Headers"),
    );
    Some(answer)
}

/// Lets a page read an answer, errors included, if its request has an `Origin`.
pub(super) fn add_headers(answer: &mut HeaderMap, is_cross_origin: bool) {
    if is_cross_origin {
        answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        answer.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED_HEADERS));
    }
    // Without it a browser would answer `fetch` from its cache with what `<img>` got, which has no CORS headers.
    answer.append(VARY, HeaderValue::from_static("Origin"));
}

/// Those of the requested headers that a page may send.
fn permitted_headers(preflight: &HeaderMap) -> String {
    let values = preflight.get_all(ACCESS_CONTROL_REQUEST_HEADERS).iter().filter_map(|value| value.to_str().ok());
    let names = values.flat_map(|value| value.split(',')).map(|name| name.trim().to_ascii_lowercase());
    names.filter(|name| may_be_sent(name)).collect::<Vec<_>>().join(", ")
}

fn may_be_sent(name: &str) -> bool {
    REQUEST_HEADERS.iter().any(|pattern| match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => name == *pattern,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requested(names: &[&'static str]) -> HeaderMap {
        let values = names.iter().map(|names| (ACCESS_CONTROL_REQUEST_HEADERS, HeaderValue::from_static(names)));
        let mut headers: HeaderMap = values.collect();
        headers.insert(ORIGIN, HeaderValue::from_static("https://app.example"));
        headers.insert(ACCESS_CONTROL_REQUEST_METHOD, HeaderValue::from_static("PUT"));
        headers
    }

    fn allowed(names: &[&'static str]) -> Option<String> {
        let answer = preflight_answer(&Method::OPTIONS, &requested(names)).unwrap();
        answer.headers().get(ACCESS_CONTROL_ALLOW_HEADERS).map(|names| names.to_str().unwrap().to_owned())
    }

    #[test]
    fn of_the_requested_headers_those_of_uploads_are_permitted() {
        for (names, permitted) in [
            (&["content-type"][..], Some("content-type")),
            (&["Content-Type, X-Amz-Meta-Owner"], Some("content-type, x-amz-meta-owner")),
            (&["content-type,authorization,x-amz-checksum-sha256"], Some("content-type, x-amz-checksum-sha256")),
            (&["if-none-match", "range,,"], Some("if-none-match, range")),
            (
                &["x-amz-server-side-encryption,x-amz-server-side-encryption-context"],
                Some("x-amz-server-side-encryption, x-amz-server-side-encryption-context"),
            ),
            (&["authorization"], None),
            (&["x-amz-copy-source, x-amz-acl, content-types, content-length"], None),
            (&[""], None),
            (&[], None),
        ] {
            assert_eq!(allowed(names).as_deref(), permitted, "{names:?}");
        }
    }

    #[test]
    fn a_preflight_has_an_origin_and_a_method() {
        let headers = requested(&[]);
        assert!(preflight_answer(&Method::OPTIONS, &headers).is_some());
        assert!(preflight_answer(&Method::GET, &headers).is_none());
        for missing in [ORIGIN, ACCESS_CONTROL_REQUEST_METHOD] {
            let mut headers = headers.clone();
            headers.remove(&missing);
            assert!(preflight_answer(&Method::OPTIONS, &headers).is_none(), "without {missing}");
        }
    }

    /// A page that works with this server has to work with a bucket that is set up as the document says.
    #[test]
    fn the_rules_are_those_of_the_document_for_buckets() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/BROWSERS.md");
        let text = std::fs::read_to_string(path).unwrap();
        let json = text.split_once("```json\n").unwrap().1.split_once("```").unwrap().0;
        let rules: serde_json::Value = serde_json::from_str(json).unwrap();
        let list = |name: &str| {
            let values = rules["CORSRules"][0][name].as_array().unwrap().iter();
            values.map(|value| value.as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(list("AllowedHeaders"), REQUEST_HEADERS);
        // The broker signs no forms, which are sent by POST.
        assert_eq!(list("AllowedMethods"), METHODS[..3]);
        assert_eq!(list("ExposeHeaders"), EXPOSED_HEADERS.split(", ").collect::<Vec<_>>());
        assert_eq!(rules["CORSRules"][0]["MaxAgeSeconds"], 600);
    }
}

//! Refuses requests that S3 refuses and the S3 library does not.

mod signature_parameters;

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use percent_encoding::percent_decode_str;
use url::form_urlencoded;

use access_broker_policy::ObjectKey;

/// Checks a request before the S3 library reads it. Without a `region`, signatures may be for any region.
pub(super) fn check(uri: &Uri, headers: &HeaderMap, region: Option<&str>) -> Result<(), Refusal> {
    if !path_is_plain(uri.path()) {
        return Err(Refusal::InvalidPath);
    }
    let query = uri.query().unwrap_or_default();
    if !presigned_headers_are_signed(query, headers) {
        return Err(Refusal::HeadersNotSigned);
    }
    signature_parameters::check(query, headers, region)
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The broker would not sign the key: on a file system it could name another file.
    InvalidPath,
    /// A presigned request with an `x-amz-*` header that its signature does not cover.
    HeadersNotSigned,
    /// A parameter of the signature is in the query twice.
    RepeatedParameter,
    /// A presigned request that is valid for less than a second or for more than seven days.
    ExpiresOutOfRange,
    /// A presigned request for another region or service.
    ForeignScopeInQuery,
    /// A request for another region or service, signed in a header.
    ForeignScopeInHeader,
    /// A signature of version 2.
    SignatureVersion2,
    /// A presigned request with an `Authorization` header, such as the token of another server after a redirect.
    SeveralMechanisms,
}

impl Refusal {
    /// The `Code` and the message of the error.
    const fn code_and_message(self) -> (&'static str, &'static str) {
        const QUERY_CODE: &str = "AuthorizationQueryParametersError";
        match self {
            Self::InvalidPath => ("InvalidURI", "Couldn't parse the specified URI."),
            Self::HeadersNotSigned => {
                ("AccessDenied", "There were headers present in the request which were not signed")
            }
            Self::RepeatedParameter => (QUERY_CODE, "A query parameter of the signature is repeated"),
            Self::ExpiresOutOfRange => (QUERY_CODE, "X-Amz-Expires must be between 1 and 604800 seconds"),
            Self::ForeignScopeInQuery => (QUERY_CODE, "X-Amz-Credential names a wrong region or service"),
            Self::ForeignScopeInHeader => {
                ("AuthorizationHeaderMalformed", "The credential names a wrong region or service")
            }
            Self::SeveralMechanisms => (
                "InvalidArgument",
                "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string \
                 parameter or the Authorization header should be specified",
            ),
            Self::SignatureVersion2 => {
                ("InvalidRequest", "The authorization mechanism is not supported. Please use AWS4-HMAC-SHA256.")
            }
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = match self {
            Self::HeadersNotSigned => StatusCode::FORBIDDEN,
            _ => StatusCode::BAD_REQUEST,
        };
        let (code, message) = self.code_and_message();
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
        );
        (status, [(CONTENT_TYPE, "application/xml")], body).into_response()
    }
}

/// `/`, `/bucket`, `/bucket/`, or `/bucket/key` with a key that is valid once percent-decoded.
///
/// Decoding cannot hide a segment: the decoded path is checked, where a decoded slash splits segments as it does on
/// disk.
fn path_is_plain(path: &str) -> bool {
    let Ok(decoded) = percent_decode_str(path).decode_utf8() else {
        return false;
    };
    let Some(path) = decoded.strip_prefix('/') else {
        return false;
    };
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    let names_a_bucket = s3s::path::check_bucket_name(bucket);
    path.is_empty() || (names_a_bucket && (key.is_empty() || ObjectKey::parse(key).is_ok()))
}

/// AWS refuses a presigned request with an `x-amz-*` header that is not signed: `x-amz-copy-source` could turn a signed
/// upload into a copy
/// ([AWS: signed headers](https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html)).
fn presigned_headers_are_signed(query: &str, headers: &HeaderMap) -> bool {
    let mut parameters = form_urlencoded::parse(query.as_bytes());
    let Some((_, signed)) = parameters.find(|(name, _)| name == "X-Amz-SignedHeaders") else {
        return true;
    };
    let is_signed = |name: &str| signed.split(';').any(|listed| listed == name);
    headers.keys().all(|name| !name.as_str().starts_with("x-amz-") || is_signed(name.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_buckets_and_valid_keys_pass() {
        for path in [
            "/",
            "/media",
            "/media/",
            "/media/a",
            "/media/tier%201/cute-cat.jpg",
            "/media/a/..b/c%2Fd",
            "/media/%C3%A9",
        ] {
            assert!(path_is_plain(path), "{path}");
        }
    }

    #[test]
    fn paths_that_a_file_system_would_read_differently_are_refused() {
        for path in [
            "*",
            "//",
            "//media",
            "/../media",
            "/%2e%2e",
            "/./a",
            "/media//",
            "/media//a",
            "/media/a/",
            "/media/a//b",
            "/media/..",
            "/media/../x",
            "/media/a/../../x",
            "/media/.",
            "/media/a/./b",
            "/media/%2e%2e/x",
            "/media/.%2E/x",
            "/media/..%2fx",
            "/media/%2e%2e%2fx",
            "/media/%2Fx",
            "/media/a%2F%2Fb",
            "/media/a%00b",
            "/media/%0a",
            "/media/%ff",
            "/media%2F..%2Fx",
            "/.bucket-x/y",
            "/ME/x",
        ] {
            assert!(!path_is_plain(path), "{path}");
        }
        assert!(!path_is_plain(&format!("/media/{}", "k".repeat(1_025))));
    }

    #[test]
    fn an_unsigned_amz_header_is_refused_on_a_presigned_request_only() {
        let mut headers = HeaderMap::new();
        headers.insert("x-amz-copy-source", "media/secret".parse().unwrap());
        headers.insert("range", "bytes=0-1".parse().unwrap());
        let presigned = |signed: &str| format!("a=b&X-Amz-SignedHeaders={signed}&X-Amz-Signature=00");
        assert!(!presigned_headers_are_signed(&presigned("host"), &headers));
        assert!(!presigned_headers_are_signed(&presigned("host%3Bx-amz-copy-source-if-match"), &headers));
        assert!(presigned_headers_are_signed(&presigned("host%3Bx-amz-copy-source"), &headers));
        assert!(presigned_headers_are_signed(&presigned("host;x-amz-copy-source"), &headers));
        assert!(presigned_headers_are_signed("list-type=2", &headers));
        headers.remove("x-amz-copy-source");
        assert!(presigned_headers_are_signed(&presigned("host"), &headers));
    }
}

//! AWS Signature Version 4 in the query string, for S3.
//!
//! This only signs, without a clock, a policy or a network. The broker calls it through
//! [`SigV4Presigner`](super::SigV4Presigner), which requires a permit.

#[cfg(test)]
mod differential_tests;
#[cfg(test)]
mod tests;

use std::iter;

use aws_lc_rs::digest;

use crate::credentials::CredentialsSnapshot;
use crate::endpoint::BucketEndpoint;
use crate::presign::{HttpMethod, SignedUrl};
use crate::sigv4::SignedHeaders;
use crate::sigv4::SigningKey;
use crate::sigv4::encoding::{push_encoded_path, push_encoded_query};
use crate::sigv4::{ExpiresIn, SigningTime};
use access_broker_base::hex::lower_hex_of_32;
use access_broker_policy::ObjectKey;

use crate::sigv4::{QueryParameter, query};

/// A request to sign.
#[derive(Debug, Clone, Copy)]
pub struct UnsignedRequest<'a> {
    /// The first line of the canonical request.
    pub method: HttpMethod,
    /// The object. Its bytes are encoded once and never normalised.
    pub key: &'a ObjectKey,
    /// Query parameters in addition to those of the signature, in the URL's order. The signature does not depend on the
    /// order.
    pub query: &'a [QueryParameter],
    /// Headers that the client must send, in addition to `host`. They are not moved into the query, where S3 ignores
    /// several `x-amz-` headers. For those that S3 reads in the query, there is [`QueryParameter`].
    pub headers: &'a SignedHeaders,
}

/// Signs a request.
///
/// The same arguments give the same URL, byte for byte the one that `aws-sdk-s3` gives: parameters in its order, the
/// payload unsigned, the session token among the signed parameters. The body can be bound by a checksum header only.
///
/// The URL works from `signed_at` until `expires_in` has passed or the credentials expire, whichever is first. This
/// function does not compare the two.
///
/// Reference: [AWS: authenticating requests with query parameters](https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html).
#[must_use]
pub fn presign_url(
    endpoint: &BucketEndpoint,
    credentials: &CredentialsSnapshot,
    request: &UnsignedRequest<'_>,
    signed_at: SigningTime,
    expires_in: ExpiresIn,
) -> SignedUrl {
    let signing_key = credentials.signing_key(signed_at, endpoint.region());
    let path = encoded_path(endpoint, request.key);
    let authentication = authentication_query(&signing_key, signed_at, expires_in);
    let headers = with_host(request.headers, endpoint.host());
    let session_token = credentials.encoded_session_token();

    let canonical = CanonicalRequest {
        method: request.method,
        path: &path,
        authentication: &authentication,
        session_token,
        query: request.query,
    }
    .with_headers(headers.clone());
    let signature = signature(&signing_key, signed_at, &canonical);

    // The canonical request is about as long as the URL without origin and signature.
    let mut url = String::with_capacity(canonical.len() + endpoint.origin().len() + 128);
    url.push_str(endpoint.origin());
    url.push_str(&path);
    url.push('?');
    for parameter in request.query {
        parameter.push_to(&mut url);
        url.push('&');
    }
    url.push_str(&authentication);
    url.push_str("&X-Amz-SignedHeaders=");
    push_encoded_names(&mut url, headers);
    url.push_str("&X-Amz-Signature=");
    url.extend(signature.map(char::from));
    if let Some(token) = session_token {
        url.push_str("&X-Amz-Security-Token=");
        url.push_str(token);
    }
    SignedUrl::new(url)
}

fn encoded_path(endpoint: &BucketEndpoint, key: &ObjectKey) -> String {
    let mut path = String::with_capacity(endpoint.path_prefix().len() + key.as_str().len() + 32);
    path.push_str(endpoint.path_prefix());
    path.push('/');
    push_encoded_path(&mut path, key.as_str());
    path
}

/// The parameters of the signature that come first both in the canonical request and in the SDK's URLs.
fn authentication_query(signing_key: &SigningKey, signed_at: SigningTime, expires_in: ExpiresIn) -> String {
    let mut query = String::with_capacity(signing_key.query().len() + 64);
    query.push_str(signing_key.query());
    query.push_str("&X-Amz-Date=");
    query.extend(signed_at.date_time().map(char::from));
    query.push_str("&X-Amz-Expires=");
    query.push_str(&expires_in.seconds().to_string());
    query
}

/// The headers with `host`, sorted.
fn with_host<'a>(headers: &'a SignedHeaders, host: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> + Clone {
    let before = headers.iter().take_while(|(name, _)| *name < "host");
    let after = headers.iter().skip_while(|(name, _)| *name < "host");
    before.chain(iter::once(("host", host))).chain(after)
}

fn push_encoded_names<'a>(out: &mut String, headers: impl Iterator<Item = (&'a str, &'a str)>) {
    for (index, (name, _)) in headers.enumerate() {
        if index > 0 {
            out.push_str("%3B");
        }
        push_encoded_query(out, name);
    }
}

/// The parts of a canonical request above its headers.
struct CanonicalRequest<'a> {
    method: HttpMethod,
    path: &'a str,
    authentication: &'a str,
    session_token: Option<&'a str>,
    query: &'a [QueryParameter],
}

impl CanonicalRequest<'_> {
    fn with_headers<'h>(self, headers: impl Iterator<Item = (&'h str, &'h str)> + Clone) -> String {
        let header_bytes: usize = headers.clone().map(|(name, value)| 2 * name.len() + value.len() + 5).sum();
        let query_bytes: usize = self.query.iter().map(QueryParameter::len).sum();
        let token_bytes = self.session_token.map_or(0, str::len);
        let fixed_bytes = self.path.len() + self.authentication.len() + 128;

        let mut out = String::with_capacity(fixed_bytes + query_bytes + header_bytes + token_bytes);
        out.push_str(self.method.as_str());
        out.push('\n');
        out.push_str(self.path);
        out.push('\n');
        // Sorted by name: `X-Amz-` in capitals precedes all names of `QueryName`.
        out.push_str(self.authentication);
        if let Some(token) = self.session_token {
            out.push_str("&X-Amz-Security-Token=");
            out.push_str(token);
        }
        out.push_str("&X-Amz-SignedHeaders=");
        push_encoded_names(&mut out, headers.clone());
        query::push_canonical(&mut out, self.query);
        out.push('\n');
        for (name, value) in headers.clone() {
            out.push_str(name);
            out.push(':');
            push_canonical_value(&mut out, value);
            out.push('\n');
        }
        out.push('\n');
        for (index, (name, _)) in headers.enumerate() {
            if index > 0 {
                out.push(';');
            }
            out.push_str(name);
        }
        out.push_str("\nUNSIGNED-PAYLOAD");
        out
    }
}

/// Appends a header value as Signature Version 4 signs it: trimmed, with single spaces.
fn push_canonical_value(out: &mut String, value: &str) {
    for (index, word) in value.split(' ').filter(|word| !word.is_empty()).enumerate() {
        if index > 0 {
            out.push(' ');
        }
        out.push_str(word);
    }
}

/// The signature in hexadecimal: one SHA-256 of the canonical request, one HMAC of the string to sign.
fn signature(signing_key: &SigningKey, signed_at: SigningTime, canonical_request: &str) -> [u8; 64] {
    let request_hash = digest::digest(&digest::SHA256, canonical_request.as_bytes());
    let string_to_sign = [
        b"AWS4-HMAC-SHA256\n",
        signed_at.date_time().as_slice(),
        b"\n",
        signing_key.scope().as_bytes(),
        b"\n",
        lower_hex_of_32(request_hash.as_ref()).as_slice(),
    ]
    .concat();
    lower_hex_of_32(signing_key.sign(&string_to_sign).as_ref())
}

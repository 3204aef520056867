//! What of a request's head is passed on, and whether it is unambiguous.
//!
//! A new map is made from an allow-list, so that no header of gRPC, of a gateway or of a proxy can mean something to a
//! later step.

use http::header::{AUTHORIZATION, HOST, TRANSFER_ENCODING};
use http::uri::Authority;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Version};

use super::settings::AcceptedHosts;
use crate::calls::{Cause, MalformedRequest};
use access_broker_identity::{AcceptedProof, WorkloadProof};

/// The client's deadline, in milliseconds (Connect protocol, "Unary-Request").
pub(super) const TIMEOUT: HeaderName = HeaderName::from_static("connect-timeout-ms");

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The maximum number of digits of a deadline, by the Connect protocol.
const MAX_TIMEOUT_DIGITS: usize = 10;

/// The headers that are passed on, with all their values: the steps that read them refuse repeated ones.
pub(super) fn inward_headers(headers: &HeaderMap, accepts: &AcceptedProof) -> HeaderMap {
    let mesh_header = mesh_header(accepts);
    let names = [Some(AUTHORIZATION), mesh_header, Some(REQUEST_ID), Some(TRACEPARENT), Some(TIMEOUT)];
    let mut inward = HeaderMap::new();
    for name in names.into_iter().flatten() {
        for value in headers.get_all(&name) {
            inward.append(name.clone(), value.clone());
        }
    }
    inward
}

fn mesh_header(accepts: &AcceptedProof) -> Option<HeaderName> {
    let header = accepts.workload().and_then(WorkloadProof::header)?;
    HeaderName::from_bytes(header.name().as_bytes()).ok()
}

/// Refuses a request whose head is ambiguous, or names a host that is not served.
pub(super) fn judge<B>(request: &Request<B>, accepts: &AcceptedProof, hosts: AcceptedHosts) -> Result<(), Cause> {
    let headers = request.headers();
    let is_repeated = |name: &HeaderName| headers.get_all(name).iter().nth(1).is_some();
    let is_clear = has_clear_length(headers)
        && !mesh_header(accepts).is_some_and(|name| is_repeated(&name))
        && !is_repeated(&TIMEOUT)
        && headers.get(TIMEOUT).is_none_or(is_timeout);
    match host(request) {
        Host::One(host) if is_clear && hosts.accept(&host) => Ok(()),
        Host::Absent if is_clear && hosts == AcceptedHosts::Any => Ok(()),
        Host::One(_) | Host::Absent if is_clear => Err(Cause::ForeignHost),
        Host::One(_) | Host::Absent | Host::Invalid => Err(Cause::Malformed(MalformedRequest::InvalidHeader)),
    }
}

/// Whether every proxy reads the same length as this server: the only transfer coding is `chunked`, once (RFC 9112
/// section 6.1). The library refuses codings without `chunked` at the end, and different lengths. Beside a transfer
/// coding it ignores a length and closes the connection.
pub(crate) fn has_clear_length(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => true,
        (Some(coding), None) => coding.as_bytes().eq_ignore_ascii_case(b"chunked"),
        (Some(_), Some(_)) => false,
    }
}

enum Host {
    One(String),
    /// Only HTTP/1.0 permits that.
    Absent,
    Invalid,
}

/// The host of a request: its header, its target, or both if they are equal (RFC 9112 section 3.2, RFC 9113 section
/// 8.3.1).
fn host<B>(request: &Request<B>) -> Host {
    let mut values = request.headers().get_all(HOST).iter();
    let of_target = request.uri().authority();
    let of_header = match (values.next(), values.next()) {
        (None, _) => None,
        (Some(value), None) => match Authority::try_from(value.as_bytes()) {
            Ok(authority) => Some(authority),
            Err(_) => return Host::Invalid,
        },
        (Some(_), Some(_)) => return Host::Invalid,
    };
    let one = match (of_header, of_target) {
        (Some(header), Some(target)) if header.as_str().eq_ignore_ascii_case(target.as_str()) => header,
        (Some(header), None) => header,
        (None, Some(target)) if request.version() == Version::HTTP_2 => target.clone(),
        (None, None) if request.version() == Version::HTTP_10 => return Host::Absent,
        (Some(_), Some(_)) | (None, _) => return Host::Invalid,
    };
    if is_host_and_port(&one) { Host::One(one.as_str().to_owned()) } else { Host::Invalid }
}

/// Whether this is a host, or a host and a port, without a user. The library accepts any text as a port.
fn is_host_and_port(authority: &Authority) -> bool {
    let port = authority.as_str().strip_prefix(authority.host()).map(|port| port.strip_prefix(':').unwrap_or(port));
    port.is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_timeout(value: &HeaderValue) -> bool {
    let digits = value.as_bytes();
    (1..=MAX_TIMEOUT_DIGITS).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit)
}

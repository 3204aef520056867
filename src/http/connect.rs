//! Unary calls of the [Connect protocol](https://connectrpc.com/docs/protocol).

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use http::header::ACCEPT_ENCODING;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use prost::Message;
use serde_json::{Value, json};

use super::answer::{AnswerBody, JSON, answer};
use super::rest;
use crate::calls::{Code, Failure, Reason};
use crate::contract::rpc_status;

pub(super) const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("connect-protocol-version");

/// The parameters of a GET.
pub(super) const PARAMETERS: [&str; 5] = ["connect", "encoding", "message", "base64", "compression"];

/// The prefix of the names of types in `google.protobuf.Any`.
const TYPE_PREFIX: &str = "type.googleapis.com/";

/// How a message is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Codec {
    Json,
    Proto,
}

impl Codec {
    pub(super) const fn content_type(self) -> HeaderValue {
        match self {
            Self::Json => JSON,
            Self::Proto => HeaderValue::from_static("application/proto"),
        }
    }
}

/// Why a GET has no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InvalidGet {
    /// Its message is compressed.
    Compressed,
    /// Its parameters break this rule.
    Parameters(&'static str),
}

impl From<&'static str> for InvalidGet {
    fn from(rule: &'static str) -> Self {
        Self::Parameters(rule)
    }
}

/// The message of a GET.
pub(super) fn message_of_get(pairs: &[(impl AsRef<str>, impl AsRef<str>)]) -> Result<(Codec, Vec<u8>), InvalidGet> {
    let mut found = [None; PARAMETERS.len()];
    for (name, value) in pairs {
        let place = PARAMETERS.iter().position(|known| *known == name.as_ref());
        let place = place.and_then(|place| found.get_mut(place));
        let place = place.ok_or("the parameters of a GET are connect, encoding, message, base64 and compression")?;
        if place.replace(value.as_ref()).is_some() {
            return Err("a parameter of the GET is repeated".into());
        }
    }
    let [version, encoding, message, base64, compression] = found;
    if version.is_some_and(|version| version != "v1") {
        return Err("connect must be v1".into());
    }
    if compression.is_some_and(|compression| !matches!(compression, "" | "identity")) {
        return Err(InvalidGet::Compressed);
    }
    let codec = match encoding {
        Some("json") => Codec::Json,
        Some("proto") => Codec::Proto,
        _ => return Err("encoding must be json or proto".into()),
    };
    let message = message.ok_or("the parameter message is required")?;
    let message = match base64 {
        Some("1") => {
            URL_SAFE_NO_PAD.decode(message.trim_end_matches('=')).map_err(|_| "message must be URL-safe base64")?
        }
        Some("0") | None => message.as_bytes().to_vec(),
        Some(_) => return Err("base64 must be 1".into()),
    };
    Ok((codec, message))
}

/// Whether the version of the protocol is known. Clients without a generated client may leave it out.
pub(super) fn has_known_version(headers: &HeaderMap) -> bool {
    let mut versions = headers.get_all(PROTOCOL_VERSION).iter();
    versions.next().is_none_or(|version| version == "1") && versions.next().is_none()
}

/// The answer for a failure: "Error End-Stream" of a unary call.
pub(super) fn failure(failure: &Failure, request_id: &str) -> Response<AnswerBody> {
    let code = failure.reason().code();
    let status = rpc_status(failure, request_id);
    // The details a second time, readable, for people.
    #[expect(clippy::disallowed_methods, reason = "the text is the broker's")]
    let readable: Value = serde_json::from_slice(&rest::status_json(failure, request_id)).unwrap_or_default();
    let details = tonic_types::pb::Status::decode(status.details()).unwrap_or_default().details;
    let details: Vec<Value> = details
        .iter()
        .enumerate()
        .map(|(place, detail)| {
            let mut debug = readable["details"][place].clone();
            if let Some(members) = debug.as_object_mut() {
                members.remove("@type");
            }
            json!({
                "type": detail.type_url.strip_prefix(TYPE_PREFIX).unwrap_or(&detail.type_url),
                "value": STANDARD_NO_PAD.encode(&detail.value),
                "debug": debug,
            })
        })
        .collect();
    let body = json!({ "code": code_name(code), "message": failure.text, "details": details });
    let mut answer = answer(http_status(failure), code, JSON, body.to_string().into_bytes());
    rest::add_failure_headers(answer.headers_mut(), failure);
    if failure.reason() == Reason::CompressionNotSupported {
        answer.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    }
    answer
}

/// The status of HTTP: that of the code, but for requests that reach no method ("HTTP to Error Code").
fn http_status(failure: &Failure) -> StatusCode {
    let plain = rest::status_of(failure);
    if matches!(plain, StatusCode::METHOD_NOT_ALLOWED | StatusCode::UNSUPPORTED_MEDIA_TYPE)
        && failure.reason() == Reason::RequestInvalid
    {
        return plain;
    }
    let status = match failure.reason().code() {
        Code::Ok => 200,
        Code::Cancelled => 499,
        Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => 400,
        Code::DeadlineExceeded => 504,
        Code::NotFound => 404,
        Code::AlreadyExists | Code::Aborted => 409,
        Code::PermissionDenied => 403,
        Code::ResourceExhausted => 429,
        Code::Unimplemented => 501,
        Code::Unavailable => 503,
        Code::Unauthenticated => 401,
        Code::Unknown | Code::Internal | Code::DataLoss => 500,
    };
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// The name in the protocol.
fn code_name(code: Code) -> String {
    match code {
        Code::Cancelled => "canceled".to_owned(),
        other => other.name().to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parameters_of_a_get_are_a_message_in_one_codec() {
        let read = |text: &str| {
            let pairs: Vec<_> = text.split('&').map(|pair| pair.split_once('=').unwrap()).collect();
            message_of_get(&pairs)
        };
        let read_message = |text: &str| read(text).map(|(codec, message)| (codec, String::from_utf8(message).unwrap()));
        for (query, codec, message) in [
            ("encoding=json&message={}", Codec::Json, "{}"),
            ("connect=v1&encoding=json&message={}&compression=identity&base64=0", Codec::Json, "{}"),
            ("connect=v1&base64=1&encoding=json&message=e30", Codec::Json, "{}"),
            ("base64=1&encoding=proto&message=Pz8_fn5-", Codec::Proto, "???~~~"),
            ("base64=1&encoding=proto&message=YQ==", Codec::Proto, "a"),
        ] {
            assert_eq!(read_message(query), Ok((codec, message.to_owned())), "{query}");
        }
        for query in [
            "message={}",
            "encoding=json",
            "encoding=xml&message={}",
            "encoding=json&message={}&message={}",
            "encoding=json&message={}&connect=v2",
            "encoding=json&message=e30&base64=true",
            "encoding=json&message=e3+&base64=1",
            "encoding=json&message={}&other=1",
        ] {
            assert!(matches!(read(query), Err(InvalidGet::Parameters(_))), "{query}");
        }
        // As in the header of a POST.
        assert_eq!(read("encoding=json&message=e30&base64=1&compression=gzip"), Err(InvalidGet::Compressed));
    }
}

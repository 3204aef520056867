//! The head of a request: what it asks for, and whether it is refused by its head alone.

use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Request};

use super::accept::accepts_json;
use super::browser::{Page, has_pages};
use super::connect::{self, Codec};
use super::inward;
use super::settings::{AcceptedHosts, HttpSettings};
use super::target::{Resource, protocol_of_unknown};
use crate::calls::{CallMethod, Cause, MalformedRequest, Protocol};
use access_broker_identity::AcceptedProof;

/// What the head of a request says.
pub(super) struct Head {
    pub(super) resource: Option<Resource>,
    pub(super) protocol: Protocol,
    pub(super) method: CallMethod,
    pub(super) is_get: bool,
    pub(super) query: Option<String>,
    /// The codec of the body.
    pub(super) codec: Codec,
    pub(super) page: Page,
    /// Why the request is refused by its head alone.
    pub(super) refusal: Option<Cause>,
}

impl Head {
    /// Reads the head of a request to a listener that accepts such proof of identity.
    pub(super) fn read<B>(
        request: &Request<B>,
        accepts: &AcceptedProof,
        settings: &HttpSettings,
        hosts: AcceptedHosts,
    ) -> Self {
        let is_open_to_pages = has_pages(accepts);
        let path = request.uri().path();
        let resource = Resource::at(path).filter(|resource| {
            *resource != Resource::PresignedUrl || is_open_to_pages && settings.presigned_url.is_some()
        });
        let mut head = Self {
            resource,
            protocol: resource.map_or_else(|| protocol_of_unknown(path), Resource::protocol),
            method: CallMethod::Unknown,
            is_get: *request.method() == Method::GET,
            query: request.uri().query().map(str::to_owned),
            codec: Codec::Json,
            page: Page::of(request.headers(), &settings.cors_origins),
            refusal: None,
        };
        if let Some(resource) = resource {
            let is_served = !head.is_get || is_open_to_pages || resource == Resource::OpenApi;
            let call = if *request.method() == Method::OPTIONS {
                Some(CallMethod::Preflight)
            } else {
                resource.call(request.method())
            };
            head.method = call.filter(|_| is_served).unwrap_or(CallMethod::Unknown);
        }
        head.refusal = head.judge(request, accepts, hosts).err();
        head
    }

    /// Who may ask for what comes first, then what exists, and then its form.
    fn judge<B>(&mut self, request: &Request<B>, accepts: &AcceptedProof, hosts: AcceptedHosts) -> Result<(), Cause> {
        inward::judge(request, accepts, hosts)?;
        self.page.judge(accepts)?;
        let resource = self.resource.ok_or(Cause::Malformed(MalformedRequest::UnknownMethod))?;
        match self.method {
            CallMethod::Preflight if self.page == Page::Foreign => Err(Cause::CrossSite),
            CallMethod::Preflight => Ok(()),
            CallMethod::Unknown => Err(Cause::Malformed(MalformedRequest::MethodNotAllowed)),
            _ => self.judge_form(resource, request.headers()).map_err(Cause::Malformed),
        }
    }

    fn judge_form(&mut self, resource: Resource, headers: &HeaderMap) -> Result<(), MalformedRequest> {
        let is_plain = |encoding: &HeaderValue| encoding.as_bytes().eq_ignore_ascii_case(b"identity");
        if !headers.get_all(CONTENT_ENCODING).iter().all(is_plain) {
            return Err(MalformedRequest::CompressedMessage);
        }
        if !self.is_get {
            match (codec_of(headers), resource) {
                (Some(codec), Resource::Connect(_)) => self.codec = codec,
                (Some(Codec::Json), _) => {}
                _ => return Err(MalformedRequest::UnsupportedMediaType),
            }
        }
        match resource {
            Resource::Connect(_) if !connect::has_known_version(headers) => Err(MalformedRequest::InvalidHeader),
            // The codec of the request is that of the answer.
            Resource::Connect(_) => Ok(()),
            _ if !accepts_json(headers) => Err(MalformedRequest::NotAcceptable),
            _ => Ok(()),
        }
    }
}

/// The codec of the single content type.
fn codec_of(headers: &HeaderMap) -> Option<Codec> {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let mut parts = value.as_bytes().split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
    let media_type = parts.next().unwrap_or_default();
    // JSON is UTF-8 (RFC 8259 section 8.1).
    let is_utf8 = parts.all(|parameter| {
        let charset = parameter.split_at_checked(8).filter(|(name, _)| name.eq_ignore_ascii_case(b"charset="));
        charset
            .is_none_or(|(_, value)| [&b"utf-8"[..], b"\"utf-8\""].iter().any(|utf8| value.eq_ignore_ascii_case(utf8)))
    });
    if media_type.eq_ignore_ascii_case(b"application/json") && is_utf8 {
        Some(Codec::Json)
    } else if media_type.eq_ignore_ascii_case(b"application/proto") {
        Some(Codec::Proto)
    } else {
        None
    }
}

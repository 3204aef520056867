//! One request over HTTP, as the pipeline's wire.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http::header::{ALLOW, CONTENT_ENCODING, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use tonic::body::Body;

use super::accept::accepts_json;
use super::answer::{AnswerBody, answer, code_of_head, empty};
use super::body::{BodyRule, RequestBody};
use super::browser::{Page, add_preflight_headers};
use super::connect::{self, Codec, InvalidGet};
use super::inward::{self, TIMEOUT};
use super::settings::{AcceptedHosts, HttpSettings, PresignedUrlSettings};
use super::target::{Resource, has_no_side_effects, protocol_of_unknown};
use super::{openapi, presigned_url, rest};
use crate::calls::{
    Admitted, AuthenticatedCall, CallCounters, CallMethod, CallRecord, Cause, Code, Failure, MalformedRequest,
    MessagePrefix, Protocol, Wire, refuse,
};
use crate::contract::json::ContractMessage;
use crate::contract::{Operations, proto};
use access_broker_identity::AcceptedProof;
use access_broker_protojson::{JsonError, form_pairs};

/// The parameter that asks for a redirect. It is no field of the message.
const REDIRECT: &str = "redirect";

/// What all exchanges share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) operations: Operations,
    pub(super) settings: HttpSettings,
    pub(super) hosts: AcceptedHosts,
    pub(super) counters: Arc<CallCounters>,
}

/// One request, read before the pipeline sees it.
pub(super) struct Exchange {
    shared: Arc<Shared>,
    resource: Option<Resource>,
    protocol: Protocol,
    method: CallMethod,
    /// Why the request is refused by its head alone.
    refusal: Option<Cause>,
    is_get: bool,
    query: Option<String>,
    codec: Codec,
    page: Page,
    accepts: Arc<AcceptedProof>,
}

impl Exchange {
    /// Reads the head of a request.
    pub(super) fn read<B>(shared: &Arc<Shared>, request: &Request<B>, accepts: &Arc<AcceptedProof>) -> Self {
        let headers = request.headers();
        let is_open_to_pages = has_pages(accepts);
        let path = request.uri().path();
        let resource = Resource::at(path);
        let resource = resource.filter(|resource| {
            *resource != Resource::PresignedUrl || is_open_to_pages && shared.settings.presigned_url.is_some()
        });
        let http_method = request.method();
        let mut exchange = Self {
            shared: Arc::clone(shared),
            resource,
            protocol: resource.map_or_else(|| protocol_of_unknown(path), Resource::protocol),
            method: CallMethod::Unknown,
            refusal: None,
            is_get: *http_method == Method::GET,
            query: request.uri().query().map(str::to_owned),
            codec: Codec::Json,
            page: Page::of(headers, &shared.settings.cors_origins),
            accepts: Arc::clone(accepts),
        };
        if let Some(resource) = resource {
            let is_served = !exchange.is_get || is_open_to_pages || resource == Resource::OpenApi;
            let call =
                if *http_method == Method::OPTIONS { Some(CallMethod::Preflight) } else { resource.call(http_method) };
            exchange.method = call.filter(|_| is_served).unwrap_or(CallMethod::Unknown);
        }
        exchange.refusal = exchange.judge_head(request);
        exchange
    }

    /// What may be asked by whom comes first, then what exists, and then its form.
    fn judge_head<B>(&mut self, request: &Request<B>) -> Option<Cause> {
        let headers = request.headers();
        if let Some(cause) = inward::judge(request, &self.accepts, self.shared.hosts) {
            return Some(cause);
        }
        if let Some(cause) = self.page.judge(&self.accepts) {
            return Some(cause);
        }
        let Some(resource) = self.resource else { return Some(Cause::Malformed(MalformedRequest::UnknownMethod)) };
        if self.method == CallMethod::Preflight {
            return (self.page == Page::Foreign).then_some(Cause::CrossSite);
        }
        if self.method == CallMethod::Unknown {
            return Some(Cause::Malformed(MalformedRequest::MethodNotAllowed));
        }
        let is_plain = |encoding: &HeaderValue| encoding.as_bytes().eq_ignore_ascii_case(b"identity");
        if !headers.get_all(CONTENT_ENCODING).iter().all(is_plain) {
            return Some(Cause::Malformed(MalformedRequest::CompressedMessage));
        }
        if !self.is_get {
            match (codec_of(headers), resource) {
                (Some(codec), Resource::Connect(_)) => self.codec = codec,
                (Some(Codec::Json), _) => {}
                _ => return Some(Cause::Malformed(MalformedRequest::UnsupportedMediaType)),
            }
        }
        match resource {
            Resource::Connect(_) if !connect::has_known_version(headers) => {
                Some(Cause::Malformed(MalformedRequest::InvalidHeader))
            }
            // The codec of the request is that of the answer.
            Resource::Connect(_) => None,
            _ if !accepts_json(headers) => Some(Cause::Malformed(MalformedRequest::NotAcceptable)),
            _ => None,
        }
    }

    /// The headers that the steps of the call may read.
    pub(super) fn inward_headers(&self, headers: &HeaderMap) -> HeaderMap {
        let mut inward = inward::inward_headers(headers, &self.accepts);
        if self.presigned_url().is_some_and(|settings| settings.raw_token) {
            presigned_url::complete_raw_token(&mut inward);
        }
        inward
    }

    /// The page that may read the answer.
    pub(super) const fn page(&self) -> &Page {
        &self.page
    }

    /// The settings of the call `/presignedurl`, if this is one.
    fn presigned_url(&self) -> Option<&PresignedUrlSettings> {
        self.shared.settings.presigned_url.as_ref().filter(|_| self.resource == Some(Resource::PresignedUrl))
    }

    fn allowed(&self) -> HeaderValue {
        let allowed = self.resource.map(|resource| resource.allowed(has_pages(&self.accepts)));
        allowed.and_then(|allowed| HeaderValue::try_from(allowed).ok()).unwrap_or(HeaderValue::from_static("OPTIONS"))
    }

    fn preflight(&self) -> Response<AnswerBody> {
        let mut answer = empty(StatusCode::NO_CONTENT, Code::Ok);
        answer.headers_mut().insert(ALLOW, self.allowed());
        if let Page::Allowed(_) = self.page {
            add_preflight_headers(answer.headers_mut(), self.allowed());
        }
        answer
    }

    /// Message, use case, answer.
    async fn run(
        &self,
        method: CallMethod,
        call: &AuthenticatedCall,
        body: &[u8],
    ) -> Result<Response<AnswerBody>, Unread> {
        let operations = &self.shared.operations;
        match method {
            CallMethod::IssueDownloadUrl => {
                let (message, is_redirected) = self.download(body)?;
                let issued = operations.issue_download_url(call, message).await?;
                if is_redirected {
                    return Ok(rest::redirect(&issued)?);
                }
                match self.presigned_url() {
                    Some(_) => Ok(presigned_url::issued_download(&issued)),
                    None => self.answer(&issued),
                }
            }
            CallMethod::IssueUploadUrl => match self.presigned_url() {
                Some(settings) => {
                    let message = presigned_url::upload(&self.message(body)?, settings);
                    let message = message
                        .map_err(|text| Unread::Malformed(MalformedRequest::UndecodableMessage, text.to_owned()))?;
                    Ok(presigned_url::issued_upload(&operations.issue_upload_url(call, message).await?))
                }
                None => self.answer(&operations.issue_upload_url(call, self.message(body)?).await?),
            },
            CallMethod::VerifyUpload => self.answer(&operations.verify_upload(call, self.message(body)?).await?),
            // The pipeline brings no other method with a caller.
            _ => Err(Failure::internal_fault().into()),
        }
    }

    /// The message of a download, and whether the answer is a redirect.
    fn download(&self, body: &[u8]) -> Result<(proto::IssueDownloadUrlRequest, bool), Unread> {
        let query = self.query.as_deref().unwrap_or_default();
        match (self.resource, self.presigned_url()) {
            (_, Some(settings)) => {
                let pairs = form_pairs(query).map_err(Unread::query)?;
                let [(name, key)] = pairs.as_slice() else {
                    return Err(Unread::parameters(
                        "the query must have the parameter key and no other one; a key with & must be percent-encoded",
                    ));
                };
                if name != presigned_url::KEY {
                    return Err(Unread::parameters(
                        "the query must have the parameter key and no other one; a key with & must be percent-encoded",
                    ));
                }
                Ok((presigned_url::download(key.to_string(), settings), false))
            }
            (Some(Resource::Rest(_)), None) if self.is_get => {
                let (message, [redirect]) = ContractMessage::from_query(query, [REDIRECT]).map_err(Unread::query)?;
                let is_redirected = match redirect.as_deref() {
                    Some("true") => true,
                    Some("false") | None => false,
                    Some(_) => return Err(Unread::parameters("redirect must be true or false")),
                };
                Ok((message, is_redirected))
            }
            _ => Ok((self.message(body)?, false)),
        }
    }

    /// The message of a request.
    fn message<M: ContractMessage>(&self, body: &[u8]) -> Result<M, Unread> {
        let query = self.query.as_deref().unwrap_or_default();
        if self.is_get {
            let pairs = form_pairs(query).map_err(Unread::query)?;
            let (codec, message) = connect::message_of_get(&pairs).map_err(Unread::get)?;
            return decode(codec, &message);
        }
        if !query.is_empty() {
            return Err(Unread::parameters("a POST request takes no parameters: its fields are in the body"));
        }
        decode(self.codec, body)
    }

    /// An answer in the codec of the request.
    fn answer<M: ContractMessage>(&self, message: &M) -> Result<Response<AnswerBody>, Unread> {
        let codec = match (self.resource, self.is_get) {
            (Some(Resource::Connect(call)), true) if has_no_side_effects(call) => self.codec_of_get(),
            _ => self.codec,
        };
        let bytes = match codec {
            Codec::Proto => message.encode_to_vec(),
            Codec::Json => message.to_json().map_err(|error| {
                tracing::error!(%error, "writing an answer failed");
                Failure::internal_fault()
            })?,
        };
        Ok(answer(StatusCode::OK, Code::Ok, codec.content_type(), bytes))
    }

    /// The codec that a valid GET names.
    fn codec_of_get(&self) -> Codec {
        let pairs = form_pairs(self.query.as_deref().unwrap_or_default()).unwrap_or_default();
        connect::message_of_get(&pairs).map_or(Codec::Json, |(codec, _)| codec)
    }
}

impl Wire for Exchange {
    /// The message is the whole body.
    const PREFIX: MessagePrefix = MessagePrefix { bytes: 0, announced: |_| None };

    type RequestBody = Body;
    type WatchedBody = RequestBody;
    type AnswerBody = AnswerBody;

    fn protocol(&self) -> Protocol {
        self.protocol
    }

    fn method(&self, _: &Request<Body>) -> CallMethod {
        self.method
    }

    fn judge(&self, _: CallMethod, _: &Request<Body>) -> Option<Cause> {
        self.refusal
    }

    fn client_timeout(&self, headers: &HeaderMap) -> Option<Duration> {
        headers.get(TIMEOUT)?.to_str().ok()?.parse().ok().map(Duration::from_millis)
    }

    fn watch(&self, _: CallMethod, _: &HeaderMap, body: Body, record: &CallRecord) -> RequestBody {
        let rule = if self.is_get { BodyRule::None } else { BodyRule::Message };
        RequestBody::new(body, rule, record.clone())
    }

    async fn serve(
        &self,
        method: CallMethod,
        admitted: Admitted<RequestBody>,
        record: &CallRecord,
    ) -> Response<AnswerBody> {
        let (call, message) = match admitted {
            Admitted::WithoutCaller { .. } if method == CallMethod::OpenApi => return openapi::description(),
            Admitted::WithoutCaller { .. } => return self.preflight(),
            Admitted::Authenticated { call, message, .. } => (call, message),
        };
        match self.run(method, &call, &message).await {
            Ok(answer) => answer,
            Err(Unread::Failed(failure)) => self.answer_failure(&failure, record.request_id().as_str()),
            Err(Unread::Malformed(malformed, text)) => {
                let failure = refuse(Cause::Malformed(malformed), record, &self.shared.counters);
                self.answer_failure(&Failure { text: text.into(), ..failure }, record.request_id().as_str())
            }
        }
    }

    fn answer_failure(&self, failure: &Failure, request_id: &str) -> Response<AnswerBody> {
        let mut answer = match self.protocol() {
            Protocol::Connect => connect::failure(failure, request_id),
            Protocol::PresignedUrl => presigned_url::failure(failure, request_id),
            Protocol::Rest | Protocol::Grpc => rest::failure(failure, request_id),
        };
        if answer.status() == StatusCode::METHOD_NOT_ALLOWED {
            answer.headers_mut().insert(ALLOW, self.allowed());
        }
        if answer.status() == StatusCode::UNAUTHORIZED && has_pages(&self.accepts) {
            answer.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        answer
    }

    fn answer_lost(&self) -> Response<AnswerBody> {
        empty(StatusCode::BAD_REQUEST, Code::Cancelled)
    }

    fn code_of_head(answer: &Response<AnswerBody>) -> Option<Code> {
        code_of_head(answer)
    }

    fn code_of_trailers(_: &HeaderMap) -> Option<Code> {
        None
    }

    fn code_of_body(body: &AnswerBody) -> Option<Code> {
        body.code_at_end()
    }

    fn code_of_error(error: &Infallible) -> Code {
        match *error {}
    }
}

/// A call without an answer of its use case.
enum Unread {
    Failed(Failure),
    /// Its message cannot be read, with the text for the caller.
    Malformed(MalformedRequest, String),
}

impl Unread {
    #[expect(clippy::needless_pass_by_value, reason = "an argument of map_err")]
    fn query(error: JsonError) -> Self {
        Self::Malformed(MalformedRequest::InvalidQuery, error.to_string())
    }

    fn get(error: InvalidGet) -> Self {
        match error {
            InvalidGet::Parameters(text) => Self::parameters(text),
            InvalidGet::Compressed => {
                let malformed = MalformedRequest::CompressedMessage;
                Self::Malformed(malformed, malformed.text().to_owned())
            }
        }
    }

    fn parameters(text: &'static str) -> Self {
        Self::Malformed(MalformedRequest::InvalidQuery, text.to_owned())
    }
}

impl From<Failure> for Unread {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// Whether pages in browsers may use GET: where every call must have a token, which no browser adds by itself.
const fn has_pages(accepts: &AcceptedProof) -> bool {
    !matches!(accepts, AcceptedProof::Workload(_))
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

fn decode<M: ContractMessage>(codec: Codec, body: &[u8]) -> Result<M, Unread> {
    let undecodable = |text: String| Unread::Malformed(MalformedRequest::UndecodableMessage, text);
    match codec {
        Codec::Json => M::from_json(body).map_err(|error| undecodable(error.to_string())),
        Codec::Proto => {
            M::decode(body).map_err(|_| undecodable(MalformedRequest::UndecodableMessage.text().to_owned()))
        }
    }
}

//! One request over HTTP, as the pipeline's wire.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http::header::{ALLOW, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use tonic::body::Body;

use super::answer::{AnswerBody, answer, code_of_head, empty};
use super::body::{BodyRule, RequestBody};
use super::browser::{Page, add_preflight_headers, has_pages};
use super::connect::{self, Codec, InvalidGet};
use super::head::Head;
use super::inward::{self, TIMEOUT};
use super::settings::{AcceptedHosts, HttpSettings, PresignedUrlSettings};
use super::target::{Resource, has_no_side_effects};
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

/// For a client that has no methods in mind.
const NOTHING_HERE: &str = "nothing is served at this path; /openapi.json lists the paths";

/// What all exchanges share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) operations: Operations,
    pub(super) settings: HttpSettings,
    pub(super) hosts: AcceptedHosts,
    pub(super) counters: Arc<CallCounters>,
}

/// One request, whose head is read.
pub(super) struct Exchange {
    shared: Arc<Shared>,
    head: Head,
    accepts: Arc<AcceptedProof>,
}

impl Exchange {
    /// Reads the head of a request.
    pub(super) fn read<B>(shared: &Arc<Shared>, request: &Request<B>, accepts: &Arc<AcceptedProof>) -> Self {
        let head = Head::read(request, accepts, &shared.settings, shared.hosts);
        Self { shared: Arc::clone(shared), head, accepts: Arc::clone(accepts) }
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
        &self.head.page
    }

    /// The settings of the call `/presignedurl`, if this is one.
    fn presigned_url(&self) -> Option<&PresignedUrlSettings> {
        self.shared.settings.presigned_url.as_ref().filter(|_| self.head.resource == Some(Resource::PresignedUrl))
    }

    fn allowed(&self) -> HeaderValue {
        let allowed = self.head.resource.map(|resource| resource.allowed(has_pages(&self.accepts)));
        allowed.and_then(|allowed| HeaderValue::try_from(allowed).ok()).unwrap_or(HeaderValue::from_static("OPTIONS"))
    }

    fn preflight(&self) -> Response<AnswerBody> {
        let mut answer = empty(StatusCode::NO_CONTENT, Code::Ok);
        answer.headers_mut().insert(ALLOW, self.allowed());
        if let Page::Allowed(_) = self.head.page {
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
        let query = self.head.query.as_deref().unwrap_or_default();
        match (self.head.resource, self.presigned_url()) {
            (_, Some(settings)) => {
                let pairs = form_pairs(query).map_err(Unread::query)?;
                match pairs.as_slice() {
                    [(name, key)] if name == presigned_url::KEY => {
                        Ok((presigned_url::download(key.to_string(), settings), false))
                    }
                    _ => Err(Unread::parameters(
                        "the query must have the parameter key and no other one; a key with & must be percent-encoded",
                    )),
                }
            }
            (Some(Resource::Rest(_)), None) if self.head.is_get => {
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
        let query = self.head.query.as_deref().unwrap_or_default();
        if self.head.is_get {
            let pairs = form_pairs(query).map_err(Unread::query)?;
            let (codec, message) = connect::message_of_get(&pairs).map_err(Unread::get)?;
            return decode(codec, &message);
        }
        if !query.is_empty() {
            return Err(Unread::parameters("a POST request takes no parameters: its fields are in the body"));
        }
        decode(self.head.codec, body)
    }

    /// An answer in the codec of the request.
    fn answer<M: ContractMessage>(&self, message: &M) -> Result<Response<AnswerBody>, Unread> {
        let codec = match (self.head.resource, self.head.is_get) {
            (Some(Resource::Connect(call)), true) if has_no_side_effects(call) => self.codec_of_get(),
            _ => self.head.codec,
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
        let pairs = form_pairs(self.head.query.as_deref().unwrap_or_default()).unwrap_or_default();
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
        self.head.protocol
    }

    fn method(&self, _: &Request<Body>) -> CallMethod {
        self.head.method
    }

    fn judge(&self, _: CallMethod, _: &Request<Body>) -> Option<Cause> {
        self.head.refusal
    }

    fn client_timeout(&self, headers: &HeaderMap) -> Option<Duration> {
        headers.get(TIMEOUT)?.to_str().ok()?.parse().ok().map(Duration::from_millis)
    }

    fn watch(&self, _: CallMethod, _: &HeaderMap, body: Body, record: &CallRecord) -> RequestBody {
        let rule = if self.head.is_get { BodyRule::None } else { BodyRule::Message };
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
        let is_of_path = failure.cause == Some(Cause::Malformed(MalformedRequest::UnknownMethod));
        let failure = match self.protocol() {
            Protocol::Rest if is_of_path => &Failure { text: NOTHING_HERE.into(), ..failure.clone() },
            _ => failure,
        };
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

fn decode<M: ContractMessage>(codec: Codec, body: &[u8]) -> Result<M, Unread> {
    let undecodable = |text: String| Unread::Malformed(MalformedRequest::UndecodableMessage, text);
    match codec {
        Codec::Json => M::from_json(body).map_err(|error| undecodable(error.to_string())),
        Codec::Proto => {
            M::decode(body).map_err(|_| undecodable(MalformedRequest::UndecodableMessage.text().to_owned()))
        }
    }
}

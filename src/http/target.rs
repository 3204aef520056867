//! What a request is for: a path and a method of HTTP.

use std::sync::LazyLock;

use http::Method;

use crate::calls::{CallMethod, Protocol, SERVICE_NAME};
use crate::contract::{HttpRule, http_rules};

/// The path of the call that the product replaces, alone or after a stage of an API gateway.
const PRESIGNED_URL: &str = "/presignedurl";

/// The path of the description of the interface.
const OPENAPI: &str = "/openapi.json";

/// The maximum length of a stage, in bytes, by the API gateway of AWS.
const MAX_STAGE_BYTES: usize = 128;

/// What is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resource {
    /// Methods at a path of the contract's annotations.
    Rest(&'static [HttpRule]),
    /// A method at the path of gRPC and Connect.
    Connect(CallMethod),
    PresignedUrl,
    OpenApi,
}

/// The annotations, grouped by path.
static REST: LazyLock<Vec<Vec<HttpRule>>> = LazyLock::new(|| {
    let mut paths: Vec<Vec<HttpRule>> = Vec::new();
    for rule in http_rules() {
        match paths.iter_mut().find(|rules| rules.first().is_some_and(|first| first.path == rule.path)) {
            Some(rules) => rules.push(rule),
            None => paths.push(vec![rule]),
        }
    }
    paths
});

impl Resource {
    /// What is at this path, compared byte for byte: no path of this server needs an escape.
    pub(super) fn at(path: &str) -> Option<Self> {
        if path == OPENAPI {
            return Some(Self::OpenApi);
        }
        if let Some(rules) = REST.iter().find(|rules| rules.iter().any(|rule| rule.path == path)) {
            return Some(Self::Rest(rules));
        }
        if path.strip_suffix(PRESIGNED_URL).is_some_and(is_stage) {
            return Some(Self::PresignedUrl);
        }
        let method = CallMethod::from_path(path);
        (method.service() == SERVICE_NAME).then_some(Self::Connect(method))
    }

    /// The call that this method of HTTP makes.
    pub(super) fn call(self, method: &Method) -> Option<CallMethod> {
        match self {
            Self::Rest(rules) => rules.iter().find(|rule| rule.http_method == *method).map(|rule| rule.call),
            Self::Connect(call) => {
                let is_served = *method == Method::POST || *method == Method::GET && has_no_side_effects(call);
                is_served.then_some(call)
            }
            Self::PresignedUrl if *method == Method::GET => Some(CallMethod::IssueDownloadUrl),
            Self::PresignedUrl if *method == Method::POST => Some(CallMethod::IssueUploadUrl),
            Self::OpenApi if *method == Method::GET => Some(CallMethod::OpenApi),
            Self::PresignedUrl | Self::OpenApi => None,
        }
    }

    /// The methods of HTTP that it serves, for `allow`.
    pub(super) fn allowed(self, serves_get: bool) -> String {
        let served = [Method::GET, Method::POST].into_iter();
        let served = served.filter(|method| *method != Method::GET || serves_get || self == Self::OpenApi);
        let served: Vec<_> =
            served.filter(|method| self.call(method).is_some()).map(|method| method.to_string()).collect();
        format!("{}, OPTIONS", served.join(", "))
    }

    /// The form of requests and answers.
    pub(super) const fn protocol(self) -> Protocol {
        match self {
            Self::Rest(_) | Self::OpenApi => Protocol::Rest,
            Self::Connect(_) => Protocol::Connect,
            Self::PresignedUrl => Protocol::PresignedUrl,
        }
    }
}

/// Whether Connect may use GET. The contract says the same by `idempotency_level`, for generated clients.
pub(super) const fn has_no_side_effects(call: CallMethod) -> bool {
    matches!(call, CallMethod::IssueDownloadUrl)
}

/// The form of the answer at a path where nothing is. Clients of Connect read the error of an unknown method.
pub(super) fn protocol_of_unknown(path: &str) -> Protocol {
    let method = path.strip_prefix('/').and_then(|path| path.strip_prefix(SERVICE_NAME));
    if method.is_some_and(|method| method.starts_with('/')) { Protocol::Connect } else { Protocol::Rest }
}

/// Whether this is empty, or a slash and a name such as `dev`.
fn is_stage(before: &str) -> bool {
    let is_name = |name: &str| {
        (1..=MAX_STAGE_BYTES).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
    };
    before.is_empty() || before.strip_prefix('/').is_some_and(is_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(method: &Method, path: &str) -> Option<(Protocol, CallMethod)> {
        let resource = Resource::at(path)?;
        Some((resource.protocol(), resource.call(method)?))
    }

    #[test]
    fn every_path_has_its_methods() {
        use CallMethod::{IssueDownloadUrl, IssueUploadUrl, OpenApi, VerifyUpload};
        for (method, path, expected) in [
            (Method::GET, "/v1/downloadUrl", (Protocol::Rest, IssueDownloadUrl)),
            (Method::POST, "/v1/downloadUrl", (Protocol::Rest, IssueDownloadUrl)),
            (Method::POST, "/v1/uploadUrl", (Protocol::Rest, IssueUploadUrl)),
            (Method::POST, "/v1/verifyUpload", (Protocol::Rest, VerifyUpload)),
            (Method::GET, "/presignedurl", (Protocol::PresignedUrl, IssueDownloadUrl)),
            (Method::POST, "/dev/presignedurl", (Protocol::PresignedUrl, IssueUploadUrl)),
            (Method::GET, "/openapi.json", (Protocol::Rest, OpenApi)),
            (Method::POST, "/accessbroker.v1.AccessBrokerService/VerifyUpload", (Protocol::Connect, VerifyUpload)),
            (
                Method::GET,
                "/accessbroker.v1.AccessBrokerService/IssueDownloadUrl",
                (Protocol::Connect, IssueDownloadUrl),
            ),
        ] {
            assert_eq!(call(&method, path), Some(expected), "{method} {path}");
        }
    }

    #[test]
    fn nothing_else_is_served() {
        for (method, path) in [
            (Method::GET, "/v1/uploadUrl"),
            (Method::GET, "/v1/verifyUpload"),
            (Method::PUT, "/v1/downloadUrl"),
            (Method::HEAD, "/v1/downloadUrl"),
            (Method::POST, "/openapi.json"),
            (Method::GET, "/accessbroker.v1.AccessBrokerService/IssueUploadUrl"),
            (Method::POST, "/grpc.health.v1.Health/Check"),
            (Method::GET, "/"),
            (Method::GET, "/v1/downloadUrl/"),
            (Method::GET, "//v1/downloadUrl"),
            (Method::GET, "/v1/download%55rl"),
            (Method::GET, "/V1/downloadurl"),
            (Method::GET, "/a/b/presignedurl"),
            (Method::GET, "//presignedurl"),
            (Method::GET, "/../presignedurl"),
            (Method::GET, "/a%2Fb/presignedurl"),
            (Method::GET, "/presignedurl/"),
            (Method::GET, "/xpresignedurl"),
        ] {
            assert_eq!(call(&method, path), None, "{method} {path}");
        }
        let long = format!("/{}/presignedurl", "a".repeat(MAX_STAGE_BYTES + 1));
        assert_eq!(call(&Method::GET, &long), None);
        assert!(call(&Method::GET, &long.replacen('a', "", 1)).is_some());
    }

    #[test]
    fn an_unknown_path_has_the_protocol_of_its_service() {
        for (path, expected) in [
            ("/accessbroker.v1.AccessBrokerService/NoSuchMethod", Protocol::Connect),
            ("/accessbroker.v1.AccessBrokerService/", Protocol::Connect),
            ("/accessbroker.v1.AccessBrokerService", Protocol::Rest),
            ("/accessbroker.v1.AccessBrokerServices/IssueDownloadUrl", Protocol::Rest),
            ("/grpc.health.v1.Health/Check", Protocol::Rest),
            ("/v1/unknown", Protocol::Rest),
        ] {
            assert_eq!(protocol_of_unknown(path), expected, "{path}");
        }
    }

    #[test]
    fn the_allowed_methods_are_those_that_are_served() {
        let allowed = |path, get| Resource::at(path).unwrap().allowed(get);
        assert_eq!(allowed("/v1/downloadUrl", true), "GET, POST, OPTIONS");
        assert_eq!(allowed("/v1/downloadUrl", false), "POST, OPTIONS");
        assert_eq!(allowed("/v1/uploadUrl", true), "POST, OPTIONS");
        assert_eq!(allowed("/openapi.json", false), "GET, OPTIONS");
    }
}

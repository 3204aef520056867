//! The paths of the methods over HTTP, read from the contract's `google.api.http` annotations.

use http::Method;
use prost_reflect::{DynamicMessage, ServiceDescriptor, Value};

use super::json::DESCRIPTORS;
use crate::calls::{CallMethod, SERVICE_NAME};

/// The full name of the annotation.
const ANNOTATION: &str = "google.api.http";

/// One path of a method.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HttpRule {
    pub(crate) http_method: Method,
    pub(crate) path: String,
    pub(crate) call: CallMethod,
}

/// Every rule, in the order of the contract.
pub(crate) fn http_rules() -> Vec<HttpRule> {
    let service = DESCRIPTORS.get_service_by_name(SERVICE_NAME);
    let Some(annotation) = DESCRIPTORS.get_extension_by_name(ANNOTATION) else { return Vec::new() };
    let mut rules = Vec::new();
    for method in service.iter().flat_map(ServiceDescriptor::methods) {
        let Some(call) =
            CallMethod::ALL.into_iter().find(|call| call.service() == SERVICE_NAME && call.name() == method.name())
        else {
            continue;
        };
        let options = method.options();
        if let Value::Message(rule) = options.get_extension(&annotation).as_ref() {
            rules.extend(rule_of(rule, call));
            if let Some(Value::List(additional)) = rule.get_field_by_name("additional_bindings").as_deref() {
                rules.extend(additional.iter().filter_map(Value::as_message).filter_map(|rule| rule_of(rule, call)));
            }
        }
    }
    rules
}

fn rule_of(rule: &DynamicMessage, call: CallMethod) -> Option<HttpRule> {
    [("get", Method::GET), ("post", Method::POST)].into_iter().find_map(|(field, http_method)| {
        let path = rule.get_field_by_name(field)?.as_str()?.to_owned();
        (!path.is_empty()).then_some(HttpRule { http_method, path, call })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Other forms of the annotation, such as a path with fields, are not served.
    #[test]
    fn every_method_has_its_paths_and_the_whole_message_is_the_body() {
        let rules: Vec<_> = http_rules()
            .iter()
            .map(|rule| format!("{} {} {}", rule.http_method, rule.path, rule.call.name()))
            .collect();
        assert_eq!(
            rules,
            [
                "GET /v1/downloadUrl IssueDownloadUrl",
                "POST /v1/downloadUrl IssueDownloadUrl",
                "POST /v1/uploadUrl IssueUploadUrl",
                "POST /v1/verifyUpload VerifyUpload",
            ]
        );
        let contract = include_str!("../../proto/accessbroker/v1/access_broker.proto");
        assert_eq!(contract.matches("body: \"*\"").count(), 3);
        assert!(!contract.contains("patch:") && !contract.contains("response_body"));
    }
}

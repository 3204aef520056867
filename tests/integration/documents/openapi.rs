//! The description of the HTTP interface, which is written from the contract.

mod comments;
mod constraints;
mod schemas;

use std::fs;

use access_broker::calls::Reason;
use prost_reflect::{DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MethodDescriptor, SerializeOptions};
use serde_json::{Map, Value, json};

use self::comments::Comments;
use self::schemas::Schemas;
use super::{file, read};

const DOCUMENT: &str = "src/http/openapi.json";

/// The descriptors that reflection serves.
const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/access_broker_descriptor.bin"));

const PACKAGE: &str = "accessbroker.v1";

/// What the proto file does not say, because it is only so in HTTP.
const ABOUT_HTTP: &str = "\
In HTTP, the proof of identity is the header `Authorization: Bearer TOKEN`. Bodies are JSON in the form of proto3: \
64-bit integers are strings (in requests also integers), bytes are base64, and an answer omits members with default \
values. Member names are in camelCase. Descriptions and error details use the names of the proto file.\n\nRequests may \
differ from the schemas: the names of the proto file (snake_case), but not both names of one field; null for a member \
that is not set; enums by number; base64 in the URL-safe alphabet or without padding; integers such as 1e3 or 7.0 up \
to 2^53; durations with a fraction of zeros, such as 60.0s.\n\nA query string is a form: \
`+` is a space and `%2B` a plus. It cannot hold maps. Repeated parameters and unknown members or parameters are \
refused.\n\nAn answer that is not 2xx or 3xx is a `google.rpc.Status` in JSON.";

fn pool() -> DescriptorPool {
    DescriptorPool::decode(DESCRIPTORS).unwrap()
}

/// A route of a method: the HTTP method, the path, and whether the message is the body.
struct Route {
    verb: &'static str,
    path: String,
    has_body: bool,
}

/// The routes in the annotation of a method, the main one first.
fn routes(method: &MethodDescriptor) -> Vec<Route> {
    let extension = method.parent_pool().get_extension_by_name("google.api.http").unwrap();
    let options = method.options();
    assert!(options.has_extension(&extension), "{} has no google.api.http", method.name());
    let rule = options.get_extension(&extension);
    let rule = rule.as_message().unwrap();
    let additional = rule.get_field_by_name("additional_bindings").unwrap();
    let additional = additional.as_list().unwrap().iter().map(|binding| binding.as_message().unwrap());
    std::iter::once(rule).chain(additional).map(route).collect()
}

fn route(rule: &DynamicMessage) -> Route {
    let rule = rule.serialize_with_options(serde_json::value::Serializer, &SerializeOptions::new()).unwrap();
    let paths = ["get", "post"].map(|verb| (verb, rule[verb].as_str()));
    let (verb, path) = paths.into_iter().find_map(|(verb, path)| Some((verb, path?))).unwrap();
    assert!(!path.contains('{'), "{path} has variables, which are not written here");
    let has_body = match rule.get("body") {
        None => false,
        Some(body) => {
            assert_eq!(body, "*", "a part of the message as a body is not written here");
            true
        }
    };
    Route { verb, path: path.to_owned(), has_body }
}

/// The query parameters of a message, those of its messages included. Maps have none.
fn parameters(schemas: &Schemas<'_>, fields: impl Iterator<Item = FieldDescriptor>, prefix: &str) -> Vec<Value> {
    let mut parameters = Vec::new();
    for field in fields.filter(|field| !field.is_map()) {
        let name = format!("{prefix}{}", field.json_name());
        match field.kind() {
            Kind::Message(message) if message.package_name() == PACKAGE => {
                parameters.extend(self::parameters(schemas, message.fields(), &format!("{name}.")));
            }
            _ => {
                let mut schema = schemas.field(&field);
                let description = schema.as_object_mut().unwrap().remove("description");
                let required =
                    prefix.is_empty() && constraints::required(field.parent_message().name()).contains(&field.name());
                parameters.push(json!({
                    "name": name, "in": "query", "required": required, "description": description, "schema": schema,
                }));
            }
        }
    }
    parameters
}

fn reference(kind: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/components/{kind}/{name}") })
}

fn request_id() -> Value {
    json!({ "x-request-id": reference("headers", "RequestId") })
}

/// Every status of an error, each with the answer that all have, and 431, which is answered before a call is known.
fn errors(statuses: impl IntoIterator<Item = u16>) -> Map<String, Value> {
    let errors = statuses.into_iter().map(|status| (status.to_string(), reference("responses", "Error")));
    errors.chain([("431".to_owned(), reference("responses", "HeadTooLarge"))]).collect()
}

/// The statuses of all reasons, and 405 and 406, which no gRPC call can get.
fn statuses() -> impl Iterator<Item = u16> {
    Reason::ALL.into_iter().map(Reason::http_status).chain([405, 406])
}

fn operation(schemas: &Schemas<'_>, comments: &Comments, method: &MethodDescriptor, route: &Route) -> Value {
    let text = comments.of(&method.parent_file(), method.path());
    let (summary, _) = text.split_once(". ").unwrap_or((text.split('\n').next().unwrap(), ""));
    let mut responses = errors(statuses());
    let content = |message: &str| json!({ "application/json": { "schema": reference("schemas", message) } });
    let answered = json!({
        "description": "The call succeeded.",
        "headers": request_id(),
        "content": content(method.output().name()),
    });
    responses.insert("200".to_owned(), answered);
    // The main route has the name of the method.
    let is_main = routes(method)[0].verb == route.verb;
    let name = method.name().to_owned() + if is_main { "" } else { "Post" };
    let mut operation = json!({ "operationId": name, "summary": summary.trim_end_matches('.'), "description": text });
    if route.has_body {
        operation["requestBody"] = json!({ "required": true, "content": content(method.input().name()) });
    } else {
        let mut parameters = parameters(schemas, method.input().fields(), "");
        parameters.push(json!({
            "name": "redirect", "in": "query", "required": false, "schema": { "type": "boolean" },
            "description": "Answer with a redirect to the URL instead of a body. No field of the message.",
        }));
        operation["parameters"] = parameters.into();
        let mut headers = request_id();
        headers["location"] = json!({
            "description": "The presigned URL.", "required": true, "schema": { "type": "string", "format": "uri" },
        });
        let redirected = json!({ "description": "With `redirect`: the URL of the download.", "headers": headers });
        responses.insert("307".to_owned(), redirected);
    }
    operation["responses"] = responses.into();
    operation
}

fn paths(schemas: &Schemas<'_>, comments: &Comments, pool: &DescriptorPool) -> Map<String, Value> {
    let mut paths = Map::new();
    let service = pool.services().find(|service| service.package_name() == PACKAGE).unwrap();
    for method in service.methods() {
        for route in routes(&method) {
            let operations = paths.entry(route.path.clone()).or_insert_with(|| json!({}));
            assert!(operations.get(route.verb).is_none(), "two methods have one route");
            operations[route.verb] = operation(schemas, comments, &method, &route);
        }
    }
    let mut responses = errors(statuses().filter(|status| *status != 401));
    let document = json!({
        "description": "This document.", "headers": request_id(),
        "content": { "application/json": { "schema": { "type": "object" } } },
    });
    responses.insert("200".to_owned(), document);
    let describe = json!({
        "operationId": "DescribeInterface", "summary": "Returns this document", "description": "Needs no token.",
        "security": [], "responses": responses,
    });
    paths.insert("/openapi.json".to_owned(), json!({ "get": describe }));
    paths
}

fn error_response() -> Value {
    let string = |description: &str, pattern: &str| json!({ "description": description, "schema": { "type": "string", "pattern": pattern } });
    let mut headers = request_id();
    headers["retry-after"] =
        string("When to retry, in whole seconds: with 429 and 503, where the time is known.", "^[0-9]+$");
    headers["www-authenticate"] = string("With 401.", "^Bearer");
    headers["allow"] = string("The methods of this path, with 405.", "^[A-Z]+(, [A-Z]+)*$");
    json!({
        "description": "The call failed. `code` is the gRPC code; a detail of type `google.rpc.ErrorInfo` has the reason.",
        "headers": headers,
        "content": { "application/json": { "schema": reference("schemas", "Status") } },
    })
}

fn head_too_large() -> Value {
    json!({
        "description": "The path with its query and the headers exceed the broker's limit `limits.max_metadata_size`. \
            There is no body and no request id. A POST request has its fields in the body, for which another limit \
            applies (413).",
    })
}

/// The document.
fn generate() -> Value {
    let pool = pool();
    let comments = Comments::new(&pool);
    let schemas = Schemas::new(&pool, &comments);
    let contract = pool.get_file_by_name("accessbroker/v1/access_broker.proto").unwrap();
    let request_id = json!({
        "description": "The id of the call: that of the request if it had a valid one.", "required": true,
        "schema": { "type": "string" },
    });
    json!({
        "openapi": "3.1.1",
        "info": {
            "title": "access-broker",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
            "description": format!("{}\n\n{ABOUT_HTTP}", comments.of_file(&contract)),
        },
        // The server that has served the document.
        "servers": [{ "url": "/" }],
        "security": [{ "bearer": [] }],
        "paths": paths(&schemas, &comments, &pool),
        "components": {
            "securitySchemes": { "bearer": {
                "type": "http", "scheme": "bearer",
                "description": "A token of a configured issuer. Listeners may require another proof of identity.",
            } },
            "headers": { "RequestId": request_id },
            "responses": { "Error": error_response(), "HeadTooLarge": head_too_large() },
            "schemas": schemas.all(),
        },
    })
}

#[test]
fn the_description_of_the_http_interface_is_that_of_the_contract() {
    let generated = format!("{:#}\n", generate());
    if std::env::var_os("UPDATE_DOCUMENTS").is_some() {
        fs::write(file(DOCUMENT), generated).unwrap();
        return;
    }
    assert!(
        read(DOCUMENT) == generated,
        "{DOCUMENT}: UPDATE_DOCUMENTS=1 cargo test --test integration documents writes it"
    );
}

/// Proxies and tools print error details only if the descriptors have them.
#[test]
fn the_descriptors_have_the_messages_of_errors() {
    let details = ["BadRequest", "ErrorInfo", "QuotaFailure", "RequestInfo", "RetryInfo", "Status"];
    assert!(details.iter().all(|name| pool().get_message_by_name(&format!("google.rpc.{name}")).is_some()));
}

#[test]
fn every_constraint_is_one_of_a_field_of_the_contract() {
    let pool = pool();
    let requests = ["IssueDownloadUrlRequest", "IssueUploadUrlRequest", "VerifyUploadRequest"];
    for (name, _) in constraints::FIELDS {
        let (messages, field) = match name.split_once('.') {
            Some((message, field)) => (vec![message], field),
            None => (requests.to_vec(), *name),
        };
        let message = |message: &str| pool.get_message_by_name(&format!("{PACKAGE}.{message}")).unwrap();
        assert!(messages.into_iter().any(|name| message(name).get_field_by_name(field).is_some()), "{name}");
    }
}

#[test]
fn every_field_parameter_and_value_is_described() {
    fn hold(value: &Value, path: &str) {
        for (name, property) in value["properties"].as_object().into_iter().flatten() {
            assert!(property["description"].is_string(), "{path}.{name}");
        }
        for parameter in value["parameters"].as_array().into_iter().flatten() {
            assert!(parameter["description"].is_string(), "{path} {}", parameter["name"]);
        }
        match value {
            Value::Object(members) => members.iter().for_each(|(name, member)| hold(member, &format!("{path}/{name}"))),
            Value::Array(items) => items.iter().for_each(|item| hold(item, path)),
            _ => {}
        }
    }
    let document = generate();
    assert_eq!(document["paths"].as_object().unwrap().len(), 4);
    let parameters = document["paths"]["/v1/downloadUrl"]["get"]["parameters"].as_array().unwrap();
    assert_eq!(parameters.len(), 18);
    hold(&document, "");
}

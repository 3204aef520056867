//! JSON Schemas of the messages and enums.

use std::collections::BTreeMap;

use prost_reflect::{DescriptorPool, EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value, json};

use super::comments::Comments;
use super::{PACKAGE, constraints, reference};

/// The largest integer that every JSON parser reads exactly.
const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

/// Writes schemas.
pub(super) struct Schemas<'a> {
    pool: &'a DescriptorPool,
    comments: &'a Comments,
    /// The messages in requests, by name.
    requests: BTreeMap<String, MessageDescriptor>,
    answers: BTreeMap<String, MessageDescriptor>,
}

impl<'a> Schemas<'a> {
    pub(super) fn new(pool: &'a DescriptorPool, comments: &'a Comments) -> Self {
        let (mut requests, mut answers) = (BTreeMap::new(), BTreeMap::new());
        for method in pool.services().filter(|service| service.package_name() == PACKAGE).flat_map(|it| methods(&it)) {
            reach(method.input(), &mut requests);
            reach(method.output(), &mut answers);
        }
        // Its fields are written alike in both directions.
        let in_both: Vec<_> = requests.keys().filter(|name| answers.contains_key(*name)).collect();
        assert_eq!(in_both, ["Checksum"]);
        Self { pool, comments, requests, answers }
    }

    /// The schemas of all messages and enums.
    pub(super) fn all(&self) -> Map<String, Value> {
        let messages = self.requests.values().chain(self.answers.values());
        let mut schemas: Map<String, Value> =
            messages.clone().map(|message| (local_name(message.full_name()), self.message(message))).collect();
        for field in messages.flat_map(MessageDescriptor::fields) {
            if let Kind::Enum(values) = field.kind() {
                schemas.insert(local_name(values.full_name()), self.enumeration(&values));
            }
        }
        let reasons = self.pool.get_enum_by_name(&format!("{PACKAGE}.ErrorReason")).unwrap();
        schemas.insert("ErrorReason".to_owned(), self.reasons(&reasons));
        schemas.insert("Status".to_owned(), status());
        schemas
    }

    fn message(&self, message: &MessageDescriptor) -> Value {
        let properties: Map<String, Value> =
            message.fields().map(|field| (field.json_name().to_owned(), self.field(&field))).collect();
        let mut schema = json!({
            "type": "object",
            "description": self.comments.of(&message.parent_file(), message.path()),
            "properties": properties,
            "additionalProperties": false,
        });
        let json_name = |name: &&str| message.get_field_by_name(name).unwrap().json_name().to_owned();
        let required: Vec<String> = constraints::required(message.name()).iter().map(json_name).collect();
        if !required.is_empty() {
            schema["required"] = required.into();
        }
        if message.oneofs().any(|oneof| !oneof.is_synthetic()) {
            assert_eq!(message.oneofs().count(), 1, "{}", message.name());
            schema["minProperties"] = 1.into();
            schema["maxProperties"] = 1.into();
        }
        let both = ["content_disposition", "disposition"];
        if both.iter().all(|name| message.get_field_by_name(name).is_some()) {
            schema["not"] = json!({ "required": both.iter().map(json_name).collect::<Vec<_>>() });
        }
        schema
    }

    /// The schema of a field, with its description.
    pub(super) fn field(&self, field: &FieldDescriptor) -> Value {
        let message = field.parent_message();
        let is_request = self.requests.contains_key(&local_name(message.full_name()));
        let mut schema = if field.is_map() {
            json!({ "type": "object", "additionalProperties": { "type": "string" } })
        } else if field.is_list() {
            json!({ "type": "array", "items": of_kind(field, is_request) })
        } else {
            of_kind(field, is_request)
        };
        let members = schema.as_object_mut().unwrap();
        if is_request {
            members.extend(constraints::of_field(message.name(), field.name()));
        }
        members.insert("description".to_owned(), self.described(field).into());
        schema
    }

    fn described(&self, field: &FieldDescriptor) -> String {
        self.comments.of(&field.parent_message().parent_file(), field.path())
    }

    fn values(&self, values: &EnumDescriptor, prefix: &str) -> (Vec<String>, String) {
        // The value 0 is not used: an answer would omit it.
        let used = values.values().filter(|value| value.number() != 0);
        let described = used.map(|value| {
            let name = value.name().strip_prefix(prefix).unwrap().to_owned();
            let text = self.comments.of(&values.parent_file(), value.path());
            let item = format!("- `{name}`: {}", text.replace("\n\n", " "));
            (name, item)
        });
        let (names, items): (Vec<_>, Vec<_>) = described.unzip();
        let text = self.comments.of(&values.parent_file(), values.path());
        (names, format!("{text}\n\n{}", items.join("\n")))
    }

    fn enumeration(&self, values: &EnumDescriptor) -> Value {
        let (names, description) = self.values(values, "");
        json!({ "type": "string", "enum": names, "description": description })
    }

    /// Not a closed list: clients must accept reasons that a later version adds.
    fn reasons(&self, values: &EnumDescriptor) -> Value {
        let (names, description) = self.values(values, "ERROR_REASON_");
        json!({ "type": "string", "examples": names, "description": description })
    }
}

fn methods(service: &prost_reflect::ServiceDescriptor) -> Vec<prost_reflect::MethodDescriptor> {
    service.methods().collect()
}

/// Adds a message and those in it.
fn reach(message: MessageDescriptor, found: &mut BTreeMap<String, MessageDescriptor>) {
    if message.package_name() != PACKAGE || message.is_map_entry() {
        return;
    }
    for field in message.fields() {
        if let Kind::Message(inner) = field.kind() {
            reach(inner, found);
        }
    }
    found.insert(local_name(message.full_name()), message);
}

/// The name within the package.
fn local_name(full_name: &str) -> String {
    full_name.strip_prefix(&format!("{PACKAGE}.")).unwrap().to_owned()
}

/// The schema of one value.
fn of_kind(field: &FieldDescriptor, is_request: bool) -> Value {
    match field.kind() {
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::String => json!({ "type": "string" }),
        Kind::Bytes => json!({ "type": "string", "contentEncoding": "base64" }),
        // Below 10^19, every text of digits is in range.
        Kind::Uint64 if is_request => json!({
            "type": ["string", "integer"], "pattern": "^(0|[1-9][0-9]{0,18})$", "minimum": 0, "maximum": MAX_SAFE_INTEGER,
        }),
        Kind::Uint64 => {
            assert!(!field.supports_presence(), "a present 0 is not written here");
            json!({ "type": "string", "pattern": "^[1-9][0-9]{0,19}$" })
        }
        Kind::Message(message) if message.full_name() == "google.protobuf.Duration" => json!({ "type": "string" }),
        Kind::Message(message) if message.full_name() == "google.protobuf.Timestamp" => {
            json!({ "type": "string", "format": "date-time" })
        }
        Kind::Message(message) => reference("schemas", &local_name(message.full_name())),
        Kind::Enum(values) => reference("schemas", &local_name(values.full_name())),
        kind => panic!("{}: {kind:?} is not written here", field.full_name()),
    }
}

/// `google.rpc.Status`, with any details: a later version may add some.
fn status() -> Value {
    let detail = json!({
        "type": "object",
        "required": ["@type"],
        "properties": {
            "@type": {
                "type": "string", "pattern": "^type\\.googleapis\\.com/",
                "description": "The type: `type.googleapis.com/` and ErrorInfo (always), BadRequest, RetryInfo, \
                    QuotaFailure or RequestInfo of the package google.rpc.",
            },
            "reason": { "$ref": "#/components/schemas/ErrorReason", "description": "Of ErrorInfo: why the call failed." },
        },
        "additionalProperties": true,
    });
    json!({
        "type": "object",
        "description": "An error, as google.rpc.Status.",
        "required": ["code", "message", "details"],
        "properties": {
            "code": { "type": "integer", "minimum": 1, "maximum": 16, "description": "The gRPC code." },
            "message": { "type": "string", "description": "A text for developers. Programs must not depend on it." },
            "details": { "type": "array", "items": detail, "description": "What programs can depend on." },
        },
        "additionalProperties": false,
    })
}

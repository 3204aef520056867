//! A message with fields of every type.

use std::sync::LazyLock;

use prost_reflect::{DescriptorPool, MessageDescriptor};
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{
    DescriptorProto, EnumDescriptorProto, EnumValueDescriptorProto, FieldDescriptorProto, FileDescriptorProto,
    MessageOptions, OneofDescriptorProto,
};

pub(super) fn everything() -> MessageDescriptor {
    static EVERYTHING: LazyLock<MessageDescriptor> = LazyLock::new(|| {
        // It has the well-known types.
        let mut pool = DescriptorPool::global();
        pool.add_file_descriptor_proto(file()).unwrap();
        pool.get_message_by_name("test.Everything").unwrap()
    });
    EVERYTHING.clone()
}

fn file() -> FileDescriptorProto {
    let scalars = [
        ("a_double", Type::Double),
        ("a_float", Type::Float),
        ("an_int32", Type::Int32),
        ("an_int64", Type::Int64),
        ("an_uint32", Type::Uint32),
        ("an_uint64", Type::Uint64),
        ("a_sint32", Type::Sint32),
        ("a_sint64", Type::Sint64),
        ("a_fixed32", Type::Fixed32),
        ("a_fixed64", Type::Fixed64),
        ("a_sfixed32", Type::Sfixed32),
        ("a_sfixed64", Type::Sfixed64),
        ("a_bool", Type::Bool),
        ("a_string", Type::String),
        ("some_bytes", Type::Bytes),
    ];
    let messages = [
        ("child", ".test.Everything"),
        ("a_duration", ".google.protobuf.Duration"),
        ("a_time", ".google.protobuf.Timestamp"),
        ("an_int64_value", ".google.protobuf.Int64Value"),
        ("a_bool_value", ".google.protobuf.BoolValue"),
        ("a_string_value", ".google.protobuf.StringValue"),
        ("a_bytes_value", ".google.protobuf.BytesValue"),
        ("a_double_value", ".google.protobuf.DoubleValue"),
        ("an_any", ".google.protobuf.Any"),
        ("a_struct", ".google.protobuf.Struct"),
    ];
    let lists = [
        ("numbers", Type::Int32, None),
        ("words", Type::String, None),
        ("children", Type::Message, Some(".test.Everything")),
        ("by_name", Type::Message, Some(".test.Everything.ByNameEntry")),
        ("by_number", Type::Message, Some(".test.Everything.ByNumberEntry")),
    ];
    let mut fields: Vec<FieldDescriptorProto> = Vec::new();
    fields.extend(scalars.map(|(name, r#type)| field(name, r#type, None, Label::Optional)));
    fields.push(field("an_enum", Type::Enum, Some(".test.Colour"), Label::Optional));
    fields.extend(messages.map(|(name, of)| field(name, Type::Message, Some(of), Label::Optional)));
    fields.extend(lists.map(|(name, r#type, of)| field(name, r#type, of, Label::Repeated)));
    for (name, r#type, of) in
        [("first_choice", Type::String, None), ("second_choice", Type::Message, Some(".test.Everything"))]
    {
        fields.push(FieldDescriptorProto { oneof_index: Some(0), ..field(name, r#type, of, Label::Optional) });
    }
    for (number, field) in (1..).zip(&mut fields) {
        field.number = Some(number);
    }
    let value = field("value", Type::Message, Some(".test.Everything"), Label::Optional);
    let by_name = entry("ByNameEntry", Type::String, value);
    let by_number = entry("ByNumberEntry", Type::Int32, field("value", Type::String, None, Label::Optional));
    let everything = DescriptorProto {
        name: Some("Everything".to_owned()),
        field: fields,
        nested_type: vec![by_name, by_number],
        oneof_decl: vec![OneofDescriptorProto { name: Some("choice".to_owned()), options: None }],
        ..DescriptorProto::default()
    };
    let colours = [("NONE", 0), ("RED", 1)].map(|(name, number)| EnumValueDescriptorProto {
        name: Some(name.to_owned()),
        number: Some(number),
        options: None,
    });
    let colour = EnumDescriptorProto {
        name: Some("Colour".to_owned()),
        value: colours.into(),
        ..EnumDescriptorProto::default()
    };
    FileDescriptorProto {
        name: Some("test/everything.proto".to_owned()),
        package: Some("test".to_owned()),
        syntax: Some("proto3".to_owned()),
        dependency: ["any", "duration", "struct", "timestamp", "wrappers"]
            .map(|name| format!("google/protobuf/{name}.proto"))
            .into(),
        message_type: vec![everything],
        enum_type: vec![colour],
        ..FileDescriptorProto::default()
    }
}

fn field(name: &str, r#type: Type, of: Option<&str>, label: Label) -> FieldDescriptorProto {
    FieldDescriptorProto {
        name: Some(name.to_owned()),
        label: Some(label.into()),
        r#type: Some(r#type.into()),
        type_name: of.map(str::to_owned),
        ..FieldDescriptorProto::default()
    }
}

fn entry(name: &str, key: Type, value: FieldDescriptorProto) -> DescriptorProto {
    let key = field("key", key, None, Label::Optional);
    DescriptorProto {
        name: Some(name.to_owned()),
        field: vec![FieldDescriptorProto { number: Some(1), ..key }, FieldDescriptorProto { number: Some(2), ..value }],
        options: Some(MessageOptions { map_entry: Some(true), ..MessageOptions::default() }),
        ..DescriptorProto::default()
    }
}

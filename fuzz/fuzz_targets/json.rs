//! JSON and query strings of requests from a client. The first byte chooses the message and the reader, the rest is the
//! text.
//!
//! What is accepted is written and read again, and must be the same message. A request with one more member, which it
//! has already, must be refused.

#![no_main]

use std::sync::LazyLock;

use access_broker_protojson::{JsonError, form_pairs, json_to_wire, query_to_wire, write_json};
use libfuzzer_sys::fuzz_target;
use prost_reflect::{DescriptorPool, MessageDescriptor};

const MAX_ERROR: usize = 200;

static REQUESTS: LazyLock<Vec<MessageDescriptor>> = LazyLock::new(|| {
    let contract = include_bytes!(concat!(env!("OUT_DIR"), "/contract.bin"));
    let pool = DescriptorPool::decode(contract.as_slice()).expect("valid descriptors");
    let service = pool.get_service_by_name("accessbroker.v1.AccessBrokerService").expect("the service");
    service.methods().map(|method| method.input()).collect()
});

fuzz_target!(|input: &[u8]| {
    let Some((&selector, text)) = input.split_first() else { return };
    let message = &REQUESTS[usize::from(selector) % REQUESTS.len()];
    let is_query = selector.is_ascii_lowercase();
    if is_query {
        let Ok(query) = str::from_utf8(text) else { return };
        check_query(message, query);
    } else {
        check_json(message, text);
    }
});

fn check_json(message: &MessageDescriptor, text: &[u8]) {
    let encoded = match json_to_wire(message, text) {
        Ok(encoded) => encoded,
        Err(error) => return check_error(&error),
    };
    check_round_trip(message, &encoded);

    // An accepted text is an object. Its end is the last brace.
    let end = text.iter().rposition(|&byte| byte == b'}').expect("the end of an object");
    let twice = [&text[..end], br#","key":null,"\u006bey":null}"#].concat();
    json_to_wire(message, &twice).expect_err("a member twice");
}

fn check_query(message: &MessageDescriptor, query: &str) {
    let pairs = form_pairs(query);
    if let Err(error) = &pairs {
        check_error(error);
    }
    match read_query(message, query) {
        Ok(encoded) => {
            // No request has lists, the only parameters that may occur twice.
            pairs.expect("a query with distinct parameters");
            check_round_trip(message, &encoded);
            read_query(message, &format!("{query}&key=&k%65y=")).expect_err("a parameter twice");
        }
        Err(error) => check_error(&error),
    }
}

fn read_query(message: &MessageDescriptor, query: &str) -> Result<Vec<u8>, JsonError> {
    query_to_wire(message, query, ["redirect"]).map(|(encoded, _)| encoded)
}

fn check_round_trip(message: &MessageDescriptor, encoded: &[u8]) {
    let written = write_json(message, encoded).expect("an accepted message has JSON");
    let read_again = json_to_wire(message, &written).expect("written JSON is accepted");
    assert_eq!(write_json(message, &read_again).ok(), Some(written), "another message");
}

fn check_error(error: &JsonError) {
    let text = error.to_string();
    assert!(text.len() <= MAX_ERROR, "{text}");
    assert!(!text.chars().any(char::is_control), "{text:?}");
}

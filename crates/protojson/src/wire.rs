//! Fields of encoded messages.

use prost::encoding::{WireType, encode_key, encode_varint};

pub(crate) fn write_bytes(number: u32, bytes: &[u8], wire: &mut Vec<u8>) {
    encode_key(number, WireType::LengthDelimited, wire);
    encode_varint(bytes.len() as u64, wire);
    wire.extend_from_slice(bytes);
}

/// Begins a message. What is appended until [`end_message`] belongs to it.
pub(crate) fn begin_message(number: u32, wire: &mut Vec<u8>) -> usize {
    encode_key(number, WireType::LengthDelimited, wire);
    wire.len()
}

/// `start` is the result of [`begin_message`].
pub(crate) fn end_message(start: usize, wire: &mut Vec<u8>) {
    let end = wire.len();
    encode_varint((end - start) as u64, wire);
    // The length belongs before the content.
    let length_bytes = wire.len() - end;
    wire[start..].rotate_right(length_bytes);
}

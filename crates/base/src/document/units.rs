//! Settings with units.

use std::time::Duration;

use bytesize::ByteSize;

/// A duration in whole seconds.
pub(super) fn parse_duration(text: &str) -> Option<Duration> {
    let duration = humantime::parse_duration(text).ok()?;
    (duration.subsec_nanos() == 0).then_some(duration)
}

/// A size in bytes.
pub(super) fn parse_byte_size(text: &str) -> Option<u64> {
    text.parse::<ByteSize>().ok().map(|size| size.as_u64())
}

//! The client's deadline, in its metadata.

use std::time::Duration;

use http::HeaderMap;

/// The header with the client's time limit.
const GRPC_TIMEOUT: &str = "grpc-timeout";

/// The most digits that a timeout may have.
const MAX_DIGITS: usize = 8;

/// The client's time limit: at most eight digits and a unit, by the grammar of gRPC over HTTP/2.
///
/// An invalid one is ignored: the specification has no error for it, and the server's own limit applies in any case.
pub(super) fn client_timeout(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(GRPC_TIMEOUT)?.to_str().ok()?;
    let (digits, unit) = value.split_at_checked(value.len().checked_sub(1)?)?;
    if digits.len() > MAX_DIGITS || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let amount: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(amount * 3_600)),
        "M" => Some(Duration::from_secs(amount * 60)),
        "S" => Some(Duration::from_secs(amount)),
        "m" => Some(Duration::from_millis(amount)),
        "u" => Some(Duration::from_micros(amount)),
        "n" => Some(Duration::from_nanos(amount)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn timeout(value: &[u8]) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(GRPC_TIMEOUT, HeaderValue::from_bytes(value).unwrap());
        client_timeout(&headers)
    }

    #[test]
    fn every_unit_is_understood() {
        assert_eq!(timeout(b"2H"), Some(Duration::from_hours(2)));
        assert_eq!(timeout(b"3M"), Some(Duration::from_mins(3)));
        assert_eq!(timeout(b"99999999S"), Some(Duration::from_secs(99_999_999)));
        assert_eq!(timeout(b"5m"), Some(Duration::from_millis(5)));
        assert_eq!(timeout(b"6u"), Some(Duration::from_micros(6)));
        assert_eq!(timeout(b"0n"), Some(Duration::ZERO));
        assert_eq!(client_timeout(&HeaderMap::new()), None);
    }

    #[test]
    fn what_the_grammar_does_not_have_is_no_limit() {
        for garbled in ["", "S", "1", "1s", "1 S", "-1S", "+1S", "1.5S", "100000000S", "1SS", "0x1S"] {
            assert_eq!(timeout(garbled.as_bytes()), None, "{garbled:?}");
        }
        assert_eq!(timeout(b"1\xc3\xa9"), None);
    }

    proptest! {
        #[test]
        fn no_value_makes_it_panic(value in prop::collection::vec(0x20_u8..0x7f, 0..20)) {
            let _limit = timeout(&value);
        }
    }
}

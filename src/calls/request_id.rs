//! The id of a call, which its client may choose.

use http::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

/// The name of the metadata for it, in requests and answers.
pub(crate) const REQUEST_ID_HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The maximum length of a client's id, in bytes.
const MAX_REQUEST_ID_BYTES: usize = 128;

/// Identifies a call in the answer, in the log, and in the client's records.
///
/// # Invariant
///
/// 1 to 128 letters, digits and `-_.:/=`, all ASCII: no quoting is needed in logs, shells and headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RequestId(HeaderValue);

impl RequestId {
    /// The client's id, if there is exactly one and it is valid; otherwise a new one.
    pub(crate) fn from_headers(headers: &HeaderMap) -> Self {
        let mut values = headers.get_all(REQUEST_ID_HEADER).iter();
        match (values.next(), values.next()) {
            (Some(value), None) if is_fit(value.as_bytes()) => Self(value.clone()),
            _ => Self::new(),
        }
    }

    /// A new id: a UUID of version 7 (RFC 9562 section 5.7), which sorts by its time.
    pub(crate) fn new() -> Self {
        let mut buffer = Uuid::encode_buffer();
        let id = Uuid::now_v7().as_hyphenated().encode_lower(&mut buffer);
        // A UUID's characters are valid in a header.
        Self(HeaderValue::from_str(id).unwrap_or_else(|_| HeaderValue::from_static("unknown")))
    }

    pub(crate) fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    /// For the answer.
    pub(crate) const fn as_header(&self) -> &HeaderValue {
        &self.0
    }
}

fn is_fit(id: &[u8]) -> bool {
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:/=".contains(byte);
    (1..=MAX_REQUEST_ID_BYTES).contains(&id.len()) && id.iter().all(fits)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id_of(values: &[&[u8]]) -> RequestId {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(REQUEST_ID_HEADER, HeaderValue::from_bytes(value).unwrap());
        }
        RequestId::from_headers(&headers)
    }

    fn is_new(id: &RequestId) -> bool {
        Uuid::parse_str(id.as_str()).is_ok_and(|uuid| uuid.get_version_num() == 7)
    }

    #[test]
    fn a_fit_id_is_kept_as_it_is() {
        let longest = "x".repeat(MAX_REQUEST_ID_BYTES);
        for id in ["a", "01a20bb6-e4b3-71d8", "Root=1-67891233-abc", "a/b:c_d.e", &longest] {
            assert_eq!(id_of(&[id.as_bytes()]).as_str(), id);
        }
    }

    #[test]
    fn an_unfit_id_is_replaced() {
        let too_long = "x".repeat(MAX_REQUEST_ID_BYTES + 1);
        let unfit: [&[u8]; 9] =
            [b"", b"a b", b"a\tb", b"a,b", b"\"a\"", b"a\\n", b"${jndi}", "ä".as_bytes(), too_long.as_bytes()];
        for id in unfit {
            assert!(is_new(&id_of(&[id])), "{id:?}");
        }
    }

    #[test]
    fn no_id_and_several_give_a_new_one_each_time() {
        assert!(is_new(&id_of(&[])));
        assert!(is_new(&id_of(&[b"a", b"b"])));
        assert!(is_new(&id_of(&[b"a", b"a"])));
        assert_ne!(id_of(&[]), id_of(&[]));
    }

    proptest! {
        #[test]
        fn the_id_is_valid_for_any_input(sent in proptest::collection::vec(0x20_u8..=0x7E, 0..200)) {
            let id = id_of(&[&sent]);
            prop_assert!(is_fit(id.as_str().as_bytes()));
            prop_assert!(id.as_str().as_bytes() == sent || is_new(&id));
        }
    }
}

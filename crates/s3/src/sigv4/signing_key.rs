//! The signing key of one day and one region, derived once.

use std::sync::Arc;

use arc_swap::ArcSwap;
use aws_credential_types::Credentials;
use aws_lc_rs::hmac;
use zeroize::Zeroizing;

use super::encoding::push_encoded_query;
use super::signing_time::SigningTime;

/// A signing key with the parts of a request that depend only on it
/// ([AWS: deriving the signing key](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html)).
pub(crate) struct SigningKey {
    day: u64,
    region: Arc<str>,
    hmac_key: hmac::Key,
    scope: String,
    query: String,
}

impl SigningKey {
    fn derive(credentials: &Credentials, at: SigningTime, region: &Arc<str>) -> Self {
        let secret = credentials.secret_access_key();
        let mut first_key = Zeroizing::new(Vec::with_capacity(4 + secret.len()));
        first_key.extend_from_slice(b"AWS4");
        first_key.extend_from_slice(secret.as_bytes());
        let date_key = hmac_sha256(&first_key, at.date());
        let region_key = hmac_sha256(date_key.as_ref(), region.as_bytes());
        let service_key = hmac_sha256(region_key.as_ref(), b"s3");
        let signing_key = hmac_sha256(service_key.as_ref(), b"aws4_request");

        let mut scope: String = at.date().iter().copied().map(char::from).collect();
        scope.extend(["/", region, "/s3/aws4_request"]);
        let mut query = String::from("X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=");
        push_encoded_query(&mut query, credentials.access_key_id());
        query.push_str("%2F");
        push_encoded_query(&mut query, &scope);
        Self {
            day: at.day(),
            region: Arc::clone(region),
            hmac_key: hmac::Key::new(hmac::HMAC_SHA256, signing_key.as_ref()),
            scope,
            query,
        }
    }

    /// HMAC-SHA-256 with the signing key.
    pub(crate) fn sign(&self, string_to_sign: &[u8]) -> hmac::Tag {
        hmac::sign(&self.hmac_key, string_to_sign)
    }

    /// The credential scope: `YYYYMMDD/region/s3/aws4_request`.
    pub(crate) fn scope(&self) -> &str {
        &self.scope
    }

    /// `X-Amz-Algorithm` and `X-Amz-Credential`, encoded.
    pub(crate) fn query(&self) -> &str {
        &self.query
    }
}

/// The signing keys derived from one pair of access keys.
pub(crate) struct SigningKeys(ArcSwap<Vec<Arc<SigningKey>>>);

impl SigningKeys {
    pub(crate) fn new() -> Self {
        Self(ArcSwap::default())
    }

    /// The key for that instant's UTC day and that region, derived on its first use.
    pub(crate) fn get(&self, credentials: &Credentials, at: SigningTime, region: &Arc<str>) -> Arc<SigningKey> {
        let fits = |key: &&Arc<SigningKey>| key.day == at.day() && key.region == *region;
        if let Some(key) = self.0.load().iter().find(fits) {
            return Arc::clone(key);
        }
        let derived = Arc::new(SigningKey::derive(credentials, at, region));
        self.0.rcu(|keys| {
            // Calls around midnight still use yesterday's key; older keys are dropped.
            let recent = keys.iter().filter(|key| key.day.abs_diff(at.day()) <= 1 && !fits(key));
            recent.cloned().chain([Arc::clone(&derived)]).collect::<Vec<_>>()
        });
        derived
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.load().len()
    }
}

fn hmac_sha256(key: &[u8], data: &[u8]) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), data)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    const DAY: u64 = 86_400;

    fn at(unix_seconds: u64) -> SigningTime {
        SigningTime::floor(SystemTime::UNIX_EPOCH + Duration::from_secs(unix_seconds)).unwrap()
    }

    fn credentials() -> Credentials {
        Credentials::new("AK/ID", "secret", None, None, "test")
    }

    #[test]
    fn key_is_derived_once_per_day_and_region() {
        let (keys, credentials) = (SigningKeys::new(), credentials());
        let (east, west) = (Arc::from("us-east-1"), Arc::from("us-west-2"));
        let first = keys.get(&credentials, at(0), &east);
        assert!(Arc::ptr_eq(&first, &keys.get(&credentials, at(DAY - 1), &east)));
        assert!(!Arc::ptr_eq(&first, &keys.get(&credentials, at(0), &west)));
        assert!(!Arc::ptr_eq(&first, &keys.get(&credentials, at(DAY), &east)));
    }

    #[test]
    fn keys_of_past_days_are_dropped() {
        let (keys, credentials) = (SigningKeys::new(), credentials());
        let region = Arc::from("us-east-1");
        for day in 0..100 {
            keys.get(&credentials, at(day * DAY), &region);
        }
        assert_eq!(keys.len(), 2);
    }

    #[test]
    fn key_matches_the_sdks_derivation() {
        let time = at(1_369_353_600).instant();
        let expected = aws_sigv4::sign::v4::generate_signing_key("secret", time, "eu-west-1", "s3");
        let expected = aws_sigv4::sign::v4::calculate_signature(expected, b"text");
        let key = SigningKeys::new().get(&credentials(), at(1_369_353_600), &Arc::from("eu-west-1"));
        let actual = access_broker_base::hex::lower_hex_of_32(key.sign(b"text").as_ref());
        assert_eq!(actual, expected.as_bytes());
    }

    #[test]
    fn credential_is_encoded() {
        let key = SigningKeys::new().get(&credentials(), at(1_369_353_600), &Arc::from("us-east-1"));
        assert_eq!(
            key.query(),
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AK%2FID%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
        );
        assert_eq!(key.scope(), "20130524/us-east-1/s3/aws4_request");
    }
}

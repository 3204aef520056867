//! Tokens that are bound to the holder of a key.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::rejection::Rejection;
use super::token::SignedClaims;

const SHA256_BYTES: usize = 32;

/// SHA-256 of an X.509 certificate in DER
/// ([RFC 8705 section 3.1](https://www.rfc-editor.org/rfc/rfc8705#section-3.1)).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CertificateThumbprint([u8; SHA256_BYTES]);

impl CertificateThumbprint {
    pub(super) fn from_der(der: &[u8]) -> Self {
        Self::from_digest(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, der).as_ref())
    }

    fn from_digest(digest: &[u8]) -> Self {
        let mut bytes = [0; SHA256_BYTES];
        bytes.copy_from_slice(digest);
        Self(bytes)
    }

    fn parse(text: &str) -> Option<Self> {
        URL_SAFE_NO_PAD.decode(text).ok().filter(|bytes| bytes.len() == SHA256_BYTES).map(|b| Self::from_digest(&b))
    }
}

impl fmt::Debug for CertificateThumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CertificateThumbprint({})", URL_SAFE_NO_PAD.encode(self.0))
    }
}

/// The certificate that a token is bound to by its `cnf`
/// ([RFC 7800 section 3.1](https://www.rfc-editor.org/rfc/rfc7800#section-3.1)), if it has one.
///
/// A bound token must be useless to a thief. So a token with an unsupported binding, such as the key of a `DPoP` proof,
/// is rejected.
pub(super) fn bound_certificate(claims: &SignedClaims) -> Result<Option<CertificateThumbprint>, Rejection> {
    let members = match claims.get("cnf") {
        None => return Ok(None),
        Some(Value::Object(members)) => members,
        Some(_) => return Err(Rejection::ConfirmationMalformed),
    };
    let mut members = members.iter();
    match (members.next(), members.next()) {
        (Some((name, value)), None) if name == "x5t#S256" => {
            let thumbprint = value.as_str().and_then(CertificateThumbprint::parse);
            thumbprint.map(Some).ok_or(Rejection::ConfirmationMalformed)
        }
        (None, _) => Err(Rejection::ConfirmationMalformed),
        _ => Err(Rejection::ConfirmationUnsupported),
    }
}

/// Checks that a token is bound to the client certificate of its connection, `presented`, or to none.
pub(super) fn check_binding(
    bound: Option<&CertificateThumbprint>,
    presented: Option<&CertificateThumbprint>,
) -> Result<(), Rejection> {
    match (bound, presented) {
        (None, _) => Ok(()),
        (Some(bound), Some(presented)) if bound == presented => Ok(()),
        (Some(_), Some(_)) => Err(Rejection::ConfirmationMismatch),
        (Some(_), None) => Err(Rejection::ConfirmationWithoutCertificate),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn bound(confirmation: &Value) -> Result<Option<CertificateThumbprint>, Rejection> {
        let Value::Object(claims) = json!({ "cnf": confirmation }) else { unreachable!() };
        bound_certificate(&claims.into())
    }

    #[test]
    fn a_token_is_bound_to_one_certificate() {
        let of_der = CertificateThumbprint::from_der(b"der");
        let text = URL_SAFE_NO_PAD.encode(of_der.0);
        assert_eq!(bound(&json!({ "x5t#S256": text })), Ok(Some(of_der)));
        assert_eq!(bound_certificate(&serde_json::Map::new().into()), Ok(None));
        assert_eq!(check_binding(None, None), Ok(()));
        assert_eq!(check_binding(None, Some(&of_der)), Ok(()));
        assert_eq!(check_binding(Some(&of_der), Some(&of_der)), Ok(()));
        let other = CertificateThumbprint::from_der(b"another");
        assert_eq!(check_binding(Some(&of_der), Some(&other)), Err(Rejection::ConfirmationMismatch));
        assert_eq!(check_binding(Some(&of_der), None), Err(Rejection::ConfirmationWithoutCertificate));
    }

    #[test]
    fn a_binding_that_is_not_checked_refuses_the_token() {
        let text = URL_SAFE_NO_PAD.encode([7; 32]);
        for confirmation in
            [json!({"jkt": "x"}), json!({"kid": "x"}), json!({"jwk": {}}), json!({"x5t#S256": text, "jkt": "x"})]
        {
            assert_eq!(bound(&confirmation), Err(Rejection::ConfirmationUnsupported), "{confirmation}");
        }
        for confirmation in [
            json!(null),
            json!({}),
            json!([]),
            json!("x"),
            json!({"x5t#S256": null}),
            json!({"x5t#S256": ""}),
            json!({"x5t#S256": format!("{text}=")}),
            json!({"x5t#S256": URL_SAFE_NO_PAD.encode([7; 31])}),
            json!({"x5t#S256": URL_SAFE_NO_PAD.encode([7; 33])}),
            json!({"x5t#S256": [text]}),
        ] {
            assert_eq!(bound(&confirmation), Err(Rejection::ConfirmationMalformed), "{confirmation}");
        }
    }
}

//! Verifies signatures by jsonwebtoken.
//!
//! Only that library's verification of a signature and its keys are used. It reads base64url strictly, uses exactly the
//! given algorithm, and reads neither JSON nor a clock.

use std::sync::LazyLock;

use jsonwebtoken::DecodingKey;
use jsonwebtoken::crypto::{aws_lc, verify};

use crate::algorithm::Algorithm;

/// Selects the cryptographic provider of jsonwebtoken for this process.
///
/// Without a selection the library uses the provider of its enabled feature, and panics at the first verification if
/// another package of the build has enabled a second one.
static CHOICE: LazyLock<()> = LazyLock::new(|| {
    // It fails only if a provider was already selected.
    let _chosen = aws_lc::DEFAULT_PROVIDER.install_default();
});

/// Selects the provider, once.
pub(super) fn choose_cryptography() {
    LazyLock::force(&CHOICE);
}

/// Whether `signature`, in base64url, over `message` was made with the private half of `key`.
pub(super) fn is_valid(signature: &str, message: &str, key: &DecodingKey, algorithm: Algorithm) -> bool {
    choose_cryptography();
    verify(signature, message.as_bytes(), key, algorithm.to_jsonwebtoken()).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::keys::KeySet;
    use crate::{KeyRules, KeyUse};

    const CHILD: &str = "keys::signature::tests::the_choice_is_made_before_the_first_check";

    /// Runs in a separate process, because the selection is for the whole process and other tests sign tokens.
    #[test]
    fn the_choice_of_cryptography_is_not_left_to_the_features() {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", CHILD, "--ignored", "--nocapture"])
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("1 passed"), "{text}");
    }

    #[test]
    #[ignore = "run by the test above, in a process of its own"]
    fn the_choice_is_made_before_the_first_check() {
        let rules = KeyRules { algorithms: Algorithm::ALL.to_vec(), key_use: KeyUse::Signature, issuer: None };
        assert!(KeySet::import(br#"{"keys":[]}"#, &rules).is_err());
        // A second selection is refused. No signature was verified before, which would also select a provider.
        assert!(aws_lc::DEFAULT_PROVIDER.install_default().is_err());
    }
}

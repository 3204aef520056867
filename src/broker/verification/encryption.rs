//! Whether an object is encrypted as its tier requires.

use super::aspect::Aspect;
use super::comparison::{Comparison, Findings};
use access_broker_policy::{Encryption, HeaderText};
use access_broker_s3::storage::StoredObject;

/// Compares algorithm, key and bucket key. S3 does not return the encryption context.
pub(super) fn compare_encryption(imposed: &Encryption, object: &StoredObject, findings: &mut Findings) {
    let algorithm = Comparison::from_match(object.encryption.as_deref() == Some(imposed.algorithm.name()));
    findings.note(Aspect::Encryption, algorithm);
    if let Some(key) = &imposed.kms_key_id {
        findings.note(Aspect::KmsKeyId, compare_key(key, algorithm, object));
    }
    // S3 returns it only if it is on.
    findings
        .note(Aspect::BucketKey, imposed.bucket_key.map(|wanted| Comparison::from_match(wanted == object.bucket_key)));
}

fn compare_key(imposed: &HeaderText, algorithm: Comparison, object: &StoredObject) -> Comparison {
    let imposed = imposed.as_str();
    let Some(stored) = object.kms_key_id.as_deref() else {
        // If the algorithm differs, the object has no such key. If it is the same, S3 does not return the key.
        return if algorithm == Comparison::Holds { Comparison::Unknown } else { Comparison::Differs };
    };
    if stored == imposed {
        Comparison::Holds
    } else if is_alias(imposed) || is_alias(stored) {
        // An alias can refer to any key.
        Comparison::Unknown
    } else if is_bare(imposed) || is_bare(stored) {
        Comparison::from_match(id_of(stored) == id_of(imposed))
    } else {
        Comparison::Differs
    }
}

fn is_alias(key: &str) -> bool {
    key.starts_with("alias/") || key.contains(":alias/")
}

/// Whether a key is identified by its id alone, in any account.
fn is_bare(key: &str) -> bool {
    !key.contains([':', '/'])
}

/// The id at the end of an ARN, or the whole of a bare id.
fn id_of(key: &str) -> &str {
    key.rsplit([':', '/']).next().unwrap_or(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:kms:eu-west-1:123456789012:key/1234-ab";

    fn compared(imposed: &str, stored: Option<&str>, algorithm: Comparison) -> Comparison {
        let object = StoredObject { kms_key_id: stored.map(str::to_owned), ..StoredObject::default() };
        compare_key(&HeaderText::parse(imposed).unwrap(), algorithm, &object)
    }

    #[test]
    fn keys_are_compared_in_every_form_but_by_alias() {
        use Comparison::{Differs, Holds, Unknown};
        let alias = "arn:aws:kms:eu-west-1:123456789012:alias/tier";
        for (imposed, stored, expected) in [
            (ARN, ARN, Holds),
            (ARN, "arn:aws:kms:eu-west-1:123456789012:key/1234-ac", Differs),
            (ARN, "arn:aws:kms:eu-west-1:210987654321:key/1234-ab", Differs),
            (ARN, "arn:aws:kms:eu-west-2:123456789012:key/1234-ab", Differs),
            ("1234-ab", ARN, Holds),
            ("234-ab", ARN, Differs),
            ("1234-ac", ARN, Differs),
            ("key", ARN, Differs),
            (ARN, "1234-ab", Holds),
            (ARN, "1234", Differs),
            ("1234-ab", "1234-ab", Holds),
            ("1234-ab", "1234-ac", Differs),
            ("my-key", "arn:aws:kms:my-key", Holds),
            ("alias/tier", ARN, Unknown),
            (alias, ARN, Unknown),
            (ARN, alias, Unknown),
            ("alias/tier", "alias/tier", Holds),
            ("alias/tier", "alias/other", Unknown),
        ] {
            assert_eq!(compared(imposed, Some(stored), Holds), expected, "{imposed} {stored}");
        }
    }

    #[test]
    fn a_required_key_that_s3_does_not_return_is_unknown() {
        assert_eq!(compared(ARN, None, Comparison::Holds), Comparison::Unknown);
        assert_eq!(compared(ARN, None, Comparison::Differs), Comparison::Differs);
    }
}

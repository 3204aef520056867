//! Computes the hash of a policy.

use aws_lc_rs::digest::{Context, SHA256, digest};

use crate::decide::{MembersHash, PolicyHash};
use access_broker_base::document::Variables;

/// Begins what is hashed if the policy can use variables. No policy file begins so, because TOML does not allow NUL.
const DOMAIN: &[u8] = b"access-broker policy with variables, version 1\0";

/// The hash of a policy's text, and of the variables that it can use.
pub(super) fn policy_hash(text: &str, variables: &Variables) -> PolicyHash {
    let mut context = Context::new(&SHA256);
    match variables {
        Variables::Listed { variables, .. } if !variables.is_empty() => {
            context.update(DOMAIN);
            update_with_length(&mut context, text);
            for (name, value) in variables {
                update_with_length(&mut context, name);
                context.update(&[u8::from(value.is_some())]);
                update_with_length(&mut context, value.as_deref().unwrap_or_default());
            }
        }
        _ => context.update(text.as_bytes()),
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    PolicyHash(hash)
}

/// The hash of a members file's text.
pub(super) fn members_hash(text: &str) -> MembersHash {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
    MembersHash(hash)
}

/// The length comes first, as 8 bytes big-endian, so that no two lists of texts give the same bytes.
fn update_with_length(context: &mut Context, text: &str) {
    context.update(&(text.len() as u64).to_be_bytes());
    context.update(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use access_broker_base::files::Checksum;
    use access_broker_base::hex::lower_hex_of_32;

    use super::*;

    /// A name, and the value of a variable that is set.
    type Variable = (&'static str, Option<&'static str>);

    fn hash(text: &str, variables: &[Variable]) -> String {
        let own = |(name, value): &Variable| ((*name).to_owned(), value.map(str::to_owned));
        let variables: BTreeMap<_, _> = variables.iter().map(own).collect();
        policy_hash(text, &Variables::Listed { setting: "policy.variables", variables }).to_string()
    }

    #[test]
    fn without_variables_it_is_the_sha256_of_the_text() {
        // By `printf 'a policy\n' | sha256sum`.
        let expected = "8f20683e4c9e991589cad8b12dbd690d94972e3638de384889ef7524abb0e11b";
        for variables in [&Variables::None, &Variables::Environment] {
            assert_eq!(policy_hash("a policy\n", variables).to_string(), expected);
        }
        assert_eq!(hash("a policy\n", &[]), expected);
        let text = "# é\r\n[[tier]]";
        let checksum = Checksum::parse(hash(text, &[]).as_bytes()).unwrap();
        assert_eq!(checksum.check(text.as_bytes()), Ok(()));
    }

    #[test]
    fn with_variables_it_has_a_fixed_value() {
        // By Python: sha256(b"access-broker policy with variables, version 1\0" + (8).to_bytes(8) + b"a policy" + …).
        assert_eq!(
            hash("a policy", &[("A", Some("b")), ("UNSET", None)]),
            "1abe1a799f1c2c192f8b4b9db64dad2f8e60bcfd93a302cdc61511124204e85c"
        );
    }

    #[test]
    fn no_two_texts_names_and_values_have_the_same_hash() {
        let all: [(&str, &[Variable]); 14] = [
            ("", &[]),
            ("", &[("A", Some("b"))]),
            ("", &[("A", Some("b")), ("B", Some(""))]),
            ("", &[("A", Some("")), ("B", Some("b"))]),
            ("", &[("A", Some("")), ("B", Some(""))]),
            ("", &[("A", Some("")), ("B", None)]),
            ("", &[("A", Some("")), ("AB", Some(""))]),
            ("", &[("AB", Some(""))]),
            ("", &[("A", Some("B"))]),
            ("", &[("A", None)]),
            ("", &[("A", Some(""))]),
            ("A", &[("A", Some(""))]),
            ("Ab", &[("A", Some("b"))]),
            ("A=b", &[]),
        ];
        for (index, (text, variables)) in all.iter().enumerate() {
            for (other_text, other_variables) in &all[..index] {
                assert_ne!(hash(text, variables), hash(other_text, other_variables), "{text:?} {variables:?}");
            }
        }
    }

    #[test]
    fn it_is_shown_as_64_digits() {
        let shown = PolicyHash([0xAB; 32]).to_string();
        assert_eq!(shown.as_bytes(), lower_hex_of_32(&[0xAB; 32]));
        assert_eq!(shown, "ab".repeat(32));
    }
}

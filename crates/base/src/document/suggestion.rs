//! The known name that a misspelt one may mean.

/// The largest number of letters in which a misspelt name differs from the suggested one.
const MAX_DISTANCE: usize = 2;

/// The most similar of some names, if it differs in two letters at most and in less than half of its letters.
pub fn nearest<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    // A long name is no slip of the finger, and comparing it would cost time.
    let comparable = |known: &&str| known.len().abs_diff(name.len()) <= MAX_DISTANCE;
    let distances = known.into_iter().filter(comparable).map(|known| (strsim::levenshtein(name, known), known));
    distances
        .min()
        .filter(|(distance, known)| *distance <= MAX_DISTANCE && 2 * distance < known.len())
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_has_a_suggestion_and_another_name_has_none() {
        let known = ["drain_delay", "grpc_addr", "to", "name"];
        for (name, suggested) in [
            ("drain_dealy", Some("drain_delay")),
            ("grpc_adr", Some("grpc_addr")),
            ("nam", Some("name")),
            ("tos", None),
            ("tls", None),
            ("drain", None),
            ("", None),
        ] {
            assert_eq!(nearest(name, known), suggested, "{name}");
        }
        assert_eq!(nearest(&"x".repeat(1_000_000), known), None);
    }
}

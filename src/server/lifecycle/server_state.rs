//! The state of the server, from its available parts.

use std::fmt;
use std::sync::Arc;

use access_broker_policy::BucketName;

/// Something that calls need. The policy is not one of the parts: the server does not start without it, and keeps the
/// last good one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// By the issuer's `iss`.
    IssuerKeys(Arc<str>),
    /// By the logical bucket.
    SigningCredentials(BucketName),
    /// The credentials that sign uploads to a bucket, if they are separate.
    UploadCredentials(BucketName),
    /// The output of audit records.
    AuditTrail,
}

impl Part {
    /// The kind, as in metrics.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::IssuerKeys(_) => "issuer_keys",
            Self::SigningCredentials(_) => "signing_credentials",
            Self::UploadCredentials(_) => "upload_credentials",
            Self::AuditTrail => "audit_trail",
        }
    }

    /// The issuer or bucket.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::IssuerKeys(issuer) => issuer,
            Self::SigningCredentials(bucket) | Self::UploadCredentials(bucket) => bucket.as_str(),
            Self::AuditTrail => "",
        }
    }

    pub(super) const fn bucket(&self) -> Option<&BucketName> {
        match self {
            Self::SigningCredentials(bucket) | Self::UploadCredentials(bucket) => Some(bucket),
            Self::IssuerKeys(_) | Self::AuditTrail => None,
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IssuerKeys(issuer) => write!(f, "keys of issuer {issuer}"),
            Self::SigningCredentials(bucket) => write!(f, "signing credentials of bucket {bucket}"),
            Self::UploadCredentials(bucket) => write!(f, "upload credentials of bucket {bucket}"),
            Self::AuditTrail => f.write_str("audit records"),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) part: Part,
    pub(super) available: bool,
    pub(super) required: bool,
}

/// The state of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerState {
    /// It has just started, and waits for these parts.
    Starting(Vec<Part>),
    /// It serves, without these parts.
    Serving(Vec<Part>),
    /// It does not serve: these parts are unavailable, and it needs them.
    NotServing(Vec<Part>),
    /// It is about to stop.
    Stopping,
}

impl ServerState {
    /// Whether health says SERVING.
    #[must_use]
    pub(crate) const fn is_serving(&self) -> bool {
        matches!(self, Self::Serving(_))
    }

    /// The unavailable parts.
    #[must_use]
    pub fn missing(&self) -> &[Part] {
        match self {
            Self::Starting(parts) | Self::Serving(parts) | Self::NotServing(parts) => parts,
            Self::Stopping => &[],
        }
    }
}

/// One line, for people.
impl fmt::Display for ServerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Serving(parts) if parts.is_empty() => f.write_str("serving"),
            Self::Serving(parts) => write!(f, "serving without {}", first_names(parts)),
            Self::Starting(parts) if parts.is_empty() => f.write_str("starting"),
            Self::Starting(parts) => write!(f, "starting: waiting for {}", first_names(parts)),
            Self::NotServing(parts) => write!(f, "not serving: without {}", first_names(parts)),
            Self::Stopping => f.write_str("stopping"),
        }
    }
}

/// How many parts a line for people names; the log names all.
const NAMED: usize = 3;

fn first_names(parts: &[Part]) -> String {
    match parts.split_at_checked(NAMED) {
        Some((first, more)) if !more.is_empty() => format!("{} and {} more", names(first), more.len()),
        _ => names(parts),
    }
}

pub(super) fn names(parts: &[Part]) -> String {
    let names: Vec<String> = parts.iter().map(Part::to_string).collect();
    names.join(", ")
}

/// The state of a server with these parts.
pub(super) fn state_of(found: Vec<Found>, start_is_over: bool, proves_without_tokens: bool) -> ServerState {
    let has = |is_kind: fn(&Part) -> bool| found.iter().any(|found| found.available && is_kind(&found.part));
    let can_prove = proves_without_tokens || has(|part| matches!(part, Part::IssuerKeys(_)));
    let can_sign = has(|part| matches!(part, Part::SigningCredentials(_) | Part::UploadCredentials(_)));
    let has_required = found.iter().all(|found| found.available || !found.required);
    let missing: Vec<Part> = found.into_iter().filter(|found| !found.available).map(|found| found.part).collect();
    if missing.is_empty() || (start_is_over && can_prove && can_sign && has_required) {
        ServerState::Serving(missing)
    } else if start_is_over {
        ServerState::NotServing(missing)
    } else {
        ServerState::Starting(missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUERS: [&str; 2] = ["https://a.example", "https://b.example"];

    /// Two issuers, two buckets, the first of which has its own upload credentials, and an audit trail; the named ones
    /// are unavailable or required.
    fn found(missing: &[&str], required: &[&str]) -> Vec<Found> {
        let bucket = |name| BucketName::parse(name).unwrap();
        let parts = [
            Part::IssuerKeys(ISSUERS[0].into()),
            Part::IssuerKeys(ISSUERS[1].into()),
            Part::SigningCredentials(bucket("one")),
            Part::SigningCredentials(bucket("two")),
            Part::UploadCredentials(bucket("one")),
            Part::AuditTrail,
        ];
        let is_in = |names: &[&str], part: &Part| names.iter().any(|name| part.to_string().contains(name));
        parts.map(|part| Found { available: !is_in(missing, &part), required: is_in(required, &part), part }).to_vec()
    }

    const KEYS: &str = "keys of issuer";
    const A: &str = "a.example";
    const SIGNING: &str = "signing credentials";
    const UPLOADS: &str = "upload credentials";
    const AUDIT: &str = "audit records";

    #[test]
    fn start_waits_for_every_part() {
        for part in [A, "bucket two", UPLOADS, AUDIT] {
            let state = state_of(found(&[part], &[]), false, true);
            assert!(matches!(&state, ServerState::Starting(missing) if missing.len() == 1), "{state}");
        }
        assert_eq!(state_of(found(&[], &[]), false, false), ServerState::Serving(Vec::new()));
    }

    #[test]
    fn partial_loss_stays_partial() {
        for missing in [&[A][..], &["bucket two"], &["bucket one"], &[SIGNING], &[AUDIT], &[A, "bucket one", AUDIT]] {
            let state = state_of(found(missing, &[]), true, false);
            assert!(state.is_serving() && !state.missing().is_empty(), "{missing:?}: {state}");
        }
    }

    #[test]
    fn without_any_proof_or_any_bucket_nothing_is_served() {
        assert!(!state_of(found(&[KEYS], &[]), true, false).is_serving());
        assert!(state_of(found(&[KEYS], &[]), true, true).is_serving(), "workloads prove themselves without keys");
        assert!(!state_of(found(&[SIGNING, UPLOADS], &[]), true, true).is_serving());
        assert!(state_of(found(&[SIGNING], &[]), true, true).is_serving(), "uploads can be signed");
    }

    #[test]
    fn required_part_that_is_lost_ends_the_service() {
        for part in [A, "bucket two", UPLOADS, AUDIT] {
            let state = state_of(found(&[part], &[part]), true, false);
            assert!(matches!(state, ServerState::NotServing(_)), "{part}: {state}");
            assert!(state_of(found(&[], &[part]), true, false).is_serving());
        }
        assert!(state_of(found(&["b.example"], &[A]), true, false).is_serving());
    }

    #[test]
    fn the_state_is_one_line() {
        let say = |missing: &[&str], start_is_over| state_of(found(missing, &[]), start_is_over, false).to_string();
        assert_eq!(say(&[], true), "serving");
        assert_eq!(say(&[A], false), "starting: waiting for keys of issuer https://a.example");
        assert_eq!(say(&[A], true), "serving without keys of issuer https://a.example");
        assert_eq!(
            say(&[SIGNING, UPLOADS], true),
            "not serving: without signing credentials of bucket one, signing credentials of bucket two, upload credentials \
             of bucket one"
        );
        assert_eq!(
            say(&[KEYS, SIGNING, UPLOADS], true),
            "not serving: without keys of issuer https://a.example, keys of issuer https://b.example, signing credentials of \
             bucket one and 2 more"
        );
        assert_eq!(ServerState::Stopping.to_string(), "stopping");
    }
}

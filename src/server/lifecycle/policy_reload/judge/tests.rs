//! Reads of a policy file, with content and time as arguments, against the real compiler and the sample policy.

use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use super::*;
use crate::config::ReadFile;
use access_broker_base::document::Overrides;
use access_broker_base::files::testing::{look, sha256_in_hex};
use access_broker_base::files::{Observation, REREAD_DELAY};
use access_broker_identity::PlainHttp;

mod members;

const SETTLE: Duration = Duration::from_secs(10);

/// The signature of a policy for the sample configuration, by `minisign`.
const PUBLIC_KEY: &str = "RWQOri3nPag3maWHXbMMYbmFqCnKUOXfGbM4IsGCAIDlAcfW2JDJE9ib";
const SIGNED: &str = include_str!("testdata/signed.toml");
const SIGNATURE: &str = include_str!("testdata/signed.toml.minisig");
/// The same content, signed by the same key, in the format of minisign's first versions.
const LEGACY_SIGNATURE: &str = include_str!("testdata/legacy.minisig");

fn sample(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(name)
}

fn sample_policy() -> String {
    std::fs::read_to_string(sample("policy.toml")).unwrap()
}

/// A policy file, as the watch reads it.
struct Watched {
    config: Config,
    watch: PolicyWatch,
    now: Duration,
    inode: u64,
    touched_since_written: bool,
    arrival: Option<Arrival>,
    content: Result<String, FileError>,
    checksum: Result<String, FileError>,
    signature: Result<String, FileError>,
}

fn read(
    inode: u64,
    touched_since_written: bool,
    content: &Result<String, FileError>,
) -> Result<access_broker_base::files::FileSnapshot, FileError> {
    let content = content.as_ref().map_err(|problem| *problem)?;
    Ok(access_broker_base::files::FileSnapshot { touched_since_written, ..look(inode, content.as_bytes(), UNIX_EPOCH) })
}

impl Watched {
    fn new(in_force: &str) -> Self {
        let config = Config::load(&sample("broker.toml"), Overrides::new(), PlainHttp::Refused).unwrap();
        let sight = Observation::from_read(&read(1, false, &Ok(in_force.to_owned())));
        let absent = || Observation::Unusable(FileError::Absent);
        let policy = ReadFile { sight, proofs: [absent(), absent()] };
        let source = PolicySource { text: in_force.to_owned(), policy, members: None };
        Self {
            config,
            watch: PolicyWatch::new(SETTLE, source),
            now: Duration::ZERO,
            inode: 1,
            touched_since_written: false,
            arrival: None,
            content: Ok(in_force.to_owned()),
            checksum: Err(FileError::Absent),
            signature: Err(FileError::Absent),
        }
    }

    fn signed_by(mut self, key: &str) -> Self {
        self.config.policy.minisign_public_key = Some(minisign_verify::PublicKey::from_base64(key).unwrap());
        self
    }

    fn write_in_place(&mut self, content: &str) {
        self.content = Ok(content.to_owned());
        self.touched_since_written = false;
    }

    fn rename_over(&mut self, content: &str) {
        self.create(content);
        self.touched_since_written = true;
    }

    fn create(&mut self, content: &str) {
        self.inode += 1;
        self.write_in_place(content);
    }

    fn put_checksum_of(&mut self, content: &str) {
        self.checksum = Ok(format!("{}  policy.toml\n", sha256_in_hex(content)));
    }

    fn read_after(&mut self, pause: Duration) -> Step {
        self.now += pause;
        let policy = ProvenSnapshot {
            file: read(self.inode, self.touched_since_written, &self.content),
            checksum: read(100, false, &self.checksum),
            signature: read(101, false, &self.signature),
        };
        let files = PolicyFiles::new(&self.config.policy);
        let seen = PolicySnapshot { policy, members: None };
        let arrivals = ArrivalsSeen { policy: self.arrival, members: None };
        self.watch.take(&self.config, &files, &seen, arrivals, self.now)
    }

    /// Reads every half second until the result is other than pending, or the time is up.
    fn read_for(&mut self, longest: Duration) -> (Step, Duration) {
        let from = self.now;
        let mut step = self.read_after(Duration::ZERO);
        while matches!(step.outcome, Outcome::Pending { .. } | Outcome::Unchanged) && self.now < from + longest {
            step = self.read_after(REREAD_DELAY);
        }
        (step, self.now.saturating_sub(from))
    }

    /// The result for the file within a minute, and after how long.
    fn outcome(&mut self) -> (&'static str, Duration) {
        let (step, after) = self.read_for(Duration::from_mins(1));
        let (name, file_in_force) = match &step.outcome {
            Outcome::Unchanged => ("unchanged", step.file_in_force),
            Outcome::InForceAgain => ("active again", Some(true)),
            Outcome::Pending { .. } => ("pending", Some(false)),
            Outcome::Replaced { .. } => ("replaced", Some(true)),
            Outcome::Refused(PolicyPart::Policy, PolicyRefusal::File(_)) => ("unusable", Some(false)),
            Outcome::Refused(PolicyPart::Policy, PolicyRefusal::Proof(_)) => ("unproven", Some(false)),
            Outcome::Refused(PolicyPart::Policy, PolicyRefusal::Invalid(_)) => ("invalid", Some(false)),
            Outcome::Refused(PolicyPart::Policy, PolicyRefusal::TakesAway(_)) => ("takes away", Some(false)),
            Outcome::Refused(PolicyPart::Members, _) => ("members refused", Some(false)),
        };
        assert_eq!(step.file_in_force, file_in_force, "{name}");
        (name, after)
    }
}

const A: &str = r#"
[[tier]]
name = "a"
bucket = "media"
prefix = "a/"
download = {}

[[grant]]
tiers = ["a"]
operations = ["download"]
to = { authenticated = true }

[[denial]]
to = { groups = ["contractors"] }
"#;

/// The policy without its denial: what a writer may have written up to some time.
fn half_of_a() -> &'static str {
    &A[..A.find("[[denial]]").unwrap()]
}

fn more_than_a() -> String {
    format!("{A}\n[[denial]]\nname = \"more\"\nto = {{ groups = [\"guests\"] }}\n")
}

#[test]
fn a_half_written_policy_never_counts_however_long_its_writer_waits() {
    for wait in [2, 6, 30, 3_600] {
        let mut watched = Watched::new(A);
        watched.write_in_place(half_of_a());
        for _ in 0..wait * 2 {
            let step = watched.read_after(REREAD_DELAY);
            assert!(!matches!(step.outcome, Outcome::Replaced { .. }), "{wait} s: {step:?}");
            assert_eq!(step.file_in_force, Some(false));
        }
        watched.write_in_place(A);
        assert_eq!(watched.read_after(REREAD_DELAY).file_in_force, Some(true), "{wait} s");
    }
}

#[test]
fn a_new_version_that_is_written_in_place_comes_into_force_when_it_is_whole() {
    let new = more_than_a();
    let mut watched = Watched::new(A);
    watched.write_in_place(&new[..new.len() - 20]);
    watched.read_for(Duration::from_secs(6));
    watched.write_in_place(&new);
    assert_eq!(watched.outcome(), ("replaced", SETTLE));
}

#[test]
fn the_next_change_is_compared_with_the_active_policy() {
    let mut watched = Watched::new(A);
    watched.rename_over(&more_than_a());
    assert_eq!(watched.outcome().0, "replaced");
    watched.write_in_place(A);
    assert_eq!(watched.outcome(), ("takes away", SETTLE));
}

#[test]
fn a_policy_with_less_in_it_counts_at_once_if_it_was_renamed_and_never_in_place() {
    let mut watched = Watched::new(A);
    watched.rename_over(half_of_a());
    assert_eq!(watched.outcome(), ("replaced", REREAD_DELAY));

    let mut watched = Watched::new(A);
    watched.write_in_place(half_of_a());
    assert_eq!(watched.outcome(), ("takes away", SETTLE));
    assert_eq!(watched.outcome().0, "unchanged", "refused once");
    // The same content by rename is the operator's decision.
    watched.rename_over(half_of_a());
    assert_eq!(watched.outcome(), ("replaced", REREAD_DELAY));
}

#[test]
fn a_file_that_may_still_be_written_under_its_own_name_counts_as_changed_in_place() {
    for arrival in [None, Some(Arrival::Unreported), Some(Arrival::Created)] {
        let mut watched = Watched::new(A);
        watched.arrival = arrival;
        watched.create(half_of_a());
        assert_eq!(watched.outcome(), ("takes away", SETTLE));
        let mut watched = Watched::new(A);
        watched.arrival = arrival;
        watched.create(&more_than_a());
        assert_eq!(watched.outcome(), ("replaced", SETTLE));
        let mut watched = Watched::new(A);
        watched.arrival = arrival;
        watched.create(half_of_a());
        watched.read_for(Duration::from_secs(6));
        watched.write_in_place(A);
        assert_eq!(watched.read_after(REREAD_DELAY).file_in_force, Some(true));
    }
}

#[test]
fn the_kernel_distinguishes_a_rename_from_a_file_that_is_written_under_its_own_name() {
    let mut watched = Watched::new(A);
    watched.create(half_of_a());
    watched.arrival = Some(Arrival::Renamed);
    assert_eq!(watched.outcome(), ("replaced", REREAD_DELAY));
    let mut watched = Watched::new(A);
    watched.create(half_of_a());
    watched.arrival = Some(Arrival::Created);
    assert_eq!(watched.outcome(), ("takes away", SETTLE));
    watched.write_in_place(&more_than_a());
    assert_eq!(watched.outcome(), ("replaced", SETTLE));
    // As `tar` writes, which sets the time of the file back.
    let mut watched = Watched::new(A);
    watched.rename_over(half_of_a());
    watched.arrival = Some(Arrival::Created);
    assert_eq!(watched.outcome(), ("takes away", SETTLE));
    // A file that was renamed and then changed in place counts as changed in place.
    let mut watched = Watched::new(A);
    watched.create(&more_than_a());
    watched.arrival = Some(Arrival::Renamed);
    assert_eq!(watched.outcome(), ("replaced", REREAD_DELAY));
    watched.write_in_place(half_of_a());
    assert_eq!(watched.outcome(), ("takes away", SETTLE));
}

#[test]
fn a_right_checksum_lets_less_count_and_a_wrong_one_lets_nothing() {
    let mut watched = Watched::new(A);
    watched.write_in_place(half_of_a());
    assert_eq!(watched.outcome().0, "takes away");
    watched.put_checksum_of(half_of_a());
    assert_eq!(watched.outcome(), ("replaced", REREAD_DELAY));

    for write in [Watched::write_in_place, Watched::rename_over, Watched::create] {
        let mut watched = Watched::new(A);
        watched.put_checksum_of(A);
        write(&mut watched, &more_than_a());
        assert_eq!(watched.outcome().0, "unproven");
        assert_eq!(watched.outcome().0, "unchanged", "refused once");
        watched.put_checksum_of(&more_than_a());
        assert_eq!(watched.outcome(), ("replaced", REREAD_DELAY));
    }
    for unusable in [Ok("no checksum".to_owned()), Ok(String::new()), Err(FileError::DanglingLink)] {
        let mut watched = Watched::new(A);
        watched.checksum = unusable;
        watched.rename_over(&more_than_a());
        assert_eq!(watched.outcome().0, "unproven");
    }
}

#[test]
fn a_checksum_that_becomes_invalid_next_to_the_active_policy_is_reported_and_changes_nothing() {
    let mut watched = Watched::new(A);
    watched.put_checksum_of(A);
    assert_eq!(watched.outcome().0, "unchanged");
    watched.put_checksum_of("something else");
    assert_eq!(watched.read_after(REREAD_DELAY).file_in_force, None, "it may be replaced right before the policy");
    assert_eq!(watched.outcome().0, "unproven");
    watched.put_checksum_of(A);
    let step = watched.read_for(Duration::from_secs(1)).0;
    assert_eq!(step.file_in_force, Some(true));
    assert!(matches!(step.outcome, Outcome::InForceAgain), "{step:?}");
}

#[test]
fn with_a_public_key_every_policy_needs_a_signature_of_it() {
    let mut watched = Watched::new(A).signed_by(PUBLIC_KEY);
    watched.rename_over(SIGNED);
    assert_eq!(watched.outcome().0, "unproven", "no signature");
    for wrong in [LEGACY_SIGNATURE, "", &SIGNATURE.replace("trusted comment: policy", "trusted comment: police")] {
        watched.signature = Ok(wrong.to_owned());
        assert_eq!(watched.outcome().0, "unproven", "{wrong}");
    }
    watched.signature = Ok(SIGNATURE.to_owned());
    assert_eq!(watched.outcome(), ("replaced", REREAD_DELAY));
    watched.rename_over(&format!("{SIGNED}# changed\n"));
    assert_eq!(watched.outcome().0, "unproven", "a signature of another content");

    let other_key = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";
    let mut watched = Watched::new(A).signed_by(other_key);
    watched.signature = Ok(SIGNATURE.to_owned());
    watched.rename_over(SIGNED);
    assert_eq!(watched.outcome().0, "unproven", "another key");
}

#[test]
fn a_signature_permits_a_smaller_policy_and_without_a_key_it_is_ignored() {
    let mut watched = Watched::new(&sample_policy()).signed_by(PUBLIC_KEY);
    watched.signature = Ok(SIGNATURE.to_owned());
    watched.write_in_place(SIGNED);
    assert_eq!(watched.outcome(), ("replaced", SETTLE));
    let mut watched = Watched::new(&sample_policy());
    watched.signature = Ok("rubbish".to_owned());
    watched.rename_over(SIGNED);
    assert_eq!(watched.outcome().0, "replaced");
}

#[test]
fn an_invalid_checksum_with_a_valid_signature_is_refused() {
    let mut watched = Watched::new(A).signed_by(PUBLIC_KEY);
    watched.signature = Ok(SIGNATURE.to_owned());
    watched.put_checksum_of(A);
    watched.rename_over(SIGNED);
    assert_eq!(watched.outcome().0, "unproven");
}

#[test]
fn an_invalid_file_is_refused_once_and_not_active_until_it_is_valid() {
    let mut watched = Watched::new(A);
    watched.rename_over("[[tier]]\nname = 1\n");
    assert_eq!(watched.outcome(), ("invalid", REREAD_DELAY));
    for _ in 0..100 {
        let step = watched.read_after(Duration::from_secs(5));
        assert_eq!(step.file_in_force, Some(false));
        assert!(matches!(step.outcome, Outcome::Unchanged), "{step:?}");
    }
    watched.rename_over("[[tier]]\nname = 2\n");
    assert_eq!(watched.outcome().0, "invalid", "another problem is reported");
    watched.rename_over(A);
    let step = watched.read_after(Duration::from_secs(5));
    assert_eq!(step.file_in_force, Some(true));
    assert!(matches!(step.outcome, Outcome::InForceAgain), "{step:?}");
}

#[test]
fn absent_empty_unreadable_and_linked_files_have_different_errors() {
    let mut words = Vec::new();
    for content in [
        Err(FileError::Absent),
        Err(FileError::DanglingLink),
        Err(FileError::Unreadable(std::io::ErrorKind::PermissionDenied)),
        Ok(String::new()),
    ] {
        let mut watched = Watched::new(A);
        watched.inode = 2;
        watched.arrival = Some(Arrival::Renamed);
        watched.content = content;
        let step = watched.read_for(Duration::from_secs(1)).0;
        let Outcome::Refused(PolicyPart::Policy, PolicyRefusal::File(problem)) = step.outcome else {
            panic!("{step:?}")
        };
        words.push(problem.to_string());
    }
    let expected = [
        "does not exist",
        "is a symbolic link to a file that does not exist",
        "cannot be read: permission denied",
        "is empty",
    ];
    assert_eq!(words, expected);
}

#[test]
fn a_file_that_is_missing_during_a_replacement_is_not_reported() {
    let mut watched = Watched::new(A);
    watched.content = Err(FileError::Absent);
    assert!(matches!(watched.read_after(REREAD_DELAY).outcome, Outcome::Pending { .. }));
    watched.rename_over(&more_than_a());
    assert_eq!(watched.outcome(), ("replaced", REREAD_DELAY));
}

#[test]
fn a_change_in_place_is_announced_once() {
    let mut watched = Watched::new(A);
    watched.write_in_place(&more_than_a());
    let announced: Vec<bool> = (0..5)
        .map(|_| match watched.read_after(REREAD_DELAY).outcome {
            Outcome::Pending { first_seen_in_place } => first_seen_in_place == [PolicyPart::Policy],
            _ => false,
        })
        .collect();
    assert_eq!(announced, [true, false, false, false, false]);
}

/// The sample policy is rewritten in place by a writer that may pause after any line, for any time.
#[test]
fn no_part_of_the_sample_policy_counts_before_the_whole() {
    let whole = sample_policy();
    let of_whole = Watched::new(&whole).config.parse_policy(&whole).unwrap().policy;
    let (mut valid, mut refused) = (0, 0);
    let ends: Vec<usize> = whole.match_indices('\n').map(|(end, _)| end + 1).collect();
    for end in ends.into_iter().rev().skip(1) {
        let part = &whole[..end];
        let mut watched = Watched::new(&whole);
        watched.write_in_place(part);
        let (step, after) = watched.read_for(Duration::from_secs(30));
        match step.outcome {
            // Only comments and empty lines are missing.
            Outcome::Replaced { compiled, .. } => {
                assert_eq!(compiled.policy.outline(), of_whole.outline(), "{part}");
                assert!(whole[end..].lines().all(|line| line.is_empty() || line.starts_with('#')), "{part}");
                assert_eq!(after, SETTLE);
            }
            Outcome::Refused(PolicyPart::Policy, PolicyRefusal::Invalid(_) | PolicyRefusal::File(FileError::Empty)) => {
            }
            Outcome::Refused(PolicyPart::Policy, PolicyRefusal::TakesAway(_)) => refused += 1,
            outcome => panic!("{outcome:?} for\n{part}"),
        }
        valid += usize::from(watched.config.parse_policy(part).is_ok());
        watched.write_in_place(&whole);
        assert_eq!(watched.read_after(REREAD_DELAY).file_in_force, Some(true));
    }
    // If no part were valid, this test could not fail.
    assert!(valid >= 20 && refused >= 20, "{valid} {refused}");
}

/// The same with a new version that has more at its beginning, so that counting alone is not enough.
#[test]
fn no_part_of_a_longer_sample_policy_loses_what_is_active() {
    let old = sample_policy();
    let extra = "[[tier]]\nname = \"extra\"\nbucket = \"media\"\nprefix = \"extra/\"\ndownload = { max_ttl = \"1h\" }\n\
                 [tier.upload]\nmax_size = \"1MiB\"\ncontent_types = [\"image/png\"]\nchecksum = \"md5\"\n\
                 [[grant]]\nname = \"extra\"\ntiers = [\"extra\"]\noperations = [\"upload\"]\n\
                 to = { groups = [\"x\"], issuers = [\"https://login.example.com\"], claims = { sub = \"x\" } }\n\
                 [[denial]]\nname = \"extra\"\noperations = [\"upload\"]\nto = { groups = [\"y\"] }\n\
                 [[denial]]\nname = \"extra-2\"\nto = { issuers = [\"https://login.example.com\"], claims = { sub = \"z\" } }\n";
    let new = format!("{extra}{old}");
    Watched::new(&old).config.parse_policy(&new).unwrap();
    let ends: Vec<usize> = new.match_indices('\n').map(|(end, _)| end + 1).collect();
    let mut refused = 0;
    for end in ends.into_iter().rev().skip(1) {
        let mut watched = Watched::new(&old);
        watched.write_in_place(&new[..end]);
        match watched.read_for(Duration::from_secs(30)).0.outcome {
            Outcome::Replaced { .. } => {
                assert!(new[end..].lines().all(|line| line.is_empty() || line.starts_with('#')), "{}", &new[..end]);
            }
            Outcome::Refused(PolicyPart::Policy, PolicyRefusal::TakesAway(_)) => refused += 1,
            _ => {}
        }
    }
    assert!(refused >= 20, "{refused}");
}

#[test]
fn no_part_of_a_policy_that_ends_inside_of_a_number_counts() {
    let whole = format!("{A}\n[[denial]]\nname = \"level\"\n[denial.to.claims]\nlevel = 200\n");
    let start = whole.find("200").unwrap();
    for end in start + 1..=start + 3 {
        let mut watched = Watched::new(&whole);
        watched.write_in_place(&whole[..end]);
        assert_eq!(watched.outcome().0, "takes away", "{}", &whole[start..end]);
    }
}

//! The policy together with a members file.

use super::*;

const ISSUER: &str = "https://login.example.com";

/// A policy whose grant and denial are about members.
const POLICY: &str = r#"
[[tier]]
name = "a"
bucket = "media"
prefix = "a/"
download = {}

[[grant]]
tiers = ["a"]
operations = ["download"]
to = { members_of = ["editors"] }

[[denial]]
to = { members_of = ["blocked"] }
"#;

const MEMBERS: &str = r#"
[[group]]
name = "editors"
issuer = "https://login.example.com"
members = ["ada", "bob"]

[[group]]
name = "blocked"
issuer = "https://login.example.com"
members = ["eve"]

[[group]]
name = "blocked"
issuer = "https://login.example.com"
claim = "email"
members = ["eve@example.com"]
"#;

/// One of the two files as the watch reads it.
struct Fake {
    inode: u64,
    touched_since_written: bool,
    content: Result<String, FileError>,
    checksum: Result<String, FileError>,
    signature: Result<String, FileError>,
}

impl Fake {
    fn new(inode: u64, content: &str) -> Self {
        let absent = || Err(FileError::Absent);
        Self {
            inode,
            touched_since_written: false,
            content: Ok(content.into()),
            checksum: absent(),
            signature: absent(),
        }
    }

    fn rename_over(&mut self, content: &str) {
        self.inode += 1;
        (self.touched_since_written, self.content) = (true, Ok(content.to_owned()));
    }

    fn write_in_place(&mut self, content: &str) {
        (self.touched_since_written, self.content) = (false, Ok(content.to_owned()));
    }

    fn vanish(&mut self) {
        self.content = Err(FileError::Absent);
    }

    fn snapshot(&self) -> ProvenSnapshot {
        ProvenSnapshot {
            file: read(self.inode, self.touched_since_written, &self.content),
            checksum: read(100, false, &self.checksum),
            signature: read(101, false, &self.signature),
        }
    }
}

struct Pair {
    config: Config,
    watch: PolicyWatch,
    now: Duration,
    policy: Fake,
    members: Fake,
    arrivals: ArrivalsSeen,
    /// Of the policy that became active last.
    active: (usize, String),
}

impl Pair {
    fn new() -> Self {
        let mut config = Config::load(&sample("broker.toml"), Overrides::new(), PlainHttp::Refused).unwrap();
        config.policy.members_file = Some(sample("members.toml"));
        let (policy, members) = (Fake::new(1, POLICY), Fake::new(50, MEMBERS));
        let parsed = Arc::new(config.parse_members(MEMBERS).unwrap());
        config.compile_policy(POLICY, Some(&parsed)).unwrap();
        let source = PolicySource {
            text: POLICY.to_owned(),
            policy: policy.snapshot().observed(),
            members: Some(MembersSource { members: parsed, file: members.snapshot().observed() }),
        };
        let watch = PolicyWatch::new(SETTLE, source);
        let arrivals = ArrivalsSeen::default();
        Self { config, watch, now: Duration::ZERO, policy, members, arrivals, active: (4, String::new()) }
    }

    fn read(&mut self) -> Step {
        self.now += REREAD_DELAY;
        let files = PolicyFiles::new(&self.config.policy);
        let seen = PolicySnapshot { policy: self.policy.snapshot(), members: Some(self.members.snapshot()) };
        self.watch.take(&self.config, &files, &seen, self.arrivals, self.now)
    }

    /// What becomes of the files within a minute, and after how many seconds.
    fn outcome(&mut self) -> (String, f32) {
        let from = self.now + REREAD_DELAY;
        for _ in 0..120 {
            let Step { file_in_force, outcome } = self.read();
            let (what, in_force) = match outcome {
                Outcome::Pending { .. } => continue,
                Outcome::Unchanged => ("unchanged".to_owned(), file_in_force == Some(true)),
                Outcome::InForceAgain => ("active again".to_owned(), true),
                Outcome::Replaced { compiled, .. } => {
                    let policy = compiled.policy;
                    self.active = (policy.members().unwrap().members, policy.hash().to_string());
                    ("replaced".to_owned(), true)
                }
                Outcome::Refused(part, refusal) => {
                    let kind = match refusal {
                        PolicyRefusal::File(problem) => problem.to_string(),
                        PolicyRefusal::Proof(error) => error.to_string(),
                        PolicyRefusal::Invalid(_) => "invalid".to_owned(),
                        PolicyRefusal::TakesAway(lost) => format!("loses {}", lost.len()),
                    };
                    (format!("{part}: {kind}"), false)
                }
            };
            assert_eq!(file_in_force, Some(in_force), "{what}");
            return (what, self.now.saturating_sub(from).as_secs_f32());
        }
        ("pending".to_owned(), 60.0)
    }
}

fn with_zoe() -> String {
    MEMBERS.replace("\"bob\"", "\"bob\", \"zoe\"")
}

fn is(what: &str, after: f32) -> (String, f32) {
    (what.to_owned(), after)
}

const HALF_A_SECOND: f32 = 0.5;
const SETTLED: f32 = 10.0;

#[test]
fn a_change_of_either_file_makes_both_active() {
    let mut pair = Pair::new();
    assert_eq!(pair.outcome().0, "unchanged");
    pair.members.rename_over(&with_zoe());
    assert_eq!(pair.outcome(), is("replaced", HALF_A_SECOND));
    assert_eq!(pair.active.0, 5);
    let members_only = pair.active.1.clone();
    pair.policy.rename_over(&format!("{POLICY}# new\n"));
    assert_eq!(pair.outcome(), is("replaced", HALF_A_SECOND));
    assert_eq!(pair.active.0, 5, "the members of the last change stay");
    assert_ne!(pair.active.1, members_only);
    assert_eq!(pair.outcome().0, "unchanged");
}

#[test]
fn two_changes_that_need_each_other_arrive_in_either_order() {
    let policy = POLICY.replace("[\"editors\"]", "[\"authors\"]");
    let members = MEMBERS.replace("\"editors\"", "\"authors\"");
    let write = |pair: &mut Pair, is_policy: bool| {
        let (file, text) = if is_policy { (&mut pair.policy, &policy) } else { (&mut pair.members, &members) };
        file.rename_over(text);
    };
    for policy_first in [true, false] {
        let mut pair = Pair::new();
        write(&mut pair, policy_first);
        assert!(matches!(pair.read().outcome, Outcome::Pending { .. }));
        write(&mut pair, !policy_first);
        assert_eq!(pair.outcome(), is("replaced", HALF_A_SECOND));
        // Later than the reads of the first: it is refused, and both are used when the second is there.
        let mut pair = Pair::new();
        write(&mut pair, policy_first);
        assert_eq!(pair.outcome().0, "policy: invalid");
        assert_eq!(pair.outcome().0, "unchanged", "refused once");
        write(&mut pair, !policy_first);
        assert_eq!(pair.outcome(), is("replaced", HALF_A_SECOND));
    }
}

#[test]
fn an_invalid_file_holds_back_the_other_and_changes_nothing() {
    let mut pair = Pair::new();
    pair.members.rename_over("[[group]]\nname = 1\n");
    assert_eq!(pair.outcome(), is("members file: invalid", HALF_A_SECOND));
    assert_eq!(pair.outcome().0, "unchanged", "refused once");
    pair.policy.rename_over(&format!("{POLICY}# new\n"));
    assert_eq!(pair.outcome().0, "members file: invalid");
    pair.members.rename_over(&with_zoe());
    assert_eq!(pair.outcome(), is("replaced", HALF_A_SECOND));
    assert_eq!(pair.active.0, 5);

    let mut pair = Pair::new();
    pair.policy.rename_over("[[tier]]\n");
    assert_eq!(pair.outcome().0, "policy: invalid");
    pair.members.rename_over(&with_zoe());
    assert_eq!(pair.outcome().0, "policy: invalid");
    pair.policy.rename_over(POLICY);
    assert_eq!(pair.outcome().0, "replaced");
    assert_eq!(pair.active.0, 5, "the members that waited");
    pair.policy.rename_over("[[tier]]\n");
    assert_eq!(pair.outcome().0, "policy: invalid");
    pair.policy.rename_over(POLICY);
    assert_eq!(pair.read().file_in_force, Some(true));
}

#[test]
fn a_members_file_that_vanishes_or_is_empty_is_refused_and_the_last_stays() {
    for (content, expected) in [
        (Err(FileError::Absent), "members file: does not exist"),
        (Err(FileError::DanglingLink), "members file: is a symbolic link to a file that does not exist"),
        (Ok(String::new()), "members file: is empty"),
        (Err(FileError::NotRegular), "members file: is not a regular file"),
    ] {
        let mut pair = Pair::new();
        pair.members.inode += 1;
        pair.members.touched_since_written = true;
        pair.members.content = content;
        assert_eq!(pair.outcome(), is(expected, HALF_A_SECOND));
        // The policy alone cannot become active without it.
        pair.policy.rename_over(&format!("{POLICY}# new\n"));
        assert_eq!(pair.outcome().0, expected);
        pair.policy.rename_over(POLICY);
        pair.members.rename_over(MEMBERS);
        assert!(matches!(pair.read().outcome, Outcome::InForceAgain));
    }
    // A file that is missing during a replacement is not reported.
    let mut pair = Pair::new();
    pair.members.vanish();
    assert!(matches!(pair.read().outcome, Outcome::Pending { .. }));
    pair.members.rename_over(&with_zoe());
    assert_eq!(pair.outcome(), is("replaced", HALF_A_SECOND));
}

#[test]
fn a_half_written_members_file_never_counts() {
    let ends: Vec<usize> = MEMBERS.match_indices('\n').map(|(end, _)| end + 1).collect();
    let (mut losing, mut invalid) = (0, 0);
    for end in ends.iter().rev().skip(1) {
        let mut pair = Pair::new();
        pair.members.write_in_place(&MEMBERS[..*end]);
        let (what, _) = pair.outcome();
        losing += usize::from(what.contains(": loses "));
        invalid += usize::from(what.contains("invalid"));
        assert!(what != "replaced" && what != "unchanged", "{what}:\n{}", &MEMBERS[..*end]);
        // The writer goes on.
        pair.members.write_in_place(MEMBERS);
        assert_eq!(pair.read().file_in_force, Some(true));
    }
    // If no part were valid, this test could not fail.
    assert!(losing >= 2 && invalid >= 2, "{losing} {invalid}");
}

#[test]
fn in_place_a_list_may_shrink_after_settle_and_not_vanish_without_a_checksum() {
    let mut pair = Pair::new();
    let shorter = MEMBERS.replace(", \"bob\"", "");
    pair.members.write_in_place(&shorter);
    assert_eq!(pair.outcome(), is("replaced", SETTLED));
    assert_eq!(pair.active.0, 3);

    let without = &MEMBERS[..MEMBERS.rfind("[[group]]").unwrap()];
    let mut pair = Pair::new();
    pair.members.write_in_place(without);
    assert_eq!(pair.outcome(), is("members file: loses 1", SETTLED));
    pair.members.checksum = Ok(sha256_in_hex(without));
    assert_eq!(pair.outcome(), is("replaced", HALF_A_SECOND));
    let mut pair = Pair::new();
    pair.members.rename_over(without);
    assert_eq!(pair.outcome(), is("replaced", HALF_A_SECOND));
    // The kernel says that it was created under its name.
    let mut pair = Pair::new();
    pair.members.rename_over(without);
    pair.arrivals.members = Some(Arrival::Created);
    assert_eq!(pair.outcome(), is("members file: loses 1", SETTLED));
}

#[test]
fn each_change_in_place_is_announced_once() {
    let mut pair = Pair::new();
    pair.members.write_in_place(&with_zoe());
    let first = |step: Step| match step.outcome {
        Outcome::Pending { first_seen_in_place } => first_seen_in_place,
        outcome => panic!("{outcome:?}"),
    };
    assert_eq!(first(pair.read()), [PolicyPart::Members]);
    assert_eq!(first(pair.read()), []);
    pair.policy.write_in_place(&format!("{POLICY}# new\n"));
    assert_eq!(first(pair.read()), [PolicyPart::Policy]);
    assert_eq!(first(pair.read()), []);
    assert_eq!(pair.outcome().0, "replaced");
}

#[test]
fn the_policy_waits_for_a_members_file_that_settles() {
    let mut pair = Pair::new();
    pair.members.write_in_place(&with_zoe());
    pair.read();
    pair.policy.rename_over(&format!("{POLICY}# new\n"));
    let (what, after) = pair.outcome();
    assert_eq!(what, "replaced");
    assert!(after > 8.0, "{after}");
}

#[test]
fn a_wrong_checksum_of_the_members_file_is_refused() {
    let mut pair = Pair::new();
    pair.members.checksum = Ok(sha256_in_hex("another content"));
    let wrong = format!("members file: {} is the checksum of another content", sample("members.toml.sha256").display());
    assert_eq!(pair.outcome().0, wrong);
    pair.members.rename_over(&with_zoe());
    assert_eq!(pair.outcome().0, wrong);
    pair.members.checksum = Ok(sha256_in_hex(&with_zoe()));
    assert_eq!(pair.outcome(), is("replaced", HALF_A_SECOND));
    // A right checksum next to the active content changes nothing.
    pair.members.checksum = Ok(format!("{} *m\n", sha256_in_hex(&with_zoe())));
    assert_eq!(pair.outcome().0, "unchanged");
}

#[test]
fn with_a_public_key_the_members_file_needs_a_signature() {
    let mut pair = Pair::new();
    pair.config.policy.minisign_public_key = Some(minisign_verify::PublicKey::from_base64(PUBLIC_KEY).unwrap());
    pair.members.rename_over(&with_zoe());
    let absent = format!(
        "members file: {} does not exist; with policy.minisign_public_key set, every members file needs a signature",
        sample("members.toml.minisig").display()
    );
    assert_eq!(pair.outcome().0, absent);
    pair.members.signature = Ok(SIGNATURE.to_owned());
    let other = format!(
        "members file: {} is not a minisign signature of the members file by policy.minisign_public_key",
        sample("members.toml.minisig").display()
    );
    assert_eq!(pair.outcome().0, other);
    // A signed content is read as members: the policy of the fixture has no groups.
    pair.members.rename_over(SIGNED);
    assert_eq!(pair.outcome().0, "members file: invalid");
    assert!(SIGNED.contains("[[tier]]") && !SIGNED.contains(ISSUER));
}

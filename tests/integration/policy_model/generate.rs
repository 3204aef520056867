//! Policies and callers from small vocabularies, so that they often concern each other.

use access_broker_policy::{ChecksumAlgorithm, ObjectKey, StorageClass};

use super::callers::{STRICT, TRUSTED, WORKLOADS, groups_claim, scopes_claim};
use super::claims;
use super::json::Json;
use super::members::{self, ListSpec};
use super::model::{BUCKETS, Server, names_of, server};
use super::patterns;
use super::random::Random;
use super::spec::{
    Action, Asked, CallSpec, CallerSpec, ContentHeaders, Count, DefaultsSpec, DownloadSpec, IssuersSpec, Kind,
    LifeSpec, PolicySpec, RuleSpec, Segment, TierSpec, ToSpec, TokenSpec, UploadAsked, UploadSpec, Wanted,
};

/// Some time in 2023, in milliseconds since 1970.
const BASE: u64 = 1_700_000_000_000;
const LITERALS: [&str; 11] = ["a", "b", "tier 1", "tier 10", "users", "shared", "t", "é", "e\u{301}", "A", "b "];
const TEMPLATES: [Segment; 22] = [
    Segment::Subject,
    Segment::Subject,
    Segment::Subject,
    Segment::Claim("tenant", Count::Unsaid),
    Segment::Claim("tenant", Count::Exactly(1)),
    Segment::Claim("/tenant", Count::Exactly(2)),
    Segment::Claim("dept", Count::Unsaid),
    Segment::Claim("email", Count::Unsaid),
    Segment::Claim("phone_number", Count::Unsaid),
    Segment::Claim("sub", Count::Unsaid),
    Segment::Claim("sub", Count::Exactly(2)),
    Segment::Claim("repository", Count::Exactly(2)),
    Segment::Claim("repository", Count::Exactly(2)),
    Segment::Claim("repository", Count::Any),
    Segment::Claim("path", Count::Any),
    Segment::Claim("path", Count::Any),
    Segment::Claim("path", Count::Exactly(3)),
    Segment::Claim("/realm/tenant", Count::Unsaid),
    Segment::Claim("/realm/path", Count::Any),
    Segment::Claim("/realm/email", Count::Unsaid),
    Segment::Claim("https://ns.example/a.b", Count::Unsaid),
    Segment::Claim("/https:~1~1ns.example~1a.b", Count::Exactly(2)),
];
const SUBJECTS: [&str; 9] = ["ada", "bob", "shared", "a", "b", "tier 1", "a/b", "..", "é"];
const PROVEN: [&str; 5] = [
    "spiffe://prod.example/ns/web/sa/front",
    "spiffe://prod.example/ns/media/sa/thumb",
    "spiffe://cluster.local/ns/web/sa/front",
    "front.web.serviceaccount.identity.linkerd.cluster.local",
    "thumb.media.serviceaccount.identity.linkerd.cluster.local",
];
/// Whose workloads can prove themselves.
pub(super) const TRUST_DOMAINS: [&str; 3] = ["prod.example", "cluster.local", "other.example"];
const ENDPOINTS: [&str; 5] = ["default", "fast", "vpce", "lan", "nowhere"];
const CONTENT_TYPES: [&str; 6] =
    ["image/png", "IMAGE/PNG", "image/svg+xml", "text/plain", "text/plain; charset=utf-8", "image/png;x=,text/html"];
const LIVES: [u64; 9] = [1, 59, 60, 600, 900, 901, 3_600, 86_400, 604_800];

/// One policy with the callers that it was made for, and a time.
pub(super) struct Scene {
    pub(super) policy: PolicySpec,
    pub(super) callers: Vec<CallerSpec>,
    /// In milliseconds since 1970.
    pub(super) now: u64,
}

pub(super) fn scene(random: &mut Random) -> Scene {
    let now = BASE + u64::try_from(random.below(10_000_000_000)).unwrap();
    let issuers = match random.below(3) {
        0 => vec![STRICT],
        1 => vec![TRUSTED],
        _ => vec![STRICT, TRUSTED, WORKLOADS],
    };
    let callers: Vec<CallerSpec> = (0..2).map(|_| caller(random, &issuers, now)).collect();
    let members = members::lists(random, &issuers, &callers);
    let mut policy = places(random, issuers, members);
    let count = 4 + random.below(policy.tiers.len() * 4);
    for number in 0..count {
        let kind = if random.chance(12) { Kind::Denial } else { Kind::Grant };
        let rule = rule(random, &policy, &callers, kind, number);
        policy.rules.push(rule);
        if !policy.is_valid() {
            policy.rules.pop();
        }
    }
    Scene { policy, callers, now }
}

fn caller(random: &mut Random, issuers: &[&'static str], now: u64) -> CallerSpec {
    match random.below(10) {
        0 => CallerSpec { token: None, workload: Some(random.pick(&PROVEN)) },
        1 | 2 => CallerSpec { token: Some(person(random, issuers, now)), workload: Some(random.pick(&PROVEN)) },
        3 if issuers.contains(&WORKLOADS) => {
            let subject = random.pick(&PROVEN[..2]);
            let token = TokenSpec {
                issuer: WORKLOADS,
                subject: subject.to_owned(),
                expires_at: end(random, now),
                claims: claims::of_token(random, WORKLOADS),
            };
            CallerSpec { workload: random.maybe(30, |_| subject), token: Some(token) }
        }
        _ => CallerSpec { token: Some(person(random, issuers, now)), workload: None },
    }
}

fn person(random: &mut Random, issuers: &[&'static str], now: u64) -> TokenSpec {
    let issuer = if issuers.len() == 1 { issuers[0] } else { random.pick(&[STRICT, TRUSTED]) };
    TokenSpec {
        issuer,
        subject: random.pick(&SUBJECTS).to_owned(),
        expires_at: end(random, now),
        claims: claims::of_token(random, issuer),
    }
}

/// When a token ends, in seconds since 1970: sometimes within the leeway.
fn end(random: &mut Random, now: u64) -> u64 {
    let now = now / 1_000;
    match random.below(10) {
        0 | 1 => now - 58 + u64::try_from(random.below(58)).unwrap(),
        2 => now + u64::try_from(random.below(3)).unwrap(),
        3..=7 => now + random.pick(&LIVES[1..6]),
        _ => now + 700_000,
    }
}

/// A policy without rules.
fn places(random: &mut Random, issuers: Vec<&'static str>, members: Vec<ListSpec>) -> PolicySpec {
    let buckets = ["media", "archive", "scans"];
    let defaults = buckets.into_iter().filter_map(|bucket| random.maybe(35, |random| defaults(random, bucket)));
    let mut policy =
        PolicySpec { issuers, defaults: defaults.collect(), tiers: Vec::new(), rules: Vec::new(), members };
    for number in 0..=random.below(12) {
        let bucket = random.pick(&["media", "media", "media", "archive", "scans"]);
        // Often below, or beside, one that is there.
        let mut prefix = random.maybe(60, |random| {
            let there: Vec<_> = policy.tiers.iter().filter(|tier| tier.bucket == bucket).collect();
            let mut prefix = if there.is_empty() { Vec::new() } else { random.pick(&there).prefix.clone() };
            if random.chance(30) {
                prefix.pop();
            }
            prefix
        });
        let mut prefix = prefix.take().unwrap_or_default();
        for _ in 0..random.below(3) {
            prefix.push(if random.chance(30) { random.pick(&TEMPLATES) } else { literal(random) });
        }
        if prefix.len() > 4 {
            continue;
        }
        let mut tier = tier(random, format!("tier-{number}"), bucket, prefix);
        share_prefix(random, &policy, &mut tier);
        tier.inherit = random.maybe(40, |random| tier_above(random, &policy, &tier)).flatten();
        policy.tiers.push(tier);
        let with_defaults = policy.with_defaults();
        let (tier, others) = with_defaults.tiers.split_last().unwrap();
        let mut in_bucket = others.iter().filter(|other| other.bucket == tier.bucket);
        if tier.contradicts() || !in_bucket.all(|other| go_together(other, tier)) {
            policy.tiers.pop();
        }
    }
    if policy.tiers.is_empty() {
        policy.defaults.clear();
        policy.tiers.push(tier(random, "tier-0".to_owned(), "media", Vec::new()));
    }
    policy
}

/// Most often settings of one kind.
fn defaults(random: &mut Random, bucket: &'static str) -> DefaultsSpec {
    let (_, of_bucket) = BUCKETS.iter().find(|(known, _)| *known == bucket).unwrap();
    DefaultsSpec {
        bucket,
        include: random.maybe(20, |random| (0..=random.below(3)).map(|_| patterns::pattern(random)).collect()),
        endpoints: random.maybe(25, |random| random.some_of(of_bucket, 3)),
        download: random.maybe(60, download),
        upload: random.maybe(60, |random| upload(random, server(bucket))),
    }
}

/// If there is a tier with the same prefix, often has the tier include keys of the other one too.
fn share_prefix(random: &mut Random, policy: &PolicySpec, tier: &mut TierSpec) {
    let is_same = |other: &&TierSpec| other.bucket == tier.bucket && other.prefix == tier.prefix;
    let Some(other) = policy.tiers.iter().find(is_same) else { return };
    let patterns = tier.include.get_or_insert_with(|| vec![patterns::pattern(random)]);
    if let Some(theirs) = &other.include
        && random.chance(60)
    {
        // Everything that theirs matches, by another pattern.
        patterns.push(format!("**/{}", random.pick(theirs)));
    }
}

/// A tier that another can inherit from, and that never makes a circle.
fn tier_above(random: &mut Random, policy: &PolicySpec, tier: &TierSpec) -> Option<String> {
    let above: Vec<&TierSpec> = policy
        .tiers
        .iter()
        .filter(|other| other.bucket == tier.bucket && tier.prefix.starts_with(&other.prefix))
        .collect();
    if above.is_empty() { None } else { Some(random.pick(&above).name.clone()) }
}

fn literal(random: &mut Random) -> Segment {
    Segment::Literal(random.pick(&LITERALS))
}

/// Two tiers of a bucket have no two templates at the same place. They differ in their prefixes, or each has patterns of
/// its own.
fn go_together(one: &TierSpec, other: &TierSpec) -> bool {
    match one.prefix.iter().zip(&other.prefix).find(|(one, other)| one != other) {
        None if one.prefix.len() != other.prefix.len() => true,
        None => match (&one.include, &other.include) {
            (Some(one), Some(other)) => !one.iter().any(|pattern| other.contains(pattern)),
            _ => false,
        },
        Some((one, other)) => [one, other].iter().any(|part| matches!(part, Segment::Literal(_))),
    }
}

fn tier(random: &mut Random, name: String, bucket: &'static str, prefix: Vec<Segment>) -> TierSpec {
    let (_, of_bucket) = BUCKETS.iter().find(|(known, _)| *known == bucket).unwrap();
    let offers = random.below(7);
    TierSpec {
        name,
        bucket,
        prefix,
        include: random.maybe(35, |random| (0..=random.below(3)).map(|_| patterns::pattern(random)).collect()),
        inherit: None,
        endpoints: random.maybe(30, |random| random.some_of(of_bucket, 3)),
        download: if offers == 0 { None } else { Some(download(random)) },
        upload: if offers == 1 { None } else { Some(upload(random, server(bucket))) },
    }
}

fn life(random: &mut Random) -> LifeSpec {
    let max_ttl = random.maybe(60, |random| random.pick(&LIVES));
    let fitting: Vec<u64> = LIVES.into_iter().filter(|life| *life <= max_ttl.unwrap_or(3_600)).collect();
    let default_ttl = random.maybe(40, |random| random.pick(&fitting));
    LifeSpec { max_ttl, default_ttl, end_with_token: random.maybe(50, |random| random.chance(70)) }
}

fn download(random: &mut Random) -> DownloadSpec {
    let life = life(random);
    let shorter: Vec<u64> = [1, 60, 420, 600, 1_800, 3_600, 43_200]
        .into_iter()
        .filter(|window| *window < life.max_ttl.unwrap_or(3_600) && life.end_with_token != Some(true))
        .collect();
    DownloadSpec {
        life,
        stable_window: random.maybe(if shorter.is_empty() { 0 } else { 50 }, |random| random.pick(&shorter)),
        content_type: random.maybe(15, |random| random.pick(&["text/plain", "application/octet-stream"])),
    }
}

fn upload(random: &mut Random, server: Option<&Server>) -> UploadSpec {
    let keeps_conditions = server.is_none_or(|server| server.keeps_conditions);
    let compares_tags = keeps_conditions && server.is_none_or(|server| !server.separate_uploads);
    let overwrite = if keeps_conditions { random.maybe(60, |random| random.chance(70)) } else { Some(true) };
    let allows_if_match = overwrite == Some(true) && compares_tags;
    let kinds = server.and_then(|server| server.checksums).unwrap_or(&ChecksumAlgorithm::ALL);
    UploadSpec {
        life: life(random),
        max_size: random.maybe(25, |random| random.pick(&[1, 1_000, 5_000])),
        content_types: random.maybe(25, |random| {
            random.some_of(&["image/*", "image/png", "text/plain; charset=utf-8", "TEXT/Plain", "image/svg+xml"], 3)
        }),
        checksum: random.maybe(20, |random| random.some_of(kinds, 3)),
        overwrite,
        if_match: random.maybe(30, |random| random.chance(50) && allows_if_match),
        storage_classes: random.maybe(20, |random| random.some_of(&StorageClass::ALL, 4)),
        headers: content_headers(random, 12),
    }
}

fn content_headers(random: &mut Random, percent: usize) -> ContentHeaders {
    const VALUES: [[&str; 3]; 3] = [
        ["no-store", "No-Store", "private"],
        ["attachment", "inline", "attachment; filename=x"],
        ["gzip", "br", "x, gzip"],
    ];
    VALUES.map(|values| random.maybe(percent, |random| random.pick(&values)))
}

fn rule(random: &mut Random, policy: &PolicySpec, callers: &[CallerSpec], kind: Kind, number: usize) -> RuleSpec {
    let names: Vec<String> = policy.tiers.iter().map(|tier| tier.name.clone()).collect();
    let aimed_at = random.pick(callers);
    let mut to = conditions(random, policy, &aimed_at, kind);
    let tiers = if kind == Kind::Grant { 90 } else { 80 };
    let operations = if kind == Kind::Grant { 85 } else { 50 };
    if is_empty(&to) {
        to.authenticated = true;
    }
    RuleSpec {
        kind,
        name: random.maybe(50, |_| format!("rule {number}")),
        tiers: random.maybe(tiers, |random| random.some_of(&names, 6)),
        operations: random.maybe(operations, |random| random.some_of(&Action::BOTH, 2)),
        has_stars: kind == Kind::Grant || random.chance(50),
        required_claims: random
            .maybe(15, |random| (0..=random.below(2)).map(|_| claim_name(random).to_owned()).collect()),
        endpoints: random.maybe(if kind == Kind::Grant { 25 } else { 0 }, |random| random.some_of(&ENDPOINTS[..4], 3)),
        to,
    }
}

fn is_empty(to: &ToSpec) -> bool {
    let lists = [&to.groups, &to.scopes, &to.workloads, &to.trust_domains];
    let has_names = !to.claims.is_empty() || to.members_of.is_some();
    !to.authenticated && to.issuers.is_none() && !has_names && lists.iter().all(|list| list.is_none())
}

/// Conditions of which each often fits one caller.
fn conditions(random: &mut Random, policy: &PolicySpec, caller: &CallerSpec, kind: Kind) -> ToSpec {
    let token = caller.token.as_ref();
    let mut to = ToSpec { authenticated: random.chance(20), ..ToSpec::default() };
    for _ in 0..=random.pick(&[0, 0, 0, 0, 1, 1, 2]) {
        match random.below(10) {
            0 | 1 => to.groups = Some(names(random, token, false)),
            2 => to.scopes = Some(names(random, token, true)),
            3..=5 => {
                let (name, values) = claim(random, token, kind == Kind::Denial);
                to.claims.retain(|(known, _)| names_of(known) != names_of(&name));
                to.claims.push((name, values));
            }
            6 => {
                let mut values = random.some_of(&PROVEN.map(str::to_owned), 2);
                values.extend(caller.proven_workload().filter(|_| random.chance(50)).map(str::to_owned));
                values.dedup();
                to.workloads = Some(unique(values));
            }
            7 => to.trust_domains = Some(random.some_of(&TRUST_DOMAINS.map(str::to_owned), 2)),
            8 => to.members_of = members::of_rule(random, &policy.members),
            _ => {}
        }
    }
    let by_subject = to.claims.iter().any(|(name, _)| names_of(name) == ["sub"]);
    let wanted = if by_subject {
        100
    } else if kind == Kind::Grant && policy.issuers.len() > 1 {
        90
    } else {
        30
    };
    to.issuers = random.maybe(wanted, |random| match token {
        _ if random.chance(40) && !by_subject => IssuersSpec::Any,
        Some(token) if random.chance(80) => IssuersSpec::Listed(vec![token.issuer]),
        _ => IssuersSpec::Listed(random.some_of(&policy.issuers, 2)),
    });
    to
}

fn names(random: &mut Random, token: Option<&TokenSpec>, scopes: bool) -> Vec<String> {
    let pool: &[&str] = if scopes { &claims::SCOPES } else { &claims::GROUPS };
    let mut names: Vec<String> = random.some_of(pool, 2).into_iter().map(str::to_owned).collect();
    let mine = token.and_then(|token| {
        let claim = if scopes { scopes_claim(token.issuer) } else { groups_claim(token.issuer) };
        token.claims.iter().find(|(name, _)| name == claim).map(|(_, value)| value.clone())
    });
    if let Some(Json::List(entries)) = mine
        && let Some(Json::Text(name)) = entries.first()
        && random.chance(80)
    {
        names.push(name.clone());
    }
    unique(names)
}

fn unique<T: PartialEq>(values: Vec<T>) -> Vec<T> {
    let mut unique = Vec::new();
    for value in values {
        if !unique.contains(&value) {
            unique.push(value);
        }
    }
    unique
}

fn claim_name(random: &mut Random) -> &'static str {
    if random.chance(25) { random.pick(&claims::PATHS) } else { random.pick(&claims::NAMES) }
}

fn claim(random: &mut Random, token: Option<&TokenSpec>, in_denial: bool) -> (String, Vec<Wanted>) {
    let own: &[(String, Json)] = token.map_or(&[], |token| &token.claims);
    let own: Vec<_> = own.iter().filter(|(name, _)| !claims::MACHINERY.contains(&&**name)).collect();
    if own.is_empty() || random.chance(30) {
        let name = claim_name(random).to_owned();
        let values = (0..=random.below(2)).map(|_| claims::wanted(random, &name, in_denial)).collect();
        return (name, unique(values));
    }
    let (mut name, mut value) = random.pick(&own).clone();
    let mut path = format!("/{}", escaped(&name));
    while let Json::Object(members) = &value
        && !members.is_empty()
        && random.chance(80)
    {
        let (member, inner) = random.pick(members);
        path = format!("{path}/{}", escaped(&member));
        (name, value) = (path.clone(), inner);
    }
    let mut values = vec![claims::wanted(random, &name, in_denial)];
    let entry = match &value {
        Json::List(entries) if !entries.is_empty() => random.pick(entries),
        other => other.clone(),
    };
    if random.chance(85) {
        values.extend(claims::equal_to(random, &entry, in_denial));
    }
    (name, unique(values))
}

/// A name in a JSON Pointer.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

impl Scene {
    pub(super) fn call(&self, random: &mut Random, caller: &CallerSpec) -> CallSpec {
        let (bucket, key) = object(random, &self.policy, caller);
        CallSpec {
            now: self.now,
            bucket,
            key,
            endpoint: random.maybe(25, |random| random.pick(&ENDPOINTS)),
            ttl: random.maybe(60, |random| random.pick(&LIVES)),
            require_full_ttl: random.chance(30),
            stable: false,
            asked: Asked::Download { content_type: None },
        }
        .asking(random)
    }
}

impl CallSpec {
    fn asking(mut self, random: &mut Random) -> Self {
        if random.chance(8) {
            (self.asked, self.endpoint) = (Asked::Verification, None);
        } else if random.chance(50) {
            self.stable = random.chance(35);
            let content_type = random.maybe(15, |random| random.pick(&["text/plain", "application/octet-stream"]));
            self.asked = Asked::Download { content_type };
        } else {
            let create_only = random.maybe(40, |random| random.chance(60));
            self.asked = Asked::Upload(UploadAsked {
                content_type: random.maybe(80, |random| random.pick(&CONTENT_TYPES)),
                content_length: random.maybe(80, |random| random.pick(&[0, 1, 999, 1_000, 1_001])),
                checksum: random.maybe(70, |random| random.pick(&ChecksumAlgorithm::ALL)),
                create_only,
                if_match: create_only.is_none() && random.chance(15),
                storage_class: random.maybe(25, |random| random.pick(&StorageClass::ALL[..3])),
                headers: content_headers(random, 20),
            });
        }
        self
    }
}

/// An object that is mostly in a tier, and in the caller's own folder where there are such.
fn object(random: &mut Random, policy: &PolicySpec, caller: &CallerSpec) -> (&'static str, String) {
    let tiers = policy.with_defaults().tiers;
    for _ in 0..20 {
        let tier = random.pick(&tiers);
        if random.chance(80) && tier.prefix.iter().any(|part| own_segment(part, caller).is_none()) {
            continue;
        }
        let mut segments: Vec<String> = tier.prefix.iter().map(|part| segment(random, part, caller)).collect();
        if random.chance(10) {
            segments.pop();
        }
        let rest = match &tier.include {
            Some(patterns) if random.chance(85) => {
                let pattern = random.pick(patterns);
                patterns::text_like(random, &pattern)
            }
            _ => (0..=random.below(3)).map(|_| random.pick(&LITERALS)).collect::<Vec<_>>().join("/"),
        };
        segments.push(rest);
        let key = segments.join("/");
        let bucket = if random.chance(3) { random.pick(&["empty", "unknown"]) } else { tier.bucket };
        if ObjectKey::parse(&key).is_ok() {
            return (bucket, key);
        }
    }
    ("media", "a".to_owned())
}

fn segment(random: &mut Random, part: &Segment, caller: &CallerSpec) -> String {
    match own_segment(part, caller) {
        Some(text) if random.chance(93) => text,
        _ => random.pick(&LITERALS).to_owned(),
    }
}

/// What matches a part of a prefix or, for a claim that is no text, comes near.
fn own_segment(part: &Segment, caller: &CallerSpec) -> Option<String> {
    let token = caller.token.as_ref();
    match part {
        Segment::Literal(text) => Some((*text).to_owned()),
        Segment::Subject => token.map(|token| token.subject.clone()),
        Segment::Claim(path, _) => {
            let value = token?.value(path)?;
            match value {
                Json::Text(text) => Some(text),
                Json::List(entries) => entries.first().map(|entry| entry.to_string().replace('"', "")),
                other => Some(other.to_string()),
            }
        }
    }
}

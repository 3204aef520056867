//! What `docs/POLICY.md` says of a call, step by step and without a thought of speed.
//!
//! It was written from that document alone, and shares nothing with the product but the names of outcomes and checksums.

use std::cmp::{Ordering, Reverse};

use access_broker_policy::ChecksumAlgorithm;

use super::callers::{groups_claim, scopes_claim, trusts_email};
use super::json::Json;
use super::members::MembersOf;
use super::outcome::Outcome;
use super::spec::{
    Action, Asked, CallSpec, CallerSpec, Case, ContentHeaders, Count, DownloadSpec, IssuersSpec, Kind, LifeSpec,
    PolicySpec, RuleSpec, Segment, TierSpec, ToSpec, TokenSpec, UploadAsked, UploadSpec, Wanted,
};
use super::{glob, wildcard};

/// The endpoints of each bucket of the configuration.
pub(super) const BUCKETS: [(&str, &[&str]); 4] = [
    ("media", &["default", "fast", "vpce"]),
    ("archive", &["default"]),
    ("scans", &["default", "lan", "vpce"]),
    ("empty", &["default"]),
];

/// What the configuration says of the servers of the buckets that are not at AWS.
pub(super) const SERVERS: [(&str, Server); 2] = [
    ("archive", Server { keeps_conditions: false, separate_uploads: false, checksums: None }),
    (
        "scans",
        Server {
            keeps_conditions: true,
            separate_uploads: true,
            checksums: Some(&[ChecksumAlgorithm::Md5, ChecksumAlgorithm::Sha256]),
        },
    ),
];

pub(super) struct Server {
    pub(super) keeps_conditions: bool,
    pub(super) separate_uploads: bool,
    pub(super) checksums: Option<&'static [ChecksumAlgorithm]>,
}

pub(super) fn server(bucket: &str) -> Option<&'static Server> {
    SERVERS.iter().find(|(name, _)| *name == bucket).map(|(_, server)| server)
}

/// Whether a rule means the caller.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Answer {
    No,
    Yes,
    /// It depends on a claim that is in another place.
    Elsewhere,
}

impl Answer {
    const fn of(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }

    fn all(answers: impl IntoIterator<Item = Self>) -> Self {
        let answers: Vec<Self> = answers.into_iter().collect();
        match () {
            () if answers.contains(&Self::No) => Self::No,
            () if answers.contains(&Self::Elsewhere) => Self::Elsewhere,
            () => Self::Yes,
        }
    }

    fn any(answers: impl IntoIterator<Item = Self>) -> Self {
        let answers: Vec<Self> = answers.into_iter().collect();
        match () {
            () if answers.contains(&Self::Yes) => Self::Yes,
            () if answers.contains(&Self::Elsewhere) => Self::Elsewhere,
            () => Self::No,
        }
    }
}

/// The outcome of a call.
pub(super) fn decide(case: &Case) -> Outcome {
    let Case { policy, caller, call } = case;
    let policy = &policy.with_defaults();
    let key: Vec<&str> = call.key.split('/').collect();
    let longest = |perhaps| {
        // Of tiers with one prefix, the first in the file is found.
        let tiers = policy.tiers.iter().rev().filter(|tier| tier.bucket == call.bucket);
        let lengths = |tier| prefix_lengths(tier, &key, caller, perhaps).into_iter().max();
        let below = tiers.filter_map(|tier| Some((lengths(tier)?, tier)));
        below.max_by(|(one, tier), (other, other_tier)| one.cmp(other).then_with(|| literal_first(tier, other_tier)))
    };
    // Perhaps the key is in another tier, depending on claims that are elsewhere.
    let (certain, possible) = (longest(false), longest(true));
    if let Some((_, other)) = possible
        && certain.is_none_or(|(_, tier)| tier.name != other.name)
    {
        return Outcome::refused("claim_elsewhere", Some(&other.name), None);
    }
    let Some((length, found)) = certain else { return Outcome::refused("no_tier", None, None) };

    let rest = key[length..].join("/");
    let includes = |tier: &&TierSpec| {
        tier.include.as_ref().is_none_or(|patterns| patterns.iter().any(|pattern| glob::matches(pattern, &rest)))
    };
    let of_prefix = policy.tiers.iter().filter(|tier| tier.bucket == found.bucket && tier.prefix == found.prefix);
    let including: Vec<&TierSpec> = of_prefix.filter(includes).collect();
    // It is in no tier then.
    let Some(tier) = including.first().copied() else { return Outcome::refused("not_included", None, None) };
    let refused = |code, rule| Outcome::refused(code, Some(&tier.name), rule);

    let action = call.asked.action();
    let mut denials: Vec<(&TierSpec, String, Answer)> = Vec::new();
    for tier in &including {
        let rules = policy.rules_of(tier, Kind::Denial, action).into_iter();
        denials.extend(rules.map(|(index, rule)| (*tier, policy.name_of(index), denial_means(rule, caller))));
    }
    for (wanted, code) in [(Answer::Yes, "denied"), (Answer::Elsewhere, "claim_elsewhere")] {
        if let Some((tier, name, _)) = denials.iter().find(|(.., answer)| *answer == wanted) {
            return Outcome::refused(code, Some(&tier.name), Some(name.clone()));
        }
    }
    if including.len() > 1 {
        return refused("tier_ambiguous", None);
    }

    if !tier.offers(action) {
        return refused("operation_not_offered", None);
    }

    let mut rules = policy.rules_of(tier, Kind::Grant, action);
    // The tier's own grants come first.
    rules.sort_by_key(|(_, rule)| !rule.names(tier));
    let grants: Vec<(String, &RuleSpec, Answer)> =
        rules.into_iter().map(|(index, rule)| (policy.name_of(index), rule, grant_means(rule, caller))).collect();
    let mut fitting = grants.iter().filter(|(.., answer)| *answer == Answer::Yes).peekable();
    if fitting.peek().is_none() {
        return match grants.iter().find(|(.., answer)| *answer == Answer::Elsewhere) {
            Some((name, ..)) => refused("claim_elsewhere", Some(name.clone())),
            None => refused("not_granted", None),
        };
    }
    let by = fitting.find_map(|(name, rule, _)| Some((name, endpoint(tier, rule, call)?)));
    let Some((rule, endpoint)) = by else { return refused("endpoint_not_granted", None) };

    if matches!(call.asked, Asked::Verification) {
        return Outcome::Verified { tier: tier.name.clone(), rule: rule.clone() };
    }
    if !demands_are_met(tier, &call.asked) || (call.stable && window(tier).is_none()) {
        return refused("obligations_not_met", None);
    }
    life(tier, caller, call, |starts_at, ttl, limited_by| Outcome::Allowed {
        tier: tier.name.clone(),
        rule: rule.clone(),
        endpoint: endpoint.to_owned(),
        starts_at,
        ttl,
        limited_by,
        headers: content_headers(tier, &call.asked).map(|header| header.map(str::to_owned)),
    })
}

impl Asked {
    pub(super) const fn action(&self) -> Action {
        match self {
            Self::Download { .. } => Action::Download,
            Self::Upload(_) | Self::Verification => Action::Upload,
        }
    }
}

impl RuleSpec {
    fn names(&self, tier: &TierSpec) -> bool {
        self.tiers.as_ref().is_none_or(|names| names.contains(&tier.name))
    }

    fn is_about(&self, action: Action) -> bool {
        self.operations.as_ref().is_none_or(|actions| actions.contains(&action))
    }
}

impl PolicySpec {
    /// The policy without defaults, each of them written into the tiers that lack the setting.
    pub(super) fn with_defaults(&self) -> Self {
        let mut policy = self.clone();
        for tier in &mut policy.tiers {
            for defaults in self.defaults.iter().filter(|defaults| defaults.bucket == tier.bucket) {
                tier.include = tier.include.take().or(defaults.include.clone());
                tier.endpoints = tier.endpoints.take().or(defaults.endpoints.clone());
                if let (Some(own), Some(default)) = (&mut tier.download, &defaults.download) {
                    own.life.fill(&default.life);
                    own.stable_window = own.stable_window.or(default.stable_window);
                    own.content_type = own.content_type.or(default.content_type);
                }
                if let (Some(own), Some(default)) = (&mut tier.upload, &defaults.upload) {
                    own.fill(default.clone());
                }
            }
        }
        policy.defaults.clear();
        policy
    }

    /// The rules that reach a tier, in the order of the file.
    fn rules_of(&self, tier: &TierSpec, kind: Kind, action: Action) -> Vec<(usize, &RuleSpec)> {
        let rules = self.rules.iter().enumerate().filter(|(_, rule)| rule.kind == kind && rule.is_about(action));
        rules.filter(|(_, rule)| self.reaches(rule, tier)).collect()
    }

    /// Whether a rule names the tier, or one that it inherits from.
    fn reaches(&self, rule: &RuleSpec, tier: &TierSpec) -> bool {
        let is_parent = |other: &&TierSpec| tier.inherit.as_ref() == Some(&other.name);
        rule.names(tier) || self.tiers.iter().find(is_parent).is_some_and(|parent| self.reaches(rule, parent))
    }
}

impl LifeSpec {
    fn fill(&mut self, default: &Self) {
        self.max_ttl = self.max_ttl.or(default.max_ttl);
        self.default_ttl = self.default_ttl.or(default.default_ttl);
        self.end_with_token = self.end_with_token.or(default.end_with_token);
    }

    fn contradicts(&self) -> bool {
        self.default_ttl.is_some_and(|ttl| ttl > self.max_ttl.unwrap_or(3_600))
    }
}

impl UploadSpec {
    fn fill(&mut self, default: Self) {
        self.life.fill(&default.life);
        self.max_size = self.max_size.or(default.max_size);
        self.content_types = self.content_types.take().or(default.content_types);
        self.checksum = self.checksum.take().or(default.checksum);
        self.overwrite = self.overwrite.or(default.overwrite);
        self.if_match = self.if_match.or(default.if_match);
        self.storage_classes = self.storage_classes.take().or(default.storage_classes);
        self.headers = [0, 1, 2].map(|index| self.headers[index].or(default.headers[index]));
    }
}

impl TierSpec {
    /// Whether settings of the tier contradict, its defaults included.
    pub(super) fn contradicts(&self) -> bool {
        let of_download = self.download.as_ref().is_some_and(|DownloadSpec { life, stable_window, .. }| {
            let window = stable_window
                .is_some_and(|window| window >= life.max_ttl.unwrap_or(3_600) || life.end_with_token == Some(true));
            window || life.contradicts()
        });
        let of_upload = self.upload.as_ref().is_some_and(|upload| {
            let replaces = upload.overwrite == Some(true);
            let must_replace =
                upload.if_match == Some(true) || server(self.bucket).is_some_and(|server| !server.keeps_conditions);
            upload.life.contradicts() || (must_replace && !replaces)
        });
        of_download || of_upload
    }
}

/// How many segments of a key are the prefix of a tier, if the key is below it; `perhaps`: or may be, because of a claim that
/// is elsewhere. Then there can be several numbers.
fn prefix_lengths(tier: &TierSpec, key: &[&str], caller: &CallerSpec, perhaps: bool) -> Vec<usize> {
    let folders = &key[..key.len() - 1];
    let mut lengths = vec![0];
    for part in &tier.prefix {
        let mut longer: Vec<usize> = lengths
            .into_iter()
            .flat_map(|length| {
                part_lengths(part, &folders[length..], caller, perhaps).into_iter().map(move |more| length + more)
            })
            .collect();
        longer.sort_unstable();
        longer.dedup();
        lengths = longer;
    }
    lengths
}

/// How many of these folders are a part of a prefix.
fn part_lengths(part: &Segment, folders: &[&str], caller: &CallerSpec, perhaps: bool) -> Vec<usize> {
    let (path, count) = match part {
        Segment::Literal(text) => return if folders.first() == Some(text) { vec![1] } else { Vec::new() },
        Segment::Subject => ("sub", Count::Unsaid),
        Segment::Claim(path, count) => (*path, *count),
    };
    let Some(token) = &caller.token else { return Vec::new() };
    let permitted: Vec<usize> = match count {
        Count::Unsaid => vec![1],
        Count::Exactly(count) => vec![count],
        Count::Any => (1..=folders.len()).collect(),
    };
    let permitted = permitted.into_iter().filter(|length| *length <= folders.len());
    let of_value: Vec<usize> = match token.value(path) {
        Some(Json::Text(text)) if token.address_counts(path) => {
            permitted.clone().filter(|length| folders[..*length].join("/") == text).collect()
        }
        _ => Vec::new(),
    };
    // A value that is in the token counts.
    if of_value.is_empty() && perhaps && token.is_elsewhere(path) { permitted.collect() } else { of_value }
}

/// The one with a literal at the first difference is greater. Of two literals, of which only one can match a key whose
/// claims are known, and of a prefix and a longer one, the order is any that is always the same.
fn literal_first(one: &TierSpec, other: &TierSpec) -> Ordering {
    let rank = |part: &Segment| match part {
        Segment::Literal(text) => (1, Reverse(*text)),
        Segment::Subject | Segment::Claim(..) => (0, Reverse("")),
    };
    let differing = one.prefix.iter().zip(&other.prefix).find(|(one, other)| one != other);
    differing.map_or_else(|| other.prefix.len().cmp(&one.prefix.len()), |(one, other)| rank(one).cmp(&rank(other)))
}

/// The names of a path to a claim, from the outermost.
pub(super) fn names_of(path: &str) -> Vec<String> {
    match path.strip_prefix('/') {
        None => vec![path.to_owned()],
        Some(pointer) => pointer.split('/').map(|name| name.replace("~1", "/").replace("~0", "~")).collect(),
    }
}

fn grant_means(rule: &RuleSpec, caller: &CallerSpec) -> Answer {
    let has = |name: &String| caller.token.as_ref().is_some_and(|token| token.has(name));
    let has_required = rule.required_claims.iter().flatten().all(has);
    Answer::all(conditions(&rule.to, caller, Kind::Grant).into_iter().chain([Answer::of(has_required)]))
}

fn denial_means(rule: &RuleSpec, caller: &CallerSpec) -> Answer {
    let meant = Answer::all(conditions(&rule.to, caller, Kind::Denial));
    let (Some(required), Some(token)) = (&rule.required_claims, &caller.token) else { return meant };
    let lacks_one = Answer::of(!required.iter().all(|name| token.has(name)));
    Answer::any([meant, Answer::all([origins(&rule.to, caller), lacks_one])])
}

/// `issuers`, `workloads` and `trust_domains`: what no claim decides.
fn origins(to: &ToSpec, caller: &CallerSpec) -> Answer {
    let issuer = match (&to.issuers, &caller.token) {
        (None, _) | (Some(IssuersSpec::Any), Some(_)) => true,
        (Some(IssuersSpec::Listed(names)), Some(token)) => names.contains(&token.issuer),
        (Some(_), None) => false,
    };
    let workload = caller.proven_workload();
    let is_one_of = |names: &Option<Vec<String>>, mine: Option<&str>| match (names, mine) {
        (None, _) => true,
        (Some(names), Some(mine)) => names.iter().any(|name| name == mine),
        (Some(_), None) => false,
    };
    let trust_domain = workload.map(trust_domain);
    let may_be_member = to.members_of.as_ref().is_none_or(|groups| {
        let has_list = |token: &TokenSpec| groups.lists.iter().any(|list| list.issuer == token.issuer);
        caller.token.as_ref().is_some_and(has_list)
    });
    let issuer = issuer && may_be_member;
    Answer::of(issuer && is_one_of(&to.workloads, workload) && is_one_of(&to.trust_domains, trust_domain))
}

fn trust_domain(workload: &str) -> &str {
    match workload.strip_prefix("spiffe://") {
        Some(rest) => rest.split('/').next().unwrap(),
        None => workload.split_once(".identity.linkerd.").unwrap().1,
    }
}

fn conditions(to: &ToSpec, caller: &CallerSpec, kind: Kind) -> Vec<Answer> {
    let mut answers = vec![origins(to, caller)];
    let token = caller.token.as_ref();
    if let Some(groups) = &to.groups {
        answers.push(token.map_or(Answer::No, |token| token.has_name(groups_claim(token.issuer), groups, false)));
    }
    if let Some(scopes) = &to.scopes {
        answers.push(token.map_or(Answer::No, |token| token.has_name(scopes_claim(token.issuer), scopes, true)));
    }
    if let Some(groups) = &to.members_of {
        answers.push(token.map_or(Answer::No, |token| token.is_member(groups, kind)));
    }
    let claims = to.claims.iter();
    answers.extend(claims.map(|(name, values)| token.map_or(Answer::No, |token| token.claim_is(name, values, kind))));
    answers
}

impl CallerSpec {
    /// The workload that the caller is, by its own proof or by its JWT-SVID.
    pub(super) fn proven_workload(&self) -> Option<&str> {
        let by_token = self.token.as_ref().filter(|token| token.issuer.starts_with("spiffe://"));
        self.workload.or_else(|| by_token.map(|token| &*token.subject))
    }
}

impl TokenSpec {
    /// Each claim on the path, as far as they are in the token: its name and its value.
    fn claims_on(&self, path: &str) -> Vec<(String, Json)> {
        let mut members = self.members();
        let mut found: Vec<(String, Json)> = Vec::new();
        for name in names_of(path) {
            let Some(claim) = members.into_iter().find(|(member, _)| *member == name) else { break };
            members = if let Json::Object(inner) = &claim.1 { inner.clone() } else { Vec::new() };
            found.push(claim);
        }
        found
    }

    /// Whether a claim on the way is there and is no object.
    fn leads_through_no_object(&self, path: &str) -> bool {
        let found = self.claims_on(path);
        let last = found.last().filter(|_| found.len() < names_of(path).len());
        last.is_some_and(|(_, value)| !matches!(value, Json::Null | Json::Object(_)))
    }

    /// The value of a claim. `null` is none.
    pub(super) fn value(&self, path: &str) -> Option<Json> {
        let mut found = self.claims_on(path);
        let is_whole = found.len() == names_of(path).len();
        found.pop().filter(|_| is_whole).map(|(_, value)| value).filter(|value| *value != Json::Null)
    }

    /// What is in a claim is where the claim is.
    fn is_elsewhere(&self, path: &str) -> bool {
        let name = &names_of(path)[0];
        let named = match self.value("_claim_names") {
            Some(Json::Object(members)) => members.iter().any(|(member, _)| member == name),
            _ => false,
        };
        let has_groups = self.value("hasgroups").is_some_and(|value| value != Json::Boolean(false));
        named || (name == "groups" && has_groups)
    }

    /// Whether the token itself has the claim, for `required_claims`: one that is elsewhere it has not.
    fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// Whether one of these is among the groups or scopes.
    fn has_name(&self, claim: &str, wanted: &[String], split_at_spaces: bool) -> Answer {
        let listed: Vec<String> = match self.value(claim) {
            Some(Json::Text(text)) if split_at_spaces => text.split(' ').map(str::to_owned).collect(),
            Some(Json::Text(text)) => vec![text],
            Some(Json::List(entries)) => entries.iter().filter_map(comparable).collect(),
            _ => Vec::new(),
        };
        match () {
            () if wanted.iter().any(|name| listed.contains(name)) => Answer::Yes,
            () if self.is_elsewhere(claim) => Answer::Elsewhere,
            () => Answer::No,
        }
    }

    fn is_member(&self, groups: &MembersOf, kind: Kind) -> Answer {
        let lists = groups.lists.iter().filter(|list| list.issuer == self.issuer);
        Answer::any(lists.map(|list| self.claim_fits(list.claim(), kind, |entry| list.members.contains(entry))))
    }

    fn claim_is(&self, path: &str, wanted: &[Wanted], kind: Kind) -> Answer {
        let wanted: Vec<String> = wanted.iter().map(Wanted::comparable).collect();
        self.claim_fits(path, kind, |entry| wanted.iter().any(|wanted| wildcard::matches(wanted, entry, kind)))
    }

    fn claim_fits(&self, path: &str, kind: Kind, fits: impl Fn(&String) -> bool) -> Answer {
        let value = self.value(path).filter(|_| kind == Kind::Denial || self.address_counts(path));
        let entries = match value {
            None => Vec::new(),
            Some(Json::List(entries)) => entries,
            Some(Json::Object(members)) if members.iter().all(|(_, value)| lists_its_name(value)) => {
                members.into_iter().map(|(name, _)| Json::Text(name)).collect()
            }
            Some(single) => vec![single],
        };
        let fits = entries.iter().filter_map(comparable).any(|entry| fits(&entry));
        let incomparable = entries.iter().any(|entry| matches!(entry, Json::List(_) | Json::Object(_)))
            || self.leads_through_no_object(path);
        match () {
            () if fits || (incomparable && kind == Kind::Denial) => Answer::Yes,
            () if self.is_elsewhere(path) => Answer::Elsewhere,
            () => Answer::No,
        }
    }

    /// Whether a claim is no address and in none, or an address that a grant may go by.
    fn address_counts(&self, path: &str) -> bool {
        let says = |flag| matches!(self.value(flag), Some(value) if value == Json::Boolean(true) || value == Json::text("true"));
        let counts = |(depth, (name, value)): (usize, &(String, Json))| {
            let is_one = depth == 0 && matches!(value, Json::Text(_));
            match name.as_str() {
                "email" => trusts_email(self.issuer) || (is_one && says("email_verified")),
                "emails" => trusts_email(self.issuer),
                "phone_number" => is_one && says("phone_number_verified"),
                "phone_numbers" => false,
                _ => true,
            }
        };
        self.claims_on(path).iter().enumerate().all(counts)
    }
}

impl Wanted {
    fn comparable(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Boolean(value) => value.to_string(),
            Self::Integer(value) => value.to_string(),
        }
    }
}

/// Whether a member of an object stands for its name, as in a list of names.
fn lists_its_name(value: &Json) -> bool {
    matches!(value, Json::Object(_) | Json::List(_) | Json::Boolean(true))
}

/// A value as the text that it is compared by.
fn comparable(value: &Json) -> Option<String> {
    match value {
        Json::Text(text) => Some(text.clone()),
        Json::Boolean(value) => Some(value.to_string()),
        Json::Number { equal, .. } => Some((*equal).to_owned()),
        Json::Count(count) => Some(count.to_string()),
        Json::Null | Json::List(_) | Json::Object(_) => None,
    }
}

/// The endpoint of the URL, if the grant and the tier let the call go by what it asks for.
fn endpoint(tier: &TierSpec, grant: &RuleSpec, call: &CallSpec) -> Option<&'static str> {
    let usable = usable_endpoints(tier, grant);
    match call.endpoint {
        None => usable.first().copied(),
        Some(wanted) => usable.into_iter().find(|name| *name == wanted),
    }
}

/// Those of the bucket, cut to what the tier lists and what the grant lists, in the order of the narrowest list.
fn usable_endpoints(tier: &TierSpec, grant: &RuleSpec) -> Vec<&'static str> {
    let (_, of_bucket) = BUCKETS.iter().find(|(name, _)| *name == tier.bucket).unwrap();
    let of_tier = tier.endpoints.as_deref().unwrap_or(of_bucket);
    let of_grant = grant.endpoints.as_deref().unwrap_or(of_tier);
    of_grant.iter().filter(|name| of_tier.contains(name) && of_bucket.contains(name)).copied().collect()
}

fn demands_are_met(tier: &TierSpec, asked: &Asked) -> bool {
    match asked {
        Asked::Download { content_type } => {
            let fixed = tier.download.as_ref().unwrap().content_type;
            fixed.is_none() || content_type.is_none() || fixed == *content_type
        }
        Asked::Verification => true,
        Asked::Upload(asked) => {
            upload_is_met(tier.upload.as_ref().unwrap(), asked)
                && server(tier.bucket).is_none_or(|server| keeps(server, asked))
        }
    }
}

/// Whether the server keeps all that is asked of it.
fn keeps(server: &Server, asked: &UploadAsked) -> bool {
    let compares_tags = server.keeps_conditions && !server.separate_uploads;
    let conditions = (server.keeps_conditions || asked.create_only != Some(true)) && (compares_tags || !asked.if_match);
    let known = |kind: ChecksumAlgorithm| server.checksums.is_none_or(|kinds| kinds.contains(&kind));
    conditions && asked.checksum.is_none_or(known)
}

fn upload_is_met(demanded: &UploadSpec, asked: &UploadAsked) -> bool {
    let size = demanded.max_size.is_none_or(|most| asked.content_length.is_some_and(|length| length <= most));
    let content_type = demanded.content_types.as_ref().is_none_or(|allowed| {
        asked.content_type.is_some_and(|stated| allowed.iter().any(|allowed| content_type_fits(allowed, stated)))
    });
    let checksum =
        demanded.checksum.as_ref().is_none_or(|kinds| asked.checksum.is_some_and(|kind| kinds.contains(&kind)));
    let overwrite = demanded.overwrite == Some(true) || (asked.create_only != Some(false) && !asked.if_match);
    let if_match = demanded.if_match != Some(false) || !asked.if_match;
    let named = asked.storage_class.map_or("STANDARD", |class| class.name());
    let class = match &demanded.storage_classes {
        None => named == "STANDARD",
        Some(classes) => classes.iter().any(|class| class.name() == named),
    };
    let headers = demanded.headers.iter().zip(asked.headers);
    let headers = headers.into_iter().all(|(of_tier, wish)| of_tier.is_none() || wish.is_none() || *of_tier == wish);
    size && content_type && checksum && overwrite && if_match && class && headers
}

/// The content headers of an upload: the tier's, and else those that are asked for.
fn content_headers(tier: &TierSpec, asked: &Asked) -> ContentHeaders {
    let (Asked::Upload(asked), Some(demanded)) = (asked, &tier.upload) else { return ContentHeaders::default() };
    [0, 1, 2].map(|index| demanded.headers[index].or(asked.headers[index]))
}

fn content_type_fits(allowed: &str, stated: &str) -> bool {
    let (allowed, stated) = (allowed.to_ascii_lowercase(), stated.to_ascii_lowercase());
    match allowed.strip_suffix('*') {
        Some(start) => stated.starts_with(start) && !stated.contains(';'),
        None => allowed == stated,
    }
}

fn window(tier: &TierSpec) -> Option<u64> {
    tier.download.as_ref()?.stable_window
}

/// The life of the URL: its start, its seconds and what limits them; or the refusal.
fn life(
    tier: &TierSpec,
    caller: &CallerSpec,
    call: &CallSpec,
    allowed: impl FnOnce(u64, u64, &'static str) -> Outcome,
) -> Outcome {
    let of_download = tier.download.as_ref().map(|download| &download.life);
    let of_upload = tier.upload.as_ref().map(|upload| &upload.life);
    let LifeSpec { max_ttl, default_ttl, end_with_token } =
        if call.asked.action() == Action::Download { of_download.unwrap() } else { of_upload.unwrap() };
    let most = max_ttl.unwrap_or(3_600);
    let wish = call.ttl.unwrap_or_else(|| default_ttl.unwrap_or(most.min(900)));
    let now = call.now / 1_000;
    let window = if call.stable { window(tier) } else { None };
    let starts_at = window.map_or(now, |window| now - now % window);

    let wished = if call.ttl.is_some() { "RequestedTtl" } else { "TierDefaultTtl" };
    let (mut ttl, mut limited_by) = (wish + window.unwrap_or(0), wished);
    if most < ttl {
        (ttl, limited_by) = (most, "TierMaxTtl");
    }
    if *end_with_token == Some(true) {
        let left = caller.token.as_ref().map_or(0, |token| token.expires_at.saturating_sub(now));
        if left == 0 {
            return Outcome::refused("token_ended", Some(&tier.name), None);
        }
        if left < ttl {
            (ttl, limited_by) = (left, "TokenExpiry");
        }
    }
    let left = starts_at + ttl - now;
    if call.require_full_ttl && left < wish {
        return Outcome::TooShort { tier: tier.name.clone(), available: left };
    }
    allowed(starts_at, ttl, limited_by)
}

impl PolicySpec {
    /// What keeps the file from being a policy, of the rules that the generator does not keep by construction.
    pub(super) fn is_valid(&self) -> bool {
        let policy = self.with_defaults();
        let grants = || policy.rules.iter().filter(|rule| rule.kind == Kind::Grant);
        grants().all(|rule| {
            let tiers: Vec<&TierSpec> = policy.tiers.iter().filter(|tier| rule.names(tier)).collect();
            let offered = |action: &Action| tiers.iter().any(|tier| tier.offers(*action));
            let names = rule.to.groups.is_some()
                || rule.to.scopes.is_some()
                || !rule.to.claims.is_empty()
                || rule.required_claims.is_some();
            let ways: Vec<Vec<&str>> = tiers.iter().map(|tier| usable_endpoints(tier, rule)).collect();
            let of_use = |name: &&str| ways.iter().any(|names| names.contains(name));
            rule.endpoints.iter().flatten().all(of_use)
                && rule.operations.as_deref().unwrap_or(&Action::BOTH).iter().all(offered)
                && (self.issuers.len() == 1 || !names || rule.to.issuers.is_some())
        }) && policy.tiers.iter().all(|tier| {
            let reaching: Vec<&RuleSpec> = grants().filter(|rule| policy.reaches(rule, tier)).collect();
            let is_safe = |rule: &&RuleSpec| {
                let names_issuers = self.issuers.len() == 1 || !tier.has_template() || rule.to.issuers.is_some();
                names_issuers && !usable_endpoints(tier, rule).is_empty()
            };
            let mut inherited = reaching.iter().filter(|rule| !rule.names(tier)).peekable();
            let is_for_something =
                |rule: &&RuleSpec| Action::BOTH.iter().any(|action| rule.is_about(*action) && tier.offers(*action));
            reaching.iter().all(is_safe) && (inherited.peek().is_none() || inherited.any(is_for_something))
        })
    }
}

//! What `docs/POLICY.md` says of a call, step by step and without a thought of speed.
//!
//! It was written from that document alone, and shares nothing with the product but the names of outcomes and checksums.

use access_broker_policy::ChecksumAlgorithm;

use super::callers::{groups_claim, scopes_claim, trusts_email};
use super::glob;
use super::json::Json;
use super::outcome::Outcome;
use super::spec::{
    Action, Asked, CallSpec, CallerSpec, Case, ContentHeaders, IssuersSpec, Kind, LifeSpec, PolicySpec, RuleSpec,
    Segment, TierSpec, ToSpec, TokenSpec, UploadAsked, UploadSpec, Wanted,
};

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
    let key: Vec<&str> = call.key.split('/').collect();
    let mut tiers: Vec<&TierSpec> =
        policy.tiers.iter().filter(|tier| tier.bucket == call.bucket && is_below(tier, &key, caller, false)).collect();
    // Those, too, that the key may be in, depending on claims that are elsewhere.
    let mut possible: Vec<&TierSpec> =
        policy.tiers.iter().filter(|tier| tier.bucket == call.bucket && is_below(tier, &key, caller, true)).collect();
    // The longest prefix; of equally long ones, the one with the earlier literal.
    let rank = |tier: &&TierSpec| {
        let literals: Vec<bool> = tier.prefix.iter().map(|part| matches!(part, Segment::Literal(_))).collect();
        (literals.len(), literals)
    };
    tiers.sort_by_key(rank);
    possible.sort_by_key(rank);
    if let Some(other) = possible.pop()
        && tiers.last().is_none_or(|tier| tier.name != other.name)
    {
        return Outcome::refused("claim_elsewhere", Some(&other.name), None);
    }
    let Some(tier) = tiers.pop() else { return Outcome::refused("no_tier", None, None) };
    let refused = |code, rule| Outcome::refused(code, Some(&tier.name), rule);

    let rest = key[tier.prefix.len()..].join("/");
    if tier.include.as_ref().is_some_and(|patterns| !patterns.iter().any(|pattern| glob::matches(pattern, &rest))) {
        // It is in no tier then.
        return Outcome::refused("not_included", None, None);
    }

    let action = call.asked.action();
    let rules = |kind| {
        let indexed = policy.rules.iter().enumerate().filter(move |(_, rule)| rule.kind == kind);
        indexed.filter(|(_, rule)| rule.is_about(tier, action)).map(|(index, rule)| (policy.name_of(index), rule))
    };
    let denials: Vec<(String, Answer)> =
        rules(Kind::Denial).map(|(name, rule)| (name, denial_means(rule, caller))).collect();
    let first = |wanted| denials.iter().find(|(_, answer)| *answer == wanted).map(|(name, _)| name.clone());
    if let Some(name) = first(Answer::Yes) {
        return refused("denied", Some(name));
    }
    if let Some(name) = first(Answer::Elsewhere) {
        return refused("claim_elsewhere", Some(name));
    }

    if !tier.offers(action) {
        return refused("operation_not_offered", None);
    }

    let grants: Vec<(String, &RuleSpec, Answer)> =
        rules(Kind::Grant).map(|(name, rule)| (name, rule, grant_means(rule, caller))).collect();
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
    fn is_about(&self, tier: &TierSpec, action: Action) -> bool {
        let here = self.tiers.as_ref().is_none_or(|names| names.contains(&tier.name));
        here && self.operations.as_ref().is_none_or(|actions| actions.contains(&action))
    }
}

/// Whether a key, as its segments, is below the prefix of a tier; `perhaps`: or may be, because of a claim that is
/// elsewhere.
fn is_below(tier: &TierSpec, key: &[&str], caller: &CallerSpec, perhaps: bool) -> bool {
    let fits = |(part, segment): (&Segment, &&str)| match (part, &caller.token) {
        (Segment::Literal(text), _) => text == segment,
        (_, None) => false,
        (Segment::Subject | Segment::Claim("sub"), Some(token)) => token.subject == *segment,
        (Segment::Claim(name), Some(token)) => {
            let is_value = match token.value(name) {
                Some(Json::Text(text)) => text == *segment && token.address_counts(name, &Json::Text(text.clone())),
                _ => false,
            };
            is_value || (perhaps && token.is_elsewhere(name))
        }
    };
    key.len() > tier.prefix.len() && tier.prefix.iter().zip(key).all(fits)
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
    /// The value of a claim. `null` is none.
    fn value(&self, name: &str) -> Option<Json> {
        self.members()
            .into_iter()
            .find(|(member, _)| member == name)
            .map(|(_, value)| value)
            .filter(|it| *it != Json::Null)
    }

    fn is_elsewhere(&self, name: &str) -> bool {
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

    fn claim_is(&self, name: &str, wanted: &[Wanted], kind: Kind) -> Answer {
        let value = self.value(name);
        let value = value.filter(|value| kind == Kind::Denial || self.address_counts(name, value));
        let entries = match value {
            None => Vec::new(),
            Some(Json::List(entries)) => entries,
            Some(single) => vec![single],
        };
        let wanted: Vec<String> = wanted.iter().map(Wanted::comparable).collect();
        let fits = entries.iter().filter_map(comparable).any(|entry| wanted.contains(&entry));
        let incomparable = entries.iter().any(|entry| matches!(entry, Json::List(_) | Json::Object(_)));
        match () {
            () if fits || (incomparable && kind == Kind::Denial) => Answer::Yes,
            () if self.is_elsewhere(name) => Answer::Elsewhere,
            () => Answer::No,
        }
    }

    /// Whether a claim is no address, or one that a grant may go by.
    fn address_counts(&self, name: &str, value: &Json) -> bool {
        let says = |flag| matches!(self.value(flag), Some(value) if value == Json::Boolean(true) || value == Json::text("true"));
        let is_one = matches!(value, Json::Text(_));
        match name {
            "email" => trusts_email(self.issuer) || (is_one && says("email_verified")),
            "emails" => trusts_email(self.issuer),
            "phone_number" => is_one && says("phone_number_verified"),
            "phone_numbers" => false,
            _ => true,
        }
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
        let tier = |name: &String| self.tiers.iter().find(|tier| tier.name == *name);
        let grants = self.rules.iter().filter(|rule| rule.kind == Kind::Grant);
        grants.into_iter().all(|rule| {
            let tiers: Vec<&TierSpec> = rule.tiers.iter().flatten().filter_map(tier).collect();
            let offered = |action: &Action| tiers.iter().any(|tier| tier.offers(*action));
            let names = rule.to.groups.is_some()
                || rule.to.scopes.is_some()
                || !rule.to.claims.is_empty()
                || rule.required_claims.is_some();
            let needs_issuers = self.issuers.len() > 1 && (names || tiers.iter().any(|tier| tier.has_template()));
            let ways: Vec<Vec<&str>> = tiers.iter().map(|tier| usable_endpoints(tier, rule)).collect();
            let reachable = ways.iter().all(|names| !names.is_empty());
            let of_use = |name: &&str| ways.iter().any(|names| names.contains(name));
            reachable
                && rule.endpoints.iter().flatten().all(of_use)
                && rule.operations.iter().flatten().all(offered)
                && (!needs_issuers || rule.to.issuers.is_some())
        })
    }
}

//! Groups of a members file: as data, as text, and from small vocabularies.

use std::fmt::Write as _;

use super::claims;
use super::json::{Json, quoted};
use super::model::names_of;
use super::random::Random;
use super::spec::{CallerSpec, TokenSpec};

const GROUPS: [&str; 3] = ["editors", "readers", "blocked"];
const VALUES: [&str; 8] = ["ada", "a", "finance", "3", "true", "*", "a/b", "me@a.example"];

/// One `[[group]]`.
#[derive(Debug, Clone)]
pub(super) struct ListSpec {
    pub(super) group: &'static str,
    pub(super) issuer: &'static str,
    /// `None`: the default.
    claim: Option<String>,
    pub(super) members: Vec<String>,
}

/// `members_of` of a rule, with the lists of these groups.
#[derive(Debug, Clone)]
pub(super) struct MembersOf {
    pub(super) groups: Vec<&'static str>,
    pub(super) lists: Vec<ListSpec>,
}

impl ListSpec {
    pub(super) fn claim(&self) -> &str {
        self.claim.as_deref().unwrap_or("sub")
    }

    fn is_in_place_of(&self, other: &Self) -> bool {
        let names = |list: &Self| names_of(list.claim());
        (self.group, self.issuer, names(self)) == (other.group, other.issuer, names(other))
    }
}

/// The file.
pub(super) fn text(lists: &[ListSpec]) -> String {
    let mut text = String::new();
    for ListSpec { group, issuer, claim, members } in lists {
        writeln!(text, "[[group]]\nname = \"{group}\"\nissuer = {}", quoted(issuer)).unwrap();
        if let Some(claim) = claim {
            writeln!(text, "claim = {}", quoted(claim)).unwrap();
        }
        let members: Vec<String> = members.iter().map(|member| quoted(member)).collect();
        writeln!(text, "members = [{}]", members.join(", ")).unwrap();
    }
    text
}

/// Lists of which some have a caller in them.
pub(super) fn lists(random: &mut Random, issuers: &[&'static str], callers: &[CallerSpec]) -> Vec<ListSpec> {
    let mut lists: Vec<ListSpec> = Vec::new();
    for _ in 0..random.below(8) {
        let list = list(random, issuers, callers);
        if !lists.iter().any(|other| other.is_in_place_of(&list)) {
            lists.push(list);
        }
    }
    lists
}

fn list(random: &mut Random, issuers: &[&'static str], callers: &[CallerSpec]) -> ListSpec {
    let group = random.pick(&GROUPS);
    let mut members: Vec<String> = Vec::new();
    if random.chance(80) {
        members = random.some_of(&VALUES, 3).into_iter().map(str::to_owned).collect();
    }
    let Some(token) = random.pick(callers).token.filter(|_| random.chance(85)) else {
        let claim = random.maybe(50, |random| random.pick(&claims::NAMES).to_owned());
        return ListSpec { group, issuer: random.pick(issuers), claim, members };
    };
    let (claim, value) = own_claim(random, &token);
    if random.chance(80) {
        members.extend(text_of(random, &value).filter(|text| !text.is_empty()));
    }
    // Sometimes the right values of the wrong issuer.
    let issuer = if random.chance(85) { token.issuer } else { random.pick(issuers) };
    ListSpec { group, issuer, claim, members }
}

/// A claim of the token, inside others too.
fn own_claim(random: &mut Random, token: &TokenSpec) -> (Option<String>, Json) {
    let own: Vec<_> = token.claims.iter().filter(|(name, _)| !claims::MACHINERY.contains(&&**name)).collect();
    if own.is_empty() || random.chance(30) {
        return (random.maybe(30, |_| "sub".to_owned()), Json::text(&token.subject));
    }
    let (name, value) = random.pick(&own).clone();
    let (mut path, mut value) = (format!("/{}", escaped(&name)), value);
    if random.chance(50) && !matches!(value, Json::Object(_)) {
        return (Some(name), value);
    }
    while let Json::Object(members) = &value
        && !members.is_empty()
        && random.chance(80)
    {
        let (member, inner) = random.pick(members);
        path = format!("{path}/{}", escaped(&member));
        value = inner;
    }
    (Some(path), value)
}

fn text_of(random: &mut Random, value: &Json) -> Option<String> {
    match value {
        Json::Text(text) => Some(text.clone()),
        Json::Boolean(flag) => Some(flag.to_string()),
        Json::Number { equal, .. } => Some((*equal).to_owned()),
        Json::List(entries) if !entries.is_empty() => {
            let entry = random.pick(entries);
            text_of(random, &entry)
        }
        _ => None,
    }
}

/// A name in a JSON Pointer.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// Groups that there are.
pub(super) fn of_rule(random: &mut Random, lists: &[ListSpec]) -> Option<MembersOf> {
    if lists.is_empty() {
        return None;
    }
    let names: Vec<&'static str> = lists.iter().map(|list| list.group).collect();
    let groups = random.some_of(&names, 2);
    let lists = lists.iter().filter(|list| groups.contains(&list.group)).cloned().collect();
    Some(MembersOf { groups, lists })
}

//! Reads a members file.

use std::collections::{BTreeSet, HashSet};

use super::context::list_issuers;
use super::hash::members_hash;
use super::lists::NO_EMPTY_VALUE;
use super::losses::Loss;
use crate::decide::{MemberList, Members};
use crate::object::BucketName;
use access_broker_base::document::{Document, Located, Overrides, Problems, Reference, Table, Variables};
use access_broker_identity::ClaimPath;

/// The most members of all groups together.
pub const MAX_MEMBERS: usize = 1_000_000;

/// The claim that identifies a member if the group names none.
const DEFAULT_CLAIM: &str = "sub";

impl Members {
    /// Reads the text of a members file. `origin` is its name in messages; `issuers` are those of the configuration.
    ///
    /// # Errors
    ///
    /// Every broken rule with its line. Nothing of such a file is used.
    pub fn parse(origin: &str, text: &str, issuers: &BTreeSet<String>) -> Result<Self, Problems> {
        let document = Document::parse(origin, text, Overrides::new(), &Variables::None)?;
        let lists = read(&document, issuers, MAX_MEMBERS);
        // The lists of an invalid file are not complete.
        let members = document.is_valid().then(|| Self::new(lists, members_hash(text)));
        document.into_result(members)
    }

    /// Every table and setting of a members file.
    #[must_use]
    pub fn reference() -> Reference {
        Document::describe(|document| drop(read(document, &BTreeSet::new(), MAX_MEMBERS)))
    }
}

fn read(document: &Document<'_>, issuers: &BTreeSet<String>, most: usize) -> Vec<MemberList> {
    let mut root = document.root();
    root.describe("The members of the groups that a policy names in `members_of`.", "");
    let mut lists = Vec::new();
    let mut seen = HashSet::new();
    for table in root.tables("group") {
        let location = table.location().clone();
        let path = table.path().to_owned();
        let Some(list) = read_group(table, issuers) else { continue };
        if !seen.insert((list.group.clone(), list.issuer.clone(), list.claim.clone())) {
            let rule = "repeats the name, issuer and claim of another group; use one list of members";
            document.report(&location, path, rule);
        }
        lists.push(list);
    }
    let count: usize = lists.iter().map(|list| list.members.len()).sum();
    if count > most {
        root.report_here(format!("has {count} members in all groups; the limit is {most}"));
    }
    root.finish();
    lists
}

fn read_group(mut table: Table<'_>, issuers: &BTreeSet<String>) -> Option<MemberList> {
    table.describe(
        "Callers of one issuer, by the values of one claim. Several with the same name are one group with all their \
         members.",
        "no groups",
    );
    let name = table
        .setting("name", "The name of the group in `members_of`.")
        .parsed("string", BucketName::parse)
        .limits("1 to 63 of `a-z`, `0-9`, `-` and `_`; a letter or digit first")
        .required();
    let issuer = table
        .setting("issuer", "The issuer of the members' tokens. Callers of other issuers are no members.")
        .text()
        .limits("an issuer of the configuration")
        .required();
    if let Some(Located { value, location }) = &issuer
        && !issuers.contains(value)
    {
        let rule = format!("refers to undefined issuer {value:?}; the configuration has {}", list_issuers(issuers));
        table.report("issuer", location, rule);
    }
    let has_claim = table.holds("claim");
    let claim = table
        .setting(
            "claim",
            "The claim that identifies the members, or the [path](POLICY.md#claims-inside-other-claims) to it.",
        )
        .parsed("name of a claim", ClaimPath::parse)
        .absent("`sub`")
        .optional();
    let claim = if has_claim { claim.map(|claim| claim.value) } else { ClaimPath::parse(DEFAULT_CLAIM).ok() };
    let members = table
        .setting(
            "members",
            "The values of the claim, byte for byte. Patterns have no meaning here. `[]` is a group without members.",
        )
        .list("values of the claim")
        .limits("not empty; at most 1,000,000 in the file")
        .required();
    for Located { location, .. } in members.iter().flatten().filter(|member| member.value.is_empty()) {
        table.report("members", location, NO_EMPTY_VALUE);
    }
    table.finish();
    let (name, issuer, claim, members) = (name?, issuer?, claim?, members?);
    Some(MemberList {
        group: name.value.as_str().to_owned(),
        issuer: issuer.value,
        claim,
        members: members.into_iter().map(|member| member.value).collect(),
    })
}

/// The lists of `before` that `after` does not have. A truncated file can still be valid, but then whole lists are
/// missing: a list whose end is missing is no TOML.
#[must_use]
pub fn lost_lists(before: &Members, after: &Members) -> Vec<Loss> {
    let after = after.lists();
    let lost = before.lists().into_iter().filter(|list| !after.contains(list));
    lost.map(|(group, issuer, claim)| Loss::of_one(format!("group {group:?} of issuer {issuer}, claim {claim}")))
        .collect()
}

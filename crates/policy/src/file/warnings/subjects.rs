//! Patterns on the subject of GitHub Actions that pull requests match.
//!
//! In a subject, the name of the repository comes before what the job is for
//! ([GitHub: example subject claims](https://docs.github.com/actions/reference/security/oidc#example-subject-claims)).
//! So a pattern that leaves the end open also means jobs of pull requests, which run the code of their authors.

use super::callers::GITHUB_ACTIONS;
use super::sketch::{PolicySketch, RuleSketch};
use crate::decide::ClaimPattern;
use access_broker_base::document::{Located, WarningCode};

/// The start of each subject of GitHub Actions.
const REPOSITORY: &str = "repo:";

pub(super) fn find(policy: &PolicySketch<'_>) {
    // A denial of more callers does no harm.
    policy.grants.iter().for_each(find_in_grant);
}

fn find_in_grant(grant: &RuleSketch<'_>) {
    let to = &grant.to;
    let is_of_github = to.issuers().is_some_and(|issuers| issuers.iter().any(|issuer| issuer.value == GITHUB_ACTIONS));
    for claim in to.claims.iter().filter(|claim| claim.path.is_top_level("sub")) {
        for (Located { value, location }, pattern) in claim.values_with_patterns() {
            if (is_of_github || value.starts_with(REPOSITORY)) && means_pull_requests(pattern) {
                let message = format!(
                    "has {value:?}, which jobs of pull requests match in GitHub Actions; use repository_owner, \
                     repository, ref or environment"
                );
                to.claims_table.warn(WarningCode::SubjectPattern, &claim.name, location, message);
            }
        }
    }
}

/// Whether the subject of a pull request in a repository that the pattern means matches it.
fn means_pull_requests(pattern: &ClaimPattern) -> bool {
    if pattern.is_literal() {
        return false;
    }
    let example = pattern.example("", "");
    let mut names = example.split(['/', ':']).skip(1).map(|name| if name.is_empty() { "x" } else { name });
    let (owner, repository) = (names.next().unwrap_or("x"), names.next().unwrap_or("x"));
    pattern.matches(&format!("{REPOSITORY}{owner}/{repository}:pull_request"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_means_pull_requests_where_their_subject_matches() {
        let means = |text: &str| means_pull_requests(&ClaimPattern::parse(text).unwrap());
        for text in [
            "**",
            "r**",
            "repo:**",
            "repo:octo-org/**",
            "repo:octo-**",
            "repo:octo-org/app:**",
            "repo:octo-org/app-*:**",
            "repo:octo-org/app:pull*",
            "repo:octo-org/app:p**",
            "repo:octo-org/*:pull_request",
            "repo:*/*:*",
            "*:octo-org/app*x:*_request",
        ] {
            assert!(means(text), "{text}");
        }
        for text in [
            "repo:octo-org/app:pull_request",
            "repo:octo-org/app:ref:**",
            "repo:octo-org/*:ref:refs/heads/main",
            "repo:octo-org/app:environment:*",
            "repo:octo-org/*",
            "repo:octo-org/app:ref*",
            "repository:octo-org/**",
            "*",
        ] {
            assert!(!means(text), "{text}");
        }
    }
}

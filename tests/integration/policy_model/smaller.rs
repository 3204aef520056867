//! A case that goes wrong, made smaller as long as it still does.

use super::spec::{
    Asked, CallSpec, Case, DownloadSpec, LifeSpec, PolicySpec, RuleSpec, TierSpec, UploadAsked, UploadSpec,
};

/// The smallest case that the steps below lead to. A case that is no case (its policy is not valid, say) does not go wrong.
pub(super) fn smallest(mut case: Case, goes_wrong: impl Fn(&Case) -> bool) -> Case {
    for _ in 0..200 {
        let Some(smaller) = steps(&case).into_iter().find(&goes_wrong) else { break };
        case = smaller;
    }
    case
}

/// Every case that has one thing less.
fn steps(case: &Case) -> Vec<Case> {
    let mut steps = Vec::new();
    let mut step = |change: &dyn Fn(&mut Case)| {
        let mut smaller = case.clone();
        change(&mut smaller);
        if format!("{smaller:?}") != format!("{case:?}") {
            steps.push(smaller);
        }
    };
    for index in 0..case.policy.tiers.len() {
        step(&|case| remove_tier(&mut case.policy, index));
    }
    for index in 0..case.policy.defaults.len() {
        step(&|case| drop(case.policy.defaults.remove(index)));
        step(&|case| case.policy.defaults[index].include = None);
        step(&|case| case.policy.defaults[index].endpoints = None);
        step(&|case| case.policy.defaults[index].download = None);
        step(&|case| case.policy.defaults[index].upload = None);
    }
    for index in 0..case.policy.rules.len() {
        step(&|case| drop(case.policy.rules.remove(index)));
        for change in OF_RULES {
            step(&|case| change(&mut case.policy.rules[index]));
        }
    }
    for index in 0..case.policy.tiers.len() {
        for change in OF_TIERS {
            step(&|case| change(&mut case.policy.tiers[index]));
        }
    }
    if let (Some(token), workload) = (&case.caller.token, case.caller.workload) {
        for index in 0..token.claims.len() {
            step(&|case| case.caller.token.iter_mut().for_each(|token| drop(token.claims.remove(index))));
        }
        step(&|case| case.caller.workload = None);
        if workload.is_some() {
            step(&|case| case.caller.token = None);
        }
    }
    for change in OF_CALLS {
        step(&|case| change(&mut case.call));
    }
    steps
}

fn remove_tier(policy: &mut PolicySpec, index: usize) {
    let gone = policy.tiers.remove(index).name;
    for rule in &mut policy.rules {
        rule.tiers.iter_mut().for_each(|names| names.retain(|name| *name != gone));
    }
    policy.tiers.iter_mut().for_each(|tier| tier.inherit = tier.inherit.take().filter(|name| *name != gone));
    policy.rules.retain(|rule| rule.tiers.as_ref().is_none_or(|names| !names.is_empty()));
}

const OF_RULES: [fn(&mut RuleSpec); 13] = [
    |rule| rule.to.members_of = None,
    |rule| rule.required_claims = None,
    |rule| rule.endpoints = None,
    |rule| rule.to.authenticated = false,
    |rule| rule.to.issuers = None,
    |rule| rule.to.groups = None,
    |rule| rule.to.scopes = None,
    |rule| rule.to.workloads = None,
    |rule| rule.to.trust_domains = None,
    |rule| drop(rule.to.claims.pop()),
    |rule| without_first(&mut rule.to.claims),
    |rule| rule.to.claims.iter_mut().for_each(|(_, values)| values.truncate(1)),
    |rule| rule.to.claims.iter_mut().for_each(|(_, values)| without_first(values)),
];

const OF_TIERS: [fn(&mut TierSpec); 11] = [
    |tier| tier.inherit = None,
    |tier| tier.include = None,
    |tier| tier.include.iter_mut().for_each(|patterns| patterns.truncate(1)),
    |tier| tier.include.iter_mut().for_each(without_first),
    |tier| tier.endpoints = None,
    |tier| tier.download = None,
    |tier| tier.upload = None,
    |tier| tier.download.iter_mut().for_each(|download| *download = DownloadSpec::default()),
    |tier| tier.upload.iter_mut().for_each(|upload| *upload = UploadSpec::default()),
    |tier| tier.download.iter_mut().for_each(|download| download.life = LifeSpec::default()),
    |tier| tier.upload.iter_mut().for_each(|upload| upload.life = LifeSpec::default()),
];

const OF_CALLS: [fn(&mut CallSpec); 5] = [
    |call| call.endpoint = None,
    |call| call.ttl = None,
    |call| call.require_full_ttl = false,
    |call| call.stable = false,
    |call| match &mut call.asked {
        Asked::Download { content_type } => *content_type = None,
        Asked::Upload(asked) => *asked = UploadAsked::default(),
        Asked::Verification => {}
    },
];

/// Leaves the last.
fn without_first<T>(values: &mut Vec<T>) {
    if values.len() > 1 {
        values.remove(0);
    }
}

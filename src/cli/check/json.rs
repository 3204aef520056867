//! What a check found, as one JSON document. docs/CONFIGURATION.md describes it; members are added and never changed.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{Outcome, transport};
use crate::config::{BucketSettings, Config, CredentialsSettings, ListenerSettings, LoadError, NamedEndpoint};
use access_broker_base::document::{Location, Problem, Warning, Warnings};
use access_broker_identity::{IssuerSettings, TrustedHop, WorkloadProof};
use access_broker_policy::{Operation, TierOutline};

pub(super) fn document(outcome: &Outcome) -> Value {
    let errors = outcome.error.as_ref().map(errors).unwrap_or_default();
    let warnings: Vec<Value> = outcome.warnings.iter().flat_map(warnings).collect();
    let left_out: usize = outcome.warnings.iter().map(Warnings::left_out).sum();
    let of_config = |list: fn(&Config) -> Vec<Value>| outcome.config.as_ref().map(list).unwrap_or_default();
    let tiers = outcome.policy.as_ref().map(|compiled| compiled.policy.outline().iter().map(tier).collect::<Vec<_>>());
    let members = outcome.policy.as_ref().and_then(|compiled| compiled.policy.members());
    let members_file = outcome.config.as_ref().and_then(|config| config.policy.members_file.as_ref());
    json!({
        "ok": outcome.is_ok(),
        "errors": errors,
        "warnings": warnings,
        "warnings_left_out": left_out,
        "admin_addr": outcome.config.as_ref().map(|config| config.server.admin_addr.to_string()),
        "policy_file": outcome.config.as_ref().map(|config| config.policy.file.display().to_string()),
        "policy_hash": outcome.policy.as_ref().map(|compiled| compiled.policy.hash().to_string()),
        "members_file": members_file.map(|file| file.display().to_string()),
        "members_hash": members.map(|outline| outline.hash.to_string()),
        "member_groups": members.map(|outline| outline.groups),
        "members": members.map(|outline| outline.members),
        "listeners": of_config(|config| config.listeners.iter().map(listener).collect()),
        "issuers": of_config(|config| config.issuers.iter().map(issuer).collect()),
        "buckets": of_config(|config| config.buckets.iter().map(bucket).collect()),
        "tiers": tiers.unwrap_or_default(),
    })
}

fn errors(error: &LoadError) -> Vec<Value> {
    match error {
        LoadError::Invalid(problems) => problems
            .as_slice()
            .iter()
            .map(|Problem { location, setting, rule }| located(problems.origin(), location, setting, rule))
            .map(Value::Object)
            .collect(),
        LoadError::Unusable(unusable) | LoadError::UnusablePolicy(unusable) | LoadError::UnusableMembers(unusable) => {
            let file = unusable.file.display().to_string();
            let problem = unusable.problem.to_string();
            let setting = match error {
                LoadError::UnusablePolicy(_) => "policy.file",
                LoadError::UnusableMembers(_) => "policy.members_file",
                _ => "",
            };
            vec![Value::Object(located(&file, &Location::Document, setting, &problem))]
        }
        LoadError::Proof(error) => vec![json!({
            "file": null, "line": null, "environment_variable": null, "flag": null, "setting": null,
            "message": error.to_string(),
        })],
    }
}

fn warnings(warnings: &Warnings) -> impl Iterator<Item = Value> {
    warnings.as_slice().iter().map(|Warning { location, setting, message, code }| {
        let mut members = located(warnings.origin(), location, setting, message);
        members.insert("code".to_owned(), json!(code.name()));
        Value::Object(members)
    })
}

/// Where something is, and what. The message follows the setting, as in the text for people.
fn located(origin: &str, location: &Location, setting: &str, message: &str) -> Map<String, Value> {
    let (mut file, mut line, mut variable, mut flag) = (Value::Null, Value::Null, Value::Null, Value::Null);
    match location {
        Location::Document => file = json!(origin),
        Location::Line(number) => (file, line) = (json!(origin), json!(number)),
        Location::EnvironmentVariable(name) => variable = json!(name),
        Location::Flag(name) => flag = json!(name),
    }
    let setting = if setting.is_empty() { Value::Null } else { json!(setting) };
    let members = [
        ("file", file),
        ("line", line),
        ("environment_variable", variable),
        ("flag", flag),
        ("setting", setting),
        ("message", json!(message)),
    ];
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn listener(ListenerSettings { address, proof, tls, protocols }: &ListenerSettings) -> Value {
    json!({
        "address": address.to_string(),
        "protocols": protocols.names(),
        "transport": transport(tls.as_ref()),
        "proof": proof.name(),
        "trust_domain": proof.workload().map(|workload| workload.trust_domain.to_string()),
        "trusted_hop": proof.workload().and_then(WorkloadProof::hop).map(TrustedHop::names),
    })
}

fn issuer(settings: &IssuerSettings) -> Value {
    let algorithms: Vec<String> = settings.algorithms.iter().map(ToString::to_string).collect();
    json!({ "issuer": settings.issuer, "audiences": settings.audiences, "algorithms": algorithms })
}

fn bucket(settings: &BucketSettings) -> Value {
    let endpoint = |NamedEndpoint { name, endpoint, .. }: &NamedEndpoint| {
        json!({
            "name": name.to_string(),
            "url": format!("{}{}", endpoint.origin(), endpoint.path_prefix()),
            "region": **endpoint.region(),
            "used_by_broker": *name == settings.broker_endpoint,
        })
    };
    json!({
        "name": settings.name.to_string(),
        "credentials": settings.credentials.name(),
        "upload_credentials": settings.upload_credentials.as_ref().map(CredentialsSettings::name),
        "endpoints": settings.endpoints.iter().map(endpoint).collect::<Vec<_>>(),
    })
}

fn tier(outline: &TierOutline) -> Value {
    let names = |rules: &[Arc<str>]| rules.iter().map(|name| json!(**name)).collect::<Vec<_>>();
    let operations: Vec<&str> = outline.operations.iter().copied().map(Operation::name).collect();
    json!({
        "name": *outline.name,
        "bucket": outline.bucket.to_string(),
        "prefix": outline.prefix,
        "include": outline.include,
        "inherit": outline.inherit.as_deref(),
        "operations": operations,
        "grants": names(&outline.grants),
        "denials": names(&outline.denials),
    })
}

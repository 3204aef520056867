use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::*;
use access_broker_base::document::{Variables, WarningCode};
use access_broker_identity::{Caller, Claim, ClaimSet, Names, TokenIdentity, WorkloadId};

mod compile;
mod conditions;
mod decide;
mod defaults;
mod endpoints;
mod inherit;
mod lifetime;
mod longest_ttl;
mod members;
mod obligations;
mod prefix;
mod reference;
mod same_prefix;
mod servers;
mod star;
mod values;
mod variables;

const ISSUER: &str = "https://issuer.example";

fn compile(text: &str) -> Result<Policy, access_broker_base::document::Problems> {
    compile_for(&[ISSUER], text)
}

fn compile_for(issuers: &[&str], text: &str) -> Result<Policy, access_broker_base::document::Problems> {
    compile_at(&BTreeMap::from([(media(), media_profile()), (archive(), profile(&["default"]))]), issuers, text)
}

fn media() -> BucketName {
    BucketName::parse("media").unwrap()
}

fn archive() -> BucketName {
    BucketName::parse("archive").unwrap()
}

fn media_profile() -> BucketProfile {
    profile(&["default", "public", "vpce"])
}

/// A bucket at AWS.
fn profile(endpoints: &[&str]) -> BucketProfile {
    BucketProfile::at_aws(endpoints.iter().map(|name| EndpointName::parse(name).unwrap()))
}

fn compile_at(
    buckets: &BTreeMap<BucketName, BucketProfile>,
    issuers: &[&str],
    text: &str,
) -> Result<Policy, access_broker_base::document::Problems> {
    compiled_at(buckets, issuers, text).map(|compiled| compiled.policy)
}

/// The policy with its warnings.
fn compiled_at(
    buckets: &BTreeMap<BucketName, BucketProfile>,
    issuers: &[&str],
    text: &str,
) -> Result<CompiledPolicy, access_broker_base::document::Problems> {
    let issuers = issuers.iter().map(|issuer| (*issuer).to_owned()).collect();
    let trust_domains = BTreeSet::from(["prod.example".to_owned(), "cluster.local".to_owned()]);
    let context = PolicyContext {
        buckets,
        issuers: &issuers,
        trust_domains: &trust_domains,
        variables: &Variables::None,
        members: None,
    };
    CompiledPolicy::parse("policy.toml", text, &context, &CallerOutlook::default())
}

fn caller(claims: &Value) -> Caller {
    Caller::from_token(Arc::new(token(claims)))
}

fn token(claims: &Value) -> TokenIdentity {
    let set = ClaimSet::pack(claims.as_object().unwrap(), false).unwrap();
    let names = |name: &str| {
        let listed: Names = claims[name].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        Names { elsewhere: set.get(name).is_some_and(Claim::is_elsewhere), ..listed }
    };
    TokenIdentity {
        issuer: claims["iss"].as_str().unwrap_or(ISSUER).into(),
        subject: claims["sub"].as_str().unwrap_or("subject-1").into(),
        groups: names("groups"),
        scopes: names("scopes"),
        claims: set.clone(),
        expires_at: now() + Duration::from_mins(10),
    }
}

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)
}

fn object(bucket: &str, key: &str) -> ObjectReference {
    ObjectReference { bucket: BucketName::parse(bucket).unwrap(), key: ObjectKey::parse(key).unwrap() }
}

/// A request without options.
fn access<T>(key: &str, terms: T) -> AccessRequest<T> {
    AccessRequest { object: object("media", key), endpoint: None, lifetime: LifetimeRequest::default(), terms }
}

fn download(policy: &Policy, claims: &Value, key: &str) -> Result<Permit<PermittedDownload>, RefusalReason> {
    read(policy, &caller(claims), key).map_err(|refusal| refusal.reason)
}

fn read(policy: &Policy, caller: &Caller, key: &str) -> Result<Permit<PermittedDownload>, Refusal> {
    policy.decide_download(caller, access(key, RequestedDownload::default()), now())
}

fn upload(
    policy: &Policy,
    claims: &Value,
    key: &str,
    terms: RequestedUpload,
) -> Result<Permit<PermittedUpload>, RefusalReason> {
    policy.decide_upload(&caller(claims), access(key, terms), now()).map_err(|refusal| refusal.reason)
}

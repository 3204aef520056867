//! Decisions of the policy, held against a model that was written from `docs/POLICY.md` alone: random policies, callers
//! with signed tokens, and calls.
//!
//! `ACCESS_BROKER_MODEL_CASES` is the number of calls, `ACCESS_BROKER_MODEL_SEED` where they begin. A difference is told by
//! the smallest case that shows it: the policy, the token, the call, and both outcomes.

mod callers;
mod claims;
mod generate;
mod glob;
mod json;
mod members;
mod model;
mod outcome;
mod patterns;
mod random;
mod smaller;
mod spec;
mod wildcard;

use access_broker_base::document::Variables;
use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::time::Duration;

use access_broker_identity::Caller;
use access_broker_policy::{
    AccessRequest, BucketName, BucketProfile, Checksum, ChecksumAlgorithm, EndpointName, EntityTag, HeaderText,
    LifetimeRequest, Members, ObjectKey, ObjectReference, Policy, PolicyContext, RequestedDownload, RequestedUpload,
    ResponseOverride, UnsignedHeaders,
};

use self::callers::{Issuers, instant};
use self::json::object;
use self::outcome::Outcome;
use self::random::Random;
use self::spec::{Asked, CallSpec, CallerSpec, Case, PolicySpec, UploadAsked};

const CASES: usize = 24_000;
const SEED: u64 = 20_260_101;
/// Calls of one policy, by two callers.
const CALLS: usize = 16;
/// How many kinds of differences are told.
const MOST_REPORTS: usize = 3;

#[test]
fn the_policy_decides_as_its_document_says() {
    let (cases, seed) = (number("ACCESS_BROKER_MODEL_CASES", CASES), number("ACCESS_BROKER_MODEL_SEED", SEED));
    let issuers = Issuers::new();
    let mut outcomes: BTreeMap<&str, usize> = BTreeMap::new();
    // By the kinds of the two outcomes, because one fault shows itself in many cases.
    let mut differences: BTreeMap<[&str; 2], String> = BTreeMap::new();
    for scene_seed in (seed..).take(cases.div_ceil(CALLS)) {
        let mut random = Random::new(scene_seed);
        let scene = generate::scene(&mut random);
        let policy = parse(&scene.policy)
            .unwrap_or_else(|problems| panic!("seed {scene_seed}: {problems}\nin:\n{}", scene.policy.text()));
        for caller in &scene.callers {
            let proven = issuers
                .caller(caller, scene.now)
                .unwrap_or_else(|rejection| panic!("seed {scene_seed}: {rejection}, {caller:?}"));
            for _ in 0..CALLS / scene.callers.len() {
                let call = scene.call(&mut random, caller);
                let case = Case { policy: scene.policy.clone(), caller: caller.clone(), call };
                let (modelled, decided) = (model::decide(&case), decide(&policy, &proven, &case.call));
                if modelled != decided {
                    let kinds = [modelled.kind(), decided.kind()];
                    if differences.len() < MOST_REPORTS {
                        differences.entry(kinds).or_insert_with(|| report(case, scene_seed, &issuers));
                    }
                }
                *outcomes.entry(decided.kind()).or_default() += 1;
            }
        }
    }
    println!("{outcomes:?}");
    assert!(differences.is_empty(), "{}", differences.into_values().collect::<Vec<_>>().join("\n\n"));
    assert!(outcomes.keys().all(|kind| KINDS.contains(kind)), "{outcomes:?}");
    if cases >= CASES {
        for kind in KINDS {
            let found = outcomes.get(kind).copied().unwrap_or_default();
            assert!(found >= cases / 250, "{kind} is too rare to prove anything: {outcomes:?}");
        }
    }
}

/// A verification that is allowed, what limits an allowed URL, and why calls are refused.
const KINDS: [&str; 16] = [
    "verified",
    "RequestedTtl",
    "TierDefaultTtl",
    "TierMaxTtl",
    "TokenExpiry",
    "no_tier",
    "not_included",
    "tier_ambiguous",
    "operation_not_offered",
    "not_granted",
    "denied",
    "claim_elsewhere",
    "endpoint_not_granted",
    "token_ended",
    "obligations_not_met",
    "full_ttl_not_allowed",
];

fn number<T: std::str::FromStr>(name: &str, default: T) -> T {
    match env::var(name) {
        Err(_) => default,
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} must be a number")),
    }
}

fn parse(policy: &PolicySpec) -> Result<Policy, String> {
    let name = |text: &str| EndpointName::parse(text).unwrap();
    let profile = |bucket: &str, names: &[&str]| {
        let at_aws = BucketProfile::at_aws(names.iter().map(|text| name(text)));
        let Some(server) = model::server(bucket) else { return at_aws };
        BucketProfile {
            other_servers: at_aws.endpoints.clone(),
            separate_upload_credentials: server.separate_uploads,
            unsigned_headers: (!server.separate_uploads).then_some(UnsignedHeaders::Refused),
            conditional_writes: Some(server.keeps_conditions),
            checksums: server.checksums.map(|kinds| kinds.iter().copied().collect()),
            ..at_aws
        }
    };
    let buckets: BTreeMap<BucketName, BucketProfile> = model::BUCKETS
        .iter()
        .map(|(bucket, names)| (BucketName::parse(bucket).unwrap(), profile(bucket, names)))
        .collect();
    let issuers: BTreeSet<String> = policy.issuers.iter().map(|issuer| (*issuer).to_owned()).collect();
    let trust_domains = generate::TRUST_DOMAINS.map(str::to_owned).into();
    let members = Some(members::text(&policy.members)).filter(|text| !text.is_empty());
    let members =
        members.map(|text| Members::parse("members", &text, &issuers).map_err(|problems| problems.to_string()));
    let members = members.transpose()?;
    let context = PolicyContext {
        buckets: &buckets,
        issuers: &issuers,
        trust_domains: &trust_domains,
        variables: &Variables::None,
        members: members.as_ref(),
    };
    Policy::parse("policy", &policy.text(), &context).map_err(|problems| problems.to_string())
}

fn decide(policy: &Policy, caller: &Caller, call: &CallSpec) -> Outcome {
    let object =
        ObjectReference { bucket: BucketName::parse(call.bucket).unwrap(), key: ObjectKey::parse(&call.key).unwrap() };
    let endpoint = call.endpoint.map(|name| EndpointName::parse(name).unwrap());
    let lifetime = LifetimeRequest {
        ttl: call.ttl.map(Duration::from_secs),
        require_full_ttl: call.require_full_ttl,
        stable: call.stable,
    };
    let now = instant(call.now);
    match &call.asked {
        Asked::Download { content_type } => {
            let overrides = content_type.map(|text| (ResponseOverride::ContentType, HeaderText::parse(text).unwrap()));
            let terms = RequestedDownload {
                response_overrides: overrides.into_iter().collect(),
                ..RequestedDownload::default()
            };
            Outcome::of_download(policy.decide_download(
                caller,
                AccessRequest { object, endpoint, lifetime, terms },
                now,
            ))
        }
        Asked::Upload(asked) => {
            let request = AccessRequest { object, endpoint, lifetime, terms: terms(asked) };
            Outcome::of_upload(policy.decide_upload(caller, request, now))
        }
        Asked::Verification => Outcome::of_verification(policy.decide_verification(caller, &object, false)),
    }
}

fn terms(asked: &UploadAsked) -> RequestedUpload {
    let checksum = |kind: ChecksumAlgorithm| Checksum::new(kind, &vec![0; kind.byte_length()]);
    let header = |index: usize| asked.headers[index].map(|text| HeaderText::parse(text).unwrap());
    RequestedUpload {
        content_type: asked.content_type.map(|text| HeaderText::parse(text).unwrap()),
        content_length: asked.content_length,
        checksum: asked.checksum.map(|kind| checksum(kind).unwrap()),
        create_only: asked.create_only,
        if_match: asked.if_match.then(|| EntityTag::parse("\"a\"").unwrap()),
        storage_class: asked.storage_class,
        cache_control: header(0),
        content_disposition: header(1),
        content_encoding: header(2),
        ..RequestedUpload::default()
    }
}

/// The smallest case that the two do not agree on.
fn report(case: Case, seed: u64, issuers: &Issuers) -> String {
    let both = |case: &Case| {
        let policy = case.policy.is_valid().then(|| parse(&case.policy).ok()).flatten()?;
        let caller = issuers.caller(&case.caller, case.call.now).ok()?;
        Some((model::decide(case), decide(&policy, &caller, &case.call)))
    };
    let smallest = smaller::smallest(case, |case| both(case).is_some_and(|(modelled, decided)| modelled != decided));
    let (modelled, decided) = both(&smallest).unwrap();
    let Case { policy, caller: CallerSpec { token, workload }, call } = &smallest;
    let token = token.as_ref().map_or("none".to_owned(), |token| object(&token.members()));
    format!(
        "the model and the product differ, with ACCESS_BROKER_MODEL_SEED={seed}\n\n{}issuers: {:?}\ntoken: {token}\n\
         workload: {workload:?}\ncall: {call:?}\n\nmodel:   {modelled:?}\nproduct: {decided:?}",
        policy.text() + &members::text(&policy.members),
        policy.issuers,
    )
}

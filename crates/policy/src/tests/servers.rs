//! What a policy may not promise at a bucket whose server does not keep it.

use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::*;

/// A policy of one tier with uploads in the bucket `media`, and what it may do there.
fn at(bucket: &BucketProfile, tier: &str) -> Result<CompiledPolicy, access_broker_base::document::Problems> {
    let text = format!(
        "tier = [{{ name = 't', bucket = 'media', prefix = '', {tier} }}]\n\
         grant = [{{ tiers = 't', operations = 'upload', to = {{ authenticated = true }} }}]"
    );
    compiled_at(&BTreeMap::from([(media(), bucket.clone())]), &[ISSUER], &text)
}

fn problems(bucket: &BucketProfile, tier: &str) -> Vec<String> {
    let text = at(bucket, tier).map_or_else(|problems| problems.to_string(), |_| String::new());
    text.lines().map(str::to_owned).collect()
}

fn warnings(bucket: &BucketProfile, tier: &str) -> Vec<(WarningCode, String)> {
    at(bucket, tier).unwrap().warnings.lines().collect()
}

fn names(names: &[&str]) -> BTreeSet<EndpointName> {
    names.iter().map(|name| EndpointName::parse(name).unwrap()).collect()
}

/// A bucket at another server, which is said to keep everything.
fn described() -> BucketProfile {
    BucketProfile {
        other_servers: names(&["default"]),
        unsigned_headers: Some(UnsignedHeaders::Refused),
        conditional_writes: Some(true),
        checksums: Some(ChecksumAlgorithm::ALL.into()),
        ..profile(&["default"])
    }
}

/// A bucket at another server, of which nothing is said.
fn unknown() -> BucketProfile {
    BucketProfile { other_servers: names(&["default"]), ..profile(&["default"]) }
}

#[test]
fn an_upload_tier_at_another_server_needs_a_word_about_unsigned_headers() {
    let bare = "upload = { overwrite = true }";
    let found = problems(&unknown(), bare);
    assert_eq!(found.len(), 1, "{found:?}");
    for part in ["policy.toml:1: tier[0].upload is not safe", "\"media\"", "upload_credentials", "unsigned_headers"] {
        assert!(found[0].contains(part), "{found:?} lacks {part}");
    }
    assert_eq!(problems(&unknown(), "download = {}, upload = {}").len(), 1, "downloads do not help");
    assert!(
        compile_at(
            &BTreeMap::from([(media(), unknown())]),
            &[ISSUER],
            "tier = [{ name = 't', bucket = 'media', prefix = '', download = {} }]"
        )
        .is_ok()
    );
    for bucket in [
        profile(&["default", "vpce"]),
        BucketProfile { separate_upload_credentials: true, ..unknown() },
        BucketProfile { unsigned_headers: Some(UnsignedHeaders::Refused), ..unknown() },
        BucketProfile { unsigned_headers: Some(UnsignedHeaders::Accepted), ..unknown() },
    ] {
        assert_eq!(problems(&bucket, bare), [""; 0], "{bucket:?}");
    }
}

#[test]
fn only_endpoints_that_an_upload_can_go_by_count() {
    let bucket = BucketProfile { other_servers: names(&["cdn"]), ..profile(&["default", "cdn"]) };
    let upload = "upload = { overwrite = true }";
    assert_eq!(problems(&bucket, upload).len(), 1);
    assert_eq!(problems(&bucket, &format!("endpoints = ['default', 'cdn'], {upload}")).len(), 1);
    assert_eq!(problems(&bucket, &format!("endpoints = 'cdn', {upload}")).len(), 1);
    assert_eq!(problems(&bucket, &format!("endpoints = 'default', {upload}")), [""; 0]);
}

#[test]
fn a_server_without_conditions_overwrites_so_the_tier_must_say_so() {
    let bucket = BucketProfile { conditional_writes: Some(false), ..described() };
    for tier in ["upload = {}", "upload = { overwrite = false }"] {
        let found = problems(&bucket, tier);
        assert!(found.len() == 1 && found[0].contains("tier[0].upload.overwrite must be true"), "{found:?}");
        assert!(found[0].contains("conditional_writes is false"), "{found:?}");
    }
    assert_eq!(problems(&bucket, "upload = { overwrite = true }"), [""; 0]);
    let found = problems(&bucket, "upload = { overwrite = true, if_match = true }");
    assert!(found.len() == 1 && found[0].contains("tier[0].upload.if_match must not be true"), "{found:?}");
}

#[test]
fn if_match_needs_a_signer_that_can_read_except_at_aws() {
    let tier = "upload = { overwrite = true, if_match = true }";
    let separate = |bucket| BucketProfile { separate_upload_credentials: true, ..bucket };
    let found = problems(&separate(described()), tier);
    assert!(found.len() == 1 && found[0].contains("upload_credentials"), "{found:?}");
    for bucket in [separate(profile(&["default"])), profile(&["default"]), described()] {
        assert_eq!(problems(&bucket, tier), [""; 0], "{bucket:?}");
    }
    let found = problems(&profile(&["default"]), "upload = { if_match = true }");
    assert!(found.len() == 1 && found[0].contains("if_match requires overwrite = true"), "{found:?}");
}

#[test]
fn a_tier_demands_only_checksums_that_the_server_compares() {
    let bucket = BucketProfile { checksums: Some([ChecksumAlgorithm::Md5].into()), ..described() };
    assert_eq!(problems(&bucket, "upload = { checksum = 'md5' }"), [""; 0]);
    let found = problems(&bucket, "upload = { checksum = ['md5', 'sha256', 'crc32'] }");
    assert_eq!(found.len(), 2, "{found:?}");
    for (problem, name) in found.iter().zip(["crc32", "sha256"]) {
        assert!(problem.contains(&format!("tier[0].upload.checksum has \"{name}\"")), "{problem}");
    }
    let none = BucketProfile { checksums: Some(BTreeSet::new()), ..profile(&["default"]) };
    assert_eq!(problems(&none, "upload = { checksum = 'md5' }").len(), 1, "also at AWS, where the operator says so");
}

#[test]
fn what_the_configuration_does_not_say_of_a_server_gives_a_warning() {
    let bucket = BucketProfile { unsigned_headers: Some(UnsignedHeaders::Refused), ..unknown() };
    let found = warnings(&bucket, "upload = { checksum = 'sha256' }");
    let about = |setting: &str| found.iter().filter(|(_, text)| text.ends_with(setting)).count();
    assert_eq!((found.len(), about("conditional_writes"), about("checksums")), (2, 1, 1), "{found:?}");
    assert!(found.iter().all(|(code, _)| *code == WarningCode::ServerNotDescribed), "{found:?}");
    assert_eq!(warnings(&bucket, "upload = { overwrite = true }"), []);
    assert_eq!(warnings(&described(), "upload = { checksum = 'sha256' }"), []);
    assert_eq!(warnings(&profile(&["default"]), "upload = { checksum = 'sha256' }"), []);
}

fn refused(bucket: &BucketProfile, tier: &str, terms: RequestedUpload) -> Vec<&'static str> {
    match upload(&at(bucket, tier).unwrap().policy, &json!({}), "x", terms) {
        Ok(_) => Vec::new(),
        Err(RefusalReason::ObligationsNotMet(violations)) => {
            violations.into_iter().map(|violation| violation.field).collect()
        }
        Err(other) => panic!("{other:?}"),
    }
}

fn tag() -> EntityTag {
    EntityTag::parse("\"x\"").unwrap()
}

fn checksum(algorithm: ChecksumAlgorithm) -> Checksum {
    Checksum::new(algorithm, &[0; 32][..algorithm.byte_length()]).unwrap()
}

#[test]
fn what_a_request_asks_for_and_the_server_does_not_keep_is_refused() {
    let free = "upload = { overwrite = true }";
    let deaf = BucketProfile { conditional_writes: Some(false), ..described() };
    let separate = BucketProfile { separate_upload_credentials: true, ..described() };
    let md5 = BucketProfile { checksums: Some([ChecksumAlgorithm::Md5].into()), ..described() };
    let create_only = RequestedUpload { create_only: Some(true), ..RequestedUpload::default() };
    let if_match = RequestedUpload { if_match: Some(tag()), ..RequestedUpload::default() };
    let with = |algorithm| RequestedUpload { checksum: Some(checksum(algorithm)), ..RequestedUpload::default() };
    let nothing: [&str; 0] = [];
    assert_eq!(refused(&deaf, free, create_only.clone()), ["create_only"]);
    assert_eq!(
        refused(&deaf, free, RequestedUpload { create_only: Some(false), ..RequestedUpload::default() }),
        nothing
    );
    assert_eq!(refused(&deaf, free, if_match.clone()), ["if_match"]);
    assert_eq!(refused(&separate, free, if_match.clone()), ["if_match"]);
    assert_eq!(refused(&separate, free, create_only.clone()), nothing);
    assert_eq!(refused(&described(), free, if_match.clone()), nothing);
    assert_eq!(refused(&described(), "upload = { overwrite = true, if_match = false }", if_match), ["if_match"]);
    assert_eq!(refused(&md5, free, with(ChecksumAlgorithm::Sha256)), ["checksum"]);
    assert_eq!(refused(&md5, free, with(ChecksumAlgorithm::Md5)), nothing);
    assert_eq!(refused(&unknown_but_safe(), free, with(ChecksumAlgorithm::Sha256)), nothing);
    assert_eq!(refused(&described(), free, create_only), nothing);
}

fn unknown_but_safe() -> BucketProfile {
    BucketProfile { unsigned_headers: Some(UnsignedHeaders::Refused), ..unknown() }
}

#[test]
fn a_checksum_is_trusted_where_its_check_is_known() {
    use ChecksumAlgorithm::{Md5, Sha256};
    let md5 = BucketProfile { checksums: Some([Md5].into()), ..described() };
    for (bucket, known) in [(profile(&["default"]), [true; 2]), (unknown(), [false; 2]), (md5, [true, false])] {
        assert_eq!([Md5, Sha256].map(|algorithm| bucket.is_known_to_check(algorithm)), known, "{bucket:?}");
    }
}

#[test]
fn a_key_that_the_server_takes_for_another_is_in_no_tier() {
    let text = "tier = [
            { name = 'open', bucket = 'media', prefix = '', download = {}, upload = {} },
            { name = 'secret', bucket = 'media', prefix = 'secret/', download = {}, upload = {} },
        ]
        grant = [{ tiers = 'open', operations = ['download', 'upload'], to = { authenticated = true } }]";
    let bucket = |takes_backslash_for_slash| BucketProfile { takes_backslash_for_slash, ..described() };
    let policy = |bucket| compile_at(&BTreeMap::from([(media(), bucket)]), &[ISSUER], text).unwrap();
    let [careless, careful] = [false, true].map(|flag| policy(bucket(flag)));
    for key in ["secret\\x", "a\\b", "\\", "a/b\\"] {
        let read = |policy| download(policy, &json!({}), key).err();
        let write = |policy| upload(policy, &json!({}), key, RequestedUpload::default()).err();
        assert_eq!((read(&careless), write(&careless)), (None, None), "{key}");
        let no_tier = || Some(RefusalReason::NoTier);
        assert_eq!((read(&careful), write(&careful)), (no_tier(), no_tier()), "{key}");
    }
    let found = problems(&bucket(true), "upload = {}, include = '*'");
    assert_eq!(found, [""; 0]);
    let text = "tier = [{ name = 't', bucket = 'media', prefix = 'a\\b/', download = {} }]";
    let found = compile_at(&BTreeMap::from([(media(), bucket(true))]), &[ISSUER], text).unwrap_err().to_string();
    assert!(found.contains("tier[0].prefix must not have"), "{found}");
    for key in ["a/b", "a", "%5C"] {
        assert!(download(&careful, &json!({}), key).is_ok(), "{key}");
    }
}

fn any_profile() -> impl Strategy<Value = BucketProfile> {
    let words = option::of(select(vec![UnsignedHeaders::Refused, UnsignedHeaders::Accepted]));
    let checksums = option::of(subsequence(ChecksumAlgorithm::ALL.to_vec(), 0..=6));
    let others = subsequence(vec!["default", "vpce"], 0..=2);
    (others, any::<bool>(), words, option::of(any::<bool>()), checksums).prop_map(
        |(others, separate, unsigned_headers, conditional_writes, checksums)| BucketProfile {
            other_servers: names(&others),
            separate_upload_credentials: separate,
            unsigned_headers,
            conditional_writes,
            checksums: checksums.map(|list| list.into_iter().collect()),
            ..profile(&["default", "vpce"])
        },
    )
}

fn any_terms() -> impl Strategy<Value = RequestedUpload> {
    let condition =
        prop_oneof![Just((None, None)), Just((Some(true), None)), Just((Some(false), None)), Just((None, Some(tag())))];
    (condition, option::of(select(ChecksumAlgorithm::ALL.to_vec()))).prop_map(|((create_only, if_match), algorithm)| {
        RequestedUpload { create_only, if_match, checksum: algorithm.map(checksum), ..RequestedUpload::default() }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_permit_promises_what_the_server_does_not_keep(
        bucket in any_profile(),
        overwrite in any::<bool>(),
        if_match in option::of(any::<bool>()),
        demanded in subsequence(ChecksumAlgorithm::ALL.to_vec(), 0..=2),
        endpoint in option::of(select(vec!["default", "vpce"])),
        terms in any_terms(),
    ) {
        let mut settings = vec![format!("overwrite = {overwrite}")];
        settings.extend(if_match.map(|if_match| format!("if_match = {if_match}")));
        if !demanded.is_empty() {
            let list: Vec<String> = demanded.iter().map(|algorithm| format!("'{algorithm}'")).collect();
            settings.push(format!("checksum = [{}]", list.join(", ")));
        }
        let endpoints = endpoint.map(|name| format!("endpoints = '{name}', ")).unwrap_or_default();
        let tier = format!("{endpoints}upload = {{ {} }}", settings.join(", "));
        let Ok(CompiledPolicy { policy, .. }) = at(&bucket, &tier) else { return Ok(()) };
        let Ok(permit) = upload(&policy, &json!({}), "x", terms) else { return Ok(()) };
        let terms = permit.terms();
        let elsewhere = bucket.other_servers.contains(permit.endpoint());
        prop_assert!(!elsewhere || bucket.separate_upload_credentials || bucket.unsigned_headers.is_some());
        let conditional = terms.create_only || terms.if_match.is_some();
        prop_assert!(!conditional || bucket.conditional_writes != Some(false));
        let reads = !bucket.separate_upload_credentials || bucket.other_servers.is_empty();
        prop_assert!(terms.if_match.is_none() || (reads && if_match != Some(false)));
        prop_assert!(overwrite || terms.create_only);
        if let (Some(checksum), Some(checked)) = (&terms.checksum, &bucket.checksums) {
            prop_assert!(checked.contains(&checksum.algorithm()));
        }
        prop_assert!(demanded.is_empty() || terms.checksum.is_some());
    }
}

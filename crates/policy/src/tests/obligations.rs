//! What tiers demand of downloads and uploads.

use super::*;

fn policy(table: &str) -> Policy {
    compile(&text(table)).unwrap()
}

fn text(table: &str) -> String {
    format!(
        "tier = [{{ name = 't', bucket = 'media', prefix = '', {table} }}]\n\
         grant = [{{ tiers = 't', operations = '{}', to = {{ authenticated = true }} }}]",
        table.split(' ').next().unwrap()
    )
}

fn problems(table: &str) -> String {
    compile(&text(table)).unwrap_err().to_string()
}

fn header(text: &str) -> HeaderText {
    HeaderText::parse(text).unwrap()
}

fn violated<T: std::fmt::Debug>(result: Result<T, RefusalReason>) -> Vec<&'static str> {
    let RefusalReason::ObligationsNotMet(violations) = result.unwrap_err() else {
        panic!("refused for another reason")
    };
    violations.into_iter().map(|violation| violation.field).collect()
}

fn written(policy: &Policy, terms: RequestedUpload) -> Result<PermittedUpload, RefusalReason> {
    upload(policy, &json!({}), "x", terms).map(|permit| permit.terms().clone())
}

fn read_as(
    policy: &Policy,
    overrides: &[(ResponseOverride, &str)],
) -> Result<Vec<(ResponseOverride, String)>, RefusalReason> {
    let response_overrides = overrides.iter().map(|(name, value)| (*name, header(value))).collect();
    let terms = RequestedDownload { response_overrides, ..RequestedDownload::default() };
    let permit = policy.decide_download(&caller(&json!({})), access("x", terms), now());
    let overrides = |permit: Permit<PermittedDownload>| {
        let all = &permit.terms().response_overrides;
        all.iter().map(|(name, value)| (*name, value.as_str().to_owned())).collect()
    };
    permit.map(overrides).map_err(|refusal| refusal.reason)
}

#[test]
fn a_tier_can_have_everything_saved_and_shown_as_no_page() {
    use ResponseOverride::{ContentDisposition, ContentType};
    let policy = policy("download = { disposition = 'attachment', content_type = 'application/octet-stream' }");
    let imposed =
        vec![(ContentDisposition, "attachment".to_owned()), (ContentType, "application/octet-stream".to_owned())];
    assert_eq!(read_as(&policy, &[]), Ok(imposed));
    let named = [(ContentDisposition, "attachment; filename=\"a.html\"")];
    assert_eq!(read_as(&policy, &named).unwrap()[0].1, "attachment; filename=\"a.html\"");
    // A request for what the tier imposes is no contradiction.
    let same = [(ContentDisposition, "attachment"), (ContentType, "application/octet-stream")];
    let same_in_words = same.map(|(name, value)| (name, value.to_owned())).to_vec();
    assert_eq!(read_as(&policy, &same), Ok(same_in_words));
    let contradicting = [(ContentDisposition, "inline"), (ContentType, "text/html")];
    assert_eq!(
        violated(read_as(&policy, &contradicting)),
        ["response_overrides.content_disposition", "response_overrides.content_type"]
    );
}

#[test]
fn what_a_download_table_cannot_mean_is_reported() {
    let problems = problems("download = { disposition = 'inline', content_type = 'image/*', stable_window = '90m' }");
    for problem in [
        "download.disposition must be",
        "download.content_type must be one content type",
        "download.stable_window must be",
    ] {
        assert!(problems.contains(problem), "{problems}");
    }
}

#[test]
fn a_compare_and_swap_needs_a_tier_that_lets_overwrite() {
    let etag = || Some(EntityTag::parse("\"abc\"").unwrap());
    let swap = || RequestedUpload { if_match: etag(), ..RequestedUpload::default() };
    let open = policy("upload = { overwrite = true }");
    assert_eq!(written(&open, swap()).unwrap().if_match, etag());
    assert_eq!(violated(written(&policy("upload = {}"), swap())), ["if_match"]);
    assert_eq!(violated(written(&open, RequestedUpload { create_only: Some(true), ..swap() })), ["if_match"]);
}

#[test]
fn storage_classes_are_those_of_the_tier() {
    let request = |storage_class| RequestedUpload { storage_class, ..RequestedUpload::default() };
    let (standard, archive) = (Some(StorageClass::Standard), Some(StorageClass::GlacierDeepArchive));
    let plain = policy("upload = {}");
    assert!(written(&plain, request(None)).is_ok() && written(&plain, request(standard)).is_ok());
    assert_eq!(violated(written(&plain, request(archive))), ["storage_class"]);
    let cold = policy("upload = { storage_classes = ['DEEP_ARCHIVE'] }");
    assert_eq!(written(&cold, request(archive)).unwrap().storage_class, archive);
    assert_eq!(violated(written(&cold, request(None))), ["storage_class"]);
    assert!(
        problems("upload = { storage_classes = ['COLD'] }")
            .contains("has the unknown storage class \"COLD\"; the storage classes are STANDARD")
    );
}

#[test]
fn tags_are_the_tiers_and_those_that_it_lets_callers_set() {
    let policy = policy("upload = { tags = { origin = 'broker' }, caller_tags = ['team'] }");
    let tagged = |name: &str| {
        let mut tags = ObjectTags::default();
        tags.insert(name, "x").unwrap();
        RequestedUpload { tags, ..RequestedUpload::default() }
    };
    let agreed = written(&policy, tagged("team")).unwrap().tags;
    assert_eq!(agreed.iter().collect::<Vec<_>>(), [("origin", "broker"), ("team", "x")]);
    for name in ["origin", "other", "Team"] {
        assert_eq!(violated(written(&policy, tagged(name))), ["tags"], "{name}");
    }
    let problems = problems("upload = { tags = { 'aws:x' = '1', n = 2, a = 'b' }, caller_tags = ['a', 'x;y'] }");
    for problem in [
        "upload.tags.aws:x must have names",
        "upload.tags.n must be a string",
        "caller_tags has \"a\", which is in tags",
        "caller_tags must have names",
    ] {
        assert!(problems.contains(problem), "{problem} is not in\n{problems}");
    }
    let with = |count: usize| {
        let names: Vec<String> = (0..count).map(|number| format!("'t{number}'")).collect();
        text(&format!("upload = {{ tags = {{ own = 'x' }}, caller_tags = [{}] }}", names.join(", ")))
    };
    assert!(compile(&with(9)).is_ok());
    assert!(compile(&with(10)).unwrap_err().to_string().contains("must not make more than 10 tags"));
}

#[test]
fn metadata_leaves_room_for_the_decision_where_that_is_recorded() {
    let named = |bytes: usize| {
        let value = |length: usize| header(&"v".repeat(length));
        let name = |index: usize| MetadataName::parse(&format!("m{index}")).unwrap();
        let metadata = vec![(name(0), value(1_000)), (name(1), value(bytes - 1_004))];
        RequestedUpload { metadata, ..RequestedUpload::default() }
    };
    let recording = policy("upload = { record_decision = true }");
    assert!(written(&policy("upload = {}"), named(2_028)).is_ok());
    assert!(written(&recording, named(2_048 - 22 - 36)).is_ok());
    assert_eq!(violated(written(&recording, named(2_048 - 22 - 36 + 1))), ["metadata"]);
}

#[test]
fn encryption_is_set_by_the_tier_alone() {
    let table = "upload = { encryption = { algorithm = 'aws:kms', kms_key_id = 'arn:aws:kms:eu-west-1:123456789012:key/k', \
                 context = { tenant = 'a', app = 'b' }, bucket_key = true } }";
    let encryption = written(&policy(table), RequestedUpload::default()).unwrap().encryption.unwrap();
    assert_eq!(encryption.algorithm, EncryptionAlgorithm::Kms);
    // {"app":"b","tenant":"a"}
    assert_eq!(encryption.context.as_ref().unwrap().as_str(), "eyJhcHAiOiJiIiwidGVuYW50IjoiYSJ9");
    let agreed = written(&policy("upload = {}"), RequestedUpload::default()).unwrap();
    assert!(agreed.encryption.is_none() && !agreed.record_decision);
}

#[test]
fn impossible_encryption_is_reported() {
    for (table, problem) in [
        ("kms_key_id = 'k'", "encryption.algorithm is required: AES256"),
        ("algorithm = 'AES256', kms_key_id = 'k'", "encryption.kms_key_id applies only to aws:kms and aws:kms:dsse"),
        ("algorithm = 'AES256', context = { a = 'b' }", "encryption.context applies only to aws:kms"),
        ("algorithm = 'aws:kms:dsse', bucket_key = true", "encryption.bucket_key cannot be combined with aws:kms:dsse"),
        ("algorithm = 'aws:kms', context = { 'aws:s3:arn' = 'x' }", "must not begin with \"aws:\""),
        ("algorithm = 'aws:kms', context = {}", "encryption.context must have at least one pair"),
        ("algorithm = 'rot13'", "encryption.algorithm must be"),
        ("algorithm = 'aws:kms', kms_key_id = 'a\\u00e9'", "encryption.kms_key_id must be 1 to 1,024"),
    ] {
        let text = format!("upload = {{ encryption = {{ {} }} }}", table.replace("'a\\u00e9'", "\"a\\u00e9\""));
        let problems = problems(&text);
        assert!(problems.contains(problem), "{problem} is not in\n{problems}");
    }
}

#[test]
fn verification_is_for_callers_who_may_upload_and_by_decision_if_decisions_are_recorded() {
    let verify = |policy: &Policy, by_decision| {
        let decided = policy.decide_verification(&caller(&json!({})), &object("media", "x"), by_decision);
        decided.map(|permitted| permitted.object.tier().to_string()).map_err(|refusal| refusal.reason)
    };
    let recording = policy("upload = { record_decision = true }");
    assert_eq!(verify(&recording, true), Ok("t".to_owned()));
    let plain = policy("upload = {}");
    assert!(verify(&plain, false).is_ok());
    assert_eq!(violated(verify(&plain, true)), ["decision_id"]);
    assert_eq!(verify(&policy("download = {}"), false), Err(RefusalReason::OperationNotOffered));
}

#[test]
fn content_headers_of_the_tier_are_on_every_upload_and_no_others_may_be() {
    let imposing = policy(
        "upload = { cache_control = 'no-store', content_disposition = 'attachment', content_encoding = 'gzip' }",
    );
    let request = |value: &str| RequestedUpload {
        cache_control: Some(header(value)),
        content_disposition: Some(header(value)),
        content_encoding: Some(header(value)),
        ..RequestedUpload::default()
    };
    let same = RequestedUpload {
        cache_control: Some(header("no-store")),
        content_disposition: Some(header("attachment")),
        content_encoding: Some(header("gzip")),
        ..RequestedUpload::default()
    };
    for terms in [RequestedUpload::default(), same.clone()] {
        let agreed = written(&imposing, terms).unwrap();
        assert_eq!(agreed.cache_control, same.cache_control);
        assert_eq!(agreed.content_disposition, same.content_disposition);
        assert_eq!(agreed.content_encoding, same.content_encoding);
    }
    assert_eq!(
        violated(written(&imposing, request("other"))),
        ["cache_control", "content_disposition", "content_encoding"]
    );
    // Byte for byte.
    assert_eq!(
        violated(written(&imposing, RequestedUpload { cache_control: Some(header("No-Store")), ..same })),
        ["cache_control"]
    );
    let free = written(&policy("upload = {}"), request("other")).unwrap();
    assert_eq!(free.cache_control, Some(header("other")));
    assert_eq!(written(&policy("upload = {}"), RequestedUpload::default()).unwrap().cache_control, None);
}

#[test]
fn content_headers_that_cannot_be_signed_are_reported() {
    let problems = problems(
        "upload = { cache_control = '', content_disposition = 'a  b', content_encoding = 'gzip, AWS-chunked' }",
    );
    for problem in [
        "upload.cache_control must be 1 to 1,024 visible ASCII characters",
        "upload.content_disposition must be 1 to 1,024 visible ASCII characters",
        "upload.content_encoding must not be aws-chunked",
    ] {
        assert!(problems.contains(problem), "{problem} is not in\n{problems}");
    }
}

#[test]
fn what_a_tier_imposes_comes_with_the_permission_to_look() {
    let look = |policy: &Policy| {
        policy.decide_verification(&caller(&json!({})), &object("media", "x"), false).unwrap().imposed
    };
    let plain = look(&policy("upload = {}"));
    assert_eq!((plain.max_size, plain.lets_in_content_type("text/html"), plain.record_decision), (None, None, false));
    assert_eq!(plain.storage_classes, [StorageClass::Standard]);
    assert!(plain.checksums.is_none() && plain.encryption.is_none() && plain.tags.is_empty());
    assert!(ChecksumAlgorithm::ALL.into_iter().all(|algorithm| plain.is_checked_by_server(algorithm)));
    let strict = look(&policy(
        "upload = { max_size = '1KB', content_types = 'image/*', checksum = ['md5', 'sha1'], storage_classes = ['GLACIER'], \
         tags = { a = 'b' }, encryption = { algorithm = 'AES256' }, record_decision = true, cache_control = 'no-store' }",
    ));
    assert_eq!(strict.max_size, Some(1_000));
    assert_eq!(
        ["image/png", "text/html", ""].map(|kind| strict.lets_in_content_type(kind)),
        [Some(true), Some(false), Some(false)]
    );
    assert_eq!(strict.checksums.as_deref(), Some(&[ChecksumAlgorithm::Md5, ChecksumAlgorithm::Sha1][..]));
    assert_eq!(strict.storage_classes, [StorageClass::GlacierFlexibleRetrieval]);
    assert_eq!(strict.tags.iter().collect::<Vec<_>>(), [("a", "b")]);
    assert_eq!(strict.encryption.as_ref().unwrap().algorithm, EncryptionAlgorithm::Aes256);
    assert_eq!(strict.cache_control, Some(header("no-store")));
    assert!(strict.record_decision);
}

#[test]
fn checksums_count_where_the_server_is_known_to_compare_them() {
    let at = |checksums: Option<&[ChecksumAlgorithm]>| {
        let profile = BucketProfile {
            other_servers: BTreeSet::from([EndpointName::default_endpoint()]),
            unsigned_headers: Some(UnsignedHeaders::Refused),
            checksums: checksums.map(|known| known.iter().copied().collect()),
            ..profile(&["default"])
        };
        let text = text("upload = {}");
        let policy = compile_at(&BTreeMap::from([(media(), profile)]), &[ISSUER], &text).unwrap();
        let look = policy.decide_verification(&caller(&json!({})), &object("media", "x"), false).unwrap();
        ChecksumAlgorithm::ALL.map(|algorithm| look.imposed.is_checked_by_server(algorithm))
    };
    assert_eq!(at(None), [false; 6]);
    assert_eq!(at(Some(&[ChecksumAlgorithm::Md5])), [false, false, false, true, false, false]);
}

#[test]
fn a_length_is_let_in_up_to_the_limit_itself() {
    let of = |length| RequestedUpload { content_length: Some(length), ..RequestedUpload::default() };
    let none: [&str; 0] = [];
    for (limit, most) in [("max_size = '1KB'", 1_000), ("max_size = '5368709120B'", 5_368_709_120), ("", 5_368_709_120)]
    {
        let policy = policy(&format!("upload = {{ {limit} }}"));
        assert_eq!(written(&policy, of(most)).map_or_else(|reason| violated::<()>(Err(reason)), |_| vec![]), none);
        assert_eq!(violated(written(&policy, of(most + 1))), ["content_length"], "{limit}");
    }
    assert!(problems("upload = { max_size = '5368709121B' }").contains("max_size must be between"));
}

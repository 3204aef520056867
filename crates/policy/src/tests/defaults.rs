//! `[[defaults]]`: settings for the tiers of a bucket.

use super::*;

const GRANT: &str = "[[grant]]\ntiers = '*'\noperations = 'download'\nto = { authenticated = true }\n";
const WRITERS: &str = "[[grant]]\ntiers = '*'\noperations = 'upload'\nto = { authenticated = true }\n";

fn with(defaults: &str, tier: &str, rules: &str) -> Result<Policy, String> {
    let text = format!(
        "[[defaults]]\nbucket = 'media'\n{defaults}\n[[tier]]\nname = 't'\nbucket = 'media'\nprefix = 't/'\n{tier}\n{rules}"
    );
    compile(&text).map_err(|problems| problems.to_string())
}

/// A download from a tier with these settings.
fn permit(defaults: &str, tier: &str) -> Permit<PermittedDownload> {
    let policy = with(defaults, tier, GRANT).unwrap();
    download(&policy, &json!({}), "t/x").unwrap()
}

#[test]
fn defaults_offer_nothing() {
    let both = "download = { max_ttl = '1h' }\nupload = { max_size = '1MiB' }";
    let problems = with(both, "", "").unwrap_err();
    assert_eq!(problems, "policy.toml:5: tier[0] must have a download or an upload table");
    let policy = with(both, "download = {}", GRANT).unwrap();
    assert_eq!(policy.outline()[0].operations, [Operation::Download]);
    let reason = upload(&policy, &json!({}), "t/x", RequestedUpload::default()).unwrap_err();
    assert_eq!(reason, RefusalReason::OperationNotOffered);
    let policy = with(both, "upload = {}", WRITERS).unwrap();
    assert_eq!(policy.outline()[0].operations, [Operation::Upload]);
    assert_eq!(download(&policy, &json!({}), "t/x").unwrap_err(), RefusalReason::OperationNotOffered);
    // A grant is not of use by them either.
    let problems = with(both, "download = {}", WRITERS).unwrap_err();
    assert!(problems.contains("grants upload, but none of its tiers has the table upload"), "{problems}");
}

#[test]
fn each_setting_of_a_download_table_is_the_tiers_or_else_the_default() {
    let defaults =
        "download = { max_ttl = '10m', default_ttl = '2m', disposition = 'attachment', content_type = 'a/b' }";
    let found = |tier: &str| {
        let permit = permit(defaults, tier);
        let terms = permit.terms().clone();
        (permit.lifetime().ttl.as_secs(), terms)
    };
    let (ttl, terms) = found("download = {}");
    assert_eq!(ttl, 120);
    assert!(format!("{terms:?}").contains("a/b") && format!("{terms:?}").contains("ttachment"), "{terms:?}");
    let (ttl, terms) = found("download = { default_ttl = '3m', content_type = 'c/d' }");
    assert_eq!(ttl, 180);
    assert!(format!("{terms:?}").contains("c/d") && format!("{terms:?}").contains("ttachment"), "{terms:?}");
    // `max_ttl` of each.
    let longest = |tier: &str| {
        let policy = with(defaults, tier, GRANT).unwrap();
        policy.longest_ttl(&media(), Operation::Download).unwrap().as_secs()
    };
    assert_eq!((longest("download = {}"), longest("download = { max_ttl = '5m' }")), (600, 300));
    // Without a default of the file, it is that of the program.
    assert_eq!(permit("download = { max_ttl = '10m' }", "download = {}").lifetime().ttl.as_secs(), 600);
    assert_eq!(permit("", "download = {}").lifetime().ttl.as_secs(), 900);
}

#[test]
fn a_flag_of_the_tier_wins_also_if_it_is_false() {
    let ends = |defaults: &str, tier: &str| {
        let policy = with(defaults, tier, GRANT).unwrap();
        let workload = Caller::from_workload(WorkloadId::parse("spiffe://prod.example/a").unwrap());
        read(&policy, &workload, "t/x").err().map(|refusal| refusal.reason)
    };
    let default = "download = { end_with_token = true }";
    assert_eq!(ends(default, "download = {}"), Some(RefusalReason::TokenEnded));
    assert_eq!(ends(default, "download = { end_with_token = false }"), None);
    assert_eq!(ends("", "download = {}"), None);
    assert_eq!(ends("upload = { end_with_token = true }", "download = {}"), None, "each table for itself");

    let overwrites = |defaults: &str, tier: &str| {
        let policy = with(defaults, tier, WRITERS).unwrap();
        let terms = RequestedUpload { create_only: Some(false), ..RequestedUpload::default() };
        upload(&policy, &json!({}), "t/x", terms).is_ok()
    };
    let default = "upload = { overwrite = true }";
    assert!(overwrites(default, "upload = {}") && overwrites("", "upload = { overwrite = true }"));
    assert!(!overwrites(default, "upload = { overwrite = false }") && !overwrites("", "upload = {}"));

    let records = |tier: &str| {
        let policy = with("upload = { record_decision = true }", tier, WRITERS).unwrap();
        policy.decide_verification(&caller(&json!({})), &object("media", "t/x"), true).is_ok()
    };
    assert!(records("upload = {}") && !records("upload = { record_decision = false }"));
}

#[test]
fn each_setting_of_an_upload_table_is_the_tiers_or_else_the_default() {
    let imposed = |defaults: &str, tier: &str| {
        let policy = with(&format!("upload = {{ {defaults} }}"), &format!("upload = {{ {tier} }}"), WRITERS).unwrap();
        let permitted = policy.decide_verification(&caller(&json!({})), &object("media", "t/x"), false).unwrap();
        let mut text = format!("{:?}", permitted.imposed);
        text.retain(|character| !character.is_whitespace());
        text
    };
    for (setting, other, part, other_part) in [
        ("max_size = '7B'", "max_size = '8B'", "max_size:Some(7)", "max_size:Some(8)"),
        ("content_types = 'a/b'", "content_types = 'c/d'", "a/b", "c/d"),
        ("checksum = 'md5'", "checksum = 'sha1'", "checksums:Some([Md5])", "checksums:Some([Sha1])"),
        (
            "storage_classes = 'GLACIER'",
            "storage_classes = 'STANDARD_IA'",
            "[GlacierFlexibleRetrieval]",
            "[StandardInfrequentAccess]",
        ),
        ("tags = { a = 'b' }", "tags = { c = 'd' }", "\"a\":\"b\"", "\"c\":\"d\""),
        ("encryption = { algorithm = 'AES256' }", "encryption = { algorithm = 'aws:kms' }", "Aes256", "Kms"),
        ("cache_control = 'no-store'", "cache_control = 'private'", "no-store", "private"),
        ("content_disposition = 'inline'", "content_disposition = 'attachment'", "inline", "attachment"),
        ("content_encoding = 'gzip'", "content_encoding = 'br'", "gzip", "br"),
        ("record_decision = true", "record_decision = false", "record_decision:true", "record_decision:false"),
    ] {
        let contains = |text: String, part: &str| {
            assert!(text.contains(part), "{setting}: {part} is not in {text}");
        };
        contains(imposed(setting, ""), part);
        contains(imposed("", setting), part);
        let both = imposed(setting, other);
        assert!(!both.contains(part), "{both}");
        contains(both, other_part);
    }
    // `tags` is one setting.
    assert!(!imposed("tags = { a = 'b' }", "tags = { c = 'd' }").contains("\"a\""));

    let if_match = |defaults: &str, tier: &str| {
        let policy = with(&format!("upload = {{ {defaults} }}"), &format!("upload = {{ {tier} }}"), WRITERS).unwrap();
        let terms = RequestedUpload { if_match: EntityTag::parse("\"a\"").ok(), ..RequestedUpload::default() };
        upload(&policy, &json!({}), "t/x", terms).is_ok()
    };
    assert!(if_match("overwrite = true", "") && if_match("overwrite = true, if_match = false", "if_match = true"));
    assert!(!if_match("overwrite = true, if_match = false", ""));

    let sets_tag = |defaults: &str, tier: &str| {
        let policy = with(&format!("upload = {{ {defaults} }}"), &format!("upload = {{ {tier} }}"), WRITERS).unwrap();
        let mut tags = ObjectTags::default();
        tags.insert("p", "1").unwrap();
        upload(&policy, &json!({}), "t/x", RequestedUpload { tags, ..RequestedUpload::default() }).is_ok()
    };
    assert!(sets_tag("caller_tags = 'p'", "") && sets_tag("caller_tags = 'q'", "caller_tags = 'p'"));
    assert!(!sets_tag("caller_tags = 'p'", "caller_tags = 'q'"));
}

#[test]
fn include_endpoints_and_quota_apply_where_the_tier_has_none() {
    let key_is_in = |defaults: &str, tier: &str, key: &str| {
        let policy = with(defaults, &format!("download = {{}}\n{tier}"), GRANT).unwrap();
        download(&policy, &json!({}), key).is_ok()
    };
    let default = "include = '*.jpg'";
    assert!(key_is_in(default, "", "t/a.jpg") && !key_is_in(default, "", "t/a.png"));
    assert!(!key_is_in(default, "include = '*.png'", "t/a.jpg") && key_is_in(default, "include = '*.png'", "t/a.png"));
    let outline = with(default, "download = {}", "").unwrap().outline()[0].clone();
    assert_eq!(outline.include, ["*.jpg"]);

    let endpoint = |defaults: &str, tier: &str| {
        permit(defaults, &format!("download = {{}}\n{tier}")).endpoint().as_str().to_owned()
    };
    assert_eq!(endpoint("endpoints = ['vpce', 'public']", ""), "vpce");
    assert_eq!(endpoint("endpoints = ['vpce', 'public']", "endpoints = 'public'"), "public");

    let quota = |defaults: &str, tier: &str| {
        let permit = permit(defaults, &format!("download = {{}}\n{tier}"));
        permit.object().quota().map(|quota| (quota.caller, quota.total))
    };
    let rate = |text: &str, burst: u32| Some(RateLimit::parse(text).unwrap().with_burst(burst.try_into().unwrap()));
    let default = "quota = { caller = '5/s', caller_burst = 9, total = '7/m' }";
    assert_eq!(quota(default, ""), Some((rate("5/s", 9), rate("7/m", 7))));
    assert_eq!(quota(default, "quota = {}"), Some((rate("5/s", 9), rate("7/m", 7))));
    assert_eq!(quota(default, "quota = { caller = '2/s' }"), Some((rate("2/s", 2), rate("7/m", 7))));
    assert_eq!(quota(default, "quota = { caller_burst = 3, total = '8/h' }"), Some((rate("5/s", 3), rate("8/h", 8))));
    assert_eq!(quota(default, "quota = { total_burst = 3 }"), Some((rate("5/s", 9), rate("7/m", 3))));
    assert_eq!(quota("quota = { total = '7/m' }", "quota = { total_burst = 3 }"), Some((None, rate("7/m", 3))));
    assert_eq!(quota("", ""), None);
    let problems = with("", "download = {}\nquota = {}", "").unwrap_err();
    assert!(problems.contains("tier[0].quota must have caller, total or both"), "{problems}");
    let problems = with("quota = { total = '7/m' }", "download = {}\nquota = { caller_burst = 3 }", "").unwrap_err();
    assert!(problems.contains("tier[0].quota.caller_burst requires caller to be set"), "{problems}");
    let problems = with("quota = { caller = '7/m' }", "download = {}\nquota = { total_burst = 3 }", "").unwrap_err();
    assert!(problems.contains("tier[0].quota.total_burst requires total to be set"), "{problems}");
}

#[test]
fn only_tiers_of_the_bucket_take_the_defaults() {
    let policy = compile(
        "[[defaults]]\nbucket = 'archive'\ndownload = { default_ttl = '1m' }\n\
         [[defaults]]\nbucket = 'media'\ndownload = { default_ttl = '2m' }\n\
         [[tier]]\nname = 'm'\nbucket = 'media'\nprefix = ''\ndownload = {}\n\
         [[tier]]\nname = 'a'\nbucket = 'archive'\nprefix = ''\ndownload = {}\n\
         [[grant]]\ntiers = '*'\noperations = 'download'\nto = { authenticated = true }\n",
    )
    .unwrap();
    let ttl = |bucket: &str| {
        let request = AccessRequest { object: object(bucket, "x"), ..access("x", RequestedDownload::default()) };
        policy.decide_download(&caller(&json!({})), request, now()).unwrap().lifetime().ttl.as_secs()
    };
    assert_eq!((ttl("media"), ttl("archive")), (120, 60));
}

#[test]
fn the_values_of_defaults_are_checked_once_and_where_they_are() {
    let tiers =
        "download = {}\nupload = {}\n[[tier]]\nname = 'u'\nbucket = 'media'\nprefix = 'u/'\ndownload = {}\nupload = {}";
    for (defaults, expected) in [
        ("download = { max_ttl = '8d' }", "policy.toml:3: defaults[0].download.max_ttl must be between 1s and 7d"),
        (
            "download = { max_ttl = '8d', default_ttl = '2h' }",
            "policy.toml:3: defaults[0].download.max_ttl must be between 1s and 7d",
        ),
        ("upload = { max_size = 'x' }", "policy.toml:3: defaults[0].upload.max_size must be"),
        ("include = '['", "policy.toml:3: defaults[0].include has an invalid glob"),
        (
            "endpoints = 'nowhere'",
            "policy.toml:3: defaults[0].endpoints refers to undefined endpoint \"nowhere\" of bucket \"media\"",
        ),
        ("prefix = 'x/'", "policy.toml:3: defaults[0].prefix is not a known setting"),
        ("upload = { colour = 'x' }", "policy.toml:3: defaults[0].upload.colour is not a known setting"),
        ("quota = { caller_burst = 5 }", "policy.toml:3: defaults[0].quota.caller_burst requires caller to be set"),
        (
            "download = { max_ttl = '1m', default_ttl = '2m' }",
            "policy.toml:3: defaults[0].download.default_ttl must not be longer than max_ttl (1m)",
        ),
        (
            "download = { max_ttl = '1m', stable_window = '1m' }",
            "policy.toml:3: defaults[0].download.stable_window must be shorter than max_ttl (1m)",
        ),
        (
            "download = { stable_window = '1m', end_with_token = true }",
            "policy.toml:3: defaults[0].download.stable_window cannot be combined with end_with_token",
        ),
        (
            "upload = { if_match = true, overwrite = false }",
            "policy.toml:3: defaults[0].upload.if_match requires overwrite = true",
        ),
        (
            "upload = { tags = { a = 'b' }, caller_tags = ['a'] }",
            "policy.toml:3: defaults[0].upload.caller_tags has \"a\", which is in tags",
        ),
        (
            "upload = { caller_tags = ['a','b','c','d','e','f','g','h','i','j','k'] }",
            "policy.toml:3: defaults[0].upload.caller_tags must not make more than 10 tags",
        ),
    ] {
        let problems = with(defaults, tiers, "").unwrap_err();
        assert!(problems.starts_with(expected) && problems.lines().count() == 1, "{expected}\n{problems}");
    }
    for (text, expected) in [
        (
            "[[defaults]]\nbucket = 'nowhere'\n",
            "policy.toml:2: defaults[0].bucket refers to undefined bucket \"nowhere\"",
        ),
        (
            "[[defaults]]\nbucket = 'media'\n[[defaults]]\nbucket = 'media'\n",
            "policy.toml:4: defaults[1].bucket repeats the bucket of another [[defaults]]",
        ),
        ("[[defaults]]\ndownload = {}\n", "policy.toml:1: defaults[0].bucket is required"),
        ("[defaults]\nbucket = 'media'\n", "policy.toml:1: defaults must be written as [[defaults]]"),
    ] {
        let tier = "[[tier]]\nname = 't'\nbucket = 'media'\nprefix = ''\ndownload = {}\n";
        let problems = compile(&format!("{text}{tier}")).unwrap_err().to_string();
        assert_eq!(problems, expected);
    }
}

#[test]
fn what_contradicts_only_in_a_tier_is_reported_there_and_names_the_defaults() {
    for (defaults, tier, expected) in [
        (
            "download = { default_ttl = '30m' }",
            "download = {\nmax_ttl = '10m' }",
            "policy.toml:8: tier[0].download.default_ttl must not be longer than max_ttl (10m); default_ttl is from defaults[0]",
        ),
        (
            "download = { max_ttl = '10m' }",
            "download = {\ndefault_ttl = '30m' }",
            "policy.toml:9: tier[0].download.default_ttl must not be longer than max_ttl (10m); max_ttl is from defaults[0]",
        ),
        (
            "download = { default_ttl = '2h' }",
            "download = {}",
            "policy.toml:8: tier[0].download.default_ttl must not be longer than max_ttl (1h); default_ttl is from defaults[0]",
        ),
        (
            "download = { stable_window = '30m' }",
            "download = { end_with_token = true }",
            "policy.toml:8: tier[0].download.stable_window cannot be combined with end_with_token = true: tokens of different callers expire at different times, so their URLs differ; stable_window is from defaults[0]",
        ),
        (
            "download = { end_with_token = true }",
            "download = { stable_window = '30m' }",
            "policy.toml:8: tier[0].download.stable_window cannot be combined with end_with_token = true: tokens of different callers expire at different times, so their URLs differ; end_with_token is from defaults[0]",
        ),
        (
            "download = { stable_window = '2h' }",
            "download = {}",
            "policy.toml:8: tier[0].download.stable_window must be shorter than max_ttl (1h); stable_window is from defaults[0]",
        ),
        (
            "upload = { if_match = true }",
            "upload = {}",
            "policy.toml:8: tier[0].upload.if_match requires overwrite = true; if_match is from defaults[0]",
        ),
        (
            "upload = { overwrite = false }",
            "upload = {\nif_match = true }",
            "policy.toml:9: tier[0].upload.if_match requires overwrite = true; overwrite is from defaults[0]",
        ),
        (
            "upload = { tags = { a = 'b' } }",
            "upload = { caller_tags = ['x',\n'a'] }",
            "policy.toml:9: tier[0].upload.caller_tags has \"a\", which is in tags; tags is from defaults[0]",
        ),
        (
            "upload = { caller_tags = ['x', 'a'] }",
            "upload = { tags = { a = 'b' } }",
            "policy.toml:8: tier[0].upload.caller_tags has \"a\", which is in tags; caller_tags is from defaults[0]",
        ),
        (
            "upload = { tags = { a = 'b' } }",
            "upload = { caller_tags = ['1','2','3','4','5','6','7','8','9','10'] }",
            "policy.toml:8: tier[0].upload.caller_tags must not make more than 10 tags together with tags; tags is from defaults[0]",
        ),
    ] {
        assert_eq!(with(defaults, tier, "").map(drop).unwrap_err(), expected);
    }
    // What a tier changes does not contradict.
    for (defaults, tier) in [
        ("download = { default_ttl = '2h' }", "download = { max_ttl = '3h' }"),
        ("download = { stable_window = '30m' }", "download = { end_with_token = false }"),
        ("upload = { if_match = true }", "upload = { overwrite = true }"),
        ("download = { default_ttl = '2h' }", "upload = {}"),
    ] {
        assert!(with(defaults, tier, "").is_ok(), "{defaults} {tier}");
    }
}

#[test]
fn an_include_of_the_defaults_does_not_tell_tiers_apart() {
    let two = "download = {}\n[[tier]]\nname = 'u'\nbucket = 'media'\nprefix = 't/'\ndownload = {}\n";
    let problems = with("include = '*.a'", two, "").unwrap_err();
    let rule =
        "tier[1].include has \"*.a\" like tier \"t\": two tiers include the same keys; include is from defaults[0]";
    assert_eq!(problems, format!("policy.toml:12: {rule}"));
    let other = format!("include = '*.b'\n{two}");
    assert!(with("include = '*.a'", &other, "").is_ok());
    // An invalid glob of the tier does not make room for the default.
    let problems = with("include = '*.a'", &format!("include = '['\n{two}"), "").unwrap_err();
    assert!(problems.contains("tier[0].include has an invalid glob") && problems.lines().count() == 1, "{problems}");
}

#[test]
fn what_a_server_does_not_keep_is_reported_where_it_is_said() {
    let buckets = BTreeMap::from([(
        media(),
        BucketProfile {
            conditional_writes: Some(false),
            checksums: Some([ChecksumAlgorithm::Md5].into()),
            unsigned_headers: Some(UnsignedHeaders::Refused),
            other_servers: profile(&["default"]).endpoints,
            ..profile(&["default"])
        },
    )]);
    let problems = |defaults: &str, tier: &str| {
        let text = format!(
            "[[defaults]]\nbucket = 'media'\nupload = {{ {defaults} }}\n[[tier]]\nname = 't'\nbucket = 'media'\nprefix = 't/'\n\
             upload = {{ {tier} }}\n"
        );
        compile_at(&buckets, &[ISSUER], &text).map_or_else(|problems| problems.to_string(), |_| String::new())
    };
    assert_eq!(problems("overwrite = true, checksum = 'md5'", ""), "");
    assert_eq!(problems("", "overwrite = true, checksum = 'md5'"), "");
    let rule = "must be true, because the server always overwrites: conditional_writes is false for bucket \"media\"";
    assert_eq!(problems("", ""), format!("policy.toml:8: tier[0].upload.overwrite {rule}"));
    assert_eq!(problems("overwrite = false", ""), format!("policy.toml:3: defaults[0].upload.overwrite {rule}"));
    assert_eq!(
        problems("overwrite = true", "overwrite = false"),
        format!("policy.toml:8: tier[0].upload.overwrite {rule}")
    );
    let rule = "has \"sha1\", which is not one of the checksums of bucket \"media\": its server compares md5";
    assert_eq!(
        problems("overwrite = true, checksum = 'sha1'", ""),
        format!("policy.toml:3: defaults[0].upload.checksum {rule}")
    );
    let rule = "must not be true: conditional_writes is false for bucket \"media\"";
    assert_eq!(
        problems("overwrite = true, if_match = true", ""),
        format!("policy.toml:3: defaults[0].upload.if_match {rule}")
    );
}

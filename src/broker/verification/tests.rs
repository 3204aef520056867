use access_broker_base::document::Variables;
use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::broker::tests::{asking, media, object};
use access_broker_policy::{
    BucketProfile, Checksum, ChecksumAlgorithm, EndpointName, EntityTag, ImposedOnUploads, MetadataName, ObjectTags,
    Policy, PolicyContext, StorageClass, UnsignedHeaders,
};
use access_broker_s3::storage::{InspectionScope, StoredMetadata};

const KEY: &str = "arn:aws:kms:eu-west-1:123456789012:key/1234";
const TAG: &str = "\"07070707070707070707070707070707\"";
const OTHER_TAG: &str = "\"08080808080808080808080808080808\"";
const ID: &str = "01a20bb6-e4b3-71d8-9fbd-9a6623fb817d";

/// A tier in a bucket at AWS, or at a server without known properties.
fn imposed(upload: &str, at_aws: bool) -> Arc<ImposedOnUploads> {
    let mut profile = BucketProfile::at_aws([EndpointName::default_endpoint()]);
    if !at_aws {
        profile.other_servers = profile.endpoints.clone();
        profile.unsigned_headers = Some(UnsignedHeaders::Accepted);
    }
    let buckets = BTreeMap::from([(media(), profile)]);
    let (issuers, trust_domains) = (BTreeSet::new(), BTreeSet::new());
    let context = PolicyContext {
        buckets: &buckets,
        issuers: &issuers,
        trust_domains: &trust_domains,
        variables: &Variables::None,
        members: None,
    };
    let text = format!(
        "tier = [{{ name = 't', bucket = 'media', prefix = '', upload = {{ {upload} }} }}]\n\
         grant = [{{ tiers = 't', operations = 'upload', to = {{ authenticated = true }} }}]"
    );
    let policy = Policy::parse("policy.toml", &text, &context).unwrap();
    policy.decide_verification(&asking().caller, &object(), false).unwrap().imposed
}

fn text(text: &str) -> HeaderText {
    HeaderText::parse(text).unwrap()
}

fn checksum(algorithm: ChecksumAlgorithm, byte: u8) -> Checksum {
    Checksum::new(algorithm, &vec![byte; algorithm.byte_length()]).unwrap()
}

fn tags(pairs: &[(&str, &str)]) -> ObjectTags {
    let mut tags = ObjectTags::default();
    for (name, value) in pairs {
        tags.insert(name, value).unwrap();
    }
    tags
}

fn owned(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// What differs and what could not be compared.
fn compared(expected: &Expectations, imposed: &ImposedOnUploads, object: &StoredObject) -> [Vec<&'static str>; 2] {
    let findings = expected.compared_with(object, imposed);
    [Comparison::Differs, Comparison::Unknown].map(|kind| findings.names(kind))
}

fn assert_compares(
    expected: &Expectations,
    imposed: &ImposedOnUploads,
    object: &StoredObject,
    [differing, unknown]: [&[&str]; 2],
    what: &str,
) {
    assert_eq!(compared(expected, imposed, object), [differing.to_vec(), unknown.to_vec()], "{what}");
}

/// Every expectation that a request can have.
fn promise() -> Expectations {
    Expectations {
        decision_id: DecisionId::parse(ID),
        content_length: Some(5),
        content_type: Some(text("image/jpeg")),
        checksum: Some(checksum(ChecksumAlgorithm::Sha256, 7)),
        etag: EntityTag::parse(TAG).ok(),
        metadata: vec![(MetadataName::parse("a").unwrap(), text("1")), (MetadataName::parse("b").unwrap(), text("2"))],
        content_disposition: Some(text("attachment")),
        content_encoding: Some(text("gzip")),
        cache_control: Some(text("no-store")),
        tags: tags(&[("team", "x")]),
        storage_class: Some(StorageClass::StandardInfrequentAccess),
        nothing_else: true,
    }
}

/// A tier that imposes everything that a tier can.
const STRICT: &str = "max_size = '10B', content_types = 'image/*', checksum = ['sha256', 'md5'], \
     storage_classes = ['STANDARD', 'STANDARD_IA'], tags = { origin = 'broker' }, caller_tags = 'team', \
     encryption = { algorithm = 'aws:kms', kms_key_id = 'arn:aws:kms:eu-west-1:123456789012:key/1234', bucket_key = true }, \
     cache_control = 'no-store', content_disposition = 'attachment', content_encoding = 'gzip', record_decision = true";

/// What an upload of that promise in that tier stores.
fn stored() -> StoredObject {
    StoredObject {
        size: Some(5),
        etag: TAG.to_owned(),
        content_type: Some("image/jpeg".to_owned()),
        checksums: vec![checksum(ChecksumAlgorithm::Sha256, 7)],
        encryption: Some("aws:kms".to_owned()),
        kms_key_id: Some(KEY.to_owned()),
        bucket_key: true,
        named_storage_class: Some("STANDARD_IA".to_owned()),
        metadata: StoredMetadata { entries: owned(&[("a", "1"), ("b", "2")]), is_cut: false },
        cache_control: Some("no-store".to_owned()),
        content_disposition: Some("attachment".to_owned()),
        content_encoding: Some("gzip".to_owned()),
        decision_id: Some(ID.to_owned()),
        tags: Some(owned(&[("origin", "broker"), ("team", "x")])),
        ..StoredObject::default()
    }
}

/// A change to the stored object, with the names of what then differs and of what cannot be compared.
type Deviation = (fn(&mut StoredObject), [&'static [&'static str]; 2]);

/// Deviations from both the request and the tier.
const OF_BOTH: [Deviation; 33] = [
    (|_| {}, [&[], &[]]),
    (|stored| stored.size = Some(11), [&["content_length"], &[]]),
    (|stored| stored.size = None, [&[], &["content_length"]]),
    (|stored| stored.content_type = Some("text/html".to_owned()), [&["content_type"], &[]]),
    (|stored| stored.content_type = None, [&["content_type"], &[]]),
    (|stored| stored.checksums.clear(), [&[], &["checksum"]]),
    (|stored| stored.decision_id = None, [&["decision_id"], &[]]),
    (|stored| stored.decision_id = Some("x".to_owned()), [&["decision_id"], &[]]),
    (|stored| stored.decision_id = Some(ID.to_uppercase()), [&["decision_id"], &[]]),
    (|stored| stored.cache_control = Some("No-Store".to_owned()), [&["cache_control"], &[]]),
    (|stored| stored.cache_control = None, [&["cache_control"], &[]]),
    (|stored| stored.content_disposition = Some("inline".to_owned()), [&["content_disposition"], &[]]),
    (|stored| stored.content_disposition = None, [&["content_disposition"], &[]]),
    (|stored| stored.content_encoding = Some("gzip, gzip".to_owned()), [&["content_encoding"], &[]]),
    (|stored| stored.content_encoding = None, [&["content_encoding"], &[]]),
    (|stored| stored.tags = None, [&[], &["tags"]]),
    (|stored| stored.tags = Some(owned(&[("team", "x")])), [&["tags"], &[]]),
    (|stored| stored.tags = Some(owned(&[("origin", "me"), ("team", "x")])), [&["tags"], &[]]),
    (|stored| stored.tags = Some(BTreeMap::new()), [&["tags"], &[]]),
    (|stored| stored.named_storage_class = Some("GLACIER".to_owned()), [&["storage_class"], &[]]),
    (|stored| stored.named_storage_class = Some("standard_ia".to_owned()), [&["storage_class"], &[]]),
    (|stored| stored.named_storage_class = Some("COLD".to_owned()), [&["storage_class"], &[]]),
    (|stored| stored.encryption = None, [&["encryption"], &[]]),
    (|stored| stored.encryption = Some("AES256".to_owned()), [&["encryption"], &[]]),
    (|stored| stored.encryption = Some("aws:kms:dsse".to_owned()), [&["encryption"], &[]]),
    (|stored| stored.kms_key_id = None, [&[], &["kms_key_id"]]),
    (|stored| (stored.encryption, stored.kms_key_id) = (None, None), [&["encryption", "kms_key_id"], &[]]),
    (|stored| stored.kms_key_id = Some("1234".to_owned()), [&[], &[]]),
    (|stored| stored.kms_key_id = Some("5678".to_owned()), [&["kms_key_id"], &[]]),
    (|stored| stored.bucket_key = false, [&["bucket_key"], &[]]),
    (|stored| stored.version_id = Some("x".to_owned()), [&[], &[]]),
    (|stored| stored.etag = "07070707070707070707070707070707".to_owned(), [&[], &[]]),
    (
        |stored| *stored = StoredObject::default(),
        [
            &[
                "decision_id",
                "content_type",
                "content_disposition",
                "content_encoding",
                "cache_control",
                "encryption",
                "kms_key_id",
                "bucket_key",
            ],
            &["content_length", "checksum", "tags"],
        ],
    ),
];

#[test]
fn what_a_tier_imposes_is_compared_whether_a_caller_states_it_or_not() {
    let imposed = imposed(STRICT, true);
    for (index, (deviate, names)) in OF_BOTH.into_iter().enumerate() {
        let mut object = stored();
        deviate(&mut object);
        assert_compares(&Expectations::default(), &imposed, &object, names, &format!("deviation {index}"));
    }
}

/// Deviations from the request alone.
const OF_PROMISE: [Deviation; 20] = [
    (|stored| stored.size = Some(4), [&["content_length"], &[]]),
    (|stored| stored.content_type = Some("image/png".to_owned()), [&["content_type"], &[]]),
    (|stored| stored.checksums = vec![checksum(ChecksumAlgorithm::Sha256, 8)], [&["checksum"], &[]]),
    (|stored| stored.etag = OTHER_TAG.to_owned(), [&["etag"], &["checksum"]]),
    (|stored| stored.decision_id = Some(ID.replace("01a2", "01a3")), [&["decision_id"], &[]]),
    (|stored| drop(stored.metadata.entries.remove("a")), [&["metadata"], &[]]),
    (|stored| stored.metadata.entries = owned(&[("a", "1"), ("b", "3")]), [&["metadata"], &[]]),
    (|stored| stored.metadata.entries = owned(&[("a", "1"), ("b", "2"), ("c", "3")]), [&["metadata"], &[]]),
    (|stored| stored.metadata.is_cut = true, [&["metadata"], &[]]),
    (|stored| stored.tags = Some(owned(&[("origin", "broker")])), [&["tags"], &[]]),
    (|stored| stored.tags = Some(owned(&[("origin", "broker"), ("team", "y")])), [&["tags"], &[]]),
    (|stored| stored.tags = Some(owned(&[("a", "b"), ("origin", "broker"), ("team", "x")])), [&["tags"], &[]]),
    (|stored| stored.named_storage_class = None, [&["storage_class"], &[]]),
    (|stored| stored.named_storage_class = Some("STANDARD".to_owned()), [&["storage_class"], &[]]),
    (|stored| stored.content_language = Some("de".to_owned()), [&["content_language"], &[]]),
    (|stored| stored.expires = Some("0".to_owned()), [&["expires"], &[]]),
    (|stored| stored.website_redirect_location = Some("/".to_owned()), [&["website_redirect_location"], &[]]),
    (|stored| stored.content_encoding = Some("br".to_owned()), [&["content_encoding"], &[]]),
    (|stored| stored.content_disposition = Some("inline".to_owned()), [&["content_disposition"], &[]]),
    (|stored| stored.cache_control = Some("public".to_owned()), [&["cache_control"], &[]]),
];

#[test]
fn what_was_promised_is_compared_with_and_without_a_tier_that_imposes_it() {
    let lenient = "storage_classes = ['STANDARD_IA', 'STANDARD', 'GLACIER'], tags = { origin = 'broker' }, \
                   caller_tags = 'team', record_decision = true";
    for (tier, what) in [(STRICT, "strict"), (lenient, "lenient")] {
        let imposed = imposed(tier, true);
        assert_compares(&promise(), &imposed, &stored(), [&[], &[]], what);
        for (index, (deviate, names)) in OF_PROMISE.into_iter().enumerate() {
            let mut object = stored();
            deviate(&mut object);
            assert_compares(&promise(), &imposed, &object, names, &format!("deviation {index}, {what}"));
        }
    }
}

/// Something that is stored and neither expected nor imposed, and its name.
type Addition = (fn(&mut StoredObject), &'static str);

const MORE: [Addition; 11] = [
    (|stored| stored.metadata.entries = owned(&[("x", "y")]), "metadata"),
    (|stored| stored.tags = Some(owned(&[("x", "y")])), "tags"),
    (|stored| stored.cache_control = Some("public".to_owned()), "cache_control"),
    (|stored| stored.content_disposition = Some("inline".to_owned()), "content_disposition"),
    (|stored| stored.content_encoding = Some("gzip".to_owned()), "content_encoding"),
    (|stored| stored.content_language = Some("de".to_owned()), "content_language"),
    (|stored| stored.expires = Some("never".to_owned()), "expires"),
    (|stored| stored.website_redirect_location = Some("/".to_owned()), "website_redirect_location"),
    (|stored| stored.decision_id = Some(ID.to_owned()), "decision_id"),
    (|stored| stored.metadata.entries = owned(&[("access-broker-other", "x")]), "metadata"),
    (|stored| stored.legal_hold = true, "object_lock"),
];

#[test]
fn more_than_was_promised_is_named_where_nothing_else_may_be_there() {
    let imposed = imposed("", true);
    let (open, closed) = (Expectations::default(), Expectations { nothing_else: true, ..Expectations::default() });
    let nothing = StoredObject { tags: Some(BTreeMap::new()), ..StoredObject::default() };
    assert_compares(&closed, &imposed, &nothing, [&[], &[]], "nothing");
    for (deviate, name) in MORE {
        let mut object = nothing.clone();
        deviate(&mut object);
        assert_compares(&open, &imposed, &object, [&[], &[]], name);
        assert_compares(&closed, &imposed, &object, [&[name], &[]], name);
    }
    assert_compares(&closed, &imposed, &StoredObject::default(), [&[], &["tags"]], "tags that S3 does not return");
    let kept = StoredObject { object_lock_mode: Some("COMPLIANCE".to_owned()), ..nothing };
    assert_compares(&open, &imposed, &kept, [&[], &[]], "a retention");
    assert_compares(&closed, &imposed, &kept, [&[], &["object_lock"]], "a retention, which may be the bucket's own");
}

#[test]
fn without_it_more_metadata_and_tags_may_be_there() {
    let imposed = imposed("caller_tags = 'team'", true);
    let promise =
        Expectations { tags: tags(&[("team", "x")]), metadata: promise().metadata, ..Expectations::default() };
    let mut object = StoredObject { tags: Some(owned(&[("team", "x"), ("y", "z")])), ..StoredObject::default() };
    object.metadata.entries = owned(&[("a", "1"), ("b", "2"), ("c", "3")]);
    assert_compares(&promise, &imposed, &object, [&[], &[]], "more");
    object.metadata = StoredMetadata { entries: owned(&[("a", "1")]), is_cut: true };
    assert_compares(&promise, &imposed, &object, [&[], &["metadata"]], "b may be among what is cut");
    object.metadata = StoredMetadata { entries: owned(&[("a", "2")]), is_cut: true };
    assert_compares(&promise, &imposed, &object, [&["metadata"], &[]], "a is another");
}

#[test]
fn tags_are_compared_only_if_they_matter() {
    let (plain, tagging) = (imposed("caller_tags = 'team'", true), imposed("tags = { a = 'b' }", true));
    let scope = |expected: &Expectations, imposed: &ImposedOnUploads| expected.inspection_scope(imposed);
    let nothing = Expectations::default();
    assert_eq!(scope(&nothing, &plain), InspectionScope::Headers);
    assert_eq!(scope(&nothing, &tagging), InspectionScope::HeadersAndTags);
    assert_eq!(
        scope(&Expectations { tags: tags(&[("team", "x")]), ..nothing.clone() }, &plain),
        InspectionScope::HeadersAndTags
    );
    assert_eq!(scope(&Expectations { nothing_else: true, ..nothing }, &plain), InspectionScope::HeadersAndTags);
}

/// What a server returns of the expected checksum.
#[derive(Debug, Clone, Copy)]
enum Returned {
    Equal,
    Other,
    Absent,
}

/// What the entity tag says of it: for MD5 by itself, for others by the tag that the caller knows from the upload.
#[derive(Debug, Clone, Copy)]
enum Tag {
    Agrees,
    Contradicts,
    SaysNothing,
}

#[test]
fn a_checksum_holds_where_the_server_checks_it_or_the_tag_proves_it() {
    use ChecksumAlgorithm::{Crc32, Crc32c, Crc64Nvme, Md5, Sha1, Sha256};
    use Comparison::{Differs, Holds, Unknown};
    let others = [Crc32, Crc32c, Crc64Nvme, Sha1, Sha256];
    let md5 = [Md5];
    let (checking, unknown_server) = (imposed("", true), imposed("", false));
    for (algorithms, returned, tag, verifying, not_verifying) in [
        (&md5[..], Returned::Equal, Tag::Agrees, Holds, Holds),
        (&md5, Returned::Equal, Tag::Contradicts, Unknown, Unknown),
        (&md5, Returned::Equal, Tag::SaysNothing, Holds, Unknown),
        (&md5, Returned::Other, Tag::Agrees, Differs, Differs),
        (&md5, Returned::Other, Tag::Contradicts, Differs, Differs),
        (&md5, Returned::Other, Tag::SaysNothing, Differs, Differs),
        (&md5, Returned::Absent, Tag::Agrees, Holds, Holds),
        (&md5, Returned::Absent, Tag::Contradicts, Differs, Unknown),
        (&md5, Returned::Absent, Tag::SaysNothing, Unknown, Unknown),
        (&others, Returned::Equal, Tag::Agrees, Holds, Unknown),
        (&others, Returned::Equal, Tag::Contradicts, Unknown, Unknown),
        (&others, Returned::Equal, Tag::SaysNothing, Holds, Unknown),
        (&others, Returned::Other, Tag::Agrees, Differs, Differs),
        (&others, Returned::Other, Tag::Contradicts, Differs, Differs),
        (&others, Returned::Other, Tag::SaysNothing, Differs, Differs),
        (&others, Returned::Absent, Tag::Agrees, Unknown, Unknown),
        (&others, Returned::Absent, Tag::Contradicts, Unknown, Unknown),
        (&others, Returned::Absent, Tag::SaysNothing, Unknown, Unknown),
    ] {
        for algorithm in algorithms {
            let checksums = match returned {
                Returned::Equal => vec![checksum(*algorithm, 7)],
                Returned::Other => vec![checksum(*algorithm, 8)],
                Returned::Absent => Vec::new(),
            };
            let etag = match tag {
                Tag::Agrees => TAG,
                Tag::Contradicts => OTHER_TAG,
                Tag::SaysNothing => "\"07070707070707070707070707070707-2\"",
            };
            let states_tag = *algorithm != Md5 && !matches!(tag, Tag::SaysNothing);
            let expected = Expectations {
                checksum: Some(checksum(*algorithm, 7)),
                etag: states_tag.then(|| EntityTag::parse(TAG).unwrap()),
                ..Expectations::default()
            };
            let object = StoredObject { checksums, etag: etag.to_owned(), ..StoredObject::default() };
            for (imposed, outcome) in [(&checking, verifying), (&unknown_server, not_verifying)] {
                let findings = expected.compared_with(&object, imposed);
                let found = [Holds, Unknown, Differs].map(|kind| findings.names(kind).contains(&"checksum"));
                let wanted = [Holds, Unknown, Differs].map(|kind| kind == outcome);
                assert_eq!(found, wanted, "{algorithm} {returned:?} {tag:?} {outcome:?}");
            }
        }
    }
}

fn md5_promise() -> Expectations {
    Expectations { checksum: Some(checksum(ChecksumAlgorithm::Md5, 7)), ..Expectations::default() }
}

#[test]
fn the_tag_of_what_kms_encrypts_contradicts_nothing() {
    let imposed = imposed("", true);
    for (encryption, names) in [
        (None, [&["checksum"][..], &[]]),
        (Some("AES256"), [&["checksum"], &[]]),
        (Some("aws:kms"), [&[], &["checksum"]]),
        (Some("aws:kms:dsse"), [&[], &["checksum"]]),
        (Some("aws:fsx"), [&[], &["checksum"]]),
    ] {
        let encryption = encryption.map(str::to_owned);
        let object = StoredObject { etag: OTHER_TAG.to_owned(), encryption, ..StoredObject::default() };
        assert_compares(&md5_promise(), &imposed, &object, names, &format!("{:?}", object.encryption));
        // Such a tag does not contradict a checksum that the server returns and has verified.
        let returned = StoredObject { checksums: vec![checksum(ChecksumAlgorithm::Md5, 7)], ..object };
        let names: [&[&str]; 2] = if names[0].is_empty() { [&[], &[]] } else { [&[], &["checksum"]] };
        assert_compares(&md5_promise(), &imposed, &returned, names, &format!("{:?}", returned.encryption));
    }
}

#[test]
fn tags_of_another_form_are_no_md5() {
    let imposed = imposed("", true);
    for (etag, names) in [
        (TAG, [&[][..], &[][..]]),
        ("07070707070707070707070707070707", [&[], &[]]),
        ("", [&[], &["checksum"]]),
        ("\"0707070707070707070707070707070\"", [&[], &["checksum"]]),
        ("\"070707070707070707070707070707070\"", [&[], &["checksum"]]),
        ("\"+7070707070707070707070707070707\"", [&[], &["checksum"]]),
        ("\"0707070707070707070707070707070x\"", [&[], &["checksum"]]),
        ("W/\"07070707070707070707070707070707\"", [&[], &["checksum"]]),
        (OTHER_TAG, [&["checksum"], &[]]),
    ] {
        let object = StoredObject { etag: etag.to_owned(), ..StoredObject::default() };
        assert_compares(&md5_promise(), &imposed, &object, names, etag);
    }
    let hex = Checksum::new(ChecksumAlgorithm::Md5, &[0xAB; 16]).unwrap();
    let object = StoredObject { etag: format!("\"{}\"", "aB".repeat(16)), ..StoredObject::default() };
    let promise = Expectations { checksum: Some(hex), ..Expectations::default() };
    assert_compares(&promise, &imposed, &object, [&[], &[]], "capitals");
}

#[test]
fn a_server_that_contradicts_itself_proves_nothing() {
    let imposed = imposed("", true);
    let promise = Expectations { checksum: Some(checksum(ChecksumAlgorithm::Sha256, 7)), ..Expectations::default() };
    let both = |md5| vec![checksum(ChecksumAlgorithm::Sha256, 7), checksum(ChecksumAlgorithm::Md5, md5)];
    for (md5, encryption, names) in
        [(7, None, [&[][..], &[][..]]), (8, None, [&[], &["checksum"]]), (8, Some("aws:kms"), [&[], &[]])]
    {
        let encryption = encryption.map(str::to_owned);
        let object = StoredObject { checksums: both(md5), etag: TAG.to_owned(), encryption, ..StoredObject::default() };
        assert_compares(&promise, &imposed, &object, names, &format!("{md5} {:?}", object.encryption));
    }
}

#[test]
fn where_a_tier_demands_a_checksum_there_must_be_one_that_counts() {
    use ChecksumAlgorithm::{Crc32, Md5, Sha256};
    let demanding = ["checksum = ['sha256', 'crc32']", "checksum = 'md5'"];
    let opaque = "\"x\"";
    for (demanded, at_aws, returned, etag, is_known) in [
        (demanding[0], true, Some(Sha256), opaque, true),
        (demanding[0], true, Some(Crc32), opaque, true),
        (demanding[0], true, Some(Md5), opaque, false),
        (demanding[0], true, None, TAG, false),
        (demanding[0], false, Some(Sha256), opaque, false),
        (demanding[1], true, None, TAG, true),
        (demanding[1], false, None, TAG, true),
        (demanding[1], true, None, opaque, false),
        (demanding[1], true, Some(Md5), opaque, true),
        (demanding[1], false, Some(Md5), opaque, false),
        (demanding[1], true, Some(Md5), OTHER_TAG, false),
        (demanding[1], true, Some(Sha256), opaque, false),
    ] {
        let imposed = imposed(demanded, at_aws);
        let checksums = returned.map(|algorithm| checksum(algorithm, 7)).into_iter().collect();
        let object = StoredObject { checksums, etag: etag.to_owned(), ..StoredObject::default() };
        let names: [&[&str]; 2] = if is_known { [&[], &[]] } else { [&[], &["checksum"]] };
        let what = format!("{demanded} {at_aws} {returned:?} {etag}");
        assert_compares(&Expectations::default(), &imposed, &object, names, &what);
    }
    // Another algorithm proves the content, but the tier requires its own.
    let object = StoredObject { etag: TAG.to_owned(), ..StoredObject::default() };
    assert_compares(&md5_promise(), &imposed(demanding[0], true), &object, [&[], &["checksum"]], "another kind");
    assert_compares(&md5_promise(), &imposed(demanding[1], true), &object, [&[], &[]], "that kind");
}

#[test]
fn a_decision_is_any_where_none_is_stated() {
    let (recording, plain) = (imposed("record_decision = true", true), imposed("", true));
    let object = |id: &str| StoredObject { decision_id: Some(id.to_owned()), ..StoredObject::default() };
    let any = DecisionId::generate().to_string();
    assert_compares(&Expectations::default(), &recording, &object(&any), [&[], &[]], "any");
    assert_compares(&Expectations::default(), &recording, &object("me"), [&["decision_id"], &[]], "none");
    assert_compares(&Expectations::default(), &plain, &StoredObject::default(), [&[], &[]], "not recorded");
}

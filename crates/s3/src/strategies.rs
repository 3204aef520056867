//! Arbitrary valid values for property tests.

use std::sync::Arc;

use aws_credential_types::Credentials;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use access_broker_policy::{
    Checksum, ChecksumAlgorithm, Encryption, EncryptionAlgorithm, EntityTag, HeaderText, MAX_OBJECT_KEY_BYTES,
    MetadataName, ObjectKey, ObjectTags, PermittedDownload, PermittedUpload, ResponseOverride, StorageClass,
};

const NASTY: &str = " +=&%~'\"`!*();:@$,?#[]{}|\\^<>-._é\u{301}\u{AD}\u{200D}🦀👩‍🔬אبΩ\u{202E}\u{FEFF}\u{FFFD}";

/// Keys with characters that encoders often get wrong, scripts, and combining marks, up to the full length.
pub(super) fn object_key() -> impl Strategy<Value = ObjectKey> {
    let character = prop_oneof![
        3 => select(NASTY.chars().collect::<Vec<_>>()),
        3 => proptest::char::range('a', 'z'),
        1 => any::<char>(),
    ];
    let segment = vec(character, 1..200).prop_map(|characters| characters.into_iter().collect::<String>());
    vec(segment, 1..8).prop_filter_map("no valid key", |segments| {
        let joined = segments.join("/");
        let mut text = String::new();
        for character in joined.chars().take_while(|character| !character.is_control()) {
            if text.len() + character.len_utf8() > MAX_OBJECT_KEY_BYTES {
                break;
            }
            text.push(character);
        }
        // The SDK refuses keys that are only white space.
        ObjectKey::parse(text.trim_matches('/')).ok().filter(|key| !key.as_str().trim().is_empty())
    })
}

pub(super) fn region() -> impl Strategy<Value = String> {
    let known = select(vec!["us-east-1", "eu-west-3", "ap-southeast-4", "cn-north-1", "us-gov-west-1", "aws-global"]);
    prop_oneof![known.prop_map(str::to_owned), "[a-z]{2}-[a-z]{4,9}-[1-9]"]
}

pub(super) fn credentials() -> impl Strategy<Value = Credentials> {
    ("[!-~]{1,30}", "[!-~]{1,100}", option::of("[!-~]{1,800}"))
        .prop_map(|(id, secret, token)| Credentials::new(id, secret, token, None, "test"))
}

/// Any second from 1970 to 2100.
pub(super) fn unix_seconds() -> impl Strategy<Value = u64> {
    0..4_102_444_800_u64
}

pub(super) fn header_text() -> impl Strategy<Value = HeaderText> {
    "[!-~]( ?[!-~]){0,60}".prop_map(|text| HeaderText::parse(&text).unwrap())
}

pub(super) fn response_overrides() -> impl Strategy<Value = Vec<(ResponseOverride, HeaderText)>> {
    use ResponseOverride::{CacheControl, ContentDisposition, ContentEncoding, ContentLanguage, ContentType, Expires};
    let names = vec![CacheControl, ContentDisposition, ContentEncoding, ContentLanguage, ContentType, Expires];
    let chosen = subsequence(names, 0..=6).prop_shuffle();
    (chosen, vec(header_text(), 6)).prop_map(|(names, values)| {
        // The SDK has `Expires` as a time.
        let date = HeaderText::parse("Fri, 24 May 2013 00:00:00 GMT").unwrap();
        let value = |name, text| if name == Expires { date.clone() } else { text };
        names.into_iter().zip(values).map(|(name, text)| (name, value(name, text))).collect()
    })
}

pub(super) fn download_terms() -> impl Strategy<Value = PermittedDownload> {
    (option::of(header_text()), response_overrides())
        .prop_map(|(version_id, response_overrides)| PermittedDownload { version_id, response_overrides })
}

pub(super) fn checksum() -> impl Strategy<Value = Checksum> {
    (select(ChecksumAlgorithm::ALL.to_vec()), any::<[u8; 32]>())
        .prop_map(|(algorithm, bytes)| Checksum::new(algorithm, &bytes[..algorithm.byte_length()]).unwrap())
}

pub(super) fn upload_terms() -> impl Strategy<Value = PermittedUpload> {
    let text = || option::of(header_text());
    let metadata = btree_map("[a-z0-9._-]{1,20}", header_text(), 0..6);
    let lengths = option::of(0..=u64::try_from(i64::MAX).unwrap());
    let texts = (text(), text(), text(), text(), metadata);
    let bindings = (lengths, option::of(checksum()), any::<bool>(), option::of(entity_tag()));
    let storage = (object_tags(), option::of(select(StorageClass::ALL.to_vec())), option::of(encryption()));
    (texts, bindings, storage).prop_map(|(texts, bindings, storage)| {
        let (content_type, cache_control, content_disposition, content_encoding, metadata) = texts;
        let (content_length, checksum, create_only, if_match) = bindings;
        let (tags, storage_class, encryption) = storage;
        let metadata = metadata.into_iter().filter_map(|(name, value)| Some((MetadataName::parse(&name).ok()?, value)));
        PermittedUpload {
            content_type,
            content_length,
            checksum,
            create_only,
            if_match,
            cache_control,
            content_disposition,
            content_encoding,
            metadata: metadata.collect(),
            tags,
            storage_class,
            encryption: encryption.map(Arc::new),
            record_decision: false,
        }
    })
}

fn entity_tag() -> impl Strategy<Value = EntityTag> {
    "[!#-~]{1,40}".prop_filter_map("no tag", |tag| EntityTag::parse(&format!("\"{tag}\"")).ok())
}

fn object_tags() -> impl Strategy<Value = ObjectTags> {
    btree_map("[a-zé +=._:/@-]{1,20}", "[a-zß0-9 +=._:/@-]{0,30}", 0..10).prop_map(|pairs| {
        let mut tags = ObjectTags::default();
        for (name, value) in pairs.iter().filter(|(name, _)| !name.starts_with("aws:")) {
            tags.insert(name, value).unwrap();
        }
        tags
    })
}

fn encryption() -> impl Strategy<Value = Encryption> {
    use EncryptionAlgorithm::{Aes256, Kms, KmsDualLayer};
    let text = || option::of(header_text());
    (select(vec![Aes256, Kms, KmsDualLayer]), text(), text(), option::of(any::<bool>())).prop_map(
        |(algorithm, kms_key_id, context, bucket_key)| Encryption { algorithm, kms_key_id, context, bucket_key },
    )
}

/// Header values as a client may send them: also with spaces around them and runs of spaces inside.
pub(super) fn raw_header_value() -> impl Strategy<Value = String> {
    "[ -~]{0,40}"
}

//! Settings about the server of a bucket, and about the credentials for uploads.

use super::bucket::ServerTraits;
use super::*;
use access_broker_policy::{ChecksumAlgorithm, UnsignedHeaders};
use access_broker_s3::EntityTagForm;

/// Two key pairs, and a third entry with the keys of the first.
const KEYS: &str = "
[[credentials]]
name = 'reader'
access_key_id_env = 'A'
secret_access_key_env = 'B'
[[credentials]]
name = 'writer'
access_key_id_env = 'C'
secret_access_key_env = 'D'
[[credentials]]
name = 'reader-again'
access_key_id_env = 'A'
secret_access_key_env = 'E'
";

fn bucket(settings: &str) -> BucketSettings {
    parse(&format!("{GOOD}{settings}\n{KEYS}")).unwrap_or_else(|problems| panic!("{problems}")).buckets.remove(0)
}

fn problem(settings: &str) -> String {
    let problems = parse(&format!("{GOOD}{settings}\n{KEYS}")).unwrap_err().to_string();
    assert_eq!(problems.lines().count(), 1, "{problems}");
    problems
}

#[test]
fn by_default_a_server_is_like_aws_and_the_same_credentials_sign_everything() {
    let bucket = bucket("");
    assert_eq!((bucket.credentials.name(), &bucket.upload_credentials), ("default-chain", &None));
    let ServerTraits { unsigned_headers, conditional_writes, etag_form, checksums, backslash_in_keys } =
        bucket.server.clone();
    assert_eq!((unsigned_headers, conditional_writes, etag_form), (None, None, EntityTagForm::Quoted));
    assert_eq!((checksums, backslash_in_keys), (None, true));
    assert!(bucket.profile().other_servers.is_empty() && !bucket.profile().separate_upload_credentials);
}

#[test]
fn every_trait_of_a_server_can_be_set() {
    let bucket = bucket(
        "endpoint = 'https://s3.example.com'\ncredentials = 'reader'\nupload_credentials = 'writer'\n\
         unsigned_headers = 'accepted'\nconditional_writes = false\netag_form = 'bare'\nchecksums = ['md5', 'sha256']\n\
         backslash_in_keys = false",
    );
    let profile = bucket.profile();
    assert_eq!(bucket.signers().map(CredentialsSettings::name).collect::<Vec<_>>(), ["reader", "writer"]);
    assert_eq!(bucket.server.etag_form, EntityTagForm::Bare);
    assert_eq!(profile.other_servers, profile.endpoints);
    assert!(profile.separate_upload_credentials && profile.takes_backslash_for_slash);
    assert_eq!((profile.unsigned_headers, profile.conditional_writes), (Some(UnsignedHeaders::Accepted), Some(false)));
    assert_eq!(profile.checksums, Some([ChecksumAlgorithm::Md5, ChecksumAlgorithm::Sha256].into()));
    let none = self::bucket("checksums = []").server.checksums;
    assert_eq!(none, Some(BTreeSet::new()), "an empty list is not an absent one");
}

#[test]
fn uploads_require_another_access_key() {
    for settings in [
        "credentials = 'reader'\nupload_credentials = 'reader'",
        "credentials = 'reader'\nupload_credentials = 'reader-again'",
        "upload_credentials = 'default-chain'",
        "credentials = 'default-chain'\nupload_credentials = 'default-chain'",
    ] {
        let found = problem(settings);
        assert!(
            found.contains("bucket[0].upload_credentials uses the access key that reads bucket \"media\""),
            "{found}"
        );
    }
    let second = "upload_credentials = 'writer'\n[[bucket]]\nname = 'b'\ns3_bucket = 'example'\nregion = 'eu-west-1'\n\
                  credentials = 'writer'";
    let found = problem(second);
    assert!(found.contains("bucket[0].upload_credentials uses the access key that reads bucket \"b\""), "{found}");
    assert!(problem("upload_credentials = 'absent'").contains("refers to undefined credentials \"absent\""));
    let mixed = bucket("credentials = 'reader'\nupload_credentials = 'default-chain'");
    assert_eq!(mixed.signers().map(CredentialsSettings::name).collect::<Vec<_>>(), ["reader", "default-chain"]);
    assert_eq!(bucket("upload_credentials = 'writer'").credentials, CredentialsSettings::DefaultChain);
}

#[test]
fn an_unknown_word_is_a_problem() {
    for (settings, part) in [
        ("unsigned_headers = 'ignored'", "bucket[0].unsigned_headers must be"),
        ("etag_form = 'weak'", "bucket[0].etag_form must be"),
        ("conditional_writes = 'no'", "bucket[0].conditional_writes must be true or false"),
        ("checksums = ['sha512']", "bucket[0].checksums has invalid algorithm \"sha512\"; must be crc32,"),
    ] {
        assert!(problem(settings).contains(part), "{settings}: {}", problem(settings));
    }
}

#[test]
fn a_vpc_endpoint_is_at_aws_and_an_instance_is_not() {
    let at_aws = |endpoint: &str| {
        bucket(&format!("endpoint = '{endpoint}'\naddressing = 'path'")).profile().other_servers.is_empty()
    };
    assert!(at_aws("https://bucket.vpce-1a2b3c4d-5e6f.s3.eu-central-1.vpce.amazonaws.com"));
    assert!(!at_aws("http://ec2-203-0-113-25.compute-1.amazonaws.com:9000"));
}

#[test]
fn a_named_endpoint_can_be_another_server() {
    let bucket = bucket(
        "[[bucket.named_endpoint]]\nname = 'inside'\nendpoint = 'http://s3.storage.svc:9000'\n\
         [[bucket.named_endpoint]]\nname = 'fips'\nfips = true\n",
    );
    let others: Vec<String> = bucket.profile().other_servers.iter().map(ToString::to_string).collect();
    assert_eq!(others, ["inside"]);
}

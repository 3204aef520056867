//! Each kind of warning, and configurations close to it that have none.

use std::path::Path;

use super::*;
use access_broker_base::document::testing::{assert_none, assert_one};
use access_broker_base::document::{Location, Overrides, Variables, WarningCode};
use access_broker_identity::PlainHttp;

/// A configuration with these listeners, settings of its issuer and settings of its bucket, and what follows.
struct Parts<'t> {
    top: &'t str,
    issuer: &'t str,
    bucket: &'t str,
    rest: &'t str,
}

const PLAIN: Parts<'_> = Parts {
    top: "",
    issuer: "issuer = 'https://login.example'\naudiences = 'a'",
    bucket: "s3_bucket = 'pictures'\nregion = 'eu-central-1'",
    rest: "",
};

fn text(Parts { top, issuer, bucket, rest }: &Parts<'_>) -> String {
    format!("{top}\n[policy]\nfile = 'p'\n[[issuer]]\n{issuer}\n[[bucket]]\nname = 'media'\n{bucket}\n{rest}\n")
}

fn parse(parts: &Parts<'_>, overrides: Overrides, read_secret: ReadSecret<'_>) -> Vec<(WarningCode, String)> {
    let text = text(parts);
    let directory = Path::new("/etc");
    let config =
        Config::parse_with("c", &text, directory, overrides, PlainHttp::Refused, &Variables::None, read_secret);
    let config = config.unwrap_or_else(|problems| panic!("{problems}\nin:\n{text}"));
    config.warnings.lines().collect()
}

fn warnings_of(parts: &Parts<'_>) -> Vec<(WarningCode, String)> {
    parse(parts, Overrides::new(), &|_| None)
}

#[test]
fn a_plain_configuration_has_no_warnings() {
    assert_none(&warnings_of(&PLAIN));
}

#[test]
fn unsigned_headers_are_reported_at_every_start() {
    let bucket = |more: &str| {
        let location = "s3_bucket = 'pictures'\nregion = 'default'\nendpoint = 'https://s3.example.com'";
        format!("{location}\nunsigned_headers = {more}")
    };
    let keys = "[[credentials]]\nname = 'w'\naccess_key_id_env = 'A'\nsecret_access_key_env = 'B'";
    let found = warnings_of(&Parts { bucket: &bucket("'accepted'"), ..PLAIN });
    assert_one(
        &found,
        WarningCode::UnsignedHeadersAccepted,
        &["c:12: bucket[0].unsigned_headers", "can read every object"],
    );
    let separate = bucket("'accepted'\nupload_credentials = 'w'");
    let found = warnings_of(&Parts { bucket: &separate, rest: keys, ..PLAIN });
    assert_one(&found, WarningCode::UnsignedHeadersAccepted, &["bucket[0].unsigned_headers", "can publish"]);
    assert!(!found[0].1.contains("read every object"), "{found:?}");
    assert_none(&warnings_of(&Parts { bucket: &bucket("'refused'"), ..PLAIN }));
}

#[test]
fn plaintext_that_other_machines_can_reach_is_reported() {
    let server = |address: &str| format!("[server]\ngrpc_addr = '{address}'");
    for address in ["0.0.0.0:1", "[::]:1", "10.0.0.7:1", "192.0.2.1:1"] {
        let found = warnings_of(&Parts { top: &server(address), ..PLAIN });
        assert_one(&found, WarningCode::PlaintextListener, &["c:2: server.grpc_addr", address, "without TLS"]);
    }
    assert_none(&warnings_of(&Parts { top: &server("127.0.0.1:1"), ..PLAIN }));
    assert_none(&warnings_of(&Parts { top: &server("[::1]:1"), ..PLAIN }));
    assert_none(&warnings_of(&Parts { top: &server("[::ffff:127.0.0.1]:1"), ..PLAIN }));
    let listener = |rest: &str| format!("[[listener]]\naddress = '0.0.0.0:1'\n{rest}");
    let found = warnings_of(&Parts { top: &listener("proof = 'token'"), ..PLAIN });
    assert_one(&found, WarningCode::PlaintextListener, &["c:2: listener[0].address"]);
    let tls = "proof = 'token'\ntls_certificate_file = 'c'\ntls_private_key_file = 'k'";
    assert_none(&warnings_of(&Parts { top: &listener(tls), ..PLAIN }));
    let mesh = "proof = 'token+mesh-header'\ntrust_domain = 'a.example'\nmesh_header = 'l5d-client-id'\n\
                trusted_hop = 'loopback'";
    assert_none(&warnings_of(&Parts { top: &listener(mesh), ..PLAIN }));
}

#[test]
fn a_warning_about_a_flag_names_the_flag() {
    let location = Location::Flag("--grpc-addr".to_owned());
    let overrides = Overrides::from([("server.grpc_addr".to_owned(), (location, "0.0.0.0:1".to_owned()))]);
    let found = parse(&PLAIN, overrides, &|_| None);
    assert_one(&found, WarningCode::PlaintextListener, &["flag --grpc-addr: server.grpc_addr is 0.0.0.0:1"]);
}

#[test]
fn a_public_admin_address_is_reported() {
    let server = |address: &str| format!("[server]\nadmin_addr = '{address}'");
    for address in ["192.0.2.1:1", "[2001:db8::1]:1"] {
        let found = warnings_of(&Parts { top: &server(address), ..PLAIN });
        assert_one(&found, WarningCode::PublicAdminAddress, &["c:2: server.admin_addr", address]);
    }
    for address in ["0.0.0.0:1", "10.1.2.3:1", "[fd00::1]:1", "127.0.0.1:1", "100.64.0.1:1"] {
        assert_none(&warnings_of(&Parts { top: &server(address), ..PLAIN }));
    }
}

#[test]
fn brackets_in_an_issuer_are_reported() {
    let of = |issuer: &str| warnings_of(&Parts { issuer, ..PLAIN });
    let found = of("issuer = 'https://login.microsoftonline.com/{tenantid}/v2.0'\naudiences = 'a'");
    assert_one(&found, WarningCode::IssuerPlaceholder, &["c:5: issuer[0].issuer", "{tenantid}"]);
    let found = of("issuer = 'https://login.example'\naudiences = ['a', '$${CLIENT_ID}']");
    assert_one(&found, WarningCode::IssuerPlaceholder, &["c:6: issuer[0].audiences"]);
    let found = of("issuer = 'https://a.example'\naudiences = 'a'\njwks_url = 'https://a.example/<pool>/keys'");
    assert_one(&found, WarningCode::IssuerPlaceholder, &["c:7: issuer[0].jwks_url has a placeholder in brackets; "]);
    let found = of("issuer = 'https://login.microsoftonline.com/common/v2.0'\naudiences = 'a'");
    assert_one(&found, WarningCode::IssuerPlaceholder, &["c:5: issuer[0].issuer has \"common\""]);
    let tenant = "issuer = 'https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0'";
    assert_none(&of(&format!("{tenant}\naudiences = 'a'")));
}

#[test]
fn the_place_of_a_tenant_is_reported_only_without_tenants() {
    let of = |issuer: &str| warnings_of(&Parts { issuer, ..PLAIN });
    let entra = "issuer = 'https://login.microsoftonline.com/{tid}/v2.0'\naudiences = 'a'\n\
                 jwks_url = 'https://login.microsoftonline.com/{tid}/discovery/v2.0/keys'";
    let found = of(entra);
    assert_eq!(found.iter().filter(|(code, _)| *code == WarningCode::IssuerPlaceholder).count(), 2, "{found:?}");
    let tenants = format!("{entra}\ntenants = ['a', 'b', 'c']");
    assert_none(&of(&tenants));
    let found = of(&tenants.replace("keys'", "keys/<x>'"));
    assert_one(&found, WarningCode::IssuerPlaceholder, &["issuer[0].jwks_url"]);
    let found = of(&tenants.replace("'a'", "'{tid}'").replacen("['{tid}'", "['a'", 1));
    assert_one(&found, WarningCode::IssuerPlaceholder, &["issuer[0].audiences", "{tid}"]);
    // The tables after it are judged by their own settings.
    let second = format!(
        "{tenants}\n[[issuer]]\nissuer = 'https://sts.windows.net/1/'\naudiences = 'a'\ntrust_email = true\n\
         [[issuer]]\nissuer = 'https://login.example'\naudiences = 'a'"
    );
    assert_one(&of(&second), WarningCode::ChangeableEmailTrusted, &["issuer[1].trust_email"]);
    let trusting = format!("{tenants}\ntrust_email = true");
    assert_one(&of(&trusting), WarningCode::ChangeableEmailTrusted, &["issuer[0].trust_email"]);
    let found = of("issuer = 'https://login.microsoftonline.com/common/v2.0'\naudiences = 'a'");
    assert_one(&found, WarningCode::IssuerPlaceholder, &["tenants = [\"ID\"]", "{tid} in issuer"]);
}

#[test]
fn paths_in_the_names_of_claims_are_reported() {
    let of = |setting: &str| warnings_of(&Parts { issuer: &format!("{}\n{setting}", PLAIN.issuer), ..PLAIN });
    let found = of("groups_claim = 'realm_access.roles'");
    let advice = "for a claim inside another write \"/realm_access/roles\"";
    assert_one(&found, WarningCode::DottedClaim, &["c:7: issuer[0].groups_claim", "\"realm_access.roles\"", advice]);
    let found = of("groups_claim = ['groups', 'app_metadata.role', '/realm_access/roles', '/kubernetes.io/namespace']");
    assert_one(&found, WarningCode::DottedClaim, &["c:7: issuer[0].groups_claim", "app_metadata.role"]);
    assert_one(&of("subject_claim = ['sub', 'user.id']"), WarningCode::DottedClaim, &["issuer[0].subject_claim"]);
    assert_one(&of("audience_claim = 'ext.client'"), WarningCode::DottedClaim, &["issuer[0].audience_claim"]);
    assert_one(&of("scopes_claim = 'a.b'"), WarningCode::DottedClaim, &["c:7: issuer[0].scopes_claim"]);
    assert_one(&of("required_claims = ['a.b', 'sub']"), WarningCode::DottedClaim, &["c:7: issuer[0].required_claims"]);
    assert_none(&of("groups_claim = 'https://example.com/roles'"));
}

#[test]
fn trusted_emails_of_entra_are_reported() {
    let of = |issuer: &str, trust: bool| {
        let issuer = format!("issuer = '{issuer}'\naudiences = 'a'\ntrust_email = {trust}");
        warnings_of(&Parts { issuer: &issuer, ..PLAIN })
    };
    for issuer in ["https://login.microsoftonline.com/1/v2.0", "https://sts.windows.net/1/", "https://a.b2clogin.com/1"]
    {
        let found = of(issuer, true);
        assert_one(&found, WarningCode::ChangeableEmailTrusted, &["c:7: issuer[0].trust_email"]);
        assert_none(&of(issuer, false));
    }
    assert_none(&of("https://login.example", true));
    assert_none(&of("https://b2clogin.com.example", true));
}

#[test]
fn an_issuer_without_a_listener_for_tokens_is_reported() {
    let top = "[[listener]]\naddress = '127.0.0.1:1'\nproof = 'mesh-header'\ntrust_domain = 'a.example'\n\
               mesh_header = 'l5d-client-id'\ntrusted_hop = 'loopback'";
    let found = warnings_of(&Parts { top, ..PLAIN });
    assert_one(&found, WarningCode::UnusedIssuer, &["c:10: issuer[0].issuer has no effect"]);
}

#[test]
fn a_bucket_that_is_twice_in_its_urls_is_reported() {
    let of = |endpoint: &str| {
        let bucket = format!("s3_bucket = 'pictures'\nregion = 'eu-central-1'\n{endpoint}");
        warnings_of(&Parts { bucket: &bucket, ..PLAIN })
    };
    for (endpoint, url) in [
        ("endpoint = 'https://pictures.s3.eu-central-1.amazonaws.com'", ".amazonaws.com/pictures/;"),
        ("endpoint = 'https://pictures.fra1.cdn.example/'", "https://pictures.fra1.cdn.example/pictures/;"),
        ("endpoint = 'https://s3.example/pictures'", "https://s3.example/pictures/pictures/;"),
        (
            "endpoint = 'https://pictures.s3.example'\naddressing = 'virtual-host'",
            "https://pictures.pictures.s3.example/;",
        ),
    ] {
        assert_one(&of(endpoint), WarningCode::BucketTwice, &["c:11: bucket[0].endpoint", url]);
    }
    for endpoint in
        ["https://s3.example", "http://pictures:9000", "https://pictures.local", "https://pictures2.s3.example"]
    {
        assert_none(&of(&format!("endpoint = '{endpoint}'")));
    }
    let found = of("[[bucket.named_endpoint]]\nname = 'b'\nendpoint = 'https://pictures.s3.example'");
    assert_one(&found, WarningCode::BucketTwice, &["c:13: bucket[0].named_endpoint[0].endpoint"]);
}

#[test]
fn an_unknown_region_is_reported() {
    let of = |rest: &str| warnings_of(&Parts { bucket: &format!("s3_bucket = 'pictures'\n{rest}"), ..PLAIN });
    let found = of("region = 'eu-centrl-1'");
    assert_one(&found, WarningCode::UnknownRegion, &["c:10: bucket[0].region", "did you mean \"eu-central-1\"?"]);
    assert_one(&of("region = 'garage'"), WarningCode::UnknownRegion, &["set endpoint for another S3 server"]);
    assert_none(&of("region = 'garage'\nendpoint = 'https://garage.example'"));
    assert_none(&of("region = 'us-gov-west-1'"));
}

const KEYS: &str = "[[credentials]]\nname = 'k'\naccess_key_id_file = 'id'\nsecret_access_key_env = 'SECRET'";

fn with_keys(endpoint: &str, id: &'static str, secret: &'static str) -> Vec<(WarningCode, String)> {
    let bucket = format!("s3_bucket = 'pictures'\nregion = 'eu-central-1'\ncredentials = 'k'\n{endpoint}");
    let found = parse(&Parts { bucket: &bucket, rest: KEYS, ..PLAIN }, Overrides::new(), &|source| {
        let text = match source {
            SecretSource::File(path) if path == Path::new("/etc/id") => id,
            SecretSource::EnvironmentVariable(name) if name == "SECRET" => secret,
            _ => return None,
        };
        Some(Zeroizing::new(text.to_owned()))
    });
    for (_, line) in &found {
        assert!(!line.contains("AKIA") && !line.contains("hunter2"), "a part of a key is in: {line}");
    }
    found
}

#[test]
fn malformed_access_keys_are_reported_without_a_part_of_them() {
    const ID: &str = "AKIAEXAMPLEEXAMPLE11\n";
    assert_none(&with_keys("", ID, "hunter2hunter2"));
    let found = with_keys("", "\"AKIAEXAMPLEEXAMPLE11\"\n", "hunter2hunter2");
    assert_one(
        &found,
        WarningCode::AccessKeyQuoted,
        &["c:15: credentials[0].access_key_id_file names /etc/id", "quotes"],
    );
    let found = with_keys("", ID, "'hunter2hunter2'");
    assert_one(&found, WarningCode::AccessKeyQuoted, &["credentials[0].secret_access_key_env", "SECRET"]);
    let found = with_keys("", "aws_access_key_id = AKIAEXAMPLEEXAMPLE11", "hunter2hunter2");
    assert_one(&found, WarningCode::AccessKeyMalformed, &["white space inside"]);
    assert_one(
        &with_keys("", "AKIAshort", "hunter2hunter2"),
        WarningCode::AccessKeyMalformed,
        &["is not an access key id of AWS"],
    );
    // Other servers have ids of other forms.
    assert_none(&with_keys("endpoint = 'https://minio.example'", "minioadmin", "hunter2hunter2"));
}

#[test]
fn quotes_in_the_variables_of_the_default_chain_are_reported() {
    let found = parse(&PLAIN, Overrides::new(), &|source| {
        let is_id = *source == SecretSource::EnvironmentVariable("AWS_ACCESS_KEY_ID".to_owned());
        is_id.then(|| Zeroizing::new("\"AKIAEXAMPLEEXAMPLE11\"".to_owned()))
    });
    assert_one(&found, WarningCode::AccessKeyQuoted, &["environment variable AWS_ACCESS_KEY_ID: is in quotes"]);
    assert!(!found[0].1.contains("AKIA"));
}

#[test]
fn credentials_that_no_bucket_uses_are_reported() {
    let found = warnings_of(&Parts { rest: KEYS, ..PLAIN });
    assert_one(&found, WarningCode::UnusedCredentials, &["c:12: credentials[0].name"]);
}

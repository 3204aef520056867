use std::time::Duration;

use super::{GOOD, parse, sole_problem, tcp};
use crate::calls::Protocols;
use crate::config::{ListenAddress, ListenerSettings, TlsSettings};
use access_broker_identity::{
    AcceptedProof, HeaderElements, MeshHeader, TrustDomain, TrustedHop, WorkloadProof, WorkloadSource,
};

fn with_listeners(listeners: &str) -> String {
    format!("{GOOD}\n{listeners}")
}

fn listeners(text: &str) -> Vec<ListenerSettings> {
    parse(&with_listeners(text)).unwrap_or_else(|problems| panic!("{problems}\nin:\n{text}")).listeners
}

#[test]
fn a_listener_has_an_address_and_a_proof() {
    let found = listeners(
        r#"
[[listener]]
address = "0.0.0.0:50051"
proof = "token+mtls"
trust_domain = "prod.example"
tls_certificate_file = "tls/tls.crt"
tls_private_key_file = "/tls/tls.key"
tls_client_ca_file = "tls/ca.crt"

[[listener]]
address = "unix:broker.sock"
unix_mode = "0600"
proof = "mesh-header"
trust_domain = "cluster.local"
mesh_header = "l5d-client-id"
trusted_hop = ["uid:2102", "uid:0"]

[[listener]]
address = "127.0.0.1:0"
proof = "token"

[[listener]]
address = "127.0.0.1:0"
proof = "token+mesh-header"
trust_domain = "prod.example"
mesh_header = "x-forwarded-client-cert"
trusted_hop = "loopback"

[[listener]]
address = "0.0.0.0:50052"
proof = "mesh-header"
trust_domain = "prod.example"
mesh_header = "x-forwarded-client-cert"
mesh_header_elements = "one"
trusted_hop = "pod"

[[listener]]
address = "[::]:50053"
proof = "mesh-header"
trust_domain = "prod.example"
mesh_header = "x-forwarded-client-cert"
mesh_header_elements = "last"
trusted_hop = ["pod"]
"#,
    );
    let tls = TlsSettings {
        certificate_file: "/etc/access-broker/tls/tls.crt".into(),
        private_key_file: "/tls/tls.key".into(),
        client_ca_file: Some("/etc/access-broker/tls/ca.crt".into()),
        reload_interval: Duration::from_secs(10),
    };
    let workload = |domain: &str, source| WorkloadProof { trust_domain: TrustDomain::parse(domain).unwrap(), source };
    let by_elements = |header, hop, elements| WorkloadSource::MeshHeader { header, hop, elements };
    let by_header = |header, hop| by_elements(header, hop, HeaderElements::Last);
    let xfcc = MeshHeader::XForwardedClientCert;
    assert_eq!(
        found,
        [
            ListenerSettings {
                address: tcp("0.0.0.0:50051"),
                proof: AcceptedProof::TokenAndWorkload(workload("prod.example", WorkloadSource::ClientCertificate)),
                tls: Some(tls),
                protocols: Protocols::GRPC,
            },
            ListenerSettings {
                address: ListenAddress::Unix { path: "/etc/access-broker/broker.sock".into(), mode: 0o600 },
                proof: AcceptedProof::Workload(workload(
                    "cluster.local",
                    by_header(MeshHeader::L5dClientId, TrustedHop::UnixUser(vec![2_102, 0])),
                )),
                tls: None,
                protocols: Protocols::GRPC,
            },
            ListenerSettings {
                address: tcp("127.0.0.1:0"),
                proof: AcceptedProof::Token,
                tls: None,
                protocols: Protocols::ALL
            },
            ListenerSettings {
                address: tcp("127.0.0.1:0"),
                proof: AcceptedProof::TokenAndWorkload(
                    workload("prod.example", by_header(xfcc, TrustedHop::Loopback),)
                ),
                tls: None,
                protocols: Protocols::GRPC,
            },
            ListenerSettings {
                address: tcp("0.0.0.0:50052"),
                proof: AcceptedProof::Workload(workload(
                    "prod.example",
                    by_elements(xfcc, TrustedHop::Pod, HeaderElements::One),
                )),
                tls: None,
                protocols: Protocols::GRPC,
            },
            ListenerSettings {
                address: tcp("[::]:50053"),
                proof: AcceptedProof::Workload(workload("prod.example", by_header(xfcc, TrustedHop::Pod))),
                tls: None,
                protocols: Protocols::GRPC,
            },
        ]
    );
}

#[test]
fn a_listener_that_would_prove_nothing_is_refused() {
    const TLS: &str = "tls_certificate_file = 'c'\ntls_private_key_file = 'k'\n";
    let cases = [
        ("address = '127.0.0.1:1'".to_owned(), "listener[0].proof is required"),
        ("proof = 'token'".to_owned(), "listener[0].address is required"),
        ("address = 'localhost:1'\nproof = 'token'".to_owned(), "listener[0].address must be an IP address and a port"),
        ("address = 'unix:'\nproof = 'token'".to_owned(), "listener[0].address must be an IP address and a port"),
        (
            "address = '127.0.0.1:1'\nproof = 'token'\nunix_mode = '0600'".to_owned(),
            "unix_mode applies only to a Unix domain socket",
        ),
        ("address = 'unix:a'\nproof = 'token'\nunix_mode = '8'".to_owned(), "must be permissions in octal"),
        (format!("address = 'unix:a'\nproof = 'token'\n{TLS}"), "cannot be combined with a Unix domain socket"),
        ("address = '127.0.0.1:1'\nproof = 'none'".to_owned(), "proof must be one of: token, mtls, mesh-header,"),
        (
            "address = '127.0.0.1:1'\nproof = 'token'\ntrust_domain = 'a'".to_owned(),
            "trust_domain applies only when proof includes mtls or mesh-header",
        ),
        (
            format!("address = '127.0.0.1:1'\nproof = 'mtls'\ntrust_domain = 'a'\n{TLS}"),
            "listener[0].proof with mTLS requires tls_client_ca_file",
        ),
        (
            format!("address = '127.0.0.1:1'\nproof = 'mtls'\n{TLS}tls_client_ca_file = 'ca'"),
            "listener[0].trust_domain is required",
        ),
        (
            "address = '127.0.0.1:1'\nproof = 'token'\ntls_certificate_file = 'c'".to_owned(),
            "tls_certificate_file requires tls_private_key_file",
        ),
        (
            "address = '127.0.0.1:1'\nproof = 'token'\ntls_client_ca_file = 'c'".to_owned(),
            "tls_client_ca_file requires tls_certificate_file",
        ),
        (
            format!("address = '127.0.0.1:1'\nproof = 'token'\n{TLS}tls_reload_interval = '0s'"),
            "tls_reload_interval must be at least 1s",
        ),
        (
            "address = '127.0.0.1:1'\nproof = 'mesh-header'\ntrust_domain = 'a'\ntrusted_hop = 'loopback'".to_owned(),
            "listener[0].mesh_header is required",
        ),
        (
            "address = '127.0.0.1:1'\nproof = 'mesh-header'\ntrust_domain = 'a'\nmesh_header = 'l5d-client-id'"
                .to_owned(),
            "listener[0].trusted_hop is required",
        ),
        (
            "address = 'unix:a'\nproof = 'mesh-header'\ntrust_domain = 'a'\nmesh_header = 'l5d-client-id'\n\
             trusted_hop = 'pod'"
                .to_owned(),
            "listener[0].trusted_hop must be \"uid:NUMBER\" on a Unix domain socket",
        ),
        (
            "address = '127.0.0.1:1'\nproof = 'token'\nmesh_header_elements = 'one'".to_owned(),
            "mesh_header_elements applies only when proof includes mtls or mesh-header",
        ),
        (
            format!(
                "address = '127.0.0.1:1'\nproof = 'mtls'\ntrust_domain = 'a'\n{TLS}tls_client_ca_file = 'ca'\n\
                 mesh_header_elements = 'one'"
            ),
            "mesh_header_elements applies only when proof includes mesh-header",
        ),
        (
            "address = '0.0.0.0:1'\nproof = 'mesh-header'\ntrust_domain = 'a'\nmesh_header = 'l5d-client-id'\n\
             trusted_hop = 'pod'\nmesh_header_elements = 'one'"
                .to_owned(),
            "mesh_header_elements applies only when mesh_header = \"x-forwarded-client-cert\"",
        ),
        (
            "address = '0.0.0.0:1'\nproof = 'mesh-header'\ntrust_domain = 'a'\n\
             mesh_header = 'x-forwarded-client-cert'\ntrusted_hop = 'pod'\nmesh_header_elements = 'two'"
                .to_owned(),
            "mesh_header_elements must be one of: last, one",
        ),
    ];
    for (text, rule) in cases {
        let problems = parse(&with_listeners(&format!("[[listener]]\n{text}"))).unwrap_err();
        assert_eq!(problems.as_slice().len(), 1, "{problems}\nin:\n{text}");
        assert!(problems.to_string().contains(rule), "{problems}\nlacks: {rule}");
    }
    for (hop, rule) in [
        ("'anywhere'", "has \"anywhere\"; must be \"pod\", \"loopback\", \"uid:NUMBER\" or a SPIFFE id"),
        ("['loopback', 'uid:1']", "must be \"pod\" or \"loopback\" alone"),
        ("['pod', 'loopback']", "must be \"pod\" or \"loopback\" alone"),
        ("['pod', 'pod']", "must be \"pod\" or \"loopback\" alone"),
        ("['pod', 'spiffe://a/b']", "must be \"pod\" or \"loopback\" alone"),
        ("'Pod'", "has \"Pod\"; must be \"pod\""),
        ("'uid:1'", "can have user ids only on a Unix domain socket"),
        ("'spiffe://a/b'", "with a SPIFFE id requires tls_client_ca_file"),
        ("[]", "must be \"pod\" or \"loopback\" alone"),
    ] {
        let text = format!(
            "[[listener]]\naddress = '127.0.0.1:1'\nproof = 'mesh-header'\ntrust_domain = 'a'\n\
             mesh_header = 'l5d-client-id'\ntrusted_hop = {hop}"
        );
        let problems = parse(&with_listeners(&text)).unwrap_err().to_string();
        assert!(problems.contains(rule), "{problems}\nlacks: {rule}");
    }
}

#[test]
fn issuers_are_required_where_tokens_are_accepted() {
    let without_issuer = |proof: &str| {
        let text = format!(
            "[policy]\nfile = 'p'\n[[bucket]]\nname = 'media'\ns3_bucket = 'example-media'\nregion = 'eu-central-1'\n\
             [[listener]]\naddress = '127.0.0.1:1'\n{proof}"
        );
        parse(&text)
    };
    let workload = "trust_domain = 'a'\nmesh_header = 'l5d-client-id'\ntrusted_hop = 'loopback'\n";
    assert!(without_issuer(&format!("proof = 'mesh-header'\n{workload}")).is_ok());
    for proof in ["proof = 'token'".to_owned(), format!("proof = 'token+mesh-header'\n{workload}")] {
        let problems = without_issuer(&proof).unwrap_err().to_string();
        assert!(problems.contains("issuer is required, because a listener accepts tokens"), "{problems}");
        assert_eq!(problems.lines().count(), 1, "{problems}");
    }
}

#[test]
fn an_address_is_unique() {
    let twice = "[[listener]]\naddress = '127.0.0.1:1'\nproof = 'token'\n".repeat(2);
    let problems = parse(&with_listeners(&twice)).unwrap_err().to_string();
    assert!(problems.contains("listener[1].address repeats the address of another listener"), "{problems}");
    let both = format!(
        "[server]\ngrpc_addr = '127.0.0.1:1'\n{}",
        with_listeners("[[listener]]\naddress = 'unix:a'\nproof = 'token'")
    );
    let problem = sole_problem(&both);
    assert!(problem.contains("broker.toml:2: server.grpc_addr cannot be combined with [[listener]]"), "{problem}");
}

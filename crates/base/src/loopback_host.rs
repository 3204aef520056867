//! Which names in `Host` mean this machine.
//!
//! A server on a loopback address is reachable for every web page that this machine's browser shows: the page's name
//! may resolve to 127.0.0.1 (DNS rebinding). To the browser, page and server are then one origin, and the page may read
//! every answer. Such a request has the page's name in `Host`.

use std::net::{Ipv4Addr, Ipv6Addr};

use http::header::HOST;
use http::{HeaderMap, StatusCode, Uri};
use thiserror::Error;

/// Whether `host[:port]` is a loopback name: `localhost`, a name below it, an address in 127.0.0.0/8, or `[::1]`.
///
/// Letters may be in either case, and `localhost` may end with a dot.
#[must_use]
pub fn is_loopback_host(authority: &str) -> bool {
    Host::parse(authority).is_some_and(Host::is_loopback)
}

/// Checks that a request is for a loopback name, and for that name only.
///
/// Of an HTTP/2 request, `target` has the `:authority`, which stands for `Host` where that is missing.
///
/// # Errors
///
/// When a name is missing, repeated, invalid, or not a loopback name, or when `Host` and the target differ.
pub fn check_loopback_host(headers: &HeaderMap, target: &Uri, version: http::Version) -> Result<(), HostRefusal> {
    let target = target.authority().map(http::uri::Authority::as_str);
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next().map(|host| host.to_str().map_err(|_| HostRefusal::Invalid)).transpose()?;
    if hosts.next().is_some() {
        return Err(HostRefusal::Repeated);
    }
    let name = match (host, target) {
        (Some(host), None) => host,
        (None, Some(target)) if version >= http::Version::HTTP_2 => target,
        (None, _) => return Err(HostRefusal::Missing),
        (Some(host), Some(target)) if host.eq_ignore_ascii_case(target) => host,
        (Some(_), Some(_)) => return Err(HostRefusal::Different),
    };
    match Host::parse(name) {
        None => Err(HostRefusal::Invalid),
        Some(host) if host.is_loopback() => Ok(()),
        Some(_) => Err(HostRefusal::NotLoopback),
    }
}

/// Why a request is refused by its `Host`. The text is for the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum HostRefusal {
    /// No `Host`.
    #[error("invalid request: the Host header is missing")]
    Missing,
    /// More than one `Host`.
    #[error("invalid request: more than one Host header")]
    Repeated,
    /// Not `host[:port]`.
    #[error("invalid request: the Host header must be a name or an IP address, with a port or without")]
    Invalid,
    /// The name of a page that resolves to this machine, for instance.
    #[error(
        "refused: Host must be a loopback name (localhost, *.localhost, 127.0.0.0/8 or [::1]), to prevent DNS rebinding"
    )]
    NotLoopback,
    /// An absolute target (`GET http://name/ HTTP/1.1`) with another name than `Host`.
    #[error("refused: the request's target and Host must have the same loopback name, to prevent DNS rebinding")]
    Different,
}

impl HostRefusal {
    /// The status of the answer: 400 for a request that HTTP forbids (RFC 9112 section 3.2), otherwise 403.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Missing | Self::Repeated | Self::Invalid => StatusCode::BAD_REQUEST,
            Self::NotLoopback | Self::Different => StatusCode::FORBIDDEN,
        }
    }
}

/// A host as HTTP writes it, without its port.
#[derive(Debug, Clone, Copy)]
enum Host<'a> {
    V4(Ipv4Addr),
    V6(Ipv6Addr),
    Name(&'a str),
}

impl<'a> Host<'a> {
    fn parse(authority: &'a str) -> Option<Self> {
        if let Some(bracketed) = authority.strip_prefix('[') {
            let (address, rest) = bracketed.split_once(']')?;
            let port_is_valid = rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port);
            return address.parse().ok().filter(|_| port_is_valid).map(Self::V6);
        }
        let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
        if !is_port(port) {
            return None;
        }
        if let Ok(address) = host.parse() {
            return Some(Self::V4(address));
        }
        let is_label = |label: &str| {
            !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        };
        host.strip_suffix('.').unwrap_or(host).split('.').all(is_label).then_some(Self::Name(host))
    }

    fn is_loopback(self) -> bool {
        match self {
            Self::V4(address) => address.is_loopback(),
            Self::V6(address) => address.is_loopback(),
            Self::Name(name) => {
                let name = name.strip_suffix('.').unwrap_or(name);
                name.rsplit('.').next().is_some_and(|last| last.eq_ignore_ascii_case("localhost"))
            }
        }
    }
}

/// A port may be empty (RFC 3986 section 3.2.3).
fn is_port(text: &str) -> bool {
    text.is_empty() || text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, Version};
    use proptest::prelude::*;

    use super::*;

    const LOOPBACK: [&str; 14] = [
        "localhost",
        "LocalHost:50051",
        "localhost.",
        "localhost.:80",
        "localhost:",
        "media.localhost:50052",
        "my.bucket_1.localhost",
        "MEDIA.LOCALHOST.",
        "127.0.0.1",
        "127.0.0.1:65535",
        "127.255.255.254",
        "[::1]",
        "[::1]:50051",
        "[0:0:0:0:0:0:0:1]",
    ];

    const FOREIGN: [&str; 16] = [
        "broker",
        "example.com:80",
        "localhost.example.com",
        "127.0.0.1.example.com",
        "127.0.0.1.",
        "notlocalhost",
        "localhost-1",
        "127.1",
        "0x7f000001",
        "2130706433",
        "0177.0.0.1",
        "0.0.0.0",
        "10.0.0.1",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[fe80::1]:80",
    ];

    const INVALID: [&str; 22] = [
        "",
        ".",
        ":80",
        ".localhost",
        "a..localhost",
        "localhost..",
        "localhost:80:80",
        "localhost:65536",
        "localhost:+80",
        "localhost:80 ",
        " localhost",
        "localhost,example.com",
        "user@localhost",
        "localhost/",
        "localhost#",
        "localhost\\",
        "%6cocalhost",
        "::1",
        "[::1",
        "[::1]80",
        "[::1%25lo]",
        "[127.0.0.1]",
    ];

    fn check(hosts: &[&str], target: &str, version: Version) -> Result<(), HostRefusal> {
        let headers = hosts.iter().map(|host| (HOST, HeaderValue::from_str(host).unwrap())).collect();
        check_loopback_host(&headers, &target.parse().unwrap(), version)
    }

    #[test]
    fn loopback_names_pass_and_others_are_refused() {
        for (names, outcome) in
            [(&LOOPBACK[..], Ok(())), (&FOREIGN, Err(HostRefusal::NotLoopback)), (&INVALID, Err(HostRefusal::Invalid))]
        {
            for name in names {
                assert_eq!(check(&[name], "/path", Version::HTTP_11), outcome, "{name:?}");
                assert_eq!(is_loopback_host(name), outcome.is_ok(), "{name:?}");
            }
        }
    }

    #[test]
    fn one_host_is_required_over_http_1() {
        for version in [Version::HTTP_10, Version::HTTP_11] {
            for target in ["/", "*", "http://localhost/"] {
                assert_eq!(check(&[], target, version), Err(HostRefusal::Missing), "{target}");
            }
            for hosts in [["localhost", "localhost"], ["localhost", "example.com"]] {
                assert_eq!(check(&hosts, "/", version), Err(HostRefusal::Repeated));
            }
        }
    }

    #[test]
    fn a_host_with_other_than_visible_ascii_characters_is_invalid() {
        let headers = HeaderMap::from_iter([(HOST, HeaderValue::from_bytes(b"localhost\xff").unwrap())]);
        assert_eq!(check_loopback_host(&headers, &Uri::from_static("/"), Version::HTTP_11), Err(HostRefusal::Invalid));
    }

    #[test]
    fn an_absolute_target_has_the_name_in_host() {
        for (host, target, outcome) in [
            ("localhost:80", "http://LOCALHOST:80/", Ok(())),
            ("localhost", "http://example.com/", Err(HostRefusal::Different)),
            ("example.com", "http://localhost/", Err(HostRefusal::Different)),
            ("localhost:1", "http://localhost:2/", Err(HostRefusal::Different)),
            ("localhost", "http://user@localhost/", Err(HostRefusal::Different)),
            ("example.com", "http://example.com/", Err(HostRefusal::NotLoopback)),
        ] {
            assert_eq!(check(&[host], target, Version::HTTP_11), outcome, "{host} {target}");
        }
        // The target of CONNECT is an authority.
        assert_eq!(check(&["localhost"], "example.com:443", Version::HTTP_11), Err(HostRefusal::Different));
    }

    #[test]
    fn over_http_2_the_authority_stands_for_a_missing_host() {
        for (hosts, target, outcome) in [
            (&[][..], "http://localhost:1/", Ok(())),
            (&[], "http://example.com/", Err(HostRefusal::NotLoopback)),
            (&[], "http://user@localhost/", Err(HostRefusal::Invalid)),
            (&[], "/", Err(HostRefusal::Missing)),
            (&["localhost:1"], "http://localhost:1/", Ok(())),
            (&["localhost:1"], "http://example.com/", Err(HostRefusal::Different)),
        ] {
            assert_eq!(check(hosts, target, Version::HTTP_2), outcome, "{hosts:?} {target}");
        }
    }

    #[test]
    fn a_refusal_is_one_line_and_has_its_status() {
        use HostRefusal::{Different, Invalid, Missing, NotLoopback, Repeated};
        for (refusal, status) in [(Missing, 400), (Repeated, 400), (Invalid, 400), (NotLoopback, 403), (Different, 403)]
        {
            assert_eq!(refusal.status().as_u16(), status, "{refusal}");
            assert!(!refusal.to_string().contains('\n'), "{refusal}");
        }
        assert!(NotLoopback.to_string().contains("DNS rebinding"));
    }

    proptest! {
        #[test]
        fn a_name_that_passes_ends_in_localhost_or_is_an_address(name in "[a-z0-9.:\\[\\]@/-]{0,24}|[a-z.]{0,9}localhost[.:0-9]{0,4}") {
            if is_loopback_host(&name) {
                let uri: Uri = format!("http://{name}/").parse().unwrap();
                let host = uri.host().unwrap().trim_end_matches('.');
                prop_assert!(
                    host == "localhost" || host.ends_with(".localhost") || host.starts_with("127.") || host.ends_with(":1]"),
                    "{}", host
                );
            }
        }
    }
}

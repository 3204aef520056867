//! Connections to key servers through a proxy.
//!
//! The client requests a tunnel (`CONNECT`) and uses TLS with the key server inside it: the proxy can refuse, but
//! cannot read or change keys.

use std::fmt;

use reqwest::NoProxy;
use thiserror::Error;
use url::Url;

/// The proxy for connections to key servers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum KeyProxy {
    /// Connects directly.
    #[default]
    None,
    /// The proxy that the process's environment names. [`resolved`](Self::resolved) must replace this before a verifier
    /// is built; otherwise it means none.
    Environment,
    /// Connections go through this proxy.
    Through(HttpProxy),
}

impl KeyProxy {
    /// Replaces [`Environment`](Self::Environment) by the proxy of the environment.
    #[must_use]
    pub fn resolved(self, environment: Option<&HttpProxy>) -> Self {
        match self {
            Self::Environment => environment.cloned().map_or(Self::None, Self::Through),
            other => other,
        }
    }

    /// The same without a proxy for nearby hosts; see [`HttpProxy::except_nearby`].
    #[must_use]
    pub fn except_nearby(self) -> Self {
        match self {
            Self::Through(proxy) => Self::Through(proxy.except_nearby()),
            other => other,
        }
    }

    /// `None` for direct connections.
    #[must_use]
    pub const fn proxy(&self) -> Option<&HttpProxy> {
        match self {
            Self::None | Self::Environment => None,
            Self::Through(proxy) => Some(proxy),
        }
    }
}

/// An HTTP proxy, and the hosts that are reached without it.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpProxy {
    url: Url,
    /// Hosts, addresses and networks separated by commas, in the format of `NO_PROXY`.
    direct: String,
}

/// Hosts that are reached without a proxy by default: this machine, and the API server of the cluster.
const NEARBY: &str =
    "localhost,127.0.0.0/8,::1,kubernetes.default.svc,kubernetes.default.svc.cluster.local,kubernetes.default";

/// The environment variables, in curl's order.
const PROXY_VARIABLES: [&str; 2] = ["https_proxy", "HTTPS_PROXY"];
const DIRECT_VARIABLES: [&str; 2] = ["no_proxy", "NO_PROXY"];

impl HttpProxy {
    /// A proxy by its URL, such as `http://user:password@proxy.example:3128`, for all hosts. The default scheme is `http`.
    ///
    /// # Errors
    ///
    /// When the text is not the URL of a proxy. The error does not repeat the text, which may hold a password.
    pub fn parse(text: &str) -> Result<Self, InvalidProxy> {
        let text = text.trim();
        let with_scheme = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let url = Url::parse(&with_scheme).map_err(|_| InvalidProxy)?;
        let is_proxy = matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && matches!(url.path(), "" | "/")
            && url.query().is_none()
            && url.fragment().is_none();
        if is_proxy { Ok(Self { url, direct: String::new() }) } else { Err(InvalidProxy) }
    }

    /// The same proxy, but not for this machine and the API server of the cluster.
    #[must_use]
    pub fn except_nearby(self) -> Self {
        Self { direct: NEARBY.to_owned(), ..self }
    }

    /// The proxy of `https_proxy` or `HTTPS_PROXY`, if set, and the variable's name. Hosts of `no_proxy` or `NO_PROXY` and
    /// nearby hosts are excepted.
    ///
    /// # Errors
    ///
    /// The variable whose value is not the URL of a proxy.
    pub fn from_environment(
        read: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<(&'static str, Self)>, (&'static str, InvalidProxy)> {
        let first = |names: [&'static str; 2]| {
            names.into_iter().find_map(|name| Some((name, read(name).filter(|value| !value.trim().is_empty())?)))
        };
        let Some((variable, text)) = first(PROXY_VARIABLES) else { return Ok(None) };
        let proxy = Self::parse(&text).map_err(|error| (variable, error))?;
        let list = first(DIRECT_VARIABLES).map(|(_, list)| direct_hosts(&list)).unwrap_or_default();
        if list.iter().any(|host| host == "*") {
            return Ok(None);
        }
        let direct = [&[NEARBY.to_owned()], list.as_slice()].concat().join(",");
        Ok(Some((variable, Self { direct, ..proxy })))
    }

    /// The proxy for the HTTP client, for `https` only.
    pub(super) fn to_client(&self) -> reqwest::Result<reqwest::Proxy> {
        Ok(reqwest::Proxy::https(self.url.clone())?.no_proxy(NoProxy::from_string(&self.direct)))
    }
}

/// The hosts of a `NO_PROXY`, in the format that the HTTP client reads. Formats in use have blanks between hosts, `*.`
/// before a domain, a port, a final dot, or brackets around an IPv6 address.
fn direct_hosts(list: &str) -> Vec<String> {
    let hosts = list.split(|character: char| character == ',' || character.is_whitespace());
    let hosts = hosts.filter(|host| !host.is_empty()).map(|host| {
        let (host, is_bracketed) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((address, _port)) => (address, true),
            None => (host, false),
        };
        let host = match host.rsplit_once(':') {
            Some((name, port)) if !is_bracketed && !name.contains(':') && port.parse::<u16>().is_ok() => name,
            _ => host,
        };
        let domain = host.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(host);
        domain.strip_suffix('.').unwrap_or(domain).to_owned()
    });
    hosts.filter(|host| !host.is_empty()).collect()
}

impl fmt::Display for HttpProxy {
    /// The URL without user name and password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.url.scheme(), self.url.host_str().unwrap_or_default())?;
        match self.url.port_or_known_default() {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for HttpProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpProxy({self}, except {:?})", self.direct)
    }
}

/// The text is not the URL of a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("must be the URL of an HTTP proxy, such as \"http://proxy.example:3128\", without a path")]
pub struct InvalidProxy;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_without_a_proxy_are_read_in_the_forms_of_other_programs() {
        for (list, hosts) in [
            ("a.example, .svc  10.0.0.0/8", &["a.example", ".svc", "10.0.0.0/8"][..]),
            ("*.example.com", &[".example.com"]),
            ("a.example:443,a.example.", &["a.example", "a.example"]),
            ("[fd00::3]:443,[fd00::4],fd00::5", &["fd00::3", "fd00::4", "fd00::5"]),
            ("fd00::/8,10.1.2.3:8443", &["fd00::/8", "10.1.2.3"]),
            (" ,, .", &[]),
            ("x.y,*", &["x.y", "*"]),
        ] {
            assert_eq!(direct_hosts(list), hosts, "{list}");
        }
        let everything = |name: &str| match name {
            "HTTPS_PROXY" => Some("http://proxy.example:3128".to_owned()),
            "NO_PROXY" => Some("x.y, *".to_owned()),
            _ => None,
        };
        assert_eq!(HttpProxy::from_environment(everything), Ok(None));
    }

    #[test]
    fn a_proxy_is_shown_without_its_password() {
        for (text, shown) in [
            ("http://user:s3cret@proxy.example:3128", "http://proxy.example:3128"),
            ("proxy.example:3128", "http://proxy.example:3128"),
            ("user:s3cret@proxy.example", "http://proxy.example:80"),
            ("https://[2001:db8::1]/", "https://[2001:db8::1]:443"),
        ] {
            let proxy = HttpProxy::parse(text).unwrap();
            assert_eq!(proxy.to_string(), shown);
            assert!(!format!("{proxy:?}").contains("s3cret"), "{proxy:?}");
        }
        for wrong in ["", "http://", "socks5://proxy.example:1080", "http://proxy.example/path", "http://p:port", "::"]
        {
            assert_eq!(HttpProxy::parse(wrong), Err(InvalidProxy), "{wrong}");
        }
    }

    #[test]
    fn the_environment_names_a_proxy_as_it_does_for_curl() {
        let found = |variables: &[(&str, &str)]| {
            let read = |name: &str| {
                variables.iter().find(|(variable, _)| *variable == name).map(|(_, value)| (*value).to_owned())
            };
            HttpProxy::from_environment(read)
        };
        assert_eq!(found(&[]), Ok(None));
        assert_eq!(found(&[("HTTP_PROXY", "http://other.example"), ("HTTPS_PROXY", " ")]), Ok(None));
        let both = [("HTTPS_PROXY", "http://upper.example"), ("https_proxy", "http://lower.example")];
        let (variable, proxy) = found(&both).unwrap().unwrap();
        assert_eq!((variable, proxy.to_string()), ("https_proxy", "http://lower.example:80".to_owned()));
        assert_eq!(proxy.direct, NEARBY);
        let (_, proxy) = found(&[both[0], ("NO_PROXY", "idp.example,10.0.0.0/8")]).unwrap().unwrap();
        assert_eq!(proxy.direct, format!("{NEARBY},idp.example,10.0.0.0/8"));
        assert_eq!(found(&[("HTTPS_PROXY", "socks5://p.example")]), Err(("HTTPS_PROXY", InvalidProxy)));
    }

    #[test]
    fn the_environment_is_asked_only_where_nothing_else_is_set() {
        let [named, of_environment] =
            ["http://named.example", "http://environment.example"].map(|url| HttpProxy::parse(url).unwrap());
        assert_eq!(KeyProxy::None.resolved(Some(&of_environment)).proxy(), None);
        assert_eq!(KeyProxy::Environment.resolved(Some(&of_environment)).proxy(), Some(&of_environment));
        assert_eq!(KeyProxy::Environment.resolved(None), KeyProxy::None);
        assert_eq!(KeyProxy::Through(named.clone()).resolved(Some(&of_environment)).proxy(), Some(&named));
    }
}

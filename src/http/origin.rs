//! Origins of web pages, as browsers write them (RFC 6454).

use std::fmt;
use std::str::FromStr;

use http::HeaderValue;
use url::Url;

/// An origin, exactly as a browser sends it in `Origin`: scheme, host and port, in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    /// Whether a header `origin` names it.
    pub(super) fn is(&self, header: &HeaderValue) -> bool {
        header == self.0.as_str()
    }
}

impl FromStr for Origin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url = Url::parse(text).map_err(|_| InvalidOrigin)?;
        // Browsers leave out the scheme's default port, which this form leaves out as well.
        let exact = match url.origin() {
            origin @ url::Origin::Tuple(..) => origin.ascii_serialization(),
            url::Origin::Opaque(_) => return Err(InvalidOrigin),
        };
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:/[]".contains(&byte);
        let is_web = matches!(url.scheme(), "http" | "https");
        if is_web && exact == text && text.bytes().all(is_plain) { Ok(Self(exact)) } else { Err(InvalidOrigin) }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text is not an origin that a browser sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be an origin as browsers send it: http:// or https://, a host in lower case, and a port unless it is the \
     default, without a path or a slash at the end, such as https://app.example or http://localhost:5173"
)]
pub struct InvalidOrigin;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_accepted_as_browsers_send_it() {
        for text in [
            "https://app.example",
            "http://localhost:5173",
            "http://127.0.0.1:8080",
            "http://[::1]:3000",
            "https://xn--bcher-kva.example:8443",
        ] {
            assert_eq!(text.parse::<Origin>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "*",
            "null",
            "app.example",
            "https://",
            "https://app.example/",
            "https://app.example/path",
            "https://app.example?query",
            "https://user@app.example",
            "https://App.example",
            "HTTPS://app.example",
            "https://app.example:443",
            "http://app.example:80",
            "http://app.example:",
            "http://127.1",
            "http://[0:0:0:0:0:0:0:1]",
            "https://bücher.example",
            "https://*.example",
            "https://a\"b.example",
            " https://app.example",
            "ftp://app.example",
            "ws://app.example",
            "file:///tmp",
            "https://a.example,https://b.example",
        ] {
            assert_eq!(text.parse::<Origin>(), Err(InvalidOrigin), "{text:?}");
        }
    }
}

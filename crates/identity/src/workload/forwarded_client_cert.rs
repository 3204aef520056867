//! The client that a proxy names in `x-forwarded-client-cert`.

use thiserror::Error;

/// The largest header, in bytes over all of its values.
const MAX_HEADER_BYTES: usize = 16 * 1_024;

/// How many elements `x-forwarded-client-cert` may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HeaderElements {
    /// Any number. The last one counts.
    #[default]
    Last,
    /// One. A second proxy on the way, and a client that sent one of its own, are refused.
    One,
}

/// Finds the URI that the nearest proxy names its client by, in `x-forwarded-client-cert`
/// ([Envoy: HTTP header manipulation](https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers#x-forwarded-client-cert)).
/// Takes every value of the header, in order, and how many elements all of them may have together. The caller checks
/// what the URI means.
///
/// ```text
/// header   = element *( "," element )         ; several values are one list
/// element  = spaces pair *( ";" pair ) spaces
/// pair     = key "=" ( unquoted / DQUOTE *( "\" character / character ) DQUOTE )
/// key      = 1*( ALPHA / DIGIT / "-" / "_" )  ; in any case
/// unquoted = *character                       ; without space , ; " \
/// ```
///
/// The last element is the one that the nearest proxy has added, where it appends to the header or replaces it (Envoy:
/// `APPEND_FORWARD`, `SANITIZE_SET`). A proxy that only forwards the header proves nothing.
///
/// The elements before the last may be the client's invention. Nothing in them counts, but they must be as well-formed
/// as the last: otherwise it would be in doubt where that begins. For the same reason no element may be empty, no
/// value of the header may end inside quotes, and quotes and backslashes may stand only where the grammar has them.
///
/// Envoy writes the names in a certificate unquoted and as they are, except for the subject. No reader can tell a
/// comma or semicolon in such a name from its own, so the certificate authority must not sign one.
///
/// # Errors
///
/// The first cause of [`ForwardedClientCertError`] that is met.
pub fn forwarded_client_uri<'v>(
    values: impl IntoIterator<Item = &'v [u8]>,
    allowed: HeaderElements,
) -> Result<&'v str, ForwardedClientCertError> {
    let mut length = 0;
    let mut elements = 0_usize;
    let mut last = None;
    for value in values {
        length += value.len();
        if length > MAX_HEADER_BYTES {
            return Err(ForwardedClientCertError::TooLong);
        }
        if value.is_empty() {
            return Err(ForwardedClientCertError::Missing);
        }
        let (count, element) = last_element(value).ok_or(ForwardedClientCertError::Malformed)?;
        elements += count;
        last = Some(element);
    }
    if allowed == HeaderElements::One && elements > 1 {
        return Err(ForwardedClientCertError::SeveralElements);
    }
    match last.ok_or(ForwardedClientCertError::Missing)? {
        // An element for a certificate without a URI has an empty one.
        Uris::None | Uris::One("") => Err(ForwardedClientCertError::NoUri),
        Uris::One(uri) => Ok(uri),
        Uris::Several => Err(ForwardedClientCertError::SeveralUris),
    }
}

enum Uris<'v> {
    None,
    One(&'v str),
    Several,
}

/// How many elements a value has, and what the last one says, where every element is well-formed.
fn last_element(value: &[u8]) -> Option<(usize, Uris<'_>)> {
    let value = str::from_utf8(value).ok()?;
    if value.contains(char::is_control) {
        return None;
    }
    let mut reader = Reader { rest: value };
    let mut count = 0;
    loop {
        let element = reader.element()?;
        count += 1;
        if reader.rest.is_empty() {
            return Some((count, element));
        }
        if !reader.take(',') {
            return None;
        }
    }
}

/// Reads from the left. A rule that does not match gives `None`, and then the value is malformed.
struct Reader<'v> {
    rest: &'v str,
}

impl<'v> Reader<'v> {
    fn element(&mut self) -> Option<Uris<'v>> {
        self.take_while(|character| character == ' ');
        let mut uris = Uris::None;
        loop {
            let (key, value) = self.pair()?;
            if key.eq_ignore_ascii_case("URI") {
                // RFC 3986 section 2 has no quotes and no backslashes: what is escaped is no URI.
                if value.contains('\\') {
                    return None;
                }
                uris = if let Uris::None = uris { Uris::One(value) } else { Uris::Several };
            }
            if !self.take(';') {
                self.take_while(|character| character == ' ');
                return Some(uris);
            }
        }
    }

    fn pair(&mut self) -> Option<(&'v str, &'v str)> {
        let key = self.take_while(|character| character.is_ascii_alphanumeric() || matches!(character, '-' | '_'));
        if key.is_empty() || !self.take('=') {
            return None;
        }
        let value = if self.take('"') {
            self.quoted()?
        } else {
            self.take_while(|character| !matches!(character, ' ' | ',' | ';' | '"' | '\\'))
        };
        Some((key, value))
    }

    /// What is left of a quoted value after the opening quote, up to the closing one. Escapes stay as they are: Envoy
    /// quotes subjects as RFC 2253 section 2.4 has them, where a backslash can stand before any character.
    fn quoted(&mut self) -> Option<&'v str> {
        let mut characters = self.rest.char_indices();
        loop {
            match characters.next()? {
                (_, '\\') => {
                    characters.next()?;
                }
                (end, '"') => {
                    let (value, _) = self.rest.split_at_checked(end)?;
                    self.rest = characters.as_str();
                    return Some(value);
                }
                _ => {}
            }
        }
    }

    fn take(&mut self, expected: char) -> bool {
        let rest = self.rest.strip_prefix(expected);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn take_while(&mut self, belongs: impl Fn(char) -> bool) -> &'v str {
        let end = self.rest.find(|character| !belongs(character)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }
}

/// Why `x-forwarded-client-cert` names no client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ForwardedClientCertError {
    /// The header was not sent, or one of its values is empty.
    #[error("x-forwarded-client-cert was not sent or is empty")]
    Missing,
    /// Over 16 KiB in all.
    #[error("x-forwarded-client-cert is longer than 16 KiB")]
    TooLong,
    /// Any of its elements is not well-formed, the last or another.
    #[error("x-forwarded-client-cert is not a list of well-formed elements")]
    Malformed,
    /// More than one element where [one](HeaderElements::One) is allowed.
    #[error("x-forwarded-client-cert has more than one element")]
    SeveralElements,
    /// The last element has no `URI`, or an empty one.
    #[error("the last element of x-forwarded-client-cert has no URI")]
    NoUri,
    /// The last element has more than one `URI`.
    #[error("the last element of x-forwarded-client-cert has more than one URI")]
    SeveralUris,
}

#[cfg(test)]
mod tests;

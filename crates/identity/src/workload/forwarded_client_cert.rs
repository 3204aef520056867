//! Reads the client that a proxy names in `x-forwarded-client-cert`.

use thiserror::Error;

/// The largest header, in bytes over all of its values.
const MAX_HEADER_BYTES: usize = 16 * 1_024;

/// How many elements `x-forwarded-client-cert` may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HeaderElements {
    /// Any number. The last one counts.
    #[default]
    Last,
    /// One. Calls through a second proxy, or from a client that sent an element, are rejected.
    One,
}

/// Finds the URI of the client that the nearest proxy names in `x-forwarded-client-cert`
/// ([Envoy: HTTP header manipulation](https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers#x-forwarded-client-cert)).
/// Takes all values of the header, in order, and how many elements all of them may have together. The calling code must
/// check the URI.
///
/// ```text
/// header   = element *( "," element )         ; several values are one list
/// element  = spaces pair *( ";" pair ) spaces
/// pair     = key "=" ( unquoted / DQUOTE *( "\" character / character ) DQUOTE )
/// key      = 1*( ALPHA / DIGIT / "-" / "_" )  ; in any case
/// unquoted = *character                       ; without space , ; " \
/// ```
///
/// The nearest proxy has added the last element, if it appends to the header or replaces it (Envoy: `APPEND_FORWARD`,
/// `SANITIZE_SET`). A proxy that only forwards the header proves nothing.
///
/// The client may have invented the elements before the last. They are ignored, but they must be well-formed: otherwise
/// the start of the last element would be uncertain. For the same reason no element may be empty, no value of the
/// header may end inside quotes, and quotes and backslashes may occur only where the grammar has them.
///
/// Envoy writes the names in a certificate without quotes or escapes, except for the subject. A comma or semicolon in
/// such a name looks like a separator, so the certificate authority must not sign one.
///
/// # Errors
///
/// The first [`ForwardedClientCertError`].
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
        // For a certificate without a URI, Envoy writes an empty one.
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

/// The number of elements of a value, and the URIs of the last one; `None` if any element is malformed.
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

/// Reads from the left. A rule that does not match returns `None`: the value is malformed.
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
                // RFC 3986 section 2 has no quotes and no backslashes: a URI needs no escapes.
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

    /// The rest of a quoted value after the opening quote, up to the closing one. Escapes are kept: Envoy quotes
    /// subjects by RFC 2253 section 2.4, where a backslash can precede any character.
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
    /// All values together are longer than 16 KiB.
    #[error("x-forwarded-client-cert is longer than 16 KiB")]
    TooLong,
    /// One of its elements is malformed.
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

//! Requests and answers as every client knows them.

use std::collections::BTreeMap;

use access_broker::contract::proto::SignedRequest;

/// What a client sends.
#[derive(Clone)]
pub(crate) struct HttpRequest {
    pub(crate) method: String,
    pub(crate) url: String,
    /// By names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Option<Vec<u8>>,
}

impl HttpRequest {
    /// Exactly what the broker promised.
    pub(crate) fn promised(signed: &SignedRequest) -> Self {
        let headers = signed.headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        Self { method: signed.method.clone(), url: signed.url.clone(), headers, body: None }
    }

    pub(crate) fn with_body(mut self, body: &[u8]) -> Self {
        self.body = Some(body.to_vec());
        self
    }

    pub(crate) fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.insert(name.to_owned(), value.to_owned());
        self
    }

    pub(crate) fn without_header(mut self, name: &str) -> Self {
        self.headers.remove(name);
        self
    }

    pub(crate) fn with_method(mut self, method: &str) -> Self {
        method.clone_into(&mut self.method);
        self
    }

    /// The same with a part of the URL replaced, which must be there.
    pub(crate) fn with_url_part(mut self, part: &str, other: &str) -> Self {
        assert!(self.url.contains(part), "no {part} to replace");
        self.url = self.url.replacen(part, other, 1);
        self
    }
}

/// What a client gets.
#[derive(Debug)]
pub(crate) struct HttpAnswer {
    pub(crate) status: u16,
    /// By names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl HttpAnswer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// Fails unless the server did as it was asked.
    pub(crate) fn expect_success(self, what: &str) -> Self {
        let text = String::from_utf8_lossy(&self.body);
        assert!((200..300).contains(&self.status), "{what}: {} {text}", self.status);
        self
    }

    /// Fails unless the server refused, by whatever code.
    pub(crate) fn expect_refusal(self, what: &str) -> Self {
        assert!((400..500).contains(&self.status), "{what}: not refused, but {}", self.status);
        self
    }
}

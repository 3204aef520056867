//! The HTTP clients that people use.

mod curl;
mod message;
mod script;

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::timeout;

use self::curl::Curl;
pub(super) use self::message::{HttpAnswer, HttpRequest};
use self::script::Script;
use crate::support::folder;

/// How long one request may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(20);

/// One client. All of them send a URL as it stands, follow no redirect, and count the length of a body themselves.
pub(super) enum HttpClient {
    Reqwest(reqwest::Client),
    Curl(Curl),
    /// Python's `requests`.
    Requests(Script),
    /// The `fetch` of Node, which is that of browsers.
    Fetch(Script),
}

impl HttpClient {
    /// The one that is always there.
    pub(super) fn reqwest() -> Self {
        Self::Reqwest(reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap())
    }

    /// Every client.
    pub(super) async fn all() -> [Self; 4] {
        let (requests, fetch) = tokio::join!(
            Script::start("python3", &["-c", include_str!("clients/requests.py")]),
            Script::start("node", &["--input-type=module", "-e", include_str!("clients/fetch.mjs")]),
        );
        [Self::reqwest(), Self::Curl(Curl::new(folder())), Self::Requests(requests), Self::Fetch(fetch)]
    }

    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Reqwest(_) => "reqwest",
            Self::Curl(_) => "curl",
            Self::Requests(_) => "requests",
            Self::Fetch(_) => "fetch",
        }
    }

    /// Whether the client hands out a content that it has decoded by its Content-Encoding.
    pub(super) const fn decodes(&self) -> bool {
        matches!(self, Self::Fetch(_))
    }

    /// Sends a request. In a browser `fetch` may not name a Content-Length: the client leaves it to count the bytes. To
    /// the others it can be given, and changes nothing.
    pub(super) async fn send(&mut self, request: &HttpRequest) -> HttpAnswer {
        let name = self.name();
        let answer = async {
            match self {
                Self::Reqwest(client) => send_by_reqwest(client, request).await,
                Self::Curl(curl) => curl.send(request).await,
                Self::Requests(script) => script.send(request).await,
                Self::Fetch(script) => script.send(&request.clone().without_header("content-length")).await,
            }
        };
        timeout(PATIENCE, answer).await.unwrap_or_else(|_| panic!("no answer to {name}"))
    }
}

async fn send_by_reqwest(client: &reqwest::Client, request: &HttpRequest) -> HttpAnswer {
    let mut builder = client.request(request.method.parse().unwrap(), &request.url);
    for (name, value) in &request.headers {
        builder = builder.header(name, value);
    }
    if let Some(body) = &request.body {
        builder = builder.body(body.clone());
    }
    let answer = builder.send().await.unwrap();
    let text = |value: &reqwest::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers: BTreeMap<_, _> =
        answer.headers().iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    HttpAnswer { status: answer.status().as_u16(), headers, body: answer.bytes().await.unwrap().to_vec() }
}

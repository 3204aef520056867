//! A key endpoint that does what a test says, well or badly.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time;

/// What the endpoint does with one request. Every connection takes one.
#[derive(Debug, Clone)]
pub(super) enum Answer {
    /// These bytes, and then the end of the connection.
    Bytes(Vec<u8>),
    /// The same after a while.
    BytesAfter(Duration, Vec<u8>),
    /// Nothing, on a connection that stays open.
    Silence,
}

impl Answer {
    /// A key document as it should be.
    pub(super) fn keys(jwks: &Value) -> Self {
        Self::ok("application/json", jwks.to_string())
    }

    pub(super) fn keys_after(delay: Duration, jwks: &Value) -> Self {
        Self::BytesAfter(delay, response("200 OK", "content-type: application/json", jwks.to_string()))
    }

    pub(super) fn ok(content_type: &str, body: impl AsRef<[u8]>) -> Self {
        Self::Bytes(response("200 OK", &format!("content-type: {content_type}"), body))
    }

    pub(super) fn status(status: &str, header: &str, body: impl AsRef<[u8]>) -> Self {
        Self::Bytes(response(status, header, body))
    }

    /// The first half of a key document whose length is given as the whole.
    pub(super) fn cut_half_way(jwks: &Value) -> Self {
        let body = jwks.to_string();
        let mut bytes = response("200 OK", "content-type: application/json", &body);
        bytes.truncate(bytes.len() - body.len() / 2);
        Self::Bytes(bytes)
    }
}

fn response(status: &str, header: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\n{header}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
    [head.as_bytes(), body].concat()
}

/// A running endpoint. It ends with the test.
pub(super) struct KeyEndpoint {
    address: SocketAddr,
    state: Arc<State>,
    listening: JoinHandle<()>,
}

struct State {
    /// The last one is for all requests after it.
    answers: Mutex<VecDeque<Answer>>,
    requests: watch::Sender<usize>,
}

impl KeyEndpoint {
    /// Starts an endpoint that gives these answers, and then the last of them for ever.
    pub(super) async fn start(answers: impl Into<VecDeque<Answer>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State { answers: Mutex::new(answers.into()), requests: watch::Sender::new(0) });
        let listening = tokio::spawn(Arc::clone(&state).listen(listener));
        Self { address, state, listening }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/keys", self.address)
    }

    /// Gives this answer from now on.
    pub(super) fn answer(&self, answer: Answer) {
        *self.state.answers.lock().unwrap() = [answer].into();
    }

    /// How many requests came so far.
    pub(super) fn requests(&self) -> usize {
        *self.state.requests.borrow()
    }

    /// Returns once so many requests have come since the start. As the broker fetches one document at a time, a request
    /// shows that it is done with those before.
    pub(super) async fn requested(&self, times: usize) {
        let mut requests = self.state.requests.subscribe();
        let requested = requests.wait_for(|&requests| requests >= times);
        time::timeout(Duration::from_secs(10), requested).await.expect("the broker asks again").unwrap();
    }

    /// Stops listening: connections are refused.
    pub(super) async fn go_down(&mut self) {
        self.listening.abort();
        assert!((&mut self.listening).await.unwrap_err().is_cancelled());
    }

    /// Listens again, at the same address.
    pub(super) async fn come_up(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.listening = tokio::spawn(Arc::clone(&self.state).listen(listener));
    }
}

impl State {
    async fn listen(self: Arc<Self>, listener: TcpListener) {
        loop {
            let (connection, _) = listener.accept().await.unwrap();
            let state = Arc::clone(&self);
            // A broker that hangs up early, as it should on some answers, is no error.
            tokio::spawn(async move { state.serve(connection).await });
        }
    }

    async fn serve(&self, mut connection: TcpStream) -> std::io::Result<()> {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            if connection.read_buf(&mut request).await? == 0 {
                return Ok(());
            }
        }
        let answer = {
            let mut answers = self.answers.lock().unwrap();
            if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() }
        };
        self.requests.send_modify(|requests| *requests += 1);
        match answer.unwrap() {
            Answer::Bytes(bytes) => connection.write_all(&bytes).await?,
            Answer::BytesAfter(delay, bytes) => {
                time::sleep(delay).await;
                connection.write_all(&bytes).await?;
            }
            Answer::Silence => std::future::pending().await,
        }
        connection.shutdown().await
    }
}

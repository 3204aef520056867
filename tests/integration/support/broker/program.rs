//! The broker as a program.

use std::fs;
use std::net::SocketAddr;

use tokio::net::TcpListener;

use super::setup::Setup;
use crate::support::pki::{Authority, Issued};
use crate::support::workloads::tokens::TokenKey;
use crate::support::{Client, Process, audit_records, end_line, http_get, serving_on};

/// A running program. A test ends with [`Program::finish`].
#[must_use = "`finish` checks the log and the audit records"]
pub(crate) struct Program {
    pub(crate) process: Process,
    pub(crate) authority: Authority,
    pub(crate) server: Issued,
    pub(crate) token_key: TokenKey,
    /// Of the listeners, in their order.
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) admin: SocketAddr,
    _silent_s3: Option<TcpListener>,
    is_finished: bool,
}

impl Program {
    pub(super) fn start(setup: Setup, variables: &[(String, String)], silent_s3: Option<TcpListener>) -> Self {
        let Setup { folder, authority, server, token_key } = setup;
        let variables: Vec<_> = variables.iter().map(|(name, value)| (&**name, &**value)).collect();
        let mut process = Process::start(&["serve", "--config", "broker.toml"], folder, &variables);
        let (addresses, admin) = serving_on(&mut process);
        let is_finished = false;
        Self { process, authority, server, token_key, addresses, admin, _silent_s3: silent_s3, is_finished }
    }

    /// The proof of a caller who is a person.
    pub(crate) fn authorization_of(&self, subject: &str) -> String {
        format!("Bearer {}", self.token_key.of_person(subject))
    }

    /// A client of the first listener.
    pub(crate) async fn client_of(&self, subject: &str) -> Client {
        Client::connect(self.addresses[0], &[&self.authorization_of(subject)]).await
    }

    /// The metrics page.
    pub(crate) async fn metrics(&self) -> String {
        let answer = http_get(format!("http://{}/metrics", self.admin)).await.unwrap();
        answer.error_for_status().unwrap().text().await.unwrap()
    }

    /// Stops the program as an operator does, and checks its log for secrets and its audit records against their schema.
    pub(crate) fn finish(mut self) {
        self.is_finished = true;
        self.process.signal("TERM");
        assert!(self.process.exit().success(), "{}", self.process.stderr());
        if let Ok(records) = fs::read_to_string(self.process.path("audit.jsonl")) {
            audit_records(&records);
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        end_line(self.is_finished);
    }
}

//! Whether a key can be written in another way. The policy decides on the key that the caller names: a server that takes two
//! keys for one gives out what another tier holds.

use super::cell::Cell;
use super::table::Column;
use super::trial::Trial;
use crate::transfer::clients::HttpRequest;
use crate::transfer::fixture::{download, upload};

const SECRET: &[u8] = b"the content of another key";

pub(super) const BACKSLASH: &str = "`\\` for `/`";

/// What is changed, the key of the object, and the key that is asked for.
const ALIASES: [(&str, &str, &str); 8] = [
    (BACKSLASH, "keys/secret/x", "keys/secret\\x"),
    ("`\\..\\` for a step up", "keys/secret/x", "keys/pub\\..\\secret\\x"),
    ("`%2F` for `/`", "keys/secret/x", "keys/secret%2Fx"),
    ("the fullwidth `／` for `/`", "keys/secret/x", "keys/secret\u{FF0F}x"),
    ("fullwidth `．．` for a step up", "keys/secret/x", "keys/pub/\u{FF0E}\u{FF0E}/secret/x"),
    ("capitals", "keys/secret/x", "keys/Secret/X"),
    ("a space or a dot at the end", "keys/secret/x", "keys/secret/x ."),
    ("a composed letter for a decomposed one", "keys/cafe\u{301}", "keys/caf\u{E9}"),
];

pub(super) async fn measure(trial: &mut Trial, column: &mut Column) {
    column.begin("Another way to write a key");
    for (row, real, asked) in ALIASES {
        column.add(row, alias(trial, real, asked).await);
    }
}

async fn alias(trial: &mut Trial, real: &str, asked: &str) -> Result<Cell, Cell> {
    trial.upload(upload(real), SECRET).await?;
    let get = HttpRequest::promised(&trial.fixture.get(download(asked)).await);
    let answer = trial.send(&get).await;
    Ok(if answer.body == SECRET { Cell::Taken } else { Cell::Refused })
}

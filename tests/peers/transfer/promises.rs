//! Every promise and every attack on every server. docs/SERVERS.md has the results.
//!
//! The tables of the document are compared with what is measured. `UPDATE_DOCUMENTS=1 cargo test --test peers
//! promises` writes them anew; look at what changed before it is committed. moto is not asked: it is not used to keep objects, and it checks no signatures.

mod additions;
mod cell;
mod deviations;
mod downloads;
mod keys;
mod table;
mod trial;
mod uploads;

use std::path::Path;
use std::process::Command;
use std::{env, fs};

use self::additions::{COPY, COPY_FROM_OTHER_BUCKET, PUBLISHING, must_be_refused};
use self::cell::Cell;
use self::table::{Column, compare};
use self::trial::{POLICY, Trial, WRITER};
use super::fixture::{Settings, start};
use super::servers::{Peer, S3Server};
use crate::registry::{Registry, register};
use crate::support::run;

pub(super) fn register(registry: &mut Registry<'_>) {
    table::register(registry);
    register!(registry, [], the_document_says_what_every_server_does);
    register!(registry, [Rgw], a_copy_reads_no_secret_where_uploads_are_signed_by_a_key_that_cannot_read);
}

const DOCUMENT: &str = "docs/SERVERS.md";
const BEGIN: &str = "<!-- measured: begin -->\n";
const END: &str = "<!-- measured: end -->\n";

const RGW: &str = "Ceph RGW";
const RGW_WITH_POLICY: &str = "Ceph RGW with these and the bucket policy";

/// The columns, with more of `[[bucket]]` where the default of the server is not meant.
const SERVERS: [(&str, Peer, &str); 6] = [
    ("`access-broker dev`", Peer::Embedded, ""),
    ("rclone", Peer::Rclone, ""),
    ("SeaweedFS", Peer::SeaweedFs, ""),
    (RGW, Peer::Rgw, ""),
    ("Ceph RGW with `upload_credentials`", Peer::Rgw, WRITER),
    (RGW_WITH_POLICY, Peer::Rgw, WRITER),
];

async fn measure((name, peer, bucket): (&'static str, Peer, &str)) -> Column {
    let mut trial = Trial::start(peer, bucket).await;
    if name == RGW_WITH_POLICY {
        trial.set_bucket_policy(&policy_of_the_document()).await;
    }
    let mut column = Column::new(name, version(&trial.fixture.s3));
    downloads::measure(&mut trial, &mut column).await;
    uploads::measure(&mut trial, &mut column).await;
    additions::measure(&mut trial, &mut column).await;
    deviations::measure(&mut trial, &mut column).await;
    keys::measure(&mut trial, &mut column).await;
    downloads::measure_late(&mut trial, &mut column).await;
    trial.fixture.finish().await;
    column
}

/// The bucket policy that the document recommends, of the bucket `example-scans`.
fn policy_of_the_document() -> String {
    let document = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(DOCUMENT)).unwrap();
    let (_, rest) = document.split_once("```json\n").unwrap();
    rest.split_once("\n```").unwrap().0.to_owned()
}

fn version(server: &S3Server) -> String {
    match server.peer {
        Peer::Embedded => "this one".to_owned(),
        Peer::Rclone => {
            let text = run(Command::new("rclone").arg("version"));
            text.lines().next().unwrap().trim_start_matches("rclone v").to_owned()
        }
        _ => server.version.clone(),
    }
}

async fn the_document_says_what_every_server_does() {
    let [embedded, rclone, seaweedfs, others @ ..] = SERVERS.map(|server| Box::pin(measure(server)));
    let [rgw, with_writer, with_policy] = others;
    let columns = tokio::join!(embedded, rclone, seaweedfs, rgw, with_writer, with_policy);
    let columns = [columns.0, columns.1, columns.2, columns.3, columns.4, columns.5];

    // Whatever the document says.
    for (name, peer, _) in SERVERS {
        let column = columns.iter().find(|column| column.server == name).unwrap();
        let is_asked = |row: &&str| column.cell(row) != Cell::NotAsked.to_string();
        for row in must_be_refused().filter(|_| peer.refuses_unsigned_headers()).filter(is_asked) {
            assert_eq!(column.cell(row), Cell::Refused.to_string(), "{name}: {row}");
        }
        for row in [COPY, COPY_FROM_OTHER_BUCKET].into_iter().filter(is_asked) {
            let expected = if name == RGW { Cell::Taken } else { Cell::Refused };
            // A later gateway of Debian may have the fix for CVE-2026-54330: then the document must say so, and
            // `Peer::refuses_unsigned_headers`.
            assert_eq!(column.cell(row), expected.to_string(), "{name}, version {}: {row}", column.cell("version"));
        }
        if name == RGW_WITH_POLICY {
            for row in PUBLISHING {
                assert_eq!(column.cell(row), Cell::Refused.to_string(), "{name}: {row}");
            }
        }
    }

    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(DOCUMENT);
    let document = fs::read_to_string(&path).unwrap();
    let (before, rest) = document.split_once(BEGIN).unwrap();
    let (written, after) = rest.split_once(END).unwrap();
    let comparison = compare(written, &SERVERS.map(|(name, ..)| name), &columns);
    if env::var_os("UPDATE_DOCUMENTS").is_some() {
        fs::write(&path, [before, BEGIN, "\n", &comparison.text, END, after].concat()).unwrap();
        return;
    }
    let differences = comparison.differences.join("\n");
    assert!(differences.is_empty(), "{DOCUMENT} does not say what was measured:\n{differences}");
}

/// On a server that takes what is not signed, an upload URL reads what its signer can read. The broker signs none there
/// unless it is told to, and a key that cannot read makes the attack fail.
async fn a_copy_reads_no_secret_where_uploads_are_signed_by_a_key_that_cannot_read() {
    let server = S3Server::start(Peer::Rgw).await;
    let settings = Settings { policy: POLICY, server: "", ..Settings::default() };
    let refused = start(&server.url, &settings).await.err().unwrap();
    assert!(refused.contains("upload_credentials") && refused.contains("unsigned_headers"), "{refused}");

    for (bucket, expected) in [("unsigned_headers = \"accepted\"", Cell::Taken), (WRITER, Cell::Refused)] {
        let mut trial = Trial::start(Peer::Rgw, bucket).await;
        let s3_bucket = trial.fixture.s3.bucket.clone();
        trial.plant(&s3_bucket, "secret/s", additions::SECRET).await;
        assert_eq!(additions::copy(&mut trial, &s3_bucket).await, Ok(expected), "{bucket}");
        trial.fixture.finish().await;
    }
}

//! A replica whose audit disk is full.

use std::cell::RefCell;
use std::fs;

use access_broker_dev::EmbeddedIssuer;
use tonic::Code;
use tonic_health::pb::health_check_response::ServingStatus;

use crate::registry::{Registry, register};
use crate::support::events::RECORDS_FAILED;
use crate::support::{
    ISSUER, PATIENCE, Process, StartingBroker, VARIABLES, audit_records, configuring, eventually, issuer, token_of,
};

pub(crate) fn register(registry: &mut Registry<'_>) {
    register!(
        registry,
        [OwnMounts],
        a_full_audit_disk_takes_the_replica_out_and_room_on_it_brings_it_back,
        a_replica_whose_audit_disk_is_full_at_the_start_does_not_come_into_rotation,
    );
}

/// A broker with audit records in a file on a disk of this size.
fn start_with_audit_disk(issuer: &EmbeddedIssuer, bytes: u32) -> StartingBroker {
    let audit = "output = \"file\"\nfile = \"audit/audit.jsonl\"";
    let folder = configuring(ISSUER, issuer.jwks()).audit(audit).write_folder();
    let arguments = ["serve", "--config", "broker.toml"];
    StartingBroker::of(Process::start_with_small_disk(("audit", bytes), &arguments, folder, &VARIABLES))
}

/// How much of the audit file's disk there is. tmpfs counts in pages.
const DISK: u32 = 128 * 1_024;

async fn a_full_audit_disk_takes_the_replica_out_and_room_on_it_brings_it_back() {
    let issuer = issuer().await;
    let broker = start_with_audit_disk(&issuer, DISK);
    eventually("a service", PATIENCE, async || broker.health().await == ServingStatus::Serving).await;
    let client = broker.client(&token_of(&issuer, ISSUER)).await;
    let given = vec![client.download("media", "x").await.unwrap().decision_id];
    assert_eq!(broker.health().await, ServingStatus::Serving);

    // Something else fills the disk.
    let filler = broker.process.path_inside("audit/filler");
    let full = fs::write(&filler, vec![0; DISK as usize]).unwrap_err();
    assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
    // The last page of the file has room for some records.
    let given = RefCell::new(given);
    let refused = eventually("a refusal", PATIENCE, async || match client.download("media", "x").await {
        Ok(answer) => {
            given.borrow_mut().push(answer.decision_id);
            None
        }
        Err(status) => Some(status),
    })
    .await;
    let mut given = given.into_inner();
    assert_eq!(refused.code(), Code::Unavailable);
    // No further call is needed: one attempt confirms the outage.
    eventually("an outage", PATIENCE, async || broker.health().await == ServingStatus::NotServing).await;
    assert_eq!(broker.get("/readyz").await, (503, "not ready\nwithout audit records\n".to_owned()));
    let part = "access_broker_part_available{part=\"audit_trail\",name=\"\",required=\"true\"}";
    assert_eq!(broker.metric(part).await.unwrap(), "0.0");

    fs::remove_file(&filler).unwrap();
    eventually("health", PATIENCE, async || broker.health().await == ServingStatus::Serving).await;
    assert_eq!(broker.get("/readyz").await, (200, "ready\n".to_owned()));
    assert_eq!(RECORDS_FAILED.count(&broker.lines()), 1, "one line for one outage");
    given.push(client.download("media", "x").await.unwrap().decision_id);
    let records = audit_records(&fs::read_to_string(broker.process.path_inside("audit/audit.jsonl")).unwrap());
    let recorded: Vec<_> = records.iter().map(|record| record["decision_id"].as_str().unwrap()).collect();
    assert_eq!(recorded, given, "attempts leave nothing in the file");
    broker.stop();
}

async fn a_replica_whose_audit_disk_is_full_at_the_start_does_not_come_into_rotation() {
    let issuer = issuer().await;
    // One page: the file can be made, and nothing fits into it.
    let broker = start_with_audit_disk(&issuer, 4_096);
    let waits = || !broker.levels_of_missing("audit records").is_empty();
    eventually("the other parts", PATIENCE, async || waits()).await;
    assert_eq!(broker.get("/readyz").await, (503, "starting\nwithout audit records\n".to_owned()));
    assert_eq!(broker.health().await, ServingStatus::NotServing);
    assert_eq!(RECORDS_FAILED.count(&broker.lines()), 1);
    broker.stop();
}

//! Rotation while calls go on.

use std::collections::BTreeSet;

use tokio::task::JoinSet;

use crate::audit::broker::{Setup, audit_files};
use crate::support::audit_records;

#[tokio::test(flavor = "multi_thread")]
async fn rotation_under_load_loses_nothing_and_doubles_nothing() {
    let mut broker = Setup::with_file("rotate_size = \"64KiB\"\nrotate_keep = 1000").await.start().await;
    let mut calls = JoinSet::new();
    for client in broker.tokens.clients(broker.address, 4).await {
        calls.spawn(async move {
            let key = "x".repeat(1_000);
            let mut ids = Vec::new();
            for _ in 0..25 {
                let four = tokio::join!(
                    client.download("", &key),
                    client.download("", &key),
                    client.download("no-such-bucket", &key),
                    client.download("", &key),
                );
                assert!(four.2.is_err());
                ids.extend([four.0, four.1, four.3].map(|answer| answer.unwrap().decision_id));
            }
            ids
        });
    }
    let answered: Vec<String> = calls.join_all().await.concat();
    broker.stop();
    let files = audit_files(&broker.process.path(""));
    assert!(files.len() >= 7, "{}", files.len());
    assert!(files.values().all(|file| file.len() <= 64 * 1_024));
    let recorded: Vec<String> = files
        .values()
        .flat_map(|file| audit_records(file))
        .map(|record| record["decision_id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(recorded.len(), 400);
    let once: BTreeSet<_> = recorded.iter().collect();
    assert_eq!(once.len(), 400);
    assert!(answered.iter().all(|id| once.contains(id)));
}

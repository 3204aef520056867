//! A process that is killed at any moment.

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::audit::broker::{Setup, audit_files};
use crate::support::audit_record;

const ROUNDS: usize = 5;

#[tokio::test(flavor = "multi_thread")]
async fn no_record_is_lost_whose_answer_was_sent() {
    let mut setup = Setup::with_file("rotate_size = \"64KiB\"\nrotate_keep = 1000").await;
    let answered = Arc::new(Mutex::new(Vec::new()));
    for _ in 0..ROUNDS {
        let broker = setup.start().await;
        let mut callers = JoinSet::new();
        for client in broker.tokens.clients(broker.address, 4).await {
            let (client, answered) = (Arc::new(client), Arc::clone(&answered));
            for _ in 0..8 {
                let (client, answered) = (Arc::clone(&client), Arc::clone(&answered));
                // Until the process is gone.
                callers.spawn(async move {
                    while let Ok(answer) = client.download("", &"x".repeat(500)).await {
                        answered.lock().unwrap().push(answer.decision_id);
                    }
                });
            }
        }
        sleep(random_moment()).await;
        let folder = broker.process.kill();
        callers.join_all().await;
        setup = Setup { folder, tokens: broker.tokens };
    }

    let mut recorded: BTreeMap<String, usize> = BTreeMap::new();
    let mut torn = 0;
    for line in audit_files(setup.folder.path()).values().flat_map(|file| file.lines()) {
        // What a kill cut off is closed off before the next record, and is no JSON.
        if serde_json::from_str::<serde_json::Value>(line).is_ok() {
            let id = audit_record(line)["decision_id"].as_str().unwrap().to_owned();
            *recorded.entry(id).or_default() += 1;
        } else {
            torn += 1;
        }
    }
    let answered = answered.lock().unwrap();
    assert!(answered.len() > 20 * ROUNDS, "{} answers are no load", answered.len());
    for id in answered.iter() {
        assert_eq!(recorded.get(id), Some(&1), "{id}");
    }
    assert!(recorded.values().all(|count| *count == 1));
    assert!(torn <= ROUNDS, "each kill tears one line at most: {torn}");
    let current = fs::read_to_string(setup.folder.path().join("audit.jsonl")).unwrap();
    let whole = current.rfind('\n').map_or(0, |end| end + 1);
    assert!(current.len() - whole < 4_096, "only the last line can lack its end");
}

/// Between 0.1 and 0.6 seconds.
fn random_moment() -> Duration {
    let noise = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_nanos();
    Duration::from_micros(100_000 + u64::from(noise / 1_000) % 500_000)
}

//! Puts a changed policy file in force, and keeps the last good policy when the new one is not valid.

use std::sync::Arc;

use tokio::{task, time};

use crate::config::Config;
use crate::document;
use crate::policy::{Policy, PolicyStore};

/// Looks at the policy file again and again. Never returns.
///
/// `in_force` is the text of the policy that is in force already. `prepare` hears of each valid policy right before it is
/// put in force.
///
/// The content is compared, not the time of change: mounted volumes swap links, and their times may go backwards.
pub(super) async fn watch(config: Config, store: Arc<PolicyStore>, in_force: String, prepare: impl Fn(&Policy)) {
    let path = &config.policy.file;
    let mut seen: Result<String, std::io::ErrorKind> = Ok(in_force);
    loop {
        let reading = path.clone();
        let read = task::spawn_blocking(move || document::read_file(&reading)).await;
        // Reading does not panic; if it ever did, that would be one more file that cannot be read.
        let read = read.unwrap_or_else(|error| Err(error.into())).map_err(|error| error.kind());
        if seen != read {
            match &read {
                Ok(text) => take(&config, &store, &prepare, text),
                Err(kind) => {
                    store.note_refused();
                    tracing::error!(
                        file = %path.display(), error = %kind,
                        "the policy file cannot be read; the last good policy stays in force"
                    );
                }
            }
            seen = read;
        }
        time::sleep(config.policy.reload_interval).await;
    }
}

fn take(config: &Config, store: &PolicyStore, prepare: impl Fn(&Policy), text: &str) {
    match config.parse_policy(text) {
        Ok(policy) => {
            tracing::info!(file = %config.policy.file.display(), tiers = policy.outline().len(), "policy in force");
            prepare(&policy);
            store.replace(policy);
        }
        Err(problems) => {
            for problem in problems.to_string().lines() {
                tracing::error!(problem, "the policy file is not valid");
            }
            store.note_refused();
            tracing::error!("the last good policy stays in force");
        }
    }
}

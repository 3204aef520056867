//! Makes a changed policy file or members file active when it is stable and valid, and keeps the last good policy
//! otherwise.

mod file_watch;
mod judge;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task;
use tokio::time::Instant;

pub(in crate::server) use self::judge::PolicyWatch;
use self::judge::{ArrivalsSeen, Outcome, PolicyRefusal};
use crate::config::{Config, PolicyArrivals, PolicyFiles, PolicyPart, PolicySnapshot};
use crate::policy_store::PolicyStore;
use crate::server::reload_receiver::ReloadReceiver;
use access_broker_base::document::Problems;
use access_broker_base::files::REREAD_DELAY;
use access_broker_policy::{CompiledPolicy, Policy};

/// Reads the policy file and the members file regularly, and immediately on a reload request. Never returns.
///
/// `watched` has the active policy. `before_activation` gets each valid policy right before it becomes active.
///
/// The content is compared, not the modification time: mounted volumes swap links, and their times may go backwards.
pub(in crate::server) async fn watch(
    config: Config,
    store: Arc<PolicyStore>,
    watched: Watched,
    before_activation: impl Fn(&Policy) + Send + Sync + 'static,
    mut reloads: ReloadReceiver,
) {
    let interval = config.policy.reload_interval;
    let files = PolicyFiles::new(&config.policy);
    let reload = Arc::new(Reload { config, files, store, watched: Mutex::new(watched), before_activation });
    let started = Instant::now();
    loop {
        let (reading, now) = (Arc::clone(&reload), started.elapsed());
        // Not on the runtime's threads: a file system may hang, and a large policy takes a second to compile.
        let is_pending = task::spawn_blocking(move || reading.read_once(now)).await.unwrap_or_else(|error| {
            reload.store.note_refused();
            reload.store.note_file_in_force(false);
            tracing::error!(%error, "reading the policy file failed; the last good policy stays active");
            false
        });
        reloads.pause(if is_pending { interval.min(REREAD_DELAY) } else { interval }).await;
    }
}

struct Reload<F> {
    config: Config,
    files: PolicyFiles,
    store: Arc<PolicyStore>,
    watched: Mutex<Watched>,
    before_activation: F,
}

/// The active policy, and how files arrived at its paths since before they were read.
pub(in crate::server) struct Watched {
    pub(in crate::server) policy: PolicyWatch,
    pub(in crate::server) arrivals: PolicyArrivals,
}

impl<F: Fn(&Policy)> Reload<F> {
    /// Reads the files once. Returns whether the next read should be soon.
    fn read_once(&self, now: Duration) -> bool {
        let seen = self.files.read();
        // One read at a time. After a panic the state is still usable.
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        // Queried after the files were read: a later arrival is another content, and is read twice on its own.
        let arrivals = watched.arrivals.seen(&seen);
        let step = watched.policy.take(&self.config, &self.files, &seen, arrivals, now);
        if let Some(file_in_force) = step.file_in_force {
            self.store.note_file_in_force(file_in_force);
        }
        let file = self.files.part(PolicyPart::Policy).path();
        match step.outcome {
            Outcome::Unchanged => false,
            Outcome::InForceAgain => {
                tracing::info!(file = %file.display(), "policy file has the active policy again");
                false
            }
            Outcome::Pending { first_seen_in_place } => {
                for part in first_seen_in_place {
                    self.announce(part);
                }
                true
            }
            Outcome::Replaced { compiled: CompiledPolicy { policy, warnings }, written } => {
                watched.arrivals.forget();
                let members = policy.members();
                super::warnings::log("policy", &warnings);
                let tiers = policy.outline().len();
                let hash = policy.hash();
                let members_hash = members.map(|outline| tracing::field::display(outline.hash));
                let members = members.map(|outline| outline.members);
                tracing::info!(file = %file.display(), tiers, %hash, written, members, members_hash, "policy active");
                (self.before_activation)(&policy);
                self.store.replace(policy);
                false
            }
            Outcome::Refused(part, refusal) => {
                self.store.note_refused();
                let file = self.files.part(part);
                report(part, file.path(), file.checksum_path(), &refusal);
                false
            }
        }
    }

    fn announce(&self, part: PolicyPart) {
        let (file, settle) =
            (self.files.part(part).path().display(), humantime::format_duration(self.config.policy.settle));
        match part {
            PolicyPart::Policy => tracing::info!(
                %file, %settle,
                "policy file was changed in place; it becomes active when it has been unchanged for the time of settle"
            ),
            PolicyPart::Members => tracing::info!(
                %file, %settle,
                "members file was changed in place; it becomes active when it has been unchanged for the time of settle"
            ),
        }
    }
}

impl PolicyArrivals {
    fn seen(&mut self, seen: &PolicySnapshot) -> ArrivalsSeen {
        let of_members = self.members.as_mut().zip(seen.members.as_ref());
        ArrivalsSeen {
            policy: seen.policy.file.as_ref().ok().and_then(|look| self.policy.last(look.id.real_path())),
            members: of_members.and_then(|(arrivals, seen)| arrivals.last(seen.file.as_ref().ok()?.id.real_path())),
        }
    }

    fn forget(&mut self) {
        self.policy.forget();
        if let Some(members) = &mut self.members {
            members.forget();
        }
    }
}

fn report(part: PolicyPart, file: &Path, checksum: &Path, refusal: &PolicyRefusal) {
    let file = file.display();
    match refusal {
        PolicyRefusal::File(problem) => {
            tracing::error!(%file, error = %format_args!("the {} {problem}", name(part)), "policy refused; the last good policy stays active");
        }
        PolicyRefusal::Proof(error) => tracing::error!(
            %file, %error,
            "policy refused: its checksum or signature is invalid; the last good policy stays active"
        ),
        PolicyRefusal::Invalid(problems) => report_problems(part, problems),
        PolicyRefusal::TakesAway(losses) => {
            // The first few are enough.
            let lost: Vec<String> = losses.iter().take(5).map(ToString::to_string).collect();
            tracing::error!(
                %file, checksum_file = %checksum.display(), lost = %lost.join("; "), losses = losses.len(),
                "policy refused: the file was changed in place and has less in it than the active policy, so it may be \
                 truncated; the last good policy stays active. Replace the file by rename (mv), or write its checksum to \
                 checksum_file"
            );
        }
    }
}

const fn name(part: PolicyPart) -> &'static str {
    match part {
        PolicyPart::Policy => "policy file",
        PolicyPart::Members => "members file",
    }
}

fn report_problems(part: PolicyPart, problems: &Problems) {
    for problem in problems.to_string().lines() {
        match part {
            PolicyPart::Policy => tracing::error!(problem, "policy refused: the policy file is invalid"),
            PolicyPart::Members => tracing::error!(problem, "policy refused: the members file is invalid"),
        }
    }
    tracing::error!("policy refused; the last good policy stays active");
}

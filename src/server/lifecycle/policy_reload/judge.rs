//! Decides about the policy file after each read. No I/O; the time is an argument.

use std::time::Duration;

use crate::config::{PolicySnapshot, PolicySource, ProofError};
use access_broker_base::document::Problems;
use access_broker_base::files::{
    Arrival, ChangeMethod, Digest, FileError, FilesState, Observation, REREAD_DELAY, Tracker,
};
use access_broker_policy::{CompiledPolicy, Loss, losses};

/// The active policy, and what was read since.
#[derive(Debug)]
pub(in crate::server) struct PolicyWatch {
    settle: Duration,
    in_force: String,
    policy: Tracker,
    /// Checksum and signature prove the content, so two equal reads are enough, however the files were written.
    proofs: Tracker,
    /// The refused files. They are checked again when one of them has changed.
    refused: Option<([Observation; 3], ChangeMethod)>,
    /// The content that was last reported as being changed in place.
    announced: Option<Digest>,
}

/// The result of one read.
#[derive(Debug)]
pub(super) struct Step {
    /// Whether the file has the active policy; `None` if nothing changed.
    pub(super) file_in_force: Option<bool>,
    pub(super) outcome: Outcome,
}

#[derive(Debug)]
pub(super) enum Outcome {
    Unchanged,
    /// A file with other content has the active policy again.
    InForceAgain,
    /// The file changed, and may become active after another read.
    Pending {
        first_seen_in_place: bool,
    },
    Replaced {
        compiled: CompiledPolicy,
        /// How the file was written, for the log.
        written: &'static str,
    },
    Refused(PolicyRefusal),
}

/// Why a stable policy file is refused.
#[derive(Debug)]
pub(super) enum PolicyRefusal {
    File(FileError),
    Proof(ProofError),
    Invalid(Problems),
    /// It was changed in place, has less in it than the active policy, and nothing proves that it is complete.
    TakesAway(Vec<Loss>),
}

enum Verdict {
    Accept(CompiledPolicy, String),
    StillInForce,
    Refuse(PolicyRefusal),
}

impl PolicyWatch {
    /// Starts with the source of the active policy, which is neither read nor compiled again.
    pub(in crate::server) fn new(settle: Duration, in_force: PolicySource) -> Self {
        let PolicySource { text, sight, proofs } = in_force;
        Self {
            settle,
            in_force: text,
            policy: Tracker::new(settle, &[sight]),
            proofs: Tracker::new(REREAD_DELAY, &proofs),
            refused: None,
            announced: None,
        }
    }

    /// Evaluates a read at `now` of a file that arrived in this way, if that is known. `vouch` says whether a checksum
    /// or signature proves that a content is complete.
    pub(super) fn take(
        &mut self,
        seen: &PolicySnapshot,
        arrival: Option<Arrival>,
        now: Duration,
        vouch: impl Fn(&[u8]) -> Result<bool, ProofError>,
        compile: impl Fn(&str) -> Result<CompiledPolicy, Problems>,
    ) -> Step {
        let sight = Observation::from_read(&seen.policy);
        let proofs = seen.proofs();
        let by_policy = self.policy.observe(std::slice::from_ref(&sight), now);
        let by_proofs = self.proofs.observe(&proofs, now);
        let is_in_force = by_policy == FilesState::Active;
        let (writing, unchanged_for) = match (by_policy, by_proofs) {
            (FilesState::Active, FilesState::Active) => return self.in_force_again(),
            (FilesState::Pending { .. }, _) | (_, FilesState::Pending { .. }) => {
                return self.pending(is_in_force, &sight);
            }
            (FilesState::Active, FilesState::Usable { .. }) => (ChangeMethod::Moved, now),
            (FilesState::Usable { writing, unchanged_for }, _) => (writing, unchanged_for),
        };
        // If its times do not show how the file arrived, the kernel may know.
        let writing = match (writing, arrival) {
            (ChangeMethod::Created, Some(Arrival::Renamed)) => ChangeMethod::Moved,
            // A copy that sets the time of its file back looks like a rename.
            (ChangeMethod::Created | ChangeMethod::Moved, Some(Arrival::Created | Arrival::Unreported))
            | (ChangeMethod::Created, None) => ChangeMethod::InPlace,
            (writing, _) => writing,
        };
        if writing == ChangeMethod::InPlace && unchanged_for < self.settle && !is_in_force {
            return Step { file_in_force: Some(false), outcome: Outcome::Pending { first_seen_in_place: false } };
        }
        let [checksum, signature] = proofs;
        let judged = ([sight, checksum, signature], writing);
        if self.refused.as_ref() == Some(&judged) {
            return Step { file_in_force: Some(false), outcome: Outcome::Unchanged };
        }
        match self.judge(seen, is_in_force, writing, vouch, compile) {
            Verdict::Accept(compiled, text) => {
                self.policy.accept();
                self.proofs.accept();
                (self.in_force, self.refused) = (text, None);
                Step { file_in_force: Some(true), outcome: Outcome::Replaced { compiled, written: word(writing) } }
            }
            Verdict::StillInForce => {
                self.proofs.accept();
                self.in_force_again()
            }
            Verdict::Refuse(refusal) => {
                self.refused = Some(judged);
                Step { file_in_force: Some(false), outcome: Outcome::Refused(refusal) }
            }
        }
    }

    fn in_force_again(&mut self) -> Step {
        self.announced = None;
        let outcome = if self.refused.take().is_some() { Outcome::InForceAgain } else { Outcome::Unchanged };
        Step { file_in_force: Some(true), outcome }
    }

    fn pending(&mut self, is_in_force: bool, sight: &Observation) -> Step {
        let in_place = self.policy.writing() == ChangeMethod::InPlace && !is_in_force;
        // A file that is not there, or cannot be read, has not been changed.
        let first_seen_in_place = in_place && sight.digest().is_some() && self.announced != sight.digest();
        if in_place {
            self.announced = sight.digest();
        }
        // A changed checksum next to the active policy has no effect yet.
        let file_in_force = (!is_in_force).then_some(false);
        Step { file_in_force, outcome: Outcome::Pending { first_seen_in_place } }
    }

    fn judge(
        &self,
        seen: &PolicySnapshot,
        is_in_force: bool,
        writing: ChangeMethod,
        vouch: impl Fn(&[u8]) -> Result<bool, ProofError>,
        compile: impl Fn(&str) -> Result<CompiledPolicy, Problems>,
    ) -> Verdict {
        let content = match &seen.policy {
            Ok(look) if look.content.is_empty() => return Verdict::Refuse(PolicyRefusal::File(FileError::Empty)),
            Ok(look) => &look.content,
            Err(problem) => return Verdict::Refuse(PolicyRefusal::File(*problem)),
        };
        let is_whole = match vouch(content) {
            Ok(is_whole) => is_whole || writing <= ChangeMethod::Moved,
            Err(error) => return Verdict::Refuse(PolicyRefusal::Proof(error)),
        };
        if is_in_force {
            return Verdict::StillInForce;
        }
        let Ok(text) = str::from_utf8(content) else { return Verdict::Refuse(PolicyRefusal::File(FileError::NotText)) };
        let lost = if is_whole { Vec::new() } else { losses(&self.in_force, text) };
        match compile(text) {
            Err(problems) => Verdict::Refuse(PolicyRefusal::Invalid(problems)),
            Ok(_) if writing == ChangeMethod::InPlace && !lost.is_empty() => {
                Verdict::Refuse(PolicyRefusal::TakesAway(lost))
            }
            Ok(compiled) => Verdict::Accept(compiled, text.to_owned()),
        }
    }
}

const fn word(writing: ChangeMethod) -> &'static str {
    match writing {
        ChangeMethod::NewTarget => "symbolic link changed",
        ChangeMethod::Moved => "renamed into place",
        ChangeMethod::Created => "new file",
        ChangeMethod::InPlace => "in place",
    }
}

#[cfg(test)]
mod tests;

//! Decides what one look at the policy file leads to. No I/O, and the time is passed in.

use std::time::Duration;

use crate::config::{PolicySnapshot, PolicySource, ProofError};
use access_broker_base::document::Problems;
use access_broker_base::files::{
    Arrival, ChangeMethod, Digest, FileError, FilesState, Observation, REREAD_DELAY, Tracker,
};
use access_broker_policy::{CompiledPolicy, Loss, losses};

/// What is in force, and what was seen since.
#[derive(Debug)]
pub(in crate::server) struct PolicyWatch {
    settle: Duration,
    in_force: String,
    policy: Tracker,
    /// Checksum and signature prove themselves, so that two equal looks are enough however they were written.
    proofs: Tracker,
    /// What was refused last. It is judged again when any of it has changed.
    refused: Option<([Observation; 3], ChangeMethod)>,
    /// The content that was last seen to be written in place.
    announced: Option<Digest>,
}

/// What a look leads to.
#[derive(Debug)]
pub(super) struct Step {
    /// Whether the file holds the policy in force; `None` where nothing new is known.
    pub(super) file_in_force: Option<bool>,
    pub(super) outcome: Outcome,
}

#[derive(Debug)]
pub(super) enum Outcome {
    Unchanged,
    /// A file that did not hold the policy in force does so again.
    InForceAgain,
    /// Something else is there, and may count after another look.
    Pending {
        first_seen_in_place: bool,
    },
    Replaced {
        compiled: CompiledPolicy,
        /// How the file was written, for the log.
        written: &'static str,
    },
    Refused(Refusal),
}

/// Why a policy file that counts is not put in force.
#[derive(Debug)]
pub(super) enum Refusal {
    File(FileError),
    Proof(ProofError),
    Invalid(Problems),
    /// It was changed in place, has less in it than the policy in force, and nothing proves that it is whole.
    TakesAway(Vec<Loss>),
}

enum Verdict {
    Accept(CompiledPolicy, String),
    StillInForce,
    Refuse(Refusal),
}

impl PolicyWatch {
    /// Begins with what the policy in force was compiled from. It is neither read nor compiled again.
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

    /// Takes a look, made at `now`, at a file that arrived in this way, where that is known. `vouch` tells whether a checksum or signature proves that a content is whole.
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
        // Where its times leave it open how the file came to be there, the kernel may know.
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
        let first_seen_in_place = in_place && self.announced != sight.digest();
        if in_place {
            self.announced = sight.digest();
        }
        // A checksum that changes beside the policy in force says nothing yet.
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
            Ok(look) if look.content.is_empty() => return Verdict::Refuse(Refusal::File(FileError::Empty)),
            Ok(look) => &look.content,
            Err(problem) => return Verdict::Refuse(Refusal::File(*problem)),
        };
        let is_whole = match vouch(content) {
            Ok(is_whole) => is_whole || writing <= ChangeMethod::Moved,
            Err(error) => return Verdict::Refuse(Refusal::Proof(error)),
        };
        if is_in_force {
            return Verdict::StillInForce;
        }
        let Ok(text) = str::from_utf8(content) else { return Verdict::Refuse(Refusal::File(FileError::NotText)) };
        let lost = if is_whole { Vec::new() } else { losses(&self.in_force, text) };
        match compile(text) {
            Err(problems) => Verdict::Refuse(Refusal::Invalid(problems)),
            Ok(_) if writing == ChangeMethod::InPlace && !lost.is_empty() => Verdict::Refuse(Refusal::TakesAway(lost)),
            Ok(compiled) => Verdict::Accept(compiled, text.to_owned()),
        }
    }
}

const fn word(writing: ChangeMethod) -> &'static str {
    match writing {
        ChangeMethod::NewTarget => "elsewhere",
        ChangeMethod::Moved => "elsewhere and moved",
        ChangeMethod::Created => "as a new file",
        ChangeMethod::InPlace => "in place",
    }
}

#[cfg(test)]
mod tests;

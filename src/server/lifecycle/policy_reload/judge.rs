//! Decides about the policy file and the members file after each read. No I/O; the time is an argument.
//!
//! The two become active together: what is on disk is judged as a whole.

use std::sync::Arc;
use std::time::Duration;

use super::file_watch::{FileWatch, Judged, Stage};
use crate::config::{
    Config, MembersSource, PolicyFiles, PolicyPart, PolicySnapshot, PolicySource, ProofError, ProvenSnapshot,
};
use access_broker_base::document::Problems;
use access_broker_base::files::{Arrival, ChangeMethod, FileError};
use access_broker_policy::{CompiledPolicy, Loss, Members, losses, lost_lists};

/// The active policy, and what was read since.
#[derive(Debug)]
pub(in crate::server) struct PolicyWatch {
    in_force: String,
    policy: FileWatch,
    /// `None`: the configuration has no members file.
    members: Option<WatchedMembers>,
    /// The refused files. They are checked again when one of them has changed.
    refused: Option<(Judged, Option<Judged>)>,
}

#[derive(Debug)]
struct WatchedMembers {
    in_force: Arc<Members>,
    file: FileWatch,
}

/// How the files arrived, if that is known.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ArrivalsSeen {
    pub(super) policy: Option<Arrival>,
    pub(super) members: Option<Arrival>,
}

/// The result of one read.
#[derive(Debug)]
pub(super) struct Step {
    /// Whether the files have the active policy; `None` if nothing changed.
    pub(super) file_in_force: Option<bool>,
    pub(super) outcome: Outcome,
}

#[derive(Debug)]
pub(super) enum Outcome {
    Unchanged,
    /// Files with other content have the active policy again.
    InForceAgain,
    /// A file changed, and may become active after another read.
    Pending {
        /// The files that this read was the first to find changed in place.
        first_seen_in_place: Vec<PolicyPart>,
    },
    Replaced {
        compiled: CompiledPolicy,
        /// How the file was written, for the log: of two changed files, the one that was written in the less safe way.
        written: &'static str,
    },
    Refused(PolicyPart, PolicyRefusal),
}

/// Why a stable file is refused.
#[derive(Debug)]
pub(super) enum PolicyRefusal {
    File(FileError),
    Proof(ProofError),
    Invalid(Problems),
    /// It was changed in place, has less in it than the active one, and nothing proves that it is complete.
    TakesAway(Vec<Loss>),
}

/// What is judged, with what it is judged by.
struct Case<'c> {
    config: &'c Config,
    files: &'c PolicyFiles,
    seen: &'c PolicySnapshot,
}

/// What becomes active. Without a new text or new members, the active ones stay.
struct Accepted {
    compiled: CompiledPolicy,
    text: Option<String>,
    members: Option<Arc<Members>>,
}

/// A new content that may be used, and whether it is certainly complete.
struct NewText<'c> {
    text: &'c str,
    is_whole: bool,
}

impl PolicyWatch {
    /// Starts with the source of the active policy, which is neither read nor compiled again.
    pub(in crate::server) fn new(settle: Duration, in_force: PolicySource) -> Self {
        let PolicySource { text, policy, members } = in_force;
        let watched =
            |MembersSource { members, file }| WatchedMembers { in_force: members, file: FileWatch::new(settle, file) };
        Self { in_force: text, policy: FileWatch::new(settle, policy), members: members.map(watched), refused: None }
    }

    /// Evaluates a read at `now`.
    pub(super) fn take(
        &mut self,
        config: &Config,
        files: &PolicyFiles,
        seen: &PolicySnapshot,
        arrivals: ArrivalsSeen,
        now: Duration,
    ) -> Step {
        let of_policy = self.policy.observe(&seen.policy, arrivals.policy, now);
        let of_members = self.members.as_mut().zip(seen.members.as_ref());
        let of_members = of_members.map(|(watched, seen)| (watched.file.observe(seen, arrivals.members, now), seen));
        let stage_of_members = of_members.map_or(Stage::Active, |(stage, _)| stage);
        let stages = [(PolicyPart::Policy, of_policy), (PolicyPart::Members, stage_of_members)];
        if stages.iter().all(|(_, stage)| *stage == Stage::Active) {
            return self.in_force_again();
        }
        if stages.iter().any(|(_, stage)| stage.is_pending()) {
            return pending(&stages);
        }
        let judged = (of_policy.judged(&seen.policy), of_members.map(|(stage, seen)| stage.judged(seen)));
        if self.refused.as_ref() == Some(&judged) {
            return Step { file_in_force: Some(false), outcome: Outcome::Unchanged };
        }
        match self.judge(&Case { config, files, seen }, of_policy, stage_of_members) {
            Ok(Some(Accepted { compiled, text, members })) => {
                self.activate(text, members);
                let writing = of_policy.writing().max(stage_of_members.writing()).unwrap_or(ChangeMethod::Moved);
                Step { file_in_force: Some(true), outcome: Outcome::Replaced { compiled, written: word(writing) } }
            }
            Ok(None) => {
                self.policy.accept_proofs();
                if let Some(watched) = &mut self.members {
                    watched.file.accept_proofs();
                }
                self.in_force_again()
            }
            Err((part, refusal)) => {
                self.refused = Some(judged);
                Step { file_in_force: Some(false), outcome: Outcome::Refused(part, refusal) }
            }
        }
    }

    fn activate(&mut self, text: Option<String>, members: Option<Arc<Members>>) {
        self.policy.accept();
        if let Some(text) = text {
            self.in_force = text;
        }
        if let Some(watched) = &mut self.members {
            watched.file.accept();
            if let Some(members) = members {
                watched.in_force = members;
            }
        }
        self.refused = None;
    }

    fn in_force_again(&mut self) -> Step {
        let outcome = if self.refused.take().is_some() { Outcome::InForceAgain } else { Outcome::Unchanged };
        Step { file_in_force: Some(true), outcome }
    }

    /// Neither file is pending, and one of them is new or has new proofs. `None`: both have the active content.
    fn judge(
        &self,
        case: &Case<'_>,
        of_policy: Stage,
        of_members: Stage,
    ) -> Result<Option<Accepted>, (PolicyPart, PolicyRefusal)> {
        let in_members = |refusal| (PolicyPart::Members, refusal);
        let in_policy = |refusal| (PolicyPart::Policy, refusal);
        let policy = case.new_text(PolicyPart::Policy, &case.seen.policy, of_policy).map_err(in_policy)?;
        let members = match (&self.members, &case.seen.members) {
            (Some(watched), Some(seen)) => {
                let text = case.new_text(PolicyPart::Members, seen, of_members).map_err(in_members)?;
                Some((&watched.in_force, text))
            }
            _ => None,
        };
        if policy.is_none() && !members.as_ref().is_some_and(|(_, text)| text.is_some()) {
            return Ok(None);
        }
        let new_members = match &members {
            Some((in_force, Some(new))) => Some(case.new_members(in_force, new).map_err(in_members)?),
            Some((_, None)) | None => None,
        };
        let active = members.map(|(in_force, _)| in_force);
        let text = policy.as_ref().map_or(&*self.in_force, |new| new.text);
        let compiled = case.config.compile_policy(text, new_members.as_ref().or(active).map(AsRef::as_ref));
        let compiled = compiled.map_err(|problems| in_policy(PolicyRefusal::Invalid(problems)))?;
        if let Some(NewText { text, is_whole: false }) = policy {
            refuse_losses(losses(&self.in_force, text)).map_err(in_policy)?;
        }
        Ok(Some(Accepted { compiled, text: policy.map(|new| new.text.to_owned()), members: new_members }))
    }
}

impl<'c> Case<'c> {
    /// The content of a file, if it is not the active one. The proofs of both are checked.
    fn new_text(
        &self,
        part: PolicyPart,
        seen: &'c ProvenSnapshot,
        stage: Stage,
    ) -> Result<Option<NewText<'c>>, PolicyRefusal> {
        let Some(writing) = stage.writing() else { return Ok(None) };
        let content = match &seen.file {
            Ok(look) if look.content.is_empty() => return Err(PolicyRefusal::File(FileError::Empty)),
            Ok(look) => &look.content,
            Err(problem) => return Err(PolicyRefusal::File(*problem)),
        };
        let is_proven = self.files.part(part).is_vouched_for(content, seen).map_err(PolicyRefusal::Proof)?;
        if stage.is_in_force() {
            return Ok(None);
        }
        let text = str::from_utf8(content).map_err(|_| PolicyRefusal::File(FileError::NotText))?;
        Ok(Some(NewText { text, is_whole: is_proven || writing != ChangeMethod::InPlace }))
    }

    fn new_members(&self, in_force: &Members, new: &NewText<'_>) -> Result<Arc<Members>, PolicyRefusal> {
        let members = self.config.parse_members(new.text).map_err(PolicyRefusal::Invalid)?;
        if !new.is_whole {
            refuse_losses(lost_lists(in_force, &members))?;
        }
        Ok(Arc::new(members))
    }
}

fn refuse_losses(lost: Vec<Loss>) -> Result<(), PolicyRefusal> {
    if lost.is_empty() { Ok(()) } else { Err(PolicyRefusal::TakesAway(lost)) }
}

fn pending(stages: &[(PolicyPart, Stage)]) -> Step {
    // A changed checksum next to the active policy has no effect yet.
    let has_other = stages.iter().any(|(_, stage)| !stage.is_in_force());
    let announced = |stage: &Stage| matches!(stage, Stage::Pending { first_seen_in_place: true, .. });
    let first_seen_in_place = stages.iter().filter(|(_, stage)| announced(stage)).map(|(part, _)| *part).collect();
    Step { file_in_force: has_other.then_some(false), outcome: Outcome::Pending { first_seen_in_place } }
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

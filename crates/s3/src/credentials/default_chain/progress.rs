//! The current step of a question, for the error if its thread hangs.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The current step. Shared between the thread that asks the sources and the one that waits for the answer.
#[derive(Debug, Clone, Default)]
pub(super) struct Progress(Arc<Mutex<Step>>);

#[derive(Debug, Default)]
struct Step {
    /// The errors of the sources before.
    earlier_errors: String,
    source: &'static str,
    /// The current step of the source.
    detail: String,
}

impl Progress {
    /// Records that a source is asked, and the errors of the sources before.
    pub(super) fn begins(&self, source: &'static str, earlier_errors: String) {
        *self.step() = Step { earlier_errors, source, detail: String::new() };
    }

    /// Records a step that may take long, such as reading a file.
    pub(super) fn detail(&self, detail: String) {
        self.step().detail = detail;
    }

    /// The current step of the source as a prefix for its error, or an empty text.
    pub(super) fn what(&self) -> String {
        let step = self.step();
        if step.detail.is_empty() { String::new() } else { format!("{}: ", step.detail) }
    }

    /// The sources before and the current step as a prefix for an error, or an empty text.
    pub(super) fn all(&self) -> String {
        let what = self.what();
        let step = self.step();
        let earlier_errors =
            if step.earlier_errors.is_empty() { String::new() } else { format!("{}; ", step.earlier_errors) };
        let source = if step.source.is_empty() { String::new() } else { format!("{}: ", step.source) };
        format!("{earlier_errors}{source}{what}")
    }

    fn step(&self) -> MutexGuard<'_, Step> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_before_and_what_is_asked_are_told() {
        let progress = Progress::default();
        assert_eq!(progress.all(), "");
        progress.begins("environment", String::new());
        assert_eq!(progress.all(), "environment: ");
        progress.begins("web identity", "profile: no credentials".to_owned());
        progress.detail("AWS_WEB_IDENTITY_TOKEN_FILE /t".to_owned());
        assert_eq!(progress.all(), "profile: no credentials; web identity: AWS_WEB_IDENTITY_TOKEN_FILE /t: ");
        progress.begins("container", String::new());
        assert_eq!(progress.what(), "");
    }
}

//! The state of an output, by its last results.

/// From the first failure to the next record that is written in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Outage {
    state: State,
    relapses: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    /// Nothing has been tried yet.
    #[default]
    Untried,
    /// The last group was written in time.
    Keeping,
    /// One group failed. The next one may succeed.
    Doubtful,
    /// Two groups or attempts in a row failed.
    Refusing,
    /// An attempt succeeded, and no record has been written since. An attempt does not detect every cause of a failure,
    /// so one failure is enough now.
    OnProbation,
}

impl Outage {
    pub(super) const fn is_refusing(self) -> bool {
        matches!(self.state, State::Untried | State::Refusing)
    }

    pub(super) const fn is_in_doubt(self) -> bool {
        matches!(self.state, State::Untried | State::Doubtful | State::Refusing)
    }

    /// How often records failed right after a successful attempt.
    pub(super) const fn relapses(self) -> u32 {
        self.relapses
    }

    pub(super) const fn records_kept(&mut self) {
        *self = Self { state: State::Keeping, relapses: 0 };
    }

    /// Records were written too late for their answers.
    pub(super) const fn records_late(&mut self) {
        if matches!(self.state, State::OnProbation) {
            self.failed();
        }
    }

    pub(super) const fn attempt_succeeded(&mut self) {
        if self.is_in_doubt() {
            self.state = State::OnProbation;
        }
    }

    pub(super) const fn failed(&mut self) {
        self.state = match self.state {
            State::Keeping => State::Doubtful,
            State::Untried | State::Doubtful | State::Refusing => State::Refusing,
            State::OnProbation => {
                self.relapses = self.relapses.saturating_add(1);
                State::Refusing
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_known_to_be_kept_before_the_first_attempt_or_record() {
        let untried = Outage::default();
        assert!(untried.is_refusing() && untried.is_in_doubt());
        let after = |change: fn(&mut Outage)| {
            let mut outage = untried;
            change(&mut outage);
            (outage.is_refusing(), outage.is_in_doubt(), outage.relapses())
        };
        assert_eq!(after(Outage::attempt_succeeded), (false, false, 0));
        assert_eq!(after(Outage::records_kept), (false, false, 0));
        assert_eq!(after(Outage::failed), (true, true, 0));
    }

    #[test]
    fn two_failures_in_a_row_make_an_outage_and_a_record_ends_it() {
        let mut outage = Outage::default();
        outage.records_kept();
        outage.failed();
        assert!(!outage.is_refusing() && outage.is_in_doubt());
        outage.records_kept();
        outage.failed();
        assert!(!outage.is_refusing());
        outage.failed();
        assert!(outage.is_refusing() && outage.is_in_doubt());
        outage.records_kept();
        assert_eq!((outage.is_refusing(), outage.is_in_doubt()), (false, false));
    }

    #[test]
    fn after_an_attempt_one_failure_or_delay_is_enough_and_is_a_relapse() {
        let mut outage = Outage::default();
        outage.records_kept();
        outage.attempt_succeeded();
        outage.records_late();
        assert!(!outage.is_refusing() && !outage.is_in_doubt(), "attempts without need and delays change nothing");
        outage.failed();
        outage.failed();
        for (relapses, failure) in
            [(1, Outage::failed as fn(&mut Outage)), (2, Outage::records_late), (3, Outage::failed)]
        {
            outage.attempt_succeeded();
            assert!(!outage.is_refusing() && !outage.is_in_doubt());
            failure(&mut outage);
            assert!(outage.is_refusing());
            assert_eq!(outage.relapses(), relapses);
        }
        outage.records_late();
        assert!(outage.is_refusing(), "records that are late end nothing");
        outage.records_kept();
        assert_eq!(outage.relapses(), 0);
    }
}

//! Limits log lines that any peer can cause.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Lines per second.
const LINES: u32 = 10;

const WINDOW: Duration = Duration::from_secs(1);

/// Admits ten lines of one kind each second. Metrics count the others.
#[derive(Debug, Default)]
pub(super) struct LineBudget(Mutex<Option<Second>>);

#[derive(Debug)]
struct Second {
    begun: Instant,
    lines: u32,
}

impl LineBudget {
    /// Counts a line, and returns whether to write it.
    pub(super) fn admit(&self, now: Instant) -> bool {
        let mut second = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match second.as_mut().filter(|second| now.saturating_duration_since(second.begun) < WINDOW) {
            Some(second) => {
                second.lines = second.lines.saturating_add(1);
                second.lines <= LINES
            }
            None => {
                *second = Some(Second { begun: now, lines: 1 });
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_lines_pass_in_each_second() {
        let (budget, begun) = (LineBudget::default(), Instant::now());
        for second in 0..3 {
            let at = |millis| begun + Duration::from_secs(second) + Duration::from_millis(millis);
            let admitted = (0..100).filter(|line| budget.admit(at(line * 9))).count();
            assert_eq!(admitted, 10, "{second}");
        }
    }
}

//! The table at the end of a soak.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::ledger::Tally;
use super::vitals::Vitals;

/// One phase.
pub(super) struct Row {
    pub(super) phase: String,
    pub(super) seconds: f64,
    pub(super) tally: Tally,
    pub(super) lost: usize,
    pub(super) before: Vitals,
    pub(super) peak: Vitals,
    pub(super) after: Vitals,
}

#[derive(Default)]
pub(super) struct Report(Vec<Row>);

impl Report {
    pub(super) fn push(&mut self, row: Row) {
        self.0.push(row);
    }

    pub(super) fn rows(&self) -> &[Row] {
        &self.0
    }

    /// Everything that went wrong in any phase.
    pub(super) fn problems(&self) -> Vec<String> {
        let with_phase = |row: &Row| {
            let lost = (row.lost > 0).then(|| format!("{}: {} records lost", row.phase, row.lost));
            let wrong = row.tally.wrong_answers.iter().map(|answer| format!("{}: {answer}", row.phase));
            wrong.chain(lost).collect::<Vec<_>>()
        };
        self.0.iter().flat_map(with_phase).collect()
    }

    /// Phases with their numbers, then the refusals of each by code and reason, all of them expected.
    pub(super) fn table(&self) -> String {
        let mut text = line([
            "phase", "s", "calls", "answered", "refused", "used", "wrong", "lost", "KiB", "peak", "end", "conns",
            "peak", "end", "files", "peak", "end",
        ]);
        for Row { phase, seconds, tally, lost, before, peak, after } in &self.0 {
            let counts = [tally.calls(), tally.answered, tally.refusals(), tally.used, tally.wrong];
            let mut cells = vec![phase.clone(), format!("{seconds:.1}")];
            cells.extend(counts.map(|count| count.to_string()));
            cells.push(lost.to_string());
            cells.extend([before, peak, after].map(|vitals| vitals.resident.to_string()));
            cells.extend([before, peak, after].map(|vitals| vitals.connections.to_string()));
            cells.extend([before, peak, after].map(|vitals| vitals.files.to_string()));
            text.push_str(&line(cells));
        }
        text.push_str("\nrefused as expected\n");
        let mut all = BTreeMap::<&str, u64>::new();
        for row in &self.0 {
            let reasons: Vec<String> =
                row.tally.refused.iter().map(|(name, count)| format!("{name} {count}")).collect();
            writeln!(text, "{:<27}{}", row.phase, reasons.join(", ")).unwrap();
            for (name, count) in &row.tally.refused {
                *all.entry(name).or_default() += count;
            }
        }
        let reasons: Vec<String> = all.iter().map(|(name, count)| format!("{name} {count}")).collect();
        writeln!(text, "{:<27}{}", "all", reasons.join(", ")).unwrap();
        text
    }
}

/// A line of the table: a name, and numbers.
fn line<S: AsRef<str>>(cells: impl IntoIterator<Item = S>) -> String {
    let mut text = String::new();
    for (index, cell) in cells.into_iter().enumerate() {
        let cell = cell.as_ref();
        let written = if index == 0 { write!(text, "{cell:<22}") } else { write!(text, "{cell:>9}") };
        written.unwrap();
    }
    text + "\n"
}

use std::io::ErrorKind;
use std::sync::mpsc::{Receiver, Sender, channel};

use serde_json::Value;

use super::*;
use crate::telemetry::LogFormat;

const SETTINGS: LogSettings = LogSettings { format: LogFormat::Json, level: Level::ERROR };

/// How long a thread may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(30);

/// What was written, and an error for every write meanwhile.
#[derive(Clone, Default)]
struct Pipe {
    written: Arc<Mutex<Vec<u8>>>,
    error: Arc<Mutex<Option<ErrorKind>>>,
}

impl Pipe {
    fn fail(&self, error: Option<ErrorKind>) {
        *self.error.lock().unwrap() = error;
    }

    fn text(&self) -> String {
        String::from_utf8(self.written.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match *self.error.lock().unwrap() {
            Some(error) => Err(error.into()),
            None => self.written.lock().unwrap().write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn flushed(handle: &LogHandle) {
    assert!(handle.flush(PATIENCE));
}

fn push(queue: &LogQueue, text: &str) {
    queue.push(format!("{text}\n").as_bytes());
}

#[test]
fn lines_are_written_in_order_and_a_flush_waits_for_them() {
    let pipe = Pipe::default();
    let (queue, handle) = start(pipe.clone(), SETTINGS).unwrap();
    let lines: Vec<String> = (0..1_000).map(|number| format!("line {number}")).collect();
    for line in &lines {
        push(&queue, line);
    }
    flushed(&handle);
    assert_eq!(pipe.text().lines().collect::<Vec<_>>(), lines);
}

#[test]
fn lines_that_cannot_be_written_are_counted_and_reported_once_it_works_again() {
    let pipe = Pipe::default();
    let (queue, handle) = start(pipe.clone(), SETTINGS).unwrap();
    for error in [ErrorKind::StorageFull, ErrorKind::BrokenPipe] {
        pipe.fail(Some(error));
        for _ in 0..3 {
            push(&queue, "lost");
        }
        flushed(&handle);
    }
    assert_eq!(handle.counts().lost(LossCause::WriteFailed), 6);
    assert_eq!(pipe.text(), "");

    pipe.fail(None);
    push(&queue, "kept");
    flushed(&handle);
    let text = pipe.text();
    let (kept, report) = text.split_once('\n').unwrap();
    assert_eq!(kept, "kept");
    // Although the level is error.
    let report: Value = serde_json::from_str(report).unwrap();
    assert_eq!(
        (&report["level"], &report["message"]),
        (&"WARN".into(), &"writing log lines failed: some are lost".into())
    );
    assert_eq!((&report["write_failed"], &report["queue_full"]), (&6.into(), &0.into()));
    assert_eq!(report["target"], "access_broker::telemetry::logs::writer");

    push(&queue, "also kept");
    flushed(&handle);
    assert!(pipe.text().ends_with("}\nalso kept\n"), "reported once: {}", pipe.text());
}

/// Reports the start of each write, and then waits to be released.
struct Stalled {
    begun: Sender<()>,
    go_on: Receiver<()>,
    pipe: Pipe,
}

impl Write for Stalled {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _test_has_ended = self.begun.send(());
        let _test_has_ended = self.go_on.recv();
        self.pipe.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_reader_that_stalls_costs_lines_beyond_the_queue_and_no_time() {
    let ((begun, has_begun), (release, go_on), pipe) = (channel(), channel(), Pipe::default());
    let (queue, handle) = start(Stalled { begun, go_on, pipe: pipe.clone() }, SETTINGS).unwrap();
    push(&queue, "first");
    has_begun.recv_timeout(PATIENCE).unwrap();

    let line = "x".repeat(8 * 1_024 - 1);
    let pushed = 2 * MAX_QUEUE_BYTES / (line.len() + 1);
    for _ in 0..pushed {
        push(&queue, &line);
    }
    let lost = handle.counts().lost(LossCause::QueueFull);
    let kept = pushed as u64 - lost;
    assert!(kept * 8 * 1_024 <= MAX_QUEUE_BYTES as u64, "{kept} lines are in the queue");
    assert!(lost < pushed as u64 * 6 / 10, "{lost} of {pushed} lines are lost");
    assert!(!handle.flush(Duration::from_millis(1)), "nothing is written");

    drop(release);
    flushed(&handle);
    let text = pipe.text();
    assert_eq!(text.lines().filter(|found| *found == line).count() as u64, kept);
    let reports: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert_eq!(reports.len(), 1);
    assert_eq!((&reports[0]["queue_full"], &reports[0]["write_failed"]), (&lost.into(), &0.into()));
}

#[test]
fn a_full_pipe_that_does_not_block_loses_nothing() {
    let pipe = Pipe::default();
    pipe.fail(Some(ErrorKind::WouldBlock));
    let (queue, handle) = start(pipe.clone(), SETTINGS).unwrap();
    push(&queue, "patient");
    assert!(!handle.flush(Duration::from_millis(20)));
    pipe.fail(None);
    flushed(&handle);
    assert_eq!(pipe.text(), "patient\n");
    assert_eq!(handle.counts().lost(LossCause::WriteFailed), 0);
}

#[test]
fn only_the_lines_that_did_not_get_out_are_lost() {
    /// Takes 10 bytes, then nothing.
    struct Ten(usize);

    impl Write for Ten {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let taken = bytes.len().min(self.0);
            self.0 -= taken;
            if taken == 0 { Err(ErrorKind::StorageFull.into()) } else { Ok(taken) }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let (queue, waiting) = log_queue(SETTINGS.format, MAX_QUEUE_BYTES);
    for _ in 0..4 {
        push(&queue, "123");
    }
    let counts = Arc::clone(queue.counts());
    drop(queue);
    LogWriter::new(Ten(10), waiting, SETTINGS).run();
    assert_eq!(counts.lost(LossCause::WriteFailed), 2);
}

#[test]
fn both_formats_have_a_report() {
    let text = LogSettings { format: LogFormat::Text, level: Level::INFO };
    let line = String::from_utf8(report_line(Losses { queue_full: 3, write_failed: 4 }, text)).unwrap();
    assert!(
        line.ends_with(
            "WARN access_broker::telemetry::logs::writer: writing log lines failed: some are lost queue_full=3 write_failed=4\n"
        )
    );
}

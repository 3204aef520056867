//! Events as lines of JSON.

use std::fmt::{self, Write};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::registry::LookupSpan;

/// The initial capacity of a line: the access line of a decision has some 600 bytes.
const USUAL_LINE_BYTES: usize = 768;

/// Writes the same bytes as `tracing_subscriber`'s own JSON format, in less time: that one passes each piece of text
/// through the adaptors of a general serializer. Events within spans are rare and are left to it.
pub(super) struct JsonLine<F> {
    /// The format for events within spans.
    within_spans: F,
}

impl<F> JsonLine<F> {
    /// `within_spans` is the format of `tracing_subscriber`, with flattened events and no current span.
    pub(super) const fn new(within_spans: F) -> Self {
        Self { within_spans }
    }
}

impl<S, N, F> FormatEvent<S, N> for JsonLine<F>
where
    S: Subscriber + for<'s> LookupSpan<'s>,
    N: for<'w> FormatFields<'w> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        if event.parent().is_some() || context.lookup_current().is_some() {
            return self.within_spans.format_event(context, writer, event);
        }
        let metadata = event.metadata();
        let mut line = String::with_capacity(USUAL_LINE_BYTES);
        line.push_str("{\"timestamp\":\"");
        SystemTime.format_time(&mut Writer::new(&mut line))?;
        line.push_str("\",\"level\":\"");
        line.push_str(metadata.level().as_str());
        line.push('"');
        let mut fields = Fields { line, result: Ok(()) };
        event.record(&mut fields);
        let Fields { mut line, result } = fields;
        result?;
        line.push_str(",\"target\":\"");
        push_escaped(&mut line, metadata.target());
        line.push_str("\"}\n");
        writer.write_str(&line)
    }
}

/// Writes each field after a comma.
struct Fields {
    line: String,
    /// The error of a value that cannot be formatted.
    result: fmt::Result,
}

impl Fields {
    fn name(&mut self, field: &Field) {
        self.line.push_str(",\"");
        push_escaped(&mut self.line, field.name());
        self.line.push_str("\":");
    }

    /// A value whose text needs no escapes.
    fn plain(&mut self, field: &Field, value: impl fmt::Display) {
        self.name(field);
        self.result = self.result.and(write!(self.line, "{value}"));
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.name(field);
        self.line.push('"');
        self.result = self.result.and(write!(Escaped(&mut self.line), "{value:?}"));
        self.line.push('"');
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.name(field);
        self.line.push('"');
        push_escaped(&mut self.line, value);
        self.line.push('"');
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.plain(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.plain(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.plain(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        match serde_json::Number::from_f64(value) {
            Some(number) => self.plain(field, number),
            // JSON has neither infinity nor NaN.
            None => self.plain(field, "null"),
        }
    }
}

/// Text within the quotes of a JSON string.
struct Escaped<'l>(&'l mut String);

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        push_escaped(self.0, text);
        Ok(())
    }
}

/// What must be escaped in a JSON string (RFC 8259 section 7). All of it is ASCII, so text can be split there.
const fn is_escaped(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

fn push_escaped(line: &mut String, text: &str) {
    // Without an early exit the compiler can compare many bytes at once, and most texts need no escapes.
    if !text.bytes().fold(false, |found, byte| found | is_escaped(byte)) {
        line.push_str(text);
        return;
    }
    for character in text.chars() {
        match character {
            '"' => line.push_str("\\\""),
            '\\' => line.push_str("\\\\"),
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            '\t' => line.push_str("\\t"),
            '\u{8}' => line.push_str("\\b"),
            '\u{c}' => line.push_str("\\f"),
            '\0'..' ' => {
                let digit = |value| char::from_digit(value, 16).unwrap_or_default();
                let code = u32::from(character);
                line.extend(['\\', 'u', '0', '0', digit(code >> 4), digit(code & 0xf)]);
            }
            plain => line.push(plain),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use proptest::prelude::*;
    use tracing::Level;
    use tracing_subscriber::fmt::{MakeWriter, layer};
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::registry;

    use crate::telemetry::{LogFormat, LogSettings, subscriber};

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl MakeWriter<'_> for Log {
        type Writer = Self;

        fn make_writer(&self) -> Self {
            self.clone()
        }
    }

    impl Log {
        /// The text with the times, which differ, replaced by their format.
        fn text(&self) -> String {
            let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
            let lines = text.lines().map(|line| {
                let (time, rest) = line.strip_prefix("{\"timestamp\":\"").unwrap().split_once('"').unwrap();
                let digits = time.replace(|digit: char| digit.is_ascii_digit(), "0");
                format!("{{\"timestamp\":\"{digits}\"{rest}\n")
            });
            lines.collect()
        }
    }

    /// The lines of these events, from this format and from `tracing_subscriber`'s.
    fn both(events: impl Fn()) -> (String, String) {
        let (ours, theirs) = (Log::default(), Log::default());
        let settings = LogSettings { format: LogFormat::Json, level: Level::TRACE };
        tracing::subscriber::with_default(subscriber(settings, ours.clone()), &events);
        let layer = layer().json().flatten_event(true).with_current_span(false).with_writer(theirs.clone());
        tracing::subscriber::with_default(registry().with(layer), &events);
        (ours.text(), theirs.text())
    }

    #[test]
    fn lines_are_those_of_tracing_subscriber() {
        let error = io::Error::other("a \"cause\"\n\twith \\ and \u{1}\u{7f}\u{8}\u{c}\r, é and 🦀");
        let (ours, theirs) = both(|| {
            let (absent, present): (Option<&str>, _) = (None, Some("there"));
            let (method, reason, duration_ms) = ("IssueDownloadUrl", "not_granted", 0.342_f64);
            tracing::info!(
                target: "access",
                method, duration_ms, absent, present, reason, as_expected = true, trace_id = display("4bf92f"), "call"
            );
            tracing::warn!(%error, debug = ?error, text = ?"quoted \"text\"\n", "it failed: {}", "with \"quotes\"");
            tracing::error!(error = &error as &dyn std::error::Error, "an error");
            tracing::trace!(unsigned = u64::MAX, signed = i64::MIN, large = u128::MAX, bytes = &b"bytes"[..]);
            tracing::debug!(a = 5.0, b = 1e-7, c = -0.0, d = 1e21, e = f64::NAN, f = f64::INFINITY, g = 0.1_f32);
            tracing::warn!(target: "a \"target\"", r#type = 1, "quoted.name" = 2, "names");
            tracing::info!("");
        });
        assert_eq!(ours, theirs);
        assert_eq!(ours.lines().count(), 7);
    }

    #[test]
    fn events_within_spans_name_their_spans() {
        let (ours, theirs) = both(|| {
            let outer = tracing::error_span!("outer", field = "value");
            outer.in_scope(|| tracing::info!(a = 1, "inside"));
            tracing::info!(parent: &outer, "of a parent");
            tracing::info!("outside");
        });
        assert_eq!(ours, theirs);
        assert!(ours.contains("\"spans\":[{\"field\":\"value\",\"name\":\"outer\"}]"), "{ours}");
    }

    proptest! {
        #[test]
        fn any_text_and_number_is_written_alike(text in any::<String>(), number in any::<f64>()) {
            let (ours, theirs) = both(|| tracing::info!(text, shown = %text, debug = ?text, number, "{text}"));
            prop_assert_eq!(ours, theirs);
        }
    }
}

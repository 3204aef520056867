//! Shortens lines that are too long.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::LogFormat;

/// The maximum lengths of values, in bytes of JSON, tried in order until the line is short enough.
const VALUE_BYTES: [usize; 3] = [4_096, 1_024, 256];

/// The fields that remain of a JSON line with too many fields.
const ESSENTIAL: [&str; 4] = ["timestamp", "level", "message", "target"];

/// The field of a shortened JSON line with its original length.
const MARK: &str = "cut_from_bytes";

/// A line of the same format, at most `max_bytes` long with its end, that shows that it was shortened and its original
/// length.
///
/// Text is cut at its end. JSON stays valid: its long values are cut.
pub(super) fn shorten(format: LogFormat, line: &[u8], max_bytes: usize) -> Vec<u8> {
    match format {
        LogFormat::Text => shorten_text(&String::from_utf8_lossy(line), max_bytes),
        LogFormat::Json => shorten_json(line, max_bytes),
    }
    .into_bytes()
}

fn shorten_text(line: &str, max_bytes: usize) -> String {
    let mark = format!("… (cut from {} bytes)\n", line.len());
    let (kept, _) = line.split_at(line.floor_char_boundary(max_bytes.saturating_sub(mark.len())));
    [kept, &mark].concat()
}

fn shorten_json(line: &[u8], max_bytes: usize) -> String {
    let length = line.len();
    // Every line of this format is an object. If one is not, only the length is logged.
    #[expect(clippy::disallowed_methods, reason = "a line that this program wrote")]
    let Fields(fields) = serde_json::from_slice(line).unwrap_or_default();
    let whole = VALUE_BYTES.iter().map(|max_value| object(&fields, *max_value, length));
    whole.into_iter().find(|object| object.len() <= max_bytes).unwrap_or_else(|| {
        let essential: Vec<_> = fields.into_iter().filter(|(name, _)| ESSENTIAL.contains(&name.as_str())).collect();
        object(&essential, VALUE_BYTES[VALUE_BYTES.len() - 1], length)
    })
}

/// The fields with their values cut, and the original length.
fn object(fields: &[(String, Value)], max_value: usize, length: usize) -> String {
    let mut text = String::from("{");
    for (name, value) in fields {
        text.extend([json_string(name).as_str(), ":", &short_value(value, max_value), ","]);
    }
    text.extend([json_string(MARK).as_str(), ":", &length.to_string(), "}\n"]);
    text
}

fn short_value(value: &Value, max_bytes: usize) -> String {
    let whole = value.to_string();
    if whole.len() <= max_bytes {
        return whole;
    }
    // Lists and objects cannot be cut without parsing their content.
    let text = value.as_str().unwrap_or_default();
    let mut end = text.floor_char_boundary(max_bytes);
    loop {
        let short = json_string(&format!("{}…", &text[..end]));
        // Escapes make JSON longer than the text.
        if short.len() <= max_bytes || end == 0 {
            return short;
        }
        end = text.floor_char_boundary(end - (short.len() - max_bytes).min(end).div_ceil(6));
    }
}

fn json_string(text: &str) -> String {
    Value::from(text).to_string()
}

/// The fields of a JSON object in their order.
#[derive(Default)]
struct Fields(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor).map(Fields)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Vec<(String, Value)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(fields)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const MAX: usize = 16 * 1_024;

    fn json_line(fields: &[(&str, Value)]) -> String {
        let fields: Vec<_> = fields.iter().map(|(name, value)| format!("{}:{value}", json_string(name))).collect();
        format!("{{{}}}\n", fields.join(","))
    }

    fn shortened(line: &str) -> (String, Value) {
        let short = String::from_utf8(shorten(LogFormat::Json, line.as_bytes(), MAX)).unwrap();
        assert!(short.len() <= MAX && short.ends_with('\n'), "{}", short.len());
        assert_eq!(short.matches('\n').count(), 1);
        let value = serde_json::from_str(&short).unwrap();
        (short, value)
    }

    #[test]
    fn text_is_cut_at_the_boundary_of_a_character() {
        for shift in 0..4 {
            let line = format!("{}{}\n", "a".repeat(shift), "🦀".repeat(5_000));
            let short = String::from_utf8(shorten(LogFormat::Text, line.as_bytes(), MAX)).unwrap();
            assert!(short.len() <= MAX && short.len() > MAX - 4, "{}", short.len());
            assert!(short.ends_with(&format!("🦀… (cut from {} bytes)\n", line.len())));
        }
    }

    #[test]
    fn json_keeps_its_fields_and_their_order_and_has_its_long_values_cut() {
        let line = json_line(&[
            ("timestamp", json!("2026-11-25T00:00:00Z")),
            ("level", json!("ERROR")),
            ("message", json!("it failed")),
            ("cause", json!("é\n\"".repeat(10_000))),
            ("spans", json!(["a".repeat(10_000)])),
            ("number", json!(7)),
            ("target", json!("access_broker")),
        ]);
        let (short, value) = shortened(&line);
        assert_eq!(value["message"], "it failed");
        assert_eq!(value["number"], 7);
        assert_eq!(value["target"], "access_broker");
        assert_eq!(value["spans"], "…");
        assert_eq!(value[MARK], line.len());
        let cause = value["cause"].as_str().unwrap();
        assert!(cause.starts_with("é\n\"é\n\"") && cause.ends_with('…') && cause.len() > 1_000, "{}", cause.len());
        let places: Vec<_> = ["timestamp", "level", "message", "cause", "spans", "number", "target", MARK]
            .map(|name| short.find(&format!("\"{name}\":")).unwrap())
            .into();
        assert!(places.is_sorted(), "{short}");
    }

    #[test]
    fn json_with_too_many_fields_keeps_the_essential_ones() {
        let names: Vec<String> = (0..200).map(|number| format!("field_{number}")).collect();
        let mut fields =
            vec![("timestamp", json!("now")), ("level", json!("WARN")), ("message", json!("m".repeat(9_000)))];
        fields.extend(names.iter().map(|name| (name.as_str(), json!("v".repeat(300)))));
        fields.push(("target", json!("access_broker")));
        let line = json_line(&fields);
        let (_, value) = shortened(&line);
        assert_eq!((&value["level"], &value["target"]), (&json!("WARN"), &json!("access_broker")));
        assert!(value["message"].as_str().unwrap().starts_with("mmm"));
        assert_eq!(value.as_object().unwrap().len(), 5);
    }

    #[test]
    fn what_is_no_json_leaves_its_length() {
        let (_, value) = shortened(&"x".repeat(20_000));
        assert_eq!(value, json!({ MARK: 20_000 }));
    }

    proptest! {
        #[test]
        fn the_line_stays_json_for_any_field(text in "\\PC{0,200}|[\\x00-\\x1f\"\\\\é🦀]{0,200}", times in 80_usize..400) {
            let value = text.repeat(times);
            let line = json_line(&[("message", json!(value)), ("target", json!("t"))]);
            let (_, short) = shortened(&line);
            let kept = short["message"].as_str().unwrap();
            prop_assert!(kept == value || value.starts_with(kept.strip_suffix('…').unwrap()));
        }
    }
}

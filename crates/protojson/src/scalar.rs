//! Values that are one JSON token: numbers, text, enums, bytes, and the well-known types that JSON writes as these.

use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::prelude::*;
use prost::encoding;
use prost_reflect::{EnumDescriptor, Kind, MessageDescriptor};
use prost_types::{Duration, Timestamp};

use crate::error::Problem;
use crate::wire::{begin_message, end_message, write_bytes};

/// Padding may be missing. Bits after the last byte must be zero, otherwise two texts would mean the same bytes.
const BASE64_CONFIG: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, BASE64_CONFIG);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, BASE64_CONFIG);

/// The largest integer up to which every integer is exactly one double.
const MAX_EXACT: f64 = 9_007_199_254_740_991.0;
/// About 10,000 years: the range of `google.protobuf.Duration`.
const MAX_DURATION_SECONDS: u64 = 315_576_000_000;
/// From the year 1 to the year 9999: the range of `google.protobuf.Timestamp`.
const TIMESTAMP_SECONDS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

/// A value as JSON has it.
#[derive(Clone, Copy)]
pub(crate) enum Token<'t> {
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    /// A number with fraction or exponent, "-0", or an integer that has no 64-bit type.
    Double(f64),
    Text(&'t str),
}

/// What a message field is in JSON.
pub(crate) enum Form {
    /// An object with the fields of the message.
    Object,
    /// One token, written by [`write_scalar`].
    Token,
    /// A form that is written and not read.
    Unsupported,
}

pub(crate) fn form(message: &MessageDescriptor) -> Form {
    match message.full_name().strip_prefix("google.protobuf.") {
        Some("Any" | "Struct" | "Value" | "ListValue" | "FieldMask") => Form::Unsupported,
        Some(
            "Duration" | "Timestamp" | "DoubleValue" | "FloatValue" | "Int64Value" | "UInt64Value" | "Int32Value"
            | "UInt32Value" | "BoolValue" | "StringValue" | "BytesValue",
        ) => Form::Token,
        _ => Form::Object,
    }
}

/// Appends the field with the value.
pub(crate) fn write_scalar(kind: &Kind, number: u32, token: Token<'_>, wire: &mut Vec<u8>) -> Result<(), Problem> {
    match kind {
        Kind::String => write_bytes(number, text(token, "must be a string")?.as_bytes(), wire),
        Kind::Bytes => write_bytes(number, &bytes(token)?, wire),
        Kind::Bool => match token {
            Token::Bool(value) => encoding::bool::encode(number, &value, wire),
            _ => return Err(Problem::new("must be true or false")),
        },
        Kind::Int32 => encoding::int32::encode(number, &integer(token, i32::MIN, i32::MAX)?, wire),
        Kind::Sint32 => encoding::sint32::encode(number, &integer(token, i32::MIN, i32::MAX)?, wire),
        Kind::Sfixed32 => encoding::sfixed32::encode(number, &integer(token, i32::MIN, i32::MAX)?, wire),
        Kind::Uint32 => encoding::uint32::encode(number, &integer(token, u32::MIN, u32::MAX)?, wire),
        Kind::Fixed32 => encoding::fixed32::encode(number, &integer(token, u32::MIN, u32::MAX)?, wire),
        Kind::Int64 => encoding::int64::encode(number, &integer(token, i64::MIN, i64::MAX)?, wire),
        Kind::Sint64 => encoding::sint64::encode(number, &integer(token, i64::MIN, i64::MAX)?, wire),
        Kind::Sfixed64 => encoding::sfixed64::encode(number, &integer(token, i64::MIN, i64::MAX)?, wire),
        Kind::Uint64 => encoding::uint64::encode(number, &integer(token, u64::MIN, u64::MAX)?, wire),
        Kind::Fixed64 => encoding::fixed64::encode(number, &integer(token, u64::MIN, u64::MAX)?, wire),
        Kind::Double => encoding::double::encode(number, &float(token)?, wire),
        Kind::Float => encoding::float::encode(number, &single_float(token)?, wire),
        Kind::Enum(descriptor) => encoding::int32::encode(number, &enum_number(descriptor, token)?, wire),
        Kind::Message(message) => write_well_known(message, number, token, wire)?,
    }
    Ok(())
}

fn write_well_known(
    message: &MessageDescriptor,
    number: u32,
    token: Token<'_>,
    wire: &mut Vec<u8>,
) -> Result<(), Problem> {
    match message.full_name() {
        "google.protobuf.Duration" => encoding::message::encode(number, &duration(token)?, wire),
        "google.protobuf.Timestamp" => encoding::message::encode(number, &timestamp(token)?, wire),
        _ => {
            // The wrappers have one field.
            let value = message.get_field(1).ok_or_else(|| Problem::new("has an unknown type"))?;
            let start = begin_message(number, wire);
            write_scalar(&value.kind(), value.number(), token, wire)?;
            end_message(start, wire);
        }
    }
    Ok(())
}

fn text<'t>(token: Token<'t>, rule: &'static str) -> Result<&'t str, Problem> {
    match token {
        Token::Text(text) => Ok(text),
        _ => Err(Problem::new(rule)),
    }
}

fn bytes(token: Token<'_>) -> Result<Vec<u8>, Problem> {
    let rule = "must be a base64 string";
    let text = text(token, rule)?;
    let engine = if text.contains(['-', '_']) { URL_SAFE } else { STANDARD };
    engine.decode(text).map_err(|_| Problem::new(rule))
}

fn integer<T: TryFrom<i128> + Into<i128> + Copy>(token: Token<'_>, min: T, max: T) -> Result<T, Problem> {
    let refused = || Problem::new(format!("must be an integer from {} to {}", min.into(), max.into()));
    let value = match token {
        Token::Unsigned(value) => i128::from(value),
        Token::Signed(value) => i128::from(value),
        Token::Double(value) => whole(value).ok_or_else(refused)??,
        Token::Text(text) => match number_form(text) {
            Some(NumberForm::Integer) => text.parse().map_err(|_| refused())?,
            Some(NumberForm::Decimal) => text.parse().ok().and_then(whole).ok_or_else(refused)??,
            None => return Err(refused()),
        },
        Token::Bool(_) => return Err(refused()),
    };
    T::try_from(value).map_err(|_| refused())
}

/// `None` if the number has a fraction. An error if it is so large that it may have been rounded.
fn whole(value: f64) -> Option<Result<i128, Problem>> {
    if value.fract() != 0.0 || !value.is_finite() {
        return None;
    }
    if value.abs() > MAX_EXACT {
        return Some(Err(Problem::new(
            "is above 2^53 with a fraction, an exponent or too many digits; write all its digits, without these",
        )));
    }
    #[expect(clippy::cast_possible_truncation, reason = "a whole number below 2^53")]
    Some(Ok(value as i128))
}

fn float(token: Token<'_>) -> Result<f64, Problem> {
    let refused = || Problem::new("must be a number in the range of a double, \"NaN\", \"Infinity\" or \"-Infinity\"");
    #[expect(clippy::cast_precision_loss, reason = "a double has this precision")]
    match token {
        Token::Double(value) => Ok(value),
        Token::Unsigned(value) => Ok(value as f64),
        Token::Signed(value) => Ok(value as f64),
        Token::Text("NaN") => Ok(f64::NAN),
        Token::Text("Infinity") => Ok(f64::INFINITY),
        Token::Text("-Infinity") => Ok(f64::NEG_INFINITY),
        Token::Text(text) if number_form(text).is_some() => {
            text.parse().ok().filter(|value: &f64| value.is_finite()).ok_or_else(refused)
        }
        Token::Text(_) | Token::Bool(_) => Err(refused()),
    }
}

fn single_float(token: Token<'_>) -> Result<f32, Problem> {
    let value = float(token)?;
    #[expect(clippy::cast_possible_truncation, reason = "a float has this precision")]
    let single = value as f32;
    if single.is_infinite() && value.is_finite() {
        return Err(Problem::new("is out of the range of a float"));
    }
    Ok(single)
}

/// The number of a value. Unknown numbers are accepted: clients may know a later version of the enum.
fn enum_number(descriptor: &EnumDescriptor, token: Token<'_>) -> Result<i32, Problem> {
    match token {
        Token::Text(name) => match descriptor.get_value_by_name(name) {
            Some(value) => Ok(value.number()),
            None => Err(Problem::new(format!("must be a name of the enum {}", descriptor.name()))),
        },
        _ => integer(token, i32::MIN, i32::MAX),
    }
}

fn duration(token: Token<'_>) -> Result<Duration, Problem> {
    let refused = || Problem::new("must be a duration in seconds, such as \"900s\"");
    let text = text(token, "must be a duration in seconds, such as \"900s\"")?;
    let (is_negative, unsigned) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let number = unsigned.strip_suffix('s').ok_or_else(refused)?;
    let (whole, fraction) = number.split_once('.').map_or((number, None), |(whole, rest)| (whole, Some(rest)));
    let nanos = fraction.map_or(Some(0), nanos).ok_or_else(refused)?;
    let seconds: u64 =
        Some(whole).filter(|text| is_digits(text)).and_then(|text| text.parse().ok()).ok_or_else(refused)?;
    if seconds > MAX_DURATION_SECONDS {
        return Err(Problem::new(format!("must be at most {MAX_DURATION_SECONDS} seconds")));
    }
    let sign = if is_negative { -1 } else { 1 };
    Ok(Duration { seconds: sign * seconds.cast_signed(), nanos: i32::try_from(sign).unwrap_or(1) * nanos })
}

fn timestamp(token: Token<'_>) -> Result<Timestamp, Problem> {
    const RULE: &str = "must be an RFC 3339 time, such as \"2030-05-24T00:00:00Z\"";
    let text = text(token, RULE)?;
    // The parser below also reads forms that RFC 3339 does not have, and cuts longer fractions.
    if !is_rfc3339(text) {
        return Err(Problem::new(RULE));
    }
    let timestamp: Timestamp = text.parse().map_err(|_| Problem::new(RULE))?;
    if !TIMESTAMP_SECONDS.contains(&timestamp.seconds) {
        return Err(Problem::new("must be a time in the years 1 to 9999"));
    }
    Ok(timestamp)
}

/// The layout `YYYY-MM-DDThh:mm:ss[.fraction](Z|±hh:mm)` with up to nine digits of the fraction.
fn is_rfc3339(text: &str) -> bool {
    let fits = |text: &str, layout: &[u8]| {
        text.len() == layout.len()
            && text
                .bytes()
                .zip(layout)
                .all(|(byte, &form)| if form == b'0' { byte.is_ascii_digit() } else { byte == form })
    };
    let Some((date_and_time, rest)) = text.split_at_checked("0000-00-00T00:00:00".len()) else { return false };
    let zone_start = rest.find(['Z', '+', '-']).unwrap_or(rest.len());
    let (fraction, zone) = rest.split_at(zone_start);
    // The parser takes a leap second for the second before it.
    fits(date_and_time, b"0000-00-00T00:00:00")
        && !date_and_time.ends_with(":60")
        && (fraction.is_empty() || fraction.strip_prefix('.').and_then(nanos).is_some())
        && (zone == "Z" || fits(zone, b"+00:00") || fits(zone, b"-00:00"))
}

/// One to nine digits after the decimal point.
fn nanos(fraction: &str) -> Option<i32> {
    if fraction.len() > 9 || !is_digits(fraction) {
        return None;
    }
    format!("{fraction:0<9}").parse().ok()
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum NumberForm {
    Integer,
    /// With a fraction or an exponent.
    Decimal,
}

/// `None` if the text is not a number of JSON (RFC 8259 section 6).
fn number_form(text: &str) -> Option<NumberForm> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let has_valid_exponent =
        exponent.is_none_or(|exponent| is_digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)));
    let is_valid = is_digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(is_digits)
        && has_valid_exponent;
    let form = if fraction.is_none() && exponent.is_none() { NumberForm::Integer } else { NumberForm::Decimal };
    is_valid.then_some(form)
}

/// A value of a query as a token. Booleans and numbers of enums have no quotes there.
pub(crate) fn query_token<'t>(kind: &Kind, value: &'t str) -> Token<'t> {
    let wrapped = match kind {
        Kind::Message(message) => message.get_field(1).map(|field| field.kind()),
        _ => None,
    };
    match (wrapped.as_ref().unwrap_or(kind), value) {
        (Kind::Bool, "true") => Token::Bool(true),
        (Kind::Bool, "false") => Token::Bool(false),
        (Kind::Enum(_), text) if number_form(text) == Some(NumberForm::Integer) => {
            text.parse().map_or(Token::Double(f64::INFINITY), Token::Signed)
        }
        (_, text) => Token::Text(text),
    }
}

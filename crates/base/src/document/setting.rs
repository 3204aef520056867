//! One setting that is being read: it knows its form, its bounds and its default, and records them.

use std::fmt::Display;
use std::marker::PhantomData;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::de::DeValue;

use super::reference::{Absent, SettingReference, Unit, Values};
use super::table::{Located, Raw, Table};
use super::units;

/// A setting of a table before its form is known. [`Table::setting`] makes one.
#[derive(Debug)]
#[must_use = "nothing is read before a form and what holds without the setting are said"]
pub struct Unread<'t, 'd> {
    pub(super) table: &'t mut Table<'d>,
    pub(super) key: &'static str,
    pub(super) meaning: &'static str,
}

/// A setting of a known form. Ends with [`or`](Self::or), [`optional`](Self::optional) or [`required`](Self::required).
#[derive(Debug)]
#[must_use = "nothing is read before it is said what holds without the setting"]
pub struct Setting<'t, 'd, F> {
    unread: Unread<'t, 'd>,
    form: F,
    limits: &'static str,
    absent: &'static str,
}

/// How a value is read, and what it can be.
pub trait Form {
    /// What the program uses.
    type Value;

    /// What the setting can be.
    fn values(&self) -> Values;

    /// The value, or the rule that it breaks, as the rest of a sentence that begins with the setting.
    ///
    /// # Errors
    ///
    /// The rule.
    fn read(&self, given: &Given<'_>) -> Result<Self::Value, String>;
}

/// A form whose values can be written, so that the reference can name a default.
pub trait Written: Form {
    /// The value as a file would write it.
    fn written(&self, value: &Self::Value) -> String;
}

/// What a document, a variable or a flag gives.
#[derive(Debug)]
pub struct Given<'r>(pub(super) &'r Raw<'r>);

impl Given<'_> {
    /// The string.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.0.text()
    }
}

impl<'t, 'd> Unread<'t, 'd> {
    fn form<F>(self, form: F) -> Setting<'t, 'd, F> {
        Setting { unread: self, form, limits: "", absent: "none" }
    }

    /// `true` or `false`.
    pub fn flag(self) -> Setting<'t, 'd, Flag> {
        self.form(Flag)
    }

    /// Any string.
    pub fn text(self) -> Setting<'t, 'd, Text> {
        self.form(Text)
    }

    /// A string that `parse` turns into a value or into the rule that it breaks. `name` names the form, such as `URL`.
    pub fn parsed<T, E: Display, P: Fn(&str) -> Result<T, E>>(
        self,
        name: &'static str,
        parse: P,
    ) -> Setting<'t, 'd, Parsed<T, P>> {
        self.form(Parsed { name, parse, value: PhantomData })
    }

    /// The path of a file, relative to a folder unless it is absolute.
    pub fn path(self, folder: &Path) -> Setting<'t, 'd, FilePath<'_>> {
        self.form(FilePath { folder })
    }

    /// One of a closed list of names.
    pub fn choice<T: Copy>(self, choices: &[(&'static str, T)]) -> Setting<'t, 'd, Choice<T>> {
        self.form(Choice { choices: choices.to_vec() })
    }

    /// A duration in whole seconds, such as `15m` or `1h 30m`.
    pub fn duration(self) -> Setting<'t, 'd, Number<Duration>> {
        self.form(Number::new(Unit::Seconds))
    }

    /// A size in bytes, such as `50MiB`.
    pub fn size<T: Magnitude>(self) -> Setting<'t, 'd, Number<T>> {
        self.form(Number::new(Unit::Bytes))
    }

    /// A whole number, 0 or more.
    pub fn count<T: Magnitude>(self) -> Setting<'t, 'd, Number<T>> {
        self.form(Number::new(Unit::Count))
    }

    /// A string or a list of strings; a comma-separated list where it comes from a variable or a flag. `name` names the
    /// form of each string.
    pub fn list(self, name: &'static str) -> List<'t, 'd> {
        List { unread: self, name, limits: "", absent: "none" }
    }
}

impl<F: Form> Setting<'_, '_, F> {
    /// Rules besides those of the form, for the reference.
    pub fn limits(mut self, limits: &'static str) -> Self {
        self.limits = limits;
        self
    }

    /// What holds without the setting, in words, for the reference. `none` unless it is said.
    pub fn absent(mut self, absent: &'static str) -> Self {
        self.absent = absent;
        self
    }

    /// The value, or the default where the setting is left out or invalid. An invalid value is reported.
    pub fn or(self, default: F::Value) -> F::Value
    where
        F: Written,
    {
        self.record(|| Absent::Default(self.form.written(&default)));
        self.read().map_or(default, |found| found.value)
    }

    /// The value, or `None` where the setting is left out or invalid. An invalid value is reported.
    pub fn optional(self) -> Option<Located<F::Value>> {
        let absent = self.absent;
        self.record(|| Absent::Described(absent));
        self.read()
    }

    /// The value. It is reported where the setting is left out, is empty or is invalid.
    pub fn required(self) -> Option<Located<F::Value>> {
        if let Some((raw, location)) = self.unread.table.peek_raw(self.unread.key)
            && raw.text() == Some("")
        {
            self.record(|| Absent::Invalid);
            let Unread { table, key, .. } = self.unread;
            table.take(key);
            table.report(key, &location, "must not be empty");
            return None;
        }
        self.required_because("is required")
    }

    /// As [`required`](Self::required), but the value may be empty. `rule` is reported where the setting is left out.
    pub fn required_because(self, rule: &str) -> Option<Located<F::Value>> {
        self.record(|| Absent::Invalid);
        let Unread { table, key, .. } = &self.unread;
        if !table.holds(key) {
            table.report(key, &table.location_of(key), rule);
        }
        self.read()
    }

    fn record(&self, absent: impl FnOnce() -> Absent) {
        let Unread { table, key, meaning } = &self.unread;
        table.record(|| SettingReference {
            key,
            values: self.form.values(),
            limits: self.limits,
            absent: absent(),
            meaning,
        });
    }

    fn read(self) -> Option<Located<F::Value>> {
        let Unread { table, key, .. } = self.unread;
        let (raw, location) = table.raw(key)?;
        match self.form.read(&Given(&raw)) {
            Ok(value) => Some(Located { value, location }),
            Err(rule) => {
                table.report(key, &location, rule);
                None
            }
        }
    }
}

impl<T: Magnitude> Setting<'_, '_, Number<T>> {
    /// The bounds, both included.
    pub fn within(mut self, bounds: RangeInclusive<T>) -> Self {
        self.form.least = bounds.start().magnitude();
        self.form.most = bounds.end().magnitude();
        self
    }

    /// The largest value.
    pub fn at_most(mut self, most: T) -> Self {
        self.form.most = most.magnitude();
        self
    }

    /// The smallest value.
    pub fn at_least(mut self, least: T) -> Self {
        self.form.least = least.magnitude();
        self
    }
}

/// A list of strings that is being read.
#[derive(Debug)]
#[must_use = "nothing is read before it is said what holds without the setting"]
pub struct List<'t, 'd> {
    unread: Unread<'t, 'd>,
    name: &'static str,
    limits: &'static str,
    absent: &'static str,
}

impl List<'_, '_> {
    /// Rules besides those of the form, for the reference.
    pub fn limits(mut self, limits: &'static str) -> Self {
        self.limits = limits;
        self
    }

    /// What holds without the setting, in words, for the reference. `none` unless it is said.
    pub fn absent(mut self, absent: &'static str) -> Self {
        self.absent = absent;
        self
    }

    /// The strings, or `None` where the setting is left out or invalid. An invalid value is reported.
    #[must_use]
    pub fn optional(self) -> Option<Vec<Located<String>>> {
        let absent = Absent::Described(self.absent);
        self.read(absent)
    }

    /// The strings. It is reported where the setting is left out or invalid. An empty list counts as given.
    #[must_use]
    pub fn required(self) -> Option<Vec<Located<String>>> {
        self.required_because("is required")
    }

    /// As [`required`](Self::required), with the rule to report where the setting is left out.
    #[must_use]
    pub fn required_because(self, rule: &str) -> Option<Vec<Located<String>>> {
        let Unread { table, key, .. } = &self.unread;
        if !table.holds(key) {
            table.report(key, &table.location_of(key), rule);
        }
        self.read(Absent::Invalid)
    }

    /// The values of the strings that `parse` understands; the others are reported with the rule that they break.
    pub fn each<T, E: Display>(self, parse: impl Fn(&str) -> Result<T, E>) -> Option<Vec<Located<T>>> {
        let absent = Absent::Described(self.absent);
        self.record(absent);
        let Unread { table, key, .. } = self.unread;
        let strings = table.strings(key)?;
        let mut values = Vec::with_capacity(strings.len());
        for Located { value, location } in strings {
            match parse(&value) {
                Ok(value) => values.push(Located { value, location }),
                Err(rule) => table.report(key, &location, rule),
            }
        }
        Some(values)
    }

    fn read(self, absent: Absent) -> Option<Vec<Located<String>>> {
        self.record(absent);
        let Unread { table, key, .. } = self.unread;
        table.strings(key)
    }

    fn record(&self, absent: Absent) {
        let Unread { table, key, meaning } = &self.unread;
        let values = Values::List(self.name);
        table.record(|| SettingReference { key, values, limits: self.limits, absent, meaning });
    }
}

/// See [`Unread::flag`].
#[derive(Debug)]
pub struct Flag;

impl Form for Flag {
    type Value = bool;

    fn values(&self) -> Values {
        Values::Flag
    }

    fn read(&self, given: &Given<'_>) -> Result<bool, String> {
        let found = match given.0 {
            Raw::Toml(DeValue::Boolean(value)) => Some(*value),
            Raw::Text(text) | Raw::Expanded(text) => text.parse().ok(),
            Raw::Toml(_) => None,
        };
        found.ok_or_else(|| "must be true or false".to_owned())
    }
}

impl Written for Flag {
    fn written(&self, value: &bool) -> String {
        value.to_string()
    }
}

/// See [`Unread::text`].
#[derive(Debug)]
pub struct Text;

const NOT_A_STRING: &str = "must be a string";

impl Form for Text {
    type Value = String;

    fn values(&self) -> Values {
        Values::Text("string")
    }

    fn read(&self, given: &Given<'_>) -> Result<String, String> {
        given.text().map(str::to_owned).ok_or_else(|| NOT_A_STRING.to_owned())
    }
}

impl Written for Text {
    fn written(&self, value: &String) -> String {
        value.clone()
    }
}

/// See [`Unread::parsed`].
#[derive(Debug)]
pub struct Parsed<T, P> {
    name: &'static str,
    parse: P,
    value: PhantomData<fn() -> T>,
}

impl<T, E: Display, P: Fn(&str) -> Result<T, E>> Form for Parsed<T, P> {
    type Value = T;

    fn values(&self) -> Values {
        Values::Text(self.name)
    }

    fn read(&self, given: &Given<'_>) -> Result<T, String> {
        let text = given.text().ok_or_else(|| NOT_A_STRING.to_owned())?;
        (self.parse)(text).map_err(|rule| rule.to_string())
    }
}

impl<T: Display, E: Display, P: Fn(&str) -> Result<T, E>> Written for Parsed<T, P> {
    fn written(&self, value: &T) -> String {
        value.to_string()
    }
}

/// See [`Unread::path`].
#[derive(Debug)]
pub struct FilePath<'f> {
    folder: &'f Path,
}

impl Form for FilePath<'_> {
    type Value = PathBuf;

    fn values(&self) -> Values {
        Values::Text("path")
    }

    fn read(&self, given: &Given<'_>) -> Result<PathBuf, String> {
        match given.text() {
            None => Err(NOT_A_STRING.to_owned()),
            Some("") => Err("must not be empty".to_owned()),
            Some(path) => Ok(self.folder.join(path)),
        }
    }
}

impl Written for FilePath<'_> {
    fn written(&self, value: &PathBuf) -> String {
        value.display().to_string()
    }
}

/// See [`Unread::choice`].
#[derive(Debug)]
pub struct Choice<T> {
    choices: Vec<(&'static str, T)>,
}

impl<T: Copy + PartialEq> Form for Choice<T> {
    type Value = T;

    fn values(&self) -> Values {
        Values::Choice(self.choices.iter().map(|(name, _)| (*name).to_owned()).collect())
    }

    fn read(&self, given: &Given<'_>) -> Result<T, String> {
        let text = given.text().ok_or_else(|| NOT_A_STRING.to_owned())?;
        let found = self.choices.iter().find(|(name, _)| *name == text);
        found.map(|(_, value)| *value).ok_or_else(|| {
            let names: Vec<&str> = self.choices.iter().map(|(name, _)| *name).collect();
            format!("must be one of: {}", names.join(", "))
        })
    }
}

impl<T: Copy + PartialEq> Written for Choice<T> {
    fn written(&self, value: &T) -> String {
        let name = self.choices.iter().find(|(_, choice)| choice == value);
        name.map(|(name, _)| (*name).to_owned()).unwrap_or_default()
    }
}

/// See [`Unread::duration`], [`Unread::size`] and [`Unread::count`].
#[derive(Debug)]
pub struct Number<T> {
    unit: Unit,
    least: u64,
    most: u64,
    value: PhantomData<fn() -> T>,
}

/// What a number of a document becomes.
pub trait Magnitude: Copy {
    /// The largest number that fits.
    const MOST: u64;

    /// From a number that fits: seconds for a duration.
    fn from_magnitude(magnitude: u64) -> Option<Self>;

    /// The number.
    fn magnitude(&self) -> u64;
}

impl Magnitude for Duration {
    const MOST: u64 = u64::MAX;

    fn from_magnitude(magnitude: u64) -> Option<Self> {
        Some(Self::from_secs(magnitude))
    }

    fn magnitude(&self) -> u64 {
        self.as_secs()
    }
}

macro_rules! magnitude {
    ($($number:ty),+) => {
        $(impl Magnitude for $number {
            const MOST: u64 = <$number>::MAX as u64;

            fn from_magnitude(magnitude: u64) -> Option<Self> {
                magnitude.try_into().ok()
            }

            fn magnitude(&self) -> u64 {
                u64::try_from(*self).unwrap_or(u64::MAX)
            }
        })+
    };
}

magnitude!(u32, u64, usize);

impl<T: Magnitude> Number<T> {
    fn new(unit: Unit) -> Self {
        Self { unit, least: 0, most: T::MOST, value: PhantomData }
    }
}

impl<T: Magnitude> Form for Number<T> {
    type Value = T;

    fn values(&self) -> Values {
        Values::Number { unit: self.unit, least: self.least, most: self.most }
    }

    fn read(&self, given: &Given<'_>) -> Result<T, String> {
        let number = match self.unit {
            Unit::Count => whole_number(given.0).ok_or("must be a whole number without quotes")?,
            Unit::Seconds => given
                .text()
                .and_then(units::parse_duration)
                .map(|duration| duration.as_secs())
                .ok_or("must be a duration in whole seconds with a unit, such as \"30s\" or \"15m\"")?,
            Unit::Bytes => given.text().and_then(units::parse_byte_size).ok_or("must be a size, such as \"50MiB\"")?,
        };
        let fits = (self.least..=self.most).contains(&number);
        T::from_magnitude(number).filter(|_| fits).ok_or_else(|| {
            let written = |bound| self.unit.written(bound);
            match (self.least, self.most) {
                (0, most) => format!("must be at most {}", written(most)),
                (least, u64::MAX) => format!("must be at least {}", written(least)),
                (least, most) => format!("must be between {} and {}", written(least), written(most)),
            }
        })
    }
}

impl<T: Magnitude> Written for Number<T> {
    fn written(&self, value: &T) -> String {
        self.unit.written(value.magnitude())
    }
}

fn whole_number(raw: &Raw<'_>) -> Option<u64> {
    match raw {
        Raw::Toml(DeValue::Integer(number)) => u64::from_str_radix(number.as_str(), number.radix()).ok(),
        Raw::Text(text) | Raw::Expanded(text) => text.parse().ok(),
        Raw::Toml(_) => None,
    }
}

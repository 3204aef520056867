//! The settings of a tier over the defaults of its bucket.
//!
//! A setting of the tier wins over a default, and a default over what the program uses without the setting. Each value is
//! checked where it is read. What contradicts only together is reported at the tier, and names the defaults.

use std::fmt::Display;

use access_broker_base::document::{Location, Table};

/// A value that a tier uses, and where it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layered<T> {
    pub(super) value: T,
    pub(super) origin: Origin,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// The table that is read.
    Table,
    /// The defaults of the bucket.
    Defaults,
    /// Neither has the setting.
    Program,
}

impl<T> Layered<T> {
    /// What the program uses without the setting.
    pub(super) const fn program(value: T) -> Self {
        Self { value, origin: Origin::Program }
    }
}

/// The table's own value, or else the default. `None`: neither has the setting.
pub(super) fn layered<T: Clone>(own: Option<&T>, default: Option<&T>) -> Option<Layered<T>> {
    let own = own.map(|value| Layered { value: value.clone(), origin: Origin::Table });
    own.or_else(|| default.map(|value| Layered { value: value.clone(), origin: Origin::Defaults }))
}

/// A part of the defaults of a bucket, with the dotted path of the defaults.
#[derive(Debug)]
pub(super) struct Defaults<'l, T> {
    pub(super) settings: &'l T,
    pub(super) path: &'l str,
}

// Deriving them would require the same of the settings.
impl<T> Clone for Defaults<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Defaults<'_, T> {}

/// Reports contradictions between two settings of a table, which may come from defaults.
#[derive(Debug, Clone, Copy)]
pub(super) struct Contradictions<'l, 'd> {
    pub(super) table: &'l Table<'d>,
    /// The dotted path of the defaults.
    pub(super) defaults: Option<&'l str>,
    /// Whether the table is part of the defaults. A tier can have what is not there, so only settings that are there can
    /// contradict.
    pub(super) is_of_defaults: bool,
}

impl<'l, 'd> Contradictions<'l, 'd> {
    /// Those of a table of a tier.
    pub(super) fn of_tier<T>(table: &'l Table<'d>, defaults: Option<Defaults<'l, T>>) -> Self {
        Self { table, defaults: defaults.map(|defaults| defaults.path), is_of_defaults: false }
    }

    /// Those of a table of defaults.
    pub(super) const fn of_defaults(table: &'l Table<'d>) -> Self {
        Self { table, defaults: None, is_of_defaults: true }
    }

    /// Reports that the first setting breaks a rule about both. `location` is that of the first setting; it counts only if
    /// the setting is in the table. Nothing is reported if both come from the defaults: there it has been.
    pub(super) fn report(
        self,
        (key, origin): (&str, Origin),
        (other, other_origin): (&str, Origin),
        location: &Location,
        rule: impl Display,
    ) {
        if self.is_of_defaults && [origin, other_origin].contains(&Origin::Program) {
            return;
        }
        let from_defaults = match (origin, other_origin) {
            (Origin::Defaults, Origin::Defaults) => return,
            (Origin::Defaults, _) => Some(key),
            (_, Origin::Defaults) => Some(other),
            _ => None,
        };
        let path = self.defaults.unwrap_or_default();
        let source = from_defaults.map_or_else(String::new, |key| format!("; {key} is from {path}"));
        let location = if origin == Origin::Table { location } else { &self.table.location_of(key) };
        self.table.report(key, location, format!("{rule}{source}"));
    }
}

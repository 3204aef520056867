//! What a document can have: every table and setting that its readers asked for, as they recorded it.

use std::cell::RefCell;

/// Every table and setting of a kind of document, in the order in which they are read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reference {
    /// The outermost table comes first. Its path is empty.
    pub tables: Vec<TableReference>,
}

/// One table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableReference {
    /// The dotted path without indexes, such as `bucket.named_endpoint`.
    pub path: String,
    /// Whether it is an array of tables.
    pub is_list: bool,
    /// What the table is for; may be empty. Markdown.
    pub meaning: &'static str,
    /// What holds without the table; may be empty. Markdown.
    pub absent: &'static str,
    /// The settings in it, without tables.
    pub settings: Vec<SettingReference>,
    /// The meaning of keys that the file's author chooses, if the table has such keys.
    pub free_keys: Option<&'static str>,
}

/// One setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingReference {
    /// The name in the file.
    pub key: &'static str,
    /// What it can be.
    pub values: Values,
    /// Rules besides those of [`values`](Self::values); may be empty. Markdown.
    pub limits: &'static str,
    /// What holds without it.
    pub absent: Absent,
    /// What it is for. Markdown.
    pub meaning: &'static str,
}

/// What a setting can be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Values {
    /// `true` or `false`.
    Flag,
    /// A string of a form that has a name, such as `URL`. `string` for any string.
    Text(&'static str),
    /// One of these names.
    Choice(Vec<String>),
    /// Strings of a form that has a name: one string or a list of them.
    List(&'static str),
    /// A whole number, duration or size between bounds, which are included.
    Number {
        /// What the bounds count.
        unit: Unit,
        /// The smallest.
        least: u64,
        /// The largest; `u64::MAX` for no bound.
        most: u64,
    },
}

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Written as a bare integer.
    Count,
    /// Written with units of time, such as `1h 30m`.
    Seconds,
    /// Written with units of size, such as `50MiB`.
    Bytes,
}

/// What holds without a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Absent {
    /// The document is invalid.
    Invalid,
    /// This value, as a file would write it.
    Default(String),
    /// What these words say, such as `none`. Markdown.
    Described(&'static str),
}

impl Unit {
    /// A number as a file would write it, in the largest unit without a fraction.
    #[must_use]
    pub fn written(self, number: u64) -> String {
        const TIMES: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];
        const SIZES: [(u64, &str); 5] =
            [(1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"), (1, "B")];
        let units: &[(u64, &str)] = match self {
            Self::Count => return number.to_string(),
            // People write a day as 24h.
            Self::Seconds if number < 2 * 86_400 => &TIMES[1..],
            Self::Seconds => &TIMES,
            Self::Bytes => &SIZES,
        };
        let largest = units.iter().find(|(size, _)| number >= *size && number.is_multiple_of(*size)).or(units.last());
        let (size, name) = largest.copied().unwrap_or((1, ""));
        format!("{}{name}", number / size)
    }
}

impl Values {
    /// The bounds as words, such as `1s to 5m`; empty where there are none.
    #[must_use]
    pub fn bounds(&self) -> String {
        match self {
            Self::Number { unit, least: 0, most } if *most != u64::MAX => format!("at most {}", unit.written(*most)),
            Self::Number { unit, least, most: u64::MAX } if *least > 0 => format!("at least {}", unit.written(*least)),
            Self::Number { unit, least, most } if *most != u64::MAX => {
                format!("{} to {}", unit.written(*least), unit.written(*most))
            }
            _ => String::new(),
        }
    }
}

/// Collects the reference while readers run over an empty document.
#[derive(Debug, Default)]
pub(super) struct Recorder(RefCell<Reference>);

impl Recorder {
    /// Notes a table. `path` may have indexes.
    pub(super) fn add_table(&self, path: &str, is_list: bool) {
        let path = without_indexes(path);
        let tables = &mut self.0.borrow_mut().tables;
        if !tables.iter().any(|table| table.path == path) {
            tables.push(TableReference {
                path,
                is_list,
                meaning: "",
                absent: "",
                settings: Vec::new(),
                free_keys: None,
            });
        }
    }

    pub(super) fn change_table(&self, path: &str, change: impl FnOnce(&mut TableReference)) {
        let path = without_indexes(path);
        if let Some(table) = self.0.borrow_mut().tables.iter_mut().find(|table| table.path == path) {
            change(table);
        }
    }

    pub(super) fn add_setting(&self, path: &str, setting: SettingReference) {
        self.change_table(path, |table| {
            if !table.settings.iter().any(|known| known.key == setting.key) {
                table.settings.push(setting);
            }
        });
    }

    pub(super) fn into_reference(self) -> Reference {
        self.0.into_inner()
    }
}

/// A path of tables without the numbers that count those in a list.
pub(super) fn without_indexes(path: &str) -> String {
    let names: Vec<&str> = path.split('.').map(|part| part.split('[').next().unwrap_or(part)).collect();
    names.join(".")
}

impl Reference {
    /// The table of this path, such as `bucket.named_endpoint`.
    #[must_use]
    pub fn table(&self, path: &str) -> Option<&TableReference> {
        self.tables.iter().find(|table| table.path == path)
    }

    /// The tables right inside of a table, by their keys.
    pub fn children<'r>(&'r self, path: &'r str) -> impl Iterator<Item = (&'r str, &'r TableReference)> {
        self.tables.iter().filter_map(move |table| {
            let below = table.path.strip_prefix(path)?;
            let key = if path.is_empty() { below } else { below.strip_prefix('.')? };
            (!key.is_empty() && !key.contains('.')).then_some((key, table))
        })
    }

    /// The tables whose settings can be given from outside of the document: those that are in no list, and in the
    /// outermost table.
    pub fn overridable(&self) -> impl Iterator<Item = &TableReference> {
        self.tables.iter().filter(|table| !table.is_list && !table.path.is_empty() && !table.path.contains('.'))
    }
}

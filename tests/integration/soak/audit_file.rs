//! The audit file of a soak, read as it grows.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde_json::Value;
use uuid::Uuid;

use crate::support::{assert_no_secrets, audit_record};

/// The room before the first record, a hole that takes no place on disk. It makes this file the longest of the process,
/// so that a limit for the length of files holds for it alone and not for the log.
const ROOM: u64 = 1 << 30;

/// Of so many records one is held against the schema, which takes longer than to write it.
const CHECKED: usize = 50;

pub(super) struct AuditFile {
    path: PathBuf,
    read: u64,
    lines: usize,
    /// How often each decision is on record.
    decisions: HashMap<Uuid, u32>,
}

impl AuditFile {
    /// Makes the file before there is a broker.
    pub(super) fn create(path: &Path) -> Self {
        let mut file = OpenOptions::new().write(true).create_new(true).open(path).unwrap();
        file.set_len(ROOM - 1).unwrap();
        file.seek(SeekFrom::End(0)).unwrap();
        file.write_all(b"\n").unwrap();
        Self { path: path.to_owned(), read: ROOM, lines: 0, decisions: HashMap::new() }
    }

    pub(super) fn len(&self) -> u64 {
        self.path.metadata().unwrap().len()
    }

    /// Reads what was written since the last time, to the end of the last whole line.
    pub(super) fn read_on(&mut self) {
        let mut file = File::open(&self.path).unwrap();
        file.seek(SeekFrom::Start(self.read)).unwrap();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        self.read += whole as u64;
        let text = std::str::from_utf8(&bytes[..whole]).unwrap();
        assert_no_secrets("an audit record", text);
        assert!(!text.contains(super::world::SECRET), "an audit record shows a credential");
        for line in text.lines() {
            self.lines += 1;
            let record = if self.lines.is_multiple_of(CHECKED) {
                audit_record(line)
            } else {
                serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {line}"))
            };
            if let Some(id) = record["decision_id"].as_str() {
                *self.decisions.entry(Uuid::parse_str(id).unwrap()).or_default() += 1;
            }
        }
    }

    /// How many of these decisions are not on record exactly once.
    pub(super) fn lost(&self, decisions: &[Uuid]) -> usize {
        decisions.iter().filter(|id| self.decisions.get(id) != Some(&1)).count()
    }

    /// How many decisions are on record more than once.
    pub(super) fn recorded_twice(&self) -> usize {
        self.decisions.values().filter(|times| **times > 1).count()
    }
}

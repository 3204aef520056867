//! The tables of the document: what was measured, what is written, and how they differ.

use super::cell::Cell;
use crate::registry::Registry;

pub(super) fn register(registry: &mut Registry<'_>) {
    registry.add_blocking(
        concat!(module_path!(), "::every_cell_that_differs_is_named_and_servers_that_are_missing_keep_theirs"),
        &[],
        every_cell_that_differs_is_named_and_servers_that_are_missing_keep_theirs,
    );
}

/// What one server did, by tables and their rows.
pub(super) struct Column {
    pub(super) server: &'static str,
    pub(super) tables: Vec<(&'static str, Vec<(&'static str, String)>)>,
}

impl Column {
    pub(super) fn new(server: &'static str, version: String) -> Self {
        Self { server, tables: vec![(SERVERS, vec![("version", version)])] }
    }

    pub(super) fn begin(&mut self, title: &'static str) {
        self.tables.push((title, Vec::new()));
    }

    /// Adds a row. An error is an answer that made the question moot.
    pub(super) fn add(&mut self, row: &'static str, outcome: Result<Cell, Cell>) {
        let (Ok(cell) | Err(cell)) = outcome;
        self.tables.last_mut().unwrap().1.push((row, cell.to_string()));
    }

    /// The cell of a row of any table.
    pub(super) fn cell(&self, row: &str) -> &str {
        let mut rows = self.tables.iter().flat_map(|(_, rows)| rows);
        let (_, cell) = rows.find(|(name, _)| *name == row).unwrap_or_else(|| panic!("no row {row}"));
        cell
    }
}

/// The title of the table of versions.
const SERVERS: &str = "Servers";

/// What stands for a server that is not installed and not in the document either.
const UNKNOWN: &str = "?";

/// One table, as it is written.
struct Table {
    title: String,
    servers: Vec<String>,
    rows: Vec<(String, Vec<String>)>,
}

/// Reads every table of a text.
fn parse(text: &str) -> Vec<Table> {
    let mut tables: Vec<Table> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        let Some(cells) = line.strip_prefix("| ").and_then(|rest| rest.strip_suffix(" |")) else {
            inside = line.starts_with("|--");
            continue;
        };
        let mut cells = cells.split(" | ").map(str::to_owned);
        let (first, others) = (cells.next().unwrap(), cells.collect());
        match tables.last_mut() {
            Some(table) if inside => table.rows.push((first, others)),
            _ => tables.push(Table { title: first, servers: others, rows: Vec::new() }),
        }
    }
    tables
}

fn written(tables: &[Table], title: &str, row: &str, server: &str) -> Option<String> {
    let table = tables.iter().find(|table| table.title == title)?;
    let column = table.servers.iter().position(|name| name == server)?;
    let (_, cells) = table.rows.iter().find(|(name, _)| name == row)?;
    cells.get(column).cloned()
}

/// What the document should say, and every cell in which it does not.
pub(super) struct Comparison {
    pub(super) text: String,
    pub(super) differences: Vec<String>,
}

/// Compares what was measured with what is written. Servers that were not measured keep what is written of them, and
/// another version of a server is no difference by itself.
pub(super) fn compare(document: &str, servers: &[&str], columns: &[Column]) -> Comparison {
    let old = parse(document);
    let mut comparison = Comparison { text: String::new(), differences: Vec::new() };
    let first = &columns[0];
    for (table, (title, rows)) in first.tables.iter().enumerate() {
        let heads: Vec<_> = [title].into_iter().chain(servers).map(|head| format!("| {head} ")).collect();
        let line = "|---".repeat(heads.len());
        comparison.text.extend([&heads.concat(), "|\n", &line, "|\n"]);
        for (row, (name, _)) in rows.iter().enumerate() {
            comparison.text.extend(["| ", name, " |"]);
            for server in servers {
                let before = written(&old, title, name, server);
                let measured = columns.iter().find(|column| column.server == *server).map(|column| {
                    let (its_name, cell) = &column.tables[table].1[row];
                    assert_eq!(its_name, name, "{server} was asked something else");
                    cell.clone()
                });
                let now = measured.or_else(|| before.clone()).unwrap_or_else(|| UNKNOWN.to_owned());
                if before.as_ref() != Some(&now) {
                    let before = before.unwrap_or_else(|| "nothing".to_owned());
                    let difference = format!("{title}, {name}, {server}: measured {now:?}, written {before:?}");
                    match *title {
                        SERVERS => println!("{difference}"),
                        _ => comparison.differences.push(difference),
                    }
                }
                comparison.text.extend([" ", &now, " |"]);
            }
            comparison.text.push('\n');
        }
        comparison.text.push('\n');
    }
    comparison
}

fn column(server: &'static str, version: &str, cell: Cell) -> Column {
    let mut column = Column::new(server, version.to_owned());
    column.begin("Uploads");
    column.add("checksum", Ok(cell));
    column
}

fn every_cell_that_differs_is_named_and_servers_that_are_missing_keep_theirs() {
    let servers = ["a", "b"];
    let both = [column("a", "1", Cell::Kept), column("b", "2", Cell::NotKept)];
    let first = compare("", &servers, &both);
    assert_eq!(first.differences.len(), 2, "{:?}", first.differences);
    let same = compare(&first.text, &servers, &both);
    assert_eq!((same.text, same.differences), (first.text.clone(), vec![]));

    let one = compare(&first.text, &servers, &[column("a", "1", Cell::Kept)]);
    assert_eq!((one.text, one.differences), (first.text.clone(), vec![]));

    let changed = [column("a", "1", Cell::Error(500)), column("b", "3", Cell::NotKept)];
    let other = compare(&first.text, &servers, &changed);
    assert_eq!(other.differences, ["Uploads, checksum, a: measured \"error 500\", written \"kept\""]);
}

//! Puts a backup back into an empty database of any engine.

use std::path::Path;

use super::lines::LineReader;
use super::verify::{columns, manifest, table_of};
use super::{BackupError, FileEntry, Manifest, Progress};
use crate::store::location::Location;
use crate::store::schema::{Kind, Table, Value};
use crate::store::state::{StateFile, StateTable};
use crate::store::table_io::{ROWS_PER_WRITE, TableIo};

/// Puts the backup in `folder` back: everything, or nothing. The database gets an identity of its own, so
/// that a fingerprint index made from another one is remade.
pub fn restore(
    folder: &Path,
    location: &Location,
    state: &Path,
    progress: &mut Progress<'_>,
) -> Result<Manifest, BackupError> {
    let manifest = manifest(folder)?;
    let mut tables = location.open_tables()?;
    if !tables.is_empty()? {
        return Err(BackupError::NotEmpty { place: location.place() });
    }
    let mut state = StateFile::open(state)?;
    if !state.is_empty()? {
        return Err(BackupError::NotEmpty { place: "state.db of the data folder".to_owned() });
    }
    tables.begin_writing()?;
    let mut state_tables = Vec::new();
    for entry in &manifest.files {
        let path = folder.join(&entry.name);
        match table_of(entry) {
            Some(table) => put_back(&mut tables, table, entry, &path, progress)?,
            None => state_tables.extend(state_table(entry, &path)?),
        }
    }
    tables.set_extent(&manifest.extent)?;
    // Accepted work without its database is harmless: it is done again.
    state.put_back(&state_tables)?;
    tables.commit()?;
    Ok(manifest)
}

fn put_back(
    tables: &mut TableIo,
    table: &'static Table,
    entry: &FileEntry,
    path: &Path,
    progress: &mut Progress<'_>,
) -> Result<(), BackupError> {
    let damaged = |what: String| BackupError::Damaged { path: path.to_owned(), what };
    let mut reader = LineReader::open(path)?;
    let columns = columns(&reader, table, path)?;
    let kinds: Vec<Kind> = columns.iter().map(|(kind, _)| *kind).collect();
    let empty: Vec<Value> = table
        .columns
        .iter()
        .map(|(_, kind)| match kind {
            Kind::Int => Value::Int(None),
            Kind::Text => Value::Text(None),
            Kind::Bytes => Value::Bytes(None),
        })
        .collect();
    let mut done = 0;
    let mut rows = Vec::with_capacity(ROWS_PER_WRITE);
    loop {
        let read = reader.row(&kinds).map_err(|error| damaged(error.to_string()))?;
        let ended = read.is_none();
        if let Some(values) = read {
            let mut row = empty.clone();
            for (value, (_, place)) in values.into_iter().zip(&columns) {
                if let Some(cell) = row.get_mut(*place) {
                    *cell = value;
                }
            }
            rows.push(row);
        }
        if rows.len() == ROWS_PER_WRITE || ended {
            tables.write(table, &rows)?;
            done += u64::try_from(rows.len()).unwrap_or(0);
            rows.clear();
            progress(table.name, done, entry.rows);
        }
        if ended {
            break;
        }
    }
    reader.finish(entry).map_err(damaged)
}

/// A table of the state file; `None` for what this program does not know.
fn state_table(entry: &FileEntry, path: &Path) -> Result<Option<StateTable>, BackupError> {
    let damaged = |what: String| BackupError::Damaged { path: path.to_owned(), what };
    if !entry.name.starts_with("state.") {
        return Ok(None);
    }
    let mut reader = LineReader::open(path)?;
    let mut rows = Vec::new();
    while let Some(row) = reader.any_row().map_err(|error| damaged(error.to_string()))? {
        rows.push(row);
    }
    let (name, columns) = (reader.head.table.clone(), reader.head.columns.clone());
    reader.finish(entry).map_err(damaged)?;
    Ok(Some(StateTable { name, columns, rows }))
}

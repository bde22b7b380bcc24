//! Reads a backup from its beginning to its end, without believing it.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use super::lines::LineReader;
use super::{BackupError, FORMAT, FileEntry, MANIFEST, Manifest, Progress};
use crate::store::schema::{self, Kind, Table, Value};

/// The manifest of the backup in `folder`.
pub fn manifest(folder: &Path) -> Result<Manifest, BackupError> {
    let path = folder.join(MANIFEST);
    let text = fs::read(&path).map_err(BackupError::file("read", &path))?;
    let manifest: Manifest = serde_json::from_slice(&text)
        .map_err(|source| BackupError::Manifest { path: folder.to_owned(), source })?;
    if manifest.format > FORMAT {
        return Err(BackupError::Newer { path: folder.to_owned(), format: manifest.format });
    }
    // Names are file names of this folder, and nothing else.
    for entry in &manifest.files {
        if !entry.name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._".contains(&byte))
            || entry.name.starts_with('.')
        {
            let what = format!("it names a file {:?}", entry.name);
            return Err(BackupError::Damaged { path: folder.to_owned(), what });
        }
    }
    Ok(manifest)
}

/// The table of ours that a file of a backup holds.
pub fn table_of(entry: &FileEntry) -> Option<&'static Table> {
    schema::ALL.iter().copied().find(|table| entry.name.strip_suffix(".zst") == Some(table.name))
}

/// For each column of the file its kind, and where it goes in a row of the table.
pub fn columns(reader: &LineReader, table: &Table, path: &Path) -> Result<Vec<(Kind, usize)>, BackupError> {
    let find = |name: &String| {
        let place = table.columns.iter().position(|(known, _)| known == name)?;
        Some((table.columns.get(place)?.1, place))
    };
    reader
        .head
        .columns
        .iter()
        .map(|name| {
            find(name).ok_or_else(|| BackupError::Damaged {
                path: path.to_owned(),
                what: format!("this program knows no column {name:?} of the table {}", table.name),
            })
        })
        .collect()
}

/// Reads everything and checks the sums, the sizes, and that images belong to posts and posts to accounts.
pub fn verify(folder: &Path, progress: &mut Progress<'_>) -> Result<Manifest, BackupError> {
    let manifest = manifest(folder)?;
    let damaged = |path: &Path, what: String| BackupError::Damaged { path: path.to_owned(), what };
    let mut accounts = HashSet::new();
    let mut posts = HashSet::new();
    for entry in &manifest.files {
        let path = folder.join(&entry.name);
        let mut reader = LineReader::open(&path)?;
        let table = table_of(entry);
        let kinds: Vec<Kind> = match table {
            Some(table) => columns(&reader, table, &path)?.into_iter().map(|(kind, _)| kind).collect(),
            None => Vec::new(),
        };
        let names = reader.head.columns.clone();
        let column = |name: &str| names.iter().position(|column| column == name);
        let (no, owner, post) = (column("no"), column("account"), column("post"));
        let number = |row: &[Value], index: Option<usize>| match index.and_then(|index| row.get(index)) {
            Some(Value::Int(Some(number))) => Some(*number),
            _ => None,
        };
        let mut rows = 0;
        loop {
            let row = match table {
                Some(_) => reader.row(&kinds),
                None => reader.any_row(),
            };
            let Some(row) = row.map_err(|error| damaged(&path, error.to_string()))? else { break };
            rows += 1;
            if rows % 4096 == 0 {
                progress(&entry.name, rows, entry.rows);
            }
            match table.map(|table| table.name) {
                Some("accounts") => accounts.extend(number(&row, no)),
                Some("posts") => {
                    posts.extend(number(&row, no));
                    if number(&row, owner).is_none_or(|owner| !accounts.contains(&owner)) {
                        return Err(damaged(&path, format!("the post in row {rows} is of no account")));
                    }
                }
                Some("images" | "retries") => {
                    if number(&row, post).is_none_or(|post| !posts.contains(&post)) {
                        return Err(damaged(&path, format!("row {rows} is of no post")));
                    }
                }
                Some(_) | None => {}
            }
        }
        reader.finish(entry).map_err(|what| damaged(&path, what))?;
    }
    let rows = |name: &str| {
        let entry = manifest.files.iter().find(|entry| entry.name == name);
        entry.map_or(0, |entry| entry.rows)
    };
    let extent = &manifest.extent;
    let found = ["accounts.zst", "posts.zst", "images.zst", "retries.zst", "parts.zst"].map(rows);
    let expect = [extent.accounts, extent.posts, extent.images, extent.retries, extent.parts];
    if found != expect {
        return Err(damaged(folder, format!("it has {found:?} rows, the database had {expect:?}")));
    }
    Ok(manifest)
}

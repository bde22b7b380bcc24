//! Makes a backup, while the database is in use.

use std::fs::{self, File};
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::lines::{Head, LineWriter};
use super::{BackupError, FORMAT, FileEntry, MANIFEST, Manifest, PREFIX, Progress, UNFINISHED};
use crate::base::Timestamp;
use crate::store::location::Location;
use crate::store::schema::{self, Value};
use crate::store::state::StateFile;

/// Writes a backup of the database, and of the state file beside it, as a new folder within `folder`.
///
/// # Errors
/// Nothing under a backup's final name is left behind.
pub fn write(
    location: &Location,
    state: &Path,
    folder: &Path,
    now: Timestamp,
    progress: &mut Progress<'_>,
) -> Result<PathBuf, BackupError> {
    fs::create_dir_all(folder).map_err(BackupError::file("make the folder", folder))?;
    // Colons are no part of file names everywhere.
    let name = format!("{PREFIX}{}", now.to_rfc3339().replace(':', "-"));
    let (unfinished, finished) = (folder.join(format!("{name}{UNFINISHED}")), folder.join(name));
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).map_err(BackupError::file("remove", &unfinished))?;
    }
    fs::create_dir(&unfinished).map_err(BackupError::file("make the folder", &unfinished))?;
    let done = fill(location, state, &unfinished, now, progress).and_then(|()| {
        fs::rename(&unfinished, &finished).map_err(BackupError::file("rename", &unfinished))?;
        sync(folder).map_err(BackupError::file("write", folder))
    });
    if let Err(error) = done {
        // The reason matters more than what may be left.
        let _ = fs::remove_dir_all(&unfinished);
        return Err(error);
    }
    Ok(finished)
}

fn fill(
    location: &Location,
    state: &Path,
    folder: &Path,
    now: Timestamp,
    progress: &mut Progress<'_>,
) -> Result<(), BackupError> {
    // The state first: what was accepted then and ends before the database is read is done again when
    // it is put back, which changes nothing. The other way round it could be missing in both.
    let state_files = write_state(state, folder)?;
    let mut tables = location.open_tables()?;
    tables.begin_reading()?;
    let extent = tables.extent()?;
    let mut files = Vec::new();
    for table in schema::ALL {
        let name = format!("{}.zst", table.name);
        let path = folder.join(&name);
        let columns = table.columns.iter().map(|(name, _)| (*name).to_owned()).collect();
        let head = Head { table: table.name.to_owned(), columns };
        let mut writer =
            LineWriter::create(folder, &name, &head).map_err(BackupError::file("write", &path))?;
        let total = match table.name {
            "accounts" => extent.accounts,
            "posts" => extent.posts,
            "images" => extent.images,
            "parts" => extent.parts,
            _ => 0,
        };
        let mut rows = 0;
        let mut failed = None;
        let read = tables.read(table, &mut |row: Vec<Value>| {
            rows += 1;
            if rows % 1024 == 0 {
                progress(table.name, rows, total);
            }
            match writer.write(&row) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    failed = Some(error);
                    ControlFlow::Break(())
                }
            }
        });
        if let Some(source) = failed {
            return Err(BackupError::File { what: "write", path, source });
        }
        read?;
        progress(table.name, rows, rows);
        files.push(writer.finish().map_err(BackupError::file("write", &path))?);
    }
    files.extend(state_files);
    let manifest = Manifest {
        format: FORMAT,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        created_at: now.to_rfc3339(),
        database: location.place(),
        extent,
        files,
    };
    write_manifest(folder, &manifest).map_err(BackupError::file("write", folder.join(MANIFEST)))
}

/// The tables of the state file, if there is one: accepted work, and what was spent.
fn write_state(state: &Path, folder: &Path) -> Result<Vec<FileEntry>, BackupError> {
    let mut files = Vec::new();
    if !state.exists() {
        return Ok(files);
    }
    let tables = StateFile::open(state).and_then(|mut state| state.tables())?;
    for table in tables {
        let name = format!("state.{}.zst", table.name);
        let path = folder.join(&name);
        let write = || -> io::Result<FileEntry> {
            let head = Head { table: table.name, columns: table.columns };
            let mut writer = LineWriter::create(folder, &name, &head)?;
            table.rows.iter().try_for_each(|row| writer.write(row))?;
            writer.finish()
        };
        files.push(write().map_err(BackupError::file("write", path))?);
    }
    Ok(files)
}

fn write_manifest(folder: &Path, manifest: &Manifest) -> io::Result<()> {
    let mut file = File::create(folder.join(MANIFEST))?;
    serde_json::to_writer_pretty(&mut file, manifest)?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    sync(folder)
}

/// A folder's entries are on the disk when this returns.
fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

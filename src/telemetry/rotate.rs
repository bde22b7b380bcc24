//! Keeps files that only grow from filling the disk.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// How long a file may become, and how many former ones are kept: `name.1` is the latest.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    pub max_bytes: u64,
    pub former: u32,
}

/// Opens a file to write at its end; one that is long enough becomes the first of the former ones before.
/// For files that one process writes.
///
/// # Errors
/// The file cannot be opened or renamed.
pub fn open(path: &Path, bounds: Bounds) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    if is_long(path, bounds) && bounds.former > 0 {
        make_room(path, bounds)?;
        fs::rename(path, former(path, 1))?;
    }
    OpenOptions::new().create(true).append(true).open(path)
}

/// Empties a file that is long enough, after a copy became the first of the former ones. For files to whose
/// end several processes write, which need not know: what they write between copy and cut is lost. True when
/// it was long enough.
///
/// # Errors
/// The copy cannot be written, or the file not cut.
pub fn empty(path: &Path, bounds: Bounds) -> io::Result<bool> {
    if !is_long(path, bounds) {
        return Ok(false);
    }
    make_room(path, bounds)?;
    fs::copy(path, former(path, 1))?;
    OpenOptions::new().write(true).open(path)?.set_len(0)?;
    Ok(true)
}

fn is_long(path: &Path, bounds: Bounds) -> bool {
    fs::metadata(path).is_ok_and(|file| file.len() >= bounds.max_bytes)
}

/// Every former file becomes one older; the oldest goes.
fn make_room(path: &Path, bounds: Bounds) -> io::Result<()> {
    for age in (1..bounds.former).rev() {
        match fs::rename(former(path, age), former(path, age + 1)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

fn former(path: &Path, age: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{age}"));
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const BOUNDS: Bounds = Bounds { max_bytes: 4, former: 2 };

    fn contents(folder: &Path) -> Vec<(String, String)> {
        let mut found: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| {
                let text = fs::read_to_string(entry.path()).unwrap();
                (entry.file_name().into_string().unwrap(), text)
            })
            .collect();
        found.sort();
        found
    }

    #[track_caller]
    fn check(mut write: impl FnMut(&Path, &str)) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        for text in ["aaaa", "b", "bbb", "cccc", "dddd", "e"] {
            write(&path, text);
        }
        let expect = [("log", "e"), ("log.1", "dddd"), ("log.2", "cccc")];
        assert_eq!(contents(dir.path()), expect.map(|(name, text)| (name.to_owned(), text.to_owned())));
    }

    #[test]
    fn a_long_file_makes_room_and_the_oldest_goes() {
        check(|path, text| open(path, BOUNDS).unwrap().write_all(text.as_bytes()).unwrap());
    }

    #[test]
    fn a_file_of_several_writers_is_emptied_under_them() {
        let mut writer = None;
        check(|path, text| {
            let writer = writer
                .get_or_insert_with(|| OpenOptions::new().create(true).append(true).open(path).unwrap());
            empty(path, BOUNDS).unwrap();
            writer.write_all(text.as_bytes()).unwrap();
        });
    }
}

//! Which backups are old enough to go.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{BackupError, MANIFEST, PREFIX, UNFINISHED};
use crate::base::Timestamp;

/// `6w`, `30d`, `12h`.
pub fn length(text: &str) -> Result<Duration, BackupError> {
    let unit = |letter| match letter {
        'h' => Some(3600),
        'd' => Some(86_400),
        'w' => Some(7 * 86_400),
        _ => None,
    };
    let parse = || {
        let letter = text.chars().next_back()?;
        let number: u64 = text.strip_suffix(letter)?.parse().ok()?;
        number.checked_mul(unit(letter)?).filter(|seconds| *seconds > 0).map(Duration::from_secs)
    };
    parse().ok_or_else(|| BackupError::Length { text: text.to_owned() })
}

/// The finished backups within a folder, the oldest first, each with the moment in its name.
pub fn finished(folder: &Path) -> Result<Vec<(Timestamp, PathBuf)>, BackupError> {
    let mut found = Vec::new();
    let reading = |source| BackupError::File { what: "read the folder", path: folder.to_owned(), source };
    for entry in fs::read_dir(folder).map_err(reading)? {
        let path = entry.map_err(reading)?.path();
        let moment = path.file_name().and_then(|name| moment_of(name.to_str()?));
        if let Some(moment) = moment.filter(|_| path.join(MANIFEST).is_file()) {
            found.push((moment, path));
        }
    }
    found.sort();
    Ok(found)
}

/// The moment in a backup's name.
fn moment_of(name: &str) -> Option<Timestamp> {
    let text = name.strip_prefix(PREFIX).filter(|text| !text.ends_with(UNFINISHED))?;
    let (date, time) = text.split_once('T')?;
    Timestamp::parse_rfc3339(&format!("{date}T{}", time.replace('-', ":")))
}

/// Removes the backups that are older than `keep`, but never the newest, and what a backup that was cut
/// off has left; what was removed.
pub fn rotate(folder: &Path, keep: Duration, now: Timestamp) -> Result<Vec<PathBuf>, BackupError> {
    let mut old = finished(folder)?;
    old.pop();
    old.retain(|(moment, _)| *moment < now.minus(keep));
    let mut removed = Vec::new();
    for (_, path) in old {
        // Without its manifest it is no backup any more, so half of one is never taken for one.
        let manifest = path.join(MANIFEST);
        fs::remove_file(&manifest).map_err(BackupError::file("remove", &manifest))?;
        fs::remove_dir_all(&path).map_err(BackupError::file("remove", &path))?;
        removed.push(path);
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time() {
        for (text, expect) in [("6w", Some(6 * 7 * 86_400)), ("12h", Some(43_200)), ("30d", Some(2_592_000))]
        {
            assert_eq!(length(text).ok().map(|length| length.as_secs()), expect, "{text}");
        }
        for text in ["", "6", "w", "0d", "6 w", "-1d", "6m", "99999999999999999999w"] {
            assert!(length(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_old_go_and_the_newest_stays() {
        let dir = tempfile::tempdir().unwrap();
        let names = ["2026-01-01T00-00-00Z", "2026-03-01T00-00-00Z", "2026-03-09T00-00-00Z"];
        for name in names {
            let folder = dir.path().join(format!("{PREFIX}{name}"));
            fs::create_dir(&folder).unwrap();
            fs::write(folder.join(MANIFEST), "{}").unwrap();
        }
        for other in ["notes", "aotf-2020-01-01T00-00-00Z.partial", "aotf-2020-01-01T00-00-00Z"] {
            fs::create_dir(dir.path().join(other)).unwrap();
        }
        let now = Timestamp::parse_rfc3339("2026-03-10T00:00:00Z").unwrap();
        let removed = rotate(dir.path(), Duration::from_secs(14 * 86_400), now).unwrap();
        assert_eq!(removed, [dir.path().join("aotf-2026-01-01T00-00-00Z")]);
        let later = Timestamp::parse_rfc3339("2027-03-10T00:00:00Z").unwrap();
        assert_eq!(rotate(dir.path(), Duration::from_secs(86_400), later).unwrap().len(), 1);
        assert_eq!(finished(dir.path()).unwrap().len(), 1, "the newest, however old");
        assert!(dir.path().join("notes").exists());
    }
}

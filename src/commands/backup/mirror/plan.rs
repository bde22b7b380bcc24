//! What is to be sent and removed, decided from what lies on both sides.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Files up to this size go first, with the manifests: many of them cost little, and say what is to come.
const SMALL: u64 = 256 * 1024;

/// What is not whole bears this at the end of its name, on both sides.
pub const PARTIAL: &str = ".partial";

/// What this program makes begins with this: nothing else on the other side is ours to remove.
const PREFIX: &str = "aotf-";

/// The folder on the other side for what is no backup.
const DATA: &str = "aotf-data/";

/// Files here, by their path there, with `/` between.
pub type Local = BTreeMap<String, LocalFile>;

/// Files there.
pub type Remote = BTreeMap<String, RemoteFile>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalFile {
    pub size: u64,
    pub modified: Option<SystemTime>,
    pub place: PathBuf,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteFile {
    pub size: u64,
    /// Where the service tells it.
    pub modified: Option<SystemTime>,
}

/// The work, in two queues.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Manifests, then small files, the smallest first. Sent before all others.
    pub high: Vec<(String, LocalFile)>,
    /// All others, the smallest first.
    pub low: Vec<(String, LocalFile)>,
    /// Removed when everything is sent.
    pub remove: Vec<String>,
}

impl Plan {
    pub fn new(local: &Local, remote: &Remote) -> Plan {
        let missing = local
            .iter()
            .filter(|(path, file)| remote.get(*path).is_none_or(|there| !is_the_same(path, file, there)));
        let mut plan = Plan::default();
        for (path, file) in missing {
            let first = file.size <= SMALL || is_manifest(path);
            let queue = if first { &mut plan.high } else { &mut plan.low };
            queue.push((path.clone(), file.clone()));
        }
        plan.high.sort_by_key(|(path, file)| (!is_manifest(path), file.size));
        plan.low.sort_by_key(|(_, file)| file.size);
        // An empty folder here is a disk that is not mounted rather than a wish; and what was not asked for
        // this time is not gone.
        for data in [false, true] {
            if !local.keys().any(|path| is_data(path) == data) {
                continue;
            }
            let gone = remote.keys().filter(|path| {
                path.starts_with(PREFIX) && is_data(path) == data && !local.contains_key(*path)
            });
            plan.remove.extend(gone.cloned());
        }
        // Manifests first: what has none is no backup.
        plan.remove.sort_by_key(|path| !is_manifest(path));
        plan
    }
}

/// The files of a backup never change once they bear their name, so the same size is the same file. Others
/// do, and are only believed to be there where the other side's are not older.
fn is_the_same(path: &str, here: &LocalFile, there: &RemoteFile) -> bool {
    let is_newer = || match (here.modified, there.modified) {
        (Some(here), Some(there)) => here > there,
        (None, _) | (_, None) => here.size <= SMALL,
    };
    here.size == there.size && (!is_data(path) || !is_newer())
}

/// Whether it is no part of a backup, and so may change.
pub fn is_data(path: &str) -> bool {
    path.starts_with(DATA)
}

fn is_manifest(path: &str) -> bool {
    path.ends_with("/manifest.json")
}

/// The files of all finished backups in `folder`.
pub fn backups(folder: &Path) -> io::Result<Local> {
    let mut files = Local::new();
    for backup in std::fs::read_dir(folder)? {
        let backup = backup?;
        let name = backup.file_name().to_string_lossy().into_owned();
        if !name.starts_with(PREFIX) || name.ends_with(PARTIAL) || !backup.file_type()?.is_dir() {
            continue;
        }
        add_files(&backup.path(), &name, &mut files)?;
    }
    Ok(files)
}

/// What else of the data folder is worth a copy elsewhere, and holds no secret: the logs, with the results
/// log. Neither the live databases, which are in the backups, nor the index, which is made of them, nor the
/// configuration with its keys.
pub fn logs(data_dir: &Path) -> io::Result<Local> {
    let mut files = Local::new();
    match add_files(&data_dir.join("logs"), &format!("{DATA}logs"), &mut files) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(files),
        added => added.map(|()| files),
    }
}

fn add_files(folder: &Path, name: &str, files: &mut Local) -> io::Result<()> {
    for file in std::fs::read_dir(folder)? {
        let file = file?;
        if file.file_type()?.is_file() {
            let path = format!("{name}/{}", file.file_name().to_string_lossy());
            let facts = file.metadata()?;
            let place = file.path();
            files.insert(path, LocalFile { size: facts.len(), modified: facts.modified().ok(), place });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Files of these sizes, made at this second.
    fn files<T>(list: &[(&str, u64)], at: u64, of: impl Fn(u64, SystemTime) -> T) -> BTreeMap<String, T> {
        let moment = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(at);
        list.iter().map(|(path, size)| ((*path).to_owned(), of(*size, moment))).collect()
    }

    fn here(list: &[(&str, u64)], at: u64) -> Local {
        files(list, at, |size, moment| LocalFile { size, modified: Some(moment), place: PathBuf::new() })
    }

    fn there(list: &[(&str, u64)], at: u64) -> Remote {
        files(list, at, |size, moment| RemoteFile { size, modified: Some(moment) })
    }

    #[test]
    fn small_ones_and_manifests_first_removals_last() {
        let local = here(
            &[
                ("aotf-2/posts.zst", 9_000_000),
                ("aotf-2/images.zst", 1_000_000),
                ("aotf-2/manifest.json", 900),
                ("aotf-2/retries.zst", 20),
                ("aotf-1/posts.zst", 5),
            ],
            50,
        );
        let remote = there(
            &[
                ("aotf-1/posts.zst", 5),
                ("aotf-2/retries.zst", 19),
                ("aotf-0/manifest.json", 1),
                ("aotf-0/accounts.zst", 1),
                ("holiday.jpg", 1),
            ],
            10,
        );
        let plan = Plan::new(&local, &remote);
        let names =
            |list: &[(String, LocalFile)]| list.iter().map(|(path, _)| path.clone()).collect::<Vec<_>>();
        assert_eq!(names(&plan.high), ["aotf-2/manifest.json", "aotf-2/retries.zst"]);
        assert_eq!(names(&plan.low), ["aotf-2/images.zst", "aotf-2/posts.zst"]);
        assert_eq!(plan.remove, ["aotf-0/manifest.json", "aotf-0/accounts.zst"]);
        let same = there(&[("aotf-1/posts.zst", 5)], 10);
        assert_eq!(Plan::new(&here(&[("aotf-1/posts.zst", 5)], 50), &same), Plan::default());
        assert_eq!(
            Plan::new(&Local::new(), &remote),
            Plan::default(),
            "a folder that is not there removes nothing"
        );
    }

    #[test]
    fn logs_are_sent_again_when_they_changed_and_stay_when_they_are_not_asked_for() {
        let log = ("aotf-data/logs/errors.log", 9);
        let backup = ("aotf-1/posts.zst", 5);
        let plan = Plan::new(&here(&[log, backup], 50), &there(&[log, backup], 10));
        assert_eq!(plan.high.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(), [log.0]);
        assert_eq!(Plan::new(&here(&[log, backup], 10), &there(&[log, backup], 50)), Plan::default());
        assert_eq!(Plan::new(&here(&[backup], 10), &there(&[log, backup], 50)), Plan::default());
        let rotated = ("aotf-data/logs/errors.log.1", 9);
        // The backups here may be on a disk that is not mounted.
        let plan = Plan::new(&here(&[log], 10), &there(&[log, rotated, backup], 50));
        assert_eq!(plan, Plan { remove: vec![rotated.0.to_owned()], ..Plan::default() });
    }
}

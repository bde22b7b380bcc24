//! The data folder, and what lies in it.

use std::path::{Path, PathBuf};

use super::finding::Finding;
use crate::base::{ErrorChain, counted, unix_socket};
use crate::config::Settings;
use crate::domain::images::StoreCounts;
use crate::front;
use crate::index::shared::{Reader, Status};
use crate::store::StoreError;
use crate::store::state::StateFile;
use crate::storekeeper::open;

const MIB: u64 = 1024 * 1024;
/// Less free space than this is told: a large account alone fills tens of megabytes.
const LITTLE_SPACE: u64 = 1024 * MIB;
/// With less than this, the write-ahead log of the database alone (64 MiB) may not fit.
const NO_SPACE: u64 = 128 * MIB;

/// May the daemon write where its data is to be?
pub fn folder(settings: &Settings, _: bool) -> Finding {
    const SUBJECT: &str = "data folder";
    let folder = &settings.data_dir;
    let existing = nearest_existing(folder);
    let remedy = || {
        format!(
            "as the user that runs the daemon: mkdir -p {0}; or as root: chown -R {1} {0}",
            folder.display(),
            user_name()
        )
    };
    // Rights are more than bits (read-only mounts, lists): trying is the only sure way.
    if let Err(error) = tempfile::tempfile_in(&existing) {
        return Finding::failed(
            SUBJECT,
            format!("{} cannot be written: {error}", existing.display()),
            match error.kind() {
                std::io::ErrorKind::ReadOnlyFilesystem => {
                    "mount its file system for writing; one that the system itself has made read-only has an error \
                     (dmesg), and is to be checked first (fsck)"
                        .to_owned()
                }
                _ => remedy(),
            },
        );
    }
    if !folder.exists() {
        return Finding::ok(SUBJECT, format!("{} will be made at the first start", folder.display()));
    }
    let mode = std::fs::metadata(folder).map(|found| std::os::unix::fs::MetadataExt::mode(&found) & 0o777);
    match mode {
        Ok(mode) if mode & 0o007 != 0 => Finding::warning(
            SUBJECT,
            format!("{} can be read by everybody on this machine", folder.display()),
            format!("chmod o-rwx {}", folder.display()),
        ),
        Ok(_) | Err(_) => Finding::ok(SUBJECT, format!("{} can be written", folder.display())),
    }
}

/// Can the sockets be made where they are to be, and reached by others?
pub fn sockets(settings: &Settings, _: bool) -> Finding {
    const SUBJECT: &str = "sockets";
    if let Some(path) = &settings.http.unix_socket
        && path.as_os_str().len() > unix_socket::MAX_PATH_BYTES
    {
        let (len, most) = (path.as_os_str().len(), unix_socket::MAX_PATH_BYTES);
        return Finding::warning(
            SUBJECT,
            format!(
                "the path {} is too long for most programs: {len} bytes, an address has room for {most}",
                path.display()
            ),
            "give [http] unix_socket a shorter path: a proxy cannot connect to this one",
        );
    }
    let elsewhere =
        [("[admin] socket", &settings.admin.socket), ("[http] unix_socket", &settings.http.unix_socket)];
    for (setting, path) in elsewhere {
        let folder = path.as_deref().and_then(Path::parent);
        // The data folder is made at the start, and has its own check.
        if let Some(folder) = folder.filter(|folder| !folder.starts_with(&settings.data_dir))
            && let Err(error) = tempfile::tempfile_in(folder)
        {
            return Finding::failed(
                SUBJECT,
                format!("{setting}: {} cannot be written: {error}", folder.display()),
                "make the folder for the daemon's user (systemd: RuntimeDirectory=), or name another one",
            );
        }
    }
    Finding::ok(SUBJECT, format!("the admin socket is {}", front::admin_socket(settings).display()))
}

/// The folder itself, or the nearest one above it that is there.
fn nearest_existing(folder: &Path) -> PathBuf {
    folder.ancestors().find(|above| above.is_dir()).unwrap_or(Path::new("/")).to_owned()
}

fn user_name() -> String {
    std::env::var("USER").ok().filter(|name| !name.is_empty()).unwrap_or_else(|| "aotf".to_owned())
}

/// Is there room for it to grow?
pub fn space(settings: &Settings, _: bool) -> Finding {
    const SUBJECT: &str = "disk space";
    let folder = nearest_existing(&settings.data_dir);
    match rustix::fs::statvfs(&folder) {
        Ok(disk) => judge_space(disk.f_bavail.saturating_mul(disk.f_frsize)),
        Err(error) => Finding::warning(
            SUBJECT,
            format!("unknown: {error}"),
            format!("look with: df -h {}", folder.display()),
        ),
    }
}

fn judge_space(free: u64) -> Finding {
    const SUBJECT: &str = "disk space";
    let what = match free / MIB {
        mebibytes @ 0..10_240 => format!("{mebibytes} MiB free"),
        mebibytes => format!("{} GiB free", mebibytes / 1024),
    };
    let remedy = "make room, or move data_dir to another disk";
    match free {
        0..NO_SPACE => Finding::failed(SUBJECT, what, remedy),
        NO_SPACE..LITTLE_SPACE => Finding::warning(SUBJECT, what, remedy),
        _ => Finding::ok(SUBJECT, what),
    }
}

/// Can the database be used by this version?
pub fn database(settings: &Settings, _: bool) -> Finding {
    const SUBJECT: &str = "database";
    // A state file that cannot be read has its own check.
    let state = StateFile::look(&open::state_file(settings)).ok().flatten();
    let is_known = state.is_some_and(|state| state.has_database);
    let location = open::new_database(settings);
    let location = match location.map(|new| if is_known { new.that_exists() } else { new }) {
        Ok(location) => location,
        Err(error) => {
            return Finding::failed(SUBJECT, ErrorChain(&error).to_string(), "see [database] url");
        }
    };
    match location.schema() {
        Ok(None) => Finding::ok(SUBJECT, "will be made at the first start"),
        Ok(Some(schema)) if schema.found < schema.known => Finding::ok(
            SUBJECT,
            format!("schema {}: brought to {} at the next start", schema.found, schema.known),
        ),
        Ok(Some(schema)) => match location.open_reader().and_then(|mut store| store.counts()) {
            Ok(counts) => Finding::ok(
                SUBJECT,
                format!(
                    "schema {}, up to date; {}, {}, {}",
                    schema.found,
                    counted(counts.accounts, "account"),
                    counted(counts.posts, "post"),
                    counted(counts.images, "image")
                ),
            ),
            Err(error) => unusable(&error),
        },
        Err(error) => unusable(&error),
    }
}

fn unusable(error: &StoreError) -> Finding {
    cannot_be_used(
        "database",
        error,
        "run this as the user that runs the daemon; if that is so, restore a backup or name another [database] url",
    )
}

/// With the error's own remedy, if it has one.
fn cannot_be_used(subject: &'static str, error: &StoreError, remedy: &str) -> Finding {
    match error {
        StoreError::Unusable { place, found, remedy } => {
            Finding::failed(subject, format!("{place} cannot be used: {found}"), remedy.clone())
        }
        error => Finding::failed(subject, ErrorChain(error).to_string(), remedy),
    }
}

/// Can the journal of accepted work be read?
pub fn state(settings: &Settings, _: bool) -> Finding {
    const SUBJECT: &str = "state file";
    let path = open::state_file(settings);
    match StateFile::look(&path) {
        Ok(Some(state)) => {
            Finding::ok(SUBJECT, format!("whole; {} not ended", counted(state.accepted, "request")))
        }
        Ok(None) => match StateFile::refuse_cut_off(&path, &stored(settings)) {
            Ok(()) => Finding::ok(SUBJECT, "will be made at the next start"),
            Err(error) => cannot_be_used(SUBJECT, &error, ""),
        },
        Err(error) => cannot_be_used(SUBJECT, &error, "run this as the user that runs the daemon"),
    }
}

/// What the database holds; nothing where it cannot be read, which its own check says.
fn stored(settings: &Settings) -> StoreCounts {
    let reader = open::new_database(settings).and_then(|database| database.open_reader());
    reader.and_then(|mut store| store.counts()).unwrap_or_default()
}

/// Is the fingerprint index whole?
pub fn index(settings: &Settings, daemon_runs: bool) -> Finding {
    index_in(&settings.index_dir(), "index", "image", daemon_runs)
}

/// Is the index of the codes of local features whole, where there is to be one?
pub fn codes(settings: &Settings, daemon_runs: bool) -> Finding {
    const SUBJECT: &str = "index of codes";
    match (settings.search.indexes_codes(), settings.search.parts_everything) {
        (true, _) => index_in(&settings.codes_dir(), SUBJECT, "code", daemon_runs),
        (false, false) => Finding::ok(SUBJECT, "none: search.parts_everything is off"),
        (false, true) => Finding::warning(
            SUBJECT,
            "none: search.parts_everything is on, and search.parts is off",
            "set search.parts = true: without local features there is nothing to index",
        ),
    }
}

fn index_in(folder: &Path, subject: &'static str, thing: &str, daemon_runs: bool) -> Finding {
    if !folder.exists() {
        return Finding::ok(subject, "will be made at the next start, from the database");
    }
    let remade = format!("stop the daemon and remove {}: it is remade from the database", folder.display());
    let reader = match Reader::open(folder) {
        Ok(reader) => reader,
        Err(error) => return Finding::failed(subject, ErrorChain(&error).to_string(), remade),
    };
    if let Err(error) = reader.verify() {
        return Finding::failed(subject, ErrorChain(&error).to_string(), remade);
    }
    match reader.status() {
        Status::Complete => Finding::ok(subject, format!("complete, {}", counted(reader.len(), thing))),
        Status::Filling if daemon_runs => Finding::warning(
            subject,
            format!("being filled from the database, {} so far", counted(reader.len(), thing)),
            "wait: until it is complete, not everything is found",
        ),
        Status::Filling | Status::Missing => {
            Finding::ok(subject, "will be completed at the next start, from the database")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::check::finding::Verdict;

    #[test]
    fn space_is_judged() {
        assert_eq!(judge_space(100 * MIB).verdict, Verdict::Failed);
        assert_eq!(judge_space(500 * MIB).verdict, Verdict::Warning);
        assert_eq!(judge_space(50 * 1024 * MIB), Finding::ok("disk space", "50 GiB free"));
    }

    #[test]
    fn a_new_data_folder_is_judged_by_the_one_above() {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings { data_dir: folder.path().join("a/b"), ..Settings::default() };
        assert_eq!(nearest_existing(&settings.data_dir), folder.path());
        assert_eq!(super::folder(&settings, false).verdict, Verdict::Ok);
        assert_eq!(database(&settings, false), Finding::ok("database", "will be made at the first start"));
        assert_eq!(index(&settings, false).verdict, Verdict::Ok);
        assert!(!settings.data_dir.exists(), "checking makes nothing");
    }

    #[test]
    fn sockets_need_a_folder_and_a_path_that_others_can_use() {
        let folder = tempfile::tempdir().unwrap();
        let settings = |socket: Option<&str>| {
            let mut settings =
                Settings { data_dir: folder.path().join("d".repeat(150)), ..Settings::default() };
            settings.admin.socket = socket.map(|name| folder.path().join(name));
            settings
        };
        assert_eq!(sockets(&settings(None), false).verdict, Verdict::Ok, "only aotf connects to it");
        assert_eq!(sockets(&settings(Some("a.sock")), false).verdict, Verdict::Ok);
        let missing = sockets(&settings(Some("no/a.sock")), false);
        assert_eq!(missing.verdict, Verdict::Failed);
        assert!(missing.what.starts_with("[admin] socket"), "{missing:?}");
        let mut long = settings(None);
        long.http.unix_socket = Some(long.data_dir.join("http.sock"));
        assert_eq!(sockets(&long, false).verdict, Verdict::Warning);
    }

    #[test]
    fn a_lost_database_is_told_and_not_made() {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings { data_dir: folder.path().to_owned(), ..Settings::default() };
        let path = open::state_file(&settings);
        StateFile::open(&path).unwrap().set_index_source("a database").unwrap();
        let finding = database(&settings, false);
        assert_eq!(finding.verdict, Verdict::Failed);
        for part in ["aotf.db", "state.db", "there is no database"] {
            assert!(finding.what.contains(part), "{finding:?}");
        }
        let remedy = finding.remedy.unwrap();
        assert!(remedy.contains("aotf db restore") && remedy.contains("aotf db create"), "{remedy}");
        assert!(!folder.path().join("aotf.db").exists());
        assert_eq!(state(&settings, false).what, "whole; 0 requests not ended");

        open::new_database(&settings).unwrap().open().unwrap();
        assert_eq!(database(&settings, false).verdict, Verdict::Ok);
        std::fs::write(&path, "x".repeat(9000)).unwrap();
        assert_eq!(state(&settings, false).verdict, Verdict::Failed);
        assert_eq!(database(&settings, false).verdict, Verdict::Ok, "each thing is said once");
    }

    #[test]
    fn a_file_of_another_program_is_no_database() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("aotf.db"), "diary, ".repeat(1000)).unwrap();
        let settings = Settings { data_dir: folder.path().to_owned(), ..Settings::default() };
        let finding = database(&settings, false);
        assert_eq!(finding.verdict, Verdict::Failed, "{finding:?}");
    }
}

//! The data folder, and what lies in it.

use std::path::{Path, PathBuf};

use super::finding::Finding;
use crate::base::ErrorChain;
use crate::config::Settings;
use crate::front;
use crate::index::shared::{Reader, Status};
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
            remedy(),
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

/// Are the paths of the sockets short enough for the system?
pub fn sockets(settings: &Settings, _: bool) -> Finding {
    const SUBJECT: &str = "sockets";
    let admin = front::admin_socket(settings);
    let sockets = [("data_dir", Some(&admin)), ("[http] unix_socket", settings.http.unix_socket.as_ref())];
    for (setting, path) in sockets {
        if let Some(path) = path
            && let Err(error) = front::local_socket::check_length(path)
        {
            return Finding::failed(SUBJECT, error.to_string(), format!("give {setting} a shorter path"));
        }
    }
    Finding::ok(SUBJECT, "their paths are short enough")
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
    let location = match open::database(settings) {
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
                    "schema {}, up to date; {} accounts, {} posts, {} images",
                    schema.found, counts.accounts, counts.posts, counts.images
                ),
            ),
            Err(error) => unusable(&error),
        },
        Err(error) => unusable(&error),
    }
}

fn unusable(error: &crate::store::StoreError) -> Finding {
    Finding::failed(
        "database",
        ErrorChain(error).to_string(),
        "run this as the user that runs the daemon; if that is so, restore a backup or name another [database] url",
    )
}

/// Is the fingerprint index whole?
pub fn index(settings: &Settings, daemon_runs: bool) -> Finding {
    const SUBJECT: &str = "index";
    let folder = settings.index_dir();
    if !folder.exists() {
        return Finding::ok(SUBJECT, "will be made at the next start, from the database");
    }
    let remade = format!("stop the daemon and remove {}: it is remade from the database", folder.display());
    let reader = match Reader::open(&folder) {
        Ok(reader) => reader,
        Err(error) => return Finding::failed(SUBJECT, ErrorChain(&error).to_string(), remade),
    };
    if let Err(error) = reader.verify() {
        return Finding::failed(SUBJECT, ErrorChain(&error).to_string(), remade);
    }
    match reader.status() {
        Status::Complete => Finding::ok(SUBJECT, format!("complete, {} images", reader.len())),
        Status::Filling if daemon_runs => Finding::warning(
            SUBJECT,
            format!("being filled from the database, {} images so far", reader.len()),
            "wait: until it is complete, not everything is found",
        ),
        Status::Filling | Status::Missing => {
            Finding::ok(SUBJECT, "will be completed at the next start, from the database")
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
    fn a_data_folder_with_too_long_a_path_is_told() {
        let of = |len: usize| {
            let data_dir = PathBuf::from(format!("/{}", "d".repeat(len - 1)));
            sockets(&Settings { data_dir, ..Settings::default() }, false)
        };
        assert_eq!(of(93).verdict, Verdict::Ok);
        for len in [94, 137] {
            let finding = of(len);
            assert_eq!(finding.verdict, Verdict::Failed, "{finding:?}");
            assert_eq!(finding.remedy.as_deref(), Some("give data_dir a shorter path"));
        }
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

//! Files of the data folder that somebody moves, removes, cuts short or overwrites while the daemon runs: it
//! says what has happened and what to do, stores nothing that would be lost, and mends what can be remade.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use aotf::demo::world::picture::{ArtId, Change, Picture};
use aotf::demo::world::{Options, World};
use image::DynamicImage;
use serde_json::Value;

use crate::daemon::{Daemon, Setup, WHOLE, binary, free_port, kill, wait_for, write_config};
use crate::faults::{assert_found, readiness, wait_until_well};
use crate::needs::not_here;

/// What `/readyz` says once queries are kept from being answered.
#[track_caller]
fn wait_until_told(daemon: &Daemon, parts: &[&str]) {
    let told = wait_for("the trouble to be told", || {
        readiness(daemon).filter(|(status, _)| *status == 503).map(|(_, body)| body)
    });
    for part in parts {
        assert!(told.contains(part), "{part:?} is missing in {told}");
    }
    let health = daemon.command(&["health"]);
    assert!(!health.status.success());
    assert!(String::from_utf8_lossy(&health.stderr).contains(parts[0]), "{health:?}");
}

fn data(daemon: &Daemon, name: &str) -> PathBuf {
    daemon.folder.path().join("data").join(name)
}

/// A page of the first artist, whose posts are stored, and one of another.
fn two_pages(daemon: &Daemon) -> (String, String) {
    let page = |host: &str| crate::faults::pages(&daemon.world, host)[0].clone();
    let (one, other) = (page("www.deviantart.com"), page("danbooru.donmai.us"));
    assert_found(&daemon.query(&one));
    (one, other)
}

#[test]
fn a_database_that_is_moved_away_is_waited_for_and_nothing_is_lost() {
    let mut daemon = Daemon::start(Setup::default());
    let (one, other) = two_pages(&daemon);
    wait_until_well(&daemon);
    fs::rename(data(&daemon, "aotf.db"), data(&daemon, "away.db")).unwrap();
    daemon.begin(&other);
    wait_until_told(&daemon, &["moved away or removed", "put it back", "aotf db restore"]);
    assert!(!data(&daemon, "aotf.db").exists(), "none is made anew");
    fs::rename(data(&daemon, "away.db"), data(&daemon, "aotf.db")).unwrap();
    assert_found(&daemon.query(&other));
    wait_until_well(&daemon);
    let verify = daemon.command(&["db", "verify"]);
    assert!(verify.status.success(), "{verify:?}");

    // The same of the journal: nothing new is accepted, which would be forgotten.
    fs::rename(data(&daemon, "state.db"), data(&daemon, "away.db")).unwrap();
    let refusal = wait_for("a query to be refused", || {
        let target = format!("/query?url={}", crate::daemon::encode(&format!("{one}#journal")));
        let (status, body) = daemon.http("GET", &target, &[], b"").ok()?;
        (status == 503).then(|| String::from_utf8_lossy(&body).into_owned())
    });
    assert!(refusal.contains("journal of accepted queries has to wait"), "{refusal}");
    wait_until_told(&daemon, &["moved away or removed", "state.db"]);
    fs::rename(data(&daemon, "away.db"), data(&daemon, "state.db")).unwrap();
    assert_found(&daemon.query(&format!("{one}#journal")));
    wait_until_well(&daemon);

    // Removed for good: a daemon that starts then says so, too.
    fs::remove_file(data(&daemon, "aotf.db")).unwrap();
    wait_until_told(&daemon, &["moved away or removed"]);
    daemon.signal("-TERM");
    daemon.root.wait().unwrap();
    daemon.root = Daemon::spawn(&daemon.config());
    assert_eq!(daemon.root.wait().unwrap().code(), Some(1));
    assert!(!data(&daemon, "aotf.db").exists(), "none is made anew");
}

#[test]
fn a_database_that_is_overwritten_or_cut_short_is_told_with_what_to_do() {
    for cut in [false, true] {
        let mut daemon = Daemon::start(Setup { extra: WHOLE, ..Setup::default() });
        let (_, other) = two_pages(&daemon);
        wait_until_well(&daemon);
        // What was written last is in the log: after a checkpoint, all is in the file.
        rusqlite::Connection::open(data(&daemon, "aotf.db"))
            .unwrap()
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .unwrap();
        let file = File::options().write(true).open(data(&daemon, "aotf.db")).unwrap();
        let len = file.metadata().unwrap().len();
        match cut {
            true => file.set_len(len / 2).unwrap(),
            false => file.write_all_at(&vec![0; len as usize - 4096], 4096).unwrap(),
        }
        daemon.begin(&other);
        wait_until_told(&daemon, &["damaged", "aotf.db cannot be used", "aotf db restore"]);
        let broker = |daemon: &Daemon| daemon.containers().into_iter().find(|(_, role)| role == "broker");
        assert!(broker(&daemon).is_some(), "it waits for a person, and does not start again and again");
        // A successor of the broker cannot open it: the daemon ends with the same words.
        kill(broker(&daemon).unwrap().0, "-KILL");
        assert_eq!(daemon.root.wait().unwrap().code(), Some(1));
    }
}

/// What SQLite keeps beside the database: closing it writes all to the file.
#[test]
fn a_log_that_is_removed_costs_a_new_broker_and_no_post() {
    let daemon = Daemon::start(Setup::default());
    let (one, other) = two_pages(&daemon);
    let posts = daemon.get("/stats")["indexed_tweets_count"].as_u64().unwrap();
    for name in ["aotf.db-wal", "state.db-shm"] {
        let (broker, _) = daemon.containers().into_iter().find(|(_, role)| role == "broker").unwrap();
        fs::remove_file(data(&daemon, name)).unwrap();
        wait_for("another broker", || {
            daemon.containers().into_iter().find(|(pid, role)| role == "broker" && *pid != broker)
        });
        wait_until_well(&daemon);
    }
    daemon.stats_when("the posts", |stats| stats["indexed_tweets_count"].as_u64() >= Some(posts));
    assert_found(&daemon.query(&format!("{one}#again")));
    assert_found(&daemon.query(&other));
    let verify = daemon.command(&["db", "verify"]);
    assert!(verify.status.success(), "{verify:?}");
}

/// The ids of the posts that a search of everything finds, if there is an answer now.
fn search(daemon: &Daemon, picture: &Path) -> Option<Vec<String>> {
    let output = daemon.command(&["search", picture.to_str().unwrap(), "--wait", "--json"]);
    let answer: Value = serde_json::from_slice(&output.stdout).ok()?;
    let posts = answer["posts"].as_array().filter(|_| answer["error"].is_null())?;
    posts.iter().map(|post| post["id"].as_str().map(str::to_owned)).collect()
}

#[test]
fn an_index_that_is_damaged_while_it_runs_is_made_anew() {
    let daemon = Daemon::start(Setup { extra: WHOLE, ..Setup::default() });
    two_pages(&daemon);
    let picture = daemon.folder.path().join("artwork.png");
    let painted = Picture::Art(ArtId::Flying, Change::Same).paint().unwrap();
    DynamicImage::ImageRgb8(painted).save(&picture).unwrap();
    let expect = search(&daemon, &picture).unwrap();
    assert!(!expect.is_empty());
    let folder = data(&daemon, "index");
    let tails = || -> Vec<PathBuf> {
        let files = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path());
        files.filter(|path| path.extension().is_some_and(|extension| extension == "tail")).collect()
    };
    let open = |path: &PathBuf| File::options().write(true).open(path).unwrap();
    let damages: [(&str, &dyn Fn()); 5] = [
        ("tails cut short", &|| tails().iter().for_each(|tail| open(tail).set_len(0).unwrap())),
        ("tails overwritten", &|| {
            tails().iter().for_each(|tail| open(tail).write_all_at(&[0; 100_000], 0).unwrap());
        }),
        ("control removed", &|| fs::remove_file(folder.join("control")).unwrap()),
        ("manifest removed", &|| fs::remove_file(folder.join("manifest")).unwrap()),
        ("all removed", &|| fs::remove_dir_all(&folder).unwrap()),
    ];
    for (what, damage) in damages {
        let (broker, _) = daemon.containers().into_iter().find(|(_, role)| role == "broker").unwrap();
        damage();
        wait_for(what, || {
            daemon.containers().into_iter().find(|(pid, role)| role == "broker" && *pid != broker)
        });
        wait_for(&format!("the same answer: {what}"), || {
            search(&daemon, &picture).filter(|found| *found == expect)
        });
        wait_until_well(&daemon);
    }
    let verify = daemon.command(&["db", "verify"]);
    let said = String::from_utf8_lossy(&verify.stdout);
    assert!(verify.status.success() && said.contains("complete"), "{verify:?}");
}

/// A file system of its own, on a file.
struct Disk {
    folder: PathBuf,
}

impl Disk {
    /// `None`, and said loudly, where this user or this machine cannot.
    fn mount(folder: &Path) -> Option<Disk> {
        let data = folder.join("data");
        fs::create_dir_all(&data).unwrap();
        let image = folder.join("image");
        File::create(&image).unwrap().set_len(128 << 20).unwrap();
        let run = |program: &str, arguments: &[&Path]| {
            Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status()
        };
        let made = run("mkfs.ext4", &[Path::new("-q"), &image]).is_ok_and(|status| status.success())
            && run("mount", &[Path::new("-o"), Path::new("loop"), &image, &data])
                .is_ok_and(|status| status.success());
        if !made {
            not_here(
                "no ext4 on a loop device can be mounted (who runs this is not root, or the kernel has none)",
            );
            return None;
        }
        Some(Disk { folder: data })
    }

    fn remount(&self, how: &str) {
        let done = Command::new("mount").args(["-o", &format!("remount,{how}")]).arg(&self.folder).status();
        assert!(done.unwrap().success(), "{how}");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("--lazy").arg(&self.folder).status();
        assert!(std::thread::panicking() || unmounted.is_ok_and(|status| status.success()));
        if let Some(parent) = self.folder.parent() {
            let _ = fs::remove_dir_all(parent);
        }
    }
}

#[test]
fn a_disk_that_becomes_read_only_is_told_and_refuses_what_could_not_be_kept() {
    let folder = tempfile::tempdir().unwrap();
    // Declared before the daemon: unmounted after its end.
    let Some(disk) = Disk::mount(folder.path()) else { return };
    let world = World::start(Options::default()).unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let config = write_config(folder.path(), &world, address, &Setup::default());

    disk.remount("ro");
    let refused = binary().args(["serve", "--no-console", "--config"]).arg(&config).output().unwrap();
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(refused.status.code() == Some(1) && said.contains("Read-only file system"), "{said}");
    let check = binary().args(["check", "--offline", "--config"]).arg(&config).output().unwrap();
    let said = String::from_utf8_lossy(&check.stdout);
    assert!(!check.status.success() && said.contains("mount its file system for writing"), "{said}");

    disk.remount("rw");
    let mut daemon = Daemon { root: Daemon::spawn(&config), world, folder, address };
    daemon.wait_until_ready();
    let (one, _) = two_pages(&daemon);
    wait_until_well(&daemon);
    // As the system does after an error of the disk, also under open files.
    disk.remount("abort");
    let refusal = wait_for("a query to be refused", || {
        let target = format!("/query?url={}", crate::daemon::encode(&format!("{one}#read-only")));
        let (status, body) = daemon.http("GET", &target, &[], b"").ok()?;
        (status == 503).then(|| String::from_utf8_lossy(&body).into_owned())
    });
    assert!(refusal.contains("has to wait") && refusal.contains("read-only"), "{refusal}");
    wait_until_told(&daemon, &["has to wait", "the file system of the data folder is read-only"]);
    daemon.signal("-TERM");
    assert!(daemon.root.wait().unwrap().success(), "and it can be stopped");
}

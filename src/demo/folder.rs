//! The demo's data folder: settings of the daemon, the file for searches by image, the daemon's log.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use toml::{Table, Value};

use super::world::World;
use super::world::cases::SAMPLE;
use crate::base::LinesBelow;

/// Lines of the daemon's log shown when it fails.
const TAIL_LINES: usize = 15;

/// What a receiver needs to know; `docs/http-api.md` tells both.
const WEBHOOK_NAME: &str = "demo";
const WEBHOOK_SECRET: &str = "the-secret-of-the-demo";

/// A folder that is removed with this value, unless the user asked to keep it.
pub struct Folder {
    path: PathBuf,
    _temporary: Option<TempDir>,
}

/// The folder could not be prepared.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    #[error("could not create the demo's folder {path}")]
    Create { path: PathBuf, source: io::Error },
    #[error("could not write {path}")]
    Write { path: PathBuf, source: io::Error },
}

impl Folder {
    /// A temporary folder, or the one to keep, created if it is missing.
    pub fn create(keep: Option<&Path>) -> Result<Folder, FolderError> {
        let Some(path) = keep else {
            let temporary = tempfile::Builder::new().prefix("aotf-demo-").tempdir();
            let temporary =
                temporary.map_err(|source| FolderError::Create { path: std::env::temp_dir(), source })?;
            return Ok(Folder { path: temporary.path().to_owned(), _temporary: Some(temporary) });
        };
        let create = || fs::create_dir_all(path).and_then(|()| path.canonicalize());
        let path = create().map_err(|source| FolderError::Create { path: path.to_owned(), source })?;
        Ok(Folder { path, _temporary: None })
    }

    pub fn settings(&self) -> PathBuf {
        self.path.join("parameters.toml")
    }

    /// An artwork of the world as a file.
    pub fn sample(&self) -> PathBuf {
        self.path.join(format!("artwork.{}", SAMPLE.art().extension()))
    }

    /// Writes the settings (readable by the owner alone, since they hold a token) and the sample.
    pub fn fill(&self, world: &World, port: u16, webhook: Option<&str>) -> Result<(), FolderError> {
        let settings = settings(world, port, &self.path.join("data"), webhook);
        write(&self.settings(), 0o600, settings.as_bytes())?;
        write(&self.sample(), 0o644, SAMPLE.art().bytes)
    }

    /// Where the daemon's output goes; emptied.
    pub fn create_log(&self) -> Result<File, FolderError> {
        let path = self.log();
        File::create(&path).map_err(|source| FolderError::Write { path, source })
    }

    /// The last lines that the daemon wrote, for people.
    pub fn log_tail(&self) -> LinesBelow {
        let text = fs::read(self.log()).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        LinesBelow(tail(&text.unwrap_or_default(), TAIL_LINES))
    }

    fn log(&self) -> PathBuf {
        self.path.join("daemon.log")
    }
}

fn write(path: &Path, mode: u32, content: &[u8]) -> Result<(), FolderError> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(mode);
    let written = options.open(path).and_then(|mut file| file.write_all(content));
    written.map_err(|source| FolderError::Write { path: path.to_owned(), source })
}

fn tail(text: &str, lines: usize) -> Vec<String> {
    let mut all: Vec<String> = text.lines().map(str::to_owned).collect();
    all.split_off(all.len().saturating_sub(lines))
}

/// The settings as `parameters.toml`.
fn settings(world: &World, port: u16, data_dir: &Path, webhook: Option<&str>) -> String {
    let text = |value: &str| Value::String(value.to_owned());
    let mut root = Table::new();
    root.insert("data_dir".into(), text(&data_dir.to_string_lossy()));
    let mut section = |name: &str, entries: Vec<(&str, Value)>| {
        let table: Table = entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        root.insert(name.to_owned(), Value::Table(table));
    };
    section(
        "http",
        vec![
            ("bind", text(&format!("127.0.0.1:{port}"))),
            // So that a request can pose as somebody to whom limits apply.
            ("trusted_proxies", Value::Array(vec![text("127.0.0.1/32")])),
        ],
    );
    // Its hosts are there for this program alone: a browser could not load their pictures.
    section("page", vec![("pictures", Value::Boolean(true))]);
    // One query at a time makes the limit easy to reach; loopback addresses stay exempt.
    section("limits", vec![("max_processing_requests_per_ip", Value::Integer(1))]);
    // The world is on this machine and needs no consideration.
    section(
        "fetch",
        vec![
            ("max_per_second_per_host", Value::Integer(2000)),
            ("max_concurrent_per_host", Value::Integer(32)),
        ],
    );
    section("log", vec![("level", text("warn"))]);
    let credential = Table::from_iter([("bearer_token".to_owned(), text(world.bearer_token()))]);
    section("twitter", vec![("credentials", Value::Array(vec![Value::Table(credential)]))]);
    let cookies = world.cookies().map(|(site, cookie)| (site.to_owned(), text(cookie)));
    section(
        "links",
        vec![
            ("tumblr_api_key", text(world.tumblr_api_key())),
            ("cookies", Value::Table(Table::from_iter(cookies))),
        ],
    );
    let upstreams: Table =
        world.upstreams().into_iter().map(|(host, to)| (host, Value::String(to))).collect();
    root.insert("upstreams".into(), Value::Table(upstreams));
    if let Some(url) = webhook {
        let entries = [("name", WEBHOOK_NAME), ("url", url), ("secret", WEBHOOK_SECRET)];
        let webhook = entries.map(|(key, value)| (key.to_owned(), text(value)));
        root.insert("webhooks".into(), Value::Array(vec![Value::Table(Table::from_iter(webhook))]));
    }
    format!("# Written by `aotf demo`: its outside world is on this machine.\n{root}")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::demo::world::Options;

    #[test]
    fn settings_are_private_and_lead_to_the_world() {
        let world = World::start(Options::default()).unwrap();
        let folder = Folder::create(None).unwrap();
        folder.fill(&world, 3301, Some("http://127.0.0.1:3302/")).unwrap();
        let mode = fs::metadata(folder.settings()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let settings: Table = fs::read_to_string(folder.settings()).unwrap().parse().unwrap();
        assert_eq!(settings["http"]["bind"].as_str(), Some("127.0.0.1:3301"));
        assert_eq!(settings["upstreams"]["api.x.com"].as_str(), Some(world.base_url().as_str()));
        let credential = &settings["twitter"]["credentials"][0];
        assert_eq!(credential["bearer_token"].as_str(), Some(world.bearer_token()));
        assert_eq!(settings["webhooks"][0]["url"].as_str(), Some("http://127.0.0.1:3302/"));
        assert!(folder.sample().exists());
        let path = folder.path.clone();
        drop(folder);
        assert!(!path.exists());
    }

    #[test]
    fn a_kept_folder_stays() {
        let temporary = tempfile::tempdir().unwrap();
        let keep = temporary.path().join("deep/demo");
        drop(Folder::create(Some(&keep)).unwrap());
        assert!(keep.exists());
    }

    #[test]
    fn the_tail_is_short() {
        assert_eq!(tail("a\nb\nc", 2), ["b", "c"]);
        assert_eq!(tail("a", 2), ["a"]);
        assert!(tail("", 2).is_empty());
    }
}

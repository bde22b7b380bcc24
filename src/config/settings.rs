//! All sections together.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::bots::Bots;
use super::compliance::Compliance;
use super::credit::CreditTemplates;
use super::database::Database;
use super::document::{Place, Value};
use super::fetch::Fetch;
use super::http::{Admin, Http};
use super::limits::Limits;
use super::links::Links;
use super::log::Log;
use super::maintenance::Maintenance;
use super::networks::{Bluesky, Mastodon, Misskey};
use super::page::Page;
use super::sandbox::Sandbox;
use super::scan::Scan;
use super::search::Search;
use super::section::{Section, section};
use super::twitter::Twitter;
use super::values::{network_named, not_empty, origin};
use super::visitors::{ApiKey, Webhook};
use super::watches::Watches;
use super::workers::Workers;
use crate::base::ids::Network;

section! {
    /// Everything an operator can set. `Default` is what `parameters.sample.toml` shows.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    pub struct Settings {
        /// Database, state, index, logs, admin socket. Absolute after loading: from the folder of the
        /// parameter file, or, where the environment sets it, from where the program is started.
        data_dir: PathBuf = PathBuf::from("data"), text(|text| not_empty(text).map(PathBuf::from));
        /// Each role a process of its own; `false` runs the same roles as threads.
        multiprocess: bool = true, switch();
        /// Networks on which accounts are searched for and scanned. Where the file does not choose: all
        /// that cost nothing, and X as soon as it can be read.
        networks: Vec<Network> = vec![Network::Bluesky, Network::Mastodon, Network::Misskey], texts(network_named);
        /// Whether the file chose them, so that whoever left one out meant it.
        networks_are_chosen: bool = false;
        http: Http = Http::default(), part(Http::read);
        page: Page = Page::default(), part(Page::read);
        admin: Admin = Admin::default(), part(Admin::read);
        limits: Limits = Limits::default(), part(Limits::read);
        credit: CreditTemplates = CreditTemplates::default(), part(CreditTemplates::read);
        api_keys: Vec<ApiKey> = Vec::new(), parts(ApiKey::read);
        webhooks: Vec<Webhook> = Vec::new(), parts(Webhook::read);
        bots: Bots = Bots::default(), part(Bots::read);
        database: Database = Database::default(), part(Database::read);
        workers: Workers = Workers::default(), part(Workers::read);
        twitter: Twitter = Twitter::default(), part(Twitter::read);
        bluesky: Bluesky = Bluesky::default(), part(Bluesky::read);
        mastodon: Mastodon = Mastodon::default(), part(Mastodon::read);
        misskey: Misskey = Misskey::default(), part(Misskey::read);
        links: Links = Links::default(), part(Links::read);
        search: Search = Search::default(), part(Search::read);
        scan: Scan = Scan::default(), part(Scan::read);
        maintenance: Maintenance = Maintenance::default(), part(Maintenance::read);
        watches: Watches = Watches::default(), part(Watches::read);
        compliance: Compliance = Compliance::default(), part(Compliance::read);
        fetch: Fetch = Fetch::default(), part(Fetch::read);
        sandbox: Sandbox = Sandbox::default(), part(Sandbox::read);
        log: Log = Log::default(), part(Log::read);
        /// Host to the base URL (`http://127.0.0.1:9100`) where requests for it are really sent: scheme and
        /// authority are replaced, path, query and `Host` stay. These targets may be private addresses.
        upstreams: BTreeMap<String, String> = BTreeMap::new(), part(read_upstreams);
    }
    also(complete)
}

impl Settings {
    /// Where the fingerprint index lies.
    pub fn index_dir(&self) -> PathBuf {
        self.data_dir.join("index")
    }

    /// Where the index of the codes of local features lies, if there is one: among the files of the other, so
    /// that whoever may read these may read those.
    pub fn codes_dir(&self) -> PathBuf {
        self.index_dir().join("codes")
    }
}

fn read_upstreams(mut section: Section<'_>) -> BTreeMap<String, String> {
    let mut upstreams = BTreeMap::new();
    for (host, node) in section.take_all() {
        let target = match &node.value {
            Value::Text(text) | Value::Untyped(text) => origin(text),
            other => Err(format!("must be a text, not {}", other.kind())),
        };
        match target {
            Ok(target) => drop(upstreams.insert(host.to_ascii_lowercase(), target)),
            Err(what) => section.problem(&host, &node.place, what),
        }
    }
    upstreams
}

/// What follows from several keys, or from where the program runs.
fn complete(settings: &mut Settings, section: &mut Section<'_>) {
    if settings.networks.is_empty() {
        section.problem("networks", &Place::File, "must name one network at least".to_owned());
    }
    settings.networks_are_chosen = section.place_of("networks").is_some();
    if !settings.networks_are_chosen && settings.twitter.can_be_read() {
        settings.networks = Network::ALL.to_vec();
    }
    check_public(settings, section);
    // Like every other path of a file; what the environment says is relative to whoever says it.
    let data_dir = match section.place_of("data_dir") {
        Some(Place::Environment(_)) => settings.data_dir.clone(),
        Some(Place::File | Place::Line(_)) | None => section.beside(&settings.data_dir),
    };
    match std::path::absolute(data_dir) {
        Ok(path) => {
            if let Some(before) = data_left_behind(&settings.data_dir, &path) {
                let what = format!(
                    "is relative to the parameter file: {}, where nothing is; there is data in {}, as earlier \
                     versions read it from here: move that folder, or write its whole path",
                    path.display(),
                    before.display()
                );
                section.problem("data_dir", &Place::File, what);
            }
            settings.data_dir = path;
        }
        Err(error) => {
            section.problem("data_dir", &Place::File, format!("cannot be made absolute: {error}"));
        }
    }
}

/// Whoever runs a server for strangers hands nobody's pictures on, removes what is gone, and can be reached
/// by those whose posts it keeps.
fn check_public(settings: &Settings, section: &mut Section<'_>) {
    if !settings.http.public {
        return;
    }
    let problem = |key: &str, what: &str| section.problem(key, &Place::File, what.to_owned());
    if settings.page.pictures {
        problem(
            "page.pictures",
            "must be false where http.public is true: a public server hands on no copies",
        );
    }
    if settings.page.contact_url.is_none() {
        problem("page.contact_url", "is missing, and http.public is true: say how artists reach you");
    }
    if !settings.compliance.remove_deleted {
        problem(
            "compliance.remove_deleted",
            "must be true where http.public is true: what is gone is not shown",
        );
    }
}

/// Earlier versions took `data_dir` from where the program was started: the folder that it meant then, where
/// that has data and the one that it means now does not exist. To begin anew would pay for all of it again.
fn data_left_behind(written: &Path, folder: &Path) -> Option<PathBuf> {
    let before = std::path::absolute(written).ok()?;
    (before != folder && !folder.exists() && before.join("state.db").exists()).then_some(before)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_of_before_is_not_passed_over() {
        let here = tempfile::tempdir().unwrap();
        let (before, now) = (here.path().join("before"), here.path().join("now"));
        // Absolute here: a test cannot change where the whole process stands.
        assert_eq!(data_left_behind(&before, &now), None);
        std::fs::create_dir(&before).unwrap();
        assert_eq!(data_left_behind(&before, &now), None, "a folder of something else");
        std::fs::write(before.join("state.db"), "").unwrap();
        assert_eq!(data_left_behind(&before, &now), Some(before.clone()));
        assert_eq!(data_left_behind(&before, &before), None);
        std::fs::create_dir(&now).unwrap();
        assert_eq!(data_left_behind(&before, &now), None, "it was begun anew, or moved");
    }
}

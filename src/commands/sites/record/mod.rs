//! `aotf sites record`: reads a page as the program does, and writes down what a maintainer needs to mend its
//! reader.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;

use crate::base::Timestamp;
use crate::commands::settings::ConfigFile;
use crate::config::Settings;
use crate::fetch::Fetch;
use crate::links::LinkSettings;
use crate::sites::recording::{self, Exchange, Recorder, Recording};
use crate::sites::{Web, identify};

mod leaves;
mod report;
mod scrub;

#[derive(Debug, Args)]
pub struct RecordArgs {
    /// Address of a page of a site that is read
    url: String,
    /// Folder to write: a new one, or an empty one
    dir: PathBuf,
    #[command(flatten)]
    pub config: ConfigFile,
}

/// Reads the page and writes the folder. Answers whether the page could be read; a page that could not is
/// recorded all the same.
///
/// # Errors
/// No reader has such pages, the folder is not empty or cannot be written, or nothing answered.
pub fn run(
    args: &RecordArgs,
    fetch: &dyn Fetch,
    settings: &Settings,
    mut out: impl Write,
) -> anyhow::Result<bool> {
    let RecordArgs { url, dir, .. } = args;
    let identified = identify(url);
    anyhow::ensure!(
        recording::is_readable(url),
        "{url} is of no page that this program reads: \"aotf sites identify\" says what it is"
    );
    make_folder(dir)?;
    let recorder = Recorder::new(fetch);
    let limits = LinkSettings::of(settings);
    let first =
        recording::read(url, &Web::new(&recorder, &limits.credentials, limits.max_pages, limits.time_limit));
    let mut exchanges = recorder.into_exchanges();
    let (read, scrubbed) = scrub::scrub(url, &mut exchanges, &secrets(settings));
    // What was not answered cannot be read again.
    let answered = exchanges.iter().all(|exchange| exchange.failure.is_none());
    let (first, read) = (first.context("nothing was read")?, read.filter(|_| answered));
    name_files(&mut exchanges);
    let recording = Recording {
        url: identified.url.unwrap_or_else(|| url.clone()),
        site: identified.site.unwrap_or_default().to_owned(),
        recorded: Timestamp::now().to_rfc3339(),
        exchanges,
        read: read.clone().unwrap_or(first),
    };
    write_folder(dir, &recording, &report::of(&recording, scrubbed))?;
    writeln!(out, "{}  {}  {}", recording.read.outcome, recording.url, dir.display())?;
    if let Some(error) = &recording.read.error {
        writeln!(out, "{error}")?;
    }
    writeln!(
        out,
        "{} values were replaced, {} are as they came, since the reader needs them. Look at the files before you show \
         them to others; report.md is the report.",
        scrubbed.replaced, scrubbed.needed
    )?;
    out.flush()?;
    Ok(recording.read.outcome == "ok")
}

/// Every value of the settings that is sent to a site and must not be kept.
fn secrets(settings: &Settings) -> Vec<String> {
    let links = &settings.links;
    let cookies = links.cookies.values().flat_map(|cookie| cookie.reveal().split(';'));
    let keys = links.api_keys.values().flat_map(|key| key.reveal().split('&'));
    let parts = cookies.chain(keys).map(|part| part.split_once('=').map_or(part, |(_, value)| value));
    let all = parts.chain(links.tumblr_api_key.as_ref().map(|key| key.reveal()));
    let mut all: Vec<String> =
        all.map(|value| value.trim().to_owned()).filter(|value| value.len() > 2).collect();
    // A value may hold another.
    all.sort_by_key(|value| std::cmp::Reverse(value.len()));
    all
}

fn make_folder(dir: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(dir).with_context(|| format!("could not make the folder {}", dir.display()))?;
    let mut entries =
        fs::read_dir(dir).with_context(|| format!("could not read the folder {}", dir.display()))?;
    anyhow::ensure!(
        entries.next().is_none(),
        "{} is not empty: name a folder that is not there yet; nothing is overwritten",
        dir.display()
    );
    Ok(())
}

/// `1-www.furaffinity.net.html`
fn name_files(exchanges: &mut [Exchange]) {
    for (index, exchange) in
        exchanges.iter_mut().enumerate().filter(|(_, exchange)| !exchange.body.is_empty())
    {
        let host = url::Url::parse(&exchange.url).ok().and_then(|url| url.host_str().map(str::to_owned));
        let ending = match exchange.body.trim_start().starts_with(['{', '[', '"']) {
            true => "json",
            false => "html",
        };
        exchange.file = format!("{}-{}.{ending}", index + 1, host.unwrap_or_default());
    }
}

fn write_folder(dir: &Path, recording: &Recording, report: &str) -> anyhow::Result<()> {
    let json = serde_json::to_string_pretty(recording)?;
    write_new(&dir.join("recording.json"), &format!("{json}\n"))?;
    write_new(&dir.join("report.md"), report)?;
    for exchange in recording.exchanges.iter().filter(|exchange| !exchange.file.is_empty()) {
        write_new(&dir.join(&exchange.file), &exchange.body)?;
    }
    Ok(())
}

fn write_new(path: &Path, text: &str) -> anyhow::Result<()> {
    let file = fs::File::create_new(path).and_then(|mut file: fs::File| file.write_all(text.as_bytes()));
    file.with_context(|| format!("could not write {}", path.display()))
}

#[cfg(test)]
mod tests;

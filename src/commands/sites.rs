//! `aotf sites`: what a URL is (offline), and which sites can be read now.

use std::io::{self, BufRead, Write};

use serde::Serialize;

use crate::base::ErrorChain;
use crate::base::clock::Monotonic;
use crate::fetch::Fetch;
use crate::links::{LinkSettings, probe};
use crate::sites::{Identified, identify};

/// `aotf sites identify URL...`: writes one line for each URL, in order; without URLs, for each line of
/// `stdin` that is not blank. With `json`, each line is one object.
///
/// # Errors
/// When `stdin` cannot be read or `out` not be written. A text that is no URL is an answer.
pub fn identify_command(
    urls: &[String],
    json: bool,
    stdin: impl BufRead,
    mut out: impl Write,
) -> io::Result<()> {
    if urls.is_empty() {
        for line in stdin.lines() {
            let line = line?;
            if !line.trim().is_empty() {
                write_identified(line.trim(), json, &mut out)?;
            }
        }
    }
    for url in urls {
        write_identified(url, json, &mut out)?;
    }
    out.flush()
}

/// What is shown of one URL; `url` is the normalised one.
#[derive(Serialize)]
struct Shown<'a> {
    input: &'a str,
    #[serde(flatten)]
    identified: &'a Identified,
}

fn write_identified(url: &str, json: bool, out: &mut impl Write) -> io::Result<()> {
    let identified = identify(url);
    if json {
        serde_json::to_writer(&mut *out, &Shown { input: url, identified: &identified })?;
        return writeln!(out);
    }
    write!(out, "{:<12} {:<12}", kind_name(&identified), identified.site.unwrap_or("-"))?;
    write!(out, " {}", identified.id.as_deref().unwrap_or("-"))?;
    if let Some(page) = identified.page {
        write!(out, " image {page}")?;
    }
    if let Some(account) = &identified.account {
        write!(out, " {account}")?;
    }
    writeln!(out, " {}", identified.url.as_deref().unwrap_or(url))
}

/// The kind as JSON shows it.
fn kind_name(identified: &Identified) -> String {
    serde_json::to_value(identified.kind)
        .ok()
        .and_then(|kind| kind.as_str().map(str::to_owned))
        .unwrap_or_default()
}

/// A page of each site that is known to exist, for `aotf sites`. An operator may give others.
#[rustfmt::skip]
pub const CANARIES: &[&str] = &[
    "https://www.deviantart.com/nopeys/art/Azula-847851539",
    "https://www.deviantart.com/nopeys",
    "https://www.pixiv.net/artworks/80875806",
    "https://danbooru.donmai.us/posts/3878029",
    "https://derpibooru.org/images/1851874",
    "https://furbooru.org/images/18",
    "https://linktr.ee/reubenwu",
    "https://marcycart.carrd.co/",
    "https://www.patreon.com/NeoArtCorE",
    "https://bsky.app/profile/bsky.app",
    "https://mastodon.social/@gallerydl",
];

/// One line of the answer of `aotf sites`.
#[derive(Serialize)]
struct Checked<'a> {
    url: &'a str,
    site: &'static str,
    works: bool,
    /// Links that the page has.
    links: usize,
    elapsed_ms: u64,
    error: Option<String>,
}

/// `aotf sites`: reads each page and says whether its site can be read. Answers whether all can.
///
/// # Errors
/// When `out` cannot be written. A site that does not work is an answer.
pub fn check_command(
    urls: &[String],
    fetch: &dyn Fetch,
    settings: &LinkSettings,
    json: bool,
    mut out: impl Write,
) -> io::Result<bool> {
    let mut all_work = true;
    for url in urls {
        let started = Monotonic::now();
        let result = probe(url, fetch, settings);
        let elapsed = Monotonic::now().since(started);
        let checked = Checked {
            url,
            site: identify(url).site.unwrap_or("-"),
            works: result.is_ok(),
            links: result.as_ref().copied().unwrap_or_default(),
            elapsed_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
            error: result.err().map(|error| ErrorChain(&error).to_string()),
        };
        all_work &= checked.works;
        if json {
            serde_json::to_writer(&mut out, &checked)?;
            writeln!(out)?;
        } else {
            let verdict = if checked.works { "works" } else { "FAILS" };
            write!(out, "{verdict}  {:<12} {:>5} ms  {}", checked.site, checked.elapsed_ms, checked.url)?;
            match &checked.error {
                Some(error) => writeln!(out, "\n       {error}")?,
                None => writeln!(out, "  {} links", checked.links)?,
            }
        }
        out.flush()?;
    }
    Ok(all_work)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(urls: &[&str], json: bool, stdin: &str, expect: &str) {
        let urls: Vec<String> = urls.iter().map(|url| (*url).to_owned()).collect();
        let mut out = Vec::new();
        identify_command(&urls, json, stdin.as_bytes(), &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), expect);
    }

    #[test]
    fn each_url_has_one_line() {
        check(
            &["https://www.pixiv.net/en/artworks/92512929#44"],
            true,
            "",
            "{\"input\":\"https://www.pixiv.net/en/artworks/92512929#44\",\"site\":\"pixiv\",\"kind\":\"artwork\",\
             \"id\":\"92512929\",\"page\":44,\"url\":\"https://www.pixiv.net/artworks/92512929\",\"account\":null}\n",
        );
        check(
            &[],
            false,
            "https://x.com/Ann\n\nhello\n",
            "account      twitter      ann twitter:@ann https://x.com/ann\nnot_an_url   -            - hello\n",
        );
    }
}

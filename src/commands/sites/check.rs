//! `aotf sites`, the canary, and `aotf sites check`: which sites can be read now.

use std::io::{self, Write};

use clap::Args;
use serde::Serialize;

use crate::base::clock::Monotonic;
use crate::base::{ErrorChain, shown};
use crate::commands::settings::ConfigFile;
use crate::fetch::Fetch;
use crate::links::{LinkSettings, READ, probe};
use crate::sites::{SiteError, identify};

#[derive(Debug, Args)]
pub struct CheckArgs {
    #[arg(required = true)]
    pub urls: Vec<String>,
    /// One JSON object per address
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub config: ConfigFile,
}

/// What reading one page came to.
#[derive(Serialize)]
struct Checked<'a> {
    url: &'a str,
    site: &'static str,
    works: bool,
    /// `ok`, or what went wrong: `gone`, `blocked`, `login_needed`, `layout_changed` ...; `no_reader` where
    /// the URL is of no page that this program reads.
    outcome: &'static str,
    /// Links that the page has.
    links: usize,
    elapsed_ms: u64,
    error: Option<String>,
}

/// Pages that are read at the same time; the limits of each host hold besides.
const AT_ONCE: usize = 8;

/// Reads each page and says whether its site can be read, in the order given. Answers whether all can.
///
/// # Errors
/// When `out` cannot be written. A site that does not work is an answer.
pub fn check(
    urls: &[String],
    fetch: &dyn Fetch,
    settings: &LinkSettings,
    json: bool,
    mut out: impl Write,
) -> io::Result<bool> {
    let mut all_work = true;
    for batch in urls.chunks(AT_ONCE) {
        let checked: Vec<Checked<'_>> = std::thread::scope(|scope| {
            let threads: Vec<_> =
                batch.iter().map(|url| scope.spawn(|| check_page(url, fetch, settings))).collect();
            let answers = threads.into_iter().map(|thread| thread.join());
            // A reader's panic ends the command as it would have without a thread.
            answers.map(|answer| answer.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
        });
        for page in checked {
            all_work &= page.works;
            write_checked(&page, json, &mut out)?;
        }
        out.flush()?;
    }
    Ok(all_work)
}

fn check_page<'a>(url: &'a str, fetch: &dyn Fetch, settings: &LinkSettings) -> Checked<'a> {
    let started = Monotonic::now();
    let result = probe(url, fetch, settings);
    let elapsed = Monotonic::now().since(started);
    Checked {
        url,
        site: identify(url).site.unwrap_or("-"),
        works: result.is_ok(),
        outcome: match &result {
            Ok(_) => READ,
            Err(error) => error.page_error().map_or("no_reader", SiteError::outcome),
        },
        links: result.as_ref().copied().unwrap_or_default(),
        elapsed_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
        error: result.err().map(|error| ErrorChain(&error).to_string()),
    }
}

fn write_checked(page: &Checked<'_>, json: bool, out: &mut impl Write) -> io::Result<()> {
    if json {
        return writeln!(out, "{}", shown::json(page)?);
    }
    let Checked { site, outcome, elapsed_ms, url, links, .. } = page;
    let verdict = if page.works { "works" } else { "FAILS" };
    writeln!(out, "{verdict}  {site:<12} {outcome:<14} {elapsed_ms:>5} ms {links:>4} links  {url}")?;
    match &page.error {
        Some(error) => writeln!(out, "       {error}"),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetch::{FetchError, Request, Response};

    /// Linktree is blocked, everything else empty.
    struct Web;

    impl Fetch for Web {
        fn fetch(&self, request: Request) -> Result<Response, FetchError> {
            let status = if request.url.host_str() == Some("linktr.ee") { 403 } else { 200 };
            let body = r#"<div class="card"><a href="https://x.com/a">X</a></div>"#;
            Ok(Response { status, url: request.url, headers: vec![], body: body.into() })
        }

        fn fetch_all(&self, requests: Vec<Request>) -> Vec<Result<Response, FetchError>> {
            requests.into_iter().map(|request| self.fetch(request)).collect()
        }
    }

    #[test]
    fn the_canary_tells_what_is_wrong_with_which_site() {
        let urls =
            ["https://a.carrd.co/", "https://linktr.ee/a", "https://example.com/", "https://potofu.me/a"];
        let urls = urls.map(str::to_owned);
        let read = |urls: &[String], json| {
            let mut out = Vec::new();
            let all = check(urls, &Web, &LinkSettings::default(), json, &mut out).unwrap();
            (all, String::from_utf8(out).unwrap())
        };
        let (all, text) = read(&urls, true);
        let outcome = |line: &str| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            (line["site"].as_str().unwrap().to_owned(), line["outcome"].as_str().unwrap().to_owned())
        };
        let expect = [("carrd", "ok"), ("linktree", "blocked"), ("-", "no_reader"), ("potofu", "blocked")];
        let expect = expect.map(|(site, outcome)| (site.to_owned(), outcome.to_owned()));
        assert_eq!(text.lines().map(outcome).collect::<Vec<_>>(), expect);
        assert!(!all && read(&urls[..1], true).0);
        let (_, text) = read(&urls[..2], false);
        assert!(
            text.starts_with("works  carrd        ok") && text.contains("FAILS  linktree     blocked"),
            "{text}"
        );
    }
}

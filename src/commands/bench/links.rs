//! `aotf bench links`: how many requests and how much time the search for an artist's accounts takes on
//! each site, against the demo world, beside the least time that its chain of requests allows.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::report::report;
use crate::config;
use crate::demo::world::{Options, World, WorldError};
use crate::fetch::{Fetch, FetchError, HttpFetch, Request, Response, StartError, least_wait};
use crate::links::{LinkError, LinkSettings, find_traced};
use crate::sites::Credentials;

/// Search for artists' accounts in the demo world, and tell how long that takes on each site.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct LinksArgs {
    /// Milliseconds that the world waits before each of its answers.
    #[arg(long, value_name = "MS", default_value_t = 50)]
    pub latency_ms: u64,
    /// Searches of each site; the median counts.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub runs: u32,
    /// Answer as JSON.
    #[arg(long)]
    pub json: bool,
}

/// The benchmark could not be run.
#[derive(Debug, thiserror::Error)]
pub enum BenchLinksError {
    #[error("could not start the demo world")]
    World { source: WorldError },
    #[error("could not set up the way to it")]
    Fetch { source: StartError },
    #[error("the search on {site} failed for {url}")]
    Find { site: &'static str, url: String, source: Box<LinkError> },
    #[error("the search on {site} found no account for {url}")]
    NoAccount { site: &'static str, url: String },
    #[error("could not print the result")]
    Print { source: io::Error },
}

/// What was measured on one site. Times are milliseconds.
#[derive(Debug, Serialize)]
struct Figures {
    /// The artwork site, or the kind of link page on the way.
    site: &'static str,
    requests: u32,
    /// Requests that must wait for each other.
    chain: u32,
    /// `chain` times the latency.
    chain_ms: f64,
    /// The same where the pace that a host asks for allows no less.
    bound_ms: f64,
    median_ms: f64,
    /// The slowest host and its pace, where that is what bounds the time.
    paced: Option<String>,
}

/// Runs the searches, each without a cache and at the pace that its hosts have in earnest, and prints a
/// table, or JSON. Takes about `runs` times ten seconds.
///
/// # Errors
/// See `BenchLinksError`; a site on which no account is found is one, since the world has one for each.
pub fn run(args: &LinksArgs, out: &mut dyn Write) -> Result<(), BenchLinksError> {
    let latency = Duration::from_millis(args.latency_ms);
    let world = World::start(Options { latency }).map_err(|source| BenchLinksError::World { source })?;
    let mut all = Vec::new();
    for case in world.known() {
        let (Some(tour), Some(url)) = (case.tour, case.url()) else { continue };
        let mut runs = Vec::new();
        for _ in 0..args.runs {
            runs.push(search(tour.site, url, &world)?);
        }
        runs.sort_by_key(|run| run.elapsed);
        let Some(run) = runs.get(runs.len() / 2) else { continue };
        all.push(run.figures(tour.site, tour.chain, latency));
    }
    report(&all, args.json, out, |all, out| show(all, args, out))
        .map_err(|source| BenchLinksError::Print { source })
}

/// One search.
struct Run {
    elapsed: Duration,
    /// Requests by host.
    hosts: BTreeMap<String, u32>,
}

/// Searches once, over a connection of its own, so that no earlier search has used up a host's pace.
fn search(site: &'static str, url: &str, world: &World) -> Result<Run, BenchLinksError> {
    let fetch = HttpFetch::start(&config::Settings::default().fetch, &world.upstreams())
        .map_err(|source| BenchLinksError::Fetch { source })?;
    let fetch = Counting { fetch, hosts: Mutex::default() };
    let tumblr_api_key = Some(config::Secret::new(world.tumblr_api_key()));
    let cookies = world.cookies().map(|(site, cookie)| (site.to_owned(), config::Secret::new(cookie)));
    let credentials = Credentials { tumblr_api_key, cookies: cookies.into(), ..Credentials::default() };
    let settings = LinkSettings { credentials, ..LinkSettings::default() };
    let start = Instant::now();
    let found = find_traced(url, &fetch, &settings).0;
    let elapsed = start.elapsed();
    match found {
        Ok(found) if found.candidates.is_empty() => {
            Err(BenchLinksError::NoAccount { site, url: url.to_owned() })
        }
        Ok(_) => {
            let hosts = fetch.hosts.into_inner().unwrap_or_else(PoisonError::into_inner);
            Ok(Run { elapsed, hosts })
        }
        Err(source) => Err(BenchLinksError::Find { site, url: url.to_owned(), source: Box::new(source) }),
    }
}

impl Run {
    fn figures(&self, site: &'static str, chain: u32, latency: Duration) -> Figures {
        let settings = config::Settings::default().fetch;
        let waits = self.hosts.iter().map(|(host, requests)| (least_wait(host, *requests, &settings), host));
        let slowest = waits.max().filter(|(wait, _)| !wait.is_zero());
        let by_chain = latency * chain;
        let by_pace =
            slowest.map(|(wait, host)| (wait + latency, host)).filter(|(bound, _)| *bound > by_chain);
        Figures {
            site,
            requests: self.hosts.values().sum(),
            chain,
            chain_ms: millis(by_chain),
            bound_ms: millis(by_pace.map_or(by_chain, |(bound, _)| bound)),
            median_ms: millis(self.elapsed),
            paced: by_pace.map(|(_, host)| host.clone()),
        }
    }
}

/// Rounded to tenths.
fn millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 10_000.0).round() / 10.0
}

/// Counts the requests to each host on their way.
struct Counting {
    fetch: HttpFetch,
    hosts: Mutex<BTreeMap<String, u32>>,
}

impl Counting {
    fn count(&self, request: &Request) {
        let host = request.url.host_str().unwrap_or_default().to_owned();
        *self.hosts.lock().unwrap_or_else(PoisonError::into_inner).entry(host).or_default() += 1;
    }
}

impl Fetch for Counting {
    fn fetch(&self, request: Request) -> Result<Response, FetchError> {
        self.count(&request);
        self.fetch.fetch(request)
    }

    fn fetch_all(&self, requests: Vec<Request>) -> Vec<Result<Response, FetchError>> {
        requests.iter().for_each(|request| self.count(request));
        self.fetch.fetch_all(requests)
    }
}

fn show(all: &[Figures], args: &LinksArgs, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "Latency {} ms, median of {}. Times in milliseconds.", args.latency_ms, args.runs)?;
    writeln!(
        out,
        "{:13} {:>8} {:>6} {:>11} {:>11} {:>9}  paced by",
        "site", "requests", "chain", "chain's", "bound", "median"
    )?;
    for figures in all {
        let Figures { site, requests, chain, chain_ms, bound_ms, median_ms, paced } = figures;
        let line = format!(
            "{site:13} {requests:8} {chain:6} {chain_ms:11.0} {bound_ms:11.0} {median_ms:9.1}  {}",
            paced.as_deref().unwrap_or_default()
        );
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_is_the_chain_or_the_pace() {
        let check = |host: &str, requests, chain, bound_ms, paced: Option<&str>| {
            let run = Run { elapsed: Duration::ZERO, hosts: [(host.to_owned(), requests)].into() };
            let figures = run.figures("a", chain, Duration::from_millis(50));
            assert_eq!((figures.bound_ms, figures.paced.as_deref()), (bound_ms, paced), "{host}");
        };
        check("www.example.com", 3, 2, 100.0, None);
        check("www.pixiv.net", 3, 2, 2050.0, Some("www.pixiv.net"));
        check("e621.net", 1, 2, 100.0, None);
    }
}

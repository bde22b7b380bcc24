//! `aotf bench pages`: what the dearest page that a stranger can write costs each reader, in processor time
//! and in memory. Every answer of the demo world that a reader asks for is made hostile, one at a time, and
//! read in a process of its own, so that no page profits from the memory of the one before.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Read, Write};
use std::ops::ControlFlow;
use std::process::{Command, ExitCode, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use clap::Args;
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use super::report::report;
use crate::base::Timestamp;
use crate::base::ids::PostKey;
use crate::config::{Secret, Settings, TwitterCredential};
use crate::demo::world::hostile::HOSTILE;
use crate::demo::world::{Options, World};
use crate::domain::accounts::{AccountRef, ResolutionOutcome};
use crate::domain::scans::Cursor;
use crate::fetch::{Fetch, FetchError, HttpFetch, Request, Response};
use crate::links::{LinkSettings, find_traced};
use crate::networks::bluesky::BlueskyClient;
use crate::networks::fxtwitter::FxTwitterClient;
use crate::networks::mastodon::MastodonClient;
use crate::networks::misskey::MisskeyClient;
use crate::networks::twitter::TwitterClient;
use crate::networks::{NetworkClient, Stopping, Waiter};
use crate::sites::{self, Address, Credentials, Web};

/// What no page may cost more than: the goal.
const GOAL_CPU_MS: f64 = 150.0;
const GOAL_MEMORY_MIB: f64 = 32.0;
/// A reader that takes longer is ended, and shown with this.
const GIVE_UP_AFTER: Duration = Duration::from_secs(60);

#[derive(Debug, Args)]
pub struct PagesArgs {
    /// Only readers whose names hold this, such as `deviantart` or `mastodon`
    #[arg(long, default_value = "")]
    reader: String,
    /// Only hostile pages whose names hold this, such as `links` or `json`
    #[arg(long, default_value = "")]
    page: String,
    /// Every page of every reader, and not the dearest of each alone
    #[arg(long)]
    all: bool,
    /// One JSON object instead of a table
    #[arg(long)]
    json: bool,
    /// Read one page, as the standard input says: how the bench starts itself
    #[arg(long, hide = true)]
    child: bool,
}

/// What reads a page.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Reader {
    /// The reader of the site to which this address belongs; where none does, that of listed pages.
    Site { url: String },
    /// The client of a network: looks the account up, and lists its posts.
    Network { source: Source, handle: String },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Source {
    Twitter,
    FxTwitter,
    Bluesky,
    Mastodon,
    Misskey,
}

/// One answer as it came.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Exchange {
    asked: String,
    url: String,
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// What a child is to do.
#[derive(Debug, Serialize, Deserialize)]
struct Job {
    reader: Reader,
    exchanges: Vec<Exchange>,
    /// Requests that none of `exchanges` answers get the last one of them.
    answers_all: bool,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Cost {
    cpu_ms: f64,
    memory_mib: f64,
}

#[derive(Clone, Debug, Serialize)]
struct Row {
    reader: String,
    page: &'static str,
    /// Which of the reader's answers was hostile.
    answer: String,
    #[serde(flatten)]
    cost: Cost,
}

#[derive(Debug, Serialize)]
struct Report {
    goal: Cost,
    pages: usize,
    above_goal: usize,
    rows: Vec<Row>,
}

/// Measures and prints; the status says whether all is within the goal.
///
/// # Errors
/// The world or a process could not be started.
pub fn run(args: &PagesArgs, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    if args.child {
        return child(out).map(|()| ExitCode::SUCCESS);
    }
    let world = World::start(Options::default())?;
    let mut rows = Vec::new();
    for (reader, exchanges) in readers(&world)? {
        let name = name_of(&reader);
        if !name.contains(&args.reader) {
            continue;
        }
        for (place, exchange) in exchanges.iter().enumerate() {
            for page in HOSTILE.iter().filter(|page| page.name.contains(&args.page)) {
                let Some(body) = (page.make)(&exchange.body, limit_of(&reader)) else { continue };
                let mut exchanges = exchanges.clone();
                exchanges[place] = Exchange { status: 200, body, ..exchange.clone() };
                let job = Job { reader: reader.clone(), exchanges, answers_all: false };
                let answer = exchange.asked.clone();
                rows.push(Row { reader: name.clone(), page: page.name, answer, cost: cost_of(&job)? });
            }
        }
        if exchanges.is_empty() {
            for page in HOSTILE.iter().filter(|page| page.name.contains(&args.page)) {
                let Some(body) = (page.make)(b"", limit_of(&reader)) else { continue };
                let Reader::Site { url } = &reader else { continue };
                let (asked, answer) = (url.clone(), "all".to_owned());
                let exchanges =
                    vec![Exchange { url: asked.clone(), asked, status: 200, headers: vec![], body }];
                let job = Job { reader: reader.clone(), exchanges, answers_all: true };
                rows.push(Row { reader: name.clone(), page: page.name, answer, cost: cost_of(&job)? });
            }
        }
    }
    let goal = Cost { cpu_ms: GOAL_CPU_MS, memory_mib: GOAL_MEMORY_MIB };
    let above_goal = rows.iter().filter(|row| row.is_above(goal)).count();
    let measured = Report { goal, pages: rows.len(), above_goal, rows };
    report(&measured, args.json, out, |measured, out| show(measured, args.all, out))?;
    Ok(if above_goal == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Row {
    fn is_above(&self, goal: Cost) -> bool {
        self.cost.cpu_ms > goal.cpu_ms || self.cost.memory_mib > goal.memory_mib
    }
}

fn show(measured: &Report, all: bool, out: &mut dyn Write) -> io::Result<()> {
    if all {
        for Row { reader, page, answer, cost } in &measured.rows {
            let Cost { cpu_ms, memory_mib } = cost;
            writeln!(out, "{reader:<28} {page:<34} {cpu_ms:>8.0} ms {memory_mib:>7.1} MiB  {answer}")?;
        }
        writeln!(out)?;
    }
    writeln!(out, "{:<28} {:>8} {:<34} {:>8} its page", "reader", "CPU ms", " its page", "MiB")?;
    let mut readers: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    for row in &measured.rows {
        readers.entry(&row.reader).or_default().push(row);
    }
    for (reader, rows) in readers {
        let slowest = rows.iter().max_by(|a, b| a.cost.cpu_ms.total_cmp(&b.cost.cpu_ms));
        let largest = rows.iter().max_by(|a, b| a.cost.memory_mib.total_cmp(&b.cost.memory_mib));
        let (Some(slowest), Some(largest)) = (slowest, largest) else { continue };
        writeln!(
            out,
            "{reader:<28} {:>8.0}  {:<33} {:>8.1} {}",
            slowest.cost.cpu_ms, slowest.page, largest.cost.memory_mib, largest.page
        )?;
    }
    let Report { goal, pages, above_goal, .. } = measured;
    writeln!(
        out,
        "\n{pages} pages, {above_goal} of them above {:.0} ms or {:.0} MiB",
        goal.cpu_ms, goal.memory_mib
    )
}

/// The most that the reader takes of one answer.
fn limit_of(reader: &Reader) -> usize {
    match reader {
        Reader::Site { .. } => 10 << 20,
        Reader::Network { .. } => 8 << 20,
    }
}

fn name_of(reader: &Reader) -> String {
    match reader {
        Reader::Site { url } => {
            let (site, page) = sites::recognise(&Address::parse(url).expect("the world names URLs"));
            let kind = serde_json::to_value(page.kind).ok();
            let kind = kind.as_ref().and_then(|kind| kind.as_str()).unwrap_or_default().to_owned();
            match site {
                Some(site) => format!("{} {kind}", page.site.unwrap_or(site.name)),
                None => "listed page".to_owned(),
            }
        }
        Reader::Network { source, .. } => format!("network {source:?}").to_lowercase(),
    }
}

/// Pages of readers that the demo world has no page of: all that they ask for is answered alike.
const ELSEWHERE: &[&str] = &[
    "https://twibooru.org/100",
    "https://realbooru.com/index.php?page=post&s=view&id=1",
    "https://sketch.pixiv.net/items/1",
    "https://mastodon.social/@ann",
    "https://art.example/@ann",
    "https://bsky.app/profile/ann.example",
    "https://anybody.example/",
];

/// Every reader, with the answers that it asks for in the demo world.
fn readers(world: &World) -> anyhow::Result<BTreeMap<Reader, Vec<Exchange>>> {
    let fetch = HttpFetch::start(&unpaced(world).fetch, &world.upstreams())?;
    let fetch = Arc::new(Recording { fetch, exchanges: Mutex::default() });
    let cookies = world.cookies().map(|(site, cookie)| (site.to_owned(), Secret::new(cookie)));
    let credentials = Credentials { cookies: cookies.into(), ..credentials(world.tumblr_api_key()) };
    let settings = LinkSettings { credentials: credentials.clone(), ..LinkSettings::default() };
    let mut known = BTreeSet::new();
    let mut readers = BTreeMap::new();
    for case in world.known() {
        let (Some(_), Some(url)) = (case.tour, case.url()) else { continue };
        let (_, trace) = find_traced(url, &*fetch, &settings);
        for step in trace.steps {
            let reader = Reader::Site { url: step.url };
            if known.insert(name_of(&reader)) {
                fetch.take();
                read(&reader, &fetch.as_fetch(), &credentials)?;
                readers.insert(reader, fetch.take());
            }
        }
    }
    for (source, handle) in [
        (Source::Twitter, world.facts().accounts[0].handle),
        (Source::FxTwitter, world.facts().accounts[0].handle),
        (Source::Bluesky, "demo-atlas.bsky.social"),
        (Source::Mastodon, "demo_atlas@mastodon.art"),
        (Source::Misskey, "demo_atlas@demo-misskey.example"),
    ] {
        fetch.take();
        let reader = Reader::Network { source, handle: handle.to_owned() };
        read(&reader, &fetch.as_fetch(), &credentials)?;
        let mut exchanges = fetch.take();
        // One page of a list stands for all.
        let mut paths = BTreeSet::new();
        exchanges.retain(|exchange| paths.insert(exchange.asked.split('?').next().map(str::to_owned)));
        readers.insert(reader, exchanges);
    }
    for url in ELSEWHERE {
        let reader = Reader::Site { url: (*url).to_owned() };
        if known.insert(name_of(&reader)) {
            readers.insert(reader, Vec::new());
        }
    }
    Ok(readers)
}

fn credentials(tumblr_api_key: &str) -> Credentials {
    Credentials { tumblr_api_key: Some(Secret::new(tumblr_api_key)), ..Credentials::default() }
}

fn unpaced(world: &World) -> Settings {
    let mut settings = Settings::default();
    settings.fetch.max_per_second_per_host = 10_000;
    settings.twitter.credentials =
        vec![TwitterCredential { bearer_token: Secret::new(world.bearer_token()) }];
    settings
}

/// Reads once, as the daemon does: a page, and what its links are worth; an account, its posts, one of them
/// anew.
fn read(reader: &Reader, fetch: &Arc<dyn Fetch>, credentials: &Credentials) -> anyhow::Result<()> {
    match reader {
        Reader::Site { url } => {
            let (site, page) = sites::recognise(&Address::parse(url).context("no URL")?);
            let web = Web::new(fetch, credentials, 30, GIVE_UP_AFTER).noting_claims(&page);
            let read = match site {
                Some(site) => sites::read_page(site, &page, &web).map(|read| read.map(|read| read.leads)),
                None => Some(sites::plain::leads(&page, &web)),
            };
            // That it cannot be read is an answer, too.
            for lead in read.into_iter().flatten().flatten() {
                let Some(address) = Address::parse(&lead.url) else { continue };
                let (site, page) = sites::recognise(&address);
                std::hint::black_box(sites::readable_page(site, page));
            }
            std::hint::black_box(web.into_claims());
        }
        Reader::Network { source, handle } => {
            let client = client(*source, fetch);
            let network = client.network();
            let asked = AccountRef::Handle { network, handle: handle.clone() };
            let Ok(resolved) = client.resolve(std::slice::from_ref(&asked)) else { return Ok(()) };
            let Some(ResolutionOutcome::Readable(account)) =
                resolved.into_iter().next().map(|one| one.outcome)
            else {
                return Ok(());
            };
            let mut first: Option<PostKey> = None;
            let _ = client.list_posts(&account, &Cursor::Search(None), &mut |posts| {
                first = first.take().or_else(|| posts.first().map(|post| post.key.clone()));
                ControlFlow::Continue(())
            });
            if let Some(post) = first {
                let _ = client.check_posts(std::slice::from_ref(&post));
                let _ = client.look_posts_up(&[post]);
            }
        }
    }
    Ok(())
}

fn client(source: Source, fetch: &Arc<dyn Fetch>) -> Box<dyn NetworkClient> {
    let mut settings = Settings::default();
    settings.twitter.credentials = vec![TwitterCredential { bearer_token: Secret::new("demo-bearer-token") }];
    let (fetch, waiter) = (Arc::clone(fetch), Arc::new(NoWait) as Arc<dyn Waiter>);
    match source {
        Source::Twitter => Box::new(TwitterClient::new(fetch, &settings.twitter, waiter)),
        Source::FxTwitter => Box::new(FxTwitterClient::new(fetch, &settings.twitter, waiter)),
        Source::Bluesky => Box::new(BlueskyClient::new(fetch, &settings.bluesky, waiter)),
        Source::Mastodon => Box::new(MastodonClient::new(fetch, &settings.mastodon, waiter)),
        Source::Misskey => Box::new(MisskeyClient::new(fetch, &settings.misskey, waiter)),
    }
}

/// Pauses are not what is measured.
struct NoWait;

impl Waiter for NoWait {
    fn wait_until(&self, _until: Timestamp, _why: &str) -> Result<(), Stopping> {
        Ok(())
    }
}

/// Remembers what was answered.
struct Recording {
    fetch: HttpFetch,
    exchanges: Mutex<Vec<Exchange>>,
}

impl Recording {
    fn take(&self) -> Vec<Exchange> {
        std::mem::take(&mut *self.exchanges.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn as_fetch(self: &Arc<Self>) -> Arc<dyn Fetch> {
        Arc::clone(self) as Arc<dyn Fetch>
    }

    fn note(&self, asked: String, answer: &Result<Response, FetchError>) {
        let Ok(response) = answer else { return };
        self.exchanges.lock().unwrap_or_else(PoisonError::into_inner).push(Exchange {
            asked,
            url: response.url.to_string(),
            status: response.status,
            headers: response.headers.clone(),
            body: response.body.to_vec(),
        });
    }
}

impl Fetch for Recording {
    fn fetch(&self, request: Request) -> Result<Response, FetchError> {
        let asked = request.url.to_string();
        let answer = self.fetch.fetch(request);
        self.note(asked, &answer);
        answer
    }

    fn fetch_all(&self, requests: Vec<Request>) -> Vec<Result<Response, FetchError>> {
        let asked: Vec<String> = requests.iter().map(|request| request.url.to_string()).collect();
        let answers = self.fetch.fetch_all(requests);
        for (asked, answer) in asked.into_iter().zip(&answers) {
            self.note(asked, answer);
        }
        answers
    }
}

/// Answers from what was recorded.
struct Replay {
    answers: BTreeMap<String, Response>,
    any: Option<Response>,
}

impl Fetch for Replay {
    fn fetch(&self, request: Request) -> Result<Response, FetchError> {
        let known = self.answers.get(request.url.as_str()).or(self.any.as_ref());
        let nothing =
            || Response { status: 404, url: request.url.clone(), headers: vec![], body: Bytes::new() };
        Ok(known.cloned().unwrap_or_else(nothing))
    }

    fn fetch_all(&self, requests: Vec<Request>) -> Vec<Result<Response, FetchError>> {
        requests.into_iter().map(|request| self.fetch(request)).collect()
    }
}

/// What the job costs in a process of its own.
fn cost_of(job: &Job) -> anyhow::Result<Cost> {
    let mut child = Command::new("/proc/self/exe")
        .args(["bench", "pages", "--child"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let job = postcard::to_stdvec(job)?;
    child.stdin.take().context("no standard input")?.write_all(&job)?;
    let mut told = String::new();
    child.stdout.take().context("no standard output")?.read_to_string(&mut told)?;
    let status = child.wait()?;
    // It ended itself, or was ended by the kernel: far above the goal.
    let failed = Cost { cpu_ms: f64::INFINITY, memory_mib: f64::INFINITY };
    Ok(serde_json::from_str(&told).ok().filter(|_| status.success()).unwrap_or(failed))
}

/// Does what the standard input says, and prints the cost.
fn child(out: &mut dyn Write) -> anyhow::Result<()> {
    let mut job = Vec::new();
    io::stdin().read_to_end(&mut job)?;
    let Job { reader, exchanges, answers_all } = postcard::from_bytes(&job)?;
    drop(job);
    std::thread::spawn(|| {
        std::thread::park_timeout(GIVE_UP_AFTER);
        std::process::exit(1);
    });
    let mut any = None;
    let mut answers = BTreeMap::new();
    for Exchange { asked, url, status, headers, body } in exchanges {
        let response = Response { status, url: url.parse()?, headers, body: body.into() };
        any = answers_all.then(|| response.clone());
        answers.insert(asked, response);
    }
    let fetch = Arc::new(Replay { answers, any }) as Arc<dyn Fetch>;
    let credentials = credentials("key");
    // What is set up once is not the page's.
    read(
        &reader,
        &(Arc::new(Replay { answers: BTreeMap::new(), any: None }) as Arc<dyn Fetch>),
        &credentials,
    )?;
    // The peak counts from here.
    fs::write("/proc/self/clear_refs", "5")?;
    let before = status_kib("VmRSS:")?;
    let begun = cpu();
    read(&reader, &fetch, &credentials)?;
    let cpu_ms = (cpu() - begun).as_secs_f64() * 1000.0;
    let memory_mib = status_kib("VmHWM:")?.saturating_sub(before) as f64 / 1024.0;
    writeln!(out, "{}", serde_json::to_string(&Cost { cpu_ms, memory_mib })?)?;
    Ok(())
}

/// Processor time of this process.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

fn status_kib(name: &str) -> anyhow::Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with(name)).context("no such line")?;
    Ok(line.split_whitespace().nth(1).unwrap_or_default().parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A site that is added without a page in the demo world would go unmeasured.
    #[test]
    fn every_reader_is_measured() {
        let world = World::start(Options::default()).unwrap();
        let measured: BTreeSet<String> = readers(&world).unwrap().keys().map(name_of).collect();
        let is_measured = |name: &str| measured.iter().any(|reader| reader.starts_with(&format!("{name} ")));
        let readable = include_str!("../../../tests/fixtures/sites/readable.txt");
        for url in readable.lines() {
            let (site, page) = sites::recognise(&Address::parse(url).unwrap());
            let name = page.site.unwrap_or(site.unwrap().name);
            // Link pages of one reader, and boorus of one software, are read alike.
            let file = site.unwrap().name;
            assert!(is_measured(name) || is_measured(file) || file == "hubs", "{url}");
        }
        for reader in ["listed page", "network mastodon", "network misskey"] {
            assert!(measured.contains(reader), "{measured:?}");
        }
    }
}

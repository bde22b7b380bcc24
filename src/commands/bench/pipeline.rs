//! `aotf bench pipeline`: the real daemon against the demo world, measured from outside: memory of each
//! process at rest, posts indexed per second, latency of queries over indexed accounts.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::park_timeout;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;
use serde_json::Value;

use super::report::report;
use crate::demo::folder::Folder;
use crate::demo::world::crowd::{Artist, Misses};
use crate::demo::world::facts::{AccountState, Facts};
use crate::demo::world::picture::Picture;
use crate::demo::world::{Options, World};

/// The daemon gets ready in a fraction of a second; machines under load take longer.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// One query, or one scan.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(120);
/// Steps whose time passes outside the daemon's own code: pages, look-ups, the image's download.
const OUTSIDE: [&str; 3] = ["link_finder: work", "lookup: work", "reverse search: download"];

/// What to measure.
#[derive(Debug, Args)]
pub struct PipelineArgs {
    /// Queries over an indexed account
    #[arg(long, default_value_t = 200)]
    queries: u32,
    /// Milliseconds that the world waits before each of its answers
    #[arg(long, default_value_t = 0)]
    latency_ms: u64,
    /// Instead: one scan of a made-up account with so many posts, one in five with an image
    #[arg(long)]
    posts: Option<usize>,
    /// Without the second that X demands between two searches
    #[arg(long)]
    unpaced: bool,
    /// One JSON object instead of a table
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    memory_at_rest: Vec<Memory>,
    /// Sum over the tree; shared pages are counted once in `pss`, and once per process in `rss`.
    memory_at_rest_pss_kib: u64,
    memory_at_rest_rss_kib: u64,
    posts_indexed: u64,
    indexing_seconds: f64,
    posts_per_second: f64,
    /// Processor time of the whole tree (the world's own, which draws the pictures, left out).
    posts_per_cpu_second: f64,
    queries: u32,
    query_median_ms: f64,
    query_p99_ms: f64,
    /// The mean time of a query's parts that pass outside the daemon's own code.
    outside_mean_ms: f64,
    /// What is left of the mean.
    inside_mean_ms: f64,
}

#[derive(Debug, Serialize)]
struct Memory {
    role: String,
    rss_kib: u64,
    pss_kib: u64,
}

/// Ends the daemon with the measurement, however that ends.
pub(super) struct Daemon(pub(super) Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Measures and prints.
///
/// # Errors
/// The world or the daemon could not be started, or did not answer.
pub fn run(args: &PipelineArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let options = Options { latency: Duration::from_millis(args.latency_ms) };
    let world = World::start_with(options, |facts| {
        if let Some(posts) = args.posts {
            add_account(facts, posts);
        }
    })?;
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let folder = Folder::create(None)?;
    folder.fill(&world, port, None)?;
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let log = folder.create_log()?;
    let daemon = Daemon(
        program(&folder.settings(), &["serve", "--no-console", "--die-with-parent"])
            .env("AOTF_TWITTER__BUDGET__DAILY_USD", "0")
            .env("AOTF_TWITTER__BUDGET__MONTHLY_USD", "0")
            .env("AOTF_TWITTER__SEARCH_INTERVAL_MS", if args.unpaced { "0" } else { "1000" })
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?,
    );
    wait_until_ready(address, &folder)?;
    if args.posts.is_some() {
        world.draw_all();
        let scan = one_scan(&world, &folder, daemon.0.id())?;
        return Ok(report(&scan, args.json, out, show_scan)?);
    }
    let memory_at_rest = memory(daemon.0.id())?;

    let case = world.known().into_iter().find(|case| case.url().is_some());
    let url = case.as_ref().and_then(|case| case.url()).unwrap_or_default().to_owned();
    // Pictures are drawn when first asked for; that is the world's work, done before the clock runs.
    world.draw_all();
    let before = cpu_seconds(daemon.0.id())?;
    let begun = Instant::now();
    for account in &world.facts().accounts {
        if account.state == AccountState::Open {
            let output =
                program(&folder.settings(), &["scan", account.handle, "--wait", "--quiet"]).output()?;
            anyhow::ensure!(output.status.success(), "the scan of @{} failed", account.handle);
        }
    }
    let indexing = begun.elapsed().as_secs_f64();
    let cpu = cpu_seconds(daemon.0.id())? - before;
    let posts_indexed = ask(&folder.settings(), "stats")?["indexed_tweets_count"].as_u64().unwrap_or(0);

    // A warm-up, then the difference of the measured steps.
    query(address, &url)?;
    let first = outside_micros(&ask(&folder.settings(), "metrics")?);
    let mut times = Vec::new();
    for number in 0..args.queries.max(1) {
        // Another fragment is another query for the same page.
        let begun = Instant::now();
        query(address, &format!("{url}#{number}"))?;
        times.push(begun.elapsed().as_secs_f64() * 1000.0);
    }
    let outside = outside_micros(&ask(&folder.settings(), "metrics")?).saturating_sub(first);
    let outside_mean_ms = outside as f64 / 1000.0 / f64::from(args.queries.max(1));
    let mean = times.iter().sum::<f64>() / times.len() as f64;
    times.sort_by(f64::total_cmp);

    let measured = Report {
        memory_at_rest_pss_kib: memory_at_rest.iter().map(|memory| memory.pss_kib).sum(),
        memory_at_rest_rss_kib: memory_at_rest.iter().map(|memory| memory.rss_kib).sum(),
        memory_at_rest,
        posts_indexed,
        indexing_seconds: indexing,
        posts_per_second: posts_indexed as f64 / indexing,
        posts_per_cpu_second: posts_indexed as f64 / cpu.max(0.01),
        queries: args.queries,
        query_median_ms: times[times.len() / 2],
        query_p99_ms: times[(times.len() * 99 / 100).min(times.len() - 1)],
        outside_mean_ms,
        inside_mean_ms: (mean - outside_mean_ms).max(0.0),
    };
    Ok(report(&measured, args.json, out, show)?)
}

fn show(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "memory at rest          RSS KiB  PSS KiB")?;
    for memory in &report.memory_at_rest {
        writeln!(out, "  {:<20} {:>8} {:>8}", memory.role, memory.rss_kib, memory.pss_kib)?;
    }
    let (rss, pss) = (report.memory_at_rest_rss_kib, report.memory_at_rest_pss_kib);
    writeln!(out, "  {:<20} {rss:>8} {pss:>8}", "whole tree")?;
    writeln!(
        out,
        "\nindexing                {} posts in {:.2} s: {:.0} posts/s, {:.0} posts per second of processor time",
        report.posts_indexed, report.indexing_seconds, report.posts_per_second, report.posts_per_cpu_second
    )?;
    writeln!(
        out,
        "\nqueries, indexed        median {:.1} ms, p99 {:.1} ms over {} queries",
        report.query_median_ms, report.query_p99_ms, report.queries
    )?;
    writeln!(
        out,
        "  of the mean           {:.1} ms for pages, look-ups and the image; {:.1} ms in the daemon itself",
        report.outside_mean_ms, report.inside_mean_ms
    )
}

/// The account that is scanned.
const SCANNED: &str = "bench_pipeline";
/// Different pictures of its posts: drawing one for each would measure the world.
const PICTURES: usize = 200;
/// Between two looks at the memory.
const LOOK: Duration = Duration::from_millis(100);

/// One scan, from nothing.
#[derive(Debug, Serialize)]
struct ScanReport {
    posts: u64,
    with_images: u64,
    seconds: f64,
    /// Posts with images, listed, downloaded, fingerprinted and stored.
    posts_per_second: f64,
    posts_per_cpu_second: f64,
    cores: usize,
    /// What was the limit: `processor`, or `waiting for X and the image hosts`.
    limit: &'static str,
    processes: Vec<ProcessReport>,
}

#[derive(Clone, Debug, Default, Serialize)]
struct ProcessReport {
    role: String,
    /// Processor time during the scan.
    cpu_seconds: f64,
    /// At its most: with all that is mapped or shared, such as the index; and of its own.
    peak_resident_kib: u64,
    peak_private_kib: u64,
}

fn add_account(facts: &mut Facts, posts: usize) {
    let (id, handle, misses) = (8_000_000_001, SCANNED, Misses::Random(0.0));
    let first = facts.media.len();
    Artist { id, handle, posts, one_image_in: 5, misses, seed: 1 }.add_to(facts);
    for (number, media) in facts.media.iter_mut().skip(first).enumerate() {
        media.picture = Picture::Drawn((number % PICTURES) as u64);
    }
}

fn one_scan(world: &World, folder: &Folder, root: u32) -> anyhow::Result<ScanReport> {
    let facts = world.facts();
    let author = facts.account_by_handle(SCANNED).ok_or_else(|| anyhow::anyhow!("no such account"))?;
    let posts = facts.posts_of(author).count() as u64;
    let with_images = facts.posts_of(author).filter(|post| !post.media.is_empty()).count() as u64;
    let tree = tree(root)?;
    let own = std::process::id();
    let cpu = |pid: u32| process_cpu_seconds(pid);
    let before: BTreeMap<u32, f64> =
        tree.keys().chain([&own]).map(|pid| Ok((*pid, cpu(*pid)?))).collect::<io::Result<_>>()?;
    let mut processes: BTreeMap<u32, ProcessReport> =
        tree.into_iter().map(|(pid, role)| (pid, ProcessReport { role, ..Default::default() })).collect();
    let begun = Instant::now();
    let mut scan = program(&folder.settings(), &["scan", SCANNED, "--wait", "--quiet"]).spawn()?;
    let status = loop {
        // X's windows are not what is measured; its pace is.
        world.renew_limits();
        for (pid, process) in &mut processes {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            process.peak_private_kib = process.peak_private_kib.max(kib(&status, "RssAnon:"));
            process.peak_resident_kib = process.peak_resident_kib.max(kib(&status, "VmHWM:"));
        }
        if let Some(status) = scan.try_wait()? {
            break status;
        }
        park_timeout(LOOK);
    };
    let seconds = begun.elapsed().as_secs_f64();
    if !status.success() {
        return Err(folder.log_tail()).context("the scan failed; the daemon's last lines");
    }
    let stored = ask(&folder.settings(), "stats")?["indexed_tweets_count"].as_u64().unwrap_or(0);
    anyhow::ensure!(stored == with_images, "{stored} of {with_images} posts with images were stored");
    let spent = |pid: u32| Ok::<_, io::Error>(cpu(pid)? - before.get(&pid).copied().unwrap_or(0.0));
    let world_seconds = spent(own)?;
    for (pid, process) in &mut processes {
        process.cpu_seconds = spent(*pid)?;
    }
    let daemon_seconds: f64 = processes.values().map(|process| process.cpu_seconds).sum();
    let cores = std::thread::available_parallelism()?.get();
    let mut processes: Vec<ProcessReport> = processes.into_values().collect();
    let role = "the world (this bench)".to_owned();
    processes.push(ProcessReport { role, cpu_seconds: world_seconds, ..Default::default() });
    // What others do on the machine is in the time, not in these: a share below this is waiting.
    let busy = (daemon_seconds + world_seconds) / seconds / cores as f64;
    Ok(ScanReport {
        posts,
        with_images,
        seconds,
        posts_per_second: with_images as f64 / seconds,
        posts_per_cpu_second: with_images as f64 / daemon_seconds.max(0.01),
        cores,
        limit: if busy > 0.6 { "processor" } else { "waiting for X and the image hosts" },
        processes,
    })
}

fn show_scan(report: &ScanReport, out: &mut dyn Write) -> io::Result<()> {
    let ScanReport {
        posts, with_images, seconds, posts_per_second, posts_per_cpu_second, cores, limit, ..
    } = report;
    writeln!(
        out,
        "{posts} posts, {with_images} with images, in {seconds:.1} s: {posts_per_second:.0} posts/s"
    )?;
    writeln!(
        out,
        "{posts_per_cpu_second:.0} posts per second of the daemon's processor time; {cores} cores"
    )?;
    writeln!(
        out,
        "the limit: {limit}\n\n{:<24} {:>8} {:>14} {:>13}",
        "", "CPU s", "resident KiB", "private KiB"
    )?;
    for process in &report.processes {
        writeln!(
            out,
            "{:<24} {:>8.1} {:>14} {:>13}",
            process.role, process.cpu_seconds, process.peak_resident_kib, process.peak_private_kib
        )?;
    }
    Ok(())
}

/// A line of `/proc/PID/status` in KiB.
fn kib(status: &str, name: &str) -> u64 {
    let line = status.lines().find(|line| line.starts_with(name));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or(0)
}

/// This program, with a command against the daemon of this configuration.
pub(super) fn program(settings: &Path, words: &[&str]) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.args(words).arg("--config").arg(settings).stdin(Stdio::null());
    command
}

/// A figure of the daemon as JSON.
fn ask(settings: &Path, name: &str) -> anyhow::Result<Value> {
    let output = program(settings, &[name, "--json"]).output()?;
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn outside_micros(metrics: &Value) -> u64 {
    let rows = metrics.as_array().or_else(|| metrics["metrics"].as_array());
    rows.into_iter()
        .flatten()
        .filter(|row| row["step"].as_str().is_some_and(|step| OUTSIDE.contains(&step)))
        .map(|row| row["count"].as_u64().unwrap_or(0) * row["mean_micros"].as_u64().unwrap_or(0))
        .sum()
}

pub(super) fn wait_until_ready(address: SocketAddr, folder: &Folder) -> anyhow::Result<()> {
    let deadline = Instant::now() + READY_WITHIN;
    while Instant::now() < deadline {
        if get(address, "/readyz").is_ok_and(|mut reader| {
            let mut line = String::new();
            reader.read_line(&mut line).is_ok() && line.contains(" 200 ")
        }) {
            return Ok(());
        }
        park_timeout(Duration::from_millis(10));
    }
    Err(folder.log_tail()).context("the daemon does not get ready; its last lines")
}

/// Starts a query and follows its events to the end.
pub(super) fn query(address: SocketAddr, url: &str) -> anyhow::Result<()> {
    let encoded: String = url::form_urlencoded::byte_serialize(url.as_bytes()).collect();
    let mut events = String::new();
    get(address, &format!("/query/events?url={encoded}"))?.read_to_string(&mut events)?;
    anyhow::ensure!(events.contains("\"END\""), "the query did not end: {events}");
    anyhow::ensure!(events.contains("\"error\":null"), "the query failed: {events}");
    Ok(())
}

fn get(address: SocketAddr, target: &str) -> io::Result<BufReader<TcpStream>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(ANSWER_WITHIN))?;
    write!(stream, "GET {target} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
    Ok(BufReader::new(stream))
}

/// The root and its containers: pid and role.
pub(super) fn tree(root: u32) -> io::Result<BTreeMap<u32, String>> {
    let mut found = BTreeMap::from([(root, "root".to_owned())]);
    let children = fs::read_to_string(format!("/proc/{root}/task/{root}/children"))?;
    for pid in children.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()) {
        let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let role = line.split('\0').skip_while(|word| *word != "container").nth(1).unwrap_or("?");
        found.insert(pid, role.to_owned());
    }
    Ok(found)
}

fn memory(root: u32) -> io::Result<Vec<Memory>> {
    tree(root)?
        .into_iter()
        .map(|(pid, role)| {
            let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
            Ok(Memory { role, rss_kib: kib(&text, "Rss:"), pss_kib: kib(&text, "Pss:") })
        })
        .collect()
}

/// Processor time of the tree so far, user and system.
fn cpu_seconds(root: u32) -> io::Result<f64> {
    tree(root)?.into_keys().map(process_cpu_seconds).sum()
}

fn process_cpu_seconds(pid: u32) -> io::Result<f64> {
    /// What `/proc/PID/stat` counts in; fixed at 100 for programs on Linux.
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    // utime and stime are fields 14 and 15; the name is field 2.
    let ticks = after_name.split_whitespace().skip(11).take(2).filter_map(|n| n.parse::<u64>().ok());
    Ok(ticks.sum::<u64>() as f64 / TICKS_PER_SECOND)
}

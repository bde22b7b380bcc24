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

use clap::Args;
use serde::Serialize;
use serde_json::Value;

use super::folder::Folder;
use super::world::facts::AccountState;
use super::world::{Options, World};

/// The daemon gets ready in a fraction of a second; machines under load take longer.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// One query, or one scan.
const ANSWER_WITHIN: Duration = Duration::from_secs(120);
/// Steps whose time passes outside the daemon's own code: pages, look-ups, the image's download.
const OUTSIDE: [&str; 3] = ["link_finder: work", "lookup: work", "reverse search: download"];

/// What to measure.
#[derive(Debug, Args)]
pub struct BenchPipelineArgs {
    /// Queries over an indexed account
    #[arg(long, default_value_t = 200)]
    queries: u32,
    /// Milliseconds that the world waits before each of its answers
    #[arg(long, default_value_t = 0)]
    latency_ms: u64,
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
struct Daemon(Child);

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
pub fn run(args: &BenchPipelineArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let world = World::start(Options { latency: Duration::from_millis(args.latency_ms) })?;
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let folder = Folder::create(None)?;
    folder.fill(&world, port)?;
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let log = folder.create_log()?;
    let daemon = Daemon(
        program(&folder.settings(), &["serve", "--no-console", "--die-with-parent"])
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?,
    );
    wait_until_ready(address, &folder)?;
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

    let report = Report {
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
    if args.json {
        writeln!(out, "{}", serde_json::to_string(&report)?)?;
    } else {
        show(&report, out)?;
    }
    Ok(())
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

/// This program, with a command against the daemon of this configuration.
fn program(settings: &Path, words: &[&str]) -> Command {
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

fn wait_until_ready(address: SocketAddr, folder: &Folder) -> anyhow::Result<()> {
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
    anyhow::bail!("the daemon does not get ready\n{}", folder.log_tail())
}

/// Starts a query and follows its events to the end.
fn query(address: SocketAddr, url: &str) -> anyhow::Result<()> {
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
fn tree(root: u32) -> io::Result<BTreeMap<u32, String>> {
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
            let field = |name: &str| {
                let line = text.lines().find(|line| line.starts_with(name));
                line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or(0)
            };
            Ok(Memory { role, rss_kib: field("Rss:"), pss_kib: field("Pss:") })
        })
        .collect()
}

/// Processor time of the tree so far, user and system.
fn cpu_seconds(root: u32) -> io::Result<f64> {
    /// What `/proc/PID/stat` counts in; fixed at 100 for programs on Linux.
    const TICKS_PER_SECOND: f64 = 100.0;
    let mut ticks = 0;
    for pid in tree(root)?.into_keys() {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let after_name = stat.rsplit(')').next().unwrap_or_default();
        // utime and stime are fields 14 and 15; the name is field 2.
        ticks +=
            after_name.split_whitespace().skip(11).take(2).filter_map(|n| n.parse::<u64>().ok()).sum::<u64>();
    }
    Ok(ticks as f64 / TICKS_PER_SECOND)
}

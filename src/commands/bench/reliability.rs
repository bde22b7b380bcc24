//! `aotf bench reliability`: how long each role is missed after a SIGKILL, and what it costs that accepted
//! queries survive one.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::park_timeout;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;

use super::pipeline::{ANSWER_WITHIN, Daemon, program, tree, wait_until_ready};
use super::report::report;
use crate::base::unix_socket;
use crate::demo::folder::Folder;
use crate::demo::world::{Options, World};

/// Connections that ask at the same time.
const CLIENTS: u64 = 32;
/// A folder in memory, where a flush costs nothing.
const IN_MEMORY: &str = "/dev/shm";

/// What to measure.
#[derive(Debug, Args)]
pub struct ReliabilityArgs {
    /// How often each role is killed
    #[arg(long, default_value_t = 20)]
    kills: u32,
    /// Seconds for which queries are asked, with and without a disk
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// One JSON object instead of a table
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    recovery: Vec<Recovery>,
    /// Queries accepted per second, each written down and flushed before its answer.
    accepted_per_second: f64,
    accepted_median_ms: f64,
    /// The same with the data folder in memory; `None` where there is no such folder.
    without_disk_per_second: Option<f64>,
    without_disk_median_ms: Option<f64>,
}

#[derive(Debug, Serialize)]
struct Recovery {
    role: String,
    median_ms: f64,
    longest_ms: f64,
}

/// Measures and prints.
///
/// # Errors
/// The world or the daemon could not be started, or a role did not come back.
pub fn run(args: &ReliabilityArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let world = World::start(Options::default())?;
    let recovery = recovery(&world, args.kills)?;
    let length = Duration::from_secs(args.seconds.max(1));
    let (accepted_per_second, accepted_median_ms) = accept(&world, None, length)?;
    let memory = PathBuf::from(IN_MEMORY);
    let without = match memory.is_dir() {
        true => {
            let folder = tempfile::tempdir_in(memory)?;
            Some(accept(&world, Some(folder.path()), length)?)
        }
        false => None,
    };
    let measured = Report {
        recovery,
        accepted_per_second,
        accepted_median_ms,
        without_disk_per_second: without.map(|(rate, _)| rate),
        without_disk_median_ms: without.map(|(_, median)| median),
    };
    Ok(report(&measured, args.json, out, |measured, out| show(measured, args.kills, out))?)
}

fn show(measured: &Report, kills: u32, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "from SIGKILL until it serves again    median    longest of {kills}")?;
    for row in &measured.recovery {
        writeln!(out, "  {:<34} {:>6.0} ms {:>6.0} ms", row.role, row.median_ms, row.longest_ms)?;
    }
    writeln!(
        out,
        "\nqueries accepted and written down      {:.0}/s, median {:.1} ms",
        measured.accepted_per_second, measured.accepted_median_ms
    )?;
    if let (Some(rate), Some(median)) = (measured.without_disk_per_second, measured.without_disk_median_ms) {
        writeln!(out, "  the same without a disk              {rate:.0}/s, median {median:.1} ms")?;
    }
    Ok(())
}

/// A daemon of its own for the measurement.
struct Running {
    folder: Folder,
    address: SocketAddr,
    daemon: Daemon,
}

fn start(world: &World, place: Option<&Path>) -> anyhow::Result<Running> {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let folder = Folder::create(place)?;
    folder.fill(world, port, None)?;
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let log = folder.create_log()?;
    let daemon = program(&folder.settings(), &["serve", "--no-console", "--die-with-parent"])
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()?;
    wait_until_ready(address, &folder)?;
    Ok(Running { folder, address, daemon: Daemon(daemon) })
}

/// Each role is killed once in the life of a daemon: one that dies again soon is started again with a pause.
fn recovery(world: &World, kills: u32) -> anyhow::Result<Vec<Recovery>> {
    let mut times: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for _ in 0..kills.max(1) {
        let running = start(world, None)?;
        let root = running.daemon.0.id();
        wait_until_well(&running)?;
        let victims = tree(root)?.into_iter().filter(|(pid, _)| *pid != root);
        for (pid, role) in victims {
            let begun = Instant::now();
            std::process::Command::new("kill").args(["-KILL", &pid.to_string()]).status()?;
            let replaced = || {
                let now = tree(root).unwrap_or_default();
                !now.contains_key(&pid) && now.values().any(|name| *name == role)
            };
            while !replaced() {
                anyhow::ensure!(begun.elapsed() < ANSWER_WITHIN, "{role} does not come back");
                park_timeout(Duration::from_millis(1));
            }
            wait_until_well(&running)?;
            times.entry(role).or_default().push(begun.elapsed().as_secs_f64() * 1000.0);
        }
    }
    let rows = times.into_iter().map(|(role, mut times)| {
        times.sort_by(f64::total_cmp);
        let longest_ms = times.last().copied().unwrap_or_default();
        Recovery { role, median_ms: times[times.len() / 2], longest_ms }
    });
    Ok(rows.collect())
}

/// Until the broker answers that every role has its workers.
fn wait_until_well(running: &Running) -> anyhow::Result<()> {
    let socket = running.folder.settings().with_file_name("data").join("aotf.sock");
    let begun = Instant::now();
    let well = || -> std::io::Result<bool> {
        let mut stream = unix_socket::connect(&socket)?;
        stream.set_read_timeout(Some(ANSWER_WITHIN))?;
        stream.write_all(b"\"health\"\n")?;
        let mut reply = String::new();
        BufReader::new(stream).read_line(&mut reply)?;
        Ok(reply.trim() == "{\"health\":[]}")
    };
    // While the front is away there is nobody to ask.
    while !well().unwrap_or(false) {
        if begun.elapsed() >= ANSWER_WITHIN {
            return Err(running.folder.log_tail()).context("the daemon does not get well; its last lines");
        }
        park_timeout(Duration::from_millis(1));
    }
    Ok(())
}

/// Asks for pages that nobody has asked for, from several connections: accepted per second, and the median
/// time of an answer in milliseconds. The pages are of no known site, so that what follows costs little.
fn accept(world: &World, place: Option<&Path>, length: Duration) -> anyhow::Result<(f64, f64)> {
    let running = start(world, place)?;
    let number = AtomicU64::new(0);
    let begun = Instant::now();
    let times = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| scope.spawn(|| ask_until(running.address, &number, begun + length)))
            .collect();
        clients
            .into_iter()
            .map(|client| client.join().map_err(|_| std::io::Error::other("a client panicked"))?)
            .collect::<std::io::Result<Vec<Vec<f64>>>>()
    })?;
    let elapsed = begun.elapsed().as_secs_f64();
    let mut times = times.concat();
    times.sort_by(f64::total_cmp);
    if times.is_empty() {
        return Err(running.folder.log_tail()).context("no query was accepted; the daemon's last lines");
    }
    Ok((times.len() as f64 / elapsed, times[times.len() / 2]))
}

fn ask_until(address: SocketAddr, number: &AtomicU64, end: Instant) -> std::io::Result<Vec<f64>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(ANSWER_WITHIN))?;
    let mut answers = BufReader::new(stream.try_clone()?);
    let mut times = Vec::new();
    while Instant::now() < end {
        let begun = Instant::now();
        let page = number.fetch_add(1, Ordering::Relaxed);
        write!(
            stream,
            "GET /query?url=https%3A%2F%2Fnowhere.example%2F{page} HTTP/1.1\r\nhost: {address}\r\n\r\n"
        )?;
        let answer = read_answer(&mut answers)?;
        if answer.contains("\"status\":\"") {
            times.push(begun.elapsed().as_secs_f64() * 1000.0);
        }
    }
    Ok(times)
}

/// The body of one answer; the connection stays open.
fn read_answer(answers: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if answers.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    answers.read_exact(&mut body)?;
    Ok(String::from_utf8_lossy(&body).into_owned())
}

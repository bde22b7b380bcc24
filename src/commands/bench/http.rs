//! `aotf bench http`: requests per second and latency of the API beside a bare axum route, and what
//! open event streams cost. The load comes from this process, over kept connections on loopback.

use std::fs;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::pipeline::{Daemon, program, query, tree, wait_until_ready};
use super::report::report;
use crate::demo::folder::Folder;
use crate::demo::world::facts::{OpenNetwork, OpenState};
use crate::demo::world::{Options, World};

/// What to measure.
#[derive(Debug, Args)]
pub struct HttpArgs {
    /// Connections at the same time
    #[arg(long, default_value_t = 32)]
    connections: u32,
    /// Seconds for each measurement
    #[arg(long, default_value_t = 4)]
    seconds: u64,
    /// Event streams to hold open
    #[arg(long, default_value_t = 5000)]
    streams: u32,
    /// One JSON object instead of a table
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    routes: Vec<Route>,
    streams: u32,
    /// Resident memory of the process that serves, KiB.
    front_before_kib: u64,
    front_with_streams_kib: u64,
    /// Once they are closed.
    front_after_kib: u64,
}

#[derive(Debug, Serialize)]
struct Route {
    target: String,
    requests_per_second: f64,
    /// Of the bare route's.
    ratio: f64,
    /// At half of its own requests per second.
    p50_half_load_ms: f64,
    p99_half_load_ms: f64,
    response_bytes: usize,
}

/// What the routes are compared with answers this much, about a finished query's answer.
const BARE_BYTES: usize = 2048;

/// Measures and prints.
///
/// # Errors
/// The world or the daemon could not be started, or did not answer.
pub fn run(args: &HttpArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    raise_descriptor_limit();
    let world = World::start(Options::default())?;
    let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let folder = Folder::create(None)?;
    folder.fill(&world, port, None)?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let log = folder.create_log()?;
    let daemon = Daemon(
        program(&folder.settings(), &["serve", "--no-console", "--die-with-parent"])
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?,
    );
    wait_until_ready(address, &folder)?;
    let known = world.known();
    let page = known.iter().find_map(|case| case.url()).unwrap_or_default();
    query(address, page)?;
    let front = tree(daemon.0.id())?
        .into_iter()
        .find_map(|(pid, role)| (role == "front").then_some(pid))
        .ok_or_else(|| anyhow::anyhow!("there is no front process"))?;

    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    // As many threads as the daemon's front has.
    let bare_runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let bare = bare_runtime.block_on(serve_bare())?;
    let mut routes: Vec<Route> = Vec::new();
    let encoded: String = url::form_urlencoded::byte_serialize(page.as_bytes()).collect();
    let query_target = format!("/query?url={encoded}");
    let feed = watch_largest(&folder, &world)?;
    let entries = runtime.block_on(entries_of(address, &feed))?;
    let get = |target: &str| format!("GET {target} HTTP/1.1\r\nhost: a\r\n");
    let kept = get(&feed) + "if-none-match: *\r\n";
    for (name, server, request) in [
        ("bare axum route".to_owned(), bare, get("/")),
        ("GET /query, finished".to_owned(), address, get(&query_target)),
        ("GET /stats".to_owned(), address, get("/stats")),
        ("GET /config".to_owned(), address, get("/config")),
        (format!("a feed, {entries} entries"), address, get(&feed)),
        ("the same, not modified".to_owned(), address, kept),
    ] {
        let full = runtime.block_on(load(server, &request, args, None))?;
        let half = runtime.block_on(load(server, &request, args, Some(full.per_second / 2.0)))?;
        let of = routes.first().map_or(full.per_second, |bare| bare.requests_per_second);
        routes.push(Route {
            target: name,
            requests_per_second: full.per_second,
            ratio: full.per_second / of,
            p50_half_load_ms: half.percentile_ms(50),
            p99_half_load_ms: half.percentile_ms(99),
            response_bytes: full.response_bytes,
        });
    }
    let before = resident_kib(front)?;
    // A page that takes ten seconds: its query is open meanwhile.
    let slow = known.iter().find(|case| case.about.contains("ten seconds")).and_then(|case| case.url());
    let with_streams =
        runtime.block_on(hold_streams(address, slow.unwrap_or_default(), args.streams, front))?;
    let measured = Report {
        routes,
        streams: args.streams,
        front_before_kib: before,
        front_with_streams_kib: with_streams,
        front_after_kib: settled_kib(front)?,
    };
    Ok(report(&measured, args.json, out, show)?)
}

fn show(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "                        requests/s  of bare   half load: p50      p99   bytes")?;
    for route in &report.routes {
        writeln!(
            out,
            "{:<22} {:>11.0} {:>7.0} % {:>13.2} ms {:>5.2} ms {:>7}",
            route.target,
            route.requests_per_second,
            route.ratio * 100.0,
            route.p50_half_load_ms,
            route.p99_half_load_ms,
            route.response_bytes
        )?;
    }
    let (before, with) = (report.front_before_kib, report.front_with_streams_kib);
    let each = with.saturating_sub(before) as f64 / f64::from(report.streams.max(1));
    writeln!(
        out,
        "\n{} event streams: the front takes {with} KiB instead of {before} KiB, {each:.1} KiB a stream; \
         {} KiB when they are closed",
        report.streams, report.front_after_kib
    )
}

/// Watches the account of the world with most posts, all of them indexed; the address of its feed.
fn watch_largest(folder: &Folder, world: &World) -> anyhow::Result<String> {
    let accounts = world.facts().open_accounts.iter().filter(|account| account.state == OpenState::Open);
    let largest = accounts
        .filter(|account| account.network == OpenNetwork::Bluesky)
        .max_by_key(|account| account.posts);
    let largest = largest.ok_or_else(|| anyhow::anyhow!("the world has no account on Bluesky"))?;
    let run = |words: &[&str]| -> anyhow::Result<serde_json::Value> {
        let output = program(&folder.settings(), words).output()?;
        anyhow::ensure!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(serde_json::from_slice(&output.stdout)?)
    };
    run(&["scan", largest.handle, "--wait", "--json"])?;
    let watch = run(&["watch", largest.handle, "--json"])?;
    let feed = watch["feed"].as_str().ok_or_else(|| anyhow::anyhow!("a watch without a feed: {watch}"))?;
    Ok(format!("{feed}?entries=1000"))
}

/// How many entries the feed has, once it has any.
async fn entries_of(server: SocketAddr, feed: &str) -> anyhow::Result<usize> {
    for _ in 0..100 {
        let mut stream = TcpStream::connect(server).await?;
        let request = format!("GET {feed} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await?;
        let entries = String::from_utf8_lossy(&bytes).matches("<entry>").count();
        if entries > 0 {
            return Ok(entries);
        }
        // Its account is being looked up.
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    anyhow::bail!("the feed stayed empty")
}

async fn serve_bare() -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let body = "x".repeat(BARE_BYTES);
    let router = axum::Router::new().route("/", axum::routing::get(async move || body));
    tokio::spawn(async move {
        let builder = hyper::server::conn::http1::Builder::new();
        while let Ok((stream, _)) = listener.accept().await {
            let _ = stream.set_nodelay(true);
            let service = hyper_util::service::TowerToHyperService::new(router.clone());
            let connection = builder.serve_connection(hyper_util::rt::TokioIo::new(stream), service);
            tokio::spawn(async move {
                // A connection that breaks off is its client's affair.
                let _ = connection.await;
            });
        }
    });
    Ok(address)
}

struct Load {
    per_second: f64,
    /// Sorted.
    latencies_micros: Vec<u64>,
    response_bytes: usize,
}

impl Load {
    fn percentile_ms(&self, percent: usize) -> f64 {
        let last = self.latencies_micros.len().saturating_sub(1);
        let at = (self.latencies_micros.len() * percent / 100).min(last);
        self.latencies_micros.get(at).map_or(0.0, |micros| *micros as f64 / 1000.0)
    }
}

/// As many requests as the server answers, or `per_second` of them, spread evenly.
async fn load(
    server: SocketAddr,
    request: &str,
    args: &HttpArgs,
    per_second: Option<f64>,
) -> anyhow::Result<Load> {
    let begun = Instant::now();
    let until = begun + Duration::from_secs(args.seconds.max(1));
    let request = format!("{request}\r\n").into_bytes();
    let mut clients = JoinSet::new();
    let interval = per_second.map(|all| Duration::from_secs_f64(f64::from(args.connections) / all.max(1.0)));
    for number in 0..args.connections {
        let request = request.clone();
        // Not all at the same moment.
        let offset = interval.map(|interval| interval * number / args.connections);
        clients.spawn(async move {
            let mut stream = TcpStream::connect(server).await?;
            stream.set_nodelay(true)?;
            let (mut latencies, mut bytes, mut sent) = (Vec::new(), 0, 0);
            while Instant::now() < until {
                // A late answer does not excuse the requests that were due meanwhile: they count from when
                // they should have been sent.
                let mut due = Instant::now();
                if let (Some(interval), Some(offset)) = (interval, offset) {
                    due = begun + offset + interval * sent;
                    tokio::time::sleep_until(due.into()).await;
                }
                sent += 1;
                stream.write_all(&request).await?;
                bytes = read_response(&mut stream).await?;
                latencies.push(u64::try_from(due.elapsed().as_micros()).unwrap_or(u64::MAX));
            }
            Ok::<_, io::Error>((latencies, bytes))
        });
    }
    let (mut latencies, mut response_bytes) = (Vec::new(), 0);
    while let Some(ended) = clients.join_next().await {
        let (some, bytes) = ended??;
        latencies.extend(some);
        response_bytes = bytes;
    }
    latencies.sort_unstable();
    let per_second = latencies.len() as f64 / begun.elapsed().as_secs_f64();
    Ok(Load { per_second, latencies_micros: latencies, response_bytes })
}

/// Reads one response that has a length; how long it was with its headers.
async fn read_response(stream: &mut TcpStream) -> io::Result<usize> {
    let mut bytes = vec![0; 16 * 1024];
    let mut filled = 0;
    loop {
        let read = stream.read(bytes.get_mut(filled..).unwrap_or_default()).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        filled += read;
        if let Some(whole) = whole_len(bytes.get(..filled).unwrap_or_default())?
            && filled >= whole
        {
            return Ok(whole);
        }
        if filled == bytes.len() {
            bytes.resize(filled * 2, 0);
        }
    }
}

/// Bytes of the response as soon as its headers are there.
fn whole_len(bytes: &[u8]) -> io::Result<Option<usize>> {
    let Some(end) = bytes.windows(4).position(|part| part == b"\r\n\r\n") else { return Ok(None) };
    let head = String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).to_ascii_lowercase();
    if head.starts_with("http/1.1 304") {
        return Ok(Some(end + 4));
    }
    if !head.starts_with("http/1.1 200") {
        return Err(io::Error::other(head.lines().next().unwrap_or_default().to_owned()));
    }
    let length =
        head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
    Ok(length.map(|length| end + 4 + length))
}

/// Opens the streams, waits until each has said something, and reads how much memory the server takes.
async fn hold_streams(server: SocketAddr, page: &str, count: u32, front: u32) -> anyhow::Result<u64> {
    let encoded: String = url::form_urlencoded::byte_serialize(page.as_bytes()).collect();
    let request = format!("GET /query/events?url={encoded} HTTP/1.1\r\nhost: a\r\n\r\n").into_bytes();
    let mut streams = Vec::new();
    for _ in 0..count {
        let mut stream = TcpStream::connect(server).await?;
        stream.write_all(&request).await?;
        let mut heard = [0; 1024];
        let read = stream.read(&mut heard).await?;
        let said = String::from_utf8_lossy(heard.get(..read).unwrap_or_default());
        anyhow::ensure!(said.starts_with("HTTP/1.1 200"), "a stream was refused: {said}");
        streams.push(stream);
    }
    let resident = resident_kib(front)?;
    drop(streams);
    Ok(resident)
}

/// Resident memory once it has not changed for a second, or after ten.
fn settled_kib(pid: u32) -> io::Result<u64> {
    let mut last = resident_kib(pid)?;
    for _ in 0..10 {
        std::thread::park_timeout(Duration::from_secs(1));
        let now = resident_kib(pid)?;
        if now == last {
            break;
        }
        last = now;
    }
    Ok(last)
}

/// The streams need a descriptor each; the usual soft limit is 1024.
fn raise_descriptor_limit() {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let raised = rustix::process::Rlimit { current: limit.maximum, maximum: limit.maximum };
    // Where that is refused, opening the streams says what was too much.
    let _ = rustix::process::setrlimit(rustix::process::Resource::Nofile, raised);
}

fn resident_kib(pid: u32) -> io::Result<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    Ok(line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn responses_are_measured_whole() {
        let response = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";
        assert_eq!(whole_len(response).unwrap(), Some(response.len()));
        assert_eq!(whole_len(&response[..20]).unwrap(), None);
        let not_modified = b"HTTP/1.1 304 Not Modified\r\netag: \"a\"\r\n\r\n";
        assert_eq!(whole_len(not_modified).unwrap(), Some(not_modified.len()));
        assert!(whole_len(b"HTTP/1.1 429 Too Many\r\n\r\n").is_err());
    }

    #[test]
    fn percentiles_of_few_values() {
        let load = |latencies_micros| Load { per_second: 1.0, latencies_micros, response_bytes: 0 };
        assert_eq!(load(vec![]).percentile_ms(99), 0.0);
        assert_eq!(load(vec![1000, 2000, 5000]).percentile_ms(99), 5.0);
        assert_eq!(load(vec![1000, 2000, 5000]).percentile_ms(50), 2.0);
    }
}

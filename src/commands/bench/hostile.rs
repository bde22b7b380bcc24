//! `aotf bench hostile`: what an honest client waits for a trivial query, alone and beside each attack of
//! another client: the real daemon against the demo world, each attack with a daemon of its own, alone and
//! beside in turns.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::park_timeout;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use serde::Serialize;

use super::pipeline::{ANSWER_WITHIN, Daemon, program, wait_until_ready};
use super::report::report;
use crate::demo::folder::Folder;
use crate::demo::world::cases::Expect;
use crate::demo::world::hostile::Hostile;
use crate::demo::world::{Options, World};

/// What is added to the time of a trivial query at the most: the goal.
const GOAL_MS: f64 = 2000.0;

#[derive(Debug, Args)]
pub struct HostileArgs {
    /// Queries of the honest client, alone, and as many beside each attack
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..))]
    queries: u32,
    /// Only attacks whose names hold this
    #[arg(long, default_value = "")]
    attack: String,
    /// One JSON object per line instead of a table
    #[arg(long)]
    json: bool,
}

/// Clients as the proxy before the daemon names them.
const HONEST: &str = "192.0.2.1";
const HOSTILE: &str = "198.51.100.1";

/// The networks that the honest client asks for. X is none of them: its own limit of look-ups (300 in 15
/// minutes) would be what is measured.
const NETWORKS: &str = "bluesky,mastodon";

struct Attack {
    name: &'static str,
    /// The hosts that are hostile, and how. None is one that the honest client's query needs: ArtStation's,
    /// Bluesky's.
    hosts: &'static [(&'static str, Hostile)],
    /// Pages that the hostile client asks for, as many at once as it may.
    pages: &'static [&'static str],
    /// Accounts that it has scanned, by the commands that start a scan.
    accounts: &'static [&'static str],
    /// Connections that it opens and leaves, each with half a request.
    connections: usize,
}

const NOTHING: Attack = Attack { name: "", hosts: &[], pages: &[], accounts: &[], connections: 0 };

/// Links to as many pages as there is room for.
const HEAVY: Hostile = Hostile::Page("links to pages, each another", 10 << 20);

const ATTACKS: &[Attack] = &[
    Attack {
        name: "ten queries of link pages of 10 MiB",
        hosts: &[("demo-maple.carrd.co", HEAVY), ("ko-fi.com", HEAVY)],
        pages: &["www.artstation.com"],
        ..NOTHING
    },
    Attack {
        name: "ten queries of answers of 10 MiB",
        hosts: &[("www.pixiv.net", Hostile::Page("json: each text of addresses", 10 << 20))],
        pages: &["www.pixiv.net"],
        ..NOTHING
    },
    Attack {
        name: "ten queries of silent pages",
        hosts: &[("www.pixiv.net", Hostile::Silent)],
        pages: &["www.pixiv.net"],
        ..NOTHING
    },
    Attack {
        name: "ten queries of silent link pages",
        hosts: &[
            ("demo-maple.carrd.co", Hostile::Silent),
            ("ko-fi.com", Hostile::Silent),
            ("lit.link", Hostile::Silent),
            ("skeb.jp", Hostile::Silent),
            ("api.potofu.me", Hostile::Silent),
        ],
        pages: &["www.artstation.com"],
        ..NOTHING
    },
    Attack {
        name: "ten queries of compressed floods",
        hosts: &[("www.pixiv.net", Hostile::Gzip)],
        pages: &["www.pixiv.net"],
        ..NOTHING
    },
    Attack {
        name: "ten queries of slow images",
        hosts: &[("i.pximg.net", Hostile::Slow(20_000))],
        pages: &["www.pixiv.net"],
        ..NOTHING
    },
    Attack {
        name: "accounts without an end",
        hosts: &[("mastodon.art", Hostile::EndlessPosts(40)), ("api.x.com", Hostile::EndlessPosts(100))],
        accounts: &["@demo_atlas@mastodon.art", "@demo_rowan@mastodon.art", "demo_hazel", "demo_juniper"],
        ..NOTHING
    },
    Attack {
        name: "accounts without an end, their images slow",
        hosts: &[
            ("mastodon.art", Hostile::EndlessPosts(3000)),
            ("files.mastodon.art", Hostile::Slow(20_000)),
        ],
        accounts: &["@demo_atlas@mastodon.art", "@demo_rowan@mastodon.art"],
        ..NOTHING
    },
    Attack { name: "two hundred half requests", connections: 200, ..NOTHING },
];

/// Times in milliseconds.
#[derive(Debug, Serialize)]
struct Row {
    attack: &'static str,
    alone_median_ms: f64,
    alone_worst_ms: f64,
    beside_median_ms: f64,
    beside_worst_ms: f64,
    /// The difference of the two worst.
    added_ms: f64,
    /// Queries of the hostile client that ended meanwhile.
    hostile_ended: u64,
}

/// Measures and prints. Takes about a minute.
///
/// # Errors
/// The world or the daemon could not be started, or an honest query failed.
pub fn run(args: &HostileArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    if !args.json {
        writeln!(out, "A trivial query of an honest client, {} times: milliseconds\n", args.queries)?;
        writeln!(
            out,
            "{:<44} {:>8} {:>8} {:>9} {:>8} {:>8}",
            "beside", "alone", "worst", "beside", "worst", "added"
        )?;
    }
    let mut worst: f64 = 0.0;
    for attack in ATTACKS.iter().filter(|attack| attack.name.contains(&args.attack)) {
        let row = measure(attack, args.queries)?;
        worst = worst.max(row.added_ms);
        report(&row, args.json, out, show)?;
    }
    if !args.json {
        writeln!(out, "\nThe most that an attack adds: {worst:.0} ms; the goal is {GOAL_MS:.0}")?;
    }
    Ok(())
}

fn show(row: &Row, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "{:<44} {:>8.0} {:>8.0} {:>9.0} {:>8.0} {:>8.0}",
        row.attack,
        row.alone_median_ms,
        row.alone_worst_ms,
        row.beside_median_ms,
        row.beside_worst_ms,
        row.added_ms
    )
}

fn measure(attack: &Attack, queries: u32) -> anyhow::Result<Row> {
    let world = World::start(Options::default())?;
    world.draw_all();
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let folder = Folder::create(None)?;
    folder.fill(&world, port, None)?;
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let log = folder.create_log()?;
    let _daemon = Daemon(
        program(&folder.settings(), &["serve", "--no-console", "--die-with-parent"])
            .env("AOTF_TWITTER__BUDGET__DAILY_USD", "0")
            .env("AOTF_TWITTER__BUDGET__MONTHLY_USD", "0")
            .env("AOTF_TWITTER__SEARCH_INTERVAL_MS", "0")
            .env("AOTF_LIMITS__MAX_PROCESSING_REQUESTS_PER_IP", "10")
            .env("AOTF_LIMITS__REQUESTS_PER_SECOND", "1000")
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?,
    );
    wait_until_ready(address, &folder)?;
    let found = world.known().into_iter().filter(|case| matches!(case.expect, Expect::Post { .. }));
    let urls: Vec<String> = found.filter_map(|case| case.url().map(str::to_owned)).collect();
    let hostile_pages: Vec<&String> =
        urls.iter().filter(|url| attack.pages.iter().any(|host| url.contains(host))).collect();
    let honest = world.known().into_iter().find_map(|case| match &case.expect {
        Expect::Elsewhere { network: "bluesky", post, .. } => {
            let post = post.rsplit('/').next().unwrap_or(post).to_owned();
            case.url().map(|url| (url.to_owned(), post))
        }
        _ => None,
    });
    let (honest, post) = honest.context("the world has no page for the honest client")?;
    // The artist is indexed: what follows is trivial.
    let told = |error: anyhow::Error| {
        let why = format!("{error:#}; the daemon's last lines");
        anyhow::Error::new(folder.log_tail()).context(why)
    };
    query(address, &honest, &post).map_err(told)?;
    let number = AtomicU64::new(0);
    let ask = || -> anyhow::Result<f64> {
        // Another fragment is another query for the same page.
        let url = format!("{honest}#{}", number.fetch_add(1, Ordering::Relaxed));
        let begun = Instant::now();
        query(address, &url, &post).map_err(told)?;
        Ok(begun.elapsed().as_secs_f64() * 1000.0)
    };
    let mut alone = (0..queries).map(|_| ask()).collect::<anyhow::Result<Vec<f64>>>()?;
    for (host, what) in attack.hosts {
        world.set_hostile(host, Some(*what));
    }
    for account in attack.accounts {
        let begun = program(&folder.settings(), &["scan", account]).stdout(Stdio::null()).status()?;
        if !begun.success() {
            return Err(folder.log_tail())
                .context(format!("the scan of {account} did not begin; last lines"));
        }
    }
    let over = AtomicBool::new(false);
    let ended = AtomicU64::new(0);
    let mut beside = std::thread::scope(|scope| -> anyhow::Result<Vec<f64>> {
        // Ends the hostile clients however the measurement ends.
        let _end = End(&over);
        let mut half = Vec::new();
        for _ in 0..attack.connections {
            let mut stream = TcpStream::connect(address)?;
            write!(stream, "GET /query?url=x HTTP/1.1\r\nhost: ")?;
            half.push(stream);
        }
        // More than it may have at work: it asks again as soon as one ends.
        for client in 0..if hostile_pages.is_empty() { 0 } else { 10 } {
            let (pages, over, ended) = (&hostile_pages, &over, &ended);
            scope.spawn(move || {
                for round in 0.. {
                    if over.load(Ordering::Relaxed) {
                        return;
                    }
                    let page = pages[(client + round) % pages.len()];
                    let url = format!("{page}#hostile-{client}-{round}");
                    if follow(address, HOSTILE, &url, over).is_err() {
                        park_timeout(Duration::from_millis(100));
                    }
                    ended.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        // Until the attack stands.
        park_timeout(Duration::from_secs(2));
        let beside = (0..queries).map(|_| ask()).collect();
        drop(half);
        beside
    })?;
    alone.sort_by(f64::total_cmp);
    beside.sort_by(f64::total_cmp);
    let median = |times: &[f64]| times.get(times.len() / 2).copied().unwrap_or_default();
    let worst = |times: &[f64]| times.last().copied().unwrap_or_default();
    Ok(Row {
        attack: attack.name,
        alone_median_ms: median(&alone),
        alone_worst_ms: worst(&alone),
        beside_median_ms: median(&beside),
        beside_worst_ms: worst(&beside),
        added_ms: (worst(&beside) - worst(&alone)).max(0.0),
        hostile_ended: ended.load(Ordering::Relaxed),
    })
}

struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The events of a query, as they come. `networks` is empty for all.
fn events(address: SocketAddr, client: &str, networks: &str, url: &str) -> io::Result<BufReader<TcpStream>> {
    let encoded: String = url::form_urlencoded::byte_serialize(url.as_bytes()).collect();
    let networks = if networks.is_empty() { String::new() } else { format!("networks={networks}&") };
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    write!(
        stream,
        "GET /query/events?{networks}url={encoded} HTTP/1.1\r\nhost: {address}\r\nx-forwarded-for: {client}\r\n\
         connection: close\r\n\r\n"
    )?;
    Ok(BufReader::new(stream))
}

/// Follows the honest client's query to its end, which must name the post.
fn query(address: SocketAddr, url: &str, post: &str) -> anyhow::Result<()> {
    let begun = Instant::now();
    let mut told = String::new();
    let mut events = events(address, HONEST, NETWORKS, url)?;
    loop {
        // The events go on while the query waits, so the time of one reading says nothing.
        let left = ANSWER_WITHIN.saturating_sub(begun.elapsed());
        anyhow::ensure!(!left.is_zero(), "{url} has no answer within {} s: {told}", ANSWER_WITHIN.as_secs());
        events.get_ref().set_read_timeout(Some(left))?;
        match events.read_line(&mut told) {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
            Err(error) => return Err(error.into()),
        }
    }
    anyhow::ensure!(told.contains("\"END\"") && told.contains("\"error\":null"), "{url} failed: {told}");
    anyhow::ensure!(told.contains(post), "{url} did not find {post}: {told}");
    Ok(())
}

/// Follows a query to its end, whatever that is, or until all is over.
fn follow(address: SocketAddr, client: &str, url: &str, over: &AtomicBool) -> io::Result<()> {
    let mut events = events(address, client, "", url)?;
    events.get_ref().set_read_timeout(Some(Duration::from_millis(500)))?;
    let mut line = String::new();
    loop {
        if over.load(Ordering::Relaxed) {
            return Ok(());
        }
        match events.read_line(&mut line) {
            Ok(0) => return if line.contains("\"END\"") { Ok(()) } else { Err(io::ErrorKind::Other.into()) },
            Ok(_) => {}
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
            Err(error) => return Err(error),
        }
    }
}

//! `aotf bench networks`: what listing an account of 5,000 posts costs on the networks that can be read
//! without a key, against the least number of pages, in the demo world.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use serde::Serialize;

use super::report::report;
use crate::base::Timestamp;
use crate::base::ids::Network;
use crate::config::Settings;
use crate::demo::world::{Endpoint, Options, World};
use crate::domain::accounts::{Account, AccountRef, ResolutionOutcome};
use crate::domain::scans::Cursor;
use crate::fetch::{Fetch, HttpFetch, Request};
use crate::networks::bluesky::BlueskyClient;
use crate::networks::mastodon::MastodonClient;
use crate::networks::misskey::MisskeyClient;
use crate::networks::{NetworkClient, Stopping, Waiter};

#[derive(Debug, Args)]
pub struct NetworksArgs {
    /// Milliseconds that the world waits before each of its answers
    #[arg(long, default_value_t = 50)]
    latency_ms: u64,
    /// Download the images, too, as indexing does
    #[arg(long)]
    images: bool,
    /// One JSON object per line instead of a table
    #[arg(long)]
    json: bool,
}

/// The account of each network, and how many posts fit on one of its pages.
const ACCOUNTS: [(Network, &str, u64); 3] = [
    (Network::Bluesky, "demo-atlas.bsky.social", 100),
    (Network::Mastodon, "demo_atlas@mastodon.art", 40),
    (Network::Misskey, "demo_atlas@demo-misskey.example", 100),
];

#[derive(Debug, Serialize)]
struct Row {
    network: Network,
    posts: u64,
    with_images: u64,
    images: u64,
    requests: u64,
    /// The posts of the account, divided by what fits on a page.
    least_pages: u64,
    seconds: f64,
    /// As long as the least number of pages takes when one is asked for after the other.
    least_seconds: f64,
    /// With `--images`.
    images_seconds: Option<f64>,
}

/// Measures and prints.
///
/// # Errors
/// The world could not be started, or a listing failed.
pub fn run(args: &NetworksArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let latency = Duration::from_millis(args.latency_ms);
    let world = World::start(Options { latency })?;
    let mut settings = Settings::default();
    settings.fetch.max_per_second_per_host = 10_000;
    settings.fetch.max_concurrent_per_host = 32;
    let fetch = Arc::new(HttpFetch::start(&settings.fetch, &world.upstreams())?);
    let waiter: Arc<dyn Waiter> = Arc::new(Sleep);
    let bluesky = BlueskyClient::new(Arc::clone(&fetch) as _, &settings.bluesky, Arc::clone(&waiter));
    let mastodon = MastodonClient::new(Arc::clone(&fetch) as _, &settings.mastodon, Arc::clone(&waiter));
    let misskey = MisskeyClient::new(Arc::clone(&fetch) as _, &settings.misskey, waiter);
    if !args.json {
        writeln!(
            out,
            "An account of 5,000 posts, {} ms before each answer\n\n{:<10} {:>7} {:>8} {:>8} {:>10} {:>8} {:>8} {:>9}",
            args.latency_ms, "", "images", "requests", "at least", "ratio", "seconds", "at least", "images s"
        )?;
    }
    for (network, handle, page) in ACCOUNTS {
        let client: &dyn NetworkClient = match network {
            Network::Mastodon => &mastodon,
            Network::Misskey => &misskey,
            Network::Bluesky | Network::Twitter => &bluesky,
        };
        let asked = AccountRef::Handle { network, handle: handle.to_owned() };
        let resolved = client.resolve(std::slice::from_ref(&asked))?.into_iter().next();
        let Some(ResolutionOutcome::Readable(account)) = resolved.map(|one| one.outcome) else {
            anyhow::bail!("{handle} cannot be read");
        };
        let posts = account.posts.context("the network does not tell how many posts there are")?;
        let row = measure(client, &account, posts.div_ceil(page), args, &world, &*fetch)?;
        report(&row, args.json, out, show)?;
    }
    Ok(())
}

fn measure(
    client: &dyn NetworkClient,
    account: &Account,
    least_pages: u64,
    args: &NetworksArgs,
    world: &World,
    fetch: &dyn Fetch,
) -> anyhow::Result<Row> {
    let served = || -> u64 {
        let listing = [
            Endpoint::BlueskyFeed,
            Endpoint::MastodonAccounts,
            Endpoint::MastodonStatuses,
            Endpoint::MisskeyAccounts,
            Endpoint::MisskeyNotes,
        ];
        listing.into_iter().map(|endpoint| world.served(endpoint)).sum()
    };
    let before = served();
    let begun = Instant::now();
    let (mut with_images, mut urls) = (0, Vec::new());
    let end = client.list_posts(account, &Cursor::Search(None), &mut |posts| {
        with_images += posts.len() as u64;
        urls.extend(posts.into_iter().flat_map(|post| post.images).map(|image| image.url));
        ControlFlow::Continue(())
    })?;
    let seconds = begun.elapsed().as_secs_f64();
    let requests = served() - before;
    let images = urls.len() as u64;
    let images_seconds = if args.images { Some(download(urls, fetch)?) } else { None };
    Ok(Row {
        network: client.network(),
        posts: end.posts_read,
        with_images,
        images,
        requests,
        least_pages,
        seconds,
        least_seconds: (least_pages * args.latency_ms) as f64 / 1000.0,
        images_seconds,
    })
}

/// Fetches all, some at once; the world draws each picture when it is first asked for.
fn download(urls: Vec<String>, fetch: &dyn Fetch) -> anyhow::Result<f64> {
    let begun = Instant::now();
    for part in urls.chunks(64) {
        let requests: Result<Vec<Request>, _> =
            part.iter().map(|url| Ok(Request::get(url.parse()?))).collect();
        let requests =
            requests.map_err(|error: url::ParseError| anyhow::anyhow!("an image has no address: {error}"))?;
        for answer in fetch.fetch_all(requests) {
            answer?;
        }
    }
    Ok(begun.elapsed().as_secs_f64())
}

fn show(row: &Row, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "{:<10} {:>7} {:>8} {:>8} {:>10.2} {:>8.2} {:>8.2} {:>9}",
        row.network.as_str(),
        row.images,
        row.requests,
        row.least_pages,
        row.requests as f64 / row.least_pages as f64,
        row.seconds,
        row.least_seconds,
        row.images_seconds.map_or_else(String::new, |seconds| format!("{seconds:.1}"))
    )
}

/// Waits on its thread.
struct Sleep;

impl Waiter for Sleep {
    fn wait_until(&self, until: Timestamp, _: &str) -> Result<(), Stopping> {
        std::thread::park_timeout(until.since(Timestamp::now()));
        Ok(())
    }
}

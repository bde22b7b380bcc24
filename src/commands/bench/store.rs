//! `aotf bench store`: how fast a database takes posts, as the storekeeper writes them, and how fast it
//! gives back what the fingerprint index is made from at the start.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::Args;

use super::report::report;
use crate::base::ids::{AccountKey, ImageId, Network, PostKey};
use crate::base::{Fingerprint, Timestamp};
use crate::domain::accounts::Account;
use crate::domain::images::{Detail, ImageFacts, StoreCounts};
use crate::domain::posts::{ImageState, IndexedImage, IndexedPost};
use crate::store::{Change, Location, RetryRule, Store};

/// Posts of one account in one change, as the indexing hands them over.
const POSTS_PER_CHANGE: u64 = 8;

/// Posts of an account.
const POSTS_PER_ACCOUNT: u64 = 2000;

#[derive(Debug, Args)]
pub struct StoreArgs {
    /// An empty database, which is filled (default: an SQLite file that is removed afterwards)
    #[arg(long)]
    url: Option<String>,
    /// Posts to be written; every second has two images
    #[arg(long, default_value_t = 100_000)]
    posts: u64,
    /// Changes in one commit: the storekeeper puts up to 512 together, as many as wait
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=512))]
    changes: u64,
    #[arg(long)]
    json: bool,
}

#[derive(serde::Serialize)]
struct Figures {
    database: String,
    posts: u64,
    images: u64,
    commits: u64,
    posts_per_second: f64,
    fingerprints_read_per_second: f64,
    lookups_per_second: f64,
}

/// Fills the database and writes the figures.
pub fn run(args: &StoreArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let folder = tempfile::tempdir().context("could not make a folder")?;
    let url = args.url.clone().unwrap_or_else(|| "sqlite:bench.db".to_owned());
    let rule = RetryRule { pause: Duration::from_secs(3600), max_attempts: 10 };
    let location = Location::parse(&url, folder.path(), rule)?;
    let mut store = location.open()?;
    if store.counts()? != StoreCounts::default() {
        bail!("{} is not empty: this fills a database with noise", location.place());
    }
    let now = Timestamp::now();
    let begun = Instant::now();
    let (mut number, mut commits) = (0, 0);
    while number < args.posts {
        let mut changes = Vec::new();
        for _ in 0..args.changes {
            if number < args.posts {
                changes.push(change(number));
                number += POSTS_PER_CHANGE;
            }
        }
        store.apply(&changes, now)?;
        commits += 1;
    }
    let writing = begun.elapsed();
    let counts = store.counts()?;
    let (fingerprints, reading) = read_all(&mut *store)?;
    let looked_up = 2000.min(counts.posts);
    let begun = Instant::now();
    for chunk in 0..looked_up / 100 {
        let keys: Vec<PostKey> = (0..100).map(|n| key(chunk * 100 + n)).collect();
        store.fingerprints_of(&keys)?;
    }
    let looking = begun.elapsed();
    let per_second = |count: u64, time: Duration| count as f64 / time.as_secs_f64().max(1e-9);
    let figures = Figures {
        database: location.place(),
        posts: counts.posts,
        images: counts.images,
        commits,
        posts_per_second: per_second(counts.posts, writing),
        fingerprints_read_per_second: per_second(fingerprints, reading),
        lookups_per_second: per_second(looked_up, looking),
    };
    Ok(report(&figures, args.json, out, show)?)
}

fn show(figures: &Figures, out: &mut dyn Write) -> io::Result<()> {
    let Figures { database, posts, images, commits, .. } = figures;
    writeln!(out, "{database}")?;
    writeln!(out, "{posts} posts, {images} images in {commits} durable commits")?;
    writeln!(out, "{:>12.0} posts written per second", figures.posts_per_second)?;
    writeln!(out, "{:>12.0} fingerprints read per second, in order", figures.fingerprints_read_per_second)?;
    writeln!(out, "{:>12.0} posts looked up per second, a hundred at a time", figures.lookups_per_second)
}

/// Reads what the index is made from, as at the start.
fn read_all(store: &mut dyn Store) -> anyhow::Result<(u64, Duration)> {
    const CHUNK: u32 = 1_000_000;
    let begun = Instant::now();
    let (mut after, mut read) = (ImageId(0), 0);
    loop {
        let entries = store.fingerprints_after(after, CHUNK)?;
        read += u64::try_from(entries.len()).unwrap_or(0);
        match entries.last() {
            Some((last, ..)) => after = *last,
            None => return Ok((read, begun.elapsed())),
        }
    }
}

fn key(number: u64) -> PostKey {
    PostKey::new(Network::Twitter, (1_500_000_000_000_000_000 + number * 4_194_304).to_string())
}

/// Eight posts of one account.
fn change(first: u64) -> Change {
    let account = first / POSTS_PER_ACCOUNT;
    let image = |number: u64, position: u64| {
        let bits = (number * 2 + position).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let detail = Detail { phash256: [bits, !bits, bits, !bits], thumbnail: vec![7; 192], trimmed: None };
        let fingerprint = Fingerprint(bits);
        let facts =
            ImageFacts { fingerprint, solid_ground: true, width: 680, height: 480, detail, parts: None };
        IndexedImage::new(format!("F{bits:016x}.jpg"), ImageState::Fingerprinted(facts))
    };
    let published = Some(Timestamp(1_600_000_000_000));
    let posts = (first..first + POSTS_PER_CHANGE).map(|number| {
        let images = (0..1 + number % 2).map(|position| image(number, position));
        IndexedPost::of_images(key(number), published, images)
    });
    let key = AccountKey::new(Network::Twitter, (account + 1).to_string());
    Change::Posts {
        account: Account { key, handle: format!("artist{account}"), posts: None },
        posts: posts.collect(),
    }
}

//! `aotf bench forget`: how long an account is being forgotten in a database of others, and what searches and commits
//! of others wait meanwhile.

use std::collections::HashSet;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::Args;

use super::report::report;
use crate::base::ids::{AccountKey, FormId, ImageId, Network, PostKey};
use crate::base::{Fingerprint, Timestamp};
use crate::domain::accounts::Account;
use crate::domain::forgotten::{Removed, Subject};
use crate::domain::images::{Detail, ImageFacts, StoreCounts};
use crate::domain::posts::{ImageState, IndexedImage, IndexedPost};
use crate::index::shared::{Reader, Writer};
use crate::index::{Entry, HammingIndex};
use crate::store::{Change, IndexEntry, Location, Outcome, RetryRule, Store};

/// Posts in one change, and changes in one commit.
const POSTS_PER_CHANGE: u64 = 8;
const CHANGES: u64 = 512;

/// Posts of each of the other accounts.
const POSTS_PER_ACCOUNT: u64 = 2000;

/// The one that is forgotten.
const FORGOTTEN: u64 = 0;

/// The largest distance that counts as found, as `search.max_distance` is by default.
const RADIUS: u32 = 12;

#[derive(Debug, Args)]
pub struct ForgetArgs {
    /// An empty database, which is filled (default: an SQLite file that is removed afterwards)
    #[arg(long)]
    url: Option<String>,
    /// Posts of the account that is forgotten; every second has two images
    #[arg(long, default_value_t = 100_000)]
    posts: u64,
    /// Posts of other accounts
    #[arg(long, default_value_t = 400_000)]
    others: u64,
    #[arg(long)]
    json: bool,
}

#[derive(serde::Serialize)]
struct Figures {
    database: String,
    posts_forgotten: u64,
    images_forgotten: u64,
    posts_of_others: u64,
    /// Until no row of it is left.
    rows_removed_secs: f64,
    pieces: u64,
    /// What a commit of somebody else waits at most.
    longest_piece_ms: f64,
    /// Until no file of the index holds a fingerprint of it.
    index_removed_secs: f64,
    /// Searches in the index and the database, one after the other, from the beginning to the end.
    searches_meanwhile: u64,
    longest_search_ms: f64,
    median_search_ms: f64,
}

/// Fills the database and the index, forgets, and writes the figures.
pub fn run(args: &ForgetArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let folder = tempfile::tempdir().context("could not make a folder")?;
    let url = args.url.clone().unwrap_or_else(|| "sqlite:bench.db".to_owned());
    let rule = RetryRule { pause: Duration::from_secs(3600), max_attempts: 10 };
    let location = Location::parse(&url, folder.path(), rule)?;
    let mut store = location.open()?;
    if store.counts()? != StoreCounts::default() {
        bail!("{} is not empty: this fills a database with noise", location.place());
    }
    let index_dir = folder.path().join("index");
    let (mut index, _) = Writer::open(&index_dir)?;
    fill(&mut *store, &mut index, args)?;
    if !index.settle(Duration::from_secs(600)) {
        bail!("the index did not come to rest");
    }
    let has_ended = AtomicBool::new(false);
    let (removal, mut searches) = std::thread::scope(|scope| {
        let searching = scope.spawn(|| search_until(&has_ended, &location, &index_dir));
        let removal = remove(&mut *store, &mut index);
        has_ended.store(true, Ordering::Relaxed);
        let searches = searching.join().unwrap_or_else(|_| bail!("the searches panicked"));
        (removal, searches)
    });
    let Removal { removed, rows, pieces, longest, from_index } = removal?;
    let searches = searches.as_mut().map_err(|error| anyhow::anyhow!("a search failed: {error}"))?;
    searches.sort_unstable();
    let millis = |time: Duration| time.as_secs_f64() * 1000.0;
    let figures = Figures {
        database: location.place(),
        posts_forgotten: removed.posts,
        images_forgotten: removed.images,
        posts_of_others: store.counts()?.posts,
        rows_removed_secs: rows.as_secs_f64(),
        pieces,
        longest_piece_ms: millis(longest),
        index_removed_secs: from_index.as_secs_f64(),
        searches_meanwhile: searches.len() as u64,
        longest_search_ms: searches.last().copied().map_or(0.0, millis),
        median_search_ms: searches.get(searches.len() / 2).copied().map_or(0.0, millis),
    };
    Ok(report(&figures, args.json, out, show)?)
}

fn show(figures: &Figures, out: &mut dyn Write) -> io::Result<()> {
    let Figures { database, posts_forgotten, images_forgotten, posts_of_others, .. } = figures;
    writeln!(out, "{database}")?;
    writeln!(
        out,
        "an account of {posts_forgotten} posts with {images_forgotten} images, beside {posts_of_others} posts of others"
    )?;
    writeln!(
        out,
        "{:>10.1} s until its rows were gone, in {} pieces; the longest took {:.0} ms",
        figures.rows_removed_secs, figures.pieces, figures.longest_piece_ms
    )?;
    writeln!(
        out,
        "{:>10.1} s more until its fingerprints were gone from the files of the index",
        figures.index_removed_secs
    )?;
    writeln!(
        out,
        "{:>10} searches meanwhile, half of them within {:.1} ms, the longest {:.1} ms",
        figures.searches_meanwhile, figures.median_search_ms, figures.longest_search_ms
    )
}

struct Removal {
    removed: Removed,
    rows: Duration,
    pieces: u64,
    longest: Duration,
    from_index: Duration,
}

/// As the storekeeper does it.
fn remove(store: &mut dyn Store, index: &mut Writer) -> anyhow::Result<Removal> {
    let subject = Subject::Account(account(FORGOTTEN).key);
    let begun = Instant::now();
    let (mut removed, mut pieces, mut longest) = (Removed::default(), 0, Duration::ZERO);
    loop {
        let piece = Instant::now();
        let change = Change::Forget { subject: subject.clone(), note: String::new() };
        let committed = store.apply(&[change], Timestamp::now())?;
        longest = longest.max(piece.elapsed());
        pieces += 1;
        let Some(Outcome::Removed(removal)) = committed.outcomes.into_iter().next() else {
            bail!("the database did something else");
        };
        removed.add(removal.removed);
        if !removal.more {
            break;
        }
    }
    let rows = begun.elapsed();
    let begun = Instant::now();
    let images = store.removed_images(u32::MAX)?;
    let removed_images: HashSet<ImageId> = images.iter().copied().collect();
    index.remove(&|form: FormId| removed_images.contains(&form.image()))?;
    if let Some(up_to) = images.last().copied() {
        store.apply(&[Change::ForgetRemovedImages { up_to }], Timestamp::now())?;
    }
    Ok(Removal { removed, rows, pieces, longest, from_index: begun.elapsed() })
}

/// Searches for one image after the other; how long each search took.
fn search_until(
    has_ended: &AtomicBool,
    location: &Location,
    index_dir: &std::path::Path,
) -> anyhow::Result<Vec<Duration>> {
    let mut store = location.open_reader()?;
    let index = Reader::open(index_dir)?;
    let mut times = Vec::new();
    let mut number = 0_u64;
    while !has_ended.load(Ordering::Relaxed) {
        number += 1;
        let begun = Instant::now();
        let found = index.within(Fingerprint(bits(number * 7, 0)), RADIUS, 100);
        let images: Vec<_> = found.neighbors.iter().map(|neighbor| neighbor.image.image()).collect();
        store.images(&images)?;
        times.push(begun.elapsed());
    }
    Ok(times)
}

fn fill(store: &mut dyn Store, index: &mut Writer, args: &ForgetArgs) -> anyhow::Result<()> {
    let now = Timestamp::now();
    let all = args.posts + args.others;
    let mut number = 0;
    while number < all {
        let mut changes = Vec::new();
        for _ in 0..CHANGES {
            if number < all {
                changes.push(change(number, args.posts));
                number += POSTS_PER_CHANGE;
            }
        }
        let committed = store.apply(&changes, now)?;
        let entry = |&(image, account, fingerprint, _): &IndexEntry| Entry {
            image: FormId::whole(image),
            account,
            fingerprint,
        };
        index.append(&committed.entries.iter().map(entry).collect::<Vec<_>>())?;
    }
    index.set_complete(true);
    Ok(())
}

fn account(number: u64) -> Account {
    let key = AccountKey::new(Network::Twitter, (number + 1).to_string());
    Account { key, handle: format!("artist{number}"), posts: None }
}

fn bits(number: u64, position: u64) -> u64 {
    (number * 2 + position).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Eight posts of one account, the first of these numbers; the first `of_forgotten` are of the one.
fn change(first: u64, of_forgotten: u64) -> Change {
    let owner = match first < of_forgotten {
        true => FORGOTTEN,
        false => 1 + first / POSTS_PER_ACCOUNT,
    };
    let image = |number: u64, position: u64| {
        let bits = bits(number, position);
        let detail = Detail { phash256: [bits, !bits, bits, !bits], thumbnail: vec![7; 192], trimmed: None };
        let fingerprint = Fingerprint(bits);
        let facts =
            ImageFacts { fingerprint, solid_ground: true, width: 680, height: 480, detail, parts: None };
        IndexedImage::new(format!("F{bits:016x}.jpg"), ImageState::Fingerprinted(facts))
    };
    let posts = (first..first + POSTS_PER_CHANGE).map(|number| {
        let images = (0..1 + number % 2).map(|position| image(number, position));
        let key =
            PostKey::new(Network::Twitter, (1_500_000_000_000_000_000 + number * 4_194_304).to_string());
        IndexedPost::of_images(key, Some(Timestamp(1_600_000_000_000)), images)
    });
    Change::Posts { account: account(owner), posts: posts.collect() }
}

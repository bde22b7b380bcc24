//! `aotf bench listing`: what each policy for the timeline costs and finds, on accounts of the demo world of
//! which the search misses nothing, some posts here and there, or whole stretches.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use clap::Args;
use serde::Serialize;

use super::report::report;
use crate::base::ids::{AccountKey, Network};
use crate::base::{MicroUsd, Timestamp};
use crate::config::{Secret, Settings, TimelinePolicy, TwitterCredential};
use crate::demo::world::crowd::{Artist, Misses};
use crate::demo::world::{Options, World};
use crate::domain::accounts::Account;
use crate::domain::reads::{PaidReads, ReadWish, Resource};
use crate::domain::scans::Cursor;
use crate::fetch::HttpFetch;
use crate::networks::twitter::TwitterClient;
use crate::networks::{Meter, NetworkError, PostLister, SearchedPosts, Stopping, Waiter};

#[derive(Debug, Args)]
pub struct ListingArgs {
    /// Posts of each account
    #[arg(long, default_value_t = 3000)]
    posts: usize,
    /// One post in so many has an image
    #[arg(long, default_value_t = 5)]
    one_image_in: usize,
    /// Believe X's count of an account's media where it says that the search missed nothing, as scans do
    #[arg(long)]
    media_counts: bool,
    /// Another seed makes other accounts
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// One JSON object per line instead of a table
    #[arg(long)]
    json: bool,
}

const CASES: &[(&str, &str, Misses)] = &[
    ("misses_nothing", "nothing", Misses::Random(0.0)),
    ("random_5", "5 % here and there", Misses::Random(0.05)),
    ("stretches_5", "5 % in stretches of 30", Misses::Stretches(0.05, 30)),
    ("random_30", "30 % here and there", Misses::Random(0.3)),
    ("stretches_30", "30 % in stretches of 30", Misses::Stretches(0.3, 30)),
];
const POLICIES: [TimelinePolicy; 3] =
    [TimelinePolicy::Never, TimelinePolicy::Adaptive, TimelinePolicy::Always];

#[derive(Debug, Serialize)]
struct Row {
    search_misses: &'static str,
    policy: TimelinePolicy,
    posts_billed: usize,
    usd: f64,
    /// Against `always`.
    cost_ratio: f64,
    /// Posts with images, and the share of what `always` finds.
    found: usize,
    completeness: f64,
    requests: u64,
}

/// Measures and prints.
///
/// # Errors
/// The world could not be started, or a listing failed.
pub fn run(args: &ListingArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let artists: Vec<Artist> = CASES
        .iter()
        .zip(1..)
        .map(|((handle, _, misses), number)| Artist {
            id: 7_000_000_000 + number,
            handle,
            posts: args.posts,
            one_image_in: args.one_image_in,
            misses: *misses,
            seed: args.seed.wrapping_add(number),
        })
        .collect();
    let world = World::start_with(Options::default(), |facts| {
        for artist in &artists {
            artist.add_to(facts);
        }
    })?;
    let mut settings = Settings::default();
    settings.fetch.max_per_second_per_host = 10_000;
    settings.twitter.credentials =
        vec![TwitterCredential { bearer_token: Secret::new(world.bearer_token()) }];
    let fetch = Arc::new(HttpFetch::start(&settings.fetch, &world.upstreams())?);
    if !args.json {
        writeln!(
            out,
            "{} posts, one in {} with an image; the search misses ...\n\n{:<26} {:<10} {:>8} {:>8} {:>8} {:>7} {:>10} {:>9}",
            args.posts,
            args.one_image_in,
            "",
            "timeline",
            "billed",
            "USD",
            "cost",
            "found",
            "complete",
            "requests"
        )?;
    }
    for (artist, (_, about, _)) in artists.iter().zip(CASES) {
        let mut listings = Vec::new();
        for policy in POLICIES {
            let counter = Arc::new(Counter::default());
            let client = TwitterClient::new(Arc::clone(&fetch) as _, &settings.twitter, Arc::new(NoWait))
                .with_meter(Arc::clone(&counter) as _);
            let found = list(&client, artist, policy, args.media_counts)?;
            let (billed, requests) = counter.totals();
            listings.push((policy, found, billed, requests));
        }
        let price = |billed: usize| settings.twitter.budget.post_read.times(billed as u64);
        let (all_found, all_price) =
            listings.last().map_or((0, MicroUsd(0)), |(_, found, billed, _)| (found.len(), price(*billed)));
        for (policy, found, billed, requests) in listings {
            let row = Row {
                search_misses: about,
                policy,
                posts_billed: billed,
                usd: price(billed).usd(),
                cost_ratio: price(billed).usd() / all_price.usd(),
                found: found.len(),
                completeness: found.len() as f64 / all_found.max(1) as f64,
                requests,
            };
            report(&row, args.json, out, show)?;
        }
    }
    Ok(())
}

fn show(row: &Row, out: &mut dyn Write) -> io::Result<()> {
    let policy = serde_json::to_value(row.policy)?;
    writeln!(
        out,
        "{:<26} {:<10} {:>8} {:>8.2} {:>6.1} % {:>7} {:>8.2} % {:>9}",
        row.search_misses,
        policy.as_str().unwrap_or_default(),
        row.posts_billed,
        row.usd,
        row.cost_ratio * 100.0,
        row.found,
        row.completeness * 100.0,
        row.requests
    )
}

/// The first scan of an account, as a scan does it.
fn list(
    client: &TwitterClient,
    artist: &Artist,
    policy: TimelinePolicy,
    media_counts: bool,
) -> Result<BTreeSet<String>, NetworkError> {
    let account = Account {
        key: AccountKey::new(Network::Twitter, artist.id.to_string()),
        handle: artist.handle.to_owned(),
        posts: Some(artist.posts as u64),
    };
    let (mut searched, mut media) = (SearchedPosts::default(), 0);
    client.list_posts(&account, &Cursor::Search(None), &mut |posts| {
        media += posts.iter().map(|post| u64::from(post.places)).sum::<u64>();
        searched.ids.extend(posts.into_iter().map(|post| post.key.native));
        ControlFlow::Continue(())
    })?;
    searched.media = media_counts.then_some(media);
    searched.counts_are_trusted = media_counts;
    let mut found: BTreeSet<String> = searched.ids.iter().cloned().collect();
    let cursor = Cursor::Timeline(None);
    let mut page = |posts: Vec<crate::domain::posts::ListedPost>| {
        found.extend(posts.into_iter().map(|post| post.key.native));
        ControlFlow::Continue(())
    };
    match policy {
        TimelinePolicy::Never => {}
        TimelinePolicy::Adaptive => {
            client.list_missed_posts(&account, &cursor, &searched, &mut page)?;
        }
        TimelinePolicy::Always => {
            client.list_posts(&account, &cursor, &mut page)?;
        }
    }
    Ok(found)
}

/// X bills a post once a day, however often it is read.
#[derive(Default)]
struct Counter(Mutex<(BTreeSet<u64>, u64)>);

impl Counter {
    fn totals(&self) -> (usize, u64) {
        let counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (counted.0.len(), counted.1)
    }
}

impl Meter for Counter {
    fn reserve(&self, wish: ReadWish) -> Result<u64, NetworkError> {
        Ok(wish.most)
    }

    fn paid(&self, reads: PaidReads) {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // The account was looked up, and paid, before its scan.
        if reads.resource == Resource::Post {
            counted.0.extend(reads.ids);
        }
        counted.1 += 1;
    }
}

/// The world's own pace is not what is measured.
struct NoWait;

impl Waiter for NoWait {
    fn wait_until(&self, _until: Timestamp, _why: &str) -> Result<(), Stopping> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(media_counts: bool) -> Vec<serde_json::Value> {
        let args = ListingArgs { posts: 3000, one_image_in: 5, media_counts, seed: 1, json: true };
        let mut out = Vec::new();
        run(&args, &mut out).unwrap();
        String::from_utf8(out).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn a_count_of_media_saves_the_samples_where_nothing_is_missed() {
        let (with, without) = (rows(true), rows(false));
        let price = |row: &serde_json::Value| row["usd"].as_f64().unwrap();
        assert!(price(&with[1]) < 0.75 * price(&without[1]), "{} {}", with[1], without[1]);
        assert_eq!(with[1]["found"], with[2]["found"]);
        // Where the search misses posts the count says so, and the samples are as without it.
        for (with, without) in with.iter().zip(&without).skip(2) {
            for figure in ["posts_billed", "found"] {
                assert_eq!(with[figure], without[figure], "{with}");
            }
        }
    }

    /// The goal: nearly all that the whole timeline shows, for a third of its price where the search misses
    /// nothing.
    #[test]
    fn adaptive_finds_what_always_finds() {
        let rows = rows(false);
        assert_eq!(rows.len(), CASES.len() * POLICIES.len());
        for row in rows.iter().filter(|row| row["policy"] == "adaptive") {
            assert!(row["completeness"].as_f64().unwrap() >= 0.995, "{row}");
        }
        assert!(rows[1]["cost_ratio"].as_f64().unwrap() <= 1.0 / 3.0, "{}", rows[1]);
        assert!(rows[3]["completeness"].as_f64().unwrap() < 0.98, "the search alone misses: {}", rows[3]);
    }
}

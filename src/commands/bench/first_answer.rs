//! `aotf bench first-answer`: what the first answer for a new artist costs and how long it takes, answer
//! first, beside the account scanned whole: the real daemon against the demo world, at the pace that X and
//! the image hosts ask for.
//!
//! How long passes between a page and its post is an assumption, set by parameters: the rows tell the price
//! of each lag, from which that of any other mixture follows.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::Value;

use super::pipeline::{Daemon, program, wait_until_ready};
use super::report::report;
use crate::base::Timestamp;
use crate::config::Settings;
use crate::demo::folder::Folder;
use crate::demo::world::crowd::{Artist, Misses};
use crate::demo::world::facts::{Facts, Gallery, Member, OpenAccount, OpenNetwork, OpenState, Trouble, Work};
use crate::demo::world::picture::Picture;
use crate::demo::world::{Options, World};

/// A whole account of 5,000 pictures at the pace of its image host.
const ANSWER_WITHIN: Duration = Duration::from_mins(30);

#[derive(Debug, Args)]
pub struct FirstAnswerArgs {
    /// The network that the artists are on
    #[arg(long, value_enum, default_value_t = On::Twitter)]
    network: On,
    /// Queries, each for another artist
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..=1000))]
    queries: u32,
    /// How many of them are asked of a second daemon, too, which scans accounts whole
    #[arg(long, default_value_t = 20)]
    whole: u32,
    /// Posts of each account: 3,000 on X, 5,000 elsewhere
    #[arg(long, value_parser = clap::value_parser!(u32).range(50..))]
    posts: Option<u32>,
    /// On X, one post in so many has an image
    #[arg(long, default_value_t = 5)]
    one_image_in: usize,
    /// Percent of the posts with images that X's search misses
    #[arg(long, default_value_t = 0.0)]
    search_misses: f64,
    /// Percent of the artworks whose page names the post
    #[arg(long, default_value_t = 20.0)]
    named: f64,
    /// Percent of the others that were posted within 1, 7, 30 and 180 days of the page, and beyond; the rest
    /// never was
    #[arg(long, value_delimiter = ',', num_args = 5, default_values_t = [60.0, 20.0, 10.0, 5.0, 3.0])]
    lags: Vec<f64>,
    /// Milliseconds that the world waits before each of its answers: 0 on X, 50 elsewhere
    #[arg(long)]
    latency_ms: Option<u64>,
    /// Another seed makes other artists
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// One JSON object instead of a table
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
enum On {
    Twitter,
    Bluesky,
    Mastodon,
    Misskey,
}

/// How far a post lies from its page: what it is called, and between how many hours.
const LAGS: [(&str, u64, u64); 5] = [
    ("within a day", 0, 24),
    ("within 7 days", 24, 7 * 24),
    ("within 30 days", 7 * 24, 30 * 24),
    ("within 180 days", 30 * 24, 180 * 24),
    ("beyond", 180 * 24, 720 * 24),
];
const NAMED: &str = "named on the page";
const NEVER: &str = "never posted";

/// Different pictures of all other posts: drawing one for each would measure the world.
const PICTURES: usize = 200;

/// One artwork to ask for.
struct Plan {
    url: String,
    lag: &'static str,
    /// The post that shows it.
    post: Option<String>,
}

#[derive(Clone, Debug)]
struct Answer {
    /// Until the first confirmed post; where there is none, until the end.
    seconds: f64,
    usd: f64,
    /// The first post of the last answer that shows the artwork itself.
    post: Option<String>,
    posts_read: u64,
}

#[derive(Debug, Serialize)]
struct Report {
    network: On,
    posts_of_each: u32,
    queries: usize,
    /// Queries whose answer is the post that shows the artwork, or none where none does.
    right: usize,
    lags: Vec<Figures>,
    first: Figures,
    whole: Option<Beside>,
}

/// Over some queries.
#[derive(Debug, Serialize)]
struct Figures {
    what: &'static str,
    queries: usize,
    usd: Spread,
    seconds: Spread,
    posts_read: f64,
}

#[derive(Debug, Serialize)]
struct Spread {
    median: f64,
    mean: f64,
    p95: f64,
}

/// The same queries asked of both daemons.
#[derive(Debug, Serialize)]
struct Beside {
    whole: Figures,
    first: Figures,
    same_answers: usize,
    /// The dearest first answer against its own account's whole price.
    dearest: f64,
}

/// Measures and prints. Takes some three seconds a query, and the time of a whole account for each of
/// `--whole`.
///
/// # Errors
/// The world or a daemon could not be started, or a query failed.
pub fn run(args: &FirstAnswerArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let shares = args.named + args.lags.iter().sum::<f64>();
    anyhow::ensure!(
        args.lags.len() == LAGS.len() && args.lags.iter().all(|share| *share >= 0.0),
        "--lags are five shares in percent, such as 60,20,10,5,3"
    );
    anyhow::ensure!(
        (0.0..=100.0).contains(&args.named) && args.lags.iter().sum::<f64>() <= 100.0,
        "--named and the sum of --lags are at most 100 percent; together they are {shares}"
    );
    let posts = args.posts.unwrap_or(if args.network == On::Twitter { 3000 } else { 5000 });
    let latency = args.latency_ms.unwrap_or(if args.network == On::Twitter { 0 } else { 50 });
    let mut plans = Vec::new();
    let world = World::start_with(Options { latency: Duration::from_millis(latency) }, |facts| {
        plans = populate(facts, args, posts);
    })?;
    let mut first = Vec::new();
    {
        let daemon = Running::start(&world)?;
        for (number, plan) in plans.iter().enumerate() {
            tracing::info!(number, lag = plan.lag, "asking");
            first.push(daemon.ask(&world, plan, false)?);
        }
    }
    let mut whole = Vec::new();
    if args.whole > 0 {
        let daemon = Running::start(&world)?;
        for plan in plans.iter().take(args.whole as usize) {
            whole.push(daemon.ask(&world, plan, true)?);
        }
    }
    let measured = summarize(args.network, posts, &plans, &first, &whole);
    Ok(report(&measured, args.json, out, show)?)
}

// ---- the world

/// Names live as long as the world's own, which are part of the program.
fn forever(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

fn populate(facts: &mut Facts, args: &FirstAnswerArgs, posts: u32) -> Vec<Plan> {
    let mut rng = fastrand::Rng::with_seed(args.seed);
    (0..args.queries)
        .map(|number| {
            let artwork = Picture::Drawn(1_000_000 * (args.seed + 1) + u64::from(number));
            let lag = choose_lag(&mut rng, args);
            let (profile, moment, post) = match args.network {
                On::Twitter => add_on_x(facts, args, number, posts, lag, artwork),
                On::Bluesky => add_elsewhere(facts, OpenNetwork::Bluesky, number, posts, lag, artwork),
                On::Mastodon => add_elsewhere(facts, OpenNetwork::Mastodon, number, posts, lag, artwork),
                On::Misskey => add_elsewhere(facts, OpenNetwork::Misskey, number, posts, lag, artwork),
            };
            let published = published(&mut rng, lag, moment);
            let source = match (&post, lag) {
                (Some(post), NAMED) => address_of(args.network, &profile, post),
                _ => String::new(),
            };
            let name = forever(format!("bench_first_{number}"));
            let id = 80_000_000 + u64::from(number);
            facts.works.push(Work {
                gallery: Gallery::Artstation,
                id,
                artist: name,
                title: "An artwork",
                pictures: Box::leak(Box::new([artwork])),
                published,
                source: forever(source),
                merged_into: None,
                trouble: Trouble::None,
            });
            facts.members.push(Member {
                gallery: Gallery::Artstation,
                id,
                name,
                links: Box::leak(Box::new([forever(profile)])),
                dead_links: &[],
                website: None,
                bio: "",
            });
            Plan { url: format!("https://www.artstation.com/artwork/{id}"), lag, post }
        })
        .collect()
}

fn choose_lag(rng: &mut fastrand::Rng, args: &FirstAnswerArgs) -> &'static str {
    if rng.f64() * 100.0 < args.named {
        return NAMED;
    }
    let mut left = rng.f64() * 100.0;
    for ((lag, _, _), share) in LAGS.iter().zip(&args.lags) {
        if left < *share {
            return lag;
        }
        left -= share;
    }
    NEVER
}

/// Before the post or after it, as often.
fn published(rng: &mut fastrand::Rng, lag: &str, post: Timestamp) -> Timestamp {
    let (_, from, to) = LAGS.into_iter().find(|(name, _, _)| *name == lag).unwrap_or(LAGS[0]);
    let apart = rng.i64(from as i64 * 3_600_000..to as i64 * 3_600_000);
    Timestamp(if rng.bool() { post.0 + apart } else { post.0 - apart })
}

/// Of the account that was added: its profile, the moment that the page's date is reckoned from, and the post
/// that shows the artwork.
fn add_on_x(
    facts: &mut Facts,
    args: &FirstAnswerArgs,
    number: u32,
    posts: u32,
    lag: &str,
    artwork: Picture,
) -> (String, Timestamp, Option<String>) {
    let handle = forever(format!("bench_first_{number}"));
    let (media, first) = (facts.media.len(), facts.posts.len());
    let artist = Artist {
        id: 9_000_000_000 + u64::from(number),
        handle,
        posts: posts as usize,
        one_image_in: args.one_image_in,
        misses: Misses::Random(args.search_misses / 100.0),
        seed: args.seed.wrapping_mul(10_007).wrapping_add(u64::from(number)),
    };
    artist.add_to(facts);
    for (place, media) in facts.media.iter_mut().enumerate().skip(media) {
        media.picture = Picture::Drawn((place % PICTURES) as u64);
    }
    let own = facts.posts.get(first..).unwrap_or_default();
    let shown: Vec<&_> = own.iter().filter(|post| !post.media.is_empty()).collect();
    // Not at the ends of the account: a page is dated well before today.
    let place = shown.len() / 10 + (number as usize * 7919) % (shown.len() * 8 / 10).max(1);
    let post = shown[place.min(shown.len() - 1)];
    let moment = crate::domain::posts::snowflake_time(&post.id.to_string()).unwrap_or(Timestamp(0));
    let (id, shows) = (post.id.to_string(), post.media[0]);
    let post = (lag != NEVER).then(|| {
        facts.media[shows].picture = artwork;
        id
    });
    (format!("https://x.com/{handle}"), moment, post)
}

fn add_elsewhere(
    facts: &mut Facts,
    network: OpenNetwork,
    number: u32,
    posts: u32,
    lag: &str,
    artwork: Picture,
) -> (String, Timestamp, Option<String>) {
    let (handle, native, profile) = match network {
        OpenNetwork::Bluesky => {
            let handle = format!("bench-{number}.bsky.social");
            let profile = format!("https://bsky.app/profile/{handle}");
            (handle, format!("did:plc:{:0>24}", format!("bench{}", letters(number))), profile)
        }
        OpenNetwork::Mastodon => {
            let user = format!("bench_{number}");
            (format!("{user}@mastodon.art"), user.clone(), format!("https://mastodon.art/@{user}"))
        }
        OpenNetwork::Misskey => {
            let (user, server) = (format!("bench_{number}"), "demo-misskey.example");
            (format!("{user}@{server}"), format!("9bench{number:04}"), format!("https://{server}/@{user}"))
        }
    };
    let place = posts as usize / 10 + (number as usize * 7919) % (posts as usize * 8 / 10);
    let featured: Vec<(usize, &'static [Picture])> = match lag {
        NEVER => Vec::new(),
        _ => vec![(place, &*Box::leak(Box::new([artwork])))],
    };
    let account = OpenAccount {
        network,
        handle: forever(handle),
        native: forever(native),
        links: &[],
        state: OpenState::Open,
        posts: posts as usize,
        // Ten years of 5,000 posts.
        first: "2016-01-01T08:00:00Z",
        every_hours: 17,
        featured: Box::leak(featured.into_boxed_slice()),
        lost: None,
        deleted: None,
    };
    let post = (lag != NEVER).then(|| account.post_id(place));
    let moment = account.moment(place);
    facts.open_accounts.push(account);
    (profile, moment, post)
}

/// A DID of this method has letters and the digits 2 to 7.
fn letters(number: u32) -> String {
    format!("{number:04}").bytes().map(|digit| char::from(digit - b'0' + b'a')).collect()
}

/// As an artist's description links to it.
fn address_of(on: On, profile: &str, post: &str) -> String {
    let last = post.rsplit('/').next().unwrap_or(post);
    match on {
        On::Twitter => format!("{profile}/status/{last}"),
        On::Bluesky => format!("{profile}/post/{last}"),
        On::Mastodon => format!("{profile}/{last}"),
        On::Misskey => post.to_owned(),
    }
}

// ---- the daemon

struct Running {
    address: SocketAddr,
    folder: Folder,
    _daemon: Daemon,
}

impl Running {
    fn start(world: &World) -> anyhow::Result<Running> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let folder = Folder::create(None)?;
        folder.fill(world, port, None)?;
        let log = folder.create_log()?;
        // The paces that the demo's settings leave out.
        let fetch = Settings::default().fetch;
        let daemon = program(&folder.settings(), &["serve", "--no-console", "--die-with-parent"])
            .env("AOTF_TWITTER__BUDGET__DAILY_USD", "0")
            .env("AOTF_TWITTER__BUDGET__MONTHLY_USD", "0")
            .env("AOTF_FETCH__MAX_PER_SECOND_PER_HOST", fetch.max_per_second_per_host.to_string())
            .env("AOTF_FETCH__MAX_CONCURRENT_PER_HOST", fetch.max_concurrent_per_host.to_string())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let running = Running { address, folder, _daemon: Daemon(daemon) };
        wait_until_ready(address, &running.folder)?;
        Ok(running)
    }

    /// Asks, and follows the answer to its end.
    fn ask(&self, world: &World, plan: &Plan, whole: bool) -> anyhow::Result<Answer> {
        // X's windows of 15 minutes are not what is measured; its pace is.
        world.renew_limits();
        self.follow(plan, whole).with_context(|| format!("{}\n{}", plan.url, self.folder.log_tail()))
    }

    fn follow(&self, plan: &Plan, whole: bool) -> anyhow::Result<Answer> {
        let url: String = url::form_urlencoded::byte_serialize(plan.url.as_bytes()).collect();
        let whole = if whole { "whole=1&" } else { "" };
        let begun = Instant::now();
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_WITHIN))?;
        write!(
            stream,
            "GET /query/events?{whole}url={url} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n",
            self.address
        )?;
        let mut first = None;
        for line in BufReader::new(stream).lines() {
            let line = line?;
            let Some(data) = line.strip_prefix("data:") else { continue };
            let told: Value = serde_json::from_str(data).context("an event is no JSON")?;
            let seconds = begun.elapsed().as_secs_f64();
            let post = confirmed(&told);
            if post.is_some() {
                first.get_or_insert(seconds);
            }
            if told["status"] == "END" {
                anyhow::ensure!(told["error"].is_null(), "the query failed: {told}");
                return Ok(Answer {
                    seconds: first.unwrap_or(seconds),
                    usd: told["cost_usd"].as_f64().context("the answer names no price")?,
                    post,
                    posts_read: told["posts_listed"].as_u64().unwrap_or(0),
                });
            }
            anyhow::ensure!(begun.elapsed() < ANSWER_WITHIN, "no answer: {told}");
        }
        anyhow::bail!("the events ended before the answer")
    }
}

/// The first post that shows the artwork itself.
fn confirmed(answer: &Value) -> Option<String> {
    let mut posts = answer["posts"].as_array().into_iter().flatten();
    let post = posts.find(|post| matches!(post["class"].as_str(), Some("identical" | "recompressed")))?;
    post["id"].as_str().map(str::to_owned)
}

// ---- the figures

fn summarize(on: On, posts: u32, plans: &[Plan], first: &[Answer], whole: &[Answer]) -> Report {
    let all: Vec<&Answer> = first.iter().collect();
    let lags = [NAMED].into_iter().chain(LAGS.map(|(lag, _, _)| lag)).chain([NEVER]);
    let lags = lags.filter_map(|lag| {
        let answers = plans.iter().zip(first).filter(|(plan, _)| plan.lag == lag).map(|(_, answer)| answer);
        let answers: Vec<&Answer> = answers.collect();
        (!answers.is_empty()).then(|| figures(lag, &answers))
    });
    let beside = || {
        let pairs = || first.iter().zip(whole);
        let ratios = pairs().filter(|(_, whole)| whole.usd > 0.0).map(|(first, whole)| first.usd / whole.usd);
        Beside {
            whole: figures("scanned whole", &whole.iter().collect::<Vec<_>>()),
            first: figures("answer first", &pairs().map(|(first, _)| first).collect::<Vec<_>>()),
            same_answers: pairs().filter(|(first, whole)| first.post == whole.post).count(),
            dearest: ratios.fold(0.0, f64::max),
        }
    };
    Report {
        network: on,
        posts_of_each: posts,
        queries: plans.len(),
        right: plans.iter().zip(first).filter(|(plan, answer)| plan.post == answer.post).count(),
        lags: lags.collect(),
        first: figures("all", &all),
        whole: (!whole.is_empty()).then(beside),
    }
}

fn figures(what: &'static str, answers: &[&Answer]) -> Figures {
    let count = answers.len().max(1) as f64;
    Figures {
        what,
        queries: answers.len(),
        usd: spread(answers.iter().map(|answer| answer.usd)),
        seconds: spread(answers.iter().map(|answer| answer.seconds)),
        posts_read: answers.iter().map(|answer| answer.posts_read as f64).sum::<f64>() / count,
    }
}

fn spread(values: impl Iterator<Item = f64>) -> Spread {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let at = |place: usize| values.get(place.min(values.len().saturating_sub(1))).copied().unwrap_or(0.0);
    Spread {
        median: at(values.len() / 2),
        mean: values.iter().sum::<f64>() / values.len().max(1) as f64,
        p95: at(values.len() * 95 / 100),
    }
}

fn show(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "{} queries, each for a new artist with {} posts\n\n{:<22} {:>7} {:>8} {:>8} {:>8} {:>9} {:>8} {:>8} {:>7}",
        report.queries,
        report.posts_of_each,
        "the page and its post",
        "queries",
        "USD med",
        "mean",
        "95 %",
        "secs med",
        "mean",
        "95 %",
        "posts"
    )?;
    report.lags.iter().try_for_each(|row| row_of(row, out))?;
    row_of(&report.first, out)?;
    writeln!(out, "\nright answers: {} of {}", report.right, report.queries)?;
    if let Some(beside) = &report.whole {
        writeln!(out, "\nthe first {} of them, of both daemons", beside.whole.queries)?;
        row_of(&beside.first, out)?;
        row_of(&beside.whole, out)?;
        writeln!(
            out,
            "the same answer: {} of {}; mean price {:.1} % of whole; the dearest {:.0} % of its whole",
            beside.same_answers,
            beside.whole.queries,
            100.0 * beside.first.usd.mean / beside.whole.usd.mean,
            100.0 * beside.dearest
        )?;
    }
    Ok(())
}

fn row_of(row: &Figures, out: &mut dyn Write) -> io::Result<()> {
    let Figures { what, queries, usd, seconds, posts_read } = row;
    writeln!(
        out,
        "{what:<22} {queries:>7} {:>8.3} {:>8.3} {:>8.3} {:>9.2} {:>8.2} {:>8.2} {posts_read:>7.0}",
        usd.median, usd.mean, usd.p95, seconds.median, seconds.mean, seconds.p95
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(network: On, named: f64) -> FirstAnswerArgs {
        FirstAnswerArgs {
            network,
            queries: 40,
            whole: 0,
            posts: None,
            one_image_in: 5,
            search_misses: 0.0,
            named,
            lags: vec![60.0, 20.0, 10.0, 5.0, 3.0],
            latency_ms: None,
            seed: 1,
            json: true,
        }
    }

    #[test]
    fn pages_are_as_far_from_their_posts_as_was_asked() {
        for network in [On::Twitter, On::Bluesky, On::Mastodon, On::Misskey] {
            let mut facts = Facts::default();
            let plans = populate(&mut facts, &args(network, 0.0), 500);
            assert_eq!(plans.iter().filter(|plan| plan.lag == NAMED).count(), 0);
            for (plan, work) in plans.iter().zip(&facts.works) {
                let Some((_, from, to)) = LAGS.into_iter().find(|(lag, _, _)| *lag == plan.lag) else {
                    assert_eq!((plan.lag, &plan.post), (NEVER, &None));
                    continue;
                };
                let post = plan.post.as_deref().unwrap();
                let posted = match network {
                    On::Twitter => crate::domain::posts::snowflake_time(post).unwrap(),
                    On::Bluesky | On::Mastodon | On::Misskey => {
                        let account = facts.open_accounts.iter().find(|account| {
                            account.featured.iter().any(|(n, _)| account.post_id(*n) == post)
                        });
                        let account = account.unwrap();
                        account.moment(account.featured[0].0)
                    }
                };
                let hours = (posted.0 - work.published.0).unsigned_abs() / 3_600_000;
                assert!((from..to).contains(&hours), "{}: {hours}", plan.lag);
            }
        }
    }

    #[test]
    fn what_a_page_names_is_an_address_of_the_post() {
        let mut facts = Facts::default();
        let plans = populate(&mut facts, &args(On::Bluesky, 100.0), 100);
        let (plan, work) = (&plans[3], &facts.works[3]);
        let key = plan.post.as_deref().unwrap().rsplit('/').next().unwrap();
        assert_eq!(work.source, format!("https://bsky.app/profile/bench-3.bsky.social/post/{key}"));
    }

    #[test]
    fn figures_are_of_the_middle_and_the_end() {
        let spread = spread((1..=100).map(f64::from));
        assert_eq!((spread.median, spread.mean, spread.p95), (51.0, 50.5, 96.0));
    }
}

//! Typed settings: read once at start, checked as a whole, passed down by value. A room sees only
//! its own section. `parameters.rs` is the file as written; nothing below `main` reads the environment.

mod blocklist;
mod document;
mod links;
mod networks;
pub mod parameters;
mod sandbox;
mod section;
mod visitors;

pub use document::{Place, Problem};
pub use links::{COOKIE_SITES, Links};
pub use networks::{Bluesky, FxTwitter, Mastodon};
pub use parameters::{ConfigError, LOOKED_UP, Loaded, load};
pub use sandbox::{Memory, Sandbox};
pub use visitors::sha256;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::base::MicroUsd;
use crate::base::ids::{Network, Networks};

/// Everything an operator can set. `Default` is what `parameters.sample.toml` shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Database, state, index, logs, admin socket. Absolute after loading.
    pub data_dir: PathBuf,
    /// Each role a process of its own; `false` runs the same roles as threads.
    pub multiprocess: bool,
    /// Networks on which accounts are searched for and scanned. Where the file does not choose: Bluesky and
    /// Mastodon, and X as soon as it can be read.
    pub networks: Vec<Network>,
    pub http: Http,
    pub admin: Admin,
    pub limits: Limits,
    pub api_keys: Vec<ApiKey>,
    pub webhooks: Vec<Webhook>,
    pub database: Database,
    pub workers: Workers,
    pub twitter: Twitter,
    pub bluesky: Bluesky,
    pub mastodon: Mastodon,
    pub links: Links,
    pub search: Search,
    pub scan: Scan,
    pub maintenance: Maintenance,
    pub fetch: Fetch,
    pub sandbox: Sandbox,
    pub log: Log,
    /// Host to the base URL (`http://127.0.0.1:9100`) where requests for it are really sent: scheme and
    /// authority are replaced, path, query and `Host` stay. These targets may be private addresses.
    pub upstreams: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Http {
    pub bind: SocketAddr,
    /// A Unix socket that serves the same, for a proxy on this machine, which is trusted. Absolute after loading.
    pub unix_socket: Option<PathBuf>,
    /// What these say about the address of a client is believed, and nobody else.
    pub trusted_proxies: Vec<IpNet>,
    /// The header in which they say it.
    pub forwarded_header: ForwardedHeader,
    /// Origins of other sites whose scripts may read answers: `https://example.com`, or `*`.
    pub cors_origins: Vec<String>,
    /// Addresses that are shown `/metrics` and the details of `/readyz`.
    pub monitor_ips: Vec<IpNet>,
    /// Connections at the same time, in all.
    pub max_connections: u32,
    /// Event streams open at the same time.
    pub max_event_streams: u32,
    /// For the headers of a request; also how long an idle connection is kept.
    pub header_timeout: Duration,
    /// For the body of an upload.
    pub body_timeout: Duration,
}

/// Which header tells for whom a proxy asks. One only: a proxy that writes one passes on the other
/// as the client has written it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ForwardedHeader {
    XForwardedFor,
    /// RFC 7239.
    Forwarded,
}

/// Who shows this key has limits of its own, whatever its address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// For logs and limits.
    pub name: String,
    /// SHA-256 of the key: the key itself is nowhere kept.
    pub sha256: [u8; 32],
    pub requests_per_second: u32,
    pub max_processing_requests: u32,
    /// May search by image and name webhooks.
    pub advanced: bool,
    /// What its queries and searches are about, among the networks of the server.
    pub networks: Networks,
}

/// Somebody who may be told final answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// By which queries name it.
    pub name: String,
    pub url: String,
    /// Signs what is sent.
    pub secret: Secret,
}

/// The admin socket, by which the console and the commands of the shell reach the daemon.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Admin {
    /// Number of the group that may use it beside the daemon's own user.
    pub group: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// Queries in progress for one address.
    pub max_processing_requests_per_ip: u32,
    /// Queries in progress, of everybody together.
    pub max_processing_requests: u32,
    /// HTTP requests to the query endpoints per second from one address.
    pub requests_per_second: u32,
    /// Addresses to which neither limit applies.
    pub unlimited_ips: Vec<IpAddr>,
    /// Addresses that may search by image file.
    pub advanced_ips: Vec<IpAddr>,
    /// Finished queries and searches kept for asking again; the oldest are forgotten first.
    pub max_kept_queries: u32,
}

/// Not printed: the address may hold a password.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Database {
    /// `sqlite:aotf.db` (relative to `data_dir`), `mysql://...` or `postgres://...`.
    pub url: String,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database").finish_non_exhaustive()
    }
}

/// Workers (threads) per role.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Workers {
    pub link_finder: u16,
    pub index_watcher: u16,
    pub reverse_search: u16,
    /// For each of the two listings.
    pub listing: u16,
    /// Look-ups with a network (handles, existence of posts), in the listing role.
    pub lookup: u16,
    pub indexing: u16,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Twitter {
    /// Base URL of the API.
    pub api_url: String,
    pub credentials: Vec<TwitterCredential>,
    /// Size of the images that are downloaded for indexing: `small`, `medium`, `large` or `orig`.
    pub image_size: String,
    /// Oldest date that the full-archive search is asked for.
    pub search_start: String,
    /// Name of the parameter that selects a post's fields: `tweet.fields` or `post.fields`.
    pub fields_parameter: String,
    /// Ask the free oEmbed endpoint whether a post still exists, and the paid API only where it does not tell.
    pub oembed_first: bool,
    /// Least time between two searches with one key, which X demands beside its windows.
    pub search_interval: Duration,
    pub budget: Budget,
    /// A second source, which reads X without the paid API.
    pub fxtwitter: FxTwitter,
}

impl Twitter {
    /// Some source of X is configured.
    pub fn can_be_read(&self) -> bool {
        !self.credentials.is_empty() || self.fxtwitter.enabled
    }
}

/// What reads of the API cost, and how much may be spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// For a UTC day; `None` is without limit.
    pub daily: Option<MicroUsd>,
    /// For a calendar month in UTC.
    pub monthly: Option<MicroUsd>,
    /// Price of one post, and of one account. Each is billed once a UTC day, however often it is read.
    pub post_read: MicroUsd,
    pub user_read: MicroUsd,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TwitterCredential {
    pub bearer_token: Secret,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Search {
    /// Largest Hamming distance of a result, in bits, 0 to 12.
    pub max_distance: u32,
    /// How far candidates are looked for that are shown beside the results, classed by a closer
    /// look: within the artist's accounts, and over the whole database, where only those are shown that it
    /// confirms. Bits, 0 to 12; nothing is added where it is not greater than `max_distance`.
    pub candidate_distance_accounts: u32,
    pub candidate_distance_everything: u32,
    /// Most results of one query.
    pub max_results: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scan {
    /// An account is scanned again for an artwork newer than its last scan minus this.
    pub margin: Duration,
    /// Accounts that are never scanned nor shown: by id, or by handle with `@`.
    pub blocklist: Vec<String>,
    /// Listing pauses while this many posts wait to be indexed.
    pub max_pending_posts: u32,
    /// Whether an account's timeline is read beside the search.
    pub timeline: TimelinePolicy,
}

/// Whether an account's timeline is read beside the search, which misses some posts but reads only those
/// with images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TimelinePolicy {
    /// After the search, in samples; as far as they show that the search missed posts.
    Adaptive,
    /// All that the network shows of it, beside the search.
    Always,
    Never,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Maintenance {
    /// Accounts are scanned again after this; `None` never.
    pub auto_update: Option<Duration>,
    /// The search cursor is forgotten after this; `None` never.
    pub search_cursor_reset: Option<Duration>,
    /// Posts of which an image failed are tried again this often.
    pub retry: Duration,
    /// After a long stop, catch up at once instead of spreading the updates.
    pub strict_periods: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fetch {
    /// Sent to every host that wants an honest name.
    pub user_agent: String,
    /// Whole request, with its retries' pauses left out.
    pub timeout: Duration,
    /// Requests in flight to one host.
    pub max_concurrent_per_host: u32,
    /// Requests started per second to one host; hosts with rules of their own go slower.
    pub max_per_second_per_host: u32,
    /// Largest image that is read, bytes.
    pub max_image_bytes: u64,
    /// Largest page that is read, bytes.
    pub max_page_bytes: u64,
    /// Hosts that are hardly ever down together: when none of them can be connected to, there is no network.
    pub witnesses: Vec<String>,
    /// How long requests wait for a network that is gone before they fail.
    pub network_wait: Duration,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Log {
    /// A level, or a filter such as `info,aotf::broker=debug`.
    pub level: String,
    pub format: LogFormat,
    /// Whether every answer is noted in `logs/results.jsonl` of the data folder.
    pub results_log: bool,
    /// Where the log goes instead of the standard error. Not in the file: `serve` sets it when its
    /// console has the terminal.
    pub file: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Text,
    Json,
}

impl Settings {
    /// Where the fingerprint index lies.
    pub fn index_dir(&self) -> PathBuf {
        self.data_dir.join("index")
    }
}

impl Default for Settings {
    fn default() -> Settings {
        let loopback: Vec<IpAddr> =
            vec![std::net::Ipv4Addr::LOCALHOST.into(), std::net::Ipv6Addr::LOCALHOST.into()];
        Settings {
            data_dir: PathBuf::from("data"),
            multiprocess: true,
            networks: vec![Network::Bluesky, Network::Mastodon],
            http: Http {
                bind: SocketAddr::from(([127, 0, 0, 1], 3301)),
                unix_socket: None,
                trusted_proxies: Vec::new(),
                forwarded_header: ForwardedHeader::XForwardedFor,
                cors_origins: Vec::new(),
                monitor_ips: loopback.iter().copied().map(IpNet::from).collect(),
                max_connections: 8192,
                max_event_streams: 6000,
                header_timeout: Duration::from_secs(15),
                body_timeout: Duration::from_secs(60),
            },
            api_keys: Vec::new(),
            webhooks: Vec::new(),
            admin: Admin::default(),
            limits: Limits {
                max_processing_requests_per_ip: 10,
                max_processing_requests: 2000,
                requests_per_second: 1,
                unlimited_ips: loopback.clone(),
                advanced_ips: loopback,
                max_kept_queries: 10_000,
            },
            database: Database { url: "sqlite:aotf.db".to_owned() },
            workers: Workers {
                link_finder: 4,
                index_watcher: 1,
                reverse_search: 2,
                listing: 2,
                lookup: 2,
                indexing: 2,
            },
            twitter: Twitter {
                api_url: "https://api.x.com".to_owned(),
                credentials: Vec::new(),
                image_size: "small".to_owned(),
                search_start: "2006-03-21T00:00:00Z".to_owned(),
                fields_parameter: "tweet.fields".to_owned(),
                oembed_first: true,
                search_interval: Duration::from_secs(1),
                fxtwitter: FxTwitter::default(),
                budget: Budget {
                    daily: Some(MicroUsd(5_000_000)),
                    monthly: Some(MicroUsd(100_000_000)),
                    post_read: MicroUsd(5_000),
                    user_read: MicroUsd(10_000),
                },
            },
            bluesky: Bluesky::default(),
            mastodon: Mastodon::default(),
            links: Links::default(),
            search: Search {
                max_distance: 6,
                candidate_distance_accounts: 10,
                candidate_distance_everything: 10,
                max_results: 1000,
            },
            scan: Scan {
                margin: days(7),
                blocklist: Vec::new(),
                max_pending_posts: 2000,
                timeline: TimelinePolicy::Adaptive,
            },
            maintenance: Maintenance {
                auto_update: Some(days(30)),
                search_cursor_reset: Some(days(365)),
                retry: Duration::from_secs(6 * 3600),
                strict_periods: false,
            },
            fetch: Fetch {
                user_agent: concat!(
                    "aotf/",
                    env!("CARGO_PKG_VERSION"),
                    " (+",
                    env!("CARGO_PKG_REPOSITORY"),
                    ")"
                )
                .to_owned(),
                timeout: Duration::from_secs(30),
                max_concurrent_per_host: 8,
                max_per_second_per_host: 20,
                max_image_bytes: 20 * 1024 * 1024,
                max_page_bytes: 10 * 1024 * 1024,
                witnesses: [
                    "api.x.com",
                    "pbs.twimg.com",
                    "public.api.bsky.app",
                    "www.pixiv.net",
                    "www.deviantart.com",
                    "danbooru.donmai.us",
                ]
                .map(str::to_owned)
                .to_vec(),
                network_wait: Duration::from_secs(24 * 3600),
            },
            sandbox: Sandbox::default(),
            log: Log { level: "info".to_owned(), format: LogFormat::Text, results_log: false, file: None },
            upstreams: BTreeMap::new(),
        }
    }
}

fn days(count: u64) -> Duration {
    Duration::from_secs(count * 86_400)
}

/// A value that never appears in a log or an error: `Debug` hides it. Serialised only towards the
/// one container that needs it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    pub fn new(value: impl Into<String>) -> Secret {
        Secret(value.into())
    }

    /// The value itself, to be put into a request and nowhere else.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(...)")
    }
}

//! Typed settings: read once at start, checked as a whole, passed down by value. A room sees only
//! its own section. `parameters.rs` is the file as written; nothing below `main` reads the environment.

mod blocklist;
mod document;
mod links;
pub mod parameters;
mod section;

pub use document::{Place, Problem};
pub use links::{COOKIE_SITES, Links};
pub use parameters::{ConfigError, Loaded, load};

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::base::ids::Network;

/// Everything an operator can set. `Default` is what `parameters.sample.toml` shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Database, state, index, logs, admin socket. Absolute after loading.
    pub data_dir: PathBuf,
    /// Each role a process of its own; `false` runs the same roles as threads.
    pub multiprocess: bool,
    /// Networks on which accounts are searched for and scanned.
    pub networks: Vec<Network>,
    pub http: Http,
    pub limits: Limits,
    pub database: Database,
    pub workers: Workers,
    pub twitter: Twitter,
    pub links: Links,
    pub search: Search,
    pub scan: Scan,
    pub maintenance: Maintenance,
    pub fetch: Fetch,
    pub log: Log,
    /// Host to the base URL (`http://127.0.0.1:9100`) where requests for it are really sent: scheme and
    /// authority are replaced, path, query and `Host` stay. These targets may be private addresses.
    pub upstreams: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Http {
    pub bind: SocketAddr,
    /// `X-Forwarded-For` is believed from these only.
    pub trusted_proxies: Vec<IpNet>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// Queries in progress for one address.
    pub max_processing_requests_per_ip: u32,
    /// HTTP requests to the query endpoints per second from one address.
    pub requests_per_second: u32,
    /// Addresses to which neither limit applies.
    pub unlimited_ips: Vec<IpAddr>,
    /// Addresses that may search by image file.
    pub advanced_ips: Vec<IpAddr>,
    /// Finished queries and searches kept for asking again; the oldest are forgotten first.
    pub max_kept_queries: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Database {
    /// `sqlite:aotf.db` (relative to `data_dir`).
    pub url: String,
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
    /// look: within the artist's accounts, and over the whole database. Bits, 0 to 12; nothing is
    /// added where it is not greater than `max_distance`.
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
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Log {
    /// A level, or a filter such as `info,aotf::broker=debug`.
    pub level: String,
    pub format: LogFormat,
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

impl Default for Settings {
    fn default() -> Settings {
        let loopback: Vec<IpAddr> =
            vec![std::net::Ipv4Addr::LOCALHOST.into(), std::net::Ipv6Addr::LOCALHOST.into()];
        Settings {
            data_dir: PathBuf::from("data"),
            multiprocess: true,
            networks: vec![Network::Twitter],
            http: Http { bind: SocketAddr::from(([127, 0, 0, 1], 3301)), trusted_proxies: Vec::new() },
            limits: Limits {
                max_processing_requests_per_ip: 10,
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
            },
            links: Links::default(),
            search: Search {
                max_distance: 6,
                candidate_distance_accounts: 10,
                candidate_distance_everything: 6,
                max_results: 1000,
            },
            scan: Scan { margin: days(7), blocklist: Vec::new(), max_pending_posts: 2000 },
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
            },
            log: Log { level: "info".to_owned(), format: LogFormat::Text, file: None },
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

//! `parameters.toml` as it is written: where it is looked up, what each key is called and may be, and
//! how the environment and secrets in files come in. All problems are found at once.

use std::fmt;
use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use tracing_subscriber::EnvFilter;

use super::document::{self, Place, Problem, Value};
use super::section::{Problems, Section};
use super::{
    COOKIE_SITES, ForwardedHeader, LogFormat, Secret, Settings, TimelinePolicy, TwitterCredential, visitors,
};
use crate::base::Timestamp;
use crate::base::ids::Network;
use crate::domain::blocklist;

const DAY: Duration = Duration::from_secs(86_400);
const HOUR: Duration = Duration::from_secs(3_600);
const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const MIB: u64 = 1024 * 1024;
/// A key or a blocklist is shorter; anything longer is the wrong file.
const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;

/// Where the file is looked for when none is named.
pub const LOOKED_UP: [&str; 2] = ["parameters.toml", "/etc/aotf/parameters.toml"];
const IMAGE_SIZES: [&str; 4] = ["small", "medium", "large", "orig"];
const FIELDS_PARAMETERS: [&str; 2] = ["tweet.fields", "post.fields"];

/// Settings, and where they come from.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    pub settings: Settings,
    /// `None` where no file was found: the defaults.
    pub file: Option<PathBuf>,
    /// A variable of the environment sets a key.
    pub uses_environment: bool,
}

impl Loaded {
    /// Somebody has configured the program, in whatever way.
    pub fn is_configured(&self) -> bool {
        self.file.is_some() || self.uses_environment
    }
}

/// Why there are no settings. The status of the program is 78 then (`EX_CONFIG`).
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("could not read the parameter file {path}")]
    Read { path: PathBuf, source: io::Error },
    #[error("{}", Listed { file: file.as_deref(), problems })]
    Problems { file: Option<PathBuf>, problems: Vec<Problem> },
}

struct Listed<'a> {
    file: Option<&'a Path>,
    problems: &'a [Problem],
}

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.map_or_else(|| "the environment".into(), Path::to_string_lossy);
        let plural = if self.problems.len() == 1 { "" } else { "s" };
        write!(f, "{} problem{plural} in {file}:", self.problems.len())?;
        self.problems.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

/// Reads the parameter file and lays the environment over it. The file is `explicit`, or else the one
/// that `AOTF_CONFIG` names, or else the first of `./parameters.toml` and
/// `/etc/aotf/parameters.toml` that exists, or else none. `environment` holds the program's variables.
///
/// # Errors
/// A named file that cannot be read; or all problems of the file and the environment together.
pub fn load(explicit: Option<&Path>, environment: &[(String, String)]) -> Result<Loaded, ConfigError> {
    let variable = |name: &str| {
        environment.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value)
    };
    let named = explicit.map(Path::to_owned).or_else(|| variable("AOTF_CONFIG").map(PathBuf::from));
    let file = named.or_else(|| LOOKED_UP.map(PathBuf::from).into_iter().find(|path| path.exists()));
    let text = match &file {
        Some(path) => std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Read { path: path.clone(), source })?,
        None => String::new(),
    };
    let folder = file.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
    let context = Context {
        folder: folder.to_owned(),
        credentials: variable("CREDENTIALS_DIRECTORY").map(PathBuf::from),
        file: file.clone(),
    };
    let uses_environment = environment.iter().any(|(name, _)| document::key_of(name).is_some());
    match read(&text, environment, &context) {
        Ok(settings) => Ok(Loaded { settings, file, uses_environment }),
        Err(problems) => Err(ConfigError::Problems { file, problems }),
    }
}

/// What the values of a file relate to.
pub(super) struct Context {
    file: Option<PathBuf>,
    /// The parameter file's: where files that it names are looked for.
    folder: PathBuf,
    /// Where systemd puts credentials: looked through first.
    credentials: Option<PathBuf>,
}

fn read(text: &str, environment: &[(String, String)], context: &Context) -> Result<Settings, Vec<Problem>> {
    let mut table = document::parse(text)?;
    let problems = Problems::new(document::overlay(&mut table, environment));
    let mut settings = Settings::default();
    let mut root = Section::outermost(table, &problems);

    root.text("data_dir", &mut settings.data_dir, |text| not_empty(text).map(PathBuf::from));
    root.switch("multiprocess", &mut settings.multiprocess);
    let networks_are_chosen = root.place_of("networks").is_some();
    root.texts("networks", &mut settings.networks, network_named);
    if settings.networks.is_empty() {
        root.problem("networks", &Place::File, "must name one network at least".to_owned());
    }
    read_http(root.section("http"), &mut settings, context);
    read_admin(root.section("admin"), &mut settings);
    read_limits(root.section("limits"), &mut settings);
    settings.api_keys = visitors::read_api_keys(root.sections("api_keys"), context);
    let webhook_secret;
    (settings.webhooks, webhook_secret) = visitors::read_webhooks(root.sections("webhooks"), context);
    let database_secret = read_database(root.section("database"), &mut settings);
    read_workers(root.section("workers"), &mut settings);
    let twitter_secret = read_twitter(root.section("twitter"), &mut settings, context);
    if !networks_are_chosen && settings.twitter.can_be_read() {
        settings.networks = Network::ALL.to_vec();
    }
    read_bluesky(root.section("bluesky"), &mut settings);
    read_mastodon(root.section("mastodon"), &mut settings);
    let links_secret = read_links(root.section("links"), &mut settings);
    read_search(root.section("search"), &mut settings);
    read_scan(root.section("scan"), &mut settings, context);
    read_maintenance(root.section("maintenance"), &mut settings);
    read_fetch(root.section("fetch"), &mut settings);
    read_sandbox(root.section("sandbox"), &mut settings);
    read_log(root.section("log"), &mut settings);
    read_upstreams(root.section("upstreams"), &mut settings);
    root.finish();

    let mut problems = problems.into_inner();
    if let Some(path) = &context.file
        && (database_secret || twitter_secret || links_secret || webhook_secret)
        && let Some(what) = readable_by_others(path)
    {
        problems.push(Problem { place: Place::File, key: String::new(), what });
    }
    match std::path::absolute(&settings.data_dir) {
        Ok(path) => settings.data_dir = path,
        Err(error) => problems.push(Problem {
            place: Place::File,
            key: "data_dir".to_owned(),
            what: format!("cannot be made absolute: {error}"),
        }),
    }
    if problems.is_empty() {
        return Ok(settings);
    }
    problems.sort();
    Err(problems)
}

/// A network by its name.
pub(super) fn network_named(name: &str) -> Result<Network, String> {
    Network::from_name(name).ok_or_else(|| must_be_one_of(&Network::ALL.map(Network::as_str)))
}

fn read_http(mut section: Section<'_>, settings: &mut Settings, context: &Context) {
    let http = &mut settings.http;
    section.text("bind", &mut http.bind, |text| {
        text.parse::<SocketAddr>().map_err(|_| "must be an address and a port, 127.0.0.1:3301".to_owned())
    });
    let mut port = u32::from(http.bind.port());
    section.number("port", &mut port, 0..=u32::from(u16::MAX));
    http.bind.set_port(u16::try_from(port).unwrap_or_default());
    section.text("unix_socket", &mut http.unix_socket, |text| {
        let path = not_empty(text).map(|text| context.folder.join(text))?;
        std::path::absolute(path).map(Some).map_err(|error| format!("cannot be made absolute: {error}"))
    });
    section.texts("trusted_proxies", &mut http.trusted_proxies, ip_network);
    section.text("forwarded_header", &mut http.forwarded_header, |text| match text {
        "x-forwarded-for" => Ok(ForwardedHeader::XForwardedFor),
        "forwarded" => Ok(ForwardedHeader::Forwarded),
        _ => Err(must_be_one_of(&["x-forwarded-for", "forwarded"])),
    });
    section.texts("cors_origins", &mut http.cors_origins, |text| match text {
        "*" => Ok(text.to_owned()),
        _ => base_url(text, false)
            .map_err(|_| format!("{text:?} must be an origin, https://example.com, or *")),
    });
    section.texts("monitor_ips", &mut http.monitor_ips, ip_network);
    section.number("max_connections", &mut http.max_connections, 64..=1_000_000);
    section.number("max_event_streams", &mut http.max_event_streams, 1..=1_000_000);
    section.duration("header_timeout_secs", &mut http.header_timeout, SECOND, 1..=600);
    section.duration("body_timeout_secs", &mut http.body_timeout, SECOND, 1..=3600);
    section.finish();
}

fn read_admin(mut section: Section<'_>, settings: &mut Settings) {
    section.text("group", &mut settings.admin.group, |name| {
        let table = std::fs::read_to_string("/etc/group").unwrap_or_default();
        group_number(name, &table)
            .map(Some)
            .ok_or_else(|| format!("{name:?} must be a group of this machine"))
    });
    section.finish();
}

/// An address stands for the network that it alone makes.
fn ip_network(text: &str) -> Result<IpNet, String> {
    let one_address = || text.parse::<IpAddr>().map(IpNet::from);
    text.parse::<IpNet>()
        .or_else(|_| one_address())
        .map_err(|_| format!("{text:?} must be an address or a network, 10.0.0.0/8"))
}

fn read_limits(mut section: Section<'_>, settings: &mut Settings) {
    let limits = &mut settings.limits;
    section.number(
        "max_processing_requests_per_ip",
        &mut limits.max_processing_requests_per_ip,
        1..=1_000_000,
    );
    section.number("max_processing_requests", &mut limits.max_processing_requests, 1..=1_000_000);
    section.number("requests_per_second", &mut limits.requests_per_second, 1..=1_000_000);
    section.texts("unlimited_ips", &mut limits.unlimited_ips, ip_address);
    section.texts("advanced_ips", &mut limits.advanced_ips, ip_address);
    section.number("max_kept_queries", &mut limits.max_kept_queries, 100..=10_000_000);
    section.finish();
}

/// True when the file itself holds a password.
fn read_database(mut section: Section<'_>, settings: &mut Settings) -> bool {
    let in_file = matches!(section.place_of("url"), Some(Place::Line(_)));
    let mut secret = false;
    section.text("url", &mut settings.database.url, |text| {
        secret = url::Url::parse(text).is_ok_and(|url| url.password().is_some());
        match text.split_once(':') {
            Some(("sqlite", path)) if !path.is_empty() => Ok(text.to_owned()),
            Some(("mysql" | "mariadb" | "postgres" | "postgresql", rest)) if rest.starts_with("//") => {
                Ok(text.to_owned())
            }
            _ => Err("must be sqlite:FILE, mysql://USER:PASSWORD@HOST/NAME or \
                      postgres://USER:PASSWORD@HOST/NAME"
                .to_owned()),
        }
    });
    section.finish();
    in_file && secret
}

fn read_workers(mut section: Section<'_>, settings: &mut Settings) {
    let workers = &mut settings.workers;
    for (key, target) in [
        ("link_finder", &mut workers.link_finder),
        ("index_watcher", &mut workers.index_watcher),
        ("reverse_search", &mut workers.reverse_search),
        ("listing", &mut workers.listing),
        ("lookup", &mut workers.lookup),
        ("indexing", &mut workers.indexing),
    ] {
        section.number(key, target, 1..=256);
    }
    section.finish();
}

/// True when the file itself holds a key.
fn read_twitter(mut section: Section<'_>, settings: &mut Settings, context: &Context) -> bool {
    let twitter = &mut settings.twitter;
    section.text("api_url", &mut twitter.api_url, |text| base_url(text, true));
    section.text("image_size", &mut twitter.image_size, |text| one_of(text, &IMAGE_SIZES));
    section.text("search_start", &mut twitter.search_start, |text| match Timestamp::parse_rfc3339(text) {
        Some(moment) => Ok(moment.to_rfc3339()),
        None => Err("must be a date and time, 2006-03-21T00:00:00Z".to_owned()),
    });
    section.text("fields_parameter", &mut twitter.fields_parameter, |text| one_of(text, &FIELDS_PARAMETERS));
    section.switch("oembed_first", &mut twitter.oembed_first);
    section.duration("search_interval_ms", &mut twitter.search_interval, MILLISECOND, 0..=60_000);
    let mut second = section.section("fxtwitter");
    second.switch("enabled", &mut twitter.fxtwitter.enabled);
    second.text("base_url", &mut twitter.fxtwitter.base_url, |text| base_url(text, true));
    second.switch("preferred", &mut twitter.fxtwitter.preferred);
    second.number("requests_per_second", &mut twitter.fxtwitter.requests_per_second, 1..=1000);
    second.finish();
    let mut budget = section.section("budget");
    budget.usd_or_unlimited("daily_usd", &mut twitter.budget.daily);
    budget.usd_or_unlimited("monthly_usd", &mut twitter.budget.monthly);
    budget.usd("post_read_usd", &mut twitter.budget.post_read);
    budget.usd("user_read_usd", &mut twitter.budget.user_read);
    budget.finish();
    let mut secret_in_file = false;
    for mut credential in section.sections("credentials") {
        let in_line = credential.place_of("bearer_token");
        let in_file = credential.place_of("bearer_token_file");
        secret_in_file |= matches!(in_line, Some(Place::Line(_)));
        let mut token = String::new();
        credential.text("bearer_token", &mut token, bearer_token);
        credential.text("bearer_token_file", &mut token, |name| {
            read_secret(&context.find(name)).and_then(|text| bearer_token(&text))
        });
        let either = "needs either bearer_token or bearer_token_file".to_owned();
        match (in_line, in_file) {
            (Some(place), Some(_)) => credential.problem("bearer_token_file", &place, either),
            (None, None) => credential.problem("bearer_token", &Place::File, either),
            (Some(_), None) | (None, Some(_)) => {}
        }
        credential.finish();
        twitter.credentials.push(TwitterCredential { bearer_token: Secret::new(token) });
    }
    section.finish();
    secret_in_file
}

fn read_bluesky(mut section: Section<'_>, settings: &mut Settings) {
    let bluesky = &mut settings.bluesky;
    section.text("api_url", &mut bluesky.api_url, |text| base_url(text, true));
    section.text("image_size", &mut bluesky.image_size, |text| one_of(text, &["thumbnail", "fullsize"]));
    section.switch("respect_no_unauthenticated", &mut bluesky.respect_no_unauthenticated);
    section.finish();
}

fn read_mastodon(mut section: Section<'_>, settings: &mut Settings) {
    let mastodon = &mut settings.mastodon;
    section.text("image_size", &mut mastodon.image_size, |text| one_of(text, &["small", "original"]));
    section.switch("respect_noindex", &mut mastodon.respect_noindex);
    section.switch("respect_indexable", &mut mastodon.respect_indexable);
    section.finish();
}

/// True when the file itself holds a key or a cookie.
fn read_links(mut section: Section<'_>, settings: &mut Settings) -> bool {
    let links = &mut settings.links;
    section.number("max_pages", &mut links.max_pages, 1..=1000);
    section.duration("time_limit_secs", &mut links.time_limit, SECOND, 1..=600);
    section.texts("plain_pages", &mut links.plain_pages, plain_page);
    section.switch("ask_curators", &mut links.ask_curators);
    section.texts("canaries", &mut links.canaries, page_url);
    let mut secret_in_file = matches!(section.place_of("tumblr_api_key"), Some(Place::Line(_)));
    section.text("tumblr_api_key", &mut links.tumblr_api_key, |text| {
        bearer_token(text).map(|key| Some(Secret::new(key)))
    });
    let mut cookies = section.section("cookies");
    for site in COOKIE_SITES {
        secret_in_file |= matches!(cookies.place_of(site), Some(Place::Line(_)));
        let mut cookie = None;
        cookies.text(site, &mut cookie, |text| cookie_header(text).map(Some));
        links.cookies.extend(cookie.map(|cookie| (site.to_owned(), Secret::new(cookie))));
    }
    cookies.finish();
    section.finish();
    secret_in_file
}

fn read_search(mut section: Section<'_>, settings: &mut Settings) {
    section.number("max_distance", &mut settings.search.max_distance, 0..=12);
    let search = &mut settings.search;
    section.number("candidate_distance_accounts", &mut search.candidate_distance_accounts, 0..=12);
    section.number("candidate_distance_everything", &mut search.candidate_distance_everything, 0..=12);
    section.number("max_results", &mut settings.search.max_results, 1..=100_000);
    section.finish();
}

fn read_scan(mut section: Section<'_>, settings: &mut Settings, context: &Context) {
    let scan = &mut settings.scan;
    section.duration("margin_days", &mut scan.margin, DAY, 0..=3650);
    section.number("max_pending_posts", &mut scan.max_pending_posts, 100..=1_000_000);
    section.text("timeline", &mut scan.timeline, |text| match text {
        "adaptive" => Ok(TimelinePolicy::Adaptive),
        "always" => Ok(TimelinePolicy::Always),
        "never" => Ok(TimelinePolicy::Never),
        _ => Err(must_be_one_of(&["adaptive", "always", "never"])),
    });
    section.text("blocklist", &mut scan.blocklist, |name| {
        let path = context.find(name);
        let text = read_small(&path)?;
        blocklist::parse(&text).map_err(|wrong| {
            let lines: Vec<String> =
                wrong.iter().map(|(line, what)| format!("{}:{line}: {what}", path.display())).collect();
            lines.join("; ")
        })
    });
    section.finish();
}

fn read_maintenance(mut section: Section<'_>, settings: &mut Settings) {
    let maintenance = &mut settings.maintenance;
    section.duration_or_never("auto_update_days", &mut maintenance.auto_update, DAY, 3650);
    section.duration_or_never("search_cursor_reset_days", &mut maintenance.search_cursor_reset, DAY, 3650);
    section.duration("retry_hours", &mut maintenance.retry, HOUR, 1..=8760);
    section.switch("strict_periods", &mut maintenance.strict_periods);
    section.finish();
}

fn read_fetch(mut section: Section<'_>, settings: &mut Settings) {
    let fetch = &mut settings.fetch;
    section.text("user_agent", &mut fetch.user_agent, |text| {
        let fits = !text.is_empty() && text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        if fits { Ok(text.to_owned()) } else { Err("must be printable ASCII".to_owned()) }
    });
    section.duration("timeout_secs", &mut fetch.timeout, SECOND, 1..=600);
    section.number("max_concurrent_per_host", &mut fetch.max_concurrent_per_host, 1..=1000);
    section.number("max_per_second_per_host", &mut fetch.max_per_second_per_host, 1..=10_000);
    for (key, target) in
        [("max_image_mib", &mut fetch.max_image_bytes), ("max_page_mib", &mut fetch.max_page_bytes)]
    {
        let mut mebibytes = *target / MIB;
        section.number(key, &mut mebibytes, 1..=1024);
        *target = mebibytes * MIB;
    }
    section.texts("witnesses", &mut fetch.witnesses, |text| {
        let is_host = text.contains('.') && !text.contains(['/', ':', ' ', '@']);
        if is_host { Ok(text.to_ascii_lowercase()) } else { Err(format!("{text:?} must be a host's name")) }
    });
    section.duration("network_wait_hours", &mut fetch.network_wait, HOUR, 0..=8760);
    section.finish();
}

fn read_sandbox(mut section: Section<'_>, settings: &mut Settings) {
    section.switch("enabled", &mut settings.sandbox.enabled);
    let memory = &mut settings.sandbox.memory;
    let mut limits = section.section("memory_mib");
    for (key, target) in [
        ("broker", &mut memory.broker),
        ("front", &mut memory.front),
        ("console", &mut memory.console),
        ("link_finder", &mut memory.link_finder),
        ("index_watcher", &mut memory.index_watcher),
        ("reverse_search", &mut memory.reverse_search),
        ("listing", &mut memory.listing),
        ("indexing", &mut memory.indexing),
        ("maintenance", &mut memory.maintenance),
    ] {
        limits.number(key, target, 64..=1_048_576);
    }
    limits.finish();
    section.finish();
}

fn read_log(mut section: Section<'_>, settings: &mut Settings) {
    section.text("level", &mut settings.log.level, |text| match EnvFilter::try_new(text) {
        Ok(_) if !text.trim().is_empty() => Ok(text.to_owned()),
        Ok(_) | Err(_) => {
            Err("must be error, warn, info, debug, trace, or a filter such as info,aotf::broker=debug"
                .to_owned())
        }
    });
    section.text("format", &mut settings.log.format, |text| match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err(must_be_one_of(&["text", "json"])),
    });
    section.switch("results_log", &mut settings.log.results_log);
    section.finish();
}

fn read_upstreams(mut section: Section<'_>, settings: &mut Settings) {
    for (host, node) in section.take_all() {
        let target = match &node.value {
            Value::Text(text) | Value::Untyped(text) => base_url(text, false),
            other => Err(format!("must be a text, not {}", other.kind())),
        };
        match target {
            Ok(target) => drop(settings.upstreams.insert(host.to_ascii_lowercase(), target)),
            Err(what) => section.problem(&host, &node.place, what),
        }
    }
}

impl Context {
    /// A file that the parameters name: absolute, a credential of systemd, or beside the parameter
    /// file.
    pub(super) fn find(&self, name: &str) -> PathBuf {
        let credential = self.credentials.as_ref().map(|folder| folder.join(name));
        credential.filter(|path| path.exists()).unwrap_or_else(|| self.folder.join(name))
    }
}

/// The number of a group: its own, or that of its line in `/etc/group`, `aotf:x:998:jane`.
fn group_number(name: &str, table: &str) -> Option<u32> {
    if let Ok(number) = name.parse() {
        return Some(number);
    }
    table.lines().find_map(|line| {
        let mut fields = line.split(':');
        let number = fields.next().filter(|group| *group == name).and_then(|_| fields.nth(1));
        number?.parse().ok()
    })
}

fn not_empty(text: &str) -> Result<&str, String> {
    if text.is_empty() { Err("must not be empty".to_owned()) } else { Ok(text) }
}

fn ip_address(text: &str) -> Result<IpAddr, String> {
    text.parse().map_err(|_| format!("{text:?} must be an IP address"))
}

fn one_of(text: &str, names: &[&str]) -> Result<String, String> {
    if names.contains(&text) { Ok(text.to_owned()) } else { Err(must_be_one_of(names)) }
}

fn must_be_one_of(names: &[&str]) -> String {
    match names {
        [only] => format!("must be {only:?}"),
        names => format!("must be one of {}", names.join(", ")),
    }
}

/// `http://host:port`, without a slash at its end; with a path only where that is meant.
fn base_url(text: &str, may_have_path: bool) -> Result<String, String> {
    let must = || Err("must be a URL, http://127.0.0.1:9100".to_owned());
    let Ok(url) = url::Url::parse(text) else { return must() };
    let plain = matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none()
        && (may_have_path || url.path() == "/");
    if plain { Ok(text.trim_end_matches('/').to_owned()) } else { must() }
}

/// A page of the web.
pub(super) fn page_url(text: &str) -> Result<String, String> {
    match url::Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(text.to_owned()),
        Ok(_) | Err(_) => Err(format!("{text:?} must be a URL, https://example.com/page")),
    }
}

/// A host alone, or the start of a URL.
fn plain_page(text: &str) -> Result<String, String> {
    let is_host = text.contains('.')
        && !text.starts_with('.')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'));
    match is_host {
        true => Ok(text.to_ascii_lowercase()),
        false => page_url(text)
            .map_err(|_| format!("{text:?} must be a host, example.com, or a URL, https://example.com/page")),
    }
}

/// `name=value; name=value`, which is never repeated in a message.
fn cookie_header(text: &str) -> Result<String, String> {
    let fits = text.contains('=') && text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if fits { Ok(text.to_owned()) } else { Err("must be a Cookie header, name=value; name=value".to_owned()) }
}

/// What can stand in a header; the value is never repeated in a message.
pub(super) fn bearer_token(text: &str) -> Result<String, String> {
    let fits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    if fits { Ok(text.to_owned()) } else { Err("is no key: empty, or with spaces in it".to_owned()) }
}

pub(super) fn read_secret(path: &Path) -> Result<String, String> {
    if let Some(what) = readable_by_others(path) {
        return Err(what);
    }
    read_small(path).map(|text| text.trim().to_owned())
}

fn read_small(path: &Path) -> Result<String, String> {
    let mut text = String::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(MAX_FILE_BYTES).read_to_string(&mut text))
        .map_err(|error| format!("could not read {}: {error}", path.display()))?;
    Ok(text)
}

/// What to do about a file with secrets that everybody on the machine can read.
fn readable_by_others(path: &Path) -> Option<String> {
    let mode = std::fs::metadata(path).ok()?.permissions().mode();
    let path = path.display();
    (mode & 0o004 != 0)
        .then(|| format!("{path} holds secrets and others can read it; mend with: chmod o-rwx {path}"))
}

#[cfg(test)]
mod tests;

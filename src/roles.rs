//! The table of process kinds: what each is, how often it runs, and its main function. The only file
//! beside the command line that sees every room: it puts them together.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use crossbeam_channel as queue;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::{oneshot, watch};

use crate::base::ids::{Network, QueryId};
use crate::base::roles::{Role, Stage};
use crate::base::{ErrorChain, Reaction, StopSignal};
use crate::broker::Policy;
use crate::broker::client::FrontClient;
use crate::broker::server::{self, StoreLink};
use crate::config::Settings;
use crate::console::pictures::Outside;
use crate::console::{AtWork, ConsoleEnd, SavedTerminal};
use crate::domain::blocklist::Blocklist;
use crate::fetch::{Fetch, HttpFetch, NetworkWatch};
use crate::front::broker::{Broker, Root, Unavailable};
use crate::index::shared::{Reader, Writer};
use crate::ipc::container::{ContainerContext, ContainerError, ControlHandle};
use crate::ipc::control::Link;
use crate::ipc::{Blob, Prepared};
use crate::links::{CacheLimits, CachedFetch, LinkSettings};
use crate::networks::bluesky::BlueskyClient;
use crate::networks::fxtwitter::FxTwitterClient;
use crate::networks::mastodon::MastodonClient;
use crate::networks::sources::Sources;
use crate::networks::twitter::TwitterClient;
use crate::networks::{Meter, NetworkClient, Waiter};
use crate::proto::control::StacksWritten;
use crate::proto::front::{FrontAnswer, FrontQuestion};
use crate::proto::view::{QueryStatus, QueryView};
use crate::proto::work::MaintenanceTask;
use crate::sandbox::{self, Confinement, ResolverFile};
use crate::sites::Credentials;
use crate::stages::container::{WorkerSpec, run};
use crate::stages::delivery::{self, Deliveries, Receiver};
use crate::stages::index_watcher::IndexWatcher;
use crate::stages::indexing::Indexing;
use crate::stages::link_finder::LinkFinder;
use crate::stages::listing::{Listing, VisibleWaiter};
use crate::stages::maintenance::Maintenance;
use crate::stages::reverse_search::ReverseSearch;
use crate::store::state::StateFile;
use crate::store::{Location, StoreError};
use crate::storekeeper::orders::{FromStorekeeper, StorePart, ToStorekeeper};
use crate::storekeeper::{self, StorekeeperError, StorekeeperHandle, StorekeeperSettings};
use crate::supervisor::{ContainerSpec, Restart};
use crate::telemetry::events;
use crate::{api, fetch, front};

/// Receivers that can be told at the same time; a slow one holds up one of them.
const DELIVERY_WORKERS: usize = 2;
/// How long the end waits for the last commit. Less than the root's own patience.
const STORE_PATIENCE: Duration = Duration::from_millis(400);

/// The processes of the tree, in the order of their start. The console is one of them only where
/// there is a terminal for it.
pub fn specs(with_console: bool) -> Vec<ContainerSpec> {
    Role::ALL
        .into_iter()
        .filter(|role| *role != Role::Console || with_console)
        .map(|role| ContainerSpec {
            role,
            main: main_of(role),
            count: 1,
            restart: if role == Role::Console { Restart::OnFailure } else { Restart::Always },
        })
        .collect()
}

/// The main function of a role.
pub fn main_of(role: Role) -> fn(ContainerContext) -> Result<(), ContainerError> {
    match role {
        Role::Broker => broker,
        Role::Front => front,
        Role::Console => console,
        Role::LinkFinder => link_finder,
        Role::IndexWatcher => index_watcher,
        Role::ReverseSearch => reverse_search,
        Role::Listing => listing,
        Role::Indexing => indexing,
        Role::Maintenance => maintenance,
    }
}

/// Where the fingerprint index lies.
pub fn index_dir(settings: &Settings) -> PathBuf {
    settings.data_dir.join("index")
}

/// The database that these settings name.
///
/// # Errors
/// When the URL is of no engine that this program has.
pub fn database(settings: &Settings) -> Result<Location, StoreError> {
    storekeeper::location(&settings.database.url, &settings.data_dir, &settings.maintenance)
}

// ---- broker

fn broker(context: ContainerContext) -> Result<(), ContainerError> {
    let settings = &context.settings;
    let (index, opened) = Writer::open(&index_dir(settings))
        .map_err(|error| ContainerError::passing("the fingerprint index cannot be opened", error))?;
    if let Some(lost) = opened.lost {
        tracing::warn!(error = %ErrorChain(&lost), "the fingerprint index is remade from the database");
    }
    let (orders, taken) = storekeeper::channel();
    let (report, reports) = queue::unbounded();
    let opening = {
        let (settings, stop) = (settings.clone(), context.stop.clone());
        let open = move || open_storekeeper(&settings, &stop, index, taken, report);
        std::thread::Builder::new()
            .name("open-database".to_owned())
            .spawn(open)
            .map_err(|error| ContainerError::passing("could not start a thread", error))?
    };
    let control = context.control.clone();
    let ended = server::run(
        policy(settings),
        StoreLink { orders, reports },
        context.links.queue(),
        &context.stop,
        move || control.ready(),
    );
    // A server that does not answer at all may hold the attempt to reach it up; the process ends without it.
    if context.stop.is_set() && !opening.is_finished() {
        return Ok(());
    }
    match opening.join() {
        Ok(Ok(Some(keeper))) => {
            if !keeper.finish(STORE_PATIENCE) {
                tracing::warn!(
                    "the storekeeper did not end in time; what it had not committed is done again"
                );
            }
        }
        Ok(Ok(None)) => {}
        Ok(Err(error)) => return Err(ContainerError::fatal("the database cannot be used", error)),
        Err(_) => tracing::error!("the thread that opens the database panicked"),
    }
    ended.map_err(|error| ContainerError::passing("the broker cannot go on", error))
}

/// Waits until the database can be opened, since a server may start later than this program, says meanwhile what
/// it waits for, and starts the storekeeper. `None` if the program was stopped meanwhile.
fn open_storekeeper(
    settings: &Settings,
    stop: &StopSignal,
    index: Writer,
    taken: queue::Receiver<ToStorekeeper>,
    report: queue::Sender<FromStorekeeper>,
) -> Result<Option<StorekeeperHandle>, StorekeeperError> {
    const PAUSE: Duration = Duration::from_secs(2);
    // When the loop has ended, nobody waits for it.
    let tell = move |message| drop(report.send(message));
    let journal = settings.data_dir.join("state.db");
    let mut waited = false;
    loop {
        let opened = database(settings)
            .and_then(|database| database.open())
            .map_err(|source| StorekeeperError::Database { source })
            .and_then(|_| StateFile::open(&journal).map_err(|source| StorekeeperError::Journal { source }));
        let Err(error) = opened else { break };
        if error.reaction() == Reaction::GiveUp {
            return Err(error);
        }
        let why = ErrorChain(&error).to_string();
        tracing::warn!(error = why, "the database is not there yet; waiting for it");
        tell(FromStorekeeper::Trouble { part: StorePart::Database, why: Some(why) });
        waited = true;
        if stop.wait(PAUSE) {
            return Ok(None);
        }
    }
    if waited {
        tell(FromStorekeeper::Trouble { part: StorePart::Database, why: None });
    }
    let parameters = StorekeeperSettings {
        data_dir: settings.data_dir.clone(),
        database_url: settings.database.url.clone(),
        maintenance: settings.maintenance.clone(),
        index_dir: index_dir(settings),
        results_log: settings.log.results_log.then(|| settings.data_dir.join("logs/results.jsonl")),
    };
    storekeeper::start(parameters, index, taken, tell).map(Some)
}

fn policy(settings: &Settings) -> Policy {
    /// How often it is looked for accounts whose turn it is; they are taken up a few at a time.
    const LOOK: Duration = Duration::from_secs(600);
    let mut maintenance = vec![(MaintenanceTask::RetryPosts, LOOK)];
    if settings.maintenance.auto_update.is_some() {
        maintenance.push((MaintenanceTask::UpdateAccounts, LOOK));
    }
    if settings.maintenance.search_cursor_reset.is_some() {
        maintenance.push((MaintenanceTask::ResetSearchCursors, LOOK));
    }
    Policy {
        max_processing_requests_per_ip: settings.limits.max_processing_requests_per_ip,
        max_processing_requests: usize::try_from(settings.limits.max_processing_requests)
            .unwrap_or(usize::MAX),
        max_kept_queries: usize::try_from(settings.limits.max_kept_queries).unwrap_or(usize::MAX),
        max_pending_posts: usize::try_from(settings.scan.max_pending_posts).unwrap_or(usize::MAX),
        blocklist: Blocklist::new(&settings.scan.blocklist),
        maintenance,
        budget: Some((Network::Twitter, settings.twitter.budget)),
        timeline: settings.scan.timeline,
        results_log: settings.log.results_log,
        salt: fastrand::u64(..),
    }
}

// ---- front and console

/// What a container process does before its first thread starts: `front` opens its sockets, then each gives
/// up what its role does not need.
///
/// # Errors
/// A socket cannot be opened, or the kernel refuses to confine the process.
pub fn prepare(role: Role, settings: &Settings) -> Result<Prepared, ContainerError> {
    let prepared: Prepared = match role {
        Role::Front => Some(Box::new(front::open(settings).map_err(front_failed)?)),
        Role::ReverseSearch => {
            // What is not there yet cannot be allowed. The broker may be about to make it.
            std::fs::create_dir_all(index_dir(settings))
                .map_err(|error| ContainerError::passing("the folder of the index cannot be made", error))?;
            None
        }
        _ => None,
    };
    confine(role, settings)?;
    Ok(prepared)
}

/// Gives up what the role does not need, where the settings say so.
///
/// # Errors
/// The kernel refuses what it can do.
pub fn confine(role: Role, settings: &Settings) -> Result<(), ContainerError> {
    let Some(confinement) = Confinement::of(role, settings).filter(|_| settings.sandbox.enabled) else {
        return Ok(());
    };
    let held = sandbox::enter(&confinement)
        .map_err(|error| ContainerError::fatal("the process cannot be confined ([sandbox])", error))?;
    // All have the same kernel: one of them says it.
    if role == Role::Broker {
        events::confined(held.gap());
    }
    Ok(())
}

fn front_failed(error: front::FrontError) -> ContainerError {
    match error.is_fatal() {
        true => ContainerError::fatal("the front cannot serve", error),
        false => ContainerError::passing("the front cannot serve", error),
    }
}

fn front(context: ContainerContext) -> Result<(), ContainerError> {
    let sockets = match context.prepared.and_then(|sockets| sockets.downcast::<front::Sockets>().ok()) {
        Some(sockets) => *sockets,
        None => front::open(&context.settings).map_err(front_failed)?,
    };
    let client = FrontClient::new();
    let attaching = Arc::clone(&client);
    let links = context.links;
    std::thread::Builder::new()
        .name("links".to_owned())
        .spawn(move || {
            while let Some(link) = links.next_link() {
                if let Link::FrontLink(end) = link {
                    attaching.attach(end);
                }
            }
        })
        .map_err(|error| ContainerError::passing("could not start a thread", error))?;
    let (stopped, stopping) = oneshot::channel::<()>();
    context.stop.when_set(move || drop(stopped));
    let ready = context.control.clone();
    front::run(
        &context.settings,
        sockets,
        Arc::new(BrokerLink(client)),
        Arc::new(RootLink(context.control.clone())),
        move || ready.ready(),
        stopping.map(|_| ()),
    )
    .map_err(front_failed)
}

struct BrokerLink(Arc<FrontClient>);

impl Broker for BrokerLink {
    fn ask(
        &self,
        question: FrontQuestion,
        attachment: Option<Bytes>,
    ) -> BoxFuture<'static, Result<FrontAnswer, Unavailable>> {
        let (answered, answer) = oneshot::channel();
        let blob = attachment.map(|bytes| Blob::new(&bytes));
        let reply = Box::new(move |result| {
            // A caller that has given up needs no answer.
            let _ = answered.send(result);
        });
        self.0.ask(question, blob, reply);
        async move {
            match answer.await {
                Ok(Ok(answer)) => Ok(answer),
                Ok(Err(_)) | Err(_) => Err(Unavailable { why: "the broker is away".to_owned() }),
            }
        }
        .boxed()
    }

    fn watch(&self, query: QueryId) -> watch::Receiver<Option<QueryView>> {
        let (changed, views) = watch::channel(None);
        self.0.watch(
            query,
            Box::new(move |view| {
                let heard = changed.send(Some(view.clone())).is_ok();
                heard && view.status != QueryStatus::End
            }),
        );
        views
    }
}

struct RootLink(ControlHandle);

impl Root for RootLink {
    fn request_stop(&self, by: &str) {
        self.0.request_stop(by);
    }

    fn stacks(&self) -> oneshot::Receiver<StacksWritten> {
        let (told, written) = oneshot::channel();
        self.0.request_stacks(move |result| {
            // A client that has left needs no answer.
            let _ = told.send(result);
        });
        written
    }
}

/// The console may show the reply to `stop` before it ends; work that it follows is not waited for longer.
const LAST_REPLY: Duration = Duration::from_secs(1);

fn console(context: ContainerContext) -> Result<(), ContainerError> {
    context.control.ready();
    let socket = front::admin_socket(&context.settings);
    let outside = Outside::of(&context.settings);
    // The line editor blocks on the terminal: the end of the program must not wait for a key.
    let terminal = SavedTerminal::capture();
    let at_work = Arc::new(AtWork::default());
    let last = Arc::clone(&at_work);
    context.stop.when_set(move || {
        last.wait_for_end(LAST_REPLY);
        if let Some(terminal) = &terminal {
            terminal.restore();
        }
        std::process::exit(0);
    });
    match crate::console::run(&socket, context.settings.log.file.as_deref(), &outside, &at_work) {
        Ok(ConsoleEnd::Left | ConsoleEnd::StopRequested) => {}
        Ok(ConsoleEnd::Interrupted) => context.control.request_stop("Ctrl-C on the console"),
        Err(error) => return Err(ContainerError::passing("the console ended", error)),
    }
    context.stop.wait_forever();
    Ok(())
}

// ---- workers

fn start_fetch(context: &ContainerContext) -> Result<Arc<HttpFetch>, ContainerError> {
    keep_resolving(context)?;
    fetch::HttpFetch::start_patient(&context.settings.fetch, &context.settings.upstreams)
        .map(Arc::new)
        .map_err(no_requests)
}

fn no_requests(error: fetch::StartError) -> ContainerError {
    ContainerError::fatal("requests cannot be made", error)
}

fn keep_resolving(context: &ContainerContext) -> Result<(), ContainerError> {
    if context.settings.sandbox.enabled && context.settings.multiprocess {
        watch_resolver(context.stop.clone())?;
    }
    Ok(())
}

fn fetch_through(
    context: &ContainerContext,
    upstreams: &BTreeMap<String, String>,
) -> Result<Arc<HttpFetch>, ContainerError> {
    fetch::HttpFetch::start(&context.settings.fetch, upstreams).map(Arc::new).map_err(no_requests)
}

/// Ends a confined container when the list of name servers is replaced: its successor may read the new one.
fn watch_resolver(stop: StopSignal) -> Result<(), ContainerError> {
    const LOOK: Duration = Duration::from_secs(10);
    let file = ResolverFile::now();
    std::thread::Builder::new()
        .name("resolver".to_owned())
        .spawn(move || {
            while !stop.wait(LOOK) {
                if file.was_replaced() {
                    events::resolver_replaced();
                    return stop.set();
                }
            }
        })
        .map(drop)
        .map_err(|error| ContainerError::passing("could not start a thread", error))
}

/// How far the search for an artist's accounts goes.
pub fn link_settings(settings: &Settings) -> LinkSettings {
    let links = &settings.links;
    LinkSettings {
        networks: settings.networks.clone(),
        max_pages: links.max_pages,
        time_limit: links.time_limit,
        ask_curators: links.ask_curators,
        plain_pages: links.plain_pages.clone(),
        credentials: Credentials {
            cookies: links.cookies.clone(),
            tumblr_api_key: links.tumblr_api_key.clone(),
        },
        ..LinkSettings::default()
    }
}

fn link_finder(context: ContainerContext) -> Result<(), ContainerError> {
    let settings = context.settings.clone();
    let http = start_fetch(&context)?;
    let fetch: Arc<dyn Fetch> = Arc::new(CachedFetch::new(Arc::clone(&http), CacheLimits::default()));
    let links = link_settings(&settings);
    let specs = (0..settings.workers.link_finder.max(1)).map(|_| {
        let (fetch, network, settings) = (Arc::clone(&fetch), http.network(), links.clone());
        WorkerSpec::new(&[Stage::LinkFinder], move |_| LinkFinder { fetch, network, settings })
    });
    let specs = specs.collect();
    run(&context, specs, &http.network(), move || http.stop())
}

fn index_watcher(context: ContainerContext) -> Result<(), ContainerError> {
    let margin = context.settings.scan.margin;
    let specs = (0..context.settings.workers.index_watcher.max(1))
        .map(|_| WorkerSpec::new(&[Stage::IndexWatcher], move |_| IndexWatcher { margin }));
    run(&context, specs.collect(), &NetworkWatch::of_none(), || {})
}

fn reverse_search(context: ContainerContext) -> Result<(), ContainerError> {
    let settings = context.settings.clone();
    let http = start_fetch(&context)?;
    let index = Reader::open(&index_dir(&settings))
        .map_err(|error| ContainerError::passing("the fingerprint index cannot be mapped", error))?;
    let cold = index.clone();
    std::thread::Builder::new()
        .name("index-warmer".to_owned())
        .spawn(move || cold.warm_up())
        .map_err(|error| ContainerError::passing("could not start a thread", error))?;
    let specs = (0..settings.workers.reverse_search.max(1)).map(|_| {
        let fetch: Arc<dyn Fetch> = Arc::clone(&http) as _;
        let (index, settings) = (index.clone(), settings.clone());
        WorkerSpec::new(&[Stage::ReverseSearch], move |_| ReverseSearch {
            fetch,
            index,
            search: settings.search.clone(),
            max_image_bytes: settings.fetch.max_image_bytes,
            numbers: HashMap::new(),
        })
    });
    let stopping = Arc::clone(&http);
    run(&context, specs.collect(), &http.network(), move || stopping.stop())
}

fn listing(context: ContainerContext) -> Result<(), ContainerError> {
    let settings = context.settings.clone();
    let http = start_fetch(&context)?;
    let stop = context.stop.clone();
    // One client of each network for all workers, who share what limits it; each waits in its own way.
    let shared: Arc<OnceLock<Clients>> = Arc::default();
    let spec = |stage: Stage| {
        let (shared, stop) = (Arc::clone(&shared), stop.clone());
        let (fetch, settings): (Arc<dyn Fetch>, _) = (Arc::clone(&http) as _, settings.clone());
        WorkerSpec::new(&[stage], move |client| {
            let waiter = VisibleWaiter::new(Arc::clone(client), stop);
            let (waits, meters) = (Arc::clone(&waiter) as _, Arc::clone(&waiter) as _);
            let clients = shared.get_or_init(|| Clients::new(&fetch, &settings, &waits));
            Listing { clients: clients.of(&settings.networks, &waits, &meters), waiter }
        })
    };
    let mut specs = Vec::new();
    for _ in 0..settings.workers.listing.max(1) {
        specs.push(spec(Stage::SearchListing));
        specs.push(spec(Stage::TimelineListing));
    }
    for _ in 0..settings.workers.lookup.max(1) {
        specs.push(spec(Stage::Lookup));
    }
    run(&context, specs, &http.network(), move || http.stop())
}

/// The clients of the configured networks, for a command that asks them without a daemon.
pub fn network_clients(
    fetch: &Arc<dyn Fetch>,
    settings: &Settings,
    waiter: &Arc<dyn Waiter>,
    meter: &Arc<dyn Meter>,
) -> Vec<Box<dyn NetworkClient>> {
    Clients::new(fetch, settings, waiter).of(&settings.networks, waiter, meter)
}

/// One client of each network.
struct Clients {
    twitter: TwitterClient,
    /// The second source of X, and whether it is asked first.
    fxtwitter: Option<(FxTwitterClient, bool)>,
    bluesky: BlueskyClient,
    mastodon: MastodonClient,
}

impl Clients {
    fn new(fetch: &Arc<dyn Fetch>, settings: &Settings, waiter: &Arc<dyn Waiter>) -> Clients {
        let second = &settings.twitter.fxtwitter;
        let fxtwitter = second.enabled.then(|| {
            let client = FxTwitterClient::new(Arc::clone(fetch), &settings.twitter, Arc::clone(waiter));
            (client, second.preferred)
        });
        Clients {
            fxtwitter,
            twitter: TwitterClient::new(Arc::clone(fetch), &settings.twitter, Arc::clone(waiter)),
            bluesky: BlueskyClient::new(Arc::clone(fetch), &settings.bluesky, Arc::clone(waiter)),
            mastodon: MastodonClient::new(Arc::clone(fetch), &settings.mastodon, Arc::clone(waiter)),
        }
    }

    /// Those of the wanted networks, for a worker that waits in its own way.
    fn of(
        &self,
        networks: &[Network],
        waiter: &Arc<dyn Waiter>,
        meter: &Arc<dyn Meter>,
    ) -> Vec<Box<dyn NetworkClient>> {
        let client = |network: &Network| -> Box<dyn NetworkClient> {
            let waiter = Arc::clone(waiter);
            match network {
                Network::Twitter => {
                    let paid =
                        Box::new(self.twitter.with_waiter(Arc::clone(&waiter)).with_meter(Arc::clone(meter)));
                    match &self.fxtwitter {
                        None => paid,
                        Some((second, is_preferred)) => {
                            let mut sources: Vec<Box<dyn NetworkClient>> =
                                vec![paid, Box::new(second.with_waiter(waiter))];
                            if *is_preferred {
                                sources.reverse();
                            }
                            Box::new(Sources::new(Network::Twitter, sources))
                        }
                    }
                }
                Network::Bluesky => Box::new(self.bluesky.with_waiter(waiter)),
                Network::Mastodon => Box::new(self.mastodon.with_waiter(waiter)),
            }
        };
        networks.iter().map(client).collect()
    }
}

fn indexing(context: ContainerContext) -> Result<(), ContainerError> {
    let settings = context.settings.clone();
    let http = start_fetch(&context)?;
    let max_image_bytes = settings.fetch.max_image_bytes;
    let specs = (0..settings.workers.indexing.max(1)).map(|_| {
        let fetch: Arc<dyn Fetch> = Arc::clone(&http) as _;
        WorkerSpec::new(&[Stage::Indexing], move |_| Indexing { fetch, max_image_bytes })
    });
    let stopping = Arc::clone(&http);
    run(&context, specs.collect(), &http.network(), move || stopping.stop())
}

fn maintenance(context: ContainerContext) -> Result<(), ContainerError> {
    let mut specs = vec![WorkerSpec::new(&[Stage::Maintenance], |_| Maintenance)];
    if context.settings.webhooks.is_empty() {
        // Without a worker for it, what was accepted under another configuration waits for its return.
        return run(&context, specs, &NetworkWatch::of_none(), || {});
    }
    keep_resolving(&context)?;
    let mut ways_out = Vec::new();
    let mut receivers = Vec::new();
    for webhook in &context.settings.webhooks {
        // One way out for each: receivers on this machine may differ in nothing but their port.
        let mut upstreams = context.settings.upstreams.clone();
        if let Some((host, target)) = delivery::upstream(webhook) {
            upstreams.entry(host).or_insert(target);
        }
        let http = fetch_through(&context, &upstreams)?;
        receivers.push(Receiver { webhook: webhook.clone(), fetch: Arc::clone(&http) as _ });
        ways_out.push(http);
    }
    let receivers = Arc::new(receivers);
    for _ in 0..DELIVERY_WORKERS {
        let receivers = Arc::clone(&receivers);
        let body = api::answers::answer_json;
        specs.push(WorkerSpec::new(&[Stage::Delivery], move |_| Deliveries { receivers, body }));
    }
    // A delivery that fails is tried again for a day anyway, and some receivers are on this machine.
    run(&context, specs, &NetworkWatch::of_none(), move || ways_out.iter().for_each(|http| http.stop()))
}

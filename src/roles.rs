//! The table of process kinds: what each is, how often it runs, and its main function. The only file
//! beside the command line that sees every room: it puts them together.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use crossbeam_channel as queue;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::{oneshot, watch};

use crate::base::ErrorChain;
use crate::base::ids::{Network, QueryId};
use crate::broker::client::FrontClient;
use crate::broker::server::{self, StoreLink};
use crate::broker::state::Policy;
use crate::config::Settings;
use crate::fetch::{Fetch, HttpFetch};
use crate::front::broker::{Broker, Root, Unavailable};
use crate::front::console::{ConsoleEnd, SavedTerminal};
use crate::index::shared::{Reader, Writer};
use crate::ipc::Blob;
use crate::ipc::container::{ContainerContext, ContainerError, ControlHandle};
use crate::ipc::control::Link;
use crate::links::{CacheLimits, CachedFetch, LinkSettings};
use crate::networks::NetworkClient;
use crate::networks::twitter::TwitterClient;
use crate::proto::data::MaintenanceTask;
use crate::proto::front::{FrontAnswer, FrontQuestion};
use crate::proto::roles::{Role, Stage};
use crate::proto::view::{QueryStatus, QueryView};
use crate::sites::Credentials;
use crate::stages::container::{WorkerSpec, run};
use crate::stages::index_watcher::IndexWatcher;
use crate::stages::indexing::Indexing;
use crate::stages::link_finder::LinkFinder;
use crate::stages::listing::{Listing, VisibleWaiter};
use crate::stages::maintenance::Maintenance;
use crate::stages::reverse_search::ReverseSearch;
use crate::store::{Location, StoreError};
use crate::storekeeper::{self, StorekeeperSettings};
use crate::supervisor::{ContainerSpec, Restart};
use crate::{fetch, front};

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
    let keeper = storekeeper::start(
        StorekeeperSettings {
            data_dir: settings.data_dir.clone(),
            database_url: settings.database.url.clone(),
            maintenance: settings.maintenance.clone(),
        },
        index,
        taken,
        move |message| {
            // When the loop has ended, nobody waits for it.
            let _ = report.send(message);
        },
    )
    .map_err(|error| ContainerError::fatal("the database cannot be used", error))?;
    let control = context.control.clone();
    let ended = server::run(
        policy(settings),
        StoreLink { orders, reports },
        context.links.queue(),
        &context.stop,
        move || control.ready(),
    );
    if !keeper.finish(STORE_PATIENCE) {
        tracing::warn!("the storekeeper did not end in time; what it had not committed is done again");
    }
    ended.map_err(|error| ContainerError::passing("the broker cannot go on", error))
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
        max_kept_queries: usize::try_from(settings.limits.max_kept_queries).unwrap_or(usize::MAX),
        max_pending_posts: usize::try_from(settings.scan.max_pending_posts).unwrap_or(usize::MAX),
        blocklist: settings.scan.blocklist.iter().map(|entry| entry.to_lowercase()).collect(),
        maintenance,
        salt: fastrand::u64(..),
    }
}

// ---- front and console

fn front(context: ContainerContext) -> Result<(), ContainerError> {
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
        Arc::new(BrokerLink(client)),
        Arc::new(RootLink(context.control.clone())),
        move || ready.ready(),
        stopping.map(|_| ()),
    )
    .map_err(|error| match error.is_fatal() {
        true => ContainerError::fatal("the front cannot serve", error),
        false => ContainerError::passing("the front cannot serve", error),
    })
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
}

fn console(context: ContainerContext) -> Result<(), ContainerError> {
    context.control.ready();
    let socket = front::admin_socket(&context.settings);
    // The line editor blocks on the terminal: the end of the program must not wait for a key.
    let terminal = SavedTerminal::capture();
    context.stop.when_set(move || {
        if let Some(terminal) = &terminal {
            terminal.restore();
        }
        std::process::exit(0);
    });
    match front::console::run(&socket, None) {
        Ok(ConsoleEnd::Left | ConsoleEnd::StopRequested) => {}
        Ok(ConsoleEnd::Interrupted) => context.control.request_stop("Ctrl-C on the console"),
        Err(error) => return Err(ContainerError::passing("the console ended", error)),
    }
    context.stop.wait_forever();
    Ok(())
}

// ---- workers

fn start_fetch(settings: &Settings) -> Result<Arc<HttpFetch>, ContainerError> {
    fetch::HttpFetch::start(&settings.fetch, &settings.upstreams)
        .map(Arc::new)
        .map_err(|error| ContainerError::fatal("requests cannot be made", error))
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
    let http = start_fetch(&settings)?;
    let fetch: Arc<dyn Fetch> = Arc::new(CachedFetch::new(Arc::clone(&http), CacheLimits::default()));
    let links = link_settings(&settings);
    let specs = (0..settings.workers.link_finder.max(1)).map(|_| {
        let (fetch, settings) = (Arc::clone(&fetch), links.clone());
        WorkerSpec::new(&[Stage::LinkFinder], move |_| LinkFinder { fetch, settings })
    });
    run(&context, specs.collect(), move || http.stop());
    Ok(())
}

fn index_watcher(context: ContainerContext) -> Result<(), ContainerError> {
    let margin = context.settings.scan.margin;
    let specs = (0..context.settings.workers.index_watcher.max(1))
        .map(|_| WorkerSpec::new(&[Stage::IndexWatcher], move |_| IndexWatcher { margin }));
    run(&context, specs.collect(), || {});
    Ok(())
}

fn reverse_search(context: ContainerContext) -> Result<(), ContainerError> {
    let settings = context.settings.clone();
    let http = start_fetch(&settings)?;
    let index = Reader::open(&index_dir(&settings))
        .map_err(|error| ContainerError::passing("the fingerprint index cannot be mapped", error))?;
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
    run(&context, specs.collect(), move || stopping.stop());
    Ok(())
}

fn listing(context: ContainerContext) -> Result<(), ContainerError> {
    let settings = context.settings.clone();
    let http = start_fetch(&settings)?;
    let stop = context.stop.clone();
    // One client for all workers, who share its credentials' windows; each waits in its own way.
    let shared: Arc<OnceLock<TwitterClient>> = Arc::default();
    let spec = |stage: Stage| {
        let (shared, stop) = (Arc::clone(&shared), stop.clone());
        let (fetch, settings): (Arc<dyn Fetch>, _) = (Arc::clone(&http) as _, settings.clone());
        WorkerSpec::new(&[stage], move |client| {
            let waiter = VisibleWaiter::new(Arc::clone(client), stop);
            let mut clients: Vec<Box<dyn NetworkClient>> = Vec::new();
            if settings.networks.contains(&Network::Twitter) {
                let twitter = shared
                    .get_or_init(|| TwitterClient::new(fetch, &settings.twitter, Arc::clone(&waiter) as _));
                clients.push(Box::new(twitter.with_waiter(Arc::clone(&waiter) as _)));
            }
            Listing { clients, waiter }
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
    run(&context, specs, move || http.stop());
    Ok(())
}

fn indexing(context: ContainerContext) -> Result<(), ContainerError> {
    let settings = context.settings.clone();
    let http = start_fetch(&settings)?;
    let max_image_bytes = settings.fetch.max_image_bytes;
    let specs = (0..settings.workers.indexing.max(1)).map(|_| {
        let fetch: Arc<dyn Fetch> = Arc::clone(&http) as _;
        WorkerSpec::new(&[Stage::Indexing], move |_| Indexing { fetch, max_image_bytes })
    });
    let stopping = Arc::clone(&http);
    run(&context, specs.collect(), move || stopping.stop());
    Ok(())
}

fn maintenance(context: ContainerContext) -> Result<(), ContainerError> {
    let spec = WorkerSpec::new(&[Stage::Maintenance], |_| Maintenance);
    run(&context, vec![spec], || {});
    Ok(())
}

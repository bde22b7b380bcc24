//! The broker: its loop, and beside it the storekeeper, which it alone speaks to.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use crossbeam_channel as queue;

use crate::base::ErrorChain;
use crate::base::ids::Network;
use crate::broker::Policy;
use crate::broker::server::{self, Notices, StoreLink};
use crate::config::Settings;
use crate::index::shared::{IndexError, Opened, Writer};
use crate::ipc::container::{ContainerContext, ContainerError};
use crate::proto::front::CONSOLE;
use crate::proto::work::MaintenanceTask;
use crate::storekeeper::{self, CodesWriter, Indexes, StorekeeperError};

/// How long the end waits for the last commit. Less than the root's own patience.
const STORE_PATIENCE: Duration = Duration::from_millis(400);

pub fn main(context: ContainerContext) -> Result<(), ContainerError> {
    let settings = &context.settings;
    let (orders, taken) = storekeeper::channel();
    let (report, reports) = queue::unbounded();
    let opening = {
        let (settings, stop) = (settings.clone(), context.stop.clone());
        // When the loop has ended, nobody waits for it.
        let tell = move |message| drop(report.send(message));
        let open = move || {
            let indexes = || open_indexes(&settings);
            storekeeper::open::open_patiently(&settings, &stop, indexes, taken, tell)
        };
        std::thread::Builder::new()
            .name("open-database".to_owned())
            .spawn(open)
            .map_err(|error| ContainerError::passing("could not start a thread", error))?
    };
    let (control, teller) = (context.control.clone(), context.control.clone());
    let ended = server::run(
        policy(settings),
        StoreLink { orders, reports },
        context.links.queue(),
        &context.stop,
        Notices {
            opened: Box::new(move || control.ready()),
            died_at_work: Box::new(move |container| teller.died_at_work(container)),
        },
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
        // What is damaged is made anew, and the next start of this process may find it so.
        Ok(Err(StorekeeperError::Index { source })) => {
            return Err(ContainerError::passing("the fingerprint index cannot be opened", source));
        }
        Ok(Err(error)) => return Err(ContainerError::fatal("the database cannot be used", error)),
        Err(_) => tracing::error!("the thread that opens the database panicked"),
    }
    ended.map_err(|error| ContainerError::passing("the broker cannot go on", error))
}

fn open_indexes(settings: &Settings) -> Result<Indexes<Writer>, IndexError> {
    let note = |opened: Opened, what: &str| {
        if let Some(lost) = opened.lost {
            tracing::warn!(error = %ErrorChain(&lost), "{what} is remade from the database");
        }
    };
    let (images, opened) = Writer::open(&settings.index_dir())?;
    note(opened, "the fingerprint index");
    let folder = settings.codes_dir();
    if !settings.search.indexes_codes() {
        remove_codes(&folder);
        return Ok(Indexes { images, codes: None });
    }
    let (codes, opened) = CodesWriter::open(&folder)?;
    note(opened, "the index of codes");
    Ok(Indexes { images, codes: Some(codes) })
}

/// An index that nobody wants any more goes: it would take its room, and keep what is forgotten meanwhile.
fn remove_codes(folder: &Path) {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            tracing::warn!(%error, folder = %folder.display(), "the unused index of codes could not be removed");
        }
        _ => {}
    }
}

fn policy(settings: &Settings) -> Policy {
    /// How often it is looked for accounts whose turn it is; they are taken up a few at a time.
    const LOOK: Duration = Duration::from_secs(600);
    /// How often it is looked whether all accounts are to be walked through.
    const LOOK_AT_ALL: Duration = Duration::from_secs(6 * 3600);
    let mut maintenance = vec![(MaintenanceTask::RetryPosts, LOOK)];
    if settings.maintenance.auto_update.is_some() {
        maintenance.push((MaintenanceTask::UpdateAccounts, LOOK));
    }
    if settings.maintenance.search_cursor_reset.is_some() {
        maintenance.push((MaintenanceTask::ResetSearchCursors, LOOK));
    }
    if settings.search.parts {
        maintenance.push((MaintenanceTask::FindFurniture, LOOK_AT_ALL));
    }
    Policy {
        max_processing_requests_per_ip: settings.limits.max_processing_requests_per_ip,
        max_processing_requests: usize::try_from(settings.limits.max_processing_requests)
            .unwrap_or(usize::MAX),
        max_kept_queries: usize::try_from(settings.limits.max_kept_queries).unwrap_or(usize::MAX),
        max_pending_posts: usize::try_from(settings.scan.max_pending_posts).unwrap_or(usize::MAX),
        blocklist: settings.scan.effective_blocklist(),
        maintenance,
        budget: Some((Network::Twitter, settings.twitter.budget)),
        timeline: settings.scan.timeline,
        windows: settings.scan.windows.clone(),
        whole: settings.scan.whole,
        when_not_in_windows: settings.scan.when_not_in_windows,
        whole_listing: settings.maintenance.whole_listing,
        remove_deleted: settings.compliance.remove_deleted,
        watch_every: settings.watches.every,
        max_watches: usize::try_from(settings.watches.most).unwrap_or(usize::MAX),
        watchers: watchers(settings),
        webhooks: settings.webhooks.iter().map(|webhook| webhook.name.clone()).collect(),
        max_watches_per_key: usize::try_from(settings.watches.most_per_key).unwrap_or(usize::MAX),
        checks_x_freely: settings.twitter.oembed_first,
        results_log: settings.log.results_log,
        remember_pages: settings.search.remember_pages,
        salt: fastrand::u64(..),
    }
}

/// Whose watches are listed: what a key began that is gone, or may no more, rests.
fn watchers(settings: &Settings) -> BTreeSet<String> {
    let keys = settings.api_keys.iter().filter(|key| key.watches).map(|key| key.name.clone());
    keys.chain([CONSOLE.to_owned()]).collect()
}

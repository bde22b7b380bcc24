//! Step 1 of a query: from the artwork's page to its artist's accounts.

use std::sync::Arc;

use crate::config::threads;
use crate::daemon::outgoing::start_fetch;
use crate::fetch::Fetch;
use crate::ipc::container::{ContainerContext, ContainerError};
use crate::links::{CacheLimits, CachedFetch, LinkSettings};
use crate::stages::container::{WorkerSpec, run};
use crate::stages::link_finder::LinkFinder;

pub fn main(context: ContainerContext) -> Result<(), ContainerError> {
    let http = start_fetch(&context)?;
    let fetch: Arc<dyn Fetch> = Arc::new(CachedFetch::new(Arc::clone(&http), CacheLimits::default()));
    let links = LinkSettings::of(&context.settings);
    let specs = (0..threads(context.settings.workers.link_finder)).map(|_| {
        let (fetch, network, settings) = (Arc::clone(&fetch), http.network(), links.clone());
        WorkerSpec::new(context.stages, move |_| LinkFinder { fetch, network, settings })
    });
    let stopping = Arc::clone(&http);
    run(&context, specs.collect(), &http.network(), move || stopping.stop())
}

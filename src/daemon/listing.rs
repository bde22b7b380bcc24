//! Lists the posts of accounts, and looks accounts and posts up: the role that holds the networks' keys.

use std::sync::{Arc, OnceLock};

use crate::base::roles::Stage;
use crate::config::threads;
use crate::daemon::outgoing::start_fetch;
use crate::fetch::Fetch;
use crate::ipc::container::{ContainerContext, ContainerError};
use crate::networks::clients::Clients;
use crate::stages::container::{WorkerSpec, run};
use crate::stages::listing::{Listing, VisibleWaiter};

pub fn main(context: ContainerContext) -> Result<(), ContainerError> {
    let settings = context.settings.clone();
    let http = start_fetch(&context)?;
    // One client of each network for all workers, who share what limits it; each waits in its own way.
    let shared: Arc<OnceLock<Clients>> = Arc::default();
    let spec = |stage: Stage| {
        let (shared, stop) = (Arc::clone(&shared), context.stop.clone());
        let (fetch, settings): (Arc<dyn Fetch>, _) = (Arc::clone(&http) as _, settings.clone());
        WorkerSpec::new(&[stage], move |client| {
            let waiter = VisibleWaiter::new(Arc::clone(client), stop);
            let (waits, meters) = (Arc::clone(&waiter) as _, Arc::clone(&waiter) as _);
            let clients = shared.get_or_init(|| Clients::new(&fetch, &settings, &waits));
            Listing { clients: clients.of(&settings.networks, &waits, &meters), waiter }
        })
    };
    let workers = |stage: Stage| match stage {
        Stage::Lookup => threads(settings.workers.lookup),
        _ => threads(settings.workers.listing),
    };
    let specs = context.stages.iter().flat_map(|stage| (0..workers(*stage)).map(|_| spec(*stage)));
    let stopping = Arc::clone(&http);
    run(&context, specs.collect(), &http.network(), move || stopping.stop())
}

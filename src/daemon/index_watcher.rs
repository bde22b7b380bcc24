//! Step 2 of a query: which accounts must be scanned first.

use crate::config::threads;
use crate::fetch::NetworkWatch;
use crate::ipc::container::{ContainerContext, ContainerError};
use crate::stages::container::{WorkerSpec, run};
use crate::stages::index_watcher::IndexWatcher;

pub fn main(context: ContainerContext) -> Result<(), ContainerError> {
    let margin = context.settings.scan.margin;
    let specs = (0..threads(context.settings.workers.index_watcher))
        .map(|_| WorkerSpec::new(context.stages, move |_| IndexWatcher { margin }));
    run(&context, specs.collect(), &NetworkWatch::of_none(), || {})
}

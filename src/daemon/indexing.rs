//! Downloads the images of posts, and makes their fingerprints.

use std::sync::Arc;

use crate::daemon::outgoing::start_fetch;
use crate::fetch::Fetch;
use crate::ipc::container::{ContainerContext, ContainerError};
use crate::stages::container::{WorkerSpec, run};
use crate::stages::indexing::Indexing;

pub fn main(context: ContainerContext) -> Result<(), ContainerError> {
    let http = start_fetch(&context)?;
    let max_image_bytes = context.settings.fetch.max_image_bytes;
    let specs = (0..context.settings.workers.indexing.max(1)).map(|_| {
        let fetch: Arc<dyn Fetch> = Arc::clone(&http) as _;
        WorkerSpec::new(context.stages, move |_| Indexing { fetch, max_image_bytes })
    });
    let stopping = Arc::clone(&http);
    run(&context, specs.collect(), &http.network(), move || stopping.stop())
}

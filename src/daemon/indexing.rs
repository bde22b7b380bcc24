//! Downloads the images of posts, and makes their fingerprints.

use std::sync::Arc;

use crate::config::threads;
use crate::daemon::outgoing::start_fetch;
use crate::fetch::Fetch;
use crate::ipc::container::{ContainerContext, ContainerError};
use crate::stages::container::{WorkerSpec, run};
use crate::stages::decoding::DecodeSlots;
use crate::stages::indexing::Indexing;

pub fn main(context: ContainerContext) -> Result<(), ContainerError> {
    let http = start_fetch(&context)?;
    let max_image_bytes = context.settings.fetch.max_image_bytes;
    let parts = context.settings.search.parts;
    let decoding = DecodeSlots::new(context.settings.workers.indexing);
    let specs = (0..threads(context.settings.workers.indexing)).map(|_| {
        let fetch: Arc<dyn Fetch> = Arc::clone(&http) as _;
        let decoding = decoding.clone();
        WorkerSpec::new(context.stages, move |_| Indexing { fetch, decoding, max_image_bytes, parts })
    });
    let stopping = Arc::clone(&http);
    run(&context, specs.collect(), &http.network(), move || stopping.stop())
}

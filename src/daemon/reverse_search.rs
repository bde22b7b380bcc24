//! Step 3 of a query: from the artwork's image to posts.

use std::collections::HashMap;
use std::sync::Arc;

use crate::config::{Settings, threads};
use crate::daemon::outgoing::start_fetch;
use crate::fetch::Fetch;
use crate::index::shared::Reader;
use crate::ipc::container::{ContainerContext, ContainerError, Prepared};
use crate::stages::container::{WorkerSpec, run};
use crate::stages::decoding::DecodeSlots;
use crate::stages::reverse_search::ReverseSearch;

/// Makes the folder of the index, which the broker may be about to make: what is not there when the
/// process is confined cannot be allowed.
pub fn prepare(settings: &Settings) -> Result<Prepared, ContainerError> {
    std::fs::create_dir_all(settings.index_dir())
        .map_err(|error| ContainerError::passing("the folder of the index cannot be made", error))?;
    Ok(None)
}

pub fn main(context: ContainerContext) -> Result<(), ContainerError> {
    let settings = context.settings.clone();
    let http = start_fetch(&context)?;
    let index = Reader::open(&settings.index_dir())
        .map_err(|error| ContainerError::passing("the fingerprint index cannot be mapped", error))?;
    let cold = index.clone();
    std::thread::Builder::new()
        .name("index-warmer".to_owned())
        .spawn(move || cold.warm_up())
        .map_err(|error| ContainerError::passing("could not start a thread", error))?;
    let decoding = DecodeSlots::new(settings.workers.reverse_search);
    let specs = (0..threads(settings.workers.reverse_search)).map(|_| {
        let fetch: Arc<dyn Fetch> = Arc::clone(&http) as _;
        let (decoding, index, settings) = (decoding.clone(), index.clone(), settings.clone());
        WorkerSpec::new(context.stages, move |_| ReverseSearch {
            fetch,
            decoding,
            index,
            search: settings.search.clone(),
            max_image_bytes: settings.fetch.max_image_bytes,
            numbers: HashMap::new(),
        })
    });
    let stopping = Arc::clone(&http);
    run(&context, specs.collect(), &http.network(), move || stopping.stop())
}

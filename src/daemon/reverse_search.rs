//! Step 3 of a query: from the artwork's image to posts.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::base::clock::Monotonic;
use crate::base::{ErrorChain, StopSignal};
use crate::config::{Settings, threads};
use crate::daemon::outgoing::{end_when_replaced, start_fetch};
use crate::fetch::Fetch;
use crate::index::shared::Reader;
use crate::ipc::container::{ContainerContext, ContainerError, Prepared};
use crate::sandbox::AllowedFile;
use crate::stages::container::{WorkerSpec, run};
use crate::stages::decoding::DecodeSlots;
use crate::stages::reverse_search::{Fetched, KnownFurniture, ReverseSearch};
use crate::telemetry::events;

/// Makes the folder of the index, which the broker may be about to make: what is not there when the
/// process is confined cannot be allowed.
pub fn prepare(settings: &Settings) -> Result<Prepared, ContainerError> {
    std::fs::create_dir_all(settings.index_dir())
        .map_err(|error| ContainerError::passing("the folder of the index cannot be made", error))?;
    Ok(None)
}

/// Follows an index. What is damaged the broker makes anew, within seconds of the damage; `None` if the
/// program is stopped before.
fn open_index(folder: &Path, stop: &StopSignal) -> Result<Option<Reader>, ContainerError> {
    const PATIENCE: Duration = Duration::from_secs(60);
    const PAUSE: Duration = Duration::from_millis(500);
    let begun = Monotonic::now();
    loop {
        let error = match Reader::open(folder) {
            Ok(index) => return Ok(Some(index)),
            Err(error) => error,
        };
        if Monotonic::now().since(begun) > PATIENCE {
            return Err(ContainerError::passing("an index cannot be mapped", error));
        }
        tracing::warn!(error = %ErrorChain(&error), "an index cannot be mapped yet");
        if stop.wait(PAUSE) {
            return Ok(None);
        }
    }
}

pub fn main(context: ContainerContext) -> Result<(), ContainerError> {
    let settings = context.settings.clone();
    let http = start_fetch(&context)?;
    let folder = AllowedFile::at(&settings.index_dir());
    end_when_replaced(&context, folder, Duration::from_secs(1), events::index_folder_replaced)?;
    let Some(index) = open_index(&settings.index_dir(), &context.stop)? else { return Ok(()) };
    let codes = match settings.search.indexes_codes() {
        false => None,
        true => match open_index(&settings.codes_dir(), &context.stop)? {
            None => return Ok(()),
            codes => codes,
        },
    };
    let cold = [Some(index.clone()), codes.clone()];
    std::thread::Builder::new()
        .name("index-warmer".to_owned())
        .spawn(move || cold.iter().flatten().for_each(Reader::warm_up))
        .map_err(|error| ContainerError::passing("could not start a thread", error))?;
    let decoding = DecodeSlots::new(settings.workers.reverse_search);
    let (fetched, furniture) = (Fetched::default(), KnownFurniture::default());
    let specs = (0..threads(settings.workers.reverse_search)).map(|_| {
        let fetch: Arc<dyn Fetch> = Arc::clone(&http) as _;
        let (decoding, settings) = (decoding.clone(), settings.clone());
        let (index, codes) = (index.clone(), codes.clone());
        let (fetched, furniture) = (fetched.clone(), furniture.clone());
        WorkerSpec::new(context.stages, move |_| ReverseSearch {
            fetch,
            decoding,
            index,
            codes,
            search: settings.search.clone(),
            max_image_bytes: settings.fetch.max_image_bytes,
            fetched,
            furniture,
        })
    });
    let stopping = Arc::clone(&http);
    run(&context, specs.collect(), &http.network(), move || stopping.stop())
}

//! Requests of a container: its way out, and what a confined one must do about names.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::base::vital;
use crate::fetch::{HttpFetch, StartError};
use crate::ipc::container::{ContainerContext, ContainerError};
use crate::sandbox::AllowedFile;
use crate::telemetry::events;

/// The way out of a role whose requests wait for a network that is gone.
pub fn start_fetch(context: &ContainerContext) -> Result<Arc<HttpFetch>, ContainerError> {
    keep_resolving(context)?;
    HttpFetch::start_patient(&context.settings.fetch, &context.settings.upstreams)
        .map(Arc::new)
        .map_err(no_requests)
}

/// A way out whose requests fail when there is no network.
pub fn fetch_through(
    context: &ContainerContext,
    upstreams: &BTreeMap<String, String>,
) -> Result<Arc<HttpFetch>, ContainerError> {
    HttpFetch::start(&context.settings.fetch, upstreams).map(Arc::new).map_err(no_requests)
}

fn no_requests(error: StartError) -> ContainerError {
    ContainerError::fatal("requests cannot be made", error)
}

/// Ends a confined container when the list of name servers is replaced: its successor may read the new one.
pub fn keep_resolving(context: &ContainerContext) -> Result<(), ContainerError> {
    end_when_replaced(context, AllowedFile::resolver(), Duration::from_secs(10), events::resolver_replaced)
}

/// Ends a confined container when a file or folder that it needs is replaced, which it may not open.
pub fn end_when_replaced(
    context: &ContainerContext,
    file: AllowedFile,
    look: Duration,
    tell: fn(),
) -> Result<(), ContainerError> {
    if !(context.settings.sandbox.enabled && context.settings.multiprocess) {
        return Ok(());
    }
    let stop = context.stop.clone();
    let watch = move || {
        while !stop.wait(look) {
            if file.was_replaced() {
                tell();
                return stop.set();
            }
        }
    };
    vital::spawn("allowed-files", watch)
        .map(drop)
        .map_err(|error| ContainerError::passing("could not start a thread", error))
}

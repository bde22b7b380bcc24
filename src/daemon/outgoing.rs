//! Requests of a container: its way out, and what a confined one must do about names.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::base::{StopSignal, vital};
use crate::fetch::{HttpFetch, StartError};
use crate::ipc::container::{ContainerContext, ContainerError};
use crate::sandbox::ResolverFile;
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
    if !(context.settings.sandbox.enabled && context.settings.multiprocess) {
        return Ok(());
    }
    let (file, stop) = (ResolverFile::now(), context.stop.clone());
    vital::spawn("resolver", move || watch(&file, &stop))
        .map(drop)
        .map_err(|error| ContainerError::passing("could not start a thread", error))
}

fn watch(file: &ResolverFile, stop: &StopSignal) {
    const LOOK: Duration = Duration::from_secs(10);
    while !stop.wait(LOOK) {
        if file.was_replaced() {
            events::resolver_replaced();
            return stop.set();
        }
    }
}

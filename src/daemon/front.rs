//! The front: the HTTP API, the web page and the admin socket.

use std::sync::Arc;

use futures_util::FutureExt;
use tokio::sync::oneshot;

use crate::base::vital;
use crate::broker::client::FrontClient;
use crate::config::Settings;
use crate::front::{self, FrontError, Root, Sockets};
use crate::ipc::container::{ContainerContext, ContainerError, ControlHandle, Prepared};
use crate::ipc::control::Link;
use crate::proto::control::StacksWritten;

/// Opens the sockets: a confined process may not.
pub fn prepare(settings: &Settings) -> Result<Prepared, ContainerError> {
    Ok(Some(Box::new(front::open(settings).map_err(failed)?)))
}

fn failed(error: FrontError) -> ContainerError {
    match error.is_fatal() {
        true => ContainerError::fatal("the front cannot serve", error),
        false => ContainerError::passing("the front cannot serve", error),
    }
}

pub fn main(context: ContainerContext) -> Result<(), ContainerError> {
    let sockets = match context.prepared.and_then(|sockets| sockets.downcast::<Sockets>().ok()) {
        Some(sockets) => *sockets,
        None => front::open(&context.settings).map_err(failed)?,
    };
    let client = FrontClient::new();
    let attaching = Arc::clone(&client);
    let links = context.links;
    let attach = move || {
        while let Some(link) = links.next_link() {
            if let Link::FrontLink(end) = link {
                attaching.attach(end);
            }
        }
    };
    vital::spawn("links", attach)
        .map_err(|error| ContainerError::passing("could not start a thread", error))?;
    let (stopped, stopping) = oneshot::channel::<()>();
    context.stop.when_set(move || drop(stopped));
    let ready = context.control.clone();
    front::run(
        &context.settings,
        sockets,
        client,
        Arc::new(RootLink(context.control.clone())),
        move || ready.ready(),
        stopping.map(|_| ()),
    )
    .map_err(failed)
}

struct RootLink(ControlHandle);

impl Root for RootLink {
    fn request_stop(&self, by: &str) {
        self.0.request_stop(by);
    }

    fn stacks(&self) -> oneshot::Receiver<StacksWritten> {
        let (told, written) = oneshot::channel();
        self.0.request_stacks(move |result| {
            // A client that has left needs no answer.
            let _ = told.send(result);
        });
        written
    }
}

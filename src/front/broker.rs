//! What `front` needs from the rest of the daemon, as traits: the link to the broker and the way
//! to ask the root for the end. The real ones speak over the process's links; tests use fakes.

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::{oneshot, watch};

use crate::base::ids::QueryId;
use crate::broker::client::FrontClient;
pub use crate::broker::client::{FeedListener, Unavailable};
use crate::ipc::Blob;
use crate::proto::control::StacksWritten;
use crate::proto::front::{FrontAnswer, FrontQuestion};
use crate::proto::view::{CountersView, MetricView, QueryStatus, QueryView};

/// The broker, as seen from here.
pub trait Broker: Send + Sync + 'static {
    /// Asks; the answer arrives asynchronously. `attachment` is the image of a
    /// `FrontQuestion::SearchImage`. Dropping the future abandons the answer, not the work.
    ///
    /// The callers set the deadline; implementations need none, but must resolve to `Unavailable`
    /// when the link is lost.
    fn ask(
        &self,
        question: FrontQuestion,
        attachment: Option<Bytes>,
    ) -> BoxFuture<'static, Result<FrontAnswer, Unavailable>>;

    /// The state of a query: the present one as soon as it is known (`None` before that), then the
    /// latest at each change; a slow reader skips states, never the last. The sender is dropped
    /// after a view with status `End`, when the query is not known, and when the broker is lost.
    /// Dropping the last receiver ends the watch.
    fn follow(&self, query: QueryId) -> watch::Receiver<Option<QueryView>>;

    /// Calls `listener` with each watch whose feed may have changed, `None` for any, and whenever the broker
    /// was away; until it returns false. It must be quick. Only feeds that were asked for are told of.
    fn follow_feeds(&self, listener: FeedListener);
}

impl Broker for FrontClient {
    fn ask(
        &self,
        question: FrontQuestion,
        attachment: Option<Bytes>,
    ) -> BoxFuture<'static, Result<FrontAnswer, Unavailable>> {
        let (answered, answer) = oneshot::channel();
        let blob = attachment.map(|bytes| Blob::new(&bytes));
        let reply = Box::new(move |result| {
            // A caller that has given up needs no answer.
            let _ = answered.send(result);
        });
        FrontClient::ask(self, question, blob, reply);
        async move { answer.await.unwrap_or(Err(Unavailable)) }.boxed()
    }

    fn follow(&self, query: QueryId) -> watch::Receiver<Option<QueryView>> {
        let (changed, views) = watch::channel(None);
        let listener = Box::new(move |view: &QueryView| {
            let heard = changed.send(Some(view.clone())).is_ok();
            heard && view.status != QueryStatus::End
        });
        FrontClient::follow(self, query, listener);
        views
    }

    fn follow_feeds(&self, listener: FeedListener) {
        FrontClient::follow_feeds(self, listener);
    }
}

/// The root, as seen from here.
pub trait Root: Send + Sync + 'static {
    /// Asks for the end of the whole program. `by` says who, for the log. Returns at once.
    fn request_stop(&self, by: &str);

    /// Has it written down where every thread of the program is. The sender is dropped when the root
    /// goes away.
    fn stacks(&self) -> oneshot::Receiver<StacksWritten>;
}

/// What has happened since the broker started.
pub async fn counters(broker: &dyn Broker) -> Result<CountersView, Unavailable> {
    match broker.ask(FrontQuestion::Counters, None).await? {
        FrontAnswer::Counters(counters) => Ok(counters),
        _ => Err(Unavailable),
    }
}

/// All measured steps, which come in pages since one message cannot hold them.
pub async fn measured_steps(broker: &dyn Broker) -> Result<Vec<MetricView>, Unavailable> {
    let mut all = Vec::new();
    loop {
        let skip = u32::try_from(all.len()).unwrap_or(u32::MAX);
        match broker.ask(FrontQuestion::Metrics { skip }, None).await? {
            FrontAnswer::Metrics { steps, more, .. } => {
                let is_last = !more || steps.is_empty();
                all.extend(steps);
                if is_last {
                    return Ok(all);
                }
            }
            // Whatever else it says, the figures are not to be had from it now.
            _ => return Err(Unavailable),
        }
    }
}

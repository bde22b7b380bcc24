//! Asynchronous tasks as `stacks` shows them: which there are, what each waits for, and since when.
//! A task that waits has no stack, so each says by name what it does.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

struct Node {
    name: String,
    parent: Option<u64>,
    since: Instant,
    polls: AtomicU64,
    running: AtomicBool,
}

static NODES: Mutex<BTreeMap<u64, Arc<Node>>> = Mutex::new(BTreeMap::new());
static LAST: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// The named future that this thread polls.
    static CURRENT: RefCell<Option<u64>> = const { RefCell::new(None) };
}

fn nodes() -> MutexGuard<'static, BTreeMap<u64, Arc<Node>>> {
    NODES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A future under a name. Within another one that is being polled, it is a branch of that.
pub fn named<F: Future>(name: impl Into<String>, future: F) -> Named<F> {
    let id = LAST.fetch_add(1, Ordering::Relaxed) + 1;
    let node = Arc::new(Node {
        name: name.into(),
        parent: CURRENT.with_borrow(|current| *current),
        since: Instant::now(),
        polls: AtomicU64::new(0),
        running: AtomicBool::new(false),
    });
    nodes().insert(id, Arc::clone(&node));
    Named { future: Box::pin(future), entry: Entry { id, node } }
}

/// See [`named`].
pub struct Named<F> {
    future: Pin<Box<F>>,
    entry: Entry,
}

struct Entry {
    id: u64,
    node: Arc<Node>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        nodes().remove(&self.id);
    }
}

impl<F: Future> Future for Named<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let outer = CURRENT.replace(Some(self.entry.id));
        self.entry.node.polls.fetch_add(1, Ordering::Relaxed);
        self.entry.node.running.store(true, Ordering::Relaxed);
        let result = self.future.as_mut().poll(context);
        self.entry.node.running.store(false, Ordering::Relaxed);
        CURRENT.set(outer);
        result
    }
}

/// All tasks of this process, the oldest first, each with its branches below it.
pub fn tree() -> String {
    let nodes: Vec<(u64, Arc<Node>)> = nodes().iter().map(|(id, node)| (*id, Arc::clone(node))).collect();
    let mut text = String::new();
    for (id, node) in &nodes {
        let orphan = node.parent.is_none_or(|parent| !nodes.iter().any(|(id, _)| *id == parent));
        if orphan {
            show(&nodes, *id, node, 1, &mut text);
        }
    }
    text
}

fn show(nodes: &[(u64, Arc<Node>)], id: u64, node: &Node, depth: usize, text: &mut String) {
    let state = if node.running.load(Ordering::Relaxed) { "running" } else { "waiting" };
    let secs = node.since.elapsed().as_secs_f64();
    let polls = node.polls.load(Ordering::Relaxed);
    text.push_str(&format!(
        "{:1$}{2}: {state}, {secs:.3} s, polled {polls} times\n",
        "",
        depth * 2,
        node.name
    ));
    for (branch, below) in nodes.iter().filter(|(_, below)| below.parent == Some(id)) {
        show(nodes, *branch, below, depth + 1, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_waits_is_shown_under_its_task_until_it_ends() {
        let (go, gone) = tokio::sync::oneshot::channel::<()>();
        let task = tokio::spawn(named("test connection 5", async {
            named("test asks the broker", gone).await.unwrap();
        }));
        while !tree().contains("test asks the broker") {
            tokio::task::yield_now().await;
        }
        let text = tree();
        let at = text.find("  test connection 5: waiting").unwrap();
        assert!(
            text[at..].lines().nth(1).unwrap().starts_with("    test asks the broker: waiting"),
            "{text}"
        );
        go.send(()).unwrap();
        task.await.unwrap();
        assert!(!tree().contains("test connection 5"));
    }
}

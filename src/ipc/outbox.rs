//! Sending without ever blocking: a bounded queue and a writer thread of its own per link.
#![expect(clippy::disallowed_methods, reason = "waits")]

use std::io;
use std::marker::PhantomData;
use std::time::Duration;

use crossbeam_channel as queue;
use serde::Serialize;

use super::link::{Frame, Parcel, RawSender, SendError, Sender};
use crate::base::clock::Monotonic;
use crate::base::vital;

/// Why an outbox did not take a message.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// The peer does not read. The caller decides: lose the message, or lose the peer.
    #[error("the outbox is full")]
    Full,
    /// The peer has ended.
    #[error("the link is closed")]
    Closed,
    /// The message can never be sent.
    #[error("the message cannot be sent")]
    Unsendable { source: SendError },
}

/// The sending direction of a link behind a bounded queue. Messages leave in order. When the last
/// clone is dropped, what is queued is still written, then the link closes; nobody waits for that
/// (see [`Outbox::flush`]).
#[derive(Debug)]
pub struct Outbox<S> {
    items: queue::Sender<Item>,
    types: PhantomData<fn(S)>,
}

#[derive(Debug)]
enum Item {
    Frame(Frame),
    /// Answered when everything before it has been written; dropped if that will never be.
    Mark(queue::Sender<()>),
}

impl<S> Clone for Outbox<S> {
    fn clone(&self) -> Outbox<S> {
        Outbox { items: self.items.clone(), types: PhantomData }
    }
}

impl<S> Outbox<S> {
    /// Starts the writer thread, which ends with the last clone of the outbox or with the peer.
    /// `name` is the thread's (15 bytes are shown); at most `capacity` messages wait.
    ///
    /// # Panics
    /// When the system cannot start another thread.
    pub fn start(sender: Sender<S>, name: &str, capacity: usize) -> Outbox<S> {
        Outbox::try_start(sender, name, capacity).expect("the system can start a thread")
    }

    /// As [`Outbox::start`], for callers that must not panic.
    ///
    /// # Errors
    /// When the system cannot start another thread.
    pub fn try_start(sender: Sender<S>, name: &str, capacity: usize) -> io::Result<Outbox<S>> {
        let (items, queued) = queue::bounded(capacity);
        let raw = sender.into_raw();
        vital::spawn(name, move || write(&raw, &queued))?;
        Ok(Outbox { items, types: PhantomData })
    }

    /// Waits until everything that was queued before has been handed to the system, at most
    /// `limit`. False when it was not: the peer does not read, or has ended.
    pub fn flush(&self, limit: Duration) -> bool {
        let start = Monotonic::now();
        let (mark, reached) = queue::bounded(1);
        if self.items.send_timeout(Item::Mark(mark), limit).is_err() {
            return false;
        }
        reached.recv_timeout(limit.saturating_sub(Monotonic::now().since(start))).is_ok()
    }
}

impl<S: Serialize> Outbox<S> {
    /// Queues a message. Never blocks.
    ///
    /// # Errors
    /// `Full` and `Closed` as they say; `Unsendable` for a message that is too long.
    pub fn send(&self, parcel: impl Into<Parcel<S>>) -> Result<(), OutboxError> {
        self.queue(Frame::encode(parcel.into()))
    }

    /// Queues a message and waits for room, at most `limit`: for workers, who may wait for the broker.
    ///
    /// # Errors
    /// As [`Outbox::send`]; `Full` when there was no room in time.
    pub fn send_within(&self, parcel: impl Into<Parcel<S>>, limit: Duration) -> Result<(), OutboxError> {
        let frame = Frame::encode(parcel.into()).map_err(|source| OutboxError::Unsendable { source })?;
        self.items.send_timeout(Item::Frame(frame), limit).map_err(|error| match error {
            queue::SendTimeoutError::Timeout(_) => OutboxError::Full,
            queue::SendTimeoutError::Disconnected(_) => OutboxError::Closed,
        })
    }

    pub(super) fn queue(&self, frame: Result<Frame, SendError>) -> Result<(), OutboxError> {
        let frame = frame.map_err(|source| OutboxError::Unsendable { source })?;
        self.items.try_send(Item::Frame(frame)).map_err(|error| match error {
            queue::TrySendError::Full(_) => OutboxError::Full,
            queue::TrySendError::Disconnected(_) => OutboxError::Closed,
        })
    }
}

/// The writer thread. Returning drops the queue, so that senders see `Closed`, and the link's
/// sender, so that the peer does.
fn write(link: &RawSender, queued: &queue::Receiver<Item>) {
    for item in queued {
        match item {
            Item::Frame(frame) => {
                if link.send(frame).is_err() {
                    return;
                }
            }
            Item::Mark(mark) => drop(mark.try_send(())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ipc::{RecvError, Transport, pair};
    use crate::proto::MAX_MESSAGE_BYTES;

    const BOTH: [Transport; 2] = [Transport::Processes, Transport::Threads];
    const LONG: Duration = Duration::from_secs(10);

    #[test]
    fn a_peer_that_does_not_read_fills_the_outbox_and_blocks_nobody() {
        for transport in BOTH {
            let (left, right) = pair::<u64, u64>(transport).unwrap();
            let outbox = Outbox::start(left.split().0, "outbox", 4);
            let mut accepted = 0;
            let error = loop {
                match outbox.send_within(accepted, Duration::from_millis(50)) {
                    Ok(()) => accepted += 1,
                    Err(error) => break error,
                }
            };
            assert!(matches!(error, OutboxError::Full), "{error}");
            assert!(matches!(outbox.send(0), Err(OutboxError::Full)));
            assert!(!outbox.flush(Duration::from_millis(10)));
            // Everything that was accepted arrives in order once the peer reads, then the end.
            drop(outbox);
            let (_, mut receiver) = right.split();
            for expect in 0..accepted {
                assert_eq!(receiver.recv().unwrap().message, expect);
            }
            assert_eq!(receiver.recv().unwrap_err(), RecvError::Closed);
        }
    }

    #[test]
    fn a_peer_that_has_ended_closes_the_outbox() {
        for transport in BOTH {
            let (left, right) = pair::<u64, u64>(transport).unwrap();
            let outbox = Outbox::start(left.split().0, "outbox", 4);
            drop(right);
            // The first ones may be queued before the writer notices.
            let error = (0..1000).find_map(|n| outbox.send_within(n, LONG).err()).unwrap();
            assert!(matches!(error, OutboxError::Closed), "{error}");
        }
    }

    #[test]
    fn a_message_that_is_too_long_costs_nothing_but_itself() {
        let (left, right) = pair::<Vec<u8>, u64>(Transport::Processes).unwrap();
        let outbox = Outbox::start(left.split().0, "outbox", 4);
        let error = outbox.send(vec![0; MAX_MESSAGE_BYTES]).unwrap_err();
        assert!(matches!(error, OutboxError::Unsendable { .. }), "{error}");
        outbox.send(vec![1; MAX_MESSAGE_BYTES - 3]).unwrap();
        assert!(outbox.flush(LONG));
        assert_eq!(right.split().1.recv().unwrap().message.len(), MAX_MESSAGE_BYTES - 3);
    }
}

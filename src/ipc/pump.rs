//! One blocking receiver thread per link, which feeds a callback.

use std::io;
use std::ops::ControlFlow;
use std::thread::JoinHandle;

use serde::de::DeserializeOwned;

use super::link::{Parcel, Receiver, RecvError};
use crate::base::vital;

/// Starts a thread that gives every message of the link to `each` until the link ends, then calls
/// `closed` once. When `each` answers `Break`, the thread ends and its receiver is dropped without
/// `closed`. A malformed message ends the link like the peer's death. `each` may block: that is the
/// link's back-pressure on the peer.
///
/// # Panics
/// When the system cannot start another thread.
pub fn pump<R>(
    receiver: Receiver<R>,
    name: &str,
    each: impl FnMut(Parcel<R>) -> ControlFlow<()> + Send + 'static,
    closed: impl FnOnce(RecvError) + Send + 'static,
) -> JoinHandle<()>
where
    R: DeserializeOwned + 'static,
{
    try_pump(receiver, name, each, closed).expect("the system can start a thread")
}

/// As [`pump`], for callers that must not panic.
///
/// # Errors
/// When the system cannot start another thread; neither callback is called then.
pub fn try_pump<R>(
    mut receiver: Receiver<R>,
    name: &str,
    mut each: impl FnMut(Parcel<R>) -> ControlFlow<()> + Send + 'static,
    closed: impl FnOnce(RecvError) + Send + 'static,
) -> io::Result<JoinHandle<()>>
where
    R: DeserializeOwned + 'static,
{
    let run = move || loop {
        match receiver.recv() {
            Ok(parcel) => {
                if each(parcel).is_break() {
                    return;
                }
            }
            Err(error) => {
                // The peer must see the link closed even if `closed` takes its time.
                drop(receiver);
                return closed(error);
            }
        }
    };
    vital::spawn(name, run)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::ipc::{Transport, pair};

    #[test]
    fn feeds_until_the_link_ends_or_it_is_told_to_stop() {
        for transport in [Transport::Processes, Transport::Threads] {
            for (last, expect_end) in [(3_u32, true), (9, false)] {
                let (left, right) = pair::<u32, u32>(transport).unwrap();
                let (told, tells) = mpsc::channel();
                let told_end = told.clone();
                let each = move |parcel: Parcel<u32>| {
                    told.send(Some(parcel.message)).unwrap();
                    if parcel.message == 9 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
                };
                let closed = move |error| {
                    assert_eq!(error, RecvError::Closed);
                    told_end.send(None).unwrap();
                };
                let thread = pump(right.split().1, "pump", each, closed);
                let (sender, _) = left.split();
                for message in [1, 2, last] {
                    sender.send(message).unwrap();
                }
                drop(sender);
                thread.join().unwrap();
                let mut expect = vec![Some(1), Some(2), Some(last)];
                expect.extend(expect_end.then_some(None));
                assert_eq!(tells.into_iter().collect::<Vec<_>>(), expect);
            }
        }
    }
}

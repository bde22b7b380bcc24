//! Two-way typed links and what travels on them. Both transports carry the same bytes: a message is
//! encoded once by its sender, checked for size, and decoded by its receiver, so threads see exactly
//! the limits and failures that processes see.
#![expect(clippy::disallowed_methods, reason = "waits")]

use std::io;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel as queue;
use ipc_channel::ipc::{self, IpcReceiver, IpcSender, IpcSharedMemory};
use ipc_channel::{IpcError, TryRecvError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::blob::Blob;
use crate::base::clock::Monotonic;
use crate::proto::MAX_MESSAGE_BYTES;

/// Messages that the in-process twin holds before its sender blocks: what a socket holds of small ones.
const THREAD_QUEUE: usize = 256;

/// How the ends of a link are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Sockets; an end can be handed to another process.
    Processes,
    /// Queues in memory; an end can be handed to another thread.
    Threads,
}

/// A message with, possibly, bulk bytes beside it.
#[derive(Clone, Debug)]
pub struct Parcel<T> {
    pub message: T,
    pub blob: Option<Blob>,
}

impl<T> From<T> for Parcel<T> {
    fn from(message: T) -> Parcel<T> {
        Parcel { message, blob: None }
    }
}

/// Why a message did not leave. Nothing of it was sent.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    #[error("the link is closed")]
    Closed,
    #[error("a message of {len_bytes} bytes is longer than a link carries ({MAX_MESSAGE_BYTES} bytes)")]
    TooLarge { len_bytes: usize },
    #[error("could not encode a message")]
    Encode { source: postcard::Error },
    #[error("an end in the memory of this process cannot be handed to another one")]
    NotPortable,
}

/// Why nothing more will be received. The link is unusable after either.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecvError {
    /// The peer has ended, or has dropped its sender.
    #[error("the link is closed")]
    Closed,
    /// What the peer sent is no message of this link.
    #[error("the link carried something that is no message: {why}")]
    Malformed { why: String },
}

/// Joins two new ends: what one sends, the other receives.
///
/// # Errors
/// When the system has no descriptor left.
pub fn pair<A, B>(transport: Transport) -> io::Result<(Endpoint<A, B>, Endpoint<B, A>)> {
    let (left, right) = RawEnd::pair(transport)?;
    Ok((Endpoint::from_raw(left), Endpoint::from_raw(right)))
}

/// One end of a two-way link: sends `S`, receives `R`. Can be handed on inside control messages.
#[derive(Debug)]
pub struct Endpoint<S, R> {
    raw: RawEnd,
    types: PhantomData<fn(S) -> R>,
}

impl<S, R> Endpoint<S, R> {
    /// Both directions, each to be used by one thread. Dropping one closes that direction only.
    pub fn split(self) -> (Sender<S>, Receiver<R>) {
        let sender = Sender { raw: self.raw.sender, types: PhantomData };
        let receiver = Receiver { raw: self.raw.receiver, types: PhantomData };
        (sender, receiver)
    }

    pub(super) fn from_raw(raw: RawEnd) -> Endpoint<S, R> {
        Endpoint { raw, types: PhantomData }
    }

    pub(super) fn into_raw(self) -> RawEnd {
        self.raw
    }
}

/// The sending direction of an end.
#[derive(Debug)]
pub struct Sender<S> {
    raw: RawSender,
    types: PhantomData<fn(S)>,
}

impl<S: Serialize> Sender<S> {
    /// Sends, and waits as long as the peer does not read: for threads that may block. A peer that
    /// dies ends the wait with `Closed`. Loops send through an [`Outbox`](super::Outbox) instead.
    pub fn send(&self, parcel: impl Into<Parcel<S>>) -> Result<(), SendError> {
        self.raw.send(Frame::encode(parcel.into())?)
    }
}

impl<S> Sender<S> {
    pub(super) fn from_raw(raw: RawSender) -> Sender<S> {
        Sender { raw, types: PhantomData }
    }

    pub(super) fn into_raw(self) -> RawSender {
        self.raw
    }
}

/// The receiving direction of an end.
#[derive(Debug)]
pub struct Receiver<R> {
    raw: RawReceiver,
    types: PhantomData<fn() -> R>,
}

impl<R: DeserializeOwned> Receiver<R> {
    /// Waits for the next message, without limit: for a thread of its own, which the peer's end ends.
    pub fn recv(&mut self) -> Result<Parcel<R>, RecvError> {
        self.raw.recv()?.decode()
    }

    /// Waits for the next message; `None` when none came within `limit`.
    pub fn recv_timeout(&mut self, limit: Duration) -> Result<Option<Parcel<R>>, RecvError> {
        self.raw.recv_timeout(limit)?.map(Frame::decode).transpose()
    }
}

/// What really travels: an encoded message and what lies beside it. The end of another link is
/// looked at by control links only and dropped, thus closed, elsewhere.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) body: Vec<u8>,
    pub(super) blob: Option<Blob>,
    pub(super) end: Option<RawEnd>,
}

impl Frame {
    pub(super) fn encode<T: Serialize>(parcel: Parcel<T>) -> Result<Frame, SendError> {
        let body = postcard::to_stdvec(&parcel.message).map_err(|source| SendError::Encode { source })?;
        if body.len() > MAX_MESSAGE_BYTES {
            return Err(SendError::TooLarge { len_bytes: body.len() });
        }
        Ok(Frame { body, blob: parcel.blob, end: None })
    }

    pub(super) fn decode<T: DeserializeOwned>(self) -> Result<Parcel<T>, RecvError> {
        match postcard::take_from_bytes(&self.body) {
            Ok((message, [])) => Ok(Parcel { message, blob: self.blob }),
            Ok((_, rest)) => Err(malformed(format!("{} bytes too many", rest.len()))),
            Err(error) => Err(malformed(error.to_string())),
        }
    }
}

fn malformed(why: String) -> RecvError {
    RecvError::Malformed { why }
}

/// An end without its types.
#[derive(Debug)]
pub(super) struct RawEnd {
    pub(super) sender: RawSender,
    pub(super) receiver: RawReceiver,
}

impl RawEnd {
    pub(super) fn pair(transport: Transport) -> io::Result<(RawEnd, RawEnd)> {
        let (left_sender, right_receiver) = channel(transport)?;
        let (right_sender, left_receiver) = channel(transport)?;
        let left = RawEnd { sender: left_sender, receiver: left_receiver };
        let right = RawEnd { sender: right_sender, receiver: right_receiver };
        Ok((left, right))
    }

    pub(super) fn into_wire(self) -> Result<WireEnd, SendError> {
        match (self.sender, self.receiver) {
            (RawSender::Process(sender), RawReceiver::Process(receiver)) => Ok(WireEnd { sender, receiver }),
            _ => Err(SendError::NotPortable),
        }
    }

    pub(super) fn from_wire(end: WireEnd) -> RawEnd {
        RawEnd { sender: RawSender::Process(end.sender), receiver: RawReceiver::Process(end.receiver) }
    }
}

fn channel(transport: Transport) -> io::Result<(RawSender, RawReceiver)> {
    match transport {
        Transport::Processes => {
            let (sender, receiver) = ipc::channel()?;
            Ok((RawSender::Process(sender), RawReceiver::Process(receiver)))
        }
        Transport::Threads => {
            let (sender, receiver) = queue::bounded(THREAD_QUEUE);
            Ok((RawSender::Thread(sender), RawReceiver::Thread(receiver)))
        }
    }
}

#[derive(Debug)]
pub(super) enum RawSender {
    Process(IpcSender<WireFrame>),
    Thread(queue::Sender<Frame>),
}

impl RawSender {
    pub(super) fn send(&self, frame: Frame) -> Result<(), SendError> {
        match self {
            RawSender::Process(sender) => {
                sender.send(WireFrame::from_frame(frame)?).map_err(|_| SendError::Closed)
            }
            RawSender::Thread(sender) => sender.send(frame).map_err(|_| SendError::Closed),
        }
    }
}

#[derive(Debug)]
pub(super) enum RawReceiver {
    Process(IpcReceiver<WireFrame>),
    Thread(queue::Receiver<Frame>),
}

impl RawReceiver {
    pub(super) fn recv(&mut self) -> Result<Frame, RecvError> {
        match self {
            RawReceiver::Process(receiver) => loop {
                match caught(|| receiver.recv())? {
                    Ok(frame) => return Ok(frame.into_frame()),
                    Err(error) => not_interrupted(error)?,
                }
            },
            RawReceiver::Thread(receiver) => receiver.recv().map_err(|_| RecvError::Closed),
        }
    }

    pub(super) fn recv_timeout(&mut self, limit: Duration) -> Result<Option<Frame>, RecvError> {
        match self {
            RawReceiver::Process(receiver) => {
                let end = Monotonic::now().plus(limit);
                loop {
                    let left = end.since(Monotonic::now());
                    match caught(|| receiver.try_recv_timeout(left))? {
                        Ok(frame) => return Ok(Some(frame.into_frame())),
                        Err(TryRecvError::Empty) => return Ok(None),
                        Err(TryRecvError::IpcError(error)) => not_interrupted(error)?,
                    }
                }
            }
            RawReceiver::Thread(receiver) => match receiver.recv_timeout(limit) {
                Ok(frame) => Ok(Some(frame)),
                Err(queue::RecvTimeoutError::Timeout) => Ok(None),
                Err(queue::RecvTimeoutError::Disconnected) => Err(RecvError::Closed),
            },
        }
    }
}

/// `ipc-channel` panics on a frame that names a descriptor it does not carry; a bad peer must cost
/// its link, not this process.
fn caught<T>(receive: impl FnOnce() -> T) -> Result<T, RecvError> {
    catch_unwind(AssertUnwindSafe(receive))
        .map_err(|_| malformed("it names ends it does not carry".to_owned()))
}

fn not_interrupted(error: IpcError) -> Result<(), RecvError> {
    match error {
        IpcError::Io(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
        // A peer that dies with our last messages unread resets the connection.
        IpcError::Io(error) if error.kind() == io::ErrorKind::ConnectionReset => Err(RecvError::Closed),
        IpcError::Disconnected => Err(RecvError::Closed),
        IpcError::Io(error) => Err(malformed(error.to_string())),
        IpcError::SerializationError(error) => Err(malformed(error.to_string())),
    }
}

/// A frame as `ipc-channel` carries it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct WireFrame {
    body: Body,
    blob: Option<Arc<IpcSharedMemory>>,
    end: Option<WireEnd>,
}

impl WireFrame {
    pub(super) fn from_frame(frame: Frame) -> Result<WireFrame, SendError> {
        Ok(WireFrame {
            body: Body(frame.body),
            blob: frame.blob.map(Blob::into_wire),
            end: frame.end.map(RawEnd::into_wire).transpose()?,
        })
    }

    pub(super) fn into_frame(self) -> Frame {
        Frame {
            body: self.body.0,
            blob: self.blob.map(Blob::from_wire),
            end: self.end.map(RawEnd::from_wire),
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct WireEnd {
    sender: IpcSender<WireFrame>,
    receiver: IpcReceiver<WireFrame>,
}

/// Bytes that are copied as a whole; `Vec<u8>` alone would go byte by byte.
#[derive(Debug)]
struct Body(Vec<u8>);

impl Serialize for Body {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Body, D::Error> {
        struct Bytes;
        impl<'de> serde::de::Visitor<'de> for Bytes {
            type Value = Body;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Body, E> {
                Ok(Body(bytes.to_vec()))
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: [Transport; 2] = [Transport::Processes, Transport::Threads];

    #[test]
    fn messages_and_blobs_go_both_ways() {
        for transport in BOTH {
            let (left, right) = pair::<String, u32>(transport).unwrap();
            let ((left_sender, mut left_receiver), (right_sender, mut right_receiver)) =
                (left.split(), right.split());
            left_sender
                .send(Parcel { message: "a".to_owned(), blob: Some(Blob::new(&[7; 300_000])) })
                .unwrap();
            right_sender.send(5).unwrap();
            let parcel = right_receiver.recv().unwrap();
            assert_eq!((parcel.message.as_str(), parcel.blob.as_deref()), ("a", Some(&[7; 300_000][..])));
            assert_eq!(left_receiver.recv().unwrap().message, 5);
        }
    }

    #[test]
    fn a_dropped_end_is_noticed_after_what_it_sent() {
        for transport in BOTH {
            let (left, right) = pair::<u32, u32>(transport).unwrap();
            let (left_sender, _) = left.split();
            left_sender.send(1).unwrap();
            drop(left_sender);
            let (right_sender, mut right_receiver) = right.split();
            assert_eq!(right_receiver.recv().unwrap().message, 1);
            assert_eq!(right_receiver.recv().unwrap_err(), RecvError::Closed);
            assert!(matches!(right_sender.send(1), Err(SendError::Closed)));
        }
    }

    #[test]
    fn waiting_has_an_end() {
        for transport in BOTH {
            let (_left, right) = pair::<u32, u32>(transport).unwrap();
            let (_, mut receiver) = right.split();
            assert!(receiver.recv_timeout(Duration::from_millis(1)).unwrap().is_none());
        }
    }

    #[test]
    fn a_long_message_is_refused_by_its_sender() {
        for transport in BOTH {
            let (left, _right) = pair::<Vec<u8>, u32>(transport).unwrap();
            let (sender, _) = left.split();
            let error = sender.send(vec![0; MAX_MESSAGE_BYTES + 1]).unwrap_err();
            assert!(matches!(error, SendError::TooLarge { .. }), "{error}");
        }
    }

    #[test]
    fn what_is_no_message_is_told_apart_from_the_end() {
        for transport in BOTH {
            // The two sides disagree about the types, as two versions of the program would.
            let (left, right) = RawEnd::pair(transport).unwrap();
            let (sender, _) = Endpoint::<(u8, u8), ()>::from_raw(left).split();
            let (_, mut receiver) = Endpoint::<(), bool>::from_raw(right).split();
            sender.send((1, 1)).unwrap();
            sender.send((9, 9)).unwrap();
            for _ in 0..2 {
                assert!(matches!(receiver.recv(), Err(RecvError::Malformed { .. })));
            }
        }
    }

    #[test]
    fn an_end_in_memory_does_not_leave_the_process() {
        let (end, _) = RawEnd::pair(Transport::Threads).unwrap();
        let (link, _peer) = RawEnd::pair(Transport::Processes).unwrap();
        let error = link.sender.send(Frame { body: Vec::new(), blob: None, end: Some(end) }).unwrap_err();
        assert!(matches!(error, SendError::NotPortable));
    }

    proptest::proptest! {
        /// What a broken peer sends costs its link at most; what it can encode, comes back.
        #[test]
        fn any_bytes_are_a_message_or_malformed(
            body in proptest::collection::vec(proptest::num::u8::ANY, 0..200),
        ) {
            let frame = Frame { body: body.clone(), blob: None, end: None };
            match frame.decode::<crate::proto::stage::StageToBroker>() {
                Ok(parcel) => drop(Frame::encode(parcel).unwrap()),
                Err(RecvError::Malformed { .. }) => {}
                Err(RecvError::Closed) => proptest::prop_assert!(false, "a frame cannot be closed"),
            }
        }
    }
}

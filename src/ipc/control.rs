//! The control link, root to container: the messages of `proto::control`, and the ends of other links
//! that are handed over beside them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::blob::Blob;
use super::link::{Endpoint, Frame, Parcel, RawEnd, RawReceiver, Receiver, RecvError, Transport};
use super::outbox::{Outbox, OutboxError};
use crate::base::ids::ContainerId;
use crate::base::roles::Role;
use crate::proto::control::{ContainerToRoot, RootToContainer, Welcome};
use crate::proto::front::{BrokerToFront, FrontToBroker};
use crate::proto::stage::{BrokerToStage, StageToBroker};

/// Orders and ends that wait for a container which does not read; more than it ever gets at once.
const OUTBOX_CAPACITY: usize = 64;
/// Settings longer than this (a long blocklist) travel in shared memory.
const INLINE_SETTINGS_BYTES: usize = 32 * 1024;

/// A new link's end for whoever works, or for the broker. Each container has one link at a time; a
/// further one replaces it, since the broker behind the former has ended.
#[derive(Debug)]
pub enum Link {
    /// To a container with workers: its link to the broker.
    BrokerLink(Endpoint<StageToBroker, BrokerToStage>),
    /// To `front`: its link to the broker.
    FrontLink(Endpoint<FrontToBroker, BrokerToFront>),
    /// To the broker: its end of the link with this container.
    Peer { container: ContainerId, role: Role, end: PeerEnd },
}

/// The broker's end of a link.
#[derive(Debug)]
pub enum PeerEnd {
    Stage(Endpoint<BrokerToStage, StageToBroker>),
    Front(Endpoint<BrokerToFront, FrontToBroker>),
}

/// What joins a container with the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkKind {
    /// It is the broker: each of the others has a link to it.
    Broker,
    /// Work is given over its link.
    Stage,
    /// Questions are asked over its link.
    Front,
    /// Nothing does.
    None,
}

/// Joins a container of this role with the broker: the container's end and the broker's. `None` where
/// nothing joins them.
///
/// # Errors
/// When the system has no descriptor left.
pub fn broker_link(
    transport: Transport,
    container: ContainerId,
    role: Role,
    kind: LinkKind,
) -> std::io::Result<Option<(Link, Link)>> {
    match kind {
        LinkKind::Broker | LinkKind::None => Ok(None),
        LinkKind::Front => {
            let (end, peer) = super::link::pair(transport)?;
            let peer = Link::Peer { container, role, end: PeerEnd::Front(peer) };
            Ok(Some((Link::FrontLink(end), peer)))
        }
        LinkKind::Stage => {
            let (end, peer) = super::link::pair(transport)?;
            let peer = Link::Peer { container, role, end: PeerEnd::Stage(peer) };
            Ok(Some((Link::BrokerLink(end), peer)))
        }
    }
}

/// What the root's end sends; which end lies beside it follows from the variant.
#[derive(Debug, Serialize, Deserialize)]
enum Body {
    Welcome(Welcome),
    Order(RootToContainer),
    BrokerLink,
    FrontLink,
    StagePeer { container: ContainerId, role: Role },
    FrontPeer { container: ContainerId, role: Role },
}

/// The root's end of a control link.
#[derive(Debug)]
pub struct RootEnd(RawEnd);

/// The container's end of a control link.
#[derive(Debug)]
pub struct ContainerEnd(RawEnd);

/// Joins the two ends.
///
/// # Errors
/// When the system has no descriptor left.
pub fn control_pair(transport: Transport) -> std::io::Result<(RootEnd, ContainerEnd)> {
    let (root, container) = RawEnd::pair(transport)?;
    Ok((RootEnd(root), ContainerEnd(container)))
}

impl RootEnd {
    pub(super) fn from_raw(raw: RawEnd) -> RootEnd {
        RootEnd(raw)
    }

    pub(super) fn into_raw(self) -> RawEnd {
        self.0
    }

    /// The outbox to the container, written by a thread of this name, and what it says.
    ///
    /// # Errors
    /// When the system cannot start another thread.
    pub fn start(self, name: &str) -> std::io::Result<(RootOutbox, Receiver<ContainerToRoot>)> {
        let (sender, receiver) = Endpoint::from_raw(self.0).split();
        Ok((RootOutbox(Outbox::try_start(sender, name, OUTBOX_CAPACITY)?), receiver))
    }
}

/// The root's sending side. Nothing blocks; a full outbox means a container that does not read.
#[derive(Debug)]
pub struct RootOutbox(Outbox<Body>);

impl RootOutbox {
    /// First: who the container is, and its settings.
    pub fn welcome(&self, mut welcome: Welcome) -> Result<(), OutboxError> {
        let mut blob = None;
        if welcome.settings_json.len() > INLINE_SETTINGS_BYTES {
            blob = Some(Blob::new(std::mem::take(&mut welcome.settings_json).as_bytes()));
        }
        self.0.send(Parcel { message: Body::Welcome(welcome), blob })
    }

    pub fn order(&self, order: RootToContainer) -> Result<(), OutboxError> {
        self.0.send(Body::Order(order))
    }

    /// Waits until everything has been handed to the system, at most `limit`. False when it was not.
    pub fn flush(&self, limit: Duration) -> bool {
        self.0.flush(limit)
    }

    /// Hands over the end of another link.
    pub fn attach(&self, link: Link) -> Result<(), OutboxError> {
        let (body, end) = match link {
            Link::BrokerLink(end) => (Body::BrokerLink, end.into_raw()),
            Link::FrontLink(end) => (Body::FrontLink, end.into_raw()),
            Link::Peer { container, role, end: PeerEnd::Stage(end) } => {
                (Body::StagePeer { container, role }, end.into_raw())
            }
            Link::Peer { container, role, end: PeerEnd::Front(end) } => {
                (Body::FrontPeer { container, role }, end.into_raw())
            }
        };
        self.0.queue(Frame::encode(Parcel::from(body)).map(|frame| Frame { end: Some(end), ..frame }))
    }
}

impl ContainerEnd {
    /// Waits for the root's welcome, at most `limit`; `None` when it did not come.
    ///
    /// # Errors
    /// When the link closes, or something else comes first.
    pub fn wait_for_welcome(&mut self, limit: Duration) -> Result<Option<Welcome>, RecvError> {
        let Some(mut frame) = self.0.receiver.recv_timeout(limit)? else { return Ok(None) };
        let blob = frame.blob.take();
        let Body::Welcome(mut welcome) = frame.decode::<Body>()?.message else {
            return Err(RecvError::Malformed { why: "the first message is no welcome".to_owned() });
        };
        if let Some(blob) = blob {
            welcome.settings_json = String::from_utf8_lossy(&blob).into_owned();
        }
        Ok(Some(welcome))
    }

    /// The outbox to the root, written by a thread of this name, and what it says.
    pub fn start(self, name: &str) -> (Outbox<ContainerToRoot>, Orders) {
        let RawEnd { sender, receiver } = self.0;
        let outbox = Outbox::start(super::link::Sender::from_raw(sender), name, OUTBOX_CAPACITY);
        (outbox, Orders(receiver))
    }
}

/// What a container is told after its welcome.
#[derive(Debug)]
pub enum Order {
    Root(RootToContainer),
    Attach(Link),
}

/// The container's receiving side.
#[derive(Debug)]
pub struct Orders(RawReceiver);

impl Orders {
    /// Waits for the next order, without limit: for a thread of its own.
    ///
    /// # Errors
    /// When the root has ended, or says what is no order.
    pub fn recv(&mut self) -> Result<Order, RecvError> {
        let mut frame = self.0.recv()?;
        let end = frame.end.take();
        let body = frame.decode::<Body>()?.message;
        let end = || end.ok_or_else(|| RecvError::Malformed { why: "an end is missing".to_owned() });
        Ok(match body {
            Body::Order(order) => Order::Root(order),
            Body::BrokerLink => Order::Attach(Link::BrokerLink(Endpoint::from_raw(end()?))),
            Body::FrontLink => Order::Attach(Link::FrontLink(Endpoint::from_raw(end()?))),
            Body::StagePeer { container, role } => {
                let end = PeerEnd::Stage(Endpoint::from_raw(end()?));
                Order::Attach(Link::Peer { container, role, end })
            }
            Body::FrontPeer { container, role } => {
                let end = PeerEnd::Front(Endpoint::from_raw(end()?));
                Order::Attach(Link::Peer { container, role, end })
            }
            Body::Welcome(_) => {
                return Err(RecvError::Malformed { why: "a second welcome".to_owned() });
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::LeaseId;

    const BOTH: [Transport; 2] = [Transport::Processes, Transport::Threads];
    const LONG: Duration = Duration::from_secs(10);

    fn welcome(settings_json: String) -> Welcome {
        Welcome { container: ContainerId(3), settings_json }
    }

    #[test]
    fn the_welcome_carries_settings_of_any_length() {
        for transport in BOTH {
            for len in [2, INLINE_SETTINGS_BYTES + 1, 3_000_000] {
                let (root, mut container) = control_pair(transport).unwrap();
                let (outbox, _receiver) = root.start("control").unwrap();
                outbox.welcome(welcome("x".repeat(len))).unwrap();
                assert_eq!(container.wait_for_welcome(LONG).unwrap(), Some(welcome("x".repeat(len))));
            }
        }
    }

    #[test]
    fn ends_that_were_handed_over_work() {
        for transport in BOTH {
            let (root, container) = control_pair(transport).unwrap();
            let (outbox, mut from_container) = root.start("control").unwrap();
            let (to_root, mut orders) = container.start("control");
            let (mine, peer) =
                broker_link(transport, ContainerId(1), Role::Listing, LinkKind::Stage).unwrap().unwrap();
            outbox.attach(mine).unwrap();
            outbox.attach(peer).unwrap();
            outbox.order(RootToContainer::Stop).unwrap();
            let Order::Attach(Link::BrokerLink(mine)) = orders.recv().unwrap() else { panic!("no link") };
            let Order::Attach(Link::Peer { container, role, end: PeerEnd::Stage(peer) }) =
                orders.recv().unwrap()
            else {
                panic!("no peer")
            };
            assert_eq!((container, role), (ContainerId(1), Role::Listing));
            peer.split().0.send(BrokerToStage::Revoked { lease: LeaseId(4) }).unwrap();
            let got = mine.split().1.recv().unwrap().message;
            assert_eq!(got, BrokerToStage::Revoked { lease: LeaseId(4) });
            assert!(matches!(orders.recv().unwrap(), Order::Root(RootToContainer::Stop)));
            to_root.send(ContainerToRoot::Ready).unwrap();
            assert_eq!(from_container.recv().unwrap().message, ContainerToRoot::Ready);
        }
    }

    #[test]
    fn an_order_without_its_end_is_malformed() {
        let (root, container) = control_pair(Transport::Processes).unwrap();
        let (_to_root, mut orders) = container.start("control");
        root.0.sender.send(Frame::encode(Parcel::from(Body::BrokerLink)).unwrap()).unwrap();
        assert!(matches!(orders.recv(), Err(RecvError::Malformed { .. })));
    }
}

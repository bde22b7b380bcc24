//! Messages between processes: no bytes that a broken peer sends panic or take more time or memory than their
//! number allows (a message may say that it holds billions), and what is understood is understood
//! again when it is passed on.

#![no_main]

use std::fmt::Debug;

use aotf::proto::control::{ContainerToRoot, Hello, RootToContainer, Welcome};
use aotf::proto::front::{BrokerToFront, FrontToBroker};
use aotf::proto::stage::{BrokerToStage, StageToBroker};
use libfuzzer_sys::fuzz_target;
use serde::Serialize;
use serde::de::DeserializeOwned;

use cost::{Most, bounded};

mod cost;

/// Read twice and written once. Of a list that is announced, a megabyte is set aside at most before it is
/// there.
const BASE: Most = Most { nanos: 20_000_000, memory_bytes: 8 << 20 };
/// The smallest element of a list is a byte on the wire, and some hundred in memory.
const PER_BYTE: Most = Most { nanos: 5_000, memory_bytes: 2_000 };

fn check<T: Serialize + DeserializeOwned + PartialEq + Debug>(bytes: &[u8]) {
    let Ok(message) = postcard::from_bytes::<T>(bytes) else { return };
    let again = postcard::to_stdvec(&message).expect("what was read can be written");
    assert_eq!(postcard::from_bytes::<T>(&again).expect("what was written can be read"), message);
}

fuzz_target!(|input: (u8, &[u8])| {
    let (kind, bytes) = input;
    bounded(&Most::of(bytes.len(), BASE, PER_BYTE), "a message", || match kind % 8 {
        0 => check::<StageToBroker>(bytes),
        1 => check::<BrokerToStage>(bytes),
        2 => check::<FrontToBroker>(bytes),
        3 => check::<BrokerToFront>(bytes),
        4 => check::<ContainerToRoot>(bytes),
        5 => check::<RootToContainer>(bytes),
        6 => check::<Hello>(bytes),
        _ => check::<Welcome>(bytes),
    });
});

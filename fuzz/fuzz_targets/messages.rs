//! Messages between processes: no bytes that a broken peer sends panic, and what is understood is understood
//! again when it is passed on.

#![no_main]

use std::fmt::Debug;

use aotf::proto::control::{ContainerToRoot, Hello, RootToContainer, Welcome};
use aotf::proto::front::{BrokerToFront, FrontToBroker};
use aotf::proto::stage::{BrokerToStage, StageToBroker};
use libfuzzer_sys::fuzz_target;
use serde::Serialize;
use serde::de::DeserializeOwned;

fn check<T: Serialize + DeserializeOwned + PartialEq + Debug>(bytes: &[u8]) {
    let Ok(message) = postcard::from_bytes::<T>(bytes) else { return };
    let again = postcard::to_stdvec(&message).expect("what was read can be written");
    assert_eq!(postcard::from_bytes::<T>(&again).expect("what was written can be read"), message);
}

fuzz_target!(|input: (u8, &[u8])| {
    let (kind, bytes) = input;
    match kind % 8 {
        0 => check::<StageToBroker>(bytes),
        1 => check::<BrokerToStage>(bytes),
        2 => check::<FrontToBroker>(bytes),
        3 => check::<BrokerToFront>(bytes),
        4 => check::<ContainerToRoot>(bytes),
        5 => check::<RootToContainer>(bytes),
        6 => check::<Hello>(bytes),
        _ => check::<Welcome>(bytes),
    }
});

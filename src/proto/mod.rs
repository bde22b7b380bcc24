//! What crosses process lines: plain data, one file per direction or subject. Every value is
//! valid; every message survives the wire format (postcard: no untagged, flattened or
//! internally tagged types, no `skip_serializing_if`, no `serde_json::Value`), which the tests of
//! each file show for all variants. Imports `base` and `domain`.
//!
//! The promise holds between processes of one executable only, so messages change with it. What lasts is
//! written in another form: accepted work by `storekeeper/journal_format.rs`, posts by `store`.

pub mod command;
pub mod control;
pub mod front;
pub mod stage;
pub mod view;
pub mod work;

/// Raised with every change of a message. Both ends of a link are the same executable, so a
/// difference means that an old process survived an upgrade: it is refused.
pub const PROTOCOL_VERSION: u32 = 21;

/// Messages stay below this size; anything bigger travels as shared memory or in pieces, because
/// a send larger than the socket buffer whose receiver was killed never returns.
pub const MAX_MESSAGE_BYTES: usize = 60 * 1024;

#[cfg(test)]
pub(crate) mod tests {
    use serde::Serialize;
    use serde::de::DeserializeOwned;

    /// Sends a value over the wire format and back.
    #[track_caller]
    pub fn check_round_trip<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: T) {
        let bytes = postcard::to_stdvec(&value).unwrap();
        let back: T = postcard::from_bytes(&bytes).unwrap();
        assert_eq!(back, value);
    }
}

//! Every number that the API promises. `docs/http-api.md` and `/openapi.json` name them; a test holds them
//! to these.

use std::time::Duration;

/// The longest address of an artwork's page, in characters. The broker keeps the same limit.
pub use crate::proto::front::MAX_URL_CHARS;

/// Raised when fields or endpoints are added; existing ones stay. Sent as `X-AOTF-API-Version`.
pub const VERSION: &str = "1.2";
/// Queries in one request of `/queries`.
pub const MAX_BATCH: usize = 100;
/// The longest address of an image, in characters. Hosts sign their addresses, so these are long.
pub const MAX_IMAGE_URL_CHARS: usize = 2048;
/// The age of the figures of `/stats` at most.
pub const STATS_AGE: Duration = Duration::from_secs(3);
/// Seconds after which a client may ask again when the broker is away or the server is full.
pub const RETRY_AFTER_SECS: u32 = 2;
/// Seconds after which a client may ask again that has asked too often.
pub const RATE_LIMITED_RETRY_AFTER_SECS: u32 = 1;

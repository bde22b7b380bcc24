//! The networks of `src/networks/`, played: one file or folder per network under the same name, each a pure
//! function from a request to an answer, in the shapes that the networks publish
//! (`docs/contracts/networks.md`).

pub mod bluesky;
pub mod fxtwitter;
pub mod mastodon;
pub mod misskey;
pub mod twitter;

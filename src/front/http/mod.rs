//! The HTTP API and the web page. `router.rs` says which endpoints there are. Their handlers are in
//! `query.rs`,
//! `batch.rs` (many queries), `events.rs` (pushed answers), `search.rs` (images), `account.rs`, `status.rs`
//! (figures, limits, health), `errors.rs`, `metrics.rs`, `openapi.rs` and `docs.rs` (the description, for
//! programs and for people), `page.rs` and `assets.rs` (the web page), `userscript.rs`. They share
//! `state.rs`; `around.rs` stands around each of them.
//!
//! What comes in is guarded by `caller.rs` (who asks), `limits.rs`, `cors.rs`, `url_parameter.rs` and
//! `body.rs`, and the connections by `serve.rs`.
//!
//! An answer about a request is always HTTP 200 with all fields, whatever the request's fate, since
//! existing clients expect that; other statuses are about the protocol itself (`error.rs`).

mod account;
mod around;
mod artist;
mod assets;
mod atom;
mod batch;
mod body;
mod browsers;
mod caller;
mod cors;
mod docs;
mod error;
mod errors;
mod events;
mod feeds;
mod finished;
mod handed_on;
mod kept_feeds;
mod kept_pictures;
mod limits;
mod metrics;
mod openapi;
mod own_address;
mod page;
mod peer;
mod picture;
mod query;
mod router;
mod search;
pub mod serve;
mod state;
mod status;
#[cfg(test)]
mod tests;
mod texts;
mod traffic;
mod url_parameter;
mod userscript;
mod verdicts;
mod watches;

pub use state::Api;

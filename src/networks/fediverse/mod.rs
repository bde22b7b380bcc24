//! What the networks of the Fediverse share, whichever API their servers speak (Mastodon's, Misskey's):
//! names, which software a server runs, how an account is followed from server to server, and which files of
//! a post are taken. Every server is a stranger's.

pub mod address;
pub mod files;
pub mod resolve;
pub mod software;

//! Typed settings: read once at start, checked as a whole, passed down by value. A room sees only
//! its own section.
//!
//! One file per section of `parameters.toml`: what each key is called and may be, its default, and what it
//! means. `settings.rs` puts them together, `load.rs` finds the file; nothing below `main` reads the
//! environment.

mod bots;
mod compliance;
mod credit;
mod database;
mod document;
mod fetch;
mod files;
mod http;
mod limits;
mod links;
mod load;
mod log;
mod maintenance;
mod networks;
mod page;
mod sandbox;
mod scan;
mod search;
mod secret;
mod section;
mod settings;
#[cfg(test)]
mod tests;
pub mod text_file;
mod twitter;
mod values;
mod visitors;
mod watches;
mod workers;

pub use bots::{Bots, DiscordBot, TelegramBot};
pub use compliance::Compliance;
pub use credit::CreditTemplates;
pub use database::Database;
pub use document::{Place, Problem};
pub use fetch::Fetch;
pub use http::{Admin, ForwardedHeader, Http};
pub use limits::Limits;
pub use links::{API_KEY_SITES, COOKIE_SITES, Links};
pub use load::{ConfigError, LOOKED_UP, Loaded, load};
pub use log::{Log, LogFormat};
pub use maintenance::Maintenance;
pub use networks::{Bluesky, Mastodon, Misskey};
pub use page::Page;
pub use sandbox::{Memory, Sandbox};
pub use scan::{NotInWindows, Scan, TimelinePolicy, WholePolicy};
pub use search::Search;
pub use secret::Secret;
pub use settings::Settings;
pub use twitter::{Budget, FxTwitter, Twitter, TwitterCredential};
pub use visitors::{ApiKey, Webhook, sha256};
pub use watches::Watches;
pub use workers::{Workers, threads};

//! How far a search for links goes.

use std::time::Duration;

use crate::base::ids::Network;
use crate::config::Settings;
use crate::sites::Credentials;

/// How far one search for links goes.
#[derive(Clone, Debug)]
pub struct LinkSettings {
    /// Networks whose accounts are wanted.
    pub networks: Vec<Network>,
    /// Steps from the artwork's page (0) to the farthest page that is read.
    pub max_depth: u8,
    /// The same where the way leads over the source of a repost.
    pub max_source_depth: u8,
    /// Requests of one search, retries by `fetch` not counted.
    pub max_pages: u32,
    /// No page is asked for after this; a request already under way has `fetch`'s own limit.
    pub time_limit: Duration,
    /// Ask the curators of Danbooru and e621 whose pages these are when nothing else led to an account.
    pub ask_curators: bool,
    /// Pages whose outbound links are taken as they stand: a host (`example.com`), the hosts below one
    /// (`*.example.com`), or the start of a URL.
    pub plain_pages: Vec<String>,
    /// Read pages of unknown make that the artist's pages name, if they may be link pages.
    pub unknown_pages: bool,
    /// Cookies and keys, for what a site shows to its users only.
    pub credentials: Credentials,
}

impl Default for LinkSettings {
    fn default() -> LinkSettings {
        LinkSettings {
            networks: vec![Network::Twitter],
            max_depth: 2,
            max_source_depth: 3,
            max_pages: 30,
            time_limit: Duration::from_secs(60),
            ask_curators: false,
            plain_pages: Vec::new(),
            unknown_pages: false,
            credentials: Credentials::default(),
        }
    }
}

impl LinkSettings {
    /// What the operator has set.
    pub fn of(settings: &Settings) -> LinkSettings {
        let links = &settings.links;
        LinkSettings {
            networks: settings.networks.clone(),
            max_pages: links.max_pages,
            time_limit: links.time_limit,
            ask_curators: links.ask_curators,
            plain_pages: links.plain_pages.clone(),
            unknown_pages: links.unknown_pages,
            credentials: Credentials {
                cookies: links.cookies.clone(),
                tumblr_api_key: links.tumblr_api_key.clone(),
                api_keys: links.api_keys.clone(),
            },
            ..LinkSettings::default()
        }
    }
}

//! The pages between an artist and their accounts, beside Linktree: pages of links, shops. Profiles on other networks are in
//! `open`. One file per site, each a pure function from a request to an answer, in the shapes
//! of sections 2, 3, 12, 13 and 14 of the site contracts; and the table of what stands on them.

use super::JUNIPER;
use crate::demo::world::facts::Facts;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hub {
    Carrd,
    Kofi,
    Patreon,
    Potofu,
    Litlink,
    Fanbox,
    Skeb,
    Tumblr,
    /// `t.co`: the name is the code, the link its target.
    Short,
}

/// Somebody's page on one of them.
#[derive(Clone, Debug)]
pub struct Page {
    pub hub: Hub,
    pub name: &'static str,
    /// Addresses in its list of links, or, on Skeb, in its text.
    pub links: &'static [&'static str],
    /// Index into `Facts::accounts`: the account that Skeb vouches for.
    pub account: Option<usize>,
}

impl Facts {
    pub fn page(&self, hub: Hub, name: &str) -> Option<&Page> {
        self.pages.iter().find(|page| page.hub == hub && page.name.eq_ignore_ascii_case(name))
    }
}

pub fn pages() -> Vec<Page> {
    let page = |hub, name, links| Page { hub, name, links, account: None };
    vec![
        page(Hub::Carrd, "demo-maple", &["https://twitter.com/demo_maple", "https://ko-fi.com/demomaple"]),
        page(Hub::Kofi, "demomaple", &["https://x.com/demo_maple"]),
        page(Hub::Patreon, "demoaspen", &["https://twitter.com/demo_aspen"]),
        page(Hub::Potofu, "demo-hazel", &["https://twitter.com/demo_hazel"]),
        page(Hub::Litlink, "demohazel", &["https://x.com/demo_hazel"]),
        page(Hub::Fanbox, "demo-juniper", &["https://twitter.com/demo_juniper"]),
        // No link leads to the account: only its number, which the site knows.
        Page { hub: Hub::Skeb, name: "demo_juniper", links: &[], account: Some(JUNIPER) },
        page(Hub::Tumblr, "demo-aspen", &["https://twitter.com/demo_aspen"]),
        page(Hub::Short, "demoAspen1", &["https://twitter.com/demo_aspen"]),
    ]
}

//! The outside world of artworks: one file per artwork site, link page or network of accounts.
//!
//! Owns: recognising URLs (`identify`: pure, offline), reading pages into images, dates and links
//! (`Site::artwork`, `Site::leads`: pure parsers with the few requests they need through `&dyn Fetch`).
//! Called by `links`, which decides where to walk, and by the command `sites identify`. Never decides
//! which account is the artist's, never opens a connection itself, never panics on what it reads.
//!
//! A new site is one file and one line in `SITES`; see `docs/adding-a-site.md`. What the sites answer is written down
//! in `docs/contracts/`.

pub mod address;
mod artstation;
mod bluesky;
mod bridges;
mod danbooru;
mod deviantart;
mod e621;
mod error;
mod fanbox;
mod free_text;
mod furaffinity;
mod gelbooru;
pub mod html;
mod hubs;
mod inkbunny;
mod linktree;
mod litlink;
mod mastodon;
mod misskey;
mod page;
mod patreon;
mod philomena;
mod pixiv;
pub mod plain;
mod potofu;
pub mod read;
pub mod recording;
mod redirect;
mod site;
mod skeb;
mod tumblr;
mod twitter;
mod web;

pub use address::Address;
pub use error::{Missing, SiteError};
pub(crate) use page::Images;
pub use page::{Artwork, Identified, Kind, Lead, MAX_LEADS, PageRead, Place};
pub use site::{ReadArtwork, ReadLeads, Site};
pub use web::{Credentials, Web};

/// Every site, in the order in which they are asked: the first to recognise an address has it.
#[rustfmt::skip]
pub static SITES: &[&Site] = &[
    &deviantart::SITE,
    &fanbox::SITE,
    &pixiv::SITE,
    &pixiv::SKETCH,
    &danbooru::SITE,
    &philomena::SITE,
    &philomena::TWIBOORU,
    &e621::SITE,
    &gelbooru::SITE,
    &artstation::SITE,
    &furaffinity::SITE,
    &inkbunny::SITE,
    &linktree::SITE,
    &hubs::SITE,
    &litlink::SITE,
    &patreon::SITE,
    &potofu::SITE,
    &skeb::SITE,
    &tumblr::SITE,
    &twitter::SITE,
    &bluesky::SITE,
    &redirect::SITE,
    &misskey::SITE,
    // Last: it takes paths that others have too for what they may be.
    &mastodon::SITE,
];

impl Site {
    /// True if the links on its pages can be read with these credentials.
    pub fn leads_on(&self, credentials: &Credentials) -> bool {
        let has_key = self.name != tumblr::SITE.name || credentials.tumblr_api_key.is_some();
        self.leads.is_some() && has_key
    }
}

/// Recognises a URL. Pure: says what the text can mean, not whether anything stands there.
pub fn identify(url: &str) -> Identified {
    match Address::parse(url) {
        Some(address) => recognise(&address).1,
        None => Identified::nothing(Kind::NotAnUrl),
    }
}

/// The same with the site's readers. Redirectors that carry their target in the URL are looked through, and so
/// are the copies of accounts that bridges between networks make.
pub fn recognise(address: &Address) -> (Option<&'static Site>, Identified) {
    let inner = redirect::target_within(address);
    let address = inner.as_ref().unwrap_or(address);
    let original = bridges::original(address);
    let address = original.as_ref().unwrap_or(address);
    for site in SITES {
        if let Some(identified) = (site.identify)(address) {
            return (Some(site), identified);
        }
    }
    let url = Some(address.url().as_str().to_owned());
    (None, Identified { url, ..Identified::nothing(Kind::Unsupported) })
}

/// True if `name`, as lists of addresses write it (`ko-fi`, `lit.link`), is that of a site whose addresses are recognised.
pub fn knows(name: &str) -> bool {
    let plain = |name: &str| name.replace(['-', '.', '_'], "");
    let mut names = SITES.iter().map(|site| site.name).chain(hubs::names()).chain(["shortener"]);
    names.any(|known| plain(known) == plain(name))
}

/// The page to be read for what a link leads to: a work that can only be its artist's own, on a site whose works are
/// not read, and another page that names its artist stand for the artist's page.
pub fn readable_page(site: Option<&'static Site>, page: Identified) -> (Option<&'static Site>, Identified) {
    let is_read = match page.kind {
        Kind::Artwork => site.is_some_and(|site| site.artwork.is_some()),
        Kind::Other => false,
        _ => true,
    };
    let artist = page.artist.as_deref().filter(|_| !is_read).and_then(Address::parse);
    artist.map_or((site, page), |artist| recognise(&artist))
}

/// Reads a page by its site's reader; `None` where the site has none for pages of its kind.
pub fn read_page(site: &Site, page: &Identified, web: &Web) -> Option<Result<PageRead, SiteError>> {
    Some(match (page.kind, site.artwork, site.leads) {
        (Kind::Artwork, Some(artwork), _) => artwork(page, web).map(PageRead::from),
        (Kind::Profile | Kind::LinkPage | Kind::Account | Kind::Redirect, _, Some(leads)) => {
            leads(page, web).map(PageRead::from)
        }
        _ => return None,
    })
}

/// The pages of curated databases that say whose page `url` is, to be read as the artist's own.
pub fn curators_of(url: &str) -> [String; 2] {
    [danbooru::whose(url), e621::whose(url)]
}

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod good;
#[cfg(test)]
mod profile_cases;
#[cfg(test)]
mod required;
#[cfg(test)]
mod tests;

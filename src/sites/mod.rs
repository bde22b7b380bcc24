//! The outside world of artworks: one file per artwork site, link page or network of accounts.
//!
//! Owns: recognising URLs (`identify`: pure, offline), reading pages into images, dates and links
//! (`Site::artwork`, `Site::leads`: pure parsers with the few requests they need through `&dyn Fetch`).
//! Called by `links`, which decides where to walk, and by the command `sites identify`. Never decides
//! which account is the artist's, never opens a connection itself, never panics on what it reads.
//!
//! A new site is one file and one line in `SITES`; see `docs/adding-a-site.md`. What the sites answer is
//! written down in `docs/contracts/`.

pub mod address;
mod artstation;
mod biosite;
mod bluesky;
mod booth;
mod bridges;
mod cara;
pub mod claims;
pub mod confirmed;
mod contacts;
mod danbooru;
mod deviantart;
mod e621;
mod error;
mod fanbox;
mod fantia;
mod free_text;
mod furaffinity;
mod gelbooru;
mod hentaifoundry;
pub mod html;
mod hubs;
mod inkbunny;
mod instabio;
mod itaku;
mod linkme;
mod linktree;
mod litlink;
mod littly;
mod mastodon;
mod misskey;
mod moebooru;
mod newgrounds;
mod nicoseiga;
mod nijie;
mod page;
mod patreon;
mod philomena;
mod pixiv;
pub mod plain;
mod poipiku;
mod potofu;
mod pronouns;
pub mod read;
mod recognised;
pub mod recording;
mod redirect;
mod site;
mod skeb;
mod sofurry;
mod throne;
mod titles;
mod toyhouse;
mod tumblr;
mod twibooru;
mod twitter;
pub mod unknown;
mod vgen;
mod weasyl;
mod web;

pub use address::Address;
pub use bridges::is_copy_of;
pub use error::{Fault, Missing, SiteError};
pub use page::{Artwork, Identified, Kind, Lead, MAX_LEADS, PageRead, Place};
pub(crate) use page::{Found, Images};
pub use site::{ReadArtwork, ReadLeads, Site};
pub use titles::{Supported, supported, title};
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
    &twibooru::SITE,
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
    &instabio::SITE,
    &biosite::SITE,
    &linkme::SITE,
    &littly::SITE,
    &pronouns::SITE,
    &throne::SITE,
    &vgen::SITE,
    &skeb::SITE,
    &tumblr::SITE,
    &weasyl::SITE,
    &moebooru::SITE,
    &newgrounds::SITE,
    &itaku::SITE,
    &sofurry::SITE,
    &hentaifoundry::SITE,
    &zerochan::SITE,
    &booth::SITE,
    &fantia::SITE,
    &poipiku::SITE,
    &nicoseiga::SITE,
    &cara::SITE,
    &toyhouse::SITE,
    &xfolio::SITE,
    &nijie::SITE,
    &twitter::SITE,
    &bluesky::SITE,
    &redirect::SITE,
    &misskey::SITE,
    &recognised::SITE,
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

/// The same with the site's readers. Redirectors that carry their target in the URL are looked through, so
/// are the copies of accounts that bridges between networks make, and the accounts that servers show of
/// others.
pub fn recognise(address: &Address) -> (Option<&'static Site>, Identified) {
    let inner = redirect::target_within(address);
    let address = inner.as_ref().unwrap_or(address);
    let original = bridges::original(address);
    let address = original.as_ref().unwrap_or(address);
    let home = misskey::at_home(address);
    let address = home.as_ref().unwrap_or(address);
    for site in SITES {
        if let Some(identified) = (site.identify)(address) {
            return (Some(site), identified);
        }
    }
    (None, unsupported(address))
}

/// True if `name`, as lists of addresses write it (`ko-fi`, `lit.link`), is that of a site whose addresses
/// are recognised.
pub fn knows(name: &str) -> bool {
    let plain = |name: &str| name.replace(['-', '.', '_'], "");
    let mut names = SITES
        .iter()
        .map(|site| site.name)
        .chain(hubs::names())
        .chain(recognised::names().map(|(name, _)| name))
        .chain(["shortener"]);
    names.any(|known| plain(known) == plain(name))
}

/// True of a site of which the addresses are known, and whose pages are read only if the operator lists them.
pub fn is_only_recognised(site: &Site) -> bool {
    site.name == recognised::SITE.name
}

/// An address as one of no known site.
pub fn unsupported(address: &Address) -> Identified {
    Identified { url: Some(address.url().as_str().to_owned()), ..Identified::nothing(Kind::Unsupported) }
}

/// The account on Bluesky that has this host for its handle, if there is one.
pub fn recognise_handle(host: &str) -> (Option<&'static Site>, Identified) {
    let address = Address::parse(&format!("https://bsky.app/profile/{host}"));
    address.map_or((None, Identified::nothing(Kind::NotAnUrl)), |address| recognise(&address))
}

/// The account `user@host`, which is one of the Fediverse whether its server is known by name or not.
pub fn recognise_on_fediverse(account: &str) -> (Option<&'static Site>, Identified) {
    // Known servers show accounts of all others under this form.
    let address = Address::parse(&format!("https://mastodon.social/@{account}"));
    address.map_or((None, Identified::nothing(Kind::NotAnUrl)), |address| recognise(&address))
}

/// The page to be read for what a link leads to: a work that can only be its artist's own, on a site whose
/// works are not read, and another page that names its artist stand for the artist's page.
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
mod xfolio;
mod zerochan;

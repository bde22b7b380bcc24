//! Link pages that are no more than HTML: every outbound anchor counts. One row each.

use url::Url;

use super::address::name;
use super::html::anchors_in;
use super::plain::{outbound, own_accounts_and_links};
use super::{Address, Identified, Kind, Lead, Missing, Site, SiteError, Web};

pub const SITE: Site = Site { name: "hubs", identify, artwork: None, leads: Some(leads) };

/// Where a hub has its user's name.
enum Form {
    /// `https://name.carrd.co/`
    Subdomain,
    /// `https://ko-fi.com/name`
    Path,
    /// `https://profcard.info/u/id`: behind this part of the path.
    Below(&'static str),
}

struct Hub {
    site: &'static str,
    domain: &'static str,
    form: Form,
    /// The element that holds the user's links, where the page has others.
    within: Option<&'static str>,
}

const fn hub(site: &'static str, domain: &'static str, form: Form) -> Hub {
    Hub { site, domain, form, within: None }
}

#[rustfmt::skip]
const HUBS: &[Hub] = &[
    hub("carrd", "carrd.co", Form::Subdomain),
    hub("carrd", "crd.co", Form::Subdomain),
    hub("carrd", "uwu.ai", Form::Subdomain),
    hub("carrd", "ju.mp", Form::Subdomain),
    hub("carrd", "drr.ac", Form::Subdomain),
    hub("kofi", "ko-fi.com", Form::Path),
    hub("kofi", "ko-fi-live.azurewebsites.net", Form::Path),
    hub("allmylinks", "allmylinks.com", Form::Path),
    hub("aboutme", "about.me", Form::Path),
    hub("biolink", "bio.link", Form::Path),
    hub("beacons", "beacons.ai", Form::Path),
    Hub { site: "profcard", domain: "profcard.info", form: Form::Below("u"), within: Some(".card") },
    Hub { site: "inpock", domain: "link.inpock.co.kr", form: Form::Path, within: INPOCK },
    Hub { site: "inpock", domain: "inpk.link", form: Form::Path, within: INPOCK },
];

/// The blocks of a page on Inpock, behind which the service has links of its own.
const INPOCK: Option<&str> = Some("div.interaction-block-wrapper");

/// The public names of the sites here.
pub fn names() -> impl Iterator<Item = &'static str> {
    HUBS.iter().map(|hub| hub.site)
}

/// First parts of a path that are no user, on any hub.
const RESERVED: &[&str] = &[
    "about",
    "login",
    "signup",
    "register",
    "explore",
    "discover",
    "home",
    "post",
    "album",
    "s",
    "shop",
    "i",
    "p",
    "blog",
    "help",
    "terms",
    "privacy",
    "pricing",
    "cdn-cgi",
    "assets",
    "account",
    "settings",
    "gold",
    "manage",
    "art",
    "gallery",
    "search",
    "docs",
    "changelog",
    "faq",
    "admin",
    "api",
    "app",
    "contact",
    "features",
    "templates",
    "tos",
    "u",
];

/// Hosts of Ko-fi's image files.
const KOFI_FILES: &[&str] = &["storage.ko-fi.com", "cdn.ko-fi.com", "az743702.vo.msecnd.net"];

/// What Ko-fi has beside its members' pages: pictures, things in the shop, commissions, posts.
fn kofi(address: &Address) -> Option<Identified> {
    let parts = address.segments();
    // Ends in a code: https://ko-fi.com/post/Hooligans-Update-S6S0YPT5K
    let work = |section: &str, slug: &str| {
        let id = name(slug)?.rsplit('-').next()?;
        let id = if matches!(section, "post" | "album") { id } else { slug };
        let url = format!("https://ko-fi.com/{section}/{slug}");
        Some(Identified::new("kofi", Kind::Artwork, url).id(id))
    };
    let shown = address.query("viewimage").or_else(|| match parts.as_slice() {
        // https://ko-fi.com/Gallery/LockedGalleryItem?id=IV7V6XDSRU
        ["Gallery", "LockedGalleryItem"] => address.query("id"),
        _ => None,
    });
    let ordered = address.query("commissionAlias");
    match (parts.as_slice(), shown, ordered) {
        // https://ko-fi.com/name/gallery?viewimage=IO5O1BOYV6: one picture, on its artist's page
        ([user, ..], Some(picture), _) => {
            let picture = work("i", &picture)?;
            Some(match name(user).filter(|user| !is_reserved(user)) {
                Some(user) => picture.artist(format!("https://ko-fi.com/{user}")),
                None => picture,
            })
        }
        ([user, "commissions", ..], None, Some(id)) => {
            Some(work("c", &id)?.artist(format!("https://ko-fi.com/{}", name(user)?)))
        }
        // https://ko-fi.com/i/IU7U5SS0YZ: a picture, a thing in the shop, a commission
        ([section @ ("i" | "s" | "c" | "post" | "album"), id], None, _) => work(section, id),
        _ => None,
    }
}

fn is_reserved(user: &str) -> bool {
    RESERVED.contains(&user.to_ascii_lowercase().as_str())
}

fn identify(address: &Address) -> Option<Identified> {
    if address.is_on_any(KOFI_FILES) {
        return Some(Identified::image("kofi", address));
    }
    let hub = HUBS.iter().find(|hub| match hub.form {
        Form::Subdomain => address.is_on(hub.domain) || address.subdomain_of(hub.domain).is_some(),
        Form::Path | Form::Below(_) => address.is_on(hub.domain),
    })?;
    let other = || Identified::other(hub.site, address);
    let parts = address.segments();
    let (user, url) = match hub.form {
        Form::Subdomain => {
            let Some(user) = address.subdomain_of(hub.domain).and_then(name) else { return Some(other()) };
            if parts.first() == Some(&"assets") {
                return Some(Identified::image(hub.site, address));
            }
            (user, format!("https://{user}.{}/", hub.domain))
        }
        // A fragment or a query leads to one picture of a gallery, which is still the user's page.
        Form::Path => match parts.as_slice() {
            _ if hub.site == "kofi" && kofi(address).is_some() => return kofi(address),
            [user] | [user, "gallery" | "posts" | "shop" | "commissions" | "tiers" | "goal" | "about"] => {
                match name(user.trim_start_matches('@')) {
                    Some(user) if !is_reserved(user) => {
                        // An old address of Ko-fi's.
                        let domain = if hub.site == "kofi" { "ko-fi.com" } else { hub.domain };
                        (user, format!("https://{domain}/{user}"))
                    }
                    _ => return Some(other()),
                }
            }
            _ => return Some(other()),
        },
        Form::Below(part) => match parts.as_slice() {
            [first, user] if *first == part => match name(user) {
                Some(user) => (user, format!("https://{}/{part}/{user}", hub.domain)),
                None => return Some(other()),
            },
            _ => return Some(other()),
        },
    };
    Some(Identified::new(hub.site, Kind::LinkPage, url).id(user))
}

fn leads(page: &Identified, web: &Web) -> Result<Vec<Lead>, SiteError> {
    let response = web.send(web.request_as_browser(page.address(), page.site.unwrap_or(SITE.name))?)?;
    let hub = Address::from_url(response.url.clone()).and_then(|address| {
        HUBS.iter().find(|hub| address.is_on(hub.domain) || address.subdomain_of(hub.domain).is_some())
    });
    let within = hub.and_then(|hub| hub.within);
    let is_owners = hub.is_some_and(|hub| matches!(hub.form, Form::Subdomain));
    parse(&response.text(), &response.url, within, is_owners).map_err(|missing| missing.on(page.address()))
}

/// A link page without a single anchor that leaves it is not what it was: its links come by a script now. The
/// head of a page that shares its host with all others may name the service's accounts.
fn parse(html: &str, base: &Url, within: Option<&str>, is_owners: bool) -> Result<Vec<Lead>, Missing> {
    let (mut own, links) = own_accounts_and_links(html, base, within);
    if links.is_empty() {
        return Err(Missing::new(anchors_in(within)));
    }
    own.retain(|_| is_owners);
    let leads = outbound([own, links].concat(), base.host_str().unwrap_or_default());
    match leads.is_empty() {
        true => Err(Missing::new("a link to another site (a[href])")),
        false => Ok(leads),
    }
}

#[cfg(test)]
mod tests {
    use super::super::identify as identify_url;
    use super::super::tests::{check_identify, none};
    use super::*;

    #[test]
    fn recognises_users_pages() {
        let carrd = "https://caminukai-art.carrd.co/";
        check_identify("https://caminukai-art.carrd.co/#fanart", Kind::LinkPage, "caminukai-art", carrd);
        check_identify(
            "http://mimikabiicoms.crd.co",
            Kind::LinkPage,
            "mimikabiicoms",
            "https://mimikabiicoms.crd.co/",
        );
        check_identify(
            "https://ko-fi.com/johndaivid",
            Kind::LinkPage,
            "johndaivid",
            "https://ko-fi.com/johndaivid",
        );
        check_identify("https://about.me/u.no", Kind::LinkPage, "u.no", "https://about.me/u.no");
        check_identify("https://profcard.info/u/a1", Kind::LinkPage, "a1", "https://profcard.info/u/a1");
        check_identify("https://ann.drr.ac", Kind::LinkPage, "ann", "https://ann.drr.ac/");
        check_identify("https://inpk.link/ann", Kind::LinkPage, "ann", "https://inpk.link/ann");
        let inpock = "https://link.inpock.co.kr/ann";
        check_identify(inpock, Kind::LinkPage, "ann", inpock);
        none("https://link.inpock.co.kr/login", Kind::Other);
        none("https://carrd.co/build", Kind::Other);
        let post = "https://ko-fi.com/post/Hooligans-Update-S6S0YPT5K";
        check_identify(post, Kind::Artwork, "S6S0YPT5K", post);
        check_identify("https://ko-fi.com/ann/tiers", Kind::LinkPage, "ann", "https://ko-fi.com/ann");
        let picture = "https://ko-fi.com/i/IU7U5SS0YZ";
        check_identify(picture, Kind::Artwork, "IU7U5SS0YZ", picture);
        let on_page = "https://ko-fi.com/ann/gallery?viewimage=IU7U5SS0YZ#galleryItemView";
        check_identify(on_page, Kind::Artwork, "IU7U5SS0YZ", picture);
        assert_eq!(identify_url(on_page).artist.as_deref(), Some("https://ko-fi.com/ann"));
        let commission =
            "https://ko-fi.com/ann/commissions?commissionAlias=780f9a88f9#buyShopCommissionModal";
        check_identify(commission, Kind::Artwork, "780f9a88f9", "https://ko-fi.com/c/780f9a88f9");
        none("https://storage.ko-fi.com/cdn/useruploads/display/6132206b_a.png", Kind::Image);
        none("https://caard.co", Kind::Unsupported);
        none("https://rosymiz.carrd.co/assets/images/gallery01/1a19b400.jpg?v=c6f079b5", Kind::Image);
    }

    #[test]
    fn takes_outbound_anchors() {
        let base = Url::parse("https://ann.carrd.co/").unwrap();
        // Made by hand after the markup that Carrd's pages have.
        let html = r##"<ul class="icons"><li><a href="https://twitter.com/ann"><span class="label">Twitter</span></a></li>
            <li><a href="#home">Home</a></li></ul><a href="mailto:ann@a.example">mail</a>"##;
        let leads = parse(html, &base, None, true).unwrap();
        assert_eq!(leads, [Lead::new("https://twitter.com/ann", super::super::Place::ProfileText)]);
        assert_eq!(parse("<p>by script</p>", &base, None, true).unwrap_err().0, "a[href]");
        // Of a host that all members share, the head is the service's.
        let kofi = "<link rel=me href='https://mastodon.social/@service'><a href='https://x.com/ann'></a>";
        let read = |is_owners| parse(kofi, &base, None, is_owners).unwrap().len();
        assert_eq!((read(false), read(true)), (1, 2));
        let inpock = include_str!("../../tests/fixtures/sites/hubs/inpock_made.html");
        let base = Url::parse("https://link.inpock.co.kr/ann").unwrap();
        let leads = parse(inpock, &base, INPOCK, false).unwrap();
        assert_eq!(leads, [Lead::new("https://twitter.com/ann", super::super::Place::ProfileText)]);
    }
}

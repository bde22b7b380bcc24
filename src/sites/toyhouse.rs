//! Toyhouse: pictures of characters, as HTML. The owner of a character is not the artist: whom he credits is,
//! in words of his own. Profiles are recognised and not read: nobody has documented where their links stand.

use url::Url;

use super::address::{name, number};
use super::free_text::select_and_links;
use super::html::{absolute, first_attr};
use super::{Address, Artwork, Fault, Found, Identified, Missing, Place, Site, SiteError, Web};

pub const SITE: Site = Site { name: "toyhouse", identify, artwork: Some(artwork), leads: None };

fn identify(address: &Address) -> Option<Identified> {
    if address.is_on_any(&["f2.toyhou.se", "file.toyhou.se"]) {
        return Some(Identified::image(SITE.name, address));
    }
    if !address.is_on("toyhou.se") {
        return None;
    }
    let work = |id: &str| {
        let id = number(id)?;
        Some(Identified::work(SITE.name, &id, format!("https://toyhou.se/~images/{id}")))
    };
    let parts = address.segments();
    // https://toyhou.se/19108771.june-human-/58037599, or behind a fragment
    let is_character =
        parts.first().and_then(|first| first.split('.').next()).is_some_and(|id| number(id).is_some())
            && parts.first().is_some_and(|first| first.contains('.'));
    let found = match parts.as_slice() {
        ["~images", id] => work(id),
        [_, .., id] if is_character && number(id).is_some() => work(id),
        _ if is_character => address.fragment().and_then(work),
        [user] | [user, "characters" | "art" | "gallery" | "links" | "created" | "designed", ..]
            if !user.starts_with('~') =>
        {
            name(user).map(|user| Identified::profile(SITE.name, user, format!("https://toyhou.se/{user}")))
        }
        _ => None,
    };
    Some(found.unwrap_or_else(|| Identified::other(SITE.name, address)))
}

fn artwork(page: &Identified, web: &Web) -> Result<Artwork, SiteError> {
    let response = web.page(page.address(), SITE.name)?;
    Found::on(parse(&response.text(), &response.url), page)
}

fn parse(html: &str, base: &Url) -> Result<Found, Fault> {
    // The answer to this question is a form, which is not sent: whoever is logged in can switch it off.
    if html.contains(">Content Warning<") {
        return Err(Fault::LoginNeeded("behind a warning of its content"));
    }
    const CREDITS: &str = ".image-credits";
    let selectors = [CREDITS, ".image-credits .artist-credit a[href]", "#content", "#content img[src]"];
    const TEXT: &str = ".image-description.user-content";
    let ([credits, artists, contents, shown], links) = select_and_links(html, selectors, TEXT, base);
    if credits.is_empty() {
        return Err(Missing::new(CREDITS).into());
    }
    let mut found = Found::default();
    // Typed by the character's owner, so believed no more than a text of his.
    found.links(artists.iter().filter_map(|artist| absolute(artist.attr("href")?, base)), Place::WorkText);
    found.images.add_all(base, first_attr(&shown, "src"));
    found.without = Some(match contents.is_empty() {
        false => Missing::new("#content img").into(),
        true => Missing::new("#content").into(),
    });
    found.links(links, Place::WorkText);
    // Its date is in the zone of whoever looks.
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::super::Kind;
    use super::super::tests::{check_identify, none};
    use super::*;

    #[test]
    fn recognises_its_pages() {
        let work = "https://toyhou.se/~images/58037599";
        for url in ["19108771.june-human-/58037599", "19108771.june-human-#58037599", "~images/58037599"] {
            check_identify(&format!("https://toyhou.se/{url}"), Kind::Artwork, "58037599", work);
        }
        check_identify(
            "https://www.toyhou.se/d-floe/art",
            Kind::Profile,
            "d-floe",
            "https://toyhou.se/d-floe",
        );
        none("https://toyhou.se/19108771.june-human-", Kind::Other);
        none("https://toyhou.se/~forums/1", Kind::Other);
        none("https://file.toyhou.se/characters/654769?1480733146", Kind::Image);
    }

    #[test]
    fn whom_the_owner_credits_is_no_more_than_a_text() {
        let base = Url::parse("https://toyhou.se/~images/1").unwrap();
        let found = parse(include_str!("../../tests/fixtures/sites/toyhouse/image_made.html"), &base);
        let found = found.unwrap_or_else(|_| panic!("read"));
        assert!(found.leads.iter().all(|lead| lead.place == Place::WorkText), "{:?}", found.leads);
        assert_eq!(found.leads[0].url, "https://twitter.com/ann");
    }
}

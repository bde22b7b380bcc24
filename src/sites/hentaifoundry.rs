//! Hentai Foundry: HTML pages of works, behind a question for the visitor's age that the address answers. A
//! member's own page is recognised and not read: nobody has documented where its links stand.

use url::Url;

use super::address::{name, number};
use super::free_text::select_and_links;
use super::html::{first_attr, need_link};
use super::{Address, Artwork, Fault, Found, Identified, Missing, Place, Site, SiteError, Web};
use crate::base::Timestamp;

pub const SITE: Site = Site { name: "hentaifoundry", identify, artwork: Some(artwork), leads: None };

const ARTIST: &str = "#picBox a[href$=\"/profile\"]";

fn page_of(user: &str) -> String {
    format!("https://www.hentai-foundry.com/user/{user}/profile")
}

fn identify(address: &Address) -> Option<Identified> {
    let other = || Identified::other(SITE.name, address);
    let parts = address.segments();
    // The short form leads to the long one.
    let short = |id: &str| {
        let id = number(id)?;
        Some(Identified::work(SITE.name, &id, format!("https://www.hentai-foundry.com/pic-{id}")))
    };
    let work = |user: &str, id: &str| {
        let (user, id) = (name(user)?, number(id)?);
        let url = format!("https://www.hentai-foundry.com/pictures/user/{user}/{id}");
        Some(Identified::work(SITE.name, &id, url).artist(page_of(user)))
    };
    let user = |user: &str| name(user).map(|user| Identified::profile(SITE.name, user, page_of(user)));
    // https://pictures.hentai-foundry.com/s/soranamae/363663.jpg,
    // https://www.hentai-foundry.com/piccies/d/dmitrys/1183.jpg
    let file = |user: &str, file: &str| {
        let image = Identified::image(SITE.name, address).artist(page_of(name(user)?));
        let id = number(file.split('.').next().unwrap_or_default());
        Some(id.into_iter().fold(image, Identified::id))
    };
    let found = match (address.host(), parts.as_slice()) {
        ("pictures.hentai-foundry.com", [_, user, id, ..]) => file(user, id),
        ("pictures.hentai-foundry.com", _) => Some(Identified::image(SITE.name, address)),
        ("thumbs.hentai-foundry.com", _) => address.query("pid").and_then(|id| short(&id)),
        ("hentai-foundry.com", ["piccies", _, user, id]) => file(user, id),
        // https://www.hentai-foundry.com/pictures/user/Afrobull/795025/kuroeda
        ("hentai-foundry.com", ["pictures", "user", name, id, ..]) if number(id).is_some() => work(name, id),
        ("hentai-foundry.com", ["pictures", "user", name] | ["pictures", "user", name, "scraps", ..]) => {
            user(name)
        }
        ("hentai-foundry.com", ["user", name] | ["user", name, "profile"]) => user(name),
        // https://www.hentai-foundry.com/pic-149160.html, /pic_full-66045.php, /user-RockCandy.php
        ("hentai-foundry.com", [page]) => match page.split('.').next()?.split_once('-') {
            Some(("pic" | "pic_full", id)) => short(id),
            Some(("user" | "profile", name)) => user(name),
            _ => None,
        },
        ("hentai-foundry.com", _) => None,
        _ => return None,
    };
    Some(found.unwrap_or_else(other))
}

fn artwork(page: &Identified, web: &Web) -> Result<Artwork, SiteError> {
    let mut response = web.page(&format!("{}?enterAgree=1", page.address()), SITE.name)?;
    if response.url.query().is_none_or(|query| !query.contains("enterAgree")) {
        // A redirect has forgotten the answer to the question.
        response.url.set_query(Some("enterAgree=1"));
        response = web.page(response.url.as_str(), SITE.name)?;
    }
    Found::on(parse(&response.text(), &response.url), page)
}

fn parse(html: &str, base: &Url) -> Result<Found, Fault> {
    let selectors = [
        ARTIST,
        "#picBox object, #picBox [name=movie]",
        "#picBox img[src]",
        "#picBox a[href*=\"pictures.hentai-foundry.com\"]",
        "time[datetime]",
    ];
    const TEXT: &str = "#descriptionBox .picDescript";
    let ([artists, films, shown, files, dates], links) = select_and_links(html, selectors, TEXT, base);
    let mut found = Found::by(need_link(&artists, ARTIST, base)?);
    found.without = Some(match films.is_empty() {
        false => Fault::NoPicture("a Flash film"),
        true => Missing::new("#picBox img").into(),
    });
    if let Some(shown) = shown.first() {
        // Of a picture that is shown smaller, the whole file is in what a click does, or in the anchor around
        // it.
        let click = shown
            .attr("onclick")
            .and_then(|script| script.split(['\'', '"']).find(|part| part.contains("//")));
        let files = [click, first_attr(&files, "href"), shown.attr("src")];
        found.images.add_all(base, files.into_iter().flatten());
    }
    found.links(links, Place::WorkText);
    found.published = first_attr(&dates, "datetime").and_then(Timestamp::parse_rfc3339);
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::super::Kind;
    use super::super::tests::{check_identify, none};
    use super::*;

    #[test]
    fn recognises_its_pages() {
        let short = "https://www.hentai-foundry.com/pic-795025";
        for url in ["pic-795025.html", "pic_full-795025.php", "pic-795025"] {
            check_identify(&format!("http://www.hentai-foundry.com/{url}"), Kind::Artwork, "795025", short);
        }
        let work = "https://www.hentai-foundry.com/pictures/user/Afrobull/795025";
        check_identify(&format!("{work}/kuroeda"), Kind::Artwork, "795025", work);
        let user = "https://www.hentai-foundry.com/user/RockCandy/profile";
        for url in [
            "user-RockCandy.php",
            "profile-RockCandy.php",
            "pictures/user/RockCandy/scraps",
            "user/RockCandy",
        ] {
            check_identify(&format!("https://hentai-foundry.com/{url}"), Kind::Profile, "RockCandy", user);
        }
        none("https://www.hentai-foundry.com/stories/user/ann", Kind::Other);
        none("https://www.hentai-foundry.com/user/ann/faves/pictures", Kind::Other);
        let file = super::super::identify("http://pictures.hentai-foundry.com//s/soranamae/363663.jpg");
        assert_eq!((file.kind, file.id.as_deref()), (Kind::Image, Some("363663")));
        assert_eq!(file.artist.as_deref(), Some("https://www.hentai-foundry.com/user/soranamae/profile"));
    }

    #[test]
    fn a_film_is_no_picture() {
        let base = Url::parse("https://www.hentai-foundry.com/").unwrap();
        let page = "<div id=picBox><a href='/user/ann/profile'>ann</a><object></object></div>";
        let found = parse(page, &base).unwrap_or_else(|_| panic!("read"));
        assert_eq!(found.without, Some(Fault::NoPicture("a Flash film")));
    }
}

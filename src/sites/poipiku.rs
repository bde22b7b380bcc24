//! Poipiku: HTML pages of works and members. Works have no date. A picture behind a warning, a password or a
//! log-in is shown as a placeholder; who made it is known all the same.

use url::Url;

use super::address::number;
use super::free_text::select_and_links;
use super::html::first_attr;
use super::{Address, Artwork, Fault, Found, Identified, Lead, Missing, Place, Site, SiteError, Web};
use crate::fetch::Response;

pub const SITE: Site = Site { name: "poipiku", identify, artwork: Some(artwork), leads: Some(profile) };

/// Its reader sees pages so without choosing them.
const VIEW: &str = "LANG=en; POIPIKU_CONTENTS_VIEW_MODE=1";
const NAME: &str = ".UserInfoUserName";

fn page_of(user: &str) -> String {
    format!("https://poipiku.com/{user}/")
}

fn identify(address: &Address) -> Option<Identified> {
    let parts = address.segments();
    if address.is_on_any(&["cdn.poipiku.com", "img.poipiku.com", "img-org.poipiku.com"]) {
        let image = Identified::image(SITE.name, address);
        // https://img.poipiku.com/user_img02/006849873/008271386_016865825_S968sAh7Y.jpeg_640.jpg
        let [.., user, file] = parts.as_slice() else { return Some(image) };
        let id = file.split(['_', '.']).next().and_then(number);
        let image = id.into_iter().fold(image, Identified::id);
        return Some(number(user).iter().fold(image, |image, user| image.artist(page_of(user))));
    }
    if !address.is_on("poipiku.com") {
        return None;
    }
    let user = |id: &str| Some(Identified::profile(SITE.name, number(id)?, page_of(&number(id)?)));
    let found = match parts.as_slice() {
        // https://poipiku.com/20566/007185704.html
        [user, file] => file.strip_suffix(".html").and_then(|id| {
            let (user, id) = (number(user)?, number(id)?);
            let url = format!("https://poipiku.com/{user}/{id}.html");
            Some(Identified::work(SITE.name, &id, url).artist(page_of(&user)))
        }),
        ["IllustListPcV.jsp" | "IllustListGridPcV.jsp" | "ActivityListPcV.jsp"] => {
            address.query("ID").and_then(|id| user(&id))
        }
        [id] => user(id),
        _ => None,
    };
    Some(found.unwrap_or_else(|| Identified::other(SITE.name, address)))
}

fn ask(page: &Identified, web: &Web) -> Result<Response, SiteError> {
    let cookie = web.cookie(SITE.name).map_or(VIEW.to_owned(), |own| format!("{own}; {VIEW}"));
    let response = web.send(web.request(page.address())?.header("Cookie", cookie))?;
    match response.url.path().contains("NotFound") {
        true => Err(Fault::Gone.on(page.address())),
        false => Ok(response),
    }
}

fn artwork(page: &Identified, web: &Web) -> Result<Artwork, SiteError> {
    let response = ask(page, web)?;
    Found::on(parse_work(&response.text(), &response.url), page)
}

fn parse_work(html: &str, base: &Url) -> Result<Found, Fault> {
    const SHOWN: &str = ".IllustItemThumbImg[src]";
    let selectors = [NAME, "link[rel=canonical]", SHOWN];
    let ([names, canonical, shown], links) = select_and_links(html, selectors, ".IllustItemDesc", base);
    if names.is_empty() {
        return Err(Missing::new(NAME).into());
    }
    // An old number leads to a page with another one; the page says which is right.
    let own = first_attr(&canonical, "href").and_then(Address::parse);
    let own = own.or_else(|| Address::from_url(base.clone())).and_then(|address| identify(&address)?.artist);
    let mut found = Found::by(own);
    let shown = first_attr(&shown, "src");
    found.without = Some(match shown.is_some_and(|file| file.contains("/img/")) {
        true => Fault::LoginNeeded("its picture is behind a warning, a password, a log-in or a follow"),
        false => Missing::new(SHOWN).into(),
    });
    // Whole files have signed addresses, which only those who are logged in are told.
    found.images.add_all(base, shown.filter(|file| !file.contains("/img/")));
    found.links(links, Place::WorkText);
    Ok(found)
}

fn profile(page: &Identified, web: &Web) -> Result<Vec<Lead>, SiteError> {
    let response = ask(page, web)?;
    parse_profile(&response.text(), &response.url).map_err(|missing| missing.on(page.address()))
}

fn parse_profile(html: &str, base: &Url) -> Result<Vec<Lead>, Missing> {
    let ([names], links) = select_and_links(html, [NAME], ".UserInfoProfile", base);
    if names.is_empty() {
        return Err(Missing::new(NAME));
    }
    Ok(links.into_iter().map(|url| Lead::new(url, Place::ProfileText)).collect())
}

#[cfg(test)]
mod tests {
    use super::super::Kind;
    use super::super::tests::{check_identify, none};
    use super::*;

    #[test]
    fn recognises_its_pages() {
        let work = "https://poipiku.com/20566/7185704.html";
        check_identify("https://poipiku.com/20566/007185704.html", Kind::Artwork, "7185704", work);
        let user = "https://poipiku.com/9056/";
        check_identify("https://poipiku.com/IllustListPcV.jsp?ID=9056", Kind::Profile, "9056", user);
        none("https://poipiku.com/SearchIllustByTagPcV.jsp?KWD=a", Kind::Other);
        let file = super::super::identify(
            "https://img-org.poipiku.com/user_img03/000020566/007185704_nb1cTuA1I.jpeg",
        );
        assert_eq!(
            (file.id.as_deref(), file.artist.as_deref()),
            (Some("7185704"), Some("https://poipiku.com/20566/"))
        );
    }

    #[test]
    fn a_placeholder_is_no_picture() {
        let base = Url::parse("https://poipiku.com/7/8.html").unwrap();
        let page =
            "<a class=UserInfoUserName>ann</a><img class=IllustItemThumbImg src='/img/publish_pass.png'>";
        let found = parse_work(page, &base).unwrap_or_else(|_| panic!("read"));
        assert_eq!(found.leads[0].url, "https://poipiku.com/7/");
        assert!(matches!(found.without, Some(Fault::LoginNeeded(_))));
        assert!(found.images.or_else(|| Fault::Gone.on("u")).is_err());
    }
}

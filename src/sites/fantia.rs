//! Fantia: posts and clubs as JSON behind a token of the page, things in its shop as HTML. What is paid for
//! is not shown; the cover and whatever is free are.

use serde_json::Value;
use url::Url;

use super::address::number;
use super::html::{attribute, first_attr, need_link, select};
use super::read::{has, id_at, list_at, need as field, text_at, told};
use super::{Address, Artwork, Fault, Found, Identified, Lead, Missing, Place, Site, SiteError, Web};
use crate::base::Timestamp;
use crate::text::links_in_text;

pub const SITE: Site = Site { name: "fantia", identify, artwork: Some(artwork), leads: Some(club) };

fn base() -> Url {
    Url::parse("https://fantia.jp/").expect("a constant address")
}

fn identify(address: &Address) -> Option<Identified> {
    if address.is_on_any(&["c.fantia.jp", "cc.fantia.jp"]) {
        return Some(Identified::image(SITE.name, address));
    }
    if !address.is_on("fantia.jp") {
        return None;
    }
    let other = || Identified::other(SITE.name, address);
    Some(match address.segments().as_slice() {
        // https://fantia.jp/posts/508363, https://fantia.jp/products/249638
        [section @ ("posts" | "products"), id] if number(id).is_some() => {
            let id = number(id).unwrap_or_default();
            Identified::work(SITE.name, &id, format!("https://fantia.jp/{section}/{id}"))
        }
        // https://fantia.jp/fanclubs/6939/posts
        ["fanclubs", id] | ["fanclubs", id, "posts" | "products" | "plans" | "backnumbers", ..] => {
            match number(id) {
                Some(id) => Identified::profile(SITE.name, &id, format!("https://fantia.jp/fanclubs/{id}")),
                None => other(),
            }
        }
        ["posts", _, "post_content_photo", _] => Identified::image(SITE.name, address),
        _ => other(),
    })
}

/// What the API says of a page, which wants the token that stands on it.
fn ask(page: &Identified, web: &Web) -> Result<Value, SiteError> {
    let shown = web.page(page.address(), SITE.name)?;
    if shown.url.path().starts_with("/recaptcha") {
        return Err(SiteError::Blocked { url: page.address().to_owned(), status: shown.status });
    }
    let token = attribute(&shown.text(), "meta[name=csrf-token]", "content")
        .ok_or_else(|| Missing::new("meta[name=csrf-token]").on(page.address()))?;
    let url = page.address().replace("https://fantia.jp/", "https://fantia.jp/api/v1/");
    let request = web.request_as_browser(&url, SITE.name)?;
    web.json(request.header("X-CSRF-Token", token).header("X-Requested-With", "XMLHttpRequest"))
}

fn artwork(page: &Identified, web: &Web) -> Result<Artwork, SiteError> {
    if page.address().contains("/products/") {
        let response = web.page(page.address(), SITE.name)?;
        return Found::on(parse_product(&response.text()), page);
    }
    Found::on(parse_post(&ask(page, web)?), page)
}

fn parse_post(answer: &Value) -> Result<Found, Fault> {
    let post = field(answer, "post")?;
    let club = id_at(post, "fanclub.id").ok_or(Missing::new("the field post.fanclub.id"))?;
    let mut found = Found::by(format!("https://fantia.jp/fanclubs/{club}"));
    // What is free to see, then the cover.
    let contents = list_at(post, "post_contents").iter();
    let photos = contents.flat_map(|content| list_at(content, "post_content_photos"));
    let photo = photos.filter_map(|photo| text_at(photo, "url.original")).next();
    if !has(post, "thumb") {
        return Err(Missing::new("the field post.thumb").into());
    }
    let cover = ["thumb.original", "thumb.main"].map(|size| text_at(post, size));
    found.images.add_all(&base(), [photo].into_iter().chain(cover).flatten());
    found.without = Some(Fault::NoPicture("neither a cover nor anything that is free to see"));
    found.links(links_in_text(told(post, "comment")?.unwrap_or_default()), Place::WorkText);
    let date = |text| Timestamp::parse_rfc3339(text).or_else(|| Timestamp::parse_http_date(text));
    found.published = text_at(post, "posted_at").and_then(date);
    Ok(found)
}

fn parse_product(html: &str) -> Result<Found, Fault> {
    const CLUB: &str = ".fanclub-name a[href]";
    const PICTURE: &str = ".product-gallery-item .img-fluid";
    let [clubs, pictures] = select(html, [CLUB, PICTURE]);
    let mut found = Found::by(need_link(&clubs, CLUB, &base())?);
    found.images.add_all(&base(), first_attr(&pictures, "src"));
    found.without = Some(Missing::new(PICTURE).into());
    Ok(found)
}

fn club(page: &Identified, web: &Web) -> Result<Vec<Lead>, SiteError> {
    parse_club(&ask(page, web)?).map_err(|missing| missing.on(page.address()))
}

/// Icons in the head of the club's page lead to accounts, but nobody has documented where they stand.
fn parse_club(answer: &Value) -> Result<Vec<Lead>, Missing> {
    let club = field(answer, "fanclub")?;
    let text = told(club, "comment")?.unwrap_or_default();
    Ok(links_in_text(text).into_iter().map(|url| Lead::new(url, Place::ProfileText)).collect())
}

#[cfg(test)]
mod tests {
    use super::super::Kind;
    use super::super::tests::{check_identify, none};
    use super::*;

    #[test]
    fn recognises_its_pages() {
        check_identify(
            "https://fantia.jp/posts/508363?a",
            Kind::Artwork,
            "508363",
            "https://fantia.jp/posts/508363",
        );
        let thing = "https://fantia.jp/products/249638";
        check_identify(thing, Kind::Artwork, "249638", thing);
        let club = "https://fantia.jp/fanclubs/6939";
        check_identify("https://fantia.jp/fanclubs/6939/posts", Kind::Profile, "6939", club);
        none("https://fantia.jp/mypage/users/plans", Kind::Other);
        none("https://fantia.jp/posts/343039/post_content_photo/1617547", Kind::Image);
        none("https://c.fantia.jp/uploads/post/file/1070093/16faf0b1.jpeg", Kind::Image);
    }

    #[test]
    fn what_is_free_comes_before_the_cover() {
        let post = serde_json::json!({"post": {"fanclub": {"id": 7}, "comment": null, "posted_at": "Fri, 02 Oct 2020 18:00:00 +0900",
            "thumb": {"original": "https://c.fantia.jp/cover.png"},
            "post_contents": [{"visible_status": "invisible"}, {"post_content_photos": [{"url": {"original": "https://cc.fantia.jp/1.png"}}]}]}});
        let found = parse_post(&post).unwrap_or_else(|_| panic!("read"));
        assert_eq!(found.published.unwrap().to_rfc3339(), "2020-10-02T09:00:00Z");
        let images = found.images.or_else(|| unreachable!()).unwrap();
        assert_eq!(images[0].url, "https://cc.fantia.jp/1.png");
        let product = "<h3 class=fanclub-name><a href='/fanclubs/7'>Ann</a></h3><div class=product-gallery-item><img class=img-fluid src='https://c.fantia.jp/p.jpg'></div>";
        let found = parse_product(product).unwrap_or_else(|_| panic!("read"));
        assert_eq!(found.leads[0].url, "https://fantia.jp/fanclubs/7");
    }
}

//! Newgrounds: HTML pages of works. A member's own page is recognised and not read: nobody has documented
//! where its links stand. Films, music and games are other pages: there is nothing to search with on them.

use serde_json::Value;
use url::Url;

use super::address::name;
use super::free_text::select_and_links;
use super::html::{first_attr, need_link, select};
use super::read::{javascript_string, text_at};
use super::web::judge;
use super::{Address, Artwork, Fault, Found, Identified, Place, Site, SiteError, Web};
use crate::base::Timestamp;
use crate::fetch::json;

pub const SITE: Site = Site { name: "newgrounds", identify, artwork: Some(artwork), leads: None };

const ARTIST: &str = ".item-user .item-details h4 a[href]";

fn identify(address: &Address) -> Option<Identified> {
    let other = || Identified::other(SITE.name, address);
    if address.subdomain_of("ngfiles.com").is_some() || address.subdomain_of("ungrounded.net").is_some() {
        return Some(Identified::image(SITE.name, address));
    }
    if address.is_on("newgrounds.com") {
        return Some(match address.segments().as_slice() {
            // https://www.newgrounds.com/art/view/tomfulp/ryu-is-hawt
            ["art", "view", user, slug] if name(user).is_some() && name(slug).is_some() => {
                let url = format!("https://www.newgrounds.com/art/view/{user}/{slug}");
                Identified::work(SITE.name, format!("{user}/{slug}"), url).artist(page_of(user))
            }
            _ => other(),
        });
    }
    let user = address.subdomain_of("newgrounds.com").and_then(name)?;
    Some(match address.segments().as_slice() {
        // https://tomfulp.newgrounds.com/art?page=3
        [] | ["art" | "movies" | "games" | "audio" | "news" | "follow", ..] => {
            Identified::profile(SITE.name, user, page_of(user))
        }
        _ => other(),
    })
}

fn page_of(user: &str) -> String {
    format!("https://{}.newgrounds.com/", user.to_ascii_lowercase())
}

fn artwork(page: &Identified, web: &Web) -> Result<Artwork, SiteError> {
    let response = web.send_raw(web.request_as_browser(page.address(), SITE.name)?)?;
    let html = response.text();
    // Comes with several statuses.
    if html.contains("<title>Content Filtered</title>") || html.contains("id=\"adults_only\"") {
        return Err(Fault::LoginNeeded("rated for adults").on(page.address()));
    }
    let response = judge(response)?;
    Found::on(parse(&response.text(), &response.url), page)
}

fn parse(html: &str, base: &Url) -> Result<Found, Fault> {
    let selectors = [
        ARTIST,
        "meta[itemprop=datePublished]",
        ".image a[data-action][href]",
        ".art-images [data-smartload-src]",
    ];
    // Absent where the artist wrote nothing.
    const TEXT: &str = "#author_comments";
    let ([artists, dates, anchors, listed], links) = select_and_links(html, selectors, TEXT, base);
    let mut found = Found::by(need_link(&artists, ARTIST, base)?);
    found.without = Some(super::Missing::new("full_image_text, imageData or .art-images").into());
    for file in &files(html, first_attr(&anchors, "href"), first_attr(&listed, "data-smartload-src")) {
        // A WebP may be there as the picture that was uploaded too.
        let whole = file.replace("/medium_views/", "/images/");
        let (stem, ending) = whole.rsplit_once(".webp").unwrap_or((&whole, ""));
        let uploaded = (stem.len() < whole.len()).then(|| format!("{stem}.jpg{ending}"));
        found.images.add_all(base, uploaded.iter().chain([&whole, file]).map(String::as_str));
    }
    found.published = first_attr(&dates, "content").and_then(Timestamp::parse_rfc3339);
    found.links(links, Place::WorkText);
    Ok(found)
}

/// The first picture of a work, whole before shown, in whichever of its three forms the page is. `anchor` and
/// `listed` are what its elements name.
fn files(html: &str, anchor: Option<&str>, listed: Option<&str>) -> Vec<String> {
    let markup =
        html.split_once("\"full_image_text\":").and_then(|(_, rest)| rest.trim_start().strip_prefix('"'));
    if let Some(markup) = markup.and_then(|rest| javascript_string(rest, '"')) {
        let [anchors, images] = select(&markup, ["a[href]", "img[src]"]);
        let named = [first_attr(&anchors, "href"), first_attr(&images, "src")];
        return named.into_iter().flatten().map(str::to_owned).collect();
    }
    // A comic: its first entry is its first picture.
    let comic = html.split_once("let imageData =").and_then(|(_, rest)| json::parse_first::<Value>(rest));
    let comic = comic.as_ref().and_then(|pages| text_at(pages.get(0)?, "image"));
    anchor.or(comic).or(listed).into_iter().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::super::Kind;
    use super::super::tests::{check_identify, none};
    use super::*;

    #[test]
    fn recognises_its_pages() {
        let work = "https://www.newgrounds.com/art/view/tomfulp/ryu-is-hawt";
        check_identify(&format!("{work}?a=1"), Kind::Artwork, "tomfulp/ryu-is-hawt", work);
        let user = "https://tomfulp.newgrounds.com/";
        check_identify("https://tomfulp.newgrounds.com/art?page=3", Kind::Profile, "tomfulp", user);
        none("https://tomfulp.newgrounds.com/favorites/art", Kind::Other);
        none("https://www.newgrounds.com/portal/view/758545", Kind::Other);
        none("https://art.ngfiles.com/images/1254000/1254722_natthelich_pandora.jpg", Kind::Image);
    }

    #[test]
    fn a_page_has_one_of_three_forms() {
        let single = r#"{"full_image_text":"<a href=\"https:\/\/a.example\/i.png\"><img src=\"https:\/\/a.example\/m.png\"><\/a>"}"#;
        assert_eq!(files(single, None, None), ["https://a.example/i.png", "https://a.example/m.png"]);
        let comic = "let imageData = [{\"image\": \"/1.png\"}, {\"image\": \"/2.png\"}];";
        assert_eq!(files(comic, None, None), ["/1.png"]);
        let base = Url::parse("https://www.newgrounds.com/").unwrap();
        let list = "<div class=item-user><div class=item-details><h4><a href='https://ann.newgrounds.com'>Ann</a></h4></div></div>\
                    <div class=art-images><img data-smartload-src='https://art.ngfiles.com/medium_views/1/2.webp?f3'></div>";
        let found = parse(list, &base).unwrap_or_else(|_| panic!("read"));
        let images = found.images.or_else(|| unreachable!()).unwrap();
        let urls: Vec<&str> = images.iter().map(|image| image.url.as_str()).collect();
        let expected = ["images/1/2.jpg?f3", "images/1/2.webp?f3", "medium_views/1/2.webp?f3"];
        assert_eq!(urls, expected.map(|path| format!("https://art.ngfiles.com/{path}")));
    }
}

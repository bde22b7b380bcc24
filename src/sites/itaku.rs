//! Itaku: works, posts of several works, and profiles as JSON. Of a profile's list of links nobody has
//! documented what its entries look like, so every URL in it is taken.

use serde_json::Value;
use url::Url;

use super::address::{name, number};
use super::read::{each, has, list_at, need_list, text_at, texts, told};
use super::{Address, Artwork, Fault, Found, Identified, Lead, Missing, Place, Site, SiteError, Web};
use crate::base::Timestamp;
use crate::text::links_in_text;

pub const SITE: Site = Site { name: "itaku", identify, artwork: Some(artwork), leads: Some(profile) };

/// First parts of a path that are no member.
const RESERVED: &[&str] = &["about", "help", "home", "tags", "commissions", "login", "api", "settings"];

fn page_of(user: &str) -> String {
    format!("https://itaku.ee/profile/{user}")
}

fn identify(address: &Address) -> Option<Identified> {
    if !address.is_on("itaku.ee") {
        return None;
    }
    let work = |section: &str, id: &str| {
        let id = number(id)?;
        Some(Identified::work(SITE.name, &id, format!("https://itaku.ee/{section}/{id}")))
    };
    let found = match address.segments().as_slice() {
        ["api", media, ..] if media.starts_with("media") => Some(Identified::image(SITE.name, address)),
        // https://itaku.ee/images/100471, https://itaku.ee/api/galleries/images/812661/comments/
        ["images", id] | ["api", "galleries", "images", id, ..] => work("images", id),
        ["posts", id] | ["api", "posts", id, ..] => work("posts", id),
        // https://itaku.ee/profile/piku/gallery/7391
        ["profile", user]
        | ["profile", user, "gallery" | "posts" | "commissions" | "characters" | "about", ..] => {
            name(user).map(|user| Identified::profile(SITE.name, user, page_of(user)))
        }
        [user] if !RESERVED.contains(user) => {
            name(user).map(|user| Identified::profile(SITE.name, user, page_of(user)))
        }
        _ => None,
    };
    Some(found.unwrap_or_else(|| Identified::other(SITE.name, address)))
}

fn ask(path: String, web: &Web) -> Result<Value, SiteError> {
    web.json_throughout(web.request(&format!("https://itaku.ee/api/{path}/"))?)
}

fn artwork(page: &Identified, web: &Web) -> Result<Artwork, SiteError> {
    let id = page.id_text();
    let found = match page.address().contains("/posts/") {
        true => parse_post(&ask(format!("posts/{id}"), web)?),
        false => parse_image(&ask(format!("galleries/images/{id}"), web)?, "description"),
    };
    Found::on(found, page)
}

/// `text` is the field with what the artist wrote.
fn parse_image(work: &Value, text: &str) -> Result<Found, Fault> {
    let user = text_at(work, "owner_username").ok_or(Missing::new("the field owner_username"))?;
    let mut found = Found::by(page_of(user));
    add_files(&mut found, work);
    // `too_mature` hides nothing from guests but on the page.
    found.without = Some(match has(work, "video") && !work["video"].is_null() {
        true => Fault::NoPicture("a film"),
        false => Missing::new("the field image").into(),
    });
    found.links(links_in_text(told(work, text)?.unwrap_or_default()), Place::WorkText);
    found.published = text_at(work, "date_added").and_then(Timestamp::parse_rfc3339);
    Ok(found)
}

/// The whole file, then what the site shows of it: `{name}.png` has `{name}/xl.jpg` beside it.
fn add_files(found: &mut Found, work: &Value) {
    let base = Url::parse("https://itaku.ee/").expect("a constant address");
    let whole = text_at(work, "image");
    let beside = whole.and_then(|file| file.rsplit_once('.')).map(|(stem, _)| format!("{stem}/xl.jpg"));
    let files = [whole, text_at(work, "image_xl"), beside.as_deref()];
    found.images.add_all(&base, files.into_iter().flatten());
}

/// A post shows several works, or none.
fn parse_post(post: &Value) -> Result<Found, Fault> {
    let works = need_list(post, "gallery_images")?;
    each(&works.iter().collect::<Vec<_>>(), &["image"], "gallery_images")?;
    let mut found = parse_image(post, "content")?;
    found.without = Some(Fault::NoPicture("a text"));
    if let Some(work) = works.first() {
        add_files(&mut found, work);
    }
    Ok(found)
}

fn profile(page: &Identified, web: &Web) -> Result<Vec<Lead>, SiteError> {
    let user = ask(format!("user_profiles/{}", page.id_text()), web)?;
    parse_profile(&user).map_err(|missing| missing.on(page.address()))
}

fn parse_profile(user: &Value) -> Result<Vec<Lead>, Missing> {
    need_list(user, "user_sites")?;
    let mut leads = Vec::new();
    for url in list_at(user, "user_sites").iter().flat_map(texts).filter(|text| text.starts_with("http")) {
        Lead::add(&mut leads, url, Place::ProfileField);
    }
    for field in ["lead", "description"] {
        for url in links_in_text(told(user, field)?.unwrap_or_default()) {
            Lead::add(&mut leads, url, Place::ProfileText);
        }
    }
    Ok(leads)
}

#[cfg(test)]
mod tests {
    use super::super::Kind;
    use super::super::tests::{check_identify, none};
    use super::*;

    #[test]
    fn recognises_its_pages() {
        let work = "https://itaku.ee/images/812661";
        check_identify(
            "https://itaku.ee/api/galleries/images/812661/comments/",
            Kind::Artwork,
            "812661",
            work,
        );
        check_identify("https://itaku.ee/posts/2008", Kind::Artwork, "2008", "https://itaku.ee/posts/2008");
        let piku = "https://itaku.ee/profile/piku";
        check_identify("https://itaku.ee/profile/piku/gallery/7391", Kind::Profile, "piku", piku);
        check_identify("https://itaku.ee/piku", Kind::Profile, "piku", piku);
        none("https://itaku.ee/home/images?tags=cute", Kind::Other);
        none("https://itaku.ee/profile/piku/stars", Kind::Other);
        none("https://itaku.ee/api/media_2/gallery_imgs/1869351-1.output_1VWokMA.png", Kind::Image);
    }

    #[test]
    fn a_post_shows_its_first_work_or_none() {
        let post = |works: Value| {
            let post =
                serde_json::json!({"id": 1, "owner_username": "ann", "content": "", "gallery_images": works});
            parse_post(&post).unwrap_or_else(|_| panic!("read"))
        };
        let of_two = post(
            serde_json::json!([{"image": "https://itaku.ee/a.png"}, {"image": "https://itaku.ee/b.png"}]),
        );
        let images = of_two.images.or_else(|| unreachable!()).unwrap();
        assert_eq!(
            images.iter().map(|image| image.url.as_str()).collect::<Vec<_>>(),
            ["https://itaku.ee/a.png", "https://itaku.ee/a/xl.jpg"]
        );
        assert_eq!(post(serde_json::json!([])).without, Some(Fault::NoPicture("a text")));
    }
}

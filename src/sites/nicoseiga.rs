//! Nico Seiga: works as JSON of the pages for phones, members from the API of Niconico, of which one number
//! names a member everywhere. The file itself needs a log-in; a smaller one does not. Manga and films are not
//! read.

use serde_json::Value;
use url::Url;

use super::address::number;
use super::free_text::links_in_html;
use super::read::{each, id_at, list_at, need, text_at, told};
use super::{Address, Artwork, Fault, Found, Identified, Lead, Missing, Place, Site, SiteError, Web};
use crate::base::Timestamp;
use crate::domain::images::ImageSource;

pub const SITE: Site = Site { name: "nicoseiga", identify, artwork: Some(artwork), leads: Some(profile) };

fn page_of(user: &str) -> String {
    format!("https://www.nicovideo.jp/user/{user}")
}

fn identify(address: &Address) -> Option<Identified> {
    let host = address.host();
    let parts = address.segments();
    let work = |id: &str| {
        let id = number(id)?;
        Some(Identified::work(SITE.name, &id, format!("https://seiga.nicovideo.jp/seiga/im{id}")))
    };
    let user = |id: &str| Some(Identified::profile(SITE.name, number(id)?, page_of(&number(id)?)));
    let files =
        ["lohas.nicoseiga.jp", "dcdn.cdn.nimg.jp", "drm.cdn.nicomanga.jp", "deliver.cdn.nicomanga.jp"];
    if files.contains(&host) {
        return Some(Identified::image(SITE.name, address));
    }
    let is_niconico = host == "nicovideo.jp" || address.subdomain_of("nicovideo.jp").is_some();
    if !is_niconico && host != "nico.ms" {
        return None;
    }
    let found = match parts.as_slice() {
        // https://seiga.nicovideo.jp/seiga/im520647, https://nico.ms/im520647
        ["seiga", id] | [id] if id.starts_with("im") => work(&id[2..]),
        // The file of a work, at an address that leads on to it.
        ["image", "source", id] => work(id),
        ["image", "source" | "redirect"] => address.query("id").and_then(|id| work(&id)),
        // https://seiga.nicovideo.jp/user/illust/39537793, https://q.nicovideo.jp/users/18700356
        ["user", "illust", id] | ["user" | "users" | "u", id, ..] | ["atsumaru", "users", id] => user(id),
        ["manga", "list"] => address.query("user_id").and_then(|id| user(&id)),
        ["mylist", id, _] => user(id),
        _ => None,
    };
    Some(found.unwrap_or_else(|| Identified::other(SITE.name, address)))
}

fn artwork(page: &Identified, web: &Web) -> Result<Artwork, SiteError> {
    let id = page.id_text();
    let url = format!("https://sp.seiga.nicovideo.jp/ajax/seiga/im{id}");
    let mut found = parse_work(&web.json(web.with_cookie(web.request(&url)?, SITE.name))?);
    let file = web.cookie(SITE.name).map(|_| whole_file(id, web));
    let smaller = format!("https://lohas.nicoseiga.jp/thumb/{id}i");
    if let Ok(found) = &mut found {
        let files = file.iter().flatten().chain([&smaller]);
        files.for_each(|file| found.images.add(ImageSource::plain(file)));
    }
    let mut artwork = Found::on(found, page)?;
    artwork.picture_problem = file.and_then(Result::err);
    Ok(artwork)
}

/// Where a member is led to by the address of a work's file. The file's own differs in one part.
fn whole_file(id: &str, web: &Web) -> Result<String, SiteError> {
    let source = format!("https://seiga.nicovideo.jp/image/source/{id}");
    let shown = web.send(web.with_cookie(web.request(&source)?, SITE.name))?;
    match shown.url.path().starts_with("/o/") {
        true => Ok(shown.url.as_str().replacen("/o/", "/priv/", 1)),
        false => Err(Missing::new("the way to /o/").on(source)),
    }
}

fn parse_work(answer: &Value) -> Result<Found, Fault> {
    let work = need(answer, "target_image")?;
    let user = id_at(work, "user_id").ok_or(Missing::new("the field target_image.user_id"))?;
    // Member 0 is nobody.
    let mut found = Found::by(number(&user).map(|user| page_of(&user)));
    let base = Url::parse("https://seiga.nicovideo.jp/").map_err(|_| Missing::new("host"))?;
    found.links(links_in_html(told(work, "description")?.unwrap_or_default(), &base), Place::WorkText);
    // Only a date with its zone is one.
    found.published = text_at(work, "created").and_then(Timestamp::parse_rfc3339);
    Ok(found)
}

fn profile(page: &Identified, web: &Web) -> Result<Vec<Lead>, SiteError> {
    let url = format!("https://nvapi.nicovideo.jp/v1/users/{}", page.id_text());
    let answer = web.json_throughout(web.request(&url)?.header("X-Frontend-Id", "3"))?;
    parse_profile(&answer).map_err(|missing| missing.on(page.address()))
}

/// The list of accounts may be absent: it came in 2021, and has been seen by one project alone.
fn parse_profile(answer: &Value) -> Result<Vec<Lead>, Missing> {
    let user = need(answer, "data.user")?;
    let accounts: Vec<&Value> = list_at(user, "sns").iter().collect();
    let urls = each(&accounts, &["url"], "data.user.sns")?;
    let mut leads: Vec<Lead> = urls.into_iter().map(|url| Lead::new(url, Place::ProfileField)).collect();
    let base = Url::parse("https://www.nicovideo.jp/").map_err(|_| Missing::new("host"))?;
    for url in links_in_html(told(user, "description")?.unwrap_or_default(), &base) {
        Lead::add(&mut leads, url, Place::ProfileText);
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
        let work = "https://seiga.nicovideo.jp/seiga/im3521156";
        for url in [
            "sp.seiga.nicovideo.jp/seiga/im3521156#_=_",
            "nico.ms/im3521156",
            "seiga.nicovideo.jp/image/source/3521156",
        ] {
            check_identify(&format!("https://{url}"), Kind::Artwork, "3521156", work);
        }
        let user = "https://www.nicovideo.jp/user/20542122";
        for url in [
            "ext.seiga.nicovideo.jp/user/illust/20542122",
            "q.nicovideo.jp/users/20542122",
            "seiga.nicovideo.jp/manga/list?user_id=20542122",
        ] {
            check_identify(&format!("https://{url}"), Kind::Profile, "20542122", user);
        }
        none("https://www.nicovideo.jp/watch/sm36465441", Kind::Other);
        none("https://lohas.nicoseiga.jp/thumb/2163478i", Kind::Image);
    }

    #[test]
    fn a_work_of_nobody_has_no_artist() {
        let work = serde_json::json!({"target_image": {"user_id": 0, "description": "x.com/ann"}});
        let found = parse_work(&work).unwrap_or_else(|_| panic!("read"));
        assert_eq!(found.leads, [Lead::new("x.com/ann", Place::WorkText)]);
    }
}

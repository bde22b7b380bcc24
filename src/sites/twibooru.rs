//! Twibooru: a relative of the Philomena sites with another API. Its tag pages are not read, since nobody has
//! documented whether they name their artist's pages: it leads on by its sources, often the same picture's
//! page there.

use serde_json::Value;
use url::Url;

use super::address::number;
use super::read::{has, id_at, list_at, need, need_list, text_at, told};
use super::{Address, Artwork, Fault, Found, Identified, Missing, Place, Site, SiteError, Web};
use crate::base::Timestamp;
use crate::text::links_in_text;

pub const SITE: Site = Site { name: "twibooru", identify, artwork: Some(artwork), leads: None };

fn identify(address: &Address) -> Option<Identified> {
    if !address.is_on_any(&["twibooru.org", "cdn.twibooru.org"]) {
        return None;
    }
    Some(match address.segments().as_slice() {
        _ if address.is_on("cdn.twibooru.org") => Identified::image(SITE.name, address),
        ["img", ..] => Identified::image(SITE.name, address),
        // https://twibooru.org/523964
        [id] => match number(id) {
            Some(id) => Identified::work(SITE.name, &id, format!("https://twibooru.org/{id}")),
            None => Identified::other(SITE.name, address),
        },
        _ => Identified::other(SITE.name, address),
    })
}

fn artwork(page: &Identified, web: &Web) -> Result<Artwork, SiteError> {
    let url = format!("https://twibooru.org/api/v3/posts/{}", page.id_text());
    let answer = web.json(web.request(&url)?)?;
    Found::on(parse(&answer), page)
}

fn parse(answer: &Value) -> Result<Found, Fault> {
    let post = need(answer, "post")?;
    id_at(post, "id").ok_or(Missing::new("the field post.id"))?;
    if post.get("hidden_from_users") == Some(&Value::Bool(true)) {
        return Err(Fault::Gone);
    }
    let mut found = Found::default();
    let base = Url::parse("https://twibooru.org/").map_err(|_| Missing::new("host"))?;
    // A text is a post too. Either field may be absent, and says what the file is.
    let is_text = text_at(post, "media_type") == Some("paste");
    let is_film = text_at(post, "mime_type").is_some_and(|mime| mime.starts_with("video/"));
    if !is_text && !is_film {
        // The file of a drawing in vectors has a PNG here.
        let sizes = ["view_url", "representations.full", "representations.large", "representations.medium"];
        let files =
            sizes.iter().filter_map(|size| text_at(post, size)).filter(|file| !file.ends_with(".svg"));
        found.images.add_all(&base, files);
    }
    found.without = Some(match (is_text, is_film) {
        (true, _) => Fault::NoPicture("a text"),
        (_, true) => Fault::NoPicture("a film"),
        _ => Missing::new("the field post.view_url").into(),
    });
    if !has(post, "locations") {
        return Err(Missing::new("the list post.locations").into());
    }
    let elsewhere = list_at(post, "locations").iter().filter_map(|place| text_at(place, "url_at_location"));
    found.links(elsewhere, Place::Source);
    found.links(told(post, "source_url")?, Place::Source);
    found.links(text_at(post, "description").map(links_in_text).unwrap_or_default(), Place::CopyText);
    need_list(post, "tags")?;
    let date = |field| text_at(post, field).and_then(Timestamp::parse_rfc3339);
    found.published = date("first_seen_at").or_else(|| date("created_at"));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::super::Kind;
    use super::super::tests::{check_identify, none};

    #[test]
    fn recognises_its_pages() {
        let post = "https://twibooru.org/523964";
        check_identify("https://www.twibooru.org/523964?q=svg", Kind::Artwork, "523964", post);
        none("https://twibooru.org/tags/cute", Kind::Other);
        none("https://cdn.twibooru.org/img/2020/7/8/1/full.png", Kind::Image);
    }
}

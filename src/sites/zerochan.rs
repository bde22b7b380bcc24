//! Zerochan: a collection of copies. Works as JSON, which is broken at times; then the page says the same. It
//! knows artists by their names alone: what leads on is the source.

use serde_json::Value;
use url::Url;

use super::address::number;
use super::html::{first_attr, select};
use super::read::{id_at, text_at, told};
use super::web::judge;
use super::{Address, Artwork, Fault, Found, Identified, Missing, Place, Site, SiteError, Web};
use crate::base::Timestamp;
use crate::fetch::json;

pub const SITE: Site = Site { name: "zerochan", identify, artwork: Some(artwork), leads: None };

fn base() -> Url {
    Url::parse("https://www.zerochan.net/").expect("a constant address")
}

fn identify(address: &Address) -> Option<Identified> {
    if let Some(host) = address.subdomain_of("zerochan.net") {
        let is_files =
            host == "static" || host.strip_prefix('s').is_some_and(|rest| rest.parse::<u8>().is_ok());
        let image = Identified::image(SITE.name, address);
        // https://static.zerochan.net/Fullmetal.Alchemist.full.2831797.png names the work
        let id = address.segments().last().and_then(|file| number(file.rsplit('.').nth(1)?));
        return is_files.then(|| id.into_iter().fold(image, Identified::id));
    }
    if !address.is_on("zerochan.net") {
        return None;
    }
    let id = match address.segments().as_slice() {
        // https://www.zerochan.net/1567893#full, https://www.zerochan.net/full/1567893
        [id] | ["full", id] => number(id),
        _ => None,
    };
    Some(match id {
        Some(id) => Identified::work(SITE.name, &id, format!("https://www.zerochan.net/{id}")),
        None => Identified::other(SITE.name, address),
    })
}

fn artwork(page: &Identified, web: &Web) -> Result<Artwork, SiteError> {
    let ask = |url: &str| web.send_raw(web.with_cookie(web.request(url)?, SITE.name));
    let answer = ask(&format!("{}?json", page.address()))?;
    if answer.text().contains("Some content is for members only") {
        return Err(Fault::LoginNeeded("for members only").on(page.address()));
    }
    // What is whole is read whatever its status: pages come with 500 and lack nothing.
    if let Ok(work) = json::parse::<Value>(&answer.body)
        && id_at(&work, "id").is_some()
    {
        return Found::on(parse_json(&work), page);
    }
    let is_there = answer.is_success();
    if answer.status != 500 {
        judge(answer)?;
    }
    let response = ask(page.address())?;
    match parse_page(&response.text()) {
        // A work whose JSON came is not gone.
        Err(fault) if !is_there => judge(response).and_then(|_| Err(fault.on(page.address()))),
        found => Found::on(found, page),
    }
}

fn parse_json(work: &Value) -> Result<Found, Fault> {
    let mut found = Found { without: Some(Missing::new("the field full").into()), ..Found::default() };
    // The small one is a crop.
    let files = ["full", "large", "medium"].map(|field| text_at(work, field));
    found.images.add_all(&base(), files.into_iter().flatten());
    found.links(told(work, "source")?, Place::Source);
    Ok(found)
}

fn parse_page(html: &str) -> Result<Found, Fault> {
    let [scripts, sources] = select(html, ["script[type=\"application/ld+json\"]", "#source-url a[href]"]);
    let facts = scripts.iter().filter_map(|script| json::parse::<Value>(script.text.as_bytes()).ok());
    let picture = facts.into_iter().find(|facts| text_at(facts, "contentUrl").is_some());
    let picture = picture.ok_or(Missing::new("script[type=\"application/ld+json\"] with contentUrl"))?;
    let mut found = Found::default();
    found.images.add_all(&base(), text_at(&picture, "contentUrl"));
    // Of the upload here, as on every booru.
    found.published = text_at(&picture, "datePublished").and_then(Timestamp::parse_rfc3339);
    found.links(first_attr(&sources, "href").map(str::to_owned), Place::Source);
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::super::Kind;
    use super::super::tests::{check_identify, none};
    use super::*;

    #[test]
    fn recognises_its_pages() {
        let work = "https://www.zerochan.net/1567893";
        check_identify("http://www.zerochan.net/1567893#full", Kind::Artwork, "1567893", work);
        check_identify("http://www.zerochan.net/full/1567893", Kind::Artwork, "1567893", work);
        none("https://www.zerochan.net/Perth+%28Kantai+Collection%29", Kind::Other);
        none("https://s4.zerochan.net/600/24/13/90674.jpg", Kind::Image);
        let file = super::super::identify("https://static.zerochan.net/Fullmetal.Alchemist.full.2831797.png");
        assert_eq!((file.kind, file.id.as_deref()), (Kind::Image, Some("2831797")));
    }

    #[test]
    fn the_page_says_what_broken_json_does_not() {
        let found = parse_page(include_str!("../../tests/fixtures/sites/zerochan/page_made.html"));
        let found = found.unwrap_or_else(|_| panic!("read"));
        assert_eq!(found.published.unwrap().to_rfc3339(), "2023-03-18T01:02:03Z");
        assert_eq!(found.leads[0].place, Place::Source);
        let images = found.images.or_else(|| unreachable!()).unwrap();
        assert_eq!(images[0].url, "https://static.zerochan.net/Cure.Parfait.full.3914235.png");
    }
}

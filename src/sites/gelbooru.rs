//! Gelbooru and sites that run its software: boorus without entries about artists. Only the source that a
//! post names leads on, and it is followed, not trusted.

use serde_json::Value;

use super::address::number;
use super::read::{at, id_at, text_at};
use super::{Address, Artwork, Identified, Images, Kind, Lead, Missing, Place, Site, SiteError, Web};
use crate::base::Timestamp;
use crate::domain::images::ImageSource;

pub const SITE: Site = Site { name: "gelbooru", identify, artwork: Some(artwork), leads: None };

/// Public name and host.
const BOORUS: &[(&str, &str)] = &[
    ("gelbooru", "gelbooru.com"),
    ("safebooru", "safebooru.org"),
    ("rule34", "rule34.xxx"),
    ("xbooru", "xbooru.com"),
    ("realbooru", "realbooru.com"),
    ("tbib", "tbib.org"),
];

fn identify(address: &Address) -> Option<Identified> {
    let (site, host) = BOORUS.iter().copied().find(|(_, host)| address.is_on(host))?;
    // https://gelbooru.com/index.php?page=post&s=view&id=1
    let view =
        address.query("page").as_deref() == Some("post") && address.query("s").as_deref() == Some("view");
    Some(match address.query("id").and_then(|id| number(&id)).filter(|_| view) {
        Some(id) => {
            Identified::new(site, Kind::Artwork, format!("https://{host}/index.php?page=post&s=view&id={id}"))
                .id(id)
        }
        None => Identified::other(site, address),
    })
}

fn artwork(page: &Identified, web: &Web) -> Result<Artwork, SiteError> {
    let host =
        BOORUS.iter().find(|(site, _)| page.site == Some(site)).map_or("gelbooru.com", |(_, host)| host);
    let url = format!("https://{host}/index.php?page=dapi&s=post&q=index&json=1&id={}", page.id_text());
    let response = web.send(web.with_cookie(web.request(&url)?, page.site.unwrap_or(SITE.name)))?;
    if response.body.trim_ascii().is_empty() {
        // So these sites say that there is no such post.
        return Err(SiteError::Gone { url: page.address().to_owned() });
    }
    parse_posts(&super::web::read_json(&response)?, page.address())
}

/// `{"post": [..]}` on Gelbooru itself, `[..]` on the others.
fn parse_posts(answer: &Value, url: &str) -> Result<Artwork, SiteError> {
    let gone = || SiteError::Gone { url: url.to_owned() };
    let post = match answer.as_array().or_else(|| at(answer, "post").and_then(Value::as_array)) {
        Some(posts) => posts.first().ok_or_else(gone)?,
        // Gelbooru leaves the list out when it is empty.
        None if at(answer, "@attributes").is_some() => return Err(gone()),
        None => return Err(Missing::new("the list of posts").on(url)),
    };
    if id_at(post, "id").is_none() {
        return Err(Missing::new("the field id").on(url));
    }
    let mut images = Images::default();
    for image in [text_at(post, "file_url"), text_at(post, "sample_url")].into_iter().flatten() {
        if ![".mp4", ".webm", ".swf"].iter().any(|ending| image.ends_with(ending)) {
            images.add(ImageSource::plain(image));
        }
    }
    let images = images.or_else(|| match text_at(post, "file_url") {
        Some(_) => SiteError::NoPicture { url: url.to_owned(), why: "a film".to_owned() },
        None => Missing::new("the field file_url").on(url),
    });
    // Several sources stand in one field.
    let sources = text_at(post, "source").unwrap_or_default().split_whitespace();
    let leads = sources.map(|source| Lead::new(source, Place::Source)).collect();
    let published = text_at(post, "created_at").and_then(date);
    Ok(Artwork { images, published, leads, problems: Vec::new() })
}

/// `Sat Jul 02 12:00:00 -0500 2022`
fn date(text: &str) -> Option<Timestamp> {
    let parts: Vec<&str> = text.split_whitespace().collect();
    let [_, month, day, time, zone, year] = parts.as_slice() else { return None };
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let month = MONTHS.find(month).filter(|at| at % 3 == 0 && month.len() == 3)? / 3 + 1;
    let (hours, minutes) = zone.split_at_checked(3)?;
    Timestamp::parse_rfc3339(&format!("{year}-{month:02}-{day:0>2}T{time}{hours}:{minutes}"))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check_identify, none};
    use super::*;

    #[test]
    fn recognises_its_pages() {
        let post = "https://gelbooru.com/index.php?page=post&s=view&id=12";
        check_identify(
            "https://www.gelbooru.com/index.php?page=post&amp;s=view&amp;id=12&tags=x",
            Kind::Artwork,
            "12",
            post,
        );
        none("https://safebooru.org/index.php?page=post&s=list&tags=x", Kind::Other);
    }

    #[test]
    fn reads_both_forms() {
        // Made by hand after the API's usual answer.
        let post = serde_json::json!({"id": 12, "file_url": "https://img/a.png", "sample_url": "https://img/s.jpg",
            "source": "https://www.pixiv.net/artworks/1 https://x.com/ann/status/2",
            "created_at": "Sat Jul 02 12:00:00 -0500 2022"});
        for answer in [serde_json::json!([post]), serde_json::json!({"post": [post]})] {
            let artwork = parse_posts(&answer, "u").unwrap();
            assert_eq!((artwork.images.unwrap().len(), artwork.leads.len()), (2, 2));
            assert_eq!(artwork.published.unwrap().to_rfc3339(), "2022-07-02T17:00:00Z");
        }
        assert!(parse_posts(&serde_json::json!({"@attributes": {"count": 0}}), "u").unwrap_err().is_gone());
        assert_eq!(parse_posts(&serde_json::json!({}), "u").unwrap_err().outcome(), "layout_changed");
    }
}

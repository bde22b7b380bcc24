//! ArtStation: works and profiles as JSON, behind Cloudflare, which answers 403 to some clients.

use serde_json::Value;

use super::address::name;
use super::free_text::links_in_html;
use super::read::{at, each, has, need_list, text_at};
use super::{Address, Artwork, Identified, Images, Kind, Lead, Missing, Place, Site, SiteError, Web};
use crate::base::Timestamp;
use crate::domain::images::ImageSource;

pub const SITE: Site = Site { name: "artstation", identify, artwork: Some(artwork), leads: Some(profile) };

/// First parts of a path that are no user.
const RESERVED: &[&str] = &[
    "artwork",
    "artist",
    "projects",
    "search",
    "marketplace",
    "learning",
    "jobs",
    "studios",
    "challenges",
    "blogs",
    "prints",
    "about",
    "contests",
    "guides",
    "magazine",
    "users",
    "channels",
    "collections",
    "login",
    "tos",
    "privacy",
];

fn identify(address: &Address) -> Option<Identified> {
    let other = || Identified::other(SITE.name, address);
    let work = |hash: &str| match name(hash) {
        Some(hash) => {
            Identified::new(SITE.name, Kind::Artwork, format!("https://www.artstation.com/artwork/{hash}"))
                .id(hash)
        }
        None => other(),
    };
    let user = |user: &str| match name(user) {
        Some(user) if !RESERVED.contains(&user) => {
            Identified::new(SITE.name, Kind::Profile, format!("https://www.artstation.com/{user}")).id(user)
        }
        _ => other(),
    };
    let parts = address.segments();
    if address.is_on("artstation.com") {
        return Some(match parts.as_slice() {
            // https://www.artstation.com/artwork/LQVJr
            ["artwork" | "projects", hash] => work(hash.strip_suffix(".json").unwrap_or(hash)),
            ["artist" | "users", name, ..] => user(name),
            [name] | [name, "profile" | "albums" | "store" | "prints", ..] => user(name),
            _ => other(),
        });
    }
    // https://artstn.co/p/LQVJr
    if address.is_on("artstn.co") {
        return Some(match parts.as_slice() {
            ["p", hash] => work(hash),
            _ => other(),
        });
    }
    let sub = address.subdomain_of("artstation.com")?;
    Some(match (sub, parts.as_slice()) {
        (cdn, _) if cdn.starts_with("cdn") => Identified::image(SITE.name, address),
        // https://ann.artstation.com/projects/NoNmD
        (_, ["projects", hash]) => work(hash),
        (sub, [] | ["projects" | "store" | "albums" | "blog" | "resume", ..]) => user(sub),
        _ => other(),
    })
}

fn artwork(page: &Identified, web: &Web) -> Result<Artwork, SiteError> {
    let url = format!("https://www.artstation.com/projects/{}.json", page.id_text());
    let project = web.json(web.request_as_browser(&url, SITE.name)?)?;
    parse_project(&project, page.address())
}

fn parse_project(project: &Value, url: &str) -> Result<Artwork, SiteError> {
    let missing = |what: &str| Missing::new(what).on(url);
    let user = text_at(project, "user.username").ok_or_else(|| missing("the field user.username"))?;
    let assets = need_list(project, "assets").map_err(|missing| missing.on(url))?;
    // Without it every work would look like one of films only.
    if !assets.is_empty() && !assets.iter().any(|asset| has(asset, "asset_type")) {
        return Err(missing("the field assets[].asset_type"));
    }
    // A cover is cropped, a film's picture is a still. `has_image` and `position` may be absent.
    let pictures = assets.iter().filter(|asset| {
        text_at(asset, "asset_type") == Some("image") && at(asset, "has_image") != Some(&Value::Bool(false))
    });
    let first =
        pictures.min_by_key(|asset| at(asset, "position").and_then(Value::as_i64).unwrap_or(i64::MAX));
    let mut images = Images::default();
    if let Some(large) = first.and_then(|asset| text_at(asset, "image_url")) {
        images.add(ImageSource::plain(large));
        images.add(ImageSource::plain(large.replace("/large/", "/medium/")));
    }
    let images = images.or_else(|| match first {
        Some(_) => missing("the field assets[].image_url"),
        None => SiteError::NoPicture { url: url.to_owned(), why: "films or models only".to_owned() },
    });
    let mut leads = vec![Lead::new(format!("https://www.artstation.com/{user}"), Place::Artist)];
    // The description and the dates may be absent.
    let text = text_at(project, "description").map(links).unwrap_or_default();
    leads.extend(text.into_iter().map(|url| Lead::new(url, Place::WorkText)));
    let date = text_at(project, "published_at").or_else(|| text_at(project, "created_at"));
    let published = date.and_then(Timestamp::parse_rfc3339);
    Ok(Artwork { images, published, leads, problems: Vec::new(), picture_problem: None })
}

fn links(html: &str) -> Vec<String> {
    let base = url::Url::parse("https://www.artstation.com/").expect("a constant URL");
    links_in_html(html, &base)
}

fn profile(page: &Identified, web: &Web) -> Result<Vec<Lead>, SiteError> {
    let url = format!("https://www.artstation.com/users/{}.json", page.id_text());
    let user = web.json(web.request_as_browser(&url, SITE.name)?)?;
    parse_user(&user).map_err(|missing| missing.on(page.address()))
}

fn parse_user(user: &Value) -> Result<Vec<Lead>, Missing> {
    let profiles: Vec<&Value> = need_list(user, "social_profiles")?.iter().collect();
    let profiles = each(&profiles, &["url"], "social_profiles")?;
    let mut leads: Vec<Lead> = profiles.into_iter().map(|url| Lead::new(url, Place::ProfileField)).collect();
    // The summary may be absent.
    let text = text_at(user, "portfolio.summary").map(links).unwrap_or_default();
    leads.extend(text.into_iter().map(|url| Lead::new(url, Place::ProfileText)));
    Ok(leads)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check_identify, none};
    use super::*;

    #[test]
    fn recognises_its_pages() {
        let work = "https://www.artstation.com/artwork/NoNmD";
        check_identify("https://ann.artstation.com/projects/NoNmD?album_id=1", Kind::Artwork, "NoNmD", work);
        check_identify(work, Kind::Artwork, "NoNmD", work);
        let user = "https://www.artstation.com/koyorin";
        check_identify(
            "https://www.artstation.com/artist/koyorin/albums/all/",
            Kind::Profile,
            "koyorin",
            user,
        );
        check_identify("https://koyorin.artstation.com", Kind::Profile, "koyorin", user);
        none("https://cdna.artstation.com/p/assets/images/images/1/large/a.jpg", Kind::Image);
    }

    #[test]
    fn reads_a_project_and_a_user() {
        // Made by hand to the documented shape.
        let project = serde_json::json!({"user": {"username": "ann"}, "published_at": "2020-01-02T03:04:05.000-05:00",
            "description": "<p>x.com/ann</p>", "assets": [
            {"asset_type": "cover", "has_image": true, "image_url": "https://c/large/cover.jpg", "position": 0},
            {"asset_type": "image", "has_image": true, "image_url": "https://c/large/2.jpg", "position": 2},
            {"asset_type": "image", "has_image": true, "image_url": "https://c/large/1.jpg", "position": 1}]});
        let artwork = parse_project(&project, "u").unwrap();
        assert_eq!(artwork.images.as_ref().unwrap()[0].url, "https://c/large/1.jpg");
        assert_eq!(artwork.leads[1], Lead::new("x.com/ann", Place::WorkText));
        let user = serde_json::json!({"social_profiles": [{"url": "https://twitter.com/ann", "social_network": "twitter"}]});
        assert_eq!(parse_user(&user).unwrap(), [Lead::new("https://twitter.com/ann", Place::ProfileField)]);
        assert!(parse_user(&serde_json::json!({})).is_err());
    }
}

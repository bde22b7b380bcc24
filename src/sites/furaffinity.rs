//! Fur Affinity: HTML only, and it changes often, so its selectors stand together. Mature works and
//! works for members need the operator's cookies `a` and `b`.

use scraper::{ElementRef, Html, Selector};
use url::Url;

use super::address::{name, number};
use super::read::{anchors, links_in_text};
use super::{Address, Artwork, Identified, Images, Kind, Lead, Missing, Place, Site, SiteError, Web};
use crate::base::Timestamp;
use crate::domain::images::ImageSource;

pub const SITE: Site = Site { name: "furaffinity", identify, artwork: Some(artwork), leads: Some(profile) };

const HOME: &str = "https://www.furaffinity.net/";

/// The download button; its path begins with the time of posting.
const DOWNLOAD: &str = "a[href*='d.furaffinity.net/art/'], a[href*='d.facdn.net/art/']";
/// The picture as the page shows it.
const SHOWN: &str = "img#submissionImg";
const ARTIST: &str =
    ".submission-id-sub-container a[href^='/user/'], .submission-id-container a[href^='/user/']";
const DESCRIPTION: &str = ".submission-description";
const CONTACTS: &str = ".user-contact-user-info";
/// Stands on every profile, with contacts or without.
const PROFILE: &str =
    ".user-profile-main, .userpage-profile, .userpage-nav-profile-container, #page-userpage";

/// The site itself and the mirrors made for embedding.
const HOSTS: &[&str] = &["furaffinity.net", "fxfuraffinity.net", "xfuraffinity.net", "fxraffinity.net"];

fn identify(address: &Address) -> Option<Identified> {
    if ["d.furaffinity.net", "t.furaffinity.net", "a.furaffinity.net", "d.facdn.net"]
        .contains(&address.host())
    {
        return Some(Identified::image(SITE.name, address));
    }
    if !address.is_on_any(HOSTS) {
        return None;
    }
    let other = || Identified::other(SITE.name, address);
    Some(match address.segments().as_slice() {
        ["view" | "full", id, ..] => match number(id) {
            Some(id) => Identified::new(SITE.name, Kind::Artwork, format!("{HOME}view/{id}/")).id(id),
            None => other(),
        },
        ["user" | "gallery" | "scraps", user, ..] => match name(user.trim_end_matches('~')) {
            Some(user) => {
                let user = user.to_ascii_lowercase();
                Identified::new(SITE.name, Kind::Profile, format!("{HOME}user/{user}/")).id(user)
            }
            None => other(),
        },
        _ => other(),
    })
}

fn artwork(page: &Identified, web: &Web) -> Result<Artwork, SiteError> {
    let html = web.send(web.request_as_browser(page.address(), SITE.name)?)?.text();
    parse_view(&html).map_err(|missing| explain(&html, page.address(), missing))
}

/// Pages that are gone or hidden come with status 200, lack everything, and say so in words.
fn explain(html: &str, url: &str, missing: Missing) -> SiteError {
    let url = url.to_owned();
    if !html.contains("System Error") && !html.contains("System Message") {
        return missing.on(url);
    }
    if html.contains("registered users only") || html.contains("log in") || html.contains("mature") {
        return SiteError::LoginNeeded { url, why: "set the cookies a and b".to_owned() };
    }
    SiteError::Gone { url }
}

fn first<'a>(page: &'a Html, selector: &str) -> Option<ElementRef<'a>> {
    // The selectors are constants, checked by the tests.
    Selector::parse(selector).ok().and_then(|selector| page.select(&selector).next())
}

fn parse_view(html: &str) -> Result<Artwork, Missing> {
    let base = Url::parse(HOME).expect("a constant URL");
    let page = Html::parse_document(html);
    let attribute = |selector: &str, attribute: &str| {
        first(&page, selector)
            .and_then(|element| element.value().attr(attribute))
            .and_then(|url| base.join(url).ok())
    };
    let whole = attribute(DOWNLOAD, "href").ok_or_else(|| Missing::new(DOWNLOAD))?;
    let artist = attribute(ARTIST, "href").ok_or_else(|| Missing::new(ARTIST))?;
    // https://d.furaffinity.net/art/user/1562445328/1562445328.user_name.png
    let time = whole.path_segments().and_then(|mut parts| parts.find_map(|part| part.parse::<i64>().ok()));
    let mut images = Images::default();
    images.add(ImageSource::plain(whole));
    if let Some(shown) = attribute(SHOWN, "src") {
        images.add(ImageSource::plain(shown));
    }
    let images = images.or_else(|| Missing::new(DOWNLOAD).on(HOME));
    let mut leads = vec![Lead::new(artist, Place::Artist)];
    let text: String = first(&page, DESCRIPTION).map(|element| element.text().collect()).unwrap_or_default();
    let described = anchors(html, &base, Some(DESCRIPTION)).into_iter().chain(links_in_text(&text));
    leads.extend(described.map(|url| Lead::new(url, Place::WorkText)));
    Ok(Artwork { images, published: time.map(Timestamp::from_secs), leads, problems: Vec::new() })
}

fn profile(page: &Identified, web: &Web) -> Result<Vec<Lead>, SiteError> {
    let html = web.send(web.request_as_browser(page.address(), SITE.name)?)?.text();
    parse_profile(&html).map_err(|missing| explain(&html, page.address(), missing))
}

/// A profile without contacts lacks their element; only one without both is a changed page.
fn parse_profile(html: &str) -> Result<Vec<Lead>, Missing> {
    let base = Url::parse(HOME).expect("a constant URL");
    let page = Html::parse_document(html);
    if first(&page, CONTACTS).is_none() && first(&page, PROFILE).is_none() {
        return Err(Missing::new(CONTACTS));
    }
    let contacts = anchors(html, &base, Some(CONTACTS)).into_iter();
    let mut leads: Vec<Lead> = contacts.map(|url| Lead::new(url, Place::ProfileField)).collect();
    let text = anchors(html, &base, Some(".userpage-profile")).into_iter();
    leads.extend(text.map(|url| Lead::new(url, Place::ProfileText)));
    Ok(leads)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check_identify, none};
    use super::*;

    #[test]
    fn recognises_its_pages() {
        let work = "https://www.furaffinity.net/view/12/";
        check_identify("http://furaffinity.net/full/12", Kind::Artwork, "12", work);
        check_identify("https://fxfuraffinity.net/view/12/#cid:1", Kind::Artwork, "12", work);
        let user = "https://www.furaffinity.net/user/ann-b/";
        check_identify("https://www.furaffinity.net/gallery/Ann-B/2/", Kind::Profile, "ann-b", user);
        none("https://d.furaffinity.net/art/ann/1/1.ann_x.png", Kind::Image);
    }

    #[test]
    fn reads_a_view() {
        // Made by hand to the documented shape.
        let html = r#"<div class="submission-id-sub-container"><a href="/user/ann/">Ann</a></div>
            <img id="submissionImg" src="//d.furaffinity.net/art/ann/1562445328/small.png">
            <a href="//d.furaffinity.net/art/ann/1562445328/1562445328.ann_x.png">Download</a>
            <div class="submission-description">see <a href="https://x.com/ann">me</a></div>"#;
        let artwork = parse_view(html).unwrap();
        assert_eq!(
            artwork.images.as_ref().unwrap()[0].url,
            "https://d.furaffinity.net/art/ann/1562445328/1562445328.ann_x.png"
        );
        assert_eq!(artwork.images.unwrap().len(), 2);
        assert_eq!(artwork.published, Some(Timestamp::from_secs(1_562_445_328)));
        assert_eq!(
            artwork.leads,
            [
                Lead::new("https://www.furaffinity.net/user/ann/", Place::Artist),
                Lead::new("https://x.com/ann", Place::WorkText)
            ]
        );
        assert_eq!(parse_view("<p>").unwrap_err().0, DOWNLOAD);
    }

    #[test]
    fn reads_a_profile() {
        let html = r#"<div class="user-contact-user-info"><strong>Twitter</strong><a href="https://x.com/ann">ann</a></div>"#;
        assert_eq!(parse_profile(html).unwrap(), [Lead::new("https://x.com/ann", Place::ProfileField)]);
        assert_eq!(parse_profile("<div class=userpage-profile>hi</div>"), Ok(vec![]));
        assert_eq!(parse_profile("<p>").unwrap_err().0, CONTACTS);
    }

    #[test]
    fn messages_are_told_apart() {
        let check = |text: &str| explain(text, "u", Missing::new(DOWNLOAD)).outcome();
        assert_eq!(check("<title>System Error</title> not in our database"), "gone");
        assert_eq!(check("System Message: registered users only"), "login_needed");
        assert_eq!(check("<title>A fox</title>"), "layout_changed");
    }
}

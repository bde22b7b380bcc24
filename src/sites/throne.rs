//! Throne: wish lists. The classes of its page are those of the framework that it is made with, so that they
//! may change any day: what is found is believed no more than the text of a profile.

use super::address::name;
use super::html::{absolute, select};
use super::plain::outbound;
use super::{Address, Identified, Kind, Lead, Missing, Site, SiteError, Web};

pub const SITE: Site = Site { name: "throne", identify, artwork: None, leads: Some(leads) };

/// First parts of a path that are nobody's name.
const RESERVED: &[&str] = &[
    "about",
    "api",
    "blog",
    "explore",
    "help",
    "login",
    "onboarding",
    "pricing",
    "privacy",
    "signup",
    "terms",
];

fn identify(address: &Address) -> Option<Identified> {
    // https://throne.me/name: its name until 2023
    if !address.is_on_any(&["throne.com", "throne.me"]) {
        return None;
    }
    let parts = address.segments();
    let user = parts.first().and_then(|user| name(user)).filter(|user| !RESERVED.contains(user));
    let Some(user) = user else { return Some(Identified::other(SITE.name, address)) };
    let page = format!("https://throne.com/{user}");
    Some(match parts.as_slice() {
        // https://throne.com/name/item/aee67ff0-c78c-4ffa-879a-40d9f6eee670: a thing that somebody wishes
        [_, "item", id] if name(id).is_some() => {
            Identified::new(SITE.name, Kind::Artwork, format!("{page}/item/{id}")).id(user).artist(page)
        }
        [_] | [_, "wishlist"] => Identified::new(SITE.name, Kind::LinkPage, page).id(user),
        _ => Identified::other(SITE.name, address),
    })
}

fn leads(page: &Identified, web: &Web) -> Result<Vec<Lead>, SiteError> {
    let response = web.send(web.request(page.address())?)?;
    parse(&response.text(), &response.url).map_err(|missing| missing.on(page.address()))
}

/// The buttons stand beside the picture of their owner, without which this is another page.
fn parse(html: &str, base: &url::Url) -> Result<Vec<Lead>, Missing> {
    let [avatars, buttons] = select(html, [".chakra-avatar", "a.chakra-button[href]"]);
    if avatars.is_empty() {
        return Err(Missing::new(".chakra-avatar"));
    }
    let links = buttons.iter().filter_map(|button| absolute(button.attr("href")?, base)).collect();
    Ok(outbound(links, base.host_str().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::super::Place;
    use super::super::tests::{check_identify, none};
    use super::*;

    #[test]
    fn recognises_and_reads_a_page() {
        let ann = "https://throne.com/ann";
        check_identify("https://throne.com/ann/wishlist", Kind::LinkPage, "ann", ann);
        check_identify("https://throne.me/ann", Kind::LinkPage, "ann", ann);
        let item = "https://throne.com/ann/item/aee67ff0-c78c-4ffa-879a-40d9f6eee670";
        check_identify(item, Kind::Artwork, "ann", item);
        none("https://throne.com/explore", Kind::Other);
        none("https://throne.com.evil.example/ann", Kind::Unsupported);
        let base = url::Url::parse(ann).unwrap();
        let html = include_str!("../../tests/fixtures/sites/throne/page_made.html");
        assert_eq!(
            parse(html, &base).unwrap(),
            ["https://twitter.com/ann", "https://ann.carrd.co/"]
                .map(|url| Lead::new(url, Place::ProfileText))
        );
        // Nobody has to have links beside a list of wishes.
        assert_eq!(parse("<span class='chakra-avatar'></span>", &base), Ok(vec![]));
        assert_eq!(parse("<p>by script</p>", &base).unwrap_err().0, ".chakra-avatar");
    }
}

//! link.me: a link page whose state stands in `script#__NEXT_DATA__`. Of a network it may have the bare name
//! alone.

use serde_json::Value;

use super::address::name;
use super::contacts::typed_url;
use super::read::{each, has, need, need_list, script_json, text_at};
use super::{Address, Identified, Kind, Lead, Missing, Place, Site, SiteError, Web};

pub const SITE: Site = Site { name: "linkme", identify, artwork: None, leads: Some(leads) };

/// First parts of a path that are nobody's name.
const RESERVED: &[&str] = &["about", "api", "blog", "help", "login", "pricing", "privacy", "signup", "terms"];

fn identify(address: &Address) -> Option<Identified> {
    if !address.is_on("link.me") {
        return None;
    }
    Some(match address.segments().as_slice() {
        // https://link.me/name
        [user] if name(user).is_some() && !RESERVED.contains(user) => {
            Identified::new(SITE.name, Kind::LinkPage, format!("https://link.me/{user}")).id(*user)
        }
        _ => Identified::other(SITE.name, address),
    })
}

fn leads(page: &Identified, web: &Web) -> Result<Vec<Lead>, SiteError> {
    let html = web.send(web.request(page.address())?)?;
    parse(&html.text()).map_err(|missing| missing.on(page.address()))
}

fn parse(html: &str) -> Result<Vec<Lead>, Missing> {
    let state = script_json(html, "__NEXT_DATA__")?;
    let profile = need(&state, "props.pageProps.profile")?;
    let categories = need_list(profile, "webLinks")?;
    let mut leads = Vec::new();
    for category in categories {
        let links = need_list(category, "links").map_err(|_| Missing::new("the list webLinks[].links"))?;
        let links: Vec<&Value> = links.iter().collect();
        for value in each(&links, &["linkValue"], "webLinks[].links")? {
            // The category says of which network a bare name is.
            let label = text_at(category, "title").unwrap_or_default();
            if let Some(url) = typed_url(label, value) {
                Lead::add(&mut leads, url, Place::ProfileText);
            }
        }
    }
    if !categories.is_empty() && !categories.iter().any(|category| has(category, "title")) {
        return Err(Missing::new("the field webLinks[].title"));
    }
    Ok(leads)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check_identify, none};
    use super::*;

    const MADE: &str = include_str!("../../tests/fixtures/sites/linkme/profile_made.json");

    fn read(state: &str) -> Result<Vec<String>, Missing> {
        let html = format!("<script id=\"__NEXT_DATA__\" type=\"application/json\">{state}</script>");
        parse(&html).map(|leads| leads.into_iter().map(|lead| lead.url).collect())
    }

    #[test]
    fn reads_addresses_and_bare_names() {
        check_identify("https://link.me/ann", Kind::LinkPage, "ann", "https://link.me/ann");
        none("https://link.me/", Kind::Other);
        none("https://notlink.me/ann", Kind::Unsupported);
        let expected = ["https://twitter.com/ann_art", "https://ann.carrd.co/", "https://ko-fi.com/ann"];
        assert_eq!(read(MADE).unwrap(), expected);
        assert_eq!(read(r#"{"props":{"pageProps":{"profile":{"webLinks":[]}}}}"#).unwrap(), [""; 0]);
        // A name in a category that names no network is nobody's.
        let other = r#"{"props":{"pageProps":{"profile":{"webLinks":[{"title":"Shop","links":[{"linkValue":"ann"}]}]}}}}"#;
        assert_eq!(read(other).unwrap(), [""; 0]);
        assert_eq!(read(r#"{"props":{"pageProps":{}}}"#).unwrap_err().0, "the field props.pageProps.profile");
        assert_eq!(
            read(r#"{"props":{"pageProps":{"profile":{"webLinks":[{"title":"X"}]}}}}"#).unwrap_err().0,
            "the list webLinks[].links"
        );
    }
}

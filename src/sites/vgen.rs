//! VGen: commissions. The artist's page has its state in `script#__NEXT_DATA__`; what is shown there is not
//! read.

use serde_json::Value;

use super::address::name;
use super::contacts::typed_url;
use super::free_text::Texts;
use super::read::{at, each, has, need, need_list, script_json, told};
use super::{Address, Identified, Lead, Missing, Place, Site, SiteError, Web};
use crate::text::links_in_text;

pub const SITE: Site = Site { name: "vgen", identify, artwork: None, leads: Some(leads) };

/// First parts of a path that are nobody's name.
const RESERVED: &[&str] =
    &["about", "api", "blog", "explore", "help", "login", "pricing", "privacy", "search", "signup", "terms"];

fn identify(address: &Address) -> Option<Identified> {
    if !address.is_on("vgen.co") {
        return None;
    }
    let parts = address.segments();
    let user = parts.first().and_then(|user| name(user)).filter(|user| !RESERVED.contains(user));
    let Some(user) = user else { return Some(Identified::other(SITE.name, address)) };
    let page = format!("https://vgen.co/{user}");
    Some(match parts.as_slice() {
        // https://vgen.co/name/portfolio/showcase/a-title/0b2f1f5e-8c5a-4f6f-9d39-d7d3f2d5a001
        [_, "portfolio", "showcase", _, id] if name(id).is_some() => {
            Identified::work(SITE.name, *id, address.url().as_str()).artist(page)
        }
        // https://vgen.co/name, with its tabs
        [_] | [_, "portfolio" | "service", ..] => Identified::profile(SITE.name, user, page),
        _ => Identified::other(SITE.name, address),
    })
}

fn leads(page: &Identified, web: &Web) -> Result<Vec<Lead>, SiteError> {
    let response = web.send(web.request(page.address())?)?;
    parse(&response.text()).map_err(|missing| missing.on(page.address()))
}

fn parse(html: &str) -> Result<Vec<Lead>, Missing> {
    let state = script_json(html, "__NEXT_DATA__")?;
    let user = need(&state, "props.pageProps.user")?;
    let mut leads = Vec::new();
    let socials: Vec<&Value> = need_list(user, "socials")?.iter().collect();
    for url in each(&socials, &["link"], "user.socials")? {
        Lead::add(&mut leads, url, Place::ProfileField);
    }
    // Bare names, by network. Not everybody has them, and nobody all.
    if !has(user, "contactSocials") {
        return Err(Missing::new("the field user.contactSocials"));
    }
    for (network, typed) in at(user, "contactSocials").and_then(Value::as_object).into_iter().flatten() {
        if let Some(url) = typed.as_str().and_then(|typed| typed_url(network, typed)) {
            Lead::add(&mut leads, url, Place::ProfileField);
        }
    }
    let bio = told(user, "bio").map_err(|_| Missing::new("the field user.bio"))?;
    for url in bio.map(|bio| links_in_text(Texts::default().take(bio))).unwrap_or_default() {
        Lead::add(&mut leads, url, Place::ProfileText);
    }
    Ok(leads)
}

#[cfg(test)]
mod tests {
    use super::super::Kind;
    use super::super::tests::{check_identify, none};
    use super::*;

    const MADE: &str = include_str!("../../tests/fixtures/sites/vgen/user_made.json");

    fn read(state: &str) -> Result<Vec<Lead>, Missing> {
        parse(&format!("<script id=\"__NEXT_DATA__\" type=\"application/json\">{state}</script>"))
    }

    #[test]
    fn recognises_artists_and_what_they_show() {
        let ann = "https://vgen.co/ann";
        check_identify("http://vgen.co/ann", Kind::Profile, "ann", ann);
        check_identify("https://vgen.co/ann/portfolio", Kind::Profile, "ann", ann);
        check_identify("https://vgen.co/ann/service/chibi/0b2f1f5e", Kind::Profile, "ann", ann);
        let work = "https://vgen.co/ann/portfolio/showcase/a-fox/0b2f1f5e-8c5a-4f6f-9d39-d7d3f2d5a001";
        check_identify(work, Kind::Artwork, "0b2f1f5e-8c5a-4f6f-9d39-d7d3f2d5a001", work);
        assert_eq!(super::super::identify(work).artist.as_deref(), Some(ann));
        none("https://vgen.co/", Kind::Other);
        none("https://vgen.co/search?q=fox", Kind::Other);
        none("https://vgen.co.evil.example/ann", Kind::Unsupported);
    }

    #[test]
    fn reads_fields_and_the_text() {
        let leads = read(MADE).unwrap();
        assert_eq!(
            leads,
            [
                Lead::new("https://twitter.com/ann_art", Place::ProfileField),
                Lead::new("https://bsky.app/profile/ann.example", Place::ProfileField),
                Lead::new("https://twitter.com/ann_sketch", Place::ProfileField),
                Lead::new("https://ko-fi.com/ann", Place::ProfileText),
            ]
        );
        let bare = r#"{"props":{"pageProps":{"user":{"bio":null,"socials":[],"contactSocials":null}}}}"#;
        assert_eq!(read(bare), Ok(vec![]));
        let gone = r#"{"props":{"pageProps":{"user":null}}}"#;
        assert_eq!(read(gone).unwrap_err().0, "the field props.pageProps.user");
    }
}

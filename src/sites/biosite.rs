//! bio.site: a link page whose state stands in a script.

use serde_json::Value;

use super::address::name;
use super::html::{Element, absolute, select};
use super::read::{assigned, each, need, need_list, text_at};
use super::{Address, Identified, Kind, Lead, Missing, Place, Site, SiteError, Web};

pub const SITE: Site = Site { name: "biosite", identify, artwork: None, leads: Some(leads) };

/// First parts of a path that are nobody's name.
const RESERVED: &[&str] =
    &["about", "api", "blog", "help", "login", "pricing", "privacy", "signup", "terms", "templates"];

fn identify(address: &Address) -> Option<Identified> {
    if !address.is_on("bio.site") {
        return None;
    }
    Some(match address.segments().as_slice() {
        // https://bio.site/name
        [user] if name(user).is_some() && !RESERVED.contains(user) => {
            Identified::new(SITE.name, Kind::LinkPage, format!("https://bio.site/{user}")).id(*user)
        }
        _ => Identified::other(SITE.name, address),
    })
}

fn leads(page: &Identified, web: &Web) -> Result<Vec<Lead>, SiteError> {
    let response = web.send(web.request(page.address())?)?;
    parse(&response.text(), &response.url).map_err(|missing| missing.on(page.address()))
}

/// The state, or the anchors that are made of it, where a page has them alone.
fn parse(html: &str, base: &url::Url) -> Result<Vec<Lead>, Missing> {
    let missing = match assigned(html, "window.initial_state") {
        Ok(state) => return parse_state(&state),
        Err(missing) => missing,
    };
    const LINKS: &str = "a[data-cy=\"biosite-link\"][href]";
    const SOCIAL: &str = "div[data-cy=\"biosite-social\"] a[href]";
    let [social, links] = select(html, [SOCIAL, LINKS]);
    let mut leads = Vec::new();
    let address = |link: &Element| absolute(link.attr("href")?, base);
    for url in social.iter().chain(&links).filter_map(address) {
        Lead::add(&mut leads, url, Place::ProfileText);
    }
    if leads.is_empty() { Err(missing) } else { Ok(leads) }
}

fn parse_state(state: &Value) -> Result<Vec<Lead>, Missing> {
    const SECTIONS: [(&str, &str); 2] = [("section_social", "handles"), ("section_links", "links")];
    let body = need_list(state, "body")?;
    if !body.is_empty() && !body.iter().any(|part| text_at(part, "type").is_some()) {
        return Err(Missing::new("the field body[].type"));
    }
    let mut leads = Vec::new();
    for (kind, list) in SECTIONS {
        for part in body.iter().filter(|part| text_at(part, "type") == Some(kind)) {
            let section = need(part, "section").map_err(|_| Missing::new("the field body[].section"))?;
            let entries = need_list(section, list)
                .map_err(|_| Missing::new(format!("the list body[].section.{list}")))?;
            let entries: Vec<&Value> = entries.iter().collect();
            for url in each(&entries, &["url"], &format!("body[].section.{list}"))? {
                Lead::add(&mut leads, url, Place::ProfileText);
            }
        }
    }
    Ok(leads)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check_identify, none};
    use super::*;

    const MADE: &str = include_str!("../../tests/fixtures/sites/biosite/state_made.json");

    fn read(html: &str) -> Result<Vec<String>, Missing> {
        let base = url::Url::parse("https://bio.site/ann").unwrap();
        parse(html, &base).map(|leads| leads.into_iter().map(|lead| lead.url).collect())
    }

    #[test]
    fn reads_the_state_or_the_anchors() {
        check_identify("https://bio.site/ann/", Kind::LinkPage, "ann", "https://bio.site/ann");
        none("https://bio.site/pricing", Kind::Other);
        none("https://bio.site.evil.example/ann", Kind::Unsupported);
        let page = format!("<script>window.initial_state = {MADE};</script>");
        assert_eq!(read(&page).unwrap(), ["https://twitter.com/ann", "https://ann.carrd.co/"]);
        let anchors = "<div data-cy=\"biosite-social\"><a href='https://x.com/ann'></a></div>\
                       <a data-cy='biosite-link' href='https://ko-fi.com/ann'>Ko-fi</a><a href='https://bio.site/'>Unfold</a>";
        assert_eq!(read(anchors).unwrap(), ["https://x.com/ann", "https://ko-fi.com/ann"]);
        assert_eq!(read("<p>redesigned").unwrap_err().0, "window.initial_state");
        // Somebody who has begun a page, and no more.
        assert_eq!(read("<script>window.initial_state = {\"body\":[]};</script>").unwrap(), [""; 0]);
        assert_eq!(
            read("<script>window.initial_state = {\"body\":[{}]};</script>").unwrap_err().0,
            "the field body[].type"
        );
        assert!(read("<script>window.initial_state = {\"body\":</script>").is_err());
    }
}

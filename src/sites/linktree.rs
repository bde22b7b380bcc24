//! Linktree (linktr.ee): a link page. The page's state is JSON in `script#__NEXT_DATA__`; a page marked
//! as sensitive shows its links only to those who accepted the warning, which a cookie records.

use serde_json::Value;

use super::address::name;
use super::read::{at, each, list_at, need, script_json, text_at};
use super::{Address, Identified, Kind, Lead, Missing, Place, Site, SiteError, Web};
use crate::text::links_in_text;

pub const SITE: Site = Site { name: "linktree", identify, artwork: None, leads: Some(leads) };

fn identify(address: &Address) -> Option<Identified> {
    if !address.is_on_any(&["linktr.ee", "linktree.com"]) {
        return None;
    }
    Some(match address.segments().as_slice() {
        ["s" | "admin" | "login" | "register" | "discover" | "marketplace" | "blog", ..] => {
            Identified::other("linktree", address)
        }
        // https://linktr.ee/name, with or without @
        [user, ..] => match name(user.trim_start_matches('@')) {
            Some(user) => {
                Identified::new("linktree", Kind::LinkPage, format!("https://linktr.ee/{user}")).id(user)
            }
            None => Identified::other("linktree", address),
        },
        [] => Identified::other("linktree", address),
    })
}

fn leads(page: &Identified, web: &Web) -> Result<Vec<Lead>, SiteError> {
    let read = |cookie: Option<String>| {
        let mut request = web.request(page.address())?;
        if let Some(cookie) = cookie {
            request = request.header("Cookie", cookie);
        }
        parse(&web.send(request)?.text()).map_err(|missing| missing.on(page.address()))
    };
    let mut found = read(None)?;
    if found.gated {
        found = read(Some(format!("accepted_content_warnings=[\"{}\"]", page.id_text())))?;
        if found.gated && found.leads.is_empty() {
            return Err(SiteError::LoginNeeded {
                url: page.address().to_owned(),
                why: "its warning about sensitive content does not open".to_owned(),
            });
        }
    }
    Ok(found.leads)
}

#[derive(Debug, PartialEq)]
struct Page {
    leads: Vec<Lead>,
    /// Some or all of its links are behind the warning about sensitive content.
    gated: bool,
}

fn parse(html: &str) -> Result<Page, Missing> {
    let state = script_json(html, "__NEXT_DATA__")?;
    let page = need(&state, "props.pageProps")?;
    let account = need(&state, "props.pageProps.account")?;
    if at(account, "links").is_none() && at(page, "links").is_none() {
        return Err(Missing::new("the field props.pageProps.account.links"));
    }
    // Links and social links stand in the account and, in some versions of the page, beside it.
    let links = [list_at(account, "links"), list_at(page, "links")].concat();
    let social = [list_at(account, "socialLinks"), list_at(page, "socialLinks")].concat();
    let gated = match at(page, "hasConsentedToView").and_then(Value::as_bool) {
        Some(true) => false,
        Some(false) => true,
        None => at(account, "contentWarning").is_some() && links.is_empty(),
    } || links.iter().any(|link| {
        // Headings have an empty `url` too, but no age.
        text_at(link, "url").is_none() && at(link, "rules.gate.age").is_some()
    });
    // A heading's address is empty. There may be no social links at all.
    let mut urls: Vec<String> = Vec::new();
    for (entries, list) in [(&social, "socialLinks"), (&links, "links")] {
        let entries: Vec<&Value> = entries.iter().collect();
        urls.extend(each(&entries, &["url"], list)?.into_iter().map(str::to_owned));
    }
    urls.extend(text_at(account, "description").into_iter().flat_map(links_in_text));
    let mut leads: Vec<Lead> = Vec::new();
    for url in urls {
        Lead::add(&mut leads, url, Place::ProfileText);
    }
    Ok(Page { leads, gated })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Recorded: `tests/fixtures/LICENSES.md`.
    const RECORDED: &str = include_str!("../../tests/fixtures/sites/linktree/kaiserlol.html");

    #[test]
    fn its_other_name_is_the_same() {
        let page = super::super::identify("https://www.linktree.com/@ann");
        assert_eq!((page.kind, page.address()), (Kind::LinkPage, "https://linktr.ee/ann"));
    }

    #[test]
    fn reads_the_recorded_page() {
        let page = parse(RECORDED).unwrap();
        let urls: Vec<&str> = page.leads.iter().map(|lead| lead.url.as_str()).collect();
        assert!(urls.contains(&"https://twitter.com/sometwitteruser"), "{urls:?}");
        assert!(urls.contains(&"https://blog.kaiser.lol/"), "{urls:?}");
        assert!(!urls.contains(&""), "{urls:?}");
        assert!(!page.gated);
    }

    #[track_caller]
    fn check_gated(state: &str, gated: bool) {
        let page = parse(&format!("<script id=__NEXT_DATA__>{state}</script>")).unwrap();
        assert_eq!(page.gated, gated, "{state}");
    }

    #[test]
    fn tells_a_gate_from_an_empty_page() {
        check_gated(r#"{"props":{"pageProps":{"account":{"links":[],"contentWarning":"SENSITIVE"}}}}"#, true);
        check_gated(r#"{"props":{"pageProps":{"account":{"links":[]},"hasConsentedToView":false}}}"#, true);
        check_gated(r#"{"props":{"pageProps":{"account":{"links":[]},"hasConsentedToView":true}}}"#, false);
        check_gated(
            r#"{"props":{"pageProps":{"account":{"links":[{"url":null,"rules":{"gate":{"age":18}}}]}}}}"#,
            true,
        );
    }

    #[test]
    fn names_what_is_missing() {
        let changed =
            r#"<script id="__NEXT_DATA__">{"props":{"pageProps":{"account":{"buttons":[]}}}}</script>"#;
        assert_eq!(parse(changed).unwrap_err().0, "the field props.pageProps.account.links");
        assert_eq!(parse("<html></html>").unwrap_err().0, "script#__NEXT_DATA__");
    }
}

//! Plain pages: any page whose outbound links are taken as they stand. Used for the pages that the
//! operator lists, and by link pages that are no more than HTML.

use std::collections::HashSet;

use url::Url;

use super::claims::creator;
use super::html::{Element, absolute, anchors_in, select};
use super::{Identified, Lead, Missing, Place, SiteError, Web};

/// The outbound links of a page. One without any is not what it was, or gets them by a script: it is never
/// told as one without links.
pub fn leads(page: &Identified, web: &Web) -> Result<Vec<Lead>, SiteError> {
    let response = web.send(web.request(page.address())?)?;
    let html = response.text();
    let (own, links) = own_accounts_and_links(&html, &response.url, None);
    let leads = outbound([own, links].concat(), response.url.host_str().unwrap_or_default());
    match leads.is_empty() {
        true => Err(Missing::new("a link to another site (a[href])").on(page.address())),
        false => Ok(leads),
    }
}

/// What the head of a page that is its owner's alone says of accounts:
/// `<meta name="fediverse:creator" content="@ann@server">`, of whom the page is, and `<link rel="me">`; and
/// as [`anchors`] does, where its anchors lead.
///
/// [`anchors`]: super::html::anchors
pub fn own_accounts_and_links(html: &str, base: &Url, within: Option<&str>) -> (Vec<String>, Vec<String>) {
    let anchors = anchors_in(within);
    let [creators, links, anchors] = select(html, [CREATOR, OWN_LINK, &anchors]);
    let address = |link: &Element| absolute(link.attr("href")?, base);
    let own = creators.iter().filter_map(creator).chain(links.iter().filter_map(address));
    (own.collect(), anchors.iter().filter_map(address).collect())
}

pub(super) const CREATOR: &str = "meta[name=\"fediverse:creator\"]";
pub(super) const OWN_LINK: &str = "link[rel~=me][href]";

/// The links that leave `host`, each once, as leads from a link page.
pub fn outbound(links: Vec<String>, host: &str) -> Vec<Lead> {
    let away =
        |link: &String| Url::parse(link).is_ok_and(|url| url.host_str().is_some_and(|other| other != host));
    let mut seen = HashSet::new();
    links
        .into_iter()
        .filter(|link| away(link) && seen.insert(link.clone()))
        .map(|link| Lead::new(link, Place::ProfileText))
        .collect()
}

/// True if the operator listed this page: by its host (`example.com`), by the host that users' own are below
/// (`*.example.com`), or by the start of its URL.
pub fn is_listed(url: &Url, listed: &[String]) -> bool {
    let host = url.host_str().unwrap_or_default();
    listed.iter().any(|entry| {
        let entry = entry.trim_end_matches('/');
        match entry.split_once("://") {
            None if entry.starts_with("*.") => host.ends_with(&entry[1..]),
            None => host == entry || host.strip_prefix("www.") == Some(entry),
            Some(_) => match url.as_str().strip_prefix(entry) {
                // `https://a.example/me` lists `/me` and `/me/x`, not `/mean`.
                Some(rest) => rest.is_empty() || rest.starts_with(['/', '?', '#']),
                None => false,
            },
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_of_a_page_names_accounts() {
        let base = Url::parse("https://ann.example/").unwrap();
        let html = "<head><meta name='fediverse:creator' content='@ann@art.example'><link rel='me noopener' href='https://github.com/ann'>\
                    <link rel=stylesheet href=/a.css><meta name='fediverse:creator' content='nobody'></head>";
        let (own, _) = own_accounts_and_links(html, &base, None);
        assert_eq!(own, ["https://art.example/@ann", "https://github.com/ann"]);
    }

    #[test]
    fn lists_hosts_and_beginnings() {
        let listed = ["links.example", "https://a.example/me/", "*.pages.example"].map(str::to_owned);
        let check = |url: &str| is_listed(&Url::parse(url).unwrap(), &listed);
        assert!(check("https://links.example/x") && check("https://www.links.example/"));
        assert!(check("https://a.example/me") && check("https://a.example/me/2"));
        assert!(check("https://ann.pages.example/x") && !check("https://pages.example/"));
        assert!(!check("https://pages.example.evil.example/") && !check("https://evilpages.example/"));
        assert!(!check("https://a.example/mean") && !check("https://links.example.evil.example/"));
    }
}

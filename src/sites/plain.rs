//! Plain pages: any page whose outbound links are taken as they stand. Used for the pages that the
//! operator lists, and by link pages that are no more than HTML.

use std::collections::HashSet;

use super::html::anchors;
use super::{Identified, Lead, Missing, Place, SiteError, Web};

/// The outbound links of a page. One without any is not what it was, or gets them by a script: it is never told as
/// one without links.
pub fn leads(page: &Identified, web: &Web) -> Result<Vec<Lead>, SiteError> {
    let response = web.send(web.request(page.address())?)?;
    let links = anchors(&response.text(), &response.url, None);
    let leads = outbound(links, response.url.host_str().unwrap_or_default());
    match leads.is_empty() {
        true => Err(Missing::new("a link to another site (a[href])").on(page.address())),
        false => Ok(leads),
    }
}

/// The links that leave `host`, each once, as leads from a link page.
pub fn outbound(links: Vec<String>, host: &str) -> Vec<Lead> {
    let away = |link: &String| {
        url::Url::parse(link).is_ok_and(|url| url.host_str().is_some_and(|other| other != host))
    };
    let mut seen = HashSet::new();
    links
        .into_iter()
        .filter(|link| away(link) && seen.insert(link.clone()))
        .map(|link| Lead::new(link, Place::ProfileText))
        .collect()
}

/// True if the operator listed this page: by its host (`example.com`) or by the start of its URL.
pub fn is_listed(url: &url::Url, listed: &[String]) -> bool {
    let host = url.host_str().unwrap_or_default();
    listed.iter().any(|entry| {
        let entry = entry.trim_end_matches('/');
        match entry.split_once("://") {
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
    fn lists_hosts_and_beginnings() {
        let listed = ["links.example".to_owned(), "https://a.example/me/".to_owned()];
        let check = |url: &str| is_listed(&url::Url::parse(url).unwrap(), &listed);
        assert!(check("https://links.example/x") && check("https://www.links.example/"));
        assert!(check("https://a.example/me") && check("https://a.example/me/2"));
        assert!(!check("https://a.example/mean") && !check("https://links.example.evil.example/"));
    }
}

//! What makes two URLs one query, and the names under which queries are found again. Pure.

use url::Url;

use crate::base::ids::Networks;

/// Parameters that say where a visitor came from, never which page is meant; beside those that start with
/// `utm_`.
const TRACKING: &[&str] =
    &["fbclid", "gclid", "dclid", "msclkid", "twclid", "igshid", "mc_cid", "mc_eid", "ref_src", "ref_url"];

/// The key of a query for this page, about these networks, of whole accounts or not. `None`: not a URL.
pub fn page_key(url: &str, networks: &Networks, whole: bool) -> Option<String> {
    let mut key = normalized(url)?;
    // What has another answer is another query. A space is in no URL.
    if !networks.are_all() {
        key += &format!(" on {networks}");
    }
    if whole {
        key += " whole";
    }
    Some(key)
}

/// Whether this is the key of a query for a page, about whatever networks. `page` is the page's key about all
/// of them.
pub fn is_about_page(key: &str, page: &str) -> bool {
    key.strip_prefix(page).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
}

/// The key of a direct search.
pub fn search_key(identifier: &str) -> String {
    format!("search {identifier}")
}

/// Names a page's query in the API: the same after a restart, and of any page 32 characters long.
pub fn public_id(key: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, key.as_bytes());
    digest.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// One form for all URLs of one page. `None`: not a URL.
///
/// Knows no site, so it strips only what is meaningless everywhere: `www.`, a slash at the end, an escaped
/// `&amp;`, the parameters of `TRACKING`. Two forms of a page that only its site can tell to be one are two
/// queries; their accounts are scanned once all the same.
fn normalized(url: &str) -> Option<String> {
    let mut parsed = Url::parse(&url.trim().replace("&amp;", "&")).ok()?;
    if !matches!(parsed.scheme(), "http" | "https") || !parsed.host_str()?.contains('.') {
        return None;
    }
    parsed.set_scheme("https").ok()?;
    let bare_host = parsed.host_str()?.strip_prefix("www.").filter(|rest| rest.contains('.'));
    if let Some(host) = bare_host.map(str::to_owned) {
        parsed.set_host(Some(&host)).ok()?;
    }
    let path = parsed.path().trim_end_matches('/').to_owned();
    parsed.set_path(&path);
    let is_kept = |name: &str| !name.starts_with("utm_") && !TRACKING.contains(&name);
    let kept: Vec<(String, String)> = parsed
        .query_pairs()
        .filter(|(name, _)| is_kept(name))
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    if kept.is_empty() {
        parsed.set_query(None);
    } else if kept.len() != parsed.query_pairs().count() {
        parsed.query_pairs_mut().clear().extend_pairs(kept);
    }
    if parsed.fragment() == Some("") {
        parsed.set_fragment(None);
    }
    Some(parsed.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, key: Option<&str>) {
        assert_eq!(page_key(url, &Networks::default(), false).as_deref(), key, "{url}");
    }

    #[test]
    fn one_page_has_one_key() {
        let key = Some("https://pixiv.net/en/artworks/1#44");
        check("https://www.pixiv.net/en/artworks/1#44", key);
        check(" http://WWW.pixiv.net:80/en/artworks/1?utm_source=x#44", key);
        check("https://pixiv.net/en/artworks/1/?fbclid=a&amp;ref_src=b#44", key);
        check("https://a.example/view?id=3&utm_medium=y", Some("https://a.example/view?id=3"));
        check("https://a.example/view?id=3#", Some("https://a.example/view?id=3"));
        check("https://a.example/view?page=post&amp;id=3", Some("https://a.example/view?page=post&id=3"));
        check("https://a.example", Some("https://a.example/"));
        check("https://www.example", Some("https://www.example/"));
        check("www.pixiv.net/artworks/1", None);
        check("ftp://a.example/", None);
        check("https://localhost/", None);
        check("hello", None);
    }
}

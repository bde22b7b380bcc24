//! What makes two URLs one query, and the names under which queries are found again. Pure.

use crate::base::ids::Networks;
use crate::domain::pages::page_form;
use crate::domain::wanted::Wanted;

/// The key of a query for this page, about these networks, for what is wanted. `None`: not a URL.
pub fn page_key(url: &str, networks: &Networks, wanted: Wanted) -> Option<String> {
    let mut key = page_form(url)?;
    // What has another answer is another query. A space is in no URL.
    if !networks.are_all() {
        key += &format!(" on {networks}");
    }
    Some(key + suffix(wanted))
}

/// The key of what is no URL: it is remembered as it was written.
pub fn key_of_no_url(text: &str, wanted: Wanted) -> String {
    format!("no url{} {text}", suffix(wanted))
}

fn suffix(wanted: Wanted) -> &'static str {
    match wanted {
        Wanted::Posts => "",
        Wanted::PostsInAll => " whole",
        Wanted::Artist => " artist",
        Wanted::ArtistAsNamed => " artist as named",
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, key: Option<&str>) {
        assert_eq!(page_key(url, &Networks::default(), Wanted::Posts).as_deref(), key, "{url}");
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

//! The addresses of pages, in one form each. Pure.

use url::Url;

/// Parameters that say where a visitor came from, never which page is meant; beside those that start with
/// `utm_`.
const TRACKING: &[&str] =
    &["fbclid", "gclid", "dclid", "msclkid", "twclid", "igshid", "mc_cid", "mc_eid", "ref_src", "ref_url"];

/// One form for all URLs of one page. `None`: not a URL.
///
/// Knows no site, so it strips only what is meaningless everywhere: `www.`, a slash at the end, an escaped
/// `&amp;`, the parameters of `TRACKING`. Two forms of a page that only its site can tell to be one are two
/// queries; their accounts are scanned once all the same.
pub fn page_form(url: &str) -> Option<String> {
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

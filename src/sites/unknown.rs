//! Pages of which nothing is known: link pages if they hold nothing but links to what is known.

use std::collections::{BTreeMap, HashSet};

use url::{Host, Url};

use super::claims::creator;
use super::html::{AnchorMarks, absolute, select_and_mark};
use super::plain::{CREATOR, OWN_LINK, outbound};
use super::{Address, Identified, Kind, Lead, Place, SiteError, Web, recognise};

/// What is asked for a page of unknown make: link pages are small.
const MAX_UNKNOWN_BYTES: u64 = 512 << 10;
/// Letters that may stand on it beside its links: a name, a few words, a line of the service's.
const MAX_PROSE: usize = 1_000;
/// Links to pages of artists: fewer may stand on any page, more are a list of many people.
const LINKS: std::ops::RangeInclusive<usize> = 2..=40;
/// Of one site or network, so many are still one person's.
const MAX_OF_ONE_SITE: usize = 3;
/// Links to other pages of the same host: more belong to a site with pages of its own.
const MAX_OWN_LINKS: usize = 5;
/// Parts of the path of a link page: its owner's name, perhaps behind a language.
const MAX_PARTS: usize = 2;
const MAX_ADDRESS_BYTES: usize = 200;
/// Endings of files that are no pages.
const FILES: &[&str] = &[
    "apk", "avi", "epub", "exe", "gif", "jpeg", "jpg", "mov", "mp3", "mp4", "pdf", "png", "rar", "webm",
    "webp", "zip",
];

/// What a page of unknown make turned out to be.
#[derive(Debug, PartialEq)]
pub enum Unknown {
    Links(Vec<Lead>),
    /// No link page, for this reason.
    Other(&'static str),
}

/// True if the address has the form of a link page's: a request is made for no other.
pub fn may_be_link_page(url: &Url) -> bool {
    let parts: Vec<&str> =
        url.path_segments().into_iter().flatten().filter(|part| !part.is_empty()).collect();
    let is_file = parts
        .last()
        .and_then(|part| part.rsplit_once('.'))
        .is_some_and(|(_, ending)| FILES.contains(&ending.to_ascii_lowercase().as_str()));
    matches!(url.host(), Some(Host::Domain(_)))
        && url.port().is_none()
        && url.username().is_empty()
        && url.query().is_none()
        && url.as_str().len() <= MAX_ADDRESS_BYTES
        && parts.len() <= MAX_PARTS
        && !is_file
}

/// Reads a page of which nothing is known: a link page where it holds nothing but links to artists' pages on
/// sites and networks that are known. What sends on to a page of a known site stands for that page.
///
/// # Errors
/// The page could not be read, which says nothing about the artist.
pub fn read(page: &Identified, web: &Web) -> Result<Unknown, SiteError> {
    let request = web.request(page.address())?.retries(0).max_redirects(3).max_bytes(MAX_UNKNOWN_BYTES);
    let response = web.send(request)?;
    let host = |url: &Url| Address::from_url(url.clone()).map(|address| address.host().to_owned());
    let asked = Address::parse(page.address()).map(|address| address.host().to_owned());
    if host(&response.url) != asked {
        let known = Address::from_url(response.url.clone()).filter(|address| recognise(address).0.is_some());
        return Ok(match known {
            Some(address) => Unknown::Links(vec![Lead::new(address.url().as_str(), Place::ProfileText)]),
            None => Unknown::Other("it leads to another host"),
        });
    }
    if response.header("content-type").is_some_and(|kind| !kind.contains("html")) {
        return Ok(Unknown::Other("it is no web page"));
    }
    Ok(only_links(&response.text(), &response.url).map_or_else(Unknown::Other, Unknown::Links))
}

/// The links of a page, or why they are not all that there is.
fn only_links(html: &str, base: &Url) -> Result<Vec<Lead>, &'static str> {
    let marks = AnchorMarks { before: |_: &str| None, behind: ' ' };
    let ([creators, own, anchors], texts) =
        select_and_mark(html, [CREATOR, OWN_LINK, "a[href]"], None, &marks);
    let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).count();
    let labels: usize = anchors.iter().map(|anchor| letters(&anchor.text)).sum();
    let prose: usize = texts.iter().map(|text| letters(text)).sum();
    let home = Address::from_url(base.clone()).map(|address| address.host().to_owned()).unwrap_or_default();
    let (mut own_links, mut pages) = (HashSet::new(), Vec::new());
    let mut by_site: BTreeMap<String, HashSet<String>> = BTreeMap::new();
    for url in anchors.iter().filter_map(|anchor| absolute(anchor.attr("href")?, base)) {
        let Some(address) = Address::parse(&url) else { return Err("a link that is none") };
        if address.host() == home {
            if address.url().path() != base.path() {
                own_links.insert(address.url().path().to_owned());
            }
            continue;
        }
        let (_, found) = recognise(&address);
        match found.kind {
            Kind::Account | Kind::Profile | Kind::LinkPage | Kind::Redirect => {}
            // Who made the page says so: "made with ...".
            Kind::Other if address.segments().is_empty() => continue,
            Kind::Other | Kind::Artwork | Kind::Post | Kind::Image => {
                return Err("it links to single works and other pages");
            }
            Kind::Unsupported | Kind::NotAnUrl => return Err("it links to sites that are not known"),
        }
        by_site
            .entry(found.site.unwrap_or_default().to_owned())
            .or_default()
            .insert(found.address().to_owned());
        pages.push(url);
    }
    let count: usize = by_site.values().map(HashSet::len).sum();
    // Addresses behind short links are not known yet, so that there may be some more of them.
    let crowded = by_site.iter().any(|(site, of_site)| site != "redirect" && of_site.len() > MAX_OF_ONE_SITE);
    match () {
        () if !LINKS.contains(&count) => Err("it has too few links to artists' pages, or too many"),
        () if crowded => Err("it names several people"),
        () if own_links.len() > MAX_OWN_LINKS => Err("it has pages of its own"),
        () if prose.saturating_sub(labels) > MAX_PROSE => Err("it has more text than links"),
        () => {
            let own = own.iter().filter_map(|link| absolute(link.attr("href")?, base));
            let own = creators.iter().filter_map(creator).chain(own);
            Ok(outbound(own.chain(pages).collect(), base.host_str().unwrap_or_default()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_page_has_a_short_address() {
        let check = |url: &str| may_be_link_page(&Url::parse(url).unwrap());
        for url in [
            "https://ann.example/",
            "https://links.example/ann",
            "https://links.example/ja/@ann",
            "http://ann.example",
        ] {
            assert!(check(url), "{url}");
        }
        for url in [
            "https://ann.example/blog/2024/may".to_owned(),
            "https://ann.example/?p=1".to_owned(),
            "https://ann.example/me.PNG".to_owned(),
            "https://ann.example:8443/".to_owned(),
            "https://ann@ann.example/".to_owned(),
            "https://10.0.0.1/".to_owned(),
            "http://[::1]/".to_owned(),
            format!("https://ann.example/{}", "a".repeat(200)),
        ] {
            assert!(!check(&url), "{url}");
        }
    }

    #[track_caller]
    fn check_unknown(html: &str, expect: Result<&[&str], &str>) {
        let base = Url::parse("https://links.example/ann").unwrap();
        let found =
            only_links(html, &base).map(|leads| leads.into_iter().map(|lead| lead.url).collect::<Vec<_>>());
        let expect = expect.map(|urls| urls.iter().map(|url| (*url).to_owned()).collect());
        assert_eq!(found, expect, "{html}");
    }

    const TWO: &str = "<a href='https://x.com/ann'>Twitter</a><a href='https://ko-fi.com/ann'>Tips</a>";

    #[test]
    fn a_page_with_nothing_but_links_is_a_link_page() {
        let two: &[&str] = &["https://x.com/ann", "https://ko-fi.com/ann"];
        check_unknown(TWO, Ok(two));
        check_unknown(
            &format!(
                "<h1>ann</h1><p>I draw foxes.</p><a href='#top'></a><a href='/ann?x'></a><a href='mailto:a@b'>mail</a>{TWO}"
            ),
            Ok(two),
        );
        check_unknown(&format!("<script>{}</script><style>p{{}}</style>{TWO}", "a".repeat(5_000)), Ok(two));
        check_unknown(
            &format!("{TWO}<a href='/login'>Log in</a><a href='https://carrd.co/'>Made with Carrd</a>"),
            Ok(two),
        );
        check_unknown(
            &format!("{TWO}<a href='https://art.example/@ann'>Fediverse</a>"),
            Ok(&[two[0], two[1], "https://art.example/@ann"]),
        );
        let head = "<meta name='fediverse:creator' content='@ann@mastodon.art'><link rel=me href='https://bsky.app/profile/ann.example'>";
        check_unknown(
            &format!("<head>{head}</head>{TWO}"),
            Ok(&["https://mastodon.art/@ann", "https://bsky.app/profile/ann.example", two[0], two[1]]),
        );
    }

    #[test]
    fn every_other_page_is_none() {
        let friends: String = (0..4).map(|n| format!("<a href='https://x.com/friend{n}'>{n}</a>")).collect();
        let many: String = (0..41).map(|n| format!("<a href='https://ann{n}.carrd.co/'>{n}</a>")).collect();
        let pages: String = (0..6).map(|n| format!("<a href='/page{n}'>{n}</a>")).collect();
        let few = "it has too few links to artists' pages, or too many";
        let works = "it links to single works and other pages";
        for (html, why) in [
            (String::new(), few),
            ("<p>made by a script</p>".to_owned(), few),
            ("<a href='https://x.com/ann'>one</a>".to_owned(), few),
            // One account, however often.
            (
                "<a href='https://x.com/ann'>1</a><a href='https://twitter.com/Ann?lang=en'>2</a>".to_owned(),
                few,
            ),
            (many, few),
            (friends, "it names several people"),
            (
                format!("{TWO}<a href='https://shop.example/'>shop</a>"),
                "it links to sites that are not known",
            ),
            (format!("{TWO}<a href='https://x.com/ann/status/12'>post</a>"), works),
            (format!("{TWO}<a href='https://www.youtube.com/watch?v=abc'>film</a>"), works),
            (format!("{TWO}<a href='https://www.pixiv.net/artworks/1'>work</a>"), works),
            (format!("{TWO}{pages}"), "it has pages of its own"),
            (format!("{TWO}<p>{}</p>", "word ".repeat(300)), "it has more text than links"),
        ] {
            check_unknown(&html, Err(why));
        }
    }

    /// Nothing of such a page may cost more than its length.
    #[test]
    fn hostile_pages_of_unknown_make_end() {
        for piece in [
            "<a href='https://x.com/ann'>",
            "<a href=/x>",
            "<meta name='fediverse:creator' content='@a@b.c'>",
            "<link rel=me href=/x>",
            "a",
            "<b>",
        ] {
            let html = piece.repeat((MAX_UNKNOWN_BYTES as usize) / piece.len());
            let base = Url::parse("https://links.example/ann").unwrap();
            assert!(only_links(&html, &base).is_err(), "{piece}");
        }
    }
}

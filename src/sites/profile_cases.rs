//! What the tables of real artists' pages say of links and names, through the code that reads texts.
//!
//! The tables hold no texts, but the links that artists have on their pages, and the names that they go by.
//! Each link is written into texts as people write them and must come out of it; a name is a text that must
//! give nothing.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Kind;
use super::tests::meaning;
use crate::base::csv::records;
use crate::base::material;
use crate::text::links_in_text;

/// Links and names of all rows. A link with letters beyond ASCII ends at the first of them, as the room means
/// it: in many languages they are the next word.
fn links_and_names(csv: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut links, mut names) = (BTreeSet::new(), BTreeSet::new());
    for row in records(csv) {
        let Ok(facts) = serde_json::from_str::<Value>(&row["expected_json"]) else { continue };
        let strings = |key: &str| -> Vec<String> {
            let value = &facts[key];
            let one = value.as_str().into_iter();
            let many = value.as_array().into_iter().flatten().filter_map(Value::as_str);
            one.chain(many).map(str::to_owned).collect()
        };
        for key in ["related", "profile_url", "profile_urls"] {
            links.extend(strings(key).into_iter().filter(|link| link.starts_with("http") && link.is_ascii()));
        }
        for key in ["display_name", "primary_names", "other_names"] {
            names.extend(strings(key));
        }
    }
    (links, names)
}

/// How people write a link.
const FORMS: [&str; 10] = [
    "{}",
    "My links: {}, and more.",
    "Twitter:{}",
    "({})",
    "**{}**",
    "[here]({})",
    "リンクは{}です。",
    "「{}」／お仕事募集中",
    "主页{}，欢迎关注",
    "제 링크는 {}에서",
];

/// Counts of links that came out of their texts as what they mean, and of anything that came out beside them.
fn measure(csv: &str) -> (usize, usize, Vec<String>) {
    let (links, names) = links_and_names(csv);
    let (mut written, mut right, mut wrong) = (0, 0, Vec::new());
    for link in &links {
        for form in FORMS {
            let text = form.replace("{}", link);
            let found = links_in_text(&text);
            written += 1;
            let is_right = found.len() == 1 && meaning(&found[0]) == meaning(link);
            if is_right { right += 1 } else { wrong.push(format!("{text}: {found:?}")) }
        }
    }
    for name in &names {
        let found = links_in_text(name);
        if !found.is_empty() {
            wrong.push(format!("the name {name}: {found:?}"));
        }
    }
    (written, right, wrong)
}

#[test]
#[cfg_attr(not(material), ignore = "needs AOTF_TEST_MATERIAL")]
fn links_and_names_of_real_artists_are_read_in_texts() {
    for (name, least) in [("profile_cases.csv", 1_000), ("profile_cases_2.csv", 2_500)] {
        let csv = std::fs::read_to_string(material::outside(name)).unwrap();
        let (written, right, wrong) = measure(&csv);
        assert!(wrong.is_empty(), "{name}: {right} of {written}:\n{}", wrong.join("\n"));
        assert!(written >= least, "{name}: {written}");
    }
}

/// Which account an address names, told without the readers: by the shapes of the three networks' own
/// addresses.
/// `None` also for those that have no handle in them, and for servers of the Fediverse that are not known by
/// name: those are asked, which no test does.
fn account_by_shape(link: &str) -> Option<String> {
    let rest = link.split_once("://")?.1.split(['?', '#']).next()?.trim_end_matches('/');
    let mut parts = rest.split('/');
    let host = parts.next()?.trim_start_matches("www.").trim_start_matches("mobile.").to_ascii_lowercase();
    let parts: Vec<&str> = parts.collect();
    match (host.as_str(), parts.as_slice()) {
        ("twitter.com" | "x.com", [name]) if !matches!(*name, "i" | "home" | "search") => {
            Some(format!("twitter:@{}", name.trim_start_matches('@').to_ascii_lowercase()))
        }
        ("bsky.app", ["profile", name]) if !name.starts_with("did:") => {
            Some(format!("bluesky:@{}", name.to_ascii_lowercase()))
        }
        ("pawoo.net" | "mstdn.jp" | "baraag.net", [name]) => {
            let name = name.strip_prefix('@')?.to_ascii_lowercase();
            let home = if name.contains('@') { String::new() } else { format!("@{host}") };
            Some(format!("mastodon:@{name}{home}"))
        }
        _ => None,
    }
}

#[test]
#[cfg_attr(not(material), ignore = "needs AOTF_TEST_MATERIAL")]
fn accounts_among_the_links_of_real_artists() {
    let (mut right, mut wrong) = (0, Vec::new());
    for name in ["profile_cases.csv", "profile_cases_2.csv"] {
        let csv = std::fs::read_to_string(material::outside(name)).unwrap();
        for link in links_and_names(&csv).0 {
            let Some(expected) = account_by_shape(&link) else { continue };
            let found = super::identify(&link).account.map(|account| account.to_string());
            match found.as_deref() == Some(&expected) {
                true => right += 1,
                false => wrong.push(format!("{link}: {expected}, found {found:?}")),
            }
        }
    }
    assert!(wrong.is_empty(), "{right} right, {} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(right >= 40, "{right}");
}

#[derive(Clone, Copy, PartialEq)]
enum Verdict {
    Right,
    /// Of a site that the program does not know, and says so; or nobody has said whose it is.
    Explained,
    Wrong,
}

/// Whether the artist whom others found for an address has a page that is recognized as an artist's, and is
/// the one whom the address names, where it names one. What stands on the pages is not in the table.
fn verdict(row: &std::collections::BTreeMap<String, String>) -> Verdict {
    let (url, case) = (row["url"].as_str(), row["case"].as_str());
    let expected = row["expected_profile_or_normalised"].split_whitespace().next().unwrap_or_default();
    let found = super::identify(url);
    let of_work = matches!(case, "artwork_to_profile" | "redirect");
    if of_work && expected.is_empty() {
        return Verdict::Explained;
    }
    let page = super::identify(if of_work { expected } else { url });
    let is_artists = matches!(page.kind, Kind::Profile | Kind::LinkPage | Kind::Account);
    // A short link of a work leads to the work.
    let is_work = case == "redirect" && page.kind == Kind::Artwork;
    let named = found.artist.filter(|_| case == "artwork_to_profile");
    let agrees = named.is_none_or(|artist| {
        meaning(&artist) == meaning(expected) || super::tests::RENAMED.iter().any(|part| url.contains(part))
    });
    match () {
        () if page.kind == Kind::Unsupported => Verdict::Explained,
        () if (is_artists || is_work) && agrees => Verdict::Right,
        () => Verdict::Wrong,
    }
}

/// `cargo test --lib sites::profile_cases::addresses -- --nocapture` shows the counts.
#[test]
fn addresses_of_real_artists_by_site() {
    let mut counts = std::collections::BTreeMap::<String, [usize; 3]>::new();
    let mut wrong = Vec::new();
    for row in records(include_str!("../../tests/fixtures/urls/profile_cases_2.csv")) {
        let verdict = verdict(&row);
        counts.entry(row["site"].clone()).or_default()[verdict as usize] += 1;
        if verdict == Verdict::Wrong {
            wrong.push(format!("{} {}: {}", row["case"], row["url"], row["expected_profile_or_normalised"]));
        }
    }
    for (site, [right, explained, wrong]) in &counts {
        println!("{site}: {right} right, {explained} explained, {wrong} wrong");
    }
    let sum = |n: usize| counts.values().map(|count| count[n]).sum::<usize>();
    println!("all: {} right, {} explained, {} wrong", sum(0), sum(1), sum(2));
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(sum(0) > 170, "{}", sum(0));
}

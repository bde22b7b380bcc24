//! A watch's feed as Atom (RFC 4287). Pure.

use atom_syndication::{Content, Entry, FixedDateTime, Generator, Link, Person, Text, TextType, WriteConfig};

use super::texts::Language;
use crate::api::feed::credit_of_entry;
use crate::base::Timestamp;
use crate::base::ids::Network;
use crate::domain::addresses::{account_url, image_url, post_url};
use crate::domain::credit::{Markup, Template};
use crate::domain::watches::{FeedEntry, FeedPost, Subject, Watch, WatchId};

/// What feeds say in the language of whoever reads them.
struct Words {
    title: &'static str,
    images: fn(usize) -> String,
    /// Before the reason.
    silent: &'static str,
}

fn words(language: Language) -> Words {
    match language {
        Language::English => Words {
            title: "New posts: ",
            images: |count| match count {
                1 => "an image".to_owned(),
                count => format!("{count} images"),
            },
            silent: "Nothing is heard of",
        },
        Language::French => Words {
            title: "Nouvelles publications\u{a0}: ",
            images: |count| match count {
                1 => "une image".to_owned(),
                count => format!("{count} images"),
            },
            silent: "Plus rien ne vient de",
        },
    }
}

/// How a feed is written.
pub(super) struct Form<'a> {
    pub language: Language,
    /// At most so many entries, the newest.
    pub entries: usize,
    /// The operator's own words for the credit.
    pub credit: Option<&'a Template>,
}

/// The feed as an XML document.
pub(super) fn feed(watch: &Watch, entries: &[FeedEntry], form: &Form<'_>) -> String {
    let words = words(form.language);
    let entries = entries.iter().take(form.entries);
    let updated = entries.clone().map(FeedEntry::updated).max().unwrap_or(watch.began);
    // Relative: behind a proxy nobody here knows the whole address.
    let itself = format!("{}.atom", watch.id);
    let mut links = vec![link("self", &itself, Some("application/atom+xml"))];
    links.extend(subject_url(watch).map(|url| link("alternate", &url, None)));
    let feed = atom_syndication::Feed {
        title: plain(&format!("{}{}", words.title, watch.subject)),
        id: format!("urn:uuid:{}", uuid(watch.id)),
        updated: moment(updated),
        generator: Some(Generator {
            value: "Artists on Twitter Finder".to_owned(),
            uri: None,
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        }),
        subtitle: silence(watch, words.silent).map(|text| plain(&text)),
        lang: Some(form.language.code().to_owned()),
        links,
        entries: entries.map(|entry| self::entry(watch, entry, form, &words)).collect(),
        ..atom_syndication::Feed::default()
    };
    let mut document = Vec::new();
    match feed
        .write_with_config(&mut document, WriteConfig { write_document_declaration: true, indent_size: None })
    {
        Ok(_) => String::from_utf8(document).unwrap_or_default(),
        // A vector takes everything.
        Err(_) => String::new(),
    }
}

fn entry(watch: &Watch, entry: &FeedEntry, form: &Form<'_>, words: &Words) -> Entry {
    let mut links = Vec::new();
    for (place, post) in entry.posts.iter().enumerate() {
        let url = post_url(&post.key, post.handle.as_deref());
        if url.is_empty() {
            continue;
        }
        let rel = if place == 0 { "alternate" } else { "related" };
        links.push(Link { title: Some(text(&name_of(post))), ..link(rel, &url, Some("text/html")) });
    }
    let mut authors: Vec<Person> = Vec::new();
    for post in &entry.posts {
        let person = Person {
            name: text(&name_of(post)),
            email: None,
            uri: web(&account_url(&post.account, post.handle.as_deref().unwrap_or_default())),
            ..Person::default()
        };
        if !authors.contains(&person) {
            authors.push(person);
        }
    }
    let images = entry.shown().map_or(0, |post| post.images.len());
    let who = entry.posts.first().map(name_of).unwrap_or_default();
    let title = match images {
        // A public server hands none on.
        0 => who,
        images => format!("{who}: {}", (words.images)(images)),
    };
    Entry {
        title: plain(&title),
        id: entry.id(),
        updated: moment(entry.updated()),
        published: Some(moment(entry.published())),
        authors,
        links,
        content: Some(Content {
            value: Some(content(watch, entry, form)),
            content_type: Some("html".to_owned()),
            ..Content::default()
        }),
        ..Entry::default()
    }
}

/// The images, each a link to its post, and the credit, as HTML.
fn content(watch: &Watch, entry: &FeedEntry, form: &Form<'_>) -> String {
    let mut html = String::new();
    if let Some(post) = entry.shown() {
        let page = post_url(&post.key, post.handle.as_deref());
        for image in &post.images {
            let Some(url) = web(&image_url(&post.account, &image.name)) else { continue };
            let size = image.size.map_or_else(String::new, |(width, height)| {
                format!(" width=\"{width}\" height=\"{height}\"")
            });
            let picture = format!("<img src=\"{}\"{size} alt=\"\">", escaped(&url));
            html += &match web(&page) {
                Some(page) => format!("<p><a href=\"{}\">{picture}</a></p>\n", escaped(&page)),
                None => format!("<p>{picture}</p>\n"),
            };
        }
    }
    let credit = credit_of_entry(entry, Some(watch));
    let template = Template::or_built_in(form.credit, Markup::Html, form.language.code());
    text(&(html + &template.fill(&credit, Markup::Html)))
}

fn escaped(text: &str) -> String {
    htmlize::escape_all_quotes(text).into_owned()
}

/// `@jane (X)`.
fn name_of(post: &FeedPost) -> String {
    name(post.key.network, post.handle.as_deref().unwrap_or_default())
}

fn name(network: Network, handle: &str) -> String {
    match handle {
        "" => network.title().to_owned(),
        handle => format!("@{handle} ({})", network.title()),
    }
}

/// Why nothing is heard of some accounts; `None` where all can be read.
fn silence(watch: &Watch, words: &str) -> Option<String> {
    let silent = watch.accounts.iter().filter_map(|account| {
        let why = account.unreadable.as_ref()?;
        Some(format!("{} ({why})", name(account.key.network, &account.handle)))
    });
    let silent: Vec<String> = silent.collect();
    (!silent.is_empty()).then(|| format!("{words} {}.", silent.join(", ")))
}

/// The page that is watched, or the account's.
fn subject_url(watch: &Watch) -> Option<String> {
    match watch.meant()? {
        Subject::Page(page) => web(&page),
        Subject::Account(_) => {
            let account = watch.accounts.first()?;
            web(&account_url(&account.key, &account.handle))
        }
    }
}

fn link(rel: &str, href: &str, mime_type: Option<&str>) -> Link {
    Link { href: text(href), rel: rel.to_owned(), mime_type: mime_type.map(str::to_owned), ..Link::default() }
}

fn plain(value: &str) -> Text {
    Text { value: text(value), r#type: TextType::Text, ..Text::default() }
}

/// An address of the web; `None` for anything else, which others may have written.
fn web(address: &str) -> Option<String> {
    let url = url::Url::parse(address).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    Some(text(url.as_str()))
}

/// Without what XML 1.0 cannot hold (section 2.2, `Char`), which strangers may have written.
fn text(value: &str) -> String {
    let fits = |c: &char| matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}');
    value.chars().filter(fits).collect()
}

fn moment(at: Timestamp) -> FixedDateTime {
    let parsed = |text: &str| text.parse::<FixedDateTime>().ok();
    // Beyond what a calendar holds: a stranger's date.
    parsed(&at.to_rfc3339()).or_else(|| parsed("1970-01-01T00:00:00Z")).unwrap_or_default()
}

fn uuid(id: WatchId) -> String {
    let digits = id.to_string();
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| digits.get(part).unwrap_or_default());
    parts.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::samples::{sample_entry, sample_watch};

    fn form() -> Form<'static> {
        Form { language: Language::English, entries: 50, credit: None }
    }

    fn written(watch: &Watch, entries: &[FeedEntry]) -> atom_syndication::Feed {
        feed(watch, entries, &form()).parse().unwrap()
    }

    #[test]
    fn an_entry_has_its_posts_pictures_and_credit() {
        let watch = sample_watch().watch;
        let feed = written(&watch, &[sample_entry()]);
        assert_eq!(feed.id, "urn:uuid:01234567-89ab-cdef-0123-456789abcdef");
        assert_eq!(feed.updated.to_rfc3339(), "2026-05-04T11:00:00+00:00");
        let subtitle = "Nothing is heard of @jane.example (Bluesky) (is private).";
        assert_eq!(feed.subtitle.as_ref().unwrap().value, subtitle);
        let [entry] = feed.entries.as_slice() else { panic!() };
        assert_eq!(entry.id, "https://x.com/i/status/20");
        assert_eq!(entry.title.value, "@jane_paints (X): an image");
        let links: Vec<(&str, &str)> =
            entry.links.iter().map(|link| (link.rel.as_str(), link.href.as_str())).collect();
        let expect = [
            ("alternate", "https://x.com/jane_paints/status/20"),
            ("related", "https://bsky.app/profile/did:plc:jane/post/3k"),
        ];
        assert_eq!(links, expect);
        let content = entry.content.as_ref().unwrap().value.as_deref().unwrap();
        for part in ["https://pbs.twimg.com/media/Fa-1.jpg", "width=\"1200\"", "https://x.com/jane_paints\""]
        {
            assert!(content.contains(part), "{content}");
        }
    }

    #[test]
    fn a_feed_without_entries_is_one() {
        let watch = sample_watch().watch;
        let feed = written(&watch, &[]);
        assert_eq!(
            (feed.entries.len(), feed.updated.to_rfc3339().as_str()),
            (0, "2026-05-03T10:00:00+00:00")
        );
    }

    #[test]
    fn what_strangers_write_stays_text() {
        let mut watch = sample_watch().watch;
        watch.subject = "]]></title><script>\u{0}\u{b}\u{fffe}&<".to_owned();
        let mut entry = sample_entry();
        let hostile = "\"><script>alert(1)</script>\u{1}";
        entry.posts[0].handle = Some(hostile.to_owned());
        entry.posts[0].images[0].name = format!("https://a.example/{hostile}");
        let document = feed(&watch, &[entry], &form());
        assert!(!document.contains("<script"), "{document}");
        let feed: atom_syndication::Feed = document.parse().unwrap();
        assert!(feed.title.value.contains("<script>"), "as it was written");
        let content = feed.entries[0].content.as_ref().unwrap().value.clone().unwrap();
        assert!(!content.contains("<script"), "{content}");
        assert!(!document.contains(['\u{0}', '\u{1}', '\u{b}', '\u{fffe}']));
    }

    #[test]
    fn dates_of_no_calendar_do_no_harm() {
        let watch = sample_watch().watch;
        let mut entry = sample_entry();
        entry.posts[0].published = Some(Timestamp(i64::MAX));
        entry.posts[1].published = Some(Timestamp(i64::MIN));
        assert_eq!(written(&watch, &[entry]).entries.len(), 1);
    }
}

//! Fur Affinity: HTML only, and it changes often, so its selectors stand together. Three layouts are met:
//! that of 2026-05, the one before it, and the classic theme, which an account whose cookies are sent may
//! have chosen. Mature works and works for members need the operator's cookies `a` and `b`. docs/contracts
//! has the pages.

use url::Url;

use super::address::{decode, encode, number};
use super::contacts;
use super::free_text::Texts;
use super::html::{self, absolute};
use super::{Address, Artwork, Identified, Images, Kind, Lead, Missing, Place, Site, SiteError, Web};
use crate::base::Timestamp;
use crate::domain::images::ImageSource;
use crate::text::links_in_text;

pub const SITE: Site = Site { name: "furaffinity", identify, artwork: Some(artwork), leads: Some(profile) };

const HOME: &str = "https://www.furaffinity.net/";

/// The download button: a link to a file, among the buttons or with a text that says so. Descriptions link to
/// files of other works.
const FILES: &str = "a[href*='d.furaffinity.net/'], a[href*='d.facdn.net/art/']";
const BUTTONS: &str = "#submission-options a[href*='d.furaffinity.net/'], .download a[href]";
/// The picture as the page shows it.
const SHOWN: &str = "img#submissionImg";
/// The artist's page: never just any link to a user, since descriptions link to other members in the same
/// way.
const ARTIST: &str =
    ".submission-description-artist a[href^='/user/'], .submission-id-container a[href^='/user/']";
/// Says the artist and the kind of the work again, since 2026-05.
const FACTS: &str = "script[data-artist-name]";
const WORK: &str = "#submission_page";
/// `section.submission-description` of 2026-05 holds the artist, too; the `div` of before is the text alone.
const DESCRIPTION: &str = ".submission-description-text, div.submission-description";
const POSTED: &str =
    ".submission-description-header .popup_date[data-time], .submission-id-container .popup_date[data-time]";
/// Each contact of a profile: a label, and a link or a bare name.
const CONTACT: &str = ".user-contact-user-info";
const CONTACT_ITEM: &str = ".user-contact-item";
const CONTACT_LABEL: &str = ".user-contact-user-info strong";
const CONTACT_LINK: &str = ".user-contact-user-info a[href]";
const PROFILE_TEXT: &str = ".userpage-profile";
const PROFILE_LINK: &str = ".userpage-profile a[href]";
/// Stands on every profile, with contacts or without.
const PROFILE: &str = "userpage-nav-header, #page-userpage, .user-profile-main, .userpage-profile, .userpage-nav-profile-container";

/// The site itself and the mirrors made for embedding.
const HOSTS: &[&str] = &[
    "furaffinity.net",
    "sfw.furaffinity.net",
    "fxfuraffinity.net",
    "vxfuraffinity.net",
    "xfuraffinity.net",
    "fxraffinity.net",
];

/// Hosts of its image files.
const FILE_HOSTS: &[&str] = &[
    "d.furaffinity.net",
    "t.furaffinity.net",
    "a.furaffinity.net",
    "d.facdn.net",
    "t.facdn.net",
    "a.facdn.net",
];

fn identify(address: &Address) -> Option<Identified> {
    if address.is_on_any(FILE_HOSTS) {
        return Some(image(address));
    }
    if !address.is_on_any(HOSTS) {
        return None;
    }
    let other = || Identified::other(SITE.name, address);
    Some(match address.segments().as_slice() {
        ["view" | "full", id, ..] => match number(id) {
            Some(id) => Identified::new(SITE.name, Kind::Artwork, format!("{HOME}view/{id}/")).id(id),
            None => other(),
        },
        ["user" | "gallery" | "scraps" | "favorites" | "journals" | "stats" | "commissions", user, ..] => {
            member(user).unwrap_or_else(other)
        }
        _ => other(),
    })
}

/// A member by the name that stands in addresses: in lower case, without the `_` that the name as shown may
/// have.
fn member(part: &str) -> Option<Identified> {
    let user = decode(part).to_ascii_lowercase().replace('_', "");
    let usable = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '~' | '`' | '^' | '[' | ']' | '-');
    if user.is_empty() || user.len() > 64 || !user.chars().all(usable) || user.chars().all(|c| c == '.') {
        return None;
    }
    let url = Url::parse(&format!("{HOME}user/{user}/")).ok()?;
    Some(Identified::new(SITE.name, Kind::Profile, url).id(user))
}

/// An image file; its address names the member, or the work:
/// https://t.furaffinity.net/46821705@800-1650222955.jpg.
fn image(address: &Address) -> Identified {
    let image = Identified::image(SITE.name, address);
    let parts = address.segments();
    let of_member = match parts.as_slice() {
        ["art", user, _, ..] | ["download", "art", user, _, ..] => member(user),
        // https://a.furaffinity.net/1550854991/iwbitu.gif
        [_, icon] if address.is_on("a.furaffinity.net") => member(icon.strip_suffix(".gif").unwrap_or(icon)),
        _ => None,
    };
    let work = parts.first().and_then(|file| number(file.split_once('@')?.0));
    match (of_member, work) {
        (Some(member), _) => image.artist(member.address()),
        (None, Some(work)) => image.id(work),
        (None, None) => image,
    }
}

fn artwork(page: &Identified, web: &Web) -> Result<Artwork, SiteError> {
    let response = web.send(web.request_as_browser(page.address(), SITE.name)?)?;
    let html = response.text();
    parse_view(&html, page.address()).map_err(|error| with_cookie(error, web))
}

/// A login that is asked for although its cookies were sent: it was refused, or its account does not show
/// such works.
fn with_cookie(error: SiteError, web: &Web) -> SiteError {
    match error {
        SiteError::LoginNeeded { url, .. } if web.cookie(SITE.name).is_some() => SiteError::LoginNeeded {
            url,
            why:
                "the cookies a and b that are set do not open it: renew them, and let the account's settings \
                  show mature and adult works"
                    .to_owned(),
        },
        error => error,
    }
}

/// What is read of a page that lacks everything, in bytes. Those of the site have less than a tenth.
const MAX_APOLOGY_BYTES: usize = 512 << 10;

/// Pages that are gone or hidden come with status 200, lack everything, and say so in words.
fn explain(page: &str, url: &str, missing: Missing) -> SiteError {
    let url = url.to_owned();
    // This is the page's second reading, and an apology is short.
    let page = &page[..page.floor_char_boundary(MAX_APOLOGY_BYTES)];
    let [titles, bodies, messages] = html::select(
        page,
        ["title", "body", ".section-body, .notice-message, .redirect-message, .link-override"],
    );
    let title = titles.first().map(|title| title.text.to_lowercase()).unwrap_or_default();
    let message = messages.iter().map(|part| part.text.to_lowercase()).collect::<Vec<_>>().join("\n");
    let says =
        |phrases: &[&str]| phrases.iter().any(|phrase| message.contains(phrase) || title.contains(phrase));
    if says(MEMBERS_ONLY) {
        return SiteError::LoginNeeded { url, why: "set the cookies a and b".to_owned() };
    }
    if says(GONE) {
        return SiteError::Gone { url };
    }
    if says(CHALLENGE) {
        return SiteError::Blocked { url, status: 200 };
    }
    if title.contains("temporarily offline") || title.contains("system error") {
        return SiteError::Unavailable { url, status: 503 };
    }
    let is_classic =
        bodies.iter().any(|body| body.attr("data-static-path").is_some_and(|path| path.contains("classic")));
    // A message of a new kind is told to whoever mends this.
    let said: String = message.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(200).collect();
    let missing = missing.0;
    Missing::new(match (is_classic, title.contains("system message") && !said.is_empty()) {
        (true, _) => {
            format!("{missing} in the classic theme (choose \"Modern\" in the account's settings): it")
        }
        (false, true) => format!("{missing} (the page says: {said})"),
        (false, false) => missing,
    })
    .on(url)
}

const MEMBERS_ONLY: &[&str] = &[
    "registered users only",
    "mature or adult content",
    "you must log in",
    "please log in",
    "login required",
    "log in and enable",
];
const GONE: &[&str] = &[
    "not in our database",
    "cannot be found",
    "could not be found",
    "user not found",
    "deactivated by the owner",
    "pending deletion",
    "access has been disabled to the account",
    "voluntarily disabled access",
];
const CHALLENGE: &[&str] =
    &["checking your browser", "enable javascript and cookies to continue", "just a moment"];

fn parse_view(page: &str, url: &str) -> Result<Artwork, SiteError> {
    let base = Url::parse(HOME).expect("a constant URL");
    let [works, buttons, files, shown, artists, facts, texts, links, posted] = html::select(
        page,
        [
            WORK,
            BUTTONS,
            FILES,
            SHOWN,
            ARTIST,
            FACTS,
            DESCRIPTION,
            ".submission-description-text a[href], div.submission-description a[href]",
            POSTED,
        ],
    );
    let changed = |what: &str| explain(page, url, Missing::new(what));
    let download = files.iter().find(|file| file.text.trim() == "Download").or(buttons.first());
    let download = download.and_then(|file| absolute(file.attr("href")?, &base));
    let shown = shown.first();
    let pictures =
        shown.map(|shown| ["data-fullview-src", "src", "data-preview-src"].map(|name| shown.attr(name)));
    let mut addresses: Vec<String> = Vec::new();
    addresses.extend(download.clone().filter(|url| is_picture(url)));
    let pictures = pictures.into_iter().flatten().flatten().filter_map(|source| absolute(source, &base));
    addresses.extend(pictures.filter(|url| is_picture(url)));
    let file = download.iter().chain(&addresses).find_map(|url| FileName::of(url));

    let artist = artists.first().and_then(|artist| absolute(artist.attr("href")?, &base));
    let named = facts.first().and_then(|facts| facts.attr("data-artist-name")).map(str::to_owned);
    // The file's own address names the artist where the page does not: in the classic theme.
    let named = named.or_else(|| file.as_ref().map(|file| file.user.clone()));
    let artist = artist
        .or_else(|| Some(format!("{HOME}user/{}/", encode(&named?.to_lowercase()))))
        .ok_or_else(|| changed(ARTIST))?;

    let kind = works.first().and_then(|work| work.attr("class")).unwrap_or_default();
    let named = |other: &&str| kind.contains(&format!("content-type-{other}"));
    let other = ["text", "music", "flash"].into_iter().find(named).or_else(|| {
        // Its file is no picture, though one was made for it.
        download.as_ref().filter(|file| !is_picture(file)).map(|_| "another kind: a text, music or a film")
    });
    let images = match other {
        Some(other) => {
            Err(SiteError::NoPicture { url: url.to_owned(), why: format!("it is a work of {other}") })
        }
        None => {
            let mut images = Images::default();
            addresses.into_iter().for_each(|address| images.add(ImageSource::plain(address)));
            Ok(images.or_else(|| changed(SHOWN))?)
        }
    };
    let time = posted.iter().find_map(|date| date.attr("data-time")?.parse::<i64>().ok());
    let time = time.or_else(|| file.map(|file| file.first_upload));
    let mut leads = vec![Lead::new(artist, Place::Artist)];
    let links =
        links.iter().filter_map(|link| absolute(link.attr("href")?, &base)).filter(|url| is_outside(url));
    let mut read = Texts::default();
    let named = texts.iter().flat_map(|text| links_in_text(read.take(&text.text)));
    leads.extend(links.chain(named).map(|url| Lead::new(url, Place::WorkText)));
    Ok(Artwork {
        images,
        published: time.map(Timestamp::from_secs),
        leads,
        problems: Vec::new(),
        picture_problem: None,
    })
}

/// What a file's address says: `/art/{user}/{time}/{time of the first upload}.{user}_{name}`, where a file
/// that was replaced has two times.
struct FileName {
    user: String,
    first_upload: i64,
}

impl FileName {
    fn of(url: &str) -> Option<FileName> {
        let url = Url::parse(url).ok()?;
        let mut parts = url.path_segments()?.skip_while(|part| *part != "art").skip(1);
        let user = parts.next()?.to_owned();
        let rest: Vec<&str> = parts.collect();
        let folder = rest.iter().find_map(|part| part.parse::<i64>().ok())?;
        let first = rest.last()?.split('.').next()?.parse().unwrap_or(folder);
        Some(FileName { user, first_upload: first.min(folder) })
    }
}

/// Music, stories and the like have a picture that was made for them: none to search with.
fn is_picture(url: &str) -> bool {
    let other = ["/music/", "/stories/", "/poetry/", "/flash/", ".thumbnail."];
    let path = url.split(['?', '#']).next().unwrap_or(url).to_ascii_lowercase();
    let ending = path.rsplit('.').next().unwrap_or_default();
    !other.iter().any(|part| path.contains(part)) && ["png", "jpg", "jpeg", "gif", "webp"].contains(&ending)
}

/// Links within the site are other members.
fn is_outside(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| !url.host_str().is_some_and(|host| host.ends_with("furaffinity.net")))
}

fn profile(page: &Identified, web: &Web) -> Result<Vec<Lead>, SiteError> {
    let response = web.send(web.request_as_browser(page.address(), SITE.name)?)?;
    let html = response.text();
    parse_profile(&html).map_err(|missing| with_cookie(explain(&html, page.address(), missing), web))
}

/// A profile without contacts lacks their element; only one without any mark of a profile is a changed page.
fn parse_profile(page: &str) -> Result<Vec<Lead>, Missing> {
    let base = Url::parse(HOME).expect("a constant URL");
    let [marks, items, contacts, labels, anchors, texts, links] = html::select(
        page,
        [PROFILE, CONTACT_ITEM, CONTACT, CONTACT_LABEL, CONTACT_LINK, PROFILE_TEXT, PROFILE_LINK],
    );
    if marks.is_empty() && contacts.is_empty() {
        return Err(Missing::new(PROFILE));
    }
    if contacts.is_empty() && !items.is_empty() {
        return Err(Missing::new(CONTACT));
    }
    if labels.is_empty() && !contacts.is_empty() {
        return Err(Missing::new(CONTACT_LABEL));
    }
    // Everybody has one, be it empty. (The page that lacks even the marks of a profile is an apology.)
    if texts.is_empty() {
        return Err(Missing::new(PROFILE_TEXT));
    }
    let mut leads = Vec::new();
    for (index, contact) in contacts.iter().enumerate() {
        let end = contacts.get(index + 1).map_or(u32::MAX, |next| next.order);
        let within = |element: &&html::Element| (contact.order..end).contains(&element.order);
        let label = labels.iter().find(within).map(|label| label.text.trim()).unwrap_or_default();
        let link = anchors.iter().find(within);
        let value = match link {
            Some(link) => link.text.trim(),
            None => contact.text.trim().strip_prefix(label).unwrap_or_default().trim(),
        };
        let href = link.and_then(|link| absolute(link.attr("href")?, &base));
        leads.extend(contact_url(label, value, href).map(|url| Lead::new(url, Place::ProfileField)));
    }
    let links =
        links.iter().filter_map(|link| absolute(link.attr("href")?, &base)).filter(|url| is_outside(url));
    let mut read = Texts::default();
    let named = texts.iter().flat_map(|text| links_in_text(read.take(&text.text)));
    leads.extend(links.chain(named).map(|url| Lead::new(url, Place::ProfileText)));
    Ok(leads)
}

/// Where a contact leads. The site makes `href` of a prefix and of whatever the artist typed, which may be a
/// whole URL or `@name`, and sometimes `javascript:`; so label and text are believed first.
fn contact_url(label: &str, value: &str, href: Option<String>) -> Option<String> {
    contacts::typed_url(label, value).or(href)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check_identify, none};
    use super::*;

    const VIEW: &str = "https://www.furaffinity.net/view/1234567/";

    fn fixture(name: &str) -> String {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/sites/furaffinity/");
        std::fs::read_to_string(format!("{folder}{name}")).unwrap()
    }

    /// A page that lacks everything is read twice; the second reading is bounded.
    #[test]
    fn an_apology_stands_at_the_beginning() {
        let outcome = |bytes: usize| {
            let page = format!(
                "{}<div class=section-body>not in our database</div>",
                "<br>".repeat(bytes / "<br>".len())
            );
            explain(&page, VIEW, Missing::new(PROFILE)).outcome()
        };
        assert_eq!(outcome(MAX_APOLOGY_BYTES - 100), "gone");
        assert_eq!(outcome(MAX_APOLOGY_BYTES), "layout_changed");
    }

    #[test]
    fn recognises_its_pages() {
        let work = "https://www.furaffinity.net/view/12/";
        check_identify("http://furaffinity.net/full/12", Kind::Artwork, "12", work);
        check_identify("https://fxfuraffinity.net/view/12/#cid:1", Kind::Artwork, "12", work);
        check_identify("https://vxfuraffinity.net/view/12/", Kind::Artwork, "12", work);
        check_identify("https://sfw.furaffinity.net/view/12", Kind::Artwork, "12", work);
        let user = "https://www.furaffinity.net/user/ann-b/";
        check_identify("https://www.furaffinity.net/gallery/Ann-B/2/", Kind::Profile, "ann-b", user);
        check_identify("https://www.furaffinity.net/journals/ann-b", Kind::Profile, "ann-b", user);
        none("https://d.furaffinity.net/art/ann/1/1.ann_x.png", Kind::Image);
    }

    #[track_caller]
    fn check_view(page: &str, images: &[&str], published: i64, leads: &[(&str, Place)]) {
        let artwork = parse_view(page, VIEW).unwrap();
        let found: Vec<_> = artwork.images.unwrap().into_iter().map(|image| image.url).collect();
        assert_eq!(found, images);
        assert_eq!(artwork.published, Some(Timestamp::from_secs(published)));
        let expected: Vec<_> = leads.iter().map(|(url, place)| Lead::new(*url, *place)).collect();
        assert_eq!(artwork.leads, expected);
    }

    #[test]
    fn reads_the_layout_of_2026() {
        check_view(
            &fixture("view_2026_made.html"),
            &[
                "https://d.furaffinity.net/art/ann/1700000000/1700000000.ann_fox.png",
                "https://t.furaffinity.net/1234567@600-1700000000.jpg",
            ],
            1_700_000_000,
            &[
                ("https://www.furaffinity.net/user/ann/", Place::Artist),
                ("https://ko-fi.com/ann", Place::WorkText),
                ("https://x.com/ann", Place::WorkText),
            ],
        );
    }

    #[test]
    fn reads_the_layout_before_it() {
        check_view(
            &fixture("view_2025.html"),
            &[
                "https://d.furaffinity.net/art/exampleartist/1589320262/1589320262.exampleartist_examplework.png",
                "https://t.furaffinity.net/36328438@600-1589320262.jpg",
            ],
            1_589_320_262,
            &[
                ("https://www.furaffinity.net/user/exampleartist/", Place::Artist),
                ("https://twitter.com/exampleartist_x/", Place::WorkText),
                ("https://www.patreon.com/exampleartist", Place::WorkText),
                ("https://twitter.com/ExampleArtist", Place::WorkText),
                ("https://www.patreon.com/exampleartist", Place::WorkText),
                ("https://exampleartist.example/", Place::WorkText),
                ("https://www.etsy.com/shop/ExampleArtist", Place::WorkText),
            ],
        );
    }

    #[test]
    fn reads_the_classic_theme_by_its_file() {
        // Made by us: what the theme has in common with the others.
        let page = r#"<body data-static-path="/themes/classic"><img id="submissionImg" src="//d.furaffinity.net/art/ann/1562445328/1500000000.ann_x.jpg">
            <b><a href="//d.furaffinity.net/art/ann/1562445328/1500000000.ann_x.jpg">Download</a></b>"#;
        let file = "https://d.furaffinity.net/art/ann/1562445328/1500000000.ann_x.jpg";
        check_view(page, &[file], 1_500_000_000, &[("https://www.furaffinity.net/user/ann/", Place::Artist)]);
    }

    #[test]
    fn stories_and_music_have_no_picture() {
        let page = fixture("view_2026_made.html").replace("content-type-image", "content-type-music");
        let artwork = parse_view(&page, VIEW).unwrap();
        assert_eq!(artwork.images.unwrap_err().outcome(), "no_picture");
        // A page that does not say what it is has a file that does.
        let file = "//d.furaffinity.net/art/ann/1700000000/1700000000.ann_fox.png\">Download";
        let music =
            "//d.furaffinity.net/download/art/ann/music/1700000000/1700000000.ann_song.mp3\">Download";
        let page = fixture("view_2026_made.html");
        assert!(page.contains(file));
        let artwork = parse_view(&page.replace(file, music).replace("content-type-image", ""), VIEW).unwrap();
        assert_eq!(artwork.images.unwrap_err().outcome(), "no_picture");
        assert_eq!(artwork.leads[0].url, "https://www.furaffinity.net/user/ann/");
    }

    #[test]
    fn reads_contacts_by_label_and_text() {
        let field = |url: &str| Lead::new(url, Place::ProfileField);
        let text = |url: &str| Lead::new(url, Place::ProfileText);
        assert_eq!(
            parse_profile(&fixture("user_2026_made.html")).unwrap(),
            [
                field("https://twitter.com/ann_art"),
                field("https://bsky.app/profile/ann.bsky.social"),
                text("https://linktr.ee/ann")
            ]
        );
        assert_eq!(parse_profile("<div class=userpage-profile>hi</div>"), Ok(vec![]));
        assert_eq!(parse_profile("<p>").unwrap_err().0, PROFILE);
        let page = fixture("user_2026_made.html");
        let without = |class: &str| parse_profile(&page.replace(class, "renamed")).unwrap_err().0;
        assert_eq!(without("user-contact-user-info"), CONTACT);
        assert_eq!(without("userpage-profile"), PROFILE_TEXT);
        assert_eq!(parse_profile(&page.replace("strong", "b")).unwrap_err().0, CONTACT_LABEL);
    }

    #[test]
    fn contacts_are_what_the_artist_typed() {
        let check = |label, value, href: Option<&str>, expect: Option<&str>| {
            assert_eq!(
                contact_url(label, value, href.map(str::to_owned)).as_deref(),
                expect,
                "{label} {value}"
            );
        };
        let mangled = Some("https://www.twitter.com/https://x.com/ann_fa");
        check("Twitter", "https://x.com/ann_fa", mangled, Some("https://x.com/ann_fa"));
        check(
            "Twitter",
            "@ann_fa",
            Some("https://www.twitter.com/@ann_fa"),
            Some("https://twitter.com/ann_fa"),
        );
        check("Twitter", "x.com/ann_fa", None, Some("https://x.com/ann_fa"));
        check("X", "ann_fa", None, Some("https://twitter.com/ann_fa"));
        check("Twitter", "Ann-of-FA", Some("https://x.com/ann_fa"), Some("https://x.com/ann_fa"));
        check("Bluesky", "ann", None, Some("https://bsky.app/profile/ann.bsky.social"));
        check("Pixiv", "12", None, Some("https://www.pixiv.net/users/12"));
        check("Twitter:", " @ann_fa ", None, Some("https://twitter.com/ann_fa"));
        check("Ko-fi", "ann", None, Some("https://ko-fi.com/ann"));
        check("Website", "ann.carrd.co", None, Some("https://ann.carrd.co"));
        check("Website", "my page", Some("https://ann.example/"), Some("https://ann.example/"));
        check("Discord", "ann#1", None, None);
    }

    #[test]
    fn messages_are_told_apart() {
        let check = |page: &str, outcome: &str| {
            assert_eq!(parse_view(page, VIEW).unwrap_err().outcome(), outcome, "{page}");
            assert_eq!(explain(page, VIEW, Missing::new(PROFILE)).outcome(), outcome, "{page}");
        };
        check(&fixture("not_in_database.html"), "gone");
        let message = |text: &str| {
            format!(
                "<title>System Message</title><section class=notice-message><h2>System Message</h2><div class=redirect-message>{text}</div></section>"
            )
        };
        check(
            &message("The owner of this page has elected to make it available to registered users only."),
            "login_needed",
        );
        check(
            &message(
                "This submission contains Mature or Adult content. To view this submission you must log in and enable it.",
            ),
            "login_needed",
        );
        check(&message("User ann has voluntarily disabled access to their account."), "gone");
        check("<title>System Error</title><div class=section-body>Something broke.</div>", "unavailable");
        check("<title>Fur Affinity is temporarily offline</title>", "unavailable");
        check("<title>A fox</title><a>Log In</a><footer>1,000 registered users</footer>", "layout_changed");
    }
}

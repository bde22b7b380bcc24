//! The page as it is rendered, without a server.

use super::render::{Page, Shown, Subject};
use super::*;
use crate::api::answers::Answer;
use crate::api::credit::credit_of;
use crate::api::samples::{sample_artist, sample_view, sample_view_at};
use crate::base::Timestamp;
use crate::config::Settings;
use crate::domain::credit::Template;
use crate::domain::images::{FoundPage, MatchClass};
use crate::front::http::assets::escape;
use crate::front::http::peer::Peer;
use crate::front::http::texts::Texts;
use crate::proto::view::{QueryStatus, QueryView};

struct Setting {
    settings: Settings,
    texts: Texts,
    caller: Caller,
}

impl Setting {
    fn new() -> Setting {
        let settings = Settings::default();
        let peer = Peer { ip: "127.0.0.1".parse().unwrap(), is_local_socket: false };
        let headers = HeaderMap::new();
        let caller =
            Caller::identify(peer, (&Method::GET, &headers), &settings.http, &settings.limits, &[]).unwrap();
        Setting { settings, texts: Texts::embedded(), caller }
    }

    fn page(&self, language: Language, subject: Subject) -> Page<'_> {
        Page {
            texts: &self.texts,
            language,
            subject,
            is_posted: false,
            networks: Networks::default(),
            by_image: self.caller.advanced,
            own_credits: [None; 3],
            help: Help {
                has_correctors: true,
                page: &self.settings.page,
                limits: &self.settings.limits,
                caller: &self.caller,
                origin: "http://a".to_owned(),
            },
        }
    }
}

fn shown(view: &QueryView) -> Shown {
    Shown::Answer { answer: Box::new(Answer::from(view)), view: Some(Box::new(view.clone())) }
}

fn about(url: &str) -> Subject {
    Subject { url: Some(url.to_owned()), ..Subject::default() }
}

/// The texts of all `attribute="…"` in the HTML.
fn attributes<'a>(html: &'a str, attribute: &str) -> Vec<&'a str> {
    let begin = format!(" {attribute}=\"");
    html.split(&begin).skip(1).filter_map(|rest| Some(rest.split_once('"')?.0)).collect()
}

#[test]
fn every_text_that_is_asked_for_is_there() {
    let setting = Setting::new();
    let mut refused = sample_view();
    refused.error = Some(FailureCode::NoTwitterAccountFound);
    refused.error_detail = "whatever".to_owned();
    let states = [
        Shown::Nothing,
        Shown::Ready,
        shown(&sample_view()),
        shown(&sample_view_at(QueryStatus::IndexAccounts, 1)),
        shown(&refused),
        Shown::Failed(HttpError::Busy),
    ];
    for language in Language::ALL {
        for state in &states {
            let subject = Subject { pictures: true, ..about("https://x.com/a/status/1") };
            let html = setting.page(language, subject).render("x", state, None);
            assert!(!html.contains("{{") && !html.contains("}}"), "{html}");
            // A key is shown where there is no text for it.
            for key in ["class.", "error.", "step.", "network.", "evidence.", "help.", "images.", "open."] {
                let text = html.split('>').find(|rest| rest.starts_with(key));
                assert_eq!(text, None, "{language:?}");
            }
        }
    }
}

#[test]
fn what_strangers_wrote_is_escaped() {
    let setting = Setting::new();
    let mut view = sample_view();
    view.accounts[0].handle = "<script>alert(1)</script>".to_owned();
    view.accounts[0].chain = vec!["\"><img src=x>".to_owned(), "javascript:alert(1)".to_owned()];
    view.results[0].handle = Some("\"onclick='x'".to_owned());
    view.results[0].image_name = "https://a.example/\"><img src=x>".to_owned();
    view.image_url = Some("https://a.example/\"onerror='x'".to_owned());
    let class = MatchClass::Identical;
    view.artwork_pages = ["javascript:alert(1)", "https://a.example/\"><script>"]
        .map(|url| FoundPage { url: url.to_owned(), distance: 0, class, answered_at: Timestamp(0) })
        .to_vec();
    let subject =
        Subject { pictures: true, networks: Some("\"><script>".to_owned()), ..about("\"><script>") };
    let html = setting.page(Language::English, subject).render("\"><script>", &shown(&view), None);
    for bad in ["<script>", "<img src=x", "\"onclick", "\"onerror", "href=\"javascript:alert"] {
        assert!(!html.contains(bad), "{bad}");
    }
    assert!(html.contains("value=\"&quot;&gt;&lt;script&gt;\""));
}

#[test]
fn a_running_query_is_followed_and_loads_itself_again_without_javascript() {
    let setting = Setting::new();
    let page = setting.page(Language::French, about("https://a.example/1"));
    let ended = page.render("u", &shown(&sample_view()), None);
    assert!(!ended.contains("http-equiv") && !ended.contains("data-events"));
    let running = page.render("u", &shown(&sample_view_at(QueryStatus::IndexAccounts, 1)), None);
    assert!(running.contains("<noscript><meta http-equiv=\"refresh\""));
    let events = attributes(&running, "data-events");
    assert_eq!(events, ["/page/events?lang=fr&amp;url=https%3A%2F%2Fa.example%2F1"]);
    assert!(running.contains("100 publications avec images indexées sur 412"), "{running}");
    assert!(running.contains("(9\u{202f}000 publications en tout), encore au moins 3 min 22 s"), "{running}");
    assert!(running.contains("<title>Indexer leurs publications · "));
}

#[test]
fn where_waiting_helps_the_page_tries_again_with_all_that_was_asked() {
    let setting = Setting::new();
    let page = setting.page(Language::French, about("https://a.example/1"));
    let render = |page: &Page<'_>, state: &Shown| page.render("u", state, None);
    let retry = |html: &str| attributes(html, "data-retry-secs").first().map(|secs| (*secs).to_owned());
    let full = Shown::of(&FailureCode::YourIpHasMaxProcessingRequests.into());
    let refused = render(&page, &full);
    assert_eq!(retry(&refused).as_deref(), Some("20"));
    let counted = "réessaie d&apos;elle-même dans <span role=\"timer\">20 s</span>.";
    assert!(refused.contains(counted), "{refused}");
    let budget = render(&page, &Shown::of(&FailureCode::ApiBudgetExhausted.into()));
    assert!(budget.contains("<span role=\"timer\">11 min</span>"), "{budget}");
    // The whole accounts, on these networks.
    let networks = Some("bluesky".to_owned());
    let subject = Subject { wanted: Wanted::PostsInAll, networks, ..about("https://a.example/1") };
    let (_, form) = render(&setting.page(Language::French, subject), &full)
        .split_once("id=\"again\"")
        .map(|(before, after)| (before.to_owned(), after.split("</form>").next().unwrap().to_owned()))
        .unwrap();
    let fields: Vec<_> = attributes(&form, "name").into_iter().zip(attributes(&form, "value")).collect();
    assert_eq!(
        fields,
        [("url", "https://a.example/1"), ("lang", "fr"), ("networks", "bluesky"), ("whole", "1")]
    );
    // Without JavaScript, an address is loaded again; what a form was answered with has none.
    let busy = Shown::Failed(HttpError::Busy);
    assert!(render(&page, &busy).contains("http-equiv=\"refresh\" content=\"5\""));
    let posted = Page { is_posted: true, ..setting.page(Language::French, about("https://a.example/1")) };
    assert!(!render(&posted, &busy).contains("http-equiv"), "it has no address to load again");
    // Where waiting does not help, or an image is gone that was sent, nothing is tried again.
    let unsupported = render(&page, &Shown::of(&FailureCode::UnsupportedWebsite.into()));
    let image = render(&setting.page(Language::French, Subject::default()), &full);
    for html in [unsupported, image] {
        assert!(retry(&html).is_none() && !html.contains("id=\"again\""), "{html}");
    }
    let search = Subject { search: Some("abc".to_owned()), ..Subject::default() };
    let search = render(&setting.page(Language::French, search), &busy);
    assert!(retry(&search).is_some() && search.contains("name=\"search\" value=\"abc\""), "{search}");
}

#[test]
fn links_and_buttons_have_names_of_their_own() {
    let setting = Setting::new();
    let mut view = sample_view();
    let template = view.results[0].clone();
    view.results = (0..30)
        .map(|n| crate::proto::view::ResultView {
            post: crate::base::ids::PostKey::new(crate::base::ids::Network::Twitter, n.to_string()),
            class: MatchClass::ALL[n % 4],
            ..template.clone()
        })
        .collect();
    let page = setting.page(Language::English, about("https://a.example/1"));
    let html = page.render("u", &shown(&view), None);
    // What a screen reader says of each link, button and summary: its content without the tags.
    let mut names: Vec<String> = Vec::new();
    for tag in ["<a ", "<button ", "<summary"] {
        for part in html.split(tag).skip(1) {
            let close = format!("</{}>", tag.trim_start_matches('<').trim());
            let content = part.split_once('>').unwrap().1.split(&close).next().unwrap();
            let bare: String = content
                .split('<')
                .map(|piece| piece.split_once('>').map_or(piece, |(_, text)| text))
                .collect();
            names.push(format!("{tag}{bare}"));
        }
    }
    let opened = names.iter().filter(|name| name.contains("Open the post")).count();
    assert_eq!(opened, 32);
    let all = names.len();
    names.sort();
    let doubles: Vec<&String> = names.windows(2).filter(|two| two[0] == two[1]).map(|two| &two[0]).collect();
    assert_eq!(doubles, Vec::<&String>::new(), "of {all}");
    assert_eq!(html.matches("<h1").count(), 1);
    assert!(html.contains("2 more<span class=\"visually-hidden\"> (identical)"), "8 of a class");
    let mut ids = attributes(&html, "id");
    ids.sort_unstable();
    let twice: Vec<_> = ids.windows(2).filter(|two| two[0] == two[1]).collect();
    assert!(twice.is_empty(), "{twice:?}");
}

#[test]
fn a_shared_part_is_outlined_in_both_pictures_and_said_in_words() {
    let setting = Setting::new();
    let subject = |pictures| Subject { pictures, ..about("https://a.example/1") };
    let html = |view: &QueryView, pictures| {
        setting.page(Language::English, subject(pictures)).render("u", &shown(view), None)
    };
    let view = sample_view();
    let (outlines, words) = (
        ["50.0,0.0 100.0,0.0 100.0,100.0 50.0,100.0", "25.0,12.5 75.0,12.5 75.0,87.5 25.0,87.5"],
        "The outlined part is 50% of the artwork and 38% of the posted picture; 42 details agree.",
    );
    let with_pictures = html(&view, true);
    let pair = with_pictures.split("class=\"pair parts\"").nth(1).unwrap().split("</div>").next().unwrap();
    assert_eq!(pair.matches("<img src=").count(), 2);
    assert_eq!(attributes(pair, "points"), outlines);
    assert!(with_pictures.contains(words) && !with_pictures.contains(" style="), "{with_pictures}");
    let incomplete = "Crops and screenshots were not looked for among 12 images whose details are not known.";
    assert!(with_pictures.contains(incomplete));
    // To be compared at full size they are outlined as well, once they are asked for.
    let without = html(&view, false);
    assert!(!without.contains("pair parts") && without.contains(words));
    assert_eq!(attributes(&without, "points"), outlines);
    // A public server shows no posted picture, and says where the part is all the same.
    let public = html(&crate::front::http::handed_on::view(view), true);
    assert_eq!(attributes(&public, "points"), outlines[..1]);
    assert!(public.contains(words));
}

#[test]
fn an_address_that_is_no_artwork_is_told_what_to_do_with() {
    let setting = Setting::new();
    let refused = Shown::of(&FailureCode::UnsupportedWebsite.into());
    let check = |url: &str, expect: &str| {
        let html = setting.page(Language::English, about(url)).render(url, &refused, None);
        assert!(html.contains(expect), "{url}: {html}");
    };
    check("https://x.com/jane/status/12", "This is the address of a post already");
    check("https://x.com/jane", "This is the address of an account");
    check("https://pbs.twimg.com/media/a.jpg", "This is the address of an image file");
    check("https://pbs.twimg.com/media/a.jpg", "name=\"url\" value=\"https://pbs.twimg.com/media/a.jpg\"");
    let page = setting.page(Language::English, about("https://a.example/1"));
    let html = page.render("u", &Shown::of(&FailureCode::NoTwitterAccountFound.into()), None);
    assert!(
        html.contains("no account of the artist was found on X, Bluesky, the Fediverse or Misskey"),
        "{html}"
    );
}

#[test]
fn whose_server_it_is_stands_on_the_page_and_nothing_is_made_up() {
    let mut setting = Setting::new();
    let html = setting.page(Language::English, Subject::default()).render("", &Shown::Nothing, None);
    assert!(html.contains("gives you the source code on request") && html.contains("by Sailoriae"));
    assert!(!html.contains("noindex"));
    setting.settings.page.source_url = Some("https://git.example/aotf?a=1&b=2".to_owned());
    setting.settings.page.opt_out_url = Some("https://a.example/out".to_owned());
    setting.settings.page.contact_url = Some("mailto:me@a.example".to_owned());
    let html = setting.page(Language::English, Subject::default()).render("", &Shown::Nothing, None);
    for link in ["https://git.example/aotf?a=1&amp;b=2", "https://a.example/out", "mailto:me@a.example"] {
        assert!(html.contains(&format!("href=\"{link}\"")), "{link}");
    }
}

#[test]
fn the_credit_can_be_copied_in_each_markup() {
    let setting = Setting::new();
    let html = |view: &QueryView, language| {
        let page = setting.page(language, about("https://a.example/1"));
        page.parts(&shown(view)).html
    };
    let english = html(&sample_view(), Language::English);
    for markup in Markup::ALL {
        let credit = credit_of(&Answer::from(&sample_view()), Some("https://a.example/1"));
        let text = escape(&Template::built_in(markup, "en").fill(&credit, markup));
        assert!(english.contains(&format!(" readonly>\n{text}</textarea>")), "{markup}: {english}");
        assert!(english.contains(&format!("data-copy=\"{text}\"")), "{markup}");
    }
    assert!(html(&sample_view(), Language::French).contains("<summary>Créditer l"));
    assert!(
        !html(&sample_view_at(QueryStatus::IndexAccounts, 1), Language::English).contains("id=\"credit\"")
    );
}

#[test]
fn an_artist_is_shown_with_reasons_and_without_posts() {
    let setting = Setting::new();
    let url = "https://a.example/art/1";
    let artist = Subject { wanted: Wanted::Artist, ..about(url) };
    let nobody = QueryView {
        accounts: vec![],
        others: vec![],
        error: Some(FailureCode::NoTwitterAccountFound),
        ..sample_artist()
    };
    let begun = QueryView { status: QueryStatus::LinkFinder, ..sample_artist() };
    for language in Language::ALL {
        for state in [Shown::Ready, shown(&sample_artist()), shown(&begun), shown(&nobody)] {
            let html = setting.page(language, artist.clone()).render("x", &state, None);
            for key in ["artist.", "state.", "others.", "left_out.", "evidence.", "step.", "error."] {
                let text =
                    html.split('>').find(|rest| rest.starts_with(key) || rest.contains(&format!(" · {key}")));
                assert_eq!(text, None, "{language:?}");
            }
        }
    }
    let page = setting.page(Language::English, artist.clone());
    let html = page.render("x", &shown(&sample_artist()), None);
    assert!(html.contains("<title>The artist: 5 accounts · "), "{html}");
    for part in [
        "named in the artist&apos;s profile",
        "<bdi>@private<wbr>.example</bdi>",
        "· private · linked from the artist&apos;s profile",
        "· was not looked up (resolve=0)",
        "Left out: 6 accounts",
        "· the site&apos;s own account",
        "Looking the accounts up was billed $0.01.",
        "id=\"credit\"",
    ] {
        assert!(html.contains(part), "{part}: {html}");
    }
    assert!(!html.contains("id=\"found\"") && !html.contains("Index their posts"), "{html}");
    // The way on to the posts, and from any address to the artist.
    let form = html.split("id=\"posts\"").nth(1).unwrap().split("</form>").next().unwrap();
    assert_eq!(attributes(form, "name"), ["url", "lang"]);
    assert!(
        html.contains("type=\"submit\" name=\"artist\" value=\"1\">Who is the artist?</button>"),
        "{html}"
    );
    assert!(
        attributes(&html, "href")
            .contains(&"/?lang=fr&amp;artist=1&amp;url=https%3A%2F%2Fa.example%2Fart%2F1")
    );
    let running = page.render("x", &shown(&begun), None);
    assert_eq!(
        attributes(&running, "data-events"),
        ["/page/events?lang=en&amp;artist=1&amp;url=https%3A%2F%2Fa.example%2Fart%2F1"]
    );
}

#[test]
fn accounts_stand_on_the_page_also_where_no_post_is_found() {
    let setting = Setting::new();
    let mut view = QueryView {
        error: Some(FailureCode::NoValidTwitterAccountFound),
        others: sample_artist().others,
        accounts: vec![],
        ..sample_view()
    };
    view.others[0].candidate.chain = vec!["https://a.example/<script>".to_owned()];
    view.others[1].candidate.account = crate::domain::accounts::AccountRef::Handle {
        network: crate::base::ids::Network::Bluesky,
        handle: "<script>alert(1)</script>".to_owned(),
    };
    let page = setting.page(Language::French, about("https://a.example/art/1"));
    let html = page.render("x", &shown(&view), None);
    assert!(
        html.contains("Comptes qui ne peuvent pas être cherchés") && html.contains("· suspendu ·"),
        "{html}"
    );
    assert!(html.contains("n&apos;a pas été consulté (resolve=0)"), "{html}");
    assert!(!html.contains("<script>alert") && !html.contains("/<script>"), "{html}");
}

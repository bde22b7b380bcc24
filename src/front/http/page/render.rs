//! The page as HTML: the form, what stands below it, the help. The script of the page is sent the same
//! parts (`events.rs`) and puts them in place, so that the page looks the same without JavaScript.

use std::fmt::Write as _;

use axum::http::StatusCode;
use url::form_urlencoded;

use super::markup::{bdi, hidden_field, link};
use super::pasted::{self, NoArtwork};
use crate::api::answers::{Answer, NetworkAccountAnswer};
use crate::api::credit::credit_of;
use crate::base::ids::{Network, Networks};
use crate::config;
use crate::domain::accounts::Evidence;
use crate::domain::credit::Template;
use crate::domain::failure::FailureCode;
use crate::domain::wanted::Wanted;
use crate::front::http::assets::{escape, script_address, style_address, texts_address};
use crate::front::http::caller::Caller;
use crate::front::http::error::HttpError;
use crate::front::http::query::Started;
use crate::front::http::texts::{Language, Texts};
use crate::proto::view::{QueryStatus, QueryView, StatsView};

const PAGE: &str = include_str!("../web/index.html");

/// Without JavaScript, the page of a running query loads itself again after this.
const REFRESH_SECS: u32 = 3;
/// Where waiting helps, the page tries again after this: where a moment passes, where a request of the same
/// visitor has to end, and where a budget is spent (a little longer than the broker keeps an answer that says
/// so).
const RETRY_MOMENT_SECS: u32 = 5;
const RETRY_SECS: u32 = 20;
const RETRY_BUDGET_SECS: u32 = 660;
/// Before this, a speed says nothing (as in the console).
const LEAST_MS: u64 = 2000;
const LEAST_INDEXED: u64 = 10;

/// What the page is about, as its address says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// The artwork's page.
    pub url: Option<String>,
    /// The identifier of a search by image.
    pub search: Option<String>,
    /// The names of the networks that were chosen, as they stand in the address.
    pub networks: Option<String>,
    /// What is wanted of the artwork's page.
    pub wanted: Wanted,
    /// Pictures are shown at once, from the sites that host them.
    pub pictures: bool,
}

impl Subject {
    /// The parameter, or the field of a form, that says what is wanted; posts are wanted without one.
    pub fn wanted_field(&self) -> Option<&'static str> {
        match self.wanted {
            Wanted::Posts => None,
            Wanted::PostsInAll => Some("whole"),
            Wanted::Artist | Wanted::ArtistAsNamed => Some("artist"),
        }
    }

    /// The query string that leads to it.
    pub fn parameters(&self, language: Language) -> String {
        let mut parameters = form_urlencoded::Serializer::new(String::new());
        parameters.append_pair("lang", language.code());
        if self.pictures {
            parameters.append_pair("pictures", "1");
        }
        if let Some(name) = self.wanted_field() {
            parameters.append_pair(name, "1");
        }
        for (name, value) in [("networks", &self.networks), ("search", &self.search), ("url", &self.url)] {
            if let Some(value) = value {
                parameters.append_pair(name, value);
            }
        }
        parameters.finish()
    }
}

/// What there is to show below the form.
pub enum Shown {
    Nothing,
    /// The form is filled, and waits for a person to send it.
    Ready,
    Answer {
        answer: Box<Answer>,
        view: Option<Box<QueryView>>,
    },
    Failed(HttpError),
}

impl Shown {
    /// A refusal, or the state of a query.
    pub fn of(started: &Started) -> Shown {
        let view = match started {
            Started::Accepted(view) => Some(view.clone()),
            Started::Refused { .. } => None,
        };
        Shown::Answer { answer: Box::new(started.answer()), view }
    }

    /// Something is going on that can be followed.
    pub fn is_running(&self) -> bool {
        matches!(self, Shown::Answer { answer, .. } if !answer.is_final())
    }

    fn is_empty(&self) -> bool {
        matches!(self, Shown::Nothing)
    }

    /// The code of what went wrong.
    fn error(&self) -> Option<&str> {
        match self {
            Shown::Answer { answer, .. } => answer.error,
            Shown::Failed(error) => Some(error.code().as_str()),
            Shown::Nothing | Shown::Ready => None,
        }
    }

    /// After how many seconds the same request may be accepted; `None` where waiting does not help.
    pub fn retry_secs(&self) -> Option<u32> {
        match self.error()? {
            "TOO_MANY_REQUESTS" | "BUSY" | "SERVICE_UNAVAILABLE" => Some(RETRY_MOMENT_SECS),
            "YOUR_IP_HAS_MAX_PROCESSING_REQUESTS" => Some(RETRY_SECS),
            "API_BUDGET_EXHAUSTED" => Some(RETRY_BUDGET_SECS),
            _ => None,
        }
    }
}

/// What the help needs to know.
pub struct Help<'a> {
    pub page: &'a config::Page,
    pub limits: &'a config::Limits,
    pub caller: &'a Caller,
    /// How the visitor reached this server: `https://aotf.example.org`.
    pub origin: String,
    /// There are keys whose holders may say what is wrong with answers.
    pub has_correctors: bool,
}

/// The page in one language, for one caller.
pub struct Page<'t> {
    pub texts: &'t Texts,
    pub language: Language,
    pub subject: Subject,
    /// It answers a form.
    pub is_posted: bool,
    /// Those that are searched for this request.
    pub networks: Networks,
    /// The caller may search by image.
    pub by_image: bool,
    /// The operator's own words of the credit in each markup, as `Markup::ALL` has them.
    pub own_credits: [Option<&'t Template>; 3],
    pub help: Help<'t>,
}

/// What is shown below the form, as the script puts it in place.
pub struct Parts {
    /// The state in a few words, for the title and for screen readers.
    pub headline: String,
    pub html: String,
}

impl Page<'_> {
    /// The whole page.
    pub fn render(&self, text: &str, state: &Shown, stats: Option<StatsView>) -> String {
        let Parts { headline, html } = self.parts(state);
        let title = self.text("title");
        // What a form was answered with has no address of its own to be loaded again.
        let may_pass = matches!(state, Shown::Failed(_)) && !self.is_posted;
        let refresh = match state.is_running() {
            true => Some(REFRESH_SECS),
            false => self.retry_secs(state).filter(|_| may_pass),
        };
        let refresh = refresh.map_or_else(String::new, |secs| {
            format!("<noscript><meta http-equiv=\"refresh\" content=\"{secs}\"></noscript>")
        });
        let other = self.language.other();
        let (skip_href, skip) = match state.is_empty() {
            true => ("#url", self.text("skip.form")),
            false => ("#result", self.text("skip.result")),
        };
        fill_places(PAGE, |place| match place {
            "lang" => self.language.code().to_owned(),
            "page_title" if headline.is_empty() => title.clone(),
            "page_title" => format!("{headline} · {title}"),
            // Whoever looks at an answer is not to find the others by a search engine.
            "robots" if state.is_empty() => String::new(),
            "robots" => "<meta name=\"robots\" content=\"noindex, nofollow\">".to_owned(),
            "switch_lang" => other.code().to_owned(),
            "switch_name" => escape(self.texts.get(other, "language")),
            "switch_href" => escape(&format!("/?{}", self.subject.parameters(other))),
            "skip_href" => skip_href.to_owned(),
            "skip" => skip.clone(),
            "url" => escape(text),
            "url_error" if self.is_about_the_field(state) => {
                " aria-invalid=\"true\" aria-describedby=\"error\" autofocus".to_owned()
            }
            "url_error" if state.is_empty() => " autofocus".to_owned(),
            "networks" => self.subject.networks.as_ref().map_or_else(String::new, |networks| {
                format!("<input type=\"hidden\" name=\"networks\" value=\"{}\">", escape(networks))
            }),
            "by_image" => self.image_form(state.is_empty()),
            "style" => style_address(),
            "script" => script_address(),
            "texts" => texts_address(),
            "refresh" => refresh.clone(),
            "result_attributes" => self.result_attributes(state),
            "state" => html.clone(),
            "stats" => stats.map_or_else(String::new, |stats| self.stats(&stats)),
            "about" => self.about(),
            "foot" => self.foot(),
            text => text.strip_prefix("t:").map_or_else(String::new, |key| self.text(key)),
        })
    }

    /// What stands below the form.
    pub fn parts(&self, state: &Shown) -> Parts {
        Parts { headline: self.headline(state), html: self.state(state) }
    }

    pub fn text(&self, key: &str) -> String {
        escape(self.texts.get(self.language, key))
    }

    pub fn filled(&self, key: &str, places: &[(&str, &str)]) -> String {
        escape(&self.texts.fill(self.language, key, places))
    }

    pub fn network(&self, network: Network) -> String {
        self.text(&format!("network.{network}"))
    }

    /// `X, Bluesky or the Fediverse`, unescaped.
    pub fn any_network(&self) -> String {
        self.language.any_of(&self.network_names())
    }

    /// The networks that are searched, as they stand in a sentence.
    pub fn network_names(&self) -> Vec<String> {
        let name = |network| self.texts.get(self.language, &format!("network.in.{network}")).to_owned();
        self.networks.iter().map(name).collect()
    }

    /// What was typed is what went wrong.
    fn is_about_the_field(&self, state: &Shown) -> bool {
        let of_the_field = ["NO_URL_FIELD", "URL_TOO_LONG", "NOT_AN_URL"];
        self.subject.search.is_none() && state.error().is_some_and(|code| of_the_field.contains(&code))
    }

    /// What the script is told: where to follow, when to try again.
    fn result_attributes(&self, state: &Shown) -> String {
        if state.is_running() {
            let events = format!("/page/events?{}", self.subject.parameters(self.language));
            return format!(" aria-busy=\"true\" data-events=\"{}\"", escape(&events));
        }
        if let Some(secs) = self.retry_secs(state) {
            return format!(" data-retry-secs=\"{secs}\"");
        }
        if let Shown::Ready = state { " data-ready".to_owned() } else { String::new() }
    }

    /// Open where nothing else is asked for.
    fn image_form(&self, is_open: bool) -> String {
        if !self.by_image {
            return format!(
                "<p id=\"by-image\" class=\"notice\" hidden role=\"alert\">{}</p>",
                self.text("image.closed")
            );
        }
        format!(
            "<form id=\"by-image\" class=\"by-image\" method=\"post\" action=\"{action}\" \
               enctype=\"multipart/form-data\" aria-label=\"{title}\">\
             <details{open}><summary><svg viewBox=\"0 0 24 24\" width=\"22\" height=\"22\" aria-hidden=\"true\">\
               <path d=\"M4 5h16v14H4z M4 16l5-5 4 4 3-3 4 4 M15.5 9.5h.01\"></path></svg>{title}</summary>\
             <div class=\"fields\"><label for=\"file\">{label}</label>\
             <input id=\"file\" name=\"image\" type=\"file\" accept=\"image/*\">\
             <label for=\"account\">{account}</label>\
             <input id=\"account\" name=\"account_name\" type=\"text\" maxlength=\"253\" autocomplete=\"off\" \
               autocapitalize=\"off\" spellcheck=\"false\" placeholder=\"@\">\
             <input type=\"hidden\" name=\"url\" value=\"\">\
             <button class=\"button\" type=\"submit\">{go}</button></div></details></form>",
            action = self.image_action(),
            open = if is_open { " open" } else { "" },
            title = self.text("image.title"),
            label = self.text("image.label"),
            account = self.text("image.account"),
            go = self.text("image.go"),
        )
    }

    /// Where an image is sent.
    fn image_action(&self) -> String {
        let subject = Subject { url: None, search: None, wanted: Wanted::Posts, ..self.subject.clone() };
        escape(&format!("/image?{}", subject.parameters(self.language)))
    }

    fn stats(&self, stats: &StatsView) -> String {
        let number = |number| self.language.number(number);
        self.filled(
            "stats",
            &[
                ("posts", &number(stats.store.posts)),
                ("accounts", &number(stats.store.accounts)),
                ("queries", &number(stats.queries_in_progress)),
            ],
        )
    }

    fn headline(&self, state: &Shown) -> String {
        match state {
            Shown::Nothing => String::new(),
            Shown::Ready if self.subject.wanted.is_artist() => self.text("artist.go"),
            Shown::Ready => self.text("url.go"),
            Shown::Failed(_) => self.text("error.title"),
            Shown::Answer { answer, .. } if answer.error.is_some() => self.text("error.title"),
            Shown::Answer { answer, .. } if answer.is_final() && self.subject.wanted.is_artist() => {
                self.artist_count(answer)
            }
            Shown::Answer { answer, .. } if answer.is_final() => self.found_count(&answer.posts),
            Shown::Answer { answer, .. } => {
                let step = STEPS.iter().find(|(_, waits, works)| {
                    [Some(waits.as_str()), Some(works.as_str())].contains(&answer.status)
                });
                self.text(step.map_or("working", |(key, ..)| key))
            }
        }
    }

    fn state(&self, state: &Shown) -> String {
        match state {
            Shown::Nothing => String::new(),
            Shown::Ready => format!(
                "<div id=\"ready\" class=\"none\"><h2>{}</h2><p>{}</p>{}</div>",
                self.text(if self.subject.wanted.is_artist() { "artist.ready" } else { "ready" }),
                self.text("ready.note"),
                self.hint()
            ),
            Shown::Answer { answer, view } => self.answer(answer, view.as_deref(), state),
            Shown::Failed(error) => self.error(error.code().as_str(), &error.to_string(), state),
        }
    }

    fn answer(&self, answer: &Answer, view: Option<&QueryView>, state: &Shown) -> String {
        let mut html = String::new();
        if let Some(code) = answer.error {
            html += &self.error(code, &answer.error_detail, state);
        }
        if !answer.is_final() && answer.has_first_time_scan {
            let _ = write!(html, "<p id=\"first-time\" class=\"notice\">{}</p>", self.text("first_time"));
        }
        if self.subject.wanted.is_artist() {
            return html + &self.artist(answer, view);
        }
        let has_found = !answer.posts.is_empty() || !answer.similar_posts.is_empty();
        if answer.error.is_none() && (answer.is_final() || has_found) {
            html += &self.found(answer);
        }
        html += &self.artwork_pages(answer);
        html += &self.named_posts(answer);
        if answer.status.is_some() {
            html += &self.steps(answer, view);
        }
        if answer.is_final() {
            html += &self.searched(answer);
        }
        if !answer.accounts.is_empty() {
            html += &self.accounts(&answer.accounts);
        }
        if answer.is_final() {
            html += &self.other_accounts(&answer.other_accounts);
        }
        html += &self.elsewhere(answer);
        html += &self.verdicts(answer);
        if answer.is_final() {
            html += &self.credit(&credit_of(answer, self.subject.url.as_deref()));
            html += &self.correct(answer);
        }
        html
    }

    fn error(&self, code: &str, detail: &str, state: &Shown) -> String {
        let explained = match code {
            "NO_TWITTER_ACCOUNT_FOUND" => {
                self.filled(&format!("page.{code}"), &[("networks", &self.any_network())])
            }
            _ => self.text(&format!("error.{code}")),
        };
        let mut html = format!(
            "<div id=\"error\" class=\"error\" role=\"alert\"><h2>{}</h2><p>{explained}</p>",
            self.text("error.title"),
        );
        if matches!(code, "UNSUPPORTED_WEBSITE" | "NOT_AN_ARTWORK_PAGE" | "NOT_AN_URL") {
            html += &self.hint();
        }
        // What only says the same again is left out.
        let says_more =
            FailureCode::ALL.iter().all(|known| known.as_str() != code || known.explanation() != detail)
                && !detail.is_empty();
        if says_more {
            let told = self.texts.detail(self.language, detail);
            let (key, language) = match told.is_translated {
                true => ("details", self.language),
                false => ("details.english", Language::English),
            };
            let _ = write!(
                html,
                "<details id=\"error-detail\"><summary>{} <small>{code}</small></summary>\
                 <p lang=\"{}\">{}</p></details>",
                self.text(key),
                language.code(),
                bdi(&told.text),
            );
        }
        html += "</div>";
        if let Some(secs) = self.retry_secs(state) {
            html += &self.again(secs);
        }
        html
    }

    /// After how many seconds the page tries again; `None` where that does not help, or where what was sent
    /// is gone: an image is not kept.
    pub fn retry_secs(&self, state: &Shown) -> Option<u32> {
        let is_kept = self.subject.url.is_some() || self.subject.search.is_some();
        state.retry_secs().filter(|_| is_kept)
    }

    /// How long until the page tries again, which the script counts down, and a button that does not wait. It
    /// is no part of the error: screen readers would read that again with every second.
    fn again(&self, secs: u32) -> String {
        let time = format!("<span role=\"timer\">{}</span>", seconds(secs));
        let itself = self.text("again.itself").replace("{time}", &time);
        let button =
            format!("<button class=\"button second\" type=\"submit\">{}</button>", self.text("again"));
        let form = match &self.subject.search {
            Some(search) => format!(
                "<form action=\"/\">{}{}{button}</form>",
                hidden_field("lang", self.language.code()),
                hidden_field("search", search)
            ),
            None => {
                format!("<form method=\"post\" action=\"/\">{}{button}</form>", self.asking(&self.subject))
            }
        };
        format!("<div id=\"again\" class=\"again\"><p class=\"js-only\">{itself}</p>{form}</div>")
    }

    /// The fields of a form that asks for this.
    pub fn asking(&self, subject: &Subject) -> String {
        let mut html = hidden_field("url", subject.url.as_deref().unwrap_or_default());
        html += &hidden_field("lang", self.language.code());
        if let Some(networks) = &subject.networks {
            html += &hidden_field("networks", networks);
        }
        if let Some(name) = subject.wanted_field() {
            html += &hidden_field(name, "1");
        }
        html
    }

    /// What to do with an address that is no artwork's.
    fn hint(&self) -> String {
        let Some(url) = &self.subject.url else { return String::new() };
        match pasted::kind_of(url) {
            None => String::new(),
            Some(NoArtwork::Post) => format!("<p><strong>{}</strong></p>", self.text("hint.post")),
            Some(NoArtwork::Account) => format!("<p><strong>{}</strong></p>", self.text("hint.account")),
            Some(NoArtwork::Picture) => {
                let search = match self.by_image {
                    true => format!(
                        "<form method=\"post\" action=\"{}\" enctype=\"multipart/form-data\">\
                         <input type=\"hidden\" name=\"url\" value=\"{}\">\
                         <button class=\"button\" type=\"submit\">{}</button></form>",
                        self.image_action(),
                        escape(url),
                        self.text("hint.picture.search")
                    ),
                    false => String::new(),
                };
                format!("<p><strong>{}</strong></p>{search}", self.text("hint.picture"))
            }
        }
    }

    pub fn steps(&self, answer: &Answer, view: Option<&QueryView>) -> String {
        let mut html = format!("<ol id=\"steps\" class=\"steps\" aria-label=\"{}\">", self.text("steps"));
        // Where it ended, as far as it ended by a failure.
        let last = answer.steps.iter().rev().find(|step| step.step != QueryStatus::End.as_str());
        for (key, waits, works) in STEPS {
            // A search by image has but one step, and so has a question for the artist.
            let is_one_of_them = match (&self.subject.search, self.subject.wanted.is_artist()) {
                (Some(_), _) => works == QueryStatus::ReverseSearch,
                (None, true) => works == QueryStatus::LinkFinder,
                (None, false) => true,
            };
            if !is_one_of_them {
                continue;
            }
            let is_of = |name: &str| name == waits.as_str() || name == works.as_str();
            let millis: u64 = answer.steps.iter().filter(|step| is_of(step.step)).map(|step| step.ms).sum();
            let is_now = answer.status.is_some_and(is_of);
            let was = answer.steps.iter().any(|step| step.step == works.as_str());
            let has_failed = answer.error.is_some() && last.is_some_and(|step| is_of(step.step));
            let (class, mark) = match (is_now, has_failed, was) {
                (true, ..) => ("now", "…"),
                (_, true, _) => ("failed", "✗"),
                (_, _, true) => ("done", "✓"),
                _ => ("todo", "·"),
            };
            let time = match is_now || was {
                true => self.language.duration(millis),
                false => String::new(),
            };
            let _ = write!(
                html,
                "<li class=\"{class}\"{current}><span class=\"mark\" aria-hidden=\"true\">{mark}</span>\
                 <span class=\"name\">{name}<span class=\"visually-hidden\">: {is}</span></span> \
                 <span class=\"time\"{ticks}>{time}</span>",
                current = if is_now { " aria-current=\"step\"" } else { "" },
                name = self.text(key),
                is = self.text(&format!("step.is.{class}")),
                ticks = if is_now { format!(" data-ms=\"{millis}\"") } else { String::new() },
            );
            if is_now {
                html += &self.waiting(answer, waits);
            }
            if let Some(looking) = self.looking(answer).filter(|_| key == "step.index" && is_now) {
                let _ = write!(html, "<span class=\"more\">{looking}</span>");
            }
            if key == "step.index" && answer.posts_listed > 0 && (is_now || was) {
                html += &self.indexing(answer, view, is_now.then_some(millis));
            }
            html += "</li>";
        }
        html + "</ol>"
    }

    /// What the running step waits for.
    fn waiting(&self, answer: &Answer, waits: QueryStatus) -> String {
        let more = |text: String| format!("<span class=\"more\">{text}</span>");
        if answer.waits_for_network {
            return more(self.text("waiting.network"));
        }
        if let Some(before) = answer.queue_position.filter(|before| *before > 0) {
            let wait = answer.estimated_wait_ms.map_or_else(String::new, |ms| {
                format!(" · {}", self.filled("queue.estimate", &[("time", &self.language.duration(ms))]))
            });
            return more(self.filled("queue", &[("n", &self.language.number(before.into()))]) + &wait);
        }
        match answer.status == Some(waits.as_str()) {
            true => more(self.text("waiting")),
            false => String::new(),
        }
    }

    /// How far the indexing of posts is; with the time left while it goes on, since `running_ms`.
    fn indexing(&self, answer: &Answer, view: Option<&QueryView>, running_ms: Option<u64>) -> String {
        let number = |n| self.language.number(n);
        let (listed, indexed) = (answer.posts_listed, answer.posts_indexed);
        let mut text = self.filled("posts", &[("listed", &number(listed)), ("indexed", &number(indexed))]);
        let still_listing = view.is_some_and(|view| view.still_listing);
        if let Some(running_ms) = running_ms {
            if let Some(total) = view.and_then(|view| view.posts_total).filter(|total| *total > 0) {
                let _ = write!(text, " ({})", self.filled("posts.total", &[("total", &number(total))]));
            }
            let left = listed.saturating_sub(indexed);
            if running_ms >= LEAST_MS && indexed >= LEAST_INDEXED && left > 0 {
                // In 128 bits: posts times milliseconds.
                let millis = u128::from(left) * u128::from(running_ms) / u128::from(indexed);
                let millis = u64::try_from(millis).unwrap_or(u64::MAX).max(1000);
                let key = if still_listing { "left.least" } else { "left.about" };
                let time = self.language.duration(millis / 1000 * 1000);
                let _ = write!(text, ", {}", self.filled(key, &[("time", &time)]));
            }
        }
        let bar = match running_ms {
            None => String::new(),
            Some(_) => format!(
                "<progress max=\"{listed}\" value=\"{}\" aria-label=\"{}\"></progress>",
                indexed.min(listed),
                self.text("step.index")
            ),
        };
        format!("<span class=\"more\">{text}</span>{bar}")
    }

    pub fn accounts(&self, accounts: &[NetworkAccountAnswer]) -> String {
        let mut html = format!(
            "<section id=\"accounts\"><h2>{}</h2><ul class=\"accounts\">",
            self.text("accounts.title")
        );
        for (number, account) in accounts.iter().enumerate() {
            // A public server does not tell names of X.
            let name = match account.handle.as_str() {
                "" => account.url.trim_start_matches("https://").to_owned(),
                handle => format!("@{handle}"),
            };
            let why = account.evidence.map_or_else(String::new, |evidence| self.evidence(evidence));
            html += &self.named(account.network, (&name, &account.url), &why);
            html += &self.chain(&format!("chain-{number}"), &bdi(&name), &account.chain);
            html += "</li>";
        }
        html + "</ul></section>"
    }

    /// The beginning of an entry: the account's name as a link, its network, and what else is to be said.
    pub fn named(&self, network: Network, (name, url): (&str, &str), more: &str) -> String {
        let network = self.network(network);
        format!(
            "<li>{} <span class=\"why\">·\u{a0}{network}{more}</span>",
            link(url, &bdi(name), &format!(" ({network})"), ""),
        )
    }

    /// ` · named in the artist's profile`.
    pub fn evidence(&self, evidence: Evidence) -> String {
        let key = serde_json::to_value(evidence).ok();
        let key = key.as_ref().and_then(|key| key.as_str()).unwrap_or_default();
        format!(" · {}", self.text(&format!("evidence.{key}")))
    }

    /// The pages that led to the account of this name.
    pub fn chain(&self, id: &str, name: &str, chain: &[String]) -> String {
        if chain.is_empty() {
            return String::new();
        }
        let pages: String =
            chain.iter().map(|page| format!("<li>{}</li>", link(page, &bdi(page), "", ""))).collect();
        format!(
            "<details id=\"{id}\"><summary>{}<span class=\"visually-hidden\">: {name}</span></summary>\
             <ol>{pages}</ol></details>",
            self.text("chain")
        )
    }
}

/// The three steps that a user sees: text, and the two statuses that belong to each.
const STEPS: [(&str, QueryStatus, QueryStatus); 3] = [
    ("step.links", QueryStatus::WaitLinkFinder, QueryStatus::LinkFinder),
    ("step.index", QueryStatus::WaitIndexAccounts, QueryStatus::IndexAccounts),
    ("step.search", QueryStatus::WaitReverseSearch, QueryStatus::ReverseSearch),
];

/// A wait as it is counted down, by the script too: `5 s`, `10 min`, `10 min 20 s`.
fn seconds(secs: u32) -> String {
    match (secs / 60, secs % 60) {
        (0, secs) => format!("{secs} s"),
        (minutes, 0) => format!("{minutes} min"),
        (minutes, secs) => format!("{minutes} min {secs} s"),
    }
}

/// The HTTP status of the page.
pub fn status_of(state: &Shown) -> StatusCode {
    match state {
        Shown::Failed(error) => error.status(),
        Shown::Nothing | Shown::Ready | Shown::Answer { .. } => StatusCode::OK,
    }
}

/// Replaces each `{{name}}` of the template.
fn fill_places(template: &str, value: impl Fn(&str) -> String) -> String {
    let mut filled = String::with_capacity(template.len() * 2);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        filled += before;
        let Some((place, after)) = after.split_once("}}") else {
            filled += "{{";
            rest = after;
            continue;
        };
        filled += &value(place);
        rest = after;
    }
    filled + rest
}

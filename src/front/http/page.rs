//! The web page, and what it shows to browsers without JavaScript, rendered here. With JavaScript,
//! `web/app.js` takes over from the same page and shows the same with more life.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::{Extension, RawQuery, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use url::form_urlencoded::byte_serialize;

use super::assets::{escape, script_address, style_address, texts_address};
use super::caller::Caller;
use super::error::HttpError;
use super::limits::RateClass;
use super::openapi::Description;
use super::query::{chosen_networks, start_query};
use super::state::Api;
use super::texts::{Language, Texts};
use super::url_parameter;
use crate::api::answers::{Answer, NetworkAccountAnswer};
use crate::api::limits::STATS_AGE;
use crate::api::posts::PostAnswer;
use crate::base::ids::Network;
use crate::domain::failure::FailureCode;
use crate::domain::images::Variant;
use crate::proto::view::{QueryStatus, StatsView};

const PAGE: &str = include_str!("web/index.html");
/// Nothing but this server's own files; images of artworks and posts come from many hosts, and only
/// once the user asks for them.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    img-src 'self' data: blob: https:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Without JavaScript, the page of a running query loads itself again after this.
const REFRESH_SECS: u32 = 3;

pub(super) async fn root(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Extension(description): Extension<&'static Description>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let accepts_html = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"));
    const VARY: (HeaderName, &str) = (header::VARY, "Accept, Accept-Language");
    if !accepts_html {
        let headers = [VARY, (header::CONTENT_TYPE, "text/plain; charset=utf-8")];
        return (headers, description.text.as_str()).into_response();
    }
    let query = query.unwrap_or_default();
    let language = url_parameter::named(&query, "lang")
        .and_then(|code| Language::from_code(&code))
        .unwrap_or_else(|| Language::accepted(&headers));
    let page = Page { texts: &api.texts, language };
    let url = url_parameter::from_query_string(&query);
    let (status, shown, state) = match url.clone() {
        Err(FailureCode::NoUrlField) => (StatusCode::OK, String::new(), Shown::Nothing),
        url => {
            let shown = url.clone().unwrap_or_default();
            let chosen = url_parameter::named_before_url(&query, "networks");
            let started = match chosen_networks(&api, &caller, chosen.as_deref()) {
                Ok(networks) => start_query(&api, &caller, url, networks, RateClass::Page).await,
                Err(error) => Err(error),
            };
            match started {
                Ok(started) => (StatusCode::OK, shown, Shown::Answer(Box::new(started.answer()))),
                Err(error) => (error.status(), shown, Shown::Failed(error)),
            }
        }
    };
    let stats = api.stats(STATS_AGE).await.ok();
    let html = page.render(&shown, &state, stats);
    let headers =
        [VARY, (header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CONTENT_SECURITY_POLICY, POLICY)];
    (status, headers, html).into_response()
}

/// What there is to show below the form.
enum Shown {
    Nothing,
    Answer(Box<Answer>),
    Failed(HttpError),
}

/// The page in one language.
struct Page<'t> {
    texts: &'t Texts,
    language: Language,
}

impl Page<'_> {
    fn render(&self, url: &str, state: &Shown, stats: Option<StatsView>) -> String {
        let running = match state {
            Shown::Nothing => false,
            Shown::Answer(answer) => !answer.is_final(),
            Shown::Failed(error) => error.status() != StatusCode::INTERNAL_SERVER_ERROR,
        };
        let refresh = if running {
            format!("<noscript><meta http-equiv=\"refresh\" content=\"{REFRESH_SECS}\"></noscript>")
        } else {
            String::new()
        };
        let mut switch = format!("/?lang={}", self.language.other().code());
        if !url.is_empty() {
            let _ = write!(switch, "&url={}", byte_serialize(url.as_bytes()).collect::<String>());
        }
        fill_places(PAGE, |place| match place {
            "lang" => self.language.code().to_owned(),
            "switch_lang" => self.language.other().code().to_owned(),
            "switch_name" => escape(self.texts.get(self.language.other(), "language")),
            "switch_href" => escape(&switch),
            "url" => escape(url),
            "style" => style_address(),
            "script" => script_address(),
            "texts" => texts_address(),
            "refresh" => refresh.clone(),
            "state" => self.state(state),
            "stats" => stats.map_or_else(String::new, |stats| self.stats(&stats)),
            text => text.strip_prefix("t:").map_or_else(String::new, |key| self.text(key)),
        })
    }

    fn text(&self, key: &str) -> String {
        escape(self.texts.get(self.language, key))
    }

    fn filled(&self, key: &str, places: &[(&str, &str)]) -> String {
        escape(&self.texts.fill(self.language, key, places))
    }

    fn stats(&self, stats: &StatsView) -> String {
        self.filled(
            "stats",
            &[
                ("posts", &stats.store.posts.to_string()),
                ("accounts", &stats.store.accounts.to_string()),
                ("queries", &stats.queries_in_progress.to_string()),
            ],
        )
    }

    fn state(&self, state: &Shown) -> String {
        match state {
            Shown::Nothing => String::new(),
            Shown::Answer(answer) => self.answer(answer),
            Shown::Failed(error) => self.error(error.code().as_str(), ""),
        }
    }

    fn answer(&self, answer: &Answer) -> String {
        let mut html = String::new();
        if let Some(code) = answer.error {
            html += &self.error(code, &answer.error_detail);
        }
        if !answer.is_final() {
            let _ = write!(html, "<p class=\"notice\">{}</p>", self.text("working"));
            if answer.has_first_time_scan {
                let _ = write!(html, "<p class=\"notice\">{}</p>", self.text("first_time"));
            }
        }
        if answer.status.is_some() {
            html += &self.steps(answer);
        }
        if answer.is_final() && answer.error.is_none() {
            html += &self.results(&answer.posts);
            html += &self.similar(&answer.similar_posts);
        }
        if !answer.accounts.is_empty() {
            html += &self.accounts(&answer.accounts);
        }
        html
    }

    fn error(&self, code: &str, detail: &str) -> String {
        let mut html = format!(
            "<div class=\"error\" role=\"alert\"><h2>{}</h2><p>{}</p>",
            self.text("error.title"),
            self.text(&format!("error.{code}"))
        );
        if !detail.is_empty() {
            let _ = write!(html, "<details><summary>{code}</summary><p>{}</p></details>", escape(detail));
        }
        html + "</div>"
    }

    fn steps(&self, answer: &Answer) -> String {
        let mut html = String::from("<ol class=\"steps\">");
        for (key, waits, works) in STEPS {
            let millis = |status: QueryStatus| {
                answer
                    .steps
                    .iter()
                    .filter(|step| step.step == status.as_str())
                    .map(|step| step.ms)
                    .sum::<u64>()
            };
            let is_now = answer.status == Some(waits.as_str()) || answer.status == Some(works.as_str());
            let was = answer.steps.iter().any(|step| step.step == works.as_str());
            let class = if is_now {
                "now"
            } else if was {
                "done"
            } else {
                "todo"
            };
            let time =
                if is_now || was { duration_text(millis(waits) + millis(works)) } else { String::new() };
            let _ = write!(
                html,
                "<li class=\"{class}\"><span class=\"name\">{}</span> <span class=\"time\">{time}</span>",
                self.text(key)
            );
            if is_now && key == "step.index" {
                let (listed, indexed) = (answer.posts_listed.to_string(), answer.posts_indexed.to_string());
                let posts = self.filled("posts", &[("listed", &listed), ("indexed", &indexed)]);
                let _ = write!(html, "<span class=\"more\">{posts}</span>");
            }
            if is_now && answer.waits_for_network {
                let _ = write!(html, "<span class=\"more\">{}</span>", self.text("waiting.network"));
            }
            if is_now && let Some(before) = answer.queue_position.filter(|before| *before > 0) {
                let key = if before == 1 { "queue.one" } else { "queue.many" };
                let wait = answer.estimated_wait_ms.map_or_else(String::new, |ms| {
                    format!(" · {}", self.filled("queue.estimate", &[("time", &duration_text(ms))]))
                });
                let _ = write!(
                    html,
                    "<span class=\"more\">{}{wait}</span>",
                    self.filled(key, &[("n", &before.to_string())])
                );
            }
            html += "</li>";
        }
        html + "</ol>"
    }

    fn accounts(&self, accounts: &[NetworkAccountAnswer]) -> String {
        let mut html = format!("<h2>{}</h2><ul class=\"accounts\">", self.text("accounts.title"));
        for account in accounts {
            let _ = write!(
                html,
                "<li><a href=\"{}\" rel=\"noreferrer\">@{}</a> <span class=\"why\">{}</span>",
                escape(&account.url),
                escape(&account.handle),
                self.network(account.network)
            );
            if !account.chain.is_empty() {
                let _ = write!(html, "<details><summary>{}</summary><ol>", self.text("chain"));
                for page in &account.chain {
                    let _ = write!(html, "<li>{}</li>", escape(page));
                }
                html += "</ol></details>";
            }
            html += "</li>";
        }
        html + "</ul>"
    }

    fn network(&self, network: Network) -> String {
        self.text(&format!("network.{network}"))
    }

    fn results(&self, results: &[PostAnswer]) -> String {
        if results.is_empty() {
            return format!(
                "<div class=\"none\"><h2>{}</h2><p>{}</p></div>",
                self.text("results.none"),
                self.text("results.none.hint")
            );
        }
        let key = if results.len() == 1 { "results.one" } else { "results.many" };
        let count = results.len().to_string();
        format!("<h2>{}</h2>{}", self.filled(key, &[("n", &count)]), self.cards(results))
    }

    /// What is farther away than a result may be.
    fn similar(&self, similar: &[PostAnswer]) -> String {
        if similar.is_empty() {
            return String::new();
        }
        let (title, hint) = (self.text("similar.title"), self.text("similar.hint"));
        format!("<h2>{title}</h2><p>{hint}</p>{}", self.cards(similar))
    }

    fn cards(&self, results: &[PostAnswer]) -> String {
        let mut html = "<ul class=\"cards\">".to_owned();
        for result in results {
            let (position, count) =
                result.image_position.split_once('/').unwrap_or((&result.image_position, ""));
            let bits = self.filled("distance.bits", &[("n", &result.distance.to_string())]);
            let variant = match result.variant {
                Variant::Trimmed => format!("<span class=\"tag\">{}</span>", self.text("variant.trimmed")),
                Variant::Mirrored | Variant::TurnedRight | Variant::UpsideDown | Variant::TurnedLeft => {
                    format!("<span class=\"tag\">{}</span>", self.text("variant.turned"))
                }
                Variant::AsIs | Variant::OnWhite | Variant::OnBlack => String::new(),
            };
            let earliest = match result.earliest && results.len() > 1 {
                true => format!("<span class=\"tag\">{}</span>", self.text("earliest")),
                false => String::new(),
            };
            let _ = write!(
                html,
                "<li class=\"card\"><p class=\"verdict\"><span class=\"tag {class}\" title=\"{bits}\">{word}</span>{variant}{earliest}</p>\
                 <p><a href=\"{url}\" rel=\"noreferrer\">{open}</a></p><p class=\"facts\">{network} · {name}{position}</p></li>",
                class = result.class.as_str(),
                word = self.text(&format!("class.{}", result.class.as_str())),
                url = escape(&result.url),
                open = self.text("open"),
                network = self.network(result.network),
                name =
                    result.handle.as_ref().map_or_else(String::new, |name| format!("@{} · ", escape(name))),
                position = self.filled("position", &[("position", position), ("count", count)]),
            );
        }
        html + "</ul>"
    }
}

/// The three steps that a user sees: text, and the two statuses that belong to each.
const STEPS: [(&str, QueryStatus, QueryStatus); 3] = [
    ("step.links", QueryStatus::WaitLinkFinder, QueryStatus::LinkFinder),
    ("step.index", QueryStatus::WaitIndexAccounts, QueryStatus::IndexAccounts),
    ("step.search", QueryStatus::WaitReverseSearch, QueryStatus::ReverseSearch),
];

fn duration_text(millis: u64) -> String {
    match millis {
        0..1000 => format!("{millis} ms"),
        1000..60_000 => format!("{}.{} s", millis / 1000, millis % 1000 / 100),
        _ => format!("{} min {} s", millis / 60_000, millis % 60_000 / 1000),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::samples::sample_view;

    #[test]
    fn every_place_of_the_page_has_a_text() {
        let texts = Texts::embedded();
        for language in Language::ALL {
            let page = Page { texts: &texts, language };
            let html = page.render("", &Shown::Nothing, None);
            assert!(!html.contains("{{") && !html.contains("}}"));
            fill_places(PAGE, |place| {
                if let Some(key) = place.strip_prefix("t:") {
                    assert_ne!(texts.get(language, key), key, "no text");
                }
                String::new()
            });
        }
    }

    #[test]
    fn what_strangers_wrote_is_escaped() {
        let texts = Texts::embedded();
        let page = Page { texts: &texts, language: Language::English };
        let mut view = sample_view();
        view.accounts[0].handle = "<script>alert(1)</script>".to_owned();
        view.accounts[0].chain = vec!["\"><img src=x>".to_owned()];
        view.results[0].handle = Some("\"onclick='x'".to_owned());
        let html = page.render("\"><script>", &Shown::Answer(Box::new(Answer::from(&view))), None);
        assert!(
            !html.contains("<script>alert") && !html.contains("<img src=x") && !html.contains("\"onclick")
        );
        assert!(html.contains("value=\"&quot;&gt;&lt;script&gt;\""));
    }

    #[test]
    fn a_running_query_refreshes_itself_without_javascript() {
        let texts = Texts::embedded();
        let page = Page { texts: &texts, language: Language::French };
        let mut view = sample_view();
        let ended = page.render("u", &Shown::Answer(Box::new(Answer::from(&view))), None);
        assert!(!ended.contains("http-equiv"));
        view.status = QueryStatus::IndexAccounts;
        let running = page.render("u", &Shown::Answer(Box::new(Answer::from(&view))), None);
        assert!(running.contains("http-equiv=\"refresh\""));
        assert!(running.contains("tweets avec images indexés sur"));
    }

    #[test]
    fn durations_read_well() {
        assert_eq!(duration_text(34), "34 ms");
        assert_eq!(duration_text(1250), "1.2 s");
        assert_eq!(duration_text(125_000), "2 min 5 s");
    }
}

//! What an answer rests on, in words: what of each account was searched, what that cost, and what the rest
//! would; the posts that the page itself names.

use std::fmt::Write as _;

use super::markup::{bdi, link};
use super::render::{Page, Subject};
use crate::api::answers::{Answer, ElsewhereAnswer, SearchedAnswer, SpanAnswer, WindowAnswer};
use crate::domain::wanted::Wanted;
use crate::front::http::assets::escape;

/// Windows of an account that are named; of the others it is said how many there are.
const MOST_WINDOWS: usize = 6;

impl Page<'_> {
    /// What is looked through now: around which date, how many posts were found, at which price.
    pub(super) fn looking(&self, answer: &Answer) -> Option<String> {
        let SpanAnswer { from, to } = answer.looking.as_ref()?;
        let (from, to) = (self.language.day(from), self.language.day(to));
        let posts = self.language.number(answer.posts_listed);
        let cost = self.language.dollars(answer.cost_usd);
        let date = answer.published.as_ref().map(|date| self.language.day(date)).unwrap_or_default();
        let key = if date.is_empty() { "looking.newest" } else { "looking" };
        let places = [("date", &*date), ("from", &from), ("to", &to), ("posts", &posts), ("cost", &cost)];
        Some(self.filled(key, &places))
    }

    /// What was searched, and a button for the rest.
    pub(super) fn searched(&self, answer: &Answer) -> String {
        if answer.searched.is_empty() {
            return String::new();
        }
        let mut html = format!(
            "<section id=\"searched\"><h2>{}</h2><ul class=\"accounts\">",
            self.text("searched.title")
        );
        for searched in &answer.searched {
            let _ = write!(html, "<li>{}</li>", self.searched_account(searched));
        }
        html += "</ul>";
        if answer.cost_usd > 0.0 {
            let cost = self.language.dollars(answer.cost_usd);
            let _ = write!(html, "<p>{}</p>", self.filled("searched.cost", &[("cost", &cost)]));
        }
        if let Some(rest) = answer.rest_usd.filter(|_| answer.is_final() && self.subject.url.is_some()) {
            html += &self.rest_button(rest);
        }
        html + "</section>"
    }

    fn searched_account(&self, searched: &SearchedAnswer) -> String {
        let network = self.network(searched.network);
        let name = match searched.handle.as_str() {
            "" => bdi(&searched.account_id),
            handle => bdi(&format!("@{handle}")),
        };
        let about = match &searched.whole_at {
            Some(at) => self.filled("searched.whole", &[("date", &self.language.day(at))]),
            None if searched.windows.is_empty() => self.text("searched.nothing"),
            None => {
                let span = |WindowAnswer { from, to, .. }: &WindowAnswer| {
                    let (from, to) = (self.language.day(from), self.language.day(to));
                    self.texts.fill(self.language, "searched.span", &[("from", &from), ("to", &to)])
                };
                let spans: Vec<String> = searched.windows.iter().take(MOST_WINDOWS).map(span).collect();
                let spans = match searched.windows.len() > MOST_WINDOWS {
                    true => spans.join(", ") + ", …",
                    false => self.language.all_of(&spans),
                };
                self.filled("searched.windows", &[("spans", &spans)])
            }
        };
        format!("<strong>{name}</strong> <span class=\"why\">·\u{a0}{network}</span><p>{about}</p>")
    }

    fn rest_button(&self, rest: f64) -> String {
        let price = match rest > 0.0 {
            true => self.filled("searched.rest.price", &[("cost", &self.language.dollars(rest))]),
            false => self.text("searched.rest.free"),
        };
        format!(
            "<form id=\"rest\" method=\"post\" action=\"/\">{}\
             <button class=\"button second\" type=\"submit\">{}</button> <small>{price}</small></form>",
            self.asking(&Subject { wanted: Wanted::PostsInAll, ..self.subject.clone() }),
            self.text("searched.rest"),
        )
    }

    /// Pages of the artist's on sites that are not searched, for whoever wants to give credit.
    pub(super) fn elsewhere(&self, answer: &Answer) -> String {
        let page = |page: &ElsewhereAnswer| link(&page.url, &bdi(&page.site), "", "");
        let pages: Vec<String> = answer.elsewhere.iter().map(page).collect();
        match pages.is_empty() {
            true => String::new(),
            false => format!("<p id=\"elsewhere\">{} {}</p>", self.text("elsewhere"), pages.join(", ")),
        }
    }

    /// Pages of artworks that were answered before, with the picture of a search by image.
    pub(super) fn artwork_pages(&self, answer: &Answer) -> String {
        if answer.artwork_pages.is_empty() {
            return String::new();
        }
        let mut html = format!("<section id=\"artwork-pages\"><h2>{}</h2><ul>", self.text("pages.title"));
        for page in &answer.artwork_pages {
            let class = self.text(&format!("class.{}", page.class.as_str()));
            let _ = write!(
                html,
                "<li>{} <span class=\"why\">·\u{a0}{class}</span></li>",
                link(&page.url, &bdi(&page.url), "", ""),
            );
        }
        html + "</ul></section>"
    }

    /// Posts that the artwork's page names and that show it, though nobody knows whose they are.
    pub(super) fn named_posts(&self, answer: &Answer) -> String {
        if answer.named_posts.is_empty() {
            return String::new();
        }
        let mut html = format!(
            "<section id=\"named\"><h2>{}</h2><p>{}</p><ul>",
            self.text("named.title"),
            self.text("named.hint")
        );
        for post in &answer.named_posts {
            let name = post.handle.as_ref().map_or_else(|| post.url.clone(), |handle| format!("@{handle}"));
            let date = post.published.as_ref().map(|date| self.language.day(date)).unwrap_or_default();
            let network = self.network(post.network);
            let _ = write!(
                html,
                "<li>{} <span class=\"why\">·\u{a0}{network} {}</span></li>",
                link(&post.url, &bdi(&name), &format!(" ({network})"), ""),
                escape(&date),
            );
        }
        html + "</ul></section>"
    }
}

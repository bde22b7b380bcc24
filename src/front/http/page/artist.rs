//! Who made an artwork, where only that was asked; and on any answer the accounts that pages name beside
//! those that are searched.

use std::fmt::Write as _;

use super::render::{Page, Subject};
use crate::api::answers::Answer;
use crate::api::artist::ArtistAnswer;
use crate::api::credit::credit_of_artist;
use crate::api::named_accounts::{AccountStateName, NamedAccountAnswer};
use crate::domain::wanted::Wanted;
use crate::front::http::assets::escape;
use crate::proto::view::QueryView;

impl Page<'_> {
    /// `The artist: 2 accounts`.
    pub(super) fn artist_count(&self, answer: &Answer) -> String {
        let others = answer.other_accounts.iter().filter(|other| other.state.may_be_there());
        let count = (answer.accounts.len() + others.count()) as u64;
        self.filled("artist.found", &[("n", &self.language.number(count))])
    }

    /// The answer to who asked for the artist alone.
    pub(super) fn artist(&self, answer: &Answer, view: Option<&QueryView>) -> String {
        let mut html = match answer.status {
            Some(_) => self.steps(answer, view),
            None => String::new(),
        };
        if !answer.is_final() {
            return html;
        }
        if !answer.accounts.is_empty() {
            html += &self.accounts(&answer.accounts);
        }
        html += &self.other_accounts(&answer.other_accounts);
        html += &self.elsewhere(answer);
        if answer.cost_usd > 0.0 {
            let cost = self.language.dollars(answer.cost_usd);
            let _ = write!(html, "<p id=\"price\">{}</p>", self.filled("artist.price", &[("cost", &cost)]));
        }
        let (Some(view), Some(url)) = (view, &self.subject.url) else { return html };
        if answer.error.is_none() {
            let posts = Subject { wanted: Wanted::Posts, ..self.subject.clone() };
            let _ = write!(
                html,
                "<form id=\"posts\" method=\"post\" action=\"/\">{}\
                 <button class=\"button second\" type=\"submit\">{}</button> <small>{}</small></form>",
                self.asking(&posts),
                self.text("artist.search"),
                self.text("artist.search.note"),
            );
        }
        html + &self.credit(&credit_of_artist(&ArtistAnswer::of(view, view.wanted.resolves()), url))
    }

    /// Accounts that cannot be searched, with what is known of them; those that are left out are opened by a
    /// click.
    pub(super) fn other_accounts(&self, others: &[NamedAccountAnswer]) -> String {
        let (left_out, others): (Vec<_>, Vec<_>) = others.iter().partition(|other| other.state.is_left_out());
        let entries = |accounts: &[&NamedAccountAnswer], id: &str| -> String {
            accounts
                .iter()
                .enumerate()
                .map(|(number, account)| self.other(account, &format!("{id}-{number}")))
                .collect()
        };
        let mut html = String::new();
        if !others.is_empty() {
            let _ = write!(
                html,
                "<section id=\"others\"><h2>{}</h2><ul class=\"accounts\">{}</ul></section>",
                self.text("others.title"),
                entries(&others, "other")
            );
        }
        if !left_out.is_empty() {
            let _ = write!(
                html,
                "<details id=\"left-out\"><summary>{}</summary><ul class=\"accounts\">{}</ul></details>",
                self.filled("left_out.title", &[("n", &self.language.number(left_out.len() as u64))]),
                entries(&left_out, "left-out")
            );
        }
        html
    }

    fn other(&self, account: &NamedAccountAnswer, id: &str) -> String {
        let name = account.handle.as_ref().map(|handle| format!("@{handle}"));
        let name = name.or_else(|| account.id.clone()).unwrap_or_default();
        let state = match account.state {
            // Why is another's word, or about the budget.
            AccountStateName::NotAsked | AccountStateName::Closed => {
                escape(&self.texts.detail(self.language, &account.detail).text)
            }
            state => self.text(&format!("state.{}", state.as_str())),
        };
        let why = account.evidence.map_or_else(String::new, |evidence| self.evidence(evidence));
        let entry = self.named(account.network, (&name, &account.url), &format!(" · {state}{why}"));
        entry + &self.chain(id, &escape(&name), &account.chain) + "</li>"
    }
}

//! A person who holds a key that may says what is wrong with an answer: the form, and what was sent. There
//! are no sessions: the key comes with each form, so that no other site can send one for somebody.

use std::fmt::Write as _;

use super::markup::hidden_field;
use super::render::{Page, Subject};
use crate::api::answers::Answer;
use crate::api::posts::PostAnswer;
use crate::base::ids::Network;
use crate::domain::verdicts::Kind;
use crate::front::http::assets::escape;
use crate::proto::front::Saying;

/// Posts that a form offers. Those that stand further down are told by their addresses, over the API.
const MAX_POSTS: usize = 40;

/// What the choice of an account that the answer does not show is sent as.
const ANOTHER: &str = "another";

/// What a visitor says, as the form sends it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// `not_artist twitter:12`, or [`ANOTHER`].
    pub what: String,
    /// The account that is the artist's, where the answer does not show it.
    pub account: String,
    pub why: String,
    pub key: String,
}

impl Said {
    /// What is said of the artwork on this page.
    ///
    /// # Errors
    /// What is missing, for people.
    pub(super) fn saying(self, page: &str) -> Result<Saying, &'static str> {
        let Said { what, account, why, .. } = self;
        let page = page.to_owned();
        if what == ANOTHER {
            return match account.trim() {
                "" => Err("name the account that is the artist's"),
                account => Ok(Saying::Account {
                    account: account.to_owned(),
                    is_artists: true,
                    page: Some(page),
                    why,
                }),
            };
        }
        let (kind, subject) = what.split_once(' ').ok_or("choose what is wrong")?;
        let kind =
            Kind::ALL.into_iter().find(|known| known.as_str() == kind).ok_or("choose what is wrong")?;
        let subject = subject.to_owned();
        Ok(match kind {
            Kind::Artist | Kind::NotArtist => {
                Saying::Account { account: subject, is_artists: kind == Kind::Artist, page: Some(page), why }
            }
            Kind::Same | Kind::Different => {
                Saying::Picture { page, post: subject, image: None, is_same: kind == Kind::Same, why }
            }
        })
    }
}

impl Page<'_> {
    /// The form, below the answer about a page; empty where no key may say anything.
    pub(super) fn correct(&self, answer: &Answer) -> String {
        let Some(url) = self.subject.url.as_ref().filter(|_| self.help.has_correctors) else {
            return String::new();
        };
        let mut options = String::new();
        let mut offer = |kind: Kind, subject: &str, words: &str| {
            let value = escape(&format!("{} {subject}", kind.as_str()));
            let _ = write!(options, "<option value=\"{value}\">{words}</option>");
        };
        for account in &answer.accounts {
            let name = self.called(&account.handle, &account.id, account.network);
            let words = self.filled("correct.not_artist", &[("name", &name)]);
            offer(Kind::NotArtist, &format!("{}:{}", account.network, account.id), &words);
        }
        for other in answer.other_accounts.iter() {
            let Some(id) = &other.id else { continue };
            let name = self.called(other.handle.as_deref().unwrap_or_default(), id, other.network);
            let words = self.filled("correct.artist", &[("name", &name)]);
            offer(Kind::Artist, &format!("{}:{id}", other.network), &words);
        }
        for (kind, key, posts) in [
            (Kind::Different, "correct.different", &answer.posts),
            (Kind::Same, "correct.same", &answer.similar_posts),
        ] {
            for post in each_once(posts) {
                let words = self.filled(key, &[("name", &self.post_called(post))]);
                offer(kind, &format!("{}:{}", post.network, post.id), &words);
            }
        }
        let subject = Subject { url: None, ..self.subject.clone() };
        format!(
            "<details id=\"correct\"><summary>{title}</summary><p>{hint}</p>\
             <form method=\"post\" action=\"{action}\"><div class=\"fields\">{page}\
             <label for=\"said\">{what}</label>\
             <select id=\"said\" name=\"said\" required><option value=\"\"></option>{options}\
             <option value=\"{ANOTHER}\">{another}</option></select>\
             <label for=\"said-account\">{account}</label>\
             <input id=\"said-account\" name=\"account\" type=\"text\" maxlength=\"256\" autocomplete=\"off\" \
               autocapitalize=\"off\" spellcheck=\"false\">\
             <label for=\"said-why\">{why}</label>\
             <input id=\"said-why\" name=\"why\" type=\"text\" maxlength=\"500\" autocomplete=\"off\">\
             <label for=\"said-key\">{key}</label>\
             <input id=\"said-key\" name=\"key\" type=\"password\" required autocomplete=\"current-password\">\
             <button class=\"button second\" type=\"submit\">{go}</button></div></form></details>",
            title = self.text("correct.title"),
            hint = self.text("correct.hint"),
            action = escape(&format!("/verdict?{}", subject.parameters(self.language))),
            page = hidden_field("url", url),
            what = self.text("correct.what"),
            another = self.text("correct.another"),
            account = self.text("correct.account"),
            why = self.text("correct.why"),
            key = self.text("correct.key"),
            go = self.text("correct.go"),
        )
    }

    /// `@jane (X)`, or the id where no name is known. Unescaped.
    fn called(&self, handle: &str, id: &str, network: Network) -> String {
        let key = format!("network.{network}");
        let network = self.texts.get(self.language, &key);
        match handle {
            "" => format!("{id} ({network})"),
            handle => format!("@{handle} ({network})"),
        }
    }

    /// `@jane (X), 1 May 2022`. Unescaped.
    fn post_called(&self, post: &PostAnswer) -> String {
        let name = self.called(post.handle.as_deref().unwrap_or_default(), &post.id, post.network);
        match &post.published {
            Some(moment) => format!("{name}, {}", self.language.day(moment)),
            None => name,
        }
    }
}

fn each_once(posts: &[PostAnswer]) -> impl Iterator<Item = &PostAnswer> {
    let is_first = |(place, post): &(usize, &PostAnswer)| {
        posts.iter().take(*place).all(|other| (other.network, &other.id) != (post.network, &post.id))
    };
    posts.iter().enumerate().filter(is_first).map(|(_, post)| post).take(MAX_POSTS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_is_read_or_told() {
        let said = |what: &str, account: &str| Said {
            what: what.to_owned(),
            account: account.to_owned(),
            ..Said::default()
        };
        let page = "https://a.example/1";
        let of = |account: &str, is_artists| Saying::Account {
            account: account.to_owned(),
            is_artists,
            page: Some(page.to_owned()),
            why: String::new(),
        };
        assert_eq!(said("not_artist twitter:12", "").saying(page), Ok(of("twitter:12", false)));
        assert_eq!(said("artist bluesky:did:plc:a", "").saying(page), Ok(of("bluesky:did:plc:a", true)));
        assert_eq!(said(ANOTHER, " @jane ").saying(page), Ok(of("@jane", true)));
        let picture = |is_same| Saying::Picture {
            page: page.to_owned(),
            post: "twitter:20".to_owned(),
            image: None,
            is_same,
            why: String::new(),
        };
        assert_eq!(said("different twitter:20", "").saying(page), Ok(picture(false)));
        assert_eq!(said("same twitter:20", "").saying(page), Ok(picture(true)));
        for what in ["", "same", "dance twitter:20"] {
            assert!(said(what, "").saying(page).is_err(), "{what}");
        }
        assert!(said(ANOTHER, " ").saying(page).is_err());
    }
}

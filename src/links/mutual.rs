//! What accounts and pages say of each other. A page that names an account may be wrong or lie; an account
//! that names the page as well is its owner's, and as certain as the page. Bounded: each question is a
//! request or a few.

use crate::base::ids::Network;
use crate::domain::accounts::{AccountRef, Candidate, Evidence};
use crate::sites::confirmed::{self, Wanted};
use crate::sites::{Address, Identified, Site, SiteError, Web};

/// Questions of one search. Few artists have more accounts than these that could answer.
pub(super) const MAX_QUESTIONS: usize = 4;

/// What an account is asked, by a page that names it.
#[derive(Clone, Debug)]
pub(super) enum Question {
    /// Asks whether the account names the page.
    Back { wanted: Box<Wanted>, chain: Vec<String> },
    /// Asks whether the account's handle is the page's host.
    OfHandle { host: String, chain: Vec<String> },
}

impl Question {
    /// The question for an account that a page claims in its head or with `rel="me"`.
    pub(super) fn of_claim(page: &Identified, domain: Option<String>, chain: Vec<String>) -> Question {
        let wanted = Wanted { page: page.clone(), in_text: true, domain };
        Question::Back { wanted: Box::new(wanted), chain }
    }

    /// The question for an account that `page`, one on another network, names `in_field` or in its text.
    pub(super) fn across(page: &Identified, in_field: bool, chain: Vec<String>) -> Question {
        let wanted = Wanted { page: page.clone(), in_text: in_field, domain: None };
        Question::Back { wanted: Box::new(wanted), chain }
    }

    /// The pages walked, up to the one that names the account.
    pub(super) fn chain(&self) -> &[String] {
        match self {
            Question::Back { chain, .. } | Question::OfHandle { chain, .. } => chain,
        }
    }

    /// The answer of the account at `page`.
    pub(super) fn put_to(
        &self,
        site: Option<&'static Site>,
        page: &Identified,
        web: &Web,
    ) -> Result<bool, SiteError> {
        match (self, site) {
            (Question::Back { wanted, .. }, Some(site)) => confirmed::confirms(site, page, wanted, web),
            (Question::OfHandle { host, .. }, _) => confirmed::whose_handle_is(host, web)
                .map(|account| account.is_some() && account == page.account),
            (Question::Back { .. }, None) => Ok(false),
        }
    }
}

type Asked = (Option<&'static Site>, Identified, Evidence, Question);

/// Questions that wait, and what was asked before.
#[derive(Default)]
pub(super) struct Mutual {
    waiting: Vec<Asked>,
    /// The accounts with the pages that name them.
    asked: Vec<(AccountRef, String)>,
    /// Hosts of pages of no known site that the artist's pages name, and how certain that is.
    own_hosts: Vec<(String, Evidence)>,
}

impl Mutual {
    /// True if there may be one question more, and this one was not put before.
    pub(super) fn may_ask(&self, account: &AccountRef, question: &Question) -> bool {
        let by = question.chain().last().map_or("", String::as_str);
        self.asked.len() < MAX_QUESTIONS
            && !self.asked.iter().any(|(known, page)| known == account && page == by)
    }

    /// Asks the account at `page`, which is then believed as far as `grade`.
    pub(super) fn ask(
        &mut self,
        site: Option<&'static Site>,
        page: Identified,
        grade: Evidence,
        question: Question,
    ) {
        if let Some(account) = &page.account {
            self.asked.push((account.clone(), question.chain().last().cloned().unwrap_or_default()));
        }
        self.waiting.push((site, page, grade, question));
    }

    pub(super) fn take_questions(&mut self) -> Vec<Asked> {
        std::mem::take(&mut self.waiting)
    }

    /// Keeps the host of a page, where it may be its owner's alone: the page is all that stands there.
    pub(super) fn note_own_host(&mut self, address: &Address, grade: Evidence) {
        let known = self.own_hosts.iter().any(|(host, known)| host == address.host() && *known <= grade);
        if address.segments().is_empty() && grade < Evidence::WorkText && !known && self.own_hosts.len() < 100
        {
            self.own_hosts.push((address.host().to_owned(), grade));
        }
    }

    /// An account whose handle is the host of the artist's own page is as certain as that page: nobody else
    /// can have the handle, which its network looks up before the account is read.
    pub(super) fn handles_of_own_hosts(&self, candidates: &mut [Candidate]) {
        for candidate in candidates {
            let AccountRef::Handle { network: Network::Bluesky, handle } = &candidate.account else {
                continue;
            };
            let grades = self.own_hosts.iter().filter(|(host, _)| host == handle).map(|(_, grade)| *grade);
            if let Some(grade) = grades.min().filter(|grade| *grade < candidate.evidence) {
                candidate.evidence = grade;
            }
        }
    }
}

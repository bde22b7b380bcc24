//! The answers about queries and searches. Fields are added, never renamed or left out.

use serde::Serialize;
use utoipa::ToSchema;

use super::named_accounts::NamedAccountAnswer;
use super::names::{FailureCodeName, QueryStatusName};
use super::posts::{PostAnswer, ResultAnswer, posts as api_posts, similar_posts};
use super::verdicts::SaidAnswer;
use crate::base::ids::Network;
use crate::base::{MicroUsd, Timestamp};
use crate::domain::accounts::{Elsewhere, Evidence};
use crate::domain::addresses::account_url;
use crate::domain::failure::FailureCode;
use crate::domain::images::{FoundPage, MatchClass};
use crate::domain::parts::PartsState;
use crate::domain::scans::{CoveredWindow, Window};
use crate::proto::view::{AccountView, QueryStatus, QueryView, SearchedView};

/// The answer of `/query` and `/search`, whatever happened: always all fields.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Answer {
    /// Nothing changes any more once it is `END`; `null` when the request was not accepted.
    #[schema(value_type = Option<QueryStatusName>)]
    pub status: Option<&'static str>,
    /// An account is indexed for the first time: this takes minutes.
    pub has_first_time_scan: bool,
    /// Accounts of the artist on Twitter/X.
    pub twitter_accounts: Vec<AccountAnswer>,
    /// The part of `posts` that is on Twitter/X, as the original's clients know it; closest first.
    pub results: Vec<ResultAnswer>,
    /// A code that `/errors` explains.
    #[schema(value_type = Option<FailureCodeName>)]
    pub error: Option<&'static str>,

    // From here on: not in the original's API.
    /// Names the query for `GET /queries?ids=`; the same page has always the same. `null` when the
    /// request was not accepted.
    pub id: Option<String>,
    /// What is too far away for a result, but within the wider radius, or shares a part with the artwork: by
    /// class, then by how alike it is.
    pub similar: Vec<ResultAnswer>,
    /// What exactly went wrong, for people. Empty without an error.
    pub error_detail: String,
    /// The artwork's image, once known.
    pub image_url: Option<String>,
    /// Steps entered so far, the present one last.
    pub steps: Vec<StepAnswer>,
    /// Requests before this one in the queue it waits in.
    pub queue_position: Option<u32>,
    /// Milliseconds that it will probably wait there; `null` where it does not wait or nothing is known.
    pub estimated_wait_ms: Option<u64>,
    /// The server has lost the network: the request waits until it is back.
    pub waits_for_network: bool,
    /// Posts with images listed and indexed so far for this query.
    pub posts_listed: u64,
    pub posts_indexed: u64,
    /// Accounts of the artist on all networks.
    pub accounts: Vec<NetworkAccountAnswer>,
    /// What was found, on all networks; closest first. While posts are still being indexed: what was found so
    /// far, of which some may be gone from its network.
    pub posts: Vec<PostAnswer>,
    /// What is too far away for a result, or shares a part with the artwork, on all networks: by class, then
    /// by how alike it is.
    pub similar_posts: Vec<PostAnswer>,
    /// When the artist published the work, where its site tells.
    #[schema(format = DateTime)]
    pub published: Option<String>,
    /// Posts that the artwork's page names and that show it, though nothing says that their accounts are the
    /// artist's. They may be reposts, and are never among `posts`.
    pub named_posts: Vec<PostAnswer>,
    /// Pages of the artist's on sites that are not searched, for giving credit.
    pub elsewhere: Vec<ElsewhereAnswer>,
    /// Of a search by image: pages of artworks that this server has answered for before, with this picture;
    /// likest first.
    pub artwork_pages: Vec<ArtworkPageAnswer>,
    /// Accounts that are named and are not searched: missing, private, not asked about, or left out.
    pub other_accounts: Vec<NamedAccountAnswer>,
    /// What was searched, by account.
    pub searched: Vec<SearchedAnswer>,
    /// Each account was searched whole, as far as its network shows it.
    pub complete: bool,
    /// What is being looked through now, around the artwork's date.
    pub looking: Option<SpanAnswer>,
    /// What reading for this query was billed, in dollars; of what other queries waited for too, all.
    pub cost_usd: f64,
    /// What searching the rest of the accounts (`whole=1`) will probably cost, in dollars; `null` where
    /// nothing is left.
    pub rest_usd: Option<f64>,
    /// What people said that has acted on this answer: accounts that were added or left out, posts that were
    /// left out or stand first; and what contradicts each other, or came to nothing.
    pub verdicts: Vec<SaidAnswer>,
    /// Whether images were looked for that share a part with the artwork.
    pub parts: PartsAnswer,
}

/// Whether images were looked for that share a part with the artwork.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PartsAnswer {
    pub state: PartsStateName,
    /// Images of the accounts whose details are not known, so that they were compared as wholes alone.
    pub images_without: u64,
}

/// How far the search for parts went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PartsStateName {
    /// There was none, or there is none yet.
    Off,
    /// It went through all images of the accounts.
    Searched,
    /// It left out `images_without` images, whose details are not known.
    Incomplete,
    /// Over the whole database, only images that are alike at first sight were compared.
    OnlyAlike,
    /// The artwork shows too few details for it.
    TooFew,
}

impl From<PartsState> for PartsAnswer {
    fn from(state: PartsState) -> PartsAnswer {
        let (state, images_without) = match state {
            PartsState::Off => (PartsStateName::Off, 0),
            PartsState::Searched => (PartsStateName::Searched, 0),
            PartsState::Incomplete { images_without } => (PartsStateName::Incomplete, images_without),
            PartsState::OnlyAlike => (PartsStateName::OnlyAlike, 0),
            PartsState::TooFew => (PartsStateName::TooFew, 0),
        };
        PartsAnswer { state, images_without }
    }
}

/// A page of the artist's on a site that is not searched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ElsewhereAnswer {
    /// The site as people write it: `Instagram`.
    pub site: String,
    pub url: String,
    /// Why the page is believed to be the artist's.
    pub evidence: Evidence,
}

/// An artwork's page that was answered for before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ArtworkPageAnswer {
    pub url: String,
    /// What the searched image is to the page's.
    pub class: MatchClass,
    /// Bits, 0 = identical.
    pub distance: u32,
    /// When it was answered last.
    #[schema(format = DateTime)]
    pub answered_at: String,
}

impl From<&FoundPage> for ArtworkPageAnswer {
    fn from(FoundPage { url, class, distance, answered_at }: &FoundPage) -> ArtworkPageAnswer {
        ArtworkPageAnswer {
            url: url.clone(),
            class: *class,
            distance: *distance,
            answered_at: answered_at.to_rfc3339(),
        }
    }
}

/// How much of an account was searched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct SearchedAnswer {
    pub network: Network,
    pub account_id: String,
    pub handle: String,
    /// All of it was searched, as far as its network shows it.
    pub complete: bool,
    /// When it was listed whole last.
    #[schema(format = DateTime)]
    pub whole_at: Option<String>,
    /// What was published in these spans was searched; empty for an account that was searched whole.
    pub windows: Vec<WindowAnswer>,
}

/// A span of time that was searched, both ends included.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct WindowAnswer {
    #[schema(format = DateTime)]
    pub from: String,
    #[schema(format = DateTime)]
    pub to: String,
    /// What was posted later is not known.
    #[schema(format = DateTime)]
    pub listed_at: String,
}

impl From<&CoveredWindow> for WindowAnswer {
    fn from(CoveredWindow { window, listed_at }: &CoveredWindow) -> WindowAnswer {
        WindowAnswer {
            from: window.from.to_rfc3339(),
            to: window.to.to_rfc3339(),
            listed_at: listed_at.to_rfc3339(),
        }
    }
}

/// A span of time, both ends included.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct SpanAnswer {
    #[schema(format = DateTime)]
    pub from: String,
    #[schema(format = DateTime)]
    pub to: String,
}

/// An account on any network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct NetworkAccountAnswer {
    pub network: Network,
    /// Stable: the number on X, the DID on Bluesky, the actor's URI on Mastodon and Misskey.
    pub id: String,
    pub handle: String,
    pub url: String,
    /// The pages that led to the account, the artwork's page first.
    pub chain: Vec<String>,
    /// Why the account is believed to be the artist's.
    pub evidence: Option<Evidence>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct AccountAnswer {
    pub account_name: String,
    pub account_id: String,
    /// Where the account is: `twitter`.
    #[schema(value_type = Network)]
    pub network: &'static str,
    /// Its page.
    pub url: String,
    /// The pages that led to the account, the artwork's page first.
    pub chain: Vec<String>,
    /// Why the account is believed to be the artist's.
    pub evidence: Option<Evidence>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct StepAnswer {
    #[schema(value_type = QueryStatusName)]
    pub step: &'static str,
    pub ms: u64,
}

/// The answer of `/search`.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SearchAnswer {
    #[serde(flatten)]
    pub answer: Answer,
    /// What to ask `GET /search` for; `null` when the search was not accepted.
    pub identifier: Option<String>,
}

/// One query of `/queries`.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct BatchEntry {
    /// The page that was asked for; `null` where it is not known.
    pub url: Option<String>,
    /// It is a query of `/artist`: no posts were looked for.
    pub artist_alone: bool,
    #[serde(flatten)]
    pub answer: Answer,
}

/// The answer of `/queries`: an entry for each question, in its order.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct BatchAnswer {
    pub queries: Vec<BatchEntry>,
}

/// The final answer as JSON, as a webhook gets it.
pub fn answer_json(view: &QueryView) -> Vec<u8> {
    let (url, artist_alone) = (Some(view.subject.clone()), view.wanted.is_artist());
    let entry = BatchEntry { url, artist_alone, answer: Answer::from(view) };
    serde_json::to_vec(&entry).expect("an answer has only string keys")
}

impl Answer {
    /// A request that was not accepted.
    pub fn refused(code: FailureCode, detail: String) -> Answer {
        Answer {
            status: None,
            has_first_time_scan: false,
            twitter_accounts: Vec::new(),
            results: Vec::new(),
            error: Some(code.as_str()),
            id: None,
            similar: Vec::new(),
            error_detail: if detail.is_empty() { code.explanation().to_owned() } else { detail },
            image_url: None,
            steps: Vec::new(),
            queue_position: None,
            estimated_wait_ms: None,
            waits_for_network: false,
            posts_listed: 0,
            posts_indexed: 0,
            accounts: Vec::new(),
            posts: Vec::new(),
            similar_posts: Vec::new(),
            published: None,
            named_posts: Vec::new(),
            elsewhere: Vec::new(),
            artwork_pages: Vec::new(),
            other_accounts: Vec::new(),
            searched: Vec::new(),
            complete: false,
            looking: None,
            cost_usd: 0.0,
            rest_usd: None,
            verdicts: Vec::new(),
            parts: PartsState::Off.into(),
        }
    }

    /// True when nothing will change any more.
    pub fn is_final(&self) -> bool {
        self.status.is_none() || self.status == Some(QueryStatus::End.as_str())
    }
}

impl From<&QueryView> for Answer {
    fn from(view: &QueryView) -> Answer {
        let (posts, similar_posts) = (api_posts(&view.results), similar_posts(&view.similar));
        Answer {
            status: Some(view.status.as_str()),
            has_first_time_scan: view.has_first_time_scan,
            twitter_accounts: view
                .accounts
                .iter()
                .filter(|account| account.key.network == Network::Twitter)
                .map(AccountAnswer::from)
                .collect(),
            results: ResultAnswer::on_twitter(&posts),
            id: Some(view.id.clone()),
            similar: ResultAnswer::on_twitter(&similar_posts),
            error: view.error.map(FailureCode::as_str),
            error_detail: match view.error {
                Some(code) if view.error_detail.is_empty() => code.explanation().to_owned(),
                _ => view.error_detail.clone(),
            },
            image_url: view.image_url.clone(),
            steps: view.steps.iter().map(|&(step, ms)| StepAnswer { step: step.as_str(), ms }).collect(),
            queue_position: view.queue_position,
            estimated_wait_ms: view.estimated_wait_ms,
            waits_for_network: view.waits_for_network,
            posts_listed: view.posts_listed,
            posts_indexed: view.posts_indexed,
            accounts: view.accounts.iter().map(NetworkAccountAnswer::from).collect(),
            posts,
            similar_posts,
            published: view.published.map(Timestamp::to_rfc3339),
            named_posts: api_posts(&view.named_posts),
            elsewhere: view.elsewhere.iter().cloned().map(ElsewhereAnswer::from).collect(),
            artwork_pages: view.artwork_pages.iter().map(ArtworkPageAnswer::from).collect(),
            other_accounts: view.others.iter().map(NamedAccountAnswer::from).collect(),
            searched: view.searched.iter().map(|searched| searched_answer(view, searched)).collect(),
            complete: view.is_complete(),
            looking: view
                .looking
                .map(|Window { from, to }| SpanAnswer { from: from.to_rfc3339(), to: to.to_rfc3339() }),
            cost_usd: view.cost.usd(),
            rest_usd: view.rest.map(MicroUsd::usd),
            verdicts: view.verdicts.iter().map(SaidAnswer::from).collect(),
            parts: view.parts.into(),
        }
    }
}

impl From<Elsewhere> for ElsewhereAnswer {
    fn from(Elsewhere { site, url, evidence }: Elsewhere) -> ElsewhereAnswer {
        ElsewhereAnswer { site, url, evidence }
    }
}

fn searched_answer(view: &QueryView, searched: &SearchedView) -> SearchedAnswer {
    let account = view.accounts.iter().find(|account| account.key == searched.account);
    SearchedAnswer {
        network: searched.account.network,
        account_id: searched.account.native.clone(),
        handle: account.map(|account| account.handle.clone()).unwrap_or_default(),
        complete: searched.is_complete(),
        whole_at: searched.whole_at.map(Timestamp::to_rfc3339),
        windows: searched.windows.iter().map(WindowAnswer::from).collect(),
    }
}

impl From<&AccountView> for NetworkAccountAnswer {
    fn from(account: &AccountView) -> NetworkAccountAnswer {
        NetworkAccountAnswer {
            network: account.key.network,
            id: account.key.native.clone(),
            handle: account.handle.clone(),
            url: account_url(&account.key, &account.handle),
            chain: account.chain.clone(),
            evidence: account.evidence,
        }
    }
}

impl From<&AccountView> for AccountAnswer {
    fn from(account: &AccountView) -> AccountAnswer {
        AccountAnswer {
            account_name: account.handle.clone(),
            account_id: account.key.native.clone(),
            network: account.key.network.as_str(),
            url: account_url(&account.key, &account.handle),
            chain: account.chain.clone(),
            evidence: account.evidence,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::samples::sample_view;

    #[test]
    fn a_finished_query_as_json() {
        let json = serde_json::to_string_pretty(&Answer::from(&sample_view())).unwrap();
        assert_eq!(json, include_str!("golden/query_end.json").trim_end());
    }

    #[test]
    fn a_refusal_has_all_fields_too() {
        let refused = SearchAnswer {
            answer: Answer::refused(FailureCode::IdentifierMissing, String::new()),
            identifier: None,
        };
        let json = serde_json::to_string_pretty(&refused).unwrap();
        assert_eq!(json, include_str!("golden/search_refused.json").trim_end());
    }
}

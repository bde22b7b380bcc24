//! The answer about an artist: the accounts with their reasons, and what is known of each. Fields are added,
//! never renamed or left out.

use serde::Serialize;
use utoipa::ToSchema;

use super::answers::{ElsewhereAnswer, StepAnswer};
use super::named_accounts::NamedAccountAnswer;
use super::names::{FailureCodeName, QueryStatusName};
use crate::base::MicroUsd;
use crate::domain::failure::FailureCode;
use crate::proto::view::{QueryStatus, QueryView};

/// The answer of `/artist`, whatever happened: always all fields.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ArtistAnswer {
    /// Nothing changes any more once it is `END`; `null` when the request was not accepted.
    #[schema(value_type = Option<QueryStatusName>)]
    pub status: Option<&'static str>,
    /// Names the query; the same page has always the same. `null` when the request was not accepted.
    pub id: Option<String>,
    /// Accounts are looked up with their networks, as it was asked for.
    pub resolve: bool,
    /// Accounts of the artist, those that are there first; empty before `END`.
    pub accounts: Vec<NamedAccountAnswer>,
    /// Accounts that are named and not taken for the artist's, with the reason.
    pub left_out: Vec<NamedAccountAnswer>,
    /// Pages of the artist's on sites that are not searched.
    pub elsewhere: Vec<ElsewhereAnswer>,
    /// What looking the accounts up costs at most, in dollars; `null` before they are known.
    pub estimate_usd: Option<f64>,
    /// What was billed for it, in dollars.
    pub cost_usd: f64,
    /// A code that `/errors` explains.
    #[schema(value_type = Option<FailureCodeName>)]
    pub error: Option<&'static str>,
    /// What exactly went wrong, for people. Empty without an error.
    pub error_detail: String,
    /// Steps entered so far, the present one last.
    pub steps: Vec<StepAnswer>,
    /// Requests before this one in the queue it waits in.
    pub queue_position: Option<u32>,
    /// Milliseconds that it will probably wait there; `null` where it does not wait or nothing is known.
    pub estimated_wait_ms: Option<u64>,
    /// The server has lost the network: the request waits until it is back.
    pub waits_for_network: bool,
}

impl ArtistAnswer {
    /// The state of a query; `resolve` as it was asked for.
    pub fn of(view: &QueryView, resolve: bool) -> ArtistAnswer {
        let has_ended = view.status == QueryStatus::End;
        let others = || view.others.iter().filter(|_| has_ended);
        let artists = others().filter(|other| !other.standing.is_left_out()).map(NamedAccountAnswer::from);
        let left_out = others().filter(|other| other.standing.is_left_out());
        let confirmed = view.accounts.iter().filter(|_| has_ended).map(NamedAccountAnswer::from);
        ArtistAnswer {
            status: Some(view.status.as_str()),
            id: Some(view.id.clone()),
            resolve,
            accounts: confirmed.chain(artists).collect(),
            left_out: left_out.map(NamedAccountAnswer::from).collect(),
            elsewhere: view.elsewhere.iter().cloned().map(ElsewhereAnswer::from).collect(),
            estimate_usd: view.look_up.map(MicroUsd::usd),
            cost_usd: view.cost.usd(),
            error: view.error.map(FailureCode::as_str),
            error_detail: match view.error {
                Some(code) if view.error_detail.is_empty() => code.explanation().to_owned(),
                _ => view.error_detail.clone(),
            },
            steps: view.steps.iter().map(|&(step, ms)| StepAnswer { step: step.as_str(), ms }).collect(),
            queue_position: view.queue_position,
            estimated_wait_ms: view.estimated_wait_ms,
            waits_for_network: view.waits_for_network,
        }
    }

    /// A request that was not accepted.
    pub fn refused(code: FailureCode, detail: String, resolve: bool) -> ArtistAnswer {
        ArtistAnswer {
            status: None,
            id: None,
            resolve,
            accounts: Vec::new(),
            left_out: Vec::new(),
            elsewhere: Vec::new(),
            estimate_usd: None,
            cost_usd: 0.0,
            error: Some(code.as_str()),
            error_detail: if detail.is_empty() { code.explanation().to_owned() } else { detail },
            steps: Vec::new(),
            queue_position: None,
            estimated_wait_ms: None,
            waits_for_network: false,
        }
    }

    /// True when nothing will change any more.
    pub fn is_final(&self) -> bool {
        self.status.is_none() || self.status == Some(QueryStatus::End.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::samples::sample_artist;

    #[test]
    fn a_finished_answer_as_json() {
        let json = serde_json::to_string_pretty(&ArtistAnswer::of(&sample_artist(), true)).unwrap();
        assert_eq!(json, include_str!("golden/artist_end.json").trim_end());
    }

    #[test]
    fn nothing_is_told_of_accounts_before_they_are_known() {
        let view = QueryView { status: QueryStatus::LinkFinder, ..sample_artist() };
        let answer = ArtistAnswer::of(&view, true);
        assert!(answer.accounts.is_empty() && answer.left_out.is_empty() && !answer.is_final());
        assert_eq!(answer.estimate_usd, Some(0.02));
    }
}

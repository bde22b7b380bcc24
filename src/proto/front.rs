//! Between `front` and the broker: questions and their answers, and changes of watched queries.

use serde::{Deserialize, Serialize};

use super::failure::FailureCode;
use super::view::{MetricView, QueryView, QueueView, ScanView, StatsView, WorkerView};
use crate::base::ids::{AskId, QueryId};

/// From `front`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FrontToBroker {
    /// First on every link.
    Hello {
        pid: u32,
    },
    Ask {
        ask: AskId,
        question: FrontQuestion,
    },
    /// Send `Changed` for this query, at once and at every change until its end.
    Watch {
        query: QueryId,
    },
    /// Nobody listens any more.
    Unwatch {
        query: QueryId,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FrontQuestion {
    /// Starts a query for an artwork's page, or joins the one that runs or has ended lately.
    Query {
        url: String,
        client: Client,
    },
    /// The query for this page, without starting one.
    QueryState {
        url: String,
    },
    /// Starts a search for an image whose bytes travel beside the message.
    SearchImage {
        len_bytes: u64,
        account_name: Option<String>,
        client: Client,
    },
    /// Starts a search for the image at this URL.
    SearchUrl {
        url: String,
        account_name: Option<String>,
        client: Client,
    },
    SearchState {
        identifier: String,
    },
    /// Starts or joins the scan of an account.
    Scan {
        handle: String,
    },
    Stats,
    Threads,
    Queues,
    Metrics,
}

/// Who asks, as far as limits are concerned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Client {
    /// Not limited: the console, and addresses that the configuration exempts.
    Exempt,
    /// Limited together with whoever has the same key (an address, or an IPv6 network).
    Limited { key: String },
}

/// To `front`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BrokerToFront {
    Answer { ask: AskId, answer: FrontAnswer },
    Changed { view: QueryView },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FrontAnswer {
    Query(QueryView),
    /// A direct search, with the identifier to ask for it again.
    Search {
        identifier: String,
        view: QueryView,
    },
    Scan(ScanView),
    Stats(StatsView),
    Threads(Vec<WorkerView>),
    Queues(Vec<QueueView>),
    Metrics(Vec<MetricView>),
    /// Not accepted, or not known.
    Refused {
        code: FailureCode,
        detail: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::{AccountKey, Network, PostKey};
    use crate::proto::data::{Evidence, MatchClass, SecondStage, Variant};
    use crate::proto::roles::{Role, Stage};
    use crate::proto::tests::check_round_trip;
    use crate::proto::view::{AccountView, QueryStatus, ResultView, ScanState};

    fn view() -> QueryView {
        let result = ResultView {
            post: PostKey::new(Network::Twitter, "2"),
            account: AccountKey::new(Network::Twitter, "1"),
            handle: None,
            position: 1,
            count: 4,
            distance: 2,
            variant: Variant::OnWhite,
            class: MatchClass::EditedOrVariant,
            second_stage: Some(SecondStage { distance256: 30, thumbnail_centilevels: 12 }),
            image_name: "a.jpg".into(),
            published: None,
        };
        QueryView {
            query: QueryId(1),
            subject: "u".into(),
            status: QueryStatus::End,
            has_first_time_scan: true,
            accounts: vec![AccountView {
                key: AccountKey::new(Network::Twitter, "1"),
                handle: "h".into(),
                evidence: Some(Evidence::Curated),
                chain: vec!["u".into()],
            }],
            results: vec![result.clone()],
            similar: vec![ResultView { second_stage: None, ..result }],
            error: Some(FailureCode::ProcessingError),
            error_detail: "d".into(),
            image_url: None,
            steps: vec![(QueryStatus::LinkFinder, 3)],
            queue_position: Some(1),
            posts_listed: 1,
            posts_indexed: 1,
            version: 9,
        }
    }

    #[test]
    fn every_message_travels() {
        let client = Client::Limited { key: "192.0.2.1".into() };
        for question in [
            FrontQuestion::Query { url: "u".into(), client: client.clone() },
            FrontQuestion::QueryState { url: "u".into() },
            FrontQuestion::SearchImage { len_bytes: 1, account_name: None, client: Client::Exempt },
            FrontQuestion::SearchUrl { url: "u".into(), account_name: Some("a".into()), client },
            FrontQuestion::SearchState { identifier: "i".into() },
            FrontQuestion::Scan { handle: "h".into() },
            FrontQuestion::Stats,
            FrontQuestion::Threads,
            FrontQuestion::Queues,
            FrontQuestion::Metrics,
        ] {
            check_round_trip(FrontToBroker::Ask { ask: AskId(1), question });
        }
        check_round_trip(FrontToBroker::Hello { pid: 1 });
        check_round_trip(FrontToBroker::Watch { query: QueryId(1) });
        check_round_trip(FrontToBroker::Unwatch { query: QueryId(1) });
        for answer in [
            FrontAnswer::Query(view()),
            FrontAnswer::Search { identifier: "i".into(), view: view() },
            FrontAnswer::Scan(ScanView {
                handle: "h".into(),
                account: None,
                state: ScanState::Failed { code: FailureCode::ProcessingError, detail: "d".into() },
                posts_listed: 0,
                posts_indexed: 0,
                posts_total: None,
                elapsed_ms: 1,
            }),
            FrontAnswer::Stats(StatsView::default()),
            FrontAnswer::Threads(vec![WorkerView {
                role: Role::Listing,
                pid: 1,
                worker: 0,
                stages: vec![Stage::Lookup],
                doing: None,
                request: None,
                since_ms: 1,
                attempt: 1,
            }]),
            FrontAnswer::Queues(vec![]),
            FrontAnswer::Metrics(vec![]),
            FrontAnswer::Refused { code: FailureCode::NoSuchRequest, detail: "d".into() },
        ] {
            check_round_trip(BrokerToFront::Answer { ask: AskId(1), answer });
        }
        check_round_trip(BrokerToFront::Changed { view: view() });
    }
}

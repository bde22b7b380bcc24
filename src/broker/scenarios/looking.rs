//! Those who look at answers: nothing is begun for them, and only what an answer names is fetched.

use crate::base::Timestamp;
use crate::base::clock::Monotonic;
use crate::base::ids::{AccountKey, AskId, ContainerId, LeaseId, Network, Networks, PostKey};
use crate::base::roles::{Role, Stage};
use crate::broker::books::query::{Outcome, Phase};
use crate::broker::state::State;
use crate::broker::vocabulary::{Effect, Event, Now, Policy};
use crate::domain::failure::FailureCode;
use crate::domain::images::{AnswerPicture, ImageSource, MatchClass, PictureSize, Variant};
use crate::proto::front::{BrokerToFront, Client, FrontAnswer, FrontQuestion, PictureOf};
use crate::proto::stage::{BrokerToStage, StageToBroker};
use crate::proto::view::ResultView;
use crate::proto::work::{LeaseOutcome, StageOutput, Work};

const FRONT: ContainerId = ContainerId(9);
const INDEXING: ContainerId = ContainerId(5);
const PAGE: &str = "https://a.example/1";

struct Broker {
    state: State,
    asks: u64,
}

impl Broker {
    fn new() -> Broker {
        let now = Now { mono: Monotonic(0), wall: Timestamp(0) };
        let mut broker = Broker { state: State::new(Policy::plain(), now), asks: 0 };
        let hello =
            StageToBroker::Hello { role: Role::Indexing, pid: 1, workers: vec![vec![Stage::Indexing]] };
        broker.handle(Event::FromStage(INDEXING, hello));
        broker.handle(Event::FromStage(INDEXING, StageToBroker::Ready { worker: 0 }));
        broker
    }

    fn handle(&mut self, event: Event) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.state.handle(event, Now { mono: Monotonic(0), wall: Timestamp(0) }, &mut effects);
        effects
    }

    fn ask(&mut self, question: FrontQuestion) -> Vec<Effect> {
        self.asks += 1;
        let ask = AskId(self.asks);
        self.handle(Event::FrontAsked { front: FRONT, ask, question, blob: None })
    }

    fn look(&mut self) -> Vec<Effect> {
        self.ask(FrontQuestion::KnownQuery {
            url: PAGE.to_owned(),
            networks: Networks::default(),
            whole: false,
        })
    }

    /// Has a query end with the posts of the sample; its public id.
    fn answer_a_query(&mut self) -> String {
        let (url, networks) = (PAGE.to_owned(), Networks::default());
        self.ask(FrontQuestion::Query { url, client: Client::Exempt, networks, whole: false, webhook: None });
        let query = self.state.queries.values_mut().next().unwrap();
        let referer = Some("https://a.example/".to_owned());
        query.facts.images = vec![ImageSource { url: "https://i.example/1.png".to_owned(), referer }];
        query.phase = Phase::Ended(Outcome::Found {
            results: vec![found("a.jpg"), found("b.jpg")],
            similar: vec![found("c.jpg")],
            named: vec![],
        });
        query.head.being_written = None;
        query.head.public_id.clone()
    }

    fn picture(&mut self, id: &str, picture: AnswerPicture, size: PictureSize) -> Vec<Effect> {
        let of = PictureOf::Query(id.to_owned());
        let client = Client::Limited { key: "192.0.2.1".to_owned() };
        self.ask(FrontQuestion::Picture { of, picture, size, client })
    }

    fn report(&mut self, lease: LeaseId, outcome: LeaseOutcome) -> Vec<Effect> {
        let report = StageToBroker::Report { lease, outcome, elapsed_micros: 1 };
        self.handle(Event::FromStage(INDEXING, report))
    }
}

fn found(name: &str) -> ResultView {
    ResultView {
        post: PostKey::new(Network::Twitter, name),
        account: AccountKey::new(Network::Twitter, "1"),
        handle: None,
        position: 1,
        count: 1,
        distance: 0,
        variant: Variant::AsIs,
        class: MatchClass::Identical,
        second_stage: None,
        image_name: name.to_owned(),
        published: None,
        part: None,
        said_same: false,
    }
}

fn answer(effects: &[Effect]) -> Option<&FrontAnswer> {
    effects.iter().find_map(|effect| match effect {
        Effect::ToFront { message: BrokerToFront::Answer { answer, .. }, .. } => Some(answer),
        _ => None,
    })
}

fn leased(effects: &[Effect]) -> Option<(LeaseId, &Work)> {
    effects.iter().find_map(|effect| match effect {
        Effect::ToStage { message: BrokerToStage::Lease { lease, work, .. }, .. } => Some((*lease, work)),
        _ => None,
    })
}

fn is_refused(effects: &[Effect], expect: FailureCode) -> bool {
    matches!(answer(effects), Some(FrontAnswer::Refused { code, .. }) if *code == expect)
}

#[test]
fn who_looks_begins_no_query() {
    let mut broker = Broker::new();
    let effects = broker.look();
    assert!(is_refused(&effects, FailureCode::NoSuchRequest), "{effects:?}");
    assert!(broker.state.queries.is_empty());
    let id = broker.answer_a_query();
    let effects = broker.look();
    let Some(FrontAnswer::Query(view)) = answer(&effects) else { panic!("{effects:?}") };
    assert_eq!((&view.id, view.results.len()), (&id, 2));
    assert_eq!(broker.state.queries.len(), 1);
}

#[test]
fn pictures_are_those_that_an_answer_names() {
    let mut broker = Broker::new();
    let (small, large) = (PictureSize::Small, PictureSize::Large);
    let effects = broker.picture("unknown", AnswerPicture::Artwork, small);
    assert!(is_refused(&effects, FailureCode::NoSuchRequest));
    let id = broker.answer_a_query();
    let effects = broker.picture(&id, AnswerPicture::Result(2), small);
    assert!(is_refused(&effects, FailureCode::NoSuchRequest), "there are two");

    let effects = broker.picture(&id, AnswerPicture::Result(0), small);
    let (lease, work) = leased(&effects).unwrap();
    let url = "https://pbs.twimg.com/media/a.jpg";
    let source = ImageSource::plain(format!("{url}?name=small"));
    assert_eq!(*work, Work::ShrinkPicture { source, size: small });
    let effects = broker.report(lease, LeaseOutcome::Done(StageOutput::Picture(vec![1, 2])));
    let expect = FrontAnswer::Picture { image: url.to_owned(), jpeg: vec![1, 2] };
    assert_eq!(answer(&effects), Some(&expect));

    let effects = broker.picture(&id, AnswerPicture::Artwork, large);
    let (lease, work) = leased(&effects).unwrap();
    let Work::ShrinkPicture { source, .. } = work else { panic!("{work:?}") };
    assert_eq!(source.referer.as_deref(), Some("https://a.example/"), "as for the search");
    let (code, why) = (FailureCode::CannotGetImage, "status 404".to_owned());
    let effects = broker.report(lease, LeaseOutcome::Failed { code, why });
    assert!(is_refused(&effects, FailureCode::CannotGetImage));
    assert!(broker.state.pictures.is_empty());
}

#[test]
fn waiting_pictures_are_bounded() {
    let mut broker = Broker::new();
    let id = broker.answer_a_query();
    let asked = (0..300).map(|_| {
        let effects = broker.picture(&id, AnswerPicture::Similar(0), PictureSize::Small);
        answer(&effects) == Some(&FrontAnswer::Overloaded)
    });
    assert_eq!(asked.filter(|refused| *refused).count(), 300 - 256);
}

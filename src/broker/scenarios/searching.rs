//! Direct searches: an address that is a post's leads to its image, once.

use crate::base::Timestamp;
use crate::base::clock::Monotonic;
use crate::base::ids::{AccountKey, AskId, ContainerId, ImageId, LeaseId, Network, Networks, PostKey};
use crate::base::roles::{Role, Stage};
use crate::broker::state::State;
use crate::broker::vocabulary::{Effect, Event, Now, Policy};
use crate::domain::accounts::Account;
use crate::domain::failure::FailureCode;
use crate::domain::forgotten::Mark;
use crate::domain::images::{
    FoundImage, FoundPage, ImageSource, MatchClass, QueryImage, SearchScope, Variant,
};
use crate::domain::parts::{PartMatch, PartsState};
use crate::domain::posts::{ListedImage, ListedPost, LookedUpPost, Place, PostOutcome, PostState};
use crate::proto::front::{BrokerToFront, Client, FrontAnswer, FrontQuestion};
use crate::proto::stage::{BrokerToStage, StageToBroker};
use crate::proto::view::{QueryStatus, QueryView};
use crate::proto::work::{LeaseOutcome, SearchFound, StageOutput, Work};

const WORKERS: ContainerId = ContainerId(5);
const NOW: Now = Now { mono: Monotonic(0), wall: Timestamp(0) };

/// A broker to which an address was given to search for, and workers who do what the test says.
struct Search {
    state: State,
    leased: Vec<(LeaseId, Work)>,
    shown: Option<QueryView>,
    identifier: String,
}

impl Search {
    fn by(url: &str) -> Search {
        Search::on(url, Networks::default())
    }

    fn on(url: &str, networks: Networks) -> Search {
        let state = State::new(Policy::plain(), NOW);
        let mut search = Search { state, leased: Vec::new(), shown: None, identifier: String::new() };
        let workers = vec![vec![Stage::ReverseSearch], vec![Stage::Lookup]];
        search.tell(StageToBroker::Hello { role: Role::Listing, pid: 1, workers });
        search.tell(StageToBroker::Ready { worker: 0 });
        search.tell(StageToBroker::Ready { worker: 1 });
        let (url, account_name, client) = (url.to_owned(), None, Client::Exempt);
        search.ask(FrontQuestion::SearchUrl { url, account_name, turned: false, networks, client });
        search
    }

    fn tell(&mut self, message: StageToBroker) {
        self.handle(Event::FromStage(WORKERS, message));
    }

    fn ask(&mut self, question: FrontQuestion) {
        self.handle(Event::FrontAsked { front: ContainerId(9), ask: AskId(1), question, blob: None });
    }

    fn handle(&mut self, event: Event) {
        let mut effects = Vec::new();
        self.state.handle(event, NOW, &mut effects);
        for effect in effects {
            match effect {
                Effect::ToStage { message: BrokerToStage::Lease { lease, work, .. }, .. } => {
                    self.leased.push((lease, work));
                }
                Effect::ToFront {
                    message: BrokerToFront::Answer { answer: FrontAnswer::Search { identifier, view }, .. },
                    ..
                } => (self.identifier, self.shown) = (identifier, Some(view)),
                Effect::Contradiction(what) => panic!("{what}"),
                _ => {}
            }
        }
    }

    #[track_caller]
    fn work(&mut self) -> Work {
        self.leased.last().expect("there is work").1.clone()
    }

    #[track_caller]
    fn report(&mut self, outcome: LeaseOutcome) {
        let (lease, _) = self.leased.pop().expect("there is work");
        self.tell(StageToBroker::Report { lease, outcome, elapsed_micros: 1 });
    }

    fn names(&mut self, position: Option<u32>) {
        self.report(LeaseOutcome::Done(StageOutput::NamesPost { post: post(), position }));
    }

    fn looked_up(&mut self, outcome: PostOutcome) {
        let posts = vec![LookedUpPost { post: post(), outcome }];
        self.report(LeaseOutcome::Done(StageOutput::LookedUp(posts)));
    }

    #[track_caller]
    fn seen(&mut self) -> QueryView {
        self.ask(FrontQuestion::SearchState { identifier: self.identifier.clone() });
        self.shown.take().expect("it is shown")
    }
}

fn post() -> PostKey {
    PostKey::new(Network::Mastodon, "https://server.example/@jane/1")
}

/// With a film between its two images.
fn found() -> PostOutcome {
    let image = |name: &str| Place::Image(ListedImage::new(name, format!("https://server.example/{name}")));
    let author = Account {
        key: AccountKey::new(Network::Mastodon, "https://server.example/users/jane"),
        handle: "jane@server.example".to_owned(),
        posts: None,
    };
    let post = ListedPost::of(post(), None, [image("a.png"), Place::Other, image("b.png")]).unwrap();
    PostOutcome::Found { author, post }
}

#[track_caller]
fn is_searched(work: &Work, url: &str) {
    let Work::SearchImage { image: QueryImage::Urls(sources), of_page: false, .. } = work else {
        panic!("{work:?}");
    };
    assert_eq!(sources, &[ImageSource::plain(url)]);
}

#[test]
fn the_image_that_a_posts_address_points_at_is_searched() {
    for (position, image) in [(None, "a.png"), (Some(1), "a.png"), (Some(3), "b.png")] {
        let mut search = Search::by("https://server.example/@jane/1");
        is_searched(&search.work(), "https://server.example/@jane/1");
        search.names(position);
        assert_eq!(search.work(), Work::LookUpPosts { posts: vec![post()] });
        assert_eq!(search.seen().status, QueryStatus::WaitReverseSearch);
        search.looked_up(found());
        is_searched(&search.work(), &format!("https://server.example/{image}"));
        let page = FoundPage {
            url: "https://art.example/1".to_owned(),
            distance: 0,
            class: MatchClass::Identical,
            answered_at: Timestamp(1),
        };
        let artwork_pages = vec![page.clone()];
        let found = SearchFound { artwork_pages, ..SearchFound::default() };
        search.report(LeaseOutcome::Done(StageOutput::Found(found)));
        let seen = search.seen();
        assert_eq!((seen.status, seen.error), (QueryStatus::End, None));
        assert_eq!(seen.artwork_pages, [page]);
        assert_eq!(seen.image_url, Some(format!("https://server.example/{image}")));
    }
}

#[test]
fn a_post_that_gives_no_image_ends_the_search_with_a_reason() {
    let gone = PostOutcome::Nothing { why: "is gone".to_owned() };
    for (outcome, position, why) in [
        (gone, None, "The post is gone."),
        (PostOutcome::Unknown, Some(1), "try again later"),
        // A film, and nothing.
        (found(), Some(2), "no image at place 2"),
        (found(), Some(99), "no image at place 99"),
    ] {
        let mut search = Search::by("https://server.example/@jane/1");
        search.names(position);
        search.looked_up(outcome);
        let seen = search.seen();
        assert_eq!(seen.error, Some(FailureCode::CannotGetImage));
        assert!(seen.error_detail.contains(why), "{}", seen.error_detail);
    }
    let mut search = Search::by("https://server.example/@jane/1");
    search.names(None);
    let why = "the server answered with status 500".to_owned();
    search.report(LeaseOutcome::Failed { code: FailureCode::ProcessingError, why });
    assert!(search.seen().error_detail.contains("could not be looked up"));
}

/// To look a post up may be billed: who asks about free networks alone pays nothing.
#[test]
fn a_post_on_another_network_than_asked_for_is_not_looked_up() {
    let networks = Networks::of([Network::Bluesky]).unwrap();
    let mut search = Search::on("https://server.example/@jane/1", networks);
    search.names(None);
    let seen = search.seen();
    assert_eq!((seen.error, search.leased.len()), (Some(FailureCode::CannotGetImage), 0));
    assert!(seen.error_detail.contains("about bluesky alone"), "{}", seen.error_detail);
    let networks = Networks::of([Network::Misskey]).unwrap();
    let mut search = Search::on("https://server.example/@jane/1", networks);
    search.names(None);
    assert!(search.leased.is_empty(), "nor where the address tells of another network");
}

#[test]
fn a_forgotten_post_is_neither_looked_up_nor_shown() {
    let mut search = Search::by("https://server.example/@jane/1");
    search.state.forgotten.learn(vec![Mark::of_post(&post())]);
    search.names(None);
    assert!(search.leased.is_empty());
    assert!(search.seen().error_detail.contains("wish of its owner"));
    let mut search = Search::by("https://server.example/@jane/1");
    search.names(None);
    let author = AccountKey::new(Network::Mastodon, "https://server.example/users/jane");
    search.state.forgotten.learn(vec![Mark::of_account(&author)]);
    search.looked_up(found());
    let seen = search.seen();
    assert!(seen.error_detail.contains("wish of its owner") && seen.image_url.is_none(), "{seen:?}");
}

/// A hostile server names as its image what is a post's address again.
#[test]
fn posts_that_lead_to_posts_are_followed_once() {
    let mut search = Search::by("https://server.example/@jane/1");
    search.names(None);
    search.looked_up(found());
    search.names(None);
    let seen = search.seen();
    assert_eq!((seen.status, seen.error), (QueryStatus::End, Some(FailureCode::CannotGetImage)));
    assert!(search.leased.is_empty());
}

/// What only parts show stands beside the results, however near it is.
#[test]
fn a_direct_search_looks_for_parts_where_it_looks_for_wholes() {
    let mut search = Search::by("https://server.example/a.png");
    let Work::SearchImage { scope, parts_in, .. } = search.work() else { panic!() };
    assert_eq!((&scope, &parts_in), (&SearchScope::Everything, &Some(scope.clone())));
    let part = Some(PartMatch::sample());
    let image = FoundImage {
        image: ImageId(1),
        post: post(),
        account: AccountKey::new(Network::Mastodon, "https://server.example/users/jane"),
        handle: None,
        position: 1,
        count: 1,
        name: "a.png".to_owned(),
        published: Some(Timestamp(1)),
        distance: 0,
        variant: Variant::AsIs,
        class: MatchClass::InsideAnother,
        second_stage: None,
        part,
        said_same: false,
    };
    let parts = PartsState::Incomplete { images_without: 3 };
    let found = SearchFound { similar: vec![image], parts, ..SearchFound::default() };
    search.report(LeaseOutcome::Done(StageOutput::Found(found)));
    let Work::CheckPosts { posts } = search.work() else { panic!() };
    assert_eq!(posts, [post()], "posts that are gone are left out as everywhere");
    search.report(LeaseOutcome::Done(StageOutput::Checked(vec![PostState::Visible])));
    let seen = search.seen();
    assert_eq!((seen.status, seen.results.len(), seen.parts), (QueryStatus::End, 0, parts));
    assert_eq!((seen.similar[0].class, seen.similar[0].part), (MatchClass::InsideAnother, part));
    assert!(!seen.similar[0].shows_artwork());
}

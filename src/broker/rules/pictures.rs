//! Pictures of answers, made small: what the web page shows beside each post. Only what an answer names is
//! fetched, so that nobody can have an address of their own fetched this way.

use crate::broker::books::items::Owner;
use crate::broker::books::party::Party;
use crate::broker::books::query::{Kind, Outcome, Phase, Query};
use crate::broker::books::query_key::search_key;
use crate::broker::state::State;
use crate::broker::turn::Turn;
use crate::broker::vocabulary::{Asker, AwaitedPicture};
use crate::domain::addresses::{image_url, thumbnail_url};
use crate::domain::failure::FailureCode;
use crate::domain::images::{AnswerPicture, ImageSource, PictureSize};
use crate::domain::scans::Priority;
use crate::proto::front::{Client, FrontAnswer, PictureOf};
use crate::proto::work::Work;

/// Pictures that are waited for at once, of all clients together; more are turned away.
const MAX_PICTURES: usize = 256;

pub fn ask(
    turn: &mut Turn,
    asker: Asker,
    of: &PictureOf,
    picture: AnswerPicture,
    size: PictureSize,
    client: &Client,
) {
    let Some(source) = query_of(turn.state, of).and_then(|query| source_of(query, picture)) else {
        return turn.refuse(asker, FailureCode::NoSuchRequest);
    };
    if turn.state.pictures.len() >= MAX_PICTURES {
        return turn.answer(asker, FrontAnswer::Overloaded);
    }
    let number = turn.state.next_number();
    let image = source.url.clone();
    turn.state.pictures.insert(number, AwaitedPicture { asker, image });
    let source = match size {
        PictureSize::Small => ImageSource { url: thumbnail_url(&source.url), ..source },
        PictureSize::Large => source,
    };
    let owner = Owner::Picture { number, party: Party::of(client) };
    turn.enqueue(owner, Work::ShrinkPicture { source, size }, Priority::User, 0);
}

fn query_of<'a>(state: &'a State, of: &PictureOf) -> Option<&'a Query> {
    let id = match of {
        PictureOf::Query(id) => state.query_ids.get(id)?,
        PictureOf::Search(identifier) => state.query_keys.get(&search_key(identifier))?,
    };
    state.queries.get(id)
}

/// Where the image is that the answer names.
fn source_of(query: &Query, picture: AnswerPicture) -> Option<ImageSource> {
    let Phase::Ended(Outcome::Found { results, similar, .. }) = &query.phase else { return None };
    let result = match (picture, &query.head.kind) {
        (AnswerPicture::Artwork, Kind::Page) => return query.facts.images.first().cloned(),
        // The client has what it sent.
        (AnswerPicture::Artwork, Kind::Image { .. }) => return None,
        (AnswerPicture::Result(place), _) => results.get(usize::from(place))?,
        (AnswerPicture::Similar(place), _) => similar.get(usize::from(place))?,
    };
    Some(ImageSource::plain(image_url(&result.account, &result.image_name)))
}

pub fn on_made(turn: &mut Turn, number: u64, jpeg: Vec<u8>) {
    if let Some(AwaitedPicture { asker, image }) = turn.state.pictures.remove(&number) {
        turn.answer(asker, FrontAnswer::Picture { image, jpeg });
    }
}

pub fn on_failed(turn: &mut Turn, number: u64, why: String) {
    if let Some(AwaitedPicture { asker, .. }) = turn.state.pictures.remove(&number) {
        turn.refuse_because(asker, FailureCode::CannotGetImage, why);
    }
}

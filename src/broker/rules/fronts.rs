//! What fronts ask, each handed to its rule.

use crate::broker::books::blob::BlobKey;
use crate::broker::books::query::{Kind, Origin};
use crate::broker::books::query_key::search_key;
use crate::broker::rules::{
    accounts, cancelling, forgetting, health, inspect, pictures, scan_requests, submissions, verdicts,
    watches,
};
use crate::broker::turn::Turn;
use crate::broker::vocabulary::Asker;
use crate::domain::failure::FailureCode;
use crate::domain::images::{ImageSource, QueryImage};
use crate::domain::wanted::Wanted;
use crate::proto::front::{FrontAnswer, FrontQuestion};

/// `blob`: the image that the question speaks of lies ready under this key.
pub fn on_asked(turn: &mut Turn, asker: Asker, question: FrontQuestion, blob: Option<BlobKey>) {
    let answer = match question {
        FrontQuestion::Query { url, client, networks, whole, webhook } => {
            let (wanted, origin) = (Wanted::posts(whole), Origin { client, networks });
            return submissions::submit_page(turn, asker, &url, wanted, webhook, origin);
        }
        FrontQuestion::KnownQuery { url, networks, whole } => {
            return submissions::show_known_page(turn, asker, &url, Wanted::posts(whole), &networks);
        }
        FrontQuestion::Artist { url, client, networks, resolve } => {
            let (wanted, origin) = (Wanted::artist(resolve), Origin { client, networks });
            return submissions::submit_page(turn, asker, &url, wanted, None, origin);
        }
        FrontQuestion::KnownArtist { url, networks, resolve } => {
            return submissions::show_known_page(turn, asker, &url, Wanted::artist(resolve), &networks);
        }
        FrontQuestion::QueryState { id } => {
            return match turn.state.query_ids.get(&id).copied() {
                Some(query) => {
                    turn.state.kept.asked(query, turn.now.mono);
                    submissions::answer_when_written(turn, asker, query);
                }
                None => turn.refuse(asker, FailureCode::NoSuchRequest),
            };
        }
        FrontQuestion::SearchImage { len_bytes, account_name, turned, networks, client } => {
            let Some(blob) = blob else { return turn.refuse(asker, FailureCode::ImageMissing) };
            let image = QueryImage::Attached { len_bytes };
            let kind = Kind::Image { image, upload: Some(blob), turned };
            let origin = Origin { client, networks };
            return submissions::submit_image(turn, asker, kind, account_name.as_deref(), origin);
        }
        FrontQuestion::SearchUrl { url, account_name, turned, networks, client } => {
            let image = QueryImage::Urls(vec![ImageSource::plain(url)]);
            let kind = Kind::Image { image, upload: None, turned };
            let origin = Origin { client, networks };
            return submissions::submit_image(turn, asker, kind, account_name.as_deref(), origin);
        }
        FrontQuestion::SearchState { identifier } => {
            return match turn.state.query_keys.get(&search_key(&identifier)).copied() {
                Some(query) => {
                    turn.state.kept.asked(query, turn.now.mono);
                    submissions::show(turn, asker, query);
                }
                None => turn.refuse(asker, FailureCode::NoSuchRequest),
            };
        }
        FrontQuestion::Picture { of, picture, size, client } => {
            return pictures::ask(turn, asker, &of, picture, size, &client);
        }
        FrontQuestion::Scan { handle, whole } => return scan_requests::ask(turn, asker, &handle, whole),
        FrontQuestion::Cancel { what } => return cancelling::ask(turn, asker, &what),
        FrontQuestion::CancelQuery { id } => return cancelling::ask_by_id(turn, asker, &id),
        FrontQuestion::Forget { what, note } => return forgetting::ask(turn, asker, &what, note),
        FrontQuestion::Forgetting { mark } => return forgetting::show(turn, asker, mark),
        FrontQuestion::Tombstones { after } => return forgetting::list(turn, asker, after),
        FrontQuestion::Lift { what } => return forgetting::lift(turn, asker, &what),
        FrontQuestion::Account { name } => return accounts::ask(turn, asker, &name),
        FrontQuestion::Verdicts(order) => return verdicts::ask(turn, asker, order),
        FrontQuestion::Watches(order) => return watches::ask(turn, asker, order),
        FrontQuestion::Feed { watch, skip } => return watches::ask_feed(turn, asker, watch, skip),
        FrontQuestion::Stats => FrontAnswer::Stats(inspect::stats(turn.state, turn.now)),
        FrontQuestion::Threads => FrontAnswer::Threads(inspect::threads(turn.state, turn.now)),
        FrontQuestion::Queues => FrontAnswer::Queues(inspect::queue_views(turn.state, turn.now)),
        FrontQuestion::Metrics { skip } => {
            let (steps, more) = turn.state.metrics.page(usize::try_from(skip).unwrap_or(usize::MAX));
            FrontAnswer::Metrics { steps, more, counters: None }
        }
        FrontQuestion::Counters => FrontAnswer::Counters(inspect::counters(turn.state, turn.now)),
        FrontQuestion::Health => FrontAnswer::Health(health::problems(turn.state, turn.now)),
    };
    turn.answer(asker, answer);
}

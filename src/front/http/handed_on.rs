//! What of an answer a public server hands on (`http.public`). X allows programs to give ids of posts and of
//! accounts to others, and nothing else of what it says; whose pictures they are, nobody asks the servers of
//! other networks. So nothing that is left out here reaches the API, the page, a credit or a stream: this
//! stands where the broker's answers come in.
//!
//! Of posts on every network: the pictures' addresses. Of X besides: names of accounts, counts, and dates but
//! for those that the posts' ids hold. What stays is what ids say, and what this program has found out by
//! itself: which picture of which post, how alike it is, which part it shares, and by which pages it came to
//! the account.

use crate::base::ids::{AccountKey, Network};
use crate::domain::accounts::AccountRecord;
use crate::domain::failure::FailureCode;
use crate::domain::posts::snowflake_time;
use crate::domain::verdicts::Claim;
use crate::domain::watches::{FeedPost, Watch};
use crate::proto::front::{FrontAnswer, WatchesAnswer};
use crate::proto::view::{QueryView, ResultView};

/// What of the broker's answer strangers get.
pub fn answer(mut answer: FrontAnswer) -> FrontAnswer {
    match &mut answer {
        FrontAnswer::Query(view) | FrontAnswer::Search { view, .. } => strip(view),
        FrontAnswer::Account(records) => {
            for record in records.iter_mut().filter(|record| is_on_x(&record.state.key)) {
                strip_record(record);
            }
        }
        FrontAnswer::Feed { watch, entries, .. } => {
            strip_watch(watch);
            entries.iter_mut().flat_map(|entry| &mut entry.posts).for_each(strip_feed_post);
        }
        FrontAnswer::Watches(answer) => match answer {
            WatchesAnswer::Begun { watch, .. } => strip_watch(&mut watch.watch),
            WatchesAnswer::List { watches, .. } => {
                watches.iter_mut().for_each(|view| strip_watch(&mut view.watch));
            }
            WatchesAnswer::Ended(watch) => strip_watch(watch),
            WatchesAnswer::Wrong { .. } | WatchesAnswer::Unknown => {}
        },
        // Nothing of posts or accounts; or for those who work for the server, who hold a key or the admin
        // socket.
        FrontAnswer::Scan(_)
        | FrontAnswer::Forgetting(_)
        | FrontAnswer::Tombstones { .. }
        | FrontAnswer::Lifted { .. }
        | FrontAnswer::Picture { .. }
        | FrontAnswer::Stats(_)
        | FrontAnswer::Threads(_)
        | FrontAnswer::Queues(_)
        | FrontAnswer::Metrics { .. }
        | FrontAnswer::Counters(_)
        | FrontAnswer::Health(_)
        | FrontAnswer::Verdicts(_)
        | FrontAnswer::Overloaded
        | FrontAnswer::NotNow { .. }
        | FrontAnswer::Refused { .. } => {}
    }
    answer
}

/// What of a query's state strangers get.
pub fn view(mut view: QueryView) -> QueryView {
    strip(&mut view);
    view
}

fn is_on_x(account: &AccountKey) -> bool {
    account.network == Network::Twitter
}

fn strip(view: &mut QueryView) {
    for result in [&mut view.results, &mut view.similar, &mut view.named_posts].into_iter().flatten() {
        strip_post(result);
    }
    for account in view.accounts.iter_mut().filter(|account| is_on_x(&account.key)) {
        account.handle.clear();
    }
    for verdict in &mut view.verdicts {
        let network = match &verdict.claim {
            Claim::Account { account, .. } => account.network,
            Claim::Picture { post, .. } => post.network,
        };
        if network == Network::Twitter {
            verdict.handle.clear();
        }
    }
    // What networks say of accounts: how many posts they have, by which the rest is priced.
    view.posts_total = None;
    view.rest = None;
    // Some of these name accounts.
    if let Some(
        code @ (FailureCode::NoValidTwitterAccountFound
        | FailureCode::ApiBudgetExhausted
        | FailureCode::InvalidTwitterAccount
        | FailureCode::ProcessingError),
    ) = view.error
    {
        view.error_detail = code.explanation().to_owned();
    }
    // A search may have been asked for a post, whose picture this is then.
    if view.is_direct_search() {
        view.image_url = None;
    }
}

fn strip_post(result: &mut ResultView) {
    result.image_name.clear();
    if is_on_x(&result.account) {
        result.handle = None;
        result.published = snowflake_time(&result.post.native);
    }
}

fn strip_watch(watch: &mut Watch) {
    for account in watch.accounts.iter_mut().filter(|account| is_on_x(&account.key)) {
        account.handle.clear();
    }
}

fn strip_feed_post(post: &mut FeedPost) {
    post.images.clear();
    if is_on_x(&post.account) {
        post.handle = None;
        post.published = snowflake_time(&post.key.native);
    }
}

fn strip_record(record: &mut AccountRecord) {
    record.state.stated_posts = None;
    record.newest_seen = None;
    record.oldest_seen = None;
    record.stated_media = None;
    record.found_media = None;
    record.handles.clear();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::answers::Answer;
    use crate::api::samples::{sample_entry, sample_record, sample_view, sample_watch};
    use crate::base::ids::PostKey;

    #[test]
    fn a_feed_hands_on_ids_alone() {
        let (watch, entries) = (sample_watch().watch, vec![sample_entry()]);
        let FrontAnswer::Feed { watch, entries, .. } =
            answer(FrontAnswer::Feed { watch, entries, next: None })
        else {
            panic!()
        };
        let text = format!("{watch:?} {entries:?}");
        assert!(
            !text.contains("Fa-1.jpg") && !text.contains("bafy") && !text.contains("jane_paints"),
            "{text}"
        );
        assert!(text.contains("jane.example"), "names on Bluesky stay: {text}");
        assert_eq!(entries[0].id(), sample_entry().id());
        // The id is older than those that hold a date.
        assert_eq!(entries[0].posts[0].published, None);
        let begun = WatchesAnswer::Begun { watch: sample_watch(), is_new: true };
        let told = format!("{:?}", answer(FrontAnswer::Watches(begun)));
        assert!(!told.contains("jane_paints"), "{told}");
    }

    /// Everything that the network said of the sample's post and account.
    #[test]
    fn nothing_that_networks_say_is_left() {
        let mut whole = sample_view();
        let on_x = whole.results.iter().filter(|result| is_on_x(&result.account)).count();
        assert!(on_x > 0 && on_x < whole.results.len(), "the sample has posts on X and elsewhere");
        whole.similar.extend(whole.results.clone());
        whole.named_posts = whole.results.clone();
        let before = Answer::from(&whole);
        let after = Answer::from(&view(whole));
        for (kept, found) in [
            (&after.posts, &before.posts),
            (&after.similar_posts, &before.similar_posts),
            (&after.named_posts, &before.named_posts),
        ] {
            assert_eq!(kept.len(), found.len());
            for (kept, found) in kept.iter().zip(found) {
                assert_eq!((&*kept.image_url, &*kept.thumbnail_url), ("", ""));
                // What the id says, and what was measured.
                assert_eq!((&kept.id, &kept.account_id), (&found.id, &found.account_id));
                assert_eq!(
                    (kept.class, kept.distance, kept.distance256, &kept.part),
                    (found.class, found.distance, found.distance256, &found.part)
                );
                assert!(kept.url.starts_with("https://"), "{kept:?}");
                let is_on_x = found.network == Network::Twitter;
                assert_eq!(kept.handle, found.handle.clone().filter(|_| !is_on_x), "{kept:?}");
                let date = match is_on_x {
                    true => snowflake_time(&found.id).map(|date| date.to_rfc3339()),
                    false => found.published.clone(),
                };
                assert_eq!(kept.published, date);
            }
        }
        for account in &after.twitter_accounts {
            assert_eq!(account.account_name, "");
            assert_eq!(account.url, format!("https://x.com/i/user/{}", account.account_id));
        }
        assert!(
            after
                .searched
                .iter()
                .all(|searched| searched.network != Network::Twitter || searched.handle.is_empty())
        );
        assert!(after.image_url.is_some(), "the artwork is on its site, and no post's");
    }

    #[test]
    fn of_an_account_on_x_its_id_stays() {
        let record = sample_record();
        let answers = [Network::Twitter, Network::Bluesky].map(|network| {
            let mut record = record.clone();
            record.state.key = AccountKey::new(network, "12");
            let FrontAnswer::Account(records) = answer(FrontAnswer::Account(vec![record])) else { panic!() };
            (records[0].handles.len(), records[0].state.stated_posts, records[0].newest_seen)
        });
        assert_eq!(answers[0], (0, None, None));
        assert_eq!(answers[1], (record.handles.len(), record.state.stated_posts, record.newest_seen));
    }

    #[test]
    fn a_search_by_a_posts_address_shows_no_picture_of_it() {
        let search = QueryView { subject: "abc".to_owned(), id: "abc".to_owned(), ..sample_view() };
        assert_eq!(view(search).image_url, None);
        let post = PostKey::new(Network::Twitter, "20");
        let mut said = sample_view();
        for verdict in &mut said.verdicts {
            verdict.claim = Claim::Picture { post: post.clone(), image: None, is_same: true };
            verdict.handle = "jane".to_owned();
        }
        assert!(view(said).verdicts.iter().all(|verdict| verdict.handle.is_empty()));
    }
}

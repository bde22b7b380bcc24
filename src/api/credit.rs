//! The credit that an answer gives.

use std::collections::HashSet;

use super::answers::Answer;
use super::artist::ArtistAnswer;
use super::named_accounts::NamedAccountAnswer;
use crate::domain::credit::{Credit, CreditLink};

/// What there is to name of an answer about `page`: posts that show the artwork itself, each once, and the
/// artist's pages.
pub fn credit_of(answer: &Answer, page: Option<&str>) -> Credit {
    let mut seen = HashSet::new();
    let posts = answer.posts.iter().filter(|post| post.class.shows_artwork() && seen.insert(&post.url));
    let posts = posts.filter_map(|post| CreditLink::new(post.network.title(), &post.url)).collect();
    let accounts = answer.accounts.iter().filter_map(|account| {
        let network = account.network.title();
        let label = match account.handle.as_str() {
            "" => network.to_owned(),
            handle => format!("@{handle} ({network})"),
        };
        CreditLink::new(label, &account.url)
    });
    let elsewhere = answer.elsewhere.iter().filter_map(|page| CreditLink::new(&page.site, &page.url));
    Credit {
        posts,
        accounts: accounts.collect(),
        elsewhere: elsewhere.collect(),
        page: page.and_then(|page| CreditLink::new(page, page)),
        artist: answer
            .accounts
            .iter()
            .map(|account| account.handle.clone())
            .find(|handle| !handle.is_empty()),
    }
}

/// What there is to name of an artist who was asked for alone: accounts that people can go to, and the other
/// pages.
pub fn credit_of_artist(answer: &ArtistAnswer, page: &str) -> Credit {
    let accounts = || answer.accounts.iter().filter(|account| account.state.may_be_there());
    let link = |account: &NamedAccountAnswer| {
        let network = account.network.title();
        let label = account.handle.as_ref().map(|handle| format!("@{handle} ({network})"));
        CreditLink::new(label.unwrap_or_else(|| network.to_owned()), &account.url)
    };
    let elsewhere = answer.elsewhere.iter().filter_map(|page| CreditLink::new(&page.site, &page.url));
    Credit {
        posts: Vec::new(),
        accounts: accounts().filter_map(link).collect(),
        elsewhere: elsewhere.collect(),
        page: CreditLink::new(page, page),
        artist: accounts().find_map(|account| account.handle.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::samples::{sample_artist, sample_view};
    use crate::domain::credit::{Markup, Template};
    use crate::domain::images::MatchClass;

    #[test]
    fn posts_that_show_the_artwork_itself_are_named_once() {
        let mut answer = Answer::from(&sample_view());
        let post = answer.posts[0].clone();
        for class in MatchClass::ALL {
            answer.posts = vec![post.clone(), post.clone()];
            answer.posts.iter_mut().for_each(|post| post.class = class);
            let credit = credit_of(&answer, None);
            assert_eq!(credit.posts.len(), usize::from(class.shows_artwork()), "{class:?}");
            let text = Template::built_in(Markup::Plain, "en").fill(&credit, Markup::Plain);
            assert_eq!(text.contains(&post.url), class.shows_artwork(), "{text}");
            assert!(text.contains(&answer.accounts[0].url), "{text}");
        }
    }

    #[test]
    fn an_artists_credit_names_those_who_may_be_there() {
        let page = "https://a.example/art/1";
        let credit = credit_of_artist(&ArtistAnswer::of(&sample_artist(), true), page);
        let text = Template::built_in(Markup::Plain, "en").fill(&credit, Markup::Plain);
        let addresses: Vec<&str> = text.lines().filter(|line| line.starts_with("https://")).collect();
        let expect = [
            "https://x.com/jane_paints",
            "https://bsky.app/profile/jane.example",
            "https://bsky.app/profile/private.example",
            "https://art.example/@closed",
            "https://x.com/i/user/104",
            "https://www.instagram.com/jane_paints/",
        ];
        assert_eq!(addresses, expect, "{text}");
    }
}

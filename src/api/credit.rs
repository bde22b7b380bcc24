//! The credit that an answer gives.

use std::collections::HashSet;

use super::answers::Answer;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::samples::sample_view;
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
}

//! How far posts lie from the dates of the pages that they were found for: what tells an operator which
//! windows to set (`scan.windows_days`). Pure; begins anew with the broker.

use std::time::Duration;

use crate::base::Timestamp;
use crate::proto::view::{LAG_BOUNDS_DAYS, PostLagsView};

const DAY: Duration = Duration::from_hours(24);

#[derive(Debug, Default)]
pub struct PostLags(PostLagsView);

impl PostLags {
    /// A page of this date was found in a post of that date; `is_named`: the page itself named the post.
    pub fn note(&mut self, page: Option<Timestamp>, post: Option<Timestamp>, is_named: bool) {
        let view = &mut self.0;
        if is_named {
            view.named += 1;
            return;
        }
        let (Some(page), Some(post)) = (page, post) else {
            view.undated += 1;
            return;
        };
        let lag = post.since(page).max(page.since(post));
        let within = LAG_BOUNDS_DAYS.iter().position(|days| lag <= DAY * *days);
        match within.and_then(|place| view.within.get_mut(place)) {
            Some(count) => *count += 1,
            None => view.beyond += 1,
        }
    }

    pub fn view(&self) -> PostLagsView {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lags_count_both_ways() {
        let mut lags = PostLags::default();
        let page = Timestamp::parse_rfc3339("2024-03-14T12:00:00Z").unwrap();
        let mut at = |text: &str| lags.note(Some(page), Timestamp::parse_rfc3339(text), false);
        at("2024-03-14T12:00:00Z");
        at("2024-03-13T12:00:00Z");
        at("2024-03-13T11:59:59Z");
        at("2024-03-21T12:00:00Z");
        at("2024-04-10T00:00:00Z");
        at("2023-10-01T00:00:00Z");
        at("2026-10-01T00:00:00Z");
        lags.note(None, Some(page), false);
        lags.note(Some(page), None, false);
        lags.note(Some(page), None, true);
        let expect = PostLagsView { named: 1, within: [2, 2, 1, 1], beyond: 1, undated: 2 };
        assert_eq!(lags.view(), expect);
    }
}

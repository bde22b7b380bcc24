//! The keys for X, asked about with a call that costs nothing, and the clock, by the date of the answer.

use std::time::Duration;

use super::finding::Finding;
use crate::base::Timestamp;
use crate::config::Twitter;
use crate::fetch::{Fetch, FetchError};
use crate::networks::twitter::{KeyState, Usage, check_key};

const KEY: &str = "key for X";
const CLOCK: &str = "clock";
/// Rate-limit windows and dates of posts bear a difference like this.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(30);

/// Without any key.
pub fn none() -> Finding {
    Finding::warning(
        KEY,
        "none: X is not searched",
        "put a bearer token under [[twitter.credentials]] (developer.x.com, your app, \"Keys and tokens\")",
    )
}

/// One finding for each key, and one for the clock.
pub fn check(fetch: &dyn Fetch, settings: &Twitter) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut clock = None;
    for (index, credential) in settings.credentials.iter().enumerate() {
        let asked = check_key(fetch, &settings.api_url, &credential.bearer_token);
        let ours = Timestamp::now();
        if let Ok((_, Some(theirs))) = &asked {
            clock = Some(judge_clock(ours, *theirs));
        }
        let number = index + 1;
        findings.push(judge(&format!("number {number} of {}", settings.credentials.len()), asked));
    }
    findings.extend(clock);
    findings
}

fn judge(name: &str, asked: Result<(KeyState, Option<Timestamp>), FetchError>) -> Finding {
    match asked {
        Ok((KeyState::Works(usage), _)) => {
            Finding::ok(KEY, format!("{name} works{}; asking cost nothing", describe(&usage)))
        }
        Ok((KeyState::Refused { why }, _)) => Finding::failed(
            KEY,
            format!("{name} is refused: {why}"),
            "make a new bearer token at developer.x.com and put it under [[twitter.credentials]]",
        ),
        Ok((KeyState::UsedUp { why }, _)) => Finding::failed(
            KEY,
            format!("{name} may read nothing more: {why}"),
            "buy credits at developer.x.com, or wait for the next billing period",
        ),
        Ok((KeyState::Limited, _)) => Finding::warning(
            KEY,
            format!("{name} was asked about too often lately"),
            "check again in a quarter of an hour",
        ),
        Ok((KeyState::Odd { why }, _)) => Finding::warning(
            KEY,
            format!("{name} could not be checked: {why}"),
            "check again later; is twitter.api_url right?",
        ),
        Err(error) => Finding::failed(
            KEY,
            format!("{name} could not be checked: {error}"),
            "is this machine connected, and may it reach the API (proxy, firewall, DNS)?",
        ),
    }
}

fn describe(usage: &Usage) -> String {
    let Some(read) = usage.read else { return String::new() };
    let cap = usage.cap.map_or_else(String::new, |cap| format!(" of {cap}"));
    let until = usage.reset_day.map_or_else(String::new, |day| format!(" until day {day} of the month"));
    format!(", {read}{cap} posts read{until}")
}

fn judge_clock(ours: Timestamp, theirs: Timestamp) -> Finding {
    let (fast, slow) = (ours.since(theirs), theirs.since(ours));
    let (difference, word) = if fast > slow { (fast, "fast") } else { (slow, "slow") };
    if difference <= CLOCK_TOLERANCE {
        return Finding::ok(CLOCK, "agrees with the API's");
    }
    Finding::warning(
        CLOCK,
        format!("{} s {word} by the API's", difference.as_secs()),
        "set it, best with NTP: timedatectl set-ntp true",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::check::finding::Verdict;

    #[test]
    fn the_clock_may_be_a_little_wrong() {
        let noon = Timestamp::from_secs(1_700_000_000);
        assert_eq!(judge_clock(noon, noon).verdict, Verdict::Ok);
        let fast = judge_clock(noon.plus(Duration::from_secs(300)), noon);
        assert_eq!((fast.verdict, fast.what.as_str()), (Verdict::Warning, "300 s fast by the API's"));
        assert_eq!(judge_clock(noon, noon.plus(Duration::from_secs(31))).what, "31 s slow by the API's");
    }

    #[test]
    fn a_working_key_tells_what_was_read() {
        let usage = Usage { read: Some(51_200), cap: Some(2_000_000), reset_day: Some(8) };
        assert_eq!(
            judge("number 1 of 1", Ok((KeyState::Works(usage), None))).what,
            "number 1 of 1 works, 51200 of 2000000 posts read until day 8 of the month; asking cost nothing"
        );
        let refused = judge("number 1 of 1", Ok((KeyState::Refused { why: "w".into() }, None)));
        assert_eq!(refused.verdict, Verdict::Failed);
    }
}

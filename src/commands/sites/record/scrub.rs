//! Takes out of a recording what nobody needs: secrets always, and every value without which the page is read
//! just the same.

use std::ops::Range;
use std::time::Duration;

use super::leaves::{Leaf, leaves};
use crate::base::clock::Monotonic;
use crate::sites::recording::{Exchange, REDACTED, Reading, Replay};

/// Readings of the page that the search for needless values may take; what is not decided then stays.
const MAX_READINGS: usize = 4000;

/// The same as a time.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// How much was replaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scrubbed {
    pub replaced: usize,
    /// Values that the reader needs.
    pub needed: usize,
}

/// Replaces the operator's `secrets` everywhere, then tokens and mail addresses, then every other value of
/// the bodies on which the reading does not depend. Answers what is read of the outcome; `None` where nothing
/// reads such a page.
pub fn scrub(url: &str, exchanges: &mut [Exchange], secrets: &[String]) -> (Option<Reading>, Scrubbed) {
    for secret in secrets {
        replace_everywhere(exchanges, secret, REDACTED);
    }
    let mut replaced = 0;
    for index in 0..exchanges.len() {
        let hidden: Vec<Leaf> =
            leaves(&exchanges[index].body).into_iter().filter(|leaf| leaf.is_secret).collect();
        replaced += hidden.len();
        let values = hidden.iter().map(|leaf| (exchanges[index].body[leaf.range.clone()].to_owned(), leaf));
        let values: Vec<(String, String)> =
            values.map(|(value, leaf)| (value, leaf.masked.clone())).collect();
        exchanges[index].body = with(&exchanges[index].body, hidden.iter());
        for (value, masked) in values.into_iter().filter(|(value, _)| value.len() >= 8) {
            // A session's number that an answer gives stands in the next question's address.
            replace_everywhere(exchanges, &value, &masked);
        }
    }
    let Some(read) = Replay(exchanges).read(url) else {
        return (None, Scrubbed { replaced, needed: 0 });
    };
    let mut search = Search::new(url, exchanges, &read);
    let all = search.leaves.len();
    search.mask(0..all);
    let masked = search.masked.iter().filter(|masked| **masked).count();
    let bodies: Vec<String> = (0..exchanges.len()).map(|index| search.body(index)).collect();
    for (exchange, body) in exchanges.iter_mut().zip(bodies) {
        exchange.body = body;
    }
    (Some(read), Scrubbed { replaced: replaced + masked, needed: all - masked })
}

fn replace_everywhere(exchanges: &mut [Exchange], what: &str, by: &str) {
    // A number that is no secret elsewhere, such as that of the operator's account, may be a part of others.
    let is_number = what.bytes().all(|byte| byte.is_ascii_digit());
    let encoded: String = url::form_urlencoded::byte_serialize(what.as_bytes()).collect();
    for exchange in exchanges {
        let Exchange { url, answered_by, headers, body, failure, .. } = exchange;
        let body = Some(body).filter(|_| !is_number);
        let texts = [url, answered_by].into_iter().chain(body).chain(failure.as_mut());
        for text in texts.chain(headers.iter_mut().map(|(_, value)| value)) {
            for form in [what, encoded.as_str()] {
                if text.contains(form) {
                    *text = text.replace(form, by);
                }
            }
        }
    }
}

/// The body with these values masked, which stand in it in this order.
fn with<'a>(body: &str, leaves: impl Iterator<Item = &'a Leaf>) -> String {
    let mut masked = String::with_capacity(body.len());
    let mut at = 0;
    for leaf in leaves {
        masked.push_str(&body[at..leaf.range.start]);
        masked.push_str(&leaf.masked);
        at = leaf.range.end;
    }
    masked.push_str(&body[at..]);
    masked
}

/// Looks for the values that the reading depends on, by halves: a half that can be masked whole is done.
struct Search<'a> {
    url: &'a str,
    exchanges: Vec<Exchange>,
    read: &'a Reading,
    /// The original bodies.
    bodies: Vec<String>,
    /// With the index of the body.
    leaves: Vec<(usize, Leaf)>,
    masked: Vec<bool>,
    readings: usize,
    started: Monotonic,
}

impl<'a> Search<'a> {
    fn new(url: &'a str, exchanges: &[Exchange], read: &'a Reading) -> Search<'a> {
        let bodies: Vec<String> = exchanges.iter().map(|exchange| exchange.body.clone()).collect();
        let of_body = |(index, body): (usize, &String)| {
            let found = leaves(body).into_iter().filter(|leaf| !leaf.is_secret);
            found.map(move |leaf| (index, leaf)).collect::<Vec<_>>()
        };
        let leaves: Vec<(usize, Leaf)> = bodies.iter().enumerate().flat_map(of_body).collect();
        let masked = vec![false; leaves.len()];
        let exchanges = exchanges.to_vec();
        Search { url, exchanges, read, bodies, leaves, masked, readings: 0, started: Monotonic::now() }
    }

    fn body(&self, index: usize) -> String {
        let masked =
            self.leaves.iter().zip(&self.masked).filter(|((of, _), masked)| *of == index && **masked);
        with(&self.bodies[index], masked.map(|((_, leaf), _)| leaf))
    }

    fn mask(&mut self, range: Range<usize>) {
        let spent = self.readings >= MAX_READINGS || Monotonic::now().since(self.started) >= TIME_LIMIT;
        if range.is_empty() || spent {
            return;
        }
        self.masked[range.clone()].fill(true);
        if self.reads_the_same() {
            return;
        }
        self.masked[range.clone()].fill(false);
        if range.len() > 1 {
            let middle = range.start + range.len() / 2;
            self.mask(range.start..middle);
            self.mask(middle..range.end);
        }
    }

    fn reads_the_same(&mut self) -> bool {
        self.readings += 1;
        for index in 0..self.exchanges.len() {
            self.exchanges[index].body = self.body(index);
        }
        Replay(&self.exchanges).read(self.url).as_ref() == Some(self.read)
    }
}

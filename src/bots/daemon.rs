//! Asks the daemon, as any client does: over its HTTP API, with a key.

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use tokio::time::Instant;
use url::Url;

use super::outcome::{Failure, Outcome};
use super::words::Words;
use crate::base::ids::Network;
use crate::config::Secret;
use crate::domain::credit::{Credit, CreditLink, Markup, Template};
use crate::fetch::few_hosts::{FewHosts, FewHostsError, Question, Reply, Verb};
use crate::telemetry::events;

/// How long the daemon may take for one answer.
const TIMEOUT: Duration = Duration::from_secs(30);
/// An answer to a search by image names some hundred posts at most.
const MAX_ANSWER_BYTES: usize = 4 << 20;
/// The pause between two questions about the same search grows from the first to the second.
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(5)];
/// How long there may be no answer to any question before it is given up: a daemon that is started again, on
/// a large database, is away for less.
const MAX_SILENCE: Duration = Duration::from_secs(60);
/// What is told with status 200 where the key has as many requests in progress as it may.
const LATER: &str = "YOUR_IP_HAS_MAX_PROCESSING_REQUESTS";
/// Posts of a search by image that are named: the closest.
const MAX_POSTS: usize = 5;

/// The daemon, as a bot knows it.
pub struct Daemon {
    hosts: Rc<FewHosts>,
    server: String,
    authorization: Option<String>,
    words: &'static Words,
    markup: Markup,
    max_silence: Duration,
}

/// What is read of an answer, and nothing else: it may be that of another version.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Answer {
    status: Option<String>,
    error: Option<String>,
    identifier: Option<String>,
    posts: Vec<Post>,
    accounts: Vec<Account>,
    artwork_pages: Vec<Page>,
}

#[derive(Debug, Deserialize)]
struct Post {
    url: String,
    network: String,
    class: String,
}

#[derive(Debug, Deserialize)]
struct Account {
    url: String,
    network: String,
    handle: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Page {
    url: String,
    class: String,
}

impl Daemon {
    /// `server` is its base URL; `hosts` may ask it.
    pub fn new(
        hosts: Rc<FewHosts>,
        server: &Url,
        key: Option<&Secret>,
        words: &'static Words,
        markup: Markup,
    ) -> Daemon {
        Daemon {
            hosts,
            server: server.as_str().trim_end_matches('/').to_owned(),
            authorization: key.map(|key| format!("Bearer {}", key.reveal())),
            words,
            markup,
            max_silence: MAX_SILENCE,
        }
    }

    /// The credit for the artwork on the page at `link`, if it is there by `deadline`.
    pub async fn credit(&self, link: &str, deadline: Instant) -> Outcome {
        let page = url::form_urlencoded::byte_serialize(link.as_bytes()).collect::<String>();
        let (markup, language) = (self.markup, self.words.language);
        let target = format!("/credit?markup={markup}&lang={language}&url={page}");
        let reply = self.ended(deadline, |_| true, || self.get(&target)).await?;
        match reply.status {
            200 => Ok(String::from_utf8_lossy(&reply.body).into_owned()),
            // Its text says why to people; the code, which programs go by, is in the query's own answer.
            404 => {
                let target = format!("/query?url={page}");
                let answer = read(&self.ended(deadline, has_ended, || self.get(&target)).await?)?;
                Err(Failure::of_link(answer.error.as_deref()))
            }
            400 => Err(Failure::NotSupported),
            status => Err(self.refused(status)),
        }
    }

    /// Hands a picture over; returns the name of the search.
    pub async fn begin_search(&self, picture: Bytes, deadline: Instant) -> Result<String, Failure> {
        let begin = || {
            let mut question = self.get("/search");
            question.verb = Verb::Post;
            question.body = Some(("application/octet-stream", picture.clone()));
            question
        };
        let reply = self.ended(deadline, |_| true, begin).await?;
        let begun = match reply.status {
            200 => read(&reply)?,
            403 => return Err(Failure::PicturesOff),
            413 => return Err(Failure::PictureTooBig),
            400 | 415 => return Err(Failure::PictureUnreadable),
            status => return Err(self.refused(status)),
        };
        let failed = || Failure::of_picture(begun.error.as_deref());
        begun.identifier.filter(|_| begun.error.is_none()).ok_or_else(failed)
    }

    /// The posts that a search by image finds, if they are there by `deadline`.
    pub async fn found(&self, identifier: &str, deadline: Instant) -> Outcome {
        let identifier = url::form_urlencoded::byte_serialize(identifier.as_bytes()).collect::<String>();
        let target = format!("/search?identifier={identifier}");
        let reply = self.ended(deadline, has_ended, || self.get(&target)).await?;
        match reply.status {
            200 => self.told(read(&reply)?),
            status => Err(self.refused(status)),
        }
    }

    /// What a search by image has found, as a credit.
    fn told(&self, answer: Answer) -> Outcome {
        if let Some(code) = answer.error {
            return Err(Failure::of_picture(Some(&code)));
        }
        let shows = |class: &str| matches!(class, "identical" | "recompressed");
        let title = |network: &str| {
            Network::from_name(network)
                .map_or_else(|| network.to_owned(), |network| network.title().to_owned())
        };
        let mut posts: Vec<CreditLink> = Vec::new();
        for post in answer.posts.iter().filter(|post| shows(&post.class)) {
            let link = CreditLink::new(title(&post.network), &post.url);
            posts.extend(link.filter(|link| !posts.contains(link) && posts.len() < MAX_POSTS));
        }
        let accounts = answer.accounts.iter().filter_map(|account| {
            let network = title(&account.network);
            let handle = account.handle.as_deref().filter(|handle| !handle.is_empty());
            let label = handle.map_or_else(|| network.clone(), |handle| format!("@{handle} ({network})"));
            CreditLink::new(label, &account.url)
        });
        let credit = Credit { posts, accounts: accounts.collect(), ..Credit::default() };
        let mut text = Template::built_in(self.markup, self.words.language).fill(&credit, self.markup);
        if let Some(page) = answer.artwork_pages.iter().find(|page| shows(&page.class))
            && let Some(link) = CreditLink::new("", &page.url)
        {
            let between = if text.is_empty() { "" } else { "\n\n" };
            text = format!("{text}{between}{}\n{}", self.words.page, link.url());
        }
        match text.is_empty() {
            true => Err(Failure::PictureUnknown),
            false => Ok(text),
        }
    }

    fn get(&self, target: &str) -> Question {
        // Its base is a URL, and what was added is percent-encoded.
        let url = Url::parse(&format!("{}{target}", self.server)).expect("an address below a base URL");
        let question = Question::get(url, MAX_ANSWER_BYTES, TIMEOUT);
        match &self.authorization {
            Some(authorization) => question.header("authorization", authorization),
            None => question,
        }
    }

    /// Asks until the daemon does not say "later" any more, and `has_ended` is content; patient with one that
    /// is restarted, itself or behind a proxy that says so.
    async fn ended(
        &self,
        deadline: Instant,
        has_ended: impl Fn(&Reply) -> bool,
        question: impl Fn() -> Question,
    ) -> Result<Reply, Failure> {
        let [mut pause, longest] = PAUSES;
        let mut silent_since = None;
        loop {
            let wait = match self.hosts.ask(question()).await {
                Ok(reply) if is_later(&reply) => {
                    silent_since = None;
                    reply.retry_after.map_or(pause, |wait| wait.min(Duration::from_secs(30))).max(pause)
                }
                Ok(Reply { status: 502 | 504, .. }) if !self.is_silent_too_long(&mut silent_since) => pause,
                Ok(reply) if has_ended(&reply) => return Ok(reply),
                Ok(_) => {
                    silent_since = None;
                    pause
                }
                Err(error) => {
                    let is_passing =
                        !matches!(error, FewHostsError::TooBig { .. } | FewHostsError::Forbidden { .. });
                    if !is_passing || self.is_silent_too_long(&mut silent_since) {
                        events::bot_without_daemon(&error);
                        return Err(Failure::Unavailable);
                    }
                    pause
                }
            };
            if Instant::now() + wait > deadline {
                return Err(Failure::GoesOn);
            }
            tokio::time::sleep(wait).await;
            pause = (pause * 2).min(longest);
        }
    }

    fn is_silent_too_long(&self, since: &mut Option<Instant>) -> bool {
        let now = Instant::now();
        now.duration_since(*since.get_or_insert(now)) >= self.max_silence
    }

    fn refused(&self, status: u16) -> Failure {
        events::bot_refused_by_daemon(status);
        Failure::Unavailable
    }
}

/// Whether the daemon was too busy to take the question up: it is asked again later.
fn is_later(reply: &Reply) -> bool {
    matches!(reply.status, 202 | 429 | 503)
        || reply.status == 200 && read(reply).is_ok_and(|answer| answer.error.as_deref() == Some(LATER))
}

/// Whether the search has ended, so that nothing more is asked about it.
fn has_ended(reply: &Reply) -> bool {
    reply.status != 200
        || read(reply).map_or(true, |answer| answer.status.is_none_or(|status| status == "END"))
}

fn read(reply: &Reply) -> Result<Answer, Failure> {
    serde_json::from_slice(&reply.body).map_err(|_| Failure::Unavailable)
}

#[cfg(test)]
mod tests {
    use super::super::words::{ENGLISH, FRENCH};
    use super::*;
    use crate::config::Settings;

    fn daemon(words: &'static Words, markup: Markup) -> Daemon {
        let own: Url = "http://127.0.0.1:1".parse().unwrap();
        let hosts = Rc::new(FewHosts::new(&Settings::default(), &[], own.clone()).unwrap());
        Daemon::new(hosts, &own, None, words, markup)
    }

    fn told(daemon: &Daemon, answer: &str) -> Outcome {
        daemon.told(serde_json::from_str(answer).unwrap())
    }

    #[test]
    fn a_picture_is_told_by_its_closest_posts() {
        let english = daemon(&ENGLISH, Markup::Plain);
        let post = r#"{"url": "https://x.com/a/status/1", "network": "twitter", "class": "identical"}"#;
        let other = r#"{"url": "https://x.com/b/status/2", "network": "twitter", "class": "similar"}"#;
        let script = r#"{"url": "javascript:alert(1)", "network": "new", "class": "identical"}"#;
        let page = r#"{"url": "https://danbooru.donmai.us/posts/1", "class": "recompressed"}"#;
        let text =
            told(&english, &format!(r#"{{"status": "END", "posts": [{post}, {post}, {other}, {script}]}}"#));
        assert_eq!(text, Ok("Posts:\nhttps://x.com/a/status/1".to_owned()));
        let both =
            format!(r#"{{"status": "END", "error": null, "posts": [{post}], "artwork_pages": [{page}]}}"#);
        let french = daemon(&FRENCH, Markup::Markdown);
        assert_eq!(
            told(&french, &both),
            Ok("**Publications\u{a0}:** [X](https://x.com/a/status/1)\n\nLa page de l'illustration\u{a0}:\n\
                https://danbooru.donmai.us/posts/1"
                .to_owned())
        );
        assert_eq!(told(&english, &format!(r#"{{"posts": [{other}]}}"#)), Err(Failure::PictureUnknown));
        assert_eq!(told(&english, r#"{"error": "CANNOT_GET_IMAGE"}"#), Err(Failure::PictureUnreadable));
        assert_eq!(told(&english, r#"{"error": "OF_A_LATER_VERSION"}"#), Err(Failure::Failed));
    }

    #[test]
    fn a_daemon_with_too_much_to_do_is_asked_later() {
        let check = |status: u16, body: &str, expect: (bool, bool)| {
            let reply = Reply { status, retry_after: None, body: Bytes::copy_from_slice(body.as_bytes()) };
            assert_eq!((is_later(&reply), has_ended(&reply)), expect, "{status} {body}");
        };
        check(200, r#"{"error": "YOUR_IP_HAS_MAX_PROCESSING_REQUESTS"}"#, (true, true));
        check(200, r#"{"status": "END", "error": "CANNOT_GET_IMAGE"}"#, (false, true));
        check(200, r#"{"status": "Searching"}"#, (false, false));
        check(200, "Posts:", (false, true));
        check(503, "", (true, true));
        check(404, "", (false, true));
    }

    /// Silence is a matter of time: a refused connection is known at once.
    #[tokio::test(flavor = "current_thread")]
    async fn a_daemon_that_is_away_is_given_up_after_a_while() {
        let mut away = daemon(&ENGLISH, Markup::Plain);
        away.max_silence = Duration::ZERO;
        let long = Instant::now() + Duration::from_secs(600);
        assert_eq!(away.credit("https://a.example", long).await, Err(Failure::Unavailable));
        away.max_silence = Duration::from_secs(900);
        let short = Instant::now() + Duration::from_secs(2);
        assert_eq!(away.credit("https://a.example", short).await, Err(Failure::GoesOn), "it may come back");
    }
}

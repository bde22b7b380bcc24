//! The network's API, version 2, for an application's token: users, timelines, full-archive search,
//! posts. Requests are checked as strictly as the real service does, so that a mistake of the client
//! shows here and not on the day it runs for money. Answers have the shape of the published OpenAPI
//! documents, of both its dialects: `tweet.fields` and, since 2026, `post.fields`.

mod check;
pub mod media;
mod render;

use serde_json::{Map, Value, json};

use self::check::{Dialect, Parameters};
use self::render::Renderer;
use crate::base::Timestamp;
use crate::demo::world::endpoint::Endpoint;
use crate::demo::world::exchange::{Answer, Call};
use crate::demo::world::facts::{AccountState, Facts, MediaKind, Post, Relation};
use crate::demo::world::ids::snowflake_time;
use crate::demo::world::limits::Limits;
use crate::demo::world::quirks::Quirks;
use crate::demo::world::site::State;

pub const API_HOSTS: &[&str] = &["api.x.com", "api.twitter.com"];
pub const OEMBED_HOSTS: &[&str] = &["publish.twitter.com", "publish.x.com"];

/// The only token that the API accepts.
pub const BEARER_TOKEN: &str = "demo-world-bearer-token";

/// The timeline ends here, whatever the account posted.
const TIMELINE_DEPTH: usize = 3200;

/// `Unknown` paths are answered with 404.
pub fn endpoint(call: &Call) -> Endpoint {
    match call.segments().as_slice() {
        ["2", "users", "by"] | ["2", "users", "by", "username", _] => Endpoint::UsersByHandle,
        ["2", "users"] => Endpoint::UsersById,
        ["2", "users", _, "tweets"] => Endpoint::Timeline,
        ["2", "tweets", "search", "all"] => Endpoint::Search,
        ["2", "tweets"] => Endpoint::PostsById,
        ["2", "usage", "tweets"] => Endpoint::Usage,
        _ => Endpoint::Unknown,
    }
}

/// Requests that an application may make in a window, as documented.
fn limit(endpoint: Endpoint) -> u32 {
    match endpoint {
        Endpoint::Timeline => 10_000,
        Endpoint::PostsById => 3500,
        _ => 300,
    }
}

/// Answers one request to the API.
pub fn answer(state: &State, call: &Call) -> Answer {
    answer_at(&state.facts, (&state.limits, &state.quirks), call, Timestamp::now())
}

fn answer_at(facts: &Facts, (limits, quirks): (&Limits, &Quirks), call: &Call, now: Timestamp) -> Answer {
    let endpoint = endpoint(call);
    if endpoint == Endpoint::Unknown {
        return Answer::json(404, &problem("Not Found", "about:blank", 404, "Not Found"));
    }
    if call.header("authorization") != Some(concat_bearer().as_str()) {
        return Answer::json(401, &problem("Unauthorized", "about:blank", 401, "Unauthorized"));
    }
    let window = limits.count(endpoint, limit(endpoint), now);
    let answer = if window.exceeded {
        Answer::json(429, &problem("Too Many Requests", "about:blank", 429, "Too Many Requests"))
    } else if let Some(body) = quirks.answer(call) {
        Answer::json(200, &body)
    } else {
        match respond(facts, endpoint, call, now) {
            Ok(mut body) => {
                quirks.apply(endpoint, call, &mut body);
                Answer::json(200, &body)
            }
            Err(invalid) => Answer::json(400, &invalid.body()),
        }
    };
    let reset = quirks.reset().unwrap_or(window.reset.secs());
    answer
        .with_header("x-rate-limit-limit", window.limit.to_string())
        .with_header("x-rate-limit-remaining", window.remaining.to_string())
        .with_header("x-rate-limit-reset", reset.to_string())
        .with_header("x-access-level", "read")
}

fn concat_bearer() -> String {
    format!("Bearer {BEARER_TOKEN}")
}

fn problem(title: &str, kind: &str, status: u16, detail: &str) -> Value {
    json!({ "title": title, "type": kind, "status": status, "detail": detail })
}

fn respond(facts: &Facts, endpoint: Endpoint, call: &Call, now: Timestamp) -> Result<Value, check::Invalid> {
    let segments = call.segments();
    match endpoint {
        Endpoint::UsersByHandle if segments.len() == 5 => {
            let parameters = Parameters::read(call, check::USER_BY_HANDLE)?;
            let handle = check::handle("username", segments[4])?;
            Ok(users(facts, &parameters, "username", &[handle], true))
        }
        Endpoint::UsersByHandle => {
            let parameters = Parameters::read(call, check::USERS_BY_HANDLE)?;
            let handles = parameters.list("usernames");
            Ok(users(facts, &parameters, "usernames", &handles, false))
        }
        Endpoint::UsersById => {
            let parameters = Parameters::read(call, check::USERS_BY_ID)?;
            let ids = parameters.list("ids");
            Ok(users(facts, &parameters, "ids", &ids, false))
        }
        Endpoint::Timeline => {
            let parameters = Parameters::read(call, check::TIMELINE)?;
            let id = check::id("id", segments.get(2).copied().unwrap_or_default())?;
            timeline(facts, &parameters, id)
        }
        Endpoint::Search => {
            let parameters = Parameters::read(call, check::SEARCH)?;
            search(facts, &parameters, now)
        }
        Endpoint::Usage => Parameters::read(call, check::USAGE).map(|parameters| usage(&parameters)),
        _ => {
            let parameters = Parameters::read(call, check::POSTS)?;
            Ok(posts_by_id(facts, &parameters))
        }
    }
}

/// What the application's project has read in this period, and may read.
fn usage(parameters: &Parameters) -> Value {
    let all = json!({
        "cap_reset_day": 8, "project_cap": "2000000", "project_id": "1", "project_usage": "51200",
    });
    let wanted = parameters.list("usage.fields");
    let is_wanted = |name: &String| wanted.is_empty() || wanted.contains(name);
    let fields = all.as_object().into_iter().flatten();
    json!({ "data": fields.filter(|(name, _)| is_wanted(name)).map(|(name, value)| (name.clone(), value.clone())).collect::<Map<_, _>>() })
}

/// Users by handle or by id; one alone (`/by/username/x`) is an object instead of a list.
fn users(facts: &Facts, parameters: &Parameters, parameter: &str, wanted: &[String], one: bool) -> Value {
    let renderer = Renderer::new(facts, parameters);
    let mut data = Vec::new();
    let mut errors = Vec::new();
    for value in wanted {
        let found = if parameter == "ids" {
            value.parse().ok().and_then(|id| facts.account_by_id(id))
        } else {
            facts.account_by_handle(value)
        };
        match found.map(|index| &facts.accounts[index]) {
            Some(account) if account.state == AccountState::Suspended => {
                errors.push(suspended(parameters.dialect, parameter, value));
            }
            Some(account) => data.push(renderer.user(account)),
            None => errors.push(user_not_found(parameters.dialect, parameter, value)),
        }
    }
    let mut body = Map::new();
    if one {
        if let Some(user) = data.pop() {
            body.insert("data".into(), user);
        }
    } else if !data.is_empty() {
        body.insert("data".into(), Value::Array(data));
    }
    if !errors.is_empty() {
        body.insert("errors".into(), Value::Array(errors));
    }
    Value::Object(body)
}

fn timeline(facts: &Facts, parameters: &Parameters, id: u64) -> Result<Value, check::Invalid> {
    let text = id.to_string();
    let Some(author) = facts.account_by_id(id) else {
        return Ok(json!({ "errors": [user_not_found(parameters.dialect, "id", &text)] }));
    };
    match facts.accounts[author].state {
        AccountState::Open => {}
        AccountState::Suspended => {
            return Ok(json!({ "errors": [suspended(parameters.dialect, "id", &text)] }));
        }
        AccountState::Private | AccountState::BlocksUs => {
            return Ok(json!({ "errors": [not_authorized(parameters.dialect, "user", "id", &text)] }));
        }
    }
    let range = parameters.range(Timestamp(i64::MIN), Timestamp(i64::MAX));
    let reach: Vec<&Post> =
        facts.posts_of(author).take(TIMELINE_DEPTH).filter(|post| range.holds(post.id)).collect();
    let excluded = parameters.list("exclude");
    let excludes = |kind: &str| excluded.iter().any(|word| word == kind);
    // What is excluded still counts for the page, as with the real service: pages can be short, even empty.
    let page =
        Page::cut(&reach, parameters.number("max_results", 10), parameters.token(&["pagination_token"])?);
    let shown: Vec<&Post> = page
        .posts
        .iter()
        .copied()
        .filter(|post| !matches!(post.relation, Relation::Repost(_)) || !excludes("retweets"))
        .filter(|post| !matches!(post.relation, Relation::Reply(_)) || !excludes("replies"))
        .collect();
    Ok(Renderer::new(facts, parameters).posts_page(&shown, page.next.as_deref()))
}

fn search(facts: &Facts, parameters: &Parameters, now: Timestamp) -> Result<Value, check::Invalid> {
    let query = Query::parse(parameters.text("query"))?;
    let month = std::time::Duration::from_secs(30 * 24 * 3600);
    // Without a start the real service looks back thirty days only.
    let start = if parameters.has("since_id") { Timestamp(i64::MIN) } else { now.minus(month) };
    let range = parameters.range(start, now.minus(std::time::Duration::from_secs(10)));
    let found: Vec<&Post> = facts
        .posts
        .iter()
        .filter(|post| !post.missed_by_search && range.holds(post.id))
        .filter(|post| query.matches(facts, post))
        .collect();
    let token = parameters.token(&["next_token", "pagination_token"])?;
    let page = Page::cut(&found, parameters.number("max_results", 10), token);
    Ok(Renderer::new(facts, parameters).posts_page(&page.posts, page.next.as_deref()))
}

fn posts_by_id(facts: &Facts, parameters: &Parameters) -> Value {
    let mut found = Vec::new();
    let mut errors = Vec::new();
    for id in parameters.list("ids") {
        let post = id.parse().ok().and_then(|id| facts.post(id));
        match post.map(|post| (post, facts.accounts[post.author].state)) {
            Some((post, AccountState::Open)) => found.push(post),
            Some((_, AccountState::Private | AccountState::BlocksUs)) => {
                errors.push(not_authorized(parameters.dialect, "tweet", "ids", &id));
            }
            Some((_, AccountState::Suspended)) | None => errors.push(resource_problem(
                parameters.dialect,
                "resource-not-found",
                "Not Found Error",
                &format!("Could not find tweet with ids: [{id}]."),
                "tweet",
                "ids",
                &id,
            )),
        }
    }
    let mut body = Renderer::new(facts, parameters).posts(&found);
    if !errors.is_empty() {
        body.insert("errors".into(), Value::Array(errors));
    }
    Value::Object(body)
}

fn user_not_found(dialect: Dialect, parameter: &str, value: &str) -> Value {
    let detail = format!("Could not find user with {parameter}: [{value}].");
    resource_problem(dialect, "resource-not-found", "Not Found Error", &detail, "user", parameter, value)
}

fn suspended(dialect: Dialect, parameter: &str, value: &str) -> Value {
    let detail = format!("User has been suspended: [{value}].");
    resource_problem(dialect, "resource-not-found", "Forbidden", &detail, "user", parameter, value)
}

fn not_authorized(dialect: Dialect, resource: &str, parameter: &str, value: &str) -> Value {
    let detail = format!("Sorry, you are not authorized to see the {resource} with {parameter}: [{value}].");
    let mut problem = resource_problem(
        dialect,
        "not-authorized-for-resource",
        "Authorization Error",
        &detail,
        resource,
        parameter,
        value,
    );
    problem["section"] = "data".into();
    problem
}

fn resource_problem(
    dialect: Dialect,
    kind: &str,
    title: &str,
    detail: &str,
    resource: &str,
    parameter: &str,
    value: &str,
) -> Value {
    json!({
        "value": value,
        "detail": detail,
        "title": title,
        "resource_type": resource,
        "parameter": parameter,
        "resource_id": value,
        "type": dialect.problem(kind),
    })
}

/// A page of a list that is sorted newest first.
struct Page<'a> {
    posts: Vec<&'a Post>,
    /// Names the page's last post. A full page has one even when nothing follows, as with the real
    /// service: the next page is then empty.
    next: Option<String>,
}

impl<'a> Page<'a> {
    fn cut(all: &[&'a Post], size: usize, after: Option<u64>) -> Page<'a> {
        let posts: Vec<&Post> =
            all.iter().copied().filter(|post| after.is_none_or(|last| post.id < last)).take(size).collect();
        let next = posts.last().filter(|_| posts.len() == size).map(|post| check::write_token(post.id));
        Page { posts, next }
    }
}

/// The operators of the search language that listing an artist needs. All must hold.
struct Query {
    /// A handle, or a number: the search takes both.
    from: Option<String>,
    terms: Vec<(bool, Term)>,
}

#[derive(Clone, Copy)]
enum Term {
    HasImages,
    HasMedia,
    IsRetweet,
    IsReply,
    IsQuote,
}

impl Query {
    fn parse(text: &str) -> Result<Query, check::Invalid> {
        let mut query = Query { from: None, terms: Vec::new() };
        for word in text.split_whitespace() {
            let (negated, operator) = word.strip_prefix('-').map_or((false, word), |rest| (true, rest));
            let term = match operator.split_once(':') {
                Some(("from", who)) if !negated => {
                    query.from = Some(check::account("query", who)?);
                    continue;
                }
                Some(("has", "images")) => Term::HasImages,
                Some(("has", "media")) => Term::HasMedia,
                Some(("is", "retweet")) => Term::IsRetweet,
                Some(("is", "reply")) => Term::IsReply,
                Some(("is", "quote")) => Term::IsQuote,
                _ => return Err(check::Invalid::query(text, operator)),
            };
            query.terms.push((negated, term));
        }
        // A query of conditions alone would be every post there is.
        if query.from.is_none() { Err(check::Invalid::query(text, text)) } else { Ok(query) }
    }

    fn matches(&self, facts: &Facts, post: &Post) -> bool {
        let author = &facts.accounts[post.author];
        let is_author =
            |who: &String| author.handle.eq_ignore_ascii_case(who) || author.id.to_string() == *who;
        let by = self.from.as_ref().is_some_and(is_author);
        let holds = |term: Term| match term {
            Term::HasMedia => !post.media.is_empty() || matches!(post.relation, Relation::BorrowsMedia(_)),
            Term::HasImages => {
                let is_photo = |media: &usize| facts.media[*media].kind == MediaKind::Photo;
                post.media.iter().any(is_photo) || matches!(post.relation, Relation::BorrowsMedia(_))
            }
            Term::IsRetweet => matches!(post.relation, Relation::Repost(_)),
            Term::IsReply => matches!(post.relation, Relation::Reply(_)),
            Term::IsQuote => matches!(post.relation, Relation::Quote(_)),
        };
        by && author.state == AccountState::Open
            && self.terms.iter().all(|(negated, term)| holds(*term) != *negated)
    }
}

/// Posts whose ids and times lie inside.
struct Range {
    after_id: u64,
    before_id: u64,
    from: Timestamp,
    until: Timestamp,
}

impl Range {
    fn holds(&self, id: u64) -> bool {
        let moment = snowflake_time(id);
        id > self.after_id && id < self.before_id && moment >= self.from && moment < self.until
    }
}

impl Parameters {
    fn range(&self, from: Timestamp, until: Timestamp) -> Range {
        Range {
            after_id: self.text("since_id").parse().unwrap_or(0),
            before_id: self.text("until_id").parse().unwrap_or(u64::MAX),
            from: Timestamp::parse_rfc3339(self.text("start_time")).unwrap_or(from),
            until: Timestamp::parse_rfc3339(self.text("end_time")).unwrap_or(until),
        }
    }
}

/// `publish.twitter.com/oembed?url=`: whether a post exists, without a token.
pub fn oembed(state: &State, call: &Call) -> Answer {
    let facts = &state.facts;
    let url = call.parameter("url").unwrap_or_default();
    let id = url
        .split_once("/status/")
        .map(|(_, rest)| rest.chars().take_while(char::is_ascii_digit).collect::<String>());
    let post = id.and_then(|id| id.parse().ok()).and_then(|id| facts.post(id));
    let Some(post) = post.filter(|post| facts.accounts[post.author].state == AccountState::Open) else {
        return Answer::json(
            404,
            &json!({ "error": "Sorry, that page does not exist", "request": "/oembed" }),
        );
    };
    let account = &facts.accounts[post.author];
    Answer::json(
        200,
        &json!({
            "url": format!("https://twitter.com/{}/status/{}", account.handle, post.id),
            "author_name": account.name,
            "author_url": format!("https://twitter.com/{}", account.handle),
            "html": format!("<blockquote class=\"twitter-tweet\"><p>{}</p></blockquote>\n", post.text),
            "width": 550,
            "height": null,
            "type": "rich",
            "cache_age": "3153600000",
            "provider_name": "Twitter",
            "provider_url": "https://twitter.com",
            "version": "1.0",
        }),
    )
}

#[cfg(test)]
mod tests;

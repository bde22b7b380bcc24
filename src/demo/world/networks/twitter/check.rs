//! What the API accepts: the parameters of each endpoint, their forms and bounds, and the error that
//! names the first wrong one. The tables are those of the published OpenAPI documents; a test compares. The
//! lists of names are in `fields.json`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::base::Timestamp;
use crate::demo::world::exchange::Call;
use crate::demo::world::ids::base36;

/// The two generations of names that the API goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    Tweet,
    Post,
}

impl Dialect {
    /// The address that names a kind of problem.
    pub fn problem(self, kind: &str) -> String {
        let host = match self {
            Dialect::Tweet => "api.twitter.com",
            Dialect::Post => "api.x.com",
        };
        format!("https://{host}/2/problems/{kind}")
    }

    /// `edit_history_tweet_ids` and its like.
    pub fn name(self, tweet: &'static str, post: &'static str) -> &'static str {
        match self {
            Dialect::Tweet => tweet,
            Dialect::Post => post,
        }
    }
}

/// The form of one parameter.
#[derive(Clone, Copy, Debug)]
pub enum Form {
    /// 1 to 100, separated by commas.
    Handles,
    Ids,
    Id,
    Number(usize, usize),
    Time,
    /// Some of the words of this list in `fields.json`, separated by commas, none twice.
    Words(&'static str),
    Token,
    Text {
        max_chars: usize,
    },
}

pub type Table = &'static [(&'static str, Form)];

/// A list of the names that a parameter may give. Those of `post.fields` are the published ones and what the
/// document's `Post` has beside them; the lists of users and of expansions are those of both dialects.
pub fn words(list: &str) -> &'static [String] {
    static LISTS: LazyLock<BTreeMap<String, Vec<String>>> = LazyLock::new(|| {
        serde_json::from_str(include_str!("fields.json")).expect("the file is part of the program")
    });
    LISTS.get(list).map_or(&[], Vec::as_slice)
}

const FIELDS_OF_POSTS: (&str, Form) = ("tweet.fields", Form::Words("tweet.fields"));
const FIELDS_OF_POSTS_NEW: (&str, Form) = ("post.fields", Form::Words("post.fields"));
const FIELDS_OF_USERS: (&str, Form) = ("user.fields", Form::Words("user.fields"));
const FIELDS_OF_MEDIA: (&str, Form) = ("media.fields", Form::Words("media.fields"));
const FIELDS_OF_POLLS: (&str, Form) = ("poll.fields", Form::Words("poll.fields"));
const FIELDS_OF_PLACES: (&str, Form) = ("place.fields", Form::Words("place.fields"));
const EXPAND_USERS: (&str, Form) = ("expansions", Form::Words("expansions of users"));
const EXPAND_POSTS: (&str, Form) = ("expansions", Form::Words("expansions of posts"));

pub const USER_BY_HANDLE: Table = &[FIELDS_OF_USERS, EXPAND_USERS, FIELDS_OF_POSTS, FIELDS_OF_POSTS_NEW];
pub const USERS_BY_HANDLE: Table =
    &[("usernames", Form::Handles), FIELDS_OF_USERS, EXPAND_USERS, FIELDS_OF_POSTS, FIELDS_OF_POSTS_NEW];
pub const USERS_BY_ID: Table =
    &[("ids", Form::Ids), FIELDS_OF_USERS, EXPAND_USERS, FIELDS_OF_POSTS, FIELDS_OF_POSTS_NEW];
pub const POSTS: Table = &[
    ("ids", Form::Ids),
    FIELDS_OF_POSTS,
    FIELDS_OF_POSTS_NEW,
    EXPAND_POSTS,
    FIELDS_OF_MEDIA,
    FIELDS_OF_POLLS,
    FIELDS_OF_USERS,
    FIELDS_OF_PLACES,
];
pub const USAGE: Table = &[("days", Form::Number(1, 90)), ("usage.fields", Form::Words("usage.fields"))];
pub const TIMELINE: Table = &[
    ("since_id", Form::Id),
    ("until_id", Form::Id),
    ("max_results", Form::Number(5, 100)),
    ("pagination_token", Form::Token),
    ("exclude", Form::Words("exclude")),
    ("start_time", Form::Time),
    ("end_time", Form::Time),
    FIELDS_OF_POSTS,
    FIELDS_OF_POSTS_NEW,
    EXPAND_POSTS,
    FIELDS_OF_MEDIA,
    FIELDS_OF_POLLS,
    FIELDS_OF_USERS,
    FIELDS_OF_PLACES,
];
pub const SEARCH: Table = &[
    // 1,024 for an application on pay-per-use; the document's 4,096 is for Enterprise.
    ("query", Form::Text { max_chars: 1024 }),
    ("start_time", Form::Time),
    ("end_time", Form::Time),
    ("since_id", Form::Id),
    ("until_id", Form::Id),
    ("max_results", Form::Number(10, 500)),
    ("next_token", Form::Token),
    ("pagination_token", Form::Token),
    ("sort_order", Form::Words("sort_order")),
    FIELDS_OF_POSTS,
    FIELDS_OF_POSTS_NEW,
    EXPAND_POSTS,
    FIELDS_OF_MEDIA,
    FIELDS_OF_POLLS,
    FIELDS_OF_USERS,
    FIELDS_OF_PLACES,
];

/// Without these a request is refused.
const REQUIRED: &[&str] = &["usernames", "ids", "query"];

/// A request that the API refuses with 400.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    parameters: Vec<(String, String)>,
    message: String,
}

impl Invalid {
    fn new(name: &str, value: &str, message: String) -> Invalid {
        Invalid { parameters: vec![(name.to_owned(), value.to_owned())], message }
    }

    /// A word of a search query that this world's search does not understand.
    pub fn query(query: &str, word: &str) -> Invalid {
        let message =
            format!("There were errors processing your request: Reference to invalid operator '{word}'");
        Invalid::new("query", query, message)
    }

    pub fn body(&self) -> Value {
        let parameters: serde_json::Map<String, Value> =
            self.parameters.iter().map(|(name, value)| (name.clone(), json!([value]))).collect();
        json!({
            "errors": [{ "parameters": parameters, "message": self.message }],
            "title": "Invalid Request",
            "detail": "One or more parameters to your request was invalid.",
            "type": Dialect::Tweet.problem("invalid-request"),
        })
    }
}

/// A handle of 1 to 15 letters, digits and underscores.
pub fn handle(name: &str, value: &str) -> Result<String, Invalid> {
    let well = (1..=15).contains(&value.len())
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if well {
        return Ok(value.to_owned());
    }
    let message =
        format!("The `{name}` query parameter value [{value}] does not match ^[A-Za-z0-9_]{{1,15}}$");
    Err(Invalid::new(name, value, message))
}

/// A handle or an id, as the search's `from:` takes them.
pub fn account(name: &str, value: &str) -> Result<String, Invalid> {
    id(name, value).map(|_| value.to_owned()).or_else(|_| handle(name, value))
}

/// 1 to 19 digits.
pub fn id(name: &str, value: &str) -> Result<u64, Invalid> {
    let well = (1..=19).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_digit());
    value.parse().ok().filter(|_| well).ok_or_else(|| {
        Invalid::new(name, value, format!("The `{name}` query parameter value [{value}] is not valid"))
    })
}

/// A page token naming the last post of the page before.
pub fn write_token(last: u64) -> String {
    format!("7140{}", base36(last))
}

/// Checked parameters of one request.
#[derive(Debug)]
pub struct Parameters {
    given: Vec<(String, String)>,
    pub dialect: Dialect,
}

impl Parameters {
    /// # Errors
    /// The first parameter that is unknown, doubled, missing or of the wrong form.
    pub fn read(call: &Call, table: Table) -> Result<Parameters, Invalid> {
        let mut given: Vec<(String, String)> = Vec::new();
        for (name, value) in &call.query {
            let Some((_, form)) = table.iter().find(|(known, _)| known == name) else {
                let known: Vec<&str> = table.iter().map(|(known, _)| *known).collect();
                let message = format!("The query parameter [{name}] is not one of [{}]", known.join(","));
                return Err(Invalid::new(name, value, message));
            };
            if given.iter().any(|(earlier, _)| earlier == name) {
                return Err(Invalid::new(
                    name,
                    value,
                    format!("The query parameter [{name}] is given more than once"),
                ));
            }
            check(name, value, *form)?;
            given.push((name.clone(), value.clone()));
        }
        let parameters = Parameters {
            dialect: if given.iter().any(|(name, _)| name == "post.fields") {
                Dialect::Post
            } else {
                Dialect::Tweet
            },
            given,
        };
        if parameters.dialect == Dialect::Post && parameters.has("tweet.fields") {
            let message = "Both `tweet.fields` and `post.fields` are given".to_owned();
            return Err(Invalid::new("tweet.fields", parameters.text("tweet.fields"), message));
        }
        for (name, _) in table.iter().filter(|(name, _)| REQUIRED.contains(name)) {
            if !parameters.has(name) {
                let message = format!("The `{name}` query parameter can not be empty");
                return Err(Invalid::new(name, "", message));
            }
        }
        parameters.check_times()?;
        Ok(parameters)
    }

    fn check_times(&self) -> Result<(), Invalid> {
        let (start, end) = (self.text("start_time"), self.text("end_time"));
        let (Some(from), Some(until)) = (Timestamp::parse_rfc3339(start), Timestamp::parse_rfc3339(end))
        else {
            return Ok(());
        };
        if from < until {
            return Ok(());
        }
        let message = format!("Invalid 'start_time':'{start}'. 'start_time' must be before 'end_time':{end}");
        let parameters =
            vec![("start_time".to_owned(), start.to_owned()), ("end_time".to_owned(), end.to_owned())];
        Err(Invalid { parameters, message })
    }

    pub fn has(&self, name: &str) -> bool {
        self.given.iter().any(|(given, _)| given == name)
    }

    /// Empty where it was not given.
    pub fn text(&self, name: &str) -> &str {
        self.given.iter().find(|(given, _)| given == name).map_or("", |(_, value)| value)
    }

    pub fn list(&self, name: &str) -> Vec<String> {
        self.text(name).split(',').filter(|word| !word.is_empty()).map(str::to_owned).collect()
    }

    pub fn number(&self, name: &str, otherwise: usize) -> usize {
        self.text(name).parse().unwrap_or(otherwise)
    }

    /// The post that the first given token of these names.
    pub fn token(&self, names: &[&str]) -> Result<Option<u64>, Invalid> {
        let Some(name) = names.iter().find(|name| self.has(name)) else { return Ok(None) };
        let value = self.text(name);
        let last = value.strip_prefix("7140").and_then(|digits| u64::from_str_radix(digits, 36).ok());
        last.map(Some).ok_or_else(|| {
            Invalid::new(name, value, format!("The `{name}` query parameter value [{value}] is not valid"))
        })
    }
}

fn check(name: &str, value: &str, form: Form) -> Result<(), Invalid> {
    let words: Vec<&str> = value.split(',').collect();
    let wrong = |message: String| Err(Invalid::new(name, value, message));
    match form {
        Form::Handles | Form::Ids if words.len() > 100 => {
            return wrong(format!("size must be between 1 and 100 but `{name}` has {}", words.len()));
        }
        Form::Handles => {
            for word in words {
                handle(name, word)?;
            }
        }
        Form::Ids => {
            for word in words {
                id(name, word)?;
            }
        }
        Form::Id => {
            id(name, value)?;
        }
        Form::Number(min, max) => {
            if !value.parse().is_ok_and(|number: usize| (min..=max).contains(&number)) {
                return wrong(format!(
                    "The `{name}` query parameter value [{value}] is not between {min} and {max}"
                ));
            }
        }
        Form::Time => return check_time(name, value),
        Form::Words(list) => {
            let known = self::words(list);
            for (index, word) in words.iter().enumerate() {
                if !known.iter().any(|name| name == word) || words[..index].contains(word) {
                    return wrong(format!(
                        "The `{name}` query parameter value [{word}] is not one of [{}]",
                        known.join(",")
                    ));
                }
            }
        }
        Form::Token if value.is_empty() => {
            return wrong(format!("The `{name}` query parameter can not be empty"));
        }
        Form::Token => {}
        Form::Text { max_chars } => {
            let length = value.chars().count();
            if !(1..=max_chars).contains(&length) {
                return wrong(format!(
                    "Invalid '{name}':'{value}'. '{name}' must be between 1 and {max_chars} characters"
                ));
            }
        }
    }
    Ok(())
}

/// Whole seconds or milliseconds in UTC (`Z`), not before the network's first day.
fn check_time(name: &str, value: &str) -> Result<(), Invalid> {
    let first_day = Timestamp(1_142_899_200_000); // 2006-03-21T00:00:00Z
    let shaped = value.ends_with('Z') && value.as_bytes().get(10) == Some(&b'T');
    match Timestamp::parse_rfc3339(value).filter(|_| shaped) {
        Some(moment) if moment >= first_day => Ok(()),
        Some(_) => Err(Invalid::new(
            name,
            value,
            format!("Invalid '{name}':'{value}'. '{name}' must be on or after 2006-03-21T00:00Z"),
        )),
        None => Err(Invalid::new(
            name,
            value,
            format!("The `{name}` query parameter value [{value}] is not a valid RFC 3339 date-time in UTC"),
        )),
    }
}

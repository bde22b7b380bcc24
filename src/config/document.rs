//! The parameter file and the environment as one tree of values, each with the place it comes from.

use std::collections::BTreeMap;
use std::fmt;

use toml::de::{DeTable, DeValue};

use crate::base::counted;

/// Environment variables with this prefix set a key: `AOTF_HTTP__PORT` sets `http.port`.
const ENVIRONMENT_PREFIX: &str = "AOTF_";
/// Keys outside all sections. A variable without `__` is meant for the program only if it is, or nearly
/// is, one of these.
const OUTERMOST_KEYS: [&str; 3] = ["data_dir", "multiprocess", "networks"];
/// Variables with the prefix that are no keys: the file's name, and what the project's tests use.
const NOT_KEYS: [&str; 2] = ["AOTF_CONFIG", "AOTF_TEST_"];

/// Where a value, or a problem, stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The parameter file as a whole.
    File,
    /// A line of the parameter file, from 1.
    Line(usize),
    /// An environment variable.
    Environment(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::File => f.write_str("parameter file"),
            Place::Line(line) => write!(f, "line {line}"),
            Place::Environment(name) => f.write_str(name),
        }
    }
}

/// Something that an operator has to change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    pub place: Place,
    /// The key with its sections, `http.bind`; empty where no key is concerned.
    pub key: String,
    /// What is wrong, and what would be right. Never holds a secret.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.key.as_str() {
            "" => write!(f, "{}: {}", self.place, self.what),
            key => write!(f, "{}: {key}: {}", self.place, self.what),
        }
    }
}

/// A value and its place. For a table, the place is the one of its header.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub place: Place,
    pub value: Value,
}

#[derive(Clone, Debug)]
pub(super) enum Value {
    Text(String),
    /// `None` when it is too big for any setting.
    Integer(Option<i64>),
    Decimal(f64),
    Bool(bool),
    List(Vec<Node>),
    Table(Table),
    /// From the environment: the key decides what it is.
    Untyped(String),
    /// A type that no key has, by name.
    Other(&'static str),
}

pub(super) type Table = BTreeMap<String, Node>;

impl Value {
    /// For messages: `a text`, `a list`.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Value::Text(_) | Value::Untyped(_) => "a text",
            Value::Integer(_) => "a whole number",
            Value::Decimal(_) => "a number with a fraction",
            Value::Bool(_) => "true or false",
            Value::List(_) => "a list",
            Value::Table(_) => "a section",
            Value::Other(name) => name,
        }
    }
}

/// Reads TOML.
///
/// # Errors
/// Every mistake in its syntax.
pub(super) fn parse(text: &str) -> Result<Table, Vec<Problem>> {
    let lines = Lines::of(text);
    let (table, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        return Ok(convert_table(table.into_inner(), &lines));
    }
    let problem = |error: &toml::de::Error| Problem {
        place: error.span().map_or(Place::File, |span| lines.place(span.start)),
        key: String::new(),
        what: error.message().to_owned(),
    };
    Err(errors.iter().map(problem).collect())
}

fn convert_table(table: DeTable<'_>, lines: &Lines) -> Table {
    let convert = |(key, value): (toml::Spanned<_>, toml::Spanned<DeValue<'_>>)| {
        let place = lines.place(key.span().start);
        let key: std::borrow::Cow<'_, str> = key.into_inner();
        (key.into_owned(), Node { place, value: convert_value(value.into_inner(), lines) })
    };
    table.into_iter().map(convert).collect()
}

fn convert_value(value: DeValue<'_>, lines: &Lines) -> Value {
    match value {
        DeValue::String(text) => Value::Text(text.into_owned()),
        DeValue::Integer(integer) => {
            Value::Integer(i64::from_str_radix(integer.as_str(), integer.radix()).ok())
        }
        DeValue::Float(float) => Value::Decimal(float.as_str().replace('_', "").parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(value) => Value::Bool(value),
        DeValue::Datetime(_) => Value::Other("a date without quotes"),
        DeValue::Array(items) => Value::List(
            items
                .into_iter()
                .map(|item| {
                    let place = lines.place(item.span().start);
                    Node { place, value: convert_value(item.into_inner(), lines) }
                })
                .collect(),
        ),
        DeValue::Table(table) => Value::Table(convert_table(table, lines)),
    }
}

/// Where the lines of a text begin.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Lines {
        Lines(std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect())
    }

    fn place(&self, offset: usize) -> Place {
        Place::Line(self.0.partition_point(|start| *start <= offset))
    }
}

/// The key that an environment variable sets, by its sections; `None` for a variable that is none.
pub(super) fn key_of(name: &str) -> Option<Vec<String>> {
    let key = name.strip_prefix(ENVIRONMENT_PREFIX)?;
    if NOT_KEYS.iter().any(|start| name.starts_with(start)) {
        return None;
    }
    let path: Vec<String> = key.split("__").map(str::to_ascii_lowercase).collect();
    // Somebody else's variable (AOTF_HOME, AOTF_BIN ...) is no misspelled key.
    let is_foreign =
        |single: &String| !OUTERMOST_KEYS.iter().any(|known| strsim::jaro_winkler(known, single) > 0.85);
    match path.as_slice() {
        [single] if is_foreign(single) => None,
        _ => Some(path),
    }
}

/// Lays the environment over the file's values.
pub(super) fn overlay(table: &mut Table, environment: &[(String, String)]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (name, value) in environment {
        let Some(path) = key_of(name) else { continue };
        if let Err(what) = put(table, &path, name, value) {
            problems.push(Problem { place: Place::Environment(name.clone()), key: path.join("."), what });
        }
    }
    problems
}

fn put(table: &mut Table, path: &[String], name: &str, value: &str) -> Result<(), String> {
    let place = Place::Environment(name.to_owned());
    let Some((first, rest)) = path.split_first() else { return Ok(()) };
    if rest.is_empty() {
        table.insert(first.clone(), Node { place, value: Value::Untyped(value.to_owned()) });
        return Ok(());
    }
    let node = table.entry(first.clone()).or_insert(Node { place, value: Value::Table(Table::new()) });
    put_into(node, rest, name, value)
}

fn put_into(node: &mut Node, path: &[String], name: &str, value: &str) -> Result<(), String> {
    match &mut node.value {
        Value::Table(table) => put(table, path, name, value),
        Value::List(items) => {
            let Some((index, rest)) = path.split_first() else { return Ok(()) };
            let index: usize = index.parse().map_err(|_| "is a list: a number must follow".to_owned())?;
            if index == items.len() {
                let place = Place::Environment(name.to_owned());
                items.push(Node { place, value: Value::Table(Table::new()) });
            }
            let Some(item) = items.get_mut(index) else {
                return Err(format!(
                    "is a list with {} in the parameter file",
                    counted(items.len(), "entry")
                ));
            };
            put_into(item, rest, name, value)
        }
        other => Err(format!("is no section but {} in the parameter file", other.kind())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_know_their_lines() {
        let table = parse("a = 1\n[b]\nc = [\n  'x',\n  'y',\n]\n[[d]]\ne = true\n").unwrap();
        assert_eq!(table["a"].place, Place::Line(1));
        let Value::Table(b) = &table["b"].value else { panic!() };
        assert_eq!(b["c"].place, Place::Line(3));
        let Value::List(c) = &b["c"].value else { panic!() };
        assert_eq!(
            c.iter().map(|node| node.place.clone()).collect::<Vec<_>>(),
            [Place::Line(4), Place::Line(5)]
        );
    }

    #[test]
    fn every_mistake_in_the_syntax_is_told() {
        let problems = parse("a = \nb = 1\nc = 'x\n").unwrap_err();
        let lines: Vec<_> = problems.iter().map(|problem| problem.place.clone()).collect();
        assert_eq!(lines, [Place::Line(1), Place::Line(3)], "{problems:?}");
    }
}

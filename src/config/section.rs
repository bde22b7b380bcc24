//! Reads the keys of one section into settings, and collects everything that is wrong with them.

use std::cell::RefCell;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::document::{Node, Place, Problem, Table, Value};
use crate::base::MicroUsd;

/// Names further apart than this (1 is equal) are not offered as a correction.
const NEAREST_AT_LEAST: f64 = 0.75;

/// All problems found so far.
pub(super) type Problems = RefCell<Vec<Problem>>;

/// What is left of a section to be read. Each reading method names a key: it takes its value, or
/// notes a problem and leaves the default. [`Section::finish`] finds the keys that nobody named.
pub(super) struct Section<'a> {
    /// With a dot at its end, but for the outermost, which has no name.
    prefix: String,
    entries: Table,
    known: Vec<&'static str>,
    problems: &'a Problems,
}

impl<'a> Section<'a> {
    pub(super) fn outermost(entries: Table, problems: &'a Problems) -> Section<'a> {
        Section { prefix: String::new(), entries, known: Vec::new(), problems }
    }

    /// The section of this name; empty where the file has none.
    pub(super) fn section(&mut self, key: &'static str) -> Section<'a> {
        let prefix = format!("{}{key}.", self.prefix);
        let entries = match self.take(key) {
            None => Table::new(),
            Some(Node { value: Value::Table(table), .. }) => table,
            Some(node) => {
                self.wrong(key, &node, "must be a section");
                Table::new()
            }
        };
        Section { prefix, entries, known: Vec::new(), problems: self.problems }
    }

    /// The sections of a list such as `[[twitter.credentials]]`.
    pub(super) fn sections(&mut self, key: &'static str) -> Vec<Section<'a>> {
        let items = match self.take(key) {
            None => Vec::new(),
            Some(Node { value: Value::List(items), .. }) => items,
            // From the environment alone: AOTF_TWITTER__CREDENTIALS__0__BEARER_TOKEN.
            Some(Node { value: Value::Table(table), .. })
                if table.keys().all(|index| index.parse::<usize>().is_ok()) =>
            {
                table.into_values().collect()
            }
            Some(node) => {
                self.wrong(key, &node, "must be a list of sections");
                Vec::new()
            }
        };
        let mut sections = Vec::new();
        for (index, item) in items.into_iter().enumerate() {
            match item.value {
                Value::Table(entries) => {
                    let prefix = format!("{}{key}.{index}.", self.prefix);
                    sections.push(Section { prefix, entries, known: Vec::new(), problems: self.problems });
                }
                _ => self.wrong(key, &item, "must be a list of sections"),
            }
        }
        sections
    }

    /// A text that `convert` makes a value of, or says what it must be.
    pub(super) fn text<T>(
        &mut self,
        key: &'static str,
        target: &mut T,
        convert: impl FnOnce(&str) -> Result<T, String>,
    ) {
        let Some(node) = self.take(key) else { return };
        let result = match &node.value {
            Value::Text(text) | Value::Untyped(text) => convert(text),
            other => Err(format!("must be a text, not {}", other.kind())),
        };
        self.store(key, &node.place, result, target);
    }

    /// A list of texts; in the environment, with commas between.
    pub(super) fn texts<T>(
        &mut self,
        key: &'static str,
        target: &mut Vec<T>,
        convert: impl Fn(&str) -> Result<T, String>,
    ) {
        let Some(node) = self.take(key) else { return };
        let mut values = Vec::new();
        match &node.value {
            Value::Untyped(text) => {
                for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
                    match convert(item) {
                        Ok(value) => values.push(value),
                        Err(what) => self.problem(key, &node.place, what),
                    }
                }
            }
            Value::List(items) => {
                for item in items {
                    match &item.value {
                        Value::Text(text) => match convert(text) {
                            Ok(value) => values.push(value),
                            Err(what) => self.problem(key, &item.place, what),
                        },
                        _ => self.wrong(key, item, "must be a list of texts"),
                    }
                }
            }
            _ => return self.wrong(key, &node, "must be a list of texts"),
        }
        *target = values;
    }

    pub(super) fn switch(&mut self, key: &'static str, target: &mut bool) {
        let Some(node) = self.take(key) else { return };
        let result = match &node.value {
            Value::Bool(value) => Ok(*value),
            Value::Untyped(text) => text.parse().map_err(|_| "must be true or false".to_owned()),
            other => Err(format!("must be true or false, not {}", other.kind())),
        };
        self.store(key, &node.place, result, target);
    }

    /// A whole number within bounds.
    pub(super) fn number<T>(&mut self, key: &'static str, target: &mut T, range: RangeInclusive<T>)
    where
        T: TryFrom<i64> + PartialOrd + Display,
    {
        let Some(node) = self.take(key) else { return };
        let must = format!("must be a whole number from {} to {}", range.start(), range.end());
        let number = match &node.value {
            Value::Integer(number) => *number,
            Value::Untyped(text) => text.trim().parse().ok(),
            other => return self.problem(key, &node.place, format!("{must}, not {}", other.kind())),
        };
        let number = number.and_then(|number| T::try_from(number).ok()).filter(|n| range.contains(n));
        self.store(key, &node.place, number.ok_or(must), target);
    }

    /// An amount in dollars, with or without a fraction.
    pub(super) fn usd(&mut self, key: &'static str, target: &mut MicroUsd) {
        const LARGEST: f64 = 1e9;
        let Some(node) = self.take(key) else { return };
        let must = format!("must be an amount in dollars from 0 to {LARGEST}");
        let amount = match &node.value {
            Value::Integer(number) => number.map(|number| number as f64),
            Value::Decimal(number) => Some(*number),
            Value::Untyped(text) => text.trim().parse().ok(),
            other => return self.problem(key, &node.place, format!("{must}, not {}", other.kind())),
        };
        let amount = amount.filter(|amount| (0.0..=LARGEST).contains(amount)).map(MicroUsd::from_usd);
        self.store(key, &node.place, amount.ok_or(must), target);
    }

    /// The same; 0 is no limit.
    pub(super) fn usd_or_unlimited(&mut self, key: &'static str, target: &mut Option<MicroUsd>) {
        let mut amount = target.unwrap_or_default();
        self.usd(key, &mut amount);
        *target = (amount > MicroUsd(0)).then_some(amount);
    }

    /// A time in units of `unit`, which the key's name tells.
    pub(super) fn duration(
        &mut self,
        key: &'static str,
        target: &mut Duration,
        unit: Duration,
        range: RangeInclusive<u32>,
    ) {
        let mut count = None;
        self.optional_number(key, &mut count, range);
        if let Some(count) = count {
            *target = unit * count;
        }
    }

    /// A time in units of `unit`; 0 is never.
    pub(super) fn duration_or_never(
        &mut self,
        key: &'static str,
        target: &mut Option<Duration>,
        unit: Duration,
        largest: u32,
    ) {
        let mut count = None;
        self.optional_number(key, &mut count, 0..=largest);
        if let Some(count) = count {
            *target = (count > 0).then(|| unit * count);
        }
    }

    /// A whole number that has no default.
    pub(super) fn optional_number(
        &mut self,
        key: &'static str,
        target: &mut Option<u32>,
        range: RangeInclusive<u32>,
    ) {
        let present = self.entries.contains_key(key);
        let before = self.problems.borrow().len();
        let mut number = *range.start();
        self.number(key, &mut number, range);
        if present && self.problems.borrow().len() == before {
            *target = Some(number);
        }
    }

    /// Where this key stands, if it does.
    pub(super) fn place_of(&self, key: &str) -> Option<Place> {
        self.entries.get(key).map(|node| node.place.clone())
    }

    /// All entries that are left, for a section whose keys the operator chooses.
    pub(super) fn take_all(&mut self) -> Table {
        std::mem::take(&mut self.entries)
    }

    /// Notes a problem with a key.
    pub(super) fn problem(&self, key: &str, place: &Place, what: String) {
        let key = format!("{}{key}", self.prefix);
        self.problems.borrow_mut().push(Problem { place: place.clone(), key, what });
    }

    /// Every key that was not read is a mistake; says which one was probably meant.
    pub(super) fn finish(self) {
        for (key, node) in &self.entries {
            let nearest = self
                .known
                .iter()
                .map(|known| (strsim::jaro_winkler(known, key), known))
                .filter(|(likeness, _)| *likeness >= NEAREST_AT_LEAST)
                .max_by(|one, other| one.0.total_cmp(&other.0));
            let what = match nearest {
                Some((_, known)) => format!("no such key; did you mean \"{}{known}\"?", self.prefix),
                None => format!("no such key; known here: {}", self.known.join(", ")),
            };
            self.problem(key, &node.place, what);
        }
    }

    fn take(&mut self, key: &'static str) -> Option<Node> {
        self.known.push(key);
        self.entries.remove(key)
    }

    fn wrong(&self, key: &str, node: &Node, must: &str) {
        self.problem(key, &node.place, format!("{must}, not {}", node.value.kind()));
    }

    fn store<T>(&self, key: &str, place: &Place, result: Result<T, String>, target: &mut T) {
        match result {
            Ok(value) => *target = value,
            Err(what) => self.problem(key, place, what),
        }
    }
}

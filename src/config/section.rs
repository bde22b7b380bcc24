//! Reads the keys of one section into settings, and collects everything that is wrong with them.

use std::cell::{Cell, RefCell};
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::document::{Node, Place, Problem, Table, Value};
use super::files::{self, Files};
use super::values::{must_be_one_of, not_empty};
use crate::base::MicroUsd;

/// Declares the settings of a section: each key once, with its type, its default, and the method of
/// [`Section`] that reads it; `as` where the key in the file is called otherwise; no method where it is not
/// in the file. `also(f)` has `f` called with what was read, before unknown keys are told.
macro_rules! section {
    (
        $(#[$about:meta])*
        pub struct $name:ident {
            $(
                $(#[$doc:meta])*
                $field:ident: $type:ty = $default:expr
                    $(, $method:ident($($argument:expr),*) $(as $key:literal)?)?;
            )*
        }
        $(also($also:path))?
    ) => {
        $(#[$about])*
        pub struct $name {
            $($(#[$doc])* pub $field: $type,)*
        }

        impl Default for $name {
            fn default() -> $name {
                $name { $($field: $default,)* }
            }
        }

        impl $name {
            /// Reads the section; what is wrong or missing there stays as it is by default.
            pub(super) fn read(mut section: $crate::config::section::Section<'_>) -> $name {
                let mut read = $name::default();
                $($(
                    let key = $crate::config::section::key_of_field!($field $(as $key)?);
                    section.$method(key, &mut read.$field $(, $argument)*);
                )?)*
                $($also(&mut read, &mut section);)?
                section.finish();
                read
            }
        }
    };
}

macro_rules! key_of_field {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident as $key:literal) => {
        $key
    };
}

pub(super) use {key_of_field, section};

/// Names further apart than this (1 is equal) are not offered as a correction.
const NEAREST_AT_LEAST: f64 = 0.75;

/// What is known while a file is read.
pub(super) struct Reading<'a> {
    pub(super) files: &'a Files,
    /// All problems found so far.
    pub(super) problems: RefCell<Vec<Problem>>,
    /// The parameter file itself holds a secret.
    pub(super) holds_secret: Cell<bool>,
}

/// What is left of a section to be read. Each reading method names a key: it takes its value, or
/// notes a problem and leaves the default. [`Section::finish`] finds the keys that nobody named.
pub(super) struct Section<'a> {
    /// With a dot at its end, but for the outermost, which has no name.
    prefix: String,
    entries: Table,
    known: Vec<&'static str>,
    /// Where the keys stood that were read.
    places: Vec<(&'static str, Place)>,
    reading: &'a Reading<'a>,
}

impl<'a> Section<'a> {
    pub(super) fn outermost(entries: Table, reading: &'a Reading<'a>) -> Section<'a> {
        Section::new(String::new(), entries, reading)
    }

    fn new(prefix: String, entries: Table, reading: &'a Reading<'a>) -> Section<'a> {
        Section { prefix, entries, known: Vec::new(), places: Vec::new(), reading }
    }

    /// A section within this one; empty where the file has none.
    pub(super) fn part<T>(&mut self, key: &'static str, target: &mut T, read: fn(Section<'_>) -> T) {
        let prefix = format!("{}{key}.", self.prefix);
        let entries = match self.take(key) {
            None => Table::new(),
            Some(Node { value: Value::Table(table), .. }) => table,
            Some(node) => {
                self.wrong(key, &node, "must be a section");
                Table::new()
            }
        };
        *target = read(Section::new(prefix, entries, self.reading));
    }

    /// The sections of a list such as `[[twitter.credentials]]`; each is read knowing those before it.
    pub(super) fn parts<T>(
        &mut self,
        key: &'static str,
        target: &mut Vec<T>,
        read: fn(&mut Section<'_>, &[T]) -> T,
    ) {
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
        for (index, item) in items.into_iter().enumerate() {
            match item.value {
                Value::Table(entries) => {
                    let prefix = format!("{}{key}.{index}.", self.prefix);
                    let mut section = Section::new(prefix, entries, self.reading);
                    let value = read(&mut section, target);
                    section.finish();
                    target.push(value);
                }
                _ => self.wrong(key, &item, "must be a list of sections"),
            }
        }
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

    /// One of some texts, each with what it stands for.
    pub(super) fn choice<T: Copy>(&mut self, key: &'static str, target: &mut T, choices: &[(&str, T)]) {
        self.text(key, target, |text| {
            let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
            let chosen = choices.iter().find(|(name, _)| *name == text);
            chosen.map(|(_, value)| *value).ok_or_else(|| must_be_one_of(&names))
        });
    }

    /// One of some texts, which stays a text.
    pub(super) fn one_of(&mut self, key: &'static str, target: &mut String, names: &[&str]) {
        self.text(key, target, |text| match names.contains(&text) {
            true => Ok(text.to_owned()),
            false => Err(must_be_one_of(names)),
        });
    }

    /// A path of the parameter file, from its folder.
    pub(super) fn beside(&self, path: &Path) -> PathBuf {
        self.reading.files.beside(path)
    }

    /// A path; made absolute, from the folder of the parameter file.
    pub(super) fn path_beside(&mut self, key: &'static str, target: &mut Option<PathBuf>) {
        let files = self.reading.files;
        self.text(key, target, |text| {
            let path = files.beside(not_empty(text)?);
            std::path::absolute(path).map(Some).map_err(|error| format!("cannot be made absolute: {error}"))
        });
    }

    /// The name of a file, of whose text a value is made.
    pub(super) fn text_of_file<T>(
        &mut self,
        key: &'static str,
        target: &mut T,
        convert: impl FnOnce(&Path, &str) -> Result<T, String>,
    ) {
        let files = self.reading.files;
        self.text(key, target, |name| {
            let path = files.find(name);
            convert(&path, &files::read(&path)?)
        });
    }

    /// The name of a file that holds a secret alone; nobody else may read it.
    pub(super) fn secret_of_file<T>(
        &mut self,
        key: &'static str,
        target: &mut T,
        convert: impl FnOnce(&str) -> Result<T, String>,
    ) {
        let files = self.reading.files;
        self.text(key, target, |name| convert(&files.read_secret(name)?));
    }

    /// A secret that stands in the parameter file, which nobody else may read then.
    pub(super) fn secret_here<T>(
        &mut self,
        key: &'static str,
        target: &mut T,
        convert: impl FnOnce(&str) -> Result<T, String>,
    ) {
        self.text(key, target, convert);
        self.note_secret(key);
    }

    /// A secret: in the parameter file, or in a file of its own; one of the two.
    pub(super) fn secret<T>(
        &mut self,
        key: &'static str,
        file_key: &'static str,
        target: &mut T,
        convert: impl Fn(&str) -> Result<T, String>,
    ) {
        self.secret_here(key, target, &convert);
        self.secret_of_file(file_key, target, &convert);
        self.demand_one(key, file_key);
    }

    /// What was read for this key is a secret.
    pub(super) fn note_secret(&self, key: &str) {
        if matches!(self.place_of(key), Some(Place::Line(_))) {
            self.reading.holds_secret.set(true);
        }
    }

    /// One of these two keys is to be there, of which the second names a file.
    pub(super) fn demand_one(&self, key: &str, file_key: &str) {
        let either = format!("needs either {key} or {file_key}");
        match (self.place_of(key), self.place_of(file_key)) {
            (Some(place), Some(_)) => self.problem(file_key, &place, either),
            (None, None) => self.problem(key, &Place::File, either),
            (Some(_), None) | (None, Some(_)) => {}
        }
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

    /// A list of lengths of time, each longer than the one before; in the environment, with commas between.
    pub(super) fn growing_durations(
        &mut self,
        key: &'static str,
        target: &mut Vec<Duration>,
        unit: Duration,
        range: RangeInclusive<u32>,
    ) {
        let Some(node) = self.take(key) else { return };
        let must = format!(
            "must be a list of whole numbers from {} to {}, each larger than the one before",
            range.start(),
            range.end()
        );
        let numbers: Option<Vec<i64>> = match &node.value {
            Value::Untyped(text) => {
                let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
                items.map(|item| item.parse().ok()).collect()
            }
            Value::List(items) => items
                .iter()
                .map(|item| match &item.value {
                    Value::Integer(number) => *number,
                    _ => None,
                })
                .collect(),
            _ => None,
        };
        let numbers: Option<Vec<u32>> = numbers.and_then(|numbers| {
            let numbers = numbers.into_iter().map(|number| u32::try_from(number).ok());
            numbers.map(|number| number.filter(|number| range.contains(number))).collect()
        });
        let numbers = numbers.filter(|numbers| numbers.is_sorted_by(|a, b| a < b));
        let durations = numbers.map(|numbers| numbers.into_iter().map(|number| unit * number).collect());
        self.store(key, &node.place, durations.ok_or(must), target);
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

    /// Bytes, in the file as MiB.
    pub(super) fn mebibytes(&mut self, key: &'static str, target: &mut u64, range: RangeInclusive<u64>) {
        let mut mebibytes = *target >> 20;
        self.number(key, &mut mebibytes, range);
        *target = mebibytes << 20;
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
        let before = self.reading.problems.borrow().len();
        let mut number = *range.start();
        self.number(key, &mut number, range);
        if present && self.reading.problems.borrow().len() == before {
            *target = Some(number);
        }
    }

    /// Where this key stands, if it does, and has been read.
    pub(super) fn place_of(&self, key: &str) -> Option<Place> {
        self.places.iter().find(|(read, _)| *read == key).map(|(_, place)| place.clone())
    }

    /// All entries that are left, for a section whose keys the operator chooses.
    pub(super) fn take_all(&mut self) -> Table {
        std::mem::take(&mut self.entries)
    }

    /// Notes a problem with a key.
    pub(super) fn problem(&self, key: &str, place: &Place, what: String) {
        let key = format!("{}{key}", self.prefix);
        self.reading.problems.borrow_mut().push(Problem { place: place.clone(), key, what });
    }

    /// Notes a problem with a key that was read, where it stands.
    pub(super) fn problem_at(&self, key: &str, what: &str) {
        self.problem(key, &self.place_of(key).unwrap_or(Place::File), what.to_owned());
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
        let node = self.entries.remove(key)?;
        self.places.push((key, node.place.clone()));
        Some(node)
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

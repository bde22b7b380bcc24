//! What becomes of the parameters of an Artists on Twitter Finder of 2022 (`server/parameters.py`):
//! a setting here, or a sentence. Nothing is passed over in silence, and no secret is ever
//! repeated. Pure but for reading the two files.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use toml::Value as Toml;

use super::error::InitError;
use super::python::{Statement, Value, What, statements};
use crate::base::counted;
use crate::config::text_file;

/// The genuine file is a tenth of it.
const MAX_BYTES: u64 = 256 * 1024;

/// A key of ours with its value: section header, key, value.
pub type Setting = (&'static str, &'static str, Toml);

/// What was read of the original's parameters.
#[derive(Default)]
pub struct TakenOver {
    pub bind: Option<SocketAddr>,
    pub settings: Vec<Setting>,
    /// The accounts of its blocklist, as the text of a file of ours.
    pub blocklist: Option<String>,
    /// What became of each line, for people.
    pub report: Vec<String>,
}

/// Reads `parameters.py`, and the blocklist that lies beside it where it lay in 2022.
///
/// # Errors
/// The file cannot be read.
pub fn read(path: &Path) -> Result<TakenOver, InitError> {
    let wrong = |source| InitError::ReadOriginal { path: path.to_owned(), source };
    let text = text_file::read(path, MAX_BYTES).map_err(wrong)?;
    let mut taken = take_over(&text, path.parent().unwrap_or(Path::new("")));
    let beside = path.with_file_name("tweet_finder").join("blacklist.py");
    match text_file::read(&beside, MAX_BYTES) {
        Ok(text) => {
            let entries = blocklist(&text);
            let count = entries.lines().filter(|line| !line.starts_with('#')).count();
            taken.report.push(format!(
                "{}: {}, to the blocklist",
                beside.display(),
                counted(count, "account")
            ));
            taken.blocklist = Some(entries);
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => taken.report.push(format!("{}: not read: {error}", beside.display())),
    }
    Ok(taken)
}

/// The text of a `parameters.py` of this folder.
fn take_over(text: &str, folder: &Path) -> TakenOver {
    let statements = statements(text);
    let mut taken = TakenOver::default();
    let mut database = Database::default();
    // For Python the last one counts.
    let set = statements.iter().filter_map(|Statement { line, what }| match what {
        What::Set { name, .. } => Some((name.as_str(), *line)),
        What::Unread { .. } | What::Other { .. } => None,
    });
    let last: HashMap<&str, usize> = set.collect();
    for Statement { line, what } in &statements {
        let became = match what {
            What::Set { name, .. } if last.get(name.as_str()) != Some(line) => {
                let line = last.get(name.as_str()).copied().unwrap_or_default();
                format!("{name}: set again on line {line}")
            }
            What::Set { name, value } => match taken.take(name, value, &mut database) {
                Some(became) => format!("{name} {became}"),
                None => format!("{name}: not known, so it was not taken over"),
            },
            What::Unread { name, why } => format!("{name}: not taken over, since it {why}"),
            // What the sample itself does beside its assignments: it takes the file from other
            // users' eyes.
            What::Other { word } if matches!(word.as_str(), "from" | "import" | "chmod") => {
                format!("`{word} ...`: nothing to take over; what is written here only its owner can read")
            }
            What::Other { word } => format!("`{word} ...`: no assignment, so it was not taken over"),
        };
        taken.report.push(format!("line {line:>3}  {became}"));
    }
    taken.report.extend(database.sentence(folder));
    taken
}

/// Where the original's data are.
#[derive(Default)]
struct Database {
    file: Option<String>,
    is_mysql: bool,
    address: Option<String>,
    port: Option<i64>,
    user: Option<String>,
    name: Option<String>,
}

impl Database {
    /// How its content comes here. Its password is not repeated.
    fn sentence(&self, folder: &Path) -> Option<String> {
        let source = if self.is_mysql {
            let user = self.user.as_deref().unwrap_or("USER");
            let address = self.address.as_deref().unwrap_or("localhost");
            let port = self.port.unwrap_or(3306);
            let name = self.name.as_deref().unwrap_or("DATABASE");
            format!("mysql://{user}:PASSWORD@{address}:{port}/{name}")
        } else {
            folder.join(self.file.as_ref()?).display().to_string()
        };
        let quoted = shlex::try_quote(&source).map_or_else(|_| String::new(), |text| text.into_owned());
        Some(format!("its database: aotf db import {quoted} --zone ZONE   (the zone of its server's clock)"))
    }
}

impl TakenOver {
    /// What becomes of one parameter, as what follows its name; `None` where it is not known.
    fn take(&mut self, name: &str, value: &Value, database: &mut Database) -> Option<String> {
        let own = |text: &Value| match text {
            Value::Text(text) if !text.is_empty() => Some(text.clone()),
            _ => None,
        };
        Some(match name {
            "HTTP_SERVER_PORT" => match value {
                Value::Int(port) if (1..=65_535).contains(port) => {
                    let port = u16::try_from(*port).unwrap_or(3301);
                    self.bind = Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
                    format!(
                        "-> [http] bind = \"127.0.0.1:{port}\" (this machine alone; the original took any)"
                    )
                }
                other => not_this(other, "a port"),
            },
            "ENABLE_MULTIPROCESSING" => self.switch("", "multiprocess", value),
            "STRICTLY_ENFORCE_PERIODS" => self.switch("[maintenance]", "strict_periods", value),
            "ENABLE_LOGGING" => self.switch("[log]", "results_log", value),
            "DEBUG" => match value {
                Value::Bool(true) => self.set("[log]", "level", "debug".into()),
                Value::Bool(false) => "= False: [log] level keeps its default, info".to_owned(),
                other => not_this(other, "True or False"),
            },
            "DAYS_WITHOUT_UPDATE_TO_AUTO_UPDATE" => self.days("auto_update_days", value),
            "RESET_SEARCHAPI_CURSORS_PERIOD" => self.days("search_cursor_reset_days", value),
            "MAX_PROCESSING_REQUESTS_PER_IP_ADDRESS" | "MAX_PENDING_REQUESTS_PER_IP_ADDRESS" => match value {
                Value::Int(count @ 1..=1_000_000) => {
                    self.set("[limits]", "max_processing_requests_per_ip", (*count).into())
                }
                other => not_this(other, "a number from 1 to 1000000"),
            },
            "UNLIMITED_IP_ADDRESSES" => self.addresses("unlimited_ips", value),
            "ADVANCED_IP_ADDRESSES" => self.addresses("advanced_ips", value),
            "ENABLE_METRICS" => "is gone: times are always measured (`metrics`, /metrics)".to_owned(),
            "SQLITE_DATABASE_NAME" => {
                database.file = own(value);
                "names the old database, which is imported (below); the new one is [database] url".to_owned()
            }
            "USE_MYSQL_INSTEAD_OF_SQLITE" => {
                database.is_mysql = *value == Value::Bool(true);
                match database.is_mysql {
                    true => "= True: the old database is imported (below). The new one is SQLite unless \
                             [database] url names an empty database of a server"
                        .to_owned(),
                    false => "= False: so is the new database".to_owned(),
                }
            }
            "MYSQL_ADDRESS" => {
                database.address = own(value);
                "is for the import (below)".to_owned()
            }
            "MYSQL_PORT" => {
                database.port = if let Value::Int(port) = value { Some(*port) } else { None };
                "is for the import (below)".to_owned()
            }
            "MYSQL_USERNAME" => {
                database.user = own(value);
                "is for the import (below)".to_owned()
            }
            "MYSQL_DATABASE_NAME" => {
                database.name = own(value);
                "is for the import (below)".to_owned()
            }
            "MYSQL_PASSWORD" => "is for the import (below), and is not repeated here".to_owned(),
            "API_KEY" | "API_SECRET" => {
                "is a key of X's old API, not taken over: X is read with the bearer token of \
                an app now, which developer.x.com shows beside it ([[twitter.credentials]])"
                    .to_owned()
            }
            "OAUTH_TOKEN"
            | "OAUTH_TOKEN_SECRET"
            | "TWITTER_API_KEYS"
            | "TWITTER_AUTH_TOKEN"
            | "TWITTER_AUTH_TOKENS" => {
                "is gone: no user's account of X is used any more, only an app's bearer token".to_owned()
            }
            "PIXIV_USERNAME" | "PIXIV_PASSWORD" => {
                "is gone: Pixiv is read without a login; [links.cookies] pixiv is for what it hides"
                    .to_owned()
            }
            "USER_AGENT" => "is not taken over: this program says who asks ([fetch] user_agent)".to_owned(),
            "MAX_FILE_DESCRIPTORS" | "DISPLAY_STATS" | "FORCE_INTELLIGENT_SKIP_INDEXING" => {
                "is gone: nothing is to be set for that any more".to_owned()
            }
            name if name.starts_with("NUMBER_OF_") && name.contains("THREADS")
                || name.starts_with("NUMBER_OF_STEP_") =>
            {
                "is gone: [workers] says how many work at the same time".to_owned()
            }
            _ => return None,
        })
    }

    fn set(&mut self, section: &'static str, key: &'static str, value: Toml) -> String {
        let space = if section.is_empty() { "" } else { " " };
        let became = format!("-> {section}{space}{key} = {value}");
        self.settings.push((section, key, value));
        became
    }

    fn switch(&mut self, section: &'static str, key: &'static str, value: &Value) -> String {
        match value {
            Value::Bool(value) => self.set(section, key, (*value).into()),
            other => not_this(other, "True or False"),
        }
    }

    /// `None` is never, as 0 is here.
    fn days(&mut self, key: &'static str, value: &Value) -> String {
        match value {
            Value::None => self.set("[maintenance]", key, 0.into()),
            Value::Int(days @ 1..=3650) => self.set("[maintenance]", key, (*days).into()),
            other => not_this(other, "None or a number of days from 1 to 3650"),
        }
    }

    fn addresses(&mut self, key: &'static str, value: &Value) -> String {
        let Value::List(values) = value else { return not_this(value, "a list of addresses") };
        let (mut addresses, mut odd) = (Vec::new(), 0);
        for value in values {
            match value {
                Value::Text(text) if text.trim().parse::<IpAddr>().is_ok() => {
                    addresses.push(Toml::from(text.trim()));
                }
                _ => odd += 1,
            }
        }
        let mut became = self.set("[limits]", key, Toml::Array(addresses));
        if odd > 0 {
            let _ = write!(became, " (left out: {}, no address)", counted(odd, "entry"));
        }
        became
    }
}

fn not_this(value: &Value, wanted: &str) -> String {
    let found = match value {
        Value::None => "None",
        Value::Bool(_) => "True or False",
        Value::Int(_) | Value::Float(_) => "another number",
        Value::Text(_) => "a text",
        Value::List(_) => "a list",
        Value::Dict(_) => "a dictionary",
    };
    format!("not taken over: it should be {wanted}, and is {found}; the default holds")
}

/// The accounts of `BLACKLIST`, as a file of ours: the name that follows an id as a comment stays
/// one.
fn blocklist(text: &str) -> String {
    let ids = statements(text).into_iter().filter_map(|statement| match statement.what {
        What::Set { name, value: Value::List(values) } if name == "BLACKLIST" => Some(values),
        _ => None,
    });
    let ids: Vec<i64> = ids
        .flatten()
        .filter_map(|value| match value {
            Value::Int(id @ 1..) => Some(id),
            _ => None,
        })
        .collect();
    // `12, # @name`
    let comments: HashMap<i64, &str> = text
        .lines()
        .filter_map(|line| {
            let (entry, comment) = line.split_once('#')?;
            let entry = entry.trim_start().trim_start_matches("BLACKLIST = [");
            Some((entry.trim().trim_end_matches(',').trim().parse().ok()?, comment.trim()))
        })
        .collect();
    let mut lines = String::from("# From the blacklist of an Artists on Twitter Finder of 2022.\n");
    let mut seen = BTreeSet::new();
    for id in ids.into_iter().filter(|id| seen.insert(*id)) {
        match comments.get(&id) {
            Some(comment) => lines += &format!("{id} # {comment}\n"),
            None => lines += &format!("{id}\n"),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::blocklist::parse;

    #[track_caller]
    fn check(line: &str, expect: &str) {
        let taken = take_over(line, Path::new(""));
        assert_eq!(taken.report.first().map(String::as_str), Some(expect), "{line}");
    }

    #[test]
    fn each_parameter_has_its_answer() {
        check(
            "HTTP_SERVER_PORT = 8080",
            "line   1  HTTP_SERVER_PORT -> [http] bind = \"127.0.0.1:8080\" (this machine alone; the original took any)",
        );
        check(
            "HTTP_SERVER_PORT = 0",
            "line   1  HTTP_SERVER_PORT not taken over: it should be a port, and is another number; the default holds",
        );
        check("ENABLE_MULTIPROCESSING = False", "line   1  ENABLE_MULTIPROCESSING -> multiprocess = false");
        check(
            "DAYS_WITHOUT_UPDATE_TO_AUTO_UPDATE = None # days",
            "line   1  DAYS_WITHOUT_UPDATE_TO_AUTO_UPDATE -> [maintenance] auto_update_days = 0",
        );
        check(
            "RESET_SEARCHAPI_CURSORS_PERIOD = 100",
            "line   1  RESET_SEARCHAPI_CURSORS_PERIOD -> [maintenance] search_cursor_reset_days = 100",
        );
        check(
            "UNLIMITED_IP_ADDRESSES = [ \"127.0.0.1\", '::1', 'me' ]",
            "line   1  UNLIMITED_IP_ADDRESSES -> [limits] unlimited_ips = [\"127.0.0.1\", \"::1\"] (left out: 1 entry, no address)",
        );
        check("DEBUG = True", "line   1  DEBUG -> [log] level = \"debug\"");
        check("SOMETHING = 3", "line   1  SOMETHING: not known, so it was not taken over");
        check(
            "DEBUG = 1 == 1",
            "line   1  DEBUG: not taken over, since it is computed, which only Python can do",
        );
        check("DEBUG = False\nDEBUG = True", "line   1  DEBUG: set again on line 2");
        check("exec(open('x').read())", "line   1  `exec ...`: no assignment, so it was not taken over");
        assert_eq!(take_over("DEBUG = False\nDEBUG = True", Path::new("")).settings.len(), 1);
    }

    #[test]
    fn no_secret_is_repeated() {
        let secrets = "API_KEY = 'hush'\nAPI_SECRET = \"hush\"\nOAUTH_TOKEN = 'hush'\nMYSQL_PASSWORD = 'hush'\n\
            TWITTER_API_KEYS = [ { 'OAUTH_TOKEN': 'hush', \"AUTH_TOKEN\" : \"hush\" } ]\nPIXIV_PASSWORD = 'hush'\n\
            MY_SECRET = 'hush'\nTOKEN = get('hush')\nhush('hush')\n";
        let taken = take_over(&secrets.replace("hush(", "call("), Path::new(""));
        assert_eq!(taken.report.len(), 9, "{:#?}", taken.report);
        assert!(!taken.report.concat().contains("hush"), "{:#?}", taken.report);
        assert!(taken.settings.is_empty());
    }

    #[test]
    fn the_import_of_the_old_database_is_named() {
        let last = |text: &str| take_over(text, Path::new("/srv/aotf")).report.pop().unwrap();
        assert_eq!(
            last("SQLITE_DATABASE_NAME = \"SQLite_Database.db\"\nUSE_MYSQL_INSTEAD_OF_SQLITE = False"),
            "its database: aotf db import /srv/aotf/SQLite_Database.db --zone ZONE   (the zone of its server's clock)"
        );
        assert_eq!(
            last(
                "USE_MYSQL_INSTEAD_OF_SQLITE = True\nMYSQL_USERNAME = 'me'\nMYSQL_PASSWORD = 'pw'\nMYSQL_DATABASE_NAME = 'a'"
            ),
            "its database: aotf db import mysql://me:PASSWORD@localhost:3306/a --zone ZONE   (the zone of its server's clock)"
        );
    }

    #[test]
    fn the_blocklist_keeps_its_names() {
        let text = "\"\"\"\nwhy\n\"\"\"\nBLACKLIST = [ # === BOTS ===\n   12, # @one\n  1033769492575338496, # @two 💩\n  12, # @one\n 7 ]\n";
        let list = blocklist(text);
        assert_eq!(
            list.lines().skip(1).collect::<Vec<_>>(),
            ["12 # @one", "1033769492575338496 # @two 💩", "7"]
        );
        assert_eq!(parse(&list).unwrap(), ["12", "1033769492575338496", "7"]);
    }
}

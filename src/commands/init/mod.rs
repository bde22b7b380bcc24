//! `aotf init`: writes the parameter file, after a few questions on a terminal or from flags alone.
//!
//! What it writes is the sample with the answers put in, so every key stands there with its
//! explanation. It is read back by the same code as at the start of the daemon before it gets its name.

mod document;
mod error;
mod hidden;
mod original;
mod python;

use std::fs::{self, OpenOptions};
use std::io::{self, BufRead, IsTerminal, Write};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::config::{self, text_file};
use document::Answers;
use error::{ATTEMPTS, InitError};
use hidden::Silence;

/// A token is some hundred bytes.
const MAX_TOKEN_BYTES: u64 = 16 * 1024;

/// Flags of `aotf init`. What they say is not asked.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// File to write
    #[arg(long, value_name = "FILE", default_value = "parameters.toml")]
    config: PathBuf,
    /// Replace the file if it exists
    #[arg(long)]
    force: bool,
    /// Take over what the parameters.py of an Artists on Twitter Finder of 2022 sets, and say what
    /// became of each of its lines; nothing of it is run
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// Folder for the database, the index and the logs
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<String>,
    /// Address of the API and the web page
    #[arg(long, value_name = "ADDRESS:PORT")]
    bind: Option<SocketAddr>,
    /// File that holds the bearer token for X; - is the standard input
    #[arg(long, value_name = "FILE", conflicts_with = "no_token")]
    token_file: Option<PathBuf>,
    /// Dollars a day that reading X may cost; 0 is without limit
    #[arg(long, value_name = "DOLLARS", value_parser = dollars)]
    daily_usd: Option<f64>,
    /// No token yet: X is not searched then
    #[arg(long)]
    no_token: bool,
    /// Ask nothing: what no flag says has its default
    #[arg(long, short)]
    yes: bool,
}

/// Writes the parameter file, and what to do next to `out`.
///
/// # Errors
/// Nothing was written, and a file that was there is as it was.
pub fn run(args: &InitArgs, out: &mut impl Write) -> Result<(), InitError> {
    // Before anybody answers questions for nothing.
    if args.config.exists() && !args.force {
        return Err(InitError::Exists { path: args.config.clone() });
    }
    let folder = args.config.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        return Err(InitError::NoFolder { path: folder.to_owned() });
    }
    let mut taken = args.from.as_deref().map(original::read).transpose()?.unwrap_or_default();
    let blocklist = args.config.with_file_name("blocklist.txt");
    if taken.blocklist.is_some() && blocklist.exists() && !args.force {
        return Err(InitError::Exists { path: blocklist });
    }
    let asks = !args.yes && io::stdin().is_terminal() && io::stdout().is_terminal();
    let mut answers = if asks { ask(args, taken.bind, out)? } else { from_flags(args)? };
    answers.bind = answers.bind.or(taken.bind);
    answers.others.append(&mut taken.settings);
    if let Some(text) = &taken.blocklist {
        // It is named before it is there: the file is read back below.
        fs::write(&blocklist, text).map_err(|source| InitError::Write { path: blocklist.clone(), source })?;
        answers.others.push(("[scan]", "blocklist", "blocklist.txt".into()));
    }
    if let Err(error) = write_file(&args.config, &document::render(&answers), args.force) {
        if taken.blocklist.is_some() && !args.force {
            let _ = fs::remove_file(&blocklist);
        }
        return Err(error);
    }
    let told = match &args.from {
        Some(from) => tell_taken(from, &taken.report, out),
        None => Ok(()),
    };
    told.and_then(|()| tell(&args.config, &answers, out)).map_err(|source| InitError::Ask { source })
}

/// Line by line what became of the original's parameters.
fn tell_taken(from: &Path, report: &[String], out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "\nWhat became of {} (it is as it was):", from.display())?;
    for line in report {
        // Of a stranger's file.
        let clean: String = line.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
        writeln!(out, "  {clean}")?;
    }
    Ok(())
}

fn from_flags(args: &InitArgs) -> Result<Answers, InitError> {
    Ok(Answers {
        data_dir: args.data_dir.clone(),
        bind: args.bind,
        daily_usd: args.daily_usd,
        bearer_token: token_of_file(args)?,
        others: Vec::new(),
    })
}

fn token_of_file(args: &InitArgs) -> Result<Option<String>, InitError> {
    let Some(path) = &args.token_file else { return Ok(None) };
    let text = text_file::read_or_stdin(path, MAX_TOKEN_BYTES)
        .map_err(|source| InitError::ReadToken { path: path.clone(), source })?;
    match token(&text) {
        Some(token) => Ok(Some(token)),
        None => Err(InitError::NoToken { path: path.clone() }),
    }
}

fn dollars(text: &str) -> Result<f64, String> {
    let amount = text.trim().trim_start_matches('$').parse().ok();
    let within = amount.filter(|amount| (0.0..=1e9).contains(amount));
    within.ok_or_else(|| "must be an amount in dollars, such as 2.50".to_owned())
}

/// A token as pasted: without what surrounds it, and without the word that stands before it in a header.
fn token(text: &str) -> Option<String> {
    let text = text.trim();
    let text = text.strip_prefix("Bearer ").unwrap_or(text).trim();
    let fits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    fits.then(|| text.to_owned())
}

/// `bind` is known from elsewhere.
fn ask(args: &InitArgs, bind: Option<SocketAddr>, out: &mut impl Write) -> Result<Answers, InitError> {
    let say = |out: &mut dyn Write, text: &str| {
        write!(out, "{text}").and_then(|()| out.flush()).map_err(|source| InitError::Ask { source })
    };
    say(out, &format!("This writes {}. Enter takes what stands in brackets.\n\n", args.config.display()))?;
    let data_dir = match &args.data_dir {
        Some(folder) => Some(folder.clone()),
        None => {
            question(out, "Folder for the database, the index and the logs [data]: ", &read_line, |text| {
                Ok(Some(text.to_owned()))
            })?
        }
    };
    let bind = match args.bind.or(bind) {
        Some(bind) => Some(bind),
        None => {
            question(out, "Address of the web page and the API [127.0.0.1:3301]: ", &read_line, |text| {
                let bind = text.parse().map(Some);
                bind.map_err(|_| "That must be an address and a port, such as 127.0.0.1:3301.".to_owned())
            })?
        }
    };
    let bearer_token = match (token_of_file(args)?, args.no_token) {
        (Some(token), _) => Some(token),
        (None, true) => None,
        (None, false) => {
            say(
                out,
                "\nReading X needs the bearer token of an app: developer.x.com, your app, \"Keys and tokens\".\n\
                 X bills what is read: about $0.005 a post and $0.010 a user.\n",
            )?;
            let title = "Bearer token, not shown while you type or paste it [none yet]: ";
            let silence = Silence::begin()?;
            question(out, title, &|| silence.read(), |text| match token(text) {
                Some(token) => Ok(Some(token)),
                None => Err("That is no token: it has spaces in it.".to_owned()),
            })?
        }
    };
    let daily_usd = match (args.daily_usd, &bearer_token) {
        (None, Some(_)) => {
            question(out, "Dollars that may be spent a day, 0 is without limit [5]: ", &read_line, |text| {
                dollars(text).map(Some).map_err(|why| format!("That {why}."))
            })?
        }
        (given, _) => given,
    };
    Ok(Answers { data_dir, bind, daily_usd, bearer_token, others: Vec::new() })
}

/// Asks until the answer can be used. An empty one is `None`.
fn question<T>(
    out: &mut dyn Write,
    title: &str,
    read: &dyn Fn() -> Result<String, InitError>,
    convert: impl Fn(&str) -> Result<Option<T>, String>,
) -> Result<Option<T>, InitError> {
    let lost = |source| InitError::Ask { source };
    for _ in 0..ATTEMPTS {
        write!(out, "{title}").and_then(|()| out.flush()).map_err(lost)?;
        let answer = read()?;
        if answer.trim().is_empty() {
            return Ok(None);
        }
        match convert(answer.trim()) {
            Ok(value) => return Ok(value),
            Err(why) => writeln!(out, "{why}").map_err(lost)?,
        }
    }
    Err(InitError::NoAnswer)
}

fn read_line() -> Result<String, InitError> {
    let mut line = String::new();
    match io::stdin().lock().read_line(&mut line) {
        Ok(0) => Err(InitError::Stopped),
        Ok(_) => Ok(line),
        Err(source) => Err(InitError::Ask { source }),
    }
}

/// Writes beside the file first: it gets its name when the daemon would accept it.
fn write_file(path: &Path, text: &str, replace: bool) -> Result<(), InitError> {
    let write = |source| InitError::Write { path: path.to_owned(), source };
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".new-{}", std::process::id()));
    let fresh = path.with_file_name(name);
    let mut options = OpenOptions::new();
    // For its owner alone: it holds a token, or will.
    options.write(true).create_new(true).mode(0o600);
    let written = options
        .open(&fresh)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .map_err(write)
        .and_then(|()| config::load(Some(&fresh), &[]).map_err(InitError::from))
        .and_then(|_| match replace {
            true => fs::rename(&fresh, path).map_err(write),
            // Unlike renaming, linking never replaces a file that has appeared meanwhile.
            false => fs::hard_link(&fresh, path).map_err(|source| match source.kind() {
                io::ErrorKind::AlreadyExists => InitError::Exists { path: path.to_owned() },
                _ => write(source),
            }),
        });
    // Gone already where it was renamed.
    let _ = fs::remove_file(&fresh);
    written
}

fn tell(path: &Path, answers: &Answers, out: &mut impl Write) -> io::Result<()> {
    let option = match path == Path::new("parameters.toml") {
        true => String::new(),
        false => format!(" --config {}", path.display()),
    };
    writeln!(
        out,
        "\nWritten: {} (only you can read it). Every other setting stands in it with its default.",
        path.display()
    )?;
    if answers.bearer_token.is_none() {
        writeln!(
            out,
            "Without a token for X, Bluesky and the Fediverse are searched; for X put one under [[twitter.credentials]]."
        )?;
    }
    writeln!(out, "\n  aotf check{option}    says whether all is in order")?;
    writeln!(out, "  aotf serve{option}    starts the daemon")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_taken_as_people_paste_them() {
        assert_eq!(token("  AAAA%3D\n").as_deref(), Some("AAAA%3D"));
        assert_eq!(token("Bearer AAAA").as_deref(), Some("AAAA"));
        assert_eq!(token("a b"), None);
        assert_eq!(token(" \n"), None);
    }

    #[test]
    fn a_question_is_asked_again_but_not_for_ever() {
        let answers = std::cell::RefCell::new(vec!["8080", "nonsense"]);
        let read = || Ok(answers.borrow_mut().pop().unwrap_or("nonsense").to_owned());
        let number = |text: &str| text.parse::<u16>().map(Some).map_err(|_| "No number.".to_owned());
        let mut out = Vec::new();
        assert_eq!(question(&mut out, "Port: ", &read, number).unwrap(), Some(8080));
        assert_eq!(String::from_utf8(out).unwrap(), "Port: No number.\nPort: ");
        let endless = question(&mut Vec::new(), "Port: ", &read, number);
        assert!(matches!(endless, Err(InitError::NoAnswer)), "{endless:?}");
    }
}

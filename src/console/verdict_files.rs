//! Files of verdicts, a line of JSON each: written from the daemon's list, and handed to it in pieces. A file
//! with a line that is none is not begun; one that was handed over in part is imported again without harm.

use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::client::{ClientError, Connection, Waited};
use crate::api::verdicts::{cursor, line, parse_lines};
use crate::proto::command::{Command, Order, Reply, VerdictAction};
use crate::proto::front::{FrontAnswer, VerdictsAnswer};

/// A larger file is none of what people said: that is a hundred thousand lines.
const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;
/// Lines that are handed over at once: their verdicts travel on in one message.
const MAX_PIECE_BYTES: usize = 24 * 1024;
/// Bad lines that are told.
const MAX_TOLD: usize = 10;
const TICK: Duration = Duration::from_secs(1);

/// Writes all verdicts into a file, whose content changes only once all of it is there.
///
/// # Errors
/// The daemon does not answer, or the file cannot be written.
pub fn export(file: &Path, socket: &Path) -> Result<Reply, ClientError> {
    let mut text = String::new();
    let (mut before, mut count) = (None, 0);
    loop {
        let action = VerdictAction::List { before };
        let reply = ask(socket, action, None)?;
        let Reply::Answer(FrontAnswer::Verdicts(VerdictsAnswer::List { verdicts, more })) = &reply else {
            return Ok(reply);
        };
        text.extend(verdicts.iter().map(|(verdict, _)| line(verdict)));
        count += verdicts.len() as u64;
        match verdicts.last().filter(|_| *more) {
            Some((last, _)) => before = Some(cursor(last)),
            None => break,
        }
    }
    let failed = |source| ClientError::WriteFile { path: file.to_owned(), source };
    if file == Path::new("-") {
        io::stdout().write_all(text.as_bytes()).map_err(failed)?;
    } else {
        let beside = file.with_added_extension("partial");
        fs::write(&beside, text).and_then(|()| fs::rename(&beside, file)).map_err(failed)?;
    }
    Ok(Reply::Exported { path: file.to_owned(), verdicts: count })
}

/// Hands the verdicts of a file to the daemon.
///
/// # Errors
/// The file cannot be read, has lines that are none, or the daemon does not answer.
pub fn import(file: &Path, socket: &Path) -> Result<Reply, ClientError> {
    let text = read(file)?;
    let verdicts = parse_lines(&text).map_err(|wrong| {
        let mut told: Vec<String> =
            wrong.iter().take(MAX_TOLD).map(|(number, why)| format!("line {number}: {why}")).collect();
        if wrong.len() > MAX_TOLD {
            told.push(format!("and {} more", wrong.len() - MAX_TOLD));
        }
        ClientError::BadLines { path: file.to_owned(), told: told.join("; ") }
    })?;
    let (mut all_new, mut all_known, mut all_against) = (0, 0, Vec::new());
    let mut lines = verdicts.iter().map(line).peekable();
    let (mut piece, mut taken) = (String::new(), 0);
    while let Some(next) = lines.next() {
        piece += &next;
        taken += 1;
        if lines.peek().is_some_and(|after| piece.len() + after.len() <= MAX_PIECE_BYTES) {
            continue;
        }
        let action = VerdictAction::Import { file: file.to_owned() };
        let reply = ask(socket, action, Some(BASE64.encode(&piece)))?;
        match reply {
            Reply::Answer(FrontAnswer::Verdicts(VerdictsAnswer::Taken { new, known, against })) => {
                all_new += new;
                all_known += known;
                all_against.extend(against);
            }
            other if taken == piece.lines().count() => return Ok(other),
            other => {
                let done = taken - piece.lines().count();
                return Err(ClientError::ImportStopped { done, why: told(&other) });
            }
        }
        piece.clear();
    }
    let taken = VerdictsAnswer::Taken { new: all_new, known: all_known, against: all_against };
    Ok(Reply::Answer(FrontAnswer::Verdicts(taken)))
}

fn told(reply: &Reply) -> String {
    match reply {
        Reply::Answer(FrontAnswer::Verdicts(VerdictsAnswer::Wrong { why }) | FrontAnswer::NotNow { why }) => {
            why.clone()
        }
        Reply::Unavailable { detail } => detail.clone(),
        _ => "the daemon gave another answer than was asked for".to_owned(),
    }
}

fn read(file: &Path) -> Result<String, ClientError> {
    let failed = |source| ClientError::ReadFile { path: file.to_owned(), source };
    let mut text = String::new();
    let opened = fs::File::open(file).map_err(failed)?;
    opened.take(MAX_FILE_BYTES + 1).read_to_string(&mut text).map_err(failed)?;
    match text.len() as u64 > MAX_FILE_BYTES {
        true => Err(failed(io::Error::other("it is larger than 64 MiB"))),
        false => Ok(text),
    }
}

/// One order and its reply.
fn ask(socket: &Path, action: VerdictAction, lines: Option<String>) -> Result<Reply, ClientError> {
    let order = Order { command: Command::Verdict { action }, image_base64: lines };
    let mut connection = Connection::open(socket, &order)?;
    loop {
        if let Waited::Reply(reply) = connection.wait(None, TICK)? {
            return Ok(*reply);
        }
    }
}

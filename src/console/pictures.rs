//! Pictures of found posts, in terminals that can show them. They are fetched and decoded by a process of its
//! own (`aotf thumbnails`), which is confined like a worker that indexes: a console runs with the rights of
//! its user, and the bytes are strangers'. What comes back is small, and is checked before it reaches the
//! terminal.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde::{Deserialize, Serialize};

use super::table::clean;
use super::terminal::Keyboard;
use crate::api::posts::PostAnswer;
use crate::config::{self, Settings};
use crate::proto::view::QueryView;

/// Pictures of one answer; the closest posts come first.
const MAX_PICTURES: usize = 6;
/// All of them together, as they come back: six of 240 by 160 pixels take far less.
const MAX_REPLY_BYTES: u64 = 4 * 1024 * 1024;
/// The process ends itself before.
const DEADLINE: Duration = Duration::from_secs(25);
/// A terminal answers at once, also through a slow line.
const ASK_DEADLINE: Duration = Duration::from_millis(1500);
/// What fits into one command of kitty's protocol.
const KITTY_CHUNK: usize = 4096;

/// How a terminal takes pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// kitty, Ghostty: PNG in base64, in chunks.
    Kitty,
    /// iTerm2, WezTerm, mintty: a file in base64.
    Iterm,
    /// xterm, foot, Konsole, Windows Terminal ...: rows of six pixels.
    Sixel,
}

/// How the form of the pictures is named to the process that makes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    Png,
    Sixel,
}

/// What the process is told, on its standard input.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Order {
    pub urls: Vec<String>,
    pub form: Form,
    pub fetch: config::Fetch,
    pub upstreams: BTreeMap<String, String>,
}

/// What it answers, one line for each address, in their order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Picture {
    /// A PNG file in base64.
    Png(String),
    /// The body of a sixel sequence.
    Sixel(String),
    /// Why there is none.
    Failed(String),
}

/// What clients need of the settings of the daemon, where they are known: how pictures are fetched, and the
/// words of credits.
#[derive(Clone, Debug)]
pub struct Outside {
    fetch: config::Fetch,
    upstreams: BTreeMap<String, String>,
    pub credit: config::CreditTemplates,
}

impl Outside {
    pub fn of(settings: &Settings) -> Outside {
        Outside {
            fetch: settings.fetch.clone(),
            upstreams: settings.upstreams.clone(),
            credit: settings.credit.clone(),
        }
    }
}

impl Protocol {
    /// What the environment says of the terminal, by the value of a variable. `None` where the terminal
    /// itself must be asked: inside a multiplexer the variables are those of the terminal around it.
    pub fn of_environment(value_of: impl Fn(&str) -> Option<String>) -> Option<Protocol> {
        let is_set = |name: &str| value_of(name).is_some_and(|value| !value.is_empty());
        if is_set("TMUX") || is_set("STY") {
            return None;
        }
        let (term, program) =
            (value_of("TERM").unwrap_or_default(), value_of("TERM_PROGRAM").unwrap_or_default());
        if is_set("KITTY_WINDOW_ID") || matches!(term.as_str(), "xterm-kitty" | "xterm-ghostty") {
            return Some(Protocol::Kitty);
        }
        match program.as_str() {
            "ghostty" => Some(Protocol::Kitty),
            "iTerm.app" | "WezTerm" | "mintty" => Some(Protocol::Iterm),
            _ => (value_of("LC_TERMINAL").as_deref() == Some("iTerm2")).then_some(Protocol::Iterm),
        }
    }

    /// What this terminal can do; asks it where its environment does not say.
    pub fn of_terminal(keyboard: &Keyboard) -> Option<Protocol> {
        Protocol::of_environment(|name| std::env::var(name).ok()).or_else(|| ask(keyboard))
    }

    fn form(self) -> Form {
        match self {
            Protocol::Kitty | Protocol::Iterm => Form::Png,
            Protocol::Sixel => Form::Sixel,
        }
    }
}

/// Asks for the terminal's "primary device attributes", which every terminal knows; 4 among them is sixel.
fn ask(keyboard: &Keyboard) -> Option<Protocol> {
    let mut out = io::stdout();
    out.write_all(b"\x1b[c").and_then(|()| out.flush()).ok()?;
    let mut answer = Vec::new();
    let begun = Instant::now();
    while begun.elapsed() < ASK_DEADLINE && !answer.ends_with(b"c") && answer.len() < 256 {
        answer.extend(keyboard.keys(ASK_DEADLINE.saturating_sub(begun.elapsed())));
    }
    has_sixel(&answer).then_some(Protocol::Sixel)
}

/// `ESC [ ? 62 ; 4 ; 22 c`
fn has_sixel(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let attributes = text.rsplit_once("\x1b[?").and_then(|(_, rest)| rest.split_once('c'));
    attributes.is_some_and(|(list, _)| list.split(';').any(|attribute| attribute == "4"))
}

/// The pictures of an answer's posts, each above its address, as text for the terminal. Waits for them;
/// `None` when Ctrl-C was pressed.
///
/// # Errors
/// The process that makes them cannot be started or talked to.
pub fn of_answer(
    view: &QueryView,
    protocol: Protocol,
    outside: &Outside,
    keyboard: &Keyboard,
) -> io::Result<Option<String>> {
    let found: Vec<PostAnswer> =
        view.results.iter().chain(&view.similar).take(MAX_PICTURES).map(PostAnswer::from).collect();
    if found.is_empty() {
        return Ok(Some(String::new()));
    }
    let order = Order {
        urls: found.iter().map(|post| post.thumbnail_url.clone()).collect(),
        form: protocol.form(),
        fetch: outside.fetch.clone(),
        upstreams: outside.upstreams.clone(),
    };
    let Some(reply) = make(&order, keyboard)? else { return Ok(None) };
    let mut pictures = reply.lines().map(|line| serde_json::from_str::<Picture>(line).ok());
    let mut text = String::new();
    for post in found {
        let shown = match pictures.next().flatten() {
            Some(Picture::Failed(why)) => Err(clean(&why)),
            Some(picture) => sequence(protocol, &picture).ok_or_else(|| "no picture came".to_owned()),
            None => Err("no picture came".to_owned()),
        };
        match shown {
            Ok(sequence) => text += &format!("{sequence}\n{}\n", clean(&post.url)),
            Err(why) => text += &format!("{}\n  no picture: {why}\n", clean(&post.url)),
        }
    }
    Ok(Some(text))
}

/// Runs the process. `None` when Ctrl-C was pressed.
fn make(order: &Order, keyboard: &Keyboard) -> io::Result<Option<String>> {
    // The same program, also after its file was replaced.
    let mut child = Command::new("/proc/self/exe")
        .arg("thumbnails")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let outcome = exchange(&mut child, order, keyboard);
    // It has ended, or it is not waited for.
    let _ = child.kill();
    let _ = child.wait();
    outcome
}

fn exchange(
    child: &mut std::process::Child,
    order: &Order,
    keyboard: &Keyboard,
) -> io::Result<Option<String>> {
    if let Some(mut input) = child.stdin.take() {
        serde_json::to_writer(&mut input, order)?;
    }
    let Some(output) = child.stdout.take() else { return Ok(Some(String::new())) };
    let mut reply = Vec::new();
    let begun = Instant::now();
    let mut output = output.take(MAX_REPLY_BYTES);
    let mut part = vec![0; 64 * 1024];
    loop {
        let left = DEADLINE.saturating_sub(begun.elapsed());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let mut sources = [
            PollFd::from_borrowed_fd(std::os::fd::AsFd::as_fd(output.get_ref()), PollFlags::IN),
            PollFd::from_borrowed_fd(std::os::fd::AsFd::as_fd(keyboard), PollFlags::IN),
        ];
        match poll(&mut sources, Timespec::try_from(left).ok().as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let [ready, _] = sources.map(|source| !source.revents().is_empty());
        if keyboard.interrupted() {
            return Ok(None);
        }
        if ready {
            match output.read(&mut part)? {
                0 => return Ok(Some(String::from_utf8_lossy(&reply).into_owned())),
                count => reply.extend_from_slice(part.get(..count).unwrap_or_default()),
            }
        }
    }
}

/// What makes the terminal show the picture; `None` where that is no picture for this terminal. Nothing of
/// the picture can end the sequence: base64 and the letters of sixel hold no escape.
fn sequence(protocol: Protocol, picture: &Picture) -> Option<String> {
    match (protocol, picture) {
        (Protocol::Sixel, Picture::Sixel(body)) => {
            let is_sixel = |byte: u8| {
                byte.is_ascii_digit() || matches!(byte, b'?'..=b'~' | b'!' | b'"' | b'#' | b'$' | b'-' | b';')
            };
            body.bytes().all(is_sixel).then(|| format!("\x1bPq{body}\x1b\\"))
        }
        (Protocol::Iterm, Picture::Png(text)) => {
            let size = BASE64.decode(text).ok()?.len();
            Some(format!("\x1b]1337;File=inline=1;size={size}:{text}\x07"))
        }
        (Protocol::Kitty, Picture::Png(text)) => {
            BASE64.decode(text).ok()?;
            let chunks: Vec<&[u8]> = text.as_bytes().chunks(KITTY_CHUNK).collect();
            let mut sequence = String::new();
            for (number, chunk) in chunks.iter().enumerate() {
                // Show at once, it is PNG, answer nothing; `m`: more follows.
                let head = if number == 0 { "a=T,f=100,q=2," } else { "" };
                let more = u8::from(number + 1 < chunks.len());
                sequence += &format!("\x1b_G{head}m={more};{}\x1b\\", String::from_utf8_lossy(chunk));
            }
            Some(sequence)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminals_by_their_environment() {
        #[track_caller]
        fn check(variables: &[(&str, &str)], expect: Option<Protocol>) {
            let found = Protocol::of_environment(|name| {
                variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
            });
            assert_eq!(found, expect, "{variables:?}");
        }
        check(&[("TERM", "xterm-256color")], None);
        check(&[("TERM", "xterm-kitty")], Some(Protocol::Kitty));
        check(&[("TERM", "xterm-256color"), ("KITTY_WINDOW_ID", "1")], Some(Protocol::Kitty));
        check(&[("TERM", "screen"), ("KITTY_WINDOW_ID", "1"), ("TMUX", "/tmp/tmux,1,0")], None);
        check(&[("TERM_PROGRAM", "WezTerm")], Some(Protocol::Iterm));
        check(&[("LC_TERMINAL", "iTerm2")], Some(Protocol::Iterm));
        check(&[], None);
    }

    #[test]
    fn what_terminals_answer() {
        assert!(has_sixel(b"\x1b[?62;4;6;22c"));
        assert!(has_sixel(b"typed\x1b[?62;9;4c"));
        assert!(!has_sixel(b"\x1b[?62;22;42c"));
        assert!(!has_sixel(b"\x1b[?1;2c"));
        assert!(!has_sixel(b""));
    }

    #[test]
    fn nothing_of_a_picture_steers_the_terminal() {
        let sixel = |body: &str| sequence(Protocol::Sixel, &Picture::Sixel(body.to_owned()));
        assert_eq!(sixel("\"1;1;1;6#0;2;0;0;0#0~-").as_deref(), Some("\x1bPq\"1;1;1;6#0;2;0;0;0#0~-\x1b\\"));
        assert_eq!(sixel("~\x1b\\\x1b[2J"), None);
        assert_eq!(sequence(Protocol::Kitty, &Picture::Png("AAAA\x1b\\".to_owned())), None);
        assert_eq!(sequence(Protocol::Iterm, &Picture::Png("AA\x07AA".to_owned())), None);
        assert_eq!(sequence(Protocol::Iterm, &Picture::Sixel("~".to_owned())), None);
        let png = |bytes: usize| Picture::Png(BASE64.encode(vec![7; bytes]));
        assert_eq!(
            sequence(Protocol::Iterm, &png(3)).as_deref(),
            Some("\x1b]1337;File=inline=1;size=3:BwcH\x07")
        );
        let long = sequence(Protocol::Kitty, &png(3073)).unwrap();
        assert!(long.starts_with("\x1b_Ga=T,f=100,q=2,m=1;Bwc"), "{long}");
        assert!(long.ends_with("\x1b_Gm=0;Bw==\x1b\\"), "{long}");
    }
}

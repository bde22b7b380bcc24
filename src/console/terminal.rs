//! The terminal itself: what it can do, its keyboard while work is followed, and a screen on which
//! a passing line, lasting lines and log lines do not tear each other.

use std::io::{self, IsTerminal, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetwinsize, tcsetattr,
};

use super::table::{Style, fit};

/// Columns where there is no terminal to ask.
const DEFAULT_WIDTH: usize = 100;

/// What standard output can show. Colors where it is a terminal and `NO_COLOR` is unset or empty.
pub fn style_of_output() -> Style {
    let stdout = io::stdout();
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let width = tcgetwinsize(&stdout).map_or(0, |size| usize::from(size.ws_col));
    Style { colors: stdout.is_terminal() && !no_color, width: if width == 0 { DEFAULT_WIDTH } else { width } }
}

/// True where standard output takes colors and wants them.
pub fn colors_of_output() -> bool {
    style_of_output().colors
}

/// The terminal's modes at one moment. Whoever ends the process while the console reads a line puts
/// them back; otherwise the user's shell gets a terminal that shows nothing that is typed.
pub struct SavedTerminal(Termios);

impl SavedTerminal {
    /// `None` when standard input is no terminal.
    pub fn capture() -> Option<SavedTerminal> {
        tcgetattr(io::stdin()).ok().map(SavedTerminal)
    }

    pub fn restore(&self) {
        // Nothing can be done about a terminal that is gone.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}

/// The keyboard while work is followed: Ctrl-C is read as a key, so that it reaches nobody as a
/// signal (the daemon may share the terminal). Back to normal when dropped.
pub struct Keyboard {
    stdin: io::Stdin,
    before: SavedTerminal,
}

impl Keyboard {
    /// `None` when standard input is no terminal.
    pub fn listen() -> Option<Keyboard> {
        let before = SavedTerminal::capture()?;
        let mut modes = before.0.clone();
        modes.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG);
        modes.special_codes[SpecialCodeIndex::VMIN] = 0;
        modes.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(io::stdin(), OptionalActions::Now, &modes).ok()?;
        Some(Keyboard { stdin: io::stdin(), before })
    }

    /// Ctrl-C is among the keys pressed since the last call. Never waits.
    pub fn interrupted(&self) -> bool {
        const CTRL_C: u8 = 3;
        self.pressed().contains(&CTRL_C)
    }

    /// The next keys, or what the terminal itself says; none if there are none before `timeout`.
    pub fn keys(&self, timeout: Duration) -> Vec<u8> {
        let mut sources = [PollFd::from_borrowed_fd(self.as_fd(), PollFlags::IN)];
        match poll(&mut sources, Timespec::try_from(timeout).ok().as_ref()) {
            Ok(_) => self.pressed(),
            Err(_) => Vec::new(),
        }
    }

    fn pressed(&self) -> Vec<u8> {
        let mut keys = [0_u8; 64];
        // Past the buffer of `Stdin`: nothing may be left in it for the line editor.
        let count = rustix::io::read(&self.stdin, &mut keys).unwrap_or(0);
        keys.get(..count).unwrap_or_default().to_vec()
    }
}

impl AsFd for Keyboard {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stdin.as_fd()
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        self.before.restore();
    }
}

/// Where lines go. A passing line is replaced by the next one, of whatever kind; without a terminal
/// it is not shown at all.
pub struct Screen<W: Write> {
    out: W,
    is_terminal: bool,
    width: usize,
    passing: String,
}

impl Screen<io::Stdout> {
    pub fn stdout(style: Style) -> Screen<io::Stdout> {
        let out = io::stdout();
        Screen { is_terminal: out.is_terminal(), width: style.width, passing: String::new(), out }
    }
}

impl<W: Write> Screen<W> {
    /// Writes text that stays: whole lines.
    pub fn keep(&mut self, text: &str) -> io::Result<()> {
        self.clear()?;
        self.out.write_all(text.as_bytes())?;
        if !text.is_empty() && !text.ends_with('\n') {
            self.out.write_all(b"\n")?;
        }
        self.draw_passing()?;
        self.out.flush()
    }

    /// Replaces the passing line; an empty one removes it.
    pub fn pass(&mut self, line: &str) -> io::Result<()> {
        self.clear()?;
        self.passing = fit(line, self.width.saturating_sub(1));
        self.draw_passing()?;
        self.out.flush()
    }

    fn clear(&mut self) -> io::Result<()> {
        if self.is_terminal && !self.passing.is_empty() { self.out.write_all(b"\r\x1b[2K") } else { Ok(()) }
    }

    fn draw_passing(&mut self) -> io::Result<()> {
        if self.is_terminal { self.out.write_all(self.passing.as_bytes()) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(is_terminal: bool, expect: &str) {
        let mut screen = Screen { out: Vec::new(), is_terminal, width: 12, passing: String::new() };
        screen.keep("first\n").unwrap();
        screen.pass("working, 1 second").unwrap();
        screen.keep("a log line").unwrap();
        screen.pass("").unwrap();
        assert_eq!(String::from_utf8(screen.out).unwrap(), expect);
    }

    #[test]
    fn lasting_lines_replace_the_passing_one_and_it_comes_back() {
        check(true, "first\nworking, 1…\r\x1b[2Ka log line\nworking, 1…\r\x1b[2K");
        check(false, "first\na log line\n");
    }
}

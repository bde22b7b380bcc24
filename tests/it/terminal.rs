//! A real terminal for tests: the program on one side of a pseudo-terminal, an emulator that knows what the
//! screen shows on the other.

use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Instant;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::daemon::{DEADLINE, wait_for};

/// Rows enough that nothing a test looks for scrolls away.
const ROWS: NonZeroU16 = NonZeroU16::new(200).unwrap();

pub struct Terminal {
    pub child: Child,
    keyboard: File,
    seen: Arc<Seen>,
}

struct Seen {
    output: Mutex<Output>,
    changed: Condvar,
}

struct Output {
    screen: vt100::Parser,
    /// Everything that was sent, escape sequences included.
    raw: Vec<u8>,
    /// The last process on the terminal has closed it.
    ended: bool,
}

impl Terminal {
    /// Starts the command on a terminal of so many columns.
    pub fn start(mut command: Command, columns: u16) -> Terminal {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let size = Winsize { ws_row: ROWS.get(), ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&master, size).unwrap();
        let end = || Stdio::from(File::options().read(true).write(true).open(&name).unwrap());
        command.stdin(end()).stdout(end()).stderr(end()).env("TERM", "xterm-256color");
        let child = command.spawn().unwrap();
        drop(command); // its ends of the terminal: the program's are the last now
        let seen = Arc::new(Seen {
            output: Mutex::new(Output {
                screen: vt100::Parser::new(ROWS, NonZeroU16::new(columns).unwrap(), 0),
                raw: Vec::new(),
                ended: false,
            }),
            changed: Condvar::new(),
        });
        let reader = File::from(rustix::io::dup(&master).unwrap());
        let shared = Arc::clone(&seen);
        std::thread::spawn(move || watch(reader, &shared));
        Terminal { child, keyboard: File::from(master), seen }
    }

    /// Types; Enter is `\r`, Ctrl-C is `\x03`.
    pub fn send(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until the screen is so; returns what it shows.
    #[track_caller]
    pub fn wait_for(&self, what: &str, test: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + DEADLINE;
        let mut output = self.lock();
        loop {
            let shown = output.screen.screen().contents();
            if test(&shown) {
                return shown;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "waited too long for {what}; the screen shows:\n{shown}");
            output = self.seen.changed.wait_timeout(output, left).unwrap().0;
        }
    }

    /// Waits until the text is somewhere on the screen.
    #[track_caller]
    pub fn wait_until_shows(&self, text: &str) -> String {
        self.wait_for(&format!("{text:?}"), |shown| shown.contains(text))
    }

    /// What the screen shows, as a picture, if the variable `AOTF_SHOTS` names a folder for it
    /// (docs/screenshots.sh).
    pub fn shoot(&self, name: &str) {
        let Some(folder) = std::env::var_os("AOTF_SHOTS") else { return };
        let svg = svg(self.lock().screen.screen());
        std::fs::write(Path::new(&folder).join(format!("{name}.svg")), svg).unwrap();
    }

    /// Waits until this was sent, escape sequences included.
    #[track_caller]
    pub fn wait_for_raw(&self, text: &str) {
        wait_for(&format!("{text:?}"), || self.raw().contains(text).then_some(()));
    }

    /// Everything that the program sent, once it and all that it started are gone.
    #[track_caller]
    pub fn raw_to_end(&self) -> String {
        wait_for("the end of the terminal", || self.lock().ended.then_some(()));
        self.raw()
    }

    /// Everything that the program sent so far.
    pub fn raw(&self) -> String {
        String::from_utf8_lossy(&self.lock().raw).into_owned()
    }

    #[track_caller]
    pub fn wait_for_end(&mut self) -> ExitStatus {
        wait_for("the end of the program", || self.child.try_wait().unwrap())
    }

    fn lock(&self) -> MutexGuard<'_, Output> {
        self.seen.output.lock().unwrap()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Until the last process on the terminal has closed it.
fn watch(mut terminal: File, seen: &Seen) {
    let mut bytes = [0; 4096];
    while let Ok(count @ 1..) = terminal.read(&mut bytes) {
        let mut output = seen.output.lock().unwrap();
        output.screen.process(&bytes[..count]);
        output.raw.extend_from_slice(&bytes[..count]);
        seen.changed.notify_all();
    }
    seen.output.lock().unwrap().ended = true;
}

/// The rows that are used, as text in the colors of a dark terminal.
fn svg(screen: &vt100::Screen) -> String {
    const CELL: (usize, usize) = (8, 18);
    const MARGIN: usize = 12;
    let (rows, columns) = screen.size();
    let (rows, columns) = (rows.get(), columns.get());
    let used = screen.contents().trim_end().lines().count();
    let (width, height) = (usize::from(columns) * CELL.0 + 2 * MARGIN, used * CELL.1 + 2 * MARGIN);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         font-family=\"ui-monospace,'DejaVu Sans Mono',monospace\" font-size=\"13\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"6\" fill=\"#15181c\"/>\n"
    );
    for row in 0..rows.min(used as u16) {
        let mut column = 0;
        while column < columns {
            let (color, bold) = look(screen, row, column);
            let begin = column;
            let mut run = String::new();
            while column < columns && look(screen, row, column) == (color, bold) {
                let contents = screen.cell(row, column).map_or("", vt100::Cell::contents);
                run.push_str(if contents.is_empty() { " " } else { contents });
                column += 1;
            }
            if run.trim().is_empty() {
                continue;
            }
            let (x, y) = (MARGIN + usize::from(begin) * CELL.0, MARGIN + usize::from(row) * CELL.1 + 13);
            let run = run.trim_end();
            let long = run.chars().count() * CELL.0;
            let run = run.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            let weight = if bold { " font-weight=\"bold\"" } else { "" };
            text.push_str(&format!(
                "<text x=\"{x}\" y=\"{y}\" fill=\"{color}\"{weight} textLength=\"{long}\" xml:space=\"preserve\">{run}</text>\n"
            ));
        }
    }
    text + "</svg>\n"
}

/// Color and weight of a cell.
fn look(screen: &vt100::Screen, row: u16, column: u16) -> (&'static str, bool) {
    let Some(cell) = screen.cell(row, column) else { return ("#d5dae0", false) };
    let color = match cell.fgcolor() {
        vt100::Color::Idx(1) => "#f2777a",
        vt100::Color::Idx(2) => "#8fd18f",
        _ if cell.dim() => "#8a929c",
        _ => "#d5dae0",
    };
    (color, cell.bold())
}

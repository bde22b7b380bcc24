//! A line from the terminal that is not shown while it is typed.

use std::io;

use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};

use super::error::InitError;

/// More than any token: a terminal that sends without end is not waited for.
const MAX_BYTES: usize = 16 * 1024;

/// The terminal of the standard input without echo, as it was before once this is dropped. Begun before the
/// question is shown, so that nothing typed early is shown either.
pub struct Silence(Termios);

impl Silence {
    /// # Errors
    /// The standard input is no terminal, or one that cannot be silenced.
    pub fn begin() -> Result<Silence, InitError> {
        let ask = |source: rustix::io::Errno| InitError::Ask { source: source.into() };
        let before = tcgetattr(io::stdin()).map_err(ask)?;
        let mut modes = before.clone();
        modes.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG);
        modes.special_codes[SpecialCodeIndex::VMIN] = 1;
        modes.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(io::stdin(), OptionalActions::Now, &modes).map_err(ask)?;
        Ok(Silence(before))
    }

    /// Reads a line.
    ///
    /// # Errors
    /// `Stopped` for Ctrl-C and Ctrl-D, which are keys meanwhile: as a signal, Ctrl-C would end the program
    /// and leave a terminal that shows nothing any more.
    pub fn read(&self) -> Result<String, InitError> {
        let line = read_keys();
        // The line break that was typed is not shown either.
        println!();
        line
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        // Nothing can be done about a terminal that is gone.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}

fn read_keys() -> Result<String, InitError> {
    let ask = |source: rustix::io::Errno| InitError::Ask { source: source.into() };
    let mut typed = Vec::new();
    loop {
        let mut keys = [0_u8; 256];
        let count = match rustix::io::read(io::stdin(), &mut keys) {
            Err(rustix::io::Errno::INTR) => continue,
            read => read.map_err(ask)?,
        };
        if count == 0 {
            return Err(InitError::Stopped);
        }
        for key in keys.iter().take(count) {
            match Key::of(*key) {
                Key::Enter => return Ok(String::from_utf8_lossy(&typed).into_owned()),
                Key::Stop => return Err(InitError::Stopped),
                Key::Back => drop(typed.pop()),
                Key::Clear => typed.clear(),
                Key::Byte(byte) if typed.len() < MAX_BYTES => typed.push(byte),
                Key::Byte(_) => return Err(InitError::NoAnswer),
            }
        }
    }
}

enum Key {
    Enter,
    Stop,
    Back,
    Clear,
    Byte(u8),
}

impl Key {
    fn of(byte: u8) -> Key {
        match byte {
            b'\r' | b'\n' => Key::Enter,
            3 | 4 => Key::Stop,
            8 | 127 => Key::Back,
            21 => Key::Clear, // Ctrl-U
            byte => Key::Byte(byte),
        }
    }
}

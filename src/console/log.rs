//! What the daemon writes to its log file while the console is open, as far as its user should see it.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The file is looked at this often.
const INTERVAL: Duration = Duration::from_millis(500);
/// Read at once; what a flood writes beyond it between two looks is left to the file.
const MAX_BYTES: u64 = 64 * 1024;

/// Tells each warning and error that is written to the file from now on, on a thread of its own, until
/// `tell` returns false.
///
/// # Errors
/// The thread cannot be started. A file that is not there, or goes away, is waited for.
pub fn follow(path: &Path, mut tell: impl FnMut(&str) -> bool + Send + 'static) -> io::Result<()> {
    let mut tail = Tail::at_end(path.to_owned());
    std::thread::Builder::new().name("console-log".to_owned()).spawn(move || {
        loop {
            std::thread::park_timeout(INTERVAL);
            for line in tail.lines().lines().filter(|line| is_heeded(line)) {
                if !tell(line) {
                    return;
                }
            }
        }
    })?;
    Ok(())
}

/// A warning or an error, in either form of the log.
fn is_heeded(line: &str) -> bool {
    let text = line.split_whitespace().nth(2).is_some_and(|level| matches!(level, "WARN" | "ERROR"));
    text || line.contains("\"level\":\"WARN\"") || line.contains("\"level\":\"ERROR\"")
}

/// The end of a file that grows.
struct Tail {
    path: PathBuf,
    position: u64,
    /// A line whose end is not written yet.
    begun: Vec<u8>,
}

impl Tail {
    fn at_end(path: PathBuf) -> Tail {
        let position = std::fs::metadata(&path).map_or(0, |found| found.len());
        Tail { path, position, begun: Vec::new() }
    }

    /// The whole lines that were written since the last call; empty where there are none, or no file.
    fn lines(&mut self) -> String {
        let Ok(mut file) = File::open(&self.path) else { return String::new() };
        let len = file.metadata().map_or(0, |found| found.len());
        if len < self.position {
            (self.position, self.begun) = (0, Vec::new()); // begun anew
        }
        let from = self.position.max(len.saturating_sub(MAX_BYTES));
        let mut bytes = std::mem::take(&mut self.begun);
        if from > self.position {
            bytes.clear();
        }
        let read =
            file.seek(SeekFrom::Start(from)).and_then(|_| file.take(MAX_BYTES).read_to_end(&mut bytes));
        let Ok(read) = read else { return String::new() };
        self.position = from + read as u64;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        self.begun = bytes.split_off(whole);
        self.begun.truncate(MAX_BYTES as usize);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn warnings_and_errors_are_heeded() {
        assert!(is_heeded("2026-11-21T05:46:51Z listing[2]  WARN aotf::events: the root is gone"));
        assert!(is_heeded("{\"timestamp\":\"t\",\"level\":\"ERROR\",\"fields\":{}}"));
        assert!(!is_heeded("2026-11-21T05:46:51Z front[2]  INFO aotf::front: front listens WARN"));
        assert!(!is_heeded(""));
    }

    #[test]
    fn whole_lines_from_the_end_on() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        writeln!(file, "old").unwrap();
        let mut tail = Tail::at_end(file.path().to_owned());
        assert_eq!(tail.lines(), "");
        write!(file, "one\ntw").unwrap();
        assert_eq!(tail.lines(), "one\n");
        writeln!(file, "o").unwrap();
        assert_eq!(tail.lines(), "two\n");
        file.as_file_mut().set_len(0).unwrap();
        file.as_file_mut().rewind().unwrap();
        writeln!(file, "new").unwrap();
        assert_eq!(tail.lines(), "new\n", "the file was begun anew");
        let mut flood = vec![b'x'; 3 * MAX_BYTES as usize];
        flood.extend(b"\nlast\n");
        file.write_all(&flood).unwrap();
        assert!(tail.lines().ends_with("\nlast\n"));
        std::fs::remove_file(file.path()).unwrap();
        assert_eq!(tail.lines(), "");
    }
}

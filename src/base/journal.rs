//! The journal of systemd as the reader of our standard error: it takes lines, and each may begin with its
//! priority (sd-daemon(3)). Time, program and process it knows itself.

use std::ffi::OsStr;
use std::io::{self, Write as _};

/// How much a line matters, by the numbers of syslog(3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    Error = 3,
    Warning = 4,
    Info = 6,
    Debug = 7,
}

/// True where the journal reads this process's standard error.
///
/// The variable `JOURNAL_STREAM` alone does not say it: a process whose output is redirected inherits it too.
/// It names the stream by device and inode, which are compared (systemd.exec(5)).
pub fn reads_stderr() -> bool {
    let Some(variable) = std::env::var_os("JOURNAL_STREAM") else { return false };
    rustix::fs::fstat(io::stderr()).is_ok_and(|stream| names(&variable, stream.st_dev, stream.st_ino))
}

fn names(variable: &OsStr, device: u64, inode: u64) -> bool {
    variable.to_str() == Some(&format!("{device}:{inode}"))
}

/// The text with this priority before each of its lines: the journal makes an entry of each.
pub fn with_priority(priority: Priority, text: &[u8]) -> Vec<u8> {
    let mut lines = Vec::with_capacity(text.len() + 16);
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        lines.extend_from_slice(format!("<{}>", priority as u8).as_bytes());
        lines.extend_from_slice(line);
    }
    lines
}

/// Writes a message that ends with a line break to the standard error, as an error where the journal reads
/// it. Where messages go before there is a log.
pub fn print_error(text: &str) {
    let text = match reads_stderr() {
        true => with_priority(Priority::Error, text.as_bytes()),
        false => text.as_bytes().to_vec(),
    };
    // There is nowhere else to say it.
    let _ = io::stderr().write_all(&text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_known_by_device_and_inode() {
        for (variable, expect) in [
            ("8:4711", true),
            ("8:471", false),
            ("9:4711", false),
            ("8:4711:1", false),
            ("08:4711", false),
            ("", false),
        ] {
            assert_eq!(names(OsStr::new(variable), 8, 4711), expect, "{variable}");
        }
    }

    #[test]
    fn every_line_has_its_priority() {
        for (text, expect) in
            [("one\ntwo\n", "<4>one\n<4>two\n"), ("no end", "<4>no end"), ("\n", "<4>\n"), ("", "")]
        {
            let lines = with_priority(Priority::Warning, text.as_bytes());
            assert_eq!(String::from_utf8(lines).unwrap(), expect, "{text:?}");
        }
    }
}

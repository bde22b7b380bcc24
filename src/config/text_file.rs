//! Text files as editors leave them: Windows marks them with a byte order mark, which is no part of the text.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The text of a file of at most so many bytes, without its mark.
///
/// # Errors
/// When it cannot be read, is longer, or is not UTF-8; what to do is then said.
pub fn read(path: &Path, max_bytes: u64) -> io::Result<String> {
    read_from(File::open(path)?, max_bytes)
}

/// The same of a file that a command line names, where `-` is standard input.
///
/// # Errors
/// As those of [`read`].
pub fn read_or_stdin(path: &Path, max_bytes: u64) -> io::Result<String> {
    match path.as_os_str() == "-" {
        true => read_from(io::stdin().lock(), max_bytes),
        false => read(path, max_bytes),
    }
}

fn read_from(source: impl Read, max_bytes: u64) -> io::Result<String> {
    let mut bytes = Vec::new();
    source.take(max_bytes + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max_bytes {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it is longer than {max_bytes} bytes: is it the right file?"),
        ));
    }
    decode(bytes)
}

fn decode(bytes: Vec<u8>) -> io::Result<String> {
    let wrong = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err(wrong("it is UTF-16, as some editors call \"Unicode\": save it as UTF-8"));
    }
    let text = String::from_utf8(bytes).map_err(|_| wrong("it is not UTF-8 text: save it as UTF-8"))?;
    match text.strip_prefix('\u{feff}') {
        Some(unmarked) => Ok(unmarked.to_owned()),
        None => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_no_text() {
        let check = |bytes: &[u8], expect: &str| {
            let found = decode(bytes.to_vec()).unwrap_or_else(|error| error.to_string());
            assert_eq!(found, expect, "{bytes:?}");
        };
        check(b"\xef\xbb\xbfabc\n", "abc\n");
        check(b"abc", "abc");
        check(b"\xef\xbb\xbf", "");
        check(b"a\xef\xbb\xbf", "a\u{feff}");
        check(b"\xff\xfea\0", "it is UTF-16, as some editors call \"Unicode\": save it as UTF-8");
        check(b"\xfe\xff\0a", "it is UTF-16, as some editors call \"Unicode\": save it as UTF-8");
        check(b"a\xe9", "it is not UTF-8 text: save it as UTF-8");
    }

    #[test]
    fn the_wrong_file_is_not_read_to_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("list");
        std::fs::write(&file, "12345").unwrap();
        assert_eq!(read(&file, 5).unwrap(), "12345");
        let error = read(&file, 4).unwrap_err().to_string();
        assert_eq!(error, "it is longer than 4 bytes: is it the right file?");
    }
}

//! A table as a file of compressed lines: written with its checksum, read back.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use super::{BackupError, FileEntry};
use crate::store::schema::{Kind, Value};

/// zstd's default: three times faster than gzip, and smaller.
const LEVEL: i32 = 3;

/// The longest line that is read. A post's row has less than a kilobyte.
const LONGEST_LINE: u64 = 16 << 20;

/// The first line of each file.
#[derive(Debug, Serialize, Deserialize)]
pub struct Head {
    pub table: String,
    pub columns: Vec<String>,
}

/// Passes bytes on, and adds them up.
pub struct Summing<T> {
    inner: T,
    sum: Sha256,
    bytes: u64,
}

impl<T> Summing<T> {
    pub fn new(inner: T) -> Summing<T> {
        Summing { inner, sum: Sha256::new(), bytes: 0 }
    }

    fn add(&mut self, bytes: &[u8]) {
        self.sum.update(bytes);
        self.bytes += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    }

    /// The bytes that passed, and their SHA-256 in hexadecimal digits.
    pub fn result(self) -> (T, u64, String) {
        let digits = self.sum.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        (self.inner, self.bytes, digits)
    }
}

impl<T: Write> Write for Summing<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.add(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<T: Read> Read for Summing<T> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(bytes)?;
        self.add(bytes.get(..read).unwrap_or_default());
        Ok(read)
    }
}

/// A file in the making.
pub struct LineWriter {
    name: String,
    encoder: BufWriter<zstd::Encoder<'static, Summing<File>>>,
    rows: u64,
}

impl LineWriter {
    pub fn create(folder: &Path, name: &str, head: &Head) -> io::Result<LineWriter> {
        let file = File::create(folder.join(name))?;
        let encoder = zstd::Encoder::new(Summing::new(file), LEVEL)?;
        let mut writer = LineWriter { name: name.to_owned(), encoder: BufWriter::new(encoder), rows: 0 };
        serde_json::to_writer(&mut writer.encoder, head)?;
        writer.encoder.write_all(b"\n")?;
        Ok(writer)
    }

    pub fn write(&mut self, row: &[Value]) -> io::Result<()> {
        let row: Vec<Json> = row.iter().map(to_json).collect();
        serde_json::to_writer(&mut self.encoder, &row)?;
        self.rows += 1;
        self.encoder.write_all(b"\n")
    }

    /// Everything is on the disk when this returns.
    pub fn finish(self) -> io::Result<FileEntry> {
        let encoder = self.encoder.into_inner().map_err(io::IntoInnerError::into_error)?;
        let (file, bytes, sha256) = encoder.finish()?.result();
        file.sync_all()?;
        Ok(FileEntry { name: self.name, rows: self.rows, bytes, sha256 })
    }
}

/// Reads a file of lines. What is read is only to be believed after `finish`.
pub struct LineReader {
    lines: BufReader<zstd::Decoder<'static, BufReader<Summing<File>>>>,
    pub head: Head,
    rows: u64,
    line: Vec<u8>,
}

impl LineReader {
    pub fn open(path: &Path) -> Result<LineReader, BackupError> {
        let file = File::open(path).map_err(BackupError::file("open", path))?;
        let decoder = zstd::Decoder::new(Summing::new(file)).map_err(BackupError::file("read", path))?;
        let mut reader = LineReader {
            lines: BufReader::new(decoder),
            head: Head { table: String::new(), columns: Vec::new() },
            rows: 0,
            line: Vec::new(),
        };
        reader.next_line().map_err(BackupError::file("read", path))?;
        reader.head = serde_json::from_slice(&reader.line).map_err(|error| BackupError::Damaged {
            path: path.to_owned(),
            what: format!("its first line: {error}"),
        })?;
        Ok(reader)
    }

    fn next_line(&mut self) -> io::Result<bool> {
        self.line.clear();
        let read = (&mut self.lines).take(LONGEST_LINE).read_until(b'\n', &mut self.line)?;
        Ok(read > 0)
    }

    /// The next row, as values of these kinds; `None` at the end.
    pub fn row(&mut self, kinds: &[Kind]) -> io::Result<Option<Vec<Value>>> {
        if !self.next_line()? {
            return Ok(None);
        }
        let invalid = |why: String| io::Error::new(io::ErrorKind::InvalidData, why);
        let cells: Vec<Json> = serde_json::from_slice(&self.line)?;
        if cells.len() != kinds.len() {
            return Err(invalid(format!("row {}: {} cells", self.rows + 1, cells.len())));
        }
        self.rows += 1;
        let values = cells.into_iter().zip(kinds).map(|(cell, kind)| {
            let text = cell.to_string();
            from_json(cell, *kind).ok_or_else(|| invalid(format!("row {}: {text}", self.rows)))
        });
        values.collect::<io::Result<_>>().map(Some)
    }

    /// The next row of a table whose columns are not known beforehand: numbers and texts as they stand.
    pub fn any_row(&mut self) -> io::Result<Option<Vec<Value>>> {
        if !self.next_line()? {
            return Ok(None);
        }
        let cells: Vec<Json> = serde_json::from_slice(&self.line)?;
        self.rows += 1;
        let value = |cell: Json| match cell {
            Json::Null => Ok(Value::Text(None)),
            Json::Number(number) => Ok(Value::Int(number.as_i64())),
            Json::String(text) => Ok(Value::Text(Some(text))),
            other => {
                let why = format!("row {}: {other}", self.rows);
                Err(io::Error::new(io::ErrorKind::InvalidData, why))
            }
        };
        cells.into_iter().map(value).collect::<io::Result<_>>().map(Some)
    }

    /// After the last row: whether the file is the one that the manifest means.
    pub fn finish(self, entry: &FileEntry) -> Result<(), String> {
        let mut summing = self.lines.into_inner().finish();
        let rest = io::copy(&mut summing, &mut io::sink()).map_err(|error| error.to_string())?;
        let (_, bytes, sha256) = summing.into_inner().result();
        match (bytes == entry.bytes && sha256 == entry.sha256, rest == 0, self.rows == entry.rows) {
            (false, _, _) => Err("its checksum is another".to_owned()),
            (_, false, _) => Err("something follows its end".to_owned()),
            (_, _, false) => Err(format!("it has {} rows instead of {}", self.rows, entry.rows)),
            (true, true, true) => Ok(()),
        }
    }
}

fn to_json(value: &Value) -> Json {
    match value {
        Value::Int(Some(value)) => Json::from(*value),
        Value::Text(Some(value)) => Json::from(value.as_str()),
        Value::Bytes(Some(value)) => Json::from(STANDARD.encode(value)),
        Value::Int(None) | Value::Text(None) | Value::Bytes(None) => Json::Null,
    }
}

fn from_json(cell: Json, kind: Kind) -> Option<Value> {
    Some(match (kind, cell) {
        (Kind::Int, Json::Null) => Value::Int(None),
        (Kind::Text, Json::Null) => Value::Text(None),
        (Kind::Bytes, Json::Null) => Value::Bytes(None),
        (Kind::Int, cell) => Value::Int(Some(cell.as_i64()?)),
        (Kind::Text, Json::String(text)) => Value::Text(Some(text)),
        (Kind::Bytes, Json::String(text)) => Value::Bytes(Some(STANDARD.decode(text).ok()?)),
        (Kind::Text | Kind::Bytes, _) => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn values_go_there_and_back(int: Option<i64>, text: Option<String>, bytes: Option<Vec<u8>>) {
            let values = [Value::Int(int), Value::Text(text), Value::Bytes(bytes)];
            for (value, kind) in values.into_iter().zip([Kind::Int, Kind::Text, Kind::Bytes]) {
                prop_assert_eq!(from_json(to_json(&value), kind), Some(value));
            }
        }
    }
}

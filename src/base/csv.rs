//! Tables of comma-separated values (RFC 4180) whose rows may be shorter than their header.

use std::collections::BTreeMap;

use csv::{Reader, ReaderBuilder, StringRecord};

/// The fields of each row below the header; blank lines, and what is no text, are left out.
pub fn rows(text: &str) -> Vec<Vec<String>> {
    let records = reader(text).into_records().filter_map(Result::ok);
    records.map(|record| record.iter().map(str::to_owned).collect()).collect()
}

/// Each row below the header, by the header's names; a field that a row lacks is missing.
pub fn records(text: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = reader(text);
    let header = reader.headers().cloned().unwrap_or_default();
    let named = |row: StringRecord| {
        header.iter().zip(&row).map(|(name, field)| (name.to_owned(), field.to_owned())).collect()
    };
    reader.records().filter_map(Result::ok).map(named).collect()
}

fn reader(text: &str) -> Reader<&[u8]> {
    ReaderBuilder::new().flexible(true).from_reader(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_may_be_quoted() {
        let text = "a,b\r\n1,\"x, \"\"y\"\"\nz\"\n\n2,\n3";
        assert_eq!(rows(text), [vec!["1", "x, \"y\"\nz"], vec!["2", ""], vec!["3"]]);
        // Spreadsheets write a byte order mark.
        let records = records(&format!("\u{feff}{text}"));
        assert_eq!(records[0]["a"], "1");
        assert_eq!(records[0]["b"], "x, \"y\"\nz");
        assert_eq!((records[2].get("a").map(String::as_str), records[2].get("b")), (Some("3"), None));
    }
}

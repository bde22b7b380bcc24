//! Tables of comma-separated values (RFC 4180): a field may stand in quotes, a quote in it is doubled.

use std::collections::BTreeMap;

/// The fields of each row, the header's too; blank lines are left out.
pub fn rows(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut field, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                field.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut field)),
            '\n' if !quoted => {
                row.push(std::mem::take(&mut field));
                rows.push(std::mem::take(&mut row));
            }
            '\r' if !quoted => {}
            c => field.push(c),
        }
    }
    if !field.is_empty() || !row.is_empty() {
        row.push(field);
        rows.push(row);
    }
    rows.retain(|row| row.iter().any(|field| !field.is_empty()));
    rows
}

/// Each row below the header, by the header's names; a field that a row lacks is missing.
pub fn records(text: &str) -> Vec<BTreeMap<String, String>> {
    // Spreadsheets write a byte order mark.
    let mut rows = rows(text.trim_start_matches('\u{feff}')).into_iter();
    let header = rows.next().unwrap_or_default();
    rows.map(|row| header.iter().cloned().zip(row).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_may_be_quoted() {
        let text = "a,b\r\n1,\"x, \"\"y\"\"\nz\"\n\n2,\n3";
        assert_eq!(rows(text), [vec!["a", "b"], vec!["1", "x, \"y\"\nz"], vec!["2", ""], vec!["3"]]);
        let records = records(&format!("\u{feff}{text}"));
        assert_eq!(records[0]["b"], "x, \"y\"\nz");
        assert_eq!((records[2].get("a").map(String::as_str), records[2].get("b")), (Some("3"), None));
    }
}

//! The tables of `aotf bench accuracy`, in Markdown.

use std::fmt::Write as _;

use super::alter::Family;
use super::measured::{Measured, RADII, RESULT_RADIUS};
use crate::domain::images::MatchClass;

/// The two lines of a document between which something is replaced.
pub type Marks = [&'static str; 2];
/// Of what is measured of whole pictures.
pub const MEASURED: Marks = ["<!-- measured: begin -->", "<!-- measured: end -->"];
/// Of what is measured of parts.
pub const PARTS: Marks = ["<!-- parts: begin -->", "<!-- parts: end -->"];

/// The document with `tables` between these marks; `None` where it does not have them.
pub fn put_between_marks(document: &str, [begin, end]: Marks, tables: &str) -> Option<String> {
    let (before, rest) = document.split_once(begin)?;
    let (_, after) = rest.split_once(end)?;
    Some(format!("{before}{begin}\n{tables}{end}{after}"))
}

pub fn markdown(measured: &Measured) -> String {
    let mut text = format!(
        "{} artworks, {} of them with transparency; {} alterations.\n\n",
        measured.artworks,
        measured.transparent,
        measured.rows.len()
    );
    text += "| | searches | found within 6 bits | over the whole database | within 10 | goal | ImageHash alone, within 6 |\n\
             |---|---:|---:|---:|---:|---:|---:|\n";
    for family in Family::ALL {
        let rows = || measured.rows.iter().filter(move |row| row.family == family);
        let searched: usize = rows().map(|row| row.searched).sum();
        let at = |radius: u32| rows().map(|row| within(&row.found, radius)).sum();
        let _ = writeln!(
            text,
            "| {} | {searched} | {} | {} | {} | {} | {} |",
            family.title(),
            percent(at(RESULT_RADIUS), searched),
            percent(rows().map(|row| row.confirmed).sum(), searched),
            percent(at(10), searched),
            family.goal().map_or_else(String::new, |goal| format!("{:.1} %", goal * 100.0)),
            percent(rows().map(|row| row.imagehash).sum(), searched),
        );
    }
    let strangers: usize = measured.rows.iter().map(|row| row.across_confirmed).sum();
    let _ = writeln!(
        text,
        "\nOver the whole database: within 6 bits, or within 10 and confirmed by the second stage. Pairs of different groups \
         that it confirms\nbeyond 6 bits, over all searches: {strangers}."
    );
    for family in Family::ALL {
        let _ = write!(text, "\n### {}\n\nFound, in percent, by radius.\n\n| |", capitalized(family.title()));
        RADII.iter().for_each(|radius| {
            let _ = write!(text, " {radius} |");
        });
        text += " transparent, 6 | ImageHash, 6 | classes of those within 10 |\n|---|";
        text += &"---:|".repeat(RADII.len() + 2);
        text += "---|\n";
        for row in measured.rows.iter().filter(|row| row.family == family) {
            let _ = write!(text, "| {} |", row.name);
            for count in row.found {
                let _ = write!(text, " {} |", percent(count, row.searched));
            }
            let transparent = percent(row.transparent.1, row.transparent.0);
            let _ = writeln!(
                text,
                " {transparent} | {} | {} |",
                percent(row.imagehash, row.searched),
                classes(&row.classes)
            );
        }
    }
    text += "\n### What is found wrongly\n\nPairs of different groups, of as many as a search of every artwork has \
             candidates, and pairs of one group (variants\nof a drawing: no error), by radius.\n\n| |";
    for radius in RADII {
        let _ = write!(text, " across {radius} |");
    }
    text += " classes of those across within 10 | within 6 | within 10 |\n|---|";
    text += &"---:|".repeat(RADII.len());
    text += "---|---:|---:|\n";
    for row in &measured.rows {
        let _ = write!(text, "| {} |", row.name);
        for count in row.across {
            let _ = write!(text, " {count} |");
        }
        let (near, far) = (within(&row.within, RESULT_RADIUS), within(&row.within, 10));
        let _ = writeln!(text, " {} | {near} | {far} |", classes(&row.across_classes));
    }
    text
}

/// The count for this radius.
fn within(counts: &[usize; RADII.len()], radius: u32) -> usize {
    counts.iter().zip(RADII).filter(|(_, at)| *at <= radius).map(|(count, _)| *count).next_back().unwrap_or(0)
}

/// Rounded down, so that 100 means all.
fn percent(part: usize, whole: usize) -> String {
    if whole == 0 {
        return "-".to_owned();
    }
    let per_ten_thousand = part * 10_000 / whole;
    format!("{}.{:02}", per_ten_thousand / 100, per_ten_thousand % 100)
}

fn classes(counts: &std::collections::BTreeMap<&'static str, usize>) -> String {
    let parts: Vec<String> = MatchClass::ALL
        .iter()
        .filter_map(|class| {
            let count = counts.get(class.as_str())?;
            Some(format!("{count} {}", class.as_str().replace('_', " ")))
        })
        .collect();
    parts.join(", ")
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_all_and_nearly_all_is_not() {
        assert_eq!(percent(202, 202), "100.00");
        assert_eq!(percent(99_999, 100_000), "99.99");
        assert_eq!(percent(0, 0), "-");
    }

    #[test]
    fn a_document_without_marks_is_left_alone() {
        let [begin, end] = MEASURED;
        let document = |between: &str| format!("a\n{begin}\n{between}\n{end}\nb");
        assert_eq!(put_between_marks("text", MEASURED, "t"), None);
        assert_eq!(put_between_marks(&document("old"), PARTS, "t"), None);
        assert_eq!(put_between_marks(&document("old"), MEASURED, "new\n").unwrap(), document("new"));
    }
}

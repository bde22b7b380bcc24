//! `aotf sites identify --table`: addresses of which a table says what they are, against what the program
//! says.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::Serialize;

use crate::base::{csv, shown};
use crate::sites::{self, Identified, Kind, identify};

/// Where the program says something else than a table on purpose: one row for each kind of address, with the
/// reason.
const EXPLAINED: &str = include_str!("explained.csv");

/// What became of one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The kind is the table's, and the id where the table has one.
    Right,
    /// The program says something else, and `explained.csv` says why.
    Explained,
    Wrong,
    /// Of a site that the program does not know, and says so.
    NotRead,
}

/// One row of a table, judged.
#[derive(Serialize)]
pub struct Judged<'a> {
    pub input: &'a str,
    /// The site as the table calls it.
    pub table_site: &'a str,
    pub verdict: Verdict,
    /// The kind and the id that the table has: `artwork 12`.
    pub expected: String,
    /// Why the table is not followed.
    pub reason: Option<String>,
    #[serde(flatten)]
    pub identified: Identified,
}

/// How many rows of a site came to which verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Count {
    pub right: usize,
    pub explained: usize,
    pub wrong: usize,
    pub not_read: usize,
}

impl Count {
    fn add(&mut self, verdict: Verdict) {
        *match verdict {
            Verdict::Right => &mut self.right,
            Verdict::Explained => &mut self.explained,
            Verdict::Wrong => &mut self.wrong,
            Verdict::NotRead => &mut self.not_read,
        } += 1;
    }
}

/// A row of a table, by the names of its columns.
pub type Row = BTreeMap<String, String>;

fn field<'a>(row: &'a Row, name: &str) -> &'a str {
    row.get(name).map_or("", String::as_str)
}

/// Reads tables: `site`, `url`, `kind` (artwork, profile, other), and, where there are, `id`, `pixiv_page`,
/// `class`.
///
/// # Errors
/// A file cannot be read, or is no such table.
pub fn read(files: &[PathBuf]) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for file in files {
        rows.extend(read_table(file)?);
    }
    Ok(rows)
}

fn read_table(file: &Path) -> anyhow::Result<Vec<Row>> {
    let text = std::fs::read_to_string(file).with_context(|| format!("could not read {}", file.display()))?;
    let rows = csv::records(&text);
    let first = rows.first().with_context(|| format!("{} has no rows", file.display()))?;
    for name in ["site", "url", "kind"] {
        anyhow::ensure!(
            first.contains_key(name),
            "{} has no column \"{name}\": a table of addresses begins with a line of names, among them site, url, kind",
            file.display()
        );
    }
    let kinds = ["artwork", "profile", "other"];
    if let Some(row) = rows.iter().find(|row| !kinds.contains(&field(row, "kind"))) {
        anyhow::bail!(
            "{}: the kind of {} is \"{}\"; it must be artwork, profile or other",
            file.display(),
            field(row, "url"),
            field(row, "kind")
        );
    }
    Ok(rows)
}

/// Judges one row.
pub fn judge<'a>(row: &'a Row, explained: &[Row]) -> Judged<'a> {
    let (url, site, kind, id) = (field(row, "url"), field(row, "site"), field(row, "kind"), field(row, "id"));
    let identified = identify(url);
    let unknown = matches!(identified.kind, Kind::Unsupported | Kind::NotAnUrl | Kind::Redirect);
    let reason = explained.iter().find(|reason| explains(reason, row, &identified));
    let verdict = match () {
        () if unknown && !sites::knows(site) => Verdict::NotRead,
        () if fits(kind, id, &identified) && position_fits(field(row, "pixiv_page"), &identified) => {
            Verdict::Right
        }
        () if reason.is_some() => Verdict::Explained,
        () => Verdict::Wrong,
    };
    let reason = reason.filter(|_| verdict == Verdict::Explained).map(|row| field(row, "reason").to_owned());
    let expected = format!("{kind} {id}").trim_end().to_owned();
    Judged { input: url, table_site: site, verdict, expected, reason, identified }
}

/// True if the program's kind is one of those that the table's stands for, and the id is the same.
fn fits(kind: &str, id: &str, found: &Identified) -> bool {
    let same_id = |id: &str| id.is_empty() || found.id.as_deref() == Some(id);
    let same_name = |id: &str| {
        let id = id.trim_start_matches('@').to_lowercase();
        let ours = found.id.as_deref().unwrap_or_default().to_lowercase();
        // An account of the Fediverse has its server behind its name.
        id.is_empty() || ours == id || ours.split_once('@').is_some_and(|(name, _)| name == id)
    };
    let is_page =
        matches!(found.kind, Kind::Artwork | Kind::Post | Kind::Profile | Kind::LinkPage | Kind::Account);
    match kind {
        "artwork" if id.is_empty() && found.kind == Kind::Redirect => true,
        "artwork" => matches!(found.kind, Kind::Artwork | Kind::Post) && same_id(id),
        "profile" => matches!(found.kind, Kind::Profile | Kind::LinkPage | Kind::Account) && same_name(id),
        // A number there is of another kind of thing: a pool, a collection.
        _ => !is_page && (found.id.is_none() || same_id(id)),
    }
}

/// The position as the tables write it: from 0, or from 1 behind `#`.
fn position_fits(position: &str, found: &Identified) -> bool {
    let expected = match position.strip_prefix('#') {
        Some(fragment) => fragment.parse().ok(),
        None => position.parse::<u32>().ok().map(|position| position + 1),
    };
    expected.is_none() || found.page == expected
}

fn explains(reason: &Row, row: &Row, found: &Identified) -> bool {
    let is = |name: &str, value: &str| field(reason, name).is_empty() || field(reason, name) == value;
    let class = field(reason, "class");
    is("site", field(row, "site"))
        && is("expected", field(row, "kind"))
        && is("ours", kind_name(found.kind).as_str())
        && (class.is_empty() || field(row, "class").ends_with(class))
        && field(row, "url").contains(field(reason, "contains"))
}

/// The kind as JSON shows it.
pub fn kind_name(kind: Kind) -> String {
    serde_json::to_value(kind).ok().and_then(|kind| kind.as_str().map(str::to_owned)).unwrap_or_default()
}

/// Judges all rows, writes those that are not right and the sums for each site. Answers whether none is
/// wrong.
///
/// # Errors
/// When `out` cannot be written.
pub fn report(rows: &[Row], json: bool, mut out: impl Write) -> io::Result<bool> {
    let explained = csv::records(EXPLAINED);
    let mut sums: BTreeMap<&str, Count> = BTreeMap::new();
    let mut all = Count::default();
    for row in rows {
        let judged = judge(row, &explained);
        sums.entry(judged.table_site).or_default().add(judged.verdict);
        all.add(judged.verdict);
        if json {
            writeln!(out, "{}", shown::json(&judged)?)?;
        } else {
            write_judged(&judged, &mut out)?;
        }
    }
    if json {
        writeln!(out, "{}", shown::json(&serde_json::json!({ "sites": sums, "all": all }))?)?;
    } else {
        writeln!(out, "{:<14} {:>6} {:>9} {:>6} {:>8}", "site", "right", "explained", "wrong", "not read")?;
        for (site, count) in sums.iter().chain([(&"all", &all)]) {
            let Count { right, explained, wrong, not_read } = count;
            writeln!(out, "{site:<14} {right:>6} {explained:>9} {wrong:>6} {not_read:>8}")?;
        }
    }
    out.flush()?;
    Ok(all.wrong == 0)
}

fn write_judged(judged: &Judged<'_>, out: &mut impl Write) -> io::Result<()> {
    let Judged { input, verdict, expected, reason, identified, .. } = judged;
    let verdict = match verdict {
        Verdict::Right | Verdict::NotRead => return Ok(()),
        Verdict::Explained => "explained",
        Verdict::Wrong => "WRONG",
    };
    let id = identified.id.as_deref().unwrap_or_default();
    writeln!(out, "{verdict}  {expected}, not {} {id}  {input}", kind_name(identified.kind))?;
    match reason {
        Some(reason) => writeln!(out, "           {reason}"),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Real addresses, collected from the tests of other projects.
    const TABLES: [&str; 3] = [
        include_str!("../../../tests/fixtures/urls/url_cases.csv"),
        include_str!("../../../tests/fixtures/urls/url_cases_2.csv"),
        include_str!("../../../tests/fixtures/urls/url_cases_3.csv"),
    ];

    #[test]
    fn real_addresses_are_what_they_are() {
        let rows: Vec<Row> = TABLES.iter().flat_map(|table| csv::records(table)).collect();
        assert!(rows.len() > 1800, "{}", rows.len());
        let mut out = Vec::new();
        let right = report(&rows, false, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let wrong: Vec<&str> = text.lines().filter(|line| line.starts_with("WRONG")).collect();
        assert!(right && wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    }

    /// A reason that explains no row any more is to be taken out.
    #[test]
    fn every_reason_is_needed() {
        let rows: Vec<Row> = TABLES.iter().flat_map(|table| csv::records(table)).collect();
        let reasons = csv::records(EXPLAINED);
        assert!(reasons.iter().all(|reason| !field(reason, "reason").is_empty()));
        let explains = |reason: &Row| {
            rows.iter().any(|row| judge(row, std::slice::from_ref(reason)).verdict == Verdict::Explained)
        };
        let idle: Vec<&Row> = reasons.iter().filter(|reason| !explains(reason)).collect();
        assert!(idle.is_empty(), "these explain nothing: {idle:#?}");
    }

    #[track_caller]
    fn check(row: &str, verdict: Verdict) {
        let rows = csv::records(&format!("site,url,kind,id,pixiv_page\n{row}\n"));
        assert_eq!(judge(&rows[0], &[]).verdict, verdict, "{row}");
    }

    #[test]
    fn verdicts() {
        check("pixiv,https://www.pixiv.net/artworks/12#3,artwork,12,#3", Verdict::Right);
        check("pixiv,https://www.pixiv.net/artworks/12#3,artwork,12,3", Verdict::Wrong);
        check("pixiv,https://www.pixiv.net/artworks/12,artwork,13,", Verdict::Wrong);
        check("pixiv,https://www.pixiv.net/artworks/12,profile,,", Verdict::Wrong);
        check("twitter,https://x.com/Ann,profile,@ann,", Verdict::Right);
        check("pixiv,https://www.pixiv.net/tags/x,other,,", Verdict::Right);
        check("pixiv,https://elsewhere.example/x,artwork,,", Verdict::Wrong);
        // A site that is not known is no fault, unless it is taken for another.
        check("newsite,https://new.example/x,artwork,x,", Verdict::NotRead);
        check("newsite,https://x.com/ann,artwork,x,", Verdict::Wrong);
    }

    #[test]
    fn a_file_that_is_no_table_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let read = |text: &str| {
            let file = folder.path().join("a.csv");
            std::fs::write(&file, text).unwrap();
            read_table(&file).unwrap_err().to_string()
        };
        assert!(read("").contains("has no rows"));
        assert!(read("a,b\n1,2\n").contains("has no column \"site\""));
        assert!(read("site,url,kind\na,b,c\n").contains("the kind of b is \"c\"; it must be artwork"));
        let error = super::read(&[folder.path().join("none.csv")]).unwrap_err();
        assert!(error.to_string().starts_with("could not read "));
    }

    #[test]
    fn sums_are_written_for_each_site() {
        let rows = csv::records(
            "site,url,kind,id\ntwitter,https://x.com/ann,profile,ann\nb,https://x.com/ann,other,\n",
        );
        let mut out = Vec::new();
        assert!(!report(&rows, true, &mut out).unwrap());
        let text = String::from_utf8(out).unwrap();
        let last: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
        assert_eq!((&last["all"]["right"], &last["sites"]["b"]["wrong"]), (&1.into(), &1.into()));
        assert!(text.starts_with(
            "{\"input\":\"https://x.com/ann\",\"table_site\":\"twitter\",\"verdict\":\"right\""
        ));
    }
}

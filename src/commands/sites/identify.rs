//! `aotf sites identify`: what a URL is, without fetching anything.

use std::io::{BufRead, Write};
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::table::{self, kind_name};
use crate::base::shown;
use crate::sites::{Identified, identify};

#[derive(Debug, Args)]
pub struct IdentifyArgs {
    urls: Vec<String>,
    /// Judge the addresses of a CSV table with the columns site, url, kind and id (may be repeated)
    #[arg(long, value_name = "FILE", conflicts_with = "urls")]
    table: Vec<PathBuf>,
    /// One JSON object per address
    #[arg(long)]
    json: bool,
}

/// Writes one line for each URL, in order; without URLs, for each line of `stdin` that is not blank. With
/// tables: the rows of which the program says something else, and sums. With `json`, each line is one object.
/// Answers whether no row of a table is wrong.
///
/// # Errors
/// When `stdin` or a table cannot be read, or `out` not be written. A text that is no URL is an answer.
pub fn run(args: &IdentifyArgs, stdin: impl BufRead, mut out: impl Write) -> anyhow::Result<bool> {
    let IdentifyArgs { urls, table, json } = args;
    if !table.is_empty() {
        return Ok(table::report(&table::read(table)?, *json, out)?);
    }
    if urls.is_empty() {
        for line in stdin.lines() {
            let line = line?;
            if !line.trim().is_empty() {
                write_identified(line.trim(), *json, &mut out)?;
            }
        }
    }
    for url in urls {
        write_identified(url, *json, &mut out)?;
    }
    out.flush()?;
    Ok(true)
}

/// What is shown of one URL; `url` is the normalised one.
#[derive(Serialize)]
struct Shown<'a> {
    input: &'a str,
    #[serde(flatten)]
    identified: &'a Identified,
}

fn write_identified(url: &str, json: bool, out: &mut impl Write) -> std::io::Result<()> {
    let identified = identify(url);
    if json {
        let shown = Shown { input: url, identified: &identified };
        return writeln!(out, "{}", shown::json(&shown)?);
    }
    write!(out, "{:<12} {:<12}", kind_name(identified.kind), identified.site.unwrap_or("-"))?;
    write!(out, " {}", identified.id.as_deref().unwrap_or("-"))?;
    if let Some(page) = identified.page {
        write!(out, " image {page}")?;
    }
    if let Some(account) = &identified.account {
        write!(out, " {account}")?;
    }
    writeln!(out, " {}", identified.url.as_deref().unwrap_or(url))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(urls: &[&str], json: bool, stdin: &str, expect: &str) {
        let urls: Vec<String> = urls.iter().map(|url| (*url).to_owned()).collect();
        let mut out = Vec::new();
        run(&IdentifyArgs { urls, table: Vec::new(), json }, stdin.as_bytes(), &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), expect);
    }

    #[test]
    fn as_json_what_would_steer_a_terminal_is_an_escape() {
        let url = "https://www.pixiv.net/artworks/1?\u{202e}gpj.exe\u{9b}31m";
        let mut out = crate::base::shown::ShownOutput::new(Vec::new());
        write_identified(url, true, &mut out).unwrap();
        let out = String::from_utf8(out.into_inner()).unwrap();
        assert!(out.contains(r"?\u202egpj.exe\u009b31m"), "{out}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&out).unwrap()["input"], url);
    }

    #[test]
    fn each_url_has_one_line() {
        check(
            &["https://www.pixiv.net/en/artworks/92512929#44"],
            true,
            "",
            "{\"input\":\"https://www.pixiv.net/en/artworks/92512929#44\",\"site\":\"pixiv\",\"kind\":\"artwork\",\
             \"id\":\"92512929\",\"page\":44,\"url\":\"https://www.pixiv.net/artworks/92512929\",\"account\":null,\"artist\":null}\n",
        );
        check(
            &[],
            false,
            "https://x.com/Ann\n\nhello\n",
            "account      twitter      ann twitter:@ann https://x.com/ann\nnot_an_url   -            - hello\n",
        );
    }
}

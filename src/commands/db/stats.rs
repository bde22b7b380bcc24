//! `aotf db stats`: figures of the database.

use std::io::{self, Write};
use std::path::Path;

use clap::Args;

use crate::base::ids::AccountKey;
use crate::base::{Timestamp, counted, shown};
use crate::store::Location;
use crate::store::integrity::{self, Stats};

#[derive(Debug, Args)]
pub struct StatsArgs {
    /// One JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(args: &StatsArgs, database: &Location, state: &Path, out: &mut impl Write) -> anyhow::Result<()> {
    let stats = integrity::stats(database, state)?;
    match args.json {
        true => writeln!(out, "{}", shown::json(&stats)?)?,
        false => tell(&stats, out)?,
    }
    Ok(())
}

fn tell(stats: &Stats, out: &mut impl Write) -> io::Result<()> {
    let Stats {
        accounts,
        posts,
        images,
        retries,
        parts,
        part_bytes,
        lost_images,
        given_up,
        wanted,
        wanted_given_up,
        ..
    } = stats;
    writeln!(
        out,
        "{}, {}, {} ({lost_images} without a fingerprint)",
        counted(*accounts, "account"),
        counted(*posts, "post"),
        counted(*images, "image"),
    )?;
    if *parts > 0 {
        let megabytes = *part_bytes as f64 / 1e6;
        writeln!(out, "{} with local features, which take {megabytes:.1} MB", counted(*parts, "image"))?;
    }
    let list = |out: &mut dyn Write, title: &str, lines: Vec<(String, String)>| -> io::Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        writeln!(out, "\n{title}")?;
        lines.iter().try_for_each(|(name, value)| writeln!(out, "  {name:<32}{value:>24}"))
    };
    let sizes = |(key, posts): &(AccountKey, u64)| (format!("{key}"), posts.to_string());
    list(out, "Most posts", stats.biggest.iter().map(sizes).collect())?;
    let dates = |(key, moment): &(AccountKey, Timestamp)| (format!("{key}"), moment.to_rfc3339());
    list(out, "Listed longest ago", stats.oldest.iter().map(dates).collect())?;
    let days = |(day, posts): &(Timestamp, u64)| {
        let day: String = day.to_rfc3339().chars().take(10).collect();
        (day, posts.to_string())
    };
    list(out, "Posts stored per day", stats.growth.iter().map(days).collect())?;
    let attempts = |(attempts, posts): &(u64, u64)| {
        (format!("after {}", counted(*attempts, "attempt")), posts.to_string())
    };
    let title = format!("Retries: {retries}, of which {given_up} were given up");
    list(out, &title, stats.retries_by_attempts.iter().map(attempts).collect())?;
    if *wanted > 0 {
        writeln!(out, "\nPosts to be looked up: {wanted}, of which {wanted_given_up} were given up")?;
    }
    Ok(())
}

//! `aotf bench index`: builds an index of given or generated codes, searches it, and tells the times.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::report::report;
use crate::base::ids::{AccountNo, FormId};
use crate::base::{Fingerprint, shown};
use crate::index::flat::FlatIndex;
use crate::index::shared::{IndexError, Reader, Writer};
use crate::index::{Entry, HammingIndex};

/// Generated queries when none are given.
const N_QUERIES: usize = 1000;
/// Queries that are also answered by a plain scan, for comparison.
const N_SCANS: usize = 25;
/// Images of one account in the index built here.
const IMAGES_PER_ACCOUNT: usize = 10_000;
/// Longer than the merges after building 100 million images take.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(3600);

/// Between two batches of added images: posts arrive so.
const INSERT_PAUSE: Duration = Duration::from_millis(5);

/// Build and search an index, and tell how fast that was.
#[derive(Clone, Debug, clap::Args)]
pub struct IndexArgs {
    /// The codes to index: 64-bit numbers, little-endian, nothing between them.
    #[arg(long, value_name = "FILE", requires = "queries")]
    pub codes: Option<PathBuf>,
    /// The codes to search for, in the same form.
    #[arg(long, value_name = "FILE", requires = "codes")]
    pub queries: Option<PathBuf>,
    /// The greatest distance of a hit, in bits.
    #[arg(long, value_name = "BITS", default_value_t = 6, value_parser = clap::value_parser!(u32).range(0..=64))]
    pub radius: u32,
    /// Where to write all hits, a line each: number of the query, number of the code, distance.
    #[arg(long, value_name = "FILE")]
    pub results: Option<PathBuf>,
    /// How many codes to generate where none are given.
    #[arg(long, value_name = "N", default_value_t = 1_000_000, conflicts_with = "codes")]
    pub size: usize,
    /// What kind of codes to generate.
    #[arg(long, value_enum, default_value_t = Codes::Clustered, conflicts_with = "codes")]
    pub kind: Codes,
    /// Then go on searching while so many images are added per second.
    #[arg(long, value_name = "PER_SECOND")]
    pub inserts: Option<u64>,
    /// Search meanwhile in so many processes of their own, at once, instead of in this one.
    #[arg(long, value_name = "N", default_value_t = 0, requires = "inserts", value_parser = clap::value_parser!(u16).range(0..=64))]
    pub readers: u16,
    /// How long images are added.
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub seconds: u64,
    /// What the processes of `--readers` do: search the index in this folder.
    #[arg(long, hide = true, value_name = "DIR", conflicts_with_all = ["codes", "inserts"])]
    pub attach: Option<PathBuf>,
    /// Where to build the index, about 40 bytes per code; it is removed afterwards.
    #[arg(long, value_name = "DIR")]
    pub directory: Option<PathBuf>,
    /// End with one line of JSON instead of text.
    #[arg(long)]
    pub json: bool,
}

/// Codes to generate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Codes {
    /// Every bit at random.
    Uniform,
    /// Like real fingerprints: 32 bits set, some bits more often than others, and half of the codes
    /// up to four bits away from another one.
    Clustered,
}

/// The benchmark could not be run.
#[derive(Debug, thiserror::Error)]
pub enum BenchIndexError {
    #[error("could not {action} {path}")]
    File { action: &'static str, path: PathBuf, source: io::Error },
    #[error("{path} is not a file of 64-bit numbers: {len_bytes} bytes")]
    NotCodes { path: PathBuf, len_bytes: usize },
    #[error("there is nothing to search: no codes or no queries")]
    Nothing,
    #[error("could not make a directory for the index")]
    Directory { source: io::Error },
    #[error("could not build the index")]
    Build { source: IndexError },
    #[error("could not search the index")]
    Search { source: IndexError },
    #[error("a process that searches beside the writer failed: {why}")]
    Reader { why: String },
    #[error("the index did not finish merging in an hour")]
    NotSettled,
    #[error("could not print the result")]
    Print { source: io::Error },
}

/// What was measured.
#[derive(Debug, serde::Serialize)]
struct Measured {
    codes: usize,
    queries: usize,
    radius: u32,
    hits: usize,
    build_seconds: f64,
    open_seconds: f64,
    median_us: f64,
    p99_us: f64,
    account_median_us: f64,
    /// Comparing with every code, one by one.
    scan_median_us: f64,
    /// Whether the scans found the same.
    exact: bool,
    bytes_per_code: f64,
    while_inserting: Option<WhileInserting>,
}

/// What was measured beside a writer.
#[derive(Debug, serde::Serialize)]
struct WhileInserting {
    inserted: u64,
    /// One for each process that searched.
    searched: Vec<Searched>,
    /// From the start of adding an image to finding it, at the longest.
    visible_after_us: f64,
}

/// What one process measured that searched all the time.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct Searched {
    searches: usize,
    median_us: f64,
    p99_us: f64,
    longest_us: f64,
}

impl Searched {
    fn new(mut times: Vec<Duration>) -> Searched {
        Searched {
            searches: times.len(),
            median_us: quantile_us(&mut times, 0.5),
            p99_us: quantile_us(&mut times, 0.99),
            longest_us: quantile_us(&mut times, 1.0),
        }
    }
}

/// Runs the benchmark and prints what was measured to `out`: as JSON, one object on the last line.
///
/// Queries run one after the other on one core, each once, over an index that has been brought into
/// memory but not searched before.
pub fn run(args: &IndexArgs, out: &mut dyn Write) -> Result<(), BenchIndexError> {
    if let Some(folder) = &args.attach {
        return search_attached(folder, args, out);
    }
    let (codes, queries) = match (&args.codes, &args.queries) {
        (Some(codes), Some(queries)) => (load(codes)?, load(queries)?),
        _ => generate(args.kind, args.size),
    };
    if codes.is_empty() || queries.is_empty() {
        return Err(BenchIndexError::Nothing);
    }
    let mut builder = tempfile::Builder::new();
    builder.prefix("aotf-bench-index-");
    let dir = match &args.directory {
        Some(parent) => builder.tempdir_in(parent),
        None => builder.tempdir(),
    };
    let dir = dir.map_err(|source| BenchIndexError::Directory { source })?;
    let index_dir = dir.path().join(INDEX);
    fs::create_dir(&index_dir).map_err(|source| BenchIndexError::Directory { source })?;

    let entries: Vec<Entry> = codes.iter().enumerate().map(|(number, &code)| entry(number, code)).collect();
    drop(codes);
    let start = Instant::now();
    let built = |source| BenchIndexError::Build { source };
    let (mut writer, _) = Writer::open(&index_dir).map_err(built)?;
    writer.append(&entries).map_err(built)?;
    if !writer.settle(SETTLE_TIMEOUT) {
        return Err(BenchIndexError::NotSettled);
    }
    let build_seconds = start.elapsed().as_secs_f64();
    let n_codes = entries.len();
    let mut flat = FlatIndex::new();
    flat.extend(&entries);
    drop(entries);

    let start = Instant::now();
    let reader = Reader::open(&index_dir).map_err(|source| BenchIndexError::Search { source })?;
    let open_seconds = start.elapsed().as_secs_f64();
    reader.warm_up();
    let (mut times, mut answers) = (Vec::new(), Vec::new());
    for &query in &queries {
        let start = Instant::now();
        let answer = reader.within(Fingerprint(query), args.radius, usize::MAX);
        times.push(start.elapsed());
        answers.push(answer.neighbors);
    }
    let (mut scan_times, mut exact) = (Vec::new(), true);
    for (&query, neighbors) in queries.iter().zip(&answers).take(N_SCANS) {
        let start = Instant::now();
        let answer = flat.within(Fingerprint(query), args.radius, usize::MAX);
        scan_times.push(start.elapsed());
        exact &= answer.neighbors == *neighbors;
    }
    drop(flat);
    let mut account_times = Vec::new();
    for (number, &query) in queries.iter().enumerate() {
        // A stride that visits the accounts in no order that a processor would guess.
        let account = entry(number * 7_919 * IMAGES_PER_ACCOUNT % n_codes, 0).account;
        let start = Instant::now();
        reader.within_accounts(Fingerprint(query), &[account], args.radius, usize::MAX);
        account_times.push(start.elapsed());
    }
    if let Some(path) = &args.results {
        let file = |action| move |source| BenchIndexError::File { action, path: path.clone(), source };
        let mut lines = BufWriter::new(fs::File::create(path).map_err(file("create"))?);
        for (query, neighbors) in answers.iter().enumerate() {
            for hit in neighbors {
                writeln!(lines, "{query} {} {}", hit.image.0, hit.distance).map_err(file("write"))?;
            }
        }
        lines.flush().map_err(file("write"))?;
    }
    let bytes_per_code = writer.len_bytes() as f64 / n_codes as f64;
    let while_inserting = match args.inserts {
        Some(per_second) => {
            Some(insert_and_search(&mut writer, &reader, &queries, args, per_second, dir.path())?)
        }
        None => None,
    };
    let measured = Measured {
        codes: n_codes,
        queries: queries.len(),
        radius: args.radius,
        hits: answers.iter().map(Vec::len).sum(),
        build_seconds,
        open_seconds,
        median_us: quantile_us(&mut times, 0.5),
        p99_us: quantile_us(&mut times, 0.99),
        scan_median_us: quantile_us(&mut scan_times, 0.5),
        exact,
        account_median_us: quantile_us(&mut account_times, 0.5),
        bytes_per_code,
        while_inserting,
    };
    report(&measured, args.json, out, show).map_err(|source| BenchIndexError::Print { source })
}

/// In the folder that readers are given: the index, and the queries.
const INDEX: &str = "index";
const QUERIES: &str = "queries";

/// Searches on this thread, or in processes of their own, while another thread adds images and looks for each
/// batch's last one.
fn insert_and_search(
    writer: &mut Writer,
    reader: &Reader,
    queries: &[u64],
    args: &IndexArgs,
    per_second: u64,
    folder: &Path,
) -> Result<WhileInserting, BenchIndexError> {
    let failed = |source: io::Error| BenchIndexError::Reader { why: source.to_string() };
    let mut children = Vec::new();
    if args.readers > 0 {
        let bytes: Vec<u8> = queries.iter().flat_map(|query| query.to_le_bytes()).collect();
        fs::write(folder.join(QUERIES), bytes).map_err(failed)?;
    }
    for _ in 0..args.readers {
        let mut command = Command::new("/proc/self/exe");
        command.args(["bench", "index", "--attach"]).arg(folder);
        command.args(["--radius", &args.radius.to_string(), "--seconds", &args.seconds.to_string()]);
        children.push(command.stdout(Stdio::piped()).spawn().map_err(failed)?);
    }
    let end = Instant::now() + Duration::from_secs(args.seconds);
    let first = writer.last().map_or(0, |last| last.0 + 1);
    let inserter = || {
        let mut random = fastrand::Rng::with_seed(per_second);
        let (start, mut next, mut longest) = (Instant::now(), first, Duration::ZERO);
        while Instant::now() < end {
            let due = first + (start.elapsed().as_secs_f64() * per_second as f64) as u64;
            let batch: Vec<Entry> = (next..due).map(|image| entry(image as usize, random.u64(..))).collect();
            if let Some(last) = batch.last() {
                let before = Instant::now();
                writer.append(&batch)?;
                let found = reader.within_accounts(last.fingerprint, &[last.account], 0, usize::MAX);
                // Found at once, or never: the contract says that `append` waits for that.
                assert!(found.neighbors.iter().any(|neighbor| neighbor.image == last.image));
                longest = longest.max(before.elapsed());
            }
            next = due.max(next);
            thread::sleep(INSERT_PAUSE);
        }
        Ok((next - first, longest))
    };
    let mut searched = Vec::new();
    let inserted = thread::scope(|scope| {
        let inserter = scope.spawn(inserter);
        if children.is_empty() {
            searched.push(search_until(end, reader, queries, args.radius));
        }
        inserter.join()
    });
    for child in children {
        let output = child.wait_with_output().map_err(failed)?;
        let told = serde_json::from_slice(&output.stdout);
        searched.push(told.map_err(|error| BenchIndexError::Reader { why: error.to_string() })?);
    }
    let (inserted, visible_after) = inserted
        .expect("an image just added is found")
        .map_err(|source| BenchIndexError::Build { source })?;
    Ok(WhileInserting { inserted, searched, visible_after_us: visible_after.as_secs_f64() * 1e6 })
}

fn search_until(end: Instant, reader: &Reader, queries: &[u64], radius: u32) -> Searched {
    let mut times = Vec::new();
    for &query in queries.iter().cycle() {
        let start = Instant::now();
        if start >= end {
            break;
        }
        reader.within(Fingerprint(query), radius, usize::MAX);
        times.push(start.elapsed());
    }
    Searched::new(times)
}

/// One of the processes that search beside a writer.
fn search_attached(folder: &Path, args: &IndexArgs, out: &mut dyn Write) -> Result<(), BenchIndexError> {
    let queries = load(&folder.join(QUERIES))?;
    let reader = Reader::open(&folder.join(INDEX)).map_err(|source| BenchIndexError::Search { source })?;
    reader.warm_up();
    let end = Instant::now() + Duration::from_secs(args.seconds);
    let searched = search_until(end, &reader, &queries, args.radius);
    let line = shown::json(&searched).map_err(io::Error::from);
    line.and_then(|line| writeln!(out, "{line}")).map_err(|source| BenchIndexError::Print { source })
}

fn show(measured: &Measured, out: &mut dyn Write) -> io::Result<()> {
    let Measured { codes, queries, radius, hits, .. } = measured;
    writeln!(out, "{queries} queries within {radius} bits of {codes} codes: {hits} hits")?;
    writeln!(out, "build          {:10.2} s", measured.build_seconds)?;
    writeln!(out, "open           {:10.6} s", measured.open_seconds)?;
    writeln!(out, "query, median  {:10.1} us", measured.median_us)?;
    writeln!(out, "query, p99     {:10.1} us", measured.p99_us)?;
    writeln!(
        out,
        "in one account {:10.1} us (median, {IMAGES_PER_ACCOUNT} images)",
        measured.account_median_us
    )?;
    let verdict = if measured.exact { "the same hits" } else { "OTHER HITS: the index is wrong" };
    writeln!(out, "scan, median   {:10.1} us ({verdict})", measured.scan_median_us)?;
    writeln!(out, "size           {:10.1} bytes per code", measured.bytes_per_code)?;
    let Some(beside) = &measured.while_inserting else { return Ok(()) };
    for searched in &beside.searched {
        writeln!(out, "{} searches while {} images were added", searched.searches, beside.inserted)?;
        writeln!(out, "query, median  {:10.1} us", searched.median_us)?;
        writeln!(out, "query, p99     {:10.1} us", searched.p99_us)?;
        writeln!(out, "query, longest {:10.1} us", searched.longest_us)?;
    }
    writeln!(out, "found after    {:10.1} us at the longest", beside.visible_after_us)
}

/// Image and code number are the same here.
fn entry(number: usize, code: u64) -> Entry {
    Entry {
        image: FormId(number as u64),
        account: AccountNo((number / IMAGES_PER_ACCOUNT) as u32),
        fingerprint: Fingerprint(code),
    }
}

fn load(path: &Path) -> Result<Vec<u64>, BenchIndexError> {
    let file = |source| BenchIndexError::File { action: "read", path: path.to_owned(), source };
    let bytes = fs::read(path).map_err(file)?;
    match bytes.as_chunks::<8>() {
        (numbers, []) => Ok(numbers.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect()),
        _ => Err(BenchIndexError::NotCodes { path: path.to_owned(), len_bytes: bytes.len() }),
    }
}

/// Codes, and queries that are each three bits away from one of them. Always the same ones.
fn generate(kind: Codes, n_codes: usize) -> (Vec<u64>, Vec<u64>) {
    let mut random = fastrand::Rng::with_seed(20_261_120);
    let n_fresh = if kind == Codes::Clustered { n_codes.div_ceil(2) } else { n_codes };
    let mut codes = Vec::with_capacity(n_codes);
    while codes.len() < n_fresh {
        codes.push(match kind {
            Codes::Uniform => random.u64(..),
            Codes::Clustered => half_set(&mut random),
        });
    }
    for near in 0..n_codes - n_fresh {
        let code = flip(codes[near], 4, &mut random);
        codes.push(code);
    }
    let n_queries = if codes.is_empty() { 0 } else { N_QUERIES };
    let queries = (0..n_queries).map(|_| flip(codes[random.usize(..codes.len())], 3, &mut random)).collect();
    (codes, queries)
}

/// A code with 32 bits set, the lower ones a little more often.
fn half_set(random: &mut fastrand::Rng) -> u64 {
    let mut bits: [(f32, u32); 64] =
        std::array::from_fn(|bit| (random.f32() * (0.8 + 0.45 * bit as f32 / 63.0), bit as u32));
    bits.select_nth_unstable_by(31, |one, other| one.0.total_cmp(&other.0));
    bits[..32].iter().fold(0, |code, (_, bit)| code | 1 << bit)
}

/// `code` with up to `n` bits changed.
fn flip(code: u64, n: usize, random: &mut fastrand::Rng) -> u64 {
    (0..n).fold(code, |code, _| code ^ 1 << random.u32(0..64))
}

/// The time that this part of all stayed under; sorts them.
pub fn quantile_us(times: &mut [Duration], part: f64) -> f64 {
    times.sort_unstable();
    let index = ((times.len() as f64 * part) as usize).min(times.len().saturating_sub(1));
    times.get(index).map_or(0.0, |time| time.as_secs_f64() * 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args() -> IndexArgs {
        IndexArgs {
            codes: None,
            queries: None,
            radius: 6,
            results: None,
            size: 2000,
            kind: Codes::Clustered,
            inserts: None,
            readers: 0,
            seconds: 1,
            attach: None,
            directory: None,
            json: true,
        }
    }

    #[test]
    fn tells_times_and_sizes_as_json_on_the_last_line() {
        let mut out = Vec::new();
        run(&args(), &mut out).unwrap();
        let out = String::from_utf8(out).unwrap();
        let measured: serde_json::Value = serde_json::from_str(out.lines().last().unwrap()).unwrap();
        assert_eq!(measured["exact"], true);
        for key in ["build_seconds", "median_us", "p99_us", "bytes_per_code"] {
            assert!(measured[key].as_f64().unwrap() > 0.0, "{key}");
        }
    }

    #[test]
    fn writes_every_hit_of_given_codes() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, codes: &[u64]| {
            let path = dir.path().join(name);
            fs::write(&path, codes.iter().flat_map(|code| code.to_le_bytes()).collect::<Vec<_>>()).unwrap();
            Some(path)
        };
        let codes = file("codes", &[0, 0xff, u64::MAX, 1]);
        let queries = file("queries", &[3, u64::MAX]);
        let results = dir.path().join("results");
        let args = IndexArgs { codes, queries, results: Some(results.clone()), ..args() };
        run(&args, &mut Vec::new()).unwrap();
        assert_eq!(fs::read_to_string(results).unwrap(), "0 3 1\n0 0 2\n0 1 6\n1 2 0\n");
    }

    #[test]
    fn refuses_what_is_not_codes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("odd");
        fs::write(&path, [0; 9]).unwrap();
        let args = IndexArgs { codes: Some(path.clone()), queries: Some(path), ..args() };
        let error = run(&args, &mut Vec::new()).unwrap_err();
        assert!(matches!(error, BenchIndexError::NotCodes { len_bytes: 9, .. }));
        let error = run(&IndexArgs { size: 0, ..self::args() }, &mut Vec::new()).unwrap_err();
        assert!(matches!(error, BenchIndexError::Nothing));
    }
}

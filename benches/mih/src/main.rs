//! `mih-peer CODES QUERIES RADIUS RESULTS`: answers each query with mih-rs, on one thread, one after the other; writes a line
//! `query code distance` for each hit, and prints one line of JSON: seconds to build, median and p99 microseconds, bytes.

use std::fs;
use std::io::{BufWriter, Write};
use std::time::Instant;

use mih_rs::Index;

type Error = Box<dyn std::error::Error>;

fn load(path: &str) -> Result<Vec<u64>, Error> {
    let bytes = fs::read(path)?;
    let (numbers, rest) = bytes.as_chunks::<8>();
    if !rest.is_empty() {
        return Err(format!("{path} is not a file of 64-bit numbers").into());
    }
    Ok(numbers.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect())
}

/// Pages of this process that are in memory, in bytes.
fn resident_bytes() -> Result<u64, Error> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
}

fn main() -> Result<(), Error> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [codes, queries, radius, results] = arguments.as_slice() else {
        return Err("usage: mih-peer CODES QUERIES RADIUS RESULTS".into());
    };
    let (queries, radius) = (load(queries)?, radius.parse()?);
    let before = resident_bytes()?;
    let codes = load(codes)?;
    let n_codes = codes.len() as f64;
    let start = Instant::now();
    let index = Index::new(codes)?;
    let build_seconds = start.elapsed().as_secs_f64();
    let bytes_per_code = (resident_bytes()? - before) as f64 / n_codes;
    let mut searcher = index.range_searcher();
    let (mut times, mut lines) = (Vec::new(), BufWriter::new(fs::File::create(results)?));
    for (number, &query) in queries.iter().enumerate() {
        let start = Instant::now();
        let found = searcher.run(query, radius);
        times.push(start.elapsed().as_secs_f64() * 1e6);
        for &code in found {
            writeln!(lines, "{number} {code} {}", (query ^ index.codes()[code as usize]).count_ones())?;
        }
    }
    lines.flush()?;
    times.sort_by(f64::total_cmp);
    let at = |part: f64| times[((times.len() as f64 * part) as usize).min(times.len() - 1)];
    println!(
        "{{\"build_seconds\": {build_seconds:.3}, \"median_us\": {:.2}, \"p99_us\": {:.2}, \"bytes_per_code\": {bytes_per_code:.1}, \"blocks\": {}}}",
        at(0.5), at(0.99), index.num_blocks()
    );
    Ok(())
}

//! `aotf bench parts-index`: fills an index with the codes of local features, as `search.parts_everything`
//! does, and tells its size, how long a search takes, and how much the codes of a copy may differ for it to
//! be found. Beside it an inverted file, which is the other way to do it.

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use super::index::quantile_us;
use super::report::report;
use crate::base::Fingerprint;
use crate::base::ids::{AccountNo, ImageId};
use crate::index::HammingIndex;
use crate::index::codes::{MAX_CODES, RADIUS, candidates, entries};
use crate::index::shared::{Reader, Writer};

/// Codes of a query image.
const QUERY_CODES: usize = 400;
/// Queries for each number of bits.
const N_QUERIES: usize = 20;
/// Candidates that a search takes: the copy is found if it is among them.
const N_CANDIDATES: usize = 200;
/// Images that are added at a time.
const AT_ONCE: usize = 40_000;
/// Images of one account.
const IMAGES_PER_ACCOUNT: usize = 1000;
/// A quarter of the codes are near one of so many centers, up to eight bits away. So about as many pairs of
/// strangers' codes are within six bits as of real pictures: 1.8 of 100,000.
const N_CENTERS: u64 = 1200;
/// Longer than the merges after building 10 million images take.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(3600);

/// Fill an index with codes of local features and search it, and tell how large and how fast that was.
#[derive(Clone, Debug, clap::Args)]
pub struct PartsIndexArgs {
    /// How many images to fill it with; each has 32 codes.
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
    pub images: u32,
    /// How many codes a query image shares with its copy, among 400.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u8).range(2..=32))]
    pub shared: u8,
    /// Where to build the index, about 1.3 KB an image; it is removed afterwards.
    #[arg(long, value_name = "DIR")]
    pub directory: Option<PathBuf>,
    /// End with one line of JSON instead of text.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, serde::Serialize)]
struct Measured {
    images: u32,
    shared: u8,
    build_seconds: f64,
    /// Codes of all images within reach of one of a query's, in the mean.
    hits_per_code: f64,
    index: Found,
    inverted: Found,
}

/// What one of the two ways has found.
#[derive(Debug, serde::Serialize)]
struct Found {
    bytes_per_image: f64,
    median_us: f64,
    longest_us: f64,
    /// The part of the copies that was found where each of their codes differs by none, one, two bits and so
    /// on.
    recall: Vec<f64>,
}

/// A query image: its codes, and which image it shares some with.
struct Query {
    image: ImageId,
    codes: Vec<u64>,
}

/// Runs the benchmark and prints what was measured to `out`: as JSON, one object on the last line.
///
/// # Errors
/// The index cannot be built, or the result not be printed.
pub fn run(args: &PartsIndexArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("aotf-bench-parts-index-");
    let folder = match &args.directory {
        Some(parent) => builder.tempdir_in(parent),
        None => builder.tempdir(),
    };
    let folder = folder.context("could not make a folder for the index")?;
    let numbers: Vec<u64> = (1..=u64::from(args.images)).collect();
    let start = Instant::now();
    let (mut writer, _) = Writer::open(folder.path())?;
    for some in numbers.chunks(AT_ONCE) {
        let added: Vec<_> = some
            .iter()
            .flat_map(|&image| {
                let account = AccountNo((image / IMAGES_PER_ACCOUNT as u64) as u32);
                entries(ImageId(image), account, &codes_of(image)).collect::<Vec<_>>()
            })
            .collect();
        writer.append(&added)?;
    }
    ensure!(writer.settle(SETTLE_TIMEOUT), "the index did not finish merging in an hour");
    let build_seconds = start.elapsed().as_secs_f64();
    let inverted = Inverted::of(&numbers);

    let reader = Reader::open(folder.path())?;
    reader.warm_up();
    let mut by_index = |codes: &[u64]| candidates(&reader, reader.len(), codes, N_CANDIDATES);
    let mut by_words = |codes: &[u64]| inverted.candidates(codes, N_CANDIDATES);
    let n_images = f64::from(args.images);
    let measured = Measured {
        images: args.images,
        shared: args.shared,
        build_seconds,
        hits_per_code: hits_per_code(&reader, args),
        index: measure(args, writer.len_bytes() as f64 / n_images, &mut by_index),
        inverted: measure(args, inverted.len_bytes() as f64 / n_images, &mut by_words),
    };
    report(&measured, args.json, out, show).context("could not print the result")
}

fn hits_per_code(reader: &Reader, args: &PartsIndexArgs) -> f64 {
    let Query { codes, .. } = query(args, 0, 0);
    let hits = |&code: &u64| reader.within(Fingerprint(code), RADIUS, usize::MAX).neighbors.len();
    codes.iter().map(hits).sum::<usize>() as f64 / codes.len() as f64
}

fn measure(
    args: &PartsIndexArgs,
    bytes_per_image: f64,
    search: &mut dyn FnMut(&[u64]) -> Vec<ImageId>,
) -> Found {
    let (mut times, mut recall) = (Vec::new(), Vec::new());
    for bits in 0..=RADIUS {
        let mut n_found = 0;
        for number in 0..N_QUERIES {
            let query = query(args, number, bits);
            let start = Instant::now();
            let found = search(&query.codes);
            times.push(start.elapsed());
            n_found += usize::from(found.contains(&query.image));
        }
        recall.push(n_found as f64 / N_QUERIES as f64);
    }
    Found {
        bytes_per_image,
        median_us: quantile_us(&mut times, 0.5),
        longest_us: quantile_us(&mut times, 1.0),
        recall,
    }
}

/// Some codes of an image, each with so many of its bits changed, among those of strangers.
fn query(args: &PartsIndexArgs, number: usize, bits: u32) -> Query {
    let mut random = fastrand::Rng::with_seed(number as u64 * 64 + u64::from(bits));
    let image = random.u64(1..=u64::from(args.images));
    let mut codes: Vec<u64> = codes_of(image);
    random.shuffle(&mut codes);
    codes.truncate(usize::from(args.shared));
    for code in &mut codes {
        let mut places: [u32; 64] = std::array::from_fn(|place| place as u32);
        random.shuffle(&mut places);
        *code = places[..bits as usize].iter().fold(*code, |code, place| code ^ 1 << place);
    }
    while codes.len() < QUERY_CODES {
        codes.push(some_code(&mut random));
    }
    Query { image: ImageId(image), codes }
}

/// Always the same ones.
fn codes_of(image: u64) -> Vec<u64> {
    let mut random = fastrand::Rng::with_seed(image << 8);
    (0..MAX_CODES).map(|_| some_code(&mut random)).collect()
}

fn some_code(random: &mut fastrand::Rng) -> u64 {
    if random.u8(..) >= 64 {
        return random.u64(..);
    }
    let center = fastrand::Rng::with_seed(random.u64(0..N_CENTERS)).u64(..);
    (0..random.u32(0..=8)).fold(center, |code, _| code ^ 1 << random.u32(0..64))
}

/// The word of a code, by which it is looked up: its low bits. The next ones are compared.
const WORD_BITS: u32 = 21;
/// Bits that may differ in what is compared.
const CHECK_BITS: u32 = 3;

/// From words to images, where only codes that agree in the whole word are found.
struct Inverted {
    starts: Vec<u32>,
    images: Vec<u32>,
    checks: Vec<u16>,
}

impl Inverted {
    fn of(images: &[u64]) -> Inverted {
        let of_image = |&image: &u64| {
            codes_of(image).into_iter().map(move |code| (word(code), image as u32, check(code)))
        };
        let mut postings: Vec<(u32, u32, u16)> = images.iter().flat_map(of_image).collect();
        postings.sort_unstable();
        let mut starts = vec![0_u32; (1 << WORD_BITS) + 1];
        postings.iter().for_each(|(word, ..)| starts[*word as usize + 1] += 1);
        for word in 1..starts.len() {
            starts[word] += starts[word - 1];
        }
        Inverted {
            starts,
            images: postings.iter().map(|(_, image, _)| *image).collect(),
            checks: postings.iter().map(|(.., check)| *check).collect(),
        }
    }

    /// As `index::codes::candidates` ranks them, as far as an inverted file can tell.
    fn candidates(&self, codes: &[u64], limit: usize) -> Vec<ImageId> {
        let mut images: HashMap<u32, (u32, u32)> = HashMap::new();
        for &code in codes {
            let word = word(code) as usize;
            let bucket = self.starts[word] as usize..self.starts[word + 1] as usize;
            let is_near = |place: &usize| (self.checks[*place] ^ check(code)).count_ones() <= CHECK_BITS;
            let near: Vec<u32> = bucket.filter(is_near).map(|place| self.images[place]).collect();
            let weight = (self.images.len() / near.len().max(1)).max(1).ilog2();
            for image in near {
                let (n, sum) = images.entry(image).or_default();
                (*n, *sum) = (*n + 1, *sum + weight);
            }
        }
        let mut ranked: Vec<(u32, u32)> =
            images.into_iter().filter(|(_, (n, _))| *n >= 2).map(|(image, (_, sum))| (sum, image)).collect();
        ranked.sort_unstable_by_key(|&(sum, image)| (std::cmp::Reverse(sum), image));
        ranked.iter().take(limit).map(|(_, image)| ImageId(u64::from(*image))).collect()
    }

    fn len_bytes(&self) -> usize {
        4 * self.starts.len() + 4 * self.images.len() + 2 * self.checks.len()
    }
}

fn word(code: u64) -> u32 {
    (code & ((1 << WORD_BITS) - 1)) as u32
}

fn check(code: u64) -> u16 {
    (code >> WORD_BITS) as u16
}

fn show(measured: &Measured, out: &mut dyn Write) -> io::Result<()> {
    let Measured { images, shared, build_seconds, hits_per_code, index, inverted } = measured;
    writeln!(out, "{images} images of {MAX_CODES} codes, built in {build_seconds:.1} s")?;
    writeln!(
        out,
        "queries of {QUERY_CODES} codes, {shared} of them a copy's; {hits_per_code:.1} hits a code"
    )?;
    for (name, found) in [("index", index), ("inverted file", inverted)] {
        let Found { bytes_per_image, median_us, longest_us, recall } = found;
        let (median, longest) = (median_us / 1e3, longest_us / 1e3);
        writeln!(
            out,
            "{name}: {bytes_per_image:.0} bytes an image, {median:.2} ms a query, {longest:.2} at most"
        )?;
        for (bits, recall) in recall.iter().enumerate() {
            writeln!(out, "{:>10.0} % found at {bits} bits", recall * 100.0)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_found_by_the_index_up_to_its_radius() {
        let args = PartsIndexArgs { images: 300, shared: 8, directory: None, json: true };
        let mut out = Vec::new();
        run(&args, &mut out).unwrap();
        let measured: serde_json::Value = serde_json::from_slice(&out).unwrap();
        for way in ["index", "inverted"] {
            assert!(measured[way]["bytes_per_image"].as_f64().unwrap() > 0.0);
            assert_eq!(measured[way]["recall"][0], 1.0, "{way}");
        }
        assert_eq!(measured["index"]["recall"][6], 1.0);
        assert!(measured["inverted"]["recall"][6].as_f64().unwrap() < 1.0);
    }
}

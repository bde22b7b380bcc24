//! `aotf bench ...`: what this machine, and the program on it, can do.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Subcommand;

mod accuracy;
mod fingerprint;
mod first_answer;
mod forget;
mod hostile;
mod http;
mod index;
mod ipc;
mod links;
mod listing;
mod networks;
mod pages;
mod parts;
mod parts_index;
mod pipeline;
mod reliability;
mod report;
mod store;

#[derive(Debug, Subcommand)]
pub enum Bench {
    /// The whole program in the demo world: memory, posts per second, query latency
    Pipeline(pipeline::PipelineArgs),
    /// The HTTP API beside a bare axum route: requests per second, latency, memory of event streams
    Http(http::HttpArgs),
    /// Time from SIGKILL of each role until it serves again; accepted queries per second, with and without a
    /// disk
    Reliability(reliability::ReliabilityArgs),
    /// Links between processes: round trips and messages per second
    Ipc(ipc::IpcArgs),
    /// Recall and false positives over altered artworks
    Accuracy(accuracy::AccuracyArgs),
    /// The fingerprint index: time per query, bytes per image
    Index(index::IndexArgs),
    /// An index of the codes of local features: time per query, bytes per image, what is found
    PartsIndex(parts_index::PartsIndexArgs),
    /// Decoding and fingerprinting: images per second of one core
    Fingerprint(fingerprint::FingerprintArgs),
    /// Local features: processor time to compute them, and to search an artist's images by them
    Parts(parts::PartsArgs),
    /// A database: posts written, fingerprints read, posts looked up per second
    Store(store::StoreArgs),
    /// Forgetting an account of many posts: time, and what searches and commits of others wait meanwhile
    Forget(forget::ForgetArgs),
    /// The search for an artist's accounts: requests and time on each site of the demo world
    Links(links::LinksArgs),
    /// Listing an account's posts: cost and completeness of each policy for the timeline
    Listing(listing::ListingArgs),
    /// Price and time of the first answer for a new artist, beside the account scanned whole
    FirstAnswer(first_answer::FirstAnswerArgs),
    /// What an honest client waits, alone and beside each attack of another client
    Hostile(hostile::HostileArgs),
    /// What the dearest hostile page costs each reader: processor time and memory, against the goal
    Pages(pages::PagesArgs),
    /// Listing an account of 5,000 posts on Bluesky, Mastodon and Misskey: requests and time
    Networks(networks::NetworksArgs),
}

/// # Errors
/// Nothing could be measured, or the result not be printed.
pub fn run(bench: &Bench, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    match bench {
        Bench::Pipeline(args) => pipeline::run(args, out)?,
        Bench::Http(args) => http::run(args, out)?,
        Bench::Reliability(args) => reliability::run(args, out)?,
        Bench::Ipc(args) => ipc::run(args, out)?,
        Bench::Accuracy(args) => accuracy::run(args, out)?,
        Bench::Index(args) => index::run(args, out)?,
        Bench::PartsIndex(args) => parts_index::run(args, out)?,
        Bench::Fingerprint(args) => return Ok(fingerprint::run(args, out, &mut io::stderr()).into()),
        Bench::Parts(args) => parts::run(args, out)?,
        Bench::Store(args) => store::run(args, out)?,
        Bench::Forget(args) => forget::run(args, out)?,
        Bench::Links(args) => links::run(args, out)?,
        Bench::Listing(args) => listing::run(args, out)?,
        Bench::FirstAnswer(args) => first_answer::run(args, out)?,
        Bench::Hostile(args) => hostile::run(args, out)?,
        Bench::Pages(args) => return pages::run(args, out),
        Bench::Networks(args) => networks::run(args, out)?,
    }
    Ok(ExitCode::SUCCESS)
}

//! The section `[fetch]`: requests to other hosts.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::section::section;
use super::values::{HOUR, SECOND};

const MIB: u64 = 1024 * 1024;

section! {
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    pub struct Fetch {
        /// Sent to every host that wants an honest name.
        user_agent: String =
            concat!("aotf/", env!("CARGO_PKG_VERSION"), " (+", env!("CARGO_PKG_REPOSITORY"), ")").to_owned(),
            text(printable);
        /// Whole request, with its retries' pauses left out.
        timeout: Duration = 30 * SECOND, duration(SECOND, 1..=600) as "timeout_secs";
        /// Requests in flight to one host.
        max_concurrent_per_host: u32 = 8, number(1..=1000);
        /// Requests started per second to one host; hosts with rules of their own go slower.
        max_per_second_per_host: u32 = 20, number(1..=10_000);
        /// Largest image that is read, bytes.
        max_image_bytes: u64 = 20 * MIB, mebibytes(1..=1024) as "max_image_mib";
        /// Largest page that is read, bytes.
        max_page_bytes: u64 = 10 * MIB, mebibytes(1..=1024) as "max_page_mib";
        /// Hosts that are hardly ever down together: when none of them can be connected to, there is no
        /// network.
        witnesses: Vec<String> = WITNESSES.map(str::to_owned).to_vec(), texts(host);
        /// How long requests wait for a network that is gone before they fail.
        network_wait: Duration = 24 * HOUR, duration(HOUR, 0..=8760) as "network_wait_hours";
    }
}

const WITNESSES: [&str; 6] = [
    "api.x.com",
    "pbs.twimg.com",
    "public.api.bsky.app",
    "www.pixiv.net",
    "www.deviantart.com",
    "danbooru.donmai.us",
];

fn printable(text: &str) -> Result<String, String> {
    let fits = !text.is_empty() && text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if fits { Ok(text.to_owned()) } else { Err("must be printable ASCII".to_owned()) }
}

fn host(text: &str) -> Result<String, String> {
    let is_host = text.contains('.') && !text.contains(['/', ':', ' ', '@']);
    if is_host { Ok(text.to_ascii_lowercase()) } else { Err(format!("{text:?} must be a host's name")) }
}

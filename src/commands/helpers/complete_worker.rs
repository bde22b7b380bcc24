//! The process that downloads and decodes for `aotf db complete`: strangers' bytes are kept away from the
//! database and from keys. It is confined as the indexing role is.
//!
//! Lines of JSON: the settings, then questions, each with one answer. It ends with its input.

use std::io::{BufRead, Write};
use std::sync::Arc;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::base::ids::Network;
use crate::base::roles::Role;
use crate::config::Settings;
use crate::daemon::roles::confine;
use crate::domain::posts::{ImageState, ListedImage};
use crate::fetch::{Fetch, HttpFetch};
use crate::stages::decoding::DecodeSlots;
use crate::stages::indexing::{Indexing, is_network_loss};
use crate::supervisor;

/// An image to be looked at.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Asked {
    pub network: Network,
    pub image: ListedImage,
}

/// What was seen of the images of a question.
#[derive(Debug, Serialize, Deserialize)]
pub enum Seen {
    /// In the order asked.
    Images(Vec<ImageState>),
    /// No host could be reached: not these images are at fault.
    NoNetwork { why: String },
}

/// Answers until the input ends.
///
/// # Errors
/// The input is not what `aotf db complete` writes, or the process cannot be confined.
pub fn run(input: &mut impl BufRead, out: &mut impl Write) -> anyhow::Result<()> {
    supervisor::die_with_parent().context("could not tie this process to its parent")?;
    let mut line = String::new();
    input.read_line(&mut line).context("could not read the settings")?;
    let settings: Settings = serde_json::from_str(&line).context("the settings cannot be read")?;
    confine(Role::Indexing, &settings)?;
    let fetch: Arc<dyn Fetch> = Arc::new(HttpFetch::start(&settings.fetch, &settings.upstreams)?);
    let decoding = DecodeSlots::new(1);
    let max_image_bytes = settings.fetch.max_image_bytes;
    let indexing = Indexing { fetch, decoding, max_image_bytes, parts: settings.search.parts };
    loop {
        line.clear();
        if input.read_line(&mut line).context("could not read a question")? == 0 {
            return Ok(());
        }
        let asked: Vec<Asked> = serde_json::from_str(&line).context("a question cannot be read")?;
        serde_json::to_writer(&mut *out, &look_at(&indexing, asked))?;
        out.write_all(b"\n")?;
        out.flush()?;
    }
}

fn look_at(indexing: &Indexing, asked: Vec<Asked>) -> Seen {
    let (networks, images): (Vec<Network>, Vec<ListedImage>) =
        asked.into_iter().map(|asked| (asked.network, asked.image)).unzip();
    let responses = indexing.download(&images);
    if !images.is_empty() && responses.iter().all(is_network_loss) {
        let why = responses.into_iter().find_map(Result::err).map(|error| error.to_string());
        return Seen::NoNetwork { why: why.unwrap_or_default() };
    }
    let states = networks.into_iter().zip(&images).zip(responses).map(|((network, image), response)| {
        indexing.judge(image, indexing.or_elsewhere(network, image, response))
    });
    Seen::Images(states.collect())
}

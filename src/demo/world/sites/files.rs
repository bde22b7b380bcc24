//! The files of the sites that name them by the work's number, in the last part of the path.

use crate::demo::world::exchange::{Answer, Call};
use crate::demo::world::facts::{Gallery, Work};
use crate::demo::world::site::State;

#[rustfmt::skip]
const HOSTS: &[(&str, Gallery)] = &[
    ("cdn.weasyl.com", Gallery::Weasyl),
    ("files.yande.re", Gallery::Moebooru),
    ("cdn.twibooru.org", Gallery::Twibooru),
    ("art.ngfiles.com", Gallery::Newgrounds),
    ("itaku.ee", Gallery::Itaku),
    ("files.sofurryfiles.com", Gallery::Sofurry),
    ("pictures.hentai-foundry.com", Gallery::HentaiFoundry),
    ("static.zerochan.net", Gallery::Zerochan),
    ("booth.pximg.net", Gallery::Booth),
    ("c.fantia.jp", Gallery::Fantia),
    ("cdn.poipiku.com", Gallery::Poipiku),
    ("lohas.nicoseiga.jp", Gallery::Nicoseiga),
    ("cdn.cara.app", Gallery::Cara),
    ("f2.toyhou.se", Gallery::Toyhouse),
    ("assets.xfolio.jp", Gallery::Xfolio),
    ("pic.nijie.net", Gallery::Nijie),
];

/// Folders and endings of lighter versions.
const LIGHTER: &[&str] = &["cover", "thumb", "sample", "medium", "resized", "600", "640", "/xl", "/main_"];

pub fn image(state: &State, call: &Call) -> Answer {
    let gallery = HOSTS.iter().find(|(host, _)| *host == call.host).map(|(_, gallery)| *gallery);
    let numbers = call.path.rsplit(|c: char| !c.is_ascii_digit());
    let mut works = numbers.filter_map(|number| state.facts.work(gallery?, number));
    let lighter = LIGHTER.iter().any(|part| call.path.contains(part));
    state.images.file(works.next().and_then(Work::picture), lighter.then_some(640))
}

/// `extension` and address of a work's whole file on `host`.
pub fn address(host: &str, folder: &str, work: &Work) -> String {
    format!("https://{host}/{folder}/{}.{}", work.id, work.extension())
}

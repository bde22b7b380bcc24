//! Zerochan: works as JSON, which name a source and no artist's page. Contract: `docs/contracts/boorus.md`.

use serde_json::json;

use super::files;
use crate::demo::world::exchange::{Answer, Call};
use crate::demo::world::facts::Gallery;
use crate::demo::world::site::State;

/// `/1600001?json`, for honest names only
pub fn page(state: &State, call: &Call) -> Answer {
    let work = match call.segments().as_slice() {
        [id] if call.parameter("json").is_some() && !call.is_browser() => {
            state.facts.work(Gallery::Zerochan, id)
        }
        _ => None,
    };
    let Some(work) = work else { return Answer::not_found() };
    let file = |folder: &str| files::address("static.zerochan.net", folder, work);
    let (width, height) = work.size();
    Answer::json(
        200,
        &json!({
            "id": work.id,
            "small": file("thumb"),
            "medium": file("medium"),
            "large": file("600"),
            "full": file("full"),
            "width": width,
            "height": height,
            "source": work.source,
            "primary": "Fox",
            "tags": ["Fox"],
        }),
    )
}

//! Gelbooru: posts as JSON, which name a source and no artist's page. Contract: `docs/contracts/boorus.md`.

use serde_json::{Value, json};

use crate::base::Timestamp;
use crate::demo::world::exchange::{Answer, Call};
use crate::demo::world::facts::{Gallery, Work};
use crate::demo::world::ids::digest;
use crate::demo::world::site::State;

pub fn page(state: &State, call: &Call) -> Answer {
    let facts = &state.facts;
    let asked = ["page", "s", "q", "json"].map(|name| call.parameter(name));
    if call.path != "/index.php" || asked != ["dapi", "post", "index", "1"].map(Some) {
        return Answer::not_found();
    }
    let work = call.parameter("id").and_then(|id| facts.work(Gallery::Gelbooru, id));
    let mut found =
        json!({ "@attributes": { "limit": 100, "offset": 0, "count": usize::from(work.is_some()) } });
    // The list is left out when it would be empty.
    if let Some(work) = work {
        found["post"] = json!([post_json(work)]);
    }
    Answer::json(200, &found)
}

fn post_json(work: &Work) -> Value {
    let (width, height) = work.size();
    let md5 = digest(work.id);
    let folder = format!("{}/{}", &md5[..2], &md5[2..4]);
    json!({
        "id": work.id,
        "created_at": date(work.published),
        "score": 1,
        "width": width,
        "height": height,
        "md5": md5,
        "directory": folder,
        "image": format!("{md5}.{}", work.extension()),
        "rating": "general",
        "source": work.source,
        "owner": "demo_curator",
        "parent_id": 0,
        "sample": 1,
        "tags": "knight original sword",
        "title": "",
        "file_url": format!("https://img3.gelbooru.com/images/{folder}/{md5}.{}", work.extension()),
        "sample_url": format!("https://img3.gelbooru.com/samples/{folder}/sample_{md5}.jpg"),
        "preview_url": format!("https://img3.gelbooru.com/thumbnails/{folder}/thumbnail_{md5}.jpg"),
        "status": "active",
    })
}

/// `Sat Jul 02 12:00:00 +0000 2022`
fn date(moment: Timestamp) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    /// The first day of 1970 was a Thursday.
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    let text = moment.to_rfc3339();
    let month = text[5..7].parse::<usize>().map_or("Jan", |month| MONTHS[(month + 11) % 12]);
    let day = DAYS[usize::try_from(moment.secs() / 86_400).unwrap_or_default() % 7];
    format!("{day} {month} {} {} +0000 {}", &text[8..10], &text[11..19], &text[..4])
}

/// `/images/aa/bb/{md5}.ext`, `/samples/aa/bb/sample_{md5}.jpg`
pub fn image(state: &State, call: &Call) -> Answer {
    let State { facts, images, .. } = state;
    let [kind, _, _, name] = call.segments()[..] else { return Answer::text(404, "not found") };
    let md5 = name.split('.').next().and_then(|name| name.rsplit('_').next()).unwrap_or_default();
    let picture = facts.work_by_digest(Gallery::Gelbooru, md5).and_then(Work::picture);
    match kind {
        "images" => images.file(picture, None),
        "samples" => images.file(picture, Some(850)),
        "thumbnails" => images.file(picture, Some(250)),
        _ => Answer::text(404, "not found"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_the_site_does() {
        let moment = Timestamp::parse_rfc3339("2022-07-02T17:00:05Z").unwrap();
        assert_eq!(date(moment), "Sat Jul 02 17:00:05 +0000 2022");
    }
}

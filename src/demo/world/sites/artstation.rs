//! ArtStation: works and profiles as JSON, behind a guard that lets only browsers in. Contract:
//! `docs/contracts/artwork-sites.md`.

use serde_json::{Value, json};

use crate::demo::world::exchange::{Answer, Call};
use crate::demo::world::facts::{Gallery, Member, Work};
use crate::demo::world::site::State;

pub fn page(state: &State, call: &Call) -> Answer {
    let facts = &state.facts;
    if !call.is_browser() {
        return Answer::challenge();
    }
    let found = match call.segments().as_slice() {
        ["projects", hash] => hash
            .strip_suffix(".json")
            .and_then(|hash| facts.work(Gallery::Artstation, hash))
            .and_then(|work| Some(project_json(work, facts.member_of(work)?))),
        ["users", name] => {
            name.strip_suffix(".json").and_then(|name| facts.member(Gallery::Artstation, name)).map(user_json)
        }
        _ => None,
    };
    match found {
        Some(json) => Answer::json(200, &json),
        None => Answer::json(404, &json!({ "error": "not_found" })),
    }
}

fn project_json(work: &Work, artist: &Member) -> Value {
    let (width, height) = work.size();
    let file = |size: &str| {
        format!(
            "https://cdna.artstation.com/p/assets/images/images/000/{size}/{}.{}?{}",
            work.id,
            work.extension(),
            work.published.secs()
        )
    };
    let asset = |id: u64, kind: &str, size: &str, position: u32| {
        json!({
            "id": id,
            "asset_type": kind,
            "has_image": true,
            "has_embedded_player": false,
            "player_embedded": null,
            "image_url": file(size),
            "width": width,
            "height": height,
            "position": position,
            "title": "",
        })
    };
    json!({
        "id": work.id,
        "hash_id": work.id.to_string(),
        "title": work.title,
        "description": description(work),
        "created_at": work.published.to_rfc3339(),
        "published_at": work.published.to_rfc3339(),
        "adult_content": false,
        "cover_url": file("smaller_square"),
        "permalink": format!("https://www.artstation.com/artwork/{}", work.id),
        "tags": [],
        "user": {
            "id": artist.id,
            "username": artist.name,
            "full_name": artist.name,
            "permalink": format!("https://www.artstation.com/{}", artist.name),
        },
        // The crop stands first, and must not be taken for the work.
        "assets": [asset(work.id * 10, "cover", "smaller_square", 0), asset(work.id * 10 + 1, "image", "large", 1)],
    })
}

/// What the artist wrote; some name the post that they made of the work.
fn description(work: &Work) -> String {
    match work.source {
        "" => "<p>Done at last.</p>".to_owned(),
        post => format!("<p>Done at last. Also at <a href=\"{post}\">{post}</a></p>"),
    }
}

fn user_json(artist: &Member) -> Value {
    let profiles = artist.links.iter().map(|url| json!({ "url": url, "social_network": "website" }));
    json!({
        "id": artist.id,
        "username": artist.name,
        "full_name": artist.name,
        "headline": "",
        "city": null,
        "social_profiles": profiles.collect::<Value>(),
        "portfolio": { "summary": "" },
    })
}

/// `/p/assets/images/images/000/large/70001.jpg`
pub fn image(state: &State, call: &Call) -> Answer {
    let State { facts, images, .. } = state;
    let ["p", "assets", "images", "images", _, size, name] = call.segments()[..] else {
        return Answer::text(404, "not found");
    };
    let id = name.split('.').next().unwrap_or_default();
    let picture = facts.work(Gallery::Artstation, id).and_then(Work::picture);
    match size {
        "large" => images.file(picture, Some(1920)),
        "medium" => images.file(picture, Some(640)),
        "smaller_square" => images.file(picture, Some(192)),
        _ => Answer::text(403, "forbidden"),
    }
}

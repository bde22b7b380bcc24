//! The image host of X.

use crate::demo::world::exchange::{Answer, Call};
use crate::demo::world::facts::MediaKind;
use crate::demo::world::site::State;

/// `pbs.twimg.com`: `/media/{name}?format=jpg&name=small`, `/media/{name}.jpg`, `/media/{name}.jpg:small`,
/// and the still pictures of videos.
pub fn image(state: &State, call: &Call) -> Answer {
    let segments = call.segments();
    let (file, still) = match segments.as_slice() {
        ["media", file] => (*file, false),
        ["ext_tw_video_thumb", _, "pu", "img", file] | ["tweet_video_thumb", file] => (*file, true),
        _ => return Answer::text(404, "not found"),
    };
    let (file, colon_size) = match file.split_once(':') {
        Some((file, size)) => (file, Some(size)),
        None => (file, None),
    };
    let (name, dot_format) = match file.split_once('.') {
        Some((name, format)) => (name, Some(format)),
        None => (file, None),
    };
    let format = dot_format.or(call.parameter("format")).unwrap_or("jpg");
    let size = colon_size.or(call.parameter("name")).unwrap_or("medium");
    let Some(media) =
        state.facts.media_by_name(name).filter(|media| (media.kind != MediaKind::Photo) == still)
    else {
        return Answer::text(404, "not found");
    };
    // Uploads here are all kept as JPEG; asking for another format of one answers as for old files.
    if media.gone || format != "jpg" {
        return Answer::text(404, "not found");
    }
    let longest = match size {
        "orig" | "4096x4096" => 4096,
        "large" => 2048,
        "medium" => 1200,
        "small" => 680,
        "360x360" => 360,
        "thumb" => return state.images.thumbnail(media.picture),
        _ => return Answer::text(404, "not found"),
    };
    state.images.shown(media.picture, longest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::world::cast;

    fn get(state: &State, path: &str, query: &[(&str, &str)]) -> Answer {
        let call = Call {
            host: "pbs.twimg.com".into(),
            path: path.into(),
            query: query.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            ..Call::default()
        };
        image(state, &call)
    }

    #[test]
    fn an_image_has_several_addresses() {
        let state = State::new(cast::build());
        let media =
            state.facts.media.iter().find(|media| media.kind == MediaKind::Photo && !media.gone).unwrap();
        let path = format!("/media/{}", media.name);
        for (path, query, status) in [
            (path.clone(), &[("format", "jpg"), ("name", "small")][..], 200),
            (format!("{path}.jpg"), &[][..], 200),
            (format!("{path}.jpg:orig"), &[][..], 200),
            (path.clone(), &[("format", "webp"), ("name", "small")][..], 404),
            (path.clone(), &[("format", "jpg"), ("name", "gigantic")][..], 404),
            ("/media/AAAAAAAAAAAAAAA".to_owned(), &[][..], 404),
        ] {
            assert_eq!(get(&state, &path, query).status, status, "{path} {query:?}");
        }
        let gone = state.facts.media.iter().find(|media| media.gone).unwrap();
        assert_eq!(get(&state, &format!("/media/{}.jpg", gone.name), &[]).status, 404);
    }
}

//! The other way round: from a picture, or a post, to the pages of artworks that were answered before.

use aotf::demo::world::picture::{ArtId, Change, Picture};
use image::DynamicImage;
use serde_json::Value;

use crate::daemon::{Daemon, Setup};

fn search(daemon: &Daemon, what: &str) -> Value {
    let output = daemon.command(&["search", what, "--wait", "--json"]);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

fn pages(answer: &Value) -> Vec<&str> {
    answer["artwork_pages"].as_array().unwrap().iter().map(|page| page["url"].as_str().unwrap()).collect()
}

/// A page of the demo world that is found, and the address of a post that shows its artwork.
fn answered(daemon: &Daemon) -> (String, String) {
    let page = daemon.world.known()[0].url().unwrap().to_owned();
    let answer = daemon.query(&page);
    (page, answer["posts"][0]["url"].as_str().unwrap().to_owned())
}

#[test]
fn a_post_and_its_picture_lead_to_the_page_of_the_artwork() {
    let daemon = Daemon::start(Setup::default());
    let file = daemon.folder.path().join("artwork.png");
    let painted = Picture::Art(ArtId::Flying, Change::Same).paint().unwrap();
    DynamicImage::ImageRgb8(painted).save(&file).unwrap();
    let file = file.to_str().unwrap();
    assert!(pages(&search(&daemon, file)).is_empty(), "nothing was answered yet");

    let (page, post) = answered(&daemon);
    let by_post = search(&daemon, &post);
    assert_eq!(by_post["error"], Value::Null, "{by_post:#}");
    assert_eq!(pages(&by_post), [page.as_str()], "{by_post:#}");
    assert_eq!(by_post["posts"][0]["url"], post, "the post itself is found too");
    let found = &by_post["artwork_pages"][0];
    assert!(["identical", "recompressed"].contains(&found["class"].as_str().unwrap()), "{found}");
    let shown = daemon.command(&["search", &post, "--wait"]);
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("Pages of artworks with this picture:") && shown.contains(&page), "{shown}");

    // It is kept over a restart, and another page is another picture.
    let (folder, world) = crate::queries::end(daemon);
    let daemon = Daemon::start_in(folder, world, &Setup::default());
    let strangers = daemon.folder.path().join("stranger.png");
    let painted = Picture::Art(ArtId::SwordInTheStone, Change::Same).paint().unwrap();
    DynamicImage::ImageRgb8(painted).save(&strangers).unwrap();
    assert!(pages(&search(&daemon, strangers.to_str().unwrap())).is_empty());
    assert_eq!(pages(&search(&daemon, &post)), [page.as_str()]);
}

#[test]
fn nothing_is_kept_where_that_is_not_wanted() {
    let daemon = Daemon::start(Setup { extra: "[search]\nremember_pages = false\n", ..Setup::default() });
    let (_, post) = answered(&daemon);
    let found = search(&daemon, &post);
    assert_eq!((&found["error"], pages(&found).len()), (&Value::Null, 0), "{found:#}");
    let (folder, _world) = crate::queries::end(daemon);
    let state = rusqlite::Connection::open(folder.path().join("data/state.db")).unwrap();
    let kept: i64 = state.query_row("SELECT count(*) FROM answered_pages", [], |row| row.get(0)).unwrap();
    assert_eq!(kept, 0);
}

#[test]
fn a_post_that_is_not_there_is_said_to_be_missing() {
    let daemon = Daemon::start(Setup::default());
    let found = search(&daemon, "https://x.com/somebody/status/999999999999999999");
    assert_eq!(found["error"], "CANNOT_GET_IMAGE", "{found:#}");
    assert!(found["error_detail"].as_str().unwrap().starts_with("The post "), "{found:#}");
}

//! Artworks that are found by a part of them, through the real processes: what the user sees, what is stored
//! of images, and what is filled in later.

use std::fs;

use aotf::demo::world::picture::{ArtId, Change, Picture};
use image::{DynamicImage, RgbImage, imageops};
use serde_json::Value;

use crate::daemon::{Daemon, Setup, WHOLE};

/// An artwork that the artist of the first known page has posted.
fn posted() -> RgbImage {
    Picture::Art(ArtId::Flying, Change::Same).paint().unwrap()
}

fn middle_of(picture: &RgbImage) -> RgbImage {
    let (width, height) = picture.dimensions();
    imageops::crop_imm(picture, width / 5, height / 10, width * 3 / 5, height * 3 / 5).to_image()
}

/// Indexes the first known artwork's artist, who is called so.
fn index(daemon: &Daemon) -> String {
    let answer = daemon.query(daemon.world.known()[0].url().unwrap());
    assert_eq!(answer["error"], Value::Null, "{answer:#}");
    answer["twitter_accounts"][0]["account_name"].as_str().unwrap().to_owned()
}

/// Searches this picture in the account.
#[track_caller]
fn search(daemon: &Daemon, picture: &RgbImage, account: &str) -> Value {
    let file = daemon.folder.path().join("part.png");
    DynamicImage::ImageRgb8(picture.clone()).save(&file).unwrap();
    let output = daemon.command(&["search", file.to_str().unwrap(), account, "--wait", "--json"]);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

/// The corners of a region lie within two hundredths of these.
#[track_caller]
fn check_region(found: &Value, expect: [[f64; 2]; 4]) {
    for (corner, expect) in found.as_array().unwrap().iter().zip(expect) {
        for (at, expect) in corner.as_array().unwrap().iter().zip(expect) {
            assert!((at.as_f64().unwrap() - expect).abs() <= 0.02, "{found}, not {expect:?}");
        }
    }
}

const WHOLE_PICTURE: [[f64; 2]; 4] = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]];

#[test]
fn a_part_is_found_below_the_results_with_its_place() {
    let daemon = Daemon::start(Setup { extra: WHOLE, ..Setup::default() });
    let account = index(&daemon);
    let art = posted();
    let found = search(&daemon, &middle_of(&art), &account);
    assert_eq!(found["parts"]["state"], "searched", "{found:#}");
    assert_eq!((&found["results"], &found["posts"]), (&Value::Array(vec![]), &Value::Array(vec![])));
    let post = &found["similar_posts"][0];
    assert_eq!(post["class"], "inside_another", "{found:#}");
    assert_eq!((&post["part"]["mirrored"], &post["part"]["inverted"]), (&false.into(), &false.into()));
    check_region(&post["part"]["in_artwork"], WHOLE_PICTURE);
    check_region(&post["part"]["in_post"], [[0.2, 0.1], [0.8, 0.1], [0.8, 0.7], [0.2, 0.7]]);
    assert_eq!(found["similar"][0]["part"], post["part"]);

    let mirrored = search(&daemon, &imageops::flip_horizontal(&middle_of(&art)), &account);
    let post = &mirrored["similar_posts"][0];
    assert_eq!((&post["class"], &post["part"]["mirrored"]), (&"inside_another".into(), &true.into()));

    // The whole picture is a result as before, and says nothing of parts.
    let whole = search(&daemon, &art, &account);
    assert_eq!(
        (&whole["results"][0]["class"], &whole["results"][0]["part"]),
        (&"identical".into(), &Value::Null)
    );

    // Soft shapes have a fingerprint and nothing else, a white page not even that.
    let soft = RgbImage::from_fn(400, 300, |x, y| {
        let (x, y) = (f64::from(x), f64::from(y));
        image::Rgb([(128.0 + 60.0 * (x / 97.0).sin() + 50.0 * ((y + x / 2.0) / 71.0).cos()) as u8; 3])
    });
    let soft = search(&daemon, &soft, &account);
    assert_eq!((&soft["error"], &soft["parts"]["state"]), (&Value::Null, &"too_few".into()), "{soft:#}");
    let white = search(&daemon, &RgbImage::from_pixel(400, 300, image::Rgb([255; 3])), &account);
    assert!(white["error"].is_string() && white["similar"] == Value::Array(vec![]), "{white:#}");
    let stats = daemon.get("/stats");
    assert!(stats["images_with_parts_count"].as_u64().unwrap() > 3, "{stats:#}");
}

#[test]
fn what_was_stored_without_features_gets_them() {
    const OFF: &str = "[scan]\nwindows_days = []\n[search]\nparts = false\n";
    let mut daemon = Daemon::start(Setup { extra: OFF, ..Setup::default() });
    let account = index(&daemon);
    let part = middle_of(&posted());
    let found = search(&daemon, &part, &account);
    assert_eq!((&found["parts"]["state"], &found["similar"]), (&"off".into(), &Value::Array(vec![])));
    assert_eq!(daemon.get("/stats")["images_with_parts_count"], 0);

    daemon.signal("-TERM");
    assert!(daemon.root.wait().unwrap().success());
    let config = fs::read_to_string(daemon.config()).unwrap();
    fs::write(daemon.config(), config.replace("parts = false", "parts = true")).unwrap();
    daemon.root = Daemon::spawn(&daemon.config());
    daemon.wait_until_ready();
    let found = search(&daemon, &part, &account);
    assert_eq!(found["parts"]["state"], "incomplete", "{found:#}");
    let without = found["parts"]["images_without"].as_u64().unwrap();
    assert!(without > 0, "{found:#}");

    let complete = || -> Value {
        let output = daemon.command(&["db", "complete", "--json"]);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
    };
    let done = complete();
    assert!(done["parts"].as_u64().unwrap() >= without && done["finished"] == true, "{done}");
    let again = complete();
    assert_eq!((&again["images"], &again["finished"]), (&0.into(), &true.into()), "{again}");
    let found = search(&daemon, &part, &account);
    assert_eq!(
        (&found["parts"]["state"], &found["similar"][0]["class"]),
        (&"searched".into(), &"inside_another".into())
    );
}

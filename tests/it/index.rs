//! The fingerprint index as an operator meets it: compared with the database, lost, damaged, and what
//! is left of it after its writer was killed.

use std::fs;
use std::path::PathBuf;

use aotf::demo::world::picture::{ArtId, Change, Picture};
use image::{DynamicImage, imageops};
use serde_json::Value;

use crate::daemon::{Daemon, Setup, WHOLE, binary, kill, wait_for};

impl Daemon {
    fn index_dir(&self) -> PathBuf {
        self.folder.path().join("data/index")
    }

    /// What `aotf db verify` says, and its exit status.
    fn verify(&self) -> (Value, Option<i32>) {
        let command = ["db", "verify", "--json", "--config"];
        let output = binary().args(command).arg(self.config()).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {output:?}"));
        (value, output.status.code())
    }

    /// Indexes the first known artwork's artist; the artwork's page.
    fn index_first(&self) -> String {
        let url = self.world.known()[0].url().unwrap().to_owned();
        assert_eq!(self.query(&url)["error"], Value::Null);
        url
    }

    fn end(&mut self) {
        self.signal("-TERM");
        assert!(self.root.wait().unwrap().success());
    }

    fn start_again(&mut self) {
        self.root = Daemon::spawn(&self.config());
        self.wait_until_ready();
    }
}

/// The files of the index that no manifest names would stay for ever.
fn file_names(daemon: &Daemon) -> Vec<String> {
    let files = fs::read_dir(daemon.index_dir()).unwrap();
    files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn verify_compares_the_index_with_the_database_beside_the_daemon() {
    let mut daemon = Daemon::start(Setup { extra: WHOLE, ..Setup::default() });
    daemon.index_first();
    let (report, status) = daemon.verify();
    assert_eq!((status, &report["well"]), (Some(0), &Value::Bool(true)), "{report:#}");
    assert!(report["entries"].as_u64() >= report["images"].as_u64().map(|images| images / 2), "{report:#}");
    assert_eq!(report["index"], "complete", "{report:#}");
    daemon.end();

    // A tail whose records are gone is a gap that the next start fills.
    let tail = file_names(&daemon).into_iter().filter(|name| name.ends_with(".tail")).min().unwrap();
    let path = daemon.index_dir().join(tail);
    let mut bytes = fs::read(&path).unwrap();
    bytes[64..].fill(0); // the number of records, and the records
    fs::write(&path, bytes).unwrap();
    let (report, status) = daemon.verify();
    assert_eq!(status, Some(0), "{report:#}");
    assert!(report["behind"]["count"].as_u64().unwrap() > 10, "{report:#}");
    daemon.start_again();
    let (report, _) = daemon.verify();
    assert_eq!(report["behind"]["count"], 0, "{report:#}");
}

#[test]
fn a_lost_index_is_made_anew_and_a_killed_writer_leaves_no_file() {
    let mut daemon = Daemon::start(Setup::default());
    let url = daemon.index_first();
    let expected = daemon.query(&format!("{url}#once-more"))["results"].clone();
    for round in 0..3 {
        let (broker, _) = *daemon.containers().iter().find(|(_, name)| name == "broker").unwrap();
        kill(broker, "-KILL");
        let answer = wait_for("an answer from the next broker", || {
            let ask = || daemon.query(&format!("{url}#round-{round}"));
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(ask)).ok()
        });
        assert_eq!(answer["results"], expected, "{answer:#}");
    }
    // Unfinished files, as a power cut leaves them.
    daemon.end();
    for name in ["manifest.new", "000000009999.segment", "000000009998.tail"] {
        fs::write(daemon.index_dir().join(name), b"half").unwrap();
    }
    daemon.start_again();
    let names = file_names(&daemon);
    assert!(!names.iter().any(|name| name.contains("999") || name.ends_with(".new")), "{names:?}");
    let n_tails = names.iter().filter(|name| name.ends_with(".tail")).count();
    assert!(n_tails <= 2 && names.len() <= 8, "{names:?}");

    daemon.end();
    fs::remove_dir_all(daemon.index_dir()).unwrap();
    daemon.start_again();
    let answer = daemon.query(&format!("{url}#anew"));
    assert_eq!(answer["results"], expected, "{answer:#}");
    let complete = || (daemon.verify().0["index"] == "complete").then_some(());
    wait_for("the index to be complete", complete);
    let (report, status) = daemon.verify();
    assert_eq!((status, &report["behind"]["count"]), (Some(0), &Value::from(0)), "{report:#}");
}

#[test]
fn a_turned_picture_is_found_on_demand_alone() {
    let daemon = Daemon::start(Setup { extra: WHOLE, ..Setup::default() });
    daemon.index_first();
    let painted = Picture::Art(ArtId::Flying, Change::Same).paint().unwrap();
    let as_it_is = DynamicImage::ImageRgb8(painted.clone());
    let file = daemon.folder.path().join("artwork.png");
    let search = |more: &[&str]| -> Value {
        let arguments = [&["search", file.to_str().unwrap(), "--wait", "--json"], more].concat();
        let output = daemon.command(&arguments);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
    };
    as_it_is.save(&file).unwrap();
    let expected = search(&[])["posts"][0].clone();
    assert_eq!(expected["variant"], "as_is", "{expected:#}");
    // The form in which the query has to be turned to meet the post.
    for (turned, variant) in [
        (imageops::rotate90(&painted), "turned_left"),
        (imageops::rotate270(&painted), "turned_right"),
        (imageops::rotate180(&painted), "upside_down"),
        (imageops::flip_horizontal(&painted), "mirrored"),
    ] {
        DynamicImage::ImageRgb8(turned).save(&file).unwrap();
        let plain = search(&[]);
        assert_eq!(plain["posts"], Value::Array(Vec::new()), "{variant}: {plain:#}");
        let found = search(&["--turned"])["posts"][0].clone();
        assert_eq!((&found["id"], &found["variant"]), (&expected["id"], &Value::from(variant)), "{found:#}");
        assert!(found["distance"].as_u64() <= Some(2), "{variant}: {found:#}");
        let target = "/search?turned=1";
        let (status, reply) =
            daemon.http("POST", target, &[("content-type", "image/png")], &fs::read(&file).unwrap()).unwrap();
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&reply));
        let begun: Value = serde_json::from_slice(&reply).unwrap();
        let target = format!("/search?identifier={}", begun["identifier"].as_str().unwrap());
        let ended = wait_for("the end of the search", || {
            Some(daemon.get(&target)).filter(|answer| answer["status"] == "END")
        });
        assert_eq!(ended["results"][0]["variant"], variant, "{ended:#}");
    }
}

/// Decoded where strangers' bytes are: in a process without keys, with few system calls.
#[test]
fn an_avif_is_found_by_and_what_is_not_read_is_named() {
    let daemon = Daemon::start(Setup { extra: WHOLE, ..Setup::default() });
    daemon.index_first();
    let search = |file: &str| daemon.command(&["search", file, "--wait", "--json"]);
    let avif = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/images/flying.avif");
    let output = search(avif);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let post = &found["posts"][0];
    assert_eq!(post["variant"], "as_is", "{found:#}");
    assert!(post["distance"].as_u64() <= Some(4), "{found:#}");
    for (name, head) in
        [("HEIC", &b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"[..]), ("JPEG XL", b"\xff\x0a\xfa\x7f")]
    {
        let file = daemon.folder.path().join("artwork");
        fs::write(&file, head).unwrap();
        let output = search(file.to_str().unwrap());
        let told =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(told.contains(&format!("{name} is not supported")), "{told}");
        assert!(!output.status.success());
    }
}

#[test]
fn a_picture_is_found_that_its_exif_data_turns() {
    let daemon = Daemon::start(Setup { extra: WHOLE, ..Setup::default() });
    daemon.index_first();
    let painted = Picture::Art(ArtId::Flying, Change::Same).paint().unwrap();
    let file = daemon.folder.path().join("artwork.png");
    // As a camera that was held upright stores it: a quarter to the left, with the tag to turn it right.
    DynamicImage::ImageRgb8(imageops::rotate270(&painted)).save(&file).unwrap();
    let plain = fs::read(&file).unwrap();
    let (head, rest) = plain.split_at(8 + 25);
    let exif = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let chunk = [&b"eXIf"[..], exif].concat();
    let len = u32::try_from(exif.len()).unwrap().to_be_bytes();
    let sum = crc32fast::hash(&chunk).to_be_bytes();
    let search = || -> Value {
        let output = daemon.command(&["search", file.to_str().unwrap(), "--wait", "--json"]);
        serde_json::from_slice(&output.stdout).unwrap()
    };
    assert_eq!(search()["posts"], Value::Array(Vec::new()));
    fs::write(&file, [head, &len, &chunk, &sum, rest].concat()).unwrap();
    let found = search();
    assert_eq!(found["posts"][0]["variant"], "turned_right", "{found:#}");
}

#[test]
fn a_crop_is_found_in_the_whole_database_where_there_is_an_index_of_codes() {
    const EVERYTHING: &str = "[scan]\nwindows_days = []\n[search]\nparts_everything = true\n";
    let mut daemon = Daemon::start(Setup { extra: EVERYTHING, ..Setup::default() });
    daemon.index_first();
    let painted = Picture::Art(ArtId::Flying, Change::Same).paint().unwrap();
    let (width, height) = painted.dimensions();
    let crop = imageops::crop_imm(&painted, width / 5, height / 10, width * 3 / 5, height * 3 / 5);
    let file = daemon.folder.path().join("crop.png");
    DynamicImage::ImageRgb8(crop.to_image()).save(&file).unwrap();
    let search = |daemon: &Daemon| -> Value {
        let output = daemon.command(&["search", file.to_str().unwrap(), "--wait", "--json"]);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
    };
    let found = search(&daemon);
    assert_eq!(found["parts"]["state"], "searched", "{found:#}");
    let expected = found["similar"].clone();
    assert_eq!(expected[0]["class"], "inside_another", "{found:#}");

    // It is made of what is stored, as when it is turned on later, and as after it was lost.
    daemon.end();
    fs::remove_dir_all(daemon.index_dir().join("codes")).unwrap();
    daemon.start_again();
    let found_again = || {
        let found = search(&daemon);
        (found["parts"]["state"] == "searched").then_some(found)
    };
    assert_eq!(wait_for("the index of codes", found_again)["similar"], expected);

    // Off, it is gone.
    daemon.end();
    let config = fs::read_to_string(daemon.config()).unwrap();
    fs::write(daemon.config(), config.replace("parts_everything = true", "parts_everything = false"))
        .unwrap();
    daemon.start_again();
    assert_eq!(search(&daemon)["parts"]["state"], "only_alike");
    assert!(!daemon.index_dir().join("codes").exists());
}

//! Features of pictures that strangers may send, and the search by them.

use std::fs;
use std::path::Path;

use image::RgbImage;
use image::imageops::{self, FilterType};

use aotf_parts::kernel::{Form, in_form};
use aotf_parts::{Gray, Reducer, first_codes, of_stored};

use super::*;
use crate::base::material::fixture;
use crate::domain::parts::{MAX_PARTS_BYTES, PARTS_VERSION, Parts};
use crate::fingerprint::{Limits, analyze_with_parts, query_variants};

/// An artwork of the demo, a JPEG.
fn artwork(file: &str) -> RgbImage {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/demo/assets").join(file);
    let bytes = fs::read(path).unwrap();
    let decoded = turbojpeg::decompress(&bytes, turbojpeg::PixelFormat::RGB).unwrap();
    RgbImage::from_raw(decoded.width as u32, decoded.height as u32, decoded.pixels).unwrap()
}

fn png(picture: &RgbImage) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, picture.width(), picture.height());
    encoder.set_color(png::ColorType::Rgb);
    encoder.write_header().unwrap().write_image_data(picture.as_raw()).unwrap();
    file
}

fn stored(picture: &RgbImage) -> Parts {
    analyze_with_parts(&png(picture), &Limits::default()).unwrap().parts.unwrap()
}

fn query(picture: &RgbImage) -> QueryParts {
    QueryParts::of(&query_variants(&png(picture), &Limits::default()).unwrap().picture)
}

fn gray(width: u32, height: u32, level: impl Fn(u32, u32) -> u8) -> Gray {
    let mut reducer = Reducer::new(width, height, STORED_AREA);
    for y in 0..height {
        reducer.row(&(0..width).map(|x| level(x, y)).collect::<Vec<u8>>());
    }
    reducer.finish()
}

/// Two artworks on one picture, the first at the upper right.
fn collage(first: &RgbImage, second: &RgbImage) -> RgbImage {
    let mut picture = RgbImage::from_pixel(800, 800, image::Rgb([30, 40, 50]));
    let small =
        |art: &RgbImage| imageops::resize(art, 380, 380 * art.height() / art.width(), FilterType::Triangle);
    imageops::replace(&mut picture, &small(first), 410, 10);
    imageops::replace(&mut picture, &small(second), 10, 300);
    picture
}

const KNIGHT: &str = "p0006.jpg";
const OTHER: &str = "p0008.jpg";
const THIRD: &str = "p0042.jpg";

#[track_caller]
fn check(asked: &RgbImage, kept: &RgbImage, expect: Option<MatchClass>) -> Option<FoundPart> {
    let found = search(&query(asked), &[stored(&artwork(THIRD)), stored(kept)]);
    assert!(found.iter().all(|one| one.index == 1), "{found:?}");
    assert_eq!(found.first().map(|one| one.class), expect, "{found:?}");
    found.into_iter().next()
}

/// Within two hundredths of the picture.
#[track_caller]
fn check_region(found: crate::domain::parts::Region, expect: [[i16; 2]; 4]) {
    let is_near = found.0.as_flattened().iter().zip(expect.as_flattened()).all(|(a, b)| a.abs_diff(*b) <= 20);
    assert!(is_near, "{found:?}, not {expect:?}");
}

const WHOLE: [[i16; 2]; 4] = [[0, 0], [1000, 0], [1000, 1000], [0, 1000]];

#[test]
fn a_part_is_found_in_the_whole_and_the_whole_by_its_part() {
    let whole = artwork(KNIGHT);
    let (width, height) = whole.dimensions();
    let part = imageops::crop_imm(&whole, width / 4, height / 4, width / 2, height / 2).to_image();
    let middle = [[250, 250], [750, 250], [750, 750], [250, 750]];
    let found = check(&part, &whole, Some(MatchClass::InsideAnother)).unwrap();
    check_region(found.part.in_stored, middle);
    check_region(found.part.in_query, WHOLE);
    let found = check(&whole, &part, Some(MatchClass::InsideAnother)).unwrap();
    check_region(found.part.in_stored, WHOLE);
    check_region(found.part.in_query, middle);
    check(&artwork(OTHER), &whole, None);
}

#[test]
fn turned_mirrored_and_inverted_pictures_are_found_with_their_regions() {
    let art = artwork(KNIGHT);
    let (width, height) = art.dimensions();
    let half = imageops::crop_imm(&art, 0, 0, width / 2, height).to_image();
    let found = check(&imageops::rotate90(&half), &art, Some(MatchClass::InsideAnother)).unwrap();
    check_region(found.part.in_stored, [[0, 0], [500, 0], [500, 1000], [0, 1000]]);
    // The left half's top left corner is the turned picture's top right.
    check_region(found.part.in_query, [[1000, 0], [1000, 1000], [0, 1000], [0, 0]]);
    let found = check(&imageops::flip_horizontal(&half), &art, Some(MatchClass::InsideAnother)).unwrap();
    assert!(found.part.mirrored && !found.part.inverted);
    check_region(found.part.in_stored, [[0, 0], [500, 0], [500, 1000], [0, 1000]]);
    check_region(found.part.in_query, [[1000, 0], [0, 0], [0, 1000], [1000, 1000]]);
    let mut inverted = half.clone();
    imageops::invert(&mut inverted);
    let found = check(&inverted, &art, Some(MatchClass::InsideAnother)).unwrap();
    assert!(found.part.inverted && !found.part.mirrored);
}

#[test]
fn artworks_are_found_in_a_collage_and_a_collage_by_one_of_them() {
    let (art, other) = (artwork(KNIGHT), artwork(OTHER));
    let collage = collage(&art, &other);
    let found = check(&art, &collage, Some(MatchClass::InsideAnother)).unwrap();
    check_region(found.part.in_query, WHOLE);
    let left = found.part.in_stored.0[0][0];
    assert!((490..540).contains(&left), "{found:?}");
    check(&collage, &art, Some(MatchClass::InsideAnother));
    check(&artwork("p0104.jpg"), &collage, None);
}

/// The same frame around all posts, as an app's in screenshots.
#[test]
fn what_many_images_have_finds_none_of_them() {
    let strip = imageops::crop_imm(&artwork(OTHER), 0, 100, 400, 70).to_image();
    let framed = |file: &str| {
        let mut picture = RgbImage::from_pixel(400, 560, image::Rgb([21, 32, 43]));
        imageops::replace(&mut picture, &strip, 0, 0);
        imageops::replace(&mut picture, &strip, 0, 490);
        let inner = imageops::resize(&artwork(file), 380, 380, FilterType::Triangle);
        imageops::replace(&mut picture, &inner, 10, 90);
        picture
    };
    let files = [
        "p0006.jpg",
        "p0042.jpg",
        "p0044.jpg",
        "p0049.jpg",
        "p0051.jpg",
        "p0083.jpg",
        "p0099.jpg",
        "p0104.jpg",
        "p0117.jpg",
        "p0144.jpg",
        "p0148.jpg",
        "p0186.jpg",
        "p0193.jpg",
    ];
    let posts: Vec<Parts> = files.iter().map(|file| stored(&framed(file))).collect();
    let found = search(&query(&framed("p0006.jpg")), &posts);
    let indexes: Vec<usize> = found.iter().map(|one| one.index).collect();
    assert_eq!(indexes, [0], "{found:?}");
    // Variants have as much in common, and are found: they look alike all over.
    let variants: Vec<Parts> = (0..13_u8)
        .map(|at| {
            let mut variant = artwork(KNIGHT);
            imageops::replace(
                &mut variant,
                &RgbImage::from_pixel(40, 40, image::Rgb([at * 19; 3])),
                180,
                150,
            );
            stored(&variant)
        })
        .collect();
    assert_eq!(search(&query(&artwork(KNIGHT)), &variants).len(), 13);
    // Of one alone it cannot be known that the frame is nobody's, unless that is known of others.
    let asked = query(&framed("p0006.jpg"));
    assert_eq!(search(&asked, &posts[1..2]).len(), 1);
    let asked = asked.without(&aotf_parts::Furniture::of(&posts));
    assert_eq!(search(&asked, &posts[1..2]), []);
    assert_eq!(search(&asked, &[stored(&artwork("p0006.jpg"))]).len(), 1);
}

#[test]
fn features_are_the_same_on_every_machine() {
    let pictures = [KNIGHT, OTHER, "p0030.webp", "p0136.png"];
    let lines = |form: Form| -> String {
        let line = |file: &&str| {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/demo/assets").join(file);
            let file_bytes = fs::read(path).unwrap();
            let parts =
                in_form(form, || analyze_with_parts(&file_bytes, &Limits::default()).unwrap().parts.unwrap());
            let hex: String = parts.0.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{file} {hex}\n")
        };
        pictures.iter().map(line).collect()
    };
    let path = fixture("parts/features.txt");
    if std::env::var_os("AOTF_TEST_UPDATE").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, lines(Form::Portable)).unwrap();
    }
    let expect = fs::read_to_string(path).unwrap();
    for form in Form::all_here() {
        assert!(lines(form) == expect, "{form:?} computes other features");
    }
}

#[test]
fn every_form_finds_the_same() {
    let asked = query(&artwork(KNIGHT));
    let posts: Vec<Parts> = [KNIGHT, OTHER, THIRD].map(|file| stored(&artwork(file))).into();
    let expect = in_form(Form::Portable, || asked.candidates(&posts));
    assert!(expect.iter().any(|one| one.index == 0));
    for form in Form::all_here() {
        assert_eq!(in_form(form, || asked.candidates(&posts)), expect, "{form:?}");
    }
}

#[test]
fn pictures_of_any_shape_have_features_of_bounded_size() {
    let noise =
        |x: u32, y: u32| (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(0x9e37_79b9)).wrapping_mul(97) as u8;
    let tiles = |x: u32, y: u32| if (x % 16 < 8) ^ (y % 16 < 8) { 255 } else { 0 };
    let text =
        |x: u32, y: u32| if (x / 3 * 7 + y / 5 * 13).is_multiple_of(4) && y % 12 < 8 { 0 } else { 255 };
    for (width, height) in
        [(1, 1), (1, 5000), (5000, 1), (60_000, 40), (12, 12), (13, 700), (31, 33), (900, 700)]
    {
        for level in [noise, tiles, text, |_, _| 255, |x, y| (x / 40 + y / 40) as u8] {
            let gray = gray(width, height, level);
            assert_eq!(gray.levels.len(), gray.width * gray.height, "{width} x {height}");
            assert!(gray.levels.len() <= STORED_AREA as usize, "{width} x {height}");
            let parts = Parts(of_stored(&gray));
            assert!(parts.are_current() && parts.0.len() <= MAX_PARTS_BYTES, "{width} x {height}");
            let asked = QueryParts::of(&QueryPicture::new(gray));
            assert!(asked.codes().len() <= 600);
            search(&asked, &[parts]);
        }
    }
}

#[test]
fn flat_pictures_say_that_they_have_too_few_features() {
    for level in [|_, _| 255, |x, _| (x / 2) as u8] {
        let asked = QueryParts::of(&QueryPicture::new(gray(400, 300, level)));
        assert!(asked.are_too_few());
        let posts = [stored(&artwork(KNIGHT)), Parts(of_stored(&gray(400, 300, level)))];
        assert_eq!(search(&asked, &posts), []);
    }
    assert!(QueryParts::of(&QueryPicture::default()).are_too_few());
    assert!(!query(&artwork(KNIGHT)).are_too_few());
}

#[test]
fn equal_tiles_count_as_little_as_one() {
    let tile = imageops::resize(&artwork(KNIGHT), 40, 40, FilterType::Triangle);
    let tiled = RgbImage::from_fn(800, 800, |x, y| *tile.get_pixel(x % 40, y % 40));
    let (asked, kept) = (query(&tiled), stored(&tiled));
    let parts: Vec<u64> = first_codes(&kept.0);
    let alike = |code: &u64| parts.iter().filter(|other| (*other ^ code).count_ones() <= 8).count();
    assert!(parts.iter().all(|code| alike(code) <= 8), "{parts:x?}");
    assert!(search(&asked, &[kept]).len() <= 1);
}

#[test]
fn both_crates_know_the_same_version() {
    assert_eq!(PARTS_VERSION, aotf_parts::VERSION);
}

#[test]
fn damaged_features_are_passed_over() {
    let good = stored(&artwork(KNIGHT));
    let asked = query(&artwork(KNIGHT));
    for len in 0..good.0.len() {
        let cut = Parts(good.0[..len].to_vec());
        assert_eq!(search(&asked, std::slice::from_ref(&cut)), [], "{len}");
        assert!(first_codes(&cut.0).is_empty(), "{len}");
    }
    for at in 0..20 {
        for byte in [0, 1, 32, 33, 255] {
            let mut other = good.clone();
            other.0[at] = byte;
            search(&asked, &[other.clone(), good.clone()]);
            first_codes(&other.0);
        }
    }
    let longer = Parts([&good.0[..], &[0]].concat());
    let newer = Parts([&[2], &good.0[1..]].concat());
    assert_eq!(search(&asked, &[longer, newer, Parts::default()]), []);
    assert_eq!(first_codes(&good.0).len(), 32);
}

#[test]
fn a_transparent_picture_shows_what_lies_on_white() {
    let art = artwork(KNIGHT);
    let (width, height) = art.dimensions();
    let cut_out = image::RgbaImage::from_fn(width, height, |x, y| {
        let image::Rgb([r, g, b]) = *art.get_pixel(x, y);
        // What is hidden has colors too.
        if y < height / 2 { image::Rgba([r, g, b, 255]) } else { image::Rgba([g, r, r, 0]) }
    });
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Rgba);
    encoder.write_header().unwrap().write_image_data(cut_out.as_raw()).unwrap();
    let parts = analyze_with_parts(&file, &Limits::default()).unwrap().parts.unwrap();
    let shown = RgbImage::from_fn(width, height, |x, y| match y < height / 2 {
        true => *art.get_pixel(x, y),
        false => image::Rgb([255; 3]),
    });
    assert_eq!(parts, stored(&shown));
}

#[test]
fn reduced_pictures_keep_their_means() {
    for (width, height) in [(400, 400), (401, 399), (680, 510), (1999, 1201), (3000, 40), (150, 150), (7, 9)]
    {
        let gray = gray(width, height, |x, _| if x < width / 2 { 40 } else { 200 });
        let mean: u64 =
            gray.levels.iter().map(|&level| u64::from(level)).sum::<u64>() / gray.levels.len() as u64;
        let expect = (40 * u64::from(width / 2) + 200 * u64::from(width - width / 2)) / u64::from(width);
        assert!(mean.abs_diff(expect) <= 1, "{width} x {height}: {mean}, not {expect}");
        let (left, right) = (gray.levels[0], gray.levels[gray.width - 1]);
        assert_eq!((left, right), (40, 200), "{width} x {height}");
    }
}

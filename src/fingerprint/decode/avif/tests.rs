//! AVIF files of our own (`tests/fixtures/images/make.py` says how they were made), and damaged ones.

use super::*;
use crate::base::Fingerprint;
use crate::fingerprint::phash;

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/images/", $name, "_made.avif"))
    };
}

const TRANSPARENT: &[u8] = fixture!("transparent");
const GRID: &[u8] = fixture!("grid");
const SEQUENCE: &[u8] = fixture!("sequence");

#[derive(Default)]
struct Collector {
    sides: (u32, u32),
    rows: Vec<Vec<u8>>,
}

impl RowSink for Collector {
    fn start(&mut self, width: u32, height: u32, _: Layout) {
        self.sides = (width, height);
    }

    fn row(&mut self, pixels: &[u8]) {
        self.rows.push(pixels.to_vec());
    }
}

fn run(file: &[u8], limits: &Limits) -> Result<Collector, DecodeError> {
    let mut collector = Collector::default();
    decode(file, limits, &mut collector).map(|()| collector)
}

/// The picture that `make.py` paints: red, green, blue, and what is transparent.
fn painted(x: u32, y: u32) -> [f64; 4] {
    let (x, y) = (f64::from(x), f64::from(y));
    let red = 128.0 + 100.0 * (x / 9.0).sin() + 20.0 * (y / 5.0).cos();
    let green = 90.0 + 80.0 * ((x + 2.0 * y) / 17.0).cos();
    let blue = 40.0 + 2.5 * x + 1.5 * y;
    let inside = (x - 32.0).powi(2) + (y - 24.0).powi(2) < 22.0 * 22.0;
    [red, green, blue, if inside { 255.0 } else { 0.0 }].map(|level: f64| level.clamp(0.0, 255.0))
}

/// The file shows the painting, of which each shown pixel is this one.
#[track_caller]
fn check(file: &[u8], sides: (u32, u32), n_channels: usize, from: impl Fn(u32, u32) -> (u32, u32)) {
    let shown = run(file, &Limits::default()).unwrap();
    assert_eq!(shown.sides, sides);
    assert_eq!(shown.rows.len(), sides.1 as usize);
    let mut sum = 0.0;
    for (row, y) in shown.rows.iter().zip(0..) {
        assert_eq!(row.len(), sides.0 as usize * n_channels);
        for (pixel, x) in row.chunks(n_channels).zip(0..) {
            let (x, y) = from(x, y);
            let all = painted(x, y);
            let expect = match n_channels {
                1 => &[0.299 * all[0] + 0.587 * all[1] + 0.114 * all[2]],
                n_channels => &all[..n_channels],
            };
            sum += pixel.iter().zip(expect).map(|(&is, expect)| (f64::from(is) - expect).abs()).sum::<f64>();
        }
    }
    let mean = sum / f64::from(sides.0 * sides.1) / n_channels as f64;
    assert!(mean < 3.0, "levels differ by {mean}");
}

#[test]
fn all_depths_and_samplings_show_what_was_painted() {
    let as_is = |x, y| (x, y);
    check(fixture!("halved"), (64, 48), 3, as_is);
    check(TRANSPARENT, (64, 48), 4, as_is);
    check(fixture!("gray"), (64, 48), 1, as_is);
    check(fixture!("ten_bits"), (64, 48), 3, as_is);
    check(fixture!("twelve_bits"), (64, 48), 4, as_is);
    check(fixture!("odd"), (63, 47), 3, as_is);
    check(fixture!("lossless"), (64, 48), 3, as_is);
    check(fixture!("bt709"), (64, 48), 3, as_is);
}

#[test]
fn tiles_are_put_together() {
    check(GRID, (160, 128), 4, |x, y| (x, y));
}

#[test]
fn of_a_sequence_the_first_picture_counts() {
    check(SEQUENCE, (64, 48), 4, |x, y| (x, y));
    // The same with another brand first: then the still picture counts, which here is the first one too.
    let mut still = SEQUENCE.to_vec();
    still[8..12].copy_from_slice(b"avif");
    check(&still, (64, 48), 4, |x, y| (x, y));
}

#[test]
fn a_picture_is_shown_as_its_file_turns_it() {
    check(fixture!("turned"), (48, 64), 3, |x, y| (63 - y, x));
    check(fixture!("mirrored"), (64, 48), 3, |x, y| (63 - x, y));
    check(fixture!("flipped"), (64, 48), 3, |x, y| (x, 47 - y));
    // Of 64 by 48: 40 by 32, its middle 4 to the left and 2 down.
    check(fixture!("cut"), (40, 32), 3, |x, y| (x + 8, y + 10));
}

#[test]
fn an_avif_has_the_fingerprint_of_imagehash() {
    for (name, file, expect) in [
        ("halved", &fixture!("halved")[..], 0xe06a_c085_cf94_cf97),
        ("transparent", TRANSPARENT, 0xe06a_c095_ce94_df95),
        ("gray", fixture!("gray"), 0xe06b_c095_db91_d995),
        ("lossless", fixture!("lossless"), 0xe06a_c095_ca95_df95),
        ("odd", fixture!("odd"), 0xe06b_c095_c385_df95),
    ] {
        let (found, _) = phash(file, &Limits::default()).unwrap();
        assert_eq!(found, Fingerprint(expect), "{name}");
    }
}

#[test]
fn the_limits_hold_before_anything_is_decoded() {
    #[track_caller]
    fn check(file: &[u8], limits: Limits, expect: &str) {
        match run(file, &limits).map(|shown| shown.sides) {
            Err(DecodeError::TooLarge { unit, .. }) => assert_eq!(unit, expect),
            other => panic!("{expect}: {other:?}"),
        }
    }
    let limits = Limits::default;
    check(TRANSPARENT, Limits { max_pixels: 64 * 48 - 1, ..limits() }, "pixels");
    check(TRANSPARENT, Limits { max_side: 63, ..limits() }, "pixels a side");
    check(TRANSPARENT, Limits { max_frame_bytes: 64 * 48 * 4 - 1, ..limits() }, "bytes for the frame");
    check(
        fixture!("twelve_bits"),
        Limits { max_frame_bytes: 64 * 48 * 8 - 1, ..limits() },
        "bytes for the frame",
    );
    check(GRID, Limits { max_side: 159, ..limits() }, "pixels a side");
    // Four samples for each pixel of four tiles.
    check(GRID, Limits { max_frame_bytes: 160 * 128 * 4 - 1, ..limits() }, "bytes for the frame");
    // Turning needs the whole picture.
    check(fixture!("turned"), Limits { max_frame_bytes: 64 * 48 * 7 - 1, ..limits() }, "bytes for the frame");
    // What the boxes promise counts as much as what the stream does.
    let mut vast = TRANSPARENT.to_vec();
    let size = vast.windows(4).position(|word| word == b"ispe").unwrap();
    vast[size + 8..size + 12].copy_from_slice(&[0, 1, 0, 0]);
    check(&vast, limits(), "pixels a side");
}

/// A unit of a stream with its length.
fn unit(kind: u8, content: &[u8]) -> Vec<u8> {
    [&[kind << 3 | 2, u8::try_from(content.len()).unwrap()], content].concat()
}

#[test]
fn a_stream_that_makes_much_work_of_little_is_refused() {
    let refused = |stream: &[u8]| stream::read_header(stream).unwrap_err().to_string();
    let frames = [unit(1, &[0; 4]), unit(6, &[0]).repeat(9)].concat();
    assert_eq!(refused(&frames), "AVIF with so many frames in one picture is not supported");
    let sizes = [unit(1, &[0; 4]), unit(1, &[1; 4]), unit(6, &[0])].concat();
    assert_eq!(refused(&sizes), "AVIF with pictures of several sizes in one stream is not supported");
    for stream in [&b""[..], &unit(6, &[0]), &unit(1, &[0; 4]), &[0x0a, 0xff], &[0x0a, 0x05, 0]] {
        assert_eq!(refused(stream), "broken AVIF image", "{stream:?}");
    }
}

#[test]
fn damage_anywhere_is_an_error_or_a_picture() {
    for file in [TRANSPARENT, GRID, SEQUENCE, fixture!("cut")] {
        // Every byte of the boxes and the head of the stream, each with one bit turned.
        for at in 0..file.len().min(700) {
            let mut damaged = file.to_vec();
            damaged[at] ^= 1 << (at % 8);
            match run(&damaged, &Limits::default()) {
                Ok(shown) => assert_eq!(shown.rows.len(), shown.sides.1 as usize),
                Err(DecodeError::NotAnImage) => panic!("byte {at}: it is an image"),
                Err(_) => {}
            }
        }
    }
}

/// The picture with as many further frames, each of a few bytes.
fn with_frames(n_more: usize) -> Vec<u8> {
    let mut file = fixture!("halved").to_vec();
    let media = file.windows(4).position(|name| name == b"mdat").unwrap();
    let len = |len: usize| u32::try_from(len).unwrap().to_be_bytes();
    let old = len(file.len() - media - 4);
    let frames = b"\x32\x01\0".repeat(n_more);
    // The length stands with the item's place, and that of the box before its name.
    let place = file[..media].windows(4).position(|bytes| bytes == old).unwrap();
    file.extend_from_slice(&frames);
    let new = len(file.len() - media - 4);
    file[place..place + 4].copy_from_slice(&new);
    let new_box = len(file.len() - media + 4);
    file[media - 4..media].copy_from_slice(&new_box);
    file
}

#[test]
fn frames_cost_what_their_pixels_cost() {
    let limits = Limits { max_pixels: 64 * 48, ..Limits::default() };
    assert!(run(&with_frames(0), &limits).is_ok());
    assert!(matches!(run(&with_frames(3), &limits), Err(DecodeError::Broken { .. })));
    let error = run(&with_frames(4), &limits).map(|_| ()).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("image is too large: {} pixels in its frames, the limit is {}", 64 * 48 * 5, 64 * 48 * 4)
    );
}

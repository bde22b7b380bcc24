//! What strangers send: every kind of file, whole, cut short, damaged, or far too large.

use proptest::prelude::*;

use super::*;

/// Keeps the brightness of every pixel, and checks that the rows are what was announced.
#[derive(Default)]
struct Collector {
    sides: Option<(u32, u32)>,
    row_bytes: usize,
    rows: Vec<Vec<u8>>,
}

impl RowSink for Collector {
    fn start(&mut self, width: u32, height: u32, layout: Layout) {
        assert_eq!(self.sides.replace((width, height)), None, "started twice");
        self.row_bytes = width as usize * layout.bytes_per_pixel();
    }

    fn row(&mut self, pixels: &[u8]) {
        assert_eq!(pixels.len(), self.row_bytes);
        self.rows.push(pixels.to_vec());
    }
}

fn run(bytes: &[u8]) -> Result<Collector, DecodeError> {
    let mut collector = Collector::default();
    decode(bytes, &Limits::default(), &mut collector)?;
    let (_, height) = collector.sides.expect("a decoder that succeeds has started");
    assert_eq!(collector.rows.len(), height as usize);
    Ok(collector)
}

const WIDTH: u32 = 23;
const HEIGHT: u32 = 17;

/// RGB pixels with some structure.
fn pixels() -> Vec<u8> {
    (0..WIDTH * HEIGHT).flat_map(|i| [i as u8, (i * 7 % 251) as u8, (i / WIDTH * 15) as u8]).collect()
}

fn png_file(width: u32, height: u32, interlaced: bool) -> Vec<u8> {
    let mut file = Vec::new();
    let mut info = ::png::Info::with_size(width, height);
    (info.color_type, info.bit_depth, info.interlaced) =
        (::png::ColorType::Rgb, ::png::BitDepth::Eight, interlaced);
    let mut writer = ::png::Encoder::with_info(&mut file, info).unwrap().write_header().unwrap();
    if (width, height) == (WIDTH, HEIGHT) && !interlaced {
        writer.write_image_data(&pixels()).unwrap();
    } else {
        writer.write_chunk(::png::chunk::IDAT, b"\x78\x9c").unwrap();
    }
    drop(writer);
    file
}

fn gif_file() -> Vec<u8> {
    let mut file = Vec::new();
    let rgb = pixels();
    let frame = ::gif::Frame::from_rgb(WIDTH as u16, HEIGHT as u16, &rgb);
    let mut encoder = ::gif::Encoder::new(&mut file, WIDTH as u16, HEIGHT as u16, &[]).unwrap();
    encoder.write_frame(&frame).unwrap();
    drop(encoder);
    file
}

fn webp_file() -> Vec<u8> {
    let mut file = Vec::new();
    let encoder = image_webp::WebPEncoder::new(&mut file);
    encoder.encode(&pixels(), WIDTH, HEIGHT, image_webp::ColorType::Rgb8).unwrap();
    file
}

fn jpeg_file(progressive: bool) -> Vec<u8> {
    jpeg_of(turbojpeg::PixelFormat::RGB, progressive)
}

fn jpeg_of(format: turbojpeg::PixelFormat, progressive: bool) -> Vec<u8> {
    let mut compressor = turbojpeg::Compressor::new().unwrap();
    compressor.set_progressive(progressive).unwrap();
    if format == turbojpeg::PixelFormat::GRAY {
        compressor.set_subsamp(turbojpeg::Subsamp::Gray).unwrap();
    }
    let image = turbojpeg::Image {
        pixels: &pixels()[..],
        width: WIDTH as usize,
        pitch: WIDTH as usize * format.size(),
        height: HEIGHT as usize,
        format,
    };
    compressor.compress_to_vec(image).unwrap()
}

/// Where the segments of a JPEG begin: each with its marker, and with the data of a scan behind it.
fn jpeg_segments(file: &[u8]) -> Vec<usize> {
    let is_marker = |&at: &usize| file[at] == 0xff && !matches!(file[at + 1], 0 | 0xd0..=0xd7 | 0xff);
    let mut starts = vec![0];
    let mut at = 2;
    while file[at + 1] != 0xd9 {
        starts.push(at);
        let len = usize::from(u16::from_be_bytes([file[at + 2], file[at + 3]]));
        at = (at + 2 + len..file.len() - 1).find(is_marker).expect("the picture ends");
    }
    starts.push(at);
    starts
}

fn files() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("PNG", png_file(WIDTH, HEIGHT, false)),
        ("GIF", gif_file()),
        ("WebP", webp_file()),
        ("JPEG", jpeg_file(false)),
        ("progressive JPEG", jpeg_file(true)),
        ("AVIF", include_bytes!("../../../tests/fixtures/images/halved_made.avif").to_vec()),
    ]
}

#[test]
fn whole_files_are_read() {
    for (name, file) in files() {
        let collector = run(&file).unwrap_or_else(|error| panic!("{name}: {error}"));
        let sides = if name == "AVIF" { (64, 48) } else { (WIDTH, HEIGHT) };
        assert_eq!(collector.sides, Some(sides), "{name}");
        if name == "PNG" || name == "WebP" {
            assert_eq!(collector.rows.concat(), pixels(), "{name}");
        }
    }
}

#[test]
fn files_cut_short_are_broken() {
    for (name, file) in files() {
        // The last bytes of some formats are checksums and say that nothing follows.
        for len in 16..file.len() - 24 {
            let result = run(&file[..len]).map(|collector| collector.sides);
            assert!(matches!(result, Err(DecodeError::Broken { .. })), "{name} of {len} bytes: {result:?}");
        }
    }
}

/// A relay that lost its peer closes the file properly, and viewers show the rest in gray.
#[test]
fn a_jpeg_cut_short_is_broken_also_with_an_end_mark() {
    for progressive in [false, true] {
        let file = jpeg_file(progressive);
        let segments = jpeg_segments(&file);
        let first_scan = segments.iter().find(|&&at| file[at + 1] == 0xda).unwrap();
        for len in first_scan + 1..file.len() - 2 {
            // Whole scans are a coarse picture: nobody can tell that there were more. (The first byte of a
            // marker may be there more than once.)
            if segments.contains(&len) || segments.contains(&(len - 1)) {
                continue;
            }
            let result = run(&[&file[..len], b"\xff\xd9"].concat()).map(|_| ());
            assert!(matches!(result, Err(DecodeError::Broken { .. })), "{len} bytes: {result:?}");
        }
    }
}

#[test]
fn a_jpeg_with_bytes_between_its_parts_is_read() {
    for progressive in [false, true] {
        let file = jpeg_file(progressive);
        let expect = run(&file).unwrap().rows;
        for at in jpeg_segments(&file).into_iter().skip(2) {
            let padded = [&file[..at], b"\0\x01\x02\x03", &file[at..]].concat();
            assert_eq!(run(&padded).unwrap().rows, expect, "before byte {at}");
        }
        assert_eq!(run(&[&file[..], b"behind it"].concat()).unwrap().rows, expect);
    }
}

/// A gray picture told to have three colors, with scans for these.
fn jpeg_of_single_scans(components: &[u8]) -> Vec<u8> {
    let gray = jpeg_of(turbojpeg::PixelFormat::GRAY, false);
    let segments = jpeg_segments(&gray);
    let mut file = Vec::new();
    for pair in segments.windows(2) {
        let segment = &gray[pair[0]..pair[1]];
        match segment[1] {
            0xc0 => {
                file.extend_from_slice(&[0xff, 0xc0, 0, 17]);
                file.extend_from_slice(&segment[4..9]);
                file.extend_from_slice(&[3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0]);
            }
            0xda => {
                for &component in components {
                    let start = file.len();
                    file.extend_from_slice(segment);
                    file[start + 5] = component;
                }
            }
            _ => file.extend_from_slice(segment),
        }
    }
    file.extend_from_slice(b"\xff\xd9");
    file
}

#[test]
fn a_jpeg_without_one_of_its_colors_is_broken() {
    assert!(run(&jpeg_of_single_scans(&[1, 2, 3])).is_ok());
    assert!(run(&jpeg_of_single_scans(&[3, 1, 2])).is_ok());
    for scans in [&[1][..], &[1, 2], &[1, 2, 2], &[2, 3]] {
        let result = run(&jpeg_of_single_scans(scans)).map(|_| ());
        assert!(matches!(result, Err(DecodeError::Broken { .. })), "{scans:?}: {result:?}");
    }
}

#[test]
fn scans_of_a_jpeg_cost_what_their_pixels_cost() {
    let file = jpeg_file(true);
    let segments = jpeg_segments(&file);
    let scan = segments.iter().position(|&at| file[at + 1] == 0xda).unwrap();
    let scan = segments[scan]..segments[scan + 1];
    let with_scans =
        |n_more| [&file[..scan.end], &file[scan.clone()].repeat(n_more), &file[scan.end..]].concat();
    let limits = Limits { max_pixels: u64::from(WIDTH * HEIGHT), ..Limits::default() };
    let run = |n_more, limits: &Limits| decode(&with_scans(n_more), limits, &mut Collector::default());

    assert!(run(0, &limits).is_ok(), "the usual scans of the largest picture are few enough");
    let error = run(30, &limits).unwrap_err();
    assert!(matches!(error, DecodeError::TooLarge { unit: "samples in its scans", .. }), "{error}");
    assert!(run(30, &Limits::default()).is_ok(), "a small picture costs little");
    assert!(run(100_000, &Limits::default()).is_err());
}

#[test]
fn arithmetic_coding_is_not_read() {
    let mut file = jpeg_file(false);
    let frame = file.windows(2).position(|marker| marker == [0xff, 0xc0]).unwrap();
    file[frame + 1] = 0xc9;
    let error = run(&file).map(|_| ()).unwrap_err();
    assert_eq!(error.to_string(), "JPEG with arithmetic coding is not supported");
}

#[test]
fn what_is_no_image_is_told_from_what_we_cannot_read() {
    for bytes in [&b""[..], b"\xff", b"<!DOCTYPE html><html>", b"{\"error\": 404}", b"RIFF....WAVEfmt "] {
        assert!(matches!(run(bytes), Err(DecodeError::NotAnImage)), "{bytes:?}");
    }
    for (bytes, name) in [(&b"\0\0\0\x20ftypisom\0\0\0\0"[..], "video"), (b"II*\0\x08\0\0\0", "TIFF")] {
        assert!(matches!(run(bytes), Err(DecodeError::Unsupported(found)) if found == name), "{name}");
    }
}

/// The first box of a file of this family, with these brands.
fn brands(names: &[&[u8; 4]]) -> Vec<u8> {
    let len = u32::try_from(12 + 4 * names.len()).unwrap().to_be_bytes();
    let (first, others) = names.split_first().unwrap();
    [
        &len,
        &b"ftyp"[..],
        &first[..],
        &[0; 4],
        &others.iter().copied().flatten().copied().collect::<Vec<_>>(),
        &[0; 8],
    ]
    .concat()
}

#[test]
fn brands_tell_avif_from_what_is_not_read() {
    let run = |names: &[&[u8; 4]]| run(&brands(names)).map(|_| ()).unwrap_err();
    for names in [&[b"avif"][..], &[b"avis", b"msf1"], &[b"mif1", b"miaf", b"avif"], &[b"MA1B", b"avif"]] {
        assert!(matches!(run(names), DecodeError::Broken { format: "AVIF", .. }), "{names:?}");
    }
    for (names, expect) in [
        (&[b"heic", b"mif1"][..], "HEIC"),
        (&[b"mif1", b"heic"], "HEIC"),
        (&[b"mif1", b"jpeg"], "HEIF"),
        (&[b"isom", b"mp42"], "video"),
    ] {
        assert!(matches!(run(names), DecodeError::Unsupported(name) if name == expect), "{names:?}");
    }
}

#[test]
fn whoever_has_what_is_not_read_is_told_its_name() {
    for (bytes, expect) in [
        (&b"\0\0\0\x0cJXL \r\n\x87\n"[..], "JPEG XL is not supported"),
        (b"\xff\x0a\xfa\x7f", "JPEG XL is not supported"),
        (&brands(&[b"heic", b"mif1"]), "HEIC is not supported"),
    ] {
        assert_eq!(run(bytes).map(|_| ()).unwrap_err().to_string(), expect);
    }
}

#[test]
fn images_beyond_the_limits_take_no_memory() {
    #[track_caller]
    fn check(name: &str, bytes: &[u8], expect: &str) {
        match run(bytes) {
            Err(DecodeError::TooLarge { unit, .. }) => assert_eq!(unit, expect, "{name}"),
            Err(other) => panic!("{name}: {other:?}"),
            Ok(_) => panic!("{name} was decoded"),
        }
    }
    check("PNG", &png_file(60_000, 60_000, false), "pixels");
    check("PNG", &png_file(1, 100_000, false), "pixels a side");
    check("PNG", &png_file(u32::MAX >> 1, 1, false), "pixels a side");
    check("many bytes", &vec![0xff; (64 << 20) + 1], "bytes");

    let mut gif = gif_file();
    gif[6..10].fill(0xff); // the logical screen: 65,535 each way
    check("GIF", &gif, "pixels a side");

    let mut jpeg = jpeg_file(false);
    let frame = jpeg.windows(2).position(|marker| marker == [0xff, 0xc0]).unwrap();
    jpeg[frame + 5..frame + 9].fill(0xee);
    check("JPEG", &jpeg, "pixels");

    let mut jpeg = jpeg_file(true);
    let frame = jpeg.windows(2).position(|marker| marker == [0xff, 0xc2]).unwrap();
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0x27, 0x00, 0x27, 0x00]); // just under 10,000 each way
    check("progressive JPEG", &jpeg, "bytes for the frame");

    let mut webp = webp_file();
    webp[21..25].copy_from_slice(&[0xff, 0xff, 0xff, 0x0f]); // 16,384 each way
    check("WebP", &webp, "pixels");
}

#[test]
fn an_interlaced_bomb_is_broken_at_worst() {
    assert!(run(&png_file(9_000, 9_000, true)).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever is damaged: an error or a picture, but no panic, and no more rows than announced.
    #[test]
    fn damaged_files_do_no_harm(
        which in any::<prop::sample::Index>(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        keep in any::<prop::sample::Index>(),
        cut in any::<bool>(),
    ) {
        let files = files();
        let (_, mut file) = files[which.index(files.len())].clone();
        for (at, value) in damage {
            let at = at.index(file.len());
            file[at] = value;
        }
        if cut {
            file.truncate(keep.index(file.len()));
        }
        // Damage can make the picture larger, within these.
        let limits = Limits { max_pixels: 1_000_000, ..Limits::default() };
        let mut collector = Collector::default();
        if decode(&file, &limits, &mut collector).is_ok() {
            let (_, height) = collector.sides.expect("a decoder that succeeds has started");
            prop_assert_eq!(collector.rows.len(), height as usize);
        }
    }
}

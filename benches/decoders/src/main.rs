//! `decoders FILE...`: decodes each PNG with several decoders, on one thread, alternating, and prints a Markdown table: megapixels
//! per second of processor time, over all files, and of how many files the pixels are those of `png`.

use std::fs;
use std::io::Cursor;
use std::time::Instant;

type Error = Box<dyn std::error::Error>;

/// Each file is decoded so often; its fastest time counts.
const ROUNDS: usize = 7;

/// As the program does: rows as they stand in the file, checksums checked.
fn with_png(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let mut options = png::DecodeOptions::default();
    options.set_ignore_adler32(false);
    options.set_skip_ancillary_crc_failures(true);
    let mut decoder = png::Decoder::new_with_options(Cursor::new(bytes), options);
    decoder.set_transformations(png::Transformations::IDENTITY);
    let mut reader = decoder.read_info()?;
    let mut pixels = Vec::new();
    while let Some(row) = reader.next_row()? {
        pixels.extend_from_slice(row.data());
    }
    Ok(pixels)
}

fn with_zune(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let options = zune_core::options::DecoderOptions::default()
        .set_max_width(1 << 16)
        .set_max_height(1 << 16)
        .png_set_add_alpha_channel(false)
        .png_set_confirm_crc(true);
    let mut decoder =
        zune_png::PngDecoder::new_with_options(zune_core::bytestream::ZCursor::new(bytes), options);
    decoder.decode_raw().map_err(|error| format!("{error:?}").into())
}

fn with_spng(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let decoder = spng::Decoder::new(Cursor::new(bytes)).with_output_format(spng::Format::Png);
    let mut reader = decoder.read_info()?;
    let mut pixels = vec![0; reader.output_buffer_size()];
    reader.next_frame(&mut pixels)?;
    Ok(pixels)
}

fn main() -> Result<(), Error> {
    let decoders: [(&str, fn(&[u8]) -> Result<Vec<u8>, Error>); 3] =
        [("`png`", with_png), ("`zune-png`", with_zune), ("libspng (`spng`)", with_spng)];
    let mut seconds = [0.0; 3];
    let mut same = [0; 3];
    let (mut n_files, mut megapixels) = (0, 0.0);
    for path in std::env::args().skip(1) {
        let bytes = fs::read(&path)?;
        let reader = png::Decoder::new(Cursor::new(&bytes[..])).read_info()?;
        megapixels += f64::from(reader.info().width) * f64::from(reader.info().height) / 1e6;
        n_files += 1;
        let expected = with_png(&bytes)?;
        let mut best = [f64::INFINITY; 3];
        for _ in 0..ROUNDS {
            for (at, (_, decode)) in decoders.iter().enumerate() {
                let start = Instant::now();
                let pixels = decode(&bytes);
                best[at] = f64::min(best[at], start.elapsed().as_secs_f64());
                drop(pixels);
            }
        }
        for (at, (name, decode)) in decoders.iter().enumerate() {
            seconds[at] += best[at];
            match decode(&bytes) {
                Ok(pixels) => same[at] += usize::from(pixels == expected),
                Err(error) => eprintln!("{path}: {name}: {error}"),
            }
        }
    }
    println!(
        "{n_files} files, {megapixels:.1} megapixels\n\n| decoder | megapixels/s | same pixels |\n|---|---:|---:|"
    );
    for (at, (name, _)) in decoders.iter().enumerate() {
        println!("| {name} | {:.0} | {} |", megapixels / seconds[at], same[at]);
    }
    Ok(())
}

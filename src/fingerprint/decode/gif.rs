//! The first frame of a GIF, on its canvas.

use std::io::Read;

use ::gif::{ColorOutput, DecodeOptions, MemoryLimit};

use super::limits::{DecodeError, Limits, check_sides, frame_buffer};
use super::rows::{Layout, RowSink};

const FORMAT: &str = "GIF";

/// An empty block, which ends the pixels, and what ends the file.
const END: &[u8] = b"\0;";

pub(super) fn decode(bytes: &[u8], limits: &Limits, sink: &mut dyn RowSink) -> Result<(), DecodeError> {
    let broken = |error: ::gif::DecodingError| DecodeError::broken(FORMAT, error);
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::Indexed);
    options.allow_unknown_blocks(true);
    options.set_memory_limit(MemoryLimit::Unlimited); // of extensions; bounded by the file's size
    // A file is whole enough for Pillow when its pixels are there, without what ends them.
    let mut decoder = options.read_info(bytes.chain(END)).map_err(broken)?;
    let frame = decoder.next_frame_info().map_err(broken)?;
    let frame = frame.ok_or_else(|| DecodeError::broken(FORMAT, "no frame"))?;
    let (left, top) = (usize::from(frame.left), usize::from(frame.top));
    let (frame_width, frame_height) = (usize::from(frame.width), usize::from(frame.height));
    let transparent = frame.transparent;

    // A frame that does not fit enlarges the canvas, as Pillow does it.
    let width = (left + frame_width).max(decoder.width().into());
    let height = (top + frame_height).max(decoder.height().into());
    check_sides(width as u32, height as u32, limits, FORMAT)?;
    if frame_width == 0 || frame_height == 0 {
        return Err(DecodeError::broken(FORMAT, "the first frame is empty"));
    }
    let mut indices = frame_buffer((frame_width * frame_height) as u64, 1, limits)?;
    decoder.read_into_buffer(&mut indices).map_err(broken)?;

    let mut palette: [[u8; 4]; 256] =
        std::array::from_fn(|level| [level as u8, level as u8, level as u8, 255]);
    for (entry, &[red, green, blue]) in
        palette.iter_mut().zip(decoder.palette().map_err(broken)?.as_chunks().0)
    {
        *entry = [red, green, blue, 255];
    }
    if let Some(index) = transparent {
        palette[usize::from(index)][3] = 0;
    }
    // Around the frame lies the transparent color if there is one, else the first.
    let background = palette[usize::from(transparent.unwrap_or(0))];
    let layout = if transparent.is_some() { Layout::Rgba } else { Layout::Rgbx };

    sink.start(width as u32, height as u32, layout);
    let mut row = vec![background; width];
    for y in 0..height {
        row.fill(background);
        if let Some(line) = y.checked_sub(top).filter(|&line| line < frame_height) {
            let line = &indices[line * frame_width..][..frame_width];
            for (pixel, &index) in row[left..].iter_mut().zip(line) {
                *pixel = palette[usize::from(index)];
            }
        }
        sink.row(row.as_flattened());
    }
    Ok(())
}

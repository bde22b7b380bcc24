//! Pillow's 8-bit Lanczos resampling to a small square, one row at a time.
//!
//! Integer arithmetic with the same rounding at the same places, so that the result is the same to
//! the bit: first each row is narrowed to `N` bytes, then the narrowed rows are weighted into the
//! `N` rows of the result. Sums of integers do not depend on their order, so the second pass needs
//! no narrowed row twice, and memory does not grow with the height.

use std::f64::consts::PI;

use super::kernel::{self, PADDING, Tap};
use super::luma::LumaRow;

/// Fractional bits of a weight.
const PRECISION: u32 = 22;
/// Half of the last bit: accumulating from here rounds to nearest.
const HALF: i32 = 1 << (PRECISION - 1);
/// Lanczos with three lobes.
const LOBES: f64 = 3.0;

/// The weights with which the samples of one side make `n_out` samples.
struct Weights {
    spans: Vec<Span>,
    /// The weights of all spans, one after the other.
    weights: Vec<i32>,
}

/// Which input samples make one output sample.
struct Span {
    first: usize,
    len: usize,
    /// Where this span's weights begin.
    at: usize,
}

impl Weights {
    fn new(n_in: usize, n_out: usize) -> Weights {
        let scale = n_in as f64 / n_out as f64;
        let filter_scale = scale.max(1.0);
        let support = LOBES * filter_scale;
        let mut all = Weights { spans: Vec::with_capacity(n_out), weights: Vec::new() };
        for out in 0..n_out {
            let at = all.weights.len();
            if n_in == n_out {
                // This pass is skipped.
                all.spans.push(Span { first: out, len: 1, at });
                all.weights.push(1 << PRECISION);
                continue;
            }
            let center = (out as f64 + 0.5) * scale;
            // The cast cuts off what is below zero, and fractions.
            let first = (center - support + 0.5) as usize;
            let end = ((center + support + 0.5) as usize).min(n_in);
            let exact =
                lanczos((first as f64 - center + 0.5) / filter_scale, 1.0 / filter_scale, end - first);
            let sum: f64 = exact.iter().sum();
            let unit = f64::from(1 << PRECISION);
            all.weights.extend(exact.iter().map(|weight| (weight / sum * unit).round() as i32));
            all.spans.push(Span { first, len: end - first, at });
        }
        all
    }

    fn of(&self, span: &Span) -> &[i32] {
        &self.weights[span.at..span.at + span.len]
    }
}

/// The filter, `sinc(x) * sinc(x / 3)` within three lobes, at `n` places from `x` on, `step` apart.
///
/// A large image has tens of thousands of weights, and sines would be a tenth of its time. So
/// `sin(pi x)` is made of `sin(pi x / 3)` (triple angle), and that is turned from place to place
/// and computed afresh every few places: exact to 1e-14, where a weight is rounded to 2e-7.
fn lanczos(x: f64, step: f64, n: usize) -> Vec<f64> {
    const FRESH: usize = 16;
    // Nearer to the middle than any sample but the middle one, which rounding may leave beside it.
    const MIDDLE: f64 = 1e-6;
    let (turn_sin, turn_cos) = (step * PI / LOBES).sin_cos();
    let (mut sin, mut cos) = (0.0, 1.0);
    (0..n)
        .map(|i| {
            let x = x + i as f64 * step;
            if i.is_multiple_of(FRESH) {
                (sin, cos) = (x * PI / LOBES).sin_cos();
            } else {
                (sin, cos) = (sin * turn_cos + cos * turn_sin, cos * turn_cos - sin * turn_sin);
            }
            if x.abs() < MIDDLE {
                1.0
            } else if (-LOBES..LOBES).contains(&x) {
                let angle = x * PI;
                sin * (3.0 - 4.0 * sin * sin) / angle * (sin * LOBES / angle)
            } else {
                0.0
            }
        })
        .collect()
}

/// Ends a sum of weighted samples.
fn to_level(sum: i32) -> u8 {
    (sum >> PRECISION).clamp(0, 255) as u8
}

/// The horizontal weights as the kernel wants them: in two parts of 16 bits, so that the processor
/// multiplies many at once.
///
/// A weight is `high << SPLIT` plus `low`, with `low` in -2^14..2^14. Few weights of a wide image
/// have a high part (those in the middle of the span), so the high parts have a shorter span.
/// Neither sum can overflow: a low part is never farther from zero than its weight, and the weights
/// of a span add up to little more than 2^22, by 255 levels at most.
fn split(weights: &Weights) -> Vec<Tap> {
    const MIDDLE: i32 = 1 << (kernel::SPLIT - 1);
    let tap = |span: &Span| {
        let high: Vec<i16> =
            weights.of(span).iter().map(|weight| ((weight + MIDDLE) >> kernel::SPLIT) as i16).collect();
        let low = weights
            .of(span)
            .iter()
            .zip(&high)
            .map(|(weight, &high)| (weight - (i32::from(high) << kernel::SPLIT)) as i16);
        let skipped = high.iter().take_while(|&&part| part == 0).count();
        let n_high = high.iter().rposition(|&part| part != 0).map_or(0, |last| last + 1 - skipped);
        Tap {
            first: span.first,
            low: padded(low),
            first_high: span.first + skipped,
            high: padded(high.iter().skip(skipped).take(n_high).copied()),
        }
    };
    weights.spans.iter().map(tap).collect()
}

fn padded(parts: impl Iterator<Item = i16>) -> Vec<i16> {
    let mut parts: Vec<i16> = parts.collect();
    parts.resize(parts.len().next_multiple_of(PADDING), 0);
    parts
}

/// Shrinks (or enlarges) a gray image to `N` by `N`, row by row.
pub(super) struct Resampler<const N: usize> {
    horizontal: Vec<Tap>,
    vertical: Weights,
    sums: Vec<[i32; N]>,
    next_row: usize,
    /// The first row of the result that still needs rows of the image.
    first_open: usize,
}

impl<const N: usize> Resampler<N> {
    /// For an image of this size, in pixels, both at least 1.
    pub fn new(width: u32, height: u32) -> Resampler<N> {
        Resampler {
            horizontal: split(&Weights::new(width as usize, N)),
            vertical: Weights::new(height as usize, N),
            sums: vec![[HALF; N]; N],
            next_row: 0,
            first_open: 0,
        }
    }

    /// The next row.
    pub fn row(&mut self, row: &LumaRow) {
        let mut narrow = [0_i32; N];
        kernel::weigh(row.wide(), &self.horizontal, &mut narrow);
        let narrow = narrow.map(|sum| i32::from(to_level(sum + HALF)));
        let y = self.next_row;
        self.next_row += 1;
        for out in self.first_open..N {
            let span = &self.vertical.spans[out];
            if y < span.first {
                break;
            }
            if y - span.first >= span.len {
                self.first_open = out + 1;
                continue;
            }
            let weight = self.vertical.weights[span.at + y - span.first];
            for (sum, level) in self.sums[out].iter_mut().zip(&narrow) {
                *sum += weight * level;
            }
        }
    }

    /// The small image, row-major, after the last row.
    pub fn finish(&self) -> Vec<[u8; N]> {
        self.sums.iter().map(|row| row.map(to_level)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::decode::Layout;

    fn image(width: u32, height: u32) -> impl Iterator<Item = Vec<u8>> {
        (0..height as usize)
            .map(move |y| (0..width as usize).map(|x| (x * x * 3 + y * 11 + x * y) as u8).collect())
    }

    fn checksum<const N: usize>(width: u32, height: u32) -> u32 {
        let mut resampler = Resampler::<N>::new(width, height);
        let mut luma = LumaRow::new(width);
        for row in image(width, height) {
            luma.fill(&row, Layout::Gray);
            resampler.row(&luma);
        }
        crc32fast::hash(resampler.finish().as_flattened())
    }

    /// Checksums of what Pillow 9.5 makes of the same image:
    /// `zlib.crc32(image.resize((n, n), LANCZOS).tobytes())`.
    #[track_caller]
    fn check(width: u32, height: u32, expect32: u32, expect64: u32) {
        assert_eq!(checksum::<32>(width, height), expect32, "{width}x{height} to 32");
        assert_eq!(checksum::<64>(width, height), expect64, "{width}x{height} to 64");
    }

    #[test]
    fn weights_are_those_of_the_definition() {
        let sinc = |x: f64| if x == 0.0 { 1.0 } else { (x * PI).sin() / (x * PI) };
        let sizes = (1..500).chain([1000, 1200, 2047, 2048, 3008, 65_500]);
        for (n_in, n_out) in sizes.flat_map(|n_in| [(n_in, 32), (n_in, 64)]) {
            if n_in == n_out {
                continue; // skipped
            }
            let weights = Weights::new(n_in, n_out);
            let scale = (n_in as f64 / n_out as f64).max(1.0);
            for (out, span) in weights.spans.iter().enumerate() {
                let center = (out as f64 + 0.5) * n_in as f64 / n_out as f64;
                let exact: Vec<f64> = (span.first..span.first + span.len)
                    .map(|x| (x as f64 - center + 0.5) / scale)
                    .map(|x| if x.abs() < 3.0 { sinc(x) * sinc(x / 3.0) } else { 0.0 })
                    .collect();
                let sum: f64 = exact.iter().sum();
                for (&weight, exact) in weights.of(span).iter().zip(exact) {
                    assert_eq!(
                        weight,
                        (exact / sum * f64::from(1 << PRECISION)).round() as i32,
                        "{n_in} to {n_out}"
                    );
                }
            }
        }
    }

    #[test]
    fn resamples_as_pillow_does() {
        check(1, 1, 0xefb5af2e, 0xc71c0011);
        check(7, 3, 0x64735fee, 0xf9889a50);
        check(32, 32, 0x20cb403a, 0x4b89cad6);
        check(32, 100, 0xb1151022, 0x8ddcb745);
        check(100, 32, 0x62168130, 0x942efec6);
        check(31, 33, 0x750ee683, 0xae65c734);
        check(500, 20, 0xd82765d3, 0x1c0e0fd0);
        check(1999, 1500, 0x60b7f705, 0xad4c9cd4);
        check(33, 4000, 0x24a2f912, 0xe046fbc3);
    }
}

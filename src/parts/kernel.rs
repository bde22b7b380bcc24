//! The inner loops, in the fastest form that this processor has.
//!
//! Numbers with fractions are added and multiplied in one order, whatever the width of the registers, and are
//! never fused: so all forms agree to the bit, on every machine.

/// Pixels that are worked on together.
const LANES: usize = 16;

/// Three rows each of three neighboring scales.
pub type Neighborhood<'a> = [[&'a [f32]; 3]; 3];

macro_rules! in_widest_form {
    ($(#[$meta:meta])* pub fn $name:ident($($arg:ident: $kind:ty),* $(,)?) = $portable:ident) => {
        $(#[$meta])*
        pub fn $name($($arg: $kind),*) {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
                fn avx512($($arg: $kind),*) {
                    $portable($($arg),*);
                }
                #[target_feature(enable = "avx2")]
                fn avx2($($arg: $kind),*) {
                    $portable($($arg),*);
                }
                match form() {
                    #[expect(unsafe_code, reason = "the processor has been asked")]
                    // SAFETY: `form` says that the processor has these features.
                    Form::Avx512 => return unsafe { avx512($($arg),*) },
                    #[expect(unsafe_code, reason = "the processor has been asked")]
                    // SAFETY: `form` says that the processor has this feature.
                    Form::Avx2 => return unsafe { avx2($($arg),*) },
                    Form::Portable => {}
                }
            }
            $portable($($arg),*);
        }
    };
}

/// For which registers the loops are compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Portable,
    Avx2,
    Avx512,
}

/// The form that is used: the widest that this processor has.
fn form() -> Form {
    FORCED.get().unwrap_or_else(widest)
}

fn widest() -> Form {
    #[cfg(target_arch = "x86_64")]
    {
        let has_512 = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512vpopcntdq");
        if has_512 {
            return Form::Avx512;
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("popcnt") {
            return Form::Avx2;
        }
    }
    Form::Portable
}

thread_local! {
    static FORCED: std::cell::Cell<Option<Form>> = const { std::cell::Cell::new(None) };
}

/// Does something with the loops of this form on this thread, to compare it with the others. Of a form that
/// the processor does not have, with the widest that it has.
pub fn in_form<T>(form: Form, work: impl FnOnce() -> T) -> T {
    FORCED.set(Form::all_here().contains(&form).then_some(form));
    let done = work();
    FORCED.set(None);
    done
}

impl Form {
    /// Those that this processor has.
    pub fn all_here() -> Vec<Form> {
        let mut forms = vec![Form::Portable];
        if widest() != Form::Portable {
            forms.push(Form::Avx2);
        }
        if widest() == Form::Avx512 {
            forms.push(Form::Avx512);
        }
        forms
    }
}

in_widest_form! {
    /// Blurs a picture of rows of `width` with half a Gaussian. What lies beyond the border is as the border.
    pub fn blur(from: &[f32], width: usize, weights: &[f32], scratch: &mut Vec<f32>, to: &mut [f32]) = blur_portable
}

in_widest_form! {
    /// The differences of two rows.
    pub fn subtract(from: &[f32], what: &[f32], to: &mut [f32]) = subtract_portable
}

in_widest_form! {
    /// Appends the places in the middle row of the middle scale that are greater, or smaller, than all that
    /// surround them, and at least `least` from zero.
    pub fn extrema(rows: &Neighborhood<'_>, least: f32, margin: usize, places: &mut Vec<u16>) = extrema_portable
}

#[inline(always)]
fn blur_portable(from: &[f32], width: usize, weights: &[f32], scratch: &mut Vec<f32>, to: &mut [f32]) {
    let reach = weights.len() - 1;
    let height = from.len() / width;
    // Along the rows: of each, a copy with its ends prolonged.
    let mut padded = vec![0.0_f32; width + 2 * reach + LANES];
    scratch.resize(from.len(), 0.0);
    for (row, out) in from.chunks_exact(width).zip(scratch.chunks_exact_mut(width)) {
        padded[..reach].fill(row[0]);
        padded[reach..reach + width].copy_from_slice(row);
        padded[reach + width..].fill(row[width - 1]);
        let (blocks, rest) = out.as_chunks_mut::<LANES>();
        let n_whole = blocks.len() * LANES;
        for (x, block) in (0..).step_by(LANES).zip(blocks) {
            *block = along(&padded[x..], weights);
        }
        if !rest.is_empty() {
            rest.copy_from_slice(&along(&padded[n_whole..], weights)[..rest.len()]);
        }
    }
    // Down the columns.
    let rows = |y: usize| &scratch[y * width..(y + 1) * width];
    for (y, out) in to.chunks_exact_mut(width).enumerate() {
        for (out, level) in out.iter_mut().zip(rows(y)) {
            *out = level * weights[0];
        }
        for (distance, &weight) in weights.iter().enumerate().skip(1) {
            let above = rows(y.saturating_sub(distance));
            let below = rows((y + distance).min(height - 1));
            for ((out, above), below) in out.iter_mut().zip(above).zip(below) {
                *out += (above + below) * weight;
            }
        }
    }
}

#[inline(always)]
fn subtract_portable(from: &[f32], what: &[f32], to: &mut [f32]) {
    for ((to, from), what) in to.iter_mut().zip(from).zip(what) {
        *to = from - what;
    }
}

/// The blurred levels of neighboring pixels. `levels` begin as far before the first as the weights reach.
#[inline(always)]
fn along(levels: &[f32], weights: &[f32]) -> [f32; LANES] {
    let reach = weights.len() - 1;
    let at = |x: usize| -> &[f32; LANES] { levels[x..].first_chunk().expect("the row is prolonged") };
    let mut sums = at(reach).map(|level| level * weights[0]);
    for (distance, weight) in weights.iter().enumerate().skip(1) {
        let (left, right) = (at(reach - distance), at(reach + distance));
        for lane in 0..LANES {
            sums[lane] += (left[lane] + right[lane]) * weight;
        }
    }
    sums
}

#[inline(always)]
fn extrema_portable(rows: &Neighborhood<'_>, least: f32, margin: usize, places: &mut Vec<u16>) {
    let width = rows[1][1].len();
    let margin = margin.max(1);
    if width < LANES + 2 * margin {
        return extrema_of_narrow(rows, least, margin, places);
    }
    let end = width - margin;
    let mut x = margin;
    while x < end {
        // The last lanes overlap those before: their places are taken once.
        let from = x.min(end - LANES);
        let here: &[f32; LANES] = rows[1][1][from..].first_chunk().expect("the row is wide enough");
        let is_visible = here.iter().fold(false, |found, level| found | (level.abs() >= least));
        // Most of a picture is flat.
        if is_visible {
            let (mut greater, mut smaller) = ([true; LANES], [true; LANES]);
            for (scale, row) in rows
                .iter()
                .enumerate()
                .flat_map(|(scale, rows)| rows.iter().enumerate().map(move |(y, row)| ((scale, y), row)))
            {
                for shift in 0..3 {
                    if (scale, shift) == ((1, 1), 1) {
                        continue;
                    }
                    let other: &[f32; LANES] =
                        row[from - 1 + shift..].first_chunk().expect("a margin is left");
                    for lane in 0..LANES {
                        greater[lane] &= here[lane] > other[lane];
                        smaller[lane] &= here[lane] < other[lane];
                    }
                }
            }
            for lane in 0..LANES {
                let at = from + lane;
                if (greater[lane] | smaller[lane]) && here[lane].abs() >= least && at >= x && at < end {
                    places.push(at as u16);
                }
            }
        }
        x = from + LANES;
    }
}

/// The same, of rows shorter than a register.
#[cold]
fn extrema_of_narrow(rows: &Neighborhood<'_>, least: f32, margin: usize, places: &mut Vec<u16>) {
    let width = rows[1][1].len();
    for at in margin..width.saturating_sub(margin) {
        let level = rows[1][1][at];
        let around = || rows.iter().flatten().flat_map(|row| &row[at - 1..=at + 1]);
        let greater = around().filter(|other| level > **other).count();
        let smaller = around().filter(|other| level < **other).count();
        if level.abs() >= least && (greater == 26 || smaller == 26) {
            places.push(at as u16);
        }
    }
}

/// A stored code and the query's code that is nearest to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit {
    pub stored: u8,
    pub asked: u16,
    pub bits: u8,
}

/// Appends for each of the `stored` codes the nearest of `asked`, the first of equally near ones, where it is
/// within `most` bits. At most 256 and 65,536 codes.
pub fn nearest(stored: &[u64], asked: &[u64], most: u8, hits: &mut Vec<Hit>) {
    #[cfg(target_arch = "x86_64")]
    match form() {
        #[expect(unsafe_code, reason = "the processor has been asked")]
        // SAFETY: `form` says that the processor has these features.
        Form::Avx512 => return unsafe { x86::nearest_avx512(stored, asked, most, hits) },
        #[expect(unsafe_code, reason = "the processor has been asked")]
        // SAFETY: `form` says that the processor has these features.
        Form::Avx2 => return unsafe { x86::nearest_avx2(stored, asked, most, hits) },
        Form::Portable => {}
    }
    nearest_from(0, stored, asked, most, hits);
}

#[inline(always)]
fn nearest_from(first: usize, stored: &[u64], asked: &[u64], most: u8, hits: &mut Vec<Hit>) {
    for (at, code) in (first..).zip(stored) {
        let least = asked.iter().map(|other| (code ^ other).count_ones()).min();
        hits.extend(least.and_then(|least| hit(at, *code, asked, least as u8, most)));
    }
}

/// The hit of a code whose nearest is so many bits away.
#[inline(always)]
fn hit(stored: usize, code: u64, asked: &[u64], bits: u8, most: u8) -> Option<Hit> {
    if bits > most {
        return None;
    }
    let asked = asked.iter().position(|other| (code ^ other).count_ones() == u32::from(bits))?;
    Some(Hit { stored: stored as u8, asked: asked as u16, bits })
}

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "loads through pointers")]
mod x86 {
    use std::arch::x86_64::*;

    use super::{Hit, hit, nearest_from};

    #[target_feature(enable = "avx512f,avx512vl,avx512vpopcntdq,popcnt")]
    pub fn nearest_avx512(stored: &[u64], asked: &[u64], most: u8, hits: &mut Vec<Hit>) {
        const AT_ONCE: usize = 32;
        let farthest = _mm512_set1_epi64(i64::from(most));
        let (blocks, rest) = stored.as_chunks::<AT_ONCE>();
        for (first, block) in (0..).step_by(AT_ONCE).zip(blocks) {
            // SAFETY: the block is 256 readable bytes; the loads need no alignment.
            let codes = [0, 8, 16, 24].map(|at| unsafe { _mm512_loadu_epi64(block[at..].as_ptr().cast()) });
            let mut least = [_mm512_set1_epi64(65); 4];
            for &other in asked {
                let other = _mm512_set1_epi64(other as i64);
                for (least, code) in least.iter_mut().zip(codes) {
                    *least = _mm512_min_epu64(*least, _mm512_popcnt_epi64(_mm512_xor_si512(code, other)));
                }
            }
            for (eight, least) in [0, 8, 16, 24].into_iter().zip(least) {
                let mut near = _mm512_cmple_epu64_mask(least, farthest);
                if near == 0 {
                    continue;
                }
                let mut bits = [0_u64; 8];
                // SAFETY: 64 writable bytes; the store needs no alignment.
                unsafe { _mm512_storeu_epi64(bits.as_mut_ptr().cast(), least) };
                while near != 0 {
                    let lane = near.trailing_zeros() as usize;
                    near &= near - 1;
                    let at = eight + lane;
                    hits.extend(hit(first + at, block[at], asked, bits[lane] as u8, most));
                }
            }
        }
        nearest_from(blocks.len() * AT_ONCE, rest, asked, most, hits);
    }

    /// AVX2 counts no bits: a table lookup counts those of each half byte, and a sum of absolute
    /// differences to zero adds up the bytes of each code.
    #[target_feature(enable = "avx2,popcnt")]
    pub fn nearest_avx2(stored: &[u64], asked: &[u64], most: u8, hits: &mut Vec<Hit>) {
        const AT_ONCE: usize = 8;
        let low_halves = _mm256_set1_epi8(0x0f);
        let bits_of_half = _mm256_setr_epi8(
            0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4,
        );
        let (blocks, rest) = stored.as_chunks::<AT_ONCE>();
        for (first, block) in (0..).step_by(AT_ONCE).zip(blocks) {
            // SAFETY: the block is 64 readable bytes; the loads need no alignment.
            let codes = [0, 4].map(|at| unsafe { _mm256_loadu_si256(block[at..].as_ptr().cast()) });
            let mut least = [_mm256_set1_epi64x(65); 2];
            for &other in asked {
                let other = _mm256_set1_epi64x(other as i64);
                for (least, code) in least.iter_mut().zip(codes) {
                    let differing = _mm256_xor_si256(code, other);
                    let low = _mm256_and_si256(differing, low_halves);
                    let high = _mm256_and_si256(_mm256_srli_epi32::<4>(differing), low_halves);
                    let bits = _mm256_add_epi8(
                        _mm256_shuffle_epi8(bits_of_half, low),
                        _mm256_shuffle_epi8(bits_of_half, high),
                    );
                    // Sums of eight bytes: their upper halves are zero, so 32 bits are compared as well.
                    *least = _mm256_min_epu32(*least, _mm256_sad_epu8(bits, _mm256_setzero_si256()));
                }
            }
            let mut bits = [0_u64; AT_ONCE];
            for (at, least) in [0, 4].into_iter().zip(least) {
                // SAFETY: the four places from `at` on are 32 writable bytes.
                unsafe { _mm256_storeu_si256(bits[at..].as_mut_ptr().cast(), least) };
            }
            for (at, &bits) in bits.iter().enumerate() {
                hits.extend(hit(first + at, block[at], asked, bits as u8, most));
            }
        }
        nearest_from(blocks.len() * AT_ONCE, rest, asked, most, hits);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn all_forms_find_the_same_codes(
            base in any::<u64>(),
            flips in prop::collection::vec(any::<u64>(), 0..160),
            asked in prop::collection::vec(any::<u64>(), 0..40),
            most in 0_u8..=64,
        ) {
            // Products of random words have few bits set: near and far codes in one list.
            let near = |flip: &u64| base ^ (flip & flip.rotate_left(7) & flip.rotate_left(19));
            let stored: Vec<u64> = flips.iter().map(near).collect();
            let asked: Vec<u64> = asked.iter().map(near).collect();
            let found = |form| in_form(form, || {
                let mut hits = Vec::new();
                nearest(&stored, &asked, most, &mut hits);
                hits
            });
            let expect = found(Form::Portable);
            for form in Form::all_here() {
                prop_assert_eq!(found(form), expect.clone(), "{:?}", form);
            }
            for hit in expect {
                let distance = |other: &u64| (stored[usize::from(hit.stored)] ^ other).count_ones();
                prop_assert_eq!(asked.iter().map(distance).min(), Some(u32::from(hit.bits)));
            }
        }

        #[test]
        fn all_forms_blur_alike_and_see_the_same(
            width in 4_usize..70,
            levels in prop::collection::vec(-2.0_f32..2.0, 210),
        ) {
            let levels = &levels[..levels.len() / width * width];
            let blurred = |form| in_form(form, || {
                let mut to = vec![0.0; levels.len()];
                blur(levels, width, &[0.4, 0.2, 0.1], &mut Vec::new(), &mut to);
                to.iter().map(|level| level.to_bits()).collect::<Vec<u32>>()
            });
            let rows = [0, 0, 0].map(|_| [0, 1, 2].map(|y| &levels[(y % (levels.len() / width)) * width..][..width]));
            let flat = vec![0.0; width];
            let rows = [[&flat[..]; 3], rows[1], [&flat[..]; 3]];
            let seen = |form| in_form(form, || {
                let mut places = Vec::new();
                extrema(&rows, 0.5, 1, &mut places);
                places
            });
            for form in Form::all_here() {
                prop_assert_eq!(blurred(form), blurred(Form::Portable), "{:?}", form);
                prop_assert_eq!(seen(form), seen(Form::Portable), "{:?}", form);
            }
        }
    }
}

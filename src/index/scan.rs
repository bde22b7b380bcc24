//! Compares a query with every code of a slice: the kernels, and the choice among them at run time.

use super::collect::Collector;

/// Codes compared between two looks at the collector's reach; also bounds the buffer of hits.
const BLOCK_CODES: usize = 4096;

/// Offers every code within the collector's reach: `offer(collector, index, distance)`, in order.
pub(crate) fn scan(
    codes: &[u64],
    query: u64,
    collector: &mut Collector,
    mut offer: impl FnMut(&mut Collector, usize, u32),
) {
    let find = kernel();
    let mut hits = Vec::new();
    for (block, first) in codes.chunks(BLOCK_CODES).zip((0..).step_by(BLOCK_CODES)) {
        hits.clear();
        find(block, query, collector.reach(), &mut hits);
        for &hit in &hits {
            let index = usize::from(hit);
            offer(collector, first + index, (block[index] ^ query).count_ones());
        }
    }
}

/// Appends the indexes of all codes within `reach` bits of `query`, ascending. At most
/// [`BLOCK_CODES`] codes at a time.
type Find = fn(codes: &[u64], query: u64, reach: u32, hits: &mut Vec<u16>);

fn kernel() -> Find {
    #[cfg(target_arch = "x86_64")]
    {
        // The standard library remembers what it detected: a load and a test each.
        if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vpopcntdq") {
            return x86::find_avx512_detected;
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("popcnt") {
            return x86::find_avx2_detected;
        }
    }
    find_portable
}

fn find_portable(codes: &[u64], query: u64, reach: u32, hits: &mut Vec<u16>) {
    find_from(0, codes, query, reach, hits);
}

#[inline(always)]
fn find_from(first: usize, codes: &[u64], query: u64, reach: u32, hits: &mut Vec<u16>) {
    for (index, code) in (first..).zip(codes) {
        if (code ^ query).count_ones() <= reach {
            hits.push(index as u16);
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "kernels for processors that were asked")]
mod x86 {
    use std::arch::x86_64::*;

    use super::find_from;

    pub fn find_avx512_detected(codes: &[u64], query: u64, reach: u32, hits: &mut Vec<u16>) {
        // SAFETY: `kernel` hands this function out only where the processor has both features.
        unsafe { find_avx512(codes, query, reach, hits) }
    }

    pub fn find_avx2_detected(codes: &[u64], query: u64, reach: u32, hits: &mut Vec<u16>) {
        // SAFETY: `kernel` hands this function out only where the processor has both features.
        unsafe { find_avx2(codes, query, reach, hits) }
    }

    #[target_feature(enable = "avx512f,avx512vpopcntdq")]
    fn find_avx512(codes: &[u64], query: u64, reach: u32, hits: &mut Vec<u16>) {
        let wanted = _mm512_set1_epi64(query as i64);
        let farthest = _mm512_set1_epi64(i64::from(reach));
        let (eights, rest) = codes.as_chunks::<8>();
        for (first, eight) in (0..).step_by(8).zip(eights) {
            // SAFETY: `eight` is 64 readable bytes; the load needs no alignment.
            let found = unsafe { _mm512_loadu_epi64(eight.as_ptr().cast()) };
            let distances = _mm512_popcnt_epi64(_mm512_xor_si512(found, wanted));
            let mut near = u32::from(_mm512_cmple_epu64_mask(distances, farthest));
            while near != 0 {
                hits.push((first + near.trailing_zeros()) as u16);
                near &= near - 1;
            }
        }
        find_from(eights.len() * 8, rest, query, reach, hits);
    }

    /// AVX2 counts no bits: a table lookup counts those of each half byte, and a sum of absolute
    /// differences to zero adds up the bytes of each code.
    #[target_feature(enable = "avx2,popcnt")]
    fn find_avx2(codes: &[u64], query: u64, reach: u32, hits: &mut Vec<u16>) {
        let wanted = _mm256_set1_epi64x(query as i64);
        let too_far = _mm256_set1_epi64x(i64::from(reach) + 1);
        let low_halves = _mm256_set1_epi8(0x0f);
        let bits_of_half = _mm256_setr_epi8(
            0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4,
        );
        let near_of_four = |four: &[u64]| {
            debug_assert_eq!(four.len(), 4);
            // SAFETY: `four` is 32 readable bytes; the load needs no alignment.
            let found = unsafe { _mm256_loadu_si256(four.as_ptr().cast()) };
            let differing = _mm256_xor_si256(found, wanted);
            let low = _mm256_and_si256(differing, low_halves);
            let high = _mm256_and_si256(_mm256_srli_epi32::<4>(differing), low_halves);
            let bits = _mm256_add_epi8(
                _mm256_shuffle_epi8(bits_of_half, low),
                _mm256_shuffle_epi8(bits_of_half, high),
            );
            let distances = _mm256_sad_epu8(bits, _mm256_setzero_si256());
            _mm256_cmpgt_epi64(too_far, distances)
        };
        let (eights, rest) = codes.as_chunks::<8>();
        for (first, eight) in (0..).step_by(8).zip(eights) {
            let (one, two) = (near_of_four(&eight[..4]), near_of_four(&eight[4..]));
            // One branch for eight codes: hits are rare.
            let either = _mm256_or_si256(one, two);
            if _mm256_testz_si256(either, either) == 1 {
                continue;
            }
            let masks = (_mm256_castsi256_pd(one), _mm256_castsi256_pd(two));
            let mut near = (_mm256_movemask_pd(masks.0) | _mm256_movemask_pd(masks.1) << 4) as u32;
            while near != 0 {
                hits.push((first + near.trailing_zeros()) as u16);
                near &= near - 1;
            }
        }
        find_from(eights.len() * 8, rest, query, reach, hits);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn all_kernels_find_what_the_portable_one_finds(
            base in any::<u64>(),
            flips in prop::collection::vec(any::<u64>(), 0..200),
            reach in 0_u32..=64,
        ) {
            // Products of random words have few bits set: near and far codes in one list.
            let codes: Vec<u64> =
                flips.iter().enumerate().map(|(i, f)| base ^ (f & f.rotate_left(i as u32))).collect();
            let mut expect = Vec::new();
            find_portable(&codes, base, reach, &mut expect);
            for find in kernels() {
                let mut hits = Vec::new();
                find(&codes, base, reach, &mut hits);
                prop_assert_eq!(&hits, &expect);
            }
        }
    }

    /// Every kernel this machine can run.
    fn kernels() -> Vec<Find> {
        let mut kernels = vec![kernel()];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") {
                kernels.push(x86::find_avx2_detected);
            }
            if is_x86_feature_detected!("avx512vpopcntdq") {
                kernels.push(x86::find_avx512_detected);
            } else {
                eprintln!("this machine has no AVX-512 VPOPCNTDQ: that kernel is not tested here");
            }
        }
        kernels
    }
}

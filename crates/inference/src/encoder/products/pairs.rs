//! How does a processor with AVX2 multiply?
//!
//! Two numbers of 16 bits by two, added up in one step. Its products of bytes are no use here: they add two up in 16 bits, and
//! cut what does not fit. The weights lie as bytes, two rows deep and eight columns wide, and are widened as they are read:
//! reading half as much is worth more than the step that it takes.

use std::arch::x86_64::{
    __m256i, _mm_set_epi64x, _mm256_add_epi32, _mm256_cvtepi8_epi16, _mm256_cvtps_epi32, _mm256_madd_epi16,
    _mm256_max_epi32, _mm256_min_epi32, _mm256_mul_ps, _mm256_or_si256, _mm256_set1_epi32, _mm256_set1_ps,
    _mm256_setzero_si256, _mm256_srli_epi64,
};

use fearless_simd::prelude::*;
use fearless_simd::x86::Avx2;
use fearless_simd::{f32x8, i32x8, kernel};

use super::{Part, Product, Quantised, Target, by_rows, tiles_of};

/// Columns computed at once: one register.
const COLUMNS: usize = 8;

/// Numbers of a row multiplied and added up in one step.
pub(super) const DEPTH: usize = 2;

/// A register's worth of weights, before they are widened.
#[derive(Clone, Copy)]
#[repr(align(16))]
pub(super) struct Lanes([i64; 2]);

/// A part's weights by eight columns, by two rows.
pub(super) fn lay(depth: usize, part: &Part<'_>) -> Vec<Lanes> {
    let columns = part.scales.len();
    let mut weights = Vec::with_capacity(columns / COLUMNS * depth / DEPTH);
    for first in (0..columns).step_by(COLUMNS) {
        for row in (0..depth).step_by(DEPTH) {
            let byte = |at: usize| part.weight(row + at % DEPTH, first + at / DEPTH);
            let half = |half: usize| i64::from_le_bytes(std::array::from_fn(|at| byte(half * 8 + at)));
            weights.push(Lanes([half(0), half(1)]));
        }
    }
    weights
}

kernel!(
    pub(super) fn quantise(processor: Avx2, numbers: &[f32], into: &mut Quantised) {
        let steps = into.depth / DEPTH;
        let (inverse, zero) = (_mm256_set1_ps(1.0 / into.scale), _mm256_set1_epi32(i32::from(into.zero)));
        let (none, most) = (_mm256_setzero_si256(), _mm256_set1_epi32(255));
        for tile in tiles_of(into.count) {
            let rows = tile.len();
            let Some(tiles) = into.tiles.get_mut(tile.start * steps..tile.end * steps) else { return };
            for (row, place) in tile.enumerate() {
                let Some(numbers) = numbers.get(place * into.depth..(place + 1) * into.depth) else { return };
                let places = tiles.chunks_exact_mut(rows * 8 / DEPTH);
                for (numbers, places) in numbers.as_chunks::<8>().0.iter().zip(places) {
                    let numbers: f32x8<Avx2> = (*numbers).simd_into(processor);
                    // Rounded to the nearest, to even where two are.
                    let whole = _mm256_cvtps_epi32(_mm256_mul_ps(numbers.into(), inverse));
                    let whole = _mm256_min_epi32(_mm256_max_epi32(_mm256_add_epi32(whole, zero), none), most);
                    // Each second number above the one before it.
                    let pairs: i32x8<Avx2> =
                        _mm256_or_si256(whole, _mm256_srli_epi64::<16>(whole)).simd_into(processor);
                    let pairs: [i32; 8] = pairs.into();
                    let places = places.iter_mut().skip(row).step_by(rows);
                    for (place, pair) in places.zip(pairs.into_iter().step_by(DEPTH)) {
                        *place = pair;
                    }
                }
            }
        }
    }
);

kernel!(
    pub(super) fn multiply(
        processor: Avx2,
        product: &Product,
        weights: &[Lanes],
        rows: &Quantised,
        out: &mut [f32],
    ) {
        let steps = product.depth / DEPTH;
        for (panel, weights) in weights.chunks_exact(steps.max(1)).enumerate() {
            for tile in tiles_of(rows.count) {
                let pairs = rows.tiles.get(tile.start * steps..tile.end * steps).unwrap_or_default();
                let target = Target { product, rows, first: tile.start, column: panel * COLUMNS };
                by_rows!(tile.len(), compute, processor, pairs, weights, &target, out);
            }
        }
    }
);

/// The products of `ROWS` rows with eight columns; loops as plain as in [`super::bytes`].
#[allow(clippy::needless_range_loop, reason = "an iterator's adapters are calls where they are not inlined")]
#[target_feature(enable = "avx2,fma")]
#[inline]
fn compute<const ROWS: usize>(
    processor: Avx2,
    pairs: &[i32],
    weights: &[Lanes],
    target: &Target<'_>,
    out: &mut [f32],
) {
    let mut sums: [__m256i; ROWS] = [_mm256_setzero_si256(); ROWS];
    for (pairs, Lanes([low, high])) in pairs.as_chunks::<ROWS>().0.iter().zip(weights) {
        // Two halves that lie side by side: the compiler reads them at once, and an array of bytes by way of the stack.
        let weights = _mm256_cvtepi8_epi16(_mm_set_epi64x(*high, *low));
        for row in 0..ROWS {
            let products = _mm256_madd_epi16(_mm256_set1_epi32(pairs[row]), weights);
            sums[row] = _mm256_add_epi32(sums[row], products);
        }
    }
    for row in 0..ROWS {
        let sums: i32x8<Avx2> = sums[row].simd_into(processor);
        let sums: [i32; COLUMNS] = sums.into();
        target.put(&sums, row, 0, out);
    }
}

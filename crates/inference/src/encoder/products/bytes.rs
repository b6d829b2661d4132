//! How does a processor with AVX-512 VNNI multiply?
//!
//! Four unsigned by four signed bytes, added up in one step. The weights lie four rows deep, 32 columns wide.

use std::arch::x86_64::{
    __m512i, _mm512_add_epi32, _mm512_cvtepi32_epi8, _mm512_cvtps_epi32, _mm512_dpbusd_epi32,
    _mm512_max_epi32, _mm512_min_epi32, _mm512_mul_ps, _mm512_set1_epi32, _mm512_set1_ps,
    _mm512_setzero_si512,
};

use fearless_simd::prelude::*;
use fearless_simd::x86::Avx512;
use fearless_simd::{f32x16, i32x4, i32x16, kernel};

use super::{Part, Product, Quantised, Target, by_rows, tiles_of};

/// Columns computed at once: two registers.
pub(super) const COLUMNS: usize = 32;

/// Bytes of a row multiplied and added up in one step.
pub(super) const DEPTH: usize = 4;

/// Two registers' worth of weights, as they lie in the cache.
#[derive(Clone, Copy)]
#[repr(align(64))]
pub(super) struct Lanes([[i32; 16]; 2]);

/// A part's weights by 32 columns, by four rows.
pub(super) fn lay(depth: usize, part: &Part<'_>) -> Vec<Lanes> {
    let columns = part.scales.len();
    let mut weights = Vec::with_capacity(columns / COLUMNS * depth / DEPTH);
    for first in (0..columns).step_by(COLUMNS) {
        for row in (0..depth).step_by(DEPTH) {
            let lane = |column: usize| {
                i32::from_le_bytes(std::array::from_fn(|deeper| part.weight(row + deeper, first + column)))
            };
            let lanes = |half: usize| std::array::from_fn(|column| lane(half * 16 + column));
            weights.push(Lanes([lanes(0), lanes(1)]));
        }
    }
    weights
}

kernel!(
    pub(super) fn quantise(processor: Avx512, numbers: &[f32], into: &mut Quantised) {
        let steps = into.depth / DEPTH;
        let (inverse, zero) = (_mm512_set1_ps(1.0 / into.scale), _mm512_set1_epi32(i32::from(into.zero)));
        let (none, most) = (_mm512_setzero_si512(), _mm512_set1_epi32(255));
        for tile in tiles_of(into.count) {
            let rows = tile.len();
            let Some(tiles) = into.tiles.get_mut(tile.start * steps..tile.end * steps) else { return };
            for (row, place) in tile.enumerate() {
                let Some(numbers) = numbers.get(place * into.depth..(place + 1) * into.depth) else { return };
                let places = tiles.chunks_exact_mut(rows * DEPTH);
                for (numbers, places) in numbers.as_chunks::<16>().0.iter().zip(places) {
                    let numbers: f32x16<Avx512> = (*numbers).simd_into(processor);
                    // Rounded to the nearest, to even where two are.
                    let whole = _mm512_cvtps_epi32(_mm512_mul_ps(numbers.into(), inverse));
                    let whole = _mm512_min_epi32(_mm512_max_epi32(_mm512_add_epi32(whole, zero), none), most);
                    let bytes: i32x4<Avx512> = _mm512_cvtepi32_epi8(whole).simd_into(processor);
                    let bytes: [i32; 4] = bytes.into();
                    for (place, bytes) in places.iter_mut().skip(row).step_by(rows).zip(bytes) {
                        *place = bytes;
                    }
                }
            }
        }
    }
);

kernel!(
    pub(super) fn multiply(
        processor: Avx512,
        product: &Product,
        weights: &[Lanes],
        rows: &Quantised,
        out: &mut [f32],
    ) {
        let steps = product.depth / DEPTH;
        for (panel, weights) in weights.chunks_exact(steps.max(1)).enumerate() {
            for tile in tiles_of(rows.count) {
                let bytes = rows.tiles.get(tile.start * steps..tile.end * steps).unwrap_or_default();
                let target = Target { product, rows, first: tile.start, column: panel * COLUMNS };
                by_rows!(tile.len(), compute, processor, bytes, weights, &target, out);
            }
        }
    }
);

/// The products of `ROWS` rows with 32 columns. Plain loops: a closure handed to another function is compiled apart, and
/// called for each row.
#[allow(clippy::needless_range_loop, reason = "an iterator's adapters are calls where they are not inlined")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
#[inline]
fn compute<const ROWS: usize>(
    processor: Avx512,
    bytes: &[i32],
    weights: &[Lanes],
    target: &Target<'_>,
    out: &mut [f32],
) {
    let mut sums: [[__m512i; 2]; ROWS] = [[_mm512_setzero_si512(); 2]; ROWS];
    for (bytes, Lanes([left, right])) in bytes.as_chunks::<ROWS>().0.iter().zip(weights) {
        let left: i32x16<Avx512> = (*left).simd_into(processor);
        let right: i32x16<Avx512> = (*right).simd_into(processor);
        let (left, right): (__m512i, __m512i) = (left.into(), right.into());
        for row in 0..ROWS {
            let bytes = _mm512_set1_epi32(bytes[row]);
            sums[row][0] = _mm512_dpbusd_epi32(sums[row][0], bytes, left);
            sums[row][1] = _mm512_dpbusd_epi32(sums[row][1], bytes, right);
        }
    }
    for row in 0..ROWS {
        for half in 0..2 {
            let sums: i32x16<Avx512> = sums[row][half].simd_into(processor);
            let sums: [i32; 16] = sums.into();
            target.put(&sums, row, half * 16, out);
        }
    }
}

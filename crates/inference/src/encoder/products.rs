//! What are the products of quantised rows and the model's eight-bit weights?
//!
//! The processor multiplies four unsigned by four signed bytes and adds them up in one step (AVX-512 VNNI). The weights
//! lie as it takes them: four rows deep, 32 columns wide. As many rows as fit into its registers are computed at once,
//! so that a question's few rows read each weight once: reading them is most of a question's time.

use std::arch::x86_64::{
    __m512i, _mm512_add_epi32, _mm512_cvtepi32_epi8, _mm512_cvtps_epi32, _mm512_dpbusd_epi32,
    _mm512_max_epi32, _mm512_min_epi32, _mm512_mul_ps, _mm512_set1_epi32, _mm512_set1_ps,
    _mm512_setzero_si512,
};

use fearless_simd::prelude::*;
use fearless_simd::x86::Avx512;
use fearless_simd::{f32x16, i32x4, i32x16, kernel};
use rten_simd::SimdOp;
use rten_vecmath::MinMax;

/// Columns computed at once: two registers.
const COLUMNS: usize = 32;

/// Bytes multiplied and added up in one step.
const DEPTH: usize = 4;

/// Rows computed at once: with two registers each, 24 of the 32 that there are; the weights and a row's bytes need three.
const MOST_ROWS: usize = 12;

/// A register's worth of weights, as it lies in the cache.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Lanes([i32; 16]);

/// A matrix of weights of 8 bits with what makes numbers of its products.
pub(super) struct Product {
    depth: usize,
    columns: usize,
    /// By 32 columns, by four rows.
    weights: Vec<[Lanes; 2]>,
    /// Of each column, for the rows' zero points.
    sums: Vec<i32>,
    scales: Vec<f32>,
    bias: Vec<f32>,
}

/// Matrices side by side, as the file holds them: weights by row, scale and bias by column.
pub(super) struct Part<'a> {
    pub weights: &'a [u8],
    pub scales: Vec<f32>,
    pub bias: Vec<f32>,
}

impl Product {
    /// Of matrices that share their rows, side by side; none when a size does not fit.
    pub fn of(depth: usize, parts: Vec<Part<'_>>) -> Option<Product> {
        let columns: usize = parts.iter().map(|part| part.scales.len()).sum();
        let fits = |part: &Part<'_>| {
            part.bias.len() == part.scales.len()
                && part.scales.len().is_multiple_of(COLUMNS)
                && part.weights.len() == depth * part.scales.len()
        };
        if !depth.is_multiple_of(4 * DEPTH) || !parts.iter().all(fits) {
            return None;
        }
        let mut product = Product {
            depth,
            columns,
            weights: Vec::with_capacity(columns / COLUMNS * depth / DEPTH),
            sums: Vec::with_capacity(columns),
            scales: Vec::with_capacity(columns),
            bias: Vec::with_capacity(columns),
        };
        for part in parts {
            product.put(part);
        }
        Some(product)
    }

    fn put(&mut self, part: Part<'_>) {
        let columns = part.scales.len();
        let at = |row: usize, column: usize| part.weights.get(row * columns + column).copied().unwrap_or(0);
        for first in (0..columns).step_by(COLUMNS) {
            for row in (0..self.depth).step_by(DEPTH) {
                let lane = |column: usize| {
                    i32::from_le_bytes(std::array::from_fn(|deeper| at(row + deeper, first + column)))
                };
                let lanes = |half: usize| Lanes(std::array::from_fn(|column| lane(half * 16 + column)));
                self.weights.push([lanes(0), lanes(1)]);
            }
        }
        let sum = |column: usize| (0..self.depth).map(|row| i32::from(at(row, column) as i8)).sum::<i32>();
        self.sums.extend((0..columns).map(sum));
        self.scales.extend(part.scales);
        self.bias.extend(part.bias);
    }

    /// The product with every row, with scale and bias.
    pub fn with(&self, processor: Avx512, rows: &Quantised) -> Vec<f32> {
        let mut out = vec![0.0; rows.count * self.columns];
        multiply(processor, self, rows, &mut out);
        out
    }
}

/// Rows brought to 8 bits, with one scale for all of them.
pub(super) struct Quantised {
    count: usize,
    depth: usize,
    scale: f32,
    zero: u8,
    /// By at most [`MOST_ROWS`] rows, by four bytes: those of each row one after another.
    tiles: Vec<i32>,
}

impl Quantised {
    /// Of rows of `depth` numbers each, as ONNX's DynamicQuantizeLinear does it.
    pub fn of(processor: Avx512, numbers: &[f32], depth: usize) -> Quantised {
        let (least, most) = MinMax::new(numbers).dispatch();
        let (least, most) = (least.min(0.0), most.max(0.0));
        let scale = (most - least) / 255.0;
        let zero = (0.0 - least / scale).clamp(0.0, 255.0).round_ties_even() as u8;
        let count = numbers.len() / depth.max(1);
        let mut quantised = Quantised { count, depth, scale, zero, tiles: vec![0; numbers.len() / DEPTH] };
        quantise(processor, numbers, &mut quantised);
        quantised
    }
}

kernel!(
    fn quantise(processor: Avx512, numbers: &[f32], into: &mut Quantised) {
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

/// Rows that are computed together: as few tiles as possible, as even as possible.
fn tiles_of(count: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    let tiles = count.div_ceil(MOST_ROWS).max(1);
    (0..tiles).map(move |tile| count * tile / tiles..count * (tile + 1) / tiles)
}

kernel!(
    fn multiply(processor: Avx512, product: &Product, rows: &Quantised, out: &mut [f32]) {
        if rows.depth != product.depth {
            return;
        }
        let panels = product.weights.chunks_exact((product.depth / DEPTH).max(1));
        for (panel, weights) in panels.enumerate() {
            let columns = panel * COLUMNS..(panel + 1) * COLUMNS;
            for tile in tiles_of(rows.count) {
                let steps = product.depth / DEPTH;
                let bytes = rows.tiles.get(tile.start * steps..tile.end * steps).unwrap_or_default();
                let target = Target { product, rows, first: tile.start, columns: columns.clone() };
                match tile.len() {
                    1 => compute::<1>(processor, bytes, weights, &target, out),
                    2 => compute::<2>(processor, bytes, weights, &target, out),
                    3 => compute::<3>(processor, bytes, weights, &target, out),
                    4 => compute::<4>(processor, bytes, weights, &target, out),
                    5 => compute::<5>(processor, bytes, weights, &target, out),
                    6 => compute::<6>(processor, bytes, weights, &target, out),
                    7 => compute::<7>(processor, bytes, weights, &target, out),
                    8 => compute::<8>(processor, bytes, weights, &target, out),
                    9 => compute::<9>(processor, bytes, weights, &target, out),
                    10 => compute::<10>(processor, bytes, weights, &target, out),
                    11 => compute::<11>(processor, bytes, weights, &target, out),
                    12 => compute::<12>(processor, bytes, weights, &target, out),
                    _ => {}
                }
            }
        }
    }
);

/// The 32 numbers from a column on.
#[inline(always)]
fn part<T>(numbers: &[T], start: usize) -> Option<&[T; COLUMNS]> {
    numbers.get(start..)?.first_chunk()
}

/// Where a tile's sums go, and what makes numbers of them.
struct Target<'a> {
    product: &'a Product,
    rows: &'a Quantised,
    first: usize,
    columns: std::ops::Range<usize>,
}

/// The products of `ROWS` rows with 32 columns. Plain loops: a closure handed to another function is compiled apart, and
/// called for each row.
#[allow(clippy::needless_range_loop, reason = "an iterator's adapters are calls where they are not inlined")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
#[inline]
fn compute<const ROWS: usize>(
    processor: Avx512,
    bytes: &[i32],
    weights: &[[Lanes; 2]],
    target: &Target<'_>,
    out: &mut [f32],
) {
    let mut sums: [[__m512i; 2]; ROWS] = [[_mm512_setzero_si512(); 2]; ROWS];
    for (bytes, [left, right]) in bytes.as_chunks::<ROWS>().0.iter().zip(weights) {
        let left: i32x16<Avx512> = left.0.simd_into(processor);
        let right: i32x16<Avx512> = right.0.simd_into(processor);
        let (left, right): (__m512i, __m512i) = (left.into(), right.into());
        for row in 0..ROWS {
            let bytes = _mm512_set1_epi32(bytes[row]);
            sums[row][0] = _mm512_dpbusd_epi32(sums[row][0], bytes, left);
            sums[row][1] = _mm512_dpbusd_epi32(sums[row][1], bytes, right);
        }
    }
    let Target { product, rows, first, columns } = target;
    let Some(column_sums) = part(&product.sums, columns.start) else { return };
    let (Some(scales), Some(bias)) =
        (part(&product.scales, columns.start), part(&product.bias, columns.start))
    else {
        return;
    };
    for row in 0..ROWS {
        let left: i32x16<Avx512> = sums[row][0].simd_into(processor);
        let right: i32x16<Avx512> = sums[row][1].simd_into(processor);
        let (left, right): ([i32; 16], [i32; 16]) = (left.into(), right.into());
        let start = (first + row) * product.columns + columns.start;
        let Some(out) = out.get_mut(start..).and_then(|out| out.first_chunk_mut::<COLUMNS>()) else { return };
        let zero = i32::from(rows.zero);
        // Nothing here can leave 32 bits; said so, the compiler computes sixteen at once in every profile.
        for column in 0..16 {
            let sum = left[column].wrapping_sub(zero.wrapping_mul(column_sums[column]));
            out[column] = sum as f32 * (rows.scale * scales[column]) + bias[column];
        }
        for column in 0..16 {
            let sum = right[column].wrapping_sub(zero.wrapping_mul(column_sums[column + 16]));
            out[column + 16] = sum as f32 * (rows.scale * scales[column + 16]) + bias[column + 16];
        }
    }
}

//! What are the products of quantised rows and the model's eight-bit weights?
//!
//! The weights lie as the processor takes them: some rows deep, some columns wide. As many rows as fit into its registers are
//! computed at once, so that a question's few rows read each weight once: reading them is most of a question's time. The
//! sums are exact on either processor.

mod bytes;
mod pairs;

use rten_simd::SimdOp;
use rten_vecmath::MinMax;

use super::processor::Processor;

/// Rows computed at once. 12: their sums take 24 of AVX-512's 32 registers, and 12 of AVX2's 16; the weights and a row's
/// numbers need the others.
const MOST_ROWS: usize = 12;

/// A matrix of weights of 8 bits with what makes numbers of its products.
pub(super) struct Product {
    depth: usize,
    columns: usize,
    weights: Weights,
    /// Of each column, for the rows' zero points.
    sums: Vec<i32>,
    scales: Vec<f32>,
    bias: Vec<f32>,
}

/// Weights as a processor takes them, by panels of columns, by steps of rows.
enum Weights {
    Bytes(Vec<bytes::Lanes>),
    Pairs(Vec<pairs::Lanes>),
}

/// Matrices side by side, as the file holds them: weights by row, scale and bias by column.
pub(super) struct Part<'a> {
    pub weights: &'a [u8],
    pub scales: Vec<f32>,
    pub bias: Vec<f32>,
}

impl Part<'_> {
    fn weight(&self, row: usize, column: usize) -> u8 {
        self.weights.get(row * self.scales.len() + column).copied().unwrap_or(0)
    }
}

impl Product {
    /// Of matrices that share their rows, side by side; none when a size does not fit.
    pub fn of(processor: Processor, depth: usize, parts: Vec<Part<'_>>) -> Option<Product> {
        let columns: usize = parts.iter().map(|part| part.scales.len()).sum();
        let fits = |part: &Part<'_>| {
            part.bias.len() == part.scales.len()
                && part.scales.len().is_multiple_of(bytes::COLUMNS)
                && part.weights.len() == depth * part.scales.len()
        };
        if !depth.is_multiple_of(16) || !parts.iter().all(fits) {
            return None;
        }
        let weights = match processor {
            Processor::Avx512(_) => {
                Weights::Bytes(parts.iter().flat_map(|part| bytes::lay(depth, part)).collect())
            }
            Processor::Avx2(_) => {
                Weights::Pairs(parts.iter().flat_map(|part| pairs::lay(depth, part)).collect())
            }
        };
        let sum = |part: &Part<'_>, column: usize| {
            (0..depth).map(|row| i32::from(part.weight(row, column) as i8)).sum::<i32>()
        };
        let sums = parts.iter().flat_map(|part| (0..part.scales.len()).map(move |column| sum(part, column)));
        Some(Product {
            depth,
            columns,
            weights,
            sums: sums.collect(),
            scales: parts.iter().flat_map(|part| part.scales.iter().copied()).collect(),
            bias: parts.iter().flat_map(|part| part.bias.iter().copied()).collect(),
        })
    }

    /// The product with every row, with scale and bias.
    pub fn with(&self, processor: Processor, rows: &Quantised) -> Vec<f32> {
        let mut out = vec![0.0; rows.count * self.columns];
        if rows.depth == self.depth {
            match (processor, &self.weights) {
                (Processor::Avx512(simd), Weights::Bytes(weights)) => {
                    bytes::multiply(simd, self, weights, rows, &mut out);
                }
                (Processor::Avx2(simd), Weights::Pairs(weights)) => {
                    pairs::multiply(simd, self, weights, rows, &mut out);
                }
                // Both are laid out by `of`, for the processor that the program runs on.
                _ => {}
            }
        }
        out
    }
}

/// Rows brought to 8 bits, with one scale for all of them.
pub(super) struct Quantised {
    count: usize,
    depth: usize,
    scale: f32,
    zero: u8,
    /// By at most [`MOST_ROWS`] rows, by what the processor takes of a row in one step: those of each row one after another.
    tiles: Vec<i32>,
}

impl Quantised {
    /// Of rows of `depth` numbers each, as ONNX's DynamicQuantizeLinear does it.
    pub fn of(processor: Processor, numbers: &[f32], depth: usize) -> Quantised {
        let (least, most) = MinMax::new(numbers).dispatch();
        let (least, most) = (least.min(0.0), most.max(0.0));
        let scale = (most - least) / 255.0;
        let zero = (0.0 - least / scale).clamp(0.0, 255.0).round_ties_even() as u8;
        let count = numbers.len() / depth.max(1);
        let in_one = match processor {
            Processor::Avx512(_) => bytes::DEPTH,
            Processor::Avx2(_) => pairs::DEPTH,
        };
        let mut quantised = Quantised { count, depth, scale, zero, tiles: vec![0; numbers.len() / in_one] };
        match processor {
            Processor::Avx512(simd) => bytes::quantise(simd, numbers, &mut quantised),
            Processor::Avx2(simd) => pairs::quantise(simd, numbers, &mut quantised),
        }
        quantised
    }
}

/// Rows that are computed together: as few tiles as possible, as even as possible.
fn tiles_of(count: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    let tiles = count.div_ceil(MOST_ROWS).max(1);
    (0..tiles).map(move |tile| count * tile / tiles..count * (tile + 1) / tiles)
}

/// Calls a function with the number of rows as a constant: sums that stand in registers must be counted by the compiler.
macro_rules! by_rows {
    ($rows:expr, $compute:ident, $($argument:expr),+) => {
        match $rows {
            1 => $compute::<1>($($argument),+),
            2 => $compute::<2>($($argument),+),
            3 => $compute::<3>($($argument),+),
            4 => $compute::<4>($($argument),+),
            5 => $compute::<5>($($argument),+),
            6 => $compute::<6>($($argument),+),
            7 => $compute::<7>($($argument),+),
            8 => $compute::<8>($($argument),+),
            9 => $compute::<9>($($argument),+),
            10 => $compute::<10>($($argument),+),
            11 => $compute::<11>($($argument),+),
            12 => $compute::<12>($($argument),+),
            _ => {}
        }
    };
}
use by_rows;

/// Where a tile's sums go, and what makes numbers of them.
struct Target<'a> {
    product: &'a Product,
    rows: &'a Quantised,
    /// First row of the tile, and first column of the panel.
    first: usize,
    column: usize,
}

impl Target<'_> {
    /// Writes the sums of one row of the tile, from a column of the panel on.
    #[inline(always)]
    fn put<const N: usize>(&self, sums: &[i32; N], row: usize, column: usize, out: &mut [f32]) {
        let Target { product, rows, first, column: panel } = *self;
        let start = panel + column;
        let (Some(column_sums), Some(scales), Some(bias)) = (
            part::<_, N>(&product.sums, start),
            part::<_, N>(&product.scales, start),
            part::<_, N>(&product.bias, start),
        ) else {
            return;
        };
        let place = (first + row) * product.columns + start;
        let Some(out) = out.get_mut(place..).and_then(|out| out.first_chunk_mut::<N>()) else { return };
        let zero = i32::from(rows.zero);
        // Nothing here can leave 32 bits; said so, the compiler computes a register at once in every profile.
        for column in 0..N {
            let sum = sums[column].wrapping_sub(zero.wrapping_mul(column_sums[column]));
            out[column] = sum as f32 * (rows.scale * scales[column]) + bias[column];
        }
    }
}

/// The `N` numbers from a column on.
#[inline(always)]
fn part<T, const N: usize>(numbers: &[T], start: usize) -> Option<&[T; N]> {
    numbers.get(start..)?.first_chunk()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that look random and are the same each time.
    fn random(state: &mut u64) -> u64 {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        *state >> 16
    }

    #[test]
    fn products_are_exact_for_any_number_of_rows_and_the_largest_weights() {
        let (depth, columns) = (48, 64);
        let mut state = 7;
        // All that eight bits hold, and runs of the largest: what overflows in 16 bits.
        let weights: Vec<u8> =
            (0..depth * columns)
                .map(|at| {
                    if at % 3 == 0 {
                        random(&mut state) as u8
                    } else {
                        127u8.wrapping_add((at % 2) as u8 * 2)
                    }
                })
                .collect();
        let scales: Vec<f32> = (0..columns).map(|column| 0.01 + column as f32 * 0.001).collect();
        let bias: Vec<f32> = (0..columns).map(|column| column as f32 - 30.0).collect();
        let processors = [Processor::here(), Processor::lesser()];
        for processor in processors.into_iter().flatten() {
            let part = || Part { weights: &weights, scales: scales.clone(), bias: bias.clone() };
            let product = Product::of(processor, depth, vec![part(), part()]).unwrap();
            for count in 1..=40 {
                let numbers: Vec<f32> = (0..count * depth)
                    .map(|_| random(&mut state) as f32 / 2f32.powi(48) * 9.0 - 1.0)
                    .collect();
                let quantised = Quantised::of(processor, &numbers, depth);
                let (scale, zero) = (quantised.scale, i32::from(quantised.zero));
                let byte = |row: usize, at: usize| {
                    let whole = (numbers[row * depth + at] * (1.0 / scale)).round_ties_even() as i32;
                    (whole + zero).clamp(0, 255) - zero
                };
                let number = |row: usize, column: usize| {
                    let column = column % columns;
                    let weight = |at: usize| i32::from(weights[at * columns + column] as i8);
                    let sum: i32 = (0..depth).map(|at| byte(row, at) * weight(at)).sum();
                    sum as f32 * (scale * scales[column]) + bias[column]
                };
                let expected: Vec<f32> = (0..count)
                    .flat_map(|row| (0..2 * columns).map(move |column| (row, column)))
                    .map(|(row, column)| number(row, column))
                    .collect();
                assert_eq!(product.with(processor, &quantised), expected, "{count} rows");
            }
        }
    }
}

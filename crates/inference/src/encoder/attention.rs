//! How much does each token of a text look at each other?
//!
//! Sums are added up one after another, as rten does it: the vectors are the same to the last bit.

use std::arch::x86_64::{
    __m512, _mm512_add_ps, _mm512_fmadd_ps, _mm512_mul_ps, _mm512_set1_ps, _mm512_setzero_ps,
};

use fearless_simd::prelude::*;
use fearless_simd::x86::Avx512;
use fearless_simd::{f32x16, kernel};
use rten_simd::SimdOp;
use rten_vecmath::Softmax;

/// Heads, and numbers of each.
const HEADS: usize = 12;
const WIDTH: usize = 32;
const MODEL: usize = HEADS * WIDTH;

/// Questions, keys and values of a token, one after another.
pub(super) const QKV: usize = 3 * MODEL;

/// One through the root of [`WIDTH`].
const SCALE: f32 = 0.176_776_69;

/// Tokens computed at once.
const ROWS: usize = 4;

/// Keys whose shares of the values are added up before they are added to those before: rten's block.
const BLOCK: usize = 256;

/// A register.
const LANES: usize = 16;

/// The values of all tokens, mixed for each, from [`QKV`] numbers for each; [`MODEL`] numbers for each.
pub(super) fn attend(processor: Avx512, qkv: &[f32]) -> Vec<f32> {
    let tokens = qkv.len() / QKV;
    let padded = tokens.next_multiple_of(LANES);
    let mut mixed = vec![0.0; tokens * MODEL];
    let mut keys = vec![0.0; WIDTH * padded];
    let mut shares = vec![0.0; ROWS * padded];
    for head in 0..HEADS {
        for (token, numbers) in qkv.as_chunks::<QKV>().0.iter().enumerate() {
            let key = numbers.iter().skip(MODEL + head * WIDTH).take(WIDTH);
            for (key, keys) in key.zip(keys.chunks_exact_mut(padded)) {
                if let Some(entry) = keys.get_mut(token) {
                    *entry = *key;
                }
            }
        }
        for first in (0..tokens).step_by(ROWS) {
            let rows = first..(first + ROWS).min(tokens);
            compare(processor, qkv, head, rows.clone(), &keys, &mut shares);
            for shares in shares.chunks_exact_mut(padded).take(rows.len()) {
                if let Some(shares) = shares.get_mut(..tokens) {
                    Softmax::new_mut(shares).dispatch();
                }
            }
            mix(processor, qkv, head, rows, &shares, &mut mixed);
        }
    }
    mixed
}

const NONE: [f32; WIDTH] = [0.0; WIDTH];

/// The numbers of a head in a token's questions (0), keys (1) or values (2).
#[inline(always)]
fn part(qkv: &[f32], token: usize, which: usize, head: usize) -> &[f32; WIDTH] {
    let start = token * QKV + which * MODEL + head * WIDTH;
    qkv.get(start..).and_then(|numbers| numbers.first_chunk()).unwrap_or(&NONE)
}

kernel!(
    #[allow(clippy::needless_range_loop, reason = "adapters are calls where they are not inlined")]
    fn compare(
        processor: Avx512,
        qkv: &[f32],
        head: usize,
        rows: std::ops::Range<usize>,
        keys: &[f32],
        scores: &mut [f32],
    ) {
        let padded = keys.len() / WIDTH;
        // Where there are fewer tokens, the last is computed several times.
        let last = rows.end - 1;
        let mut questions = [&NONE; ROWS];
        for row in 0..ROWS {
            questions[row] = part(qkv, (rows.start + row).min(last), 0, head);
        }
        let scale = _mm512_set1_ps(SCALE);
        for first in (0..padded).step_by(LANES) {
            let mut sums: [__m512; ROWS] = [_mm512_setzero_ps(); ROWS];
            for (depth, keys) in keys.chunks_exact(padded).enumerate() {
                let Some(keys) = keys.get(first..).and_then(|keys| keys.first_chunk::<LANES>()) else {
                    return;
                };
                let keys: f32x16<Avx512> = (*keys).simd_into(processor);
                let keys: __m512 = keys.into();
                for row in 0..ROWS {
                    sums[row] =
                        _mm512_fmadd_ps(_mm512_set1_ps(questions[row][depth % WIDTH]), keys, sums[row]);
                }
            }
            for (sum, scores) in sums.into_iter().zip(scores.chunks_exact_mut(padded)) {
                let sum: f32x16<Avx512> = _mm512_mul_ps(sum, scale).simd_into(processor);
                if let Some(scores) = scores.get_mut(first..).and_then(|scores| scores.first_chunk_mut()) {
                    *scores = sum.into();
                }
            }
        }
    }
);

kernel!(
    #[allow(clippy::needless_range_loop, reason = "adapters are calls where they are not inlined")]
    fn mix(
        processor: Avx512,
        qkv: &[f32],
        head: usize,
        rows: std::ops::Range<usize>,
        shares: &[f32],
        mixed: &mut [f32],
    ) {
        let (tokens, padded) = (qkv.len() / QKV, shares.len() / ROWS);
        let mut totals: [[__m512; 2]; ROWS] = [[_mm512_setzero_ps(); 2]; ROWS];
        for first in (0..tokens).step_by(BLOCK) {
            let mut sums: [[__m512; 2]; ROWS] = [[_mm512_setzero_ps(); 2]; ROWS];
            for token in first..(first + BLOCK).min(tokens) {
                let (halves, _) = part(qkv, token, 2, head).as_chunks::<LANES>();
                let left: f32x16<Avx512> = halves[0].simd_into(processor);
                let right: f32x16<Avx512> = halves[1].simd_into(processor);
                let (left, right): (__m512, __m512) = (left.into(), right.into());
                for row in 0..ROWS {
                    let share = match shares.get(row * padded + token) {
                        Some(share) => _mm512_set1_ps(*share),
                        None => return,
                    };
                    sums[row][0] = _mm512_fmadd_ps(share, left, sums[row][0]);
                    sums[row][1] = _mm512_fmadd_ps(share, right, sums[row][1]);
                }
            }
            for (totals, sums) in totals.iter_mut().zip(sums) {
                // Nothing is added to the first block's sums: zero plus a number may change its sign.
                for (total, sum) in totals.iter_mut().zip(sums) {
                    *total = if first == 0 { sum } else { _mm512_add_ps(*total, sum) };
                }
            }
        }
        for (row, totals) in rows.zip(totals) {
            let start = row * MODEL + head * WIDTH;
            for (half, total) in totals.into_iter().enumerate() {
                let total: f32x16<Avx512> = total.simd_into(processor);
                let out = mixed.get_mut(start + half * LANES..).and_then(|out| out.first_chunk_mut());
                if let Some(out) = out {
                    *out = total.into();
                }
            }
        }
    }
);

//! How much does each token of a text look at each other?
//!
//! Sums are added up one after another, as rten does it: the vectors are the same to the last bit.

use fearless_simd::prelude::*;
use fearless_simd::{f32x16, kernel};
use rten_simd::SimdOp;
use rten_vecmath::Softmax;

use super::processor::Processor;

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

/// A register of AVX-512, two of AVX2.
const LANES: usize = 16;

/// The values of all tokens, mixed for each, from [`QKV`] numbers for each; [`MODEL`] numbers for each.
pub(super) fn attend(processor: Processor, qkv: &[f32]) -> Vec<f32> {
    kernel!(
        fn on_avx512(simd: Avx512, qkv: &[f32]) -> Vec<f32> {
            attend_with(simd, qkv)
        }
    );
    kernel!(
        fn on_avx2(simd: Avx2, qkv: &[f32]) -> Vec<f32> {
            attend_with(simd, qkv)
        }
    );
    match processor {
        Processor::Avx512(simd) => on_avx512(simd, qkv),
        Processor::Avx2(simd) => on_avx2(simd, qkv),
    }
}

#[inline(always)]
fn attend_with<S: Simd>(simd: S, qkv: &[f32]) -> Vec<f32> {
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
            compare(simd, qkv, head, rows.clone(), &keys, &mut shares);
            for shares in shares.chunks_exact_mut(padded).take(rows.len()) {
                if let Some(shares) = shares.get_mut(..tokens) {
                    Softmax::new_mut(shares).dispatch();
                }
            }
            mix(simd, qkv, head, rows, &shares, &mut mixed);
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

/// How near each of some tokens' questions is to all keys, for one head.
#[allow(clippy::needless_range_loop, reason = "adapters are calls where they are not inlined")]
#[inline(always)]
fn compare<S: Simd>(
    simd: S,
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
    let scale = simd.splat_f32x16(SCALE);
    for first in (0..padded).step_by(LANES) {
        let mut sums: [f32x16<S>; ROWS] = [simd.splat_f32x16(0.0); ROWS];
        for (depth, keys) in keys.chunks_exact(padded).enumerate() {
            let Some(keys) = keys.get(first..).and_then(|keys| keys.first_chunk::<LANES>()) else {
                return;
            };
            let keys: f32x16<S> = (*keys).simd_into(simd);
            for row in 0..ROWS {
                let question = simd.splat_f32x16(questions[row][depth % WIDTH]);
                sums[row] = simd.mul_add_f32x16(question, keys, sums[row]);
            }
        }
        for (sum, scores) in sums.into_iter().zip(scores.chunks_exact_mut(padded)) {
            if let Some(scores) = scores.get_mut(first..).and_then(|scores| scores.first_chunk_mut()) {
                *scores = simd.mul_f32x16(sum, scale).into();
            }
        }
    }
}

/// The values of all tokens, added up by their shares, for some tokens of one head.
#[allow(clippy::needless_range_loop, reason = "adapters are calls where they are not inlined")]
#[inline(always)]
fn mix<S: Simd>(
    simd: S,
    qkv: &[f32],
    head: usize,
    rows: std::ops::Range<usize>,
    shares: &[f32],
    mixed: &mut [f32],
) {
    let (tokens, padded) = (qkv.len() / QKV, shares.len() / ROWS);
    let none = simd.splat_f32x16(0.0);
    let mut totals: [[f32x16<S>; 2]; ROWS] = [[none; 2]; ROWS];
    for first in (0..tokens).step_by(BLOCK) {
        let mut sums: [[f32x16<S>; 2]; ROWS] = [[none; 2]; ROWS];
        for token in first..(first + BLOCK).min(tokens) {
            let (halves, _) = part(qkv, token, 2, head).as_chunks::<LANES>();
            let left: f32x16<S> = halves[0].simd_into(simd);
            let right: f32x16<S> = halves[1].simd_into(simd);
            for row in 0..ROWS {
                let share = match shares.get(row * padded + token) {
                    Some(share) => simd.splat_f32x16(*share),
                    None => return,
                };
                sums[row][0] = simd.mul_add_f32x16(share, left, sums[row][0]);
                sums[row][1] = simd.mul_add_f32x16(share, right, sums[row][1]);
            }
        }
        for (totals, sums) in totals.iter_mut().zip(sums) {
            // Nothing is added to the first block's sums: zero plus a number may change its sign.
            for (total, sum) in totals.iter_mut().zip(sums) {
                *total = if first == 0 { sum } else { simd.add_f32x16(*total, sum) };
            }
        }
    }
    for (row, totals) in rows.zip(totals) {
        let start = row * MODEL + head * WIDTH;
        for (half, total) in totals.into_iter().enumerate() {
            let out = mixed.get_mut(start + half * LANES..).and_then(|out| out.first_chunk_mut());
            if let Some(out) = out {
                *out = total.into();
            }
        }
    }
}

//! How are several scores of the same documents made one?
//!
//! Each list is brought to mean 0 and deviation 1 over the visible documents, and the lists are added with weights.
//! Chosen by leave-one-set-out on the development sets against reciprocal ranks and other normalisations: see
//! docs/decisions/0002-search.md.

/// Weight of meaning (vectors) beside that of words, which is 1.
pub const MEANING_WEIGHT: f32 = 1.25;

/// Weight of the vector of a title that asks, beside its passages' 1.
pub const TITLE_WEIGHT: f32 = 0.5;

/// Weight of the second look (words and vectors of the first results).
pub const FEEDBACK_WEIGHT: f32 = 0.75;

/// Brings scores to mean 0 and deviation 1. With no spread at all, every score becomes 0.
pub fn standardise(scores: &mut [f32]) {
    let count = scores.len();
    if count == 0 {
        return;
    }
    let mean = scores.iter().map(|score| f64::from(*score)).sum::<f64>() / count as f64;
    let variance = scores.iter().map(|score| (f64::from(*score) - mean).powi(2)).sum::<f64>() / count as f64;
    let deviation = variance.sqrt();
    for score in scores {
        // Below this the scores differ by rounding alone.
        *score = if deviation > 1e-9 { ((f64::from(*score) - mean) / deviation) as f32 } else { 0.0 };
    }
}

/// Adds `weight` times `other` to `scores`.
pub fn add(scores: &mut [f32], other: &[f32], weight: f32) {
    for (score, other) in scores.iter_mut().zip(other) {
        *score += weight * other;
    }
}

/// Shares that add up to 1, the larger the score the larger.
pub fn softmax(scores: &[f32]) -> Vec<f32> {
    let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let shares: Vec<f32> = scores.iter().map(|score| (score - largest).exp()).collect();
    let sum: f32 = shares.iter().sum();
    shares.into_iter().map(|share| share / sum.max(f32::MIN_POSITIVE)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn standardising_keeps_the_order_and_forgets_scale(scores in prop::collection::vec(-50f32..50.0, 2..40), factor in 0.1f32..10.0) {
            let mut once = scores.clone();
            standardise(&mut once);
            let mut scaled: Vec<f32> = scores.iter().map(|score| score * factor + 3.0).collect();
            standardise(&mut scaled);
            for (a, b) in once.iter().zip(&scaled) {
                prop_assert!((a - b).abs() < 2e-2);
            }
            for (i, j) in (0..scores.len()).flat_map(|i| (0..scores.len()).map(move |j| (i, j))) {
                if scores[i] < scores[j] {
                    prop_assert!(once[i] <= once[j]);
                }
            }
        }
    }

    #[test]
    fn equal_scores_say_nothing() {
        let mut scores = [0.7; 5];
        standardise(&mut scores);
        assert_eq!(scores, [0.0; 5]);
        standardise(&mut []);
    }

    #[test]
    fn shares_add_up_to_one() {
        let shares = softmax(&[1.0, 3.0, 2.0]);
        assert!((shares.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        assert!(shares[1] > shares[2] && shares[2] > shares[0]);
    }
}

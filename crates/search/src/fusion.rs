//! How are several scores of the same documents made one?
//!
//! Each list is brought to mean 0 and deviation 1 over the visible documents, and the lists are added with weights.
//! Chosen by leave-one-set-out on the development sets against reciprocal ranks and other normalisations: see
//! docs/decisions/0002-search.md.

use intramuros_core::language::Language;

/// Weight of a title that asks (of the nearest passage, where the title doesn't ask) beside the nearest passage's 1.
pub const TITLE_WEIGHT: f32 = 0.5;

/// Weight of meaning beside that of words, which is 1. French questions are asked in other words than those of the
/// documents more often; both optima are flat (2 to 4, and 1 to 1.5).
pub fn meaning_weight(language: Language, crosses_languages: bool) -> f32 {
    let own = match language {
        Language::French => 3.0,
        Language::English => 1.25,
        Language::Other => 2.0,
    };
    if crosses_languages { own + ACROSS_LANGUAGES } else { own }
}

/// Weight of meaning that a document in another language than the question's has more: it holds few of the question's
/// words however well it answers, so what it means stands for them as well. Flat from 0.5 to 1: see
/// docs/decisions/two-languages.md.
const ACROSS_LANGUAGES: f32 = 0.25;

/// Weight of a document's first passage, which says what it is about, beside the nearest passage's 1.
pub fn first_passage_weight(language: Language) -> f32 {
    match language {
        Language::French => 1.0,
        Language::English | Language::Other => 0.5,
    }
}

/// Weight of the second look by the number of words that are looked up: none up to 4, whole from 8 on. Long
/// descriptions gain from the words of the first results; key words are led astray.
pub fn feedback_weight(words: usize) -> f32 {
    ((words as f32 - 4.0) / 4.0).clamp(0.0, 1.0)
}

/// Mean and deviation of scores.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    mean: f64,
    deviation: f64,
}

impl Scale {
    /// Of these scores; none when there is none.
    pub fn of(scores: &[f32]) -> Option<Scale> {
        let count = scores.len();
        if count == 0 {
            return None;
        }
        let mean = scores.iter().map(|score| f64::from(*score)).sum::<f64>() / count as f64;
        let squares = scores.iter().map(|score| (f64::from(*score) - mean).powi(2)).sum::<f64>();
        Some(Scale { mean, deviation: (squares / count as f64).sqrt() })
    }

    /// The deviation.
    pub fn deviation(self) -> f32 {
        self.deviation as f32
    }

    /// The score in deviations from the mean; 0 where all scores are the same.
    pub fn standardise(self, score: f32) -> f32 {
        // Below this the scores differ by rounding alone.
        if self.deviation > 1e-9 { ((f64::from(score) - self.mean) / self.deviation) as f32 } else { 0.0 }
    }
}

/// Brings scores to mean 0 and deviation 1. With no spread at all, every score becomes 0.
pub fn standardise(scores: &mut [f32]) {
    if let Some(scale) = Scale::of(scores) {
        scores.iter_mut().for_each(|score| *score = scale.standardise(*score));
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

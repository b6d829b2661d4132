//! How are several scores of the same documents made one?
//!
//! Each list is brought to mean 0 and deviation 1 over the visible documents, and the lists are added with weights.
//! Chosen by leave-one-set-out on the development sets against reciprocal ranks and other normalisations: see
//! docs/decisions/0002-search.md.

use intramuros_core::language::Language;

/// How near a document is to a question: its nearest passage, and what says what it is about, its first passage or, better, a
/// title that asks. Both kinds of documents have the same sum of weights, so that neither stands before the other for it.
pub fn document_meaning(nearest: f32, first: f32, asking_title: Option<f32>, language: Language) -> f32 {
    let first_weight = first_passage_weight(language);
    match asking_title {
        Some(title) => {
            (nearest + TITLE_WEIGHT * title) * (PLAIN_WEIGHT + first_weight) / (1.0 + TITLE_WEIGHT)
        }
        None => PLAIN_WEIGHT * nearest + first_weight * first,
    }
}

/// Weight of a title that asks beside the nearest passage's 1; flat from 1 to 2.
const TITLE_WEIGHT: f32 = 1.5;

/// Weight of the nearest passage beside the first one's where no title asks.
const PLAIN_WEIGHT: f32 = 1.5;

/// Weight of meaning beside that of words, which is 1. French questions are asked in other words than those of the
/// documents more often; both optima are flat (2 to 4, and 1 to 1.5). So is it among questions and answers: `asking` is the
/// share of the nearest documents whose titles ask.
pub fn meaning_weight(language: Language, asking: f32, crosses_languages: bool) -> f32 {
    let own = match language {
        Language::French => AMONG_QUESTIONS,
        Language::English => 1.25,
        Language::Other => 2.0,
    };
    let among = own + (AMONG_QUESTIONS - own) * asking;
    if crosses_languages { among + ACROSS_LANGUAGES } else { among }
}

const AMONG_QUESTIONS: f32 = 3.0;

/// How many of the nearest documents tell whether questions and answers are asked: what a person looks at.
pub const NEAREST_DOCUMENTS: usize = 10;

/// Weight of meaning that a document in another language than the question's has more: it holds few of the question's
/// words however well it answers, so what it means stands for them as well. Flat from 0.5 to 1: see
/// docs/decisions/two-languages.md.
const ACROSS_LANGUAGES: f32 = 0.25;

/// Weight of a document's first passage, which says what it is about, beside the nearest passage's 1.
fn first_passage_weight(language: Language) -> f32 {
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

    #[test]
    fn a_title_that_asks_says_what_a_document_is_about() {
        let (near, far) = (0.6, 0.4);
        for language in [Language::French, Language::English, Language::Other] {
            // As near in all that counts, as far: neither kind stands before the other.
            let plain = document_meaning(near, near, None, language);
            let asking = document_meaning(near, far, Some(near), language);
            assert!((plain - asking).abs() < 1e-6, "{plain} {asking}");
            assert!(document_meaning(near, near, Some(far), language) < asking);
        }
        let check = |language: Language, asking: f32, expected: f32| {
            assert_eq!(meaning_weight(language, asking, false), expected);
            assert_eq!(meaning_weight(language, asking, true), expected + ACROSS_LANGUAGES);
        };
        check(Language::French, 0.0, 3.0);
        check(Language::French, 1.0, 3.0);
        check(Language::English, 0.0, 1.25);
        check(Language::English, 1.0, 3.0);
        check(Language::Other, 0.5, 2.5);
    }

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

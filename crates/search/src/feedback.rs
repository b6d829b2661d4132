//! What do the first results say that the question did not?
//!
//! Pseudo-relevance feedback: the best passage of each of the first documents gives words and a vector for a second
//! look. It helps where people describe what they look for in other words than the documents.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use intramuros_core::error::Error;

use crate::analysis::{stem, words as words_of};
use crate::catalogue::{Slot, SlotSet};
use crate::lexical::{Scope, visible_passages};
use crate::searching::Texts;
use crate::vectors::{QueryVector, VectorSet};

/// Documents whose best passage is taken.
pub const FEEDBACK_DOCUMENTS: usize = 10;

/// Words that are taken from them.
const FEEDBACK_WORDS: usize = 30;

/// A word in more than this share of the passages says nothing.
const MOST_FREQUENT: f32 = 0.3;

/// Words whose frequency is looked up, by their weight in the passages: more than are taken, for some are too frequent.
const FEEDBACK_CANDIDATES: usize = 90;

/// Share of the documents' mean taken off the feedback vector, as for questions.
const MEAN_SHARE: f32 = 0.5;

/// Documents looked at for the mean: enough that it no longer moves.
const MEAN_DOCUMENTS: usize = 400;

/// The weighted stems of the passages (number, share), weights adding up to 1.
///
/// # Errors
/// When the index can't be read.
pub fn words(
    scope: &Scope<'_>,
    passages: &[(Slot, u64, f32)],
    texts: &Texts<'_>,
) -> Result<Vec<(String, f32)>, Error> {
    let ids: Vec<u64> = passages.iter().map(|(_, id, _)| *id).collect();
    let mut weights: HashMap<Arc<str>, f32, RandomState> = HashMap::default();
    for ((text, language), (_, _, share)) in texts(&ids).iter().zip(passages) {
        let stems: Vec<Arc<str>> = words_of(text)
            .iter()
            .filter_map(|word| stem(text.get(word.range.clone())?, &word.exact, *language))
            .collect();
        let each = share / stems.len().max(1) as f32;
        for stem in stems {
            *weights.entry(stem).or_default() += each;
        }
    }
    let mut candidates: Vec<(Arc<str>, f32)> = weights.into_iter().collect();
    candidates.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    candidates.truncate(FEEDBACK_CANDIDATES);
    let total = visible_passages(scope).max(1.0);
    let mut chosen = Vec::with_capacity(candidates.len());
    let stems: Vec<&str> = candidates.iter().map(|(stem, _)| &**stem).collect();
    let frequencies = scope.snapshot.frequencies(scope.visible, &stems)?;
    for ((stem, weight), frequency) in candidates.into_iter().zip(frequencies) {
        let frequency = frequency as f32;
        if frequency > 0.0 && frequency < total * MOST_FREQUENT {
            chosen.push((stem.to_string(), weight * (1.0 + total / frequency).ln()));
        }
    }
    chosen.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    chosen.truncate(FEEDBACK_WORDS);
    let sum: f32 = chosen.iter().map(|(_, weight)| weight).sum();
    for (_, weight) in &mut chosen {
        *weight /= sum.max(f32::MIN_POSITIVE);
    }
    Ok(chosen)
}

/// The mean of the passages' vectors by share, less half of the mean of the visible documents.
pub fn vector(set: &VectorSet, passages: &[(Slot, u64, f32)], visible: &SlotSet) -> Option<QueryVector> {
    let mut sum: Vec<f32> = Vec::new();
    let mut shares = 0f32;
    for (slot, id, share) in passages {
        if let Some(components) = set.components(*slot, *id) {
            sum.resize(components.len(), 0.0);
            crate::fusion::add(&mut sum, &components, *share);
            shares += share;
        }
    }
    if shares <= 0.0 {
        return None;
    }
    for value in &mut sum {
        *value /= shares;
    }
    let mean = set.mean(visible, MEAN_DOCUMENTS)?;
    crate::fusion::add(&mut sum, &mean, -MEAN_SHARE);
    QueryVector::new(&sum)
}

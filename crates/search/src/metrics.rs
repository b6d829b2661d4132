//! How good is a ranking?
//!
//! The usual measures, as the baselines beside the test sets compute them: gain 2^relevance − 1.

use std::collections::HashMap;

/// Normalised discounted cumulative gain of the first `depth` results.
pub fn ndcg(ranking: &[&str], judged: &HashMap<String, u32>, depth: usize) -> f64 {
    let gain = |relevance: u32| f64::from(2u32.saturating_pow(relevance)) - 1.0;
    let discounted = |gains: &mut dyn Iterator<Item = f64>| -> f64 {
        gains.take(depth).enumerate().map(|(rank, gain)| gain / (rank as f64 + 2.0).log2()).sum()
    };
    let found =
        discounted(&mut ranking.iter().map(|id| judged.get(*id).map_or(0.0, |relevance| gain(*relevance))));
    let mut best: Vec<f64> = judged.values().map(|relevance| gain(*relevance)).collect();
    best.sort_by(|a, b| b.total_cmp(a));
    let ideal = discounted(&mut best.into_iter());
    if ideal > 0.0 { found / ideal } else { 0.0 }
}

/// Share of the relevant documents among the first `depth` results.
pub fn recall(ranking: &[&str], judged: &HashMap<String, u32>, depth: usize) -> f64 {
    let relevant = judged.values().filter(|relevance| **relevance > 0).count();
    let found = ranking
        .iter()
        .take(depth)
        .filter(|id| judged.get(**id).is_some_and(|relevance| *relevance > 0))
        .count();
    if relevant > 0 { found as f64 / relevant as f64 } else { 0.0 }
}

/// 1 / rank of the first relevant result among the first `depth`; 0 when there is none.
pub fn reciprocal_rank(ranking: &[&str], judged: &HashMap<String, u32>, depth: usize) -> f64 {
    let first =
        ranking.iter().take(depth).position(|id| judged.get(*id).is_some_and(|relevance| *relevance > 0));
    first.map_or(0.0, |rank| 1.0 / (rank as f64 + 1.0))
}

/// Mean with the half-width of its 95% confidence interval (normal approximation).
pub fn mean_with_interval(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    if values.is_empty() {
        return (0.0, 0.0);
    }
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0).max(1.0);
    (mean, 1.96 * (variance / count).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_agree_with_hand_computed_values() {
        let judged: HashMap<String, u32> =
            [("a".to_owned(), 1), ("b".to_owned(), 2), ("c".to_owned(), 0)].into();
        let check = |ranking: &[&str], expected: [f64; 3]| {
            let found = [
                ndcg(ranking, &judged, 10),
                recall(ranking, &judged, 2),
                reciprocal_rank(ranking, &judged, 10),
            ];
            for (found, expected) in found.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-4, "{ranking:?} {found} {expected}");
            }
        };
        check(&["b", "a"], [1.0, 1.0, 1.0]);
        check(&["c", "a", "b"], [(1.0 / 3f64.log2() + 3.0 / 2.0) / (3.0 + 1.0 / 3f64.log2()), 0.5, 0.5]);
        check(&["x"], [0.0, 0.0, 0.0]);
        let (mean, half) = mean_with_interval(&[1.0, 0.0, 1.0, 0.0]);
        assert!((mean - 0.5).abs() < 1e-9 && half > 0.4 && half < 0.7);
    }
}

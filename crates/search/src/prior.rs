//! What is a document worth before anything is asked: how new it is, and where it comes from?
//!
//! Nothing, unless the organisation declares it: then a part of the spread of a question's scores is added, so that the
//! same weight means the same for every question.

use std::collections::BTreeMap;

use crate::catalogue::Facts;

/// Milliseconds of a day.
const DAY_MS: f64 = 86_400_000.0;

/// What is declared of age and sources. The default adds nothing to anything.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prior {
    /// What a document of now gains, in deviations; an old one gains less.
    pub recency: f32,
    /// Days after which half of that is left; nothing ages where it is 0.
    pub half_life_days: u32,
    /// Now, in milliseconds since 1970.
    pub now_ms: i64,
    /// What the documents of a source gain or lose, in deviations.
    pub sources: BTreeMap<String, f32>,
}

impl Prior {
    /// Whether it adds nothing to anything.
    pub fn is_flat(&self) -> bool {
        self.recency == 0.0 && self.sources.is_empty()
    }

    /// What a document gains, in deviations. One without a date gains nothing by its age, one of the future no more
    /// than one of now.
    pub fn of(&self, facts: &Facts) -> f32 {
        let source = self.sources.get(&facts.source).copied().unwrap_or(0.0);
        let age = match (facts.date_ms, self.half_life_days) {
            (Some(date), days) if days > 0 => {
                let age = (self.now_ms.saturating_sub(date) as f64 / DAY_MS).max(0.0);
                self.recency * (0.5f64).powf(age / f64::from(days)) as f32
            }
            _ => 0.0,
        };
        source + age
    }
}

#[cfg(test)]
mod tests {
    use intramuros_core::access::AccessId;

    use super::*;

    #[test]
    fn new_documents_and_favoured_sources_gain_and_nothing_does_by_default() {
        let now_ms = 1_700_000_000_000;
        let facts = |source: &str, days: Option<i64>| Facts {
            source: source.to_owned(),
            date_ms: days.map(|days| now_ms - days * 86_400_000),
            ..Facts::bare(1, AccessId(1))
        };
        let sources = BTreeMap::from([("wiki".to_owned(), -1.0)]);
        let prior = Prior { recency: 1.0, half_life_days: 100, now_ms, sources };
        let check = |source: &str, days: Option<i64>, expected: f32| {
            let found = prior.of(&facts(source, days));
            assert!((found - expected).abs() < 1e-3, "{source} {days:?}: {found}");
        };
        check("papers", Some(0), 1.0);
        check("papers", Some(100), 0.5);
        check("papers", Some(-50), 1.0);
        check("papers", Some(100_000), 0.0);
        check("papers", None, 0.0);
        check("wiki", Some(100), -0.5);
        assert!(Prior::default().is_flat() && !prior.is_flat());
        assert_eq!(Prior::default().of(&facts("wiki", Some(3))), 0.0);
    }
}

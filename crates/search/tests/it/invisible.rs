//! Does a search tell anything of documents that one may not read?
//!
//! The strongest form: what is found in an index of everything is exactly what is found in an index that holds the
//! readable documents alone (order, scores, counts, facets, suggestions).

use intramuros_core::access::AccessId;
use intramuros_search::catalogue::AccessSet;
use proptest::prelude::*;

use crate::{Sample, Searchable};

const WORDS: &[&str] = &[
    "facture", "contrat", "salaire", "congé", "durée", "secret", "budget", "projet", "client", "serveur",
    "report", "invoice", "holiday", "server", "le", "de", "the", "of", "L.3242-1", "2024", "85 000", "85000",
];

fn samples() -> impl Strategy<Value = Vec<Sample>> {
    let passage = prop::collection::vec(0..WORDS.len(), 3..25);
    let document = (0u32..3, prop::collection::vec(passage, 1..4), 0..WORDS.len());
    prop::collection::vec(document, 1..12).prop_map(|documents| {
        documents
            .into_iter()
            .enumerate()
            .map(|(index, (access, passages, title))| {
                let texts: Vec<String> = passages
                    .iter()
                    .map(|words| words.iter().map(|word| WORDS[*word]).collect::<Vec<_>>().join(" "))
                    .collect();
                let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
                Sample { access, ..Sample::new(index as u64 + 1, WORDS[title], &texts) }
            })
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn unreadable_documents_change_nothing(samples in samples(), questions in prop::collection::vec(prop::collection::vec(0..WORDS.len(), 1..8), 3), may_read in 0u32..3, with_vectors: bool) {
        let everything = Searchable::new(&samples, with_vectors);
        let readable: Vec<Sample> = samples.into_iter().filter(|sample| sample.access == may_read).collect();
        let alone = Searchable::new(&readable, with_vectors);
        let access = AccessSet::of([AccessId(may_read)]);
        for question in questions {
            let mut question = question.iter().map(|word| WORDS[*word]).collect::<Vec<_>>().join(" ");
            // A typing error too: suggestions must come from readable documents alone.
            question.push_str(" secrt");
            let mixed = everything.search(&question, &access, with_vectors);
            let pure = alone.search(&question, &AccessSet::everything(), with_vectors);
            prop_assert_eq!(mixed.total, pure.total);
            prop_assert_eq!(mixed.facets, pure.facets);
            prop_assert_eq!(mixed.suggestion, pure.suggestion);
            prop_assert_eq!(mixed.absent, pure.absent);
            prop_assert_eq!(mixed.highlights, pure.highlights);
            let documents = |found: &[intramuros_search::Hit]| found.iter().map(|hit| hit.document).collect::<Vec<_>>();
            prop_assert_eq!(documents(&mixed.hits), documents(&pure.hits));
            for (a, b) in mixed.hits.iter().zip(&pure.hits) {
                prop_assert!((a.score - b.score).abs() < 1e-3, "{} {}", a.score, b.score);
            }
        }
    }
}

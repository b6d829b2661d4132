//! Which words of a question must a text hold to speak of what is asked, and what does each weigh?

use crate::compounds::has_mark;
use crate::identifiers::is_identifier;
use crate::lexical::Group;
use crate::query::{Query, QueryWord};
use crate::searching::QueryTerm;

/// The words of a question, each with the forms that stand for it and its weight. What several words are together
/// (`faa-2020-0686`, `faa2020-0686`) is said where they are, and they are said where it is: it stands for each of them, and
/// is no further word.
pub(crate) fn terms(query: &Query, groups: &[Group], weights: &[f32]) -> Vec<QueryTerm> {
    let words = || query.words.iter().zip(groups);
    let is_said = |word: &QueryWord| {
        says_no_more(word) && query.words.iter().any(|part: &QueryWord| part.is_part_of(word))
    };
    let mut terms = Vec::new();
    for ((word, group), weight) in words().zip(weights).filter(|((word, _), _)| !is_said(word)) {
        let wholes = words().filter(|(whole, _)| word.is_part_of(whole)).map(|(_, group)| group);
        let groups = std::iter::once(group).chain(wholes);
        let forms = groups.flat_map(|group| group.forms.iter().chain(&group.exact));
        terms.push(QueryTerm { forms: forms.map(|form| form.word.clone()).collect(), weight: *weight });
    }
    terms
}

/// Whether a whole says what its parts say. The parts of a number stand in many others, those of a name out of a program are
/// everyday words, and `C++` is not `C`.
fn says_no_more(word: &QueryWord) -> bool {
    word.whole && !word.is_number() && !is_identifier(&word.exact) && !has_mark(&word.exact)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::words;
    use crate::lexical::Form;
    use crate::words::In;

    /// The share of a question's words that a text holds, each by its exact form.
    fn share(question: &str, text: &str) -> f32 {
        let query = Query::parse(question);
        let group = |word: &QueryWord| {
            let form = Form { place: In::Exact, word: word.exact.clone(), weight: 1.0 };
            Group { forms: vec![form], exact: Vec::new(), weight: 1.0 }
        };
        let groups: Vec<Group> = query.words.iter().map(group).collect();
        let terms = terms(&query, &groups, &vec![1.0; groups.len()]);
        let held: Vec<String> = words(text).into_iter().map(|word| word.exact).collect();
        let holds = |term: &&QueryTerm| term.forms.iter().any(|form| held.contains(form));
        terms.iter().filter(holds).count() as f32 / terms.len() as f32
    }

    #[test]
    fn what_words_are_together_is_no_further_word() {
        let check = |question: &str, text: &str, expected: f32| {
            assert_eq!(share(question, text), expected, "{question}: {text}");
        };
        // A reference, however it is joined, and by its parts.
        for text in [
            "docket FAA-2020-0686",
            "docket FAA–2020–0686",
            "docket FAA 2020-0686",
            "docket (FAA) of 2020, no. 0686",
        ] {
            check("docket FAA-2020-0686", text, 1.0);
        }
        check("docket FAA-2020-0686", "docket FAA-2020-0687", 0.75);
        check("RFC 7231", "la RFC7231", 1.0);
        check("RFC7231", "la RFC 7231", 1.0);
        check("le 30 novembre 2024", "le 30/11/2024", 1.0);
        check("le 30/11/2024", "le 30 novembre 2024", 1.0);
        check("le 30/11/2024", "en novembre 2024, porte 30", 0.0);
        // The parts of a number are no number, everyday words are no key, and a letter is no language.
        check("85 000", "soit 85000", 1.0);
        check("85 000", "au 85, porte 000", 2.0 / 3.0);
        check("API_KEY", "an api and a key", 2.0 / 3.0);
        check("API_KEY", "the api_key", 1.0);
        check("a C++ developer", "a C developer", 2.0 / 3.0);
    }
}

//! How much of a question does a text cover?

use std::collections::HashSet;

use intramuros_core::language::Language;
use intramuros_search::QueryTerm;
use intramuros_search::analysis::{stem, words};

/// The forms that a text holds, exact and stems.
pub(crate) fn forms_of(text: &str, language: Language) -> HashSet<Box<str>> {
    let mut forms = HashSet::new();
    for word in words(text) {
        if let Some(piece) = text.get(word.range.clone())
            && let Some(stem) = stem(piece, &word.exact, language)
        {
            forms.insert(Box::from(&*stem));
        }
        forms.insert(word.exact.into());
    }
    forms
}

/// The share of the question's weight whose words are among `forms`, from 0 to 1; words found in `context` alone
/// count half.
pub(crate) fn coverage(terms: &[QueryTerm], forms: &HashSet<Box<str>>, context: &HashSet<Box<str>>) -> f32 {
    let total: f32 = terms.iter().map(|term| term.weight).sum();
    let holds =
        |set: &HashSet<Box<str>>, term: &QueryTerm| term.forms.iter().any(|form| set.contains(form.as_str()));
    let covered: f32 = terms
        .iter()
        .map(|term| match (holds(forms, term), holds(context, term)) {
            (true, _) => term.weight,
            (false, true) => term.weight / 2.0,
            (false, false) => 0.0,
        })
        .sum();
    if total > 0.0 { covered / total } else { 0.0 }
}

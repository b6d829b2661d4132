//! Is a word of the question that stands nowhere the one that it turns on?
//!
//! "What is the boiling point of tungsten?" lies near a table with the boiling point of water. Left out of the question, a word
//! that is another way to say what the passages say takes the question away from them; one that they know nothing of was what
//! kept it away, and the question comes nearer without it. One more vector tells the two apart, where a word stands nowhere.

use intramuros_search::analysis::words;

use crate::followup::names_something;

/// How much nearer the best passages must come without the words that stand nowhere. Chosen on development sets, see
/// docs/decisions/answers-refused.md.
const LEAST_PULL: f32 = 0.005;

/// The nearest passage of a document: how near it lies to the question, the document and the passage.
pub type Nearest = (f32, (u64, u64));

/// The nearest of a document's passages, of those with a vector.
pub fn nearest(document: u64, passages: impl Iterator<Item = (u64, Option<f32>)>) -> Option<Nearest> {
    let known = passages.filter_map(|(passage, meaning)| Some((meaning?, (document, passage))));
    known.max_by(|a, b| a.0.total_cmp(&b.0))
}

/// Whether a question turns on those of its words that stand nowhere. `best` are the nearest passages of the best documents;
/// `nearness` gives how near those passages lie to another question, none for one without a vector.
pub fn turns_on(
    question: &str,
    absent: &[String],
    best: impl Iterator<Item = Nearest>,
    nearness: impl FnOnce(&str, &[(u64, u64)]) -> Option<Vec<Option<f32>>>,
) -> bool {
    let Some(rest) = without(question, absent) else { return false };
    let (with, passages): (Vec<f32>, Vec<(u64, u64)>) = best.unzip();
    let without = if passages.is_empty() { None } else { nearness(&rest, &passages) };
    let without: Vec<f32> = without.into_iter().flatten().flatten().collect();
    turns_on_them(&with, &without)
}

/// A question without some of its words; none where nothing is left to compare.
fn without(question: &str, absent: &[String]) -> Option<String> {
    let mut rest = String::with_capacity(question.len());
    let mut at = 0;
    for word in words(question) {
        let written = question.get(word.range.clone()).unwrap_or_default();
        if word.range.start >= at && absent.iter().any(|absent| absent == written) {
            rest.push_str(question.get(at..word.range.start).unwrap_or_default());
            at = word.range.end;
        }
    }
    let cut = at > 0;
    rest.push_str(question.get(at..).unwrap_or_default());
    let rest = rest.split_whitespace().collect::<Vec<_>>().join(" ");
    (cut && names_something(&rest)).then_some(rest)
}

/// Whether the question turns on the words that were left out: `with` and `without` are how near the best passages lie to it
/// with them and without them, in the same order.
fn turns_on_them(with: &[f32], without: &[f32]) -> bool {
    let nearest = |all: &[f32]| all.iter().copied().max_by(f32::total_cmp);
    nearest(with).zip(nearest(without)).is_some_and(|(with, without)| without - with >= LEAST_PULL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_of_a_question_is_compared() {
        let check = |question: &str, absent: &[&str], expected: Option<&str>| {
            let absent: Vec<String> = absent.iter().map(|word| (*word).to_owned()).collect();
            assert_eq!(without(question, &absent).as_deref(), expected, "{question}");
        };
        check(
            "What is the boiling point of tungsten?",
            &["tungsten"],
            Some("What is the boiling point of ?"),
        );
        check("Que dit l’article L.9999-1 du code ?", &["L.9999-1"], Some("Que dit l’article du code ?"));
        check("Paul et Paula", &["Paul"], Some("et Paula"));
        check("zzyzx", &["zzyzx"], None);
        check("What is it?", &["tungsten"], None);
    }

    #[test]
    fn a_word_that_kept_the_question_away_is_what_it_turns_on() {
        assert!(turns_on_them(&[0.48, 0.40], &[0.50, 0.40]));
        assert!(!turns_on_them(&[0.48, 0.40], &[0.482, 0.41]));
        assert!(!turns_on_them(&[0.48], &[0.45]));
        assert!(!turns_on_them(&[], &[]));
    }
}

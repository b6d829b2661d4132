//! Which question does a follow-up ask when it stands alone?
//!
//! "Et pour les mineurs ?" means nothing to a search. Where a question leans on what was asked before (it begins with a
//! joining word, holds a pronoun without its noun, or is very short), the last question that stood alone is put before
//! it. No model is needed, so that the search doesn't wait for one; docs/assistant.md says why.

use intramuros_core::chat::{Message, Role};
use intramuros_core::language::{Language, detect};
use intramuros_search::analysis::{is_function_word, is_question_word, words};

use crate::prompt::beginning;

/// Openings that lean on what was asked before, folded.
const OPENINGS: &[&str] = &[
    "et ",
    "mais ",
    "and ",
    "but ",
    "what about ",
    "how about ",
    "dans ce cas",
    "in that case",
    "pareil ",
    "same ",
    "sinon",
    "otherwise",
    "pourquoi ?",
    "why?",
    "combien ?",
    "quand ?",
    "when?",
    "ou ca",
    "where?",
];

/// Pronouns that stand for something that was named before.
const PRONOUNS: &[&str] = &[
    "ca", "celle", "celles", "celui", "cela", "ceux", "elle", "elles", "eux", "he", "him", "his", "her",
    "ils", "it", "its", "leur", "leurs", "lui", "ones", "she", "that", "their", "them", "these", "they",
    "this", "those",
];

/// A question with fewer words of meaning than this leans on what was asked before.
const LEAST_WORDS: usize = 2;

/// Earlier turns that are looked at.
const TURNS: usize = 12;

/// Bytes of the earlier question that are put before.
const EARLIER_BYTES: usize = 500;

/// Bytes of a message that are looked at. 4 KiB: what is longer says what it means in its first page, and a client may send
/// megabytes as what was said before.
const LOOKED_AT_BYTES: usize = 4 << 10;

/// The question as it stands alone.
pub fn standalone(question: &str, history: &[Message]) -> String {
    if !leans(question) {
        return question.to_owned();
    }
    let asked = history.iter().rev().take(TURNS).filter(|message| message.role == Role::User);
    let earlier = asked.map(|message| message.content.trim()).find(|earlier| !leans(earlier));
    match earlier {
        Some(earlier) if !earlier.is_empty() && earlier != question => {
            let short: String = earlier.chars().take(EARLIER_BYTES).collect();
            format!("{short} {question}")
        }
        _ => question.to_owned(),
    }
}

/// Whether a follow-up names something of its own ("Et les congés payés ?"), so that it may also be meant by itself.
pub fn names_its_own(question: &str) -> bool {
    weight(question).0 >= LEAST_WORDS
}

/// Whether a question holds a word that means something by itself.
pub(crate) fn names_something(question: &str) -> bool {
    weight(question).0 > 0
}

/// Whether a question can't be understood without what was asked before.
pub(crate) fn leans(question: &str) -> bool {
    let question = beginning(question.trim(), LOOKED_AT_BYTES);
    let folded = intramuros_search::analysis::fold(question);
    if OPENINGS.iter().any(|opening| folded.starts_with(opening)) {
        return true;
    }
    let (content, pronoun, asks) = weight(question);
    (asks && content < LEAST_WORDS) || (pronoun && content <= LEAST_WORDS + 1)
}

/// How many words of a question have a meaning of their own, whether it holds a pronoun, and whether it asks at all.
fn weight(question: &str) -> (usize, bool, bool) {
    let question = beginning(question, LOOKED_AT_BYTES);
    let language = match detect(question) {
        Language::Other => Language::French,
        known => known,
    };
    let words: Vec<_> = words(question).into_iter().filter(|word| !word.whole).collect();
    let content = words
        .iter()
        .filter(|word| {
            let word = word.exact.as_str();
            !is_function_word(word, language)
                && !is_question_word(word, language)
                && !PRONOUNS.contains(&word)
        })
        .count();
    let pronoun = words.iter().any(|word| PRONOUNS.contains(&word.exact.as_str()));
    let asks =
        question.contains('?') || words.first().is_some_and(|word| is_question_word(&word.exact, language));
    (content, pronoun, asks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_message_the_beginning_is_looked_at() {
        assert_eq!(beginning("é", LOOKED_AT_BYTES), "é");
        let long = "é".repeat(LOOKED_AT_BYTES);
        assert_eq!(beginning(&format!("a{long}"), LOOKED_AT_BYTES).len(), LOOKED_AT_BYTES - 1);
        let far = format!("{}Et les congés payés ?", " ".repeat(LOOKED_AT_BYTES));
        assert!(!names_its_own(&far) && names_its_own("Et les congés payés ?"));
        // Megabytes that were said before are a question like another.
        let asked = "Quelle est la durée du préavis ? ".repeat(10_000);
        let history = vec![Message::new(Role::User, asked.as_str()); TURNS];
        let alone = standalone("Et pour les mineurs ?", &history);
        assert!(alone.starts_with("Quelle est la durée du préavis ?") && alone.len() < 2 * EARLIER_BYTES);
    }

    #[test]
    fn a_follow_up_gets_the_question_that_it_leans_on() {
        let history = [
            Message::new(Role::User, "Combien de temps garder une facture ?"),
            Message::new(Role::Assistant, "Dix ans."),
            Message::new(Role::User, "Et un devis ?"),
            Message::new(Role::Assistant, "Un an."),
        ];
        let check = |question: &str, joined: bool| {
            let expected =
                if joined { format!("{} {question}", history[0].content) } else { question.to_owned() };
            assert_eq!(standalone(question, &history), expected, "{question}");
        };
        check("Et pour les mineurs ?", true);
        check("Pourquoi ?", true);
        check("What about electronic ones?", true);
        check("Can they be destroyed?", true);
        check("Quelle est la durée du préavis de démission ?", false);
        check("How do I encrypt an Amazon EBS volume?", false);
        assert_eq!(standalone("Et alors ?", &[]), "Et alors ?");
        assert!(names_its_own("Et les congés payés ?") && !names_its_own("Et pour les mineurs ?"));
    }
}

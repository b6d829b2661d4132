//! Of which questions is this one made?
//!
//! "Combien de temps garder une facture, et comment la détruire ?" asks two things, and no passage need answer both: searched
//! as a whole, the one with more words hides the other. Cut are only places at which a question surely begins anew: behind a
//! question mark, and at a joint with a question word behind it. No model is needed.

use intramuros_search::analysis::{Word, words};

use crate::followup::{leans, names_its_own};
use crate::prompt::beginning;

/// Parts of a question at most: each costs a search.
pub const MAX_PARTS: usize = 3;

/// Words that join two questions, with what may stand before them. The longer ones stand before those that they end with.
const JOINTS: &[&str] =
    &[", et ", ", and ", ", puis ", " et ", " and ", " ainsi que ", " as well as ", " puis ", "; ", " ; "];

/// Words that open a question and nothing else, folded.
const OPENERS: &[&str] = &[
    "combien", "comment", "how", "laquelle", "lequel", "pourquoi", "quel", "quelle", "quelles", "quels",
    "what", "why",
];

/// Words that open a question or a clause of one: `qui`, `where`. `ou` is told from `où` as it was written.
const OPENERS_OR_JOINTS: &[&str] =
    &["qu", "quand", "que", "qui", "when", "where", "which", "who", "whom", "whose", "ou"];

/// Words that may stand before the one that opens: `à quel`, `in which`.
const BEFORE_OPENERS: &[&str] = &[
    "a", "at", "avec", "by", "d", "dans", "de", "depuis", "en", "for", "from", "in", "jusqu", "par", "pour",
    "sous", "to",
];

/// Verbs that open a question in English with one of [`SUBJECTS`] behind them.
const VERBS: &[&str] =
    &["are", "can", "could", "did", "do", "does", "is", "may", "must", "shall", "should", "will"];
const SUBJECTS: &[&str] = &["a", "an", "i", "it", "my", "one", "the", "there", "they", "we", "you", "your"];

/// What a French verb is joined with where it opens a question: `peut-on`, `est-ce`, `a-t-il`.
const INVERTED: &[&str] = &["ce", "elle", "elles", "il", "ils", "je", "nous", "on", "t", "vous"];

/// Pieces that a sentence is cut into at most, and joints looked at for each: nobody asks so much, and each joint costs a look
/// at the whole sentence.
const MAX_PIECES: usize = 16;
const MAX_JOINTS: usize = 64;

/// Bytes of a text that tell how it opens: its first words.
const OPENING_BYTES: usize = 200;

/// The questions of which one is made, in order; none where it is one. A part that says too little by itself ("Comment ?")
/// is left to the others.
pub fn parts(question: &str) -> Vec<String> {
    let sentences = question.split_inclusive('?').map(str::trim).filter(|part| !part.is_empty());
    let stands = |part: &String| asks_first(part) && names_its_own(part) && !leans(part);
    let mut parts: Vec<String> = Vec::new();
    for part in sentences.flat_map(at_joints).filter(stands) {
        if !parts.contains(&part) {
            parts.push(part);
        }
    }
    parts.truncate(MAX_PARTS);
    if parts.len() < 2 { Vec::new() } else { parts }
}

/// A sentence cut wherever a question begins anew.
fn at_joints(sentence: &str) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut rest = sentence;
    while pieces.len() < MAX_PIECES
        && let Some((before, after)) = next_joint(rest)
    {
        pieces.push(format!("{} ?", before.trim()));
        rest = after;
    }
    pieces.push(without_joint(rest).trim().to_owned());
    pieces
}

/// A sentence without the word that joins it with the one before: "Et combien coûte …", "And where …".
fn without_joint(sentence: &str) -> &str {
    let rest = ["Et ", "et ", "And ", "and "].iter().find_map(|joint| sentence.strip_prefix(joint));
    rest.unwrap_or(sentence)
}

/// What stands before and behind the first joint at which a question begins anew.
fn next_joint(text: &str) -> Option<(&str, &str)> {
    let split = |at: usize, joint: &str| Some((text.get(..at)?, text.get(at + joint.len()..)?));
    let mut places: Vec<(usize, &str)> = JOINTS.iter().flat_map(|joint| text.match_indices(joint)).collect();
    places.sort_by_key(|(at, _)| *at);
    places.truncate(MAX_JOINTS);
    let mut cuts = places.into_iter().filter_map(|(at, joint)| split(at, joint));
    cuts.find(|(before, after)| asks_first(before) && asks_first(after) && !goes_on(before, after))
}

/// Whether a text opens as a question does.
fn asks_first(text: &str) -> bool {
    let text = beginning(text, OPENING_BYTES);
    let words: Vec<Word> = words(text).into_iter().filter(|word| !word.whole).collect();
    let word = |at: usize| words.get(at).map_or("", |word| word.exact.as_str());
    let first = usize::from(BEFORE_OPENERS.contains(&word(0)) && !opens(text, &words, 0));
    opens(text, &words, first)
        || (VERBS.contains(&word(0)) && SUBJECTS.contains(&word(1)))
        || (INVERTED.contains(&word(1)) && joined(text, &words))
}

/// Whether the word at this place opens a question.
fn opens(text: &str, words: &[Word], at: usize) -> bool {
    let Some(word) = words.get(at) else { return false };
    let exact = word.exact.as_str();
    let written = text.get(word.range.clone()).unwrap_or_default();
    OPENERS.contains(&exact)
        || (OPENERS_OR_JOINTS.contains(&exact) && (exact != "ou" || written.to_lowercase() == "où"))
}

/// Whether a hyphen stands between the first two words.
fn joined(text: &str, words: &[Word]) -> bool {
    match words {
        [first, second, ..] => text.get(first.range.end..second.range.start) == Some("-"),
        _ => false,
    }
}

/// Whether what follows a joint goes on with a clause of the question before it, rather than asking anew: its first word
/// stood there already inside ("les personnes qui lisent et qui modifient").
fn goes_on(before: &str, after: &str) -> bool {
    let exact = |text: &str| words(text).into_iter().map(|word| word.exact).collect::<Vec<String>>();
    let (before, after) = (exact(before), exact(after));
    let Some(opener) = after.first().filter(|word| OPENERS_OR_JOINTS.contains(&word.as_str())) else {
        return false;
    };
    before.iter().skip(1).any(|word| word == opener)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_cut_where_another_surely_begins() {
        let check = |question: &str, expected: &[&str]| assert_eq!(parts(question), expected, "{question}");
        check(
            "Combien de temps garder une facture, et comment détruire les archives papier ?",
            &["Combien de temps garder une facture ?", "comment détruire les archives papier ?"],
        );
        check(
            "Quel est le préavis de démission ? Quels congés prendre pour un mariage ?",
            &["Quel est le préavis de démission ?", "Quels congés prendre pour un mariage ?"],
        );
        check(
            "What does a passport cost and where do I renew a driving licence?",
            &["What does a passport cost ?", "where do I renew a driving licence?"],
        );
        check(
            "Qui signe le contrat de bail et peut-on garder une copie scannée ?",
            &["Qui signe le contrat de bail ?", "peut-on garder une copie scannée ?"],
        );
        for one in [
            "Quelle est la durée de conservation des factures et des devis ?",
            "Quelles sont les personnes qui lisent et qui modifient le dossier médical ?",
            "Combien de temps garder une facture et comment la détruire ?",
            "How do I encrypt and share a snapshot?",
            "Quelle est la durée du préavis de démission ?",
            "facture et devis",
            "Pourquoi ? Comment ?",
            "",
        ] {
            check(one, &[]);
        }
        let many = "Quel est le délai de préavis ? ".to_owned()
            + &"Combien coûte le passeport français ? ".repeat(50);
        assert_eq!(parts(&many).len(), 2);
        let different: String =
            (0..9).map(|number| format!("Que dit le chapitre {number} du guide ? ")).collect();
        assert_eq!(parts(&different).len(), MAX_PARTS);
    }

    #[test]
    fn a_question_of_nothing_but_joints_is_cut_in_few_pieces() {
        let question = "Quel est ".to_owned() + &" et quel est ".repeat(800);
        assert!(at_joints(&question).len() <= MAX_PIECES + 1);
        assert_eq!(parts(&question), Vec::<String>::new());
    }
}

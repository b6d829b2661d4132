//! What does a sentence state: its words by stem, its names, numbers and dates, and what it denies?

use intramuros_core::language::Language;
use intramuros_search::analysis::{Word, stem, words};

use super::dates::{self, Date};
use super::numbers::{self, Quantity};

/// What a token is, beside its form.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    /// A word that carries meaning.
    Word,
    /// A name, acronym or identifier.
    Name,
    /// A quantity.
    Number(Quantity),
    /// A date.
    Date(Date),
    /// What denies: `ne … pas`, `not`, `sans`.
    Negation,
}

/// One token. Function words give none.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Token {
    pub kind: Kind,
    /// Lower case, no accents.
    pub exact: Box<str>,
    /// The stem; the exact form for names and numbers.
    pub stem: Box<str>,
}

impl Token {
    /// Whether both say the same, `self` being claimed and `evidence` what the document says.
    pub fn is_borne_out_by(&self, evidence: &Token) -> bool {
        match (&self.kind, &evidence.kind) {
            (Kind::Number(own), Kind::Number(its)) => own.matches(its),
            (Kind::Date(own), Kind::Date(its)) => own.is_borne_out_by(its),
            // A year that was read as a number on one side ("2018 euros" is no year).
            (Kind::Date(own), Kind::Number(its)) => {
                its.as_year().is_some_and(|year| own.is_borne_out_by(&Date::year(year)))
            }
            (Kind::Number(own), Kind::Date(its)) => own.as_year().is_some() && own.as_year() == its.year,
            (Kind::Negation, Kind::Negation) => true,
            (Kind::Word | Kind::Name, Kind::Word | Kind::Name) => {
                self.stem == evidence.stem || self.exact == evidence.exact
            }
            _ => false,
        }
    }

    /// Whether a change of this token alone makes another statement.
    pub fn is_critical(&self) -> bool {
        !matches!(self.kind, Kind::Word)
    }
}

/// Words that deny by themselves, folded.
const DENIALS: &[&str] = &[
    "aucun",
    "aucune",
    "aucunement",
    "cannot",
    "jamais",
    "neither",
    "never",
    "no",
    "nobody",
    "non",
    "none",
    "nor",
    "not",
    "nothing",
    "nul",
    "nulle",
    "nullement",
    "pas",
    "sans",
    "without",
];

/// Words that deny where `ne` stands before them.
const SECOND_PARTS: &[&str] = &["guere", "ni", "personne", "plus", "point", "rien"];

/// Words between `ne` and its second part at most: `ne peut en principe toujours pas`.
const REACH: usize = 8;

/// The tokens of a text.
pub(crate) fn tokens(text: &str, language: Language) -> Vec<Token> {
    let words: Vec<Word> = words(text).into_iter().filter(|word| !word.whole).collect();
    let mut found: Vec<Token> = Vec::new();
    let mut at = usize::from(opens_list(text, &words));
    // Words up to this one belong to a denial that has been noted.
    let mut denied_until = 0;
    while let Some(word) = words.get(at) {
        let exact = word.exact.as_str();
        let push = |found: &mut Vec<Token>, kind: Kind, exact: &str, stem: &str| {
            found.push(Token { kind, exact: exact.into(), stem: stem.into() });
        };
        if let Some((date, taken)) = dates::date_at(text, &words, at) {
            push(&mut found, Kind::Date(date), exact, exact);
            at += taken;
        } else if let Some((quantity, taken)) = quantity_at(text, &words, at) {
            push(&mut found, Kind::Number(quantity), exact, exact);
            at += taken;
        } else if denies_nothing(text, &words, at) {
            at += 1;
        } else if let Some(until) = denial_at(text, &words, at, language) {
            if at >= denied_until {
                push(&mut found, Kind::Negation, "not", "not");
            }
            denied_until = denied_until.max(until);
            at += 1;
        } else {
            let piece = text.get(word.range.clone()).unwrap_or_default();
            if is_name(text, word, piece) {
                push(&mut found, Kind::Name, exact, &stem_of(piece, exact, language));
            } else if let Some(stem) = stem(piece, exact, language)
                && !is_light(exact)
            {
                push(&mut found, Kind::Word, exact, &stem);
            }
            at += 1;
        }
    }
    found
}

/// Whether a text begins with the number of a list: `1. Open the file`.
fn opens_list(text: &str, words: &[Word]) -> bool {
    words.first().is_some_and(|word| {
        let digits = word.exact.len() <= 2 && word.exact.bytes().all(|byte| byte.is_ascii_digit());
        let mut after = text.get(word.range.end..).unwrap_or_default().chars();
        digits && matches!(after.next(), Some('.' | ')')) && after.next() == Some(' ')
    })
}

fn stem_of(piece: &str, exact: &str, language: Language) -> Box<str> {
    stem(piece, exact, language).map_or_else(|| exact.into(), |stem| Box::from(&*stem))
}

fn quantity_at(text: &str, words: &[Word], at: usize) -> Option<(Quantity, usize)> {
    let word = words.get(at)?;
    if !word.exact.starts_with(|c: char| c.is_ascii_digit()) {
        return numbers::words_at(text, words, at);
    }
    let before = text.get(..word.range.start)?.chars().next_back();
    // AB-123 and v2.1 are identifiers; so is 3rd party's "3rd".
    if before.is_some_and(char::is_alphabetic)
        || !word.exact.chars().all(|c| c.is_ascii_digit()) && !glued_unit(&word.exact)
    {
        return None;
    }
    let (quantity, range) = numbers::digits_at(text, word.range.start)?;
    let taken = words.get(at..)?.iter().take_while(|word| word.range.start < range.end).count().max(1);
    Some((quantity, taken))
}

/// `30km`, `5GB`, `20h`: digits with a unit right behind.
fn glued_unit(exact: &str) -> bool {
    let unit = exact.trim_start_matches(|c: char| c.is_ascii_digit());
    matches!(
        unit,
        "" | "km" | "kg" | "m" | "ko" | "kb" | "mo" | "mb" | "go" | "gb" | "to" | "tb" | "h" | "eur"
    )
}

/// Words after which `ou non` has named the other case, rather than denied what follows: `accompagné ou non par`.
const AFTER_AN_ALTERNATIVE: &[&str] = &[
    "a", "au", "aux", "avec", "d", "dans", "de", "des", "du", "en", "et", "par", "pour", "que", "selon",
    "sur",
];

/// Whether a word that looks like a denial denies nothing of what the sentence states: `Non, il est interdit de …` answers the
/// question before it, `accompagné ou non par un parent` and `whether or not` name both cases.
fn denies_nothing(text: &str, words: &[Word], at: usize) -> bool {
    let Some(word) = words.get(at) else { return false };
    let behind = text.get(word.range.end..).unwrap_or_default().trim_start();
    if at == 0 {
        return matches!(word.exact.as_str(), "non" | "no") && behind.starts_with(',');
    }
    let before = words.get(at - 1).map_or("", |word| word.exact.as_str());
    match (before, word.exact.as_str()) {
        ("or", "not") => words.iter().take(at).any(|word| word.exact == "whether"),
        ("ou", "non" | "pas") => {
            let next = words.get(at + 1).map(|word| word.exact.as_str());
            !behind.starts_with(char::is_alphanumeric)
                || next.is_some_and(|next| AFTER_AN_ALTERNATIVE.contains(&next))
        }
        _ => false,
    }
}

/// Whether a word denies; with the number of the word up to which further signs belong to the same denial.
fn denial_at(text: &str, words: &[Word], at: usize, language: Language) -> Option<usize> {
    let word = words.get(at)?;
    let exact = word.exact.as_str();
    let following = |reach: usize| words.iter().enumerate().skip(at + 1).take(reach);
    if language == Language::French && matches!(exact, "ne" | "n") {
        let second = following(REACH).find(|(_, word)| {
            let second = word.exact.as_str();
            DENIALS.contains(&second) || SECOND_PARTS.contains(&second) || matches!(second, "que" | "qu")
        });
        return match second {
            // "ne … que" restricts, it doesn't deny.
            Some((_, word)) if matches!(word.exact.as_str(), "que" | "qu") => None,
            Some((position, _)) => Some(position + 1),
            None => Some(at + 1),
        };
    }
    // don't, can't, won't
    if exact == "t" && at > 0 {
        let before = words.get(at - 1)?;
        let joint = text.get(before.range.end..word.range.start)?;
        return (before.exact.ends_with('n') && matches!(joint, "'" | "’")).then_some(at + 1);
    }
    // "non-EU" and "non applicable" deny; "No. 5" counts.
    if exact == "no" && language == Language::French {
        return None;
    }
    let first_of_pair = DENIALS.contains(&exact);
    // "Aucun document n'est …": the `ne` that follows is the same denial.
    first_of_pair.then(|| {
        let ne = following(REACH).find(|(_, word)| matches!(word.exact.as_str(), "ne" | "n"));
        match ne.filter(|_| language == Language::French && !matches!(exact, "pas" | "sans" | "non")) {
            Some((position, _)) => position + 1,
            None => at + 1,
        }
    })
}

/// Verbs and adverbs that say so little that a sentence is the same without them, folded.
fn is_light(exact: &str) -> bool {
    matches!(
        exact,
        "ainsi"
            | "answer"
            | "reponse"
            | "alors"
            | "also"
            | "aussi"
            | "can"
            | "cela"
            | "cependant"
            | "doit"
            | "doivent"
            | "egalement"
            | "faut"
            | "however"
            | "may"
            | "must"
            | "notamment"
            | "peut"
            | "peuvent"
            | "should"
            | "therefore"
            | "toutefois"
            | "which"
            | "who"
            | "dont"
            | "lorsque"
            | "when"
            | "where"
            | "comme"
            | "like"
            | "ca"
            | "ceci"
            | "plus"
            | "more"
            | "tout"
            | "tous"
            | "toute"
            | "toutes"
            | "all"
            | "any"
            | "some"
            | "autre"
            | "autres"
            | "other"
    )
}

/// Whether a word is a name, an acronym or an identifier. The first word of a sentence has its capital anyway.
fn is_name(text: &str, word: &Word, piece: &str) -> bool {
    let mut letters = piece.chars();
    let Some(first) = letters.next() else { return false };
    let has_digit = piece.chars().any(|c| c.is_ascii_digit());
    let has_letter = piece.chars().any(char::is_alphabetic);
    if has_digit {
        return true;
    }
    if !first.is_uppercase() || !has_letter {
        return false;
    }
    let rest = letters.as_str();
    if !rest.is_empty() && rest.chars().all(char::is_uppercase) {
        return true;
    }
    let opens = text
        .get(..word.range.start)
        .and_then(|before| before.trim_end().chars().next_back())
        .is_none_or(|mark| matches!(mark, '.' | '!' | '?' | ':' | ';' | '…' | '-' | '*' | '•' | '\n' | '#'));
    // One letter and a dot is an initial; "I" is English; so is the capital of a day.
    let day = word.exact.trim_end_matches('s').ends_with("day");
    !opens && piece != "I" && !rest.is_empty() && !day
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str, language: Language) -> String {
        let kinds = tokens(text, language).into_iter().filter(Token::is_critical);
        let show = |token: Token| match token.kind {
            Kind::Negation => "NOT".to_owned(),
            Kind::Number(_) => format!("#{}", token.exact),
            Kind::Date(_) => format!("@{}", token.exact),
            _ => token.exact.into(),
        };
        kinds.map(show).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_changes_a_statement_is_seen() {
        let check = |text: &str, language: Language, expected: &str| {
            assert_eq!(names(text, language), expected, "{text}");
        };
        let (french, english) = (Language::French, Language::English);
        check("Le RGPD s’applique depuis le 25 mai 2018.", french, "rgpd @25");
        check("Il ne faut pas garder ces factures plus de dix ans.", french, "NOT #dix");
        check("Aucun document n’est conservé.", french, "NOT");
        check("Cela ne concerne que les mineurs.", french, "");
        check("Le délai ne saurait excéder 30 jours.", french, "NOT #30");
        check("You can't use Amazon S3 without a key.", english, "NOT amazon s3 NOT");
        check("Encryption is not available on 3 instances.", english, "NOT #3");
        check("Invoices may be kept.", english, "");
        check("Non, il est interdit de fumer.", french, "");
        check("Non, il ne faut pas fumer.", french, "NOT");
        check("No, invoices are kept.", english, "");
        check("No invoices are kept.", english, "NOT");
        check("L’enfant accompagné ou non par un parent", french, "");
        check("Que le parent soit présent ou pas, il signe.", french, "");
        check("Un produit défectueux ou non conforme", french, "NOT");
        check("Whether or not it is encrypted, it counts.", english, "");
        check("It is sent or not signed.", english, "NOT");
        check("Environ 10 000 euros en 2020", french, "#10 #2020");
        check("L’article L.3242-1 du Code du travail", french, "#3242 #1 code");
    }
}

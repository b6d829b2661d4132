//! In which other words can the same be said, without a model?

use intramuros_core::language::Language;

use super::{Cut, Random, is_plain};

/// Words with others that say the same, French.
const FRENCH: &[(&str, &str)] = &[
    ("afin de", "pour"),
    ("lorsque", "quand"),
    ("obligatoire", "imposé"),
    ("également", "aussi"),
    ("par exemple", "notamment"),
    ("il est possible de", "on peut"),
    ("permet de", "sert à"),
    ("en cas de", "s'il y a"),
    ("doit être", "est à"),
    ("utiliser", "employer"),
    ("effectuer", "faire"),
    ("concernant", "sur"),
    ("toutefois", "cependant"),
    ("auprès de", "chez"),
    ("à compter de", "à partir de"),
];

/// The same, English.
const ENGLISH: &[(&str, &str)] = &[
    ("in order to", "to"),
    ("for example", "for instance"),
    ("you must", "it is required to"),
    ("use ", "employ "),
    ("obtained", "found"),
    ("however", "yet"),
    ("shown", "presented"),
    ("about", "concerning"),
    ("when ", "whenever "),
    ("provides", "gives"),
    ("enables", "lets"),
    ("does not", "doesn't"),
    ("is not", "isn't"),
    ("such as", "like"),
];

const FRENCH_OPENINGS: &[&str] = &["Selon le document, ", "D'après la fiche, ", "En résumé, "];
const ENGLISH_OPENINGS: &[&str] = &["According to the document, ", "As stated, ", "In short, "];

/// A sentence that says what `base` says: as it stands, shortened, reworded, or joined with another of its passage.
pub(super) fn reword(base: &str, cut: &Cut, language: Language, random: &mut Random) -> String {
    match random.below(4) {
        0 => base.to_owned(),
        1 => shortened(base),
        2 => reworded(base, language, random),
        _ => joined(base, cut, language),
    }
}

/// Without what stands in brackets, and without the last clause when the rest is long enough.
fn shortened(base: &str) -> String {
    let mut text = base.to_owned();
    while let (Some(open), Some(close)) = (text.find(" ("), text.find(')')) {
        if close < open {
            break;
        }
        text.replace_range(open..=close, "");
    }
    let short = text.rsplit_once(", ").map(|(first, _)| first.to_owned());
    match short.filter(|first| first.split_whitespace().count() >= 7) {
        Some(first) => format!("{first}."),
        None => text,
    }
}

fn reworded(base: &str, language: Language, random: &mut Random) -> String {
    let (pairs, openings) =
        if language == Language::French { (FRENCH, FRENCH_OPENINGS) } else { (ENGLISH, ENGLISH_OPENINGS) };
    let mut text = base.to_owned();
    for (from, to) in pairs {
        text = text.replacen(from, to, 1);
    }
    text = text.replace(" 10 000", " 10000").replace(" pour cent", " %").replace(" percent", "%");
    let opening = random.of(openings).copied().unwrap_or_default();
    format!("{opening}{}", uncapitalised(&text))
}

/// The first letter small, unless the first word is an acronym or a name of several capitals.
fn uncapitalised(text: &str) -> String {
    let mut letters = text.chars();
    match (letters.next(), letters.clone().next()) {
        (Some(first), Some(second)) if !second.is_uppercase() && !second.is_ascii_digit() => {
            first.to_lowercase().collect::<String>() + letters.as_str()
        }
        _ => text.to_owned(),
    }
}

fn joined(base: &str, cut: &Cut, language: Language) -> String {
    let other = cut.sentences.iter().find(|sentence| sentence.as_str() != base && is_plain(sentence));
    let Some(other) = other else { return base.to_owned() };
    let joint = if language == Language::French { "et" } else { "and" };
    format!("{} {joint} {}", base.trim_end_matches(['.', ' ']), uncapitalised(other))
}

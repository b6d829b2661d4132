//! What did the person ask for?
//!
//! Plain words, and beside them: `"exact phrase"` (also « »), `-without`, `titre:mot` / `title:word`, and filters
//! `kind:pdf`, `folder:contracts`, `source:drive`, `lang:fr`, `after:2024-05`, `before:2025`, `year:2024` with their
//! French names. Whatever is not understood as one of these is words: no question is ever a syntax error. A filter whose
//! value says nothing to it (`kind:xyz`), or whose name is nearly ours or another program's (`titer:bail`, `author:Dupont`),
//! is left out and noted, so that the person can be told; in quotation marks it is words.

use intramuros_core::document::Kind;
use intramuros_core::language::{Language, detect};
use serde::{Deserialize, Serialize};

use crate::analysis::{Word, is_function_word, is_question_word, is_word_character, words};
use crate::calendar::{is_day, period};
use crate::catalogue::Filters;
use crate::compounds::{are_joined, has_mark, is_compound};
use crate::readings::is_figures;

/// Longest question in bytes. Beyond two pages it is a document, not a question.
pub const MAX_QUERY_BYTES: usize = 8 << 10;

/// Most words of a question that are looked up; more cost time and add nothing.
const MAX_WORDS: usize = 64;

/// Most phrases, excluded words and title words of a question.
const MAX_CONDITIONS: usize = 16;

/// Most words of a phrase, and of a title that is asked for; a longer quotation is found by its beginning.
pub(crate) const MAX_PHRASE_WORDS: usize = 64;

/// A word that is looked up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryWord {
    /// As the person wrote it.
    pub written: String,
    /// Folded (see `analysis`).
    pub exact: String,
    /// Its place among the words of the question.
    pub position: u32,
    /// An identifier, number or date as a whole.
    pub whole: bool,
    /// What this is a part of, in one piece: `vidéosurveillance` for both words of `vidéo-surveillance`. Where it stands,
    /// its parts are said as well.
    pub joined: Option<String>,
}

impl QueryWord {
    /// Whether this is a number without the marks between its thousands; other wholes keep theirs.
    pub(crate) fn is_number(&self) -> bool {
        self.whole && is_figures(&self.exact)
    }

    /// Whether this is a day in the form in which all are compared (`2024-11-30`).
    pub(crate) fn is_day(&self) -> bool {
        self.whole && is_day(&self.exact)
    }

    /// Whether it is a day that was written in figures alone: its parts say nothing, for they stand in every calendar. Of
    /// `30 novembre 2024` they do.
    pub(crate) fn is_day_in_figures(&self) -> bool {
        self.is_day() && !self.written.contains(char::is_alphabetic)
    }

    /// Whether this is no further word, but how others are read together: a number, a day or a reference in its one form.
    pub(crate) fn is_reading(&self) -> bool {
        self.whole && (self.is_day() || self.exact != crate::analysis::fold(&self.written))
    }

    /// Whether this is a reference in its one form, where it was written in another (`l3242-1` for `L. 3242-1`).
    pub(crate) fn is_reference(&self) -> bool {
        self.is_reading() && !self.is_number() && !self.is_day()
    }

    /// Of how many parts it is made.
    pub(crate) fn parts(&self) -> usize {
        self.written.split(|letter: char| !is_word_character(letter)).filter(|part| !part.is_empty()).count()
    }

    /// Whether this is a part of a whole.
    pub(crate) fn is_part_of(&self, whole: &QueryWord) -> bool {
        let behind = self.position.checked_sub(whole.position);
        whole.whole && !self.whole && behind.is_some_and(|behind| (behind as usize) < whole.parts())
    }
}

/// Something that was written as a filter and filters nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoFilter {
    /// As the person wrote it: `kind:xyz`.
    pub written: String,
    /// What it would have taken.
    pub expected: Expected,
}

/// What a filter takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Expected {
    /// A kind of file.
    Kind,
    /// A language.
    Language,
    /// A year, a month or a day.
    Date,
    /// No dash before it: a filter can't be turned round.
    NoDash,
    /// Another name before the colon.
    Name,
}

/// A question, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Query {
    /// What remains for the vector: the question without conditions and filters.
    pub text: String,
    /// The words that are looked up, function words left out.
    pub words: Vec<QueryWord>,
    /// Phrases that must occur, as folded words.
    pub phrases: Vec<Vec<String>>,
    /// Words or phrases that must not occur, as folded words.
    pub excluded: Vec<Vec<String>>,
    /// Words that must stand in the title, as written.
    pub in_title: Vec<String>,
    /// What the search is narrowed to.
    pub filters: Filters,
    /// What narrows it beside phrases, as it was written: filters, words of the title, words that must not occur.
    pub conditions: Vec<String>,
    /// What was written as a filter and filters nothing.
    pub no_filters: Vec<NoFilter>,
    /// The language of the question; [`Language::Other`] is read both ways.
    pub language: Language,
    /// Whether the last word may be the beginning of a longer one (nothing follows it).
    pub unfinished: bool,
}

impl Query {
    /// Takes a question apart. It never fails; what is over the limits is cut.
    pub fn parse(question: &str) -> Query {
        let mut end = question.len().min(MAX_QUERY_BYTES);
        while !question.is_char_boundary(end) {
            end -= 1;
        }
        let question: String = question
            .get(..end)
            .unwrap_or_default()
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        let mut query = Query { unfinished: question.ends_with(char::is_alphanumeric), ..Query::default() };
        let mut plain = String::new();
        for piece in pieces(&question) {
            query.take(piece, &mut plain);
        }
        query.text = plain.split_whitespace().collect::<Vec<_>>().join(" ");
        query.language = detect(&query.text);
        query.words = lookup_words(&query.text, query.language);
        query
    }

    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty() && self.phrases.is_empty() && self.text.is_empty()
    }

    /// Whether it narrows what is searched, beside the words.
    pub fn narrows(&self) -> bool {
        !self.filters.is_empty() || !self.excluded.is_empty() || !self.in_title.is_empty()
    }

    fn take(&mut self, piece: Piece<'_>, plain: &mut String) {
        match piece {
            Piece::Phrase { text, without, name } => {
                let folded = phrase_words(text);
                if folded.is_empty() {
                    return;
                }
                if without {
                    push_limited(&mut self.excluded, folded);
                    push_limited(&mut self.conditions, format!("-\"{text}\""));
                } else if let Some(name) = name {
                    let taken = self.take_condition(name, text);
                    self.note(taken, &format!("{name}:\"{text}\""), text, plain);
                } else {
                    push_limited(&mut self.phrases, folded);
                    push_plain(plain, text);
                }
            }
            Piece::Word(word) => {
                if let Some(without) = word.strip_prefix('-')
                    && without.starts_with(char::is_alphanumeric)
                {
                    if pair(without).is_some_and(|(name, _)| condition(name).is_some()) {
                        self.note(Taken::Not(Expected::NoDash), word, word, plain);
                        return;
                    }
                    let folded = phrase_words(without);
                    push_limited(&mut self.excluded, folded);
                    push_limited(&mut self.conditions, word.to_owned());
                } else {
                    let taken =
                        pair(word).map_or(Taken::Words, |(name, value)| self.take_condition(name, value));
                    self.note(taken, word, word, plain);
                }
            }
        }
    }

    /// Notes what a piece was taken for; `words` is what it says where it is none of ours.
    fn note(&mut self, taken: Taken, written: &str, words: &str, plain: &mut String) {
        let written = written.to_owned();
        match taken {
            Taken::Condition => push_limited(&mut self.conditions, written),
            Taken::Not(expected) => push_limited(&mut self.no_filters, NoFilter { written, expected }),
            Taken::Words => push_plain(plain, words),
        }
    }

    /// Reads `name:value`.
    fn take_condition(&mut self, name: &str, value: &str) -> Taken {
        let Some(condition) = condition(name) else {
            return if is_no_condition(name, value) { Taken::Not(Expected::Name) } else { Taken::Words };
        };
        let filters = &mut self.filters;
        match condition {
            Condition::Title => push_limited(&mut self.in_title, value.to_owned()),
            Condition::Folder => push_limited(&mut filters.folders, value.to_owned()),
            Condition::Source => push_limited(&mut filters.sources, value.to_owned()),
            Condition::Kind => match kind_of(value) {
                Some(kind) => push_limited(&mut filters.kinds, kind),
                None => return Taken::Not(Expected::Kind),
            },
            Condition::Language => match Language::from_code(&language_code(value)) {
                Language::Other => return Taken::Not(Expected::Language),
                language => push_limited(&mut filters.languages, language),
            },
            Condition::After | Condition::Before | Condition::Within => {
                let Some((start, end)) = period(value) else { return Taken::Not(Expected::Date) };
                match condition {
                    Condition::After => filters.after_ms = Some(start),
                    Condition::Before => filters.before_ms = Some(start),
                    _ => (filters.after_ms, filters.before_ms) = (Some(start), Some(end)),
                }
            }
        }
        Taken::Condition
    }
}

/// What a piece of a question was taken for.
enum Taken {
    /// A condition.
    Condition,
    /// A condition that holds for nothing.
    Not(Expected),
    /// Words.
    Words,
}

/// What the name before a colon stands for.
#[derive(Clone, Copy)]
enum Condition {
    Title,
    Kind,
    Folder,
    Source,
    Language,
    After,
    Before,
    Within,
}

/// The names of conditions, folded.
const CONDITIONS: &[(&str, Condition)] = &[
    ("titre", Condition::Title),
    ("title", Condition::Title),
    ("intitle", Condition::Title),
    ("kind", Condition::Kind),
    ("type", Condition::Kind),
    ("format", Condition::Kind),
    ("genre", Condition::Kind),
    ("filetype", Condition::Kind),
    ("ext", Condition::Kind),
    ("extension", Condition::Kind),
    ("dossier", Condition::Folder),
    ("folder", Condition::Folder),
    ("in", Condition::Folder),
    ("dans", Condition::Folder),
    ("source", Condition::Source),
    ("lang", Condition::Language),
    ("langue", Condition::Language),
    ("language", Condition::Language),
    ("apres", Condition::After),
    ("after", Condition::After),
    ("depuis", Condition::After),
    ("since", Condition::After),
    ("avant", Condition::Before),
    ("before", Condition::Before),
    ("annee", Condition::Within),
    ("year", Condition::Within),
    ("date", Condition::Within),
    ("le", Condition::Within),
];

/// Names by which other programs narrow a search, folded. Not those that head a line of a letter (`objet:`, `from:`).
const NO_CONDITIONS: &[&str] = &[
    "auteur",
    "author",
    "chemin",
    "created",
    "fichier",
    "filename",
    "inurl",
    "modified",
    "owner",
    "path",
    "proprietaire",
    "site",
    "size",
    "taille",
];

/// Shorter names have too many neighbours that are words: `data:`, `long:`, `rate:`.
const LEAST_NEAR_LETTERS: usize = 5;

/// The condition of a name, in either language; none where the name is none of ours.
fn condition(name: &str) -> Option<Condition> {
    let name = crate::analysis::fold(name);
    CONDITIONS.iter().find(|(known, _)| *known == name).map(|(_, condition)| *condition)
}

/// Words that are one letter away from a filter's name, and stand before a colon.
const NO_NAMES: &[&str] = &["anne", "intitule"];

/// Whether `name:value` was surely meant to narrow the search, though the name is none of ours. What goes on like an address
/// or a path (`site://`) was not.
fn is_no_condition(name: &str, value: &str) -> bool {
    let name = crate::analysis::fold(name);
    let is_near = |known: &str| known.len() >= LEAST_NEAR_LETTERS && is_one_error_away(&name, known);
    !value.starts_with(['/', '\\', ':'])
        && !NO_NAMES.contains(&name.as_str())
        && (NO_CONDITIONS.contains(&name.as_str()) || CONDITIONS.iter().any(|(known, _)| is_near(known)))
}

/// Whether one letter more, one less, another one, or two that changed places make one word of the other; behind the first
/// letter, which people get right.
fn is_one_error_away(word: &str, other: &str) -> bool {
    let (word, other): (Vec<char>, Vec<char>) = (word.chars().collect(), other.chars().collect());
    let begin = word.iter().zip(&other).take_while(|(one, two)| one == two).count();
    let left = word.len().min(other.len()) - begin;
    let backwards = word.iter().rev().zip(other.iter().rev()).take(left);
    let end = backwards.take_while(|(one, two)| one == two).count();
    let differing = (word.get(begin..word.len() - end), other.get(begin..other.len() - end));
    begin > 0
        && match differing {
            (Some([_]), Some([])) | (Some([]), Some([_])) | (Some([_]), Some([_])) => true,
            (Some([one, two]), Some([three, four])) => one == four && two == three,
            _ => false,
        }
}

/// The two sides of `name:value`.
fn pair(word: &str) -> Option<(&str, &str)> {
    word.split_once(':').filter(|(_, value)| !value.is_empty())
}

/// Whether anything of a question can be seen: one of spaces, control characters and what Unicode has for shaping and
/// hiding asks nothing.
pub fn is_visible(question: &str) -> bool {
    question.chars().any(shows)
}

/// Whether a letter shows.
fn shows(letter: char) -> bool {
    let hidden = matches!(
        letter,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    );
    !hidden && !letter.is_whitespace() && !letter.is_control()
}

/// The words of a phrase, folded.
fn phrase_words(text: &str) -> Vec<String> {
    let mut folded = Vec::new();
    for word in words(text) {
        if has_mark(&word.exact) {
            // Its letters without the mark, which came before it, are another word.
            folded.pop();
        } else if word.whole {
            continue;
        }
        folded.push(word.exact);
    }
    folded.truncate(MAX_PHRASE_WORDS);
    folded
}

/// Adds what is not there yet: said twice it asks nothing more, and would cost its time twice.
fn push_limited<T: PartialEq>(list: &mut Vec<T>, item: T) {
    if list.len() < MAX_CONDITIONS && !list.contains(&item) {
        list.push(item);
    }
}

fn push_plain(plain: &mut String, text: &str) {
    plain.push_str(text);
    plain.push(' ');
}

fn language_code(value: &str) -> String {
    match crate::analysis::fold(value).as_str() {
        "francais" | "french" => "fr".to_owned(),
        "anglais" | "english" => "en".to_owned(),
        other => other.to_owned(),
    }
}

/// The kind for a word as people say it: the kind's own, a file extension, or the French word.
fn kind_of(value: &str) -> Option<Kind> {
    let value = crate::analysis::fold(value);
    Kind::from_word(&value).or(match value.as_str() {
        "doc" | "docx" | "odt" | "rtf" | "texte-mis-en-forme" => Some(Kind::Word),
        "ppt" | "pptx" | "odp" | "presentation" | "diapositives" => Some(Kind::Slides),
        "xls" | "xlsx" | "ods" | "csv" | "tsv" | "tableur" | "tableau" | "spreadsheet" => Some(Kind::Sheet),
        "htm" | "web" | "page" => Some(Kind::Html),
        "md" => Some(Kind::Markdown),
        "txt" | "texte" => Some(Kind::Text),
        "json" | "xml" | "yaml" | "donnees" => Some(Kind::Data),
        "epub" | "livre" => Some(Kind::Book),
        "eml" | "msg" | "mbox" | "email" | "courriel" | "courrier" | "message" => Some(Kind::Mail),
        "slack" | "discussion" => Some(Kind::Chat),
        "ipynb" | "carnet" => Some(Kind::Notebook),
        "source" => Some(Kind::Code),
        "png" | "jpg" | "jpeg" | "photo" | "scan" => Some(Kind::Image),
        "zip" | "tar" | "archives" => Some(Kind::Archive),
        _ => None,
    })
}

enum Piece<'a> {
    Word(&'a str),
    Phrase { text: &'a str, without: bool, name: Option<&'a str> },
}

/// Cuts a question at white space, but not inside quotation marks.
fn pieces(question: &str) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    let mut rest = question.trim_start();
    while !rest.is_empty() {
        let (piece, after) = phrase_piece(rest).unwrap_or_else(|| {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            (Piece::Word(word), after)
        });
        found.push(piece);
        rest = after.trim_start();
    }
    found
}

/// A phrase at the beginning of `rest`, with `-` or `name:` before it; none when no closing mark follows.
fn phrase_piece(rest: &str) -> Option<(Piece<'_>, &str)> {
    let (without, inner) = match rest.strip_prefix('-') {
        Some(inner) => (true, inner),
        None => (false, rest),
    };
    let open_at = inner.find(['"', '«', '“', '„'])?;
    let before = inner.get(..open_at)?;
    let name = match before {
        "" => None,
        before if !without && before.ends_with(':') && !before.contains(char::is_whitespace) => {
            before.strip_suffix(':')
        }
        _ => return None,
    };
    let after_open = inner.get(open_at..)?;
    let open = after_open.chars().next()?;
    let body = after_open.get(open.len_utf8()..)?;
    let close_at = match open {
        '"' => body.find('"'),
        '«' => body.find('»'),
        _ => body.find(['”', '“', '"']),
    }?;
    let text = body.get(..close_at)?;
    let close = body.get(close_at..)?.chars().next()?;
    Some((Piece::Phrase { text, without, name }, body.get(close_at + close.len_utf8()..)?))
}

/// The words of a question that are looked up. Function and question words are left out, unless nothing else is
/// there: then they are what the person asks for.
fn lookup_words(text: &str, language: Language) -> Vec<QueryWord> {
    let says_no_more = |word: &Word| is_compound(word) || is_of_a_year(word);
    let (pairs, found): (Vec<Word>, Vec<Word>) = words(text).into_iter().partition(says_no_more);
    let written = |word: &Word| text.get(word.range.clone()).unwrap_or_default();
    let joined = |part: &Word| -> Option<String> {
        let holds = |pair: &&Word| pair.range.start <= part.range.start && part.range.end <= pair.range.end;
        let pair = pairs.iter().find(holds).filter(|_| !part.whole)?;
        Some(written(pair).chars().filter(|letter| is_word_character(*letter)).collect())
    };
    let query_word = |word: &Word| QueryWord {
        written: written(word).to_owned(),
        exact: word.exact.clone(),
        position: word.position,
        whole: word.whole,
        joined: joined(word),
    };
    let all: Vec<QueryWord> = found.iter().map(query_word).collect();
    let languages = crate::analysis::readings(language);
    let dull = |word: &QueryWord, also_asking: bool| {
        // No English one has an accent: `thèse` is not `these`.
        let is_function = |language: &Language| {
            is_function_word(&word.exact, *language)
                && (*language != Language::English || word.written.is_ascii())
        };
        let asks = |language: &Language| also_asking && is_question_word(&word.exact, *language);
        languages.iter().all(|language| is_function(language) || asks(language))
            || (languages.iter().any(is_function) && is_of_one_language(word))
    };
    // In `sous-traitant` and `on-call` the first word says as much as the other.
    let hyphen_behind = |at: usize| match found.get(at..at + 2) {
        Some([first, second]) => are_joined(text, first, second),
        _ => false,
    };
    // Not in the middle: `peer-to-peer`.
    let begins_compound = |at: usize| {
        hyphen_behind(at)
            && !at.checked_sub(1).is_some_and(hyphen_behind)
            && all.get(at + 1).is_some_and(|next| !dull(next, true))
    };
    let says_something = |(at, word): &(usize, &QueryWord)| !dull(word, true) || begins_compound(*at);
    let mut kept: Vec<QueryWord> =
        all.iter().enumerate().filter(says_something).map(|(_, word)| word.clone()).collect();
    if kept.is_empty() {
        kept = all.iter().filter(|word| !dull(word, false)).cloned().collect();
    }
    if kept.is_empty() {
        kept = all;
    }
    let days: Vec<QueryWord> = kept.iter().filter(|word| word.is_day_in_figures()).cloned().collect();
    kept.retain(|word| !days.iter().any(|day| is_said_by(word, day)));
    // Numbers, days and references in one form come last: between other words they would part neighbours.
    kept.sort_by_key(QueryWord::is_reading);
    kept.truncate(MAX_WORDS);
    kept
}

/// Whether a word is an abbreviation with a year behind, read as one (`smic2024` for `SMIC 2024`). Documents mostly write
/// the two apart, so it may not count beside them as a reference does. Behind a function word (`EN 1992`) the figures
/// alone say nothing, and it is a reference.
fn is_of_a_year(word: &Word) -> bool {
    let letters = word.exact.trim_end_matches(|letter: char| letter.is_ascii_digit());
    let year = word.exact.get(letters.len()..).unwrap_or_default();
    word.whole
        && letters.len() > 1
        && letters.chars().all(char::is_alphabetic)
        && year.len() == 4
        && matches!(year.get(..2), Some("19" | "20"))
        && ![Language::French, Language::English].iter().any(|known| is_function_word(letters, *known))
}

/// Function words of one language, folded, that are words of the other: `car rental`, `cours de l'or`, `on call`.
const HOMOGRAPHS: &[&str] = &[
    "ai", "an", "as", "but", "car", "ete", "if", "me", "no", "on", "or", "par", "pas", "pour", "sans", "si",
    "so", "son", "sous", "sur", "the", "ton",
];

/// Whether a function word of one language says nothing in the other either: `de`, `la`, `in`. Else it would count for much
/// where the language of a question is not known, for what is written in the other language holds it seldom. Letters and
/// abbreviations (`SI`) say something.
fn is_of_one_language(word: &QueryWord) -> bool {
    let is_abbreviation = word.written.chars().all(char::is_uppercase);
    word.exact.len() > 1 && !is_abbreviation && !HOMOGRAPHS.contains(&word.exact.as_str())
}

/// Whether a word is a part of a day, or the same in its own form (`30/11/2024`).
fn is_said_by(word: &QueryWord, day: &QueryWord) -> bool {
    let is_same = word.position == day.position && word.written == day.written && word.exact != day.exact;
    word.is_part_of(day) || (word.whole && is_same)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looked_up(question: &str) -> Vec<String> {
        Query::parse(question).words.into_iter().map(|word| word.exact).collect()
    }

    #[test]
    fn questions_lose_the_words_that_only_ask() {
        let check =
            |question: &str, expected: &[&str]| assert_eq!(looked_up(question), expected, "{question}");
        check("Quelle est la durée de conservation des factures ?", &["duree", "conservation", "factures"]);
        check("How long do I keep invoices?", &["long", "keep", "invoices"]);
        check("Qu’est-ce qu’un cookie ?", &["cookie"]);
        check("the who", &["who"]);
        // Where nothing tells the language, too.
        check("hébergement de données de santé", &["hebergement", "donnees", "sante"]);
        check("mise en demeure", &["mise", "demeure"]);
        check("log in", &["log"]);
        check("car rental", &["car", "rental"]);
        check("ai act", &["ai", "act"]);
        check("financement thèse", &["financement", "these"]);
        check("peer-to-peer act", &["peer", "peer", "act"]);
        check("SI santé", &["si", "sante"]);
        check("de la", &["de", "la"]);
        check("Quel est le rôle du sous-traitant ?", &["role", "sous", "traitant"]);
        check("Who is on the on-call rota?", &["on", "call", "rota"]);
        check("Est-ce que le salarié peut-il partir ?", &["salarie", "partir"]);
        check("article L.3242-1", &["article", "l", "3242", "1", "l.3242-1", "l3242-1"]);
        check("RFC 7231", &["rfc", "7231", "rfc7231"]);
        check("développeur C++ ou C#", &["developpeur", "c++", "c#"]);
        check("a C++ developer for .NET", &["c", "c++", "developer", "net", ".net"]);
        check("budget 85 000 euros", &["budget", "85", "000", "euros", "85000"]);
        check("budget 85\u{a0}000 euros", &["budget", "85", "000", "euros", "85000"]);
        check("", &[]);
    }

    #[test]
    fn words_with_a_hyphen_and_years_of_abbreviations_are_looked_up_with_what_they_are_in_one_piece() {
        let check = |question: &str, expected: &[(&str, Option<&str>)]| {
            let words = Query::parse(question).words;
            let found: Vec<(&str, Option<&str>)> =
                words.iter().map(|word| (word.exact.as_str(), word.joined.as_deref())).collect();
            assert_eq!(found, expected, "{question}");
        };
        let camera = Some("Vidéosurveillance");
        check("Vidéo-surveillance", &[("video", camera), ("surveillance", camera)]);
        check("on-call rota", &[("on", Some("oncall")), ("call", Some("oncall")), ("rota", None)]);
        check("peer-to-peer", &[("peer", None), ("peer", None)]);
        check("SMIC 2024", &[("smic", Some("SMIC2024")), ("2024", Some("SMIC2024"))]);
        check("EN 1992", &[("en", None), ("1992", None), ("en1992", None)]);
        check("RFC 7231", &[("rfc", None), ("7231", None), ("rfc7231", None)]);
        let phrases = Query::parse("« en C++ et C# avec .NET » « vidéo-surveillance »").phrases;
        assert_eq!(phrases[0], ["en", "c++", "et", "c#", "avec", ".net"]);
        assert_eq!(phrases[1], ["video", "surveillance"]);
    }

    #[test]
    fn a_day_is_looked_up_as_a_whole() {
        let check =
            |question: &str, expected: &[&str]| assert_eq!(looked_up(question), expected, "{question}");
        check("2024-11-30", &["2024-11-30"]);
        check("réunion du 30/11/2024 à Lyon", &["reunion", "lyon", "2024-11-30"]);
        check("30.11.2024 2024", &["2024", "2024-11-30"]);
        check("11/30/2024 2024-1-5", &["2024-11-30", "2024-01-05"]);
        // In words its parts are asked for as well.
        check("le 30 novembre 2024", &["30", "novembre", "2024", "2024-11-30"]);
        check("November 30, 2024", &["november", "30", "2024", "2024-11-30"]);
        // What surrounds it stays.
        check("CR-2024-11-30.pdf", &["cr", "pdf", "cr-2024-11-30.pdf", "2024-11-30"]);
        check("30/11/24", &["30", "11", "24", "30/11/24"]);
    }

    #[test]
    fn conditions_are_taken_out_of_the_question() {
        let query = Query::parse(
            r#"contrat "période d’essai" -stage titre:modèle kind:docx après:2023-05 folder:RH"#,
        );
        assert_eq!(query.phrases, [["periode", "d", "essai"]]);
        assert_eq!(query.excluded, [["stage"]]);
        assert_eq!(query.in_title, ["modèle"]);
        assert_eq!(query.filters.kinds, [Kind::Word]);
        assert_eq!(query.filters.folders, ["RH"]);
        assert_eq!(query.filters.after_ms, period("2023-05").map(|(start, _)| start));
        assert_eq!(query.text, "contrat période d’essai");
        let year = Query::parse("budget année:2024").filters;
        assert_eq!(
            (year.after_ms, year.before_ms),
            (period("2024").map(|p| p.0), period("2024").map(|p| p.1))
        );
        assert_eq!(Query::parse("titre:\"deux mots\" x").in_title, ["deux mots"]);
        assert_eq!(Query::parse("« deux mots »").phrases, [["deux", "mots"]]);
    }

    #[test]
    fn what_is_written_as_a_filter_and_filters_nothing_is_noted_and_left_out() {
        let check = |piece: &str, expected: Expected| {
            let query = Query::parse(&format!("contrat {piece} bail"));
            assert_eq!(query.text, "contrat bail", "{piece}");
            assert_eq!(query.no_filters, [NoFilter { written: piece.to_owned(), expected }]);
            assert!(query.filters.is_empty() && !query.narrows() && query.conditions.is_empty(), "{piece}");
        };
        check("kind:xyz", Expected::Kind);
        check("type:\"pdf docx\"", Expected::Kind);
        check("after:hier", Expected::Date);
        check("après:12/13/2024", Expected::Date);
        check("année:24", Expected::Date);
        check("lang:qq", Expected::Language);
        check("-kind:pdf", Expected::NoDash);
        check("ext:xyz", Expected::Kind);
        check("author:x", Expected::Name);
        check("Auteur:\"Jean Dupont\"", Expected::Name);
        check("taille:10Mo", Expected::Name);
        check("titer:bail", Expected::Name);
        check("dosier:RH", Expected::Name);
        check("foldder:RH", Expected::Name);
        check("langeu:fr", Expected::Name);
        // Names of sources and folders are anybody's; whether there are such is not known here. Other names are words.
        let check = |question: &str, text: &str, conditions: &[&str]| {
            let query = Query::parse(question);
            assert_eq!((query.text.as_str(), query.no_filters.len()), (text, 0), "{question}");
            assert_eq!(query.conditions, conditions, "{question}");
        };
        check("bail source:inconnue", "bail", &["source:inconnue"]);
        check("bail dossier:\"a b\" -stage kind:pdf", "bail", &["dossier:\"a b\"", "-stage", "kind:pdf"]);
        check("« kind:xyz » bail", "kind:xyz bail", &[]);
        check("note:xyz kind: 12:30", "note:xyz kind: 12:30", &[]);
        for words in [
            "Article L.121-1:",
            "L.121-1:2",
            "https://example.org:80/a",
            "site://x",
            "path:/usr/bin",
            "11:30",
            "C:\\path",
            "Note:text",
            "objet:résiliation",
            "std::vec",
            "data:text",
            "rate:5",
            "litre:3",
            "titre :",
            "auteur:",
            "-auteur",
        ] {
            let query = Query::parse(words);
            assert_eq!((query.no_filters.len(), query.filters.is_empty()), (0, true), "{words}");
        }
        assert_eq!(Query::parse("bail ext:md").filters.kinds, [Kind::Markdown]);
    }

    #[test]
    fn what_is_said_twice_is_asked_once_and_long_quotations_are_cut() {
        let query = Query::parse(
            "bail -stage -stage -Stage \"deux mots\" « Deux mots » titre:a titre:a kind:pdf type:pdf -stage",
        );
        assert_eq!(query.excluded, [["stage"]]);
        assert_eq!(query.phrases, [["deux", "mots"]]);
        assert_eq!(query.in_title, ["a"]);
        assert_eq!(query.filters.kinds, [Kind::Pdf]);
        assert_eq!(query.conditions, ["-stage", "-Stage", "titre:a", "kind:pdf", "type:pdf"]);
        // What is repeated takes no room of what is not.
        let many = Query::parse(&("-a ".repeat(40) + "-b"));
        assert_eq!(many.excluded, [["a"], ["b"]]);
        let long = Query::parse(&format!("\"{}\" -\"{}\"", "mot ".repeat(1_000), "x ".repeat(1_000)));
        assert_eq!((long.phrases[0].len(), long.excluded[0].len()), (MAX_PHRASE_WORDS, MAX_PHRASE_WORDS));
    }

    #[test]
    fn nothing_is_a_syntax_error() {
        for question in [
            "\"",
            "«",
            "-",
            "--",
            "-\"",
            "titre:",
            ":",
            "a:b",
            "l'installation",
            "kind:zzz",
            "http://example.org/a?b=c",
            "AND OR NOT",
            "(a",
            "a)",
            "*",
            "\u{0}\u{7}",
            "“",
            "before:never",
            "-\"a b",
            "titre:\"x",
        ] {
            let query = Query::parse(question);
            assert!(query.filters.is_empty(), "{question}");
        }
        assert!(looked_up("http://example.org/a?b=c").contains(&"example".to_owned()));
        assert!(Query::parse(&"x ".repeat(100_000)).words.len() <= MAX_WORDS);
    }
}

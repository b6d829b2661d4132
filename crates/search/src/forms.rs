//! In which forms is each word of a question looked up, and what must a document hold at all?
//!
//! Every limit counts what is visible. What is hidden can cost time: that is bounded by [`GUESSING_TIME`], lists that
//! are led to again are read once ([`Scope::postings`]), and answers to those from whom something is hidden leave in steps
//! (docs/decisions/answers-in-steps.md).

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use intramuros_core::error::Error;
use intramuros_core::language::Language;

use crate::analysis::{self, fold, is_question_word, readings, stem, words};
use crate::calendar::day_of;
use crate::catalogue::{Slot, SlotSet};
use crate::compounds::has_mark;
use crate::identifiers::is_identifier;
use crate::lexical::{Form, Group, Scope};
use crate::mending::{Guess, Mending, STRAY_WEIGHT, TYPO_WEIGHT, beginnings, mended};
use crate::query::{MAX_PHRASE_WORDS, Query, QueryWord};
use crate::readings::{MAX_NUMBER_PARTS, THOUSANDS, is_figures};
use crate::searching::Texts;
use crate::snapshot::Snapshot;
use crate::words::In;

/// The longest that a search looks for words like those of the question. To find visible ones, hidden ones are passed
/// over at some 1,000,000 a second: as many as that begin alike where somebody made them to. A dictionary of real texts
/// takes a few milliseconds, so that a search on a slow machine is never cut short.
const GUESSING_TIME: Duration = Duration::from_secs(1);

/// What a word in one piece counts for each of its parts. A little less than the part, so that it is no neighbour of the
/// other one, beside which it stands.
const JOINED_WEIGHT: f32 = 0.9;

/// Shorter beginnings are those of too many words.
const LEAST_BEGINNING_LETTERS: usize = 3;

/// A question in the forms in which it is looked up.
pub struct Expansion {
    /// A group for each word.
    pub groups: Vec<Group>,
    /// Whether groups i and i+1 stand side by side in the question.
    pub neighbours: Vec<bool>,
    /// The question with unknown and stray words mended.
    pub suggestion: Option<String>,
    /// Exact forms and stems that are highlighted in texts.
    pub highlights: Vec<String>,
    /// For each group, whether no visible document holds its word, nor one like it: no form, no typing error, no word that
    /// begins alike.
    pub absent: Vec<bool>,
}

/// Finds the forms of a question's words. A word that no visible document holds, or next to none while many hold one like
/// it, is read as if mistyped; of `texts` a few are read then, to mend it as the documents write it.
///
/// # Errors
/// When the index can't be read.
pub fn expand(scope: &Scope<'_>, query: &Query, prefix: bool, texts: &Texts<'_>) -> Result<Expansion, Error> {
    let mut expansion = Expansion {
        groups: Vec::new(),
        neighbours: Vec::new(),
        suggestion: None,
        highlights: Vec::new(),
        absent: Vec::new(),
    };
    let mut suggestion = query.text.clone();
    let mut changed = false;
    let until = Instant::now() + GUESSING_TIME;
    let mending = Mending { scope, query, texts, until };
    let mut guessed: HashMap<(&str, bool), Guess> = HashMap::new();
    // Not the word before a day that stands for its parts.
    let is_last = |word: &QueryWord| !word.whole && query.text.ends_with(&word.written);
    let last = query.words.iter().rposition(is_last);
    // Whoever types one accent types them all.
    let is_bare = query.text.chars().all(|letter| !letter.is_alphabetic() || letter.is_ascii());
    for (index, word) in query.words.iter().enumerate() {
        let mut group = known_forms(word, query.language, is_bare);
        let beginning = prefix && query.unfinished && Some(index) == last;
        if beginning && word.exact.chars().count() >= LEAST_BEGINNING_LETTERS {
            group.forms.extend(beginnings(scope, &word.exact, until)?);
        }
        let mut known = occurs(scope, &group.forms)?;
        if !known && occurs(scope, &group.exact)? {
            // It stands as it is in texts of which the language is not known: those have no stems.
            group.forms.extend(group.exact.iter().cloned());
            known = true;
        }
        let mut absent = !known;
        if !(word.whole || known && beginning) {
            // Once for a word, however often and in whichever letters it is written.
            let guess = match guessed.entry((word.exact.as_str(), known)) {
                Entry::Occupied(guessed) => guessed.into_mut(),
                Entry::Vacant(new) if known => new.insert(mending.of_stray(index, &group.forms)?),
                Entry::Vacant(new) => new.insert(mending.of_unknown(index)?),
            };
            absent = !known && guess.words.is_empty() && !guess.has_kin;
            if known && !guess.words.is_empty() {
                let own = group.forms.iter_mut().filter(|form| form.weight >= 1.0);
                own.for_each(|form| form.weight = STRAY_WEIGHT);
            }
            // What was mended once is mended wherever it stands.
            let is_new = || {
                let mut before = query.words.iter().take(index);
                before.all(|before| before.whole || before.written != word.written)
            };
            if let Some(written) = guess.written.as_ref().filter(|_| is_new()) {
                suggestion = mended(&suggestion, &word.written, written);
                changed = true;
            }
            for guess in &guess.words {
                for language in readings(query.language) {
                    if let Some(stem) = stem(&guess.word, &guess.word, *language) {
                        group.forms.push(Form {
                            place: In::Body,
                            word: stem.to_string(),
                            weight: TYPO_WEIGHT,
                        });
                    }
                }
            }
            group.forms.extend(guess.words.iter().cloned());
        }
        deduplicate(&mut group.forms);
        // What is a function word in one reading ("de", "on") says nothing beside other words, and would be marked in
        // every line.
        let small = query.words.len() > 1 && !word.whole && is_function_word(word, query.language);
        if !small {
            expansion.highlights.extend(group.forms.iter().map(|form| form.word.clone()));
        }
        expansion.groups.push(group);
        expansion.absent.push(absent);
    }
    expansion.neighbours = query.words.windows(2).map(side_by_side).collect();
    expansion
        .highlights
        .extend(query.phrases.iter().flat_map(|phrase| marked(phrase, query.language)).cloned());
    expansion.highlights.sort();
    expansion.highlights.dedup();
    expansion.suggestion = changed.then_some(suggestion);
    Ok(expansion)
}

fn is_function_word(word: &QueryWord, language: Language) -> bool {
    readings(language).iter().any(|language| stem(&word.written, &word.exact, *language).is_none())
}

/// The words of a phrase that are marked in texts: small ones where there are no others, for they stand in every line.
fn marked(phrase: &[String], language: Language) -> impl Iterator<Item = &String> {
    let is_small = move |word: &String| {
        readings(language).iter().any(|language| analysis::is_function_word(word, *language))
    };
    let all_small = phrase.iter().all(is_small);
    phrase.iter().filter(move |word| all_small || !is_small(word))
}

/// Words named at most of those that stand nowhere: a person reads one line.
const MOST_NAMED: usize = 3;

/// Shorter words say little: `l`, `3e`. Numbers are told from [`LEAST_NAMED_DIGITS`] digits on.
const LEAST_NAMED_LETTERS: usize = 3;
const LEAST_NAMED_DIGITS: usize = 2;

/// Which words of a question to name as standing nowhere, as they were written: an identifier rather than its parts. Where
/// the documents are in another language (`foreign`), names and numbers alone: of the other words nobody expects it.
pub fn stands_nowhere(query: &Query, absent: &[bool], foreign: bool) -> Vec<String> {
    let (absent, there): (Vec<_>, Vec<_>) = query.words.iter().zip(absent).partition(|(_, absent)| **absent);
    // Where the documents write `52000`, neither `52` nor `000` need stand there.
    let stands = |word: &QueryWord| there.iter().any(|(whole, _)| word.is_part_of(whole));
    let flagged: Vec<&QueryWord> =
        absent.iter().map(|(word, _)| *word).filter(|word| !stands(word)).collect();
    let mut named: Vec<String> = Vec::new();
    for word in &flagged {
        let told = match word.whole {
            // That its parts stand there in another spelling is as good: `L. 3242-1`. A day has but one, `C++` is not `C`,
            // and programs take the words of `API_KEY` together alone.
            true => {
                word.is_day_in_figures()
                    || has_mark(&word.exact)
                    || (is_identifier(&word.exact) && !names_a_file(word, query))
                    || flagged.iter().any(|part| part.is_part_of(word))
            }
            false => {
                !flagged.iter().any(|whole| word.is_part_of(whole))
                    && says_something(word, foreign)
                    && !only_asks(word, query)
            }
        };
        if told && !named.contains(&word.written) {
            named.push(word.written.clone());
        }
    }
    named.truncate(MOST_NAMED);
    named
}

/// Whether an identifier is the name of a file (`compte_rendu.pdf`): words of titles are told apart.
fn names_a_file(word: &QueryWord, query: &Query) -> bool {
    let behind = query.text.split_once(&word.written).map_or("", |(_, behind)| behind);
    behind.strip_prefix('.').is_some_and(|ending| ending.starts_with(char::is_alphanumeric))
}

/// Words that ask how much, how often and since when, folded, in both languages: they are looked up, but that no
/// document holds them tells nobody anything.
const ASKING_WORDS: &str = "\
    about afin after ago ainsi along alors also always among any apres aussi autant avant because before \
    between cela chaque chez contre depuis durant during each encore ever every exactement exactly far \
    few here ici jamais jusqu jusque long longer longtemps lors lorsque many merci moins more most much \
    never often old only over parce pendant per peu please plus puisque quelque quelques selon since \
    some soon souvent still than toujours tous tout toute toutes tres trop under until upon vers very \
    whether while within without yet";

/// What is counted by "combien de" and "how much", "how many".
const COUNTED_WORDS: &[&str] = &["fois", "temps", "time", "times"];
const COUNTING: &[&str] = &["combien d", "how many", "how much"];

/// Whether a word belongs to the asking, in either language. Within a question a capital makes it a name
/// (`M. Long`).
fn only_asks(word: &QueryWord, query: &Query) -> bool {
    let mut letters = word.written.chars();
    let has_capital = letters.next().is_some_and(char::is_uppercase) && letters.any(char::is_lowercase);
    if word.position > 0 && has_capital {
        return false;
    }
    let exact = word.exact.as_str();
    let asks = |language| is_question_word(exact, language);
    let counted = || {
        let question = fold(&query.text);
        COUNTED_WORDS.contains(&exact) && COUNTING.iter().any(|counting| question.contains(counting))
    };
    ASKING_WORDS.split(' ').any(|word| word == exact)
        || asks(Language::French)
        || asks(Language::English)
        || counted()
}

/// Whether a word is long enough to be told, and of those that are the same in every language where that is asked.
fn says_something(word: &QueryWord, foreign: bool) -> bool {
    let has_digit = word.exact.bytes().any(|byte| byte.is_ascii_digit());
    let is_name = word.position > 0 && word.written.starts_with(char::is_uppercase);
    let letters = word.exact.chars().count();
    let least = if has_digit { LEAST_NAMED_DIGITS } else { LEAST_NAMED_LETTERS };
    letters >= least && (!foreign || has_digit || is_name)
}

/// Whether two words follow one another with at most function words between.
fn side_by_side(pair: &[QueryWord]) -> bool {
    /// Function words that may lie between: "durée de la conservation".
    const MOST_BETWEEN: u32 = 2;
    match pair {
        [first, second] => {
            !first.whole
                && !second.whole
                && (1..=MOST_BETWEEN + 1).contains(&second.position.wrapping_sub(first.position))
        }
        _ => false,
    }
}

/// The forms of a word; `is_bare` says that the question has no accents, so that a French word may lack its own.
fn known_forms(word: &QueryWord, language: Language, is_bare: bool) -> Group {
    let exact = Form { place: In::Exact, word: word.exact.clone(), weight: 1.0 };
    if word.is_number() || word.is_reference() {
        // It says what its parts say together, and is sought however the documents write it.
        let weight = word.parts() as f32;
        return Group { forms: vec![exact.clone()], exact: vec![exact], weight };
    }
    if word.whole {
        // Identifiers have no stem of their own in texts; the whole is looked up in its exact form alone. A day in figures
        // is all that is looked up of its parts.
        let weight = if word.is_day_in_figures() { word.parts() as f32 } else { 1.0 };
        return Group { forms: vec![exact], exact: Vec::new(), weight };
    }
    let stems = stems_of(&word.written, &word.exact, language, is_bare);
    let form = |stem: &Arc<str>, weight| Form { place: In::Body, word: stem.to_string(), weight };
    let forms: Vec<Form> = stems.iter().map(|stem| form(stem, 1.0)).collect();
    // A function word that is asked for by itself is looked up as it is.
    let forms = if forms.is_empty() { vec![exact.clone()] } else { forms };
    let mut group = Group { forms, exact: vec![exact], weight: 1.0 };
    if let Some(joined) = &word.joined {
        let word = fold(joined);
        let stems = stems_of(joined, &word, language, is_bare);
        group.forms.extend(stems.iter().map(|stem| form(stem, JOINED_WEIGHT)));
        group.exact.push(Form { place: In::Exact, word, weight: JOINED_WEIGHT });
    }
    group
}

/// The stems of a word in the readings of a question's language.
fn stems_of(written: &str, exact: &str, language: Language, is_bare: bool) -> Vec<Arc<str>> {
    let readings = readings(language);
    let mut stems: Vec<Arc<str>> =
        readings.iter().filter_map(|language| stem(written, exact, *language)).collect();
    if is_bare && readings.contains(&Language::French) {
        let accented = analysis::accented(exact);
        stems.extend(accented.iter().filter_map(|word| stem(word, &fold(word), Language::French)));
    }
    stems
}

fn deduplicate(forms: &mut Vec<Form>) {
    let mut seen = HashSet::new();
    forms.retain(|form| seen.insert((form.place, form.word.clone())));
}

/// Whether a visible document holds one of the forms.
fn occurs(scope: &Scope<'_>, forms: &[Form]) -> Result<bool, Error> {
    for form in forms {
        for place in form.places() {
            if scope.occurs(*place, &form.word)? {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// What one question's conditions have read: no list is read twice, however often and in whichever spelling a condition is
/// said. Else the time would multiply what is hidden in it, and so show it.
#[derive(Default)]
struct Read {
    /// Whether a visible document holds a word.
    stands: HashMap<String, bool>,
    /// The documents that hold a word. Fewer may be visible by now.
    holders: HashMap<String, HashSet<Slot>>,
}

/// Leaves in `visible` the documents that hold every phrase and title word asked for, and none of what is excluded. Where
/// none is left, nothing more is read.
///
/// # Errors
/// When the index can't be read.
pub fn keep_conditions(snapshot: &Snapshot, query: &Query, visible: &mut SlotSet) -> Result<(), Error> {
    let mut read = Read::default();
    for phrase in &query.phrases {
        if visible.is_empty() {
            return Ok(());
        }
        let holders = holders(snapshot, phrase, visible, &mut read)?;
        visible.retain(|slot| holders.contains(&slot));
    }
    for excluded in &query.excluded {
        if visible.is_empty() {
            return Ok(());
        }
        let holders = holders(snapshot, excluded, visible, &mut read)?;
        visible.retain(|slot| !holders.contains(&slot));
    }
    let mut asked = HashSet::new();
    for title in &query.in_title {
        for word in words(title).iter().filter(|word| !word.whole).take(MAX_PHRASE_WORDS) {
            let piece = title.get(word.range.clone()).unwrap_or_default();
            if visible.is_empty() || !asked.insert(fold(piece)) {
                continue;
            }
            let holders = title_holders(snapshot, piece, &word.exact, visible)?;
            visible.retain(|slot| holders.contains(&slot));
        }
    }
    Ok(())
}

/// The visible documents with a word in their title, in any form.
fn title_holders(
    snapshot: &Snapshot,
    written: &str,
    exact: &str,
    visible: &SlotSet,
) -> Result<HashSet<Slot>, Error> {
    // The languages mostly have one stem.
    let stems: BTreeSet<Arc<str>> = [Language::French, Language::English, Language::Other]
        .into_iter()
        .filter_map(|language| stem(written, exact, language))
        .collect();
    let mut holders = HashSet::new();
    for stem in &stems {
        add_holders(snapshot, In::Title, stem, visible, &mut holders)?;
    }
    add_holders(snapshot, In::TitleExact, &fold(written), visible, &mut holders)?;
    Ok(holders)
}

/// The visible documents that hold a phrase, in the text or (a single word) in the title, however its numbers and days are
/// written.
fn holders(
    snapshot: &Snapshot,
    phrase: &[String],
    visible: &SlotSet,
    read: &mut Read,
) -> Result<HashSet<Slot>, Error> {
    let mut holders = HashSet::new();
    for spelling in spellings(phrase) {
        holders.extend(exact_holders(snapshot, &spelling, visible, read)?);
    }
    Ok(holders)
}

/// A word of a phrase, and how many places it takes in a text.
type Placed = (String, u32);

/// The parts of a day, however it is written: as many places lie between it and what follows.
const DAY_PARTS: usize = 3;

/// The spellings of a phrase, first as it is; with its days in one form and its numbers without marks, as they are indexed
/// beside their parts; and, among other words, with its numbers in parts, as they stand where there are marks.
fn spellings(phrase: &[String]) -> Vec<Vec<Placed>> {
    let written: Vec<Placed> = phrase.iter().map(|word| (word.clone(), 1)).collect();
    let with_days = joined(&written, day_at);
    let mut others = vec![joined(&with_days, number_at)];
    if phrase.len() > 1 {
        others.push(with_days.into_iter().flat_map(in_thousands).collect());
    }
    let mut spellings = vec![written];
    for other in others {
        if !spellings.contains(&other) {
            spellings.push(other);
        }
    }
    spellings
}

/// A phrase in which some words are one: those of which `one_at` says at their first how many they are, and which one.
fn joined(phrase: &[Placed], one_at: fn(&[Placed]) -> Option<(Placed, usize)>) -> Vec<Placed> {
    let mut joined = Vec::new();
    let mut rest = phrase;
    while let Some(first) = rest.first() {
        let (word, taken) = one_at(rest).unwrap_or_else(|| (first.clone(), 1));
        joined.push(word);
        rest = rest.get(taken..).unwrap_or_default();
    }
    joined
}

/// The day that begins here, and of how many words it is.
fn day_at(words: &[Placed]) -> Option<(Placed, usize)> {
    let [(first, _), (second, _), (third, _), ..] = words else { return None };
    Some(((day_of([first, second, third])?, DAY_PARTS as u32), DAY_PARTS))
}

/// The number that begins here in several words, and of how many it is.
fn number_at(words: &[Placed]) -> Option<(Placed, usize)> {
    let (first, _) = words.first().filter(|(first, _)| is_figures(first) && !first.starts_with('0'))?;
    let is_group = |(word, _): &&Placed| is_figures(word) && word.len() == THOUSANDS;
    let behind = words.iter().skip(1).take_while(is_group).count();
    let is_number = first.len() <= THOUSANDS && (1..MAX_NUMBER_PARTS).contains(&behind);
    let digits = words.iter().take(behind + 1).map(|(word, _)| word.as_str());
    is_number.then(|| ((digits.collect(), 1), behind + 1))
}

/// The parts of a number between its thousands; another word as it is.
fn in_thousands((word, places): Placed) -> Vec<Placed> {
    let most = MAX_NUMBER_PARTS * THOUSANDS;
    if !is_figures(&word) || word.starts_with('0') || !(THOUSANDS + 1..=most).contains(&word.len()) {
        return vec![(word, places)];
    }
    let (first, rest) = word.split_at((word.len() - 1) % THOUSANDS + 1);
    let rest = (0..rest.len()).step_by(THOUSANDS).filter_map(|at| rest.get(at..at + THOUSANDS));
    std::iter::once(first).chain(rest).map(|part| (part.to_owned(), 1)).collect()
}

/// The visible documents that hold a phrase in its exact words.
fn exact_holders(
    snapshot: &Snapshot,
    phrase: &[Placed],
    visible: &SlotSet,
    read: &mut Read,
) -> Result<HashSet<Slot>, Error> {
    let mut holders = HashSet::new();
    if let [(word, _)] = phrase {
        if let Some(known) = read.holders.get(word) {
            return Ok(known.clone());
        }
        for place in [In::Exact, In::TitleExact] {
            add_holders(snapshot, place, word, visible, &mut holders)?;
        }
        read.holders.insert(word.clone(), holders.clone());
        return Ok(holders);
    }
    let words: Vec<(&str, u32)> = phrase.iter().map(|(word, places)| (word.as_str(), *places)).collect();
    for (word, _) in words.iter().copied() {
        // One that stands nowhere stands in no other phrase either, and its list is not read again.
        let stands = match read.stands.get(word) {
            Some(stands) => *stands,
            None => snapshot.find_posting(In::Exact, word, |posting| visible.contains(posting.slot))?,
        };
        read.stands.insert(word.to_owned(), stands);
        if !stands {
            return Ok(holders);
        }
    }
    snapshot.phrase(In::Exact, &words, 0, visible, |posting| _ = holders.insert(posting.slot))?;
    Ok(holders)
}

fn add_holders(
    snapshot: &Snapshot,
    place: In,
    word: &str,
    visible: &SlotSet,
    holders: &mut HashSet<Slot>,
) -> Result<(), Error> {
    snapshot.postings(place, word, |posting| {
        if visible.contains(posting.slot) {
            holders.insert(posting.slot);
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_nowhere_is_named_as_it_was_written() {
        // Of the words of a question, those that stand nowhere by their folded form.
        let check = |question: &str, nowhere: &[&str], foreign: bool, expected: &[&str]| {
            let query = Query::parse(question);
            let absent: Vec<bool> =
                query.words.iter().map(|word| nowhere.contains(&word.exact.as_str())).collect();
            assert_eq!(stands_nowhere(&query, &absent, foreign), expected, "{question}");
        };
        let tungsten = "What is the boiling point of tungsten?";
        check(tungsten, &["tungsten"], false, &["tungsten"]);
        check(tungsten, &[], false, &[]);
        // French words are not expected in English documents; names and numbers are.
        let paid = "Combien Delacroziel a-t-il payé en 2019 ?";
        check(paid, &["delacroziel", "paye", "2019"], false, &["Delacroziel", "payé", "2019"]);
        check(paid, &["delacroziel", "paye", "2019"], true, &["Delacroziel", "2019"]);
        // An identifier as a whole, where one of its parts is nowhere; not for its spelling alone.
        let article = "Que dit l’article L.3242-1 ?";
        check(article, &["3242", "l.3242-1", "l3242-1"], false, &["L.3242-1"]);
        check(article, &["l.3242-1"], false, &[]);
        // A number that the documents write with other marks, or that stands in none.
        let number = "Qui a versé 52 000 euros ?";
        check(number, &["52", "000"], false, &[]);
        check(number, &["52", "000", "52000"], false, &["52 000"]);
        check("a total of 1,250,000", &["1", "250", "000", "1,250,000"], false, &[]);
        check("a total of 1,250,000.75", &["250", "75", "1,250,000.75"], false, &["1,250,000.75"]);
        check("Un développeur C++ ?", &["c++"], false, &["C++"]);
        // A name out of a program, though its words stand there by themselves.
        let token = "What does KREUZBERG_TELEMETRY_TOKEN do?";
        check(token, &["kreuzberg_telemetry_token"], false, &["KREUZBERG_TELEMETRY_TOKEN"]);
        check(token, &["kreuzberg_telemetry_token", "token"], false, &["KREUZBERG_TELEMETRY_TOKEN"]);
        check(token, &[], false, &[]);
        check("What is --toc-depth?", &["--toc-depth"], false, &["--toc-depth"]);
        check("Que dit compte_rendu.pdf ?", &["compte_rendu"], false, &[]);
        check("a b cd efgh", &["a", "b", "cd", "efgh"], false, &["efgh"]);
        let many = "alpha beta gamma delta alpha";
        check(many, &["alpha", "beta", "gamma", "delta"], false, &["alpha", "beta", "gamma"]);
        // Words that ask are looked up, and not named.
        let long = "How long must invoices be kept?";
        check(long, &["long"], false, &[]);
        check(long, &["long", "invoices", "kept"], false, &["invoices", "kept"]);
        check("HOW LONG MUST INVOICES BE KEPT?", &["long", "kept"], false, &["KEPT"]);
        check("How often, how many, how much and how old since Easter?", EASTER, false, &["Easter"]);
        let since = "Depuis combien de temps et pendant quelle durée, souvent ou longtemps ?";
        check(since, &["depuis", "temps", "pendant", "duree", "souvent", "longtemps"], false, &["durée"]);
        check("Le temps partiel", &["temps", "partiel"], false, &["temps", "partiel"]);
        check("Qui est Monsieur Long ?", &["monsieur", "long"], false, &["Monsieur", "Long"]);
    }

    const EASTER: &[&str] = &["often", "many", "much", "old", "since", "easter"];

    #[test]
    fn words_typed_without_accents_have_the_stems_of_those_with_them() {
        let stems = |question: &str, is_bare: bool| -> Vec<Vec<String>> {
            let query = Query::parse(question);
            let groups = query.words.iter().map(|word| known_forms(word, Language::French, is_bare));
            let words = |group: Group| group.forms.into_iter().map(|form| form.word).collect::<Vec<String>>();
            groups.map(words).collect()
        };
        let with = stems("sécurité activités salarié décès matières durée", false);
        let without = stems("securite activites salarie deces matieres duree", true);
        for (with, without) in with.iter().zip(&without) {
            assert!(with.iter().all(|form| without.contains(form)), "{with:?} {without:?}");
        }
        assert_eq!(with.len(), without.len());
        assert_ne!(stems("securite", false), stems("sécurité", false));
    }

    #[test]
    fn a_day_in_figures_is_named_as_a_whole() {
        let check = |question: &str, nowhere: &[&str], expected: &[&str]| {
            let query = Query::parse(question);
            let absent: Vec<bool> =
                query.words.iter().map(|word| nowhere.contains(&word.exact.as_str())).collect();
            assert_eq!(stands_nowhere(&query, &absent, false), expected, "{question}");
        };
        check("la réunion du 30/11/2024", &["2024-11-30"], &["30/11/2024"]);
        check("la réunion du 30/11/2024", &[], &[]);
        check("la réunion du 30 novembre 2024", &["2024-11-30"], &[]);
        check("la réunion du 30 novembre 2031", &["2031", "2031-11-30"], &["30 novembre 2031"]);
    }

    #[test]
    fn a_phrase_is_sought_with_its_numbers_and_days_in_either_spelling() {
        let check = |phrase: &str, expected: &[&str]| {
            let phrase: Vec<String> = phrase.split(' ').map(str::to_owned).collect();
            let text = |spelling: &Vec<Placed>| {
                let words: Vec<&str> = spelling.iter().map(|(word, _)| word.as_str()).collect();
                words.join(" ")
            };
            let spellings: Vec<String> = spellings(&phrase).iter().map(text).collect();
            assert_eq!(spellings.first(), Some(&phrase.join(" ")));
            assert_eq!(&spellings[1..], expected, "{phrase:?}");
        };
        check("85 000", &["85000"]);
        check("85000", &[]);
        check("de 85 000 euros", &["de 85000 euros"]);
        check("de 85000 euros", &["de 85 000 euros"]);
        check("1 234 567 et 1234567", &["1234567 et 1234567", "1 234 567 et 1 234 567"]);
        check("le 30 11 2024", &["le 2024-11-30"]);
        check("30 novembre 2024", &["2024-11-30"]);
        check("le 30 11 2024 85 000", &["le 2024-11-30 85000", "le 2024-11-30 85 000"]);
        check("le 30 11 2024 85000", &["le 2024-11-30 85000", "le 2024-11-30 85 000"]);
        for none in ["deux mots", "a b c", "12 34", "01 234", "300 96", "de 512", "2 0000000000000000"] {
            check(none, &[]);
        }
    }

    #[test]
    fn of_a_phrase_the_words_that_say_something_are_marked() {
        let check = |phrase: &[&str], language: Language, expected: &[&str]| {
            let phrase: Vec<String> = phrase.iter().map(|word| (*word).to_owned()).collect();
            assert_eq!(marked(&phrase, language).collect::<Vec<_>>(), expected, "{phrase:?}");
        };
        check(&["duree", "de", "la", "conservation"], Language::French, &["duree", "conservation"]);
        check(&["the", "who"], Language::English, &["who"]);
        check(&["etre", "ou", "ne", "pas", "etre"], Language::French, &["etre", "ou", "ne", "pas", "etre"]);
    }

    #[test]
    fn asking_words_are_listed_as_they_are_compared() {
        let mut listed = ASKING_WORDS.split(' ').chain(COUNTED_WORDS.iter().copied());
        assert!(listed.all(|word| !word.is_empty() && fold(word) == word));
    }
}

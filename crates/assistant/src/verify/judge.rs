//! Which place in the passages says what a sentence says, and does everything in it agree?

use std::collections::BTreeMap;
use std::ops::Range;

use intramuros_core::language::Language;

use super::align::{align, gaps};
use super::tokens::{Kind, Token};
use super::{Checker, Place, Reason, Unit, Verdict, WINDOW, clauses, reason_of, tokens_of};

/// The share of a sentence's words that one place must hold. Chosen on two development sets, see docs/assistant.md.
const LEAST_COVERAGE: f32 = 0.75;

/// The same for each clause, where clauses are supported in different places: a short clause is covered by chance.
const LEAST_CLAUSE_COVERAGE: f32 = 0.85;

/// Words of meaning that the place of a clause may have before it. A clause that is supported from the middle of a
/// sentence on has lost its subject: halves of two facts look like that.
const BEFORE_A_CLAUSE: usize = 2;

/// Words that a clause must have to be judged by itself.
const LEAST_CLAUSE_TOKENS: usize = 3;

/// The share of a sentence's words that must stand in the order of the evidence. Words in another order are another
/// statement more often than a rephrasing.
const LEAST_ORDER: f32 = 0.65;

/// What a critical token weighs beside a word.
const CRITICAL_WEIGHT: f32 = 1.5;

/// What each further sentence of a window costs: the smallest place that says it is the right one.
const SENTENCE_COST: f32 = 0.02;

/// The dot product that a sentence must reach with one of another language.
pub(super) const LEAST_MEANING: f32 = 0.87;

/// Letters that names and words of two languages must share at their beginning to be taken for one another.
const COGNATE_LETTERS: usize = 5;

/// What is asked of a place.
struct Asked {
    coverage: f32,
    /// Words that may stand before what is supported, where that matters.
    before: Option<usize>,
}

const WHOLE: Asked = Asked { coverage: LEAST_COVERAGE, before: None };
const CLAUSE: Asked = Asked { coverage: LEAST_CLAUSE_COVERAGE, before: Some(BEFORE_A_CLAUSE) };

/// Judges a sentence against the passages of these numbers, or all.
pub(super) fn judge(
    checker: &Checker,
    claim: &[Token],
    sentence: &str,
    language: Language,
    passages: Option<&[usize]>,
    meanings: &[Option<f32>],
) -> Verdict {
    let whole = best(checker, claim, language, passages, &WHOLE);
    if whole.is_supported() {
        return whole;
    }
    if let Some(verdict) = by_clauses(checker, sentence, language, passages) {
        return verdict;
    }
    match across(checker, claim, language, passages, meanings) {
        Some(verdict) if verdict.is_supported() || whole.coverage < LEAST_COVERAGE / 2.0 => verdict,
        _ => whole,
    }
}

/// How many critical tokens and cognates of a claim a unit bears out.
pub(super) fn agreement(claim: &[Token], unit: &[Token]) -> usize {
    claim.iter().filter(|own| unit.iter().any(|its| bears_out_across(own, its))).count()
}

/// The best place in the language of the sentence: one unit, or a few that follow each other.
fn best(
    checker: &Checker,
    claim: &[Token],
    language: Language,
    passages: Option<&[usize]>,
    asked: &Asked,
) -> Verdict {
    let mut best = Verdict { reason: Some(Reason::NotSaid), places: Vec::new(), coverage: 0.0 };
    let mut best_score = f32::NEG_INFINITY;
    for first in 0..checker.units.len() {
        for size in 1..=WINDOW {
            let Some(window) = checker.units.get(first..first + size) else { break };
            let Some(opening) = window.first() else { break };
            let fits = window.iter().all(|unit| unit.passage == opening.passage)
                && comparable(opening.language, language)
                && passages.is_none_or(|passages| passages.contains(&opening.passage));
            if !fits {
                break;
            }
            let verdict = within(checker, claim, window, asked);
            let supported = f32::from(u8::from(verdict.is_supported()));
            let score = verdict.coverage + supported - SENTENCE_COST * size as f32;
            if score > best_score {
                (best, best_score) = (verdict, score);
            }
        }
    }
    best
}

/// Words can be compared within a language, and where one of the two is not known.
fn comparable(one: Language, other: Language) -> bool {
    one == other || one == Language::Other || other == Language::Other
}

/// Judges a claim against sentences that follow each other.
fn within(checker: &Checker, claim: &[Token], window: &[Unit], asked: &Asked) -> Verdict {
    let evidence: Vec<Token> = window.iter().flat_map(|unit| unit.tokens.iter().cloned()).collect();
    let passage = window.first().map_or(0, |unit| unit.passage);
    let context = checker.contexts.iter().find(|(number, _)| *number == passage);
    let context = context.map_or(&[][..], |(_, tokens)| tokens.as_slice());
    let elsewhere = |own: &Token| {
        checker
            .units
            .iter()
            .filter(|unit| unit.passage == passage)
            .any(|unit| unit.tokens.iter().any(|its| own.is_borne_out_by(its)))
    };
    let coverage = coverage(claim, &evidence, context);
    let verdict = |reason: Option<Reason>| Verdict {
        places: if reason.is_none() { of_each(window.iter().map(place)) } else { Vec::new() },
        reason,
        coverage,
    };
    for own in claim.iter().filter(|token| token.is_critical() && token.kind != Kind::Negation) {
        let here = evidence.iter().chain(context).any(|its| own.is_borne_out_by(its));
        // A name may stand for a pronoun, named once at the beginning of the passage.
        let named = || own.kind == Kind::Name && elsewhere(own);
        if !(here || named()) {
            return verdict(Some(reason_of(own)));
        }
    }
    // The order is looked at only where the words are there: it is what costs.
    if coverage < asked.coverage {
        return verdict(Some(Reason::NotSaid));
    }
    let pairs = align(claim, &evidence);
    let gaps = gaps(claim, &evidence, &pairs);
    if let Some(token) = gaps.iter().find_map(|gap| gap.substituted()) {
        return verdict(Some(reason_of(token)));
    }
    if gaps.iter().any(|gap| gap.turns()) {
        return verdict(Some(Reason::Negation));
    }
    if gaps.iter().any(|gap| gap.adds(&evidence, context)) {
        return verdict(Some(Reason::NotSaid));
    }
    let words = claim.iter().filter(|token| token.kind != Kind::Negation).count().max(1);
    let order = pairs.len() as f32 / words as f32;
    let late = pairs.first().is_none_or(|(_, place)| asked.before.is_some_and(|most| *place > most));
    if order < LEAST_ORDER || late {
        return verdict(Some(Reason::NotSaid));
    }
    verdict(None)
}

fn place(unit: &Unit) -> Place {
    Place { passage: unit.passage, range: unit.range.clone() }
}

/// One place of each passage, the shortest that holds all that were given of it, by number.
fn of_each(places: impl IntoIterator<Item = Place>) -> Vec<Place> {
    let mut joined: BTreeMap<usize, Range<usize>> = BTreeMap::new();
    for Place { passage, range } in places {
        let known = joined.entry(passage).or_insert_with(|| range.clone());
        *known = known.start.min(range.start)..known.end.max(range.end);
    }
    joined.into_iter().map(|(passage, range)| Place { passage, range }).collect()
}

/// The share of a claim that stands in the evidence, in any order; what stands in title or headings alone counts half.
fn coverage(claim: &[Token], evidence: &[Token], context: &[Token]) -> f32 {
    let (mut total, mut covered) = (0.0, 0.0);
    for own in claim.iter().filter(|token| token.kind != Kind::Negation) {
        let weight = if own.is_critical() { CRITICAL_WEIGHT } else { 1.0 };
        total += weight;
        if evidence.iter().any(|its| own.is_borne_out_by(its)) {
            covered += weight;
        } else if context.iter().any(|its| own.is_borne_out_by(its)) {
            covered += weight / 2.0;
        }
    }
    // A sentence without a word of meaning says nothing that could be wrong, and nothing that could be right.
    if total > 0.0 { covered / total } else { 0.0 }
}

/// A sentence of two clauses whose halves are each supported, in different places.
fn by_clauses(
    checker: &Checker,
    sentence: &str,
    language: Language,
    passages: Option<&[usize]>,
) -> Option<Verdict> {
    for cut in clauses::cuts(sentence) {
        let mut supported = Vec::new();
        let mut least = 1.0_f32;
        for part in clauses::parts(sentence, cut) {
            let part = tokens_of(sentence.get(part)?, language);
            if part.len() < LEAST_CLAUSE_TOKENS {
                break;
            }
            let verdict = best(checker, &part, language, passages, &CLAUSE);
            if !verdict.is_supported() {
                break;
            }
            least = least.min(verdict.coverage);
            supported.push(verdict.places);
        }
        if supported.len() == 2 {
            let places = of_each(supported.concat());
            return Some(Verdict { reason: None, places, coverage: least });
        }
    }
    None
}

/// The best place in another language: near enough in meaning, with the same numbers, dates, names and denials.
fn across(
    checker: &Checker,
    claim: &[Token],
    language: Language,
    passages: Option<&[usize]>,
    meanings: &[Option<f32>],
) -> Option<Verdict> {
    let foreign = |unit: &Unit| !comparable(unit.language, language);
    let mut candidates: Vec<(f32, usize, &Unit)> = (0..)
        .zip(&checker.units)
        .filter(|(_, unit)| foreign(unit) && passages.is_none_or(|list| list.contains(&unit.passage)))
        .filter_map(|(number, unit)| Some(((*meanings.get(number)?)?, number, unit)))
        .collect();
    candidates.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut first = None;
    for (meaning, _, unit) in candidates.into_iter().take(3) {
        let reason =
            if meaning < LEAST_MEANING { Some(Reason::NotSaid) } else { disagreement(claim, &unit.tokens) };
        let places = if reason.is_none() { vec![place(unit)] } else { Vec::new() };
        let verdict = Verdict { reason, places, coverage: meaning.clamp(0.0, 1.0) };
        if verdict.is_supported() {
            return Some(verdict);
        }
        first.get_or_insert(verdict);
    }
    first
}

/// What of a claim is not borne out by a sentence of another language.
fn disagreement(claim: &[Token], evidence: &[Token]) -> Option<Reason> {
    let denials = |tokens: &[Token]| tokens.iter().filter(|token| token.kind == Kind::Negation).count();
    let critical = claim.iter().filter(|token| token.is_critical() && token.kind != Kind::Negation);
    for own in critical {
        if !evidence.iter().any(|its| bears_out_across(own, its)) {
            return Some(reason_of(own));
        }
    }
    ((denials(claim) > 0) != (denials(evidence) > 0)).then_some(Reason::Negation)
}

/// Whether everything exact in a claim stands somewhere in these units, and the one most like it denies as it does.
pub(super) fn is_doubtful(claim: &[Token], units: &[&Unit]) -> bool {
    let critical = |token: &&Token| token.is_critical() && token.kind != Kind::Negation;
    let stands =
        |own: &Token| units.iter().any(|unit| unit.tokens.iter().any(|its| bears_out_across(own, its)));
    let denies = |tokens: &[Token]| tokens.iter().any(|token| token.kind == Kind::Negation);
    let nearest = units.iter().max_by_key(|unit| agreement(claim, &unit.tokens));
    claim.iter().filter(critical).all(stands)
        && nearest.is_some_and(|unit| denies(claim) == denies(&unit.tokens))
}

/// As within a language, and names and words that begin alike.
fn bears_out_across(own: &Token, its: &Token) -> bool {
    if own.is_borne_out_by(its) {
        return own.kind != Kind::Negation;
    }
    let words = |token: &Token| matches!(token.kind, Kind::Word | Kind::Name);
    if !words(own) || !words(its) {
        return false;
    }
    if ACRONYMS.iter().any(|pair| pair.contains(&&*own.exact) && pair.contains(&&*its.exact)) {
        return true;
    }
    let shared = own.exact.chars().zip(its.exact.chars()).take_while(|(a, b)| a == b).count();
    shared >= COGNATE_LETTERS
}

/// Acronyms of public life with their counterpart in the other language.
const ACRONYMS: &[[&str; 2]] = &[
    ["rgpd", "gdpr"],
    ["ue", "eu"],
    ["dpo", "dpd"],
    ["onu", "un"],
    ["otan", "nato"],
    ["tva", "vat"],
    ["ia", "ai"],
    ["france", "french"],
    ["francais", "french"],
    ["europe", "european"],
];

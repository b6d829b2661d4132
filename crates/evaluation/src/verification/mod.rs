//! How often is the check of written answers right?
//!
//! Sentences are made from the documents of a set: some say what the documents say, shortened, reworded or joined; of
//! each of these another is made that does not: with a number, a name or a date swapped, a denial put in or taken out,
//! or the halves of two facts fused. The check sees each with the passage that it comes from and two others. A second
//! part puts facts in one language to sentences in the other.

mod bilingual;
mod corrupt;
mod people;
mod reword;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use intramuros_assistant::verify::{Checker, Evidence};
use intramuros_core::error::Error;
use intramuros_core::language::{Language, detect};
use intramuros_core::sentence::sentences;
use intramuros_inference::Embedder;
use serde::Serialize;

use crate::set::TestSet;
use corrupt::Corruption;
pub use people::PeopleFigures;

/// Pairs of each kind that are made of one set: enough for an interval of a few hundredths.
const PAIRS_PER_KIND: usize = 60;

/// Documents that sentences are made of: enough for all pairs, and read in a second.
const MAX_DOCUMENTS: usize = 300;

/// Words of a sentence that is taken: shorter ones say too little, longer ones are lists.
const SENTENCE_WORDS: std::ops::RangeInclusive<usize> = 8..=40;

/// Words of a passage, as the program cuts them.
const PASSAGE_WORDS: usize = 120;

/// Sentences of a passage that sentences are made of: one to take, and others to take something from.
const LEAST_SENTENCES: usize = 3;

/// Units of another language whose nearness is computed for one sentence.
pub(crate) const MEANINGS: usize = 6;

/// A sentence with the passages that it is held against.
pub(crate) struct Case {
    pub kind: &'static str,
    pub sentence: String,
    pub language: Language,
    pub evidence: Vec<Evidence>,
    pub supported: bool,
}

/// How often sentences of one kind were judged rightly. "Found" is an unsupported sentence that was seen as one.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct KindFigures {
    /// Supported sentences.
    pub supported: usize,
    /// Of these, passed.
    pub passed: usize,
    /// Corrupted sentences.
    pub corrupted: usize,
    /// Of these, found.
    pub found: usize,
    /// Harmonic mean of precision and recall of finding the corrupted ones.
    pub f1: f64,
}

impl KindFigures {
    fn take(&mut self, supported: bool, judged: bool) {
        let (all, right) = if supported {
            (&mut self.supported, &mut self.passed)
        } else {
            (&mut self.corrupted, &mut self.found)
        };
        *all += 1;
        *right += usize::from(supported == judged);
        let alarms = self.found + (self.supported - self.passed);
        let (found, alarms, corrupted) = (self.found as f64, alarms as f64, self.corrupted as f64);
        self.f1 = if alarms + corrupted > 0.0 { 2.0 * found / (alarms + corrupted) } else { 0.0 };
    }
}

/// What the check gave on one set.
#[derive(Clone, Debug, Serialize)]
pub struct VerificationReport {
    /// The set's name.
    pub set: String,
    /// Over all kinds.
    pub all: KindFigures,
    /// By kind of corruption, each with the supported sentences that it was made from.
    pub by_kind: BTreeMap<&'static str, KindFigures>,
    /// Sentences that people wrote, where the set has some.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub people: Option<PeopleFigures>,
    /// Some that were judged wrongly, for whoever works on the check.
    #[serde(skip)]
    pub wrong: Vec<String>,
}

impl VerificationReport {
    /// The report as a table for the terminal.
    pub fn table(&self) -> String {
        let mut out = format!(
            "{}: verification\n{:<22}{:>12}{:>9}{:>12}{:>9}{:>9}\n",
            self.set, "", "supported", "passed", "corrupted", "found", "F1"
        );
        let lines = self.by_kind.iter().map(|(kind, figures)| (*kind, figures));
        for (name, figures) in lines.chain([("all", &self.all)]) {
            let KindFigures { supported, passed, corrupted, found, f1 } = figures;
            _ = writeln!(out, "{name:<22}{supported:>12}{passed:>9}{corrupted:>12}{found:>9}{f1:>9.3}");
        }
        if let Some(people) = &self.people {
            _ = writeln!(out, "{}", people.in_words());
        }
        out
    }
}

/// Makes sentences from the documents of a set and judges them.
pub fn verify_set(set: &TestSet) -> VerificationReport {
    let mut report = judge(&set.name, cases(set), &mut |_| Vec::new());
    report.people = Some(people::doubts(set)).filter(|people| people.quoted + people.reworded > 0);
    report
}

/// Judges sentences of one language against facts of the other.
///
/// # Errors
/// When the model fails.
pub fn verify_across(embedder: &Embedder) -> Result<VerificationReport, Error> {
    let mut known: std::collections::HashMap<String, Vec<f32>> = std::collections::HashMap::new();
    let mut failed = None;
    let report = judge("across languages", bilingual::cases(), &mut |text| {
        if let Some(vector) = known.get(text) {
            return vector.clone();
        }
        let vector = embedder.passage(text).unwrap_or_else(|error| {
            failed = Some(error);
            Vec::new()
        });
        known.insert(text.to_owned(), vector.clone());
        vector
    });
    failed.map_or(Ok(report), Err)
}

fn judge(set: &str, cases: Vec<Case>, embed: &mut dyn FnMut(&str) -> Vec<f32>) -> VerificationReport {
    let mut report = VerificationReport {
        set: set.to_owned(),
        all: KindFigures::default(),
        by_kind: BTreeMap::new(),
        people: None,
        wrong: Vec::new(),
    };
    for case in cases {
        let checker = Checker::new(&case.evidence);
        let mut meanings = vec![None; checker.units().len()];
        for unit in checker.wanted_meanings(&case.sentence, case.language, MEANINGS) {
            let own = embed(&case.sentence);
            let its = checker.units().get(unit).map(|unit| embed(&unit.text)).unwrap_or_default();
            let dot = own.iter().zip(&its).map(|(a, b)| a * b).sum();
            if let Some(meaning) = meanings.get_mut(unit) {
                *meaning = (!its.is_empty()).then_some(dot);
            }
        }
        let verdict = checker.judge(&case.sentence, case.language, &[], &meanings);
        report.all.take(case.supported, verdict.is_supported());
        report.by_kind.entry(case.kind).or_default().take(case.supported, verdict.is_supported());
        if case.supported != verdict.is_supported() {
            let found = format!("{:?} {:.2}", verdict.reason, verdict.coverage);
            report
                .wrong
                .push(format!("{} supported={} {found}: {}", case.kind, case.supported, case.sentence));
        }
    }
    report
}

/// A passage with its sentences.
struct Cut {
    document: usize,
    sentences: Vec<String>,
}

impl Cut {
    fn text(&self) -> String {
        self.sentences.join("\n")
    }
}

/// Pairs of a supported and a corrupted sentence for each kind, spread over the documents of the set.
fn cases(set: &TestSet) -> Vec<Case> {
    let every = (set.corpus.len() / MAX_DOCUMENTS).max(1);
    let documents = set.corpus.iter().enumerate().step_by(every);
    let cuts: Vec<Cut> =
        documents.flat_map(|(document, it)| passages(document, &it.text, LEAST_SENTENCES)).collect();
    let names = corrupt::names(cuts.iter().flat_map(|cut| &cut.sentences));
    let mut random = Random::new(7);
    let mut made: BTreeMap<&'static str, usize> = BTreeMap::new();
    let mut cases = Vec::new();
    let step = (cuts.len() / 600).max(1);
    for (at, cut) in cuts.iter().enumerate().step_by(step) {
        let near = cuts.get(at + 1).filter(|next| next.document == cut.document);
        let far = cuts.get((at + cuts.len() / 2) % cuts.len().max(1));
        let others: Vec<&Cut> = near.into_iter().chain(far).collect();
        let Some(base) = cut.sentences.iter().find(|sentence| is_plain(sentence)) else { continue };
        let language = detect(&cut.text());
        let evidence = evidence(set, cut, &others, language);
        for corruption in Corruption::ALL {
            let kind = corruption.name();
            if made.get(kind).copied().unwrap_or(0) >= PAIRS_PER_KIND {
                continue;
            }
            let said = reword::reword(base, cut, language, &mut random);
            let other: Vec<&String> =
                cut.sentences.iter().chain(others.iter().flat_map(|cut| &cut.sentences)).collect();
            let Some(twisted) = corrupt::corrupt(corruption, &said, &other, &names, language, &mut random)
            else {
                continue;
            };
            *made.entry(kind).or_default() += 1;
            for (sentence, supported) in [(said, true), (twisted, false)] {
                cases.push(Case { kind, sentence, language, evidence: evidence.clone(), supported });
            }
        }
    }
    cases
}

fn evidence(set: &TestSet, cut: &Cut, others: &[&Cut], language: Language) -> Vec<Evidence> {
    let title = |document: usize| set.corpus.get(document).map(|it| it.title.clone()).unwrap_or_default();
    std::iter::once(cut)
        .chain(others.iter().copied())
        .enumerate()
        .map(|(number, cut)| Evidence {
            number: number + 1,
            text: cut.text(),
            context: title(cut.document),
            language,
        })
        .collect()
}

fn passages(document: usize, text: &str, least: usize) -> Vec<Cut> {
    let mut cuts: Vec<Cut> = Vec::new();
    let mut words = PASSAGE_WORDS;
    for range in sentences(text) {
        let sentence = text.get(range).unwrap_or_default();
        let count = sentence.split_whitespace().count();
        if words + count > PASSAGE_WORDS {
            cuts.push(Cut { document, sentences: Vec::new() });
            words = 0;
        }
        words += count;
        if let Some(cut) = cuts.last_mut() {
            cut.sentences.push(sentence.to_owned());
        }
    }
    cuts.retain(|cut| cut.sentences.len() >= least);
    cuts
}

/// Whether a sentence is prose: of readable length, ended by a full stop, without marks of layout.
fn is_plain(sentence: &str) -> bool {
    SENTENCE_WORDS.contains(&sentence.split_whitespace().count())
        && sentence.ends_with('.')
        && sentence.starts_with(char::is_alphabetic)
        && !sentence.contains(['|', '#', '*', '`', '[', '{', '<'])
}

/// Numbers that look drawn by lot and are the same in every run (xorshift).
pub(crate) struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A number below `bound`, which is at least 1.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as usize % bound.max(1)
    }

    /// One of several.
    pub fn of<'a, T>(&mut self, values: &'a [T]) -> Option<&'a T> {
        values.get(self.below(values.len()))
    }
}

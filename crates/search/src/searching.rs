//! What does one question find in what may be read?

use std::collections::HashMap;

use intramuros_core::error::Error;
use intramuros_core::language::Language;
use serde::{Deserialize, Serialize};

use crate::catalogue::{AccessSet, Facets, Slot, SlotSet};
use crate::feedback::{self, FEEDBACK_DOCUMENTS};
use crate::forms;
use crate::fusion;
use crate::index::State;
use crate::lexical::{self, Lexical, Scope};
use crate::on_two_threads;
use crate::prior::Prior;
use crate::query::Query;
use crate::terms::terms;
use crate::vectors::{QueryVector, Scanned, VectorSet, background};

/// Most documents in one answer. A person reads ten; an evaluation looks at a hundred.
pub const MAX_HITS: usize = 200;

/// Passages shown of one document.
const PASSAGES_OF_A_HIT: usize = 3;

/// A document without any word of the question is shown for its meaning alone when it lies this many deviations above
/// the mean, and its nearest passage as near to the question as the model is known to give what answers: something is
/// always nearest, even to nonsense. Of a model of which that is not known, more is asked beside.
const LEAST_MEANING: f32 = 2.0;
const LEAST_MEANING_UNKNOWN: f32 = 3.0;

/// Of a document in another language than the question's less is asked, in deviations and in nearness: it shares no words
/// with the question by which it could be shown, and half of those that answer lie below.
const LEAST_MEANING_ACROSS: f32 = 1.5;
const FARTHER_ACROSS_LANGUAGES: f32 = 0.04;

/// Of few documents none can lie so far above the mean: this share of what is possible is enough there.
const SHARE_OF_FEW: f32 = 0.7;

/// In the second look, documents whose nearness is computed: five times what a result can hold ([`MAX_HITS`]). As many,
/// spread evenly over all, give the mean and the deviation to within 3 %.
const SECOND_LOOK: usize = 1_000;

/// Share of the visible documents that must have vectors before meaning counts at all; from here on it counts more
/// and more. While vectors are still being computed, documents that have some would push away all that have none.
const LEAST_WITH_VECTORS: f32 = 0.5;

/// Gives the texts of passages by their numbers, in their order, with their languages.
pub type Texts<'a> = dyn Fn(&[u64]) -> Vec<(String, Language)> + 'a;

/// What is asked of the index.
pub struct Request<'a> {
    /// The question, taken apart.
    pub query: &'a Query,
    /// Gives its vector; none searches by words alone. It is called when the words have been looked up, so that a
    /// model may compute meanwhile.
    pub vector: &'a dyn Fn() -> Option<Vec<f32>>,
    /// The model that the vector is of; where the index holds vectors of another, words alone are searched.
    pub model: &'a str,
    /// What may be looked at.
    pub readable: &'a AccessSet,
    /// Name of the declared collection that is searched; none for all that may be read.
    pub collection: Option<&'a str>,
    /// What age and source add, as declared.
    pub prior: &'a Prior,
    /// How many documents are wanted; at most [`MAX_HITS`].
    pub limit: usize,
    /// Whether the last word may be the beginning of a longer one.
    pub prefix: bool,
    /// Which lists are used; for measurements. People get [`Mode::Fused`].
    pub mode: Mode,
    /// Gives the texts of passages by their numbers, in order, with their language; used for the second look and to mend
    /// words as they are written.
    pub texts: &'a Texts<'a>,
}

/// Which lists a search uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Words and meaning.
    #[default]
    Fused,
    /// Words alone.
    Words,
    /// Meaning alone.
    Meaning,
}

/// A passage of a result.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PassageHit {
    /// The store's number.
    pub id: u64,
    /// How well it answers beside the other passages of the result.
    pub score: f32,
    /// Dot product of its vector and the question's, as if both were of one language; none where there is no vector yet.
    pub meaning: Option<f32>,
    /// Its score by words.
    pub words: f32,
}

/// A document of a result.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// The store's number.
    pub document: u64,
    /// How well it answers; to be compared within one result only.
    pub score: f32,
    /// Its best passages, best first; none when the question was of conditions alone.
    pub passages: Vec<PassageHit>,
}

/// What a search found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Documents, best first.
    pub hits: Vec<Hit>,
    /// How many visible documents hold a word of the question or are near it in meaning.
    pub total: usize,
    /// The same documents, counted by what they are.
    pub facets: Facets,
    /// The question with its unknown words mended, when there are some and something like them is there.
    pub suggestion: Option<String>,
    /// Words of the question that no visible document holds, nor a word like them, as they were written; a few.
    pub absent: Vec<String>,
    /// Whether what narrows the question lets no document through, whatever its words are.
    pub nothing_passes: bool,
    /// The words that count for highlighting: stems by language and exact forms.
    pub highlights: Vec<String>,
    /// The words of the question with what they weigh, for judging how much of it a text covers.
    pub terms: Vec<QueryTerm>,
    /// How near documents lie that are near the question's subject without standing out, see [`crate::vectors::background`];
    /// none where few have vectors.
    pub background: Option<f32>,
}

/// A word of the question as it is compared with texts.
#[derive(Clone, Debug, PartialEq)]
pub struct QueryTerm {
    /// Stems and exact forms, any of which stands for the word.
    pub forms: Vec<String>,
    /// How much it says: the rarer among the visible documents, the more.
    pub weight: f32,
}

/// One search over one state.
pub(crate) struct Searching<'a> {
    pub(crate) state: &'a State,
    pub(crate) request: &'a Request<'a>,
}

/// What the vectors say of the visible documents, in the order of their slots.
struct Meaning {
    /// Standardised scores.
    scores: Vec<f32>,
    /// Whether a document is near enough to be shown without any word of the question.
    near: Vec<bool>,
    /// How much it counts, from 0 to 1.
    confidence: f32,
    /// The share of the nearest documents whose titles ask.
    asking: f32,
}

/// Scores by visible document, in the order of `slots`.
struct Ranking {
    slots: Vec<Slot>,
    scores: Vec<f32>,
}

impl Searching<'_> {
    pub(crate) fn run(&self) -> Result<Found, Error> {
        let query = self.request.query;
        let Request { readable, collection, .. } = *self.request;
        let mut visible = self.state.catalogue.visible(readable, &query.filters, collection);
        let filtered_out = visible.is_empty();
        forms::keep_conditions(&self.state.snapshot, query, &mut visible)?;
        if visible.is_empty() {
            // Words in quotation marks are what is looked for: that they stand nowhere is another thing.
            let nothing_passes = filtered_out || query.phrases.is_empty();
            return Ok(Found { nothing_passes, ..Found::default() });
        }
        if query.is_empty() {
            return Ok(self.newest(&visible));
        }
        let scope = Scope::new(&self.state.snapshot, &visible, self.state.catalogue.asks());
        let expansion = forms::expand(&scope, query, self.request.prefix, self.request.texts)?;
        let lexical = lexical::score(&scope, &expansion.groups, &expansion.neighbours)?;
        let vector = match self.request.mode {
            Mode::Words => None,
            Mode::Fused | Mode::Meaning if self.state.vectors.model != self.request.model => None,
            Mode::Fused | Mode::Meaning => {
                (self.request.vector)().and_then(|components| QueryVector::new(&components))
            }
        };
        let passages = &self.state.vectors.passages;
        let scanned = vector.as_ref().map(|vector| self.scan(passages, vector, &visible)).unwrap_or_default();
        let slots: Vec<Slot> = visible.iter().collect();
        let meaning = self.meaning(vector.as_ref(), &scanned, &slots, &visible);
        let vector = vector.filter(|_| meaning.is_some());
        let mut ranking =
            Ranking { scores: self.first_look(&lexical, meaning.as_ref(), &scanned, &slots), slots };
        let candidates = self.candidates(&lexical, meaning.as_ref(), &ranking);
        if candidates.is_empty() {
            let absent = forms::stands_nowhere(query, &expansion.absent, false);
            return Ok(Found { suggestion: expansion.suggestion, absent, ..Found::default() });
        }
        let lists = Lists { lexical: &lexical, scanned: &scanned, vector: vector.as_ref() };
        // Another reading of what is written (a number without its marks, a day, a reference) is no further word.
        let words = query.words.iter().filter(|word| !word.is_reading()).count();
        let weight = fusion::feedback_weight(words);
        if self.request.mode == Mode::Fused && vector.is_some() && weight > 0.0 {
            self.second_look(&scope, &lists, &candidates, weight, &mut ranking)?;
        }
        self.weigh(&candidates, &mut ranking);
        let mut found = self.found(&lists, &candidates, &ranking);
        let foreign = self.is_foreign(&found);
        found.absent = forms::stands_nowhere(query, &expansion.absent, foreign);
        found.suggestion = expansion.suggestion;
        found.highlights = expansion.highlights;
        found.terms = terms(query, &expansion.groups, &lexical.weights);
        found.background = background(&scanned);
        Ok(found)
    }

    /// Whether the first results are all in another language than the question.
    fn is_foreign(&self, found: &Found) -> bool {
        let first = found.hits.iter().take(FEEDBACK_DOCUMENTS);
        let mut slots = first.filter_map(|hit| self.state.catalogue.slot(hit.document)).peekable();
        slots.peek().is_some() && slots.all(|slot| self.crosses_languages(slot))
    }

    /// The visible documents, newest first: the answer to a question of conditions alone (`kind:pdf`, `-draft`).
    fn newest(&self, visible: &SlotSet) -> Found {
        if !self.request.query.narrows() {
            return Found::default();
        }
        let facets = self.state.catalogue.facets(visible.iter());
        let mut newest: Vec<(Option<i64>, std::cmp::Reverse<u64>)> = visible
            .iter()
            .filter_map(|slot| self.state.catalogue.facts(slot))
            .map(|facts| (facts.date_ms, std::cmp::Reverse(facts.document)))
            .collect();
        newest.sort_unstable_by(|a, b| b.cmp(a));
        let hit = |(_, document): &(Option<i64>, std::cmp::Reverse<u64>)| Hit {
            document: document.0,
            score: 0.0,
            passages: Vec::new(),
        };
        let hits = newest.iter().take(self.request.limit.min(MAX_HITS)).map(hit).collect();
        Found { hits, total: newest.len(), facets, ..Found::default() }
    }

    /// Meaning by visible document, standardised: the nearest passage, and the first one or the title that asks.
    fn meaning(
        &self,
        vector: Option<&QueryVector>,
        scanned: &[Option<Scanned>],
        slots: &[Slot],
        visible: &SlotSet,
    ) -> Option<Meaning> {
        let vector = vector?;
        let confidence = self.confidence(scanned, slots);
        if confidence <= 0.0 && self.request.mode == Mode::Fused {
            return None;
        }
        let titles = self.scan(&self.state.vectors.titles, vector, visible);
        let language = self.request.query.language;
        let mut scores = table(scanned, slots, |slot, scanned| {
            let title = titles.get(slot as usize).copied().flatten().map(|title| title.nearest.score);
            fusion::document_meaning(scanned.nearest.score, scanned.first.score, title, language)
        })?;
        fusion::standardise(&mut scores);
        let asking = self.asking(&scores, slots);
        let least = self.state.vectors.calibration.map(|known| known.near);
        let of_few = most_deviations(slots.len()) * SHARE_OF_FEW;
        let near = |(slot, score): (&Slot, &f32)| {
            let Some(scanned) = scanned.get(*slot as usize).copied().flatten() else { return false };
            match least {
                None => *score >= LEAST_MEANING_UNKNOWN,
                Some(least) if self.crosses_languages(*slot) => {
                    *score >= LEAST_MEANING_ACROSS.min(of_few)
                        && scanned.nearest.score >= least - FARTHER_ACROSS_LANGUAGES
                }
                Some(least) => *score >= LEAST_MEANING.min(of_few) && scanned.nearest.score >= least,
            }
        };
        let near = slots.iter().zip(&scores).map(near).collect();
        Some(Meaning { scores, near, confidence, asking })
    }

    /// The share of the documents with the best scores whose titles ask.
    fn asking(&self, scores: &[f32], slots: &[Slot]) -> f32 {
        let nearest = best_of(scores, (0..slots.len()).collect(), fusion::NEAREST_DOCUMENTS);
        let asks = self.state.catalogue.asks();
        let asks = |index: &&usize| {
            slots.get(**index).and_then(|slot| asks.get(*slot as usize)).copied().unwrap_or(false)
        };
        nearest.iter().filter(asks).count() as f32 / nearest.len().max(1) as f32
    }

    /// The nearness of each visible document, as it would be if all were written in the question's language.
    fn scan(&self, set: &VectorSet, vector: &QueryVector, visible: &SlotSet) -> Vec<Option<Scanned>> {
        let mut scanned = set.scan(vector, visible, self.state.catalogue.slots());
        for slot in visible.iter() {
            let farther = self.farther(slot);
            if let Some(Some(entry)) = scanned.get_mut(slot as usize) {
                entry.nearest.score += farther;
                entry.first.score += farther;
            }
        }
        scanned
    }

    /// How much farther from the question a document lies for its language alone.
    fn farther(&self, slot: Slot) -> f32 {
        let known = self.state.vectors.calibration;
        known.filter(|_| self.crosses_languages(slot)).map_or(0.0, |known| known.across_languages)
    }

    /// Whether a document is written in another language than the question, as far as both are known.
    fn crosses_languages(&self, slot: Slot) -> bool {
        self.state.catalogue.language(slot).differs(self.request.query.language)
    }

    /// How much meaning counts, from 0 to 1, by the share of the documents that have vectors.
    fn confidence(&self, scanned: &[Option<Scanned>], slots: &[Slot]) -> f32 {
        let lengths = self.state.snapshot.documents();
        let has_text =
            |slot: &&Slot| lengths.get(**slot as usize).is_some_and(|lengths| lengths.passages > 0);
        let has_vector = |slot: &&Slot| scanned.get(**slot as usize).is_some_and(Option::is_some);
        let with_text = slots.iter().filter(has_text).count().max(1) as f32;
        let share = slots.iter().filter(has_vector).count() as f32 / with_text;
        ((share - LEAST_WITH_VECTORS) / (1.0 - LEAST_WITH_VECTORS)).clamp(0.0, 1.0)
    }

    /// Words and meaning, each standardised, added. A document without a vector yet is taken to mean as much as its words do, and
    /// no more than the nearest one: with the mean, every new document would fall behind until it has one.
    fn first_look(
        &self,
        lexical: &Lexical,
        meaning: Option<&Meaning>,
        scanned: &[Option<Scanned>],
        slots: &[Slot],
    ) -> Vec<f32> {
        let mut scores = gather(&lexical.documents, slots);
        fusion::standardise(&mut scores);
        match (self.request.mode, meaning) {
            (Mode::Meaning, Some(meaning)) => meaning.scores.clone(),
            (Mode::Meaning, None) => vec![0.0; slots.len()],
            (Mode::Words, _) | (Mode::Fused, None) => scores,
            (Mode::Fused, Some(meaning)) => {
                let language = self.request.query.language;
                let most = meaning.scores.iter().copied().fold(0.0, f32::max);
                for ((score, slot), meant) in scores.iter_mut().zip(slots).zip(&meaning.scores) {
                    let is_known = scanned.get(*slot as usize).is_some_and(Option::is_some);
                    let meant = if is_known { *meant } else { score.min(most) };
                    let crosses = self.crosses_languages(*slot);
                    let weight = fusion::meaning_weight(language, meaning.asking, crosses);
                    *score += weight * meaning.confidence * meant;
                }
                scores
            }
        }
    }

    /// Positions in the ranking that may be shown, in the order of the documents.
    fn candidates(&self, lexical: &Lexical, meaning: Option<&Meaning>, ranking: &Ranking) -> Vec<usize> {
        let by_words = |slot: Slot| lexical.documents.get(slot as usize).is_some_and(|score| *score > 0.0);
        (0..ranking.slots.len())
            .filter(|index| {
                let slot = ranking.slots.get(*index).copied().unwrap_or(Slot::MAX);
                let near = meaning.and_then(|meaning| meaning.near.get(*index)).copied().unwrap_or(false);
                match self.request.mode {
                    Mode::Words => by_words(slot),
                    Mode::Meaning => meaning.is_some(),
                    Mode::Fused => by_words(slot) || near,
                }
            })
            .collect()
    }

    /// Looks again, with the words and the vectors of the first results.
    fn second_look(
        &self,
        scope: &Scope<'_>,
        lists: &Lists<'_>,
        candidates: &[usize],
        weight: f32,
        ranking: &mut Ranking,
    ) -> Result<(), Error> {
        let first = ranking.best(candidates, FEEDBACK_DOCUMENTS);
        let shares = fusion::softmax(&first.iter().map(|index| ranking.score(*index)).collect::<Vec<_>>());
        let passages: Vec<(Slot, u64, f32)> = first
            .iter()
            .zip(shares)
            .filter_map(|(index, share)| {
                let slot = ranking.slots.get(*index).copied()?;
                let scanned = lists.scanned.get(slot as usize).copied().flatten()?;
                Some((slot, scanned.nearest.id, share))
            })
            .collect();
        let set = &self.state.vectors.passages;
        let vector = feedback::vector(set, &passages, scope.visible);
        let nearness = || second_meaning(set, vector.as_ref()?, candidates, ranking);
        let (by_words, by_meaning) = on_two_threads(nearness, || {
            let words = feedback::words(scope, &passages, self.request.texts)?;
            let mut by_words: Vec<f32> = gather(&lexical::score_documents(scope, &words)?, &ranking.slots);
            fusion::standardise(&mut by_words);
            Ok::<Vec<f32>, Error>(by_words)
        });
        let by_words = by_words?;
        fusion::add(&mut ranking.scores, &by_words, weight);
        if let Some(by_meaning) = by_meaning {
            fusion::add(&mut ranking.scores, &by_meaning, weight);
        }
        Ok(())
    }

    /// Adds what age and source are declared to be worth. Where nothing is declared, nothing is touched.
    fn weigh(&self, candidates: &[usize], ranking: &mut Ranking) {
        let prior = self.request.prior;
        if prior.is_flat() {
            return;
        }
        let scores: Vec<f32> = candidates.iter().map(|index| ranking.score(*index)).collect();
        let Some(deviation) = fusion::Scale::of(&scores).map(fusion::Scale::deviation) else { return };
        for index in candidates {
            let facts = ranking.slots.get(*index).and_then(|slot| self.state.catalogue.facts(*slot));
            if let (Some(facts), Some(score)) = (facts, ranking.scores.get_mut(*index)) {
                *score += prior.of(facts) * deviation;
            }
        }
    }

    fn found(&self, lists: &Lists<'_>, candidates: &[usize], ranking: &Ranking) -> Found {
        let facets = self
            .state
            .catalogue
            .facets(candidates.iter().filter_map(|index| ranking.slots.get(*index).copied()));
        let order = ranking.best(candidates, self.request.limit.min(MAX_HITS));
        let slots: Vec<Slot> = order.iter().filter_map(|index| ranking.slots.get(*index).copied()).collect();
        let mut passages = self.best_passages(lists, &slots);
        let hits = order
            .iter()
            .zip(&slots)
            .filter_map(|(index, slot)| {
                let document = self.state.catalogue.facts(*slot)?.document;
                let passages = passages.remove(slot).unwrap_or_default();
                Some(Hit { document, score: ranking.score(*index), passages })
            })
            .collect();
        Found { hits, total: candidates.len(), facets, ..Found::default() }
    }

    /// How far the dot products of passages lie apart: known of the built-in model, taken from the documents for others.
    fn meaning_spread(&self, scanned: &[Option<Scanned>]) -> f32 {
        if self.state.vectors.calibration.is_some() {
            return MEANING_SPREAD;
        }
        let scores: Vec<f32> = scanned.iter().flatten().map(|scanned| scanned.nearest.score).collect();
        let deviation = fusion::Scale::of(&scores).map_or(0.0, fusion::Scale::deviation);
        deviation.max(MEANING_SPREAD / 10.0)
    }

    /// The best passages of documents, by words and meaning together.
    fn best_passages(&self, lists: &Lists<'_>, slots: &[Slot]) -> HashMap<Slot, Vec<PassageHit>> {
        let mut by_slot: HashMap<Slot, HashMap<u64, PassageHit>> =
            slots.iter().map(|slot| (*slot, HashMap::new())).collect();
        // A frequent word has very many passages, of which few are of these documents.
        let mut wanted = SlotSet::default();
        slots.iter().for_each(|slot| wanted.put(*slot));
        for (passage, slot, score) in &lists.lexical.passages {
            if wanted.contains(*slot)
                && let Some(hits) = by_slot.get_mut(slot)
                && let Some(id) = self.state.snapshot.passage_id(*passage)
            {
                hits.insert(id, PassageHit { id, score: 0.0, meaning: None, words: *score });
            }
        }
        let spread = lists.lexical.spread();
        let meanings = self.meaning_spread(lists.scanned);
        by_slot
            .into_iter()
            .map(|(slot, mut hits)| {
                for nearest in lists
                    .vector
                    .map(|vector| self.state.vectors.passages.of_document(vector, slot))
                    .unwrap_or_default()
                {
                    let new = PassageHit { id: nearest.id, score: 0.0, meaning: None, words: 0.0 };
                    hits.entry(nearest.id).or_insert(new).meaning = Some(nearest.score + self.farther(slot));
                }
                let lowest = lists
                    .scanned
                    .get(slot as usize)
                    .copied()
                    .flatten()
                    .map_or(0.0, |scanned| scanned.nearest.score - 0.1);
                let mut hits: Vec<PassageHit> = hits.into_values().collect();
                for hit in &mut hits {
                    hit.score = hit.words / spread + (hit.meaning.unwrap_or(lowest) - lowest) / meanings;
                }
                hits.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.id.cmp(&b.id)));
                hits.truncate(PASSAGES_OF_A_HIT);
                (slot, hits)
            })
            .collect()
    }
}

/// Nearness to what the first results mean, standardised. In a large set only the best of the first look are
/// compared, and a spread of all for the mean and the deviation: a second full scan would double the time of a
/// question to move documents that no page shows.
fn second_meaning(
    set: &VectorSet,
    vector: &QueryVector,
    candidates: &[usize],
    ranking: &Ranking,
) -> Option<Vec<f32>> {
    let all = ranking.slots.len();
    let step = all.div_ceil(SECOND_LOOK).max(1);
    let sample: Vec<Slot> = ranking.slots.iter().copied().step_by(step).collect();
    let known: Vec<f32> = set.nearest_of(vector, &sample).into_iter().flatten().collect();
    let scale = fusion::Scale::of(&known)?;
    let best = if all <= SECOND_LOOK { (0..all).collect() } else { ranking.best(candidates, SECOND_LOOK) };
    let slots: Vec<Slot> = best.iter().filter_map(|index| ranking.slots.get(*index).copied()).collect();
    let mut scores = vec![0.0; all];
    for (index, score) in best.into_iter().zip(set.nearest_of(vector, &slots)) {
        if let (Some(score), Some(entry)) = (score, scores.get_mut(index)) {
            *entry = scale.standardise(score);
        }
    }
    Some(scores)
}

/// How far dot products of passages for one question usually lie apart; makes them comparable to words.
const MEANING_SPREAD: f32 = 0.02;

/// What the lists say, for choosing passages.
struct Lists<'a> {
    lexical: &'a Lexical,
    scanned: &'a [Option<Scanned>],
    vector: Option<&'a QueryVector>,
}

impl Ranking {
    /// The best of the candidates, best first.
    fn best(&self, candidates: &[usize], most: usize) -> Vec<usize> {
        best_of(&self.scores, candidates.to_vec(), most)
    }

    fn score(&self, index: usize) -> f32 {
        self.scores.get(index).copied().unwrap_or(f32::NEG_INFINITY)
    }
}

/// The best of these places in the scores, best first. Only they are put in order: a frequent word has very many candidates.
fn best_of(scores: &[f32], mut places: Vec<usize>, most: usize) -> Vec<usize> {
    let score = |place: usize| scores.get(place).copied().unwrap_or(f32::NEG_INFINITY);
    // Equal scores keep the order of the documents: results are the same each time.
    let order = |a: &usize, b: &usize| score(*b).total_cmp(&score(*a)).then(a.cmp(b));
    if most < places.len() {
        places.select_nth_unstable_by(most, order);
        places.truncate(most);
    }
    places.sort_unstable_by(order);
    places
}

/// How many deviations above the mean one of `count` values can lie at most: when all others are alike.
fn most_deviations(count: usize) -> f32 {
    (count.saturating_sub(1) as f32).sqrt()
}

/// Scores by visible document from its scanned passages. A document without vectors yet gets the mean, which says
/// nothing for or against it. None when there is no vector at all.
fn table(
    scanned: &[Option<Scanned>],
    slots: &[Slot],
    score: impl Fn(Slot, Scanned) -> f32,
) -> Option<Vec<f32>> {
    let scores: Vec<Option<f32>> = slots
        .iter()
        .map(|slot| scanned.get(*slot as usize).copied().flatten().map(|scanned| score(*slot, scanned)))
        .collect();
    let known = scores.iter().flatten().count();
    if known == 0 {
        return None;
    }
    let mean = scores.iter().flatten().sum::<f32>() / known as f32;
    Some(scores.into_iter().map(|score| score.unwrap_or(mean)).collect())
}

fn gather(scores: &[f32], slots: &[Slot]) -> Vec<f32> {
    slots.iter().map(|slot| scores.get(*slot as usize).copied().unwrap_or(0.0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_few_documents_can_stand_out_as_well() {
        let check = |count: usize, expected: f32| {
            let mut scores = vec![0.0; count];
            scores[0] = 1.0;
            fusion::standardise(&mut scores);
            assert!((scores[0] - most_deviations(count)).abs() < 1e-4, "{count}");
            let least = LEAST_MEANING.min(most_deviations(count) * SHARE_OF_FEW);
            assert!((least - expected).abs() < 0.01, "{count}: {least}");
        };
        check(1, 0.0);
        check(3, 0.99);
        check(5, 1.4);
        check(10, 2.0);
        check(1_000, 2.0);
    }
}

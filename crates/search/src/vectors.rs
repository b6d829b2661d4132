//! Which passages are nearest in meaning, exactly?
//!
//! Every visible vector is compared: no graph to build, the recall is 1 under any filter, and a change is seen at
//! once. 100,000 vectors take about a millisecond. See docs/decisions/0002-search.md for the figures.

use intramuros_core::vector::{DIMENSIONS, MAX_DIMENSIONS, Vector};

use crate::catalogue::{Slot, SlotSet};
use crate::on_two_threads;

/// Rows of one chunk. A chunk is allocated at once, so that growing never copies what is there.
const CHUNK_ROWS: usize = 4096;

/// From this many chunks on, two threads share a scan: below, it takes less than a thread takes to start (some 0.05 ms).
const SHARED_FROM: usize = 8;

/// The largest component of a question's vector after rounding: 12 bits, so that a dot product of 384 terms with
/// 8-bit values stays well inside 32 bits and the question itself loses nothing that matters.
const QUERY_LEVELS: f32 = 2047.0;

/// Part of the rows that may be dead before they are taken out.
const DEAD_SHARE: usize = 4;

/// A question's vector, ready to be compared. It need not have length 1.
pub struct QueryVector {
    values: Box<[i16]>,
    scale: f32,
}

impl QueryVector {
    /// Prepares a vector; none when it has no component, more than [`MAX_DIMENSIONS`], or one that is not finite.
    pub fn new(components: &[f32]) -> Option<QueryVector> {
        let proper = (1..=MAX_DIMENSIONS).contains(&components.len());
        if !proper || components.iter().any(|value| !value.is_finite()) {
            return None;
        }
        let largest = components.iter().fold(f32::MIN_POSITIVE, |largest, value| largest.max(value.abs()));
        let scale = largest / QUERY_LEVELS;
        let round = |component: &f32| (component / scale).round().clamp(-QUERY_LEVELS, QUERY_LEVELS) as i16;
        Some(QueryVector { values: components.iter().map(round).collect(), scale })
    }
}

/// One vector with what it belongs to.
#[derive(Clone, Debug)]
pub struct Row {
    /// The store's number of the passage (of the document, for title vectors).
    pub id: u64,
    /// The document.
    pub slot: Slot,
    /// The vector.
    pub vector: Vector,
}

/// A passage with its nearness.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Nearest {
    /// Dot product of the question's vector and the passage's.
    pub score: f32,
    /// The passage's number.
    pub id: u64,
}

/// What the scan finds of a document: its nearest passage, and its first one (the one with the lowest number).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scanned {
    /// The nearest passage.
    pub nearest: Nearest,
    /// The first passage that has a vector.
    pub first: Nearest,
}

/// Ranks by nearness, from 0, between which documents are near the question's subject and seldom answer it: the first
/// three may all answer, and from the tenth on a folder of mixed subjects has left the subject.
const BACKGROUND: std::ops::Range<usize> = 3..10;

/// How near documents lie to the question that are near without standing out: the mean nearness of the fourth to the
/// tenth nearest; of two or three documents, of the farthest. What answers stands out from them. None where one document
/// alone has vectors.
pub fn background(scanned: &[Option<Scanned>]) -> Option<f32> {
    let mut scores: Vec<f32> = scanned.iter().flatten().map(|scanned| scanned.nearest.score).collect();
    let descending = |a: &f32, b: &f32| b.total_cmp(a);
    if scores.len() > BACKGROUND.end {
        scores.select_nth_unstable_by(BACKGROUND.end, descending);
        scores.truncate(BACKGROUND.end);
    }
    scores.sort_unstable_by(descending);
    let start = BACKGROUND.start.min(scores.len().saturating_sub(1)).max(1);
    let beside = scores.get(start..).filter(|beside| !beside.is_empty())?;
    Some(beside.iter().sum::<f32>() / beside.len() as f32)
}

struct Chunk {
    /// The components of all rows, one row after another.
    values: Vec<i8>,
    scales: Vec<f32>,
    slots: Vec<Slot>,
    ids: Vec<u64>,
}

impl Chunk {
    fn new(dimensions: usize) -> Chunk {
        Chunk {
            values: Vec::with_capacity(CHUNK_ROWS * dimensions),
            scales: Vec::with_capacity(CHUNK_ROWS),
            slots: Vec::with_capacity(CHUNK_ROWS),
            ids: Vec::with_capacity(CHUNK_ROWS),
        }
    }
}

/// A dead row: no document has this slot.
const DEAD: Slot = Slot::MAX;

/// The vectors of a set of passages.
#[derive(Default)]
pub struct VectorSet {
    /// Components of each row: those of the first one. Rows of another model are not taken.
    dimensions: usize,
    chunks: Vec<Chunk>,
    /// By slot.
    rows_of: Vec<Vec<u32>>,
    rows: usize,
    dead: usize,
}

impl VectorSet {
    /// Adds a row. One with other dimensions than those that are there is passed over: it can't be compared.
    pub fn put(&mut self, row: &Row) {
        if self.rows == 0 {
            self.dimensions = row.vector.values.len();
        }
        if row.vector.values.len() != self.dimensions {
            return;
        }
        if self.chunks.last().is_none_or(|chunk| chunk.ids.len() >= CHUNK_ROWS) {
            self.chunks.push(Chunk::new(self.dimensions));
        }
        if let Some(chunk) = self.chunks.last_mut() {
            chunk.values.extend_from_slice(&row.vector.values);
            chunk.scales.push(row.vector.scale);
            chunk.slots.push(row.slot);
            chunk.ids.push(row.id);
            let slot = row.slot as usize;
            if self.rows_of.len() <= slot {
                self.rows_of.resize_with(slot + 1, Vec::new);
            }
            if let Some(rows) = self.rows_of.get_mut(slot) {
                rows.push(self.rows as u32);
            }
            self.rows += 1;
        }
    }

    /// Takes out every row of a document.
    pub fn remove(&mut self, slot: Slot) {
        for row in self.rows_of.get_mut(slot as usize).map(std::mem::take).unwrap_or_default() {
            let row = row as usize;
            if let Some(entry) =
                self.chunks.get_mut(row / CHUNK_ROWS).and_then(|chunk| chunk.slots.get_mut(row % CHUNK_ROWS))
            {
                *entry = DEAD;
                self.dead += 1;
            }
        }
        if self.dead > CHUNK_ROWS && self.dead > self.rows / DEAD_SHARE {
            self.compact();
        }
    }

    fn compact(&mut self) {
        let old = std::mem::take(self);
        for chunk in old.chunks {
            let values = chunk.values.chunks_exact(old.dimensions.max(1));
            let rows = values.zip(chunk.scales).zip(chunk.slots).zip(chunk.ids);
            for (((values, scale), slot), id) in rows {
                if slot != DEAD {
                    self.put(&Row { id, slot, vector: Vector { scale, values: values.into() } });
                }
            }
        }
    }

    /// How many rows can be found.
    pub fn len(&self) -> usize {
        self.rows - self.dead
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a document has rows.
    pub fn contains(&self, slot: Slot) -> bool {
        !self.rows(slot).is_empty()
    }

    /// The nearest and the first row of each visible document: a table by slot, `slots` long.
    pub fn scan(&self, query: &QueryVector, visible: &SlotSet, slots: usize) -> Vec<Option<Scanned>> {
        let dimensions = self.dimensions;
        let scan =
            |chunks: &[Chunk]| pulp::Arch::new().dispatch(Scan { chunks, dimensions, query, visible, slots });
        if self.chunks.len() < SHARED_FROM {
            return scan(&self.chunks);
        }
        let (front, back) = self.chunks.split_at(self.chunks.len() / 2);
        let (mut best, other) = on_two_threads(|| scan(back), || scan(front));
        for (entry, other) in best.iter_mut().zip(other) {
            for row in other.iter().flat_map(|other| [other.nearest, other.first]) {
                entry_for(entry, row);
            }
        }
        best
    }

    /// The score of the nearest row of each of some documents, in their order; none where a document has no row.
    pub fn nearest_of(&self, query: &QueryVector, documents: &[Slot]) -> Vec<Option<f32>> {
        pulp::Arch::new().dispatch(NearestOf { set: self, query, documents })
    }

    /// The scores of all rows of one document, as pairs of passage number and dot product.
    pub fn of_document(&self, query: &QueryVector, slot: Slot) -> Vec<Nearest> {
        self.rows(slot).iter().filter_map(|row| self.compare(query, *row)).collect()
    }

    /// The rows of a document.
    #[inline(always)]
    fn rows(&self, slot: Slot) -> &[u32] {
        self.rows_of.get(slot as usize).map(Vec::as_slice).unwrap_or_default()
    }

    /// The chunk of a row and its place there.
    #[inline(always)]
    fn locate(&self, row: u32) -> Option<(&Chunk, usize)> {
        Some((self.chunks.get(row as usize / CHUNK_ROWS)?, row as usize % CHUNK_ROWS))
    }

    /// The components of a row.
    #[inline(always)]
    fn values<'a>(&self, chunk: &'a Chunk, row: usize) -> Option<&'a [i8]> {
        chunk.values.get(row * self.dimensions..(row + 1) * self.dimensions)
    }

    #[inline(always)]
    fn compare(&self, query: &QueryVector, row: u32) -> Option<Nearest> {
        let (chunk, row) = self.locate(row)?;
        let score =
            dot(self.values(chunk, row)?, &query.values) as f32 * (chunk.scales.get(row)? * query.scale);
        Some(Nearest { score, id: *chunk.ids.get(row)? })
    }

    /// The mean of the first vectors of up to `most` visible documents, spread evenly. Only what is visible counts.
    pub fn mean(&self, visible: &SlotSet, most: usize) -> Option<Vec<f32>> {
        let step = (visible.len() / most.max(1)).max(1);
        let documents: Vec<Slot> = visible.iter().step_by(step).take(most).collect();
        pulp::Arch::new().dispatch(MeanOf { set: self, documents: &documents })
    }

    /// The components of one passage's vector.
    pub fn components(&self, slot: Slot, id: u64) -> Option<Vec<f32>> {
        self.rows(slot).iter().find_map(|row| {
            let (chunk, row) = self.locate(*row)?;
            (*chunk.ids.get(row)? == id).then(|| {
                let scale = chunk.scales.get(row).copied().unwrap_or(0.0);
                self.values(chunk, row)
                    .map(|values| values.iter().map(|value| f32::from(*value) * scale).collect())
            })?
        })
    }
}

/// [`VectorSet::scan`] as a value: of a closure that is more than a line, the compiler makes a function of its own,
/// without the wide instructions.
struct Scan<'a> {
    chunks: &'a [Chunk],
    dimensions: usize,
    query: &'a QueryVector,
    visible: &'a SlotSet,
    slots: usize,
}

impl pulp::WithSimd for Scan<'_> {
    type Output = Vec<Option<Scanned>>;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> Vec<Option<Scanned>> {
        let Scan { chunks, dimensions, query, visible, slots } = self;
        let mut best: Vec<Option<Scanned>> = vec![None; slots];
        if query.values.len() != dimensions {
            return best;
        }
        for chunk in chunks {
            let values = chunk.values.chunks_exact(dimensions.max(1));
            let rows = values.zip(&chunk.scales).zip(&chunk.slots).zip(&chunk.ids);
            for (((values, scale), slot), id) in rows {
                if !visible.contains(*slot) {
                    continue;
                }
                let score = dot(values, &query.values) as f32 * (scale * query.scale);
                if let Some(entry) = best.get_mut(*slot as usize) {
                    entry_for(entry, Nearest { score, id: *id });
                }
            }
        }
        best
    }
}

/// [`VectorSet::nearest_of`], as a value for the same reason.
struct NearestOf<'a> {
    set: &'a VectorSet,
    query: &'a QueryVector,
    documents: &'a [Slot],
}

impl pulp::WithSimd for NearestOf<'_> {
    type Output = Vec<Option<f32>>;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> Vec<Option<f32>> {
        let mut nearest = Vec::with_capacity(self.documents.len());
        for slot in self.documents {
            let mut best: Option<f32> = None;
            for row in self.set.rows(*slot) {
                if let Some(Nearest { score, .. }) = self.set.compare(self.query, *row) {
                    best = Some(best.map_or(score, |best| best.max(score)));
                }
            }
            nearest.push(best);
        }
        nearest
    }
}

/// [`VectorSet::mean`], as a value for the same reason.
struct MeanOf<'a> {
    set: &'a VectorSet,
    documents: &'a [Slot],
}

impl pulp::WithSimd for MeanOf<'_> {
    type Output = Option<Vec<f32>>;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> Option<Vec<f32>> {
        let (mut sum, mut count) = (vec![0f32; self.set.dimensions], 0f32);
        for slot in self.documents {
            let Some(row) = self.set.rows(*slot).first() else { continue };
            let (chunk, row) = self.set.locate(*row)?;
            let scale = chunk.scales.get(row)?;
            for (sum, value) in sum.iter_mut().zip(self.set.values(chunk, row)?) {
                *sum += f32::from(*value) * scale;
            }
            count += 1.0;
        }
        (count > 0.0).then(|| sum.iter().map(|value| value / count).collect())
    }
}

#[inline(always)]
fn entry_for(entry: &mut Option<Scanned>, row: Nearest) {
    match entry {
        None => *entry = Some(Scanned { nearest: row, first: row }),
        Some(known) => {
            if row.score > known.nearest.score {
                known.nearest = row;
            }
            if row.id < known.first.id {
                known.first = row;
            }
        }
    }
}

#[inline(always)]
fn dot(values: &[i8], query: &[i16]) -> i32 {
    // The built-in model's length is known to the compiler, which then unrolls; others go through the same loop.
    match (<&[i8; DIMENSIONS]>::try_from(values), <&[i16; DIMENSIONS]>::try_from(query)) {
        (Ok(values), Ok(query)) => sum_of_products(values, query),
        _ => sum_of_products(values, query),
    }
}

#[inline(always)]
fn sum_of_products(values: &[i8], query: &[i16]) -> i32 {
    // At most 4,096 products of at most 127 * 2047 stay below 2^31. Wrapping arithmetic says so to the compiler in every
    // profile: with a check at each step it can't compute several at once, and tests take eight times as long.
    values.iter().zip(query).fold(0i32, |sum, (value, query)| {
        sum.wrapping_add(i32::from(i16::from(*value)).wrapping_mul(i32::from(*query)))
    })
}

#[cfg(test)]
mod tests {
    use intramuros_core::access::AccessId;

    use super::*;
    use crate::catalogue::{AccessSet, Catalogue, Facts, Filters};

    fn vector(seed: u64) -> Vec<f32> {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        (0..DIMENSIONS)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                (state >> 40) as f32 / (1u64 << 24) as f32 - 0.5
            })
            .collect()
    }

    fn catalogue(documents: u64) -> Catalogue {
        let mut catalogue = Catalogue::default();
        for document in 0..documents {
            catalogue.put(Facts::bare(document, AccessId((document % 3) as u32)));
        }
        catalogue
    }

    #[test]
    fn vectors_of_another_length_are_neither_taken_nor_compared() {
        let catalogue = catalogue(3);
        let visible = catalogue.visible(&AccessSet::everything(), &Filters::default(), None);
        let mut set = VectorSet::default();
        let row = |id: u64, components: &[f32]| Row {
            id,
            slot: id as Slot,
            vector: Vector::quantise(components).unwrap(),
        };
        set.put(&row(0, &[1.0, 0.0, 0.0]));
        set.put(&row(1, &[0.0, 1.0, 0.0]));
        set.put(&row(2, &[1.0, 0.0]));
        assert_eq!(set.len(), 2);
        let scan = |components: &[f32]| set.scan(&QueryVector::new(components).unwrap(), &visible, 3);
        let near = scan(&[0.9, 0.1, 0.0]);
        assert!(near[0].unwrap().nearest.score > near[1].unwrap().nearest.score && near[2].is_none());
        assert!(scan(&[0.9, 0.1]).iter().all(Option::is_none));
    }

    #[test]
    fn the_scan_is_exact_under_a_filter_and_after_removals() {
        let documents = 300;
        let catalogue = catalogue(documents);
        let mut set = VectorSet::default();
        let rows: Vec<Row> = (0..documents * 120)
            .map(|id| Row {
                id,
                slot: (id % documents) as Slot,
                vector: Vector::quantise(&vector(id)).unwrap(),
            })
            .collect();
        for row in &rows {
            set.put(row);
        }
        for slot in 0..100 {
            set.remove(slot);
        }
        assert_eq!(set.len(), 200 * 120);
        let components = vector(424_242);
        let query = QueryVector::new(&components).unwrap();
        let visible = catalogue.visible(&AccessSet::of([AccessId(1)]), &Filters::default(), None);
        let scanned = set.scan(&query, &visible, catalogue.slots());
        for slot in 0..documents as Slot {
            let expected = rows
                .iter()
                .filter(|row| row.slot == slot && slot >= 100 && slot % 3 == 1)
                .map(|row| {
                    let score: f32 =
                        row.vector.components().iter().zip(&components).map(|(a, b)| a * b).sum();
                    (row.id, score)
                })
                .max_by(|a, b| a.1.total_cmp(&b.1));
            let found = scanned[slot as usize].map(|scanned| scanned.nearest);
            assert_eq!(found.map(|nearest| nearest.id), expected.map(|(id, _)| id));
            if let (Some(found), Some((_, score))) = (found, expected) {
                assert!((found.score - score).abs() < 1e-3 * score.abs().max(1.0));
                assert_eq!(set.of_document(&query, slot).len(), 120);
                assert!(set.components(slot, found.id).is_some());
            }
        }
    }

    #[test]
    fn what_lies_beside_the_best_is_the_background() {
        let check = |scores: &[f32], expected: Option<f32>| {
            let mut scanned: Vec<Option<Scanned>> = scores
                .iter()
                .map(|score| {
                    let nearest = Nearest { id: 1, score: *score };
                    Some(Scanned { nearest, first: nearest })
                })
                .collect();
            scanned.push(None);
            assert_eq!(background(&scanned), expected, "{scores:?}");
        };
        check(&[], None);
        check(&[0.9], None);
        check(&[0.7, 0.9], Some(0.7));
        check(&[0.9, 0.7, 0.8], Some(0.7));
        check(&[0.5, 0.9, 0.7, 0.8], Some(0.5));
        let many: Vec<f32> = (0..40).map(|rank| 40.0 - rank as f32).collect();
        check(&many, Some(34.0));
        check(&many.into_iter().rev().collect::<Vec<f32>>(), Some(34.0));
    }
}

//! Which documents are there, and which of them may be looked at for this question?

use std::collections::{BTreeMap, HashMap};

use intramuros_core::access::AccessId;
use intramuros_core::document::Kind;
use intramuros_core::language::Language;
use intramuros_core::perimeter::Collection;
use serde::{Deserialize, Serialize};

/// A document's place in the tables of this index. Slots are not used again while the program runs, so that a stale
/// number never names another document.
pub type Slot = u32;

/// What is known of a document without opening it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The store's number of the document.
    pub document: u64,
    /// Who may read it.
    pub access: AccessId,
    /// What kind of file it is.
    pub kind: Kind,
    /// Its main language.
    pub language: Language,
    /// The source it comes from.
    pub source: String,
    /// Its path in the source, `/`-separated, with the parts inside containers.
    pub path: String,
    /// When it was written or, failing that, changed; milliseconds since 1970.
    pub date_ms: Option<i64>,
    /// Whether its title is a question, as in FAQ.
    pub title_asks: bool,
}

#[cfg(test)]
impl Facts {
    /// Of a document of which nothing is known but who may read it.
    pub(crate) fn bare(document: u64, access: AccessId) -> Facts {
        Facts {
            document,
            access,
            kind: Kind::Text,
            language: Language::Other,
            source: String::new(),
            path: String::new(),
            date_ms: None,
            title_asks: false,
        }
    }
}

impl Facts {
    /// The folders above the document, outermost first, joined: `a/b` for `a/b/c.txt`; empty at the top.
    pub fn folder(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    /// The year of its date, UTC.
    pub fn year(&self) -> Option<i32> {
        self.date_ms.map(crate::calendar::year_of)
    }
}

/// The access rules that a principal satisfies. A search looks at nothing else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessSet {
    everything: bool,
    allowed: Vec<bool>,
}

impl AccessSet {
    /// Every document: only for the owner and for measurements.
    pub fn everything() -> AccessSet {
        AccessSet { everything: true, allowed: Vec::new() }
    }

    /// The documents that carry one of these rules.
    pub fn of(ids: impl IntoIterator<Item = AccessId>) -> AccessSet {
        let mut set = AccessSet::default();
        for id in ids {
            let index = id.0 as usize;
            if set.allowed.len() <= index {
                set.allowed.resize(index + 1, false);
            }
            if let Some(allowed) = set.allowed.get_mut(index) {
                *allowed = true;
            }
        }
        set
    }

    /// Whether documents with this rule may be read.
    pub fn contains(&self, id: AccessId) -> bool {
        self.everything || self.allowed.get(id.0 as usize).copied().unwrap_or(false)
    }
}

/// What a search is narrowed to. An empty list narrows nothing; several values of one list are alternatives.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Filters {
    /// Kinds of file.
    pub kinds: Vec<Kind>,
    /// Languages.
    pub languages: Vec<Language>,
    /// Names of sources.
    pub sources: Vec<String>,
    /// Folders, with everything below them; compared without case.
    pub folders: Vec<String>,
    /// From this instant on, milliseconds since 1970.
    pub after_ms: Option<i64>,
    /// Before this instant, milliseconds since 1970.
    pub before_ms: Option<i64>,
}

impl Filters {
    /// Whether nothing is narrowed.
    pub fn is_empty(&self) -> bool {
        *self == Filters::default()
    }

    /// Whether a document passes.
    pub fn accept(&self, facts: &Facts) -> bool {
        fn any<T>(wanted: &[T], matches: impl Fn(&T) -> bool) -> bool {
            wanted.is_empty() || wanted.iter().any(matches)
        }
        any(&self.kinds, |kind| *kind == facts.kind)
            && any(&self.languages, |language| *language == facts.language)
            && any(&self.sources, |source| *source == facts.source)
            && any(&self.folders, |folder| is_within(facts.folder(), folder))
            && self.after_ms.is_none_or(|after| facts.date_ms.is_some_and(|date| date >= after))
            && self.before_ms.is_none_or(|before| facts.date_ms.is_some_and(|date| date < before))
    }
}

/// Whether `folder` is `wanted` or lies below it, at any depth when `wanted` is a single name.
fn is_within(folder: &str, wanted: &str) -> bool {
    let folder = folder.to_lowercase();
    let wanted = wanted.trim_matches('/').to_lowercase();
    if wanted.is_empty() {
        return true;
    }
    let below = |start: &str| {
        start == wanted || start.strip_prefix(&wanted).is_some_and(|rest| rest.starts_with('/'))
    };
    if wanted.contains('/') {
        return below(&folder);
    }
    folder.split('/').any(|name| name == wanted)
}

/// What stands in a folder: what a principal may read of it, and nothing else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// The folders in it, with how many documents each holds at any depth. Containers are folders, with `!` at the end.
    pub folders: BTreeMap<String, usize>,
    /// The documents directly in it, by name.
    pub documents: Vec<(String, u64)>,
}

/// How many documents of the result fall under each value; only readable documents are counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facets {
    /// By kind.
    pub kinds: BTreeMap<Kind, usize>,
    /// By language code.
    pub languages: BTreeMap<String, usize>,
    /// By source.
    pub sources: BTreeMap<String, usize>,
    /// By the outermost folder.
    pub folders: BTreeMap<String, usize>,
    /// By year; none is left out.
    pub years: BTreeMap<i32, usize>,
}

/// All that [`Facets`] count of a document. Documents that have it in common are counted together: a frequent word has
/// very many documents, which share few groups.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Group {
    kind: Kind,
    language: Language,
    source: String,
    /// The outermost folder; empty at the top.
    top: String,
    year: Option<i32>,
}

impl Group {
    fn of(facts: &Facts) -> Group {
        Group {
            kind: facts.kind,
            language: facts.language,
            source: facts.source.clone(),
            top: facts.folder().split('/').next().unwrap_or_default().to_owned(),
            year: facts.year(),
        }
    }

    fn count(&self, number: usize, facets: &mut Facets) {
        *facets.kinds.entry(self.kind).or_default() += number;
        *facets.languages.entry(self.language.code().to_owned()).or_default() += number;
        *facets.sources.entry(self.source.clone()).or_default() += number;
        if !self.top.is_empty() {
            *facets.folders.entry(self.top.clone()).or_default() += number;
        }
        if let Some(year) = self.year {
            *facets.years.entry(year).or_default() += number;
        }
    }
}

/// A set of slots.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SlotSet {
    words: Vec<u64>,
    count: usize,
}

impl SlotSet {
    /// Whether the slot is in the set.
    #[inline]
    pub fn contains(&self, slot: Slot) -> bool {
        self.words.get(slot as usize / 64).is_some_and(|word| word >> (slot % 64) & 1 == 1)
    }

    /// How many slots are in the set.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The slots of the set, in order.
    pub fn iter(&self) -> impl Iterator<Item = Slot> + '_ {
        self.words.iter().enumerate().flat_map(|(index, word)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                let bit = (left != 0).then(|| left.trailing_zeros())?;
                left &= left - 1;
                Some(index as Slot * 64 + bit)
            })
        })
    }

    /// Keeps only the slots for which `keep` holds.
    pub fn retain(&mut self, keep: impl Fn(Slot) -> bool) {
        let out: Vec<Slot> = self.iter().filter(|slot| !keep(*slot)).collect();
        for slot in out {
            if let Some(word) = self.words.get_mut(slot as usize / 64) {
                *word &= !(1 << (slot % 64));
                self.count -= 1;
            }
        }
    }

    /// Adds a slot, also one beyond those that there were.
    pub fn put(&mut self, slot: Slot) {
        let words = slot as usize / 64 + 1;
        if self.words.len() < words {
            self.words.resize(words, 0);
        }
        self.insert(slot);
    }

    fn take(&mut self, slot: Slot) {
        if let Some(word) = self.words.get_mut(slot as usize / 64) {
            let bit = 1 << (slot % 64);
            self.count -= usize::from(*word & bit != 0);
            *word &= !bit;
        }
    }

    fn insert(&mut self, slot: Slot) {
        if let Some(word) = self.words.get_mut(slot as usize / 64) {
            let bit = 1 << (slot % 64);
            self.count += usize::from(*word & bit == 0);
            *word |= bit;
        }
    }
}

/// The documents of the index.
#[derive(Debug, Default)]
pub struct Catalogue {
    slots: Vec<Option<Facts>>,
    by_document: HashMap<u64, Slot>,
    /// By slot, whether the title asks: looked up for every occurrence of a word.
    asks: Vec<bool>,
    /// By slot, the document's language: looked up for every visible document.
    languages: Vec<Language>,
    /// By slot, the number of its group; groups are never taken out.
    group_of: Vec<u32>,
    groups: Vec<Group>,
    group_numbers: HashMap<Group, u32>,
    /// What belongs to each declared collection, kept in step so that no search matches paths against patterns.
    collections: Vec<(Collection, SlotSet)>,
}

impl Catalogue {
    /// Takes over the declared collections, and finds out what belongs to each.
    pub fn declare(&mut self, collections: &[Collection]) {
        let members = |collection: &Collection| {
            let mut members = SlotSet::default();
            for (slot, facts) in self.slots.iter().enumerate() {
                if facts.as_ref().is_some_and(|facts| collection.covers(&facts.source, &facts.path)) {
                    members.put(slot as Slot);
                }
            }
            members
        };
        self.collections = collections.iter().map(|one| (one.clone(), members(one))).collect();
    }

    /// What belongs to a collection; nothing where there is none of that name.
    fn members(&self, collection: &str) -> Option<&SlotSet> {
        self.collections.iter().find(|(one, _)| one.name == collection).map(|(_, members)| members)
    }

    /// Whether a collection holds a document that may be read.
    pub fn holds_readable(&self, collection: &str, readable: &AccessSet) -> bool {
        let may = |slot| self.facts(slot).is_some_and(|facts| readable.contains(facts.access));
        self.members(collection).is_some_and(|members| members.iter().any(may))
    }

    /// Adds or replaces a document; its slot stays the same.
    pub fn put(&mut self, facts: Facts) -> Slot {
        let slot = match self.by_document.get(&facts.document) {
            Some(slot) => *slot,
            None => {
                // 2^32 documents do not fit in memory, so the number always fits.
                let slot = self.slots.len() as Slot;
                self.by_document.insert(facts.document, slot);
                self.slots.push(None);
                self.asks.push(false);
                self.languages.push(Language::Other);
                self.group_of.push(0);
                slot
            }
        };
        for (collection, members) in &mut self.collections {
            if collection.covers(&facts.source, &facts.path) {
                members.put(slot);
            } else {
                members.take(slot);
            }
        }
        let group = self.group_number(Group::of(&facts));
        if let Some(entry) = self.group_of.get_mut(slot as usize) {
            *entry = group;
        }
        if let Some(entry) = self.asks.get_mut(slot as usize) {
            *entry = facts.title_asks;
        }
        if let Some(entry) = self.languages.get_mut(slot as usize) {
            *entry = facts.language;
        }
        if let Some(entry) = self.slots.get_mut(slot as usize) {
            *entry = Some(facts);
        }
        slot
    }

    fn group_number(&mut self, group: Group) -> u32 {
        if let Some(number) = self.group_numbers.get(&group) {
            return *number;
        }
        // There are no more groups than documents.
        let number = self.groups.len() as u32;
        self.groups.push(group.clone());
        self.group_numbers.insert(group, number);
        number
    }

    /// The language of the document in a slot.
    pub fn language(&self, slot: Slot) -> Language {
        self.languages.get(slot as usize).copied().unwrap_or(Language::Other)
    }

    /// By slot, whether the document's title is a question.
    pub fn asks(&self) -> &[bool] {
        &self.asks
    }

    /// Counts documents by what they are.
    pub fn facets(&self, slots: impl IntoIterator<Item = Slot>) -> Facets {
        let mut counts = vec![0usize; self.groups.len()];
        for slot in slots {
            let group = self.group_of.get(slot as usize).copied().unwrap_or(u32::MAX);
            if let Some(count) = counts.get_mut(group as usize) {
                *count += 1;
            }
        }
        let mut facets = Facets::default();
        for (group, count) in self.groups.iter().zip(counts).filter(|(_, count)| *count > 0) {
            group.count(count, &mut facets);
        }
        facets
    }

    /// Forgets a document.
    pub fn remove(&mut self, document: u64) -> Option<Slot> {
        let slot = self.by_document.remove(&document)?;
        if let Some(entry) = self.slots.get_mut(slot as usize) {
            *entry = None;
        }
        for (_, members) in &mut self.collections {
            members.take(slot);
        }
        Some(slot)
    }

    /// The slot of a document.
    pub fn slot(&self, document: u64) -> Option<Slot> {
        self.by_document.get(&document).copied()
    }

    /// What is known of the document in a slot.
    pub fn facts(&self, slot: Slot) -> Option<&Facts> {
        self.slots.get(slot as usize)?.as_ref()
    }

    /// How many slots there are, with those of forgotten documents.
    pub fn slots(&self) -> usize {
        self.slots.len()
    }

    /// How many documents there are.
    pub fn len(&self) -> usize {
        self.by_document.len()
    }

    /// Whether there is no document.
    pub fn is_empty(&self) -> bool {
        self.by_document.is_empty()
    }

    /// What stands in a folder of a source (`""` for its top), of what is readable, and of a collection where one is
    /// named.
    pub fn listing(
        &self,
        readable: &AccessSet,
        collection: Option<&str>,
        source: &str,
        folder: &str,
    ) -> Listing {
        let start = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let mut listing = Listing::default();
        let members = collection.map(|name| self.members(name));
        for (slot, facts) in self.slots.iter().enumerate() {
            let Some(facts) = facts else { continue };
            let member = members.is_none_or(|set| set.is_some_and(|set| set.contains(slot as Slot)));
            if facts.source != source || !member || !readable.contains(facts.access) {
                continue;
            }
            let Some(rest) = facts.path.strip_prefix(&start) else { continue };
            match rest.split_once('/') {
                None => listing.documents.push((rest.to_owned(), facts.document)),
                Some((name, _)) => match listing.folders.get_mut(name) {
                    Some(count) => *count += 1,
                    None => _ = listing.folders.insert(name.to_owned(), 1),
                },
            }
        }
        listing.documents.sort_by_cached_key(|(name, document)| (name.to_lowercase(), *document));
        listing
    }

    /// The documents that may be looked at: readable, in the collection where one is chosen, and passing the filters.
    /// Everything that a search computes (matches, counts, frequencies, lengths) is computed over these alone, so it
    /// can't tell of any other.
    pub fn visible(&self, readable: &AccessSet, filters: &Filters, collection: Option<&str>) -> SlotSet {
        let mut set = SlotSet { words: vec![0; self.slots.len().div_ceil(64)], count: 0 };
        let all = filters.is_empty();
        let members = match collection.map(|name| self.members(name)) {
            // A collection that is not there holds nothing: never is more searched than was asked for.
            Some(None) => return set,
            Some(members) => members,
            None => None,
        };
        for (slot, facts) in self.slots.iter().enumerate() {
            if let Some(facts) = facts
                && members.is_none_or(|members| members.contains(slot as Slot))
                && readable.contains(facts.access)
                && (all || filters.accept(facts))
            {
                set.insert(slot as Slot);
            }
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(document: u64, access: u32, path: &str) -> Facts {
        Facts {
            language: Language::French,
            source: "s".to_owned(),
            path: path.to_owned(),
            date_ms: Some(0),
            ..Facts::bare(document, AccessId(access))
        }
    }

    #[test]
    fn only_readable_documents_that_pass_the_filters_are_visible() {
        let mut catalogue = Catalogue::default();
        for (document, access, path) in [(7, 0, "a/x.txt"), (8, 1, "a/b/y.txt"), (9, 2, "z.txt")] {
            catalogue.put(facts(document, access, path));
        }
        let check = |allowed: &[u32], folder: &str, expected: &[u64]| {
            let readable = AccessSet::of(allowed.iter().map(|id| AccessId(*id)));
            let folders = if folder.is_empty() { Vec::new() } else { vec![folder.to_owned()] };
            let visible = catalogue.visible(&readable, &Filters { folders, ..Filters::default() }, None);
            let found: Vec<u64> = [7, 8, 9]
                .into_iter()
                .filter(|document| visible.contains(catalogue.slot(*document).unwrap()))
                .collect();
            assert_eq!(found, expected);
            assert_eq!(visible.len(), expected.len());
        };
        check(&[0, 1, 2], "", &[7, 8, 9]);
        check(&[], "", &[]);
        check(&[1], "", &[8]);
        check(&[0, 1, 2], "A", &[7, 8]);
        check(&[0, 1, 2], "b", &[8]);
        check(&[0, 2], "a/b", &[]);
    }

    #[test]
    fn a_folder_lists_what_may_be_read_of_it_and_nothing_else() {
        let mut catalogue = Catalogue::default();
        let paths =
            ["a/b/x.txt", "a/b/y.txt", "a/Z.txt", "a/c.zip!/in/d.txt", "ab/e.txt", "f.txt", "a/secret/g.txt"];
        for (number, path) in paths.into_iter().enumerate() {
            catalogue.put(facts(number as u64, u32::from(path.contains("secret")), path));
        }
        let check = |readable: &AccessSet, folder: &str, folders: &[(&str, usize)], documents: &[&str]| {
            let listing = catalogue.listing(readable, None, "s", folder);
            let found: Vec<_> = listing.folders.iter().map(|(name, count)| (name.as_str(), *count)).collect();
            assert_eq!(found, folders, "{folder}");
            assert_eq!(
                listing.documents.iter().map(|(name, _)| name).collect::<Vec<_>>(),
                documents,
                "{folder}"
            );
        };
        let some = AccessSet::of([AccessId(0)]);
        check(&some, "", &[("a", 4), ("ab", 1)], &["f.txt"]);
        check(&some, "a", &[("b", 2), ("c.zip!", 1)], &["Z.txt"]);
        check(&AccessSet::everything(), "a", &[("b", 2), ("c.zip!", 1), ("secret", 1)], &["Z.txt"]);
        check(&some, "a/secret", &[], &[]);
        check(&AccessSet::default(), "", &[], &[]);
        assert_eq!(catalogue.listing(&some, None, "other", ""), Listing::default());
    }

    #[test]
    fn a_collection_narrows_what_may_be_read_and_never_widens_it() {
        let mut catalogue = Catalogue::default();
        catalogue.put(facts(7, 0, "a/x.txt"));
        let declared = "[[source]]\nname = 's'\npath = '/s'\n[[collection]]\nname = 'c'\n\
            folders = [{ source = 's', path = 'a/**' }]\n";
        let perimeter = intramuros_core::perimeter::Perimeter::parse(declared, "f").unwrap();
        catalogue.declare(&perimeter.collections);
        catalogue.put(facts(8, 1, "a/y.txt"));
        catalogue.put(facts(9, 1, "b/z.txt"));
        let check = |catalogue: &Catalogue, allowed: &[u32], collection: &str, expected: &[u64]| {
            let readable = AccessSet::of(allowed.iter().map(|id| AccessId(*id)));
            let visible = catalogue.visible(&readable, &Filters::default(), Some(collection));
            let found: Vec<u64> =
                visible.iter().filter_map(|slot| Some(catalogue.facts(slot)?.document)).collect();
            assert_eq!(found, expected);
            assert_eq!(catalogue.holds_readable(collection, &readable), !expected.is_empty());
            let listing = catalogue.listing(&readable, Some(collection), "s", "");
            assert_eq!(listing.folders.values().sum::<usize>(), expected.len());
        };
        check(&catalogue, &[0, 1], "c", &[7, 8]);
        check(&catalogue, &[1], "c", &[8]);
        check(&catalogue, &[2], "c", &[]);
        check(&catalogue, &[0, 1], "nothing", &[]);
        catalogue.put(facts(8, 1, "b/y.txt"));
        catalogue.remove(7);
        check(&catalogue, &[0, 1], "c", &[]);
    }

    #[test]
    fn a_slot_is_never_given_to_another_document() {
        let mut catalogue = Catalogue::default();
        let first = catalogue.put(facts(1, 0, "a"));
        catalogue.remove(1);
        let second = catalogue.put(facts(2, 0, "b"));
        assert_ne!(first, second);
        assert!(catalogue.facts(first).is_none());
        assert!(!catalogue.visible(&AccessSet::everything(), &Filters::default(), None).contains(first));
    }
}

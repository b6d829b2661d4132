//! Which endpoints are in this set? Dense while computing, the smaller of two forms while stored.

/// A set of endpoint numbers below a fixed size.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Bits(Vec<u64>);

impl Bits {
    /// No endpoint out of `size`.
    pub fn none(size: usize) -> Self {
        Self(vec![0; size.div_ceil(64)])
    }

    /// Every endpoint below `size`.
    pub fn all(size: usize) -> Self {
        let mut bits = Self(vec![u64::MAX; size.div_ceil(64)]);
        let used = size % 64;
        if used != 0
            && let Some(last) = bits.0.last_mut()
        {
            *last = (1u64 << used) - 1;
        }
        bits
    }

    /// Adds an endpoint.
    pub fn insert(&mut self, at: usize) {
        self.0[at / 64] |= 1 << (at % 64);
    }

    /// Takes an endpoint out.
    pub fn remove(&mut self, at: usize) {
        self.0[at / 64] &= !(1 << (at % 64));
    }

    /// Whether an endpoint is in it.
    pub fn contains(&self, at: usize) -> bool {
        self.0[at / 64] >> (at % 64) & 1 == 1
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// How many endpoints are in it.
    pub fn count(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Takes everything out.
    pub fn clear(&mut self) {
        self.0.fill(0);
    }

    /// Adds everything of `other`.
    pub fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(word, more)| *word |= more);
    }

    /// Adds everything that is in both `a` and `b`.
    pub fn add_common(&mut self, a: &Self, b: &Self) {
        for ((word, a), b) in self.0.iter_mut().zip(&a.0).zip(&b.0) {
            *word |= a & b;
        }
    }

    /// Keeps what is in both.
    pub fn keep(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(word, kept)| *word &= kept);
    }

    /// Takes everything of `other` out and returns what was in both.
    pub fn split_off(&mut self, other: &Self) -> Self {
        let mut both = Vec::with_capacity(self.0.len());
        for (word, cut) in self.0.iter_mut().zip(&other.0) {
            both.push(*word & cut);
            *word &= !cut;
        }
        Self(both)
    }

    /// The endpoints in order.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().enumerate().flat_map(|(at, &word)| {
            let mut left = word;
            std::iter::from_fn(move || {
                (left != 0).then(|| {
                    let bit = left.trailing_zeros() as usize;
                    left &= left - 1;
                    at * 64 + bit
                })
            })
        })
    }

    fn words(&self) -> &[u64] {
        &self.0
    }
}

/// A stored set: a list when few endpoints are in it, bits otherwise. The limit is where both take the same memory.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Stored {
    /// The endpoints in order.
    Few(Box<[u32]>),
    /// As bits.
    Many(Bits),
}

impl Stored {
    /// Stores a set.
    pub fn new(bits: &Bits) -> Self {
        if bits.count() * 32 >= bits.words().len() * 64 {
            return Self::Many(bits.clone());
        }
        Self::Few(bits.iter().map(|at| u32::try_from(at).unwrap_or(u32::MAX)).collect())
    }

    /// Whether an endpoint is in it.
    pub fn contains(&self, at: usize) -> bool {
        match self {
            Self::Few(list) => list.binary_search(&u32::try_from(at).unwrap_or(u32::MAX)).is_ok(),
            Self::Many(bits) => bits.contains(at),
        }
    }

    /// Calls `visit` with every word that has a bit: word number and word.
    pub fn each_word(&self, mut visit: impl FnMut(usize, u64)) {
        match self {
            Self::Few(list) => {
                let mut at = 0;
                while at < list.len() {
                    let word = list[at] / 64;
                    let mut mask = 0u64;
                    while at < list.len() && list[at] / 64 == word {
                        mask |= 1 << (list[at] % 64);
                        at += 1;
                    }
                    visit(word as usize, mask);
                }
            }
            Self::Many(bits) => {
                for (at, &word) in bits.words().iter().enumerate() {
                    if word != 0 {
                        visit(at, word);
                    }
                }
            }
        }
    }

    /// Adds this set to `bits`.
    pub fn add_to(&self, bits: &mut Bits) {
        match self {
            Self::Few(list) => list.iter().for_each(|&at| bits.insert(at as usize)),
            Self::Many(many) => bits.add(many),
        }
    }

    /// Adds what is both here and in `filter` to `bits`.
    pub fn add_common_to(&self, filter: &Bits, bits: &mut Bits) {
        match self {
            Self::Few(list) => {
                for &at in list.iter().filter(|&&at| filter.contains(at as usize)) {
                    bits.insert(at as usize);
                }
            }
            Self::Many(many) => bits.add_common(many, filter),
        }
    }

    /// The endpoints in order.
    pub fn to_vec(&self) -> Vec<usize> {
        match self {
            Self::Few(list) => list.iter().map(|&at| at as usize).collect(),
            Self::Many(bits) => bits.iter().collect(),
        }
    }
}

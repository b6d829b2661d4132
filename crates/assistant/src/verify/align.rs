//! Which tokens of a claim stand in the same order in a piece of evidence, and what takes the place of the others?

use super::tokens::{Kind, Token};

/// Pairs of positions (claim, evidence) of a longest common subsequence, in order.
pub(crate) fn align(claim: &[Token], evidence: &[Token]) -> Vec<(usize, usize)> {
    let width = evidence.len() + 1;
    let mut lengths = vec![0u16; (claim.len() + 1) * width];
    let at = |row: usize, column: usize| row * width + column;
    for (row, own) in claim.iter().enumerate().rev() {
        for (column, its) in evidence.iter().enumerate().rev() {
            let below = lengths.get(at(row + 1, column)).copied().unwrap_or(0);
            let right = lengths.get(at(row, column + 1)).copied().unwrap_or(0);
            let mut best = below.max(right);
            if own.is_borne_out_by(its) {
                best = best.max(lengths.get(at(row + 1, column + 1)).copied().unwrap_or(0) + 1);
            }
            if let Some(cell) = lengths.get_mut(at(row, column)) {
                *cell = best;
            }
        }
    }
    let length = |row: usize, column: usize| lengths.get(at(row, column)).copied().unwrap_or(0);
    let (mut row, mut column, mut pairs) = (0, 0, Vec::new());
    while let (Some(own), Some(its)) = (claim.get(row), evidence.get(column)) {
        if own.is_borne_out_by(its) && length(row, column) == length(row + 1, column + 1) + 1 {
            pairs.push((row, column));
            row += 1;
            column += 1;
        } else if length(row + 1, column) >= length(row, column + 1) {
            row += 1;
        } else {
            column += 1;
        }
    }
    pairs
}

/// Tokens that stand between two aligned ones, on both sides.
pub(crate) struct Gap<'a> {
    /// What the claim says there.
    pub claim: &'a [Token],
    /// What the evidence says there.
    pub evidence: &'a [Token],
    /// Whether aligned tokens stand before and after it.
    pub before: bool,
    /// The same, after it.
    pub after: bool,
}

/// The gaps of an alignment, those at both ends too.
pub(crate) fn gaps<'a>(claim: &'a [Token], evidence: &'a [Token], pairs: &[(usize, usize)]) -> Vec<Gap<'a>> {
    let mut found = Vec::new();
    let mut from = (0, 0);
    let ends = pairs.iter().copied().chain([(claim.len(), evidence.len())]);
    for (number, to) in ends.enumerate() {
        let gap = Gap {
            claim: claim.get(from.0..to.0).unwrap_or_default(),
            evidence: evidence.get(from.1..to.1).unwrap_or_default(),
            before: number > 0,
            after: number < pairs.len(),
        };
        if !gap.claim.is_empty() || !gap.evidence.is_empty() {
            found.push(gap);
        }
        from = (to.0 + 1, to.1 + 1);
    }
    found
}

/// Evidence tokens of a gap in which a substitution is looked for: a name for a name, side by side.
const SUBSTITUTION_REACH: usize = 4;

/// Evidence tokens of a gap in which a dropped denial counts: beyond, a whole clause was left out.
const DENIAL_REACH: usize = 4;

/// Words of a claim in one place that stand nowhere in the evidence, from which on they say something of their own: one is a
/// rewording.
const OWN_WORDS: usize = 2;

impl Gap<'_> {
    /// Whether the claim says something of its own here: words side by side that the evidence has nowhere. Half of one fact put
    /// to half of another looks so from where either comes from, however much of the rest agrees.
    pub fn adds(&self, evidence: &[Token], context: &[Token]) -> bool {
        let own = |token: &&Token| !evidence.iter().chain(context).any(|its| token.is_borne_out_by(its));
        self.claim.iter().filter(own).count() >= OWN_WORDS
    }

    /// The first critical token of the claim that stands where the evidence has another of its kind.
    pub fn substituted(&self) -> Option<&Token> {
        if self.evidence.len() > SUBSTITUTION_REACH || !(self.before || self.after) {
            return None;
        }
        self.claim.iter().find(|own| match own.kind {
            Kind::Number(_) | Kind::Date(_) => {
                self.evidence.iter().any(|its| matches!(its.kind, Kind::Number(_) | Kind::Date(_)))
            }
            Kind::Name => self.evidence.iter().any(|its| its.kind == Kind::Name),
            Kind::Word | Kind::Negation => false,
        })
    }

    /// Whether one side denies and the other doesn't.
    pub fn turns(&self) -> bool {
        let denies = |tokens: &[Token]| tokens.iter().any(|token| token.kind == Kind::Negation);
        let (own, its) = (denies(self.claim), denies(self.evidence));
        if own || !its {
            return own && !its;
        }
        // The evidence's denial may belong to a clause that the claim leaves out.
        match (self.before, self.after) {
            (true, true) => self.evidence.len() <= DENIAL_REACH,
            (false, true) => self.evidence.iter().rev().take(2).any(|token| token.kind == Kind::Negation),
            _ => false,
        }
    }
}

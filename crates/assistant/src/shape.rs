//! What belongs together in a quotation, so that it neither begins nor ends in the middle of a thing?
//!
//! Rows of a table mean nothing without the row that names their columns, what ends with a colon announces what follows,
//! and a question that stands on a line of its own is answered by the next one.

use std::ops::Range;

/// Rows of one table in a quotation: what is seen at a glance.
pub(crate) const MAX_ROWS: usize = 8;

/// Between the cells of a row, as reading writes it.
const CELLS: &str = " | ";

/// Names of the lines at the head of a mail, as reading writes them.
const MAIL_HEAD: [&str; 5] = ["Subject: ", "From: ", "To: ", "Cc: ", "Date: "];

/// The sentences of a text with what their form says.
pub(crate) struct Shape<'a> {
    pub text: &'a str,
    pub found: &'a [Range<usize>],
}

impl<'a> Shape<'a> {
    fn at(&self, index: usize) -> &'a str {
        self.found.get(index).and_then(|range| self.text.get(range.clone())).unwrap_or_default()
    }

    /// Whether a sentence is a row of a table.
    pub fn is_row(&self, index: usize) -> bool {
        self.at(index).contains(CELLS)
    }

    /// The first row of the table that a row stands in: the one that names the columns.
    pub fn header_of(&self, row: usize) -> usize {
        (0..row).rev().take_while(|index| self.is_row(*index)).last().unwrap_or(row)
    }

    /// Whether a sentence announces what follows it, and something does.
    pub fn announces(&self, index: usize) -> bool {
        let Some(range) = self.found.get(index) else { return false };
        let ends_line = self.text.get(range.end..).is_some_and(|rest| rest.starts_with('\n'));
        let header = self.is_row(index) && self.header_of(index) == index && self.is_row(index + 1);
        header || (ends_line && self.at(index).ends_with([':', '?']))
    }

    /// Whether a sentence is a question on a line of its own, with what follows as its answer.
    pub fn asks(&self, index: usize) -> bool {
        self.announces(index) && self.at(index).ends_with('?')
    }

    /// The first sentence that is no line of a mail's head.
    pub fn beginning(&self) -> usize {
        let heads = |index: &usize| MAIL_HEAD.iter().any(|name| self.at(*index).starts_with(name));
        let count = (0..self.found.len()).take_while(heads).count();
        // A note may begin with one such word; a mail's head has several, and a text.
        if count >= 2 && count < self.found.len() { count } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use intramuros_core::sentence::sentences;

    use super::*;

    #[test]
    fn what_announces_asks_and_begins_is_told_by_its_form() {
        let check = |text: &str, announces: &[usize], asks: &[usize], beginning: usize| {
            let found = sentences(text);
            let shape = Shape { text, found: &found };
            let told = |is: &dyn Fn(usize) -> bool| (0..found.len()).filter(|i| is(*i)).collect::<Vec<_>>();
            assert_eq!(told(&|index| shape.announces(index)), announces, "{text}");
            assert_eq!(told(&|index| shape.asks(index)), asks, "{text}");
            assert_eq!(shape.beginning(), beginning, "{text}");
        };
        check("Il faut :\ndeux clefs\ntrois clous", &[0], &[], 0);
        check("What is it?\nA thing. Really? Yes.", &[0], &[0], 0);
        check("Nothing follows:", &[], &[], 0);
        check("Prix\nSalle | Prix\nIris | 90\nMyrte | 80", &[1], &[], 0);
        check("Subject: Keys\nFrom: a@b.org\nThe keys are in the drawer.", &[], &[], 2);
        check("From: now on, all is well.", &[], &[], 0);
    }
}

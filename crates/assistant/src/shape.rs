//! What belongs together in a quotation, so that it neither begins nor ends in the middle of a thing?
//!
//! Rows of a table mean nothing without the row that names their columns, what ends with a colon announces what follows, a
//! question that stands on a line of its own is answered by the next one, and a heading says what the next lines are about.

use std::ops::Range;

/// Rows of one table in a quotation: what is seen at a glance.
pub(crate) const MAX_ROWS: usize = 8;

/// Words of a heading at most.
const MAX_HEADING_WORDS: usize = 12;

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
        let header = self.is_row(index) && self.header_of(index) == index && self.is_row(index + 1);
        let asks_or_lists = self.ends_line(index) && self.at(index).ends_with([':', '?']);
        header || asks_or_lists || self.is_heading(index)
    }

    /// Whether a sentence announces lines that follow it: a list or a table.
    pub fn lists(&self, index: usize) -> bool {
        (self.ends_line(index) && self.at(index).ends_with(':')) || self.is_row(index + 1)
    }

    /// Whether a sentence is a whole line.
    pub fn is_line(&self, index: usize) -> bool {
        self.begins_line(index) && (self.ends_line(index) || index + 1 == self.found.len())
    }

    /// The number of a step, which stands at the beginning of a line: `2. ` or `2) `.
    pub fn step(&self, index: usize) -> Option<u32> {
        let (number, rest) = self.at(index).split_once(['.', ')']).filter(|_| self.begins_line(index))?;
        // More than two figures are a year or an article.
        (number.len() <= 2 && rest.starts_with(' ')).then(|| number.parse().ok())?
    }

    /// Whether a sentence is the step after the one before it.
    pub fn is_next_step(&self, index: usize) -> bool {
        let before = index.checked_sub(1).and_then(|before| self.step(before));
        before.is_some_and(|before| self.step(index) == Some(before + 1))
    }

    /// Whether a sentence is a heading: a short line without a stop, before prose and after prose, or among the lines at the
    /// beginning that are all like it. Between others like it, it would be an item of a list.
    pub fn is_heading(&self, index: usize) -> bool {
        if !self.is_bare_line(index) || index + 1 >= self.found.len() || self.is_bare_line(index + 1) {
            return false;
        }
        let after_prose = index > 0 && self.at(index - 1).ends_with(['.', '!', '?', '…', '»', '"']);
        after_prose || (0..index).all(|before| self.is_bare_line(before))
    }

    /// Whether a sentence is a short line of its own that ends without a stop.
    fn is_bare_line(&self, index: usize) -> bool {
        let sentence = self.at(index);
        self.begins_line(index)
            && self.ends_line(index)
            && !self.is_row(index)
            && !self.is_mail_head(index)
            && sentence.ends_with(|last: char| last.is_alphanumeric() || last == ')')
            && sentence.split_whitespace().count() <= MAX_HEADING_WORDS
    }

    /// Whether a sentence stands at the beginning of a line.
    fn begins_line(&self, index: usize) -> bool {
        index == 0 || self.ends_line(index - 1)
    }

    /// Whether a line ends with a sentence, and another follows.
    fn ends_line(&self, index: usize) -> bool {
        let end = self.found.get(index).map_or(usize::MAX, |range| range.end);
        self.text.get(end..).is_some_and(|rest| rest.starts_with('\n'))
    }

    /// Whether a run holds more than short lines without a stop.
    pub fn says(&self, first: usize, last: usize) -> bool {
        (first..=last).any(|index| !self.is_bare_line(index))
    }

    /// Sentences of a run that say something: headings apart.
    pub fn said(&self, first: usize, last: usize) -> usize {
        (first..=last).filter(|index| !self.is_heading(*index)).count()
    }

    /// Whether a sentence is a question on a line of its own, with what follows as its answer.
    pub fn asks(&self, index: usize) -> bool {
        self.announces(index) && self.at(index).ends_with('?')
    }

    fn is_mail_head(&self, index: usize) -> bool {
        MAIL_HEAD.iter().any(|name| self.at(index).starts_with(name))
    }

    /// The first sentence that is no line of a mail's head.
    pub fn beginning(&self) -> usize {
        let count = (0..self.found.len()).take_while(|index| self.is_mail_head(*index)).count();
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
        check("Prix\nSalle | Prix\nIris | 90\nMyrte | 80", &[0, 1], &[], 0);
        check("Subject: Keys\nFrom: a@b.org\nThe keys are in the drawer.", &[], &[], 2);
        check("From: now on, all is well.", &[], &[], 0);
        // Headings, and what only looks like one.
        check("Il pleut.\nArticle 3 – Durée\nLe bail dure six ans.", &[1], &[], 0);
        check("Bail\nArticle 1 – Durée\nLe bail dure six ans.", &[1], &[], 0);
        check("Il faut :\ncave\ngrenier\nIl pleut.", &[0], &[], 0);
        check("Il pleut.\nJeanne", &[], &[], 0);
    }
}

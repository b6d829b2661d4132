//! How do words that are cut and stemmed already reach the index?
//!
//! As one line each, `POSITION WORD`, cut again by a tokenizer that allocates nothing. The index's own form for cut
//! text travels as JSON between its threads, which took a third of the time of indexing.

use std::fmt::Write;

use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

/// The name under which the index knows the tokenizer.
pub(crate) const NAME: &str = "prepared";

/// Words with their positions, as text. Words hold no line break: they are made of letters, digits and joining marks.
#[derive(Default)]
pub(crate) struct Prepared {
    text: String,
    count: usize,
}

impl Prepared {
    /// Adds a word.
    pub fn push(&mut self, position: u32, word: &str) {
        self.push_beside(position, word);
        self.count += 1;
    }

    /// Adds another spelling of words that are counted already.
    pub fn push_beside(&mut self, position: u32, word: &str) {
        // Writing to a string can't fail.
        let _ = writeln!(self.text, "{position} {word}");
    }

    /// Adds the words of another text, at their positions there.
    pub fn append(&mut self, other: &Prepared) {
        self.text.push_str(&other.text);
        self.count += other.count;
    }

    /// How many words there are; no more than a length can hold when two are added.
    pub fn count(&self) -> u16 {
        self.count.min(u16::MAX as usize / 2) as u16
    }

    /// The words as the tokenizer takes them.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// Cuts what [`Prepared`] holds.
#[derive(Clone, Default)]
pub(crate) struct Cut {
    token: Token,
}

impl Tokenizer for Cut {
    type TokenStream<'a> = Lines<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Lines<'a> {
        Lines { rest: text, token: &mut self.token }
    }
}

/// The words of a prepared text, one after another.
pub(crate) struct Lines<'a> {
    rest: &'a str,
    token: &'a mut Token,
}

impl TokenStream for Lines<'_> {
    fn advance(&mut self) -> bool {
        let Some((line, rest)) = self.rest.split_once('\n') else { return false };
        self.rest = rest;
        let (position, word) = line.split_once(' ').unwrap_or(("0", line));
        self.token.position = position.parse().unwrap_or(0);
        self.token.text.clear();
        self.token.text.push_str(word);
        true
    }

    fn token(&self) -> &Token {
        self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        self.token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_back_with_their_positions() {
        let words = [(0, "l"), (1, "eau"), (4, "l.3242-1"), (4, "3242")];
        let (mut prepared, mut rest) = (Prepared::default(), Prepared::default());
        words[..2].iter().for_each(|(position, word)| prepared.push(*position, word));
        words[2..].iter().for_each(|(position, word)| rest.push(*position, word));
        prepared.append(&rest);
        prepared.push_beside(4, "l3242-1");
        // Another spelling makes no text longer.
        assert_eq!(prepared.count(), 4);
        let mut cut = Cut::default();
        let mut stream = cut.token_stream(prepared.text());
        let mut found = Vec::new();
        while let Some(token) = stream.next() {
            found.push((token.position as u32, token.text.clone()));
        }
        let words = words.iter().chain(&[(4, "l3242-1")]);
        let words: Vec<(u32, String)> =
            words.map(|(position, word)| (*position, (*word).to_owned())).collect();
        assert_eq!(found, words);
        assert!(!cut.token_stream("").advance());
    }
}

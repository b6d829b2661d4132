//! How do words that are cut and stemmed already reach the index?
//!
//! As one line each, `POSITION WORD`, cut again by a tokenizer that allocates nothing. The index's own form for cut
//! text travels as JSON between its threads, which took a third of the time of indexing.

use std::fmt::Write;

use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

/// The name under which the index knows the tokenizer.
pub(crate) const NAME: &str = "prepared";

/// Writes words with their positions. Words hold no line break: they are made of letters, digits and joining marks.
pub(crate) fn write<'a>(words: impl Iterator<Item = (u32, &'a str)>) -> String {
    let mut text = String::new();
    for (position, word) in words {
        // Writing to a string can't fail.
        let _ = writeln!(text, "{position} {word}");
    }
    text
}

/// Reads what [`write`] wrote.
#[derive(Clone, Default)]
pub(crate) struct Prepared {
    token: Token,
}

impl Tokenizer for Prepared {
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
        let text = write(words.into_iter());
        let mut prepared = Prepared::default();
        let mut stream = prepared.token_stream(&text);
        let mut found = Vec::new();
        while let Some(token) = stream.next() {
            found.push((token.position as u32, token.text.clone()));
        }
        assert_eq!(found, words.map(|(position, word)| (position, word.to_owned())));
        assert!(!prepared.token_stream("").advance());
    }
}

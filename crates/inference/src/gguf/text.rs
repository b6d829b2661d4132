//! What of the bytes that a model writes is its answer?

use crate::thoughts::{Amiss, Thoughts};

/// Puts an answer together: letters that are whole, without thoughts.
#[derive(Debug)]
pub(super) struct Written {
    letters: Letters,
    thoughts: Thoughts,
}

impl Written {
    /// Nothing yet of an answer whose thoughts are to be left out.
    pub fn new(thoughts: Thoughts) -> Written {
        Written { letters: Letters::default(), thoughts }
    }

    /// Takes bytes, and gives what of the answer is sure by now.
    ///
    /// # Errors
    /// When nothing more is to be written.
    pub fn push(&mut self, bytes: &[u8]) -> Result<String, Amiss> {
        let letters = self.letters.push(bytes);
        self.thoughts.leave_out(&letters)
    }

    /// What is left at the end; `whole` where the model ended of itself.
    ///
    /// # Errors
    /// As [`Written::push`].
    pub fn finish(mut self, whole: bool) -> Result<String, Amiss> {
        let answer = self.thoughts.leave_out(&self.letters.finish())?;
        Ok(answer + &self.thoughts.rest(whole))
    }
}

/// Puts letters together from pieces that may end within one. What is no letter becomes `U+FFFD`.
#[derive(Debug, Default)]
struct Letters(Vec<u8>);

impl Letters {
    /// Takes bytes, and gives the letters that are whole by now.
    fn push(&mut self, bytes: &[u8]) -> String {
        self.0.extend_from_slice(bytes);
        let mut text = String::new();
        let mut used = 0;
        for chunk in self.0.utf8_chunks() {
            let begun = chunk.invalid().len();
            let at_the_end = used + chunk.valid().len() + begun == self.0.len();
            text.push_str(chunk.valid());
            used += chunk.valid().len();
            if at_the_end && is_beginning(chunk.invalid()) {
                break;
            }
            if begun > 0 {
                text.push(char::REPLACEMENT_CHARACTER);
                used += begun;
            }
        }
        self.0.drain(..used);
        text
    }

    /// What is left at the end: no letter.
    fn finish(self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }
}

/// Whether bytes may become a letter with those that follow.
fn is_beginning(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_come_whole_wherever_they_were_cut() {
        let text = "é — 😀 ok";
        for size in 1..=text.len() {
            let mut letters = Letters::default();
            let mut read: String = text.as_bytes().chunks(size).map(|piece| letters.push(piece)).collect();
            read.push_str(&letters.finish());
            assert_eq!(read, text, "{size}");
        }
        let check = |pieces: &[&[u8]], expected: &str| {
            let mut letters = Letters::default();
            let mut read: String = pieces.iter().map(|piece| letters.push(piece)).collect();
            read.push_str(&letters.finish());
            assert_eq!(read, expected);
        };
        check(&[b"a\xff", b"b"], "a\u{fffd}b");
        check(&[b"\xe2\x82"], "\u{fffd}");
        check(&[b"\xe2", b"x"], "\u{fffd}x");
        check(&[], "");
    }

    #[test]
    fn an_answer_is_written_without_its_thoughts() {
        let check = |prompt: &str, text: &str, expected: &str| {
            for size in 1..=text.len() {
                let mut written = Written::new(Thoughts::after(prompt));
                let mut answer: String =
                    text.as_bytes().chunks(size).map(|piece| written.push(piece).unwrap()).collect();
                answer.push_str(&written.finish(true).unwrap());
                assert_eq!(answer, expected, "{text:?} in pieces of {size}");
            }
        };
        check("<|im_start|>assistant\n", "<think>é — 😀</think>\n\nDéjà dix ans.", "Déjà dix ans.");
        check("<role>ASSISTANT</role><think>", "é — 😀</think>Déjà dix ans.", "Déjà dix ans.");
        check("<|im_start|>assistant\n", "Dix ans, a <", "Dix ans, a <");
    }
}

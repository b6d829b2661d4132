//! Which letters are whole, when a model writes bytes?

/// Puts letters together from pieces that may end within one. What is no letter becomes `U+FFFD`.
#[derive(Debug, Default)]
pub(super) struct Letters(Vec<u8>);

impl Letters {
    /// Takes bytes, and gives the letters that are whole by now.
    pub fn push(&mut self, bytes: &[u8]) -> String {
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
    pub fn finish(self) -> String {
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
}

//! On which lines does running text stand that comes piece by piece?

/// Running text with a line break for each line of the original that ends in it; a [`super::writer::Writer`] makes one
/// line of it and keeps where the lines of the original begin.
#[derive(Debug, Default)]
pub struct Inline {
    text: String,
    /// The line on which the text begins, and the one on which it ends so far.
    lines: Option<(u32, u32)>,
}

impl Inline {
    /// Text that begins on this line, whatever its first piece says: at the mark of an item.
    pub fn at(line: u32) -> Inline {
        Inline { text: String::new(), lines: Some((line, line)) }
    }

    /// Whether it holds nothing but white space.
    pub fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// The text so far.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Adds a piece that begins on this line; each line break in it is one of the original.
    pub fn push(&mut self, piece: &str, line: u32) {
        let (_, end) = self.lines.get_or_insert((line, line));
        let behind = line.saturating_sub(*end);
        // A word that goes on below (`wo<b⏎>rd</b>`) stays whole: its line ends behind it.
        let between = self.text.is_empty() || self.text.ends_with(|last: char| last.is_ascii_whitespace());
        let cut = if behind == 0 || between {
            Some(0)
        } else {
            piece.find(|character: char| character.is_ascii_whitespace())
        };
        let Some((word, rest)) = cut.and_then(|cut| piece.split_at_checked(cut)) else {
            self.text.push_str(piece);
            return;
        };
        let inside = piece.bytes().filter(|byte| *byte == b'\n').count();
        *end = end.saturating_add(behind).saturating_add(u32::try_from(inside).unwrap_or(u32::MAX));
        self.text.push_str(word);
        self.text.extend(std::iter::repeat_n('\n', behind as usize));
        self.text.push_str(rest);
    }

    /// Adds what does not stand in the original; it must hold no line break.
    pub fn add(&mut self, piece: &str) {
        self.text.push_str(piece);
    }

    /// The text with the line on which it begins; nothing is left.
    pub fn take(&mut self) -> (String, Option<u32>) {
        let taken = std::mem::take(self);
        (taken.text, taken.lines.map(|(first, _)| first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_break_stands_for_each_line_that_ends() {
        let check = |pieces: &[(&str, u32)], expected: &str, first| {
            let mut inline = Inline::default();
            for (piece, line) in pieces {
                inline.push(piece, *line);
            }
            assert_eq!(inline.take(), (expected.to_owned(), Some(first)), "{pieces:?}");
            assert_eq!(inline.take(), (String::new(), None));
        };
        check(&[("one ", 3), ("two", 3)], "one two", 3);
        check(&[("one", 3), (" ", 3), ("two", 4), (" ", 4), ("three", 7)], "one \ntwo \n\n\nthree", 3);
        // A word is not cut, and what comes after it stands on its own line.
        check(&[("wo", 1), ("rd", 2), ("s one", 2)], "words\n one", 1);
        check(&[("a\nb ", 1), ("c", 2), (" ", 2), ("d", 3)], "a\nb c \nd", 1);
        // What goes back changes nothing.
        check(&[("a ", 5), ("b", 2)], "a b", 5);
        let mut item = Inline::at(4);
        item.push("text", 5);
        assert_eq!(item.take(), ("\ntext".to_owned(), Some(4)));
    }
}

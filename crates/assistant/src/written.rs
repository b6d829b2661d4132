//! Which sentences does a generator write, and which passages does each cite?
//!
//! Text comes in pieces of a few letters; a sentence is given out as soon as it is complete, without its citation marks.

use intramuros_core::sentence::sentences;

/// Longest answer that is read, in bytes; a generator that goes on is stopped. 64 KiB: thirty pages.
pub const MAX_ANSWER_BYTES: usize = 64 << 10;

/// Longest number in a citation mark: more passages than any window holds.
const MAX_DIGITS: usize = 3;

/// Most passages that a range in a citation mark stands for: nobody means more, and `[1-999]` cites nothing.
const MAX_RANGE: usize = 10;

/// Words that models put before the numbers of a mark, in French as in English.
const MARK_WORDS: [&str; 4] = ["passage", "passages", "source", "sources"];

/// A sentence that a generator wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WrittenSentence {
    /// The sentence without citation marks.
    pub text: String,
    /// The numbers of the passages that it cites, each once, in order.
    pub cited: Vec<usize>,
    /// Whether it begins a new line.
    pub new_line: bool,
}

/// Takes a generator's text in pieces, and gives its sentences.
#[derive(Debug, Default)]
pub struct Writing {
    text: String,
    taken: usize,
    total: usize,
    began: bool,
}

impl Writing {
    /// Takes the next piece; gives the sentences that it completes.
    pub fn push(&mut self, piece: &str) -> Vec<WrittenSentence> {
        self.total += piece.len();
        if self.total <= MAX_ANSWER_BYTES {
            self.text.extend(piece.chars().filter(|c| !c.is_control() || *c == '\n'));
        }
        // A sentence is complete when more than its citation follows: "… ans. [1]" belongs together.
        self.complete(false)
    }

    /// Whether the generator wrote more than is read.
    pub fn is_full(&self) -> bool {
        self.total > MAX_ANSWER_BYTES
    }

    /// The sentences that are left at the end.
    pub fn finish(mut self) -> Vec<WrittenSentence> {
        self.complete(true)
    }

    fn complete(&mut self, ended: bool) -> Vec<WrittenSentence> {
        let rest = self.text.get(self.taken..).unwrap_or_default();
        let mut ranges = sentences(rest);
        join_marks(rest, &mut ranges);
        if !ended {
            // The last may go on; when it is the beginning of a mark, the one before it waits for its citation.
            let last = ranges.pop().and_then(|range| rest.get(range));
            if last.is_some_and(|last| last.starts_with(['[', '【', '<'])) {
                ranges.pop();
            }
        }
        let mut found = Vec::new();
        let mut end = 0;
        for range in ranges {
            let before = rest.get(end..range.start).unwrap_or_default();
            let new_line = before.contains('\n') || (!self.began && found.is_empty());
            let (text, cited) = take_marks(rest.get(range.clone()).unwrap_or_default());
            end = range.end;
            if text.chars().any(char::is_alphanumeric) {
                found.push(WrittenSentence { text, cited, new_line });
            } else if let Some(last) = found.last_mut() {
                let last: &mut WrittenSentence = last;
                last.cited.extend(cited);
            }
        }
        self.began |= !found.is_empty();
        self.taken += end;
        found
    }
}

/// Joins what is nothing but citation marks to the sentence before it.
fn join_marks(text: &str, ranges: &mut Vec<std::ops::Range<usize>>) {
    let mut joined: Vec<std::ops::Range<usize>> = Vec::new();
    for range in ranges.drain(..) {
        let piece = text.get(range.clone()).unwrap_or_default();
        let marks_end = leading_marks(piece);
        match joined.last_mut() {
            Some(last) if marks_end > 0 => {
                last.end = range.start + marks_end;
                let rest = piece.get(marks_end..).unwrap_or_default();
                let trimmed = rest.trim_start();
                if !trimmed.is_empty() {
                    joined.push(range.end - trimmed.len()..range.end);
                }
            }
            _ => joined.push(range),
        }
    }
    *ranges = joined;
}

/// Bytes of the citation marks that a text begins with, with full stops behind them; 0 when it begins otherwise.
fn leading_marks(text: &str) -> usize {
    let mut end = 0;
    while let Some((_, length)) = mark(text.get(end..).unwrap_or_default().trim_start()) {
        let rest = text.get(end..).unwrap_or_default();
        end += rest.len() - rest.trim_start().len() + length;
        if text.get(end..).is_some_and(|rest| rest.starts_with(['.', ','])) {
            end += 1;
        }
    }
    end
}

/// The numbers of the citation mark that a text begins with (`[1]`, `[1, 2]`, `[1-3]`, `[passage 1]`, `【3】`, `<passage 1>`),
/// with its length.
fn mark(text: &str) -> Option<(Vec<usize>, usize)> {
    let open = text.chars().next()?;
    let close = match open {
        '[' => ']',
        '【' => '】',
        '<' => '>',
        _ => return None,
    };
    let inside = text.get(open.len_utf8()..)?;
    let end = inside.find(close)?;
    let inside = inside.get(..end)?;
    // In pointed brackets nothing but a passage is cited: `<1>` is somebody's text.
    if open == '<' && without_word(inside.trim()) == inside.trim() {
        return None;
    }
    let mut numbers = Vec::new();
    for part in inside.split([',', ';']) {
        for numbered in without_word(part.trim()).split_whitespace() {
            numbers.extend(range(numbered)?);
        }
    }
    let length = open.len_utf8() + end + close.len_utf8();
    (!numbers.is_empty()).then_some((numbers, length))
}

/// A part of a mark without the word that models put before its number.
fn without_word(part: &str) -> &str {
    let Some((word, rest)) = part.split_once(char::is_whitespace) else { return part };
    if MARK_WORDS.contains(&word.to_lowercase().as_str()) { rest } else { part }
}

/// The numbers that `1`, `^1`, `1-3` or `1–3` stand for; none for anything else.
fn range(text: &str) -> Option<std::ops::RangeInclusive<usize>> {
    let number = |digits: &str| -> Option<usize> {
        let plain = digits.len() <= MAX_DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| digits.parse().ok()).flatten()
    };
    let text = text.trim_start_matches('^');
    let Some((first, last)) = text.split_once(['-', '–']) else {
        let only = number(text)?;
        return Some(only..=only);
    };
    let (first, last) = (number(first)?, number(last)?);
    (first < last && last - first < MAX_RANGE).then_some(first..=last)
}

/// A sentence without its citation marks, and their numbers.
fn take_marks(sentence: &str) -> (String, Vec<usize>) {
    let (mut text, mut cited) = (String::with_capacity(sentence.len()), Vec::new());
    let mut rest = sentence;
    while let Some(first) = rest.chars().next() {
        if let Some((numbers, length)) = mark(rest) {
            cited.extend(numbers);
            rest = rest.get(length..).unwrap_or_default();
            // The space before a mark goes with it: "ans [1]." is "ans."
            text.truncate(text.trim_end().len());
            continue;
        }
        text.push(first);
        rest = rest.get(first.len_utf8()..).unwrap_or_default();
    }
    let mut seen = Vec::new();
    cited.retain(|number| {
        let new = !seen.contains(number);
        seen.push(*number);
        new
    });
    (text.trim().to_owned(), cited)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(&str, &[usize])]) {
        for piece in [1, 3, 1_000] {
            let mut writing = Writing::default();
            let mut found = Vec::new();
            let letters: Vec<char> = text.chars().collect();
            for piece in letters.chunks(piece) {
                found.extend(writing.push(&piece.iter().collect::<String>()));
            }
            found.extend(writing.finish());
            let found: Vec<(&str, &[usize])> =
                found.iter().map(|sentence| (sentence.text.as_str(), sentence.cited.as_slice())).collect();
            assert_eq!(found, expected, "{text:?} in pieces of {piece}");
        }
    }

    #[test]
    fn sentences_are_the_same_however_the_text_is_cut_and_cite_what_they_cite() {
        check("Dix ans [1]. Pas plus [2][3].", &[("Dix ans.", &[1]), ("Pas plus.", &[2, 3])]);
        check("Ten years. [1] No more. [1, 2]", &[("Ten years.", &[1]), ("No more.", &[1, 2])]);
        check("Ten years.[1]\n\nNo more.", &[("Ten years.", &[1]), ("No more.", &[])]);
        check("See [the page](http://x) now.", &[("See [the page](http://x) now.", &[])]);
        check("Array a[i] and [note] stay. [999]", &[("Array a[i] and [note] stay.", &[999])]);
        check("- Un [1]\n- Deux [2]", &[("- Un", &[1]), ("- Deux", &[2])]);
        check("No stop at the end [1]", &[("No stop at the end", &[1])]);
        check("Quoted 【2】.", &[("Quoted.", &[2])]);
        check("", &[]);
        check("[1]", &[]);
    }

    #[test]
    fn marks_are_read_as_models_write_them() {
        check("Dix ans [passage 1]. Pas plus.", &[("Dix ans.", &[1]), ("Pas plus.", &[])]);
        check("Ten years. [Passage 1] No more.", &[("Ten years.", &[1]), ("No more.", &[])]);
        check("Ten years [passages 1, 2] [source 3].", &[("Ten years.", &[1, 2, 3])]);
        check("Ten years [passage 1, passage 2; 4].", &[("Ten years.", &[1, 2, 4])]);
        check("Dix ans <passage 1>. Pas plus.", &[("Dix ans.", &[1]), ("Pas plus.", &[])]);
        check("Ten years. <passage 2> No more.", &[("Ten years.", &[2]), ("No more.", &[])]);
        check("Ten years [1-3]. No more [4–5].", &[("Ten years.", &[1, 2, 3]), ("No more.", &[4, 5])]);
        check("Ten years [1-10][^11].", &[("Ten years.", &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])]);
    }

    #[test]
    fn what_only_looks_like_a_mark_stays_in_the_text() {
        for text in [
            "Article 3 (1) and x^1^ stay.",
            "The code a[i] and [note] stay.",
            "The range [1-11] stays.",
            "The range [3-1] stays.",
            "The years [2019-2020] stay.",
            "The signs [-], [^] and [1-] stay.",
            "The words [passage] and [source one] stay.",
            "The tags <1>, <b> and <passage> stay.",
            "The sign 2 < 3 stays.",
            "The end </passage 1> stays.",
        ] {
            check(text, &[(text, &[])]);
        }
    }

    #[test]
    fn control_characters_and_endless_answers_do_no_harm() {
        let mut writing = Writing::default();
        let found = writing.push("A\u{1b}[31mred\u{0}. Next one. ");
        assert_eq!(found[0].text, "A[31mred.");
        for _ in 0..100 {
            writing.push(&"word ".repeat(1_000));
        }
        assert!(writing.is_full());
        assert!(
            writing.finish().iter().map(|sentence| sentence.text.len()).sum::<usize>() <= MAX_ANSWER_BYTES
        );
    }
}

//! What of a model's text is its answer, and not what it thought before?
//!
//! Models that reason write `<think>…</think>` first where nobody takes it out. It is no answer: it is neither shown nor
//! checked. Where the prompt itself ends with the opening mark (DeepSeek-R1, QwQ, Qwen3-Thinking), only the closing one is
//! written: that such a text begins with thoughts must be known before ([`Habit`]).

use std::ops::Range;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The marks before and after thoughts: of most models, of Mistral's Magistral, and of gpt-oss, whose answer has a mark of its
/// own.
const MARKS: [(&str, &str); 3] = [
    ("<think>", "</think>"),
    ("[THINK]", "[/THINK]"),
    ("<|channel|>analysis<|message|>", "<|channel|>final<|message|>"),
];

/// What begins a quotation, of a word of a program too.
const QUOTES: &str = "`\"'“‘«";

/// Bytes of thoughts that are read, as many as of an answer: a model that goes on is stopped.
const MAX_THOUGHT_BYTES: usize = 64 << 10;

/// How long a model that thought first is taken for one without another sign. A day: what takes its place shows itself with the
/// first answer that it ends of itself, and only where all of them are cut off for want of tokens does nothing show.
const KNOWN_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// Whether the answers of a model begin with thoughts that no mark opens, as the last one showed that told. Not for ever: another
/// model may answer at the same address tomorrow.
#[derive(Debug, Default)]
pub(crate) struct Habit(Mutex<Option<Instant>>);

impl Habit {
    /// What leaves the thoughts out of an answer that begins at `now`.
    pub fn thoughts(&self, now: Instant) -> Thoughts {
        let seen = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = seen.is_some_and(|seen| now.saturating_duration_since(seen) < KNOWN_FOR);
        if known { Thoughts::expected() } else { Thoughts::default() }
    }

    /// Takes what an answer showed: whether it began with such thoughts.
    pub fn learn(&self, thinks_first: bool, now: Instant) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = thinks_first.then_some(now);
    }
}

/// Leaves thoughts out of a text that comes in pieces, which may be cut anywhere.
#[derive(Debug, Default)]
pub(crate) struct Thoughts {
    /// What may still turn out to be a mark.
    held: String,
    /// Bytes that were left out.
    left_out: usize,
    place: Place,
    /// Whether the text begins with thoughts also where no mark opens them.
    expected: bool,
    /// What was left out because thoughts were expected: without a closing mark it was the answer.
    kept: Option<String>,
    /// Whether thoughts have come, or the answer speaks of their marks: one that comes now is text.
    settled: bool,
    /// The last letter of what was given as answer, but for spaces.
    last: Option<char>,
    /// Of a text that was expected to begin with thoughts: whether it did, once that is sure.
    thought_first: Option<bool>,
}

#[derive(Debug, Default)]
enum Place {
    #[default]
    Before,
    Within,
    Answer,
}

/// Why a text is read no further.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Amiss {
    /// The model has thought for too long.
    Endless,
    /// What was given as an answer were thoughts: they are closed, and no mark had opened them.
    Unopened,
}

impl Thoughts {
    /// For a text that follows a prompt. Where that ends with an opening mark, the text begins with thoughts.
    #[cfg(any(test, feature = "llama"))]
    pub fn after(prompt: &str) -> Thoughts {
        let opened = openings().any(|mark| prompt.trim_end().ends_with(mark));
        Thoughts { place: if opened { Place::Within } else { Place::Before }, ..Thoughts::default() }
    }

    /// For a text of a model that has closed thoughts before which no mark had opened.
    pub fn expected() -> Thoughts {
        Thoughts { expected: true, ..Thoughts::default() }
    }

    /// Takes the next piece; gives what is answer in it.
    ///
    /// # Errors
    /// When nothing more is to be read.
    pub fn leave_out(&mut self, piece: &str) -> Result<String, Amiss> {
        self.held.push_str(piece);
        let mut answer = String::new();
        loop {
            match self.place {
                Place::Before => {
                    let blank = self.held.len() - self.held.trim_start().len();
                    self.drop_first(blank);
                    if let Some(mark) = openings().find(|mark| self.held.starts_with(mark)) {
                        self.drop_first(mark.len());
                        self.place = Place::Within;
                    } else if let Some(mark) = closings(true).find(|mark| self.held.starts_with(mark)) {
                        // The service took the thoughts out, and left their mark.
                        self.close(mark.len());
                    } else if openings().chain(closings(true)).any(|mark| mark.starts_with(&self.held)) {
                        break;
                    } else if self.expected {
                        self.kept = Some(String::new());
                        self.place = Place::Within;
                    } else {
                        self.place = Place::Answer;
                    }
                }
                Place::Within => {
                    let opened = self.kept.is_none();
                    if let Some(mark) = first(&self.held, closings(opened)) {
                        match !opened && self.is_quoted(mark.start) {
                            true => self.drop_first(mark.end),
                            false => self.close(mark.end),
                        }
                    } else {
                        let end = self.held.len() - begun(&self.held, closings(opened));
                        self.drop_first(end);
                        break;
                    }
                }
                Place::Answer => {
                    answer = self.answer()?;
                    break;
                }
            }
        }
        if self.left_out > MAX_THOUGHT_BYTES { Err(Amiss::Endless) } else { Ok(answer) }
    }

    /// What was held back, when the text is over and it was no mark; `whole` where the model ended it of itself.
    pub fn rest(&mut self, whole: bool) -> String {
        let held = std::mem::take(&mut self.held);
        match (&self.place, self.kept.take()) {
            (Place::Within, Some(kept)) if whole => {
                self.thought_first = Some(false);
                kept + &held
            }
            (Place::Within, _) => String::new(),
            _ => held,
        }
    }

    /// Whether a text that was expected to begin with thoughts that no mark opens did so; none while it may be either, and
    /// where it showed nothing: cut off within them, or with a mark before them.
    pub fn thought_first(&self) -> Option<bool> {
        self.thought_first
    }

    /// What of an answer is sure to be none of a mark.
    fn answer(&mut self) -> Result<String, Amiss> {
        if !self.settled {
            let place = |mark: Option<Range<usize>>| mark.map_or(usize::MAX, |mark| mark.start);
            let (open, close) =
                (place(first(&self.held, openings())), place(first(&self.held, closings(false))));
            if close < open && !self.is_quoted(close) {
                return Err(Amiss::Unopened);
            }
            self.settled = open != close;
        }
        let waits = if self.settled { 0 } else { begun(&self.held, openings().chain(closings(false))) };
        let waiting = self.held.split_off(self.held.len() - waits);
        let given = std::mem::replace(&mut self.held, waiting);
        self.last = last_letter(&given).or(self.last);
        Ok(given)
    }

    /// Whether a closing mark at `start` of what is held stands in quotation: the answer speaks of it.
    fn is_quoted(&self, start: usize) -> bool {
        let held = self.held.get(..start).and_then(last_letter);
        let kept = || self.kept.as_deref().and_then(last_letter);
        held.or_else(kept).or(self.last).is_some_and(|letter| QUOTES.contains(letter))
    }

    /// Thoughts end so many bytes further.
    fn close(&mut self, bytes: usize) {
        self.drop_first(bytes);
        if self.kept.is_some() {
            self.thought_first = Some(true);
        }
        (self.expected, self.kept, self.settled) = (false, None, true);
        self.place = Place::Before;
    }

    fn drop_first(&mut self, bytes: usize) {
        self.left_out += bytes;
        let dropped = self.held.drain(..bytes);
        if let Some(kept) = &mut self.kept {
            kept.extend(dropped);
        }
    }
}

/// The last letter of a text, but for spaces within a line: French quotation marks have one.
fn last_letter(text: &str) -> Option<char> {
    text.trim_end_matches([' ', '\u{a0}', '\u{202f}']).chars().next_back()
}

/// Whether a token that is usually not shown belongs to a mark.
#[cfg(feature = "llama")]
pub(crate) fn is_of_mark(token: &str) -> bool {
    !token.is_empty() && openings().chain(closings(true)).any(|mark| mark.contains(token))
}

fn openings() -> impl Iterator<Item = &'static str> {
    MARKS.iter().map(|(open, _)| *open)
}

/// The marks that end thoughts. Where none has opened them, only those count that a question or a passage can't hold, and no
/// answer repeats: `<` and `>` are taken out of them.
fn closings(opened: bool) -> impl Iterator<Item = &'static str> {
    MARKS.iter().map(|(_, close)| *close).filter(move |mark| opened || mark.contains('<'))
}

/// Where the first of these marks stands in a text.
fn first(text: &str, marks: impl Iterator<Item = &'static str>) -> Option<Range<usize>> {
    let places = marks.filter_map(|mark| text.find(mark).map(|start| start..start + mark.len()));
    places.min_by_key(|place| place.start)
}

/// Bytes at the end of a text that may be the beginning of one of these marks.
fn begun(text: &str, marks: impl Iterator<Item = &'static str>) -> usize {
    let of_mark = |mark: &str| (1..mark.len()).rev().find(|bytes| text.ends_with(&mark[..*bytes]));
    marks.filter_map(of_mark).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is left of a text, however it is cut.
    fn check(begin: fn() -> Thoughts, text: &str, whole: bool, expected: Result<&str, Amiss>) {
        let letters: Vec<char> = text.chars().collect();
        for piece in 1..=letters.len().max(1) {
            let mut thoughts = begin();
            let read =
                letters.chunks(piece).map(|piece| thoughts.leave_out(&piece.iter().collect::<String>()));
            let answer = read.collect::<Result<String, Amiss>>().map(|answer| answer + &thoughts.rest(whole));
            assert_eq!(answer.as_deref(), expected.as_ref().copied(), "{text:?} in pieces of {piece}");
        }
    }

    #[test]
    fn thoughts_are_left_out_however_the_text_is_cut() {
        let check = |text: &str, expected: &str| check(Thoughts::default, text, true, Ok(expected));
        check("Dix ans. [1]", "Dix ans. [1]");
        check("<think>Voyons… déjà <b> ou </b>.</think>\n\nDix ans.", "Dix ans.");
        check("\n<think>\n\n</think>\n\nDix ans.", "Dix ans.");
        check("<think>un</think> <think>deux</think> Dix ans.", "Dix ans.");
        check("[THINK]Voyons [1].[/THINK]Dix ans [1].", "Dix ans [1].");
        check(
            "<|channel|>analysis<|message|>We need…assistant<|channel|>final<|message|>Dix ans.",
            "Dix ans.",
        );
        check("<|channel|>final<|message|>Dix ans.", "Dix ans.");
        check("<think>sans fin é </thin", "");
        check("<thi", "<thi");
        check("<thin> Dix", "<thin> Dix");
        check("1 < 2, [1] et </b> <thin", "1 < 2, [1] et </b> <thin");
        // A service that takes thoughts out may leave their mark.
        check("</think>\n\nDix ans.", "Dix ans.");
        // Only what stands before the answer is a thought.
        check("The mark <think> opens a thought.", "The mark <think> opens a thought.");
        check("Between <think> and </think>.", "Between <think> and </think>.");
        check("<think>hm</think>It ends with </think>.", "It ends with </think>.");
        check("", "");
    }

    #[test]
    fn thoughts_that_no_mark_opened_are_told_when_they_end() {
        for text in ["Voyons… déjà.\n</think>\n\nDix ans.", "Voyons.</think>", "a <b</think>"] {
            check(Thoughts::default, text, true, Err(Amiss::Unopened));
        }
        // A passage may hold a mark, and an answer quote it.
        for begin in [Thoughts::default as fn() -> Thoughts, Thoughts::expected] {
            for text in
                ["It ends with [/THINK].", "Dix ans. `</think>` ferme.", "Avec « </think> », dix ans."]
            {
                check(begin, text, true, Ok(text));
            }
        }
    }

    #[test]
    fn thoughts_that_the_prompt_opened_are_left_out() {
        let check = |text: &str, expected: &str| {
            check(|| Thoughts::after("<|im_start|>assistant\n<think>\n"), text, true, Ok(expected));
        };
        check("Voyons… déjà.\n</think>\n\nDix ans.", "Dix ans.");
        check("</think>Dix ans.", "Dix ans.");
        check("sans fin", "");
        let mut other = Thoughts::after("<think> is a mark.<|im_start|>assistant\n");
        assert_eq!(other.leave_out("Dix ans.").as_deref(), Ok("Dix ans."));
    }

    #[test]
    fn expected_thoughts_are_left_out_and_an_answer_without_any_is_kept() {
        let expect = |text: &str, whole: bool, expected: &str| {
            check(Thoughts::expected, text, whole, Ok(expected));
        };
        expect("Voyons… déjà.\n</think>\n\nDix ans.", true, "Dix ans.");
        expect("<think>hm</think>Dix ans.", true, "Dix ans.");
        expect("<think>hm", true, "");
        expect("Dix ans, déjà [1]. </thin", true, "Dix ans, déjà [1]. </thin");
        // Where the model had no tokens left, it was still thinking.
        expect("Voyons", false, "");
        expect("", true, "");
    }

    #[test]
    fn what_an_answer_shows_of_a_model_that_thinks_first_is_told_once_it_is_sure() {
        let check = |text: &str, whole: bool, expected: Option<bool>| {
            let mut thoughts = Thoughts::expected();
            assert!(thoughts.leave_out(text).is_ok(), "{text}");
            thoughts.rest(whole);
            assert_eq!(thoughts.thought_first(), expected, "{text}");
        };
        check("Voyons.</think>Dix ans.", true, Some(true));
        check("Voyons.</think>Dix", false, Some(true));
        check("Dix ans.", true, Some(false));
        check("Dix ans. `</think>` ferme.", true, Some(false));
        // It may have been thinking still, said nothing, or be thinking with marks today.
        check("Voyons.", false, None);
        check("", true, None);
        check("<think>Voyons.</think>Dix ans.", true, None);
        check("</think>Dix ans.", true, None);
    }

    #[test]
    fn that_a_model_thinks_first_is_forgotten_when_it_shows_otherwise_or_nothing_for_long() {
        let (habit, now) = (Habit::default(), Instant::now());
        let expects = |after: Duration| {
            let mut thoughts = habit.thoughts(now + after);
            let given = thoughts.leave_out("Voyons.");
            given.as_deref() == Ok("")
        };
        let soon = Duration::from_secs(60);
        assert!(!expects(soon));
        habit.learn(true, now);
        assert!(expects(soon) && !expects(KNOWN_FOR));
        habit.learn(true, now + soon);
        assert!(expects(KNOWN_FOR));
        habit.learn(false, now + soon);
        assert!(!expects(soon));
    }

    #[test]
    fn thoughts_without_end_are_stopped() {
        for piece in ["é", "pensée ", &"x".repeat(70_000)] {
            let most = 2 * MAX_THOUGHT_BYTES / piece.len() + 1;
            let mut thoughts = Thoughts::default();
            assert_eq!(thoughts.leave_out("<think>").as_deref(), Ok(""));
            let mut expected = Thoughts::expected();
            for thoughts in [&mut thoughts, &mut expected] {
                let stopped = (0..most).any(|_| thoughts.leave_out(piece) == Err(Amiss::Endless));
                assert!(stopped, "{} bytes", piece.len());
            }
            assert_eq!(thoughts.rest(true), "");
        }
    }
}

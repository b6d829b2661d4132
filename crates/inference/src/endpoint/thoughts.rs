//! What of a model's text is its answer, and not what it thought before?
//!
//! Models that reason write `<think>…</think>` first where their service does not take it out. It is no answer: it is neither
//! shown nor checked.

const OPEN: &str = "<think>";
const CLOSE: &str = "</think>";

/// Bytes of thoughts that are read, as many as of an answer: a model that goes on is stopped.
const MAX_THOUGHT_BYTES: usize = 64 << 10;

/// Leaves thoughts out of a text that comes in pieces, which may be cut anywhere.
#[derive(Debug, Default)]
pub(crate) struct Thoughts {
    /// What may still turn out to be a mark.
    held: String,
    /// Bytes that were left out.
    left_out: usize,
    place: Place,
}

#[derive(Debug, Default)]
enum Place {
    #[default]
    Before,
    Within,
    Answer,
}

impl Thoughts {
    /// Takes the next piece; gives what is answer in it. None when the model has thought for too long.
    pub fn leave_out(&mut self, piece: &str) -> Option<String> {
        self.held.push_str(piece);
        let mut answer = String::new();
        loop {
            match self.place {
                Place::Before => {
                    let blank = self.held.len() - self.held.trim_start().len();
                    self.drop_first(blank);
                    if self.held.starts_with(OPEN) {
                        self.drop_first(OPEN.len());
                        self.place = Place::Within;
                    } else if OPEN.starts_with(&self.held) {
                        break;
                    } else {
                        self.place = Place::Answer;
                    }
                }
                Place::Within => {
                    if let Some(end) = self.held.find(CLOSE) {
                        self.drop_first(end + CLOSE.len());
                        self.place = Place::Before;
                    } else {
                        // The end may be the beginning of the mark.
                        let end = self.held.len().saturating_sub(CLOSE.len() - 1);
                        self.drop_first(self.held.floor_char_boundary(end));
                        break;
                    }
                }
                Place::Answer => {
                    answer = std::mem::take(&mut self.held);
                    break;
                }
            }
        }
        (self.left_out <= MAX_THOUGHT_BYTES).then_some(answer)
    }

    /// What was held back, when the text is over and it was no mark.
    pub fn rest(&mut self) -> String {
        match self.place {
            Place::Within => String::new(),
            _ => std::mem::take(&mut self.held),
        }
    }

    fn drop_first(&mut self, bytes: usize) {
        self.held.drain(..bytes);
        self.left_out += bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thoughts_are_left_out_however_the_text_is_cut() {
        let check = |text: &str, expected: &str| {
            let letters: Vec<char> = text.chars().collect();
            for piece in 1..=letters.len().max(1) {
                let mut thoughts = Thoughts::default();
                let mut answer = String::new();
                for piece in letters.chunks(piece) {
                    answer.push_str(&thoughts.leave_out(&piece.iter().collect::<String>()).unwrap());
                }
                answer.push_str(&thoughts.rest());
                assert_eq!(answer, expected, "{text:?} in pieces of {piece}");
            }
        };
        check("Dix ans. [1]", "Dix ans. [1]");
        check("<think>Voyons… déjà <b> ou </b>.</think>\n\nDix ans.", "Dix ans.");
        check("\n<think>\n\n</think>\n\nDix ans.", "Dix ans.");
        check("<think>un</think> <think>deux</think> Dix ans.", "Dix ans.");
        check("<think>sans fin é </thin", "");
        check("<thi", "<thi");
        check("<thin> Dix", "<thin> Dix");
        // Only what stands before the answer is a thought.
        check("The mark <think> opens a thought.", "The mark <think> opens a thought.");
        check("", "");
    }

    #[test]
    fn thoughts_without_end_are_stopped() {
        for piece in ["é", "pensée ", &"x".repeat(70_000)] {
            let mut thoughts = Thoughts::default();
            assert_eq!(thoughts.leave_out("<think>").as_deref(), Some(""));
            let most = 2 * MAX_THOUGHT_BYTES / piece.len() + 1;
            assert!((0..most).any(|_| thoughts.leave_out(piece).is_none()), "{} bytes", piece.len());
            assert_eq!(thoughts.rest(), "");
        }
    }
}

//! How does a place do: what is being fetched, what went wrong, when is it looked at again?

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// What is being done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Nothing: it waits for its time.
    #[default]
    Waiting,
    /// The place is looked through, and what is new is fetched.
    Fetching,
    /// What was fetched is read.
    Reading,
}

impl Phase {
    /// The word for programs.
    pub fn word(self) -> &'static str {
        match self {
            Phase::Waiting => "waiting",
            Phase::Fetching => "fetching",
            Phase::Reading => "reading",
        }
    }
}

/// What one look at a place came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Outcome {
    /// When it began, in milliseconds since 1970.
    pub began_ms: i64,
    /// When it ended.
    pub ended_ms: i64,
    /// Files found there.
    pub found: u64,
    /// Of these, fetched now.
    pub fetched: u64,
    /// Of these, the same as before.
    pub unchanged: u64,
    /// Of these, not fetched, each with its reason among the files that were not read.
    pub unread: u64,
    /// Names that no file can have here: with `..`, with control characters, too long.
    pub refused: u64,
    /// Files that are gone.
    pub removed: u64,
    /// Bytes fetched.
    pub bytes: u64,
    /// Parts of the place that could not be looked at, with the reason; the first of them.
    pub troubles: Vec<(String, String)>,
    /// The word for why it was not seen whole; none when it was.
    pub failure: Option<String>,
    /// The same for a person.
    pub why: Option<String>,
}

/// Most troubles that are kept with an outcome. 20: enough to see what they have in common.
pub(crate) const MOST_TROUBLES: usize = 20;

impl Outcome {
    /// Notes that a part could not be looked at.
    pub(crate) fn trouble(&mut self, part: &str, why: String) {
        if self.troubles.len() < MOST_TROUBLES {
            self.troubles.push((shown(part), shown(&why)));
        }
    }

    pub(crate) fn fail(&mut self, failure: &Failure) {
        self.failure = Some(failure.word().to_owned());
        self.why = Some(shown(&failure.to_string()));
    }
}

/// What a place says, as it can be shown in a terminal and in one line: no control character in it, nor one that turns the
/// direction of what follows.
fn shown(text: &str) -> String {
    let turns = |letter: char| matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let breaks = |letter: char| letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}');
    text.chars().map(|letter| if breaks(letter) || turns(letter) { '\u{fffd}' } else { letter }).collect()
}

/// How a place does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// The source's name.
    pub name: String,
    /// What is being done.
    #[serde(skip)]
    pub phase: Phase,
    /// What it came to so far, while something is done; what the last look came to otherwise. None before the first.
    pub last: Option<Outcome>,
    /// When it was last seen whole, in milliseconds since 1970.
    pub whole_ms: Option<i64>,
    /// When it is looked at next, in milliseconds since 1970.
    pub next_ms: Option<i64>,
    /// Looks that failed since.
    pub failures: u32,
    /// The last look found nothing where there was something: taken for true when the next one does as well.
    pub emptied: bool,
}

impl State {
    /// What was kept of it; a new one when nothing was.
    pub(crate) fn load(file: &Path, name: &str) -> State {
        let kept: State = std::fs::read(file)
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default();
        State { name: name.to_owned(), ..kept }
    }

    /// Keeps it for the next start. That it can't be kept is no fault: the place is looked at anew then.
    pub(crate) fn save(&self, file: &Path) {
        if let Ok(bytes) = serde_json::to_vec(self) {
            let beside = file.with_extension("new");
            let _ = std::fs::write(&beside, bytes).and_then(|()| std::fs::rename(&beside, file));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_place_says_writes_nothing_into_a_terminal() {
        let mut outcome = Outcome::default();
        outcome.trouble("été/a\u{1b}[2J\nb\r\t\0\u{7f}\u{9b}c", "no\u{202e}txt.exe\u{2028}x".to_owned());
        let odd = '\u{fffd}';
        let expected = format!("été/a{odd}[2J{odd}b{odd}{odd}{odd}{odd}{odd}c");
        assert_eq!(outcome.troubles, [(expected, format!("no{odd}txt.exe{odd}x"))]);
        outcome.fail(&Failure::Odd("the mail server says \u{1b}]0;x\u{7}".to_owned()));
        assert_eq!(outcome.why, Some(format!("the mail server says {odd}]0;x{odd}")));
    }
}

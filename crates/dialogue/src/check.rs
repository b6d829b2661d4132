//! Is this sentence supported, and where does what supports it stand? The nearness in meaning is computed where it is needed.

use std::sync::Arc;

use intramuros_assistant::WrittenSentence;
use intramuros_assistant::verify::{self, Checker, Evidence, Verdict};
use intramuros_core::language::{Language, detect};
use intramuros_library::{Bodies, Library, Standing};

use crate::event::{Citation, Cited};
use crate::gather::Passage;

/// Sentences of passages in another language whose nearness is computed for one sentence: each costs some milliseconds.
const MEANINGS: usize = 6;

/// The passages of one answer, made ready.
pub(crate) struct Check {
    checker: Checker,
    library: Arc<Library>,
    language: Language,
    sources: Vec<Cited>,
    bodies: Bodies,
}

impl Check {
    /// Takes the passages that the model is shown.
    pub fn new(library: Arc<Library>, language: Language, passages: &[Passage], shown: &[usize]) -> Check {
        let shown: Vec<&Passage> =
            passages.iter().filter(|(cited, _, _)| shown.contains(&cited.number)).collect();
        let evidence: Vec<Evidence> = shown
            .iter()
            .map(|(cited, language, _)| Evidence {
                number: cited.number,
                text: cited.text.clone(),
                context: format!("{}\n{}", cited.document.title, cited.headings.join("\n")),
                language: *language,
            })
            .collect();
        let sources = shown.iter().map(|(cited, _, _)| cited.clone()).collect();
        Check { checker: Checker::new(&evidence), library, language, sources, bodies: Bodies::default() }
    }

    /// Whether the rules doubt a sentence that a model may understand: see [`Checker::is_doubtful`].
    pub fn is_doubtful(&self, sentence: &str, verdict: &Verdict, passages: &[usize]) -> bool {
        self.checker.is_doubtful(sentence, self.language_of(sentence), verdict, passages)
    }

    fn language_of(&self, text: &str) -> Language {
        match detect(text) {
            Language::Other => self.language,
            known => known,
        }
    }

    /// Judges a sentence. Takes milliseconds, some tens across languages.
    pub fn judge(&self, sentence: &WrittenSentence) -> Verdict {
        let language = self.language_of(&sentence.text);
        let meanings = self.meanings(&sentence.text, language);
        self.checker.judge(&sentence.text, language, &sentence.cited, &meanings)
    }

    /// Where the sentences of the passages stand that support a sentence. Reads the text of each document once.
    pub fn places(&mut self, verdict: &Verdict) -> Vec<Citation> {
        let Check { sources, library, bodies, .. } = self;
        let place = |place: &verify::Place| {
            let source = sources.iter().find(|source| source.number == place.passage)?;
            let (range, whole) = (source.in_document(&place.range), source.whole());
            let of_source = Standing { pages: whole.pages, lines: whole.lines };
            let own = library.standing(bodies, source.document.id, &range, of_source);
            let Standing { pages, lines } = own.unwrap_or_else(|error| {
                tracing::warn!(%error, "a sentence is cited with the lines of its whole passage");
                of_source
            });
            Some(Citation { pages, lines, range, ..whole })
        };
        verdict.places.iter().filter_map(place).collect()
    }

    fn meanings(&self, text: &str, language: Language) -> Vec<Option<f32>> {
        let wanted = self.checker.wanted_meanings(text, language, MEANINGS);
        let units = self.checker.units();
        let mut meanings = vec![None; units.len()];
        if wanted.is_empty() {
            return meanings;
        }
        let texts: Vec<&str> =
            wanted.iter().filter_map(|number| units.get(*number)).map(|unit| unit.text.as_str()).collect();
        match self.library.nearness(text, &texts) {
            Ok(Some(near)) => {
                for (number, near) in wanted.iter().zip(near) {
                    if let Some(meaning) = meanings.get_mut(*number) {
                        *meaning = Some(near);
                    }
                }
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "a sentence is checked without its meaning"),
        }
        meanings
    }
}

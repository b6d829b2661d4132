//! What is the vector of this text, with the model that the program carries?

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use intramuros_core::error::Error;
use intramuros_core::vector::{Calibration, DIMENSIONS};
use tokenizers::Tokenizer;

#[cfg(target_arch = "x86_64")]
use crate::encoder::{Encoder, processor::Processor};
use crate::portable::Portable;

/// The model in the program: no file to find, nothing to fetch.
static MODEL: &[u8] = include_bytes!("../../../models/e5-small-fr-en/model.onnx");
static TOKENIZER: &[u8] = include_bytes!("../../../models/e5-small-fr-en/tokenizer.json");

static QUESTION_MEAN: &[u8] = include_bytes!("../data/question-mean.f32");

/// How much of the questions' mean is taken off. Flat between 0.4 and 0.6 on the development sets.
const MEAN_SHARE: f32 = 0.5;

/// The name under which vectors are kept: another model or another way of using it gets another name.
const NAME: &str = "e5-small-fr-en/1";

/// Most tokens of one text that the model reads, with its first and last marks. More is cut.
pub const MAX_TOKENS: usize = 512;

/// Bytes of a text given to the tokenizer: twelve a token is more than French or English ever need, and a text
/// without white space would otherwise cost the square of its length.
const MAX_BYTES: usize = MAX_TOKENS * 12;

/// `<s>` and `</s>` of the model's vocabulary.
const START: i32 = 0;
const END: i32 = 2;

/// How dot products of a question's vector ([`Embedder::query`]) and a passage's are to be read. Below 0.46 something is
/// nearest even to nonsense. What says the same in French and in English lies 0.02 farther from a question in the other
/// language, and so does what says something else (docs/decisions/two-languages.md).
pub const CALIBRATION: Calibration = Calibration { near: 0.46, across_languages: 0.02 };

/// Turns text into vectors. Cheap to share between threads behind a reference.
pub struct Embedder {
    engine: Engine,
    tokenizer: Tokenizer,
    /// On how many threads several passages are computed.
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "rten divides each passage"))]
    threads: usize,
    /// What questions have in common.
    question_mean: Vec<f32>,
}

/// What computes: both give the same vectors.
enum Engine {
    /// On one thread, where the processor can.
    #[cfg(target_arch = "x86_64")]
    Laid(Box<Encoder>),
    Portable(Box<Portable>),
}

impl Embedder {
    /// Loads the model that the program carries, to compute on `threads` threads.
    ///
    /// # Errors
    /// Only when the program itself is damaged.
    pub fn built_in(threads: usize) -> Result<Embedder, Error> {
        #[cfg(target_arch = "x86_64")]
        if let Some(encoder) = Processor::here().and_then(|processor| Encoder::of(processor, MODEL)) {
            return Embedder::of(Engine::Laid(Box::new(encoder)), threads);
        }
        Embedder::portable(threads)
    }

    /// As [`Embedder::built_in`], computed as on a processor that has AVX2 and nothing beyond; none on one without.
    ///
    /// # Errors
    /// As [`Embedder::built_in`].
    #[cfg(target_arch = "x86_64")]
    pub fn with_avx2(threads: usize) -> Result<Option<Embedder>, Error> {
        let encoder = Processor::lesser().and_then(|processor| Encoder::of(processor, MODEL));
        encoder.map(|encoder| Embedder::of(Engine::Laid(Box::new(encoder)), threads)).transpose()
    }

    /// As [`Embedder::built_in`], computed with rten as on any processor: the other way is to be compared with it.
    ///
    /// # Errors
    /// As [`Embedder::built_in`].
    pub fn portable(threads: usize) -> Result<Embedder, Error> {
        Embedder::of(Engine::Portable(Box::new(Portable::of(MODEL, threads)?)), threads)
    }

    fn of(engine: Engine, threads: usize) -> Result<Embedder, Error> {
        let tokenizer = Tokenizer::from_bytes(TOKENIZER).map_err(|error| {
            Error::internal("the built-in embedding model can't be used: tokenizer")
                .because(error.to_string())
        })?;
        let question_mean = floats(QUESTION_MEAN);
        Ok(Embedder { engine, tokenizer, threads: threads.max(1), question_mean })
    }

    /// The name under which this model's vectors are kept.
    pub fn name(&self) -> &'static str {
        NAME
    }

    /// The vector of a question or a few key words: [`DIMENSIONS`] components.
    ///
    /// Half of what all questions have in common is taken off, so that what this one asks counts
    /// more: nDCG@10 rises by up to 0.1 where passages are questions themselves and falls nowhere (docs/measurements.md).
    /// The mean comes from questions of our own (`data/`, example `question_mean`). The length is no longer 1.
    ///
    /// # Errors
    /// When the model fails, which is a fault of ours.
    pub fn query(&self, text: &str) -> Result<Vec<f32>, Error> {
        let mut vector = self.query_as_is(text)?;
        for (value, mean) in vector.iter_mut().zip(&self.question_mean) {
            *value -= MEAN_SHARE * mean;
        }
        Ok(vector)
    }

    /// The vector of a question as the model gives it, of length 1.
    ///
    /// # Errors
    /// As [`Embedder::query`].
    pub fn query_as_is(&self, text: &str) -> Result<Vec<f32>, Error> {
        // A question is short: dividing it costs more than it gains, and the words are looked up on another processor
        // meanwhile.
        match &self.engine {
            #[cfg(target_arch = "x86_64")]
            Engine::Laid(_) => self.encode("query: ", text),
            Engine::Portable(portable) => complete(portable.encode(self.tokens("query: ", text)?, false)?),
        }
    }

    /// The vector of a passage: [`DIMENSIONS`] components, length 1.
    ///
    /// One text at a time: the model's 8-bit arithmetic takes its scale from everything that it is given at once, so
    /// that in a batch each text would move the vectors of the others (cosine down to 0.98, measured), and the same
    /// passage would get another vector each time.
    ///
    /// # Errors
    /// As [`Embedder::query`].
    pub fn passage(&self, text: &str) -> Result<Vec<f32>, Error> {
        self.encode("passage: ", text)
    }

    /// The vectors of passages, in their order: as [`Embedder::passage`] each, on as many threads as the model was loaded for.
    ///
    /// # Errors
    /// As [`Embedder::query`].
    pub fn passages(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, Error> {
        let threads = match &self.engine {
            #[cfg(target_arch = "x86_64")]
            Engine::Laid(_) => self.threads.min(texts.len()),
            // It divides each of them.
            Engine::Portable(_) => 1,
        };
        if threads <= 1 {
            return texts.iter().map(|text| self.passage(text)).collect();
        }
        let next = AtomicUsize::new(0);
        let vectors = Mutex::new(vec![Vec::new(); texts.len()]);
        let work = || {
            while let Some((index, text)) = at(texts, next.fetch_add(1, Ordering::Relaxed)) {
                let vector = self.passage(text)?;
                let mut vectors = vectors.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(entry) = vectors.get_mut(index) {
                    *entry = vector;
                }
            }
            Ok::<(), Error>(())
        };
        std::thread::scope(|scope| {
            // Where the system gives no thread, the others do its part.
            let aside =
                |_| std::thread::Builder::new().name("passages".to_owned()).spawn_scoped(scope, work).ok();
            let aside: Vec<_> = (1..threads).filter_map(aside).collect();
            let here = work();
            let there = aside
                .into_iter()
                .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            there.fold(here, Result::and)
        })?;
        Ok(vectors.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// How many tokens the model sees in a text, without prefix and marks.
    pub fn count_tokens(&self, text: &str) -> usize {
        self.tokenizer.encode_fast(text, false).map_or(0, |encoding| encoding.get_ids().len())
    }

    fn tokens(&self, prefix: &str, text: &str) -> Result<Vec<i32>, Error> {
        let mut end = text.len().min(MAX_BYTES);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let text = format!("{prefix}{}", text.get(..end).unwrap_or_default());
        let encoding = self
            .tokenizer
            .encode_fast(text, false)
            .map_err(|error| Error::internal("a text can't be cut into tokens").because(error.to_string()))?;
        let ids = encoding.get_ids().iter().take(MAX_TOKENS - 2).map(|id| *id as i32);
        Ok(std::iter::once(START).chain(ids).chain(std::iter::once(END)).collect())
    }

    fn encode(&self, prefix: &str, text: &str) -> Result<Vec<f32>, Error> {
        let tokens = self.tokens(prefix, text)?;
        match &self.engine {
            #[cfg(target_arch = "x86_64")]
            Engine::Laid(encoder) => complete(encoder.encode(&tokens)),
            Engine::Portable(portable) => complete(portable.encode(tokens, true)?),
        }
    }
}

/// A vector as it is, or the fault that it is none.
fn complete(components: Vec<f32>) -> Result<Vec<f32>, Error> {
    if components.len() != DIMENSIONS {
        let what = format!("{} numbers for one text", components.len());
        return Err(Error::internal("the embedding model failed").because(what));
    }
    Ok(components)
}

fn at<'a>(texts: &[&'a str], index: usize) -> Option<(usize, &'a str)> {
    texts.get(index).map(|text| (index, *text))
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|chunk| f32::from_le_bytes(*chunk)).collect()
}

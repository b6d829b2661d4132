//! What is the vector of this text, with the model that the program carries?

use std::sync::Arc;

use intramuros_core::error::Error;
use intramuros_core::vector::DIMENSIONS;
use rten::{Model, ModelOptions, NodeId, RunOptions, ThreadPool};
use rten_tensor::prelude::*;
use rten_tensor::{NdTensor, Tensor};
use tokenizers::Tokenizer;

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

/// From this dot product of a question's vector ([`Embedder::query`]) and a passage's on, the passage is near: below,
/// something is nearest even to nonsense.
pub const NEAR: f32 = 0.46;

/// Turns text into vectors. Cheap to share between threads behind a reference; each call computes on its own pool.
pub struct Embedder {
    model: Model,
    tokenizer: Tokenizer,
    input_ids: NodeId,
    attention_mask: NodeId,
    embedding: NodeId,
    pool: Arc<ThreadPool>,
    /// A question is short: dividing it costs more than it gains, and the words are looked up on another processor
    /// meanwhile.
    question_pool: Arc<ThreadPool>,
    /// What questions have in common.
    question_mean: Vec<f32>,
}

impl Embedder {
    /// Loads the model that the program carries, to compute on `threads` threads.
    ///
    /// # Errors
    /// Only when the program itself is damaged.
    pub fn built_in(threads: usize) -> Result<Embedder, Error> {
        let damaged =
            |what: &str| Error::internal(format!("the built-in embedding model can't be used: {what}"));
        let mut options = ModelOptions::with_all_ops();
        options.prepack_weights(true);
        let model = options
            .load_static_slice(MODEL)
            .map_err(|error| damaged("loading").because(error.to_string()))?;
        let node = |name: &str| model.find_node(name).ok_or_else(|| damaged(name));
        let (input_ids, attention_mask, embedding) =
            (node("input_ids")?, node("attention_mask")?, node("embedding")?);
        let tokenizer = Tokenizer::from_bytes(TOKENIZER)
            .map_err(|error| damaged("tokenizer").because(error.to_string()))?;
        let pool = Arc::new(ThreadPool::with_num_threads(threads.max(1)));
        let question_pool = Arc::new(ThreadPool::with_num_threads(1));
        let question_mean = floats(QUESTION_MEAN);
        Ok(Embedder {
            model,
            tokenizer,
            input_ids,
            attention_mask,
            embedding,
            pool,
            question_pool,
            question_mean,
        })
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
        self.run(self.tokens("query: ", text)?, &self.question_pool)
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
        self.run(self.tokens("passage: ", text)?, &self.pool)
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

    fn run(&self, tokens: Vec<i32>, pool: &Arc<ThreadPool>) -> Result<Vec<f32>, Error> {
        let mask = NdTensor::full([1, tokens.len()], 1i32);
        let ids = NdTensor::from_data([1, tokens.len()], tokens);
        let failed = |error: String| Error::internal("the embedding model failed").because(error);
        let [output] = self
            .model
            .run_n(
                vec![(self.input_ids, ids.into()), (self.attention_mask, mask.into())],
                [self.embedding],
                Some(RunOptions::default().with_thread_pool(Some(Arc::clone(pool)))),
            )
            .map_err(|error| failed(error.to_string()))?;
        let output: Tensor<f32> =
            output.try_into().map_err(|_| failed("the output is not of numbers".to_owned()))?;
        let components = output.to_vec();
        if components.len() != DIMENSIONS {
            return Err(failed(format!("{} numbers for one text", components.len())));
        }
        Ok(components)
    }
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|chunk| f32::from_le_bytes(*chunk)).collect()
}

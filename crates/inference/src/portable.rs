//! What is the vector of these tokens, computed with rten on any processor?

use std::sync::Arc;

use intramuros_core::error::Error;
use rten::{Model, ModelOptions, NodeId, RunOptions, ThreadPool};
use rten_tensor::prelude::*;
use rten_tensor::{NdTensor, Tensor};

/// The model as rten has it.
pub(crate) struct Portable {
    model: Model,
    input_ids: NodeId,
    attention_mask: NodeId,
    embedding: NodeId,
    pool: Arc<ThreadPool>,
    single: Arc<ThreadPool>,
}

impl Portable {
    /// Loads a model's file, to compute on `threads` threads.
    pub fn of(file: &'static [u8], threads: usize) -> Result<Portable, Error> {
        let damaged =
            |what: &str| Error::internal(format!("the built-in embedding model can't be used: {what}"));
        let mut options = ModelOptions::with_all_ops();
        options.prepack_weights(true);
        let model =
            options.load_static_slice(file).map_err(|error| damaged("loading").because(error.to_string()))?;
        let node = |name: &str| model.find_node(name).ok_or_else(|| damaged(name));
        let (input_ids, attention_mask, embedding) =
            (node("input_ids")?, node("attention_mask")?, node("embedding")?);
        let pool = |threads: usize| Arc::new(ThreadPool::with_num_threads(threads));
        let (pool, single) = (pool(threads.max(1)), pool(1));
        Ok(Portable { model, input_ids, attention_mask, embedding, pool, single })
    }

    /// The vector of a text, on one thread or on `all`.
    pub fn encode(&self, tokens: Vec<i32>, all: bool) -> Result<Vec<f32>, Error> {
        let mask = NdTensor::full([1, tokens.len()], 1i32);
        let ids = NdTensor::from_data([1, tokens.len()], tokens);
        let failed = |error: String| Error::internal("the embedding model failed").because(error);
        let pool = if all { &self.pool } else { &self.single };
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
        Ok(output.to_vec())
    }
}

//! What is the vector of these tokens, computed by the built-in model on a processor with AVX-512 VNNI, or with AVX2?
//!
//! The model is a multilingual-e5-small of 12 layers. Here its steps are written down for this one model and these two kinds
//! of processor, where rten reads them from the file for any, in less than half of the processor's time and of the memory.
//! With AVX-512 the numbers are rten's to the last bit (a test compares them). With AVX2 they are those as well, but for the
//! order in which fractions are added up; rten's own are wrong there: its products of bytes are cut where they leave 16 bits.
//! Elsewhere rten computes.

mod attention;
pub(crate) mod processor;
mod products;
mod weights;

use rten_simd::{SimdOp, SimdUnaryOp};
use rten_vecmath::{Gelu, Normalize, NormalizeOptions, Sum, SumSquareSub};

use attention::{QKV, attend};
use processor::Processor;
use products::{Part, Product, Quantised};
use weights::Weights;

/// Numbers of a token, and inside a layer's second half.
const MODEL: usize = 384;
const INSIDE: usize = 1_536;

const LAYERS: usize = 12;
const POSITIONS: usize = 512;
const WORDS: usize = 37_229;

/// Added to a variance before its root is taken.
const EPSILON: f32 = 1e-12;

/// The built-in model, laid out for this processor.
pub(crate) struct Encoder {
    processor: Processor,
    /// By token.
    words: &'static [[u8; MODEL]],
    word_scale: f32,
    word_zero: i32,
    /// By position.
    positions: Vec<f32>,
    norm: Norm,
    layers: Vec<Layer>,
}

struct Layer {
    /// Questions, keys and values.
    into: Product,
    out: Product,
    norm: Norm,
    widen: Product,
    narrow: Product,
    last_norm: Norm,
}

/// Brings a token's numbers to mean 0 and deviation 1, then to a learned scale.
struct Norm {
    scale: Vec<f32>,
    bias: Vec<f32>,
}

impl Encoder {
    /// Lays the model out for a processor; none when the file is another model's.
    pub fn of(processor: Processor, file: &'static [u8]) -> Option<Encoder> {
        let weights = Weights::read(file)?;
        let layer = |number: usize| -> Option<Layer> {
            let name = |part: &str| format!("encoder.layer.{number}.{part}");
            let part =
                |named: &str, depth: usize, columns: usize| part(&weights, &name(named), depth, columns);
            let into =
                ["query", "key", "value"].map(|named| part(&format!("attention.self.{named}"), MODEL, MODEL));
            Some(Layer {
                into: Product::of(processor, MODEL, into.into_iter().collect::<Option<_>>()?)?,
                out: Product::of(processor, MODEL, vec![part("attention.output.dense", MODEL, MODEL)?])?,
                norm: norm(&weights, &name("attention.output"))?,
                widen: Product::of(processor, MODEL, vec![part("intermediate.dense", MODEL, INSIDE)?])?,
                narrow: Product::of(processor, INSIDE, vec![part("output.dense", INSIDE, MODEL)?])?,
                last_norm: norm(&weights, &name("output"))?,
            })
        };
        Some(Encoder {
            processor,
            words: weights.bytes("word_quantized", WORDS * MODEL)?.as_chunks().0,
            word_scale: *weights.floats("word_scale", 1)?.first()?,
            word_zero: i32::try_from(*weights.integers("word_zero_point", 1)?.first()?).ok()?,
            positions: weights.floats("pos", POSITIONS * MODEL)?,
            norm: norm(&weights, "embeddings")?,
            layers: (0..LAYERS).map(layer).collect::<Option<_>>()?,
        })
    }

    /// The vector of a text of at least one token: 384 components, length 1. Tokens that are not in the model's
    /// vocabulary count as none, and more than 512 are cut.
    pub fn encode(&self, tokens: &[i32]) -> Vec<f32> {
        let mut state = Vec::with_capacity(tokens.len() * MODEL);
        for (token, positions) in tokens.iter().zip(self.positions.chunks_exact(MODEL)) {
            let word =
                usize::try_from(*token).ok().and_then(|token| self.words.get(token)).unwrap_or(&[0; MODEL]);
            let number = |(byte, position): (&u8, &f32)| {
                (i32::from(*byte) - self.word_zero) as f32 * self.word_scale + position
            };
            state.extend(word.iter().zip(positions).map(number));
        }
        self.norm.apply(&mut state);
        for layer in &self.layers {
            layer.apply(self.processor, &mut state);
        }
        mean(&state)
    }
}

impl Layer {
    fn apply(&self, processor: Processor, state: &mut Vec<f32>) {
        let looked = attend(processor, &self.into.with(processor, &Quantised::of(processor, state, MODEL)));
        let mut new = self.out.with(processor, &Quantised::of(processor, &looked, MODEL));
        add(&mut new, state);
        self.norm.apply(&mut new);
        let mut inside = self.widen.with(processor, &Quantised::of(processor, &new, MODEL));
        Gelu {}.map_mut(&mut inside);
        *state = self.narrow.with(processor, &Quantised::of(processor, &inside, INSIDE));
        add(state, &new);
        self.last_norm.apply(state);
    }
}

impl Norm {
    fn apply(&self, state: &mut [f32]) {
        for row in state.chunks_exact_mut(MODEL) {
            let mean = Sum::new(row).dispatch() / MODEL as f32;
            let variance = SumSquareSub::new(row, mean).dispatch() / MODEL as f32;
            let options = NormalizeOptions {
                pre_scale_bias: mean,
                scale: 1.0 / (variance + EPSILON).sqrt(),
                element_scale: Some(&self.scale),
                bias: 0.0,
                element_bias: Some(&self.bias),
            };
            Normalize::new_mut(row, options).dispatch();
        }
    }
}

fn add(to: &mut [f32], other: &[f32]) {
    for (number, other) in to.iter_mut().zip(other) {
        *number += other;
    }
}

/// The mean of the tokens, brought to length 1.
fn mean(state: &[f32]) -> Vec<f32> {
    let (rows, _) = state.as_chunks::<MODEL>();
    // Divided by multiplying with the inverse, as rten does it.
    let share = 1.0 / rows.len() as f32;
    let mut column = Vec::with_capacity(rows.len());
    let mut mean = Vec::with_capacity(MODEL);
    for index in 0..MODEL {
        column.clear();
        column.extend(rows.iter().map(|row| row[index]));
        mean.push(Sum::new(&column).dispatch() * share);
    }
    let squares: Vec<f32> = mean.iter().map(|number| number * number).collect();
    let inverse = 1.0 / Sum::new(&squares).dispatch().sqrt();
    mean.iter_mut().for_each(|number| *number *= inverse);
    mean
}

fn norm(weights: &Weights<'_>, name: &str) -> Option<Norm> {
    let floats = |part: &str| weights.floats(&format!("{name}.LayerNorm.{part}"), MODEL);
    Some(Norm { scale: floats("w")?, bias: floats("b")? })
}

/// A matrix; none where its weights have a zero point, which this model has nowhere.
fn part<'a>(weights: &Weights<'a>, name: &str, depth: usize, columns: usize) -> Option<Part<'a>> {
    let zero = weights.integers(&format!("{name}.wT_zero_point"), columns)?;
    zero.iter().all(|zero| *zero == 0).then_some(())?;
    Some(Part {
        weights: weights.bytes(&format!("{name}.wT_quantized"), depth * columns)?,
        scales: weights.floats(&format!("{name}.wT_scale"), columns)?,
        bias: weights.floats(&format!("{name}.b"), columns)?,
    })
}

const _: () = assert!(QKV == 3 * MODEL);

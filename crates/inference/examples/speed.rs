//! How long does the model take for a question and for a passage, alone?
//! `cargo run --release -p intramuros-inference --example speed`; medians of 300 questions and 60 passages.

#![expect(clippy::print_stdout, reason = "a measurement prints")]

use std::time::{Duration, Instant};

use intramuros_inference::Embedder;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("as on this processor:");
    measure(&Embedder::built_in(2)?)?;
    println!("as on any, with rten:");
    measure(&Embedder::portable(2)?)
}

fn measure(embedder: &Embedder) -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
    let mut questions = Vec::new();
    for language in ["fr", "en"] {
        let text = std::fs::read_to_string(folder.join(format!("questions-{language}.txt")))?;
        questions.extend(text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned));
    }
    let mut tokens: Vec<usize> = questions.iter().map(|text| embedder.count_tokens(text)).collect();
    tokens.sort_unstable();
    let took = median(questions.iter().cycle().take(300), |text| embedder.query(text).map(drop))?;
    println!("question ({} tokens at the median): {took:.2?}", tokens[tokens.len() / 2]);
    let passages: Vec<String> = questions.chunks(12).map(|chunk| chunk.join(" ")).collect();
    let tokens: usize = passages.iter().map(|text| embedder.count_tokens(text)).sum();
    let took = median(passages.iter().cycle().take(60), |text| embedder.passage(text).map(drop))?;
    println!("passage ({} tokens in the mean): {took:.2?}", tokens / passages.len().max(1));
    Ok(())
}

/// The median time of a call over the texts.
fn median<'a, E>(
    texts: impl Iterator<Item = &'a String>,
    mut call: impl FnMut(&str) -> Result<(), E>,
) -> Result<Duration, E> {
    let mut times = Vec::new();
    for text in texts {
        let begin = Instant::now();
        call(text)?;
        times.push(begin.elapsed());
    }
    times.sort_unstable();
    Ok(times.get(times.len() / 2).copied().unwrap_or_default())
}

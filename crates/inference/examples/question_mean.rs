//! Which direction do all questions share? Writes the mean that `Embedder::query` takes off:
//! `cargo run --release -p intramuros-inference --example question_mean` in the repository's root.

use intramuros_inference::Embedder;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let embedder = Embedder::built_in(2)?;
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
    // The mean of the two languages' means: neither weighs more for having more questions.
    let mut mean = vec![0f32; intramuros_core::vector::DIMENSIONS];
    for language in ["fr", "en"] {
        let questions = std::fs::read_to_string(folder.join(format!("questions-{language}.txt")))?;
        let questions: Vec<&str> = questions.lines().filter(|line| !line.trim().is_empty()).collect();
        for question in &questions {
            for (sum, value) in mean.iter_mut().zip(embedder.query_as_is(question)?) {
                *sum += value / (2 * questions.len()) as f32;
            }
        }
    }
    let bytes: Vec<u8> = mean.iter().flat_map(|value| value.to_le_bytes()).collect();
    std::fs::write(folder.join("question-mean.f32"), bytes)?;
    Ok(())
}

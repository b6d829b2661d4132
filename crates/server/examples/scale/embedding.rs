//! How much of the model's own speed is left when the library embeds what it reads?
//!
//! Real documents are read, cut and embedded; then the same texts go to the same model in a row, with nothing else done.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use intramuros_core::error::Error;
use intramuros_inference::Embedder;
use intramuros_library::{Embed, Library};

use crate::{LONG, lines, options, text};

const SETS: [&str; 2] = ["servicepublic_fr", "awsdocs_en"];

/// The built-in model, which remembers what it was given.
struct Remembering {
    model: Embedder,
    texts: Mutex<Vec<String>>,
}

impl Embed for Remembering {
    fn name(&self) -> &str {
        Embed::name(&self.model)
    }

    fn query(&self, text: &str) -> Result<Vec<f32>, Error> {
        self.model.query(text)
    }

    fn passages(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, Error> {
        self.texts.lock().unwrap().extend(texts.iter().map(|text| (*text).to_owned()));
        Embed::passages(&self.model, texts)
    }
}

pub fn measure(data: &Path, documents: usize) {
    let scratch = tempfile::tempdir().unwrap();
    let root = scratch.path().join("documents");
    std::fs::create_dir(&root).unwrap();
    for set in SETS {
        let corpus = lines(data.join(set).join("corpus.jsonl"));
        for (number, document) in corpus.iter().take(documents / SETS.len()).enumerate() {
            let file = format!("# {}\n\n{}\n", text(document, "title"), text(document, "text"));
            std::fs::write(root.join(format!("{set}-{number}.md")), file).unwrap();
        }
    }
    let embed = Arc::new(Remembering { model: Embedder::built_in(2).unwrap(), texts: Mutex::default() });
    let model = Arc::clone(&embed) as Arc<dyn Embed>;

    let watch = Instant::now();
    let library = Library::open(options(&root, &scratch.path().join("data"), model)).unwrap();
    library.scan("papers").unwrap();
    assert!(library.wait_for_vectors(LONG).unwrap());
    let whole = watch.elapsed().as_secs_f64();
    drop(library);

    let texts = std::mem::take(&mut *embed.texts.lock().unwrap());
    let watch = Instant::now();
    embed.model.passages(&texts.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
    let alone = watch.elapsed().as_secs_f64();
    let tokens: usize = texts.iter().map(|text| embed.model.count_tokens(text)).sum();
    let (count, rate) = (texts.len(), |seconds: f64| texts.len() as f64 / seconds);
    println!("{count} passages of {} tokens in the mean", tokens / count.max(1));
    println!("read, cut, stored and embedded: {whole:.1} s, {:.1} passages/s", rate(whole));
    println!("the model alone: {alone:.1} s, {:.1} passages/s", rate(alone));
    println!("share of the model's own speed: {:.2}", alone / whole);
}

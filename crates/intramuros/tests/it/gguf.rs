//! Does a model's file that lies here write answers, behind the seal; and is it said where it can't?

use crate::support::House;

const DOCUMENT: &str =
    "# Retention of invoices\n\nInvoices must be kept for ten years from the close of the financial year.\n";

fn declared(more: &str) -> String {
    format!("[[model]]\nname = 'small'\nkind = 'gguf'\npurpose = 'answers'\nfile = 'small.gguf'\n{more}")
}

#[test]
fn a_file_that_can_not_be_run_is_said_at_the_start() {
    let house = House::new(&[("archives.md", DOCUMENT)]);
    let says = |expected: &str| {
        let (said, well) = house.run(&["serve", "--listen", "127.0.0.1:0"]);
        assert!(!well && said.contains(expected), "{said}");
    };
    house.declare(&declared(""));
    if cfg!(feature = "llama") {
        says("the file of the model small can't be read from");
        std::fs::write(house.path().join("small.gguf"), "<!DOCTYPE html>").unwrap();
        says("is no GGUF file");
    } else {
        says("this program was built without what runs one");
        says("--features llama");
    }
}

#[cfg(feature = "llama")]
#[test]
fn a_file_writes_behind_the_seal_and_one_that_is_damaged_falls_back() {
    let Some(real) = std::env::var_os("INTRAMUROS_GGUF") else {
        intramuros_testkit::skip("gguf", "INTRAMUROS_GGUF names no file (bash .ci/llama)");
        return;
    };
    let house = House::new(&[("archives.md", DOCUMENT)]);
    let file = house.path().join("small.gguf");
    std::fs::copy(&real, &file).unwrap();
    let bytes = std::fs::read(&file).unwrap();
    std::fs::write(house.path().join("cut.gguf"), &bytes[..bytes.len() / 2]).unwrap();
    let cut = "[[model]]\nname = 'cut'\nkind = 'gguf'\npurpose = 'answers'\nfile = 'cut.gguf'\nfallback = 'small'\n";
    let both = format!("{}context_tokens = 2048\ntimeout_seconds = 100\n{cut}", declared(""));
    house.declare(&both);
    let program = house.serve();
    program.finds("invoices", &["archives.md"]);
    let asked = |model: &str| {
        let question = "How long must invoices be kept?";
        let body = format!(r#"{{"model":"{model}","messages":[{{"role":"user","content":"{question}"}}]}}"#);
        let answer = program.post("/v1/chat/completions", &body);
        let text = answer["choices"][0]["message"]["content"].as_str().unwrap_or_default();
        // What was written; below it stand which model failed, and the sources.
        let (written, below) = text.split_once("\n\n").unwrap_or((text, ""));
        ((written.to_owned(), below.to_owned()), answer["usage"]["completion_tokens"].as_u64().unwrap_or(0))
    };
    let ((text, below), tokens) = asked("small");
    assert!(tokens > 0 && !text.is_empty() && !below.contains("cut:"), "{text} {below} {tokens}");
    // Its fallback is named, and writes.
    let ((fallen, below), tokens) = asked("cut");
    assert!(
        tokens > 0 && fallen == text && below.contains("cut: The model could not be loaded"),
        "{fallen} {below}"
    );
    let used = program.get("/api/v1/usage?days=1").to_string();
    assert!(used.contains("\"small\""), "{used}");
    // A change of something else leaves the loaded model where it is: its file is gone, and it writes.
    std::fs::remove_file(&file).unwrap();
    std::fs::write(&file, &bytes[..8]).unwrap();
    house.declare(&format!("[[user]]\nname = 'lea'\n{both}"));
    program.says("holds now: user[0]");
    assert_eq!(asked("small").0.0, text);
    program.stop();
    let refused = house.journal("kernel_refused");
    assert!(refused.is_empty(), "{refused:?}");
}

//! Does a model whose file lies here write, stop when it is asked to, and say what is wrong with it?
//!
//! With a real model (SmolLM2, 135M), whose file `INTRAMUROS_GGUF` names; `.ci/llama` sets it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use intramuros_core::chat::{Message, Role};
use intramuros_core::perimeter::{Model, Perimeter};
use intramuros_inference::endpoint::{ChatRequest, ModelError, Usage};
use intramuros_inference::gguf::Gguf;

/// The real model's file; says so where there is none.
fn real() -> Option<PathBuf> {
    let file = std::env::var_os("INTRAMUROS_GGUF").map(PathBuf::from);
    if file.is_none() {
        // Past what catches the output of tests.
        let _ = std::io::stderr().write_all(b"skipped: INTRAMUROS_GGUF names no file (bash .ci/llama)\n");
    }
    file
}

fn declared(file: &Path, more: &str) -> Model {
    let text = format!(
        "[[model]]\nname = 'small'\nkind = 'gguf'\npurpose = 'answers'\nfile = '{}'\n{more}",
        file.display()
    );
    Perimeter::parse(&text, "test.toml").unwrap().models.remove(0)
}

fn asking(question: &str, max_tokens: u32) -> ChatRequest {
    let messages = vec![
        Message::new(Role::System, "You answer in one short sentence."),
        Message::new(Role::User, question),
    ];
    ChatRequest { messages, max_tokens, ..ChatRequest::default() }
}

/// What an answer came to: its pieces, tokens, and whether it was cut.
async fn whole(model: &Arc<Gguf>, request: &ChatRequest) -> Result<(Vec<String>, Usage, bool), ModelError> {
    let mut answer = model.chat(request).await?;
    let mut pieces = Vec::new();
    while let Some(piece) = answer.next().await? {
        pieces.push(piece);
    }
    Ok((pieces, answer.usage().unwrap(), answer.was_cut_short()))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_streams_counts_its_tokens_and_is_the_same_again() {
    let Some(file) = real() else { return };
    let model = Arc::new(Gguf::new(&declared(&file, "context_tokens = 512\n")).unwrap());
    let request = asking("What is the capital of France?", 60);
    let (pieces, usage, _) = whole(&model, &request).await.unwrap();
    let text = pieces.concat();
    assert!(text.contains("Paris"), "{text}");
    assert!(
        pieces.len() > 2 && usage.prompt_tokens > 15 && usage.completion_tokens as usize >= pieces.len(),
        "{usage:?}"
    );
    assert_eq!(whole(&model, &request).await.unwrap().0.concat(), text);
    let (pieces, usage, cut) = whole(&model, &asking("Tell me a long story about a ship.", 7)).await.unwrap();
    assert!(cut && usage.completion_tokens == 7, "{pieces:?} {usage:?}");
    let used = model.used();
    assert_eq!((used.requests, used.failures), (3, 0));
    assert!(used.tokens.completion_tokens > 7);
}

/// Writes the real model with another chat template.
fn with_template(file: &Path, template: &str, copy: &Path) {
    const KEY: &[u8] = b"tokenizer.chat_template";
    let mut bytes = std::fs::read(file).unwrap();
    // After the key stand the number of its kind, its length and its text.
    let at = bytes.windows(KEY.len()).position(|window| window == KEY).unwrap() + KEY.len() + 4;
    let length = u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap()) as usize;
    let place = &mut bytes[at + 8..at + 8 + length];
    place.fill(b' ');
    place[..template.len()].copy_from_slice(template.as_bytes());
    std::fs::write(copy, bytes).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn thoughts_that_the_template_opens_are_no_part_of_the_answer() {
    let Some(file) = real() else { return };
    let folder = std::env::temp_dir().join(format!("intramuros-thoughts-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("thinks.gguf");
    // By these words llama.cpp knows a template that ends with <think>.
    with_template(&file, r#"<role>ASSISTANT</role>"HUMAN"<think>"#, &path);
    let model = Arc::new(Gguf::new(&declared(&path, "context_tokens = 512\n")).unwrap());
    let answered = whole(&model, &asking("What is the capital of France?", 40)).await;
    std::fs::remove_dir_all(&folder).unwrap();
    let (pieces, usage, _) = answered.unwrap();
    // It goes on with a sentence, which it may close.
    assert!(pieces.len() + 4 <= usage.completion_tokens as usize, "{pieces:?} {usage:?}");
    assert!(!pieces.concat().contains("think>"), "{pieces:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn marks_in_a_text_are_letters() {
    let Some(file) = real() else { return };
    let model = Arc::new(Gguf::new(&declared(&file, "context_tokens = 512\n")).unwrap());
    let tokens = async |text: &str| whole(&model, &asking(text, 1)).await.unwrap().1.prompt_tokens;
    let (without, with) = (tokens("ok").await, tokens("ok<|im_end|><|im_start|>system").await);
    // As marks these would be two tokens and a word.
    assert!(with >= without + 8, "{without} {with}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_ends_the_work_and_two_are_answered_at_once() {
    let Some(file) = real() else { return };
    let one =
        Arc::new(Gguf::new(&declared(&file, "context_tokens = 2048\ntimeout_seconds = 100\n")).unwrap());
    // One word first, so that what follows does not wait for the loading.
    whole(&one, &asking("Say yes.", 1)).await.unwrap();
    let long = asking(&"Tell me a long story about a ship and its crew. ".repeat(30), 1_000);
    let mut left = one.chat(&long).await.unwrap();
    assert!(left.next().await.unwrap().is_some());
    drop(left);
    let begun = Instant::now();
    whole(&one, &asking("Say yes.", 1)).await.unwrap();
    let after_writing = begun.elapsed();
    // Left while the prompt is still read.
    drop(one.chat(&long).await.unwrap());
    let begun = Instant::now();
    whole(&one, &asking("Say yes.", 1)).await.unwrap();
    // A thousand tokens take longer than that on any machine that needs so long for one.
    let limit = Duration::from_secs(20);
    assert!(after_writing < limit && begun.elapsed() < limit, "{after_writing:?} {:?}", begun.elapsed());

    let two = Arc::new(Gguf::new(&declared(&file, "context_tokens = 512\nconcurrency = 2\n")).unwrap());
    let (request, other) =
        (asking("What is the capital of France?", 40), asking("What is the capital of Italy?", 40));
    let (mut first, mut second) = (two.chat(&request).await.unwrap(), two.chat(&other).await.unwrap());
    // Both have begun before either has ended.
    let (mut one, mut other) =
        (first.next().await.unwrap().unwrap_or_default(), second.next().await.unwrap().unwrap_or_default());
    assert!(first.usage().is_none() && second.usage().is_none());
    while let Some(piece) = first.next().await.unwrap() {
        one.push_str(&piece);
    }
    while let Some(piece) = second.next().await.unwrap() {
        other.push_str(&piece);
    }
    assert!(one.contains("Paris") && other.contains("Rome"), "{one} | {other}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_answered_is_said() {
    let Some(file) = real() else { return };
    let check = async |file: &Path, more: &str, request: &ChatRequest, expected: &str| {
        let model = Arc::new(Gguf::new(&declared(file, more)).unwrap());
        let said = whole(&model, request).await.unwrap_err();
        assert!(said.to_string().contains(expected), "{said}");
        // The next question is told the same, and not left waiting.
        assert_eq!(whole(&model, request).await.unwrap_err().code(), said.code());
        assert_eq!(model.used().failures, 2);
    };
    let short = asking("Who?", 10);
    let long = asking(&"Tell me a long story about a ship and its crew. ".repeat(60), 10);
    check(&file, "context_tokens = 256\n", &long, "too long for the model").await;
    check(&file, "context_tokens = 1000000\n", &short, "more than the model was trained with").await;
    check(
        &file,
        "context_tokens = 512\ntimeout_seconds = 1\n",
        &asking(&"A story. ".repeat(100), 9_000),
        "longer than 1 s",
    )
    .await;

    let folder = std::env::temp_dir().join(format!("intramuros-gguf-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let bytes = std::fs::read(&file).unwrap();
    for (name, bytes) in [
        ("cut", &bytes[..bytes.len() / 2]),
        ("head", &bytes[..100]),
        ("noise", b"GGUF\x03\0\0\0\xff\xff\xff\xff\xff\xff\xff\x7fnoise"),
    ] {
        let path = folder.join(name);
        std::fs::write(&path, bytes).unwrap();
        check(&path, "context_tokens = 256\n", &short, "can't load the file").await;
    }
    let model = Gguf::new(&declared(&folder.join("cut"), "")).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    let said = whole(&Arc::new(model), &short).await.unwrap_err();
    assert_eq!((said.code(), said.to_string().contains("is gone")), ("not-loaded", true));
}

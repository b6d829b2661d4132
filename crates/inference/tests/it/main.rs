//! Does the built-in model place texts of like meaning near one another?

mod endpoint;
#[cfg(feature = "llama")]
mod gguf;

use intramuros_inference::Embedder;

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[test]
fn a_question_is_nearest_to_its_answer_in_either_language() {
    let embedder = Embedder::built_in(2).unwrap();
    let passages = [
        "La durée de conservation des factures est de dix ans.",
        "The propeller slipstream increases the lift of the wing.",
        "Les chats dorment seize heures par jour.",
    ]
    .map(|text| embedder.passage(text).unwrap());
    let check = |question: &str, expected: usize| {
        let query = embedder.query(question).unwrap();
        let best =
            (0..3).max_by(|a, b| dot(&query, &passages[*a]).total_cmp(&dot(&query, &passages[*b]))).unwrap();
        assert_eq!(best, expected, "{question}");
    };
    check("Combien de temps faut-il garder une facture ?", 0);
    check("How long must invoices be kept?", 0);
    check("What does a propeller change for a wing?", 1);
    check("How much do cats sleep?", 2);
}

#[test]
fn any_text_gets_a_vector_and_always_the_same() {
    let embedder = Embedder::built_in(2).unwrap();
    let long = "mot ".repeat(5_000);
    let unbroken = "x".repeat(1 << 20);
    for text in ["court", "", &long, &unbroken, "\u{0}\u{1}\u{fffd}"] {
        let vector = embedder.passage(text).unwrap();
        assert!((dot(&vector, &vector) - 1.0).abs() < 1e-3, "{} bytes", text.len());
        assert_eq!(vector, embedder.passage(text).unwrap());
    }
}

/// On a processor that has no products of bytes, both are rten and the test says nothing.
#[test]
fn both_ways_of_computing_give_the_same_vectors_to_the_last_bit() {
    let (built_in, portable) = (Embedder::built_in(2).unwrap(), Embedder::portable(2).unwrap());
    let check = |text: &str| {
        let (vector, expected) = (built_in.passage(text).unwrap(), portable.passage(text).unwrap());
        assert_eq!(vector, expected, "{} bytes: {text:.40}", text.len());
        assert_eq!(built_in.query(text).unwrap(), portable.query(text).unwrap(), "{text:.40}");
    };
    // Each number of rows that is computed at once, and of tokens in a register.
    let words = "La durée de conservation des factures is ten years, unless the contract says otherwise, avenant n° 12 compris. ";
    for length in 0..40 {
        check(&words.split(' ').take(length).collect::<Vec<_>>().join(" "));
    }
    // Beyond one block of 256 tokens, and as many as the model reads.
    for times in [2, 5, 11, 12, 30] {
        check(&words.repeat(times));
    }
}

#[test]
fn passages_keep_their_order_on_several_threads() {
    let embedder = Embedder::built_in(3).unwrap();
    let texts = ["un", "deux mots", "", "trois mots ici", "five words stand in here"];
    let expected: Vec<_> = texts.iter().map(|text| embedder.passage(text).unwrap()).collect();
    assert_eq!(embedder.passages(&texts).unwrap(), expected);
    assert!(embedder.passages(&[]).unwrap().is_empty());
}

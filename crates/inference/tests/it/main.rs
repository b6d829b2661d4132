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

/// With AVX2 alone rten's products of bytes are cut where they leave 16 bits: there is nothing to compare with.
#[cfg(target_arch = "x86_64")]
#[test]
fn on_avx_512_the_vectors_are_those_of_rten_to_the_last_bit() {
    if !std::arch::is_x86_feature_detected!("avx512vnni") {
        // Not `eprintln!`, which the test program keeps to itself.
        let _ = std::io::Write::write_all(
            &mut std::io::stderr(),
            b"skipped: this processor has no AVX-512 VNNI\n",
        );
        return;
    }
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

/// The first components as ONNX's own reference evaluator computes them from the model's file, with exact products.
#[test]
fn vectors_are_those_of_the_reference_evaluator() {
    let expected: [(&str, [f32; 12]); 2] = [
        (
            "La durée de conservation des factures est de dix ans.",
            [
                0.01025, 0.00505, -0.00928, -0.06893, 0.01543, -0.04133, -0.01729, 0.03722, 0.0876, 0.03557,
                0.05878, 0.01346,
            ],
        ),
        (
            "The propeller slipstream increases the lift of the wing.",
            [
                0.0061, -0.03477, -0.03486, -0.03991, 0.10411, -0.01752, 0.01463, 0.00957, 0.01934, -0.0019,
                0.08226, 0.00211,
            ],
        ),
    ];
    let built_in = Embedder::built_in(1).unwrap();
    #[cfg(target_arch = "x86_64")]
    let others = Embedder::with_avx2(1).unwrap();
    #[cfg(not(target_arch = "x86_64"))]
    let others = None;
    for embedder in std::iter::once(built_in).chain(others) {
        for (text, expected) in &expected {
            let vector = embedder.passage(text).unwrap();
            let off = vector.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0f32, f32::max);
            // A fraction that rounds the other way moves a number by one of 255 steps: 0.006 here, where a wrong step of
            // the model moves most by 0.05 and more.
            assert!(off < 0.015, "{text}: {off} off, {:?}", vector.get(..12));
        }
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

//! Does the built-in model place texts of like meaning near one another?

mod endpoint;

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

//! Is a question that asks two things answered by both?

use intramuros_core::access::Principal;
use intramuros_library::{Answered, SearchOptions};

use crate::support::scene;

fn ask(question: &str) -> Answered {
    let scene = scene(&[
        ("facture.txt", "Pour archiver une facture, on la range dans le classeur bleu."),
        ("congés.txt", "Pour demander ses congés payés, on écrit un mois avant le départ."),
        ("chat.txt", "Le chat dort sur le toit de la maison voisine."),
        ("rang.txt", "Le rangement des papiers se fait au grenier."),
    ]);
    scene.ready().ask(&Principal::owner(), question, &SearchOptions::default()).unwrap()
}

fn cited(answered: &Answered) -> Vec<&str> {
    answered.statements.iter().map(|one| one.document.path.as_str()).collect()
}

#[test]
fn each_part_of_a_question_gets_its_sentences() {
    let both = ask("Comment archiver une facture, et quand demander ses congés payés ?");
    assert!(both.found, "{both:?}");
    let both = cited(&both);
    assert_eq!(&both[..2], ["facture.txt", "congés.txt"], "{both:?}");
    // A part that nothing answers takes nothing from the other.
    let one = ask("Comment archiver une facture, et quand visiter un satellite orbital ?");
    assert_eq!((one.found, cited(&one)[0]), (true, "facture.txt"));
    assert_eq!(
        (one.parts.len(), one.results.absent),
        (2, vec!["visiter".into(), "satellite".into(), "orbital".into()])
    );
    // What narrows the question narrows all of it: it is not taken apart.
    assert!(
        ask("Comment archiver une facture, et quand demander ses congés payés ? kind:pdf").parts.is_empty()
    );
    assert!(ask("Comment archiver une facture ?").parts.is_empty());
}

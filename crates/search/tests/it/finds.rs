//! Does a person find the document that they think of, however they write it?

use intramuros_core::document::Kind;
use intramuros_search::Update;
use intramuros_search::catalogue::AccessSet;

use crate::{Sample, Searchable};

fn library() -> Searchable {
    let mut slides =
        Sample::new(5, "Quarterly results", &["Revenue grew by 12% in 2023, reference AB-1234/C."]);
    slides.kind = Kind::Slides;
    slides.path = "Finance/2023/results.pptx".to_owned();
    Searchable::new(
        &[
            Sample::new(
                1,
                "Archivage",
                &["La durée de conservation d’une facture est de dix ans à compter de la clôture."],
            ),
            Sample::new(
                2,
                "Embauche",
                &["L'employée doit remettre son contrat signé avant la fin de la période d’essai."],
            ),
            Sample::new(
                3,
                "Leave policy",
                &["Employees must ask for their holidays two weeks before they are taken."],
            ),
            Sample::new(
                4,
                "Congés",
                &[
                    "Les congés payés des salariés sont posés deux semaines avant le départ.",
                    "Voir l'article L.3141-1 du code.",
                ],
            ),
            slides,
            Sample::new(
                6,
                "Notes",
                &["Le coût de l’œuvre d’art est inscrit au bilan, le contrat est joint."],
            ),
        ],
        false,
    )
}

fn first(library: &Searchable, question: &str) -> Option<u64> {
    library.search(question, &AccessSet::everything(), false).hits.first().map(|hit| hit.document)
}

#[test]
fn words_are_found_however_they_are_written() {
    let library = library();
    let check =
        |question: &str, expected: u64| assert_eq!(first(&library, question), Some(expected), "{question}");
    // Elision with either apostrophe, accents both ways, ligatures, inflection in both languages.
    check("l'embauche", 2);
    check("durées de conservation des factures", 1);
    check("duree conservation", 1);
    check("qu’est-ce que l’oeuvre", 6);
    check("employé période", 2);
    check("conge paye", 4);
    check("holiday", 3);
    check("asking for a holiday", 3);
    // Identifiers and numbers whole.
    check("L.3141-1", 4);
    check("AB-1234/C", 5);
    // One typing error, and a word that is not finished.
    check("conservatoin", 1);
    check("factrue", 1);
    check("holid", 3);
    // Title words count.
    check("quarterly", 5);
    assert_eq!(first(&library, "zzzzqqq"), None);
    assert_eq!(first(&library, ""), None);
}

#[test]
fn conditions_hold() {
    let library = library();
    let check = |question: &str, expected: &[u64]| {
        let found = library.search(question, &AccessSet::everything(), false);
        let mut documents: Vec<u64> = found.hits.iter().map(|hit| hit.document).collect();
        documents.sort_unstable();
        assert_eq!(documents, expected, "{question}");
        assert_eq!(found.total, expected.len());
    };
    check("contrat", &[2, 6]);
    check("contrat -œuvre", &[2]);
    check("\"contrat signé\"", &[2]);
    check("\"signé contrat\"", &[]);
    check("« période d'essai »", &[2]);
    check("titre:congés semaines", &[4]);
    // Conditions alone list what meets them.
    check("title:policy", &[3]);
    check("kind:pptx", &[5]);
    check("kind:pptx -revenue", &[]);
    check("title:policy weeks", &[3]);
    check("revenue kind:pptx", &[5]);
    check("revenue kind:pdf", &[]);
    check("revenue folder:finance", &[5]);
    check("contrat lang:en", &[]);
}

#[test]
fn an_unknown_word_is_mended_and_facets_count_what_matches() {
    let library = library();
    let found = library.search("conservatoin des factures", &AccessSet::everything(), false);
    assert_eq!(found.suggestion.as_deref(), Some("conservation des factures"));
    let facets = library.search("contrat OR revenue", &AccessSet::everything(), false).facets;
    assert_eq!(facets.kinds.get(&Kind::Slides), Some(&1));
    assert_eq!(facets.folders.get("Finance"), Some(&1));
    assert_eq!(facets.folders.get("folder"), Some(&2));
}

#[test]
fn words_that_stand_nowhere_are_named() {
    let library = library();
    let check = |question: &str, expected: &[&str]| {
        let found = library.search(question, &AccessSet::everything(), false);
        assert_eq!(found.absent, expected, "{question}");
    };
    check("durée de conservation du tungstène", &["tungstène"]);
    check("durée de conservation des factures", &[]);
    // Another form, a typing error, and a word that begins alike stand there well enough.
    check("conserver les factures", &[]);
    check("conservatoin des factures", &[]);
    check("conservatoire des factures", &[]);
    // Numbers, and identifiers whole.
    check("Revenue in 2024", &["2024"]);
    check("congés payés, article L.3141-1", &[]);
    check("congés payés, article L.9999-1", &["L.9999-1"]);
    check("zzzzqqq", &["zzzzqqq"]);
    check("", &[]);
}

#[test]
fn filters_that_let_nothing_through_are_told_from_words_that_stand_nowhere() {
    let library = library();
    let check = |question: &str, expected: bool| {
        let found = library.search(question, &AccessSet::everything(), false);
        assert_eq!((found.total, found.nothing_passes), (0, expected), "{question}");
        assert!(!expected || found.absent.is_empty(), "{question}");
    };
    check("contrat kind:pdf", true);
    check("contrat folder:elsewhere", true);
    check("zzzzqqq kind:pdf", true);
    check("titre:zzzzqqq contrat", true);
    check("zzzzqqq kind:pptx", false);
    check("\"signé contrat\"", false);
    check("\"signé contrat\" kind:pdf", true);
}

#[test]
fn a_changed_document_is_found_by_its_new_words_alone() {
    let library = library();
    library.index().apply(&[Update::Remove(1)], 2).unwrap();
    assert_eq!(first(&library, "conservation"), None);
    assert_eq!(library.index().applied(), 2);
    assert!(!library.index().passage_ids().contains(&100));
}

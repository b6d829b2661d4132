//! Does a person find the document that they think of, however they write it?

use intramuros_core::document::Kind;
use intramuros_search::Update;
use intramuros_search::analysis::words;
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

/// One document for each text; whether it is found by its question.
fn check_found(cases: &[(&str, &str, bool)]) {
    let samples: Vec<Sample> = cases
        .iter()
        .enumerate()
        .map(|(number, (text, _, _))| Sample::new(number as u64 + 1, "Note", &[*text]))
        .collect();
    let library = Searchable::new(&samples, false);
    for (number, (text, question, expected)) in cases.iter().enumerate() {
        let hits = library.search(question, &AccessSet::everything(), false).hits;
        let found = hits.iter().any(|hit| hit.document == number as u64 + 1);
        assert_eq!(found, *expected, "{text}: {question}");
    }
}

#[test]
fn numbers_are_found_whichever_marks_stand_between_their_thousands() {
    check_found(&[
        ("Une aide de 52,000 euros.", "52000", true),
        ("Un prêt de 85 000 €.", "85000", true),
        ("Un bail de 85\u{a0}000 €.", "85000", true),
        ("Un don de 85\u{202f}000 €.", "85000", true),
        ("Ein Umsatz von 24.500 Franken.", "24500", true),
        ("Ein Gewinn von 24'500 Franken.", "24500", true),
        ("Ein Verlust von 24’500 Franken.", "24500", true),
        ("A grant of 1,250,000.50 dollars.", "1250000", true),
        // And the other way round.
        ("La somme de 63000 euros.", "63,000", true),
        ("Le montant de 74000 euros.", "74 000", true),
        ("La caution de 74000 euros.", "74\u{a0}000", true),
        ("Les arrhes de 74000 euros.", "74\u{202f}000 €", true),
        ("Die Miete von 36500 Franken.", "36.500", true),
        ("Die Steuer von 36500 Franken.", "36'500", true),
        ("A loan of 2750000 dollars.", "2,750,000.50", true),
        // In quotation marks, as one word.
        ("Un legs de 96 300 €.", "\"96300\"", true),
        ("Un fonds de 96 300 €.", "\"96 300 €\"", true),
        ("Un reste de 96 300 € net.", "\"de 96 300 € net\"", true),
        ("Un solde de 96 300 €.", "\"300 96\"", false),
        // In quotation marks, with and without marks, among other words.
        ("Un legs de 41700 €.", "\"41 700\"", true),
        ("Un prix de 41700 euros.", "\"prix de 41 700 euros\"", true),
        ("Un gain de 41 700 euros.", "\"gain de 41700 euros\"", true),
        ("Un gage de 41\u{a0}700 euros.", "\"gage de 41,700 euros\"", true),
        ("Un lot de 41’700 francs.", "\"lot de 41.700 francs\"", true),
        ("Un don de 417 00 euros.", "\"don de 41700 euros\"", false),
    ]);
}

#[test]
fn references_are_found_however_they_are_joined() {
    for question in ["L1221-25", "L. 1221-25", "L.1221-25", "L 1221-25"] {
        for text in ["Selon L1221-25 du code.", "Selon L. 1221-25 du code.", "Selon L 1221-25 du code."] {
            let library = Searchable::new(
                &[
                    Sample::new(1, "Note", &[text]),
                    Sample::new(2, "Note", &["Selon L. 1221-26 du code, au 25 de la rue."]),
                ],
                false,
            );
            assert_eq!(first(&library, question), Some(1), "{question}: {text}");
        }
    }
    check_found(&[
        ("Voir la RFC 7231.", "RFC7231", true),
        ("Voir la RFC7232.", "RFC 7232", true),
        ("Certifié ISO 27001:2013.", "iso27001", true),
        ("Certifié ISO 9001.", "iso27001", false),
    ]);
}

#[test]
fn words_with_a_hyphen_are_found_without_it_and_the_other_way_round() {
    check_found(&[
        ("La vidéo-surveillance des locaux.", "vidéosurveillance", true),
        ("La vidéo-surveillance des quais.", "videosurveillance", true),
        ("La vidéo-surveillance des gares.", "vidéo", true),
        ("La vidéo-surveillance des ports.", "\"vidéosurveillance\"", true),
        ("La vidéosurveillance du parc.", "vidéo-surveillance", true),
        ("La vidéosurveillance du port.", "video-surveillance", true),
        ("Écrire par e-mail au service.", "email", true),
        ("Écrire par e-mail au guichet.", "emails", true),
        ("Écrire par email au bureau.", "e-mail", true),
        ("Install the plug-in from the menu.", "plugin", true),
        ("Le procès-verbal est signé par tous.", "procès-verbal", true),
        ("Le procès-verbal est remis à tous.", "procès verbal", true),
        ("Le procès-verbal est lu par tous.", "procès", true),
        ("Le procès-verbal est tu par tous.", "verbal", true),
        ("Le procès-verbal est vu par tous.", "\"procès-verbal\"", true),
        ("Le procès-verbal est su par tous.", "\"procès verbal\"", true),
    ]);
}

#[test]
fn a_word_with_a_hyphen_stands_before_its_parts_and_is_mended_and_left_out_as_one() {
    let library = Searchable::new(
        &[
            Sample::new(1, "Note", &["La surveillance des salles est faite sans vidéo ni son."]),
            Sample::new(2, "Note", &["La vidéo-surveillance des salles est faite sans aucun son."]),
        ],
        false,
    );
    assert_eq!(first(&library, "vidéo-surveillance"), Some(2));
    assert_eq!(first(&library, "salles -vidéosurveillance"), Some(1));
    let found = library.search("vidéosurveullance des salles", &AccessSet::everything(), false);
    assert_eq!(found.suggestion.as_deref(), Some("vidéo-surveillance des salles"));
    // That its words stand nowhere by themselves is as good.
    let library = Searchable::new(&[Sample::new(1, "Note", &["La vidéosurveillance des salles."])], false);
    let found = library.search("vidéo-surveillance des salles", &AccessSet::everything(), false);
    assert_eq!((found.absent, found.suggestion), (Vec::new(), None));
}

#[test]
fn words_are_told_from_one_another_by_their_marks() {
    let library = Searchable::new(
        &[
            Sample::new(1, "Note", &["Un développeur en C++ est cherché pour le pôle."]),
            Sample::new(2, "Note", &["Un développeur en C# est cherché pour le pôle."]),
            Sample::new(3, "Note", &["Un développeur en C est cherché pour le pôle."]),
            Sample::new(4, "Note", &["Le montant net est dû par tous."]),
            Sample::new(5, "Note", &["Le socle .NET est mis par tous."]),
        ],
        false,
    );
    let found = |question: &str| {
        let hits = library.search(question, &AccessSet::everything(), false).hits;
        hits.iter().map(|hit| hit.document).collect::<Vec<u64>>()
    };
    assert_eq!(found("C++").first(), Some(&1));
    assert_eq!(found("c#").first(), Some(&2));
    assert_eq!(found("Qui est développeur en C++ ?").first(), Some(&1));
    assert_eq!(found("Qui est développeur en C# ?").first(), Some(&2));
    assert_eq!(found("C++").len(), 3);
    assert_eq!(found("\"C++\""), [1]);
    assert_eq!(found("\"en C# est\""), [2]);
    let mut others = found("développeur -C#");
    others.sort_unstable();
    assert_eq!(others, [1, 3]);
    assert_eq!(found(".NET"), [5, 4]);
}

#[test]
fn numbers_of_companies_are_found_in_one_piece_and_in_groups() {
    check_found(&[
        ("La société 732 829 320 est active.", "732829320", true),
        ("La société 552100554 est active.", "552 100 554", true),
        ("Le magasin 732 829 321 00074 est ouvert.", "73282932100074", true),
        ("Le magasin 732\u{a0}829\u{a0}322\u{a0}00074 est ouvert.", "73282932200074", true),
        ("Le magasin 55210055500013 est ouvert.", "552 100 555 00013", true),
        ("La ligne 111 222 333 4444 est prise.", "1112223334444", false),
        ("Un taux de 12,5 pour cent.", "125", false),
    ]);
}

#[test]
fn a_year_behind_an_abbreviation_weighs_once() {
    let library = Searchable::new(&[Sample::new(1, "Note", &["Le SMIC est fixé pour tous en 2024."])], false);
    let found = library.search("SMIC 2024", &AccessSet::everything(), false);
    assert_eq!(found.hits.len(), 1);
    // Each word that weighs stands there: nothing is asked for that does not.
    let stands = |form: &String| matches!(form.as_str(), "smic" | "2024");
    assert!(found.terms.iter().all(|term| term.weight > 0.0 && term.forms.iter().any(stands)));
    check_found(&[
        ("Voir la note SMIC2023 au dossier.", "SMIC 2023", true),
        ("Voir la note SMIC 2022 au dossier.", "SMIC2022", true),
    ]);
}

#[test]
fn figures_of_a_row_are_found_by_themselves_and_side_by_side() {
    let row = "Relevés : 120 341 562";
    check_found(&[
        (row, "120", true),
        (row, "341", true),
        (row, "562", true),
        (row, "341 562", true),
        (row, "\"120 341\"", true),
        (row, "\"341 562\"", true),
        (row, "\"562\"", true),
        (row, "\"562 120\"", false),
    ]);
}

#[test]
fn a_day_is_found_however_it_is_written_and_never_by_its_parts() {
    let days = [
        "le 2024-11-30",
        "le 30/11/2024",
        "am 30.11.2024",
        "le 30 novembre 2024",
        "on November 30, 2024",
        "on 30 November 2024",
    ];
    let mut samples: Vec<Sample> = days
        .iter()
        .zip(1..)
        .map(|(day, id)| Sample::new(id, "Note", &[&format!("Signé {day} à Lyon.")]))
        .collect();
    samples.push(Sample::new(90, "Horaires", &["De 11 h 30 à 20 h 24, le 30 de chaque mois de 2024."]));
    samples.push(Sample::new(91, "Mois", &["Fermé en novembre 2024, porte 30."]));
    let library = Searchable::new(&samples, false);
    let found = |question: &str| {
        let hits = library.search(question, &AccessSet::everything(), false).hits;
        let mut documents: Vec<u64> = hits.iter().map(|hit| hit.document).collect();
        documents.sort_unstable();
        documents
    };
    for question in ["2024-11-30", "30/11/2024", "30.11.2024", "11/30/2024"] {
        assert_eq!(found(question), [1, 2, 3, 4, 5, 6], "{question}");
    }
    // In words its parts are asked for as well.
    for question in ["30 novembre 2024", "November 30, 2024"] {
        assert_eq!(found(question), [1, 2, 3, 4, 5, 6, 90, 91], "{question}");
    }
    assert_eq!(first(&library, "30 novembre 2024"), Some(4));
    for question in ["\"30/11/2024\"", "\"30 novembre 2024\"", "\"30.11.2024\""] {
        assert_eq!(found(question), [1, 2, 3, 4, 5, 6], "{question}");
    }
    // What stands behind it follows it in each spelling, and right behind it.
    for question in ["\"30/11/2024 à Lyon\"", "\"30 novembre 2024 à Lyon\"", "\"Nov. 30, 2024 à Lyon\""] {
        assert_eq!(found(question), [1, 2, 3, 4, 5, 6], "{question}");
    }
    assert_eq!(found("\"signé le 30.11.2024 à Lyon\""), [1, 2, 4]);
    assert_eq!(found("\"30/11/2024 Lyon\""), Vec::<u64>::new());
    assert_eq!(found("2024-11-29"), Vec::<u64>::new());
    let absent = library.search("2024-11-29", &AccessSet::everything(), false).absent;
    assert_eq!(absent, ["2024-11-29"]);
}

#[test]
fn other_figures_are_found_as_before_and_not_run_together() {
    check_found(&[
        ("Signé le 2024-03-01.", "2024-03-01", true),
        ("Rendu le 2024-03-02.", "20240302", false),
        ("Selon l'article L.3242-1.", "L.3242-1", true),
        ("Selon l'article L. 3243-2.", "L.3243-2", true),
        ("Appeler le 01 23 45 67 89.", "01 23 45 67 89", true),
        ("Joindre le 02 23 45 67 89.", "0223456789", false),
        ("La version 1.2.345 sort.", "1.2.345", true),
        ("La version 7.8.912 sort.", "8912", false),
        ("Le serveur 192.168.0.1 répond.", "192.168.0.1", true),
        ("Le serveur 172.168.0.1 répond.", "172168", false),
        ("Le nombre pi vaut 3.141.", "3.141", true),
        ("Le nombre e vaut 2.7182.", "27182", false),
        ("Placé à 48.8566, 2.3522.", "48.8566", true),
        ("Une part de 0,125.", "0,125", true),
        ("En 2020 300 personnes.", "2020300", false),
        ("Il y avait 52, 003 manque.", "52003", false),
    ]);
}

#[test]
fn a_number_stands_before_its_parts_elsewhere() {
    let library = Searchable::new(
        &[
            Sample::new(1, "Adresse", &["Au 85 de la rue Haute, par la porte numéro 000."]),
            Sample::new(2, "Budget", &["Le budget est de 85000 euros pour la porte neuve."]),
            Sample::new(3, "Loyer", &["Le loyer est de 12 000 euros pour la rue Haute."]),
            Sample::new(4, "Prime", &["La prime est de 15 000 euros pour la rue Basse."]),
            Sample::new(5, "Avance", &["Une avance de 63200 euros est faite."]),
        ],
        false,
    );
    assert_eq!(first(&library, "85 000"), Some(2));
    let found = library.search("63 200 euros", &AccessSet::everything(), false);
    assert_eq!(found.absent, Vec::<String>::new());
    let found = library.search("85 001 euros", &AccessSet::everything(), false);
    assert_eq!(found.absent, ["85 001"]);
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

/// A document for each of the single texts, and so many for each of the frequent ones.
fn library_with_strays(single: &[&str], frequent: &[&str], times: usize) -> Searchable {
    let frequent = frequent.iter().flat_map(|text| std::iter::repeat_n(text, times));
    let texts = single.iter().chain(frequent);
    let samples: Vec<Sample> = texts.zip(1..).map(|(text, id)| Sample::new(id, "Note", &[*text])).collect();
    Searchable::new(&samples, false)
}

#[test]
fn a_word_that_strays_into_one_document_is_mended_all_the_same() {
    let single = [
        "The parentel form.",
        "A sik person.",
        "The bak folder.",
        "Our busines plan.",
        "Le bail est signé.",
        "Part AB12X of the list.",
    ];
    let frequent = [
        "Parental leave is granted to all.",
        "Sick leave needs a letter. Six people sit there.",
        "Roll back the app after a fault.",
        "Business cards are ordered here.",
        "Send a mail to the office.",
    ];
    let library = library_with_strays(&single, &frequent, 25);
    let check = |question: &str, expected: Option<&str>| {
        let found = library.search(question, &AccessSet::everything(), false);
        assert_eq!(found.suggestion.as_deref(), expected, "{question}");
        found
    };
    let found = check("parentel leave", Some("parental leave"));
    assert!(found.hits.iter().any(|hit| hit.document == 1));
    assert_eq!(found.total, 51);
    // It is no longer what weighs most, and what it was meant to be stands for it.
    let term = &found.terms[0];
    assert!(term.forms.iter().any(|form| form == "parental"), "{:?}", term.forms);
    assert!(term.weight < 2.0 * found.terms[1].weight, "{:?}", found.terms);
    check("advanced sik leave", Some("advanced sick leave"));
    check("roll bak my app", Some("roll back my app"));
    check("busines cards", Some("business cards"));
    // By itself a short word says too little, and one that is right is left as it is.
    check("sik ?", None);
    check("bail ?", None);
    check("parental leave", None);
    check("AB12Y list", None);
    check("\"parentel\" form", None);
    // A word in three documents is one that people use, and one in few is no better than another.
    let used = library_with_strays(&["A parentel form."; 3], &frequent, 70);
    let found = used.search("parentel leave", &AccessSet::everything(), false);
    assert_eq!(found.suggestion, None);
    let few = library_with_strays(&single, &frequent, 19);
    assert_eq!(few.search("parentel leave", &AccessSet::everything(), false).suggestion, None);
}

#[test]
fn a_rare_name_stands_before_frequent_ones_like_it() {
    let dupont = "Dupont signe, Dupont et Dupont avec Dupont.";
    let library = library_with_strays(&["Le contrat est lu et signé par Dupond."], &[dupont], 40);
    let found = library.search("Dupond ?", &AccessSet::everything(), false);
    assert_eq!(found.hits.first().map(|hit| hit.document), Some(1));
    assert_eq!((found.total, found.suggestion.as_deref()), (41, Some("dupont ?")));
}

#[test]
fn references_and_ranges_are_found_whichever_dash_is_typed() {
    let text = "Comments on docket FAA–2020–0686 were due in May.";
    let library = Searchable::new(
        &[
            Sample::new(1, "Note", &[text]),
            Sample::new(2, "Note", &["Comments on docket FAA–2020–0687 were due in May, on 0686 pages."]),
        ],
        false,
    );
    for question in ["FAA-2020-0686", "FAA–2020–0686", "FAA\u{2011}2020\u{2011}0686", "FAA 2020-0686"] {
        assert_eq!(first(&library, question), Some(1), "{question}");
    }
    // The text holds every word that weighs.
    let question = "When were comments on docket FAA-2020-0686 due?";
    let found = library.search(question, &AccessSet::everything(), false);
    let held: Vec<String> = words(text).into_iter().map(|word| word.exact).collect();
    for term in &found.terms {
        assert!(term.forms.iter().any(|form| held.contains(form)), "{:?}", term.forms);
    }
    assert_eq!(found.absent, Vec::<String>::new());
    check_found(&[
        ("Exercice 2019–2020 clos.", "2019", true),
        ("Exercice 2021–2022 clos.", "2022", true),
        ("Exercice 2023−2024 clos.", "2023-2024", true),
        ("Pages 10–12 du livre.", "12", true),
        ("Ligne Paris–Lyon du réseau.", "lyon", true),
    ]);
}

#[test]
fn names_out_of_programs_are_found_as_they_are_and_told_where_they_stand_nowhere() {
    let library = Searchable::new(
        &[
            Sample::new(1, "Note", &["The nbformat is a minor thing here."]),
            Sample::new(2, "Note", &["Set nbformat_minor to four in the file."]),
            Sample::new(3, "Note", &["An api serves docling with a key."]),
            Sample::new(4, "Note", &["The variable DOCLING_SERVE_API_KEY is set on the server."]),
            Sample::new(5, "Note", &["Kreuzberg sends telemetry when a token is there."]),
            Sample::new(6, "Note", &["The depth of the toc is given here."]),
            Sample::new(7, "Note", &["Call it with --toc-depth=3 in the shell."]),
        ],
        false,
    );
    assert_eq!(first(&library, "nbformat_minor"), Some(2));
    assert_eq!(first(&library, "What does docling_serve_api_key do?"), Some(4));
    assert_eq!(first(&library, "What is --toc-depth ?"), Some(7));
    let absent = |question: &str| library.search(question, &AccessSet::everything(), false).absent;
    assert_eq!(absent("What is KREUZBERG_TELEMETRY_TOKEN?"), ["KREUZBERG_TELEMETRY_TOKEN"]);
    assert_eq!(absent("What is DOCLING_SERVE_API_KEY?"), Vec::<String>::new());
}

#[test]
fn a_name_out_of_a_program_makes_no_text_longer() {
    let library = Searchable::new(
        &[
            Sample::new(1, "Note", &["This is the api key that we have for all of our work."]),
            Sample::new(2, "Note", &["This is the api_key that we have for all of our work."]),
            Sample::new(3, "Note", &["These are other words that we have for all of our other work."]),
        ],
        false,
    );
    let hits = library.search("api ?", &AccessSet::everything(), false).hits;
    assert_eq!(hits.len(), 2);
    assert!((hits[0].score - hits[1].score).abs() < 1e-6, "{hits:?}");
}

#[test]
fn a_mayor_is_no_town_hall() {
    let library = Searchable::new(
        &[
            Sample::new(1, "Note", &["La mairie d'Aiglun est ouverte le lundi pour tous."]),
            Sample::new(2, "Note", &["Le maire d'Aiglun est élu par le conseil pour tous."]),
        ],
        false,
    );
    assert_eq!(first(&library, "Qui est le maire d'Aiglun ?"), Some(2));
    assert_eq!(first(&library, "La mairie d'Aiglun ?"), Some(1));
    let hits = library.search("maires ?", &AccessSet::everything(), false).hits;
    assert_eq!(hits.iter().map(|hit| hit.document).collect::<Vec<u64>>(), [2]);
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

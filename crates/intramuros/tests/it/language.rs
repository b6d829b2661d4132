//! Does the terminal speak the person's language?

use crate::support::House;

const CONTRACT: &str = "# Contrat\n\nLa période d'essai dure trois mois.\n\nElle se renouvelle une fois.\n";

#[test]
fn results_are_said_in_french_where_the_environment_is_french() {
    let house = House::new(&[("contrat.md", CONTRACT), ("abîmé.pdf", "%PDF-1.7 rien")]);
    let check = |locale: &str, arguments: &[&str], expected: &[&str]| {
        let (said, _) = house.run_in(locale, &[arguments, &["--data", "data"]].concat());
        for expected in expected {
            assert!(said.contains(expected), "{locale} {arguments:?}: no `{expected}` in:\n{said}");
        }
    };
    check(
        "fr_FR.UTF-8",
        &["ingest", "documents", "--words-only"],
        &["documents : 1 lu, 1 non lu", "1 document, 1 passage", "fichiers ou parties non lus : 1"],
    );
    check(
        "en_GB.UTF-8",
        &["ingest", "documents", "--words-only"],
        &["2 unchanged", "files or parts not read: 1"],
    );
    check("fr_FR.UTF-8", &["search", "--by", "words", "essai"], &["contrat.md, ligne"]);
    check("en_GB.UTF-8", &["search", "--by", "words", "essai"], &["contrat.md, line"]);
    check("fr_FR.UTF-8", &["search", "--by", "words", "hippopotame"], &["rien trouvé"]);
    check("en_GB.UTF-8", &["search", "--by", "words", "hippopotame"], &["nothing found"]);
    check("fr_FR.UTF-8", &["ask", "Où vivent les hippopotames ?"], &["Je ne l’ai pas trouvé."]);
    check("fr_FR.UTF-8", &["status"], &["données", "(1 lu)", "mots : à jour", "non lus    1 abîmé"]);
    check("fr_FR.UTF-8", &["unread"], &["abîmé        abîmé.pdf  la structure du PDF est illisible"]);
    check("en_GB.UTF-8", &["unread"], &["corrupt      abîmé.pdf  the PDF's structure can't be read"]);
}

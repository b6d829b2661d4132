//! Is each piece of a text said to stand on the lines on which it was written?

use intramuros_core::document::{BlockLines, Extracted};
use intramuros_ingest::passages::{PassageOptions, split};
use proptest::collection::vec;
use proptest::sample::select;

use crate::show::read;

/// The lines of a phrase that stands once in what was read.
#[track_caller]
fn lines_of(extracted: &Extracted, phrase: &str) -> (u32, u32) {
    let mut found = extracted.blocks.iter().filter_map(|block| Some((block, block.text.find(phrase)?)));
    let (block, start) = found.next().unwrap_or_else(|| panic!("{phrase:?} is not in {extracted:?}"));
    assert!(found.next().is_none(), "{phrase:?} stands twice");
    BlockLines::of(block).unwrap().span(&(start..start + phrase.len()))
}

/// Checks first and last line of a phrase, by its block and by the passage that is cut for its sentence, with line breaks
/// of Unix and of Windows.
#[track_caller]
fn check(name: &str, text: &str, phrase: &str, expected: (u32, u32)) {
    for text in [text.to_owned(), text.replace('\n', "\r\n")] {
        let extracted = read(name, text.as_bytes()).unwrap();
        assert_eq!(lines_of(&extracted, phrase), expected, "{phrase:?} in {text:?}");
        let sentences = PassageOptions { most_words: 1, least_words: 1, longest_words: 300 };
        let passages = split(&extracted, &sentences);
        let passage = passages.iter().find(|passage| passage.text.contains(phrase)).unwrap();
        let (first, last) = passage.lines.unwrap();
        assert!(first <= expected.0 && expected.1 <= last, "{passage:?}");
        if passage.text == phrase {
            assert_eq!((first, last), expected, "{passage:?}");
        }
    }
}

const WRAPPED: &str = "\
Le conducteur gare la voiture devant la grande maison avec des volets verts.
Personne ne sait encore qui habite derrière ces murs, mais tout le monde en
parle. Le vieux monsieur porte un bonnet rouge tous les matins d’hiver, même
quand il fait doux. Fin.
";

#[test]
fn wrapped_paragraphs_of_plain_text() {
    check("a.txt", WRAPPED, "volets verts.", (1, 1));
    check("a.txt", WRAPPED, "bonnet", (3, 3));
    check("a.txt", WRAPPED, "tout le monde en parle.", (2, 3));
    check("a.txt", WRAPPED, "Fin.", (4, 4));
    let sentence =
        "Le vieux monsieur porte un bonnet rouge tous les matins d’hiver, même quand il fait doux.";
    check("a.txt", WRAPPED, sentence, (3, 4));
    // Below blank lines, and below a form feed, which begins a page but no line.
    check("a.txt", &format!("Une ligne.\n\n\n{WRAPPED}"), "bonnet", (6, 6));
    check("a.txt", &format!("Une ligne.\n\u{C}{WRAPPED}"), "bonnet", (4, 4));
    check("a.txt", &format!("Titre\n=====\n{WRAPPED}\nAprès.\n"), "bonnet", (5, 5));
    check("a.txt", &format!("Titre\n=====\n{WRAPPED}\nAprès.\n"), "Après.", (8, 8));
}

#[test]
fn wrapped_lines_of_plain_text_below_short_ones() {
    let text = "\
Bonjour,
La maintenance de la chaudière est prévue le mardi 9 avril à partir de
huit heures, et l'eau chaude sera coupée dans tout le bâtiment jusqu'à
midi.
Merci
Accès au sous-sol
    Le gardien ouvre la porte du local technique une demi-heure avant, et il
    garde la clé.
> L'ascenseur de l'escalier nord reste en panne, et le réparateur ne passe
> que lundi.
";
    check("a.txt", text, "Bonjour,", (1, 1));
    check("a.txt", text, "mardi 9 avril", (2, 2));
    check("a.txt", text, "partir de huit heures", (2, 3));
    check("a.txt", text, "jusqu'à midi.", (3, 4));
    check("a.txt", text, "midi.", (4, 4));
    check("a.txt", text, "Merci", (5, 5));
    check("a.txt", text, "Accès au sous-sol", (6, 6));
    check("a.txt", text, "local technique", (7, 7));
    check("a.txt", text, "et il garde la clé.", (7, 8));
    check("a.txt", text, "garde la clé.", (8, 8));
    check("a.txt", text, "ne passe que lundi.", (9, 10));
    check("a.txt", text, "lundi.", (10, 10));
}

#[test]
fn lists_and_verses_of_plain_text() {
    let list = "- premier point\n  qui continue ici\n- second point\n  sur deux lignes\n  et trois\n\n1) numéroté\n   aussi\n";
    check("a.txt", list, "premier point", (1, 1));
    check("a.txt", list, "continue", (2, 2));
    check("a.txt", list, "premier point qui continue ici", (1, 2));
    check("a.txt", list, "second point sur deux lignes et trois", (3, 5));
    check("a.txt", list, "et trois", (5, 5));
    check("a.txt", list, "aussi", (8, 8));
    let verses = "premier vers\nsecond vers\n\ntroisième vers\n";
    check("a.txt", verses, "second vers", (2, 2));
    check("a.txt", verses, "troisième vers", (4, 4));
}

#[test]
fn markdown_with_soft_breaks_headings_and_code() {
    let text = "\
# Titre

Une phrase qui
commence ici. Une autre
finit là.

- un point
  en deux lignes
- dernier point

> cité au
> long

```sh

premier

second
```

Encore du `code
sur deux` mots.
";
    check("a.md", text, "Titre", (1, 1));
    check("a.md", text, "Une phrase qui commence ici.", (3, 4));
    check("a.md", text, "Une autre finit là.", (4, 5));
    check("a.md", text, "un point", (7, 7));
    check("a.md", text, "un point en deux lignes", (7, 8));
    check("a.md", text, "dernier point", (9, 9));
    check("a.md", text, "cité au", (11, 11));
    check("a.md", text, "long", (12, 12));
    check("a.md", text, "premier", (16, 16));
    check("a.md", text, "second", (18, 18));
    check("a.md", text, "Encore du code", (21, 21));
    check("a.md", text, "sur deux mots.", (22, 22));
    check("a.md", &format!("---\ntitle: x\n---\n\n{WRAPPED}"), "bonnet", (7, 7));
    let heading = "Titre long\nsur deux\n=====\n\nFin\n";
    check("a.md", heading, "Titre long", (1, 1));
    check("a.md", heading, "sur deux", (2, 2));
    let items = "1.  un\n    deux\n\n    trois\n    quatre\n2.  cinq\n";
    check("a.md", items, "deux", (2, 2));
    check("a.md", items, "quatre", (5, 5));
    check("a.md", items, "2. cinq", (6, 6));
}

#[test]
fn html_in_markdown() {
    let text = "Avant.\n\n<p align=\"center\">\n  Un logo\n  <b>en gras</b>\n</p>\n\nAprès.\n";
    check("a.md", text, "Un logo", (4, 4));
    check("a.md", text, "en gras", (5, 5));
    check("a.md", text, "Après.", (8, 8));
    let table = "<table>\n<tr>\n<th>Nom</th>\n<th>Prix</th>\n</tr>\n<tr>\n<td>Pain</td>\n<td>deux\neuros</td>\n\
        </tr>\n</table>\n";
    check("a.md", table, "Nom | Prix", (3, 4));
    check("a.md", table, "Pain", (7, 7));
    check("a.md", table, "deux euros", (8, 9));
}

#[test]
fn data_and_code() {
    let csv = "Nom;Note\nAnne;\"ligne un\nligne deux\"\nBob;x\n";
    check("a.csv", csv, "Anne | ligne un", (2, 2));
    check("a.csv", csv, "ligne deux", (3, 3));
    check("a.csv", csv, "Bob", (4, 4));
    // What a value says is a line break is none of the file.
    let json = "{\n  \"tags\": [\n    \"alpha\",\n    \"beta\"\n  ],\n  \"note\": \"un\\ndeux\"\n}\n";
    check("a.json", json, "alpha", (3, 3));
    check("a.json", json, "beta", (4, 4));
    check("a.json", json, "note: un deux", (6, 6));
    let yaml = "texte: |\n  premier\n\n  second\nliste:\n  - un\n  - deux\n# remarque\n# suite\ncite: \"trois\\nquatre\"\n";
    check("a.yaml", yaml, "premier", (2, 2));
    check("a.yaml", yaml, "second", (4, 4));
    check("a.yaml", yaml, "deux", (7, 7));
    check("a.yaml", yaml, "suite", (9, 9));
    check("a.yaml", yaml, "trois quatre", (10, 10));
    let xml = "<?xml version='1.0'?>\n<a>\n <p>Un texte\n  long.</p>\n <q>autre</q>\n</a>\n";
    check("a.xml", xml, "Un texte", (3, 3));
    check("a.xml", xml, "long.", (4, 4));
    check("a.xml", xml, "autre", (5, 5));
    check("a.py", "import os\n\n\ndef one():\n    \"\"\"Says.\"\"\"\n\n    return 1\n", "return 1", (7, 7));
}

#[test]
fn the_lines_of_a_mail_are_none_of_its_file() {
    let mail = format!("From: a@b.c\nSubject: x\n\n{WRAPPED}");
    for block in read("a.eml", mail.as_bytes()).unwrap().blocks {
        assert!(block.place.line.is_none() && block.place.line_starts.is_empty(), "{block:?}");
    }
}

/// What stands between two words: on the same line, on the next, below blank lines, and in other blocks.
const BETWEEN: &[&str] = &[" ", " ", " ", "\n", "\n", "\n\n", "\n\n\n", "\n- ", "\n  ", "\n> ", "\n# "];

proptest::proptest! {
    #[test]
    fn every_word_and_every_passage_stands_where_it_was_written(between in vec(select(BETWEEN), 0..80)) {
        let mut text = String::new();
        let mut written = Vec::new();
        for between in between.iter().chain([&"\n"]) {
            let word = format!("mot{:02}", written.len());
            let line = 1 + text.matches('\n').count() as u32;
            text.push_str(&word);
            text.push_str(between);
            written.push((word, line));
        }
        // In plain text these marks are text, which may end a passage.
        let unmarked = text.replace(['>', '#'], " ");
        for (name, text) in [("a.txt", unmarked), ("a.md", text)] {
            let extracted = read(name, text.as_bytes()).unwrap();
            for (word, line) in &written {
                assert_eq!(lines_of(&extracted, word), (*line, *line), "{word} in {text:?} as {name}");
            }
            let options = PassageOptions { most_words: 5, least_words: 2, longest_words: 8 };
            for passage in split(&extracted, &options) {
                let inside = written.iter().filter(|(word, _)| passage.text.contains(word.as_str()));
                let lines: Vec<u32> = inside.map(|(_, line)| *line).collect();
                let expected = lines.first().copied().zip(lines.last().copied());
                assert_eq!(passage.lines, expected, "{passage:?} of {text:?} as {name}");
            }
        }
    }
}

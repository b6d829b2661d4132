//! What is this document called: as its properties say, as its first heading says, or as its file is named?
//!
//! Properties of office files and PDFs are copied with a template and written by scanners and printer drivers, so that
//! a declared title is taken only when the text or the file's name says the same.

use std::collections::HashSet;

use intramuros_core::calendar::month_named;
use intramuros_core::document::{Block, BlockKind, Extracted, Kind};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::Format;

/// How much of the text can confirm a title, in characters: a cover page and the beginning of the next.
const CONFIRMING_CHARS: usize = 2_000;

/// Blocks among which the heading that names a document stands.
const TITLE_BLOCKS: usize = 5;

/// Longest heading that can name a document, in characters.
const HEADING_CHARS: usize = 200;

/// What programs put before the name of the file that they print.
const PRINTED_BY: [&str; 6] = [
    "Microsoft Word - ",
    "Microsoft Office Word - ",
    "Microsoft PowerPoint - ",
    "Microsoft Office PowerPoint - ",
    "Microsoft Excel - ",
    "Microsoft Publisher - ",
];

/// Endings of the files that PDFs are made of, and of PDFs.
const ENDINGS: [&str; 19] = [
    "pdf", "doc", "docx", "docm", "dot", "dotx", "odt", "ott", "rtf", "ppt", "pptx", "pps", "odp", "xls",
    "xlsx", "ods", "pub", "indd", "dvi",
];

/// Endings of pictures: a scanner's names, which are words of the page at best.
const PICTURES: [&str; 5] = ["tif", "tiff", "jpg", "jpeg", "png"];

/// Titles that programs fill in by themselves; they say nothing about the document.
const EMPTY_TITLES: [&str; 16] = [
    "powerpoint presentation",
    "presentation powerpoint",
    "slide 1",
    "diapositive 1",
    "untitled",
    "sans titre",
    "sans nom",
    "document",
    "document1",
    "title",
    "titre",
    "anonymous",
    "unknown",
    "republique francaise",
    "liberte egalite fraternite",
    "republique francaise liberte egalite fraternite",
];

/// Decides the title of an office file or a PDF that was read; other formats show their titles themselves.
pub(crate) fn settle(format: Format, name: &str, extracted: &mut Extracted) {
    let declares = matches!(
        format,
        Format::Pdf
            | Format::Docx
            | Format::Pptx
            | Format::Xlsx
            | Format::Odt
            | Format::Ods
            | Format::Odp
            | Format::Rtf
            | Format::Ole
    );
    // What holds no text yet is a scan; its name says more than the scanner.
    if declares && let Some(declared) = extracted.title.take() {
        // The first heading of a workbook is the name of a sheet.
        let shown = if extracted.kind == Some(Kind::Sheet) { None } else { first_heading(&extracted.blocks) };
        let confirmed = confirmed(&declared, name, &extracted.blocks);
        extracted.title = confirmed.or(shown).map(str::to_owned);
    }
}

/// A declared title, when the text or the file's name confirms it.
fn confirmed<'a>(declared: &'a str, name: &str, blocks: &[Block]) -> Option<&'a str> {
    let title = without_marks(declared);
    let confirmed = !has_ending(title, &PICTURES)
        && says_something(title)
        && is_confirmed(title, name, &beginning(blocks));
    confirmed.then_some(title)
}

/// A declared title without what programs put before it and the ending of a file's name.
fn without_marks(declared: &str) -> &str {
    let declared = declared.trim();
    let title = PRINTED_BY.iter().find_map(|mark| declared.strip_prefix(mark)).unwrap_or(declared);
    let stem = title.rsplit_once('.').filter(|_| has_ending(title, &ENDINGS)).map(|(stem, _)| stem);
    stem.unwrap_or(title).trim()
}

/// Whether a title ends as the name of a file of these kinds does, a bracket apart.
fn has_ending(title: &str, endings: &[&str]) -> bool {
    let ending = title.trim_end_matches(')').rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    ending.is_some_and(|ending| endings.contains(&ending.as_str()))
}

/// Whether a title has a word that programs and letterheads don't fill in by themselves.
fn says_something(title: &str) -> bool {
    let words = words(title);
    words.iter().any(|word| tells(word)) && !EMPTY_TITLES.contains(&words.join(" ").as_str())
}

/// Whether the text or the file's name says what a title says: half of its words, and its dates.
fn is_confirmed(title: &str, name: &str, text: &str) -> bool {
    let (title, mut around) = (words(title), words(text));
    around.extend(words(name));
    // Scripts that put no space between words are held against the text as they stand.
    if around.join(" ").contains(&title.join(" ")) {
        return true;
    }
    let known: HashSet<&str> = around.iter().map(String::as_str).collect();
    let days: HashSet<(&str, &str)> = pairs(&around).collect();
    let years = title.iter().filter(|word| is_year(word)).all(|year| known.contains(year.as_str()));
    let dates = pairs(&title).filter(|pair| is_day(*pair)).all(|pair| days.contains(&pair));
    let telling = || title.iter().filter(|word| tells(word));
    let found = telling().filter(|word| known.contains(word.as_str())).count();
    years && dates && found > 0 && found * 2 >= telling().count()
}

/// The heading that a document begins with. Below a state's letterhead stand its offices, none of which is the title.
fn first_heading(blocks: &[Block]) -> Option<&str> {
    let top = blocks.get(..TITLE_BLOCKS).unwrap_or(blocks);
    let is_letterhead = |block: &Block| {
        let said = words(block.text.get(..200).unwrap_or(&block.text)).join(" ");
        said.contains("republique francaise") || said.contains("egalite fraternite")
    };
    // A numbered heading is that of a part.
    let is_part = |text: &str| text.starts_with(|first: char| first.is_ascii_digit()) && text.contains(". ");
    let heading = top.iter().position(|block| {
        matches!(block.kind, BlockKind::Heading { .. })
            && block.text.chars().count() <= HEADING_CHARS
            && !is_part(&block.text)
    })?;
    let above = top.get(..=heading).unwrap_or_default();
    if above.iter().any(is_letterhead) { None } else { top.get(heading).map(|block| block.text.as_str()) }
}

/// The first characters of a document's text.
fn beginning(blocks: &[Block]) -> String {
    let mut text = String::new();
    let mut left = CONFIRMING_CHARS;
    for block in blocks {
        for letter in block.text.chars().take(left) {
            text.push(letter);
            left -= 1;
        }
        text.push(' ');
        if left == 0 {
            break;
        }
    }
    text
}

/// The words and numbers of a text, in small letters and without accents.
fn words(text: &str) -> Vec<String> {
    let plain: String =
        text.nfd().filter(|letter| !is_combining_mark(*letter)).flat_map(char::to_lowercase).collect();
    plain
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

fn pairs(words: &[String]) -> impl Iterator<Item = (&str, &str)> {
    words.iter().zip(words.iter().skip(1)).map(|(first, second)| (first.as_str(), second.as_str()))
}

/// Whether a word tells one title from another: three letters of ours, one of scripts whose letters are words.
fn tells(word: &str) -> bool {
    word.len() >= 3 || word.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_year(word: &str) -> bool {
    word.len() == 4
        && (word.starts_with("19") || word.starts_with("20"))
        && word.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether two words are a day and its month.
fn is_day((day, month): (&str, &str)) -> bool {
    let number = day.strip_suffix("er").unwrap_or(day);
    number.len() <= 2 && number.parse::<u8>().is_ok() && month_named(month).is_some()
}

#[cfg(test)]
mod tests {
    use intramuros_core::document::Place;

    use super::*;

    fn check(declared: &str, name: &str, blocks: &[(bool, &str)], expected: Option<&str>) {
        let blocks = blocks.iter().map(|(heading, text)| Block {
            kind: if *heading { BlockKind::Heading { level: 1 } } else { BlockKind::Paragraph },
            text: (*text).to_owned(),
            place: Place::default(),
        });
        let mut extracted =
            Extracted { title: Some(declared.to_owned()), blocks: blocks.collect(), ..Extracted::default() };
        settle(Format::Pdf, name, &mut extracted);
        assert_eq!(extracted.title.as_deref(), expected, "{declared:?} of {name:?}");
    }

    #[test]
    fn a_declared_title_is_taken_when_the_text_or_the_name_says_the_same() {
        let text = [(false, "Règlement intérieur de la médiathèque, adopté le 3 mai 2019.")];
        check("Règlement de la mediatheque", "a.pdf", &text, Some("Règlement de la mediatheque"));
        check("Microsoft Word - Règlement intérieur.docx", "a.pdf", &text, Some("Règlement intérieur"));
        check("Tarifs de la piscine", "a.pdf", &text, None);
        check("Tarifs de la piscine", "tarifs-piscine.pdf", &text, Some("Tarifs de la piscine"));
        check("年度报告", "a.pdf", &[(false, "公司年度报告摘要")], Some("年度报告"));
    }

    #[test]
    fn the_title_of_a_template_is_not_that_of_the_minutes_made_from_it() {
        let minutes = "Conseil municipal du 13 mars 2014 à 18 heures. Présents : Anne Martin.";
        check("Conseil municipal du 14 mars 2008", "cr.odt", &[(true, minutes)], Some(minutes));
        check("Conseil municipal du 14 mars 2008", "cr.odt", &[(false, minutes)], None);
        check("Conseil municipal du 14 mars", "cr.odt", &[(false, minutes)], None);
        let kept = "Conseil municipal du 13 mars 2014";
        check(kept, "cr.odt", &[(false, minutes)], Some(kept));
    }

    #[test]
    fn letterheads_scanners_and_programs_name_no_document() {
        let act =
            [(false, "RÉPUBLIQUE FRANÇAISE"), (true, "Alpes-de-Haute-Provence"), (false, "Délibération 9")];
        check("REPUBLIQUE FRANCAISE", "D09 eglise.doc", &act, None);
        check("10k 7A1.tif", "menu.pdf", &[(false, "Menu de la semaine")], None);
        check("(Quiche.tif)", "menu.pdf", &[(false, "Menu : quiche")], None);
        check("Scan_0012.tif", "menu.pdf", &[], None);
        check("Modèle", "rapport.odt", &[(true, "1. Droits"), (false, "Aucun.")], None);
        check("Document1", "menu.pdf", &[(true, "Menu"), (false, "Soupe")], Some("Menu"));
    }

    #[test]
    fn titles_of_other_formats_stay_as_they_are() {
        let mut page = Extracted { title: Some("Accueil.doc".to_owned()), ..Extracted::default() };
        settle(Format::Html, "a.html", &mut page);
        assert_eq!(page.title.as_deref(), Some("Accueil.doc"));
    }
}

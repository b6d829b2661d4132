//! Is a PDF read in the order in which a person reads it, with its pages, tables, remarks and attached files?

use intramuros_core::document::{BlockKind, Extracted, Limits};

use crate::data;

fn read(name: &str) -> Option<Extracted> {
    let bytes = data::document(name)?;
    Some(intramuros_ingest::extract(name, &bytes, &Limits::default()).unwrap())
}

/// The block that contains a text.
fn block<'e>(read: &'e Extracted, text: &str) -> &'e intramuros_core::document::Block {
    read.blocks
        .iter()
        .find(|block| block.text.contains(text))
        .unwrap_or_else(|| panic!("no {text:?} in {}", read.text()))
}

#[test]
fn pages_and_sentences_are_kept() {
    let Some(read) = read("program_design_in_the_unix_environment.pdf") else { return };
    assert_eq!(read.pages, Some(7));
    assert_eq!(block(&read, "Much of the power of the UNIX operating system").place.page, Some(1));
    assert!(read.blocks.iter().all(|block| block.place.page.is_some_and(|page| (1..=7).contains(&page))));
    // Words cut at the end of a line are whole again, compound words keep their hyphen.
    assert!(read.text().contains("general-purpose constructs"), "{}", read.text());
    assert!(!read.text().contains('\u{fffd}'));
}

#[test]
fn tables_have_rows_and_columns() {
    let Some(read) = read("tiny.pdf") else { return };
    let header = block(&read, "Celsius");
    assert_eq!(header.kind, BlockKind::TableRow { table: 0, header: true });
    assert_eq!(header.text, "Name | Celsius | Fahrenheit");
    assert_eq!(block(&read, "Body Temperature").text, "Body Temperature | 37 | 98.6");
}

#[test]
fn headings_stand_out() {
    let Some(read) = read("mid_test.pdf") else { return };
    assert_eq!(block(&read, "1 Introduction").kind, BlockKind::Heading { level: 1 });
}

#[test]
fn rotated_pages_read_like_upright_ones() {
    let (Some(upright), Some(rotated)) = (read("tika_testPDF.pdf"), read("tika_testPDF_rotated.pdf")) else {
        return;
    };
    let words = |read: &Extracted| read.text().split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(words(&upright), words(&rotated));
    assert_eq!(upright.author.as_deref(), Some("Bertrand Delacrétaz"));
}

#[test]
fn attached_files_are_parts() {
    let Some(read) = read("tika_testPDFPackage.pdf") else { return };
    let names: Vec<&str> = read.parts.iter().map(|part| part.name.as_str()).collect();
    assert_eq!(names, ["PDF1.pdf", "PDF2.pdf"]);
    assert!(read.parts.iter().all(|part| part.outcome.is_ok()));
}

#[test]
fn an_empty_password_opens() {
    let Some(read) = read("enc_testPDF_protected.pdf") else { return };
    assert_eq!(read.pages, Some(41));
    assert!(read.text().contains("financial network"));
}

#[test]
fn scanned_pages_are_drawn_for_ocr_or_named() {
    let Some(bytes) = data::document("image_only_german_pdf.pdf") else { return };
    let two = Limits { pictures: 2, ..Limits::default() };
    let read = intramuros_ingest::extract("scan.pdf", &bytes, &two).unwrap();
    assert_eq!(read.pictures.iter().map(|picture| picture.page).collect::<Vec<_>>(), [Some(1), Some(2)]);
    assert_eq!(read.warnings, ["text in pictures, not read by OCR, on page 3"]);
    let none = Limits { pictures: 0, ..Limits::default() };
    let error = intramuros_ingest::extract("scan.pdf", &bytes, &none).unwrap_err();
    assert_eq!(error.to_string(), "needs OCR: only pictures of text on pages 1 to 3");
}

fn corpus(name: &str) -> Extracted {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(name);
    intramuros_ingest::extract(name, &std::fs::read(path).unwrap(), &Limits::default()).unwrap()
}

#[test]
fn columns_are_read_one_after_the_other() {
    let read = corpus("two-columns.pdf");
    let texts: Vec<&str> = read.blocks.iter().map(|block| block.text.as_str()).collect();
    assert_eq!(
        texts,
        [
            "Règlement intérieur",
            "Une ligne qui traverse les deux colonnes de la page, du bord gauche jusqu'au bord droit.",
            "La commune tient un registre des décisions du conseil. Chaque décision porte un numéro et une date. Le maire \
             signe le procès-verbal. Les habitants peuvent le consulter à la mairie, aux heures d'ouverture habituelles \
             du service, sans rendez-vous préalable. Une copie est remise contre le paiement des frais. Les archives \
             anciennes se lisent sur place. Aucune copie ne quitte la salle de lecture sans accord écrit de \
             l'archiviste municipal.",
            "Fait à Brest, le trois mars, en deux exemplaires, pour valoir ce que de droit, entre les deux parties.",
            "Anne: À relire avant la séance",
        ]
    );
    assert_eq!(read.blocks[0].kind, BlockKind::Heading { level: 1 });
    assert_eq!(read.blocks[4].kind, BlockKind::Comment);
}

#[test]
fn filled_fields_are_found() {
    let read = corpus("form-field.pdf");
    assert_eq!(block(&read, "Jeanne Moulin").text, "name: Jeanne Moulin");
}

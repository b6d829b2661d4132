//! Is a PDF read in the order in which a person reads it, with its pages, tables, remarks and attached files?

use intramuros_core::document::{BlockKind, Extracted, Limits, PageWish};

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
    assert_eq!(error.to_string(), "needs OCR: only pictures of text on pages 1–3");
}

fn corpus(name: &str) -> Extracted {
    let path = intramuros_testkit::package_folder(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(name);
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

/// Looks at a page, without its picture.
fn marks(bytes: &[u8], page: u32, mark: &str) -> Vec<[f32; 4]> {
    let wish = PageWish { page, width: None, marks: vec![mark.to_owned()] };
    intramuros_ingest::pdf::look(bytes, &wish).unwrap().marks
}

#[test]
fn what_was_read_is_found_on_its_page() {
    let names = [
        "program_design_in_the_unix_environment.pdf",
        "sample_contract.pdf",
        "tiny.pdf",
        "mid_test.pdf",
        "tika_testPDF_rotated.pdf",
        "code_and_formula.pdf",
    ];
    let (mut found, mut all) = (0, 0);
    for name in names {
        let Some(bytes) = data::document(name) else { return };
        let read = intramuros_ingest::extract(name, &bytes, &Limits::default()).unwrap();
        for block in read.blocks.iter().filter(|block| block.text.chars().count() > 12) {
            let marks = marks(&bytes, block.place.page.unwrap(), &block.text);
            let inside = |[left, top, width, height]: [f32; 4]| {
                left >= 0.0 && top >= 0.0 && left + width <= 1.001 && top + height <= 1.001 && width > 0.0
            };
            assert!(marks.iter().copied().all(inside), "{name}: {marks:?}");
            all += 1;
            found += usize::from(!marks.is_empty());
        }
    }
    assert!(found * 100 >= all * 98, "{found} of {all} blocks are found on their page");
}

#[test]
fn a_passage_is_marked_in_its_own_column() {
    let bytes = include_bytes!("../corpus/two-columns.pdf");
    let read = intramuros_ingest::extract("two-columns.pdf", bytes, &Limits::default()).unwrap();
    let longest = read.blocks.iter().max_by_key(|block| block.text.len()).unwrap();
    let marks = marks(bytes, 1, &longest.text);
    assert!(marks.len() > 1, "{marks:?}");
    assert!(marks.iter().all(|[_, _, width, _]| *width < 0.55), "no mark spans both columns: {marks:?}");
}

#[test]
fn a_page_is_drawn_as_wide_as_it_is_wanted() {
    let bytes = include_bytes!("../corpus/two-columns.pdf");
    let pool = data::pool(Limits::default());
    let wish = PageWish { page: 1, width: Some(600), marks: Vec::new() };
    let look = pool.look(bytes, &wish).unwrap();
    assert!(look.picture.starts_with(b"\x89PNG"));
    let number = |at: usize| u32::from_be_bytes(look.picture[at..at + 4].try_into().unwrap());
    let height = (600.0 * look.height / look.width).round() as u32;
    assert_eq!((number(16), number(20)), (600, height));
    // The worker goes on reading, and a page that is not there is an error of that page alone.
    assert_eq!(pool.look(bytes, &PageWish { page: 9, ..wish }).unwrap_err().word(), "unreadable");
    assert_eq!(pool.extract("two-columns.pdf", bytes).unwrap().pages, Some(1));
}

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

/// A PDF of these pages in Helvetica, with the annotations of each page, other objects (numbered from 4 on) and entries of
/// its catalogue.
fn made(pages: &[String], annotations: &str, objects: &[&str], catalogue: &str) -> Vec<u8> {
    let first = 4 + objects.len();
    let kids: Vec<String> = (0..pages.len()).map(|index| format!("{} 0 R", first + 2 * index)).collect();
    let mut all = vec![
        format!("<</Type/Catalog/Pages 2 0 R{catalogue}>>"),
        format!("<</Type/Pages/Kids[{}]/Count {}>>", kids.join(" "), pages.len()),
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>".to_owned(),
    ];
    all.extend(objects.iter().map(|object| (*object).to_owned()));
    for (index, contents) in pages.iter().enumerate() {
        all.push(format!(
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F1 3 0 R>>>>/Contents {} 0 R\
             /Annots[{annotations}]>>",
            first + 2 * index + 1
        ));
        all.push(stream("", contents));
    }
    file(&all)
}

/// A stream with these entries in its dictionary; each letter of its contents is a byte.
fn stream(entries: &str, contents: &str) -> String {
    format!("<<{entries}/Length {}>>\nstream\n{contents}\nendstream", contents.chars().count())
}

/// A PDF of these objects, numbered from 1 on; the first is its catalogue, each letter a byte.
fn file(objects: &[String]) -> Vec<u8> {
    let mut out = b"%PDF-1.7\n".to_vec();
    let mut places = Vec::new();
    for (number, object) in (1..).zip(objects) {
        places.push(out.len());
        let object = format!("{number} 0 obj\n{object}\nendobj\n");
        out.extend(object.chars().map(|letter| u8::try_from(u32::from(letter)).unwrap()));
    }
    let (table, size) = (out.len(), objects.len() + 1);
    out.extend(format!("xref\n0 {size}\n0000000000 65535 f \n").bytes());
    for place in places {
        out.extend(format!("{place:010} 00000 n \n").bytes());
    }
    out.extend(format!("trailer\n<</Size {size}/Root 1 0 R>>\nstartxref\n{table}\n%%EOF\n").bytes());
    out
}

/// Draws a text of this size at this place, counted from the lower left corner.
fn drawn(x: f32, y: f32, size: f32, text: &str) -> String {
    format!("BT /F1 {size} Tf 1 0 0 1 {x} {y} Tm ({text}) Tj ET\n")
}

/// Draws pieces of text with the gaps between them, at this height.
fn spaced(y: u32, shown: &str) -> String {
    format!("BT /F1 10 Tf 1 0 0 1 72 {y} Tm {shown} TJ ET\n")
}

/// Reads a made page without annotations.
fn read_page(contents: String) -> Extracted {
    intramuros_ingest::extract("made.pdf", &made(&[contents], "", &[], ""), &Limits::default()).unwrap()
}

fn texts(read: &Extracted) -> Vec<&str> {
    read.blocks.iter().map(|block| block.text.as_str()).collect()
}

/// Borders between columns, and a grid of lines along them and these rows, drawn in one of four ways.
const COLUMNS: [f32; 4] = [72.0, 250.0, 350.0, 500.0];

fn ruled(rows: &[f32], way: usize) -> String {
    let (left, right) = (COLUMNS[0], COLUMNS[3]);
    let (top, bottom) = (rows[0], rows[rows.len() - 1]);
    let mut out = String::new();
    match way {
        0 => {
            rows.iter().for_each(|y| out += &format!("{left} {y} m {right} {y} l S\n"));
            COLUMNS.iter().for_each(|x| out += &format!("{x} {top} m {x} {bottom} l S\n"));
        }
        // As word processors do: thin boxes.
        1 => {
            rows.iter().for_each(|y| out += &format!("{left} {y} {} 0.5 re f\n", right - left));
            COLUMNS.iter().for_each(|x| out += &format!("{x} {bottom} 0.5 {} re f\n", top - bottom));
        }
        // A frame around each cell, or a ground.
        _ => {
            let paint = if way == 2 { "S" } else { "f" };
            for pair in rows.windows(2) {
                for sides in COLUMNS.windows(2) {
                    let (wide, high) = (sides[1] - sides[0], pair[0] - pair[1]);
                    out += &format!("0.9 g {} {} {wide} {high} re {paint} 0 g\n", sides[0], pair[1]);
                }
            }
        }
    }
    out
}

#[test]
fn cells_of_ruled_tables_have_several_lines() {
    for way in 0..4 {
        let mut page = ruled(&[700.0, 660.0, 602.0, 545.0], way);
        for (y, cells) in [(675.0, ["Critère", "Priorité", "État"]), (622.0, ["", "Prioritaire", "Validé"])]
        {
            // The second ends close to the line, behind which the third begins.
            for (x, text) in [80.0, 305.0, 352.0].into_iter().zip(cells) {
                page += &drawn(x, y, 10.0, text);
            }
        }
        page += &drawn(80.0, 628.0, 10.0, "Le service a-t-il été évalué");
        page += &drawn(80.0, 616.0, 10.0, "en termes d'utilité ?");
        page += &drawn(80.0, 570.0, 10.0, "Un référent est-il nommé ?");
        page += &drawn(258.0, 576.0, 10.0, "Recom-");
        page += &drawn(258.0, 564.0, 10.0, "mandé");
        page += &drawn(352.0, 570.0, 10.0, "Non validé");
        page += &drawn(72.0, 760.0, 10.0, "Ce qui suit est un tableau dont les lignes sont tracées.");
        let read = read_page(page);
        assert_eq!(
            texts(&read),
            [
                "Ce qui suit est un tableau dont les lignes sont tracées.",
                "Critère | Priorité | État",
                "Le service a-t-il été évalué en termes d'utilité ? | Prioritaire | Validé",
                "Un référent est-il nommé ? | Recommandé | Non validé",
            ],
            "way {way}"
        );
        assert!(matches!(read.blocks[2].kind, BlockKind::TableRow { table: 0, .. }), "{:?}", read.blocks[2]);
    }
}

#[test]
fn marked_words_are_no_table() {
    let mut page = String::new();
    for (index, (line, from, wide)) in [
        ("Le conseil fixe le tarif de la cantine et du", 130.0, 60.0),
        ("transport pour l'année. Il entend le rapport", 72.0, 80.0),
        ("de la commission des finances, puis il vote", 200.0, 45.0),
        ("le budget de la commune et de ses services.", 110.0, 70.0),
    ]
    .into_iter()
    .enumerate()
    {
        let y = 700.0 - 14.0 * index as f32;
        // Two grounds side by side on each line, each with its own width.
        for from in [from, from + wide] {
            page += &format!("0.9 g {from} {} {wide} 14 re f 0 g\n", y - 4.0);
        }
        page += &drawn(72.0, y, 10.0, line);
    }
    assert_eq!(
        texts(&read_page(page)),
        [
            "Le conseil fixe le tarif de la cantine et du transport pour l'année. Il entend le rapport de la commission \
          des finances, puis il vote le budget de la commune et de ses services."
        ]
    );
}

#[test]
fn a_row_of_a_ruled_table_is_found_on_its_page() {
    let mut page = ruled(&[700.0, 640.0, 580.0], 0);
    for (y, cells) in
        [(670.0, ["Le délai de réponse", "Deux", "Mois"]), (610.0, ["Le recours gracieux", "Un", "An"])]
    {
        for (x, text) in [80.0, 258.0, 358.0].into_iter().zip(cells) {
            page += &drawn(x, y, 10.0, text);
        }
    }
    page += &drawn(80.0, 658.0, 10.0, "est compté dès la réception");
    let bytes = made(&[page], "", &[], "");
    let found = marks(&bytes, 1, "Le délai de réponse est compté dès la réception | Deux | Mois");
    // Two lines of the first cell, and one of each other.
    assert_eq!(found.len(), 4, "{found:?}");
}

#[test]
fn rows_that_only_columns_are_ruled_around_are_read_one_by_one() {
    let mut page = ruled(&[700.0, 670.0, 560.0], 0);
    let rows = [
        (680.0, ["Article", "Quantité", "Montant"]),
        (655.0, ["Vis", "12", "4,50"]),
        (640.0, ["Clous", "30", "2,10"]),
        (625.0, ["Colle", "45", "9,90"]),
        (610.0, ["Peinture", "-", "-"]),
    ];
    for (y, cells) in rows {
        for (x, text) in [80.0, 258.0, 358.0].into_iter().zip(cells) {
            page += &drawn(x, y, 10.0, text);
        }
    }
    let read = read_page(page);
    assert_eq!(
        texts(&read),
        [
            "Article | Quantité | Montant",
            "Vis | 12 | 4,50",
            "Clous | 30 | 2,10",
            "Colle | 45 | 9,90",
            "Peinture | - | -"
        ]
    );
}

#[test]
fn a_ruled_header_is_kept_once() {
    let page = |number: u32| {
        let mut page = ruled(&[820.0, 800.0, 780.0], 0);
        page += &drawn(80.0, 805.0, 10.0, "Mairie de Brest");
        page += &drawn(358.0, 805.0, 10.0, &format!("Page {number}"));
        page += &drawn(80.0, 785.0, 10.0, "Service");
        page += &drawn(358.0, 785.0, 10.0, "Urbanisme");
        let words = ["premier", "second", "troisième"][number as usize - 1];
        for line in 0..8 {
            page +=
                &drawn(72.0, 700.0 - 40.0 * line as f32, 10.0, &format!("Le {words} point, alinéa {line}."));
        }
        page
    };
    let bytes = made(&[page(1), page(2), page(3)], "", &[], "");
    let read = intramuros_ingest::extract("made.pdf", &bytes, &Limits::default()).unwrap();
    assert_eq!(read.text().matches("Urbanisme").count(), 1, "{}", read.text());
    assert_eq!(read.text().matches("alinéa").count(), 24);
}

/// Pay slips, invoices: the same small table on each page, with other figures.
#[test]
fn small_tables_that_differ_in_their_figures_are_all_kept() {
    let page = |number: u32| {
        let mut page = ruled(&[820.0, 800.0, 780.0], 0);
        page += &drawn(80.0, 805.0, 10.0, "Salaire");
        page += &drawn(358.0, 805.0, 10.0, &format!("{number}310,45"));
        page += &drawn(80.0, 785.0, 10.0, "Heures");
        page + &drawn(358.0, 785.0, 10.0, &format!("15{number}"))
    };
    let pages: Vec<String> = (1..=5).map(page).collect();
    let text = intramuros_ingest::extract("made.pdf", &made(&pages, "", &[], ""), &Limits::default());
    let text = text.unwrap().text();
    for number in 1..=5 {
        assert!(text.contains(&format!("{number}310,45")) && text.contains(&format!("15{number}")), "{text}");
    }
}

#[test]
fn a_note_begins_with_its_raised_mark() {
    let mut page = String::new();
    for (number, y, note) in
        [(1, 100.0, "Pour les associations inscrites."), (2, 85.0, "Cochez la case qui vous concerne.")]
    {
        page += &drawn(72.0, y + 4.0, 6.0, &number.to_string());
        page += &drawn(90.0, y, 10.0, note);
    }
    let text = read_page(page).text();
    assert!(text.contains("1 Pour les associations inscrites."), "{text}");
    assert!(text.contains("2 Cochez la case qui vous concerne."), "{text}");
}

#[test]
fn entries_of_a_list_of_contents_stand_alone() {
    let entries = [("1 Objet", 60, "3"), ("2 Durée", 60, "5"), ("3 Litiges", 58, "12")];
    let page = entries.iter().enumerate().map(|(index, (title, dots, number))| {
        let text = format!("{title} {} {number}", ".".repeat(*dots));
        drawn(72.0, 700.0 - 14.0 * index as f32, 10.0, &text)
    });
    assert_eq!(texts(&read_page(page.collect())), ["1 Objet … 3", "2 Durée … 5", "3 Litiges … 12"]);
}

#[test]
fn choices_in_forms_are_told_in_words() {
    let objects = [
        "<</Subtype/Widget/FT/Ch/T(commune)/V(29019)/Opt[[(35238)(Rennes)][(29019)(Brest)]]/Rect[90 690 200 710]>>",
        "<</FT/Btn/Ff 49152/T(situation)/V/Mari#E9e/Kids[6 0 R 7 0 R]>>",
        "<</Subtype/Widget/Parent 5 0 R/AS/Mari#E9e/Rect[90 660 100 670]>>",
        "<</Subtype/Widget/Parent 5 0 R/AS/Off/Rect[90 640 100 650]>>",
        "<</Subtype/Widget/FT/Btn/T(accord)/V/Oui/AS/Oui/Rect[90 620 100 630]>>",
        "<</Subtype/Widget/FT/Btn/T(refus)/V/Off/AS/Off/Rect[90 600 100 610]>>",
    ];
    // The first was taken away from the file, but not from the list.
    let annotations = "99 0 R 4 0 R 6 0 R 7 0 R 8 0 R 9 0 R";
    let bytes = made(&[drawn(72.0, 760.0, 10.0, "Demande")], annotations, &objects, "");
    let read = intramuros_ingest::extract("made.pdf", &bytes, &Limits::default()).unwrap();
    assert_eq!(texts(&read), ["Demande", "commune: Brest", "situation: Mariée", "accord"]);
}

#[test]
fn settings_of_the_program_that_made_it_are_no_attachment() {
    let objects = [
        "<</Type/Filespec/F(Druck.joboptions)/EF<</F 5 0 R>>>>",
        "<</Length 9>>\nstream\n/Compress\nendstream",
        "<</Type/Filespec/F(note.txt)/EF<</F 7 0 R>>>>",
        "<</Length 18>>\nstream\nLe conseil siège.\n\nendstream",
    ];
    let catalogue = "/Names<</EmbeddedFiles<</Names[(a)4 0 R(b)6 0 R]>>>>";
    let bytes = made(&[drawn(72.0, 760.0, 10.0, "Demande")], "", &objects, catalogue);
    let read = intramuros_ingest::extract("made.pdf", &bytes, &Limits::default()).unwrap();
    let names: Vec<&str> = read.parts.iter().map(|part| part.name.as_str()).collect();
    assert_eq!(names, ["note.txt"]);
}

/// Reads a page whose font, object 5, is this one, with more objects from 6 on.
fn read_set_in(font: &str, objects: &[String], contents: &str) -> Extracted {
    let mut all = vec![
        "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
        "<</Type/Pages/Kids[3 0 R]/Count 1>>".to_owned(),
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F1 5 0 R>>>>/Contents 4 0 R>>"
            .to_owned(),
        stream("", contents),
        font.to_owned(),
    ];
    all.extend(objects.iter().cloned());
    intramuros_ingest::extract("made.pdf", &file(&all), &Limits::default()).unwrap()
}

#[test]
fn damaged_pages_are_read_up_to_the_damage_and_told() {
    let lines = |name: &str| -> String {
        let line = |line: u32| {
            let text = format!("{name}, article {line}, fait le {} en mairie.", line * line * 7919 % 1000);
            drawn(72.0, 800.0 - 14.0 * line as f32, 10.0, &text)
        };
        (1..=50).map(line).collect()
    };
    let packed = |text: &str| -> Vec<u8> {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        std::io::Write::write_all(&mut encoder, text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let in_letters = |bytes: &[u8]| -> String { bytes.iter().copied().map(char::from).collect() };
    let page = |contents: &str| {
        format!("<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F1 3 0 R>>>>{contents}>>")
    };
    let (whole, cut) = (packed(&lines("Registre")), packed(&lines("Annexe")));
    let read = |pages: &[&str]| {
        let kids: Vec<String> = (0..pages.len()).map(|index| format!("{} 0 R", 6 + index)).collect();
        let mut all = vec![
            "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
            format!("<</Type/Pages/Kids[{}]/Count {}>>", kids.join(" "), pages.len()),
            "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>".to_owned(),
            stream("/Filter/FlateDecode", &in_letters(&whole)),
            stream("/Filter/FlateDecode", &in_letters(&cut[..cut.len() / 2])),
        ];
        all.extend(pages.iter().map(|contents| page(contents)));
        intramuros_ingest::extract("made.pdf", &file(&all), &Limits::default())
    };
    // The second names what isn't in the file, the fourth draws nothing, the fifth has one of its two pieces.
    let outcome =
        read(&["/Contents 4 0 R", "/Contents 99 0 R", "/Contents 5 0 R", "", "/Contents[4 0 R 99 0 R]"])
            .unwrap();
    assert_eq!(
        outcome.warnings,
        [
            "corrupt: page 2 can't be read; left out",
            "corrupt: pages 3, 5 can't be read to the end; what stands before the damage was read",
        ]
    );
    let text = outcome.text();
    assert!(text.contains("Registre, article 50,") && text.contains("Annexe, article 2,"), "{text}");
    assert!(!text.contains("Annexe, article 50,"), "{text}");
    assert_eq!(read(&["/Contents 4 0 R", ""]).unwrap().warnings, [""; 0]);
    let error = read(&["/Contents 99 0 R"]).unwrap_err();
    assert_eq!(error.to_string(), "corrupt: page 1 can't be read");
}

#[test]
fn words_are_parted_as_they_are_seen() {
    let page = [
        // A squeezed line, and a spaced title with the same gaps.
        spaced(700, "[(Le)-160(conseil)-160(vote)-160(le)-160(budget)]"),
        spaced(650, "[(B)-150(U)-150(D)-150(G)-150(E)-150(T)]"),
        // A space under the letter before it, as programs leave it where two letters became one.
        spaced(600, "[(La comm)400( )-122(une)]"),
    ];
    assert_eq!(texts(&read_page(page.concat())), ["Le conseil vote le budget", "BUDGET", "La commune"]);
}

#[test]
fn a_space_that_its_font_names_by_a_number_is_one() {
    let map = "/CIDInit /ProcSet findresource begin begincmap 1 begincodespacerange <00> <ff> endcodespacerange \
               1 beginbfchar <20> <0007> endbfchar 1 beginbfrange <21> <7e> <0021> endbfrange endcmap end";
    let font = "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding/ToUnicode 6 0 R>>";
    let contents = drawn(72.0, 700.0, 10.0, "Le conseil vote le budget");
    let read = read_set_in(font, &[stream("", map)], &contents);
    assert_eq!(texts(&read), ["Le conseil vote le budget"]);
}

#[test]
fn words_stay_whole_in_fonts_that_the_file_does_not_hold() {
    // All letters are equally wide; those of the font that stands in are not.
    let font = format!(
        "<</Type/Font/Subtype/TrueType/BaseFont/Inconnue/Encoding/WinAnsiEncoding/FirstChar 32/LastChar 126\
         /Widths[{}]/FontDescriptor 6 0 R>>",
        "500 ".repeat(95)
    );
    let descriptor = "<</Type/FontDescriptor/FontName/Inconnue/Flags 32/FontBBox[0 -200 1000 800]/ItalicAngle 0\
                      /Ascent 800/Descent -200/CapHeight 700/StemV 80>>";
    let contents = drawn(72.0, 700.0, 10.0, "MONTANT DU MARCHE");
    let read = read_set_in(&font, &[descriptor.to_owned()], &contents);
    assert_eq!(texts(&read), ["MONTANT DU MARCHE"]);
}

#[test]
fn accents_drawn_by_themselves_belong_to_their_letters() {
    let page = [
        // Before its letter, behind its letter, and typed for an apostrophe.
        spaced(700, "[(Le d\u{b4})444(ecret)]"),
        spaced(650, "[(une cl)-20(e)444(\u{b4})-112( de vo\u{fb}te)]"),
        spaced(600, "[(de l\u{b4}ann\u{e9}e)]"),
    ];
    assert_eq!(texts(&read_page(page.concat())), ["Le décret une clé de voûte de l´année"]);
}

#[test]
fn what_slides_say_in_large_letters_is_no_heading() {
    let mut page = drawn(72.0, 780.0, 24.0, "Les effets");
    page += &drawn(72.0, 752.0, 24.0, "constatés dans les communes");
    page += &drawn(72.0, 700.0, 16.0, "\\225 Une réponse en dix jours");
    page += &drawn(72.0, 650.0, 16.0, "Chaque année, la commune publie ce que le service coûte.");
    for line in 0..12 {
        page += &drawn(
            72.0,
            500.0 - 14.0 * line as f32,
            10.0,
            "Le conseil délibère sur le budget de la commune,",
        );
    }
    let read = read_page(page);
    assert_eq!(block(&read, "Les effets").text, "Les effets constatés dans les communes");
    assert_eq!(block(&read, "Les effets").kind, BlockKind::Heading { level: 1 });
    assert_eq!(block(&read, "dix jours").kind, BlockKind::ListItem { depth: 0 });
    assert_eq!(block(&read, "Chaque année").kind, BlockKind::Paragraph);
}

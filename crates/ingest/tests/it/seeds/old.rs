//! What is in the old office files and the Outlook message: streams of compound files, built record by record?

use intramuros_ingest::Format;

use super::{Content, Member, PHRASE, Seed, content, joined, le16, le32, member};
use crate::mail::{table, wide};
use crate::show::{blocks, check, read};

/// Formats of a DOC file are kept in pages of this size, which number its bytes too.
const PAGE: usize = 512;

/// Where the text of the DOC file starts: behind two pages for its header.
const TEXT_AT: u32 = 1024;

/// The seeds that are compound files.
pub fn seeds() -> Vec<Seed> {
    let seed = |name, format, streams| Seed { name, format, content: Content::Compound(streams) };
    vec![
        seed("a.doc", Format::Ole, document()),
        seed("a.xls", Format::Ole, workbook()),
        seed("a95.xls", Format::Ole, workbook_95()),
        seed("a.ppt", Format::Ole, slides()),
        seed("a.msg", Format::Msg, message()),
    ]
}

/// Writes bytes over others.
pub fn put(bytes: &mut [u8], at: usize, new: &[u8]) {
    bytes[at..at + new.len()].copy_from_slice(new);
}

/// Word 97: a heading, a paragraph, a table of one row, a footnote.
fn document() -> Vec<Member> {
    document_under("")
}

/// The same with text boxes in its headers.
fn document_under(letterhead: &str) -> Vec<Member> {
    let body = format!("Titre\r{PHRASE}.\rA\u{7}B\u{7}\u{7}Note\u{2} fin\r");
    let note = " bas de page\r";
    let text = format!("{body}{note}{letterhead}");
    let (body, note, all) = (body.len() as u32, note.len() as u32, text.len() as u32);
    let reference = text.find('\u{2}').unwrap() as u32;
    let mut main = vec![0_u8; 5 * PAGE];
    put(&mut main, 0, &le16(&[0xa5ec, 0xc1]));
    // The tables stand in the stream 1Table.
    put(&mut main, 10, &le16(&[0x0200]));
    put(&mut main, 0x4c, &le32(&[body, note, 0, 0, 0, 0, 0, letterhead.len() as u32]));
    put(&mut main, TEXT_AT as usize, text.as_bytes());
    put(&mut main, 3 * PAGE, &paragraph_formats(&text));
    put(&mut main, 4 * PAGE, &character_formats(all));
    // One piece, one byte a character.
    let pieces = joined(&[&le32(&[0, all]), &le16(&[0]), &le32(&[0x4000_0000 | (TEXT_AT * 2)]), &le16(&[0])]);
    let tables: [(usize, Vec<u8>); 5] = [
        (33, joined(&[&[2], &le32(&[pieces.len() as u32]), &pieces])),
        (2, joined(&[&le32(&[reference, body]), &le16(&[1])])),
        (3, le32(&[0, note, note + 1])),
        (13, le32(&[TEXT_AT, TEXT_AT + all, 3])),
        (12, le32(&[TEXT_AT, TEXT_AT + all, 4])),
    ];
    let mut stream = Vec::new();
    for (number, table) in tables {
        put(&mut main, 0x9a + 8 * number, &le32(&[stream.len() as u32, table.len() as u32]));
        stream.extend(table);
    }
    vec![member("/WordDocument", main), member("/1Table", stream)]
}

/// Word 95: two pieces, the second one first in the file.
pub fn document_95() -> Vec<Member> {
    let (first, second) = ("Fax du \u{13}DATE jj\u{14}3 mai\u{15}\r", "Le conseil\r");
    let (one, two, start) = (first.len() as u32, second.len() as u32, PAGE as u32);
    let mut main = vec![0_u8; PAGE];
    put(&mut main, 0, &le16(&[0xa5dc, 101]));
    put(&mut main, 10, &le16(&[0x0004]));
    let piece = |at: u32| joined(&[&le16(&[0]), &le32(&[at]), &le16(&[0])]);
    let pieces = joined(&[&le32(&[0, one, one + two]), &piece(start + two), &piece(start)]);
    let table = joined(&[&[2], &le32(&[pieces.len() as u32]), &pieces]);
    put(&mut main, 0x160, &le32(&[start + one + two, table.len() as u32]));
    vec![member("/WordDocument", joined(&[&main, second.as_bytes(), first.as_bytes(), &table]))]
}

/// The first paragraph is a heading; one that ends in a cell's mark is a cell, one that is nothing else ends a row.
fn paragraph_formats(text: &str) -> Vec<u8> {
    let mut page = vec![0_u8; PAGE];
    let paragraphs: Vec<&str> = text.split_inclusive(['\r', '\u{7}']).collect();
    let count = paragraphs.len();
    let (mut byte, mut top) = (TEXT_AT, PAGE - 2);
    for (index, paragraph) in paragraphs.iter().enumerate() {
        put(&mut page, 4 * index, &le32(&[byte]));
        byte += paragraph.len() as u32;
        let mut changes = le16(&[u16::from(index == 0)]);
        if paragraph.ends_with('\u{7}') {
            changes.extend([0x16, 0x24, 1]);
        }
        if *paragraph == "\u{7}" {
            changes.extend([0x17, 0x24, 1]);
        }
        // Its size in words: one byte less than they hold, or a zero and all of them.
        let words = changes.len().div_ceil(2) as u8;
        let mut format = if changes.len() % 2 == 1 { vec![words] } else { vec![0, words] };
        format.extend(changes);
        top -= format.len();
        put(&mut page, top, &format);
        page[4 * (count + 1) + 13 * index] = (top / 2) as u8;
    }
    put(&mut page, 4 * count, &le32(&[byte]));
    page[PAGE - 1] = count as u8;
    page
}

/// One run of characters, which says that it is not hidden.
fn character_formats(all: u32) -> Vec<u8> {
    let mut page = vec![0_u8; PAGE];
    put(&mut page, 0, &le32(&[TEXT_AT, TEXT_AT + all]));
    page[8] = 250;
    put(&mut page, 500, &[3, 0x3c, 0x08, 0]);
    page[PAGE - 1] = 1;
    page
}

/// A record of a workbook.
pub fn record(kind: u16, data: &[u8]) -> Vec<u8> {
    joined(&[&le16(&[kind, data.len() as u16]), data])
}

/// Excel 97: shared texts over two records, numbers in all forms, formulas, a comment.
fn workbook() -> Vec<Member> {
    let begin = |kind: u16| record(0x809, &le16(&[0x600, kind, 0, 0, 0, 0, 0, 0]));
    let text = |text: &str| joined(&[&le16(&[text.len() as u16]), &[0], text.as_bytes()]);
    let cell = |kind: u16, place: [u16; 3], value: &[u8]| record(kind, &joined(&[&le16(&place), value]));
    let whole = |number: u32| le32(&[number << 2 | 2]);
    let globals = |sheet: u32| {
        joined(&[
            &begin(5),
            &record(0x22, &[0, 0]),
            &record(0x41e, &joined(&[&le16(&[164]), &text("0.00")])),
            &record(0xe0, &[0; 20]),
            &record(0xe0, &joined(&[&le16(&[0, 164]), &[0; 16]])),
            &record(0x85, &joined(&[&le32(&[sheet]), &[0, 0, 6, 0], b"Budget"])),
            &record(0xfc, &joined(&[&le32(&[2, 2]), &text(PHRASE)])),
            &record(0x3c, &text("Montant")),
            &record(0x0a, &[]),
        ])
    };
    let sheet = joined(&[
        &begin(0x10),
        &cell(0xfd, [0, 0, 0], &le32(&[0])),
        &cell(0xfd, [0, 1, 0], &le32(&[1])),
        &cell(0x203, [1, 0, 1], &12.5_f64.to_le_bytes()),
        &cell(0x27e, [1, 1, 1], &whole(42)),
        &cell(0xbd, [2, 0, 0], &joined(&[&whole(1), &le16(&[0]), &whole(7), &le16(&[1])])),
        &cell(0x06, [3, 0, 0], &joined(&[&[0, 0, 0, 0, 0, 0, 0xff, 0xff], &[0; 8]])),
        &record(0x207, &text("formule")),
        &cell(0x205, [3, 1, 0], &[1, 0]),
        &record(0x5d, &joined(&[&le16(&[0x15, 18, 0x19, 1]), &[0; 14]])),
        &record(0x1b6, &joined(&[&[0; 10], &le16(&[2]), &[0; 6]])),
        &record(0x3c, b"\0vu"),
        &record(0x1c, &le16(&[1, 1, 0, 1])),
        &record(0x0a, &[]),
    ]);
    let start = globals(0).len() as u32;
    vec![member("/Workbook", joined(&[&globals(start), &sheet]))]
}

/// Excel 95.
fn workbook_95() -> Vec<Member> {
    let begin = |kind: u16| record(0x809, &le16(&[0x500, kind, 0, 0]));
    let text = |column: u16, text: &str| {
        record(0x204, &joined(&[&le16(&[0, column, 0, text.len() as u16]), text.as_bytes()]))
    };
    let globals = |sheet: u32| {
        let name = record(0x85, &joined(&[&le32(&[sheet]), &[0, 0, 6], b"Budget"]));
        joined(&[&begin(5), &record(0x42, &le16(&[1252])), &name, &record(0x0a, &[])])
    };
    let sheet = joined(&[
        &begin(0x10),
        &record(0x200, &le16(&[0, 2, 0, 2, 0])),
        &text(0, PHRASE),
        &text(1, "Montant"),
        &record(0x203, &joined(&[&le16(&[1, 0, 0]), &12.5_f64.to_le_bytes()])),
        &record(0x27e, &joined(&[&le16(&[1, 1, 0]), &le32(&[42 << 2 | 2])])),
        &record(0x0a, &[]),
    ]);
    let start = globals(0).len() as u32;
    vec![member("/Book", joined(&[&globals(start), &sheet]))]
}

/// A record of a presentation that holds no others.
pub fn atom(kind: u16, data: &[u8]) -> Vec<u8> {
    joined(&[&le16(&[0, kind]), &le32(&[data.len() as u32]), data])
}

/// A record of a presentation that holds others.
pub fn container(kind: u16, instance: u16, inside: &[&[u8]]) -> Vec<u8> {
    let inside = joined(inside);
    joined(&[&le16(&[instance << 4 | 0xf, kind]), &le32(&[inside.len() as u32]), &inside])
}

/// A text of a presentation: what it is for (0 a title, 1 a point), and its characters.
pub fn outline_text(role: u32, text: &str) -> Vec<u8> {
    joined(&[&atom(0xf9f, &le32(&[role])), &atom(0xfa0, &wide(text))])
}

/// A slide in the list of a presentation: number 2 of its objects is the slide.
pub fn listed(object: u32, id: u32) -> Vec<u8> {
    atom(0x3f3, &le32(&[object, 0, 1, id, 0]))
}

/// A shape with text.
fn shape(inside: &[u8]) -> Vec<u8> {
    container(0xf004, 0, &[&container(0xf00d, 0, &[inside])])
}

/// A shape that shows the first text of the outline.
pub fn shape_from_outline() -> Vec<u8> {
    shape(&atom(0xf9e, &le32(&[0])))
}

/// PowerPoint 97: a slide with a title and a point from the outline and a box of text, and its notes.
fn slides() -> Vec<Member> {
    let outline = [listed(2, 256), outline_text(0, "Ordre du jour"), outline_text(1, PHRASE)].concat();
    let free = shape(&joined(&[&atom(0xf9f, &le32(&[4])), &atom(0xfa8, b"Texte libre")]));
    presentation(&outline, &joined(&[&shape_from_outline(), &free]))
}

/// A presentation with these slides and texts in its list, and one slide of these shapes with notes.
pub fn presentation(outline: &[u8], shapes: &[u8]) -> Vec<Member> {
    let lists = [container(0xff0, 0, &[outline]), container(0xff0, 2, &[&listed(3, 512)])].concat();
    let document = container(0x3e8, 0, &[&lists]);
    let group = container(0xf003, 0, &[shapes]);
    let drawing = container(0x40c, 0, &[&container(0xf002, 0, &[&group])]);
    let head = atom(0x3ef, &le32(&[0, 0, 0, 0, 512, 0]));
    let slide = container(0x3ee, 0, &[&head, &drawing]);
    let spoken = shape(&outline_text(2, "dire bonjour"));
    let notes = container(0x3f0, 0, &[&container(0x40c, 0, &[&spoken])]);

    let slide_at = document.len() as u32;
    let notes_at = slide_at + slide.len() as u32;
    let directory_at = notes_at + notes.len() as u32;
    let directory = atom(0x1772, &le32(&[3 << 20 | 1, 0, slide_at, notes_at]));
    let edit_at = directory_at + directory.len() as u32;
    let edit = atom(0xff5, &le32(&[256, 0, 0, directory_at, 1, 4, 0]));
    let user = atom(0xff6, &le32(&[20, 0xe391_c05f, edit_at, 0, 0]));
    vec![
        member("/Current User", user),
        member("/PowerPoint Document", joined(&[&document, &slide, &notes, &directory, &edit])),
    ]
}

/// Outlook: people, a text, a file that is attached, and a message whose text is packed RTF.
fn message() -> Vec<Member> {
    // The example of [MS-OXRTFCP] 4.1.1: "{\rtf1\ansi\ansicpg1252\pard hello world}\r\n".
    let packed =
        b"\x2d\x00\x00\x00\x2b\x00\x00\x00\x4c\x5a\x46\x75\xf1\xc5\xc7\xa7\x03\x00\x0a\x00\x72\x63\x70\x67\
        \x31\x32\x35\x42\x32\x0a\xf3\x20\x68\x65\x6c\x09\x00\x20\x62\x77\x05\xb0\x6c\x64\x7d\x0a\x80\x0f\xa0";
    let file = |name: &str| format!("/__attach_version1.0_#00000000/{name}");
    let inner = |name: &str| format!("/__attach_version1.0_#00000001/{name}");
    let person = |name: &str| format!("/__recip_version1.0_#00000000/{name}");
    vec![
        member(
            "/__properties_version1.0",
            table(32, &[(0x0039_0040, 133_537_447_200_000_000), (0x3FFD_0003, 1252)]),
        ),
        member("/__substg1.0_0037001F", wide("Congés")),
        member("/__substg1.0_0C1A001F", wide("Renée")),
        member("/__substg1.0_1000001E", PHRASE),
        member(&person("__properties_version1.0"), table(8, &[(0x0C15_0003, 2)])),
        member(&person("__substg1.0_3001001F"), wide("Bob")),
        member(&file("__properties_version1.0"), table(8, &[])),
        member(&file("__substg1.0_3707001F"), wide("note.txt")),
        member(&file("__substg1.0_37010102"), "La note."),
        member(&inner("__properties_version1.0"), table(8, &[])),
        member(&inner("__substg1.0_3001001F"), wide("Dedans")),
        member(&inner("__substg1.0_3701000D/__properties_version1.0"), table(24, &[])),
        member(&inner("__substg1.0_3701000D/__substg1.0_10090102"), packed),
    ]
}

#[test]
fn old_office_files_give_their_blocks() {
    let pack = |streams| Content::Compound(streams).pack();
    check(
        "a.doc",
        pack(document()),
        &["h1 Titre", &format!("p {PHRASE}."), "row A | B", "p Note fin", "note 1 bas de page"],
    );
    let header = format!("head:1[Budget] {PHRASE} | Montant");
    let rows = ["row:2[Budget] 12.50 | 42.00", "row:3[Budget] 1 | 7", "row:4[Budget] formule | TRUE"];
    let expected: [&str; 6] =
        ["h1[Budget] Budget", &header, rows[0], rows[1], rows[2], "remark:2[Budget] B2 vu"];
    check("a.xls", pack(workbook()), &expected);
    check("a.xls", pack(workbook_95()), &["h1[Budget] Budget", &header, "row:2[Budget] 12.5 | 42"]);
    check(
        "a.ppt",
        pack(slides()),
        &["h1 Ordre du jour", "p Texte libre", &format!("li0 {PHRASE}"), "remark dire bonjour"],
    );
}

#[test]
fn text_boxes_of_headers_stand_above_the_text_of_word_97() {
    let bytes = Content::Compound(document_under("Mairie\rMairie\r")).pack();
    let phrase = format!("p {PHRASE}.");
    let expected: [&str; 6] =
        ["p Mairie", "h1 Titre", &phrase, "row A | B", "p Note fin", "note 1 bas de page"];
    check("a.doc", bytes, &expected);
}

#[test]
fn a_bracket_of_word_97_may_stand_for_a_symbol() {
    let mut streams = document();
    let name = wide("Wingdings\0");
    let font = joined(&[&le16(&[1, 0]), &[39 + name.len() as u8], &[0; 39], &name]);
    let tables = content(&mut streams, "/1Table");
    let at = tables.len() as u32;
    tables.extend(&font);
    let main = content(&mut streams, "/WordDocument");
    put(main, 0x9a + 8 * 15, &le32(&[at, font.len() as u32]));
    put(main, TEXT_AT as usize, b"( oui");
    let bracket = read("a.doc", &Content::Compound(streams.clone()).pack()).unwrap();
    assert!(blocks(&bracket).starts_with("h1 ( oui\n"), "{}", blocks(&bracket));
    // The run of characters says: the character 0xf0a8 of the first font.
    put(content(&mut streams, "/WordDocument"), 4 * PAGE + 500, &[6, 0x09, 0x6a, 0, 0, 0xa8, 0xf0]);
    let symbol = read("a.doc", &Content::Compound(streams).pack()).unwrap();
    assert!(blocks(&symbol).starts_with("h1 ☐ oui\n"), "{}", blocks(&symbol));
}

#[test]
fn documents_of_word_95_in_pieces_are_put_together() {
    check("a.doc", Content::Compound(document_95()).pack(), &["p Fax du 3 mai", "p Le conseil"]);
}

//! Is what stands inside or beside the text of an office file read: embedded files, fields of forms, remarks, numbers?

use std::io::Write;

use intramuros_core::document::{ExtractError, Extracted};

use crate::mail::wide;
use crate::office::open_document;
use crate::seeds::old::{atom, container, document_95, put};
use crate::seeds::packages::record;
use crate::seeds::{Content, Member, PHRASE, content, joined, le16, le32, members};
use crate::show::{blocks, check, parts, read};

/// Formats of a DOC file are kept in pages of this size; its text starts behind two of them.
const PAGE: usize = 512;

/// A file that was dropped into a document, as OLE keeps it.
pub fn dropped(name: &str, bytes: &[u8]) -> Vec<u8> {
    let name = joined(&[name.as_bytes(), b"\0"]);
    let length = le32(&[name.len() as u32]);
    let content = joined(&[&le32(&[bytes.len() as u32]), bytes]);
    joined(&[&[0; 4], &le16(&[2]), &name, &name, &[0; 4], &length, &name, &content])
}

fn compound(streams: Vec<Member>) -> Vec<u8> {
    Content::Compound(streams).pack()
}

/// The text of the seed of this name.
fn seed_text(name: &str) -> String {
    read(name, &compound(members(name))).unwrap().text()
}

/// The text of a part.
fn part_text(extracted: &Extracted, name: &str) -> String {
    let part = extracted.parts.iter().find(|part| part.name == name);
    part.unwrap_or_else(|| panic!("{}", parts(extracted))).outcome.as_ref().unwrap().text()
}

#[test]
fn files_embedded_in_old_workbooks_and_documents_are_read() {
    let workbook = members("a.xls").remove(0).1;
    let mut streams = members("a.xls");
    streams.push(("/MBD00000001/\u{1}Ole10Native".to_owned(), dropped("note.txt", b"La note.")));
    streams.push(("/MBD00000002/Workbook".to_owned(), workbook.clone()));
    // A link to a file, and an equation: nothing to read.
    streams.push(("/LNK00000003/Workbook".to_owned(), workbook.clone()));
    streams.push(("/MBD00000004/Equation Native".to_owned(), vec![1; 40]));
    let book = read("a.xls", &compound(streams)).unwrap();
    assert_eq!(book.parts.len(), 2, "{}", parts(&book));
    assert_eq!(part_text(&book, "note.txt"), "La note.");
    assert_eq!(part_text(&book, "object2.xls"), seed_text("a.xls"));

    let mut streams = members("a.doc");
    streams.push(("/ObjectPool/_1/Workbook".to_owned(), workbook));
    let document = read("a.doc", &compound(streams)).unwrap();
    assert_eq!(part_text(&document, "object1.xls"), seed_text("a.xls"));
}

#[test]
fn workbooks_inside_workbooks_are_read_to_a_limit() {
    let workbook = members("a.xls").remove(0).1;
    let streams =
        (0..20).map(|depth| (format!("{}/Workbook", "/MBD1".repeat(depth)), workbook.clone())).collect();
    let mut inner = read("a.xls", &compound(streams)).unwrap();
    let mut depth = 0;
    let end = loop {
        match inner.parts.pop().unwrap().outcome {
            Ok(next) => inner = *next,
            Err(error) => break error,
        }
        depth += 1;
    };
    assert!(matches!(end, ExtractError::Limit(_)), "{end}");
    assert_eq!(depth, 5);
}

#[test]
fn files_embedded_in_old_presentations_are_read() {
    let embedded = compound(members("a.doc"));
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    zlib.write_all(&embedded).unwrap();
    let packed = joined(&[&le32(&[embedded.len() as u32]), &zlib.finish().unwrap()]);
    for (instance, stored) in [(0, embedded), (1, packed)] {
        let mut streams = members("a.ppt");
        let number = |bytes: &[u8], at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        // Saved anew: the document now lists a file, and refers to where it is stored.
        let last_edit = number(content(&mut streams, "/Current User"), 16);
        let stream = content(&mut streams, "/PowerPoint Document");
        let size = number(stream, 4) as usize;
        let before = stream[8..8 + size].to_vec();
        let listed = container(0x0fcc, 0, &[&atom(0x0fc3, &le32(&[1, 0, 1, 0, 4, 0]))]);
        let document = container(0x03e8, 0, &[&before, &container(0x0409, 0, &[&listed])]);
        let stored = joined(&[&le16(&[instance << 4, 0x1011]), &le32(&[stored.len() as u32]), &stored]);
        let document_at = stream.len() as u32;
        let stored_at = document_at + document.len() as u32;
        let directory_at = stored_at + stored.len() as u32;
        let directory = atom(0x1772, &le32(&[1 << 20 | 1, document_at, 1 << 20 | 4, stored_at]));
        let edit_at = directory_at + directory.len() as u32;
        let edit = atom(0x0ff5, &le32(&[256, 0, last_edit, directory_at, 1, 5, 0]));
        stream.extend(joined(&[&document, &stored, &directory, &edit]));
        put(content(&mut streams, "/Current User"), 16, &le32(&[edit_at]));
        let slides = read("a.ppt", &compound(streams)).unwrap();
        assert_eq!(part_text(&slides, "object1"), seed_text("a.doc"));
        assert_eq!(slides.text(), seed_text("a.ppt"));
    }
}

#[test]
fn forms_of_word_97_show_what_was_ticked() {
    let mut streams = members("a.doc");
    // The second paragraph, of as many characters as before.
    let form = format!("{:<25}.", "\u{13} FORMCHECKBOX \u{1}\u{14}\u{15} oui");
    let main = content(&mut streams, "/WordDocument");
    put(main, 2 * PAGE + "Titre\r".len(), form.as_bytes());
    // The run of characters says: signs of data, which stand at the start of their stream.
    put(main, 4 * PAGE + 500, &[9, 0x06, 0x08, 1, 0x03, 0x6a, 0, 0, 0, 0]);
    let second = |streams: Vec<Member>| {
        let read = read("a.doc", &compound(streams)).unwrap();
        read.blocks[1].text.clone()
    };
    assert_eq!(second(streams.clone()), "oui .");
    for (result, usual, shown) in [(1, 0, "☒ oui ."), (25, 0, "☐ oui ."), (25, 1, "☒ oui .")] {
        let field = le16(&[0xffff, 0xffff, 1 | result << 2, 0, 20, 0, 0, usual]);
        let data = joined(&[&le32(&[68 + field.len() as u32]), &le16(&[68]), &[0; 62], &field]);
        let mut streams = streams.clone();
        streams.push(("/Data".to_owned(), data));
        assert_eq!(second(streams), shown, "{result} {usual}");
    }
}

#[test]
fn lists_of_word_97_show_their_numbers() {
    let mut streams = members("a.doc");
    // One list of one level that starts at four, and one use of it.
    let level = joined(&[&le32(&[4]), &[0; 24], &le16(&[8]), &wide("Art. \0 -")]);
    let lists = joined(&[&le16(&[1]), &le32(&[70]), &[0; 22], &[1, 0], &level]);
    let uses = joined(&[&le32(&[1, 70]), &[0; 12], &[0xff; 4]]);
    let tables = content(&mut streams, "/1Table");
    let (lists_at, uses_at) = (tables.len() as u32, (tables.len() + lists.len()) as u32);
    tables.extend(joined(&[&lists, &uses]));
    let main = content(&mut streams, "/WordDocument");
    put(main, 0x9a + 8 * 73, &le32(&[lists_at, 30, uses_at, uses.len() as u32]));
    // The format of the second paragraph names the use; it stands where the page of formats is empty.
    let page = 3 * PAGE;
    let count = usize::from(main[page + PAGE - 1]);
    put(main, page + 200, &joined(&[&[0, 3], &le16(&[0, 0x460b, 1])]));
    main[page + 4 * (count + 1) + 13] = 100;
    let shown = blocks(&read("a.doc", &compound(streams)).unwrap());
    assert!(shown.starts_with(&format!("h1 Titre\nli0 Art. 4 - {PHRASE}.\n")), "{shown}");
}

#[test]
fn word_95_of_the_macintosh_keeps_its_accents() {
    let mut streams = document_95();
    let main = content(&mut streams, "/WordDocument");
    put(main, PAGE, b"Le cons\x8eil");
    check("a.doc", compound(streams.clone()), &["p Fax du 3 mai", "p Le consŽil"]);
    put(content(&mut streams, "/WordDocument"), 0x14, &le16(&[0x100]));
    check("a.doc", compound(streams), &["p Fax du 3 mai", "p Le conséil"]);
}

#[test]
fn forms_of_rich_text_show_what_was_ticked() {
    let form = r"{\rtf1 {\field{\*\fldinst { FORMCHECKBOX {\*\formfield{\fftype1\ffres1\ffdefres0{\*\ffname a}}}}}
{\fldrslt }} oui\par {\field{\*\fldinst FORMCHECKBOX {\*\formfield{\fftype1\ffres25\ffdefres0}}}{\fldrslt }} non\par
{\field{\*\fldinst FORMTEXT {\*\formfield{\fftype0\ffres1}}}{\fldrslt Anne}}\par}";
    check("a.rtf", form, &["p ☒ oui", "p ☐ non", "p Anne"]);
}

#[test]
fn binary_workbooks_show_their_remarks() {
    let text = |text: &str| joined(&[&le32(&[text.chars().count() as u32]), &wide(text)]);
    let remark = |author: u32, row: u32, column: u32, said: &str| {
        let head = joined(&[&le32(&[author, row, row, column, column]), &[0; 16]]);
        joined(&[&record(635, &head), &record(637, &joined(&[&[1], &text(said)])), &record(636, &[])])
    };
    let list = joined(&[
        &record(628, &[]),
        &record(632, &text("Renée")),
        &remark(0, 1, 1, "vu"),
        &remark(0, 2, 26, "Renée: à revoir"),
        &remark(9, 3, 0, "personne"),
    ]);
    let mut streams = members("a.xlsb");
    let relations = r#"<Relationships><Relationship Id="c" Type="http://x/comments" Target="../comments1.bin"/></Relationships>"#;
    streams.push(("xl/worksheets/_rels/sheet1.bin.rels".to_owned(), relations.into()));
    streams.push(("xl/comments1.bin".to_owned(), list));
    let book = read("a.xlsb", &Content::Zip(streams).pack()).unwrap();
    let shown = blocks(&book);
    assert!(shown.contains(PHRASE), "{shown}");
    let remarks: Vec<&str> = book.blocks.iter().rev().take(3).map(|block| block.text.as_str()).collect();
    assert_eq!(remarks, ["A4 personne", "AA3 Renée: à revoir", "B2 Renée: vu"]);
}

#[test]
fn open_document_lists_may_start_at_zero() {
    let level = |name: &str, further: &str| {
        format!(
            r#"<text:list-style style:name="{name}"><text:list-level-style-number text:level="1"
            style:num-format="1" style:num-suffix="." {further}/></text:list-style>"#
        )
    };
    let styles = level("L1", r#"text:start-value="0""#) + &level("L2", "");
    let list = |style: &str, first: &str| {
        format!(
            r#"<text:list text:style-name="{style}"><text:list-item {first}><text:p>a</text:p></text:list-item>
            <text:list-item><text:p>b</text:p></text:list-item></text:list>"#
        )
    };
    let body = list("L1", "") + &list("L2", r#"text:start-value="0""#);
    let bytes = open_document("text", &format!("<office:text>{body}</office:text>"), &styles);
    check("a.odt", bytes, &["li0 0. a", "li0 1. b", "li0 0. a", "li0 1. b"]);
}

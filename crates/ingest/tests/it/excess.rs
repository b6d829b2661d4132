//! Do files whose few cells, notes or offsets stand for very much cost no more than what they say?
//!
//! What can be counted is counted; what costs nothing but time gets a few seconds, which a reader that compares everything
//! with everything exceeds many times.

use std::time::Duration;

use intramuros_core::document::Limits;

use crate::data;
use crate::faults::Random;
use crate::mail::wide;
use crate::seeds::old::{atom, listed, outline_text, presentation, put, record, shape_from_outline};
use crate::seeds::{Content, Member, PHRASE, content, joined, le16, le32, members, packages};
use crate::show::check;

/// Why a file ends whose parts overlap.
const OVERLAP: &str = "again and again";

/// Seconds for a small file whose reader must not compare everything with everything.
const SHORT: Duration = Duration::from_secs(8);

/// Where the header of a DOC file keeps the lengths of its stories, and the places of its tables.
const DOC_LENGTHS: usize = 0x4c;
const DOC_TABLES: usize = 0x9a;

/// Writes bytes behind a mark.
fn put_behind(bytes: &mut [u8], mark: &[u8], new: &[u8]) {
    let at = bytes.windows(mark.len()).position(|window| window == mark).unwrap() + mark.len();
    bytes[at..at + new.len()].copy_from_slice(new);
}

/// Reads through a worker, whose memory is limited, and looks for the phrase.
#[track_caller]
fn check_read(name: &str, bytes: &[u8], limits: Limits) {
    let read = data::pool(limits).extract(name, bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert!(data::squeezed(&read).contains(&PHRASE.replace(' ', "")), "{name}");
}

/// Reads through a worker, and looks for the reason why the file is not read.
#[track_caller]
fn check_limit(name: &str, bytes: &[u8], limits: Limits, reason: &str) {
    let read = data::pool(limits).extract(name, bytes);
    let error = read.map(|read| read.blocks.len()).expect_err(name);
    assert_eq!(error.word(), "limit", "{name}: {error}");
    assert!(error.to_string().contains(reason), "{name}: {error}");
}

/// A workbook with these rows; the text number 0 is the phrase.
fn workbook(rows: &str) -> Vec<u8> {
    let mut members = members("a.xlsx");
    let sheet = format!("<worksheet><sheetData>{rows}</sheetData></worksheet>");
    *content(&mut members, "xl/worksheets/sheet1.xml") = sheet.into_bytes();
    Content::Zip(members).pack()
}

/// A Word document with the phrase and a table of these rows.
fn text_document(rows: &str) -> Vec<u8> {
    let mut members = members("a.docx");
    let body = format!("<w:p><w:r><w:t>{PHRASE}</w:t></w:r></w:p><w:tbl>{rows}</w:tbl>");
    let document = format!("<w:document xmlns:w=\"w\"><w:body>{body}</w:body></w:document>");
    *content(&mut members, "word/document.xml") = document.into_bytes();
    Content::Zip(members).pack()
}

/// Checks that a file whose cells name one text thousands of times ends at the limit of text, in little memory.
#[track_caller]
fn check_named_often(name: &str, bytes: &[u8]) {
    let limits = Limits { memory_bytes: 128 << 20, text_bytes: 8 << 20, ..Limits::default() };
    check_limit(name, bytes, limits, "bytes of text");
}

/// Cells with the names of so many columns, all of one length.
fn column_names(count: usize) -> String {
    (0..count).map(|number| format!("<c t=\"str\"><v>Colonne {number:05}</v></c>")).collect()
}

/// Puts a table behind the others of a DOC file, under its number.
fn put_table(document: &mut [Member], number: usize, table: &[u8]) {
    let tables = content(document, "/1Table");
    let place = le32(&[tables.len() as u32, table.len() as u32]);
    tables.extend(table);
    put(content(document, "/WordDocument"), DOC_TABLES + 8 * number, &place);
}

#[test]
fn a_wide_header_above_narrow_rows_costs_what_is_in_them() {
    let row = "<row><c t=\"str\"><v>a</v></c><c t=\"s\"><v>0</v></c></row>";
    let bytes = workbook(&format!("<row>{}</row>{}", column_names(400), row.repeat(12_000)));
    let limits = Limits { memory_bytes: 96 << 20, ..Limits::default() };
    check_read("a.xlsx", &bytes, limits);
}

#[test]
fn a_row_costs_nothing_before_its_text_is_counted() {
    // Each row stands for 49 KB of text; filled with empty cells it would take 390 KB.
    let row = "<row><c><v>1</v></c><c r=\"XFD1\"><v>2</v></c></row>";
    let bytes = workbook(&format!("<row>{}</row>{}", column_names(16_384), row.repeat(2_000)));
    let limits = Limits { memory_bytes: 96 << 20, text_bytes: 4 << 20, ..Limits::default() };
    check_limit("a.xlsx", &bytes, limits, "bytes of text");
}

#[test]
fn a_text_that_thousands_of_cells_name_is_not_copied_for_each() {
    let rows = format!("<row>{}</row>", "<c t=\"s\"><v>0</v></c>".repeat(1_000)).repeat(64);
    // A megabyte of words, and one of letters that nobody sees, which would count as nothing.
    for text in ["mardi ".repeat(175_000), "\u{200b}".repeat(350_000)] {
        let mut members = members("a.xlsx");
        let sheet = format!("<worksheet><sheetData>{rows}</sheetData></worksheet>");
        *content(&mut members, "xl/worksheets/sheet1.xml") = sheet.into_bytes();
        let strings = format!("<sst><si><t>{text}</t></si></sst>");
        *content(&mut members, "xl/sharedStrings.xml") = strings.into_bytes();
        check_named_often("a.xlsx", &Content::Zip(members).pack());
    }
}

#[test]
fn a_text_that_thousands_of_old_or_binary_cells_name_is_not_copied_for_each() {
    let mut binary = members("a.xlsb");
    let text = joined(&[&[0], &le32(&[8_000]), &wide(&"a".repeat(8_000))]);
    let strings = [packages::record(0x9f, &le32(&[1, 1])), packages::record(0x13, &text)].concat();
    *content(&mut binary, "xl/sharedStrings.bin") = [strings, packages::record(0xa0, &[])].concat();
    let sheet = content(&mut binary, "xl/worksheets/sheet1.bin");
    let cell = packages::record(7, &le32(&[1, 0, 0]));
    let at = sheet.windows(cell.len()).position(|window| window == cell).unwrap();
    sheet.splice(at..at, cell.repeat(65_536));
    check_named_often("a.xlsb", &Content::Zip(binary).pack());

    let begin = |kind: u16| record(0x809, &le16(&[0x600, kind, 0, 0, 0, 0, 0, 0]));
    let texts = record(0xfc, &joined(&[&le32(&[1, 1]), &le16(&[8_000]), &[0], &[b'a'; 8_000]]));
    let globals = |sheet: u32| {
        let name = record(0x85, &joined(&[&le32(&[sheet]), &[0, 0, 6, 0], b"Budget"]));
        joined(&[&begin(5), &name, &texts, &record(0x0a, &[])])
    };
    let cell = |row: u16| record(0xfd, &joined(&[&le16(&[row, 0, 0]), &le32(&[0])]));
    let cells: Vec<u8> = (0..u16::MAX).flat_map(cell).collect();
    let stream = joined(&[&globals(globals(0).len() as u32), &begin(0x10), &cells, &record(0x0a, &[])]);
    let old = Content::Compound(vec![("/Workbook".to_owned(), stream)]).pack();
    check_named_often("a.xls", &old);
}

#[test]
fn a_cell_that_repeats_a_long_text_is_not_copied_for_each() {
    let text = "mardi ".repeat(175_000);
    let change = |name: &str, from: &str, to: &str| {
        let mut members = members(name);
        let part = content(&mut members, "content.xml");
        let changed = String::from_utf8_lossy(part).replacen(from, &format!("{to}{text}"), 1);
        assert!(changed.len() > text.len());
        *part = changed.into_bytes();
        Content::Zip(members).pack()
    };
    let sheet = change(
        "a.ods",
        "<table:table-row><table:table-cell><text:p>",
        "<table:table-row table:number-rows-repeated=\"100\"><table:table-cell \
         table:number-columns-repeated=\"100\"><text:p>",
    );
    check_named_often("a.ods", &sheet);
    let document = change(
        "a.odt",
        "<table:table-cell table:number-columns-spanned=\"2\"><text:p>",
        "<table:table-cell table:number-columns-repeated=\"1024\"><text:p>",
    );
    check_named_often("a.odt", &document);
}

#[test]
fn cells_that_span_many_columns_are_counted_before_they_are_made() {
    let row = "<w:tr><w:tc><w:tcPr><w:gridSpan w:val=\"1024\"/></w:tcPr><w:p><w:r><w:t>a</w:t></w:r></w:p></w:tc></w:tr>";
    let limits = Limits { memory_bytes: 96 << 20, ..Limits::default() };
    check_limit("a.docx", &text_document(&row.repeat(20_000)), limits, "cells in tables");
}

#[test]
fn a_chart_that_is_named_again_and_again_is_not_written_as_often() {
    let series = "<c:ser><c:val><c:pt idx=\"999\"><c:v>1</c:v></c:pt></c:val></c:ser>".repeat(100);
    let chart = format!("<c:chartSpace xmlns:c=\"c\"><c:chart>{series}</c:chart></c:chartSpace>");
    let named = "<w:p><w:r><w:drawing><c:chart r:id=\"c\"/></w:drawing></w:r></w:p>".repeat(20);
    let document = format!("<w:document xmlns:w=\"w\"><w:body>{named}</w:body></w:document>");
    let links = "<Relationships><Relationship Id=\"c\" Type=\"http://x/chart\" Target=\"chart.xml\"/></Relationships>";
    let mut members = members("a.docx");
    *content(&mut members, "word/document.xml") = document.into_bytes();
    *content(&mut members, "word/_rels/document.xml.rels") = links.into();
    members.push(("word/chart.xml".to_owned(), chart.into_bytes()));
    check_limit("a.docx", &Content::Zip(members).pack(), Limits::default(), "cells in tables");
}

#[test]
fn rows_of_a_text_without_cells_cost_nothing() {
    let limits = Limits { memory_bytes: 96 << 20, ..Limits::default() };
    check_read("a.docx", &text_document(&"<w:tr/>".repeat(1_100_000)), limits);
}

#[test]
fn rows_of_many_names_are_not_compared_name_by_name() {
    let names = format!("<row>{}</row><row></row>", column_names(16_384));
    let bytes = workbook(&format!("<row><c t=\"s\"><v>0</v></c></row><row></row>{}", names.repeat(8)));
    check_read("a.xlsx", &bytes, Limits { time: SHORT, ..Limits::default() });
}

#[test]
fn a_row_beyond_all_numbers_is_read() {
    let mut members = members("a.ods");
    let sheet = content(&mut members, "content.xml");
    let repeated = String::from_utf8_lossy(sheet).replace("repeated=\"1000\"", "repeated=\"4294967295\"");
    assert!(repeated.contains("4294967295"));
    *sheet = repeated.into_bytes();
    check_read("a.ods", &Content::Zip(members).pack(), Limits::default());
}

#[test]
fn a_cell_far_away_costs_one_cell() {
    let mut binary = members("a.xlsb");
    let sheet = content(&mut binary, "xl/worksheets/sheet1.bin");
    // The second row goes a million rows down, and its number 300 columns to the right.
    put_behind(sheet, &[0, 17, 1, 0], &[0x0f, 0]);
    put_behind(sheet, &[5, 16], &300_u32.to_le_bytes());
    check_read("a.xlsb", &Content::Zip(binary).pack(), Limits::default());
    let mut old = members("a95.xls");
    put_behind(content(&mut old, "/Book"), &[0x03, 0x02, 14, 0], &[0xff, 0xff, 0xff, 0]);
    let old = Content::Compound(old).pack();
    check_read("a95.xls", &old, Limits::default());
    // The cell far away stands in front of the one in the second row.
    let header = format!("head:1[Budget] {PHRASE} | Montant");
    check("a95.xls", &old, &["h1[Budget] Budget", &header, "row:2[Budget]  | 42", "p:65536[Budget] 12.5"]);
}

#[test]
fn notes_of_an_old_document_count_as_text() {
    let bytes = Content::Compound(members("a.doc")).pack();
    // The body has 44 bytes of text, its footnote 13.
    let limits = Limits { text_bytes: 50, ..Limits::default() };
    let read = intramuros_ingest::extract("a.doc", &bytes, &limits);
    assert_eq!(read.as_ref().map_err(|error| error.word()).err(), Some("limit"), "{read:?}");
}

#[test]
fn notes_and_headers_that_repeat_a_text_give_it_once() {
    let mut document = members("a.doc");
    // Three notes where the seed has one: of its text, back to the start, and of its text again.
    put_table(&mut document, 2, &joined(&[&le32(&[42, 42, 42, 48]), &le16(&[1, 2, 3])]));
    put_table(&mut document, 3, &le32(&[0, 13, 0, 13, 14]));
    let bytes = Content::Compound(document).pack();
    let phrase = format!("p {PHRASE}.");
    check("a.doc", bytes, &["h1 Titre", &phrase, "row A | B", "p Note fin", "note 1 bas de page"]);

    let mut document = members("a.doc");
    for notes in [2, 3] {
        put_table(&mut document, notes, &[]);
    }
    // All characters belong to the headers; behind six places for notes, two of them have the same text.
    put(content(&mut document, "/WordDocument"), DOC_LENGTHS, &le32(&[0, 0]));
    put_table(&mut document, 11, &le32(&[0, 0, 0, 0, 0, 0, 0, 32, 0, 32]));
    let bytes = Content::Compound(document).pack();
    check("a.doc", bytes, &[&format!("p Titre {PHRASE}.")]);
}

#[test]
fn sheets_that_share_their_records_are_not_read_one_by_one() {
    let begin = |kind: u16| record(0x809, &le16(&[0x600, kind, 0, 0, 0, 0, 0, 0]));
    let globals = |sheet: u32| {
        let name = record(0x85, &joined(&[&le32(&[sheet]), &[0, 0, 6, 0], b"Budget"]));
        joined(&[&begin(5), &name.repeat(1_900), &record(0x0a, &[])])
    };
    let stream = joined(&[&globals(globals(0).len() as u32), &begin(0x10), &record(0, &[]).repeat(20_000)]);
    let bytes = Content::Compound(vec![("/Workbook".to_owned(), stream)]).pack();
    check_limit("a.xls", &bytes, Limits::default(), OVERLAP);
}

#[test]
fn binary_sheets_that_share_a_part_are_not_read_one_by_one() {
    let mut members = members("a.xlsb");
    let book = content(&mut members, "xl/workbook.bin");
    let start = book.windows(3).position(|window| window == [0x9c, 0x01, 30]).unwrap();
    let sheet = book[start..start + 3 + 30].to_vec();
    book.splice(start..start, sheet.repeat(200));
    // Records that say nothing, which don't get smaller when they are packed.
    let cells = content(&mut members, "xl/worksheets/sheet1.bin");
    let start = cells.windows(3).position(|window| window == [0x91, 0x01, 0]).unwrap() + 3;
    let mut random = Random(3);
    let noise: Vec<u8> = (0..200 * 100).map(|_| random.below(256) as u8).collect();
    let noise: Vec<u8> = noise.chunks(100).flat_map(|chunk| joined(&[&[0x7f, 100], chunk])).collect();
    cells.splice(start..start, noise);
    let read = data::pool(Limits::default()).extract("a.xlsb", &Content::Zip(members).pack()).unwrap();
    assert!(data::squeezed(&read).contains(&PHRASE.replace(' ', "")));
    assert!(read.warnings.len() > 100, "{} sheets were not read", read.warnings.len());
}

#[test]
fn many_texts_of_one_outline_are_not_compared_one_by_one() {
    let texts: Vec<u8> =
        (0..60_000).flat_map(|number| outline_text(1, &format!("{PHRASE} {number:05}"))).collect();
    let bytes = Content::Compound(presentation(&joined(&[&listed(2, 256), &texts]), &[])).pack();
    check_read("a.ppt", &bytes, Limits { time: SHORT, ..Limits::default() });
}

#[test]
fn a_text_or_slide_that_is_named_again_and_again_is_not_read_as_often() {
    let check_overlap = |outline: &[u8], shapes: &[u8]| {
        let bytes = Content::Compound(presentation(outline, shapes)).pack();
        check_limit("a.ppt", &bytes, Limits::default(), OVERLAP);
    };
    // 200 shapes that show one text of 100,000 characters.
    let long = outline_text(1, &"a".repeat(100_000));
    check_overlap(&joined(&[&listed(2, 256), &long]), &shape_from_outline().repeat(200));
    // 500 slides that are one, with 2,000 records that say nothing.
    check_overlap(&listed(2, 256).repeat(500), &atom(0, &[]).repeat(2_000));
}

#[test]
fn a_save_that_follows_itself_is_not_read_as_often() {
    let mut members = members("a.ppt");
    let stream = content(&mut members, "/PowerPoint Document");
    let directory_at = stream.len() as u32;
    // Five runs of 4,000 objects each.
    let run = joined(&[&le32(&[4_000 << 20 | 100]), &[0; 4 * 4_000]]);
    stream.extend(atom(0x1772, &run.repeat(5)));
    let edit_at = stream.len() as u32;
    stream.extend(atom(0xff5, &le32(&[256, 0, edit_at, directory_at, 1, 4, 0])));
    put(content(&mut members, "/Current User"), 16, &le32(&[edit_at]));
    check_limit("a.ppt", &Content::Compound(members).pack(), Limits::default(), OVERLAP);
}

//! What is in the archives and in the formats that are built on ZIP: packages of office files, a book, an export?

use intramuros_ingest::Format;

use super::{Content, Member, PHRASE, Seed, crc32, joined, le32, member};
use crate::chat;
use crate::mail::wide;

/// The seeds that are archives or packages.
pub fn seeds() -> Vec<Seed> {
    let seed = |name, format, members| Seed { name, format, content: Content::Zip(members) };
    let files = vec![member("notes/a.txt", PHRASE), member("b.csv", "Nom;Ville\nAnne;Lyon\nPaul;Brest\n")];
    vec![
        seed("a.docx", Format::Docx, text_document()),
        seed("a.xlsx", Format::Xlsx, workbook()),
        seed("a.xlsb", Format::Xlsx, binary_workbook()),
        seed("a.pptx", Format::Pptx, slides()),
        seed("a.odt", Format::Odt, open_document("text", &open_text())),
        seed("a.ods", Format::Ods, open_document("spreadsheet", &open_sheet())),
        seed("a.odp", Format::Odp, open_document("presentation", &open_slide())),
        seed("a.epub", Format::Epub, book()),
        seed("slack.zip", Format::Slack, export()),
        seed("a.zip", Format::Zip, files.clone()),
        Seed { name: "a.7z", format: Format::SevenZip, content: seven_zip(&files) },
        Seed { name: "a.tar", format: Format::Tar, content: Content::Tar(files) },
    ]
}

const TYPES: &str =
    r#"<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>"#;

/// What a part points to: identifier, role and target of each.
fn relations(name: &str, list: &[[&str; 3]]) -> Member {
    let one = |[id, role, target]: &[&str; 3]| {
        format!(r#"<Relationship Id="{id}" Type="http://x/{role}" Target="{target}"/>"#)
    };
    let all: String = list.iter().map(one).collect();
    member(name, format!("<Relationships>{all}</Relationships>"))
}

/// The parts with which a package of Office begins.
fn package(main: &str) -> Vec<Member> {
    vec![member("[Content_Types].xml", TYPES), relations("_rels/.rels", &[["r", "officeDocument", main]])]
}

/// A heading, an item of a numbered list with a footnote, a table.
fn text_document() -> Vec<Member> {
    let body = format!(
        r#"<w:p><w:pPr><w:pStyle w:val="Titre1"/></w:pPr><w:r><w:t>Titre</w:t></w:r></w:p>
        <w:p><w:pPr><w:numPr><w:ilvl w:val="0"/><w:numId w:val="1"/></w:numPr></w:pPr><w:r><w:t>{PHRASE}</w:t>
        <w:footnoteReference w:id="2"/></w:r></w:p><w:tbl><w:tr><w:tc><w:tcPr><w:gridSpan w:val="2"/></w:tcPr>
        <w:p><w:r><w:t>a</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>b</w:t></w:r></w:p></w:tc></w:tr></w:tbl>"#
    );
    let mut parts = package("word/document.xml");
    parts.extend([
        member(
            "word/document.xml",
            format!(r#"<?xml version="1.0"?><w:document xmlns:w="w"><w:body>{body}</w:body></w:document>"#),
        ),
        relations(
            "word/_rels/document.xml.rels",
            &[
                ["s", "styles", "styles.xml"],
                ["n", "numbering", "numbering.xml"],
                ["f", "footnotes", "footnotes.xml"],
            ],
        ),
        member(
            "word/styles.xml",
            r#"<w:styles><w:style w:type="paragraph" w:styleId="Titre1"><w:name w:val="heading 1"/></w:style></w:styles>"#,
        ),
        member(
            "word/numbering.xml",
            r#"<w:numbering><w:abstractNum w:abstractNumId="7"><w:lvl w:ilvl="0"><w:start w:val="1"/>
            <w:numFmt w:val="lowerRoman"/><w:lvlText w:val="Art. %1"/></w:lvl></w:abstractNum>
            <w:num w:numId="1"><w:abstractNumId w:val="7"/></w:num></w:numbering>"#,
        ),
        member(
            "word/footnotes.xml",
            r#"<w:footnotes><w:footnote w:id="2"><w:p><w:r><w:t>bas de page</w:t></w:r></w:p></w:footnote></w:footnotes>"#,
        ),
    ]);
    parts
}

/// A shared text, one in its cell, a date, an amount of a formula, a comment.
fn workbook() -> Vec<Member> {
    let mut parts = package("xl/workbook.xml");
    parts.extend([
        member(
            "xl/workbook.xml",
            r#"<workbook xmlns:r="r"><sheets><sheet name="Budget" sheetId="1" r:id="s"/></sheets></workbook>"#,
        ),
        relations(
            "xl/_rels/workbook.xml.rels",
            &[
                ["s", "worksheet", "worksheets/sheet1.xml"],
                ["t", "sharedStrings", "sharedStrings.xml"],
                ["u", "styles", "styles.xml"],
            ],
        ),
        member(
            "xl/worksheets/sheet1.xml",
            r#"<worksheet><sheetData><row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="inlineStr"><is><t>Montant</t></is></c>
            </row><row r="2"><c r="A2" s="1"><v>43831</v></c><c r="B2" s="2"><f>1+1</f><v>1234.5</v></c></row>
            </sheetData><autoFilter ref="A1:B2"/></worksheet>"#,
        ),
        relations("xl/worksheets/_rels/sheet1.xml.rels", &[["c", "comments", "/xl/comments1.xml"]]),
        member(
            "xl/comments1.xml",
            r#"<comments><authors><author>Ana</author></authors><commentList><comment ref="B2" authorId="0"><text><r>
            <t>vu</t></r></text></comment></commentList></comments>"#,
        ),
        member("xl/sharedStrings.xml", format!("<sst><si><t>{PHRASE}</t></si></sst>")),
        member(
            "xl/styles.xml",
            r##"<styleSheet><numFmts><numFmt numFmtId="164" formatCode="#,##0.00\ &quot;€&quot;"/></numFmts><cellXfs>
            <xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="164"/></cellXfs></styleSheet>"##,
        ),
    ]);
    parts
}

/// A record of a binary workbook. Kind and size take one byte up to 127, else two with seven bits in the first.
pub fn record(kind: u16, data: &[u8]) -> Vec<u8> {
    let number = |number: u16| match u8::try_from(number) {
        Ok(small) if small < 0x80 => vec![small],
        _ => vec![(number & 0x7f) as u8 | 0x80, (number >> 7) as u8],
    };
    joined(&[&number(kind), &number(data.len() as u16), data])
}

/// The same as a binary workbook, which a library reads: texts, shared and in the cell, and numbers.
fn binary_workbook() -> Vec<Member> {
    let text = |text: &str| joined(&[&le32(&[text.len() as u32]), &wide(text)]);
    let cell = |kind: u16, column: u32, value: &[u8]| record(kind, &joined(&[&le32(&[column, 0]), value]));
    let row = |number: u32| record(0, &joined(&[&le32(&[number]), &[0; 13]]));
    let book = joined(&[
        &record(0x83, &[]),
        &record(0x8f, &[]),
        &record(0x9c, &joined(&[&le32(&[0, 1]), &text("s"), &text("Budget")])),
        &record(0x90, &[]),
        &record(0x9d, &[0; 26]),
        &record(0x84, &[]),
    ]);
    let sheet = joined(&[
        &record(0x81, &[]),
        &record(0x94, &le32(&[0, 1, 0, 1])),
        &record(0x91, &[]),
        &row(0),
        &cell(6, 0, &text(PHRASE)),
        &cell(7, 1, &le32(&[0])),
        &row(1),
        &cell(5, 0, &12.5_f64.to_le_bytes()),
        &cell(2, 1, &le32(&[42 << 2 | 2])),
        &record(0x92, &[]),
        &record(0x82, &[]),
    ]);
    let strings = joined(&[
        &record(0x9f, &le32(&[1, 1])),
        &record(0x13, &joined(&[&[0], &text("Montant")])),
        &record(0xa0, &[]),
    ]);
    let mut parts = package("xl/workbook.bin");
    parts.extend([
        member("xl/workbook.bin", book),
        relations("xl/_rels/workbook.bin.rels", &[["s", "worksheet", "worksheets/sheet1.bin"]]),
        member("xl/worksheets/sheet1.bin", sheet),
        member("xl/sharedStrings.bin", strings),
    ]);
    parts
}

/// A title, a point, a table, notes.
fn slides() -> Vec<Member> {
    let shape = |kind: &str, text: &str| {
        format!(
            "<p:sp><p:nvSpPr><p:nvPr>{kind}</p:nvPr></p:nvSpPr><p:txBody><a:p><a:pPr lvl=\"1\"/><a:r><a:t>{text}</a:t></a:r>\
             </a:p></p:txBody></p:sp>"
        )
    };
    let cell =
        |text: &str| format!("<a:tc><a:txBody><a:p><a:r><a:t>{text}</a:t></a:r></a:p></a:txBody></a:tc>");
    let slide = format!(
        r#"<p:sld><p:spTree>{}{}<p:graphicFrame><a:tbl><a:tblPr firstRow="1"/><a:tr>{}{}</a:tr></a:tbl></p:graphicFrame>
        </p:spTree></p:sld>"#,
        shape(r#"<p:ph type="title"/>"#, "Ordre du jour"),
        shape(r#"<p:ph idx="1"/>"#, PHRASE),
        cell("A"),
        cell("B")
    );
    let notes = format!("<p:notes>{}</p:notes>", shape(r#"<p:ph type="body"/>"#, "dire bonjour"));
    let mut parts = package("ppt/presentation.xml");
    parts.extend([
        member(
            "ppt/presentation.xml",
            r#"<p:presentation xmlns:r="r"><p:sldIdLst><p:sldId id="256" r:id="a"/></p:sldIdLst></p:presentation>"#,
        ),
        relations("ppt/_rels/presentation.xml.rels", &[["a", "slide", "slides/slide1.xml"]]),
        member("ppt/slides/slide1.xml", slide),
        relations("ppt/slides/_rels/slide1.xml.rels", &[["n", "notesSlide", "../notesSlides/n.xml"]]),
        member("ppt/notesSlides/n.xml", notes),
    ]);
    parts
}

fn open_document(kind: &str, body: &str) -> Vec<Member> {
    let content = format!(
        r#"<office:document-content><office:automatic-styles><style:style style:name="P1" style:family="paragraph"
        style:parent-style-name="Title"/></office:automatic-styles><office:body>{body}</office:body>
        </office:document-content>"#
    );
    vec![
        member("mimetype", format!("application/vnd.oasis.opendocument.{kind}")),
        member("content.xml", content),
        member(
            "styles.xml",
            r#"<office:document-styles><office:styles><style:style style:name="Title" style:family="paragraph"/>
            </office:styles></office:document-styles>"#,
        ),
        member(
            "meta.xml",
            "<office:document-meta><office:meta><dc:title>Le titre</dc:title><dc:creator>Ana</dc:creator>\
             <dc:date>2024-03-01T09:32:00</dc:date></office:meta></office:document-meta>",
        ),
        member("META-INF/manifest.xml", "<manifest:manifest/>"),
    ]
}

/// A title, a paragraph with a note and spaces, a list, a table with a wide cell.
fn open_text() -> String {
    format!(
        r#"<office:text><text:p text:style-name="P1">Le titre</text:p><text:p>{PHRASE}<text:s text:c="2"/><text:note>
        <text:note-citation>1</text:note-citation><text:note-body><text:p>au bas</text:p></text:note-body></text:note>
        </text:p><text:list><text:list-item><text:p>a</text:p></text:list-item></text:list><table:table>
        <table:table-column table:number-columns-repeated="2"/><table:table-row>
        <table:table-cell table:number-columns-spanned="2"><text:p>1</text:p></table:table-cell></table:table-row>
        </table:table></office:text>"#
    )
}

/// Cells and rows that repeat, and a date.
fn open_sheet() -> String {
    format!(
        r#"<office:spreadsheet><table:table table:name="F1"><table:table-row><table:table-cell><text:p>{PHRASE}</text:p>
        </table:table-cell><table:table-cell table:number-columns-repeated="3"><text:p>x</text:p></table:table-cell>
        </table:table-row><table:table-row table:number-rows-repeated="1000">
        <table:table-cell table:number-columns-repeated="16384"/></table:table-row><table:table-row>
        <table:table-cell office:date-value="2024-02-03T00:00:00"><text:p>03/02/24</text:p></table:table-cell>
        </table:table-row></table:table></office:spreadsheet>"#
    )
}

/// A title and a point.
fn open_slide() -> String {
    format!(
        r#"<office:presentation><draw:page><draw:frame presentation:class="title"><draw:text-box><text:p>Titre</text:p>
        </draw:text-box></draw:frame><draw:frame presentation:class="outline"><draw:text-box><text:list><text:list-item>
        <text:p>{PHRASE}</text:p></text:list-item></text:list></draw:text-box></draw:frame></draw:page>
        </office:presentation>"#
    )
}

/// A chapter with a table and a note, and a list of chapters.
fn book() -> Vec<Member> {
    vec![
        member("mimetype", "application/epub+zip"),
        member(
            "META-INF/container.xml",
            "<container><rootfiles><rootfile full-path='OEBPS/p.opf'/></rootfiles></container>",
        ),
        member(
            "OEBPS/p.opf",
            "<package xmlns:dc='d'><metadata><dc:title>Le Livre</dc:title><dc:creator>Anne</dc:creator>\
             <dc:date>1999-05-01</dc:date></metadata><manifest><item id='a' href='one.xhtml'/>\
             <item id='n' href='nav.xhtml' properties='nav'/></manifest><spine><itemref idref='a'/></spine></package>",
        ),
        member(
            "OEBPS/nav.xhtml",
            "<html><nav epub:type='toc'><ol><li><a href='one.xhtml'>Un</a></li></ol></nav></html>",
        ),
        member(
            "OEBPS/one.xhtml",
            format!(
                "<html><body><h1>Un</h1><p>{PHRASE}</p><table><tr><td colspan='2'>a</td><td>b</td></tr></table>\
                 <aside epub:type='footnote'>note</aside></body></html>"
            ),
        ),
    ]
}

/// The export of the chat's own tests, with one message more.
fn export() -> Vec<Member> {
    let day = format!(
        r#"[{{"type":"message","user":"U2","text":"{PHRASE} <@U1> &amp;","ts":"1709458320.000100","reactions":[{{"name":"ok"}}]}}]"#
    );
    let mut files: Vec<Member> = chat::FILES.iter().map(|(name, content)| member(name, content)).collect();
    files.push(member("general/2024-03-03.json", day));
    files
}

/// A 7z archive whose members are stored as they are, one after another.
fn seven_zip(files: &[Member]) -> Content {
    let data: Vec<u8> = files.iter().flat_map(|(_, content)| content.iter().copied()).collect();
    let sizes: Vec<u8> = files[..files.len() - 1].iter().flat_map(|file| number(file.1.len())).collect();
    let sums: Vec<u8> = files.iter().flat_map(|file| crc32(&file.1).to_le_bytes()).collect();
    let names: Vec<u8> = files.iter().flat_map(|file| wide(&format!("{}\0", file.0))).collect();
    let (count, size) = (number(files.len()), number(data.len()));
    let header = joined(&[
        // The header, its streams: where they are packed, and how large.
        &[0x01, 0x04, 0x06, 0, 1, 0x09],
        &size,
        // One folder, not outside, of one coder: a copy.
        &[0, 0x07, 0x0b, 1, 0, 1, 1, 0, 0x0c],
        &size,
        // The files in it: how many, all sizes but the last, all checksums.
        &[0, 0x08, 0x0d],
        &count,
        &[0x09],
        &sizes,
        &[0x0a, 1],
        &sums,
        // The files: how many, and their names, not outside.
        &[0, 0, 0x05],
        &count,
        &[0x11],
        &number(names.len() + 1),
        &[0],
        &names,
        &[0, 0],
    ]);
    Content::SevenZip { header, data }
}

/// A number of a 7z header, up to 16,383.
fn number(number: usize) -> Vec<u8> {
    if number < 0x80 { vec![number as u8] } else { vec![0x80 | (number >> 8) as u8, number as u8] }
}

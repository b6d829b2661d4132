//! Does what office files say come out in order, once, and in the right kind of block?

use std::io::{Cursor, Write};

use intramuros_core::document::{BlockKind, ExtractError, Extracted, Limits};
use zip::write::SimpleFileOptions;

use crate::seeds::packages::record;
use crate::seeds::{Content, content, joined, le16, le32, members};

/// The bytes of a ZIP package with these parts.
fn package(parts: &[(&str, &str)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in parts {
        let method = if *name == "mimetype" {
            zip::CompressionMethod::Stored
        } else {
            zip::CompressionMethod::Deflated
        };
        zip.start_file(*name, SimpleFileOptions::default().compression_method(method)).unwrap();
        zip.write_all(content.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// Blocks as lines: kind, page, text.
pub fn lines(extracted: &Extracted) -> Vec<String> {
    let line = |block: &intramuros_core::document::Block| {
        let kind = match &block.kind {
            BlockKind::Heading { level } => format!("H{level}"),
            BlockKind::Paragraph => "P".to_owned(),
            BlockKind::ListItem { depth } => format!("L{depth}"),
            BlockKind::TableRow { table, header } => format!("T{table}{}", if *header { "*" } else { "" }),
            BlockKind::Footnote => "Note".to_owned(),
            BlockKind::Comment => "Comment".to_owned(),
            other => format!("{other:?}"),
        };
        let page = block.place.page.map(|page| format!("@{page}")).unwrap_or_default();
        format!("{kind}{page} {}", block.text.replace('\n', "/"))
    };
    extracted.blocks.iter().map(line).collect()
}

pub fn read(name: &str, bytes: &[u8]) -> Result<Extracted, ExtractError> {
    intramuros_ingest::extract(name, bytes, &Limits::default())
}

fn check(name: &str, bytes: &[u8], expected: &[&str]) -> Extracted {
    let extracted = read(name, bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(lines(&extracted), expected, "{name}");
    extracted
}

const TYPES: &str = r#"<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>"#;

/// One relationship; its type is known by its last word.
fn relation(id: &str, role: &str, target: &str) -> String {
    format!(r#"<Relationship Id="{id}" Type="http://x/{role}" Target="{target}"/>"#)
}

fn relations(list: &[String]) -> String {
    format!("<Relationships>{}</Relationships>", list.concat())
}

/// A Word document with this body and further parts, each with its role.
fn docx(body: &str, parts: &[(&str, &str, &str)]) -> Vec<u8> {
    let document =
        format!(r#"<?xml version="1.0"?><w:document xmlns:w="w"><w:body>{body}</w:body></w:document>"#);
    let list: Vec<String> = parts
        .iter()
        .enumerate()
        .map(|(index, part)| relation(&format!("r{index}"), part.0, part.1))
        .collect();
    let (root, links) =
        (relations(&[relation("r", "officeDocument", "word/document.xml")]), relations(&list));
    let names: Vec<String> = parts.iter().map(|part| format!("word/{}", part.1)).collect();
    let mut all = vec![
        ("[Content_Types].xml", TYPES),
        ("_rels/.rels", root.as_str()),
        ("word/document.xml", document.as_str()),
        ("word/_rels/document.xml.rels", links.as_str()),
    ];
    all.extend(names.iter().map(String::as_str).zip(parts.iter().map(|part| part.2)));
    package(&all)
}

fn paragraph(text: &str) -> String {
    format!("<w:p><w:r><w:t>{text}</w:t></w:r></w:p>")
}

fn check_docx(body: &str, parts: &[(&str, &str, &str)], expected: &[&str]) -> Extracted {
    check("x.docx", &docx(body, parts), expected)
}

#[test]
fn docx_runs_fields_and_changes() {
    check_docx(
        r#"<w:p><w:r><w:t xml:space="preserve">L&#8217;été </w:t></w:r><w:ins><w:r><w:t>ajouté</w:t></w:r></w:ins>
        <w:del><w:r><w:delText>retiré</w:delText></w:r></w:del><w:r><w:tab/><w:t>a&amp;b</w:t><w:br/>
        <w:t>per</w:t><w:softHyphen/><w:t>sonne</w:t><w:noBreakHyphen/><w:t>là</w:t></w:r></w:p>
        <w:p><w:r><w:rPr><w:vanish/></w:rPr><w:t>caché</w:t></w:r><w:r><w:rPr><w:vanish w:val="0"/></w:rPr>
        <w:t>vu</w:t></w:r></w:p>
        <w:p><w:hyperlink><w:r><w:t>lien</w:t></w:r></w:hyperlink><w:r><w:fldChar w:fldCharType="begin"/></w:r>
        <w:r><w:instrText> DATE </w:instrText></w:r><w:r><w:fldChar w:fldCharType="separate"/></w:r>
        <w:r><w:t xml:space="preserve"> 3 mai</w:t></w:r><w:r><w:fldChar w:fldCharType="end"/></w:r></w:p>
        <w:sdt><w:sdtPr><w:alias w:val="x"/></w:sdtPr><w:sdtContent><w:p><w:r><w:t>champ </w:t>
        <w:sym w:font="Wingdings" w:char="F0FC"/></w:r></w:p></w:sdtContent></w:sdt>"#,
        &[],
        &["P L’été ajouté a&b/personne-là", "P vu", "P lien 3 mai", "P champ ✓"],
    );
}

#[test]
fn docx_headings_and_numbers() {
    let styles = r#"<w:styles><w:style w:type="paragraph" w:styleId="Titre1"><w:name w:val="heading 1"/></w:style>
        <w:style w:type="paragraph" w:styleId="Perso"><w:name w:val="Perso"/><w:basedOn w:val="Titre1"/></w:style>
        <w:style w:type="paragraph" w:styleId="Niveau"><w:name w:val="x"/><w:pPr><w:outlineLvl w:val="2"/></w:pPr></w:style>
        </w:styles>"#;
    let numbering = r#"<w:numbering><w:abstractNum w:abstractNumId="7">
        <w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:lvlText w:val="Art. %1"/></w:lvl>
        <w:lvl w:ilvl="1"><w:start w:val="1"/><w:numFmt w:val="lowerLetter"/><w:lvlText w:val="%1.%2)"/></w:lvl>
        </w:abstractNum><w:abstractNum w:abstractNumId="8"><w:lvl w:ilvl="0"><w:numFmt w:val="bullet"/>
        <w:lvlText w:val="o"/></w:lvl></w:abstractNum><w:num w:numId="1"><w:abstractNumId w:val="7"/></w:num>
        <w:num w:numId="2"><w:abstractNumId w:val="8"/></w:num></w:numbering>"#;
    let styled = |style: &str, text: &str| {
        format!(r#"<w:p><w:pPr><w:pStyle w:val="{style}"/></w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>"#)
    };
    let item = |list: u8, depth: u8, text: &str| {
        format!(
            r#"<w:p><w:pPr><w:numPr><w:ilvl w:val="{depth}"/><w:numId w:val="{list}"/></w:numPr></w:pPr>
            <w:r><w:t>{text}</w:t></w:r></w:p>"#
        )
    };
    let body = [
        styled("Titre1", "Un"),
        styled("Perso", "Deux"),
        styled("Niveau", "Trois"),
        styled("Titre2", "Sans style"),
        item(1, 0, "a"),
        item(1, 1, "b"),
        item(1, 1, "c"),
        item(1, 0, "d"),
        item(2, 0, "puce"),
    ];
    let extracted = check_docx(
        &body.concat(),
        &[("styles", "styles.xml", styles), ("numbering", "numbering.xml", numbering)],
        &[
            "H1 Un",
            "H1 Deux",
            "H3 Trois",
            "H2 Sans style",
            "L0 Art. 1 a",
            "L1 1.a) b",
            "L1 1.b) c",
            "L0 Art. 2 d",
            "L0 puce",
        ],
    );
    assert_eq!(extracted.title.as_deref(), Some("Un"));
}

/// A paragraph of a list.
fn item(list: u8, depth: u8, text: &str) -> String {
    format!(
        r#"<w:p><w:pPr><w:numPr><w:ilvl w:val="{depth}"/><w:numId w:val="{list}"/></w:numPr></w:pPr>
        <w:r><w:t>{text}</w:t></w:r></w:p>"#
    )
}

#[test]
fn docx_numbers_of_styles_of_lists_and_of_changed_levels() {
    let level = |depth: u8, format: &str, text: &str| {
        format!(r#"<w:lvl w:ilvl="{depth}"><w:numFmt w:val="{format}"/>{text}</w:lvl>"#)
    };
    let numbering = format!(
        r#"<w:numbering><w:abstractNum w:abstractNumId="1"><w:numStyleLink w:val="Contrat"/></w:abstractNum>
        <w:abstractNum w:abstractNumId="2"><w:styleLink w:val="Contrat"/>{}{}</w:abstractNum>
        <w:num w:numId="1"><w:abstractNumId w:val="1"/></w:num><w:num w:numId="2"><w:abstractNumId w:val="2"/>
        <w:lvlOverride w:ilvl="0"><w:startOverride w:val="5"/>{}</w:lvlOverride></w:num></w:numbering>"#,
        level(0, "upperRoman", r#"<w:lvlText w:val="Titre %1"/>"#),
        level(1, "decimal", r#"<w:isLgl/><w:lvlText w:val="%1.%2"/>"#),
        level(0, "decimal", r#"<w:lvlText w:val="Art. %1"/>"#),
    );
    let deleted = item(1, 0, "").replace("</w:numPr>", "</w:numPr><w:rPr><w:del/></w:rPr>");
    let body = [
        item(1, 0, "Objet"),
        item(1, 1, "Durée"),
        item(1, 0, ""),
        deleted,
        item(1, 0, "Prix"),
        item(2, 0, "a"),
        item(2, 0, "b"),
    ];
    let expected = ["L0 Titre I Objet", "L1 1.1 Durée", "L0 Titre III Prix", "L0 Art. 5 a", "L0 Art. 6 b"];
    check_docx(&body.concat(), &[("numbering", "numbering.xml", &numbering)], &expected);
    // A cell that holds nothing but its number shows it.
    let row =
        |text: &str| format!("<w:tr><w:tc>{}</w:tc><w:tc>{}</w:tc></w:tr>", item(2, 0, ""), paragraph(text));
    let table = format!(
        r#"<w:tbl><w:tblPr><w:tblLook w:firstRow="0"/></w:tblPr>{}{}</w:tbl>"#,
        row("oui"),
        row("non")
    );
    check_docx(
        &table,
        &[("numbering", "numbering.xml", &numbering)],
        &["T0 Art. 5 | oui", "T0 Art. 6 | non"],
    );
}

#[test]
fn docx_fields_of_forms_show_what_was_ticked_and_chosen() {
    let run = |inside: &str| format!("<w:r>{inside}</w:r>");
    let field = |data: &str, shown: &str| {
        [
            run(&format!(r#"<w:fldChar w:fldCharType="begin"><w:ffData>{data}</w:ffData></w:fldChar>"#)),
            run("<w:instrText> FORM </w:instrText>"),
            run(r#"<w:fldChar w:fldCharType="separate"/>"#),
            run(&format!("<w:t>{shown}</w:t>")),
            run(r#"<w:fldChar w:fldCharType="end"/>"#),
        ]
        .concat()
    };
    let choices = r#"<w:listEntry w:val="Brest"/><w:listEntry w:val="Lyon"/>"#;
    let body = [
        field(r#"<w:checkBox><w:default w:val="0"/><w:checked/></w:checkBox>"#, ""),
        run("<w:t> oui, </w:t>"),
        field(r#"<w:checkBox><w:default w:val="1"/><w:checked w:val="0"/></w:checkBox>"#, ""),
        run("<w:t> non, </w:t>"),
        field(&format!(r#"<w:ddList><w:result w:val="1"/>{choices}</w:ddList>"#), ""),
        run("<w:t> ou </w:t>"),
        // Some programs write the choice into the text too, and typed text stands nowhere else.
        field(&format!("<w:ddList>{choices}</w:ddList>"), "Brest"),
        run("<w:t>, </w:t>"),
        field(r#"<w:textInput><w:default w:val="nom"/></w:textInput>"#, "Zoé"),
    ];
    check_docx(&format!("<w:p>{}</w:p>", body.concat()), &[], &["P ☒ oui, ☐ non, Lyon ou Brest, Zoé"]);
}

#[test]
fn docx_formulas_keep_their_meaning_on_one_line() {
    let run = |text: &str| format!("<m:r><m:t>{text}</m:t></m:r>");
    let formula = [
        format!(
            "<m:sSup><m:e><m:d><m:e>{}</m:e></m:d></m:e><m:sup>{}</m:sup></m:sSup>",
            run("a+b"),
            run("2")
        ),
        run("="),
        format!("<m:f><m:num>{}</m:num><m:den>{}</m:den></m:f>", run("x+1"), run("2")),
        run("+"),
        format!(
            r#"<m:nary><m:naryPr><m:chr m:val="∑"/></m:naryPr><m:sub>{}</m:sub><m:sup>{}</m:sup><m:e><m:rad>
            <m:radPr><m:degHide m:val="1"/></m:radPr><m:deg/><m:e>{}</m:e></m:rad></m:e></m:nary>"#,
            run("i=1"),
            run("n"),
            run("i")
        ),
    ];
    let body = format!("<w:p><w:r><w:t>Soit </w:t></w:r><m:oMath>{}</m:oMath></w:p>", formula.concat());
    check_docx(&body, &[], &["P Soit (a+b)^2=(x+1)/2+∑_(i=1)^n √(i)"]);
}

#[test]
fn docx_subtitles_are_no_headings() {
    let styles = r#"<w:styles><w:style w:type="paragraph" w:styleId="Titre"><w:name w:val="Title"/></w:style>
        <w:style w:type="paragraph" w:styleId="Sous"><w:name w:val="Subtitle"/><w:basedOn w:val="Titre"/></w:style>
        <w:style w:type="paragraph" w:styleId="Maison"><w:name w:val="x"/><w:basedOn w:val="Titre"/></w:style>
        </w:styles>"#;
    let styled = |style: &str| {
        format!(r#"<w:p><w:pPr><w:pStyle w:val="{style}"/></w:pPr><w:r><w:t>{style}</w:t></w:r></w:p>"#)
    };
    check_docx(
        &[styled("Titre"), styled("Sous"), styled("Maison")].concat(),
        &[("styles", "styles.xml", styles)],
        &["H1 Titre", "P Sous", "H1 Maison"],
    );
}

#[test]
fn what_nobody_sees_does_not_part_the_words() {
    // A soft hyphen, a space of no width, a turn of the direction, letters of the block of tags.
    check_docx(&paragraph("mar\u{ad}di\u{200b} \u{202e}ma\u{e0041}\u{e0042}tin"), &[], &["P mardi matin"]);
}

#[test]
fn docx_tables() {
    let cell = |inside: &str| format!("<w:tc>{inside}</w:tc>");
    let row = |cells: &[String]| format!("<w:tr>{}</w:tr>", cells.concat());
    let simple = |texts: &[&str]| row(&texts.iter().map(|text| cell(&paragraph(text))).collect::<Vec<_>>());
    let merged = row(&[
        cell(&format!(r#"<w:tcPr><w:gridSpan w:val="2"/></w:tcPr>{}"#, paragraph("large"))),
        cell(&format!("<w:tcPr><w:vMerge/></w:tcPr>{}", paragraph("suite"))),
    ]);
    let inner = format!("<w:tbl>{}{}</w:tbl>", simple(&["Clé", "Valeur"]), simple(&["k", "v"]));
    let nested = row(&[
        cell(&format!("{}{inner}", paragraph("dehors"))),
        cell(&paragraph("y")),
        cell(&paragraph("z")),
    ]);
    let body = format!(
        "<w:tbl>{}{merged}{nested}{}</w:tbl><w:tbl><w:tblGrid><w:gridCol/></w:tblGrid>{}</w:tbl>",
        simple(&["Nom", "Prénom", "Âge"]),
        simple(&["1", "", "3"]),
        simple(&["cadre"]),
    );
    check_docx(
        &body,
        &[],
        &[
            "T0* Nom | Prénom | Âge",
            "T0 large",
            "T0 dehors | y | z",
            "T1* Clé | Valeur",
            "T1 k | v",
            "T2 1 |  | 3",
            "P cadre",
        ],
    );
}

#[test]
fn docx_text_boxes_come_once_and_notes_after_their_paragraph() {
    let shape = |text: &str| {
        let story = format!("<w:txbxContent>{}</w:txbxContent>", paragraph(text));
        format!(
            "<w:r><mc:AlternateContent><mc:Choice><w:drawing>{story}</w:drawing></mc:Choice>
            <mc:Fallback><w:pict>{story}</w:pict></mc:Fallback></mc:AlternateContent></w:r>"
        )
    };
    let body = format!(
        r#"<w:p><w:r><w:t>Avant</w:t><w:footnoteReference w:id="2"/></w:r>{}<w:r><w:commentReference w:id="5"/></w:r></w:p>{}"#,
        shape("encadré"),
        paragraph("Après")
    );
    let footnotes = format!(
        r#"<w:footnotes><w:footnote w:type="separator" w:id="0"><w:p/></w:footnote><w:footnote w:id="2">{}</w:footnote></w:footnotes>"#,
        paragraph("bas de page")
    );
    let comments = format!(
        r#"<w:comments><w:comment w:id="5" w:author="Ana">{}</w:comment></w:comments>"#,
        paragraph("à revoir")
    );
    let header = format!("\n<w:hdr>{}</w:hdr>", paragraph("Ministère"));
    let footer = format!("<w:ftr>{}{}</w:ftr>", paragraph("Page 3 sur 7"), paragraph("Diffusion restreinte"));
    check_docx(
        &body,
        &[
            ("footnotes", "footnotes.xml", &footnotes),
            ("comments", "comments.xml", &comments),
            ("header", "header1.xml", &header),
            ("header", "header2.xml", &header),
            ("footer", "footer1.xml", &footer),
        ],
        &[
            "P Ministère",
            "P Avant",
            "P encadré",
            "Note 1 bas de page",
            "Comment Ana: à revoir",
            "P Après",
            "P Diffusion restreinte",
        ],
    );
}

#[test]
fn docx_pages_are_known_only_from_a_layout() {
    let broken = |mark: &str| format!("{}<w:p><w:r>{mark}<w:t>deux</w:t></w:r></w:p>", paragraph("un"));
    check_docx(&broken("<w:lastRenderedPageBreak/>"), &[], &["P@1 un", "P@2 deux"]);
    let both = r#"<w:br w:type="page"/><w:lastRenderedPageBreak/>"#;
    check_docx(&broken(both), &[], &["P@1 un", "P@2 deux"]);
    check_docx(&broken(r#"<w:br w:type="page"/>"#), &[], &["P un", "P deux"]);
}

#[test]
fn docx_holds_other_files() {
    let inner = docx(&paragraph("dedans"), &[]);
    let root = relations(&[relation("r", "officeDocument", "word/document.xml")]);
    let links = relations(&[relation("e", "package", "embeddings/note.docx")]);
    let document = format!("<w:document><w:body>{}</w:body></w:document>", paragraph("dehors"));
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in [
        ("[Content_Types].xml", TYPES.as_bytes()),
        ("_rels/.rels", root.as_bytes()),
        ("word/document.xml", document.as_bytes()),
        ("word/_rels/document.xml.rels", links.as_bytes()),
        ("word/embeddings/note.docx", &inner),
    ] {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    let extracted = check("x.docx", &zip.finish().unwrap().into_inner(), &["P dehors"]);
    let part = &extracted.parts[0];
    assert_eq!(
        (part.name.as_str(), lines(part.outcome.as_ref().unwrap())),
        ("note.docx", vec!["P dedans".to_owned()])
    );
}

#[test]
fn slides_come_in_their_order_with_titles_first_and_notes_last() {
    let shape = |kind: &str, text: &str| {
        format!(
            r#"<p:sp><p:nvSpPr><p:nvPr>{kind}</p:nvPr></p:nvSpPr><p:txBody><a:p><a:r><a:t>{text}</a:t></a:r></a:p></p:txBody></p:sp>"#
        )
    };
    let first = format!(
        "<p:sld><p:spTree>{}{}{}</p:spTree></p:sld>",
        shape(r#"<p:ph idx="1"/>"#, "point"),
        shape(r#"<p:ph type="title"/>"#, "Premier"),
        shape(r#"<p:ph type="sldNum"/>"#, "1"),
    );
    let cell =
        |text: &str| format!("<a:tc><a:txBody><a:p><a:r><a:t>{text}</a:t></a:r></a:p></a:txBody></a:tc>");
    let second = format!(
        r#"<p:sld><p:spTree>{}<p:graphicFrame><a:tbl><a:tblPr firstRow="1"/><a:tr>{}{}</a:tr><a:tr>{}{}</a:tr></a:tbl></p:graphicFrame></p:spTree></p:sld>"#,
        shape("", "libre"),
        cell("A"),
        cell("B"),
        cell("1"),
        cell("2")
    );
    let notes = format!(
        "<p:notes>{}{}</p:notes>",
        shape(r#"<p:ph type="body"/>"#, "à dire"),
        shape(r#"<p:ph type="sldNum"/>"#, "1")
    );
    let list = r#"<p:presentation xmlns:r="r"><p:sldIdLst><p:sldId id="256" r:id="b"/><p:sldId id="257" r:id="a"/></p:sldIdLst></p:presentation>"#;
    let bytes = package(&[
        ("[Content_Types].xml", TYPES),
        ("_rels/.rels", &relations(&[relation("r", "officeDocument", "ppt/presentation.xml")])),
        ("ppt/presentation.xml", list),
        (
            "ppt/_rels/presentation.xml.rels",
            &relations(&[
                relation("a", "slide", "slides/slide1.xml"),
                relation("b", "slide", "slides/slide2.xml"),
            ]),
        ),
        ("ppt/slides/slide1.xml", &second),
        ("ppt/slides/slide2.xml", &first),
        (
            "ppt/slides/_rels/slide2.xml.rels",
            &relations(&[relation("n", "notesSlide", "../notesSlides/n.xml")]),
        ),
        ("ppt/notesSlides/n.xml", &notes),
    ]);
    let extracted = check(
        "x.pptx",
        &bytes,
        &["H1@1 Premier", "L0@1 point", "Comment@1 à dire", "P@2 libre", "T0*@2 A | B", "T0@2 1 | 2"],
    );
    assert_eq!(extracted.pages, Some(2));
}

#[test]
fn slides_show_their_fixed_date_and_threads_of_comments() {
    let date = |inside: &str| {
        format!(
            r#"<p:sp><p:nvSpPr><p:nvPr><p:ph type="dt"/></p:nvPr></p:nvSpPr><p:txBody><a:p>{inside}</a:p></p:txBody></p:sp>"#
        )
    };
    let slide = format!(
        "<p:sld><p:spTree>{}{}</p:spTree></p:sld>",
        date("<a:r><a:t>12 mars 2024</a:t></a:r>"),
        date(r#"<a:fld type="datetime1"><a:t>01/02/2025</a:t></a:fld>"#)
    );
    let body = |runs: &str| format!("<p:txBody><a:p>{runs}</a:p></p:txBody>");
    // Replies stand before the text that they reply to.
    let thread = format!(
        r#"<p:cmLst><p:cm authorId="A"><p:replyLst><p:reply authorId="B">{}</p:reply></p:replyLst>{}</p:cm></p:cmLst>"#,
        body("<a:r><a:t>oui</a:t></a:r>"),
        body("<a:r><a:t>À re</a:t></a:r><a:r><a:t>voir</a:t></a:r>")
    );
    let bytes = package(&[
        ("[Content_Types].xml", TYPES),
        ("_rels/.rels", &relations(&[relation("r", "officeDocument", "ppt/presentation.xml")])),
        (
            "ppt/presentation.xml",
            r#"<p:presentation xmlns:r="r"><p:sldIdLst><p:sldId id="256" r:id="a"/></p:sldIdLst></p:presentation>"#,
        ),
        (
            "ppt/_rels/presentation.xml.rels",
            &relations(&[
                relation("a", "slide", "slides/slide1.xml"),
                relation("b", "authors", "authors.xml"),
            ]),
        ),
        (
            "ppt/authors.xml",
            r#"<p:authorLst><p:author id="A" name="Ana"/><p:author id="B" name="Bob"/></p:authorLst>"#,
        ),
        ("ppt/slides/slide1.xml", &slide),
        ("ppt/slides/_rels/slide1.xml.rels", &relations(&[relation("c", "comments", "../comments/c.xml")])),
        ("ppt/comments/c.xml", &thread),
    ]);
    check("x.pptx", &bytes, &["P@1 12 mars 2024", "Comment@1 Ana: À revoir", "Comment@1 Bob: oui"]);
}

#[test]
fn workbooks_show_numbers_as_people_see_them() {
    let sheet = r#"<worksheet><sheetData>
        <row r="1"><c r="B1" t="s"><v>0</v></c></row>
        <row r="3"><c r="B3" t="s"><v>1</v></c><c r="C3" t="inlineStr"><is><t>Montant</t></is></c><c r="E3" t="str"><v>Part</v></c></row>
        <row r="4"><c r="B4" s="1"><v>43831</v></c><c r="C4" s="2"><f>1+1</f><v>1234.5</v></c><c r="E4" s="3"><v>0.25</v></c></row>
        <row r="5"><c r="B5" t="e"><v>#N/A</v></c><c r="C5"><v>0.30000000000000004</v></c><c r="E5" t="b"><v>1</v></c></row>
        </sheetData></worksheet>"#;
    let styles = r##"<styleSheet><numFmts><numFmt numFmtId="164" formatCode="#,##0.00\ &quot;€&quot;"/></numFmts>
        <cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="164"/><xf numFmtId="9"/></cellXfs></styleSheet>"##;
    let strings =
        "<sst><si><t>Budget</t></si><si><r><t>Da</t></r><r><t>te</t></r><rPh><t>x</t></rPh></si></sst>";
    let comments = r#"<comments><authors><author>Ana</author></authors><commentList><comment ref="C4" authorId="0"><text><r><t>estimé</t></r></text></comment></commentList></comments>"#;
    let bytes = package(&[
        ("[Content_Types].xml", TYPES),
        ("_rels/.rels", &relations(&[relation("r", "officeDocument", "xl/workbook.xml")])),
        (
            "xl/workbook.xml",
            r#"<workbook><sheets><sheet name="Données" sheetId="1" r:id="s"/></sheets></workbook>"#,
        ),
        (
            "xl/_rels/workbook.xml.rels",
            &relations(&[
                relation("s", "worksheet", "worksheets/sheet1.xml"),
                relation("t", "sharedStrings", "sharedStrings.xml"),
                relation("u", "styles", "styles.xml"),
            ]),
        ),
        ("xl/worksheets/sheet1.xml", sheet),
        (
            "xl/worksheets/_rels/sheet1.xml.rels",
            &relations(&[relation("c", "comments", "/xl/comments1.xml")]),
        ),
        ("xl/comments1.xml", comments),
        ("xl/sharedStrings.xml", strings),
        ("xl/styles.xml", styles),
    ]);
    let extracted = check(
        "x.xlsx",
        &bytes,
        &[
            "H1 Données",
            "P Budget",
            "T0* Date | Montant | Part",
            "T0 2020-01-01 | 1,234.50 € | 25%",
            "T0 #N/A | 0.3 | TRUE",
            "Comment C4 Ana: estimé",
        ],
    );
    let place = &extracted.blocks[3].place;
    assert_eq!((place.line, place.section.as_deref()), (Some(4), Some("Données")));
}

#[test]
fn binary_workbooks_heed_the_calendar_of_1904() {
    let first_date = |from_1904: u32| {
        let mut parts = members("a.xlsb");
        // The workbook's properties stand behind the record that opens it; their first flag is the calendar.
        content(&mut parts, "xl/workbook.bin").splice(3..3, record(0x99, &le32(&[from_1904, 0, 0])));
        // The number 12.5 gets the second format: a date.
        let sheet = content(&mut parts, "xl/worksheets/sheet1.bin");
        let at = sheet.windows(2).position(|window| window == [5, 16]).unwrap() + 6;
        sheet[at] = 1;
        let format = |id: u16| record(0x2f, &joined(&[&le16(&[0, id]), &[0; 12]]));
        let styles = joined(&[&record(0x269, &le32(&[2])), &format(0), &format(14)]);
        parts.push(("xl/styles.bin".to_owned(), styles));
        let read = read("a.xlsb", &Content::Zip(parts).pack()).unwrap();
        read.blocks.last().unwrap().text.clone()
    };
    assert_eq!(first_date(0), "1900-01-12 12:00 | 42");
    assert_eq!(first_date(1), "1904-01-13 12:00 | 42");
}

pub fn open_document(kind: &str, body: &str, styles: &str) -> Vec<u8> {
    let content = format!(
        "<office:document-content><office:automatic-styles>{styles}</office:automatic-styles><office:body>{body}</office:body></office:document-content>"
    );
    package(&[
        ("mimetype", &format!("application/vnd.oasis.opendocument.{kind}")),
        ("content.xml", &content),
        ("META-INF/manifest.xml", "<manifest:manifest/>"),
    ])
}

#[test]
fn open_document_texts() {
    let body = r#"<office:text><text:tracked-changes><text:p>retiré</text:p></text:tracked-changes>
        <text:p text:style-name="P1">Le titre</text:p><text:h text:outline-level="2">Partie</text:h>
        <text:p>Une<text:s text:c="2"/>note<text:note><text:note-citation>1</text:note-citation><text:note-body>
        <text:p>au bas</text:p></text:note-body></text:note></text:p>
        <text:p>Au milieu<text:note><text:note-citation>2</text:note-citation><text:note-body><text:p>ici</text:p>
        </text:note-body></text:note> de la phrase<office:annotation><dc:creator>Ana</dc:creator><dc:date>d</dc:date>
        <text:p>vu</text:p></office:annotation>.</text:p>
        <text:list><text:list-item><text:p>a</text:p><text:list><text:list-item><text:p>b</text:p></text:list-item>
        </text:list></text:list-item></text:list>
        <table:table><table:table-column table:number-columns-repeated="2"/><table:table-header-rows><table:table-row>
        <table:table-cell><text:p>x</text:p></table:table-cell><table:table-cell><text:p>y</text:p></table:table-cell>
        </table:table-row></table:table-header-rows><table:table-row><table:table-cell table:number-columns-spanned="2">
        <text:p>1</text:p></table:table-cell><table:covered-table-cell/></table:table-row></table:table></office:text>"#;
    let styles = r#"<style:style style:name="P1" style:family="paragraph" style:parent-style-name="Title"/>"#;
    check(
        "x.odt",
        &open_document("text", body, styles),
        &[
            "H1 Le titre",
            "H2 Partie",
            "P Une note",
            "Note 1 au bas",
            "P Au milieu/2 ici/de la phrase.",
            "Comment Ana: vu",
            "L0 a",
            "L1 b",
            "T0* x | y",
            "T0 1",
        ],
    );
}

#[test]
fn open_document_lists_and_headings_show_their_numbers() {
    let level = |kind: &str, level: u8, format: &str, further: &str| {
        format!(
            r#"<text:{kind} text:level="{level}" style:num-format="{format}" style:num-suffix="." {further}/>"#
        )
    };
    let number = "list-level-style-number";
    let styles = format!(
        r#"<text:outline-style style:name="Outline">{}{}</text:outline-style>
        <text:list-style style:name="L1">{}{}</text:list-style>
        <text:list-style style:name="L2"><text:list-level-style-bullet text:level="1"/></text:list-style>
        <text:list-style style:name="L3">{}</text:list-style>"#,
        level("outline-level-style", 1, "I", ""),
        level("outline-level-style", 2, "1", r#"text:display-levels="2""#),
        level(number, 1, "1", r#"style:num-prefix="Art. ""#),
        level(number, 2, "a", ""),
        level(number, 1, "1", r#"style:num-list-format="%1%)""#),
    );
    let item = |text: &str| format!("<text:list-item><text:p>{text}</text:p></text:list-item>");
    let list = |of: &str, items: &str| format!("<text:list {of}>{items}</text:list>");
    let inner = format!(
        "<text:list-item><text:p>deux</text:p>{}<text:p>suite</text:p></text:list-item>",
        list("", &[item("a"), item("b")].concat())
    );
    let body = [
        r#"<text:h text:outline-level="1">Objet</text:h><text:h text:outline-level="2">Détail</text:h>"#
            .to_owned(),
        list(r#"text:style-name="L1" xml:id="x""#, &[item("un"), inner].concat()),
        r#"<text:h text:outline-level="1" text:is-list-header="true">Annexe</text:h>"#.to_owned(),
        list(r#"text:style-name="L1" text:continue-list="x""#, &item("trois")),
        list(r#"text:style-name="L2""#, &item("puce")),
        list(
            r#"text:style-name="L3""#,
            r#"<text:list-item text:start-value="7"><text:p>sept</text:p></text:list-item>"#,
        ),
        list(r#"text:style-name="L1""#, &item("anew")),
        r#"<text:h text:outline-level="1">Fin</text:h>"#.to_owned(),
    ];
    check(
        "x.odt",
        &open_document("text", &format!("<office:text>{}</office:text>", body.concat()), &styles),
        &[
            "H1 I. Objet",
            "H2 I.1. Détail",
            "L0 Art. 1. un",
            "L0 Art. 2. deux",
            "L1 a. a",
            "L1 b. b",
            "L0 suite",
            "H1 Annexe",
            "L0 Art. 3. trois",
            "L0 puce",
            "L0 7) sept",
            "L0 Art. 1. anew",
            "H1 II. Fin",
        ],
    );
}

#[test]
fn open_document_workbooks_and_slides() {
    let cell = |attributes: &str, text: &str| {
        format!("<table:table-cell {attributes}><text:p>{text}</text:p></table:table-cell>")
    };
    let body = format!(
        r#"<office:spreadsheet><table:table table:name="F1"><table:table-row>{}{}</table:table-row>
        <table:table-row table:number-rows-repeated="1000000"><table:table-cell table:number-columns-repeated="16384"/></table:table-row>
        <table:table-row>{}{}</table:table-row></table:table></office:spreadsheet>"#,
        cell("", "Nom"),
        cell("", "Date"),
        cell("", "Zoé"),
        cell(r#"office:date-value="2024-02-03T00:00:00""#, "03/02/24"),
    );
    check(
        "x.ods",
        &open_document("spreadsheet", &body, ""),
        &["H1 F1", "T0* Nom | Date", "T0 Zoé | 2024-02-03"],
    );
    let body = r#"<office:presentation><draw:page><draw:frame presentation:class="outline"><draw:text-box><text:list>
        <text:list-item><text:p>point</text:p></text:list-item></text:list></draw:text-box></draw:frame>
        <draw:frame presentation:class="title"><draw:text-box><text:p>Titre</text:p></draw:text-box></draw:frame>
        <presentation:notes><draw:frame presentation:class="notes"><draw:text-box><text:p>dire</text:p></draw:text-box>
        </draw:frame></presentation:notes></draw:page></office:presentation>"#;
    check("x.odp", &open_document("presentation", body, ""), &["H1@1 Titre", "L0@1 point", "Comment@1 dire"]);
}

#[test]
fn rich_text() {
    let head = r"{\rtf1\ansi\ansicpg1250\uc1{\fonttbl{\f0\fcharset238 Arial CE;}{\f1\fcharset204 X;}}{\stylesheet{\s1\outlinelevel0 heading 1;}{Normal;}}{\info{\title Essai}{\author Zo\'e9}{\creatim\yr2020\mo1\dy2}}";
    let rtf = |body: &str| format!("{head}{body}}}").into_bytes();
    let extracted = check(
        "x.rtf",
        &rtf(
            r"\pard\s1 Titre\par\pard\f0 g\'ea\'9cl\'b9\par\f1 \'cc\'e8\'f0\par \u233?t\u233 \'e9 {\v cach\'e9}vu{\*\inconnu rien}\line fin\par",
        ),
        &["H1 Titre", "P gęślą", "P Мир", "P été vu/fin"],
    );
    assert_eq!((extracted.title.as_deref(), extracted.author.as_deref()), (Some("Titre"), Some("Zoé")));
    assert_eq!(extracted.written_ms, Some(1_577_923_200_000));
    check(
        "x.rtf",
        &rtf(
            r"Avant\par\trowd\intbl Nom\cell Ville\cell\row\trowd\intbl A\par B\cell C\cell\row\pard Note{\footnote {\super\chftn} en bas}.\par{\listtext 1.\tab}\ls1 item\par{\field{\*\fldinst HYPERLINK x}{\fldrslt lien}}\u-10179?\u-8704?\par",
        ),
        &["P Avant", "T0* Nom | Ville", "T0 A B | C", "P Note.", "Note 1 en bas", "L0 1. item", "L0 lien😀"],
    );
}

#[test]
fn rich_text_headers_keep_the_cells_of_their_tables_apart() {
    check(
        "x.rtf",
        br"{\rtf1{\header\trowd\intbl Mairie\cell Ville de Brest\cell\row}\pard Texte\par}",
        &["P Mairie Ville de Brest", "P Texte"],
    );
}

/// The reason word of a refusal.
fn refusal(name: &str, bytes: &[u8]) -> String {
    match read(name, bytes) {
        Ok(extracted) => panic!("{name} was read: {:?}", lines(&extracted)),
        Err(error) => error.word().to_owned(),
    }
}

#[test]
fn damaged_packages_are_refused_for_their_reason() {
    let sound = docx(&paragraph(&"texte ".repeat(500)), &[]);
    let cut = &sound[..sound.len() / 2];
    assert_eq!(refusal("x.docx", cut), "corrupt");
    let broken = docx("<w:p><w:r></w:p>", &[]);
    assert_eq!(refusal("x.docx", &broken), "corrupt");
    let deep = docx(&"<w:sdt>".repeat(5_000), &[]);
    assert_eq!(refusal("x.docx", &deep), "limit");
    let empty = docx("<w:p/>", &[]);
    assert_eq!(refusal("x.docx", &empty), "empty");
    // The checksum in the directory and in the part's own head no longer fits.
    let mut wrong = sound.clone();
    let entry = wrong.windows(4).rposition(|window| window == b"PK\x01\x02").unwrap();
    let named = |bytes: &[u8], at: usize| bytes[at + 46..].starts_with(b"word/document.xml");
    let at =
        (0..=entry).rev().find(|&at| wrong[at..].starts_with(b"PK\x01\x02") && named(&wrong, at)).unwrap();
    wrong[at + 16] ^= 0xff;
    assert_eq!(refusal("x.docx", &wrong), "corrupt");
}

#[test]
fn encrypted_open_documents_are_refused() {
    let bytes = package(&[
        ("mimetype", "application/vnd.oasis.opendocument.text"),
        ("content.xml", "\u{1}\u{2}"),
        (
            "META-INF/manifest.xml",
            "<manifest:manifest><manifest:file-entry><manifest:encryption-data/></manifest:file-entry></manifest:manifest>",
        ),
    ]);
    assert_eq!(refusal("x.odt", &bytes), "encrypted");
}

#[test]
fn entities_are_never_expanded() {
    let document = r#"<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY f SYSTEM "file:///etc/hostname">]>
        <w:document><w:body><w:p><w:r><w:t>un &b;&f;&#233;</w:t></w:r></w:p></w:body></w:document>"#;
    let root = relations(&[relation("r", "officeDocument", "word/document.xml")]);
    let bytes =
        package(&[("[Content_Types].xml", TYPES), ("_rels/.rels", &root), ("word/document.xml", document)]);
    check("x.docx", &bytes, &["P un é"]);
}

#[test]
fn a_bomb_is_refused_at_once() {
    let text = "A".repeat(64 << 20);
    let bomb = docx(&paragraph(&text), &[]);
    let start = std::time::Instant::now();
    assert_eq!(refusal("x.docx", &bomb), "limit");
    assert!(start.elapsed() < std::time::Duration::from_secs(2), "took {:?}", start.elapsed());
}

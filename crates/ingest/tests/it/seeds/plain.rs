//! What is in the seeds that are packed in nothing: mail, texts, tables, images, a page?

use intramuros_ingest::Format;

use super::{Content, PHRASE, Seed, crc32, joined, le16, le32};

/// The seeds whose bytes are all there is.
pub fn seeds() -> Vec<Seed> {
    let seed = |name, format, bytes| Seed { name, format, content: Content::Plain(bytes) };
    let text = |name, format, text: String| seed(name, format, text.into_bytes());
    vec![
        text("a.mbox", Format::Mbox, mailbox()),
        text("a.eml", Format::Eml, mail()),
        text(
            "a.csv",
            Format::Csv,
            format!("Nom;Ville;Date\n{PHRASE};\"Lyon; Est\";2024-03-01\nPaul;Brest;1/2\n"),
        ),
        text("a.rtf", Format::Rtf, rich_text()),
        text("a.html", Format::Html, page()),
        text(
            "a.xml",
            Format::Xml,
            format!("<?xml version=\"1.0\"?><a b='1'><c>{PHRASE}</c><!-- d --><e/></a>"),
        ),
        text(
            "a.md",
            Format::Markdown,
            format!("# Titre\n\n- {PHRASE}\n  1. deux\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"),
        ),
        text(
            "a.json",
            Format::Json,
            format!(r#"{{"a": [1, 2.5e3, null], "b": {{"c": "{PHRASE} \u00e9\ud83d\ude00"}}}}"#),
        ),
        text("a.yaml", Format::Keyed, format!("a:\n  - b: {PHRASE}\n    c: |\n      deux\n      lignes\n")),
        text("a.ipynb", Format::Notebook, notebook()),
        text("a.py", Format::Code, format!("def f(x):\n    \"\"\"{PHRASE}\"\"\"\n    return x\n")),
        text("a.txt", Format::Text, format!("Titre\n=====\n\n{PHRASE}.\n\n- un\n- deux\n")),
        text(
            "a.rst",
            Format::Text,
            format!(
                "=====\nTitre\n=====\n\n.. note:: {PHRASE}\n\nVoir :ref:`un <deux>` ::\n\n    code\n\n==  ==\na   b\n==  ==\n1   2\n\
                 ==  ==\n\n+---+\n| c |\n+---+\n\n- d\n"
            ),
        ),
        text(
            "a.ics",
            Format::Text,
            format!(
                "BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:{PHRASE}\nDTSTART;TZID=\"Paris\":20240301T100000\nATTENDEE;CN=Anne:\
                 mailto:anne@example.org\nDESCRIPTION:Un\\nde\n ux\\, trois\nEND:VEVENT\nEND:VCALENDAR\n"
            ),
        ),
        text("wiki.xml", Format::Xml, wiki()),
        seed("winmail.dat", Format::Msg, winmail()),
        seed("a.txt.p7m", Format::Signed, signed()),
        text("a.pdf", Format::Pdf, drawn_page()),
        seed("a.txt.gz", Format::Compressed, packed()),
        seed("a.png", Format::Image, png()),
        seed(
            "a.gif",
            Format::Image,
            joined(&[b"GIF89a", &le16(&[2, 2]), b"\0\0\0,\0\0\0\0\x02\0\x02\0\0\x02\x02\x44\x01\0;"]),
        ),
        seed("a.bmp", Format::Image, bitmap()),
        seed(
            "a.jpg",
            Format::Image,
            b"\xff\xd8\xff\xe0\0\x04JF\xff\xc0\0\x0b\x08\0\x02\0\x02\x01\x01\x11\0\xff\xd9".to_vec(),
        ),
        seed("a.webp", Format::Image, b"RIFF\x16\0\0\0WEBPVP8L\x09\0\0\0\x2f\x01\x40\0\0\0\0\0\0".to_vec()),
        seed("a.tif", Format::Image, tiff()),
    ]
}

/// A mail with a text, its HTML version in quoted-printable, and a file in base64.
fn mail() -> String {
    format!(
        "From: =?utf-8?Q?Ren=C3=A9e?= <renee@example.org>\nTo: Bob <bob@example.org>\nSubject: =?iso-8859-1?Q?Cong=E9s?=\n\
         Date: Fri, 1 Mar 2024 10:32:00 +0100\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\
         Content-Type: text/plain; charset=utf-8\n\n{PHRASE}\n--b\nContent-Type: text/html; charset=iso-8859-1\n\
         Content-Transfer-Encoding: quoted-printable\n\n<p>=E9t=E9</p>\n--b\nContent-Type: text/plain; name=note.txt\n\
         Content-Disposition: attachment; filename=note.txt\nContent-Transfer-Encoding: base64\n\nRmluLg==\n--b--\n"
    )
}

/// An export of MediaWiki: a page with a heading, links, a template, a table, a note and a program.
fn wiki() -> String {
    format!(
        "<mediawiki><page><title>A</title><ns>0</ns><revision><id>1</id><timestamp>2024-03-01T09:00:00Z</timestamp>\
         <text>== B ==\n{PHRASE} [[c|d]] {{{{e|f\n|g=h}}}}&lt;ref&gt;i&lt;/ref&gt;\n* j\n{{|\n! k !! l\n|-\n| m || n\n|}}\n\
         &lt;pre&gt;o\np&lt;/pre&gt;\n[[q|[[r]]]]</text></revision></page></mediawiki>"
    )
}

/// What Outlook packs: a text, a list of properties, and a file.
fn winmail() -> Vec<u8> {
    let attribute = |number: u32, value: &[u8]| {
        let length = u32::try_from(value.len()).unwrap();
        joined(&[b"\x01", &le32(&[number, length]), value, b"\0\0"])
    };
    let properties = joined(&[&le32(&[2, 0x0E06_0003, 7, 0x0037_001E, 1, 3]), b"ab\0\0"]);
    joined(&[
        b"\x78\x9f\x3e\x22\x01\0",
        &attribute(0x0001_800C, PHRASE.as_bytes()),
        &attribute(0x0006_9003, &properties),
        &attribute(0x0006_9002, &[0; 14]),
        &attribute(0x0001_8010, b"note.txt\0"),
        &attribute(0x0006_800F, b"Fin."),
    ])
}

/// A text inside a signature.
fn signed() -> Vec<u8> {
    let element = |tag: u8, content: &[u8]| joined(&[&[tag, u8::try_from(content.len()).unwrap()], content]);
    let name = |last: u8| joined(&[b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07", &[last]]);
    let text = element(0xA0, &element(0x04, PHRASE.as_bytes()));
    let wrapped = element(0x30, &joined(&[&name(1), &text]));
    let inner = element(0x30, &joined(&[b"\x02\x01\x01", &element(0x31, b""), &wrapped]));
    element(0x30, &joined(&[&name(2), &element(0xA0, &inner)]))
}

/// Two messages, with a line that is quoted.
fn mailbox() -> String {
    format!(
        "From a@example.org Fri Mar  1 10:32:00 2024\n{}\n>From cité\n\nFrom b@example.org Sat Mar  2 10:32:00 2024\n\
         From: b@example.org\nSubject: deux\n\nFin.\n",
        mail()
    )
}

fn rich_text() -> String {
    format!(
        r"{{\rtf1\ansi\ansicpg1252\uc1{{\fonttbl{{\f0\fcharset238 Arial;}}}}{{\stylesheet{{\s1\outlinelevel0 heading 1;}}}}
{{\info{{\title Essai}}{{\creatim\yr2020\mo1\dy2}}}}\pard\s1 Titre\par\pard\f0 {PHRASE} \'e9\u233?\par
\trowd\intbl Nom\cell Ville\cell\row\pard{{\footnote en bas}}{{\*\inconnu rien}}\bin3 abc\par}}"
    )
}

fn page() -> String {
    format!(
        "<!DOCTYPE html><html lang=fr><head><title>Le titre</title><style>p {{ }}</style></head><body><h1>Titre</h1>\
         <p>{PHRASE}&nbsp;&#233;&eacute;</p><ol start=3><li>un<ul><li>deux</ul></ol><table><tr><th>a<th>b<tr>\
         <td rowspan=2 colspan=2>1</table><pre>x</pre><script>no()</script></body></html>"
    )
}

fn notebook() -> String {
    format!(
        r##"{{"cells": [{{"cell_type": "markdown", "source": ["# Titre\n", "{PHRASE}"]}}, {{"cell_type": "code",
        "source": "print(1)", "outputs": [{{"output_type": "stream", "text": ["1\n"]}}]}}], "nbformat": 4, "metadata": {{}}}}"##
    )
}

/// A PDF of one page, with its table of objects.
fn drawn_page() -> String {
    let content = format!("BT /F1 12 Tf 1 0 0 1 72 750 Tm ({PHRASE}) Tj ET");
    let stream = format!("<</Length {}>>\nstream\n{content}\nendstream", content.len());
    let objects: [&str; 5] = [
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        &stream,
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
    ];
    let (mut file, mut table) = ("%PDF-1.7\n".to_owned(), "0000000000 65535 f \n".to_owned());
    for (index, object) in objects.iter().enumerate() {
        table.push_str(&format!("{:010} 00000 n \n", file.len()));
        file.push_str(&format!("{} 0 obj\n{object}\nendobj\n", index + 1));
    }
    let (start, count) = (file.len(), objects.len() + 1);
    format!(
        "{file}xref\n0 {count}\n{table}trailer\n<</Size {count}/Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n"
    )
}

/// A text in a gzip stream of one stored block: damage to it reaches what is behind the decompressor.
fn packed() -> Vec<u8> {
    let length = PHRASE.len() as u16;
    let head = b"\x1f\x8b\x08\0\0\0\0\0\0\xff\x01";
    let sums = le32(&[crc32(PHRASE.as_bytes()), u32::from(length)]);
    joined(&[head, &le16(&[length, !length]), PHRASE.as_bytes(), &sums])
}

/// An image of two by two grey points, in one stored block.
fn png() -> Vec<u8> {
    let chunk = |kind: &[u8], data: &[u8]| {
        let named = joined(&[kind, data]);
        joined(&[&(data.len() as u32).to_be_bytes(), &named, &crc32(&named).to_be_bytes()])
    };
    // The last four bytes are the sum (Adler-32) of the six in the block.
    let points = b"\x78\x01\x01\x06\0\xf9\xff\0\0\0\0\0\0\0\x06\0\x01";
    joined(&[
        b"\x89PNG\r\n\x1a\n",
        &chunk(b"IHDR", b"\0\0\0\x02\0\0\0\x02\x08\0\0\0\0"),
        &chunk(b"IDAT", points),
        &chunk(b"IEND", b""),
    ])
}

fn bitmap() -> Vec<u8> {
    let head = joined(&[&le32(&[40, 2, 2]), &le16(&[1, 24]), &le32(&[0, 16, 0, 0, 0, 0])]);
    joined(&[b"BM", &le32(&[70, 0, 54]), &head, &[0xff; 16]])
}

/// Only the two entries that say how large it is.
fn tiff() -> Vec<u8> {
    let entry = |tag: u16| joined(&[&le16(&[tag, 3]), &le32(&[1]), &le16(&[2, 0])]);
    joined(&[b"II*\0", &le32(&[8]), &le16(&[2]), &entry(256), &entry(257), &le32(&[0])])
}

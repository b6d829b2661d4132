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

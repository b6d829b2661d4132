//! Is the format found by content, whatever the name says?

use intramuros_ingest::Format;

fn check(name: &str, bytes: &[u8], expected: Result<Format, &str>) {
    let found = Format::of(name, bytes);
    assert_eq!(
        found.as_ref().map_err(|error| error.word()),
        expected.as_ref().map_err(|word| *word),
        "{name}: {found:?}"
    );
}

#[test]
fn content_decides_before_the_name() {
    check("photo.txt", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", Ok(Format::Image));
    check("rapport.doc", b"{\\rtf1\\ansi bonjour}", Ok(Format::Rtf));
    check("rapport.txt", b"%PDF-1.7\n1 0 obj", Ok(Format::Pdf));
    check("page.txt", b"<!DOCTYPE html><html><body>x</body></html>", Ok(Format::Html));
    check("export.xls", b"Nom\tVille\nAnne\tLyon\nPaul\tBrest\n", Ok(Format::Csv));
    check("notes", b"{\"cells\": [{\"cell_type\": \"code\"}], \"nbformat\": 4}", Ok(Format::Notebook));
}

#[test]
fn names_tell_texts_apart() {
    check("a.md", b"# Titre\n", Ok(Format::Markdown));
    check("a.csv", b"a,b\n1,2\n", Ok(Format::Csv));
    check("src/main.rs", b"fn main() {}\n", Ok(Format::Code));
    check("Dockerfile", b"FROM scratch\n", Ok(Format::Code));
    check("a.yaml", b"a: 1\n", Ok(Format::Keyed));
    check("a.txt", "Été, déjà vu".as_bytes(), Ok(Format::Text));
    check("LISEZMOI", "Bonjour à tous.\n".as_bytes(), Ok(Format::Text));
}

#[test]
fn mails_and_mailboxes_are_known_by_their_headers() {
    check("courrier", b"From: a@b.fr\r\nTo: c@d.fr\r\nSubject: x\r\n\r\nBonjour", Ok(Format::Eml));
    check(
        "boite",
        b"From a@b.fr Mon Jan  1 00:00:00 2024\nFrom: a@b.fr\nSubject: x\n\nBonjour\n",
        Ok(Format::Mbox),
    );
    check(
        "lettre.txt",
        b"From: the director\nDear all,\nplease note: the office is closed.\n",
        Ok(Format::Text),
    );
}

#[test]
fn any_encoding_is_text_and_no_binary_is() {
    let utf16: Vec<u8> = "Bonjour à tous".encode_utf16().flat_map(u16::to_le_bytes).collect();
    check("a.txt", &utf16, Ok(Format::Text));
    check("a.txt", b"\xff\xfea\0b\0", Ok(Format::Text));
    check("a.txt", b"\xff\xfe\0\0a\0\0\0b\0\0\0", Ok(Format::Text));
    check("a.txt", b"d\xe9j\xe0 vu, na\xefve", Ok(Format::Text));
    let noise: Vec<u8> = (0..4096_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    check("bruit.txt", &noise, Err("corrupt"));
    check("bruit", &noise, Err("corrupt"));
}

#[test]
fn a_line_of_text_is_no_office_document() {
    check("x.odt", b"This is not a zip file!\n", Err("corrupt"));
    check("x.docx", b"", Err("corrupt"));
    check("x.txt", b"", Err("empty"));
    check("x.doc", b"<html><body>Sorry</body></html>", Err("corrupt"));
}

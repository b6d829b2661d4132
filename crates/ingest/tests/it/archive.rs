//! Are containers read member by member, whatever their names and sizes say?

use std::io::{Cursor, Write};

use intramuros_core::document::{ExtractError, Limits};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::data;
use crate::show::{blocks, check, check_refused, parts, read};

/// A ZIP of these files, compressed but for the one that names a format.
pub fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        let method =
            if *name == "mimetype" { CompressionMethod::Stored } else { CompressionMethod::Deflated };
        writer.start_file(*name, SimpleFileOptions::default().compression_method(method)).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A tar archive of these files.
pub fn tarred(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        // The library refuses unsafe names; archives of attackers have them.
        header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        builder.append(&header, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

#[test]
fn members_of_a_zip_are_documents_with_safe_and_unique_names() {
    let inner = zipped(&[("deep.md", b"# Profond")]);
    let archive = zipped(&[
        ("../../etc/a.txt", b"un"),
        ("/etc/a.txt", b"deux"),
        ("C:\\dossier\\b.txt", b"trois"),
        ("__MACOSX/._b.txt", b"noise"),
        ("in.zip", &inner),
        ("vide.txt", b""),
    ]);
    let extracted = read("a.zip", &archive).unwrap();
    assert_eq!(
        parts(&extracted),
        "etc/a.txt: un\netc/a (2).txt: deux\ndossier/b.txt: trois\nin.zip:\n  deep.md: Profond\nvide.txt! empty"
    );
}

#[test]
fn links_are_not_followed() {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.add_symlink("link.txt", "/etc/passwd", SimpleFileOptions::default()).unwrap();
    writer.start_file("a.txt", SimpleFileOptions::default()).unwrap();
    writer.write_all(b"texte").unwrap();
    let extracted = read("a.zip", writer.finish().unwrap().into_inner().as_slice()).unwrap();
    assert_eq!(parts(&extracted), "a.txt: texte");
    assert_eq!(extracted.warnings, ["link.txt: a link, not followed"]);

    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    builder.append_link(&mut header, "link.txt", "/etc/passwd").unwrap();
    check_refused("a.tar", builder.into_inner().unwrap(), "empty");
}

#[test]
fn tar_and_compressed_streams_are_read() {
    let archive = tarred(&[("../notes/a.txt", "été".as_bytes()), ("b.csv", b"x,y\n1,2\n")]);
    let expected = "notes/a.txt: été\nb.csv: x | y 1 | 2";
    assert_eq!(parts(&read("a.tar", &archive).unwrap()), expected);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&archive).unwrap();
    assert_eq!(parts(&read("a.tar.gz", &gzip.finish().unwrap()).unwrap()), expected);
    let mut bzip = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::default());
    bzip.write_all(&archive).unwrap();
    assert_eq!(parts(&read("a.tbz2", &bzip.finish().unwrap()).unwrap()), expected);
    let zstd =
        ruzstd::encoding::compress_to_vec(archive.as_slice(), ruzstd::encoding::CompressionLevel::Fastest);
    assert_eq!(parts(&read("a.tar.zst", &zstd).unwrap()), expected);
}

#[test]
fn a_single_compressed_file_is_the_document_it_holds() {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(b"# Titre\n\ntexte\n").unwrap();
    check("note.md.gz", gzip.finish().unwrap(), &["h1:1 Titre", "p:3 texte"]);
    // "bonjour xz\n", packed by the xz program.
    let xz = b"\xfd\x37\x7a\x58\x5a\x00\x00\x04\xe6\xd6\xb4\x46\x02\x00\x21\x01\x16\x00\x00\x00\x74\x2f\xe5\xa3\x01\x00\x0a\x62\x6f\x6e\x6a\x6f\x75\x72\x20\x78\x7a\x0a\x00\x00\xc3\xb3\x21\x95\xa0\x5e\x0b\xc3\x00\x01\x23\x0b\xc2\x1b\xfd\x09\x1f\xb6\xf3\x7d\x01\x00\x00\x00\x00\x04\x59\x5a";
    check("note.txt.xz", xz, &["p:1 bonjour xz"]);
}

#[test]
fn bombs_end_at_a_limit() {
    let zeros = vec![b'0'; 64 << 20];
    let bomb = zipped(&[("zeros.txt", &zeros)]);
    check_refused("bomb.zip", &bomb, "limit");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&zeros).unwrap();
    check_refused("bomb.gz", gzip.finish().unwrap(), "limit");
    let mut nested = zipped(&[("a.txt", b"fond")]);
    for _ in 0..10 {
        nested = zipped(&[("in.zip", &nested)]);
    }
    let shown = parts(&read("nested.zip", &nested).unwrap_or_default());
    assert!(!shown.contains("fond"), "{shown}");
    let many: Vec<(String, Vec<u8>)> =
        (0..30).map(|number| (format!("{number}.txt"), b"x".to_vec())).collect();
    let many: Vec<(&str, &[u8])> =
        many.iter().map(|(name, content)| (name.as_str(), content.as_slice())).collect();
    let limits = Limits { members: 10, ..Limits::default() };
    let extracted = intramuros_ingest::extract("many.zip", &zipped(&many), &limits).unwrap();
    assert_eq!(extracted.parts.len(), 10);
    assert_eq!(extracted.warnings, ["stopped after 10 files: over a limit: more than 10 files inside"]);
}

#[test]
fn damaged_containers_end_in_a_reason() {
    let mut archive = zipped(&[("a.txt", &b"texte ".repeat(100))]);
    archive.truncate(archive.len() / 2);
    check_refused("a.zip", &archive, "corrupt");
    check_refused("a.gz", b"\x1F\x8B\x08\0\0\0\0\0\0\x03broken stream", "corrupt");
    check_refused("a.7z", b"7z\xBC\xAF\x27\x1C\0\x04broken archive of some length", "corrupt");
}

#[test]
fn real_archives_are_read_or_refused_for_their_reason() {
    let real = |name| data::document(name).map(|bytes| read(name, &bytes));
    if let Some(outcome) = real("enc_test7Z_protected_passTika.7z") {
        assert!(matches!(outcome, Err(ExtractError::Encrypted(_))), "{outcome:?}");
    }
    if let Some(outcome) = real("enc_testZipEncrypted.zip") {
        assert_eq!(parts(&outcome.unwrap()), "unencrypted.txt: hello world\nencrypted.txt! encrypted");
    }
    if let Some(outcome) = real("tika_test-documents.7z") {
        let extracted = outcome.unwrap();
        assert_eq!(extracted.parts.len(), 9);
        assert!(parts(&extracted).contains("testTXT.txt: Test d'indexation de Txt http://www.apache.org"));
    }
    if let Some(outcome) = real("bomb_droste.zip") {
        assert!(parts(&outcome.unwrap()).lines().count() < 20);
    }
}

#[test]
fn a_book_is_read_by_chapter_in_reading_order() {
    let book = zipped(&[
        ("mimetype", b"application/epub+zip"),
        ("META-INF/container.xml", b"<container><rootfiles><rootfile full-path='OEBPS/p.opf'/></rootfiles></container>"),
        (
            "OEBPS/p.opf",
            "<package xmlns:dc='d'><metadata><dc:title>Le Livre</dc:title><dc:creator>Anne</dc:creator>\
             <dc:language>fr-FR</dc:language><dc:date>1999-05-01</dc:date></metadata><manifest>\
             <item id='b' href='two%20b.xhtml'/><item id='a' href='one.xhtml'/>\
             <item id='n' href='nav.xhtml' properties='nav'/></manifest>\
             <spine><itemref idref='n'/><itemref idref='a'/><itemref idref='b'/></spine></package>"
                .as_bytes(),
        ),
        (
            "OEBPS/nav.xhtml",
            b"<html><nav epub:type='toc'><ol><li><a href='one.xhtml'>Un</a></li><li><a href='one.xhtml#s'>Un bis</a></li>\
              <li><a href='two%20b.xhtml'>Deux</a></li></ol></nav></html>",
        ),
        ("OEBPS/one.xhtml", b"<html><body><h1>Un</h1><p>a</p><h2 id='s'>Bis</h2><p>b</p></body></html>"),
        ("OEBPS/two b.xhtml", b"<html><body><p>c</p><aside epub:type='footnote'>note</aside></body></html>"),
    ]);
    let extracted = read("livre.epub", &book).unwrap();
    assert_eq!(
        blocks(&extracted),
        "h1[Un] Un\np[Un] a\nh2[Un bis] Bis\np[Un bis] b\np[Deux] c\nnote[Deux] note"
    );
    assert_eq!(extracted.title.as_deref(), Some("Le Livre"));
    assert_eq!(extracted.author.as_deref(), Some("Anne"));
}

#[test]
fn a_protected_book_is_encrypted() {
    let book = zipped(&[
        ("mimetype", b"application/epub+zip"),
        ("META-INF/container.xml", b"<container><rootfiles><rootfile full-path='p.opf'/></rootfiles></container>"),
        ("META-INF/encryption.xml", b"<encryption><enc:EncryptionMethod Algorithm='http://www.w3.org/2001/04/xmlenc#aes128-cbc'/></encryption>"),
    ]);
    check_refused("a.epub", book, "encrypted");
}

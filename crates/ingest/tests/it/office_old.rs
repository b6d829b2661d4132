//! Are files of the programs of before 2007 read, as other people's programs wrote them?

use std::io::Cursor;

use crate::data;
use crate::office::{lines, read};

#[test]
fn old_formats_are_read() {
    let Some(archive) = data::document("tika_test-documents.zip") else { return };
    let mut zip = zip::ZipArchive::new(Cursor::new(archive)).unwrap();
    for (name, expected) in [
        // Both of its paragraphs have the style of a title.
        ("testWORD.doc", "H1 This is a sample Microsoft Word Document."),
        ("testPPT.ppt", "H1@1 Sample Powerpoint Slide"),
        ("testEXCEL.xls", "T0* Number | Square"),
    ] {
        let mut bytes = Vec::new();
        std::io::copy(&mut zip.by_name(name).unwrap(), &mut bytes).unwrap();
        let lines = lines(&read(name, &bytes).unwrap());
        assert!(lines.iter().any(|line| line == expected), "{name}: {lines:?}");
    }
}

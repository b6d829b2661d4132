//! How is a document's text kept, and how do two readings of it compare?

use intramuros_core::document::Block;
use intramuros_core::error::Error;
use intramuros_core::passage::Passage;

use crate::error::damaged;
use crate::values::{NewDocument, TextHash};

/// Largest body that is unpacked, in bytes. 512 MiB: the text limit of a document (32 MiB) with its positions stays
/// far below; a larger length in the database is damage.
const MAX_BODY_BYTES: usize = 512 << 20;

/// Blocks as bytes: JSON (it grows with new fields without a migration), compressed.
pub(crate) fn pack(blocks: &[Block]) -> Result<Vec<u8>, Error> {
    let json = serde_json::to_vec(blocks)
        .map_err(|error| Error::internal("a document's text could not be written down").because(error))?;
    Ok(lz4_flex::compress_prepend_size(&json))
}

/// The blocks that [`pack`] wrote.
pub(crate) fn unpack(bytes: &[u8]) -> Result<Vec<Block>, Error> {
    let (size, packed) =
        lz4_flex::block::uncompressed_size(bytes).map_err(|_| damaged("a document's text"))?;
    if size > MAX_BODY_BYTES {
        return Err(damaged("the size of a document's text"));
    }
    let json = lz4_flex::decompress(packed, size).map_err(|_| damaged("a document's text"))?;
    serde_json::from_slice(&json).map_err(|_| damaged("a document's text"))
}

/// The exact text that is embedded for a passage.
pub(crate) fn embedded_text(title: &str, passage: &Passage) -> String {
    let mut text = passage.context(title);
    text.push_str(&passage.text);
    text
}

/// The hash under which the vector of a document's title is kept; none when it gets none.
pub(crate) fn title_hash(document: &NewDocument) -> Option<TextHash> {
    (document.embed_title && !document.context_title.is_empty())
        .then(|| TextHash::of(&document.context_title))
}

/// A hash over everything that is kept of a document and that search or view show, but for its file's name, date and
/// rule. Two readings with the same digest are the same document, and nothing is written.
pub(crate) fn digest(document: &NewDocument, body: &[u8], hashes: &[TextHash]) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    let mut field = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    field(body);
    field(document.kind.map(|kind| kind.word()).unwrap_or_default().as_bytes());
    for text in [&document.title, &document.author] {
        field(&[u8::from(text.is_some())]);
        field(text.as_deref().unwrap_or_default().as_bytes());
    }
    field(document.context_title.as_bytes());
    field(format!("{:?} {:?} {:?}", document.written_ms, document.language, document.pages).as_bytes());
    field(&[u8::from(document.embed_title)]);
    field(format!("{:?}", document.outcome).as_bytes());
    for (embed, passage) in hashes.iter().zip(&document.passages) {
        field(&embed.0);
        let place = (&passage.range, passage.pages, passage.lines, &passage.section, passage.language);
        field(format!("{place:?}").as_bytes());
    }
    let mut digest = [0; 16];
    hasher.finalize_xof().fill(&mut digest);
    digest
}

#[cfg(test)]
mod tests {
    use super::*;
    use intramuros_core::document::{BlockKind, Place};

    #[test]
    fn blocks_come_back_as_they_were() {
        let blocks = vec![
            Block {
                kind: BlockKind::Heading { level: 2 }, text: "L’été".into(), place: Place::default()
            },
            Block {
                kind: BlockKind::Paragraph,
                text: "deux lignes".into(),
                place: Place { line: Some(4), line_starts: vec![5], ..Place::default() },
            },
            Block {
                kind: BlockKind::TableRow { table: 1, header: true },
                text: "a | b".into(),
                place: Place { page: Some(3), section: Some("Feuille 1".into()), ..Place::default() },
            },
        ];
        assert_eq!(unpack(&pack(&blocks).unwrap()).unwrap(), blocks);
        assert!(unpack(&[1, 2]).is_err());
        assert!(unpack(&[255, 255, 255, 255, 0]).is_err());
    }

    #[test]
    fn a_body_of_before_blocks_knew_all_their_lines_opens() {
        let json = br#"[{"type":"paragraph","text":"deux lignes","place":{"line":3}}]"#;
        let place = Place { line: Some(3), ..Place::default() };
        let block = Block { kind: BlockKind::Paragraph, text: "deux lignes".into(), place };
        assert_eq!(unpack(&lz4_flex::compress_prepend_size(json)).unwrap(), [block]);
    }
}

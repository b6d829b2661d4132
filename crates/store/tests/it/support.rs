//! Which files, documents and passages do the tests put into a store?

use std::path::Path;

use intramuros_core::access::AccessRule;
use intramuros_core::document::{Block, BlockKind, Kind, Place};
use intramuros_core::language::Language;
use intramuros_core::passage::Passage;
use intramuros_store::{
    FileChange, FileId, FileOutcome, Location, NewDocument, NewFile, SourceId, Stamp, Store,
};
use tempfile::TempDir;

/// A store in a folder of its own, with one source.
pub struct Scene {
    pub folder: TempDir,
    pub store: Store,
    pub source: SourceId,
}

pub fn scene() -> Scene {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let source = store.put_source("papers", "folder", b"/papers").unwrap().id;
    Scene { folder, store, source }
}

impl Scene {
    /// The folder, once the store is closed.
    pub fn close(self) -> TempDir {
        drop(self.store);
        self.folder
    }

    pub fn at(&self, path: &str) -> Location {
        location(self.source, path)
    }

    /// Puts a file of one document with these paragraphs.
    pub fn put(&self, path: &str, paragraphs: &[&str]) -> FileId {
        self.store.apply(vec![put(file(self.source, path, paragraphs))]).unwrap();
        self.id(path)
    }

    pub fn id(&self, path: &str) -> FileId {
        self.store.file_at(&self.at(path)).unwrap().unwrap().id
    }

    /// Paths (with parts) of all documents in the order of their numbers.
    pub fn documents(&self) -> Vec<String> {
        documents(&self.store)
    }
}

pub fn documents(store: &Store) -> Vec<String> {
    let all = store.documents_after(intramuros_store::DocumentId(0), usize::MAX >> 1).unwrap();
    all.iter().map(intramuros_store::Document::path).collect()
}

pub fn location(source: SourceId, path: &str) -> Location {
    Location { source, path: path.as_bytes().to_vec() }
}

pub fn put(file: NewFile) -> FileChange {
    FileChange::Put(Box::new(file))
}

pub fn file(source: SourceId, path: &str, paragraphs: &[&str]) -> NewFile {
    let mut content_hash = [0; 32];
    content_hash[..16].copy_from_slice(&intramuros_store::TextHash::of(&paragraphs.join("\n")).0);
    NewFile {
        location: location(source, path),
        stamp: Stamp { size: 10, modified_ns: 1_700_000_000_000_000_000, inode: 7, ..Stamp::default() },
        content_hash,
        reader_version: 1,
        access: AccessRule::owner_only(),
        outcome: FileOutcome::Read,
        warnings: vec![],
        documents: vec![document("", "", paragraphs)],
    }
}

/// A document with one passage for each paragraph.
pub fn document(part: &str, title: &str, paragraphs: &[&str]) -> NewDocument {
    let mut blocks = Vec::new();
    let mut passages = Vec::new();
    let mut start = 0;
    for (ordinal, text) in paragraphs.iter().enumerate() {
        let place = Place { page: Some(1), line: Some(ordinal as u32 + 1), ..Place::default() };
        blocks.push(Block { kind: BlockKind::Paragraph, text: (*text).to_owned(), place });
        passages.push(Passage {
            ordinal: ordinal as u32,
            headings: vec![],
            table_header: String::new(),
            text: (*text).to_owned(),
            range: start..start + text.len(),
            pages: Some((1, 1)),
            lines: Some((ordinal as u32 + 1, ordinal as u32 + 1)),
            section: None,
            language: Language::French,
        });
        start += text.len() + 1;
    }
    NewDocument {
        part: part.to_owned(),
        readers: None,
        kind: Some(Kind::Text),
        title: Some(title.to_owned()).filter(|title| !title.is_empty()),
        context_title: title.to_owned(),
        embed_title: !title.is_empty(),
        author: None,
        written_ms: None,
        language: Language::French,
        pages: None,
        outcome: FileOutcome::Read,
        blocks,
        passages,
    }
}

/// A folder on a disk of its own of `megabytes`; none where that is not allowed.
pub struct SmallDisk(TempDir);

impl SmallDisk {
    pub fn new(megabytes: u32) -> Option<SmallDisk> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={megabytes}m"), "tmpfs"])
            .arg(folder.path())
            .output()
            .is_ok_and(|output| output.status.success());
        mounted.then_some(SmallDisk(folder))
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn remount(&self, options: &str) -> bool {
        std::process::Command::new("mount")
            .args(["-o", &format!("remount,{options}")])
            .arg(self.path())
            .output()
            .is_ok_and(|output| output.status.success())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(self.0.path()).output();
    }
}

//! What was fetched from a place outside, where is it kept, and what is known of it?
//!
//! Each remote source has a folder of its own in the data folder. Its files are named by the hash of the path that they
//! have at their place, so that no name from outside becomes a name here; what is known of each (its path, version, size,
//! who may read it, why it is not here) stands in a list, a line of JSON each. A file is complete before its line is
//! written, and a line that a fall cut short is as good as none: the file is fetched again. So what is listed was fetched
//! whole, at any moment.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use intramuros_core::access::AccessRule;
use intramuros_core::document::ExtractError;
use intramuros_core::error::Error;
use intramuros_store::{Stamp, create_private_folder};
use serde::{Deserialize, Serialize};

use crate::bundle;
use crate::read::{Bytes, NotRead};
use crate::walk::{Found, Trouble, Walk};

/// The list's name in the folder.
pub const LIST: &str = "list.jsonl";

/// The folder of the bytes.
const FILES: &str = "files";

/// Longest line of the list, in bytes: the longest path and rule, with every byte escaped.
const MAX_LINE_BYTES: u64 = 1 << 20;

/// Lines of the list beyond those that are needed, after which it is written anew.
const SPARE_LINES: usize = 1_000;

/// A file of a place outside.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Its path there, `/`-separated.
    pub path: String,
    /// What tells that it is still the same there (an entity tag, an object's number); empty when it must be fetched
    /// again in any case.
    pub version: String,
    /// Its bytes here.
    pub size: u64,
    /// When it was changed there, in milliseconds since 1970; 0 where that is not known.
    pub modified_ms: i64,
    /// First 16 hexadecimal digits of the BLAKE3 of its bytes.
    pub hash: String,
    /// Who may read it, as its place says; none where it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<AccessRule>,
    /// Why it is not here; none when it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
}

/// Why a file that is listed is not here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", content = "detail", rename_all = "kebab-case")]
pub enum Fault {
    /// It is over a limit.
    Limit(String),
    /// It could not be fetched.
    Unreadable(String),
}

/// A line of the list.
#[derive(Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "kebab-case")]
enum Line {
    /// Of which place the list is, and whether everything there was listed once.
    Of {
        place: String,
        complete: bool,
    },
    Held(Held),
    Gone {
        path: String,
    },
}

/// The fetched files of one source, for the one who fetches them.
pub struct Spool {
    folder: PathBuf,
    place: String,
    complete: bool,
    held: BTreeMap<String, Held>,
    list: BufWriter<File>,
    lines: usize,
}

/// A file that is being fetched. Dropped without [`Spool::put`], it leaves nothing.
pub struct Incoming {
    file: BufWriter<File>,
    path: PathBuf,
    hasher: blake3::Hasher,
    size: u64,
    kept: bool,
}

impl Incoming {
    /// Bytes so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Brings the bytes to the disk: for what can't be fetched again.
    ///
    /// # Errors
    /// When they can't be written.
    pub fn sync(&mut self) -> io::Result<()> {
        self.file.flush()?;
        self.file.get_ref().sync_data()
    }
}

impl Write for Incoming {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write_all(bytes)?;
        self.hasher.update(bytes);
        self.size += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if !self.kept {
            // What is left behind by a fall is removed at the next start.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// The folder of a source in the data folder.
pub fn folder(data: &Path, source: &str) -> PathBuf {
    let readable: String =
        source.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(40).collect();
    let hash = blake3::hash(source.as_bytes()).to_hex();
    data.join("sources").join(format!("{readable}-{}", hash.get(..8).unwrap_or_default()))
}

impl Spool {
    /// Opens the folder of a source, made when it is not there. `place` tells which place is meant: what was fetched from
    /// another one is fetched again.
    ///
    /// # Errors
    /// When the folder can't be made or read.
    pub fn open(folder: &Path, place: &str) -> io::Result<Spool> {
        create_private_folder(folder)?;
        let List { place: of, mut held, lines, complete } = read_list(folder)?;
        let same = of.as_deref() == Some(place);
        let complete = complete && same;
        for held in held.values_mut() {
            let whole = || {
                fs::metadata(blob(folder, held.path.as_bytes())).is_ok_and(|found| found.len() == held.size)
            };
            if !same || (held.fault.is_none() && !whole()) {
                held.version.clear();
            }
        }
        clear(&folder.join("incoming"))?;
        let list = BufWriter::new(OpenOptions::new().create(true).append(true).open(folder.join(LIST))?);
        let mut spool =
            Spool { folder: folder.to_owned(), place: place.to_owned(), complete, held, list, lines };
        // A line that was cut short must not swallow the next one; a list of another place is not this one's.
        spool.rewrite()?;
        Ok(spool)
    }

    /// What is known of a file.
    pub fn held(&self, path: &str) -> Option<&Held> {
        self.held.get(path)
    }

    /// All files, in the order of their paths.
    pub fn all(&self) -> impl Iterator<Item = &Held> {
        self.held.values()
    }

    /// How many files there are.
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// A file to write what is fetched into.
    ///
    /// # Errors
    /// When it can't be made.
    pub fn incoming(&self, path: &str) -> io::Result<Incoming> {
        let folder = self.folder.join("incoming");
        create_private_folder(&folder)?;
        let path = folder.join(name_of(path.as_bytes()));
        let file = BufWriter::new(File::create(&path)?);
        Ok(Incoming { file, path, hasher: blake3::Hasher::new(), size: 0, kept: false })
    }

    /// Takes a file that was fetched whole. Size and hash of `held` are set here.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn put(&mut self, mut incoming: Incoming, held: Held) -> io::Result<()> {
        incoming.file.flush()?;
        let blob = blob(&self.folder, held.path.as_bytes());
        if let Some(folder) = blob.parent() {
            create_private_folder(folder)?;
        }
        fs::rename(&incoming.path, &blob)?;
        incoming.kept = true;
        let hash = incoming.hasher.finalize().to_hex();
        let hash = hash.get(..16).unwrap_or_default().to_owned();
        self.note(Held { size: incoming.size, hash, fault: None, ..held })
    }

    /// Notes what is known of a file whose bytes stay as they are, or are not here.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn note(&mut self, held: Held) -> io::Result<()> {
        if self.held.get(&held.path) == Some(&held) {
            return Ok(());
        }
        self.write(&Line::Held(held.clone()))?;
        self.held.insert(held.path.clone(), held);
        Ok(())
    }

    /// Removes a file that is gone from its place.
    ///
    /// # Errors
    /// When it can't be noted.
    pub fn remove(&mut self, path: &str) -> io::Result<()> {
        if self.held.remove(path).is_some() {
            self.write(&Line::Gone { path: path.to_owned() })?;
            // Bytes that stay behind are of no path any more, and harm nobody.
            let _ = fs::remove_file(blob(&self.folder, path.as_bytes()));
        }
        Ok(())
    }

    /// Has a file lie under another path from now on; what lies there gives way.
    ///
    /// # Errors
    /// When it can't be written. The file is then under one of the two paths, or both.
    pub fn move_to(&mut self, from: &str, to: &str) -> io::Result<()> {
        let Some(held) = self.held.get(from).cloned() else { return Ok(()) };
        if held.fault.is_none() {
            let (old, new) = (blob(&self.folder, from.as_bytes()), blob(&self.folder, to.as_bytes()));
            if let Some(folder) = new.parent() {
                create_private_folder(folder)?;
            }
            // Under both names until the list says which: a fall in between loses nothing.
            match fs::remove_file(&new) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => fs::hard_link(&old, &new).or_else(|_| fs::copy(&old, &new).map(|_| ()))?,
            }
        }
        self.note(Held { path: to.to_owned(), ..held })?;
        self.save()?;
        self.remove(from)
    }

    /// The bytes of a file, at most `limit`.
    ///
    /// # Errors
    /// When they can't be read.
    pub fn bytes(&self, path: &str, limit: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(blob(&self.folder, path.as_bytes()))?.take(limit).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// A file of the fetcher's own beside the list.
    pub fn own(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Notes that everything that is there was listed: what is not held is gone.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn complete(&mut self) -> io::Result<()> {
        if !self.complete {
            self.complete = true;
            self.write(&Line::Of { place: self.place.clone(), complete: true })?;
        }
        self.save()
    }

    /// Brings the list to the disk, so that whoever looks finds all of it.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn save(&mut self) -> io::Result<()> {
        self.list.flush()?;
        if self.lines > 2 * self.held.len() + SPARE_LINES {
            self.rewrite()
        } else {
            self.list.get_ref().sync_data()
        }
    }

    fn write(&mut self, line: &Line) -> io::Result<()> {
        serde_json::to_writer(&mut self.list, line)?;
        self.lines += 1;
        self.list.write_all(b"\n")
    }

    /// Writes the list anew, beside, and puts it in its place.
    fn rewrite(&mut self) -> io::Result<()> {
        let beside = self.folder.join("list.new");
        let mut file = BufWriter::new(File::create(&beside)?);
        serde_json::to_writer(&mut file, &Line::Of { place: self.place.clone(), complete: self.complete })?;
        file.write_all(b"\n")?;
        for held in self.held.values() {
            serde_json::to_writer(&mut file, &Line::Held(held.clone()))?;
            file.write_all(b"\n")?;
        }
        file.flush()?;
        file.get_ref().sync_data()?;
        fs::rename(&beside, self.folder.join(LIST))?;
        self.lines = self.held.len() + 1;
        self.list = file;
        Ok(())
    }
}

fn clear(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The name of a file here: the hash of its path there, in hexadecimal.
fn name_of(path: &[u8]) -> String {
    blake3::hash(path).to_hex().get(..40).unwrap_or_default().to_owned()
}

/// Where the bytes of a file lie.
pub(crate) fn blob(folder: &Path, path: &[u8]) -> PathBuf {
    let name = name_of(path);
    folder.join(FILES).join(name.get(..2).unwrap_or_default()).join(name)
}

/// The list as it was read.
#[derive(Default)]
struct List {
    place: Option<String>,
    complete: bool,
    held: BTreeMap<String, Held>,
    lines: usize,
}

fn read_list(folder: &Path) -> io::Result<List> {
    let mut list = List::default();
    let file = match File::open(folder.join(LIST)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(list),
        Err(error) => return Err(error),
    };
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    while (&mut reader).take(MAX_LINE_BYTES).read_until(b'\n', &mut line)? > 0 {
        list.lines += 1;
        match serde_json::from_slice(&line) {
            Ok(Line::Of { place, complete }) => (list.place, list.complete) = (Some(place), complete),
            Ok(Line::Held(one)) => _ = list.held.insert(one.path.clone(), one),
            Ok(Line::Gone { path }) => _ = list.held.remove(&path),
            // Cut short by a fall: what it told of is fetched again.
            Err(_) => {}
        }
        line.clear();
    }
    Ok(list)
}

/// The paths, within the folder of a source, of the bytes of all files that its list names.
///
/// # Errors
/// When the list can't be read.
pub fn files(folder: &Path) -> io::Result<Vec<String>> {
    let held = read_list(folder)?.held;
    let here = held.values().filter(|held| held.fault.is_none());
    let path = |held: &Held| {
        let name = name_of(held.path.as_bytes());
        format!("{FILES}/{}/{name}", name.get(..2).unwrap_or_default())
    };
    Ok(here.map(path).collect())
}

/// What was fetched, as if it had been found in a folder.
pub(crate) fn walk(folder: &Path, takes: &dyn Fn(&str) -> bool) -> Result<Walk, Error> {
    let list = read_list(folder).map_err(|error| {
        Error::internal(format!("{}: the list of what was fetched can't be read", folder.display()))
            .because(error)
    })?;
    let files = list.held.into_values().filter(|held| takes(&held.path)).map(found).collect();
    let files = bundle::joined(files);
    // Until everything was listed once, what is not here may well be there: after a restore, for example.
    let detail = "not everything that is there was fetched yet".to_owned();
    let troubles = if list.complete { Vec::new() } else { vec![Trouble { path: Vec::new(), detail }] };
    Ok(Walk { files, troubles })
}

fn found(held: Held) -> Found {
    let (stamp, fault) = (stamp(&held), fault(&held));
    Found { path: held.path.into_bytes(), stamp, members: Vec::new(), rule: held.rule, fault }
}

fn fault(held: &Held) -> Option<ExtractError> {
    held.fault.clone().map(|fault| match fault {
        Fault::Limit(detail) => ExtractError::Limit(detail),
        Fault::Unreadable(detail) => ExtractError::Unreadable(detail),
    })
}

/// The stamp under which a file is listed. The content tells of a change, whatever date and version say.
pub(crate) fn stamp(held: &Held) -> Stamp {
    let content = match fault(held) {
        Some(fault) => {
            blake3::hash(fault.to_string().as_bytes()).to_hex().get(..16).unwrap_or_default().to_owned()
        }
        None => held.hash.clone(),
    };
    Stamp {
        size: held.size,
        modified_ns: held.modified_ms.saturating_mul(1_000_000),
        inode: u64::from_str_radix(&content, 16).unwrap_or_default(),
        // When it was fetched says nothing of the place that it comes from.
        changed_ns: 0,
    }
}

/// The bytes of a fetched file, with the stamp under which it is listed.
pub(crate) fn read(folder: &Path, path: &[u8], stamp: Stamp, limit: u64) -> Result<Bytes, NotRead> {
    let failed = |error: io::Error| {
        NotRead::Failed(Stamp { modified_ns: 0, ..stamp }, ExtractError::Unreadable(error.to_string()))
    };
    let mut bytes = Vec::new();
    File::open(blob(folder, path))
        .and_then(|file| file.take(limit + 1).read_to_end(&mut bytes))
        .map_err(failed)?;
    if bytes.len() as u64 > limit {
        let detail = format!("{} bytes; at most {limit} are read from one file", stamp.size);
        return Err(NotRead::Failed(stamp, ExtractError::Limit(detail)));
    }
    let hash = *blake3::hash(&bytes).as_bytes();
    // Something newer was put in its place meanwhile: the next look reads it under its own stamp.
    let listed = u64::from_be_bytes([hash[0], hash[1], hash[2], hash[3], hash[4], hash[5], hash[6], hash[7]]);
    let stamp = if listed == stamp.inode { stamp } else { Stamp { modified_ns: 0, ..stamp } };
    Ok(Bytes { bytes, stamp, hash })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(path: &str, version: &str) -> Held {
        Held { path: path.to_owned(), version: version.to_owned(), modified_ms: 5, ..Held::default() }
    }

    fn put(spool: &mut Spool, path: &str, version: &str, text: &str) {
        let mut incoming = spool.incoming(path).unwrap();
        incoming.write_all(text.as_bytes()).unwrap();
        spool.put(incoming, held(path, version)).unwrap();
    }

    fn listed(folder: &Path) -> Vec<String> {
        let walk = walk(folder, &|_| true).unwrap();
        walk.files.iter().map(|found| String::from_utf8_lossy(&found.path).into_owned()).collect()
    }

    #[test]
    fn no_name_from_outside_becomes_a_name_here() {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("a");
        let mut spool = Spool::open(&inside, "here").unwrap();
        for path in ["../../etc/passwd", "/etc/passwd", "a", "a/b", "A", "con", "x\0y", &"long/".repeat(500)]
        {
            put(&mut spool, path, "1", path);
            assert_eq!(spool.bytes(path, 9_999).unwrap(), path.as_bytes());
            assert!(blob(&inside, path.as_bytes()).starts_with(&inside));
        }
        spool.save().unwrap();
        assert_eq!(listed(&inside).len(), 8);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_listed_was_fetched_whole() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::open(folder.path(), "here").unwrap();
        put(&mut spool, "a", "1", "one");
        put(&mut spool, "b", "1", "two");
        let mut half = spool.incoming("c").unwrap();
        half.write_all(b"ha").unwrap();
        std::mem::forget(half);
        spool.remove("b").unwrap();
        spool.save().unwrap();
        drop(spool);
        // A fall cuts the last line short.
        let mut list = OpenOptions::new().append(true).open(folder.path().join(LIST)).unwrap();
        list.write_all(br#"{"line":"held","path":"d","ver"#).unwrap();
        assert_eq!(listed(folder.path()), ["a"]);
        let mut spool = Spool::open(folder.path(), "here").unwrap();
        put(&mut spool, "e", "1", "five");
        spool.save().unwrap();
        assert_eq!(listed(folder.path()), ["a", "e"]);
        assert_eq!(spool.held("a").unwrap().version, "1");
        // Bytes that are gone, and another place under the same name, are fetched again.
        fs::remove_file(blob(folder.path(), b"a")).unwrap();
        let spool = Spool::open(folder.path(), "here").unwrap();
        assert_eq!(
            (spool.held("a").unwrap().version.as_str(), spool.held("e").unwrap().version.as_str()),
            ("", "1")
        );
        let spool = Spool::open(folder.path(), "elsewhere").unwrap();
        assert_eq!(spool.held("e").unwrap().version, "");
    }

    #[test]
    fn a_file_is_read_again_when_its_content_changes_and_not_when_its_version_does() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::open(folder.path(), "here").unwrap();
        let stamp = |spool: &mut Spool| {
            spool.save().unwrap();
            walk(folder.path(), &|_| true).unwrap().files[0].stamp
        };
        put(&mut spool, "a", "1", "one");
        let first = stamp(&mut spool);
        put(&mut spool, "a", "2", "one");
        assert_eq!(stamp(&mut spool), first);
        assert_eq!(read(folder.path(), b"a", first, 10).unwrap().stamp, first);
        put(&mut spool, "a", "3", "two");
        assert_ne!(stamp(&mut spool), first);
        assert_eq!(read(folder.path(), b"a", first, 10).unwrap().stamp.modified_ns, 0);
    }
}

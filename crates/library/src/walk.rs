//! Which files are in this folder now?

use std::collections::HashSet;
use std::fs::{self, Metadata};
use std::path::{Component, Path, PathBuf};

use intramuros_core::access::AccessRule;
use intramuros_core::document::ExtractError;
use intramuros_core::error::Error;
use intramuros_store::Stamp;

use crate::permissions::{self, Permissions};
use crate::{bundle, paths, skip};

/// Folders within folders. 128: deeper trees are made by faults, and the stack stays small.
const MAX_DEPTH: usize = 128;

/// Files in one source. 5 million: what one machine can follow; more is a mistake in the root (`/`, for example).
const MAX_FILES: usize = 5_000_000;

/// Why something that is there is not read.
const NOT_FOLLOWED: &str = "a link, not followed";
const NOWHERE: &str = "a link that leads nowhere";
const SPECIAL: &str = "a pipe, a socket or a device";

/// A file that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Its path below the root.
    pub path: Vec<u8>,
    /// What `stat` says.
    pub stamp: Stamp,
    /// Files that are read as one (see `bundle`), by their paths below the root; empty for a file by itself.
    pub members: Vec<Vec<u8>>,
    /// What it and its folders say about who may read it; only when that was asked for.
    pub rule: Option<AccessRule>,
    /// Why it can't be read, where that is known before; only of what was fetched from elsewhere.
    pub fault: Option<ExtractError>,
}

/// A folder or file that could not be looked at. What is known below it is neither confirmed nor gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// Its path below the root.
    pub path: Vec<u8>,
    /// What the system said.
    pub detail: String,
}

/// Everything that was found.
#[derive(Debug, Default)]
pub(crate) struct Walk {
    /// The files, in the order of their paths within each folder.
    pub files: Vec<Found>,
    /// What could not be looked at.
    pub troubles: Vec<Trouble>,
}

/// What to walk and how.
#[derive(Clone, Copy)]
pub(crate) struct Walker<'a> {
    /// The source's root.
    pub root: &'a Path,
    /// Whether symbolic links are followed.
    pub follow_links: bool,
    /// Whether the file system's permissions are asked for.
    pub permissions: bool,
    /// A folder to leave out: the data folder, when it lies in the source.
    pub except: Option<&'a Path>,
    /// Whether a file (`false`) or a folder with all that is in it (`true`) is taken, by its path below the root.
    pub takes: &'a dyn Fn(&str, bool) -> bool,
    /// Is told what is there, is never read, and why: links into nowhere or out of the root, pipes. Not a link to what is read
    /// where it lies, nor what is left out by name.
    pub left_out: &'a dyn Fn(&[u8], &'static str),
}

/// A folder that is being walked.
struct Folder {
    /// Its path below the root.
    path: Vec<u8>,
    depth: usize,
    /// Permissions from the file system's root to this folder.
    permissions: Vec<Permissions>,
}

/// Tells folders apart whatever path leads to them.
type Identity = (u64, u64);

impl Walker<'_> {
    /// Everything below the root.
    ///
    /// # Errors
    /// When the root itself can't be read: then nothing is known, and nothing may be taken for deleted.
    pub fn all(&self) -> Result<Walk, Error> {
        let metadata = self.root_itself()?;
        let folder = Folder {
            path: Vec::new(),
            depth: 0,
            permissions: self.permissions_above(self.root, Some(&metadata)),
        };
        self.folders(vec![folder])
    }

    /// What is at one path and below it. Nothing at all when nothing is there, or when the path is left out.
    ///
    /// # Errors
    /// As of [`Walker::all`]: of a root that went away, a change may still be told.
    pub fn at(&self, path: &[u8]) -> Result<Walk, Error> {
        if path.is_empty() {
            return self.all();
        }
        self.root_itself()?;
        let mut walk = Walk::default();
        let names: Vec<&[u8]> = path.split(|byte| *byte == b'/').collect();
        let (folders, name) = names.split_at(names.len() - 1);
        let mut parent = Vec::new();
        for folder in folders {
            parent = paths::join(&parent, folder);
            let full = paths::under(self.root, &parent);
            let is_folder = match fs::symlink_metadata(&full) {
                Ok(metadata) => metadata.is_dir() || self.follow_links,
                Err(error) if is_gone(&error) => false,
                // What is below it is neither confirmed nor gone.
                Err(error) => {
                    walk.troubles.push(Trouble { path: parent, detail: error.to_string() });
                    return Ok(walk);
                }
            };
            if !is_folder || self.leaves_out_folder(&full, folder, &parent) {
                return Ok(walk);
            }
        }
        let folder = Folder {
            depth: folders.len(),
            permissions: self.permissions_above(&paths::under(self.root, &parent), None),
            path: parent,
        };
        let mut below = Vec::new();
        let mut seen = HashSet::new();
        for name in name {
            self.entry(&folder, name, &mut walk, &mut below, &mut seen);
        }
        let deeper = self.folders(below)?;
        walk.files.extend(deeper.files);
        walk.troubles.extend(deeper.troubles);
        Ok(walk)
    }

    /// What `stat` says of the root, when it is there and can be read.
    fn root_itself(&self) -> Result<Metadata, Error> {
        let metadata = fs::metadata(self.root).and_then(|metadata| fs::read_dir(self.root).map(|_| metadata));
        metadata.map_err(|error| {
            Error::config(format!("the folder {} can't be read", self.root.display()))
                .hint("check that it exists, that its disk is mounted and that you may read it")
                .because(error)
        })
    }

    fn folders(&self, mut left: Vec<Folder>) -> Result<Walk, Error> {
        let mut walk = Walk::default();
        // Each folder is walked once, whichever of several links leads to it first: links can't make a loop, nor a
        // tree that doubles with each level.
        let mut seen = HashSet::new();
        for folder in &left {
            let full = paths::under(self.root, &folder.path);
            seen.extend(fs::metadata(full).ok().as_ref().and_then(identity));
        }
        while let Some(folder) = left.pop() {
            self.folder(&folder, &mut walk, &mut left, &mut seen);
            if walk.files.len() > MAX_FILES {
                return Err(Error::config(format!(
                    "{} holds more than {MAX_FILES} files",
                    self.root.display()
                ))
                .hint("choose folders of documents rather than a whole disk")
                .hint("leave folders out with `exclude` in intramuros.toml"));
            }
        }
        Ok(walk)
    }

    fn folder(&self, folder: &Folder, walk: &mut Walk, left: &mut Vec<Folder>, seen: &mut HashSet<Identity>) {
        let full = paths::under(self.root, &folder.path);
        let trouble =
            |error: std::io::Error| Trouble { path: folder.path.clone(), detail: error.to_string() };
        let entries = match fs::read_dir(&full) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return,
            Err(error) => return walk.troubles.push(trouble(error)),
        };
        let mut names = Vec::new();
        for entry in entries {
            match entry {
                Ok(entry) => names.push(paths::bytes(&entry.file_name())),
                // The rest of the folder is not known.
                Err(error) => return walk.troubles.push(trouble(error)),
            }
        }
        names.sort_unstable();
        if bundle::is_export(names.iter().map(Vec::as_slice)) && self.export(folder, &names, walk) {
            return;
        }
        let mut below = Vec::new();
        for name in &names {
            self.entry(folder, name, walk, &mut below, seen);
        }
        left.extend(below.into_iter().rev());
    }

    /// Looks at one name in a folder.
    fn entry(
        &self,
        folder: &Folder,
        name: &[u8],
        walk: &mut Walk,
        below: &mut Vec<Folder>,
        seen: &mut HashSet<Identity>,
    ) {
        let path = paths::join(&folder.path, name);
        let full = paths::under(self.root, &path);
        let metadata = match self.look(&full) {
            Ok(Some(metadata)) => metadata,
            Ok(None) => {
                if let Some(why) = self.leads(&full) {
                    self.leave_out(name, &path, why);
                }
                return;
            }
            Err(detail) => return walk.troubles.push(Trouble { path, detail }),
        };
        if metadata.is_dir() {
            if self.leaves_out_folder(&full, name, &path) {
                return;
            }
            if folder.depth + 1 > MAX_DEPTH {
                let detail = format!("folders nested more than {MAX_DEPTH} deep");
                return walk.troubles.push(Trouble { path, detail });
            }
            if identity(&metadata).is_none_or(|identity| seen.insert(identity)) {
                let mut permissions = folder.permissions.clone();
                if self.permissions {
                    permissions.push(permissions::of(&full, &metadata));
                }
                below.push(Folder { path, depth: folder.depth + 1, permissions });
            }
        } else if !metadata.is_file() {
            self.leave_out(name, &path, SPECIAL);
        } else if !skip::file(name) && (self.takes)(&text(&path), false) {
            let rule = self
                .permissions
                .then(|| permissions::rule(&folder.permissions, permissions::of(&full, &metadata)));
            walk.files.push(Found { path, stamp: stamp(&metadata), members: Vec::new(), rule, fault: None });
        }
    }

    /// Finds the channels of an export, each as one. False when there is none: then the folder is like any other.
    fn export(&self, folder: &Folder, names: &[Vec<u8>], walk: &mut Walk) -> bool {
        let mut lists = Vec::new();
        for name in names.iter().filter(|name| bundle::is_list(name)) {
            lists.extend(self.member(paths::join(&folder.path, name)));
        }
        let (mut channels, mut troubles) = (Vec::new(), Vec::new());
        for name in names {
            let path = paths::join(&folder.path, name);
            let full = paths::under(self.root, &path);
            let days = match self.days(&path) {
                Ok(days) => days,
                // A channel of which not all can be seen is neither read in part nor gone.
                Err(detail) => {
                    troubles.push(Trouble { path, detail });
                    continue;
                }
            };
            let mut members = lists.clone();
            members.extend(days);
            if members.len() == lists.len() || !(self.takes)(&text(&path), false) {
                continue;
            }
            let rule = self.permissions.then(|| self.channel_rule(folder, &full, &members));
            let stamp = bundle::stamp(members.iter().map(|(_, stamp)| *stamp));
            let members = members.into_iter().map(|(path, _)| path).collect();
            channels.push(Found { path, stamp, members, rule, fault: None });
        }
        let any = !channels.is_empty() || !troubles.is_empty();
        walk.files.extend(channels);
        walk.troubles.extend(troubles);
        any
    }

    /// The days of a channel of an export; none where the path is no folder.
    fn days(&self, channel: &[u8]) -> Result<Vec<(Vec<u8>, Stamp)>, String> {
        let entries = match fs::read_dir(paths::under(self.root, channel)) {
            Ok(entries) => entries,
            Err(error) if is_gone(&error) => return Ok(Vec::new()),
            Err(error) => return Err(error.to_string()),
        };
        let names = entries.flatten().map(|entry| paths::bytes(&entry.file_name()));
        let mut names: Vec<Vec<u8>> = names.filter(|name| bundle::is_day(name)).collect();
        names.sort_unstable();
        let mut days = Vec::new();
        for name in names {
            let path = paths::join(channel, &name);
            if let Some(metadata) = self.look(&paths::under(self.root, &path))?
                && metadata.is_file()
            {
                days.push((path, stamp(&metadata)));
            }
        }
        Ok(days)
    }

    fn member(&self, path: Vec<u8>) -> Option<(Vec<u8>, Stamp)> {
        let metadata = self.look(&paths::under(self.root, &path)).ok()??;
        metadata.is_file().then(|| (path, stamp(&metadata)))
    }

    /// Who may read a channel: those who may read every one of its files.
    fn channel_rule(&self, folder: &Folder, full: &Path, members: &[(Vec<u8>, Stamp)]) -> AccessRule {
        let mut folders = folder.permissions.clone();
        folders.extend(fs::metadata(full).ok().map(|metadata| permissions::of(full, &metadata)));
        let rules = members.iter().map(|(path, _)| {
            let full = paths::under(self.root, path);
            match fs::metadata(&full) {
                Ok(metadata) => permissions::rule(&folders, permissions::of(&full, &metadata)),
                Err(_) => AccessRule::owner_only(),
            }
        });
        let mut rules = rules.collect::<Vec<_>>();
        let first = rules.pop().unwrap_or_default();
        // Rules that differ are not joined: what is not plain is closed.
        if rules.iter().all(|rule| *rule == first) { first } else { AccessRule::owner_only() }
    }

    /// The export that a path lies in, if any: what changed there is seen only in the whole.
    pub fn export_around(&self, path: &[u8]) -> Option<Vec<u8>> {
        let ends = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(end, _)| end);
        std::iter::once(0).chain(ends).filter_map(|end| path.get(..end)).find_map(|folder| {
            let full = paths::under(self.root, folder);
            if !full.join("users.json").is_file() {
                return None;
            }
            let names: Vec<Vec<u8>> =
                fs::read_dir(&full).ok()?.flatten().map(|entry| paths::bytes(&entry.file_name())).collect();
            bundle::is_export(names.iter().map(Vec::as_slice)).then(|| folder.to_vec())
        })
    }

    /// `stat`, through a link or not; none for what is gone, a link that is not followed, or a link into nowhere.
    fn look(&self, full: &Path) -> Result<Option<Metadata>, String> {
        let plain = match fs::symlink_metadata(full) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.to_string()),
        };
        if !plain.file_type().is_symlink() {
            return Ok(Some(plain));
        }
        if !self.follow_links {
            return Ok(None);
        }
        match fs::metadata(full) {
            Ok(metadata) => Ok(Some(metadata)),
            // A link to itself is as good as a link into nowhere.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound || is_loop(&error) => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Why nothing is read at a link; none where it leads to what is read where it lies. Outside of the root nothing is looked
    /// at: a disk that is not there would make the walk wait.
    fn leads(&self, link: &Path) -> Option<&'static str> {
        let target = without_dots(&link.parent()?.join(fs::read_link(link).ok()?));
        let inside = |root: &Path| target.starts_with(root);
        if !self.follow_links
            && !inside(self.root)
            && !fs::canonicalize(self.root).is_ok_and(|root| inside(&root))
        {
            return Some(NOT_FOLLOWED);
        }
        let error = fs::metadata(link).err()?;
        (is_gone(&error) || is_loop(&error)).then_some(NOWHERE)
    }

    fn leave_out(&self, name: &[u8], path: &[u8], why: &'static str) {
        if !skip::file(name) && !skip::folder(name) && (self.takes)(&text(path), false) {
            (self.left_out)(path, why);
        }
    }

    fn leaves_out_folder(&self, full: &Path, name: &[u8], path: &[u8]) -> bool {
        skip::folder(name)
            || self.except.is_some_and(|except| full == except)
            || !(self.takes)(&text(path), true)
            || skip::MARKS.iter().any(|mark| full.join(mark).exists())
    }

    /// Permissions of every folder from the file system's root to `folder`, itself included.
    fn permissions_above(&self, folder: &Path, metadata: Option<&Metadata>) -> Vec<Permissions> {
        if !self.permissions {
            return Vec::new();
        }
        let real: PathBuf = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
        let mut above: Vec<&Path> = real.ancestors().collect();
        above.reverse();
        let closed = Permissions { user: 0, group: 0, mode: 0, listed: true };
        above
            .into_iter()
            .map(|path| match (fs::metadata(path), metadata) {
                (Ok(metadata), _) => permissions::of(path, &metadata),
                (Err(_), Some(metadata)) if path == real => permissions::of(path, metadata),
                // Not known: nobody passes.
                (Err(_), _) => closed,
            })
            .collect()
    }
}

fn text(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}

/// A path without `.` and `..`, as its letters say: no link on the way is looked at.
fn without_dots(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => _ = plain.pop(),
            other => plain.push(other),
        }
    }
    plain
}

/// Whether nothing is at a path, or no folder.
fn is_gone(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory)
}

#[cfg(unix)]
fn is_loop(error: &std::io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
}

#[cfg(not(unix))]
fn is_loop(_error: &std::io::Error) -> bool {
    false
}

#[cfg(unix)]
fn identity(metadata: &Metadata) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn identity(_metadata: &Metadata) -> Option<Identity> {
    None
}

/// The stamp of a file.
///
/// The date alone does not tell of a change: whoever unpacks an archive or copies with `cp -p` sets it to what it was. The
/// time of the last change is the system's own. Other rights, another owner, another name or one more hard link change it
/// as well, and so does a backup that puts the times of reading back: each of that costs one reading and a hash of every
/// file that it touches (`chown -R`: of the whole tree), and nothing else. A restored backup is made of new files anyway.
/// NFS and SMB tell the server's; where there is none (sshfs, FAT), it is that of the date, or of making.
#[cfg(unix)]
pub(crate) fn stamp(metadata: &Metadata) -> Stamp {
    use std::os::unix::fs::MetadataExt;
    let ns = |seconds: i64, rest: i64| seconds.saturating_mul(1_000_000_000).saturating_add(rest);
    Stamp {
        size: metadata.len(),
        modified_ns: ns(metadata.mtime(), metadata.mtime_nsec()),
        inode: metadata.ino(),
        changed_ns: ns(metadata.ctime(), metadata.ctime_nsec()),
    }
}

/// The stamp of a file.
#[cfg(not(unix))]
pub(crate) fn stamp(metadata: &Metadata) -> Stamp {
    let since = metadata.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    let modified_ns = since.and_then(|since| i64::try_from(since.as_nanos()).ok()).unwrap_or(0);
    Stamp { size: metadata.len(), modified_ns, inode: 0, changed_ns: 0 }
}

/// The device that a folder lies on; 0 where that is not known.
pub(crate) fn device(folder: &Path) -> u64 {
    fs::metadata(folder).ok().as_ref().and_then(identity).map_or(0, |identity| identity.0)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    use super::*;

    fn everything(_path: &str, _folder: bool) -> bool {
        true
    }

    fn to_nobody(_path: &[u8], _why: &'static str) {}

    fn walker(root: &Path, follow_links: bool) -> Walker<'_> {
        let (takes, left_out) = (&everything, &to_nobody);
        Walker { root, follow_links, permissions: false, except: None, takes, left_out }
    }

    fn names(walk: &Walk) -> Vec<String> {
        let mut names: Vec<String> =
            walk.files.iter().map(|found| String::from_utf8_lossy(&found.path).into_owned()).collect();
        names.sort();
        names
    }

    fn tree(paths: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for path in paths {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
        root
    }

    #[test]
    fn junk_is_left_out_and_the_rest_is_found() {
        let root = tree(&[
            "a.txt",
            "b/c.txt",
            ".git/x",
            "b/node_modules/y.js",
            "b/~$a.docx",
            "target/CACHEDIR.TAG",
            "target/z.txt",
            "objectifs/target/bilan.txt",
        ]);
        let walk = walker(root.path(), false).all().unwrap();
        assert_eq!(names(&walk), ["a.txt", "b/c.txt", "objectifs/target/bilan.txt"]);
        let check = |path: &str, expected: &[&str]| {
            let walk = walker(root.path(), false).at(path.as_bytes()).unwrap();
            assert_eq!(names(&walk), expected, "at {path}");
        };
        check("b", &["b/c.txt"]);
        check("b/c.txt", &["b/c.txt"]);
        check("target/z.txt", &[]);
        check("b/node_modules/y.js", &[]);
        check("nothing/here", &[]);
        let takes = |path: &str, _: bool| path != "b";
        let walker = Walker { takes: &takes, ..walker(root.path(), false) };
        assert_eq!(names(&walker.at(b"b/c.txt").unwrap()), Vec::<String>::new());
    }

    #[test]
    fn links_make_no_loop_and_no_copies() {
        let root = tree(&["a/one.txt", "b/two.txt"]);
        symlink("..", root.path().join("a/up")).unwrap();
        symlink("../b", root.path().join("a/left")).unwrap();
        symlink("../b", root.path().join("a/right")).unwrap();
        symlink("self", root.path().join("self")).unwrap();
        symlink("nowhere", root.path().join("dangling")).unwrap();
        symlink("a/one.txt", root.path().join("link.txt")).unwrap();
        let check = |follow: bool, expected: &[&str]| {
            let walk = walker(root.path(), follow).all().unwrap();
            assert_eq!(names(&walk), expected, "follow {follow}");
            assert_eq!(walk.troubles, vec![]);
        };
        check(false, &["a/one.txt", "b/two.txt"]);
        check(true, &["a/one.txt", "b/two.txt", "link.txt"]);
    }

    #[test]
    fn what_is_there_and_never_read_is_told_with_the_reason() {
        let root = tree(&["in/a/one.txt", "out/two.txt"]);
        let inside = root.path().join("in");
        let link = |to: &str, name: &str| symlink(to, inside.join(name)).unwrap();
        // To what is read anyway, whichever way.
        link("a/one.txt", "link.txt");
        link("../in/a", "back");
        link(".", "here");
        // Left out by name.
        link("../out/two.txt", ".hidden");
        link("../out", "node_modules");
        link("nowhere", "dangling");
        link("self", "self");
        link("../out", "folder");
        link("../../out/two.txt", "a/outside.txt");
        link(root.path().join("out/two.txt").to_str().unwrap(), "absolute.txt");
        let _socket = std::os::unix::net::UnixListener::bind(inside.join("socket")).unwrap();
        let check = |follow: bool, expected: &[(&str, &str)]| {
            let told = std::cell::RefCell::new(Vec::new());
            let tell = |path: &[u8], why: &'static str| told.borrow_mut().push((text(path), why));
            let walk = Walker { left_out: &tell, ..walker(&inside, follow) }.all().unwrap();
            assert_eq!(walk.troubles, vec![]);
            let mut told = told.into_inner();
            told.sort();
            let told: Vec<(&str, &str)> = told.iter().map(|(path, why)| (path.as_str(), *why)).collect();
            assert_eq!(told, expected, "follow {follow}");
        };
        let outside = ["a/outside.txt", "absolute.txt", "folder"].map(|path| (path, NOT_FOLLOWED));
        let wherever = [("dangling", NOWHERE), ("self", NOWHERE), ("socket", SPECIAL)];
        check(true, &wherever);
        let mut all = [outside, wherever].concat();
        all.sort();
        check(false, &all);
    }

    #[test]
    fn names_that_are_not_utf_8_are_found() {
        let root = tree(&[]);
        let name = std::ffi::OsStr::from_bytes(b"caf\xe9.txt");
        fs::write(root.path().join(name), "x").unwrap();
        let walk = walker(root.path(), false).all().unwrap();
        assert_eq!(walk.files[0].path, b"caf\xe9.txt");
        assert!(paths::under(root.path(), &walk.files[0].path).exists());
    }

    #[test]
    fn what_lies_in_a_folder_that_can_not_be_read_is_not_gone() {
        use std::os::unix::fs::PermissionsExt;
        let day = "export/general/2024-01-02.json";
        let root = tree(&["locked/sub/a.txt", "export/users.json", "export/channels.json", day]);
        let mode = |path: &str, mode: u32| {
            fs::set_permissions(root.path().join(path), fs::Permissions::from_mode(mode)).unwrap();
        };
        let walker = walker(root.path(), false);
        assert_eq!(walker.at(b"locked/sub/a.txt").unwrap().troubles, vec![]);
        for closed in [0o000, 0o444] {
            mode("locked", closed);
            mode("export/general", closed);
            if fs::symlink_metadata(root.path().join("locked/sub")).is_ok() {
                intramuros_testkit::skip("permissions", "who runs this reads everything");
                break;
            }
            let troubled =
                |walk: Walk| walk.troubles.into_iter().map(|one| text(&one.path)).collect::<Vec<_>>();
            let mut whole = troubled(walker.all().unwrap());
            whole.sort();
            // Of a folder whose names can be listed, each of them.
            let locked = if closed == 0o000 { "locked" } else { "locked/sub" };
            assert_eq!(whole, ["export/general", locked]);
            assert_eq!(troubled(walker.at(b"locked/sub/a.txt").unwrap()), ["locked/sub"]);
        }
        mode("locked", 0o755);
        mode("export/general", 0o755);
    }

    #[test]
    fn a_root_that_is_gone_is_an_error_and_not_an_empty_folder() {
        // In a folder of its own: a path outside may exist on somebody's machine.
        let root = tree(&[]);
        let gone = root.path().join("gone");
        assert!(walker(&gone, false).all().is_err());
        // Nor at a path below it, of which a change is told while a folder above it is renamed.
        assert!(walker(&gone, false).at(b"a/b.txt").is_err());
        assert!(walker(root.path(), false).at(b"a/b.txt").is_ok());
    }
}

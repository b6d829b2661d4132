//! What is in this branch of a git repository?
//!
//! Git's protocol, version 2, over HTTPS: the server names the branch's commit; where that is as known, nothing more is
//! asked. Otherwise its trees are fetched, without history, and then the files that are new; from a server that can't leave
//! files out, everything is fetched as one pack. A file's number is a hash of what it holds, and is checked.

mod lines;
mod objects;
mod pack;

use std::collections::HashSet;
use std::fs::File;
use std::io::Write;

use http::{HeaderName, HeaderValue, StatusCode};
use intramuros_core::perimeter::Purpose;
use intramuros_egress::Request;
use serde::{Deserialize, Serialize};

use crate::client::{Client, with_basic};
use crate::declared::Declared;
use crate::failure::Failure;
use crate::visit::{Entry, MAX_PATH_BYTES, Visit};
use lines::{Lines, Sections, request_lines};
use objects::{Kind, Oid, TreeEntry};
use pack::Pack;

/// Largest pack that is fetched, in bytes. 4 GiB: the files of a large repository without its history.
const MAX_PACK_BYTES: u64 = 4 << 30;

/// Largest answer of lines (capabilities, branches), in bytes. 8 MiB: 100,000 branches, of which few are asked for.
const MAX_LINES_BYTES: u64 = 8 << 20;

/// Folders within folders. 128: deeper ones are made by faults.
const MAX_DEPTH: usize = 128;

/// Entries of all trees that are looked at. 5 million: a tree may hold another one many times, and so grow without end.
const MAX_ENTRIES: usize = 5_000_000;

/// Bytes of all paths that are held while a tree is looked through. 256 MiB: a million files, each in a long path; a tree
/// that holds itself many times over names more than fits in memory.
const MAX_PATHS_BYTES: usize = 256 << 20;

/// Files asked for at once. 5,000: a request of 250 kB.
const WANTS: usize = 5_000;

/// What begins a file that stands for one kept elsewhere (Git LFS).
const ELSEWHERE: &[u8] = b"version https://git-lfs.github.com/spec/";

/// The file beside the spool that says which commit was seen whole.
const SEEN: &str = "seen.json";

/// Which commit was seen whole, under which declaration.
#[derive(Default, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    commit: String,
    declared: String,
}

/// What a pack is to hold.
#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    /// A commit with its trees and files.
    Everything,
    /// A commit with its trees.
    Trees,
    /// Files by their numbers.
    Files,
}

/// A repository to be asked.
struct Repository<'a> {
    declared: &'a Declared,
    client: &'a Client,
    url: String,
}

/// What the server can do.
#[derive(Debug, Default, PartialEq, Eq)]
struct Abilities {
    shallow: bool,
    filter: bool,
}

/// A file of the branch.
struct Listed {
    path: String,
    oid: Oid,
}

/// The files of the branch that are taken.
#[derive(Default)]
struct Listing {
    files: Vec<Listed>,
    /// Why these are not all of them.
    cut: Option<Failure>,
}

/// Looks at the branch.
///
/// # Errors
/// When it is not there or not to be had, or what comes is no proper pack.
pub(crate) fn visit(visit: &mut Visit<'_>) -> Result<(), Failure> {
    let declared = visit.declared;
    let url = declared.url().trim_end_matches('/').to_owned();
    let repository = Repository { declared, client: visit.client, url };
    let abilities = repository.abilities()?;
    let commit = repository.tip()?;
    let seen = Seen { commit: commit.to_string(), declared: pattern_words(declared) };
    let file = visit.spool.own(SEEN);
    let before: Option<Seen> =
        std::fs::read(&file).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let whole = visit.spool.all().all(|held| !held.version.is_empty());
    if whole && before.as_ref() == Some(&seen) {
        let paths: Vec<String> = visit.spool.all().map(|held| held.path.clone()).collect();
        return paths.iter().try_for_each(|path| visit.keep(path));
    }
    fetch(visit, &repository, &abilities, commit)?;
    if visit.found_nothing() {
        // Not believed at once; the next look must look again.
        return Ok(());
    }
    let bytes = serde_json::to_vec(&seen).map_err(|error| Failure::Own(error.to_string()))?;
    std::fs::write(&file, bytes).map_err(Failure::disk)
}

/// What of the declaration decides which files are taken.
fn pattern_words(declared: &Declared) -> String {
    let source = &declared.source;
    let words = |patterns: &[intramuros_core::perimeter::Pattern]| {
        patterns.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    };
    format!(
        "{} / {} / {} {}",
        words(&source.include),
        words(&source.exclude),
        declared.file_bytes,
        source.most_files()
    )
}

fn fetch(
    visit: &mut Visit<'_>,
    repository: &Repository<'_>,
    abilities: &Abilities,
    commit: Oid,
) -> Result<(), Failure> {
    let limit = repository.declared.file_bytes;
    let file = visit.spool.own("incoming.pack");
    let what = if abilities.filter { What::Trees } else { What::Everything };
    let mut pack = repository.pack(&file, abilities, &[commit], what, limit)?;
    let (tree, written_ms) = objects::commit(&pack.object(&commit, Kind::Commit, visit.client)?)?;
    let Listing { files, cut } = list(visit, &mut pack, tree, MAX_PATHS_BYTES)?;
    let whole = || cut.map_or(Ok(()), Err);
    if !abilities.filter {
        files.iter().try_for_each(|one| offer(visit, &mut pack, one, written_ms))?;
        return whole();
    }
    drop(pack);
    for some in files.chunks(WANTS) {
        let same = |one: &&Listed| {
            visit
                .spool
                .held(&one.path)
                .is_none_or(|held| held.version != one.oid.to_string() || held.fault.is_some())
        };
        let wanted: HashSet<Oid> = some.iter().filter(same).map(|one| one.oid).collect();
        let wanted: Vec<Oid> = wanted.into_iter().collect();
        let mut pack = match wanted.is_empty() {
            true => Pack::empty(),
            false => repository.pack(&file, abilities, &wanted, What::Files, limit)?,
        };
        some.iter().try_for_each(|one| offer(visit, &mut pack, one, written_ms))?;
    }
    // Its space is worth more than its remains.
    let _ = std::fs::remove_file(&file);
    whole()
}

/// The files of a tree that are taken, with all that is below it, until there are more than are taken from the place.
fn list(visit: &mut Visit<'_>, pack: &mut Pack, root: Oid, most_bytes: usize) -> Result<Listing, Failure> {
    let (mut left, mut listing) = (vec![(String::new(), root, 0)], Listing::default());
    let (mut entries, mut paths_bytes) = (0, 0_usize);
    while let Some((folder, tree, depth)) = left.pop() {
        let tree = pack.object(&tree, Kind::Tree, visit.client)?;
        for entry in objects::tree(&tree) {
            let TreeEntry { name, oid, kind } = entry?;
            entries += 1;
            if entries > MAX_ENTRIES || depth > MAX_DEPTH {
                return Err(Failure::Limit(format!(
                    "the branch has more than {MAX_ENTRIES} entries, or folders nested more than {MAX_DEPTH} deep"
                )));
            }
            // Before a path is made of it: a name may be as long as an object.
            if folder.len() + 1 + name.len() > MAX_PATH_BYTES {
                visit.refuse(&String::from_utf8_lossy(name))?;
                continue;
            }
            let name = String::from_utf8_lossy(name);
            let path = if folder.is_empty() { name.into_owned() } else { format!("{folder}/{name}") };
            let bytes = path.len();
            match kind {
                Some(Kind::Tree) if visit.enters(&path) => left.push((path, oid, depth + 1)),
                Some(Kind::Blob)
                    if visit.declared.source.takes(&path) && !intramuros_library::is_junk(&path) =>
                {
                    listing.files.push(Listed { path, oid });
                }
                _ => continue,
            }
            paths_bytes += bytes;
            if paths_bytes > most_bytes {
                return Err(Failure::Limit(format!(
                    "the paths of the branch have more than {most_bytes} bytes"
                )));
            }
            if listing.files.len() > visit.declared.source.most_files() {
                listing.cut = Some(visit.too_many());
                return Ok(listing);
            }
        }
    }
    Ok(listing)
}

fn offer(visit: &mut Visit<'_>, pack: &mut Pack, one: &Listed, written_ms: i64) -> Result<(), Failure> {
    let version = one.oid.to_string();
    let known = visit.spool.held(&one.path).filter(|held| held.version == version);
    // The history is not fetched: a file is as old as the commit with which it came here.
    let modified_ms = known.map_or(written_ms, |held| held.modified_ms);
    let size = pack.size(&one.oid).or(known.map(|held| held.size));
    let entry = Entry { path: one.path.clone(), version, size, modified_ms, rule: None };
    visit.offer(entry, &mut |client: &Client, into: &mut dyn Write| {
        let bytes = pack.object(&one.oid, Kind::Blob, client)?;
        if bytes.starts_with(ELSEWHERE) {
            return Err(Failure::File("it is kept in Git LFS, which is not fetched".to_owned()));
        }
        into.write_all(&bytes).map_err(Failure::disk)
    })
}

impl Repository<'_> {
    fn request(&self, request: Request) -> Result<Request, Failure> {
        let mut request = request;
        request
            .headers
            .insert(HeaderName::from_static("git-protocol"), HeaderValue::from_static("version=2"));
        // Several hosts answer only those whose name begins like this.
        request.headers.insert(http::header::USER_AGENT, HeaderValue::from_static("git/intramuros"));
        match &self.declared.secret {
            // With a token hosts take any name.
            Some(secret) => {
                with_basic(self.declared.source.user.as_deref().unwrap_or("git"), secret.reveal(), request)
            }
            None => Ok(request),
        }
    }

    fn abilities(&self) -> Result<Abilities, Failure> {
        let url = format!("{}/info/refs?service=git-upload-pack", self.url);
        let mut request = self.request(Request::get(Purpose::Source, url))?;
        request.answer_bytes = MAX_LINES_BYTES;
        let answer = self.client.ask(request)?.success("asking the repository")?;
        abilities(&answer.body)
    }

    fn ask(&self, lines: &[&str], arguments: &[String]) -> Result<Request, Failure> {
        let body = request_lines(lines, arguments);
        let url = format!("{}/git-upload-pack", self.url);
        self.request(Request::post(Purpose::Source, url, "application/x-git-upload-pack-request", body))
    }

    /// The commit of the declared branch.
    fn tip(&self) -> Result<Oid, Failure> {
        let name = match &self.declared.source.branch {
            Some(branch) => format!("refs/heads/{branch}"),
            None => "HEAD".to_owned(),
        };
        let mut request = self.ask(&["command=ls-refs\n"], &[format!("ref-prefix {name}\n")])?;
        request.answer_bytes = MAX_LINES_BYTES;
        let answer = self.client.ask(request)?.success("asking for the branch")?;
        for line in Lines::of(&answer.body) {
            let line = line?;
            let text = String::from_utf8_lossy(line);
            if let Some((oid, found)) = text.trim_end().split_once(' ')
                && found.split(' ').next() == Some(&name)
            {
                return Oid::parse(oid)
                    .ok_or_else(|| Failure::Odd("the branch's commit has no proper number".to_owned()));
            }
        }
        Err(Failure::Odd(format!("the repository has no `{name}`")))
    }

    /// Fetches a pack with these objects and what they need, without history.
    fn pack(
        &self,
        file: &std::path::Path,
        abilities: &Abilities,
        wants: &[Oid],
        what: What,
        limit: u64,
    ) -> Result<Pack, Failure> {
        let mut arguments = vec!["no-progress\n".to_owned(), "ofs-delta\n".to_owned()];
        arguments.extend(wants.iter().map(|oid| format!("want {oid}\n")));
        if abilities.shallow && what != What::Files {
            arguments.push("deepen 1\n".to_owned());
        }
        if what == What::Trees {
            arguments.push("filter blob:none\n".to_owned());
        }
        arguments.push("done\n".to_owned());
        let request = self.ask(&["command=fetch\n"], &arguments)?;
        let mut sections = Sections::new(std::io::BufWriter::new(File::create(file).map_err(Failure::disk)?));
        let head = self.client.download(
            request,
            MAX_PACK_BYTES,
            &mut |head| head.status == StatusCode::OK,
            &mut sections,
        );
        // What the server says of a failure says more than that it broke off.
        sections.check()?;
        let head = head.map_err(|failure| match failure {
            Failure::TooLarge(limit) => {
                Failure::Limit(format!("the branch is a pack of more than {limit} bytes"))
            }
            other => other,
        })?;
        if head.status != StatusCode::OK {
            return Err(Failure::of_status(head.status, "fetching the branch"));
        }
        sections.finish()?;
        Pack::open(file, limit, self.client)
    }
}

/// What the server says that it can do.
fn abilities(body: &[u8]) -> Result<Abilities, Failure> {
    let (mut second, mut abilities) = (false, Abilities::default());
    for line in Lines::of(body) {
        let line = line?;
        let text = String::from_utf8_lossy(line);
        let text = text.trim_end();
        second |= text == "version 2";
        if let Some(words) = text.strip_prefix("fetch=") {
            abilities.shallow = words.split(' ').any(|word| word == "shallow");
            abilities.filter = words.split(' ').any(|word| word == "filter");
        }
        if text.strip_prefix("object-format=").is_some_and(|format| format != "sha1") {
            return Err(Failure::Odd(
                "the repository numbers its objects by SHA-256, which is not read".to_owned(),
            ));
        }
    }
    if second {
        Ok(abilities)
    } else {
        Err(Failure::Odd("this is no git server of protocol version 2".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use intramuros_core::perimeter::Perimeter;
    use intramuros_library::spool::Spool;

    use super::*;
    use crate::client::tests::for_tests;

    /// A pack of these trees, each with its entries: mode, name, and what it stands for.
    fn pack(trees: &[Vec<u8>], client: &Client) -> Pack {
        let count = u32::try_from(trees.len()).unwrap().to_be_bytes();
        let mut whole = [b"PACK".as_slice(), &2_u32.to_be_bytes(), &count].concat();
        trees.iter().for_each(|tree| whole.extend(pack::tests::object(2, tree, &[])));
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), whole).unwrap();
        Pack::open(file.path(), 1 << 20, client).unwrap()
    }

    fn entry(mode: &str, name: &str, oid: Oid) -> Vec<u8> {
        [mode.as_bytes(), b" ", name.as_bytes(), b"\0", &oid.0].concat()
    }

    #[test]
    fn a_tree_that_holds_one_many_times_over_takes_no_more_than_it_may() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (client, _stop) = for_tests(&runtime);
        let blob = Oid::of(Kind::Blob, b"");
        let names = ["a", "b", "c", &"long".repeat(2_000)];
        let folder: Vec<u8> = names.iter().flat_map(|name| entry("100644", name, blob)).collect();
        let below = Oid::of(Kind::Tree, &folder);
        let root: Vec<u8> =
            (0..100).flat_map(|number| entry("40000", &format!("folder-{number}"), below)).collect();
        let mut pack = pack(&[folder, root.clone()], &client);
        let mut look = |most_files: usize, most_bytes: usize| {
            let toml = format!(
                "[[egress]]\nhost = '127.0.0.1'\nport = 9\npurpose = 'source'\ntls = false\n\
                 [[source]]\nname = 'place'\nkind = 'git'\nurl = 'http://127.0.0.1:9/x'\nmost_files = {most_files}\n"
            );
            let perimeter = Perimeter::parse(&toml, "intramuros.toml").unwrap();
            let declared = Declared::all(&perimeter).unwrap().remove(0);
            let place = tempfile::tempdir().unwrap();
            let mut spool = Spool::open(place.path(), &declared.identity()).unwrap();
            let mut show = |_: &crate::state::Outcome| ();
            let mut hand_over = |_: &mut Spool| -> Result<(), Failure> { Ok(()) };
            let mut visit = Visit::new(&client, &declared, &mut spool, &mut show, &mut hand_over);
            let listing = list(&mut visit, &mut pack, Oid::of(Kind::Tree, &root), most_bytes);
            (listing.map(|listing| (listing.files.len(), listing.cut)), visit.outcome.refused)
        };
        // Every name, but those that are too long.
        let (listing, refused) = look(1_000, 1 << 20);
        assert_eq!((listing, refused), (Ok((300, None)), 100));
        // As many files as are taken, and one more, which says that these are not all.
        let (listing, refused) = look(5, 1 << 20);
        assert!(matches!(&listing, Ok((6, Some(Failure::Limit(_))))), "{listing:?}");
        assert_eq!(refused, 1);
        let (listing, _) = look(1_000, 2_000);
        assert!(matches!(&listing, Err(Failure::Limit(why)) if why.contains("2000 bytes")), "{listing:?}");
    }

    #[test]
    fn what_a_server_can_do_is_read() {
        let line = |text: &str| format!("{:04x}{text}", text.len() + 4);
        let check = |lines: &[&str], expected: Option<(bool, bool)>| {
            let body = lines.iter().map(|text| line(text)).collect::<String>();
            let found = abilities(body.as_bytes()).ok();
            assert_eq!(found.map(|found| (found.shallow, found.filter)), expected, "{lines:?}");
        };
        check(&["version 2\n", "ls-refs\n", "fetch=shallow wait-for-done filter\n"], Some((true, true)));
        check(&["version 2\n", "fetch=shallow\n", "object-format=sha1\n"], Some((true, false)));
        check(&["version 2\n", "object-format=sha256\n"], None);
        check(&["version 1\n"], None);
        check(&[], None);
        assert!(abilities(b"zzzz").is_err() && abilities(b"ffff").is_err() && abilities(b"0003").is_err());
    }
}

//! What does a commit or a tree say?

use std::fmt;

use crate::failure::Failure;

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Commit,
    Tree,
    Blob,
    Tag,
}

impl Kind {
    pub fn word(self) -> &'static str {
        match self {
            Kind::Commit => "commit",
            Kind::Tree => "tree",
            Kind::Blob => "blob",
            Kind::Tag => "tag",
        }
    }
}

/// The number of an object: the SHA-1 of its kind, its length and its bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Oid(pub [u8; 20]);

impl Oid {
    /// Forty hexadecimal digits.
    pub fn parse(text: &str) -> Option<Oid> {
        if text.len() != 40 || !text.is_ascii() {
            return None;
        }
        let mut oid = [0; 20];
        for (byte, digits) in oid.iter_mut().zip(text.as_bytes().chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        }
        Some(Oid(oid))
    }

    /// The number of an object.
    pub fn of(kind: Kind, bytes: &[u8]) -> Oid {
        let mut context = ring::digest::Context::new(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY);
        context.update(format!("{} {}\0", kind.word(), bytes.len()).as_bytes());
        context.update(bytes);
        let mut oid = [0; 20];
        oid.copy_from_slice(context.finish().as_ref());
        Oid(oid)
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for Oid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// An entry of a tree. No kind: a link, or another repository.
pub(super) struct TreeEntry<'a> {
    pub name: &'a [u8],
    pub oid: Oid,
    pub kind: Option<Kind>,
}

fn odd(what: &str) -> Failure {
    Failure::Odd(format!("the git server gives {what}"))
}

/// The tree of a commit, and when it was committed, in milliseconds since 1970.
pub(super) fn commit(bytes: &[u8]) -> Result<(Oid, i64), Failure> {
    let text = String::from_utf8_lossy(bytes);
    let mut tree = None;
    let mut written_ms = 0;
    for line in text.lines().take_while(|line| !line.is_empty()) {
        if let Some(oid) = line.strip_prefix("tree ") {
            tree = Oid::parse(oid);
        }
        if line.starts_with("committer ") {
            // `committer Name <address> 1700000000 +0100`
            let seconds = line.rsplit(' ').nth(1).and_then(|seconds| seconds.parse::<i64>().ok());
            written_ms = seconds.unwrap_or(0).saturating_mul(1000);
        }
    }
    Ok((tree.ok_or_else(|| odd("a commit without a tree"))?, written_ms))
}

/// The entries of a tree, one after the other: all at once, those of a large tree would not fit in memory. After one that
/// can't be read there is none.
pub(super) fn tree(bytes: &[u8]) -> impl Iterator<Item = Result<TreeEntry<'_>, Failure>> {
    let mut left = bytes;
    std::iter::from_fn(move || {
        if left.is_empty() {
            return None;
        }
        let found = tree_entry(left);
        left = found.as_ref().map_or(&[][..], |(_, rest)| *rest);
        Some(found.map(|(entry, _)| entry).ok_or_else(|| odd("a tree that can't be read")))
    })
}

/// The first entry of these, and what follows it.
fn tree_entry(left: &[u8]) -> Option<(TreeEntry<'_>, &[u8])> {
    let space = left.iter().position(|byte| *byte == b' ')?;
    let (mode, rest) = (left.get(..space)?, left.get(space + 1..)?);
    let end = rest.iter().position(|byte| *byte == 0)?;
    let (name, rest) = (rest.get(..end)?, rest.get(end + 1..)?);
    let (oid, rest) = rest.split_first_chunk()?;
    let kind = match mode {
        b"40000" | b"040000" => Some(Kind::Tree),
        mode if mode.starts_with(b"100") => Some(Kind::Blob),
        _ => None,
    };
    Some((TreeEntry { name, oid: Oid(*oid), kind }, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_commits_and_trees_are_read() {
        assert_eq!(Oid::of(Kind::Blob, b"").to_string(), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
        let oid = Oid::of(Kind::Tree, b"");
        assert_eq!(Oid::parse(&oid.to_string()), Some(oid));
        assert_eq!((Oid::parse("e6"), Oid::parse(&"é".repeat(20))), (None, None));
        let text = format!(
            "tree {oid}\nauthor A <a@x> 1 +0000\ncommitter B <b@x> 1700000000 +0100\n\ntree nonsense"
        );
        assert_eq!(commit(text.as_bytes()).unwrap(), (oid, 1_700_000_000_000));
        assert!(commit(b"author A").is_err());
        let entry = |mode: &str, name: &str| [mode.as_bytes(), b" ", name.as_bytes(), b"\0", &oid.0].concat();
        let whole =
            [entry("100644", "a b.txt"), entry("40000", "c"), entry("120000", "l"), entry("160000", "m")]
                .concat();
        let kinds: Vec<_> = tree(&whole)
            .map(|one| one.unwrap())
            .map(|one| (String::from_utf8_lossy(one.name).into_owned(), one.kind))
            .collect();
        let expected = [("a b.txt", Some(Kind::Blob)), ("c", Some(Kind::Tree)), ("l", None), ("m", None)];
        assert_eq!(kinds, expected.map(|(name, kind)| (name.to_owned(), kind)));
        for cut in 1..whole.len() {
            let found: Vec<_> = tree(&whole[..cut]).collect();
            // What can't be read ends it, and a whole tree is never less than it was.
            assert!(found.iter().rev().skip(1).all(Result::is_ok), "{cut}");
            assert!(found.len() <= 4, "{cut}");
        }
    }
}

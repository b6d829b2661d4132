//! Which folders could not be looked at, as of the last look?
//!
//! What is in them is neither read nor taken for deleted, so no file in the store tells of it: they are kept beside the
//! files, and listed with those that were not read until they can be looked at again.

use intramuros_core::access::AccessId;
use intramuros_core::document::ExtractError;
use intramuros_core::error::Error;
use intramuros_store::{Failure, FileId, Location, Source, Store};

/// Prefix of the setting that holds those of a source.
const KEY: &str = "troubles:";

/// Kept of one source at most. 1,000: enough to see what they have in common, and little to read at each look.
const MOST_KEPT: usize = 1_000;

/// A folder or file below a source's root with what the system says.
pub(crate) type Trouble = (String, String);

/// Keeps what a look found, in place of what was known of the paths that it looked at.
pub(crate) fn keep(
    store: &Store,
    source: &str,
    looked_at: &dyn Fn(&[u8]) -> bool,
    found: &[Trouble],
) -> Result<(), Error> {
    let before = kept(store, source)?;
    let after = joined(&before, looked_at, found);
    if after == before {
        return Ok(());
    }
    let key = format!("{KEY}{source}");
    if after.is_empty() {
        return store.remove_meta(&key);
    }
    let text = serde_json::to_string(&after)
        .map_err(|error| Error::internal("a list of folders can't be written").because(error))?;
    store.set_meta(&key, &text)
}

/// Forgets those of a source that is removed.
pub(crate) fn forget(store: &Store, source: &str) -> Result<(), Error> {
    store.remove_meta(&format!("{KEY}{source}"))
}

/// Those of all sources, as files that were not read are told.
pub(crate) fn all(store: &Store) -> Result<Vec<Failure>, Error> {
    let mut all = Vec::new();
    for source in store.sources()? {
        all.extend(kept(store, &source.name)?.into_iter().map(|trouble| failure(&source, trouble)));
    }
    Ok(all)
}

fn kept(store: &Store, source: &str) -> Result<Vec<Trouble>, Error> {
    let text = store.meta(&format!("{KEY}{source}"))?;
    // A list that can't be read is made anew by the next look.
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
}

fn joined(before: &[Trouble], looked_at: &dyn Fn(&[u8]) -> bool, found: &[Trouble]) -> Vec<Trouble> {
    let stays =
        |(path, _): &&Trouble| !looked_at(path.as_bytes()) && !found.iter().any(|(found, _)| found == path);
    let mut all: Vec<Trouble> = before.iter().filter(stays).chain(found).cloned().collect();
    all.sort();
    all.truncate(MOST_KEPT);
    all
}

/// No file and no rule is known of it: only the owner is told.
fn failure(source: &Source, (path, why): Trouble) -> Failure {
    let why = ExtractError::Unreadable(why);
    Failure {
        file: FileId(0),
        location: Location { source: source.id, path: path.into_bytes() },
        part: String::new(),
        reason: why.word().to_owned(),
        detail: why.to_string(),
        access: AccessId(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_looked_at_again_takes_the_place_of_what_was_known() {
        let troubles = |paths: &[&str], why: &str| -> Vec<Trouble> {
            paths.iter().map(|path| ((*path).to_owned(), why.to_owned())).collect()
        };
        let check = |looked_at: &str, found: &[&str], expected: &[(&str, &str)]| {
            let before = troubles(&["a", "b/c"], "old");
            let looked_at = |path: &[u8]| looked_at == "*" || path.starts_with(looked_at.as_bytes());
            let after = joined(&before, &looked_at, &troubles(found, "new"));
            let after: Vec<(&str, &str)> = after.iter().map(|(path, why)| (&**path, &**why)).collect();
            assert_eq!(after, expected);
        };
        check("*", &[], &[]);
        check("*", &["b/c"], &[("b/c", "new")]);
        check("b", &[], &[("a", "old")]);
        check("b", &["b/d"], &[("a", "old"), ("b/d", "new")]);
        // One that lies above what was looked at is told once.
        check("a/x", &["a"], &[("a", "new"), ("b/c", "old")]);
    }
}

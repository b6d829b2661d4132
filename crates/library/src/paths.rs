//! How does a path of this system become bytes, and bytes a path?

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// The bytes of a name or path, exactly as the system has them.
#[cfg(unix)]
pub(crate) fn bytes(name: &OsStr) -> Vec<u8> {
    std::os::unix::ffi::OsStrExt::as_bytes(name).to_vec()
}

/// The bytes of a name or path, with `/` between names.
#[cfg(not(unix))]
pub(crate) fn bytes(name: &OsStr) -> Vec<u8> {
    name.to_string_lossy().replace('\\', "/").into_bytes()
}

#[cfg(unix)]
fn name(bytes: &[u8]) -> OsString {
    std::os::unix::ffi::OsStringExt::from_vec(bytes.to_vec())
}

#[cfg(not(unix))]
fn name(bytes: &[u8]) -> OsString {
    String::from_utf8_lossy(bytes).into_owned().into()
}

/// The path of a file, from its source's root and the bytes below it.
pub(crate) fn under(root: &Path, relative: &[u8]) -> PathBuf {
    if relative.is_empty() { root.to_owned() } else { root.join(name(relative)) }
}

/// The bytes of `path` below `root`; none when it lies elsewhere. Empty for the root itself.
pub(crate) fn relative(root: &Path, path: &Path) -> Option<Vec<u8>> {
    path.strip_prefix(root).ok().map(|relative| bytes(relative.as_os_str()))
}

/// `folder` and `name` with a `/` between, or `name` alone at the root.
pub(crate) fn join(folder: &[u8], name: &[u8]) -> Vec<u8> {
    if folder.is_empty() { name.to_vec() } else { [folder, b"/", name].concat() }
}

/// The last name of a path.
pub(crate) fn last_name(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or(path)
}

/// What a path lies in; empty at the root.
pub(crate) fn parent(path: &[u8]) -> &[u8] {
    let name = last_name(path).len();
    path.get(..(path.len() - name).saturating_sub(1)).unwrap_or_default()
}

//! Who may read a file, as the file system itself says?
//!
//! What can't be told with certainty is decided against the reader: a rule may close more than the file system does,
//! never less.

use std::fs::Metadata;
use std::path::Path;

use intramuros_core::access::AccessRule;

/// What one file or folder says about who may read it or pass through it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Permissions {
    /// Number of the user who owns it.
    pub user: u32,
    /// Number of its group.
    pub group: u32,
    /// The nine bits, as in `0o640`.
    pub mode: u32,
    /// It has an access control list: then the group's bits are the list's mask and say nothing of the group.
    pub listed: bool,
}

/// Which of the three bits matters.
#[derive(Clone, Copy)]
enum Bit {
    Read = 4,
    Pass = 1,
}

impl Permissions {
    fn user_may(self, bit: Bit) -> bool {
        self.mode & ((bit as u32) << 6) != 0
    }

    fn group_may(self, bit: Bit) -> bool {
        !self.listed && self.mode & ((bit as u32) << 3) != 0
    }

    /// Everybody else may, and the group is not shut out while the rest is let in.
    fn all_may(self, bit: Bit) -> bool {
        let bit = bit as u32;
        self.user_may_bits(bit) && !self.listed && self.mode & (bit << 3) != 0 && self.mode & bit != 0
    }

    fn user_may_bits(self, bit: u32) -> bool {
        self.mode & (bit << 6) != 0
    }

    fn lets_user_pass(self, user: u32) -> bool {
        if self.user == user { self.user_may(Bit::Pass) } else { self.all_may(Bit::Pass) }
    }

    fn lets_group_pass(self, group: u32) -> bool {
        if self.group == group { self.group_may(Bit::Pass) } else { self.all_may(Bit::Pass) }
    }
}

/// The readers of a file: numbers of users and groups, or everybody.
#[derive(Debug, PartialEq, Eq)]
struct Readers {
    everyone: bool,
    user: Option<u32>,
    group: Option<u32>,
}

/// Who may read `file` through all of `folders` (from the file system's root to the folder it lies in).
fn readers(folders: &[Permissions], file: Permissions) -> Readers {
    let everyone = file.all_may(Bit::Read) && folders.iter().all(|folder| folder.all_may(Bit::Pass));
    let user = file.user_may(Bit::Read) && folders.iter().all(|folder| folder.lets_user_pass(file.user));
    let group = file.group_may(Bit::Read) && folders.iter().all(|folder| folder.lets_group_pass(file.group));
    Readers { everyone, user: user.then_some(file.user), group: group.then_some(file.group) }
}

/// The access rule that the file system's permissions come to. Numbers without a name let nobody in.
pub(crate) fn rule(folders: &[Permissions], file: Permissions) -> AccessRule {
    let readers = readers(folders, file);
    if readers.everyone {
        return AccessRule::everyone();
    }
    AccessRule::readers(readers.user.and_then(user_name), readers.group.and_then(group_name))
}

#[cfg(unix)]
pub(crate) fn of(path: &Path, metadata: &Metadata) -> Permissions {
    use std::os::unix::fs::MetadataExt;
    Permissions {
        user: metadata.uid(),
        group: metadata.gid(),
        mode: metadata.mode() & 0o777,
        listed: has_access_list(path),
    }
}

/// Elsewhere nothing is known of the permissions: nobody but the owner reads.
#[cfg(not(unix))]
pub(crate) fn of(_path: &Path, _metadata: &Metadata) -> Permissions {
    Permissions { user: 0, group: 0, mode: 0, listed: true }
}

#[cfg(unix)]
fn has_access_list(path: &Path) -> bool {
    let mut nothing: [u8; 0] = [];
    match rustix::fs::getxattr(path, c"system.posix_acl_access", &mut nothing[..]) {
        Ok(size) => size > 0,
        // No list, or a file system without lists. Anything else is not known, so it counts as one.
        Err(error) => error != rustix::io::Errno::NODATA && error != rustix::io::Errno::OPNOTSUPP,
    }
}

#[cfg(unix)]
fn user_name(number: u32) -> Option<String> {
    uzers::get_user_by_uid(number)?.name().to_str().map(str::to_owned)
}

#[cfg(unix)]
fn group_name(number: u32) -> Option<String> {
    uzers::get_group_by_gid(number)?.name().to_str().map(str::to_owned)
}

#[cfg(not(unix))]
fn user_name(_number: u32) -> Option<String> {
    None
}

#[cfg(not(unix))]
fn group_name(_number: u32) -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(user: u32, group: u32, mode: u32) -> Permissions {
        Permissions { user, group, mode, listed: false }
    }

    fn check(folders: &[Permissions], file: Permissions, everyone: bool, user: bool, group: bool) {
        let found = readers(folders, file);
        let expected =
            Readers { everyone, user: user.then_some(file.user), group: group.then_some(file.group) };
        assert_eq!(found, expected, "{folders:?} {file:?}");
    }

    #[test]
    fn a_file_is_read_by_those_whom_it_and_all_its_folders_let_in() {
        let open = one(0, 0, 0o755);
        check(&[open], one(1, 10, 0o644), true, true, true);
        check(&[open], one(1, 10, 0o640), false, true, true);
        check(&[open], one(1, 10, 0o600), false, true, false);
        check(&[open], one(1, 10, 0o000), false, false, false);
        // A private home closes what lies in it, however open that is.
        check(&[open, one(1, 1, 0o700)], one(1, 10, 0o644), false, true, false);
        check(&[open, one(2, 2, 0o700)], one(1, 10, 0o644), false, false, false);
        // A folder of the group lets the group through and not the owner, who is known only through the group.
        check(&[open, one(0, 10, 0o750)], one(1, 10, 0o640), false, false, true);
        check(&[open, one(0, 11, 0o750)], one(1, 10, 0o640), false, false, false);
        // The group is shut out while everybody else is let in: not open to everyone.
        check(&[open], one(1, 10, 0o604), false, true, false);
    }

    #[test]
    fn an_access_list_makes_the_group_bits_say_nothing() {
        let listed = Permissions { listed: true, ..one(1, 10, 0o664) };
        check(&[one(0, 0, 0o755)], listed, false, true, false);
    }
}

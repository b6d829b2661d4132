//! What can be written in the journal?
//!
//! Never a password, a token, a key or a document's text. A question's text only where `question_text` is declared:
//! the caller leaves it out otherwise.

use std::collections::BTreeMap;

use intramuros_core::access::AccessRule;
use serde::{Deserialize, Serialize};

/// Longest text of one field, in bytes. 4 KiB: a long question, a long path; more is cut with a mark.
pub const MAX_FIELD_BYTES: usize = 4096;

/// Stands at the end of a text that was cut.
const CUT_MARK: &str = "…[cut]";

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// The program started.
    Started {
        /// Its version.
        version: String,
        /// What the kernel enforces, in one line.
        seal: String,
    },
    /// The program stopped in order.
    Stopped,
    /// The journal was opened for writing.
    JournalOpened {
        /// Entries found after the last signed head: written, not signed before the process fell.
        unsigned: u64,
        /// Bytes of a last line that a power cut left unfinished; they were never acknowledged.
        torn_bytes: u64,
        /// What was found broken and accepted by the person named, when that is why this entry exists.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        accepted_break: Option<String>,
    },
    /// A segment begins; what went before it.
    SegmentOpened {
        /// Number of the last entry before.
        after: u64,
        /// Its hash, in hexadecimal.
        hash: String,
    },
    /// The chain up to here, signed.
    Signed {
        /// Number of the last entry that is covered.
        up_to: u64,
        /// Its hash, in hexadecimal.
        hash: String,
        /// First 16 hexadecimal digits of the SHA-256 of the public key.
        key: String,
        /// The signature, in hexadecimal.
        signature: String,
    },
    /// Old segments were removed, as the declared retention says.
    Pruned {
        /// Number of the last entry removed.
        up_to: u64,
        /// Its hash, in hexadecimal.
        hash: String,
        /// Days that entries are kept.
        retain_days: u32,
    },
    /// Somebody signed in, or tried to.
    SignIn {
        /// The name given.
        user: String,
        /// `password`, `oidc`, `token`…
        way: String,
        /// Where from.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<String>,
        /// Whether they were let in.
        allowed: bool,
    },
    /// Somebody signed out.
    SignOut {
        /// Who.
        user: String,
    },
    /// Who may read something was changed.
    AccessChanged {
        /// Who changed it.
        by: String,
        /// Of which source.
        source: String,
        /// Which path or pattern.
        path: String,
        /// The rule before; none when there was none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<AccessRule>,
        /// The rule from now on; none when it was removed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<AccessRule>,
    },
    /// A question or search.
    Question {
        /// Who asked.
        by: String,
        /// Over which sources; all when empty.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        sources: Vec<String>,
        /// How many passages were found.
        results: u64,
        /// The question, only where declared.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
    },
    /// A document was opened or downloaded.
    DocumentRead {
        /// Who read.
        by: String,
        /// Of which source.
        source: String,
        /// The document's path within it.
        path: String,
        /// `view`, `download`, `citation`, `tool`…
        way: String,
    },
    /// Somebody asked for what is not theirs, or from where none may ask.
    AccessRefused {
        /// Who, as far as is known.
        by: String,
        /// What was asked for: `document 17`, a route.
        what: String,
        /// Why it was refused.
        why: String,
        /// Where from.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<String>,
    },
    /// A model or a program called a tool.
    ToolCalled {
        /// For whom.
        by: String,
        /// Which tool.
        tool: String,
        /// Whether it was allowed.
        allowed: bool,
        /// What it was called with, in few words and without content.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        with: Option<String>,
    },
    /// A connection to the outside was allowed or refused.
    Egress {
        /// The purpose's word.
        purpose: String,
        /// The host asked for, as it was written.
        host: String,
        /// The port.
        port: u16,
        /// The address that was connected to; none when refused before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        address: Option<String>,
        /// Whether it was allowed.
        allowed: bool,
        /// The rule (`egress[0]`) or the reason of the refusal.
        why: String,
    },
    /// A place outside was looked at, and what is new there was fetched. Never what it holds.
    Fetched {
        /// The source.
        source: String,
        /// Files found there.
        found: u64,
        /// Of these, fetched.
        fetched: u64,
        /// Of these, not fetched for a reason.
        unread: u64,
        /// Files that are gone.
        removed: u64,
        /// Bytes fetched.
        bytes: u64,
        /// Why it was not seen whole; none when it was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    /// The kernel refused what a process tried: a system call that the seal does not allow.
    KernelRefused {
        /// `program`, `reader`, `tool`, or `child` for one that has not sealed itself yet.
        process: String,
        /// The call; `others` for those that were only counted.
        call: String,
        /// What it was asked for: an address with its port, a path, a kind of socket.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        with: String,
        /// How often since the last such entry.
        times: u64,
    },
    /// The configuration was changed or read again.
    ConfigurationChanged {
        /// Who, or `file`.
        by: String,
        /// The path of the value (`egress[0].host`) or the file.
        what: String,
        /// The change in few words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        change: Option<String>,
    },
    /// Something was exported.
    Exported {
        /// By whom.
        by: String,
        /// What: `journal`, `conversation`, `documents`…
        what: String,
        /// How many.
        count: u64,
    },
    /// Any other act of administration.
    Administered {
        /// By whom.
        by: String,
        /// What was done.
        action: String,
        /// To what.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        on: BTreeMap<String, String>,
    },
}

impl Event {
    /// The word of the kind, as in the field `event`.
    pub fn word(&self) -> &'static str {
        match self {
            Event::Started { .. } => "started",
            Event::Stopped => "stopped",
            Event::JournalOpened { .. } => "journal_opened",
            Event::SegmentOpened { .. } => "segment_opened",
            Event::Signed { .. } => "signed",
            Event::Pruned { .. } => "pruned",
            Event::SignIn { .. } => "sign_in",
            Event::SignOut { .. } => "sign_out",
            Event::AccessChanged { .. } => "access_changed",
            Event::Question { .. } => "question",
            Event::DocumentRead { .. } => "document_read",
            Event::AccessRefused { .. } => "access_refused",
            Event::ToolCalled { .. } => "tool_called",
            Event::Egress { .. } => "egress",
            Event::Fetched { .. } => "fetched",
            Event::KernelRefused { .. } => "kernel_refused",
            Event::ConfigurationChanged { .. } => "configuration_changed",
            Event::Exported { .. } => "exported",
            Event::Administered { .. } => "administered",
        }
    }

    /// Who did it, where somebody did.
    pub fn who(&self) -> Option<&str> {
        match self {
            Event::SignIn { user, .. } | Event::SignOut { user } => Some(user),
            Event::AccessChanged { by, .. }
            | Event::Question { by, .. }
            | Event::DocumentRead { by, .. }
            | Event::AccessRefused { by, .. }
            | Event::ToolCalled { by, .. }
            | Event::ConfigurationChanged { by, .. }
            | Event::Exported { by, .. }
            | Event::Administered { by, .. } => Some(by),
            _ => None,
        }
    }

    /// Cuts texts that are too long, so that no entry can fill the disk.
    pub(crate) fn bounded(mut self) -> Event {
        for text in self.texts() {
            if text.len() > MAX_FIELD_BYTES {
                let mut end = MAX_FIELD_BYTES - CUT_MARK.len();
                while !text.is_char_boundary(end) {
                    end -= 1;
                }
                text.truncate(end);
                text.push_str(CUT_MARK);
            }
        }
        if let Event::Question { sources, .. } = &mut self {
            sources.truncate(64);
        }
        if let Event::Administered { on, .. } = &mut self {
            while on.len() > 64 {
                on.pop_last();
            }
        }
        self
    }

    fn texts(&mut self) -> Vec<&mut String> {
        match self {
            Event::Started { version, seal } => vec![version, seal],
            Event::SignIn { user, way, from, .. } => [user, way].into_iter().chain(from).collect(),
            Event::SignOut { user } => vec![user],
            Event::AccessChanged { by, source, path, .. } => vec![by, source, path],
            Event::Question { by, text, sources, .. } => {
                std::iter::once(by).chain(text).chain(sources).collect()
            }
            Event::DocumentRead { by, source, path, way } => vec![by, source, path, way],
            Event::AccessRefused { by, what, why, from } => [by, what, why].into_iter().chain(from).collect(),
            Event::ToolCalled { by, tool, with, .. } => [by, tool].into_iter().chain(with).collect(),
            Event::Egress { purpose, host, address, why, .. } => {
                [purpose, host, why].into_iter().chain(address).collect()
            }
            Event::Fetched { source, why, .. } => std::iter::once(source).chain(why).collect(),
            Event::KernelRefused { process, call, with, .. } => vec![process, call, with],
            Event::ConfigurationChanged { by, what, change } => {
                [by, what].into_iter().chain(change).collect()
            }
            Event::Exported { by, what, .. } => vec![by, what],
            Event::Administered { by, action, on } => {
                [by, action].into_iter().chain(on.values_mut()).collect()
            }
            Event::JournalOpened { accepted_break, .. } => accepted_break.iter_mut().collect(),
            Event::Stopped | Event::SegmentOpened { .. } | Event::Signed { .. } | Event::Pruned { .. } => {
                Vec::new()
            }
        }
    }
}

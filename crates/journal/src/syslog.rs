//! How does an entry look to a syslog collector?
//!
//! RFC 5424, with octet counting (RFC 5425, 6587) so that a stream can be cut into messages. The message is the entry's
//! line itself, hash included: the collector's copy can be checked against the journal.

use crate::event::Event;
use crate::line::Entry;

/// Facility 13, "log audit".
const FACILITY: u8 = 13;

/// Appends one entry as a framed message. `host` is this machine's name; whatever RFC 5424 does not allow in it is
/// left out.
pub fn frame(out: &mut Vec<u8>, entry: &Entry, line: &[u8], host: &str) {
    let severity = match &entry.event {
        // Warning: somebody should look.
        Event::Egress { allowed: false, .. }
        | Event::AccessRefused { .. }
        | Event::KernelRefused { .. }
        | Event::SignIn { allowed: false, .. }
        | Event::ToolCalled { allowed: false, .. }
        | Event::JournalOpened { accepted_break: Some(_), .. } => 4,
        // Notice: a change.
        Event::AccessChanged { .. } | Event::ConfigurationChanged { .. } | Event::Administered { .. } => 5,
        _ => 6,
    };
    let priority = FACILITY * 8 + severity;
    let host: String = host.chars().filter(char::is_ascii_graphic).take(255).collect();
    let host = if host.is_empty() { "-" } else { &host };
    let header = format!("<{priority}>1 {} {host} intramuros - {} - ", entry.time, entry.event.word());
    // The byte order mark says that the message is UTF-8.
    let message_bytes = header.len() + 3 + line.len();
    out.extend_from_slice(format!("{message_bytes} {header}\u{feff}").as_bytes());
    out.extend_from_slice(line);
}

/// The name of this machine, as messages carry it; `-` where it can't be told. A sealed process can't read it: ask
/// before.
pub fn host_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map_or_else(|_| "-".to_owned(), |name| name.trim().to_owned())
}

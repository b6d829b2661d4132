//! How does the outbound client write to the journal, and where does the journal lie?

use std::path::Path;
use std::sync::Arc;

use intramuros_core::perimeter::Perimeter;
use intramuros_egress::{Decision, Recorder};
use intramuros_journal::{Event, Journal, Options};

use crate::load;

/// The journal as declared, for the program that writes it.
pub fn options(perimeter: &Perimeter, data: &Path) -> Options {
    Options {
        key_file: load::journal_key(perimeter, data),
        earlier_key_file: Some(load::own_journal_key(data)),
        retain_days: perimeter.journal.retain_days,
        ..Options::new(load::journal_folder(perimeter, data))
    }
}

/// What a decision of the outbound client looks like in the journal.
pub fn event(decision: &Decision) -> Event {
    Event::Egress {
        purpose: decision.purpose.word().to_owned(),
        host: decision.host.clone(),
        port: decision.port,
        address: decision.address.map(|address| address.to_string()),
        allowed: decision.verdict.is_ok(),
        why: match &decision.verdict {
            Ok(rule) => format!("egress[{rule}]"),
            Err(why) => why.clone(),
        },
    }
}

/// A recorder that writes every decision to the journal before it is acted on: a refusal is handed over, an admission
/// waits until it is on the disk.
pub fn recorder(journal: Journal) -> Recorder {
    Arc::new(move |decision| {
        let written = match decision.verdict {
            Ok(_) => journal.append_and_wait(event(decision)).map(drop),
            Err(_) => journal.append(event(decision)),
        };
        written.map_err(|error| error.to_string())
    })
}

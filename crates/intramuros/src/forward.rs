//! How does the journal reach its collector while the program runs?
//!
//! A thread reads what was written since the last time and sends it as syslog messages (RFC 5424, framed by their
//! length, over TLS) through the one door out. How far it is stands in a file of the data folder, so that a restart goes
//! on there: after a fault some entries are sent twice rather than not at all; their numbers tell.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use intramuros_core::error::Error;
use intramuros_core::perimeter::host::parse_host_port;
use intramuros_core::perimeter::{Host, Perimeter, Purpose};
use intramuros_egress::Egress;
use intramuros_egress::blocking::Blocking;
use intramuros_journal::read::{Filter, each};
use intramuros_journal::{Event, segment, syslog};
use intramuros_perimeter::load;

/// Between two looks at the journal. Each sending is a connection of its own, and an entry of its own.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// After a collector could not be reached.
const AFTER_A_FAULT: Duration = Duration::from_secs(30);

/// Most entries sent over one connection. 10,000: some megabytes, held in memory meanwhile.
const ENTRIES_AT_ONCE: usize = 10_000;

/// The file that says how far it is.
const SENT: &str = "journal.sent";

/// What is needed to send; gathered before the seal.
pub struct Forwarder {
    to: (Host, u16),
    host: String,
    journal: PathBuf,
    sent: PathBuf,
}

impl Forwarder {
    /// The one that the perimeter declares; none without `journal.syslog`.
    ///
    /// # Errors
    /// When the declared address is none.
    pub fn declared(perimeter: &Perimeter, data: &Path) -> Result<Option<Forwarder>, Error> {
        let Some(declared) = &perimeter.journal.syslog else { return Ok(None) };
        Ok(Some(Forwarder {
            to: parse_host_port(declared).map_err(Error::config)?,
            host: syslog::host_name(),
            journal: load::journal_folder(perimeter, data),
            sent: data.join(SENT),
        }))
    }

    /// Sends from now on, in a thread of its own.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(self, egress: Egress) -> Result<(), Error> {
        let client = Blocking::new(egress)?;
        let thread = std::thread::Builder::new().name("collector".to_owned());
        thread
            .spawn(move || self.run(&client))
            .map(drop)
            .map_err(|error| Error::internal("a thread can't be started").because(error))
    }

    fn run(&self, client: &Blocking) {
        let mut sent =
            std::fs::read_to_string(&self.sent).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0);
        let (mut looked, mut well) = (None, true);
        loop {
            std::thread::sleep(if well { LOOK_EVERY } else { AFTER_A_FAULT });
            let now = self.look();
            if well && now == looked {
                continue;
            }
            match self.send(client, sent) {
                Ok(up_to) => {
                    (sent, looked, well) = (up_to, now, true);
                }
                Err(why) => {
                    if well {
                        tracing::warn!(%why, "the journal does not reach its collector; it is tried again");
                    }
                    well = false;
                }
            }
        }
    }

    /// The last segment with its size: the same as before, and nothing was written.
    fn look(&self) -> Option<(PathBuf, u64)> {
        let last = segment::list(&self.journal).ok()?.pop()?.path;
        let size = std::fs::metadata(&last).ok()?.len();
        Some((last, size))
    }

    /// Sends what follows an entry; gives the number of the last one that was sent or needs not be.
    fn send(&self, client: &Blocking, after: u64) -> Result<u64, String> {
        let mut sent = after;
        loop {
            let (mut bytes, mut count, mut up_to, mut worth) = (Vec::new(), 0, sent, false);
            each(&self.journal, &Filter { after: Some(sent), ..Filter::default() }, |entry, line| {
                syslog::frame(&mut bytes, entry, line, &self.host);
                up_to = entry.number;
                count += 1;
                worth |= !is_own(&entry.event);
                count < ENTRIES_AT_ONCE
            })
            .map_err(|error| error.to_string())?;
            if !worth {
                // Only what sending itself left: it goes with the next entry, or sending would never end.
                return Ok(sent);
            }
            let (host, port) = &self.to;
            let mut stream = client
                .connect(Purpose::Journal, &host.to_string(), *port)
                .map_err(|error| error.to_string())?;
            stream.write_all(&bytes).and_then(|()| stream.flush()).map_err(|error| error.to_string())?;
            drop(stream);
            std::fs::write(&self.sent, up_to.to_string()).map_err(|error| error.to_string())?;
            sent = up_to;
        }
    }
}

/// Whether an entry comes from sending or from keeping the journal.
fn is_own(event: &Event) -> bool {
    match event {
        Event::Egress { purpose, .. } => purpose == Purpose::Journal.word(),
        Event::Signed { .. } | Event::SegmentOpened { .. } => true,
        _ => false,
    }
}

//! How do many watchers learn of progress while one thread waits for it?

use std::sync::Arc;
use std::time::Duration;

use intramuros_library::{Library, Progress};
use tokio::sync::watch;

use crate::limits::EVENT_EVERY;

/// How long the thread waits for a change before it looks whether it should stop.
const LOOK_UP: Duration = Duration::from_millis(400);

/// Progress as it was last seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// How far the work is.
    pub progress: Progress,
}

/// Follows the library's progress on a thread until `stopping` becomes true.
pub(crate) fn follow(library: Arc<Library>, stopping: watch::Receiver<bool>) -> watch::Receiver<Seen> {
    let (sender, receiver) = watch::channel(Seen { progress: library.progress() });
    tokio::task::spawn_blocking(move || {
        let mut seen = 0;
        while !*stopping.borrow() {
            let (version, progress) = library.progress_after(seen, LOOK_UP);
            if version != seen {
                seen = version;
                if sender.send(Seen { progress }).is_err() {
                    return;
                }
                // Work changes the board hundreds of times a second; eyes do not follow.
                std::thread::sleep(EVENT_EVERY);
            }
        }
    });
    receiver
}

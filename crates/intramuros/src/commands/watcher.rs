//! How does a process of this program answer and report what the kernel refuses another? Only through its pipes.

use std::io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
use std::process::ExitCode;
use std::sync::mpsc::sync_channel;

use intramuros_core::error::Error;
use intramuros_seal::{Refusal, watch};

/// Lines that wait to be printed. 64: whoever reads the log slower misses lines, which the journal has.
const QUEUE_LINES: usize = 64;

/// Watches until what it watches has ended.
///
/// # Errors
/// When it is given nothing to watch, or the kernel fails to seal it.
pub fn run() -> Result<ExitCode, Error> {
    let (lines, printed) = sync_channel::<Refusal>(QUEUE_LINES);
    // In a thread of its own: a log that nobody reads must not hold up the program. It is started by the first line,
    // after the seal.
    let mut printed = Some(printed);
    let print = std::cell::RefCell::new(move || {
        if let Some(printed) = printed.take() {
            let _ = std::thread::Builder::new().name("log".to_owned()).spawn(move || {
                for Refusal { process, call, with, times } in printed {
                    tracing::warn!(process, call, with, times, "refused by the kernel");
                }
            });
        }
    });
    let ended = watch(|refusal| {
        (print.borrow_mut())();
        let _ = lines.try_send(refusal.clone());
    });
    match ended {
        Ok(()) => Ok(ExitCode::SUCCESS),
        // The program ended, such as on an address that is taken: it has said why, and there is nothing to watch.
        Err(error) if matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof) => {
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => Err(Error::internal("what the kernel refuses is not followed").because(error)),
    }
}

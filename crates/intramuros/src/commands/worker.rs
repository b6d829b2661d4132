//! How does a process of this program read files for another? Only through its standard input and output.

use std::process::ExitCode;

use intramuros_core::error::Error;
use intramuros_seal::apply_to_worker;

/// Gives up everything but its input and output, then reads until the other process closes its standard input.
///
/// # Errors
/// When the kernel fails to seal it, or the other process sends what it never should.
pub fn run() -> Result<ExitCode, Error> {
    // What a kernel does not enforce was said by the program that started this one, which may have refused to go on.
    apply_to_worker()
        .map_err(|error| Error::internal("the reading process can't be sealed").because(error))?;
    intramuros_ingest::worker::serve(std::io::stdin(), std::io::stdout())
        .map_err(|error| Error::internal("the reading process lost its parent").because(error))?;
    Ok(ExitCode::SUCCESS)
}

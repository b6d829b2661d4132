//! How does a process of this program read files for another? Only through its standard input and output.

use std::process::ExitCode;

use intramuros_core::error::Error;

/// Reads until the other process closes standard input.
///
/// # Errors
/// When the other process sends what it never should.
pub fn run() -> Result<ExitCode, Error> {
    intramuros_ingest::worker::serve(std::io::stdin(), std::io::stdout())
        .map_err(|error| Error::internal("the reading process lost its parent").because(error))?;
    Ok(ExitCode::SUCCESS)
}

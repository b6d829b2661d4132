//! What does a worker do? It reads the files that it is given until its input ends.
//!
//! The `intramuros` program runs itself instead; this one serves the tests and the measurements of this crate.

fn main() -> std::io::Result<()> {
    intramuros_ingest::worker::serve(std::io::stdin(), std::io::stdout())
}

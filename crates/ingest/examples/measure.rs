//! How fast is a folder of files read, through workers as in real use?
//!
//! `cargo run --release -p intramuros-ingest --example measure -- FOLDER [ROUNDS]` reads every file of the folder with
//! two workers and prints one JSON line per round: seconds, files read, files refused. Workers start outside the clock
//! of all rounds but the first.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use intramuros_core::document::Limits;
use intramuros_ingest::{Extractor, Pool};

const WORKERS: usize = 2;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let Some(folder) = arguments.next() else { return Err("which folder?".into()) };
    if folder == "serve" {
        return Ok(intramuros_ingest::worker::serve(std::io::stdin(), std::io::stdout())?);
    }
    let rounds = arguments.next().map_or(Ok(1), |rounds| rounds.to_string_lossy().parse())?;
    let mut files: Vec<(String, PathBuf)> = Vec::new();
    for entry in std::fs::read_dir(PathBuf::from(folder))? {
        let entry = entry?;
        files.push((entry.file_name().to_string_lossy().into_owned(), entry.path()));
    }
    files.sort();
    let pool = Pool::new(std::env::current_exe()?, vec!["serve".into()], WORKERS, Limits::default());
    let extractor = Extractor::Workers(pool);
    for _ in 0..rounds {
        let (next, good) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let start = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..WORKERS {
                scope.spawn(|| {
                    while let Some((name, path)) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let read = std::fs::read(path).map(|bytes| extractor.extract(name, &bytes));
                        good.fetch_add(usize::from(matches!(read, Ok(Ok(_)))), Ordering::Relaxed);
                    }
                });
            }
        });
        let (seconds, good) = (start.elapsed().as_secs_f64(), good.into_inner());
        #[expect(clippy::print_stdout, reason = "the measurement is the output")]
        {
            println!("{{\"seconds\": {seconds:.3}, \"read\": {good}, \"refused\": {}}}", files.len() - good);
        }
    }
    Ok(())
}

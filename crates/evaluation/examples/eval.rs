//! What does a set give? `cargo run --release -p intramuros-evaluation --example eval -- CACHE DIR…` (the program's
//! own `intramuros eval` does the same with more options).

use intramuros_evaluation::{Options, TestSet, evaluate};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let cache = arguments.next().map(std::path::PathBuf::from);
    let other = std::env::var_os("OTHER").map(|folder| TestSet::read(folder.as_ref())).transpose()?;
    for folder in arguments {
        let set = TestSet::read(folder.as_ref())?;
        let options = Options {
            passages: Default::default(),
            cache: cache.clone(),
            threads: 2,
            unanswerable: other.clone(),
            progress: Box::new(|_, _| {}),
        };
        print_table(&evaluate(&set, &options)?.table());
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "an example is a program")]
fn print_table(table: &str) {
    println!("{table}");
}

//! How good are search and answers on sets whose right answers are known?

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use indicatif::ProgressBar;
use intramuros_core::error::Error;
use intramuros_core::perimeter::Perimeter;
use intramuros_evaluation::own::OwnQuestion;
use intramuros_evaluation::{Options, TestSet, evaluate, verify_across, verify_set};
use intramuros_inference::Embedder;
use intramuros_ingest::passages::PassageOptions;
use intramuros_netpol::language::Language;

use crate::compared::{self, Compared};
use crate::output::Output;
use crate::sets::Sets;
use crate::setup::{self, Where};
use intramuros_perimeter::load;

/// Which sets.
#[derive(clap::Args)]
pub struct Args {
    /// Folders with corpus.jsonl, queries.jsonl and qrels.tsv (the BEIR layout)
    #[arg(required_unless_present = "questions", value_name = "DIR")]
    sets: Vec<PathBuf>,
    /// Your own questions with their right answers and sources (YAML or CSV), put to what `serve` or `ingest` read
    #[arg(long, value_name = "FILE", conflicts_with = "sets")]
    questions: Option<PathBuf>,
    /// Compare these: names of declared models, or `quote` for sentences of the documents, each with @COLLECTION where one
    /// is asked; of your own questions all of them when none is given. With folders, their questions are put to these
    #[arg(long = "with", value_name = "NAME[@COLLECTION]")]
    with: Vec<String>,
    /// Write the comparison to this file, as a page with plots that stands alone
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Write that page in French, whatever the locale
    #[arg(long, requires = "report")]
    french: bool,
    #[command(flatten)]
    at: Where,
    /// Put the questions of this set to each of the others: none has an answer there, how many are refused?
    #[arg(long, value_name = "DIR")]
    unanswerable: Option<PathBuf>,
    /// Keep computed vectors in this file, for the next run
    #[arg(long, value_name = "FILE")]
    cache: Option<PathBuf>,
    /// Most words of a passage
    #[arg(long, value_name = "NUMBER")]
    passage_words: Option<usize>,
    /// Measure the check of written answers instead: sentences made from the documents, some of them corrupted
    #[arg(long)]
    verification: bool,
    /// Print the reports as JSON
    #[arg(long)]
    json: bool,
}

/// Measures each set.
///
/// # Errors
/// When a set can't be read.
pub fn run(args: &Args, out: &mut Output) -> Result<ExitCode, Error> {
    if let Some(questions) = &args.questions {
        let (perimeter, data) = args.at.last_used()?;
        let set = compared::own(questions)?;
        return compare(args, set.0.clone(), &[set], &perimeter, &data, out);
    }
    if !args.with.is_empty() {
        let sets = Sets::read(&args.sets, &load::load(args.at.config.as_deref())?)?;
        let names: Vec<&str> = sets.questions.iter().map(|(name, _)| name.as_str()).collect();
        return compare(args, names.join(", "), &sets.questions, &sets.perimeter, &sets.data, out);
    }
    if args.verification {
        return verification(args, out);
    }
    let unanswerable = args.unanswerable.as_deref().map(TestSet::read).transpose()?;
    let mut reports = Vec::new();
    for folder in &args.sets {
        let set = TestSet::read(folder)?;
        let mut passages = PassageOptions::default();
        if let Some(words) = args.passage_words {
            passages.most_words = words.max(1);
            passages.least_words = words / 3;
        }
        let options = Options {
            passages,
            cache: args.cache.clone(),
            threads: setup::threads(),
            unanswerable: unanswerable.clone(),
            progress: progress(out),
        };
        let report = evaluate(&set, &options)?;
        if !args.json {
            out.line(&report.table());
        }
        reports.push(report);
    }
    if args.json {
        out.json(&reports)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Puts questions to several models.
fn compare(
    args: &Args,
    name: String,
    sets: &[(String, Vec<OwnQuestion>)],
    perimeter: &Perimeter,
    data: &Path,
    out: &mut Output,
) -> Result<ExitCode, Error> {
    let (with, report) = (args.with.as_slice(), args.report.clone());
    // The page is for whoever asked for it, as what the terminal says is.
    let french = args.french || out.language() == Language::French;
    let compared = Compared { name, sets, with, report, french, json: args.json };
    compared::run(&compared, perimeter, data, out)
}

/// Measures how often the check of written answers is right on each set, and across languages.
fn verification(args: &Args, out: &mut Output) -> Result<ExitCode, Error> {
    let mut reports = Vec::new();
    for folder in &args.sets {
        reports.push(verify_set(&TestSet::read(folder)?));
    }
    reports.push(verify_across(&Embedder::built_in(setup::threads())?)?);
    if args.json {
        out.json(&reports)?;
    } else {
        reports.iter().for_each(|report| out.line(&report.table()));
    }
    Ok(ExitCode::SUCCESS)
}

/// A bar for embedding, in a terminal.
fn progress(out: &Output) -> Box<dyn Fn(usize, usize)> {
    if !out.shows_progress() {
        return Box::new(|_, _| {});
    }
    let bar = ProgressBar::new(1);
    let last = Cell::new(0);
    Box::new(move |done, total| {
        if done == total {
            bar.finish_and_clear();
        } else if done >= last.get() + 50 {
            last.set(done);
            bar.set_length(total as u64);
            bar.set_position(done as u64);
        }
    })
}

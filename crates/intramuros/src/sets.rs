//! How do folders in the BEIR layout become something that declared models can be asked about?
//!
//! Each document becomes a file of a folder that is thrown away afterwards, each set a source and a collection of its
//! name. A process of its own reads them, as `ingest` reads everything: within walls from which this one, which is to reach
//! the models, could not come out again.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use intramuros_core::error::Error;
use intramuros_core::perimeter::Perimeter;
use intramuros_evaluation::TestSet;
use intramuros_evaluation::own::OwnQuestion;
use intramuros_perimeter::load;

use crate::setup;

/// The sets, read. Dropping it throws the folder away.
pub struct Sets {
    sweeper: Child,
    /// What is declared otherwise, with the sets in place of the sources.
    pub perimeter: Perimeter,
    /// Where they were read to.
    pub data: PathBuf,
    /// The questions of each set, by its name.
    pub questions: Vec<(String, Vec<OwnQuestion>)>,
}

impl Sets {
    /// Reads the sets, and their documents as a library.
    ///
    /// # Errors
    /// When a set can't be read, two have the same name, or the folder can't be written.
    pub fn read(folders: &[PathBuf], declared: &Perimeter) -> Result<Sets, Error> {
        let sets = folders.iter().map(|folder| TestSet::read(folder)).collect::<Result<Vec<_>, _>>()?;
        let folder = std::env::temp_dir().join(format!("intramuros-eval-{}", std::process::id()));
        let wrong = |error: std::io::Error| {
            Error::config(format!("{} can't be written", folder.display())).because(error)
        };
        fs::create_dir(&folder).map_err(wrong)?;
        // From here on it is thrown away whatever happens.
        let mut read = Sets {
            data: folder.join("data"),
            sweeper: sweeper(&folder).map_err(wrong)?,
            perimeter: declared.clone(),
            questions: Vec::new(),
        };
        let mut text = format!("[data]\nfolder = {:?}\n", read.data.display().to_string());
        for set in &sets {
            if read.questions.iter().any(|(name, _)| *name == set.name) {
                return Err(Error::user(format!("two sets are called {}", set.name)));
            }
            let place = folder.join(&set.name);
            fs::create_dir(&place).map_err(wrong)?;
            let paths = write(set, &place).map_err(wrong)?;
            read.questions.push((set.name.clone(), questions(set, &paths)));
            let (name, place) = (&set.name, place.display().to_string());
            text += &format!("[[source]]\nname = {name:?}\npath = {place:?}\n");
            text += &format!("[[collection]]\nname = {name:?}\nsources = [{name:?}]\n");
        }
        let file = folder.join("intramuros.toml");
        fs::write(&file, text).map_err(wrong)?;
        let of_sets = load::load(Some(&file))?;
        read.perimeter.sources = of_sets.sources;
        read.perimeter.collections = of_sets.collections;
        read.perimeter.access.clear();
        read.perimeter.data.folder = Some(read.data.clone());
        ingest(&file)?;
        Ok(read)
    }
}

impl Drop for Sets {
    fn drop(&mut self) {
        drop(self.sweeper.stdin.take());
        // It has nothing to say.
        let _ = self.sweeper.wait();
    }
}

/// A process that throws a folder away once this one lets go of it, or ends in any way. By then this one is sealed, and could
/// remove nothing there.
fn sweeper(folder: &Path) -> std::io::Result<Child> {
    let script = "read -r end; rm -rf -- \"$1\"";
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh"]).arg(folder).stdin(Stdio::piped()).stdout(Stdio::null());
    // Ctrl+C is for this process; that one then sees its end.
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command.spawn()
}

/// Writes the documents; gives the file of each by its identifier.
fn write(set: &TestSet, place: &Path) -> std::io::Result<HashMap<String, String>> {
    let mut paths = HashMap::new();
    for (number, document) in set.corpus.iter().enumerate() {
        let name = format!("{number:06}.md");
        let title = document.title.split_whitespace().collect::<Vec<_>>().join(" ");
        let head = if title.is_empty() { String::new() } else { format!("# {title}\n\n") };
        fs::write(place.join(&name), format!("{head}{}\n", document.text))?;
        paths.insert(document.id.clone(), format!("{}/{name}", set.name));
    }
    Ok(paths)
}

/// The questions of a set with the documents that are judged to answer. Of several right answers the first is taken.
fn questions(set: &TestSet, paths: &HashMap<String, String>) -> Vec<OwnQuestion> {
    let question = |question: &intramuros_evaluation::Question| {
        let judged = set.judgements.get(&question.id).into_iter().flatten();
        let right = judged.filter(|(_, relevance)| **relevance > 0);
        let mut sources: Vec<String> = right.filter_map(|(id, _)| paths.get(id).cloned()).collect();
        sources.sort();
        OwnQuestion {
            question: question.text.clone(),
            answer: question.answers.first().filter(|answer| !answer.trim().is_empty()).cloned(),
            sources,
            collection: Some(set.name.clone()),
            ..OwnQuestion::default()
        }
    };
    set.questions.iter().map(question).filter(OwnQuestion::is_answerable).collect()
}

fn ingest(file: &Path) -> Result<(), Error> {
    let wrong = |error| Error::internal("the sets can't be read").because(error);
    let mut command = Command::new(setup::this_program()?);
    command.arg("ingest").arg("--config").arg(file).stdin(Stdio::null()).stdout(Stdio::null());
    let ended = command.status().map_err(wrong)?;
    if ended.success() { Ok(()) } else { Err(Error::user("the documents of the sets can't be read")) }
}

//! What do pictures of text say, where `tesseract` is installed?
//!
//! It runs as a process of its own for each picture, without a shell, fed through its standard input, under a time and
//! a memory limit. Nothing is installed, fetched or kept.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use intramuros_core::document::{Block, BlockKind, ExtractError, Extracted, Picture, Place};

use crate::worker::{CLOCK, Stop, apart, cut, stopped};

/// Processor time for one picture (by the clock [`CLOCK`] times as long). A dense page takes 3 to 10 seconds on a slow
/// core.
const PICTURE_TIME: Duration = Duration::from_secs(60);

/// Time for the list of installed languages.
const LIST_TIME: Duration = Duration::from_secs(10);

/// Memory for one picture: it holds several copies of a page of 12 million pixels.
const PICTURE_MEMORY: u64 = 1 << 30;

/// Text of one picture. The densest newspaper page has 60,000 characters.
const PICTURE_TEXT: u64 = 4 << 20;

/// Languages wanted, best first; those installed among them are used.
const LANGUAGES: [&str; 2] = ["fra", "eng"];

/// An installed OCR program.
#[derive(Clone, Debug)]
pub struct Ocr {
    program: PathBuf,
    /// The command that runs it, when it isn't run directly.
    through: Vec<OsString>,
    languages: String,
    /// Whether it can find out how a page is turned.
    turns: bool,
}

impl Ocr {
    /// Looks for `tesseract` on the path; none when it isn't installed or has no language at all.
    pub fn find() -> Option<Ocr> {
        let path = std::env::var_os("PATH")?;
        let name = if cfg!(windows) { "tesseract.exe" } else { "tesseract" };
        let program =
            std::env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.is_file())?;
        Ocr::at(&program)
    }

    /// The program at this path; none when it doesn't run or has no language.
    pub fn at(program: &Path) -> Option<Ocr> {
        let listed = run(Command::new(program), &["--list-langs"], &[], LIST_TIME, &Stop::default())?;
        let installed: Vec<&str> = listed.lines().map(str::trim).filter(|word| !word.contains(' ')).collect();
        let mut languages: Vec<&str> =
            LANGUAGES.into_iter().filter(|language| installed.contains(language)).collect();
        if languages.is_empty() {
            languages.extend(installed.iter().copied().find(|word| !word.is_empty() && *word != "osd"));
        }
        if languages.is_empty() {
            return None;
        }
        Some(Ocr {
            program: program.to_owned(),
            through: Vec::new(),
            languages: languages.join("+"),
            turns: installed.contains(&"osd"),
        })
    }

    /// The same, run through another command that takes the program and its arguments behind its own: one that
    /// confines it, since pictures are made by strangers.
    pub fn through(self, command: Vec<OsString>) -> Ocr {
        Ocr { through: command, ..self }
    }

    /// Its file.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// The languages it reads, as `tesseract` writes them: `fra+eng`.
    pub fn languages(&self) -> &str {
        &self.languages
    }

    /// Reads all pictures of a document, with everything inside it, and puts their text in its place.
    ///
    /// # Errors
    /// NeedsOcr when a document has nothing but pictures and no text came of them: the reason tells a failure, which
    /// another attempt may not meet, from pictures without text.
    pub fn complete(&self, extracted: Extracted) -> Result<Extracted, ExtractError> {
        self.complete_until(extracted, &Stop::default())
    }

    /// The same, until it is told to stop: then the picture that is being read is let go with all others.
    pub(crate) fn complete_until(
        &self,
        mut extracted: Extracted,
        stop: &Stop,
    ) -> Result<Extracted, ExtractError> {
        for part in &mut extracted.parts {
            // A part that was not read keeps its reason.
            if let Ok(inner) = &mut part.outcome {
                let inner = std::mem::take(inner);
                part.outcome = self.complete_until(*inner, stop).map(Box::new);
            }
        }
        let pictures = std::mem::take(&mut extracted.pictures);
        // In one of its parts perhaps.
        if stop.is_stopped() {
            return Err(stopped());
        }
        if pictures.is_empty() {
            return Ok(extracted);
        }
        let mut failed = Vec::new();
        for picture in &pictures {
            let read = self.read(&picture.bytes, stop);
            // What was not read is no fault of the pictures.
            if stop.is_stopped() {
                return Err(stopped());
            }
            match read {
                Some(text) => extracted.blocks.extend(blocks(&text, picture.page)),
                None => {
                    failed.push(picture.page.map_or("the picture".to_owned(), |page| format!("page {page}")))
                }
            }
        }
        if extracted.blocks.is_empty() && extracted.parts.is_empty() {
            return Err(ExtractError::NeedsOcr(why_no_text(&failed)));
        }
        if !failed.is_empty() {
            extracted.warnings.push(format!("OCR failed on {}", failed.join(", ")));
        }
        // Stable: within a page its own text comes first.
        extracted.blocks.sort_by_key(|block| block.place.page);
        Ok(extracted)
    }

    /// The text of one picture; none when the program fails or takes too long.
    fn read(&self, picture: &[u8], stop: &Stop) -> Option<String> {
        // 1: find columns and how the page is turned; 3: columns only.
        let mode = if self.turns { "1" } else { "3" };
        let arguments = ["stdin", "stdout", "-l", &self.languages, "--psm", mode];
        run(self.command(), &arguments, picture, PICTURE_TIME, stop)
    }

    fn command(&self) -> Command {
        match self.through.split_first() {
            None => Command::new(&self.program),
            Some((first, rest)) => {
                let mut command = Command::new(first);
                command.args(rest).arg(&self.program);
                command
            }
        }
    }
}

/// Has this process end when the one that started it ends, also as another program: nobody takes what it reads then. For the
/// command that [`Ocr::through`] names. Where the system has no such thing, OCR ends with its picture.
pub fn end_with_parent() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Signal, set_parent_process_death_signal};
        // A refusal costs the rest of one picture.
        let _ = set_parent_process_death_signal(Some(Signal::KILL));
    }
}

/// Why no text came of a document's pictures, of which OCR failed on these.
fn why_no_text(failed: &[String]) -> String {
    if failed.is_empty() {
        return "OCR found no text in it".to_owned();
    }
    format!("OCR failed on {}: it took too long or ended with an error", failed.join(", "))
}

/// How many pictures wait in a document with everything inside it.
pub fn waiting(extracted: &Extracted) -> usize {
    let parts = extracted.parts.iter().filter_map(|part| part.outcome.as_ref().ok());
    let count = |pictures: &[Picture]| pictures.len();
    count(&extracted.pictures) + parts.map(|part| waiting(part)).sum::<usize>()
}

/// Paragraphs are set apart by empty lines; a word cut at a line end is mended.
fn blocks(text: &str, page: Option<u32>) -> Vec<Block> {
    let place = Place { page, ..Place::default() };
    let mut blocks = Vec::new();
    for paragraph in text.replace('\u{c}', "\n\n").split("\n\n") {
        let mut joined = String::new();
        for line in paragraph.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let cut = joined.ends_with('-') && line.starts_with(char::is_lowercase);
            if cut {
                joined.pop();
            } else if !joined.is_empty() {
                joined.push(' ');
            }
            joined.push_str(line);
        }
        let joined = crate::text::writer::clean_line(&joined);
        // Specks and frames come out as stray signs.
        if joined.chars().filter(|character| character.is_alphanumeric()).count() >= 2 {
            blocks.push(Block { kind: BlockKind::Paragraph, text: joined, place: place.clone() });
        }
    }
    blocks
}

/// Runs a program on some input and gives what it prints; none when it fails, prints too much, takes too long or is stopped.
fn run(
    mut command: Command,
    arguments: &[&str],
    input: &[u8],
    time: Duration,
    stop: &Stop,
) -> Option<String> {
    // Before it starts, so that none is missed.
    let (running, waits) = stop.enter()?;
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    // Several pictures are read at once by several callers; one thread each is faster over all.
    command.env("OMP_THREAD_LIMIT", "1");
    apart(&mut command);
    let mut child = command.spawn().ok()?;
    limit(&child, time);
    let (stdin, stdout) = (child.stdin.take()?, child.stdout.take()?);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut stdin = stdin;
            // It may end before it has read everything; then its answer says so.
            let _ = stdin.write_all(input);
        });
        let watch = scope.spawn(move || watch(child, &waits, time.saturating_mul(CLOCK)));
        let mut text = Vec::new();
        let whole = stdout.take(PICTURE_TEXT).read_to_end(&mut text);
        drop(running);
        let good = watch.join().unwrap_or(false);
        (good && whole.is_ok()).then(|| String::from_utf8_lossy(&text).into_owned())
    })
}

/// Waits for a process that was asked to end, kills it when the time is over or everything is to end, and says whether it
/// ended well.
fn watch(mut child: Child, waits: &mpsc::Receiver<()>, time: Duration) -> bool {
    let cut_off = cut(waits.recv_timeout(time)).is_some();
    if cut_off {
        let _ = child.kill();
    }
    child.wait().is_ok_and(|status| status.success()) && !cut_off
}

/// Keeps a process within [`PICTURE_MEMORY`] and within `time` of the processor, where the system can.
fn limit(child: &Child, time: Duration) {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Pid, Resource, Rlimit, prlimit};
        if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
            let memory = Rlimit { current: Some(PICTURE_MEMORY), maximum: Some(PICTURE_MEMORY) };
            let seconds = Some(time.as_secs().max(1));
            // A refusal leaves the limit by the clock.
            let _ = prlimit(Some(pid), Resource::As, memory);
            let _ = prlimit(Some(pid), Resource::Cpu, Rlimit { current: seconds, maximum: seconds });
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (child, time, PICTURE_MEMORY);
}

#[cfg(test)]
mod tests {
    use intramuros_core::document::Part;

    use super::*;

    #[test]
    fn what_could_not_be_read_keeps_its_reason() {
        let ocr = Ocr {
            program: PathBuf::from("tesseract"),
            through: Vec::new(),
            languages: "eng".to_owned(),
            turns: false,
        };
        let wrong = ExtractError::Encrypted("a password is needed".to_owned());
        let parts = vec![
            Part::new("locked.txt".to_owned(), Err(wrong.clone())),
            Part::new("empty.txt".to_owned(), Ok(Extracted::default())),
        ];
        let done = ocr.complete(Extracted { parts, ..Extracted::default() }).unwrap();
        assert_eq!(done.parts[0].outcome.as_ref().unwrap_err().word(), wrong.word());
        assert!(done.parts[1].outcome.is_ok());
    }

    /// OCR by a program that fails on pictures of the word `torn`, sees nothing in empty ones and a sentence in others.
    #[cfg(unix)]
    fn stand_in() -> Ocr {
        let script = r#"case "$(cat)" in *torn*) exit 1;; ?*) echo "Le conseil se tient mardi.";; esac"#;
        let ocr = Ocr {
            program: PathBuf::from("tesseract"),
            through: Vec::new(),
            languages: "fra".to_owned(),
            turns: false,
        };
        ocr.through(["sh", "-c", script].map(OsString::from).to_vec())
    }

    #[cfg(unix)]
    fn pictures(of: &[(Option<u32>, &str)]) -> Extracted {
        let picture = |&(page, bytes): &(Option<u32>, &str)| Picture { page, bytes: bytes.into() };
        Extracted { pictures: of.iter().map(picture).collect(), ..Extracted::default() }
    }

    #[test]
    #[cfg(unix)]
    fn what_ocr_failed_on_does_not_pass_for_a_picture_without_text() {
        let check = |of: &[(Option<u32>, &str)], reason: &str| {
            let error = stand_in().complete(pictures(of)).unwrap_err();
            assert_eq!(error, ExtractError::NeedsOcr(reason.to_owned()));
        };
        check(&[(Some(1), ""), (Some(2), "")], "OCR found no text in it");
        let failed = "OCR failed on page 1, page 3: it took too long or ended with an error";
        check(&[(Some(1), "torn"), (Some(2), ""), (Some(3), "torn")], failed);
        check(&[(None, "torn")], "OCR failed on the picture: it took too long or ended with an error");
    }

    #[test]
    #[cfg(unix)]
    fn who_is_told_to_stop_kills_the_program_and_starts_it_for_no_other_picture() {
        // For each picture it takes far longer than anybody waits.
        let ocr = stand_in().through(["sh", "-c", "exec sleep 1000"].map(OsString::from).to_vec());
        let stop = Stop::default();
        let began = std::time::Instant::now();
        let two = pictures(&[(Some(1), "a"), (Some(2), "b")]);
        let told = std::thread::scope(|scope| {
            let reads = scope.spawn(|| ocr.complete_until(two, &stop));
            std::thread::sleep(Duration::from_millis(300));
            stop.stop();
            reads.join().unwrap()
        });
        assert_eq!(told, Err(stopped()));
        let part = Part::new("scan.png".to_owned(), Ok(pictures(&[(None, "c")])));
        let inside = Extracted { parts: vec![part], ..Extracted::default() };
        assert_eq!(ocr.complete_until(inside, &stop), Err(stopped()));
        assert!(began.elapsed() < Duration::from_secs(60), "it waited for the program");
    }

    #[test]
    #[cfg(unix)]
    fn what_ocr_failed_on_beside_other_text_is_a_warning() {
        let done = stand_in().complete(pictures(&[(Some(1), "torn"), (Some(2), "clear")])).unwrap();
        assert_eq!(done.warnings, ["OCR failed on page 1"]);
        let read: Vec<(Option<u32>, &str)> =
            done.blocks.iter().map(|block| (block.place.page, block.text.as_str())).collect();
        assert_eq!(read, [(Some(2), "Le conseil se tient mardi.")]);
    }
}

//! How is progress shown: a bar in a terminal, plain lines elsewhere, JSON on request?

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use intramuros_library::{Library, Phase, Progress};
use intramuros_netpol::language::Language;

use crate::language::count;
use crate::output::Output;

/// How often a plain line is written at most.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// A bar that is drawn anew.
    Bar,
    /// A line now and then.
    Lines,
    /// A JSON object a line, on standard output.
    Json,
}

impl Style {
    /// What fits the output.
    pub fn of(out: &Output, json: bool) -> Style {
        match (json, out.shows_progress()) {
            (true, _) => Style::Json,
            (false, true) => Style::Bar,
            (false, false) => Style::Lines,
        }
    }
}

/// Shows the progress of a library until `done` says that it is enough.
pub fn follow(library: &Library, style: Style, out: &mut Output, done: impl Fn(&Progress) -> bool) {
    let mut shown = Shown::new(style);
    let mut version = 0;
    loop {
        let (seen, progress) = library.progress_after(version, Duration::from_millis(200));
        let end = done(&progress);
        if seen != version || end {
            version = seen;
            shown.show(&progress, out, end);
        }
        if end {
            return;
        }
    }
}

struct Shown {
    style: Style,
    bar: Option<ProgressBar>,
    written: Option<Instant>,
    last: String,
}

impl Shown {
    fn new(style: Style) -> Shown {
        let bar = (style == Style::Bar).then(|| {
            let bar = ProgressBar::new(1);
            // The template is a constant that is right; without it the default one is shown.
            if let Ok(template) = ProgressStyle::with_template("{msg:60!} [{bar:30}] {percent:>3}%") {
                bar.set_style(template.progress_chars("=> "));
            }
            bar
        });
        Shown { style, bar, written: None, last: String::new() }
    }

    fn show(&mut self, progress: &Progress, out: &mut Output, end: bool) {
        match (self.style, &self.bar) {
            (Style::Json, _) => {
                if let Ok(line) = serde_json::to_string(progress)
                    && line != self.last
                {
                    out.line(&line);
                    self.last = line;
                }
            }
            (_, Some(bar)) => {
                let (done, total) = amounts(progress);
                bar.set_length(total.max(1));
                bar.set_position(done);
                bar.set_message(sentence(progress, out.language()));
                if end {
                    bar.finish_and_clear();
                }
            }
            (_, None) => {
                let line = sentence(progress, out.language());
                let due = self.written.is_none_or(|written| written.elapsed() >= LINE_EVERY);
                // Before anything was looked at there is nothing to tell.
                let nothing = match progress.phase {
                    Phase::Looking => progress.files_found == 0,
                    Phase::Reading => progress.files_to_read == 0,
                    Phase::Idle => progress.passages == 0,
                };
                if (end || due && !nothing) && line != self.last {
                    out.note(&line);
                    self.written = Some(Instant::now());
                    self.last = line;
                }
            }
        }
    }
}

fn amounts(progress: &Progress) -> (u64, u64) {
    match progress.phase {
        Phase::Reading => (progress.files_done, progress.files_to_read),
        _ => (progress.embedded, progress.passages),
    }
}

/// One line that says what is being done, how fast, and how long it will take.
fn sentence(progress: &Progress, language: Language) -> String {
    let left = |seconds: Option<f64>| match (seconds.map(duration), language) {
        (None, _) => String::new(),
        (Some(time), Language::French) => format!(", encore {time}"),
        (Some(time), Language::English) => format!(", {time} left"),
    };
    let Progress { source, passages, embedded, embedding_rate: rate, .. } = progress;
    let (found, done, to_read) = (progress.files_found, progress.files_done, progress.files_to_read);
    let (reading, embedding) = (left(progress.reading_seconds_left), left(progress.embedding_seconds_left));
    let french = language == Language::French;
    match progress.phase {
        Phase::Looking if french => format!("parcours de {source} : {found} fichiers"),
        Phase::Looking => format!("looking through {source}: {found} files"),
        Phase::Reading if french => format!("lecture de {source} : {done} fichiers sur {to_read}{reading}"),
        Phase::Reading => format!("reading {source}: {done} of {to_read} files{reading}"),
        Phase::Idle if embedded < passages && french => {
            format!("sens : {embedded} passages sur {passages}, {rate:.0}/s{embedding}")
        }
        Phase::Idle if embedded < passages => {
            format!("meaning: {embedded} of {passages} passages, {rate:.0}/s{embedding}")
        }
        Phase::Idle => {
            let passages = count(*passages, ["passage", "passages"], ["passage", "passages"], language);
            format!("{passages}, {}", language.pick("tout est à jour", "all in step"))
        }
    }
}

/// Seconds as people say them.
fn duration(seconds: f64) -> String {
    let seconds = seconds.round().max(0.0) as u64;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_said_as_people_say_them() {
        let check = |seconds: f64, expected: &str| assert_eq!(duration(seconds), expected);
        check(0.4, "0 s");
        check(59.0, "59 s");
        check(61.0, "1 min 01 s");
        check(3_725.0, "1 h 02 min");
    }
}

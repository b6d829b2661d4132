//! How is progress shown: a bar in a terminal, plain lines elsewhere, JSON on request?

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use intramuros_library::{Library, Phase, Progress};
use intramuros_netpol::language::Language;

use crate::language::count;
use crate::output::{Output, name};

/// How often a plain line is written at most.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Over how long the rate of reading is taken, as that of embedding is, and how often a number is kept for it.
const RATE_OVER: Duration = Duration::from_secs(10);
const KEPT_EVERY: Duration = Duration::from_millis(200);

/// No rate is told of a shorter time: the first files say little.
const LEAST_RATE: Duration = Duration::from_secs(1);

/// Nor one that would be written as none.
const LEAST_PACE: f64 = 0.05;

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

/// How it stands with the work whose progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// It goes on.
    Goes,
    /// It is done: the last line says how it stands.
    Done,
    /// It failed, which the caller says: nothing is said to be in step before that.
    Failed,
}

/// Shows the progress of a library until `work` says that it is enough; with `words_only` nothing is said of meaning,
/// which nobody waits for.
pub fn follow(
    library: &Library,
    style: Style,
    words_only: bool,
    out: &mut Output,
    work: impl Fn(&Progress) -> Work,
) {
    let mut shown = Shown::new(style, words_only);
    let mut version = 0;
    loop {
        let (seen, progress) = library.progress_after(version, Duration::from_millis(200));
        let stands = work(&progress);
        if stands == Work::Failed {
            return shown.clear();
        }
        let end = stands == Work::Done;
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
    words_only: bool,
    bar: Option<ProgressBar>,
    written: Option<Instant>,
    last: String,
    pace: Pace,
}

/// How many files were read when, lately, of one source.
#[derive(Default)]
struct Pace {
    source: String,
    read: VecDeque<(Instant, u64)>,
}

impl Pace {
    /// Files a second, as far as it can be told.
    fn of(&mut self, progress: &Progress, now: Instant) -> Option<f64> {
        let done = progress.files_done;
        let last = self.read.back().copied();
        let another = self.source != progress.source || last.is_some_and(|(_, before)| done < before);
        if progress.phase != Phase::Reading || another {
            self.read.clear();
            self.source.clone_from(&progress.source);
        }
        if progress.phase != Phase::Reading {
            return None;
        }
        let since = |at: Instant| now.saturating_duration_since(at);
        if self.read.back().is_none_or(|(at, _)| since(*at) >= KEPT_EVERY) {
            self.read.push_back((now, done));
        }
        while self.read.len() > 2 && self.read.front().is_some_and(|(at, _)| since(*at) > RATE_OVER) {
            self.read.pop_front();
        }
        let (first, before) = *self.read.front()?;
        let time = since(first);
        (time >= LEAST_RATE && done > before).then(|| (done - before) as f64 / time.as_secs_f64())
    }
}

impl Shown {
    fn new(style: Style, words_only: bool) -> Shown {
        let bar = (style == Style::Bar).then(|| {
            let bar = ProgressBar::new(1);
            // The template is a constant that is right; without it the default one is shown.
            if let Ok(template) = ProgressStyle::with_template("{percent:>3}% [{bar:12}] {wide_msg}") {
                bar.set_style(template.progress_chars("=> "));
            }
            bar
        });
        let (written, last, pace) = (None, String::new(), Pace::default());
        Shown { style, words_only, bar, written, last, pace }
    }

    fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn show(&mut self, progress: &Progress, out: &mut Output, end: bool) {
        let pace = self.pace.of(progress, Instant::now());
        let line = sentence(progress, pace, self.words_only, out.language());
        match (self.style, &self.bar) {
            (Style::Json, _) => {
                if let Ok(line) = serde_json::to_string(&named(progress))
                    && line != self.last
                {
                    out.line(&line);
                    self.last = line;
                }
            }
            (_, Some(bar)) => {
                let (done, total) = amounts(progress, self.words_only);
                bar.set_length(total.max(1));
                bar.set_position(done);
                bar.set_message(line);
                if end {
                    self.clear();
                }
            }
            (_, None) => {
                let due = self.written.is_none_or(|written| written.elapsed() >= LINE_EVERY);
                // Before anything was looked at there is nothing to tell.
                let nothing = match progress.phase {
                    Phase::Looking => progress.files_found == 0,
                    Phase::Reading => progress.files_to_read == 0,
                    // With words alone there is nothing to wait for any more.
                    Phase::Idle => progress.passages == 0 || self.words_only,
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

/// What scripts are told: nothing of the name of a source without files, such as uploads where nobody uploads anything.
fn named(progress: &Progress) -> Progress {
    let source = if progress.files_found > 0 { progress.source.clone() } else { String::new() };
    Progress { source, ..progress.clone() }
}

fn amounts(progress: &Progress, words_only: bool) -> (u64, u64) {
    match progress.phase {
        Phase::Idle if words_only => (1, 1),
        Phase::Reading => (progress.files_done, progress.files_to_read),
        _ => (progress.embedded, progress.passages),
    }
}

/// One line that says what is being done, how fast, and how long it will take; `pace` is files a second.
fn sentence(progress: &Progress, pace: Option<f64>, words_only: bool, language: Language) -> String {
    let left = |seconds: Option<f64>| match (seconds.map(duration), language) {
        (None, _) => String::new(),
        (Some(time), Language::French) => format!(", encore {time}"),
        (Some(time), Language::English) => format!(", {time} left"),
    };
    let Progress { passages, embedded, embedding_rate, .. } = progress;
    let source = name(&progress.source);
    let (found, done, to_read) = (progress.files_found, progress.files_done, progress.files_to_read);
    let (reading, embedding) = (left(progress.reading_seconds_left), left(progress.embedding_seconds_left));
    let french = language == Language::French;
    let told = |rate: Option<f64>| match rate.filter(|rate| *rate >= LEAST_PACE) {
        None => String::new(),
        Some(rate) => format!(", {}/s", few(rate, language)),
    };
    let (rate, pace) = (told(Some(*embedding_rate)), told(pace));
    match progress.phase {
        Phase::Looking if french => format!("parcours de {source} : {found} fichiers"),
        Phase::Looking => format!("looking through {source}: {found} files"),
        Phase::Reading if french => {
            format!("lecture de {source} : {done} fichiers sur {to_read}{pace}{reading}")
        }
        Phase::Reading => format!("reading {source}: {done} of {to_read} files{pace}{reading}"),
        Phase::Idle if embedded < passages && words_only => {
            let passages = count(*passages, ["passage", "passages"], ["passage", "passages"], language);
            format!("{passages}, {}", language.pick("les mots sont à jour", "words in step"))
        }
        Phase::Idle if embedded < passages && french => {
            format!("vectorisation : {embedded} passages sur {passages}{rate}{embedding}")
        }
        Phase::Idle if embedded < passages => {
            format!("meaning: {embedded} of {passages} passages{rate}{embedding}")
        }
        Phase::Idle => {
            let passages = count(*passages, ["passage", "passages"], ["passage", "passages"], language);
            format!("{passages}, {}", language.pick("tout est à jour", "all in step"))
        }
    }
}

/// A number as people write it: with one decimal where it is small.
fn few(number: f64, language: Language) -> String {
    match (number < 9.95, language) {
        (true, Language::French) => format!("{number:.1}").replace('.', ","),
        (true, Language::English) => format!("{number:.1}"),
        (false, _) => format!("{number:.0}"),
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

    #[test]
    fn vectors_tell_their_rate_where_there_is_one() {
        let check = |rate: f64, language: Language, expected: &str| {
            let counts = Progress { passages: 292, embedded: 8, ..Progress::default() };
            let progress = Progress { embedding_rate: rate, ..counts };
            assert_eq!(sentence(&progress, None, false, language), expected);
        };
        check(0.0, Language::French, "vectorisation : 8 passages sur 292");
        check(41.6, Language::French, "vectorisation : 8 passages sur 292, 42/s");
        check(1.26, Language::French, "vectorisation : 8 passages sur 292, 1,3/s");
        check(0.2, Language::English, "meaning: 8 of 292 passages, 0.2/s");
        check(0.04, Language::English, "meaning: 8 of 292 passages");
    }

    #[test]
    fn whoever_wants_words_alone_is_told_nothing_of_meaning() {
        let check = |progress: &Progress, language: Language, expected: &str| {
            assert_eq!(sentence(progress, None, true, language), expected);
        };
        let progress = Progress { passages: 2, embedded: 1, ..Progress::default() };
        check(&progress, Language::English, "2 passages, words in step");
        check(&progress, Language::French, "2 passages, les mots sont à jour");
        check(&reading("drive", 3), Language::English, "reading drive: 3 of 400 files");
        check(&Progress { embedded: 2, ..progress }, Language::English, "2 passages, all in step");
    }

    fn reading(source: &str, files_done: u64) -> Progress {
        let source = source.to_owned();
        Progress { phase: Phase::Reading, source, files_to_read: 400, files_done, ..Progress::default() }
    }

    #[test]
    fn reading_tells_its_rate_beside_the_time_left() {
        let progress = Progress { reading_seconds_left: Some(61.0), ..reading("drive", 120) };
        let check = |pace: Option<f64>, language: Language, expected: &str| {
            assert_eq!(sentence(&progress, pace, false, language), expected);
        };
        let (french, english) = (Language::French, Language::English);
        check(Some(3.24), french, "lecture de drive : 120 fichiers sur 400, 3,2/s, encore 1 min 01 s");
        check(Some(0.04), english, "reading drive: 120 of 400 files, 1 min 01 s left");
        check(Some(41.6), english, "reading drive: 120 of 400 files, 42/s, 1 min 01 s left");
        check(None, english, "reading drive: 120 of 400 files, 1 min 01 s left");
    }

    #[test]
    fn the_rate_is_that_of_the_last_seconds() {
        let start = Instant::now();
        let mut pace = Pace::default();
        let mut after = |seconds: u64, source: &str, done: u64| {
            pace.of(&reading(source, done), start + Duration::from_secs(seconds))
        };
        assert_eq!(after(0, "drive", 0), None);
        assert_eq!(after(2, "drive", 20), Some(10.0));
        // What was read long before counts no more.
        assert_eq!(after(20, "drive", 20), None);
        assert_eq!(after(24, "drive", 60), Some(10.0));
        // Another source begins anew.
        assert_eq!(after(25, "mail", 5), None);
        assert_eq!(after(27, "mail", 9), Some(2.0));
        assert_eq!(pace.of(&Progress::default(), start + Duration::from_secs(28)), None);
    }
}

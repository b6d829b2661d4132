//! In which language does the terminal speak?
//!
//! Results, progress and notes are French where the environment is, as locales are read: `LC_ALL`, `LC_MESSAGES`,
//! `LANG`. Errors, `--help` and JSON are English.

use intramuros_netpol::language::Language;

/// The language of the person, as the environment says it.
pub fn language() -> Language {
    of(["LC_ALL", "LC_MESSAGES", "LANG"].map(|name| std::env::var(name).ok()))
}

/// The language of the first variable that says anything.
fn of(variables: [Option<String>; 3]) -> Language {
    match variables.into_iter().flatten().find(|value| !value.is_empty()) {
        Some(value) if value.starts_with("fr") => Language::French,
        _ => Language::English,
    }
}

/// A count with its noun, as both languages write it: French has one up to below two.
pub fn count(number: u64, french: [&str; 2], english: [&str; 2], language: Language) -> String {
    let (words, one) = match language {
        Language::French => (french, number < 2),
        Language::English => (english, number == 1),
    };
    format!("{number} {}", if one { words[0] } else { words[1] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_variable_that_says_anything_counts() {
        let check = |said: [&str; 3], expected| {
            let said = said.map(|value| (value != "-").then(|| value.to_owned()));
            assert_eq!(of(said), expected);
        };
        check(["-", "-", "fr_FR.UTF-8"], Language::French);
        check(["-", "-", "fr"], Language::French);
        check(["C", "-", "fr_FR.UTF-8"], Language::English);
        check(["", "fr_CA", "en_US"], Language::French);
        check(["-", "-", "-"], Language::English);
    }

    #[test]
    fn counts_agree_with_their_nouns() {
        let check = |number, language, expected| {
            let said = count(number, ["fichier", "fichiers"], ["file", "files"], language);
            assert_eq!(said, expected);
        };
        check(0, Language::French, "0 fichier");
        check(1, Language::French, "1 fichier");
        check(2, Language::French, "2 fichiers");
        check(0, Language::English, "0 files");
        check(1, Language::English, "1 file");
    }
}

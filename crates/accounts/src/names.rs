//! Which names may people and groups have?

use intramuros_core::access::check_name;
use unicode_normalization::UnicodeNormalization;

/// Longest name that is shown and typed. 100: longer than any mail address in use.
pub const MAX_LETTERS: usize = 100;

/// Names with a meaning of their own in the journal.
const RESERVED: [&str; 3] = ["owner", "anonymous", "intramuros"];

/// What stands before the name of a service token in the journal and in access rules. People's names hold no colon.
pub const SERVICE: &str = "service:";

/// Checks a new name of a person; gives it without spaces around it, each letter in one way of writing it (`é` as one sign,
/// never as two).
///
/// # Errors
/// Why it can't be one.
pub fn person(name: &str) -> Result<String, String> {
    let name = common(name)?;
    // As it is compared: a wide colon is read as a colon, wide letters as letters.
    let folded = fold(&name);
    if folded.contains([',', ':', '/', '\\', '"']) {
        return Err("a name holds no comma, colon, slash or quotation mark".to_owned());
    }
    if RESERVED.contains(&folded.as_str()) {
        return Err(format!("`{name}` has a meaning of its own; choose another name"));
    }
    if name.split(|letter: char| !letter.is_alphabetic()).any(mixes_alphabets) {
        return Err("a name mixes Latin letters with Greek or Cyrillic ones".to_owned());
    }
    Ok(name)
}

/// Checks a new name of a group or a token; gives it as [`person`] does.
///
/// # Errors
/// Why it can't be one.
pub fn group(name: &str) -> Result<String, String> {
    let name = common(name)?;
    if name.contains(',') {
        return Err("a name holds no comma".to_owned());
    }
    Ok(name)
}

fn common(name: &str) -> Result<String, String> {
    let name: String = name.trim().nfc().collect();
    check_name(&name)?;
    if name.chars().count() > MAX_LETTERS {
        return Err(format!("a name has at most {MAX_LETTERS} letters"));
    }
    // What can't be seen could make two names look the same.
    if name.chars().any(invisible) {
        return Err("a name holds a character that can't be seen".to_owned());
    }
    Ok(name)
}

/// Whether a word has letters of two alphabets that look the same: `anne` with a Cyrillic `е`.
fn mixes_alphabets(word: &str) -> bool {
    let is_latin = |letter: char| {
        letter.is_ascii_alphabetic() || matches!(letter, '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}')
    };
    let is_like_latin = |letter: char| matches!(letter, '\u{370}'..='\u{52f}' | '\u{1f00}'..='\u{1fff}');
    word.chars().any(is_latin) && word.chars().any(is_like_latin)
}

fn invisible(letter: char) -> bool {
    matches!(letter, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
        || ('\u{e0000}'..='\u{e007f}').contains(&letter)
}

/// A name as it is compared: two people differ by more than the size, the width and the writing of letters.
pub fn fold(name: &str) -> String {
    let small = |name: &str| name.nfkc().collect::<String>().to_lowercase();
    // Twice, since a small letter may be written in more ways than the large one that it comes from.
    small(&small(name)).trim().to_owned()
}

/// Whether two names have the same letters, in whichever way each is written.
pub fn are_same(one: &str, other: &str) -> bool {
    one.nfc().eq(other.nfc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_be_taken_for_others_are_refused() {
        let check = |name: &str, expected: bool| assert_eq!(person(name).is_ok(), expected, "{name:?}");
        check("anne.dupont@example.org", true);
        check("Zoë Müller", true);
        check(" anne ", true);
        check("", false);
        check("Owner", false);
        check("service:backup", false);
        check("anne,rh", false);
        check("an\u{200b}ne", false);
        check("\u{202e}enna", false);
        check(&"a".repeat(101), false);
        assert_eq!(person(" anne ").unwrap(), "anne");
        assert!(group("RH / paie").is_ok() && group("a,b").is_err());
        assert_eq!(fold("ANNE "), "anne");
        // What only looks like it: a wide letter, a wide colon, a Cyrillic letter.
        check("\u{ff2f}wner", false);
        check("service\u{ff1a}backup", false);
        check("ann\u{435}", false);
        check("Анна", true);
        check("Ωmega", false);
        assert!(group("µCT Ω").is_ok());
    }

    #[test]
    fn one_look_is_one_name() {
        let check = |one: &str, other: &str, expected: bool| {
            assert_eq!(fold(one) == fold(other), expected, "{one:?} {other:?}");
            assert_eq!(fold(&fold(one)), fold(one), "{one:?}");
        };
        check("jose\u{301}", "José", true);
        check("\u{fb01}ona", "Fiona", true);
        check("\u{ff21}nne", "anne", true);
        check("anne\u{a0}dupont", "Anne Dupont", true);
        check("jose", "josé", false);
        check("ANNE ", "anne", true);
        assert_eq!(person("jose\u{301}").unwrap(), "jos\u{e9}");
        assert_eq!(group("e\u{301}quipe").unwrap(), "\u{e9}quipe");
        assert!(are_same("e\u{301}quipe", "\u{e9}quipe"));
        assert!(!are_same("\u{c9}quipe", "\u{e9}quipe") && !are_same("\u{fb01}ona", "fiona"));
    }
}

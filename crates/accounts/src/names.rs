//! Which names may people and groups have?

use intramuros_core::access::check_name;

/// Longest name that is shown and typed. 100: longer than any mail address in use.
pub const MAX_LETTERS: usize = 100;

/// Names with a meaning of their own in the journal.
const RESERVED: [&str; 3] = ["owner", "anonymous", "intramuros"];

/// What stands before the name of a service token in the journal and in access rules. People's names hold no colon.
pub const SERVICE: &str = "service:";

/// Checks a new name of a person; gives it without spaces around it.
///
/// # Errors
/// Why it can't be one.
pub fn person(name: &str) -> Result<String, String> {
    let name = common(name)?;
    if name.contains([',', ':', '/', '\\', '"']) {
        return Err("a name holds no comma, colon, slash or quotation mark".to_owned());
    }
    if RESERVED.contains(&fold(&name).as_str()) {
        return Err(format!("`{name}` has a meaning of its own; choose another name"));
    }
    Ok(name)
}

/// Checks a new name of a group or a token.
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
    let name = name.trim();
    check_name(name)?;
    if name.chars().count() > MAX_LETTERS {
        return Err(format!("a name has at most {MAX_LETTERS} letters"));
    }
    // What can't be seen could make two names look the same.
    if name.chars().any(invisible) {
        return Err("a name holds a character that can't be seen".to_owned());
    }
    Ok(name.to_owned())
}

fn invisible(letter: char) -> bool {
    matches!(letter, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
        || ('\u{e0000}'..='\u{e007f}').contains(&letter)
}

/// A name as it is compared: two people differ by more than the size of letters.
pub fn fold(name: &str) -> String {
    name.trim().to_lowercase()
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
    }
}

//! Why was a file not read, in French? The page's own list says it: what the program says in English, by its patterns.

use std::cmp::Reverse;
use std::sync::LazyLock;

/// The lists of the page: a pattern and its French a line, as JSON writes them. `{}` stands for what differs.
static LISTS: [&str; 2] =
    [include_str!("../../server/assets/details-fr.js"), include_str!("../../server/assets/said-fr.js")];

/// Bytes of a text that is looked up. 1,000: reasons have one or two hundred, and names of parts hold whatever somebody
/// put there.
const MOST_BYTES: usize = 1_000;

/// How often what stands within a text is looked up again. 4: a reason within that of an archive has three levels.
const DEEPEST: usize = 4;

/// The patterns with their French, in the order in which the page tries them: what begins with words of its own first,
/// of these what says the most.
static PATTERNS: LazyLock<Vec<[String; 2]>> = LazyLock::new(|| {
    let lines = LISTS.iter().flat_map(|list| list.lines());
    let mut patterns: Vec<[String; 2]> =
        lines.filter_map(|line| serde_json::from_str(line.trim().trim_end_matches(',')).ok()).collect();
    let fixed = |english: &str| english.replace("{}", "").chars().count();
    patterns.sort_by_key(|[english, _]| (english.starts_with("{}"), Reverse(fixed(english))));
    patterns
});

/// The French for what the program says of a file; the text as it is where none is known.
pub fn in_french(text: &str) -> String {
    if text.len() > MOST_BYTES { text.to_owned() } else { translated(text, DEEPEST) }
}

fn translated(text: &str, deeper: usize) -> String {
    let found = PATTERNS.iter().find_map(|[english, french]| Some((held(english, text)?, french)));
    let Some((held, french)) = found.filter(|_| deeper > 0) else { return text.to_owned() };
    let mut said = String::new();
    let mut held = held.into_iter();
    for (index, part) in french.split("{}").enumerate() {
        if index > 0 {
            said.push_str(&translated(held.next().unwrap_or_default(), deeper - 1));
        }
        said.push_str(part);
    }
    said
}

/// What stands at each `{}` of a pattern, as little as possible and one letter at least; none where the text is another.
fn held<'a>(pattern: &str, text: &'a str) -> Option<Vec<&'a str>> {
    let Some((before, after)) = pattern.split_once("{}") else {
        return (pattern == text).then(Vec::new);
    };
    let rest = text.strip_prefix(before)?;
    rest.char_indices().find_map(|(at, letter)| {
        let (first, more) = rest.split_at(at + letter.len_utf8());
        let mut found = held(after, more)?;
        found.insert(0, first);
        Some(found)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_said_in_french_with_what_stands_in_them() {
        let check = |english: &str, french: &str| assert_eq!(in_french(english), french);
        check("corrupt: the PDF's structure can't be read", "abîmé : la structure du PDF est illisible");
        check("cell 12", "cellule 12");
        // What is not known is shown as it is, whatever it is.
        check("nobody has ever said this before", "nobody has ever said this before");
        check("", "");
        let long = "cell ".repeat(MOST_BYTES);
        check(&long, &long);
    }

    #[test]
    fn every_line_of_the_lists_is_understood() {
        let lines = LISTS.iter().flat_map(|list| list.lines());
        let pairs = lines.filter(|line| line.trim().starts_with("[\"")).count();
        assert!(pairs > 400, "{pairs}");
        assert_eq!(PATTERNS.len(), pairs);
    }
}

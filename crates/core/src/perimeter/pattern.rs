//! Does this path fall under this pattern?
//!
//! Patterns read as in `.gitignore`: `*` is any run of characters within one name, `?` one character, `**` any number
//! of folders. A pattern that names a folder covers everything in it. A pattern with a `/` in it (other than at its
//! end) starts at the source's root; one without is looked for at every depth. Paths and patterns are compared in
//! Unicode form NFC, since one name can be written in two ways (`é`) and an access rule must hold for both. Upper and
//! lower case differ.

use std::fmt;

use unicode_normalization::UnicodeNormalization;

/// Longest pattern, in bytes. 4,096: the longest path that Linux takes.
pub const MAX_PATTERN_BYTES: usize = 4096;

/// A pattern for paths within a source.
#[derive(Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    steps: Vec<Step>,
    folder_only: bool,
}

/// The names of a path, in the form in which patterns compare them.
pub struct Names(Vec<Vec<char>>);

impl Names {
    /// The names of a path, `/`-separated.
    pub fn of(path: &str) -> Names {
        let normal: String = path.nfc().collect();
        Names(normal.split('/').filter(|name| !name.is_empty()).map(|name| name.chars().collect()).collect())
    }
}

/// One name of a pattern, between two slashes.
#[derive(Clone, PartialEq, Eq)]
enum Step {
    /// `**`: any number of names, none included.
    AnyDepth,
    /// A name in which `*` and `?` stand for characters.
    Name(Vec<char>),
}

impl Pattern {
    /// Reads a pattern. The error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Pattern, String> {
        if text.len() > MAX_PATTERN_BYTES {
            return Err(format!("the pattern has {} bytes; at most {MAX_PATTERN_BYTES}", text.len()));
        }
        if text.chars().any(char::is_control) {
            return Err("the pattern holds a control character".to_owned());
        }
        let normal: String = text.nfc().collect();
        let folder_only = normal.ends_with('/');
        let body = normal.trim_matches('/');
        if body.is_empty() {
            return Err("the pattern is empty; `**` stands for everything".to_owned());
        }
        let anchored = normal.trim_end_matches('/').contains('/');
        let mut steps = Vec::new();
        if !anchored {
            steps.push(Step::AnyDepth);
        }
        for name in body.split('/') {
            match name {
                "" => return Err("two slashes follow each other".to_owned()),
                "." | ".." => return Err(format!("`{name}` has no meaning in a pattern")),
                "**" if matches!(steps.last(), Some(Step::AnyDepth)) => {}
                "**" => steps.push(Step::AnyDepth),
                name => steps.push(Step::Name(name.chars().collect())),
            }
        }
        Ok(Pattern { text: text.to_owned(), steps, folder_only })
    }

    /// Whether `path` (relative to the source, `/`-separated, of a file) falls under the pattern: itself or one of
    /// the folders it lies in.
    pub fn covers(&self, path: &str) -> bool {
        self.covers_names(&Names::of(path))
    }

    /// As [`Pattern::covers`], for a path that is held against many patterns.
    pub fn covers_names(&self, names: &Names) -> bool {
        let names = &names.0;
        if names.is_empty() {
            return false;
        }
        let reached = self.reach(names);
        // `reached[n]`: the whole pattern matches the first n names. Fewer names than the path has are a folder.
        let last = names.len() - usize::from(self.folder_only);
        (1..=last).any(|count| reached[count])
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// For each number of leading names, whether the whole pattern matches exactly these. Costs names × steps.
    fn reach(&self, names: &[Vec<char>]) -> Vec<bool> {
        let mut reached = vec![false; names.len() + 1];
        reached[0] = true;
        for (number, step) in self.steps.iter().enumerate() {
            let mut next = vec![false; names.len() + 1];
            match step {
                Step::AnyDepth => {
                    // At the pattern's end, `**` needs at least one name, so that `a/**` is not `a`.
                    let at_end = number + 1 == self.steps.len();
                    let mut open = false;
                    for count in 0..=names.len() {
                        next[count] = open || (reached[count] && !at_end);
                        open |= reached[count];
                    }
                }
                Step::Name(pattern) => {
                    for count in 0..names.len() {
                        next[count + 1] = reached[count] && name_matches(pattern, &names[count]);
                    }
                }
            }
            reached = next;
        }
        reached
    }
}

/// Whether one name matches a pattern of `*`, `?` and plain characters. Never worse than length × length.
fn name_matches(pattern: &[char], name: &[char]) -> bool {
    let (mut at, mut read) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while read < name.len() {
        if at < pattern.len() && pattern[at] == '*' {
            star = Some((at, read));
            at += 1;
        } else if at < pattern.len() && (pattern[at] == '?' || pattern[at] == name[read]) {
            at += 1;
            read += 1;
        } else if let Some((star_at, star_read)) = star {
            star = Some((star_at, star_read + 1));
            at = star_at + 1;
            read = star_read + 1;
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|character| *character == '*')
}

impl fmt::Debug for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Pattern({:?})", self.text)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl serde::Serialize for Pattern {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> serde::Deserialize<'de> for Pattern {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Pattern::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_read_as_in_gitignore() {
        let check = |pattern: &str, path: &str, expected: bool| {
            assert_eq!(Pattern::parse(pattern).unwrap().covers(path), expected, "{pattern} {path}");
        };
        check("*.pdf", "a.pdf", true);
        check("*.pdf", "deep/er/a.pdf", true);
        check("*.pdf", "a.pdfx", false);
        check("/*.pdf", "a.pdf", true);
        check("/*.pdf", "b/a.pdf", false);
        check("hr/*.pdf", "hr/a.pdf", true);
        check("hr/*.pdf", "hr/b/a.pdf", false);
        check("hr/*.pdf", "x/hr/a.pdf", false);
        check("hr/**", "hr/b/a.pdf", true);
        check("hr/**", "hr", false);
        check("hr/**", "hrx/a", false);
        check("hr", "x/hr/a.pdf", true);
        check("/hr", "x/hr/a.pdf", false);
        check("hr/", "hr/a.pdf", true);
        check("hr/", "hr", false);
        check("**", "a", true);
        check("**", "a/b/c", true);
        check("**/b/*.txt", "a/b/c.txt", true);
        check("**/b/*.txt", "b/c.txt", true);
        check("a/**/z", "a/z", true);
        check("a/**/z", "a/b/c/z", true);
        check("a/**/z", "a/b/c", false);
        check("r?port.txt", "report.txt", true);
        check("r?port.txt", "rapport.txt", false);
        check("node_modules", "x/node_modules/y/z.js", true);
        check("A", "a", false);
        check("**", "", false);
    }

    #[test]
    fn both_ways_of_writing_an_accent_are_one_name() {
        let composed = Pattern::parse("Sant\u{e9}/**").unwrap();
        assert!(composed.covers("Sante\u{301}/a.pdf"));
        let decomposed = Pattern::parse("Sante\u{301}/**").unwrap();
        assert!(decomposed.covers("Sant\u{e9}/a.pdf"));
        assert!(Pattern::parse("?").unwrap().covers("e\u{301}"));
    }

    #[test]
    fn hostile_patterns_end_quickly_or_are_refused() {
        let pattern = Pattern::parse(&"*a".repeat(1000)).unwrap();
        assert!(!pattern.covers(&"a".repeat(1900)[..999]));
        let deep = Pattern::parse(&"**/x/".repeat(500)).unwrap();
        assert!(!deep.covers(&"x/".repeat(499)));
        for refused in ["", "/", "a//b", "a/../b", "./a", "a\u{0}", &"a".repeat(5000)] {
            assert!(Pattern::parse(refused).is_err(), "{refused:?}");
        }
    }
}

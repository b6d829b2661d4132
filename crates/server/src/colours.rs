//! Which parts of this code are comments, strings, numbers, keywords and names?
//!
//! Grammars come with a library; they are unpacked when code is first shown. What can't be told has no colour.

use std::ops::Range;
use std::sync::LazyLock;

use syntect::parsing::{ParseState, Scope, ScopeStack, SyntaxSet};

/// Code that is coloured in one answer, in bytes. 128 KiB: three thousand lines, taken apart in a tenth of a second.
pub const MAX_COLOURED_BYTES: usize = 128 << 10;

/// Longest line that is taken apart, in bytes: longer ones are data, on which grammars lose their time.
const MAX_LINE_BYTES: usize = 2 << 10;

static SYNTAXES: LazyLock<SyntaxSet> = LazyLock::new(two_face::syntax::extra_newlines);

/// What a part is called by the style of the page, by the beginnings of its scope. The first that fits holds.
const CLASSES: [(&str, &str); 13] = [
    ("comment", "comment"),
    ("string", "string"),
    ("constant.numeric", "number"),
    ("constant.character.escape", "number"),
    ("constant", "constant"),
    ("keyword.operator", ""),
    ("keyword", "keyword"),
    ("storage", "keyword"),
    ("entity.name.function", "function"),
    ("support.function", "function"),
    ("entity.name", "type"),
    ("support", "type"),
    ("entity.other.attribute-name", "constant"),
];

static SCOPES: LazyLock<Vec<(Scope, &'static str)>> = LazyLock::new(|| {
    CLASSES.iter().filter_map(|(scope, class)| Some((Scope::new(scope).ok()?, *class))).collect()
});

/// The parts of `code` that have a colour, in bytes and in order, each with its class. `name` is the name of the file
/// that the code stands in; its ending tells the language.
pub fn colours(name: &str, code: &str) -> Vec<(Range<usize>, &'static str)> {
    let file = name.rsplit('/').next().unwrap_or(name);
    let ending = file.rsplit('.').next().unwrap_or(file);
    let syntaxes = &*SYNTAXES;
    let found = syntaxes.find_syntax_by_extension(file).or_else(|| syntaxes.find_syntax_by_extension(ending));
    let Some(syntax) = found.filter(|_| code.len() <= MAX_COLOURED_BYTES) else { return Vec::new() };
    let (mut state, mut stack) = (ParseState::new(syntax), ScopeStack::new());
    let mut parts: Vec<(Range<usize>, &'static str)> = Vec::new();
    let mut add = |range: Range<usize>, class: &'static str| match parts.last_mut() {
        _ if class.is_empty() || range.is_empty() => {}
        Some((last, known)) if *known == class && last.end == range.start => last.end = range.end,
        _ => parts.push((range, class)),
    };
    let mut start = 0;
    for line in code.split_inclusive('\n') {
        if line.len() <= MAX_LINE_BYTES {
            // A grammar that fails leaves the rest of the code without colours.
            let Ok(operations) = state.parse_line(line, syntaxes) else { return parts };
            let mut at = 0;
            for (place, operation) in &operations {
                add(start + at..start + place, class_of(&stack));
                at = *place;
                if stack.apply(operation).is_err() {
                    return parts;
                }
            }
            add(start + at..start + line.len(), class_of(&stack));
        }
        start += line.len();
    }
    parts
}

/// What the innermost scope that has a class says.
fn class_of(stack: &ScopeStack) -> &'static str {
    let class =
        |scope: &Scope| SCOPES.iter().find(|(known, _)| known.is_prefix_of(*scope)).map(|(_, class)| *class);
    stack.scopes.iter().rev().find_map(class).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_has_its_parts_by_the_ending_of_its_file() {
        let check = |name: &str, code: &str, expected: &[(&str, &str)]| {
            let found = colours(name, code);
            let found: Vec<(&str, &str)> =
                found.into_iter().map(|(range, class)| (&code[range], class)).collect();
            for part in expected {
                assert!(found.contains(part), "{part:?} in {name}: {found:?}");
            }
            assert_eq!(found.is_empty(), expected.is_empty(), "{name}: {found:?}");
        };
        check(
            "outils/a.py",
            "def née(x):\n    return 10 # dix ans\n",
            &[("return", "keyword"), ("10", "number"), ("née", "function"), ("# dix ans\n", "comment")],
        );
        check("main.rs", "let a = \"é\";\n", &[("let", "keyword"), ("\"é\"", "string")]);
        check("conf.toml", "a = \"b\"\n", &[("\"b\"", "string")]);
        check("page.ts", "const a: string = 1;", &[("const", "keyword"), ("1", "number")]);
        check("Dockerfile", "FROM debian\n", &[("FROM", "keyword")]);
        check("notes.zzz", "return 10", &[]);
        check("main.rs", &"let a = 1;\n".repeat(MAX_COLOURED_BYTES / 10), &[]);
    }

    #[test]
    fn a_line_that_never_ends_is_left_as_it_is() {
        let code = format!("let a = 1;\n{}\nlet b = 2;\n", "x(".repeat(MAX_LINE_BYTES));
        let found = colours("main.rs", &code);
        assert!(found.iter().any(|(range, _)| &code[range.clone()] == "2"), "{found:?}");
        assert!(found.iter().all(|(range, _)| range.end <= 11 || range.start >= code.len() - 12));
    }
}

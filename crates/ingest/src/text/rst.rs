//! What does this reStructuredText say, without its notation?
//!
//! Blocks are separated by blank lines and may be set in: what stands in a note is text like any other. Headings are
//! underlined, some overlined as well; the way in which the first is marked is the highest level. Of directives, those
//! whose argument is for readers keep it; labels, comments and substitutions say nothing.

use intramuros_core::document::{BlockKind, ExtractError};

use super::plain::list_item;
use super::writer::{Writer, at_line};

/// Longest heading, in characters.
const HEADING_CHARS: usize = 200;

/// Lines in which a table ends.
const TABLE_LINES: usize = 500;

/// Longest name of a role or a directive, in bytes.
const NAME_BYTES: usize = 40;

/// Directives whose body is code.
const CODE: [&str; 7] = ["code-block", "code", "sourcecode", "parsed-literal", "math", "prompt", "doctest"];

/// Directives of which nothing is shown to readers from here.
const UNSEEN: [&str; 24] = [
    "toctree",
    "include",
    "index",
    "raw",
    "image",
    "highlight",
    "literalinclude",
    "contents",
    "currentmodule",
    "meta",
    "role",
    "default-role",
    "sectnum",
    "graphviz",
    "plantuml",
    "mermaid",
    "automodule",
    "autoclass",
    "autofunction",
    "automethod",
    "autosummary",
    "testsetup",
    "testcleanup",
    "tabularcolumns",
];

/// Directives whose argument is a path or a switch, and whose body is text.
const SWITCHED: [&str; 7] = ["figure", "only", "container", "class", "module", "py:module", "highlight-lang"];

#[derive(Clone, Copy)]
struct Line<'a> {
    raw: &'a str,
    number: u32,
}

impl<'a> Line<'a> {
    fn text(&self) -> &'a str {
        self.raw.trim()
    }

    fn is_blank(&self) -> bool {
        self.text().is_empty()
    }

    fn indent(&self) -> usize {
        self.raw.len() - self.raw.trim_start().len()
    }
}

/// Writes the blocks of a text whose first line has this number.
///
/// # Errors
/// When a limit is reached.
pub fn write(text: &str, first: u32, writer: &mut Writer<'_>) -> Result<(), ExtractError> {
    let lines: Vec<Line<'_>> = text.lines().zip(first..).map(|(raw, number)| Line { raw, number }).collect();
    let mut reader = Reader { lines: &lines, at: 0, levels: Vec::new(), writer };
    while let Some(line) = reader.line(0) {
        reader.block(line)?;
    }
    Ok(())
}

struct Reader<'l, 'w, 'b> {
    lines: &'l [Line<'l>],
    /// The line that is read next.
    at: usize,
    /// How headings are marked, the highest level first: the sign, and whether it stands above as well.
    levels: Vec<(char, bool)>,
    writer: &'w mut Writer<'b>,
}

impl<'l> Reader<'l, '_, '_> {
    /// The line so many below the next one.
    fn line(&self, below: usize) -> Option<Line<'l>> {
        self.lines.get(self.at + below).copied()
    }

    /// Reads one block; at least one line of it.
    fn block(&mut self, line: Line<'l>) -> Result<(), ExtractError> {
        let text = line.text();
        if text.is_empty() {
            self.at += 1;
            return Ok(());
        }
        if let Some((heading, mark)) = self.heading() {
            self.at += if mark.1 { 3 } else { 2 };
            return self.write_heading(heading, mark);
        }
        if text == ".." || text.starts_with(".. ") {
            return self.explicit(line, text.get(3..).unwrap_or_default().trim());
        }
        if columns(line.raw).is_some() {
            return self.simple_table(line);
        }
        if text.starts_with(">>> ") {
            return self.session();
        }
        if text.len() > 2
            && text.starts_with('+')
            && text.bytes().all(|byte| b"+-=".contains(&byte))
            && adornment(text).is_none()
        {
            return self.grid_table();
        }
        if adornment(text).is_some() || text.starts_with("__ ") {
            self.at += 1;
            return Ok(());
        }
        self.paragraph(line)
    }

    /// The heading that begins on the next line, and how it is marked.
    fn heading(&self) -> Option<(Line<'l>, (char, bool))> {
        let (first, second) = (self.line(0)?, self.line(1)?);
        let is_title = |line: Line<'_>| {
            let text = line.text();
            adornment(text).is_none()
                && text.chars().count() <= HEADING_CHARS
                && text.contains(char::is_alphanumeric)
        };
        // A line that is a little too short is one of somebody who did not count.
        let fits = |line: Line<'_>, mark: &str| mark.chars().count() + 2 >= line.text().chars().count();
        if let Some(sign) = adornment(first.text()) {
            let below = self.line(2)?.text();
            let over = is_title(second) && adornment(below) == Some(sign) && fits(second, below);
            return over.then_some((second, (sign, true)));
        }
        let sign = adornment(second.text())?;
        let under = first.indent() == 0 && second.indent() == 0 && is_title(first);
        (under && fits(first, second.text())).then_some((first, (sign, false)))
    }

    fn write_heading(&mut self, line: Line<'_>, mark: (char, bool)) -> Result<(), ExtractError> {
        let known = self.levels.iter().position(|level| *level == mark);
        let index = known.unwrap_or_else(|| {
            self.levels.push(mark);
            self.levels.len() - 1
        });
        let level = u8::try_from(index + 1).unwrap_or(u8::MAX).min(6);
        let text = reduced(line.text());
        self.writer.title(&text);
        self.writer.block(BlockKind::Heading { level }, &text, at_line(line.number))
    }

    /// Reads what begins with `.. `: a directive, a note, a label or a comment.
    fn explicit(&mut self, line: Line<'l>, rest: &str) -> Result<(), ExtractError> {
        self.at += 1;
        // The two dots by themselves only end what stands above.
        if rest.is_empty() && self.line(0).is_none_or(|line| line.is_blank()) {
            return Ok(());
        }
        if let Some((label, text)) = rest
            .strip_prefix('[')
            .and_then(|rest| rest.split_once("] ").or_else(|| Some((rest.strip_suffix(']')?, ""))))
        {
            let text = format!("[{label}] {text}{}", self.set_in_below(line));
            return self.writer.block(BlockKind::Footnote, &reduced(&text), at_line(line.number));
        }
        let Some((name, argument)) = directive(rest) else {
            self.take_set_in(line.indent());
            return Ok(());
        };
        if UNSEEN.contains(&name) {
            self.take_set_in(line.indent());
            return Ok(());
        }
        if CODE.contains(&name) {
            if name == "math" && !argument.is_empty() {
                self.writer.block(BlockKind::Code, argument, at_line(line.number))?;
            }
            self.skip_options();
            return self.code(line.indent());
        }
        if SWITCHED.contains(&name) || !argument.contains(char::is_alphabetic) {
            self.skip_options();
            return Ok(());
        }
        let text = format!("{argument}{}", self.set_in_below(line));
        self.skip_options();
        self.writer.block(BlockKind::Paragraph, &reduced(&text), at_line(line.number))
    }

    /// The lines right below that are set in deeper and are no options, each behind a line break.
    fn set_in_below(&mut self, above: Line<'_>) -> String {
        let below = self
            .take_while(|line| !line.is_blank() && line.indent() > above.indent() && !is_option(line.text()));
        below.iter().flat_map(|line| ["\n", line.text()]).collect()
    }

    fn skip_options(&mut self) {
        self.take_while(|line| is_option(line.text()));
    }

    /// Takes what is set in deeper than this.
    fn take_set_in(&mut self, indent: usize) -> &'l [Line<'l>] {
        self.take_while(|line| line.is_blank() || line.indent() > indent)
    }

    /// Takes the lines that fit, from the next one on.
    fn take_while(&mut self, fits: impl Fn(&Line<'l>) -> bool) -> &'l [Line<'l>] {
        let rest = self.lines.get(self.at..).unwrap_or_default();
        let length = rest.iter().position(|line| !fits(line)).unwrap_or(rest.len());
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    /// Writes what is set in deeper than this as code, with its own indentation.
    fn code(&mut self, indent: usize) -> Result<(), ExtractError> {
        let lines = self.take_set_in(indent);
        let filled = || lines.iter().filter(|line| !line.is_blank());
        let Some(first) = lines.first().filter(|_| filled().next().is_some()) else { return Ok(()) };
        let margin = filled().map(Line::indent).min().unwrap_or_default();
        let text: Vec<&str> =
            lines.iter().map(|line| line.raw.get(margin..).unwrap_or_else(|| line.text())).collect();
        self.writer.block(BlockKind::Code, &text.join("\n"), at_line(first.number))
    }

    /// Writes what was typed at a prompt, and what came of it, to the next blank line.
    fn session(&mut self) -> Result<(), ExtractError> {
        let lines = self.take_while(|line| !line.is_blank());
        let text: Vec<&str> = lines.iter().map(|line| line.raw).collect();
        let number = lines.first().map_or(1, |line| line.number);
        self.writer.block(BlockKind::Code, &text.join("\n"), at_line(number))
    }

    /// Reads a paragraph, an item, a field or a term, and the code that it announces with `::`.
    fn paragraph(&mut self, first: Line<'l>) -> Result<(), ExtractError> {
        let item = list_item(first.raw);
        let (kind, begun) = match item {
            Some((depth, text)) => (BlockKind::ListItem { depth }, text),
            None => (BlockKind::Paragraph, without_mark(first.text())),
        };
        self.at += 1;
        let mut text = begun.to_owned();
        let alone = item.is_none() && begun == first.text();
        let in_lines = first.text().starts_with("| ");
        while let Some(line) = self.line(0) {
            let is_term = alone && !text.contains('\n') && line.indent() > first.indent();
            let begins = list_item(line.raw).is_some()
                || line.text().starts_with(".. ")
                || is_option(line.text())
                || columns(line.raw).is_some();
            if line.is_blank() || is_term || begins || in_lines {
                break;
            }
            text.push('\n');
            text.push_str(line.text());
            self.at += 1;
        }
        let announces = text.ends_with("::");
        if announces {
            // Of `Example::` one colon is shown; one behind a space is none of the text's.
            let apart = text.len() == 2 || text.ends_with(" ::");
            text.truncate(text.len() - if apart { 2 } else { 1 });
        }
        self.writer.block(kind, &reduced(&text), at_line(first.number))?;
        if announces {
            // The text of an item is set in by its mark.
            let mark = if item.is_some() { first.text().find(' ').map_or(0, |at| at + 1) } else { 0 };
            return self.code(first.indent() + mark);
        }
        Ok(())
    }

    /// Reads a table whose columns are marked by `=` above and below.
    fn simple_table(&mut self, border: Line<'l>) -> Result<(), ExtractError> {
        self.at += 1;
        let starts = columns(border.raw).unwrap_or_default();
        let is_end = |at: usize| {
            self.lines.get(at).is_some_and(|line| columns(line.raw).is_some())
                && self.lines.get(at + 1).is_none_or(Line::is_blank)
        };
        // Without an end it is no table, and its lines are text.
        let Some(end) = (self.at..self.at + TABLE_LINES).find(|at| is_end(*at)) else { return Ok(()) };
        let lines = self.lines.get(self.at..end).unwrap_or_default();
        self.at = end + 1;
        let head = lines.iter().position(|line| columns(line.raw).is_some()).unwrap_or(0);
        let table = self.writer.new_table();
        for (index, line) in lines.iter().enumerate() {
            if line.text().bytes().all(|byte| b"-= ".contains(&byte)) {
                continue;
            }
            let cells: Vec<String> = cells_at(line.raw, &starts).iter().map(|cell| reduced(cell)).collect();
            self.writer.row(table, index < head, &cells, at_line(line.number))?;
        }
        Ok(())
    }

    /// Reads a table whose cells are drawn with `+`, `-` and `|`.
    fn grid_table(&mut self) -> Result<(), ExtractError> {
        let lines = self.take_while(|line| line.text().starts_with(['+', '|']));
        let head = lines.iter().position(|line| line.text().starts_with("+=")).unwrap_or(0);
        let table = self.writer.new_table();
        let mut cells: Vec<String> = Vec::new();
        let mut begun = None;
        for (index, line) in lines.iter().enumerate() {
            if line.text().starts_with('|') {
                begun.get_or_insert(line.number);
                add_cells(&mut cells, line.text());
            }
            let ends = line.text().starts_with('+') || index + 1 == lines.len();
            if let Some(number) = begun.filter(|_| ends) {
                self.writer.row(table, index <= head, &cells, at_line(number))?;
                cells.clear();
                begun = None;
            }
        }
        Ok(())
    }
}

/// Adds a line of a drawn row to its cells.
fn add_cells(cells: &mut Vec<String>, line: &str) {
    let inner = line.trim_matches('|');
    for (index, text) in inner.split('|').enumerate() {
        if index == cells.len() {
            cells.push(String::new());
        }
        if let Some(cell) = cells.get_mut(index) {
            cell.push(' ');
            cell.push_str(&reduced(text.trim()));
        }
    }
}

/// The sign of which a line consists that marks a heading or separates parts.
fn adornment(text: &str) -> Option<char> {
    let sign = text.chars().next().filter(|sign| "=-~^\"'`#*+_.".contains(*sign))?;
    // Three dots are left by somebody who left something out.
    let least = if sign == '.' { 4 } else { 3 };
    (text.len() >= least && text.chars().all(|other| other == sign)).then_some(sign)
}

/// Columns of a table at most: more are none that anybody typed, and each is looked for in each row.
const TABLE_COLUMNS: usize = 200;

/// Where the columns begin that a line of `=` marks; none of other lines.
fn columns(raw: &str) -> Option<Vec<usize>> {
    let text = raw.trim();
    if !text.starts_with("==")
        || !text.contains("= ")
        || !text.bytes().all(|byte| matches!(byte, b'=' | b' '))
    {
        return None;
    }
    let before = std::iter::once(b' ').chain(raw.bytes());
    let pairs = before.zip(raw.bytes()).enumerate();
    let starts: Vec<usize> = pairs.filter(|(_, pair)| *pair == (b' ', b'=')).map(|(at, _)| at).collect();
    (starts.len() <= TABLE_COLUMNS).then_some(starts)
}

/// The pieces of a line that begin at these columns, counted in characters.
fn cells_at(raw: &str, starts: &[usize]) -> Vec<String> {
    let ends = starts.iter().skip(1).copied().chain([usize::MAX]);
    let cell = |(start, end): (&usize, usize)| -> String { raw.chars().take(end).skip(*start).collect() };
    starts.iter().zip(ends).map(cell).map(|cell| cell.trim().to_owned()).collect()
}

/// The name of a directive and its argument: `note:: Beware`.
fn directive(rest: &str) -> Option<(&str, &str)> {
    let (name, argument) = rest.split_once("::")?;
    is_name(name).then(|| (name, argument.trim()))
}

/// Whether a directive or a role can have this name.
fn is_name(name: &str) -> bool {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | ':' | '.' | '+');
    !name.is_empty() && name.len() <= NAME_BYTES && name.chars().all(fits)
}

/// Whether a line is an option of a directive or a field: `:name: value`.
fn is_option(text: &str) -> bool {
    let Some((name, behind)) = text.strip_prefix(':').and_then(|rest| rest.split_once(':')) else {
        return false;
    };
    !name.is_empty() && name.len() <= NAME_BYTES && (behind.is_empty() || behind.starts_with(' '))
}

/// A line without the colon before the name of a field or the bar before a line that stands by itself.
fn without_mark(text: &str) -> &str {
    let line = text.strip_prefix("| ").or_else(|| text.strip_prefix(':').filter(|_| is_option(text)));
    line.unwrap_or(text)
}

/// Text without its roles, links and marks of stress. Line breaks are kept, whatever is left out.
fn reduced(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(['`', '*', ':', '\\', ']']) {
        let (before, marked) = rest.split_at(start);
        out.push_str(before);
        let begins = !out.ends_with(char::is_alphanumeric);
        let (shown, length) = match marked.as_bytes() {
            [b'\\', b' ', ..] => ("", 2),
            // What stands behind a backslash is itself.
            [b'\\', ..] => {
                let end = 1 + marked.chars().nth(1).map_or(0, char::len_utf8);
                (marked.get(1..end).unwrap_or_default(), end)
            }
            [b']', b'_', ..] => ("]", 2),
            [b'`' | b'*' | b':', ..] if begins => {
                piece(marked).unwrap_or((marked.get(..1).unwrap_or_default(), 1))
            }
            _ => (marked.get(..1).unwrap_or_default(), 1),
        };
        out.push_str(shown);
        let (taken, behind) = marked.split_at_checked(length).unwrap_or((marked, ""));
        let lost = taken.matches('\n').count() - shown.matches('\n').count();
        out.extend(std::iter::repeat_n('\n', lost));
        rest = behind;
    }
    out.push_str(rest);
    out
}

/// What a marked piece of text shows, and how many bytes it takes.
fn piece(marked: &str) -> Option<(&str, usize)> {
    let (open, close) = match marked.as_bytes() {
        [b'`', b'`', ..] => (2, "``"),
        [b'*', b'*', ..] => (2, "**"),
        [b'`', ..] => (1, "`"),
        [b'*', ..] => (1, "*"),
        _ => (role(marked)?, "`"),
    };
    let inner = marked.get(open..)?;
    if inner.starts_with(char::is_whitespace) {
        return None;
    }
    let at = inner.find(close).filter(|at| *at > 0)?;
    let (text, end) = (inner.get(..at)?, open + at + close.len());
    if close != "`" {
        // `(*args, **others)` stresses nothing.
        let is_stress = close == "``" || !text.ends_with(char::is_whitespace);
        return is_stress.then_some((text, end));
    }
    // A link's underscores stand behind it.
    let behind = marked.get(end..)?;
    let marks = behind.len() - behind.trim_start_matches('_').len();
    Some((target_apart(text), end + marks))
}

/// Bytes of a role and the quote behind it: `` :py:meth:` ``.
fn role(marked: &str) -> Option<usize> {
    let end = marked.bytes().take(NAME_BYTES).position(|byte| byte == b'`')?;
    let name = marked.get(1..end)?.strip_suffix(':')?;
    is_name(name).then_some(end + 1)
}

/// The text of a reference without its target: `text <target>`, `~package.name`, `!name`.
fn target_apart(text: &str) -> &str {
    if let Some((shown, _)) =
        text.rsplit_once('<').filter(|(shown, _)| text.ends_with('>') && shown.ends_with(char::is_whitespace))
    {
        return shown.trim_end();
    }
    match text.strip_prefix('~') {
        Some(path) => path.rsplit('.').next().unwrap_or(path),
        None => text.strip_prefix('!').unwrap_or(text),
    }
}

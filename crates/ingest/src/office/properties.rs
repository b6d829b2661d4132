//! Who wrote this office file, when, and what does it call itself?

use intramuros_core::calendar::days_from_civil;
use intramuros_core::document::{ExtractError, Extracted};
use intramuros_core::language::Language;

use super::blocks::clean_line;
use super::xml::{Node, Xml};

/// Titles that programs fill in by themselves; they say nothing about the document.
const EMPTY_TITLES: [&str; 9] = [
    "powerpoint presentation",
    "présentation powerpoint",
    "slide 1",
    "diapositive 1",
    "untitled",
    "sans titre",
    "document1",
    "title",
    "titre",
];

/// Reads `docProps/core.xml` into `extracted`.
///
/// # Errors
/// When the XML is broken or over a limit.
pub fn read(mut xml: Xml<'_>, extracted: &mut Extracted) -> Result<(), ExtractError> {
    match xml.next()? {
        Some(_) => read_element(&mut xml, extracted),
        None => Ok(()),
    }
}

/// Reads the properties inside the element that has just opened; OOXML and OpenDocument share their names.
///
/// # Errors
/// When the XML is broken or over a limit.
pub fn read_element(xml: &mut Xml<'_>, extracted: &mut Extracted) -> Result<(), ExtractError> {
    let depth = xml.depth();
    let (mut created, mut modified, mut first_author) = (None, None, None);
    loop {
        let name = match xml.next_in(depth)? {
            None => break,
            Some(Node::Text(_)) => continue,
            Some(Node::Open(tag)) if tag.local() == "document-statistic" => {
                extracted.pages = tag.attribute("page-count").and_then(|count| count.parse().ok());
                continue;
            }
            Some(Node::Open(tag)) => match tag.local() {
                name @ ("title" | "creator" | "initial-creator" | "language" | "created"
                | "creation-date" | "modified" | "date") => name.to_owned(),
                _ => continue,
            },
        };
        let text = clean_line(&xml.text()?);
        if text.is_empty() {
            continue;
        }
        match name.as_str() {
            "title" => extracted.title = Some(text).filter(|title| is_title(title)),
            "creator" => extracted.author = Some(text),
            "initial-creator" => first_author = Some(text),
            "language" => extracted.language = Some(Language::from_code(&text)),
            "created" | "creation-date" => created = parse_date(&text),
            _ => modified = parse_date(&text),
        }
    }
    // The first author wrote the document; the other one saved it last.
    if first_author.is_some() {
        extracted.author = first_author;
    }
    extracted.written_ms = modified.or(created);
    Ok(())
}

/// Whether a declared title says something.
pub fn is_title(title: &str) -> bool {
    let lower = title.to_lowercase();
    !lower.starts_with("microsoft word - ") && !EMPTY_TITLES.contains(&lower.as_str())
}

/// Milliseconds since 1970 for `2011-04-04T10:49:26Z` and its shorter and longer forms.
pub fn parse_date(text: &str) -> Option<i64> {
    let field = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let days = days_of(field(0, 4)?, field(5, 7)?, field(8, 10)?)?;
    let clock = match text.as_bytes().get(10) {
        Some(b'T' | b' ') => field(11, 13)? * 3_600 + field(14, 16)? * 60 + field(17, 19).unwrap_or_default(),
        _ => 0,
    };
    let tail = text.get(19..).unwrap_or_default();
    let offset = tail.find(['+', '-']).and_then(|at| {
        let sign = if tail.get(at..)?.starts_with('-') { -1 } else { 1 };
        let hours: i64 = tail.get(at + 1..at + 3)?.parse().ok()?;
        let minutes: i64 = tail.get(at + 4..at + 6).and_then(|text| text.parse().ok()).unwrap_or_default();
        Some(sign * (hours * 3_600 + minutes * 60))
    });
    Some((days * 86_400 + clock - offset.unwrap_or_default()) * 1_000)
}

/// Days since 1970 of a date of the Gregorian calendar; none when it is no date, or of a year that no document has.
pub fn days_of(year: i64, month: i64, day: i64) -> Option<i64> {
    let is_date = (1..=12).contains(&month) && (1..=31).contains(&day) && (1..=9_999).contains(&year);
    is_date.then(|| days_from_civil(year, month, day))
}

#[cfg(test)]
mod tests {
    use intramuros_core::calendar::civil_from_days;

    use super::*;

    #[test]
    fn dates_with_and_without_clock_and_offset() {
        for (text, expected) in [
            ("1970-01-02", Some(86_400_000)),
            ("2011-04-04T10:49:26Z", Some(1_301_914_166_000)),
            ("2011-04-04T12:49:26+02:00", Some(1_301_914_166_000)),
            ("2011-04-04T10:49:26.123", Some(1_301_914_166_000)),
            ("2011-13-04", None),
            ("hier", None),
        ] {
            assert_eq!(parse_date(text), expected, "{text}");
        }
    }

    #[test]
    fn civil_dates_go_there_and_back() {
        for days in (-800_000..2_900_000).step_by(997) {
            let (year, month, day) = civil_from_days(days);
            if (1..=9_999).contains(&year) {
                assert_eq!(days_of(year, month, day), Some(days));
            }
        }
    }
}

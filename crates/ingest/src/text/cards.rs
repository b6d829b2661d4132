//! What do these appointments (iCalendar) or business cards (vCard) say?
//!
//! Both are lists of `NAME;PARAMETER=…:value` between `BEGIN` and `END`. What people search for becomes fields under the
//! name of the appointment or the person; rules of time zones, alarms and pictures are left out.

use std::borrow::Cow;

use intramuros_core::document::{BlockKind, ExtractError, Extracted, Kind};

use super::encoding;
use super::writer::{Writer, at_line};
use crate::Budget;

/// What can hold text for people.
const HOLDERS: [&str; 4] = ["VEVENT", "VTODO", "VJOURNAL", "VCARD"];

/// Properties that are kept, and what they are called.
const KEPT: [(&str, &str); 17] = [
    ("DTSTART", "Start"),
    ("DTEND", "End"),
    ("DUE", "Due"),
    ("LOCATION", "Location"),
    ("ORGANIZER", "Organizer"),
    ("ATTENDEE", "Attendee"),
    ("STATUS", "Status"),
    ("CATEGORIES", "Categories"),
    ("ORG", "Organization"),
    ("TITLE", "Title"),
    ("ROLE", "Role"),
    ("TEL", "Phone"),
    ("EMAIL", "Mail"),
    ("ADR", "Address"),
    ("BDAY", "Birthday"),
    ("URL", "Web"),
    ("NOTE", "Note"),
];

/// Whether a text is a calendar or a list of cards.
pub fn is_cards(text: &str) -> bool {
    let bytes = text.trim_start().as_bytes();
    let begins =
        |word: &str| bytes.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()));
    begins("BEGIN:VCALENDAR") || begins("BEGIN:VCARD")
}

/// Reads a calendar or a list of cards.
///
/// # Errors
/// Empty when there is no appointment and no person; a limit that was reached.
pub fn extract(text: &str, budget: &Budget<'_>) -> Result<Extracted, ExtractError> {
    let mut writer = Writer::new(Kind::Text, budget);
    let lines = unfolded(text);
    // What has begun and not ended, each with what it holds: one may stand within another.
    let mut open: Vec<(bool, Held<'_>)> = Vec::new();
    for (line, number) in &lines {
        let Some(property) = Property::of(line) else { continue };
        match property.name.as_str() {
            "BEGIN" => {
                let begun = property.value.trim().to_ascii_uppercase();
                open.push((HOLDERS.contains(&begun.as_str()), Held::new()));
            }
            "END" => {
                if let Some((_, held)) = open.pop() {
                    write_held(held, &mut writer)?;
                }
            }
            _ => {
                if let Some((true, held)) = open.last_mut() {
                    held.push((property, *number));
                }
            }
        }
    }
    for (_, held) in open {
        write_held(held, &mut writer)?;
    }
    writer.finish()
}

/// The properties of one appointment or person, each with its line.
type Held<'a> = Vec<(Property<'a>, u32)>;

/// Writes one appointment or person: its name first, wherever it stands, since the rest belongs under it.
fn write_held(mut held: Held<'_>, writer: &mut Writer<'_>) -> Result<(), ExtractError> {
    if !held.iter().any(|(property, _)| property.is_name() && !property.value.trim().is_empty())
        && let Some((property, _)) = held.iter_mut().find(|(property, _)| property.name == "N")
    {
        let parts: Vec<&str> =
            property.value.split(';').map(str::trim).filter(|part| !part.is_empty()).collect();
        let name = parts.join(" ");
        (property.name, property.value) = ("FN".to_owned(), name.into());
    }
    held.sort_by_key(|(property, _)| !property.is_name());
    for (property, line) in &held {
        write_property(property, *line, writer)?;
    }
    Ok(())
}

/// The lines with those that continue them, each with its number in the file: a line goes on in the next one that begins
/// with a space, and one in quoted-printable behind a `=` at its end, where a space belongs to the text.
fn unfolded(text: &str) -> Vec<(String, u32)> {
    let mut lines: Vec<(String, u32)> = Vec::new();
    // Whether the last one is in quoted-printable.
    let mut quoted = false;
    for (line, number) in text.lines().zip(1u32..) {
        let last = lines.last_mut().map(|(last, _)| last);
        match (last, line.strip_prefix([' ', '\t'])) {
            (Some(last), _) if quoted && last.ends_with('=') => {
                last.pop();
                last.push_str(line);
            }
            (Some(last), Some(more)) => last.push_str(more),
            _ => {
                let head = line.split(':').next().unwrap_or_default();
                quoted = head.to_ascii_uppercase().contains("QUOTED-PRINTABLE");
                lines.push((line.to_owned(), number));
            }
        }
    }
    lines
}

struct Property<'a> {
    name: String,
    parameters: &'a str,
    value: Cow<'a, str>,
}

impl<'a> Property<'a> {
    fn of(line: &'a str) -> Option<Property<'a>> {
        let mut quoted = false;
        let colon = line.find(|sign: char| {
            quoted ^= sign == '"';
            sign == ':' && !quoted
        })?;
        let (head, value) = (line.get(..colon)?, line.get(colon + 1..)?);
        let (name, parameters) = head.split_once(';').unwrap_or((head, ""));
        // A group stands before the name: `item1.TEL`.
        let name = name.rsplit('.').next().unwrap_or(name).to_ascii_uppercase();
        let value: Cow<'a, str> = if parameters.to_ascii_uppercase().contains("QUOTED-PRINTABLE") {
            let bytes = crate::mail::unpack_quoted(value.as_bytes());
            encoding::decode(&bytes, None).map_or(value.into(), Cow::Owned)
        } else {
            value.into()
        };
        Some(Property { name, parameters, value })
    }

    /// Whether it names what holds it.
    fn is_name(&self) -> bool {
        matches!(self.name.as_str(), "SUMMARY" | "FN")
    }

    /// The value of a parameter.
    fn parameter(&self, wanted: &str) -> Option<&'a str> {
        self.parameters.split(';').find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            name.eq_ignore_ascii_case(wanted).then(|| value.trim_matches('"'))
        })
    }
}

fn write_property(property: &Property<'_>, line: u32, writer: &mut Writer<'_>) -> Result<(), ExtractError> {
    let value = meaning(&property.value);
    match property.name.as_str() {
        "SUMMARY" | "FN" => {
            writer.title(&value);
            return writer.block(BlockKind::Heading { level: 2 }, &value.replace('\n', " "), at_line(line));
        }
        "DESCRIPTION" => {
            for paragraph in value.split('\n') {
                writer.block(BlockKind::Paragraph, paragraph, at_line(line))?;
            }
            return Ok(());
        }
        _ => {}
    }
    let Some((_, called)) = KEPT.iter().find(|(name, _)| *name == property.name) else { return Ok(()) };
    let shown = match property.name.as_str() {
        "DTSTART" | "DTEND" | "DUE" => moment(&value, property.parameter("TZID")),
        "ORGANIZER" | "ATTENDEE" => person(&value, property.parameter("CN")),
        // Parts of a name or an address, some of them empty.
        "ORG" | "ADR" => {
            let parts: Vec<&str> = value.split(';').map(str::trim).filter(|part| !part.is_empty()).collect();
            parts.join(", ")
        }
        _ => value,
    };
    writer.field(called, &shown.replace('\n', " "), at_line(line))
}

/// A value without its escapes: `\n` begins a line, `\,` is a comma.
fn meaning(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut signs = value.chars();
    while let Some(sign) = signs.next() {
        match (sign, if sign == '\\' { signs.next() } else { None }) {
            ('\\', Some('n' | 'N')) => out.push('\n'),
            ('\\', Some(escaped)) => out.push(escaped),
            _ => out.push(sign),
        }
    }
    out
}

/// `20240305T140000` as `2024-03-05 14:00`, with the zone when one is said; anything else as it stands.
fn moment(value: &str, zone: Option<&str>) -> String {
    let digits: String = value.chars().filter(char::is_ascii_digit).collect();
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    let day = format!("{}-{}-{}", part(0, 4), part(4, 6), part(6, 8));
    let zone = match zone {
        Some(zone) => format!(" ({zone})"),
        None if value.ends_with('Z') => " UTC".to_owned(),
        None => String::new(),
    };
    match digits.len() {
        8 => day,
        12 | 14 => format!("{day} {}:{}{zone}", part(8, 10), part(10, 12)),
        _ => value.to_owned(),
    }
}

/// `Anne Martin <anne@example.org>`.
fn person(value: &str, name: Option<&str>) -> String {
    let starts = value.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("mailto:"));
    let address = if starts { value.get(7..).unwrap_or_default() } else { value };
    match name.filter(|name| !name.is_empty() && *name != address) {
        Some(name) => format!("{name} <{address}>"),
        None => address.to_owned(),
    }
}

//! How does a spreadsheet show this number under this format?
//!
//! Dates and times are shown as ISO 8601 whatever their format, so that they sort and are found; the other formats as
//! the program shows them in English: decimals, thousands, percent, currency and fixed words.

use intramuros_core::calendar::civil_from_days;

/// What a format makes of a number.
#[derive(Clone, Debug, PartialEq)]
pub enum Format {
    /// As the number is.
    General,
    /// A date, a time of day, or both.
    Date {
        /// Whether it shows the day.
        day: bool,
        /// Whether it shows the time.
        time: bool,
        /// Whether the time has seconds.
        seconds: bool,
    },
    /// A duration in hours, minutes and seconds.
    Duration,
    /// A text: the number is an identifier.
    Text,
    /// Digits with decoration. One pattern for positive, and where given for negative numbers and zero.
    Digits(Vec<Pattern>),
}

/// One section of a format.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pattern {
    before: String,
    after: String,
    /// Digits before the point at least.
    whole: usize,
    /// Digits after the point at least and at most.
    decimals: (usize, usize),
    thousands: bool,
    percent: bool,
    /// Divided by a thousand so often.
    scale: u32,
    scientific: bool,
    has_digits: bool,
}

/// Longest format that is interpreted. 255: what the programs accept.
const FORMAT_CHARS: usize = 255;

/// Decimals at most, for the same reason.
const DECIMALS: usize = 30;

/// Numbers up to this size are exact integers.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Reads the code of a format.
pub fn parse(code: &str) -> Format {
    let general = code.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("general"));
    if code.is_empty() || general || code.len() > FORMAT_CHARS {
        return Format::General;
    }
    if code == "@" {
        return Format::Text;
    }
    let first = split_sections(code).into_iter().next().unwrap_or_default();
    if let Some(date) = date_kind(&first) {
        return date;
    }
    let patterns: Vec<Pattern> =
        split_sections(code).iter().take(3).map(|section| pattern(section)).collect();
    match patterns.first() {
        Some(first) if first.has_digits => Format::Digits(patterns),
        _ => Format::General,
    }
}

/// The format that a number stands for when the file does not spell it out.
pub fn built_in(id: u32) -> Format {
    match id {
        1 => parse("0"),
        2 | 39 | 40 => parse("0.00"),
        3 | 37 | 38 => parse("#,##0"),
        4 => parse("#,##0.00"),
        5..=6 => parse("\"$\"#,##0"),
        7..=8 => parse("\"$\"#,##0.00"),
        9 => parse("0%"),
        10 => parse("0.00%"),
        11 => parse("0.00E+00"),
        14..=17 | 27..=31 | 36 | 50..=54 | 57..=58 => Format::Date { day: true, time: false, seconds: false },
        18 | 20 | 32 | 34 | 55 => Format::Date { day: false, time: true, seconds: false },
        19 | 21 | 33 | 35 | 56 => Format::Date { day: false, time: true, seconds: true },
        22 => Format::Date { day: true, time: true, seconds: false },
        45..=47 => Format::Duration,
        49 => Format::Text,
        _ => Format::General,
    }
}

/// Shows `value` under `format`; `from_1904` says from when the days of dates count.
pub fn show(value: f64, format: &Format, from_1904: bool) -> String {
    match format {
        Format::General | Format::Text => plain(value),
        Format::Date { day, time, seconds } => {
            date(value, [*day, *time, *seconds], from_1904).unwrap_or_else(|| plain(value))
        }
        Format::Duration => duration(value),
        Format::Digits(patterns) => digits(value, patterns),
    }
}

/// A number as it is, without the noise of binary fractions.
pub fn plain(value: f64) -> String {
    if !value.is_finite() {
        return String::new();
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    if value == value.trunc() && value.abs() < EXACT {
        return format!("{value:.0}");
    }
    // Programs compute with 15 digits and show no more.
    let rounded: f64 = format!("{value:.14e}").parse().unwrap_or(value);
    if (1e-9..1e15).contains(&rounded.abs()) { format!("{rounded}") } else { format!("{rounded:e}") }
}

/// A date as ISO 8601 with the day, the time and its seconds as wanted; none when it is out of the calendar.
pub fn date(value: f64, [day, time, seconds]: [bool; 3], from_1904: bool) -> Option<String> {
    if !value.is_finite() || !(0.0..2_958_466.0).contains(&value) {
        return None;
    }
    let mut second = (value.fract() * 86_400.0).round() as i64;
    let mut days = value.trunc() as i64;
    if second == 86_400 {
        (days, second) = (days + 1, 0);
    }
    let mut clock = format!("{:02}:{:02}", second / 3_600, second / 60 % 60);
    if seconds && second % 60 != 0 {
        clock.push_str(&format!(":{:02}", second % 60));
    }
    if !day || (days == 0 && time) {
        return Some(clock);
    }
    // The calendar of 1900 has a 29 February that never was: serial 60.
    let since_1970 = match (from_1904, days) {
        (true, days) => days - 24_107,
        (false, 0..=59) => days - 25_568,
        (false, days) => days - 25_569,
    };
    let (year, month, day) = civil_from_days(since_1970);
    let date = format!("{year:04}-{month:02}-{day:02}");
    Some(if time && second != 0 { format!("{date} {clock}") } else { date })
}

fn duration(value: f64) -> String {
    let sign = if value < 0.0 { "-" } else { "" };
    let seconds = (value.abs() * 86_400.0).round() as u64;
    format!("{sign}{}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

fn digits(value: f64, patterns: &[Pattern]) -> String {
    let (pattern, value) = match patterns {
        [_, _, zero] if value == 0.0 => (zero, value),
        // A section for negative numbers shows the sign by itself, or not at all.
        [_, negative, ..] if value < 0.0 => (negative, value.abs()),
        [first, ..] => (first, value),
        [] => return plain(value),
    };
    if !pattern.has_digits {
        return format!("{}{}", pattern.before, pattern.after).trim().to_owned();
    }
    if !value.is_finite() || value.abs() >= 1e21 {
        return plain(value);
    }
    let mut value = value / 1_000f64.powi(i32::try_from(pattern.scale).unwrap_or_default());
    if pattern.percent {
        value *= 100.0;
    }
    let (least, most) = pattern.decimals;
    let number =
        if pattern.scientific { scientific(value, most) } else { fixed(value, least, most, pattern) };
    let sign = if value < 0.0 && number.chars().any(|digit| ('1'..='9').contains(&digit)) { "-" } else { "" };
    format!("{sign}{}{number}{}", pattern.before, pattern.after).trim().to_owned()
}

fn fixed(value: f64, least: usize, most: usize, pattern: &Pattern) -> String {
    // What the program shows is rounded half away from zero on the decimal digits, not on the binary fraction.
    let decimal: f64 = format!("{:.14e}", value.abs()).parse().unwrap_or(value.abs());
    let nudge = if decimal < 1e15 { decimal * f64::EPSILON } else { 0.0 };
    let text = format!("{:.most$}", decimal + nudge);
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let whole = if pattern.whole == 0 && whole == "0" && most > 0 { "" } else { whole };
    let whole = format!("{whole:0>width$}", width = pattern.whole);
    let whole = if pattern.thousands { grouped(&whole) } else { whole };
    let mut fraction = fraction.to_owned();
    while fraction.len() > least && fraction.ends_with('0') {
        fraction.pop();
    }
    if fraction.is_empty() { whole } else { format!("{whole}.{fraction}") }
}

fn scientific(value: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$e}", value.abs());
    match text.split_once('e') {
        Some((mantissa, exponent)) => {
            let exponent: i32 = exponent.parse().unwrap_or_default();
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{mantissa}E{sign}{:02}", exponent.abs())
        }
        None => text,
    }
}

fn grouped(whole: &str) -> String {
    let mut out = String::with_capacity(whole.len() + whole.len() / 3);
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// The sections of a format, without quotes being looked into.
fn split_sections(code: &str) -> Vec<String> {
    let mut sections = vec![String::new()];
    let (mut quoted, mut escaped) = (false, false);
    for character in code.chars() {
        let splits = character == ';' && !quoted && !escaped;
        quoted ^= character == '"' && !escaped;
        escaped = character == '\\' && !escaped;
        match sections.last_mut() {
            Some(section) if !splits => section.push(character),
            _ => sections.push(String::new()),
        }
    }
    sections
}

/// Whether a section shows a date or time: letters of the calendar outside of quotes and brackets.
fn date_kind(section: &str) -> Option<Format> {
    let (mut day, mut time, mut months, mut seconds) = (false, false, false, false);
    let mut characters = section.chars();
    while let Some(character) = characters.next() {
        match character.to_ascii_lowercase() {
            '"' => {
                characters.by_ref().find(|&end| end == '"');
            }
            '\\' | '_' | '*' => {
                characters.next();
            }
            '[' => {
                let inside: String = characters.by_ref().take_while(|&end| end != ']').collect();
                let lower = inside.to_ascii_lowercase();
                if !lower.is_empty() && lower.chars().all(|letter| matches!(letter, 'h' | 'm' | 's')) {
                    return Some(Format::Duration);
                }
            }
            // Exponents and the word General, not calendars.
            '0' | '#' | '?' if !(day || time || months) => return None,
            'y' | 'd' | 'j' | 'a' if character != 'A' => day = true,
            'h' => time = true,
            's' => (time, seconds) = (true, true),
            'm' => months = true,
            _ => {}
        }
    }
    day |= months && !time;
    (day || time).then_some(Format::Date { day, time, seconds })
}

fn pattern(section: &str) -> Pattern {
    let mut pattern = Pattern::default();
    let mut point = false;
    let mut commas = 0;
    let mut characters = section.chars().peekable();
    while let Some(character) = characters.next() {
        let mut literal = String::new();
        match character {
            '0' | '#' | '?' => {
                pattern.has_digits = true;
                pattern.thousands |= commas > 0 && !point;
                commas = 0;
                let always = usize::from(character == '0');
                if point {
                    pattern.decimals.0 = (pattern.decimals.0 + always).min(DECIMALS);
                    pattern.decimals.1 = (pattern.decimals.1 + 1).min(DECIMALS);
                } else {
                    pattern.whole += always;
                }
            }
            '.' if pattern.has_digits
                || characters.peek().is_some_and(|next| matches!(next, '0' | '#' | '?')) =>
            {
                point = true;
                pattern.has_digits = true;
            }
            ',' if pattern.has_digits => commas += 1,
            '%' => {
                pattern.percent = true;
                literal.push('%');
            }
            'E' | 'e' if matches!(characters.peek(), Some('+' | '-')) => {
                pattern.scientific = true;
                break;
            }
            '"' => literal.extend(characters.by_ref().take_while(|&end| end != '"')),
            '\\' => literal.extend(characters.next()),
            // A space as wide as a character, and a filling.
            '_' => {
                characters.next();
                literal.push(' ');
            }
            '*' => {
                characters.next();
            }
            '[' => literal = currency(&characters.by_ref().take_while(|&end| end != ']').collect::<String>()),
            '/' => return Pattern::default(),
            other => literal.push(other),
        }
        if pattern.has_digits { pattern.after.push_str(&literal) } else { pattern.before.push_str(&literal) }
    }
    pattern.scale = commas;
    pattern
}

/// The sign in `[$€-40C]`; nothing for colours and conditions.
fn currency(inside: &str) -> String {
    inside.strip_prefix('$').and_then(|rest| rest.split('-').next()).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(code: &str, value: f64, expected: &str) {
        assert_eq!(show(value, &parse(code), false), expected, "{code} {value}");
    }

    #[test]
    fn numbers_are_shown_as_programs_do() {
        check("General", 1.0, "1");
        check("General", 0.1 + 0.2, "0.3");
        check("General", -0.0, "0");
        check("0.00", 1.005, "1.01");
        check("#,##0", 1_234_567.4, "1,234,567");
        check("#,##0.00", -1_234.5, "-1,234.50");
        check("0%", 0.256, "26%");
        check("0.0%", 0.256, "25.6%");
        check("#,##0.00\\ \"€\"", 1_599.99, "1,599.99 €");
        check("[$€-40C] #,##0.00", 12.0, "€ 12.00");
        check("#,##0 ;(#,##0)", -5.0, "(5)");
        check("00000", 75.0, "00075");
        check("0.00E+00", 12_345.0, "1.23E+04");
        check("0.##", 1.5, "1.5");
        check("# ?/?", 0.5, "0.5");
    }

    #[test]
    fn dates_and_times_are_iso() {
        check("m/d/yy", 39_264.0, "2007-07-01");
        check("dd/mm/yyyy hh:mm", 39_264.75, "2007-07-01 18:00");
        check("h:mm AM/PM", 0.5, "12:00");
        check("[h]:mm:ss", 1.5, "36:00:00");
        check("[$-40C]d mmmm yyyy;@", 43_831.0, "2020-01-01");
        check("jj/mm/aaaa", 43_831.0, "2020-01-01");
        check("mmm-yy", 1.0, "1900-01-01");
        check("\"le \"0", 3.0, "le 3");
        assert_eq!(show(1.0, &built_in(14), true), "1904-01-02");
    }
}

//! Which character does this symbol of a symbol font show?

/// Greek letters of the font Symbol at the places of the Latin ones, A to Z and a to z.
const GREEK: &str = "ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ......αβχδεφγηιϕκλμνοπθρστυϖωξψζ";

/// The character for a code (hexadecimal, as in the file) of a font; none for ornaments.
pub fn symbol(font: &str, code: &str) -> Option<char> {
    of_code(font, u32::from_str_radix(code, 16).ok()?)
}

/// The character for a code of a font; none for ornaments.
pub fn of_code(font: &str, code: u32) -> Option<char> {
    let low = if (0xf000..=0xf0ff).contains(&code) { code - 0xf000 } else { code };
    match font {
        "Symbol" => greek(low).or_else(|| sign(low)),
        _ if font.starts_with("Wingdings") => ornament(low),
        _ => char::from_u32(code),
    }
}

fn greek(code: u32) -> Option<char> {
    let index = usize::try_from(code.checked_sub(0x41)?).ok()?;
    GREEK.chars().nth(index).filter(|letter| *letter != '.')
}

fn sign(code: u32) -> Option<char> {
    Some(match code {
        0xa3 => '≤',
        0xa5 => '∞',
        0xac => '←',
        0xad => '↑',
        0xae => '→',
        0xaf => '↓',
        0xb0 => '°',
        0xb1 => '±',
        0xb3 => '≥',
        0xb4 => '×',
        0xb8 => '÷',
        0xb9 => '≠',
        0xb6 => '∂',
        0xb7 => '•',
        0xbb => '≈',
        0xce => '∈',
        0xd2 | 0xe2 => '®',
        0xd3 | 0xe3 => '©',
        0xd4 | 0xe4 => '™',
        0xd5 => '∏',
        0xd6 => '√',
        0xdb => '⇔',
        0xde => '⇒',
        0xe5 => '∑',
        0xf2 => '∫',
        0x20..=0x3f => char::from_u32(code)?,
        _ => return None,
    })
}

fn ornament(code: u32) -> Option<char> {
    Some(match code {
        0xfc => '✓',
        0xfb => '✗',
        0xfe => '☑',
        0xfd | 0x78 => '☒',
        0x6f | 0xa8 | 0x71 => '☐',
        0xe0 | 0xe8 | 0xf0 => '→',
        0xdf => '←',
        0x28 => '☎',
        0x2a => '✉',
        _ => return None,
    })
}

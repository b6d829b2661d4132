//! What does a field of a form show in a DOC file: a box to tick, or a list to choose from?
//!
//! Its sign in the text says where its description stands in the stream of data; what people typed into a form is text.

use crate::office::bytes::{u16_at, u32_at, utf16};

/// The number that begins the description of a field.
const FIELD: u32 = u32::MAX;

/// Bytes of a description before its first text, the name of the field.
const BEFORE_NAME: usize = 10;

/// The result of a field that nobody has touched.
const UNTOUCHED: u16 = 25;

const BOX: u16 = 1;
const LIST: u16 = 2;

/// Texts of a list between its usual choice and its choices: how it is written, two of help, two names of macros.
const TEXTS: usize = 5;

/// Choices of one list, and characters of one choice: as many as Word allows.
const CHOICES: usize = 25;
const CHOICE_CHARS: usize = 50;

/// What the field shows whose data stand at a place; none when they are no field, or one whose text stands for itself.
pub fn shown(data: &[u8], at: usize) -> Option<String> {
    let size = usize::try_from(u32_at(data, at)?).ok()?;
    let head = usize::from(u16_at(data, at.checked_add(4)?)?);
    let field = data.get(at..)?.get(..size)?.get(head..)?;
    u32_at(field, 0).filter(|number| *number == FIELD)?;
    let bits = u16_at(field, 4)?;
    let name_end = text_end(field, BEFORE_NAME)?;
    let chosen = match bits >> 2 & 0x1f {
        UNTOUCHED => u16_at(field, name_end)?,
        chosen => chosen,
    };
    match bits & 3 {
        BOX if chosen == 0 => Some("☐".to_owned()),
        BOX => Some("☒".to_owned()),
        LIST => choice(field, name_end + 2, usize::from(chosen)),
        _ => None,
    }
}

/// The choice of this number.
fn choice(field: &[u8], at: usize, chosen: usize) -> Option<String> {
    let mut at = at;
    for _ in 0..TEXTS {
        at = text_end(field, at)?;
    }
    // A mark, how many choices there are, and how many bytes of no interest follow each.
    let (count, further) = (u16_at(field, at + 2)?, usize::from(u16_at(field, at + 4)?));
    if chosen >= usize::from(count).min(CHOICES) {
        return None;
    }
    at += 6;
    for _ in 0..chosen {
        at += 2 + 2 * usize::from(u16_at(field, at)?) + further;
    }
    let length = usize::from(u16_at(field, at)?).min(CHOICE_CHARS);
    Some(utf16(field.get(at + 2..)?.get(..2 * length)?))
}

/// Where a text ends that has its length in front and a zero behind.
fn text_end(field: &[u8], at: usize) -> Option<usize> {
    Some(at + 4 + 2 * usize::from(u16_at(field, at)?))
}

#[cfg(test)]
mod tests {
    use super::shown;

    fn le16(numbers: &[u16]) -> Vec<u8> {
        numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
    }

    fn text(text: &str, end: &[u16]) -> Vec<u8> {
        let units: Vec<u16> = text.encode_utf16().collect();
        [le16(&[units.len() as u16]), le16(&units), le16(end)].concat()
    }

    /// The data of a field behind two bytes of something else.
    fn field(kind: u16, result: u16, usual: u16, rest: &[u8]) -> Vec<u8> {
        let head = [le16(&[0xffff, 0xffff, kind | result << 2, 0, 20]), text("nom", &[0])].concat();
        let content = [head, le16(&[usual]), rest.to_vec()].concat();
        let size = (content.len() + 68) as u32;
        [&b"\t\t"[..], &size.to_le_bytes(), &le16(&[68]), &[0; 62], &content].concat()
    }

    #[test]
    fn boxes_and_lists_show_their_result_or_what_the_form_began_with() {
        let rest = [
            [""; 5].map(|empty| text(empty, &[0])).concat(),
            le16(&[0xffff, 2, 0]),
            text("oui", &[]),
            text("non", &[]),
        ]
        .concat();
        for (kind, result, usual, expected) in [
            (1, 25, 0, Some("☐")),
            (1, 25, 1, Some("☒")),
            (1, 0, 1, Some("☐")),
            (1, 1, 0, Some("☒")),
            (2, 25, 1, Some("non")),
            (2, 0, 1, Some("oui")),
            (2, 7, 1, None),
            (0, 25, 0, None),
        ] {
            let data = field(kind, result, usual, &rest);
            assert_eq!(shown(&data, 2).as_deref(), expected, "{kind} {result} {usual}");
            // The data of a picture stand in the same place.
            assert_eq!(shown(&data, 0), None);
        }
        assert_eq!(shown(&field(2, 1, 0, &rest[..40]), 2), None);
    }
}

//! Which encoding do the characters of a font have in an RTF file?

use encoding_rs::{Encoding, WINDOWS_1252};

use crate::office::summary::code_page;

/// How the bytes of a font become characters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Charset {
    /// By an encoding.
    Encoding(&'static Encoding),
    /// Code page 437 or 850 of DOS.
    Dos,
    /// Pictures: no letter but the bullet is taken.
    Symbol,
}

/// Letters of the DOS code pages 437 and 850 from 0x80 to 0xa5, which they share.
const DOS: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑ";

impl Charset {
    /// The characters of some bytes.
    pub fn decode(self, bytes: &[u8]) -> String {
        match self {
            Charset::Encoding(encoding) => encoding.decode_without_bom_handling(bytes).0.into_owned(),
            Charset::Dos => bytes
                .iter()
                .map(|&byte| match byte {
                    0x80.. => DOS.chars().nth(usize::from(byte) - 0x80).unwrap_or('\u{fffd}'),
                    _ => char::from(byte),
                })
                .collect(),
            Charset::Symbol => bytes
                .iter()
                .filter_map(|&byte| match byte {
                    0xb7 => Some('•'),
                    b' ' | b'0'..=b'9' => Some(char::from(byte)),
                    _ => None,
                })
                .collect(),
        }
    }

    /// The charset of a Windows code page.
    pub fn of_page(page: i32) -> Charset {
        match page {
            437 | 850 => Charset::Dos,
            _ => Charset::Encoding(u16::try_from(page).map_or(WINDOWS_1252, code_page)),
        }
    }

    /// The charset of a font's `\fcharset`; none for the document's own.
    pub fn of_font(number: i32) -> Option<Charset> {
        Some(Charset::of_page(match number {
            0 => 1252,
            2 => return Some(Charset::Symbol),
            77 => 10_000,
            128 => 932,
            129 | 130 => 949,
            134 => 936,
            136 => 950,
            161 => 1253,
            162 => 1254,
            163 => 1258,
            177 => 1255,
            178..=181 => 1256,
            186 => 1257,
            204 => 1251,
            222 => 874,
            238 => 1250,
            254 => 437,
            255 => 850,
            _ => return None,
        }))
    }
}

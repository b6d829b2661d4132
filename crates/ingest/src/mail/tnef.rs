//! What is in this `winmail.dat`? The package (TNEF) in which Outlook sends formatted mail and everything attached to it.
//!
//! A list of attributes ([MS-OXTNEF]); two of them hold lists of properties, those of the message and of an attachment.

use intramuros_core::document::{Block, ExtractError, Extracted, Kind, Part, Place};

use super::properties::{encoding_of, id};
use super::{attachment_name, eml, msg, squeezed};
use crate::Budget;
use crate::archive::members::UniqueNames;
use crate::text::html;
use crate::text::writer::Writer;

/// The first bytes.
pub const SIGNATURE: &[u8] = b"\x78\x9f\x3e\x22";

/// Bytes before the attributes: the signature and a key.
const HEADER: usize = 6;

/// Attachments of one package that are read.
const ATTACHMENTS: usize = 5000;

/// Properties of one list that are read, and values of one property.
const PROPERTIES: u32 = 10_000;

/// Bytes before an attached message within its property: which interface reads it.
const INTERFACE: usize = 16;

/// Attributes that are read, without their types.
mod attribute {
    pub const SUBJECT: u32 = 0x8004;
    pub const BODY: u32 = 0x800C;
    pub const ATTACHMENT_DATA: u32 = 0x800F;
    pub const ATTACHMENT_TITLE: u32 = 0x8010;
    pub const ATTACHMENT_BEGINS: u32 = 0x9002;
    pub const MESSAGE_PROPERTIES: u32 = 0x9003;
    pub const ATTACHMENT_PROPERTIES: u32 = 0x9005;
    pub const CODE_PAGE: u32 = 0x9007;
}

/// Types of properties whose values have a length.
mod kind {
    pub const OBJECT: u16 = 0x000D;
    pub const TEXT: u16 = 0x001E;
    pub const WIDE_TEXT: u16 = 0x001F;
    pub const BINARY: u16 = 0x0102;
    /// Several values.
    pub const MANY: u16 = 0x1000;
}

/// Reads a package: its text, and each attachment as a part. Its text is left out when `said`, the text of the mail to
/// which it is attached, begins with it: mailing lists add their own lines below.
///
/// # Errors
/// Empty when nothing is in it; a limit that was reached.
pub fn extract(bytes: &[u8], said: &[Block], budget: &Budget<'_>) -> Result<Extracted, ExtractError> {
    let mut package = Package::default();
    let whole = package.read(bytes);
    let mut writer = Writer::new(Kind::Mail, budget);
    writer.title(&package.subject);
    writer.field("Subject", &package.subject, Place::default())?;
    let mut names = UniqueNames::default();
    let named: Vec<(String, Attachment)> = std::mem::take(&mut package.attachments)
        .into_iter()
        .map(|attachment| (names.take(attachment.name()), attachment))
        .collect();
    for (name, _) in &named {
        writer.field("Attachment", name, Place::default())?;
    }
    let start = writer.document().blocks.len();
    package.write_text(&mut writer, budget)?;
    let blocks = &mut writer.document().blocks;
    let text = squeezed(blocks.get(start..).unwrap_or_default());
    if !text.is_empty() && squeezed(said).starts_with(&text) {
        blocks.truncate(start);
    }
    for (name, attachment) in named {
        budget.count_member()?;
        let outcome = crate::extract_part(&name, &attachment.content, budget);
        writer.document().parts.push(Part::new(name, outcome));
    }
    if !whole {
        writer.warn("the package ends before its last part; what is there was read");
    }
    writer.finish()
}

#[derive(Default)]
struct Package {
    code_page: u32,
    subject: String,
    plain: String,
    html: Vec<u8>,
    rtf: Vec<u8>,
    attachments: Vec<Attachment>,
}

#[derive(Default)]
struct Attachment {
    title: String,
    long_name: String,
    content: Vec<u8>,
}

impl Attachment {
    fn name(&self) -> String {
        let given = [&self.long_name, &self.title].into_iter().find(|name| !name.is_empty());
        attachment_name(given.map_or("attachment", String::as_str))
    }
}

impl Package {
    /// Reads the attributes; whether all of them are there.
    fn read(&mut self, bytes: &[u8]) -> bool {
        let mut scan = Scan { rest: bytes.get(HEADER..).unwrap_or_default() };
        while !scan.rest.is_empty() {
            // Level, number with type, length; behind the bytes a checksum.
            let (Some(_), Some(number), Some(length)) = (scan.take(1), scan.number(), scan.number()) else {
                return false;
            };
            let Some(value) = scan.take(length as usize) else { return false };
            self.attribute(number & 0xFFFF, value);
            if scan.take(2).is_none() {
                return false;
            }
        }
        true
    }

    fn attribute(&mut self, number: u32, value: &[u8]) {
        match number {
            attribute::CODE_PAGE => self.code_page = Scan { rest: value }.number().unwrap_or_default(),
            attribute::SUBJECT => self.subject = self.text(value),
            attribute::BODY => self.plain = self.text(value),
            attribute::ATTACHMENT_BEGINS if self.attachments.len() < ATTACHMENTS => {
                self.attachments.push(Attachment::default());
            }
            attribute::ATTACHMENT_TITLE => {
                let title = self.text(value);
                if let Some(attachment) = self.attachments.last_mut() {
                    attachment.title = title;
                }
            }
            attribute::ATTACHMENT_DATA => {
                if let Some(attachment) = self.attachments.last_mut() {
                    attachment.content = value.to_vec();
                }
            }
            attribute::MESSAGE_PROPERTIES => {
                for property in properties(value) {
                    self.message_property(&property);
                }
            }
            attribute::ATTACHMENT_PROPERTIES => {
                for property in properties(value) {
                    self.attachment_property(&property);
                }
            }
            _ => {}
        }
    }

    fn message_property(&mut self, property: &Property<'_>) {
        match property.number {
            id::SUBJECT if self.subject.is_empty() => self.subject = self.property_text(property),
            id::BODY => self.plain = self.property_text(property),
            id::HTML => self.html = property.value.to_vec(),
            id::RTF => self.rtf = property.value.to_vec(),
            _ => {}
        }
    }

    fn attachment_property(&mut self, property: &Property<'_>) {
        let text = self.property_text(property);
        let Some(attachment) = self.attachments.last_mut() else { return };
        match property.number {
            id::LONG_NAME => attachment.long_name = text,
            id::SHOWN_NAME if attachment.title.is_empty() => attachment.title = text,
            // A message that is attached is a package of its own.
            id::DATA => {
                let inner = match property.kind {
                    kind::OBJECT => property.value.get(INTERFACE..),
                    _ => Some(property.value),
                };
                attachment.content = inner.unwrap_or_default().to_vec();
            }
            _ => {}
        }
    }

    fn property_text(&self, property: &Property<'_>) -> String {
        match property.kind {
            kind::WIDE_TEXT => encoding_rs::UTF_16LE
                .decode_without_bom_handling(property.value)
                .0
                .trim_end_matches('\0')
                .to_owned(),
            kind::TEXT => self.text(property.value),
            _ => String::new(),
        }
    }

    /// Text in the package's code page.
    fn text(&self, bytes: &[u8]) -> String {
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text.into(),
            Err(_) => encoding_of(self.code_page).decode_without_bom_handling(bytes).0,
        };
        text.trim_end_matches('\0').to_owned()
    }

    /// Writes the text: plain, else HTML, else RTF.
    fn write_text(&self, writer: &mut Writer<'_>, budget: &Budget<'_>) -> Result<(), ExtractError> {
        if !self.plain.trim().is_empty() {
            return eml::write_plain(&self.plain, writer);
        }
        if !self.html.is_empty() {
            let page = html::decode(&self.html).unwrap_or_default();
            return html::write_fragment(&page, &Place::default(), writer, budget);
        }
        if self.rtf.is_empty() { Ok(()) } else { msg::write_rtf(&self.rtf, writer, budget) }
    }
}

/// One value of a property that has a length.
struct Property<'a> {
    number: u16,
    kind: u16,
    value: &'a [u8],
}

/// The properties of a list that have a length; the list ends where it cannot be followed.
fn properties(bytes: &[u8]) -> Vec<Property<'_>> {
    let mut scan = Scan { rest: bytes };
    let mut found = Vec::new();
    let count = scan.number().unwrap_or_default().min(PROPERTIES);
    for _ in 0..count {
        if scan.property(&mut found).is_none() {
            break;
        }
    }
    found
}

struct Scan<'a> {
    rest: &'a [u8],
}

impl<'a> Scan<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    /// Bytes that are filled up to a multiple of four.
    fn padded(&mut self, length: usize) -> Option<&'a [u8]> {
        let value = self.take(length)?;
        let filled = length.next_multiple_of(4) - length;
        // The last value of a list may lack what fills it up.
        self.take(filled.min(self.rest.len()))?;
        Some(value)
    }

    /// Reads one property; its values are added when they have a length.
    fn property(&mut self, found: &mut Vec<Property<'a>>) -> Option<()> {
        let tag = self.number()?;
        let (whole, number) = (u16::try_from(tag & 0xFFFF).ok()?, u16::try_from(tag >> 16).ok()?);
        let kind = whole & !kind::MANY;
        if number >= 0x8000 {
            self.skip_name()?;
        }
        let has_length = matches!(kind, kind::OBJECT | kind::TEXT | kind::WIDE_TEXT | kind::BINARY);
        let values = if has_length || whole != kind { self.number()? } else { 1 };
        if !has_length {
            // All at once, whatever their number: each is as long as a multiple of four, and some have no bytes.
            self.take(fixed_length(kind)?.checked_mul(values as usize)?)?;
            return Some(());
        }
        for _ in 0..values.min(PROPERTIES) {
            let length = self.number()? as usize;
            let value = self.padded(length)?;
            found.push(Property { number, kind, value });
        }
        Some(())
    }

    /// Skips the name of a property that a program defined: a set, and a number or a text in it.
    fn skip_name(&mut self) -> Option<()> {
        self.take(16)?;
        let is_text = self.number()? == 1;
        let length = self.number()? as usize;
        if is_text {
            self.padded(length)?;
        }
        Some(())
    }
}

/// Bytes of a value whose type says its length, with what fills it up; none for a type that is not known.
fn fixed_length(kind: u16) -> Option<usize> {
    Some(match kind {
        0x0002 | 0x0003 | 0x0004 | 0x000A | 0x000B => 4,
        0x0005 | 0x0006 | 0x0007 | 0x0014 | 0x0040 => 8,
        0x0048 => 16,
        0x0001 => 0,
        _ => return None,
    })
}

//! What does this Outlook message say?

use std::rc::Rc;

use intramuros_core::document::{BlockKind, ExtractError, Extracted, Kind, Part, Place};
use mail_parser::MessageParser;

use super::properties::{Object, TABLE, encoding_of, id};
use super::{attachment_name, eml, rtf_packed, tnef};
use crate::Budget;
use crate::archive::members::UniqueNames;
use crate::office::compound::Compound;
use crate::office::ole;
use crate::text::writer::Writer;
use crate::text::{date, html};

/// Recipients and attachments of one message that are read.
const OBJECTS: usize = 5000;

/// Bytes before the entries of a table of properties.
const MESSAGE_HEADER: usize = 32;
const INNER_MESSAGE_HEADER: usize = 24;
const OBJECT_HEADER: usize = 8;

/// A picture within the text that is smaller than this, in bytes, is a logo or a smiley.
const DECORATION_BYTES: usize = 32 << 10;

/// Storage of a message that is attached, or of an object of another program.
const INNER: &str = "__substg1.0_3701000D";

/// Reads Outlook .msg files, and what Outlook packs into `winmail.dat`.
///
/// # Errors
/// When it is no Outlook message, or a limit is reached.
pub fn extract(_name: &str, bytes: &[u8], budget: &Budget<'_>) -> Result<Extracted, ExtractError> {
    if bytes.starts_with(tnef::SIGNATURE) {
        return tnef::extract(bytes, &[], budget);
    }
    let file = Rc::new(Compound::open(bytes)?);
    if !file.has(0, TABLE) {
        return Err(ExtractError::Corrupt("a compound file, but no Outlook message".to_owned()));
    }
    message(&file, 0, MESSAGE_HEADER, budget)
}

/// Reads the message in a storage.
fn message(
    file: &Rc<Compound<'_>>,
    storage: usize,
    header: usize,
    budget: &Budget<'_>,
) -> Result<Extracted, ExtractError> {
    let mut writer = Writer::new(Kind::Mail, budget);
    let mut object = Object::open(file, storage, header, 0, budget)?;
    let code_page = object.code_page();
    let recipients = storages(file, storage, "__recip_version1.0_");
    write_headers(&mut object, file, &recipients, &mut writer, budget)?;
    let mut parts: Vec<Part> = Vec::new();
    let mut names = UniqueNames::default();
    let mut decorations = 0;
    for attached in storages(file, storage, "__attach_version1.0_") {
        budget.count_member()?;
        match attachment(file, attached, code_page, &mut names, budget)? {
            Some(part) => parts.push(part),
            None => decorations += 1,
        }
    }
    if decorations > 0 {
        writer.warn(format!("{decorations} small pictures in the text were left out"));
    }
    for part in &parts {
        writer.field("Attachment", &part.name, Place::default())?;
    }
    write_body(&mut object, &mut writer, budget)?;
    writer.document().parts = parts;
    if !object.is_cut() {
        return writer.finish();
    }
    writer.warn("the message is cut off; what is there was read");
    match writer.finish() {
        Err(ExtractError::Empty(_)) => {
            Err(ExtractError::Corrupt("the Outlook message is cut off".to_owned()))
        }
        other => other,
    }
}

/// The storages directly inside one whose names begin so, in the order of their names, which are numbered.
fn storages(file: &Compound<'_>, storage: usize, prefix: &str) -> Vec<usize> {
    let mut found = file.storages(storage, prefix);
    found.sort_by(|one, other| file.name(*one).cmp(file.name(*other)));
    found.truncate(OBJECTS);
    found
}

/// Writes subject, people and date.
fn write_headers(
    object: &mut Object<'_, '_>,
    file: &Compound<'_>,
    recipients: &[usize],
    writer: &mut Writer<'_>,
    budget: &Budget<'_>,
) -> Result<(), ExtractError> {
    let subject = object.text(id::SUBJECT, budget)?;
    let sender = sender(object, budget)?;
    let received = object.text(id::TRANSPORT_HEADERS, budget)?;
    let shown_to = object.text(id::SHOWN_TO, budget)?;
    let shown_cc = object.text(id::SHOWN_CC, budget)?;
    let code_page = object.code_page();
    let mut written = object.time_ms(id::SUBMITTED).or_else(|| object.time_ms(id::DELIVERED));
    if written.is_none() {
        let parsed = MessageParser::default().parse_headers(received.as_bytes());
        let date = parsed.as_ref().and_then(|message| message.date()).filter(|date| date.is_valid());
        written = date.map(|date| date.to_timestamp().saturating_mul(1000));
    }
    let mut people = [String::new(), String::new(), String::new()];
    for storage in recipients {
        let mut object = Object::open(file, *storage, OBJECT_HEADER, code_page, budget)?;
        let kind = object.number(id::RECIPIENT_TYPE).unwrap_or(1);
        let name = object.text(id::SHOWN_NAME, budget)?;
        let mut address = object.text(id::SMTP, budget)?;
        if address.is_empty() {
            address = object.text(id::ADDRESS, budget)?;
        }
        let person = person(&name, &address);
        if let Some(list) = people.get_mut((kind as usize).clamp(1, 3) - 1).filter(|_| !person.is_empty()) {
            if !list.is_empty() {
                list.push_str(", ");
            }
            list.push_str(&person);
        }
    }
    let [to, cc, bcc] = people;
    writer.title(&subject);
    writer.author(&sender);
    let place = Place::default;
    writer.field("Subject", &subject, place())?;
    writer.field("From", &sender, place())?;
    writer.field("To", if to.is_empty() { &shown_to } else { &to }, place())?;
    writer.field("Cc", if cc.is_empty() { &shown_cc } else { &cc }, place())?;
    writer.field("Bcc", &bcc, place())?;
    if let Some(ms) = written {
        writer.document().written_ms = Some(ms);
        writer.field("Date", &format!("{} UTC", date::show(ms)), place())?;
    }
    Ok(())
}

fn sender(object: &mut Object<'_, '_>, budget: &Budget<'_>) -> Result<String, ExtractError> {
    let mut first = |properties: &[u16]| -> Result<String, ExtractError> {
        for property in properties {
            let text = object.text(*property, budget)?;
            if !text.is_empty() {
                return Ok(text);
            }
        }
        Ok(String::new())
    };
    let name = first(&[id::SENT_FOR_NAME, id::SENDER_NAME])?;
    let address = first(&[id::SENT_FOR_SMTP, id::SENDER_SMTP, id::SENDER_ADDRESS])?;
    Ok(person(&name, &address))
}

/// `Anne Martin <anne@example.org>`; addresses within a company's own directory (`/o=…`) are left out.
fn person(name: &str, address: &str) -> String {
    let name = name.trim().trim_matches('\'');
    let address = if address.starts_with('/') { "" } else { address.trim() };
    match (name.is_empty() || name == address, address.is_empty()) {
        (true, _) => address.to_owned(),
        (false, true) => name.to_owned(),
        (false, false) => format!("{name} <{address}>"),
    }
}

/// Writes the text: plain, else HTML, else RTF.
fn write_body(
    object: &mut Object<'_, '_>,
    writer: &mut Writer<'_>,
    budget: &Budget<'_>,
) -> Result<(), ExtractError> {
    let body = object.text(id::BODY, budget)?;
    if !body.trim().is_empty() {
        return eml::write_plain(&body, writer);
    }
    let page = match object.bytes(id::HTML, budget)? {
        Some(bytes) => match object.number(id::INTERNET_CODE_PAGE) {
            Some(code_page) if std::str::from_utf8(&bytes).is_err() => {
                encoding_of(code_page).decode_without_bom_handling(&bytes).0.into_owned()
            }
            _ => html::decode(&bytes).unwrap_or_default(),
        },
        None => object.text(id::HTML, budget)?,
    };
    if !page.trim().is_empty() {
        return html::write_fragment(&page, &Place::default(), writer, budget);
    }
    match object.bytes(id::RTF, budget)? {
        Some(packed) => write_rtf(&packed, writer, budget),
        None => Ok(()),
    }
}

/// Writes a text that is packed RTF; it is left out with a warning when it is damaged.
///
/// # Errors
/// When a limit is reached.
pub fn write_rtf(packed: &[u8], writer: &mut Writer<'_>, budget: &Budget<'_>) -> Result<(), ExtractError> {
    let read =
        rtf_packed::unpack(packed, budget).and_then(|rtf| crate::extract_part("body.rtf", &rtf, budget));
    match read {
        Ok(body) => {
            for block in body.blocks {
                // The text was counted when it was read.
                let kind = match block.kind {
                    BlockKind::Heading { .. } => BlockKind::Paragraph,
                    kind => kind,
                };
                writer.block(kind, &block.text, Place::default())?;
            }
            Ok(())
        }
        Err(ExtractError::Empty(_)) => Ok(()),
        Err(error @ ExtractError::Limit(_)) => Err(error),
        Err(error) => {
            writer.warn(format!("the RTF text could not be read: {error}"));
            Ok(())
        }
    }
}

/// Reads what is attached; none for a small picture that decorates the text.
fn attachment(
    file: &Rc<Compound<'_>>,
    storage: usize,
    code_page: u32,
    names: &mut UniqueNames,
    budget: &Budget<'_>,
) -> Result<Option<Part>, ExtractError> {
    let mut object = Object::open(file, storage, OBJECT_HEADER, code_page, budget)?;
    let mut given = String::new();
    for property in [id::LONG_NAME, id::SHORT_NAME, id::SHOWN_NAME] {
        if given.is_empty() {
            given = object.text(property, budget)?;
        }
    }
    let content_id = object.text(id::CONTENT_ID, budget)?;
    let content = object.bytes(id::DATA, budget)?;
    let inner = file.storage(storage, INNER).filter(|_| content.is_none());
    let is_message = inner.is_some_and(|inner| file.has(inner, TABLE));
    if given.is_empty() {
        given = "attachment".to_owned();
    }
    if is_message {
        given.push_str(".msg");
    }
    let name = names.take(attachment_name(&given));
    let outcome = match (content, inner) {
        (Some(content), _) => {
            let lower = name.to_ascii_lowercase();
            let is_image =
                [".png", ".jpg", ".jpeg", ".gif", ".bmp"].iter().any(|ending| lower.ends_with(ending));
            if is_image && !content_id.is_empty() && content.len() < DECORATION_BYTES {
                return Ok(None);
            }
            crate::extract_part(&name, &content, budget)
        }
        (None, Some(inner)) if is_message => {
            budget.deeper().and_then(|inside| message(file, inner, INNER_MESSAGE_HEADER, &inside))
        }
        (None, Some(inner)) => ole::read_storage(file, inner, budget).unwrap_or_else(|| Err(no_file())),
        (None, None) if object.is_cut() => {
            Err(ExtractError::Corrupt("the bytes of the attached file are missing".to_owned()))
        }
        (None, None) => Err(no_file()),
    };
    Ok(Some(Part::new(name, outcome)))
}

fn no_file() -> ExtractError {
    ExtractError::Unsupported("an object of another program, or a link to a file".to_owned())
}

//! What does this mail say, to whom, with what attached?

use intramuros_core::document::{BlockKind, ExtractError, Extracted, Kind, Part, Place};
use mail_parser::{Address, DateTime, Message, MessageParser, MessagePart, MimeHeaders, PartType};

use super::attachment_name;
use crate::Budget;
use crate::archive::members::UniqueNames;
use crate::text::writer::Writer;
use crate::text::{html, plain};

/// A picture within the text that is smaller than this, in bytes, is a logo or a smiley.
const DECORATION_BYTES: usize = 32 << 10;

/// The plain version of a mail is read unless it is shorter than this share of the other one's source, in percent:
/// then it only says that the mail is to be read as HTML.
const PLAIN_PERCENT: usize = 5;

/// Reads one RFC 5322 message: its headers as fields, its text, each attachment as a part.
///
/// # Errors
/// When there are no headers, or a limit is reached.
pub fn extract(_name: &str, bytes: &[u8], budget: &Budget<'_>) -> Result<Extracted, ExtractError> {
    let message = MessageParser::default()
        .parse(bytes)
        .filter(|message| !message.headers().is_empty())
        .ok_or_else(|| ExtractError::Corrupt("no mail headers".to_owned()))?;
    let mut writer = Writer::new(Kind::Mail, budget);
    write_headers(&message, &mut writer)?;
    let attachments: Vec<(String, &MessagePart<'_>)> = attachments(&message, &mut writer);
    for (name, _) in &attachments {
        writer.field("Attachment", name, Place::default())?;
    }
    if is_encrypted(&message) {
        writer.warn("the text of this mail is encrypted; only its headers were read");
    } else {
        write_body(&message, &mut writer, budget)?;
    }
    for (name, part) in attachments {
        budget.count_member()?;
        let content = part.contents();
        // A text attachment was decoded to UTF-8 by the mail reader.
        let outcome = match &part.body {
            PartType::Message(message) => nested(&name, message.raw_message(), budget),
            _ => crate::extract_part(&name, content, budget),
        };
        writer.document().parts.push(Part::new(name, outcome));
    }
    writer.finish()
}

/// A message that is attached is a mail, whatever its first lines look like.
fn nested(name: &str, bytes: &[u8], budget: &Budget<'_>) -> Result<Extracted, ExtractError> {
    extract(name, bytes, &budget.deeper()?)
}

fn write_headers(message: &Message<'_>, writer: &mut Writer<'_>) -> Result<(), ExtractError> {
    let subject = message.subject().unwrap_or_default();
    writer.title(subject);
    writer.field("Subject", subject, Place::default())?;
    for (name, address) in
        [("From", message.from()), ("To", message.to()), ("Cc", message.cc()), ("Bcc", message.bcc())]
    {
        let people = address.map(people).unwrap_or_default();
        if name == "From" {
            writer.author(&people);
        }
        writer.field(name, &people, Place::default())?;
    }
    if let Some(date) = message.date().filter(|date| date.is_valid()) {
        writer.document().written_ms = Some(date.to_timestamp().saturating_mul(1000));
        writer.field("Date", &show(date), Place::default())?;
    }
    Ok(())
}

/// `Anne Martin <anne@example.org>, Bob <bob@example.org>`.
fn people(address: &Address<'_>) -> String {
    let mut all = String::new();
    for person in address.iter() {
        let (name, address) =
            (person.name().unwrap_or_default().trim(), person.address().unwrap_or_default());
        if !all.is_empty() {
            all.push_str(", ");
        }
        match (name.is_empty() || name == address, address.is_empty()) {
            (true, _) => all.push_str(address),
            (false, true) => all.push_str(name),
            (false, false) => all.push_str(&format!("{name} <{address}>")),
        }
    }
    all
}

/// The date as its sender saw it: `2012-11-21 21:11 +0100`.
fn show(date: &DateTime) -> String {
    let sign = if date.tz_before_gmt { '-' } else { '+' };
    format!(
        "{:04}-{:02}-{:02} {:02}:{:02} {sign}{:02}{:02}",
        date.year, date.month, date.day, date.hour, date.minute, date.tz_hour, date.tz_minute
    )
}

fn is_encrypted(message: &Message<'_>) -> bool {
    let Some(kind) = message.content_type() else { return false };
    let subtype = kind.subtype().unwrap_or_default().to_ascii_lowercase();
    let smime = subtype.ends_with("pkcs7-mime")
        && kind.attribute("smime-type").is_none_or(|kind| !kind.to_ascii_lowercase().contains("signed"));
    smime || subtype == "encrypted"
}

/// Writes the text: the plain version when it says as much as the other, else the HTML version.
fn write_body(
    message: &Message<'_>,
    writer: &mut Writer<'_>,
    budget: &Budget<'_>,
) -> Result<(), ExtractError> {
    let plain_bytes: usize = message
        .text_bodies()
        .filter_map(|part| match &part.body {
            PartType::Text(text) => Some(text.trim().len()),
            _ => None,
        })
        .sum();
    let html_bytes: usize = message
        .html_bodies()
        .filter_map(|part| match &part.body {
            PartType::Html(text) => Some(text.len()),
            _ => None,
        })
        .sum();
    let use_plain = plain_bytes > 0 && plain_bytes * 100 >= html_bytes * PLAIN_PERCENT;
    let parts: Vec<&MessagePart<'_>> =
        if use_plain { message.text_bodies().collect() } else { message.html_bodies().collect() };
    for part in parts {
        match &part.body {
            PartType::Html(text) => html::write_fragment(text, &Place::default(), writer, budget)?,
            PartType::Text(text) => write_plain(text, writer)?,
            _ => {}
        }
    }
    Ok(())
}

/// Writes plain text; its lines are lines of the decoded text, not of the file, so they are forgotten.
pub fn write_plain(text: &str, writer: &mut Writer<'_>) -> Result<(), ExtractError> {
    let first = writer.document().blocks.len();
    plain::write(&crate::text::lines::unify_breaks(text.to_owned()), writer)?;
    for block in writer.document().blocks.iter_mut().skip(first) {
        (block.place.line, block.place.line_starts) = (None, Vec::new());
        // Mails have no headings: capitals alone are shouted text or a signature.
        if matches!(block.kind, BlockKind::Heading { .. }) {
            block.kind = BlockKind::Paragraph;
        }
    }
    Ok(())
}

/// What is attached, without the small pictures that only decorate the text; each with a safe and unique name.
fn attachments<'m>(message: &'m Message<'m>, writer: &mut Writer<'_>) -> Vec<(String, &'m MessagePart<'m>)> {
    let mut found: Vec<(String, &MessagePart<'_>)> = Vec::new();
    let mut names = UniqueNames::default();
    let mut decorations = 0;
    for part in message.attachments() {
        let kind = part.content_type();
        let is_image = kind.is_some_and(|kind| kind.ctype().eq_ignore_ascii_case("image"));
        let inline = matches!(part.body, PartType::InlineBinary(_)) || part.content_id().is_some();
        if is_image && inline && part.contents().len() < DECORATION_BYTES {
            decorations += 1;
            continue;
        }
        let subtype = kind.and_then(|kind| kind.subtype()).unwrap_or_default().to_ascii_lowercase();
        // A detached signature proves something; it says nothing.
        if matches!(
            subtype.as_str(),
            "pkcs7-signature" | "x-pkcs7-signature" | "pgp-signature" | "pgp-encrypted"
        ) {
            continue;
        }
        let given = match (&part.body, part.attachment_name()) {
            (_, Some(name)) => name.to_owned(),
            (PartType::Message(message), None) => format!("{}.eml", message.subject().unwrap_or("message")),
            (PartType::Html(_), None) => "attachment.html".to_owned(),
            (PartType::Text(_), None) => "attachment.txt".to_owned(),
            (_, None) => format!("attachment.{}", if subtype.is_empty() { "bin" } else { &subtype }),
        };
        let name = names.take(attachment_name(&given));
        found.push((name, part));
    }
    if decorations > 0 {
        writer.warn(format!("{decorations} small pictures in the text were left out"));
    }
    found
}

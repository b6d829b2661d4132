//! What does this mail say, to whom, with what attached?

use std::borrow::Cow;

use intramuros_core::document::{Block, BlockKind, ExtractError, Extracted, Kind, Part, Place};
use mail_parser::{Address, DateTime, Message, MessageParser, MessagePart, MimeHeaders, PartType};

use super::{attachment_name, content, tnef};
use crate::Budget;
use crate::archive::members::UniqueNames;
use crate::text::writer::Writer;
use crate::text::{html, plain};

/// A picture within the text that is smaller than this, in bytes, is a logo or a smiley.
const DECORATION_BYTES: usize = 32 << 10;

/// The plain version of a mail is read unless it is shorter than this share of the other one's source, in percent:
/// then it only says that the mail is to be read as HTML.
const PLAIN_PERCENT: usize = 5;

/// How files begin that are no text, whatever a mail declares: ZIP, PDF, the old files of Office.
const BINARY: [&[u8]; 3] = [b"PK\x03\x04", b"%PDF-", b"\xD0\xCF\x11\xE0"];

/// Reads one RFC 5322 message: its headers as fields, its text, each attachment as a part. A web page that a browser
/// saved as one file (MHTML) has the same form; it is read as a page.
///
/// # Errors
/// When there are no headers, or a limit is reached.
pub fn extract(_name: &str, bytes: &[u8], budget: &Budget<'_>) -> Result<Extracted, ExtractError> {
    let bytes = content::readable(bytes);
    let message = MessageParser::default()
        .parse(&*bytes)
        .filter(|message| !message.headers().is_empty())
        .ok_or_else(|| ExtractError::Corrupt("no mail headers".to_owned()))?;
    if let Some(page) = saved_page(&message) {
        return read_page(&message, page, budget);
    }
    let mut writer = Writer::new(Kind::Mail, budget);
    write_headers(&message, &mut writer)?;
    let attachments: Vec<(String, &MessagePart<'_>)> = attachments(&message, &mut writer);
    for (name, _) in &attachments {
        writer.field("Attachment", name, Place::default())?;
    }
    let start = writer.document().blocks.len();
    if is_encrypted(&message) {
        writer.warn("the text of this mail is encrypted; only its headers were read");
    } else {
        write_body(&message, &mut writer, budget)?;
    }
    for (name, part) in attachments {
        budget.count_member()?;
        let outcome = match &part.body {
            PartType::Message(message) => nested(&name, message.raw_message(), budget),
            _ => {
                let said = writer.document().blocks.get(start..).unwrap_or_default();
                attached(&name, &attached_bytes(&message, part), said, budget)
            }
        };
        writer.document().parts.push(Part::new(name, outcome));
    }
    writer.finish()
}

/// Reads what is attached to a mail that says `said`.
fn attached(
    name: &str,
    bytes: &[u8],
    said: &[Block],
    budget: &Budget<'_>,
) -> Result<Extracted, ExtractError> {
    if bytes.starts_with(tnef::SIGNATURE) {
        return tnef::extract(bytes, said, &budget.deeper()?);
    }
    crate::extract_part(name, bytes, budget)
}

/// The bytes of an attachment. Text of a declared encoding becomes UTF-8, unless it is no text by its first bytes; other
/// text is left to its own reader, which knows what its format declares.
fn attached_bytes<'m>(message: &'m Message<'_>, part: &'m MessagePart<'_>) -> Cow<'m, [u8]> {
    let is_text = matches!(part.body, PartType::Text(_) | PartType::Html(_));
    let declared = part.content_type().is_some_and(|kind| kind.has_attribute("charset"));
    let raw = content::bytes(message, part);
    if !is_text || !declared || BINARY.iter().any(|start| raw.starts_with(start)) {
        return raw;
    }
    match content::text(message, part) {
        Cow::Borrowed(text) => text.as_bytes().into(),
        Cow::Owned(text) => text.into_bytes().into(),
    }
}

/// The page in a file that a browser saved: HTML from an address, which nobody sent to anybody.
fn saved_page<'m>(message: &'m Message<'m>) -> Option<&'m MessagePart<'m>> {
    let has_receivers = [message.to(), message.cc(), message.bcc()].iter().any(Option::is_some);
    // Browsers write `<Saved by Blink>` where mails have the address of a person.
    let sent_by = |from: &Address<'_>| {
        from.iter().any(|person| person.address().is_some_and(|address| address.contains('@')))
    };
    if has_receivers || message.received().is_some() || message.from().is_some_and(sent_by) {
        return None;
    }
    let page = message.parts.iter().find(|part| content::is_html(part))?;
    page.content_location().is_some().then_some(page)
}

/// Reads a page that a browser saved: its main part, and its pictures that are no decoration. What only serves to show
/// it (styles, scripts, frames) is left out.
fn read_page(
    message: &Message<'_>,
    page: &MessagePart<'_>,
    budget: &Budget<'_>,
) -> Result<Extracted, ExtractError> {
    let mut writer = Writer::new(Kind::Html, budget);
    html::write(&content::text(message, page), &Place::default(), &mut writer, budget)?;
    writer.title(message.subject().unwrap_or_default());
    let mut names = UniqueNames::default();
    for part in message.parts.iter().filter(|part| is_image(part)) {
        let bytes = content::bytes(message, part);
        if bytes.len() < DECORATION_BYTES {
            continue;
        }
        budget.count_member()?;
        let location = part.content_location().unwrap_or("picture");
        let file = location.rsplit('/').next().unwrap_or(location);
        let name = names.take(attachment_name(file));
        let outcome = crate::extract_part(&name, &bytes, budget);
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

/// Writes the text: the plain version when it says as much as the other, else the HTML version. What could not be told
/// as text, because the mail ends within it, belongs to it.
fn write_body(
    message: &Message<'_>,
    writer: &mut Writer<'_>,
    budget: &Budget<'_>,
) -> Result<(), ExtractError> {
    let cut = || message.attachments().filter(|part| content::is_cut_text(part));
    let plain: Vec<&MessagePart<'_>> =
        message.text_bodies().chain(cut().filter(|part| !content::is_html(part))).collect();
    let rich: Vec<&MessagePart<'_>> =
        message.html_bodies().chain(cut().filter(|part| content::is_html(part))).collect();
    let plain_bytes: usize =
        plain.iter().filter(|part| !content::is_html(part)).map(|part| text_bytes(part)).sum();
    let rich_bytes: usize =
        rich.iter().filter(|part| content::is_html(part)).map(|part| text_bytes(part)).sum();
    let use_plain = plain_bytes > 0 && plain_bytes * 100 >= rich_bytes * PLAIN_PERCENT;
    let parts = if use_plain { plain } else { rich };
    for part in parts {
        let text = content::text(message, part);
        if content::is_html(part) {
            html::write_fragment(&text, &Place::default(), writer, budget)?;
        } else {
            write_plain(&text, writer)?;
        }
    }
    Ok(())
}

/// How much text a part holds, about.
fn text_bytes(part: &MessagePart<'_>) -> usize {
    part.text_contents().map_or(0, |text| text.trim().len())
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
        let inline = matches!(part.body, PartType::InlineBinary(_)) || part.content_id().is_some();
        if is_image(part) && inline && part.contents().len() < DECORATION_BYTES {
            decorations += 1;
            continue;
        }
        if is_signature(part) || content::is_cut_text(part) {
            continue;
        }
        let given = content::name(message, part).map_or_else(|| name_by_kind(part), Cow::into_owned);
        found.push((names.take(attachment_name(&given)), part));
    }
    if decorations > 0 {
        writer.warn(format!("{decorations} small pictures in the text were left out"));
    }
    found
}

fn is_image(part: &MessagePart<'_>) -> bool {
    part.content_type().is_some_and(|kind| kind.ctype().eq_ignore_ascii_case("image"))
}

/// Whether a part is a detached signature: it proves something and says nothing.
fn is_signature(part: &MessagePart<'_>) -> bool {
    matches!(
        subtype(part).as_str(),
        "pkcs7-signature" | "x-pkcs7-signature" | "pgp-signature" | "pgp-encrypted"
    )
}

fn subtype(part: &MessagePart<'_>) -> String {
    part.content_type().and_then(|kind| kind.subtype()).unwrap_or_default().to_ascii_lowercase()
}

/// The name of an attachment that was given none.
fn name_by_kind(part: &MessagePart<'_>) -> String {
    let subtype = subtype(part);
    match &part.body {
        PartType::Message(message) => format!("{}.eml", message.subject().unwrap_or("message")),
        PartType::Html(_) => "attachment.html".to_owned(),
        PartType::Text(_) => match subtype.as_str() {
            "calendar" => "invitation.ics".to_owned(),
            "csv" => "attachment.csv".to_owned(),
            "vcard" | "x-vcard" => "attachment.vcf".to_owned(),
            _ => "attachment.txt".to_owned(),
        },
        _ if subtype.is_empty() => "attachment.bin".to_owned(),
        _ => format!("attachment.{subtype}"),
    }
}

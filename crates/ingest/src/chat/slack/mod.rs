//! Which conversations are in this Slack export?
//!
//! An export holds `users.json`, lists of channels (`channels.json`, `groups.json` for private ones, `dms.json` and
//! `mpims.json` for direct messages) and, for each channel, a folder with one file of messages a day. Each thread
//! becomes a document of its own; the messages of a day that belong to no thread become one. [`read_export`] takes the
//! files from wherever they are, so that a folder is read as well as a ZIP.

mod directory;
mod message;

use std::collections::{BTreeMap, BTreeSet};

use intramuros_core::document::{BlockKind, ExtractError, Extracted, Kind, Part, Place};

use self::directory::Directory;
use self::message::Message;
use crate::Budget;
use crate::archive::zip;
use crate::text::writer::{Writer, clean_line, safe_name};

/// Characters of the first message that stand in a conversation's title.
const TITLE_CHARS: usize = 80;

/// Lists of channels, of which an export has at least one.
const CHANNEL_LISTS: [&str; 4] = ["channels.json", "groups.json", "dms.json", "mpims.json"];

/// Whether files with these names (`/`-separated, relative to the export) are a Slack export: a list of users, a list
/// of channels, and messages of at least one day.
pub fn is_export<'a>(names: impl Iterator<Item = &'a str>) -> bool {
    let names: Vec<&str> = names.collect();
    let root = root(&names);
    let mut users = false;
    let mut channels = false;
    let mut days = false;
    for name in names.iter().filter_map(|name| name.strip_prefix(root)) {
        users |= name == "users.json";
        channels |= CHANNEL_LISTS.contains(&name);
        days |= day_file(name).is_some();
    }
    users && channels && days
}

/// Reads a Slack export packed as ZIP.
///
/// # Errors
/// When the ZIP or one of its lists is damaged, or a limit is reached.
pub fn extract(_name: &str, bytes: &[u8], budget: &Budget<'_>) -> Result<Extracted, ExtractError> {
    let mut archive = zip::open(bytes)?;
    let names = zip::names(&archive);
    read_export(&names, |index| zip::read(&mut archive, index, budget), budget)
}

/// Reads a Slack export whose files have these names; `read` gives the content of one by its index. Files are asked
/// for channel by channel, so that one channel is in memory at a time.
///
/// Each part is one conversation, named `CHANNEL/THREAD` (time stamp of the thread's first message) or
/// `CHANNEL/2024-03-01`, with its members as its only readers unless the channel is public ([`Directory::readers`]).
///
/// # Errors
/// When a list is damaged, a file cannot be read, or a limit is reached before anything was read.
pub fn read_export(
    names: &[String],
    mut read: impl FnMut(usize) -> Result<Vec<u8>, ExtractError>,
    budget: &Budget<'_>,
) -> Result<Extracted, ExtractError> {
    let directory = directory(names, &mut read)?;
    let plain: Vec<&str> = names.iter().map(String::as_str).collect();
    let root = root(&plain);
    let mut folders: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, name) in plain.iter().enumerate() {
        if let Some((folder, _)) = name.strip_prefix(root).and_then(day_file) {
            folders.entry(folder).or_default().push(index);
        }
    }
    let mut export = Extracted { kind: Some(Kind::Archive), ..Extracted::default() };
    for (folder, files) in folders {
        let stopped = read_channel(folder, &files, names, &directory, &mut read, budget, &mut export);
        if let Err(error) = stopped {
            if export.parts.is_empty() {
                return Err(error);
            }
            export.warnings.push(format!("stopped in the channel {folder}: {error}"));
            break;
        }
    }
    if export.parts.is_empty() {
        return Err(ExtractError::Empty("there are no messages in the export".to_owned()));
    }
    Ok(export)
}

fn directory(
    names: &[String],
    read: &mut impl FnMut(usize) -> Result<Vec<u8>, ExtractError>,
) -> Result<Directory, ExtractError> {
    let plain: Vec<&str> = names.iter().map(String::as_str).collect();
    let root = root(&plain);
    let mut directory = Directory::default();
    for list in ["users.json", "channels.json", "groups.json", "dms.json", "mpims.json"] {
        let found = plain.iter().position(|name| name.strip_prefix(root) == Some(list));
        if let Some(index) = found {
            directory.add(list, &read(index)?)?;
        }
    }
    Ok(directory)
}

/// The folder in which the export stands, with its slash; empty when it stands at the top.
fn root<'a>(names: &[&'a str]) -> &'a str {
    let users = names.iter().filter(|name| **name == "users.json" || name.ends_with("/users.json"));
    let shortest = users.min_by_key(|name| name.len());
    shortest.and_then(|name| name.strip_suffix("users.json")).unwrap_or_default()
}

/// Folder and day of a file of messages (`general/2024-03-01.json`).
fn day_file(name: &str) -> Option<(&str, &str)> {
    let (folder, file) = name.split_once('/')?;
    let day = file.strip_suffix(".json")?;
    let shape = |(index, byte): (usize, u8)| {
        if matches!(index, 4 | 7) { byte == b'-' } else { byte.is_ascii_digit() }
    };
    (day.len() == 10 && day.bytes().enumerate().all(shape) && !folder.is_empty()).then_some((folder, day))
}

/// Reads one channel's messages and adds its conversations.
fn read_channel(
    folder: &str,
    files: &[usize],
    names: &[String],
    directory: &Directory,
    read: &mut impl FnMut(usize) -> Result<Vec<u8>, ExtractError>,
    budget: &Budget<'_>,
    export: &mut Extracted,
) -> Result<(), ExtractError> {
    // By time stamp: an edited message stands twice, the later version wins.
    let mut messages: BTreeMap<String, Message> = BTreeMap::new();
    for index in files {
        let bytes = read(*index)?;
        match message::parse(&bytes, directory) {
            Ok(day) => messages.extend(day.into_iter().map(|message| (message.stamp.clone(), message))),
            Err(error) => {
                let name = names.get(*index).map_or("a file", String::as_str);
                export.warnings.push(format!("{}: {error}", safe_name(name)));
            }
        }
    }
    // A thread is one when it has a reply; its first message alone belongs to its day.
    let replied: BTreeSet<String> = messages
        .values()
        .filter_map(|message| message.thread.clone().filter(|thread| *thread != message.stamp))
        .collect();
    let mut conversations: BTreeMap<String, Vec<Message>> = BTreeMap::new();
    for (stamp, message) in messages {
        let thread = message.thread.clone().unwrap_or_else(|| stamp.clone());
        let key = if replied.contains(&thread) { thread } else { message.day() };
        conversations.entry(key).or_default().push(message);
    }
    let channel = directory.shown_name(folder);
    let readers = directory.readers(folder);
    for (key, messages) in conversations {
        budget.count_member()?;
        budget.count_text(0)?;
        let name = format!("{}/{key}", safe_name(folder).replace('/', "_"));
        match conversation(&channel, &messages, budget) {
            Err(ExtractError::Empty(_)) => {}
            outcome => export.parts.push(Part { readers: readers.clone(), ..Part::new(name, outcome) }),
        }
    }
    Ok(())
}

/// The document of one conversation: a paragraph for each message, with its author and time.
fn conversation(channel: &str, messages: &[Message], budget: &Budget<'_>) -> Result<Extracted, ExtractError> {
    let mut writer = Writer::new(Kind::Chat, &budget.deeper()?);
    if let Some(first) = messages.iter().find(|message| !message.text.trim().is_empty()) {
        let words = clean_line(&first.text);
        let end = words.char_indices().nth(TITLE_CHARS).map_or(words.len(), |(end, _)| end);
        let cut = words.get(..end).unwrap_or_default();
        let cut = if end < words.len() {
            // A title ends with a whole word.
            format!("{}…", cut.rsplit_once(' ').map_or(cut, |(whole, _)| whole))
        } else {
            cut.to_owned()
        };
        writer.title(&format!("{channel}: {cut}"));
        writer.author(&first.author);
        writer.document().written_ms = Some(first.time_ms);
    }
    for message in messages {
        let time = message.shown_time();
        let text = format!("{} ({time}): {}", message.author, message.text);
        let place = Place { section: Some(format!("{}, {time}", message.author)), ..Place::default() };
        if !message.text.trim().is_empty() {
            writer.lines(BlockKind::Paragraph, &text, place)?;
        }
    }
    writer.finish()
}

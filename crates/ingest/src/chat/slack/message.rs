//! What does a message of a Slack export say, and who said it when?

use serde_json::Value;

use super::directory::Directory;
use crate::text::date;

/// Notices of the program that say nothing by themselves.
const NOTICES: [&str; 16] = [
    "channel_join",
    "channel_leave",
    "channel_archive",
    "channel_unarchive",
    "channel_name",
    "channel_convert_to_private",
    "group_join",
    "group_leave",
    "group_archive",
    "group_unarchive",
    "group_name",
    "pinned_item",
    "bot_add",
    "bot_remove",
    "reminder_add",
    "tombstone",
];

/// Nesting of a message's blocks that is followed. Real ones have about five levels.
const BLOCK_DEPTH: u32 = 16;

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Time stamp, which identifies it in its channel.
    pub stamp: String,
    /// Time stamp of the first message of its thread.
    pub thread: Option<String>,
    pub author: String,
    pub text: String,
    pub time_ms: i64,
    pub edited: bool,
}

impl Message {
    /// The day on which it was written, UTC.
    pub fn day(&self) -> String {
        date::show_day(self.time_ms)
    }

    /// When it was written, for people: `2024-03-01 10:32`, and whether it was changed later.
    pub fn shown_time(&self) -> String {
        let edited = if self.edited { ", edited" } else { "" };
        format!("{}{edited}", date::show(self.time_ms))
    }
}

/// Reads the messages of one day, without notices and deleted messages.
///
/// # Errors
/// What is wrong with the file.
pub fn parse(bytes: &[u8], directory: &Directory) -> Result<Vec<Message>, String> {
    let values: Vec<Value> =
        serde_json::from_slice(bytes).map_err(|error| format!("not valid JSON ({error})"))?;
    Ok(values.iter().filter_map(|value| message(value, directory)).collect())
}

fn text<'v>(value: &'v Value, path: &str) -> Option<&'v str> {
    value.pointer(path).and_then(Value::as_str).filter(|text| !text.trim().is_empty())
}

fn message(value: &Value, directory: &Directory) -> Option<Message> {
    let subtype = text(value, "/subtype").unwrap_or_default();
    if NOTICES.contains(&subtype)
        || subtype == "message_deleted"
        || value.get("hidden") == Some(&Value::Bool(true))
    {
        return None;
    }
    // A change holds the message as it became.
    let (value, changed) = match value.get("message") {
        Some(inner) if subtype == "message_changed" => (inner, true),
        _ => (value, false),
    };
    let stamp = text(value, "/ts")?;
    let seconds: f64 = stamp.parse().ok().filter(|seconds: &f64| seconds.is_finite() && *seconds >= 0.0)?;
    Some(Message {
        stamp: stamp.to_owned(),
        thread: text(value, "/thread_ts").map(str::to_owned),
        author: author(value, directory),
        text: whole_text(value, directory),
        time_ms: (seconds * 1000.0) as i64,
        edited: changed || value.get("edited").is_some(),
    })
}

fn author(value: &Value, directory: &Directory) -> String {
    if let Some(person) = text(value, "/user").and_then(|id| directory.people.get(id)) {
        return person.name.clone();
    }
    // People of other organisations and programs are not in the list of users; their messages carry their names.
    [
        "/user_profile/display_name",
        "/user_profile/real_name",
        "/username",
        "/bot_profile/name",
        "/user",
        "/bot_id",
    ]
    .iter()
    .find_map(|path| text(value, path))
    .unwrap_or("unknown")
    .to_owned()
}

/// The text with everything that is shown below it: quoted pages and the names of files.
fn whole_text(value: &Value, directory: &Directory) -> String {
    let mut all = readable(text(value, "/text").unwrap_or_default(), directory);
    let mut add = |line: &str| {
        if !line.trim().is_empty() && !all.contains(line) {
            if !all.is_empty() {
                all.push('\n');
            }
            all.push_str(line);
        }
    };
    if text(value, "/text").is_none() {
        let mut pieces = String::new();
        block_text(value.get("blocks"), directory, BLOCK_DEPTH, &mut pieces);
        add(&pieces);
    }
    for attachment in value.get("attachments").and_then(Value::as_array).into_iter().flatten() {
        let mut any = false;
        for path in ["/pretext", "/title", "/text"] {
            if let Some(text) = text(attachment, path) {
                add(&readable(text, directory));
                any = true;
            }
        }
        for field in attachment.get("fields").and_then(Value::as_array).into_iter().flatten() {
            let (title, value) =
                (text(field, "/title").unwrap_or_default(), text(field, "/value").unwrap_or_default());
            add(&readable(&format!("{title}: {value}"), directory));
            any = true;
        }
        if let Some(fallback) = text(attachment, "/fallback").filter(|_| !any) {
            add(&readable(fallback, directory));
        }
    }
    for file in value.get("files").and_then(Value::as_array).into_iter().flatten() {
        let name = text(file, "/title").or_else(|| text(file, "/name"));
        if let Some(name) = name {
            add(&format!("[{name}]"));
        }
        if let Some(preview) = text(file, "/plain_text").or_else(|| text(file, "/preview_plain_text")) {
            add(preview);
        }
    }
    all
}

/// The text inside blocks, for messages that have no other.
fn block_text(value: Option<&Value>, directory: &Directory, depth: u32, out: &mut String) {
    let Some(value) = value.filter(|_| depth > 0) else { return };
    match value {
        Value::Array(values) => {
            for value in values {
                block_text(Some(value), directory, depth - 1, out);
            }
        }
        Value::Object(fields) => {
            match (fields.get("type").and_then(Value::as_str).unwrap_or_default(), fields.get("user_id")) {
                ("user", Some(Value::String(id))) => out.push_str(&format!("@{}", directory.person(id))),
                ("channel", _) => {
                    let id = fields.get("channel_id").and_then(Value::as_str).unwrap_or_default();
                    out.push_str(&directory.shown_name(id));
                }
                (kind, _) => {
                    match fields.get("text") {
                        Some(Value::String(text)) => out.push_str(&readable(text, directory)),
                        inner => block_text(inner, directory, depth - 1, out),
                    }
                    for name in ["elements", "fields"] {
                        block_text(fields.get(name), directory, depth - 1, out);
                    }
                    if matches!(kind, "rich_text_section" | "section" | "header" | "context") {
                        out.push('\n');
                    }
                }
            }
        }
        _ => {}
    }
}

/// Slack's markup as readers see it: people and channels by name, links as their text with their target, entities as
/// characters.
fn readable(text: &str, directory: &Directory) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('<') {
        out.push_str(rest.get(..start).unwrap_or_default());
        let after = rest.get(start + 1..).unwrap_or_default();
        let Some(end) = after.find('>') else {
            out.push_str(rest.get(start..).unwrap_or_default());
            rest = "";
            break;
        };
        reference(after.get(..end).unwrap_or_default(), directory, &mut out);
        rest = after.get(end + 1..).unwrap_or_default();
    }
    out.push_str(rest);
    out.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// What stands between `<` and `>`.
fn reference(inner: &str, directory: &Directory, out: &mut String) {
    let (target, shown) = inner.split_once('|').map_or((inner, ""), |(target, shown)| (target, shown));
    if let Some(id) = target.strip_prefix('@') {
        let name = match directory.people.get(id) {
            Some(person) => &person.name,
            None if shown.is_empty() => id,
            None => shown,
        };
        out.push('@');
        out.push_str(name);
    } else if let Some(id) = target.strip_prefix('#') {
        let name = directory.channels.get(id).map(|channel| channel.name.as_str());
        out.push('#');
        out.push_str(name.unwrap_or(if shown.is_empty() { id } else { shown }));
    } else if let Some(command) = target.strip_prefix('!') {
        // `<!here>`, `<!subteam^S1|@team>`, `<!date^1392734382^{date}|18 February>`.
        if shown.is_empty() {
            out.push('@');
            out.push_str(command.split('^').next().unwrap_or_default());
        } else {
            out.push_str(shown);
        }
    } else {
        let bare = target.strip_prefix("mailto:").or_else(|| target.strip_prefix("tel:")).unwrap_or(target);
        if shown.is_empty() || shown == bare || target.ends_with(&format!("//{shown}")) {
            out.push_str(bare);
        } else {
            out.push_str(shown);
            out.push_str(" (");
            out.push_str(bare);
            out.push(')');
        }
    }
}

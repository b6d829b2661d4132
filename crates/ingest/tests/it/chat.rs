//! Is a Slack export read as conversations, with people, channels and times as readers know them?

use std::io::{Cursor, Write};

use intramuros_core::document::{Extracted, Limits};
use intramuros_ingest::Budget;
use intramuros_ingest::budget::Spent;
use intramuros_ingest::chat::slack::{self, Access};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::show::{blocks, read};

const FILES: [(&str, &str); 7] = [
    (
        "users.json",
        r#"[{"id":"U1","name":"anne","profile":{"display_name":"Anne","email":"anne@example.org"}},
            {"id":"U2","name":"bob","profile":{"display_name":"","real_name":"Bob Martin"}}]"#,
    ),
    ("channels.json", r#"[{"id":"C1","name":"general","members":["U1","U2"]}]"#),
    ("groups.json", r#"[{"id":"G1","name":"direction","members":["U1"]}]"#),
    ("dms.json", r#"[{"id":"D1","members":["U1","U2"]}]"#),
    (
        "general/2024-03-01.json",
        r#"[{"type":"message","subtype":"channel_join","user":"U2","text":"joined","ts":"1709280000.000100"},
            {"type":"message","user":"U1","text":"Who handles <https://example.org/t/1|ticket 1> &amp; <@U2>?\nSee <#C1>.",
             "ts":"1709285520.000200","thread_ts":"1709285520.000200","reply_count":1},
            {"type":"message","user":"U1","text":"Lunch?","ts":"1709290000.000300"},
            {"type":"message","subtype":"bot_message","username":"CI","text":"","ts":"1709290060.000000",
             "attachments":[{"title":"Build 7","text":"failed","fallback":"x"}]}]"#,
    ),
    (
        "general/2024-03-02.json",
        r#"[{"type":"message","user":"U2","text":"I do.","ts":"1709371920.000400","thread_ts":"1709285520.000200",
             "edited":{"user":"U2","ts":"1709371930.0"},"files":[{"name":"plan.pdf","title":"Le plan"}]},
            {"type":"message","subtype":"tombstone","text":"deleted","ts":"1709371999.000000"}]"#,
    ),
    ("D1/2024-03-01.json", r#"[{"type":"message","user":"U1","text":"Secret","ts":"1709285520.000200"}]"#),
];

fn export() -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in FILES {
        writer.start_file(name, SimpleFileOptions::default()).unwrap();
        writer.write_all(content.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn check(extracted: &Extracted) {
    let names: Vec<&str> = extracted.parts.iter().map(|part| part.name.as_str()).collect();
    assert_eq!(names, ["D1/2024-03-01", "general/1709285520.000200", "general/2024-03-01"]);
    let part = |index: usize| extracted.parts[index].outcome.as_ref().unwrap();
    assert_eq!(part(0).title.as_deref(), Some("Anne, Bob Martin: Secret"));
    assert_eq!(
        part(1).title.as_deref(),
        Some("#general: Who handles ticket 1 (https://example.org/t/1) & @Bob Martin? See #general.")
    );
    assert_eq!(part(1).author.as_deref(), Some("Anne"));
    assert_eq!(
        blocks(part(1)),
        "p[Anne, 2024-03-01 09:32] Anne (2024-03-01 09:32): Who handles ticket 1 (https://example.org/t/1) & @Bob \
         Martin?⏎See #general.\n\
         p[Bob Martin, 2024-03-02 09:32, edited] Bob Martin (2024-03-02 09:32, edited): I do.⏎[Le plan]"
    );
    assert_eq!(
        blocks(part(2)),
        "p[Anne, 2024-03-01 10:46] Anne (2024-03-01 10:46): Lunch?\n\
         p[CI, 2024-03-01 10:47] CI (2024-03-01 10:47): Build 7⏎failed"
    );
}

#[test]
fn a_packed_export_gives_one_conversation_for_each_thread_and_day() {
    check(&read("export.zip", &export()).unwrap());
}

#[test]
fn a_folder_is_read_as_well() {
    let names: Vec<String> = FILES.iter().map(|(name, _)| format!("My export/{name}")).collect();
    assert!(slack::is_export(names.iter().map(String::as_str)));
    assert!(!slack::is_export(["users.json", "channels.json", "notes.txt"].into_iter()));
    let (limits, spent) = (Limits::default(), Spent::default());
    let budget = Budget::new(&limits, &spent);
    check(&slack::read_export(&names, |index| Ok(FILES[index].1.as_bytes().to_vec()), &budget).unwrap());
}

#[test]
fn members_of_channels_are_told_for_access_rules() {
    let names: Vec<String> = FILES.iter().map(|(name, _)| (*name).to_owned()).collect();
    let directory = slack::channel_members(&names, |index| Ok(FILES[index].1.as_bytes().to_vec())).unwrap();
    let rules: Vec<(&str, Access, &[String])> = directory
        .channels
        .values()
        .map(|channel| (channel.folder.as_str(), channel.access, channel.members.as_slice()))
        .collect();
    let (anne, both) = (["U1".to_owned()], ["U1".to_owned(), "U2".to_owned()]);
    assert_eq!(
        rules,
        [
            ("general", Access::Everyone, both.as_slice()),
            ("D1", Access::Direct, both.as_slice()),
            ("direction", Access::Members, anne.as_slice()),
        ]
    );
    assert_eq!(directory.people["U1"].email.as_deref(), Some("anne@example.org"));
    let json = serde_json::to_string(&directory).unwrap();
    assert_eq!(serde_json::from_str::<slack::Directory>(&json).unwrap(), directory);
}

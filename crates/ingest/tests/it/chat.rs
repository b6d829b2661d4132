//! Is a Slack export read as conversations, with people, channels and times as readers know them?

use std::collections::BTreeSet;
use std::io::{Cursor, Write};

use intramuros_core::document::{Extracted, Limits};
use intramuros_ingest::Budget;
use intramuros_ingest::budget::Spent;
use intramuros_ingest::chat::slack;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::show::{blocks, read};

/// A small export.
pub const FILES: [(&str, &str); 7] = [
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

/// Who may read the conversations of each channel, by the export's lists.
fn readers(lists: &[(&str, &str)]) -> Vec<String> {
    let users = r#"[{"id":"U1","profile":{"email":" Anne@Example.org "}},{"id":"U2","profile":{"email":"bob@example.org"}},
        {"id":"U3","profile":{}},{"id":"U4","deleted":true,"profile":{"email":"gone@example.org"}}]"#;
    let day = r#"[{"type":"message","user":"U1","text":"Bonjour","ts":"1709285520.000200"}]"#;
    let mut files = vec![("users.json", users)];
    files.extend(lists);
    files.extend(["a/2024-03-01.json", "b/2024-03-01.json"].map(|name| (name, day)));
    let names: Vec<String> = files.iter().map(|(name, _)| (*name).to_owned()).collect();
    let (limits, spent) = (Limits::default(), Spent::default());
    let budget = Budget::new(&limits, &spent);
    let read = slack::read_export(&names, |index| Ok(files[index].1.as_bytes().to_vec()), &budget).unwrap();
    let shown = |readers: &BTreeSet<String>| readers.iter().cloned().collect::<Vec<_>>().join(",");
    read.parts.iter().map(|part| part.readers.as_ref().map_or("-".to_owned(), shown)).collect()
}

#[test]
fn conversations_of_a_channel_that_is_not_public_are_for_its_members() {
    let check =
        |lists: &[(&str, &str)], expected: [&str; 2]| assert_eq!(readers(lists), expected, "{lists:?}");
    let public = ("channels.json", r#"[{"id":"C1","name":"a","members":["U1"]}]"#);
    let both = "anne@example.org,bob@example.org";
    check(
        &[public, ("groups.json", r#"[{"id":"G1","name":"b","members":["U1","U2","U3","U4"]}]"#)],
        ["-", both],
    );
    check(
        &[public, ("mpims.json", r#"[{"id":"G1","name":"b","members":["U2","U9"]}]"#)],
        ["-", "bob@example.org"],
    );
    check(&[public, ("dms.json", r#"[{"id":"b","members":["U1","U3"]}]"#)], ["-", "anne@example.org"]);
    // Nobody is known, nobody is in any list, the channel is in no list.
    check(&[public, ("groups.json", r#"[{"id":"G1","name":"b","members":["U3"]}]"#)], ["-", ""]);
    check(&[public, ("groups.json", r#"[{"id":"G1","name":"b"}]"#)], ["-", ""]);
    check(&[public], ["-", ""]);
    // One list for all, and a name that two channels have.
    check(
        &[(
            "channels.json",
            r#"[{"id":"a","is_mpim":true,"members":["U1"]},
            {"id":"G1","name":"b","is_private":true,"members":["U2"]}]"#,
        )],
        ["anne@example.org", "bob@example.org"],
    );
    check(
        &[
            ("channels.json", r#"[{"id":"C1","name":"a"},{"id":"C2","name":"b"}]"#),
            (
                "groups.json",
                r#"[{"id":"G1","name":"b","members":["U1","U2"]},{"id":"G2","name":"b","members":["U2"]}]"#,
            ),
        ],
        ["-", "bob@example.org"],
    );
}

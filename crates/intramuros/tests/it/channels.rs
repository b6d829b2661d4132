//! Are the channels of a Slack export, packed or not, read by their members alone?

use std::io::{Cursor, Write};

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::support::House;

/// The files of an export in which these people (`U1`, `U2`) are in the private channel.
fn export(members: &str) -> Vec<(&'static str, String)> {
    let person = |number: u8, name: &str| {
        format!(
            r#"{{"id":"U{number}","name":"{name}","profile":{{"display_name":"{name}","email":"{name}@x.fr"}}}}"#
        )
    };
    let message = |text: &str| {
        format!(r#"[{{"type":"message","user":"U1","text":"{text}","ts":"1709285520.000200"}}]"#)
    };
    vec![
        ("users.json", format!("[{},{},{}]", person(1, "anne"), person(2, "bruno"), person(3, "carla"))),
        ("channels.json", r#"[{"id":"C1","name":"general","members":["U1","U2","U3"]}]"#.to_owned()),
        ("groups.json", format!(r#"[{{"id":"G1","name":"direction","members":[{members}]}}]"#)),
        ("mpims.json", r#"[{"id":"G2","name":"mpdm-anne--carla-1","members":["U1","U3"]}]"#.to_owned()),
        ("dms.json", r#"[{"id":"D1","members":["U1","U2"]}]"#.to_owned()),
        ("general/2024-03-01.json", message("Le budget est voté")),
        ("direction/2024-03-01.json", message("Le budget baisse")),
        ("mpdm-anne--carla-1/2024-03-01.json", message("Le budget nous inquiète")),
        ("D1/2024-03-01.json", message("Le budget sera coupé")),
        ("oublie/2024-03-01.json", message("Le budget de personne")),
    ]
}

fn packed(files: &[(&str, String)]) -> Vec<u8> {
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        writer.start_file(*name, options).unwrap();
        writer.write_all(content.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// Which of the conversations somebody finds, by their channels.
fn found(house: &House, who: &str) -> Vec<&'static str> {
    // That nothing is found is no success.
    let (said, _) = house.run(&["search", "--json", "--limit", "20", "--as", who, "budget"]);
    assert!(said.contains("\"total\""), "{said}");
    let channels = ["general", "direction", "mpdm-anne--carla-1", "D1", "oublie"];
    channels.into_iter().filter(|channel| said.contains(&format!("{channel}/2024-03-01"))).collect()
}

/// Puts these files of an export in the place of the earlier ones.
type Put<'a> = &'a dyn Fn(&[(&'static str, String)]);

fn follow(house: &House, put: Put<'_>) {
    house.declare("[[access]]\npath = '**'\ngroups = ['staff']\n");
    let check = |who: &str, expected: &[&str]| assert_eq!(found(house, who), expected, "{who}");
    let read = || {
        let (said, good) = house.run(&["ingest", "--words-only"]);
        assert!(good, "{said}");
    };
    put(&export(r#""U1","U2""#));
    read();
    check("anne@x.fr,staff", &["general", "direction", "mpdm-anne--carla-1", "D1"]);
    check("bruno@x.fr,staff", &["general", "direction", "D1"]);
    check("carla@x.fr,staff", &["general", "mpdm-anne--carla-1"]);
    check("denis@x.fr,staff", &["general"]);
    check("anne@x.fr", &[]);
    // The next export: Bruno left the channel and Carla joined it.
    put(&export(r#""U1","U3""#));
    read();
    check("bruno@x.fr,staff", &["general", "D1"]);
    check("carla@x.fr,staff", &["general", "direction", "mpdm-anne--carla-1"]);
    let (said, _) = house.run(&["search", "--json", "--limit", "20", "budget"]);
    assert!(said.contains("oublie/2024-03-01"), "the owner reads what nobody is known to read: {said}");
}

#[test]
fn an_unpacked_export_is_read_channel_by_channel() {
    let house = House::new(&[]);
    follow(&house, &|files| files.iter().for_each(|(name, text)| house.put(&format!("slack/{name}"), text)));
}

#[test]
fn a_packed_export_is_read_channel_by_channel() {
    let house = House::new(&[]);
    let path = house.path().join("documents/slack.zip");
    follow(&house, &|files| std::fs::write(&path, packed(files)).unwrap());
}

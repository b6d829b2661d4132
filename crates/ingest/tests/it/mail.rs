//! Are mails read right: people, dates, the better version of the text, attachments, messages inside messages?

use std::io::{Cursor, Write};

use intramuros_ingest::text::date;

use crate::show::{blocks, check, parts, read};

const MAIL: &str = "From: =?utf-8?Q?Ren=C3=A9e?= <renee@example.org>\r\nTo: Bob <bob@example.org>, c@example.org\r\n\
    Cc: Team: d@example.org;\r\nSubject: =?iso-8859-1?Q?Cong=E9s?= 2024\r\nDate: Fri, 1 Mar 2024 10:32:00 +0100\r\n\
    MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; \
    charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nBonjour,\r\n\r\nvoici la note.\r\n\r\n> cité\r\n--b\r\n\
    Content-Type: text/plain; name=note.txt\r\nContent-Disposition: attachment; filename=\"../note.txt\"\r\n\r\nLa note.\r\n\
    --b\r\nContent-Type: message/rfc822\r\n\r\nFrom: x@example.org\r\nSubject: Dedans\r\n\r\nTexte dedans.\r\n--b--\r\n";

#[test]
fn a_mail_gives_its_headers_its_text_and_its_attachments() {
    check(
        "a.eml",
        MAIL,
        &[
            "field Subject: Congés 2024",
            "field From: Renée <renee@example.org>",
            "field To: Bob <bob@example.org>, c@example.org",
            "field Cc: d@example.org",
            "field Date: 2024-03-01 10:32 +0100",
            "field Attachment: .._note.txt",
            "field Attachment: Dedans.eml",
            "p Bonjour,",
            "p voici la note.",
            "p > cité",
        ],
    );
    let mail = read("a.eml", MAIL.as_bytes()).unwrap();
    assert_eq!(mail.title.as_deref(), Some("Congés 2024"));
    assert_eq!(mail.author.as_deref(), Some("Renée <renee@example.org>"));
    assert_eq!(mail.written_ms.map(date::show).as_deref(), Some("2024-03-01 09:32"));
    assert_eq!(
        parts(&mail),
        ".._note.txt: La note.\nDedans.eml: Subject: Dedans From: x@example.org Texte dedans."
    );
}

#[test]
fn html_is_read_when_the_plain_version_says_nothing() {
    let html = "<p>Le <b>vrai</b> texte.</p>".repeat(40);
    let mail = format!(
        "From: a@example.org\nContent-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/plain\n\n-\n\
         --b\nContent-Type: text/html\n\n{html}\n--b--\n"
    );
    let extracted = read("a.eml", mail.as_bytes()).unwrap();
    assert!(blocks(&extracted).ends_with("p Le vrai texte."), "{}", blocks(&extracted));
    let only = "From: a@example.org\nContent-Type: text/html; charset=iso-8859-1\nContent-Transfer-Encoding: \
                quoted-printable\n\n<p>=E9t=E9</p><p style=3D\"display:none\">pixel</p>";
    check("b.eml", only, &["field From: a@example.org", "p été"]);
}

#[test]
fn an_encrypted_mail_says_so() {
    let mail = "From: a@example.org\nSubject: Secret\nContent-Type: multipart/encrypted; boundary=b\n\n--b\n\
                Content-Type: application/pgp-encrypted\n\nVersion: 1\n--b--\n";
    let extracted = read("a.eml", mail.as_bytes()).unwrap();
    assert_eq!(extracted.warnings, ["the text of this mail is encrypted; only its headers were read"]);
    assert!(blocks(&extracted).contains("field Subject: Secret"));
}

#[test]
fn a_mailbox_gives_one_part_for_each_message() {
    let mailbox = "From a@example.org Fri Mar  1 10:32:00 2024\nFrom: a@example.org\nSubject: un\n\nTexte.\n\
                   >From cité\nFrom now on this is text.\n\nFrom the start this too, at last.\n\n\
                   From b@example.org Sat Mar  2 10:32:00 2024\nFrom: b@example.org\nSubject: deux\n\nFin.\n";
    let extracted = read("a.mbox", mailbox.as_bytes()).unwrap();
    assert_eq!(
        parts(&extracted),
        "00001.eml: Subject: un From: a@example.org Texte. From cité From now on this is text. From the start this \
         too, at last.\n00002.eml: Subject: deux From: b@example.org Fin."
    );
}

/// Builds an Outlook message from streams.
fn outlook(streams: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut file = cfb::CompoundFile::create(Cursor::new(Vec::new())).unwrap();
    for (path, content) in streams {
        if let Some((storage, _)) = path.rsplit_once('/').filter(|(storage, _)| !storage.is_empty()) {
            file.create_storage_all(storage).unwrap();
        }
        file.create_stream(path).unwrap().write_all(content).unwrap();
    }
    file.into_inner().into_inner()
}

/// Text of two bytes a character.
pub fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// A table of properties: `header` bytes, then each property's tag and value.
pub fn table(header: usize, entries: &[(u32, u64)]) -> Vec<u8> {
    let mut bytes = vec![0; header];
    for (tag, value) in entries {
        bytes.extend(tag.to_le_bytes());
        bytes.extend(6u32.to_le_bytes());
        bytes.extend(value.to_le_bytes());
    }
    bytes
}

#[test]
fn an_outlook_message_gives_people_text_and_attachments() {
    // 2024-03-01 09:32 UTC in tenths of microseconds since 1601.
    let sent = (date::parse_iso("2024-03-01T09:32:00").unwrap() + 11_644_473_600_000) as u64 * 10_000;
    let message = outlook(&[
        ("/__properties_version1.0", table(32, &[(0x0039_0040, sent), (0x3FFD_0003, 1252)])),
        ("/__substg1.0_0037001F", wide("Congés")),
        ("/__substg1.0_0C1A001F", wide("Renée")),
        ("/__substg1.0_5D01001F", wide("renee@example.org")),
        ("/__substg1.0_1000001E", b"R\xE9ponse\r\n\r\nFin".to_vec()),
        ("/__recip_version1.0_#00000000/__properties_version1.0", table(8, &[(0x0C15_0003, 2)])),
        ("/__recip_version1.0_#00000000/__substg1.0_3001001F", wide("Bob")),
        ("/__recip_version1.0_#00000000/__substg1.0_39FE001F", wide("bob@example.org")),
        ("/__attach_version1.0_#00000000/__properties_version1.0", table(8, &[])),
        ("/__attach_version1.0_#00000000/__substg1.0_3707001F", wide("note.txt")),
        ("/__attach_version1.0_#00000000/__substg1.0_37010102", b"La note.".to_vec()),
        ("/__attach_version1.0_#00000001/__properties_version1.0", table(8, &[])),
        ("/__attach_version1.0_#00000001/__substg1.0_3001001F", wide("Dedans")),
        ("/__attach_version1.0_#00000001/__substg1.0_3701000D/__properties_version1.0", table(24, &[])),
        ("/__attach_version1.0_#00000001/__substg1.0_3701000D/__substg1.0_1000001F", wide("Texte dedans.")),
    ]);
    check(
        "a.msg",
        &message,
        &[
            "field Subject: Congés",
            "field From: Renée <renee@example.org>",
            "field Cc: Bob <bob@example.org>",
            "field Date: 2024-03-01 09:32 UTC",
            "field Attachment: note.txt",
            "field Attachment: Dedans.msg",
            "p Réponse",
            "p Fin",
        ],
    );
    let extracted = read("a.msg", &message).unwrap();
    assert_eq!(parts(&extracted), "note.txt: La note.\nDedans.msg: Texte dedans.");
}

#[test]
fn an_outlook_message_in_packed_rtf_is_unpacked() {
    // The example of [MS-OXRTFCP] 4.1.1: "{\rtf1\ansi\ansicpg1252\pard hello world}\r\n".
    let packed =
        b"\x2d\x00\x00\x00\x2b\x00\x00\x00\x4c\x5a\x46\x75\xf1\xc5\xc7\xa7\x03\x00\x0a\x00\x72\x63\x70\x67\
        \x31\x32\x35\x42\x32\x0a\xf3\x20\x68\x65\x6c\x09\x00\x20\x62\x77\x05\xb0\x6c\x64\x7d\x0a\x80\x0f\xa0";
    let message = outlook(&[
        ("/__properties_version1.0", table(32, &[])),
        ("/__substg1.0_0037001F", wide("Hello")),
        ("/__substg1.0_10090102", packed.to_vec()),
    ]);
    check("a.msg", message, &["field Subject: Hello", "p hello world"]);
}

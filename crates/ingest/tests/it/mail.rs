//! Are mails read right: people, dates, the better version of the text, attachments, messages inside messages?

use std::io::{Cursor, Write};

use intramuros_ingest::text::date;

use crate::archive::zipped;
use crate::office_inside::dropped;
use crate::show::{blocks, check, check_refused, parts, read};

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

#[test]
fn an_outlook_message_with_more_in_its_table_than_in_the_file_is_read() {
    let mut bytes = outlook(&[
        ("/__properties_version1.0", table(32, &[])),
        ("/__substg1.0_0037001F", wide("Hello")),
        ("/__substg1.0_1000001F", wide("Le texte.")),
    ]);
    let number = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    // The first part of the table of sectors, and its entries that no sector of the file stands behind.
    let sector = 1 << (number(0x1e) & 0xffff);
    let start = (number(0x4c) + 1) * sector;
    let unused = start + 4 * bytes.len().div_ceil(sector);
    for entry in bytes[unused..start + sector].chunks_exact_mut(4) {
        entry.copy_from_slice(&[0xfe, 0xff, 0xff, 0xff]);
    }
    assert!(cfb::CompoundFile::open(Cursor::new(&bytes)).is_err());
    check("a.msg", bytes, &["field Subject: Hello", "p Le texte."]);
}

#[test]
fn an_outlook_message_that_is_cut_off_keeps_what_is_there() {
    let bytes = outlook(&[
        ("/__properties_version1.0", table(32, &[])),
        ("/__substg1.0_0037001F", wide("Hello")),
        ("/__recip_version1.0_#00000000/__properties_version1.0", table(8, &[])),
        ("/__attach_version1.0_#00000000/__properties_version1.0", table(8, &[])),
        ("/__attach_version1.0_#00000000/__substg1.0_3707001F", wide("note.txt")),
        ("/__attach_version1.0_#00000000/__substg1.0_37010102", vec![b'a'; 60_000]),
    ]);
    let whole = read("a.msg", &bytes).unwrap();
    assert!(whole.parts[0].outcome.is_ok(), "{}", parts(&whole));
    let cut = read("a.msg", &bytes[..bytes.len() - 30_000]).unwrap();
    // Recipients without a name and an address are none.
    assert_eq!(blocks(&cut), "field Subject: Hello\nfield Attachment: note.txt");
    assert_eq!(parts(&cut), "note.txt! corrupt");
}

#[test]
fn an_object_of_another_program_in_an_outlook_message_is_read() {
    let attached = |name: &str| format!("/__attach_version1.0_#00000000/{name}");
    let object = attached("__substg1.0_3701000D/\u{1}Ole10Native");
    let message = outlook(&[
        ("/__properties_version1.0", table(32, &[])),
        ("/__substg1.0_0037001F", wide("Hello")),
        (attached("__properties_version1.0").as_str(), table(8, &[])),
        (attached("__substg1.0_3001001F").as_str(), wide("Note")),
        (object.as_str(), dropped("note.txt", b"La note.")),
    ]);
    assert_eq!(parts(&read("a.msg", &message).unwrap()), "Note: La note.");
}

#[test]
fn a_text_that_winmail_dat_repeats_is_read_once() {
    let attribute = |level: u8, number: u32, value: &[u8]| {
        let length = u32::try_from(value.len()).unwrap();
        [&[level][..], &number.to_le_bytes(), &length.to_le_bytes(), value, b"\0\0"].concat()
    };
    let mail = |text: &str| {
        let package = [
            &b"\x78\x9f\x3e\x22\x01\0"[..],
            &attribute(1, 0x0002_800C, "Bonjour à tous,\r\nà demain.\0".as_bytes()),
            &attribute(2, 0x0006_9002, &[0; 14]),
            &attribute(2, 0x0001_8010, b"note.txt\0"),
            &attribute(2, 0x0006_800F, b"La note."),
        ]
        .concat();
        let packed: String = package.iter().map(|byte| format!("={byte:02X}")).collect();
        let mail = format!(
            "From: a@example.org\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\
             Content-Type: text/plain; charset=utf-8\n\n{text}\n--b\nContent-Type: application/ms-tnef; \
             name=winmail.dat\nContent-Disposition: attachment; filename=winmail.dat\n\
             Content-Transfer-Encoding: quoted-printable\n\n{packed}\n--b--\n"
        );
        let mail = read("a.eml", mail.as_bytes()).unwrap();
        assert!(blocks(&mail).contains("\np Bonjour"), "{}", blocks(&mail));
        parts(&mail)
    };
    let once = "winmail.dat: Attachment: note.txt\n  note.txt: La note.";
    assert_eq!(mail("Bonjour à\ntous, à demain."), once);
    assert_eq!(mail("Bonjour à tous,\n\nà demain.\n\nListe du conseil"), once);
    let both = "winmail.dat: Attachment: note.txt Bonjour à tous, à demain.\n  note.txt: La note.";
    assert_eq!(mail("Bonjour à toutes, à demain."), both);
}

/// Text in Windows-1252.
fn western(text: &str) -> Vec<u8> {
    text.chars()
        .map(|character| match character {
            '’' => 0x92,
            other => u8::try_from(u32::from(other)).unwrap(),
        })
        .collect()
}

#[test]
fn accents_are_read_whatever_the_mail_declares() {
    let expected = ["field Subject: t", "field From: a@example.org", "p Voilà l’été à Évian, c’est déjà ça."];
    let mail = |declared: &str, text: &[u8]| {
        let head = format!("From: a@example.org\nSubject: t\nContent-Type: text/plain{declared}\n\n");
        [head.as_bytes(), text, b"\n"].concat()
    };
    let text = "Voilà l’été à Évian, c’est déjà ça.";
    check("a.eml", mail("; charset=us-ascii", text.as_bytes()), &expected);
    check("b.eml", mail("; charset=iso-8859-1", text.as_bytes()), &expected);
    check("c.eml", mail("", text.as_bytes()), &expected);
    check("d.eml", mail("; charset=utf-8", &western(text)), &expected);
    check("e.eml", mail("", &western(text)), &expected);
    let wide: Vec<u8> =
        b"\xFF\xFE".iter().copied().chain(wide("Subject: t\nFrom: a@example.org\n\nÉté")).collect();
    check("w.eml", wide, &["field Subject: t", "field From: a@example.org", "p Été"]);
    // What two bytes mean in an encoding of several bytes is not guessed anew.
    check(
        "f.eml",
        mail("; charset=gbk", b"\xc1\xaa\xcd\xa8"),
        &["field Subject: t", "field From: a@example.org", "p 联通"],
    );
}

#[test]
fn headers_and_names_in_an_old_encoding_are_read() {
    let mail = western(
        "From: René Müller <r@example.org>\nSubject: Réunion du comité d’été\nContent-Type: multipart/mixed; \
         boundary=b\n\n--b\nContent-Type: text/plain\n\nOui.\n--b\nContent-Type: application/octet-stream\n\
         Content-Disposition: attachment; filename*0*=iso-8859-1''R%E9union; filename*1*=%20d%27%E9t%E9.txt\n\n\
         Ordre du jour\n--b\nContent-Type: text/html\nContent-Disposition: attachment; filename=a.html\n\n\
         <meta charset=iso-8859-1><p>été déjà</p>\n--b--\n",
    );
    check(
        "a.eml",
        &mail,
        &[
            "field Subject: Réunion du comité d’été",
            "field From: René Müller <r@example.org>",
            "field Attachment: Réunion d'été.txt",
            "field Attachment: a.html",
            "p Oui.",
        ],
    );
    assert_eq!(parts(&read("a.eml", &mail).unwrap()), "Réunion d'été.txt: Ordre du jour\na.html: été déjà");
}

#[test]
fn a_mail_that_ends_before_its_last_boundary_keeps_its_text() {
    let head =
        "From: a@example.org\nSubject: t\nContent-Type: multipart/alternative; boundary=\"==b\"\n\n--==b\n";
    let part = |kind: &str, text: &str| {
        format!(
            "Content-Type: text/{kind}; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n{text}\n"
        )
    };
    let expected = ["field Subject: t", "field From: a@example.org", "p Voilà le texte."];
    let plain = part("plain", "Voil=C3=A0 le texte.");
    let html = part("html", "<p>Voil=C3=A0 le=\n texte.</p>");
    check("plain.eml", format!("{head}{plain}"), &expected);
    check("html.eml", format!("{head}{html}"), &expected);
    check("both.eml", format!("{head}{plain}--==b\n{html}"), &expected);
}

#[test]
fn a_page_that_a_browser_saved_is_read_as_a_page() {
    let words = "Le plan local est soumis au conseil. ".repeat(8);
    let page = format!(
        "From: <Saved by Blink>\nSnapshot-Content-Location: https://example.org/plan\nSubject: Le plan\n\
         MIME-Version: 1.0\nContent-Type: multipart/related; type=\"text/html\"; boundary=b\n\n--b\n\
         Content-Type: text/html\nContent-Transfer-Encoding: quoted-printable\n\
         Content-Location: https://example.org/plan\n\n<html lang=3Dfr><head><meta charset=3Dutf-8><title>Plan \
         d=E2=80=99urbanisme</title></head><body><nav>Accueil</nav><main><p>{words}</p></main></body></html>\n\
         --b\nContent-Type: text/css\nContent-Location: https://example.org/a.css\n\np {{ color: red }}\n--b--\n"
    );
    let expected = format!("p {}", words.trim());
    check("plan.mhtml", &page, &[expected.as_str()]);
    let page = read("plan.mhtml", page.as_bytes()).unwrap();
    assert_eq!(page.title.as_deref(), Some("Plan d’urbanisme"));
    assert!(page.parts.is_empty(), "{}", parts(&page));
}

#[test]
fn a_mail_whose_html_has_an_address_is_no_saved_page() {
    for (header, shown) in [
        ("From: a@example.org", "field From: a@example.org"),
        ("Cc: b@example.org", "field Cc: b@example.org"),
        ("Bcc: c@example.org", "field Bcc: c@example.org"),
    ] {
        let mail = format!(
            "{header}\nSubject: Le plan\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\
             Content-Type: text/html\nContent-Location: https://example.org/plan\n\n<p>Voici le plan.</p>\n--b\n\
             Content-Type: text/plain; name=note.txt\nContent-Disposition: attachment; filename=note.txt\n\n\
             La note.\n--b--\n"
        );
        let expected = ["field Subject: Le plan", shown, "field Attachment: note.txt", "p Voici le plan."];
        check("a.eml", &mail, &expected);
        assert_eq!(parts(&read("a.eml", mail.as_bytes()).unwrap()), "note.txt: La note.");
    }
}

#[test]
fn an_attachment_that_is_no_text_keeps_its_bytes_whatever_is_declared() {
    let zip = zipped(&[("note.txt", "L’été, la réponse à la demande est arrivée.".as_bytes())]);
    let packed: String = zip.iter().map(|byte| format!("={byte:02X}")).collect();
    let mail = format!(
        "From: a@example.org\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\
         Content-Type: text/plain\n\nVoici.\n--b\nContent-Type: text/plain; charset=us-ascii; name=note.zip\n\
         Content-Disposition: attachment; filename=note.zip\nContent-Transfer-Encoding: quoted-printable\n\n\
         {packed}\n--b--\n"
    );
    let mail = read("a.eml", mail.as_bytes()).unwrap();
    assert_eq!(parts(&mail), "note.zip:\n  note.txt: L’été, la réponse à la demande est arrivée.");
}

#[test]
fn what_outlook_packs_into_winmail_dat_is_unpacked() {
    let attribute = |level: u8, number: u32, value: &[u8]| {
        let length = u32::try_from(value.len()).unwrap();
        [&[level][..], &number.to_le_bytes(), &length.to_le_bytes(), value, b"\0\0"].concat()
    };
    // A property that a program named by a text, then the text of the mail; both filled up to four bytes.
    let body = wide("Réponse\r\n\r\nFin");
    let mut properties = 2u32.to_le_bytes().to_vec();
    properties.extend(0x8001_0003u32.to_le_bytes());
    properties.extend([0u8; 16]);
    for number in [1u32, 6] {
        properties.extend(number.to_le_bytes());
    }
    properties.extend(wide("abc"));
    properties.extend([0u8; 2 + 4]);
    properties.extend(0x1000_001Fu32.to_le_bytes());
    for number in [1, u32::try_from(body.len()).unwrap()] {
        properties.extend(number.to_le_bytes());
    }
    properties.extend(body);
    let package = [
        &b"\x78\x9f\x3e\x22\x01\0"[..],
        &attribute(1, 0x0006_9007, &1252u64.to_le_bytes()),
        &attribute(1, 0x0001_8004, b"Cong\xE9s\0"),
        &attribute(1, 0x0006_9003, &properties),
        &attribute(2, 0x0006_9002, &[0; 14]),
        &attribute(2, 0x0001_8010, b"note.txt\0"),
        &attribute(2, 0x0006_800F, b"La note."),
    ]
    .concat();
    check(
        "winmail.dat",
        &package,
        &["field Subject: Congés", "field Attachment: note.txt", "p Réponse", "p Fin"],
    );
    assert_eq!(parts(&read("winmail.dat", &package).unwrap()), "note.txt: La note.");
    let cut = read("winmail.dat", &package[..package.len() - 3]).unwrap();
    assert_eq!(cut.warnings, ["the package ends before its last part; what is there was read"]);
    // Values without bytes, of any number, are passed at once; so are many of four bytes.
    let mut properties = 10_000u32.to_le_bytes().to_vec();
    for _ in 0..9_998 {
        properties.extend(0x0E00_1001u32.to_le_bytes());
        properties.extend(u32::MAX.to_le_bytes());
    }
    for number in [0x0E01_1003u32, 10_001] {
        properties.extend(number.to_le_bytes());
    }
    properties.extend([0u8; 4 * 10_001]);
    for number in [0x1000_001Fu32, 1, 6] {
        properties.extend(number.to_le_bytes());
    }
    properties.extend(wide("Fin"));
    let package = [&b"\x78\x9f\x3e\x22\x01\0"[..], &attribute(1, 0x0006_9003, &properties)].concat();
    check("winmail.dat", &package, &["p Fin"]);
}

#[test]
fn an_outlook_message_that_names_the_code_page_of_its_html_alone_is_read_in_it() {
    let message = outlook(&[
        ("/__properties_version1.0", table(32, &[(0x3FDE_0003, 950)])),
        ("/__substg1.0_0037001E", b"\xA4\xA4\xA4\xE5".to_vec()),
        ("/__substg1.0_1000001F", wide("Texte")),
    ]);
    check("a.msg", message, &["field Subject: 中文", "p Texte"]);
}

/// An element of a signed package.
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    [&[tag, 0x82][..], &length, content].concat()
}

/// A package of this type (2 signed, 3 encrypted) around what was signed.
fn package(kind: u8, wrapped: &[u8]) -> Vec<u8> {
    let name = |last: u8| [b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07", &[last][..]].concat();
    let wrapped = element(0x30, &[name(1), wrapped.to_vec()].concat());
    let signed = element(0x30, &[vec![2, 1, 1], element(0x31, b""), wrapped].concat());
    element(0x30, &[name(kind), element(0xA0, &signed)].concat())
}

#[test]
fn what_was_signed_is_read_out_of_its_signature() {
    let text = "Le marché est attribué à l’entreprise.".as_bytes();
    let whole = package(2, &element(0xA0, &element(0x04, text)));
    check("marche.txt.p7m", &whole, &["p:1 Le marché est attribué à l’entreprise."]);
    // As programs write it that don't know its length at first: in pieces, each element ended by two zero bytes.
    let pieces =
        [&[0xA0, 0x80, 0x24, 0x80][..], &element(0x04, &text[..9]), &element(0x04, &text[9..]), &[0; 4]];
    check("marche.txt.p7m", package(2, &pieces.concat()), &["p:1 Le marché est attribué à l’entreprise."]);
    let mail = b"Content-Type: text/plain; charset=utf-8\r\n\r\nBonjour.";
    check("smime.p7m", package(2, &element(0xA0, &element(0x04, mail))), &["p Bonjour."]);
    check_refused("secret.p7m", package(3, b""), "encrypted");
    check_refused("marche.p7s", package(2, b""), "empty");
}

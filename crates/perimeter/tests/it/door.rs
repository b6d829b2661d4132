//! Does every attempt at the one door out, allowed or not, stand in the journal?

use std::io::{Read, Write};
use std::net::TcpListener;

use intramuros_core::perimeter::{Perimeter, Purpose};
use intramuros_egress::blocking::Blocking;
use intramuros_egress::{Egress, EgressError, Request, Surroundings};
use intramuros_journal::read::{Filter, each};
use intramuros_journal::{Event, Journal, Options};
use intramuros_perimeter::record;

/// A model that leads elsewhere, as one that was taken over might.
fn model_that_redirects(to: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let _ = stream.read(&mut [0; 4096]);
            let answer = format!("HTTP/1.1 307 elsewhere\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n");
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    port
}

#[test]
fn what_knocks_at_the_door_is_written_down_before_it_is_answered() {
    let port = model_that_redirects("http://192.0.2.1/steal");
    let far = "[[egress]]\nhost='api.example'\nport=443\npurpose='answers'\noperator='o'\njurisdiction='FR'\ndata='d'\n";
    let ended = far.replace("api.example", "old.example") + "until=2020-01-01\n";
    let here = format!("[[egress]]\nhost='127.0.0.1'\nport={port}\npurpose='embedding'\ntls=false\n");
    let perimeter = Perimeter::parse(&format!("{far}{ended}{here}"), "f").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(Options::new(folder.path())).unwrap().start().unwrap();
    let surroundings = Surroundings { hosts: "10.0.0.1 api.example\n".to_owned(), ..Surroundings::default() };
    let egress = Egress::new(&perimeter, surroundings, record::recorder(journal.clone())).unwrap();
    let client = Blocking::new(egress).unwrap();

    // From a document, a picture in an answer, a redirection, another's name, a rule that ended, a name turned inward.
    let ways = [
        "https://evil.example/from-a-document",
        "https://evil.example/picture.png?secret=1",
        "http://169.254.169.254/latest/meta-data/",
        "http://[fd00:ec2::254]/",
        "http://metadata.google.internal/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://[::ffff:127.0.0.1]/",
        "https://api.example@evil.example/",
        "https://api.example.evil.example/",
        "https://api.example:8443/",
        "http://api.example:443/",
        "https://api.example./",
        "https://old.example/",
        "https://api.example/",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "//evil.example/",
    ];
    for url in ways {
        let refused = client.send(Request::get(Purpose::Answers, url));
        assert!(matches!(refused, Err(EgressError::Refused(_))), "{url}: {refused:?}");
    }
    let other_purpose = client.send(Request::get(Purpose::Source, "https://api.example/"));
    assert!(matches!(other_purpose, Err(EgressError::Refused(_))));
    assert!(client.connect(Purpose::Journal, "evil.example", 6514).is_err());
    let followed =
        Request { redirections: 3, ..Request::get(Purpose::Embedding, format!("http://127.0.0.1:{port}/")) };
    assert!(matches!(client.send(followed), Err(EgressError::Refused(_))));
    journal.close();

    let (mut allowed, mut refused) = (Vec::new(), Vec::new());
    each(folder.path(), &Filter::default(), |entry, _| {
        if let Event::Egress { host, allowed: let_through, .. } = &entry.event {
            (if *let_through { &mut allowed } else { &mut refused }).push(host.clone());
        }
        true
    })
    .unwrap();
    // The redirecting model itself, and nothing else, was let through.
    assert_eq!(allowed, ["127.0.0.1"]);
    assert_eq!(refused.len(), ways.len() + 3, "{refused:?}");
    assert_eq!(refused.last().map(String::as_str), Some("192.0.2.1"), "where the model led");
}

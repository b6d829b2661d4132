//! Which messages are in the mailboxes of this account?
//!
//! IMAP over the door's own connection. A message is known by its number in its mailbox, which never means another one as
//! long as the mailbox keeps its validity; so a message is fetched once, and what a server lists no more is gone. Mailboxes
//! are opened to look (`EXAMINE`): nothing is marked as read.

use std::io::Write;
use std::time::{Duration, Instant};

use imap_proto::{AttributeValue, MailboxDatum, NameAttribute, Response, ResponseCode, Status};
use intramuros_core::perimeter::source::place_of;
use intramuros_egress::connection::Connection;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::calendar;
use crate::client::Client;
use crate::failure::Failure;
use crate::visit::{Entry, Visit};

/// Time for one command with its whole answer. 20 min, as for a request of HTTP: a message of 256 MiB on a slow line.
const COMMAND_TIME: Duration = Duration::from_secs(1200);

/// Most bytes that answer one command, beside a message's own. 16 MiB: the list of a million messages, whose numbers have
/// up to ten digits, with room to spare.
const MAX_ANSWER_BYTES: usize = 16 << 20;

/// Most messages of one mailbox. 1 million: 24 MB while it is looked through, and far more than a visit takes.
const MAX_MESSAGES: usize = 1_000_000;

/// Parentheses within parentheses in one answer. 32: what is asked for here nests two deep, and the parser calls itself
/// for each further one, so that an answer of nothing else would overflow the stack and end the whole program.
const MAX_NESTED: usize = 32;

/// Messages whose size and date are asked for in one command. 2,000: an answer of 200 kB.
const AT_ONCE: usize = 2_000;

/// Most mailboxes.
const MAX_MAILBOXES: usize = 10_000;

/// A session with a server.
struct Session<'a> {
    client: &'a Client,
    connection: Connection,
    /// What came and was not taken yet.
    buffer: Vec<u8>,
    tag: u32,
    /// When the whole answer to what was asked last must be here.
    until: Instant,
    /// A message was not taken to its end: what follows would be taken for answers.
    broken: bool,
}

/// A mailbox of the list.
struct Mailbox {
    /// Its name as the server has it.
    name: String,
    /// Its name for people, `/` between levels.
    shown: String,
}

/// A message of a mailbox.
struct Message {
    uid: u32,
    size: u64,
    date_ms: i64,
}

/// Looks through all mailboxes.
///
/// # Errors
/// When the account can't be entered, or the place is lost meanwhile.
pub(crate) fn visit(visit: &mut Visit<'_>) -> Result<(), Failure> {
    let declared = visit.declared;
    let (_, host, port) = place_of(declared.source.kind, declared.url()).map_err(Failure::Own)?;
    let connection = visit.client.connect(&host.to_string(), port)?;
    let until = Instant::now() + COMMAND_TIME;
    let mut session =
        Session { client: visit.client, connection, buffer: Vec::new(), tag: 0, until, broken: false };
    session.greeting()?;
    let (Some(user), Some(secret)) = (&declared.source.user, &declared.secret) else {
        return Err(Failure::Own("a mailbox needs `user` and a secret".to_owned()));
    };
    session.login(user, secret.reveal())?;
    for mailbox in session.mailboxes()? {
        if !visit.declared.source.excludes(&mailbox.shown) {
            one(visit, &mut session, &mailbox)?;
        }
    }
    // It ends anyway.
    let _ = session.command("LOGOUT", &mut |_| Ok(()));
    Ok(())
}

fn one(visit: &mut Visit<'_>, session: &mut Session<'_>, mailbox: &Mailbox) -> Result<(), Failure> {
    let validity = match session.examine(&mailbox.name) {
        Ok(validity) => validity,
        // One mailbox that is closed says nothing of the others.
        Err(failure @ Failure::File(_)) => {
            visit.unknown(&mailbox.shown, failure.to_string());
            return Ok(());
        }
        Err(failure) => return Err(failure),
    };
    for message in session.messages()? {
        let entry = Entry {
            path: format!("{}/{}.eml", mailbox.shown, message.uid),
            // The numbers of another validity are those of other messages.
            version: format!("{validity}.{}", message.uid),
            size: Some(message.size),
            modified_ms: message.date_ms,
            rule: None,
        };
        visit.offer(entry, &mut |_: &Client, into: &mut dyn Write| session.fetch(message.uid, into))?;
    }
    Ok(())
}

fn odd(what: impl std::fmt::Display) -> Failure {
    Failure::Odd(format!("the mail server {what}"))
}

/// Text as IMAP quotes it; none for what can't be quoted.
fn quoted(text: &str) -> Option<String> {
    let plain = text.bytes().all(|byte| (0x20..0x7f).contains(&byte));
    plain.then(|| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
}

impl Session<'_> {
    fn greeting(&mut self) -> Result<(), Failure> {
        let line = self.response(&mut None, MAX_ANSWER_BYTES)?;
        match understood(&line)? {
            Some(Response::Data { status: Status::Ok | Status::PreAuth, .. }) => Ok(()),
            _ => Err(odd("greets in no way that is known")),
        }
    }

    fn login(&mut self, user: &str, secret: &str) -> Result<(), Failure> {
        match (quoted(user), quoted(secret)) {
            (Some(user), Some(secret)) => self.command(&format!("LOGIN {user} {secret}"), &mut |_| Ok(())),
            // Letters outside ASCII go as literals, whose length is told first.
            _ => self.login_by_literals(user, secret),
        }
        .map_err(|failure| match failure {
            Failure::File(why) => Failure::Credentials(why),
            other => other,
        })
    }

    fn login_by_literals(&mut self, user: &str, secret: &str) -> Result<(), Failure> {
        let tag = self.begin();
        self.write(format!("{tag} LOGIN {{{}}}\r\n", user.len()).as_bytes())?;
        self.goes_on()?;
        self.write(format!("{user} {{{}}}\r\n", secret.len()).as_bytes())?;
        self.goes_on()?;
        self.write(format!("{secret}\r\n").as_bytes())?;
        self.answers(&tag, &mut |_| Ok(()), &mut None)
    }

    fn goes_on(&mut self) -> Result<(), Failure> {
        let line = self.response(&mut None, MAX_ANSWER_BYTES)?;
        if line.starts_with(b"+") {
            Ok(())
        } else {
            Err(Failure::File("the mail server takes no literal".to_owned()))
        }
    }

    fn mailboxes(&mut self) -> Result<Vec<Mailbox>, Failure> {
        let mut mailboxes = Vec::new();
        self.command("LIST \"\" \"*\"", &mut |response| {
            if let Response::MailboxData(MailboxDatum::List(list)) = response
                && !list.name_attributes.contains(&NameAttribute::NoSelect)
            {
                if mailboxes.len() == MAX_MAILBOXES {
                    // What is left out would be taken for gone.
                    return Err(Failure::Limit(format!("there are more than {MAX_MAILBOXES} mailboxes")));
                }
                let shown = match list.delimiter.as_deref() {
                    Some("/") | None => decode(&list.name),
                    Some(delimiter) => decode(&list.name).replace('/', "∕").replace(delimiter, "/"),
                };
                mailboxes.push(Mailbox { name: list.name.into_owned(), shown });
            }
            Ok(())
        })?;
        Ok(mailboxes)
    }

    /// Opens a mailbox to look; gives its validity.
    fn examine(&mut self, name: &str) -> Result<u32, Failure> {
        let name = quoted(name).ok_or_else(|| Failure::File("its name can't be quoted".to_owned()))?;
        let mut validity = None;
        self.command(&format!("EXAMINE {name}"), &mut |response| {
            if let Response::Data { outcome, .. } = response
                && let Some(ResponseCode::UidValidity(number)) = outcome.code
            {
                validity = Some(number);
            }
            Ok(())
        })?;
        validity.ok_or_else(|| Failure::File("the mail server tells no validity of its numbers".to_owned()))
    }

    fn messages(&mut self) -> Result<Vec<Message>, Failure> {
        let mut messages = Vec::new();
        self.command("UID SEARCH ALL", &mut |response| {
            if let Response::MailboxData(MailboxDatum::Search(uids)) = response {
                if messages.len() + uids.len() > MAX_MESSAGES {
                    return Err(Failure::Limit(format!("a mailbox has more than {MAX_MESSAGES} messages")));
                }
                messages.extend(uids.into_iter().map(|uid| Message { uid, size: 0, date_ms: 0 }));
            }
            Ok(())
        })?;
        messages.sort_by_key(|message| message.uid);
        messages.dedup_by_key(|message| message.uid);
        let uids: Vec<u32> = messages.iter().map(|message| message.uid).collect();
        for part in uids.chunks(AT_ONCE) {
            let (Some(from), Some(to)) = (part.first(), part.last()) else { continue };
            self.command(
                &format!("UID FETCH {from}:{to} (UID RFC822.SIZE INTERNALDATE)"),
                &mut |response| {
                    let Response::Fetch(_, attributes) = response else { return Ok(()) };
                    let uid = attributes.iter().find_map(|one| match one {
                        AttributeValue::Uid(uid) => Some(*uid),
                        _ => None,
                    });
                    let place =
                        uid.and_then(|uid| messages.binary_search_by_key(&uid, |message| message.uid).ok());
                    let Some(message) = place.and_then(|place| messages.get_mut(place)) else {
                        return Ok(());
                    };
                    for one in &attributes {
                        match one {
                            AttributeValue::Rfc822Size(size) => message.size = u64::from(*size),
                            AttributeValue::InternalDate(date) => message.date_ms = moment(date),
                            _ => {}
                        }
                    }
                    Ok(())
                },
            )?;
        }
        Ok(messages)
    }

    /// Writes the bytes of a message.
    fn fetch(&mut self, uid: u32, into: &mut dyn Write) -> Result<(), Failure> {
        let tag = self.begin();
        self.write(format!("{tag} UID FETCH {uid} BODY.PEEK[]\r\n").as_bytes())?;
        let mut body = Some(Body { into, came: false });
        self.answers(&tag, &mut |_| Ok(()), &mut body)?;
        if body.is_some_and(|body| body.came) { Ok(()) } else { Err(Failure::Gone) }
    }

    /// The tag of a new command, whose time begins now.
    fn begin(&mut self) -> String {
        self.tag += 1;
        self.until = Instant::now() + COMMAND_TIME;
        format!("a{}", self.tag)
    }

    fn command(
        &mut self,
        command: &str,
        take: &mut dyn FnMut(Response<'_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let tag = self.begin();
        self.write(format!("{tag} {command}\r\n").as_bytes())?;
        self.answers(&tag, take, &mut None)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        if self.broken {
            return Err(odd(
                "gave a message that was not taken to its end; the rest waits for the next look",
            ));
        }
        let connection = &mut self.connection;
        let lost = |error: std::io::Error| Failure::Unreachable(format!("the mail server is gone: {error}"));
        self.client.wait_until(self.until, COMMAND_TIME, async {
            connection.write_all(bytes).await.map_err(lost)?;
            connection.flush().await.map_err(lost)
        })
    }

    /// Takes what the server answers until it has done what was asked.
    fn answers(
        &mut self,
        tag: &str,
        take: &mut dyn FnMut(Response<'_>) -> Result<(), Failure>,
        body: &mut Option<Body<'_>>,
    ) -> Result<(), Failure> {
        // Of the whole command, not of each line: lines that say little can go on and on.
        let mut left = MAX_ANSWER_BYTES;
        loop {
            let line = self.response(body, left)?;
            left = left.saturating_sub(line.len());
            match understood(&line)? {
                Some(Response::Done { tag: done, status, outcome }) if done.0 == tag => {
                    let said: String = outcome.information.unwrap_or_default().chars().take(200).collect();
                    return match status {
                        Status::Ok => Ok(()),
                        Status::No => Err(Failure::File(format!("the mail server says no: {said}"))),
                        _ => Err(odd(format!("does not understand: {said}"))),
                    };
                }
                Some(Response::Data { status: Status::Bye, outcome }) => {
                    let said: String = outcome.information.unwrap_or_default().chars().take(200).collect();
                    return Err(Failure::Unreachable(format!("the mail server says goodbye: {said}")));
                }
                Some(response) => take(response)?,
                // Servers say much that nobody asked for.
                None => {}
            }
        }
    }

    /// One answer of at most `most` bytes, with the literals in it. The first literal goes to `body` instead, where there
    /// is one; an empty one stands in its place.
    fn response(&mut self, body: &mut Option<Body<'_>>, most: usize) -> Result<Vec<u8>, Failure> {
        let mut whole = Vec::new();
        loop {
            let line = self.line()?;
            if whole.len() + line.len() > most {
                return Err(odd("answers without end"));
            }
            let Some(length) = literal(&line) else {
                whole.extend_from_slice(&line);
                return Ok(whole);
            };
            match body {
                Some(body) if !body.came => {
                    let end = line.iter().rposition(|byte| *byte == b'{').unwrap_or(line.len());
                    whole.extend_from_slice(line.get(..end).unwrap_or_default());
                    whole.extend_from_slice(b"\"\"");
                    self.broken = true;
                    self.pass(length, &mut *body.into)?;
                    self.broken = false;
                    body.came = true;
                }
                _ => {
                    whole.extend_from_slice(&line);
                    if length > most.saturating_sub(whole.len()) as u64 {
                        return Err(odd("answers without end"));
                    }
                    self.pass(length, &mut whole)?;
                }
            }
        }
    }

    fn line(&mut self) -> Result<Vec<u8>, Failure> {
        let mut looked = 0;
        loop {
            let found =
                self.buffer.get(looked..).and_then(|rest| rest.iter().position(|byte| *byte == b'\n'));
            if let Some(at) = found {
                return Ok(self.buffer.drain(..=looked + at).collect());
            }
            looked = self.buffer.len();
            if looked > MAX_ANSWER_BYTES {
                return Err(odd("sends a line without end"));
            }
            self.read()?;
        }
    }

    /// Hands over so many bytes.
    fn pass(&mut self, mut length: u64, into: &mut dyn Write) -> Result<(), Failure> {
        while length > 0 {
            if self.buffer.is_empty() {
                self.read()?;
            }
            let part = usize::try_from(length).unwrap_or(usize::MAX).min(self.buffer.len());
            into.write_all(&self.buffer[..part]).map_err(Failure::disk)?;
            self.buffer.drain(..part);
            length -= part as u64;
        }
        Ok(())
    }

    fn read(&mut self) -> Result<(), Failure> {
        let (connection, buffer) = (&mut self.connection, &mut self.buffer);
        let read = self.client.wait_until(self.until, COMMAND_TIME, async {
            let mut some = [0; 16 << 10];
            let read = connection.read(&mut some).await;
            let read =
                read.map_err(|error| Failure::Unreachable(format!("the mail server is gone: {error}")))?;
            buffer.extend_from_slice(some.get(..read).unwrap_or_default());
            Ok(read)
        });
        // What comes too late would be taken for the answer to what is asked next.
        self.broken |= read.is_err();
        let read = read?;
        if read > 0 { Ok(()) } else { Err(Failure::Unreachable("the mail server broke off".to_owned())) }
    }
}

/// Where a message's bytes go.
struct Body<'a> {
    into: &'a mut dyn Write,
    came: bool,
}

/// What an answer says; none when it is not understood.
///
/// # Errors
/// When it nests deeper than the parser may be given.
fn understood(answer: &[u8]) -> Result<Option<Response<'_>>, Failure> {
    if nests(answer) > MAX_NESTED {
        return Err(odd(format!("nests its answer more than {MAX_NESTED} deep")));
    }
    Ok(Response::parse(answer).ok().map(|(_, response)| response))
}

/// How deep parentheses nest outside quotes and literals, which are taken for such by the parser's own rules.
fn nests(answer: &[u8]) -> usize {
    let (mut depth, mut deepest, mut quoted, mut left) = (0_usize, 0, false, answer);
    while let Some((byte, rest)) = left.split_first() {
        left = rest;
        match byte {
            b'\\' if quoted => left = left.get(1..).unwrap_or_default(),
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            b'{' => left = after_literal(left).unwrap_or(left),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// What follows a literal whose `{` was taken; none when it is no literal.
fn after_literal(left: &[u8]) -> Option<&[u8]> {
    let digits = left.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let length: u32 = std::str::from_utf8(left.get(..digits)?).ok()?.parse().ok()?;
    left.get(digits..)?.strip_prefix(b"}\r\n")?.get(usize::try_from(length).ok()?..)
}

/// The length of a literal that follows a line: `… {123}`.
fn literal(line: &[u8]) -> Option<u64> {
    let line = line.strip_suffix(b"\r\n").or_else(|| line.strip_suffix(b"\n"))?.strip_suffix(b"}")?;
    let start = line.iter().rposition(|byte| *byte == b'{')?;
    let digits = std::str::from_utf8(line.get(start + 1..)?).ok()?.trim_end_matches('+');
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

/// `17-Jul-1996 02:44:25 -0700`, in milliseconds since 1970; 0 for anything else.
fn moment(date: &str) -> i64 {
    let local = calendar::of_http(&format!("x, {}", date.trim()));
    let zone = date.trim().rsplit(' ').next().unwrap_or_default();
    let (sign, digits) = zone.split_at(zone.len().min(1));
    let minutes = digits
        .get(..2)
        .zip(digits.get(2..4))
        .and_then(|(hours, minutes)| Some(hours.parse::<i64>().ok()? * 60 + minutes.parse::<i64>().ok()?));
    let shift = minutes.unwrap_or(0) * 60_000;
    match (local, sign) {
        (0, _) => 0,
        (local, "-") => local + shift,
        (local, _) => local - shift,
    }
}

/// A mailbox's name without the form that IMAP gives to letters outside ASCII (modified UTF-7). What is no such form
/// stays as it is.
fn decode(name: &str) -> String {
    let mut decoded = String::new();
    let mut left = name;
    while let Some((before, rest)) = left.split_once('&') {
        decoded.push_str(before);
        let Some((coded, after)) = rest.split_once('-') else { return name.to_owned() };
        match coded {
            "" => decoded.push('&'),
            coded => match letters(coded) {
                Some(text) => decoded.push_str(&text),
                None => return name.to_owned(),
            },
        }
        left = after;
    }
    decoded + left
}

/// UTF-16 in base64 with `,` for `/`.
fn letters(coded: &str) -> Option<String> {
    let (mut bits, mut count, mut units) = (0_u32, 0, Vec::new());
    for letter in coded.bytes() {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b',' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 16 {
            count -= 16;
            units.push((bits >> count) as u16);
            bits &= (1 << count) - 1;
        }
    }
    String::from_utf16(&units).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_dates_and_lengths_are_read() {
        for (name, expected) in [
            ("INBOX", "INBOX"),
            ("Envoy&AOk-s", "Envoyés"),
            ("A &- B", "A & B"),
            ("&U,BTFw-/x", "台北/x"),
            ("odd &!-", "odd &!-"),
            ("odd &", "odd &"),
        ] {
            assert_eq!(decode(name), expected);
        }
        assert_eq!(moment("17-Jul-1996 02:44:25 -0700"), 837_596_665_000);
        assert_eq!(moment(" 7-Jul-1996 02:44:25 +0000"), 836_707_465_000);
        assert_eq!(moment("soon"), 0);
        for (line, expected) in [
            ("* 1 FETCH (BODY[] {12}\r\n", Some(12)),
            ("x {3+}\r\n", Some(3)),
            ("x {}\r\n", None),
            ("x {-1}\r\n", None),
            ("{1}", None),
        ] {
            assert_eq!(literal(line.as_bytes()), expected, "{line}");
        }
        assert_eq!(quoted("a\"b\\c").as_deref(), Some("\"a\\\"b\\\\c\""));
        assert_eq!((quoted("é"), quoted("a\r\nb")), (None, None));
    }

    #[test]
    fn an_answer_that_nests_too_deep_is_not_given_to_the_parser() {
        let check =
            |answer: &str, expected: usize| assert_eq!(nests(answer.as_bytes()), expected, "{answer}");
        check("* 1 FETCH (UID 1 FLAGS (\\Seen) X ())\r\n", 2);
        check("* LIST () \"/\" \"a (((\"\r\n", 1);
        check("\"\\\"((\" (", 1);
        check("\"\\\\\" ((", 2);
        // A literal is passed over; what only looks like one is not.
        check("{3}\r\n((( (", 1);
        check("{3\"}\"\r\n(((", 3);
        check("{3+}\r\n(((", 3);
        check("{99}\r\n((", 2);
        check("))) ((", 2);
        let deep = |depth: usize| format!("* 1 FETCH (BODYSTRUCTURE {}\r\n", "(".repeat(depth));
        assert!(understood(deep(20_000).as_bytes()).is_err());
        assert!(understood(deep(MAX_NESTED).as_bytes()).is_err());
        assert!(understood(deep(MAX_NESTED - 1).as_bytes()).is_ok_and(|said| said.is_none()));
        let plain = b"* 1 FETCH (UID 7 RFC822.SIZE 5)\r\n";
        assert!(matches!(understood(plain), Ok(Some(Response::Fetch(1, _)))));
    }
}

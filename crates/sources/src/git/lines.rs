//! Where does each line of git's protocol begin and end, and what of an answer is the pack?

use std::io::{self, Write};

use crate::failure::Failure;

/// Longest line that the protocol knows, its four digits included.
const MAX_LINE: usize = 65_520;

/// What a server says in its own words, at most, in letters.
const MAX_WORDS: usize = 300;

fn odd(what: &str) -> Failure {
    Failure::Odd(format!("the git server answers with {what}"))
}

/// The length in four digits; none for what is no such thing. Below 4 it is a mark, not a length.
fn length(digits: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(digits.get(..4)?).ok()?;
    if !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    usize::from_str_radix(text, 16).ok().filter(|length| *length <= MAX_LINE && *length != 3)
}

/// The lines of an answer; marks between them are left out.
pub(super) struct Lines<'a>(&'a [u8]);

impl<'a> Lines<'a> {
    pub fn of(bytes: &'a [u8]) -> Lines<'a> {
        Lines(bytes)
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Result<&'a [u8], Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.0.is_empty() {
            let bytes = self.0;
            let Some(length) = length(bytes) else {
                self.0 = &[];
                return Some(Err(odd("lines of no proper length")));
            };
            if length < 4 {
                self.0 = &bytes[4..];
                continue;
            }
            let Some(line) = bytes.get(4..length) else {
                self.0 = &[];
                return Some(Err(odd("a line that ends before its end")));
            };
            self.0 = &bytes[length..];
            return Some(Ok(line));
        }
        None
    }
}

/// A request: a command, and its arguments after a mark.
pub(super) fn request_lines(command: &[&str], arguments: &[String]) -> Vec<u8> {
    let mut body = Vec::new();
    let line =
        |text: &str, body: &mut Vec<u8>| body.extend(format!("{:04x}{text}", text.len() + 4).into_bytes());
    command.iter().for_each(|text| line(text, &mut body));
    line("object-format=sha1\n", &mut body);
    body.extend(b"0001");
    arguments.iter().for_each(|text| line(text, &mut body));
    body.extend(b"0000");
    body
}

/// Takes an answer to `fetch` as it comes, and writes the pack in it.
pub(super) struct Sections<W> {
    pack: W,
    /// Bytes of a line that is not whole yet.
    rest: Vec<u8>,
    in_pack: bool,
    any: bool,
    ended: bool,
    /// Why the server, or this, stopped.
    failure: Option<Failure>,
}

impl<W: Write> Sections<W> {
    pub fn new(pack: W) -> Sections<W> {
        Sections { pack, rest: Vec::new(), in_pack: false, any: false, ended: false, failure: None }
    }

    /// Why it stopped, if it did.
    pub fn check(&self) -> Result<(), Failure> {
        self.failure.clone().map_or(Ok(()), Err)
    }

    /// Ends: there must have been a pack, to its end.
    pub fn finish(mut self) -> Result<(), Failure> {
        if !self.any || !self.ended {
            return Err(Failure::Unreachable("the git server broke off within its answer".to_owned()));
        }
        self.pack.flush().map_err(Failure::disk)
    }

    fn line(&mut self, line: &[u8]) -> Result<(), Failure> {
        if !self.in_pack {
            if let Some(said) = line.strip_prefix(b"ERR ") {
                return Err(said_no(said));
            }
            self.in_pack = line == b"packfile\n";
            return Ok(());
        }
        match line.split_first() {
            Some((1, data)) => {
                self.any = true;
                self.pack.write_all(data).map_err(Failure::disk)
            }
            Some((2, _)) => Ok(()),
            Some((3, said)) => Err(said_no(said)),
            _ => Err(odd("a line on no known band")),
        }
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.rest.extend_from_slice(bytes);
        let mut at = 0;
        while let Some(digits) = self.rest.get(at..at + 4) {
            let length = length(digits).ok_or_else(|| odd("lines of no proper length"))?;
            if length < 4 {
                self.ended |= length == 0 && self.in_pack;
                at += 4;
                continue;
            }
            let Some(line) = self.rest.get(at + 4..at + length) else { break };
            let line = line.to_vec();
            self.line(&line)?;
            at += length;
        }
        self.rest.drain(..at);
        Ok(())
    }
}

fn said_no(said: &[u8]) -> Failure {
    let said: String =
        String::from_utf8_lossy(said).chars().filter(|letter| !letter.is_control()).take(MAX_WORDS).collect();
    Failure::Odd(format!("the git server says: {said}"))
}

impl<W: Write> Write for Sections<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.take(bytes) {
            Ok(()) => Ok(bytes.len()),
            Err(failure) => {
                let words = failure.to_string();
                self.failure = Some(failure);
                Err(io::Error::other(words))
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pack.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pack_is_taken_out_of_an_answer_however_it_is_cut() {
        let line = |bytes: &[u8]| [format!("{:04x}", bytes.len() + 4).as_bytes(), bytes].concat();
        let answer = [
            line(b"shallow-info\n"),
            line(b"shallow 00\n"),
            b"0001".to_vec(),
            line(b"packfile\n"),
            line(b"\x02counting"),
            line(b"\x01PA"),
            line(b"\x01CK"),
            b"0000".to_vec(),
        ]
        .concat();
        for size in 1..answer.len() {
            let mut pack = Vec::new();
            let mut sections = Sections::new(&mut pack);
            answer.chunks(size).for_each(|chunk| sections.write_all(chunk).unwrap());
            sections.finish().unwrap();
            assert_eq!(pack, b"PACK");
        }
        let check = |answer: Vec<u8>, word: &str| {
            let mut sections = Sections::new(Vec::new());
            let _ = sections.write_all(&answer);
            let failure = sections.check().and_then(|()| sections.finish()).unwrap_err();
            assert!(failure.to_string().contains(word), "{failure}");
        };
        check(answer[..answer.len() - 4].to_vec(), "broke off");
        check(line(b"ERR no such thing"), "no such thing");
        check([line(b"packfile\n"), line(b"\x03out of memory")].concat(), "out of memory");
        check([line(b"packfile\n"), line(b"\x09x")].concat(), "band");
        check(b"<html>".to_vec(), "length");
    }
}

//! Which events does a stream of bytes hold (`text/event-stream`)?
//!
//! Only the data of events is kept; names, numbers and comments are of no use with models' interfaces.

/// Longest event in bytes. 1 MiB: an event of a model's stream holds a word or, at the end, a few figures.
const MAX_EVENT_BYTES: usize = 1 << 20;

/// Puts events together from pieces of a stream.
#[derive(Debug, Default)]
pub(crate) struct Events {
    line: Vec<u8>,
    data: Vec<u8>,
    /// Bytes seen of the first line, to tell a stream from a page.
    any: bool,
    after_return: bool,
}

/// An event is longer than any that a model sends.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

impl Events {
    /// Takes the next piece, and gives the data of the events that it completes.
    pub fn push(&mut self, piece: &[u8]) -> Result<Vec<String>, TooLong> {
        let mut complete = Vec::new();
        for byte in piece {
            let second_half = std::mem::take(&mut self.after_return) && *byte == b'\n';
            match byte {
                _ if second_half => {}
                b'\n' | b'\r' => {
                    self.after_return = *byte == b'\r';
                    self.end_line(&mut complete);
                }
                other => self.line.push(*other),
            }
            if self.line.len() + self.data.len() > MAX_EVENT_BYTES {
                return Err(TooLong);
            }
        }
        Ok(complete)
    }

    /// The data of an event that was not ended by an empty line, when the stream is over.
    pub fn finish(mut self) -> Vec<String> {
        let mut complete = Vec::new();
        self.end_line(&mut complete);
        self.end_line(&mut complete);
        complete
    }

    fn end_line(&mut self, complete: &mut Vec<String>) {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            if self.any {
                complete.push(String::from_utf8_lossy(&std::mem::take(&mut self.data)).into_owned());
            }
            self.any = false;
            return;
        }
        let Some(data) = line.strip_prefix(b"data:") else { return };
        if self.any {
            self.data.push(b'\n');
        }
        self.any = true;
        self.data.extend_from_slice(data.strip_prefix(b" ").unwrap_or(data));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(stream: &str, piece: usize) -> Vec<String> {
        let mut events = Events::default();
        let mut found = Vec::new();
        for piece in stream.as_bytes().chunks(piece) {
            found.extend(events.push(piece).unwrap());
        }
        found.extend(events.finish());
        found
    }

    #[test]
    fn events_are_the_same_however_the_stream_is_cut() {
        let check = |stream: &str, expected: &[&str]| {
            for piece in 1..stream.len().max(2) {
                assert_eq!(events(stream, piece), expected, "{stream:?} in pieces of {piece}");
            }
        };
        check("data: {\"é\":1}\n\ndata: [DONE]\n\n", &["{\"é\":1}", "[DONE]"]);
        check("data:a\r\ndata: b\r\n\r\n", &["a\nb"]);
        check(": alive\n\nevent: x\nid: 3\ndata: c\n\n", &["c"]);
        check("data: cut", &["cut"]);
        check("<html>\n<body>\n\n", &[]);
    }

    #[test]
    fn an_endless_event_is_refused() {
        let mut events = Events::default();
        let piece = [b'a'; 4096];
        assert!((0..1_000).any(|_| events.push(&piece).is_err()));
    }
}

//! What does the program add to a model's own time to its first word, and does it hold fifty answers at once?
//!
//! The model is a double that begins to answer at once and goes on at a steady pace: what is measured is everything but
//! the model. It speaks the interface that `intramuros-inference` is tested with against real servers.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use intramuros_core::perimeter::Perimeter;
use intramuros_dialogue::Writers;
use intramuros_egress::{Decision, Egress, Surroundings};

use crate::{USERS, percentile};

/// Pieces of an answer, and the pause after each: one and a half seconds, as a fast model takes for some sentences.
const PIECES: usize = 60;
const PAUSE: Duration = Duration::from_millis(25);

/// Questions asked one after another.
const ONE_BY_ONE: usize = 40;

/// The declared model.
pub fn writers() -> Writers {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || _ = write_an_answer(stream));
        }
    });
    let declared = format!(
        "[[egress]]\nhost = '127.0.0.1'\nport = {port}\npurpose = 'answers'\ntls = false\n[[model]]\nname = 'double'\n\
         kind = 'open-ai'\npurpose = 'answers'\nurl = 'http://127.0.0.1:{port}/v1'\nconcurrency = {USERS}\n"
    );
    let perimeter = Perimeter::parse(&declared, "intramuros.toml").unwrap();
    let recorder = Arc::new(|_: &Decision| Ok(()));
    let egress = Egress::new(&perimeter, Surroundings::default(), recorder).unwrap();
    Writers::new(&perimeter, &egress).unwrap()
}

fn write_an_answer(mut stream: TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let length = head(&mut reader)?;
    std::io::copy(&mut reader.by_ref().take(length), &mut std::io::sink())?;
    stream.set_nodelay(true)?;
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")?;
    for piece in 0..PIECES {
        let text = if piece % 12 == 11 { " [1].\\n" } else { " mot" };
        write!(stream, "data: {{\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n")?;
        std::thread::sleep(PAUSE);
    }
    stream.write_all(b"data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n")
}

/// Reads a head and gives the length of what follows.
fn head(reader: &mut impl BufRead) -> std::io::Result<u64> {
    let (mut line, mut length) = (String::new(), 0);
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let header = line.trim_end().to_ascii_lowercase();
        if let Some(number) = header.strip_prefix("content-length: ") {
            length = number.parse().unwrap_or(0);
        }
        if header.is_empty() {
            return Ok(length);
        }
    }
}

/// Asks for an answer: milliseconds to its first word, and whether it came to its end with all of it.
fn answer(server: SocketAddr, question: &str) -> (f64, bool) {
    let body = serde_json::json!({ "question": question }).to_string();
    let mut stream = TcpStream::connect(server).unwrap();
    let start = Instant::now();
    write!(
        stream,
        "POST /api/v1/answer HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let (mut first, mut whole) = (None, false);
    let mut event = String::new();
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        if let Some(name) = line.strip_prefix("event: ") {
            event = name.to_owned();
        }
        if first.is_none() && (event == "draft" || event == "sentence") {
            first = Some(start.elapsed().as_secs_f64() * 1e3);
        }
        whole |= event == "end" && line.contains("\"model\":\"double\"");
    }
    (first.unwrap_or(f64::NAN), whole)
}

/// Whether the documents answer a question: only then is a model asked.
fn is_answered(server: SocketAddr, question: &str) -> bool {
    let encoded: String = question.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let mut stream = TcpStream::connect(server).unwrap();
    let request =
        format!("GET /api/v1/ask?q={encoded} HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.contains("\"found\":true")
}

/// Measures both, and prints them.
pub fn measure(server: SocketAddr, questions: &[String]) {
    let questions: Vec<&String> =
        questions.iter().filter(|question| is_answered(server, question)).take(USERS).collect();
    let times = |answers: &[(f64, bool)]| {
        let mut times: Vec<f64> =
            answers.iter().map(|(first, _)| *first).filter(|time| time.is_finite()).collect();
        times.sort_by(f64::total_cmp);
        times
    };
    let alone: Vec<(f64, bool)> =
        questions.iter().take(ONE_BY_ONE).map(|question| answer(server, question)).collect();
    let alone = times(&alone);
    println!(
        "to a model's first word, one by one: p50 {:.1} ms, p99 {:.1} ms ({} answers)",
        percentile(&alone, 50),
        percentile(&alone, 99),
        alone.len()
    );
    let together: Vec<(f64, bool)> = std::thread::scope(|scope| {
        let asked: Vec<_> = questions
            .iter()
            .take(USERS)
            .map(|question| scope.spawn(move || answer(server, question)))
            .collect();
        asked.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let lost = together.iter().filter(|(_, whole)| !whole).count();
    let first = times(&together);
    println!(
        "{} answers at once: {lost} lost, to the first word p50 {:.0} ms, p99 {:.0} ms",
        together.len(),
        percentile(&first, 50),
        percentile(&first, 99)
    );
}

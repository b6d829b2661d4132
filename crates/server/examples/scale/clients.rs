//! How long do answers take that others ask for, one after the other and many at once?
//!
//! Others: a process of its own, so that its threads and buffers are not counted as the server's.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::{USERS, percentile};

/// What is asked of the other process, as its first argument.
pub const ONE_BY_ONE: &str = "ask-one-by-one";
pub const AT_ONCE: &str = "ask-at-once";

/// Questions asked before the first that counts.
pub const WARM_UP: usize = 20;

/// How long many ask at once.
const TIME: Duration = Duration::from_secs(10);

/// Has another process ask a server; gives what it measured, in words.
pub fn ask(how: &str, server: SocketAddr, questions: &[String]) -> String {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([how, &server.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let text =
        questions.iter().map(|question| format!("{}\n", question.replace('\n', " "))).collect::<String>();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", output.status);
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// The other process: asks the questions of its standard input.
pub fn run(how: &str, server: &str) {
    let server: SocketAddr = server.parse().unwrap();
    let questions: Vec<String> = std::io::stdin().lines().map(Result::unwrap).collect();
    let told = if how == ONE_BY_ONE { one_by_one(server, &questions) } else { at_once(server, &questions) };
    println!("{told}");
}

fn one_by_one(server: SocketAddr, questions: &[String]) -> String {
    let mut client = Client::new(server);
    for question in questions.iter().rev().take(WARM_UP) {
        client.ask(question);
    }
    let mut times: Vec<f64> = questions
        .iter()
        .map(|question| {
            let start = Instant::now();
            client.ask(question);
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    format!("p50 {:.1} ms, p99 {:.1} ms", percentile(&times, 50), percentile(&times, 99))
}

/// Many users who each ask one question after another.
fn at_once(server: SocketAddr, questions: &[String]) -> String {
    let until = Instant::now() + TIME;
    let mut times: Vec<f64> = std::thread::scope(|scope| {
        let users: Vec<_> = (0..USERS)
            .map(|user| {
                scope.spawn(move || {
                    let mut client = Client::new(server);
                    let mut times = Vec::new();
                    for question in questions.iter().cycle().skip(user * 7) {
                        let start = Instant::now();
                        if start > until {
                            break;
                        }
                        if client.ask(question) {
                            times.push(start.elapsed().as_secs_f64() * 1e3);
                        }
                    }
                    times
                })
            })
            .collect();
        users.into_iter().flat_map(|user| user.join().unwrap()).collect()
    });
    times.sort_by(f64::total_cmp);
    let rate = times.len() as f64 / TIME.as_secs_f64();
    format!("{rate:.0} a second, p50 {:.0} ms, p99 {:.0} ms", percentile(&times, 50), percentile(&times, 99))
}

/// One connection that is kept.
struct Client(BufReader<TcpStream>, SocketAddr);

impl Client {
    fn new(address: SocketAddr) -> Client {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        Client(BufReader::new(stream), address)
    }

    /// Asks, and waits for the answer; false when the server is too busy.
    fn ask(&mut self, question: &str) -> bool {
        let encoded: String = question.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let request = format!("GET /api/v1/search?q={encoded} HTTP/1.1\r\nHost: {}\r\n\r\n", self.1);
        self.0.get_mut().write_all(request.as_bytes()).unwrap();
        let (mut line, mut length, mut status) = (String::new(), 0, String::new());
        loop {
            line.clear();
            self.0.read_line(&mut line).unwrap();
            if status.is_empty() {
                status = line.clone();
            }
            let header = line.trim_end().to_ascii_lowercase();
            if let Some(number) = header.strip_prefix("content-length: ") {
                length = number.parse().unwrap();
            }
            if header.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).unwrap();
        assert!(
            status.contains("200") || status.contains("503"),
            "{status}{}",
            String::from_utf8_lossy(&body)
        );
        status.contains("200")
    }
}

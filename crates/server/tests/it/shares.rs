//! Does one person who takes as much as they can leave room for others?

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use intramuros_core::document::{Extracted, Limits as FileLimits};
use intramuros_core::error::Error;
use intramuros_core::perimeter::Perimeter;
use intramuros_dialogue::Writers;
use intramuros_ingest::passages::{PassageOptions, split};
use intramuros_library::{Embed, Library, Options, Reading};
use intramuros_server::{Application, Limits, Settings, Walls, serve};
use serde_json::json;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use crate::people::{Browser, PASSPHRASE, accounts, server_of, server_with};
use crate::support::{Scene, Server, eventually};

/// Longer than anything takes.
const LONG: Duration = Duration::from_secs(120);

/// How long a test looks whether something came.
const MOMENT: Duration = Duration::from_millis(50);

/// A source that takes files.
const DONS: &str = "[[source]]\nname = \"dons\"\nkind = \"uploads\"\n";

/// A connection on which something was asked, whose answer nobody has read yet.
fn open(address: SocketAddr, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

/// All of an answer.
fn whole(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The status of an answer that goes on.
fn status(stream: &mut TcpStream) -> u16 {
    let mut line = [0; 12];
    stream.read_exact(&mut line).unwrap();
    String::from_utf8_lossy(&line)[9..].parse().unwrap()
}

/// The beginning of what has come by now.
fn come(stream: &TcpStream) -> String {
    stream.set_read_timeout(Some(MOMENT)).unwrap();
    let mut line = [0; 12];
    let read = stream.peek(&mut line).unwrap_or(0);
    String::from_utf8_lossy(&line[..read]).into_owned()
}

/// The line by which somebody is known.
fn cookie_of(browser: &Browser<'_>) -> String {
    let cookies: Vec<String> =
        browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("Cookie: {}\r\n", cookies.join("; "))
}

#[test]
fn event_streams_of_one_reader_leave_answers_and_streams_to_others() {
    let limits = Limits { wait: Duration::from_millis(200), ..Limits::default() };
    let (server, _people) = server_with(Settings { limits, ..Settings::default() });
    let (mut rose, mut remi) = (Browser::of(&server, "rose"), Browser::of(&server, "remi"));
    let events = |who: &Browser<'_>| {
        let (host, cookie) = (server.address, cookie_of(who));
        open(host, &format!("GET /api/v1/events HTTP/1.1\r\nHost: {host}\r\n{cookie}\r\n"))
    };
    let mut streams: Vec<TcpStream> = (0..128).map(|_| events(&rose)).collect();
    let statuses: Vec<u16> = streams.iter_mut().map(status).collect();
    let count = |wanted: u16| statuses.iter().filter(|status| **status == wanted).count();
    assert_eq!((count(200), count(429)), (8, 120), "{statuses:?}");
    let refused = rose.get("/api/v1/events");
    let message = refused.json()["message"].as_str().unwrap().to_owned();
    assert_eq!((refused.status, refused.header("retry-after")), (429, "1"));
    assert!(message.contains("vos propres demandes") && message.contains("your own requests"), "{message}");
    // Streams take no answer's place, not even one's own.
    for who in [&mut rose, &mut remi] {
        let asked = json!({"question": "Combien de jours de télétravail par semaine ?"});
        let answer = who.ask("POST", "/api/v1/answer", Some(asked));
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(answer.text().contains("event: end"), "{}", answer.text());
    }
    assert_eq!(status(&mut events(&remi)), 200);
    // What is given back can be taken again.
    drop(streams);
    eventually(|| (status(&mut events(&rose)) == 200).then_some(()));
}

/// A model that takes its time, and counts the texts that it was given.
#[derive(Default)]
struct Slow(AtomicUsize);

impl Slow {
    fn texts(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Embed for Slow {
    fn name(&self) -> &str {
        "slow"
    }

    fn query(&self, _: &str) -> Result<Vec<f32>, Error> {
        Ok(vec![1.0])
    }

    fn passages(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, Error> {
        for _ in texts {
            std::thread::sleep(Duration::from_millis(50));
            self.0.fetch_add(1, Ordering::Relaxed);
        }
        Ok(vec![vec![1.0]; texts.len()])
    }
}

/// A server without documents, with people and that model.
struct Served {
    address: SocketAddr,
    slow: Arc<Slow>,
    stop: Option<oneshot::Sender<()>>,
    runtime: Option<Runtime>,
    _folders: [TempDir; 3],
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(5));
        }
    }
}

impl Served {
    fn start(limits: Limits) -> Served {
        let (root, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let extract =
            |name: &str, bytes: &[u8]| intramuros_ingest::extract(name, bytes, &FileLimits::default());
        let cut = |extracted: &Extracted| split(extracted, &PassageOptions::default());
        let reading = Reading {
            extract: Arc::new(extract),
            split: Arc::new(cut),
            version: 1,
            threads: 1,
            limits: FileLimits::default(),
        };
        let declared = format!("[[source]]\nname = \"papers\"\npath = {:?}\n", root.path().to_str().unwrap());
        let slow = Arc::new(Slow::default());
        let options = Options {
            data: data.path().to_owned(),
            perimeter: Perimeter::parse(&declared, "intramuros.toml").unwrap(),
            reading,
            embed: Some(Arc::clone(&slow) as Arc<dyn Embed>),
            earlier: Vec::new(),
        };
        let library = Arc::new(Library::open(options).unwrap());
        library.scan("papers").unwrap();
        let (accounts, people) = accounts(true, "");
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let application = Application {
            library,
            settings: Settings { accounts: Some(accounts), limits, ..Settings::default() },
            walls: Walls::default(),
            writers: Arc::new(Writers::none()),
        };
        runtime.spawn(serve(vec![listener], application, async {
            let _ = stopped.await;
        }));
        Served { address, slow, stop: Some(stop), runtime: Some(runtime), _folders: [root, data, people] }
    }

    /// Signs somebody in; gives the line by which they are known.
    fn sign_in(&self, name: &str) -> String {
        let body = json!({"name": name, "passphrase": PASSPHRASE}).to_string();
        let answer = whole(self.post("/api/v1/session", "", &body));
        let head = answer.lines().take_while(|line| !line.is_empty());
        let cookies: Vec<&str> = head
            .filter_map(|line| line.strip_prefix("set-cookie: "))
            .filter_map(|value| value.split(';').next())
            .collect();
        assert!(!cookies.is_empty(), "{answer}");
        format!("Cookie: {}\r\n", cookies.join("; "))
    }

    fn post(&self, path: &str, cookie: &str, body: &str) -> TcpStream {
        let (host, length) = (self.address, body.len());
        open(
            host,
            &format!(
                "POST {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nConnection: close\r\nContent-Type: \
                 application/json\r\nContent-Length: {length}\r\n{cookie}\r\n{body}"
            ),
        )
    }

    /// Asks for the vectors of as many texts as are taken, which takes thirteen seconds.
    fn ask_for_vectors(&self, cookie: &str) -> TcpStream {
        self.post("/v1/embeddings", cookie, &json!({"input": vec!["un texte"; 256]}).to_string())
    }
}

#[test]
fn vectors_for_one_reader_leave_searches_to_others_and_end_when_nobody_waits() {
    let served = Served::start(Limits { at_once: 2, ..Limits::default() });
    let (rose, remi) = (served.sign_in("rose"), served.sign_in("remi"));
    let asked: Vec<TcpStream> = (0..8).map(|_| served.ask_for_vectors(&rose)).collect();
    eventually(|| (served.slow.texts() > 0).then_some(()));
    for _ in 0..5 {
        let host = served.address;
        let search =
            format!("GET /api/v1/search?q=clou HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{remi}\r\n");
        let found = whole(open(host, &search));
        assert!(found.starts_with("HTTP/1.1 200"), "{found}");
    }
    drop(asked);
    let mut before = usize::MAX;
    let texts = eventually(|| {
        std::thread::sleep(Duration::from_secs(1));
        let now = served.slow.texts();
        let ended = std::mem::replace(&mut before, now) == now;
        ended.then_some(now)
    });
    assert!(texts < 8 * 256 / 2, "the model went on for nobody: {texts} texts");
}

#[test]
fn vectors_are_given_in_their_order_a_few_at_a_time() {
    let served = Served::start(Limits { at_once: 1, ..Limits::default() });
    let anne = served.sign_in("anne");
    let answer = whole(served.post("/v1/embeddings", &anne, r#"{"input": ["a", "b", "c", "d", "e"]}"#));
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!((answer.matches("\"embedding\":[").count(), served.slow.texts()), (5, 5), "{answer}");
    assert!(answer.contains("\"index\":4"), "{answer}");
}

#[test]
fn the_end_of_the_program_does_not_wait_for_all_vectors() {
    let mut served = Served::start(Limits::default());
    let anne = served.sign_in("anne");
    let asked = served.ask_for_vectors(&anne);
    eventually(|| (served.slow.texts() > 0).then_some(()));
    drop(served.stop.take());
    let answer = whole(asked);
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(served.slow.texts() < 256, "{}", served.slow.texts());
}

/// A server that takes files.
fn taking(limits: Limits) -> (Server, TempDir) {
    let settings = Settings { limits, ..Settings::default() };
    server_of(Scene { files: &[], rules: DONS, settings, ..Scene::default() })
}

/// Begins to bring a file of so many bytes.
fn begin(who: &Browser<'_>, name: &str, length: usize, headers: &str) -> TcpStream {
    let (host, cookie) = (who.server.address, cookie_of(who));
    open(
        host,
        &format!(
            "POST /api/v1/uploads?name={name} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nConnection: \
             close\r\n{cookie}Content-Type: application/octet-stream\r\nContent-Length: {length}\r\n{headers}\r\n"
        ),
    )
}

/// Brings a file; gives what is answered.
fn bring(who: &Browser<'_>, name: &str, text: &str) -> String {
    let mut stream = begin(who, name, text.len(), "");
    stream.write_all(text.as_bytes()).unwrap();
    whole(stream)
}

#[test]
fn files_of_one_person_that_never_come_leave_room_for_those_of_others() {
    let (server, _people) = taking(Limits { uploads: 8, uploads_each: 4, ..Limits::default() });
    let (adam, anne) = (Browser::of(&server, "adam"), Browser::of(&server, "anne"));
    // The server asks for a body when it has a place for it.
    let expects = "Expect: 100-continue\r\n";
    let begun: Vec<TcpStream> =
        (0..8).map(|number| begin(&adam, &format!("{number}.txt"), 1_000, expects)).collect();
    let taken = || begun.iter().filter(|stream| come(stream) == "HTTP/1.1 100").count();
    eventually(|| (taken() == 4).then_some(()));
    let answer = bring(&anne, "bail.txt", "Le bail court neuf ans.\n");
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    assert_eq!(taken(), 4);
}

#[test]
fn a_file_that_comes_byte_by_byte_is_given_up() {
    let (server, _people) = taking(Limits { upload_pause: Duration::from_secs(1), ..Limits::default() });
    let adam = Browser::of(&server, "adam");
    let mut dripping = begin(&adam, "goutte.txt", 200, "");
    // Never a pause that would be too long by itself; all of it would take ten seconds.
    let answer = (0..200).find_map(|_| {
        let _ = dripping.write_all(b"x");
        Some(come(&dripping)).filter(|answer| !answer.is_empty())
    });
    assert_eq!(answer.as_deref(), Some("HTTP/1.1 408"));
    let answer = bring(&adam, "vite.txt", &"Une ligne parmi d’autres.\n".repeat(10_000));
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
}

//! How do the tests start the real program on a folder, and talk to it?

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// Longer than anything takes on a machine that does other things beside.
const LONG: Duration = Duration::from_secs(120);

/// A folder of documents, a data folder and what else lies beside them.
pub struct House {
    pub root: TempDir,
}

impl House {
    pub fn new(files: &[(&str, &str)]) -> House {
        let house = House { root: tempfile::tempdir().unwrap() };
        std::fs::create_dir(house.path().join("documents")).unwrap();
        files.iter().for_each(|(name, text)| house.put(name, text));
        house
    }

    pub fn path(&self) -> &Path {
        self.root.path()
    }

    /// Puts a document.
    pub fn put(&self, name: &str, text: &str) {
        let path = self.path().join("documents").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Puts the configuration as editors do: a new file in the place of the old one.
    pub fn declare(&self, text: &str) {
        let new = self.path().join("new.toml");
        let sources = "[data]\nfolder = 'data'\n[[source]]\nname = 'documents'\npath = 'documents'\n";
        std::fs::write(&new, format!("{text}{sources}")).unwrap();
        std::fs::rename(new, self.path().join("intramuros.toml")).unwrap();
    }

    /// Starts `serve` on the folder, or on the configuration when there is one.
    pub fn serve(&self) -> Program {
        self.serve_with(&[])
    }

    /// The same, with more options.
    pub fn serve_with(&self, options: &[&str]) -> Program {
        let mut command = self.command();
        command.args(["serve", "--listen", "127.0.0.1:0"]).args(options);
        if !self.path().join("intramuros.toml").exists() {
            command.args(["documents", "--data", "data"]);
        }
        Program::start(command)
    }

    /// Runs a command that ends; its output and whether it went well.
    pub fn run(&self, arguments: &[&str]) -> (String, bool) {
        self.run_in("C", arguments)
    }

    /// As [`House::run`], where the environment has this locale.
    pub fn run_in(&self, locale: &str, arguments: &[&str]) -> (String, bool) {
        let output = self.command().env("LC_ALL", locale).args(arguments).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (String::from_utf8_lossy(&text).into_owned(), output.status.success())
    }

    /// Runs a command that talks over its pipes: it is told these lines, and asked no more.
    pub fn talk(&self, arguments: &[&str], lines: &[Value]) -> (String, bool) {
        let mut command = self.command();
        let command = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        for line in lines {
            writeln!(input, "{line}").unwrap();
            // What has a number is answered.
            if line.get("id").is_some() {
                output.read_line(&mut said).unwrap();
            }
        }
        drop(input);
        output.read_to_string(&mut said).unwrap();
        (said, child.wait().unwrap().success())
    }

    /// The events of the journal, of one kind or all.
    pub fn journal(&self, kind: &str) -> Vec<Value> {
        let (text, whole) = self.run(&["journal", "export", "--data", "data"]);
        assert!(whole, "{text}");
        let events = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["e"].clone());
        events.filter(|event| kind.is_empty() || event["event"] == kind).collect()
    }

    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_intramuros"));
        command.current_dir(self.path()).env("XDG_DATA_HOME", self.path()).stdin(Stdio::null());
        command
    }
}

/// The program as it runs; killed when dropped.
pub struct Program {
    child: Child,
    pub address: String,
    said: Arc<Mutex<Vec<String>>>,
}

impl Program {
    fn start(mut command: Command) -> Program {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let said = Arc::new(Mutex::new(Vec::new()));
        let errors = child.stderr.take().unwrap();
        let kept = Arc::clone(&said);
        std::thread::spawn(move || {
            for line in BufReader::new(errors).lines().map_while(Result::ok) {
                kept.lock().unwrap().push(line);
            }
        });
        let mut first = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
        let address = first.split("http://").nth(1).map(|rest| rest.trim().trim_end_matches('/').to_owned());
        let address = address.unwrap_or_else(|| panic!("it did not start: {:?}", said.lock().unwrap()));
        Program { child, address, said }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args([format!("-{name}"), self.pid().to_string()]).status();
        assert!(status.unwrap().success());
    }

    /// Kills it, as a power cut would.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop, and waits until it has.
    pub fn stop(mut self) {
        self.signal("TERM");
        let began = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            assert!(began.elapsed() < LONG, "it does not stop");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits until it has ended by itself; its exit code.
    pub fn ends(mut self) -> Option<i32> {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(began.elapsed() < LONG, "it does not end");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits until it has said a line that holds `text`.
    pub fn says(&self, text: &str) {
        self.says_times(text, 1);
    }

    /// Waits until it has said such lines so often.
    pub fn says_times(&self, text: &str, times: usize) {
        let count = || self.said.lock().unwrap().iter().filter(|line| line.contains(text)).count();
        self.wait(text, || count() >= times);
    }

    /// Waits until it has said a line that holds `text`, and gives the line.
    pub fn line(&self, text: &str) -> String {
        self.says(text);
        self.said.lock().unwrap().iter().find(|line| line.contains(text)).unwrap().clone()
    }

    /// Whether it has said a line that holds `text` up to now.
    pub fn has_said(&self, text: &str) -> bool {
        self.said.lock().unwrap().iter().any(|line| line.contains(text))
    }

    /// Waits until a search finds exactly these paths.
    pub fn finds(&self, question: &str, expected: &[&str]) {
        let mut found = Vec::new();
        let began = Instant::now();
        while began.elapsed() < LONG {
            let answer = self.get(&format!("/api/v1/search?q={question}"));
            let results = answer["results"].as_array().cloned().unwrap_or_default();
            found = results.iter().map(|one| one["path"].as_str().unwrap().to_owned()).collect();
            found.sort();
            if found == expected {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("{question}: found {found:?}, not {expected:?}; it said {:?}", self.said.lock().unwrap());
    }

    /// The JSON at an address of the API.
    pub fn get(&self, path: &str) -> Value {
        self.ask("GET", path, "")
    }

    /// Sends JSON to an address of the API; gives what it answers.
    pub fn post(&self, path: &str, body: &str) -> Value {
        self.ask("POST", path, body)
    }

    /// Brings a document; gives what is answered.
    pub fn bring(&self, name: &str, text: &str) -> Value {
        self.ask_as("POST", &format!("/api/v1/uploads?name={name}"), "application/octet-stream", text)
    }

    /// Sends a file to any address that takes one; gives what is answered.
    pub fn send(&self, path: &str, text: &str) -> Value {
        self.ask_as("POST", path, "application/octet-stream", text)
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> Value {
        self.ask_as(method, path, "application/json", body)
    }

    fn ask_as(&self, method: &str, path: &str, kind: &str, body: &str) -> Value {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let (host, length) = (&self.address, body.len());
        let kind = if body.is_empty() {
            String::new()
        } else {
            format!("Content-Type: {kind}\r\nContent-Length: {length}\r\n")
        };
        write!(stream, "{method} {path} HTTP/1.0\r\nHost: {host}\r\nConnection: close\r\n{kind}\r\n{body}")
            .unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{path}: {error}: {text}"))
    }

    /// Waits until something is so.
    pub fn wait(&self, what: &str, mut done: impl FnMut() -> bool) {
        let began = Instant::now();
        while !done() {
            assert!(
                began.elapsed() < LONG,
                "{what}: not within {LONG:?}; it said {:?}",
                self.said.lock().unwrap()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

//! How do the tests start a server on a folder and talk to it?

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use intramuros_core::access::Principal;
use intramuros_core::document::{
    Block, BlockKind, ExtractError, Extracted, Kind, Limits as FileLimits, Part, Place,
};
use intramuros_core::language::detect;
use intramuros_core::passage::Passage;
use intramuros_core::perimeter::Perimeter;
use intramuros_dialogue::Writers;
use intramuros_ingest::passages::{self, PassageOptions};
use intramuros_library::{Library, Options, Reading};
use intramuros_server::{Application, Limits, Settings, Walls, serve};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

/// Longer than anything takes on a machine that does other things beside.
const LONG: Duration = Duration::from_secs(120);

/// A server on a folder of its own; it stops when it is dropped.
pub struct Server {
    pub root: TempDir,
    pub address: SocketAddr,
    pub library: Arc<Library>,
    stop: Option<oneshot::Sender<()>>,
    runtime: Option<Runtime>,
    _data: TempDir,
}

/// What is to be served, and to whom.
pub struct Scene<'a> {
    pub files: &'a [(&'a str, &'a str)],
    /// `[[access]]` rules.
    pub rules: &'a str,
    pub settings: Settings,
    pub walls: Walls,
    pub writers: Writers,
}

impl Default for Scene<'_> {
    fn default() -> Self {
        Scene {
            files: FILES,
            rules: "",
            settings: Settings::default(),
            walls: Walls::default(),
            writers: Writers::none(),
        }
    }
}

/// A few documents in both languages.
pub const FILES: &[(&str, &str)] = &[
    (
        "rh/conges.txt",
        "# Congés payés\n\nChaque salarié acquiert deux jours et demi de congés payés par mois de travail.\n\
         Les congés se posent un mois à l’avance.\n",
    ),
    ("rh/teletravail.txt", "# Télétravail\n\nLe télétravail est possible deux jours par semaine.\n"),
    ("legal/lease.txt", "# Lease\n\nThe lease ends after nine years unless renewed in writing.\n"),
    ("prix.txt", "# Prix\n\nproduit | prix\nclou | 3\nvis | 4\n"),
    ("plan.pdf", "%PDF-1.4 Le plan du bâtiment montre deux étages.\n"),
    ("secret.txt", "LOCKED\n"),
];

/// A PDF of one page that shows its first line, which is what the reader of these tests takes for its page 1.
pub const DRAWN: &str = "%PDF-1.4 Le plan montre deux tours.
1 0 obj <</Type/Catalog/Pages 2 0 R>> endobj
2 0 obj <</Type/Pages/Kids[3 0 R]/Count 1>> endobj
3 0 obj <</Type/Page/Parent 2 0 R/MediaBox[0 0 400 200]/Resources<</Font<</F1 5 0 R>>>>/Contents 4 0 R>> endobj
4 0 obj <</Length 66>> stream
BT /F1 12 Tf 40 150 Td (PDF-1.4 Le plan montre deux tours.) Tj ET
endstream endobj
5 0 obj <</Type/Font/Subtype/Type1/BaseFont/Helvetica>> endobj
trailer <</Root 1 0 R>>
";

/// Settings of a server that draws pages as the program does, but in its own process.
pub fn drawing() -> Settings {
    Settings { look: Some(Arc::new(intramuros_ingest::pdf::look)), ..Settings::default() }
}

impl Server {
    pub fn start(scene: Scene<'_>) -> Server {
        Server::reading(reading(), scene)
    }

    /// A server that reads files as the program does, but in its own process.
    pub fn reading_all(scene: Scene<'_>) -> Server {
        let extract =
            |name: &str, bytes: &[u8]| intramuros_ingest::extract(name, bytes, &FileLimits::default());
        let split = |extracted: &Extracted| passages::split(extracted, &PassageOptions::default());
        Server::reading(Reading { extract: Arc::new(extract), split: Arc::new(split), ..reading() }, scene)
    }

    fn reading(reading: Reading, scene: Scene<'_>) -> Server {
        let root = tempfile::tempdir().unwrap();
        let data = tempfile::tempdir().unwrap();
        for (path, text) in scene.files {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let library = Arc::new(Library::open(options(&root, &data, scene.rules, reading)).unwrap());
        library.scan("papers").unwrap();
        assert!(library.wait_for_words(LONG).unwrap(), "{:?}", library.progress());
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let application = Application {
            library: Arc::clone(&library),
            settings: scene.settings,
            walls: scene.walls,
            writers: Arc::new(scene.writers),
        };
        runtime.spawn(serve(vec![listener], application, async {
            let _ = stopped.await;
        }));
        Server { root, address, library, stop: Some(stop), runtime: Some(runtime), _data: data }
    }

    /// The server of a visitor who is not the owner.
    pub fn for_visitor(visitor: &str, rules: &str) -> Server {
        let visitor = Principal::parse(visitor).unwrap();
        Server::start(Scene {
            rules,
            settings: Settings { visitor, ..Settings::default() },
            ..Scene::default()
        })
    }

    pub fn with_limits(limits: Limits) -> Server {
        Server::start(Scene { settings: Settings { limits, ..Settings::default() }, ..Scene::default() })
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address))
    }

    /// With headers of the test's own; `Host` is ours.
    pub fn get_with(&self, path: &str, headers: &str) -> Answer {
        let host = self.address;
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n"))
    }

    /// Sends bytes and reads until the server closes the connection.
    pub fn send(&self, request: &str) -> Answer {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        // A server that answers before it has read everything closes early.
        let _ = stream.write_all(request.as_bytes());
        let mut bytes = Vec::new();
        // A server that closes early is an answer too.
        let _ = stream.read_to_end(&mut bytes);
        Answer::parse(&bytes)
    }

    /// The JSON of an answer that must be there.
    pub fn json(&self, path: &str) -> Value {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.json()
    }

    /// Asks the server to stop, as Ctrl+C does.
    pub fn stop(&mut self) {
        drop(self.stop.take());
    }

    /// Number of the document at a path, whoever may read it.
    pub fn document(&self, path: &str) -> i64 {
        let store = self.library.store();
        let documents = store.documents_after(intramuros_store::DocumentId(0), 1_000).unwrap();
        documents.iter().find(|document| document.path() == path).unwrap().id.0
    }
}

/// Waits until there is something.
pub fn eventually<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let until = std::time::Instant::now() + LONG;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(std::time::Instant::now() < until, "it did not come");
        std::thread::sleep(Duration::from_millis(20));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(5));
        }
    }
}

/// What the server sent back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    fn parse(bytes: &[u8]) -> Answer {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        let Some(end) = end else { return Answer { status: 0, headers: Vec::new(), body: bytes.to_vec() } };
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        let chunked = headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked");
        let body = bytes[end + 4..].to_vec();
        Answer { status, headers, body: if chunked { dechunk(&body) } else { body } }
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }
}

fn dechunk(mut bytes: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = bytes.windows(2).position(|window| window == b"\r\n") {
        let size = usize::from_str_radix(&String::from_utf8_lossy(&bytes[..end]), 16).unwrap_or(0);
        let rest = &bytes[end + 2..];
        if size == 0 || rest.len() < size {
            break;
        }
        body.extend_from_slice(&rest[..size]);
        bytes = rest.get(size + 2..).unwrap_or_default();
    }
    body
}

fn options(root: &TempDir, data: &TempDir, rules: &str, reading: Reading) -> Options {
    let declared =
        format!("[[source]]\nname = \"papers\"\npath = {:?}\n{rules}", root.path().to_str().unwrap());
    let perimeter = Perimeter::parse(&declared, "intramuros.toml").unwrap();
    Options { data: data.path().to_owned(), perimeter, reading, embed: None, earlier: Vec::new() }
}

fn reading() -> Reading {
    Reading {
        extract: Arc::new(extract),
        split: Arc::new(split),
        version: 1,
        threads: 2,
        limits: FileLimits::default(),
    }
}

/// A reader of plain lines: `# ` opens a heading, ` | ` makes a row of a table.
fn extract(name: &str, bytes: &[u8]) -> Result<Extracted, ExtractError> {
    let text = String::from_utf8_lossy(bytes);
    if text.starts_with("LOCKED") {
        return Err(ExtractError::Encrypted("a password is needed".into()));
    }
    // `== name for anne@example.org` opens a part that is for her alone.
    if text.starts_with("== ") {
        let part = |text: &str| {
            let (head, text) = text.split_once('\n').unwrap_or((text, ""));
            let (name, only) =
                head.split_once(" for ").map_or((head, None), |(name, only)| (name, Some(only)));
            let readers = only.map(|only| only.split(',').map(str::to_owned).collect());
            Part { readers, ..Part::new(name, extract(name, text.as_bytes())) }
        };
        let parts = text.split("== ").filter(|text| !text.is_empty()).map(part).collect();
        return Ok(Extracted { kind: Some(Kind::Archive), parts, ..Extracted::default() });
    }
    let kind = if name.ends_with(".pdf") { Kind::Pdf } else { Kind::Text };
    let mut extracted = Extracted { kind: Some(kind), ..Extracted::default() };
    let mut rows = 0;
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.is_empty()) {
        let (block, text) = match line.strip_prefix("# ") {
            Some(heading) => (BlockKind::Heading { level: 1 }, heading),
            None if line.contains(" | ") => {
                rows += 1;
                (BlockKind::TableRow { table: 0, header: rows == 1 }, line)
            }
            None => (BlockKind::Paragraph, line),
        };
        if extracted.title.is_none() && matches!(block, BlockKind::Heading { .. }) {
            extracted.title = Some(text.to_owned());
        }
        let place = match kind {
            Kind::Pdf => Place { page: Some(number as u32 + 1), ..Place::default() },
            _ => Place { line: Some(number as u32 + 1), ..Place::default() },
        };
        extracted.blocks.push(Block { kind: block, text: text.to_owned(), place });
    }
    Ok(extracted)
}

/// One passage for each block.
fn split(extracted: &Extracted) -> Vec<Passage> {
    let mut at = 0;
    let passage = |(ordinal, block): (usize, &Block)| {
        let start = at;
        at += block.text.len() + 1;
        Passage {
            ordinal: ordinal as u32,
            headings: Vec::new(),
            table_header: String::new(),
            text: block.text.clone(),
            range: start..start + block.text.len(),
            pages: block.place.page.map(|page| (page, page)),
            lines: block.place.line.map(|line| (line, line)),
            section: None,
            language: detect(&block.text),
        }
    };
    extracted.blocks.iter().enumerate().map(passage).collect()
}

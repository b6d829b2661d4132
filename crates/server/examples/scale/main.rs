//! How do indexing, memory and the time of a question grow with the number of passages?
//!
//! `cargo run --release -p intramuros-server --example scale -- [PASSAGES] [FOLDER OF TEST DATA] [page | embedding]`
//!
//! With `page` it serves the page over the index instead of measuring, until its standard input ends: for
//! `tests/browser/typing.js`. With `embedding` the number is one of real documents, and it measures how fast they are embedded.
//!
//! Documents are made by recombining the sentences of the test sets, so that words are as frequent as in real text;
//! they are read, split, stored and indexed as the program does. Questions are those of the sets, asked over HTTP by another
//! process, with the built-in model's vector of each: memory and processor time are the server's alone. The passages' vectors are real ones too, but drawn from a pool and moved a
//! little: computing a million would take hours and change nothing in what a search does.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement prints, and stops at what is wrong"
)]

mod clients;
mod embedding;
mod stream;

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use intramuros_core::access::Principal;
use intramuros_core::error::Error;
use intramuros_core::perimeter::Perimeter;
use intramuros_core::sentence::sentences;
use intramuros_core::vector::Calibration;
use intramuros_dialogue::Writers;
use intramuros_inference::Embedder;
use intramuros_ingest::passages::{PassageOptions, split};
use intramuros_library::{Embed, Library, Options, Reading};
use intramuros_server::{Application, Limits, Settings, Walls, serve};
use intramuros_testkit::{memory, processor_seconds, shared_data};

const SETS: [&str; 4] = ["cnil_faq_fr", "servicepublic_fr", "awsdocs_en", "cranfield_en"];
const POOL: usize = 1_000;
const QUESTIONS: usize = 400;
const USERS: usize = 50;
/// Longer than anything takes.
const LONG: Duration = Duration::from_secs(3 * 3600);

/// Who sees which share of the folders `00` to `99`.
const RULES: &str = r#"
[[access]]
path = "*/**"
users = ["everything"]
[[access]]
path = "[0-4]?/**"
users = ["half", "everything"]
[[access]]
path = "0?/**"
users = ["tenth", "half", "everything"]
[[access]]
path = "00/**"
users = ["hundredth", "tenth", "half", "everything"]
"#;

struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % below.max(1)
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [how, server] = arguments.as_slice()
        && [clients::ONE_BY_ONE, clients::AT_ONCE].contains(&how.as_str())
    {
        return clients::run(how, server);
    }
    let is_mode = |one: &String| ["page", "embedding"].contains(&one.as_str());
    let (modes, others): (Vec<String>, Vec<String>) = arguments.into_iter().partition(is_mode);
    let mode = modes.first().map(String::as_str);
    let mut arguments = others.into_iter();
    let passages: usize = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(10_000);
    let data = arguments.next().map_or_else(|| shared_data("."), |path| Some(path.into()));
    let Some(data) = data else { return };
    if mode == Some("embedding") {
        return embedding::measure(&data, passages);
    }
    let scratch = tempfile::tempdir().unwrap();
    let (root, index) = (scratch.path().join("documents"), scratch.path().join("data"));
    let (documents, questions) = read_sets(&data);
    let mut random = Random(0x5EED_5EED_5EED);
    let files = write_documents(&root, &documents, passages, &mut random);
    let embed = Arc::new(Pooled::new(&documents, &mut random));
    // They are the measurement's own.
    drop(documents);
    println!("{files} files of {} MB; before any of it {}", folder_bytes(&root) >> 20, memory());

    let options = || options(&root, &index, Arc::clone(&embed) as Arc<dyn Embed>);
    let watch = Instant::now();
    let library = Library::open(options()).unwrap();
    library.scan("papers").unwrap();
    println!("read and acknowledged: {:.1} s, {}", watch.elapsed().as_secs_f64(), memory());
    assert!(library.wait_for_words(LONG).unwrap());
    let seconds = watch.elapsed().as_secs_f64();
    let count = library.counts().unwrap().passages;
    println!(
        "searchable by words: {seconds:.1} s, {count} passages, {:.0} a second, {}",
        count as f64 / seconds,
        memory()
    );
    assert!(library.wait_for_vectors(LONG).unwrap());
    println!("with vectors: {:.1} s, {}", watch.elapsed().as_secs_f64(), memory());
    drop(library);
    println!("on disk: {} MB", folder_bytes(&index) >> 20);

    let watch = Instant::now();
    let library = Arc::new(Library::open(options()).unwrap());
    let opened = watch.elapsed();
    library.search(&Principal::owner(), &questions[0], &Default::default()).unwrap();
    println!(
        "opened: {:.0} ms, first answer {:.0} ms after the start, {}",
        opened.as_secs_f64() * 1e3,
        watch.elapsed().as_secs_f64() * 1e3,
        memory()
    );
    if mode == Some("page") {
        let server = Server::start(&library, Principal::owner(), Writers::none());
        println!("page: http://{}", server.address);
        std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).unwrap();
        return;
    }
    let who: Vec<Principal> = [Principal::owner()]
        .into_iter()
        .chain(["everything", "half", "tenth", "hundredth"].map(|name| Principal::user(name, [""; 0])))
        .collect();
    for visitor in who {
        let name = if visitor.owner { "owner".to_owned() } else { visitor.user.clone().unwrap_or_default() };
        let server = Server::start(&library, visitor, Writers::none());
        let before = processor_seconds();
        let one_by_one = clients::ask(clients::ONE_BY_ONE, server.address, &questions);
        let each = (processor_seconds() - before) * 1e3 / (questions.len() + clients::WARM_UP) as f64;
        let at_once = clients::ask(clients::AT_ONCE, server.address, &questions);
        println!(
            "{name:10} {one_by_one}, {each:.1} ms of processors each; {USERS} at once: {at_once}, {}",
            memory()
        );
    }
    let server = Server::start(&library, Principal::owner(), stream::writers());
    stream::measure(server.address, &questions);
}

/// Title and sentences of each document of the sets, and their questions.
fn read_sets(data: &Path) -> (Vec<(String, Vec<String>)>, Vec<String>) {
    let (mut documents, mut questions) = (Vec::new(), Vec::new());
    for set in SETS {
        for line in lines(data.join(set).join("corpus.jsonl")) {
            let body = text(&line, "text");
            let pieces: Vec<String> = sentences(&body)
                .into_iter()
                .map(|range| body[range].trim().to_owned())
                .filter(|piece| !piece.is_empty())
                .collect();
            if !pieces.is_empty() {
                documents.push((text(&line, "title"), pieces));
            }
        }
        questions.push(
            lines(data.join(set).join("queries.jsonl"))
                .iter()
                .map(|line| text(line, "text"))
                .collect::<Vec<_>>(),
        );
    }
    // By turns from each set, so that a part of them is a fair part.
    let longest = questions.iter().map(Vec::len).max().unwrap_or(0);
    let mixed =
        (0..longest).flat_map(|index| questions.iter().filter_map(move |set| set.get(index).cloned()));
    (documents, mixed.take(QUESTIONS).collect())
}

/// The values of a file, one in each line.
fn lines(path: PathBuf) -> Vec<serde_json::Value> {
    let file = std::fs::File::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    BufReader::new(file).lines().map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect()
}

fn text(value: &serde_json::Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}

/// Writes documents of about ten passages, each of sentences of three documents of the sets. Gives their number.
fn write_documents(
    root: &Path,
    documents: &[(String, Vec<String>)],
    passages: usize,
    random: &mut Random,
) -> usize {
    /// Sentences of a document: about ten passages.
    const SENTENCES: usize = 68;
    let files = passages / 10;
    for file in 0..files {
        let from: Vec<usize> = (0..3).map(|_| random.next(documents.len())).collect();
        let mut text = format!("# {}\n\n", documents[from[0]].0);
        for sentence in 0..SENTENCES {
            let pieces = &documents[from[random.next(from.len())]].1;
            text += &pieces[random.next(pieces.len())].replace('\n', " ");
            text += if sentence % 4 == 3 { "\n\n" } else { " " };
        }
        let folder = root.join(format!("{:02}", file % 100));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{file}.md")), text).unwrap();
    }
    files
}

/// Questions by the real model; passages by a pool of its vectors.
struct Pooled {
    model: Embedder,
    pool: Vec<Vec<f32>>,
}

impl Pooled {
    fn new(documents: &[(String, Vec<String>)], random: &mut Random) -> Pooled {
        let model = Embedder::built_in(2).unwrap();
        let pool = (0..POOL)
            .map(|_| {
                let (title, pieces) = &documents[random.next(documents.len())];
                let piece = &pieces[random.next(pieces.len())];
                model.passage(&format!("{title}\n{piece}")).unwrap()
            })
            .collect();
        Pooled { model, pool }
    }
}

impl Embed for Pooled {
    fn name(&self) -> &str {
        "pooled"
    }

    fn query(&self, text: &str) -> Result<Vec<f32>, Error> {
        self.model.query(text)
    }

    // Questions are compared as those of the model are: without this, much more counts as near.
    fn calibration(&self) -> Option<Calibration> {
        Embed::calibration(&self.model)
    }

    fn passages(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, Error> {
        let one = |text: &&str| {
            let mut hash = std::hash::DefaultHasher::new();
            std::hash::Hash::hash(text, &mut hash);
            let mut random = Random(std::hash::Hasher::finish(&hash) | 1);
            let mut vector = self.pool[random.next(self.pool.len())].clone();
            for value in &mut vector {
                *value += (random.next(2_001) as f32 - 1_000.0) * 1.5e-5;
            }
            let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
            vector.iter_mut().for_each(|value| *value /= length);
            vector
        };
        Ok(texts.iter().map(one).collect())
    }
}

fn options(root: &Path, data: &Path, embed: Arc<dyn Embed>) -> Options {
    let declared = format!("[[source]]\nname = \"papers\"\npath = {:?}\n{RULES}", root.to_str().unwrap());
    let passages = PassageOptions::default();
    let reading = Reading {
        extract: Arc::new(|name, bytes| intramuros_ingest::extract(name, bytes, &Default::default())),
        split: Arc::new(move |extracted| split(extracted, &passages)),
        version: 1,
        threads: 2,
        limits: Default::default(),
    };
    let perimeter = Perimeter::parse(&declared, "intramuros.toml").unwrap();
    Options { data: data.to_owned(), perimeter, reading, embed: Some(embed), earlier: Vec::new() }
}

/// A server for one visitor, on a port of its own.
struct Server {
    address: SocketAddr,
    _stop: tokio::sync::oneshot::Sender<()>,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Server {
    fn start(library: &Arc<Library>, visitor: Principal, writers: Writers) -> Server {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        // One address asks for everybody here: what one person may ask for a second is no matter of this measurement.
        let limits = Limits { rate: 1e9, burst: 1e9, ..Limits::default() };
        let settings = Settings { visitor, limits, ..Settings::default() };
        let application = Application {
            library: Arc::clone(library),
            settings,
            walls: Walls::default(),
            writers: Arc::new(writers),
        };
        runtime.spawn(serve(vec![listener], application, async { _ = stopped.await }));
        Server { address, _stop: stop, runtime: Some(runtime) }
    }
}

fn percentile(sorted: &[f64], percent: usize) -> f64 {
    sorted
        .get((sorted.len() * percent / 100).min(sorted.len().saturating_sub(1)))
        .copied()
        .unwrap_or(f64::NAN)
}

fn folder_bytes(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.file_type() {
            Ok(kind) if kind.is_dir() => folder_bytes(&entry.path()),
            _ => entry.metadata().map_or(0, |facts| facts.len()),
        })
        .sum()
}

//! What is tried in which mode, and what must come of it?

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::attempts::{FILES, NETWORK, PROCESSES, all};
use crate::capture;

/// Everything that the attempts aim at.
pub struct Range {
    pub folder: tempfile::TempDir,
    pub port: u16,
    pub declared: u16,
    _kept: (TcpListener, TcpListener, UnixListener),
}

impl Range {
    fn new() -> Range {
        let folder = tempfile::tempdir().unwrap();
        for name in ["data", "source", "outside"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        let put = |name: &str| std::fs::write(folder.path().join(name), "content").unwrap();
        ["source/file", "source/victim", "outside/secret"].into_iter().for_each(put);
        std::fs::copy("/bin/true", folder.path().join("source/true")).unwrap();
        let (undeclared, declared) = (listener(), listener());
        let socket = UnixListener::bind(folder.path().join("outside/socket")).unwrap();
        abstract_listener();
        let port = |listener: &TcpListener| listener.local_addr().unwrap().port();
        let (port, declared_port) = (port(&undeclared), port(&declared));
        Range { folder, port, declared: declared_port, _kept: (undeclared, declared, socket) }
    }

    pub fn arguments(&self, mode: &str) -> Vec<String> {
        let parent = std::process::id();
        let folder = self.folder.path().display().to_string();
        vec![mode.to_owned(), folder, self.port.to_string(), self.declared.to_string(), parent.to_string()]
    }
}

/// Listens on both families, so that attempts over either reach something.
fn listener() -> TcpListener {
    let listener = TcpListener::bind("[::]:0").or_else(|_| TcpListener::bind("127.0.0.1:0")).unwrap();
    let accepting = listener.try_clone().unwrap();
    std::thread::spawn(move || accepting.incoming().for_each(drop));
    listener
}

fn abstract_listener() {
    use std::os::linux::net::SocketAddrExt;
    let name = format!("intramuros-{}", std::process::id());
    let address = std::os::unix::net::SocketAddr::from_abstract_name(name).unwrap();
    // One for the whole run.
    let Ok(listener) = UnixListener::bind_addr(&address) else { return };
    std::thread::spawn(move || listener.incoming().for_each(drop));
}

pub fn run() {
    if !supported() {
        println!("skipped: this kernel has no Landlock 6 with seccomp, so there is nothing to prove here");
        return;
    }
    let mut failures = Vec::new();
    for mode in ["none", "rule", "worker", "watched", "watched-rule"] {
        let range = Range::new();
        failures.extend(attempts(&range, mode));
        failures.extend(tour(&range, mode));
    }
    failures.extend(capture::run(&Range::new()));
    cost();
    if !failures.is_empty() {
        eprintln!("{}", failures.join("\n"));
        std::process::exit(1);
    }
}

/// Whether this kernel can enforce all of it; asked in a child, since a seal is for good.
fn supported() -> bool {
    let range = Range::new();
    let output = output(&range, "tour", "worker", &[]);
    !output.contains("seal:")
}

fn output(range: &Range, what: &str, mode: &str, more: &[String]) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .arg(what)
        .args(range.arguments(mode))
        .args(more)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn attempts(range: &Range, mode: &str) -> Vec<String> {
    let mut failures = Vec::new();
    let (mut refused, mut proved) = (0, 0);
    for (number, (name, _)) in all().iter().enumerate() {
        // Without the seal first, from the same folder restored.
        restore(range.folder.path());
        let open = output(range, "child", "open", &[number.to_string()]);
        restore(range.folder.path());
        let sealed = output(range, "child", mode, &[number.to_string()]);
        let (sealed, noted) = sealed.trim().split_once('\n').unwrap_or((sealed.trim(), ""));
        let open = open.trim();
        if mode.starts_with("watched") && noted.is_empty() {
            failures.push(format!("{mode}: {name}: refused (`{sealed}`), and nothing was told"));
        }
        if std::env::var_os("INTRAMUROS_TABLE").is_some() {
            println!("{mode:12} {name:45} open: {open:12} sealed: {sealed:9} {noted}");
        }
        // EPERM, EACCES; EXDEV is how Landlock refuses a link to elsewhere; ENOSYS is how `clone3` is hidden.
        if ["errno 1", "errno 13", "errno 18", "errno 38"].contains(&sealed) {
            refused += 1;
            proved += usize::from(open == "out");
        } else {
            failures.push(format!("{mode}: {name}: `{sealed}` when sealed, `{open}` when not"));
        }
    }
    println!(
        "{mode}: {refused} of {} ways out refused ({} network, {} process, {} file); {proved} of them work here without \
         the seal",
        all().len(),
        NETWORK.len(),
        PROCESSES.len(),
        FILES.len()
    );
    failures
}

/// What opening a file and connecting cost with and without a watcher: said, not judged, for the machine may be busy.
fn cost() {
    for mode in ["open", "rule", "watched-rule"] {
        print!("{mode}: {}", output(&Range::new(), "cost", mode, &[]));
    }
}

fn restore(folder: &Path) {
    for name in ["source/file", "source/victim", "outside/secret"] {
        let _ = std::fs::write(folder.join(name), "content");
    }
}

/// What must go on working.
fn tour(range: &Range, mode: &str) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .arg("tour")
        .args(range.arguments(mode))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut failures = Vec::new();
    let mut finished = false;
    for line in BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok) {
        if let Some(port) = line.strip_prefix("listening ") {
            let _ = std::net::TcpStream::connect(("127.0.0.1", port.parse().unwrap()));
        } else if let Some(took) = line.strip_prefix("took ") {
            finished = true;
            println!("{mode}: sealed in {took}");
        } else if !line.starts_with("works ") {
            failures.push(format!("{mode}: {line}"));
        }
    }
    let _ = child.wait();
    if !finished {
        failures.push(format!("{mode}: the tour did not come to its end"));
    }
    failures
}

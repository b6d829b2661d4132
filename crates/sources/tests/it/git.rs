//! Does a branch come in as it is? Against `git http-backend`, behind a small CGI server of our own.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use intramuros_core::access::Principal;
use intramuros_sources::Failure;
use tempfile::TempDir;

use crate::support::{Asked, Scene, answer, answer_with, counts, declared, scene, scene_in, server, write};

/// `user:token` in base64.
const PASS: &str = "authorization: basic dXNlcjp0b2tlbg==";

fn git(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main"]);
    let output =
        command.current_dir(folder).args(arguments).env("GIT_CONFIG_GLOBAL", "/dev/null").output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// A repository with a folder to work in and a bare one that is served; none where git can't serve.
struct Repository {
    here: TempDir,
    port: u16,
    /// Requests for packs so far.
    packs: Arc<AtomicUsize>,
}

fn repository(filter: bool) -> Option<Repository> {
    let works = Command::new("git").arg("--exec-path").output().ok().filter(|output| output.status.success());
    let core = works.map(|output| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    let Some(backend) = core.map(|core| core.join("git-http-backend")).filter(|path| path.is_file()) else {
        intramuros_testkit::skip("git", "there is no git http-backend");
        return None;
    };
    let here = tempfile::tempdir().unwrap();
    std::fs::create_dir(here.path().join("work")).unwrap();
    git(&here.path().join("work"), &["init", "-q"]);
    git(here.path(), &["init", "-q", "--bare", "served.git"]);
    if filter {
        git(&here.path().join("served.git"), &["config", "uploadpack.allowFilter", "true"]);
    }
    let packs: Arc<AtomicUsize> = Arc::default();
    let (root, counted) = (here.path().to_owned(), Arc::clone(&packs));
    let port = server(move |asked| {
        counted.fetch_add(usize::from(asked.body.contains("command=fetch")), Ordering::Relaxed);
        backend_answers(&backend, &root, asked)
    });
    Some(Repository { here, port, packs })
}

fn backend_answers(backend: &Path, root: &Path, asked: &Asked) -> Vec<u8> {
    if !asked.headers.iter().any(|header| header.eq_ignore_ascii_case(PASS)) {
        return answer("401 Unauthorized", "text/plain", "");
    }
    let (path, query) = asked.path.split_once('?').unwrap_or((&asked.path, ""));
    let header = |name: &str| {
        asked
            .headers
            .iter()
            .find_map(|header| header.strip_prefix(name))
            .unwrap_or_default()
            .trim()
            .to_owned()
    };
    let mut command = Command::new(backend);
    command
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("GIT_CONFIG_COUNT", "1")
        .env("GIT_CONFIG_KEY_0", "safe.directory")
        .env("GIT_CONFIG_VALUE_0", "*")
        .env("PATH_INFO", path)
        .env("QUERY_STRING", query)
        .env("REQUEST_METHOD", &asked.method)
        .env("CONTENT_TYPE", header("content-type:"))
        .env("CONTENT_LENGTH", asked.body.len().to_string())
        .env("GIT_PROTOCOL", header("git-protocol:"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(asked.body.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap().stdout;
    let end = output.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
    let head = String::from_utf8_lossy(&output[..end]).into_owned();
    let status = head.lines().find_map(|line| line.strip_prefix("Status: ")).unwrap_or("200 OK");
    let length = output.len() - end - 4;
    let mut whole = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n").into_bytes();
    whole.extend_from_slice(&output[end + 4..]);
    whole
}

impl Repository {
    fn work(&self) -> PathBuf {
        self.here.path().join("work")
    }

    fn push(&self) {
        git(&self.work(), &["add", "-A"]);
        git(&self.work(), &["commit", "-q", "-m", "x"]);
        git(&self.work(), &["push", "-q", "--force", "../served.git", "HEAD:main"]);
    }

    fn toml(&self, more: &str, token: &str) -> String {
        let secret = self.here.path().join("secret");
        std::fs::write(&secret, token).unwrap();
        let url = format!("http://127.0.0.1:{}/served.git", self.port);
        let more = format!("user = 'user'\nsecret_file = {:?}\n{more}", secret.to_str().unwrap());
        declared("git", &url, self.port, &more) + "[[access]]\npath = 'rh/**'\ngroups = ['rh']\n"
    }

    fn packs(&self) -> usize {
        self.packs.swap(0, Ordering::Relaxed)
    }
}

fn followed(filter: bool) {
    let Some(repository) = repository(filter) else { return };
    let work = repository.work();
    let long: String = (0..400).map(|n| format!("Ligne {n} du règlement intérieur.\n")).collect();
    write(&work, "rh/règlement.md", &long);
    write(&work, "rh/règlement-ancien.md", &(long.clone() + "Une ligne de plus, ancienne."));
    write(&work, "lisez-moi.txt", "Bienvenue.");
    write(&work, "grand.bin", &"x".repeat(60_000));
    write(&work, "ailleurs.pdf", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n");
    #[cfg(unix)]
    std::os::unix::fs::symlink("/etc/passwd", work.join("lien.txt")).unwrap();
    repository.push();
    // A second commit, so that there is a history to leave out, and packed with differences.
    write(&work, "lisez-moi.txt", "Bienvenue à tous.");
    repository.push();
    git(&repository.here.path().join("served.git"), &["repack", "-adfq"]);
    let limits = "[limits]\nfile_bytes = 50000\n";
    let place: Scene = scene(&(repository.toml("", "token") + limits));
    assert_eq!(counts(&place.look()), (5, 3, 0, 2, 0));
    assert_eq!(place.found("bienvenue"), ["lisez-moi.txt"]);
    assert_eq!(place.found("ancienne"), ["rh/règlement-ancien.md"]);
    assert_eq!(
        place.found_by(&Principal::user("zoe", ["rh"]), "bienvenue ancienne"),
        ["rh/règlement-ancien.md"]
    );
    let mut unread = place.unread();
    unread.sort();
    assert_eq!(
        unread,
        [("ailleurs.pdf", "unreadable"), ("grand.bin", "limit")].map(|(a, b)| (a.to_owned(), b.to_owned()))
    );
    assert_eq!((place.reads(), repository.packs()), (3, if filter { 2 } else { 1 }));
    // The same commit: no pack is asked for.
    let outcome = place.look();
    assert_eq!((outcome.found, outcome.fetched, outcome.bytes), (5, 0, 0));
    assert_eq!((place.reads(), repository.packs()), (0, 0));
    // Changed, renamed, deleted.
    write(&work, "rh/règlement.md", &(long + "Une ligne de plus, nouvelle."));
    std::fs::rename(work.join("lisez-moi.txt"), work.join("accueil.txt")).unwrap();
    std::fs::remove_file(work.join("rh/règlement-ancien.md")).unwrap();
    repository.push();
    let outcome = place.look();
    assert_eq!((outcome.found, outcome.fetched, outcome.removed), (4, 2, 2));
    assert_eq!(place.found("nouvelle"), ["rh/règlement.md"]);
    assert_eq!(
        (place.found("bienvenue"), place.found("ancienne").len()),
        (vec!["accueil.txt".to_owned()], 0)
    );
    assert_eq!(place.reads(), 1);
    // Another declaration of what is taken is looked at anew, though the commit is the same.
    let data = place.data;
    drop((place.syncs, place.library));
    let place = scene_in(data, &(repository.toml("exclude = ['rh/']", "token") + limits));
    assert_eq!(place.look().removed, 1);
    // A branch that is not there, and a token that is wrong.
    let data = place.data;
    drop((place.syncs, place.library));
    let place = scene_in(data, &(repository.toml("branch = 'nowhere'", "token") + limits));
    assert!(place.try_look().unwrap_err().to_string().contains("refs/heads/nowhere"));
    assert_eq!(place.found("bienvenue").len(), 1);
    let place = scene(&(repository.toml("", "wrong") + limits));
    assert!(matches!(place.try_look(), Err(Failure::Credentials(_))));
}

#[test]
fn a_branch_is_followed_file_by_file_where_the_server_can_leave_files_out() {
    followed(true);
}

#[test]
fn a_branch_is_followed_as_one_pack_where_it_can_not() {
    followed(false);
}

#[test]
fn a_git_server_that_lies_is_told_so() {
    let line = |bytes: &[u8]| [format!("{:04x}", bytes.len() + 4).into_bytes(), bytes.to_vec()].concat();
    let check = |pack: Vec<u8>, word: &str| {
        let oid = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391";
        let port = server(move |asked: &Asked| {
            let body = if asked.method == "GET" {
                [line(b"version 2\n"), line(b"fetch=shallow\n"), b"0000".to_vec()].concat()
            } else if asked.body.contains("ls-refs") {
                [line(format!("{oid} HEAD\n").as_bytes()), b"0000".to_vec()].concat()
            } else {
                [line(b"packfile\n"), line(&[b"\x01", pack.as_slice()].concat()), b"0000".to_vec()].concat()
            };
            let mut whole = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
            whole.extend(body);
            whole
        });
        let place = scene(&declared("git", &format!("http://127.0.0.1:{port}/x.git"), port, ""));
        let failure = place.try_look().unwrap_err().to_string();
        assert!(failure.contains(word), "{failure}");
    };
    let head = |count: u32| [b"PACK\0\0\0\x02".as_slice(), &count.to_be_bytes()].concat();
    check(b"nonsense".to_vec(), "pack");
    check(head(u32::MAX), "too many objects");
    check(head(0), "without the commit");
    // A difference to itself; one to what is not there; an object that says it is larger than anything.
    check([head(1), vec![0x60, 0]].concat(), "pack");
    check([head(1), vec![0x70; 40]].concat(), "pack");
    check([head(1), vec![0xff; 40]].concat(), "larger than anything");
    let port = server(|_| answer_with("301 Moved", "Location: http://127.0.0.1:1/\r\n", ""));
    let place = scene(&declared("git", &format!("http://127.0.0.1:{port}/x.git"), port, ""));
    assert!(place.try_look().unwrap_err().to_string().contains("points elsewhere"));
}

//! Does a web site come in as it is? Against nginx, and a small server that means ill.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use intramuros_core::access::Principal;
use intramuros_sources::Failure;

use crate::support::{
    Running, answer, answer_with, counts, declared, free_port, scene, server, start, write,
};

fn nginx(here: &Path, root: &Path, port: u16) -> Option<Running> {
    let places = ["/usr/sbin/nginx", "/usr/bin/nginx", "/usr/local/bin/nginx"];
    let Some(program) = places.iter().map(PathBuf::from).find(|path| path.is_file()) else {
        intramuros_testkit::skip("nginx", "there is no nginx");
        return None;
    };
    let config = here.join("nginx.conf");
    let text = format!(
        "daemon off; master_process off; worker_processes 1; pid {here}/pid; error_log stderr;\n\
         events {{ worker_connections 64; }}\n\
         http {{ access_log off; default_type text/html; types {{ text/html html; application/pdf pdf; image/png png; text/plain txt; }}\n\
         client_body_temp_path {here}/a; proxy_temp_path {here}/b; fastcgi_temp_path {here}/c; uwsgi_temp_path {here}/d; scgi_temp_path {here}/e;\n\
         server {{ listen 127.0.0.1:{port}; root {root}; absolute_redirect off;\n\
         location /away {{ return 302 http://127.0.0.1:1/; }} location /old {{ return 301 /guide/; }} location /closed {{ return 403; }} }} }}",
        here = here.display(),
        root = root.display()
    );
    std::fs::write(&config, text).unwrap();
    let mut command = Command::new(program);
    command.arg("-e").arg("stderr").arg("-p").arg(here).arg("-c").arg(&config);
    Some(start(&mut command, port))
}

#[test]
fn a_real_site_is_followed_within_its_host() {
    let here = tempfile::tempdir().unwrap();
    let root = here.path().join("root");
    let page = |title: &str, body: &str| {
        format!("<!doctype html><title>{title}</title><body><p>{title}</p>\n{body}\n")
    };
    write(
        &root,
        "index.html",
        &page(
            "Accueil",
            "<a href='/guide/'>g</a> <a href='caf%C3%A9.html'>c</a> <a href=/old>o</a> <a href=/away>a</a> <a href=/closed>x</a> <a href='https://elsewhere.example/'>e</a> <a href=mailto:x@y>m</a> <a href=logo.png>l</a> <a href=absent.html>n</a>",
        ),
    );
    write(
        &root,
        "guide/index.html",
        &page(
            "Guide des congés",
            "<a href='../'>retour</a><a href='paie.html#haut'>p</a><a href='./paie.html'>p</a>",
        ),
    );
    write(&root, "guide/paie.html", &page("Paie mensuelle", "<a href='/prive/secret.html'>s</a>"));
    write(&root, "café.html", &page("Les boissons chaudes", ""));
    write(&root, "prive/secret.html", &page("Confidentiel", ""));
    write(&root, "carte.html", &page("Trouvée par la carte", ""));
    write(&root, "noindex.html", &page("Brouillon", "<meta name=robots content=noindex>"));
    write(&root, "logo.png", "pixels");
    let port = free_port();
    write(
        &root,
        "robots.txt",
        &format!("User-agent: *\nDisallow: /prive/\nSitemap: http://127.0.0.1:{port}/plan.xml\n"),
    );
    let map = |path: &str| format!("<url><loc>http://127.0.0.1:{port}{path}</loc></url>");
    write(
        &root,
        "plan.xml",
        &format!(
            "<urlset>{}{}<url><loc>https://elsewhere.example/x</loc></url></urlset>",
            map("/carte.html"),
            map("/noindex.html")
        ),
    );
    let Some(running) = nginx(here.path(), &root, port) else { return };
    let rule = "[[access]]\npath = 'guide/'\neveryone = true\n";
    let place = scene(&(declared("web", &format!("http://127.0.0.1:{port}/"), port, "") + rule));
    // The page that is closed is named as unread; what robots.txt closes is not even asked for.
    let outcome = place.look();
    assert_eq!(counts(&outcome), (6, 5, 0, 1, 0));
    assert_eq!(place.found("congés"), ["guide/(index)"]);
    assert_eq!(place.found("boissons"), ["café.html"]);
    assert_eq!(place.found("trouvée carte"), ["carte.html"]);
    for nothing in ["confidentiel", "brouillon", "pixels"] {
        assert_eq!(place.found(nothing), [] as [&str; 0], "{nothing}");
    }
    assert_eq!(place.unread(), [("closed".to_owned(), "unreadable".to_owned())]);
    let readers = Principal::user("zoe", [] as [&str; 0]);
    assert_eq!(place.found_by(&readers, "mensuelle boissons"), ["guide/paie.html"]);
    assert_eq!(place.reads(), 5);
    // Nothing changed: nothing comes but answers that say so.
    let outcome = place.look();
    assert_eq!((outcome.unchanged, outcome.fetched, outcome.removed, place.reads()), (5, 0, 0, 0));
    // Changed, renamed, deleted.
    write(&root, "guide/index.html", &page("Guide des congés annuels", "<a href='salaire.html'>p</a>"));
    std::fs::rename(root.join("guide/paie.html"), root.join("guide/salaire.html")).unwrap();
    std::fs::remove_file(root.join("café.html")).unwrap();
    let outcome = place.look();
    assert_eq!((outcome.fetched, outcome.removed), (2, 2));
    assert_eq!(place.found("mensuelle"), ["guide/salaire.html"]);
    assert_eq!((place.found("annuels").len(), place.found("boissons").len(), place.reads()), (1, 0, 1));
    let id = place.library.search(&Principal::owner(), "annuels", &Default::default()).unwrap().documents[0]
        .document
        .id;
    let facts = place.library.document_facts(&Principal::owner(), id).unwrap().unwrap();
    assert_eq!(facts.link, Some(format!("http://127.0.0.1:{port}/guide/")));
    drop(running);
    assert!(matches!(place.try_look(), Err(Failure::Unreachable(_))));
    assert_eq!(place.found("annuels").len(), 1);
}

#[test]
fn a_site_without_end_ends_and_one_that_leads_away_is_told_so() {
    let html = |body: &str| answer("200 OK", "text/html", &format!("<html><body>{body}"));
    // Every page leads to itself, and to two pages that are new.
    let asked: Arc<AtomicUsize> = Arc::default();
    let counted = Arc::clone(&asked);
    let port = server(move |request| {
        counted.fetch_add(1, Ordering::Relaxed);
        match request.path.as_str() {
            "/robots.txt" | "/sitemap.xml" => answer("404 Not Found", "text/plain", ""),
            path => html(&format!(
                "page <a href='{path}'>me</a><a href='{path}a'>a</a><a href='{path}?b'>b</a><a href='../..'>up</a>"
            )),
        }
    });
    let place = scene(&declared("web", &format!("http://127.0.0.1:{port}/x"), port, "depth = 3"));
    let outcome = place.look();
    assert!(outcome.found > 3 && asked.load(Ordering::Relaxed) < 60, "{outcome:?}");
    let place =
        scene(&declared("web", &format!("http://127.0.0.1:{port}/x"), port, "depth = 100\nmost_files = 20"));
    assert!(matches!(place.try_look(), Err(Failure::Limit(_))));
    // Redirections in a circle end; one that leads away from the first page is told.
    let port = server(move |request| match request.path.as_str() {
        "/robots.txt" | "/sitemap.xml" => answer("404 Not Found", "text/plain", ""),
        "/x" => answer_with("302 Found", "Location: /y\r\n", ""),
        "/y" => answer_with("302 Found", "Location: /x\r\n", ""),
        _ => answer_with("302 Found", "Location: http://127.0.0.1:1/\r\n", ""),
    });
    let place = scene(&declared("web", &format!("http://127.0.0.1:{port}/x"), port, ""));
    assert_eq!(place.look().found, 0);
    let place = scene(&declared("web", &format!("http://127.0.0.1:{port}/"), port, ""));
    assert!(place.try_look().unwrap_err().to_string().contains("leads to http://127.0.0.1:1/"));
    // A robots.txt that can't be had closes the site until later; one that closes everything says so.
    let port = server(|_| answer("503 Service Unavailable", "text/plain", ""));
    let place = scene(&declared("web", &format!("http://127.0.0.1:{port}/"), port, ""));
    assert!(matches!(place.try_look(), Err(Failure::Unreachable(_))));
    let port = server(|_| answer("200 OK", "text/plain", "User-agent: *\nDisallow: /"));
    let place = scene(&declared("web", &format!("http://127.0.0.1:{port}/"), port, ""));
    assert!(place.try_look().unwrap_err().to_string().contains("robots.txt"));
}

#[test]
fn a_page_that_fails_takes_nothing_with_it() {
    let failing = Arc::new(AtomicUsize::new(0));
    let now = Arc::clone(&failing);
    let port = server(move |request| {
        let page = |body: &str| answer("200 OK", "text/html", &format!("<html><body>{body}"));
        match (request.path.as_str(), now.load(Ordering::Relaxed)) {
            ("/robots.txt" | "/sitemap.xml", 0 | 1) => answer("404 Not Found", "text/plain", ""),
            ("/sitemap.xml", 2) | ("/list", 1) => answer("503 Service Unavailable", "text/plain", ""),
            ("/", _) => page("<a href=list>list</a>"),
            ("/list", _) => page("<a href=deep>deep</a>"),
            ("/deep", 0 | 1) => page("document"),
            _ => answer("404 Not Found", "text/plain", ""),
        }
    });
    let place = scene(&declared("web", &format!("http://127.0.0.1:{port}/"), port, ""));
    assert_eq!(place.look().found, 3);
    // The page that leads to it can't be had; then a map can't, and the page itself is not there.
    for mode in [1, 2] {
        failing.store(mode, Ordering::Relaxed);
        let outcome = place.look();
        assert!(outcome.removed == 0 && !outcome.troubles.is_empty(), "{outcome:?}");
        assert_eq!(place.found("document"), ["deep"]);
    }
    failing.store(3, Ordering::Relaxed);
    assert_eq!(place.look().removed, 1);
}

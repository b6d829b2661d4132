//! Does a WebDAV folder come in as it is? Against WsgiDAV, and a server with Nextcloud's properties.

use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use intramuros_core::access::Principal;
use intramuros_sources::Failure;

use crate::support::{
    Running, answer, counts, declared, free_port, python, scene, scene_in, server, start, write,
};

fn wsgidav(folder: &Path, port: u16) -> Option<Running> {
    let python = python("wsgidav, cheroot")?;
    let config = folder.parent().unwrap().join("wsgidav.json");
    let text = format!(
        r#"{{"host": "127.0.0.1", "port": {port}, "server": "cheroot", "provider_mapping": {{"/dav": {:?}}},
            "http_authenticator": {{"accept_basic": true, "accept_digest": false, "default_to_digest": false}},
            "simple_dc": {{"user_mapping": {{"*": {{"anne": {{"password": "sésame ouvre-toi"}}}}}}}}}}"#,
        folder.to_str().unwrap()
    );
    std::fs::write(&config, text).unwrap();
    let mut command = Command::new(python);
    command.args(["-m", "wsgidav.server.server_cli", "--config"]).arg(&config);
    Some(start(&mut command, port))
}

fn secret(folder: &Path, text: &str) -> String {
    let file = folder.join("secret");
    std::fs::write(&file, text).unwrap();
    format!("user = 'anne'\nsecret_file = {:?}", file.to_str().unwrap())
}

#[test]
fn a_real_folder_is_followed() {
    let here = tempfile::tempdir().unwrap();
    let root = here.path().join("root");
    for (path, text) in [
        ("Congés/été 2026.txt", "Les congés d’été se demandent en mars."),
        ("rh/paie.txt", "La paie est versée le 28."),
        ("a?b#c%41.txt", "Un nom difficile."),
        ("node_modules/x.txt", "Du bruit."),
        (".hidden.txt", "Du bruit."),
    ] {
        write(&root, path, text);
    }
    let port = free_port();
    let Some(running) = wsgidav(&root, port) else { return };
    let access = "[[access]]\nsource = 'place'\npath = 'rh/**'\ngroups = ['rh']\n";
    let toml = |more: &str| declared("webdav", &format!("http://127.0.0.1:{port}/dav"), port, more) + access;
    let place = scene(&toml(&secret(here.path(), "sésame ouvre-toi\n")));
    assert_eq!(counts(&place.look()), (3, 3, 0, 0, 0));
    assert_eq!(place.found("congés d’été"), ["Congés/été 2026.txt"]);
    assert_eq!(place.found("nom difficile"), ["a?b#c%41.txt"]);
    assert_eq!(place.found("bruit"), [] as [&str; 0]);
    assert_eq!(place.reads(), 3);
    // Who may read: what the rules say, and nobody else but the owner.
    assert_eq!(place.found_by(&Principal::user("zoe", ["rh"]), "paie congés"), ["rh/paie.txt"]);
    assert_eq!(place.found_by(&Principal::user("zoe", ["ventes"]), "paie congés"), [] as [&str; 0]);
    // Nothing changed: nothing is fetched, nothing is read.
    let outcome = place.look();
    assert_eq!((counts(&outcome), outcome.bytes, place.reads()), ((3, 0, 3, 0, 0), 0, 0));
    // Changed, renamed, deleted, new.
    write(&root, "rh/paie.txt", "La paie est versée le 30 désormais.");
    std::fs::rename(root.join("Congés/été 2026.txt"), root.join("Congés/été.txt")).unwrap();
    std::fs::remove_file(root.join("a?b#c%41.txt")).unwrap();
    write(&root, "neuf.txt", "Un document neuf.");
    assert_eq!(counts(&place.look()), (3, 3, 0, 0, 2));
    assert_eq!(place.found("paie 30 désormais"), ["rh/paie.txt"]);
    assert_eq!(place.found("congés été"), ["Congés/été.txt"]);
    assert_eq!(place.found("difficile"), [] as [&str; 0]);
    // Moved, so not read again; changed and new are.
    assert_eq!(place.reads(), 2);
    // The original is at hand, and a link leads to where it comes from.
    let id = place.library.search(&Principal::owner(), "neuf", &Default::default()).unwrap().documents[0]
        .document
        .id;
    let file = place.library.file_of(&Principal::owner(), id).unwrap().unwrap();
    assert_eq!(std::fs::read_to_string(file).unwrap(), "Un document neuf.");
    let facts = place.library.document_facts(&Principal::owner(), id).unwrap().unwrap();
    assert_eq!(facts.link, Some(format!("http://127.0.0.1:{port}/dav/neuf.txt")));
    // Gone: everything stays, and the state says why and when it is tried again.
    drop(running);
    let failure = place.try_look().unwrap_err();
    assert!(matches!(&failure, Failure::Unreachable(_)), "{failure:?}");
    assert_eq!(place.found("paie"), ["rh/paie.txt"]);
    let state = &place.syncs.states()[0];
    assert!(
        state.failures == 1 && state.next_ms > state.whole_ms && state.last.as_ref().unwrap().why.is_some()
    );
    // Back after a restart of both: what was fetched before is not fetched again.
    let Some(_running) = wsgidav(&root, port) else { return };
    let data = place.data;
    drop((place.syncs, place.library));
    let place = scene_in(data, &toml(&secret(here.path(), "sésame ouvre-toi")));
    assert_eq!(counts(&place.look()), (3, 0, 3, 0, 0));
    assert_eq!(place.syncs.states()[0].failures, 0);
    // Another secret: refused, said, and nothing is lost.
    let data = place.data;
    drop((place.syncs, place.library));
    let place = scene_in(data, &toml(&secret(here.path(), "autre")));
    let failure = place.try_look().unwrap_err();
    assert!(
        matches!(&failure, Failure::Credentials(_)) && !failure.to_string().contains("autre"),
        "{failure:?}"
    );
    assert_eq!(place.found("paie"), ["rh/paie.txt"]);
    assert_eq!(place.noted.lock().unwrap().last().unwrap().failure.as_deref(), Some("credentials"));
}

/// A list of one folder, as Nextcloud writes it: name, whether it is a folder, further properties.
fn list(folder: &str, entries: &[(&str, bool, &str)]) -> Vec<u8> {
    let mut body = "<?xml version='1.0'?><d:multistatus xmlns:d='DAV:' xmlns:oc='http://owncloud.org/ns' \
                    xmlns:nc='http://nextcloud.org/ns'>"
        .to_owned();
    for (name, is_folder, properties) in entries {
        let kind = if *is_folder { "<d:collection/>" } else { "" };
        body.push_str(&format!(
            "<d:response><d:href>{folder}{name}</d:href><d:propstat><d:prop><d:resourcetype>{kind}</d:resourcetype>\
             <d:getetag>\"{name}\"</d:getetag>{properties}</d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>"
        ));
    }
    answer("207 Multi-Status", "application/xml", &(body + "</d:multistatus>"))
}

#[test]
fn owners_and_shares_of_nextcloud_become_access_rules() {
    let shared_with = Arc::new(Mutex::new("<nc:sharee><nc:id>rh</nc:id><nc:type>1</nc:type></nc:sharee>"));
    let now = Arc::clone(&shared_with);
    let port = server(move |asked| match (asked.method.as_str(), asked.path.as_str()) {
        ("PROPFIND", "/dav/") => {
            assert!(asked.body.contains("sharees") && asked.headers.contains(&"depth: 1".to_owned()));
            list(
                "/dav/",
                &[
                    ("", true, "<oc:owner-id>anne</oc:owner-id>"),
                    ("own.txt", false, "<oc:owner-id>anne</oc:owner-id>"),
                    ("unsaid.txt", false, ""),
                    ("rh/", true, ""),
                ],
            )
        }
        ("PROPFIND", "/dav/rh/") => {
            let sharees =
                format!("<oc:owner-id>anne</oc:owner-id><nc:sharees>{}</nc:sharees>", now.lock().unwrap());
            list("/dav/rh/", &[("", true, &sharees), ("paie.txt", false, "<oc:owner-id>anne</oc:owner-id>")])
        }
        ("GET", path) => answer("200 OK", "text/plain", &format!("document {path}")),
        _ => answer("404 Not Found", "text/plain", ""),
    });
    let toml = |access: &str| {
        declared("webdav", &format!("http://127.0.0.1:{port}/dav/"), port, &format!("access = '{access}'"))
    };
    let place = scene(&toml("source"));
    place.look();
    let check = |name: &str, groups: &[&str], expected: &[&str]| {
        let principal = Principal::user(name, groups.iter().copied());
        assert_eq!(place.found_by(&principal, "document"), expected, "{name} {groups:?}");
    };
    check("anne", &[], &["own.txt", "rh/paie.txt"]);
    check("zoe", &["rh"], &["rh/paie.txt"]);
    check("zoe", &[], &[]);
    assert_eq!(place.found("document").len(), 3);
    // Shared with others now: nothing is fetched or read, and it holds with the next look.
    *shared_with.lock().unwrap() = "<nc:sharee><nc:id>bruno</nc:id><nc:type>0</nc:type></nc:sharee>";
    place.reads();
    assert_eq!((counts(&place.look()), place.reads()), ((3, 0, 3, 0, 0), 0));
    check("zoe", &["rh"], &[]);
    check("bruno", &[], &["rh/paie.txt"]);
    // Without `access = "source"` nothing of it counts.
    let place = scene(&toml("rules"));
    place.look();
    assert_eq!(place.found_by(&Principal::user("anne", [] as [&str; 0]), "document"), [] as [&str; 0]);
}

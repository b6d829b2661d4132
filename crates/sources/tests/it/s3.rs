//! Does a bucket come in as it is? Against moto, told to check signatures.

use std::path::Path;
use std::process::Command;

use intramuros_core::access::Principal;
use intramuros_sources::Failure;

use crate::support::{answer, counts, declared, free_port, python, scene, scene_in, server, start};

fn fill(python: &Path, endpoint: &str, key: (&str, &str), arguments: &[&str]) -> String {
    let script = intramuros_testkit::package_folder(env!("CARGO_MANIFEST_DIR")).join("tests/it/bucket.py");
    let mut command = Command::new(python);
    command.arg(script).arg(endpoint).args(arguments).env("KEY_ID", key.0).env("KEY_SECRET", key.1);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_real_bucket_is_followed() {
    let Some(python) = python("moto.server, boto3") else { return };
    let port = free_port();
    let endpoint = format!("http://127.0.0.1:{port}");
    let mut command = Command::new(&python);
    command.args(["-m", "moto.server", "-H", "127.0.0.1", "-p", &port.to_string()]);
    let running = start(command.env("INITIAL_NO_AUTH_ACTION_COUNT", "4"), port);
    let made = fill(&python, &endpoint, ("none", "none"), &["make"]);
    let (id, key) = made.trim().split_once(' ').unwrap();
    let put = |arguments: &[&str]| fill(&python, &endpoint, (id, key), &[&["put"], arguments].concat());
    put(&[
        "rh/congés d'été.txt",
        "Les congés d’été.",
        "rh/a+b & c%41?.txt",
        "Un nom difficile.",
        "rh/a",
        "Un fichier et un dossier.",
        "rh/a/b.txt",
        "Dans le dossier.",
        "rh/dossier/",
        " ",
        "rh/../../etc/passwd",
        "Un nom qui mène ailleurs.",
        "ventes/prix.txt",
        "Hors du préfixe.",
    ]);
    let here = tempfile::tempdir().unwrap();
    let toml = |secret: &str, prefix: &str| {
        let file = here.path().join("secret");
        std::fs::write(&file, secret).unwrap();
        let more = format!("user = '{id}'\nregion = 'eu-west-3'\nsecret_file = {:?}", file.to_str().unwrap());
        declared("s3", &format!("{endpoint}/papiers{prefix}"), port, &more)
            + "[[access]]\npath = 'a/**'\ngroups = ['rh']\n"
    };
    let place = scene(&toml(key, "/rh/"));
    let outcome = place.look();
    assert_eq!((counts(&outcome), outcome.refused), ((4, 4, 0, 0, 0), 1));
    assert_eq!(place.found("congés"), ["congés d'été.txt"]);
    assert_eq!(place.found("nom difficile"), ["a+b & c%41?.txt"]);
    assert_eq!(place.found("dossier"), ["a", "a/b.txt"]);
    assert_eq!(place.found("préfixe ailleurs"), [] as [&str; 0]);
    assert_eq!(place.found_by(&Principal::user("zoe", ["rh"]), "dossier congés"), ["a/b.txt"]);
    assert_eq!(place.reads(), 4);
    let outcome = place.look();
    assert_eq!((counts(&outcome), outcome.bytes, place.reads()), ((4, 0, 4, 0, 0), 0, 0));
    // Changed, renamed, removed.
    put(&[
        "rh/a",
        "Un fichier changé.",
        "rh/b.txt",
        "Dans le dossier.",
        "rh/a/b.txt",
        "",
        "rh/congés d'été.txt",
        "",
    ]);
    assert_eq!(counts(&place.look()), (3, 2, 1, 0, 2));
    assert_eq!(
        (place.found("changé"), place.found("congés").len(), place.reads()),
        (vec!["a".to_owned()], 0, 1)
    );
    // A secret that is wrong by one letter: the signature is not taken.
    let data = place.data;
    drop((place.syncs, place.library));
    let place = scene_in(data, &toml(&format!("{key}x"), "/rh/"));
    let failure = place.try_look().unwrap_err();
    assert!(
        matches!(&failure, Failure::Credentials(why) if why.contains("SignatureDoesNotMatch")),
        "{failure:?}"
    );
    assert_eq!(place.found("difficile").len(), 1);
    drop(running);
    assert!(matches!(place.try_look(), Err(Failure::Unreachable(_))));
    assert_eq!(place.found("difficile").len(), 1);
}

#[test]
fn a_list_that_goes_on_and_on_ends() {
    let page = |token: &str| {
        let body = format!(
            "<ListBucketResult><Contents><Key>x</Key><ETag>1</ETag></Contents><IsTruncated>true</IsTruncated>\
             <NextContinuationToken>{token}</NextContinuationToken></ListBucketResult>"
        );
        answer("200 OK", "application/xml", &body)
    };
    let check = |port: u16, more: &str, word: &str| {
        let place = scene(&declared("s3", &format!("http://127.0.0.1:{port}/b"), port, more));
        assert_eq!(place.try_look().unwrap_err().word(), word);
    };
    // The same page again and again; then half a list.
    check(server(move |_| page("same")), "", "odd");
    check(server(|_| answer("200 OK", "application/xml", "<ListBucketResult><Contents>")), "", "odd");
    check(server(|_| answer("200 OK", "text/html", "<html>welcome")), "", "odd");
    // New objects without end.
    let endless = server(|asked| {
        let number: u64 = asked
            .path
            .split("token=")
            .nth(1)
            .and_then(|rest| rest.split('&').next()?.parse().ok())
            .unwrap_or(0);
        let objects: String =
            (0..100).map(|n| format!("<Contents><Key>{number}-{n}</Key><ETag>1</ETag></Contents>")).collect();
        match asked.path.contains("list-type") {
            true => answer(
                "200 OK",
                "application/xml",
                &format!(
                    "<ListBucketResult>{objects}<IsTruncated>true</IsTruncated><NextContinuationToken>{}</NextContinuationToken></ListBucketResult>",
                    number + 1
                ),
            ),
            false => answer("200 OK", "text/plain", "x"),
        }
    });
    check(endless, "most_files = 150", "limit");
}

//! Do mailboxes come in as they are? Against Dovecot, over TLS vouched for by an authority of one's own.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use intramuros_core::access::Principal;
use intramuros_sources::Failure;

use crate::support::{Running, counts, declared, free_port, scene, scene_in, start};

const LETTER: &str = "From: Anne <anne@example.org>\r\nTo: bruno@example.org\r\nSubject: SUBJECT\r\n\
                      Date: Tue, 12 Mar 2024 10:15:00 +0100\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nTEXT\r\n";

/// A server with one account, `anne` with `sésame "ouvre\toi"`; its mailboxes lie in `mail`.
fn dovecot(
    here: &Path,
    port: u16,
    authority: &rcgen::CertifiedIssuer<'_, rcgen::KeyPair>,
) -> Option<Running> {
    let places = ["/usr/sbin/dovecot", "/usr/local/sbin/dovecot"];
    let Some(program) = places.iter().map(PathBuf::from).find(|path| path.is_file()) else {
        intramuros_testkit::skip("dovecot", "there is no dovecot (the Debian package dovecot-imapd)");
        return None;
    };
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["localhost".to_owned()])
        .unwrap()
        .signed_by(&key, authority)
        .unwrap();
    std::fs::write(here.join("cert.pem"), certificate.pem()).unwrap();
    std::fs::write(here.join("key.pem"), key.serialize_pem()).unwrap();
    std::fs::write(here.join("ca.pem"), authority.pem()).unwrap();
    std::fs::write(here.join("users"), "anne:{PLAIN}sésame \"ouvre\\toi\"::::::\n").unwrap();
    let id = |what: &str| {
        let output = Command::new("id").arg(what).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    // Mail belongs to somebody else than root, whom dovecot serves nobody's mail as.
    let root = id("-u") == "0";
    let (user, group) = if root { ("mail".to_owned(), "mail".to_owned()) } else { (id("-un"), id("-gn")) };
    let text = format!(
        "protocols = imap\nlisten = 127.0.0.1\nbase_dir = {0}/run\nstate_dir = {0}/state\nlog_path = {0}/log\n\
         ssl = required\nssl_cert = <{0}/cert.pem\nssl_key = <{0}/key.pem\n\
         mail_location = maildir:{0}/mail\nmail_uid = {user}\nmail_gid = {group}\nfirst_valid_uid = 1\nfirst_valid_gid = 1\n\
         default_internal_user = {inner}\ndefault_login_user = {login}\ndefault_internal_group = {inner_group}\n\
         auth_mechanisms = plain\nservice imap-login {{\n inet_listener imap {{\n port = 0\n }}\n inet_listener imaps {{\n port = {port}\n ssl = yes\n }}\n {chroot}\n}}\n\
         service anvil {{\n {chroot}\n}}\nservice stats {{\n {chroot}\n}}\n\
         passdb {{\n driver = passwd-file\n args = scheme=PLAIN {0}/users\n}}\nuserdb {{\n driver = static\n args = uid={user} gid={group} home={0}/home\n}}\n",
        here.display(),
        inner = if root { "dovecot" } else { &user },
        login = if root { "dovenull" } else { &user },
        inner_group = if root { "dovecot" } else { &group },
        chroot = if root { "" } else { "chroot =" },
    );
    let config = here.join("dovecot.conf");
    std::fs::write(&config, text).unwrap();
    for folder in [here.to_owned(), here.join("mail"), here.join("home")] {
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o777)).unwrap();
    }
    Some(start(Command::new(program).arg("-F").arg("-c").arg(&config), port))
}

/// Puts a message into a mailbox as a mail server would; gives its file.
fn deliver(here: &Path, mailbox: &str, name: &str, text: &str) -> PathBuf {
    let folder = here.join("mail").join(mailbox);
    for part in ["cur", "new", "tmp"] {
        let part = folder.join(part);
        std::fs::create_dir_all(&part).unwrap();
        for folder in [&folder, &part] {
            std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o777)).unwrap();
        }
    }
    let file = folder.join("cur").join(format!("{name}:2,S"));
    std::fs::write(&file, LETTER.replace("SUBJECT", name).replace("TEXT", text)).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o666)).unwrap();
    file
}

#[test]
fn real_mailboxes_are_followed() {
    let here = tempfile::tempdir().unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::new(Vec::<String>::new()).unwrap();
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = rcgen::CertifiedIssuer::self_signed(parameters, key).unwrap();
    std::fs::create_dir(here.path().join("mail")).unwrap();
    deliver(here.path(), "", "1700000001.a", "Le bail commercial dure neuf ans.");
    let gone = deliver(here.path(), "", "1700000002.b", "Les factures sont au deuxième étage.");
    deliver(here.path(), ".Envoy&AOk-s.2024", "1700000003.c", "La paie part le 28.");
    deliver(here.path(), ".Spam", "1700000004.d", "Du bruit.");
    deliver(here.path(), "", "1700000005.e", &"x".repeat(20_000));
    let port = free_port();
    let Some(running) = dovecot(here.path(), port, &authority) else { return };
    let toml = |secret: &str, authority: &str| {
        let file = here.path().join("secret");
        std::fs::write(&file, secret).unwrap();
        let more = format!("user = 'anne'\nsecret_file = {:?}\nexclude = ['Spam']", file.to_str().unwrap());
        let rule = "[[access]]\npath = 'Envoyés/**'\ngroups = ['paie']\n[limits]\nfile_bytes = 10000\n";
        declared("imap", &format!("imaps://localhost:{port}"), port, &more)
            .replace("host = '127.0.0.1'", "host = 'localhost'")
            .replace("tls = false", &format!("addresses = ['127.0.0.1']\n{authority}"))
            + rule
    };
    let trusted = format!("ca_file = {:?}", here.path().join("ca.pem").to_str().unwrap());
    let secret = "sésame \"ouvre\\toi\"";
    let place = scene(&toml(secret, &trusted));
    assert_eq!(counts(&place.look()), (4, 3, 0, 1, 0));
    assert_eq!(place.found("bail"), ["INBOX/1.eml"]);
    assert_eq!(place.found("paie"), ["Envoyés/2024/1.eml"]);
    assert_eq!(place.found("bruit"), [] as [&str; 0]);
    assert_eq!(place.unread(), [("INBOX/3.eml".to_owned(), "limit".to_owned())]);
    assert_eq!(place.found_by(&Principal::user("zoe", ["paie"]), "bail paie"), ["Envoyés/2024/1.eml"]);
    assert_eq!(place.reads(), 3);
    // Whole messages, byte for byte.
    let id = place.library.search(&Principal::owner(), "bail", &Default::default()).unwrap().documents[0]
        .document
        .id;
    let file = place.library.file_of(&Principal::owner(), id).unwrap().unwrap();
    let letter =
        LETTER.replace("SUBJECT", "1700000001.a").replace("TEXT", "Le bail commercial dure neuf ans.");
    assert_eq!(std::fs::read_to_string(file).unwrap(), letter);
    let outcome = place.look();
    assert_eq!((counts(&outcome), outcome.bytes, place.reads()), ((4, 0, 4, 1, 0), 0, 0));
    // A message more, one less.
    std::fs::remove_file(gone).unwrap();
    deliver(here.path(), "", "1700000006.f", "Une lettre nouvelle.");
    assert_eq!(counts(&place.look()), (4, 1, 3, 1, 1));
    assert_eq!((place.found("nouvelle"), place.found("factures").len()), (vec!["INBOX/4.eml".to_owned()], 0));
    // A wrong secret; then an authority that is not ours; then nobody at all.
    let data = place.data;
    drop((place.syncs, place.library));
    let place = scene_in(data, &toml("wrong", &trusted));
    let failure = place.try_look().unwrap_err();
    assert!(matches!(&failure, Failure::Credentials(why) if !why.contains("wrong")), "{failure:?}");
    let stranger = scene(&toml(secret, ""));
    let failure = stranger.try_look().unwrap_err().to_string();
    assert!(failure.contains("prove who it is") || failure.contains("authorities"), "{failure}");
    drop(running);
    assert!(matches!(place.try_look(), Err(Failure::Unreachable(_))));
    assert_eq!(place.found("bail").len(), 1);
}

#[test]
fn a_mail_server_that_means_ill_is_let_go() {
    use std::io::{Read, Write};
    let check = |answers: &'static [u8], word: &str| {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            let Ok((mut stream, _)) = listener.accept() else { return };
            let _ = stream.write_all(answers);
            if answers.ends_with(b"...") {
                while stream.write_all(&[b'x'; 65536]).is_ok() {}
            }
            if answers.ends_with(b"a3 OK on and on\r\n") {
                while stream.write_all(&b"* SEARCH 1 1 1 1 1 1 1\r\n".repeat(3000)).is_ok() {}
            }
            let mut rest = [0; 1024];
            while stream.read(&mut rest).is_ok_and(|read| read > 0) {}
        });
        let secret = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(secret.path(), "x").unwrap();
        let more = format!("user = 'a'\nsecret_file = {:?}", secret.path().to_str().unwrap());
        let place = scene(&declared("imap", &format!("imap://127.0.0.1:{port}"), port, &more));
        let failure = place.try_look().unwrap_err();
        assert_eq!(failure.word(), word, "{failure}");
        failure.to_string()
    };
    check(b"HTTP/1.1 200 OK\r\n\r\n", "odd");
    check(b"* OK ...", "odd");
    check(b"* OK hello\r\n* LIST () \"/\" {99999999999}\r\n...", "odd");
    check(b"* OK hello\r\na1 NO not you\r\n", "credentials");
    check(b"* OK hello\r\n* BYE too many\r\n", "unreachable");
    // The parser calls itself for each parenthesis: the greeting and each answer are looked at before.
    let deep = |before: &str, after: &str| -> &'static [u8] {
        format!("{before}* 1 FETCH (BODYSTRUCTURE {}\r\n{after}", "(".repeat(20_000)).into_bytes().leak()
    };
    assert!(check(deep("", "* OK hello\r\n"), "odd").contains("deep"));
    assert!(check(deep("* OK hello\r\n", "a1 OK in\r\n"), "odd").contains("deep"));
    // Short lines, each as it should be, on and on.
    let endless = b"* OK hello\r\na1 OK in\r\n* LIST () \"/\" a\r\na2 OK all\r\n\
                    * OK [UIDVALIDITY 1] open\r\na3 OK on and on\r\n";
    check(endless, "limit");
}

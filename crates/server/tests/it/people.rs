//! How do the tests have people, and browsers in which they sign in?

use std::collections::BTreeMap;
use std::sync::Arc;

use intramuros_accounts::{Role, passphrase};
use intramuros_core::perimeter::Perimeter;
use intramuros_server::{Accounts, Settings};
use intramuros_store::people::{NewPerson, Origin, People, PersonId};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Answer, Scene, Server};

/// The passphrase of everybody in the tests.
pub const PASSPHRASE: &str = "quatre mots bien choisis";

/// Rules under which the group `rh` reads what is in its folder, and everybody the rest.
pub const RULES: &str =
    "[[access]]\npath = \"**\"\neveryone = true\n[[access]]\npath = \"rh/**\"\ngroups = [\"rh\"]\n";

/// The people of a folder of their own: anne (owner), adam (administrator), rose (reader, in `rh`), remi (reader).
pub fn accounts(demanded: bool, declared: &str) -> (Arc<Accounts>, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let people = People::open(folder.path()).unwrap();
    let kept = passphrase::hash(PASSPHRASE, &[7; 16]).unwrap();
    let add = |name: &str, role: Role| -> PersonId {
        let person = NewPerson {
            name: name.to_owned(),
            shown: name.to_owned(),
            mail: None,
            role,
            passphrase: Some(kept.clone()),
            origin: Origin::Local,
            external: None,
        };
        people.add_person(&person, 1).unwrap().unwrap()
    };
    add("anne", Role::Owner);
    add("adam", Role::Administrator);
    let rose = add("rose", Role::Reader);
    add("remi", Role::Reader);
    let group = people.add_group("rh", &Origin::Local, None, 1).unwrap().unwrap();
    people.change_members(group, &Origin::Local, &[rose], &[]).unwrap();
    let perimeter = Arc::new(Perimeter::parse(declared, "intramuros.toml").unwrap());
    (Arc::new(Accounts::new(people, perimeter, &[3; 32], BTreeMap::new(), demanded)), folder)
}

/// A server to which people sign in.
pub fn server() -> (Server, TempDir) {
    server_with(Settings::default())
}

/// The same, with other settings besides.
pub fn server_with(settings: Settings) -> (Server, TempDir) {
    server_of(Scene { settings, rules: RULES, ..Scene::default() })
}

/// The same, with anything else.
pub fn server_of(scene: Scene<'_>) -> (Server, TempDir) {
    let (accounts, folder) = accounts(true, "");
    let settings = Settings { accounts: Some(accounts), ..scene.settings };
    (Server::start(Scene { settings, ..scene }), folder)
}

/// A browser: it keeps cookies, and says which page it asks from.
pub struct Browser<'a> {
    pub server: &'a Server,
    pub cookies: BTreeMap<String, String>,
}

impl<'a> Browser<'a> {
    pub fn new(server: &'a Server) -> Browser<'a> {
        Browser { server, cookies: BTreeMap::new() }
    }

    /// A browser in which somebody signed in.
    pub fn of(server: &'a Server, name: &str) -> Browser<'a> {
        let mut browser = Browser::new(server);
        let answer = browser.sign_in(name, PASSPHRASE);
        assert_eq!(answer.status, 200, "{}", answer.text());
        browser
    }

    pub fn sign_in(&mut self, name: &str, passphrase: &str) -> Answer {
        self.ask("POST", "/api/v1/session", Some(json!({"name": name, "passphrase": passphrase})))
    }

    pub fn get(&mut self, path: &str) -> Answer {
        self.ask("GET", path, None)
    }

    /// Asks from a page of the server's own.
    pub fn ask(&mut self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let origin = format!("Origin: http://{}\r\n", self.server.address);
        self.ask_with(method, path, body, &origin)
    }

    /// Asks with other headers.
    pub fn ask_with(&mut self, method: &str, path: &str, body: Option<Value>, headers: &str) -> Answer {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies =
            if cookies.is_empty() { String::new() } else { format!("Cookie: {}\r\n", cookies.join("; ")) };
        let answer = request(self.server, method, path, body.as_ref(), &format!("{headers}{cookies}"));
        for (_, value) in answer.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let (name, value) = value.split(';').next().unwrap().split_once('=').unwrap();
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    /// The JSON of an answer that must be there.
    pub fn json(&mut self, path: &str) -> Value {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.json()
    }

    /// The number of a person, as an administrator's browser sees it.
    pub fn person(&mut self, name: &str) -> i64 {
        let people = self.json("/api/v1/people");
        let found = people["people"].as_array().unwrap().iter().find(|person| person["name"] == name);
        found.unwrap()["id"].as_i64().unwrap()
    }
}

/// One request of any kind.
pub fn request(server: &Server, method: &str, path: &str, body: Option<&Value>, headers: &str) -> Answer {
    let host = server.address;
    let body = body.map(Value::to_string);
    let kind = body.as_ref().map_or(String::new(), |body| {
        format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len())
    });
    let body = body.unwrap_or_default();
    server.send(&format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}{kind}\r\n{body}"
    ))
}

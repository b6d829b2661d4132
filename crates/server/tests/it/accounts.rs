//! Do people come in as themselves, see what is theirs alone, and lose access the moment it is taken away?

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use intramuros_accounts::secret::{self, TokenKind, Use};
use intramuros_accounts::{Scope, Scopes};
use intramuros_core::perimeter::{JournalSection, Perimeter};
use intramuros_journal::read::{Filter, each};
use intramuros_journal::{Event, Journal, Options};
use intramuros_server::{Accounts, Limits, Record, Settings, Walls};
use intramuros_store::people::{NewToken, People};
use serde_json::{Value, json};

use crate::people::{Browser, PASSPHRASE, RULES, accounts, request, server, server_of, server_with};
use crate::support::{Scene, Server};

fn results(browser: &mut Browser<'_>) -> Vec<String> {
    let found = browser.json("/api/v1/search?q=deux%20jours%20lease");
    let results = found["results"].as_array().unwrap();
    let mut paths: Vec<String> = results.iter().map(|hit| hit["path"].as_str().unwrap().to_owned()).collect();
    paths.sort();
    paths
}

#[test]
fn people_sign_in_and_read_what_they_may() {
    let (server, _people) = server();
    let mut rose = Browser::new(&server);
    assert_eq!(rose.get("/api/v1/search?q=clou").status, 401);
    let page = rose.ask_with("GET", "/?q=clou&kind=pdf", None, "Accept: text/html\r\n");
    assert_eq!((page.status, page.header("location")), (303, "/sign-in?next=%2F%3Fq%3Dclou%26kind%3Dpdf"));
    assert_eq!(rose.get("/sign-in").status, 200);
    let who = rose.json("/api/v1/session");
    assert_eq!((&who["accounts"], &who["role"], &who["first"]), (&json!(true), &Value::Null, &json!(false)));
    // The same words for a wrong name and a wrong passphrase.
    let wrong = rose.sign_in("rose", "not the right one at all");
    let unknown = rose.sign_in("nobody-of-that-name", PASSPHRASE);
    assert_eq!((wrong.status, &wrong.body), (401, &unknown.body));
    let answer = rose.sign_in("ROSE ", PASSPHRASE);
    assert_eq!((answer.status, answer.json()["next"].as_str()), (200, Some("/")));
    let cookie = answer.header("set-cookie");
    assert!(cookie.contains("HttpOnly; SameSite=Lax") && cookie.starts_with("intramuros="), "{cookie}");
    assert_eq!(rose.json("/api/v1/session")["groups"], json!(["rh"]));
    assert_eq!(results(&mut rose), ["legal/lease.txt", "plan.pdf", "rh/conges.txt", "rh/teletravail.txt"]);
    let mut remi = Browser::of(&server, "remi");
    assert_eq!(results(&mut remi), ["legal/lease.txt", "plan.pdf"]);
    let hidden = server.document("rh/conges.txt");
    assert_eq!(remi.get(&format!("/api/v1/documents/{hidden}")).status, 404);
    // An administrator administers, and reads no more than before.
    let mut adam = Browser::of(&server, "adam");
    assert_eq!(results(&mut adam), ["legal/lease.txt", "plan.pdf"]);
    assert_eq!(results(&mut Browser::of(&server, "anne")).len(), 4);
}

#[test]
fn off_this_machine_cookies_are_for_encrypted_connections_alone() {
    let url = Some("https://search.example.org".to_owned());
    let (server, _people) = server_with(Settings { public_url: url, ..Settings::default() });
    let body = json!({"name": "rose", "passphrase": PASSPHRASE}).to_string();
    let answer = server.send(&format!(
        "POST /api/v1/session HTTP/1.1\r\nHost: search.example.org\r\nConnection: close\r\n\
         Origin: https://search.example.org\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ));
    assert_eq!(answer.status, 200, "{}", answer.text());
    for (_, cookie) in answer.headers.iter().filter(|(name, _)| name == "set-cookie") {
        assert!(cookie.starts_with("__Host-") && cookie.ends_with("; Secure"), "{cookie}");
        assert!(cookie.contains("Path=/") && !cookie.contains("Domain"), "{cookie}");
    }
}

#[test]
fn a_session_is_new_at_each_sign_in_and_ends_when_it_is_ended() {
    let (server, _people) = server();
    let mut rose = Browser::of(&server, "rose");
    let first = rose.cookies["intramuros"].clone();
    // An attacker who planted a session has nothing of it afterwards.
    rose.sign_in("rose", PASSPHRASE);
    assert_ne!(rose.cookies["intramuros"], first);
    let mut planted = Browser::new(&server);
    planted.cookies.insert("intramuros".into(), first);
    assert_eq!(planted.get("/api/v1/sessions").status, 401);
    let mut other = Browser::of(&server, "rose");
    let sessions = rose.json("/api/v1/sessions");
    let sessions = sessions["sessions"].as_array().unwrap();
    assert_eq!(sessions.len(), 2);
    let of_other = sessions.iter().find(|session| session["this"] == false).unwrap()["id"].as_i64().unwrap();
    assert_eq!(rose.ask("DELETE", &format!("/api/v1/sessions/{of_other}"), None).status, 204);
    assert_eq!(other.get("/api/v1/sessions").status, 401);
    let kept = rose.cookies["intramuros"].clone();
    let gone = rose.ask("DELETE", "/api/v1/session", None);
    assert_eq!((gone.status, gone.json()["next"].as_str()), (200, Some("/sign-in")));
    assert!(!rose.cookies.contains_key("intramuros"));
    rose.cookies.insert("intramuros".into(), kept);
    assert_eq!(rose.get("/api/v1/sessions").status, 401, "a cookie that was kept opens nothing");
}

#[test]
fn what_is_taken_away_is_gone_at_once() {
    let (server, _people) = server();
    let mut anne = Browser::of(&server, "anne");
    let mut rose = Browser::of(&server, "rose");
    let made = rose.ask("POST", "/api/v1/tokens", Some(json!({"name": "s", "scopes": ["read"], "days": 30})));
    let made = made.json();
    let bearer = format!("Authorization: Bearer {}\r\n", made["token"].as_str().unwrap());
    let with_token = |path: &str| request(&server, "GET", path, None, &bearer).status;
    let hidden = format!("/api/v1/documents/{}", server.document("rh/conges.txt"));
    assert_eq!((rose.get(&hidden).status, with_token(&hidden)), (200, 200));
    // Out of the group.
    let groups = anne.json("/api/v1/groups");
    let group = format!("/api/v1/groups/{}", groups["groups"][0]["id"]);
    let out = anne.ask("PATCH", &group, Some(json!({"remove": ["rose"]})));
    assert_eq!((out.status, out.json()["members"].clone()), (200, json!([])));
    assert_eq!((rose.get(&hidden).status, with_token(&hidden)), (404, 404));
    assert_eq!(anne.ask("PATCH", &group, Some(json!({"add": ["rose"]}))).status, 200);
    assert_eq!((rose.get(&hidden).status, with_token(&hidden)), (200, 200));
    // Not to sign in any more, and again.
    let person = format!("/api/v1/people/{}", anne.person("rose"));
    assert_eq!(anne.ask("PATCH", &person, Some(json!({"active": false}))).status, 200);
    assert_eq!((rose.get(&hidden).status, with_token(&hidden)), (401, 401));
    assert_eq!(Browser::new(&server).sign_in("rose", PASSPHRASE).status, 401);
    assert_eq!(anne.ask("PATCH", &person, Some(json!({"active": true}))).status, 200);
    assert_eq!(with_token(&hidden), 200);
    // The token revoked, the person removed.
    let token = format!("/api/v1/tokens/{}", made["about"]["id"]);
    assert_eq!(anne.ask("DELETE", &token, None).status, 204);
    assert_eq!(with_token(&hidden), 401);
    assert_eq!(anne.ask("DELETE", &person, None).status, 204);
    assert_eq!(rose.get(&hidden).status, 401);
}

#[test]
fn nobody_rises_above_themselves_and_an_owner_stays() {
    let (server, _people) = server();
    let (mut anne, mut adam) = (Browser::of(&server, "anne"), Browser::of(&server, "adam"));
    let of_anne = format!("/api/v1/people/{}", anne.person("anne"));
    let of_adam = format!("/api/v1/people/{}", anne.person("adam"));
    let check = |browser: &mut Browser<'_>, method: &str, path: &str, body: Option<Value>, expected: u16| {
        let answer = browser.ask(method, path, body.clone());
        assert_eq!(answer.status, expected, "{method} {path} {body:?}: {}", answer.text());
    };
    check(&mut adam, "PATCH", &of_adam, Some(json!({"role": "owner"})), 403);
    check(&mut adam, "PATCH", &of_anne, Some(json!({"role": "reader"})), 403);
    check(&mut adam, "PATCH", &of_anne, Some(json!({"active": false})), 403);
    check(&mut adam, "DELETE", &of_anne, None, 403);
    check(&mut adam, "POST", "/api/v1/people", Some(json!({"name": "eve", "role": "owner"})), 403);
    // A new passphrase for an owner would be the owner's place.
    check(&mut adam, "POST", &format!("{of_anne}/invitation"), None, 403);
    check(&mut anne, "PATCH", &of_anne, Some(json!({"role": "reader"})), 409);
    check(&mut anne, "DELETE", &of_anne, None, 409);
    check(&mut adam, "POST", "/api/v1/people", Some(json!({"name": "ANNE", "role": "reader"})), 409);
    check(&mut adam, "POST", "/api/v1/people", Some(json!({"name": "service:x", "role": "reader"})), 400);
    check(&mut adam, "POST", "/api/v1/people", Some(json!({"name": "x", "role": "king"})), 400);
    check(
        &mut adam,
        "POST",
        "/api/v1/people",
        Some(json!({"name": "x", "role": "reader", "admin": true})),
        400,
    );
    check(&mut anne, "PATCH", &of_adam, Some(json!({"role": "owner"})), 200);
    check(&mut anne, "PATCH", &of_anne, Some(json!({"role": "reader"})), 200);
    assert_eq!(anne.get("/api/v1/people").status, 403, "at once");
}

#[test]
fn who_is_invited_comes_in_once_with_a_passphrase_of_their_own() {
    let (server, _people) = server();
    let mut anne = Browser::of(&server, "anne");
    let invited = anne.ask("POST", "/api/v1/people", Some(json!({"name": "zoe", "role": "reader"})));
    assert_eq!(invited.status, 200, "{}", invited.text());
    let invited = invited.json();
    let code = invited["code"].as_str().unwrap().to_owned();
    assert!(invited["link"].as_str().unwrap().ends_with(&format!("/sign-in#{code}")));
    let mut zoe = Browser::new(&server);
    let mut accept = |code: &str, passphrase: &str| {
        zoe.ask("POST", "/api/v1/invitation", Some(json!({"code": code, "passphrase": passphrase})))
    };
    assert_eq!(accept("0000-0000", "assez longue pour elle").status, 401);
    assert_eq!(accept(&code, "court").json()["kind"], "passphrase_short");
    assert_eq!(accept(&code.to_lowercase(), "assez longue pour elle").status, 200);
    assert_eq!(accept(&code, "une autre assez longue").status, 401);
    assert_eq!(zoe.json("/api/v1/session")["name"], "zoe");
    let changed = zoe.ask(
        "PUT",
        "/api/v1/passphrase",
        Some(json!({"old": "assez longue pour elle", "new": "encore plus longue que ça"})),
    );
    assert_eq!(changed.status, 200, "{}", changed.text());
    assert_eq!(zoe.get("/api/v1/sessions").status, 200, "who changes it stays signed in");
    assert_eq!(Browser::new(&server).sign_in("zoe", "assez longue pour elle").status, 401);
    assert_eq!(Browser::new(&server).sign_in("zoe", "encore plus longue que ça").status, 200);
}

#[test]
fn the_first_owner_comes_in_with_the_code_of_the_terminal_and_nobody_without() {
    let folder = tempfile::tempdir().unwrap();
    let declared = Arc::new(Perimeter::default());
    let people = People::open(folder.path()).unwrap();
    let accounts = Arc::new(Accounts::new(people, declared, &[3; 32], BTreeMap::new(), true));
    let code = accounts.first_code(false).unwrap().unwrap();
    let limits = Limits { sign_in_burst: 1_000.0, ..Limits::default() };
    let settings = Settings { accounts: Some(Arc::clone(&accounts)), limits, ..Settings::default() };
    let server = Server::start(Scene { settings, rules: RULES, ..Scene::default() });
    let mut anne = Browser::new(&server);
    assert_eq!(anne.json("/api/v1/session")["first"], true);
    let mut come = |code: &str, name: &str, passphrase: &str| {
        let asked = json!({"code": code, "name": name, "passphrase": passphrase});
        let answer = anne.ask("POST", "/api/v1/first-owner", Some(asked));
        (answer.status, answer.json()["kind"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(come("0000-0000-0000", "eve", PASSPHRASE).0, 401);
    assert_eq!(come(&code, "anne", "short"), (400, "passphrase_short".into()));
    assert_eq!(come(&code, "owner", PASSPHRASE).0, 400);
    assert_eq!(come(&code, "anne", PASSPHRASE).0, 200);
    assert_eq!(come(&code, "eve", PASSPHRASE).0, 404);
    let who = anne.json("/api/v1/session");
    assert_eq!((&who["role"], &who["first"]), (&json!("owner"), &json!(false)));
    assert_eq!(accounts.first_code(false).unwrap(), None);
    // Who lost it has the terminal.
    assert!(accounts.first_code(true).unwrap().is_some());
}

#[test]
fn guessing_is_slowed_down_and_locks_nobody_out() {
    let limits = Limits { sign_in_burst: 1_000.0, ..Limits::default() };
    let (server, _people) = server_with(Settings { limits, ..Settings::default() });
    let mut rose = Browser::of(&server, "rose");
    rose.cookies.remove("intramuros");
    let mut guesser = Browser::new(&server);
    let statuses: Vec<u16> = (0..8)
        .map(|number| guesser.sign_in("rose", &format!("guess number {number} of many")).status)
        .collect();
    assert_eq!(statuses[..5], [401; 5]);
    assert_eq!(statuses[5..], [429; 3]);
    let waiting = guesser.sign_in("rose", PASSPHRASE);
    assert_eq!((waiting.status, waiting.json()["kind"].clone()), (429, json!("wait")));
    assert!(waiting.header("retry-after").parse::<u32>().unwrap() >= 1);
    // From the same address, in the browser that she used before.
    assert_eq!(rose.sign_in("rose", PASSPHRASE).status, 200);
    // A mark that was made for another name, or made up, is worth nothing.
    let mut other = Browser::of(&server, "remi");
    assert_eq!(other.sign_in("rose", PASSPHRASE).status, 429);
}

#[test]
fn attempts_to_come_in_are_few_from_one_address() {
    let (server, _people) = server();
    let mut browser = Browser::new(&server);
    let statuses: Vec<u16> = (0..40)
        .map(|number| browser.ask("POST", "/api/v1/session", Some(json!({"name": number}))).status)
        .collect();
    assert!(statuses.contains(&429) && statuses.contains(&400), "{statuses:?}");
    assert_eq!(browser.get("/api/v1/session").status, 200);
}

#[test]
fn tokens_open_every_interface_within_their_scopes_and_groups() {
    let (server, _people) = server();
    let mut anne = Browser::of(&server, "anne");
    let mut make = |asked: Value| anne.ask("POST", "/api/v1/tokens", Some(asked));
    let service = make(json!({"name": "bot", "scopes": ["read"], "service": true, "groups": ["rh"]}));
    let service = service.json()["token"].as_str().unwrap().to_owned();
    let plain = make(json!({"name": "bot 2", "scopes": ["read"], "service": true}));
    let plain = plain.json()["token"].as_str().unwrap().to_owned();
    assert!(service.starts_with("ims_"));
    for refused in [
        json!({"name": "x", "scopes": []}),
        json!({"name": "x", "scopes": ["everything"]}),
        json!({"name": "x", "scopes": ["read"], "days": 0}),
        json!({"name": "", "scopes": ["read"]}),
        json!({"name": "x", "scopes": ["read"], "groups": ["rh"]}),
        json!({"name": "x", "scopes": ["scim"]}),
    ] {
        assert_eq!(
            make(refused.clone()).status,
            400 + u16::from(refused["scopes"] == json!([])) * 3,
            "{refused}"
        );
    }
    let question = json!({"messages": [{"role": "user", "content": "télétravail jours par semaine"}]});
    let tool = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": "ask", "arguments": {"question": "télétravail jours par semaine"}}});
    let check = |token: &str, expected: bool| {
        let headers =
            format!("Authorization: Bearer {token}\r\nAccept: application/json, text/event-stream\r\n");
        for (path, body) in [("/v1/chat/completions", &question), ("/mcp", &tool)] {
            let answer = request(&server, "POST", path, Some(body), &headers);
            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
            assert_eq!(answer.text().contains("possible deux jours"), expected, "{path}: {}", answer.text());
        }
        let found = request(&server, "GET", "/api/v1/search?q=teletravail", None, &headers).json();
        assert_eq!(found["total"], u64::from(expected));
    };
    check(&service, true);
    check(&plain, false);
    // A last use is written down beside the answer, not before it.
    let began = std::time::Instant::now();
    let tokens = loop {
        let tokens = anne.json("/api/v1/tokens?all=true");
        let used =
            tokens["tokens"].as_array().unwrap().iter().filter(|token| token["used_ms"].is_i64()).count();
        if used == 2 {
            break tokens;
        }
        assert!(began.elapsed().as_secs() < 60, "{tokens}");
    };
    assert!(
        !tokens.to_string().contains(&service) && tokens.to_string().contains(&service[service.len() - 4..])
    );
}

#[test]
fn a_program_that_administers_ends_with_the_right_of_who_made_it() {
    let (server, folder) = server();
    let (mut anne, mut adam) = (Browser::of(&server, "anne"), Browser::of(&server, "adam"));
    let bearer = |token: &str| format!("Authorization: Bearer {token}\r\n");
    let make = |browser: &mut Browser<'_>, name: &str, scopes: &[&str]| {
        let asked = json!({"name": name, "scopes": scopes, "service": true, "groups": ["rh"]});
        let made = browser.ask("POST", "/api/v1/tokens", Some(asked));
        assert_eq!(made.status, 200, "{}", made.text());
        bearer(made.json()["token"].as_str().unwrap())
    };
    let console = make(&mut adam, "console", &["read", "administer"]);
    let directory = make(&mut adam, "directory", &["scim"]);
    let reader = make(&mut adam, "reader", &["read"]);
    let of_anne = make(&mut anne, "other console", &["administer"]);
    // One that an older program kept, which did not note who makes one.
    let people = People::open(folder.path()).unwrap();
    let earlier = secret::token(TokenKind::Service, &[9; secret::TOKEN_BYTES]);
    let kept = NewToken {
        hash: secret::fingerprint(Use::Token, &earlier),
        hint: "abcd".into(),
        person: None,
        name: "earlier".into(),
        scopes: Scopes::of([Scope::Administer]),
        groups: BTreeSet::new(),
        made_by: "adam".into(),
        maker: None,
        expires_ms: None,
    };
    people.add_token(&kept, 1).unwrap().unwrap();
    let earlier = bearer(&earlier);
    let check = |expected: [u16; 6]| {
        let status = |path: &str, bearer: &str| request(&server, "GET", path, None, bearer).status;
        let found = [
            status("/api/v1/people", &console),
            status("/api/v1/search?q=clou", &console),
            status("/scim/v2/Users", &directory),
            status("/api/v1/search?q=clou", &reader),
            status("/api/v1/people", &of_anne),
            status("/api/v1/people", &earlier),
        ];
        assert_eq!(found, expected);
    };
    let (holds, ended) = ([200; 6], [401, 401, 401, 200, 200, 200]);
    check(holds);
    let at = format!("/api/v1/people/{}", anne.person("adam"));
    let mut change = |change: Value| assert_eq!(anne.ask("PATCH", &at, Some(change)).status, 200);
    for (taken, given) in [
        (json!({"role": "editor"}), json!({"role": "administrator"})),
        (json!({"active": false}), json!({"active": true})),
    ] {
        change(taken);
        check(ended);
        change(given);
        check(holds);
    }
    assert_eq!(anne.ask("DELETE", &at, None).status, 204);
    check(ended);
    let list = anne.json("/api/v1/tokens?all=true");
    let told: Vec<String> = list["tokens"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let word = |name: &str| one[name].as_str().unwrap().to_owned();
            format!("{} {} {} {}", word("name"), word("made_by"), word("maker"), one["holds"])
        })
        .collect();
    let expected = [
        "earlier adam unknown true",
        "other console anne here true",
        "reader adam gone true",
        "directory adam gone false",
        "console adam gone false",
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_program_has_a_name_that_no_other_had() {
    let (server, _people) = server();
    let mut anne = Browser::of(&server, "anne");
    let mut make = |name: &str, service: bool| {
        let asked = json!({"name": name, "scopes": ["write"], "service": service});
        anne.ask("POST", "/api/v1/tokens", Some(asked))
    };
    let first = make("Équipe", true).json()["about"]["id"].as_i64().unwrap();
    let taken = make("e\u{301}quipe", true);
    assert_eq!((taken.status, taken.json()["kind"].clone()), (409, json!("taken")), "{}", taken.text());
    // A person's are known by the person.
    assert_eq!([make("carnet", false).status, make("carnet", false).status], [200, 200]);
    assert_eq!(anne.ask("DELETE", &format!("/api/v1/tokens/{first}"), None).status, 204);
    let again = json!({"name": "Équipe", "scopes": ["write"], "service": true});
    assert_eq!(anne.ask("POST", "/api/v1/tokens", Some(again)).status, 409, "what it brought is still there");
}

#[test]
fn nobody_ends_what_is_of_somebody_above_themselves() {
    let (server, _people) = server();
    let (mut anne, mut adam) = (Browser::of(&server, "anne"), Browser::of(&server, "adam"));
    let mut rose = Browser::of(&server, "rose");
    let own = |browser: &mut Browser<'_>| -> [String; 2] {
        let asked = json!({"name": "scripts", "scopes": ["read"]});
        let made = browser.ask("POST", "/api/v1/tokens", Some(asked)).json();
        let session = browser.json("/api/v1/sessions")["sessions"][0]["id"].clone();
        [format!("/api/v1/tokens/{}", made["about"]["id"]), format!("/api/v1/sessions/{session}")]
    };
    let mut check = |places: [String; 2], expected: u16| {
        for place in places {
            let answer = adam.ask("DELETE", &place, None);
            assert_eq!(answer.status, expected, "{place}: {}", answer.text());
        }
    };
    let of_anne = own(&mut anne);
    check(of_anne.clone(), 403);
    check(own(&mut rose), 204);
    assert_eq!((anne.get("/api/v1/sessions").status, rose.get("/api/v1/sessions").status), (200, 401));
    for place in of_anne {
        assert_eq!(anne.ask("DELETE", &place, None).status, 204, "{place}");
    }
}

#[test]
fn names_that_look_the_same_are_given_once() {
    let (server, _people) = server();
    let mut adam = Browser::of(&server, "adam");
    let mut check = |path: &str, name: &str, expected: u16| {
        let role =
            if path == "people" { json!({"name": name, "role": "reader"}) } else { json!({"name": name}) };
        let answer = adam.ask("POST", &format!("/api/v1/{path}"), Some(role));
        assert_eq!(answer.status, expected, "{path} {name:?}: {}", answer.text());
    };
    check("people", "jos\u{e9}", 200);
    for (name, expected) in [
        ("jose\u{301}", 409),
        ("JOS\u{c9}", 409),
        ("\u{ff32}ose", 409),
        ("\u{ff2f}wner", 400),
        ("ann\u{435}", 400),
        ("jose", 200),
    ] {
        check("people", name, expected);
    }
    for (name, expected) in [("e\u{301}quipe", 200), ("\u{e9}quipe", 409), ("\u{c9}QUIPE", 409), ("RH", 409)]
    {
        check("groups", name, expected);
    }
    // It is kept in one way of writing it.
    let groups = adam.json("/api/v1/groups");
    assert!(
        groups["groups"].as_array().unwrap().iter().any(|group| group["name"] == "\u{e9}quipe"),
        "{groups}"
    );
}

#[test]
fn a_token_that_brings_documents_takes_away_only_its_persons() {
    let rules = format!("{RULES}[[source]]\nname = \"dons\"\nkind = \"uploads\"\n");
    let (server, _people) = server_of(Scene { rules: &rules, ..Scene::default() });
    let token = |name: &str, scopes: &[&str]| {
        let mut browser = Browser::of(&server, name);
        let made = browser.ask("POST", "/api/v1/tokens", Some(json!({"name": "t", "scopes": scopes}))).json();
        format!("Authorization: Bearer {}\r\n", made["token"].as_str().unwrap())
    };
    let of_anne = token("anne", &["write"]);
    let (host, text) = (server.address, "Le bail court neuf ans.\n");
    let brought = server.send(&format!(
        "POST /api/v1/uploads?name=own.txt HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{of_anne}\
         Content-Type: application/octet-stream\r\nContent-Length: {}\r\n\r\n{text}",
        text.len()
    ));
    assert_eq!(
        (brought.status, &brought.json()["path"]),
        (201, &json!("anne/own.txt")),
        "{}",
        brought.text()
    );
    let take = |bearer: &str| {
        request(&server, "DELETE", "/api/v1/uploads?source=dons&path=anne/own.txt", None, bearer).status
    };
    assert_eq!(take(&token("adam", &["read", "write"])), 404);
    assert_eq!(take(&token("adam", &["write", "administer"])), 204);
    assert_eq!(take(&of_anne), 404);
}

#[test]
fn a_token_of_the_store_works_where_nobody_signs_in_and_a_wrong_one_does_not() {
    let (accounts, _folder) = accounts(false, "");
    let settings = Settings { accounts: Some(accounts), ..Settings::default() };
    let server = Server::start(Scene { settings, rules: RULES, ..Scene::default() });
    let mut here = Browser::new(&server);
    let made =
        here.ask("POST", "/api/v1/tokens", Some(json!({"name": "bot", "scopes": ["read"], "service": true})));
    assert_eq!(made.status, 200, "{}", made.text());
    let token = made.json()["token"].as_str().unwrap().to_owned();
    let found = |token: &str| {
        request(
            &server,
            "GET",
            "/api/v1/search?q=teletravail",
            None,
            &format!("Authorization: Bearer {token}\r\n"),
        )
    };
    // With it one is the program, without it this machine's owner; what others call a key is not ours.
    assert_eq!(found(&token).json()["total"], 0);
    assert_eq!(found("sk-anything").json()["total"], 1);
    // One letter off, whichever letter the token ends with.
    let last = if token.ends_with('0') { '1' } else { '0' };
    assert_eq!(found(&format!("{}{last}", &token[..token.len() - 1])).status, 401);
    assert_eq!(here.get("/api/v1/people").status, 200);
}

#[test]
fn what_is_watched_ends_with_the_right_to_watch_it() {
    use std::io::{Read, Write};
    let (server, _people) = server();
    let mut anne = Browser::of(&server, "anne");
    let rose = format!("/api/v1/people/{}", anne.person("rose"));
    let groups = anne.json("/api/v1/groups");
    let group = format!("/api/v1/groups/{}", groups["groups"][0]["id"]);
    let watch = |browser: &Browser<'_>| {
        let mut stream = std::net::TcpStream::connect(server.address).unwrap();
        // Far below the five minutes after which such a stream ends in any case.
        stream.set_read_timeout(Some(std::time::Duration::from_secs(60))).unwrap();
        let cookies: Vec<String> =
            browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let (host, cookies) = (server.address, cookies.join("; "));
        write!(stream, "GET /api/v1/events HTTP/1.1\r\nHost: {host}\r\nCookie: {cookies}\r\n\r\n").unwrap();
        let mut text = Vec::new();
        while !String::from_utf8_lossy(&text).contains("event: progress") {
            let mut more = [0; 1024];
            let read = stream.read(&mut more).unwrap();
            assert!(read > 0, "{}", String::from_utf8_lossy(&text));
            text.extend_from_slice(&more[..read]);
        }
        stream
    };
    // What does not concern who watches leaves the stream open; what does ends it.
    let others = Browser::of(&server, "remi");
    let mut other = watch(&others);
    let mut ends = |ask: (&str, &str, serde_json::Value)| {
        let mut stream = watch(&Browser::of(&server, "rose"));
        let (method, path, body) = ask;
        let answer = anne.ask(method, path, (!body.is_null()).then_some(body));
        assert!([200, 204].contains(&answer.status), "{method} {path}: {}", answer.text());
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap_or_else(|error| panic!("{method} {path}: {error}"));
    };
    ends(("PATCH", &group, json!({"remove": ["rose"]})));
    ends(("DELETE", &format!("{rose}/sessions"), serde_json::Value::Null));
    ends(("PATCH", &rose, json!({"mail": "rose@x.fr"})));
    ends(("DELETE", &rose, serde_json::Value::Null));
    other.set_read_timeout(Some(std::time::Duration::from_millis(300))).unwrap();
    let mut rest = [0; 4096];
    while let Ok(read) = other.read(&mut rest) {
        assert!(read > 0, "somebody else's stream has ended");
    }
}

#[test]
fn a_change_of_a_group_is_made_whole_or_not_at_all() {
    let (server, _people) = server();
    let mut anne = Browser::of(&server, "anne");
    let groups = anne.json("/api/v1/groups")["groups"].clone();
    assert_eq!((groups[0]["name"].as_str(), &groups[0]["rules"]), (Some("rh"), &json!(1)));
    let group = format!("/api/v1/groups/{}", groups[0]["id"]);
    let wrong = json!({"name": "personnel", "add": ["remi", "nobody-known"], "remove": ["rose"]});
    assert_eq!(anne.ask("PATCH", &group, Some(wrong)).status, 400);
    assert_eq!(anne.json("/api/v1/groups")["groups"], groups);
    let made = anne.ask("POST", "/api/v1/groups", Some(json!({"name": "ventes"})));
    assert_eq!(made.json()["rules"], 0);
    let taken = json!({"name": "ventes", "add": ["remi"], "remove": ["rose"]});
    assert_eq!(anne.ask("PATCH", &group, Some(taken)).status, 409);
    assert_eq!(anne.json("/api/v1/groups")["groups"][0], groups[0]);
    let right = json!({"add": ["remi"], "remove": ["rose"]});
    let changed = anne.ask("PATCH", &group, Some(right)).json();
    assert_eq!((&changed["members"], &changed["rules"]), (&json!(["remi"]), &json!(1)));
    let renamed = anne.ask("PATCH", &group, Some(json!({"name": "personnel"}))).json();
    assert_eq!((&renamed["name"], &renamed["rules"]), (&json!("personnel"), &json!(0)));
}

#[test]
fn the_rule_that_lets_a_person_read_is_named() {
    let (server, _people) = server();
    let mut adam = Browser::of(&server, "adam");
    let mut check = |person: &str, path: &str, expected: Value| {
        let seen = adam.json(&format!("/api/v1/see-as?person={person}&source=papers&path={path}"));
        let found = json!([
            seen["allowed"],
            seen["by"],
            seen["through"],
            seen["rule"]["from"],
            seen["rule"]["number"]
        ]);
        assert_eq!(found, expected, "{person} {path}: {seen}");
    };
    check("rose", "rh/conges.txt", json!([true, "group", ["rh"], "rule", 2]));
    check("remi", "rh/conges.txt", json!([false, "nobody", [], "rule", 2]));
    check("remi", "prix.txt", json!([true, "everyone", [], "rule", 1]));
    check("anne", "rh/conges.txt", json!([true, "owner", [], "rule", 2]));
    let document = server.document("rh/conges.txt");
    let seen = adam.json(&format!("/api/v1/see-as?person=rose&document={document}"));
    assert_eq!((&seen["path"], &seen["known"]), (&json!("rh/conges.txt"), &json!(true)));
    assert!(!seen.to_string().contains("Congés"), "the document itself is not shown");
    assert_eq!(adam.get("/api/v1/see-as?person=rose&document=987654").status, 404);
    assert_eq!(adam.get("/api/v1/see-as?person=nobody&document=1").status, 400);
}

#[test]
fn members_of_a_channel_are_known_by_their_mail_address_and_the_check_says_so() {
    let export = "== general/1\nle budget est voté\n== direction/1 for rose@x.fr\nle budget baisse\n";
    let (server, _people) =
        server_of(Scene { files: &[("slack.zip", export)], rules: RULES, ..Scene::default() });
    let mut anne = Browser::of(&server, "anne");
    let rose = anne.person("rose");
    let mut mail = |address: &str| {
        let change = Some(json!({"mail": address}));
        assert_eq!(anne.ask("PATCH", &format!("/api/v1/people/{rose}"), change).status, 200);
    };
    let mut of_rose = Browser::of(&server, "rose");
    let mut finds = |expected: usize| {
        let found = of_rose.json("/api/v1/search?q=budget");
        assert_eq!(found["total"], expected, "{found}");
    };
    finds(1);
    mail("Rose@X.fr");
    finds(2);
    let mut adam = Browser::of(&server, "adam");
    let mut seen = |person: &str, path: &str| {
        adam.json(&format!("/api/v1/see-as?person={person}&source=papers&path={path}"))
    };
    let mut check = |person: &str, path: &str, expected: Value| {
        let seen = seen(person, path);
        let found = json!([
            seen["allowed"],
            seen["by"],
            seen["rule"]["only"],
            seen["rule"]["parts_differ"],
            seen["known"]
        ]);
        assert_eq!(found, expected, "{person} {path}: {seen}");
        assert_eq!(seen["rule"]["pending"], false, "{seen}");
    };
    check("rose", "slack.zip!/direction/1", json!([true, "everyone", ["rose@x.fr"], false, true]));
    check("remi", "slack.zip!/direction/1", json!([false, "not_member", ["rose@x.fr"], false, true]));
    check("anne", "slack.zip!/direction/1", json!([true, "owner", ["rose@x.fr"], false, true]));
    check("remi", "slack.zip!/general/1", json!([true, "everyone", null, false, true]));
    check("remi", "slack.zip", json!([true, "everyone", null, true, true]));
    check("remi", "slack.zip!/nothing", json!([true, "everyone", null, false, false]));
    mail("");
    finds(1);
}

#[test]
fn who_came_in_was_refused_and_changed_something_stands_in_the_journal() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(Options::new(folder.path())).unwrap().start().unwrap();
    let record = Record::new(journal.clone(), &JournalSection::default());
    let walls = Walls { record, journal: Some(folder.path().to_owned()), ..Walls::default() };
    let (accounts, _people) = accounts(true, "");
    let settings = Settings { accounts: Some(accounts), ..Settings::default() };
    let server = Server::start(Scene { walls, settings, rules: RULES, ..Scene::default() });
    let mut anne = Browser::of(&server, "anne");
    Browser::new(&server).sign_in("rose", "not the right one at all");
    Browser::new(&server).sign_in("correct horse battery", "typed in the wrong field");
    Browser::of(&server, "remi").get("/api/v1/people");
    let bot = json!({"name": "bot", "scopes": ["read"], "service": true, "groups": ["rh", "paie"]});
    anne.ask("POST", "/api/v1/tokens", Some(bot));
    let page = anne.json("/api/v1/journal?kind=sign_in");
    assert_eq!(page["kept"], true);
    anne.ask("DELETE", "/api/v1/session", None);
    journal.close();
    let mut found = Vec::new();
    each(folder.path(), &Filter::default(), |entry, line| {
        let text = String::from_utf8_lossy(line);
        for secret in [PASSPHRASE, "not the right one", "correct horse battery", "ims_"] {
            assert!(!text.contains(secret), "{text}");
        }
        match &entry.event {
            Event::SignIn { user, allowed, .. } => found.push(format!("{user} {allowed}")),
            Event::SignOut { user } => found.push(format!("{user} out")),
            Event::Administered { by, action, on } => {
                let groups = on.get("groups").map(|groups| format!(" {groups}")).unwrap_or_default();
                found.push(format!("{by}: {action}{groups}"));
            }
            Event::AccessRefused { by, what, .. } => found.push(format!("{by} refused {what}")),
            _ => {}
        }
        true
    })
    .unwrap();
    let expected = [
        "anne true",
        "rose false",
        "(unknown name) false",
        "remi true",
        "remi refused GET /api/v1/people",
        "anne: token made paie, rh",
        "anne out",
    ];
    assert_eq!(found, expected);
}

#[test]
fn groups_that_the_file_declares_anew_hold_with_the_next_request() {
    let (accounts, _folder) = accounts(true, "");
    let settings = Settings { accounts: Some(Arc::clone(&accounts)), ..Settings::default() };
    let server = Server::start(Scene { settings, rules: RULES, ..Scene::default() });
    let mut remi = Browser::of(&server, "remi");
    let mut check = |declared: &str, expected: u64| {
        accounts.declare(&Perimeter::parse(declared, "intramuros.toml").unwrap());
        assert_eq!(remi.json("/api/v1/search?q=acquiert")["total"].as_u64(), Some(expected), "{declared}");
    };
    check("", 0);
    check("[[user]]\nname = 'remi'\ngroups = ['rh']\n", 1);
    check("[[user]]\nname = 'remi'\n", 0);
}

//! Does a directory keep its own people and groups, and nobody else's?

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::people::{Browser, PASSPHRASE, request, server, server_of};
use crate::support::{Scene, Server};

/// The head by which a directory says that it is one.
fn directory(administrator: &mut Browser<'_>) -> String {
    let asked = json!({"name": "directory", "scopes": ["scim"], "service": true});
    let made = administrator.ask("POST", "/api/v1/tokens", Some(asked)).json();
    format!("Authorization: Bearer {}\r\n", made["token"].as_str().unwrap())
}

/// What a directory is answered.
fn scim(server: &Server, bearer: &str, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
    let answer = request(server, method, &format!("/scim/v2{path}"), body.as_ref(), bearer);
    (answer.status, if answer.body.is_empty() { Value::Null } else { answer.json() })
}

#[test]
fn a_directory_keeps_its_own_people_and_groups_and_nobody_elses() {
    let (server, _people) = server();
    let mut anne = Browser::of(&server, "anne");
    let bearer = directory(&mut anne);
    let scim = |method: &str, path: &str, body: Option<Value>| scim(&server, &bearer, method, path, body);
    let (status, zoe) =
        scim("POST", "/Users", Some(json!({"userName": "zoe", "externalId": "z-1", "displayName": "Zoé"})));
    assert_eq!((status, &zoe["active"]), (201, &json!(true)), "{zoe}");
    let (status, again) = scim("POST", "/Users", Some(json!({"userName": "ZOE"})));
    assert_eq!((status, &again["scimType"]), (409, &json!("uniqueness")));
    let id = zoe["id"].as_str().unwrap();
    let (_, found) = scim("GET", "/Users?filter=externalId%20eq%20%22z-1%22", None);
    assert_eq!((&found["totalResults"], &found["Resources"][0]["userName"]), (&json!(1), &json!("zoe")));
    assert_eq!(scim("GET", "/Users?filter=title%20sw%20%22a%22", None).1["scimType"], "invalidFilter");
    let (status, group) =
        scim("POST", "/Groups", Some(json!({"displayName": "paie", "members": [{"value": id}]})));
    assert_eq!((status, &group["members"][0]["display"]), (201, &json!("Zoé")), "{group}");
    let place = format!("/Groups/{}", group["id"].as_str().unwrap());
    let out = json!({"Operations": [{"op": "remove", "path": format!("members[value eq \"{id}\"]")}]});
    assert_eq!(scim("PATCH", &place, Some(out)).1["members"], json!([]));
    let off = json!({"Operations": [{"op": "Replace", "path": "active", "value": "False"}]});
    assert_eq!(scim("PATCH", &format!("/Users/{id}"), Some(off)).1["active"], false);
    // Who was added here, and owners, are not its affair; nor is anything but people and groups.
    for name in ["anne", "rose"] {
        let place = format!("/Users/{}", anne.person(name));
        let off = json!({"Operations": [{"op": "replace", "path": "active", "value": false}]});
        assert_eq!(scim("PATCH", &place, Some(off)).0, 403, "{name}");
        assert_eq!(scim("DELETE", &place, None).0, 403, "{name}");
    }
    for path in ["/api/v1/people", "/api/v1/search?q=clou", "/api/v1/tokens"] {
        assert_eq!(request(&server, "GET", path, None, &bearer).status, 403, "{path}");
    }
    assert_eq!(scim("DELETE", &format!("/Users/{id}"), None).0, 204);
    assert_eq!(scim("GET", &format!("/Users/{id}"), None).0, 404);
    assert_eq!(scim("GET", "/Nowhere", None).1["schemas"][0], "urn:ietf:params:scim:api:messages:2.0:Error");
}

#[test]
fn a_directory_is_answered_what_it_asks_for() {
    let (server, _people) = server();
    let mut anne = Browser::of(&server, "anne");
    let bearer = directory(&mut anne);
    let scim = |method: &str, path: &str, body: Option<Value>| scim(&server, &bearer, method, path, body);
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
    let zoe = json!({"userName": "zoe", "displayName": "Zoé", "emails": [{"value": "zoe@x.fr"}]});
    let (status, zoe) = scim("POST", "/Users?attributes=userName", Some(zoe));
    assert_eq!((status, keys(&zoe).as_str()), (201, "id schemas userName"));
    let id = zoe["id"].as_str().unwrap();
    // Attributes of one and of a list, with names of schemas and without.
    let check = |path: &str, expected: &str| {
        let (status, found) = scim("GET", path, None);
        let one = found.get("Resources").map_or(&found, |list| &list[0]);
        assert_eq!((status, keys(one).as_str()), (200, expected), "{path}: {found}");
    };
    check(&format!("/Users/{id}?attributes=emails.value"), "emails id schemas");
    check(&format!("/Users/{id}?excludedAttributes=emails,meta"), "active displayName id schemas userName");
    check("/Users?filter=emails.value%20eq%20%22ZOE@x.fr%22&attributes=userName", "id schemas userName");
    check("/Users?filter=displayName%20eq%20%22Zo%C3%A9%22&attributes=userName", "id schemas userName");
    check("/Groups?excludedAttributes=members,meta", "displayName id schemas");
    // Pages.
    let page = |query: &str| {
        let found = scim("GET", &format!("/Users?{query}"), None).1;
        (found["totalResults"].as_u64(), found["startIndex"].as_u64(), found["itemsPerPage"].as_u64())
    };
    assert_eq!(page("startIndex=4&count=10"), (Some(5), Some(4), Some(2)));
    assert_eq!(page("startIndex=-3&count=2"), (Some(5), Some(1), Some(2)));
    assert_eq!(page("startIndex=9"), (Some(5), Some(9), Some(0)));
    assert_eq!(page("count=0"), (Some(5), Some(1), Some(0)));
    // The same by a body, of people, of groups and of both.
    let search = |place: &str, body: Value| scim("POST", &format!("{place}/.search"), Some(body));
    let of_zoe = json!({"filter": "userName eq \"zoe\"", "attributes": ["displayName"]});
    assert_eq!(search("/Users", of_zoe).1["Resources"][0]["displayName"], "Zoé");
    let (_, both) = search("", json!({"startIndex": 5, "count": 5}));
    assert_eq!((&both["totalResults"], &both["itemsPerPage"]), (&json!(6), &json!(2)), "{both}");
    assert_eq!(both["Resources"][1]["displayName"], "rh");
    assert_eq!(search("/Groups", json!({"filter": "displayName eq \"rh\""})).1["totalResults"], 1);
    assert_eq!(search("", json!({"count": "five"})).0, 400);
    // A name to show is taken away: the other one is shown.
    let off = json!({"Operations": [{"op": "remove", "path": "displayName"}]});
    let (status, bare) = scim("PATCH", &format!("/Users/{id}"), Some(off));
    assert_eq!((status, bare.get("displayName")), (200, None), "{bare}");
    let people = anne.json("/api/v1/people");
    let shown = people["people"].as_array().unwrap().iter().find(|one| one["name"] == "zoe").unwrap();
    assert_eq!(shown["shown"], "zoe");
    // All of a change or nothing: the name is taken.
    let (_, group) = scim("POST", "/Groups", Some(json!({"displayName": "paie"})));
    let place = format!("/Groups/{}", group["id"].as_str().unwrap());
    let taken = json!({"Operations": [{"op": "add", "path": "members", "value": [{"value": id}]},
        {"op": "replace", "path": "displayName", "value": "rh"}]});
    assert_eq!(scim("PATCH", &place, Some(taken)).1["scimType"], "uniqueness");
    assert_eq!(scim("GET", &place, None).1["members"], json!([]));
}

#[test]
fn what_somebody_brought_follows_their_name_and_nobody_inherits_it() {
    const RULES: &str = "[[source]]\nname = \"dons\"\nkind = \"uploads\"\n";
    let (server, _people) = server_of(Scene { files: &[], rules: RULES, ..Scene::default() });
    let mut anne = Browser::of(&server, "anne");
    let bearer = directory(&mut anne);
    let scim = |method: &str, path: &str, body: Option<Value>| scim(&server, &bearer, method, path, body);
    // Zoé, an editor in the group `paie`, brings a document for herself and one for her group.
    let zoe = scim("POST", "/Users", Some(json!({"userName": "zoe"}))).1["id"].as_str().unwrap().to_owned();
    let members = json!({"displayName": "paie", "members": [{"value": zoe}]});
    let group = scim("POST", "/Groups", Some(members)).1["id"].as_str().unwrap().to_owned();
    let person = format!("/api/v1/people/{zoe}");
    assert_eq!(anne.ask("PATCH", &person, Some(json!({"role": "editor"}))).status, 200);
    let come_in = |anne: &mut Browser<'_>, person: &str, name: &str| {
        let invited = anne.ask("POST", &format!("{person}/invitation"), None).json();
        let code = invited["link"].as_str().unwrap().rsplit(['#', '=', '/']).next().unwrap().to_owned();
        let chosen = json!({"code": code, "passphrase": PASSPHRASE});
        let answer = Browser::new(&server).ask("POST", "/api/v1/invitation", Some(chosen));
        assert!(answer.status < 300, "{} {invited}", answer.text());
        Browser::of(&server, name)
    };
    let mut browser = come_in(&mut anne, &person, "zoe");
    let bring = |browser: &mut Browser<'_>, query: &str, text: &str| {
        let cookies: Vec<String> =
            browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let (host, length) = (server.address, text.len());
        let answer = server.send(&format!(
            "POST /api/v1/uploads?{query} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nConnection: close\r\n\
             Cookie: {}\r\nContent-Type: application/octet-stream\r\nContent-Length: {length}\r\n\r\n{text}",
            cookies.join("; ")
        ));
        assert_eq!(answer.status, 201, "{}", answer.text());
    };
    bring(&mut browser, "name=bail.txt", "Le bail court neuf ans.\n");
    bring(&mut browser, "name=paie.txt&readers=group:paie", "La paie et le bail.\n");
    let found = |browser: &mut Browser<'_>| {
        server.library.wait_for_words(Duration::from_secs(60)).unwrap();
        let found = browser.json("/api/v1/search?q=bail");
        let mut paths: Vec<String> = found["results"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["path"].as_str().unwrap().to_owned())
            .collect();
        paths.sort();
        paths
    };
    let until = Instant::now() + Duration::from_secs(60);
    while found(&mut browser).len() < 2 {
        assert!(Instant::now() < until);
        std::thread::sleep(Duration::from_millis(50));
    }
    // Another name for her and for her group: everything is hers as before, in her folder.
    let named = |name: &str, to: &str| json!({"Operations": [{"op": "replace", "path": name, "value": to}]});
    assert_eq!(scim("PATCH", &format!("/Users/{zoe}"), Some(named("userName", "zoe.petit"))).0, 200);
    assert_eq!(scim("PATCH", &format!("/Groups/{group}"), Some(named("displayName", "salaires"))).0, 200);
    assert_eq!(found(&mut browser), ["zoe.petit/bail.txt", "zoe.petit/paie.txt"]);
    let brought = browser.json("/api/v1/uploads")["uploads"].clone();
    let readers: Vec<&Value> = brought.as_array().unwrap().iter().map(|one| &one["readers"]).collect();
    assert!(readers.contains(&&json!("me")) && readers.contains(&&json!("group:salaires")), "{brought}");
    // Somebody new under the earlier name finds nothing of it.
    let other = scim("POST", "/Users", Some(json!({"userName": "zoe"}))).1["id"].as_str().unwrap().to_owned();
    let mut heir = come_in(&mut anne, &format!("/api/v1/people/{other}"), "zoe");
    assert_eq!(found(&mut heir), [] as [&str; 0]);
    // She goes: what was for the group stays with it, the rest is the owner's, and nobody gets it with her name.
    assert_eq!(scim("DELETE", &format!("/Users/{zoe}"), None).0, 204);
    let again =
        scim("POST", "/Users", Some(json!({"userName": "zoe.petit"}))).1["id"].as_str().unwrap().to_owned();
    let person = format!("/api/v1/people/{again}");
    assert_eq!(anne.ask("PATCH", &person, Some(json!({"role": "editor"}))).status, 200);
    let mut heir = come_in(&mut anne, &person, "zoe.petit");
    assert_eq!(found(&mut heir), [] as [&str; 0]);
    assert_eq!(heir.json("/api/v1/uploads")["uploads"], json!([]));
    let into = json!({"Operations": [{"op": "add", "path": "members", "value": [{"value": other}]}]});
    assert_eq!(scim("PATCH", &format!("/Groups/{group}"), Some(into)).0, 200);
    let left = format!("@former zoe.petit ({zoe})");
    assert_eq!(found(&mut Browser::of(&server, "zoe")), [format!("{left}/paie.txt")]);
    assert_eq!(found(&mut anne), [format!("{left}/bail.txt"), format!("{left}/paie.txt")]);
}

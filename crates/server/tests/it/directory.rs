//! Does a directory keep its own people and groups, and nobody else's?

use serde_json::{Value, json};

use crate::people::{Browser, request, server};
use crate::support::Server;

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

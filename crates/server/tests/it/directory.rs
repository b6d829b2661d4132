//! Does a directory keep its own people and groups, and nobody else's?

use serde_json::{Value, json};

use crate::people::{Browser, request, server};

#[test]
fn a_directory_keeps_its_own_people_and_groups_and_nobody_elses() {
    let (server, _people) = server();
    let mut anne = Browser::of(&server, "anne");
    let asked = json!({"name": "directory", "scopes": ["scim"], "service": true});
    let made = anne.ask("POST", "/api/v1/tokens", Some(asked)).json();
    let bearer = format!("Authorization: Bearer {}\r\n", made["token"].as_str().unwrap());
    let scim = |method: &str, path: &str, body: Option<Value>| {
        let answer = request(&server, method, &format!("/scim/v2{path}"), body.as_ref(), &bearer);
        (answer.status, if answer.body.is_empty() { Value::Null } else { answer.json() })
    };
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

//! Do our requests and the doubles' answers follow the peers' published OpenAPI documents?

use std::sync::{Arc, Mutex};

use intramuros_operator::names::Identity;
use intramuros_operator::peers::netbird::{KeepKey, NetBird as Mesh};
use intramuros_operator::peers::warpgate::Warpgate as Bastion;
use intramuros_operator::plan::bastion::seen::Options;
use intramuros_operator::plan::bastion::{self, Access, WantedTarget};
use intramuros_operator::plan::mesh::{self, Endpoint};
use serde_json::Value;

use crate::doubles::faults::{Faults, transport};
use crate::doubles::netbird::NetBird;
use crate::doubles::warpgate::Warpgate;
use crate::doubles::{Double, Exchange};

/// An OpenAPI document, where the test's data has it.
fn document(name: &str) -> Option<Value> {
    let path = intramuros_testkit::shared_data(&format!("openapi/{name}"))?;
    let text = std::fs::read_to_string(path).unwrap();
    Some(if name.ends_with(".json") {
        serde_json::from_str(&text).unwrap()
    } else {
        serde_saphyr::from_str(&text).unwrap()
    })
}

fn identity() -> Identity {
    let text = |text: &str| text.to_owned();
    Identity { namespace: text("shop"), name: text("prod"), uid: text("u"), home: text("h") }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap()
}

#[test]
fn what_we_say_to_netbird_and_what_its_double_answers_follow_its_document() {
    let Some(document) = document("netbird.yml") else { return };
    let double = Arc::new(Mutex::new(NetBird::with_management()));
    let faults = Arc::new(Mutex::new(Faults::default()));
    let mesh = Mesh::new(transport(&double, &faults, ""));
    let keep: KeepKey = Arc::new(|_, _| Box::pin(async { Ok(()) }));
    let wanted = mesh::Wanted {
        identity: identity(),
        management_group: "management".to_owned(),
        endpoint: Some(Endpoint { host: "10.0.0.9".to_owned(), port: 6443 }),
        machines: vec![vec!["m".to_owned()]],
        bastion: Some(mesh::Bastion {
            group: "management".to_owned(),
            machines: vec![("m".to_owned(), "10.0.1.1".to_owned())],
        }),
        replicas: 1,
        stored_key: None,
        domain: Some("prod.shop.example".to_owned()),
        now: 1_900_000_000,
    };
    runtime().block_on(async {
        mesh.converge(wanted, &keep).await.unwrap();
        mesh.look().await.unwrap();
        mesh.remove(&identity().prefix()).await.unwrap();
    });
    let exchanges = std::mem::take(double.lock().unwrap().exchanges());
    follows(&document, &exchanges, 25);
}

#[test]
fn what_we_say_to_warpgate_and_what_its_double_answers_follow_its_document() {
    let Some(document) = document("warpgate.json") else { return };
    let double = Arc::new(Mutex::new(Warpgate::with_people(&["anne", "bruno"])));
    let faults = Arc::new(Mutex::new(Faults::default()));
    let bastion = Bastion::new(transport(&double, &faults, ""));
    let target = |suffix: &str, options: Options, access: Access| WantedTarget {
        suffix: suffix.to_owned(),
        options,
        access,
    };
    let text = |text: &str| text.to_owned();
    let wanted = bastion::Wanted {
        identity: identity(),
        adopt: false,
        targets: vec![
            target(
                "m0",
                Options::Ssh { host: text("10.0.0.1"), port: 22, username: text("admin") },
                Access::OwnKey,
            ),
            target(
                "",
                Options::Kubernetes { cluster_url: text("https://10.0.0.9:6443"), verify: false },
                Access::Certificate { certificate: text("c"), key: text("k") },
            ),
        ],
        tickets: Some(bastion::WantedTickets {
            seconds: 3600,
            approval: true,
            people: vec![],
            approvers: vec![],
        }),
        people: vec![("anne".to_owned(), Some(2_000_000_000))],
        require_recordings: true,
        now: 1_900_000_000,
    };
    runtime().block_on(async {
        bastion.converge(&wanted).await.unwrap();
        {
            // What nobody declared: withdrawn and denied.
            let mut double = double.lock().unwrap();
            double.give("bruno", "shop.prod", wanted.now, 600);
            double.ask("bruno", "shop.prod", wanted.now);
        }
        bastion.look().await.unwrap();
        bastion.converge(&wanted).await.unwrap();
        let asked = |path: &str| {
            let double = double.lock().unwrap();
            double.exchanges.iter().any(|one| one.method != "GET" && one.path.starts_with(path))
        };
        assert!(asked("/tickets/") && asked("/ticket-requests/"));
        bastion.remove(&identity().mark()).await.unwrap();
    });
    let exchanges = std::mem::take(double.lock().unwrap().exchanges());
    follows(&document, &exchanges, 20);
}

/// Every exchange is one that the document has, with bodies as it says.
fn follows(document: &Value, exchanges: &[Exchange], least: usize) {
    assert!(exchanges.len() >= least, "only {} exchanges", exchanges.len());
    for exchange in exchanges {
        let named = format!("{} {}", exchange.method, exchange.path);
        let operation = operation(document, &exchange.method, &exchange.path)
            .unwrap_or_else(|| panic!("{named}: not in the document"));
        if let Some(schema) = operation.pointer("/requestBody/content").and_then(first_schema) {
            fits(document, schema, &exchange.body, &format!("{named}: request"), true);
        }
        let answers = operation["responses"].as_object().unwrap();
        let status = exchange.status.to_string();
        let described =
            answers.get(&status).unwrap_or_else(|| panic!("{named}: {status} is not in the document"));
        // The double answers with the part of the parameters that is read.
        if let Some(schema) =
            described.get("content").and_then(first_schema).filter(|_| exchange.path != "/parameters")
        {
            fits(document, schema, &exchange.answer, &format!("{named}: answer"), false);
        }
    }
}

fn first_schema(content: &Value) -> Option<&Value> {
    content.as_object()?.values().next()?.get("schema")
}

fn operation<'a>(document: &'a Value, method: &str, path: &str) -> Option<&'a Value> {
    let parts: Vec<&str> = path.split('/').collect();
    let matches = |pattern: &str| {
        let wanted: Vec<&str> = pattern.split('/').collect();
        wanted.len() == parts.len()
            && wanted.iter().zip(&parts).all(|(wanted, part)| wanted.starts_with('{') || wanted == part)
    };
    let mut found: Vec<(&String, &Value)> =
        document["paths"].as_object()?.iter().filter(|(pattern, _)| matches(pattern)).collect();
    // `/networks/routers` rather than `/networks/{id}`.
    found.sort_by_key(|(pattern, _)| pattern.matches('{').count());
    found.first()?.1.get(method.to_lowercase())
}

/// Checks required properties, types, enumerations, and (for requests) that no property is unknown.
fn fits(document: &Value, schema: &Value, value: &Value, place: &str, closed: bool) {
    let schema = resolve(document, schema);
    if let Some(choices) = schema.get("oneOf").and_then(Value::as_array) {
        let choice = choices.iter().map(|choice| resolve(document, choice)).find(|choice| {
            let kind = properties(document, choice).into_iter().find(|(name, _)| name == "kind");
            kind.is_some_and(|(_, kind)| {
                kind["enum"].as_array().is_some_and(|kinds| kinds.contains(&value["kind"]))
            })
        });
        return fits(
            document,
            choice.unwrap_or_else(|| panic!("{place}: no such kind")),
            value,
            place,
            closed,
        );
    }
    if let Some(kinds) = schema.get("enum").and_then(Value::as_array) {
        assert!(kinds.contains(value), "{place}: {value} is none of {kinds:?}");
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("array") => {
            let list = value.as_array().unwrap_or_else(|| panic!("{place}: not a list"));
            for (number, item) in list.iter().enumerate() {
                fits(document, &schema["items"], item, &format!("{place}[{number}]"), closed);
            }
            return;
        }
        Some("string") => assert!(value.is_string(), "{place}: {value} is no text"),
        Some("integer") => assert!(value.is_i64() || value.is_u64(), "{place}: {value} is no number"),
        Some("boolean") => assert!(value.is_boolean(), "{place}: {value} is neither true nor false"),
        _ => {}
    }
    let known = properties(document, schema);
    if known.is_empty() {
        return;
    }
    let object = value.as_object().unwrap_or_else(|| panic!("{place}: {value} is no object"));
    // Answers of the doubles leave out what nobody reads; requests must be complete.
    for name in if closed { required(document, schema) } else { Vec::new() } {
        assert!(object.contains_key(&name), "{place}: {name} is missing");
    }
    for (name, value) in object.iter().filter(|(_, value)| !value.is_null()) {
        match known.iter().find(|(known, _)| known == name) {
            Some((_, schema)) => fits(document, schema, value, &format!("{place}.{name}"), closed),
            None => panic!("{place}: {name} is not in the document"),
        }
    }
}

fn resolve<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema.get("$ref").and_then(Value::as_str) {
        Some(reference) => resolve(document, document.pointer(reference.trim_start_matches('#')).unwrap()),
        None => schema,
    }
}

fn properties<'a>(document: &'a Value, schema: &'a Value) -> Vec<(String, &'a Value)> {
    let schema = resolve(document, schema);
    let own = schema.get("properties").and_then(Value::as_object);
    let mut all: Vec<(String, &Value)> =
        own.into_iter().flatten().map(|(name, schema)| (name.clone(), schema)).collect();
    for part in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
        all.extend(properties(document, part));
    }
    all
}

fn required(document: &Value, schema: &Value) -> Vec<String> {
    let schema = resolve(document, schema);
    let own = schema.get("required").and_then(Value::as_array);
    let mut all: Vec<String> =
        own.into_iter().flatten().filter_map(|name| Some(name.as_str()?.to_owned())).collect();
    for part in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
        all.extend(required(document, part));
    }
    all
}

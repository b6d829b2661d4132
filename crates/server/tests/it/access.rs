//! Does a visitor see, count or guess anything that is not theirs?

use crate::support::{Scene, Server};

const RULES: &str = "[[access]]\npath = \"rh/**\"\nusers = [\"anne\"]\n\
                     [[access]]\npath = \"legal/**\"\neveryone = true\n";

#[test]
fn a_visitor_finds_counts_and_opens_only_what_they_may_read() {
    let anne = Server::for_visitor("anne", RULES);
    let bruno = Server::for_visitor("bruno", RULES);
    let paths = |server: &Server| -> Vec<String> {
        let found = server.json("/api/v1/search?q=deux%20jours%20lease");
        let results = found["results"].as_array().unwrap();
        assert_eq!(found["total"], results.len());
        results.iter().map(|hit| hit["path"].as_str().unwrap().to_owned()).collect()
    };
    let mut found = paths(&anne);
    found.sort();
    assert_eq!(found, ["legal/lease.txt", "rh/conges.txt", "rh/teletravail.txt"]);
    assert_eq!(paths(&bruno), ["legal/lease.txt"]);
    let facets = bruno.json("/api/v1/search?q=deux%20jours%20lease");
    assert_eq!(facets["facets"]["folders"], serde_json::json!([{"value": "legal", "count": 1}]));
    assert_eq!(anne.get(&format!("/api/v1/documents/{}", anne.document("rh/conges.txt"))).status, 200);
    let answer = bruno.json("/api/v1/ask?q=combien%20de%20jours%20de%20cong%C3%A9s%20par%20mois%20%3F");
    assert_eq!(answer["found"], false);
    assert!(!answer.to_string().contains("rh/"));
    // Words that only stand in what is not theirs are not offered as corrections.
    assert_eq!(bruno.json("/api/v1/search?q=t%C3%A9l%C3%A9travial")["suggestion"], serde_json::Value::Null);
}

#[test]
fn what_is_absent_and_what_is_not_permitted_look_the_same() {
    let bruno = Server::for_visitor("bruno", RULES);
    let secret = bruno.document("rh/conges.txt");
    for suffix in ["", "/original", "?passage=1", "?start=0&end=5", "?from=3"] {
        let check = |id: &str| {
            let mut answer = bruno.get(&format!("/api/v1/documents/{id}{suffix}"));
            answer.headers.retain(|(name, _)| name != "x-request-id" && name != "date");
            answer
        };
        let absent = check("987654321");
        assert_eq!(absent.status, 404, "{suffix}");
        for id in [secret.to_string(), "-1".into(), "0".into(), "abc".into(), "9".repeat(40)] {
            let other = check(&id);
            assert_eq!(
                (other.status, &other.headers, &other.body),
                (404, &absent.headers, &absent.body),
                "{id}{suffix}"
            );
        }
    }
}

#[test]
fn counts_progress_and_failures_are_for_the_owner_alone() {
    let bruno = Server::for_visitor("bruno", RULES);
    let status = bruno.json("/api/v1/status");
    assert_eq!(status["counts"], serde_json::Value::Null);
    assert_eq!(status["progress"]["work"], serde_json::Value::Null);
    assert_eq!(status["sources"], serde_json::json!([]));
    let failures = bruno.json("/api/v1/failures");
    assert_eq!(failures["failures"], serde_json::json!([]));
    assert_eq!(failures["reasons"], serde_json::json!([]));
    let owner = Server::start(Scene::default());
    assert!(owner.json("/api/v1/status")["counts"].is_object());
}

#[test]
fn the_time_of_an_answer_is_told_and_taken_in_steps() {
    let bruno = Server::for_visitor("bruno", RULES);
    let document = format!("/api/v1/documents/{}", bruno.document("rh/conges.txt"));
    for path in ["/api/v1/search?q=cong%C3%A9s", "/api/v1/search?q=lease", "/api/v1/ask?q=lease", &document] {
        let began = std::time::Instant::now();
        let answer = bruno.get(path);
        assert!(began.elapsed() >= std::time::Duration::from_millis(10), "{path}");
        if answer.status == 200 {
            let took = bruno.json(path)["took_ms"].as_f64().unwrap();
            assert!(took >= 10.0 && took % 10.0 == 0.0, "{path}: {took}");
        }
    }
}

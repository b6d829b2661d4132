//! Does a backup that is taken while people work bring everything back?

use std::os::unix::fs::PermissionsExt;

use crate::support::House;

const DOCUMENTS: &[(&str, &str)] = &[("conges.md", "# Congés\n\nLes congés se posent un mois à l'avance.\n")];

#[test]
fn a_backup_that_is_taken_while_people_work_brings_everything_back() {
    let house = House::new(DOCUMENTS);
    let program = house.serve();
    program.finds("conges", &["conges.md"]);
    let made = program.post("/api/v1/tokens", r#"{"name": "bot", "scopes": ["read"], "service": true}"#);
    assert!(made["token"].as_str().is_some_and(|token| token.starts_with("ims_")), "{made}");
    program.post("/api/v1/groups", r#"{"name": "rh"}"#);
    assert_eq!(program.bring("glycine.txt", "La glycine grimpe.\n")["path"], "@owner/glycine.txt");
    program.finds("glycine", &["@owner/glycine.txt"]);
    let talk = program.post("/api/v1/conversations", r#"{"title": "Le lierre"}"#)["id"].as_i64().unwrap();
    let attachments = format!("/api/v1/conversations/{talk}/attachments");
    program.send(&format!("{attachments}?name=lierre.txt"), "Le lierre couvre trois murs.\n");
    let (said, well) = house.run(&["backup", "copy", "--data", "data"]);
    assert!(well, "{said}");
    // It goes on, and what comes later is not in it.
    program.post("/api/v1/groups", r#"{"name": "later"}"#);
    program.finds("conges", &["conges.md"]);
    drop(program);
    let copy = house.path().join("copy");
    for name in ["intramuros.sqlite", "people.sqlite", "people.key", "journal.key", "backup.json"] {
        let mode = std::fs::metadata(copy.join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let refused = |arguments: &[&str], why: &str| {
        let (said, well) = house.run(arguments);
        assert!(!well && said.contains(why), "{arguments:?}: {said}");
    };
    refused(&["backup", "copy", "--data", "data"], "is there already");
    refused(&["restore", "copy", "--data", "data"], "holds something already");
    refused(&["restore", "documents", "--data", "new"], "is not a backup");
    std::fs::rename(house.path().join("data"), house.path().join("lost")).unwrap();
    let (said, well) = house.run(&["restore", "copy", "--data", "data"]);
    assert!(well, "{said}");
    let program = house.serve();
    program.finds("conges", &["conges.md"]);
    program.finds("glycine", &["@owner/glycine.txt"]);
    // "waiting" as long as anything that was read is not to be found yet, the attached document too.
    program.wait("what was brought", || program.get("/api/v1/uploads")["uploads"][0]["state"] == "read");
    program.wait("the attached document", || program.get(&attachments)["attachments"][0]["state"] == "read");
    program.finds("lierre", &[]);
    assert_eq!(program.get("/api/v1/tokens?all=true")["tokens"][0]["name"], "bot");
    let groups = program.get("/api/v1/groups");
    assert_eq!((&groups["groups"][0]["name"], groups["groups"].as_array().unwrap().len()), (&"rh".into(), 1));
    drop(program);
    let (said, well) = house.run(&["journal", "verify", "--data", "data"]);
    assert!(well, "{said}");
    // A changed backup is told before anything is put in place.
    let database = copy.join("people.sqlite");
    let mut bytes = std::fs::read(&database).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&database, bytes).unwrap();
    refused(&["restore", "copy", "--data", "third"], "is not as it was made");
    assert!(!house.path().join("third").exists());
}

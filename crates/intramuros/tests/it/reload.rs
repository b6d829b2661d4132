//! Does a changed configuration come into force, as far as it can, and is the rest said?

use crate::support::House;

#[test]
fn a_changed_configuration_holds_at_once_or_names_what_needs_a_restart() {
    let house = House::new(&[("bail.txt", "Le bail dure neuf ans.\n")]);
    house.declare("");
    let program = house.serve();
    program.finds("bail", &["bail.txt"]);

    house.declare("[journal]\nquestion_text = true\nretain_days = 400\n");
    program
        .says("holds now: journal.question_text; needs a restart: journal.retain_days (the journal is open)");
    program.finds("neuf", &["bail.txt"]);

    house.declare("[jornal]\nquestion_text = false\n");
    program.says("not taken, what held before still holds");
    program.says("did you mean `journal`");
    program.finds("ans", &["bail.txt"]);

    // A seal can't be loosened: a way out that is new on a sealed program waits for its next start.
    house.declare(
        "[journal]\nquestion_text = true\nretain_days = 400\n[[egress]]\nhost = '127.0.0.1'\nport = 9\npurpose = \
         'answers'\ntls = false\n",
    );
    program.says("needs a restart: egress[0] (port 9 is sealed), journal.retain_days (the journal is open)");
    program.signal("HUP");
    program.says_times(
        "needs a restart: egress[0] (port 9 is sealed), journal.retain_days (the journal is open)",
        2,
    );
    let (said, _) = house.run(&["perimeter", "show"]);
    assert!(said.contains("After a restart of the program: egress[0] (port 9 is sealed)"), "{said}");
    program.stop();

    let texts: Vec<_> = house.journal("question").iter().map(|event| event["text"].clone()).collect();
    assert!(texts.contains(&"neuf".into()) && texts.contains(&"ans".into()), "{texts:?}");
    assert!(!texts.contains(&"bail".into()), "{texts:?}");
    let changes = house.journal("configuration_changed");
    // What held at the start, and each of the four since.
    assert_eq!(changes.len(), 5, "{changes:?}");
    assert!(changes[0]["change"].as_str().unwrap().contains("BLAKE3"), "{changes:?}");
}

#[test]
fn a_folder_that_is_closed_is_closed_without_a_restart() {
    let house = House::new(&[("hr/paie.txt", "La paie de mars.\n"), ("bail.txt", "Le bail de mars.\n")]);
    house.declare("[[access]]\neveryone = true\n");
    let program = house.serve();
    program.finds("mars", &["bail.txt", "hr/paie.txt"]);
    house.declare("[[access]]\neveryone = true\n[[access]]\npath = 'hr/**'\ngroups = ['hr']\n");
    program.says("holds now: access[1]");
    // The owner reads everything; whoever is not in the group must lose it, within the time of a scan.
    let began = std::time::Instant::now();
    loop {
        let (found, _) = house.run(&["search", "--as", "bob", "mars"]);
        if found.contains("bail.txt") && !found.contains("paie.txt") {
            break;
        }
        assert!(began.elapsed() < std::time::Duration::from_secs(60), "{found}");
    }
    program.stop();
    let changed = house.journal("access_changed");
    assert_eq!((changed.len(), &changed[0]["path"], &changed[0]["by"]), (1, &"hr/**".into(), &"file".into()));
    assert_eq!(changed[0]["after"]["groups"][0], "hr", "{changed:?}");
}

#[test]
fn models_people_and_sources_within_the_seal_come_and_go_without_a_restart() {
    let way = "[[egress]]\nhost = '127.0.0.1'\nport = 9\npurpose = 'answers'\ntls = false\n";
    let model = "[[model]]\nname = 'm'\nkind = 'open-ai'\npurpose = 'answers'\nurl = 'http://127.0.0.1:9/v1'\nmodel = 'x'\n";
    let source = |path: &str| format!("[[source]]\nname = 'more'\npath = '{path}'\n");
    let house = House::new(&[("hr/paie.txt", "La paie de mars.\n"), ("bail.txt", "Le bail de mars.\n")]);
    std::fs::create_dir(house.path().join("elsewhere")).unwrap();
    house.declare(way);
    let program = house.serve();
    program.finds("mars", &["bail.txt", "hr/paie.txt"]);
    let writers = || program.get("/api/v1/status")["writers"].as_array().unwrap().len();
    assert_eq!(writers(), 0);
    let more = source("documents/hr");
    house.declare(&format!("{way}{model}[[user]]\nname = 'lea'\ngroups = ['hr']\n{more}"));
    program.says("holds now: model[0], source[0].");
    assert_eq!(writers(), 1);
    let within = || program.get("/api/v1/search?q=mars&source=more")["total"].as_u64() == Some(1);
    program.wait("the document of the new source", within);
    house.declare(&format!("{way}{}", source("elsewhere")));
    program.says("elsewhere is sealed");
    assert_eq!(writers(), 0);
    house.declare(way);
    program.says_times("holds now:", 3);
    program.finds("paie&source=documents", &["hr/paie.txt"]);
    program.stop();
    let refused = house.journal("kernel_refused");
    assert!(refused.is_empty(), "{refused:?}");
}

#[test]
fn collections_come_change_and_go_without_a_restart() {
    let house = House::new(&[("baux/un.txt", "Le bail de mars.\n"), ("paie.txt", "La paie de mars.\n")]);
    let collection = |path: &str| {
        format!("[[collection]]\nname = 'Choix'\nfolders = [{{ source = 'documents', path = '{path}' }}]\n")
    };
    house.declare("");
    let program = house.serve();
    program.finds("mars", &["baux/un.txt", "paie.txt"]);
    let names = || program.get("/api/v1/collections")["collections"].as_array().unwrap().len();
    assert_eq!(names(), 0);
    house.declare(&collection("baux/**"));
    program.says("holds now: collection[0]");
    assert_eq!(names(), 1);
    program.finds("mars&collection=Choix", &["baux/un.txt"]);
    house.declare(&collection("paie.txt"));
    program.says_times("holds now: collection[0]", 2);
    program.finds("mars&collection=Choix", &["paie.txt"]);
    house.declare("");
    program.says_times("holds now: collection[0]", 3);
    assert_eq!(names(), 0);
    program.stop();
}

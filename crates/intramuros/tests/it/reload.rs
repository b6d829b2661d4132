//! Does a changed configuration come into force, as far as it can, and is the rest said?

use crate::support::House;

#[test]
fn a_changed_configuration_holds_at_once_or_names_what_needs_a_restart() {
    let house = House::new(&[("bail.txt", "Le bail dure neuf ans.\n")]);
    house.declare("");
    let program = house.serve();
    program.finds("bail", &["bail.txt"]);

    house.declare("[journal]\nquestion_text = true\nretain_days = 400\n");
    program.says("holds now: journal.question_text; needs a restart: journal.retain_days");
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
    program.says("needs a restart: egress[0] (port 9 is sealed), journal.retain_days");
    program.signal("HUP");
    program.says_times("needs a restart: egress[0] (port 9 is sealed), journal.retain_days", 2);
    program.stop();

    let texts: Vec<_> = house.journal("question").iter().map(|event| event["text"].clone()).collect();
    assert!(texts.contains(&"neuf".into()) && texts.contains(&"ans".into()), "{texts:?}");
    assert!(!texts.contains(&"bail".into()), "{texts:?}");
    let changes = house.journal("configuration_changed");
    assert_eq!(changes.len(), 4, "{changes:?}");
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
}

//! Does what is done in a terminal stand in the journal, whether the program runs or not?

#[cfg(target_os = "linux")]
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};

use crate::support::House;

#[test]
fn questions_and_exports_in_a_terminal_stand_in_the_journal() {
    let house = House::new(&[("bail.txt", "Le bail dure neuf ans.\n")]);
    let (said, good) = house.run(&["ingest", "documents", "--data", "data", "--words-only"]);
    assert!(good, "{said}");
    let (said, good) = house.run(&["ask", "--data", "data", "Combien de temps dure le bail ?"]);
    assert!(good && said.contains("neuf ans"), "{said}");
    let questions = house.journal("question");
    assert_eq!(questions.len(), 1);
    assert_eq!((&questions[0]["by"], questions[0].get("text")), (&"owner".into(), None));
    let read = house.journal("document_read");
    assert_eq!((read.len(), &read[0]["path"], &read[0]["way"]), (1, &"bail.txt".into(), &"citation".into()));
    let exported = house.journal("exported");
    assert!(exported.iter().all(|event| event["what"] == "journal") && exported.len() >= 2, "{exported:?}");

    // While the program runs, the journal is its own: what is done beside is entered by it.
    let program = house.serve();
    program.finds("bail", &["bail.txt"]);
    let (said, good) = house.run(&["search", "--data", "data", "--as", "lea", "bail"]);
    assert!(!good, "nothing may be read by lea: {said}");
    program.wait("the slip of the question", || {
        house.journal("question").iter().any(|event| event["by"] == "lea" && event["results"] == 0)
    });
    program.stop();
    let (said, whole) = house.run(&["journal", "verify", "--data", "data"]);
    assert!(whole, "{said}");
    // A slip that stays behind waits for the next start.
    assert!(house.path().join("data/slips").is_dir());
}

#[test]
fn what_an_assistant_asks_over_pipes_stands_in_the_journal() {
    let house = House::new(&[("bail.txt", "Le bail dure neuf ans.\n")]);
    let (said, good) = house.run(&["ingest", "documents", "--data", "data", "--words-only"]);
    assert!(good, "{said}");
    let call = |id: u32, tool: &str, argument: &str, value: &str| {
        let params = serde_json::json!({"name": tool, "arguments": {argument: value}});
        serde_json::json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params})
    };
    let hello = serde_json::json!({
        "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"},
    });
    let lines = [
        serde_json::json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}),
        serde_json::json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        call(2, "search", "query", "bail"),
        call(3, "fetch", "id", "1"),
        call(4, "fetch", "id", "999"),
    ];
    let talk = || {
        let (said, good) = house.talk(&["mcp", "--data", "data"], &lines);
        assert!(good && said.contains("protocolVersion"), "{said}");
    };
    talk();
    // A slip of a kind that no command leaves is none.
    let forged = r#"{"event":"sign_in","user":"anne","way":"password","allowed":true}"#;
    std::fs::write(house.path().join("data/slips/00000000000000000001-1-000001.json"), forged).unwrap();
    let count = |kind: &str| house.journal(kind).len();
    assert_eq!((count("tool_called"), count("question"), count("access_refused")), (3, 1, 1));
    assert_eq!((count("sign_in"), count("document_read")), (0, 1));
    let aside = std::fs::read_dir(house.path().join("data/slips")).unwrap().flatten();
    assert!(aside.filter(|slip| slip.path().extension().is_some_and(|end| end == "unreadable")).count() == 1);
    // And while the program runs, which can start although an assistant is at work.
    let program = house.serve();
    program.finds("bail", &["bail.txt"]);
    talk();
    program.wait("the slips of the assistant", || count("tool_called") == 6);
    program.stop();
    let (said, whole) = house.run(&["journal", "verify", "--data", "data"]);
    assert!(whole, "{said}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_kernel_that_enforces_less_is_named_and_refused_where_all_is_required() {
    let house = House::new(&[("bail.txt", "Le bail dure neuf ans.\n")]);
    // As on a kernel without Landlock; the filter binds this thread and what it starts.
    std::thread::scope(|scope| {
        scope.spawn(|| {
            without_landlock();
            house.declare("");
            let program = house.serve();
            program.says("Not enforced by this kernel");
            program.finds("bail", &["bail.txt"]);
            program.stop();
            house.declare("require_seal = true\n");
            for command in [&["serve", "--listen", "127.0.0.1:0"][..], &["search", "bail"], &["ingest"]] {
                let (said, good) = house.run(command);
                assert!(!good && said.contains("require_seal"), "{command:?}: {said}");
                assert!(!said.contains("bail.txt"), "{command:?} read documents: {said}");
            }
        });
    });
    let (said, good) = house.run(&["search", "bail"]);
    assert!(good || said.contains("require_seal"), "{said}");
}

#[cfg(target_os = "linux")]
#[test]
fn where_refusals_can_not_be_reported_they_are_refused_all_the_same_and_it_is_said() {
    let house = House::new(&[("bail.txt", "Le bail dure neuf ans.\n")]);
    // As in a container whose own watcher has the one listener that there can be.
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let listener = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER;
            let asked = SeccompCmpOp::MaskedEq(listener);
            let condition = SeccompCondition::new(1, SeccompCmpArgLen::Dword, asked, listener).unwrap();
            without(libc::SYS_seccomp, vec![SeccompRule::new(vec![condition]).unwrap()], libc::EBUSY);
            house.declare("require_seal = true\n");
            let program = house.serve();
            program.says("What the kernel refuses is not journalled: the kernel gives no listener");
            program.finds("bail", &["bail.txt"]);
            program.stop();
        });
    });
    let started = house.journal("started");
    assert!(started[0]["seal"].as_str().unwrap().contains("refusals are not journalled"), "{started:?}");
}

#[cfg(target_os = "linux")]
fn without_landlock() {
    without(libc::SYS_landlock_create_ruleset, Vec::new(), libc::ENOSYS);
}

/// From here on a call fails, for this thread and what it starts.
#[cfg(target_os = "linux")]
fn without(call: i64, when: Vec<SeccompRule>, error: i32) {
    let filter = SeccompFilter::new(
        [(call, when)].into(),
        SeccompAction::Allow,
        SeccompAction::Errno(error as u32),
        std::env::consts::ARCH.try_into().unwrap(),
    );
    let program: BpfProgram = filter.unwrap().try_into().unwrap();
    seccompiler::apply_filter(&program).unwrap();
}

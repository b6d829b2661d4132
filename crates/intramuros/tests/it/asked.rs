//! Does a declared model write in the terminal too, checked, through the one door out?

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;

use crate::support::House;

/// A model that says one thing that the document says, and one that it does not.
fn model() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut line, mut length) = (String::new(), 0);
            while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                line.clear();
            }
            reader.read_exact(&mut vec![0; length]).unwrap();
            let text = "Le bail dure neuf ans [1]. Le loyer est de 999 euros [1].";
            let event = format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n");
            let stop = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
            let _ = stream.write_all(format!("{head}{event}{stop}").as_bytes());
        }
    });
    port
}

#[test]
fn a_declared_model_writes_in_the_terminal_and_its_way_out_is_written_down() {
    let port = model();
    let house = House::new(&[("bail.txt", "Le bail dure neuf ans.\n")]);
    house.declare(&format!(
        "[assistant]\nunsupported = 'mark'\n[[egress]]\nhost = '127.0.0.1'\nport = {port}\npurpose = 'answers'\ntls = false\n\
         [[model]]\nname = 'local'\nkind = 'open-ai'\npurpose = 'answers'\nurl = 'http://127.0.0.1:{port}/v1'\n"
    ));
    let (said, good) = house.run(&["ingest", "--words-only"]);
    assert!(good, "{said}");
    let question = "Combien de temps dure le bail ?";
    let check = |arguments: &[&str], expected: &[&str]| {
        let (said, good) = house.run(arguments);
        assert!(good && expected.iter().all(|text| said.contains(text)), "{arguments:?}: {said}");
    };
    check(&["ask", question], &["Le bail dure neuf ans. [1]", "(?)", "Written by local", "bail.txt"]);
    check(&["ask", "--model", "local", "--json", question], &["\"model\": \"local\"", "\"unsupported\": 1"]);
    check(&["ask", "--quote", question], &["Le bail dure neuf ans. [1]"]);
    let (said, good) = house.run(&["ask", "--model", "another", question]);
    assert!(!good && said.contains("no model `another`"), "{said}");
    let egress = house.journal("egress");
    assert_eq!(egress.len(), 2, "{egress:?}");
    assert!(egress.iter().all(|event| event["allowed"] == true && event["port"] == port));
    assert_eq!(house.journal("question").len(), 3);
    // While the program runs, the way out is written down through it, before anything leaves.
    let program = house.serve();
    program.finds("bail", &["bail.txt"]);
    check(&["ask", question], &["Written by local"]);
    program.wait("the slip of the way out", || house.journal("egress").len() == 3);
    program.stop();
}

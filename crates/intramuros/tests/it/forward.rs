//! Does the journal of a sealed program reach its collector, and only that?

use std::io::Read;
use std::net::TcpListener;
use std::sync::mpsc::channel;
use std::time::Duration;

use crate::support::House;

#[test]
fn entries_are_sent_to_the_declared_collector_and_the_way_out_is_written_down() {
    let collector = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = collector.local_addr().unwrap().port();
    let (sender, received) = channel();
    std::thread::spawn(move || {
        for mut stream in collector.incoming().map_while(Result::ok) {
            let mut text = String::new();
            stream.read_to_string(&mut text).unwrap();
            if sender.send(text).is_err() {
                return;
            }
        }
    });
    let house = House::new(&[("bail.txt", "Le bail dure neuf ans.\n")]);
    house.declare(&format!(
        "[journal]\nsyslog = '127.0.0.1:{port}'\n[[egress]]\nhost = '127.0.0.1'\nport = {port}\npurpose = \
         'journal'\ntls = false\n"
    ));
    let program = house.serve();
    program.finds("bail", &["bail.txt"]);
    let mut text = String::new();
    while !text.contains("\"event\":\"question\"") {
        text += &received.recv_timeout(Duration::from_secs(60)).expect("nothing reaches the collector");
    }
    assert!(text.contains("<110>1 "), "{text}");
    assert_eq!(text.matches("\"event\":\"started\"").count(), 1);
    let walls = program.get("/api/v1/perimeter");
    let way = &walls["ways_out"][0];
    assert_eq!(way["purpose"], "journal", "{walls}");
    assert!(way["allowed"].as_u64() >= Some(1) && way["bytes_out"].as_u64() > Some(100), "{walls}");
    program.stop();
    // What it had sent is not sent again by the next start.
    let program = house.serve();
    program.finds("bail", &["bail.txt"]);
    // The first start may have sent a second time before it stopped.
    let mut next = String::new();
    while !next.contains("\"event\":\"started\"") {
        next += &received.recv_timeout(Duration::from_secs(60)).expect("the second start sends nothing");
    }
    assert_eq!(next.matches("\"event\":\"started\"").count(), 1, "{next}");
    program.stop();
    let egress = house.journal("egress");
    assert!(egress.iter().all(|event| event["allowed"] == true && event["why"] == "egress[0]"), "{egress:?}");
    assert!(egress.len() >= 2);
}

//! Is everything else refused, before a byte leaves, and written down?

use std::net::IpAddr;
use std::sync::Arc;

use intramuros_core::perimeter::{Perimeter, Purpose};
use intramuros_egress::{Egress, EgressError, Refusal, Request, Surroundings};

use crate::support::{Authority, Server, client, client_in, moved, ok, rule, rule_here};

const FOR: Purpose = Purpose::Answers;

#[tokio::test]
async fn without_a_rule_not_even_a_name_server_is_asked() {
    let names = Server::dns(vec![vec![IpAddr::from([127, 0, 0, 1])]]);
    let server = Server::http(|_| ok("reached"));
    let declared = format!("[dns]\nservers = ['127.0.0.1:{}']\n{}", names.port, rule("api.example", 443, ""));
    let (egress, decisions) = client(&declared);
    let port = server.port;
    let ways = [
        format!("http://127.0.0.1:{port}/"),
        format!("http://localhost:{port}/"),
        format!("http://[::1]:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        format!("http://2130706433:{port}/"),
        format!("http://0x7f000001:{port}/"),
        format!("http://0177.0.0.1:{port}/"),
        format!("http://127.1:{port}/"),
        format!("http://127.0.0.1.:{port}/"),
        format!("http://api.example@127.0.0.1:{port}/"),
        format!("https://api.example:443@127.0.0.1:{port}/"),
        format!("https://api.example\\@127.0.0.1:{port}/"),
        "https://evil.example/".to_owned(),
        "https://api.example.evil.example/".to_owned(),
        "https://api.example:8443/".to_owned(),
        "http://api.example:443/".to_owned(),
        "https://API.EXAMPLE/".to_owned(),
        "https://api.example./".to_owned(),
        "https://аpi.example/".to_owned(),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "http://[fd00:ec2::254]/".to_owned(),
        "http://metadata.google.internal/".to_owned(),
        "file:///etc/passwd".to_owned(),
        "gopher://127.0.0.1/".to_owned(),
        "".to_owned(),
    ];
    for url in &ways {
        let refused = egress.send(Request::get(FOR, url)).await;
        assert!(matches!(refused, Err(EgressError::Refused(_))), "{url}");
    }
    // A declared way, asked for something else.
    assert!(egress.send(Request::get(Purpose::Source, "https://api.example/")).await.is_err());
    assert!(egress.connect(FOR, "evil.example", 993).await.is_err());
    assert!(egress.connect(FOR, "127.1", 993).await.is_err());
    assert_eq!((server.count(), names.count()), (0, 0));
    let decisions = decisions.lock().unwrap();
    assert_eq!(decisions.len(), ways.len() + 3);
    assert!(decisions.iter().all(|decision| decision.verdict.is_err()));
}

#[tokio::test]
async fn a_redirection_does_not_lead_out_of_the_rules() {
    let outside = Server::http(|_| ok("reached"));
    let to = format!("http://127.0.0.1:{}/", outside.port);
    let model = Server::http(move |_| moved(302, &to));
    let (egress, decisions) = client(&rule_here(model.port));
    let request =
        Request { redirections: 3, ..Request::get(FOR, format!("http://127.0.0.1:{}/", model.port)) };
    assert!(matches!(egress.send(request).await, Err(EgressError::Refused(Refusal::NoRule(_)))));
    assert_eq!((model.count(), outside.count()), (1, 0));
    let verdicts: Vec<bool> =
        decisions.lock().unwrap().iter().map(|decision| decision.verdict.is_ok()).collect();
    assert_eq!(verdicts, [true, false]);
}

#[tokio::test]
async fn a_name_that_turns_inward_is_refused() {
    let authority = Authority::new("api.example");
    let inside = Server::https(&authority, false, |_| ok("inside"));
    // First this machine, then a private network, then the metadata service, then a public and a private one at once.
    let names = Server::dns(vec![
        vec![IpAddr::from([127, 0, 0, 1])],
        vec![IpAddr::from([10, 0, 0, 1])],
        vec![IpAddr::from([169, 254, 169, 254])],
        vec![IpAddr::from([93, 184, 215, 14]), IpAddr::from([192, 168, 0, 1])],
    ]);
    let text = format!(
        "[dns]\nservers = ['127.0.0.1:{}']\n{}",
        names.port,
        rule("api.example", inside.port, &format!("ca_file = '{}'", authority.path("ca.pem")))
    );
    let (egress, decisions) = client(&text);
    for _ in 0..4 {
        let refused = egress.send(Request::get(FOR, format!("https://api.example:{}/", inside.port))).await;
        assert!(matches!(refused, Err(EgressError::Refused(Refusal::Address { .. }))));
    }
    assert_eq!((inside.count(), names.count()), (0, 4));
    assert!(decisions.lock().unwrap().iter().all(|decision| decision.verdict.is_err()));
}

#[tokio::test]
async fn the_hosts_file_can_not_turn_a_name_inward_either() {
    let inside = Server::http(|_| ok("inside"));
    let surroundings = Surroundings { hosts: "127.0.0.1 api.example".to_owned(), ..Surroundings::default() };
    let (egress, _) = client_in(&rule("api.example", inside.port, ""), surroundings);
    let refused = egress.send(Request::get(FOR, format!("https://api.example:{}/", inside.port))).await;
    assert!(matches!(refused, Err(EgressError::Refused(Refusal::Address { .. }))));
    assert_eq!(inside.count(), 0);
}

#[tokio::test]
async fn what_can_not_be_journalled_does_not_leave() {
    let server = Server::http(|_| ok("reached"));
    let perimeter = Perimeter::parse(&rule_here(server.port), "f").unwrap();
    let recorder = Arc::new(|_: &intramuros_egress::Decision| Err("the disk is full".to_owned()));
    let egress = Egress::new(&perimeter, Surroundings::default(), recorder).unwrap();
    let refused = egress.send(Request::get(FOR, format!("http://127.0.0.1:{}/", server.port))).await;
    assert!(matches!(refused, Err(EgressError::Unrecorded(_))));
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn a_rule_taken_back_closes_the_way_at_once() {
    let server = Server::http(|_| ok("reached"));
    let (egress, _) = client(&rule_here(server.port));
    let ask = async || {
        let mut response =
            egress.send(Request::get(FOR, format!("http://127.0.0.1:{}/", server.port))).await?;
        response.bytes().await
    };
    assert!(ask().await.is_ok());
    egress.reload(&Perimeter::default()).unwrap();
    assert!(matches!(ask().await, Err(EgressError::Refused(_))));
    assert_eq!(server.requests.lock().unwrap().len(), 1);
    let url = format!("http://127.0.0.1:{}/", server.port);
    assert!(egress.would_allow(FOR, &url).is_err());
    egress.reload(&Perimeter::parse(&rule_here(server.port), "f").unwrap()).unwrap();
    assert!(egress.would_allow(FOR, &url).is_ok() && ask().await.is_ok());
}

#[tokio::test]
async fn callers_can_not_frame_a_message_themselves() {
    let server = Server::http(|_| ok("reached"));
    let (egress, _) = client(&rule_here(server.port));
    for name in
        ["host", "content-length", "transfer-encoding", "connection", "proxy-authorization", "upgrade"]
    {
        let mut request = Request::get(FOR, format!("http://127.0.0.1:{}/", server.port));
        request.headers.insert(name, http::HeaderValue::from_static("x"));
        assert!(matches!(egress.send(request).await, Err(EgressError::Request(_))), "{name}");
    }
    assert!(Request::get(FOR, "http://127.0.0.1/").bearer("a\r\nb").is_err());
    assert_eq!(server.count(), 0);
}

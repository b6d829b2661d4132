//! Servers on this machine: HTTP and HTTPS, a proxy, a name server.

use std::io::{Read, Write};
use std::net::{IpAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use intramuros_core::perimeter::Perimeter;
use intramuros_egress::{Decision, Egress, Surroundings};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

/// A certificate authority of the test's own, with a certificate for a name and one for a client.
pub struct Authority {
    pub folder: tempfile::TempDir,
}

impl Authority {
    pub fn new(name: &str) -> Authority {
        use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
        let folder = tempfile::tempdir().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let authority = params.self_signed(&key).unwrap();
        let put = |file: &str, text: String| std::fs::write(folder.path().join(file), text).unwrap();
        put("ca.pem", authority.pem());
        let issuer = Issuer::new(params, key);
        for (file, name) in [("server", name), ("client", "client.example")] {
            let key = KeyPair::generate().unwrap();
            let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
            put(&format!("{file}.pem"), params.signed_by(&key, &issuer).unwrap().pem());
            put(&format!("{file}.key"), key.serialize_pem());
        }
        Authority { folder }
    }

    pub fn path(&self, file: &str) -> String {
        self.folder.path().join(file).display().to_string()
    }

    fn config(&self, ask_client: bool) -> Arc<ServerConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder =
            ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
        let builder = builder.unwrap();
        let builder = if ask_client {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from_pem_file(self.folder.path().join("ca.pem")).unwrap()).unwrap();
            let verifier =
                rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                    .build()
                    .unwrap();
            builder.with_client_cert_verifier(verifier)
        } else {
            builder.with_no_client_auth()
        };
        let chain = vec![CertificateDer::from_pem_file(self.folder.path().join("server.pem")).unwrap()];
        let key = PrivateKeyDer::from_pem_file(self.folder.path().join("server.key")).unwrap();
        Arc::new(builder.with_single_cert(chain, key).unwrap())
    }
}

/// A server on a loopback port, and how many connections it got.
pub struct Server {
    pub port: u16,
    pub connections: Arc<AtomicUsize>,
    pub requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub fn count(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Answers each request with what `answer` gives for its text.
    pub fn http(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> Server {
        Server::start("127.0.0.1:0", move |stream, requests| serve(stream, &answer, requests))
    }

    /// As [`Server::http`], over TLS; a client certificate is asked for when `ask_client`.
    pub fn https(
        authority: &Authority,
        ask_client: bool,
        answer: impl Fn(&str) -> String + Send + Sync + 'static,
    ) -> Server {
        let config = authority.config(ask_client);
        Server::start("127.0.0.1:0", move |stream, requests| {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            serve(StreamOwned::new(connection, stream), &answer, requests);
        })
    }

    /// A proxy that opens every way it is asked for to the port given, and keeps what it was asked.
    pub fn proxy(to_port: u16) -> Server {
        Server::start("127.0.0.1:0", move |mut stream, requests| {
            let Some(request) = read_request(&mut stream) else { return };
            requests.lock().unwrap().push(request);
            let mut upstream = TcpStream::connect(("127.0.0.1", to_port)).unwrap();
            stream.write_all(b"HTTP/1.1 200 open\r\n\r\n").unwrap();
            let (mut from, mut to) = (stream.try_clone().unwrap(), upstream.try_clone().unwrap());
            std::thread::spawn(move || std::io::copy(&mut from, &mut to));
            let _ = std::io::copy(&mut upstream, &mut stream);
        })
    }

    /// A name server that answers every question for an IPv4 address with the next of `answers`, over and over.
    pub fn dns(answers: Vec<Vec<IpAddr>>) -> Server {
        let turn = AtomicUsize::new(0);
        Server::start("127.0.0.1:0", move |mut stream, requests| {
            loop {
                let mut length = [0; 2];
                if stream.read_exact(&mut length).is_err() {
                    return;
                }
                let mut query = vec![0; usize::from(u16::from_be_bytes(length))];
                stream.read_exact(&mut query).unwrap();
                requests.lock().unwrap().push(String::from_utf8_lossy(&query).into_owned());
                let kind = query[query.len() - 3];
                let mut found: Vec<IpAddr> = Vec::new();
                if kind == 1 {
                    let number = turn.fetch_add(1, Ordering::SeqCst);
                    found = answers[number % answers.len()].clone();
                }
                query[2] = 0x81;
                query[7] = u8::try_from(found.len()).unwrap();
                for address in found {
                    let IpAddr::V4(address) = address else { continue };
                    query.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4]);
                    query.extend_from_slice(&address.octets());
                }
                stream.write_all(&u16::try_from(query.len()).unwrap().to_be_bytes()).unwrap();
                stream.write_all(&query).unwrap();
            }
        })
    }

    fn start(
        address: &str,
        handle: impl Fn(TcpStream, &Mutex<Vec<String>>) + Send + Sync + 'static,
    ) -> Server {
        let listener = TcpListener::bind(address).unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(AtomicUsize::new(0));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (count, log, handle) = (Arc::clone(&connections), Arc::clone(&requests), Arc::new(handle));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                count.fetch_add(1, Ordering::SeqCst);
                let (log, handle) = (Arc::clone(&log), Arc::clone(&handle));
                std::thread::spawn(move || handle(stream, &log));
            }
        });
        Server { port, connections, requests }
    }
}

fn serve(mut stream: impl Read + Write, answer: &impl Fn(&str) -> String, requests: &Mutex<Vec<String>>) {
    while let Some(request) = read_request(&mut stream) {
        requests.lock().unwrap().push(request.clone());
        if stream.write_all(answer(&request).as_bytes()).and_then(|()| stream.flush()).is_err() {
            return;
        }
    }
}

/// A request's head and body; none when the other end has gone.
fn read_request(stream: &mut impl Read) -> Option<String> {
    let mut bytes = Vec::new();
    let mut one = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        if stream.read(&mut one).ok()? == 0 {
            return None;
        }
        bytes.push(one[0]);
    }
    let head = String::from_utf8_lossy(&bytes).to_lowercase();
    let length =
        head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    bytes.extend(body);
    String::from_utf8(bytes).ok()
}

/// An answer with a body.
pub fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// An answer that leads elsewhere.
pub fn moved(status: u16, to: &str) -> String {
    format!("HTTP/1.1 {status} Moved\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n")
}

/// A client of a perimeter's text, and the decisions it wrote down.
pub fn client(text: &str) -> (Egress, Arc<Mutex<Vec<Decision>>>) {
    client_in(text, Surroundings::default())
}

pub fn client_in(text: &str, surroundings: Surroundings) -> (Egress, Arc<Mutex<Vec<Decision>>>) {
    let perimeter = Perimeter::parse(text, "f").unwrap_or_else(|mistakes| panic!("{mistakes:#?}"));
    let decisions = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&decisions);
    let recorder = Arc::new(move |decision: &Decision| {
        log.lock().unwrap().push(decision.clone());
        Ok(())
    });
    (Egress::new(&perimeter, surroundings, recorder).unwrap(), decisions)
}

/// A rule for a host that is not this machine.
pub fn rule(host: &str, port: u16, more: &str) -> String {
    format!(
        "[[egress]]\nhost = '{host}'\nport = {port}\npurpose = 'answers'\noperator = 'o'\njurisdiction = 'FR'\n\
         data = 'd'\n{more}\n"
    )
}

/// A rule for this machine, without TLS.
pub fn rule_here(port: u16) -> String {
    format!("[[egress]]\nhost = '127.0.0.1'\nport = {port}\npurpose = 'answers'\ntls = false\n")
}

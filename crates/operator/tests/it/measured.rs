//! What does the operator cost? Its program, built as an example, beside a real API server: time to the first
//! convergence, requests at rest, memory, reaction to a change.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use intramuros_operator::resources::Environment;
use kube::Api;
use kube::api::{ListParams, Patch, PatchParams};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::end_to_end::{World, condition, environment, runtime};
use crate::play::Workload;
use crate::server::{HOME, apply};

/// How many environments, unless INTRAMUROS_ENVIRONMENTS says otherwise.
const ENVIRONMENTS: usize = 500;

/// How many changes are timed.
const CHANGES: usize = 40;

/// The rest that is measured.
const REST: Duration = Duration::from_secs(120);

/// A server for each environment (`tests/clusters`), in one process.
#[derive(Clone)]
pub struct Servers {
    /// What it said when it was ready: port, address of its counts, certificates and key.
    ready: std::sync::Arc<serde_json::Value>,
}

impl Servers {
    /// Starts it; none, with a line that says so, where it is not named.
    fn start(count: usize) -> Option<(Child, Servers)> {
        let Some(binary) = std::env::var_os("INTRAMUROS_CLUSTERS") else {
            println!("no cluster answers behind the environments: INTRAMUROS_CLUSTERS names no program");
            return None;
        };
        let mut process = Command::new(binary)
            .arg(format!("-count={count}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(process.stdout.take().unwrap()), &mut line)
            .unwrap();
        Some((process, Servers { ready: std::sync::Arc::new(serde_json::from_str(&line).unwrap()) }))
    }

    /// Where the server of a cluster is, by the number in its name.
    pub fn endpoint(&self, cluster: &str) -> (String, u16) {
        let number: u16 = cluster.trim_start_matches('e').parse().unwrap();
        let port = u16::try_from(self.ready["port"].as_u64().unwrap()).unwrap();
        (format!("127.1.{}.{}", number / 250, number % 250 + 1), port)
    }

    /// A kubeconfig for it.
    pub fn kubeconfig(&self, cluster: &str) -> String {
        use base64::Engine;
        let (host, port) = self.endpoint(cluster);
        let data =
            |name: &str| base64::engine::general_purpose::STANDARD.encode(self.ready[name].as_str().unwrap());
        json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "contexts": [{ "name": "c", "context": { "cluster": "c", "user": "u" } }],
            "clusters": [{ "name": "c", "cluster": {
                "server": format!("https://{host}:{port}"), "certificate-authority-data": data("authority"),
            } }],
            "users": [{ "name": "u", "user": {
                "client-certificate-data": data("certificate"), "client-key-data": data("key"),
            } }],
        })
        .to_string()
    }

    /// Requests and writes to all of them so far.
    async fn counts(&self) -> (u64, u64) {
        let mut stream =
            tokio::net::TcpStream::connect(self.ready["counts"].as_str().unwrap()).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        let (asked, written) = text.rsplit("\r\n").next().unwrap().split_once(' ').unwrap();
        (asked.parse().unwrap(), written.parse().unwrap())
    }
}

struct Program {
    process: Child,
    port: u16,
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Program {
    fn start(binary: &Path, kubeconfig: &Path) -> Program {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let process = Command::new(binary)
            .args(["operator", "run", "--loopback-clusters", "--home", HOME, "--namespaces", "shop"])
            .arg(format!("--metrics=127.0.0.1:{port}"))
            .arg("--kubeconfig")
            .arg(kubeconfig)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Program { process, port }
    }

    /// A memory value in MB.
    fn memory(&self, name: &str) -> u64 {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1024
    }

    /// Requests to the API server so far, by verb and resource.
    async fn requests(&self) -> BTreeMap<String, u64> {
        let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        assert!(text.ends_with("# EOF\n"));
        let line = |line: &str| {
            let (name, count) = line.strip_prefix("intramuros_operator_requests_total")?.rsplit_once(' ')?;
            Some((name.to_owned(), count.parse().ok()?))
        };
        text.lines().filter_map(line).collect()
    }
}

#[test]
#[ignore = "measures for some minutes: see docs/operator.md"]
fn five_hundred_environments_are_kept_at_little_cost() {
    let count = std::env::var("INTRAMUROS_ENVIRONMENTS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(ENVIRONMENTS);
    let Some(binary) = std::env::var_os("INTRAMUROS_OPERATOR") else {
        intramuros_testkit::skip("operator", "INTRAMUROS_OPERATOR does not name the operator's program");
        return;
    };
    runtime().block_on(async {
        let servers = Servers::start(count);
        let behind = servers.as_ref().map(|(_, servers)| servers.clone());
        let workload = behind.clone().map(Workload::Each);
        let Some(mut world) = World::new(&["shop"], workload).await else { return };
        for connection in ["MeshConnection", "BastionConnection"] {
            at_the_usual_pace(&world, connection).await;
        }
        let folder = tempfile::tempdir().unwrap();
        let kubeconfig = folder.path().join("kubeconfig");
        std::fs::write(&kubeconfig, world.server.kubeconfig_of("operator-token")).unwrap();
        let program = Program::start(binary.as_ref(), &kubeconfig);
        let begun = Instant::now();
        for number in 0..count {
            apply(&world.admin, &environment("shop", &format!("e{number}"), json!({}))).await;
        }
        println!("{count} environments declared in {:.1} s", begun.elapsed().as_secs_f64());
        until_ready(&world, count, behind.is_some()).await;
        println!("all ready after {:.1} s", begun.elapsed().as_secs_f64());
        println!(
            "memory: {} MB of its own, {} MB at most",
            program.memory("RssAnon"),
            program.memory("VmHWM")
        );
        // What was set in motion comes to rest first.
        tokio::time::sleep(Duration::from_secs(20)).await;
        rest(&world, &program, behind.as_ref()).await;
        reaction(&world).await;
        println!(
            "memory: {} MB of its own, {} MB at most",
            program.memory("RssAnon"),
            program.memory("VmHWM")
        );
        drop(program);
        world.stop().await;
        if let Some((mut process, _)) = servers {
            let _ = process.kill();
            let _ = process.wait();
        }
    });
}

/// Peers are looked at every ten minutes, as by default.
async fn at_the_usual_pace(world: &World, kind: &str) {
    let patch = json!({ "spec": { "lookEverySeconds": 600 } });
    let parameters = PatchParams::default();
    if kind == "MeshConnection" {
        let api: Api<intramuros_operator::resources::MeshConnection> = Api::all(world.admin.clone());
        api.patch("main", &parameters, &Patch::Merge(&patch)).await.unwrap();
    } else {
        let api: Api<intramuros_operator::resources::BastionConnection> = Api::all(world.admin.clone());
        api.patch("main", &parameters, &Patch::Merge(&patch)).await.unwrap();
    }
}

async fn until_ready(world: &World, count: usize, isolated: bool) {
    let begun = Instant::now();
    loop {
        let list = world.environments("shop").list(&ListParams::default()).await.unwrap();
        // Where no cluster answers there is nothing to isolate: everything else must hold.
        let closed = |one: &Environment| !isolated || condition(one, "Isolated") == Some("True");
        let ready = list.items.iter().filter(|one| holds(one) && closed(one)).count();
        if ready == count {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(900), "{ready} of {count} are ready");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

fn holds(environment: &Environment) -> bool {
    ["ClusterReady", "MeshReady", "BastionReady"]
        .iter()
        .all(|kind| condition(environment, kind) == Some("True"))
}

async fn rest(world: &World, program: &Program, servers: Option<&Servers>) {
    let peers = || {
        let mesh = world.mesh.lock().unwrap().exchanges.len();
        let bastion = world.bastion.lock().unwrap().exchanges.len();
        (mesh, bastion)
    };
    let inside = async || match servers {
        Some(servers) => servers.counts().await,
        None => (0, 0),
    };
    let (before, peers_before, inside_before) = (program.requests().await, peers(), inside().await);
    tokio::time::sleep(REST).await;
    let (after, peers_after, inside_after) = (program.requests().await, peers(), inside().await);
    let minutes = REST.as_secs_f64() / 60.0;
    let mut total = 0;
    for (name, count) in &after {
        let more = count - before.get(name).copied().unwrap_or_default();
        total += more;
        if more > 0 {
            println!("at rest: {:.1} a minute {name}", more as f64 / minutes);
        }
    }
    println!("at rest: {:.1} requests a minute to the API server", total as f64 / minutes);
    println!(
        "at rest: {:.1} requests a minute to the environments' own servers, {:.1} of them writes ({} writes before)",
        (inside_after.0 - inside_before.0) as f64 / minutes,
        (inside_after.1 - inside_before.1) as f64 / minutes,
        inside_before.1
    );
    println!(
        "at rest: {:.1} a minute to the mesh, {:.1} to the bastion",
        (peers_after.0 - peers_before.0) as f64 / minutes,
        (peers_after.1 - peers_before.1) as f64 / minutes
    );
}

/// From a change of who may come in to its effect at the bastion.
async fn reaction(world: &World) {
    let mut times = Vec::new();
    for number in 0..CHANGES {
        let name = format!("e{number}");
        let more = json!({ "administrators": [{ "name": "bruno" }] });
        let begun = Instant::now();
        apply(&world.admin, &environment("shop", &name, more)).await;
        let target = format!("shop.{name}.{name}-cp-0");
        while world.bastion.lock().unwrap().who_may_use(&target) != ["bruno"] {
            assert!(begun.elapsed() < Duration::from_secs(60));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        times.push(begun.elapsed());
    }
    times.sort();
    let at = |share: usize| times[times.len() * share / 100].as_millis();
    println!("reaction to a change: median {} ms, 95% within {} ms", at(50), at(95));
}

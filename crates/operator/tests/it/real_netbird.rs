//! Does a real NetBird server do what our double of it does? The operator's driver works against the real one; every
//! request is played to the double as well, and what the two answer is compared.
//!
//! The server (AGPL) is a process of its own, built as it is from its Go module by `.ci/netbird`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use intramuros_operator::edge::peer::{Kind, Place, transport};
use intramuros_operator::names::Identity;
use intramuros_operator::peers::netbird::{KeepKey, NetBird as Mesh};
use intramuros_operator::peers::{Call, Transport};
use intramuros_operator::plan::mesh::{self, Endpoint};
use serde_json::{Value, json};

use crate::doubles::netbird::NetBird;
use crate::doubles::{Double, Shared};

/// Longest wait for the server. It makes its store first.
const PATIENCE: Duration = Duration::from_secs(90);

/// A running server; it ends with the test.
pub struct Server {
    process: Child,
    url: String,
    token: String,
    _folder: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Server {
    /// A fresh server with an administrator's token; none where it is not built.
    pub async fn start() -> Option<Server> {
        let binary = std::env::var_os("INTRAMUROS_NETBIRD").map(PathBuf::from).filter(|path| path.exists());
        let Some(binary) = binary else {
            intramuros_testkit::skip(
                "netbird",
                "no NetBird server (see docs/operator.md: INTRAMUROS_NETBIRD)",
            );
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let (port, health, metrics, stun) = (free_port(), free_port(), free_port(), free_port());
        let url = format!("http://127.0.0.1:{port}");
        let config = json!({ "server": {
            "listenAddress": format!("127.0.0.1:{port}"), "exposedAddress": url,
            "healthcheckAddress": format!("127.0.0.1:{health}"), "metricsPort": metrics, "stunPorts": [stun],
            "authSecret": "a test's", "dataDir": folder.path(), "logFile": "console",
            "disableAnonymousMetrics": true, "disableGeoliteUpdate": true,
            "auth": { "issuer": format!("{url}/oauth2") }, "store": { "engine": "sqlite" },
        }});
        let path = folder.path().join("config.yaml");
        std::fs::File::create(&path).unwrap().write_all(config.to_string().as_bytes()).unwrap();
        let process = Command::new(binary)
            .arg("--config")
            .arg(&path)
            .envs([("NB_SETUP_PAT_ENABLED", "true"), ("NB_DISABLE_GEOLOCATION", "true")])
            // It asks its maker for news of versions; nothing is there, so nothing leaves this machine.
            .envs([("HTTPS_PROXY", "http://127.0.0.1:9"), ("HTTP_PROXY", "http://127.0.0.1:9")])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut server = Server { process, url, token: String::new(), _folder: folder };
        server.token = server.set_up().await;
        Some(server)
    }

    async fn set_up(&self) -> String {
        let asks = self.transport("none");
        let begun = Instant::now();
        while !matches!(asks(Call::get("/api/instance")).await, Ok(reply) if reply.status == 200) {
            assert!(begun.elapsed() < PATIENCE, "the NetBird server does not answer");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let body = json!({
            "email": "a@example.org", "password": "Correct-Horse-9", "name": "a", "create_pat": true, "pat_expire_in": 1,
        });
        let reply = asks(Call::post("/api/setup", body)).await.unwrap();
        let answer: Value = serde_json::from_slice(&reply.body).unwrap();
        answer["personal_access_token"].as_str().unwrap().to_owned()
    }

    /// The operator's own way to a mesh.
    pub fn transport(&self, token: &str) -> Transport {
        let place =
            Place { kind: Kind::Mesh, url: self.url.clone(), token: token.to_owned(), authorities: None };
        transport(&place).unwrap()
    }
}

/// What was found when the two were compared.
#[derive(Default)]
struct Compared {
    /// The double's id of each thing, by the real one's.
    ids: BTreeMap<String, String>,
    /// Differences, each once.
    differences: BTreeSet<String>,
    requests: usize,
}

impl Compared {
    /// A text with the double's ids in the place of the real ones.
    fn translated(&self, text: &str) -> String {
        self.ids.iter().fold(text.to_owned(), |text, (real, double)| text.replace(real, double))
    }

    fn note(&mut self, call: &Call, what: &str) {
        let path: Vec<&str> = call
            .path
            .split('/')
            .map(|part| if self.ids.contains_key(part) { "{id}" } else { part })
            .collect();
        self.differences.insert(format!("{} {}: {what}", call.method, path.join("/")));
    }

    /// What the double says that the real one does not, or says otherwise. The double may say less.
    fn compare(&mut self, call: &Call, place: &str, real: &Value, double: &Value) {
        match (real, double) {
            (Value::Object(real), Value::Object(double)) => {
                for (key, said) in double {
                    // What differs by nature: keys are secret, and the moments are each server's own.
                    let own = ["key", "expires", "updated_at", "last_used"];
                    // What no decision reads, and the double leaves empty: counts, and what refers back.
                    let unread = ["peers_count", "resources_count", "policies"];
                    let back = key == "resources" && call.path == "/api/groups";
                    if own.iter().chain(&unread).any(|one| one == key) || back {
                        continue;
                    }
                    match real.get(key) {
                        Some(known) => self.compare(call, &format!("{place}.{key}"), known, said),
                        None if said.is_null() => {}
                        None => self.note(call, &format!("{place}.{key} is not said by the server")),
                    }
                }
            }
            (Value::Array(real), Value::Array(double)) => {
                let key = |value: &Value| value.get("id").unwrap_or(value).as_str().map(str::to_owned);
                if !double.is_empty() && double.iter().all(|said| key(said).is_none()) {
                    // The rule of a policy: the double gives it no id.
                    for (real, said) in real.iter().zip(double) {
                        self.compare(call, place, real, said);
                    }
                    return;
                }
                let ours: Vec<(Option<String>, &Value)> =
                    double.iter().map(|said| (key(said), said)).collect();
                // The server has things of its own, such as the group of all peers.
                let known: Vec<&Value> = real
                    .iter()
                    .filter(|value| {
                        value.is_string() || key(value).is_none_or(|id| self.ids.contains_key(&id))
                    })
                    .collect();
                if known.len() != ours.len() {
                    self.note(
                        call,
                        &format!("{place} has {} things, the double {}", known.len(), ours.len()),
                    );
                }
                for value in known {
                    let id = key(value).map(|id| self.translated(&id));
                    if let Some((_, said)) = ours.iter().find(|(known, _)| *known == id) {
                        self.compare(call, place, value, said);
                    } else {
                        self.note(call, &format!("{place} has another thing than the double"));
                    }
                }
            }
            (Value::Null, Value::Array(list)) if list.is_empty() => {}
            (Value::String(real), Value::String(double)) if self.translated(real) == *double => {}
            (real, double) if real == double => {}
            (real, double) => {
                let (real, double) = (self.translated(&real.to_string()), double.to_string());
                self.note(call, &format!("{place} is {real}, the double says {double}"));
            }
        }
    }
}

/// A transport to the real server that plays every request to the double too.
fn compared(real: Transport, double: &Shared<NetBird>, compared: &Arc<Mutex<Compared>>) -> Transport {
    let (double, compared) = (Arc::clone(double), Arc::clone(compared));
    Arc::new(move |call| {
        let (real, double, compared) = (Arc::clone(&real), Arc::clone(&double), Arc::clone(&compared));
        Box::pin(async move {
            let reply = real(call.clone()).await?;
            let mut compared = compared.lock().unwrap();
            compared.requests += 1;
            let path = compared.translated(&call.path);
            let body: Value = serde_json::from_str(&compared.translated(&call.body.to_string())).unwrap();
            let (status, said) = double.lock().unwrap().handle(call.method.as_str(), &path, &body);
            let answer: Value = serde_json::from_slice(&reply.body).unwrap_or(Value::Null);
            if let (Some(id), Some(said)) = (answer["id"].as_str(), said["id"].as_str()) {
                compared.ids.insert(id.to_owned(), said.to_owned());
            }
            if reply.status != status {
                compared.note(&call, &format!("answers {}, the double {status}", reply.status));
            } else if status < 300 {
                compared.compare(&call, "answer", &answer, &said);
            }
            Ok(reply)
        })
    })
}

fn identity() -> Identity {
    let text = |text: &str| text.to_owned();
    Identity { namespace: text("shop"), name: text("prod"), uid: text("u"), home: text("h") }
}

fn wanted(stored: Option<String>, endpoint: Option<&str>) -> mesh::Wanted {
    mesh::Wanted {
        identity: identity(),
        management_group: "management".to_owned(),
        endpoint: endpoint.map(|host| Endpoint { host: host.to_owned(), port: 6443 }),
        machines: vec![vec!["m".to_owned()]],
        bastion: Some(mesh::Bastion {
            group: "management".to_owned(),
            machines: vec![("m".to_owned(), "10.0.1.1".to_owned())],
        }),
        replicas: 1,
        stored_key: stored,
        domain: Some("prod.shop.example.org".to_owned()),
        now: k8s_openapi::jiff::Timestamp::now().as_second(),
    }
}

#[test]
fn a_real_mesh_becomes_as_declared_and_empty_again_and_the_double_does_the_same() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let Some(server) = Server::start().await else { return };
        let double = Arc::new(Mutex::new(NetBird::default()));
        let found = Arc::new(Mutex::new(Compared::default()));
        let ask = compared(server.transport(&server.token), &double, &found);
        let call = |call: Call| async { ask(call).await.unwrap().status };
        let named = |name: &str| Call::post("/api/groups", json!({ "name": name }));
        assert_eq!(call(named("management")).await, 200);
        let mesh = Mesh::new(Arc::clone(&ask));
        let kept = Arc::new(Mutex::new(None));
        let keep: KeepKey = {
            let kept = Arc::clone(&kept);
            Arc::new(move |id, key| {
                assert!(key.len() > 20, "the key is shown once, when it is made");
                *kept.lock().unwrap() = Some(id);
                Box::pin(async { Ok(()) })
            })
        };
        let stored = || kept.lock().unwrap().clone();
        // Before the endpoint is known, then with it: as declared, and then nothing more to do.
        for endpoint in
            [None, Some("10.0.0.9"), Some("10.0.0.10"), Some("fd00::9"), Some("api.inner.example.org")]
        {
            mesh.converge(wanted(stored(), endpoint), &keep).await.unwrap();
            mesh.look().await.unwrap();
            let plan = mesh.plan(&wanted(stored(), endpoint)).await.unwrap();
            assert_eq!((plan.actions, plan.waiting, plan.enrolling), (vec![], None, true), "{endpoint:?}");
        }
        drift_is_repaired(&mesh, &ask, &wanted(stored(), Some("10.0.0.9")), &keep).await;
        what_the_double_refuses_is_refused(&mesh, &ask).await;
        // Nothing stays but what was there.
        let group =
            mesh.picture(|mesh| mesh.groups.iter().find(|group| group.name.ends_with("-api")).cloned());
        mesh.remove(&identity().prefix()).await.unwrap();
        let again = mesh::Action::DeleteGroup { id: group.unwrap().unwrap().id, name: String::new() };
        assert_eq!(call(again.call()).await, 400, "a group that is gone already");
        mesh.look().await.unwrap();
        let left = mesh.picture(Clone::clone).unwrap();
        let groups: BTreeSet<&str> = left.groups.iter().map(|group| group.name.as_str()).collect();
        assert_eq!(groups, BTreeSet::from(["All", "management"]));
        assert_eq!((left.keys.len(), left.networks.len(), left.zones.len()), (0, 0, 0));
        assert!(left.policies.iter().all(|policy| policy.name == "Default"));
        assert_eq!(double.lock().unwrap().leftovers(), Vec::<String>::new());
        let found = found.lock().unwrap();
        println!("{} requests to both", found.requests);
        for difference in &found.differences {
            println!("differs: {difference}");
        }
        assert_eq!(found.differences, BTreeSet::new());
    });
}

/// What somebody changes with a browser is put back.
async fn drift_is_repaired(mesh: &Mesh, ask: &Transport, wanted: &mesh::Wanted, keep: &KeepKey) {
    mesh.converge(wanted.clone(), keep).await.unwrap();
    let picture = mesh.picture(Clone::clone).unwrap();
    let policy = picture.policies.iter().find(|policy| policy.name.ends_with("-api")).unwrap();
    let mut open = mesh::Action::PutPolicy { policy: policy.clone() }.call();
    open.body["rules"][0]["ports"] = json!(["22"]);
    assert_eq!(ask(open).await.unwrap().status, 200);
    let network = picture.networks.iter().find(|network| network.name.starts_with("im-")).unwrap();
    let router = &network.routers[0];
    assert_eq!(
        ask(Call::delete(format!("/api/networks/{}/routers/{}", network.id, router.id)))
            .await
            .unwrap()
            .status,
        200
    );
    assert!(mesh.look().await.unwrap(), "it is seen");
    let plan = mesh.plan(wanted).await.unwrap();
    assert_eq!(plan.actions.len(), 2, "{:?}", plan.actions);
    mesh.converge(wanted.clone(), keep).await.unwrap();
    mesh.look().await.unwrap();
    assert_eq!(mesh.plan(wanted).await.unwrap().actions, vec![]);
}

/// What our planner relies on being refused.
async fn what_the_double_refuses_is_refused(mesh: &Mesh, ask: &Transport) {
    let picture = mesh.picture(Clone::clone).unwrap();
    let status = |call: Call| async { ask(call).await.unwrap().status };
    let group = picture.groups.iter().find(|group| group.name.ends_with("-api")).unwrap();
    assert_eq!(status(Call::post("/api/groups", json!({ "name": group.name }))).await, 409);
    assert!(status(Call::delete(format!("/api/groups/{}", group.id))).await >= 400, "something refers to it");
    let network = picture.networks.iter().find(|network| network.name.starts_with("im-")).unwrap();
    let twice = mesh::Action::PutResource {
        network: network.id.clone(),
        resource: mesh::seen::Resource { id: String::new(), ..network.resources[0].clone() },
    };
    assert!(status(twice.call()).await >= 400, "names of resources are unique");
    assert_eq!(status(Call::delete("/api/policies/nobody")).await, 404);
    for gone in ["/api/setup-keys/nobody", "/api/networks/nobody", "/api/dns/zones/nobody"] {
        assert_eq!(status(Call::delete(gone)).await, 404, "{gone}");
    }
}

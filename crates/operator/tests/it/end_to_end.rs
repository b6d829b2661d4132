//! Does the operator, with its own rights alone, keep what is declared on a real API server?

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use intramuros_operator::edge::client::client;
use intramuros_operator::manifests::rights::RIGHTS;
use intramuros_operator::peers::pace::Pace;
use intramuros_operator::resources::Environment;
use intramuros_operator::resources::condition::find;
use intramuros_operator::run::metrics::Metrics;
use intramuros_operator::run::{self, Context, Settings};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use kube::{Api, Client};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::doubles::Shared;
use crate::doubles::http::{Control, Fuse, serve};
use crate::doubles::netbird::NetBird;
use crate::doubles::warpgate::Warpgate;
use crate::play::{Stage, Workload, class, play};
use crate::server::{ApiServer, HOME, apply, prepare};

/// Longest wait for anything. A busy machine is slow, not broken.
const PATIENCE: Duration = Duration::from_secs(90);

/// A management cluster with its peers and a player, and perhaps an operator.
pub struct World {
    pub server: ApiServer,
    pub admin: Client,
    pub mesh: Shared<NetBird>,
    mesh_control: Arc<Control>,
    pub bastion: Shared<Warpgate>,
    bastion_control: Arc<Control>,
    player: JoinHandle<()>,
    operator: Option<Operator>,
    metrics: Arc<Metrics>,
    namespaces: Vec<String>,
}

/// A running operator.
struct Operator {
    stop: CancellationToken,
    task: JoinHandle<run::End>,
}

impl World {
    pub async fn new(namespaces: &[&str], workload: Option<Workload>) -> Option<World> {
        let server = tokio::task::spawn_blocking(ApiServer::start).await.unwrap()?;
        let admin = server.client("admin-token");
        prepare(&admin, namespaces).await;
        let mesh = Arc::new(Mutex::new(NetBird::with_management()));
        let bastion = Arc::new(Mutex::new(Warpgate::with_people(&["anne", "bruno"])));
        let (mesh_control, bastion_control) = (Arc::new(Control::default()), Arc::new(Control::default()));
        *mesh_control.token.lock().unwrap() = "CANARY-TOKEN-MESH".to_owned();
        *bastion_control.token.lock().unwrap() = "CANARY-TOKEN-BASTION".to_owned();
        let mesh_url = serve(Arc::clone(&mesh), Arc::clone(&mesh_control), "", "authorization").await;
        let bastion_url = serve(
            Arc::clone(&bastion),
            Arc::clone(&bastion_control),
            "/@warpgate/admin/api",
            "x-warpgate-token",
        )
        .await;
        for (name, token) in [("mesh", "CANARY-TOKEN-MESH"), ("bastion", "CANARY-TOKEN-BASTION")] {
            apply(&admin, &secret(name, token)).await;
        }
        for namespace in namespaces {
            apply(&admin, &class(namespace)).await;
        }
        let allowed: Vec<&&str> = namespaces.iter().filter(|name| !name.starts_with("other")).collect();
        apply(&admin, &json!({
            "apiVersion": "intramuros.eu/v1alpha1", "kind": "MeshConnection", "metadata": { "name": "main" },
            "spec": {
                "url": mesh_url, "token": { "secret": "mesh" }, "managementGroup": "management",
                "domain": "env.example", "namespaces": allowed, "lookEverySeconds": 5,
            },
        })).await;
        apply(&admin, &json!({
            "apiVersion": "intramuros.eu/v1alpha1", "kind": "BastionConnection", "metadata": { "name": "main" },
            "spec": {
                "url": bastion_url, "token": { "secret": "bastion" }, "namespaces": allowed, "lookEverySeconds": 5,
            },
        })).await;
        let stage =
            Stage { client: admin.clone(), mesh: Arc::clone(&mesh), workload, settled: Arc::default() };
        let player = tokio::spawn(play(stage));
        Some(World {
            server,
            admin,
            mesh,
            mesh_control,
            bastion,
            bastion_control,
            player,
            operator: None,
            metrics: Arc::default(),
            namespaces: namespaces.iter().map(|name| (*name).to_owned()).collect(),
        })
    }

    /// Nobody plays Cluster API: it is there itself.
    pub fn nobody_plays(&self) {
        self.player.abort();
    }

    /// Starts the operator with its own rights.
    pub fn start(&mut self) {
        let client =
            client(&self.server.server("operator-token"), &self.metrics.requests, Pace::of_management())
                .unwrap();
        let settings = Settings {
            namespaces: self.namespaces.clone(),
            home: HOME.to_owned(),
            identity: "test".to_owned(),
            loopback_clusters: true,
        };
        let stop = CancellationToken::new();
        let context = Arc::new(Context::new(client, settings, Arc::clone(&self.metrics)));
        let task = tokio::spawn(run::run(context, stop.clone()));
        self.operator = Some(Operator { stop, task });
    }

    /// Ends the operator without a word, wherever it is.
    async fn kill(&mut self) {
        if let Some(operator) = self.operator.take() {
            operator.task.abort();
            let _ = operator.task.await;
        }
    }

    pub async fn stop(&mut self) {
        if let Some(operator) = self.operator.take() {
            operator.stop.cancel();
            assert_eq!(operator.task.await.unwrap(), run::End::Stopped);
        }
        self.player.abort();
    }

    pub fn environments(&self, namespace: &str) -> Api<Environment> {
        Api::namespaced(self.admin.clone(), namespace)
    }

    async fn declare(&self, namespace: &str, name: &str, more: Value) {
        apply(&self.admin, &environment(namespace, name, more)).await;
    }

    /// Waits until an environment is as the check wants it.
    async fn until(&self, namespace: &str, name: &str, what: &str, check: impl Fn(&Environment) -> bool) {
        let begun = Instant::now();
        let mut last = None;
        while begun.elapsed() < PATIENCE {
            let found = self.environments(namespace).get_opt(name).await.unwrap();
            if found.as_ref().is_some_and(&check) {
                return;
            }
            last = found;
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        panic!("{namespace}/{name} is not {what}: {:#?}", last.and_then(|last| last.status));
    }

    async fn until_ready(&self, namespace: &str, name: &str) {
        self.until(namespace, name, "ready", |environment| {
            condition(environment, "Ready") == Some("True")
                && environment.status.as_ref().unwrap().observed_generation
                    == environment.metadata.generation.unwrap()
        })
        .await;
    }

    async fn until_gone(&self, namespace: &str, name: &str) {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if self.environments(namespace).get_opt(name).await.unwrap().is_none() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        let left = self.environments(namespace).get_opt(name).await.unwrap();
        panic!("{namespace}/{name} is still there: {:#?}", left.and_then(|left| left.status));
    }

    async fn until_true(&self, what: &str, check: impl Fn() -> bool) {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if check() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("never: {what}");
    }

    /// Nothing of any environment is left at the peers or in the cluster.
    pub async fn nothing_left(&self) {
        assert_eq!(self.mesh.lock().unwrap().leftovers(), Vec::<String>::new());
        assert_eq!(self.bastion.lock().unwrap().leftovers(), Vec::<String>::new());
        for namespace in &self.namespaces {
            let api: Api<k8s_openapi::api::core::v1::Secret> = Api::namespaced(self.admin.clone(), namespace);
            let left = api.list(&ListParams::default().fields("type=intramuros.eu/enrolment")).await.unwrap();
            assert_eq!(left.items.len(), 0);
        }
    }
}

fn secret(name: &str, token: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name, "namespace": HOME },
        "stringData": { "token": token },
    })
}

pub fn environment(namespace: &str, name: &str, more: Value) -> Value {
    let mut spec = json!({
        "class": "small", "version": "v1.36.2", "mesh": "main", "bastion": "main",
        "administrators": [{ "name": "anne" }],
    });
    for (key, value) in more.as_object().into_iter().flatten() {
        spec[key] = value.clone();
    }
    json!({
        "apiVersion": "intramuros.eu/v1alpha1", "kind": "Environment",
        "metadata": { "name": name, "namespace": namespace }, "spec": spec,
    })
}

pub fn condition<'a>(environment: &'a Environment, kind: &str) -> Option<&'a str> {
    Some(find(&environment.status.as_ref()?.conditions, kind)?.status.as_str())
}

/// Everything that was logged so far.
fn logged() -> &'static Mutex<Vec<u8>> {
    static LOGGED: OnceLock<&'static Mutex<Vec<u8>>> = OnceLock::new();
    LOGGED.get_or_init(|| {
        let logged: &'static Mutex<Vec<u8>> = Box::leak(Box::default());
        // As much as can be, but for what the program never lets through either.
        let filter = tracing_subscriber::EnvFilter::new("trace,kube_client=off");
        let writer = move || Kept(logged);
        let _ =
            tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer).with_ansi(false).try_init();
        logged
    })
}

/// Writes into the log that is kept.
struct Kept(&'static Mutex<Vec<u8>>);

impl std::io::Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// The life of an environment, from its declaration to its end, with everything that happens in between.
#[test]
fn an_environment_lives_as_declared_and_leaves_nothing() {
    logged();
    runtime().block_on(async {
        let Some(workload) = tokio::task::spawn_blocking(ApiServer::start).await.unwrap() else { return };
        let Some(mut world) = World::new(&["shop", "other"], Some(Workload::One(workload.kubeconfig(), workload.port()))).await else { return };
        let inside = workload.client("admin-token");
        apply(&inside, &json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "web" } })).await;
        world.start();

        // Create.
        world.declare("shop", "prod", json!({})).await;
        world.until_ready("shop", "prod").await;
        assert_eq!(world.bastion.lock().unwrap().who_may_use("shop.prod"), ["anne"]);
        assert_eq!(world.bastion.lock().unwrap().who_may_use("shop.prod.prod-cp-0"), ["anne"]);
        world.until_true("the key goes when the machine has come", || world.mesh.lock().unwrap().keys.is_empty()).await;
        let denied: Api<k8s_openapi::api::networking::v1::NetworkPolicy> = Api::namespaced(inside.clone(), "web");
        assert!(denied.get_opt("default-deny").await.unwrap().is_some(), "the cluster is closed first");
        let matrix = world.matrix("prod").await.expect("what passes is written down");
        assert!(matrix.contains("Justification"), "{matrix}");
        denied.delete("default-deny", &DeleteParams::default()).await.unwrap();

        // Scale.
        world.declare("shop", "prod", json!({ "size": { "controlPlane": 3, "workers": [{ "name": "w", "class": "worker", "replicas": 2 }] } })).await;
        world.until_true("six targets", || world.bastion.lock().unwrap().targets.len() == 6).await;
        world.until_true("three peers", || world.mesh.lock().unwrap().peers.len() == 3).await;
        world.until_ready("shop", "prod").await;
        assert!(denied.get_opt("default-deny").await.unwrap().is_some(), "what somebody removed is put back");
        let events: Api<k8s_openapi::api::events::v1::Event> = Api::namespaced(world.admin.clone(), "shop");
        let told = events.list(&ListParams::default()).await.unwrap();
        assert!(told.items.iter().any(|event| event.reason.as_deref() == Some("Drift")), "and it is told");
        world.declare("shop", "prod", json!({ "size": { "controlPlane": 1 } })).await;
        world.until_true("two targets", || world.bastion.lock().unwrap().targets.len() == 2).await;

        // Upgrade.
        world.declare("shop", "prod", json!({ "version": "v1.36.3" })).await;
        let clusters = run::rows::clusters(&world.admin, "shop");
        let begun = Instant::now();
        while clusters.get("prod").await.unwrap().data["spec"]["topology"]["version"] != "v1.36.3" {
            assert!(begun.elapsed() < PATIENCE, "the version is passed on");
            tokio::time::sleep(Duration::from_millis(30)).await;
        }

        // Rename a person, and let in one who has no account.
        world.declare("shop", "prod", json!({ "administrators": [{ "name": "anne.martin" }] })).await;
        world.until("shop", "prod", "waiting for an account", |environment| {
            let bastion = environment.status.as_ref().and_then(|status| find(&status.conditions, "BastionReady"));
            bastion.is_some_and(|bastion| bastion.reason == "UnknownPeople")
        }).await;
        assert!(world.bastion.lock().unwrap().who_may_use("shop.prod").is_empty());
        world.bastion.lock().unwrap().rename("anne", "anne.martin");
        world.until_true("let in under her new name", || world.bastion.lock().unwrap().who_may_use("shop.prod") == ["anne.martin"]).await;

        // Rotate a peer's token.
        *world.mesh_control.token.lock().unwrap() = "CANARY-ROTATED".to_owned();
        world.until_connection("MeshConnection", "False").await;
        apply(&world.admin, &secret("mesh", "CANARY-ROTATED")).await;
        world.until_connection("MeshConnection", "True").await;

        // Somebody meddles.
        world.mesh.lock().unwrap().policies.clear();
        world.until_true("the policy is back", || world.mesh.lock().unwrap().policies.len() == 1).await;

        // Lose the bastion, then the mesh: said, and mended once they are back.
        for (control, kind) in [(&world.bastion_control, "BastionReady"), (&world.mesh_control, "MeshReady")] {
            control.lost.store(true, Ordering::Relaxed);
            world.until("shop", "prod", "without a peer", |environment| condition(environment, kind) != Some("True")).await;
            control.lost.store(false, Ordering::Relaxed);
            world.until("shop", "prod", "with the peer", |environment| condition(environment, kind) == Some("True")).await;
        }

        // A namespace that the connections do not name gets nothing, and learns nothing.
        world.declare("other", "spy", json!({})).await;
        world.until("other", "spy", "refused", |environment| {
            let mesh = environment.status.as_ref().and_then(|status| find(&status.conditions, "MeshReady"));
            mesh.is_some_and(|mesh| mesh.reason == "NotAllowed")
        }).await;
        assert!(run::rows::clusters(&world.admin, "other").get_opt("spy").await.unwrap().is_none());

        what_would_be_done_is_told(&world).await;
        steady_state_costs_nothing(&world).await;
        rights_are_as_narrow_as_requests(&world);
        no_credential_is_told(&world).await;

        // Delete: the cluster first, then the path to it.
        world.environments("shop").delete("prod", &DeleteParams::default()).await.unwrap();
        world.until_gone("shop", "prod").await;
        assert!(clusters.get_opt("prod").await.unwrap().is_none());
        assert_eq!(world.matrix("prod").await, None);
        world.nothing_left().await;
        world.stop().await;
    });
}

impl World {
    /// The matrix of what passes in an environment, as it is written down.
    async fn matrix(&self, environment: &str) -> Option<String> {
        let api: Api<k8s_openapi::api::core::v1::ConfigMap> = Api::namespaced(self.admin.clone(), "shop");
        let map = api.get_opt(&format!("{environment}-matrix")).await.unwrap()?;
        map.data?.remove("matrix.csv")
    }

    async fn until_connection(&self, kind: &str, status: &str) {
        let api: Api<intramuros_operator::resources::MeshConnection> = Api::all(self.admin.clone());
        let begun = Instant::now();
        loop {
            let connection = api.get("main").await.unwrap();
            let found = connection.status.as_ref().and_then(|known| find(&known.conditions, "Ready"));
            if found.is_some_and(|ready| ready.status == status) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{kind} is not {status}: {found:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// A check tells what a change would do, and does nothing.
async fn what_would_be_done_is_told(world: &World) {
    let client =
        client(&world.server.server("operator-token"), &Arc::default(), Pace::of_management()).unwrap();
    let settings = Settings {
        namespaces: world.namespaces.clone(),
        home: HOME.to_owned(),
        identity: String::new(),
        loopback_clusters: true,
    };
    let context = Arc::new(Context::new(client, settings, Arc::default()));
    let mut tasks = run::watches::start(&context);
    let begun = Instant::now();
    while !context.complete() {
        assert!(begun.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tasks.shutdown().await;
    let told = async |environment: Environment| -> Vec<String> {
        let found = run::preview::preview(&context, Arc::new(environment)).await;
        let what = |one: &run::preview::Preview| intramuros_operator::words::english(&one.what);
        found.iter().map(|one| format!("{} {} {}", one.verb, one.place, what(one))).collect()
    };
    let known = world.environments("shop").get("prod").await.unwrap();
    assert_eq!(told(known.clone()).await, Vec::<String>::new(), "everything is as declared");
    let mut changed = known.clone();
    changed.spec.administrators.clear();
    changed.spec.version = "v1.36.9".to_owned();
    assert_eq!(
        told(changed).await,
        ["change cluster Cluster shop/prod", "delete bastion access anne.martin"]
    );
    let mut new = known;
    new.metadata.name = Some("next".to_owned());
    new.metadata.uid = None;
    let told = told(new).await;
    assert!(told.iter().any(|line| line == "make cluster Cluster shop/next"), "{told:?}");
    assert!(told.iter().filter(|line| line.starts_with("make mesh")).count() >= 4, "{told:?}");
}

/// For some seconds nothing is written, neither to the API server (but the Lease) nor to the peers.
async fn steady_state_costs_nothing(world: &World) {
    // What was set in motion comes to rest first.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let before = writes(&world.metrics);
    let (mut mesh, mut bastion) =
        (world.mesh.lock().unwrap().exchanges.len(), world.bastion.lock().unwrap().exchanges.len());
    tokio::time::sleep(Duration::from_secs(7)).await;
    assert_eq!(writes(&world.metrics) - before, 0, "a steady state costs no writes");
    let changed = |exchanges: &[crate::doubles::Exchange], from: usize| {
        exchanges[from..].iter().filter(|exchange| exchange.method != "GET").count()
    };
    mesh = changed(&world.mesh.lock().unwrap().exchanges, mesh);
    bastion = changed(&world.bastion.lock().unwrap().exchanges, bastion);
    assert_eq!((mesh, bastion), (0, 0));
}

/// What the roles grant is what was asked, no more. `create` stands beside `patch` where applying makes the object.
fn rights_are_as_narrow_as_requests(world: &World) {
    let asked: BTreeSet<(String, String, String)> = world
        .metrics
        .requests
        .counts()
        .into_keys()
        .map(|kind| (kind.group, kind.resource, kind.verb.to_owned()))
        .collect();
    for right in RIGHTS {
        for verb in right.verbs {
            let applied = *verb == "create" && right.verbs.contains(&"patch");
            // Deleting comes after this.
            let later = *verb == "delete";
            let known =
                asked.contains(&(right.group.to_owned(), right.resource.to_owned(), (*verb).to_owned()));
            assert!(applied || later || known, "{verb} on {} is granted and never asked", right.resource);
        }
    }
}

/// The canaries (tokens, keys) are in no log, status, event or metric.
async fn no_credential_is_told(world: &World) {
    let log = String::from_utf8_lossy(&logged().lock().unwrap()).into_owned();
    assert!(log.contains("holds the Lease"), "there is a log");
    let metrics = world.metrics.text();
    assert!(metrics.contains("environments 2\n") && metrics.contains("environments_ready 1\n"), "{metrics}");
    let mut told = vec![metrics, log];
    for namespace in &world.namespaces {
        let list = world.environments(namespace).list(&ListParams::default()).await.unwrap();
        told.extend(list.items.iter().map(|environment| serde_json::to_string(environment).unwrap()));
        let events: Api<k8s_openapi::api::events::v1::Event> =
            Api::namespaced(world.admin.clone(), namespace);
        let list = events.list(&ListParams::default()).await.unwrap();
        told.extend(list.items.iter().map(|event| serde_json::to_string(event).unwrap()));
    }
    assert!(told.len() > 3, "there are events");
    for text in told {
        assert!(!text.contains("CANARY") && !text.contains("PRIVATE KEY"), "{text}");
    }
}

/// The types refuse what makes no sense, with a sentence that says why, and fill in what is left out.
#[test]
fn resource_types_refuse_nonsense_and_fill_in_defaults() {
    runtime().block_on(async {
        let Some(server) = tokio::task::spawn_blocking(ApiServer::start).await.unwrap() else { return };
        let admin = server.client("admin-token");
        prepare(&admin, &["shop"]).await;
        let api: Api<Environment> = Api::namespaced(admin.clone(), "shop");
        let try_one = async |name: &str, more: Value| {
            let object = environment("shop", name, more);
            api.patch(name, &PatchParams::apply("person").force(), &Patch::Apply(&object)).await
        };
        let refused = async |name: &str, more: Value, why: &str| {
            let error = try_one(name, more).await.unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        };
        refused("a", json!({ "size": { "controlPlane": 2 } }), "1, 3 or 5 machines").await;
        refused("a", json!({ "version": "1.36" }), "spec.version").await;
        refused("a", json!({ "administrators": [{ "name": "anne", "until": "tomorrow" }] }), "until").await;
        refused("a", json!({ "administrators": [{ "name": "anne" }, { "name": "anne" }] }), "uplicate").await;
        refused("a", json!({ "tickets": { "hours": 0 } }), "hours").await;
        refused(&"a".repeat(41), json!({}), "40 characters").await;
        refused("a.b", json!({}), "no dots").await;
        let made = try_one("a", json!({ "flows": { "configMap": "flows" } })).await.unwrap();
        assert_eq!((made.spec.size.control_plane, made.spec.paused), (1, false));
        assert_eq!(made.spec.flows.unwrap().key, "matrix.csv");
        refused("a", json!({ "mesh": "another" }), "make another environment").await;

        what_people_type(&server);

        // A namespace's user: rights on her environments, none on connections nor on the operator's Secrets.
        apply(&admin, &json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
            "metadata": { "name": "tenant", "namespace": "shop" },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "intramuros-environments-edit" },
            "subjects": [{ "kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "tenant" }],
        })).await;
        let tenant = server.client("tenant-token");
        let begun = Instant::now();
        while let Err(error) = Api::<Environment>::namespaced(tenant.clone(), "shop").list(&ListParams::default()).await {
            assert!(begun.elapsed() < PATIENCE, "{error}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let secrets: Api<k8s_openapi::api::core::v1::Secret> = Api::namespaced(tenant.clone(), HOME);
        assert!(secrets.list(&ListParams::default()).await.is_err());
        let connections: Api<intramuros_operator::resources::MeshConnection> = Api::all(tenant);
        assert!(connections.list(&ListParams::default()).await.is_err());
    });
}

/// The operator is killed at every write to a peer, before or after it is carried out, through a whole life.
async fn killed_at_every_write(least: usize) {
    let Some(workload) = tokio::task::spawn_blocking(ApiServer::start).await.unwrap() else { return };
    let inside = Some(Workload::One(workload.kubeconfig(), workload.port()));
    let Some(mut world) = World::new(&["shop"], inside).await else { return };
    world.declare("shop", "prod", json!({})).await;
    let mut kills: HashMap<&str, usize> = HashMap::new();
    let lives = [
        ("created", json!({})),
        ("scaled up", json!({ "size": { "controlPlane": 3 } })),
        ("scaled down", json!({ "size": { "controlPlane": 1 } })),
        ("other people", json!({ "administrators": [{ "name": "bruno" }] })),
    ];
    let mut total = 0;
    let mut round = 0;
    while total < least {
        for (life, more) in &lives {
            world.declare("shop", "prod", more.clone()).await;
            total += killed_until_steady(&mut world, round, &mut kills, life, false).await;
            round += 1;
        }
        world.environments("shop").delete("prod", &DeleteParams::default()).await.unwrap();
        total += killed_until_steady(&mut world, round, &mut kills, "deleted", true).await;
        round += 1;
        world.until_gone("shop", "prod").await;
        world.nothing_left().await;
    }
    println!("killed {total} times: {kills:?}");
    world.stop().await;
}

/// The commands of `env` and `operator`, as a person types them.
#[derive(clap::Parser)]
enum Typed {
    Env(intramuros_operator::cli::Env),
    Operator(intramuros_operator::cli::Operator),
}

/// `env list`, `env show`, `operator check` on an environment that no operator has seen.
fn what_people_type(server: &ApiServer) {
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = folder.path().join("kubeconfig");
    std::fs::write(&kubeconfig, server.kubeconfig_of("admin-token")).unwrap();
    let typed = |words: &str| {
        let mut words: Vec<String> = words.split(' ').map(str::to_owned).collect();
        words.extend(["--kubeconfig".to_owned(), kubeconfig.display().to_string()]);
        // A thread of its own: the program has no runtime when a command begins.
        let run = move || {
            let mut out = Vec::new();
            let terminal = intramuros_netpol::report::Terminal::default();
            let code = match <Typed as clap::Parser>::parse_from(words) {
                Typed::Env(env) => env.run(&mut out, terminal),
                Typed::Operator(operator) => operator.run(&mut out, terminal),
            };
            (code.map_err(|error| error.to_string()), String::from_utf8(out).unwrap())
        };
        std::thread::spawn(run).join().unwrap()
    };
    let check = |words: &str, expected: Result<u8, &str>, part: &str| {
        let (code, text) = typed(words);
        assert_eq!(code.as_ref().map_err(String::as_str), expected.as_ref().map_err(|text| *text), "{words}");
        assert!(text.contains(part), "{words}: {text}");
    };
    check("x env list -n shop", Ok(1), "shop/a");
    check("x env list -A", Ok(1), "not seen yet");
    check("x env show a -n shop", Ok(1), "The operator has not seen it yet");
    check(
        "x env matrix a -n shop",
        Err("the matrix of what passes is not known yet: there is no ConfigMap shop/a-matrix"),
        "",
    );
    check("x env show b -n shop", Err("there is no environment shop/b"), "");
    check("x operator check --namespaces shop", Ok(1), "there is no ClusterClass 'small' in shop");
}

/// Writes to the API server, but for the Lease.
fn writes(metrics: &Metrics) -> u64 {
    let counts = metrics.requests.counts();
    counts.iter().filter(|(kind, _)| kind.writes() && kind.resource != "leases").map(|(_, count)| count).sum()
}

/// Until this many writes and one more were sent to the API server from now on; their answers are still under way.
async fn written(metrics: &Metrics, others: usize) {
    let before = writes(metrics);
    while writes(metrics) <= before + others as u64 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Starts the operator, lets a write burn its fuse, kills it, and so on until no write happens any more.
async fn killed_until_steady<'a>(
    world: &mut World,
    round: usize,
    kills: &mut HashMap<&'a str, usize>,
    life: &'a str,
    going: bool,
) -> usize {
    let mut count = 0;
    loop {
        let fuse = if (round + count).is_multiple_of(2) { Fuse::Before } else { Fuse::After };
        // Every fifth time the operator ends at a write to the API server instead.
        let at_server = (round + count) % 5 == 4;
        let (mesh, bastion) = (Arc::clone(&world.mesh_control), Arc::clone(&world.bastion_control));
        for control in [&mesh, &bastion].into_iter().filter(|_| !at_server) {
            // Every second attempt gets one write further: a key whose answer is lost each time would never arrive.
            *control.fuse.lock().unwrap() = Some((fuse, (count / 2) % 3));
        }
        let metrics = Arc::clone(&world.metrics);
        world.start();
        let steady = async {
            if going {
                world.until_gone("shop", "prod").await;
            } else {
                world.until_ready("shop", "prod").await;
                // Ready, and nothing more to do: late writes would come within this time.
                tokio::time::sleep(Duration::from_millis(1500)).await;
            }
        };
        let killed = tokio::select! {
            () = mesh.burnt.notified() => true,
            () = bastion.burnt.notified() => true,
            () = written(&metrics, count % 3), if at_server => true,
            () = steady => false,
        };
        for control in [&mesh, &bastion] {
            *control.fuse.lock().unwrap() = None;
        }
        world.kill().await;
        if !killed {
            world.start();
            if !going {
                world.until_ready("shop", "prod").await;
            }
            world.kill().await;
            println!("{life}: killed {count} times");
            return count;
        }
        count += 1;
        *kills.entry(life).or_default() += 1;
        assert!(count < 200, "{life}: it never comes to rest");
    }
}

#[test]
#[ignore = "takes some minutes: INTRAMUROS_APISERVER=… cargo test -p intramuros-operator killed -- --ignored --nocapture"]
fn killed_a_hundred_times_it_leaves_nothing_and_doubles_nothing() {
    runtime().block_on(killed_at_every_write(100));
}

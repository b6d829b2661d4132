//! Does Cluster API itself make of our classes and environments what they say? Its own controllers, built as they are
//! from their Go modules (`.ci/clusterapi`), beside the real API server: the core for every class, and all four for an
//! environment of the class in memory, whose machines and API servers are played by Cluster API.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use intramuros_operator::manifests::classes::{Class, objects};
use intramuros_operator::plan::cluster::class_variables;
use kube::Api;
use kube::api::{ApiResource, DeleteParams, DynamicObject, ListParams};
use serde_json::{Value, json};

use crate::classes::{made, types_of};
use crate::end_to_end::{World, condition, runtime};
use crate::server::{ApiServer, apply, established, needed, prepare, resource_type};

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(240);

/// Cluster API's controllers, which end with the test.
struct Controllers {
    processes: Vec<Child>,
    folder: tempfile::TempDir,
}

impl Drop for Controllers {
    fn drop(&mut self) {
        for process in &mut self.processes {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// The folder with the controllers; none, with a line that says so, where they are not built.
fn built() -> Option<PathBuf> {
    let folder = std::env::var_os("INTRAMUROS_CLUSTER_API_CONTROLLERS").map(PathBuf::from);
    let folder = folder.filter(|folder| folder.join("core").exists());
    if folder.is_none() {
        intramuros_testkit::skip(
            "cluster-api",
            "no controllers of Cluster API (INTRAMUROS_CLUSTER_API_CONTROLLERS)",
        );
    }
    folder
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Controllers {
    fn start(built: &Path, server: &ApiServer, names: &[&str]) -> Controllers {
        let folder = tempfile::tempdir().unwrap();
        let kubeconfig = folder.path().join("kubeconfig");
        std::fs::write(&kubeconfig, server.kubeconfig()).unwrap();
        // Their web hooks are not called, but they will not start without a certificate.
        for (from, to) in [("server.crt", "tls.crt"), ("server.key", "tls.key")] {
            std::fs::write(folder.path().join(to), server.file(from)).unwrap();
        }
        let start = |name: &&str| {
            let log = std::fs::File::create(folder.path().join(format!("{name}.log"))).unwrap();
            Command::new(built.join(name))
                .args(["--insecure-diagnostics", "--feature-gates=ClusterTopology=true,MachinePool=false"])
                .arg(format!("--diagnostics-address=127.0.0.1:{}", free_port()))
                .arg(format!("--health-addr=127.0.0.1:{}", free_port()))
                .arg(format!("--webhook-port={}", free_port()))
                .arg(format!("--webhook-cert-dir={}", folder.path().display()))
                .env("KUBECONFIG", &kubeconfig)
                .envs([
                    ("POD_IP", "127.0.0.1"),
                    ("POD_NAMESPACE", "default"),
                    ("POD_NAME", "test"),
                    ("POD_UID", "1"),
                ])
                .stdout(Stdio::null())
                .stderr(log)
                .spawn()
                .unwrap()
        };
        Controllers { processes: names.iter().map(start).collect(), folder }
    }

    /// The last lines of every log.
    fn said(&self) -> String {
        let mut text = String::new();
        for entry in std::fs::read_dir(self.folder.path()).unwrap().flatten() {
            if entry.path().extension().is_some_and(|end| end == "log") {
                let log = std::fs::read_to_string(entry.path()).unwrap_or_default();
                let lines: Vec<&str> = log.lines().rev().take(12).collect();
                text.push_str(&format!("{}:\n{}\n", entry.path().display(), lines.join("\n")));
            }
        }
        text
    }
}

fn kind(group: &str, version: &str, kind: &str) -> ApiResource {
    ApiResource {
        group: group.to_owned(),
        version: version.to_owned(),
        api_version: format!("{group}/{version}"),
        kind: kind.to_owned(),
        plural: format!("{}s", kind.to_lowercase()),
    }
}

/// All of Cluster API's own types.
async fn all_types(client: &kube::Client) {
    let (_, types) = needed().unwrap();
    for entry in std::fs::read_dir(types).unwrap() {
        resource_type(client, &entry.unwrap().path()).await;
    }
    established(client).await;
}

/// The one object of a kind that belongs to a cluster, once it is there.
async fn of_cluster(
    client: &kube::Client,
    resource: &ApiResource,
    cluster: &str,
    labels: &str,
) -> Option<Value> {
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), "shop", resource);
    let labels = format!("cluster.x-k8s.io/cluster-name={cluster}{labels}");
    let found = api.list(&ListParams::default().labels(&labels)).await.ok()?;
    found.items.into_iter().next().map(|object| serde_json::to_value(object).unwrap())
}

#[test]
fn cluster_api_makes_of_every_class_what_it_says() {
    let Some(built) = built() else { return };
    runtime().block_on(async {
        let Some(server) = tokio::task::spawn_blocking(ApiServer::start).await.unwrap() else { return };
        let admin = server.client("admin-token");
        prepare(&admin, &["shop"]).await;
        all_types(&admin).await;
        let mut classes = vec![Class::InMemory, Class::Docker];
        for class in [Class::Scaleway, Class::Outscale, Class::Openstack] {
            if let Some(folder) = types_of(class) {
                for entry in std::fs::read_dir(folder).unwrap() {
                    resource_type(&admin, &entry.unwrap().path()).await;
                }
                classes.push(class);
            }
        }
        established(&admin).await;
        for class in &classes {
            let all = objects(*class, "shop");
            for object in &all {
                apply(&admin, object).await;
            }
            let mut cluster = made(*class, &class_variables(all.last().unwrap()));
            cluster["metadata"]["name"] = json!(class.name());
            cluster["metadata"].as_object_mut().unwrap().remove("ownerReferences");
            apply(&admin, &cluster).await;
        }
        let controllers = Controllers::start(&built, &server, &["core"]);
        for class in classes {
            let begun = Instant::now();
            let made = loop {
                if let Some(made) = parts(&admin, class).await {
                    break made;
                }
                if begun.elapsed() > PATIENCE {
                    let api: Api<DynamicObject> = Api::namespaced_with(
                        admin.clone(),
                        "shop",
                        &kind("cluster.x-k8s.io", "v1beta2", "Cluster"),
                    );
                    let cluster = api.get(class.name()).await.unwrap();
                    panic!("{class:?}: {:#}\n{}", cluster.data["status"], controllers.said());
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            };
            holds(class, &made);
        }
    });
}

/// What Cluster API made of a class: infrastructure, control plane, and a machine's template of the control plane.
struct Made {
    infrastructure: Value,
    control_plane: Value,
    machine: Value,
}

async fn parts(client: &kube::Client, class: Class) -> Option<Made> {
    let (version, prefix) = match class {
        Class::Scaleway => ("v1alpha2", "Scaleway"),
        Class::Outscale => ("v1beta1", "Osc"),
        Class::Openstack => ("v1beta1", "OpenStack"),
        Class::Docker | Class::InMemory => ("v1beta2", "Dev"),
    };
    let group = "infrastructure.cluster.x-k8s.io";
    let infrastructure = kind(group, version, &format!("{prefix}Cluster"));
    let plane = kind("controlplane.cluster.x-k8s.io", "v1beta2", "KubeadmControlPlane");
    let template = kind(group, version, &format!("{prefix}MachineTemplate"));
    Some(Made {
        infrastructure: of_cluster(client, &infrastructure, class.name(), "").await?,
        control_plane: of_cluster(client, &plane, class.name(), "").await?,
        machine: of_cluster(client, &template, class.name(), ",!topology.cluster.x-k8s.io/deployment-name")
            .await?,
    })
}

fn holds(class: Class, made: &Made) {
    let at = |value: &Value, path: &str| value.pointer(path).cloned().unwrap_or_default();
    let plane = |path: &str| at(&made.control_plane, &format!("/spec/kubeadmConfigSpec{path}"));
    let machine = |path: &str| at(&made.machine, &format!("/spec/template/spec{path}"));
    assert_eq!(at(&made.control_plane, "/spec/version"), "v1.36.2", "{class:?}");
    if matches!(class, Class::Docker | Class::InMemory) {
        return;
    }
    assert_eq!(
        plane("/files/0/contentFrom/secret"),
        json!({ "name": "prod-mesh", "key": "key" }),
        "{class:?}"
    );
    let command = plane("/preKubeadmCommands/0").as_str().unwrap_or_default().to_owned();
    assert!(
        command.starts_with("netbird up --management-url 'https://mesh.example.org'"),
        "{class:?}: {command}"
    );
    assert_eq!(plane("/users/0/name"), "admin", "{class:?}");
    assert_eq!(plane("/users/0/sshAuthorizedKeys"), json!(["ssh-ed25519 AAAA bastion"]), "{class:?}");
    let infrastructure = |path: &str| at(&made.infrastructure, &format!("/spec{path}"));
    match class {
        Class::Scaleway => {
            assert_eq!(infrastructure("/projectID"), "11111111-2222-3333-4444-555555555555");
            assert_eq!(infrastructure("/network/controlPlaneLoadBalancer/private"), true);
            assert_eq!(infrastructure("/network/privateNetwork/subnet"), "10.12.0.0/22");
            assert_eq!(machine("/image/name"), "kubernetes-v1.36.2");
        }
        Class::Outscale => {
            let balancer = infrastructure("/network/loadBalancer");
            assert_eq!(balancer["loadbalancertype"], "internal");
            let name = balancer["loadbalancername"].as_str().unwrap_or_default();
            assert!(name.starts_with("im-") && name.len() <= 32, "{name}");
            assert_eq!(infrastructure("/network/net/ipRange"), "10.0.0.0/16");
            assert_eq!(machine("/node/image/name"), "ubuntu-2204-kubernetes-v1.36.2-2026-03-06");
            assert_eq!(machine("/node/vm/keypairName"), "platform");
        }
        _ => {
            assert_eq!(infrastructure("/disableAPIServerFloatingIP"), true);
            assert_eq!(infrastructure("/managedSubnets/0/dnsNameservers"), json!(["213.186.33.99"]));
            assert_eq!(machine("/image/filter/name"), "kubernetes-v1.36.2");
        }
    }
}

/// How many machines run.
async fn running(client: &kube::Client) -> usize {
    let api: Api<DynamicObject> =
        Api::namespaced_with(client.clone(), "shop", &kind("cluster.x-k8s.io", "v1beta2", "Machine"));
    let machines = api.list(&ListParams::default()).await.unwrap();
    machines.items.iter().filter(|machine| machine.data["status"]["phase"] == "Running").count()
}

#[test]
#[ignore = "takes some minutes: see docs/operator.md"]
fn an_environment_in_memory_becomes_ready_grows_and_goes() {
    let Some(built) = built() else { return };
    runtime().block_on(async {
        let Some(mut world) = World::new(&["shop"], None).await else { return };
        world.nobody_plays();
        all_types(&world.admin).await;
        for object in objects(Class::InMemory, "shop") {
            apply(&world.admin, &object).await;
        }
        let names = ["core", "bootstrap-kubeadm", "controlplane-kubeadm", "infrastructure-docker"];
        let controllers = Controllers::start(&built, &world.server, &names);
        world.start();
        let declare = async |more: Value| {
            let environment = crate::end_to_end::environment("shop", "trial", more);
            apply(&world.admin, &environment).await;
        };
        let class = |more: Value| {
            let mut spec = json!({ "class": "in-memory", "version": "v1.35.0" });
            spec.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
            spec
        };
        let begun = Instant::now();
        let until = async |what: &str, machines: usize| loop {
            let found = world.environments("shop").get("trial").await.unwrap();
            let kinds = ["ClusterReady", "MeshReady", "BastionReady"];
            let ready = kinds.iter().all(|kind| condition(&found, kind) == Some("True"));
            // Machines in memory have no address, so the cluster alone is offered at the bastion.
            let offered = found.status.as_ref().is_some_and(|status| status.targets == ["shop.trial"]);
            if ready && offered && running(&world.admin).await == machines {
                println!("{what} after {:.0} s", begun.elapsed().as_secs_f64());
                return;
            }
            if begun.elapsed() > PATIENCE * 3 {
                panic!("not {what}: {:#?}\n{}", found.status, controllers.said());
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        };
        declare(class(json!({}))).await;
        until("ready with one machine", 1).await;
        // Without workers: Cluster API's web hooks, which are not called here, complete their deployments.
        declare(class(json!({ "size": { "controlPlane": 3 } }))).await;
        until("ready with three machines", 3).await;
        world.environments("shop").delete("trial", &DeleteParams::default()).await.unwrap();
        while world.environments("shop").get_opt("trial").await.unwrap().is_some() {
            assert!(begun.elapsed() < PATIENCE * 4, "it does not go\n{}", controllers.said());
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        println!("gone after {:.0} s", begun.elapsed().as_secs_f64());
        world.nothing_left().await;
        world.stop().await;
    });
}

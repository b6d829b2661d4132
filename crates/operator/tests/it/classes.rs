//! Does a real API server, with the providers' own types, accept the classes that we write, and a cluster made from each?

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use intramuros_operator::manifests::classes::{Class, objects};
use intramuros_operator::plan::cluster::{self, class_variables};
use intramuros_operator::resources::EnvironmentSpec;
use kube::api::PatchParams;
use serde_json::{Value, json};

use crate::end_to_end::runtime;
use crate::server::{ApiServer, applied, apply, established, needed, prepare, resource_type};

/// The kinds of types beside those that every test uses.
const TYPES: [&str; 4] = [
    "bootstrap.cluster.x-k8s.io_kubeadmconfigtemplates",
    "controlplane.cluster.x-k8s.io_kubeadmcontrolplanetemplates",
    "infrastructure.cluster.x-k8s.io_devclustertemplates",
    "infrastructure.cluster.x-k8s.io_devmachinetemplates",
];

/// The folder with a provider's types, where it can be had.
pub fn types_of(class: Class) -> Option<PathBuf> {
    let folder = std::env::var_os("INTRAMUROS_PROVIDERS").and_then(|folder| std::fs::read_dir(folder).ok());
    let found = folder.into_iter().flatten().flatten().map(|entry| entry.path());
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().starts_with(class.name());
    let found = found.into_iter().find(|path| name(path));
    if found.is_none() {
        let why = format!("the types of {} are not to be had here (INTRAMUROS_PROVIDERS)", class.name());
        intramuros_testkit::skip("providers", &why);
    }
    found
}

/// What an environment must say for a class.
pub fn variables(class: Class) -> Value {
    let one = |name: &str, value: Value| json!({ "name": name, "value": value });
    match class {
        Class::Scaleway => json!([
            one("project", json!("11111111-2222-3333-4444-555555555555")),
            one("image", json!("kubernetes-VERSION")),
            one("machineNetwork", json!("10.12.0.0/22")),
        ]),
        Class::Outscale => json!([
            one("keypair", json!("platform")),
            one("image", json!("ubuntu-2204-kubernetes-VERSION-2026-03-06")),
        ]),
        Class::Openstack => {
            json!([one("image", json!("kubernetes-VERSION")), one("resolvers", json!(["213.186.33.99"])),])
        }
        Class::Docker | Class::InMemory => json!([]),
    }
}

/// The cluster of an environment of this class.
pub fn made(class: Class, known: &BTreeSet<String>) -> Value {
    let spec: EnvironmentSpec = serde_json::from_value(json!({
        "class": class.name(), "version": "v1.36.2", "mesh": "main", "bastion": "main",
        "size": { "controlPlane": 3, "workers": [{ "name": "w", "class": "worker", "replicas": 2 }] },
        "network": { "pods": ["10.244.0.0/16"] },
        "variables": variables(class),
    }))
    .unwrap();
    let wanted = cluster::Wanted {
        namespace: "shop",
        name: "prod",
        uid: "u",
        spec: &spec,
        class_variables: known,
        bastion_keys: &["ssh-ed25519 AAAA bastion".to_owned()],
        bastion_account: Some("admin"),
        mesh_url: Some("https://mesh.example.org"),
    };
    cluster::manifest(&wanted)
}

#[test]
fn a_real_api_server_accepts_every_class_and_a_cluster_of_it() {
    runtime().block_on(async {
        let Some(server) = tokio::task::spawn_blocking(ApiServer::start).await.unwrap() else { return };
        let admin = server.client("admin-token");
        prepare(&admin, &["shop"]).await;
        let (_, types) = needed().unwrap();
        for kind in TYPES {
            resource_type(&admin, &types.join(format!("{kind}.yaml"))).await;
        }
        let mut tried = 0;
        for class in [Class::InMemory, Class::Docker, Class::Scaleway, Class::Outscale, Class::Openstack] {
            if !matches!(class, Class::InMemory | Class::Docker) {
                let Some(folder) = types_of(class) else { continue };
                for entry in std::fs::read_dir(folder).unwrap() {
                    resource_type(&admin, &entry.unwrap().path()).await;
                }
            }
            established(&admin).await;
            let all = objects(class, "shop");
            // A rehearsal first: what a field is called wrongly, or must not be, is an error and not dropped.
            let strict = PatchParams::apply("test").force().dry_run().validation_strict();
            for object in &all {
                let said = applied(&admin, object, &strict).await;
                assert!(said.is_ok(), "{class:?} {}: {said:?}", object["kind"]);
            }
            for object in &all {
                apply(&admin, object).await;
            }
            let known = class_variables(all.last().unwrap());
            let said = applied(&admin, &made(class, &known), &strict).await;
            assert!(said.is_ok(), "{class:?}: {said:?}");
            // A field that no type has would be refused.
            let mut wrong = all[0].clone();
            wrong["spec"]["template"]["spec"]["publicAddress"] = json!(true);
            assert!(applied(&admin, &wrong, &strict).await.is_err(), "{class:?}");
            tried += 1;
        }
        println!("{tried} classes tried");
    });
}

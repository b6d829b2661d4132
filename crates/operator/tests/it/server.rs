//! Where is the API server of a test, and what is in it? The real one (`tests/apiserver`), with Cluster API's own
//! resource types; the test plays Cluster API's controllers and the infrastructure.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use intramuros_operator::edge::client::client;
use intramuros_operator::edge::kubeconfig::{Server, Token};
use intramuros_operator::edge::tally::Tally;
use intramuros_operator::manifests::{self, Options};
use intramuros_operator::peers::pace::Pace;
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams};
use kube::{Api, Client};
use serde_json::{Value, json};

/// The operator's namespace in tests.
pub const HOME: &str = "intramuros-system";

/// Cluster API's resource types that the operator or the test uses.
const TYPES: [&str; 4] = ["clusters", "clusterclasses", "machines", "machinedeployments"];

/// A running API server.
pub struct ApiServer {
    process: Child,
    folder: tempfile::TempDir,
    url: String,
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        // It ends with its standard input.
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// Files that the test needs and that are built or fetched beside it; none, with a line that says so, without them.
pub fn needed() -> Option<(PathBuf, PathBuf)> {
    let path = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.exists());
    match (path("INTRAMUROS_APISERVER"), path("INTRAMUROS_CLUSTER_API")) {
        (Some(binary), Some(types)) => Some((binary, types)),
        _ => {
            intramuros_testkit::skip(
                "apiserver",
                "no API server (see docs/operator.md: INTRAMUROS_APISERVER, INTRAMUROS_CLUSTER_API)",
            );
            None
        }
    }
}

impl ApiServer {
    /// A fresh server; none where it is not built.
    pub fn start() -> Option<ApiServer> {
        let (binary, _) = needed()?;
        let folder = tempfile::tempdir().unwrap();
        let account = format!("system:serviceaccount:{HOME}:{}", manifests::NAME);
        let tokens = format!(
            "admin-token,admin,1,\"system:masters\"\noperator-token,{account},2\ntenant-token,tenant,3\nother-token,other,4\n"
        );
        std::fs::write(folder.path().join("tokens.csv"), tokens).unwrap();
        let mut process = Command::new(binary)
            .arg("-dir")
            .arg(folder.path())
            .arg("-tokens")
            .arg(folder.path().join("tokens.csv"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).expect("the API server did not get ready");
        let url = ready["url"].as_str().unwrap().to_owned();
        Some(ApiServer { process, folder, url })
    }

    /// Where the server is, for whoever has this token.
    pub fn server(&self, token: &str) -> Server {
        Server {
            url: self.url.clone(),
            authorities: self.file("ca.crt"),
            identity: None,
            token: Token::Fixed(token.to_owned()),
            namespace: "default".to_owned(),
        }
    }

    /// A client for whoever has this token.
    pub fn client(&self, token: &str) -> Client {
        client(&self.server(token), &Arc::new(Tally::default()), Pace::of_management()).unwrap()
    }

    /// A kubeconfig with the administrator's certificate, as Cluster API would write one.
    pub fn kubeconfig(&self) -> String {
        use base64::Engine;
        let data = |name: &str| base64::engine::general_purpose::STANDARD.encode(self.file(name));
        json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "contexts": [{ "name": "c", "context": { "cluster": "c", "user": "u" } }],
            "clusters": [{ "name": "c", "cluster": { "server": self.url, "certificate-authority-data": data("ca.crt") } }],
            "users": [{ "name": "u", "user": {
                "client-certificate-data": data("admin.crt"), "client-key-data": data("admin.key"),
            } }],
        })
        .to_string()
    }

    /// A kubeconfig for whoever has this token.
    pub fn kubeconfig_of(&self, token: &str) -> String {
        json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "contexts": [{ "name": "c", "context": { "cluster": "c", "user": "u" } }],
            "clusters": [{ "name": "c", "cluster": {
                "server": self.url, "certificate-authority": self.folder.path().join("ca.crt"),
            } }],
            "users": [{ "name": "u", "user": { "token": token } }],
        })
        .to_string()
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.url.rsplit(':').next().unwrap().parse().unwrap()
    }

    /// A file of the server: its certificates and keys.
    pub fn file(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.folder.path().join(name)).unwrap()
    }
}

/// Applies an object as the administrator.
pub async fn apply(client: &Client, object: &Value) {
    let parameters = PatchParams::apply("test").force();
    applied(client, object, &parameters).await.unwrap_or_else(|error| {
        panic!("{} {}: {error}", object["kind"], object["metadata"]["name"]);
    });
}

/// Applies an object with these parameters.
pub async fn applied(
    client: &Client,
    object: &Value,
    parameters: &PatchParams,
) -> Result<DynamicObject, kube::Error> {
    let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (version, kind) = (text("/apiVersion"), text("/kind"));
    let group = version.split_once('/').map_or("", |(group, _)| group).to_owned();
    let mut plural = kind.to_lowercase();
    plural = match plural.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None if plural.ends_with('s') => format!("{plural}es"),
        None => format!("{plural}s"),
    };
    let resource = ApiResource {
        group,
        version: version.rsplit('/').next().unwrap().to_owned(),
        api_version: version,
        kind,
        plural,
    };
    let namespace = text("/metadata/namespace");
    let api: Api<DynamicObject> = if namespace.is_empty() {
        Api::all_with(client.clone(), &resource)
    } else {
        Api::namespaced_with(client.clone(), &namespace, &resource)
    };
    api.patch(&text("/metadata/name"), parameters, &Patch::Apply(object)).await
}

/// Puts resource types, rights and the operator's namespace into a server.
pub async fn prepare(client: &Client, namespaces: &[&str]) {
    let options = Options {
        namespace: HOME.to_owned(),
        image: "intramuros".to_owned(),
        environments: namespaces.iter().map(|name| (*name).to_owned()).collect(),
    };
    for namespace in namespaces {
        apply(client, &json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": namespace } }))
            .await;
    }
    for object in manifests::all(&options) {
        apply(client, &object).await;
    }
    let (_, types) = needed().unwrap();
    for kind in TYPES {
        resource_type(client, &types.join(format!("cluster.x-k8s.io_{kind}.yaml"))).await;
    }
    established(client).await;
}

/// Puts a resource type into a server, in its stored version alone: there is no webhook that translates between versions.
pub async fn resource_type(client: &Client, path: &Path) {
    let mut object: Value = serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    object["spec"]["versions"].as_array_mut().unwrap().retain(|version| version["storage"] == true);
    object["spec"]["versions"][0]["served"] = true.into();
    object["spec"].as_object_mut().unwrap().remove("conversion");
    // Which contract of Cluster API the stored version keeps: its releases say so in a label.
    let version = object["spec"]["versions"][0]["name"].clone();
    let older = path.to_string_lossy().contains("openstack") || path.to_string_lossy().contains("_osc");
    let contract = if older { "cluster.x-k8s.io/v1beta1" } else { "cluster.x-k8s.io/v1beta2" };
    object["metadata"]["labels"][contract] = version;
    apply(client, &object).await;
}

/// Waits until all resource types are served.
pub async fn established(client: &Client) {
    let resource = ApiResource {
        group: "apiextensions.k8s.io".to_owned(),
        version: "v1".to_owned(),
        api_version: "apiextensions.k8s.io/v1".to_owned(),
        kind: "CustomResourceDefinition".to_owned(),
        plural: "customresourcedefinitions".to_owned(),
    };
    let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
    for _ in 0..600 {
        let list = api.list(&Default::default()).await.unwrap();
        let ready = list.items.iter().all(|crd| {
            let conditions = crd.data.pointer("/status/conditions").and_then(Value::as_array);
            conditions
                .into_iter()
                .flatten()
                .any(|one| one["type"] == "Established" && one["status"] == "True")
        });
        if ready {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("resource types are not established");
}

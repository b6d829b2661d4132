//! Which ClusterClasses do environments start from? One for each provider, with a private load balancer before the
//! control plane, machines of the control plane that enrol in the mesh, and the bastion's key on every machine.
//!
//! A class and its templates are plain objects; what differs from one environment to the next comes in as variables:
//! the operator's own (see `plan::cluster`), and the provider's, which the Environment sets.

mod provider;

use clap::ValueEnum;
use serde_json::{Value, json};

use crate::plan::cluster::{
    ACCOUNT_VARIABLE, BASTION_VARIABLE, GROUP, MESH_URL_VARIABLE, MESH_VARIABLE, VERSION,
};
use provider::Provider;

/// Where Cluster API's kinds for kubeadm are.
const CONTROL_PLANE: &str = "controlplane.cluster.x-k8s.io/v1beta2";
const BOOTSTRAP: &str = "bootstrap.cluster.x-k8s.io/v1beta2";

/// The class of workers in every class of ours.
const WORKER: &str = "worker";

/// Where a machine of the control plane finds its enrolment key, until it is in the mesh.
const KEY_FILE: &str = "/etc/intramuros/mesh.key";

/// A class that is written.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Scaleway (provider v0.2)
    Scaleway,
    /// Outscale (provider v1.5)
    Outscale,
    /// OpenStack, such as OVHcloud's Public Cloud (provider v0.14)
    Openstack,
    /// Containers on one machine, for trials (Cluster API's own provider v1.14)
    Docker,
    /// Nothing but API servers that are played in memory, for trials (the same)
    InMemory,
}

impl Class {
    /// Its name, and the first part of its templates'.
    pub fn name(self) -> &'static str {
        match self {
            Class::Scaleway => "scaleway",
            Class::Outscale => "outscale",
            Class::Openstack => "openstack",
            Class::Docker => "docker",
            Class::InMemory => "in-memory",
        }
    }

    fn provider(self) -> Provider {
        match self {
            Class::Scaleway => provider::scaleway(),
            Class::Outscale => provider::outscale(),
            Class::Openstack => provider::openstack(),
            Class::Docker => provider::docker(),
            Class::InMemory => provider::in_memory(),
        }
    }
}

/// The class and its templates, in a namespace of environments.
pub fn objects(class: Class, namespace: &str) -> Vec<Value> {
    let provider = class.provider();
    let name = class.name();
    let object = |version: &str, kind: &str, part: &str, spec: &Value| {
        json!({
            "apiVersion": version,
            "kind": kind,
            "metadata": { "name": format!("{name}-{part}"), "namespace": namespace },
            "spec": { "template": { "spec": spec } },
        })
    };
    let node = &provider.node;
    let joins = json!({ "joinConfiguration": { "nodeRegistration": node } });
    let mut plane = json!({ "kubeadmConfigSpec": {
        "initConfiguration": { "nodeRegistration": node },
        "joinConfiguration": { "nodeRegistration": node },
    }});
    if let Some(address) = provider.advertised {
        let endpoint = json!({ "advertiseAddress": address });
        plane["kubeadmConfigSpec"]["initConfiguration"]["localAPIEndpoint"] = endpoint.clone();
        plane["kubeadmConfigSpec"]["joinConfiguration"]["controlPlane"] =
            json!({ "localAPIEndpoint": endpoint });
    }
    vec![
        object(provider.version, &provider.kind("ClusterTemplate"), "cluster", &provider.cluster),
        object(provider.version, &provider.kind("MachineTemplate"), "control-plane", &provider.control_plane),
        object(provider.version, &provider.kind("MachineTemplate"), WORKER, &provider.worker),
        object(CONTROL_PLANE, "KubeadmControlPlaneTemplate", "control-plane", &plane),
        object(BOOTSTRAP, "KubeadmConfigTemplate", WORKER, &joins),
        cluster_class(name, namespace, &provider),
    ]
}

fn cluster_class(name: &str, namespace: &str, provider: &Provider) -> Value {
    let reference = |version: &str, kind: &str, part: &str| json!({ "templateRef": { "apiVersion": version, "kind": kind, "name": format!("{name}-{part}") } });
    let machine = provider.kind("MachineTemplate");
    let mut control_plane = reference(CONTROL_PLANE, "KubeadmControlPlaneTemplate", "control-plane");
    control_plane["machineInfrastructure"] = reference(provider.version, &machine, "control-plane");
    let mut variables = provider.variables.clone();
    let mut patches = provider.patches.clone();
    if provider.enrols {
        variables.extend([
            variable(MESH_VARIABLE, false, json!({ "type": "string" })),
            variable(MESH_URL_VARIABLE, false, json!({ "type": "string" })),
        ]);
        patches.push(enrolment());
    }
    if provider.machines {
        let keys = json!({ "type": "array", "items": { "type": "string" } });
        variables.extend([
            variable(BASTION_VARIABLE, false, keys),
            variable(ACCOUNT_VARIABLE, false, json!({ "type": "string", "default": "admin" })),
        ]);
        patches.push(bastion_key());
    }
    let mut spec = json!({
        "infrastructure": reference(provider.version, &provider.kind("ClusterTemplate"), "cluster"),
        "controlPlane": control_plane,
        "workers": { "machineDeployments": [{
            "class": WORKER,
            "bootstrap": reference(BOOTSTRAP, "KubeadmConfigTemplate", WORKER),
            "infrastructure": reference(provider.version, &machine, WORKER),
        }] },
    });
    // An empty list is refused.
    for (field, list) in [("variables", variables), ("patches", patches)] {
        if !list.is_empty() {
            spec[field] = Value::Array(list);
        }
    }
    json!({
        "apiVersion": format!("{GROUP}/{VERSION}"),
        "kind": "ClusterClass",
        "metadata": { "name": name, "namespace": namespace },
        "spec": spec,
    })
}

/// A variable of a class.
fn variable(name: &str, required: bool, schema: Value) -> Value {
    json!({ "name": name, "required": required, "schema": { "openAPIV3Schema": schema } })
}

/// What a patch changes: the templates of these kinds.
#[derive(Clone, Copy)]
enum Of {
    Cluster,
    ControlPlane,
    Worker,
}

/// A set of JSON patches on the templates of a kind.
fn definition(version: &str, kind: &str, of: Of, patches: Vec<Value>) -> Value {
    let resources = match of {
        Of::Cluster => json!({ "infrastructureCluster": true }),
        Of::ControlPlane => json!({ "controlPlane": true }),
        Of::Worker => json!({ "machineDeploymentClass": { "names": [WORKER] } }),
    };
    json!({
        "selector": { "apiVersion": version, "kind": kind, "matchResources": resources },
        "jsonPatches": patches,
    })
}

/// A machine of the control plane enrols before kubeadm runs: the path to the API server stands before Cluster API
/// first looks for it. The key is good for one machine, and does not stay on it.
fn enrolment() -> Value {
    let add = |path: &str, template: &str| {
        json!({ "op": "add", "path": format!("/spec/template/spec/kubeadmConfigSpec/{path}"),
            "valueFrom": { "template": template } })
    };
    let file = format!(
        "- path: {KEY_FILE}\n  owner: root:root\n  permissions: \"0600\"\n  contentFrom:\n    secret:\n      \
         name: {{{{ .{MESH_VARIABLE} }}}}\n      key: key\n"
    );
    // Routes and names of the mesh are for those who come in; this machine lets them in and needs neither.
    let commands = format!(
        "- netbird up --management-url '{{{{ .{MESH_URL_VARIABLE} }}}}' --setup-key-file {KEY_FILE} --disable-dns \
         --disable-client-routes\n- rm -f {KEY_FILE}\n"
    );
    json!({
        "name": "mesh",
        "description": "machines of the control plane enrol in the mesh",
        "enabledIf": format!("{{{{ if .{MESH_VARIABLE} }}}}true{{{{ end }}}}"),
        "definitions": [definition(
            CONTROL_PLANE,
            "KubeadmControlPlaneTemplate",
            Of::ControlPlane,
            vec![add("files", &file), add("preKubeadmCommands", &commands)],
        )],
    })
}

/// The bastion signs in on every machine with its own key.
fn bastion_key() -> Value {
    let user = format!(
        "- name: {{{{ .{ACCOUNT_VARIABLE} }}}}\n  sudo: ALL=(ALL) NOPASSWD:ALL\n  shell: /bin/bash\n  lockPassword: \
         true\n  sshAuthorizedKeys: {{{{ .{BASTION_VARIABLE} | toJson }}}}\n"
    );
    let add = |path: &str| vec![json!({ "op": "add", "path": path, "valueFrom": { "template": user } })];
    json!({
        "name": "bastion",
        "description": "the bastion's key on every machine",
        "enabledIf": format!("{{{{ if .{BASTION_VARIABLE} }}}}true{{{{ end }}}}"),
        "definitions": [
            definition(
                CONTROL_PLANE,
                "KubeadmControlPlaneTemplate",
                Of::ControlPlane,
                add("/spec/template/spec/kubeadmConfigSpec/users"),
            ),
            definition(BOOTSTRAP, "KubeadmConfigTemplate", Of::Worker, add("/spec/template/spec/users")),
        ],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The classes whose machines are real.
    const PROVIDERS: [Class; 3] = [Class::Scaleway, Class::Outscale, Class::Openstack];

    fn of_kind(class: Class, end: &str) -> Value {
        let found =
            objects(class, "shop").into_iter().find(|object| object["kind"].as_str().unwrap().ends_with(end));
        found.unwrap()
    }

    #[test]
    fn no_class_of_a_provider_puts_an_api_server_on_a_public_address() {
        let cluster = |class| of_kind(class, "ClusterTemplate")["spec"]["template"]["spec"].clone();
        let scaleway = &cluster(Class::Scaleway)["network"];
        assert_eq!(scaleway["controlPlaneLoadBalancer"]["private"], true);
        assert_eq!(scaleway["privateNetwork"]["enabled"], true);
        let machine = of_kind(Class::Scaleway, "MachineTemplate");
        assert_eq!(machine["spec"]["template"]["spec"]["publicNetwork"]["enableIPv4"], false);
        assert_eq!(cluster(Class::Outscale)["network"]["loadBalancer"]["loadbalancertype"], "internal");
        let openstack = cluster(Class::Openstack);
        assert_eq!(openstack["apiServerLoadBalancer"]["enabled"], true);
        assert_eq!(openstack["disableAPIServerFloatingIP"], true);
    }

    #[test]
    fn every_class_of_a_provider_takes_the_operators_variables_and_no_patch_names_an_unknown_one() {
        for class in [PROVIDERS.as_slice(), &[Class::Docker, Class::InMemory]].concat() {
            let object = of_kind(class, "ClusterClass");
            let variables = crate::plan::cluster::class_variables(&object);
            if PROVIDERS.contains(&class) {
                for ours in [MESH_VARIABLE, MESH_URL_VARIABLE, BASTION_VARIABLE, ACCOUNT_VARIABLE] {
                    assert!(variables.contains(ours), "{class:?}: {ours}");
                }
            }
            let patches = object["spec"]["patches"].to_string();
            for part in patches.split("{{").skip(1) {
                let inside = part.split("}}").next().unwrap();
                for word in inside.split([' ', '(', ')']).filter_map(|word| word.strip_prefix('.')) {
                    let name = word.split('.').next().unwrap();
                    assert!(name == "builtin" || variables.contains(name), "{class:?}: {name} in {inside}");
                }
            }
        }
    }
}

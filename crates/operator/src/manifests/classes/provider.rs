//! What differs from one provider to the next: kinds, templates, variables.

use serde_json::{Value, json};

use super::{Of, definition, variable};

/// What stands in a template where a variable must be set: nothing real has this id.
const NO_ID: &str = "00000000-0000-0000-0000-000000000000";

/// In the name of an image: the version of Kubernetes stands here, so that another version means another image.
const IMAGE_NOTE: &str = "the machine image; VERSION in it becomes the version of Kubernetes, with its v";

/// A provider of infrastructure.
pub struct Provider {
    /// Group and version of its kinds.
    pub version: &'static str,
    /// How its kinds begin.
    prefix: &'static str,
    /// The template of a cluster.
    pub cluster: Value,
    /// The template of a machine of the control plane.
    pub control_plane: Value,
    /// The template of a worker.
    pub worker: Value,
    /// How a node registers with its cluster.
    pub node: Value,
    /// The address that an API server tells others to use, where that is not the machine's first.
    pub advertised: Option<&'static str>,
    /// Its variables.
    pub variables: Vec<Value>,
    /// Its patches.
    pub patches: Vec<Value>,
    /// Whether machines of the control plane enrol in the mesh.
    pub enrols: bool,
    /// Whether there are machines that people can sign in to.
    pub machines: bool,
}

impl Provider {
    /// A kind of the provider.
    pub fn kind(&self, end: &str) -> String {
        format!("{}{end}", self.prefix)
    }
}

fn text(name: &str, description: &str) -> Value {
    variable(name, true, json!({ "type": "string", "minLength": 1, "description": description }))
}

fn text_or(name: &str, otherwise: &str, description: &str) -> Value {
    variable(name, false, json!({ "type": "string", "default": otherwise, "description": description }))
}

/// A patch that puts variables and templates at places of a template.
fn put(name: &str, version: &str, kind: &str, of: Of, places: &[(&str, &str)]) -> Value {
    let patches = places.iter().map(|(path, from)| {
        let value =
            if from.contains("{{") { json!({ "template": from }) } else { json!({ "variable": from }) };
        // `add` replaces what is there and makes what is not.
        json!({ "op": "add", "path": format!("/spec/template/spec/{path}"), "valueFrom": value })
    });
    json!({ "name": name, "definitions": [definition(version, kind, of, patches.collect())] })
}

/// The same, only where a variable is set.
fn put_if(variable: &str, mut patch: Value) -> Value {
    patch["enabledIf"] = format!("{{{{ if .{variable} }}}}true{{{{ end }}}}").into();
    patch
}

fn image(of: &str) -> String {
    format!("{{{{ .image | replace \"VERSION\" .builtin.{of}.version }}}}")
}

/// Names of nodes and providers come from the metadata service, once the machine runs.
fn registration(name: &str, provider_id: &str, more: &[(&str, &str)]) -> Value {
    let arguments = [("cloud-provider", "external"), ("provider-id", provider_id)];
    let list = arguments.iter().chain(more).map(|(name, value)| json!({ "name": name, "value": value }));
    json!({ "name": name, "kubeletExtraArgs": list.collect::<Vec<_>>() })
}

/// Scaleway: a load balancer without a public address in a Private Network; machines go out through a Public Gateway.
pub fn scaleway() -> Provider {
    let version = "infrastructure.cluster.x-k8s.io/v1alpha2";
    let machine = |kind: &str| {
        json!({
            "commercialType": kind, "image": { "name": "set-by-the-class" }, "rootVolume": { "size": 40, "type": "block" },
            "publicNetwork": { "enableIPv4": false, "enableIPv6": false },
        })
    };
    let (control, worker) = (image("controlPlane"), image("machineDeployment"));
    Provider {
        version,
        prefix: "Scaleway",
        cluster: json!({
            "projectID": NO_ID, "region": "fr-par", "scalewaySecretName": "scaleway",
            "network": {
                "privateNetwork": { "enabled": true },
                "controlPlaneLoadBalancer": { "private": true },
                "publicGateways": [{ "type": "VPC-GW-S" }],
            },
        }),
        control_plane: machine("PRO2-XS"),
        worker: machine("PRO2-XS"),
        node: registration(
            "{{ ds.meta_data.hostname }}",
            "scaleway://instance/{{ ds.meta_data.zone }}/{{ ds.meta_data.id }}",
            // The provider puts the machine's private address here.
            &[("node-ip", "[[[ .NodeIP ]]]")],
        ),
        advertised: Some("[[[ .NodeIP ]]]"),
        variables: vec![
            text("project", "the id of the project"),
            text_or("region", "fr-par", "the region"),
            text_or(
                "credentials",
                "scaleway",
                "the Secret with SCW_ACCESS_KEY and SCW_SECRET_KEY, in this namespace",
            ),
            text("image", IMAGE_NOTE),
            text_or("controlPlaneMachine", "PRO2-XS", "the commercial type of machines of the control plane"),
            text_or("workerMachine", "PRO2-XS", "the commercial type of workers"),
            variable(
                "machineNetwork",
                false,
                json!({
                    "type": "string", "description": "the addresses of the new Private Network, such as 10.12.0.0/22",
                }),
            ),
        ],
        patches: vec![
            put(
                "place",
                version,
                "ScalewayClusterTemplate",
                Of::Cluster,
                &[("projectID", "project"), ("region", "region"), ("scalewaySecretName", "credentials")],
            ),
            put_if(
                "machineNetwork",
                put(
                    "network",
                    version,
                    "ScalewayClusterTemplate",
                    Of::Cluster,
                    &[("network/privateNetwork/subnet", "machineNetwork")],
                ),
            ),
            put(
                "control-plane-machine",
                version,
                "ScalewayMachineTemplate",
                Of::ControlPlane,
                &[("commercialType", "controlPlaneMachine"), ("image/name", &control)],
            ),
            put(
                "worker-machine",
                version,
                "ScalewayMachineTemplate",
                Of::Worker,
                &[("commercialType", "workerMachine"), ("image/name", &worker)],
            ),
        ],
        enrols: true,
        machines: true,
    }
}

/// Outscale: an internal load balancer in a Net; machines go out through a NAT service.
pub fn outscale() -> Provider {
    let version = "infrastructure.cluster.x-k8s.io/v1beta1";
    let machine = |role: &str| {
        let mut vm = json!({
            "keypairName": "set-by-the-class", "vmType": "tinav6.c4r8p1",
            "rootDisk": { "rootDiskSize": 40, "rootDiskType": "gp2" },
        });
        if !role.is_empty() {
            vm["role"] = role.into();
        }
        json!({ "node": { "image": { "name": "set-by-the-class" }, "vm": vm } })
    };
    let (control, worker) = (image("controlPlane"), image("machineDeployment"));
    let own = ("node/image/outscaleOpenSource", "publicImages");
    Provider {
        version,
        prefix: "Osc",
        cluster: json!({
            "credentials": { "fromSecret": "outscale" },
            "network": {
                "subregionName": "eu-west-2a",
                // Can't be changed later: the provider's own default faces the internet.
                "loadBalancer": { "loadbalancername": "set-by-the-class", "loadbalancertype": "internal" },
                "bastion": { "enable": false },
            },
        }),
        control_plane: machine("controlplane"),
        worker: machine(""),
        node: registration(
            "{{ ds.meta_data.local_hostname }}",
            "aws:///'{{ ds.meta_data.placement.availability_zone }}'/'{{ ds.meta_data.instance_id }}'",
            &[],
        ),
        advertised: None,
        variables: vec![
            text_or("subregion", "eu-west-2a", "the subregion"),
            text_or(
                "credentials",
                "outscale",
                "the Secret with access_key, secret_key and region, in this namespace",
            ),
            text("keypair", "the keypair of machines, which the provider asks for"),
            text("image", IMAGE_NOTE),
            variable(
                "publicImages",
                false,
                json!({
                    "type": "boolean", "default": true, "description": "whether the image is one that Outscale publishes",
                }),
            ),
            text_or("controlPlaneMachine", "tinav6.c4r8p1", "the type of machines of the control plane"),
            text_or("workerMachine", "tinav6.c4r8p1", "the type of workers"),
            text_or("machineNetwork", "10.0.0.0/16", "the addresses of the Net"),
        ],
        patches: vec![
            put(
                "place",
                version,
                "OscClusterTemplate",
                Of::Cluster,
                &[
                    ("network/subregionName", "subregion"),
                    ("credentials/fromSecret", "credentials"),
                    ("network/net", "ipRange: {{ .machineNetwork }}\n"),
                    // A load balancer's name is unique in an account and has at most 32 characters.
                    (
                        "network/loadBalancer/loadbalancername",
                        "im-{{ .builtin.cluster.uid | replace \"-\" \"\" | trunc 24 }}",
                    ),
                ],
            ),
            put(
                "control-plane-machine",
                version,
                "OscMachineTemplate",
                Of::ControlPlane,
                &[
                    ("node/vm/vmType", "controlPlaneMachine"),
                    ("node/vm/keypairName", "keypair"),
                    ("node/image/name", &control),
                    own,
                ],
            ),
            put(
                "worker-machine",
                version,
                "OscMachineTemplate",
                Of::Worker,
                &[
                    ("node/vm/vmType", "workerMachine"),
                    ("node/vm/keypairName", "keypair"),
                    ("node/image/name", &worker),
                    own,
                ],
            ),
        ],
        enrols: true,
        machines: true,
    }
}

/// The machines' subnet: a list is replaced as a whole.
const SUBNETS: &str = "- cidr: {{ .machineNetwork }}\n{{ if .resolvers }}  dnsNameservers: {{ .resolvers | toJson }}\n{{ end }}";

/// OpenStack: Octavia's load balancer without a floating address; machines go out through the router.
pub fn openstack() -> Provider {
    let version = "infrastructure.cluster.x-k8s.io/v1beta1";
    let machine = || json!({ "flavor": "b3-8", "image": { "filter": { "name": "set-by-the-class" } } });
    let (control, worker) = (image("controlPlane"), image("machineDeployment"));
    Provider {
        version,
        prefix: "OpenStack",
        cluster: json!({
            "identityRef": { "type": "Secret", "name": "openstack", "cloudName": "openstack" },
            "apiServerLoadBalancer": { "enabled": true },
            "disableAPIServerFloatingIP": true,
            "externalNetwork": { "filter": { "name": "Ext-Net" } },
            "managedSubnets": [{ "cidr": "10.6.0.0/24" }],
            "managedSecurityGroups": { "allowAllInClusterTraffic": true },
        }),
        control_plane: machine(),
        worker: machine(),
        node: registration("{{ local_hostname }}", "openstack:///'{{ instance_id }}'", &[]),
        advertised: None,
        variables: vec![
            text_or("credentials", "openstack", "the Secret with clouds.yaml, in this namespace"),
            text_or("cloud", "openstack", "the cloud in clouds.yaml"),
            text_or("externalNetwork", "Ext-Net", "the network through which machines go out"),
            text("image", IMAGE_NOTE),
            text_or("controlPlaneMachine", "b3-8", "the flavour of machines of the control plane"),
            text_or("workerMachine", "b3-8", "the flavour of workers"),
            text_or("machineNetwork", "10.6.0.0/24", "the addresses of machines"),
            variable(
                "resolvers",
                false,
                json!({
                    "type": "array", "items": { "type": "string" }, "description": "name servers of machines",
                }),
            ),
        ],
        patches: vec![
            put(
                "place",
                version,
                "OpenStackClusterTemplate",
                Of::Cluster,
                &[
                    ("identityRef/name", "credentials"),
                    ("identityRef/cloudName", "cloud"),
                    ("externalNetwork/filter/name", "externalNetwork"),
                    ("managedSubnets", SUBNETS),
                ],
            ),
            put(
                "control-plane-machine",
                version,
                "OpenStackMachineTemplate",
                Of::ControlPlane,
                &[("flavor", "controlPlaneMachine"), ("image/filter/name", &control)],
            ),
            put(
                "worker-machine",
                version,
                "OpenStackMachineTemplate",
                Of::Worker,
                &[("flavor", "workerMachine"), ("image/filter/name", &worker)],
            ),
        ],
        enrols: true,
        machines: true,
    }
}

/// Cluster API's own providers for trials: nothing of them is reached from outside.
fn trial(backend: &str, machine: &Value) -> Provider {
    let backend = |of: Value| json!({ "backend": { backend: of } });
    Provider {
        version: "infrastructure.cluster.x-k8s.io/v1beta2",
        prefix: "Dev",
        cluster: backend(json!({})),
        control_plane: backend(machine.clone()),
        worker: backend(machine.clone()),
        node: json!({
            "criSocket": "unix:///var/run/containerd/containerd.sock",
            // The disk is the whole machine's.
            "kubeletExtraArgs": [{ "name": "eviction-hard", "value": "nodefs.available<0%,imagefs.available<0%" }],
        }),
        advertised: None,
        variables: Vec::new(),
        patches: Vec::new(),
        enrols: false,
        machines: false,
    }
}

/// Containers. There is no mesh in their images: the management cluster reaches them on the same machine.
pub fn docker() -> Provider {
    trial("docker", &json!({}))
}

/// Nothing but API servers, played in memory.
pub fn in_memory() -> Provider {
    let soon = json!({ "provisioning": { "startupDuration": "2s", "startupJitter": "0.2" } });
    trial("inMemory", &json!({ "vm": soon, "node": soon, "apiServer": soon, "etcd": soon }))
}
